"""A person's own images and arrays: what can be read is, what cannot is named."""

import io
import os
import re
import tarfile
import zipfile

import h5py
import numpy as np
import pytest
from conftest import ROOT
from PIL import Image
from scipy.io import savemat

from latent_atlas.config.datasets import DatasetConfig
from latent_atlas.config.loading import validated
from latent_atlas.datasets import images
from latent_atlas.datasets.build import build_dataset
from latent_atlas.datasets.images import decode_image
from latent_atlas.datasets.splits import read_split
from latent_atlas.errors import InputError

RED, GREEN = (255, 0, 0), (0, 255, 0)


def encoded(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def plain(colour=RED, size=(10, 10)) -> bytes:
    return encoded(Image.new("RGB", size, colour))


FILES = {
    "cats/1.png": plain(),
    "cats/2.png": plain(),
    "cats/3.jpg": encoded(Image.new("RGB", (9, 20), RED), "JPEG"),
    "dogs/1.png": plain(GREEN),
    "dogs/2.gif": encoded(Image.new("P", (5, 5)), "GIF"),
}


def config(path, **changes) -> dict:
    source = {"kind": "image-folder", "path": str(path), "test_share": 0.3}
    return {
        "id": "mine",
        "title": "Mine",
        "licence": "mine",
        "source": source,
        "shape": [3, 8, 8],
        "classes": ["cats", "dogs"],
        "sizes": {"train": 3, "test": 2},
    } | changes


def write(folder, files):
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def pack(path, files):
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in files.items():
                archive.writestr(name, data)
        return path
    with tarfile.open(path, "w:gz") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


def build(settings, folder):
    outputs = {split: folder / f"{split}.safetensors" for split in ("train", "test")}
    settings = validated(DatasetConfig, settings, "config/datasets/mine.yaml")
    build_dataset(settings, None, folder / "downloads", outputs)
    return {split: read_split(path) for split, path in outputs.items()}


def refused(settings, folder, *words):
    with pytest.raises(InputError) as caught:
        build(settings, folder)
    for word in words:
        assert word in str(caught.value)
    assert not list(folder.glob("*.safetensors"))


@pytest.mark.parametrize("packed", ["folder", "mine.zip", "mine.tar.gz"])
def test_class_folders_become_splits(tmp_path, packed):
    hidden = {".DS_Store": b"x", "cats/.hidden": b"x", "__MACOSX/cats/1.png": b"x"}
    target = tmp_path / packed
    path = write(target, FILES | hidden) if packed == "folder" else pack(target, FILES | hidden)
    splits = build(config(path), tmp_path)
    images, labels = splits["train"]
    assert images.shape == (3, 3, 8, 8)
    assert sorted(labels) == [0, 0, 1]
    assert sorted(splits["test"][1]) == [0, 1]
    assert (images[labels == 0, 0] > 250).all(), "cats are red"
    again = build(config(path), tmp_path)
    assert (again["train"][0] == images).all()


def test_named_split_folders(tmp_path):
    files = {f"{split}/{name}": data for split in ("a", "b", "c") for name, data in FILES.items()}
    source = {
        "kind": "image-folder",
        "path": str(write(tmp_path / "own", files)),
        "splits": {"train": ["a"], "test": ["b", "c"]},
    }
    splits = build(config("", source=source, sizes={"train": 5, "test": 10}), tmp_path)
    assert np.bincount(splits["test"][1]).tolist() == [6, 4]


SKY = Image.linear_gradient("L").resize((12, 12))  # dark above, light below
SIDEWAYS = Image.Exif()
SIDEWAYS[0x0112] = 6


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (encoded(Image.new("L", (30, 11), 77)), (77, 77, 77)),
        (encoded(Image.new("1", (8, 8), 1)), (255, 255, 255)),
        (encoded(Image.fromarray(np.full((8, 8), 300 * 100, np.uint16))), (117, 117, 117)),
        (encoded(Image.new("RGB", (5, 9), RED).convert("P")), RED),
        (encoded(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG"), (254, 0, 0)),
        (encoded(Image.new("RGBA", (8, 8), (255, 0, 0, 0))), (255, 255, 255)),
        (encoded(Image.new("RGBA", (8, 8), (255, 0, 0, 255)), "WEBP", lossless=True), RED),
        (encoded(Image.new("LA", (8, 8), (10, 0))), (255, 255, 255)),
    ],
    ids=["grey", "bits", "16-bit", "palette", "CMYK", "alpha", "webp", "grey-alpha"],
)
def test_modes_and_sizes(image, expected):
    pixels = decode_image(image, "file", [3, 8, 8])
    assert pixels.shape == (3, 8, 8)
    assert np.abs(pixels - np.array(expected)[:, None, None]).max() <= 2


def test_exif_turns_the_image_upright():
    upright = decode_image(encoded(SKY.rotate(90), "JPEG", exif=SIDEWAYS), "file", [1, 12, 12])
    plain_sky = decode_image(encoded(SKY), "file", [1, 12, 12])
    assert np.abs(upright.astype(int) - plain_sky).max() < 12


def test_the_middle_is_cut_out_not_squeezed():
    wide = Image.new("L", (24, 8), 0)
    wide.paste(255, (8, 0, 16, 8))
    assert (decode_image(encoded(wide), "file", [1, 8, 8]) == 255).all()


@pytest.mark.parametrize(
    ("files", "changes", "words"),
    [
        ({"cats/9.jpg": FILES["cats/3.jpg"][:200]}, {}, ("cats/9.jpg", "not a readable image")),
        ({"dogs/notes.txt": b"woof"}, {}, ("dogs/notes.txt", "not a readable image")),
        ({"readme.txt": b"hello"}, {}, ("readme.txt", "no class folder")),
        ({"birds/1.png": plain()}, {}, ("birds", "[cats, dogs]")),
        ({}, {"classes": ["cats", "dogs", "fish"]}, ("fish", "no image there")),
        ({}, {"classes": ["cats"]}, ("mine.yaml", "classes", "at least 2")),
        ({}, {"sizes": {"train": 4, "test": 2}}, ("3 images", "says 4", "sizes.train: 3")),
    ],
)
@pytest.mark.parametrize("packed", ["folder", "mine.zip", "mine.tar.gz"])
def test_what_is_wrong_with_a_folder_is_named(tmp_path, packed, files, changes, words):
    target = tmp_path / packed
    path = write(target, FILES | files) if packed == "folder" else pack(target, FILES | files)
    refused(config(path, **changes), tmp_path, *words)


def test_empty_class_folder(tmp_path):
    folder = write(tmp_path / "own", {n: d for n, d in FILES.items() if n.startswith("cats")})
    (folder / "dogs").mkdir()
    refused(config(folder), tmp_path, str(folder / "dogs"), "no image there")


def test_class_with_a_single_image(tmp_path):
    files = {name: data for name, data in FILES.items() if name != "dogs/2.gif"}
    refused(config(write(tmp_path / "own", files)), tmp_path, "'dogs'", "two are needed")


def test_link_out_of_the_folder(tmp_path):
    folder = write(tmp_path / "own", FILES)
    (tmp_path / "secret.png").write_bytes(plain())
    (folder / "cats/linked.png").symlink_to(tmp_path / "secret.png")
    refused(config(folder), tmp_path, "cats/linked.png", "a link out of the folder")


@pytest.mark.parametrize("name", ["../cats/9.png", "/etc/cats/9.png", "C:\\cats\\9.png"])
@pytest.mark.parametrize("kind", ["mine.zip", "mine.tar.gz"])
def test_archive_with_names_that_lead_out(tmp_path, name, kind):
    path = pack(tmp_path / kind, FILES | {name: plain()})
    refused(config(path), tmp_path, str(path), repr(name), "leads out")


def test_link_in_an_archive(tmp_path):
    path = pack(tmp_path / "mine.tar.gz", FILES)
    with tarfile.open(path, "w:gz") as archive:
        link = tarfile.TarInfo("cats/1.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    refused(config(path), tmp_path, str(path), "cats/1.png", "a link")


@pytest.mark.parametrize("kind", ["mine.zip", "mine.tar.gz"])
def test_truncated_archive(tmp_path, kind):
    rng = np.random.default_rng(0)
    noise = Image.fromarray(rng.integers(0, 256, (200, 200, 3), np.uint8))
    path = pack(tmp_path / kind, FILES | {"dogs/big.png": encoded(noise)})
    os.truncate(path, path.stat().st_size // 2)
    refused(config(path), tmp_path, str(path))


def test_image_bomb(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 50)
    folder = write(tmp_path / "own", FILES)
    refused(config(folder), tmp_path, "cats/1.png", "decompression bomb")


@pytest.mark.parametrize("kind", ["mine.zip", "mine.tar.gz"])
def test_archive_that_unpacks_to_more_than_images_do(tmp_path, kind, monkeypatch):
    monkeypatch.setattr(images, "MOST_BYTES", 200_000)
    path = pack(tmp_path / kind, FILES | {f"cats/.{i}": bytes(190_000) for i in range(9)})
    refused(config(path), tmp_path, str(path), "more than 100 times its size")


@pytest.mark.parametrize("kind", ["folder", "mine.zip", "mine.tar.gz"])
def test_too_many_and_too_large_files(tmp_path, kind, monkeypatch):
    target = tmp_path / kind
    path = write(target, FILES) if kind == "folder" else pack(target, FILES)
    with monkeypatch.context() as limited:
        limited.setattr(images, "MOST_FILES", 3)
        refused(config(path), tmp_path, str(path), "more than 3 files")
    monkeypatch.setattr(images, "MOST_BYTES", 60)
    monkeypatch.setattr(images, "MOST_RATIO", 1e9)
    refused(config(path), tmp_path, str(path), "at most 60")


def test_missing_folder(tmp_path):
    refused(config(tmp_path / "nowhere"), tmp_path, "nowhere", "source.path")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"path": None}, ("path or archives",)),
        ({"test_share": None}, ("splits or a test_share",)),
        ({"splits": {"train": ["a"]}, "test_share": None}, ("both train and test",)),
        ({"test_share": 1.5}, ("test_share", "less than 1")),
    ],
)
def test_source_that_says_too_little_or_too_much(tmp_path, changes, words):
    source = {"kind": "image-folder", "path": "own", "test_share": 0.3} | changes
    refused(config("", source=source), tmp_path, *words)


