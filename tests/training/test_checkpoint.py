"""Checkpoints under real kills, full disks and damage: a complete one exists at every moment.

The reason for its length: it tries all failures of disks, processes and foreign files.
"""

import ctypes
import json
import os
import random
import resource
import select
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from img_repr.core.errors import DataError, ParameterError, ResultError
from img_repr.training.checkpoint import check_checkpoints, forget_checkpoints, read_checkpoint, write_checkpoint


def tensors_of(number, size=40):
    return {"weight": torch.arange(size).float() + number, "step": torch.tensor(number)}


def write(folder, number, name="last", size=40):
    return write_checkpoint(folder, name, tensors_of(number, size), {"number": number, "loss": 1 / (number + 3)})


def number_of(checkpoint):
    """The number of a checkpoint that ``write`` wrote, all of it checked."""
    number, size = checkpoint.metadata["number"], len(checkpoint.tensors["weight"])
    assert checkpoint.metadata["loss"] == 1 / (number + 3)
    assert checkpoint.tensors.keys() == tensors_of(number).keys()
    assert all(torch.equal(value, checkpoint.tensors[name]) for name, value in tensors_of(number, size).items())
    return number


def names(folder):
    return sorted(path.name for path in Path(folder).iterdir())


def content(folder):
    return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


def one_sentence(caught):
    text = str(caught.value if hasattr(caught, "value") else caught)
    assert "\n" not in text
    assert len(text) < 600
    assert "Error" not in text
    return text


def forked(work, kill_after_s=None):
    """Run ``work(say)`` in a child; give what it said, line by line, and the signal that ended it."""
    out, into = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the child starts no threads
        child = os.fork()
    if not child:
        try:
            os.close(out)
            work(lambda said: os.write(into, f"{json.dumps(said)}\n".encode()))
        except BaseException:
            os.write(2, traceback.format_exc().encode())
            os._exit(1)
        os._exit(0)
    os.close(into)
    if kill_after_s is not None:
        select.select([out], [], [], 30)  # it has begun
        time.sleep(kill_after_s)
        os.kill(child, signal.SIGKILL)
    with os.fdopen(out) as pipe:
        said = [json.loads(line) for line in pipe if line.endswith("\n")]
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) in (0, -signal.SIGKILL), "see what the child wrote to stderr"
    return said, os.WTERMSIG(status) if os.WIFSIGNALED(status) else None


def attempt(say, action):
    """Say the message of the DataError that an action raises, or None."""
    try:
        action()
    except DataError as error:
        say(str(error))
    else:
        say(None)


def mount(folder, flags=0, options=""):
    """Mount a tmpfs that only this process sees and that is gone with it; root or not. Tells what is in the way."""
    libc = ctypes.CDLL(None, use_errno=True)
    if not flags:
        user, group = os.getuid(), os.getgid()
        if libc.unshare(0x20000 | (0x10000000 if user else 0)):  # CLONE_NEWNS, CLONE_NEWUSER
            return f"unshare: {os.strerror(ctypes.get_errno())}"
        if user:
            Path("/proc/self/setgroups").write_text("deny")
            Path("/proc/self/uid_map").write_text(f"0 {user} 1")
            Path("/proc/self/gid_map").write_text(f"0 {group} 1")
        if libc.mount(None, b"/", None, 0x4000 | 0x40000, None):  # MS_REC, MS_PRIVATE
            return f"mount: {os.strerror(ctypes.get_errno())}"
    if libc.mount(b"tmpfs", str(folder).encode(), b"tmpfs", flags, options.encode()):
        return f"mount: {os.strerror(ctypes.get_errno())}"
    return None


@pytest.fixture
def folder(tmp_path):
    """Holds checkpoint 2 as last, 1 as before, 1 as best."""
    for number in (1, 2):
        write(tmp_path / "run", number)
    write(tmp_path / "run", 1, "best")
    return tmp_path / "run"


