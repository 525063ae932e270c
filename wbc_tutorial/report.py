"""Floor 6, the report: what the command line prints, and the figures it leaves beside the ledger."""

from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd

from wbc_tutorial.methods import METHODS
from wbc_tutorial.tables import table

__all__ = ["as_text", "write"]

NOT_FOR_DIAGNOSIS = "For teaching and research; not for diagnosis."


def as_text(rows: pd.DataFrame, *, simulated: bool) -> str:
    """Both tables as text: known laboratories (validation folds) and unseen ones."""
    parts = []
    for split, title in (("in_domain", "Known laboratories, validation images"), ("unseen", "Unseen laboratories")):
        parts.append(f"\n{title}{' (simulated cells)' if simulated else ''}\n{table(rows, split).to_string()}")
    note = "mean ± standard deviation (ddof = 1) over folds and seeds; f1_macro over the classes present in the truth"
    return "\n".join([*parts, f"\n{note}\n{NOT_FOR_DIAGNOSIS}"])


def write(folder: Path, rows: pd.DataFrame) -> list[Path]:
    """Write ``fall.png`` and a confusion matrix per method for known and unseen laboratories, all folds and seeds."""
    matplotlib.use("Agg", force=False)
    from matplotlib import pyplot as plt

    from wbc_tutorial import plots
    from wbc_tutorial.evaluation import confusion

    plots.use_style()
    figures = {"fall": plots.fall(rows, names=METHODS)}
    for method in dict.fromkeys(rows.method):
        paths = sorted((folder / "predictions").glob(f"{method}-fold*.npz"))
        stored = [dict(np.load(path, allow_pickle=False)) for path in paths]
        truth, unseen, predicted = (
            np.concatenate([values(part) for part in stored])
            for values in (lambda p: p["truth"], lambda p: p["unseen"], lambda p: p["logits"].argmax(axis=1))
        )
        classes = [str(name) for name in stored[0]["classes"]]
        for name, here in (("known", ~unseen), ("unseen", unseen)):
            counts = confusion(truth[here], predicted[here], len(classes))
            figures[f"confusion_{method}_{name}"] = plots.confusion_matrix(
                counts, classes, title=f"{METHODS[method]}, {name} laboratories"
            )
    written = []
    (folder / "figures").mkdir(exist_ok=True)
    for name, figure in figures.items():
        written.append(folder / "figures" / f"{name}.png")
        figure.savefig(written[-1])
        plt.close(figure)
    return written
