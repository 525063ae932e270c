"""The README and docs/results.md: the course is that of the notebooks, every number is that of the shipped rows.

After a change, ``python tests/house/test_readme_tables.py`` writes the tables and sentences anew.
"""

import json
import re
import sys
import textwrap
from pathlib import Path

import pandas as pd
import pytest
from scipy.stats import ttest_ind

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support.markdown_tables import found, markdown, share_of_gap, short, spread, write_anew
from support.places import NOTEBOOKS, ROOT, SCRIPTS

from wbc_tutorial.evaluation.intervals import paired_interval
from wbc_tutorial.evaluation.maturation import error_kinds
from wbc_tutorial.experiments import ablation, tables
from wbc_tutorial.experiments.benchmarks import BENCHMARKS
from wbc_tutorial.experiments.methods import METHODS, RETRAINED
from wbc_tutorial.experiments.recipes import RECOMMENDED_RECIPE

README, RESULTS, FRONT = ROOT / "README.md", ROOT / "docs" / "results.md", ROOT / "docs" / "front_page"
FIVE = ("erm", "coral", "dann", "boda", "boda_plus")
RATE_ALONE = ("none", "high_lr")
"""Recipes that change nothing but the rate, with which the main tables were trained."""
SAME = 0.02
"""Two mean F1-macro that differ by less are called equal in prose."""


def both(frame: pd.DataFrame) -> str:
    micro = spread(frame.f1_micro) if "f1_micro" in frame else "not kept"
    return f"{micro} / {spread(frame.f1_macro)}"


def signed(value: float) -> str:
    return f"{'+' if value >= 0 else '-'}{short(abs(value))}"


def interval(over) -> str:
    """Write a mean and the ends of its interval."""
    return f"{signed(over['mean'])} ({signed(over['low'])} to {signed(over['high'])})"


def gap(differences: pd.DataFrame, method: str) -> str:
    return interval(differences.loc[method]) if method in differences.index else ""


def facts_of(name: str) -> dict:
    return json.loads((FRONT / f"{name}.json").read_text(encoding="utf-8"))


def flowing(text: str) -> str:
    """Wrap a paragraph or a list item as the page does."""
    return textwrap.fill(text, 120, subsequent_indent="  " if text.startswith("- ") else "", break_long_words=False,
                         break_on_hyphens=False)  # fmt: skip


def said(name: str) -> str:
    """Write a class as one says it, as the script that draws the picture does."""
    sys.path[:0] = [str(SCRIPTS / "rebuild"), str(SCRIPTS)]
    try:
        from draw_front_page import readable
    finally:
        del sys.path[:2]
    return readable(name)


def hero() -> str:
    facts = facts_of("one_cell")
    known, wrong = facts["right_in_both_known"], facts["then_wrong_in_the_unseen"]
    cell, n = said(facts["example"]["class"]), f"{facts['cells']:,}"
    return flowing(
        f"*One simulated {cell}, chosen because it is a clear example. The network (ERM, one training) learned in "
        f"laboratories 1 and 2 and never saw laboratory 3. Of {n} fresh cells, {known} are named rightly as "
        f"laboratories 1 and 2 show them; of these, {wrong} ({100 * wrong / known:.0f} %) are named wrongly as "
        "laboratory 3 shows the same cell.*"
    )


def minutes(seconds: float) -> str:
    return "under a minute" if seconds < 50 else f"{seconds / 60:.0f} min"


def costs() -> str:
    facts = facts_of("costs")
    names = {"pip": "pip, as above", "pip_cpu": "pip, CPU build of torch", "uv": "uv"}
    lines = [["way", "disk", "install", "then: first picture", "then: first table on your own folders"]]
    for way in (name for name in names if name in facts["ways"]):
        row = facts["ways"][way]
        taken = [row.get(f"{step}_processor_seconds") for step in ("first_picture", "first_table")]
        steps = ["as with uv" if seconds is None else minutes(seconds) for seconds in taken]  # the same packages
        lines.append([names[way], f"{row['environment_gb']:.1f} GB", minutes(row["install_seconds"]), *steps])
    return f"{markdown(lines)}\n\n" + flowing(
        f"On two quiet processors the main experiment takes {facts['main_experiment_seconds']} s, drawing the cells "
        f"included; all tests take about {minutes(facts['tests_seconds'])}."
    )


