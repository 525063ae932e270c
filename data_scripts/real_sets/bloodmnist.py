"""BloodMNIST: one .npz of arrays, read row by row; neither pickle nor the whole array in memory."""

import math
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from real_sets.errors import BadInput
from real_sets.fetch import digest_of
from real_sets.labels import keep_classes
from real_sets.listing import Item, Listing, facts_of
from wbc_tutorial.data.laboratories import OPEN_SETS, Laboratory

__all__ = ["FIELD_UM", "KNOWN_MD5", "NATIVE", "bloodmnist"]

NATIVE = ("basophil", "eosinophil", "erythroblast", "ig", "lymphocyte", "monocyte", "neutrophil", "platelet")
FIELD_UM = 20.0
"""MedMNIST cut the centred 200 px of Ace_20's 360 px pictures, at 10 px per um: less than the course's 25 um."""
KNOWN_MD5 = {
    28: "7053d0359d879ad8a5505303e11de1dc",
    64: "2b94928a2ae4916078ca51e05b6b800b",
    128: "adace1e0ed228fccda1f39692059dd4c",
    224: "b718ff6835fcbdb22ba9eacccd7b2601",
}
SPLITS = ("train", "val", "test")


def _find(source: Path) -> Path:
    """Return the .npz file that `source` is or holds."""
    if source.is_file():
        return source
    found = sorted(source.glob("bloodmnist*.npz")) if source.is_dir() else []
    if len(found) != 1:
        raise BadInput(f"{source}: holds {len(found)} files bloodmnist*.npz; give the one file as --source")
    return found[0]


class _Member:
    """One array of the file: its shape at once, its rows one after the other."""

    def __init__(self, archive: zipfile.ZipFile, name: str, path: Path):
        self.stream = archive.open(f"{name}.npy")
        version = np.lib.format.read_magic(self.stream)
        if version not in ((1, 0), (2, 0)):
            raise BadInput(f"{path}: {name} has the unknown array format {version}; fetch the file again")
        header = getattr(np.lib.format, f"read_array_header_{version[0]}_0")
        try:
            self.shape, fortran, self.dtype = header(self.stream)
        except (ValueError, SyntaxError, TypeError, tokenize.TokenError, MemoryError) as problem:
            raise BadInput(f"{path}: {name} has a damaged header ({type(problem).__name__}); fetch the file again"
                           ) from None  # fmt: skip
        if min(self.shape, default=0) < 1:
            raise BadInput(f"{path}: {name} is {self.shape}; expected at least one picture; fetch the file again")
        if fortran:
            raise BadInput(f"{path}: {name} is stored column by column, expected row by row; fetch the file again")
        if self.dtype.hasobject or self.dtype.kind not in "ui":
            raise BadInput(f"{path}: {name} holds {self.dtype}, not numbers; fetch the file from its own record")

    def rows(self) -> Iterator[np.ndarray]:
        """Yield row after row."""
        count = math.prod(self.shape[1:]) * self.dtype.itemsize
        for _ in range(self.shape[0]):
            content = self.stream.read(count)
            if len(content) != count:
                raise zipfile.BadZipFile("the array is cut off")
            yield np.frombuffer(content, self.dtype).reshape(self.shape[1:])


def _check_shapes(path: Path, archive: zipfile.ZipFile) -> int:
    """Return the side of the pictures when the six arrays belong together."""
    sides = set()
    for split in SPLITS:
        images, labels = (_Member(archive, f"{split}_{what}", path) for what in ("images", "labels"))
        if len(images.shape) != 4 or images.shape[1] != images.shape[2] or images.shape[3] != 3:
            raise BadInput(f"{path}: {split}_images is {images.shape}; expected (N, S, S, 3), colour")
        if not 8 <= images.shape[1] <= 1024:
            raise BadInput(f"{path}: {split}_images is {images.shape}; expected 28, 64, 128 or 224 px")
        if images.dtype != np.uint8:
            raise BadInput(f"{path}: {split}_images is {images.dtype}; expected uint8; fetch the file again")
        if labels.shape not in ((images.shape[0],), (images.shape[0], 1)):
            raise BadInput(f"{path}: {split} has {images.shape[0]} images but {math.prod(labels.shape)} labels; "
                           "fetch the file again")  # fmt: skip
        sides.add(images.shape[1])
    if len(sides) != 1:
        raise BadInput(f"{path}: pictures of several sizes, {sorted(sides)} px; fetch the file again")
    return sides.pop()


