"""The simulated smears: the same again, the right shapes, the right colours, and nothing that gives the class away."""

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from support.places import ROOT

from wbc_tutorial.data.classes import CLASSES
from wbc_tutorial.data.laboratories import LABORATORIES
from wbc_tutorial.data.simulator import (
    CRITERIA,
    LOOKS,
    STAINS,
    draw_cell,
    look_of,
    simulate_cell,
    simulate_laboratory,
    simulate_view,
)

LABS = tuple(LOOKS)


def test_names_and_order():
    assert tuple(CRITERIA) == CLASSES
    assert {name for name, lab in LABORATORIES.items() if lab.simulated} == set(LABS)
    for name in LABS:
        assert look_of(name).px_per_um == LABORATORIES[name].px_per_um
        assert look_of(name).image_px == LABORATORIES[name].image_px
        assert len(look_of(name).absorbances) == len(STAINS)


@pytest.mark.parametrize("laboratory", LABS)
@pytest.mark.parametrize("size", [8, 32, 64, 112])
def test_every_class_renders(laboratory, size):
    for cell_class in CLASSES:
        image = simulate_cell(laboratory, cell_class, 0, size=size)
        assert image.shape == (size, size, 3)
        assert image.dtype == np.uint8
        assert image.std() > 5


def test_arguments_determine_the_image():
    base = simulate_cell("sim_mll", "monocyte", 3, seed=5)
    assert np.array_equal(base, simulate_cell("sim_mll", "monocyte", 3, seed=5))
    others = [
        simulate_cell("sim_mll", "monocyte", 4, seed=5),
        simulate_cell("sim_mll", "monocyte", 3, seed=6),
        simulate_cell("sim_mll", "myeloblast", 3, seed=5),
        simulate_cell("sim_matek", "monocyte", 3, seed=5),
    ]
    assert not any(np.array_equal(base, other) for other in others)


def test_a_class_may_be_named_by_its_code():
    for code, name in (("mon", "monocyte"), ("NGS", "Neutrophil segmented")):
        assert np.array_equal(simulate_cell("sim_mll", code, 1, size=16), simulate_cell("sim_mll", name, 1, size=16))
    assert np.array_equal(simulate_view("sim_mll", "EOS", 0), simulate_view("sim_mll", "eosinophil", 0))
    assert draw_cell("Ksc", np.random.default_rng(0)).cell_class == "smudge_cell"
    images, labels = simulate_laboratory("sim_mll", counts={"MON": 2, "basophil": 1}, size=16)
    assert labels.tolist() == [0, 9, 9]
    assert np.array_equal(images[2], simulate_cell("sim_mll", "monocyte", 1, size=16))


@pytest.mark.parametrize(
    ("laboratory", "cell_class", "blocks"),
    [
        ("sim_matek", "neutrophil_segmented", [216.5, 226.0, 213.3, 219.9, 95.7, 212.2, 217.0, 227.8, 215.8]),
        ("sim_acevedo", "basophil", [214.2, 189.3, 211.2, 163.4, 77.5, 190.2, 190.1, 185.1, 189.3]),
        ("sim_mll", "smudge_cell", [203.5, 169.8, 199.2, 191.9, 104.0, 182.9, 209.8, 182.4, 219.6]),
    ],
)
def test_the_drawing_has_not_changed(laboratory, cell_class, blocks):
    """Mean green of nine blocks, within a grey value: machines differ in the last digit, another drawing in many."""
    green = simulate_cell(laboratory, cell_class, 5, seed=2, size=48)[..., 1]
    means = green.reshape(3, 16, 3, 16).mean(axis=(1, 3)).ravel()
    np.testing.assert_allclose(means, blocks, atol=1.0)


def test_another_interpreter_makes_the_same_image():
    code = (
        "import sys, zlib; from wbc_tutorial.data.simulator import simulate_cell;"
        "print(zlib.crc32(simulate_cell('sim_acevedo', 'basophil', 2).tobytes()))"
    )
    root = str(ROOT)
    digests = {
        subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONPATH": root, "PYTHONHASHSEED": hash_seed, "OMP_NUM_THREADS": threads},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for hash_seed, threads in (("1", "1"), ("2", "2"))
    }
    assert len(digests) == 1


