"""Predictions: committed once, kept over a restart, and never an error where nothing can be written."""

import json

import pytest

from wbc_tutorial.course import widgets
from wbc_tutorial.course.widgets import predictions as module

QUESTION = "Does the score rise or fall in the unseen laboratory?"
OPTIONS = ("It rises", "It falls", "Neither")


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("WBC_TUTORIAL_CACHE", str(tmp_path / "cache"))
    restart(monkeypatch)
    return tmp_path / "cache"


def restart(monkeypatch):
    """What a restarted kernel knows: nothing but the file."""
    monkeypatch.setattr(module, "_asked", {})
    monkeypatch.setattr(module, "_here", {})


def ask():
    return widgets.prediction("04 fall", QUESTION, OPTIONS)


def commit(control, choice):
    control._choice.value = choice
    control._button.click()


def test_nothing_can_be_committed_before_something_is_chosen(own_cache):
    control = ask()
    assert control._choice.value is None and control._button.disabled and not control._choice.disabled
    control._button.click()
    assert not own_cache.exists() and not control._choice.disabled


def test_a_commitment_closes_the_control_and_says_what_to_do_next(own_cache):
    control = ask()
    commit(control, "It falls")
    assert control._choice.disabled and control._button.disabled
    assert "run the next cell to see" in control._said.value.lower()
    assert json.loads((own_cache / "predictions.json").read_text(encoding="utf-8")) == {"04 fall": "It falls"}
    assert [path.name for path in own_cache.iterdir()] == ["predictions.json"]


def test_it_survives_a_restarted_kernel(monkeypatch):
    commit(ask(), "It falls")
    restart(monkeypatch)
    control = ask()
    assert control._choice.value == "It falls" and control._choice.disabled and control._button.disabled


def test_two_notebooks_keep_each_their_own(monkeypatch):
    commit(ask(), "Neither")
    restart(monkeypatch)
    commit(widgets.prediction("05 move", "Which?", ("one", "both")), "both")
    assert module._read() == {"04 fall": "Neither", "05 move": "both"}


def test_they_are_counted_by_those_that_were_asked(capsys):
    commit(ask(), "It rises")
    widgets.prediction("04 other", "Which?", ("one", "both"))
    widgets.predictions_made()
    assert capsys.readouterr().out.splitlines() == [
        "Predictions committed: 1 of 2.",
        "  ✓ 04 fall: It rises",
        "  · 04 other",
    ]


def test_they_can_be_forgotten(monkeypatch):
    commit(ask(), "It rises")
    commit(widgets.prediction("05 move", "Which?", ("one", "both")), "both")
    widgets.forget_predictions("04")
    assert module._read() == module._here == {"05 move": "both"}
    assert not ask()._choice.disabled
    widgets.forget_predictions()
    assert module._read() == module._here == {}


def test_a_question_that_changed_is_asked_anew(monkeypatch):
    commit(ask(), "Neither")
    control = widgets.prediction("04 fall", QUESTION, ("yes", "no"))
    assert control._choice.value is None and not control._choice.disabled


@pytest.mark.parametrize("content", ["", "{", "[1]", '{"04 fall": 3}', "\x00"])
def test_a_damaged_file_is_as_none(own_cache, content):
    own_cache.mkdir()
    (own_cache / "predictions.json").write_text(content)
    assert not ask()._choice.disabled


def test_a_folder_that_cannot_be_written_stops_nobody(monkeypatch, tmp_path, capsys):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("WBC_TUTORIAL_CACHE", str(tmp_path / "file"))
    commit(ask(), "It falls")
    assert ask()._choice.disabled, "it lasts as long as the kernel"
    widgets.predictions_made()
    assert "1 of 1" in capsys.readouterr().out


def test_a_page_without_a_kernel_shows_the_whole_question():
    bundle = ask()._repr_mimebundle_()
    assert bundle["text/plain"].splitlines() == [f"Predict: {QUESTION}", *(f"  ( ) {option}" for option in OPTIONS)]
    assert "application/vnd.jupyter.widget-view+json" in bundle


@pytest.mark.parametrize("options", [(), ("one",), ("one", "one"), "yes"])
def test_fewer_than_two_answers_are_no_question(options):
    with pytest.raises(ValueError, match="expected two or more different answers"):
        widgets.prediction("04 fall", QUESTION, options)
