"""Criteria: what a haematologist looks for in each class, as ranges in micrometres."""

from dataclasses import dataclass

__all__ = ["CRITERIA", "Criteria"]

Range = tuple[float, float]


@dataclass(frozen=True)
class Criteria:
    """What a haematologist looks for in one class, as ranges; every cell draws its own values.

    The ranges follow the usual atlases (Bain, *Blood Cells*, 6th ed.; ICSH 2015 on granulocyte grading:
    a band's nucleus has no filament, a metamyelocyte's indentation is less than half its width).

    Attributes
    ----------
    nucleus : tuple of str
        Kinds of nucleus it may have (see `nuclei.draw_nucleus`), one drawn at random.
    nc : Range
        Area of the nucleus over that of the cell.
    typical : float, default=0.4
        Where the mean diameter lies between the smallest and the largest of `CellClass.diameter_um`.
    aspect : Range, default=(1, 1.25)
        Length over width of the nucleus.
    off_centre : Range, default=(0, 0.8)
        Place of the nucleus: 0 centred, 1 at the border of the cell.
    lobes : tuple of float, default=(1,)
        Chances of 1, 2, 3, 4, 5 lobes.
    density : Range, default=(0.9, 1.1)
        Dye per area of chromatin.
    clumps, grain_um : Range, default=(0.2, 0.32), (0.3, 0.45)
        Contrast of the chromatin's clumps, and their size (micrometres).
    edge_um, uneven : float, default=0.3, 0.07
        Width of the nucleus's border and how patchy it is; a smudge has no border.
    nucleoli : tuple of int, default=(0, 0)
        Fewest and most.
    rna, eosin, haemoglobin : Range, default=(0.1, 0.3), (0.15, 0.4), (0, 0)
        Dye in the cytoplasm: blue, pink, tan.
    edge_rna : float, default=0.1
        How much bluer the cytoplasm is at its border.
    azurophil, neutrophilic, eosinophilic, basophilic : Range, default=(0, 0)
        Granules per square micrometre.
    vacuoles : tuple of int, default=(0, 0)
        Fewest and most.
    ragged_um : Range, default=(0.1, 0.35)
        How far the border of the cell strays from round, micrometres.
    """

    nucleus: tuple[str, ...]
    nc: Range
    typical: float = 0.4
    aspect: Range = (1.0, 1.25)
    off_centre: Range = (0.0, 0.8)
    lobes: tuple[float, ...] = (1.0,)
    density: Range = (0.9, 1.1)
    clumps: Range = (0.2, 0.32)
    grain_um: Range = (0.3, 0.45)
    edge_um: float = 0.3
    uneven: float = 0.07
    nucleoli: tuple[int, int] = (0, 0)
    rna: Range = (0.1, 0.3)
    eosin: Range = (0.15, 0.4)
    haemoglobin: Range = (0.0, 0.0)
    edge_rna: float = 0.1
    azurophil: Range = (0.0, 0.0)
    neutrophilic: Range = (0.0, 0.0)
    eosinophilic: Range = (0.0, 0.0)
    basophilic: Range = (0.0, 0.0)
    vacuoles: tuple[int, int] = (0, 0)
    ragged_um: Range = (0.1, 0.35)


