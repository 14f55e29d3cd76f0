# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Accounts of MariaDB. This module is private to the collection."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ansible_collections.shipshape.webapp.plugins.module_utils._accounts.plan import Account, Request, Step
from ansible_collections.shipshape.webapp.plugins.module_utils._database.address import Address
from ansible_collections.shipshape.webapp.plugins.module_utils._database.beside import beside_stems
from ansible_collections.shipshape.webapp.plugins.module_utils._database.engine import Version
from ansible_collections.shipshape.webapp.plugins.module_utils._database.mysql import LONGEST_NAME, Mysql
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import InvalidInput
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Connection

_ALL = "ALL PRIVILEGES"
_ADMINISTRATOR = "root"
_SOCKET = "/run/mysqld/mysqld.sock"
_OLDEST = (10, 11)

_quote = Mysql().quote

_SERVER = "SELECT @@port, @@skip_name_resolve"
_CHARSET = "SELECT DEFAULT_CHARACTER_SET_NAME FROM information_schema.SCHEMATA WHERE BINARY SCHEMA_NAME = ?"
_EXISTS = "SELECT 1 FROM mysql.global_priv WHERE BINARY User = ? AND Host = 'localhost'"

_GRANT = re.compile(r"GRANT (?P<what>.+?) TO (?:`(?:[^`]|``)*`|'(?:[^']|'')*')@\S+(?P<rest>.*)", re.DOTALL)
_ON = re.compile(
    r"(?P<rights>.+?) ON (?P<object>(?:[A-Z ]+ )?(?P<database>\*|`(?:[^`]|``)*`)\.(?P<name>\*|`(?:[^`]|``)*`))",
    re.DOTALL,
)
# Another way in, or none.
_SHUT = re.compile(r" OR | ACCOUNT LOCK\b| PASSWORD EXPIRE(?! INTERVAL| NEVER| DEFAULT)")
_OPTION = re.compile(r" (?:GRANT|ADMIN) OPTION\b")
_IN_PATTERN = re.compile(r"\\(.)|(%)|(_)|(.)", re.DOTALL)


@dataclass(frozen=True)
class Grant:
    """A line of SHOW GRANTS."""

    line: str = field(repr=False)
    # What is granted, as REVOKE takes it, too: rights on an object, or a role.
    what: str
    rights: str = ""
    object: str = ""
    is_grantable: bool = False


@dataclass(frozen=True)
class User:
    """An account as it is."""

    # The statement that makes it, with what is kept of its password.
    created: str = field(repr=False)
    grants: Sequence[Grant]
    default_role: str | None


@dataclass(frozen=True)
class Present:
    """What the server has."""

    version: Version
    port: int
    resolves_names: bool
    # None if the database is not there yet.
    charset: str | None
    users: Mapping[str, User]


class MysqlAccounts:
    """MariaDB 10.11 and later; accounts are those of this host."""

    systems: tuple[str, ...] = ("mysql", "information_schema", "performance_schema", "sys")
    # Each statement is final.
    is_transactional = False

    def administration(self, address: Address, *, is_within: bool) -> Address:
        """The socket, over which the server takes the system's user root for its own."""
        name = address.name if is_within else "mysql"
        return Address(engine="mysql", name=name, socket=address.socket or _SOCKET, user=_ADMINISTRATOR)

    def session(self) -> Sequence[str]:
        """Nothing gets into the general log or the slow one; what SHOW says is quoted in one way."""
        return [
            "SET SESSION sql_log_off = 1, SESSION slow_query_log = 0, SESSION sql_mode = '',"
            " SESSION sql_quote_show_create = 1"
        ]

    def has_database(self, connection: Connection, name: str) -> bool:
        """Whether it is among the schemata."""
        return bool(connection.rows(_CHARSET, [name]))

    def creation(self, name: str) -> Step:
        """With the character set that can write everything."""
        quoted = _quote(name)
        return Step(f"CREATE DATABASE {quoted} CHARACTER SET utf8mb4", (f"DROP DATABASE {quoted}",), f"database {name}")

    def observe(self, connection: Connection, request: Request, *, is_new: bool) -> Present:
        """The accounts with all their grants."""
        [(port, skips)] = connection.rows(_SERVER)
        charset = None if is_new else connection.rows(_CHARSET, [request.address.name])[0][0]
        users = {
            account.name: _observed(connection, account.name)
            for account in request.accounts
            if connection.rows(_EXISTS, [account.name])
        }
        return Present(Mysql().version(connection), int(port), not skips, charset, users)

    def plan(self, request: Request, present: Present, random: Callable[[int], bytes]) -> list[Step]:
        """What is granted comes first, where an application is running."""
        _refuse(request, present)
        users = present.users
        if not request.is_wanted:
            return [_removal(one.name, users[one.name]) for one in request.accounts if one.name in users]
        database = request.address.name
        owner = users.get(request.owner.name)
        steps = [*_steps(request.owner, owner, _ALL, database), *_steps_for_copies(request.owner, owner, database)]
        if request.reader:
            steps.extend(_steps(request.reader, users.get(request.reader.name), "SELECT", database))
        return steps

    def warnings(self, present: Present) -> list[str]:
        """The character set of tables to come."""
        if present.charset in (None, "utf8mb4"):
            return []
        return [
            f"New tables of the database get the character set {present.charset}, which cannot write everything: see"
            " ALTER DATABASE … CHARACTER SET utf8mb4."
        ]


