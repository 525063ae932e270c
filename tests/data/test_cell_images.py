"""The container: what it refuses, how it is cut and joined, and when two sets count as the same."""

from dataclasses import replace

import numpy as np
import pytest
from support.small_sets import make_cells, write_set

from wbc_tutorial.data.cell_images import CellImages, concatenate, digest_of
from wbc_tutorial.data.prepared import load_prepared


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
        ({"images": None}, "images: got a NoneType, expected an array"),
        ({"images": [[[[0]]]]}, "images: got a list, expected an array"),
        ({"classes": "ab"}, "classes is 'ab': expected a tuple of names"),
        ({"classes": None}, "classes is None"),
        ({"classes": ("a", "a")}, "expected names, text, each once"),
        ({"classes": (1, 2)}, "expected names, text, each once"),
        ({"um_per_px": None}, "um_per_px is None: expected micrometres above 0"),
        ({"um_per_px": -1.0}, "um_per_px is -1.0"),
    ],
)
def test_cells_that_contradict_themselves_are_refused(change, message):
    good = {"images": np.zeros((2, 3, 4, 4), np.uint8), "labels": np.array([0, 1]), "domains": np.array([0, 0])}
    with pytest.raises(ValueError, match=message):
        CellImages(**(good | change), domain_names=("a",))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (np.array([True]), "a mask of 1 truth values; expected one for each of 3 images"),
        ([1.5], "expected indices, or a mask of 3 truth values"),
        ([[0, 1]], "expected indices"),
        (None, "expected indices"),
    ],
)
def test_rows_that_are_no_indices_are_refused(rows, message):
    with pytest.raises(ValueError, match=message):
        make_cells([0, 1, 2]).subset(rows)


def test_unknown_domain_is_named():
    with pytest.raises(ValueError, match="no domain nowhere; there are a"):
        make_cells([0]).of_domain("nowhere")


def test_labels_are_whole_numbers_and_groups_are_text():
    with pytest.raises(ValueError, match="labels are float64"):
        make_cells(np.array([0.0, 1.0]))
    cells = make_cells([0, 1, 2, 3], groups=[7, None, "slide", float("nan")])
    assert cells.groups.tolist() == ["7", "", "slide", ""] and cells.labels.dtype == cells.domains.dtype == np.int64


def test_classes_are_chosen_by_name_or_code():
    cells = make_cells([0, 7, 8, 7])
    assert cells.of_class("ngb").labels.tolist() == [7, 7]
    assert cells.of_class("basophil", "NGS").labels.tolist() == [0, 8]
    with pytest.raises(ValueError, match="unknown class 'neutrophil'"):
        cells.of_class("neutrophil")
    with pytest.raises(ValueError, match="no class given"):
        cells.of_class()
    own = CellImages(cells.images, [0, 1, 1, 0], [0] * 4, ("Blast", "Other"), ("a",))
    assert len(own.of_class("blast")) == 2


def test_domains_are_chosen_once():
    with pytest.raises(ValueError, match="a, a; expected each once"):
        make_cells([0]).of_domain("a", "a")


def test_equality_is_identity_and_never_an_error():
    cells = make_cells([0, 1])
    assert cells != replace(cells, images=cells.images.copy()) and cells in {cells} and [cells].index(cells) == 0


def test_jupyter_shows_a_table_of_the_classes_that_are_there():
    table = make_cells([0, 8, 8], [0, 0, 1], names=("a", "<b>"))._repr_html_()
    assert "basophil" in table and "neutrophil_segmented" in table and "monocyte" not in table
    assert "&lt;b&gt;" in table and "<b>" not in table and "3 images of 4 px" in table
    assert "all classes" in make_cells([]).subset([])._repr_html_()


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


def test_nothing_to_join():
    with pytest.raises(ValueError, match="no set to join"):
        concatenate([])


def test_a_set_in_memory_and_one_on_the_disk_join(tmp_path):
    stack = write_set(tmp_path / "a", ["monocyte"] * 2, ["x"] * 2)
    stored = load_prepared(tmp_path / "a")
    drawn = replace(stored, images=stored.images[:] // 2, domain_names=("y",))
    joined = concatenate([stored, drawn])
    np.testing.assert_array_equal(joined.images[:2], stack.transpose(0, 3, 1, 2))
    np.testing.assert_array_equal(joined.images[2:], stack.transpose(0, 3, 1, 2) // 2)


CHANGES = {
    "an image": lambda c: replace(c, images=np.asarray(c.images) ^ np.uint8(1)),
    "a label": lambda c: replace(c, labels=np.where(np.arange(len(c)) == 1, 5, c.labels)),
    "a laboratory": lambda c: replace(c, domains=1 - c.domains),
    "a laboratory's name": lambda c: replace(c, domain_names=("x", "z")),
    "a group": lambda c: replace(c, groups=["s1", "s1", "s2", "s3"]),
    "no groups": lambda c: replace(c, groups=None),
    "the classes": lambda c: replace(c, classes=(*c.classes[::-1],)),
    "the order": lambda c: c.subset([1, 0, 2, 3]),
    "one image less": lambda c: c.subset([0, 1, 2]),
    "one image twice": lambda c: c.subset([0, 0, 2, 3]),
}


@pytest.mark.parametrize("stored", [True, False])
@pytest.mark.parametrize("what", CHANGES)
def test_the_digest_changes_with_everything(tmp_path, what, stored):
    write_set(tmp_path / "s", ["monocyte"] * 4, ["x", "x", "y", "y"], groups=["s1", "s2", "s2", "s3"])
    cells = load_prepared(tmp_path / "s")
    if not stored:
        cells = replace(cells, images=cells.images[:])
    again = cells.subset(np.arange(len(cells)))
    assert again.digest() == cells.digest() and len(cells.digest()) == 32
    assert CHANGES[what](cells).digest() != cells.digest()


@pytest.mark.parametrize("change", ["images", "label", "group", "domain"])
def test_the_digest_follows_the_files(tmp_path, change):
    """Whatever is prepared anew, results from before are not taken for results of these cells."""
    facts = {"labels": ["monocyte"] * 3, "domains": ["x"] * 3, "groups": ["s1", "s2", "s2"], "seed": 1}
    write_set(tmp_path / "s", **facts)
    before = load_prepared(tmp_path / "s").digest()
    write_set(tmp_path / "s", **facts)
    assert load_prepared(tmp_path / "s").digest() == before, "the same again"
    new = {
        "images": {"seed": 2}, "label": {"labels": ["monocyte"] * 2 + ["basophil"]},
        "group": {"groups": ["s1", "s1", "s2"]}, "domain": {"domains": ["z"] * 3},
    }[change]  # fmt: skip
    write_set(tmp_path / "s", **(facts | new))
    assert load_prepared(tmp_path / "s").digest() != before


def test_facts_of_a_digest_do_not_run_together():
    assert digest_of("ab", "c") != digest_of("a", "bc") and digest_of(["a", "b"]) != digest_of(["a"], ["b"])
    ones = np.ones(4, dtype=np.uint8)
    assert len({digest_of(ones), digest_of(ones.reshape(2, 2)), digest_of(ones.astype(np.int8)), digest_of()}) == 4
    assert digest_of(np.arange(6).reshape(2, 3)) == digest_of(np.asfortranarray(np.arange(6).reshape(2, 3)))
