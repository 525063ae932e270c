"""Normalisation: light and stain of each image brought to a common standard, and the optical density behind it.

Pure functions on batches of images; each image is treated by itself, so that a laboratory needs no calibration. A
`wbc_tutorial.models.Classifier` takes one of them as its ``normalise``.
"""

import math

import numpy as np
import torch
from torch import Tensor

__all__ = ["grayscale", "light_absorbed", "od_rescale", "optical_density", "reinhard", "white_balance"]

DARKEST = 1 / 255
"""Grey values are clamped here before the logarithm: an 8-bit black has no finite optical density."""


def _checked(images: Tensor) -> Tensor:
    if images.ndim != 4 or not images.is_floating_point():
        raise ValueError(f"images are {images.dtype} {tuple(images.shape)}; expected float (N, 3, S, S) in [0, 1]")
    return images


def optical_density(images: Tensor, darkest: float = DARKEST) -> Tensor:
    """Compute ``OD = -ln I``: where light is absorbed, densities of dyes add (Beer and Lambert).

    This is the natural logarithm, which makes the formulas of the transforms short. Tables of dyes, the simulator's
    among them, state the base 10: ``OD / 2.303``, see `light_absorbed`.

    Parameters
    ----------
    images : float tensor of any shape, in [0, 1]
        Share of the light that comes through.
    darkest : float, default=1/255
        Smaller shares are read as this one.

    Returns
    -------
    float tensor of the same shape
        0 where all light comes through.

    Raises
    ------
    ValueError
        A tensor of whole numbers: divide grey values by 255 first.

    See Also
    --------
    light_absorbed : to base 10, of grey values.

    Examples
    --------
    >>> optical_density(torch.tensor([1.0, 0.5, 0.25]))
    tensor([-0.0000, 0.6931, 1.3863])
    """
    if not images.is_floating_point():
        raise ValueError(f"images are {images.dtype} {tuple(images.shape)}; expected float in [0, 1]")
    return -images.clamp_min(darkest).log()


def light_absorbed(images, background: float = 240) -> np.ndarray:
    """Compute the absorbance ``A = -log10(I / I0)`` of grey values: `optical_density` to base 10.

    One unit means that a tenth of the light comes through. Stain adds in absorbance and multiplies in intensity.

    Parameters
    ----------
    images : array-like of numbers, any shape
        Grey values I. 0 is read as 1.
    background : float, default=240
        Grey value I0 of an empty place. A brighter I absorbs nothing.

    Returns
    -------
    float64 ndarray of the same shape

    Examples
    --------
    >>> light_absorbed([240, 24]).round(6).tolist()
    [0.0, 1.0]
    """
    share = torch.as_tensor(np.asarray(images, dtype=np.float64)).clamp_min(1) / background
    density = optical_density(share, darkest=min(DARKEST, 1 / background))
    return (density / math.log(10)).clamp_min(0).numpy() + 0.0  # + 0.0: no negative zero


def _quantile(images: Tensor, share: float) -> Tensor:
    """Return for each image and channel the value that `share` of the pixels do not exceed, (N, channels, 1, 1)."""
    pixels = images.flatten(2)
    return pixels.kthvalue(max(1, round(share * pixels.shape[2])), dim=2).values[..., None, None]


def white_balance(images: Tensor, share: float = 0.05, white: float = 0.95) -> Tensor:
    """Divide each channel by the light of the empty background, so that the lamp and its colour drop out.

    ``I' = white * I / L`` with L the channel's ``1 - share`` quantile: nothing transmits more than an empty place.

    Parameters
    ----------
    images : float (N, 3, S, S) in [0, 1]
    share : float, default=0.05
        Part of the pixels taken as brighter than background: noise, dust, refraction.
    white : float, default=0.95
        Grey value that the background gets.

    Returns
    -------
    float (N, 3, S, S) in [0, 1]

    Raises
    ------
    ValueError
        No float images of that shape.

    See Also
    --------
    reinhard, od_rescale : take out the stain as well.

    Notes
    -----
    The "white patch" of Land and McCann, "Lightness and retinex theory", J. Opt. Soc. Am. 61 (1971), with a quantile
    in place of the maximum. A crop that shows no background is made too bright: then L is a cell's.

    Examples
    --------
    >>> import torch
    >>> dim = torch.full((1, 3, 4, 4), 0.5)
    >>> round(white_balance(dim).mean().item(), 6)
    0.95
    """
    light = _quantile(_checked(images), 1 - share).clamp_min(DARKEST)
    return (images * (white / light)).clamp(0, 1)


