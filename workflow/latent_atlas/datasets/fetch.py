"""Getting a data set's files: from a mirror first, then from its official addresses in turn."""

import gzip
import hashlib
import logging
import os
import zlib
from pathlib import Path

from latent_atlas.config.datasets import IdxFile, IdxSource
from latent_atlas.errors import InputError

MIRROR_VARIABLE = "LATENT_ATLAS_MIRROR"

log = logging.getLogger(__name__)


def mirror(setting: str | None) -> str | None:
    """The folder or address to try first: the environment's, else the setting."""
    return os.environ.get(MIRROR_VARIABLE) or setting


def fetch_idx(
    source: IdxSource, mirror: str | None, downloads: Path, where: str
) -> dict[str, bytes]:
    """The four uncompressed idx payloads, each with the SHA-256 that the data set's file names.

    A source that lacks a file, breaks off or holds other bytes is passed over with a warning; when
    none is left an InputError lists what each one did.
    """
    payloads = {}
    for role, file in source.files:
        payloads[role] = _fetch_one(file, source, mirror, downloads, where)
    return payloads


def _fetch_one(
    file: IdxFile, source: IdxSource, mirror: str | None, downloads: Path, where: str
) -> bytes:
    failures = []
    for place in _places(source, mirror, file, downloads):
        try:
            payload = _whole_payload(f"{place}/{file.name}", downloads, file)
        except InputError as error:
            failures.append(f"  {place}: {error}")
        else:
            for failure in failures:
                log.warning("%s: passed over%s", file.name, failure)
            return payload
    raise InputError(
        f"{where}: {file.name} could not be had from any source:\n"
        + "\n".join(failures)
        + "\nCheck the network, or set `data_mirror` (or LATENT_ATLAS_MIRROR) to a folder or "
        f"address that holds {source.folder}/{file.name}."
    )


def _places(source: IdxSource, mirror: str | None, file: IdxFile, downloads: Path) -> list[str]:
    """The mirror, then the official addresses; what was downloaded before goes first."""
    mirrored = [f"{mirror.rstrip('/')}/{source.folder}"] if mirror else []
    places = mirrored + [address.rstrip("/") for address in source.addresses]
    return sorted(
        places, key=lambda place: not _download(f"{place}/{file.name}", downloads).exists()
    )


def _download(address: str, downloads: Path) -> Path:
    digest = hashlib.sha256(address.encode()).hexdigest()[:8]
    return downloads / f"{digest}-{address.rsplit('/', 1)[1]}"


def _obtain(address: str, downloads: Path) -> Path:
    """A local path of the file: itself in a mirror folder, else a finished download."""
    if "://" not in address:
        path = Path(address).expanduser()
        if not path.is_file():
            raise InputError("no such file")
        return path
    import pooch
    import requests

    pooch.get_logger().setLevel("WARNING")
    downloader = pooch.HTTPDownloader(progressbar=True, timeout=60)
    name = _download(address, downloads).name
    try:
        return Path(
            pooch.retrieve(
                address, known_hash=None, fname=name, path=downloads, downloader=downloader
            )
        )
    except (requests.RequestException, OSError, ValueError) as error:
        raise InputError(f"download failed ({type(error).__name__}: {error})") from None


def _whole_payload(address: str, downloads: Path, file: IdxFile) -> bytes:
    """The checked payload; a bad download of ours is deleted, a mirror's file never."""
    path = _obtain(address, downloads)
    try:
        return _checked_payload(path, file)
    except InputError:
        if path.is_relative_to(downloads):
            path.unlink()
        raise


def _checked_payload(path: Path, file: IdxFile) -> bytes:
    try:
        payload = gzip.decompress(path.read_bytes())
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise InputError(f"truncated or damaged gzip ({error})") from None
    found = hashlib.sha256(payload).hexdigest()
    if found != file.sha256:
        raise InputError(f"payload SHA-256 is {found}, expected {file.sha256}")
    return payload
