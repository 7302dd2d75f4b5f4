"""One step of training: a batch in, updated parameters and sums for the history out."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from latent_atlas.config.experiments import Experiment
from latent_atlas.config.networks import ADVERSARIAL, STACKED, OwnNetwork
from latent_atlas.models.base import Adversarial, LatentModel, per_sample_terms
from latent_atlas.models.posterior import draw_noise
from latent_atlas.streams import set_streams, stream_states, torch_streams
from latent_atlas.training.checkpoints import State, prefixed, under
from latent_atlas.training.objective import batch_loss
from latent_atlas.training.optimisers import Rates, build_optimiser


class LikelihoodStep:
    """A model with a reconstruction term, its table of latents if there is one."""

    terms = ("loss", "reconstruction_mse", "kl_nats")

    def __init__(
        self,
        experiment: Experiment,
        seeds: list[int],
        model: LatentModel,
        table: Tensor | None,
        rates: Sequence[Rates] | None = None,
    ):
        self.model, self.table, settings = model, table, experiment.training
        self.objective = settings.objective
        self.optimiser = build_optimiser(
            settings.optimiser,
            model.parameters(),
            settings.learning_rate,
            settings.weight_decay,
            latents=table,
            beta_1=settings.beta_1,
            members=stacked_members(experiment, seeds),
            rates=rates,
        )
        self.capturable = not draws_within(experiment)
        self.dropping = torch_streams(experiment.id, seeds, "dropout")
        self.noising = torch_streams(experiment.id, seeds, "posterior")
        self.parameter = next(model.parameters())
        self.stack = torch.arange(len(seeds), device=self.parameter.device)[:, None]
        self.noise: Tensor | None = None

    def start_epoch(self, n: int) -> None:
        """Draw the noise of an epoch of `n` images."""
        self.noised_from = stream_states(self.noising)
        if self.model.posterior_kind:
            shape = (n, self.model.latent)
            noise = draw_noise(self.model.posterior_kind, shape, self.noising)
            self.noise = noise.to(self.parameter)

    def draw(self, start: int, end: int) -> Tensor | None:
        """The noise of those images that an epoch comes to between these places."""
        return None if self.noise is None else self.noise[:, start:end]

    def __call__(self, x: Tensor, target: Tensor, index: Tensor, drawn: Tensor | None) -> Tensor:
        """`x` [S,B,pixels] are the images of numbers `index` [S,B], `target` what their
        reconstructions are held to, `drawn` what `draw` gave for them. Returns [terms,S], sums over
        the batch."""
        terms = per_sample_terms(
            self.model,
            x if self.table is None else self.table[self.stack, index],
            target,
            drawn,
            self.objective,
            self.dropping,
        )
        loss = batch_loss(terms, x.shape[-1], self.objective)
        self.optimiser.zero_grad()
        loss.sum().backward()
        self.optimiser.step()
        return likelihood_sums(loss, terms, x)

    def state(self) -> State:
        """The noise of an epoch under way is drawn again after `restore`, by `start_epoch`."""
        return prefixed("optimiser", self.optimiser.state()) | {
            "dropping": stream_states(self.dropping),
            "noising": self.noised_from,
        }

    def restore(self, state: State) -> None:
        self.optimiser.restore(under("optimiser", state))
        set_streams(self.dropping, state["dropping"])
        set_streams(self.noising, state["noising"])


def likelihood_sums(loss: Tensor, terms: dict[str, Tensor], x: Tensor) -> Tensor:
    """[3,S] in the order of `LikelihoodStep.terms`, so that a short last batch weighs what it
    holds."""
    batch, pixels = x.shape[1:]
    return torch.stack(
        [loss.detach() * batch, terms["sse"].detach().sum(1) / pixels, terms["kl"].detach().sum(1)]
    )


class GanStep:
    """The discriminator on as many fakes as reals, then the generator on twice as many new fakes,
    both by binary cross-entropy; the generator's labels say real (Goodfellow et al. 2014, §3)."""

    terms = ("generator_loss", "discriminator_loss", "real_accuracy", "fake_accuracy")
    capturable = True

    def __init__(
        self,
        experiment: Experiment,
        seeds: list[int],
        model: Adversarial,
        table: None,
        rates: None = None,
    ):
        self.model, settings = model, experiment.training
        self.generating, self.discriminating = (
            build_optimiser(
                settings.optimiser,
                network.parameters(),
                settings.learning_rate,
                settings.weight_decay,
                beta_1=settings.beta_1,
                members=stacked_members(experiment, seeds),
            )
            for network in (model.decoder, model.discriminator)
        )
        self.parameter = next(model.parameters())
        self.drawing = torch_streams(experiment.id, seeds, "generator")

    def start_epoch(self, n: int) -> None:
        pass

    def draw(self, start: int, end: int) -> Tensor:
        """Codes for the discriminator's step, then twice as many for the generator's."""
        codes = [
            draw_noise("gaussian", (n, self.model.latent), self.drawing)
            for n in (end - start, 2 * (end - start))
        ]
        return torch.cat(codes, 1).to(self.parameter)

    def __call__(self, x: Tensor, target: Tensor, index: Tensor, drawn: Tensor) -> Tensor:
        """As `LikelihoodStep.__call__`; the accuracies are the discriminator's before its step."""
        batch, model = x.shape[1], self.model
        with torch.no_grad():
            fakes = model.generate(drawn[:, :batch])
        logits = model.discriminator(torch.cat([model.seen(x), fakes], 1)).squeeze(-1)
        real, fake = logits.split(batch, 1)
        discriminator_loss = (_cross_entropy(real, 1.0) + _cross_entropy(fake, 0.0)) / 2
        self.discriminating.zero_grad()
        discriminator_loss.sum().backward()
        self.discriminating.step()
        model.discriminator.requires_grad_(False)
        logits = model.discriminator(model.generate(drawn[:, batch:])).squeeze(-1)
        generator_loss = _cross_entropy(logits, 1.0)
        self.generating.zero_grad()
        generator_loss.sum().backward()
        self.generating.step()
        model.discriminator.requires_grad_(True)
        return torch.stack(
            [
                generator_loss.detach() * batch,
                discriminator_loss.detach() * batch,
                (real > 0).sum(1).to(x),
                (fake < 0).sum(1).to(x),
            ]
        )

    def state(self) -> State:
        return {
            **prefixed("generating", self.generating.state()),
            **prefixed("discriminating", self.discriminating.state()),
            "drawing": stream_states(self.drawing),
        }

    def restore(self, state: State) -> None:
        self.generating.restore(under("generating", state))
        self.discriminating.restore(under("discriminating", state))
        set_streams(self.drawing, state["drawing"])


