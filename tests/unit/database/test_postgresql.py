# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.shipshape.webapp.plugins.module_utils._database import postgresql
from ansible_collections.shipshape.webapp.plugins.module_utils._database.address import Address, Tls
from ansible_collections.shipshape.webapp.plugins.module_utils._database.engine import Engine, Failure, Table
from ansible_collections.shipshape.webapp.plugins.module_utils._database.postgresql import Postgresql, libpq_parameters
from ansible_collections.shipshape.webapp.plugins.module_utils._driver_postgresql import with_placeholders
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import InvalidInput
from ansible_collections.shipshape.webapp.plugins.module_utils._types import FILE

ENGINE: Engine = Postgresql()

ADDRESS = Address(engine="postgresql", name="shop", host="db.example", port=5433, user="app", password="canary")


@pytest.mark.parametrize(
    ("identifier", "quoted"),
    [
        ("a", '"a"'),
        ('quo"te', '"quo""te"'),
        ("two words", '"two words"'),
        ("a.b", '"a.b"'),
        ("x" * 63, f'"{"x" * 63}"'),
        ("ü" * 31, f'"{"ü" * 31}"'),
    ],
)
def test_names_are_quoted(identifier: str, quoted: str) -> None:
    assert ENGINE.quote(identifier) == quoted


@pytest.mark.parametrize("identifier", ["", "a\0b", "x" * 64, "ü" * 32, "\ud800"])
def test_names_that_the_server_would_change_are_refused(identifier: str) -> None:
    with pytest.raises(InvalidInput):
        ENGINE.quote(identifier)


def test_names_of_tables() -> None:
    assert ENGINE.qualified(Table("t")) == '"t"'
    assert ENGINE.qualified(Table("a.b", "s")) == '"s"."a.b"'


PATIENT = postgresql._PATIENT


@pytest.mark.parametrize(
    ("limits", "statements"),
    [
        ({}, [PATIENT]),
        ({"statement_timeout": 1.5}, [PATIENT, "SET statement_timeout = 1500"]),
        ({"lock_timeout": 0.00001}, [PATIENT, "SET lock_timeout = 1"]),
        ({"lock_timeout": 0}, [PATIENT, "SET lock_timeout = 1"]),
        ({"statement_timeout": 1e12}, [PATIENT, "SET statement_timeout = 2147483647"]),
        ({"read_only": True}, [PATIENT, "SET default_transaction_read_only = on"]),
    ],
)
def test_session(limits: dict[str, float], statements: list[str]) -> None:
    assert list(ENGINE.session(**limits)) == statements  # type: ignore[arg-type]


def test_maintenance() -> None:
    tables = [Table("a", "s"), Table("b", "s")]
    assert list(ENGINE.maintenance("vacuum", [])) == ["VACUUM"]
    assert list(ENGINE.maintenance("analyze", tables)) == ['ANALYZE "s"."a"', 'ANALYZE "s"."b"']
    with pytest.raises(InvalidInput):
        ENGINE.maintenance("repair", [])


@pytest.mark.parametrize(
    ("sql", "translated"),
    [
        ("SELECT ?", "SELECT %s"),
        ("SELECT ? % ?", "SELECT %s %% %s"),
        ("SELECT '?%', \"?%\", ?", "SELECT '?%%', \"?%%\", %s"),
        ("SELECT 'it''s?', \"a\"\"?\", ?", "SELECT 'it''s?', \"a\"\"?\", %s"),
    ],
)
def test_placeholders(sql: str, translated: str) -> None:
    assert with_placeholders(sql) == translated


# From here on, how tools get in.


def test_client() -> None:
    access = ENGINE.client(ADDRESS)

    assert access.arguments == ("--no-password",)
    assert access.file == "db.example:5433:*:app:canary\n"
    assert dict(access.environment) == {
        "PGAPPNAME": "shipshape",
        "PGCLIENTENCODING": "UTF8",
        "PGCONNECT_TIMEOUT": "10",
        "PGDATABASE": "shop",
        "PGGSSENCMODE": "disable",
        "PGHOST": "db.example",
        "PGHOSTADDR": "",
        "PGOPTIONS": "",
        "PGPASSFILE": FILE,
        "PGPASSWORD": "",
        "PGPORT": "5433",
        "PGSSLCERT": "/dev/null/none",
        "PGSSLCRL": "",
        "PGSSLKEY": "/dev/null/none",
        "PGSSLMODE": "prefer",
        "PGSSLROOTCERT": "/dev/null/none",
        "PGTARGETSESSIONATTRS": "any",
        "PGUSER": "app",
    }


