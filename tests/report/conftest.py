"""What the tests of the report share: figures are not drawn unless a test asks for it."""

import io

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from wbc_tutorial.course import plots
from wbc_tutorial.evaluation import latent


@pytest.fixture
def real_figures():
    """Asked for by a test whose figures are to be drawn."""


@pytest.fixture(autouse=True)
def quick_pictures(monkeypatch, request):
    """The first two features in place of UMAP's picture, and one PNG for all figures: both have their own tests."""
    monkeypatch.setattr(latent, "embed", lambda features, **_: np.asarray(features)[:, :2])
    if "real_figures" not in request.fixturenames:
        for name in ("latent_map", "confusion_matrix", "reliability", "fall", "difference_bars"):
            monkeypatch.setattr(plots, name, lambda *_, **__: Figure())
        blank = io.BytesIO()
        Image.new("RGB", (1600, 900), "white").save(blank, "PNG")
        monkeypatch.setattr(plots, "png", lambda figure: plt.close(figure) or blank.getvalue())
