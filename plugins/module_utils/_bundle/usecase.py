# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Put together what support asks for, without secrets. This module is private to the collection."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._bundle.contents import (
    Contents,
    bounded,
    concealed,
    packed,
    shown,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._bundle.environment import names_of, secrets_of
from ansible_collections.shipshape.webapp.plugins.module_utils._database.address import Address
from ansible_collections.shipshape.webapp.plugins.module_utils._database.engine import Connect, Engine
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import CommandError, FileError, ShipshapeError
from ansible_collections.shipshape.webapp.plugins.module_utils._result import Result
from ansible_collections.shipshape.webapp.plugins.module_utils._secrets import secrets_in
from ansible_collections.shipshape.webapp.plugins.module_utils._types import (
    Access,
    Commands,
    Files,
    Paths,
    ProcessTable,
    Sockets,
)

_PATIENCE = 30

# How many of the files that match one pattern are taken, the newest first.
_MOST_LOGS = 6

_HOST = {
    "system": ["uname", "-srvm"],
    "distribution": ["sed", "-n", 's/^PRETTY_NAME="\\(.*\\)"/\\1/p', "/etc/os-release"],
    "uptime": ["uptime"],
    "memory": ["free", "-m"],
    "disks": ["df", "-h", "-x", "tmpfs", "-x", "devtmpfs", "-x", "overlay"],
}


@dataclass(frozen=True)
class Request:
    """What is asked for."""

    path: str
    about: str
    facts: Mapping[str, Any]
    contacts: Mapping[str, str]
    journal: str | None
    environment_file: str | None
    plain: Sequence[str]
    logs: Sequence[str]
    lines: int
    versions: Mapping[str, Sequence[str]]
    ports: Sequence[int]
    address: Address | None
    secrets: Sequence[str]
    at_most: int


@dataclass(frozen=True)
class Host:
    """What is needed of the host."""

    files: Files
    paths: Paths
    commands: Commands
    processes: ProcessTable
    sockets: Sockets
    connect: Connect
    now: Callable[[], datetime]


def request_of(params: Mapping[str, Any], address: Address | None, secrets: Sequence[str]) -> Request:
    """What the options of the module ask for."""
    alike = ("path", "about", "facts", "contacts", "journal", "environment_file", "plain", "logs", "lines", "ports")
    return Request(
        **{option: params[option] for option in alike},
        versions={name: [str(word) for word in argv] for name, argv in params["versions"].items()},
        address=address,
        secrets=secrets,
        at_most=params["max_bytes"],
    )


def bundle(request: Request, engine: Engine | None, host: Host, *, check_mode: bool) -> Result:
    """Collect it, conceal what is secret, prove that nothing of it is left, and write the archive."""
    contents = Contents()
    secrets = [*request.secrets, *secrets_in(request.facts), *_environment(request, contents, host)]
    _summary(request, contents, host)
    _journal(request, contents, host)
    if request.facts:
        contents.add_json("facts.json", request.facts)
    _programs(request, contents, host)
    _running(request, contents, host)
    if request.address and engine:
        _schema(request.address, engine, contents, host)
        secrets += [request.address.password] if request.address.password else []
    _logs(request, contents, host)
    if contents.missing:
        contents.add("missing.txt", "\n".join(contents.missing))
    contents = concealed(contents, secrets)
    texts = bounded(contents.texts, request.at_most)
    left = shown(texts, secrets)
    if left:
        raise FileError(
            f"No bundle was written, as a secret could not be removed from {', '.join(left)}. Please report it.",
            path=request.path,
        )
    name = posixpath.basename(request.path).split(".")[0]
    archive = packed(texts, name, host.now().timestamp())
    if not check_mode:
        host.files.write(request.path, archive, Access(mode=0o600))
    files = {name: len(text.encode("utf-8", "backslashreplace")) for name, text in texts.items()}
    data = {"path": request.path, "bytes": len(archive), "files": files, "missing": contents.missing}
    return Result(changed=True, data=data)


def _environment(request: Request, contents: Contents, host: Host) -> list[str]:
    """The names of the variables; what their values are is secret."""
    if request.environment_file is None:
        return []
    text = _content(request.environment_file, contents, host)
    contents.add("environment.txt", "\n".join(sorted(names_of(text))))
    return secrets_of(text, request.plain)


