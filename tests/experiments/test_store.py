"""The results store: it knows its own folder, loses nothing, and says in one line what is wrong with another."""

import builtins
import json
import os
import shutil
import tempfile

import numpy as np
import pytest

from wbc_tutorial.experiments.store import COLUMNS, KEY, OWN, ResultsStore, read_predictions, whole_file

SETTINGS = {"benchmark": "b", "steps": 30}
PREDICTIONS = {"logits": np.eye(3), "truth": np.arange(3), "classes": np.array(["a", "b", "c"])}


def row(method="erm", fold=0, domain="u", **scores):
    facts = {"benchmark": "b", "method": method, "fold": fold, "seed": 0, "domain": domain, "split": "unseen"}
    facts |= {"recipe": "none", "backbone": "small_cnn", "version": "1", "n_images": 3, "steps": 30}
    return dict.fromkeys(COLUMNS, 0.5) | facts | scores


def begun(folder, settings=SETTINGS):
    """A store with one run, closed."""
    with ResultsStore(folder, settings) as store:
        store.record([row(), row(domain="v")], PREDICTIONS)
    return folder


def state(folder):
    """Every file below a folder with its bytes."""
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_run_is_recorded_and_found_again(tmp_path):
    begun(tmp_path / "new" / "folder")
    with ResultsStore(tmp_path / "new" / "folder", SETTINGS) as store:
        assert store.has("erm", 0, 0) and not store.has("erm", 1, 0) and not store.has("boda", 0, 0)
        assert store.rows()[COLUMNS].to_dict("records") == [row(), row(domain="v")]
        again = store.predictions("erm", 0, 0)
        assert set(again) == set(PREDICTIONS) and np.array_equal(again["logits"], np.eye(3))
        store.record([row(f1_macro=0.9)], PREDICTIONS)
        store.record([row("boda")], PREDICTIONS)
        rows = store.rows()
        assert not rows.duplicated(KEY).any() and rows[KEY].equals(rows[KEY].sort_values(KEY))
        assert rows[(rows.method == "erm") & (rows.domain == "u")].f1_macro.tolist() == [0.9]
    assert {path.name for path in (tmp_path / "new" / "folder").iterdir() if not path.name.startswith(OWN)} == {
        "results.csv", "settings.json", "predictions",
    }  # fmt: skip


@pytest.mark.parametrize("domain", ["7", "NA", "None", "ラボ", "1e3", "a b"])
def test_a_laboratory_keeps_its_name(tmp_path, domain):
    with ResultsStore(tmp_path, SETTINGS) as store:
        store.record([row(domain=domain)], PREDICTIONS)
        store.record([row("boda", domain=domain)], PREDICTIONS)
        assert store.rows().domain.tolist() == [domain, domain] and store.has("boda", 0, 0)


def foreign(folder):
    """Files of a user's own, some of them named as this or other programs name unfinished ones."""
    (folder / "downloads").mkdir(parents=True)
    (folder / "downloads" / "bloodmnist.npz.part").write_text("half of 4 GB")
    (folder / "thesis.part").write_text("mine")
    (folder / "report.html").write_text("my own page")
    (folder / "predictions").mkdir()
    (folder / "predictions" / "x.npz.part").write_text("mine")
    return folder


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (None, "holds other files and no settings.json of this program"),
        ('{"mine": 1}', "is not a results folder of this program"),
        ('{"format": "another program"}', "is not a results folder of this program"),
        ("null", "is not a results folder of this program"),
        ("[1]", "is not a results folder of this program"),
        ("3", "is not a results folder of this program"),
        ("{", "cannot be read"),
        (b"\xff\xfe\x00", "cannot be read"),
    ],
)
def test_a_folder_that_is_not_ours_is_refused_and_nothing_in_it_is_touched(tmp_path, settings, message):
    folder = foreign(tmp_path / "mine")
    if settings is not None:
        (folder / "settings.json").write_bytes(settings if isinstance(settings, bytes) else settings.encode())
    before = state(folder)
    with pytest.raises(ValueError, match=message) as caught:
        ResultsStore(folder, SETTINGS)
    assert str(folder) in str(caught.value) and "--out" in str(caught.value) and "\n" not in str(caught.value)
    assert state(folder) == before


