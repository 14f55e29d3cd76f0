# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""MySQL and MariaDB: their SQL, their tools and their errors. This module is private to the collection."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from ansible_collections.shipshape.webapp.plugins.module_utils._database.address import Address, Tls
from ansible_collections.shipshape.webapp.plugins.module_utils._database.engine import (
    ClientAccess,
    Column,
    Failure,
    Table,
    Version,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import DatabaseError, InvalidInput
from ansible_collections.shipshape.webapp.plugins.module_utils._types import FILE, Connection

LONGEST_NAME = 64

# A table with system versioning holds rows like any other; a sequence is listed beside them and holds none.
_HOLDS_ROWS = "TABLE_SCHEMA = DATABASE() AND TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED')"

_ALL_NAMES = (
    "SELECT GROUP_CONCAT('`', REPLACE(TABLE_NAME, '`', '``'), '`' ORDER BY TABLE_NAME)"  # noqa: S608 (names are quoted)
    f" FROM information_schema.TABLES WHERE {_HOLDS_ROWS}"
)

_MAINTENANCE = {"analyze": "ANALYZE TABLE", "vacuum": "OPTIMIZE TABLE"}

# MariaDB writes NULL for the default that is none, and quotes a text; MySQL quotes nothing.
_COLUMNS = """
SELECT COLUMN_NAME, COLUMN_TYPE, IS_NULLABLE,
       IF(VERSION() LIKE '%MariaDB%' AND COLUMN_DEFAULT = 'NULL', NULL, COLUMN_DEFAULT)
FROM information_schema.COLUMNS
WHERE TABLE_SCHEMA = COALESCE(?, DATABASE()) AND TABLE_NAME = ?
ORDER BY ORDINAL_POSITION
"""

_TRIGGERS = """
SELECT TRIGGER_NAME, EVENT_OBJECT_TABLE, ACTION_TIMING, EVENT_MANIPULATION, ACTION_ORDER, ACTION_STATEMENT, SQL_MODE,
       CHARACTER_SET_CLIENT, COLLATION_CONNECTION, DATABASE_COLLATION
FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = DATABASE()
"""

_EVENTS = """
SELECT EVENT_NAME, EVENT_DEFINITION, EVENT_TYPE, EXECUTE_AT, INTERVAL_VALUE, INTERVAL_FIELD, STARTS, ENDS, STATUS,
       ON_COMPLETION, TIME_ZONE, EVENT_COMMENT, SQL_MODE, CHARACTER_SET_CLIENT, COLLATION_CONNECTION, DATABASE_COLLATION
FROM information_schema.EVENTS WHERE EVENT_SCHEMA = DATABASE()
"""

_DEFAULTS = """
SELECT DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME
FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = DATABASE()
"""

# The names of the server's SHOW CREATE for what information_schema.TABLES calls so.
_KINDS = {"VIEW": "VIEW", "SYSTEM VIEW": "VIEW", "SEQUENCE": "SEQUENCE"}

# In a routine that was made under ANSI_QUOTES, names stand in double quotes.
_NAMED = r"(?:`(?:[^`]|``)*`|\"(?:[^\"]|\"\")*\")"
_DEFINER = re.compile(rf"^(CREATE (?:ALGORITHM=\w+ )?)DEFINER={_NAMED}(?:@{_NAMED})? ")

# The option stands at the beginning of the line that closes the list of columns; a comment's line breaks are escaped.
_COUNTER = re.compile(r"^(\) ENGINE=\w+(?: TABLESPACE \S+)?) AUTO_INCREMENT=\d+", re.MULTILINE)

_PIECES = re.compile(
    r"""'(?:[^'\\]|\\.|'')*' | "(?:[^"\\]|\\.|"")*" | `[^`]*` | --(?=\s|$)[^\n]* | \#[^\n]* | /\*.*?\*/ | \? | %""",
    re.DOTALL | re.VERBOSE,
)


class Mysql:
    """MySQL and MariaDB, which differ in little of what is needed here."""

    name = "mysql"

    def quote(self, identifier: str) -> str:
        """The identifier in backticks."""
        for is_wrong, problem in (
            (not identifier, "is empty"),
            ("\0" in identifier, "holds a NUL"),
            (identifier.endswith(" "), "ends in a space"),
            (len(identifier) > LONGEST_NAME, f"is longer than {LONGEST_NAME} characters"),
            (any("\ud800" <= mark <= "\udfff" or mark > "\uffff" for mark in identifier), "is beyond Unicode's U+FFFF"),
        ):
            if is_wrong:
                raise InvalidInput("database", [f"MySQL takes no name that {problem}."])
        doubled = identifier.replace("`", "``")
        return f"`{doubled}`"

    def qualified(self, table: Table) -> str:
        """The table in the current database, unless it says in which."""
        name = self.quote(table.name)
        return f"{self.quote(table.schema)}.{name}" if table.schema else name

    def version(self, connection: Connection) -> Version:
        """The server's version, as in 10.11.6-MariaDB or 8.0.36."""
        [(told, comment)] = connection.rows("SELECT VERSION(), @@version_comment")
        text = _text(told)
        numbers = re.match(r"\d+(?:\.\d+)*", text)
        product = "MariaDB" if "mariadb" in f"{text} {_text(comment)}".lower() else "MySQL"
        return Version(tuple(map(int, numbers.group().split("."))) if numbers else (), product, text)

    def tables(self, connection: Connection) -> list[Table]:
        """The tables of the current database."""
        rows = connection.rows(f"SELECT TABLE_NAME FROM information_schema.TABLES WHERE {_HOLDS_ROWS}")  # noqa: S608 (a constant of this file)
        # Sorted here, because a collation would make two orders of the same names.
        return sorted(Table(_text(name)) for (name,) in rows)

    def columns(self, connection: Connection, table: Table) -> list[Column]:
        """The columns with their full types."""
        rows = connection.rows(_COLUMNS, (table.schema, table.name))
        return [
            Column(_text(name), _text(kind), _text(nullable) == "YES", None if default is None else _text(default))
            for name, kind, nullable, default in rows
        ]

    def count_rows(self, connection: Connection, tables: Iterable[Table]) -> dict[Table, int]:
        """COUNT(*) of each, because what information_schema says of InnoDB is a guess."""
        wanted = list(tables)
        if not wanted:
            return {}
        counts = (f"SELECT {at}, COUNT(*) FROM {self.qualified(table)}" for at, table in enumerate(wanted))  # noqa: S608 (names are quoted)
        rows = connection.rows(" UNION ALL ".join(counts))
        return {wanted[at]: count for at, count in rows}

    def size(self, connection: Connection) -> int:
        """What the tables and their indexes take; what the server says of it may be some seconds old."""
        [(size,)] = connection.rows(
            "SELECT COALESCE(SUM(DATA_LENGTH + INDEX_LENGTH + DATA_FREE), 0) FROM information_schema.TABLES"
            " WHERE TABLE_SCHEMA = DATABASE()"
        )
        return int(size)

    def schema_fingerprint(self, connection: Connection) -> str:
        """A SHA-256 over what SHOW CREATE and information_schema say.

        SHOW CREATE is what a dump consists of: it knows every option of the server's version, and of the current
        database's name it says nothing. Who defined a view or a routine is left out: it is a matter of rights like a
        grant, and whoever restores a dump may often not name another. The defaults of the database itself are part of
        it, because they decide what the next table looks like: a copy is to be created with the same.
        """
        with _standard_session(connection):
            described = json.dumps(sorted(self._description(connection)))
        return hashlib.sha256(described.encode()).hexdigest()

    def session(
        self, *, statement_timeout: float | None = None, lock_timeout: float | None = None, read_only: bool = False
    ) -> Sequence[str]:
        """Statements for both products; MySQL has a timeout for SELECT only."""
        statements = []
        if statement_timeout is not None:
            milliseconds = _at_least_one(statement_timeout * 1000) if statement_timeout else 0
            # MariaDB skips what is for MySQL from 5.7 on, MySQL what is for MariaDB; each finds one assignment.
            statements.append(
                f"SET /*M!100101 SESSION max_statement_time = {milliseconds / 1000:.3f} */"
                f" /*!50708 SESSION max_execution_time = {milliseconds} */"
            )
        if lock_timeout is not None:
            seconds = _at_least_one(lock_timeout)
            statements.append(
                f"SET SESSION lock_wait_timeout = {seconds}, SESSION innodb_lock_wait_timeout = {seconds}"
            )
        if read_only:
            statements.append("SET SESSION TRANSACTION READ ONLY")
        return statements

    def maintenance(self, action: str, tables: Iterable[Table]) -> Sequence[str]:
        """One statement for each table, or some that together name all tables of the current database.

        What goes wrong with a table is no error to the server: it is told in the rows of the result.
        """
        verb = _MAINTENANCE[action]
        each = [f"{verb} {self.qualified(table)}" for table in tables]
        return each or [
            "SET SESSION group_concat_max_len = 16777216",
            f"SET @shipshape = ({_ALL_NAMES})",
            f"SET @shipshape = IFNULL(CONCAT('{verb} ', @shipshape), 'DO 0')",
            "PREPARE shipshape FROM @shipshape",
            "EXECUTE shipshape",
            "DEALLOCATE PREPARE shipshape",
        ]

    def client(self, address: Address) -> ClientAccess:
        """An option file in place of all others, and the database's name left to the caller.

        --defaults-extra-file would be read before ~/.my.cnf, whose user and password would then win.
        """
        return ClientAccess(
            arguments=(f"--defaults-file={FILE}",),
            # MySQL's tools read this one even so.
            environment={"MYSQL_TEST_LOGIN_FILE": "/dev/null"},
            file=_option_file(address),
        )

    def explain(self, failure: Failure, address: Address) -> DatabaseError:
        """By the number of the error, which servers, drivers and tools have in common."""
        code = _code(failure)
        cause = _cause(code, failure.message)
        found = cause.detail.search(failure.message) if cause.detail else None
        detail = next(filter(None, found.groups()), "").strip() if found else ""
        if cause is _UNKNOWN:
            detail = "" if code in _SIGNALS or (code or 0) >= _ABOVE_SERVERS else _template(failure.message)
            detail = ": ".join(filter(None, (f"error {code}" if code else "", detail)))
        # A user may have named a column like the password.
        if address.password and address.password in detail:
            detail = ""
        told = f"{cause.what} ({detail})" if detail else cause.what
        return DatabaseError(f"{address}: {told}. {cause.advice}", reason=cause.reason, code=code)

    def _description(self, connection: Connection) -> Iterator[list[str]]:
        for row in connection.rows(_DEFAULTS):
            yield ["DATABASE", *map(_text, row)]
        listed = connection.rows(
            "SELECT TABLE_TYPE, TABLE_NAME FROM information_schema.TABLES"
            " WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE <> 'TEMPORARY'"
        )
        for kind, name in listed:
            yield self._as_created(connection, _KINDS.get(_text(kind), "TABLE"), _text(name))
        routines = connection.rows(
            "SELECT ROUTINE_TYPE, ROUTINE_NAME FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = DATABASE()"
        )
        for kind, name in routines:
            yield self._as_created(connection, _text(kind), _text(name))
        for kind, query in (("TRIGGER", _TRIGGERS), ("EVENT", _EVENTS)):
            for row in connection.rows(query):
                yield [kind, *map(_text, row)]

    def _as_created(self, connection: Connection, kind: str, name: str) -> list[str]:
        [(_name, *facts)] = connection.rows(f"SHOW CREATE {kind} {self.quote(name)}")
        if None in facts:
            raise DatabaseError(
                f"The database user may not read the {kind.lower()} {name}, so its changes would go unseen. Grant"
                " SELECT on mysql.proc (MariaDB) or SHOW_ROUTINE (MySQL), or use the user who defined it.",
                reason="permission",
            )
        return [kind, name, *(_COUNTER.sub(r"\1", _DEFINER.sub(r"\1", _text(fact))) for fact in facts)]


def format_style(sql: str) -> str:
    """SQL with %s in place of ?, outside of texts, names and comments, for a driver that takes these."""
    return _PIECES.sub(lambda piece: "%s" if piece[0] == "?" else piece[0].replace("%", "%%"), sql)


@contextmanager
def _standard_session(connection: Connection) -> Iterator[None]:
    """A session in which SHOW CREATE says the same whatever modes the server and its users have set."""
    [before] = connection.rows("SELECT @@SESSION.sql_mode, @@SESSION.sql_quote_show_create")
    connection.execute("SET SESSION sql_mode = '', SESSION sql_quote_show_create = 1")
    try:
        yield
    finally:
        with suppress(DatabaseError):
            connection.execute("SET SESSION sql_mode = ?, SESSION sql_quote_show_create = ?", before)


def _text(value: object) -> str:
    """Some versions send some of their own texts as bytes."""
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value)


