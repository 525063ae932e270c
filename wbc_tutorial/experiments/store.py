"""The results store: one row a result, each file whole or not at all, so that a killed run continues where it was."""

import json
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import numpy as np
import pandas as pd
from filelock import FileLock, Timeout

from wbc_tutorial.data.checks import path_of

__all__ = ["COLUMNS", "KEY", "ResultsStore", "read_predictions", "whole_file"]

KEY = ["benchmark", "method", "fold", "seed", "domain", "split"]
"""The columns that name a row; no two rows share them."""

COLUMNS = [
    *KEY,
    *("recipe", "n_images", "f1_micro", "f1_macro", "f1_macro_all", "f1_macro_min10", "balanced_accuracy"),
    *("seconds_per_step", "peak_memory_mb", "backbone", "steps", "version"),
]
"""The columns that every ``results.csv`` has; there may be more."""

_WORDS = ("benchmark", "method", "domain", "split", "recipe", "backbone", "version")

_WHOLE = ("fold", "seed", "n_images", "steps")

FORMAT = "wbc_tutorial results"
"""What ``settings.json`` says of itself: a folder without it is not ours, and nothing in it is touched."""

OWN = ".wbc_tutorial-"
"""How the names of the lock and of unfinished files begin; only files named so are ever deleted."""


