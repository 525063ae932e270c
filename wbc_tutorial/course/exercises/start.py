"""Checks of notebook 00: naming cells, reading the table of counts, simulating a first cell."""

import re

import numpy as np

from wbc_tutorial.course.exercises.feedback import Feedback, exercise, hint, right
from wbc_tutorial.course.exercises.reading import items
from wbc_tutorial.data.classes import CELL_CLASSES, CLASSES, CODES
from wbc_tutorial.data.laboratories import LABORATORIES
from wbc_tutorial.data.simulator import LOOKS, simulate_cell
from wbc_tutorial.data.thread import course_cells

__all__ = [
    "check_bluest_look",
    "check_first_simulation",
    "check_missing_classes",
    "check_name_that_cell",
    "mystery_cells",
    "mystery_words",
]

_MYSTERY = ("NGS", "LYT", "EOS", "KSC", "PMO")
_NUMBERS = (17, 13, 14, 12, 17)  # a typical cell of each, and none that the notebook shows


def mystery_cells(size: int = 128) -> list[np.ndarray]:
    """Simulate five cells of different classes for `check_name_that_cell`.

    Parameters
    ----------
    size : int, default=128
        Width of an image in pixels.

    Returns
    -------
    list of 5 uint8 (S, S, 3)
    """
    cells = zip(_MYSTERY, _NUMBERS, strict=True)
    return [simulate_cell("sim_acevedo", CLASSES[CODES.index(code)], number, size=size) for code, number in cells]


def mystery_words() -> list[str]:
    """Say what is to be seen in each of the `mystery_cells`, for readers who do not see them; no class is named.

    Returns
    -------
    list of 5 str
    """
    return [
        "five dark lobes joined by threads",
        "small: a dense round nucleus and a narrow blue rim",
        "two dark lobes among coarse rose-orange grains",
        "a ragged violet smear without a border",
        "very large: round nucleus to one side and coarse purple grains",
    ]


def _words(name: str) -> tuple[str, ...]:
    """Return the words of a name without their order and plural: "Segmented neutrophils" is "neutrophil_segmented"."""
    return tuple(sorted(word.rstrip("s") for word in re.split(r"[\s_-]+", name.strip().lower())))


_CODE_OF = {_words(cell.name): cell.code for cell in CELL_CLASSES}


def _codes(answer) -> list[str] | None:
    """Return codes from codes or names in any writing; None where the answer holds no text, or too much of it."""
    if isinstance(answer, str):
        between = r"[,;]" if re.search(r"[,;]", answer[:500]) else r"\s+"
        answer = [word for word in re.split(between, answer[:500].strip()) if word.strip()]
    words = items(answer)
    if not words or not all(isinstance(word, str) for word in words):
        return None
    return [_CODE_OF.get(_words(word[:50]), word.strip().upper()[:30]) for word in words]


_LOOK_AT = {
    "NGS": "Look at the nucleus: is it in one piece, or cut into lobes that thin threads join?",
    "LYT": "A small cell almost filled by one dense round nucleus. What is left around it, and is it blue or tan?",
    "EOS": "Look at the granules that fill the cytoplasm: large or fine, and of which colour?",
    "KSC": "Can you follow the border of this cell all the way round?",
    "PMO": "A large cell. Does its cytoplasm hold granules or not, and where does the nucleus lie?",
}


@exercise(
    "00",
    "name that cell",
    step="One cell at a time: count the pieces of the nucleus, then look at the grains, then at the size.",
)
def check_name_that_cell(answer) -> Feedback:
    """Check five codes, one for each mystery cell from left to right."""
    codes = None if isinstance(answer, set | frozenset) else _codes(answer)
    if codes is None or len(codes) != len(_MYSTERY):
        return hint('Expected a list of five codes, from left to right, such as ["BAS", "BAS", ...].')
    unknown = [code for code in codes if code not in CODES]
    if unknown:
        return hint(f"{', '.join(unknown)}: no such code. The glossary lists the codes, such as BAS for basophil.")
    wrong = [k for k, (given, true) in enumerate(zip(codes, _MYSTERY, strict=True)) if given != true]
    if not wrong:
        return right("You looked at the nucleus first and at the granules next, as a haematologist does.")
    if sorted(codes) == sorted(_MYSTERY):
        return hint("The five codes are the right ones, but not in this order.")
    return hint(f"{len(codes) - len(wrong)} of 5 agree. Cell {wrong[0] + 1}: {_LOOK_AT[_MYSTERY[wrong[0]]]}")


