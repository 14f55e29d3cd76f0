# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import InvalidInput
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.folder import migrations
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.migration import Migration


def read(paths: Iterable[str], dialect: str = "sqlite") -> list[Migration]:
    """The migrations of files that each hold their own path."""
    return migrations({path: f"SELECT '{path}';".encode() for path in paths}, dialect)


def problems(files: dict[str, bytes], dialect: str = "sqlite") -> list[str]:
    with pytest.raises(InvalidInput) as caught:
        migrations(files, dialect)
    found = caught.value.details["problems"]
    assert isinstance(found, list)
    return found


@pytest.mark.parametrize(
    ("path", "version", "name"),
    [
        ("0001_create_users.sql", "0001", "create_users"),
        ("0001.sql", "0001", ""),
        ("1-create.sql", "1", "create"),
        ("1 create users.sql", "1", "create users"),
        ("001.create_users.sql", "001", "create_users"),
        ("20240115120000_init.sql", "20240115120000", "init"),
        ("2024_01_15_120000_create.sql", "2024_01_15_120000", "create"),
        ("2024-01-15_create.sql", "2024-01-15", "create"),
        ("2024-01-15-12-30-x.sql", "2024-01-15-12-30", "x"),
        ("0.10_grow.sql", "0.10", "grow"),
        ("1.2.3.sql", "1.2.3", ""),
        ("12b_fix.sql", "12b", "fix"),
        ("001_2fa_tables.sql", "001", "2fa_tables"),
        ("001_2_factors.sql", "001", "2_factors"),
        ("001_Add.Users.SQL", "001", "Add.Users"),
        ("patch10.sql", "patch10", ""),
        ("patch-2_users.sql", "patch-2", "users"),
        ("v1.0_users.sql", "v1.0", "users"),
        ("V1__create_users.sql", "1", "create_users"),
        ("V1_1__x.sql", "1_1", "x"),
        ("V2024.01.15__x.sql", "2024.01.15", "x"),
        ("3_x.up.sql", "3", "x"),
        ("3_x/up.sql", "3", "x"),
        ("3_x/migration.sql", "3", "x"),
        ("20240115120000_init/migration.sql", "20240115120000", "init"),
        ("3_x/up.sqlite.sql", "3", "x"),
        ("3_x/migration.autocommit.sql", "3", "x"),
        ("3_x.sqlite3.sql", "3", "x"),
        ("3_x.sqlite.up.sql", "3", "x"),
        ("3_x.up.sqlite.sql", "3", "x"),
        ("3.sqlite.sql", "3", ""),
        ("V3__x.SQLite.sql", "3", "x"),
    ],
)
def test_a_name_says_which_version_it_is(path: str, version: str, name: str) -> None:
    [migration] = read([path])
    assert (migration.version, migration.name, migration.path) == (version, name, path)
    assert migration.up == f"SELECT '{path}';"
    assert migration.down is None


