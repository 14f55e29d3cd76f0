# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the user declares, as definitions with nothing left open. This module is private to the collection."""

from __future__ import annotations

import hashlib
import json
import posixpath
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._argspec import ArgumentSpec
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import InvalidInput
from ansible_collections.shipshape.webapp.plugins.module_utils._supervision.host import Host
from ansible_collections.shipshape.webapp.plugins.module_utils._supervision.supervisor import (
    Definition,
    Slot,
    Supervisor,
)

STATES = ("started", "stopped", "absent", "saved", "gathered")

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MEMORY = re.compile(r"([0-9]+)([KMG]?)")
_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30}

# The first port of two is that of blue.
_SLOTS = ("blue", "green")

# How a process is told what it belongs to.
_OURS = "SHIPSHAPE_"

# The place of a process in the list of all, and what is wrong with it.
Problem = tuple[int, str]


@dataclass(frozen=True)
class Request:
    """The options that every supervisor shares."""

    application: str
    slot: str | None
    state: str
    release: str | None
    candidate: bool
    save: bool
    stable: float
    processes: Sequence[Mapping[str, Any]] | None
    ecosystem: str | None
    ecosystem_environment: str | None


@dataclass(frozen=True)
class Declared:
    """What is to run: definitions, and the real path of their release."""

    definitions: Sequence[Definition] = ()
    release: str = ""
    warnings: Sequence[str] = ()


def supervision_argument_spec() -> ArgumentSpec:
    """The options of a Request; what a process leaves out may stand in an ecosystem file, so it has no defaults."""
    process: dict[str, dict[str, Any]] = {
        "name": {"type": "str", "required": True},
        "script": {"type": "str"},
        "cwd": {"type": "str"},
        "args": {"type": "list", "elements": "str"},
        "node": {"type": "str"},
        "node_args": {"type": "list", "elements": "str"},
        "instances": {"type": "int"},
        "mode": {"type": "str", "choices": ["fork", "cluster"]},
        "port": {"type": "int"},
        "ports": {"type": "list", "elements": "int"},
        "health": {"type": "str"},
        "environment": {"type": "dict"},
        "environment_file": {"type": "str"},
        "memory_limit": {"type": "str"},
        "kill_timeout": {"type": "float"},
        "listen_timeout": {"type": "float"},
        "wait_ready": {"type": "bool"},
        "out_log": {"type": "path"},
        "error_log": {"type": "path"},
    }
    return ArgumentSpec(
        {
            "application": {"type": "str", "required": True},
            "slot": {"type": "str"},
            "state": {"type": "str", "choices": list(STATES), "default": "started"},
            "release": {"type": "path"},
            "candidate": {"type": "bool", "default": False},
            "save": {"type": "bool", "default": False},
            "stable": {"type": "float", "default": 5},
            "processes": {"type": "list", "elements": "dict", "options": process},
            "ecosystem": {"type": "str"},
            "ecosystem_environment": {"type": "str"},
        },
        required_if=[
            ("state", "started", ["release"]),
            ("state", "started", ["processes", "ecosystem"], True),
        ],
        required_by={"ecosystem_environment": ["ecosystem"]},
    )


def request_of(options: Mapping[str, Any]) -> Request:
    """What of a module's options every supervisor shares."""
    return Request(**{field.name: options[field.name] for field in fields(Request)})


def slot_of(request: Request) -> Slot:
    """Where the processes belong. Raises InvalidInput."""
    given = {"application": request.application, "slot": request.slot}
    problems = [
        f"{option}: use letters, digits, dots, - and _."
        for option, name in given.items()
        if name is not None and not _NAME.fullmatch(name)
    ]
    if request.stable < 0:
        problems.append("stable: give seconds, 0 or more.")
    if request.save and (request.candidate or request.state != "started"):
        problems.append("save: it is for state: started, and not for a candidate.")
    if problems:
        raise InvalidInput(request.application, problems)
    return Slot(request.application, request.slot)