def _summary(request: Request, contents: Contents, host: Host) -> None:
    contents.add_table(
        "summary.txt",
        [
            ("collected", f"{host.now():%Y-%m-%d %H:%M:%S %z}"),
            ("about", request.about or "nobody has said what it is about"),
            *((f"contact for {subject}", who) for subject, who in request.contacts.items()),
        ],
    )


def _journal(request: Request, contents: Contents, host: Host) -> None:
    if request.journal:
        contents.add("deployments.jsonl", _content(request.journal, contents, host))


def _programs(request: Request, contents: Contents, host: Host) -> None:
    found = []
    for name, argv in {**_HOST, **request.versions}.items():
        try:
            ended = host.commands.run(argv, timeout=_PATIENCE)
        except CommandError as error:
            contents.missing.append(f"{name}: {error.message}")
            continue
        found.append(f"{name}\n    " + "\n    ".join((ended.stdout or ended.stderr).strip().splitlines()))
    contents.add("versions.txt", "\n".join(found))


def _running(request: Request, contents: Contents, host: Host) -> None:
    """Who listens on which port, and who runs; of arguments nothing is told, as they can hold secrets."""
    processes = host.processes.all()
    owners = {inode: process for process in processes for inode in host.sockets.opened(process.pid) or ()}
    listening = sorted(host.sockets.listening(), key=lambda one: (one.port, one.address))
    taken = {one.port for one in listening}
    contents.add_table(
        "ports.txt",
        [
            ("port", "address", "wanted", "process", "program"),
            *(
                (
                    one.port,
                    one.address,
                    "yes" if one.port in request.ports else "",
                    owners[one.inode].pid if one.inode in owners else f"of the user {one.uid}",
                    posixpath.basename(owners[one.inode].program) if one.inode in owners else "",
                )
                for one in listening
            ),
            *((port, "nobody listens", "yes", "", "") for port in request.ports if port not in taken),
        ],
    )
    contents.add_table(
        "processes.txt",
        [
            ("process", "parent", "program", "kB of memory", "directory"),
            *(
                (
                    process.pid,
                    process.parent,
                    posixpath.basename(process.program) or "?",
                    (host.processes.memory(process.pid) or 0) // 1024,
                    host.processes.directory(process.pid) or "?",
                )
                for process in processes
            ),
        ],
    )


def _schema(address: Address, engine: Engine, contents: Contents, host: Host) -> None:
    try:
        with closing(host.connect(address, engine, statement_timeout=_PATIENCE, lock_timeout=_PATIENCE)) as connection:
            version, tables = engine.version(connection), engine.tables(connection)
            counts = engine.count_rows(connection, tables)
            columns = {table: engine.columns(connection, table) for table in tables}
    except ShipshapeError as error:
        contents.missing.append(error.message)
        return
    contents.add_table(
        "database.txt",
        [
            ("version", version.text, ""),
            ("tables", len(tables), ""),
            ("rows", sum(counts.values()), ""),
            *((str(table), counts[table], ", ".join(column.name for column in columns[table])) for table in tables),
        ],
    )


def _logs(request: Request, contents: Contents, host: Host) -> None:
    for pattern in request.logs:
        try:
            found = [(facts.modified, path) for path in host.paths.find(pattern) if (facts := host.paths.facts(path))]
        except ShipshapeError as error:
            contents.missing.append(error.message)
            continue
        if not found:
            contents.missing.append(f"{pattern}: there is no such file.")
        for _modified, path in sorted(found, reverse=True)[:_MOST_LOGS]:
            ended = host.commands.run(["tail", f"--lines={request.lines}", path], timeout=_PATIENCE)
            if ended.code:
                contents.missing.append(ended.stderr.strip())
            else:
                contents.add(f"logs/{path.strip('/').replace('/', '_')}", ended.stdout)


def _content(path: str, contents: Contents, host: Host) -> str:
    try:
        file = host.files.read(path)
    except ShipshapeError as error:
        contents.missing.append(error.message)
        return ""
    if file is None:
        contents.missing.append(f"{path} is not there.")
        return ""
    return file.content.decode("utf-8", "replace")
