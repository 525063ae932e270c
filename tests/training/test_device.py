"""The choice of the device and of the precision, on machines that are not here: what torch says of them is replaced."""

import contextlib
import random
import re

import numpy as np
import pytest
import torch
from support.places import ROOT

from wbc_tutorial.training import device as module
from wbc_tutorial.training.device import Device, card_name, choose_device, peak_memory_mb, seed_everything


@pytest.fixture
def machine(monkeypatch):
    """Make this computer look like one with these cards."""

    def look_like(*, capability=None, mps=False, n=1, hip=None):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: capability is not None)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: n if capability else 0)
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device=None: capability)
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda device=None: "a card")
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda *_, **__: hip == "supported")
        monkeypatch.setattr(torch.version, "hip", hip)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)

    return look_like


@pytest.mark.parametrize(
    ("capability", "precision"),
    [((7, 5), "float32"), ((7, 0), "float32"), ((8, 0), "bfloat16"), ((8, 9), "bfloat16"), ((12, 0), "bfloat16")],
)
def test_bfloat16_only_where_the_card_has_it(machine, capability, precision):
    machine(capability=capability)
    assert choose_device() == choose_device("cuda") == Device("cuda", precision)


@pytest.mark.parametrize(("hip", "precision"), [("supported", "bfloat16"), ("6.0", "float32")])
def test_amd_s_cards_answer_for_themselves(machine, hip, precision):
    machine(capability=(9, 0), hip=hip)
    assert choose_device().precision == precision


def test_apple_s_processor_is_chosen_and_trains_in_float32(machine):
    machine(mps=True)
    assert choose_device() == Device("mps", "float32") and choose_device().type == "mps"
    assert "Apple" in card_name()


def test_an_nvidia_card_comes_before_apple_s_and_the_processor_last(machine):
    machine(capability=(8, 0), mps=True)
    assert choose_device().type == "cuda" and card_name() == "a card"
    machine()
    assert choose_device() == Device("cpu") and card_name() == "no graphics card"


def test_one_of_several_cards(machine):
    machine(capability=(8, 0), n=2)
    assert choose_device("cuda:1").name == "cuda:1" and choose_device(torch.device("cuda", 1)).name == "cuda:1"
    with pytest.raises(ValueError, match=r"device 'cuda:2' is not available on this computer; there is cpu, cuda"):
        choose_device("cuda:2")


@pytest.mark.parametrize("name", ["gpu", "", "cuda:x", 0, 1.5, True, ["cpu"]])
def test_what_is_no_device_is_refused(name):
    with pytest.raises(ValueError, match=rf"device is {re.escape(repr(name))}; expected 'cpu', 'cuda' or 'mps'"):
        choose_device(name)


@pytest.mark.parametrize("name", ["cuda", "mps", "meta", Device("cuda", "bfloat16")])
def test_a_device_that_is_not_here_is_refused_also_when_another_computer_chose_it(machine, name):
    machine()
    with pytest.raises(ValueError, match="is not available on this computer; there is cpu"):
        choose_device(name)


def test_a_device_keeps_its_precision(machine):
    machine(capability=(8, 0))
    assert choose_device(Device("cuda", "float32")).precision == "float32"


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_autocast_is_on_for_bfloat16_alone(precision):
    layer, x = torch.nn.Linear(3, 3), torch.rand(2, 3)
    with Device("cpu", precision).autocast():
        assert str(layer(x).dtype) == f"torch.{precision}"
        with module.without_autocast(x.device):
            assert layer(x).dtype == torch.float32


def test_where_torch_has_no_autocast_there_is_none_to_leave(monkeypatch):
    monkeypatch.setattr(torch.amp, "is_autocast_available", lambda kind: False)
    assert isinstance(module.without_autocast(torch.device("mps")), contextlib.nullcontext)
    assert isinstance(Device("mps").autocast(), contextlib.nullcontext)


def test_memory_is_measured_in_mb():
    assert 10 < peak_memory_mb(Device("cpu")) < 1e6


def test_everything_is_seeded():
    drawn = []
    for seed in (3, 3, 4):
        seed_everything(seed)
        drawn.append((random.random(), np.random.rand(), torch.rand(1).item()))  # noqa: NPY002
    assert drawn[0] == drawn[1] and drawn[0] != drawn[2]
    assert torch.are_deterministic_algorithms_enabled() and not torch.backends.cudnn.benchmark


@pytest.mark.parametrize("seed", [-1, 2**32, 1.5, None, "1", True])
def test_seeds_that_are_none(seed):
    with pytest.raises(ValueError, match="expected a whole number from 0 to"):
        seed_everything(seed)


def test_one_file_alone_asks_torch_about_cards_and_names_a_half_precision():
    """Elsewhere a `Device` says it: what is asked in two places is answered in two ways."""
    asks = re.compile(
        r"torch\.cuda|torch\.backends|torch\.mps|torch\.bfloat16|torch\.float16|\.bfloat16\(|\.half\(|GradScaler"
    )
    found = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in (ROOT / "wbc_tutorial").rglob("*.py")
        if path != ROOT / "wbc_tutorial/training/device.py"
        for line in path.read_text(encoding="utf-8").splitlines()
        if asks.search(line)
    ]
    assert found == []
