"""SIGTERM, which clusters send some time before they kill."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

STATUS = 75
"""Of a process that stopped so and may be started again: EX_TEMPFAIL of sysexits.h."""

_asked = threading.Event()
_polling: list[object] = []


class Interrupted(BaseException):
    """The process has been asked to end."""


@contextmanager
def heeded() -> Iterator[None]:
    """SIGTERM raises `Interrupted` in the main thread, at once or, within `polled`, at the next
    `check`."""

    def ask(*_: object) -> None:
        _asked.set()
        if not _polling:
            raise Interrupted

    before = signal.signal(signal.SIGTERM, ask)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
        _asked.clear()


@contextmanager
def polled() -> Iterator[None]:
    """For work that calls `check`, or `asked` and saves what it has."""
    _polling.append(None)
    try:
        yield
    finally:
        _polling.pop()


def asked() -> bool:
    return _asked.is_set()


def check() -> None:
    if asked():
        raise Interrupted
