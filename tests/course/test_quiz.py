"""The quiz of notebook 00: twenty cells, one answer each, and two falls at the end."""

import numpy as np
import pytest

from wbc_tutorial.course import widgets
from wbc_tutorial.course.widgets import quiz as make
from wbc_tutorial.course.widgets.quiz import FIVE, KNOWN, UNSEEN, quiz_cells, quiz_network


@pytest.fixture(scope="module")
def cells():
    return quiz_cells()


def test_ten_cells_of_each_laboratory_two_of_each_class(cells):
    assert [cell.laboratory for cell in cells] == [KNOWN] * 10 + [UNSEEN] * 10
    for part in (cells[:10], cells[10:]):
        assert sorted(cell.code for cell in part) == sorted([*FIVE] * 2)
    assert [cell.code for cell in cells[:10]] != [cell.code for cell in cells[10:]], "the order would be the answer"


def test_everyone_gets_the_same_cells_and_no_example_is_asked(cells):
    again = quiz_cells()
    assert all(np.array_equal(one.image, other.image) for one, other in zip(cells, again, strict=True))
    examples = [image for images in widgets.quiz_examples().values() for image in images]
    assert not any(np.array_equal(cell.image, image) for cell in cells for image in examples)


def test_the_network_answers_among_the_same_five(cells):
    named = quiz_network(cells)
    assert named.shape == (20,) and set(named) <= set(FIVE)
    assert np.mean(named[:10] == [cell.code for cell in cells[:10]]) > 0.5, "it was trained on this laboratory"


def test_twenty_clicks_end_with_both_falls(cells):
    control = make()
    pictures = set()
    for place, cell in enumerate(cells):
        assert f"Cell {place + 1} of 20" in control._where.value and cell.code not in control._cell.value[:80]
        pictures.add(control._cell.value)
        control._buttons[list(FIVE).index(cell.code if place < 10 else "EOS")].click()
    assert len(pictures) == 20
    scores = control.scores()
    assert scores["you"] == (10, 2) and all(0 <= right <= 10 for right in scores["the network"])
    assert "you: 10 of 10, then 2 of 10" in control._where.value and "you 10 of 10" in control._picture.alt
    control.name("NGS")
    assert len(control.given) == 20, "there is no twenty-first"


def test_it_can_be_begun_again():
    control = make()
    for _ in range(20):
        control.name("MON")
    control._again.click()
    assert control.given == [] and "Cell 1 of 20" in control._where.value and control._row in control.children


def test_a_page_without_a_kernel_says_what_it_is():
    assert "name twenty cells" in make()._repr_mimebundle_()["text/plain"]
