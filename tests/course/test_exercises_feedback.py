"""Feedback as Jupyter shows it, and the count of the exercises that are solved."""

import re

import pytest
from support.colours import contrast

from wbc_tutorial.course import exercises
from wbc_tutorial.course.exercises import feedback


@pytest.fixture(autouse=True)
def fresh_session(monkeypatch):
    monkeypatch.setattr(feedback, "_solved", {})


def test_progress_counts_all_exercises_of_the_notebook(capsys):
    exercises.check_runs_needed(16)
    exercises.check_what_the_table_carries("B")
    exercises.progress()
    assert capsys.readouterr().out.splitlines() == [
        "Notebook 09: 1 of 3 exercises solved.",
        "  · a paired difference",
        "  · what a table carries",
        "  ✓ how many runs",
    ]


def test_a_solved_exercise_stays_solved(capsys):
    for answer in (16, 4, ...):
        exercises.check_runs_needed(answer)
    exercises.progress()
    assert "1 of 3" in capsys.readouterr().out


def test_progress_before_any_exercise_says_so(capsys):
    exercises.progress()
    assert "Run an exercise's cell first" in capsys.readouterr().out


def test_each_check_is_one_exercise_and_each_notebook_has_three_or_more():
    names = [name for exercise_names in feedback._EXERCISES.values() for name in exercise_names]
    assert len(names) == len(set(names)) == sum(name.startswith("check_") for name in exercises.__all__)
    assert sorted(feedback._EXERCISES) == [f"{number:02d}" for number in range(13)]
    assert min(map(len, feedback._EXERCISES.values())) >= 3


@pytest.mark.parametrize(("answer", "mark"), [(16, "✓ Right."), (4, "✗ Not yet.")])
def test_feedback_is_readable_as_text_and_in_colour(answer, mark):
    shown = exercises.check_runs_needed(answer)
    assert repr(shown) == f"{mark} {shown.text}"
    page = shown._repr_html_()
    assert mark in page and shown.text in page
    (behind,) = re.findall(r"background: (#\w{6})", page)
    assert "color: #fff" in page and contrast(behind, "#ffffff") >= 4.5


def test_what_a_learner_wrote_is_text_and_no_page():
    def named(counts):
        raise ValueError("<script>alert(1)</script>")

    shown = exercises.check_imbalance_ratio(named)
    assert "<script>" in repr(shown) and "<script>" not in shown._repr_html_()
