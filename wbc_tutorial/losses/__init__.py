"""The losses: pure functions from features, labels and domains to one number; each whole in one file."""

from wbc_tutorial.losses.boda import REDUCTIONS, boda_loss, scaled_distances
from wbc_tutorial.losses.classification import GroupDRO, Mixup, balanced_softmax, class_weighted, cross_entropy
from wbc_tutorial.losses.coral import coral_loss
from wbc_tutorial.losses.dann import domain_adversarial_loss, reversal_strength, reverse_gradient
from wbc_tutorial.losses.transferability import Transferability, boda_image_bounds, boda_lower_bound, transferability

__all__ = [
    "REDUCTIONS",
    "GroupDRO",
    "Mixup",
    "Transferability",
    "balanced_softmax",
    "boda_image_bounds",
    "boda_loss",
    "boda_lower_bound",
    "class_weighted",
    "coral_loss",
    "cross_entropy",
    "domain_adversarial_loss",
    "reversal_strength",
    "reverse_gradient",
    "scaled_distances",
    "transferability",
]
