"""The report: one file that loads nothing, says what the runs show and no more, and is safe to open."""

import json
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from wbc_tutorial import report
from wbc_tutorial.data.classes import COARSE_CLASSES
from wbc_tutorial.evaluation import latent
from wbc_tutorial.evaluation.metrics import summary

HOSTILE = '<script>alert("x")</script>'
VOID = {"meta", "img", "br"}


def ledger(folder, *, runs=1, methods=("erm", "boda"), unseen=("chula",), split="unseen", features=True, **settings):
    """Make up a ledger: two known laboratories (one when one is left out) of 50 images, 160 of each unseen one."""
    known = ("acevedo_20",) if split == "left_out" else ("acevedo_20", "raabin")
    domains = np.repeat([*known, *unseen], [50] * len(known) + [160] * len(unseen))
    is_unseen = np.isin(domains, unseen)
    generator = np.random.default_rng(0)
    truth = generator.integers(0, 4, len(domains))  # class 4 is absent
    rows = []
    (folder / "predictions").mkdir(parents=True)
    for fold in range(runs):
        for skill, method in enumerate(methods):
            logits = generator.normal(size=(len(truth), 5)) + (skill + 1) * np.eye(5)[truth]
            places = [*known, "+".join(known), *unseen] if len(known) > 1 else [*known, *unseen]
            for place in places:
                here = np.isin(domains, place.split("+"))
                part = split if place in unseen else "in_domain"
                key = {"benchmark": "open5", "method": method, "fold": fold, "seed": 0, "domain": place, "split": part}
                rows.append(key | summary(truth[here], logits[here], np.array([200, 50, 5, 5, 0])) | {"version": "0"})
            stored = {"logits": logits, "truth": truth, "domains": domains, "unseen": is_unseen}
            if features:
                stored |= {"features": np.float16(logits), "in_picture": np.full(len(truth), True)}
            np.savez(folder / "predictions" / f"{method}-fold{fold}-seed0.npz", classes=COARSE_CLASSES, **stored)
    facts = {"benchmark": "open5", "backbone": "small_cnn", "steps": 3, "recipe": [], "cells": "abc"} | settings
    (folder / "settings.json").write_text(json.dumps(facts))
    return pd.DataFrame(rows)


class Page(HTMLParser):
    """Reads a page, and fails where tags do not close in order."""

    def __init__(self, path):
        super().__init__()
        self.open, self.tags, self.headings, self.text = [], [], [], ""
        self.html = path.read_text(encoding="utf-8")
        self.feed(self.html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append([int(tag[1]), ""])

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data
        if self.open and re.fullmatch("h[1-6]", self.open[-1]):
            self.headings[-1][1] += data

    def of(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]


@pytest.fixture(autouse=True)
def quick_pictures(monkeypatch):
    """A picture of the first two features in place of UMAP's, which has its own tests."""
    monkeypatch.setattr(latent, "embed", lambda features, **_: np.asarray(features)[:, :2])


def made(folder, **options):
    rows = ledger(folder, **options)
    path, *figures = report.write(folder, rows)
    assert path == folder / "report.html" and all(figure.exists() for figure in figures)
    return Page(path), rows, {figure.name for figure in figures}


def test_page_is_one_file_with_headings_in_order_and_alt_texts(tmp_path):
    page, _, figures = made(tmp_path, runs=2, methods=("erm", "boda", "boda_plus"), unseen=("chula", "bccd"))
    levels = [level for level, _ in page.headings]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in zip(levels, levels[1:], strict=False))
    assert page.of("html") == [{"lang": "en"}]
    pictures = page.of("img")
    assert len(pictures) == 1 + 2 + 3 + 2 + 2  # fall, differences, pairs, calibration, UMAP
    assert all(picture["src"].startswith("data:image/png;base64,") for picture in pictures)
    assert all(len(picture["alt"]) > 30 for picture in pictures)
    loading = [a[k] for _, a in page.tags for k in ("src", "href", "data", "srcset", "action") if k in a]
    assert len(loading) == len(pictures)
    assert not re.search(r"url\(|@import|<(script|link|iframe|object)\b", page.html)
    assert "default-src 'none'" in page.of("meta")[2]["content"]
    assert {
        "fall.png",
        "confusion_erm_known.png",
        "confusion_erm_unseen.png",
        "umap_erm.png",
        "umap_boda.png",
    } < figures
    assert "not for diagnosis" in page.text


def test_tables_have_captions_scopes_and_the_numbers(tmp_path):
    page, rows, _ = made(tmp_path, runs=2, unseen=("chula", "bccd"))
    assert len(page.of("table")) == len(page.of("caption")) == 2 + 2 + 4
    assert {head["scope"] for head in page.of("th")} == {"col", "row", "rowgroup"}
    erm = rows[(rows.method == "erm") & (rows.domain == "bccd")]
    for column in ("f1_macro", "worst_class_recall", "recall_few", "calibration_error"):
        assert f"<td>{erm[column].mean():.3f} ± {erm[column].std():.3f}</td>" in page.html
    assert '<tr><th scope="row">ERM</th>' in page.html and "0.40 ± 0.05" in page.text  # the slides' Table 2
    assert "a reference only" in page.text


