# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""PostgreSQL: its SQL, its catalogue, its words. This module is private to the collection."""

# ruff: noqa: S608
# Nothing of the user's gets into the SQL but names, and they through quote().

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.shipshape.webapp.plugins.module_utils._database.address import Address
from ansible_collections.shipshape.webapp.plugins.module_utils._database.engine import (
    ClientAccess,
    Column,
    Failure,
    Table,
    Version,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import DatabaseError, InvalidInput
from ansible_collections.shipshape.webapp.plugins.module_utils._types import FILE, Connection

_LONGEST_NAME = 63
_LONGEST_TIMEOUT = 2**31 - 1

_NOWHERE = "/dev/null/none"
_AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
_SOCKET = re.compile(r"\.s\.PGSQL\.([0-9]+)")

# What else the environment of a tool could hold that leads it elsewhere, or past the password file.
_NEUTRAL = {
    "PGHOSTADDR": "",
    "PGOPTIONS": "",
    "PGPASSWORD": "",
    "PGSSLCRL": "",
    "PGTARGETSESSIONATTRS": "any",
}


class Postgresql:
    """PostgreSQL 12 and later."""

    name = "postgresql"

    def quote(self, identifier: str) -> str:
        """The identifier in double quotes; one that the server would refuse or silently cut is refused."""
        try:
            size = len(identifier.encode())
        except UnicodeEncodeError:
            raise _refusal("A name holds what is no Unicode character.") from None
        if "\0" in identifier:
            raise _refusal("A name holds the character NUL.")
        if not 1 <= size <= _LONGEST_NAME:
            raise _refusal(f"A name has {size} bytes, and PostgreSQL takes 1 to {_LONGEST_NAME}: give another.")
        return '"' + identifier.replace('"', '""') + '"'

    def qualified(self, table: Table) -> str:
        """The table's name with its schema, if it says one."""
        return ".".join(self.quote(part) for part in (table.schema, table.name) if part is not None)

    def version(self, connection: Connection) -> Version:
        """The server's version; forks of PostgreSQL say so at the beginning of theirs."""
        [(number, text, described)] = connection.rows(
            "SELECT pg_catalog.current_setting('server_version_num')::pg_catalog.int4,"
            " pg_catalog.current_setting('server_version'), pg_catalog.version()"
        )
        return Version(numbers=divmod(number, 10_000), product=described.split()[0], text=text)

    def tables(self, connection: Connection) -> list[Table]:
        """Ordinary tables and partitions; what is partitioned holds no rows of its own."""
        rows = connection.rows(_TABLES)
        return sorted(Table(name, schema) for schema, name in rows)

    def columns(self, connection: Connection, table: Table) -> list[Column]:
        """The columns in their order; a generated column has no default."""
        return [Column(*row) for row in connection.rows(_COLUMNS, [self.qualified(table)])]

    def count_rows(self, connection: Connection, tables: Iterable[Table]) -> dict[Table, int]:
        """One list of values, because a chain of as many unions would exhaust the server's stack."""
        asked = list(tables)
        if not asked:
            return {}
        # ONLY, because the rows of tables that inherit are their own.
        counts = ", ".join(
            f"({number}, (SELECT pg_catalog.count(*) FROM ONLY {self.qualified(table)}))"
            for number, table in enumerate(asked)
        )
        return {asked[number]: count for number, count in connection.rows(f"VALUES {counts}")}

    def size(self, connection: Connection) -> int:
        """What the server says of its files."""
        [(size,)] = connection.rows("SELECT pg_catalog.pg_database_size(pg_catalog.current_database())")
        return int(size)

    def schema_fingerprint(self, connection: Connection) -> str:
        """A SHA-256 over what the catalogue says of all objects; comparable between servers of one major version.

        It leaves out what a restored copy may have otherwise: owners and grants, because the copy may belong to another
        role, the versions of extensions, which a dump does not hold, comments, tablespaces and the name of the
        database. Indexes that could not be built are left out, because a dump leaves them out too.
        """
        with reading(connection):
            rows = connection.rows(_DESCRIPTION)
        lines = sorted(json.dumps([kind, *map(_canonical, json.loads(facts))]) for kind, facts in rows)
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    def session(
        self, *, statement_timeout: float | None = None, lock_timeout: float | None = None, read_only: bool = False
    ) -> Sequence[str]:
        """What is None stays as the server has it for this user."""
        limits = {"statement_timeout": statement_timeout, "lock_timeout": lock_timeout}
        return [
            _PATIENT,
            *(f"SET {name} = {_milliseconds(limit)}" for name, limit in limits.items() if limit is not None),
            *(["SET default_transaction_read_only = on"] if read_only else []),
        ]

    def maintenance(self, action: str, tables: Iterable[Table]) -> Sequence[str]:
        """One statement for each table, so that none waits for the others' locks."""
        verb = {"vacuum": "VACUUM", "analyze": "ANALYZE"}.get(action)
        if verb is None:
            raise _refusal("PostgreSQL knows vacuum and analyze, and no other maintenance.")
        return [f"{verb} {self.qualified(table)}" for table in tables] or [verb]

    def client(self, address: Address) -> ClientAccess:
        """The password goes into a file: the environment of a tool can be read while it runs, by all of its user's."""
        environment = {_VARIABLES[word]: value for word, value in libpq_parameters(address).items()}
        file = _password_file(address) if address.password else None
        environment["PGPASSFILE"] = FILE if file else _NOWHERE
        return ClientAccess(arguments=("--no-password",), environment={**_NEUTRAL, **environment}, file=file)

    def explain(self, failure: Failure, address: Address) -> DatabaseError:
        """By the SQLSTATE if there is one, else by the words of libpq and of the tools."""
        code = failure.code or _code_within(failure.message)
        rule = _rule_by_code(code, failure.message) or _rule_by_words(code, failure.message) or _OTHER
        said = _said(code, failure.message, address) if rule.is_quoted else ""
        details = {"code": code} if code else {}
        return DatabaseError(f"{address}: {rule.sentence}{said}", reason=rule.reason, **details)


def libpq_parameters(address: Address) -> dict[str, str]:
    """All that leads libpq to the address except for the password, whether by its library or by its tools."""
    tls = address.tls
    # Without an authority of one's own, a certificate that any public one signed says nothing unless it is for this
    # host. Files of the home directory are never taken into account: nobody would expect them to decide.
    mode = "verify-full" if tls.mode == "verify-ca" and not tls.ca else tls.mode
    authority = _AUTHORITIES if mode == "verify-full" else _NOWHERE
    host, port = _endpoint(address)
    given = {
        "host": host,
        "port": port,
        "user": address.user,
        "dbname": address.name,
        "sslmode": mode,
        "sslrootcert": tls.ca or authority,
        "sslcert": tls.certificate or _NOWHERE,
        "sslkey": tls.key or _NOWHERE,
        "gssencmode": "disable",
        "connect_timeout": str(address.connect_timeout),
        "application_name": "shipshape",
        "client_encoding": "UTF8",
    }
    if any("\0" in part for part in (*filter(None, given.values()), address.password or "")):
        raise _refusal("The database's address holds the character NUL.")
    return {word: value for word, value in given.items() if value is not None}


_VARIABLES = {
    "host": "PGHOST",
    "port": "PGPORT",
    "user": "PGUSER",
    "dbname": "PGDATABASE",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "gssencmode": "PGGSSENCMODE",
    "connect_timeout": "PGCONNECT_TIMEOUT",
    "application_name": "PGAPPNAME",
    "client_encoding": "PGCLIENTENCODING",
}


def _endpoint(address: Address) -> tuple[str, str]:
    """The host, or the directory of the socket, and the port, which is a part of the socket's name."""
    if address.socket is None:
        return address.host or "", str(address.port or 5432)
    directory, name = posixpath.split(address.socket)
    named = _SOCKET.fullmatch(name)
    return (directory, named[1]) if named else (address.socket, "5432")


def _password_file(address: Address) -> str:
    host, port = _endpoint(address)
    password = address.password or ""
    if "\n" in password or password.endswith("\r"):
        raise _refusal("The password holds a line break, which the tools of PostgreSQL cannot take: give another.")
    # For any database of this server, because a copy is restored beside the original; for no other server, because
    # a dump in SQL can tell psql to connect to one.
    user = _field(address.user) if address.user else "*"
    return f"{'*' if address.socket else _field(host)}:{port}:*:{user}:{_field(password)}\n"


def _field(text: str) -> str:
    return text.replace("\\", "\\\\").replace(":", "\\:")


def _milliseconds(seconds: float) -> int:
    # Zero would mean that there is no limit.
    return max(1, min(_LONGEST_TIMEOUT, math.ceil(seconds * 1000)))


def _refusal(problem: str) -> InvalidInput:
    return InvalidInput("database", [problem])


# While a tool reads our snapshot we wait within a transaction, for hours if need be. Not every version knows them all.
_PATIENT = (
    "SELECT pg_catalog.set_config(name, '0', false) FROM pg_catalog.pg_settings"
    " WHERE name IN ('idle_in_transaction_session_timeout', 'idle_session_timeout', 'transaction_timeout')"
)


# From here on, the catalogue.


def _own(catalogue: str, oid: str) -> str:
    """Whether an object was made by the users and not by an extension."""
    return (
        "NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend e"
        f" WHERE e.classid = 'pg_catalog.{catalogue}'::pg_catalog.regclass AND e.objid = {oid} AND e.deptype = 'e')"
    )


# Temporary objects are in schemas that begin with pg_, too.
_USERS_SCHEMA = "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"
_USERS_RELATION = f"{_USERS_SCHEMA} AND {_own('pg_class', 'c.oid')}"
_RELATION = "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"

_TABLES = f"""
SELECT n.nspname::pg_catalog.text, c.relname::pg_catalog.text
FROM pg_catalog.pg_class c {_RELATION}
WHERE c.relkind = 'r' AND {_USERS_RELATION}
"""

_COLUMNS = """
SELECT a.attname::pg_catalog.text, pg_catalog.format_type(a.atttypid, a.atttypmod), NOT a.attnotnull,
    CASE WHEN a.attgenerated = '' THEN pg_catalog.pg_get_expr(d.adbin, d.adrelid) END
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE c.oid = pg_catalog.to_regclass(?) AND c.relkind IN ('r', 'p')
ORDER BY a.attnum
"""

# Each of these lists objects of one kind, one row for each, with all that defines it as a JSON list.
_DESCRIBED = {
    # A restored copy has the schema "public" even where the original has dropped it.
    "schema": f"""
json_build_array(n.nspname)
FROM pg_namespace n
WHERE {_USERS_SCHEMA} AND n.nspname <> 'public' AND {_own("pg_namespace", "n.oid")}""",
    "relation": f"""
json_build_array(
    n.nspname, c.relname, c.relkind, c.relpersistence, c.relreplident, c.relrowsecurity, c.relforcerowsecurity,
    (SELECT json_agg(o ORDER BY o) FROM unnest(c.reloptions) o),
    (SELECT json_agg(o ORDER BY o) FROM pg_class t, unnest(t.reloptions) o WHERE t.oid = c.reltoastrelid),
    (SELECT m.amname FROM pg_am m WHERE m.oid = c.relam),
    pg_get_partkeydef(c.oid), pg_get_expr(c.relpartbound, c.oid),
    (SELECT json_agg(i.inhparent::regclass::text ORDER BY i.inhseqno) FROM pg_inherits i WHERE i.inhrelid = c.oid),
    NULLIF(c.reloftype, 0)::regtype,
    (SELECT json_build_array(s.srvname, f.ftoptions)
        FROM pg_foreign_table f JOIN pg_foreign_server s ON s.oid = f.ftserver WHERE f.ftrelid = c.oid),
    CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END)
FROM pg_class c {_RELATION}
WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm', 'c') AND {_USERS_RELATION}""",
    # By their order and not by their number, which tells of dropped columns. A table that inherits may be restored with
    # its columns in another order than it had: those of its parents first.
    "column": f"""
json_build_array(
    n.nspname, c.relname, row_number() OVER (PARTITION BY c.oid ORDER BY CASE WHEN NOT c.relispartition
        AND EXISTS (SELECT 1 FROM pg_inherits h WHERE h.inhrelid = c.oid) THEN a.attname END, a.attnum), a.attname,
    format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, a.attgenerated,
    pg_get_expr(d.adbin, d.adrelid),
    CASE WHEN a.attcollation <> t.typcollation THEN a.attcollation::regcollation::text END,
    a.attstorage, to_jsonb(a) ->> 'attcompression', NULLIF(a.attstattarget, -1), a.attoptions, a.attfdwoptions)
FROM pg_class c {_RELATION}
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm', 'c') AND {_USERS_RELATION}""",
    # The foreign keys of a partition that follow from its parent's get their names by chance. Triggers come below.
    "constraint": f"""
json_build_array(
    n.nspname, COALESCE(c.oid::regclass::text, t.oid::regtype::text), k.conname, k.contype, pg_get_constraintdef(k.oid))
FROM pg_constraint k
JOIN pg_namespace n ON n.oid = k.connamespace
LEFT JOIN pg_class c ON c.oid = k.conrelid
LEFT JOIN pg_type t ON t.oid = k.contypid
WHERE {_USERS_SCHEMA} AND (k.conparentid = 0 OR k.contype <> 'f') AND k.contype <> 't'
    AND (c.oid IS NULL OR {_own("pg_class", "c.oid")})
    AND (t.oid IS NULL OR {_own("pg_type", "t.oid")})""",
    "index": f"""
json_build_array(
    pg_get_indexdef(i.indexrelid), i.indisclustered, i.indisreplident,
    (SELECT h.inhparent::regclass::text FROM pg_inherits h WHERE h.inhrelid = i.indexrelid))
FROM pg_index i
JOIN pg_class c ON c.oid = i.indrelid {_RELATION}
WHERE (i.indisvalid OR c.relkind = 'p') AND {_USERS_RELATION}""",
    "sequence": f"""
json_build_array(
    n.nspname, c.relname, c.relpersistence, format_type(s.seqtypid, NULL), s.seqstart, s.seqincrement, s.seqmin,
    s.seqmax, s.seqcache, s.seqcycle,
    (SELECT json_agg(json_build_array(d.refobjid::regclass::text, a.attname, d.deptype))
        FROM pg_depend d JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
        WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i')))
FROM pg_sequence s
JOIN pg_class c ON c.oid = s.seqrelid {_RELATION}
WHERE {_USERS_RELATION}""",
    "function": f"""
json_build_array(pg_get_functiondef(p.oid))
FROM pg_proc p
JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE p.prokind <> 'a' AND {_USERS_SCHEMA} AND {_own("pg_proc", "p.oid")}""",
    "aggregate": f"""
json_build_array(
    n.nspname, p.proname, pg_get_function_arguments(p.oid), pg_get_function_result(p.oid), p.proparallel,
    g.aggkind, g.aggtransfn::regproc, g.aggfinalfn::regproc, g.aggcombinefn::regproc, g.aggserialfn::regproc,
    g.aggdeserialfn::regproc, g.aggmtransfn::regproc, g.aggminvtransfn::regproc, g.aggmfinalfn::regproc,
    g.aggfinalextra, g.aggmfinalextra, g.aggfinalmodify, g.aggmfinalmodify, g.aggsortop::regoperator,
    g.aggtranstype::regtype, g.aggtransspace, g.aggmtranstype::regtype, g.aggmtransspace, g.agginitval, g.aggminitval)
FROM pg_aggregate g
JOIN pg_proc p ON p.oid = g.aggfnoid
JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE {_USERS_SCHEMA} AND {_own("pg_proc", "p.oid")}""",
    "trigger": f"""
json_build_array(pg_get_triggerdef(g.oid), g.tgenabled)
FROM pg_trigger g
JOIN pg_class c ON c.oid = g.tgrelid {_RELATION}
WHERE NOT g.tgisinternal AND {_USERS_RELATION} AND {_own("pg_trigger", "g.oid")}""",
    "rule": f"""
json_build_array(pg_get_ruledef(r.oid), r.ev_enabled)
FROM pg_rewrite r
JOIN pg_class c ON c.oid = r.ev_class {_RELATION}
WHERE r.rulename <> '_RETURN' AND {_USERS_RELATION}""",
    "policy": f"""
json_build_array(
    n.nspname, c.relname, l.polname, l.polcmd, l.polpermissive,
    (SELECT json_agg(pg_get_userbyid(o) ORDER BY pg_get_userbyid(o)) FROM unnest(l.polroles) o WHERE o <> 0),
    pg_get_expr(l.polqual, l.polrelid), pg_get_expr(l.polwithcheck, l.polrelid))
FROM pg_policy l
JOIN pg_class c ON c.oid = l.polrelid {_RELATION}
WHERE {_USERS_RELATION}""",
    # Those that come along with a table or with another type say nothing of their own.
    "type": f"""
json_build_array(
    n.nspname, t.typname, t.typtype, t.typnotnull, format_type(NULLIF(t.typbasetype, 0), t.typtypmod),
    pg_get_expr(t.typdefaultbin, 0), t.typdefault IS NULL, NULLIF(t.typcollation, 0)::regcollation::text,
    (SELECT json_agg(e.enumlabel ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid),
    (SELECT json_build_array(
            r.rngsubtype::regtype, NULLIF(r.rngcollation, 0)::regcollation::text, o.opcname, r.rngcanonical::regproc,
            r.rngsubdiff::regproc)
        FROM pg_range r JOIN pg_opclass o ON o.oid = r.rngsubopc WHERE r.rngtypid = t.oid),
    CASE WHEN t.typtype = 'b' THEN json_build_array(
        t.typinput::regproc, t.typoutput::regproc, t.typreceive::regproc, t.typsend::regproc, t.typmodin::regproc,
        t.typmodout::regproc, t.typlen, t.typbyval, t.typalign, t.typstorage, t.typcategory, t.typispreferred,
        t.typdelim) END)
FROM pg_type t
JOIN pg_namespace n ON n.oid = t.typnamespace
WHERE t.typrelid = 0 AND t.typtype <> 'p' AND NOT EXISTS (SELECT 1 FROM pg_type y WHERE y.typarray = t.oid)
    AND {_USERS_SCHEMA} AND {_own("pg_type", "t.oid")}""",
    "extension": """
json_build_array(x.extname, n.nspname)
FROM pg_extension x
JOIN pg_namespace n ON n.oid = x.extnamespace
WHERE true""",
    "event trigger": f"""
json_build_array(v.evtname, v.evtevent, v.evtfoid::regproc, v.evtenabled, v.evttags)
FROM pg_event_trigger v
WHERE {_own("pg_event_trigger", "v.oid")}""",
    "statistics": f"""
json_build_array(pg_get_statisticsobjdef(s.oid))
FROM pg_statistic_ext s
JOIN pg_namespace n ON n.oid = s.stxnamespace
WHERE {_USERS_SCHEMA} AND {_own("pg_statistic_ext", "s.oid")}""",
}

# What few applications make: that it is there, and as what.
_SELDOM = (
    *("pg_cast", "pg_collation", "pg_conversion", "pg_foreign_data_wrapper", "pg_foreign_server", "pg_language"),
    *("pg_opclass", "pg_operator", "pg_opfamily", "pg_publication"),
    *("pg_ts_config", "pg_ts_dict", "pg_ts_parser", "pg_ts_template"),
)
_FIRST_OID_OF_USERS = 16384
_DESCRIBED.update(
    {
        catalogue: f"""
json_build_array(o.type, o.identity)
FROM {catalogue} x CROSS JOIN LATERAL pg_identify_object('{catalogue}'::regclass, x.oid, 0) o
WHERE x.oid >= {_FIRST_OID_OF_USERS} AND o.schema IS DISTINCT FROM 'pg_catalog' AND {_own(catalogue, "x.oid")}"""
        for catalogue in _SELDOM
    }
)

# In one statement, so that all of it sees one state.
_DESCRIPTION = "SELECT kind, facts::text FROM (\n{}\n) AS described (kind, facts)".format(
    "\nUNION ALL\n".join(f"SELECT '{kind}', {facts}" for kind, facts in _DESCRIBED.items())
)

# How the server writes definitions depends on these, and the defaults of two databases may differ.
_WRITING = {
    "search_path": "",
    "quote_all_identifiers": "off",
    "TimeZone": "UTC",
    "DateStyle": "ISO, MDY",
    "IntervalStyle": "postgres",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "lc_monetary": "C",
}


@contextlib.contextmanager
def reading(connection: Connection) -> Iterator[None]:
    """While it lasts, the server writes every definition in full and in the same way."""
    current = ", ".join("pg_catalog.current_setting(?)" for name in _WRITING)
    [before] = connection.rows(f"SELECT {current}", list(_WRITING))
    _set(connection, _WRITING)
    try:
        yield
    finally:
        # After an error the session may be beyond this, and a transaction that fails takes it back by itself.
        with contextlib.suppress(DatabaseError):
            _set(connection, dict(zip(_WRITING, before)))


def _set(connection: Connection, settings: Mapping[str, str]) -> None:
    calls = ", ".join("pg_catalog.set_config(?, ?, false)" for name in settings)
    connection.rows(f"SELECT {calls}", [part for setting in settings.items() for part in setting])


# The server writes some expressions in a way that it reads as something slightly other, so that their definition
# changes once when they are restored from a dump:
#   x BETWEEN 1 AND 2 AND y     (((x >= 1) AND (x <= 2)) AND y)        becomes  ((x >= 1) AND (x <= 2) AND y)
#   status IN ('a'), a varchar  (ARRAY['a'::character varying])::text[]  becomes  ARRAY[('a'::character varying)::text]
# Both are brought into the second form.

_TOKEN = re.compile(
    r"""
      (?: [EUeu]&? )? '(?:[^']|\'\')*'        # a string
    | "(?:[^"]|"")*"                          # a name
    | (?P<dollars>\$(?:[^\W\d]\w*)?\$).*?(?P=dollars)
    | \w+ | ::  | \s+ | .
    """,
    re.VERBOSE | re.DOTALL,
)
_CLOSING = {"(": ")", "[": "]"}
_BRACKET = re.compile(r"[(\[]")


@dataclass(frozen=True)
class _Piece:
    """A token, or a pair of brackets and what is in it; `joint` is AND or OR where that joins all of it."""

    text: str
    inner: tuple[_Piece, ...] = ()
    joint: str = ""


def _canonical(value: object) -> object:
    if not isinstance(value, str) or not _BRACKET.search(value):
        return value
    # No recursion, because a long chain of operators is as deep as it is long.
    opened: list[tuple[str, list[_Piece]]] = [("", [])]
    for match in _TOKEN.finditer(value):
        token = match[0]
        bracket, pieces = opened[-1]
        if token in _CLOSING:
            opened.append((token, []))
        elif bracket and token == _CLOSING[bracket]:
            opened.pop()
            opened[-1][1].append(_group(bracket, pieces))
        else:
            pieces.append(_Piece(token))
    return "".join(bracket + _text(_distributed(pieces)) for bracket, pieces in opened)


def _group(bracket: str, pieces: Sequence[_Piece]) -> _Piece:
    pieces = _distributed(pieces)
    joints = {piece.text for piece in pieces} & {"AND", "OR"}
    joint = joints.pop() if bracket == "(" and len(joints) == 1 else ""
    if joint:
        between = (_Piece(" "), _Piece(joint), _Piece(" "))
        sides = [_unwrapped(_stripped(side), joint) for side in _split(pieces, joint)]
        pieces = [piece for side in sides for piece in (*between, *side)][len(between) :]
    return _Piece(f"{bracket}{_text(pieces)}{_CLOSING[bracket]}", tuple(pieces), joint)


def _unwrapped(side: Sequence[_Piece], joint: str) -> Sequence[_Piece]:
    """One side of AND or OR, without its brackets if the same word joins what is in them."""
    return side[0].inner if len(side) == 1 and side[0].joint == joint else side


def _distributed(pieces: Sequence[_Piece]) -> list[_Piece]:
    """The cast of an array as casts of its elements."""
    done: list[_Piece] = []
    position = 0
    while position < len(pieces):
        array = _stripped(pieces[position].inner)
        end = _end_of_array_cast(pieces, position + 1)
        if end and len(array) == 2 and array[0].text == "ARRAY":
            cast = _text(pieces[position + 1 : end])
            elements = ", ".join(f"({_text(_stripped(element))}){cast}" for element in _split(array[1].inner, ","))
            done.append(_Piece(f"ARRAY[{elements}]"))
            position = end + 1
        else:
            done.append(pieces[position])
            position += 1
    return done


def _end_of_array_cast(pieces: Sequence[_Piece], start: int) -> int:
    """Where the brackets stand that end a cast to an array's type, or 0 if there is none."""
    if start >= len(pieces) or pieces[start].text != "::":
        return 0
    for position in range(start + 1, len(pieces)):
        text = pieces[position].text
        if text == "[]":
            return position
        if not re.match(r'[\w\s."(]', text):
            break
    return 0


def _split(pieces: Sequence[_Piece], separator: str) -> list[list[_Piece]]:
    sides: list[list[_Piece]] = [[]]
    for piece in pieces:
        if piece.text == separator:
            sides.append([])
        else:
            sides[-1].append(piece)
    return sides


def _stripped(pieces: Sequence[_Piece]) -> Sequence[_Piece]:
    told = [position for position, piece in enumerate(pieces) if not piece.text.isspace()]
    return pieces[told[0] : told[-1] + 1] if told else []


def _text(pieces: Iterable[_Piece]) -> str:
    return "".join(piece.text for piece in pieces)


# From here on, what goes wrong.


@dataclass(frozen=True)
class _Rule:
    """A failure that is known: its SQLSTATEs (two characters are a whole class), the words that tell it, our sentence.

    With both a code and words, a code needs the words too if another rule has the same code.
    """

    reason: str
    sentence: str
    codes: tuple[str, ...] = ()
    words: str = ""
    is_quoted: bool = True


_RULES = (
    _Rule(
        "address",
        "its host name is not known. Correct it, or the name service of this host.",
        words="could not translate host name|failed to resolve host|Name or service not known",
        is_quoted=False,
    ),
    _Rule(
        "timeout",
        "the server did not answer in time. See whether a firewall is in between, or raise connect_timeout.",
        words="timeout expired|Connection timed out",
        is_quoted=False,
    ),
    _Rule(
        "refused",
        "nothing listens there. Start the server, or correct the host, the port or the socket.",
        words=r"Connection refused|No route to host|Network is unreachable|socket \".*\" failed: No such file",
        is_quoted=False,
    ),
    _Rule(
        "permission",
        "this user may not open the server's socket. Run as one who may.",
        words=r"socket \".*\" failed: Permission denied",
        is_quoted=False,
    ),
    _Rule(
        "login",
        "user or password is wrong. Correct them.",
        codes=("28P01",),
        words="password authentication failed|no password supplied",
        is_quoted=False,
    ),
    _Rule(
        "login",
        "the server does not let this user in from here. See its pg_hba.conf, and whether it asks for TLS.",
        codes=("28",),
        words=r"no pg_hba\.conf entry|pg_hba\.conf rejects|authentication failed|FATAL:\s+role \""
        "|not permitted to log in",
    ),
    _Rule(
        "unknown_database",
        "there is no such database. Create it, or correct the name.",
        codes=("3D000",),
        words=r"database \".*\" does not exist",
        is_quoted=False,
    ),
    _Rule(
        "refused",
        "all connections of the server are taken. End some, or raise max_connections.",
        codes=("53300",),
        words="too many (?:clients|connections)|connection slots are reserved",
    ),
    _Rule(
        "refused",
        "the server is just starting or stopping, or ended the connection. Try again, and see its log if that repeats.",
        codes=("57P", "08"),
        words="the database system is|terminating connection|server closed the connection|connection already closed|"
        "the connection is (?:closed|lost)|could not receive data from server|connection has been closed unexpectedly",
    ),
    # After the logins, because what pg_hba.conf refuses names SSL too, as does the end of a connection.
    _Rule(
        "tls",
        "the connection could not be protected as asked. Check sslmode and the certificates on both sides.",
        words=r"\bSSL\b|certificate verify failed|server certificate|certificate file|private key file",
    ),
    _Rule(
        "locked",
        "somebody else held a lock for too long. Try again, or end what holds it.",
        codes=("55P03", "55006", "40"),
        words="due to lock timeout|could not obtain lock|deadlock detected|could not serialize"
        "|is being accessed by other",
    ),
    _Rule(
        "timeout",
        "the statement took longer than it may. Give it more time, or make it do less.",
        codes=("57014", "25P03", "25P04"),
        words="due to (?:statement|idle-in-transaction|transaction) timeout",
    ),
    _Rule(
        "other",
        "somebody stopped the statement.",
        codes=("57014",),
        words="due to user request",
        is_quoted=False,
    ),
    _Rule(
        "read_only",
        "this connection or the server takes no changes. Connect to the primary server, and not read-only.",
        codes=("25006",),
        words="in a read-only transaction|during recovery",
    ),
    _Rule(
        "disk_full",
        "no space is left. Free some where the database is, and where the file is written.",
        codes=("53100",),
        words="No space left on device",
    ),
    _Rule(
        "version",
        "the tool is older than the server. Install the PostgreSQL client of the server's version.",
        words="server version mismatch",
    ),
    _Rule(
        "version",
        "the dump was made by a newer tool. Install the PostgreSQL client of that version.",
        words="unsupported version .* in file header",
    ),
    _Rule(
        "corrupt",
        "data is damaged. Restore a backup, and check the disk.",
        codes=("XX001", "XX002"),
        words="invalid page in block|could not read block|missing chunk number|unexpected zero page",
    ),
    _Rule(
        "corrupt",
        "the dump is damaged or is none. Take another.",
        words="did not find magic string|could not read from input file|input file (?:is too short|appears|does not)",
    ),
    _Rule(
        "duplicate",
        "a value that may be there only once is there already. Change or remove one of the two.",
        codes=("23505",),
        words="duplicate key value|could not create unique index",
    ),
    _Rule(
        "constraint",
        "a value breaks a rule of the schema. Correct the value or the rule.",
        codes=("23",),
        words="violates (?:foreign key|check|not-null|exclusion) constraint|is violated by some row|"
        "contains null values",
    ),
    _Rule(
        "permission",
        "this user may not do that. Grant it, or connect as one who may.",
        codes=("42501",),
        words="permission denied|must be (?:owner|superuser|member|able)",
    ),
    _Rule(
        "duplicate",
        "it is there already. Remove it, or leave out the statement.",
        codes=("42P04", "42P06", "42P07", "42701", "42710", "42723"),
        words=r"\" already exists",
    ),
    _Rule(
        "missing",
        "what the statement names is not there. See whether a migration is missing.",
        codes=("42P01", "42703", "42704", "42883", "3F000"),
        words="does not exist",
    ),
    _Rule(
        "syntax",
        "this is no SQL that the server understands. Correct the statement.",
        codes=("42601",),
        words="syntax error",
    ),
)
_OTHER = _Rule("other", "the database did not do it.")

_PREFIX = re.compile(r"^.*?(?:ERROR|FATAL|PANIC|error|failed):\s+(?:[0-9A-Z]{5}:\s+)?")
_CODE = re.compile(r"\b(?:ERROR|FATAL|PANIC):\s+([0-9A-Z]{5})(?::|$)", re.MULTILINE)


def _code_within(message: str) -> str:
    """The SQLSTATE, which psql and pg_restore tell if they are asked to be verbose."""
    found = _CODE.search(message)
    return found[1] if found else ""


def _rule_by_code(code: str, message: str) -> _Rule | None:
    for length in (5, 3, 2) if code else ():
        rules = [rule for rule in _RULES if code[:length] in rule.codes]
        if rules:
            return next((rule for rule in rules if re.search(rule.words, message)), rules[0])
    return None


def _rule_by_words(code: str, message: str) -> _Rule | None:
    if code:
        return None
    return next((rule for rule in _RULES if rule.words and re.search(rule.words, message)), None)


def _said(code: str, message: str, address: Address) -> str:
    """The line that says what happened, without the values that it may quote."""
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    line = next((line for line in lines if _PREFIX.search(line)), lines[0] if lines else "")
    line = next((line for line in lines if line.startswith("pg_dump: detail: server version: ")), line)
    while _PREFIX.search(line):
        line = _PREFIX.sub("", line)
    # Data exceptions quote the value; a syntax error quotes a word, which can be a string.
    if code[:2] == "22" or re.match("invalid |value ", line):
        line = re.sub('".*"', "(a value)", line)
    line = re.sub("\"'.*", "(a string)", line)
    if address.password:
        line = line.replace(address.password, "(the password)")
    return f" Cause: {line.rstrip('.')}." if line else ""
