# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is particular about SQLite. This module is private to the collection."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from ansible_collections.shipshape.webapp.plugins.module_utils._database.address import Address
from ansible_collections.shipshape.webapp.plugins.module_utils._database.engine import (
    ClientAccess,
    Column,
    Failure,
    Table,
    Version,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import DatabaseError, InvalidInput
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Connection

# Files that belong to a database of the same name, and can hold some of its transactions.
SIDES = ("-wal", "-shm", "-journal")

# What stands in a definition: a string, a name in one of three kinds of quotes, a comment, a number, a word, or a
# character. White space is none of these, and only of the white space between them does nothing depend.
_PIECE = re.compile(
    r"""
    [xX]?'(?:[^']|'')*'
    | "(?:[^"]|"")*" | `(?:[^`]|``)*` | \[[^\]]*\]
    | --[^\n]* | /\*.*?(?:\*/|\Z)
    | [0-9][A-Za-z0-9_.]*
    | [A-Za-z0-9_$\u0080-\U0010ffff]+
    | [^ \t\n\f\r]
    """,
    re.VERBOSE | re.DOTALL,
)

_COMMENT = ("--", "/*")

_FTS3 = ("content", "segments", "segdir", "docsize", "stat")
_RTREE = ("node", "parent", "rowid")

# The tables in which a virtual table keeps its rows are named after it. The kinds that SQLite itself brings along;
# PRAGMA table_list, which knows others, is younger than the SQLite of many hosts.
_SHADOWS = {
    "fts3": _FTS3,
    "fts4": _FTS3,
    "fts5": ("data", "idx", "content", "docsize", "config"),
    "rtree": _RTREE,
    "rtree_i32": _RTREE,
    "geopoly": _RTREE,
}

# SQLite takes 32 bits.
_LONGEST_WAIT = 2**31 - 1


class Sqlite:
    """A database that is a file."""

    name = "sqlite"

    def quote(self, identifier: str) -> str:
        """The identifier in double quotes."""
        if "\0" in identifier:
            raise InvalidInput("database", ["A name holds a NUL, which no name in SQLite can."])
        if any("\ud800" <= character <= "\udfff" for character in identifier):
            raise InvalidInput("database", ["A name holds a code point that is no Unicode character."])
        return '"{}"'.format(identifier.replace('"', '""'))

    def qualified(self, table: Table) -> str:
        """The table's name, with that of an attached database before it."""
        name = self.quote(table.name)
        return f"{self.quote(table.schema)}.{name}" if table.schema else name

    def version(self, connection: Connection) -> Version:
        """The version of the library, which is all the server that there is."""
        [(text,)] = connection.rows("SELECT sqlite_version()")
        return Version(tuple(int(number) for number in text.split(".")), "SQLite", text)

    def tables(self, connection: Connection) -> list[Table]:
        """The tables without the virtual ones, whose rows are elsewhere, and without those that belong to them."""
        definitions = connection.rows("SELECT name, sql FROM sqlite_master WHERE type = 'table'")
        kinds = {name: _virtual(sql) for name, sql in definitions}
        shadows = {
            f"{name}_{suffix}".lower() for name, pieces in kinds.items() if pieces for suffix in _shadows(pieces)
        }
        return sorted(
            Table(name)
            for name, pieces in kinds.items()
            if not pieces and not _is_of_sqlite(name) and name.lower() not in shadows
        )

    def columns(self, connection: Connection, table: Table) -> list[Column]:
        """The columns, with the generated ones; a view has none here."""
        rows = connection.rows(
            'SELECT c.name, c.type, c."notnull", c.dflt_value, c.pk FROM sqlite_master AS m'
            " JOIN pragma_table_xinfo(m.name) AS c WHERE m.type = 'table' AND m.name = ? COLLATE NOCASE"
            " AND c.hidden <> 1 ORDER BY c.cid",
            (table.name,),
        )
        keys = [declared.upper() for name, declared, is_not_null, default, key in rows if key]
        # The one kind of primary key that is not declared NOT NULL and yet never NULL: it is the number of the row.
        is_row_number = keys == ["INTEGER"]
        return [
            Column(name, declared, not (is_not_null or (key and is_row_number)), default)
            for name, declared, is_not_null, default, key in rows
        ]

    def count_rows(self, connection: Connection, tables: Iterable[Table]) -> dict[Table, int]:
        """Count in one statement, so that all counts are of the same moment."""
        ordered = list(tables)
        # SELECTs joined by UNION ALL may not be more than 500; rows of VALUES have no such limit.
        counts = [
            f"({number}, (SELECT count(*) FROM {self.qualified(table)}))"  # noqa: S608 (the name is quoted)
            for number, table in enumerate(ordered)
        ]
        rows = connection.rows(f"VALUES {', '.join(counts)}") if counts else []
        return {ordered[number]: count for number, count in rows}

    def size(self, connection: Connection) -> int:
        """All pages, with those that are free."""
        [(size,)] = connection.rows("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")
        return int(size)

    def schema_fingerprint(self, connection: Connection) -> str:
        """A hash of all definitions, and of the two numbers by which applications tell their schemas apart."""
        rows = connection.rows(
            "SELECT type, name, tbl_name, sql FROM sqlite_master"
            " UNION ALL SELECT 'user_version', '', '', user_version FROM pragma_user_version"
            " UNION ALL SELECT 'application_id', '', '', application_id FROM pragma_application_id"
        )
        definitions = sorted(
            [kind, name, of_table, list(_pieces(str(sql)))]
            for kind, name, of_table, sql in rows
            if not _is_of_sqlite(name)
        )
        return hashlib.sha256(json.dumps(definitions).encode()).hexdigest()

    def session(
        self, *, statement_timeout: float | None = None, lock_timeout: float | None = None, read_only: bool = False
    ) -> Sequence[str]:
        """How long to wait for a lock, and whether to refuse to write. SQLite has no time limit for a statement."""
        statements = []
        if lock_timeout is not None:
            statements.append(f"PRAGMA busy_timeout = {min(math.ceil(lock_timeout * 1000), _LONGEST_WAIT)}")
        if read_only:
            statements.append("PRAGMA query_only = ON")
        return statements

    def maintenance(self, action: str, tables: Iterable[Table]) -> Sequence[str]:
        """VACUUM, which is for the whole database only, or ANALYZE."""
        chosen = list(tables)
        if action == "vacuum":
            if chosen:
                raise InvalidInput("database", ["SQLite can vacuum a whole database only: give no tables."])
            return ["VACUUM"]
        if action == "analyze":
            # With its schema, as a name alone could also be that of a schema.
            return [f"ANALYZE {self.qualified(Table(table.name, table.schema or 'main'))}" for table in chosen] or [
                "ANALYZE"
            ]
        raise ValueError(action)

    def client(self, address: Address) -> ClientAccess:
        """Arguments of sqlite3 that make it end at the first error, read no settings of the user and make no file."""
        return ClientAccess(("-batch", "-bail", "-init", "/dev/null", file_uri(address.name, "rw")), {})

    def explain(self, failure: Failure, address: Address) -> DatabaseError:
        """The failure by its code or, where Python or the tool gives none, by its words."""
        said = _said(failure.message)
        cause = _cause(failure.code, said)
        sentence = cause.sentence.format(said=said)
        return DatabaseError(f"The SQLite database {address} {sentence}", reason=cause.reason, path=address.name)


def file_uri(path: str, mode: str) -> str:
    """The absolute path as SQLite opens it with mode ro or rw, neither of which makes a file."""
    # With an authority, although empty: a path that begins with // would be taken for one.
    return f"file://{quote(path, errors='surrogateescape')}?mode={mode}"


def _is_of_sqlite(name: str) -> bool:
    return name.lower().startswith("sqlite_")


def _pieces(sql: str) -> Iterator[str]:
    return (piece.group() for piece in _PIECE.finditer(sql))


def _virtual(sql: str) -> list[str]:
    """The module of a virtual table and its arguments in lower case; nothing for a table of another kind."""
    pieces = [piece.lower() for piece in _pieces(sql) if not piece.startswith(_COMMENT)]
    # SQLite itself writes the beginning of a definition: CREATE VIRTUAL TABLE name USING module.
    return pieces[5:] if pieces[1] == "virtual" else []


def _shadows(virtual: Sequence[str]) -> Iterator[str]:
    module, *arguments = virtual
    # A table of the user then holds the text, and may well have the name that it would have had otherwise.
    has_content_elsewhere = ("content", "=") in zip(arguments, arguments[1:])
    for suffix in _SHADOWS.get(module.strip("\"'`[]"), ()):
        if suffix != "content" or not has_content_elsewhere:
            yield suffix


@dataclass(frozen=True)
class _Cause:
    reason: str
    codes: tuple[str, ...]
    words: str
    sentence: str


# The codes are SQLite's, each with all that begin with it, and the system's for a file that cannot be opened.
_CAUSES = (
    _Cause(
        "locked",
        ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_PROTOCOL"),
        r"database (?:table |schema )?is locked|locking protocol",
        "is locked by another process: wait until it is done, stop it, or allow a longer wait.",
    ),
    _Cause(
        "missing",
        ("SQLITE_READONLY_DBMOVED",),
        r"(?!)",
        "was moved, replaced or deleted while it was open: leave the file alone and run this again.",
    ),
    _Cause(
        "read_only",
        ("SQLITE_READONLY_ROLLBACK", "SQLITE_READONLY_RECOVERY"),
        r"(?!)",
        "holds what a process that was killed left half written, and can only be read once that is undone: open it for "
        "writing, for example by starting the application.",
    ),
    _Cause(
        "read_only",
        ("SQLITE_READONLY", "EROFS"),
        r"readonly database",
        "cannot be written: it is open for reading only, or this user may not write the file or in its directory.",
    ),
    _Cause("missing", ("ENOENT", "ENOTDIR"), r"(?!)", "does not exist: check the path, for it is not made here."),
    _Cause("address", ("EISDIR",), r"(?!)", "is a directory: give the path of the file in it."),
    _Cause("address", ("ELOOP",), r"(?!)", "is a symbolic link that leads to itself: give the path of the file."),
    _Cause("address", ("ENAMETOOLONG",), r"(?!)", "has a path that is longer than the system allows: check it."),
    _Cause("address", ("ENODEV",), r"(?!)", "is not a plain file: give the path of a database."),
    _Cause("address", (), r"null (?:byte|character in path)", "has a path with a NUL in it: give one without."),
    _Cause(
        "permission",
        ("EACCES", "EPERM", "SQLITE_PERM", "SQLITE_AUTH"),
        r"access permission denied|not authorized|authorization denied|access to \S+ is prohibited",
        "may not be used so by this user: run as one who may, for example with become.",
    ),
    _Cause(
        "permission",
        ("SQLITE_CANTOPEN",),
        r"unable to open database",
        "cannot be opened: check that the file is there, and that this user may read it and write in its directory, "
        "where files that end in -wal, -shm and -journal belong to it.",
    ),
    _Cause(
        "corrupt",
        ("SQLITE_NOTADB",),
        r"is not a database",
        "is no SQLite database, or an encrypted one: check the path, or restore a backup.",
    ),
    _Cause(
        "corrupt",
        (),
        r"malformed database schema",
        "is damaged, or is of a newer SQLite than that of this host ({said}): update SQLite, or restore a backup.",
    ),
    _Cause(
        "corrupt",
        ("SQLITE_CORRUPT",),
        r"disk image is malformed",
        "is damaged: stop what uses it, keep the file, and restore a backup.",
    ),
    _Cause(
        "disk_full",
        ("SQLITE_FULL", "SQLITE_IOERR_SHMSIZE", "ENOSPC", "EDQUOT"),
        r"database or disk is full",
        "has no space left to grow on its disk, or by its own limit of pages: free some.",
    ),
    _Cause(
        "other",
        ("SQLITE_IOERR",),
        r"disk I/O error",
        "could not be read or written by the system: look into the kernel's messages for a fault of the disk.",
    ),
    _Cause(
        "version",
        (),
        r"no such module|unsupported file format",
        "needs what the SQLite of this host lacks ({said}): install or update it.",
    ),
    _Cause(
        "missing",
        (),
        r"no such |has no column named|unknown database",
        "does not have what is asked for ({said}): check the name, and which migrations are applied.",
    ),
    _Cause(
        "duplicate",
        (),
        r"already exists|already (?:a|an|another) \w+ (?:or \w+ )?(?:named|with this name)|duplicate column name",
        "has this already ({said}): take another name, or leave it out.",
    ),
    _Cause(
        "constraint",
        ("SQLITE_CONSTRAINT", "SQLITE_MISMATCH"),
        r"constraint failed|datatype mismatch",
        "does not accept this row ({said}): change the row or the rule.",
    ),
    _Cause(
        "syntax",
        (),
        r"syntax error|unrecognized token|incomplete input|null character",
        "does not understand the statement ({said}): correct it.",
    ),
    _Cause(
        "timeout",
        ("SQLITE_INTERRUPT",),
        r"interrupted",
        "was interrupted, and the statement is undone: allow more time, or give it less to do.",
    ),
    _Cause(
        "other",
        ("SQLITE_TOOBIG",),
        r"too large to convert|too big",
        "cannot hold a value of this size ({said}): a whole number has 64 bits, and a text or blob mostly 1 GB.",
    ),
    _Cause(
        "other",
        (),
        r"Could not decode",
        "holds text that is not UTF-8 ({said}): correct it, or store it as a blob.",
    ),
)

_UNKNOWN = _Cause("other", (), "", "refused: {said}. Look that up in SQLite's documentation.")

# What the tool puts before and after the library's own words.
_OF_THE_TOOL = re.compile(
    r"^(?:(?:Parse |Runtime )?[Ee]rror:? ?)(?:near line \d+: |: )?(?:in prepare, |stepping, )?| \(\d+\)$"
)

# Parts of a statement and of rows, in which values may stand.
_VALUES = (
    (re.compile(r"near \"[xX]?['\"0-9].*"), "syntax error near a value"),
    (re.compile(r"unrecognized token.*"), "unrecognized token"),
    (re.compile(r" with text .*"), ""),
)


def _said(message: str) -> str:
    # The tool shows the statement in the lines that follow the first.
    first = (message.strip().splitlines() or ["it does not say why"])[0]
    said = _OF_THE_TOOL.sub("", first)
    for pattern, shown in _VALUES:
        said = pattern.sub(shown, said)
    return said.rstrip(". ")


def _cause(code: str, said: str) -> _Cause:
    for cause in _CAUSES:
        if any(code == known or code.startswith(f"{known}_") for known in cause.codes):
            return cause
    for cause in _CAUSES:
        if re.search(cause.words, said):
            return cause
    return _UNKNOWN
