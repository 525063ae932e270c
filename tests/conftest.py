"""What several tests share."""

import json
import sys

import numpy as np
import pandas as pd
import pytest

from wbc_tutorial.data.cell_images import CellImages
from wbc_tutorial.data.classes import COARSE_CLASSES


@pytest.fixture(autouse=True)
def close_figures():
    """Leave no figure open for the next test."""
    yield
    if pyplot := sys.modules.get("matplotlib.pyplot"):
        pyplot.close("all")


@pytest.fixture
def small_laboratories_are_enough(monkeypatch):
    """The laboratories of a test are small; recipes use their images together all the same."""
    from wbc_tutorial.evaluation import adaptation

    monkeypatch.setattr(adaptation, "IMAGES_PER_CLASS", 1)
    monkeypatch.setattr(adaptation, "LARGEST_SHARE", 1.0)


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    """Prepared sets of the four open5 laboratories, 16 px, colour tells the class."""
    folder = tmp_path_factory.mktemp("open5")
    generator = np.random.default_rng(0)
    for number, domain in enumerate(("acevedo_20", "raabin", "chula", "bccd")):
        labels = np.repeat(np.arange(5), [12, 12, 12, 12, 20] if number else [20, 12, 12, 12, 6])
        stack = generator.integers(0, 80, (len(labels), 16, 16, 3)) + 30 * labels[:, None, None, None] + 10 * number
        path = folder / domain
        path.mkdir()
        np.save(path / "images.npy", stack.astype(np.uint8))
        groups = [f"slide{i % 9}" for i in range(len(labels))] if domain == "raabin" else ""
        names = [COARSE_CLASSES[label] for label in labels]
        table = pd.DataFrame({"id": range(len(labels)), "label": names, "domain": domain, "group": groups})
        table.to_csv(path / "cells.csv", index=False)
        (path / "set.json").write_text(json.dumps({"um_per_px": 25 / 16, "digest": domain}))
    return folder


@pytest.fixture(scope="session")
def cells():
    """Two laboratories of three classes, 16 px; the class is the brightness, the second laboratory is darker."""
    generator = np.random.default_rng(0)
    labels = np.tile(np.repeat([0, 1, 2], [12, 8, 4]), 2)
    domains = np.repeat([0, 1], 24)
    light = (90 + 60 * labels - 40 * domains)[:, None, None, None]
    pixels = (light + generator.integers(0, 40, (48, 3, 16, 16))).clip(0, 255)
    return CellImages(pixels.astype(np.uint8), labels, domains, ("a", "b", "c"), ("x", "y"))
