"""What an experiment is: data set × model × training × latents (in `config/studies/*.yaml`)."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from latent_atlas.config.base import Config, Count, Id, NotNegative, Positive

Posterior = Literal["gaussian", "uniform-offset", "uniform-centred"]
Reading = Literal["as written", "as coded", "title", "sensitivity", "search"]


class AutoDecoder(Config):
    """A learned latent an image and an MLP decoder."""

    family: Literal["auto-decoder"]
    latent: Count
    hidden: list[Count] = Field(description="widths of the decoder's hidden layers")


class VariationalAutoDecoder(Config):
    """A learned posterior an image and an MLP decoder."""

    family: Literal["variational-auto-decoder"]
    latent: Count
    hidden: list[Count]
    code: Literal["heads", "free"] = Field(
        description="heads: a learned vector an image, then shared linear heads for mean and log "
        "variance; free: mean and log variance themselves are learned for each image"
    )
    posterior: Posterior


class MlpVae(Config):
    """An MLP encoder and an MLP decoder."""

    family: Literal["mlp-vae"]
    latent: Count
    encoder_hidden: list[Count]
    hidden: list[Count]
    posterior: Posterior


Model = Annotated[AutoDecoder | VariationalAutoDecoder | MlpVae, Field(discriminator="family")]


class Subset(Config):
    """Which images of each split are used; seeded, and hashed into the results."""

    how: Literal["stratified", "first"]
    train: Count
    test: Count
    varies: bool = Field(default=False, description="another subset for each seed")


class Objective(Config):
    """loss = reconstruction + kl_weight · KL, the KL summed over dimensions, mean over images."""

    reconstruction: Literal["mse", "frobenius"] = Field(
        description="mse: mean over pixels and images; frobenius: ‖x − x̂‖₂ of the whole batch over "
        "its count of numbers"
    )
    kl_weight: NotNegative = 0.0
    kl: Literal["exact", "gaussian"] = Field(
        default="exact",
        description="gaussian: the Gaussian formula whatever the posterior (as study A's code)",
    )


class Training(Config):
    epochs: Count
    batch_size: Count
    learning_rate: Positive
    objective: Objective
    shuffle: bool = True


class Latents(Config):
    """How codes of images are found when the decoder is fixed; not used by encoders."""

    steps: Count = Field(description="passes over the images; each moves every latent once or more")
    learning_rate: Positive
    batch_size: Count | None = Field(
        default=None,
        description="empty: full batch, loss summed over images; a number: batches in file order "
        "and a dense Adam, which moves every latent at every batch",
    )


class Experiment(Config):
    id: Id
    title: str
    reading: Reading
    dataset: Id
    subset: Subset | None = None
    model: Model
    training: Training
    latents: Latents
    random_latents: Literal["normal", "uniform"] = Field(description="N(0, I) or U(0, 1)^d")
    seeds: Count | None = Field(default=None, description="at most so many of the run's seeds")
    stepped_epochs: Count | None = Field(
        default=None,
        description="also evaluate after so many epochs of the decoder on the evaluated images",
    )

    @model_validator(mode="after")
    def _possible(self):
        encoder = self.model.family == "mlp-vae"
        if self.model.family == "auto-decoder" and self.training.objective.kl_weight:
            raise ValueError(
                "an auto-decoder has no posterior: training.objective.kl_weight must be 0"
            )
        if self.stepped_epochs and not encoder:
            raise ValueError("stepped_epochs needs family mlp-vae: remove it or change the family")
        if self.subset and self.training.batch_size > self.subset.train:
            raise ValueError(
                f"training.batch_size {self.training.batch_size} exceeds the subset's "
                f"{self.subset.train} training images: lower it"
            )
        return self
