"""Networks that do not stack into one: each seed's runs by itself, the file holds them stacked.

Convolutions of several seeds as one call drift from those of a lone seed in float32 and are no
faster on a CPU.
"""

import threading
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from latent_atlas.config.networks import Initialisation

Streams = Sequence[torch.Generator] | None
_GLOBAL_STATE = threading.Lock()


class PerSeed(nn.Module):
    """One network a seed; the state dict shows their parameters with a leading seed axis."""

    def __init__(
        self,
        build: Callable[[], nn.Module],
        how: Initialisation,
        streams: Sequence[torch.Generator],
    ):
        super().__init__()
        networks = [initialised(build, how, stream) for stream in streams]
        self.networks = nn.ModuleList(networks).to(memory_format=torch.channels_last)
        self.register_state_dict_post_hook(_stack)
        self.register_load_state_dict_pre_hook(_unstack)

    def forward(self, x: Tensor, dropout: Streams = None) -> Tensor:
        """[S,B,…] → [S,B,…]; units are dropped where `dropout` gives each seed's stream."""
        streams = dropout or [None] * len(self.networks)
        parts = zip(self.networks, x, streams, strict=True)
        return torch.stack([network(part, stream) for network, part, stream in parts])


def initialised(
    build: Callable[[], nn.Module], how: Initialisation, stream: torch.Generator
) -> nn.Module:
    """A new network with parameters from `stream` alone, whatever torch's global state.

    torch: as its layers come; kaiming: their weights N(0, 2/fan_in) (He et al. 2015) by torch's
    count of fan_in, their biases as they come; glorot: weights U(±√(6/(fan_in + fan_out))) (Glorot
    and Bengio 2010), biases 0.
    """
    with _GLOBAL_STATE, torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(torch.randint(2**62, (), generator=stream)))
        network = build()
    for layer in network.modules():
        if not isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            continue
        if how == "kaiming":
            nn.init.kaiming_normal_(layer.weight, generator=stream)
        elif how == "glorot":
            nn.init.xavier_uniform_(layer.weight, generator=stream)
            nn.init.zeros_(layer.bias)
    return network


def drop(x: Tensor, rate: float, stream: torch.Generator | None) -> Tensor:
    """Each unit zeroed with probability `rate`, the rest over 1 − rate; all kept without a
    stream."""
    if stream is None or rate == 0:
        return x
    kept = torch.rand(x.shape, generator=stream).to(x) >= rate
    return x * kept.to(x).div_(max(1 - rate, torch.finfo(x.dtype).tiny))


def _stack(module: PerSeed, state: dict, prefix: str, _metadata) -> None:
    inner = f"{prefix}networks."
    names = [key.removeprefix(f"{inner}0.") for key in state if key.startswith(f"{inner}0.")]
    for name in names:
        parts = [state.pop(f"{inner}{s}.{name}") for s in range(len(module.networks))]
        state[prefix + name] = torch.stack(parts).contiguous()


def _unstack(module: PerSeed, state: dict, prefix: str, *_) -> None:
    for name in module.networks[0].state_dict():
        stacked = state.pop(prefix + name)
        for s, part in enumerate(stacked):
            state[f"{prefix}networks.{s}.{name}"] = part