def course() -> str:
    lines = [["notebook", "question", "minutes"]]
    for path in sorted(NOTEBOOKS.glob("[0-9]*.ipynb")):
        head = "".join(json.loads(path.read_text(encoding="utf-8"))["cells"][0]["source"])
        title, question = re.search(r"^# (.*)$", head, re.M)[1], re.search(r"^\*([^*].*)\*$", head, re.M)[1]
        taken = re.search(r"(\d+) minutes of reading and (\d+) minutes of exercises", head).groups()
        lines.append([f"[{title.replace(' · ', ' ')}](notebooks/{path.name})", question, " + ".join(taken)])
    return markdown(lines)


def erm(name: str) -> tuple[str, str]:
    """ERM's F1-macro on known and on unseen laboratories, two digits."""
    rows = tables.shipped(name).query("recipe in @RATE_ALONE")
    return tuple(
        short(tables.per_run(rows, split, ["f1_macro"]).loc["erm"].f1_macro.mean(), 2)
        for split in ("in_domain", "unseen")
    )


def listed(line: pd.DataFrame) -> str:
    """Name methods with their mean difference."""
    each = [f"{METHODS[method]} ({signed(mean)})" for method, mean in line["mean"].items()]
    return " and ".join(filter(None, (", ".join(each[:-1]), each[-1])))


def verdicts(name: str, methods: tuple[str, ...] = FIVE[1:]) -> str:
    """Say which methods are shown to gain or to lose against ERM in the unseen laboratory."""
    line = tables.differences(tables.shipped(name).query("recipe in @RATE_ALONE")).loc[list(methods)]
    shown = {"gain": line[line.low > 0], "lose": line[line.high < 0]}
    told = [f"{listed(part)} {verb}{'s' * (len(part) == 1)}" for verb, part in shown.items() if len(part)]
    return ", ".join(told) or "no method is shown to gain or to lose"


def controls() -> pd.DataFrame:
    """Rows on simulated cells, five folds and three seeds: the main methods, their controls and BoDA's settings."""
    return pd.concat([tables.shipped("simulated"), tables.shipped("simulated_variants")])


def the_control() -> str:
    """Say whether what BoDA+ gains comes from the alignment."""
    means = controls().query("split == 'unseen'").groupby("method").f1_macro.mean()
    control, plus, natural = means["erm_plus"], means["boda_plus"], means["erm_head"]
    told = f"ERM with a re-trained last layer scores {short(control)}, BoDA+ {short(plus)}"
    if abs(plus - control) < SAME:
        told += ": what BoDA+ gains comes from the re-training, not from the alignment"
    if abs(natural - control) < SAME:
        told += f". Nor from the balance: re-trained on images as they are, ERM scores {short(natural)}"
    return f"- **A control matters.** {told} (simulated cells, five folds)."


def tuned_dann() -> str:
    """Say whether DANN still loses once its settings are chosen on known laboratories."""
    rows = (
        tables.shipped("simulated_tuned").query("split == 'unseen'").pivot_table("f1_macro", ["fold", "seed"], "method")
    )
    over = tables.over_folds(rows.dann - rows.erm)
    still = "still loses" if over["high"] < 0 else "no longer loses"
    return f"With eight trials for each method, chosen on known laboratories, DANN {still} on simulated cells."


def around_the_loss() -> str:
    """Say what the recommended recipe does with each of five real laboratories left out, and where recipes fail."""
    rows = tables.shipped("left_out")
    scores = rows.pivot_table("f1_macro_min10", "laboratory", ["training", "prediction"])
    tuned, recipe = scores["plain", "plain"], scores["strong+od_rescale+class_balanced", "tta+even_mix"]
    gain = (recipe - tuned).to_numpy()
    low, high = paired_interval(gain)
    return (
        "- **What stands around the loss moves it by tenths, and not everywhere.** With each of five real laboratories "
        f"left out in turn, an ERM with a tuned learning rate scores {short(tuned.mean(), 2)}, and with the "
        f"recommended recipe {short(recipe.mean(), 2)} ({signed(gain.mean())}, {signed(low)} to {signed(high)}; worst "
        f"laboratory {signed(gain.min())}). It names each image by itself. No loss of the course gains there. It was "
        "chosen on these five, in five coarse classes, one fold ([each laboratory left "
        f"out](docs/leave_one_laboratory_out.md)). **On thirteen classes {thirteen_classes()}, and an earlier "
        "recipe, chosen on two laboratories, lowers the mean F1-macro from .718 to .671 in three that nobody had "
        "looked at.**"
    )


