"""Errors: what goes wrong is said in one line; here is the frame that prints it and gives the exit code.

Only the standard library is imported here, so that Ctrl-C during the slow imports is answered by one line, too.
"""

import errno
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence

from real_sets.names import printable

__all__ = ["BadInput", "one_line_errors"]

_FIXES = {
    errno.ENOSPC: "the disk is full: free some space or choose another --out",
    errno.EDQUOT: "your disk quota is used up: free some space or choose another --out",
    errno.EACCES: "no permission: choose a folder that you may read and write",
    errno.EPERM: "no permission: choose a folder that you may read and write",
    errno.EROFS: "the disk is read-only: choose another --out",
    errno.EEXIST: "a file stands where a folder is needed: choose another --out",
    errno.ENOTDIR: "a file stands where a folder is needed: choose another --out",
    errno.ENAMETOOLONG: "the name is too long: choose a shorter --out",
}


class BadInput(ValueError):
    """Bad usage or bad data; the message names the file or value, what was expected, and the fix."""


def _stop(signum, frame):
    """Turn a termination signal into an ordinary exception, so that half-written folders are removed."""
    raise KeyboardInterrupt


def _print_any_name() -> None:
    """Let the screen or a log file take every name: what its encoding lacks is printed as an escape."""
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 (closed by who started this)
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _complain(text: str) -> int:
    """Print one line on stderr and return the exit code of bad usage or bad data."""
    print("error: " + printable(" ".join(text.split())), file=sys.stderr)
    return 2


def one_line_errors(main: Callable[[Sequence[str] | None], None], argv: Sequence[str] | None = None) -> int:
    """Run `main` and return the exit code: 0 done, 2 bad usage or bad data, 130 interrupted.

    Parameters
    ----------
    main : callable
        Takes the arguments; raises `BadInput` for what the user can fix. Its slow imports belong inside it.
    argv : sequence of str, optional
        Arguments; default: those of the command line.
    """
    in_main_thread = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGTERM, _stop) if in_main_thread else None
    _print_any_name()
    try:
        return _run(main, argv)
    finally:
        if in_main_thread:
            signal.signal(signal.SIGTERM, before or signal.SIG_DFL)


def _run(main: Callable[[Sequence[str] | None], None], argv: Sequence[str] | None) -> int:  # noqa: PLR0911
    """Run `main` and answer each kind of exception."""
    try:
        main(argv)
        return 0
    except BadInput as problem:
        return _complain(str(problem))
    except KeyboardInterrupt:
        print("interrupted: nothing was left under the final name; run the same command again", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except ModuleNotFoundError as problem:
        return _complain(f"the package {problem.name} is missing: in the folder that holds README.md, run "
                         "python -m pip install -e .")  # fmt: skip
    except MemoryError:
        return _complain("not enough memory: use fewer --jobs, or a smaller --size")
    except OSError as problem:
        fix = _FIXES.get(problem.errno, "check the path and the disk")
        unnamed = "the working folder" if problem.errno == errno.ENOENT else "a file"
        return _complain(f"{problem.filename or unnamed}: {problem.strerror or problem}; {fix}")