@pytest.fixture
def open_folder():
    """A folder that other users can reach and write into."""
    place = tempfile.mkdtemp()
    Path(place).chmod(0o777)
    yield Path(place)
    shutil.rmtree(place)


# which files there are


def test_previous_checkpoint_and_best_are_kept(tmp_path):
    place = tmp_path / "deep" / "run"
    assert write(place, 1) == place / "last.safetensors"
    assert names(place) == ["last.safetensors"]
    for number in range(2, 5):
        write(place, number)
        assert number_of(read_checkpoint(place)) == number
        before = load_file(place / "before.safetensors")
        assert torch.equal(before["weight"], tensors_of(number - 1)["weight"])
    assert read_checkpoint(place, "best") is None
    for number in (7, 5):
        assert write(place, number, "best") == place / "best.safetensors"
        assert number_of(read_checkpoint(place, "best")) == number
    assert number_of(read_checkpoint(place)) == 4
    assert read_checkpoint(place).path == place / "last.safetensors"
    assert names(place) == ["before.safetensors", "best.safetensors", "last.safetensors"]


def test_returns_none_if_there_is_no_checkpoint(tmp_path):
    (tmp_path / "file").write_text("a")
    for place in (tmp_path, tmp_path / "none", tmp_path / "file"):
        assert read_checkpoint(place) is None
        assert read_checkpoint(place, "best") is None


def test_rejects_unknown_name(folder):
    for action in (lambda: read_checkpoint(folder, "lats"), lambda: write(folder, 1, "../x")):
        with pytest.raises(ParameterError, match="expected the name 'last' or 'best', got"):
            action()


def test_falls_back_to_the_previous_checkpoint(folder):
    (folder / "last.safetensors").unlink()
    found = read_checkpoint(folder)
    assert (number_of(found), found.path.name) == (1, "before.safetensors")
    write(folder, 3)
    assert number_of(read_checkpoint(folder)) == 3
    (folder / "last.safetensors").unlink()
    assert number_of(read_checkpoint(folder)) == 1


# damage


def test_damaged_checkpoint_falls_back_to_the_previous_one(folder):
    last, best = folder / "last.safetensors", folder / "best.safetensors"
    whole = last.read_bytes()
    lengths = {0, 8, len(whole) - 1, *random.Random(0).sample(range(len(whole)), 20)}
    flipped = [whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :] for place in range(-170, -1, 20)]
    for damaged in (*(whole[:length] for length in lengths), *flipped, whole + b"\0"):
        last.write_bytes(damaged)
        with pytest.warns(UserWarning, match=r"a damaged last.safetensors \(.+\); resuming from before") as caught:
            found = read_checkpoint(folder)
        assert len(caught) == 1
        assert str(folder) in one_sentence(caught[0].message)
        assert caught[0].filename == __file__
        assert (number_of(found), found.path.name) == (1, "before.safetensors")
        best.write_bytes(damaged)
        with pytest.raises(ResultError, match=r"expected a whole checkpoint, got a damaged best.safetensors") as caught:
            read_checkpoint(folder, "best")
        assert str(folder) in one_sentence(caught)


def test_error_names_both_damaged_checkpoints(folder):
    (folder / "last.safetensors").write_bytes(b"")
    (folder / "before.safetensors").write_text("rubbish " * 9)
    said = r"got a damaged last.safetensors \(header too small\) and a damaged before.safetensors \(header"
    with pytest.raises(ResultError, match=said) as caught:
        read_checkpoint(folder)
    assert str(folder) in one_sentence(caught)
    (folder / "last.safetensors").unlink()
    with pytest.raises(ResultError, match=r"got a damaged before.safetensors \("):
        read_checkpoint(folder)


def test_damaged_checkpoint_does_not_replace_a_valid_one(folder):
    (folder / "last.safetensors").write_bytes((folder / "last.safetensors").read_bytes()[:-1])
    write(folder, 3)
    assert number_of(read_checkpoint(folder)) == 3
    (folder / "last.safetensors").unlink()
    assert number_of(read_checkpoint(folder)) == 1


