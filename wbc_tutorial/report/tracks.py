"""The fall as the page draws it: a track from 0 to 1 for each line, known and unseen score on it."""

from typing import NamedTuple

import pandas as pd

from wbc_tutorial.experiments.methods import METHODS
from wbc_tutorial.experiments.tables import per_run
from wbc_tutorial.report.text import methods_of

__all__ = ["Track", "of_laboratories", "of_methods"]


class Track(NamedTuple):
    """One line of the figure: the means on known and on unseen laboratories, and each run's two scores."""

    name: str
    known: float
    unseen: float
    runs: list[tuple[float, float]] = []  # noqa: RUF012 - never changed

    @property
    def change(self) -> str:
        """The difference, signed."""
        return f"{self.unseen - self.known:+.2f}".replace("-", "−")


def of_methods(rows: pd.DataFrame) -> list[Track]:
    """Make a track for each method that has both scores.

    Parameters
    ----------
    rows : DataFrame
        Rows of results.
    """
    ends = [per_run(rows, split, ("f1_macro",)).f1_macro for split in ("in_domain", "unseen")]
    runs = pd.concat(ends, axis=1, keys=["known", "unseen"]).dropna()
    tracks = []
    for method in methods_of(rows):
        if method in runs.index.get_level_values("method"):
            of_method = runs.loc[method]
            pairs = list(of_method.itertuples(index=False, name=None)) if len(of_method) > 1 else []
            tracks.append(Track(METHODS[method], of_method.known.mean(), of_method.unseen.mean(), pairs))
    return tracks


def of_laboratories(table: pd.DataFrame, method: str) -> list[Track]:
    """Make a track for each laboratory that was left out, of one method, and one of their mean.

    Parameters
    ----------
    table : DataFrame
        Of `leave_one_out.leave_one_out_table`.
    method : str
    """
    lines = table[table.method == method]
    return [Track(str(line.laboratory), line.known_f1_macro, line.f1_macro) for line in lines.itertuples()]
