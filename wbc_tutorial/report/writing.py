"""The report's files: every figure as PNG, and ``report.html``, one page that holds all of it."""

from collections.abc import Iterable
from pathlib import Path

import matplotlib
import pandas as pd

from wbc_tutorial.experiments.methods import METHODS
from wbc_tutorial.experiments.tables import SLIDES, beside_slides, differences, table
from wbc_tutorial.report import page, provenance
from wbc_tutorial.report.text import (
    COLUMNS,
    NOT_FOR_DIAGNOSIS,
    TITLES,
    caution,
    methods_of,
    n_runs,
    sentences,
    shared_runs,
    splits_of,
    title_of,
)

__all__ = ["write"]

HONEST = ("f1_micro", "f1_macro", "f1_macro_all", "balanced_accuracy", "worst_class_recall", "calibration_error")
SHOTS = ("recall_many", "recall_medium", "recall_few", "recall_zero")
SIMULATED = (
    "The cells are simulated. Nothing here says how a method does on real cells; the report shows how to measure it."
)
CONFUSION = (
    "Rows are the true classes, columns the answers. The colour is the share of the row. The number counts images over "
    "the folds and seeds that all methods have, so that an unseen image counts once a run. Hatched: no such class."
)
CALIBRATION = (
    "On the dashed line, confidence is honest: of the answers given with confidence .8, four in five are right. Below "
    "it, the network is surer than it should be."
)
UMAP = (
    "UMAP keeps neighbours: points that lie together are alike. Distances between groups, their sizes and the axes "
    "mean nothing. The silhouettes and the classifier's accuracy are measured in the features themselves."
)


def write(folder: str | Path, rows: pd.DataFrame) -> list[Path]:
    """Write the figures and ``report.html`` beside a ledger.

    Parameters
    ----------
    folder : path
        Of the ledger: ``settings.json`` and ``predictions/`` are read where they are.
    rows : DataFrame
        Its rows.

    Returns
    -------
    list of Path
        ``report.html`` first, then the figures.
    """
    matplotlib.use("Agg", force=False)
    from wbc_tutorial.course import plots
    from wbc_tutorial.report import pictures

    plots.use_style()
    folder = Path(folder)
    settings = provenance.read_settings(folder)
    benchmark = str(rows.benchmark.iloc[0])
    simulated = benchmark == "simulated"
    shared = shared_runs(rows)
    stored = {m: found for m in methods_of(rows) if (found := pictures.predictions(folder, shared, m)) is not None}
    written: list[Path] = []

    def drawn(found: Iterable[pictures.Picture]) -> list[str]:
        return [page.figure(_kept(folder, each, written), each.alt, wide=each.wide) for each in found]

    note = " (simulated cells)" * simulated
    lost = [] if stored else [page.paragraph("The predictions of these runs are not in the folder.")]
    drawn(pictures.single_confusions(stored))
    parts = [
        _what_this_is(rows, simulated),
        page.section("Provenance", provenance.parts(folder, rows, settings)),
        *_two_tables(rows, benchmark, simulated),
        page.section("From known to unseen", drawn([pictures.fall(rows, note)])),
        page.section("More metrics", _metrics(rows, simulated)),
        page.section("Differences to ERM", _differences(rows, simulated, drawn)),
        page.section(
            "Confusion matrices", [page.paragraph(CONFUSION), *lost, *drawn(pictures.confusions(stored, rows, note))]
        ),
        page.section(
            "Calibration", [page.paragraph(CALIBRATION), *lost, page.beside(drawn(pictures.calibrations(stored, note)))]
        ),
    ]
    maps = drawn(pictures.latent_maps(folder, rows, note)) or [
        page.paragraph(
            "No picture: this ledger keeps no features of the first fold and seed, or of fewer than 200 images."
        )
    ]
    parts.append(page.section("Latent space (UMAP)", [page.paragraph(UMAP), *maps]))
    path = folder / "report.html"
    path.write_text(page.page(f"White blood cells across laboratories: {benchmark}", parts), encoding="utf-8")
    return [path, *written]


def _kept(folder: Path, picture, written: list[Path]) -> bytes:
    """Save and close a figure, note its path in `written`, and return its bytes."""
    from matplotlib import pyplot as plt

    path = folder / "figures" / f"{picture.name}.png"
    path.parent.mkdir(exist_ok=True)
    picture.figure.savefig(path, dpi=130)
    plt.close(picture.figure)
    written.append(path)
    return path.read_bytes()


