"""Checks of notebook 00: naming cells, reading the table, simulating a first cell."""

import numpy as np

from wbc_tutorial.course.exercises.verdict import Verdict, hint, right, unanswered
from wbc_tutorial.data.classes import CELL_CLASSES, CLASSES, CODES
from wbc_tutorial.data.laboratories import LABORATORIES
from wbc_tutorial.data.simulator import LOOKS, simulate_cell

__all__ = ["check_first_simulation", "check_missing_classes", "check_name_that_cell", "mystery_cells"]

_MYSTERY = ("NGS", "LYT", "EOS", "KSC", "PMO")
_NUMBERS = (17, 13, 14, 12, 17)  # a typical cell of each, and none that the notebook shows


def mystery_cells(size: int = 128) -> list[np.ndarray]:
    """Five simulated cells of different classes, uint8 (S, S, 3), for `check_name_that_cell`."""
    cells = zip(_MYSTERY, _NUMBERS, strict=True)
    return [simulate_cell("sim_acevedo", CLASSES[CODES.index(code)], number, size=size) for code, number in cells]


def _codes(answer) -> list[str] | None:
    """Codes from codes or names in any writing; None where the answer is no list of text."""
    if isinstance(answer, str):
        answer = answer.replace(",", " ").split()
    if not isinstance(answer, list | tuple | set | frozenset) or not all(isinstance(word, str) for word in answer):
        return None
    by_name = {cell.name: cell.code for cell in CELL_CLASSES}
    words = [word.strip().lower().replace(" ", "_").replace("-", "_") for word in answer]
    return [by_name.get(word, word.upper()) for word in words]


def check_name_that_cell(answer) -> Verdict:
    """Check five codes, one for each mystery cell from left to right."""
    name = "name that cell"
    if (verdict := unanswered(name, answer)) is not None:
        return verdict
    codes = None if isinstance(answer, set | frozenset) else _codes(answer)
    if codes is None or len(codes) != len(_MYSTERY):
        return hint(name, 'Expected a list of five codes, from left to right, such as ["BAS", "BAS", ...].')
    unknown = [code for code in codes if code not in CODES]
    if unknown:
        return hint(
            name, f"{', '.join(unknown)}: no such code. The codes stand in the glossary, e.g. BAS for basophil."
        )
    wrong = [k for k, (given, true) in enumerate(zip(codes, _MYSTERY, strict=True)) if given != true]
    if not wrong:
        return right(name, "You looked at the nucleus first and at the granules next, as a haematologist does.")
    if sorted(codes) == sorted(_MYSTERY):
        return hint(name, "The five codes are the right ones, but not in this order.")
    first = wrong[0]
    what = {
        "NGS": "Look at the nucleus: is it in one piece, or cut into lobes that thin threads join?",
        "LYT": "A small cell almost filled by one dense round nucleus. What is left around it, and is it blue or tan?",
        "EOS": "Look at the granules that fill the cytoplasm: large or fine, and of which colour?",
        "KSC": "Can you follow the border of this cell all the way round?",
        "PMO": "A large cell. Does its cytoplasm hold granules or not, and where does the nucleus lie?",
    }[_MYSTERY[first]]
    return hint(name, f"{len(_MYSTERY) - len(wrong)} of 5 agree. Cell {first + 1}: {what}")


def check_missing_classes(answer) -> Verdict:
    """Check the codes of the classes of which Ace_20 has no image."""
    name = "missing classes"
    if (verdict := unanswered(name, answer)) is not None:
        return verdict
    codes = _codes(answer)
    if codes is None or not codes:
        return hint(name, 'Expected codes in a set or a list, such as {"BAS", "EOS"}.')
    unknown = sorted(set(codes) - set(CODES))
    if unknown:
        return hint(name, f"{', '.join(unknown)}: no such code. The row labels of the table of counts are the codes.")
    counts = LABORATORIES["acevedo_20"].counts
    missing = {code for code, n in zip(CODES, counts, strict=True) if n == 0}
    rare = {code for code, n in zip(CODES, LABORATORIES["matek_19"].counts, strict=True) if n <= 20}
    given = set(codes)
    if given == missing:
        return right(name, "Any classifier trained on Ace_20 alone cannot name these three: it has never seen one.")
    if given == rare:
        return hint(name, "Those are rare in Mat_19. Here we ask for classes of which Ace_20 has not a single image.")
    if given < missing:
        return hint(name, f"True, but not all: {len(given)} named so far. Look for every 0 in the column acevedo_20.")
    return hint(name, f"{sorted(given - missing)[0]} does have images in Ace_20. Look for the zeros in its column.")


def check_first_simulation(answer) -> Verdict:
    """Check an image: monocyte number 0 as the simulated laboratory sim_mll delivers it, 96 pixels wide."""
    name = "your first simulated cell"
    if (verdict := unanswered(name, answer)) is not None:
        return verdict
    if not isinstance(answer, np.ndarray) or answer.ndim != 3:
        return hint(name, "Expected the image that simulate_cell(...) returns: an array of shape (96, 96, 3).")
    if answer.shape != (96, 96, 3):
        return hint(name, f"The image has shape {answer.shape}; the argument size=... sets its width in pixels.")
    if answer.dtype != np.uint8:
        return hint(name, f"The image is {answer.dtype}; hand over what simulate_cell returns, unchanged (uint8).")
    if np.array_equal(answer, simulate_cell("sim_mll", "monocyte", 0, size=96)):
        return right(name, "Laboratory, class, number and size determine the image: everyone gets this same cell.")
    for laboratory in LOOKS:
        for cell_class in CLASSES:
            if np.array_equal(answer, simulate_cell(laboratory, cell_class, 0, size=96)):
                if cell_class != "monocyte":
                    return hint(
                        name, f"A cell, but a {cell_class.replace('_', ' ')}. The second argument is the class."
                    )
                return hint(name, f"A monocyte, but from {laboratory}. The first argument is the laboratory.")
    return hint(name, "Not the cell asked for: check the number of the cell (0), and leave seed and look alone.")