def thirteen_classes() -> str:
    """Say what the recommended recipe does on thirteen classes, in a laboratory that took no part in its choice."""
    rows = tables.shipped("fine13").query("method == 'erm' and split == 'unseen'")
    plain, with_recipe = (
        rows[rows.recipe == kind].set_index(["fold", "seed"]).f1_macro for kind in ("none", str(RECOMMENDED_RECIPE))
    )
    over = tables.over_folds(with_recipe - plain)
    side = "lower" if over["mean"] < 0 else "higher"
    means = f"{short(with_recipe.mean(), 2)} in place of {short(plain.mean(), 2)}"
    return f"its mean in the unseen Mat_19 is {side} than ERM's, {means}: {interval(over)}"


def real_thirteen() -> str:
    """Say what thirteen classes of real cells show."""
    known, unseen = erm("fine13")
    averaged = tables.shipped("fine13_averaged").set_index("networks").f1_macro
    pair = averaged[[name for name in averaged.index if " and " in name]].max()
    today, earlier = (verdicts(name, (*FIVE[1:], "erm_plus")) for name in ("fine13", "fine13_low_rate"))
    return (
        f"- **Thirteen classes of real cells fall as deep**, from {known} to {unseen} (ERM, patients kept apart). "
        f"Against ERM, {today}. **A learning rate can make a verdict**: with a lower one, which nobody "
        f"had chosen, {earlier}. Averaging the fine-tuned networks with a linear probe on frozen DINOv2 features, "
        f"five folds each, scores {short(pair, 2)} on the 159 cells."
    )


def simulated_cells_help() -> str:
    """Say what simulated cells of rare classes do to the score on real ones, beside their control."""
    rows = tables.shipped("fine13").query("method == 'erm' and split == 'unseen'").set_index(["fold", "seed"])
    plain, control = (rows[rows.recipe == kind].f1_macro for kind in ("none", "class_balanced"))
    simulated = tables.shipped("beside").query("split == 'unseen'").set_index(["fold", "seed"]).f1_macro
    over, more, drawn = (tables.over_folds(each) for each in (simulated - plain, simulated - control, control - plain))
    shown = "raise" if over["low"] > 0 else "lower" if over["high"] < 0 else "are not shown to change"
    return (
        f"- **Simulated cells of rare classes {shown} the score on real ones**: beside the real training images, "
        f"F1-macro in Mat_19 goes from {short(plain.mean(), 2)} to {short(simulated.mean(), 2)} "
        f"({signed(over['mean'])}, {signed(over['low'])} to {signed(over['high'])}). To draw the real rare cells more "
        f"often gives {signed(drawn['mean'])}; the difference of the two is {signed(more['mean'])} "
        f"({signed(more['low'])} to {signed(more['high'])})."
    )


def more_laboratories() -> str:
    """Say what another training laboratory gives in simulated cells."""
    rows = tables.shipped("laboratories").query("split == 'unseen'")
    means = rows.groupby(["n_laboratories", "draw"]).f1_macro.mean().groupby("n_laboratories").mean()
    one, two, most = (short(means[n], 2) for n in (1, 2, 16))
    return (
        "- **Another laboratory moves it more than any loss.** The same 800 simulated images, taken from one "
        f"laboratory, give {one} in laboratories that no training met; from two {two}; from sixteen {most}."
    )


def findings() -> str:
    (known, unseen), (real_known, real_unseen) = erm("simulated"), erm("open5")
    lines = (
        f"- **The fall is deep.** ERM's F1-macro falls from {known} to {unseen} on simulated cells and from "
        f"{real_known} to {real_unseen} on real ones.",
        f"- **The method moves it by hundredths.** In the unseen laboratory, against ERM: on simulated cells "
        f"{verdicts('simulated')}; on real cells {verdicts('open5')}. (95 % intervals over five folds.) {tuned_dann()}",
        the_control(),
        real_thirteen(),
        simulated_cells_help(),
        more_laboratories(),
        around_the_loss(),
    )
    return "\n".join(map(flowing, lines))


