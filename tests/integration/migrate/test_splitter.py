# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The statements of scripts for MySQL and MariaDB: as MariaDB's client sends them, and as its server takes them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random

from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.statements import statements
from tests.integration.database.mariadb import Server
from tests.unit.migrate import scripts
from tests.unit.migrate.grammar import Grammar

# What the scripts expect to be there; each has a database of its own.
PRELUDE = """
CREATE OR REPLACE DATABASE {database};
USE {database};
CREATE TABLE t (a INT, b INT, begin INT, end INT);
CREATE TABLE u (a INT);
CREATE TRIGGER begin BEFORE DELETE ON t FOR EACH ROW SET @a = 1;
CREATE EVENT begin ON SCHEDULE EVERY 1 DAY DISABLE DO SELECT 1;
"""

CLIENTS = """
cd "$1"
for script in *.sql; do
    name=${script%.sql}
    mariadb --comments --force --default-character-set=utf8mb4 --init-command="SELECT 'script $name'" "$name" \
        <"$script" >/dev/null 2>"$name.err" || true
done
"""

COMMENT = r"--(?=\s|\Z)[^\n]*|\#[^\n]*|/\*(?!M?!)(?:(?!\*/).)*\*/"
BEFORE_STATEMENT = re.compile(rf"\A(?:\s|{COMMENT})+", re.DOTALL)
BEHIND_STATEMENT = re.compile(rf"(?:\s|{COMMENT})+\Z", re.DOTALL)

# The client also sends what is only white space or a comment.
MISTAKE = re.compile(r"^ERROR (?!1065 ).*", re.MULTILINE)


def bare(statement: str) -> str:
    """The statement without the comments around it, which the client sends along, and with the client's line ends."""
    return BEHIND_STATEMENT.sub("", BEFORE_STATEMENT.sub("", statement)).replace("\r\n", "\n")


@contextmanager
def logging(server: Server) -> Iterator[None]:
    server.as_root("SET GLOBAL log_output = 'TABLE'; TRUNCATE mysql.general_log; SET GLOBAL general_log = 1")
    try:
        yield
    finally:
        server.as_root("SET GLOBAL general_log = 0, GLOBAL log_output = 'FILE'")


def sent(server: Server, fed: Sequence[str]) -> tuple[list[list[str]], list[str]]:
    """What the server logged of each script that its client was fed, and all the mistakes that it found."""
    names = [f"shop_{number:03}" for number in range(len(fed))]
    folder = server.host.shared / "splitter"
    folder.mkdir(exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    for name, script in zip(names, fed, strict=True):
        (folder / f"{name}.sql").write_bytes(script.encode())
    server.as_root("".join(PRELUDE.format(database=name) for name in names))
    with logging(server):
        server.host.run("sh", "-c", CLIENTS, "sh", "/shared/splitter")
    server.as_root("".join(f"DROP DATABASE {name};" for name in names))
    queries = _queries(server)
    return [queries[name] for name in names], _mistakes(folder)


def _queries(server: Server) -> dict[str, list[str]]:
    rows = server.as_root("SELECT thread_id, HEX(argument) FROM mysql.general_log WHERE command_type = 'Query'")
    of_thread: defaultdict[str, list[str]] = defaultdict(list)
    for thread, argument in (row.split("\t") for row in rows.splitlines()):
        of_thread[thread].append(bytes.fromhex(argument).decode())
    return {
        queries[0].removeprefix("SELECT 'script ").rstrip("'"): [
            found for query in queries[1:] if (found := bare(query))
        ]
        for queries in of_thread.values()
        if queries[0].startswith("SELECT 'script ")
    }


def _mistakes(folder: Path) -> list[str]:
    return [
        f"{file.stem}: {found}" for file in sorted(folder.glob("*.err")) for found in MISTAKE.findall(file.read_text())
    ]


def generated(number: int) -> list[tuple[str, list[str]]]:
    """So many pairs of a script as the client wants it, and the statements of which it was made."""
    grammars = [Grammar("mysql", Random(seed)) for seed in range(number)]  # noqa: S311 (nothing is kept secret by it)
    made = [[grammar.statement() for _number in range(4)] for grammar in grammars]
    return [
        ("".join(grammar.delimited(text) for text in texts), texts)
        for grammar, texts in zip(grammars, made, strict=True)
    ]


def test_client_sends_the_same_statements(mariadb: Server) -> None:
    fed = [script for script, expected in (*scripts.ANY, *scripts.MYSQL_FOR_CLIENT, *generated(20))]
    ours = [[bare(statement.text) for statement in statements(script, "mysql")] for script in fed]

    logged, mistakes = sent(mariadb, fed)

    assert mistakes == []
    assert [case for case in zip(fed, logged, ours, strict=True) if case[1] != case[2]] == []


def test_server_takes_each_statement_by_itself(mariadb: Server) -> None:
    pairs = [*scripts.MYSQL, *((";\n".join(texts), texts) for script, texts in generated(20))]
    apart = [[statement.text for statement in statements(script, "mysql")] for script, expected in pairs]
    fed = ["DELIMITER ~~~\n" + "".join(f"{text}~~~\n" for text in texts) for texts in apart]
    ours = [[bare(text) for text in texts] for texts in apart]

    logged, mistakes = sent(mariadb, fed)

    assert mistakes == []
    assert [case for case in zip(fed, logged, ours, strict=True) if case[1] != case[2]] == []
    assert apart == [texts for script, texts in pairs]