IMAGES = np.random.default_rng(1).integers(0, 256, (5, 3, 8, 8)).astype(np.uint8)
LABELS = np.array([0, 0, 0, 1, 1])


def arrays(path, axes, **changes) -> dict:
    source = {
        "kind": path.suffix[1:],
        "path": str(path),
        "train": {"images": "x", "labels": "y"},
        "test_share": 0.3,
        "axes": axes,
    } | changes
    return config("", source=source)


def both(splits):
    return np.concatenate([splits["train"][0], splits["test"][0]]).reshape(5, -1)


@pytest.mark.parametrize("kind", ["npz", "mat", "mat 7.3"])
@pytest.mark.parametrize("axes", ["NCHW", "NHWC", "HWCN"])
def test_arrays_in_any_order_of_axes(tmp_path, kind, axes):
    stored = IMAGES.transpose(["NCHW".index(axis) for axis in axes])
    path = tmp_path / f"mine.{kind[:3]}"
    if kind == "npz":
        np.savez(path, x=stored, y=LABELS)
    elif kind == "mat":
        savemat(path, {"x": stored, "y": LABELS[:, None].astype(float)})
    else:
        with h5py.File(path, "w") as file:
            file["x"], file["y"] = stored.T, LABELS[None].astype(float)
    found = both(build(arrays(path, axes), tmp_path))
    assert sorted(map(tuple, found)) == sorted(map(tuple, IMAGES.reshape(5, -1)))


