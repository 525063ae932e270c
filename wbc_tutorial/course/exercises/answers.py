"""How a check reads an answer: numbers and letters from whatever holds them, and a learner's function that may fail."""

import math
import numbers
from collections.abc import Callable

from wbc_tutorial.course.exercises.verdict import Verdict, hint, right, unanswered

__all__ = [
    "NEARLY",
    "compare",
    "judge",
    "letters_in",
    "near",
    "number",
    "numbers_in",
    "outcome",
    "recognise",
    "rounded",
]

NEARLY = "Very near. Was it rounded on the way? Give three digits."


def number(answer) -> float | None:
    """Return a finite number, also from an array or tensor that holds one; None for everything else."""
    try:
        answer = answer.item() if hasattr(answer, "item") else answer
        if isinstance(answer, bool) or not isinstance(answer, numbers.Real) or not math.isfinite(answer):
            return None
    except Exception:  # an array of several, a whole number beyond all floats, an odd object
        return None
    return float(answer)


def numbers_in(answer, n: int) -> tuple[float, ...] | None:
    """Return `n` finite numbers from a number, list, tuple, array or tensor; None for everything else."""
    try:
        answer = answer.tolist() if hasattr(answer, "tolist") else answer
        values = list(answer) if isinstance(answer, list | tuple) else [answer]
        values = [value.item() if hasattr(value, "item") else value for value in values]
    except Exception:  # an odd object is no number
        return None
    real = [isinstance(value, numbers.Real) and not isinstance(value, bool) for value in values]
    if len(values) != n or not all(real):
        return None
    try:
        found = tuple(float(value) for value in values)
    except OverflowError:  # an integer of hundreds of digits
        return None
    return found if all(map(math.isfinite, found)) else None


def letters_in(name: str, answer, offered: str = "ABCDE") -> set[str] | Verdict:
    """Return the statements that an answer names by letter, from "AC", "a, c" or {"A", "C"}; a hint for all else."""
    try:
        letters = {str(letter).strip().upper() for letter in answer}
    except TypeError:
        return hint(name, f'Expected letters, such as answer = {{"{offered[0]}", "{offered[-1]}"}}.')
    if isinstance(answer, str):
        letters = {letter for letter in answer.upper() if letter.isalpha()}
    if not letters or not letters <= set(offered):
        return hint(name, f"Expected some of the letters {offered[0]} to {offered[-1]}.")
    return letters


def near(value: float, other: float, tolerance: float = 5e-3) -> bool:
    """Say whether two numbers agree to a tolerance, which is relative above 1."""
    return abs(value - other) <= tolerance * max(1.0, abs(other))


def rounded(value: float, solution: float) -> bool:
    """Say whether a value is within two per cent of the solution, as one that was rounded on the way may be."""
    return abs(value - solution) <= max(2e-3, 0.02 * abs(solution))


def compare(
    name: str, answer, solution: tuple[float, ...], praise: str, *, mistakes: list, otherwise: str, expected: str
) -> Verdict:
    """Compare numbers with the solution, to half a per cent, and with what comes out of the common mistakes."""
    if (verdict := unanswered(name, answer)) is not None:
        return verdict
    values = numbers_in(answer, len(solution))
    if values is None:
        return hint(name, expected)

    def all_near(others) -> bool:
        return all(abs(v - o) <= max(2e-3, 5e-3 * abs(o)) for v, o in zip(values, others, strict=True))

    if all_near(solution):
        return right(name, praise)
    for mistake, text in mistakes:
        if all_near(mistake):
            return hint(name, text)
    return hint(name, NEARLY if all(rounded(v, s) for v, s in zip(values, solution, strict=True)) else otherwise)


def judge(name: str, answer, solution: float, praise: str, *, mistakes: list, otherwise: str) -> Verdict:
    """Compare one number as `compare` does several."""
    each = [((mistake,), text) for mistake, text in mistakes]
    return compare(
        name, answer, (solution,), praise, mistakes=each, otherwise=otherwise, expected="Expected one number."
    )


def outcome(
    name: str, function, arguments: list[tuple], read: Callable, *, wanted: str = "one finite number"
) -> list | Verdict:
    """Call a learner's function with each tuple of arguments; a hint when it fails or `read` finds nothing `wanted`."""
    if not callable(function):
        return hint(name, "Expected the function itself: answer = my_function, without brackets.")
    values = []
    for given in arguments:
        try:
            values.append(read(function(*given)))
        except Exception as error:  # any error of a learner's function is a hint
            return hint(name, f"Your function stops with {type(error).__name__}: {str(error).split(chr(10))[0]}")
    if any(value is None for value in values):
        return hint(name, f"Your function should return {wanted}; is there a return at its end?")
    return values


def recognise(
    name: str, same: Callable[[str], bool], praise: str, *, mistakes: list[tuple[str, str]], otherwise: str
) -> Verdict:
    """Say right when ``same("")``, else give the hint of the first named mistake for which `same` holds."""
    if same(""):
        return right(name, praise)
    return hint(name, next((text for mistake, text in mistakes if same(mistake)), otherwise))
