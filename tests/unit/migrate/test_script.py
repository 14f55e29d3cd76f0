# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.script import (
    Script,
    Unfit,
    digest,
    parse_script,
)

DBMATE = "-- migrate:up\nCREATE TABLE a (b int);\n\n-- migrate:down\nDROP TABLE a;\n"
GOOSE = "\n-- +goose Up\n-- +goose StatementBegin\nSELECT 1;\n-- +goose StatementEnd\n-- +goose Down\nSELECT 2;\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Script("")),
        ("SELECT 1;\n", Script("SELECT 1;\n")),
        ("SELECT 1;\r\nSELECT 2;\r\n", Script("SELECT 1;\nSELECT 2;\n")),
        ("\ufeffSELECT 1;", Script("SELECT 1;")),
        ("-- shipshape: no transaction\nVACUUM;", Script("-- shipshape: no transaction\nVACUUM;", is_autocommit=True)),
        ("  --  Shipshape:  No  Transaction\n", Script("  --  Shipshape:  No  Transaction\n", is_autocommit=True)),
        ("SELECT '-- migrate:up';", Script("SELECT '-- migrate:up';")),
        (
            "-- shipshape is a collection\n-- migrate: the users\n",
            Script("-- shipshape is a collection\n-- migrate: the users\n"),
        ),
        # dbmate
        (DBMATE, Script("CREATE TABLE a (b int);\n", "DROP TABLE a;\n", 2, 5, has_parts=True)),
        ("-- migrate:up\nSELECT 1;", Script("SELECT 1;", None, 2, has_parts=True)),
        ("-- migrate:up", Script("", None, 2, has_parts=True)),
        (
            "-- migrate:down\nSELECT 2;\n-- migrate:up\nSELECT 1;",
            Script("SELECT 1;", "SELECT 2;", 4, 2, has_parts=True),
        ),
        ("/* a\n licence */\n-- by me\n-- migrate:up\nSELECT 1;", Script("SELECT 1;", None, 5, has_parts=True)),
        (
            "-- migrate:up transaction:false\nVACUUM;\n-- migrate:down",
            Script("VACUUM;", "", 2, 4, is_autocommit=True, has_parts=True),
        ),
        ("-- migrate:up transaction:true\nSELECT 1;", Script("SELECT 1;", None, 2, has_parts=True)),
        (
            "-- migrate:up\nSELECT 1;\n-- migrate:down transaction:false\nVACUUM;",
            Script("SELECT 1;", "VACUUM;", 2, 4, has_parts=True),
        ),
        # goose, and sql-migrate
        (GOOSE, Script("\nSELECT 1;\n", "SELECT 2;\n", 3, 7, has_parts=True)),
        ("--+goose up\nSELECT 1;", Script("SELECT 1;", None, 2, has_parts=True)),
        (
            "-- +goose NO TRANSACTION\n-- +goose Up\nVACUUM;",
            Script("VACUUM;", None, 3, is_autocommit=True, has_parts=True),
        ),
        (
            "-- +goose Up\nSELECT 1;\n-- +goose Down\n-- +goose NO TRANSACTION",
            Script("SELECT 1;", "-- +goose NO TRANSACTION", 2, 4, is_autocommit=True, has_parts=True),
        ),
        (
            "-- +goose Up\nSELECT 1;\n-- +goose Down\n-- shipshape: no transaction",
            Script("SELECT 1;", "-- shipshape: no transaction", 2, 4, has_parts=True),
        ),
        (
            "-- +goose Up\n-- +goose envsub off\nSELECT 1;",
            Script("-- +goose envsub off\nSELECT 1;", None, 2, has_parts=True),
        ),
        (
            "-- +migrate Up notransaction\nVACUUM;\n-- +migrate Down\nSELECT 2;",
            Script("VACUUM;", "SELECT 2;", 2, 4, is_autocommit=True, has_parts=True),
        ),
        (
            "-- migrate:up\nSELECT 1;\n-- shipshape: no transaction\n",
            Script("SELECT 1;\n-- shipshape: no transaction\n", None, 2, is_autocommit=True, has_parts=True),
        ),
    ],
)
def test_the_parts_of_a_file(text: str, expected: Script) -> None:
    assert parse_script(text.encode(), "postgresql") == expected


@pytest.mark.parametrize("text", [DBMATE, GOOSE, GOOSE.replace("\n", "\r\n")])
def test_the_lines_of_the_parts_are_those_of_the_file(text: str) -> None:
    script = parse_script(text.encode(), "sqlite")
    lines = text.replace("\r", "").split("\n")
    for part, first in ((script.up, script.up_line), (script.down or "", script.down_line)):
        for number, line in enumerate(part.rstrip("\n").split("\n"), start=first):
            assert line in (lines[number - 1], "")


@pytest.mark.parametrize(
    ("content", "problems"),
    [
        (b"SELECT 1;\nSELECT '\xe9';", ["is not UTF-8 in line 2: save it in this encoding."]),
        ("SELECT 1;".encode("utf-16"), ["is not UTF-8 in line 1: save it in this encoding."]),
        ("SELECT 1;".encode("utf-16-le"), ["holds a zero byte in line 1: save it as UTF-8."]),
        (b"-- migrate:down\nSELECT 1;", ["has a part down in line 1 and no part up."]),
        (b"-- +goose Up\n-- +goose Up\n", ["has its part up twice, in the lines 1 and 2."]),
        (
            b"-- migrate:up\n-- +goose Down\n-- migrate:down\n",
            ["has its part down twice, in the lines 2 and 3."],
        ),
        (
            b"SELECT 1;\n-- migrate:up\nSELECT 2;",
            ["has statements before its first part, in line 2, which nothing would carry out."],
        ),
        (
            b"-- +goose Up\n-- +goose ENVSUB ON\n",
            ["asks in line 2 for variables of the environment to be put in, which is not done here."],
        ),
        (b"-- +goose Upp\n", ["has a marker in line 1 that is not known: -- +goose Upp"]),
        (b"-- shipshape: no transactions", ["has a marker in line 1 that is not known: -- shipshape: no transactions"]),
        (b"-- shipshape: up", ["has a marker in line 1 that is not known: -- shipshape: up"]),
        (
            b"-- migrate:up transaction=false",
            ["has an option in line 1 that is not known, transaction=false: known is transaction:false."],
        ),
        (
            b"x;\n-- +goose down\n-- +goose what",
            [
                "has a marker in line 3 that is not known: -- +goose what",
                "has a part down in line 2 and no part up.",
                "has statements before its first part, in line 2, which nothing would carry out.",
            ],
        ),
    ],
)
def test_what_is_wrong_is_told_at_once(content: bytes, problems: list[str]) -> None:
    with pytest.raises(Unfit) as caught:
        parse_script(content, "sqlite")
    assert list(caught.value.problems) == problems


def test_the_digest_is_that_of_the_file_in_git() -> None:
    content = "SELECT 'ä';\n".encode()
    assert digest(b"\xef\xbb\xbf" + content.replace(b"\n", b"\r\n")) == digest(content)
    assert digest(content + b"\n") != digest(content)
    assert digest(b"a\rb") != digest(b"a\nb")
    assert digest(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