def made(name: str) -> str:
    """Say how a benchmark's shipped rows were computed."""
    facts = tables.provenance(name)
    settings, n_seeds = facts["settings"], len(facts["seeds"])
    networks = [settings["backbone"]] if isinstance(settings["backbone"], str) else settings["backbone"]
    network = " and ".join(f"`{name}`" for name in networks)
    ended = [facts[key][:10] for key in ("first_run_ended", "last_run_ended")]
    return flowing(
        f"{facts['folds']} folds x {n_seeds} seed{'s' * (n_seeds > 1)}, {settings['steps']} steps of "
        f"{network} ({facts['processor']}, torch {facts['torch']}), computed from {ended[0]} to "
        f"{ended[1]}: `{facts['command']}`"
    )


def simulated_made() -> str:
    return made("simulated")


def open5_made() -> str:
    return made("open5")


def variants() -> str:
    rows = controls()
    known, unseen = (tables.per_run(rows, split, ["f1_micro", "f1_macro"]) for split in ("in_domain", "unseen"))
    differences = tables.differences(rows, "unseen")
    lines = [["method", "known: F1-micro / F1-macro", "unseen `sim_mll`", "unseen macro against ERM, 95 % interval"]]
    for method in [name for name in METHODS if name in set(rows.method) - {"coral", "dann"}]:
        lines.append([METHODS[method], both(known.loc[method]), both(unseen.loc[method]), gap(differences, method)])
    return markdown(lines)


def tuned(benchmark: str = "simulated", unseen: str = "sim_mll") -> str:
    """Default against tuned rows, five folds, seed 0; a default that was chosen is not run twice."""
    rows, chosen = tables.shipped(f"{benchmark}_tuned"), tables.provenance(f"{benchmark}_tuned")["choices"]
    default = tables.shipped(benchmark).query("seed == 0 and recipe == 'none'")
    runs = {}
    for split, place in (("in_domain", "+".join(BENCHMARKS[benchmark].train)), ("unseen", unseen)):
        for name, part in (("default", default), ("tuned", rows)):
            here = part[(part.split == split) & (part.domain == place)]
            runs[split, name] = here.pivot_table("f1_macro", ["fold", "seed"], "method")
        runs[split, "tuned"] = runs[split, "tuned"].combine_first(runs[split, "default"])
    lines = [["method", "chosen", "known: default", "tuned", f"unseen `{unseen}`: default", "tuned",
              "tuned against tuned ERM, 95 % interval"]]  # fmt: skip
    against = runs["unseen", "tuned"]["erm"]
    for method in (*FIVE, "erm_plus"):
        choice = chosen.get(method)
        told = ", ".join(f"{key} {value}" for key, value in choice.items()) if choice else "the default"
        scores = [
            spread(runs[split, name][method]) for split in ("in_domain", "unseen") for name in ("default", "tuned")
        ]
        over = tables.over_folds(runs["unseen", "tuned"][method] - against)
        as_told = told if choice is not None else f"as {METHODS[RETRAINED[method]]}"
        lines.append([METHODS[method], as_told, *scores, "" if method == "erm" else interval(over)])
    return markdown(lines)


def fine13_tuned() -> str:
    return tuned("fine13", "matek_19")


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


def of_open5(name: str) -> str:
    rows = tables.shipped(name)
    known, differences = tables.per_run(rows, "in_domain", ["f1_micro", "f1_macro"]), tables.differences(rows, "unseen")
    lines = [["method", "known: F1-micro / F1-macro", "unseen Chula", "unseen BCCD",
              "unseen macro against ERM, 95 % interval"]]  # fmt: skip
    for method in (each for each in METHODS if each in set(rows.method)):
        each = [both(rows[(rows.method == method) & (rows.domain == name)]) for name in BENCHMARKS["open5"].unseen]
        lines.append([METHODS[method], both(known.loc[method]), *each, gap(differences, method)])
    return markdown(lines)


def open5() -> str:
    return of_open5("open5")


def open5_plus() -> str:
    return f"{made('open5_plus')}\n\n{of_open5('open5_plus')}"


