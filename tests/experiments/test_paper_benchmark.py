"""The study's own protocol, from files in the three official layouts to its two tables, on small made-up folders."""

import numpy as np
import pandas as pd
import pytest
from support.fake_sets import colours, encoded, picture, prepare, write

from wbc_tutorial import __main__, models, report
from wbc_tutorial.data.classes import CLASSES, CLASSES_11
from wbc_tutorial.experiments import tables
from wbc_tutorial.experiments.benchmarks import BENCHMARKS

MATEK = ("BAS", "EOS", "EBO", "MYO", "PMO", "MYB", "MMZ", "NGB", "NGS", "MON", "MOB", "LYT", "LYA", "KSC")
ACEVEDO = ("basophil/BA", "eosinophil/EO", "erythroblast/ERB", "ig/PMY", "ig/MY", "ig/MMY", "neutrophil/BNE",
           "neutrophil/SNE", "monocyte/MO", "lymphocyte/LY")  # fmt: skip
MLL = ("normoblast", "neutrophil_band", "neutrophil_segmented", "lymphocyte", "lymphocyte_neoplastic",
       "lymphocyte_reactive", "smudge_cell", "myeloblast", "promyelocyte", "myelocyte", "metamyelocyte", "monocyte",
       "basophil", "eosinophil", "hairy_cell")  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Two pictures of every native class of every laboratory, prepared by the documented commands at 32 px."""
    folder = tmp_path_factory.mktemp("paper")
    opaque = np.full((400, 400, 1), 255, dtype=np.uint8)
    matek, acevedo, mll = {}, {}, {}
    for i, n in enumerate((1, 2)):
        for j, code in enumerate(MATEK):
            pixels = np.concatenate([colours(400, 400, 100 + 50 * i + j), opaque], axis=2)
            matek[f"AML-Cytomorphology_LMU/{code}/{code}_000{n}.tiff"] = encoded(pixels, "TIFF")
        for j, prefix in enumerate(ACEVEDO):
            acevedo[f"PBC_dataset_normal_DIB/{prefix}_{n}.jpg"] = picture(300 + 50 * i + j, 360, 363, "JPEG")
        for j, name in enumerate(MLL):
            mll[f"{name}/{name}_000{n}.TIF"] = picture(500 + 50 * i + j, 288, 288, "TIFF")
    for name, files in (("matek_19", matek), ("acevedo_20", acevedo), ("mll_23", mll)):
        source = write(folder / "sources" / name, files)
        assert prepare(name, "--source", source, "--out", folder / "data" / name, "--size", 32)[0] == 0
    return folder / "data"


def test_every_class_arrives_under_its_own_number(data):
    counts = BENCHMARKS["paper"].load(data).counts
    expected = np.full((3, 13), 2)
    expected[0, CLASSES.index("monocyte")] = 4  # monoblasts are counted as monocytes
    expected[1, [CLASSES.index(name) for name in ("myeloblast", "lymphocyte_atypical", "smudge_cell")]] = 0
    expected[2, CLASSES.index("lymphocyte_atypical")] = 4  # neoplastic and reactive
    assert counts.tolist() == expected.tolist()


@pytest.mark.parametrize(("protocol", "classes"), [("paper", CLASSES), ("paper11", CLASSES_11)])
def test_both_tables_from_one_command(data, tmp_path, monkeypatch, protocol, classes):
    monkeypatch.setattr(report, "write", lambda out, rows, cells: [out / "report.html"])
    command = ["--benchmark", protocol, "--data", str(data), "--backbone", "small_cnn", "--steps", "2"]
    assert __main__.main([*command, "--methods", "erm,boda,boda_plus", "--out", str(tmp_path)]) == 0
    rows = pd.read_csv(tmp_path / "results.csv")
    assert set(rows.domain) == {"matek_19", "acevedo_20", "matek_19+acevedo_20", "mll_23"}
    unseen = rows[rows.split == "unseen"]
    dropped = 2 + 4 if protocol == "paper11" else 0  # smudge cells and atypical lymphocytes
    assert (unseen.n_images == 30 - 2 - dropped).all()
    table = tables.beside_slides(rows, "unseen")
    assert table.loc["BoDA+", ("F1-macro", "slides")] == "0.46 ± 0.08"
    assert len(classes) == BENCHMARKS[protocol].load(data).counts.shape[1]


def test_its_settings_are_the_reference_codes():
    for name in ("paper", "paper11"):
        paper = BENCHMARKS[name]
        assert (paper.backbone, paper.per_domain, paper.learning_rate) == ("resnet50", 24, 5e-5)
        assert paper.frozen_batch_norm and paper.steps == 5000
        assert (paper.train, paper.unseen) == (("matek_19", "acevedo_20"), ("mll_23",))


def test_weights_that_cannot_be_fetched_are_one_line(data, tmp_path, capsys, monkeypatch):
    def unreachable(*_, **__):
        raise OSError("no route to host")

    monkeypatch.setattr("torchvision.models.get_model", unreachable)
    arguments = ["--benchmark", "paper", "--data", str(data), "--methods", "erm", "--out", str(tmp_path)]
    assert __main__.main(arguments) == 2
    error = capsys.readouterr().err
    assert "resnet50 could not be fetched" in error and "efficientnet_lite0" in error and error.count("\n") == 1
    assert "resnet50" in models.BACKBONES
