# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a PostgreSQL database is beside its contents: how it is made, and what its server keeps of it.

This module is private to the collection.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.shipshape.webapp.plugins.module_utils._database.postgresql import Postgresql
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Connection

_quote = Postgresql().quote

# A statement and what takes the place of the question marks in it.
Statement = tuple[str, Sequence[object]]

_PROVIDERS = {"c": "libc", "i": "icu", "b": "builtin"}

# Policies and user mappings name roles, so that they cannot be restored where there are no such roles.
_TRAITS = """
SELECT pg_catalog.to_jsonb(d)::pg_catalog.text, pg_catalog.pg_encoding_to_char(d.encoding),
    pg_catalog.pg_get_userbyid(d.datdba)::pg_catalog.text,
    (SELECT pg_catalog.json_agg(r.name ORDER BY r.name)::pg_catalog.text FROM (
        SELECT pg_catalog.pg_get_userbyid(o) AS name FROM pg_catalog.pg_policy, pg_catalog.unnest(polroles) AS o
        WHERE o <> 0
        UNION SELECT usename FROM pg_catalog.pg_user_mappings WHERE umuser <> 0) AS r)
FROM pg_catalog.pg_database d
WHERE d.datname = pg_catalog.current_database()
"""


def traits(connection: Connection) -> Mapping[str, str]:
    """What an empty database, and the server around it, have to be made with for a copy to be the same."""
    [(described, encoding, owner, roles)] = connection.rows(_TRAITS)
    columns = json.loads(described)
    told = {
        "version": str(Postgresql().version(connection).numbers[0]),
        "encoding": encoding,
        "collate": columns["datcollate"],
        "ctype": columns["datctype"],
        # Its name differs between the versions.
        "locale_provider": _PROVIDERS.get(columns.get("datlocprovider", "c")),
        "locale": columns.get("datlocale") or columns.get("daticulocale"),
        "icu_rules": columns.get("daticurules"),
        "owner": owner,
        "roles": roles,
    }
    return {name: value for name, value in told.items() if value is not None}


def create(
    name: str, traits: Mapping[str, str], server: int, *, owner: str | None, tablespace: str | None
) -> Statement:
    """The statement that makes an empty database with these traits on a server of this major version."""
    provider = traits.get("locale_provider", "libc")
    given = {
        "ENCODING": traits.get("encoding"),
        # Older ones know no other.
        "LOCALE_PROVIDER": provider if server >= 15 else None,
        "LC_COLLATE": traits.get("collate"),
        "LC_CTYPE": traits.get("ctype"),
        **({f"{provider.upper()}_LOCALE": traits.get("locale")} if provider != "libc" else {}),
        "ICU_RULES": traits.get("icu_rules"),
    }
    words = {word: value for word, value in given.items() if value is not None}
    names = {"OWNER": owner, "TABLESPACE": tablespace}
    return (
        f"CREATE DATABASE {_quote(name)} TEMPLATE template0"
        + "".join(f" {word} ?" for word in words)
        + "".join(f" {word} {_quote(value)}" for word, value in names.items() if value is not None),
        list(words.values()),
    )


def renamed(name: str, to: str) -> str:
    """The statement that gives a database another name."""
    return f"ALTER DATABASE {_quote(name)} RENAME TO {_quote(to)}"


def dropped(name: str) -> str:
    """The statement that removes a database and sends away who is in it."""
    return f"DROP DATABASE IF EXISTS {_quote(name)} WITH (FORCE)"


def databases(connection: Connection) -> list[str]:
    """The names of all databases of the server."""
    return [
        name for (name,) in connection.rows("SELECT datname::pg_catalog.text FROM pg_catalog.pg_database ORDER BY 1")
    ]


def role_exists(connection: Connection, name: str) -> bool:
    """Whether the server has such a role."""
    return bool(connection.rows("SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = ?", [name]))


# Workers that the server sends away by itself have no user. Of others' sessions some users learn little.
_SESSIONS = """
SELECT pid, usename::pg_catalog.text, application_name, COALESCE(state, 'at work'),
    pg_catalog.to_char(state_change AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')
FROM pg_catalog.pg_stat_activity
WHERE datname = ? AND usesysid IS NOT NULL AND pid <> pg_catalog.pg_backend_pid()
ORDER BY pid
"""


def sessions(connection: Connection, name: str) -> list[str]:
    """Who else is in the database, each as the end of a sentence."""
    return [session(*row) for row in connection.rows(_SESSIONS, [name])]


