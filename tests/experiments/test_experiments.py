"""The experiment, its ledger and the command line, on small made-up laboratories of five coarse classes."""

import json

import numpy as np
import pandas as pd
import pytest

from wbc_tutorial import __main__
from wbc_tutorial.experiments import runner
from wbc_tutorial.experiments.benchmarks import BENCHMARKS, load_benchmark
from wbc_tutorial.experiments.settings import Settings, tables
from wbc_tutorial.experiments.store import KEY, ResultsStore

COLUMNS = [
    *("benchmark", "method", "fold", "seed", "domain", "split", "n_images", "f1_micro", "f1_macro", "f1_macro_all"),
    *("balanced_accuracy", "seconds_per_step", "peak_memory_mb", "backbone", "steps", "version"),
]
MEASURED = ["seconds_per_step", "peak_memory_mb"]


def command(data, out, *more, methods="erm,boda,boda_plus", steps="3"):
    return [
        "--benchmark", "open5", "--data", str(data), "--backbone", "small_cnn", "--steps", steps,
        "--methods", methods, "--out", str(out), *more,
    ]  # fmt: skip


def test_the_ledger_has_the_agreed_rows_and_columns(data, tmp_path, capsys):
    assert __main__.main(command(data, tmp_path / "out", "--folds", "2")) == 0
    rows = pd.read_csv(tmp_path / "out" / "results.csv")
    assert set(COLUMNS) <= set(rows.columns) and not rows[COLUMNS].isna().any().any()
    assert len(rows) == 3 * 2 * (3 + 2) and not rows.duplicated(KEY).any()
    assert set(rows.domain[rows.split == "unseen"]) == {"chula", "bccd"}
    assert set(rows.domain[rows.split == "in_domain"]) == {"acevedo_20", "raabin", "acevedo_20+raabin"}
    assert rows[["f1_micro", "f1_macro"]].melt().value.between(0, 1).all()
    out = capsys.readouterr().out
    assert "Unseen laboratories" in out and "BoDA+" in out and "not for diagnosis" in out
    assert {"fall.png", "confusion_erm_unseen.png"} <= {p.name for p in (tmp_path / "out" / "figures").iterdir()}


def test_predictions_give_the_rows_again(data, tmp_path):
    from wbc_tutorial.evaluation.metrics import f1_scores

    settings = Settings("open5", str(data), "small_cnn", 3)
    rows = runner.run(settings, ["erm"], out=tmp_path, progress=False, say=lambda _: None)
    stored = dict(np.load(tmp_path / "predictions" / "erm-fold0-seed0.npz", allow_pickle=False))
    for row in rows[rows.split == "unseen"].itertuples():
        here = stored["unseen"] & (stored["domains"] == row.domain)
        scores = f1_scores(stored["truth"][here], stored["logits"][here].argmax(axis=1), 5)
        assert (scores.micro, scores.macro, here.sum()) == (row.f1_micro, row.f1_macro, row.n_images)


def test_the_same_command_again_trains_nothing(data, tmp_path, monkeypatch):
    __main__.main(command(data, tmp_path, methods="erm"))
    monkeypatch.setattr(runner.training, "fit", None)
    assert __main__.main(command(data, tmp_path, methods="erm")) == 0


@pytest.mark.parametrize("method", ["boda", "erm"])
def test_a_plus_alone_equals_the_plus_after_its_method(data, tmp_path, method):
    settings = Settings("open5", str(data), "small_cnn", 3)
    quiet = {"progress": False, "say": lambda _: None}
    both = runner.run(settings, [method, f"{method}_plus"], out=tmp_path / "a", **quiet)
    alone = runner.run(settings, [f"{method}_plus"], out=tmp_path / "b", **quiet)
    both = both[both.method == f"{method}_plus"].reset_index(drop=True)
    pd.testing.assert_frame_equal(both.drop(columns=MEASURED), alone.drop(columns=MEASURED))


def test_leaving_a_laboratory_out_scores_it_and_reads_no_unseen_one(data, tmp_path, monkeypatch):
    from wbc_tutorial.data.cell_images import StoredImages

    read, real = set(), StoredImages.__getitem__

    def watched(self, index):
        read.update(self.stack_of[index].tolist() if np.ndim(index) else [int(self.stack_of[index])])
        return real(self, index)

    monkeypatch.setattr(StoredImages, "__getitem__", watched)
    command_line = command(data, tmp_path, "--leave-out", "raabin", "--recipe", "light,physics", methods="erm,boda")
    assert __main__.main(command_line) == 0
    rows = pd.read_csv(tmp_path / "results.csv")
    assert set(zip(rows.domain, rows.split, strict=True)) == {("acevedo_20", "in_domain"), ("raabin", "left_out")}
    assert read == {0, 3}, "the sets are read in the order of their names: bccd is 1, chula 2"
    settings = json.loads((tmp_path / "settings.json").read_text())
    assert settings["recipe"] == ["light", "physics"] and settings["leave_out"] == "raabin"
    assert __main__.main([*command(data, tmp_path, methods="erm"), "--leave-out", "raabin"]) == 2, "another recipe"