def test_a_file_and_a_prepared_set_are_refused(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(ValueError, match="file is a file: give --out a folder"):
        ResultsStore(tmp_path / "file", SETTINGS)
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "cells.csv").write_text("id\n")
    shutil.copy(begun(tmp_path / "out") / "settings.json", tmp_path / "set")
    with pytest.raises(ValueError, match="is a prepared set of images"):
        ResultsStore(tmp_path / "set", SETTINGS)
    assert {path.name for path in (tmp_path / "set").iterdir()} == {"cells.csv", "settings.json"}


def test_only_own_unfinished_files_are_deleted(tmp_path):
    folder = foreign(begun(tmp_path / "out") / "sub").parent
    mine = [folder / "film.mkv.part", folder / "predictions" / "x.part", folder / "sub" / f"{OWN}1.part"]
    ours = [folder / f"{OWN}1.part", folder / "predictions" / f"{OWN}2.part"]
    for path in (*mine, *ours):
        path.write_text("half")
    ResultsStore(folder, SETTINGS).close()
    assert all(path.exists() for path in mine) and not any(path.exists() for path in ours)


def test_what_a_run_killed_before_its_first_file_left_is_no_foreign_folder(tmp_path):
    (tmp_path / f"{OWN}lock").write_text("")
    (tmp_path / f"{OWN}x.part").write_text("half")
    begun(tmp_path)


def test_other_settings_are_refused_with_what_changed(tmp_path):
    before = state(begun(tmp_path / "out"))
    with pytest.raises(ValueError, match=r"holds results with other settings \(steps was 30 and is now 31\): give"):
        ResultsStore(tmp_path / "out", SETTINGS | {"steps": 31})
    with pytest.raises(ValueError, match=r"recipe was None and is now tta"):
        ResultsStore(tmp_path / "out", SETTINGS | {"recipe": "tta"})
    assert state(tmp_path / "out") == before


def test_a_folder_without_any_run_takes_other_settings(tmp_path):
    """Such as the right ones, after a first attempt that failed before its first run was done."""
    ResultsStore(tmp_path, SETTINGS).close()
    begun(tmp_path, SETTINGS | {"steps": 31})
    with pytest.raises(ValueError, match="steps was 31 and is now 30"):
        ResultsStore(tmp_path, SETTINGS)


def test_a_refusal_does_not_keep_the_folder_locked(tmp_path):
    begun(tmp_path)
    with pytest.raises(ValueError, match="other settings") as kept:  # as IPython keeps the last exception
        ResultsStore(tmp_path, SETTINGS | {"steps": 31})
    ResultsStore(tmp_path, SETTINGS).close()
    assert kept.value


def test_two_runs_do_not_share_a_folder(tmp_path):
    with ResultsStore(tmp_path, SETTINGS), pytest.raises(ValueError, match="in use by another run"):
        ResultsStore(tmp_path, SETTINGS)
    ResultsStore(tmp_path, SETTINGS).close()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda text: text.replace(",", ";"), "no column benchmark, method"),
        (lambda text: text.replace(".", ","), "cannot be read"),
        (lambda text: text.replace(",", ";").replace(".", ","), "cannot be read"),
        (lambda text: text.replace("0.5", '"0,5"'), "no number in"),
        (lambda text: "", "No columns to parse"),
        (lambda text: text.replace("f1_macro_min10", "f1"), "no column f1_macro_min10"),
        (lambda text: text.replace("erm,0,", "erm,,"), "no number in the column fold"),
        (lambda text: text.encode("utf-16"), "cannot be read"),
    ],
)
def test_results_that_another_program_changed_are_refused_and_left_as_they_are(tmp_path, spoil, message):
    path = begun(tmp_path) / "results.csv"
    spoilt = spoil(path.read_text())
    path.write_bytes(spoilt if isinstance(spoilt, bytes) else spoilt.encode())
    before = state(tmp_path)
    with pytest.raises(ValueError, match=message) as caught:
        ResultsStore(tmp_path, SETTINGS)
    said = str(caught.value)
    assert "results.csv cannot be read" in said and "spreadsheet" in said and "\n" not in said
    assert state(tmp_path) == before