@exercise("00", "missing classes", step="Print table['Ace_20'] alone and read the row labels beside each 0.")
def check_missing_classes(answer) -> Feedback:
    """Check the codes of the classes of which Ace_20 has no image."""
    codes = _codes(answer)
    if codes is None:
        return hint('Expected codes in a set or a list, such as {"BAS", "EOS"}.')
    given = set(codes)
    unknown = sorted(given - set(CODES))
    if unknown:
        return hint(f"{', '.join(unknown[:3])}: no such code. The codes are the row labels of the table of counts.")
    counts = LABORATORIES["acevedo_20"].counts
    missing = {code for code, n in zip(CODES, counts, strict=True) if n == 0}
    rare = {code for code, n in zip(CODES, LABORATORIES["matek_19"].counts, strict=True) if n <= 20}
    if given == missing:
        return right("Any classifier trained on Ace_20 alone cannot name these three: it has never seen one.")
    if given == rare:
        return hint("Those are rare in Mat_19. Here we ask for classes of which Ace_20 has not a single image.")
    if given < missing:
        return hint(f"True, but not all: {len(given)} named so far. Look for every 0 in the column Ace_20.")
    return hint(f"{sorted(given - missing)[0]} does have images in Ace_20. Look for the zeros in its column.")


def _same_cell(image: np.ndarray, laboratory: str, cell_class: str) -> bool:
    return np.array_equal(image, simulate_cell(laboratory, cell_class, 0, size=96))


@exercise(
    "00",
    "your first simulated cell",
    step="The call has this form: simulate_cell(laboratory, class, number, size=...). All four are in the text.",
)
def check_first_simulation(answer) -> Feedback:
    """Check an image: monocyte number 0 as the simulated laboratory sim_mll delivers it, 96 pixels wide."""
    if not isinstance(answer, np.ndarray) or answer.ndim != 3:
        return hint("Expected the image that simulate_cell(...) returns: an array of shape (96, 96, 3).")
    if answer.shape != (96, 96, 3):
        return hint(f"The image has the shape {answer.shape}; the argument size=... sets its width in pixels.")
    if answer.dtype != np.uint8:
        return hint(f"The image is {answer.dtype}; answer with what simulate_cell returns, unchanged (uint8).")
    if _same_cell(answer, "sim_mll", "monocyte"):
        return right("Laboratory, class, number and size determine the image: everyone gets this same cell.")
    for laboratory in LOOKS:
        if _same_cell(answer, laboratory, "monocyte"):
            return hint(f"A monocyte, but from {laboratory}. The first argument is the laboratory.")
        for cell_class in CLASSES:
            if _same_cell(answer, laboratory, cell_class):
                return hint(f"A cell, but a {cell_class.replace('_', ' ')}. The second argument is the class.")
    return hint("Not the cell asked for: check the number of the cell (0), and leave seed and look alone.")


def _blue_over_red(laboratory: str) -> float:
    """Mean blue minus mean red of the course's eosinophil under a laboratory's look, in the centre of its picture."""
    cells = course_cells(laboratory)
    eosinophil = cells.images[cells.labels == CLASSES.index("eosinophil")][0]
    red, _, blue = eosinophil[:, 16:48, 16:48].reshape(3, -1).mean(axis=1)
    return float(blue - red)


_REASONS = {
    "A": "Blur moves colour a pixel or two; it hardly changes the mean over a thousand pixels.",
    "C": "Noise goes up as often as down: over a thousand pixels it averages out.",
    "D": "The cell would have to be another one; but it is the same drawing under each look.",
}


@exercise(
    "00",
    "change it and explain",
    step="Print blue minus red for course_cells(laboratory) of each of the three names, and compare the three numbers.",
)
def check_bluest_look(answer) -> Feedback:
    """Check (laboratory, letter): where blue exceeds red most for the same eosinophil, and why (A, B, C or D)."""
    given = items(answer, most=3) if not isinstance(answer, str) else [w for w in re.split(r"[\s,;]+", answer) if w]
    if not given or len(given) != 2 or not all(isinstance(word, str) for word in given):
        return hint('Expected a laboratory and a letter, such as ("sim_mll", "A").')
    named, letter = given[0].strip().lower(), given[1].strip().upper()
    if named not in LOOKS or letter not in "ABCD" or len(letter) != 1:
        return hint(f"The laboratories are {', '.join(LOOKS)}, and the reasons A, B, C and D.")
    if named != max(LOOKS, key=_blue_over_red):
        return hint(
            f"Blue minus red is larger elsewhere than in {named}: change the name and compare all three numbers."
        )
    if letter != "B":
        return hint(f"The right laboratory. The reason is another one. {_REASONS[letter]}")
    return right(
        "Dyes and light make the tint, and the cell does not change. A program that goes by tint is led astray."
    )
