"""When a number is right: one rule of rounding for all exercises, and hints for the mistakes that are known.

The rule: an answer is right when it is the solution, written with two digits or more. For 5/12 = 0.41666... these are
right: 5/12, 0.41667, 0.417 and 0.42; these are not: 0.4 (one digit), 0.41 (cut off, not rounded) and 0.415. What a
learner's function returns needs three digits. Where a share is asked, the same in per cent is right too.
"""

import math
from collections.abc import Callable

from wbc_tutorial.course.exercises.feedback import Feedback, hint, right
from wbc_tutorial.course.exercises.reading import numbers_in, what_came

__all__ = ["NEARLY", "agrees", "compare", "nearly", "recognise"]

NEARLY = "Very near. Was a number rounded on the way? Compute with all digits, and round only the result."


def agrees(value: float, solution: float, digits: int = 2) -> bool:
    """Say whether a value is the solution, rounded to `digits` significant digits or more.

    Parameters
    ----------
    value, solution : float
    digits : int, default=2
        The fewest significant digits that are enough: 2 or 3.

    Examples
    --------
    >>> [value for value in (5 / 12, 0.417, 0.42, 0.4, 0.41, 0.415) if agrees(value, 5 / 12)]
    [0.4166666666666667, 0.417, 0.42]
    """
    if solution == 0:
        return abs(value) < 5e-4
    third = 10.0 ** (math.floor(math.log10(abs(solution))) - 2)  # one unit of the third significant digit
    distance, slack = abs(value - solution), 1e-4 * third
    if distance <= third / 2 + slack:
        return True
    steps = value / (10 * third)
    has_two_digits = abs(steps - round(steps)) < 1e-4
    return digits <= 2 and has_two_digits and distance <= 5 * third + slack


def nearly(value: float, solution: float) -> bool:
    """Say whether a value is within two per cent of the solution, as one that was rounded on the way may be."""
    return abs(value - solution) <= 0.02 * abs(solution)


def compare(
    answer,
    solution: float | tuple[float, ...],
    praise: str,
    *,
    mistakes: list[tuple],
    otherwise: str | Callable[..., str],
    expected: str = "Expected one number.",
    shares: bool | tuple[bool, ...] = False,
) -> Feedback:
    """Compare one number or several with the solution, and with what comes out of the known mistakes.

    Parameters
    ----------
    answer : object
        Any form that `numbers_in` reads.
    solution : float or tuple of float
    praise : str
        Why the answer is right.
    mistakes : list of (float or tuple of float, str)
        What a mistake yields, and the hint for it.
    otherwise : str or callable
        The hint for all other numbers, or a function of the numbers that returns it.
    expected : str, default="Expected one number."
        The hint for what holds no such numbers.
    shares : bool or tuple of bool, default=False
        Whether each number is a share, which is right in per cent too.
    """
    solutions = _tuple(solution)
    values = numbers_in(answer, len(solutions))
    if values is None:
        return hint(f"{expected} {what_came(answer)}")
    shares = _tuple(shares) * (1 if isinstance(shares, tuple) else len(solutions))

    def all_agree(others) -> bool:
        return all(agrees(v, o) for v, o in zip(values, _tuple(others), strict=True))

    if all_agree(solutions):
        return right(praise + (_word(values, shares) if isinstance(answer, str) and _per_cent(answer) else ""))
    as_shares = tuple(
        v / 100 if share and agrees(v / 100, s) else v for v, s, share in zip(values, solutions, shares, strict=True)
    )
    if all(agrees(v, s) for v, s in zip(as_shares, solutions, strict=True)):
        return right(praise + _word(as_shares, shares))
    for mistake, text in mistakes:
        if all_agree(mistake):
            return hint(text)
    if all(nearly(v, s) for v, s in zip(values, solutions, strict=True)):
        return hint(NEARLY)
    return hint(otherwise(*values) if callable(otherwise) else otherwise)


def _tuple(values) -> tuple:
    return values if isinstance(values, tuple) else (values,)


def _per_cent(text: str) -> bool:
    return "%" in text or "cent" in text.lower()


def _word(values: tuple[float, ...], shares: tuple[bool, ...]) -> str:
    """Say what an answer in per cent is as a share."""
    written = " and ".join(f"{value:.3g}" for value, share in zip(values, shares, strict=True) if share)
    return f" You answered in per cent; as a share between 0 and 1 it is {written}." if written else ""


def recognise(same: Callable[[str], bool], praise: str, *, mistakes: list[tuple[str, str]], otherwise: str) -> Feedback:
    """Say right when ``same("")``, else give the hint of the first named mistake for which `same` holds."""
    if same(""):
        return right(praise)
    return hint(next((text for mistake, text in mistakes if same(mistake)), otherwise))
