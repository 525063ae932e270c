"""Known sets of one folder per class: acevedo_20, matek_19, mll_23 and raabin, as their authors published them."""

from collections.abc import Callable
from pathlib import Path

from real_sets.labels import keep_classes
from real_sets.listing import Item, Listing, facts_of, find_root, reader_of, reason_by_name, walk
from wbc_tutorial.data.laboratories import FIELD_UM, LABORATORIES, OPEN_SETS, Laboratory

__all__ = ["ACEVEDO_FOLDERS", "known_folders"]

ACEVEDO_FOLDERS = {
    "basophil": ("BA",), "eosinophil": ("EO",), "erythroblast": ("ERB",), "ig": ("IG", "PMY", "MY", "MMY"),
    "lymphocyte": ("LY",), "monocyte": ("MO",), "neutrophil": ("NEUTROPHIL", "BNE", "SNE"),
    "platelet": ("PLATELET",),
}  # fmt: skip
"""Ace_20's folders and the prefixes of the files in each."""
_MAIN_FOLDER = {"acevedo_20": "PBC_dataset_normal_DIB", "matek_19": "AML-Cytomorphology_LMU", "raabin": "Train"}


def _by_prefix(laboratory: Laboratory, file: str) -> tuple[str, str | None]:
    """Return (native label, reason): the label is the file's prefix, matched whole (MY stands inside MMY and PMY)."""
    *parents, last = file.split("/")
    native = last.split("_")[0] if "_" in last else ""
    if native not in laboratory.native_labels and native not in laboratory.dropped:
        return "", (f"unknown prefix: {native or last!r} is none of {' '.join(laboratory.native_labels)}; "
                    "move the file to the folder of its class")  # fmt: skip
    folder = parents[-1].casefold() if parents else ""
    if native not in ACEVEDO_FOLDERS.get(folder, (native,)):
        return "", f"two labels: the file's prefix is {native}, but its folder is {parents[-1]}; keep the right one"
    return native, None


def _by_folder(laboratory: Laboratory, file: str) -> tuple[str, str | None]:
    """Return (native label, reason): the label is the folder, which may stand inside another of the same name."""
    *parents, _ = file.split("/")
    spellings = _spellings(laboratory)
    found = list(dict.fromkeys(spellings[part.casefold()] for part in parents if part.casefold() in spellings))
    if len(found) > 1:
        return "", f"two labels: its folders are {' and '.join(found)}; keep the right one"
    if not found:
        return "", (f"unknown class folder: {'/'.join(parents) or 'none'} is none of this set's; "
                    f"{_examples(spellings)}; move the file to the folder of its class")  # fmt: skip
    return found[0], None


def _spellings(laboratory: Laboratory) -> dict[str, str]:
    """Return small letters -> native label, of all that are kept or dropped."""
    return {name.casefold(): name for name in (*laboratory.native_labels, *laboratory.dropped)}


def _examples(folders) -> str:
    return ", ".join(sorted(folders)[:4]) + ", ..."


def _label(laboratory: Laboratory, native: str, classes: int) -> tuple[str | None, str | None]:
    """Return (class, reason) of a native label."""
    if native in laboratory.dropped:
        return None, f"dropped label {native}: {laboratory.dropped[native]}"
    label = laboratory.native_labels[native]
    kept = keep_classes(label, native, classes)
    return kept, None if kept else f"outside {classes} classes: {native} ({label}); use --classes 13 to keep it"


def _slide(laboratory: Laboratory, file: str) -> tuple[str, str | None]:
    """Return (slide, reason); only Raabin's names begin with the slide."""
    last = file.rsplit("/", 1)[-1]
    if laboratory.name != "raabin":
        return "", None
    if "_" not in last:
        return "", ("no slide: the name should begin with the slide and an underscore; "
                    "use the original names")  # fmt: skip
    return last.split("_")[0], None


def known_folders(name: str, source: Path, *, classes: int, field_um: float | None) -> Listing:
    """List ``acevedo_20``, ``matek_19``, ``mll_23`` or ``raabin``, unpacked at `source` or below it.

    Parameters
    ----------
    name : str
    source : Path
    classes : {13, 11, 5}
        Pictures of other classes are rejected.
    field_um : float, optional
        Side of the square to keep, micrometres; default: the course's 25.

    Raises
    ------
    BadInput
        The set is not there, or there twice.
    """
    laboratory = (LABORATORIES | OPEN_SETS)[name]
    field_um = field_um or FIELD_UM
    by_prefix = name == "acevedo_20"
    folders = set(ACEVEDO_FOLDERS) if by_prefix else set(_spellings(laboratory))

    def holds(place: Path) -> bool:
        return any(child.name.casefold() in folders and child.is_dir() for child in place.iterdir())

    root = find_root(source, holds, f"this set's class folders ({_examples(folders)})", _MAIN_FOLDER.get(name, name))
    listing = Listing(field_um, root, domains={name: facts_of(laboratory)})
    listing.expected[name] = set(laboratory.native_labels.values())
    native_of: Callable[[Laboratory, str], tuple[str, str | None]] = _by_prefix if by_prefix else _by_folder
    items = []
    for file, path in walk(root):
        label, slide = None, ""
        reason = reason_by_name(file, path)
        if reason is None:
            native, reason = native_of(laboratory, file)
        if reason is None:
            label, reason = _label(laboratory, native, classes)
        if reason is None:
            slide, reason = _slide(laboratory, file)
        if reason is not None:
            listing.reject(file, reason)
            continue
        items.append(Item(name, file, native, label, reader_of(path), slide,
                          laboratory.crop_px * field_um / FIELD_UM, native=laboratory.image_px))  # fmt: skip
    listing.items = items
    return listing
