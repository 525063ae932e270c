"""Average the networks of all folds, and those of different kinds: what one gets who uses all that was trained.

    python data_scripts/rebuild/average_folds.py results/fine13 results/fine13_features --name fine13_averaged

Takes the folders of ``ship_results.py``. The probabilities of the folds' networks are averaged image by image, for each
network and method, then those of every two of the kinds that --together names. Scores in the unseen laboratories, with
an interval over images. Writes ``<name>.csv`` into ``wbc_tutorial/experiments/results``.
"""

import argparse
import json
import sys
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import softmax

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from real_sets.arguments import OneLineParser
from real_sets.errors import BadInput, one_line_errors

from wbc_tutorial.evaluation.intervals import image_interval
from wbc_tutorial.evaluation.metrics import f1_scores
from wbc_tutorial.experiments import tables
from wbc_tutorial.experiments.store import read_predictions

TARGET = Path(tables.__file__).parent / "results"
TOGETHER = "efficientnet_lite0:none:erm,dinov2_s14_linear:none:erm_plus,dinov2_s14:none:erm_plus"


def averaged(folder: Path) -> dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Return (probabilities, truth, laboratories) of the unseen images for each method of a results folder."""
    settings = json.loads((folder / "settings.json").read_text(encoding="utf-8"))
    kind = f"{settings['backbone']}:{settings['recipe']}"
    runs: dict[str, list] = {}
    for path in sorted((folder / "predictions").glob("*.npz")):
        run = read_predictions(path)
        unseen = run["unseen"]
        runs.setdefault(f"{kind}:{path.stem.split('-fold')[0]}", []).append(
            (softmax(run["logits"][unseen].astype(float), axis=1), run["truth"][unseen], run["domains"][unseen])
        )
    found = {}
    for name, parts in runs.items():
        if any(not np.array_equal(part[1], parts[0][1]) for part in parts):
            raise BadInput(f"{folder}: the folds of {name} were not tested on the same images")
        found[name] = np.mean([part[0] for part in parts], axis=0), *parts[0][1:]
    return found


def row(name: str, probabilities: np.ndarray, truth: np.ndarray, laboratories: np.ndarray) -> dict:
    """Score averaged probabilities."""
    said, n_classes = probabilities.argmax(axis=1), probabilities.shape[1]
    f1 = f1_scores(truth, said, n_classes)
    low, high = image_interval(truth, said, n_classes)
    labs = "+".join(dict.fromkeys(map(str, laboratories)))
    scores = {"f1_micro": f1.micro, "f1_macro": f1.macro, "f1_macro_images_low": low, "f1_macro_images_high": high}
    return {"networks": name, "domain": labs, "n_images": len(truth)} | scores


def main(arguments: list[str] | None = None) -> None:
    """Average, score, and write the rows."""
    first, *rest = __doc__.splitlines()
    parser = OneLineParser(description=first, examples="\n".join(line for line in rest if line.startswith("    ")))
    parser.add_argument("folders", nargs="+", type=Path, metavar="DIR", help="folders of ship_results.py")
    parser.add_argument("--name", required=True, help="of the file that is written")
    parser.add_argument(
        "--together", default=TOGETHER, metavar="A,B,...", help="NETWORK:RECIPE:METHOD, averaged in pairs"
    )
    parser.add_argument("--target", type=Path, default=TARGET, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    folders = [path.parent for folder in given.folders for path in sorted(folder.rglob("settings.json"))]
    if not folders:
        raise BadInput(f"no results in {', '.join(map(str, given.folders))}: run ship_results.py first")
    found = {name: each for folder in folders for name, each in averaged(folder).items()}
    asked = given.together.split(",")
    if missing := [name for name in asked if name not in found]:
        raise BadInput(f"--together names {', '.join(missing)}; there are {', '.join(found)}")
    rows = [row(name, *each) for name, each in found.items()]
    for one, other in combinations(asked, 2):
        (p, truth, labs), (q, same, _) = found[one], found[other]
        if not np.array_equal(truth, same):
            raise BadInput(f"{one} and {other} were not tested on the same images")
        rows.append(row(f"{one} and {other}", (p + q) / 2, truth, labs))
    table = pd.DataFrame(rows)
    table.to_csv(given.target / f"{given.name}.csv", index=False, float_format="%.6f")
    print(table.round(3).to_string(index=False))


if __name__ == "__main__":
    sys.exit(one_line_errors(main))
