# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the strategy of MySQL and MariaDB talks to servers and their tools. This module is private to the collection."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace

from ansible_collections.shipshape.webapp.plugins.module_utils._backup.strategy import Terms
from ansible_collections.shipshape.webapp.plugins.module_utils._database.address import Address
from ansible_collections.shipshape.webapp.plugins.module_utils._database.engine import Failure, Table
from ansible_collections.shipshape.webapp.plugins.module_utils._database.host import Host
from ansible_collections.shipshape.webapp.plugins.module_utils._database.mysql import Mysql
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import BackupError, CommandError, DatabaseError
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Connection, Stage

ENGINE = Mysql()

DUMPERS = ("mariadb-dump", "mysqldump")
CLIENTS = ("mariadb", "mysql")

# Every server has it, and every user may use it.
_ANY_DATABASE = "information_schema"

_OF_ORACLE = ("--set-gtid-purged=OFF", "--column-statistics=0")
_OF_ALL = ("--single-transaction", "--quick", "--skip-lock-tables", "--skip-add-locks", "--hex-blob")
_DUMP_OPTIONS = (*_OF_ALL, "--no-tablespaces", "--skip-dump-date")

_BESIDE = re.compile(r"__(?:restore|old|verify)_[0-9]{14}[0-9a-f]{6}$")
_SETTING = re.compile(r"[A-Za-z0-9_]+")

_NOBODY_READS = re.compile(r"(?i)errno 32\b|broken pipe")

# The longest that both products take: a session that waits for a dump must not be ended for being idle.
_A_YEAR = 31536000


def was_put_beside(name: str) -> bool:
    """Whether this is the name of a database that a strategy has made, beside whatever other."""
    return bool(_BESIDE.search(name))


@contextmanager
def session(
    host: Host, address: Address, *, lock_timeout: float | None = None, statement_timeout: float | None = None
) -> Iterator[Connection]:
    """A session that is closed in the end and may be idle for as long as it likes."""
    connection = host.connect(address, ENGINE, lock_timeout=lock_timeout, statement_timeout=statement_timeout)
    try:
        connection.execute(f"SET SESSION wait_timeout = {_A_YEAR}")
        connection.execute(
            "SET /*M!100300 SESSION idle_transaction_timeout = 0, SESSION idle_readonly_transaction_timeout = 0, */"
            " @shipshape = 0"
        )
        yield connection
    finally:
        # The server may have ended it already.
        with suppress(DatabaseError):
            connection.close()


@contextmanager
def server_session(host: Host, address: Address, *, lock_timeout: float | None = None) -> Iterator[Connection]:
    """A session with the server of a database that need not exist."""
    with session(host, replace(address, name=_ANY_DATABASE), lock_timeout=lock_timeout) as connection:
        yield connection


@contextmanager
def explained(address: Address) -> Iterator[None]:
    """What a tool of the engine says, said by the engine; the failures of other programs stay as they are."""
    try:
        yield
    except CommandError as error:
        program, said = (error.details.get("argv") or [""])[0], error.details.get("stderr")
        if said and program in DUMPERS and _NOBODY_READS.search(str(said)):
            raise CommandError(
                f"What {program} wrote was not read to its end: another program of the pipe ended before, for lack of"
                " space, or because it was killed. Run it again, and see the host's log.",
                **error.details,
            ) from None
        if said and program in (*DUMPERS, *CLIENTS):
            # None, because the tool's words can hold what the statement held.
            raise ENGINE.explain(Failure("", _its_error(str(said))), address) from None
        raise


def _its_error(said: str) -> str:
    """The error alone: the client shows the statement before it."""
    errors = list(re.finditer(r"^ERROR \d", said, re.MULTILINE))
    return said[errors[-1].start() :] if errors else said


class Dumper:
    """The tool that dumps databases of this host."""

    def __init__(self, host: Host) -> None:
        self.program = _found(host, DUMPERS)
        self.version = host.commands.run([self.program, "--version"]).stdout.strip()

    def stage(self, address: Address, *options: str, tables: Sequence[str] = ()) -> Stage:
        """The tool, as it dumps the database or these of its tables and views."""
        of_product = () if "MariaDB" in self.version else _OF_ORACLE
        return ENGINE.client(address).stage(
            self.program, *_DUMP_OPTIONS, *of_product, *options, "--", address.name, *tables
        )


def client_stage(host: Host, address: Address, terms: Terms) -> Stage:
    """The tool that carries out a dump in the database, and stops at the first error."""
    limits = "; ".join(ENGINE.session(lock_timeout=terms.lock_timeout))
    # Without --comments it drops those in routines; without --binary-mode it changes line ends in them.
    options = ("--batch", "--binary-mode", "--comments", f"--init-command={limits}")
    return ENGINE.client(address).stage(_found(host, CLIENTS), *options, "--", address.name)


def text(value: object) -> str:
    """Some versions send some of their own texts as bytes."""
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value)


def broken_views(connection: Connection, database: str, views: Sequence[str]) -> set[str]:
    """Those of these views that nobody can use, because what they show, or the user that they belong to, is gone."""
    if not views:
        return set()
    listed = ", ".join(ENGINE.qualified(Table(view, database)) for view in views)
    checked = connection.rows(f"CHECK TABLE {listed}")
    wrong = {text(name) for name, _action, kind, _words in checked if text(kind).lower() == "error"}
    return {view for view in views if f"{database}.{view}" in wrong}


def settings(connection: Connection, name: str) -> dict[str, str] | None:
    """The character set and the collation of a database, or None if there is no such database."""
    rows = connection.rows(
        "SELECT DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME FROM information_schema.SCHEMATA"
        " WHERE SCHEMA_NAME = ?",
        (name,),
    )
    return {"character_set": text(rows[0][0]), "collation": text(rows[0][1])} if rows else None


def create_beside(
    server: Connection, copy: Address, live: Address, traits: Mapping[str, str], advice: str = ""
) -> None:
    """Make an empty database for a copy; who may not is told what to grant, and what else could be done."""
    try:
        server.execute(with_settings("CREATE DATABASE", copy.name, traits))
    except DatabaseError as error:
        if error.reason != "permission":
            raise
        raise DatabaseError(
            f"{copy}: the user may not create this database, into which the backup is to be restored. Grant him all"
            f" rights on databases whose names begin with {live.name}__{advice}.",
            reason=error.reason,
        ) from error


def with_settings(verb: str, name: str, traits: Mapping[str, str]) -> str:
    """CREATE DATABASE or ALTER DATABASE with these settings."""
    words = {"character_set": "CHARACTER SET", "collation": "COLLATE"}
    told = [f"{word} {traits[trait]}" for trait, word in words.items() if trait in traits]
    if not all(_SETTING.fullmatch(traits[trait]) for trait in words if trait in traits):
        raise BackupError("The manifest names a character set or a collation that can be none: it was edited.")
    return " ".join((verb, ENGINE.quote(name), *told))


def _found(host: Host, programs: Sequence[str]) -> str:
    program = host.commands.find(*programs)
    if program is None:
        raise BackupError(f"Neither {' nor '.join(programs)} is installed on this host: install the package of either.")
    return program
