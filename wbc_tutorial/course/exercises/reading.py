"""How an answer is read: numbers, letters and lists from whatever holds them, and a learner's function that may fail.

Nothing here raises an error for an odd answer, and nothing copies an array before its size is known.
"""

import math
import numbers
import re
import unicodedata
from collections.abc import Callable, Mapping
from decimal import Decimal
from itertools import islice

import numpy as np

from wbc_tutorial.course.exercises.feedback import Feedback, hint, your_turn

__all__ = ["array_in", "call", "items", "letters_in", "number", "numbers_in", "outcome", "what_came"]

_LONGEST = 200  # characters of a text that is read as numbers
_NUMBER = r"[+-]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][+-]?\d{1,3})?"
_TEXT = re.compile(rf"({_NUMBER})(?:\s*/\s*({_NUMBER}))?\s*(%|per\s?cent)?", re.IGNORECASE)


def items(answer, most: int = 100) -> list | None:
    """Return what a list, tuple, set, array, tensor, Series or generator holds, in its order.

    Parameters
    ----------
    answer : object
    most : int, default=100
        More than this many things are not read: the answer is then no answer to an exercise.

    Returns
    -------
    list or None
        None for text, a mapping, and everything that holds nothing or too much.
    """
    if isinstance(answer, str | bytes | Mapping):
        return None
    try:
        if _size(answer) > most:
            return None
        answer = answer.tolist() if hasattr(answer, "tolist") else answer
        found = list(islice(answer, most + 1))
    except Exception:  # an odd object holds nothing
        return None
    return found if len(found) <= most else None


def _size(answer) -> int:
    """Return the number of elements of an array or tensor, without a look at them; 0 for all else."""
    shape = getattr(answer, "shape", None)
    return math.prod(shape) if isinstance(shape, tuple) else 0


def number(answer) -> float | None:
    """Return the finite number that an answer stands for; None for everything else.

    It may be any real number of Python, numpy or torch, a `Fraction`, a `Decimal`, a text such as "0.25", "0,25",
    ".25", "1/4", "25 %" or "25 per cent" (the last two are 0.25), or a list, set or array that holds one of these.
    """
    try:
        value = _unwrapped(answer)
        if isinstance(value, str):
            value = _number_in_text(value)
        if isinstance(value, bool | np.bool_) or not isinstance(value, numbers.Real | Decimal):
            return None
        value = float(value)
    except Exception:  # a whole number beyond all floats, an odd object
        return None
    return value if math.isfinite(value) else None


def _unwrapped(answer):
    """Take a single thing out of the lists and arrays around it."""
    for _ in range(5):
        if isinstance(answer, str | numbers.Number | Decimal):
            return answer
        if _size(answer) == 1 and hasattr(answer, "tolist"):
            answer = answer.tolist()
        elif (held := items(answer, most=1)) is not None and len(held) == 1:
            (answer,) = held
        else:
            return answer
    return answer


def _number_in_text(text: str) -> float | None:
    """Read a text as one number, fraction or percentage; in it a comma is a decimal point."""
    match = _TEXT.fullmatch(_plain(text).strip()) if len(text) <= _LONGEST else None
    if match is None:
        return None
    above, below, per_cent = match.groups()
    value = float(above.replace(",", "."))
    if below:
        value /= float(below.replace(",", "."))
    return value / 100 if per_cent else value


def _plain(text: str) -> str:
    """Write the digits and signs of any script as those of ASCII."""
    digits = "".join(str(unicodedata.decimal(sign, sign)) for sign in text)
    return digits.translate(str.maketrans({"−": "-", "٫": ".", "⁄": "/", "％": "%", "\N{NO-BREAK SPACE}": " "}))


def numbers_in(answer, n: int) -> tuple[float, ...] | None:
    """Return the `n` finite numbers that an answer holds, each in a form that `number` reads; None for all else."""
    if n == 1:
        value = number(answer)
        return None if value is None else (value,)
    if isinstance(answer, str):
        return _numbers_in_text(answer, n)
    if isinstance(answer, set | frozenset):  # it has no first and no second
        return None
    held = items(answer, most=n)
    if held is not None and len(held) == 1:
        held = items(held[0], most=n)  # an array of shape (1, n)
    values = [number(each) for each in held or []]
    return tuple(values) if len(values) == n and None not in values else None


