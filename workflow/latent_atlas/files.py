"""Reading and writing the pipeline's files: whole or not at all, never unpickled."""

import glob
import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from latent_atlas.errors import InputError
from latent_atlas.memory import over_budget

METADATA = "latent_atlas"
DIGEST, FRAME_DIGEST = "digest", "frame_digest"
AGAIN = "delete it and run again"
UNFINISHED = ".unfinished-"
"""How the names of files begin that are being written."""

Files = Mapping[str, str | list[str]]


def flat(files: Files) -> list[str]:
    """Every file, where a name may stand for several."""
    return [f for some in files.values() for f in ([some] if isinstance(some, str) else some)]


def read_and_written(tasks: Sequence[Mapping]) -> tuple[list[str], list[str]]:
    """What tasks read that none of them writes, by their `input`, and what they write, by their
    `output`; every file once."""
    read, written = (
        dict.fromkeys(file for task in tasks for file in flat(task[side]))
        for side in ("input", "output")
    )
    return [file for file in read if file not in written], list(written)


def renamed(files: Files, names: Mapping[str, str]) -> Files:
    return {
        name: names[some] if isinstance(some, str) else [names[file] for file in some]
        for name, some in files.items()
    }


@contextmanager
def atomic(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; when the block ends well, and what it wrote is on the
    disk, rename it to `path`. Raises InputError where the system refuses: the disk is full, the
    folder read-only."""
    path, temporary = Path(path), None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f"{UNFINISHED}{path.name}.", dir=path.parent)
        os.close(handle)
        temporary = Path(name)
        yield temporary
        temporary.chmod(0o666 & ~_umask())
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.replace(path)
    except OSError as error:
        raise InputError(
            f"{path}: cannot be written ({error.strerror or error}); what was there before is "
            "still there: make room or set the permissions, then run again"
        ) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def check_writable(folder: str | Path) -> None:
    """InputError where a file cannot be made in it."""
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"x")
            file.flush()
    except OSError as error:
        raise InputError(
            f"{folder}: cannot be written ({error.strerror}); make room or set the permissions, "
            "then run again"
        ) from None


def remove_unfinished(folder: Path, name: str = "") -> None:
    """What killed processes left of the file, or of any in the folder; nobody else may be writing
    there."""
    for path in folder.glob(f"{UNFINISHED}{glob.escape(name)}*"):
        path.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def sha256_file(path: str | Path) -> str:
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_json(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def write_tensors(path: str | Path, tensors: Mapping[str, np.ndarray], **metadata: object) -> None:
    """Save arrays as safetensors, the metadata and a digest of the arrays as JSON under one key:
    the library writes several keys in an order of its own, and equal contents must be equal
    bytes."""
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    plain = {name: np.asarray(array, order="C") for name, array in tensors.items()}
    kept = json.dumps(metadata | {DIGEST: _digest(plain)}, sort_keys=True)
    with atomic(path) as temporary:
        try:
            save_file(plain, temporary, {METADATA: kept})
        except SafetensorError as error:
            raise OSError(str(error)) from error


def _digest(tensors: Mapping[str, np.ndarray]) -> str:
    digest = hashlib.sha256()
    for name, array in sorted(tensors.items()):
        digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def read_tensors(path: str | Path) -> dict[str, np.ndarray]:
    """Those over the budget (`memory`) are mapped, and can be read only."""
    with _readable(path) as file:
        places = _places(path)
        tensors = {
            name: _mapped(path, place) if over_budget(place.size) else file.get_tensor(name)
            for name, place in places.items()
        }
        digest = _metadata(file).get(DIGEST)
    if digest not in (None, _digest(tensors)):
        raise InputError(f"{path}: its content has changed since it was written; {AGAIN}")
    return tensors


def read_tensor_metadata(path: str | Path) -> dict[str, object]:
    with _readable(path) as file:
        return _metadata(file)


@contextmanager
def _readable(path: str | Path) -> Iterator:
    """A safetensors file, whose header is found to be sound."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as file:
            yield file
    except (SafetensorError, OSError, ValueError) as error:
        raise InputError(f"{path}: not a readable safetensors file ({error}); {AGAIN}") from error


@dataclass(frozen=True)
class _Place:
    """Of a tensor in a file: where its bytes begin and end, dtype as safetensors names it."""

    begin: int
    end: int
    dtype: str
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        return self.end - self.begin


def _places(path: str | Path) -> dict[str, _Place]:
    """As the format has it: the length of the header, the header as JSON, the bytes."""
    with Path(path).open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
    return {
        name: _Place(
            *(8 + length + offset for offset in facts["data_offsets"]),
            facts["dtype"],
            tuple(facts["shape"]),
        )
        for name, facts in header.items()
        if name != "__metadata__"
    }


def _mapped(path: str | Path, place: _Place) -> np.ndarray:
    """Of the numbers that numpy knows too: "F32" is its "f4"."""
    dtype = f"{place.dtype[0].lower()}{int(place.dtype[1:]) // 8}"
    return np.memmap(path, dtype, "r", place.begin, place.shape)


def _metadata(file) -> dict[str, object]:
    return json.loads((file.metadata() or {}).get(METADATA, "{}"))


def write_json(path: str | Path, value: object) -> None:
    with atomic(path) as temporary:
        text = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
        temporary.write_text(text, encoding="utf-8")


def write_table(path: str | Path, frame, **metadata: object) -> None:
    """Save a pandas frame as parquet, the metadata and a digest of the frame as JSON in the
    footer."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    facts = metadata | {FRAME_DIGEST: _frame_digest(table.to_pandas())}
    footer = {METADATA: json.dumps(facts, sort_keys=True)}
    with atomic(path) as temporary:
        pq.write_table(table.replace_schema_metadata(footer), temporary, compression="zstd")


def _frame_digest(frame) -> str:
    from pandas.util import hash_pandas_object

    lists = {name: frame[name].map(list).map(repr) for name in frame if frame[name].dtype == object}
    digest = hashlib.sha256(f"{frame.dtypes.to_dict()}".encode())
    digest.update(hash_pandas_object(frame.assign(**lists), index=False).to_numpy().data)
    return digest.hexdigest()


def read_table(path: str | Path):
    import pyarrow.parquet as pq

    with _readable_table(path):
        table = pq.read_table(path)
        frame, digest = table.to_pandas(), _footer(table.schema).get(FRAME_DIGEST)
        changed = digest not in (None, _frame_digest(frame))
    if changed:
        raise InputError(f"{path}: its content has changed since it was written; {AGAIN}")
    return frame


@contextmanager
def _readable_table(path: str | Path) -> Iterator[None]:
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError, ValueError) as error:
        raise InputError(f"{path}: not a readable parquet file ({error}); {AGAIN}") from error


def join_tables(
    paths: Sequence[str], output: str | Path, change: Callable | None = None, **metadata: object
) -> None:
    """Write the rows of several tables as one, `change`d, with each one's metadata."""
    import pandas as pd

    frame = pd.concat([read_table(path) for path in paths], ignore_index=True)
    sources = {path: read_table_metadata(path) for path in paths}
    write_table(output, change(frame) if change else frame, sources=sources, **metadata)


def read_table_metadata(path: str | Path) -> dict:
    import pyarrow.parquet as pq

    with _readable_table(path):
        return _footer(pq.read_schema(path))


def _footer(schema) -> dict:
    return json.loads((schema.metadata or {}).get(METADATA.encode(), b"{}"))
