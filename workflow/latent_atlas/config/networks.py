"""The families of models: what each asks of the configuration, and which class it is."""

from typing import Annotated, Any, Literal

from pydantic import Field

from latent_atlas.config.base import Config, Count, Share

Initialisation = Literal["kaiming", "torch", "glorot"]
Posterior = Literal["gaussian", "uniform-offset", "uniform-centred"]


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

NETWORKS = {
    "auto-decoder": "auto_decoder.AutoDecoder",
    "variational-auto-decoder": "auto_decoder.VariationalAutoDecoder",
    "mlp-autoencoder": "mlp.MlpAutoencoder",
    "mlp-vae": "mlp.MlpVae",
    "mlp-gan": "mlp.MlpGan",
    "conv-autoencoder": "conv.ConvAutoencoder",
    "conv-vae": "conv.ConvVae",
    "image-autoencoder": "image.ImageAutoencoder",
    "image-vae": "image.ImageVae",
    "pool-vae": "pool.PoolVae",
    "gan": "gan.Gan",
    "own-autoencoder": "own.Own",
    "own-vae": "own.Own",
}
"""Each family's network in `latent_atlas.models`, as MODULE.CLASS. Named and not imported: what is
changed in a family's module concerns its own experiments alone."""


def module_of(family: str) -> str:
    return f"latent_atlas.models.{NETWORKS[family].partition('.')[0]}"
