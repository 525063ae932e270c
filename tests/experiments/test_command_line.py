"""The command line: what it leaves, and one line, never a traceback, whatever goes wrong."""

import builtins
import errno
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from support.places import ROOT

from wbc_tutorial import __main__, models, report
from wbc_tutorial.experiments import runner
from wbc_tutorial.experiments.benchmarks import BENCHMARKS
from wbc_tutorial.experiments.methods import ALIGNING, METHODS
from wbc_tutorial.experiments.recipes import INGREDIENTS

ODD_NAMES = ("Klinik-A", "hopital_b", "lab 3", "ラボ")


def command(data, out, *more, methods="erm", steps="2"):
    return [
        "--benchmark", "open5", "--data", str(data), "--backbone", "small_cnn", "--steps", steps,
        "--methods", methods, "--out", str(out), *more,
    ]  # fmt: skip


def status_of(arguments):
    try:
        return __main__.main(arguments)
    except SystemExit as stop:
        return stop.code


def in_a_process(arguments, **environment):
    """Run the command in a process of its own: (exit code, stdout, stderr) as bytes."""
    done = subprocess.run(
        [sys.executable, "-m", "wbc_tutorial", *arguments],
        cwd=ROOT, capture_output=True, env=os.environ | {"OMP_NUM_THREADS": "1"} | environment, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


def after_the_bar(error):
    """What stands on stderr once the progress bar has been wiped out."""
    return error.rpartition("\r")[2]


@pytest.fixture
def arguments(data, tmp_path):
    """A run of ERM and CORAL into ``out``."""
    return command(data, tmp_path / "out", methods="erm,coral")


@pytest.fixture
def undrawn(monkeypatch):
    """Leave out the pictures, which cost most of the time."""
    monkeypatch.setattr(report, "write", lambda out, rows, cells: [Path(out) / "report.html"])


@pytest.fixture(scope="module")
def odd_data(data, tmp_path_factory):
    """The sets of `data` under other names."""
    folder = tmp_path_factory.mktemp("odd") / "data"
    shutil.copytree(data, folder)
    for path, name in zip(sorted(folder.iterdir()), ODD_NAMES, strict=True):
        table = pd.read_csv(path / "cells.csv", dtype=str, keep_default_na=False).assign(domain=name)
        table.to_csv(path / "cells.csv", index=False, encoding="utf-8")
    return folder


def test_a_run_leaves_results_tables_figures_and_a_page(data, tmp_path, capsys):
    assert __main__.main(command(data, tmp_path / "out", methods="erm,boda")) == 0
    out = capsys.readouterr().out
    marks = [
        "open5: the plan",
        "2 to do",
        "ERM scores F1-macro",
        "Known laboratories",
        "Unseen laboratories",
        "Drawing",
    ]
    assert [out.index(mark) for mark in marks] == sorted(out.index(mark) for mark in marks)
    last = next(line for line in out.splitlines() if line.startswith("BoDA "))
    assert last.endswith(" left)"), "the report is still to be drawn"
    assert "BoDA" in out and "not for diagnosis" in out
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"results.csv", "predictions", "models", "settings.json", "report.html", "figures"} <= names
    assert json.loads((tmp_path / "out" / "settings.json").read_text())["recipe"] == "none"


def test_the_same_command_again_says_that_nothing_is_trained(data, tmp_path, capsys, undrawn, monkeypatch):
    assert __main__.main(command(data, tmp_path)) == 0
    capsys.readouterr()
    monkeypatch.setattr(runner, "fit", None)
    assert __main__.main(command(data, tmp_path)) == 0
    out = capsys.readouterr().out
    assert "Nothing to train: the run is found" in out and "to do" not in out and " left)" not in out