def _numbers_in_text(text: str, n: int) -> tuple[float, ...] | None:
    """Read a text such as "(320, 0.39)", "320; 0,39" or "320 and 0.39"."""
    if len(text) > _LONGEST:
        return None
    for between in (r"\s*;\s*", r"\s*,\s+|\s+and\s+", r"\s+", r","):
        values = [number(part) for part in re.split(between, text.strip(" ()[]\t\n"))]
        if len(values) == n and None not in values:
            return tuple(values)
    return None


def what_came(answer) -> str:
    """Say in one sentence what an answer is that could not be read as numbers."""
    if isinstance(answer, str):
        return "A text is read where it holds numbers, such as '0.5', '0,5', '1/2' or '50 %'."
    if callable(answer):
        return "Your answer is a function: call it, and answer with what it returns."
    if isinstance(answer, float):
        return f"Your answer is {answer}: is there a division by 0?"
    shape = getattr(answer, "shape", None)
    if isinstance(shape, tuple) and shape:
        return f"Your answer has the shape {tuple(shape)}."
    if isinstance(answer, list | tuple | set | frozenset):
        return f"Your answer holds {len(answer)} things."
    return f"Your answer is of the type {type(answer).__name__}."


def letters_in(answer, offered: str = "ABCDE") -> set[str] | Feedback:
    """Return the statements that an answer names by letter; a hint for everything else.

    It may be "AC", "a, c", "A and C", {"A", "C"}, an array of letters, or {"A": True, "B": False, "C": True}.
    """
    if isinstance(answer, Mapping):
        answer = [letter for letter in islice(answer, _LONGEST) if answer[letter] is not ... and bool(answer[letter])]
    words = [answer] if isinstance(answer, str) else items(answer)
    if not words or not all(isinstance(word, str) and len(word) <= _LONGEST for word in words):
        return hint(f'Expected letters, such as answer = {{"{offered[1]}"}}.')
    parts = [part for word in words for part in re.findall(r"[^\W\d_]+", word.upper()) if part != "AND"]
    letters = set("".join(parts))
    if not letters or not letters <= set(offered):
        return hint(f"Expected some of the letters {offered[0]} to {offered[-1]}.")
    return letters


def call(function: Callable, *given):
    """Call a learner's function: return what it returns, or a hint when it fails or returns nothing."""
    if not callable(function):
        return hint("Expected the function itself: answer = my_function, without brackets.")
    try:
        value = function(*given)
    except (Exception, SystemExit) as error:  # any error of a learner's function is a hint
        return hint(f"Your function stops with {type(error).__name__}: {str(error).strip().split(chr(10))[0][:200]}")
    if value is None or value is ...:
        return your_turn("Your function returns nothing yet: replace its ... and end it with return.")
    return value


def outcome(function: Callable, arguments: list[tuple], read: Callable = number, *, wanted: str = "one finite number"):
    """Call a learner's function with each tuple of arguments.

    Parameters
    ----------
    function : callable
    arguments : list of tuple
    read : callable, default=number
        Makes of what the function returns what the check needs; a hint or None where that is impossible.
    wanted : str, default="one finite number"
        What the function should return, in words.

    Returns
    -------
    list or Feedback
        One value for each tuple; a hint as soon as the function fails or `read` returns None.
    """
    values = []
    for given in arguments:
        value = call(function, *given)
        if isinstance(value, Feedback):
            return value
        value = read(value)
        if isinstance(value, Feedback):
            return value
        if value is None:
            return hint(f"Your function should return {wanted}.")
        values.append(value)
    return values


def array_in(value, shape: tuple[int, ...]) -> np.ndarray | Feedback:
    """Return numbers of this shape as a float64 array, from a list, array or tensor; a hint for all else."""
    if not _has_shape(value, shape):
        found = getattr(value, "shape", None)
        found = f"the shape {tuple(found)}" if isinstance(found, tuple) else f"the type {type(value).__name__}"
        return hint(f"Expected an array of shape {shape}; what your function returns has {found}.")
    try:
        value = value.detach().cpu() if hasattr(value, "detach") else value
        return np.asarray(value, dtype=np.float64)
    except Exception:  # texts, an odd object
        return hint(f"Expected numbers, an array of shape {shape}.")


def _has_shape(value, shape: tuple[int, ...]) -> bool:
    """Say whether an array, or a list of lists, has a shape, before anything is copied."""
    if isinstance(found := getattr(value, "shape", None), tuple):
        return tuple(found) == shape
    if not isinstance(value, list | tuple):
        return shape == ()
    return shape != () and len(value) == shape[0] and all(_has_shape(each, shape[1:]) for each in value)
