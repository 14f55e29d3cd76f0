# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The program that cron starts for each job: `job NAME`, at once with `--now`; and `job --list`.

It is installed as it stands here, and so imports nothing but what comes with Python. cron starts it as root; only what
it runs has the rights of the job's user. This module is private to the collection.
"""

# A program of its own, which has nothing of a module.
# pylint: disable=ansible-bad-function

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import grp
import json
import os
import pwd
import random
import re
import selectors
import signal
import stat
import subprocess
import sys
import syslog
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

DEFINITIONS = "/etc/shipshape/jobs"
LOGS = "/var/log/shipshape"
LOCKS = "/run/shipshape/jobs"
METRICS = "/var/lib/shipshape/metrics"

SKIPPED, TIMED_OUT, NOT_STARTED = 75, 124, 127

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

_LINES_SHOWN = 20
_BYTES_SHOWN = 16 * 1024
_LARGEST_FILE = 1024 * 1024

# Seconds for who is told of a failure, and until a process that cannot even be killed is left alone.
_TIME_TO_TELL = 60
_TIME_TO_DIE = 10


@dataclass(frozen=True)
class Job:
    """A job as its definition has it; all times are in seconds, keep_logs is in days."""

    name: str
    at: str
    user: str
    argv: Sequence[str]
    directory: str | None
    environment_file: str | None
    environment: Mapping[str, str]
    timeout: int
    grace: int
    random_delay: int
    keep_logs: int
    lock: str
    on_failure: Sequence[str]


class NotStarted(Exception):
    """Why the job could not begin, as what follows its name in a sentence."""


class Stopped(Exception):
    """This process was told to end before the job began."""


@dataclass(frozen=True)
class Outcome:
    """How a run ended: what the exit code of this process is to be, and the words for it."""

    code: int
    words: str


def main(arguments: Sequence[str]) -> int:
    """Do what the command line asks for."""
    if list(arguments) == ["--list"]:
        return show_jobs()
    if not arguments or list(arguments[1:]) not in ([], ["--now"]) or arguments[0].startswith("-"):
        print("Usage: job NAME [--now] | job --list", file=sys.stderr)
        return 2
    name, is_now = arguments[0], len(arguments) == 2
    os.umask(0o022)
    signals = Signals()
    try:
        job = read_job(name)
        signals.pause(0 if is_now else random.SystemRandom().uniform(0, job.random_delay))
        outcome = Run(job, signals).carry_out()
    except NotStarted as error:
        tell(name, f"not started: {error}")
        return NOT_STARTED
    except Stopped:
        tell(name, "was stopped before it began.")
        return signals.exit_code
    if is_now and outcome.code == 0:
        say(f"{name}: {outcome.words}\n")
    return outcome.code


def read_job(name: str) -> Job:
    """The definition that the collection's module has written."""
    path = f"{DEFINITIONS}/{name}.json"
    try:
        with open(path, encoding="utf-8") as file:
            return Job(**json.load(file))
    except FileNotFoundError:
        raise NotStarted(f"there is no such job ({path} does not exist).") from None
    except (OSError, TypeError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is damaged, so write it anew"
        raise NotStarted(f"its definition {path} cannot be read: {reason}.") from None


def show_jobs() -> int:
    """Print what jobs there are, and how each went last."""
    try:
        names = sorted(entry[: -len(".json")] for entry in os.listdir(DEFINITIONS) if entry.endswith(".json"))
    except OSError as error:
        say(f"{DEFINITIONS} cannot be read: {error.strerror}.\n")
        return NOT_STARTED
    for name in names:
        try:
            say(f"{name}\t{read_job(name).at}\t{_last(read_metrics(name))}\n")
        except NotStarted as error:
            say(f"{name}\t-\t{error}\n")
    return 0


def _last(known: Mapping[str, float]) -> str:
    began, code = known.get("last_start_timestamp_seconds"), known.get("last_exit_code")
    if began is None:
        return "never run"
    return f"last {moment(began)}, exit code {'-' if code is None else int(code)}"


class Signals:
    """Has every wait end as soon as a process ends or this one is told to."""

    def __init__(self) -> None:
        self._received = 0
        self._wakes, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._stop)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self.selector = selectors.DefaultSelector()
        self.selector.register(self._wakes, selectors.EVENT_READ, self._drain)

    @property
    def is_stopped(self) -> bool:
        """Whether this process was told to end."""
        return self._received > 0

    @property
    def exit_code(self) -> int:
        """What a shell makes of the signal."""
        return 128 + self._received

    def wait(self, seconds: float, is_done: Callable[[], bool]) -> bool:
        """Serve what has something to read until it is done, or not in time."""
        deadline = time.monotonic() + seconds
        while not is_done():
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            for key, _events in self.selector.select(left):
                key.data()
        return True

    def pause(self, seconds: float) -> None:
        """Wait, unless told to end."""
        if self.wait(seconds, lambda: self.is_stopped):
            raise Stopped

    def _stop(self, number: int, _frame: object) -> None:
        self._received = number

    def _drain(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._wakes, 4096)


