"""nbval itself is watched: it turns red when a stored output is wrong."""

import copy
import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import nbformat
from support.places import ROOT

FOLDER = ROOT / "notebooks"
CHECKED = "nbval-check-output"


def nbval(folder):
    """Run nbval on every notebook of a folder; file name -> whether all its cells passed."""
    options = ["-o", "addopts=", "--nbval-lax", "--nbval-current-env", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
    report = folder / "report.xml"
    command = [sys.executable, "-m", "pytest", *options, f"--rootdir={folder}", f"--junitxml={report}", str(folder)]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    subprocess.run(command, check=False, capture_output=True, timeout=300, env=environment, cwd=folder)
    green = {path.name: True for path in folder.glob("*.ipynb")}
    for case in ElementTree.parse(report).iter("testcase"):
        name = next(name for name in green if Path(name).stem in case.get("classname") + case.get("name"))
        green[name] = green[name] and not list(case)
    return green


def test_nbval_turns_red_when_a_checked_output_is_wrong(tmp_path):
    """A tiny notebook, and a real one cut down to its imports and a checked cell: each as it is, and corrupted."""
    cell = nbformat.v4.new_code_cell("print(6 * 7)", execution_count=1, metadata={"tags": [CHECKED]})
    cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text="42\n")]
    tiny = nbformat.v4.new_notebook(cells=[cell])
    real = nbformat.read(FOLDER / "03_missing_classes.ipynb", as_version=4)
    cells = [cell for cell in real.cells if cell.cell_type == "code"]
    golden = next(cell for cell in cells if cell.source.startswith("truth = ["))
    assert CHECKED in golden.metadata.tags
    real.cells = [cells[0], golden]
    for name, notebook in (("tiny", tiny), ("real", real)):
        nbformat.write(notebook, tmp_path / f"{name}_right.ipynb")
        wrong = copy.deepcopy(notebook)
        output = wrong.cells[-1].outputs[0]
        output.text = re.sub(r"\d(?!.*\d)", lambda digit: str((int(digit[0]) + 1) % 10), output.text, flags=re.S)
        nbformat.write(wrong, tmp_path / f"{name}_wrong.ipynb")
    green = nbval(tmp_path)
    assert green == {"tiny_right.ipynb": True, "tiny_wrong.ipynb": False,
                     "real_right.ipynb": True, "real_wrong.ipynb": False}  # fmt: skip