@contextmanager
def whole_file(path: Path) -> Iterator[IO[bytes]]:
    """Open a temporary file beside `path` that takes its name only once it is complete, on disk and closed.

    Parameters
    ----------
    path : path
        Folders that do not exist are made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    number, part = tempfile.mkstemp(dir=path.parent, prefix=OWN, suffix=".part")
    try:
        with open(number, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(part, 0o644)
        os.replace(part, path)  # after closing: Windows renames no open file
    except BaseException as error:
        with suppress(OSError):
            os.unlink(part)
        if isinstance(error, OSError):
            error.filename = error.filename or str(path)  # a full disk does not say which file
        raise


def read_predictions(path: str | Path) -> dict[str, np.ndarray]:
    """Read the predictions of one run.

    Parameters
    ----------
    path : path
        ``predictions/<method>-fold<fold>-seed<seed>.npz`` of a results store.

    Returns
    -------
    dict
        ``logits`` (N, C), ``truth`` (N,), ``domains`` (N,) names, ``unseen`` (N,) bool: the laboratory was not trained
        on; ``image`` (N,) which of the benchmark's images each is; ``in_picture`` (N,) bool and ``features`` of those
        images; ``classes`` (C,) names.

    Raises
    ------
    FileNotFoundError, ValueError
        When there is no such file, or it was cut or is another kind of file.
    """
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as stored:
            return dict(stored)
    except FileNotFoundError:
        raise FileNotFoundError(f"{path} is missing: the predictions of this run are not there") from None
    except Exception as error:  # a cut archive raises almost anything
        raise ValueError(
            f"{path} is damaged ({error}): put it back from a copy, or delete it; the scores in results.csv do not "
            "need it"
        ) from error


class ResultsStore:
    """The results of an experiment in a folder of their own.

    ``results.csv`` holds one row per (benchmark, method, fold, seed, domain, split), ``predictions/`` the logits of
    each run, ``models/`` its network, ``settings.json`` what the rows depend on. A run is recorded when its rows stand
    in ``results.csv``: what a killed run left behind without them is written over when the run is done again.

    Parameters
    ----------
    folder : path
        New, empty, or begun by this class with the same settings. Any other folder is refused, and not touched.
    settings : dict
        What the results depend on, as JSON values. A folder that was begun with other settings is refused.

    Raises
    ------
    ValueError
        A folder that is refused or in use by another run, or whose files cannot be read. The message says how to go on.
    OSError
        A folder that cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, ResultsStore(f"{folder}/mine", {"steps": 30}) as store:
    ...     store.has("erm", fold=0, seed=0)
    False
    """

    def __init__(self, folder: str | Path, settings: dict):
        self.folder = path_of("out", folder)
        self.results = self.folder / "results.csv"
        self._recognise()
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(self.folder / f"{OWN}lock")
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise ValueError(f"{self.folder} is in use by another run: wait for it, or give another --out") from None
        except NotImplementedError:
            raise ValueError(
                f"{self.folder} lies on a file system without locks: give --out a folder on another disk"
            ) from None
        try:
            self._settle(json.loads(json.dumps(settings)))
            self._tidy()
            self.rows()
        except BaseException:
            self._lock.release()
            raise

    def _recognise(self) -> None:
        """Refuse what is not ours before anything is written, renamed or deleted."""
        if self.folder.exists() and not self.folder.is_dir():
            raise ValueError(f"{self.folder} is a file: give --out a folder")
        if not self.folder.is_dir():
            return
        names = {path.name for path in self.folder.iterdir() if not path.name.startswith(OWN)}
        if "cells.csv" in names:
            raise ValueError(f"{self.folder} is a prepared set of images: give --out another folder")
        if names:
            self._settings()

    def _settings(self) -> dict:
        """Return what settings.json holds; refuse a folder in which it is missing or not ours."""
        path = self.folder / "settings.json"
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise ValueError(
                f"{self.folder} holds other files and no settings.json of this program: give --out a new folder"
            ) from None
        except ValueError as error:
            raise ValueError(
                f"{path} cannot be read ({error}): put it back from a copy, or give another --out"
            ) from None
        if not isinstance(found, dict) or found.get("format") != FORMAT:
            raise ValueError(
                f'{path} does not say "format": "{FORMAT}", so the folder is not a results folder of this program: '
                "give another --out"
            )
        return found

    def _settle(self, settings: dict) -> None:
        """Write the settings into a folder without any run; compare them with those of another one."""
        path = self.folder / "settings.json"
        if not any(each != path and not each.name.startswith(OWN) for each in self.folder.iterdir()):
            with whole_file(path) as file:
                file.write(json.dumps({"format": FORMAT} | settings, indent=2, ensure_ascii=False).encode())
            return
        before = self._settings()
        changed = [key for key in {**before, **settings} if key != "format" and before.get(key) != settings.get(key)]
        if changed:
            was = ", ".join(f"{key} was {before.get(key)} and is now {settings.get(key)}" for key in changed)
            raise ValueError(f"{self.folder} holds results with other settings ({was}): give another --out")

    def _tidy(self) -> None:
        """Delete what a killed run left unfinished: own temporary names, here and one folder below."""
        for place in (self.folder, self.folder / "predictions", self.folder / "models"):
            for half in place.glob(f"{OWN}*.part"):
                half.unlink(missing_ok=True)

    def close(self) -> None:
        """Let another run use the folder."""
        self._lock.release()

    def __enter__(self) -> "ResultsStore":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def rows(self) -> pd.DataFrame:
        """Return all rows recorded so far, sorted by `KEY`.

        Raises
        ------
        ValueError
            When another program changed ``results.csv`` so that it cannot be read.
        """
        if not self.results.exists():
            return pd.DataFrame(columns=COLUMNS)
        try:  # as text first: a laboratory may be called 7 or NA
            rows = pd.read_csv(self.results, dtype=str, keep_default_na=False)
        except ValueError as error:  # empty, not text, or ragged
            raise ValueError(self._spoilt(" ".join(str(error).split()))) from None
        if not isinstance(rows.index, pd.RangeIndex):
            raise ValueError(self._spoilt("its rows are longer than its header"))
        missing = [name for name in COLUMNS if name not in rows]
        if missing:
            raise ValueError(self._spoilt(f"no column {', '.join(missing)}"))
        for name in rows.columns.difference(_WORDS):
            try:
                rows[name] = rows[name].replace("", "nan").astype(float).astype(int if name in _WHOLE else float)
            except ValueError as error:
                raise ValueError(self._spoilt(f"no number in the column {name}: {error}")) from None
        return rows

    def _spoilt(self, what: str) -> str:
        return (
            f"{self.results} cannot be read ({what}); was it saved by a spreadsheet program? Put it back from a copy, "
            "or give another --out"
        )

    def has(self, method: str, fold: int, seed: int) -> bool:
        """Say whether this run is recorded."""
        rows = self.rows()
        return bool(((rows.method == method) & (rows.fold == fold) & (rows.seed == seed)).any())

    def predictions(self, method: str, fold: int, seed: int) -> dict[str, np.ndarray]:
        """Return the predictions of a recorded run, as `read_predictions` does."""
        return read_predictions(self._predictions_path(method, fold, seed))

    def _predictions_path(self, method: str, fold: int, seed: int) -> Path:
        return self.folder / "predictions" / f"{method}-fold{fold}-seed{seed}.npz"

    def model_path(self, method: str, fold: int, seed: int) -> Path:
        """Return where the network of a run belongs; it is there before the run is recorded."""
        return self.folder / "models" / f"{method}-fold{fold}-seed{seed}.pt"

    def record(self, rows: Iterable[dict], predictions: dict[str, np.ndarray]) -> None:
        """Keep one finished run: predictions first, then its rows, each file whole or not at all.

        Parameters
        ----------
        rows : iterable of dict
            One dict a row, with the keys `COLUMNS`.
        predictions : dict
            As `read_predictions` returns it.
        """
        new = pd.DataFrame(list(rows))
        missing = [name for name in COLUMNS if name not in new]
        if missing:
            raise ValueError(f"rows without {', '.join(missing)}; expected the columns {', '.join(COLUMNS)}")
        first = new.iloc[0]
        with whole_file(self._predictions_path(first.method, first.fold, first.seed)) as file:
            np.savez_compressed(file, **predictions)
        before = self.rows()
        table = new if before.empty else pd.concat([before, new], ignore_index=True)
        table = table.drop_duplicates(KEY, keep="last").sort_values(KEY, ignore_index=True)
        with whole_file(self.results) as file:
            file.write(table.to_csv(index=False).encode())
