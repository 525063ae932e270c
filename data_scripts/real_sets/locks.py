"""Locks: one run at a time for one place on the disk."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from real_sets.errors import BadInput

__all__ = ["alone"]


@contextlib.contextmanager
def alone(place: Path) -> Iterator[None]:
    """Hold the lock file beside `place`, so that a second run for the same place is refused before it starts.

    On a disk that knows no locks nothing is held.

    Raises
    ------
    BadInput
        Another run holds it.
    """
    path = place.with_name(f".{place.name}.lock")
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except (Timeout, OSError, NotImplementedError) as problem:
        if isinstance(problem, Timeout) and path.exists():
            raise BadInput(f"{place}: another run is writing this; wait for it, or choose another --out") from None
        lock = None
    try:
        yield
    finally:
        if lock is not None:
            with contextlib.suppress(OSError):
                path.unlink()  # Windows deletes no open file
            lock.release()
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
