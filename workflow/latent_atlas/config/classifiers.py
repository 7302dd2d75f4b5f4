"""What a classifier is (in `config/studies/*.yaml`)."""

from typing import Annotated, Literal

from pydantic import Field

from latent_atlas.config.base import Config, Count, Id, NotNegative, Positive, Share
from latent_atlas.config.experiments import Optimiser, Reading, Subset, Validation
from latent_atlas.config.networks import Initialisation


class Head(Config):
    """codes → hidden_1 → hidden_2 → classes with ReLU and dropout; an optimiser of its own."""

    hidden_1: Count = Field(description="units of the first hidden layer")
    hidden_2: Count = Field(description="units of the second")
    dropout: Share = Field(description="share of hidden units")
    optimiser: Optimiser = Field(description="the head's own")
    learning_rate: Positive = Field(description="the head's own")
    weight_decay: NotNegative = Field(description="the head's own")


class EncoderClassifier(Config):
    """The encoder of an autoencoder and a head.

    The encoder's optimiser, learning rate, weight decay and dropout are those of the autoencoder.
    """

    kind: Literal["encoder"]
    encoder: Id = Field(description="the experiment whose encoder is taken")
    start: Literal["trained", "frozen", "scratch"] = Field(
        description="trained: its weights, trained on; frozen: its weights, kept; scratch: new ones"
    )
    head: Head = Field(description="what follows the encoder")
    head_initialisation: Initialisation = Field(description="as for the convolutional networks")
    earlier_heads: list[Head] = Field(
        default=[],
        description="heads that were trained in turn on the same encoder, on the images that "
        "validation leaves, before this one is (study B's search, as coded)",
    )


class CnnClassifier(Config):
    """The convolutional baseline of study B's code, trained by Adam."""

    kind: Literal["cnn"]
    augment: bool = Field(
        description="each epoch adds a copy of every image, rotated by up to 20° and mirrored"
    )
    learning_rate: Positive = Field(description="Adam's")
    patience: Count = Field(
        description="epochs without a better validation accuracy that end training; the best "
        "epoch's weights are kept"
    )
    initialisation: Initialisation = Field(description="as for the other convolutional networks")


class Classifier(Config):
    id: Id = Field(description="unique among all that studies run")
    title: str = Field(description="as figures and tables call it")
    reading: Reading = Field(description="of which reading of the report it is")
    dataset: Id = Field(description="a file of config/datasets; empty in a study: the study's")
    subset: Subset | None = Field(default=None, description="empty: all images")
    validation: Validation = Field(
        description="share of the training images held out, the same for every seed"
    )
    train_on_all: bool = Field(
        default=False, description="train on the held-out images too; nothing is validated then"
    )
    epochs: Count = Field(description="at most")
    batch_size: Count = Field(description="images")
    model: Annotated[EncoderClassifier | CnnClassifier, Field(discriminator="kind")] = Field(
        description="encoder: an encoder with a head; cnn: the baseline"
    )
    tuned: Id | None = Field(
        default=None, description="the search whose best values replace those named here"
    )
    seeds: Count | None = Field(default=None, description="at most so many of the run's seeds")
