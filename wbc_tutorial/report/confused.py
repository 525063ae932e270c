"""The parts of a page about confused cells: the worst errors as pictures, and the confusion matrices."""

from collections.abc import Iterable

from wbc_tutorial.experiments.methods import METHODS
from wbc_tutorial.report import matrices
from wbc_tutorial.report.cells import MOST, CellPictures, Cells
from wbc_tutorial.report.page import MOST_MB, PageFigure, room_for_cells

__all__ = ["facts"]

NOT_AT_HAND = "No cell can be shown: the images that these runs were scored on are not at hand."


def facts(
    all_stored: dict[str, dict],
    beside: list[str],
    cells: Cells | None,
    figures: Iterable[PageFigure],
    *,
    note: str = "",
    counted: str = "",
) -> dict:
    """Return what the page's template needs to show confusions and the cells behind them.

    Parameters
    ----------
    all_stored : dict
        Method -> predictions, as `predictions.with_names` returns them.
    beside : list of str
        Methods whose matrices stand side by side. The errors shown as pictures are those of the first one.
    cells : Cells or None
        The images that were scored; None = they are not at hand.
    figures : iterable of PageFigure
        All figures of the page: what they leave of its size is for cells.
    note : str, default=""
        Behind the title of each place.
    counted : str, default=""
        What a matrix counts.
    """
    if not all_stored:
        return {}
    there = cells is not None and all(_at_hand(stored, cells) for stored in all_stored.values())
    pictures = CellPictures(cells, room_for_cells(figures)) if there else None
    first = next((method for method in beside if method in all_stored), next(iter(all_stored)))
    worst = matrices.worst(all_stored[first], first, pictures) if pictures else []
    places = matrices.confusions(all_stored, beside, note, pictures)
    every = [matrix for place in places for matrix in (*place.matrices, *place.others)]
    return {
        "worst": worst,
        "worst_method": METHODS.get(first, first),
        "places": places,
        "counted": counted,
        "pictures": pictures.encoded if pictures else [],
        "fields": {matrix.key: matrix.cells for matrix in every},
        "most": MOST,
        "capped": _capped(pictures) if pictures else "",
        "no_pictures": "" if pictures else NOT_AT_HAND,
    }


def _at_hand(stored: dict, cells: Cells) -> bool:
    return "image" in stored and (not len(stored["image"]) or int(stored["image"].max()) < len(cells))


def _capped(pictures: CellPictures) -> str:
    """Say how many cells the page holds, and what its size is limited to."""
    said = f"The page holds small copies of {len(pictures.encoded):,} cells and is kept below {MOST_MB} MB"
    return f"{said}; {pictures.left_out:,} more cells found no room." if pictures.left_out else f"{said}."
