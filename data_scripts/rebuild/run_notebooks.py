"""Execute notebooks as they are committed: top to bottom on a fresh kernel, and without what only a live kernel shows.

    python data_scripts/rebuild/run_notebooks.py notebooks/02_domain_shift.ipynb [more ...]

Kept are texts, figures and tables. Dropped are the first cell's output (it says what the setup of *this* machine is),
widgets (their text stays), progress bars that are done, and the times of the run. Where the file would be larger than a
megabyte, its largest figures get fewer colours. A notebook that fails is not written.
"""

import argparse
import base64
import io
import os
import re
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from PIL import Image

WIDGET = "application/vnd.jupyter.widget-view+json"
BAR = re.compile(r"\d+%\|.*\|")
"""What tqdm leaves as the text of a bar."""


LARGEST, FEWER_COLOURS = 990_000, 64
"""Bytes of a notebook's file, and colours of a figure where it would be larger."""

COLOUR = re.compile(r"\x1b\[[0-9;]*m")
"""What colours a traceback in a terminal."""


def execute(path: Path, timeout: int) -> nbformat.NotebookNode:
    """Run all cells of a notebook in its own folder and return it, tidied.

    Parameters
    ----------
    path : Path
    timeout : int
        Seconds that one cell may take.

    Raises
    ------
    nbclient.exceptions.CellExecutionError
        When a cell fails; other errors when the kernel ends or the file is no notebook.
    """
    notebook = nbformat.read(path, as_version=4)
    where = {"metadata": {"path": str(path.parent)}}
    NotebookClient(notebook, timeout=timeout, kernel_name="python3", resources=where).execute()
    tidy(notebook)
    shrink(notebook)
    return notebook


def tidy(notebook: nbformat.NotebookNode) -> None:
    """Drop from an executed notebook what belongs to the run and not to the course."""
    notebook.metadata.pop("widgets", None)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for cell in code:
        cell.metadata.pop("execution", None)
        cell.outputs = _joined(out for out in cell.outputs if not _is_bar(out))
        for out in cell.outputs:
            out.get("data", {}).pop(WIDGET, None)
    if code:
        code[0].outputs = []


def shrink(notebook: nbformat.NotebookNode, largest: int = LARGEST) -> None:
    """Write the largest figures with fewer colours until the notebook is small enough, or all are written so.

    Parameters
    ----------
    notebook : NotebookNode
    largest : int, default=990,000
        Bytes of the file.
    """
    data = [
        out.data for cell in notebook.cells for out in cell.get("outputs", []) if "image/png" in out.get("data", {})
    ]
    for each in sorted(data, key=lambda each: -len(each["image/png"])):
        if len(nbformat.writes(notebook).encode()) <= largest:
            return
        file = io.BytesIO()
        with Image.open(io.BytesIO(base64.b64decode(each["image/png"]))) as picture:
            options = {"method": Image.Quantize.MAXCOVERAGE, "dither": Image.Dither.NONE, "kmeans": 3}
            picture.convert("RGB").quantize(FEWER_COLOURS, **options).save(file, "PNG", optimize=True)
        each["image/png"] = base64.b64encode(file.getvalue()).decode()


def _joined(outputs: Iterable[nbformat.NotebookNode]) -> list[nbformat.NotebookNode]:
    """Join what was printed piece by piece: where a kernel sends its text differs from run to run."""
    joined: list[nbformat.NotebookNode] = []
    for out in outputs:
        if joined and out.output_type == "stream" == joined[-1].output_type and out.name == joined[-1].name:
            joined[-1].text += out.text
        else:
            joined.append(out)
    return joined


def _is_bar(out: nbformat.NotebookNode) -> bool:
    """Say whether an output is a progress bar, or the empty text of a bar that closed."""
    data = out.get("data", {})
    return WIDGET in data and bool(BAR.search(data.get("text/plain", "")) or not data.get("text/plain", "").strip())


def main(arguments: list[str] | None = None) -> int:
    """Read the command line; return 0 when all notebooks ran, 2 with one line for each that did not."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("notebooks", nargs="+", type=Path, metavar="NOTEBOOK")
    parser.add_argument("--timeout", type=int, default=600, metavar="SECONDS", help="of one cell (default: 600)")
    given = parser.parse_args(arguments)
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    status = 0
    for path in given.notebooks:
        start = time.perf_counter()
        try:
            notebook = execute(path, given.timeout)
        except Exception as error:  # whatever a notebook, its kernel or its file may do: the others still run
            said = (str(error).strip() or type(error).__name__).splitlines()[-1]
            print(f"{path}: {re.sub(COLOUR, '', said)}", file=sys.stderr)
            status = 2
            continue
        nbformat.write(notebook, path)
        print(f"{path}: {time.perf_counter() - start:.0f} s, {path.stat().st_size / 1000:.0f} kB")
    return status


if __name__ == "__main__":
    sys.exit(main())
