# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Accounts of PostgreSQL. This module is private to the collection."""

# ruff: noqa: S608
# Nothing gets into the SQL but names, which are quoted, and what is kept of passwords, which holds nothing to quote.

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._accounts.plan import Account, Request, Step
from ansible_collections.shipshape.webapp.plugins.module_utils._accounts.scram import SALT_SIZE, is_of, verifier
from ansible_collections.shipshape.webapp.plugins.module_utils._database.address import Address
from ansible_collections.shipshape.webapp.plugins.module_utils._database.postgresql import Postgresql
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import InvalidInput
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Connection

_ADMINISTRATOR = "postgres"
_OLDEST = 15

_quote = Postgresql().quote

# What an account of an application may do, and the words for either.
_ATTRIBUTES = {
    "rolcanlogin": ("LOGIN", "NOLOGIN"),
    "rolcreatedb": ("CREATEDB", "NOCREATEDB"),
    "rolcreaterole": ("CREATEROLE", "NOCREATEROLE"),
    "rolreplication": ("REPLICATION", "NOREPLICATION"),
    "rolbypassrls": ("BYPASSRLS", "NOBYPASSRLS"),
}
_WANTED_ATTRIBUTES = {name: name == "rolcanlogin" for name in _ATTRIBUTES}


def _quoted(*columns: str) -> str:
    """The expression for these names in double quotes, whether they need them or not, as quote() has them."""
    return " || '.' || ".join(f"""'"' || replace({column}::text, '"', '""') || '"'""" for column in columns)


_WITH_ADMIN = " WITH ADMIN OPTION"
_READS_ONLY = "default_transaction_read_only"

_ROLES = f"""
SELECT rolname::text, rolsuper, {", ".join(_ATTRIBUTES)}, rolpassword,
    (SELECT substr(c, {len(_READS_ONLY) + 2}) FROM pg_db_role_setting s, unnest(s.setconfig) c
        WHERE s.setrole = r.oid AND s.setdatabase = 0 AND c LIKE '{_READS_ONLY}=%'),
    ARRAY(SELECT {_quoted("g.rolname")} || CASE WHEN m.admin_option THEN '{_WITH_ADMIN}' ELSE '' END
        FROM pg_auth_members m JOIN pg_authid g ON g.oid = m.roleid
        WHERE m.member = r.oid ORDER BY 1),
    ARRAY(SELECT d.datname::text FROM pg_database d
        WHERE d.datname <> ? AND EXISTS (SELECT 1 FROM pg_shdepend p WHERE p.refclassid = 'pg_authid'::regclass
            AND p.refobjid = r.oid AND (p.dbid = d.oid OR p.classid = 'pg_database'::regclass AND p.objid = d.oid))
        ORDER BY 1)
FROM pg_authid r WHERE rolname IN (?, ?)
"""

_DATABASE = """
SELECT a.rolname::text, a.rolsuper, pg_encoding_to_char(d.encoding)::text
FROM pg_database d JOIN pg_authid a ON a.oid = d.datdba WHERE d.datname = current_database()
"""

_USERS_SCHEMAS = "nspname !~ '^pg_' AND nspname <> 'information_schema'"
_TABLES = "c.relkind IN ('r', 'p', 'v', 'm', 'f')"

# What whoever only reads is to have, by the names as SQL takes them.
_READABLE = f"""
SELECT 'SCHEMA', {_quoted("nspname")}, 'USAGE' FROM pg_namespace WHERE {_USERS_SCHEMAS}
UNION ALL
SELECT 'TABLE', {_quoted("nspname", "relname")}, 'SELECT'
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {_TABLES} AND {_USERS_SCHEMAS}
"""

