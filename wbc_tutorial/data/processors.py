"""Processors: how many of the machine's this process may use. Standard library only, so that it always imports."""

import math
import os
from pathlib import Path

__all__ = ["usable_processors"]


def usable_processors(root: str | Path = "/sys/fs/cgroup") -> int:
    """Count the processors that this process may use: its container's quota, never more than the machine's.

    ``os.cpu_count()`` counts the host's processors. On Binder these are dozens, while the quota is about one, and
    dozens of threads on one processor are slow.

    Parameters
    ----------
    root : path, default="/sys/fs/cgroup"
        Where Linux states the container's quota. Both versions of its layout are read.

    Returns
    -------
    int
        1 or more. A quota of 1.5 processors counts as 2; without a readable quota the machine's processors count.

    Examples
    --------
    >>> usable_processors() >= 1
    True
    """
    try:
        ours = len(os.sched_getaffinity(0))  # type: ignore[attr-defined,unused-ignore]
    except AttributeError:  # not on Linux
        ours = os.cpu_count() or 1
    quota = _quota(Path(root))
    return ours if quota is None else max(1, min(ours, math.ceil(quota)))


def _quota(root: Path) -> float | None:
    """Read how many processors' time the container may use; None where there is no limit."""
    for files in (("cpu.max",), ("cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us")):  # version 2, version 1
        try:
            quota, period = " ".join((root / name).read_text(encoding="utf-8") for name in files).split()[:2]
            share = int(quota) / int(period)
        except (OSError, ValueError, ZeroDivisionError):  # no such file, or "max": no limit stated here
            continue
        if share > 0:  # version 1 writes -1 for no limit
            return share
    return None