def declared(request: Request, supervisor: Supervisor, host: Host) -> Declared:
    """All that is to run. Raises InvalidInput with everything that is wrong."""
    release = host.folders.real(request.release or "")
    if not _is(release, "dir", host):
        raise InvalidInput(request.application, [f"release: {release} is no directory."])
    entries: Sequence[Mapping[str, Any]] = request.processes or ()
    found = [*_problems_of_names(entries), *_problems_of_slots(entries, request.slot)]
    warnings: Sequence[str] = ()
    if request.ecosystem and not found:
        entries, warnings = _with_ecosystem(entries, request, release, supervisor, host)
        found = list(_problems_of_names(entries))
    definitions = []
    for at, entry in enumerate(entries):
        reader, here = _Reader(), _Here(release, host)
        definitions.append(here.found(reader.definition(_in_slot(entry, request.slot))))
        found += [(at, problem) for problem in (*reader.problems, *here.problems)]
    found += _problems_between(definitions)
    problems = [f"{entries[at]['name']}: {problem}" for at, problem in found]
    problems += supervisor.problems(definitions)
    if problems:
        raise InvalidInput(request.application, problems)
    return Declared(definitions, release, warnings)


def drafted(entries: Sequence[Mapping[str, Any]], slot: str | None) -> tuple[Sequence[Definition], Sequence[Problem]]:
    """The definitions with paths as they are said, and all that is wrong with them on whatever host."""
    found = [*_problems_of_names(entries), *_problems_of_slots(entries, slot)]
    definitions = []
    for at, entry in enumerate(entries):
        reader = _Reader()
        definitions.append(reader.definition(_in_slot(entry, slot)))
        found += [(at, problem) for problem in reader.problems]
    return definitions, [*found, *_problems_between(definitions)]


def digest(definition: Definition) -> str:
    """What tells a definition from all others."""
    return hashlib.sha256(json.dumps(asdict(definition), sort_keys=True).encode()).hexdigest()


def from_json(told: Mapping[str, Any]) -> Definition:
    """The definition of which this is what asdict gave, as JSON. Raises TypeError or KeyError for anything else."""
    definition = Definition(**told)
    return replace(definition, arguments=tuple(definition.arguments), node_arguments=tuple(definition.node_arguments))


def _with_ecosystem(
    entries: Sequence[Mapping[str, Any]], request: Request, release: str, supervisor: Supervisor, host: Host
) -> tuple[Sequence[Mapping[str, Any]], Sequence[str]]:
    # Few have such a file, and a host compiles whatever is imported.
    from ansible_collections.shipshape.webapp.plugins.module_utils._supervision import ecosystem

    path = posixpath.join(release, request.ecosystem or "")
    if not _is(path, "file", host):
        raise InvalidInput(request.application, [f"ecosystem: {path} is no file."])
    found = ecosystem.read_ecosystem(
        path, request.ecosystem_environment, release, commands=host.commands, clean=supervisor.clean()
    )
    return ecosystem.with_declared(found.processes, entries), found.warnings


def _problems_of_names(entries: Sequence[Mapping[str, Any]]) -> Iterator[Problem]:
    names = [entry["name"] for entry in entries]
    for name, count in Counter(names).items():
        if not _NAME.fullmatch(name):
            yield names.index(name), "use letters, digits, dots, - and _ for the name of a process."
        if count > 1:
            yield names.index(name), f"it is declared {count} times."


def _problems_of_slots(entries: Sequence[Mapping[str, Any]], slot: str | None) -> Iterator[Problem]:
    for at, entry in enumerate(entries):
        ports = entry.get("ports")
        if ports and entry.get("port") is not None:
            yield at, "give port, or ports for the slots blue and green."
        elif ports and (len(ports) != len(_SLOTS) or slot not in _SLOTS):
            yield at, "ports are two, for the slots blue and green; say which with slot."


def _in_slot(entry: Mapping[str, Any], slot: str | None) -> Mapping[str, Any]:
    """With the one port that it has there."""
    ports = entry.get("ports") or ()
    return {**entry, "port": ports[_SLOTS.index(slot)]} if slot in _SLOTS and len(ports) == len(_SLOTS) else entry


def _problems_between(definitions: Sequence[Definition]) -> Iterator[Problem]:
    ports = [definition.port for definition in definitions]
    for at, port in enumerate(ports):
        if port is not None and port in ports[:at]:
            yield at, "its port is that of another before it, and one of them only can listen to it."


def _is(path: str, kind: str, host: Host) -> bool:
    facts = host.paths.facts(path)
    return facts is not None and facts.type == kind


