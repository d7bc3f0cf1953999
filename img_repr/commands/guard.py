"""Error handling of the command line: every exception becomes one sentence on stderr and an exit code."""

import io
import logging
import os
import sys
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from img_repr.console import complain, messages, notes
from img_repr.core.errors import DegenerateSampleWarning, ImgReprError

TRACEBACK_VARIABLE = "IMG_REPR_TRACEBACK"
STOPPED = 130  # exit code after Ctrl-C
_STANDARD_STREAMS = 3


class Stopped(SystemExit):
    """Ctrl-C was pressed; ``said`` is the sentence to print."""

    def __init__(self, said: str) -> None:
        super().__init__(STOPPED)
        self.said = said


@contextmanager
def in_plain_words(*, with_traceback: bool = False) -> Iterator[None]:
    """Turn every error into one sentence on stderr and exit code 2, and warnings into notes.

    ``with_traceback``, or a value of ``IMG_REPR_TRACEBACK``, prints the traceback above the sentence.
    """
    _prepare_streams()
    log = logging.getLogger("img_repr")
    log.setLevel(logging.INFO)
    log.addHandler(notes)
    notes.shown.clear()
    try:
        with warnings.catch_warnings():
            warnings.showwarning = notes.warned
            warnings.simplefilter("default", DegenerateSampleWarning)
            yield
            if sys.stdout is not None:
                sys.stdout.flush()  # finds a full disk here, not when the interpreter ends
    except BaseException as error:
        if with_traceback or os.environ.get(TRACEBACK_VARIABLE):
            with suppress(Exception):
                traceback.print_exception(error)
        code = _report(error)
        _abandon_stdout()
        raise SystemExit(code) from error
    finally:
        log.removeHandler(notes)


def _report(error: BaseException) -> int:
    """Print what ended a command, and return its exit code."""
    if type(error).__name__ == "Abort" and error.__cause__ is not None:  # click's word for the end of a file
        error = error.__cause__
    if isinstance(error, SystemExit) and isinstance(error.__context__, BrokenPipeError):  # click ends so
        error = error.__context__
    if isinstance(error, KeyboardInterrupt) or (isinstance(error, SystemExit) and error.code == STOPPED):
        said = error.said if isinstance(error, Stopped) else "stopped; what was finished is kept"
        messages.print(said, style="yellow", soft_wrap=True)
        return STOPPED
    if isinstance(error, SystemExit) and _is_of_typer(error):  # --show-completion and the like
        return error.code if isinstance(error.code, int) else 0
    if type(error).__name__ == "NoArgsIsHelpError":
        error.show()  # type: ignore[attr-defined]
    elif hasattr(error, "format_message"):  # click's errors of usage
        context = getattr(error, "ctx", None)
        help_at = f" (see {context.command_path} --help)" if context else ""
        complain(f"{error.format_message().rstrip('.')}{help_at}")
    else:
        complain(refusal(error) or unexpected(error))
    return 2


def _is_of_typer(error: SystemExit) -> bool:
    """Whether the command line library itself ended the command."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    return bool(frames) and frames[-1].f_globals.get("__name__", "").partition(".")[0] in ("typer", "click")


def refusal(error: BaseException) -> str | None:
    """Return the message of an error that a user can fix (bad input, a file, memory); else None."""
    if isinstance(error, ImgReprError):
        return str(error)
    if isinstance(error, OSError):
        said = error.strerror or str(error) or type(error).__name__
        return f"{os.fspath(error.filename)!s}: {said}" if error.filename else said
    if isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and "allocate" in str(error)):
        return f"there is not enough memory{f': {error}' if str(error) else ''}"
    return None


def unexpected(error: BaseException) -> str:
    """Return the message of any other error, with the way to its traceback."""
    if isinstance(error, RecursionError):
        said = "the input is nested too deeply"
    elif isinstance(error, SystemExit):
        said = f"a part of the program ended the command by sys.exit({error.code!r})"
    else:
        said = f"unexpected {type(error).__name__}{f': {error}' if str(error) else ''}"
    return f"{said}; for the traceback, run the same command with --traceback"


def _prepare_streams() -> None:
    """Let stdout and stderr print any text, and reserve the numbers of closed standard streams."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            with suppress(OSError, ValueError):
                stream.reconfigure(errors="backslashreplace")
    if None in (sys.stdin, sys.stdout, sys.stderr):
        with suppress(OSError):
            while (number := os.open(os.devnull, os.O_RDWR)) < _STANDARD_STREAMS:
                pass
            os.close(number)


def _abandon_stdout() -> None:
    """Flush stdout, or discard its buffer, so that the interpreter does not complain when it exits."""
    if sys.stdout is None:
        return
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        with suppress(OSError, ValueError):
            number = os.open(os.devnull, os.O_WRONLY)
            os.dup2(number, sys.stdout.fileno())
            os.close(number)
