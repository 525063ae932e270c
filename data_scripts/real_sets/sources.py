"""Sources: where each real set is published, in one table; an address or digest that is not known is not written."""

from dataclasses import dataclass

from real_sets.bloodmnist import KNOWN_MD5
from wbc_tutorial.data.laboratories import LABORATORIES, OPEN_SETS, Laboratory

__all__ = ["MATEK_STEPS", "MLL_CLASSES", "SOURCES", "Archive", "Source", "bloodmnist_file", "laboratory_of", "mll_file"]


@dataclass(frozen=True)
class Archive:
    """One file to fetch.

    Attributes
    ----------
    address : str
        Where it lies; GitHub's archives are those of one commit, which cannot change.
    file : str
        Its name on the disk.
    folder : str
        The folder it is unpacked to; empty: it is not unpacked.
    """

    address: str
    file: str
    folder: str = ""


@dataclass(frozen=True)
class Source:
    """One set to download.

    Attributes
    ----------
    name : str
        Key of the set; its facts stand in `wbc_tutorial.data.laboratories`.
    page : str
        The page people read; the way by hand when an address fails.
    archives : tuple of Archive
        What is fetched; ``{}`` stands for one of several names.
    limit : int
        Most bytes each of them may have.
    then : str
        What to do next, printed at the end.
    """

    name: str
    page: str
    archives: tuple[Archive, ...]
    limit: int
    then: str = ""


def _commit(owner: str, repository: str, commit: str, file: str, folder: str = "") -> Archive:
    """Return GitHub's archive of one commit; by default it is unpacked below the folder ``bccd``."""
    return Archive(f"https://github.com/{owner}/{repository}/archive/{commit}.zip", file,
                   folder or f"bccd/{repository}-{commit}")  # fmt: skip


_GB = 10**9
_PREPARE = "python data_scripts/prepare.py"
SOURCES = {
    source.name: source
    for source in (
        Source(
            "acevedo_20", "https://data.mendeley.com/datasets/snkd93bnjr/1",
            (Archive("https://data.mendeley.com/public-files/datasets/snkd93bnjr/files/"
                     "2fc38728-2ae7-4a62-a857-032af82334c3/file_downloaded", "PBC_dataset_normal_DIB.zip",
                     "PBC_dataset_normal_DIB"),), _GB,
            f"{_PREPARE} acevedo_20 --source {{out}}/PBC_dataset_normal_DIB --out {{out}}/acevedo_20_64",
        ),
        Source(
            "mll_23", "https://zenodo.org/records/14277609",
            (Archive("https://zenodo.org/records/14277609/files/{}.zip?download=1", "{}.zip", "mll_23/{}"),), 8 * _GB,
            f"{_PREPARE} mll_23 --source {{out}}/mll_23 --out {{out}}/mll_23_64",
        ),
        Source(
            "raabin", "https://raabindata.com/free-data/",
            (Archive("https://dl.raabindata.com/WBC/Cropped_double_labeled/Train.rar", "Train.rar"),), 2 * _GB,
            "unpack it by a program of your own (Python reads no rar): `unar {file}`, `unrar x {file}` or 7-Zip, in "
            f"{{out}}; then: python data_scripts/download.py raabin --check {{out}}; then: {_PREPARE} "
            "raabin --source {out}/Train --out {out}/raabin_64",
        ),
        Source(
            "bloodmnist", "https://zenodo.org/records/10519652",
            (Archive("https://zenodo.org/records/10519652/files/bloodmnist{}.npz?download=1", "bloodmnist{}.npz"),),
            4 * _GB, f"{_PREPARE} bloodmnist --source {{file}} --out {{out}}/bloodmnist_64",
        ),
        Source(
            "chula", "https://github.com/singgihbekti/WBC_Dataset",
            (_commit("singgihbekti", "WBC_Dataset", "45759ab1e6258b9746377a0935077e2eef0da41b", "chula.zip", "chula"),),
            2 * _GB, f"{_PREPARE} chula --source {{out}}/chula --out {{out}}/chula_64",
        ),
        Source(
            "bccd", "https://github.com/Shenggan/BCCD_Dataset",
            (_commit("Shenggan", "BCCD_Dataset", "862b232accac2e8d4ee2d95738d51195f0476395", "bccd.zip"),
             _commit("apple2373", "BCCD", "73e268a747db2f39d21850e71baceb94d058f8af", "bccd_kinds.zip")),
            _GB, f"{_PREPARE} bccd --source {{out}}/bccd --out {{out}}/bccd_64 (fields and boxes are of "
            "Shenggan/BCCD_Dataset, MIT; which kind of white cell each box shows is read from the folder names of "
            "apple2373/BCCD, which states no licence)",
        ),
    )
}  # fmt: skip
"""By name. The commits: Chula's notebook at 45759ab1 shows a clone of the whole set (1,004 files); the README of BCCD
at 862b232a describes its 364 fields in the folder BCCD."""

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


def bloodmnist_file(size: int) -> tuple[Archive, str]:
    """Return BloodMNIST at 28, 64, 128 or 224 px, and its published digest."""
    (archive,), suffix = SOURCES["bloodmnist"].archives, "" if size == 28 else f"_{size}"
    return Archive(archive.address.format(suffix), archive.file.format(suffix)), f"md5:{KNOWN_MD5[size]}"


def mll_file(name: str) -> Archive:
    """Return the archive of one class of MLL23."""
    (archive,) = SOURCES["mll_23"].archives
    return Archive(*(text.format(name) for text in (archive.address, archive.file, archive.folder)))