def test_help_names_every_method_ingredient_backbone_and_benchmark_and_needs_no_torch():
    code = "import sys; from wbc_tutorial import __main__ as m\n"
    code += "try: m.main(['--help'])\nexcept SystemExit: print('torch' in sys.modules, 'numpy' in sys.modules)"
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert time.perf_counter() - start < 5, "measured: .3 s on a machine that is not busy"
    assert done.stdout.endswith("False False\n")
    words = set(re.findall(r"\w+", done.stdout))
    assert {*METHODS, *INGREDIENTS, *models.BACKBONES, *BENCHMARKS} <= words
    assert "examples:" in done.stdout and set(__main__.DEFAULT_METHODS) < set(METHODS)
    assert f"(default:{','.join(__main__.DEFAULT_METHODS)})" in "".join(done.stdout.split())


def test_help_of_predict_shows_its_own_options_and_needs_no_torch():
    code = "import sys; from wbc_tutorial import __main__ as m\n"
    code += "try: m.main(['predict', '--help'])\nexcept SystemExit: print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    options = set(re.findall(r"--[\w-]+", done.stdout))
    assert options == {"--help", "--model", "--data", "--out", "--recipe"} and done.stdout.endswith("False\n")
    after = {name for name, ingredient in INGREDIENTS.items() if ingredient.test or ingredient.adapt}
    assert set(re.findall(r"\w+", done.stdout)) & set(INGREDIENTS) == after


