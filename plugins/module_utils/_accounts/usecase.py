# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Have a database with its owner and whoever reads it, or leave everything as it was.

This module is private to the collection.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._accounts.dialect import Dialect
from ansible_collections.shipshape.webapp.plugins.module_utils._accounts.plan import Request, Step, refuse_invalid
from ansible_collections.shipshape.webapp.plugins.module_utils._database.engine import Connect, Engine
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import (
    DatabaseError,
    InvalidInput,
    ShipshapeError,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._result import Diff, Result
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Connection

# Seconds for which a lock of others is waited for.
_PATIENCE = 10


def ensure_accounts(
    request: Request,
    *,
    dialects: Mapping[str, Dialect],
    engines: Mapping[str, Engine],
    connect: Connect,
    administer: Connect,
    random: Callable[[int], bytes],
    check_mode: bool,
) -> Result:
    """Bring both accounts to exactly what is wanted, and see them log in."""
    if request.address.engine not in dialects:
        raise InvalidInput(str(request.address), ["SQLite has no accounts: its files' owner and mode say who may."])
    dialect, engine = dialects[request.address.engine], engines[request.address.engine]
    refuse_invalid(request, dialect.systems)
    server = _Server(request, dialect, engine, administer, random)
    look = server.look()
    if not check_mode:
        _carry_out(server, look, lambda: _log_in(request, engine, connect))
    given = [step.told for step in look.all_steps if not step.is_taken]
    taken = [step.told for step in look.all_steps if step.is_taken]
    return Result(
        changed=bool(look.all_steps),
        data={"name": request.address.name, "created": bool(look.creation), "added": given, "removed": taken},
        diff=Diff("".join(f"{one}\n" for one in taken), "".join(f"{one}\n" for one in given), str(request.address)),
        warnings=dialect.warnings(look.present) if request.is_wanted else [],
    )


@dataclass(frozen=True)
class _Look:
    """What there is, and what is to be done about it."""

    is_new: bool
    present: Any
    creation: Sequence[Step]
    steps: Sequence[Step]

    @property
    def all_steps(self) -> list[Step]:
        return [*self.creation, *self.steps]

    @property
    def is_within(self) -> bool:
        """Whether there is a database to do it in."""
        return bool(self.creation) or not self.is_new


class _Server:
    """The server as its administrator sees it."""

    def __init__(
        self, request: Request, dialect: Dialect, engine: Engine, administer: Connect, random: Callable[[int], bytes]
    ) -> None:
        self._request = request
        self._dialect = dialect
        self._engine = engine
        self._administer = administer
        self._random = random

    def look(self) -> _Look:
        """What there is now."""
        with self.session(is_within=False) as connection:
            if not self._dialect.has_database(connection, self._request.address.name):
                return self._seen(connection, is_new=True)
        with self.session(is_within=True) as connection:
            return self._seen(connection, is_new=False)

    def carry_out(self, steps: Sequence[Step], done: list[Step], *, is_within: bool) -> None:
        """Do all of this and see that it is so; what cannot be taken back by a transaction is added to `done`."""
        with self.session(is_within=is_within) as connection:
            if self._dialect.is_transactional:
                with connection.transaction():
                    self._do(connection, steps, [], is_within=is_within)
                done.extend(steps)
            else:
                self._do(connection, steps, done, is_within=is_within)

    def create(self, creation: Step) -> None:
        """Make the database."""
        with self.session(is_within=False) as connection:
            _execute(connection, creation)

    def take_back(self, steps: Sequence[Step], *, is_within: bool) -> None:
        """Undo these, the last one first, as far as that is possible."""
        with self.session(is_within=is_within) as connection:
            for statement in (statement for step in reversed(steps) for statement in step.undo):
                # What failed was never done; whether all is as before is seen afterwards.
                with suppress(DatabaseError):
                    connection.execute(statement)

    @contextmanager
    def session(self, *, is_within: bool) -> Iterator[Connection]:
        """A session that leaves no statements in the server's logs."""
        address = self._dialect.administration(self._request.address, is_within=is_within)
        with closing(self._administer(address, self._engine, lock_timeout=_PATIENCE)) as connection:
            for statement in self._dialect.session():
                connection.execute(statement)
            yield connection

    def _seen(self, connection: Connection, *, is_new: bool) -> _Look:
        request, dialect = self._request, self._dialect
        present = dialect.observe(connection, request, is_new=is_new)
        creation = [dialect.creation(request.address.name)] if is_new and request.is_wanted else []
        return _Look(is_new, present, creation, dialect.plan(request, present, self._random))

    def _do(self, connection: Connection, steps: Sequence[Step], done: list[Step], *, is_within: bool) -> None:
        for step in steps:
            done.append(step)
            _execute(connection, step)
        left = self._seen(connection, is_new=not is_within).steps
        if left:
            told = ", ".join(step.told for step in left)
            raise DatabaseError(f"{self._request.address}: the server did not take all of it: {told}.", reason="other")


def _execute(connection: Connection, step: Step) -> None:
    try:
        connection.execute(step.do)
    except DatabaseError as error:
        error.add(f"It was about {step.told}.")
        raise


def _carry_out(server: _Server, look: _Look, prove: Callable[[], None]) -> None:
    made: list[Step] = []
    done: list[Step] = []
    try:
        for creation in look.creation:
            server.create(creation)
            # Not before: what somebody else has made in the meantime is not to be dropped.
            made.append(creation)
        if look.steps:
            server.carry_out(look.steps, done, is_within=look.is_within)
        prove()
    except BaseException as error:
        if look.all_steps:
            is_restored = _take_back(server, look, made, done)
            if isinstance(error, ShipshapeError):
                error.details["restored"] = is_restored
                told = ", ".join(step.told for step in [*made, *done])
                error.add(
                    "Everything is as it was before."
                    if is_restored
                    else f"Not everything is as it was before, look at these: {told}."
                )
        raise


def _take_back(server: _Server, look: _Look, made: Sequence[Step], done: Sequence[Step]) -> bool:
    """Whether everything is again as it was."""
    try:
        if done:
            server.take_back(done, is_within=look.is_within)
        if made:
            server.take_back(made, is_within=False)
        again = server.look()
    except ShipshapeError:
        return False
    return (again.is_new, again.present) == (look.is_new, look.present)


def _log_in(request: Request, engine: Engine, connect: Connect) -> None:
    """As the application does, and as the checks do."""
    for account in request.accounts if request.is_wanted else ():
        connect(replace(request.address, user=account.name, password=account.password), engine).close()
