"""Leave one out: each training laboratory in turn is the unseen one, in a folder of its own, and one table of all."""

import shutil

import numpy as np
import pandas as pd
import pytest

from wbc_tutorial import __main__
from wbc_tutorial.data.classes import COARSE_CLASSES
from wbc_tutorial.evaluation.intervals import paired_interval
from wbc_tutorial.experiments import runner
from wbc_tutorial.experiments.leave_one_out import COLUMNS, MEAN, as_text, leave_one_out_table, left_out

LABS = ("acevedo_20", "raabin", "chula")


def command(data, out, *more):
    return [
        "--data", str(data), "--train", ",".join(LABS), "--classes", "5", "--leave-one-out", "--methods", "erm,coral",
        "--backbone", "small_cnn", "--steps", "1", "--out", str(out), *more,
    ]  # fmt: skip


def rows_of(scores):
    """Rows of one laboratory: method -> one F1-macro a fold; those of known laboratories must not enter."""
    return pd.DataFrame(
        {"method": method, "fold": fold, "seed": 0, "split": split, "domain": "a+b" if split == "in_domain" else "c",
         "f1_macro": value + 9 * (split == "in_domain"), "f1_macro_min10": value / 2}
        for method, values in scores.items() for fold, value in enumerate(values) for split in ("in_domain", "unseen")
    )  # fmt: skip


@pytest.fixture(scope="module")
def done(data, tmp_path_factory):
    """A finished folder."""
    out = tmp_path_factory.mktemp("done") / "out"
    assert __main__.main(command(data, out)) == 0
    return out


