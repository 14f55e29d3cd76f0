# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a tool of the application's is run, and what is made of its words.

This module is private to the collection. Exit code and words can prove that a tool has failed, never that it has not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from urllib.parse import quote, unquote, urlencode, urlsplit

from ansible_collections.shipshape.webapp.plugins.module_utils._database.address import Address
from ansible_collections.shipshape.webapp.plugins.module_utils._database.host import Host
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import (
    CommandError,
    InvalidInput,
    MigrationError,
    words_of_failure,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.runner import Project

# No questions, no colours, no news of newer versions.
_QUIET = {"CI": "1", "NO_COLOR": "1", "CHECKPOINT_DISABLE": "1", "PRISMA_HIDE_UPDATE_MESSAGE": "1"}

_NEVER = {
    "reset": "drops all data",
    "--force-reset": "drops all data",
    "--accept-data-loss": "drops data without a word",
}

_INSTEAD = "Name a command that applies migrations and does nothing else."

_PROMPT = re.compile(r"Interactive prompts require a TTY|\bAre you sure\b|^\s*\? ", re.MULTILINE)

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
# By these and by carriage returns, spinners overwrite their own line.
_MOVES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")
# What is no part of a failure, or says less of it than the lines that follow.
_NOISE = re.compile(
    r"\s*(?:npm (?:warn|notice)\b|No config path provided\b|Reading config file\b|Using '.*' driver\b|\[.\] |at |$"
    r"|Error: P\d+$|A migration failed to apply\b|Database error code: )"
)
_HEADING = re.compile(r"(Database error:)\s+")

# Knex writes the whole statement, with its values, before what the server said of it.
_STATEMENT = re.compile(
    r"\b(?:select|insert|update|delete|replace|with \S+ as|create|alter|drop)\b.* - ", re.IGNORECASE
)
# What stands in single quotes is a value, unless the word before it says that it is a name.
_VALUE = re.compile(
    r"(?<!\w)(?<!table )(?<!column )(?<!key )(?<!database )(?<!file )(?<!module )'(?:[^']|'')*'", re.IGNORECASE
)

_SHORTEST_SECRET = 4


def erasing(command: str) -> str | None:
    """The words in a command by which a tool that migrates erases data, also where they name a script."""
    words = words_of([command])
    for one, other in zip(words, words[1:]):
        if other == "reset" and one in ("migrate", "db"):
            return f"{one} {other}"
    return next((word for word in words if word in _NEVER and word != "reset"), None)


def words_of(argv: Iterable[str]) -> list[str]:
    """The words of a command, also those within an argument for a shell or in the name of a script, as in db:push."""
    return [word for argument in argv for word in re.split(r"[\s:=;&|()'\"]+", argument) if word]


def refuse(project: Project) -> None:
    """Raise InvalidInput if the program, as the user wants it run, loses data or needs somebody to answer."""
    words = words_of(project.run)
    problems = [f"run: {word} {why}. {_INSTEAD}" for word, why in _NEVER.items() if word in words]
    if "push" in words and "--force" in words:
        problems.append("run: push with --force drops columns and tables without a word. Leave --force out.")
    if ("migrate", "dev") in zip(words, words[1:]):
        problems.append(f"run: migrate dev asks questions and may drop all data. {_INSTEAD}")
    problems += [
        f"says[{number}]: this is no regular expression."
        for number, pattern in enumerate(project.says, 1)
        if not _is_regular(pattern)
    ]
    if problems:
        raise InvalidInput("The program that migrates", problems)


def _is_regular(pattern: str) -> bool:
    try:
        re.compile(pattern)
    except re.error:
        return False
    return True


def expected(project: Project, program: str, words: Sequence[str]) -> Sequence[str]:
    """What must be found in what the program prints: the tool's own words if it is the tool that is run.

    A program of the user's that calls the tool's library says what it likes, which the user may declare.
    """
    programs = {word.rsplit("/", 1)[-1] for word in words_of(project.run)}
    return (*(words if not project.run or program in programs else ()), *project.says)


def carry_out(
    title: str,
    argv: Sequence[str],
    project: Project,
    host: Host,
    *,
    url_of: Callable[[Address], str],
    says: Sequence[str],
) -> str:
    """What the program printed, which ended well and said all that it says then.

    Raises MigrationError, which shows at most one line of what the program said, and nothing that could be a secret.
    """
    environment = dict(project.environment)
    if "DATABASE_URL" not in environment:
        environment["DATABASE_URL"] = url_of(project.address)
    try:
        ended = host.commands.run(
            argv, env={**_QUIET, **environment}, cwd=project.root, stdin="", timeout=project.timeout
        )
    except CommandError as error:
        raise _failure(title, f"could not be run to its end: {error.message.rstrip('.')}", project) from error
    stdout, stderr = _plain(ended.stdout), _plain(ended.stderr)
    if ended.code:
        said = _said(stderr, stdout, project, environment)
        raise _failure(title, f"ended with exit code {ended.code}{said}", project, code=ended.code)
    if _PROMPT.search(f"{stdout}\n{stderr}"):
        raise _failure(
            title,
            "asked a question that nobody is there to answer, and then ended as if all were well. Find out what it asks"
            " by running it by hand on a copy of the database",
            project,
        )
    missing = [pattern for pattern in says if not re.search(pattern, stdout, re.MULTILINE)]
    if missing:
        raise _failure(title, f"ended as if all were well, and did not say what it then says: {missing[0]}", project)
    return stdout


def _failure(title: str, what: str, project: Project, **details: object) -> MigrationError:
    failure = MigrationError(f"{title} {what}.", **details)
    if project.address.engine == "mysql":
        failure.add("MySQL takes no change of a schema back: a part of the migration may be there.")
    return failure


def _plain(said: str) -> str:
    """The text as a person would see it in the end, without colours."""
    return _HEADING.sub(r"\1 ", _MOVES.sub("\n", _COLOURS.sub("", said)))


def _said(stderr: str, stdout: str, project: Project, environment: Mapping[str, str]) -> str:
    """How the sentence about a failure goes on: with the line that says why, if there is one and it may be shown."""
    errors, rest = ([line for line in said.splitlines() if not _NOISE.match(line)] for said in (stderr, stdout))
    # Where no line speaks of an error, it is the last that is shown.
    lines = [*errors, *rest, *errors[-1:]]
    if not lines:
        return " and did not say why: try the statements of the migration by themselves, on a copy of the database"
    line = words_of_failure("\n".join(lines))
    if any(form in line for form in _forms_of_passwords(project, environment)):
        return ". What it said is not shown, because there is a password in it"
    line = _VALUE.sub("(a value)", _STATEMENT.sub("", line))
    for value in sorted(project.environment.values(), key=len, reverse=True):
        # A shorter one is in any sentence by chance.
        line = line.replace(value, "(a value)") if len(value) >= _SHORTEST_SECRET else line
    return f": {line.rstrip('. ')}"


def _forms_of_passwords(project: Project, environment: Mapping[str, str]) -> set[str]:
    """The passwords that the tool knows, in all forms in which programs quote them, line by line."""
    within = [_password_of(value) for value in environment.values()]
    passwords = [password for password in (project.address.password, *within) if password]
    forms = {
        form
        for password in passwords
        for form in (password, quote(password, safe=""), quote(password, safe="!'()*"), json.dumps(password)[1:-1])
    }
    return {piece for form in forms for piece in form.splitlines() if piece.strip()}


def _password_of(url: str) -> str | None:
    try:
        return unquote(urlsplit(url).password or "")
    except ValueError:
        return None


def url_with_password(address: Address) -> str:
    """The URL by which programs of Node.js get to the database, for an environment and never for arguments.

    Raises InvalidInput if no URL can say that to all of them.
    """
    if address.engine == "sqlite":
        if re.search("[%?#]", address.name):
            raise _own_url("programs differ in how a URL names a file with a %, ? or # in its path")
        return f"file:{address.name}"
    settings = {} if address.tls.mode == "prefer" else _tls_settings(address)
    if address.socket:
        # Of a directory libpq makes a socket's path itself; MySQL's is a file.
        settings["host" if address.engine == "postgresql" else "socket"] = address.socket
    if address.schema:
        settings["schema"] = address.schema
    who = quote(address.user or "", safe="")
    if address.password is not None:
        who += f":{quote(address.password, safe='')}"
    host = "localhost" if address.socket else _bracketed(address.host or "localhost")
    port = f":{address.port}" if address.port else ""
    query = f"?{urlencode(settings, quote_via=quote)}" if settings else ""
    return f"{address.engine}://{f'{who}@' if who else ''}{host}{port}/{quote(address.name, safe='')}{query}"


def _tls_settings(address: Address) -> dict[str, str]:
    tls = address.tls
    if address.engine == "mysql":
        if tls.mode == "disable":
            return {}
        raise _own_url("libraries for MySQL differ in how a URL asks for TLS")
    files = {"sslrootcert": tls.ca, "sslcert": tls.certificate, "sslkey": tls.key}
    return {"sslmode": tls.mode, **{name: path for name, path in files.items() if path is not None}}


def _own_url(why: str) -> InvalidInput:
    return InvalidInput("The program that migrates", [f"environment: {why}. Give the program's own DATABASE_URL here."])


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
