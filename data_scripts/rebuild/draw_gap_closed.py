"""Draw the picture of ``docs/how_the_recipe_was_chosen.md`` anew, from the rows that the package ships.

python data_scripts/rebuild/draw_gap_closed.py
"""

from pathlib import Path

from wbc_tutorial.course import plots
from wbc_tutorial.experiments import ablation

TARGET = Path(__file__).resolve().parents[2] / "docs" / "recipe_selection" / "gap_closed.png"


def main(target: Path = TARGET) -> None:
    """Draw one bar for each recipe and method, and write it as a PNG."""
    plots.use_style()
    rows, names = ablation.real_cells()
    figure = plots.gap_bars(ablation.gap_closed(rows), names, title="Chula and BCCD averaged")
    figure.savefig(target, dpi=110)
    print(target)


if __name__ == "__main__":
    main()