class Run:
    """One run of a job, from the lock to who is told."""

    def __init__(self, job: Job, signals: Signals) -> None:
        self._job = job
        self._signals = signals
        self._log = Log(job)
        self._is_counted = True

    def carry_out(self) -> Outcome:
        """Run it unless it is running already, and leave one line wherever it did not go well."""
        with held(self._job) as (lock, holder):
            if lock is None:
                outcome = Outcome(SKIPPED, f"skipped, as the lock {self._job.lock} is held by {holder}.")
                self._log.note(outcome.words)
                tell(self._job.name, outcome.words)
                self._count(skipped_total=1)
                return outcome
            return self._carry_out(lock)

    def _carry_out(self, lock: int) -> Outcome:
        job, began, ticks = self._job, time.time(), time.monotonic()
        self._log.remove_old()
        self._log.note(f"start (process {os.getpid()})")
        self._count(runs_total=1, last_start_timestamp_seconds=began)
        family = Family(self._signals, self._log, lock)
        environment: dict[str, str] = {}
        try:
            account = find_account(job.user)
            environment.update(base_environment(account))
            enter(job.directory or account.pw_dir, account)
            environment.update(file_environment(job.environment_file, account), **job.environment)
            outcome = family.run(job.argv, environment, account, timeout=job.timeout, grace=job.grace)
        except NotStarted as error:
            outcome = Outcome(NOT_STARTED, f"not started: {error}")
        seconds = time.monotonic() - ticks
        has_failed = outcome.code != 0
        outcome = Outcome(outcome.code, f"{outcome.words} after {seconds:.1f} s." if family.has_run else outcome.words)
        self._log.note(outcome.words)
        self._count(
            failures_total=int(has_failed),
            last_exit_code=outcome.code,
            last_duration_seconds=round(seconds, 3),
            **({} if has_failed else {"last_success_timestamp_seconds": time.time()}),
        )
        if has_failed:
            self._tell_of_failure(outcome, environment, family)
        return outcome

    def _tell_of_failure(self, outcome: Outcome, environment: Mapping[str, str], family: Family) -> None:
        job, last = self._job, self._log.last_lines()
        tell(job.name, f"{outcome.words} The log is {self._log.path}.")
        say(last)
        if not job.on_failure or self._signals.is_stopped:
            return
        facts = {
            "JOB_NAME": job.name,
            "JOB_EXIT": str(outcome.code),
            "JOB_REASON": outcome.words,
            "JOB_LOG": self._log.path,
        }
        try:
            account = find_account(job.user)
            os.chdir("/")
            told = family.run(
                job.on_failure, {**environment, **facts}, account, timeout=_TIME_TO_TELL, grace=1, stdin=last
            )
            trouble = "" if told.code == 0 else told.words
        except NotStarted as error:
            trouble = str(error)
        if trouble:
            self._log.note(f"on_failure: {trouble}")
            tell(job.name, f"on_failure: {trouble}")

    def _count(self, **changes: float) -> None:
        try:
            count(self._job.name, changes)
        except OSError as error:
            if self._is_counted:
                tell(self._job.name, f"its metrics cannot be written: {error.strerror}.")
            self._is_counted = False