@pytest.mark.parametrize(
    "paths",
    [
        ["0.9_a.sql", "0.10_a.sql", "1_a.sql", "1.1_a.sql", "2_a.sql", "10_a.sql"],
        ["patch2.sql", "patch10.sql", "patch11_x.sql"],
        ["1_a.sql", "1a_a.sql", "1b_a.sql", "2_a.sql"],
        ["9_z.sql", "10_a/up.sql", "11_a/migration.sql", "V12__a.sql", "13_a.up.sql"],
        ["2024-01-15_b.sql", "2024-01-15-12-00_b.sql", "2024-02-01_a.sql", "2024-10-01_a.sql"],
        ["1_a.sql", "20240115120000_a.sql", "patch1.sql", "step1.sql"],
        ["V1__z.sql", "V1.1__y.sql", "V1_2__b.sql", "V2__a.sql"],
    ],
)
def test_versions_are_ordered_as_people_count(paths: list[str]) -> None:
    assert [migration.path for migration in read(reversed(paths))] == paths


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["1_a.up.sql", "1_a.down.sql"], [("1_a.up.sql", "1_a.down.sql")]),
        (["1_a/up.sql", "1_a/down.sql"], [("1_a/up.sql", "1_a/down.sql")]),
        (["1_a/migration.sql", "1_a/down.sql"], [("1_a/migration.sql", "1_a/down.sql")]),
        (["1_a.sql", "1_a.down.sql"], [("1_a.sql", "1_a.down.sql")]),
        (["V1__a.sql", "U1__take_back.sql"], [("V1__a.sql", "U1__take_back.sql")]),
        (["1_a.sql", "1_a.sqlite.sql", "1_a.mysql.sql"], [("1_a.sqlite.sql", None)]),
        (["1_a.postgres.sql", "1_a.pg.down.sql", "2_a.sql"], [("2_a.sql", None)]),
        (["1_a.mssql.sql", "1_a.oracle.sql", "1_a.sql"], [("1_a.sql", None)]),
        (["1_a.mysql.up.sql", "1_a.down.sql"], []),
        (["1_a.up.sql", "1_a.sqlite.down.sql", "1_a.down.sql"], [("1_a.up.sql", "1_a.sqlite.down.sql")]),
        (["1_a.sqlite.up.sql", "1_a.up.sql", "1_a.down.sql"], [("1_a.sqlite.up.sql", "1_a.down.sql")]),
        (["1_a/up.sql", "1_a/up.sqlite.sql"], [("1_a/up.sqlite.sql", None)]),
        (
            ["1_a.sql", ".hidden.sql", ".git/2_b.sql", "3_c/.up.sql", "README.md", "meta/_journal.json"],
            [("1_a.sql", None)],
        ),
        (["1_a.sql~", "1_a.sql.bak", "schema.prisma"], []),
        ([], []),
    ],
)
def test_which_files_make_a_migration(paths: list[str], expected: list[tuple[str, str | None]]) -> None:
    found = [(migration.path, migration.down) for migration in read(paths)]
    assert found == [(up, f"SELECT '{down}';" if down else None) for up, down in expected]


@pytest.mark.parametrize(
    ("dialect", "infixes"),
    [
        ("sqlite", ["sqlite", "sqlite3"]),
        ("mysql", ["mysql", "mariadb"]),
        ("postgresql", ["postgres", "postgresql", "pg"]),
    ],
)
def test_a_file_is_for_an_engine(dialect: str, infixes: list[str]) -> None:
    everything = ["sqlite", "sqlite3", "mysql", "mariadb", "postgres", "postgresql", "pg"]
    paths = [f"{number}_a.{infix}.sql" for number, infix in enumerate(everything)]
    found = [migration.path.split(".")[1] for migration in read(paths, dialect)]
    assert found == infixes


@pytest.mark.parametrize(
    ("path", "content", "expected"),
    [
        ("1_a.sql", b"SELECT 1;", False),
        ("1_a.autocommit.sql", b"SELECT 1;", True),
        ("1_a.autocommit.up.sql", b"SELECT 1;", True),
        ("1_a.up.autocommit.sqlite.sql", b"SELECT 1;", True),
        ("1_autocommit.sql", b"SELECT 1;", False),
        ("1_a.sql", b"-- shipshape: no transaction\n", True),
        ("1_a.sql", b"-- +goose NO TRANSACTION\n-- +goose Up\n", True),
    ],
)
def test_a_file_can_ask_for_no_transaction(path: str, content: bytes, expected: bool) -> None:
    [migration] = migrations({path: content}, "sqlite")
    assert migration.is_autocommit is expected


def test_a_migration_of_two_files() -> None:
    up = b"\xef\xbb\xbf-- one\r\nSELECT 1;\r\n"
    down = b"SELECT 2;\r\n"
    assert migrations({"7_a.down.sql": down, "7_a.up.sql": up}, "mysql") == [
        Migration(
            version="7",
            name="a",
            path="7_a.up.sql",
            sha256=sha256(b"-- one\nSELECT 1;\n").hexdigest(),
            up="-- one\nSELECT 1;\n",
            down="SELECT 2;\n",
        )
    ]


def test_a_migration_of_one_file_with_two_parts() -> None:
    content = b"\n-- migrate:up transaction:false\nSELECT 1;\n-- migrate:down\nSELECT 2;\n"
    assert migrations({"7_a.sql": content}, "mysql") == [
        Migration(
            version="7",
            name="a",
            path="7_a.sql",
            sha256=sha256(content).hexdigest(),
            up="SELECT 1;",
            down="SELECT 2;\n",
            up_line=3,
            down_line=5,
            is_autocommit=True,
        )
    ]


