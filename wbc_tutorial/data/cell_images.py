"""The container `CellImages`: images with the class, laboratory and slide of each, in memory or on disk."""

import hashlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from numbers import Real

import numpy as np

from wbc_tutorial.data.classes import CLASSES, find_class
from wbc_tutorial.data.laboratories import FIELD_UM

__all__ = ["CellImages", "StoredImages", "check_cells", "concatenate", "digest_of"]


def digest_of(*facts: np.ndarray | Iterable[str] | str) -> str:
    """Return 32 hexadecimal digits that change when any of the facts changes.

    Each fact enters with its kind and length, so that no two different lists of facts are written alike.

    Parameters
    ----------
    *facts : ndarray, iterable of str, or str
        Arrays of numbers count by shape, type and values.

    Examples
    --------
    >>> digest_of(["ab", "c"]) == digest_of(["a", "bc"])
    False
    """
    sha = hashlib.sha256()
    for fact in facts:
        if isinstance(fact, np.ndarray) and fact.dtype != object:
            content = np.ascontiguousarray(fact)
            sha.update(f"array {content.dtype.str} {content.shape}\n".encode())
            sha.update(content.data)
        else:
            sha.update(repr(fact if isinstance(fact, str) else [str(text) for text in fact]).encode() + b"\n")
    return sha.hexdigest()[:32]


class StoredImages:
    """Rows of memory-mapped stacks, read when they are asked for.

    It is indexed like an array of shape (N, 3, S, S), so that sets larger than memory can be trained on.

    Parameters
    ----------
    stacks : tuple of uint8 (M, S, S, 3)
        Each usually a memory map of one ``images.npy``.
    stack_of, row_of : int64 (N,)
        In which stack each image lies, and in which row of it.
    digests : tuple of str
        One for each stack, which changes with its images (see `wbc_tutorial.data.prepared_files.images_digest`).
    """

    dtype, ndim = np.dtype(np.uint8), 4

    def __init__(
        self, stacks: tuple[np.ndarray, ...], stack_of: np.ndarray, row_of: np.ndarray, digests: tuple[str, ...]
    ):
        self.stacks, self.stack_of, self.row_of, self.digests = stacks, stack_of, row_of, digests
        self.shape = (len(row_of), 3, *stacks[0].shape[1:3])

    def __len__(self) -> int:
        return len(self.row_of)

    def __getitem__(self, index) -> np.ndarray:
        which, rows = np.atleast_1d(self.stack_of[index]), np.atleast_1d(self.row_of[index])
        images = np.empty((len(rows), *self.stacks[0].shape[1:]), dtype=np.uint8)
        for i, stack in enumerate(self.stacks):
            images[which == i] = stack[rows[which == i]]
        images = np.ascontiguousarray(images.transpose(0, 3, 1, 2))
        return images[0] if np.isscalar(index) else images

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        return self[:] if dtype is None else self[:].astype(dtype)

    def select(self, rows: np.ndarray) -> "StoredImages":
        """Keep the same stacks and only these rows; nothing is read."""
        return StoredImages(self.stacks, self.stack_of[rows], self.row_of[rows], self.digests)

    def digest(self) -> str:
        """Return digits that change with the images and their order; nothing is read."""
        return digest_of(self.digests, self.stack_of, self.row_of)


