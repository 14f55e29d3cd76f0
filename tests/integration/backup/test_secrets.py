# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is secret is nowhere: in no list of processes, no file, no log, no manifest, no result."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.integration import inside
from tests.integration.database import mariadb as mariadb_server
from tests.integration.database import postgresql as postgresql_server
from tests.integration.database.mariadb import SOCKET
from tests.integration.database.postgresql import identifier, literal
from tests.integration.machine import BIN, ROOT, Host

WATCHER = "ansible_collections.shipshape.webapp.tests.integration.backup.watcher"

# Whatever becomes of the marks, in whichever way they are escaped: the letters stay.
WORD, WRONG_WORD = "Kanarienvogel", "Zwergpapagei"
PASSWORD, WRONG = (f" '\"$ #;%\\s\\\\`!=&?/@: ä€😀 {word} {{x}} ' " for word in (WORD, WRONG_WORD))
# No key of age is ever in a place where it can be seen, also that which the module makes for itself.
KEY = "AGE-SECRET-KEY-"

NAME = "shop_secret"
DIRECTORY = "/var/tmp/secrets"
PLACES = ("/tmp", "/var/tmp", "/var/log", "/var/backups", "/root", "/home", "/run", "/dev/shm", "/etc", "/srv")


@dataclass
class Watch:
    """What was seen, once the context is left."""

    seen: list[str] = field(default_factory=list)
    processes: list[str] = field(default_factory=list)
    looks: int = 0


