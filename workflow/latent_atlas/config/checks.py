"""What one part of a study's file says of another must be possible."""

from collections.abc import Collection, Mapping
from pathlib import Path

from latent_atlas.config.base import nearest
from latent_atlas.config.classifiers import Classifier
from latent_atlas.config.datasets import DatasetConfig
from latent_atlas.config.experiments import Experiment
from latent_atlas.config.loading import validated
from latent_atlas.config.networks import CONV_SHAPE, ImageNetwork
from latent_atlas.config.runs import Run
from latent_atlas.config.searches import Search, highest, lowest, with_values
from latent_atlas.config.studies import Figure
from latent_atlas.config.sweeps import Sweep
from latent_atlas.errors import InputError

SIDES = {"one-stride": 2, "two-stride": 4, "five-stride": 16, "four-stride": 16}
GRID_KEYS = {"sweep": 1, "grid": 2}


def check_known(key: str, found: str, allowed: Collection[str], where: str) -> None:
    if found not in allowed:
        raise InputError(f"{where}: key {key}: unknown {found!r}; {nearest(found, allowed)}")


def check_figure(figure: Figure, declared: Mapping[str, Run], where: str) -> None:
    """InputError where it cannot be drawn of the runs that it names."""
    runs = [declared[name] for name in getattr(figure, "experiments", [])]
    key = f"{where}: key figures.{figure.id}"
    if getattr(figure, "method", "") == "codes":
        for run in runs:
            if run.model.latent != 2:
                raise InputError(
                    f"{key}.method: codes are drawn where latent is 2, {run.id} has "
                    f"{run.model.latent}: choose tsne or pca"
                )
    if figure.kind in GRID_KEYS:
        keys = {tuple(run.grid or ()) for run in runs}
        if len(keys) > 1 or len(min(keys)) != GRID_KEYS[figure.kind]:
            raise InputError(
                f"{key}.experiments: a {figure.kind} figure takes sweeps over a grid of the "
                f"same {GRID_KEYS[figure.kind]} keys, found {sorted(keys)}"
            )
    datasets = sorted({run.dataset for run in runs}) if figure.kind == "compare" else []
    if len(datasets) > 1:
        raise InputError(
            f"{key}.experiments: {' and '.join(datasets)} have no test images in common: name "
            "experiments of one data set"
        )


def check_search(search: Search, declared: Mapping[str, Run], names: list[str], where: str) -> None:
    """Its base can be validated and is not tuned by it; both ends of its space are allowed."""
    section = f"{where}: key searches.{search.id}"
    check_known(f"searches.{search.id}.base", search.base, names, where)
    base = declared[search.base]
    if not base.validation or getattr(base, "train_on_all", False):
        raise InputError(
            f"{section}.base: {search.base} holds no images out to validate on; name one with "
            "validation and without train_on_all"
        )
    if base.tuned == search.id:
        raise InputError(f"{section}.base: {search.base} is tuned by this very search")
    for part in ("space", "published"):
        for key in getattr(search, part):
            try:
                with_values(base.model_dump(), {key: None})
            except (KeyError, TypeError):
                raise InputError(f"{section}.{part}: {search.base} has no key {key!r}") from None
    for point in (lowest(search.space), highest(search.space)):
        changed = with_values(base.model_dump(), point)
        validated(type(base), changed, f"{where}: searches.{search.id}.space")


def check_sweep(sweep: Sweep, declared: Mapping[str, Run], names: list[str], where: str) -> None:
    """Its base can be validated, and every combination of its values is allowed."""
    check_known(f"sweeps.{sweep.id}.base", sweep.base, names, where)
    base = declared[sweep.base]
    if not isinstance(base, Experiment) or not base.validation or base.tuned:
        raise InputError(
            f"{where}: key sweeps.{sweep.id}.base: {sweep.base} is not an experiment that "
            "holds images out and that no search tunes; name one with validation"
        )
    given, dumped = "grid" if sweep.grid else "points", base.model_dump()
    for key in sweep.keys:
        try:
            with_values(dumped, {key: None})
        except (KeyError, TypeError):
            raise InputError(
                f"{where}: key sweeps.{sweep.id}.{given}: {sweep.base} has no key {key!r}"
            ) from None
    for values in sweep.named_points().values():
        changed = with_values(dumped, values)
        validated(Experiment, changed, f"{where}: sweeps.{sweep.id}.{given}")


def check_own_files(run: Experiment | Classifier, root: Path, section: str, where: str) -> None:
    """A network of the user's and weights trained elsewhere are there."""
    named = {"file": getattr(run.model, "file", None)}
    named |= {f"weights.{n}": file for n, file in enumerate(getattr(run, "pretrained", []))}
    for key, file in named.items():
        if file is not None and not (root / file).is_file():
            raise InputError(
                f"{where}: key {section}.{run.id}.model.{key}: found {file!r}; no such file"
            )


def check_images(
    run: Experiment | Classifier, dataset: DatasetConfig, section: str, where: str
) -> None:
    """The data set has enough of them, and of a shape that the model takes."""
    for split in ("train", "test") if run.subset else ():
        available = dataset.sizes[split]
        wanted = getattr(run.subset, split)
        if wanted > available:
            raise InputError(
                f"{where}: key {section}.{run.id}.subset.{split}: found {wanted}; "
                f"{run.dataset} has {available} images there: lower it"
            )
    family = getattr(run.model, "family", "")
    if family.startswith("conv-") and dataset.shape != CONV_SHAPE:
        raise InputError(
            f"{where}: key {section}.{run.id}.dataset: {family} takes images of shape "
            f"{CONV_SHAPE}, {run.dataset} has {dataset.shape}"
        )
    if family == "pool-vae":
        shape = dataset.shape
        if min(length for side in shape[1:] for _, length in run.model.sides(side)) < 1:
            raise InputError(
                f"{where}: key {section}.{run.id}.model.convolutions: {run.dataset} has images "
                f"of {shape}, too small for {len(run.model.convolutions)}: name fewer"
            )
    if isinstance(run, Experiment) and isinstance(run.model, ImageNetwork):
        shape, multiple = dataset.shape, SIDES[run.model.layout]
        if any(side % multiple for side in shape[1:]):
            raise InputError(
                f"{where}: key {section}.{run.id}.model.layout: {run.model.layout} takes "
                f"images whose sides are multiples of {multiple}, {run.dataset} has {shape}"
            )