def test_the_pool_changes_nothing(monkeypatch):
    monkeypatch.setattr("wbc_tutorial.data.simulator.production._WORTH_A_PROCESS", 5)
    counts = [7] * 10 + [0] * 3
    alone, labels = simulate_laboratory("sim_acevedo", counts=counts, size=16, processes=1)
    shared, again = simulate_laboratory("sim_acevedo", counts=counts, size=16, processes=2)
    assert np.array_equal(alone, shared)
    assert np.array_equal(labels, again)
    assert np.array_equal(alone[12], simulate_cell("sim_acevedo", CLASSES[1], 5, size=16))
    assert labels.dtype == np.int64
    assert np.bincount(labels, minlength=13).tolist() == counts


def test_a_failing_interpreter_costs_time_not_images(monkeypatch):
    monkeypatch.setattr("wbc_tutorial.data.simulator.production._WORTH_A_PROCESS", 5)
    counts = [20] + [0] * 12
    wanted, _ = simulate_laboratory("sim_matek", counts=counts, size=8, processes=1)
    monkeypatch.setattr(sys, "executable", "/no/such/interpreter")
    images, _ = simulate_laboratory("sim_matek", counts=counts, size=8, processes=2)
    assert np.array_equal(images, wanted)


@pytest.mark.parametrize("laboratory", LABS)
def test_counts_of_the_laboratory(laboratory, monkeypatch):
    drawn = []
    monkeypatch.setattr(
        "wbc_tutorial.data.simulator.production.simulate_cell",
        lambda lab, name, index, *, seed, size: drawn.append((name, index)) or np.zeros((size, size, 3), np.uint8),
    )
    _, labels = simulate_laboratory(laboratory, processes=1)
    assert np.bincount(labels, minlength=13).tolist() == list(LABORATORIES[laboratory].counts)
    assert drawn == [
        (name, k) for name, n in zip(CLASSES, LABORATORIES[laboratory].counts, strict=True) for k in range(n)
    ]


@pytest.mark.parametrize("laboratory", LABS)
def test_colours_follow_the_real_twin(laboratory):
    """Mean and spread of every pixel, on a tenth of the laboratory's own mix of classes."""
    counts = np.array(LABORATORIES[laboratory].counts)
    few = np.where(counts > 0, np.maximum(2, counts // 7), 0)
    images, labels = simulate_laboratory(laboratory, counts=few)
    weight = (counts / np.maximum(few, 1))[labels] / counts.sum()
    pixels = images.reshape(len(images), -1, 3) / 255
    mean = weight @ pixels.mean(axis=1)
    std = np.sqrt(weight @ np.square(pixels).mean(axis=1) - mean**2)
    assert mean == pytest.approx(LABORATORIES[laboratory].mean_rgb, abs=0.03)
    assert std == pytest.approx(LABORATORIES[laboratory].std_rgb, abs=0.03)


def test_background_does_not_tell_the_class():
    """Corners that no cell reaches, 13 classes equally often: a classifier stays within .05 of chance."""
    per_class = 36
    images, labels = simulate_laboratory("sim_matek", counts=[per_class] * 13, size=64)
    axis = (np.arange(64) - 31.5) * 25 / 64
    corner = np.hypot(axis, axis[:, None]) > 13.5
    pixels = images[:, corner].astype(float)
    quarter = pixels.reshape(len(images), 4, -1, 3)
    features = np.column_stack([
        pixels.mean(axis=1), pixels.std(axis=1), quarter.mean(axis=2).reshape(len(images), -1),
        np.quantile(pixels, [0.05, 0.5, 0.95], axis=1).transpose(1, 0, 2).reshape(len(images), -1),
        images[:, ::9, ::9][:, [0, -1]].reshape(len(images), -1),
    ])  # fmt: skip
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=300))
    accuracy = cross_val_score(model, features, labels, cv=4).mean()
    assert abs(accuracy - 1 / 13) < 0.05


