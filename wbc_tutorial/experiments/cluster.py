"""Cluster: the same runs on a running Dask cluster, wherever Dask's own deployments put it."""

import logging
import os
import platform
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import torch

from wbc_tutorial import __version__

__all__ = ["results"]

PATIENCE = 15
"""Seconds to wait for a scheduler, and for a worker to take the place of the last one."""

ANSWER = 30
"""Seconds that an answer may take; the first one imports torch."""

LOOK_EVERY = 1.0
"""Seconds between two looks at the workers while runs are under way."""

DEATHS = 3
"""How many workers may die in one and the same run before it is given up."""


def results(
    function: Callable,
    jobs: list[tuple],
    address: str,
    *,
    data: str | None = None,
    device: str = "cpu",
    say: Callable[[str], None] = print,
) -> Iterator:
    """Yield ``function(*job)`` for each job, in the order in which the workers finish.

    Every worker is asked first which versions it has and whether it reads the images. Those that cannot be used are
    named and get no job. Each of the others runs one job at a time. A worker that dies loses nothing: another one, or
    the one that takes its place, does its job again.

    Parameters
    ----------
    function : callable
    jobs : list of tuple
        Arguments; they and what comes back must be picklable.
    address : str
        Of the scheduler, such as ``tcp://127.0.0.1:8786``.
    data : str, default=None
        Folder that each worker must be able to read, as an absolute path.
    device : str, default="cpu"
        What each worker must have, as torch calls it.
    say : callable, default=print
        Told which workers are not used, and why.

    Raises
    ------
    ModuleNotFoundError
        Without dask.distributed.
    ConnectionError
        When no scheduler answers, no worker can be used, all are lost, or one job ends several workers.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise ModuleNotFoundError(
            f"--scheduler needs dask.distributed ({error}): python -m pip install -e '.[cluster]'"
        ) from error
    with _quiet():
        try:
            client = Client(address, timeout=PATIENCE, set_as_default=False)
        except (OSError, ValueError, TypeError) as error:
            raise ConnectionError(
                f"no Dask scheduler answers at {address} ({error or type(error).__name__}): start one with `dask "
                "scheduler` and workers with `dask worker ADDRESS --nworkers 2 --nthreads 1`, or leave out --scheduler"
            ) from error
        with client:
            yield from _spread(client, _Workers(client, address, data, device, say), function, jobs)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Dask from logging what is said here in one line."""
    loggers = [logging.getLogger(name) for name in ("distributed", "distributed.client")]
    before = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.CRITICAL)
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)


def _spread(client, workers: "_Workers", function: Callable, jobs: list[tuple]) -> Iterator:
    """Give each usable worker one job at a time, and yield what comes back."""
    task = partial(_with_threads, function, torch.get_num_threads())
    waiting, running, deaths = list(range(len(jobs)))[::-1], {}, Counter()  # numbers of jobs; future -> number, worker
    while waiting or running:
        here = workers.usable()
        busy = {worker for _, worker in running.values()}
        for worker in [worker for worker in here if worker not in busy][: len(waiting)]:
            number = waiting.pop()
            future = client.submit(task, jobs[number], workers=[worker], allow_other_workers=False, pure=False)
            running[future] = number, worker
        for future in _done_or_lost(running, here):
            number, _ = running.pop(future)
            if future.status == "finished":
                yield future.result(timeout=ANSWER)
                continue
            _raise_what_the_run_raised(future)
            future.cancel()
            waiting.append(number)
            deaths[number] += 1
            if deaths[number] == DEATHS:
                raise ConnectionError(
                    f"one run ended {DEATHS} workers, most likely for memory: give them more with --memory-limit; "
                    "finished runs are kept"
                )


def _with_threads(function: Callable, n_threads: int, arguments: tuple):
    """Run on a worker with as many threads as here: another number would change the last digits."""
    torch.set_num_threads(n_threads)
    return function(*arguments)


def _done_or_lost(running: dict, here: list[str]) -> list:
    """Return the futures that are done or whose worker is gone; wait for one, `LOOK_EVERY` seconds at most."""
    end = time.monotonic() + LOOK_EVERY
    while True:
        found = [future for future, (_, worker) in running.items() if future.done() or worker not in here]
        if found or time.monotonic() > end:
            return found
        time.sleep(0.02)


