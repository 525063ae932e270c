"""The README's tables of results are those of the shipped rows, to the last digit."""

import re
from pathlib import Path

import pandas as pd
import pytest

from wbc_tutorial import tables
from wbc_tutorial.methods import METHODS

README = Path(__file__).resolve().parent.parent / "README.md"
FIVE = ("erm", "coral", "dann", "boda", "boda_plus")


def short(value: float, digits: int = 3) -> str:
    return f"{value:.{digits}f}".replace("0.", ".", 1)


def spread(values: pd.Series) -> str:
    return f"{short(values.mean())} ± {short(values.std(ddof=1))}"


def both(frame: pd.DataFrame) -> str:
    return f"{spread(frame.f1_micro)} / {spread(frame.f1_macro)}"


def gap(differences: pd.DataFrame, method: str) -> str:
    if method not in differences.index:
        return ""
    mean, low, high = (
        f"{'+' if differences.loc[method, key] >= 0 else '-'}{short(abs(differences.loc[method, key]))}"
        for key in ("mean", "low", "high")
    )
    return f"{mean} ({low} to {high})"


def markdown(lines: list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(line)} |" for line in (lines[0], ["---"] * len(lines[0]), *lines[1:]))


def simulated() -> str:
    rows = tables.shipped("simulated")
    known, unseen = (tables.per_run(rows, split, ["f1_micro", "f1_macro"]) for split in ("in_domain", "unseen"))
    differences = tables.differences(rows, "unseen")
    lines = [["method", "known: F1-micro / F1-macro", "unseen `sim_mll`", "unseen macro against ERM, 95 % interval",
              "slides: known", "slides: unseen"]]  # fmt: skip
    for method in FIVE:
        slides = [" / ".join(short(v[0], 2) for v in tables.SLIDES[split][method]) for split in tables.SLIDES]
        ours = [both(known.loc[method]), both(unseen.loc[method]), gap(differences, method)]
        lines.append([METHODS[method], *ours, *slides])
    return markdown(lines)


def open5() -> str:
    rows = tables.shipped("open5")
    known, differences = tables.per_run(rows, "in_domain", ["f1_micro", "f1_macro"]), tables.differences(rows, "unseen")
    lines = [["method", "known: F1-micro / F1-macro", "unseen Chula", "unseen BCCD",
              "unseen macro against ERM, 95 % interval"]]  # fmt: skip
    for method in FIVE:
        each = [both(rows[(rows.method == method) & (rows.domain == name)]) for name in ("chula", "bccd")]
        lines.append([METHODS[method], both(known.loc[method]), *each, gap(differences, method)])
    return markdown(lines)


@pytest.mark.parametrize("table", [simulated, open5], ids=lambda table: table.__name__)
def test_the_readme_shows_the_shipped_results(table):
    name = table.__name__
    between = re.search(rf"<!-- {name} -->\n(.*?)\n<!-- end of {name} -->", README.read_text(), re.S)[1]
    assert between == table(), "run `python tests/test_readme_tables.py` to write the tables anew"


if __name__ == "__main__":
    text = README.read_text()
    for made in (simulated, open5):
        name = made.__name__
        head, tail = (f"<!-- {name} -->\n", f"\n<!-- end of {name} -->")
        text = text[: text.index(head) + len(head)] + made() + text[text.index(tail) :]
    README.write_text(text)
