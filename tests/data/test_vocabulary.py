"""The 13 classes and the laboratories, against the figures of the sources."""

import subprocess
import sys
from pathlib import Path

import pytest

from wbc_tutorial.data.classes import CELL_CLASSES, CLASSES, CLASSES_11, COARSE, COARSE_CLASSES, CODES, LINEAGES
from wbc_tutorial.data.laboratories import FIELD_UM, LABORATORIES, OPEN_SETS
from support.places import ROOT


def test_thirteen_classes_in_the_agreed_order():
    assert " ".join(CODES) == "BAS EOS EBO MYO PMO MYB MMZ NGB NGS MON LYT LYA KSC"
    assert CLASSES[0] == "basophil" and CLASSES[8] == "neutrophil_segmented" and CLASSES[12] == "smudge_cell"
    assert len(set(CLASSES)) == len(set(CODES)) == 13 and CLASSES[:11] == CLASSES_11
    assert len({cell.colour for cell in CELL_CLASSES}) == 13
    assert {cell.lineage for cell in CELL_CLASSES} == set(LINEAGES)


def test_coarse_classes_are_reached_and_no_other():
    assert set(COARSE.values()) == set(COARSE_CLASSES)
    assert not {"erythroblast", "myeloblast", "promyelocyte", "myelocyte", "metamyelocyte"} & set(COARSE)


@pytest.mark.parametrize(("name", "total"), [("matek_19", 18_347), ("acevedo_20", 14_543), ("mll_23", 32_816)])
def test_counts_add_up_to_the_published_sums(name, total):
    assert sum(LABORATORIES[name].counts) == total


def test_the_slides_counts_are_the_training_part_of_one_fold():
    for name, slides in (("matek_19", 14_681), ("acevedo_20", 11_421), ("mll_23", 26_379)):
        published = sum(LABORATORIES[name].counts)
        if name == "acevedo_20":  # the slides leave out the second acquisition
            published = 14_291
        assert abs(0.8 * published - slides) < 130, name


def test_acevedo_misses_three_classes_and_only_those():
    missing = [name for name, n in zip(CLASSES, LABORATORIES["acevedo_20"].counts, strict=True) if n == 0]
    assert missing == ["myeloblast", "lymphocyte_atypical", "smudge_cell"]
    assert all(LABORATORIES["matek_19"].counts) and all(LABORATORIES["mll_23"].counts)


@pytest.mark.parametrize("twin", ["matek", "acevedo", "mll"])
def test_simulated_laboratories_keep_the_tail(twin):
    real = next(lab for name, lab in LABORATORIES.items() if name.startswith(twin))
    simulated = LABORATORIES[f"sim_{twin}"]
    assert simulated.simulated and not real.simulated
    assert simulated.px_per_um == real.px_per_um and simulated.image_px == real.image_px
    for ours, theirs in zip(simulated.counts, real.counts, strict=True):
        assert (ours == 0) == (theirs == 0) and (ours == 0 or ours >= 5)
    assert simulated.counts.index(max(simulated.counts)) == real.counts.index(max(real.counts))


@pytest.mark.parametrize("name", ["matek_19", "acevedo_20", "mll_23"])
def test_the_crop_shows_25_micrometres(name):
    laboratory = LABORATORIES[name]
    assert laboratory.crop_px / laboratory.px_per_um == pytest.approx(FIELD_UM, abs=0.05)
    assert min(laboratory.field_um) >= FIELD_UM - 0.01


@pytest.mark.parametrize("laboratory", [*LABORATORIES.values(), *OPEN_SETS.values()], ids=lambda lab: lab.name)
def test_every_label_has_a_class_or_a_reason(laboratory):
    assert set(laboratory.native_labels.values()) <= set(CLASSES) | {"neutrophil"}
    assert not set(laboratory.native_labels) & set(laboratory.dropped)
    assert all(len(reason) > 10 for reason in laboratory.dropped.values())
    assert laboratory.licence and laboratory.citation and laboratory.source
    assert len(laboratory.counts) == 13


def test_the_label_maps_traps():
    matek, acevedo, mll = (LABORATORIES[name] for name in ("matek_19", "acevedo_20", "mll_23"))
    assert matek.native_labels["MYB"] == "myelocyte" and matek.native_labels["MYO"] == "myeloblast"
    assert matek.native_labels["MOB"] == "monocyte" and "PMB" in matek.dropped
    assert [acevedo.native_labels[prefix] for prefix in ("MY", "MMY", "PMY")] == [
        "myelocyte", "metamyelocyte", "promyelocyte",
    ]  # fmt: skip
    assert {"IG", "NEUTROPHIL", "PLATELET"} == set(acevedo.dropped)
    assert mll.native_labels["lymphocyte_neoplastic"] == mll.native_labels["08-LYMPH-neo"] == "lymphocyte_atypical"
    assert len(mll.native_labels) == 28 and len(mll.dropped) == 8


def test_importing_the_package_is_light():
    code = (
        "import sys, time; t = time.perf_counter(); import wbc_tutorial; t = time.perf_counter() - t; "
        "print(t, *{'torch', 'numpy', 'matplotlib', 'umap'} & set(sys.modules))"
    )
    seconds, *heavy = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert float(seconds) < 0.2 and not heavy


def test_notebook_00_gives_the_glossary_in_words_as_well():
    text = (ROOT / "notebooks" / "00_start_here.ipynb").read_text(encoding="utf-8")
    for cell in CELL_CLASSES:
        low, high = cell.diameter_um
        row = [cell.code, cell.name.replace("_", " "), cell.lineage, cell.morphology, f"{low} to {high}"]
        assert f"| {' | '.join(row)} |" in text, cell.name