# What the reader has in this database, and of what all have that which lets them in or write.
_RIGHTS = f"""
WITH reader AS (SELECT oid FROM pg_authid WHERE rolname = ?)
SELECT kind, object, privilege, grantee = 0, grantable FROM (
    SELECT 'DATABASE', {_quoted("datname")}, a.privilege_type, a.grantee, a.is_grantable
    FROM pg_database, aclexplode(COALESCE(datacl, acldefault('d', datdba))) a WHERE datname = current_database()
    UNION ALL
    SELECT 'SCHEMA', {_quoted("nspname")}, a.privilege_type, a.grantee, a.is_grantable
    FROM pg_namespace, aclexplode(nspacl) a
    UNION ALL
    SELECT CASE relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, {_quoted("nspname", "relname")},
        a.privilege_type, a.grantee, a.is_grantable
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, aclexplode(relacl) a
    UNION ALL
    SELECT 'TABLE', {_quoted("nspname", "relname")}, a.privilege_type || ' (' || {_quoted("attname")} || ')',
        a.grantee, a.is_grantable
    FROM pg_attribute t JOIN pg_class c ON c.oid = t.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace,
        aclexplode(attacl) a
    UNION ALL
    SELECT 'ROUTINE', p.oid::regprocedure::text, a.privilege_type, a.grantee, a.is_grantable
    FROM pg_proc p, aclexplode(proacl) a
    UNION ALL
    SELECT CASE defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES' WHEN 'f' THEN 'ROUTINES'
            WHEN 'T' THEN 'TYPES' ELSE 'SCHEMAS' END,
        'FOR ROLE ' || {_quoted("o.rolname")} || COALESCE(' IN SCHEMA ' || {_quoted("nspname")}, ''),
        a.privilege_type, a.grantee, a.is_grantable
    FROM pg_default_acl d JOIN pg_authid o ON o.oid = d.defaclrole
        LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace, aclexplode(defaclacl) a
) found (kind, object, privilege, grantee, grantable)
WHERE grantee IN (SELECT oid FROM reader)
    OR grantee = 0 AND (kind = 'DATABASE' OR kind = 'SCHEMA' AND privilege = 'CREATE')
"""

_OWNED_BY_READER = """
SELECT pg_describe_object(p.classid, p.objid, p.objsubid) FROM pg_shdepend p
WHERE p.refclassid = 'pg_authid'::regclass AND p.refobjid = (SELECT oid FROM pg_authid WHERE rolname = ?)
    AND p.deptype = 'o' AND p.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
ORDER BY 1
"""


@dataclass(frozen=True)
class Role:
    """An account as it is."""

    is_superuser: bool
    attributes: Mapping[str, bool]
    password: str | None = field(repr=False)
    # What it begins transactions with, as the setting says it.
    reads_only: str | None
    # The groups, as SQL takes them, and whether it may pass that on.
    memberships: Sequence[str]
    # Other databases in which it owns something or may do something that was granted by name.
    elsewhere: Sequence[str]


@dataclass(frozen=True, order=True)
class Right:
    """A privilege on one object, or by default on those to come; names are as SQL takes them."""

    kind: str
    object: str
    privilege: str
    grantee: str
    is_grantable: bool = False

    def granted(self) -> str:
        """The statement that gives it."""
        option = " WITH GRANT OPTION" if self.is_grantable else ""
        return f"{self._head}GRANT {self.privilege} ON {self._target} TO {self.grantee}{option}"

    def revoked(self) -> str:
        """The statement that takes it."""
        return f"{self._head}REVOKE {self.privilege} ON {self._target} FROM {self.grantee}"

    def __str__(self) -> str:
        option = ", which it may pass on" if self.is_grantable else ""
        return f"{self.grantee}: {self.privilege} on {self.kind.lower()} {self.object}{option}"

    @property
    def _is_for_later(self) -> bool:
        return self.object.startswith("FOR ROLE ")

    @property
    def _head(self) -> str:
        return f"ALTER DEFAULT PRIVILEGES {self.object} " if self._is_for_later else ""

    @property
    def _target(self) -> str:
        return self.kind if self._is_for_later else f"{self.kind} {self.object}"


@dataclass(frozen=True)
class Present:
    """What the server has."""

    version: tuple[int, ...]
    roles: Mapping[str, Role]
    # None if the database is not there yet.
    owner: str | None
    owner_is_superuser: bool
    encoding: str
    readable: Sequence[Right]
    rights: Sequence[Right]
    owned_by_reader: Sequence[str]