@pytest.mark.parametrize("metadata", [None, {"img_repr_checkpoint": json.dumps({"format": 1})}])
def test_rejects_and_keeps_foreign_files(folder, metadata):
    for name in ("last", "best"):
        save_file({"weight": torch.ones(3)}, folder / f"{name}.safetensors", metadata)
        with pytest.raises(ResultError, match="expected a checkpoint of a training, format 2, got") as caught:
            read_checkpoint(folder, name)
        assert f"{name}.safetensors" in one_sentence(caught)
        before = content(folder)
        for action in (lambda name=name: write(folder, 3, name), lambda: check_checkpoints(folder)):
            with pytest.raises(DataError, match="expected a checkpoint or no file, got a file of another kind"):
                action()
        assert content(folder) == before
    forget_checkpoints(folder)
    assert names(folder) == ["best.safetensors", "last.safetensors"]


# disks


def disk_says(message, reason, *good):
    assert one_sentence(message).count("expected to write a checkpoint, got: ") == 1
    assert reason in message
    assert message.endswith(f"valid checkpoints there: {', '.join(good) or 'none'}")


@pytest.mark.skipif(sys.platform != "linux", reason="needs tmpfs")
def test_full_disk_keeps_older_checkpoints(tmp_path):
    def work(say):
        if problem := mount(tmp_path, options="size=3m"):
            return say(problem)
        attempt(say, lambda: write(tmp_path / "a", 1, size=1_000_000))
        say(names(tmp_path / "a"))
        write(tmp_path / "b", 1, size=250_000)
        write(tmp_path / "b", 2, size=250_000)
        before = content(tmp_path / "b")
        attempt(say, lambda: write(tmp_path / "b", 3, size=300_000))
        attempt(say, lambda: write(tmp_path / "b", 3, "best", size=300_000))
        say(content(tmp_path / "b") == before)
        say(number_of(read_checkpoint(tmp_path / "b")))
        say(str(check_checkpoints(tmp_path / "b")))
        write(tmp_path / "b", 3, size=200_000)
        say(number_of(read_checkpoint(tmp_path / "b")))
        say(names(tmp_path / "b"))

    said, _ = forked(work)
    if len(said) == 1:
        pytest.skip(f"a tmpfs cannot be mounted here: {said[0]}")
    first, left, again, best, untouched, number, place, later, files = said
    disk_says(first, "No space left on device")
    assert (left, untouched, number, later) == ([], True, 2, 3)
    for message in (again, best):
        disk_says(message, "No space left on device", "last.safetensors", "before.safetensors")
        assert message.startswith(str(tmp_path / "b"))
    assert place == str(tmp_path / "b")
    assert files == ["before.safetensors", "last.safetensors"]


def test_file_size_limit_keeps_older_checkpoints(folder):
    def work(say):
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        attempt(say, lambda: write(folder, 3, size=100_000))
        write(folder, 4)

    before = content(folder)
    (message,), _ = forked(work)
    disk_says(message, "File too large", "last.safetensors", "before.safetensors", "best.safetensors")
    assert number_of(read_checkpoint(folder)) == 4
    assert (folder / "before.safetensors").read_bytes() == before["last.safetensors"]
    assert names(folder) == sorted(before)


