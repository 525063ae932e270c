"""Notebook 00's checks: the stub, the solution, each known mistake with a hint of its own, and garbage."""

import numpy as np
import pandas as pd
import pytest
from support.exercise_checks import get_hints_of_their_own, gets_a_hint

from wbc_tutorial.course.exercises import (
    check_bluest_look,
    check_first_simulation,
    check_missing_classes,
    check_name_that_cell,
    mystery_cells,
)
from wbc_tutorial.data.classes import CELL_CLASSES, CODES
from wbc_tutorial.data.laboratories import LABORATORIES
from wbc_tutorial.data.simulator import simulate_cell

GARBAGE = ["", "x", 5, -1.5, [], [[]], {}, object(), float("nan"), np.zeros((2, 3)), b"", True, [1, 2, 3, 4, 5], print]
CHECKS = [check_name_that_cell, check_missing_classes, check_first_simulation, check_bluest_look]
FIVE = ["NGS", "LYT", "EOS", "KSC", "PMO"]
TABLE = pd.Series(LABORATORIES["acevedo_20"].counts, index=CODES)
NAMES = [next(cell.name for cell in CELL_CLASSES if cell.code == code) for code in FIVE]


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("answer", [..., None, *GARBAGE])
def test_no_answer_and_garbage_get_a_hint(check, answer):
    gets_a_hint(check, answer)


@pytest.mark.parametrize(
    ("check", "answers"),
    [
        (
            check_name_that_cell,
            (
                FIVE,
                tuple(FIVE),
                [code.lower() for code in FIVE],
                NAMES,
                "NGS, LYT, EOS, KSC, PMO",
                "NGS;LYT;EOS;KSC;PMO",
                np.array(FIVE),
                pd.Series(FIVE),
            ),
        ),
        (
            check_missing_classes,
            (
                {"MYO", "LYA", "KSC"},
                ["ksc", "lya", "myo"],
                ("myeloblast", "LYA", "smudge cell"),
                TABLE.index[TABLE == 0],
                TABLE[TABLE == 0].index.to_series(),
            ),
        ),
        (check_first_simulation, (simulate_cell("sim_mll", "monocyte", 0, size=96),)),
        (
            check_bluest_look,
            (("sim_matek", "B"), ["sim_matek", "b"], "sim_matek, B", "SIM_MATEK b", np.array(["sim_matek", "B"])),
        ),
    ],
)
def test_solutions_are_right(check, answers):
    assert all(check(answer) for answer in answers)


MONOCYTE = simulate_cell("sim_mll", "monocyte", 0, size=96)
MISTAKES = {
    check_name_that_cell: [
        ["NGB", "LYT", "EOS", "KSC", "PMO"], ["NGS", "EBO", "EOS", "KSC", "PMO"], ["NGS", "LYT", "BAS", "KSC", "PMO"],
        ["NGS", "LYT", "EOS", "BAS", "PMO"], ["NGS", "LYT", "EOS", "KSC", "MYB"], FIVE[::-1], FIVE[:4],
        ["NGS", "LYT", "EOS", "KSC", "XYZ"],
    ],
    check_missing_classes: [
        {"MMZ", "LYA", "KSC"}, {"MYO"}, {"MYO", "LYA", "KSC", "BAS"}, {"MYO", "LYA", "KSX"}, 3,
    ],
    check_first_simulation: [
        simulate_cell("sim_mll", "monocyte", 0), simulate_cell("sim_mll", "myeloblast", 0, size=96),
        simulate_cell("sim_matek", "monocyte", 0, size=96), simulate_cell("sim_mll", "monocyte", 1, size=96),
        MONOCYTE / 255, "monocyte",
    ],
    check_bluest_look: [
        ("sim_mll", "B"), ("sim_acevedo", "B"), ("sim_matek", "A"), ("sim_matek", "C"), ("sim_matek", "D"),
        ("mll_23", "B"), "sim_mll",
    ],
}  # fmt: skip


@pytest.mark.parametrize("check", MISTAKES)
def test_each_mistake_has_a_hint_of_its_own(check):
    get_hints_of_their_own(check, MISTAKES[check])


def test_no_hint_names_the_missing_classes_or_the_cells():
    for answer in MISTAKES[check_missing_classes] + [{"BAS"}]:
        assert not {"MYO", "LYA"} & set(check_missing_classes(answer).text.replace(",", " ").split())
    for name in NAMES:
        assert all(name not in check_name_that_cell(answer).text for answer in MISTAKES[check_name_that_cell])


def test_mystery_cells_are_five_pictures_that_the_notebook_can_show():
    cells = mystery_cells(48)
    assert len(cells) == 5 and all(cell.shape == (48, 48, 3) and cell.dtype == np.uint8 for cell in cells)
