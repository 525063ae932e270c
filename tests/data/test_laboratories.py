"""The laboratories, against the figures of the sources."""

import pytest

from wbc_tutorial.data.classes import CLASSES
from wbc_tutorial.data.laboratories import FIELD_UM, LABORATORIES, OPEN_SETS


def test_the_laboratories_by_name():
    assert list(LABORATORIES) == [
        "matek_19", "acevedo_20", "mll_23", "jhu_21", "sim_matek", "sim_acevedo", "sim_mll",
    ]  # fmt: skip
    assert all(lab.name == name for name, lab in (LABORATORIES | OPEN_SETS).items())


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


@pytest.mark.parametrize("name", ["matek_19", "acevedo_20", "mll_23", "jhu_21"])
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


def test_jhu_is_a_sample_without_a_licence():
    jhu = LABORATORIES["jhu_21"]
    assert sum(jhu.counts) == 11_985 and all(jhu.counts) and "82 of the 107 patients" in jhu.counts_of
    assert round(max(jhu.counts) / min(jhu.counts)) == 72
    assert jhu.licence.startswith("No licence grant was found")
    assert set(jhu.native_labels.values()) == set(CLASSES) and len(jhu.native_labels) == 13
    assert jhu.native_labels["Lymphocyte, variant"] == "lymphocyte_atypical"
    assert jhu.native_labels["Blast, no lineage spec"] == "myeloblast"
    assert {"Promonocyte", "Plasma cells", "Unidentified", "Arifact"} < set(jhu.dropped)


@pytest.mark.parametrize("laboratory", [*LABORATORIES.values(), *OPEN_SETS.values()], ids=lambda lab: lab.name)
def test_a_laboratory_is_told_in_one_short_line(laboratory):
    line = repr(laboratory)
    assert laboratory.name in line and len(line) < 100 and "\n" not in line
    assert "px" in line and ("simulated" in line) == laboratory.simulated


def test_a_laboratory_knows_its_field_where_the_scale_is_known():
    assert LABORATORIES["acevedo_20"].field_um == pytest.approx((36.0, 36.3))
    assert OPEN_SETS["bccd"].field_um is None
