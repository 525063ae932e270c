"""Laboratories (the domains): four real ones, three simulated twins, and four open sets with coarse labels."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

__all__ = ["FIELD_UM", "LABORATORIES", "OPEN_SETS", "Laboratory"]

FIELD_UM = 25.0
"""Every image shows the same physical field (micrometres), so that no network can learn the magnification."""


@dataclass(frozen=True, repr=False)
class Laboratory:
    """One laboratory: where the images come from, how they look, and what the files are called.

    Attributes
    ----------
    name, title : str
        Key and full name.
    counts : tuple of 13 int
        Images per class in the order of `wbc_tutorial.CLASSES`; 0 where the class is missing.
        For open sets with coarse labels see `native_counts`.
    image_px : tuple of int
        Native width and height, pixels.
    px_per_um : float or None
        Native magnification, pixels per micrometre; None where the source does not state it.
    stain, scanner, licence, citation, source : str
    layout : str, default=""
        What the files are called.
    counts_of : str, default=""
        What `counts` counts, where that is not the whole set.
    mean_rgb, std_rgb : tuple of 3 float, default=None
        Colour statistics of the set in [0, 1].
    crop_px : int or None, default=None
        Side of the centred square that shows 25 um; None = the whole image.
    native_labels : mapping, default={}
        Label in the files -> class (one of `CLASSES`, or the coarse ``"neutrophil"``).
    dropped : mapping, default={}
        Label in the files -> why those images are left out.
    native_counts : mapping, default={}
        Images per native label, where they are published.
    simulated : bool, default=False
        Drawn by `wbc_tutorial.simulator`.

    Examples
    --------
    >>> LABORATORIES["sim_mll"]
    Laboratory('sim_mll': 1,822 cells in 13 classes, 288 x 288 px, 11.52 px/um, simulated)
    """

    name: str
    title: str
    counts: tuple[int, ...]
    image_px: tuple[int, int]
    px_per_um: float | None
    stain: str
    scanner: str
    licence: str
    citation: str
    source: str
    layout: str = ""
    counts_of: str = ""
    mean_rgb: tuple[float, float, float] | None = None
    std_rgb: tuple[float, float, float] | None = None
    crop_px: int | None = None
    native_labels: Mapping[str, str] = field(default_factory=dict)
    dropped: Mapping[str, str] = field(default_factory=dict)
    native_counts: Mapping[str, int] = field(default_factory=dict)
    simulated: bool = False

    @property
    def field_um(self) -> tuple[float, float] | None:
        """Width and height of the native image in micrometres; None where the magnification is unknown."""
        if self.px_per_um is None:
            return None
        width, height = self.image_px
        return width / self.px_per_um, height / self.px_per_um

    def __repr__(self) -> str:
        counts = [n for n in self.counts if n] or list(self.native_counts.values())
        images = f"{sum(counts):,} cells in {len(counts)} classes, " if counts else ""
        width, height = self.image_px
        scale = "" if self.px_per_um is None else f", {self.px_per_um:g} px/um"
        return f"Laboratory({self.name!r}: {images}{width} x {height} px{scale}{', simulated' * self.simulated})"


_CODE_TO_CLASS = {
    "BAS": "basophil", "EOS": "eosinophil", "EBO": "erythroblast", "MYO": "myeloblast",
    "PMO": "promyelocyte", "MYB": "myelocyte", "MMZ": "metamyelocyte", "NGB": "neutrophil_band",
    "NGS": "neutrophil_segmented", "MON": "monocyte", "LYT": "lymphocyte_typical",
    "LYA": "lymphocyte_atypical", "KSC": "smudge_cell",
}  # fmt: skip

_MATEK = Laboratory(
    name="matek_19",
    title="AML-Cytomorphology_LMU, Munich (Matek 2019)",
    counts=(79, 424, 78, 3268, 70, 42, 15, 109, 8484, 1815, 3937, 11, 15),
    image_px=(400, 400), px_per_um=13.8, crop_px=345,
    mean_rgb=(0.821, 0.728, 0.836), std_rgb=(0.163, 0.251, 0.092),
    stain="Romanowsky type, not specified in the record", scanner="M8 Precipoint, 100x oil immersion",
    licence="CC BY 3.0 (verify at the source)",
    citation="Matek, Schwarz, Spiekermann, Marr. Nature Machine Intelligence 1, 538-544 (2019)",
    source="https://doi.org/10.7937/tcia.2019.36f5o9ld",
    layout="AML-Cytomorphology_LMU/<CODE>/<CODE>_0001.tiff (RGBA; the fourth channel is dropped)",
    native_labels=_CODE_TO_CLASS | {"MOB": "monocyte"},
    dropped={"PMB": "bilobed promyelocyte: none of the 13 classes"},
    native_counts={"MOB": 26, "MON": 1789, "PMB": 18},
)  # fmt: skip

_ACEVEDO = Laboratory(
    name="acevedo_20",
    title="PBC dataset, Hospital Clinic of Barcelona (Acevedo 2020)",
    counts=(1218, 3117, 1551, 0, 592, 1137, 1015, 1633, 1646, 1420, 1214, 0, 0),
    image_px=(360, 363), px_per_um=10.0, crop_px=250,
    mean_rgb=(0.869, 0.742, 0.716), std_rgb=(0.163, 0.190, 0.079),
    stain="May-Gruenwald-Giemsa", scanner="CellaVision DM96",
    licence="CC BY 4.0",
    citation="Acevedo, Merino, Alferez, Molina, Boldu, Rodellar. Data in Brief 30, 105474 (2020)",
    source="https://doi.org/10.17632/snkd93bnjr.1",
    layout="PBC_dataset_normal_DIB/<folder>/<PREFIX>_<n>.jpg (the label is the prefix, not the folder)",
    native_labels={
        "BA": "basophil", "EO": "eosinophil", "ERB": "erythroblast", "PMY": "promyelocyte",
        "MY": "myelocyte", "MMY": "metamyelocyte", "BNE": "neutrophil_band",
        "SNE": "neutrophil_segmented", "MO": "monocyte", "LY": "lymphocyte_typical",
    },
    dropped={
        "IG": "immature granulocyte, stage not given",
        "NEUTROPHIL": "neutrophil, band or segmented not given",
        "PLATELET": "a platelet is not a white blood cell",
    },
    native_counts={"IG": 151, "NEUTROPHIL": 50, "PLATELET": 2348},
)  # fmt: skip

_MLL = Laboratory(
    name="mll_23",
    title="MLL23, Munich Leukemia Laboratory (Shetab Boushehri 2025); very probably the study's MLL_20 = INT_20",
    counts=(616, 2448, 2071, 8606, 745, 747, 483, 687, 7170, 2510, 5532, 213, 988),
    image_px=(288, 288), px_per_um=11.52, crop_px=288,
    mean_rgb=(0.740, 0.652, 0.779), std_rgb=(0.186, 0.249, 0.163),
    stain="Pappenheim", scanner="MetaSystems Metafer",
    licence="CC BY 4.0 (verify at the source)",
    citation="Shetab Boushehri et al. Scientific Data 12, 1773 (2025)",
    source="https://zenodo.org/records/14277609",
    layout="<class>/<class>_0001.TIF",
    native_labels={
        "basophil": "basophil", "eosinophil": "eosinophil", "normoblast": "erythroblast",
        "myeloblast": "myeloblast", "promyelocyte": "promyelocyte", "myelocyte": "myelocyte",
        "metamyelocyte": "metamyelocyte", "neutrophil_band": "neutrophil_band",
        "neutrophil_segmented": "neutrophil_segmented", "monocyte": "monocyte",
        "lymphocyte": "lymphocyte_typical", "lymphocyte_neoplastic": "lymphocyte_atypical",
        "lymphocyte_reactive": "lymphocyte_atypical", "smudge_cell": "smudge_cell",
        "01-NORMO": "erythroblast", "05-MONO": "monocyte", "09-BASO": "basophil", "10-EOS": "eosinophil",
        "11-STAB": "neutrophil_band", "13-MYBL": "myeloblast", "14-LYMPH-typ": "lymphocyte_typical",
        "15-SEG": "neutrophil_segmented", "17-Kernschatten": "smudge_cell", "18-PMYEL": "promyelocyte",
        "19-MYEL": "myelocyte", "20-Meta": "metamyelocyte", "08-LYMPH-neo": "lymphocyte_atypical",
        "12-LYMPH-reaktiv": "lymphocyte_atypical",
    },
    dropped=dict.fromkeys(("hairy_cell", "21-Haarzelle"), "hairy cell: none of the 13 classes")
    | dict.fromkeys(("promyelocyte_atypical", "22-Atyp-PMYEL"), "atypical promyelocyte: none of the 13 classes")
    | dict.fromkeys(("lymphocyte_large_granular", "04-LGL"), "large granular lymphocyte: none of the 13 classes")
    | dict.fromkeys(("plasma_cell", "16-PLZ"), "plasma cell: none of the 13 classes"),
)  # fmt: skip

_JHU = Laboratory(
    name="jhu_21",
    title="Johns Hopkins Hospital, Baltimore: patients with AML or APL (Sidhom 2021)",
    # The counts of a sample, not of the whole set: the 11,985 labelled images of 82 of its 107 patients.
    counts=(39, 85, 292, 2711, 511, 111, 63, 105, 1560, 1066, 2808, 229, 2405),
    counts_of="a sample: 11,985 images of 82 of the 107 patients",
    image_px=(360, 363), px_per_um=10.0, crop_px=250,
    stain="not stated", scanner="CellaVision (10 px/um is inferred from the device)",
    licence="No licence grant was found: measure with it, pass nothing of it on",
    citation="Sidhom et al. npj Precision Oncology 5, 38 (2021)",
    source="https://github.com/sidhomj/DeepAPL",
    layout="Data/All/Patient_<nn>/[<date>/]Signed slides/<class folder>/<PREFIX>_<id>.jpg (the folder is the label)",
    native_labels={
        "Basophil": "basophil", "Eosinophils": "eosinophil", "Erythroblast": "erythroblast",
        "Blast, no lineage spec": "myeloblast", "Promyelocyte": "promyelocyte", "Myelocyte": "myelocyte",
        "Metamyelocyte": "metamyelocyte", "Band neutrophils": "neutrophil_band",
        "Segmented neutrophils": "neutrophil_segmented", "Monocyte": "monocyte",
        "Lymphocyte": "lymphocyte_typical", "Lymphocyte, variant": "lymphocyte_atypical",
        "Smudge cells": "smudge_cell",
    },
    dropped={
        "Promonocyte": "promonocyte: none of the 13 classes",
        "Plasma cells": "plasma cell: none of the 13 classes",
        "Giant thrombocyte": "a giant platelet is not a white blood cell",
        "Thrombocyte aggregation": "a clump of platelets is not a white blood cell",
        "Prolymphocyte": "prolymphocyte: none of the 13 classes",
        "Unidentified": "the laboratory gave no class",
        "Young Unidentified": "the laboratory gave no class",
        "Arifact": "artefact: not a cell",
    },
)  # fmt: skip


def _simulated(name: str, title: str, real: Laboratory, share: int) -> Laboratory:
    """Mirror `real`'s physics and a `share`-th of its counts, with at least 5 images of each class it has."""
    return Laboratory(
        name=name,
        title=title,
        counts=tuple(max(5, round(n / share)) if n else 0 for n in real.counts),
        image_px=real.image_px,
        px_per_um=real.px_per_um,
        crop_px=real.crop_px,
        mean_rgb=real.mean_rgb,
        std_rgb=real.std_rgb,
        stain=f"simulated {real.stain}",
        scanner=f"simulated {real.scanner}",
        licence="MIT, as this package",
        citation="simulated cells: cite this package",
        source="wbc_tutorial.data.simulator",
        simulated=True,
    )