class PostgresqlAccounts:
    """PostgreSQL 15 and later, where nobody but the owner of a database creates in its schema public."""

    systems: tuple[str, ...] = ("postgres", "template0", "template1")
    is_transactional = True

    def administration(self, address: Address, *, is_within: bool) -> Address:
        """The socket of that port, over which the server takes the system's user postgres for its own."""
        return Address(
            engine="postgresql",
            name=address.name if is_within else _ADMINISTRATOR,
            socket=address.socket or f"/var/run/postgresql/.s.PGSQL.{address.port}",
            user=_ADMINISTRATOR,
        )

    def session(self) -> Sequence[str]:
        """Nothing is logged, also not statements that fail or last; names are always written in full."""
        settings = {
            "log_statement": "none",
            "log_min_duration_statement": "-1",
            "log_min_duration_sample": "-1",
            "log_transaction_sample_rate": "0",
            "log_min_error_statement": "panic",
            "search_path": "pg_catalog",
        }
        return [f"SET {name} = '{value}'" for name, value in settings.items()]

    def has_database(self, connection: Connection, name: str) -> bool:
        """Whether it is in the catalogue."""
        return bool(connection.rows("SELECT 1 FROM pg_database WHERE datname = ?", [name]))

    def creation(self, name: str) -> Step:
        """From template0, as the other one may have an encoding of its own."""
        quoted = _quote(name)
        return Step(
            f"CREATE DATABASE {quoted} TEMPLATE template0 ENCODING 'UTF8'",
            (f"DROP DATABASE {quoted}",),
            f"database {name}",
        )

    def observe(self, connection: Connection, request: Request, *, is_new: bool) -> Present:
        """The roles of both accounts, and what the reader may do in the database."""
        name, reader = request.address.name, request.reader
        reader_name = reader.name if reader else request.owner.name
        roles = {
            found: Role(is_superuser, dict(zip(_ATTRIBUTES, rest)), *rest[len(_ATTRIBUTES) :])
            for found, is_superuser, *rest in connection.rows(_ROLES, [name, request.owner.name, reader_name])
        }
        version = Postgresql().version(connection).numbers
        if is_new:
            everybody = [Right("DATABASE", _quote(name), privilege, "PUBLIC") for privilege in ("CONNECT", "TEMPORARY")]
            readable = _readable([("SCHEMA", '"public"', "USAGE")], request)
            return Present(version, roles, None, False, "UTF8", readable, everybody, [])
        [(owner, owner_is_superuser, encoding)] = connection.rows(_DATABASE)
        return Present(
            version=version,
            roles=roles,
            owner=owner,
            owner_is_superuser=owner_is_superuser,
            encoding=encoding,
            readable=_readable(connection.rows(_READABLE), request),
            rights=sorted(
                Right(kind, thing, privilege, "PUBLIC" if is_of_all else _quote(reader_name), is_grantable)
                for kind, thing, privilege, is_of_all, is_grantable in connection.rows(
                    _RIGHTS, [reader.name if reader else None]
                )
            ),
            owned_by_reader=[
                thing for (thing,) in connection.rows(_OWNED_BY_READER, [reader.name if reader else None])
            ],
        )

    def plan(self, request: Request, present: Present, random: Callable[[int], bytes]) -> list[Step]:
        """The roles, the owner, and then the rights."""
        _refuse(request, present)
        if not request.is_wanted:
            return list(_removal(request, present))
        steps: list[Step] = []
        for account in request.accounts:
            makes_databases = request.restores and account == request.owner
            wanted = {**_WANTED_ATTRIBUTES, "rolcreatedb": makes_databases}
            steps.extend(_role_steps(account, present.roles.get(account.name), wanted, random))
        if request.reader:
            steps.extend(_reads_only(request.reader.name, present.roles.get(request.reader.name)))
        steps.extend(_ownership(request, present))
        steps.extend(_right_steps(request, present))
        return steps

    def warnings(self, present: Present) -> list[str]:
        """The encoding, which a database keeps for life."""
        if present.encoding == "UTF8":
            return []
        return [f"The database has the encoding {present.encoding} and not UTF8: what it cannot write is refused."]


def _readable(rows: Sequence[tuple[Any, ...]], request: Request) -> list[Right]:
    if not request.reader:
        return []
    reader = _quote(request.reader.name)
    later = f"FOR ROLE {_quote(request.owner.name)}"
    return sorted(
        [
            Right("DATABASE", _quote(request.address.name), "CONNECT", reader),
            Right("TABLES", later, "SELECT", reader),
            Right("SCHEMAS", later, "USAGE", reader),
            *(Right(kind, thing, privilege, reader) for kind, thing, privilege in rows),
        ]
    )