def test_what_is_not_used_is_said_once(data, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(__main__, "_drawn", lambda *_: 0)
    assert __main__.main(command(data, tmp_path / "out")) == 0
    said = [line for line in capsys.readouterr().out.splitlines() if line.startswith("Not used in")]
    assert said and len(said) == len(set(said))


def test_the_table_by_hand():
    rows = {
        "a": rows_of({"erm": [0.4, 0.6], "boda": [0.5, 0.7]}),
        "b": rows_of({"erm": [0.2, 0.2], "boda": [0.2, 0.4]}),
        "c": rows_of({"erm": [0.3, 0.3], "boda": [0.2, 0.3]}),
    }
    table = leave_one_out_table(rows)
    assert list(table) == COLUMNS and table.laboratory.tolist() == [*"aabbcc", MEAN, MEAN]
    boda = table[table.method == "boda"]
    assert np.allclose(boda.f1_macro, [0.6, 0.3, 0.25, 1.15 / 3])
    assert np.allclose(boda.f1_macro_min10, boda.f1_macro / 2)
    assert np.allclose(boda.known_f1_macro, boda.f1_macro + 9), "on the known laboratories, pooled"
    assert np.allclose(boda.points, [10, 10, -5, 5]) and boda.runs.tolist() == [2, 2, 2, 6]
    assert np.allclose(boda.iloc[-1][["low", "high"]].astype(float), paired_interval([10, 10, -5]))
    assert boda.iloc[:-1].low.isna().all() and table[table.method == "erm"][["points", "low"]].isna().all(axis=None)
    said = as_text(table)
    assert "+5.0 -16.5 to +26.5" in said and "needs three" not in said
    headline = "ERM scores F1-macro 9.33 on the known laboratories and 0.33 on the laboratory left out, mean of 3 lab"
    assert said.index(headline) < said.index("laboratory method"), "the headline comes before the table"


def test_two_laboratories_give_points_and_no_interval():
    table = leave_one_out_table({name: rows_of({"erm": [0.4], "coral": [0.5]}) for name in "ab"})
    assert table[table.method == "coral"].points.round(6).tolist() == [10, 10, 10] and table.low.isna().all()
    assert "An interval needs three laboratories." in as_text(table)
    alone = leave_one_out_table({name: rows_of({"coral": [0.5]}) for name in "ab"})
    assert alone.points.isna().all() and np.allclose(alone.f1_macro, 0.5)
    assert "points" not in as_text(alone), "a column of dashes says nothing"


def test_each_laboratory_is_unseen_once_in_a_folder_of_its_own(done):
    assert {path.name for path in done.iterdir()} == {*LABS, "leave_one_out.csv", "report.html"}
    page = (done / "report.html").read_text(encoding="utf-8")
    assert "image/jpeg" in page and all(f"The results, {laboratory} left out" in page for laboratory in LABS)
    table = pd.read_csv(done / "leave_one_out.csv")
    for laboratory in LABS:
        rows = pd.read_csv(done / laboratory / "results.csv")
        assert set(rows.domain[rows.split == "unseen"]) == {laboratory}
        assert laboratory not in set(rows.domain[rows.split == "in_domain"])
        here = table[table.laboratory == laboratory].set_index("method").f1_macro
        assert here.to_dict() == rows[rows.split == "unseen"].set_index("method").f1_macro.to_dict()
        assert {path.name for path in (done / laboratory / "models").iterdir()} == {
            "erm-fold0-seed0.pt", "coral-fold0-seed0.pt",
        }  # fmt: skip
    assert (
        table[(table.laboratory == MEAN) & (table.method == "coral")][["points", "low", "high"]].notna().all(axis=None)
    )


def test_interrupted_and_continued_it_ends_the_same(data, done, tmp_path, capsys, monkeypatch):
    fit, calls = runner.fit, []

    def interrupted(*arguments, **options):
        calls.append(1)
        if len(calls) == 4:  # in the second laboratory
            raise KeyboardInterrupt
        return fit(*arguments, **options)

    monkeypatch.setattr(runner, "fit", interrupted)
    out = tmp_path / "out"
    assert __main__.main(command(data, out)) == 130
    assert f"stopped; 3 finished runs are kept in {out}: the same command continues" in capsys.readouterr().err
    assert not (out / "leave_one_out.csv").exists()
    assert __main__.main(command(data, out)) == 0
    assert len(calls) == 7, "six runs, one of them begun twice"
    assert (out / "leave_one_out.csv").read_bytes() == (done / "leave_one_out.csv").read_bytes()
    said = capsys.readouterr().out
    assert "Each laboratory in turn left out" in said and "not for diagnosis" in said
    assert said.index("Laboratory 1 of 3 left out: acevedo_20") < said.index("Laboratory 3 of 3 left out: chula")
    assert "Nothing to train: all 2 runs are found" in said and "1 to do, 1 found" in said
    lines = [line for line in said.splitlines() if "fold 0 seed 0" in line]
    assert len(lines) == 3 and all(line.endswith(" left)") for line in lines), "the report is still to be drawn"


def test_a_named_benchmark_leaves_out_its_training_laboratories(data, tmp_path, capsys):
    given = ["--benchmark", "open5", "--data", str(data), "--leave-one-out", "--backbone", "small_cnn", "--steps", "1"]
    assert __main__.main([*given, "--methods", "erm", "--out", str(tmp_path / "out")]) == 0
    table = pd.read_csv(tmp_path / "out" / "leave_one_out.csv")
    assert table.laboratory.tolist() == ["acevedo_20", "raabin", MEAN]
    out = capsys.readouterr().out
    assert "mean of 2 laboratories" in out and "points" not in out, "ERM alone: nothing to compare"


def test_a_batch_keeps_its_number_of_images():
    benchmarks = left_out(LABS, COARSE_CLASSES)
    assert [each.per_domain * len(each.train) for each in benchmarks] == [96, 96, 96]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (["--unseen", "bccd"], "tests on each laboratory of --train in turn: leave out --unseen"),
        (["--leave-out", "chula"], "leave out --leave-out"),
        (["--benchmark", "open5"], "--benchmark names its own laboratories"),
        (["--train", "chula"], "expected two or more in --train, got chula"),
        (["--train", ""], "expected two or more in --train, got none"),
        (["--train", "chula,chula,bccd"], "names chula twice"),
        (["--train", "chula,Chula"], "would share a folder of results"),
        (["--train", "raabin,chula,nowhere"], "lacks nowhere"),
        (["--train", "raabin,chula"], "CORAL compare laboratories"),
    ],
)
def test_bad_usage_is_one_line_and_exit_2(data, tmp_path, capsys, change, message):
    assert __main__.main(command(data, tmp_path / "out", *change)) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1, error
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["cells.csv", "settings.json", "leave_one_out.csv"])
def test_a_folder_that_holds_something_else_is_refused(data, tmp_path, capsys, name):
    (tmp_path / name).write_text("laboratory;method\n")
    assert __main__.main(command(data, tmp_path)) == 2
    assert name in capsys.readouterr().err and (tmp_path / name).read_text() == "laboratory;method\n"
    assert len(list(tmp_path.iterdir())) == 1


def test_results_of_other_settings_below_are_refused(data, done, tmp_path, capsys):
    shutil.copytree(done, tmp_path / "out")
    assert __main__.main(command(data, tmp_path / "out", "--steps", "2")) == 2
    assert "holds results with other settings (steps was 1 and is now 2)" in capsys.readouterr().err