class Log:
    """What a job has said, in a file for each day."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._directory = f"{LOGS}/{job.name}"
        self.path = f"{self._directory}/{today().isoformat()}.log"
        self._tail = b""
        self._is_at_line_start = True
        self._is_lost = False
        self._descriptor = -1
        with self._told():
            group = _group("adm")
            os.makedirs(LOGS, exist_ok=True)
            with contextlib.suppress(FileExistsError):
                os.mkdir(self._directory, 0o750)
            os.chown(self._directory, 0, group)
            self._descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640)
            os.fchown(self._descriptor, 0, group)

    def write(self, said: bytes) -> None:
        """Keep what the job says, and go on without the file if it cannot be written."""
        self._tail = (self._tail + said)[-_BYTES_SHOWN:]
        self._write(said)

    def note(self, words: str) -> None:
        """A dated line of our own."""
        self._write(f"{'' if self._is_at_line_start else chr(10)}=== {moment(time.time())} {words}\n".encode())

    def last_lines(self) -> str:
        """What the job said last."""
        return "".join(f"{line}\n" for line in self._tail.decode(errors="replace").splitlines()[-_LINES_SHOWN:])

    def remove_old(self) -> None:
        """Remove the files of days that are too long ago."""
        oldest = (today() - timedelta(days=self._job.keep_logs)).isoformat()
        with self._told():
            for name in os.listdir(self._directory):
                if re.fullmatch(r"\d{4}-\d{2}-\d{2}\.log", name) and name[:10] < oldest:
                    os.unlink(f"{self._directory}/{name}")

    def _write(self, content: bytes) -> None:
        self._is_at_line_start = content.endswith(b"\n")
        with self._told():
            while content and self._descriptor >= 0:
                content = content[os.write(self._descriptor, content) :]

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if not self._is_lost:
                tell(self._job.name, f"its log {self.path} cannot be written, and it runs without: {error.strerror}.")
            self._is_lost = True


@dataclass
class Family:
    """A program with all that descends from it, and that is ended together."""

    signals: Signals
    log: Log
    # Open in each of them, so that the lock is held for as long as one lives, even if this process is killed.
    lock: int
    has_run: bool = field(default=False, init=False)

    def run(
        self,
        argv: Sequence[str],
        environment: Mapping[str, str],
        account: pwd.struct_passwd,
        *,
        timeout: float,
        grace: float,
        stdin: str = "",
    ) -> Outcome:
        """Run it to its end, or to the end of its time, and leave no process behind."""
        adopt_orphans()
        statuses: dict[int, int] = {}
        with self._logged(account) as output:
            main_process = start(argv, environment, account, stdin, output, self.lock)
            self.has_run = True

            def has_ended() -> bool:
                reap(statuses)
                return main_process in statuses

            is_in_time = self.signals.wait(timeout, lambda: has_ended() or self.signals.is_stopped)
            self._end_all(statuses, grace, is_left_over=main_process in statuses)
        if main_process in statuses and is_in_time and not self.signals.is_stopped:
            return outcome_of(statuses[main_process])
        if self.signals.is_stopped:
            return Outcome(self.signals.exit_code, "stopped")
        return Outcome(TIMED_OUT, f"timed out, as it may take {timeout:.0f} s, and was ended")

    @contextlib.contextmanager
    def _logged(self, account: pwd.struct_passwd) -> Iterator[int]:
        """What is to be written to until the context is left, and reaches the log."""
        reader, writer = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(reader, False)
        # Or else the job could not open /dev/stderr.
        os.fchown(writer, account.pw_uid, account.pw_gid)

        def read() -> None:
            with contextlib.suppress(BlockingIOError):
                while said := os.read(reader, 64 * 1024):
                    self.log.write(said)
                self.signals.selector.unregister(reader)

        self.signals.selector.register(reader, selectors.EVENT_READ, read)
        try:
            yield writer
        finally:
            os.close(writer)
            if reader in self.signals.selector.get_map():
                read()
            if reader in self.signals.selector.get_map():
                self.signals.selector.unregister(reader)
            os.close(reader)

    def _end_all(self, statuses: dict[int, int], grace: float, *, is_left_over: bool) -> None:
        def are_gone() -> bool:
            reap(statuses)
            return not descendants()

        if are_gone():
            return
        if is_left_over:
            self.log.note(f"what it left behind is ended (processes: {len(descendants())}).")
        send(signal.SIGTERM)
        # What is stopped would not notice.
        send(signal.SIGCONT)
        if self.signals.wait(grace, are_gone):
            return
        deadline = time.monotonic() + _TIME_TO_DIE
        while not are_gone() and time.monotonic() < deadline:
            send(signal.SIGKILL)
            self.signals.wait(0.05, are_gone)


def start(
    argv: Sequence[str],
    environment: Mapping[str, str],
    account: pwd.struct_passwd,
    stdin: str,
    output: int,
    lock: int,
) -> int:
    """Start a program with the rights of a user and nobody's environment but the one that is given."""
    given = os.memfd_create("stdin")
    try:
        os.write(given, stdin.encode())
        os.lseek(given, 0, os.SEEK_SET)
        process = subprocess.Popen(
            [word.encode() for word in argv],
            # Whatever the locale that cron has.
            env={name.encode(): value.encode() for name, value in environment.items()},
            stdin=given,
            stdout=output,
            stderr=output,
            pass_fds=[lock],
            start_new_session=True,
            user=account.pw_uid,
            group=account.pw_gid,
            extra_groups=os.getgrouplist(account.pw_name, account.pw_gid),
            umask=0o077,
        )
    except OSError as error:
        raise NotStarted(f"{argv[0]} cannot be run: {error.strerror}.") from None
    finally:
        os.close(given)
    # It is waited for together with all others.
    process.returncode = 0
    return process.pid


