"""The device: where to compute, in which precision, and how a run is made repeatable."""

import os
import random
import sys
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from numbers import Integral

import numpy as np
import torch
import torch.utils.deterministic

__all__ = ["Device", "card_name", "choose_device", "peak_memory_mb", "seed_everything", "without_autocast"]


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
        ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ``"mps"``; None = the best there is. A `Device` keeps its precision.

    Raises
    ------
    ValueError
        A device that is not on this computer.

    See Also
    --------
    seed_everything : make what follows repeatable.

    Examples
    --------
    >>> choose_device("cpu")
    Device(name='cpu', precision='float32')
    """
    if isinstance(name, Device):
        _check_present(torch.device(name.name))
        return name
    if name is None:
        name = next(kind for kind, there in reversed(_present().items()) if there)
    if isinstance(name, bool) or not isinstance(name, str | torch.device):
        raise ValueError(f"device is {name!r}; expected 'cpu', 'cuda' or 'mps'")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ValueError(f"device is {name!r}; expected 'cpu', 'cuda' or 'mps'") from None
    _check_present(device)
    return Device(str(device), "bfloat16" if device.type == "cuda" and _has_bfloat16(device) else "float32")


def _present() -> dict[str, bool]:
    """Say which kinds of device are here, the best one last."""
    return {"cpu": True, "mps": torch.backends.mps.is_available(), "cuda": torch.cuda.is_available()}


def _check_present(device: torch.device) -> None:
    """Raise ValueError unless the device is on this computer."""
    here = _present()
    if not here.get(device.type) or (device.index or 0) >= max(1, torch.cuda.device_count()):
        there = ", ".join(kind for kind, available in here.items() if available)
        raise ValueError(f"device {str(device)!r} is not available on this computer; there is {there}")


def _has_bfloat16(device: torch.device) -> bool:
    """Say whether the card computes in bfloat16 itself; AMD's cards answer by their own support."""
    if torch.version.hip:
        return torch.cuda.is_bf16_supported()
    return torch.cuda.get_device_capability(device) >= (8, 0)


def without_autocast(device: torch.device) -> AbstractContextManager:
    """Return the context in which what follows keeps its own precision, whatever the code around it asked for."""
    return torch.autocast(device.type, enabled=False) if torch.amp.is_autocast_available(device.type) else nullcontext()


def card_name() -> str:
    """Name the graphics card of this computer, or say that there is none."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return "Apple's graphics processor (MPS)" if torch.backends.mps.is_available() else "no graphics card"


def peak_memory_mb(device: Device) -> float:
    """Return the highest memory so far, in MB: on an NVIDIA or AMD card the card's, elsewhere this process's."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device.name) / 1e6
    if sys.platform == "win32":
        import psutil

        return psutil.Process().memory_info().peak_wset / 1e6
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e6 if sys.platform == "darwin" else 1e3)


def seed_everything(seed: int) -> None:
    """Make what follows repeatable: same seed, same machine, same number of threads give the same result.

    Seeds Python, NumPy and torch, and asks torch for deterministic algorithms. Where an operation has none on this
    device, torch says so in a warning and goes on. Between machines, scores differ in the second digit, because sums
    are taken in another order and training amplifies the difference.

    Parameters
    ----------
    seed : int
        0 to 2**32 - 1.

    Raises
    ------
    ValueError
        A seed that is not a whole number in this range.
    """
    if not isinstance(seed, Integral) or isinstance(seed, bool) or not 0 <= seed < 2**32:
        raise ValueError(f"seed is {seed!r}; expected a whole number from 0 to 2**32 - 1")
    seed = int(seed)
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002  (libraries that still draw from NumPy's global generator)
    torch.manual_seed(seed)
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.backends.cudnn.benchmark = False
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # it would only cost time: no empty memory is read
