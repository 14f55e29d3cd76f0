# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A bank whose clerks never rest, and whose books must agree at every moment. Runs on a test host."""

from __future__ import annotations

import fcntl
import json
import multiprocessing
import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from itertools import cycle
from multiprocessing.synchronize import Event
from typing import Any, cast

from ansible_collections.shipshape.webapp.plugins.module_utils._backup.packing import unpacking
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.registry import STRATEGIES
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.strategy import Strategy, Terms
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.usecase_backup import Request, back_up
from ansible_collections.shipshape.webapp.plugins.module_utils._database.address import Address, parse_address
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import DatabaseError
from ansible_collections.shipshape.webapp.plugins.module_utils._host import this_host
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Connection

CLERKS = 3
ACCOUNTS = 200
OPENING = 1000

TABLES = ("accounts", "archive", "transfers")
# The archive is what a dump takes its time for, between the two tables that must be of one moment.
OPEN = (
    "CREATE TABLE accounts (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL, moves INTEGER NOT NULL)",
    "CREATE TABLE archive (id INTEGER PRIMARY KEY, content TEXT NOT NULL)",
    "CREATE TABLE transfers (clerk INTEGER, number INTEGER, source INTEGER NOT NULL, target INTEGER NOT NULL,"
    " amount INTEGER NOT NULL, PRIMARY KEY (clerk, number))",
)
ARCHIVED = 250

COUNT = "SELECT COUNT(*) FROM transfers"

# Uncompressed, much is written while the dump goes on: MySQL's writers have to wait only until it has begun.
COMPRESS = ("none", "zstd", "gzip")
VERIFY = ("none", "structure")

HOST, TERMS = this_host(), Terms(scratch="/var/tmp", lock_timeout=30)

# A clerk goes through the door to the counter, and is there during each transfer. So whoever closes the door finds the
# counter empty soon, however busy the clerks are.
DOOR, COUNTER = "/var/tmp/bank-door", "/var/tmp/bank-counter"


@contextmanager
def _at(place: str, how: int) -> Iterator[None]:
    """Be there alone, or together with others who want no more than that."""
    with open(place, "a", encoding="utf-8") as file:
        fcntl.flock(file, how)
        yield


class Considerate:
    """A session that locks all tables in a moment in which no clerk is in the middle of a transfer.

    Whether a lock can be had among busy writers without waiting for it is a matter of luck and of the machine. What is
    so without it is tested elsewhere: here it is had, and the clerks wait for its end.
    """

    def __init__(self, session: Connection) -> None:
        self._session = session

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> int:
        """Carry it out, with the door closed and the counter empty if need be."""
        if not sql.startswith("LOCK TABLES"):
            return self._session.execute(sql, parameters)
        with _at(DOOR, fcntl.LOCK_EX), _at(COUNTER, fcntl.LOCK_EX):
            return self._session.execute(sql, parameters)


def _considerate(*given: Any, **options: Any) -> Connection:
    return cast(Connection, Considerate(HOST.connect(*given, **options)))


CONSIDERATE_HOST = replace(HOST, connect=_considerate)


@dataclass(frozen=True)
class Bank:
    """The bank of one database."""

    address: Address

    @property
    def strategy(self) -> Strategy:
        return STRATEGIES[self.address.engine]

    @contextmanager
    def books(self) -> Iterator[Connection]:
        """A session with the live database."""
        with closing(HOST.connect(self.address, self.strategy.engine, lock_timeout=TERMS.lock_timeout)) as connection:
            if self.address.engine == "sqlite":
                # Who waits for the disk keeps others waiting, and writes less.
                connection.execute("PRAGMA synchronous = OFF")
            yield connection

    def open(self) -> None:
        """Make the tables, with money in every account."""
        letters = random.Random(1)  # noqa: S311 (no secret: what cannot be compressed much)
        with self.books() as books:
            for statement in OPEN:
                books.execute(statement)
            with books.transaction():
                for number in range(ACCOUNTS):
                    books.execute("INSERT INTO accounts VALUES (?, ?, 0)", (number, OPENING))
                for number in range(ARCHIVED):
                    books.execute("INSERT INTO archive VALUES (?, ?)", (number, letters.randbytes(4000).hex()))

    def back_ups(self, directory: str, count: int) -> list[object]:
        """So many backups, one after the other."""
        taken: list[object] = []
        for compress, level, _number in zip(cycle(COMPRESS), cycle(VERIFY), range(count)):
            request = Request(self.address, directory, "bank", TERMS, verify=level, compress=compress)
            result = back_up(request, host=CONSIDERATE_HOST, strategy=self.strategy, check_mode=False)
            taken.append(result.data["backup"])
        return taken

    def audits(self, backups: Sequence[Mapping[str, Any]]) -> list[list[str]]:
        """What does not agree in the books of each backup, restored."""
        with self.books() as books:
            facts = self.strategy.measure(books)
        with self.strategy.scratch(self.address, facts, "auto", HOST, TERMS) as (copy, _place):
            return [self._audit(backup, copy) for backup in backups]

    def _audit(self, backup: Mapping[str, Any], copy: Address) -> list[str]:
        _empty(copy, self.strategy)
        unpack = unpacking(backup["compression"], None, HOST.commands.find)
        self.strategy.load(backup["path"], unpack, copy, HOST, TERMS, is_scratch=True)
        with closing(HOST.connect(copy, self.strategy.engine)) as books:
            return [*disagreements(books), *_miscounted(books, backup)]