@pytest.mark.parametrize("of", ["run", "predict"])
def test_the_examples_of_the_help_are_commands_that_the_program_takes(of):
    text = __main__.EPILOG if of == "run" else __main__.EPILOG_OF_PREDICT
    examples = re.findall(r"^    (python -m wbc_tutorial.*)$", text, re.M)
    assert len(examples) >= 2
    for example in examples:
        given = __main__._parsed(shlex.split(example)[3:])
        assert set((given.recipe or "").split(",")) - {""} <= set(INGREDIENTS)
        assert set(getattr(given, "methods", None) or ()) <= set(METHODS)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (["--benchmark", "other"], "unknown benchmark 'other'; choose one of simulated, open5"),
        (["--backbone", "vgg"], "unknown backbone 'vgg'"),
        (["--methods", "erm,magic"], "unknown method 'magic'; choose among erm, coral"),
        (["--methods", ""], "unknown method (none)"),
        (["--folds", "6"], "folds is 6; the images are cut into 5 folds"),
        (["--folds", "0"], "folds is 0"),
        (["--steps", "0"], "steps is 0"),
        (["--learning-rate", "0"], "learning_rate is 0.0: expected 1e-12 to 10"),
        (["--learning-rate", "fast"], "invalid float value: 'fast'"),
        (["--steps", "many"], "invalid int value: 'many'"),
        (["--seed", str(2**63 - 1)], "seed is 9223372036854775807: expected a whole number, 0 to 4000000"),
        (["--seed", "-1"], "seed is -1"),
        (["--recipe", "salt"], "unknown ingredient 'salt' of the recipe; choose among white_balance"),
        (["--recipe", "group_norm,adabn"], "group_norm and adabn exclude each other"),
        (["--leave-out", "chula"], "expected one of two or more training ones (acevedo_20, raabin)"),
        (["--leave-out", "raabin", "--methods", "erm,coral"], "CORAL compare laboratories: with one training"),
        (["--classes", "5"], "--classes goes with --train and --unseen"),
        (["--classes", "7"], "invalid choice: 7"),
        (["--train", "raabin"], "leave it out, or leave out --train and --unseen"),
        (["--nonsense"], "unrecognized arguments: --nonsense"),
        (["fly"], "invalid choice: 'fly'"),
        (["--data", "/nowhere/at/all"], "is not a folder"),
        (["--benchmark", "simulated"], "draws its own cells: leave out --data"),
        (["--benchmark", "paper"], "lacks matek_19, mll_23"),
    ],
)
def test_bad_usage_is_one_line_and_exit_2(data, tmp_path, capsys, change, message):
    assert status_of([*command(data, tmp_path / "out"), *change]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1, error
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--train", "Klinik-A"], "--train and --unseen go together"),
        (["--unseen", "ラボ"], "--train and --unseen go together"),
        (["--train", "", "--unseen", "ラボ"], "--train and --unseen go together"),
        (["--train", "Klinik-A,ラボ", "--unseen", "ラボ"], "trained on and unseen at once"),
        (["--train", "a+b", "--unseen", "ラボ"], "'a+b' cannot be the name of a laboratory"),
        (["--train", "Klinik-A,klinik-a", "--unseen", "lab 3"], "lacks klinik-a"),
        (["--train", "Klinik-A,hopital_b", "--unseen", "lab 3"], "needs --data DIR with prepared images of Klinik-A"),
    ],
)
def test_own_laboratories_that_cannot_be_used_are_one_line(odd_data, tmp_path, capsys, given, message):
    with_data = [] if "needs --data" in message else ["--data", str(odd_data)]
    assert status_of([*given, *with_data, "--out", str(tmp_path / "out"), "--classes", "5"]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1, error


def test_own_laboratories_with_odd_names(odd_data, tmp_path, capsys, undrawn, monkeypatch):
    monkeypatch.chdir(tmp_path)
    own = ["--data", str(odd_data), "--train", " Klinik-A , ラボ", "--unseen", "lab 3", "--classes", "5"]
    assert __main__.main([*own, "--backbone", "small_cnn", "--steps", "2", "--methods", "erm,coral"]) == 0
    (out,) = Path("results").iterdir()
    assert out.name == "Klinik-A+ラボ-to-lab_3"
    rows = pd.read_csv(out / "results.csv")
    assert set(rows.domain[rows.split == "unseen"]) == {"lab 3"} and set(rows.benchmark) == {"Klinik-A+ラボ-to-lab 3"}
    assert set(rows.domain[rows.split == "in_domain"]) == {"Klinik-A", "ラボ", "Klinik-A+ラボ"}
    assert f"Not used in {odd_data}: hopital_b" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("Klinik-A+b-to-c", "Klinik-A+b-to-c"),
        ('a:b/c\\d*e?f"g<h>i|j-to-x', "a_b_c_d_e_f_g_h_i_j-to-x"),
        ("../../etc-to-x", "etc-to-x"),
        ("a.-to-b. ", "a.-to-b"),
        ("...", "run"),
        ("con", "_con"),
        ("NUL.x-to-b", "_NUL.x-to-b"),
        ("console", "console"),
    ],
)
def test_the_default_folder_has_a_name_that_every_system_takes(name, folder):
    assert __main__._folder_name(name) == folder
    long = {__main__._folder_name(letter * 300 + name) for letter in ("a", "ラ")}
    assert len(long) == 2 and all(len(each.encode()) < 255 for each in long)


def test_default_methods_without_anything_to_align_are_left_out_with_a_word(data, tmp_path, capsys, undrawn):
    arguments = [part for part in command(data, tmp_path / "out", "--leave-out", "raabin") if part != "erm"]
    arguments.remove("--methods")
    assert __main__.main(arguments) == 0
    left_out = [method for method in __main__.DEFAULT_METHODS if method in ALIGNING]
    assert f"Left out: {', '.join(METHODS[m] for m in left_out)}. With one training" in capsys.readouterr().out
    assert set(pd.read_csv(tmp_path / "out" / "results.csv").method) == set(__main__.DEFAULT_METHODS) - set(left_out)


def test_a_set_that_is_damaged_and_not_asked_for_is_named_and_stops_nothing(data, tmp_path, capsys, undrawn):
    shutil.copytree(data, tmp_path / "data")
    (tmp_path / "data" / "mine").mkdir()
    (tmp_path / "data" / "mine" / "cells.csv").write_bytes(b"\xff\xfe")
    assert __main__.main(command(tmp_path / "data", tmp_path / "out")) == 0
    lines = capsys.readouterr().out.splitlines()
    assert sum("Not used in" in line and "mine" in line for line in lines) == 1


