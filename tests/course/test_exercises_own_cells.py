"""Notebook 11's checks: the stub, the solution, each known mistake with a hint of its own, and garbage."""

import numpy as np
import pytest
from sklearn.model_selection import GroupShuffleSplit
from support.exercise_checks import get_hints_of_their_own, gets_a_hint

from wbc_tutorial.course.exercises import (
    check_five_slides,
    check_label_map,
    check_scale_from_nuclei,
    check_split_by_slide,
    check_um_per_px,
)
from wbc_tutorial.data.classes import CLASSES, CODES

CHECKS = [check_scale_from_nuclei, check_five_slides, check_um_per_px, check_label_map, check_split_by_slide]
GARBAGE = ["", "xy", -5, 1e9, [], [[]], {}, object(), float("nan"), np.zeros((2, 3)), b"ab", True, [1, 2], print, abs]
MAP = {"SEG": "NGS", "ST": "neutrophil_band", "LY": "LYT", "LY-re": "LYA", "Jug": "MMZ", "IG": "", "Gump": "KSC",
       "Thr": ""}  # fmt: skip


def by_slide(groups, share):
    """Add slides, the largest first, while they fit."""
    names, counts = np.unique(groups, return_counts=True)
    test, n = [], 0
    for name, count in sorted(zip(names, counts, strict=True), key=lambda pair: -pair[1]):
        if n + count <= share * len(groups) + 1:
            test.append(name)
            n += count
    held = np.isin(groups, test)
    if not test:
        held = np.isin(groups, names[counts.argmin()])
    return np.flatnonzero(~held), np.flatnonzero(held)


def by_sklearn(groups, share):
    return next(GroupShuffleSplit(n_splits=1, test_size=share, random_state=1).split(groups, groups=groups))


def never_too_large(groups, share):
    """Leave the test side empty where a single slide is larger than the share."""
    train, test = by_slide(groups, share)
    return (train, test) if len(test) <= share * len(groups) + 1 else (np.arange(len(groups)), [])


def blind(groups, share):
    rows = np.random.default_rng(0).permutation(len(groups))
    n = round(share * len(groups))
    return rows[n:], rows[:n]


def too_much(groups, share):
    """Test on all slides but one."""
    if "s5" not in groups:
        return by_slide(groups, share)
    train = np.array(groups) == "s5"
    return np.flatnonzero(train), np.flatnonzero(~train)


def with_map(**changes):
    return MAP | {name.replace("_", "-"): label for name, label in changes.items()}


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("answer", [..., None, *GARBAGE], ids=lambda answer: type(answer).__name__)
def test_no_answer_and_garbage_get_a_hint(check, answer):
    gets_a_hint(check, answer)


@pytest.mark.parametrize(
    ("check", "answers"),
    [
        (check_scale_from_nuclei, (0.25 * (43 / 77) ** 0.5, 0.187, 0.19, "0,187", [0.187], np.float32(0.1868))),
        (check_um_per_px, (100 / 406, 0.246, 0.25, [0.2463], np.float32(2 * 100 / 812))),
        (check_five_slides, ("ADE", "a, d, e", {"A", "D", "E"}, ["E", "A", "D"])),
        (check_label_map, (MAP, with_map(IG=None, Thr=" "), with_map(SEG="Neutrophil_Segmented", LY="lyt"))),
        (
            check_split_by_slide,
            (by_slide, by_sklearn, lambda groups, share: tuple(map(set, by_slide(groups, share)))),
        ),
    ],
)
def test_solutions_are_right(check, answers):
    assert all(check(answer) for answer in answers)


MISTAKES = {
    check_scale_from_nuclei: [
        0.25 * 43 / 77, 0.25 * (77 / 43) ** 0.5, 0.25 * 77 / 43, (43 / 77) ** 0.5, 43 / 77, 0.25, 5.35, 0.1855, 3, "x",
    ],
    check_um_per_px: [100 / 812, 8.12, 4.06, 100 / 1624, 100 / 203, 25 / 64, 246.3, 0.248, 7, "x"],
    check_five_slides: ["B", "C", "AD", "DE", "AE", "X", 7],
    check_label_map: [
        with_map(SEG="NGB"), with_map(ST="MMZ"), with_map(LY="LYA"), with_map(LY_re="LYT"), with_map(Jug="MYB"),
        with_map(IG="MYB"), with_map(Gump="LYT"), with_map(Thr="KSC"), with_map(SEG="neutrophil"),
        with_map(Thr="platelet"), with_map(Gump=""), with_map(seg="NGS"), dict.fromkeys(MAP, ""),
        {name: label for name, label in MAP.items() if name != "IG"}, {v: k for k, v in MAP.items()}, 3,
    ],
    check_split_by_slide: [
        blind, too_much, never_too_large, lambda groups, share: None, lambda groups, share: by_slide(groups, share)[0],
        lambda groups, share: by_slide(groups, share)[::-1], lambda groups, share: (np.arange(len(groups)), []),
        lambda groups, share: tuple(np.isin(groups, [name]) for name in groups[:2]),
        lambda groups, share: (groups, groups), lambda groups, share: (np.arange(len(groups)), np.array([0])),
        lambda groups, share: tuple(side[1:] for side in by_slide(groups, share)), lambda groups, share: 1 / 0,
        lambda groups, share: (np.array([0, len(groups)]), np.array([1])), [1, 2],
    ],
}  # fmt: skip


@pytest.mark.parametrize("check", MISTAKES)
def test_each_mistake_has_a_hint_of_its_own(check):
    get_hints_of_their_own(check, MISTAKES[check])


def test_hints_on_a_label_map_never_name_the_class():
    full = dict(zip(CODES, CLASSES, strict=True))
    for folder, wrong in {"SEG": "NGB", "ST": "MMZ", "LY": "LYA", "LY-re": "LYT", "Jug": "MYB", "Gump": "LYT"}.items():
        feedback = check_label_map(MAP | {folder: wrong})
        name = full.get(MAP[folder], MAP[folder])
        assert not feedback and feedback.text.startswith(f"{folder}:")
        assert name not in feedback.text and name.replace("_", " ") not in feedback.text
