"""Images in class folders, in a folder or an archive, of any size and mode → one array."""

import io
import lzma
import math
import re
import struct
import tarfile
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError
from tqdm import tqdm

from latent_atlas.config.datasets import DatasetConfig
from latent_atlas.errors import InputError

Place = tuple[str, str]
File = tuple[PurePosixPath, int, Callable[[], bytes]]
MOST_BYTES = 2**26
"""Of one file."""
MOST_FILES = 2**21
MOST_RATIO = 100
"""Of what an archive unpacks to over its own size, once it is more than `MOST_BYTES`: images hardly
shrink."""
UNREADABLE = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    RuntimeError,  # encrypted, or packed in a way that zipfile does not know
    ValueError,  # a name that is no text, a number that is none
    LookupError,
    OverflowError,
    struct.error,
    lzma.LZMAError,
)
"""What Python's readers of archives raise for a damaged one."""
DRIVE = re.compile("^[A-Za-z]:")


def read_image_folder(path: Path, config: DatasetConfig) -> dict[str, dict[str, list[np.ndarray]]]:
    """Split → class → images uint8 [C,H,W], in the order of their names; the only split is "all"
    where the source names none. InputError for the first file that is not as it should be."""
    roots = config.source.splits or {"all": ["."]}
    found: dict = {split: {name: {} for name in config.classes} for split in roots}
    files = _wanted_files(path, lambda name: _place(name, roots, config.classes))
    for name, (split, label), data in tqdm(files, desc=f"images {config.id}", mininterval=5):
        found[split][label][name] = decode_image(data, f"{path}/{name}", config.shape)
    for split, classes in found.items():
        for label, images in classes.items():
            if not images:
                where = " or ".join(str(PurePosixPath(root) / label) for root in roots[split])
                raise InputError(
                    f"{path}/{where}: no image there; add some, or remove the class {label!r} "
                    "from the data set's file"
                )
    return {
        split: {label: [images[name] for name in sorted(images)] for label, images in each.items()}
        for split, each in found.items()
    }


def _place(
    name: PurePosixPath, roots: dict[str, list[str]], classes: list[str]
) -> tuple[str, str] | None:
    """The split and the class of a file; None for hidden files and those outside all splits."""
    if any(part.startswith(".") or part == "__MACOSX" for part in name.parts):
        return None
    for split, folders in roots.items():
        for folder in folders:
            if not name.is_relative_to(folder) and folder != ".":
                continue
            label, *rest = name.relative_to(folder).parts
            if not rest:
                raise InputError(f"{name}: lies in no class folder; move it into one or away")
            if label not in classes:
                raise InputError(
                    f"{name}: found a class folder {label!r}, the data set's file has classes: "
                    f"[{', '.join(classes)}]; add it there or remove the folder"
                )
            return split, label
    return None


def _wanted_files(
    path: Path, place: Callable[[PurePosixPath], Place | None]
) -> Iterator[tuple[PurePosixPath, Place, bytes]]:
    """Name, place and content of every file below `path` that has a place; nothing is unpacked to
    disk."""
    try:
        if path.is_dir():
            listed = _folder_files(path)
        elif not path.is_file():
            raise InputError("no such folder or archive; mend source.path")
        elif zipfile.is_zipfile(path):
            listed = _zip_files(path)
        elif tarfile.is_tarfile(path):
            listed = _tar_files(path)
        else:
            raise InputError("neither a folder nor a .tar, .tar.gz or .zip")
        for name, size, read in _bounded(listed, path):
            found = place(name)
            if found is None:
                continue
            if size > MOST_BYTES:
                raise InputError(f"{name}: {size} bytes; at most {MOST_BYTES}: make it smaller")
            yield name, found, read()
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    except UNREADABLE as error:
        raise InputError(f"{path}: cannot be read ({error}); get it again") from None


def _bounded(listed: Iterator[File], path: Path) -> Iterator[File]:
    """The same files. InputError for more than are taken, before they are read."""
    most = math.inf if path.is_dir() else max(MOST_BYTES, MOST_RATIO * path.stat().st_size)
    whole = 0
    for number, file in enumerate(listed, 1):
        whole += file[1]
        if number > MOST_FILES:
            raise InputError(f"more than {MOST_FILES} files; take fewer")
        if whole > most:
            raise InputError(
                f"unpacks to more than {MOST_RATIO} times its size, as no archive of images does"
            )
        yield file


def _folder_files(path: Path) -> Iterator[File]:
    inside = path.resolve()
    for file in sorted(path.rglob("*")):
        name = PurePosixPath(file.relative_to(path).as_posix())
        if file.is_symlink() and not file.resolve().is_relative_to(inside):
            raise InputError(f"{name}: a link out of the folder; put the file itself there")
        if file.is_file():
            yield name, file.stat().st_size, file.read_bytes


def _tar_files(path: Path) -> Iterator[File]:
    with tarfile.open(path) as archive:
        for member in archive:
            name = _safe_name(member.name)
            if not member.isdir() and not member.isfile():
                raise InputError(f"{name}: a link or a device; pack plain files")
            if member.isfile():
                yield name, member.size, archive.extractfile(member).read
        while archive.fileobj.read(MOST_BYTES):
            """To the end, where gzip's checksum is."""


def _zip_files(path: Path) -> Iterator[File]:
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            name = _safe_name(member.filename)
            if not member.is_dir():
                yield name, member.file_size, partial(archive.read, member)


def _safe_name(name: str) -> PurePosixPath:
    pure = PurePosixPath(name.replace("\\", "/"))
    if not pure.parts:
        raise InputError("holds an entry without a name; pack it anew")
    if pure.is_absolute() or ".." in pure.parts or DRIVE.match(name):
        raise InputError(f"holds the name {name!r}, which leads out of the archive; pack it anew")
    return pure


def decode_image(data: bytes, name: str, shape: list[int]) -> np.ndarray:
    """uint8 [C,H,W] of `shape` from an image file: turned upright by its EXIF entry, transparent
    parts over white, grey or RGB by the number of channels, its middle cut out to the aspect
    wanted and resized by bicubic interpolation."""
    channels, height, width = shape
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data)) as opened:
                opened.load()
                image = _flat(ImageOps.exif_transpose(opened), "L" if channels == 1 else "RGB")
    except (
        UnidentifiedImageError,
        Image.DecompressionBombError,
        Image.DecompressionBombWarning,
        OSError,
        SyntaxError,
        ValueError,
    ) as error:
        reason = str(error).split("<_io")[0].strip()
        raise InputError(f"{name}: not a readable image ({reason}); mend or remove it") from None
    if image.size != (width, height):
        image = ImageOps.fit(image, (width, height), Image.Resampling.BICUBIC)
    pixels = np.asarray(image)
    return pixels[None] if channels == 1 else pixels.transpose(2, 0, 1)


def _flat(image: Image.Image, mode: str) -> Image.Image:
    if image.mode == "F":
        raise ValueError("floating-point pixels have no known range")
    if image.mode.startswith("I"):
        image = Image.fromarray((np.asarray(image, np.uint32) >> 8).clip(0, 255).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        ground = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(ground, image)
    return image.convert(mode)
