"""Checks of what is given: one line that says what it was and what was expected."""

import operator
import os
from pathlib import Path

__all__ = ["number_between", "path_of", "whole_number"]


def whole_number(name: str, value, *, least: int = 0, what: str = "a whole number") -> int:
    """Return a whole number as `int`, or say in one line what is wrong with it.

    Parameters
    ----------
    name : str
        What the number is called where it was given.
    value : int
        Whole numbers of numpy count; text, fractions and truth values do not.
    least : int, default=0
        The smallest that is possible.
    what : str, default="a whole number"
        What is expected, for the error.

    Raises
    ------
    ValueError

    Examples
    --------
    >>> whole_number("size", 64, least=8)
    64
    >>> whole_number("size", "128", least=8, what="a whole number of pixels")
    Traceback (most recent call last):
    ValueError: size is '128': expected a whole number of pixels, 8 or more
    """
    try:
        number = None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = None
    if number is None or number < least:
        raise ValueError(f"{name} is {value!r}: expected {what}, {least} or more")
    return number


def number_between(name: str, value, low: float, high: float, unit: str) -> float:
    """Return a number as `float`, or say in one line that it is none, or too small or too large.

    Parameters
    ----------
    name : str
        What the number is called where it was given.
    value : float
    low, high : float
        The smallest and the largest that are possible.
    unit : str
        Of the three, for the error.

    Raises
    ------
    ValueError

    Examples
    --------
    >>> number_between("field_um", 25, 1, 40, "micrometres")
    25.0
    """
    if isinstance(value, str | bool) or not hasattr(value, "__float__") or not low <= float(value) <= high:
        raise ValueError(f"{name} is {value!r}: expected {low:g} to {high:g} {unit}")
    return float(value)


def path_of(name: str, value: str | Path) -> Path:
    """Return a path, or say in one line that this is none.

    Parameters
    ----------
    name : str
        What the path is called where it was given.
    value : str or Path

    Raises
    ------
    ValueError

    Examples
    --------
    >>> path_of("folder", 3)
    Traceback (most recent call last):
    ValueError: folder is 3: expected a path, such as "data/my_laboratory"
    """
    if not isinstance(value, str | os.PathLike) or isinstance(os.fspath(value), bytes):
        raise ValueError(f'{name} is {value!r}: expected a path, such as "data/my_laboratory"')
    return Path(value)
