"""What an experiment is: data set × model × training × latents (in `config/studies/*.yaml`)."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from latent_atlas.config.base import Config, Count, Id, NotNegative, Positive, Share

Initialisation = Literal["kaiming", "torch", "glorot"]
Optimiser = Literal["adam", "sgd"]
Posterior = Literal["gaussian", "uniform-offset", "uniform-centred"]
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


class AutoDecoder(Config):
    """A learned latent an image and an MLP decoder."""

    family: Literal["auto-decoder"]
    latent: Count = Field(description="numbers of a code")
    hidden: list[Count] = Field(description="widths of the decoder's hidden layers")


class VariationalAutoDecoder(Config):
    """A learned posterior an image and an MLP decoder."""

    family: Literal["variational-auto-decoder"]
    latent: Count = Field(description="numbers of a code")
    hidden: list[Count] = Field(description="widths of the decoder's hidden layers")
    code: Literal["heads", "free"] = Field(
        description="heads: a learned vector an image, then shared linear heads for mean and log "
        "variance; free: mean and log variance themselves are learned for each image"
    )
    posterior: Posterior = Field(
        description="law of a code about its mean; the uniform ones as study A's report and code"
    )


class MlpNetwork(Config):
    """An MLP encoder and an MLP decoder."""

    latent: Count = Field(description="numbers of a code")
    encoder_hidden: list[Count] = Field(description="widths of the encoder's hidden layers")
    hidden: list[Count] = Field(description="widths of the decoder's hidden layers")


class MlpAutoencoder(MlpNetwork):
    """A point code."""

    family: Literal["mlp-autoencoder"]


class MlpVae(MlpNetwork):
    """A posterior for each image."""

    family: Literal["mlp-vae"]
    posterior: Posterior = Field(description="law of a code about its mean")


class MlpGan(MlpNetwork):
    """A generator like the decoder, a discriminator like the encoder."""

    family: Literal["mlp-gan"]


class ConvNetwork(Config):
    """The convolutional encoder and decoder of study B's tables 1 and 2, for 28×28 images."""

    latent: Count = Field(description="numbers of a code")
    third_relu: bool = Field(description="ReLU after the encoder's third convolution")
    initialisation: Initialisation = Field(
        description="kaiming: weights N(0, 2/fan_in), as torch's kaiming_normal_; torch: as its "
        "layers come; biases as they come either way; glorot: weights U(±√(6/(fan_in + fan_out))), "
        "biases 0, as Keras does"
    )


class ConvAutoencoder(ConvNetwork):
    """Convolutions and linear layers to a point code, and back."""

    family: Literal["conv-autoencoder"]
    dropout: Share = Field(description="share of units dropped in hidden linear layers")
    latent_dropout: bool = Field(description="drop units of the code too")


class ConvVae(ConvNetwork):
    """The same with a Gaussian posterior and no dropout."""

    family: Literal["conv-vae"]


class ImageNetwork(Config):
    """Study C's convolutional networks, for images of any number of channels."""

    latent: Count = Field(description="numbers of a code")
    layout: Literal["one-stride", "two-stride", "five-stride", "four-stride"] = Field(
        description="one-stride: four 3×3 convolutions, the second of stride 2, and one transposed "
        "up; two-stride: two 3×3 of stride 2, 16 units, two transposed up (Keras's example); "
        "five-stride: five 3×3 of stride 2 and 128 filters, four transposed up; four-stride: four "
        "4×4 of stride 2 and 32 to 256 filters, and their mirror image"
    )
    initialisation: Initialisation = Field(description="as for the other convolutional networks")


class ImageAutoencoder(ImageNetwork):
    """A point code."""

    family: Literal["image-autoencoder"]
    sigmoid_code: bool = Field(description="the code is squeezed into (0, 1)")


class ImageVae(ImageNetwork):
    """A Gaussian posterior."""

    family: Literal["image-vae"]
    sigmoid_heads: bool = Field(
        description="mean and log variance are linear in 2·latent numbers squeezed into (0, 1)"
    )


class PoolVae(Config):
    """Study E's convolutional network with max-pooling and a Gaussian posterior, for images of any
    number of channels."""

    family: Literal["pool-vae"]
    latent: Count = Field(description="numbers of a code")
    convolutions: list[Count] = Field(min_length=1, description="filters of each, 3×3")
    hidden: list[Count] = Field(description="widths of the encoder's hidden linear layers")
    initialisation: Initialisation = Field(description="as for the other convolutional networks")

    def sides(self, side: int) -> list[tuple[int, int]]:
        """An image side's length after each convolution, and after its pooling."""
        lengths = []
        for _ in self.convolutions:
            lengths.append((side - 2, (side - 2) // 2))
            side = lengths[-1][1]
        return lengths


class Gan(ImageNetwork):
    """A generator with the decoder's layout, a discriminator with the encoder's."""

    family: Literal["gan"]
    pixel_range: Literal["unit", "symmetric"] = Field(
        description="grey levels as the discriminator sees real images: 0 to 1, or −1 to 1; the "
        "generator ends in a tanh either way"
    )


class OwnNetwork(Config):
    """A network of one's own: a class that is made with `latent`, `shape` and the settings, and
    has encode(images [B,C,H,W] in [0, 1]) → codes [B,latent], and decode(codes) → images."""

    file: str = Field(description="Python file, from the project's folder")
    network: str = Field(description="name of the class in it, a torch.nn.Module")
    latent: Count = Field(description="numbers of a code")
    settings: dict[str, Any] = Field(default={}, description="further arguments of the class")
    weights: list[str] = Field(
        default=[],
        description="safetensors files from the project's folder, trained elsewhere, one a seed; "
        "nothing is trained then, and `epochs` does not count",
    )


class OwnAutoencoder(OwnNetwork):
    """Its codes are points."""

    family: Literal["own-autoencoder"]


class OwnVae(OwnNetwork):
    """Its encode gives mean and log variance of a Gaussian posterior."""

    family: Literal["own-vae"]


Model = Annotated[
    AutoDecoder
    | VariationalAutoDecoder
    | MlpAutoencoder
    | MlpVae
    | MlpGan
    | ConvAutoencoder
    | ConvVae
    | ImageAutoencoder
    | ImageVae
    | PoolVae
    | Gan
    | OwnAutoencoder
    | OwnVae,
    Field(discriminator="family"),
]
CONV_SHAPE = [1, 28, 28]
"""Of the images that the `conv-` families take."""
ADVERSARIAL = ("gan", "mlp-gan")
POINT_CODES = (
    "auto-decoder",
    "mlp-autoencoder",
    "conv-autoencoder",
    "image-autoencoder",
    "own-autoencoder",
    *ADVERSARIAL,
)
STACKED = ("auto-decoder", "variational-auto-decoder", "mlp-autoencoder", "mlp-vae", "mlp-gan")
"""Families whose seeds are one network, with tensors [S,…]; others hold a network each."""
ENCODERS = (
    "mlp-autoencoder",
    "mlp-vae",
    "conv-autoencoder",
    "conv-vae",
    "image-autoencoder",
    "image-vae",
    "pool-vae",
    "own-autoencoder",
    "own-vae",
)


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
