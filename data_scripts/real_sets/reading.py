"""Reading: many pictures by several threads into one scratch file, and what identical pictures mean."""

import hashlib
import sys
from collections import Counter, defaultdict, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np
from tqdm import tqdm

from real_sets.listing import Item, Listing
from real_sets.pictures import Decoded, Unusable, read_picture, shrink_array

__all__ = ["MAIN_BATCH", "TWO_LABELS", "Picture", "drop_duplicates", "pixel_digest", "read_listing", "remarks"]

MAIN_BATCH = (360, 363)
"""Original size of Ace_20's main batch; the second acquisition has another size and another colour."""
TWO_LABELS = "duplicates with different labels"
"""Begins the reason of pictures with the same pixels whose labels differ."""
_BATCH = 32
_SCALE_TOLERANCE = 0.05


@dataclass(frozen=True)
class Picture:
    """One picture that was read: where it comes from, what was found, and its place in the scratch file.

    Attributes
    ----------
    item : Item
    decoded : Decoded
        Without its pixels.
    digest : str
        `pixel_digest` of the prepared pixels.
    place : int
        Number of the picture in the scratch file.
    """

    item: Item
    decoded: Decoded
    digest: str
    place: int

    @property
    def original(self) -> tuple[int, int]:
        """Width and height before any crop."""
        return self.item.original or self.decoded.original

    @property
    def side(self) -> float:
        """Side of the square that was kept, native pixels."""
        if self.item.spot is not None:
            return self.item.spot.square(*self.original, self.item.crop)[2]
        return self.item.crop or min(self.original) * self.item.share

    @property
    def acquisition(self) -> str:
        """``"main"`` or ``"second"`` for Ace_20, else nothing."""
        if self.item.domain != "acevedo_20":
            return ""
        return "main" if self.original == MAIN_BATCH else "second"


def pixel_digest(pixels: np.ndarray) -> str:
    """Return 16 hexadecimal letters (BLAKE2b) that are the same for the same prepared pixels, and for no others."""
    return hashlib.blake2b(np.ascontiguousarray(pixels), digest_size=8).hexdigest()


def _read_batch(items: Sequence[Item], size: int) -> list[tuple[Item, Decoded | Unusable]]:
    """Read some pictures in a worker; each gives what was decoded, or the reason why not."""
    results: list[tuple[Item, Decoded | Unusable]] = []
    for item in items:
        try:
            content = item.load()
            if isinstance(content, np.ndarray):
                decoded = Decoded(shrink_array(content, size=size, share=item.share), content.shape[1::-1])
            else:
                decoded = read_picture(content, item.file, size=size, crop=item.crop, share=item.share,
                                       centre=item.centre, native=item.native, spot=item.spot)  # fmt: skip
            results.append((item, decoded))
        except Unusable as reason:
            results.append((item, reason))
    return results


def _read_all(items: Iterator[Item], size: int, jobs: int) -> Iterator[tuple[Item, Decoded | Unusable]]:
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
    """Read the listing's pictures into `scratch`, raw pixels one after the other; the others go to its rejected.

    Parameters
    ----------
    listing : Listing
    scratch : Path
        Gets ``size * size * 3`` bytes for each picture that is returned.
    size : int
        Side of a prepared picture, pixels.
    jobs : int
        Threads.
    main_batch : bool
        Leave out Ace_20's second acquisition.
    """
    total = len(listing.items) if isinstance(listing.items, list) else None
    pictures: list[Picture] = []
    with scratch.open("wb") as file:
        bar = tqdm(_read_all(iter(listing.items), size, jobs), total=total, unit="img", disable=None)
        for item, result in bar:
            if isinstance(result, Unusable):
                listing.reject(item.file, str(result))
                continue
            pixels = result.pixels
            picture = Picture(replace(item, load=None), replace(result, pixels=None), pixel_digest(pixels),
                              len(pictures))  # fmt: skip
            if main_batch and picture.acquisition == "second":
                width, height = picture.original
                listing.reject(item.file, f"second acquisition: {width}x{height} px, another colour; "
                                          "leave out --main-batch to keep it")  # fmt: skip
                continue
            file.write(pixels.tobytes())
            pictures.append(picture)
    return pictures


def drop_duplicates(pictures: list[Picture], listing: Listing) -> list[Picture]:
    """Keep the first of several pictures with the same pixels; where their labels differ, keep none.

    It does not matter how the second one came in: as a copy, a link, another file format, or a second name.
    """
    groups: dict[str, list[Picture]] = defaultdict(list)
    for picture in pictures:
        groups[picture.digest].append(picture)
    kept = []
    for group in groups.values():
        if len({picture.item.label for picture in group}) > 1:
            names = ", ".join(f"{one.item.file} ({one.item.label})" for one in group[:4])
            more = f" and {len(group) - 4} more" if len(group) > 4 else ""
            for one in group:
                listing.reject(one.item.file, f"{TWO_LABELS}: {names}{more}; keep the right one")
            continue
        kept.append(group[0])
        for one in group[1:]:
            listing.reject(one.item.file, f"duplicate: the same pixels as {group[0].item.file}, which is kept")
    return sorted(kept, key=lambda picture: picture.place)


def remarks(pictures: list[Picture], listing: Listing, size: int) -> list[str]:
    """Say what was unusual about colour and scale, one line a kind."""
    found = []
    profiles = Counter(one.decoded.profile for one in pictures if one.decoded.profile)
    for name, count in profiles.most_common():
        done = "cannot be read; it was ignored" if name == "unreadable" else "was used: converted to sRGB"
        found.append(f"{count:,} of {len(pictures):,} pictures carry a colour profile ({name}) that {done}")
    if enlarged := sum(one.side < size for one in pictures):
        found.append(f"{enlarged:,} pictures were enlarged: their field has fewer than {size} px")
    if moved := sum(one.decoded.moved for one in pictures):
        found.append(f"{moved:,} cells lie near the edge of their picture: the square was moved inward, so that they "
                     "are not in its centre")  # fmt: skip
    if padded := sum(one.decoded.padded for one in pictures):
        found.append(f"{padded:,} cells lie near the edge of their picture: what lies outside was filled with the "
                     "picture's background colour")  # fmt: skip
    if listing.um_per_px is not None:
        found += _scale_remarks(pictures, listing.um_per_px)
    return found


def _scale_remarks(pictures: list[Picture], um_per_px: float) -> list[str]:
    """Compare the scale that the user gave with what the pictures state and with their sizes."""
    found = []
    sizes = Counter(one.original for one in pictures)
    if len(sizes) > 1:
        shown = ", ".join(f"{width}x{height} ({count:,})" for (width, height), count in sizes.most_common(3))
        more = f" and {len(sizes) - 3} more sizes" if len(sizes) > 3 else ""
        found.append(f"pictures of {len(sizes)} sizes: {shown}{more}; --um-per-px {um_per_px:g} was used for all")
    stated = [one.decoded.um_per_px for one in pictures if one.decoded.um_per_px]
    others = Counter(float(f"{scale:.4g}") for scale in stated if abs(scale / um_per_px - 1) > _SCALE_TOLERANCE)
    if others:
        scale, _ = others.most_common(1)[0]
        found.append(f"{sum(others.values()):,} of {len(pictures):,} pictures state another scale, such as {scale:g} "
                     f"um per px, than --um-per-px {um_per_px:g}, which was used: check which is right")  # fmt: skip
    return found