def disagreements(books: Connection) -> list[str]:
    """What cannot be so in the books of any moment."""
    told = []
    accounts = books.rows("SELECT id, balance, moves FROM accounts ORDER BY id")
    if len(accounts) != ACCOUNTS or sum(balance for _number, balance, _moves in accounts) != ACCOUNTS * OPENING:
        told.append("money was made or lost")
    came = dict(books.rows("SELECT target, SUM(amount) FROM transfers GROUP BY target"))
    went = dict(books.rows("SELECT source, SUM(amount) FROM transfers GROUP BY source"))
    if any(balance != OPENING + came.get(number, 0) - went.get(number, 0) for number, balance, _moves in accounts):
        told.append("a balance is not what the transfers make of it")
    if sum(moves for _number, _balance, moves in accounts) != 2 * _one(books, COUNT):
        told.append("accounts count other transfers")
    if any(last != count for last, count in books.rows("SELECT MAX(number), COUNT(*) FROM transfers GROUP BY clerk")):
        told.append("there is a gap in the transfers of a clerk")
    if books.rows("SELECT COUNT(*), MIN(LENGTH(content)) FROM archive") != [(ARCHIVED, 8000)]:
        told.append("the archive is not whole")
    return told


def _miscounted(books: Connection, backup: Mapping[str, Any]) -> list[str]:
    said = {table["name"]: table["rows"] for table in backup["tables"]}
    found = {name: _one(books, f"SELECT COUNT(*) FROM {name}") for name in TABLES}  # noqa: S608 (our own)
    # What says that it is not exact promises nothing.
    is_true = said == found or backup["is_approximate"]
    return [] if is_true else [f"the manifest says {said} of {found}"]


def _empty(copy: Address, strategy: Strategy) -> None:
    """Have the scratch as it was when it was new."""
    if copy.engine == "sqlite":
        HOST.folders.remove(copy.name)
        return
    name = strategy.engine.quote(copy.name)
    remade = {
        "mysql": (f"DROP DATABASE {name}", f"CREATE DATABASE {name}"),
        "postgresql": ("DROP SCHEMA public CASCADE", "CREATE SCHEMA public"),
    }
    with closing(HOST.connect(copy, strategy.engine)) as connection:
        for statement in remade[copy.engine]:
            connection.execute(statement)


def _one(books: Connection, sql: str) -> int:
    [(number,)] = books.rows(sql)
    return int(number)


def _serve(bank: Bank, clerk: int, is_over: Event) -> None:
    """Transfer money from one account to another until all is over."""
    chance = random.Random(clerk)  # noqa: S311 (no secret)
    with bank.books() as books:
        number = 0
        while not is_over.is_set():
            with _at(DOOR, fcntl.LOCK_SH):
                pass
            try:
                with _at(COUNTER, fcntl.LOCK_SH):
                    _transfer(books, clerk, number + 1, chance)
                number += 1
            except DatabaseError as error:
                # Another was faster: again.
                if error.reason != "locked":
                    raise


def _transfer(books: Connection, clerk: int, number: int, chance: random.Random) -> None:
    source, target = chance.sample(range(ACCOUNTS), 2)
    amount = chance.randrange(1, 50)
    noted = ("INSERT INTO transfers VALUES (?, ?, ?, ?, ?)", (clerk, number, source, target, amount))
    # In the order of their numbers, so that clerks do not wait for each other for ever.
    moved = [
        ("UPDATE accounts SET balance = balance + ?, moves = moves + 1 WHERE id = ?", (change, account))
        for account, change in sorted({source: -amount, target: amount}.items())
    ]
    with books.transaction():
        for statement, values in (noted, *moved) if chance.random() < 0.5 else (*moved, noted):
            books.execute(statement, values)


@contextmanager
def at_work(bank: Bank) -> Iterator[None]:
    """The clerks are at it as long as the context lasts."""
    processes = multiprocessing.get_context("fork")
    is_over = processes.Event()
    clerks = [processes.Process(target=_serve, args=(bank, clerk, is_over)) for clerk in range(CLERKS)]
    for clerk in clerks:
        clerk.start()
    try:
        yield
    finally:
        is_over.set()
        for clerk in clerks:
            clerk.join()
    if any(clerk.exitcode for clerk in clerks):
        raise RuntimeError("a clerk could not go on")


def bank_of(url: str, password: str | None) -> Bank:
    """The bank at this address."""
    return Bank(parse_address(url, password))


def main() -> None:
    """Have the clerks at work from the first line of the standard input, which says where, to its end."""
    bank = bank_of(**json.loads(sys.stdin.readline()))
    with at_work(bank):
        print("at work", flush=True)
        sys.stdin.read()
    with bank.books() as books:
        print(_one(books, COUNT))


if __name__ == "__main__":
    main()
