"""Notebook 02's checks: the stub, the solution, each known mistake with a hint of its own, and garbage; the knobs."""

import numpy as np
import pytest
from support.exercise_checks import get_hints_of_their_own, gets_a_hint

from wbc_tutorial.course import widgets
from wbc_tutorial.course.exercises import (
    check_more_stain,
    check_own_colour_removed,
    check_physical_crop,
    check_stain_twice,
)
from wbc_tutorial.data.simulator import LOOKS

GARBAGE = ["", "xy", -5, 1e9, [], [[]], {}, object(), float("nan"), np.zeros((2, 3)), b"ab", True, [1, 2], print, abs]
CHECKS = [check_stain_twice, check_physical_crop, check_own_colour_removed, check_more_stain]


def over(axes, spread=True, centre=True):
    def prepare(images):
        out = images - images.mean(axis=axes, keepdims=True) * centre
        return out / images.std(axis=axes, keepdims=True) if spread else out

    return prepare


def in_torch(images):
    return (images - images.mean((2, 3), keepdim=True)) / images.std((2, 3), keepdim=True)


def ddof_1(images):
    return (images - images.mean((2, 3), keepdims=True)) / images.std((2, 3), keepdims=True, ddof=1)


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("answer", [..., None, *GARBAGE], ids=lambda answer: type(answer).__name__)
def test_no_answer_and_garbage_get_a_hint(check, answer):
    gets_a_hint(check, answer)


@pytest.mark.parametrize(
    ("check", "answers"),
    [
        (check_stain_twice, (15, 15.0, np.float64(240 * 10 ** (2 * np.log10(60 / 240))), np.array([15.0]), [15])),
        (check_physical_crop, ((320, 0.390625), [320, 25 / 64], np.array([320, 0.39]))),
        (
            check_own_colour_removed,
            (over((2, 3)), lambda images: over((2, 3))(images.astype(np.float32)), in_torch, ddof_1),
        ),
        (check_more_stain, ((1.5, "B"), [1.5, "b"], (1.49, " B "), ("3/2", "B"), (np.float64(1.51), "B"))),
    ],
)
def test_solutions_are_right(check, answers):
    assert all(check(answer) for answer in answers)


MISTAKES = {
    check_stain_twice: [30, 0, -120, 120, 2 * np.log10(4), 60 * 60 / 255, 77, "x"],
    check_physical_crop: [
        (512, 0.39), (25 / 12.8, 0.39), (250, 0.39), (320, 1 / 12.8), (320, 2.56), (320, 0.625), (320, 1), (0.39, 320),
        "x",
    ],
    check_own_colour_removed: [
        over((0, 2, 3)), over((1, 2, 3)), over((0, 1, 2, 3)), over((2, 3), spread=False), over((2, 3), centre=False),
        lambda images: images, lambda images: images.mean(axis=(2, 3)), lambda images: images / 0 + images.nothing,
        lambda images: 0 * images, lambda images: None, 3,
    ],
    check_more_stain: [(2, "B"), (0.5, "B"), (1.5, "A"), (1.5, "C"), (1.5, "D"), (1.5, "E"), 3],
}  # fmt: skip


@pytest.mark.parametrize("check", MISTAKES)
def test_each_mistake_has_a_hint_of_its_own(check):
    get_hints_of_their_own(check, MISTAKES[check])


def test_a_side_is_right_to_the_pixel():
    assert not check_physical_crop((319, 0.39)) and not check_physical_crop((321, 0.39))


@pytest.mark.parametrize("laboratory", LOOKS)
def test_knobs_left_alone_change_nothing_and_each_turned_one_changes_its_part(laboratory):
    own = LOOKS[laboratory]
    assert widgets.turned(own) == own
    assert widgets.turned(own, stain=2).stain_strength == 2 * own.stain_strength
    assert widgets.turned(own, blur_um=0.3).focus_um == pytest.approx(own.focus_um + 0.3)
    assert widgets.turned(own, warmth=0.1).white_balance[0] > own.white_balance[0]
    assert widgets.turned(own, warmth=0.1).white_balance[2] < own.white_balance[2]
    assert widgets.turned(own, brightness=0.5).white_balance[1] == 0.5 * own.white_balance[1]
    assert widgets.turned(own, noise=0.2).noise == 0.2


def test_an_interactive_figure_redraws_at_both_ends_of_every_slider():
    figure = widgets.interactive_laboratory()
    for name, control in figure._controls.items():
        if hasattr(control, "options"):
            control.value = control.options[-1]
        else:
            control.value = control.min
            low = figure._picture.png
            control.value = control.max
            high = figure._picture.png
            assert low != high and high.startswith(b"\x89PNG"), name
    assert "sliders" in repr(figure)
