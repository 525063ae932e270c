"""Tables in Markdown, and the places in a page where a test holds them to the rows they come from."""

import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd


def short(value: float, digits: int = 3) -> str:
    """Write a score without its leading zero."""
    return f"{value:.{digits}f}".replace("0.", ".", 1)


def spread(values: pd.Series) -> str:
    """Write mean ± standard deviation (ddof = 1)."""
    return f"{short(values.mean())} ± {short(values.std(ddof=1))}"


def share_of_gap(line: pd.Series) -> str:
    """Write a line of `ablation.gap_closed` in per cent, with its interval where it has one."""
    told = f"{100 * line.closed:.0f} %"
    return f"{told} ({100 * line.low:.0f} to {100 * line.high:.0f})" if line.low == line.low else told


def markdown(lines: list[list[str]]) -> str:
    """Write lines of cells as a table; the first line is its head."""
    return "\n".join(f"| {' | '.join(line)} |" for line in (lines[0], ["---"] * len(lines[0]), *lines[1:]))


def found(page: Path, name: str) -> str:
    """Return what stands in a page between the marks of a table."""
    return re.search(rf"<!-- {name} -->\n(.*?)\n<!-- end of {name} -->", page.read_text(encoding="utf-8"), re.S)[1]


def write_anew(page: Path, tables: list[Callable[[], str]]) -> None:
    """Put each table in the place of the page that has its function's name."""
    text = page.read_text(encoding="utf-8")
    for table in tables:
        head, tail = f"<!-- {table.__name__} -->\n", f"\n<!-- end of {table.__name__} -->"
        text = text[: text.index(head) + len(head)] + table() + text[text.index(tail) :]
    page.write_text(text, encoding="utf-8")