def open5_features() -> str:
    """On frozen features, each method against the fine-tuned network's ERM."""
    rows, fine_tuned = tables.shipped("open5_features"), tables.shipped("open5").query("method == 'erm'")
    against = fine_tuned[fine_tuned.split == "unseen"].groupby(["fold", "seed"]).f1_macro.mean()
    lines = [["network", "method", "known: F1-micro / F1-macro", "unseen Chula", "unseen BCCD",
              "unseen macro against fine-tuned ERM, 95 % interval"]]  # fmt: skip
    places = "+".join(BENCHMARKS["open5"].train), *BENCHMARKS["open5"].unseen
    for backbone in ("dinov2_s14_linear", "dinov2_s14"):
        for method in METHODS:
            here = rows[(rows.backbone == backbone) & (rows.method == method)]
            if len(here):
                each = [both(here[here.domain == place]) for place in places]
                mean = here[here.split == "unseen"].groupby(["fold", "seed"]).f1_macro.mean()
                told = interval(tables.over_folds(mean - against))
                lines.append([NETWORKS[backbone, "none"], METHODS[method], *each, told])
    return f"{made('open5_features')}\n\n{markdown(lines)}"


def third_laboratory() -> str:
    """Each method with three training laboratories minus itself with two, fold by fold: unseen F1-macro."""
    mean = {}
    for name in ("open5", "open5_plus", "erm_on_card"):
        rows = tables.shipped(name).query("split == 'unseen' and domain in ['chula', 'bccd']")
        mean[name] = rows.groupby(["method", "fold", "seed"]).f1_macro.mean()
    lines = [["method", "two laboratories", "three", "gain, 95 % interval"]]
    for method in (each for each in METHODS if each in mean["open5_plus"].index):
        two, three = mean["open5"][method], mean["open5_plus"][method]
        lines.append([METHODS[method], spread(two), spread(three), interval(tables.over_folds(three - two))])
    two, three = mean["erm_on_card"]["erm"], mean["open5_plus"]["erm"]
    lines.append(["ERM, both on the card", spread(two), spread(three), interval(tables.over_folds(three - two))])
    return markdown(lines)


def on_card() -> str:
    """ERM of fine13 and open5, five folds each, on a processor and on a graphics card."""
    card = tables.shipped("erm_on_card")
    lines = [["benchmark", "computed on", "known: F1-macro", "unseen: F1-macro"]]
    for name in ("fine13", "open5"):
        here = tables.shipped(name).query("method == 'erm'")
        here = here[here.recipe == card[card.benchmark == name].recipe.iloc[0]]
        places = {tables.provenance(name)["processor"]: here, "NVIDIA H200, bfloat16": card[card.benchmark == name]}
        for place, rows in places.items():
            known = rows[rows.domain == "+".join(BENCHMARKS[name].train)].f1_macro
            unseen = rows[rows.split == "unseen"].groupby("fold").f1_macro.mean()
            lines.append([f"`{name}`", place, spread(known), spread(unseen)])
    return markdown(lines)


def open5_low_rate() -> str:
    return f"{made('open5_low_rate')}\n\n{of_open5('open5_low_rate')}"


def beside() -> str:
    return of_beside("fine13", "beside")


def beside_112() -> str:
    return of_beside("fine13_112", "beside_112")


def of_beside(real: str, together: str) -> str:
    """ERM on thirteen classes, with and without simulated cells of the rare classes."""
    rows = tables.shipped(real).query("method == 'erm'")
    plain, balanced = (rows[rows.recipe == kind] for kind in ("none", "class_balanced"))
    kinds = {
        "real cells alone": plain,
        "the same, rare classes drawn more often": balanced,
        "with simulated cells of the rare classes": tables.shipped(together),
    }
    runs = {}
    for name, rows in kinds.items():
        for split, place in (("in_domain", "+".join(BENCHMARKS["fine13"].train)), ("unseen", "matek_19")):
            runs[name, split] = rows[(rows.split == split) & (rows.domain == place)].set_index(["fold", "seed"])
    lines = [
        ["training images", "known: F1-micro / F1-macro", "unseen Mat_19", "macro: gain, 95 % interval", "by fold"]
    ]
    first = next(iter(kinds))
    for name in kinds:
        gain = runs[name, "unseen"].f1_macro - runs[first, "unseen"].f1_macro
        over = tables.over_folds(gain)
        told = interval(over) if gain.any() else ""
        by_fold = ", ".join(map(signed, gain)) if gain.any() else ""
        lines.append([name, both(runs[name, "in_domain"]), both(runs[name, "unseen"]), told, by_fold])
    return markdown(lines)


