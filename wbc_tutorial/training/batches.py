"""What one step sees: a share of every laboratory, as tensors."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from wbc_tutorial.data.cell_images import CellImages

__all__ = ["as_tensor", "batches"]


def as_tensor(images: np.ndarray, device="cpu") -> Tensor:
    """Turn uint8 images (n, 3, S, S) into float32 in [0, 1] on `device`, channels last (faster convolutions)."""
    pixels = torch.as_tensor(np.ascontiguousarray(images)).to(device)
    return pixels.to(memory_format=torch.channels_last).float().div_(255)


def batches(
    cells: CellImages, steps: int, per_domain: int, generator: torch.Generator, class_balanced: bool = False
) -> Iterator[np.ndarray]:
    """Yield `steps` times the rows of a batch: `per_domain` images of every laboratory.

    Natural sampling goes through each laboratory in a new random order, again and again. Class-balanced sampling
    draws with weight ``1 / (N[d, c] * classes present in d)``: each class of a laboratory is equally likely.
    """
    rows_of = [np.flatnonzero(cells.domains == domain) for domain in range(len(cells.domain_names))]
    empty = [name for name, rows in zip(cells.domain_names, rows_of, strict=True) if not len(rows)]
    if empty:
        raise ValueError(
            f"no training image from {', '.join(empty)}: leave out the laboratory with cells.of_domain(...)"
        )
    counts = cells.counts

    def endless(domain: int) -> Iterator[int]:
        rows = rows_of[domain]
        weights = torch.as_tensor(1 / counts[domain, cells.labels[rows]])
        while True:
            if class_balanced:
                chosen = torch.multinomial(weights, len(rows), replacement=True, generator=generator)
            else:
                chosen = torch.randperm(len(rows), generator=generator)
            yield from rows[chosen.numpy()]

    streams = [endless(domain) for domain in range(len(rows_of))]
    for _ in range(steps):
        yield np.array([next(stream) for stream in streams for _ in range(per_domain)])
