"""Measure time and memory of every notebook, and write the course table of notebooks/README.md.

    python tests/measure_notebooks.py            all notebooks -> measured.csv and the table
    python tests/measure_notebooks.py NAME ...   only those named
    python tests/measure_notebooks.py --table    no measurement: the table alone, from measured.csv

Each notebook runs alone, in its own kernel, on one thread as in the tests. On a quiet machine `seconds` and
`cpu_seconds` agree; on a busy one trust the latter. It exits 1 when one is over a limit.
"""

import datetime
import json
import os
import platform
import re
import sys
import threading
import time
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

import nbformat
import pandas as pd
import psutil
from nbclient import NotebookClient

FOLDER = Path(__file__).resolve().parents[1] / "notebooks"
SECONDS, PEAK_MB, ABOVE_IMPORTS_MB = 90, 1800, 500


class Memory(threading.Thread):
    """Highest resident memory of a process, looked at 50 times a second."""

    def __init__(self, pid: int):
        super().__init__(daemon=True)
        self.process, self.peak, self.over = psutil.Process(pid), 0, threading.Event()

    def now(self) -> float:
        """Resident memory at this moment, MB."""
        return self.process.memory_info().rss / 1e6

    def run(self) -> None:
        """Watch until told that it is over, or the process ends."""
        with suppress(psutil.NoSuchProcess):
            while not self.over.wait(0.02):
                self.peak = max(self.peak, self.now())


def measure(path: Path) -> dict:
    """Run one notebook as a student would; nothing is saved."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(path.parent)}})
    imports_mb, start = None, time.perf_counter()
    with client.setup_kernel():
        memory = Memory(client.km.provisioner.process.pid)
        memory.start()
        for index, cell in enumerate(notebook.cells):
            client.execute_cell(cell, index)
            if imports_mb is None and cell.cell_type == "code":
                imports_mb = memory.now()
        seconds, used = time.perf_counter() - start, memory.process.cpu_times()
        memory.over.set()
        memory.join()
    return {
        "notebook": path.stem,
        "seconds": round(seconds, 1),
        "cpu_seconds": round(used.user + used.system, 1),
        "peak_mb": round(memory.peak),
        "imports_mb": round(imports_mb),
        "date": datetime.date.today().isoformat(),
        "python": platform.python_version(),
        "torch": version("torch"),
        "wbc_tutorial": version("wbc_tutorial"),
    }


def course_table() -> str:
    """Return the table of notebooks/README.md as it should stand: from the notebooks' heads and measured.csv."""
    measured = pd.read_csv(FOLDER / "measured.csv").set_index("notebook")
    lines = ["| notebook | question | minutes | needs | exercises | solutions | seconds | peak MB |"]
    lines += ["|---|---|---|---|---|---|---|---|"]
    for path in sorted(FOLDER.glob("[0-9]*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        head = "".join(cells[0]["source"])
        title = re.search(r"^# (.*)$", head, re.M)[1]
        question = re.search(r"^\*([^*].*)\*$", head, re.M)[1]
        reading, tasks = re.search(r"(\d+) minutes of reading and (\d+) minutes of exercises", head).groups()
        needs = ", ".join(re.findall(r"\((\d\d)_\w+\.ipynb\)", head.split("**Needs:**")[1].split("\n\n")[0])) or "-"
        checks = {c for cell in cells for c in re.findall(r"exercises\.(check_\w+)", "".join(cell["source"]))}
        row = measured.loc[path.stem]
        lines.append(
            f"| [{title}]({path.name}) | {question} | {reading} + {tasks} | {needs} | {len(checks)} | "
            f"[{path.stem[:2]}](solutions/{path.name}) | {row.seconds:.0f} | {row.peak_mb:.0f} |"
        )
    return "\n".join(lines)


def write_table() -> None:
    """Put the course table into notebooks/README.md, between its two marks."""
    pack = FOLDER / "README.md"
    before, after = re.split(
        r"(?<=<!-- table -->\n).*?(?=<!-- end of table -->)", pack.read_text(encoding="utf-8"), flags=re.S
    )
    pack.write_text(f"{before}{course_table()}\n{after}", encoding="utf-8")


def main(names: list[str]) -> int:
    """Measure the named notebooks (all, if none is named), put their rows into measured.csv, and write the table."""
    if names == ["--table"]:
        write_table()
        return 0
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    paths = [path for path in sorted(FOLDER.glob("*.ipynb")) if not names or path.stem in names]
    target = FOLDER / "measured.csv"
    rows = {row["notebook"]: row for row in pd.read_csv(target).to_dict("records")} if target.exists() else {}
    over = []
    for path in paths:
        row = rows[path.stem] = measure(path)
        print("{notebook}: {seconds} s ({cpu_seconds} s of processor),".format(**row), end=" ")
        print("{peak_mb} MB at most, {imports_mb} MB after the imports".format(**row))
        over += [path.stem] * (
            min(row["seconds"], row["cpu_seconds"]) > SECONDS
            or row["peak_mb"] >= PEAK_MB
            or row["peak_mb"] - row["imports_mb"] > ABOVE_IMPORTS_MB
        )
    there = {path.stem for path in FOLDER.glob("*.ipynb")}
    pd.DataFrame([rows[name] for name in sorted(rows) if name in there]).to_csv(target, index=False)
    write_table()
    print(f"over a limit: {', '.join(over)}" if over else "all within the limits")
    return int(bool(over))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
