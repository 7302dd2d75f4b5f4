"""Getting a data set's files: from a mirror first, then from its official addresses in turn."""

import gzip
import hashlib
import logging
import os
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from latent_atlas.config.datasets import (
    Archive,
    CifarSource,
    IdxFile,
    IdxSource,
    ImageFolderSource,
)
from latent_atlas.errors import InputError
from latent_atlas.files import sha256_file

MIRROR_VARIABLE = "LATENT_ATLAS_MIRROR"
MOST_BYTES = 2**28
"""Of an unpacked idx file; the largest of MNIST has 47 million."""
DAY = 24 * 60 * 60
T = TypeVar("T")

log = logging.getLogger(__name__)


def mirror(setting: str | None) -> str | None:
    """The folder or address to try first: the environment's, else the setting."""
    return os.environ.get(MIRROR_VARIABLE) or setting


def fetch_idx(
    source: IdxSource, mirror: str | None, downloads: Path, where: str
) -> dict[str, bytes]:
    """The four uncompressed idx payloads, each with the SHA-256 that the data set's file names."""
    sources = Sources(source.folder, source.addresses, mirror, downloads)
    payloads = {}
    for role, file in source.files:
        found = sources.first(file.name, partial(_checked_payload, file=file))
        if isinstance(found, list):
            raise _not_had(where, file.name, source.folder, found)
        payloads[role] = found
    return payloads


def fetch_archive(
    source: ImageFolderSource, mirror: str | None, downloads: Path, where: str
) -> Path:
    """The first of a data set's archives that can be had, checked."""
    failures = []
    for archive in source.archives:
        sources = Sources(source.folder, archive.addresses, mirror, downloads)
        found = sources.first(archive.name, partial(_checked_archive, archive=archive))
        if isinstance(found, Path):
            return found
        failures += found
    names = " or ".join(archive.name for archive in source.archives)
    raise _not_had(where, names, source.folder, failures)


def fetch_cifar(
    source: CifarSource,
    mirror: str | None,
    downloads: Path,
    where: str,
    read: Callable[[Path], T],
) -> T:
    """What `read` makes of the first archive that it does not refuse."""
    sources = Sources(source.folder, source.addresses, mirror, downloads)
    found = sources.first(source.name, read)
    if isinstance(found, list):
        raise _not_had(where, source.name, source.folder, found)
    return found


@dataclass
class Sources:
    """Where files may lie: below `folder` of the mirror, then at the official addresses."""

    folder: str
    addresses: list[str]
    mirror: str | None
    downloads: Path

    def first(self, name: str, check: Callable[[Path], T]) -> T | list[str]:
        """What `check` makes of the file from the first place where it is whole, with a warning
        for every place passed over; a line for each place where there is none."""
        failures = []
        for place in self._places(name):
            try:
                found = self._checked(f"{place}/{name}", check)
            except InputError as error:
                failures.append(f"  {place}/{name}: {error}")
            else:
                for failure in failures:
                    log.warning("passed over%s", failure)
                return found
        return failures

    def _places(self, name: str) -> list[str]:
        """The mirror, then the addresses; what was downloaded before goes first."""
        mirrored = [f"{self.mirror.rstrip('/')}/{self.folder}"] if self.mirror else []
        places = mirrored + [address.rstrip("/") for address in self.addresses]
        return sorted(
            places, key=lambda place: not _download(f"{place}/{name}", self.downloads).exists()
        )

    def _checked(self, address: str, check: Callable[[Path], T]) -> T:
        """A bad download of ours is deleted, and fetched again where it was an earlier one; a
        mirror's file never."""
        own = _download(address, self.downloads)
        earlier = own.exists()
        path = _obtain(address, self.downloads)
        try:
            return check(path)
        except InputError as error:
            own.unlink(missing_ok=True)
            if not earlier:
                raise
            log.warning("%s: %s; fetching it again", own, error)
        return self._checked(address, check)


def _not_had(where: str, name: str, folder: str, failures: list[str]) -> InputError:
    return InputError(
        f"{where}: {name} could not be had from any source:\n"
        + "\n".join(failures or ["  no address is known"])
        + "\nCheck the network, or set `data_mirror` (or LATENT_ATLAS_MIRROR) to a folder or "
        f"address that holds {folder}/{name}."
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
    downloader = pooch.HTTPDownloader(progressbar=True, timeout=60, hooks={"response": _heed})
    name = _download(address, downloads).name
    _remove_abandoned(downloads)
    try:
        return Path(
            pooch.retrieve(
                address, known_hash=None, fname=name, path=downloads, downloader=downloader
            )
        )
    except (requests.RequestException, OSError, ValueError) as error:
        raise InputError(f"download failed ({type(error).__name__}: {error})") from None


def _remove_abandoned(downloads: Path) -> None:
    """What killed processes left; another may be downloading, but none for a day."""
    for path in downloads.glob("tmp*"):
        if time.time() - path.stat().st_mtime > DAY:
            path.unlink(missing_ok=True)


def _heed(response, *_: object, **__: object) -> None:
    """No address over https leads to one that is not."""
    onward = response.headers.get("location", "")
    if response.url.startswith("https://") and onward.startswith("http://"):
        raise ValueError(f"{response.url} leads to {onward}, which is not https")


def _checked_archive(path: Path, archive: Archive) -> Path:
    if archive.sha256 is None:
        log.warning("%s: its publisher gives no SHA-256; only `sizes` is checked", archive.name)
        return path
    found = sha256_file(path)
    if found != archive.sha256:
        raise InputError(f"SHA-256 is {found}, expected {archive.sha256}")
    return path


def _checked_payload(path: Path, file: IdxFile) -> bytes:
    try:
        with gzip.open(path) as unpacked:
            payload = unpacked.read(MOST_BYTES + 1)
    except (EOFError, OSError, zlib.error) as error:
        raise InputError(f"truncated or damaged gzip ({error})") from None
    if len(payload) > MOST_BYTES:
        raise InputError(f"unpacks to more than {MOST_BYTES} bytes")
    found = hashlib.sha256(payload).hexdigest()
    if found != file.sha256:
        raise InputError(f"payload SHA-256 is {found}, expected {file.sha256}")
    return payload
