"""Container: `CellImages`, images with the class and the laboratory of each, in memory or on disk."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from wbc_tutorial.data.classes import CLASSES
from wbc_tutorial.data.laboratories import FIELD_UM

__all__ = ["CellImages", "StoredImages", "concatenate"]


class StoredImages:
    """Rows of memory-mapped stacks (M, S, S, 3), read when they are asked for, as uint8 (n, 3, S, S).

    It is indexed like an array of shape (N, 3, S, S), so that sets larger than memory can be trained on.
    """

    dtype, ndim = np.dtype(np.uint8), 4

    def __init__(self, stacks: tuple[np.ndarray, ...], stack_of: np.ndarray, row_of: np.ndarray):
        self.stacks, self.stack_of, self.row_of = stacks, stack_of, row_of
        self.shape = (len(row_of), 3, *stacks[0].shape[1:3])

    def __len__(self) -> int:
        return len(self.row_of)

    def __getitem__(self, index):
        which, rows = np.atleast_1d(self.stack_of[index]), np.atleast_1d(self.row_of[index])
        images = np.empty((len(rows), *self.stacks[0].shape[1:]), dtype=np.uint8)
        for i, stack in enumerate(self.stacks):
            images[which == i] = stack[rows[which == i]]
        images = np.ascontiguousarray(images.transpose(0, 3, 1, 2))
        return images[0] if np.isscalar(index) else images

    def __array__(self, dtype=None, copy=None):
        return self[:] if dtype is None else self[:].astype(dtype)

    def select(self, rows: np.ndarray) -> "StoredImages":
        """Keep the same stacks and only these rows; nothing is read."""
        return StoredImages(self.stacks, self.stack_of[rows], self.row_of[rows])


@dataclass(frozen=True)
class CellImages:
    """Single-cell images with the class and the laboratory of each.

    Attributes
    ----------
    images : uint8 (N, 3, S, S)
        Arrays, or rows of a memory-mapped file that are read when indexed.
    labels : int64 (N,)
        Index into `classes`.
    domains : int64 (N,)
        Index into `domain_names`.
    classes, domain_names : tuple of str
    groups : array of str (N,)
        What must stay in one fold, such as the slide; ``""`` where it is unknown.
    um_per_px : float
        Size of a pixel, micrometres.
    provenance : dict
        Where the images come from: always holds ``"source"`` (``"simulated"`` or ``"prepared"``).
    """

    images: np.ndarray
    labels: np.ndarray
    domains: np.ndarray
    classes: tuple[str, ...] = CLASSES
    domain_names: tuple[str, ...] = ()
    groups: np.ndarray | None = None
    um_per_px: float = FIELD_UM / 64
    provenance: dict = field(default_factory=dict)

    def __post_init__(self):
        n = len(self.images)
        if self.groups is None:
            object.__setattr__(self, "groups", np.full(n, "", dtype=object))
        if not len(self.labels) == len(self.domains) == len(self.groups) == n:
            raise ValueError(
                f"{n} images, {len(self.labels)} labels, {len(self.domains)} domains, {len(self.groups)} groups: "
                "each image needs exactly one of each"
            )
        if self.images.ndim != 4 or self.images.shape[1] != 3 or self.images.dtype != np.uint8:
            raise ValueError(f"images are {self.images.dtype} {self.images.shape}; expected uint8 (N, 3, S, S)")
        for name, values, allowed in (
            ("labels", self.labels, len(self.classes)),
            ("domains", self.domains, len(self.domain_names)),
        ):
            if n and not (np.min(values) >= 0 and np.max(values) < allowed):
                raise ValueError(f"{name} run from {np.min(values)} to {np.max(values)}; expected 0 to {allowed - 1}")

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        n, _, size, _ = self.images.shape
        return (
            f"CellImages({n} images of {size} px, {len(self.classes)} classes, domains {', '.join(self.domain_names)},"
            f" {self.provenance.get('source', 'unknown source')})"
        )

    @property
    def counts(self) -> np.ndarray:
        """N[d, c]: images of class c in domain d, int64 (D, C)."""
        counts = np.zeros((len(self.domain_names), len(self.classes)), dtype=np.int64)
        np.add.at(counts, (self.domains, self.labels), 1)
        return counts

    def digest(self) -> str:
        """Return 16 hexadecimal digits that change with the cells: of a prepared set the digest in its set.json."""
        parts = self.provenance.get("parts", [self.provenance])
        stored = [part.get("digest") for part in parts]
        facts = [*stored] if all(stored) else [np.ascontiguousarray(self.images[:]).tobytes()]
        sha = hashlib.sha256(repr((self.classes, self.domain_names)).encode())
        for fact in [*facts, self.labels.tobytes(), self.domains.tobytes()]:
            sha.update(fact.encode() if isinstance(fact, str) else fact)
        return sha.hexdigest()[:16]

    def subset(self, rows) -> "CellImages":
        """Only these rows: indices or a boolean mask. Classes and domains keep their numbers."""
        rows = np.asarray(rows)
        rows = np.flatnonzero(rows) if rows.dtype == bool else rows.astype(np.int64)
        images = self.images.select(rows) if isinstance(self.images, StoredImages) else self.images[rows]
        return replace(
            self,
            images=images,
            labels=self.labels[rows],
            domains=self.domains[rows],
            groups=self.groups[rows],
        )

    def of_domain(self, *names: str) -> "CellImages":
        """Only the named laboratories, renumbered 0, 1, ... in the order given."""
        unknown = [name for name in names if name not in self.domain_names]
        if unknown or not names:
            raise ValueError(f"no domain {', '.join(unknown) or 'given'}; there are {', '.join(self.domain_names)}")
        old = [self.domain_names.index(name) for name in names]
        cells = self.subset(np.isin(self.domains, old))
        renumber = np.full(len(self.domain_names), -1)
        renumber[old] = np.arange(len(old))
        return replace(cells, domains=renumber[cells.domains], domain_names=tuple(names))


def concatenate(parts: Sequence[CellImages]) -> CellImages:
    """Put sets with the same classes, image size, pixel size and distinct laboratories behind one another.

    ``provenance["source"]`` names every source there is, such as ``"simulated + prepared"``.
    """
    names = [name for part in parts for name in part.domain_names]
    first = parts[0]
    for part in parts[1:]:
        if part.classes != first.classes or part.images.shape[1:] != first.images.shape[1:]:
            raise ValueError(
                f"cannot join {first!r} and {part!r}: prepare both with the same --size and load the same classes"
            )
        if not np.isclose(part.um_per_px, first.um_per_px, equal_nan=True):
            raise ValueError(
                f"cannot join {first!r} and {part!r}: a pixel shows {first.um_per_px:g} and {part.um_per_px:g} um; "
                "prepare both with the same --field-um and --size"
            )
    if len(set(names)) < len(names):
        raise ValueError(f"a laboratory appears twice among {', '.join(names)}: each may be loaded once")
    starts = np.cumsum([0] + [len(part.domain_names) for part in parts[:-1]])
    return replace(
        first,
        images=_join([part.images for part in parts]),
        labels=np.concatenate([part.labels for part in parts]),
        domains=np.concatenate([part.domains + start for part, start in zip(parts, starts, strict=True)]),
        groups=np.concatenate([part.groups for part in parts]),
        domain_names=tuple(names),
        provenance={"source": _sources(parts), "parts": [part.provenance for part in parts]},
    )


def _sources(parts: Sequence[CellImages]) -> str:
    """Name each source once, in order."""
    named = [name for part in parts for name in str(part.provenance.get("source", "unknown source")).split(" + ")]
    return " + ".join(dict.fromkeys(named))


def _join(parts: list):
    """One stack from several; parts on disk stay there."""
    if not all(isinstance(part, StoredImages) for part in parts):
        return np.concatenate([np.asarray(part) for part in parts])
    starts = np.cumsum([0] + [len(part.stacks) for part in parts[:-1]])
    return StoredImages(
        tuple(stack for part in parts for stack in part.stacks),
        np.concatenate([part.stack_of + start for part, start in zip(parts, starts, strict=True)]),
        np.concatenate([part.row_of for part in parts]),
    )
