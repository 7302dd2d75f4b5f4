"""What an experiment is: data set × model × training × latents (in `config/studies/*.yaml`)."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from latent_atlas.config.base import Config, Count, Id, NotNegative, Positive
from latent_atlas.config.networks import ADVERSARIAL, ENCODERS, POINT_CODES, Model

Optimiser = Literal["adam", "sgd"]
Reading = Literal[
    "as written",
    "as coded",
    "title",
    "summed loss",
    "split first",
    "clean target",
    "tuned here",
    "sensitivity",
    "search",
    "control",
]


class Subset(Config):
    """Which images of each split are used; seeded, and hashed into the results."""

    how: Literal["stratified", "first"] = Field(
        description="stratified: as many of each class, by a seeded draw; first: the first rows"
    )
    train: Count = Field(description="images")
    test: Count = Field(description="images")
    varies: bool = Field(default=False, description="another subset for each seed")


class Augmentation(Config):
    """Noisy copies x + λ·N(0, I) of the training images, trained on beside them."""

    noise: list[Positive] = Field(min_length=1, description="λ of each copy, grey levels in [0, 1]")
    split: Literal["images", "copies"] = Field(
        description="what is divided into training and validation. images: copies lie on their "
        "image's side; copies: images and copies each by themselves, so that an image that is "
        "validated on may have been trained on"
    )
    target: Literal["clean", "noisy"] = Field(description="what a copy's reconstruction is held to")
    clip: bool = Field(description="cut copies back to [0, 1]")


class Objective(Config):
    """loss = reconstruction + kl_weight · KL, the KL summed over dimensions, mean over images. A
    GAN's latents of given images are fitted by it; it is not trained by it."""

    reconstruction: Literal["mse", "sse", "frobenius", "bce", "bce-sum"] = Field(
        description="mse: mean over pixels and images; sse: summed over pixels, mean over images; "
        "frobenius: ‖x − x̂‖₂ of the whole batch over its count of numbers; bce: binary "
        "cross-entropy in nats, mean over pixels and images; bce-sum: the same summed over pixels"
    )
    sum_images: bool = Field(
        default=False,
        description="sum both terms over the batch's images instead of averaging them; weight "
        "decay and SGD feel the difference",
    )
    kl_weight: NotNegative = Field(default=0.0, description="factor of the KL, which is in nats")
    kl: Literal["exact", "gaussian"] = Field(
        default="exact",
        description="gaussian: the Gaussian formula whatever the posterior (as study A's code)",
    )

    @property
    def cross_entropy(self) -> bool:
        return self.reconstruction in ("bce", "bce-sum")

    @property
    def mean_over_pixels(self) -> bool:
        return self.reconstruction in ("mse", "bce")


class Training(Config):
    epochs: Count = Field(description="passes over the training images")
    batch_size: Count = Field(description="images")
    optimiser: Optimiser = Field(
        default="adam", description="Adam with β₂ .999, or SGD without momentum"
    )
    learning_rate: Positive = Field(description="of every step")
    weight_decay: NotNegative = Field(
        default=0.0, description="added to the gradient as weight_decay · weight; never on latents"
    )
    objective: Objective = Field(description="what is minimised")
    shuffle: bool = Field(default=True, description="a new order of the images for each epoch")
    beta_1: Annotated[float, Field(ge=0, lt=1)] = Field(default=0.9, description="Adam's")
    epoch_share: Annotated[float, Field(gt=0, le=1)] = Field(
        default=1.0, description="share of the training images that an epoch sees"
    )
    every_batch: bool = Field(
        default=False, description="keep the history of every batch, not of epochs alone"
    )


class Latents(Config):
    """How codes of images are found when the decoder is fixed; encoders need none."""

    steps: Count = Field(description="passes over the images; each moves every latent once or more")
    learning_rate: Positive = Field(description="Adam's")
    batch_size: Count | None = Field(
        default=None,
        description="empty: full batch, loss summed over images; a number: batches in file order "
        "and a dense Adam, which moves every latent at every batch",
    )
    images: Count | None = Field(
        default=None, description="only of the first so many of each split; empty: of all"
    )


