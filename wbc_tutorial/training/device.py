"""The device: where to compute, in which precision, and how a run is made repeatable."""

import os
import random
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import numpy as np
import torch
import torch.utils.deterministic

__all__ = ["Device", "choose_device", "seed_everything"]


@dataclass(frozen=True)
class Device:
    """A place to compute, and the precision of training there.

    Attributes
    ----------
    name : str
        What torch calls it: ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ``"mps"``.
    precision : {"float32", "bfloat16"}
        Of the network's own arithmetic in training. Losses, and all of evaluation, are float32 or more.
    """

    name: str
    precision: str = "float32"

    @property
    def type(self) -> str:
        """The kind of device: ``"cpu"``, ``"cuda"`` or ``"mps"``."""
        return torch.device(self.name).type

    def autocast(self) -> AbstractContextManager:
        """Return the context in which the network trains; it changes nothing in float32."""
        return torch.autocast(self.type, torch.bfloat16) if self.precision == "bfloat16" else nullcontext()

    def __str__(self) -> str:
        return self.name


def choose_device(name: "str | torch.device | Device | None" = None) -> Device:
    """Choose where to compute: an NVIDIA or AMD card, Apple's graphics processor (MPS), else the processor.

    Training is in bfloat16 only on a card that computes in it natively (NVIDIA from compute capability 8.0 on; Colab's
    T4 has 7.5), otherwise in float32.

    Parameters
    ----------
    name : str, torch.device or Device, default=None
        ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ``"mps"``; None = the best there is.

    Raises
    ------
    ValueError
        A device that is not here.

    Examples
    --------
    >>> choose_device("cpu")
    Device(name='cpu', precision='float32')
    """
    if isinstance(name, Device):
        return name
    if name is None:
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        device = torch.device(name)
    except (RuntimeError, TypeError):
        raise ValueError(f"device is {name!r}; expected 'cpu', 'cuda' or 'mps'") from None
    here = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not here.get(device.type) or (device.index or 0) >= max(1, torch.cuda.device_count()):
        there = ", ".join(each for each, available in here.items() if available)
        raise ValueError(f"device {str(device)!r} is not available on this computer; there is {there}")
    return Device(str(device), "bfloat16" if device.type == "cuda" and _has_bfloat16(device) else "float32")


def _has_bfloat16(device: torch.device) -> bool:
    """Say whether the card computes in bfloat16 itself; AMD's cards answer by their own support."""
    if torch.version.hip:
        return torch.cuda.is_bf16_supported()
    return torch.cuda.get_device_capability(device) >= (8, 0)


def seed_everything(seed: int) -> None:
    """Make what follows repeatable: same seed, same machine, same number of threads give the same result.

    Seeds Python, NumPy and torch, and asks torch for deterministic algorithms. Where an operation has none on this
    device, torch says so in a warning and goes on. Between machines, scores differ in the second digit, because sums
    are taken in another order and training amplifies the difference.

    Parameters
    ----------
    seed : int
        0 to 2**32 - 1.
    """
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002  (libraries that still draw from NumPy's global generator)
    torch.manual_seed(seed)
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.backends.cudnn.benchmark = False
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # it would only cost time: no empty memory is read