def adopt_orphans() -> None:
    """Have the kernel make this process the parent of all descendants whose own has ended, setsid or not."""
    pr_set_child_subreaper = 36
    ctypes.CDLL(None, use_errno=True).prctl(pr_set_child_subreaper, 1, 0, 0, 0)


def reap(statuses: dict[int, int]) -> None:
    """Note how those have ended that have."""
    with contextlib.suppress(ChildProcessError):
        while True:
            process, status = os.waitpid(-1, os.WNOHANG)
            if process == 0:
                return
            statuses[process] = status


def descendants() -> list[int]:
    """All that descend from this process."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        with contextlib.suppress(OSError):
            if name.isdigit():
                children.setdefault(_parent(name), []).append(int(name))
    found, generation = [], [os.getpid()]
    while generation:
        generation = [child for parent in generation for child in children.get(parent, ())]
        found += generation
    return found


def _parent(process: str) -> int:
    with open(f"/proc/{process}/stat", "rb") as file:
        # The name of the program, which can hold anything, stands in parentheses before.
        return int(file.read().rpartition(b")")[2].split()[1])


def send(number: int) -> None:
    """Send a signal to all that descend from this process."""
    for process in descendants():
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, number)


def outcome_of(status: int) -> Outcome:
    """How a program has ended, in words."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        return Outcome(128 + number, f"ended by signal {number}")
    code = os.WEXITSTATUS(status)
    return Outcome(code, f"failed with exit code {code}" if code else "done")


def find_account(user: str) -> pwd.struct_passwd:
    """What the host knows of a user."""
    try:
        return pwd.getpwnam(user)
    except KeyError:
        raise NotStarted(f"there is no user {user} on this host.") from None


