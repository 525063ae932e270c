"""Small sets of cells: in memory, and prepared sets on the disk."""

import json

import numpy as np
import pandas as pd

from wbc_tutorial.data.cell_images import CellImages


def make_cells(labels, domains=None, groups=None, names=("a",), size=4):
    labels = np.asarray(labels)
    pixels = np.random.default_rng(0).integers(0, 256, (len(labels), 3, size, size), dtype=np.uint8)
    domains = np.zeros(len(labels), dtype=np.int64) if domains is None else np.asarray(domains)
    return CellImages(pixels, labels, domains, domain_names=names, groups=groups)


def write_set(folder, labels, domains, *, groups="", size=6, seed=1, natives=None):
    """Write a prepared set of random pixels, and return them; set.json states what the library checks."""
    folder.mkdir(parents=True, exist_ok=True)
    stack = np.random.default_rng(seed).integers(0, 256, (len(labels), size, size, 3), dtype=np.uint8)
    np.save(folder / "images.npy", stack)
    table = pd.DataFrame({"id": range(len(labels)), "label": labels, "domain": domains, "group": groups})
    if natives is not None:
        table["native_label"] = natives
    table.to_csv(folder / "cells.csv", index=False)
    facts = {"size": size, "n_images": len(labels), "field_um": 25, "um_per_px": 25 / size, "digest": "d1"}
    (folder / "set.json").write_text(json.dumps(facts))
    return stack
