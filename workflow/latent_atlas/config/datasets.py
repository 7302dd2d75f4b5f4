"""What a data set file may say (`config/datasets/*.yaml`)."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from latent_atlas.config.base import Config, Count, Id, Sha256

Split = Literal["train", "test"]
TestShare = Annotated[float, Field(gt=0, lt=1)]
Address = Annotated[str, StringConstraints(pattern=r"^(https://|http://127\.0\.0\.1[:/])")]
"""Nobody on the way can read or change a download; to this machine itself there is no way."""
Axes = Annotated[str, StringConstraints(pattern="^[NCHW]{3,4}$")]


class IdxFile(Config):
    """One gzipped idx file; `sha256` is that of the uncompressed payload."""

    name: str = Field(description="of the gzipped file")
    sha256: Sha256 = Field(description="of the uncompressed payload")


class IdxFiles(Config):
    train_images: IdxFile = Field(description="grey levels")
    train_labels: IdxFile = Field(description="class numbers")
    test_images: IdxFile = Field(description="grey levels")
    test_labels: IdxFile = Field(description="class numbers")


class IdxSource(Config):
    """Four idx files below one of several addresses, tried in turn."""

    kind: Literal["idx"]
    folder: Id = Field(description="the files' folder in a mirror")
    addresses: list[Address] = Field(
        description="of the folder the files lie in, tried in turn after a mirror", min_length=1
    )
    files: IdxFiles = Field(description="the four of them")


class DigitsSource(Config):
    """The digits that ship with scikit-learn, enlarged to the data set's shape."""

    kind: Literal["digits"]
    sha256: Sha256 = Field(description="of the 8×8 images, one byte a pixel, then the labels")


class DigitsOnPhotographsSource(Config):
    """The same digits blended over patches of scikit-learn's two sample photographs."""

    kind: Literal["digits-m"]
    sha256: Sha256 = Field(description="of the digits, as above")
    photographs: dict[str, Sha256] = Field(description="of each photograph's file")


class Archive(Config):
    """A .tar, .tar.gz or .zip, told by its content."""

    name: str = Field(description="of the file")
    sha256: Sha256 | None = Field(
        description="of the file; empty where its publisher gives none: `sizes` is the check then"
    )
    addresses: list[Address] = Field(description="of the folder it lies in, tried after a mirror")


class CifarFile(Config):
    """A file of records inside the archive."""

    name: str = Field(description="in the archive")
    sha256: Sha256 = Field(description="of its content")


class CifarSource(Config):
    """CIFAR-10's binary archive: in each record a label byte, then the image's bytes."""

    kind: Literal["cifar-binary"]
    folder: Id = Field(description="the archive's folder in a mirror")
    name: str = Field(description="of the archive")
    addresses: list[Address] = Field(description="of the folder it lies in, tried after a mirror")
    class_names: str = Field(description="the file in the archive that lists the classes")
    files: dict[Split, list[CifarFile]] = Field(description="of records, for each split")


class ImageFolderSource(Config):
    """Images in a folder for each class, in a folder or an archive."""

    kind: Literal["image-folder"]
    path: str | None = Field(
        default=None, description="a folder or an archive of one's own, from the project's folder"
    )
    folder: Id | None = Field(default=None, description="the archives' folder in a mirror")
    archives: list[Archive] = Field(default=[], description="tried in turn")
    splits: dict[Split, list[str]] | None = Field(
        default=None,
        description="folders whose class folders make up each split; empty: class folders lie at "
        "the top",
    )
    test_share: TestShare | None = Field(
        default=None, description="share of each class held out for testing, without `splits`"
    )

    @model_validator(mode="after")
    def _one_of_each(self):
        if (self.path is None) == (not self.archives):
            raise ValueError("name either a path or archives")
        if self.archives and self.folder is None:
            raise ValueError("archives need a folder, where a mirror keeps them")
        if (self.splits is None) == (self.test_share is None):
            raise ValueError("name either splits or a test_share")
        if self.splits is not None and set(self.splits) != {"train", "test"}:
            raise ValueError("splits need both train and test")
        return self


class ArrayKeys(Config):
    images: str = Field(description="the array's key")
    labels: str = Field(description="the array's key")


class ArraySource(Config):
    """Arrays of one's own: NumPy's .npz, or MATLAB's .mat of any version."""

    kind: Literal["npz", "mat"]
    path: str = Field(description="from the project's folder")
    train: ArrayKeys = Field(description="keys of the arrays to train on")
    test: ArrayKeys | None = Field(default=None, description="keys of the arrays to test on")
    test_share: TestShare | None = Field(
        default=None, description="share of each class held out for testing, without `test`"
    )
    axes: Axes = Field(
        description="order of the images' axes: N images, C channels, H rows, W columns"
    )
    first_label: Literal[0, 1] = Field(default=0, description="number of the first class")

    @model_validator(mode="after")
    def _possible(self):
        if sorted(self.axes) not in (sorted("NHW"), sorted("NCHW")):
            raise ValueError("axes need N, H and W, and C where there is a channel axis, each once")
        if (self.test is None) == (self.test_share is None):
            raise ValueError("name either test or a test_share")
        return self


class DatasetConfig(Config):
    id: Id = Field(description="the file's name")
    title: str = Field(description="as figures and tables call it")
    licence: str = Field(description="under which it may be used")
    source: Annotated[
        IdxSource
        | DigitsSource
        | DigitsOnPhotographsSource
        | CifarSource
        | ImageFolderSource
        | ArraySource,
        Field(discriminator="kind"),
    ] = Field(description="where the images come from")
    shape: list[Count] = Field(min_length=3, max_length=3, description="channels, height, width")
    classes: list[str] = Field(description="in the order of their labels", min_length=2)
    groups: dict[str, list[str]] = Field(
        default={}, description="classes of a kind, such as vehicles and animals; each in one group"
    )
    sizes: dict[Split, Count] = Field(description="images of each split")

    @model_validator(mode="after")
    def _grouped_once(self):
        grouped = sorted(name for group in self.groups.values() for name in group)
        if self.groups and (grouped != sorted(self.classes) or len(self.groups) < 2):
            raise ValueError("groups need every class once, in two groups or more")
        return self