@dataclass(frozen=True, eq=False)
class CellImages:
    """Single-cell images with the class and the laboratory of each.

    Two objects are equal only if they are the same object; compare `digest` to compare what they hold.

    Attributes
    ----------
    images : uint8 (N, 3, S, S)
        An array, or `StoredImages`: rows of files that are read when indexed.
    labels : int64 (N,)
        Index into `classes`.
    domains : int64 (N,)
        Index into `domain_names`.
    classes : tuple of str, default=CLASSES
        Each once.
    domain_names : tuple of str
        The laboratories, each once.
    groups : array of str (N,), default=None
        What must stay in one fold, such as the slide or the patient; ``""``, None or NaN where it is unknown. None: all
        unknown.
    um_per_px : float, default=25 / 64
        Size of a pixel, micrometres; nan where it is unknown.
    provenance : dict, default={}
        Where the images come from. The loaders write ``"source"`` (``"simulated"`` or ``"prepared"``).

    Raises
    ------
    ValueError
        When the arrays differ in length, or a label or domain has no name; for images, names or a pixel size of another
        kind.
    """

    images: np.ndarray | StoredImages
    labels: np.ndarray
    domains: np.ndarray
    classes: tuple[str, ...] = CLASSES
    domain_names: tuple[str, ...] = ()
    groups: np.ndarray = None  # type: ignore[assignment]  # None is filled in below
    um_per_px: float = FIELD_UM / 64
    provenance: dict = field(default_factory=dict)

    def __post_init__(self):
        if not isinstance(self.images, np.ndarray | StoredImages):
            raise ValueError(f"images: got a {type(self.images).__name__}, expected an array, uint8 (N, 3, S, S)")
        if self.images.ndim != 4 or self.images.shape[1] != 3 or self.images.dtype != np.uint8:
            raise ValueError(f"images are {self.images.dtype} {self.images.shape}; expected uint8 (N, 3, S, S)")
        n = len(self.images)
        groups = [""] * n if self.groups is None else ["" if _unknown(group) else str(group) for group in self.groups]
        object.__setattr__(self, "groups", np.array(groups, dtype=object))
        object.__setattr__(self, "labels", _numbers("labels", self.labels))
        object.__setattr__(self, "domains", _numbers("domains", self.domains))
        object.__setattr__(self, "classes", _names("classes", self.classes))
        object.__setattr__(self, "domain_names", _names("domain_names", self.domain_names))
        if not isinstance(self.um_per_px, Real) or self.um_per_px <= 0:
            raise ValueError(f"um_per_px is {self.um_per_px!r}: expected micrometres above 0, or nan if unknown")
        if not len(self.labels) == len(self.domains) == len(self.groups) == n:
            raise ValueError(
                f"{n} images, {len(self.labels)} labels, {len(self.domains)} domains, {len(self.groups)} groups: "
                "each image needs exactly one of each"
            )
        for name, values, names in (
            ("labels", self.labels, self.classes),
            ("domains", self.domains, self.domain_names),
        ):
            if n and not (values.min() >= 0 and values.max() < len(names)):
                raise ValueError(f"{name} run from {values.min()} to {values.max()}; expected 0 to {len(names) - 1}")

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        n, _, size, _ = self.images.shape
        return (
            f"CellImages({n} images of {size} px, {len(self.classes)} classes, domains {', '.join(self.domain_names)},"
            f" {self.provenance.get('source', 'unknown source')})"
        )

    def _repr_html_(self) -> str:
        """Show Jupyter the number of images of each laboratory and class; classes without any are left out."""
        import html

        import pandas as pd

        present = np.flatnonzero(self.counts.sum(axis=0))
        table = pd.DataFrame(self.counts[:, present], self.domain_names, [self.classes[c] for c in present])
        table["all classes"] = table.sum(axis=1)
        return f"<p>{html.escape(repr(self))}</p>\n{table.to_html()}"

    @property
    def counts(self) -> np.ndarray:
        """N[d, c]: images of class c in domain d, int64 (D, C)."""
        counts = np.zeros((len(self.domain_names), len(self.classes)), dtype=np.int64)
        np.add.at(counts, (self.domains, self.labels), 1)
        return counts

    def digest(self) -> str:
        """Return 32 hexadecimal digits that change with any image, label, laboratory, group, or their order.

        Results that were computed from the same digest come from the same cells. Images on disk enter through the
        digest of their file that was taken when the set was loaded, so that they are not read again.
        """
        images = self.images.digest() if isinstance(self.images, StoredImages) else self.images
        return digest_of(images, self.labels, self.domains, self.classes, self.domain_names, self.groups)

    def subset(self, rows) -> "CellImages":
        """Keep only these rows. Classes and domains keep their numbers.

        Parameters
        ----------
        rows : array-like of int or bool
            Indices, or a mask of N truth values.

        Raises
        ------
        ValueError
            Neither of the two, such as a mask of another length.
        """
        rows = np.asarray(rows)
        if rows.ndim != 1 or (rows.size and rows.dtype.kind not in "iub"):
            raise ValueError(
                f"rows are {rows.dtype} {rows.shape}; expected indices, or a mask of {len(self)} truth values"
            )
        if rows.dtype == bool and len(rows) != len(self):
            raise ValueError(
                f"rows are a mask of {len(rows)} truth values; expected one for each of {len(self)} images"
            )
        rows = np.flatnonzero(rows) if rows.dtype == bool else rows.astype(np.int64)
        images = self.images.select(rows) if isinstance(self.images, StoredImages) else self.images[rows]
        return replace(
            self,
            images=images,
            labels=self.labels[rows],
            domains=self.domains[rows],
            groups=self.groups[rows],
        )

    def of_class(self, *names: str) -> "CellImages":
        """Keep only the images of the named classes. Classes and domains keep their numbers.

        Parameters
        ----------
        *names : str
            Names or codes in any case, such as ``"NGS"``.

        Raises
        ------
        ValueError
            None given, or one that is none of `classes`.
        """
        if not names:
            raise ValueError(f"no class given; expected one or more of {', '.join(self.classes)}")
        wanted = [self.classes.index(find_class(name, self.classes)) for name in names]
        return self.subset(np.isin(self.labels, wanted))

    def of_domain(self, *names: str) -> "CellImages":
        """Keep only the named laboratories, renumbered 0, 1, ... in the order given.

        Parameters
        ----------
        *names : str
            Some of `domain_names`.

        Raises
        ------
        ValueError
            None given, one that is not there, or one given twice.
        """
        unknown = [name for name in names if name not in self.domain_names]
        if unknown or not names:
            missing = ", ".join(map(str, unknown)) or "given"
            raise ValueError(f"no domain {missing}; there are {', '.join(self.domain_names)}")
        if len(set(names)) < len(names):
            raise ValueError(f"domains are {', '.join(names)}; expected each once")
        old = [self.domain_names.index(name) for name in names]
        cells = self.subset(np.isin(self.domains, old))
        renumber = np.full(len(self.domain_names), -1)
        renumber[old] = np.arange(len(old))
        return replace(cells, domains=renumber[cells.domains], domain_names=tuple(names))