def session(pid: int, user: str, application: str, state: str, since: str | None) -> str:
    """One of them in words."""
    known = [application, f"{state} since {since} UTC" if since else state]
    return f"session {pid} of {user} ({', '.join(filter(None, known))})"


@dataclass(frozen=True)
class Surroundings:
    """What the server keeps of a database outside of it."""

    owner: str
    tablespace: str
    connection_limit: int
    comment: str | None
    # None where the rights are those that every new database has.
    grants: Sequence[tuple[str | None, str, bool]] | None
    settings: Sequence[tuple[str | None, str]]


def surroundings(connection: Connection, name: str) -> Surroundings:
    """All that the server keeps of this database, which is there."""
    [(oid, owner, tablespace, limit, comment, has_grants)] = connection.rows(
        "SELECT d.oid, pg_catalog.pg_get_userbyid(d.datdba)::pg_catalog.text, s.spcname::pg_catalog.text,"
        " d.datconnlimit, pg_catalog.shobj_description(d.oid, 'pg_database'), d.datacl IS NOT NULL"
        " FROM pg_catalog.pg_database d JOIN pg_catalog.pg_tablespace s ON s.oid = d.dattablespace"
        " WHERE d.datname = ?",
        [name],
    )
    grants = connection.rows(
        "SELECT CASE WHEN a.grantee <> 0 THEN pg_catalog.pg_get_userbyid(a.grantee)::pg_catalog.text END,"
        " a.privilege_type, a.is_grantable"
        " FROM pg_catalog.pg_database d, pg_catalog.aclexplode(d.datacl) AS a WHERE d.oid = ?",
        [oid],
    )
    settings = connection.rows(
        "SELECT CASE WHEN s.setrole <> 0 THEN pg_catalog.pg_get_userbyid(s.setrole)::pg_catalog.text END, c"
        " FROM pg_catalog.pg_db_role_setting s, pg_catalog.unnest(s.setconfig) WITH ORDINALITY AS u (c, position)"
        " WHERE s.setdatabase = ? ORDER BY s.setrole, position",
        [oid],
    )
    return Surroundings(
        owner=owner,
        tablespace=tablespace,
        connection_limit=limit,
        comment=comment,
        grants=list(grants) if has_grants else None,
        settings=list(settings),
    )


def surround(name: str, wanted: Surroundings) -> list[Statement]:
    """The statements that give these surroundings to a database that was just made."""
    database = f"DATABASE {_quote(name)}"
    return [
        (f"ALTER {database} OWNER TO {_quote(wanted.owner)}", ()),
        (f"ALTER {database} CONNECTION LIMIT {wanted.connection_limit}", ()),
        *([(f"COMMENT ON {database} IS ?", [wanted.comment])] if wanted.comment is not None else []),
        *(_granted(database, wanted.owner, wanted.grants) if wanted.grants is not None else []),
        *(_set(name, who, setting) for who, setting in wanted.settings),
    ]


def _granted(database: str, owner: str, grants: Sequence[tuple[str | None, str, bool]]) -> list[Statement]:
    return [
        (f"REVOKE ALL ON {database} FROM PUBLIC, {_quote(owner)}", ()),
        *(
            (
                f"GRANT {right} ON {database} TO {'PUBLIC' if who is None else _quote(who)}"
                # The owner can always pass on what he has.
                f"{' WITH GRANT OPTION' if can_pass_on and who != owner else ''}",
                (),
            )
            for who, right, can_pass_on in grants
        ),
    ]


# These are lists of names, each of which is quoted by itself.
_LISTS = (
    *("local_preload_libraries", "search_path", "session_preload_libraries", "shared_preload_libraries"),
    *("temp_tablespaces", "unix_socket_directories"),
)
_ELEMENT = re.compile(r'"((?:[^"]|"")*)"|([^,\s"]+)')


def _set(database: str, role: str | None, setting: str) -> Statement:
    name, _equals, value = setting.partition("=")
    whose = f"DATABASE {_quote(database)}" if role is None else f"ROLE {_quote(role)} IN DATABASE {_quote(database)}"
    values = _elements(value) if name.lower() in _LISTS else [value]
    return f"ALTER {whose} SET {_quote(name)} TO {', '.join('?' for value in values)}", values


def _elements(value: str) -> list[str]:
    found = [quoted.replace('""', '"') or plain for quoted, plain in _ELEMENT.findall(value)]
    return found or [""]