@pytest.mark.skipif(sys.platform != "linux", reason="needs tmpfs")
def test_read_only_disk_is_an_error(tmp_path):
    def work(say):
        if problem := mount(tmp_path, options="size=1m"):
            return say(problem)
        write(tmp_path / "run", 1)
        if problem := mount(tmp_path, 0x20 | 0x1, "size=1m"):  # MS_REMOUNT, MS_RDONLY
            return say(problem)
        attempt(say, lambda: write(tmp_path / "run", 2))
        attempt(say, lambda: write(tmp_path / "new", 2))
        for place in (tmp_path, tmp_path / "run", tmp_path / "new" / "run"):
            attempt(say, lambda place=place: check_checkpoints(place))
        attempt(say, lambda: forget_checkpoints(tmp_path / "run"))
        say(number_of(read_checkpoint(tmp_path / "run")))

    said, _ = forked(work)
    if len(said) == 1:
        pytest.skip(f"a tmpfs cannot be mounted here: {said[0]}")
    old, new, *checked, forgotten, number = said
    disk_says(old, "Read-only file system", "last.safetensors")
    disk_says(new, "Read-only file system")
    for message in (*checked[1:], forgotten):
        assert one_sentence(message).endswith("got: Read-only file system")
    assert "got one of other files" in checked[0]  # that comes first
    assert number == 1


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become someone else")
def test_folder_of_another_user_is_an_error(open_folder):
    def work(say):
        os.setuid(65534)
        attempt(say, lambda: check_checkpoints(open_folder / "kept"))
        attempt(say, lambda: check_checkpoints(open_folder / "kept" / "new"))
        attempt(say, lambda: write(open_folder / "kept", 2))
        attempt(say, lambda: check_checkpoints(open_folder / "lent"))
        with suppress(
            PermissionError
        ):  # to a file that is not his: where Linux protects them, and some disks have none
            (open_folder / "lent" / "link").hardlink_to(open_folder / "lent" / "last.safetensors")
            (open_folder / "lent" / "link").unlink()
            say("hard links")
        write(open_folder / "lent", 2)

    write(open_folder / "kept", 1)
    write(open_folder / "lent", 1)
    (open_folder / "lent").chmod(0o777)
    open_folder.chmod(0o755)
    (there, below, written, lent, *linked), _ = forked(work)
    assert one_sentence(there).endswith("got: Permission denied")
    assert one_sentence(below).endswith("got: Permission denied")
    disk_says(written, "Permission denied", "last.safetensors")
    assert lent is None
    assert number_of(read_checkpoint(open_folder / "kept")) == 1
    assert number_of(read_checkpoint(open_folder / "lent")) == 2
    assert names(open_folder / "lent") == ["before.safetensors", "last.safetensors"]
    (open_folder / "lent" / "last.safetensors").unlink()
    assert number_of(read_checkpoint(open_folder / "lent")) == 1
    if linked:
        pytest.skip("all but how it goes without hard links: they can be made here")


# kills


def test_kill_at_any_step_leaves_a_complete_checkpoint(folder, tmp_path):
    """The process kills itself at its first, second, ... call that touches a file, as Python's audit events tell."""

    def run(step, place):
        def work(say):
            seen = 0

            def hook(event, _):
                nonlocal seen
                if event == "open" or event.startswith(("os.", "shutil.")):
                    seen += 1
                    if seen == step:
                        os.kill(os.getpid(), signal.SIGKILL)

            sys.addaudithook(hook)
            write(place, 3)

        return forked(work)[1]

    found = []
    for step in range(1, 200):
        place = Path(shutil.copytree(folder, tmp_path / str(step)))
        ended = run(step, place)
        found.append(number_of(read_checkpoint(place)))
        assert read_checkpoint(place).path.name == "last.safetensors"  # there is no moment without it
        write(place, 4)
        assert names(place) == ["before.safetensors", "best.safetensors", "last.safetensors"]
        (place / "last.safetensors").unlink()
        assert number_of(read_checkpoint(place)) == found[-1]
        if ended is None:
            break
    assert ended is None
    assert found == sorted(found)
    assert found.count(2) > 5
    assert found.count(3) > 2


def test_kill_at_random_moments_leaves_a_complete_checkpoint(tmp_path):
    place, moments, started = tmp_path / "run", random.Random(0), 0
    for _ in range(20):

        def work(say, started=started):
            for number in range(started + 1, started + 1000):
                say(number - 1)
                write(place, number, size=200_000)

        said, ended = forked(work, kill_after_s=moments.uniform(0, 0.05))
        assert ended == signal.SIGKILL
        found = read_checkpoint(place)
        assert (found is None and said == [0]) or number_of(found) in (said[-1], said[-1] + 1)
        started = 0 if found is None else number_of(found)
    left = [name for name in names(place) if name.startswith(".")]
    assert len(left) <= 1
    write(place, started + 1)
    assert names(place) == ["before.safetensors", "last.safetensors"]