def _at_least_one(number: float) -> int:
    return max(1, math.ceil(number))


def _option_file(address: Address) -> str:
    reached = (
        {"socket": address.socket, "protocol": "socket"}
        if address.socket
        # Without the protocol, the tools take localhost for the socket.
        else {"host": address.host or "", "port": str(address.port), "protocol": "tcp"}
    )
    login = {"user": address.user} if address.user else {}
    # An empty password is written too, or a tool takes that of the environment.
    common = {**reached, **login, "password": address.password or "", "default-character-set": "utf8mb4"}
    tls_of_all, tls_of_mariadb = _tls_options(address.tls if not address.socket else Tls("disable"), address.socket)
    # What Debian's own file, which is not read, and the tools by themselves take as the largest row is 16 MB.
    packet = {"max-allowed-packet": "1G"}
    groups = {
        "client": {**common, **tls_of_all},
        "client-mariadb": tls_of_mariadb,
        "mysql": {**packet, "connect-timeout": str(address.connect_timeout)},
        "mysqldump": packet,
    }
    lines = []
    for group, options in groups.items():
        lines.append(f"[{group}]")
        lines.extend(f"{name}={_option_value(value)}" for name, value in options.items())
    return "\n".join(lines) + "\n"


def _tls_options(tls: Tls, socket: str | None) -> tuple[dict[str, str], dict[str, str]]:
    """The options that all tools know, and those of MariaDB's tools, which alone read a group of that name."""
    modes = {
        "disable": "DISABLED",
        "require": "REQUIRED",
        "verify-ca": "VERIFY_CA",
        "verify-full": "VERIFY_IDENTITY",
    }
    if tls.mode == "disable":
        return ({} if socket else {"loose-ssl-mode": modes["disable"]}), {"ssl": "0", "ssl-verify-server-cert": "0"}
    checks = tls.mode.startswith("verify")
    files = {"ssl-ca": tls.ca if checks else None, "ssl-cert": tls.certificate, "ssl-key": tls.key}
    given = {name: path for name, path in files.items() if path}
    # What MySQL does by itself is to prefer TLS.
    mode = {"loose-ssl-mode": modes[tls.mode]} if tls.mode in modes else {}
    # MariaDB's tools have nothing for verify-ca: told not to verify, those of 11.8 take any certificate. Nor have they
    # anything for require: where there is no TLS they do without. The driver, which comes first, does not.
    return {**mode, **given}, {"ssl": "1", "ssl-verify-server-cert": str(int(checks))}


