"""Augmentation in physical terms: what another day, stain, lamp or focus would have made of the same cell."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from wbc_tutorial.transforms.normalisation import optical_density

__all__ = ["augment", "stain_augment", "symmetries"]


def augment(images: Tensor, generator: torch.Generator, stain_jitter: float = 0.1) -> Tensor:
    """Draw for each image one of the square's eight symmetries and another stain.

    A smear has no up or down, so a flip or a quarter turn shows an equally possible cell. Stain is jittered in
    optical density, where dyes add: ``OD' = a OD + b`` per image and channel, that is ``I' = exp(-b) I**a``, with a
    uniform in 1 +- `stain_jitter` and b in +- `stain_jitter` / 2.

    Parameters
    ----------
    images : float (N, 3, S, S) in [0, 1]
    generator : torch.Generator
        On the CPU, whatever the device of the images, so that a GPU draws the same.
    stain_jitter : float, default=0.1
        0 = geometry only.

    Returns
    -------
    float (N, 3, S, S) in [0, 1]

    See Also
    --------
    stain_augment : more effects, and stronger ones.

    Examples
    --------
    >>> augment(torch.rand(2, 3, 8, 8), torch.Generator().manual_seed(0)).shape
    torch.Size([2, 3, 8, 8])
    """
    n = len(images)
    flip_rows, flip_columns, swap = (torch.rand(3, n, 1, 1, 1, generator=generator) < 0.5).to(images.device)
    images = torch.where(flip_rows, images.flip(2), images)
    images = torch.where(flip_columns, images.flip(3), images)
    images = torch.where(swap, images.transpose(2, 3), images)
    if stain_jitter:
        a, b = (torch.rand(2, n, 3, 1, 1, generator=generator) * 2 - 1).to(images.device) * stain_jitter
        images = (optical_density(images) * (1 + a) + b / 2).neg_().exp_().clamp_(max=1)
    return images


def symmetries(images: Tensor) -> list[Tensor]:
    """Return the square's eight symmetries of each image, the image itself first.

    Parameters
    ----------
    images : (N, 3, S, S)

    Returns
    -------
    list of 8 tensors (N, 3, S, S)

    Examples
    --------
    >>> len(symmetries(torch.rand(2, 3, 8, 8)))
    8
    """
    turned = [torch.rot90(images, quarter, (2, 3)) for quarter in range(4)]
    return [view.contiguous(memory_format=torch.channels_last) for view in (*turned, *(v.flip(3) for v in turned))]


def stain_augment(
    images: Tensor,
    generator: torch.Generator,
    *,
    magnification: float = 0.35,
    stain_vectors: float = 0.2,
    uptake: float = 0.4,
    light: float = 0.3,
    blur: float = 1.2,
    noise: float = 0.02,
    share: float = 0.5,
) -> Tensor:
    """Draw for each image another angle, magnification, stain, light, focus and camera noise.

    In the order in which light passes: any rotation and a mirror; magnification ``exp(u)``; dyes mixed and taken up
    otherwise, ``OD' = a (I + E) OD`` with E a random 3 x 3 matrix; the lamp's strength per channel ``exp(v)`` and the
    camera's gamma; a Gaussian blur; Gaussian noise. Every effect but the geometry is drawn for a `share` of the images:
    batch norm must also meet images as they are, or it would take an untouched test image for a foreign one.

    Parameters
    ----------
    images : float (N, 3, S, S) in [0, 1]
    generator : torch.Generator
        On the CPU, whatever the device of the images.
    magnification : float, default=0.35
        u is uniform in +- this.
    stain_vectors : float, default=0.2
        Entries of E are uniform in +- this: the dyes' colours.
    uptake : float, default=0.4
        log a is uniform in +- this: how much dye was taken up; the same for log gamma, half as wide.
    light : float, default=0.3
        v is uniform in +- this, once for the image and half as wide for each channel.
    blur : float, default=1.2
        The standard deviation is uniform in 0 to this, pixels.
    noise : float, default=0.02
        The standard deviation is uniform in 0 to this, of a range of 1.
    share : float, default=0.5
        Part of the images that each effect touches.

    Returns
    -------
    float (N, 3, S, S) in [0, 1]

    See Also
    --------
    augment : symmetries and a little stain only.

    Notes
    -----
    Stain: Tellez et al., "Quantifying the effects of data augmentation and stain color normalization in
    convolutional neural networks for computational pathology", Medical Image Analysis 58 (2019).

    Examples
    --------
    >>> stain_augment(torch.rand(2, 3, 16, 16), torch.Generator().manual_seed(0)).shape
    torch.Size([2, 3, 16, 16])
    """
    n = len(images)
    if not n:
        return images

    def uniform(*shape: int) -> Tensor:
        return (torch.rand(n, *shape, generator=generator) * 2 - 1).to(images.device)

    def some(*shape: int) -> Tensor:
        return (torch.rand(n, *shape, generator=generator) < share).to(images)

    images = _turn(images, math.pi * uniform(), magnification * uniform(), uniform() > 0)
    mix = torch.eye(3, device=images.device) + stain_vectors * uniform(3, 3) * some(1, 1)
    mix = mix * (uptake * uniform(1, 1) * some(1, 1)).exp()
    density = torch.einsum("nij,njhw->nihw", mix, optical_density(images))
    lamp = light * (uniform(1, 1, 1) + 0.5 * uniform(3, 1, 1)) * some(1, 1, 1)
    gamma = (0.5 * uptake * uniform(1, 1, 1) * some(1, 1, 1)).exp()
    images = ((lamp - density) * gamma).clamp(max=0).exp()
    images = _blur(images, blur * (uniform() + 1) / 2 * some(), largest=blur)
    grain = torch.randn(images.shape, generator=generator).to(images.device)
    return (images + noise * (uniform(1, 1, 1) + 1) / 2 * some(1, 1, 1) * grain).clamp(0, 1)


def _turn(images: Tensor, angle: Tensor, log_scale: Tensor, mirrored: Tensor) -> Tensor:
    """Rotate, magnify and mirror; what comes from outside the field is its mirror image."""
    cos, sin, scale = angle.cos(), angle.sin(), (-log_scale).exp()
    sign = torch.where(mirrored, -1.0, 1.0)
    nothing = torch.zeros_like(angle)
    rows = [torch.stack([sign * cos, -sin, nothing], 1), torch.stack([sign * sin, cos, nothing], 1)]
    grid = F.affine_grid(scale[:, None, None] * torch.stack(rows, 1), list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, padding_mode="reflection", align_corners=False)


def _blur(images: Tensor, sigma: Tensor, largest: float | None = None) -> Tensor:
    """Blur each image by its own Gaussian, rows and columns in turn; outside the field lies its mirror image.

    Parameters
    ----------
    images : float (N, C, H, W)
    sigma : float (N,)
        Standard deviations, pixels.
    largest : float, default=None
        The largest that `sigma` may be: the kernel reaches 4 of it (beyond lies less than 1e-4 of a Gaussian), but
        never further than the image. None: the largest of `sigma`.
    """
    if not len(images):
        return images
    reach = math.ceil(4 * (float(sigma.max()) if largest is None else largest))
    rows = _blur_rows(images, sigma, reach)
    return _blur_rows(rows.transpose(2, 3), sigma, reach).transpose(2, 3)


def _blur_rows(images: Tensor, sigma: Tensor, reach: int) -> Tensor:
    """Blur along the last axis, `reach` pixels to both sides or as far as the image goes."""
    n, channels, height, width = images.shape
    reach = min(reach, width - 1)
    offsets = torch.arange(-reach, reach + 1, device=images.device)
    kernel = (-0.5 * (offsets / sigma.clamp_min(0.05)[:, None]) ** 2).exp()
    kernel = (kernel / kernel.sum(1, keepdim=True)).repeat_interleave(channels, 0)[:, None, None, :]
    padded = F.pad(images.reshape(1, n * channels, height, width), (reach, reach, 0, 0), "reflect")
    return F.conv2d(padded, kernel, groups=n * channels).view(n, channels, height, width)
