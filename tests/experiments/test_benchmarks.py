"""The benchmark: which laboratories train and which stay unseen, whatever they are called, and what lies beside."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest

from wbc_tutorial import __main__
from wbc_tutorial.data.classes import CLASSES, COARSE_CLASSES
from wbc_tutorial.data.prepared import load_prepared
from wbc_tutorial.experiments import runner
from wbc_tutorial.experiments.benchmarks import BENCHMARKS, Benchmark
from wbc_tutorial.experiments.settings import Settings


def prepared(folder, domain, labels=COARSE_CLASSES, n=10, digests=None):
    """A prepared set of one laboratory, 16 px."""
    folder.mkdir(parents=True)
    names = [name for name in labels for _ in range(n)]
    images = np.random.default_rng(0).integers(0, 255, (len(names), 16, 16, 3), dtype=np.uint8)
    np.save(folder / "images.npy", images)
    table = pd.DataFrame({"id": range(len(names)), "label": names, "domain": domain, "group": ""})
    if digests is not None:
        table["pixel_digest"] = digests
    table.to_csv(folder / "cells.csv", index=False, encoding="utf-8")
    (folder / "set.json").write_text(json.dumps({"um_per_px": 25 / 16}))
    return folder


def test_the_named_benchmarks():
    assert list(BENCHMARKS) == ["simulated", "open5", "open5_plus", "fine13", "paper", "paper11"]
    for name, benchmark in BENCHMARKS.items():
        assert benchmark.name == name and not set(benchmark.train) & set(benchmark.unseen)
        assert name in repr(benchmark) and benchmark.simulated == (name == "simulated")
    assert [len(each.classes) for each in BENCHMARKS.values()] == [13, 5, 5, 13, 13, 11]
    with pytest.raises(TypeError):
        BENCHMARKS["mine"] = BENCHMARKS["open5"]


def test_a_person_can_read_what_a_benchmark_is():
    shown = Benchmark("mine", ("<a>", "b"), ("c",))._repr_html_()
    assert "<td>&lt;a&gt;, b</td>" in shown and "400 steps, in each 32 images of every laboratory" in shown
    assert str(BENCHMARKS["simulated"]) == (
        "Benchmark('simulated': trains on sim_matek and sim_acevedo; unseen: sim_mll; 13 classes; small_cnn, 500 steps)"
    )


def test_the_laboratories_come_in_order_and_those_of_the_test_never_train(data):
    cells = BENCHMARKS["open5"].load(data)
    assert cells.domain_names == ("acevedo_20", "raabin", "chula", "bccd") and cells.classes == COARSE_CLASSES
    turned = Benchmark("turned", ("bccd", "chula"), ("raabin",), COARSE_CLASSES).load(data)
    assert turned.domain_names == ("bccd", "chula", "raabin")
    left = BENCHMARKS["open5"].leave_out("raabin")
    assert (left.train, left.unseen, left.per_domain) == (("acevedo_20",), ("raabin",), 64)
    assert left.load(data).domain_names == ("acevedo_20", "raabin")


@pytest.mark.parametrize(
    ("train", "unseen", "message"),
    [
        ((), ("c",), "train is (): expected the names of one or more laboratories"),
        (("a",), (), "unseen is ()"),
        ("ab", ("c",), "train is 'ab'"),
        (("a", "a"), ("c",), "each once"),
        (("a", "b"), ("b", "c"), "b: trained on and unseen at once"),
        (("a,b",), ("c",), "'a,b' cannot be the name of a laboratory"),
        (("a+b",), ("c",), "'a+b' cannot be the name of a laboratory"),
        (("a\nb",), ("c",), "cannot be the name of a laboratory"),
        (("a", " "), ("c",), "cannot be the name of a laboratory"),
        (("a", 3), ("c",), "3 cannot be the name of a laboratory"),
    ],
)
def test_laboratories_that_cannot_be_used_are_named(train, unseen, message):
    with pytest.raises(ValueError) as caught:
        Benchmark("mine", train, unseen)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"train": None}, "train is None: expected the names"),
        ({"unseen": 3}, "unseen is 3: expected the names"),
        ({"classes": None}, "classes is None: expected two or more names"),
        ({"classes": ("basophil",)}, "expected two or more names"),
        ({"steps": "x"}, "steps is 'x'"),
        ({"per_domain": 0}, "per_domain is 0"),
        ({"n_folds": 1}, "n_folds is 1: expected a whole number, 2 or more"),
        ({"learning_rate": -1}, "learning_rate is -1"),
    ],
)
def test_what_cannot_be_a_benchmark_is_said_when_it_is_made(change, message):
    with pytest.raises(ValueError, match=message):
        Benchmark(**({"name": "mine", "train": ("a",), "unseen": ("b",)} | change))


@pytest.mark.parametrize("laboratory", ["chula", "other"])
def test_only_training_laboratories_are_left_out(laboratory):
    with pytest.raises(ValueError, match=r"expected one of two or more training ones \(acevedo_20, raabin\)"):
        BENCHMARKS["open5"].leave_out(laboratory)
    with pytest.raises(ValueError, match="cannot leave out 'a'"):
        Benchmark("mine", ("a",), ("b",)).leave_out("a")


@pytest.mark.parametrize("name", ["Klinik-A", "hopital_b", "lab 3", "ラボ", "hôpital", "7", "NA"])
def test_a_laboratory_may_have_any_name(tmp_path, name):
    decomposed = name.replace("ô", "o\u0302")  # as macOS writes it
    prepared(tmp_path / "one", decomposed)
    prepared(tmp_path / "two", "other")
    cells = Benchmark("mine", (decomposed,), ("other",), COARSE_CLASSES).load(tmp_path)
    assert cells.domain_names == (name, "other") and len(cells) == 100


def test_a_set_that_nobody_asked_for_stops_nobody_and_is_named(data, tmp_path):
    shutil.copytree(data, tmp_path / "data")
    prepared(tmp_path / "data" / "my_lab", "my_lab", ("erythroblast",))
    prepared(tmp_path / "data" / "broken", "broken")
    (tmp_path / "data" / "broken" / "cells.csv").write_bytes(b"\xff\xfe")
    prepared(tmp_path / "data" / "cut", "cut")
    (tmp_path / "data" / "cut" / "images.npy").write_bytes(b"\x93NUMPY")
    benchmark = BENCHMARKS["open5"]
    assert len(benchmark.load(tmp_path / "data")) == len(benchmark.load(data))
    unused = benchmark.unused(tmp_path / "data")
    assert unused[:2] == ["cut", "my_lab"] and len(unused) == 3 and "broken" in unused[2] and "\n" not in unused[2]
    assert benchmark.unused(data) == [] and BENCHMARKS["simulated"].unused(None) == []


def test_what_is_missing_is_said_with_the_fix(data, tmp_path):
    with pytest.raises(ValueError, match="open5 needs --data DIR with prepared images of acevedo_20, raabin"):
        BENCHMARKS["open5"].load()
    with pytest.raises(ValueError, match="lacks matek_19, mll_23, which paper needs; it holds acevedo_20, bccd, chula"):
        BENCHMARKS["paper"].load(data)
    with pytest.raises(ValueError, match="simulated draws its own cells: leave out --data"):
        BENCHMARKS["simulated"].load(data)
    with pytest.raises(FileNotFoundError, match="is not a folder"):
        BENCHMARKS["open5"].load(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="no prepared set"):
        BENCHMARKS["open5"].load(tmp_path / "empty")
    prepared(tmp_path / "twice" / "one", "a")
    prepared(tmp_path / "twice" / "two", "a")
    prepared(tmp_path / "twice" / "three", "b")
    with pytest.raises(ValueError, match="a is in .*one and .*two: keep one of them"):
        Benchmark("mine", ("a",), ("b",), CLASSES).load(tmp_path / "twice")


COMPOSED, DECOMPOSED = "h\u00f4pital \u00e9", "ho\u0302pital e\u0301"
"""One name, as people type it, and as macOS writes it."""


@pytest.mark.parametrize("stored", [COMPOSED, DECOMPOSED])
@pytest.mark.parametrize("typed", [COMPOSED, DECOMPOSED])
def test_names_are_the_same_however_their_accents_are_stored(stored, typed, tmp_path):
    for name in (stored, "b", "c"):
        prepared(tmp_path / name, name)
    options = __main__._parsed(["--data", str(tmp_path), "--train", f"{typed},b", "--unseen", "c", "--classes", "5"])
    benchmark = __main__._benchmark(options)
    assert benchmark == Benchmark(f"{COMPOSED}+b-to-c", (COMPOSED, "b"), ("c",), COARSE_CLASSES)
    assert Benchmark(f"of {typed}", (typed, "b"), ("c",)).name == f"of {COMPOSED}"
    assert benchmark.load(tmp_path).domain_names == (COMPOSED, "b", "c")
    assert benchmark.unused(tmp_path) == []
    assert benchmark.leave_out(typed).load(tmp_path).domain_names == ("b", COMPOSED)
    assert load_prepared(tmp_path / stored, classes=COARSE_CLASSES, domains=typed).domain_names == (COMPOSED,)


def test_one_name_in_two_forms_is_one_laboratory():
    with pytest.raises(ValueError, match="each once"):
        Benchmark("mine", (COMPOSED, DECOMPOSED), ("c",))
    with pytest.raises(ValueError, match="trained on and unseen at once"):
        Benchmark("mine", (COMPOSED,), (DECOMPOSED,))


def test_own_laboratories_equal_the_named_benchmark(data, tmp_path):
    """To the last digit, but for the name and what is measured: --benchmark is no more than its laboratories."""
    arguments = ["--train", "acevedo_20,raabin", "--unseen", "chula,bccd", "--classes", "5"]
    own = __main__._benchmark(__main__._parsed(arguments))
    rows = {}
    for name, benchmark in (("own", own), ("named", BENCHMARKS["open5"])):
        settings = Settings(benchmark, str(data), "small_cnn", 3, device="cpu")
        rows[name] = runner.run(settings, ["erm", "boda"], out=tmp_path / name, progress=False, say=lambda _: None)
        assert set(rows[name].benchmark) == {benchmark.name}
    other = ["benchmark", "seconds_per_step", "peak_memory_mb"]
    assert len(rows["own"]) == 2 * 5
    pd.testing.assert_frame_equal(*(table.drop(columns=other) for table in rows.values()), check_exact=True)
    for path in (tmp_path / "own" / "predictions").iterdir():
        with np.load(path) as one, np.load(tmp_path / "named" / "predictions" / path.name) as two:
            assert all(np.array_equal(one[name], two[name]) for name in one)


def copied(folder, shared, total=50):
    """Two training laboratories and an unseen one, `shared` of whose images are copies of theirs."""
    digests = {name: [f"{name}{i}" for i in range(total)] for name in ("a", "b", "c")}
    digests["c"][:shared] = digests["a"][: shared - 1] + digests["b"][:1] if shared else []
    for name, found in digests.items():
        prepared(folder / name, name, digests=found)
    return Benchmark("mine", ("a", "b"), ("c",), COARSE_CLASSES)


def test_copies_of_training_images_are_counted(tmp_path):
    assert copied(tmp_path / "none", 0).copies(tmp_path / "none") == []
    assert copied(tmp_path / "some", 3).copies(tmp_path / "some") == [("c", ("a", "b"), 3, 50)]
    turned = Benchmark("turned", ("c",), ("a", "b"), COARSE_CLASSES)
    assert turned.copies(tmp_path / "some") == [("a", ("c",), 2, 50), ("b", ("c",), 1, 50)]
    assert Benchmark("known", ("a", "c"), ("b",), COARSE_CLASSES).copies(tmp_path / "some") == [("b", ("c",), 1, 50)]
    without = Benchmark("one class", ("a", "b"), ("c",), ("monocyte", "neutrophil"))
    assert without.copies(tmp_path / "some") == []  # the copies are basophils, which this one does not read
    assert BENCHMARKS["simulated"].copies(None) == []


def test_sets_without_digests_share_nothing_that_is_known(data, tmp_path):
    assert BENCHMARKS["open5"].copies(data) == []
    prepared(tmp_path / "a", "a", digests=[""] * 50)
    prepared(tmp_path / "b", "b", digests=[""] * 50)
    assert Benchmark("blank", ("a",), ("b",), COARSE_CLASSES).copies(tmp_path) == []


def run_on(folder, shared, **options):
    """Run two steps; return what is said."""
    said = []
    settings = Settings(copied(folder / "my data", shared), str(folder / "my data"), "small_cnn", 2, device="cpu")
    runner.run(settings, ["erm"], out=folder / "out", progress=False, say=said.append, **options)
    return [line for line in said if "laboratory c are" in line]


def test_a_few_copies_are_one_note_that_says_how_to_find_them(tmp_path):
    (line,) = run_on(tmp_path, 25)
    assert line.startswith(
        "Note: 25 of 50 images of the unseen laboratory c are also images of the training laboratories a and b; "
    )
    assert (
        f"prepare.py check '{tmp_path / 'my data'}' --train a,b --unseen c --out copies.csv` lists them: prepare c"
        in line
    )
    assert run_on(tmp_path / "clean", 0) == []


def test_an_unseen_laboratory_that_is_mostly_a_copy_is_refused_unless_allowed(tmp_path):
    with pytest.raises(ValueError, match="leak: 26 of 50 images of the unseen laboratory c are .*use --allow-leaks"):
        run_on(tmp_path, 26)
    assert not (tmp_path / "out").exists()
    shutil.rmtree(tmp_path / "my data")
    assert len(run_on(tmp_path, 26, allow_leaks=True)) == 1


def test_the_command_waves_a_leak_through_only_when_asked(tmp_path, capsys, monkeypatch):
    copied(tmp_path / "data", 40)
    command = ["--data", str(tmp_path / "data"), "--train", "a,b", "--unseen", "c", "--classes", "5", "--backbone",
               "small_cnn", "--steps", "2", "--methods", "erm", "--out", str(tmp_path / "out")]  # fmt: skip
    assert __main__.main(command) == 2
    assert capsys.readouterr().err.count("leak: 40 of 50 images of the unseen laboratory c") == 1
    monkeypatch.setattr(__main__, "_drawn", lambda *_: 0)
    assert __main__.main([*command, "--allow-leaks"]) == 0
    assert "Note: 40 of 50 images of the unseen laboratory c" in capsys.readouterr().out