def test_a_foreign_folder_is_refused_and_its_page_stays(data, tmp_path, capsys):
    (tmp_path / "report.html").write_text("my own page")
    (tmp_path / "film.mkv.part").write_text("half")
    assert __main__.main(command(data, tmp_path)) == 2
    error = capsys.readouterr().err
    assert "holds other files and no settings.json of this program" in error and error.count("\n") == 1
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == {
        "report.html": "my own page", "film.mkv.part": "half",
    }  # fmt: skip
    assert __main__.main(command(data, data / "raabin")) == 2
    assert "is a prepared set of images" in capsys.readouterr().err


def test_a_report_that_cannot_be_drawn_keeps_the_results(data, tmp_path, capsys, monkeypatch):
    def fail(*_):
        raise KeyError("figures")

    monkeypatch.setattr(report, "write", fail)
    assert __main__.main(command(data, tmp_path)) == 2
    error = capsys.readouterr().err
    assert "the report could not be drawn (KeyError: 'figures'); all runs are kept in" in error
    assert error.count("\n") == 1 and len(pd.read_csv(tmp_path / "results.csv")) == 5


@pytest.mark.parametrize("spoil", ["settings.json", "results.csv", "report.html"])
def test_damaged_results_are_one_line(data, tmp_path, capsys, monkeypatch, spoil):
    with monkeypatch.context() as patched:
        patched.setattr(report, "write", lambda out, rows, cells: [out / "report.html"])
        assert __main__.main(command(data, tmp_path)) == 0
    capsys.readouterr()
    if spoil == "report.html":
        (tmp_path / spoil).mkdir()
    else:
        (tmp_path / spoil).write_text("null" if spoil == "settings.json" else "a;b\n1,5;2\n")
    assert __main__.main(command(data, tmp_path)) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and spoil in error, error


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (FloatingPointError("the loss is not finite from step 3 on"), "ERM, fold 0, seed 0: the loss is not finite"),
        (OSError(errno.ENOSPC, "No space left on device", "a.npz"), "the disk is full: free some space; no run was"),
        (OSError(errno.EACCES, "Permission denied", "a.npz"), "no permission, or the file is open in another program"),
        (RuntimeError("CUDA out of memory.\nTried to allocate 2 GiB"), "RuntimeError: CUDA out of memory. Tried to"),
        (MemoryError(), "MemoryError"),
    ],
)
def test_a_failure_in_training_is_one_line(arguments, capsys, monkeypatch, error, said):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(runner, "fit", fail)
    assert __main__.main(arguments) == 2
    shown = capsys.readouterr().err
    assert said in shown and shown.count("\n") == 1, shown


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("libraries", "stopped\n"),
        ("first training", "stopped; no run was finished yet\n"),
        ("second training", "stopped; 1 finished run is kept in "),
        ("report", "stopped; 2 finished runs are kept in "),
    ],
)
def test_ctrl_c_anywhere_is_one_true_line(arguments, capsys, monkeypatch, where, said):
    def stop(*_, **__):
        raise KeyboardInterrupt

    out = Path(arguments[-1])
    if where == "second training":
        with monkeypatch.context() as patched:
            patched.setattr(report, "write", lambda out, rows, cells: [out / "report.html"])
            assert __main__.main([*arguments, "--methods", "erm"]) == 0
    if where == "libraries":
        monkeypatch.setattr(__main__, "_libraries", stop)
        arguments = arguments[:-2]
    elif where == "report":
        monkeypatch.setattr(report, "write", stop)
    else:
        monkeypatch.setattr(runner, "fit", stop)
    assert __main__.main(arguments) == 130
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1, error
    assert ("kept" in said) == (out / "results.csv").exists()


