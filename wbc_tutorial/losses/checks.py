"""Checks that the losses share: tensors of the right kind and shape, numbers in range, one clear error.

The public losses look at every value. The alignment modules of the training loop call the arithmetic below the checks
(`unchecked_coral_loss` and the like): looking at a value on a graphics card makes the program wait for the card.
"""

import math
from numbers import Real

import torch
from torch import Tensor

__all__ = [
    "as_table",
    "check_batch",
    "check_finite",
    "check_number",
    "check_progress",
    "check_range",
    "readable",
    "wide",
]


def wide(device: torch.device) -> torch.dtype:
    """Return the widest floating dtype of the device: float64, except on Apple's MPS, which has none."""
    return torch.float32 if device.type == "mps" else torch.float64


def readable(values: Tensor) -> bool:
    """Say whether looking at the values costs nothing: on a graphics card the program would wait for the card."""
    return values.device.type == "cpu"


def check_batch(features: Tensor, *, name: str = "features", **ids: Tensor) -> tuple[Tensor, ...]:
    """Return features as float32 (float64 stays) and every id vector as int64, without looking at their values.

    Parameters
    ----------
    features : Tensor, shape (N, h)
        Floating, with h at least 1; N may be 0.
    name : str, default="features"
        What the error calls them.
    **ids : Tensor of any integer dtype, shape (N,)
        Name -> one number per image, on the same device as `features`.

    Raises
    ------
    ValueError
        For anything else.
    """
    if not isinstance(features, Tensor):
        raise ValueError(
            f"{name}: got {_kind(features)}, expected a floating tensor of shape (N, h); "
            "convert with torch.as_tensor(x, dtype=torch.float32)"
        )
    floating = features.is_floating_point() and features.layout == torch.strided and not features.is_meta
    if not floating or features.ndim != 2 or not features.shape[1]:
        raise ValueError(
            f"{name}: got {_kind(features)}, expected a floating tensor of shape (N, h), one row per image; "
            "pool or flatten it"
        )
    for id_name, values in ids.items():
        _check_ids(id_name, values, features, name)
    features = features if features.dtype == torch.float64 else features.float()
    return features, *(values.to(torch.int64) for values in ids.values())


def _check_ids(name: str, values: Tensor, features: Tensor, features_name: str) -> None:
    """Raise ValueError unless `values` holds one whole number for each row of `features`, on the same device."""
    whole = isinstance(values, Tensor) and not values.is_floating_point() and not values.is_complex()
    if not whole or values.dtype == torch.bool:
        raise ValueError(
            f"{name}: got {_kind(values)}, expected an int64 tensor; convert with torch.as_tensor(x).long()"
        )
    if values.shape != features.shape[:1]:
        raise ValueError(
            f"{name}: got shape {tuple(values.shape)}, expected ({len(features)},): "
            f"one number per row of {features_name}"
        )
    if values.device != features.device:
        raise ValueError(
            f"{name}: on {values.device}, while {features_name} is on {features.device}; "
            f"move it with {name}.to({features_name}.device)"
        )


def as_table(name: str, values, like: Tensor) -> Tensor:
    """Return an array, a tensor or nested lists of numbers as a tensor of the dtype and on the device of `like`."""
    try:
        table = torch.as_tensor(values).detach()
        if not table.is_complex() and table.layout == torch.strided:
            return table.to(like.dtype).to(like.device)  # in this order: MPS takes no float64
    except (TypeError, ValueError, RuntimeError, NotImplementedError):
        pass
    raise ValueError(f"{name}: got {_kind(values)}, expected a table of numbers: a tensor, an array or nested lists")


def check_finite(name: str, values: Tensor) -> None:
    """Raise ValueError, naming the first bad image, unless every value is finite."""
    finite = values.isfinite().all(1)
    if not finite.all():
        bad = (~finite).nonzero()[:, 0]
        raise ValueError(
            f"{name}: image {bad[0].item()} holds nan or inf ({len(bad)} of {len(values)} images do), expected finite "
            "numbers; if training diverged, lower the learning rate"
        )


def check_range(name: str, values: Tensor, n: int) -> None:
    """Raise ValueError unless every value lies in 0..n-1."""
    if len(values) and not 0 <= values.min() <= values.max() < n:
        low, high = values.min().item(), values.max().item()
        raise ValueError(f"{name}: got {low}..{high}, expected 0..{n - 1}; renumber them or enlarge the table")


def check_number(name: str, value: float, *, zero: bool) -> None:
    """Raise ValueError unless `value` is finite and positive (or zero, where `zero` allows it)."""
    real = isinstance(value, Real) and not isinstance(value, bool)
    if not (real and math.isfinite(value) and (value > 0 or (zero and value == 0))):
        raise ValueError(f"{name}: got {value!r}, expected a finite number {'>= 0' if zero else '> 0'}")


def check_progress(value: float, name: str = "progress") -> None:
    """Raise ValueError unless the progress of training is a number in [0, 1]."""
    if not (isinstance(value, Real) and 0 <= value <= 1):
        raise ValueError(f"{name}: got {value!r}, expected a number from 0 (first step) to 1 (last step)")


def _kind(values) -> str:
    """Describe an argument in a few words: its type, and dtype, shape and device where it has them."""
    if isinstance(values, Tensor):
        place = "" if values.device.type == "cpu" else f" on {values.device}"
        return f"{values.dtype} {tuple(values.shape)}{place}"
    if hasattr(values, "shape") and hasattr(values, "dtype"):
        return f"an array of {values.dtype} {tuple(values.shape)}"
    return "None" if values is None else f"a {type(values).__name__}"
