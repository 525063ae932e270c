"""What goes wrong is said in one line: the error both scripts raise, and the frame that prints it."""

import argparse
import errno
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence

__all__ = ["BadInput", "OneLineParser", "one_line_errors"]


class BadInput(ValueError):
    """Bad usage or bad data; the message names the file and the cure."""


class OneLineParser(argparse.ArgumentParser):
    """A parser whose complaint is one line, like every other complaint here."""

    def error(self, message: str):
        """Raise `BadInput` instead of printing the whole usage."""
        raise BadInput(f"{message}; see {self.prog} --help")


def _stop(signum, frame):
    """Turn a termination signal into an ordinary exception, so that half-written folders are removed."""
    raise KeyboardInterrupt


def one_line_errors(main: Callable[[Sequence[str] | None], None], argv: Sequence[str] | None = None) -> int:
    """Run `main` and return the exit code: 0 done, 2 bad usage or bad data, 130 interrupted.

    Parameters
    ----------
    main : callable
        Takes the arguments; raises `BadInput` for what the user can cure.
    argv : sequence of str, optional
        Arguments; default: the command line's.
    """
    in_main_thread = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGTERM, _stop) if in_main_thread else None
    try:
        main(argv)
    except BadInput as problem:
        print("error: " + " ".join(str(problem).split()), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted: nothing was left under the final name; run the same command again", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as problem:
        cures = {
            errno.ENOSPC: "the disk is full: free some space or choose another --out",
            errno.EDQUOT: "your disk quota is used up: free some space or choose another --out",
            errno.EACCES: "no permission: choose a folder you may read and write",
            errno.EROFS: "the disk is read-only: choose another --out",
        }
        cure = cures.get(problem.errno, "check the path and the disk")
        print(f"error: {problem.filename or 'a file'}: {problem.strerror or problem}; {cure}", file=sys.stderr)
        return 2
    finally:
        if in_main_thread:
            signal.signal(signal.SIGTERM, before or signal.SIG_DFL)
    return 0