@contextmanager
def watching(host: Host, *words: str) -> Iterator[Watch]:
    """Somebody who looks for these words in every place all the time."""
    watcher = subprocess.Popen(
        inside.command(host, "python3", "-m", WATCHER), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    watch = Watch()
    assert watcher.stdin
    assert watcher.stdout
    try:
        watcher.stdin.write(json.dumps({"words": words, "folders": PLACES}) + "\n")
        watcher.stdin.flush()
        assert watcher.stdout.readline()
        yield watch
    finally:
        said, _nothing = watcher.communicate()
    watch.__dict__.update(json.loads(said))


@pytest.fixture(autouse=True)
def directory(database_host: Host) -> Iterator[None]:
    """No backups, before and after."""
    database_host.run("install", "-d", "-m", "700", DIRECTORY)
    yield
    database_host.run("rm", "-rf", DIRECTORY)


@pytest.fixture
def mysql(mariadb: mariadb_server.Server) -> Iterator[str]:
    """The URL of a database whose user has a password that is hard to write."""
    password = PASSWORD.replace("\\", "\\\\").replace("'", "''")
    mariadb.as_root(
        f"""
        CREATE DATABASE {NAME}; USE {NAME}; CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (1);
        CREATE USER secretive@localhost IDENTIFIED BY '{password}'; GRANT ALL ON `{NAME}%`.* TO secretive@localhost;
        """  # noqa: S608 (the test's own names)
    )
    yield f"mysql://secretive@localhost/{NAME}?socket={SOCKET}"
    for database in mariadb.as_root(f"SHOW DATABASES LIKE '{NAME}%';").splitlines():
        mariadb.as_root(f"DROP DATABASE `{database}`;")
    mariadb.as_root("DROP USER secretive@localhost;")


@pytest.fixture
def postgresql_url(postgresql: postgresql_server.Server) -> Iterator[str]:
    """The same for PostgreSQL."""
    postgresql.administer(f"CREATE ROLE secretive LOGIN CREATEDB PASSWORD {literal(PASSWORD)}")
    postgresql.create_database(NAME, "secretive")
    postgresql.administer("SET ROLE secretive; CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)", NAME)
    yield f"postgresql://secretive@{postgresql.host.ip()}/{NAME}?sslmode=disable"
    for database in postgresql.administer("SELECT datname FROM pg_database").splitlines():
        if database.startswith(NAME):
            postgresql.drop_database(database)
    postgresql.administer(f"DROP ROLE {identifier('secretive')}")


# Ansible


class Ansible:
    """Runs tasks on a test host and keeps all that came of it."""

    def __init__(self, folder: Path, host: Host) -> None:
        self.folder, self.host = folder, host
        self.log = folder / "ansible.log"

    def play(self, tasks: Sequence[Mapping[str, Any]], **variables: Any) -> tuple[list[dict[str, Any]], str]:
        """The result of each task, failed ones included, and all that was printed and logged."""
        play = {"hosts": "all", "gather_facts": False, "tasks": tasks}
        (self.folder / "play.json").write_text(json.dumps([play]))
        (self.folder / "variables.json").write_text(json.dumps(variables))
        reached = {"ansible_connection": "community.docker.docker", "ansible_python_interpreter": "/usr/bin/python3"}
        (self.folder / "inventory.json").write_text(json.dumps({"all": {"hosts": {self.host.name: reached}}}))
        environment = {
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".cache" / "collections"),
            "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
            "ANSIBLE_LOG_PATH": str(self.log),
            "ANSIBLE_LOCAL_TEMP": str(self.folder / "local"),
            # Otherwise Ansible itself writes a module with its options to the host for a moment.
            "ANSIBLE_PIPELINING": "true",
        }
        command = [str(BIN / "ansible-playbook"), "-i", "inventory.json", "-e", "@variables.json", "-vvvv", "--diff"]
        run = subprocess.run(
            [*command, "play.json"],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        printed = run.stdout + run.stderr
        try:
            document = json.loads(run.stdout[run.stdout.index("\n{") :])
        except ValueError:
            raise AssertionError(printed) from None
        results = [task["hosts"][self.host.name] for task in document["plays"][0]["tasks"]]
        return results, printed + self.log.read_text()


def task(module: str, **options: Any) -> dict[str, Any]:
    check = options.pop("check_mode", False)
    arguments = {"database": "{{ url }}", "directory": DIRECTORY, **options}
    return {"name": module, f"shipshape.webapp.{module}": arguments, "ignore_errors": True, "check_mode": check}


def tasks(change: Sequence[str]) -> list[dict[str, Any]]:
    """All that the modules do for one database."""
    right = {"database_password": "{{ password }}"}
    wrong = {"database_password": "{{ wrong }}"}
    return [
        task("db_backup", check_mode=True, **right),
        task("db_backup", database="{{ whole_url }}"),
        {"name": "Change something", "ansible.builtin.command": {"argv": list(change)}},
        task("db_backup", verify="structure", **wrong),
        task("db_backup", database="{{ wrong_url }}"),
        task("db_backup", database="{{ whole_url }}&nothing=1"),
        task("db_restore", check_mode=True, backup="latest", loss_budget=1, **right),
        task("db_restore", backup="latest", loss_budget=1, **right),
        task("db_restore", backup="latest", **wrong),
        task("db_restore", database="{{ whole_url }}", state="settled"),
    ]


@pytest.mark.parametrize("engine", ["mysql", "postgresql"])
def test_password_is_nowhere(database_host: Host, tmp_path: Path, request: pytest.FixtureRequest, engine: str) -> None:
    url = request.getfixturevalue("mysql" if engine == "mysql" else "postgresql_url")
    insert = "INSERT INTO t VALUES (2)"
    change = {
        "mysql": ("mariadb", NAME, f"--execute={insert}"),
        "postgresql": ("runuser", "-u", "postgres", "--", "psql", "-c", insert, NAME),
    }[engine]
    within = {word: url.replace("secretive@", f"secretive:{quote(word, safe='')}@") for word in (PASSWORD, WRONG)}
    ansible = Ansible(tmp_path, database_host)

    with watching(database_host, WORD, WRONG_WORD) as watch:
        results, told = ansible.play(
            tasks(change),
            url=url,
            password=PASSWORD,
            wrong=WRONG,
            whole_url=within[PASSWORD],
            wrong_url=within[WRONG],
        )

    said = [result["msg"] if result.get("failed") else result["changed"] for result in results]
    assert [word for word in said if word is True] == [True] * 6, said
    assert [results[number]["reason"] for number in (3, 4, 8)] == ["login"] * 3
    assert "The database's URL" in said[5]
    assert len(results[9]["removed"]) == 2
    assert results[1]["backup"]["verified"]["level"] == "restore"
    assert watch.seen == []
    assert watch.looks > 10
    assert {"mysql": "mariadb-dump", "postgresql": "pg_dump"}[engine] in watch.processes
    assert WORD not in told
    assert WRONG_WORD not in told
    assert database_host.run("sh", "-c", "ls -A /root/.ansible/tmp 2>/dev/null || true") == b""


# Keys, and what is not secret


@pytest.fixture
def sqlite(database_host: Host) -> str:
    """The URL of a file."""
    path = f"{DIRECTORY}/data/{NAME}.db"
    database_host.run("install", "-d", f"{DIRECTORY}/data")
    database_host.run("sqlite3", path, "CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1)")
    # Programs that have something to do are seen.
    database_host.run("sqlite3", path, "CREATE TABLE large AS SELECT randomblob(20000000) AS b")
    return f"sqlite://{path}"


def made_keys(host: Host) -> dict[str, tuple[str, str]]:
    """Who may read a backup, and by which secret: a key of age, which is never in a file, and one of SSH."""
    identity = host.run("age-keygen").decode()
    public = next(line.split(": ")[1] for line in identity.splitlines() if line.startswith("# public key"))
    # Not where the watcher looks.
    host.run("sh", "-c", "rm -f /shared/key*; ssh-keygen -q -t ed25519 -N '' -C somebody -f /shared/key")
    ssh, ssh_public = (host.run("cat", f"/shared/{name}").decode() for name in ("key", "key.pub"))
    host.run("rm", "/shared/key", "/shared/key.pub")
    return {"age": (public, identity), "SSH": (ssh_public.strip(), ssh)}


def test_identity_is_nowhere(database_host: Host, sqlite: str) -> None:
    keys = made_keys(database_host)
    words = (KEY, *keys["SSH"][1].splitlines()[1:3])
    results = []

    def module(name: str, **options: Any) -> dict[str, Any]:
        results.append(inside.module(database_host, name, database=sqlite, directory=f"{DIRECTORY}/backups", **options))
        return results[-1]

    with watching(database_host, *words) as watch:
        taken = module("db_backup", encrypt_to=[public for public, _secret in keys.values()])
        unread = module("db_restore", backup="latest")
        somebody_elses = module("db_restore", backup="latest", age_identity=made_keys(database_host)["age"][1])
        no_key = module("db_restore", backup="latest", age_identity=KEY + "AAAA")
        restored = []
        for _public, secret in keys.values():
            database_host.run("sqlite3", f"{DIRECTORY}/data/{NAME}.db", "DELETE FROM t")
            options = {"backup": "latest", "age_identity": secret, "safety_backup": False, "keep_old": False}
            restored.append(module("db_restore", **options)["changed"])
            assert database_host.run("sqlite3", f"{DIRECTORY}/data/{NAME}.db", "SELECT * FROM t") == b"1\n"

    assert taken["backup"]["verified"]["level"] == "restore"
    assert taken["backup"]["path"].endswith(".age")
    assert "is encrypted: give the identity" in unread["msg"]
    assert "no identity matched any of the recipients" in somebody_elses["msg"]
    assert all("The database is as it was." in result["msg"] for result in (somebody_elses, no_key))
    assert restored == [True, True]
    assert watch.seen == []
    assert "age" in watch.processes
    assert not any(word in json.dumps(results) for word in words)


def test_configuration_of_rclone_is_nowhere_else(database_host: Host, sqlite: str) -> None:
    path = f"{DIRECTORY}/rclone.conf"
    hidden = database_host.run("rclone", "obscure", WORD).decode().strip()
    config = f"""
[offsite]
type = alias
remote = {DIRECTORY}/offsite
[unknown]
type = nothing
user = {WORD}
pass = {hidden}
"""
    database_host.run("sh", "-c", 'printf %s "$1" >"$2"', "sh", config, path)

    with watching(database_host, WORD, hidden) as watch:
        sent, failed = (
            inside.module(
                database_host,
                "db_backup",
                database=sqlite,
                directory=f"{DIRECTORY}/backups",
                copy_to=remote,
                rclone_config=path,
                verify="checksum",
            )
            for remote in ("offsite:there", "unknown:there")
        )

    assert sent["copied"] == [sent["backup"]["id"]]
    assert "unknown:there" in failed["msg"]
    assert watch.seen == []
    assert "rclone" in watch.processes
    assert not any(word in json.dumps([sent, failed]) for word in (WORD, hidden))


# What is masked, and what is shown, is decided by nothing that a platform brings.
ONE_PLATFORM = pytest.mark.parametrize("database_host", ["debian-13"], indirect=True)


@ONE_PLATFORM
@pytest.mark.parametrize("password", ["s", "none", "1", "bytes"])
def test_password_that_is_a_common_word_blots_out_no_more_than_itself(
    database_host: Host, sqlite: str, password: str
) -> None:
    options: dict[str, Any] = {"database": sqlite, "directory": f"{DIRECTORY}/backups", "verify": "checksum"}

    plain = inside.module(database_host, "db_backup", check=True, **options)
    result = inside.module(database_host, "db_backup", check=True, database_password=password, **options)

    for answer in (plain, result):
        answer.pop("invocation")
    assert plain["changed"]
    assert result == blotted(plain, password)


def blotted(value: Any, word: str) -> Any:
    """The result without this word."""
    if isinstance(value, dict):
        return {name: blotted(inner, word) for name, inner in value.items()}
    if isinstance(value, list):
        return [blotted(inner, word) for inner in value]
    return value.replace(word, "********") if isinstance(value, str) else value


@ONE_PLATFORM
def test_address_that_holds_no_password_is_shown(database_host: Host, mysql: str) -> None:
    result = inside.module(database_host, "db_backup", database=mysql, directory=f"{DIRECTORY}/backups")

    assert result["reason"] == "login"
    assert f"mysql://secretive@{SOCKET}/{NAME}: " in result["msg"]
    assert result["invocation"]["module_args"]["database"] == "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"
