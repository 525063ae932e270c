"""The results store: one row a result, written whole or not at all, so that a killed run continues where it was."""

import json
import os
import tempfile
from collections.abc import Iterable
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
from filelock import FileLock, Timeout

__all__ = ["KEY", "ResultsStore"]

KEY = ["benchmark", "method", "fold", "seed", "domain", "split"]
"""The columns that name a row; no two rows share them."""


@contextmanager
def _whole(path: Path):
    """Open a temporary file beside `path` that takes its name only once it is complete and on disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=path.name, suffix=".part", delete=False) as file:
        try:
            yield file
            file.flush()
            os.fsync(file.fileno())
            os.chmod(file.name, 0o644)
            os.replace(file.name, path)
        except BaseException:
            os.unlink(file.name)
            raise


class ResultsStore:
    """Results of an experiment in a folder.

    ``results.csv`` holds one row per (benchmark, method, fold, seed, domain, split), ``predictions/`` the logits of
    each run, ``settings.json`` what the rows depend on. A run is recorded when its rows stand in ``results.csv``.

    Parameters
    ----------
    folder : path
    settings : dict
        What the results depend on. A folder that was begun with other settings is refused, never mixed.
    """

    def __init__(self, folder: str | Path, settings: dict):
        self.folder = Path(folder)
        self.results = self.folder / "results.csv"
        if self.folder.exists() and not self.folder.is_dir():
            raise ValueError(f"{self.folder} is a file; give --out a folder")
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(self.folder / ".lock")
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise ValueError(f"{self.folder} is in use by another run: wait for it, or give another --out") from None
        for half in self.folder.rglob("*.part"):  # a killed run's
            half.unlink()
        self._settle(json.loads(json.dumps(settings)))

    def _settle(self, settings: dict) -> None:
        path = self.folder / "settings.json"
        if path.exists():
            try:
                before = json.loads(path.read_text())
            except ValueError as error:
                raise ValueError(
                    f"{path} is not readable ({error}): give another --out, or delete the folder"
                ) from None
            changed = [key for key in {**before, **settings} if before.get(key) != settings.get(key)]
            if changed:
                was = ", ".join(f"{key} was {before.get(key)} and is now {settings.get(key)}" for key in changed)
                raise ValueError(f"{self.folder} holds results with other settings ({was}): give another --out")
        elif self.results.exists():
            raise ValueError(f"{self.results} exists without settings.json: give another --out")
        else:
            with _whole(path) as file:
                file.write(json.dumps(settings, indent=2).encode())

    def close(self) -> None:
        """Let another run use the folder."""
        self._lock.release()

    def __enter__(self) -> "ResultsStore":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def rows(self) -> pd.DataFrame:
        """Return all rows recorded so far, sorted by `KEY`."""
        if not self.results.exists():
            return pd.DataFrame(columns=KEY)
        return pd.read_csv(self.results)

    def has(self, method: str, fold: int, seed: int) -> bool:
        """Say whether this run is recorded."""
        rows = self.rows()
        return bool(((rows.method == method) & (rows.fold == fold) & (rows.seed == seed)).any())

    def predictions(self, method: str, fold: int, seed: int) -> dict[str, np.ndarray]:
        """Return ``logits, truth, domains, unseen`` of a recorded run, one entry an image."""
        with np.load(self._predictions_path(method, fold, seed), allow_pickle=False) as stored:
            return dict(stored)

    def _predictions_path(self, method: str, fold: int, seed: int) -> Path:
        return self.folder / "predictions" / f"{method}-fold{fold}-seed{seed}.npz"

    def record(self, rows: Iterable[dict], predictions: dict[str, np.ndarray]) -> None:
        """Keep one finished run: predictions first, then its rows, each file whole or not at all."""
        new = pd.DataFrame(list(rows))
        first = new.iloc[0]
        with _whole(self._predictions_path(first.method, first.fold, first.seed)) as file:
            np.savez_compressed(file, **predictions)
        before = self.rows()
        table = new if before.empty else pd.concat([before, new], ignore_index=True)
        table = table.drop_duplicates(KEY, keep="last").sort_values(KEY, ignore_index=True)
        with _whole(self.results) as file:
            file.write(table.to_csv(index=False).encode())
