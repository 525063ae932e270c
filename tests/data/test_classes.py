"""The classes: their order and facts, and how they are named and found."""

import subprocess
import sys

import pytest
from support.places import ROOT

from wbc_tutorial.data.classes import (
    CELL_CLASSES,
    CLASSES,
    CLASSES_11,
    COARSE,
    COARSE_CLASSES,
    CODES,
    LINEAGES,
    class_within,
    find_class,
    find_classes,
)


def test_thirteen_classes_in_the_agreed_order():
    assert " ".join(CODES) == "BAS EOS EBO MYO PMO MYB MMZ NGB NGS MON LYT LYA KSC"
    assert CLASSES[0] == "basophil" and CLASSES[8] == "neutrophil_segmented" and CLASSES[12] == "smudge_cell"
    assert len(set(CLASSES)) == len(set(CODES)) == 13 and CLASSES[:11] == CLASSES_11
    assert len({cell.colour for cell in CELL_CLASSES}) == 13
    assert {cell.lineage for cell in CELL_CLASSES} == set(LINEAGES)


def test_coarse_classes_are_reached_and_no_other():
    assert set(COARSE.values()) == set(COARSE_CLASSES)
    assert not {"erythroblast", "myeloblast", "promyelocyte", "myelocyte", "metamyelocyte"} & set(COARSE)


@pytest.mark.parametrize("change", [str, str.upper, str.title, lambda text: f" {text.replace('_', ' ')} "])
def test_a_class_is_found_by_name_and_code_in_any_case(change):
    for cell in CELL_CLASSES:
        assert find_class(change(cell.name)) == find_class(change(cell.code)) == cell.name
    assert find_class(change("neutrophil")) == find_class("neu") == "neutrophil"
    assert find_classes(change(name) for name in COARSE_CLASSES) == COARSE_CLASSES


def test_other_names_are_found_where_they_are_possible():
    assert find_class("b", ("a", "b")) == "b" and find_class("Lymphocyte", COARSE_CLASSES) == "lymphocyte"
    with pytest.raises(ValueError, match=r"unknown class 'lymphocyte'; expected a name or code of basophil \(BAS\)"):
        find_class("lymphocyte", CLASSES)


@pytest.mark.parametrize("name", ["", "neutrophile", 3, None, ("NGS",)])
def test_an_unknown_class_is_named_and_the_known_are_listed(name):
    with pytest.raises(ValueError, match="unknown class .*neutrophil_band .NGB.*lymphocyte"):
        find_class(name)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ("monocyte", "'monocyte'; expected several"),
        ((), "none; expected"),
        (("MON", "monocyte"), "each once"),
        (13, "13"),
    ],
)
def test_several_classes_are_several(names, message):
    with pytest.raises(ValueError, match=message):
        find_classes(names)


def test_where_a_label_belongs():
    assert [class_within(name, CLASSES) for name in CLASSES] == list(CLASSES)
    assert [class_within(name, CLASSES_11) for name in CLASSES] == [*CLASSES_11, None, None]
    assert [class_within(name, COARSE_CLASSES) for name in CLASSES] == [COARSE.get(name) for name in CLASSES]
    assert class_within("neutrophil", CLASSES) is None
    assert class_within("neutrophil_band", ("neutrophil", "lymphocyte")) == "neutrophil"
    assert class_within("eosinophil", ("neutrophil", "lymphocyte")) is None


def test_monoblasts_are_monocytes_but_not_among_eleven_classes():
    assert class_within("monocyte", CLASSES, "MOB") == class_within("monocyte", COARSE_CLASSES, "MOB") == "monocyte"
    assert class_within("monocyte", CLASSES_11, "MOB") is class_within("monocyte", CLASSES_11[::-1], "MOB") is None
    assert class_within("monocyte", CLASSES_11, "MON") == "monocyte"


def test_importing_the_package_loads_nothing_but_itself():
    """Counted, not timed: no torch, no numpy, nothing outside Python's own library."""
    code = (
        "import sys; before = set(sys.modules); import wbc_tutorial; "
        "print(*{name.split('.')[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert loaded == ["wbc_tutorial"]


def test_notebook_00_gives_the_glossary_in_words_as_well():
    text = (ROOT / "notebooks" / "00_start_here.ipynb").read_text(encoding="utf-8")
    for cell in CELL_CLASSES:
        low, high = cell.diameter_um
        row = [cell.code, cell.name.replace("_", " "), cell.lineage, cell.morphology, f"{low} to {high}"]
        assert f"| {' | '.join(row)} |" in text, cell.name
