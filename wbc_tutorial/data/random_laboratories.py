"""Laboratories drawn at random: another stain, lamp, lens and camera each time, the same cells' shapes."""

from dataclasses import replace

import numpy as np

from wbc_tutorial.data.cell_images import CellImages
from wbc_tutorial.data.checks import whole_number
from wbc_tutorial.data.classes import CLASSES
from wbc_tutorial.data.counts import counts_by_class
from wbc_tutorial.data.laboratories import FIELD_UM
from wbc_tutorial.data.simulator import LOOKS, Look, simulate_cell

__all__ = ["random_laboratory", "random_look"]

_DYES = ("chromatin", "rna", "eosin", "haemoglobin", "azurophil", "basophilic")


def random_look(seed: int) -> Look:
    """Draw a laboratory's look: its stains between those of the three simulated laboratories and somewhat beyond.

    Parameters
    ----------
    seed : int
        0 or more; the same seed draws the same look on every machine.

    Returns
    -------
    Look

    See Also
    --------
    random_laboratory : cells under such a look.

    Examples
    --------
    >>> random_look(0) == random_look(0), random_look(0) == random_look(1)
    (True, False)
    """
    g = np.random.default_rng([whole_number("seed", seed), 25])
    looks = list(LOOKS.values())

    def between(name: str, spread: float, at_most: float) -> tuple[float, float, float]:
        mix = g.dirichlet((0.8, 0.8, 0.8))
        values = mix @ np.array([getattr(look, name) for look in looks]) * np.exp(spread * g.standard_normal(3))
        red, green, blue = np.minimum(values, at_most).tolist()
        return red, green, blue

    chromatin, rna, eosin, haemoglobin, azurophil, basophilic = (between(name, 0.15, 1.4) for name in _DYES)
    return replace(
        looks[int(g.integers(len(looks)))],
        chromatin=chromatin,
        rna=rna,
        eosin=eosin,
        haemoglobin=haemoglobin,
        azurophil=azurophil,
        basophilic=basophilic,
        background=between("background", 0.04, 0.99),
        stain_strength=float(np.exp(0.15 * g.standard_normal())),
        px_per_um=float(g.uniform(6, 15)),
        focus_um=float(g.uniform(0.1, 0.35)),
        vignetting=float(g.uniform(0, 0.06)),
        sharpening=float(g.choice([0.0, 0.0, 0.4, 0.8])),
        noise=float(g.uniform(0.006, 0.02)),
        jpeg_quality=(None, 80, 92)[int(g.integers(3))],
    )


def random_laboratory(seed: int, counts=None, *, size: int = 64) -> CellImages:
    """Draw a laboratory that nobody has met: its look by dice, its cells new ones.

    Parameters
    ----------
    seed : int
        0 or more; of the look, of the magnification's error (6 %) and of the cells.
    counts : sequence of 13 int or mapping of str to int, default=None
        Images per class, as for `load_simulated`; None: 20 of each.
    size : int, default=64
        Side of an image, pixels, 8 or more.

    Returns
    -------
    CellImages
        One laboratory, ``random_<seed>``. A cell takes about 8 ms; nothing is kept in the cache.

    See Also
    --------
    random_look : the look alone.
    wbc_tutorial.load_simulated : the three simulated laboratories of the course.

    Examples
    --------
    >>> random_laboratory(3, {"NGS": 2, "MON": 1}, size=16)
    CellImages(3 images of 16 px, 13 classes, domains random_3, simulated)
    """
    look = random_look(seed)
    wanted = counts_by_class((20,) * len(CLASSES) if counts is None else counts)
    magnified = np.exp(0.06 * np.random.default_rng([seed, 26]).standard_normal())
    field_um = FIELD_UM * float(magnified)
    cells = [
        simulate_cell("sim_mll", name, index, seed=1_000_000 + seed, size=size, look=look, field_um=field_um)
        for name, n in zip(CLASSES, wanted, strict=True)
        for index in range(n)
    ]
    labels = np.repeat(np.arange(len(CLASSES)), wanted)
    return CellImages(
        images=np.ascontiguousarray(np.stack(cells).transpose(0, 3, 1, 2)),
        labels=labels,
        domains=np.zeros(len(labels), dtype=np.int64),
        domain_names=(f"random_{seed}",),
        um_per_px=FIELD_UM / size,
        provenance={"source": "simulated", "seed": seed, "size": size},
    )
