"""Answers to "change it and explain": what was measured after a change, and the letter that says why."""

from collections.abc import Mapping

from wbc_tutorial.course.exercises.feedback import Feedback, hint, right
from wbc_tutorial.course.exercises.reading import items, number

__all__ = ["explained", "measured_and_letter"]


def measured_and_letter(answer, n: int, offered: str = "ABCD") -> tuple[tuple[float, ...], str] | Feedback:
    """Read an answer such as ``(12, "B")``: `n` numbers, and one letter; a hint for everything else.

    Parameters
    ----------
    answer : object
        A tuple or list; the letter may stand anywhere in it, in any case. A text such as "12, B" is read too.
    n : int
        How many numbers.
    offered : str, default="ABCD"
        The letters that there are.
    """
    parts = answer.replace(";", ",").strip("()[] ").split(",") if isinstance(answer, str) else items(answer, most=n + 1)
    wanted = f'{"one number" if n == 1 else f"{n} numbers"} and a letter, such as answer = ({"12, " * n}"{offered[0]}")'
    if parts is None or len(parts) != n + 1:
        return hint(f"Expected {wanted}.")
    letters = [part.strip(" '\"").upper() for part in parts if isinstance(part, str) and part.strip(" '\"").isalpha()]
    numbers = [value for part in parts if (value := number(part)) is not None]
    if len(letters) != 1 or len(numbers) != n:
        return hint(f"Expected {wanted}.")
    if letters[0] not in offered or len(letters[0]) != 1:
        return hint(f"Expected one of the letters {offered[0]} to {offered[-1]}.")
    return tuple(numbers), letters[0]


def explained(letter: str, solution: str, praise: str, hints: Mapping[str, str]) -> Feedback:
    """Say right when the letter is the solution's, else what speaks against this explanation.

    Parameters
    ----------
    letter, solution : str
    praise : str
    hints : mapping of str to str
        Wrong letter -> the measurement was right, but this is not why.
    """
    return right(praise) if letter == solution else hint("What you measured is right. " + hints[letter])
