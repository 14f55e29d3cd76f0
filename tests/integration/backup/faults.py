# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What can go wrong with a backup, line by line, and how a fault that was injected has to end."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from tests.integration.backup.faults_live import Live, Run, assert_silent

SQLITE, MYSQL, POSTGRESQL = "sqlite", "mysql", "postgresql"
ALL = (SQLITE, MYSQL, POSTGRESQL)
SERVERS = (MYSQL, POSTGRESQL)

OLDER, NEWER = "debian-12", "debian-13"
BOTH = (OLDER, NEWER)

# What a run that was killed leaves in the directory of the backups.
UNFINISHED = (".", "shipshape-")

# Each line is a fault that a backup has to get through. What it says is what happens; the table of the faults says how
# it is made to happen, and what is to be told.
LINES = {
    # While a backup is taken.
    "space-dump": "The disk is full before the dump is written to its end.",
    "space-begin": "The disk is too full to begin with.",
    "space-scratch": "The disk is full where the backup is restored to be proved.",
    "read-only": "The directory of the backups cannot be written to.",
    "kill-dumper": "The program that dumps is killed.",
    "kill-packer": "The program that compresses is killed.",
    "kill-module": "The module itself is killed.",
    "restart": "The server is restarted in the middle of the dump.",
    "ddl": "The schema is changed during the dump.",
    "definer": "A view belongs to a user that is gone.",
    "packet": "A row is larger than the server's max_allowed_packet.",
    "no-zstd": "The program that compresses is not installed.",
    "wrong-password": "The password is wrong.",
    "odd-password": "The password holds what shells, option files, URLs and SQL take for something else.",
    "old-dumper": "The program that dumps is older than the server.",
    "clock-back": "The clock is put back.",
    "same-second": "Two backups are taken in one second.",
    "two-runs": "Two runs for the same database meet.",
    "stopped": "The module is told to stop, as when its time is up.",
    "killed-app": "The application was killed in the middle of its work.",
    "path-missing": "The path of a SQLite database leads to nothing.",
    "path-link": "The path of a SQLite database is a symbolic link.",
    "path-empty": "The file of a SQLite database has 0 bytes.",
    "path-other": "The file of a SQLite database is something else.",
    "path-encrypted": "The file of a SQLite database is encrypted.",
    "path-directory": "The path of a SQLite database is that of a directory.",
    "myisam": "A table knows no transactions.",
    "utf8": "Text has characters of four bytes.",
    "nul": "Blobs have NUL in them.",
    "large-row": "A row has 64 MB.",
    "generated": "Columns are generated.",
    "zero-date": "Dates are zero.",
    "load": "The application writes as fast as it can during the whole run.",
    # While a backup is proved or restored.
    "flip-packed": "A byte of a compressed backup is another one.",
    "flip-plain": "A byte of an uncompressed backup is another one.",
    "truncated": "The file of a backup ends early.",
    "no-manifest": "The manifest is missing.",
    "edited-manifest": "The manifest was edited.",
    "no-trailer": "A dump lacks the line by which its tool says that it was done.",
    "stale-log": "The write-ahead log of a killed application lies beside the database that is replaced.",
    "non-empty": "The database that is replaced holds something.",
    "statement": "A statement in the middle of the dump fails.",
    "space-restore": "The disk is full before the backup is restored to its end.",
    "in-use": "The application is connected when the database is to be replaced.",
    "event": "An event in the backup would delete rows of the copy.",
    "no-right": "The user may not create a database.",
    # While backups are removed.
    "foreign": "Files of others are in the directory.",
    "link-out": "A symbolic link with the name of a backup leads out of the directory.",
    "dst": "The clocks are changed between backups.",
    "future": "Backups are dated in the future.",
    "unverified": "The newest backup was not verified.",
    "prune-failed": "The run fails before it removes anything.",
    "copy-failed": "The copies off the host cannot be made.",
    # In check mode and when nothing is to be done.
    "check": "Check mode must not change anything, and foretell what the real run then does.",
    "max-age": "A second run finds a backup that is young enough.",
}


@dataclass(frozen=True)
class Fault:
    """A way to make one thing or some go wrong with one engine, and what is to be told then."""

    what: str
    engine: str
    lines: tuple[str, ...]
    platforms: Collection[str]
    # Carries out the fault and gives back the run that had to get through it.
    inject: Callable[[Live], Run]
    # What the sentence has to hold if the run has to fail, or None if it has to succeed.
    told: Sequence[str] | None

    def __str__(self) -> str:
        return f"{self.engine}-{self.what}"

    def check(self, live: Live) -> None:
        """Inject it, and look at how the run ended and what it left."""
        run = self.inject(live)
        assert_silent(live, run.output)
        if self.told is None:
            assert_survived(run)
        else:
            assert_refused(run, self.told)


# All faults, in the order in which they are declared.
FAULTS: list[Fault] = []

Told = Sequence[str] | Mapping[str, Sequence[str]] | None
Injection = Callable[[Live], Run]


def refused(
    *lines: str, told: Told, engines: Collection[str] = ALL, everywhere: bool = False
) -> Callable[[Injection], Injection]:
    """The run has to fail, say why, and leave everything as it was."""
    return _declared(lines, engines, told or (), everywhere=everywhere)


def survived(*lines: str, engines: Collection[str] = ALL, everywhere: bool = False) -> Callable[[Injection], Injection]:
    """The run has to succeed, and leave nothing but what it is for; what that is, the fault itself looks at."""
    return _declared(lines, engines, None, everywhere=everywhere)


# Where a fault is injected that has little to do with the version of the server.
_USUAL = {SQLITE: (NEWER,), MYSQL: (NEWER,), POSTGRESQL: (OLDER,)}


def _declared(
    lines: tuple[str, ...], engines: Collection[str], told: Told, *, everywhere: bool
) -> Callable[[Injection], Injection]:
    def declare(inject: Injection) -> Injection:
        for engine in engines:
            words = told[engine] if isinstance(told, Mapping) else told
            what = inject.__name__.replace("_", "-")
            platforms = BOTH if everywhere and engine != SQLITE else _USUAL[engine]
            FAULTS.append(Fault(what, engine, lines, platforms, inject, words))
        return inject

    return declare


def assert_refused(run: Run, told: Sequence[str]) -> None:
    """It failed, said why, and nothing is other than it was."""
    assert run.result.get("failed") is True, run.output
    message = run.result["msg"]
    assert all(words in message for words in told), message
    # A sentence, or some.
    assert message.endswith("."), message
    assert run.after.files == run.before.files
    assert run.after.rows == run.before.rows
    _assert_clean(run)


def assert_survived(run: Run) -> None:
    """It succeeded, and what was there is as it was, beside a new backup at most; what a killed run left is gone."""
    assert not run.result.get("failed"), run.output
    before = {name: file for name, file in run.before.files.items() if not name.startswith(UNFINISHED)}
    assert {name: run.after.files.get(name) for name in before} == before
    expected = []
    if run.result["changed"] and "pattern" in run.result:
        backup = run.result["backup"]
        expected = sorted([backup["file"], f"{backup['id']}.manifest.json"])
    assert run.new == expected
    assert not [name for name in run.after.files if name.startswith(UNFINISHED)]
    _assert_clean(run)


def _assert_clean(run: Run) -> None:
    assert list(run.after.scratch) == []
    assert run.after.databases == run.before.databases
    assert run.after.processes == []
