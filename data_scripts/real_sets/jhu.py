"""JHU_21: a folder a patient, in it the slides that a specialist signed, in these a folder a class."""

import re
from pathlib import Path

from real_sets.errors import BadInput
from real_sets.labels import keep_classes
from real_sets.listing import Item, Listing, facts_of, reader_of, reason_by_name, walk
from wbc_tutorial.data.laboratories import FIELD_UM, LABORATORIES

__all__ = ["jhu_21"]

_PATIENT = re.compile(r"Patient_(\w+)", re.IGNORECASE)
_SIGNED = "signed slides"


def _place(file: str) -> tuple[str, str, str | None]:
    """Return (patient, class folder, reason) of ``[...]/Patient_<nn>/[<date>/]Signed slides/<class folder>/<file>``."""
    *parents, _ = file.split("/")
    patients = list(dict.fromkeys(match[1] for part in parents if (match := _PATIENT.fullmatch(part))))
    small = [part.casefold() for part in parents]
    if len(patients) != 1:
        return "", "", "no patient: expected one folder Patient_<number> above the file; use the original folders"
    if _SIGNED not in small:
        return "", "", 'no label: only "Signed slides" carry labels; ignore it'
    if small.index(_SIGNED) != len(small) - 2:
        return "", "", 'not in a class folder: expected "Signed slides"/<class folder>/<file>'
    return patients[0], parents[-1], None


def jhu_21(source: Path, *, classes: int, field_um: float | None) -> Listing:
    """List the signed pictures of JHU_21; the folder is the label (the file's prefix is the analyser's first guess).

    Parameters
    ----------
    source : Path
        The user's own copy, or the folder that holds it.
    classes : {13, 11, 5}
    field_um : float or None
        Side of the square that is kept; default: the course's 25.

    Raises
    ------
    BadInput
        No such folder, or no signed slide below it.
    """
    if not source.is_dir():
        raise BadInput(f"{source}: no such folder; --source names the folder that holds the patients' folders")
    laboratory = LABORATORIES["jhu_21"]
    field_um = field_um or FIELD_UM
    folders = {name.casefold(): name for name in (*laboratory.native_labels, *laboratory.dropped)}
    listing = Listing(field_um, source, domains={"jhu_21": facts_of(laboratory)})
    listing.expected["jhu_21"] = set(laboratory.native_labels.values())
    items, signed = [], False
    for file, path in walk(source):
        signed = signed or f"/{_SIGNED}/" in f"/{file}".casefold()
        label = None
        patient, folder, problem = _place(file)
        reason = reason_by_name(file, path) or problem
        native = folders.get(folder.casefold().strip())
        if reason is None and native is None:
            reason = f"unknown class folder: {folder} is none of this set's; use the original folders"
        if reason is None and native in laboratory.dropped:
            reason = f"dropped label {native}: {laboratory.dropped[native]}"
        if reason is None:
            label = keep_classes(laboratory.native_labels[native], native, classes)
            reason = None if label else f"outside {classes} classes: {native}; use --classes 13 to keep it"
        if reason is not None:
            listing.reject(file, reason)
            continue
        items.append(Item("jhu_21", file, native, label, reader_of(path), f"patient {patient}",
                          laboratory.crop_px * field_um / FIELD_UM, native=laboratory.image_px))  # fmt: skip
    if not signed:
        raise BadInput(f'{source}: no folder "Signed slides" is here; give the folder that holds Patient_<number>')
    listing.items = items
    return listing
