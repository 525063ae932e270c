"""The tables, the paired differences and the words that go with them."""

import numpy as np
import pandas as pd
import pytest

from wbc_tutorial.evaluation.intervals import paired_interval
from wbc_tutorial.experiments import tables

FIVE = [0.02, 0.05, 0.03, 0.04, 0.01]


def results(gaps, methods=("erm", "boda"), domains=("chula", "bccd")):
    """Rows in which each method of run i scores its gap above ERM, which itself differs from run to run."""
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
    line = tables.differences(results(FIVE)).loc["boda"]
    assert line["mean"] == pytest.approx(np.mean(FIVE)) and line["runs"] == line["folds"] == 5
    assert (line["low"], line["high"]) == pytest.approx(paired_interval(FIVE))
    assert line["high"] - line["low"] < 0.05, "ERM's own spread over runs (.2) must not enter"


def test_the_seeds_of_a_fold_are_averaged_and_not_counted_as_folds():
    gaps = np.random.default_rng(0).normal(0.02, 0.03, 15)
    line = tables.differences(results(gaps)).loc["boda"]
    assert line["runs"] == 15 and line["folds"] == 5
    assert (line["low"], line["high"]) == pytest.approx(paired_interval(gaps.reshape(3, 5).mean(axis=0)))
    assert line["mean"] == pytest.approx(gaps.mean())


def test_only_runs_that_both_have_are_compared():
    rows = results([0.1, 0.1, 0.1, 0.1, 0.9])
    rows = rows[~((rows.method == "erm") & (rows.fold == 4))]
    line = tables.differences(rows).loc["boda"]
    assert line["mean"] == pytest.approx(0.1) and line["runs"] == 4
    apart = rows[((rows.method == "erm") & (rows.fold == 0)) | ((rows.method == "boda") & (rows.fold == 1))]
    line = tables.differences(apart).loc["boda"]
    assert line["runs"] == 0 and np.isnan(line["mean"]) and np.isnan(line["low"])


def test_a_seed_that_is_missing_in_one_fold_is_left_out_there():
    gaps = [*FIVE, *FIVE]
    rows = results(gaps)
    line = tables.differences(rows[~((rows.fold == 3) & (rows.seed == 1))]).loc["boda"]
    assert (line["runs"], line["folds"]) == (9, 5) and line["mean"] == pytest.approx(np.mean(FIVE))


def test_without_the_reference_there_is_a_clear_error():
    with pytest.raises(ValueError, match="no unseen row of 'coral' to compare with; there are boda, erm"):
        tables.differences(results([0.1]), against="coral")
    assert tables.differences(results([0.1], methods=("erm",))).empty


@pytest.mark.parametrize(
    ("gaps", "words"),
    [
        ([0.04, 0.05, 0.06], "BoDA scores .050 higher than ERM in F1-macro, 95 % interval +.025 to +.075 over 3 folds"),
        ([0.04, 0.05, 0.06], "it excludes zero, a gain in these runs."),
        ([-0.04, -0.05, -0.06], "scores .050 lower than ERM"),
        ([-0.04, -0.05, -0.06], "it excludes zero, a loss in these runs."),
        ([-0.04, 0.05, 0.0], "it includes zero, so no difference is shown."),
    ],
)
def test_the_sentence_says_what_the_interval_shows(gaps, words):
    rows = results(gaps)
    said = tables.sentence("boda", tables.differences(rows).loc["boda"])
    assert words in said and tables.sentences(rows) == [said]


@pytest.mark.parametrize("gaps", [[0.2], [0.2, 0.3]])
def test_below_three_folds_one_sentence_for_all_methods_says_that_there_is_no_finding(gaps):
    rows = results(gaps, methods=("erm", "coral", "boda"))
    assert tables.sentence("boda", tables.differences(rows).loc["boda"]) == ""
    (said,) = tables.sentences(rows)
    assert said.startswith("CORAL, BoDA against ERM: fewer than three folds, so a number and no finding")
    assert tables.sentences(rows, against="dann") == []


def test_table_pools_known_laboratories_and_keeps_unseen_ones_apart():
    rows = results([0.1, 0.2])
    known, unseen = tables.table(rows, "in_domain"), tables.table(rows, "unseen")
    assert known.index.tolist() == [("a+b", "ERM"), ("a+b", "BoDA")]
    assert unseen.index.tolist() == [("bccd", "ERM"), ("bccd", "BoDA"), ("chula", "ERM"), ("chula", "BoDA")]
    erm = rows[(rows.method == "erm") & (rows.domain == "bccd")].f1_macro
    assert unseen.loc[("bccd", "ERM"), "f1_macro"] == f"{erm.mean():.3f} ± {erm.std(ddof=1):.3f}"
    assert unseen.loc[("bccd", "ERM"), "runs"] == 2


def test_one_known_laboratory_is_its_own_pool():
    rows = results([0.1])
    rows = rows[~rows.domain.isin(["b", "a+b"])]
    assert tables.filter_split(rows, "in_domain").domain.unique().tolist() == ["a"]


def test_beside_the_slides():
    table = tables.beside_slides(results([0.1, 0.2]), "unseen")
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


def test_results_that_are_not_shipped_are_named_with_those_that_are():
    with pytest.raises(FileNotFoundError, match="no shipped results paper.csv; the package ships "):
        tables.shipped("paper")
    with pytest.raises(ValueError, match="no shipped unseen predictions of 'mixup' in open5"):
        tables.shipped_confusion("open5", "mixup", "unseen", ("basophil",))