class LookingStep:
    """Of a model that was trained elsewhere: its terms on the training images, and nothing is
    moved."""

    terms = LikelihoodStep.terms
    capturable = False

    def __init__(
        self,
        experiment: Experiment,
        seeds: list[int],
        model: LatentModel,
        table: None,
        rates: None = None,
    ):
        self.model, self.objective = model, experiment.training.objective

    def start_epoch(self, n: int) -> None:
        pass

    def draw(self, start: int, end: int) -> None:
        return None

    @torch.no_grad()
    def __call__(self, x: Tensor, target: Tensor, index: Tensor, drawn: None) -> Tensor:
        """As `LikelihoodStep.__call__`, by the mean code."""
        terms = per_sample_terms(self.model, x, target, None, self.objective)
        return likelihood_sums(batch_loss(terms, x.shape[-1], self.objective), terms, x)

    def state(self) -> State:
        return {}

    def restore(self, state: State) -> None:
        pass


def draws_within(experiment: Experiment) -> bool:
    """Whether the network draws on the processor while it computes, as dropout does."""
    model = experiment.model
    return isinstance(model, OwnNetwork) or bool(getattr(model, "dropout", 0))


def stacked_members(experiment: Experiment, seeds: list[int]) -> int:
    """How many each of a model's tensors holds; 0 where every seed has a network of its own."""
    return len(seeds) if experiment.model.family in STACKED else 0


def step_of(
    experiment: Experiment,
) -> type[LikelihoodStep] | type[GanStep] | type[LookingStep]:
    if experiment.pretrained:
        return LookingStep
    return GanStep if experiment.model.family in ADVERSARIAL else LikelihoodStep


def _cross_entropy(logits: Tensor, label: float) -> Tensor:
    """Mean over the batch [S] of logits [S,B]; seed by seed, as rounding depends on what lies
    beside a number in memory."""
    labels = torch.full_like(logits[0], label)
    losses = [functional.binary_cross_entropy_with_logits(of_seed, labels) for of_seed in logits]
    return torch.stack(losses)