class Sweep(Config):
    """One coordinate of the code, counted from 0, set to values evenly spaced."""

    coordinate: Annotated[int, Field(ge=0)] = Field(description="counted from 0")
    low: float = Field(description="first value")
    high: float = Field(description="last value")
    points: Annotated[int, Field(ge=2)] = Field(description="how many values")


class Walk(Sweep):
    """Along one coordinate of a random code; a row for each value of a second, if there is one."""

    rows: Sweep | None = Field(default=None, description="the second coordinate")


Validation = Annotated[float, Field(gt=0, lt=1)]


class Experiment(Config):
    id: Id = Field(description="unique among all that studies run")
    title: str = Field(description="as figures and tables call it")
    reading: Reading = Field(description="of which reading of the report it is")
    dataset: Id = Field(description="a file of config/datasets; empty in a study: the study's")
    subset: Subset | None = Field(default=None, description="empty: all images")
    validation: Validation | None = Field(
        default=None, description="share of the training images held out, the same for every seed"
    )
    pooled: bool = Field(default=False, description="train on the test images too")
    augmentation: Augmentation | None = Field(default=None, description="empty: none")
    model: Model = Field(description="family and its settings")
    training: Training = Field(description="how it is trained")
    tuned: Id | None = Field(
        default=None, description="the search whose best values replace those named here"
    )
    latents: Latents | None = Field(
        default=None, description="how codes of images are found where the family has no encoder"
    )
    random_latents: Literal["normal", "uniform", "range"] = Field(
        description="N(0, I); U(0, 1)^d; or uniform from the smallest to the largest number in the "
        "test codes"
    )
    walks: list[Walk] = Field(default=[], description="shown, from one random code of N(0, I)")
    seeds: Count | None = Field(default=None, description="at most so many of the run's seeds")
    stepped_epochs: Count | None = Field(
        default=None,
        description="also evaluate after so many epochs of the decoder on the evaluated images",
    )

    @model_validator(mode="after")
    def _possible(self):
        family = self.model.family
        if family in POINT_CODES and self.training.objective.kl_weight:
            raise ValueError(f"{family} has no posterior: training.objective.kl_weight must be 0")
        if self.stepped_epochs and family != "mlp-vae":
            raise ValueError("stepped_epochs needs family mlp-vae: remove it or change the family")
        if self.latents is None and family not in ENCODERS:
            raise ValueError(f"{family} has no encoder: add latents, how codes are to be found")
        if self.validation and family not in ENCODERS:
            raise ValueError(f"{family} has no encoder to validate with: remove validation")
        for sweep in [s for walk in self.walks for s in (walk, walk.rows) if s]:
            if sweep.coordinate >= self.model.latent:
                raise ValueError(
                    f"walks: coordinate {sweep.coordinate} of {self.model.latent}: lower it"
                )
        if self.pooled and self.subset and self.subset.varies:
            raise ValueError("pooled images and a subset that varies: remove one of the two")
        if self.augmentation and family not in ENCODERS:
            raise ValueError(f"{family} has no encoder to take noisy copies: remove augmentation")
        if self.augmentation and self.subset and self.subset.varies:
            raise ValueError("augmentation and a subset that varies: remove one of the two")
        if self.subset and self.training.batch_size > self.subset.train:
            raise ValueError(
                f"training.batch_size {self.training.batch_size} exceeds the subset's "
                f"{self.subset.train} training images: lower it"
            )
        return self

    @property
    def pretrained(self) -> list[str]:
        """Files of weights that were trained elsewhere, one a seed."""
        return getattr(self.model, "weights", [])

    @property
    def epochs(self) -> int:
        """One that only looks where nothing is trained."""
        return 1 if self.pretrained else self.training.epochs

    @property
    def has_prior(self) -> bool:
        """Whether it was trained so that N(0, I) codes decode to samples."""
        return self.model.family not in POINT_CODES or self.model.family in ADVERSARIAL
