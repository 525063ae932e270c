"""DANN: gradient reversal and the loss of a discriminator that names the domain."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from wbc_tutorial.losses.checks import check_batch, check_number, check_range

__all__ = ["domain_adversarial_loss", "reversal_strength", "reverse_gradient"]


class _Reversal(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, strength):
        ctx.strength = strength
        return x.view_as(x)

    @staticmethod
    def backward(ctx, gradient):
        return -ctx.strength * gradient, None


def reverse_gradient(x: Tensor, strength: float) -> Tensor:
    r"""Pass `x` on unchanged; multiply its gradient by :math:`-\mathrm{strength}` on the way back.

    What comes after learns to tell domains apart, what comes before to prevent it; strength 0 lets nothing back.

    Parameters
    ----------
    x : Tensor, any shape
    strength : float

    Raises
    ------
    ValueError
        A strength that is negative or not finite.

    References
    ----------
    Ganin, Lempitsky. Unsupervised domain adaptation by backpropagation. ICML 2015.

    Examples
    --------
    >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
    >>> reverse_gradient(x, 0.5).sum().backward()
    >>> x.grad
    tensor([-0.5000, -0.5000])
    """
    check_number("strength", strength, zero=True)
    return _Reversal.apply(x, strength)


def reversal_strength(progress: float) -> float:
    r"""Return how strongly to reverse gradients at `progress` p in [0, 1]: :math:`2/(1+e^{-10p}) - 1`.

    Raises
    ------
    ValueError
        A progress outside [0, 1].

    Examples
    --------
    >>> [round(reversal_strength(p), 6) for p in (0, 0.1, 1)]
    [0.0, 0.462117, 0.999909]
    """
    if not 0 <= progress <= 1:
        raise ValueError(f"progress: got {progress!r}, expected a number from 0 (first step) to 1 (last step)")
    return 2 / (1 + math.exp(-10 * progress)) - 1


def domain_adversarial_loss(domain_logits: Tensor, domains: Tensor) -> Tensor:
    r"""Return the discriminator's cross-entropy: :math:`-\frac1N \sum_i \log \mathrm{softmax}(o_i)_{d_i}`.

    Parameters
    ----------
    domain_logits : Tensor, shape (N, D)
        The discriminator's output on features that went through `reverse_gradient`.
    domains : Tensor of int64, shape (N,)
        In 0..D-1.

    Returns
    -------
    Tensor, shape (); 0 with a graph for an empty batch, log D for a discriminator that knows nothing

    Raises
    ------
    ValueError
        A domain outside 0..D-1; shapes or dtypes that do not fit together.

    References
    ----------
    Ganin et al. Domain-adversarial training of neural networks. JMLR 2016.

    Examples
    --------
    >>> round(domain_adversarial_loss(torch.zeros(4, 2), torch.tensor([0, 0, 1, 1])).item(), 6)
    0.693147
    """
    logits, domains = check_batch(domain_logits, domains=domains)
    check_range("domains", domains, logits.shape[1])
    return F.cross_entropy(logits, domains, reduction="sum") / max(1, len(logits))