def test_concurrent_writers_do_not_mix_files(tmp_path):
    def work(say):
        twin = os.fork()
        for number in range(100, 140) if twin else range(200, 240):
            write(tmp_path, number)
        if not twin:
            os._exit(0)
        assert os.waitpid(twin, 0)[1] == 0

    forked(work)
    assert number_of(read_checkpoint(tmp_path)) in (139, 239)
    assert names(tmp_path) == ["before.safetensors", "last.safetensors"]


def test_temporary_files_of_running_processes_are_kept(folder):
    def work(say):
        say(os.getpid())
        sys.addaudithook(lambda event, _: event == "os.chmod" and os.kill(os.getpid(), signal.SIGKILL))
        write(folder, 3)

    (dead,), ended = forked(work)
    (left,) = (name for name in names(folder) if name.startswith("."))
    assert ended == signal.SIGKILL
    assert str(dead) in left
    assert (folder / left / "new").stat().st_size > 100
    _, node, _ = left.split("-", 2)[:3]
    elsewhere = left.replace(node, f"{int(node, 16) ^ 1:08x}")  # a process of another machine
    long_gone = elsewhere.replace(str(dead), "1")
    living = left.replace(str(dead), str(os.getppid()))
    for name in (elsewhere, long_gone, living):
        shutil.copytree(folder / left, folder / name)
    os.utime(folder / long_gone, (time.time() - 7200, time.time() - 7200))
    (folder / ".checkpoint-notes").write_text("mine")
    write(folder, 4)
    assert {name for name in names(folder) if name.startswith(".")} == {elsewhere, living, ".checkpoint-notes"}
    forget_checkpoints(folder)
    assert names(folder) == [".checkpoint-notes"]


# before and after


def test_check_accepts_usable_folders(folder, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to(folder)
    (folder / "notes.txt").write_text("of the user, next to checkpoints")
    before = names(tmp_path), names(folder)
    for place in (tmp_path / "new", tmp_path / "deep" / "new", tmp_path / "empty", folder, tmp_path / "link"):
        assert check_checkpoints(str(place)) == place
    assert before == (names(tmp_path), names(folder))
    for name in ("last", "before", "best"):
        (folder / f"{name}.safetensors").write_bytes(b"damaged")
    check_checkpoints(folder)


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("other", "expected a new folder, or one of checkpoints, got one of other files"),
        ("other/file", "expected a folder for checkpoints, got a file"),
        ("other/file/new", "got one below .*file, which is a file"),
        ("other/link", "expected a folder for checkpoints, got a file"),
        ("x" * 300, "expected a folder that can be written to, got: File name too long"),
        ("/proc/new", "expected a folder that can be written to, got: "),
    ],
)
def test_check_rejects_unusable_folders(tmp_path, place, said):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "file").write_text("a")
    (tmp_path / "other" / "link").symlink_to(tmp_path / "nowhere")
    before = names(tmp_path / "other")
    with pytest.raises(DataError, match=said) as caught:
        check_checkpoints(tmp_path / place)
    assert one_sentence(caught).startswith(str(tmp_path / place))
    if place != "other":
        with pytest.raises(DataError) as caught:
            write(tmp_path / place, 1)
        disk_says(str(caught.value), "")
        assert str(caught.value).startswith(str(tmp_path / place))
    assert names(tmp_path / "other") == before


def test_deleting_checkpoints_deletes_their_folder(folder, tmp_path):
    forget_checkpoints(folder)
    assert not folder.exists()
    forget_checkpoints(folder)
    write(folder, 1)
    (folder / "before.safetensors").write_bytes(b"damaged")
    (folder / "notes.txt").write_text("of the user")
    forget_checkpoints(folder)
    assert names(folder) == ["notes.txt"]
    forget_checkpoints(folder / "notes.txt")
    assert names(folder) == ["notes.txt"]
