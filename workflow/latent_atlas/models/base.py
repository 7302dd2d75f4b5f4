"""What every likelihood model offers."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from latent_atlas.config.experiments import Objective
from latent_atlas.config.networks import Posterior
from latent_atlas.models.per_seed import Streams
from latent_atlas.models.posterior import kl_nats, sample


class LatentModel(nn.Module):
    """S decoders, and how codes come about.

    Families with dropout drop units where `dropout` gives each seed's stream; others ignore it.
    `table_width` numbers are learned for each image (0: an encoder computes the code from the
    image), in training or, without `learns_codes`, only when codes of given images are wanted;
    `posterior_kind` is None where a code is a point.
    """

    table_width: int = 0
    learns_codes: bool = True
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


class Adversarial(LatentModel):
    """A generator, `decoder`, of codes N(0, I), and a `discriminator` that gives the logit of an
    image being real.

    Training learns no codes; those of given images are fitted afterwards, as an auto-decoder's.
    """

    learns_codes = False
    decoder: nn.Module
    discriminator: nn.Module

    def posterior(self, inputs: Tensor, dropout: Streams = None) -> tuple[Tensor, None]:
        return inputs, None

    def generate(self, z: Tensor) -> Tensor:
        """Images [S,B,pixels] as the discriminator sees them."""
        raise NotImplementedError

    def seen(self, images: Tensor) -> Tensor:
        """Real grey levels in [0, 1] as the discriminator sees them."""
        raise NotImplementedError


def per_sample_terms(
    model: LatentModel,
    inputs: Tensor,
    images: Tensor,
    noise: Tensor | None,
    objective: Objective,
    dropout: Streams = None,
) -> dict[str, Tensor]:
    """Squared error summed over pixels (`sse`), KL summed over dimensions (`kl`) and, where the
    objective needs it, cross-entropy summed over pixels (`bce`), each [S,B].

    `inputs` as in `LatentModel.posterior`, `images` [S,B,pixels] in [0, 1] (beyond, where noise was
    added), `noise` [S,B,latent] or None for the mean code.
    """
    mean, logvar = model.posterior(inputs, dropout)
    z = mean
    if logvar is not None and noise is not None:
        z = sample(model.posterior_kind, mean, logvar, noise)
    decoded = model.decode(z, dropout)
    terms = {"sse": squared_error(decoded, images)}
    if objective.cross_entropy:
        terms["bce"] = cross_entropy(decoded, images)
    if logvar is None:
        return terms | {"kl": torch.zeros_like(terms["sse"])}
    formula = "gaussian" if objective.kl == "gaussian" else model.posterior_kind
    return terms | {"kl": kl_nats(formula, mean, logvar).sum(-1)}


def squared_error(decoded: Tensor, images: Tensor) -> Tensor:
    """Summed over pixels, [S,B] from [S,B,pixels]."""
    return (decoded - images).square().sum(-1)


def cross_entropy(decoded: Tensor, images: Tensor) -> Tensor:
    """−Σ x·log p + (1 − x)·log(1 − p) in nats, [S,B] from grey levels p and x [S,B,pixels]. A
    likelihood only where x is 0 or 1; what a logarithm is of is no smaller than the smallest normal
    number, and has no gradient there.

    torch's own takes twice the time on a CPU and refuses images that noise has left outside [0, 1].
    """
    tiny = torch.finfo(decoded.dtype).tiny
    bright, dark = decoded.clamp(min=tiny).log(), (1 - decoded).clamp(min=tiny).log()
    return -(images * bright + (1 - images) * dark).sum(-1)
