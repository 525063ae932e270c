"""Checks that every loss makes of what comes in: tensors of the right shape, numbers in range, one clear error."""

import math
from numbers import Real

import torch
from torch import Tensor

__all__ = ["check_batch", "check_number", "check_range", "wide"]


def wide(device: torch.device) -> torch.dtype:
    """Return the widest floating dtype of the device: float64, except on Apple's MPS, which has none."""
    return torch.float32 if device.type == "mps" else torch.float64


def check_batch(features: Tensor, **ids: Tensor) -> tuple[Tensor, ...]:
    """Return features as float32 (float64 stays) and every id vector as int64, or say what is wrong with them."""
    if not (isinstance(features, Tensor) and features.is_floating_point() and features.ndim == 2):
        given = f"{features.dtype} {tuple(features.shape)}" if isinstance(features, Tensor) else type(features)
        raise ValueError(f"expected a floating tensor of shape (images, features), got {given}; pool or flatten it")
    for name, values in ids.items():
        whole = isinstance(values, Tensor) and not values.is_floating_point() and not values.is_complex()
        if not whole or values.dtype == torch.bool:
            given = values.dtype if isinstance(values, Tensor) else type(values)
            raise ValueError(f"{name}: expected an int64 tensor, got {given}; convert with torch.as_tensor(x).long()")
        if values.shape != features.shape[:1]:
            raise ValueError(
                f"{name}: got shape {tuple(values.shape)}, expected ({len(features)},): one number per image"
            )
    features = features if features.dtype == torch.float64 else features.float()
    return features, *(values.to(features.device, torch.int64) for values in ids.values())


def check_range(name: str, values: Tensor, n: int) -> None:
    """Raise ValueError unless every value lies in 0..n-1."""
    if len(values) and not 0 <= values.min() <= values.max() < n:
        low, high = values.min().item(), values.max().item()
        raise ValueError(f"{name}: got {low}..{high}, expected 0..{n - 1}; renumber them or enlarge the table")


def check_number(name: str, value: float, *, zero: bool) -> None:
    """Raise ValueError unless `value` is finite and positive (or zero, where `zero` allows it)."""
    if not (isinstance(value, Real) and math.isfinite(value) and (value > 0 or (zero and value == 0))):
        raise ValueError(f"{name}: got {value!r}, expected a finite number {'>= 0' if zero else '> 0'}")