def _option_value(value: str) -> str:
    if "\0" in value:
        raise InvalidInput("database", ["MySQL's tools take no NUL in a user, a password or a path."])
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    for mark, letter in (("\n", "n"), ("\r", "r"), ("\t", "t"), ("\b", "b")):
        escaped = escaped.replace(mark, f"\\{letter}")
    if len(escaped.encode()) > _LONGEST_OPTION:
        raise InvalidInput("database", ["MySQL's tools take no user, password or path of more than 4000 bytes."])
    return f'"{escaped}"'


# The tools read lines of 4096 bytes and take the rest for the next line.
_LONGEST_OPTION = 4000


@dataclass(frozen=True)
class _Cause:
    reason: str
    what: str
    advice: str
    detail: re.Pattern[str] | None = None


_UNKNOWN = _Cause(
    "other", "the server or its tool reports a failure", "Look the error up in the server's documentation."
)
_TIMEOUT = _Cause(
    "timeout",
    "no answer came in time",
    "Check host and port, a firewall in between, and whether the server is overloaded.",
)
_HOST = _Cause("address", "the host name is not known", "Check the host in the URL, and the DNS on this host.")
_REFUSED = _Cause(
    "refused", "nothing answers there", "Check that the server runs, and its host and port or its socket."
)
_BUSY = _Cause(
    "refused",
    "the server takes no more connections",
    "Wait or end some: too many connections are open, or too many have failed from this host.",
)
_TLS = _Cause(
    "tls",
    "no connection with TLS came about",
    "Check that the server offers TLS, its certificate and name, and sslmode, sslrootcert, sslcert and sslkey.",
    re.compile(r"verify failed: ([\w ,.':-]+)|TLS/SSL error: ([\w ,.':-]+)|(SSL is required[\w ,']*)"),
)
_FORMAT = _Cause(
    "refused", "what answers there is no MySQL or MariaDB server", "Check host and port: another service has them."
)
_LOGIN = _Cause(
    "login",
    "the server refuses the login",
    "Check user and password, whether this user may come from this host, and whether the account is locked or expired.",
)
_DATABASE = _Cause(
    "unknown_database",
    "there is no such database",
    "Create it first, or correct the name in the URL.",
    re.compile(r"Unknown database '([\w$.-]+)'"),
)
_PERMISSION = _Cause(
    "permission",
    "the user has no right to do this",
    "Grant it, or use another user.",
    re.compile(r"\b([A-Z][A-Z_, ]*[A-Z])(?: command denied| privilege\(s\))"),
)
_LOCKED = _Cause(
    "locked",
    "another session holds a lock or changed the same rows first",
    "Try again, or end that session: SHOW PROCESSLIST shows it.",
)
_SLOW = _Cause("timeout", "a statement took longer than it may", "Give it more time, or make it faster.")
_READ_ONLY = _Cause(
    "read_only",
    "writing is not allowed here",
    "The server, its storage or this session is read-only: use the primary server, or do not write.",
)
_DISK_FULL = _Cause(
    "disk_full",
    "the disk is full, or a table has reached its limit",
    "Free space where the server keeps its data and its temporary files, or where the file is written.",
)
_MISSING = _Cause(
    "missing",
    "something that the statement names does not exist",
    "Create it first, or correct the name.",
    re.compile(
        r"Table '([\w$.-]+)' doesn't exist|Unknown (?:table|column|SEQUENCE:|VIEW:) '([\w$.-]+)'"
        r"|(?:PROCEDURE|FUNCTION) ([\w$.-]+) does not exist|View '([\w$.-]+)' references"
    ),
)
_DUPLICATE = _Cause(
    "duplicate",
    "this would exist twice",
    "Remove or rename one of the two.",
    re.compile(r" (for key '[\w$.-]+')$|^.{0,30}\b(?:Table|Duplicate (?:column|key) name) '([\w$.-]+)'"),
)
_CONSTRAINT = _Cause(
    "constraint",
    "the data break a rule of the table",
    "Correct the data or the rule.",
    re.compile(r"(CONSTRAINT `[\w$.-]+`)|Check (constraint '[\w$.-]+')|([Cc]olumn '[\w$.-]+')|Field '([\w$.-]+)'"),
)
_SYNTAX = _Cause(
    "syntax", "the server does not understand the statement", "Correct it.", re.compile(r" at (line \d+)(?::|$)")
)
_VERSION = _Cause(
    "version",
    "the server, or the tool, does not know what another version does",
    "Use versions that fit: a dump of a newer server or of the other product holds what this one does not know.",
    re.compile(
        r"Unknown (?:collation|character set|system variable|storage engine):? '(\w+)'"
        r"|[Uu]nknown (?:variable|option) '(?!loose-)([\w-]+)|[Pp]lugin '?(\w+)"
    ),
)
_CORRUPT = _Cause(
    "corrupt",
    "a table or an index is damaged",
    "Check it with CHECK TABLE, and restore a backup if it cannot be repaired.",
)
_DDL = _Cause(
    "changed",
    "another session changed a table's definition during the snapshot",
    "Run it again when no migration is running.",
)
_PACKET = _Cause(
    "other",
    "a row or a statement is larger than max_allowed_packet",
    "Raise max_allowed_packet on the server.",
)
_GONE = _Cause(
    "other",
    "the server ended the connection",
    "See the server's log: it was restarted, ended the session, or got a packet above max_allowed_packet.",
)
_OPEN = _Cause("other", "a transaction is open already", "End it first: transactions do not nest.")
_KILLED = _Cause("other", "the statement was ended by somebody", "Run it again if that was not intended.")