def hashed(password: str) -> str:
    """What the server keeps of a password, so that the password itself is in no statement."""
    # The server's own way, which clients of all kinds know; it compares and protects nothing here.
    once = hashlib.sha1(password.encode("utf-8", "surrogateescape")).digest()  # noqa: S324 (mysql_native_password is this)
    return f"*{hashlib.sha1(once).hexdigest().upper()}"  # noqa: S324 (mysql_native_password is this)


def parsed(line: str) -> Grant | None:
    """A line of SHOW GRANTS; None for one that grants nothing."""
    found = _GRANT.fullmatch(line)
    if not found:
        return None
    what, is_grantable = found["what"], _OPTION.search(found["rest"]) is not None
    on = _ON.fullmatch(what)
    if on and on["rights"] == "USAGE" and not is_grantable:
        return None
    rights, thing = (on["rights"], on["object"]) if on else ("", "")
    return Grant(line, what, rights, thing, is_grantable)


def concerns(grant: Grant, database: str) -> bool:
    """Whether it gives rights in this database; a role and what holds everywhere do."""
    on = _ON.fullmatch(grant.what)
    if not on or on["database"] == "*":
        return True
    named = on["database"][1:-1].replace("``", "`")
    # Only a grant on all of a database takes its name for a pattern.
    return _matches(named, database) if on["name"] == "*" else named == database


def _matches(pattern: str, name: str) -> bool:
    pieces = (
        ".*" if found[2] else "." if found[3] else re.escape(found[1] or found[4])
        for found in _IN_PATTERN.finditer(pattern)
    )
    return re.fullmatch("".join(pieces), name, re.DOTALL) is not None


def _account(name: str) -> str:
    return f"{_quote(name)}@`localhost`"


def _observed(connection: Connection, name: str) -> User:
    account = _account(name)
    [(created,)] = connection.rows(f"SHOW CREATE USER {account}")
    # The server's own order is that in which they were granted.
    lines = sorted(line for (line,) in connection.rows(f"SHOW GRANTS FOR {account}"))
    return User(
        created=created,
        grants=[grant for grant in map(parsed, lines) if grant],
        default_role=next((line for line in lines if line.startswith("SET DEFAULT ROLE ")), None),
    )


def _refuse(request: Request, present: Present) -> None:
    address, version = request.address, present.version
    problems = [
        f"{name} may administer the server, and may be somebody's who does: use another account."
        for name, user in present.users.items()
        if any(grant.object == "*.*" and _administers(grant) for grant in user.grants)
    ]
    if version.product != "MariaDB" or version.numbers < _OLDEST:
        problems.append(f"The server is {version.product} {version.text}: MariaDB 10.11 or later is needed.")
    if not address.socket and address.port != present.port:
        problems.append(f"The URL names the port {address.port}, and the server on this host has {present.port}.")
    if not address.socket and not present.resolves_names:
        problems.append(
            "The server has skip_name_resolve, and so does not know who comes from this host: name its socket in the"
            " URL, as in ?socket=/run/mysqld/mysqld.sock."
        )
    if problems:
        raise InvalidInput(str(address), problems)