@pytest.mark.parametrize("damage", ["cut", "text", "npy", "empty"])
def test_predictions_that_are_damaged_are_named(tmp_path, damage):
    path = begun(tmp_path) / "predictions" / "erm-fold0-seed0.npz"
    whole = path.read_bytes()
    if damage == "npy":
        with path.open("wb") as file:
            np.save(file, np.eye(2))
    else:
        path.write_bytes({"cut": whole[: len(whole) // 2], "text": b"PK", "empty": b""}[damage])
    with pytest.raises(ValueError, match="erm-fold0-seed0.npz is damaged"):
        read_predictions(path)
    with ResultsStore(tmp_path, SETTINGS) as store:
        assert store.has("erm", 0, 0), "the scores do not need them"
    path.unlink()
    with pytest.raises(FileNotFoundError, match="erm-fold0-seed0.npz is missing"):
        read_predictions(path)


def test_a_run_is_recorded_only_when_its_rows_are(tmp_path, monkeypatch):
    real = os.replace

    def killed(source, target):
        if str(target).endswith("results.csv"):
            raise KeyboardInterrupt
        real(source, target)

    with ResultsStore(tmp_path, SETTINGS) as store:
        monkeypatch.setattr(os, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            store.record([row()], {"logits": np.zeros((1, 3))})
    monkeypatch.undo()
    with ResultsStore(tmp_path, SETTINGS) as store:
        assert not store.has("erm", 0, 0)
        store.record([row()], PREDICTIONS)
        assert store.predictions("erm", 0, 0)["logits"].shape == (3, 3)


def test_a_file_is_closed_before_it_is_renamed(tmp_path, monkeypatch):
    """Windows renames no open file."""
    opened, real_open, real_replace = [], builtins.open, os.replace

    def watched(*arguments, **options):
        opened.append(real_open(*arguments, **options))
        return opened[-1]

    def strict(source, target):
        if not all(file.closed for file in opened):
            raise PermissionError(13, "the process cannot access the file", str(source))
        real_replace(source, target)

    monkeypatch.setattr(builtins, "open", watched)
    monkeypatch.setattr(os, "replace", strict)
    with whole_file(tmp_path / "a.bin") as file:
        file.write(b"whole")
    assert opened and (tmp_path / "a.bin").read_bytes() == b"whole"


@pytest.mark.parametrize("moment", ["writing", "fsync", "replace"])
def test_a_file_that_fails_half_way_leaves_the_old_one_and_nothing_else(tmp_path, monkeypatch, moment):
    (tmp_path / "a.bin").write_bytes(b"old")

    def full(*_):
        raise OSError(28, "No space left on device")

    if moment != "writing":
        monkeypatch.setattr(os, moment, full)
    with pytest.raises(OSError, match=r"No space left.*a\.bin"), whole_file(tmp_path / "a.bin") as file:
        file.write(b"new")
        if moment == "writing":
            full()
    assert state(tmp_path) == {(tmp_path / "a.bin").relative_to(tmp_path): b"old"}


def test_rows_without_the_agreed_columns_are_not_recorded(tmp_path):
    with ResultsStore(tmp_path, SETTINGS) as store:
        with pytest.raises(ValueError, match="rows without f1_macro_min10; expected the columns benchmark"):
            store.record([{name: value for name, value in row().items() if name != "f1_macro_min10"}], PREDICTIONS)
        assert store.rows().empty and not (tmp_path / "predictions").exists()


def test_settings_may_hold_any_name(tmp_path):
    settings = {"train": ["ラボ", "hôpital"], "benchmark": "ラボ-to-x"}
    begun(tmp_path, settings)
    ResultsStore(tmp_path, settings).close()
    assert json.loads((tmp_path / "settings.json").read_text(encoding="utf-8"))["train"] == ["ラボ", "hôpital"]


def test_temporary_names_tell_whose_they_are(tmp_path, monkeypatch):
    names, real = [], tempfile.mkstemp
    monkeypatch.setattr(tempfile, "mkstemp", lambda **o: names.append(o["prefix"]) or real(**o))
    begun(tmp_path)
    assert len(names) == 3 and set(names) == {OWN}