_CAUSES = {
    code: cause
    for cause, codes in (
        (_HOST, (2005,)),
        (_REFUSED, (2002, 2003)),
        (_BUSY, (1040, 1129, 1203, 1226)),
        (_TLS, (2026, 3159)),
        (_LOGIN, (1045, 1130, 1698, 1820, 1862, 3118, 4151)),
        (_DATABASE, (1049,)),
        (_PERMISSION, (1044, 1095, 1142, 1143, 1227, 1370, 1419)),
        (_LOCKED, (1020, 1205, 1213, 3058, 3572)),
        (_SLOW, (1969, 3024)),
        (_READ_ONLY, (1792, 1836, 1874)),
        (_DISK_FULL, (3, 1021, 1114)),
        (_MISSING, (1051, 1054, 1072, 1091, 1109, 1146, 1176, 1305, 1356, 1360, 1539, 4091)),
        (_DUPLICATE, (1007, 1050, 1060, 1061, 1062, 1304, 1359, 1537, 1586, 1826)),
        (_CONSTRAINT, (1048, 1216, 1217, 1264, 1265, 1292, 1364, 1366, 1406, 1451, 1452, 3819, 4025)),
        (_SYNTAX, (1064, 1065, 1149)),
        (_VERSION, (1115, 1193, 1235, 1251, 1273, 1286, 2059)),
        (_CORRUPT, (126, 127, 144, 145, 1034, 1035, 1194, 1195, 1712)),
        (_DDL, (1412,)),
        (_PACKET, (1153, 2020)),
        (_GONE, (2006, 2013, 2055)),
        (_KILLED, (1317, 1927)),
        (_OPEN, (1568,)),
    )
    for code in codes
}

