"""The cells themselves: sizes, nuclei, lobes and granules follow haematology's criteria, and no two look alike."""

import numpy as np
import pytest
from scipy import ndimage

from wbc_tutorial.data.classes import CELL_CLASSES, CLASSES
from wbc_tutorial.data.simulator import CRITERIA, STAINS, draw_cell, simulate_cell


def drawings(cell_class, n=8, seed=0):
    axis = np.arange(-12.375, 12.5, 0.25)
    return [draw_cell(cell_class, np.random.default_rng([seed, k]), x_um=axis) for k in range(n)]


@pytest.mark.parametrize("cell_class", CLASSES)
def test_no_two_cells_look_stamped(cell_class):
    images = np.stack([simulate_cell("sim_acevedo", cell_class, k, size=32) for k in range(24)]).astype(float)
    flat = images[:, 6:26, 6:26].reshape(len(images), -1)
    apart = np.sqrt(np.square(flat[:, None] - flat[None]).mean(axis=2))
    np.fill_diagonal(apart, np.inf)
    assert apart.min() > 8.0


@pytest.mark.parametrize("cell", CELL_CLASSES[:-1], ids=lambda cell: cell.name)
def test_size_and_nucleus_follow_the_criteria(cell):
    low, high = CRITERIA[cell.name].nc
    for drawing in drawings(cell.name):
        assert cell.diameter_um[0] - 0.5 <= drawing.diameter_um <= cell.diameter_um[1] + 0.5
        assert 0.6 * low <= drawing.nc_ratio <= min(1.0, 1.25 * high)
        assert drawing.stains.dtype == np.float32
        assert drawing.stains.min() >= 0
        drawn = np.sqrt(np.count_nonzero(drawing.cell > 0) * 0.25**2 * 4 / np.pi)
        assert drawn == pytest.approx(drawing.diameter_um, rel=0.2)


def test_order_of_nuclear_share():
    share = {name: np.mean([d.nc_ratio for d in drawings(name, 16)]) for name in CLASSES}
    assert share["myeloblast"] > share["promyelocyte"] > share["myelocyte"] > share["neutrophil_band"]
    assert share["myeloblast"] > share["monocyte"] > share["neutrophil_segmented"]
    assert share["lymphocyte_typical"] > share["lymphocyte_atypical"] > share["eosinophil"]
    assert share["smudge_cell"] == 1.0


def test_lobes():
    lobes = {name: [d.lobes for d in drawings(name, 40)] for name in ("neutrophil_segmented", "eosinophil")}
    assert set(lobes["neutrophil_segmented"]) == {2, 3, 4, 5}
    assert np.mean(np.equal(lobes["eosinophil"], 2)) > 0.6
    for name in set(CLASSES) - {"neutrophil_segmented", "eosinophil", "basophil"}:
        assert {d.lobes for d in drawings(name, 4)} == {1}


def test_filaments_are_thin_where_bands_are_not():
    """Shave half a micrometre or more off the nucleus: segments fall apart, bands and kidneys stay whole."""

    def pieces(name):
        return np.mean([ndimage.label(d.nucleus > 0.55)[1] for d in drawings(name, 30)])

    assert pieces("neutrophil_segmented") > 1.4
    assert pieces("neutrophil_band") < 1.2
    assert pieces("metamyelocyte") < 1.1


def test_granules_dye_as_their_name_says():
    def amount(name, stain):
        return np.mean([d.stains[STAINS.index(stain)].sum() / (d.cell > 0).sum() for d in drawings(name)])

    assert amount("eosinophil", "eosin") > 2 * amount("neutrophil_segmented", "eosin")
    assert amount("promyelocyte", "azurophil") > 2 * amount("myeloblast", "azurophil")
    assert amount("myeloblast", "rna") > 1.2 * amount("metamyelocyte", "rna")
    assert all(amount(name, "basophilic") == 0 for name in CLASSES if name != "basophil")
    assert amount("erythroblast", "haemoglobin") > 0
    assert amount("smudge_cell", "rna") == 0


def test_drawing_does_not_depend_on_the_grid():
    fine = draw_cell("monocyte", np.random.default_rng(1), x_um=np.arange(-12.45, 12.5, 0.1))
    coarse = draw_cell("monocyte", np.random.default_rng(1), x_um=np.arange(-12.25, 12.5, 0.5))
    assert coarse.nc_ratio == pytest.approx(fine.nc_ratio, abs=0.04)
    assert np.mean((fine.cell[2::5, 2::5] > 0) != (coarse.cell > 0)) < 0.03
