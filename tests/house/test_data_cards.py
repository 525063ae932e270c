"""The data cards: counts, licences and sources are those of the library.

After a change, ``python tests/house/test_data_cards.py`` writes the tables anew.
"""

import sys
from pathlib import Path

import pytest

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support.markdown_tables import found, markdown, write_anew
from support.places import ROOT

from wbc_tutorial.data.classes import CLASSES
from wbc_tutorial.data.laboratories import LABORATORIES, OPEN_SETS

PAGE = ROOT / "docs" / "data_cards.md"


def counts() -> str:
    lines = [["class", *(f"`{name}`" for name in LABORATORIES)]]
    for number, name in enumerate(CLASSES):
        lines.append([name, *(f"{lab.counts[number]:,}" if lab.counts[number] else "-"
                              for lab in LABORATORIES.values())])  # fmt: skip
    lines.append(["**sum**", *(f"{sum(lab.counts):,}" for lab in LABORATORIES.values())])
    coarse = {name: lab.native_counts for name, lab in OPEN_SETS.items() if lab.native_counts}
    second = [["coarse class", *(f"`{name}`" for name in coarse)]]
    each = [{label.lower(): n for label, n in numbers.items()} for numbers in coarse.values()]
    second += [[name, *(f"{numbers[name]:,}" for numbers in each)] for name in each[0]]
    second.append(["**sum**", *(f"{sum(numbers.values()):,}" for numbers in each)])
    return f"{markdown(lines)}\n\n{markdown(second)}"


def facts() -> str:
    lines = [["laboratory", "image", "stain, device", "licence", "cite", "source"]]
    for name, lab in (LABORATORIES | OPEN_SETS).items():
        width, height = lab.image_px
        scale = f", {lab.px_per_um:g} px/µm" if lab.px_per_um else ", scale not stated"
        source = f"<{lab.source}>" if lab.source.startswith("http") else f"`{lab.source}`"
        lines.append([f"`{name}`: {lab.title}", f"{width} x {height} px{scale}", f"{lab.stain}; {lab.scanner}",
                      lab.licence, lab.citation, source])  # fmt: skip
    return markdown(lines)


TABLES = [counts, facts]


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.__name__)
def test_the_cards_say_what_the_library_says(table):
    assert found(PAGE, table.__name__) == table(), "run `python tests/house/test_data_cards.py` to write it anew"


def test_every_laboratory_has_its_traps_and_the_one_without_a_licence_says_so():
    traps = PAGE.read_text(encoding="utf-8").split("## Traps")[1]
    for name in LABORATORIES | OPEN_SETS:
        assert name in traps, name
    sentence = LABORATORIES["jhu_21"].licence
    assert sentence.startswith("No licence grant was found") and sentence in " ".join(traps.split())


if __name__ == "__main__":
    write_anew(PAGE, TABLES)