# What a lost or an impossible connection is due to, as the system and its libraries put it.
_CONNECTING = (2002, 2003, 2005, 2006, 2013, 2026)
_SYSTEM_CAUSES = (
    (re.compile(r"timed out|\(110\)|error: 110\b"), _TIMEOUT),
    (re.compile(r"\[Errno -\d+\]|Unknown server host|Unknown MySQL server host"), _HOST),
    (re.compile(r"SSL|TLS|certificate"), _TLS),
)

# What has no number, or one that says too little.
_STORAGE = (None, 3, 5, 14, 20, 1005, 1026, 1030)
_WORDS = (
    (re.compile(r"(?i)no space left on device|\berr(?:no|or|code):? ?28\b"), _STORAGE, _DISK_FULL),
    (re.compile(r"(?i)--(?:super-)?read[-_]only|--innodb[-_]read[-_]only"), (1290,), _READ_ONLY),
    # Of the options that may be unknown (loose-), MariaDB's tools only warn.
    (re.compile(r"[Uu]nknown (?:variable|option) '(?!loose-)"), (None,), _VERSION),
    (re.compile(r"Access denied; you need"), (None,), _PERMISSION),
    (re.compile(r"Packet sequence number wrong"), (None,), _FORMAT),
    (
        re.compile(r"'?cryptography'? package is required"),
        (None,),
        _Cause(
            "driver",
            "this kind of login needs TLS or the Python library cryptography",
            "Turn TLS on, or install python3-cryptography for the module's Python.",
        ),
    ),
)

