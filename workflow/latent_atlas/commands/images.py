"""Images through a trained model: `samples` and `reconstruct`."""

import argparse
import os
from pathlib import Path

from latent_atlas.commands.common import command, configured, project_of


def add(commands) -> None:
    one = command(
        commands,
        "samples",
        draw_samples,
        "decode random latents of a trained experiment into one picture",
        "samples ad\nsamples gan-mnist-coded --count 100 --seed 7 --output new.png",
        configured(),
    )
    one.add_argument("experiment", help="whose first seed is used")
    one.add_argument("--count", type=int, default=64, help="default: %(default)s")
    one.add_argument("--seed", type=int, default=0, help="of the draw; default: %(default)s")
    one.add_argument("--output", type=Path, help="default: samples-EXPERIMENT.png")
    _add_overwrite_and_device(one)
    one = command(
        commands,
        "reconstruct",
        reconstruct_file,
        "run the images of a MATLAB file through a trained autoencoder",
        "reconstruct MNIST.mat\nreconstruct MNIST.mat --experiment cnn --output other.mat",
        configured(),
    )
    one.add_argument("input", type=Path, help="28×28 images under input_images")
    one.add_argument(
        "--experiment",
        default="fnn",
        help="whose first seed is used; default: %(default)s, study D",
    )
    one.add_argument("--output", type=Path, help="default: recon_INPUT beside INPUT")
    one.add_argument(
        "--axes",
        choices=["NP", "PN", "NHW", "HWN"],
        help="order of the images' axes where it cannot be told: N images, P pixels, H rows, W "
        "columns",
    )
    _add_overwrite_and_device(one)


def _add_overwrite_and_device(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--overwrite", action="store_true")
    parser.add_argument("--device", choices=["auto", "cpu", "cuda"], default="auto")


def draw_samples(arguments: argparse.Namespace) -> None:
    from latent_atlas.exchange.samples import save_samples

    name = arguments.experiment
    save_samples(
        project_of(arguments),
        name,
        arguments.count,
        arguments.seed,
        arguments.output or Path(f"samples-{name}.png"),
        arguments.overwrite,
        _device(arguments),
    )


def reconstruct_file(arguments: argparse.Namespace) -> None:
    from latent_atlas.exchange.reconstruct import reconstruct

    source = arguments.input
    reconstruct(
        project_of(arguments),
        arguments.experiment,
        source,
        arguments.output or source.with_name(f"recon_{source.name}"),
        arguments.axes,
        arguments.overwrite,
        _device(arguments),
    )


def _device(arguments: argparse.Namespace) -> str:
    from latent_atlas.job import torch_device

    return torch_device(arguments.device, os.cpu_count() or 1)