def _raise_what_the_run_raised(future) -> None:
    """Raise the error that a job ended with; not that its worker died, nor that it was lost with the scheduler."""
    from distributed import KilledWorker

    if future.status == "error" and not isinstance(error := future.exception(timeout=ANSWER), KilledWorker):
        raise error


class _Workers:
    """The workers of a cluster: asked once each what they have; those that can be used are kept."""

    def __init__(self, client, address: str, data: str | None, device: str, say: Callable[[str], None]):
        self.client, self.address, self.say = client, address, say
        self.question = (_describe, data, device)
        self.good, self.unfit, self.since = set(), {}, time.monotonic()
        try:
            with self._answering():
                client.run_on_scheduler(_versions, callback_timeout=ANSWER)
        except (ImportError, AttributeError) as error:
            raise ConnectionError(
                f"the Dask scheduler at {address} lacks this package ({error}): start it where the package is installed"
            ) from error

    def usable(self) -> list[str]:
        """Return the addresses of those that can be used now; wait a little where there is none."""
        while True:
            with self._answering():
                there = self.client.nthreads(callback_timeout=ANSWER)
                if new := [worker for worker in there if worker not in self.good and worker not in self.unfit]:
                    self._ask(new)
            if here := [worker for worker in there if worker in self.good]:
                self.since = time.monotonic()
                return here
            if time.monotonic() - self.since > PATIENCE or (there and not self.good):
                raise ConnectionError(self._nobody())
            time.sleep(LOOK_EVERY)

    @contextmanager
    def _answering(self) -> Iterator[None]:
        """Turn whatever a connection ends with into one line."""
        try:
            yield
        except (OSError, RuntimeError, ValueError, CancelledError) as error:  # a TimeoutError is an OSError
            raise ConnectionError(
                f"the Dask scheduler at {self.address} no longer answers ({error or type(error).__name__}): start it "
                "again; finished runs are kept"
            ) from error

    def _ask(self, new: list[str]) -> None:
        """Ask workers what they have, all at once; where one keeps all waiting, one by one."""
        try:
            answers = self._answers(new, ANSWER)
        except TimeoutError:
            answers = {}
            for worker in new:
                with suppress(TimeoutError):
                    answers |= self._answers([worker], ANSWER / 6)
        for worker in new:
            unfit, note = _judged(answers.get(worker, "it does not answer"))
            if unfit:
                self.unfit[worker] = unfit
                self.say(f"worker {worker} is not used: {unfit}")
            else:
                self.good.add(worker)
                if note:
                    self.say(f"worker {worker}: {note}")

    def _answers(self, workers: list[str], limit: float) -> dict:
        return self.client.run(*self.question, workers=workers, on_error="return", callback_timeout=limit)

    def _nobody(self) -> str:
        if self.good:
            return f"all workers of {self.address} that could be used are gone: start new ones; finished runs are kept"
        if self.unfit:
            return (
                f"no worker of {self.address} can be used ({'; '.join(f'{w}: {why}' for w, why in self.unfit.items())})"
                ": install this package there (python -m pip install -e .), and put the images where --data says"
            )
        return (
            f"the Dask scheduler at {self.address} has no worker: `dask worker {self.address} --nworkers 2 "
            "--nthreads 1`"
        )


def _describe(data: str | None, device: str) -> dict:
    """Say, on a worker, which versions it has, and what it lacks of the images and the device."""
    lacks = []
    if data is not None and not (Path(data).is_dir() and os.access(data, os.R_OK | os.X_OK)):
        lacks.append(f"it cannot read {data}")
    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError):
        lacks.append(f"it has no {device}")
    return {"lacks": lacks} | _versions()


def _versions() -> dict[str, str]:
    return {"wbc_tutorial": __version__, "python": platform.python_version(), "torch": torch.__version__}


def _judged(answer) -> tuple[str, str]:
    """Return why a worker cannot be used, "" if it can, and what else there is to say about it."""
    if not isinstance(answer, dict):  # an exception: the package, torch, or another part of it is not there
        return " ".join(str(answer).split()) or type(answer).__name__, ""
    ours = _versions()
    if answer["wbc_tutorial"] != ours["wbc_tutorial"]:
        return f"it has wbc_tutorial {answer['wbc_tutorial']}, here is {ours['wbc_tutorial']}", ""
    others = [f"{name} {answer[name]}, here {ours[name]}" for name in ("python", "torch") if answer[name] != ours[name]]
    note = f"it has {' and '.join(others)}: the last digits of its scores may differ" if others else ""
    return "; ".join(answer["lacks"]), note
