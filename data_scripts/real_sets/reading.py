"""Reading: many pictures by several threads into one scratch file, and what byte-identical files mean."""

import hashlib
import sys
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np
from tqdm import tqdm

from real_sets.layouts import Item, Listing
from real_sets.pictures import Unusable, read_picture, shrink_array

__all__ = ["MAIN_BATCH", "Picture", "drop_duplicates", "read_listing"]

MAIN_BATCH = (360, 363)
"""Original size of Ace_20's main batch; the second acquisition has another size and another colour."""
_BATCH = 32


@dataclass(frozen=True)
class Picture:
    """One picture that was read: where it comes from, what its file's bytes are, and its place in the scratch."""

    item: Item
    digest: bytes
    original: tuple[int, int]
    place: int

    @property
    def acquisition(self) -> str:
        """``"main"`` or ``"second"`` for Ace_20, else nothing."""
        if self.item.domain != "acevedo_20":
            return ""
        return "main" if (self.item.original or self.original) == MAIN_BATCH else "second"


def _read_batch(items: Sequence[Item], size: int) -> list[tuple[Item, object]]:
    """Read some pictures in a worker; each gives (pixels, digest, original size) or an `Unusable`."""
    results: list[tuple[Item, object]] = []
    for item in items:
        try:
            content = item.load()
            if isinstance(content, np.ndarray):
                pixels = shrink_array(content, size=size, share=item.share)
                original = content.shape[1::-1]
            else:
                pixels, original = read_picture(content, item.file, size=size, crop=item.crop, share=item.share,
                                                native=item.native)  # fmt: skip
            results.append((item, (pixels, hashlib.sha256(content).digest(), original)))
        except Unusable as reason:
            results.append((item, reason))
    return results


def _read_all(items: Iterator[Item], size: int, jobs: int) -> Iterator[tuple[Item, object]]:
    """Read all pictures with `jobs` threads (decoding frees the interpreter), in order, a few batches ahead."""
    waiting: deque[Future] = deque()
    interval = sys.getswitchinterval()
    sys.setswitchinterval(0.0005)  # workers come back for the interpreter every millisecond
    with ThreadPoolExecutor(jobs) as pool:
        try:
            while True:
                while len(waiting) < 4 * jobs and (batch := list(islice(items, _BATCH))):
                    waiting.append(pool.submit(_read_batch, batch, size))
                if not waiting:
                    return
                yield from waiting.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
            sys.setswitchinterval(interval)


def read_listing(listing: Listing, scratch: Path, *, size: int, jobs: int, main_batch: bool) -> list[Picture]:
    """Read the listing's pictures into `scratch`, raw pixels one after the other; the others go to its rejected."""
    total = len(listing.items) if isinstance(listing.items, list) else None
    pictures: list[Picture] = []
    with scratch.open("wb") as file:
        bar = tqdm(_read_all(iter(listing.items), size, jobs), total=total, unit="img", disable=None)
        for item, result in bar:
            if isinstance(result, Unusable):
                listing.rejected.append((item.file, str(result)))
                continue
            pixels, digest, original = result
            picture = Picture(replace(item, load=None), digest, original, len(pictures))
            if main_batch and picture.acquisition == "second":
                width, height = item.original or original
                listing.rejected.append((item.file, f"second acquisition: {width}x{height} px, another colour; "
                                                    "leave out --main-batch to keep it"))  # fmt: skip
                continue
            file.write(pixels.tobytes())
            pictures.append(picture)
    return pictures


def drop_duplicates(pictures: list[Picture], rejected: list[tuple[str, str]]) -> list[Picture]:
    """Keep the first of byte-identical files; where their labels differ, keep none."""
    groups: dict[bytes, list[Picture]] = defaultdict(list)
    for picture in pictures:
        groups[picture.digest].append(picture)
    kept = []
    for group in groups.values():
        if len({picture.item.label for picture in group}) > 1:
            names = ", ".join(f"{one.item.file} ({one.item.label})" for one in group)
            rejected += [(one.item.file, f"duplicates with different labels: {names}; keep the right one")
                         for one in group]  # fmt: skip
            continue
        kept.append(group[0])
        rejected += [(one.item.file, f"duplicate: the same bytes as {group[0].item.file}, which is kept")
                     for one in group[1:]]  # fmt: skip
    return sorted(kept, key=lambda picture: picture.place)