def test_an_empty_file_is_an_empty_migration() -> None:
    [migration] = migrations({"1_nothing.sql": b""}, "sqlite")
    assert migration.up == ""


@pytest.mark.parametrize(
    "path",
    [
        "schema.sql",
        "create_users.sql",
        "up.sql",
        "migration.sql",
        "2fa.sql",
        "R__views.sql",
        "a/b/up.sql",
        "1_a/b/up.sql",
        "1_a/2_b.sql",
        "1_a/seed.sql",
        "1_a/migration.up.sql",
        "users/up.sql",
        "_1.sql",
    ],
)
def test_a_name_that_fits_no_layout_is_refused(path: str) -> None:
    [problem] = problems({path: b"", "1_fine.sql": b""})
    assert problem == (
        f"{path}: its name is none of a migration: call it by a version and a name, such as 0001_create_users.sql"
        " or 0001_create_users/up.sql, or take it out of the directory."
    )


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["1_a.sql", "1_b.sql"], "1_a.sql and 1_b.sql: they have the same version, 1: give each one of its own."),
        (["001_a.sql", "1_b.sql"], "001_a.sql and 1_b.sql: they have the same version, 001: give each one of its own."),
        (["1_a.sql", "1_a/up.sql"], "1_a.sql and 1_a/up.sql: they have the same version, 1: give each one of its own."),
        (["1_a/up.sql", "1_a/migration.sql"], "1_a/migration.sql and 1_a/up.sql: they have the same version, 1:"),
        (["1_a.sql", "1_a.up.sql"], "1_a.sql and 1_a.up.sql: they have the same version, 1:"),
        (["1_a.sqlite.sql", "1_b.sql"], "1_a.sqlite.sql and 1_b.sql: they have the same version, 1:"),
        (["1_a.sqlite.sql", "1_a.sqlite3.sql"], "1_a.sqlite.sql and 1_a.sqlite3.sql: they have the same version, 1:"),
        (["1_a.sql", "1_a.down.sql", "1_b.down.sql"], "1_a.down.sql and 1_b.down.sql: they have the same version, 1:"),
        (["Patch2.sql", "patch2.sql"], "Patch2.sql and patch2.sql: they have the same version, Patch2:"),
        (["1.1_a.sql", "V1_1__a.sql"], "1.1_a.sql and V1_1__a.sql: they have the same version, 1.1:"),
        (["1_a.down.sql"], "1_a.down.sql: there is no way up that it takes back: add it, or remove this file."),
        (["1_a/down.sql"], "1_a/down.sql: there is no way up that it takes back: add it, or remove this file."),
        (["U1__a.sql"], "U1__a.sql: there is no way up that it takes back: add it, or remove this file."),
    ],
)
def test_what_does_not_go_together_is_refused(paths: list[str], expected: str) -> None:
    [problem] = problems(dict.fromkeys(paths, b""))
    assert problem.startswith(expected)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (
            {"1_a.sql": b"-- migrate:up\n-- migrate:down\n", "1_a.down.sql": b""},
            "1_a.down.sql: 1_a.sql has a way down already: keep one of them.",
        ),
        (
            {"1_a.up.sql": b"", "1_a.down.sql": b"-- migrate:up\n"},
            "1_a.down.sql: by its name it is a way down, and yet it has a part up.",
        ),
        ({"1_a.sql": b"\xff"}, "1_a.sql is not UTF-8 in line 1: save it in this encoding."),
        ({"1_a.sql": b"", "1_a.down.sql": b"\n\xff"}, "1_a.down.sql is not UTF-8 in line 2: save it in this encoding."),
    ],
)
def test_what_is_wrong_in_a_file_names_it(files: dict[str, bytes], expected: str) -> None:
    assert problems(files) == [expected]


def test_everything_is_told_at_once() -> None:
    files = {
        "1_a.sql": b"\xff",
        "2_a.sql": b"",
        "2_b.sql": b"",
        "3_a.down.sql": b"",
        "x.sql": b"",
        "4_a.mysql.sql": b"\xff",
    }
    found = problems(files)
    assert [problem.split(":")[0].split(" ")[0] for problem in found] == ["x.sql", "1_a.sql", "2_a.sql", "3_a.down.sql"]
