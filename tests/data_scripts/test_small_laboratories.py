"""The table of recipes in small laboratories."""

import pytest
from rebuild import small_laboratories


@pytest.mark.parametrize("n", small_laboratories.SIZES)
def test_mixes_hold_what_they_say(n):
    alike, clinic, skewed = small_laboratories.mixes(n, seed=300).values()
    assert len(set(alike)) == 1 and sum(alike) <= n and max(clinic) == clinic[8] > 0.45 * sum(clinic)
    assert 0.8 < max(skewed) / sum(skewed) < 0.95 and min(skewed) >= 1


def test_one_laboratory_gives_a_row_for_each_recipe_and_mix(capsys, monkeypatch):
    monkeypatch.setattr(small_laboratories, "SIZES", (60,))
    small_laboratories.main(["--laboratories", "1"])
    printed = capsys.readouterr().out
    assert printed.count("alike") == len(small_laboratories.RECIPES) and "label_spreading" in printed