def test_slides_stand_beside_their_own_methods_only(tmp_path):
    page, _, _ = made(tmp_path, methods=("mixup", "group_dro"))
    assert "slides" not in page.text and "takes ERM and another method" in page.text


def test_what_is_written_is_escaped(tmp_path):
    page, rows, _ = made(tmp_path, unseen=(f"{HOSTILE}$a$b\\",), data=HOSTILE, recipe=[HOSTILE], **{HOSTILE: "&"})
    assert "script" not in {tag for tag, _ in page.tags}
    assert HOSTILE in page.text and any(HOSTILE in picture["alt"] for picture in page.of("img"))
    assert HOSTILE in report.as_text(rows, simulated=False)


def test_one_run_shows_nothing_and_says_so(tmp_path):
    page, rows, _ = made(tmp_path)
    text = report.as_text(rows, simulated=False)
    for words in (page.text, " ".join(text.split())):
        assert "in a single run: no interval, so nothing is shown." in words
        assert "One run of each method shows no difference" in words and "excludes zero, a" not in words


def test_several_runs_say_whether_the_interval_excludes_zero(tmp_path):
    page, rows, _ = made(tmp_path, runs=3)
    text = " ".join(report.as_text(rows, simulated=False).split())
    for words in (page.text, text):
        assert re.search(r"BoDA reads \.\d{3} higher than ERM in F1-macro, 95 % interval \+.* over 3 runs", words)
        assert "it excludes zero, a gain in these runs." in words
        assert "3 differences all have one sign in 1 of 4 cases" in words
    assert any("Intervals that exclude zero: BoDA." in picture["alt"] for picture in page.of("img"))


def test_methods_without_a_common_run_are_not_subtracted(tmp_path):
    rows = ledger(tmp_path, runs=2)
    rows = rows[(rows.fold == 0) == (rows.method == "erm")]
    report.write(tmp_path, rows)
    assert "BoDA shares no fold and seed with ERM" in Page(tmp_path / "report.html").text
    assert "nan" not in report.as_text(rows, simulated=False)


def test_methods_are_compared_on_the_runs_that_all_have(tmp_path):
    rows = ledger(tmp_path, runs=2)
    report.write(tmp_path, rows[(rows.fold == 0) | (rows.method == "erm")])
    pair = next(p["alt"] for p in Page(tmp_path / "report.html").of("img") if "Confusion matrices, unseen" in p["alt"])
    totals = [int(n) for n in re.findall(r"of (\d+)\)", pair)]
    assert len(totals) == 2 and max(totals) < 60  # of 160 images, not of 320


def test_a_left_out_laboratory_takes_the_place_of_the_unseen(tmp_path):
    page, rows, _ = made(tmp_path, split="left_out", unseen=("raabin",), leave_out="raabin")
    assert "Left-out laboratory, not trained on" in page.text and "--leave-out raabin" in page.text
    assert "Left-out laboratory, not trained on: raabin" in report.as_text(rows, simulated=False)
    fall = next(picture["alt"] for picture in page.of("img") if "then on unseen ones" in picture["alt"])
    assert "nan" not in fall
    known, left = (rows[(rows.method == "erm") & (rows.split == s)].f1_macro.item() for s in ("in_domain", "left_out"))
    assert f"ERM {known:.2f} and {left:.2f}" in fall


def test_an_older_ledger_without_features_has_no_umap(tmp_path):
    page, _, figures = made(tmp_path, features=False)
    assert "keeps no features" in page.text and not any("umap" in name for name in figures)


def test_lost_files_leave_the_tables(tmp_path):
    rows = ledger(tmp_path)
    for path in [*(tmp_path / "predictions").iterdir(), tmp_path / "settings.json"]:
        path.unlink()
    report.write(tmp_path, rows)
    page = Page(tmp_path / "report.html")
    assert len(page.of("img")) == 3 and "no settings.json" in page.text and "not in the folder" in page.text


def test_a_single_method_is_shown_alone(tmp_path):
    page, rows, _ = made(tmp_path, methods=("erm",))
    assert "takes ERM and another method" in page.text and sum("UMAP" in p["alt"] for p in page.of("img")) == 1
    assert "Differences" not in report.as_text(rows, simulated=False)


def test_simulated_cells_are_labelled(tmp_path):
    rows = ledger(tmp_path).assign(benchmark="simulated")
    report.write(tmp_path, rows)
    page = Page(tmp_path / "report.html")
    assert "The cells are simulated." in page.text
    assert all("(simulated cells)" in picture["alt"] for picture in page.of("img"))
    assert "Unseen laboratories (simulated cells): chula" in report.as_text(rows, simulated=True)


def test_the_summary_fits_a_terminal(tmp_path):
    rows = ledger(tmp_path, runs=3, methods=("erm", "boda", "balanced_softmax"))
    text = report.as_text(rows, simulated=True)
    assert max(map(len, text.splitlines())) <= 100
    erm = rows[(rows.method == "erm") & (rows.domain == "chula")].f1_macro
    assert f"{erm.mean():.3f} ± {erm.std():.3f}" in text