# ERROR 1045 (28000): ..., Got error: 1045: ..., Error 2013: ..., Couldn't execute '...': ... (1142)
_NUMBERS = re.compile(
    r"\bERROR (\d{1,5}) \(|\bGot error: (\d{1,5}):|\bError:? (\d{1,5}): |\((\d{4,5})\)$", re.MULTILINE
)

# What a trigger or a routine raises (SIGNAL) has a text and maybe a number of its own, and values in it without quotes.
_SIGNALS = (1642, 1643, 1644)
_ABOVE_SERVERS = 5000


def _code(failure: Failure) -> int | None:
    if failure.code.isdecimal() and int(failure.code):
        return int(failure.code)
    found = _NUMBERS.search(failure.message)
    return int(next(filter(None, found.groups()))) if found else None


def _cause(code: int | None, message: str) -> _Cause:
    if code in _CONNECTING:
        for words, cause in _SYSTEM_CAUSES:
            if words.search(message):
                return cause
    for words, codes, cause in _WORDS:
        if code in codes and words.search(message):
            return cause
    return _UNKNOWN if code is None else _CAUSES.get(code, _UNKNOWN)


def _template(message: str) -> str:
    """The words of the server's own in a message; whatever stands in quotes can be a value of the user's."""
    line = next((line for line in message.splitlines() if line.strip() and not line.startswith("Warning:")), "")
    return re.sub(r"(?<!n)['\"`].*['\"`](?!t\b)", "...", line).strip(". ")