def fine13_112() -> str:
    return f"{made('fine13_112')}\n\n{of_fine13('fine13_112')}"


def resolution() -> str:
    """ERM at 64 and at 112 px, fold by fold, all on the card."""
    lines = [["laboratories", "64 px", "112 px", "gain, 95 % interval"]]
    small, large = tables.shipped("erm_on_card"), tables.shipped("fine13_112").query("recipe == 'none'")
    for domain, place in (("+".join(BENCHMARKS["fine13"].train), "known"), ("matek_19", "unseen Mat_19")):
        runs = [
            rows[(rows.method == "erm") & (rows.benchmark == "fine13") & (rows.domain == domain)]
            .set_index(["fold", "seed"])
            .f1_macro
            for rows in (small, large)
        ]
        lines.append([place, *map(spread, runs), interval(tables.over_folds(runs[1] - runs[0]))])
    return markdown(lines)


def lp_ft() -> str:
    """F1-macro on the validation images of the first fold, and of what stands beside it."""
    known = "domain == 'acevedo_20+jhu_21' and fold == 0 and method == 'erm' and recipe == 'none'"
    lines = [["network", "known, first fold: F1-macro"]]
    probe = tables.shipped("fine13_features").query(known + " and backbone == 'dinov2_s14_linear'").f1_macro.item()
    lines.append(["DINOv2 frozen, linear probe", short(probe)])
    for row in tables.shipped("lp_ft").itertuples():
        rate = f"{row.learning_rate:.0e}".replace("e-0", "e-")
        lines.append([f"the same, then all layers trained, rate {rate}", short(row.f1_macro)])
    lines.append(["EfficientNet-Lite0 at 112 px", short(tables.shipped("fine13_112").query(known).f1_macro.item())])
    return markdown(lines)


NETWORKS = {
    ("efficientnet_lite0", "none"): "EfficientNet-Lite0, fine-tuned",
    ("efficientnet_lite0", "class_balanced"): "the same, rare classes drawn more often",
    ("efficientnet_lite0", str(RECOMMENDED_RECIPE)): "the same with the recommended recipe",
    ("dinov2_s14_linear", "none"): "DINOv2 frozen, linear probe",
    ("dinov2_s14", "none"): "DINOv2 frozen, projector",
}
"""(backbone, recipe) of the rows of fine13 -> its name in the tables."""


def fine13_rows(*names: str) -> pd.DataFrame:
    """All rows of fine13; the column ``method`` holds (network, method)."""
    rows = pd.concat(map(tables.shipped, names))
    networks = [NETWORKS[key] for key in zip(rows.backbone, rows.recipe, strict=True)]
    return rows.assign(network=networks)


def fine13_made() -> str:
    return f"{made('fine13')}\n\n{made('fine13_features')}"


def fine13() -> str:
    return of_fine13("fine13", "fine13_features")


def fine13_low_rate() -> str:
    return f"{made('fine13_low_rate')}\n\n{of_fine13('fine13_low_rate')}"


def of_fine13(*names: str) -> str:
    rows = fine13_rows(*names)
    keys = ["network", "method", "fold", "seed"]
    unseen, known = (tables.filter_split(rows, split).set_index(keys).sort_index() for split in ("unseen", "in_domain"))
    known = known[known.domain == "+".join(BENCHMARKS["fine13"].train)].sort_index()
    against = unseen.f1_macro.loc[NETWORKS["efficientnet_lite0", "none"], "erm"]
    lines = [["network", "method", "known: F1-micro / F1-macro", "unseen Mat_19",
              "against fine-tuned ERM, 95 % interval"]]  # fmt: skip
    for network in dict.fromkeys(NETWORKS.values()):
        for method in (name for name in METHODS if (network, name) in unseen.index.droplevel(["fold", "seed"])):
            here = unseen.loc[network, method]
            over = tables.over_folds(here.f1_macro - against)
            told = "" if not here.f1_macro.sub(against).any() else (
                interval(over)
            )  # fmt: skip
            lines.append([network, METHODS[method], both(known.loc[network, method]), both(here), told])
    return markdown(lines)


