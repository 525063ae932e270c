"""Feedback as Jupyter shows it, and the count of the exercises that are solved."""

import html
import re

import pytest
from support.colours import contrast
from support.places import ROOT

from wbc_tutorial.course import exercises
from wbc_tutorial.course.exercises import feedback


@pytest.fixture(autouse=True)
def fresh_session(monkeypatch):
    monkeypatch.setattr(feedback, "_solved", {})
    monkeypatch.setattr(feedback, "_missed", {})


def test_progress_counts_all_exercises_of_the_notebook_and_of_no_other(capsys):
    exercises.check_ceiling(10 / 13)
    exercises.check_same_micro_lower_macro([0] * 10)
    exercises.progress()
    assert capsys.readouterr().out.splitlines() == [
        "Notebook 03: 1 of 4 exercises solved.",
        "  · the pairs that do not exist",
        "  ✓ the ceiling",
        "  · F1-macro over the classes present",
        "  · change it and explain",
    ]


def test_a_solved_exercise_stays_solved(capsys):
    for answer in (10 / 13, 4, ...):
        exercises.check_ceiling(answer)
    exercises.progress()
    assert "1 of 4" in capsys.readouterr().out


def test_progress_before_any_exercise_says_so(capsys):
    exercises.progress()
    assert "Run an exercise's cell first" in capsys.readouterr().out


def test_each_check_is_one_exercise_and_each_notebook_has_three_or_more():
    names = [(notebook, name) for notebook, held in feedback._EXERCISES.items() for name in held]
    assert len(names) == len(set(names)) == sum(name.startswith("check_") for name in exercises.__all__)
    assert {f"{number:02d}" for number in range(13)} <= set(feedback._EXERCISES)
    assert min(map(len, feedback._EXERCISES.values())) >= 3


@pytest.mark.parametrize(("answer", "mark"), [(16, "✓ Right."), (4, "✗ Not yet."), (..., "○ Your turn.")])
def test_feedback_is_readable_as_text_and_in_colour(answer, mark):
    shown = exercises.check_runs_needed(answer)
    first, *_, last = repr(shown).splitlines()
    assert first == f"{mark} {shown.text}" and last == shown.place
    page = shown._repr_html_()
    assert mark in page and html.escape(shown.text) in page and shown.place in page
    pairs = re.findall(r"background: (#\w{6}); color: (#\w{6})", page)
    assert len(pairs) == 2 and all(contrast(behind, ink) >= 4.5 for behind, ink in pairs)


def test_a_card_says_which_exercise_it_is_and_how_many_are_solved():
    number = feedback._EXERCISES["09"].index("how many runs") + 1
    of = len(feedback._EXERCISES["09"])
    assert exercises.check_runs_needed(4).place == f"Exercise {number} of {of}, 0 solved"
    assert exercises.check_runs_needed(16).place == f"Exercise {number} of {of}, 1 solved"


def test_hints_escalate_from_a_nudge_to_a_step_to_the_solution(monkeypatch):
    monkeypatch.setattr(feedback, "_EXERCISES", {})

    @feedback.exercise("03", "a number", step="Count the classes first.")
    def check(answer):
        return feedback.right("Yes.") if answer == 7 else feedback.hint("Not that one.")

    one, two, three = check(1), check(2), check(3)
    assert (one.step, one.solution) == ("", "")
    assert (two.step, two.solution) == ("Count the classes first.", "")
    assert three.step and three.solution == "03_missing_classes.ipynb"
    assert "A step further: Count the classes first." in repr(two) and "Count the classes" in two._repr_html_()
    assert "href='solutions/03_missing_classes.ipynb'" in three._repr_html_()
    assert not check(...).step and check(...).mark == "○ Your turn.", "no answer is no miss"
    assert not check(7).step and not check(1).step, "a right answer starts anew"


def test_every_notebook_is_known_by_its_number():
    there = {path.name for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert there <= set(feedback.NOTEBOOKS.values())
    assert set(feedback._EXERCISES) <= set(feedback.NOTEBOOKS)


def test_what_a_learner_wrote_is_text_and_no_page():
    def named(counts):
        raise ValueError("<script>alert(1)</script>")

    shown = exercises.check_imbalance_ratio(named)
    assert "<script>" in repr(shown) and "<script>" not in shown._repr_html_()
