"""Floor 6, the exercises: every ``check_...`` looks at an answer and gives a hint, by notebook; `progress` sums up."""

from wbc_tutorial.exercises.verdict import Verdict, progress

__all__ = ["Verdict", "progress"]