def fine13_kinds() -> str:
    classes = BENCHMARKS["fine13"].classes
    lines = [["network", "method", "laboratory", "right", "next stage", "same lineage", "other lineage"]]
    for (backbone, kind), network in NETWORKS.items():
        name = "fine13" if backbone == "efficientnet_lite0" else "fine13_features"
        for split, place in (("in_domain", "known"), ("unseen", "unseen")):
            counts = tables.shipped_confusion(name, "erm", split, classes, recipe=kind, backbone=backbone)
            shares = error_kinds(counts, classes).values()
            lines.append([network, "ERM", place, *(f"{100 * share:.0f} %" for share in shares)])
    return markdown(lines)


def fine13_averaged() -> str:
    return of_averaged("fine13_averaged")


def fine13_averaged_low_rate() -> str:
    return of_averaged("fine13_averaged_low_rate")


def of_averaged(shipment: str) -> str:
    names = {":".join(key): name for key, name in NETWORKS.items()}

    def readable(networks: str) -> str:
        kinds = (each.rsplit(":", 1) for each in networks.split(" and "))
        return ", and ".join(f"{names[kind]}, {METHODS[method]}" for kind, method in kinds)

    rows = tables.shipped(shipment).set_index("networks")
    pairs = [name for name in rows.index if " and " in name]
    single = list(dict.fromkeys(each for pair in pairs for each in pair.split(" and ")))
    lines = [["networks, five folds each", "F1-micro", "F1-macro", "95 % interval over cells"]]
    for name in (*single, *pairs):
        row = rows.loc[name]
        ends = f"{short(row.f1_macro_images_low)} to {short(row.f1_macro_images_high)}"
        lines.append([readable(name), short(row.f1_micro), short(row.f1_macro), ends])
    return markdown(lines)


def patients() -> str:
    rows = tables.shipped("patients")
    lines = [["network", "folds by patient", "folds by image", "image minus patient, 95 % interval"]]
    for backbone, here in rows.groupby("backbone", sort=False):
        by = {cut: here[here.cut_by == cut].f1_macro for cut in ("patients", "images")}
        test = ttest_ind(by["images"], by["patients"], equal_var=False)
        low, high = test.confidence_interval(0.95)
        told = f"{signed(by['images'].mean() - by['patients'].mean())} ({signed(low)} to {signed(high)})"
        lines.append([f"`{backbone}`", spread(by["patients"]), spread(by["images"]), told])
    return markdown(lines)


def laboratories() -> str:
    rows = tables.shipped("laboratories")
    per_draw = rows.groupby(["n_laboratories", "split", "draw"]).f1_macro.agg(["mean", "min"])
    lines = [["training laboratories", "images in all", "known", "unseen, mean of eight", "worst of the eight"]]
    for n, here in rows.groupby("n_laboratories"):
        known, unseen = per_draw.loc[n, "in_domain"]["mean"], per_draw.loc[n, "unseen"]
        images = str(here.n_training.iloc[0])
        lines.append([str(n), images, *map(spread, (known, unseen["mean"], unseen["min"]))])
    return markdown(lines)


def parts() -> str:
    """What each part of the unseen laboratory costs each method: F1-macro before minus after, and against ERM's."""
    rows = tables.shipped("simulated_parts")
    runs = rows.pivot_table("f1_macro", ["recipe", "method", "fold", "seed"], "part")
    falls = runs.rsub(runs["none"], axis=0)[["dyes", "light", "lens", "sensor", "all four"]]
    columns = [f"{part}: fall, against ERM's" for part in falls]
    lines = [["method", "as sim_acevedo", *columns]]
    reference = falls.loc["none", "erm"]
    for kind in dict.fromkeys(rows.recipe):
        for method in (name for name in METHODS if name in set(rows.method[rows.recipe == kind])):
            here = falls.loc[kind, method]
            told = [short(here[part].mean()) for part in here]
            if not here.equals(reference):
                against = (here - reference).dropna()
                told = [
                    f"{fall}, {interval(tables.over_folds(against[part]))}"
                    for fall, part in zip(told, here, strict=True)
                ]
            name = METHODS[method] if kind == "none" else f"{METHODS[method]}, recipe"
            lines.append([name, short(runs.loc[kind, method]["none"].mean()), *told])
    return markdown(lines)


