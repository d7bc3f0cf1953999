"""The last guard: every error is one sentence and an exit code, on every kind of stdout."""

import os
import signal
import subprocess
import sys

import pytest

from img_repr.commands.guard import Stopped, in_plain_words
from img_repr.core.errors import DataError, ParameterError, SampleError


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (SampleError("gadf: bad"), "gadf: bad"),
        (FileNotFoundError(2, "No such file or directory", "a/[b]"), "a/[b]: No such file or directory"),
        (OSError("odd"), "odd"),
        (MemoryError("Unable to allocate 3 TiB"), "there is not enough memory: Unable to allocate 3 TiB"),
        (MemoryError(), "there is not enough memory"),
        (RuntimeError("can't allocate memory"), "there is not enough memory: can't allocate memory"),
    ],
)
def test_an_error_that_a_user_can_mend_is_one_sentence_and_exit_code_2(capsys, error, said):
    with pytest.raises(SystemExit) as done, in_plain_words():
        raise error
    assert done.value.code == 2
    assert capsys.readouterr().err == f"error: {said}\n"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (RuntimeError("shapes\n differ"), "unexpected RuntimeError: shapes differ"),
        (KeyError("x"), "unexpected KeyError: 'x'"),
        (ZeroDivisionError(), "unexpected ZeroDivisionError"),
        (RecursionError("maximum"), "the input is nested too deeply"),
        (SystemExit(3), "a part of the program ended the command by sys.exit(3)"),
        (SystemExit(0), "a part of the program ended the command by sys.exit(0)"),
        (UnicodeEncodeError("ascii", "é", 0, 1, "no"), "unexpected UnicodeEncodeError: "),
        (EOFError("no data left in file"), "unexpected EOFError: no data left in file"),
    ],
)
def test_an_unexpected_error_is_one_sentence_with_the_way_to_its_traceback(capsys, error, said):
    with pytest.raises(SystemExit) as done, in_plain_words():
        raise error
    assert done.value.code == 2
    line = capsys.readouterr().err
    assert line.startswith(f"error: {said}")
    assert line.endswith("; for the traceback, run the same command with --traceback\n")
    assert line.count("\n") == 1


@pytest.mark.parametrize("by", ["option", "variable"])
def test_the_traceback_is_shown_if_asked_for(capsys, monkeypatch, by):
    if by == "variable":
        monkeypatch.setenv("IMG_REPR_TRACEBACK", "1")
    with pytest.raises(SystemExit), in_plain_words(with_traceback=by == "option"):
        raise KeyError("x")
    said = capsys.readouterr().err
    assert said.startswith("Traceback (most recent call last)")
    assert "test_guard.py" in said


def test_an_interruption_keeps_its_exit_code_and_says_so(capsys):
    for error in (SystemExit(130), KeyboardInterrupt()):
        with pytest.raises(SystemExit) as done, in_plain_words():
            raise error
        assert done.value.code == 130
        assert capsys.readouterr().err == "stopped; what was finished is kept\n"
    with pytest.raises(SystemExit) as done, in_plain_words():
        raise Stopped("stopped in [epoch] 3")
    assert done.value.code == 130
    assert capsys.readouterr().err == "stopped in [epoch] 3\n"


@pytest.mark.parametrize("error", [DataError("x"), ParameterError("x")])
def test_warnings_filters_and_handlers_are_put_back(error):
    import logging
    import warnings

    shown = warnings.showwarning
    with pytest.raises(SystemExit), in_plain_words():
        raise error
    assert warnings.showwarning is shown
    assert not logging.getLogger("img_repr").handlers


def run(body: str, redirect: str = "", **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Run lines under the guard in a process of its own, with stdout and stderr as a shell redirects them."""
    program = f"from img_repr.commands.guard import in_plain_words\nwith in_plain_words():\n    {body}"
    return subprocess.run(
        ["sh", "-c", f'exec "$0" -c "$1" {redirect}', sys.executable, program],
        capture_output=True,
        timeout=180,
        env={**os.environ, **environment},
    )


SAY = "from img_repr.console import say; say('für')"


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_any_text_can_be_printed_in_any_encoding(encoding):
    done = run(
        "from img_repr.console import say, complain; say('日本 é \\udcff'); complain('日本')", PYTHONIOENCODING=encoding
    )
    assert done.returncode == 0, done.stderr
    assert b"\\udcff" in done.stdout
    assert b"Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    "body",
    [SAY, "print('x')", "from img_repr.console import print_table; print_table('t', ('a',), [('b',)])"],
    ids=["line", "buffered", "table"],
)
def test_output_into_a_full_disk_is_exit_code_2(body):
    done = run(body, ">/dev/full")
    assert done.returncode == 2
    assert done.stderr.count(b"\n") == 1
    assert b"No space left on device" in done.stderr


def test_a_reader_that_leaves_is_exit_code_2_without_a_traceback():
    reading, writing = os.pipe()
    os.close(reading)
    body = "[print('x' * 99) for _ in range(9999)]"
    program = f"from img_repr.commands.guard import in_plain_words\nwith in_plain_words():\n    {body}"
    done = subprocess.run([sys.executable, "-c", program], stdout=writing, stderr=subprocess.PIPE, timeout=180)
    os.close(writing)
    assert done.returncode == 2
    assert done.stderr == b"error: Broken pipe\n"


def test_a_closed_stdout_loses_no_file_to_a_print():
    body = "file = open('/dev/null'); print(file.fileno(), file=__import__('sys').stderr)"
    done = run(body, ">&-")
    assert done.returncode == 0
    assert int(done.stderr) > 2


def test_a_stderr_that_takes_nothing_changes_no_exit_code():
    assert run("raise KeyError", "2>/dev/full").returncode == 2
    assert run(SAY, "2>&-").stdout == "für\n".encode()


def test_ctrl_c_during_an_import_is_a_sentence():
    body = f"import os, signal; os.kill(os.getpid(), {signal.SIGINT.value})\n    import time; time.sleep(9)"
    done = run(body)
    assert done.returncode == 130
    assert done.stderr == b"stopped; what was finished is kept\n"