def _what_this_is(rows: pd.DataFrame, simulated: bool) -> str:
    methods = ", ".join(METHODS[method] for method in methods_of(rows))
    about = (
        f"{methods}: each is trained on the known laboratories and scored on their validation images and on a "
        f"laboratory that it never saw. Runs of each, over folds and seeds: {n_runs(rows)}."
    )
    label = f"{SIMULATED} {NOT_FOR_DIAGNOSIS}" if simulated else NOT_FOR_DIAGNOSIS
    return page.section("What this is", [page.paragraph(label, label=True), page.paragraph(about)])


def _two_tables(rows: pd.DataFrame, benchmark: str, simulated: bool) -> list[str]:
    """Table 1, known laboratories, and Table 2, the others; beside the slides' numbers where they have the method."""
    sections = []
    for number, split in enumerate(splits_of(rows), 1):
        labs = ", ".join(_laboratories(rows, split))
        caption = (
            f"Table {number}. {title_of(split, simulated)}, {labs}: mean ± standard deviation over folds and seeds"
        )
        if set(methods_of(rows)) & set(SLIDES.get(split, {})):
            beside = beside_slides(rows, split)
            beside.columns = [f"{metric}, {who}" for metric, who in beside.columns]
            parts = [page.table(beside, f"{caption}, beside the slides'"), page.paragraph(_reference(benchmark))]
        else:
            parts = [page.table(_named(table(rows, split, HONEST[:2])), caption)]
        if split == "unseen" and len(_laboratories(rows, split)) > 1:
            parts.append(
                page.paragraph("The mean of the unseen laboratories is taken in each run, then over the runs.")
            )
        sections.append(page.section(f"Table {number}: {TITLES[split][0].lower()}{TITLES[split][1:]}", parts))
    return sections


def _laboratories(rows: pd.DataFrame, split: str) -> list[str]:
    """Return the laboratories that `tables.table` shows of a split."""
    return list(table(rows, split, ("f1_macro",)).index.unique("domain"))


def _reference(benchmark: str) -> str:
    slides = "The slides train on Mat_19 and Ace_20, test on INT_20, and show the mean over five folds"
    if benchmark == "paper":
        return f"{slides}. The unseen MLL23 is very probably a later release of their INT_20. BoDA is their Ours."
    return f"{slides}: another data set, so their columns are a reference only and not a goal. BoDA is their Ours."


def _named(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.rename(columns=COLUMNS)


def _metrics(rows: pd.DataFrame, simulated: bool) -> list[str]:
    parts = [
        page.paragraph(
            "F1-macro is over the classes present in the truth; over all classes, an absent one counts 0. Balanced "
            "accuracy is the mean recall of the classes present, worst-class recall the lowest. Calibration error: "
            "how far confidence and accuracy lie apart. Many-, medium-, few- and zero-shot: mean recall of classes by "
            "how often training showed them. A dash: no such class."
        )
    ]
    for split in splits_of(rows):
        title = title_of(split, simulated)
        tables = [
            page.table(_named(table(rows, split, HONEST)), f"{title}: metrics, mean ± standard deviation"),
            page.table(_named(table(rows, split, SHOTS)), f"{title}: mean recall by shot group"),
        ]
        parts.append(page.section(TITLES[split], tables, level=3))
    return parts


def _differences(rows: pd.DataFrame, simulated: bool, drawn) -> list[str]:
    from wbc_tutorial.report import pictures

    methods = methods_of(rows)
    if "erm" not in methods or len(methods) == 1:
        return [page.paragraph("Nothing to compare: this takes ERM and another method in the same ledger.")]
    parts = [
        page.paragraph(
            "Each run (fold, seed) gives one difference: both methods saw the same training images. The interval is "
            f"the middle 95 % of the means of 9999 bootstrap draws of the runs. {caution(n_runs(rows))}"
        )
    ]
    for split in splits_of(rows):
        shown = drawn([pictures.gaps(differences(rows, split), split, title_of(split, simulated))])
        parts.append(page.section(TITLES[split], [page.items(sentences(rows, split)), *shown], level=3))
    return parts