class _Here:
    """Finds on the host what a process is made of, and collects what is not there."""

    def __init__(self, release: str, host: Host) -> None:
        self._release = release
        self._host = host
        self.problems: list[str] = []

    def found(self, draft: Definition) -> Definition:
        """With real paths, as far as they lead to something."""
        if "/" in draft.node and not self._host.commands.find(draft.node):
            self.problems.append(f"node: {draft.node} is no program.")
        file = draft.environment_file
        if file is not None:
            file = self._existing("environment_file", file, "file")
        return replace(
            draft,
            script=self._existing("script", draft.script, "file") if draft.script else "",
            cwd=self._existing("cwd", draft.cwd, "dir"),
            environment_file=file,
            environment_sha256=self._sha256(file) if file else "",
        )

    def _existing(self, option: str, path: str, kind: str) -> str:
        real = self._host.folders.real(posixpath.join(self._release, path))
        if not _is(real, kind, self._host):
            self.problems.append(f"{option}: {real} is no {'file' if kind == 'file' else 'directory'}.")
        return real

    def _sha256(self, path: str) -> str:
        file = self._host.files.read(path)
        return hashlib.sha256(file.content).hexdigest() if file else ""


class _Reader:
    """Reads one process, and collects what is wrong with it."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def definition(self, entry: Mapping[str, Any]) -> Definition:
        """As far as it can be read, with paths as they are said."""
        said = {option: value for option, value in entry.items() if value is not None}
        if not said.get("script"):
            self.problems.append("script is required.")
        self._numbers(said)
        self._rules(said)
        return Definition(
            name=said["name"],
            script=said.get("script", ""),
            cwd=said.get("cwd", "."),
            arguments=tuple(said.get("args", ())),
            node=said.get("node", "node"),
            node_arguments=tuple(said.get("node_args", ())),
            instances=said.get("instances", 1),
            is_cluster=said.get("mode") == "cluster",
            port=said.get("port"),
            health=said.get("health"),
            environment=self._environment(said),
            environment_file=said.get("environment_file"),
            memory_limit=self._memory(said.get("memory_limit")),
            kill_timeout=said.get("kill_timeout", 10),
            listen_timeout=said.get("listen_timeout", 30),
            waits_for_ready=said.get("wait_ready", False),
            out_log=said.get("out_log"),
            error_log=said.get("error_log"),
        )

    def _numbers(self, said: Mapping[str, Any]) -> None:
        for option, lowest, highest in (
            ("instances", 1, 256),
            ("port", 1, 65535),
            ("kill_timeout", 0.1, 3600),
            ("listen_timeout", 1, 3600),
        ):
            if not lowest <= said.get(option, lowest) <= highest:
                self.problems.append(f"{option} has to be from {lowest} to {highest}.")

    def _rules(self, said: Mapping[str, Any]) -> None:
        if said.get("instances", 1) > 1 and "port" in said and said.get("mode") != "cluster":
            self.problems.append("several instances can share a port in mode: cluster only.")
        if "health" in said and "port" not in said:
            self.problems.append("health needs port.")
        if not said.get("health", "/").startswith("/"):
            self.problems.append("health has to begin with /.")
        self.problems += [
            f"{option} has to be an absolute path."
            for option in ("out_log", "error_log")
            if not said.get(option, "/").startswith("/")
        ]

    def _environment(self, said: Mapping[str, Any]) -> dict[str, str]:
        given = said.get("environment", {})
        for name, value in given.items():
            if not _VARIABLE.fullmatch(str(name)) or str(name).startswith(_OURS):
                self.problems.append(f"environment: {name} cannot be the name of a variable here.")
            if isinstance(value, (Mapping, list, tuple)) or value is None or "\0" in str(value):
                self.problems.append(f"environment: {name} has to be a text or a number.")
        port = {"PORT": str(said["port"])} if "port" in said else {}
        return {**port, **{str(name): _text(value) for name, value in given.items()}}

    def _memory(self, limit: str | None) -> int | None:
        if limit is None:
            return None
        found = _MEMORY.fullmatch(limit)
        if not found:
            self.problems.append("memory_limit has to be a number, or one with K, M or G after it, such as 500M.")
            return None
        return int(found[1]) * _UNITS[found[2]]


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
