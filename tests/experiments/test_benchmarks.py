"""The benchmark: which laboratories train and which stay unseen, whatever they are called, and what lies beside."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest

from wbc_tutorial.data.classes import CLASSES, COARSE_CLASSES
from wbc_tutorial.experiments.benchmarks import BENCHMARKS, Benchmark


def prepared(folder, domain, labels=COARSE_CLASSES, n=10):
    """A prepared set of one laboratory, 16 px."""
    folder.mkdir(parents=True)
    names = [name for name in labels for _ in range(n)]
    images = np.random.default_rng(0).integers(0, 255, (len(names), 16, 16, 3), dtype=np.uint8)
    np.save(folder / "images.npy", images)
    table = pd.DataFrame({"id": range(len(names)), "label": names, "domain": domain, "group": ""})
    table.to_csv(folder / "cells.csv", index=False, encoding="utf-8")
    (folder / "set.json").write_text(json.dumps({"um_per_px": 25 / 16}))
    return folder


def test_the_named_benchmarks():
    assert list(BENCHMARKS) == ["simulated", "open5", "paper", "paper11"]
    for name, benchmark in BENCHMARKS.items():
        assert benchmark.name == name and not set(benchmark.train) & set(benchmark.unseen)
        assert name in repr(benchmark) and benchmark.simulated == (name == "simulated")
    assert [len(each.classes) for each in BENCHMARKS.values()] == [13, 5, 13, 11]
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
