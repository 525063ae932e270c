"""A foundation model trained on after its probe: what is trained, which rate is chosen, and what is read for it."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from support.small_sets import write_set

timm = pytest.importorskip("timm", reason="needs the extra: pip install -e '.[foundation]'")

from rebuild import lp_ft as script  # noqa: E402

from wbc_tutorial import models  # noqa: E402
from wbc_tutorial.data.classes import CLASSES  # noqa: E402
from wbc_tutorial.experiments import tables  # noqa: E402

SHAPE = "vit_tiny_patch16_224"


@pytest.fixture(scope="module")
def backbone(tmp_path_factory):
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "random.pth"
    torch.save(timm.create_model(SHAPE, num_classes=0).state_dict(), path)
    return f"frozen:{SHAPE}={path}"


@pytest.fixture(autouse=True)
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("WBC_TUTORIAL_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def data(tmp_path):
    """Prepared sets of fine13, 16 px, ten images of each class in every laboratory."""
    for seed, name in enumerate(("acevedo_20", "jhu_21", "matek_19")):
        labels = [label for label in CLASSES for _ in range(10)]
        write_set(tmp_path / "data" / name, labels, [name] * len(labels), size=16, seed=seed)
    return tmp_path / "data"


def test_the_whole_network_starts_where_the_probe_stands(backbone):
    probe = models.build(backbone, 3).eval()
    whole = script.whole(probe).eval()
    images = torch.rand(4, 3, 20, 20)
    assert torch.allclose(whole(images), probe(images), atol=2e-2)  # the probe's features are kept in float16
    assert not any(each.requires_grad for each in probe.trunk._loaded().parameters())
    assert all(each.requires_grad for each in whole.parameters())


def test_the_rate_is_chosen_on_validation_images_and_the_unseen_laboratory_is_read_once_a_fold(
    data, tmp_path, capsys, monkeypatch, backbone
):
    monkeypatch.setattr(script, "RATES", (1e-6, 1e-4))
    command = ["--data", str(data), "--out", str(tmp_path / "out"), "--target", str(tmp_path)]
    command += ["--backbone", backbone, "--steps", "2"]
    script.main(command)
    rows = pd.read_csv(tmp_path / "lp_ft.csv")
    trials, chosen = rows[rows.stage == "trial"], rows[rows.stage == "chosen"]
    assert set(trials.split) == {"in_domain"} and set(trials.learning_rate) == {1e-6, 1e-4}
    best = trials.learning_rate[trials.f1_macro.idxmax()]
    assert set(chosen.learning_rate) == {best} and set(chosen.fold) == set(range(5))
    assert set(chosen.domain) == {"acevedo_20+jhu_21", "matek_19"} and np.isfinite(chosen.f1_macro).all()
    facts = json.loads((tmp_path / "lp_ft.json").read_text(encoding="utf-8"))
    assert facts["settings"]["chosen"] == best and facts["image_size"] == 16
    again = chosen.query("fold == 0 and split == 'in_domain'").f1_macro.item()
    assert again == pytest.approx(trials[trials.learning_rate == best].f1_macro.item()), "the same seed, the same run"
    capsys.readouterr()
    script.main(command)
    assert "fold" not in capsys.readouterr().out.replace(str(tmp_path), ""), "what is there is not repeated"


def test_the_shipped_trials_are_of_the_rates_and_of_validation_images_alone():
    rows, facts = tables.shipped("lp_ft"), tables.provenance("lp_ft")
    trials = rows[rows.stage == "trial"]
    assert set(trials.split) == {"in_domain"} and set(trials.fold) == {0}
    assert tuple(sorted(trials.learning_rate)) == tuple(sorted(script.RATES)) == tuple(facts["settings"]["rates"])
    assert facts["settings"]["chosen"] == trials.learning_rate[trials.f1_macro.idxmax()]