def _administers(grant: Grant) -> bool:
    return grant.is_grantable or bool({_ALL, "SUPER"} & set(grant.rights.split(", ")))


def _removal(name: str, user: User) -> Step:
    undo = (user.created, *(grant.line for grant in user.grants), *filter(None, [user.default_role]))
    return Step(f"DROP USER {_account(name)}", undo, f"account {name}", is_taken=True)


def _steps(account: Account, user: User | None, rights: str, database: str) -> Iterator[Step]:
    name, kept = _account(account.name), hashed(account.password)
    if user is None:
        create = f"CREATE USER {name} IDENTIFIED VIA mysql_native_password USING '{kept}'"
        yield Step(create, (f"DROP USER {name}",), f"account {account.name}")
        user = User("", [], None)
    elif not _lets_in(user, name, kept):
        alter = f"ALTER USER {name} IDENTIFIED VIA mysql_native_password USING '{kept}' ACCOUNT UNLOCK"
        undo = f"ALTER{user.created[len('CREATE') :]}"
        yield Step(alter, (undo,), f"{account.name}: the password")
    target = _target(database)
    found = [grant for grant in user.grants if concerns(grant, database)]
    present = next((grant for grant in found if grant.object == target), None)
    yield from _granted(name, account.name, rights, target, present)
    if user.default_role:
        # Before the role goes, so that on the way back the role is there first.
        yield Step(
            f"SET DEFAULT ROLE NONE FOR {name}", (user.default_role,), f"{account.name}: its role", is_taken=True
        )
    yield from _taken(name, account.name, [grant for grant in found if grant is not present])


def _steps_for_copies(owner: Account, user: User | None, database: str) -> Iterator[Step]:
    """A restore makes a database beside the live one, as nobody can rename one, and moves tables to and fro."""
    for stem in beside_stems(database, LONGEST_NAME):
        target = _target(stem, "%")
        present = next((grant for grant in user.grants if grant.object == target), None) if user else None
        yield from _granted(_account(owner.name), owner.name, _ALL, target, present)


def _target(database: str, ending: str = "") -> str:
    # What is special in a pattern can be in the name of a database, too.
    return _quote(re.sub(r"[\\%_]", r"\\\g<0>", database) + ending) + ".*"


def _granted(name: str, told: str, rights: str, target: str, present: Grant | None) -> Iterator[Step]:
    """Exactly these rights, of which none can be passed on."""
    what = f"{rights} ON {target}"
    grant, revoke, granted = f"GRANT {what} TO {name}", f"REVOKE {what} FROM {name}", f"{told}: {what}"
    if present is None or present.rights != rights:
        if present and rights == _ALL:
            # It is more than there is, so that an application that runs goes without nothing meanwhile.
            yield Step(grant, (revoke, present.line), granted)
        else:
            yield from _taken(name, told, [present] if present else [])
            yield Step(grant, (revoke,), granted)
    if present and present.is_grantable:
        yield _not_passed_on(name, told, present)


def _taken(name: str, told: str, grants: Sequence[Grant]) -> Iterator[Step]:
    for grant in grants:
        yield Step(f"REVOKE {grant.what} FROM {name}", (grant.line,), f"{told}: {grant.what}", is_taken=True)
        if grant.is_grantable and grant.object:
            yield _not_passed_on(name, told, grant)


def _not_passed_on(name: str, told: str, grant: Grant) -> Step:
    revoke = f"REVOKE GRANT OPTION ON {grant.object} FROM {name}"
    return Step(revoke, (grant.line,), f"{told}: GRANT OPTION ON {grant.object}", is_taken=True)


def _lets_in(user: User, name: str, kept: str) -> bool:
    """Whether the account takes this password, and nothing else in its place."""
    begins = f"CREATE USER {name} IDENTIFIED BY PASSWORD '{kept}'"
    rest = user.created[len(begins) :]
    return user.created.startswith(begins) and not _SHUT.search(rest)
