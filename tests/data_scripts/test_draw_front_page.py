"""The script that draws the first page: which cell it shows, what it counts, and what it says under the pictures."""

import pandas as pd
import pytest
from support.places import SCRIPTS

from wbc_tutorial.data.simulated import SIMULATED


@pytest.fixture
def script(monkeypatch):
    for folder in (SCRIPTS, SCRIPTS / "rebuild"):
        monkeypatch.syspath_prepend(str(folder))
    import draw_front_page

    return draw_front_page


def named(*lines):
    """Cells as `fresh_cells` returns them: truth, three answers, three confidences."""
    names = [*SIMULATED, *(f"{name}_sure" for name in SIMULATED)]
    rows = [(truth, number, *answers, *sure) for number, (truth, answers, sure) in enumerate(lines)]
    return pd.DataFrame(rows, columns=["truth", "index", *names])


def test_the_example_is_the_clearest_of_its_kind_and_everything_is_counted(script):
    cells = named(
        ("monocyte", ("monocyte", "monocyte", "basophil"), (0.9, 0.6, 0.9)),
        ("monocyte", ("monocyte", "monocyte", "eosinophil"), (0.7, 0.8, 0.7)),
        ("basophil", ("basophil", "basophil", "basophil"), (1.0, 1.0, 1.0)),
        ("basophil", ("basophil", "monocyte", "monocyte"), (1.0, 1.0, 1.0)),
        ("eosinophil", ("eosinophil", "eosinophil", "monocyte"), (0.99, 0.99, 0.5)),
    )
    facts = script.summary(cells)
    assert (facts["cells"], facts["classes"]) == (5, 3)
    assert (facts["right_in_both_known"], facts["then_wrong_in_the_unseen"]) == (4, 3)
    assert facts["example"]["index"] == 1 and facts["answers"]["sim_mll"] == "eosinophil"


def test_without_such_a_cell_it_says_so(script):
    with pytest.raises(ValueError, match="none of 1 cells is named right, right and wrong"):
        script.summary(named(("monocyte", ("monocyte",) * 3, (0.9, 0.9, 0.9))))


def test_the_classes_are_those_that_both_training_laboratories_have(script):
    assert len(script.classes_of_both()) == 10 and "myeloblast" not in script.classes_of_both()


@pytest.mark.parametrize(
    ("name", "said"),
    [("neutrophil_band", "band neutrophil"), ("lymphocyte_typical", "typical lymphocyte"),
     ("smudge_cell", "smudge cell"), ("monocyte", "monocyte")],
)  # fmt: skip
def test_a_class_is_called_as_one_says_it(script, name, said):
    assert script.readable(name) == said


def test_the_picture_says_right_right_and_wrong(script):
    facts = script.summary(named(("monocyte", ("monocyte", "monocyte", "basophil"), (0.9, 0.8, 0.7))))
    figure = script.draw_example(facts)
    assert [axis.get_xlabel()[0] for axis in figure.axes] == ["✓", "✓", "✗"]
    assert "never seen" in figure.axes[2].get_title(loc="center")
    script.plt.close(figure)


def test_line_breaks_of_another_system_do_not_change_the_digest(script, tmp_path, monkeypatch):
    monkeypatch.setattr(script, "RESULTS", tmp_path)
    (tmp_path / "a.csv").write_bytes(b"x,y\n1,2\n")
    (tmp_path / "b.csv").write_bytes(b"x,y\r\n1,2\r\n")
    assert script.digest("a") == script.digest("b")