def reinhard(images: Tensor, mean: float = 0.35, spread: float = 0.3) -> Tensor:
    """Give each channel of each image the same mean and spread of optical density.

    ``OD' = mean + spread * (OD - m) / s`` with m and s over the image's pixels: how much dye was taken up, and the
    light, drop out; where the dye sits stays.

    Parameters
    ----------
    images : float (N, 3, S, S) in [0, 1]
    mean, spread : float, default=0.35, 0.3
        Of the optical density afterwards.

    Returns
    -------
    float (N, 3, S, S) in [0, 1]

    Raises
    ------
    ValueError
        No float images of that shape.

    See Also
    --------
    od_rescale : one scale for the three channels, which keeps the hue.

    Notes
    -----
    Reinhard et al., "Color transfer between images", IEEE Comput. Graph. Appl. 21 (2001), in optical density in
    place of the l-alpha-beta space: there dyes add. How much nucleus a crop holds moves m and s too, so that a
    part of the difference between classes is taken out with the stain.

    Examples
    --------
    >>> import torch
    >>> images = 0.2 + 0.6 * torch.rand(2, 3, 8, 8)
    >>> thick = images**1.5  # half as much dye again
    >>> torch.allclose(reinhard(images), reinhard(thick), atol=1e-2)
    True
    """
    density = optical_density(_checked(images))
    centred = density - density.mean((2, 3), keepdim=True)
    s = centred.square().mean((2, 3), keepdim=True).sqrt()
    return (-(mean + spread * centred / s.clamp_min(1e-3))).clamp(max=0).exp()


def od_rescale(
    images: Tensor, background: float = 0.25, nucleus: float = 0.97, depth: float = 0.8, empty: float = 0.05
) -> Tensor:
    """Fix two points of each image: the empty background, and how dark a nucleus is.

    ``OD' = empty + depth * (OD - b) / n`` with b the channel's `background` quantile of optical density, and n the
    `nucleus` quantile of ``OD - b`` averaged over the channels. b takes out the light and its colour, n how thick the
    stain and how hazy the picture is; one n for the three channels leaves the dyes their hue.

    Parameters
    ----------
    images : float (N, 3, S, S) in [0, 1]
    background, nucleus : float, default=0.25, 0.97
        Quantiles of optical density: this part of the pixels is lighter.
    depth, empty : float, default=0.8, 0.05
        Optical density of a nucleus above the background, and of the background, afterwards.

    Returns
    -------
    float (N, 3, S, S) in [0, 1]

    Raises
    ------
    ValueError
        No float images of that shape.

    See Also
    --------
    white_balance : the light alone.
    reinhard : mean and spread in place of two quantiles.

    Notes
    -----
    The scaling of stains by a high quantile of Macenko et al., "A method for normalizing histology slides for
    quantitative analysis", ISBI 2009, without their separation into two stains: a Romanowsky stain has more.

    Examples
    --------
    >>> import torch
    >>> images = 0.2 + 0.6 * torch.rand(2, 3, 8, 8)
    >>> hazy = 0.7 * images**0.5  # less light, half the contrast
    >>> torch.allclose(od_rescale(images), od_rescale(hazy), atol=1e-4)
    True
    """
    density = optical_density(_checked(images))
    stained = density - _quantile(density, background)
    scale = _quantile(stained.mean(1, keepdim=True), nucleus).clamp_min(0.05)
    return (-(empty + depth * stained / scale)).clamp(max=0).exp()


def grayscale(images: Tensor) -> Tensor:
    """Give all three channels the mean optical density: how dark a place is stays, its hue goes.

    ``OD'_k = (OD_R + OD_G + OD_B) / 3``. Stain and camera change the colour most, and they leave shape and texture. The
    price: an eosinophil's granules are no longer red.

    Parameters
    ----------
    images : float (N, 3, S, S) in [0, 1]

    Returns
    -------
    float (N, 3, S, S) in [0, 1]

    Raises
    ------
    ValueError
        No float images of that shape.

    Examples
    --------
    >>> import torch
    >>> [f"{value:.2f}" for value in grayscale(torch.tensor([0.8, 0.4, 0.1]).view(1, 3, 1, 1)).flatten()]
    ['0.32', '0.32', '0.32']
    """
    return (-optical_density(_checked(images)).mean(1, keepdim=True).expand_as(images)).exp()