def test_grey_levels_between_0_and_1_and_labels_from_1(tmp_path):
    np.savez(tmp_path / "mine.npz", x=IMAGES[:, 0] / 255, y=LABELS + 1)
    settings = arrays(tmp_path / "mine.npz", "NHW", first_label=1) | {"shape": [1, 8, 8]}
    splits = build(settings, tmp_path)
    assert sorted(map(tuple, both(splits))) == sorted(map(tuple, IMAGES[:, 0].reshape(5, -1)))
    assert set(splits["train"][1]) == {0, 1}


@pytest.mark.parametrize(
    ("stored", "axes", "words"),
    [
        ({"x": IMAGES}, "NCHW", ("no array 'y'", "found x")),
        ({"x": IMAGES, "y": LABELS}, "NHW", ("4 axes (5 × 3 × 8 × 8)", "NHW")),
        ({"x": IMAGES * 2.0, "y": LABELS}, "NCHW", ("x", "allowed", "0 to 1")),
        ({"x": IMAGES.astype(int) - 1, "y": LABELS}, "NCHW", ("x", "-1", "0 to 255")),
        ({"x": np.full(IMAGES.shape, np.nan), "y": LABELS}, "NCHW", ("x", "nan")),
        ({"x": IMAGES + 1j, "y": LABELS}, "NCHW", ("x", "complex")),
        ({"x": IMAGES[:0], "y": LABELS}, "NCHW", ("x", "empty")),
        ({"x": IMAGES, "y": LABELS + 0.5}, "NCHW", ("y", "whole numbers")),
        ({"x": IMAGES, "y": np.array([object()] * 5)}, "NCHW", ("plain arrays",)),
        ({"x": IMAGES, "y": LABELS}, "NNHW", ("axes",)),
    ],
)
def test_what_is_wrong_with_arrays_is_named(tmp_path, stored, axes, words):
    np.savez(tmp_path / "mine.npz", **stored)
    refused(arrays(tmp_path / "mine.npz", axes), tmp_path, *words)


