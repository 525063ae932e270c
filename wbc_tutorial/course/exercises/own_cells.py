"""Checks of notebook 11: two pixel sizes, what five slides can say, a label map, and a split by slide."""

import numbers
from collections.abc import Mapping
from itertools import combinations

from wbc_tutorial.course.exercises.answers import compare
from wbc_tutorial.course.exercises.feedback import Feedback, exercise, hint, right
from wbc_tutorial.course.exercises.reading import call, items
from wbc_tutorial.course.exercises.statements import check_letters
from wbc_tutorial.data.classes import CLASSES, CODES

__all__ = [
    "check_five_slides",
    "check_label_map",
    "check_scale_from_nuclei",
    "check_split_by_slide",
    "check_um_per_px",
]

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
    "IG": "IG: the stage is not known, and three classes would fit. Do not guess what nobody noted.",
    "Gump": "Gump: a nucleus without a cell has a class of its own, the last of the 13.",
    "Thr": "Thr: a platelet is no white blood cell, however large. No class fits.",
}


@exercise(
    "11",
    "the ruler, backwards",
    step="area ~ (micrometres per pixel) squared: which factor on the length makes 77 into 43?",
)
def check_scale_from_nuclei(answer) -> Feedback:
    """Check um per pixel of a folder that was read at .25, and whose nuclei then have 77 um2 where others have 43."""
    return compare(
        answer,
        0.25 * (43 / 77) ** 0.5,
        "An area goes with the square of the ruler. A minute of measuring finds what no training mends.",
        mistakes=[
            (
                0.25 * 43 / 77,
                "That takes areas as lengths: a ruler wrong by k makes areas wrong by k squared.",
            ),
            (
                0.25 * (77 / 43) ** 0.5,
                "The wrong way: nuclei came out too large, so a pixel shows less.",
            ),
            (
                0.25 * 77 / 43,
                "Areas go with the square; and the nuclei came out too large.",
            ),
            ((43 / 77) ** 0.5, "That is the factor; multiply the pixel size that was said by it."),
            (43 / 77, "That is a ratio of areas; take its root, and multiply the pixel size that was said by it."),
            (0.25, "That is the size that was said. With it the nuclei come out too large."),
            (
                1 / (0.25 * (43 / 77) ** 0.5),
                "Pixels per micrometre; --um-per-px takes micrometres per pixel.",
            ),
        ],
        otherwise="The measured area is the true one times (said / true) squared: solve for true.",
        expected="Expected one number: micrometres per pixel.",
    )


@exercise("11", "five slides", step="Which of the two intervals counts images, and which counts patients?")
def check_five_slides(answer) -> Feedback:
    """Check which of A .. E follow from another thousand cells of the same five patients, the shares unchanged."""
    return check_letters(
        answer,
        "ADE",
        "Five patients stay five, however many of their cells are photographed. Count what was drawn independently.",
        wrong={
            "B": "that interval is made of five numbers, one for each slide, and these stay. What could change it?",
            "C": "the new cells share their patients, dyes and light with the old ones. What do they show of a sixth?",
        },
        missing={
            "A": "an interval over n images shrinks with the root of n. What has become of n?",
            "D": "of what did the sample hold only five?",
            "E": "what does each of the two intervals take for independent?",
        },
    )


@exercise("11", "micrometres per pixel", step="How many pixels span the 100 um in the pictures as they are saved?")
def check_um_per_px(answer) -> Feedback:
    """Check um per pixel where 100 um span 812 pixels, and the pictures are saved at half the width."""
    return compare(
        answer,
        100 / 406,
        "After halving, 406 pixels span the 100 um, so each shows twice as much as the camera's did.",
        mistakes=[
            (100 / 812, "That is the camera's pixel. How many pixels span the 100 um once the picture is halved?"),
            (812 / 100, "Those are pixels per micrometre, and of the camera. Turn it round, and mind the halving."),
            (406 / 100, "The halving is right, but these are pixels per micrometre: turn it round."),
            (100 / 1624, "Halving leaves fewer pixels for the 100 um, not more, so each of them shows more."),
            (100 / 203, "Half the width, once: a length shrinks by 2, only an area by 4."),
            (25 / 64, "That is a pixel of the prepared image, the same for all laboratories. Here: of the picture."),
            (100 / 406 * 1000, "That is in nanometres; --um-per-px takes micrometres."),
        ],
        otherwise="Divide the micrometres by the pixels that span them in the pictures as saved.",
        expected="Expected one number: micrometres per pixel.",
    )


_SPELLINGS = {text.casefold(): full for text, full in zip((*CLASSES, *CODES), CLASSES * 2, strict=True)}


def _class_of(folder: str, label) -> str | Feedback:
    """Return the class that a label of the map names, "" for one that drops the folder, or a hint."""
    if label is ...:
        return hint(f"{folder}: replace the ... with a class, or with '' to drop the folder.")
    if label is None:
        return ""
    text = label.strip()[:40] if isinstance(label, str) else f"a {type(label).__name__}"
    if text.casefold() in ("neutrophil", "lymphocyte"):
        return hint(f"{folder}: {text!r} is a coarse name; loading 13 classes would leave its cells out.")
    if text and text.casefold() not in _SPELLINGS:
        return hint(f"{folder}: {text!r} is none of the 13 classes; take a name or code, or '' to drop it.")
    return _SPELLINGS.get(text.casefold(), "")


