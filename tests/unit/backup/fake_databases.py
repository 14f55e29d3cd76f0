# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A server whose databases are JSON files, so that the use cases can be tested on a real file system, with real pipes
and locks, and can be made to fail at every step."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from itertools import count
from pathlib import Path
from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._backup.manifest import Facts
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.strategy import Dump, Swap, Terms
from ansible_collections.shipshape.webapp.plugins.module_utils._database.address import Address
from ansible_collections.shipshape.webapp.plugins.module_utils._database.beside import beside_name, purpose_of
from ansible_collections.shipshape.webapp.plugins.module_utils._database.engine import Engine, Table
from ansible_collections.shipshape.webapp.plugins.module_utils._database.host import Host
from ansible_collections.shipshape.webapp.plugins.module_utils._database.postgresql import Postgresql
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import BackupError, DatabaseError
from ansible_collections.shipshape.webapp.plugins.module_utils._host import this_host
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Stage

LONGEST = 63

Rows = list[list[Any]]


class FakeConnection:
    """A session that sees the database as it was when it began."""

    def __init__(self, content: bytes, address: Address, told_size: int | None) -> None:
        self._size = len(content) if told_size is None else told_size
        try:
            self.state: dict[str, Any] = json.loads(content)
        except ValueError:
            raise DatabaseError(f"{address} is damaged.", reason="corrupt") from None

    def rows(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        assert "pg_database_size" in sql
        return [(self._size,)]

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> int:
        raise NotImplementedError

    def several(self, statements: Sequence[tuple[str, Sequence[object]]]) -> None:
        raise NotImplementedError

    @contextmanager
    def transaction(self, *, read_only: bool = False) -> Iterator[None]:
        assert read_only
        yield

    def close(self) -> None:
        pass


@dataclass
class FakeDatabases:
    """The strategy, which fails where it is told to: at a step's beginning, or at its end (`dump:done`)."""

    root: Path
    faults: dict[str, BaseException] = field(default_factory=dict)
    # At which step a row is lost without anybody noticing: load:scratch, load:copy, swap.
    loses_at: str | None = None
    # What the next questions for obstacles are answered; the last answer is given for ever.
    users: list[list[str]] = field(default_factory=lambda: [[]])
    steps: list[str] = field(default_factory=list)
    packs: list[Sequence[Stage]] = field(default_factory=list)
    told_size: int | None = None
    engine: Engine = field(default_factory=Postgresql)
    suffix: str = ".json"

    def path(self, name: str) -> Path:
        return self.root / f"{name}.database"

    def write(self, name: str, schema: str = "v1", **tables: Rows) -> None:
        self.path(name).write_text(json.dumps({"schema": schema, "tables": tables}))

    def read(self, name: str) -> dict[str, Rows]:
        tables: dict[str, Rows] = json.loads(self.path(name).read_text())["tables"]
        return tables

    def names(self) -> list[str]:
        return sorted(path.stem for path in self.root.iterdir())

    def connect(
        self,
        address: Address,
        engine: Engine,
        *,
        read_only: bool = False,
        statement_timeout: float | None = None,
        lock_timeout: float | None = None,
    ) -> FakeConnection:
        self._step("connect")
        try:
            return FakeConnection(self.path(address.name).read_bytes(), address, self.told_size)
        except FileNotFoundError:
            raise DatabaseError(f"{address} does not exist.", reason="unknown_database") from None

    def measure(self, connection: Any, *, with_content: bool = False) -> Facts:
        self._step("measure")
        return _facts(connection.state, with_content=with_content)

    def dump(
        self, address: Address, pack: Sequence[Stage], path: str, host: Host, terms: Terms, *, with_content: bool
    ) -> Dump:
        self._step("dump")
        self.packs.append(pack)
        source = self.path(address.name)
        facts = _facts(json.loads(source.read_text()), with_content=with_content)
        flow = host.pipes.save(pack, path, stdin=str(source), timeout=terms.timeout, progress=terms.progress)
        self._step("dump:done")
        return Dump(flow, facts, "snapshot", server="Fake 1.0", tool="fake_dump 1.0", warnings=("A warning.",))

    def check(self, path: str, unpack: Sequence[Stage], facts: Facts, host: Host, terms: Terms) -> None:
        self._step("check")
        host.pipes.load(path, [*unpack, Stage(("cat",))], timeout=terms.timeout, progress=terms.progress)

    @contextmanager
    def scratch(
        self, address: Address, facts: Facts, where: str, host: Host, terms: Terms
    ) -> Iterator[tuple[Address, str]]:
        self._step("scratch")
        copy = replace(address, name=beside_name(address.name, "verify", _tag(host), LONGEST))
        self.write(copy.name)
        try:
            yield copy, "scratch database"
        finally:
            self.path(copy.name).unlink()

    def load(
        self, path: str, unpack: Sequence[Stage], address: Address, host: Host, terms: Terms, *, is_scratch: bool
    ) -> None:
        step = "load:scratch" if is_scratch else "load:copy"
        self._step(step)
        self.path(address.name).unlink()
        host.pipes.save(unpack, str(self.path(address.name)), stdin=path, timeout=terms.timeout)
        self._lose_a_row(step, address.name)
        self._step(f"{step}:done")

    def obstacles(self, address: Address, host: Host) -> list[str]:
        self._step("obstacles")
        return self.users.pop(0) if len(self.users) > 1 else self.users[0]

    def beside(self, address: Address, facts: Facts, tag: str, host: Host, terms: Terms) -> Address:
        self._step("beside")
        copy = replace(address, name=beside_name(address.name, "restore", tag, LONGEST))
        self.write(copy.name)
        return copy

    def lost(self, live: Address, copy: Address, host: Host, terms: Terms) -> Mapping[Table, int]:
        self._step("lost")
        before, after = self.read(live.name), self.read(copy.name)
        return {Table(name): sum(row not in after.get(name, []) for row in rows) for name, rows in before.items()}

    def swap(self, live: Address, copy: Address, tag: str, host: Host, terms: Terms) -> Swap:
        self._step("swap")
        old = replace(live, name=beside_name(live.name, "old", tag, LONGEST))
        was_there = self.path(live.name).exists()
        if was_there:
            self.path(live.name).rename(self.path(old.name))
        self.path(copy.name).rename(self.path(live.name))
        self._lose_a_row("swap", live.name)

        def undo() -> None:
            self._step("undo")
            self.path(live.name).rename(self.path(copy.name))
            if was_there:
                self.path(old.name).rename(self.path(live.name))

        return Swap(old if was_there else None, undo)

    def kept(self, live: Address, host: Host, terms: Terms) -> list[Address]:
        self._step("kept")
        return [
            replace(live, name=name)
            for name in self.names()
            if purpose_of(name, live.name, LONGEST) in ("old", "restore")
        ]

    def drop(self, address: Address, host: Host, terms: Terms) -> None:
        self._step("drop")
        assert "__" in address.name, "a live database is never dropped"
        self.path(address.name).unlink(missing_ok=True)

    def _step(self, step: str) -> None:
        self.steps.append(step)
        if step in self.faults:
            raise self.faults[step]

    def _lose_a_row(self, step: str, name: str) -> None:
        if self.loses_at == step:
            state = json.loads(self.path(name).read_text())
            next(rows for rows in state["tables"].values() if rows).pop()
            self.path(name).write_text(json.dumps(state))


def _facts(state: Mapping[str, Any], *, with_content: bool) -> Facts:
    return Facts(
        tables={Table(name): len(rows) for name, rows in state["tables"].items()},
        schema_sha256=_digest(state["schema"]),
        content_sha256=_digest(json.dumps(state, sort_keys=True)) if with_content else None,
    )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _tag(host: Host) -> str:
    return f"20260101000000{host.random(3).hex()}"


@dataclass
class Clock:
    """A clock that goes on with every look at it, by a second unless it is told otherwise."""

    time: datetime = datetime(2026, 3, 10, 12, tzinfo=timezone.utc)
    steps: list[timedelta] = field(default_factory=list)
    zone: timezone = timezone.utc

    def now(self) -> datetime:
        told = self.time
        self.time += self.steps.pop(0) if self.steps else timedelta(seconds=1)
        return told

    def local(self, moment: datetime) -> datetime:
        return moment.astimezone(self.zone)


def host_of(databases: FakeDatabases, clock: Clock, pauses: list[float]) -> Host:
    """This host, with real files, locks and pipes, and with databases, a clock and chance of the test's own."""
    numbers = count(1)
    return replace(
        this_host(),
        connect=databases.connect,
        now=clock.now,
        local=clock.local,
        random=lambda size: next(numbers).to_bytes(size, "big"),
        who=lambda: "root@host",
        pause=pauses.append,
    )


class Failing:
    """An adapter of which one method fails, before or after it has done its work, for what it is told of."""

    def __init__(self, adapter: Any, method: str, error: BaseException, *, of: str = "", after: bool = False) -> None:
        self._adapter, self._method, self._error = adapter, method, error
        self._of, self._after = of, after

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._adapter, name)
        return self._fail(method) if name == self._method else method

    def _fail(self, method: Any) -> Any:
        def failing(path: str, *arguments: Any, **options: Any) -> Any:
            if not path.endswith(self._of):
                return method(path, *arguments, **options)
            if self._after:
                method(path, *arguments, **options)
            raise self._error

        return failing


def tree(root: Path) -> dict[str, tuple[object, ...]]:
    """All that is below, with what it holds, its mode and when it was changed."""
    return {
        str(path.relative_to(root)): (
            path.lstat().st_mode,
            path.lstat().st_mtime_ns,
            path.read_bytes() if path.is_file() else None,
        )
        for path in [root, *sorted(root.rglob("*"))]
    }


def wrong(message: str = "It is broken.") -> BackupError:
    return BackupError(message)
