"""Saved models: the same logits after reading, what else is kept, and files that are damaged or foreign."""

import math
import os
import pickle
import zipfile

import numpy as np
import pytest
import torch
from torch import nn

from wbc_tutorial import models
from wbc_tutorial.evaluation.adaptation import predict
from wbc_tutorial.experiments import store
from wbc_tutorial.experiments.recipes import Recipe
from wbc_tutorial.experiments.saved_models import FORMAT, load_model, save_model
from wbc_tutorial.training.loop import fit


def tiny(n_classes=3):
    torch.manual_seed(0)
    return models.small_cnn(n_classes, width=4)


@pytest.mark.parametrize("recipe", ["none", "od_rescale+stain_augment_strong+high_lr", "white_balance+group_norm+t3a"])
def test_a_trained_model_comes_back_with_the_same_logits_to_the_last_bit(cells, tmp_path, recipe):
    model = Recipe(recipe).prepare(tiny())
    fit(model, cells, steps=3, per_domain=6, progress=None)
    save_model(model, tmp_path / "models" / "erm.pt")
    again = load_model(str(tmp_path / "models" / "erm.pt"))
    assert np.array_equal(predict(again, cells), predict(model, cells))
    assert (again.classes, again.recipe) == (cells.classes, str(Recipe(recipe)))
    assert (again.backbone_name, again.n_features, again.n_classes) == ("small_cnn", 32, 3)
    assert not again.training and all(p.requires_grad and p.device.type == "cpu" for p in again.parameters())
    fit(again, cells, steps=2, per_domain=6, progress=None)  # it can be trained on


@pytest.mark.parametrize("backbone", ["resnet18", "efficientnet_lite0"])
def test_other_backbones_are_built_again_without_fetching_anything(tmp_path, backbone, monkeypatch):
    if backbone == "efficientnet_lite0":
        pytest.importorskip("efficientnet_lite_pytorch")
    monkeypatch.setattr("torch.hub.load_state_dict_from_url", lambda *_, **__: pytest.fail("nothing is to be fetched"))
    model = models.build(backbone, 5, pretrained=False).eval()
    save_model(model, tmp_path / "model.pt")
    again, images = load_model(tmp_path / "model.pt"), torch.rand(2, 3, 32, 32)
    assert torch.equal(again(images), model(images)) and again.classes is None and again.recipe == "none"


def test_reading_leaves_the_random_state_and_saving_leaves_the_model(tmp_path):
    model = tiny().train()
    before = {name: values.clone() for name, values in model.state_dict().items()}
    save_model(model, tmp_path / "a.pt")
    assert model.training and all(torch.equal(values, before[name]) for name, values in model.state_dict().items())
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    load_model(tmp_path / "a.pt")
    assert torch.equal(torch.rand(3), expected)


def test_the_file_holds_no_code(tmp_path):
    save_model(tiny(), tmp_path / "a.pt")
    content = torch.load(tmp_path / "a.pt", weights_only=True)
    assert content["format"] == FORMAT and content["options"] == {"width": 4} and content["recipe"] == "none"
    assert all(isinstance(values, torch.Tensor) for values in content["weights"].values())


def test_where_a_model_comes_from_is_kept_as_plain_data(tmp_path):
    facts = {"benchmark": "ラボ", "train": ["a", "b"], "fold": 1, "um_per_px": 25 / 64, "group": None}
    save_model(tiny(), tmp_path / "a.pt", provenance=facts)
    assert load_model(tmp_path / "a.pt").provenance == facts
    save_model(tiny(), tmp_path / "b.pt")
    assert load_model(tmp_path / "b.pt").provenance == {}
    for bad in ({"images": np.zeros(3)}, {"model": nn.Flatten()}, [1], "text"):
        with pytest.raises(ValueError, match="provenance: .*expected a dict"):
            save_model(tiny(), tmp_path / "c.pt", provenance=bad)
    assert not (tmp_path / "c.pt").exists()


def test_a_file_is_replaced_as_a_whole(tmp_path, monkeypatch):
    path = tmp_path / "model.pt"
    save_model(tiny(3), path)
    monkeypatch.setattr(torch, "save", lambda content, file: file.write(b"half") and 1 / 0)
    with pytest.raises(ZeroDivisionError):
        save_model(tiny(4), path)
    assert load_model(path).n_classes == 3 and os.listdir(tmp_path) == ["model.pt"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="Linux has a disk that is always full")
