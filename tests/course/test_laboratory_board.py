"""The laboratory board: the cell stays, the distance shrinks towards the target, and the network's answer follows."""

import re

import matplotlib.pyplot as plt
import numpy as np
import pytest

from wbc_tutorial.course import plots, widgets
from wbc_tutorial.data.classes import CLASSES
from wbc_tutorial.data.simulator import LOOK_PARTS, LOOKS, exchanged


def distance(board):
    return float(re.search(r"distance ([\d.]+) of 255", board._picture.alt)[1])


def answer(board):
    return re.search(r"probabilities: (\w{3})", board._picture.alt)[1]


@pytest.fixture(scope="module")
def board():
    return widgets.interactive_laboratory("sim_acevedo", "sim_mll", "EOS")


def test_the_same_look_is_at_distance_nothing():
    board = widgets.interactive_laboratory("sim_mll", "sim_mll", "MON")
    assert distance(board) == 0


def test_another_laboratory_shows_the_same_cell():
    one, other = (widgets.photograph("EOS", LOOKS[name], size=64).mean(axis=2) for name in ("sim_acevedo", "sim_mll"))
    assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.8
    assert not np.array_equal(one, other)


def test_every_knob_changes_the_picture_and_reset_turns_all_back(board):
    board.reset()
    start = board._picture.alt
    for name in ("stain", "warmth", "brightness", "blur_um", "noise", "field_um"):
        control, before = board._controls[name], board._picture.png
        control.value = control.max if control.value != control.max else control.min
        assert board._picture.png != before, name
    board.reset_button.click()
    assert board._picture.alt == start


def test_the_networks_answer_follows_the_light(board):
    board.reset()
    assert answer(board) == "EOS"
    board._controls["warmth"].value = -0.3
    assert answer(board) != "EOS", "under bluish light"
    board.reset()


def test_knobs_bring_the_cell_nearer_to_the_target(board):
    board.reset()
    start = distance(board)
    board._controls["warmth"].value = -0.08
    board._controls["blur_um"].value = 0.1
    assert distance(board) < start
    board.reset()


def test_it_is_redrawn_while_a_slider_moves(board):
    assert all(board._controls[name].continuous_update for name in ("stain", "warmth", "field_um"))


@pytest.mark.parametrize(
    ("given", "said"),
    [(("mll_23",), "unknown simulated laboratory"), (("sim_mll", "sim_mll", "BAS"), "expected one of NGS, NGB")],
)
def test_what_does_not_exist_is_answered_in_one_line(given, said):
    with pytest.raises(ValueError, match=said):
        widgets.interactive_laboratory(*given)


def test_the_board_marks_right_and_wrong_by_words_too():
    picture = np.zeros((8, 8, 3), np.uint8)
    for true, said in (("monocyte", "✓ right"), ("eosinophil", "✗ it is EOS")):
        figure = plots.laboratory_board(picture, picture, np.eye(13)[CLASSES.index("monocyte")], CLASSES, true)
        assert said in [text.get_text() for text in figure.texts]


def test_the_true_class_is_drawn_even_where_it_is_never_likely():
    probabilities = np.full((3, 13), 0.01)
    probabilities[:, :4] = 0.2
    figure = plots.answers_along(
        [0, 1, 2], probabilities, CLASSES, "smudge_cell", pictures={0: np.zeros((8, 8, 3), np.uint8)}, label="stain"
    )
    names = [text.get_text() for text in figure.axes[-1].get_legend().get_texts()]
    assert "KSC (true)" in names and len(names) == 4


def test_shares_stand_with_their_intervals():
    figure = plots.part_by_part({"nothing": np.ones(20, bool), "light": np.arange(20) < 10})
    assert [text.get_text() for text in figure.axes[0].texts] == ["1.00", "0.50"]
    low, high = sorted(figure.axes[0].lines[2].get_xdata())
    assert (low, high) == pytest.approx((0.299, 0.701), abs=0.001), "Wilson's interval of 10 in 20"
    plt.close(figure)


def test_the_parts_of_a_look_are_all_of_it_but_the_pictures_size():
    names = [name for part in LOOK_PARTS.values() for name in part]
    one, other = LOOKS["sim_acevedo"], LOOKS["sim_mll"]
    assert len(names) == len(set(names)) and set(vars(one)) - set(names) == {"image_px"}
    whole = exchanged(one, other, *LOOK_PARTS)
    assert all(getattr(whole, name) == getattr(other, name) for name in names)
    assert exchanged(one, other) == one
    with pytest.raises(ValueError, match="unknown part 'stain' of a look: expected some of dyes, light, lens, sensor"):
        exchanged(one, other, "stain")
