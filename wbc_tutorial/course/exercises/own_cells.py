"""Checks of notebook 11: the pixel size from a stage micrometer, a label map, and a split that keeps slides whole."""

from collections.abc import Mapping

import numpy as np

from wbc_tutorial.course.exercises.answers import compare
from wbc_tutorial.course.exercises.verdict import Verdict, hint, right, unanswered
from wbc_tutorial.data.classes import CLASSES, CODES

__all__ = ["check_label_map", "check_split_by_slide", "check_um_per_px"]

_MAP = {
    "SEG": "neutrophil_segmented",
    "ST": "neutrophil_band",
    "LY": "lymphocyte_typical",
    "LY-re": "lymphocyte_atypical",
    "Jug": "metamyelocyte",
    "IG": "",
    "Gump": "smudge_cell",
    "Thr": "",
}
_WHY = {
    "SEG": "SEG: how many stages of mature neutrophils do the 13 classes tell apart? Read the head's remark on lobes.",
    "ST": "ST: the head describes the nucleus; which class of neutrophil has that shape?",
    "LY": "LY: ordinary ones. Two classes hold lymphocytes; which is for the ordinary?",
    "LY-re": "LY-re: lymphocytes that changed their looks. There is a class for those that are not typical.",
    "Jug": "Jug: a nucleus like a kidney, one step after the myelocyte. See the glossary of notebook 00.",
    "IG": "IG: the stage is not known, and three classes would fit. What is unknown is not guessed.",
    "Gump": "Gump: a nucleus without a cell has a class of its own, the last of the 13.",
    "Thr": "Thr: a platelet is no white blood cell, however large. No class fits.",
}


def check_um_per_px(answer) -> Verdict:
    """Check um per pixel where 100 um span 812 pixels, and the pictures are saved at half the width."""
    return compare(
        "micrometres per pixel",
        answer,
        (100 / 406,),
        "After halving, 406 pixels span the 100 um, so each shows twice as much as the camera's did.",
        mistakes=[
            ((100 / 812,), "That is the camera's pixel. How many pixels span the 100 um once the picture is halved?"),
            ((812 / 100,), "Those are pixels per micrometre, and of the camera. Turn it round, and mind the halving."),
            ((406 / 100,), "The halving is right, but these are pixels per micrometre: turn it round."),
            ((100 / 1624,), "Halving leaves fewer pixels for the 100 um, not more, so each of them shows more."),
            ((100 / 203,), "Half the width, once: a length shrinks by 2, only an area by 4."),
            ((25 / 64,), "That is a pixel of the prepared image, the same for all laboratories. Here: of the picture."),
            ((100 / 406 * 1000,), "That is in nanometres; --um-per-px takes micrometres."),
        ],
        otherwise="Divide the micrometres by the pixels that span them in the pictures as saved.",
        expected="Expected one number: micrometres per pixel.",
    )


def check_label_map(answer) -> Verdict:
    """Check a dict from the eight folders of notebook 11 to a class, a code, or an empty label to drop them."""
    name = "a label map"
    if (verdict := unanswered(name, answer)) is not None:
        return verdict
    if not isinstance(answer, Mapping):
        return hint(name, "Expected a dict, such as {'SEG': ..., 'ST': ...}, with one entry for each folder.")
    if set(answer) & set((*CLASSES, *CODES)):
        return hint(name, "Turned round: the folder comes first, as in a file map.csv, then the class.")
    missing = [folder for folder in _MAP if folder not in answer]
    if missing:
        return hint(name, f"No entry for {', '.join(missing)}: a folder without one is rejected as unknown, not read.")
    if extra := [str(folder) for folder in answer if folder not in _MAP]:
        return hint(name, f"There is no folder {', '.join(extra)}; names must match to the letter.")
    spellings = {text.casefold(): full for text, full in zip((*CLASSES, *CODES), CLASSES * 2, strict=True)}
    given = {}
    for folder, label in answer.items():
        text = "" if label is None else label.strip() if isinstance(label, str) else repr(label)
        if text.casefold() in ("neutrophil", "lymphocyte"):
            return hint(name, f"{folder}: {text!r} is a coarse name; loading 13 classes would leave its cells out.")
        if text and text.casefold() not in spellings:
            return hint(name, f"{folder}: {text!r} is none of the 13 classes; take a name or code, or '' to drop it.")
        given[folder] = spellings.get(text.casefold(), "")
    wrong = [folder for folder in _MAP if given[folder] != _MAP[folder]]
    if not wrong:
        return right(name, "Six folders have a class; two are dropped on purpose, which rejected.csv will count.")
    if not any(given.values()):
        return hint(name, "All dropped: nothing would be left to prepare.")
    first = wrong[0]
    if _MAP[first] and not given[first]:
        return hint(name, f"{first}: dropped, but the head's remark is precise enough for one of the 13 classes.")
    return hint(name, _WHY[first])