def base_environment(account: pwd.struct_passwd) -> dict[str, str]:
    """What every job has in its environment."""
    name = account.pw_name
    return {
        "HOME": account.pw_dir,
        "USER": name,
        "LOGNAME": name,
        "SHELL": "/bin/sh",
        "PATH": _PATH,
        "LANG": "C.UTF-8",
    }


def enter(directory: str, account: pwd.struct_passwd) -> None:
    """Go to the directory where the user may."""
    with rights_of(account):
        try:
            os.chdir(directory)
        except OSError as error:
            raise NotStarted(f"the directory {directory} cannot be entered: {_why(directory, error)}.") from None


def file_environment(path: str | None, account: pwd.struct_passwd) -> dict[str, str]:
    """What the environment file says, if the user may read it."""
    if path is None:
        return {}
    with rights_of(account):
        try:
            # Opening a pipe would wait for its other end.
            with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
                is_plain = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
                content = file.read(_LARGEST_FILE + 1) if is_plain else b""
        except OSError as error:
            raise NotStarted(f"the environment file {path} cannot be read: {_why(path, error)}.") from None
    # The user could have root read without end.
    if not is_plain or len(content) > _LARGEST_FILE:
        raise NotStarted(f"the environment file {path} is no plain file of at most {_LARGEST_FILE // 1024} KiB.")
    values = parse_environment(content.decode(errors="replace"))
    if any("\0" in value for value in values.values()):
        raise NotStarted(f"the environment file {path} has a NUL in a value.")
    return values


def _why(path: str, error: OSError) -> str:
    if error.errno != errno.ENOENT:
        return error.strerror or "unknown"
    parts = path.split("/")
    missing = next((part for n in range(2, len(parts) + 1) if not os.path.exists(part := "/".join(parts[:n]))), path)
    return f"{missing} {'is a link that leads nowhere' if os.path.islink(missing) else 'does not exist'}"


@contextlib.contextmanager
def rights_of(account: pwd.struct_passwd) -> Iterator[None]:
    """Have the rights of a user for a while."""
    groups, group, user = os.getgroups(), os.getegid(), os.geteuid()
    os.setgroups(os.getgrouplist(account.pw_name, account.pw_gid))
    os.setegid(account.pw_gid)
    os.seteuid(account.pw_uid)
    try:
        yield
    finally:
        os.seteuid(user)
        os.setegid(group)
        os.setgroups(groups)


# What JavaScript takes for white space and for the end of a line.
_SPACE = "\t\n\v\f\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
_TRIMMED = _SPACE.replace("\u2000-\u200a", "".join(map(chr, range(0x2000, 0x200B))))
_LINE_END = "\n\u2028\u2029"

_ENTRY = re.compile(
    rf"""[{_SPACE}]*(?:export[{_SPACE}]+)?(?P<name>[\w.-]+)(?:[{_SPACE}]*=|:[{_SPACE}])
        (?P<value>[{_SPACE}]*'(?:\\'|[^'])*'|[{_SPACE}]*"(?:\\"|[^"])*"|[{_SPACE}]*`(?:\\`|[^`])*`|[^\#\n]*)
        [{_SPACE}]*(?:\#[^{_LINE_END}]*)?(?=[{_LINE_END}]|\Z)
        |[{_SPACE}]+
        |[^{_LINE_END}]+""",
    re.VERBOSE | re.ASCII,
)


def parse_environment(text: str) -> dict[str, str]:
    """What npm's dotenv reads from this text, as the application itself would."""
    entries = _ENTRY.finditer(text.replace("\r\n", "\n").replace("\r", "\n"))
    return {entry["name"]: _unquoted(entry["value"].strip(_TRIMMED)) for entry in entries if entry["name"]}


