"""What functions of the user's measure."""

import inspect
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from latent_atlas.config.battery import MOST_IMAGES
from latent_atlas.config.metrics import OWN
from latent_atlas.config.own import load_file
from latent_atlas.errors import InputError
from latent_atlas.evaluation.subject import Subject


class OwnMeasures(Subject):
    """Fills the table from functions of `files`, named and with their units in `known`; they take
    any of images and reconstructions [N,C,H,W] in [0, 1], codes [N,d], labels [N] and random, a
    generator, of the first 2,000 test images of one seed."""

    def measure_own(self, files: list[str], known: Mapping[str, tuple[str, str]]) -> None:
        for path in files:
            module = load_file(Path(path), "own_metrics")
            for name, (unit, _) in known.items():
                if function := getattr(module, name.removeprefix(OWN), None):
                    values = [self._measured(path, function, s) for s in range(len(self.seeds))]
                    self.add(name, "test", values, unit=unit)

    def _measured(self, path: str, function, s: int) -> float:
        codes = self.codes["test"][0][s : s + 1, :MOST_IMAGES]
        count = codes.shape[1]
        decoded = self.decode(self.codes["test"][0][:, :count])[s]
        offered = {
            "images": self.real("test", s)[:count].reshape(count, *self.shape),
            "reconstructions": decoded.reshape(count, *self.shape),
            "codes": codes[0].cpu().numpy(),
            "labels": self.labels["test"][s, :count],
            "random": np.random.default_rng(self.seeds[s]),
        }
        wanted = inspect.signature(function).parameters
        if unknown := [name for name in wanted if name not in offered]:
            raise InputError(
                f"{path}: {function.__name__} asks for {unknown[0]!r}; "
                f"offered: {', '.join(offered)}"
            )
        try:
            return float(function(**{name: offered[name] for name in wanted}))
        except Exception as error:
            raise InputError(
                f"{path}: {function.__name__} fails ({type(error).__name__}: {error}); mend it"
            ) from error
