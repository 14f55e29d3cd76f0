# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs migrations inside of a test host and kills them, at every call that they make of the database.

It is sent to the host's own Python as it is, behind one line that sets SPEC.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._database.address import Address, parse_address
from ansible_collections.shipshape.webapp.plugins.module_utils._database.registry import ENGINES
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import DatabaseError, ShipshapeError
from ansible_collections.shipshape.webapp.plugins.module_utils._host import this_host
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.request import Request
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.runner import Project
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.sql import SqlRunner
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.usecase import migrate
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Connection

HOST = this_host()


class Doomed:
    """A session of a process that dies at one of the moments that are counted, or loses its server there.

    There is one after each call and after each transaction: between two of them, nothing happens to the database.
    """

    def __init__(self, connection: Connection, count: Callable[[], None]) -> None:
        self._connection = connection
        self._count = count
        self._count()

    def rows(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        return self._connection.rows(sql, parameters)

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> int:
        changed = self._connection.execute(sql, parameters)
        self._count()
        return changed

    def several(self, statements: Sequence[tuple[str, Sequence[object]]]) -> None:
        for sql, parameters in statements:
            self.execute(sql, parameters)

    @contextmanager
    def transaction(self, *, read_only: bool = False) -> Iterator[None]:
        with self._connection.transaction(read_only=read_only):
            yield
        if not read_only:
            self._count()

    def close(self) -> None:
        self._connection.close()


def address_of(spec: dict[str, Any]) -> Address:
    return parse_address(spec["url"], spec["password"])


def migrated(spec: dict[str, Any], count: Callable[[], None] = lambda: None) -> dict[str, Any]:
    """What the use case says."""
    address = address_of(spec)

    def connect(*arguments: Any, **options: Any) -> Connection:
        return Doomed(HOST.connect(*arguments, **options), count)

    project = Project(address, spec["directory"], spec["directory"], **spec.get("project", {}))
    request = Request(project, is_backup_waived=True, allow_destructive=tuple(spec["allow"]), **spec.get("request", {}))
    try:
        result = migrate(
            request,
            host=replace(HOST, connect=connect),
            engine=ENGINES[address.engine],
            runner=SqlRunner(),
            snapshots=None,
            check_mode=False,
        )
    except ShipshapeError as error:
        return {"failed": error.message, **{key: error.details.get(key) for key in ("position", "as_before")}}
    return {"changed": result.changed, "applied": [one["name"] for one in result.data["applied"]]}


def contents(spec: dict[str, Any]) -> list[Any]:
    """The schema, the rows of all tables but the ledger, and what the ledger lists."""
    address = address_of(spec)
    engine = ENGINES[address.engine]
    with closing(HOST.connect(address, engine)) as connection:
        rows = {
            str(table): sorted(map(repr, connection.rows(f"SELECT * FROM {engine.qualified(table)}")))  # noqa: S608 (quoted)
            for table in engine.tables(connection)
            if table.name != "schema_ledger"
        }
        listed = connection.rows("SELECT version, state FROM schema_ledger")
        return [engine.schema_fingerprint(connection), rows, sorted(map(list, listed))]


def emptied(spec: dict[str, Any]) -> None:
    """Begin again with nothing."""
    address = address_of(spec)
    if address.engine == "sqlite":
        for suffix in ("", "-wal", "-shm", "-journal"):
            if os.path.exists(address.name + suffix):
                os.unlink(address.name + suffix)
        open(address.name, "x").close()
        return
    engine = ENGINES[address.engine]
    with closing(HOST.connect(address, engine)) as connection:
        if address.engine == "postgresql":
            connection.execute("DROP SCHEMA public CASCADE")
            connection.execute("CREATE SCHEMA public")
        else:
            name = engine.quote(address.name)
            connection.execute(f"DROP DATABASE {name}")
            connection.execute(f"CREATE DATABASE {name}")


def in_a_child(work: Callable[[], Any]) -> Any:
    """What the work gives, done by another process, or None if that was killed."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        with os.fdopen(writing, "w") as pipe:
            json.dump(work(), pipe)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        told = pipe.read()
    _pid, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return None
    assert status == 0, told
    return json.loads(told)


def killed_at(number: int, spec: dict[str, Any]) -> Any:
    """The run, by a process that is killed at this moment if it comes that far."""
    moments = iter(range(sys.maxsize))

    def count() -> None:
        if next(moments) == number:
            os.kill(os.getpid(), signal.SIGKILL)

    return in_a_child(lambda: migrated(spec, count))


def run_without_server(number: int, spec: dict[str, Any]) -> Any:
    """The run, whose server is killed at this moment and comes back, or None if it never came that far."""
    moments = iter(range(sys.maxsize))
    struck = []

    def count() -> None:
        if next(moments) == number:
            struck.append(number)
            subprocess.run(["pkill", "-KILL", "-x", spec["program"]], check=True)
            # systemd takes a server that ends too often for one that cannot run.
            subprocess.run(["systemctl", "reset-failed", spec["service"]], check=False)
            subprocess.run(["systemctl", "restart", spec["service"]], check=True)

    said = migrated(spec, count)
    return None if not struck else said


def every_death_of_the_server(spec: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The same as every_moment, for every so many of them, with the server's death in place of our own."""
    emptied(spec)
    in_a_child(lambda: migrated(spec))
    expected = in_a_child(lambda: contents(spec))
    for number in range(spec["first"], sys.maxsize, spec["each"]):
        emptied(spec)
        said = in_a_child(lambda: [run_without_server(number, spec)])[0]  # noqa: B023 (it is called at once)
        if said is None:
            return
        again = in_a_child(lambda: migrated(spec))
        is_same = "failed" not in again and in_a_child(lambda: contents(spec)) == expected
        yield {"moment": number, "first": said, "said": again, "is_same": is_same}


def every_moment(spec: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """For each moment: what a second run said, and whether the database is then as an undisturbed run leaves it."""
    emptied(spec)
    undisturbed = in_a_child(lambda: migrated(spec))
    expected = in_a_child(lambda: contents(spec))
    yield {"moment": None, "said": undisturbed, "is_same": True}
    for number in range(spec["first"], sys.maxsize, spec["each"]):
        emptied(spec)
        if killed_at(number, spec) is not None:
            return
        again = in_a_child(lambda: migrated(spec))
        is_same = "failed" not in again and in_a_child(lambda: contents(spec)) == expected
        yield {"moment": number, "said": again, "is_same": is_same}


def both_at_once(spec: dict[str, Any]) -> list[Any]:
    """What two runs say that begin at the same time, and what they leave."""
    emptied(spec)
    with closing(HOST.connect(address_of(spec), ENGINES[address_of(spec).engine])):
        pass
    ready, go = os.pipe()
    children = []
    for _number in range(2):
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(go)
            os.read(ready, 1)
            with os.fdopen(writing, "w") as pipe:
                json.dump(migrated(spec), pipe)
            os._exit(0)
        os.close(writing)
        children.append((child, reading))
    os.close(ready)
    os.close(go)
    told = []
    for child, reading in children:
        with os.fdopen(reading) as pipe:
            told.append(json.loads(pipe.read()))
        os.waitpid(child, 0)
    return [told, in_a_child(lambda: contents(spec))]


def main(spec: dict[str, Any]) -> None:
    """Do what the spec asks for, and print what came of it."""
    try:
        if spec["do"] == "every_moment":
            answer: Any = list(every_moment(spec))
        elif spec["do"] == "every_death_of_the_server":
            answer = list(every_death_of_the_server(spec))
        elif spec["do"] == "both_at_once":
            answer = [both_at_once(spec) for _round in range(spec["rounds"])]
        else:
            if spec["is_new"]:
                emptied(spec)
            answer = [migrated(spec), contents(spec)]
    except DatabaseError as error:
        raise SystemExit(error.message) from error
    print(json.dumps(answer))


main(json.loads(globals()["SPEC"]))
