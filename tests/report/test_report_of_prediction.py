"""The page that `predict` leaves beside its table: its numbers, its errors with their files, and hostile names."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from support.report_pages import Page, cells_of, figures_of

from wbc_tutorial import report
from wbc_tutorial.data.classes import COARSE_CLASSES
from wbc_tutorial.evaluation.metrics import f1_scores
from wbc_tutorial.experiments.prediction import Prediction

HOSTILE = '"><img src=x onerror=alert(1)>'


def prediction(labelled=None, unseen=("<b>x", "acevedo_21"), **facts):
    """Make up what a network says of the images of `cells_of`; every fifth file has a hostile name."""
    cells = cells_of(unseen)
    n, generator = len(cells), np.random.default_rng(2)
    chances = generator.dirichlet(np.ones(5), n)
    table = pd.DataFrame(chances, columns=list(COARSE_CLASSES))
    names = [f"slides/{HOSTILE if i % 5 == 0 else 'cell'}{i}.png" for i in range(n)]
    table.insert(0, "file", names)
    table.insert(1, "predicted", np.array(COARSE_CLASSES)[chances.argmax(axis=1)])
    table.insert(2, "confidence", chances.max(axis=1))
    truth = np.array(COARSE_CLASSES, dtype=object)[cells.labels]
    truth[~(np.full(n, True) if labelled is None else labelled(n))] = ""
    labs = np.array(cells.domain_names)[cells.domains]
    provenance = {"train": ["acevedo_20", "raabin"], "method": "boda"} | facts
    return Prediction(table.assign(truth=truth), labs, [cells], COARSE_CLASSES, "models/m.pt", "none", provenance)


def test_the_page_says_the_scores_of_each_laboratory(tmp_path):
    found = prediction()
    path = report.write_prediction(found, tmp_path / "out.csv")
    page = Page(path)
    assert path == tmp_path / "out.html" and {p.name for p in tmp_path.iterdir()} == {"out.html"}
    for laboratory in ("acevedo_20", "<b>x"):
        here = found.laboratories == laboratory
        numbers = [found.table[name][here].map(COARSE_CLASSES.index) for name in ("truth", "predicted")]
        scores = f1_scores(*numbers, 5)
        said = f"F1-macro {scores.macro:.2f} and F1-micro {scores.micro:.2f} on {laboratory} ({here.sum()} images)"
        assert said in page.text and f"{scores.macro:.3f}" in page.text
    assert page.text.count("(the network was trained on it)") == 2 and "BoDA scores F1-macro" in page.text
    titles = [title for level, title in page.headings if level == 2]
    assert titles == ["Confused cells", "Confusion matrices", "Tables", "Calibration", "Provenance"]
    assert len(figures_of(page)) == 1 and "models/m.pt" in page.text


def test_hostile_names_of_laboratories_and_files_are_shown_as_they_are(tmp_path):
    page = Page(report.write_prediction(prediction(), tmp_path / "out.csv"))
    assert "b" not in {tag for tag, _ in page.tags} and len(page.of("script")) == 2
    assert all("onerror" not in attributes for _, attributes in page.tags)
    assert any(HOSTILE in picture["alt"] for picture in page.of("img"))
    data = json.loads(page.scripts[0])
    files = {file for fields in data["fields"].values() for shown in fields.values() for _, _, file in shown}
    assert any(HOSTILE in file for file in files) and any(re.fullmatch(r"slides/cell\d+\.png", file) for file in files)
    assert "</" not in page.scripts[0] and "Laboratory <b>x" in page.text


def test_the_pictures_belong_to_the_rows_with_labels(tmp_path):
    found = prediction(labelled=lambda n: np.arange(n) % 2 == 1)
    page = Page(report.write_prediction(found, tmp_path / "out.csv"))
    data = json.loads(page.scripts[0])
    files = {file for fields in data["fields"].values() for shown in fields.values() for _, _, file in shown}
    assert files and set(files) <= set(found.table.file[1::2])
    assert f"{len(found.table) // 2:,} of {len(found.table):,}" in page.text
    for key, shown in data["fields"]["matrix-unseen0-boda"].items():
        i, j = map(int, key.split("-"))
        rows = found.table.set_index("file").loc[[file for *_, file in shown]]
        assert set(rows.truth) == {COARSE_CLASSES[i]} and set(rows.predicted) == {COARSE_CLASSES[j]}


def test_without_labels_there_is_no_page(tmp_path):
    assert report.write_prediction(prediction(labelled=lambda n: np.zeros(n, bool)), tmp_path / "out.csv") is None
    assert not any(tmp_path.iterdir())


def test_a_page_of_someone_else_is_not_touched(tmp_path):
    (tmp_path / "out.html").write_text("mine")
    with pytest.raises(ValueError, match=r"out\.html was not written by this program"):
        report.write_prediction(prediction(), tmp_path / "out.csv")
    assert (tmp_path / "out.html").read_text() == "mine"


def test_a_network_that_does_not_name_its_method_is_the_network(tmp_path):
    page = Page(report.write_prediction(prediction(method=None, train=None), tmp_path / "out.csv"))
    assert "The network scores F1-macro" in page.text and "was trained on it" not in page.text