def recipe() -> str:
    """Every recipe of the ablation with ERM, in the order of its names."""
    rows, names = ablation.real_cells()
    closed = ablation.gap_closed(rows).xs("erm", level="method")
    lines = [["recipe", "folds", "known", "unseen Chula", "unseen BCCD", "gap closed, 95 % interval"]]
    for kind, name in names.items():
        here, line = rows[rows.recipe == kind], closed.loc[kind]
        each = [short(here[here.domain == lab].f1_macro.mean()) for lab in BENCHMARKS["open5"].unseen]
        told = "0 %" if name == "none" else share_of_gap(line)
        lines.append([name, f"{line.runs:.0f}", short(line.known), *each, told])
    return markdown(lines)


PAGES = {
    README: [hero, costs, course, findings],
    RESULTS: [
        *(simulated_made, simulated, variants, tuned, parts, laboratories, open5_made, open5, open5_low_rate, recipe),
        *(open5_features, open5_plus, third_laboratory),
        *(on_card, beside, beside_112, fine13_made, fine13, fine13_tuned, fine13_112, resolution, lp_ft),
        *(fine13_low_rate, fine13_averaged, fine13_averaged_low_rate, fine13_kinds, patients),
    ],
}


@pytest.mark.parametrize(
    ("page", "table"),
    [(page, table) for page, tables_of in PAGES.items() for table in tables_of],
    ids=lambda value: value.stem if isinstance(value, Path) else value.__name__,
)
def test_the_pages_show_the_notebooks_and_the_shipped_results(page, table):
    assert found(page, table.__name__) == table(), "run `python tests/house/test_readme_tables.py` to write it anew"


def test_the_readme_is_short_and_begins_with_a_picture():
    lines = README.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 150
    shown = [target for line in lines[:30] for target in re.findall(r"!\[[^\]]{40,}\]\((\S+\.png)\)", line)]
    assert shown and all((ROOT / target).stat().st_size < 300_000 for target in shown)


def test_the_picture_is_of_the_kind_that_the_caption_says():
    facts = facts_of("one_cell")
    right = [answer == facts["example"]["class"] for answer in facts["answers"].values()]
    assert right == [True, True, False] and min(facts["confidences"].values()) > 0.5
    assert 0 < facts["then_wrong_in_the_unseen"] <= facts["right_in_both_known"] <= facts["cells"]


def test_the_chart_was_drawn_from_the_shipped_rows(monkeypatch):
    for folder in (SCRIPTS, SCRIPTS / "rebuild"):
        monkeypatch.syspath_prepend(str(folder))
    from draw_front_page import digest

    drawn = facts_of("scores")["rows"]
    again = "run `python data_scripts/rebuild/draw_front_page.py --only-scores`"
    assert drawn == {name: digest(name) for name in ("simulated", "open5")}, again


def test_a_score_in_the_readme_stands_in_a_block_that_is_written_from_rows():
    """Outside of these blocks only the study's own two numbers are quoted."""
    text = README.read_text(encoding="utf-8")
    for table in PAGES[README]:
        text = text.replace(found(README, table.__name__), "")
    scores = re.findall(r"(?<![\w.])[-+]?0?\.\d{2,3}(?!\w)", text)
    assert scores == [short(tables.SLIDES[split]["erm"][1][0], 2) for split in ("in_domain", "unseen")]


def test_the_readme_says_beside_the_headline_where_the_recipe_fails():
    text = " ".join(README.read_text(encoding="utf-8").split())
    failed = "lowers the mean F1-macro from .718 to .671"
    assert 0 < text.index(failed) - text.index("What stands around the loss") < 900
    for page in ("results.md", "how_the_recipe_was_chosen.md"):
        assert failed in " ".join((ROOT / "docs" / page).read_text(encoding="utf-8").split()), page


if __name__ == "__main__":
    for each, its_tables in PAGES.items():
        write_anew(each, its_tables)