CRITERIA = {
    "basophil": Criteria(
        ("bilobed", "kidney"), (0.4, 0.6), typical=0.7, aspect=(1.1, 1.4), lobes=(0.0, 0.6, 0.4),
        density=(0.5, 0.85), clumps=(0.1, 0.25), rna=(0.1, 0.35), eosin=(0.1, 0.35), basophilic=(0.9, 2.4),
        ragged_um=(0.15, 0.5)),
    "eosinophil": Criteria(
        ("bilobed",), (0.28, 0.42), typical=0.5, lobes=(0.0, 0.76, 0.21, 0.03), rna=(0.0, 0.15),
        eosin=(0.15, 0.4), eosinophilic=(2.0, 3.4), density=(0.85, 1.05), clumps=(0.25, 0.42),
        ragged_um=(0.1, 0.35)),
    "erythroblast": Criteria(
        ("oval",), (0.3, 0.65), aspect=(1.0, 1.15), off_centre=(0.0, 0.7), density=(1.05, 1.35),
        clumps=(0.15, 0.35), grain_um=(0.35, 0.55), rna=(0.15, 0.85), eosin=(0.0, 0.2),
        haemoglobin=(0.2, 0.8), ragged_um=(0.1, 0.4)),
    "myeloblast": Criteria(
        ("oval", "oval", "oval", "flat"), (0.64, 0.84), aspect=(1.0, 1.3), density=(0.72, 0.95),
        clumps=(0.1, 0.2), grain_um=(0.2, 0.3), nucleoli=(1, 5), rna=(0.4, 0.95), eosin=(0.0, 0.15),
        edge_rna=0.2, ragged_um=(0.15, 0.5)),
    "promyelocyte": Criteria(
        ("oval", "oval", "flat"), (0.46, 0.68), typical=0.3, aspect=(1.0, 1.35), off_centre=(0.5, 1.0),
        density=(0.78, 1.02), clumps=(0.14, 0.28), grain_um=(0.22, 0.36), nucleoli=(0, 3), rna=(0.35, 0.8),
        eosin=(0.05, 0.3), azurophil=(0.7, 2.6), edge_rna=0.15),
    "myelocyte": Criteria(
        ("flat", "flat", "oval"), (0.4, 0.6), typical=0.35, aspect=(1.1, 1.45), off_centre=(0.5, 1.0),
        density=(0.85, 1.08), clumps=(0.22, 0.38), rna=(0.15, 0.5), eosin=(0.15, 0.4), azurophil=(0.1, 0.9),
        neutrophilic=(0.8, 2.4)),
    "metamyelocyte": Criteria(
        ("kidney",), (0.38, 0.56), typical=0.35, aspect=(1.15, 1.5), off_centre=(0.3, 0.9),
        density=(0.88, 1.1), clumps=(0.25, 0.42), grain_um=(0.3, 0.45), rna=(0.05, 0.35),
        eosin=(0.15, 0.45), azurophil=(0.0, 0.5), neutrophilic=(0.8, 2.4)),
    "neutrophil_band": Criteria(
        ("band",), (0.3, 0.44), off_centre=(0.0, 0.7), density=(0.92, 1.15), clumps=(0.25, 0.42),
        grain_um=(0.3, 0.45), rna=(0.0, 0.18), eosin=(0.12, 0.4), neutrophilic=(0.7, 2.6)),
    "neutrophil_segmented": Criteria(
        ("segmented",), (0.29, 0.44), lobes=(0.0, 0.14, 0.4, 0.33, 0.13), off_centre=(0.0, 0.7),
        density=(0.95, 1.2), clumps=(0.25, 0.42), grain_um=(0.3, 0.45), rna=(0.0, 0.15), eosin=(0.12, 0.4),
        neutrophilic=(0.7, 2.6)),
    "monocyte": Criteria(
        ("folded",), (0.38, 0.62), typical=0.4, aspect=(1.05, 1.45), off_centre=(0.0, 0.7),
        density=(0.75, 1.0), clumps=(0.2, 0.36), grain_um=(0.28, 0.45), rna=(0.25, 0.62),
        eosin=(0.02, 0.22), neutrophilic=(0.1, 0.9), vacuoles=(0, 10), ragged_um=(0.25, 0.9)),
    "lymphocyte_typical": Criteria(
        ("oval", "oval", "oval", "flat"), (0.6, 0.9), typical=0.55, aspect=(1.0, 1.2),
        off_centre=(0.2, 1.0), density=(0.92, 1.2), clumps=(0.14, 0.32), grain_um=(0.4, 0.7),
        rna=(0.2, 0.8), eosin=(0.0, 0.1), azurophil=(0.0, 0.05), ragged_um=(0.1, 0.5)),
    "lymphocyte_atypical": Criteria(
        ("oval", "kidney", "folded"), (0.38, 0.66), aspect=(1.05, 1.5), off_centre=(0.2, 1.0),
        density=(0.8, 1.08), clumps=(0.15, 0.32), grain_um=(0.35, 0.6), nucleoli=(0, 1), rna=(0.4, 1.0),
        eosin=(0.0, 0.1), azurophil=(0.0, 0.06), edge_rna=0.6, vacuoles=(0, 2), ragged_um=(0.25, 0.8)),
    "smudge_cell": Criteria(
        ("smeared",), (0.85, 1.2), aspect=(1.0, 1.6), off_centre=(0.0, 0.0), density=(0.5, 0.85),
        clumps=(0.2, 0.45), grain_um=(0.4, 0.8), edge_um=2.6, uneven=0.3, rna=(0.0, 0.0), eosin=(0.0, 0.0),
        ragged_um=(0.3, 0.8)),
}  # fmt: skip
"""Class -> criteria, in the order of `wbc_tutorial.CLASSES`."""