@pytest.mark.parametrize("ingredient", ["test_norm", "half_norm"])
def test_only_laboratories_that_were_not_trained_on_are_adapted_to(data, tmp_path, ingredient):
    quiet = {"progress": False, "say": lambda _: None}
    settings = {"benchmark": "open5", "data": str(data), "backbone": "small_cnn", "steps": 3}
    plain, adapted = (
        runner.run(Settings(**settings, recipe=recipe), ["erm"], out=tmp_path / name, **quiet)
        for name, recipe in (("plain", ()), ("adapted", (ingredient,)))
    )
    plain, adapted = (rows.set_index(["split", "domain"]).calibration_error for rows in (plain, adapted))
    assert plain["in_domain"].equals(adapted["in_domain"]) and (plain["unseen"] != adapted["unseen"]).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (["--benchmark", "other"], "unknown benchmark 'other'; choose one of simulated, open5"),
        (["--backbone", "vgg"], "unknown backbone 'vgg'"),
        (["--methods", "erm,magic"], "unknown method 'magic'; choose among erm, coral"),
        (["--methods", ""], "unknown method (none)"),
        (["--folds", "6"], "folds is 6; expected 1 to 5"),
        (["--folds", "0"], "folds is 0"),
        (["--steps", "0"], "steps is 0"),
        (["--recipe", "salt"], "unknown ingredient 'salt' of --recipe"),
        (["--leave-out", "chula"], "expected one of the training laboratories acevedo_20, raabin"),
        (["--steps", "many"], "invalid int value: 'many'"),
        (["--nonsense"], "unrecognized arguments: --nonsense"),
        (["--data", "/nowhere/at/all"], "is not a folder"),
        (["--benchmark", "simulated"], "draws its own cells: leave out --data"),
        (["--benchmark", "paper"], "lacks matek_19, mll_23"),
    ],
)
def test_bad_usage_is_one_line_and_exit_2(data, tmp_path, capsys, change, message):
    try:
        status = __main__.main([*command(data, tmp_path / "out"), *change])
    except SystemExit as stop:
        status = stop.code
    error = capsys.readouterr().err
    assert status == 2 and message in error and error.count("\n") == 1, error


def test_folder_without_a_prepared_set_is_named(tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    assert __main__.main(command(tmp_path / "empty", tmp_path / "out")) == 2
    assert "no prepared set" in capsys.readouterr().err
    assert __main__.main(["--benchmark", "open5", "--out", str(tmp_path / "out")]) == 2
    assert "needs --data DIR" in capsys.readouterr().err


def test_other_settings_in_the_same_folder_are_refused(data, tmp_path, capsys):
    assert __main__.main(command(data, tmp_path, methods="erm")) == 0
    before = (tmp_path / "results.csv").read_bytes()
    assert __main__.main(command(data, tmp_path, methods="erm", steps="4")) == 2
    assert "steps was 3 and is now 4" in capsys.readouterr().err
    assert (tmp_path / "results.csv").read_bytes() == before


@pytest.mark.parametrize("damage", ["settings", "stray", "file", "busy"])
def test_folder_that_cannot_hold_a_ledger(tmp_path, damage):
    folder = tmp_path / "out"
    if damage == "file":
        folder.write_text("")
        message = "is a file"
    else:
        folder.mkdir()
    if damage == "settings":
        (folder / "settings.json").write_text("{")
        message = "not readable"
    if damage == "stray":
        (folder / "results.csv").write_text("a\n")
        message = "without settings.json"
    if damage == "busy":
        held = ResultsStore(folder, {})
        message = "in use by another run"
    with pytest.raises(ValueError, match=message):
        ResultsStore(folder, {})
    if damage == "busy":
        held.close()
        ResultsStore(folder, {}).close()


def test_unseen_laboratories_never_train(data):
    for benchmark in BENCHMARKS.values():
        assert not set(benchmark.train) & set(benchmark.unseen)
    cells = load_benchmark("open5", str(data))
    assert cells.domain_names == ("acevedo_20", "raabin", "chula", "bccd")


def test_table_is_mean_and_deviation_over_runs(data, tmp_path):
    settings = Settings("open5", str(data), "small_cnn", 2)
    rows = runner.run(settings, ["erm"], n_folds=3, out=tmp_path, progress=False, say=lambda _: None)
    values = rows[(rows.domain == "chula")].f1_macro
    table = tables.table(rows, "unseen")
    assert table.loc[("chula", "ERM"), "f1_macro"] == f"{values.mean():.3f} ± {values.std(ddof=1):.3f}"
    assert table.loc[("chula", "ERM"), "runs"] == 3
    assert tables.table(rows, "in_domain").index.tolist() == [("acevedo_20+raabin", "ERM")]
