"""What a step sees of a frozen network: its features of a few views of each image, computed once."""

import hashlib
from collections.abc import Callable
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor
from tqdm.auto import tqdm

from wbc_tutorial.data.cell_images import CellImages
from wbc_tutorial.models import Classifier
from wbc_tutorial.training.batches import as_tensor

__all__ = ["N_VIEWS", "FrozenViews"]

N_VIEWS = 2
"""The image as it is, and one drawn by the augmentation: each view costs as much as all the rest."""

_CHUNK = 256


class FrozenViews:
    """The frozen features of all training images, (views, N, k) in float16, from which batches are drawn.

    They are computed on the model's device and kept on the processor.

    What the augmentation draws for an image depends on its pixels and on the number of the view, not on the images
    beside it: so another fold of the same images finds the features on disk. Another method of the same fold, in the
    same process, takes them as they are.

    Parameters
    ----------
    model : Classifier
        With a trunk.
    cells : CellImages
    augmentation : callable or None
        ``(images, generator) -> images``; None = one view, the image as it is.
    progress : str, default=None
        Label of a progress bar; None = no bar.
    """

    _last: ClassVar[tuple[tuple, Tensor] | None] = None  # what the last features were computed from, and these

    def __init__(
        self, model: Classifier, cells: CellImages, augmentation: Callable | None, progress: str | None = None
    ):
        assert model.trunk is not None
        n_views = 1 if augmentation is None else N_VIEWS
        device = next(model.parameters()).device
        source = model.trunk.identity, str(device), cells.digest(), augmentation, model.normalise
        if FrozenViews._last is not None and _same(source, FrozenViews._last[0]):
            self.values = FrozenViews._last[1]
            return
        self.values = torch.as_tensor(np.empty((n_views, len(cells), model.trunk.n_features), np.float16))
        bar = tqdm(total=n_views * len(cells), desc=progress, disable=progress is None, leave=False)
        for start in range(0, len(cells), _CHUNK):
            pixels = cells.images[start : start + _CHUNK]
            for view in range(n_views):
                images = as_tensor(pixels)
                if view and augmentation is not None:
                    seeds = [int.from_bytes(hashlib.blake2b(each.tobytes(), digest_size=7).digest()) for each in pixels]
                    drawn = [torch.Generator().manual_seed(seed + view) for seed in seeds]
                    images = torch.cat([augmentation(images[[i]], each) for i, each in enumerate(drawn)])
                images = images.to(device)
                if model.normalise is not None:
                    images = model.normalise(images)
                self.values[view, start : start + len(pixels)] = model.trunk.remembered(images)
                bar.update(len(pixels))
        bar.close()
        FrozenViews._last = source, self.values

    def batch(self, rows, generator: torch.Generator) -> Tensor:
        """Features (n, k) in float32 of these rows, each from a view drawn at random."""
        views = torch.randint(len(self.values), (len(rows),), generator=generator)
        return self.values[views, torch.as_tensor(rows)].float()


def _same(source: tuple, other: tuple) -> bool:
    """Compare names by their value and functions by what they are."""
    return source[:3] == other[:3] and all(one is two for one, two in zip(source[3:], other[3:], strict=True))
