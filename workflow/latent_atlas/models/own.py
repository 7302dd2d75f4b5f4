"""Networks of the user's own, from a file of theirs."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from latent_atlas.config import networks as config
from latent_atlas.config.own import load_file
from latent_atlas.errors import InputError
from latent_atlas.models.base import LatentModel
from latent_atlas.models.per_seed import PerSeed, Streams
from latent_atlas.models.posterior import soft_clamp


class Own(LatentModel):
    """One of the user's networks a seed. In training its layers behave as in training, dropout from
    the seed's own stream; elsewhere as in evaluation. What decodes to numbers outside [0, 1] is cut
    off there; a log variance is clamped softly to ±10."""

    def __init__(
        self,
        config: config.OwnNetwork,
        shape: Sequence[int],
        generators: Sequence[torch.Generator],
    ):
        super().__init__()
        self.latent, self.shape, self.config = config.latent, tuple(shape), config
        self.posterior_kind = "gaussian" if config.family == "own-vae" else None
        made = _class_of(config)

        def build() -> nn.Module:
            return made(latent=config.latent, shape=list(shape), **config.settings)

        try:
            self.of_seeds = PerSeed(build, "torch", generators)
        except Exception as error:
            raise self._refused(f"cannot be made ({type(error).__name__}: {error})") from error
        self._try_out()

    def posterior(self, inputs: Tensor, dropout: Streams = None) -> tuple[Tensor, Tensor | None]:
        images = inputs.unflatten(-1, self.shape)
        codes = [
            _run(network, network.encode, x, stream)
            for network, x, stream in self._seeds(images, dropout)
        ]
        if self.posterior_kind is None:
            return torch.stack(codes), None
        means, logvars = zip(*codes, strict=True)
        return torch.stack(means), soft_clamp(torch.stack(logvars))

    def decode(self, z: Tensor, dropout: Streams = None) -> Tensor:
        images = [
            _run(network, network.decode, code, stream)
            for network, code, stream in self._seeds(z, dropout)
        ]
        return torch.stack(images).flatten(2).clamp(0, 1)

    def _seeds(self, parts: Tensor, dropout: Streams):
        networks = self.of_seeds.networks
        return zip(networks, parts, dropout or [None] * len(networks), strict=True)

    @torch.no_grad()
    def _try_out(self) -> None:
        """InputError where encode and decode do not give what they should."""
        network, images = self.of_seeds.networks[0], torch.zeros(2, *self.shape)
        try:
            codes = _run(network, network.encode, images, None)
            if self.posterior_kind and (isinstance(codes, Tensor) or len(codes) != 2):
                raise self._refused("encode must give mean and log variance")
            codes = list(codes) if self.posterior_kind else [codes]
            decoded = _run(network, network.decode, codes[0], None)
        except InputError:
            raise
        except Exception as error:
            raise self._refused(f"fails on two images ({type(error).__name__}: {error})") from error
        for said, found, wanted in (
            *(("encode", code, (2, self.latent)) for code in codes),
            ("decode", decoded.flatten(1), (2, images[0].numel())),
        ):
            if tuple(found.shape) != wanted:
                raise self._refused(f"{said} gives {list(found.shape)} for {list(wanted)}")

    def _refused(self, what: str) -> InputError:
        return InputError(f"{self.config.file}: {self.config.network} {what}; mend it")


def _run(network: nn.Module, method, x: Tensor, stream: torch.Generator | None):
    """A method of the network, in training where there is a stream for its random numbers."""
    network.train(stream is not None)
    if stream is None:
        return method(x)
    devices = [x.device] if x.is_cuda else []
    with torch.random.fork_rng(devices):
        torch.manual_seed(int(torch.randint(2**62, (), generator=stream)))
        return method(x)


def _class_of(config: config.OwnNetwork) -> type[nn.Module]:
    module = load_file(Path(config.file), "model.file")
    found = getattr(module, config.network, None)
    if not (isinstance(found, type) and issubclass(found, nn.Module)):
        raise InputError(
            f"{config.file}: has no torch.nn.Module named {config.network!r} (key model.network)"
        )
    return found
