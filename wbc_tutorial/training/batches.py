"""What one step sees: a share of every laboratory, as tensors."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from wbc_tutorial.data.cell_images import CellImages
from wbc_tutorial.data.checks import whole_number

__all__ = ["as_tensor", "batches"]


def as_tensor(images: np.ndarray, device: torch.device | str = "cpu") -> Tensor:
    """Turn uint8 images (n, 3, S, S) into float32 in [0, 1] on `device`, channels last (faster convolutions).

    Examples
    --------
    >>> as_tensor(np.full((1, 3, 2, 2), 255, dtype=np.uint8)).max().item()
    1.0
    """
    pixels = torch.as_tensor(np.ascontiguousarray(images)).to(device)
    return pixels.to(memory_format=torch.channels_last).float().div_(255)


def batches(
    cells: CellImages, steps: int, per_domain: int, generator: torch.Generator, class_balanced: bool = False
) -> Iterator[np.ndarray]:
    """Yield `steps` times the rows of a batch: `per_domain` images of every laboratory, one laboratory after another.

    Natural sampling goes through each laboratory in a new random order, again and again. Class-balanced sampling
    draws with weight ``1 / (N[d, c] * classes present in d)``: each class of a laboratory is equally likely.

    Parameters
    ----------
    cells : CellImages
    steps, per_domain : int
    generator : torch.Generator
        On the CPU; it is drawn from as the batches are asked for.
    class_balanced : bool, default=False

    Returns
    -------
    iterator of int64 (laboratories * per_domain,)

    Raises
    ------
    ValueError
        For a laboratory without an image, or a number below 1; at once, not with the first batch.

    Examples
    --------
    >>> images = np.zeros((6, 3, 8, 8), dtype=np.uint8)
    >>> cells = CellImages(images, np.zeros(6, int), np.array([0, 0, 0, 0, 1, 1]), ("a", "b"), ("lab1", "lab2"))
    >>> (rows,) = batches(cells, steps=1, per_domain=2, generator=torch.Generator().manual_seed(0))
    >>> cells.domains[rows].tolist()
    [0, 0, 1, 1]
    """
    whole_number("steps", steps, least=1)
    whole_number("per_domain", per_domain, least=1)
    rows_of = [np.flatnonzero(cells.domains == domain) for domain in range(len(cells.domain_names))]
    empty = [name for name, rows in zip(cells.domain_names, rows_of, strict=True) if not len(rows)]
    if empty or not rows_of:
        rest = ", ".join(repr(name) for name in cells.domain_names if name not in empty)
        raise ValueError(
            f"no training image from {', '.join(empty) or 'any laboratory'}: "
            + (f"keep the others alone with cells.of_domain({rest})" if rest else "check how the cells were selected")
        )
    streams = [_stream(cells, rows, generator, class_balanced) for rows in rows_of]
    return (np.array([next(stream) for stream in streams for _ in range(per_domain)]) for _ in range(steps))


def _stream(
    cells: CellImages, rows: np.ndarray, generator: torch.Generator, class_balanced: bool
) -> Iterator[np.int64]:
    """Yield the rows of one laboratory without end."""
    labels = cells.labels[rows]
    weights = torch.as_tensor(1 / np.bincount(labels)[labels])
    while True:
        if class_balanced:
            chosen = torch.multinomial(weights, len(rows), replacement=True, generator=generator)
        else:
            chosen = torch.randperm(len(rows), generator=generator)
        yield from rows[chosen.numpy()]
