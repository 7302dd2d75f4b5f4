"""Reading and writing the pipeline's files: whole or not at all, never unpickled."""

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from latent_atlas.errors import InputError

METADATA = "latent_atlas"
DIGEST = "digest"
AGAIN = "delete it and run again"

Files = Mapping[str, str | list[str]]


def flat(files: Files) -> list[str]:
    """Every file, where a name may stand for several."""
    return [f for some in files.values() for f in ([some] if isinstance(some, str) else some)]


@contextmanager
def atomic(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; when the block ends well, and what it wrote is on the
    disk, rename it to `path`."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o666 & ~_umask())
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


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
    from safetensors.numpy import save_file

    plain = {name: np.asarray(array, order="C") for name, array in tensors.items()}
    kept = json.dumps(metadata | {DIGEST: _digest(plain)}, sort_keys=True)
    with atomic(path) as temporary:
        save_file(plain, temporary, {METADATA: kept})


def _digest(tensors: Mapping[str, np.ndarray]) -> str:
    digest = hashlib.sha256()
    for name, array in sorted(tensors.items()):
        digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def read_tensors(path: str | Path) -> dict[str, np.ndarray]:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        tensors = load_file(path)
        digest = read_tensor_metadata(path).get(DIGEST)
    except (SafetensorError, OSError, ValueError) as error:
        raise InputError(f"{path}: not a readable safetensors file ({error}); {AGAIN}") from error
    if digest not in (None, _digest(tensors)):
        raise InputError(f"{path}: its content has changed since it was written; {AGAIN}")
    return tensors


def read_tensor_metadata(path: str | Path) -> dict[str, object]:
    from safetensors import safe_open

    with safe_open(path, framework="np") as file:
        return json.loads((file.metadata() or {}).get(METADATA, "{}"))


def write_json(path: str | Path, value: object) -> None:
    with atomic(path) as temporary:
        text = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
        temporary.write_text(text, encoding="utf-8")


def write_table(path: str | Path, frame, **metadata: object) -> None:
    """Save a pandas frame as parquet, the metadata as JSON in the footer."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pandas(frame, preserve_index=False)
    footer = {METADATA: json.dumps(metadata, sort_keys=True)}
    with atomic(path) as temporary:
        pq.write_table(table.replace_schema_metadata(footer), temporary, compression="zstd")


def read_table(path: str | Path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.read_table(path).to_pandas()
    except (pa.ArrowInvalid, OSError) as error:
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

    footer = pq.read_schema(path).metadata or {}
    return json.loads(footer.get(METADATA.encode(), b"{}"))
