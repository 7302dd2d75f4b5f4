"""What every likelihood model offers."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from latent_atlas.config.experiments import Posterior
from latent_atlas.models.per_seed import Streams
from latent_atlas.models.posterior import kl_nats, sample


class LatentModel(nn.Module):
    """S decoders, and how codes come about.

    Families with dropout drop units where `dropout` gives each seed's stream; others ignore it.
    `table_width` numbers are learned for each image (0: an encoder computes the code from the
    image); `posterior_kind` is None where a code is a point.
    """

    table_width: int = 0
    posterior_kind: Posterior | None = None
    latent: int

    @property
    def seeds(self) -> int:
        """S, how many are stacked."""
        return len(next(iter(self.state_dict().values())))

    def initial_table(self, n: int, generators: Sequence[torch.Generator]) -> Tensor:
        """Learned numbers [S,n,table_width] of `n` new images."""
        return torch.stack([torch.randn(n, self.table_width, generator=g) for g in generators])

    def posterior(self, inputs: Tensor, dropout: Streams = None) -> tuple[Tensor, Tensor | None]:
        """Mean and log variance [S,B,latent] from table rows [S,B,table_width] or, for an
        encoder, images [S,B,pixels]; no log variance where a code is a point."""
        raise NotImplementedError

    def decode(self, z: Tensor, dropout: Streams = None) -> Tensor:
        """Codes [S,B,latent] → grey levels in (0, 1), [S,B,pixels]."""
        raise NotImplementedError


def per_sample_terms(
    model: LatentModel,
    inputs: Tensor,
    images: Tensor,
    noise: Tensor | None,
    kl_kind: str,
    dropout: Streams = None,
) -> dict[str, Tensor]:
    """Squared error summed over pixels (`sse`) and KL summed over dimensions (`kl`), each [S,B].

    `inputs` as in `LatentModel.posterior`, `images` [S,B,pixels] in [0, 1], `noise` [S,B,latent]
    or None for the mean code; `kl_kind` "exact" or "gaussian".
    """
    mean, logvar = model.posterior(inputs, dropout)
    z = mean
    if logvar is not None and noise is not None:
        z = sample(model.posterior_kind, mean, logvar, noise)
    sse = (model.decode(z, dropout) - images).square().sum(-1)
    if logvar is None:
        return {"sse": sse, "kl": torch.zeros_like(sse)}
    formula = "gaussian" if kl_kind == "gaussian" else model.posterior_kind
    return {"sse": sse, "kl": kl_nats(formula, mean, logvar).sum(-1)}
