"""DANN: gradient reversal and the loss of a discriminator that names the domain."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from wbc_tutorial.losses.checks import check_batch, check_finite, check_number, check_progress, check_range

__all__ = ["domain_adversarial_loss", "reversal_strength", "reverse_gradient", "unchecked_adversarial_loss"]


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
        A domain outside 0..D-1; a logit that is not finite; shapes, dtypes or devices that do not fit together.

    See Also
    --------
    reverse_gradient : what makes this loss adversarial.
    wbc_tutorial.DANN : both with a discriminator, as a module for the training loop.

    References
    ----------
    Ganin et al. Domain-adversarial training of neural networks. JMLR 2016.

    Examples
    --------
    >>> round(domain_adversarial_loss(torch.zeros(4, 2), torch.tensor([0, 0, 1, 1])).item(), 6)
    0.693147
    """
    logits, domains = check_batch(domain_logits, name="domain_logits", domains=domains)
    check_finite("domain_logits", logits)
    check_range("domains", domains, logits.shape[1])
    return unchecked_adversarial_loss(logits, domains)


def unchecked_adversarial_loss(logits: Tensor, domains: Tensor) -> Tensor:
    """Compute `domain_adversarial_loss` from arguments that are known to be right."""
    return F.cross_entropy(logits, domains, reduction="sum") / max(1, len(logits))


def reverse_gradient(x: Tensor, strength: float) -> Tensor:
    r"""Pass `x` on unchanged; multiply its gradient by :math:`-\mathrm{strength}` on the way back.

    The layers after it learn to tell domains apart. The layers before it learn to prevent that. Strength 0 lets no
    gradient back.

    Parameters
    ----------
    x : floating Tensor, any shape
        Passed on as it is; values that are not finite stay so.
    strength : float
        0 or more; see `reversal_strength`.

    Raises
    ------
    ValueError
        Something else than a floating tensor; a strength that is negative or not finite.

    See Also
    --------
    reversal_strength : how DANN raises the strength during training.

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
    if not (isinstance(x, Tensor) and x.is_floating_point()):
        given = f"a tensor of {x.dtype}" if isinstance(x, Tensor) else f"a {type(x).__name__}"
        raise ValueError(f"x: got {given}, expected a floating tensor; convert with torch.as_tensor(x).float()")
    check_number("strength", strength, zero=True)
    return _Reversal.apply(x, strength)


class _Reversal(torch.autograd.Function):
    """The identity, with another gradient."""

    @staticmethod
    def forward(ctx, x, strength):
        """Pass `x` on."""
        ctx.strength = strength
        return x.view_as(x)

    @staticmethod
    def backward(ctx, gradient):
        """Reverse and scale the gradient for `x`."""
        return -ctx.strength * gradient, None


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
    check_progress(progress)
    return 2 / (1 + math.exp(-10 * progress)) - 1
