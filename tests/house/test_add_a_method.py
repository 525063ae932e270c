"""The page "add a method": its code is 30 lines or fewer, and it runs."""

import re

from support.markdown_tables import found
from support.places import ROOT

import wbc_tutorial as wbc

PAGE = ROOT / "docs" / "add_a_method.md"


def code_of_the_page():
    return re.search(r"```python\n(.*?)```", found(PAGE, "code") + "\n", re.S)[1]


def test_the_code_is_30_lines_or_fewer():
    lines = [line for line in code_of_the_page().splitlines() if line.strip()]
    assert 15 < len(lines) <= 30 and max(map(len, lines)) <= 100


def test_the_code_runs_and_prints_an_interval(monkeypatch, capsys):
    """As it stands, but for fewer cells, steps and folds."""
    counts = {
        name: [6 if n else 0 for n in wbc.LABORATORIES[name].counts] for name in wbc.LABORATORIES if "sim" in name
    }
    few = wbc.load_simulated(counts=counts, size=16)
    monkeypatch.setattr(wbc, "load_simulated", lambda: few)
    code, n = re.subn(r"^STEPS, FOLDS, WEIGHT = 500, 5, 1\.0$", "STEPS, FOLDS, WEIGHT = 2, 3, 1.0",
                      code_of_the_page(), flags=re.M)  # fmt: skip
    assert n == 1
    exec(compile(code, str(PAGE), "exec"), {})
    assert re.match(r"F1-macro against ERM: [+-]\d\.\d{3}, 95 % interval [+-]\d\.\d{3} to [+-]\d\.\d{3}",
                    capsys.readouterr().out)  # fmt: skip
