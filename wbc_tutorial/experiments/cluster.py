"""Cluster: the same runs on a running Dask cluster, wherever Dask's own deployments put it."""

import logging
import os
import platform
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import torch

from wbc_tutorial import __version__

__all__ = ["results"]

PATIENCE = 15
"""Seconds that the scheduler, or a worker that is to take a lost one's place, may take to answer."""

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
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what it would say comes as one line of ours
    try:
        client = Client(address, timeout=PATIENCE, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:
        raise ConnectionError(
            f"no Dask scheduler answers at {address} ({error or type(error).__name__}): start one with `dask "
            "scheduler` and workers with `dask worker ADDRESS --nworkers 2 --nthreads 1`, or leave out --scheduler"
        ) from error
    with client:
        workers = _Workers(client, address, data, device, say)
        yield from _spread(client, workers, function, jobs)


def _spread(client, workers: "_Workers", function: Callable, jobs: list[tuple]) -> Iterator:
    """Give each usable worker one job at a time, and yield what comes back."""
    n_threads = torch.get_num_threads()
    waiting, running, deaths = list(enumerate(jobs))[::-1], {}, Counter()
    while waiting or running:
        here = workers.usable()
        for future in [future for future, (_, worker) in running.items() if worker not in here]:
            number, job = running.pop(future)[0]  # its worker is gone
            future.cancel()
            waiting.append((number, job))
            deaths[number] += 1
        busy = {worker for _, worker in running.values()}
        for worker in (worker for worker in here if worker not in busy):
            if waiting:
                number, job = waiting.pop()
                options = {"workers": [worker], "allow_other_workers": False, "pure": False}
                running[client.submit(_with_threads, function, n_threads, job, **options)] = (number, job), worker
        for future in _finished(running):
            number, job = running.pop(future)[0]
            found = _outcome(future)
            if found is None:
                waiting.append((number, job))
                deaths[number] += 1
            else:
                yield found[0]
        if deaths and max(deaths.values()) >= DEATHS:
            raise ConnectionError(
                f"one run ended {DEATHS} workers, most likely for memory: give them more with --memory-limit"
            )


def _with_threads(function: Callable, n_threads: int, arguments: tuple):
    """Run on a worker with as many threads as here: another number would change the last digits."""
    torch.set_num_threads(n_threads)
    return function(*arguments)


def _finished(running: dict) -> list:
    """Wait until a future is done, `LOOK_EVERY` seconds at most, and return those that are."""
    from distributed import wait

    try:
        return list(wait(list(running), timeout=LOOK_EVERY, return_when="FIRST_COMPLETED").done) if running else []
    except Exception:  # not yet; or futures that were lost with the scheduler: the next look says so
        time.sleep(LOOK_EVERY / 10)
        return [future for future in running if future.status == "error"]


def _outcome(future) -> tuple | None:
    """Return what a future brought, in a tuple; None when its worker died; raise what the run itself raised."""
    from distributed import KilledWorker

    if future.status == "finished":
        return (future.result(timeout=4 * PATIENCE),)
    if future.status != "error" or isinstance(error := future.exception(timeout=PATIENCE), KilledWorker):
        return None
    raise error


class _Workers:
    """The workers of a cluster: asked once each what they have; those that can be used are kept."""

    def __init__(self, client, address: str, data: str | None, device: str, say: Callable[[str], None]):
        self.client, self.address, self.data, self.device, self.say = client, address, data, device, say
        self.good, self.unfit, self.since = set(), {}, time.monotonic()

    def usable(self) -> list[str]:
        """Return the addresses of those that can be used now; wait a little where there is none."""
        while True:
            there = self._ask_scheduler(self.client.nthreads)
            if new := [worker for worker in there if worker not in self.good and worker not in self.unfit]:
                self._ask(new)
            if here := [worker for worker in there if worker in self.good]:
                self.since = time.monotonic()
                return here
            if time.monotonic() - self.since > PATIENCE or (there and not self.good):
                raise ConnectionError(self._nobody())
            time.sleep(LOOK_EVERY)

    def _nobody(self) -> str:
        if self.good:
            return f"all workers of {self.address} that could be used are gone: start new ones"
        if self.unfit:
            return (
                f"no worker of {self.address} can be used ({'; '.join(f'{w}: {why}' for w, why in self.unfit.items())})"
                ": install this package there (python -m pip install -e .), and put the images where --data says"
            )
        return f"the Dask scheduler at {self.address} has no worker: `dask worker {self.address} --nthreads 1`"

    def _ask(self, new: list[str]) -> None:
        """Ask workers what they have, and keep those that can be used."""
        answers = self._ask_scheduler(
            self.client.run, _describe, self.data, self.device, workers=new, on_error="return"
        )
        for worker in new:
            unfit, note = _judged(answers.get(worker, "it does not answer"))
            if unfit:
                self.unfit[worker] = unfit
                self.say(f"worker {worker} is not used: {unfit}")
            else:
                self.good.add(worker)
                if note:
                    self.say(f"worker {worker}: {note}")

    def _ask_scheduler(self, question: Callable, *arguments, **options):
        """Ask, and wait for the answer no longer than `PATIENCE` allows."""
        try:
            return question(*arguments, callback_timeout=2 * PATIENCE, **options)
        except (Exception, TimeoutError) as error:  # whatever the connection ended with
            raise ConnectionError(
                f"the Dask scheduler at {self.address} no longer answers ({error or type(error).__name__}): start it "
                "again"
            ) from error


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