def bloodmnist(source: Path, *, classes: int, field_um: float | None) -> Listing:
    """List the pictures of ``bloodmnist[_64|_128|_224].npz``.

    Parameters
    ----------
    source : Path
        The file, or the folder that holds it.
    classes : {13, 11, 5}
    field_um : float or None
        At most the 20 um that the pictures show, the default.

    Raises
    ------
    BadInput
        When the file is missing, damaged, or not BloodMNIST.
    """
    path = _find(source)
    field_um = field_um or FIELD_UM
    if field_um > FIELD_UM:
        raise BadInput(f"--field-um {field_um:g}: {path.name} shows {FIELD_UM:g} um; give at most that, "
                       "or prepare acevedo_20, the originals")  # fmt: skip
    laboratory = OPEN_SETS["bloodmnist"]
    listing = Listing(field_um, domains={"bloodmnist": facts_of(laboratory)})
    listing.expected["bloodmnist"] = set(laboratory.native_labels.values())
    try:
        with zipfile.ZipFile(path) as archive:
            side = _check_shapes(path, archive)
    except KeyError as problem:
        raise BadInput(f"{path}: not BloodMNIST, {problem}; fetch it by data_scripts/download.py") from None
    except (OSError, ValueError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as problem:
        if isinstance(problem, BadInput):
            raise
        raise BadInput(f"{path}: not a readable .npz ({problem}); fetch it again") from None
    if KNOWN_MD5.get(side) != digest_of(path, "md5"):
        listing.notes.append(f"{path.name}: its MD5 is not the published one of BloodMNIST at {side} px")
    listing.notes.append(f"BloodMNIST shows {FIELD_UM:g} um, not 25: prepare what it is compared with by "
                         f"--field-um {FIELD_UM:g}")  # fmt: skip
    listing.items = _items(path, listing, classes, laboratory)
    return listing


def _label(code: int, classes: int, laboratory: Laboratory) -> tuple[str, str | None, str]:
    """Return (native label, class, reason) of a number."""
    native = NATIVE[code] if 0 <= code < len(NATIVE) else ""
    if not native:
        return "", None, f"unknown label: {code} is not 0 to 7; fetch the file again"
    if native in laboratory.dropped:
        return native, None, f"dropped label {native}: {laboratory.dropped[native]}"
    label = laboratory.native_labels[native]
    kept = keep_classes(label, native, classes)
    return native, kept, "" if kept else f"outside {classes} classes: {label}; use --classes 13 to keep it"


def _items(path: Path, listing: Listing, classes: int, laboratory: Laboratory) -> Iterator[Item]:
    """Yield the pictures whose label has a class; list the others as rejected."""
    try:
        with zipfile.ZipFile(path) as archive:
            for split in SPLITS:
                images, labels = (_Member(archive, f"{split}_{what}", path).rows() for what in ("images", "labels"))
                for row, (pixels, number) in enumerate(zip(images, labels, strict=True)):
                    file = f"{split}/{row}"
                    native, kept, reason = _label(int(number.ravel()[0]), classes, laboratory)
                    if kept is None:
                        listing.reject(file, reason)
                        continue
                    yield Item("bloodmnist", file, native, kept, lambda pixels=pixels: pixels,
                               share=listing.field_um / FIELD_UM)  # fmt: skip
    except (EOFError, zipfile.BadZipFile, zlib.error, OSError) as problem:
        raise BadInput(f"{path}: damaged ({problem}); fetch it again") from None
