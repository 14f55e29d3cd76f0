# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import CommandError, FileError
from ansible_collections.shipshape.webapp.plugins.module_utils._pipe import HostPipes
from ansible_collections.shipshape.webapp.plugins.module_utils._types import FILE, Flow, Stage


def sh(script: str, **environment: str) -> Stage:
    return Stage(("/bin/sh", "-c", script), environment)


def flow_of(content: bytes) -> Flow:
    return Flow(len(content), hashlib.sha256(content).hexdigest())


def until(is_true: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 10
    while not is_true() and time.monotonic() < deadline:
        time.sleep(0.01)
    return is_true()


def is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z"
    except FileNotFoundError:
        return True


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "saved"


def test_what_comes_out_is_saved_and_measured(target: Path) -> None:
    told: list[int] = []
    flow = HostPipes().save([sh("printf 'b\\na\\n'"), Stage(("sort",)), sh("cat")], str(target), progress=told.append)
    assert target.read_bytes() == b"a\nb\n"
    assert flow == flow_of(b"a\nb\n")
    assert told == [4]


def test_the_file_is_private_from_its_first_byte(target: Path) -> None:
    before = os.umask(0)
    modes: list[int] = []
    try:
        HostPipes().save([sh("echo x")], str(target), progress=lambda size: modes.append(target.stat().st_mode & 0o777))
    finally:
        os.umask(before)
    assert modes == [0o600]


def test_a_file_is_the_input(tmp_path: Path, target: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(bytes(range(256)) * 8192)
    HostPipes().save([Stage(("gzip", "-c")), Stage(("gzip", "-dc"))], str(target), stdin=str(source))
    assert target.read_bytes() == source.read_bytes()


def test_nothing_is_read_from_the_terminal(target: Path) -> None:
    reader, writer = os.pipe()
    os.write(writer, b"typed")
    os.close(writer)
    before = os.dup(0)
    os.dup2(reader, 0)
    try:
        assert HostPipes().save([Stage(("cat",))], str(target)) == flow_of(b"")
    finally:
        os.dup2(before, 0)
        os.close(before)
        os.close(reader)


def test_the_file_is_flushed_to_the_disk(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: flushed.append(os.fstat(descriptor).st_size))
    HostPipes().save([sh("printf 12345")], str(target))
    assert flushed == [5]


def test_each_program_has_its_own_environment(target: Path) -> None:
    first = sh('printf "$SECRET"', SECRET="p@ss' $x")
    HostPipes().save([first, sh('cat; printf ",${SECRET-none}"')], str(target))
    assert target.read_bytes() == b"p@ss' $x,none"
    assert "SECRET" not in os.environ


@pytest.mark.parametrize(
    ("stages", "said"),
    [
        (["echo of the first >&2; exit 3", "cat", "cat"], "/bin/sh ended with exit code 3: of the first"),
        (["echo x", "cat >/dev/null; echo of the second >&2; exit 4", "cat"], "exit code 4: of the second"),
        (["echo x", "cat", "cat >/dev/null; echo of the third >&2; exit 5"], "exit code 5: of the third"),
        (["echo first >&2; exit 1", "cat; echo second >&2; exit 2"], "exit code 1: first"),
        # The first is ended by SIGPIPE, because the second has gone.
        (["exec yes", "echo of the second >&2; exit 6"], "exit code 6: of the second"),
        (["exit 7"], "exit code 7: it said nothing"),
        (["kill -KILL $$"], "was killed by SIGKILL"),
        (["seq 100000 >&2; echo last >&2; exit 1"], ": last"),
        (["echo 'Error: of the disk' >&2; echo 'Good bye.' >&2; exit 1"], ": Error: of the disk"),
    ],
)
def test_the_program_that_failed_is_named_and_no_file_is_left(target: Path, stages: list[str], said: str) -> None:
    with pytest.raises(CommandError) as failure:
        HostPipes().save([sh(script) for script in stages], str(target))
    assert said in failure.value.message
    assert not target.exists()


def test_a_program_that_is_not_there(target: Path) -> None:
    with pytest.raises(CommandError, match="nosuchprogram, or the interpreter"):
        HostPipes().save([sh("echo x"), Stage(("nosuchprogram",))], str(target))
    assert not target.exists()


def test_an_existing_file_is_left_alone(target: Path) -> None:
    target.write_bytes(b"yesterday's")
    with pytest.raises(FileError, match="It is there already"):
        HostPipes().save([sh("echo x")], str(target))
    assert target.read_bytes() == b"yesterday's"


def test_too_slow_a_pipe_is_stopped_with_all_that_it_started(tmp_path: Path, target: Path) -> None:
    started = tmp_path / "pid"
    stages = [sh(f"trap '' TERM; sleep 60 & echo $! >{started}; wait"), Stage(("cat",))]
    with pytest.raises(CommandError, match=r"/bin/sh \| cat was not done in time and was stopped"):
        HostPipes().save(stages, str(target), timeout=0.3)
    assert until(lambda: is_gone(int(started.read_text())))
    assert not target.exists()


def test_what_a_program_leaves_behind_does_not_hold_the_pipe_open_forever(tmp_path: Path, target: Path) -> None:
    left = tmp_path / "pid"
    with pytest.raises(CommandError, match="was not done in time"):
        HostPipes().save([sh(f"sleep 60 & echo $! >{left}")], str(target), timeout=0.3)
    assert until(lambda: is_gone(int(left.read_text())))


def test_an_interruption_stops_the_pipe_and_leaves_no_file(tmp_path: Path, target: Path) -> None:
    started = tmp_path / "pid"

    def interrupt(size: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        HostPipes().save([sh(f"echo $$ >{started}; exec yes")], str(target), progress=interrupt)
    assert until(lambda: is_gone(int(started.read_text())))
    assert not target.exists()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(folder)], check=False).returncode:
        pytest.skip("only root can mount a small disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk(small_disk: Path) -> None:
    with pytest.raises(FileError, match="No space is left on its device"):
        HostPipes().save([sh("head -c 1000000 /dev/zero")], str(small_disk / "saved"))
    assert list(small_disk.iterdir()) == []


def test_memory_is_constant(target: Path) -> None:
    script = f"""
from ansible_collections.shipshape.webapp.plugins.module_utils._pipe import HostPipes
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Stage
HostPipes().save([Stage(("head", "-c", "300000000", "/dev/zero"))], {str(target)!r})
print(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1])
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    run = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert target.stat().st_size == 300_000_000
    # Not ru_maxrss, which begins with what the parent has used.
    assert int(run.stdout) < 80 * 1024


def test_a_file_goes_through_the_pipe(tmp_path: Path) -> None:
    plain = bytes(range(256)) * 20_000
    packed = tmp_path / "packed"
    HostPipes().save([Stage(("gzip", "-c"))], str(packed), stdin=str(_written(tmp_path / "plain", plain)))
    went_in, came_out = HostPipes().load(str(packed), [Stage(("gzip", "-dc"))])
    assert went_in == flow_of(packed.read_bytes())
    assert came_out == flow_of(plain)


def _written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def test_a_broken_file_is_told_by_the_program_that_reads_it(tmp_path: Path) -> None:
    packed = tmp_path / "packed"
    HostPipes().save([sh("head -c 100000 /dev/urandom"), Stage(("gzip", "-c"))], str(packed))
    packed.write_bytes(packed.read_bytes()[:-1000])
    with pytest.raises(CommandError, match=r"gzip ended with exit code 1: .*unexpected end of file"):
        HostPipes().load(str(packed), [Stage(("gzip", "-dc")), Stage(("cat",))])


def test_a_program_that_stops_reading_is_the_failure(tmp_path: Path) -> None:
    big = _written(tmp_path / "big", bytes(10_000_000))
    with pytest.raises(CommandError, match="exit code 9: enough"):
        HostPipes().load(str(big), [sh("head -c 10 >/dev/null; echo enough >&2; exit 9")])


def test_an_interrupted_load_never_looks_complete_to_the_program(tmp_path: Path) -> None:
    big = _written(tmp_path / "big", bytes(10_000_000))
    finished = tmp_path / "finished"

    def interrupt(size: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        HostPipes().load(str(big), [sh(f"cat >/dev/null && touch {finished}")], progress=interrupt)
    assert not finished.exists()


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="cannot be read"):
        HostPipes().load(str(tmp_path / "gone"), [Stage(("cat",))])


def test_no_descriptor_is_left_open(target: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    HostPipes().save([sh("echo x"), Stage(("cat",))], str(target))
    HostPipes().load(str(target), [Stage(("cat",)), Stage(("cat",))])
    with pytest.raises(CommandError):
        HostPipes().load(str(target), [Stage(("cat",)), sh("exit 1")])
    assert len(os.listdir("/proc/self/fd")) == before


def test_each_program_has_a_private_file_of_its_own(target: Path) -> None:
    stages = [
        Stage(("cat", FILE), file="first,"),
        Stage(("sh", "-c", 'cat; cat "$IT"'), {"IT": FILE}, file="second,"),
        Stage(("sh", "-c", "cat; ls -l /proc/self/fd | grep -c memfd || true")),
    ]
    HostPipes().save(stages, str(target))
    assert target.read_text() == "first,second,0\n"


def test_a_private_file_is_not_shown() -> None:
    assert "s3cret" not in repr(Stage(("cat", FILE), file="s3cret"))


def test_a_program_that_is_not_there_leaves_no_private_file_open(target: Path) -> None:
    before = os.listdir("/proc/self/fd")
    with pytest.raises(CommandError, match="nosuchprogram"):
        HostPipes().save([Stage(("cat", FILE), file="x"), Stage(("nosuchprogram", FILE), file="x")], str(target))
    assert os.listdir("/proc/self/fd") == before


# Without any program.


def test_a_file_is_copied(tmp_path: Path, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = bytes(range(256)) * 10_000
    source = _written(tmp_path / "source", content)
    told: list[int] = []
    modes: list[int] = []
    flushed: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: flushed.append(os.fstat(descriptor).st_size))

    def progress(size: int) -> None:
        told.append(size)
        modes.append(target.stat().st_mode & 0o777)

    before = os.umask(0)
    try:
        flow = HostPipes().save([], str(target), stdin=str(source), progress=progress)
    finally:
        os.umask(before)

    assert target.read_bytes() == content
    assert flow == flow_of(content)
    assert (told, set(modes), flushed) == (
        [65_536, 65_536 + 1024**2, 65_536 + 2 * 1024**2, len(content)],
        {0o600},
        [len(content)],
    )


def test_a_file_is_read(tmp_path: Path) -> None:
    source = _written(tmp_path / "source", bytes(3_000_000))
    told: list[int] = []
    assert HostPipes().hash(str(source), progress=told.append) == flow_of(bytes(3_000_000))
    assert told == [65_536, 65_536 + 1024**2, 65_536 + 2 * 1024**2, 3_000_000]


def test_an_interrupted_copy_leaves_no_file(tmp_path: Path, target: Path) -> None:
    def interrupt(size: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        HostPipes().save([], str(target), stdin=str(_written(tmp_path / "source", b"x")), progress=interrupt)
    assert not target.exists()


def test_a_copy_does_not_take_the_place_of_a_file(tmp_path: Path, target: Path) -> None:
    target.write_bytes(b"yesterday's")
    with pytest.raises(FileError, match="It is there already"):
        HostPipes().save([], str(target), stdin=str(_written(tmp_path / "source", b"x")))
    assert target.read_bytes() == b"yesterday's"


def test_a_copy_to_a_full_disk(tmp_path: Path, small_disk: Path) -> None:
    source = _written(tmp_path / "source", bytes(1_000_000))
    with pytest.raises(FileError, match=f"{small_disk}/saved cannot be written, .* No space is left on its device"):
        HostPipes().save([], str(small_disk / "saved"), stdin=str(source))
    assert list(small_disk.iterdir()) == []


# What cannot be read.


def save(path: str, target: Path, stages: list[Stage]) -> None:
    HostPipes().save(stages, str(target), stdin=path)


def hashed(source: str, _target: Path, _stages: list[Stage]) -> None:
    HostPipes().hash(source)


def load(path: str, target: Path, stages: list[Stage]) -> None:
    HostPipes().load(path, stages)


@pytest.mark.parametrize("use", [save, load])
@pytest.mark.parametrize("stages", [[], [Stage(("cat",))]])
@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda path: None, ". It does not exist."),
        (Path.mkdir, ". It is a directory."),
        (os.mkfifo, ": it is not a plain file."),
    ],
)
def test_what_is_no_file_is_told(
    tmp_path: Path,
    target: Path,
    use: Callable[[str, Path, list[Stage]], None],
    stages: list[Stage],
    make: Callable[[Path], None],
    why: str,
) -> None:
    source = tmp_path / "source"
    make(source)
    before = os.listdir("/proc/self/fd")
    with pytest.raises(FileError) as caught:
        use(str(source), target, stages)
    assert caught.value.message == f"{source} cannot be read{why}"
    assert not target.exists()
    assert os.listdir("/proc/self/fd") == before


@pytest.mark.parametrize(("use", "stages"), [(save, []), (hashed, []), (load, [Stage(("cat",))])])
def test_a_disk_that_cannot_be_read_is_told(
    target: Path, use: Callable[[str, Path, list[Stage]], None], stages: list[Stage]
) -> None:
    # Nothing is mapped where this begins.
    with pytest.raises(FileError, match=r"/proc/self/mem cannot be read\. Input/output error\."):
        use("/proc/self/mem", target, stages)
    assert not target.exists()


def test_something_else_is_done_while_the_programs_run(tmp_path: Path, target: Path) -> None:
    # The pipe waits for it, so that it would never end if it was done before or after.
    done = tmp_path / "done"
    os.mkfifo(done)

    def meanwhile() -> None:
        done.write_text("done\n")

    flow = HostPipes().save([sh(f"cat {done}")], str(target), meanwhile=meanwhile, timeout=10)
    assert (target.read_text(), flow.size) == ("done\n", 5)


@pytest.mark.parametrize("is_copied", [True, False])
def test_something_else_is_done_meanwhile_without_any_program(tmp_path: Path, target: Path, is_copied: bool) -> None:
    source = _written(tmp_path / "source", bytes(3_000_000))
    is_begun, is_done = threading.Event(), threading.Event()

    def progress(_size: int) -> None:
        is_begun.set()
        # It would wait in vain if the other came before or after.
        assert is_done.wait(10)

    def meanwhile() -> None:
        assert is_begun.wait(10)
        is_done.set()

    if is_copied:
        flow = HostPipes().save([], str(target), stdin=str(source), progress=progress, meanwhile=meanwhile)
    else:
        flow = HostPipes().hash(str(source), progress=progress, meanwhile=meanwhile)
    assert flow == flow_of(bytes(3_000_000))


def test_what_fails_meanwhile_leaves_no_copy(tmp_path: Path, target: Path) -> None:
    source = _written(tmp_path / "source", bytes(3_000_000))

    def meanwhile() -> None:
        raise FileError("It failed.")

    with pytest.raises(FileError, match=r"It failed\."):
        HostPipes().save([], str(target), stdin=str(source), meanwhile=meanwhile)
    with pytest.raises(FileError, match=r"It failed\."):
        HostPipes().hash(str(source), meanwhile=meanwhile)
    assert not target.exists()


def test_what_fails_meanwhile_stops_the_pipe_and_leaves_no_file(tmp_path: Path, target: Path) -> None:
    pid = tmp_path / "pid"

    def meanwhile() -> None:
        assert until(lambda: pid.exists() and pid.read_text().endswith("\n"))
        raise FileError("It failed.")

    with pytest.raises(FileError, match=r"It failed\."):
        HostPipes().save([sh(f"echo $$ >{pid}; exec sleep 60")], str(target), meanwhile=meanwhile)
    assert is_gone(int(pid.read_text()))
    assert not target.exists()


def test_a_full_disk_stops_programs_that_would_never_end(small_disk: Path) -> None:
    with pytest.raises(FileError, match="No space is left"):
        HostPipes().save([sh("exec cat /dev/zero")], str(small_disk / "target"), timeout=30)