_SLIDES = (
    (["a"] * 4 + ["b"] * 4 + ["c"] * 4 + ["d"] * 4, 0.3),
    (["s3", "s1", "s2", "s1", "s3", "s2", "s4", "s1", "s5", "s4", "s2", "s3"], 0.4),
    (["big"] * 12 + ["x"] * 2 + ["y"] * 3 + ["z"] * 3, 0.25),
)


def _rows(side, n: int) -> list[int] | None:
    """Return row numbers from an array or list; None for what holds no whole numbers from 0 to n - 1."""
    values = np.asarray(side)
    if values.ndim != 1 or (values.size and values.dtype.kind not in "iu"):
        return None
    rows = [int(value) for value in values]
    return rows if all(0 <= row < n for row in rows) else None


def _fault(groups: list[str], share: float, split) -> str | None:
    """Say what is wrong with a split, or nothing."""
    if split is None or split is ...:
        return "Your function returns nothing yet: replace its ... and end it with return."
    if not isinstance(split, tuple | list) or len(split) != 2:
        return "Expected two arrays of row numbers: return train, test."
    if any(np.asarray(side).dtype == bool for side in split):
        return "These are masks of True and False; np.flatnonzero turns a mask into row numbers."
    if any(np.asarray(side).dtype.kind in "UO" and np.size(side) for side in split):
        return "These are names of slides; return the row numbers of their images."
    sides = [_rows(side, len(groups)) for side in split]
    if None in sides:
        return f"Expected row numbers from 0 to {len(groups) - 1}, whole numbers in two flat arrays."
    train, test = sides
    if not train or not test:
        return "One side is empty: both need at least one slide."
    if set(train) & set(test) or len(set(train)) < len(train) or len(set(test)) < len(test):
        return "An image stands on both sides, or twice on one."
    if len(train) + len(test) < len(groups):
        return "Some images are on neither side; put every one somewhere."
    if both := {groups[row] for row in train} & {groups[row] for row in test}:
        return f"Slide {min(both)} has images on both sides: draw slides, not images."
    part = len(test) / len(groups)
    if abs(1 - part - share) < abs(part - share) and abs(1 - part - share) <= 0.15:
        return "The sides are swapped: first the rows to train on, then those to test on."
    if abs(part - share) > 0.15:
        return (
            f"Slides stay whole, but with {len(set(groups))} slides and share {share} the test side got {part:.2f} of "
            "the images: slides differ in size, so count images while you add, and pass over a slide that is too large."
        )
    return None


def check_split_by_slide(answer) -> Verdict:
    """Check a function: (groups, share) -> (rows to train on, rows to test on), no slide on both sides."""
    name = "a split by slide"
    if (verdict := unanswered(name, answer)) is not None:
        return verdict
    if not callable(answer):
        return hint(name, "Expected the function itself: answer = split_by_slide, without brackets.")
    for groups, share in _SLIDES:
        try:
            fault = _fault(groups, share, answer(list(groups), share))
        except Exception as error:  # any error of a learner's function is a hint
            return hint(name, f"Your function stops with {type(error).__name__}: {str(error).split(chr(10))[0]}")
        if fault:
            return hint(name, fault)
    return right(name, "Whole slides, every image once: nothing tested was seen before, neither stain nor patient.")
