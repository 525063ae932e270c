"""A laboratory cut by patient and by image, from prepared images to rows."""

import json

import numpy as np
import pandas as pd
import pytest
from rebuild import split_by_patient

from wbc_tutorial.data.classes import CLASSES


@pytest.fixture
def laboratory(tmp_path):
    """Twelve patients of four cells; a patient's cells are nearly the same picture, whatever their class."""
    generator = np.random.default_rng(0)
    patients = np.repeat(np.arange(12), 4)
    looks = generator.integers(0, 200, (12, 16, 16, 3))
    images = looks[patients] + generator.integers(0, 40, (48, 16, 16, 3))
    names = [CLASSES[c] for c in generator.permutation(np.arange(12) % 3)[patients]]
    folder = tmp_path / "data"
    folder.mkdir()
    np.save(folder / "images.npy", images.astype(np.uint8))
    table = {"id": range(48), "label": names, "domain": "lab", "group": [f"p{patient}" for patient in patients]}
    pd.DataFrame(table).to_csv(folder / "cells.csv", index=False)
    (folder / "set.json").write_text(json.dumps({"um_per_px": 25 / 16, "digest": "x"}))
    return folder


def test_by_patient_no_patient_is_on_both_sides_and_by_image_nearly_all_are(laboratory, tmp_path, capsys):
    command = ["--data", str(laboratory), "--out", str(tmp_path / "out"), "--target", str(tmp_path / "rows.csv")]
    split_by_patient.main([*command, "--steps", "60"])
    rows = pd.read_csv(tmp_path / "rows.csv").set_index("cut_by")
    assert len(rows) == 10 and (rows.loc["patients"].of_known_patients == 0).all()
    assert (rows.loc["images"].of_known_patients > 0.7).all()
    assert rows.loc["images"].f1_micro.mean() > rows.loc["patients"].f1_micro.mean() + 0.2, "known by heart"
    assert rows.loc["images"].n_images.sum() == rows.loc["patients"].n_images.sum() == 48
    capsys.readouterr()
    split_by_patient.main([*command, "--steps", "60"])
    assert "fold 0" not in capsys.readouterr().out, "what is there is not repeated"


def test_a_set_without_patients_is_refused(laboratory, tmp_path):
    table = pd.read_csv(laboratory / "cells.csv").assign(group="")
    table.to_csv(laboratory / "cells.csv", index=False)
    with pytest.raises(split_by_patient.BadInput, match="fewer than ten patients"):
        split_by_patient.main(["--data", str(laboratory), "--out", str(tmp_path / "out")])
