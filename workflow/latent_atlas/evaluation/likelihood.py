"""Bounds on the log-likelihood of images, where a code has a posterior."""

import math

import torch
from torch import Tensor

from latent_atlas.config.battery import MOST_IMAGES
from latent_atlas.evaluation.subject import Subject
from latent_atlas.models.base import LatentModel, squared_error
from latent_atlas.models.posterior import draw_noise, log_density_ratio, sample
from latent_atlas.streams import torch_streams
from latent_atlas.training.loop import SeedImages

DECODED_AT_ONCE = 1000


class LikelihoodMeasures(Subject):
    """Fills the table from the first 2,000 test images at most.

    An image is taken for the decoded code plus N(0, σ²) in every pixel, whatever the model was
    trained by, σ² being the mean squared error of sampled reconstructions of training images, which
    maximises the training images' bound.
    """

    def measure_likelihood(self) -> None:
        mean, logvar = self.codes["test"]
        if logvar is None:
            return
        images, samples = self.images["test"].first(MOST_IMAGES), self.settings.importance_samples
        variance = torch.tensor(self.value("reconstruction_mse_sampled", "train")).to(mean)
        streams = torch_streams(self.experiment.id, self.seeds, "importance")
        weights = log_weights(
            self.model,
            images,
            (mean[:, : images.count], logvar[:, : images.count]),
            variance.double(),
            samples,
            streams,
        )
        self.add("elbo_nats", "test", importance_bound(weights, 1).mean(1))
        self.add("importance_bound_nats", "test", importance_bound(weights, samples).mean(1))


@torch.no_grad()
def log_weights(
    model: LatentModel,
    images: SeedImages,
    posterior: tuple[Tensor, Tensor],
    variance: Tensor,
    samples: int,
    streams: list[torch.Generator],
) -> Tensor:
    """log p(x|z) + log p(z) − log q(z|x) in nats, float64 [S,N,samples], z drawn from q.

    `posterior` holds mean and log variance [S,N,d], `variance` [S] is a pixel's about its decode.
    """
    found, pixels = [], images.pixels.shape[-1]
    block = max(1, DECODED_AT_ONCE // samples)
    scale = variance[:, None, None]
    for first in range(0, images.count, block):
        mean, logvar = (t[:, first : first + block, None] for t in posterior)
        seeds, count, _, latent = mean.shape
        noise = draw_noise(model.posterior_kind, (count, samples, latent), streams).to(mean)
        z = sample(model.posterior_kind, mean, logvar, noise)
        index = torch.arange(first, first + count, device=mean.device).expand(seeds, -1)
        x = images.batch(index, mean.dtype).repeat_interleave(samples, 1)
        errors = squared_error(model.decode(z.flatten(1, 2)), x).view(seeds, count, samples)
        likelihood = -errors.double() / (2 * scale) - pixels / 2 * (2 * math.pi * scale).log()
        ratio = log_density_ratio(model.posterior_kind, mean, logvar, noise)
        found.append(likelihood + ratio.double().sum(-1))
    return torch.cat(found, 1)


def importance_bound(weights: Tensor, k: int) -> Tensor:
    """Bound on log p(x) of each image [S,N] from log weights [S,N,K]: the log of the mean of k
    weights (Burda et al. 2016, equation 8), averaged over as many groups of k as there are; with
    k = 1 the evidence lower bound. With larger groups of the same weights it never falls."""
    groups = weights[..., : weights.shape[-1] // k * k].unflatten(-1, (-1, k))
    return (groups.logsumexp(-1) - math.log(k)).mean(-1)
