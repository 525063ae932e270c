"""The script that puts trained networks into the package: each can be read, and none is large."""

import pytest
from support.places import SCRIPTS

from wbc_tutorial.experiments.saved_models import load_model, save_model
from wbc_tutorial.models import small_cnn


@pytest.fixture
def ship_networks(monkeypatch, tmp_path):
    """The script as a module, with a folder of its own and networks that are there already."""
    monkeypatch.syspath_prepend(str(SCRIPTS / "rebuild"))
    import ship_networks

    monkeypatch.setattr(ship_networks, "FOLDER", tmp_path / "trained")
    monkeypatch.setattr(ship_networks.runner, "run", lambda settings, methods, out: None)
    for method in ("erm", "coral"):
        save_model(small_cnn(13, width=4), tmp_path / "out" / "models" / f"{method}-fold0-seed0.pt")
    return ship_networks


def test_each_network_is_copied_and_can_be_read(ship_networks, tmp_path):
    written = ship_networks.ship(tmp_path / "out", ("erm", "coral"))
    assert [path.name for path in written] == ["erm.pt", "coral.pt"]
    assert all(load_model(path).n_classes == 13 for path in written)


def test_a_large_network_is_refused(ship_networks, tmp_path, monkeypatch):
    monkeypatch.setattr(ship_networks, "LARGEST", 1000)
    with pytest.raises(ship_networks.BadInput, match="bytes, more than 1,000: too large to be shipped"):
        ship_networks.ship(tmp_path / "out", ("erm",))
    assert not (tmp_path / "trained").exists()
