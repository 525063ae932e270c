"""The tables, the paired differences and the words that go with them."""

import numpy as np
import pandas as pd
import pytest

from wbc_tutorial.experiments import tables


def ledger(gaps, methods=("erm", "boda"), domains=("chula", "bccd")):
    """Rows in which each method of run i reads its gap above ERM, which itself differs from run to run."""
    rows = []
    for run in range(len(gaps)):
        for number, method in enumerate(methods):
            for split, names in (("in_domain", ("a", "b", "a+b")), ("unseen", domains)):
                for place, domain in enumerate(names):
                    value = 0.3 + 0.05 * run + 0.1 * place + number * gaps[run]
                    scores = dict.fromkeys(tables.METRICS, value)
                    key = {"method": method, "fold": run % 5, "seed": run // 5, "domain": domain, "split": split}
                    rows.append(key | scores)
    return pd.DataFrame(rows)


def test_differences_are_paired_and_averaged_over_laboratories():
    gaps = np.array([0.02, 0.05, 0.03, 0.04, 0.01])
    line = tables.differences(ledger(gaps)).loc["boda"]
    assert line["mean"] == pytest.approx(gaps.mean()) and line["runs"] == 5
    assert gaps.min() < line["low"] < line["mean"] < line["high"] < gaps.max()
    assert line["high"] - line["low"] < 0.04, "ERM's own spread over runs (.2) must not enter"


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    generator, covered = np.random.default_rng(1), 0
    for _ in range(150):
        line = tables.differences(ledger(generator.normal(0.02, 0.03, 15)), n_resamples=400).loc["boda"]
        covered += line["low"] <= 0.02 <= line["high"]
    assert 0.85 < covered / 150 < 0.99


def test_only_runs_that_both_have_are_compared():
    rows = ledger([0.1, 0.1, 0.1, 0.1, 0.9])
    rows = rows[~((rows.method == "erm") & (rows.fold == 4))]
    line = tables.differences(rows).loc["boda"]
    assert line["mean"] == pytest.approx(0.1) and line["runs"] == 4


def test_without_the_reference_there_is_a_clear_error():
    with pytest.raises(ValueError, match="no unseen row of 'coral' to compare with; there are boda, erm"):
        tables.differences(ledger([0.1]), against="coral")
    assert tables.differences(ledger([0.1], methods=("erm",))).empty


@pytest.mark.parametrize(
    ("gaps", "words"),
    [
        ([0.04, 0.05, 0.06], "reads .050 higher than ERM in F1-macro, 95 % interval +.04"),
        ([0.04, 0.05, 0.06], "it excludes zero, a gain in these runs."),
        ([-0.04, -0.05, -0.06], "it excludes zero, a loss in these runs."),
        ([-0.04, 0.05, 0.0], "it includes zero, so no difference is shown."),
        ([0.2], "in a single run: no interval, so nothing is shown."),
    ],
)
def test_the_sentence_says_what_the_interval_carries(gaps, words):
    assert words in tables.sentence("boda", tables.differences(ledger(gaps)).loc["boda"])


def test_table_pools_known_laboratories_and_keeps_unseen_ones_apart():
    rows = ledger([0.1, 0.2])
    known, unseen = tables.table(rows, "in_domain"), tables.table(rows, "unseen")
    assert known.index.tolist() == [("a+b", "ERM"), ("a+b", "BoDA")]
    assert unseen.index.tolist() == [("bccd", "ERM"), ("bccd", "BoDA"), ("chula", "ERM"), ("chula", "BoDA")]
    erm = rows[(rows.method == "erm") & (rows.domain == "bccd")].f1_macro
    assert unseen.loc[("bccd", "ERM"), "f1_macro"] == f"{erm.mean():.3f} ± {erm.std(ddof=1):.3f}"
    assert unseen.loc[("bccd", "ERM"), "runs"] == 2


def test_beside_the_slides():
    table = tables.beside_slides(ledger([0.1, 0.2]), "unseen")
    assert table.loc["ERM", ("F1-macro", "slides")] == "0.40 ± 0.05"
    assert table.loc["BoDA", ("F1-micro", "slides")] == "0.66 ± 0.05"
    assert table.loc["ERM", ("F1-macro", "here")] == f"{np.mean([0.35, 0.40]):.3f} ± {np.std([0.35, 0.40], ddof=1):.3f}"


def test_the_slides_show_what_the_course_says_of_them():
    """Every alignment method's gap between known and unseen is larger than any difference between methods."""
    macro = {split: {m: v[1][0] for m, v in values.items()} for split, values in tables.SLIDES.items()}
    assert min(macro["in_domain"][m] - macro["unseen"][m] for m in macro["unseen"]) > 0.25
    assert max(macro["unseen"].values()) - min(macro["unseen"].values()) < 0.12
    micro = {m: v[0][0] for m, v in tables.SLIDES["unseen"].items()}
    assert micro["boda_plus"] < micro["boda"] and macro["unseen"]["boda_plus"] > macro["unseen"]["boda"]