def _wrong_folders(answer: Mapping) -> str | None:
    """Say what is wrong with the folders of a label map, or nothing."""
    if len(answer) > 100:
        return "Expected one entry for each of the eight folders."
    if set(answer) & set((*CLASSES, *CODES)):
        return "Turned round: the folder comes first, as in a file map.csv, then the class."
    missing = [folder for folder in _MAP if folder not in answer]
    if missing:
        return f"No entry for {', '.join(missing)}: a folder without one is rejected as unknown, not read."
    if extra := [str(folder)[:40] for folder in answer if folder not in _MAP]:
        return f"There is no folder {', '.join(extra[:3])}; names must match to the letter."
    return None


@exercise(
    "11",
    "a label map",
    step="Start with the two that have no place among the classes; then the stages of the neutrophil in turn.",
)
def check_label_map(answer) -> Feedback:
    """Check a dict from the eight folders of notebook 11 to a class, a code, or an empty label to drop them."""
    if not isinstance(answer, Mapping):
        return hint("Expected a dict, such as {'SEG': ..., 'ST': ...}, with one entry for each folder.")
    if fault := _wrong_folders(answer):
        return hint(fault)
    given = {folder: _class_of(folder, answer[folder]) for folder in _MAP}
    for label in given.values():
        if isinstance(label, Feedback):
            return label
    wrong = [folder for folder in _MAP if given[folder] != _MAP[folder]]
    if not wrong:
        return right("Six folders have a class; two are dropped on purpose, which rejected.csv will count.")
    if not any(given.values()):
        return hint("All dropped: nothing would be left to prepare.")
    first = wrong[0]
    if _MAP[first] and not given[first]:
        return hint(f"{first}: dropped, but the head's remark is precise enough for one of the 13 classes.")
    return hint(_WHY[first])


_SLIDES = (
    (["a"] * 4 + ["b"] * 4 + ["c"] * 4 + ["d"] * 4, 0.3),
    (["s3", "s1", "s2", "s1", "s3", "s2", "s4", "s1", "s5", "s4", "s2", "s3"], 0.4),
    (["big"] * 12 + ["x"] * 2 + ["y"] * 3 + ["z"] * 3, 0.25),
    (["a", "b"] * 5, 0.3),
    (["a", "b", "c"] * 4, 0.2),
)
"""Groups and the share of the test side. In the last two a single slide is larger than the share."""

_TOLERANCE = 0.15


def _sides(split) -> list[list[int]] | str:
    """Return the rows of both sides, or what is wrong with their form."""
    sides = items(split, most=1000)
    if sides is None or len(sides) != 2:
        return "Expected two arrays of row numbers: return train, test."
    sides = [items(side, most=1000) for side in sides]
    if None in sides:
        return "Expected two flat arrays of row numbers: return train, test."
    rows = sides[0] + sides[1]
    if rows and all(isinstance(row, bool) for row in rows):
        return "These are masks of True and False; np.flatnonzero turns a mask into row numbers."
    if any(isinstance(row, str) for row in rows):
        return "These are names of slides; return the row numbers of their images."
    if not all(isinstance(row, numbers.Integral) for row in rows):
        return "Expected row numbers: whole numbers in two flat arrays."
    return [[int(row) for row in side] for side in sides]


def _lost_or_double(groups: list[str], train: list[int], test: list[int]) -> str | None:
    """Say which image or slide is not on exactly one side, or nothing."""
    if not train or not test:
        return f"With the slides {', '.join(sorted(set(groups)))} one side is empty: both need at least one slide."
    if not all(0 <= row < len(groups) for row in train + test):
        return f"Expected row numbers from 0 to {len(groups) - 1}."
    if len(set(train + test)) < len(train + test):
        return "An image stands on both sides, or twice on one."
    if len(train) + len(test) < len(groups):
        return "Some images are on neither side; put every one somewhere."
    if both := {groups[row] for row in train} & {groups[row] for row in test}:
        return f"Slide {min(both)} has images on both sides: draw slides, not images."
    return None


def _best_distance(groups: list[str], share: float) -> float:
    """Return how near to the share whole slides can come."""
    sizes = [groups.count(name) for name in sorted(set(groups))]
    parts = [sum(chosen) / len(groups) for k in range(1, len(sizes)) for chosen in combinations(sizes, k)]
    return min(abs(part - share) for part in parts)


def _share_is_right(groups: list[str], share: float, test: list[int]) -> bool:
    """Say whether the test side holds the share of the images, or of the slides, as near as whole slides allow."""
    slides, held = set(groups), {groups[row] for row in test}
    tolerance = max(_TOLERANCE, _best_distance(groups, share) + 1e-9)
    return abs(len(test) / len(groups) - share) <= tolerance or abs(len(held) - share * len(slides)) < 1


def _fault(groups: list[str], share: float, split) -> str | None:
    """Say what is wrong with a split, or nothing."""
    sides = _sides(split)
    if isinstance(sides, str):
        return sides
    train, test = sides
    if fault := _lost_or_double(groups, train, test):
        return fault
    if _share_is_right(groups, share, test):
        return None
    if _share_is_right(groups, share, train):
        return "The sides are swapped: first the rows to train on, then those to test on."
    return (
        f"Slides stay whole, but with {len(set(groups))} slides and share {share} the test side got "
        f"{len(test) / len(groups):.2f} of the images: count images while you add slides, and leave out a slide that "
        "is too large."
    )


@exercise(
    "11",
    "a split by slide",
    step="np.unique(groups, return_counts=True); add slides while the test side comes nearer to its share.",
)
def check_split_by_slide(answer) -> Feedback:
    """Check a function: (groups, share) -> (rows to train on, rows to test on), no slide on both sides."""
    for groups, share in _SLIDES:
        split = call(answer, list(groups), share)
        if isinstance(split, Feedback):
            return split
        if fault := _fault(groups, share, split):
            return hint(fault)
    return right("Whole slides, every image once: nothing tested was seen before, neither stain nor patient.")