def test_warnings_are_one_line_each(data, tmp_path, capsys, undrawn, monkeypatch):
    import warnings

    def warn(*_):
        warnings.warn("one\ntwo", UserWarning, stacklevel=1)
        return "text"

    monkeypatch.setattr(report, "as_text", lambda *_, **__: warn())
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        assert __main__.main(command(data, tmp_path)) == 0
    assert after_the_bar(capsys.readouterr().err) == "python -m wbc_tutorial: note: one two\n"


def test_names_that_the_screen_cannot_show_and_a_backend_that_is_none_do_not_stop_it(odd_data, tmp_path):
    arguments = ["--data", str(odd_data), "--train", "Klinik-A,hopital_b", "--unseen", "ラボ", "--classes", "5"]
    arguments += ["--backbone", "small_cnn", "--steps", "2", "--methods", "erm", "--out", str(tmp_path / "ラボ")]
    code, out, error = in_a_process(arguments, PYTHONIOENCODING="ascii", MPLBACKEND="foo")
    assert code == 0 and after_the_bar(error.decode()) == "", error
    assert rb"\u30e9\u30dc" in out and (tmp_path / "ラボ" / "report.html").is_file()


@pytest.mark.parametrize("how", ["absent", "broken"])
def test_without_torch_there_is_one_line_with_the_fix(tmp_path, how):
    (tmp_path / "torch").mkdir()
    broken = "raise OSError('libtorch_cpu.so: cannot open shared object file')"
    absent = "raise ModuleNotFoundError(\"No module named 'torch'\", name='torch')"
    (tmp_path / "torch" / "__init__.py").write_text(broken if how == "broken" else absent)
    code, _, error = in_a_process(["--steps", "1"], PYTHONPATH=str(tmp_path))
    text = error.decode()
    assert code == 2 and text.count("\n") == 1 and "python -m pip install -e ." in text, text
    assert "wbc_tutorial.course.environment" in text and "torch" in text


def test_output_into_a_reader_that_has_seen_enough_is_quiet(data, tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-m", "wbc_tutorial", *command(data, tmp_path)],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    process.stdout.readline()
    process.stdout.close()
    error = process.stderr.read()
    assert process.wait() == 141 and after_the_bar(error.decode()) == "", error
    process.stderr.close()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no SIGINT to a single process")
@pytest.mark.parametrize("after", ["Loading", "results in", "Drawing"])
def test_a_real_ctrl_c_is_one_line_and_exit_130(data, tmp_path, after):
    process = subprocess.Popen(
        [sys.executable, "-m", "wbc_tutorial", *command(data, tmp_path / "out", steps="40")],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - a shell's & ignores it
    )  # fmt: skip
    for line in process.stdout:
        if after in line:
            time.sleep(0.2)
            process.send_signal(signal.SIGINT)
            break
    _, error = process.communicate(timeout=60)
    last = [line for line in error.replace("\r", "\n").splitlines() if line.strip()][-1]
    # Python ends itself by the signal, which a shell shows as 130 too, where an import was interrupted in C code
    assert process.returncode in (130, -signal.SIGINT) and "Traceback" not in error and "stopped" in last, error


def test_ctrl_c_inside_a_class_of_a_library_is_no_broken_library(data, tmp_path, monkeypatch, capsys):
    class Stopped:
        def __set_name__(self, owner, name):
            raise KeyboardInterrupt

    def importing(name, *given, **named):
        if name == "wbc_tutorial" and given[2:3] == (("report",),):
            type("Arguments", (), {"field": Stopped()})
        return whole(name, *given, **named)

    whole = builtins.__import__
    monkeypatch.setattr(builtins, "__import__", importing)
    assert __main__.main(command(data, tmp_path)) == 130
    assert "stopped" in capsys.readouterr().err


def test_probabilities_are_kept_for_every_image(data, tmp_path, undrawn):
    __main__.main(command(data, tmp_path))
    with np.load(tmp_path / "predictions" / "erm-fold0-seed0.npz", allow_pickle=False) as stored:
        assert stored["logits"].shape == (len(stored["truth"]), 5) and len(stored["domains"]) == len(stored["truth"])