LABORATORIES: Mapping[str, Laboratory] = MappingProxyType(
    {
        lab.name: lab
        for lab in (
            _MATEK,
            _ACEVEDO,
            _MLL,
            _JHU,
            _simulated("sim_matek", "simulated laboratory in the image of Mat_19", _MATEK, 11),
            _simulated("sim_acevedo", "simulated laboratory in the image of Ace_20", _ACEVEDO, 11),
            _simulated("sim_mll", "simulated laboratory in the image of MLL_20", _MLL, 18),
        )
    }
)
"""By name: the study's three laboratories, jhu_21, and the simulated twins of the study's three."""

_FOUR_COARSE = {"basophil": "basophil", "eosinophil": "eosinophil", "lymphocyte": "lymphocyte_typical",
                "monocyte": "monocyte", "neutrophil": "neutrophil"}  # fmt: skip
_NO_COUNTS = (0,) * 13

OPEN_SETS: Mapping[str, Laboratory] = MappingProxyType({
    lab.name: lab
    for lab in (
        Laboratory(
            name="raabin", title="Raabin-WBC, Tehran (Kouzehkanan 2022)", counts=_NO_COUNTS,
            image_px=(575, 575), px_per_um=16.0, crop_px=400, stain="Giemsa",
            scanner="Olympus CX18 and Zeiss microscopes with phone cameras, 100x",
            licence="free with citation", citation="Kouzehkanan et al. Scientific Reports 12, 1123 (2022)",
            source="https://raabindata.com/free-data/",
            layout="Train/<Class>/<slide>_<field>_<n>.jpg (the name begins with the slide's date)",
            native_labels={name.capitalize(): to for name, to in _FOUR_COARSE.items()},
            native_counts={"Neutrophil": 6231, "Lymphocyte": 2427, "Eosinophil": 744, "Monocyte": 561,
                           "Basophil": 212},
        ),
        Laboratory(
            name="chula", title="WBC samples of Chulalongkorn University, Bangkok", counts=_NO_COUNTS,
            image_px=(1440, 900), px_per_um=None, crop_px=280, stain="not stated", scanner="not stated",
            licence="MIT", citation="singgihbekti, WBC_Dataset (GitHub, 2022)",
            source="https://github.com/singgihbekti/WBC_Dataset",
            layout="WBC_Samples/{train,valid}/images/<slide>_<field>.jpg, one text file of boxes per field",
            native_labels=_FOUR_COARSE,
            native_counts={"basophil": 100, "eosinophil": 100, "lymphocyte": 111, "monocyte": 88,
                           "neutrophil": 112},
        ),
        Laboratory(
            name="bccd", title="Blood Cell Count and Detection", counts=_NO_COUNTS,
            image_px=(640, 480), px_per_um=None, crop_px=None, stain="not stated", scanner="not stated",
            licence="MIT", citation="BCCD dataset (2017)", source="https://github.com/Shenggan/BCCD_Dataset",
            native_labels=_FOUR_COARSE,
            native_counts={"neutrophil": 202, "eosinophil": 84, "lymphocyte": 33, "monocyte": 20, "basophil": 2},
        ),
        Laboratory(
            name="bloodmnist", title="BloodMNIST: Ace_20's eight folders, the centred 20 um at 28, 64, 128 or 224 px",
            counts=_NO_COUNTS, image_px=(224, 224), px_per_um=None, crop_px=None,
            stain="May-Gruenwald-Giemsa", scanner="CellaVision DM96", licence="CC BY 4.0",
            citation="Yang et al. MedMNIST v2. Scientific Data 10, 41 (2023); Acevedo et al. (2020)",
            source="https://zenodo.org/records/10519652",
            native_labels={"basophil": "basophil", "eosinophil": "eosinophil", "erythroblast": "erythroblast",
                           "lymphocyte": "lymphocyte_typical", "monocyte": "monocyte",
                           "neutrophil": "neutrophil"},
            dropped={"ig": "immature granulocytes, stages mixed", "platelet": "a platelet is not a white blood cell"},
        ),
    )
})  # fmt: skip
"""Open sets with five coarse classes: small enough for a laptop."""