def test_a_full_disk_is_an_error_of_the_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(store.tempfile, "mkstemp", lambda **_: (os.open("/dev/full", os.O_WRONLY), tmp_path / "part"))
    with pytest.raises(OSError, match=r"No space left on device.*model\.pt"):
        save_model(tiny(), tmp_path / "model.pt")


def of_my_own():
    model = tiny()
    model.normalise = lambda images: images
    return model


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (nn.Linear(2, 2), "model: got a Linear, expected a Classifier"),
        (None, "model: got a NoneType"),
        (models.Classifier(nn.Flatten(), 12, 3, (0, 0, 0), (1, 1, 1)), "the model's backbone has no name"),
        (of_my_own(), r"normalisation is not that of its recipe \(none\)"),
    ],
)
def test_what_could_not_be_read_again_is_not_saved(tmp_path, model, message):
    with pytest.raises(ValueError, match=message):
        save_model(model, tmp_path / "model.pt")
    assert not os.listdir(tmp_path)


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(ValueError, match="is a folder; expected the name of a file"):
        save_model(tiny(), tmp_path)
    for path in (tmp_path, tmp_path / "nothing.pt"):
        with pytest.raises(FileNotFoundError, match=r"no model at .*; wbc.save_model\(model, path\) writes one"):
            load_model(path)


class Evil:
    def __reduce__(self):
        return os.mkdir, ("executed",)


def foreign_files(folder):
    """Write a file of each kind that is no saved model, and yield its path."""
    good = folder / "good.pt"
    save_model(tiny(), good)
    whole = good.read_bytes()
    contents = {
        "empty": b"",
        "text": b"not a model\n",
        "cut": whole[: len(whole) // 2],
        "flipped": whole[:200] + bytes(255 - byte for byte in whole[200:600]) + whole[600:],
        "pickle": pickle.dumps(Evil()),
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    np.save(folder / "array.npy", np.zeros(3))
    with zipfile.ZipFile(folder / "zip", "w") as archive:
        archive.writestr("a.txt", "a")
    torch.save(tiny(), folder / "whole module")
    torch.save(tiny().state_dict(), folder / "state dict")
    torch.save([1, 2], folder / "list")
    yield from (folder / name for name in (*contents, "array.npy", "zip", "whole module", "state dict", "list"))


def test_damaged_and_foreign_files_are_one_clear_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for path in foreign_files(tmp_path):
        with pytest.raises(
            ValueError, match=r"damaged, or not a file that wbc.save_model wrote|the format is"
        ) as caught:
            load_model(path)
        assert "\n" not in str(caught.value) and str(path) in str(caught.value) and len(str(caught.value)) < 500
        assert "weights_only" not in str(caught.value)  # torch advises to run the code in the file
    assert not (tmp_path / "executed").exists()


CHANGES = {
    "backbone": ["vgg", None, ["small_cnn"], 3],
    "options": [{}, None, {"width": 10**9}, {"width": "4"}, {"depth": 3}, {"pretrained": True}],
    "n_classes": [4, 10**12, "3", None, math.nan],
    "classes": [["a"], "ab", [1, 2, 3], 7],
    "recipe": ["none+x", None, 3, "group_norm"],
    "provenance": [None, 3, "text"],
    "weights": [{}, None, {"head.weight": torch.zeros(3, 32)}, {"head.weight": "text"}],
}


@pytest.mark.parametrize(
    ("key", "value"), [(key, value) for key, values in CHANGES.items() for value in values], ids=str
)
def test_contents_that_do_not_fit_are_one_clear_line(tmp_path, key, value):
    path = tmp_path / "model.pt"
    save_model(tiny(), path)
    content = torch.load(path, weights_only=True)
    for changed in (content | {key: value}, {name: part for name, part in content.items() if name != key}):
        torch.save(changed, path)
        with pytest.raises(ValueError, match="damaged, or not a file that wbc.save_model wrote") as caught:
            load_model(path)
        assert "\n" not in str(caught.value)


def test_a_file_of_a_later_version_says_so(tmp_path):
    path = tmp_path / "model.pt"
    torch.save({"format": "wbc_tutorial model 2"}, path)
    with pytest.raises(ValueError, match="the format is 'wbc_tutorial model 2'.*install a newer wbc_tutorial"):
        load_model(path)
