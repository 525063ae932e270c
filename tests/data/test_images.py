"""The container, the loaders and the folds."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from wbc_tutorial.data.simulated import SIMULATED
from wbc_tutorial.data.cell_images import CellImages, concatenate
from wbc_tutorial.data.classes import CLASSES, CLASSES_11, COARSE_CLASSES
from wbc_tutorial.data.folds import folds
from wbc_tutorial.data.prepared import load_prepared
from wbc_tutorial.data.simulated import load_simulated


def make_cells(labels, domains=None, groups=None, names=("a",), size=4):
    labels = np.asarray(labels)
    pixels = np.random.default_rng(0).integers(0, 256, (len(labels), 3, size, size), dtype=np.uint8)
    domains = np.zeros(len(labels), dtype=np.int64) if domains is None else np.asarray(domains)
    return CellImages(pixels, labels, domains, domain_names=names, groups=groups)


def write_set(folder, labels, domains, size=6, groups=None):
    folder.mkdir(parents=True, exist_ok=True)
    stack = np.random.default_rng(1).integers(0, 256, (len(labels), size, size, 3), dtype=np.uint8)
    np.save(folder / "images.npy", stack)
    table = pd.DataFrame({"id": range(len(labels)), "label": labels, "domain": domains, "group": groups or ""})
    table.to_csv(folder / "cells.csv", index=False)
    (folder / "set.json").write_text(json.dumps({"size": size, "um_per_px": 25 / size, "digest": "d1"}))
    return stack


def test_counts_subset_and_domains():
    cells = make_cells([0, 1, 1, 12], [0, 0, 1, 1], names=("a", "b"))
    assert cells.counts.shape == (2, 13) and cells.counts[0, 1] == cells.counts[1, 1] == cells.counts[1, 12] == 1
    assert len(cells.subset(cells.labels == 1)) == 2 and cells.subset([3, 0]).labels.tolist() == [12, 0]
    turned = cells.of_domain("b", "a")
    assert turned.domain_names == ("b", "a") and turned.domains.tolist() == [1, 1, 0, 0]
    assert cells.of_domain("b").counts.sum() == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": np.array([0, 13])}, "labels run from 0 to 13"),
        ({"labels": np.array([0])}, "each image needs exactly one"),
        ({"domains": np.array([0, -1])}, "domains run from -1"),
        ({"images": np.zeros((2, 4, 4, 3), np.uint8)}, "expected uint8"),
        ({"images": np.zeros((2, 3, 4, 4), np.float32)}, "expected uint8"),
    ],
)
def test_cells_that_contradict_themselves_are_refused(change, message):
    good = {"images": np.zeros((2, 3, 4, 4), np.uint8), "labels": np.array([0, 1]), "domains": np.array([0, 0])}
    with pytest.raises(ValueError, match=message):
        CellImages(**(good | change), domain_names=("a",))


def test_unknown_domain_is_named():
    with pytest.raises(ValueError, match="no domain nowhere; there are a"):
        make_cells([0]).of_domain("nowhere")


def test_prepared_set_is_read_row_by_row(tmp_path):
    stack = write_set(tmp_path / "s", ["monocyte", "basophil", "neutrophil_band"], ["x", "y", "x"])
    cells = load_prepared(tmp_path / "s")
    assert cells.images.shape == (3, 3, 6, 6) and cells.domain_names == ("x", "y")
    assert isinstance(cells.images.stacks[0], np.memmap)
    np.testing.assert_array_equal(cells.images[1], stack[1].transpose(2, 0, 1))
    np.testing.assert_array_equal(cells.images[np.array([2, 0])], stack[[2, 0]].transpose(0, 3, 1, 2))
    np.testing.assert_array_equal(cells.of_domain("y").images[:], stack[1:2].transpose(0, 3, 1, 2))
    assert cells.labels.tolist() == [9, 0, 7] and cells.um_per_px == pytest.approx(25 / 6)


def test_label_spaces_leave_out_and_say_so(tmp_path):
    write_set(tmp_path, ["neutrophil", "neutrophil_segmented", "myeloblast", "smudge_cell"], ["x"] * 4)
    coarse = load_prepared(tmp_path, classes=COARSE_CLASSES)
    assert coarse.labels.tolist() == [4, 4] and coarse.provenance["left_out"] == {"myeloblast": 1, "smudge_cell": 1}
    eleven = load_prepared(tmp_path, classes=CLASSES_11)
    assert eleven.labels.tolist() == [CLASSES.index("neutrophil_segmented"), CLASSES.index("myeloblast")]
    assert eleven.provenance["left_out"] == {"neutrophil": 1, "smudge_cell": 1}


@pytest.mark.parametrize("name", ["images.npy", "cells.csv", "set.json"])
def test_missing_file_of_a_prepared_set_is_named(tmp_path, name):
    write_set(tmp_path, ["monocyte"], ["x"])
    (tmp_path / name).unlink()
    with pytest.raises(FileNotFoundError, match=f"{name} is missing.*prepare.py"):
        load_prepared(tmp_path)


def break_rows(folder):
    np.save(folder / "images.npy", np.zeros((5, 6, 6, 3), np.uint8))


def break_type(folder):
    np.save(folder / "images.npy", np.zeros((1, 6, 6, 3), np.float32))


def break_pickle(folder):
    np.save(folder / "images.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)


def break_npy(folder):
    (folder / "images.npy").write_bytes(b"not numpy")


def break_json(folder):
    (folder / "set.json").write_text("{")


def break_label(folder):
    (folder / "cells.csv").write_text("id,label,domain,group\n0,thrombocyte,x,\n")


def break_columns(folder):
    (folder / "cells.csv").write_text("id,label\n0,monocyte\n")


@pytest.mark.parametrize(
    "damage", [break_rows, break_type, break_pickle, break_npy, break_json, break_label, break_columns]
)
def test_damaged_prepared_set_is_one_clear_error(tmp_path, damage):
    write_set(tmp_path, ["monocyte"], ["x"])
    damage(tmp_path)
    with pytest.raises(ValueError, match=str(tmp_path)):
        load_prepared(tmp_path)


def test_sets_on_disk_join_without_being_read(tmp_path):
    a, b = write_set(tmp_path / "a", ["monocyte"] * 2, ["x"] * 2), write_set(tmp_path / "b", ["basophil"], ["y"])
    joined = concatenate([load_prepared(tmp_path / "a"), load_prepared(tmp_path / "b")])
    assert joined.domain_names == ("x", "y") and joined.domains.tolist() == [0, 0, 1]
    np.testing.assert_array_equal(joined.images[:], np.concatenate([a, b]).transpose(0, 3, 1, 2))
    with pytest.raises(ValueError, match="twice"):
        concatenate([load_prepared(tmp_path / "a")] * 2)
    write_set(tmp_path / "c", ["basophil"], ["z"], size=8)
    with pytest.raises(ValueError, match="same --size"):
        concatenate([load_prepared(tmp_path / "a"), load_prepared(tmp_path / "c")])


def test_joined_sets_name_every_source_and_share_one_pixel_size(tmp_path):
    write_set(tmp_path / "a", ["monocyte"] * 2, ["x"] * 2)
    own = load_prepared(tmp_path / "a")
    drawn = replace(own, domain_names=("y",), provenance={"source": "simulated"})
    joined = concatenate([drawn, own])
    assert joined.provenance["source"] == "simulated + prepared" and "simulated + prepared" in repr(joined)
    more = concatenate([joined, replace(own, domain_names=("z",))])
    assert more.provenance["source"] == "simulated + prepared"
    assert concatenate([own, replace(own, domain_names=("z",))]).provenance["source"] == "prepared"
    with pytest.raises(ValueError, match=r"a pixel shows .* um; prepare both with the same --field-um"):
        concatenate([own, replace(drawn, um_per_px=1.1 * own.um_per_px)])


def test_digest_changes_with_the_cells():
    cells = make_cells([0, 1, 2])
    assert cells.digest() == make_cells([0, 1, 2]).digest() != make_cells([0, 1, 3]).digest()
    assert cells.digest() != cells.subset([0, 1]).digest()


def test_simulated_set_comes_from_the_cache_the_second_time(tmp_path, monkeypatch):
    monkeypatch.setenv("WBC_TUTORIAL_CACHE", str(tmp_path / "cache"))
    counts = {"sim_mll": [1] * 13}
    first = load_simulated(["sim_mll"], counts=counts, size=16)
    monkeypatch.setattr("wbc_tutorial.simulator.simulate_laboratory", None)
    second = load_simulated(["sim_mll"], counts=counts, size=16)
    np.testing.assert_array_equal(first.images, second.images)
    assert first.counts.tolist() == [[1] * 13] and first.provenance["source"] == "simulated"


def test_half_written_cache_is_drawn_again(tmp_path, monkeypatch):
    monkeypatch.setenv("WBC_TUTORIAL_CACHE", str(tmp_path))
    counts = {"sim_mll": [1] + [0] * 12}
    first = load_simulated(["sim_mll"], counts=counts, size=16)
    stored = next(tmp_path.glob("*.npz"))
    stored.write_bytes(stored.read_bytes()[:100])
    np.testing.assert_array_equal(load_simulated(["sim_mll"], counts=counts, size=16).images, first.images)


def test_cache_that_cannot_be_written_only_warns(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("WBC_TUTORIAL_CACHE", str(tmp_path / "file"))
    with pytest.warns(UserWarning, match="not cached.*WBC_TUTORIAL_CACHE"):
        assert len(load_simulated(["sim_mll"], counts={"sim_mll": [1] + [0] * 12}, size=16)) == 1


@pytest.mark.parametrize("names", [["matek_19"], [], ["sim_mll", "sim_mll"], ["nowhere"]])
def test_laboratories_that_cannot_be_simulated_are_named(names):
    with pytest.raises(ValueError, match="expected one or more of"):
        load_simulated(names)


def test_folds_cover_every_image_once_and_keep_rare_classes():
    labels = np.repeat([0, 1, 2, 3], [50, 7, 2, 1])
    cells = make_cells(np.tile(labels, 2), np.repeat([0, 1], 60), names=("a", "b"))
    splits = folds(cells, 5, seed=3)
    np.testing.assert_array_equal(np.sort(np.concatenate([held for _, held in splits])), np.arange(120))
    for train, held in splits:
        assert not set(train) & set(held) and len(train) + len(held) == 120
        assert cells.subset(held).counts[:, 0].tolist() == [10, 10]
        assert np.all(cells.subset(held).counts[:, 1] >= 1)
    assert [s[1].tolist() for s in splits] == [s[1].tolist() for s in folds(cells, 5, seed=3)]
    assert [s[1].tolist() for s in splits] != [s[1].tolist() for s in folds(cells, 5, seed=4)]


def test_folds_where_every_class_is_rarer_than_the_folds():
    for groups in (None, np.array([f"slide{i}" for i in range(12)], dtype=object)):
        cells = make_cells(np.repeat([0, 1, 2], 4), groups=groups)
        held = np.concatenate([part for _, part in folds(cells, 5)])
        np.testing.assert_array_equal(np.sort(held), np.arange(12))


def test_a_slide_never_stands_on_both_sides():
    groups = np.repeat([f"slide{i}" for i in range(12)], 10).astype(object)
    cells = make_cells(np.tile([0, 1], 60), groups=groups)
    for train, held in folds(cells, 5):
        assert not set(groups[train]) & set(groups[held])


@pytest.mark.parametrize(
    ("n", "groups", "n_folds", "message"),
    [(4, None, 5, "4 images: too few"), (10, "same", 5, "1 groups: too few"), (10, None, 1, "expected 2 or more")],
)
def test_folds_that_cannot_be_made(n, groups, n_folds, message):
    groups = None if groups is None else np.full(n, groups, dtype=object)
    with pytest.raises(ValueError, match=message):
        folds(make_cells(np.zeros(n, dtype=int), groups=groups), n_folds)


def test_simulated_names_are_those_of_the_course():
    assert SIMULATED == ("sim_matek", "sim_acevedo", "sim_mll")
