# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host in memory, with a live server, the backups of it, and a PostgreSQL that recovers as it is told."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, cast

from ansible_collections.shipshape.webapp.plugins.module_utils._moment.host import Host
from ansible_collections.shipshape.webapp.plugins.module_utils._types import (
    Access,
    Commands,
    Completed,
    Entry,
    Files,
    FileState,
    Folders,
    Listener,
    Locks,
    Paths,
    Sockets,
)

NOW = datetime(2026, 11, 22, 12, tzinfo=timezone.utc)

LIVE = {"version": 15, "cluster": "main", "port": "5432", "pgdata": "/data/main", "socketdir": "/run", "running": 1}
CONFIGURATION = "/etc/postgresql/15/moment/postgresql.conf"

RECOVERED = """\
LOG:  recovery stopping before commit of transaction 738, time 2026-11-22 11:00:30.000912+00
LOG:  last completed transaction was at log time 2026-11-22 11:00:28.41707+00
LOG:  database system is ready to accept connections
"""
TOO_EARLY = """\
FATAL:  the database system is starting up
LOG:  last completed transaction was at log time 2026-11-22 10:59:59.5+00
FATAL:  recovery ended before configured recovery target was reached
"""


def backup(label: str, stopped: str, *, size: int = 2**30, server: int = 1) -> dict[str, Any]:
    """As pgBackRest tells of it."""
    stop = int(datetime.fromisoformat(f"2026-11-22T{stopped}+00:00").timestamp())
    return {
        "label": label,
        "database": {"id": server, "repo-key": 1},
        "info": {"size": size},
        "timestamp": {"start": stop - 9, "stop": stop},
    }


BACKUPS = [backup("first", "09:00:00"), backup("second", "10:00:00"), backup("third", "11:30:00")]


@dataclass
class FakeHost:
    """All ports of a host at once; `log` has what changed something, in its order."""

    backups: Sequence[dict[str, Any]] = field(default_factory=lambda: BACKUPS)
    clusters: list[dict[str, Any]] = field(default_factory=lambda: [LIVE])
    content: dict[str, str] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    # The tablespaces of the live server and of the backup.
    tablespaces: Sequence[str] = ()
    known_tablespaces: Sequence[int] = ()
    archives: str = "t"
    recovery: str = RECOVERED
    state: str = "f|off|2026-11-22 11:00:28.41707+00"
    # How often the server is asked before it is ready.
    patience: int = 2
    free: int = 2**40
    programs: Sequence[str] = ("/usr/lib/postgresql/15/bin/postgres",)
    listening_on: Sequence[int] = ()
    there: Sequence[str] = ()
    # The commands that fail, by a part of them.
    failing: Sequence[str] = ()
    interrupting: str | None = None
    held: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    # The configuration with which PostgreSQL was started.
    started_with: str = ""

    def ports(self) -> Host:
        """As the use case takes them."""
        return Host(
            commands=cast(Commands, self),
            files=cast(Files, self),
            folders=cast(Folders, self),
            locks=cast(Locks, self),
            paths=cast(Paths, self),
            sockets=cast(Sockets, self),
            now=lambda: NOW,
            pause=lambda seconds: None,
        )

    def run(self, argv: Sequence[str], *, cwd: str, stdin: str = "") -> Completed:
        # What root may enter, PostgreSQL's user may not.
        assert cwd == "/"
        words = list(argv)
        is_postgres = words[:4] == ["runuser", "-u", "postgres", "--"]
        command = " ".join(words[4:] if is_postgres else words)
        if self.interrupting and self.interrupting in command:
            raise KeyboardInterrupt
        if any(part in command for part in self.failing):
            return Completed(tuple(argv), 9, "", "ERROR: it fails")
        told = self._say(words[4:] if is_postgres else words, stdin)
        if told is None:
            self.log.append(command if is_postgres else f"root: {command}")
            return Completed(tuple(argv), 0, "", "")
        return Completed(tuple(argv), 0 if told else 2, told, "")

    def _say(self, words: list[str], stdin: str) -> str | None:
        """What a program says that only looks; None if it does something."""
        program, last = words[0], words[-1]
        if program == "pg_lsclusters":
            return json.dumps(self.clusters)
        if program == "pgbackrest" and last == "info":
            return json.dumps([self._info(with_tablespaces=any(word.startswith("--set=") for word in words))])
        if program.endswith("pg_controldata"):
            return "" if last == "/gone" else f"Database system identifier:  {77 if '/' in last else 78}\n{_LIMITS}"
        if program == "psql":
            return self._answer(words[words.index("-p") + 1], last)
        if program == "sh":
            self.content[last] = stdin
            self.log.append(f"write {last}")
            if last == CONFIGURATION and not self._scratch():
                self.clusters = [*self.clusters, {**LIVE, "cluster": "moment", "port": "5499", "running": 0}]
            return "\n"
        if program == "pg_ctlcluster" and last == "start":
            self.started_with = self.content[CONFIGURATION]
            self._scratch()[0]["running"] = int("ready to accept" in self.recovery)
            self.content["/var/log/postgresql/postgresql-15-moment.log"] = self.recovery
        if program == "pg_dropcluster":
            self.clusters = [one for one in self.clusters if one["cluster"] != last]
            self.content.clear()
        return None

    def _scratch(self) -> list[dict[str, Any]]:
        return [one for one in self.clusters if one["cluster"] == "moment"]

    def _info(self, *, with_tablespaces: bool) -> dict[str, Any]:
        spaces = {"tablespace": [{"oid": oid} for oid in self.known_tablespaces]} if with_tablespaces else {}
        return {
            "name": "main",
            "backup": [{**one, **spaces} for one in self.backups],
            "db": [{"id": number, "repo-key": 1, "system-id": 77, "version": str(14 + number)} for number in (1, 2)],
            "status": {"message": "no valid backups"},
        }

    def _answer(self, port: str, sql: str) -> str:
        self.asked.append(f"{port} {sql}")
        if port == "5432":
            return f"{self.archives}\n" if "archive_mode" in sql else "739\n"
        self.patience -= 1
        is_ready = self.patience < 0 and any(one["running"] for one in self._scratch())
        return (f"{self.state}\n" if "pg_is_in_recovery" in sql else "1\n") if is_ready else ""

    def find(self, program: str) -> str | None:
        return program if program in self.programs else None

    def read(self, path: str) -> FileState | None:
        return FileState(self.content[path].encode(), Access(), 0, 0) if path in self.content else None

    def entries(self, path: str) -> list[Entry]:
        assert path == "/data/main/pg_tblspc"
        return [Entry(name, is_file=False, size=0, modified=0) for name in self.tablespaces]

    def free_bytes(self, path: str) -> int:
        return self.free

    def facts(self, path: str) -> object:
        return object() if path in self.there else None

    def listening(self, ports: Collection[int]) -> list[Listener]:
        return [Listener("127.0.0.1", port, 0, "") for port in ports if port in self.listening_on]

    @contextmanager
    def hold(self, path: str, *, purpose: str) -> Iterator[None]:
        self.held.append(path)
        yield


_LIMITS = """\
max_connections setting:              250
max_worker_processes setting:         8
max_wal_senders setting:              10
max_prepared_xacts setting:           4
max_locks_per_xact setting:           64
"""