def test_client_without_a_password() -> None:
    access = ENGINE.client(Address(engine="postgresql", name="shop", host="h", port=1))

    assert access.file is None
    assert access.environment["PGPASSFILE"] == "/dev/null/none"
    assert "PGUSER" not in access.environment


@pytest.mark.parametrize(
    ("password", "field"),
    [("a:b", r"a\:b"), ("a\\b", r"a\\b"), ("\\:", r"\\\:"), ("#'\" %;$", "#'\" %;$"), (" ü€ ", " ü€ ")],
)
def test_password_file_escapes(password: str, field: str) -> None:
    address = Address(engine="postgresql", name="d", host="::1", port=5432, user="a:b\\", password=password)

    assert ENGINE.client(address).file == f"\\:\\:1:5432:*:a\\:b\\\\:{field}\n"


@pytest.mark.parametrize("password", ["a\nb", "a\n", "a\r", "a\0b"])
def test_passwords_that_the_tools_cannot_take_are_refused(password: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        ENGINE.client(Address(engine="postgresql", name="d", host="h", port=1, user="u", password=password))

    assert password not in str(caught.value)


@pytest.mark.parametrize(
    ("socket", "host", "port"),
    [
        ("/run/postgresql", "/run/postgresql", "5432"),
        ("/run/postgresql/.s.PGSQL.5433", "/run/postgresql", "5433"),
        ("/srv/.s.PGSQL.x", "/srv/.s.PGSQL.x", "5432"),
    ],
)
def test_socket(socket: str, host: str, port: str) -> None:
    access = ENGINE.client(Address(engine="postgresql", name="d", socket=socket, user="u", password="p"))

    assert (access.environment["PGHOST"], access.environment["PGPORT"]) == (host, port)
    assert access.file == f"*:{port}:*:u:p\n"


AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
NOWHERE = "/dev/null/none"


@pytest.mark.parametrize(
    ("tls", "mode", "authority"),
    [
        (Tls(), "prefer", NOWHERE),
        (Tls("disable"), "disable", NOWHERE),
        (Tls("require"), "require", NOWHERE),
        (Tls("verify-ca"), "verify-full", AUTHORITIES),
        (Tls("verify-full"), "verify-full", AUTHORITIES),
        (Tls("verify-ca", ca="/ca"), "verify-ca", "/ca"),
        (Tls("verify-full", ca="/ca"), "verify-full", "/ca"),
    ],
)
def test_tls(tls: Tls, mode: str, authority: str) -> None:
    parameters = libpq_parameters(Address(engine="postgresql", name="d", host="h", port=1, tls=tls))

    assert (parameters["sslmode"], parameters["sslrootcert"]) == (mode, authority)


def test_client_certificate() -> None:
    tls = Tls("require", certificate="/c", key="/k")
    parameters = libpq_parameters(Address(engine="postgresql", name="d", host="h", port=1, tls=tls))

    assert (parameters["sslcert"], parameters["sslkey"]) == ("/c", "/k")


# From here on, what goes wrong, in the words of real servers and tools.

TO = 'connection to server at "127.0.0.1", port 5432 failed: '

WORDS = [
    ("address", 'psql: error: could not translate host name "nowhere.invalid" to address: Name or service not known'),
    ("address", "[Errno -2] Name or service not known"),
    ("timeout", f"{TO}timeout expired"),
    ("timeout", "connection timeout expired"),
    ("refused", f"{TO}Connection refused\n\tIs the server running on that host and accepting TCP/IP connections?"),
    (
        "refused",
        'psql: error: connection to server on socket "/var/run/postgresql/.s.PGSQL.1" failed: No such file or directory'
        "\n\tIs the server running locally and accepting connections on that socket?",
    ),
    ("refused", f"{TO}FATAL:  the database system is starting up"),
    ("refused", f"{TO}FATAL:  the database system is shutting down"),
    ("refused", f"{TO}FATAL:  sorry, too many clients already"),
    ("refused", f"{TO}FATAL:  remaining connection slots are reserved for roles with the SUPERUSER attribute"),
    ("refused", f"{TO}server closed the connection unexpectedly\n\tThis probably means the server terminated"),
    (
        "refused",
        "FATAL:  terminating connection due to administrator command\nSSL connection has been closed unexpectedly",
    ),
    ("refused", "connection already closed"),
    ("refused", "the connection is closed"),
    ("tls", f"psql: error: {TO}SSL error: certificate verify failed"),
    ("tls", f'psql: error: {TO}root certificate file "/nothing" does not exist\nEither provide the file, use the'),
    ("tls", f"{TO}server does not support SSL, but SSL was required"),
    ("tls", f'{TO}server certificate for "172.17.0.3" does not match host name "localhost"'),
    ("login", f'{TO}FATAL:  password authentication failed for user "u"\n{TO}FATAL:  password authentication failed'),
    ("login", f"psql: error: {TO}fe_sendauth: no password supplied"),
    ("login", f'{TO}FATAL:  Peer authentication failed for user "u"'),
    ("login", f'{TO}FATAL:  role "nologin" is not permitted to log in'),
    ("login", f'{TO}FATAL:  role "nobody" does not exist'),
    (
        "login",
        f'{TO}FATAL:  no pg_hba.conf entry for host "172.17.0.2", user "u", database "postgres", SSL encryption\n'
        f'{TO}FATAL:  no pg_hba.conf entry for host "172.17.0.2", user "u", database "postgres", no encryption',
    ),
    ("unknown_database", f'psql: error: {TO}FATAL:  database "none" does not exist'),
    ("permission", 'connection to server on socket "/run/.s.PGSQL.5432" failed: Permission denied'),
    (
        "permission",
        "pg_dump: error: query failed: ERROR:  permission denied for table t\npg_dump: detail: Query was: L",
    ),
    ("permission", 'pg_restore: error: could not execute query: ERROR:  must be able to SET ROLE "postgres"\nCommand'),
    ("locked", "ERROR:  canceling statement due to lock timeout"),
    ("locked", "ERROR:  deadlock detected"),
    ("locked", 'ERROR:  database "d" is being accessed by other users'),
    ("timeout", "ERROR:  canceling statement due to statement timeout"),
    ("other", "ERROR:  canceling statement due to user request"),
    ("read_only", "ERROR:  cannot execute CREATE TABLE in a read-only transaction"),
    ("disk_full", "pg_dump: error: could not close output file: No space left on device"),
    ("disk_full", 'ERROR:  could not extend file "base/5/16388": No space left on device'),
    ("missing", 'ERROR:  relation "zz" does not exist\nLINE 1: select * from zz'),
    ("duplicate", 'ERROR:  duplicate key value violates unique constraint "t_pkey"\nDETAIL:  Key (a)=(1) already'),
    ("duplicate", 'pg_restore: error: could not execute query: ERROR:  relation "t" already exists\nCommand was: CR'),
    ("constraint", 'ERROR:  insert or update on table "t" violates foreign key constraint "t_b_fkey"'),
    ("constraint", 'ERROR:  check constraint "c" of relation "t" is violated by some row'),
    ("syntax", 'ERROR:  syntax error at or near "selct"\nLINE 1: selct\n        ^'),
    ("corrupt", "ERROR:  invalid page in block 0 of relation base/5/16388"),
    ("corrupt", "pg_restore: error: could not read from input file: end of file"),
    ("corrupt", "pg_restore: error: input file is too short (read 2, expected 5)"),
    ("corrupt", "pg_restore: error: did not find magic string in file header"),
    ("version", "pg_restore: error: unsupported version (1.16) in file header"),
    (
        "version",
        "pg_dump: error: aborting because of server version mismatch\npg_dump: detail: server version: 17.11 (Debian "
        "17.11-0+deb13u1); pg_dump version: 15.18 (Debian 15.18-0+deb12u1)",
    ),
    ("other", "ERROR:  division by zero"),
    ("other", ""),
]

CODES = {
    "08006": "refused",
    "22012": "other",
    "23502": "constraint",
    "23503": "constraint",
    "23505": "duplicate",
    "23514": "constraint",
    "25006": "read_only",
    "25P03": "timeout",
    "28000": "login",
    "28P01": "login",
    "3D000": "unknown_database",
    "40001": "locked",
    "40P01": "locked",
    "42501": "permission",
    "42601": "syntax",
    "42703": "missing",
    "42P01": "missing",
    "42P07": "duplicate",
    "53100": "disk_full",
    "53300": "refused",
    "55006": "locked",
    "55P03": "locked",
    "57014": "timeout",
    "57P01": "refused",
    "57P03": "refused",
    "XX001": "corrupt",
    "XX002": "corrupt",
}


@pytest.mark.parametrize(("reason", "words"), WORDS)
def test_failure_is_known_by_its_words(reason: str, words: str) -> None:
    error = ENGINE.explain(Failure("", words), ADDRESS)

    assert error.reason == reason
    assert error.message.startswith("postgresql://app@db.example:5433/shop: ")
    assert error.message.endswith(".")


@pytest.mark.parametrize(("code", "reason"), CODES.items())
def test_failure_is_known_by_its_code_in_any_language(code: str, reason: str) -> None:
    for failure in (Failure(code, "Das ging nicht gut"), Failure("", f"FEHLER\nERROR:  {code}: Das ging nicht gut")):
        error = ENGINE.explain(failure, ADDRESS)
        assert (error.reason, error.details["code"]) == (reason, code)


def test_code_wins_over_words() -> None:
    assert ENGINE.explain(Failure("42501", 'relation "a" does not exist'), ADDRESS).reason == "permission"
    assert ENGINE.explain(Failure("57014", "canceling statement due to user request"), ADDRESS).reason == "other"
    assert ENGINE.explain(Failure("P0001", "permission denied"), ADDRESS).reason == "other"


@pytest.mark.parametrize(
    ("code", "words", "cause"),
    [
        ("42P01", 'relation "zz" does not exist\nLINE 1: select * from zz', 'relation "zz" does not exist.'),
        ("", 'psql:a.sql:3: ERROR:  relation "t" already exists', 'relation "t" already exists.'),
        ("", "pg_restore: error: could not execute query: ERROR:  must be owner of t\nx", "must be owner of t."),
        (
            "23505",
            'duplicate key violates "k"\nDETAIL:  Key (a)=(secret) already exists.',
            'duplicate key violates "k".',
        ),
        ("22P02", 'invalid input syntax for type integer: "a"b"', "for type integer: (a value)."),
        ("", 'ERROR:  invalid input syntax for type integer: "a"', "for type integer: (a value)."),
        ("42601", "unterminated quoted string at or near \"'sec", "at or near (a string)."),
        ("XX000", "something about canary here", "something about (the password) here."),
        (
            "",
            "pg_dump: error: server version mismatch\npg_dump: detail: server version: 17; pg_dump version: 15",
            "15.",
        ),
    ],
)
def test_cause_is_told_without_what_may_be_secret(code: str, words: str, cause: str) -> None:
    message = ENGINE.explain(Failure(code, words), ADDRESS).message

    assert message.endswith(cause)
    assert "secret" not in message
    assert "canary" not in message


# From here on, definitions that a server writes in two ways.


@pytest.mark.parametrize(
    ("made", "restored"),
    [
        ("CHECK ((((x >= 1) AND (x <= 5)) AND (y > 0)))", "CHECK (((x >= 1) AND (x <= 5) AND (y > 0)))"),
        ("((a OR b) OR (c OR d))", "(a OR b OR c OR d)"),
        (
            "CHECK (((status)::text = ANY ((ARRAY['a'::character varying, 'it''s (b,]'::character varying])::text[])))",
            "CHECK (((status)::text = ANY (ARRAY[('a'::character varying)::text, "
            "('it''s (b,]'::character varying)::text])))",
        ),
        ('((ARRAY[a, f(b, c)])::public."T x"[])', '(ARRAY[(a)::public."T x", (f(b, c))::public."T x"])'),
        ("((ARRAY[a])::numeric(10,2)[])", "(ARRAY[(a)::numeric(10,2)])"),
    ],
)
def test_definition_is_the_same_before_and_after_a_restore(made: str, restored: str) -> None:
    assert postgresql._canonical(made) == postgresql._canonical(restored) == restored


@pytest.mark.parametrize(
    "text",
    [
        "((a AND b) OR c)",
        "(a AND (b OR c))",
        "(NOT (a AND b) AND c)",
        "f((a AND b), c)",
        "(ARRAY['a'::text])",
        "((ARRAY[1] || b)::text[])",
        "(' ((a AND b) AND c) ' AND $x$ ((a AND b) AND c) $x$ AND \"((a AND b) AND c)\")",
        ")(][ ' \" $$",
        "a - b",
    ],
)
def test_other_definitions_stay_as_they_are(text: str) -> None:
    assert postgresql._canonical(text) == text


def test_deep_definitions_are_no_problem() -> None:
    text = "(" * 20_000 + "a" + ")" * 20_000

    assert postgresql._canonical(text) == text


@given(st.text(alphabet="(),[]'\"$:AND ORYab\n"))
def test_canonical_form_is_stable(text: str) -> None:
    once = postgresql._canonical(text)

    assert postgresql._canonical(once) == once
