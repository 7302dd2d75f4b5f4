"""What a data set file may say (`config/datasets/*.yaml`)."""

from typing import Annotated, Literal

from pydantic import Field

from latent_atlas.config.base import Config, Count, Id, Sha256

Split = Literal["train", "test"]


class IdxFile(Config):
    """One gzipped idx file; `sha256` is that of the uncompressed payload."""

    name: str
    sha256: Sha256


class IdxFiles(Config):
    train_images: IdxFile
    train_labels: IdxFile
    test_images: IdxFile
    test_labels: IdxFile


class IdxSource(Config):
    """Four idx files below one of several addresses, tried in turn."""

    kind: Literal["idx"]
    folder: Id = Field(description="the files' folder in a mirror")
    addresses: list[str] = Field(min_length=1)
    files: IdxFiles


class DigitsSource(Config):
    """The digits that ship with scikit-learn, enlarged to the data set's shape."""

    kind: Literal["digits"]
    sha256: Sha256 = Field(description="of the 8×8 images, one byte a pixel, then the labels")


class DatasetConfig(Config):
    id: Id
    title: str
    licence: str
    source: Annotated[IdxSource | DigitsSource, Field(discriminator="kind")]
    shape: list[Count] = Field(min_length=3, max_length=3, description="channels, height, width")
    classes: list[str] = Field(min_length=2)
    sizes: dict[Split, Count]
