"""Floor 6, the exercises: every ``check_...`` looks at an answer and gives a hint, by notebook; `progress` sums up."""

from wbc_tutorial.exercises.loop import check_cross_entropy, check_share_of_fall, check_training_step
from wbc_tutorial.exercises.metrics import check_absent_pairs, check_ceiling, check_macro_over_present
from wbc_tutorial.exercises.verdict import Verdict, progress

__all__ = [
    "Verdict",
    "check_absent_pairs",
    "check_ceiling",
    "check_cross_entropy",
    "check_macro_over_present",
    "check_share_of_fall",
    "check_training_step",
    "progress",
]
