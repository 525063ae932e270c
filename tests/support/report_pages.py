"""Made-up results, and a reader of the page that the report makes of them."""

import json
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd

from wbc_tutorial.data.cell_images import CellImages
from wbc_tutorial.data.classes import COARSE_CLASSES
from wbc_tutorial.evaluation.metrics import summary

VOID = {"meta", "img", "br"}
CLOSED = {"circle", "rect", "line"}  # of the drawings, closed where they begin


KNOWN = ("acevedo_20", "raabin")


def cells_of(unseen=("chula",), size=8):
    """Make up two known laboratories of 50 images, and 160 images of each unseen one, all pixels at random."""
    domains = np.repeat(np.arange(2 + len(unseen)), [50, 50] + [160] * len(unseen))
    generator = np.random.default_rng(1)
    pixels = generator.integers(0, 256, (len(domains), 3, size, size), dtype=np.uint8)
    truth = np.random.default_rng(0).integers(0, 4, len(domains))  # class 4 is absent
    return CellImages(pixels, truth, domains, COARSE_CLASSES, (*KNOWN, *unseen))


def results(folder, *, runs=1, methods=("erm", "boda"), unseen=("chula",), features=True, **settings):
    """Make up results on the images of `cells_of`."""
    known, cells = KNOWN, cells_of(unseen)
    domains, truth = np.array(cells.domain_names)[cells.domains], cells.labels
    is_unseen = np.isin(domains, unseen)
    generator = np.random.default_rng(0)
    rows = []
    (folder / "predictions").mkdir(parents=True)
    for fold in range(runs):
        for skill, method in enumerate(methods):
            logits = generator.normal(size=(len(truth), 5)) + (skill + 1) * np.eye(5)[truth]
            for place in [*known, "+".join(known), *unseen]:
                here = np.isin(domains, place.split("+"))
                split = "unseen" if place in unseen else "in_domain"
                key = {"benchmark": "open5", "method": method, "fold": fold, "seed": 0, "domain": place, "split": split}
                rows.append(key | summary(truth[here], logits[here], np.array([200, 50, 5, 5, 0])) | {"version": "0"})
            stored = {"logits": logits, "truth": truth, "domains": domains, "unseen": is_unseen}
            stored |= {"image": np.arange(len(truth), dtype=np.int32)}
            if features:
                stored |= {"features": np.float16(logits), "in_picture": np.full(len(truth), True)}
            np.savez(folder / "predictions" / f"{method}-fold{fold}-seed0.npz", classes=COARSE_CLASSES, **stored)
    facts = {
        "benchmark": "open5",
        "backbone": "small_cnn",
        "steps": 3,
        "recipe": "none",
        "cells": cells.digest(),
    } | settings
    (folder / "settings.json").write_text(json.dumps(facts))
    return pd.DataFrame(rows)


class Page(HTMLParser):
    """Reads a page, and fails where tags do not close in order."""

    def __init__(self, path):
        super().__init__()
        self.open, self.tags, self.headings, self.text, self.scripts = [], [], [], "", []
        self.html = path.read_text(encoding="utf-8")
        self.feed(self.html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID | CLOSED:
            self.open.append(tag)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append([int(tag[1]), ""])

    def handle_endtag(self, tag):
        if tag in CLOSED:
            return
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in ("script", "style"):
            self.scripts += [data] * (self.open[-1] == "script")
            return
        self.text += data
        if self.open and re.fullmatch("h[1-6]", self.open[-1]):
            self.headings[-1][1] += data

    def of(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]


def figures_of(page):
    """The figures among the pictures; the others are cells."""
    return [picture for picture in page.of("img") if picture["src"].startswith("data:image/png;base64,")]