def test_a_changed_look_keeps_the_geometry():
    look = look_of("sim_matek")
    plain = replace(look, noise=0.0, focus_spread_um=0.0, vignetting=0.0)
    own = simulate_cell("sim_matek", "neutrophil_band", 1, look=plain).astype(float)
    pale = simulate_cell("sim_matek", "neutrophil_band", 1, look=replace(plain, stain_strength=0.6)).astype(float)
    other = simulate_cell("sim_matek", "neutrophil_band", 1, look=look_of("sim_acevedo")).astype(float)
    assert pale.mean() > own.mean() + 5
    for image in (pale, other):
        assert np.corrcoef(own[..., 1].ravel(), image[..., 1].ravel())[0, 1] > 0.9
    assert np.array_equal(
        simulate_cell("sim_matek", "neutrophil_band", 1), simulate_cell("sim_matek", "neutrophil_band", 1, look=look)
    )


@pytest.mark.parametrize("laboratory", LABS)
def test_the_view_shows_the_same_cell_at_native_size(laboratory):
    width, height = LABORATORIES[laboratory].image_px
    view = simulate_view(laboratory, "eosinophil", 7)
    assert view.shape == (height, width, 3)
    field = simulate_view(laboratory, "eosinophil", 7, px_per_um=64 / 25, field_um=25.0)
    cell = simulate_cell(laboratory, "eosinophil", 7)
    assert field.shape == cell.shape
    assert np.corrcoef(field.ravel(), cell.ravel())[0, 1] > 0.97


def test_a_smaller_field_magnifies():
    wide = simulate_cell("sim_acevedo", "lymphocyte_typical", 0).astype(float)
    near = simulate_cell("sim_acevedo", "lymphocyte_typical", 0, field_um=12.5).astype(float)
    assert near.mean() < wide.mean()


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: simulate_cell("matek", "monocyte", 0), "sim_matek, sim_acevedo, sim_mll"),
        (lambda: simulate_cell("sim_matek", "monocytes", 0), "lymphocyte_atypical"),
        (lambda: simulate_cell("sim_matek", "monocyte", -1), "index is -1"),
        (lambda: simulate_cell("sim_matek", "monocyte", 0, seed=-1), "seed is -1"),
        (lambda: simulate_cell("sim_matek", "monocyte", 0, size=7), "size is 7"),
        (lambda: simulate_cell("sim_matek", "monocyte", 0, field_um=0), "field_um is 0"),
        (lambda: simulate_view("sim_matek", "monocyte", 0, px_per_um=100), "px_per_um is 100"),
        (lambda: simulate_view("sim_matek", "monocyte", 0, field_um=(25.0, 90.0)), "field_um"),
        (lambda: simulate_laboratory("mll_23"), "mll_23"),
        (lambda: simulate_laboratory("sim_mll", counts=[1, 2]), "13 whole numbers"),
        (lambda: simulate_laboratory("sim_mll", counts=[-1] * 13), "a count is -1"),
        (lambda: draw_cell("cell", np.random.default_rng(0)), "unknown class 'cell'"),
        (lambda: simulate_cell("sim_matek", "neutrophil", 0), "unknown class 'neutrophil'"),
        (lambda: simulate_cell("sim_matek", "monocyte", 0, size="128"), "size is '128'"),
        (lambda: simulate_cell("sim_matek", "monocyte", 0, field_um="25"), "field_um is '25'"),
        (lambda: simulate_cell("sim_matek", "monocyte", 0.5), "index is 0.5"),
        (lambda: simulate_view("sim_matek", "monocyte", 0, px_per_um=float("nan")), "px_per_um is nan"),
        (lambda: simulate_laboratory("sim_mll", processes=0), "processes is 0"),
        (lambda: look_of("here"), "unknown simulated laboratory 'here'"),
    ],
)
def test_errors_name_what_was_given(call, named):
    with pytest.raises(ValueError, match=None) as caught:
        call()
    assert named in str(caught.value)