@pytest.mark.parametrize("kind", ["npz", "mat"])
@pytest.mark.parametrize("data", [b"just text", b"", b"MATLAB 7.3 MAT-file" + bytes(600)])
def test_a_file_that_is_no_array_file(tmp_path, kind, data):
    path = tmp_path / f"mine.{kind}"
    path.write_bytes(data)
    refused(arrays(path, "NCHW"), tmp_path, str(path), "not a readable")


@pytest.mark.parametrize(("name", "side"), [("digits-m", 32), ("digits-m-64", 64)])
def test_digits_over_photographs(published, tmp_path, name, side):
    settings = published.datasets[name].model_dump()
    images, labels = build(settings, tmp_path)["train"]
    assert images.shape == (1297, 3, side, side)
    grey, grey_labels = build(
        published.datasets["digits"].model_dump() | {"shape": [1, side, side]}, tmp_path
    )["train"]
    assert (labels == grey_labels).all()
    # Where there is no ink the photograph shows as it is: channels differ, smoothly.
    background = images.transpose(0, 2, 3, 1)[(grey[:, 0] == 0)]
    assert background.std() > 20
    assert (images == build(settings, tmp_path)["train"][0]).all()


def test_butterflies_from_the_mirror(published, mirror, tmp_path):
    settings = published.datasets["butterfly"]
    outputs = {split: tmp_path / f"{split}.safetensors" for split in ("train", "test")}
    build_dataset(settings, str(mirror), tmp_path / "downloads", outputs)
    images, labels = read_split(outputs["test"])
    assert images.shape == (1000, 3, 64, 64)
    assert (np.bincount(labels) == 10).all()
    assert len(set(labels[:50].tolist())) > 20, "the order is mixed"


def test_the_readmes_example(checkout):
    text = (ROOT / "README.md").read_text()
    example = re.search(r"```yaml\n(id: photos\n.*?)```\n\n```sh\nsnakemake (.*?)\n", text, re.S)
    (checkout.folder / "config/datasets/photos.yaml").write_text(example[1])
    names = [f"{label}/{n}.png" for label in ("cats", "dogs") for n in range(20)]
    write(checkout.folder / "photos", dict.fromkeys(names, plain()))
    target = example[2].split()
    run = checkout.snakemake(*target)
    assert run.returncode == 0, run.stderr
    images, labels = read_split(checkout.folder / "results/datasets/photos/train.safetensors")
    assert images.shape == (32, 3, 64, 64)
    assert np.bincount(labels).tolist() == [16, 16]
    assert "Nothing to be done" in checkout.snakemake(*target).stderr
    (checkout.folder / "photos/cats/1.png").write_bytes(plain(GREEN))
    run = checkout.snakemake(*target)
    assert "Nothing to be done" not in run.stderr
    (checkout.folder / "photos/cats/1.png").write_bytes(b"broken")
    run = checkout.snakemake(*target)
    assert run.returncode == 1
    assert "photos/cats/1.png: not a readable image" in run.stderr
    assert "Traceback" not in run.stderr