def _unquoted(value: str) -> str:
    is_quoted = len(value) > 1 and value[0] in "'\"`" and value[-1] == value[0]
    inner = value[1:-1] if is_quoted else value
    return inner.replace("\\n", "\n").replace("\\r", "\r") if value.startswith('"') else inner


@contextlib.contextmanager
def held(job: Job) -> Iterator[tuple[int | None, str]]:
    """Hold the job's lock, as a descriptor, or tell who does."""
    path = f"{LOCKS}/{job.lock}.lock"
    try:
        os.makedirs(LOCKS, exist_ok=True)
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise NotStarted(f"its lock {path} cannot be opened: {error.strerror}.") from None
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None, os.pread(lock, 1024, 0).decode(errors="replace") or "a process that begins"
            return
        # It is for people: the lock holds without it, too.
        with contextlib.suppress(OSError):
            os.ftruncate(lock, 0)
            os.pwrite(lock, f"{job.name} since {moment(time.time())} (process {os.getpid()})".encode(), 0)
        yield lock, ""
    finally:
        os.close(lock)


_KINDS = {
    "last_start_timestamp_seconds": "gauge",
    "last_success_timestamp_seconds": "gauge",
    "last_exit_code": "gauge",
    "last_duration_seconds": "gauge",
    "runs_total": "counter",
    "failures_total": "counter",
    "skipped_total": "counter",
}


def read_metrics(name: str) -> dict[str, float]:
    """What is written of a job, without what is damaged."""
    try:
        with open(_metrics_file(name), encoding="utf-8") as file:
            found = re.findall(r"^shipshape_job_(\w+)\{.*\} ([\d.e+-]+)$", file.read(), re.MULTILINE)
    except (OSError, ValueError):
        return {}
    return {metric: float(value) for metric, value in found}


def count(name: str, changes: Mapping[str, float]) -> None:
    """Write the metrics of a job anew; counters grow by what is given, and other metrics become it."""
    os.makedirs(METRICS, exist_ok=True)
    directory = os.open(METRICS, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        # A run that is skipped counts while another one does.
        fcntl.flock(directory, fcntl.LOCK_EX)
        # One that was removed meanwhile is not to be watched any more.
        if os.path.exists(f"{DEFINITIONS}/{name}.json"):
            known = {**{metric: 0.0 for metric, kind in _KINDS.items() if kind == "counter"}, **read_metrics(name)}
            for metric, value in changes.items():
                known[metric] = value + (known[metric] if _KINDS[metric] == "counter" else 0)
            _replace(_metrics_file(name), metrics_text(name, known))
    finally:
        os.close(directory)


def metrics_text(name: str, metrics: Mapping[str, float]) -> str:
    """The metrics as Prometheus reads them from a file."""
    return "".join(
        f'# TYPE shipshape_job_{metric} {kind}\nshipshape_job_{metric}{{name="{name}"}} {metrics[metric]:.15g}\n'
        for metric, kind in _KINDS.items()
        if metric in metrics
    )


def _metrics_file(name: str) -> str:
    return f"{METRICS}/job_{name}.prom"


def _replace(path: str, text: str) -> None:
    beside = f"{path}.new"
    try:
        with open(beside, "w", encoding="utf-8") as file:
            file.write(text)
        os.rename(beside, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(beside)
        raise


def tell(name: str, words: str) -> None:
    """One line for people: in the system's log, and to cron, which mails it."""
    syslog.openlog("shipshape-job", syslog.LOG_PID, syslog.LOG_CRON)
    syslog.syslog(syslog.LOG_WARNING, f"{name}: {words}")
    say(f"{name}: {words}\n")


def say(text: str) -> None:
    """Print, to whoever still listens."""
    with contextlib.suppress(OSError):
        os.write(sys.stdout.fileno(), text.encode())


def today() -> date:
    """The date here."""
    return datetime.now().astimezone().date()


def moment(seconds: float) -> str:
    """A time as people and programs read it."""
    return time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(seconds))


def _group(name: str) -> int:
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