def _numbers(name: str, values) -> np.ndarray:
    """Return labels or domains as int64 (N,)."""
    values = np.asarray(values)
    if values.ndim != 1 or (values.size and values.dtype.kind not in "iu"):
        raise ValueError(f"{name} are {values.dtype} {values.shape}; expected whole numbers (N,)")
    return values.astype(np.int64)


def _unknown(group) -> bool:
    return group is None or (isinstance(group, float) and math.isnan(group))


def _names(what: str, names) -> tuple[str, ...]:
    """Return class or domain names as a tuple, each once."""
    if isinstance(names, str) or not isinstance(names, Iterable):
        raise ValueError(f"{what} is {names!r}: expected a tuple of names")
    names = tuple(names)
    if not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
        raise ValueError(f"{what} is {names!r}: expected names, text, each once")
    return names


def check_cells(cells: CellImages) -> None:
    """Raise ValueError unless these are `CellImages`."""
    if not isinstance(cells, CellImages):
        raise ValueError(
            f"cells: got a {type(cells).__name__}, expected CellImages, which hold labels and laboratories beside the "
            "images: wbc.load_simulated(...), wbc.load_prepared(...) or wbc.CellImages(images, labels, domains, ...)"
        )


def concatenate(parts: Sequence[CellImages]) -> CellImages:
    """Put sets with the same classes, image size, pixel size and distinct laboratories behind one another.

    Parameters
    ----------
    parts : sequence of CellImages
        One or more.

    Returns
    -------
    CellImages
        ``provenance["source"]`` names every source there is, such as ``"simulated + prepared"``.

    Raises
    ------
    ValueError
        When the sets do not fit together, or a laboratory appears twice.
    """
    if not len(parts):
        raise ValueError("no set to join; expected one or more CellImages")
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


def _join(parts: list[np.ndarray | StoredImages]) -> np.ndarray | StoredImages:
    """Make one stack of several; parts on disk stay there."""
    stored = [part for part in parts if isinstance(part, StoredImages)]
    if len(stored) < len(parts):
        return np.concatenate([np.asarray(part) for part in parts])
    starts = np.cumsum([0] + [len(part.stacks) for part in stored[:-1]])
    return StoredImages(
        tuple(stack for part in stored for stack in part.stacks),
        np.concatenate([part.stack_of + start for part, start in zip(stored, starts, strict=True)]),
        np.concatenate([part.row_of for part in stored]),
        tuple(digest for part in stored for digest in part.digests),
    )
