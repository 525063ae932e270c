"""Cluster: the same runs on a running Dask cluster, wherever Dask's own deployments put it."""

from collections.abc import Callable, Iterator

import torch

__all__ = ["results"]

PATIENCE = 10
"""Seconds that a scheduler may take to answer."""


def _with_threads(function: Callable, n_threads: int, arguments: tuple):
    """Run on a worker with as many threads as here: another number would change the last digits."""
    torch.set_num_threads(n_threads)
    return function(*arguments)


def results(function: Callable, jobs: list[tuple], address: str) -> Iterator:
    """Yield ``function(*job)`` for each job, in the order in which the workers finish.

    A worker that dies loses nothing: the scheduler gives its run to another one. Each worker runs one job at a time
    when it is started with ``--nthreads 1``, as the README shows; the package, the extra ``cluster`` and the folder of
    images must be there too.

    Parameters
    ----------
    function : callable
    jobs : list of tuple
        Arguments; they and what comes back must be picklable.
    address : str
        Of the scheduler, such as ``tcp://127.0.0.1:8786``.

    Raises
    ------
    ModuleNotFoundError
        Without dask.distributed.
    ConnectionError
        When no scheduler answers, it has no worker, or one run ends several workers.
    """
    try:
        from distributed import Client, KilledWorker, as_completed
    except ImportError as error:
        raise ModuleNotFoundError(
            f"--scheduler needs dask.distributed ({error}): python -m pip install -e '.[cluster]'"
        ) from error
    try:
        client = Client(address, timeout=PATIENCE, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:
        raise ConnectionError(
            f"no Dask scheduler answers at {address} ({error or type(error).__name__}): start one with `dask "
            "scheduler` and workers with `dask worker ADDRESS --nworkers 2 --nthreads 1`, or leave out --scheduler"
        ) from error
    with client:
        try:
            client.wait_for_workers(1, timeout=PATIENCE)
        except TimeoutError:
            raise ConnectionError(
                f"the Dask scheduler at {address} has no worker: `dask worker {address} --nworkers 2 --nthreads 1`"
            ) from None
        n_threads = torch.get_num_threads()
        futures = [client.submit(_with_threads, function, n_threads, job, pure=False) for job in jobs]
        try:
            for future in as_completed(futures, loop=client.loop):
                yield future.result()
                future.release()
        except KilledWorker as error:
            raise ConnectionError(
                f"one run ended several workers, most likely for memory ({error}): give them more with "
                "--memory-limit; finished runs are kept"
            ) from error
