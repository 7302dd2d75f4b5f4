"""What a GPU does while it trains, and how long the experiments of published scale take on one."""

import time

import pandas as pd
import torch
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile
from tqdm import tqdm

from benchmarks.cases import Case, published, seed_images
from latent_atlas.config.experiments import Experiment
from latent_atlas.config.needs import Needs
from latent_atlas.config.project import Project
from latent_atlas.training.loop import SeedImages, train

WARM_STEPS = 20


def occupied(case: Case, seeds: int) -> dict[str, float]:
    """Images that all seeds together train on in a second, the share of that time in which a kernel
    runs, and the most memory held."""
    experiment, images = case.settings(), seed_images(case.images, "cuda")
    listed = list(range(seeds))
    train(experiment, listed, images, "cuda", max_steps=WARM_STEPS)
    torch.cuda.reset_peak_memory_stats()
    seconds = train(experiment, listed, images, "cuda").seconds
    peak = torch.cuda.max_memory_allocated()
    with profile(activities=[ProfilerActivity.CUDA]) as seen:
        profiled = train(experiment, listed, images, "cuda").seconds
    on_gpu = [event for event in seen.events() if event.device_type == DeviceType.CUDA]
    return {
        "seeds": seeds,
        "images/s": seeds * case.epochs * case.images / seconds,
        "kernel share": sum(event.device_time for event in on_gpu) / 1e6 / profiled,
        "peak memory, MiB": peak / 2**20,
    }


def published_seconds() -> pd.DataFrame:
    """Of training one seed of every experiment of published scale on made-up images of its data
    set's size, and of all of them."""
    project = published()
    named = {run: e for run, e in project.experiments.items() if not e.pretrained}
    rows = []
    for run, experiment in tqdm(named.items(), desc="published scale"):
        begin = time.perf_counter()
        train(experiment, [0], training_images(project, experiment), "cuda")
        rows.append({"experiment": run, "seconds": time.perf_counter() - begin})
    table = pd.DataFrame(rows)
    return pd.concat([table, pd.DataFrame([{"experiment": "all", "seconds": table.seconds.sum()}])])


def training_images(project: Project, experiment: Experiment) -> SeedImages:
    """Of random pixels, as many as the experiment trains on, noisy copies included."""
    dataset = project.datasets[experiment.dataset]
    count = Needs(project).images(experiment, "train")
    pixels = torch.randint(256, (1, count, *dataset.shape), dtype=torch.uint8, device="cuda")
    return SeedImages(pixels.flatten(2), tuple(dataset.shape))
