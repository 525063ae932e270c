"""Sources: where each real set is published, in one table; an address or digest that is not known is not written."""

from dataclasses import dataclass

from real_sets.bloodmnist import KNOWN_MD5
from wbc_tutorial.data.laboratories import LABORATORIES, OPEN_SETS, Laboratory

__all__ = ["MATEK_STEPS", "MLL_CLASSES", "SOURCES", "Source", "bloodmnist_file", "laboratory_of", "mll_file"]


@dataclass(frozen=True)
class Source:
    """One set to download.

    Attributes
    ----------
    name : str
        Key of the set; its facts stand in `wbc_tutorial.laboratories`.
    page : str
        The page people read; the way by hand when an address fails.
    address, file : str
        What is fetched, and its name on the disk; for several files ``{}`` is filled in.
    kind : str
        ``"zip"``, ``"rar"`` (unpacked by the user) or ``"npz"`` (not unpacked).
    limit : int
        Most bytes the file may have.
    folder : str
        Folder the archive is unpacked to.
    then : str
        What to do next, printed at the end.
    """

    name: str
    page: str
    address: str
    file: str
    kind: str
    limit: int
    folder: str = ""
    then: str = ""


_GB = 10**9
SOURCES = {
    source.name: source
    for source in (
        Source(
            "acevedo_20", "https://data.mendeley.com/datasets/snkd93bnjr/1",
            "https://data.mendeley.com/public-files/datasets/snkd93bnjr/files/"
            "2fc38728-2ae7-4a62-a857-032af82334c3/file_downloaded",
            "PBC_dataset_normal_DIB.zip", "zip", _GB, "PBC_dataset_normal_DIB",
            "python data_scripts/prepare.py acevedo_20 --source {out}/PBC_dataset_normal_DIB --out {out}/acevedo_20_64",
        ),
        Source(
            "mll_23", "https://zenodo.org/records/14277609",
            "https://zenodo.org/records/14277609/files/{}.zip?download=1", "{}.zip", "zip", 8 * _GB, "mll_23/{}",
            "python data_scripts/prepare.py mll_23 --source {out}/mll_23 --out {out}/mll_23_64",
        ),
        Source(
            "raabin", "https://raabindata.com/free-data/",
            "http://dl.raabindata.com/WBC/Cropped_double_labeled/Train.rar", "Train.rar", "rar", 2 * _GB, "",
            "unpack it by a program of your own (Python reads no rar): `unar {file}`, `unrar x {file}` or 7-Zip, in "
            "{out}; then: python data_scripts/download.py raabin --check {out}; then: python data_scripts/prepare.py "
            "raabin --source {out}/Train --out {out}/raabin_64",
        ),
        Source(
            "bloodmnist", "https://zenodo.org/records/10519652",
            "https://zenodo.org/records/10519652/files/bloodmnist{}.npz?download=1", "bloodmnist{}.npz", "npz",
            4 * _GB, "",
            "python data_scripts/prepare.py bloodmnist --source {file} --out {out}/bloodmnist_64",
        ),
        Source(
            "chula", "https://github.com/singgihbekti/WBC_Dataset",
            "https://github.com/singgihbekti/WBC_Dataset/archive/HEAD.zip", "chula.zip", "zip", 2 * _GB, "chula",
            "whole fields with one text file of boxes each (class x y width height; classes 0 to 4 are neutrophil, "
            "eosinophil, basophil, lymphocyte, monocyte): cut 280 px around each box into <class>/<image>, then: "
            "python data_scripts/prepare.py folder --domain chula --um-per-px 0.0893 --source ...",
        ),
        Source(
            "bccd", "https://github.com/Shenggan/BCCD_Dataset",
            "https://github.com/Shenggan/BCCD_Dataset/archive/HEAD.zip", "bccd.zip", "zip", _GB, "bccd",
            "whole fields with boxes in Annotations/*.xml; the kind of white cell is not among them: crops sorted by "
            "class are at https://github.com/apple2373/BCCD (folder BCCD_cropped)",
        ),
    )
}  # fmt: skip

MLL_CLASSES = (
    "basophil", "eosinophil", "hairy_cell", "lymphocyte", "lymphocyte_large_granular", "lymphocyte_neoplastic",
    "lymphocyte_reactive", "metamyelocyte", "monocyte", "myeloblast", "myelocyte", "neutrophil_band",
    "neutrophil_segmented", "normoblast", "plasma_cell", "promyelocyte", "promyelocyte_atypical", "smudge_cell",
)  # fmt: skip

MATEK_STEPS = """\
AML-Cytomorphology_LMU (Matek 2019), 18,365 pictures, about 11 GB, CC BY 3.0: the archive sends it by its own
client, so these steps are yours.
 1. Open https://doi.org/10.7937/tcia.2019.36f5o9ld and go to "Data Access".
 2. Install IBM Aspera Connect when the page asks for it: https://www.ibm.com/products/aspera/downloads
    (on a server without a browser: the command line client ascli, https://github.com/IBM/aspera-cli).
 3. Press "Download" beside "Tissue Slide Images" and save the package to {out}
 4. You should then have {out}/AML-Cytomorphology_LMU (or PKG - AML-Cytomorphology_LMU) with 15 folders:
    BAS EBO EOS KSC LYA LYT MMZ MOB MON MYB MYO NGB NGS PMB PMO
 5. Check what came:  python data_scripts/download.py matek_19 --check {out}
 6. Prepare it:       python data_scripts/prepare.py matek_19 --source {out} --out {out}_64"""


def laboratory_of(name: str) -> Laboratory:
    """Return the facts of a set, its licence and citation among them."""
    return (LABORATORIES | OPEN_SETS)[name]


def bloodmnist_file(size: int) -> tuple[str, str, str]:
    """Return (address, file name, digest) of BloodMNIST at 28, 64, 128 or 224 px."""
    source, suffix = SOURCES["bloodmnist"], "" if size == 28 else f"_{size}"
    return source.address.format(suffix), source.file.format(suffix), f"md5:{KNOWN_MD5[size]}"


def mll_file(name: str) -> tuple[str, str, str]:
    """Return (address, file name, folder) of one class of MLL23."""
    source = SOURCES["mll_23"]
    return source.address.format(name), source.file.format(name), source.folder.format(name)
