"""Arguments: a command line whose complaints are one line, and the kinds of values that both scripts take."""

import argparse
import math

from real_sets.errors import BadInput
from real_sets.names import printable

__all__ = ["OneLineParser", "comma_list", "positive_number"]


class OneLineParser(argparse.ArgumentParser):
    """A parser whose complaint is one line, like every other complaint here.

    Parameters
    ----------
    examples : str
        Shown at the end of the help text as they are.
    """

    def __init__(self, *, examples: str = "", **options):
        super().__init__(
            formatter_class=argparse.RawDescriptionHelpFormatter,
            epilog=f"examples:\n{examples}" if examples else None,
            allow_abbrev=False,
            **options,
        )

    def error(self, message: str):
        """Raise `BadInput` instead of printing the whole usage."""
        raise BadInput(f"{message}; see {self.prog} --help")


def positive_number(text: str) -> float:
    """Read a finite number above zero, such as ``"0.1"``."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if math.isfinite(value) and value > 0:
        return value
    hint = "; write the decimal point as '.'" if "," in text else ""
    raise argparse.ArgumentTypeError(f"'{printable(text)}' is no number above 0, such as 0.1{hint}")


def comma_list(text: str) -> list[str]:
    """Read names between commas; a name that stands there twice counts once."""
    names = list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if not names:
        raise argparse.ArgumentTypeError(f"'{printable(text)}' names nothing; give names between commas, such as a,b")
    return names