def _refuse(request: Request, present: Present) -> None:
    owner, reader = request.owner.name, request.reader.name if request.reader else ""
    problems = [
        f"{account.name} is a superuser, and may be somebody's who administers the server: use another account."
        for account in request.accounts
        if account.name in present.roles and present.roles[account.name].is_superuser
    ]
    if present.version < (_OLDEST,):
        problems.append(f"PostgreSQL is older than {_OLDEST}, before which everybody could create tables.")
    if request.is_wanted:
        if present.owner not in (None, owner) and not present.owner_is_superuser:
            problems.append(
                f"The database belongs to {present.owner}, which may be another application's: name that user in the"
                " URL, or give it away first, with ALTER DATABASE … OWNER TO …."
            )
        if present.owned_by_reader:
            problems.append(
                f"{reader} is to read only, and owns {', '.join(present.owned_by_reader)}: give that to {owner}, with"
                " ALTER … OWNER TO …."
            )
    else:
        problems.extend(
            f"{account.name} has rights in {', '.join(present.roles[account.name].elsewhere)}, too: remove them there"
            " first."
            for account in request.accounts
            if account.name in present.roles and present.roles[account.name].elsewhere
        )
    if problems:
        raise InvalidInput(str(request.address), problems)


def _removal(request: Request, present: Present) -> Iterator[Step]:
    for account in request.accounts:
        if account.name in present.roles:
            name = _quote(account.name)
            if present.owner is not None:
                # What it owns stays, and is the administrator's from then on.
                yield Step(f"REASSIGN OWNED BY {name} TO CURRENT_USER", (), f"{name}: what it owns", is_taken=True)
                yield Step(f"DROP OWNED BY {name}", (), f"{name}: its rights", is_taken=True)
            yield Step(f"DROP ROLE {name}", (), f"account {name}", is_taken=True)


def _role_steps(
    account: Account, role: Role | None, wanted: Mapping[str, bool], random: Callable[[int], bytes]
) -> Iterator[Step]:
    name = _quote(account.name)
    if role is None:
        yield Step(f"CREATE ROLE {name} LOGIN", (f"DROP ROLE {name}",), f"account {name}")
        role = Role(False, _WANTED_ATTRIBUTES, None, None, [], [])
    for attribute, words in _ATTRIBUTES.items():
        if role.attributes[attribute] != wanted[attribute]:
            word, old = words if wanted[attribute] else words[::-1]
            yield Step(f"ALTER ROLE {name} {word}", (f"ALTER ROLE {name} {old}",), f"{name}: {word}")
    if not is_of(account.password, role.password):
        new = verifier(account.password, random(SALT_SIZE))
        kept = f"'{role.password}'" if role.password else "NULL"
        undo = f"ALTER ROLE {name} PASSWORD {kept}"
        yield Step(f"ALTER ROLE {name} PASSWORD '{new}'", (undo,), f"{name}: the password")
    for membership in role.memberships:
        group = membership.removesuffix(_WITH_ADMIN)
        undo = f"GRANT {group} TO {name}{membership[len(group) :]}"
        yield Step(f"REVOKE {group} FROM {name}", (undo,), f"{name}: member of {membership}", is_taken=True)


def _reads_only(account: str, role: Role | None) -> Iterator[Step]:
    present = role.reads_only if role else None
    if present != "on":
        name = _quote(account)
        undo = f"RESET {_READS_ONLY}" if present is None else f"SET {_READS_ONLY} = '{present}'"
        yield Step(
            f"ALTER ROLE {name} SET {_READS_ONLY} = on", (f"ALTER ROLE {name} {undo}",), f"{name}: {_READS_ONLY}"
        )


def _ownership(request: Request, present: Present) -> Iterator[Step]:
    if present.owner != request.owner.name:
        database, owner = _quote(request.address.name), _quote(request.owner.name)
        # A new one is the administrator's before it goes, as the owner of something cannot be dropped.
        old = "CURRENT_USER" if present.owner is None else _quote(present.owner)
        undo = (f"ALTER DATABASE {database} OWNER TO {old}",)
        yield Step(f"ALTER DATABASE {database} OWNER TO {owner}", undo, f"{owner}: owner of database {database}")


def _right_steps(request: Request, present: Present) -> Iterator[Step]:
    wanted, found = frozenset(present.readable), frozenset(present.rights)
    for right in sorted(found - wanted):
        yield Step(right.revoked(), (right.granted(),), str(right), is_taken=True)
    for right in sorted(wanted - found):
        yield Step(right.granted(), (right.revoked(),), str(right))
