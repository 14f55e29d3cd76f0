# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a release is made of, and how. This module is private to the collection."""

from __future__ import annotations

import hashlib
import json
import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._argspec import ArgumentSpec
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import InvalidInput

STATES = ("ready", "live", "good", "bad", "gathered")

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LOGIN_IN_URL = re.compile(r"https?://[^/@]*:[^/@]*@")


@dataclass(frozen=True)
class Step:
    """One command of a build."""

    run: str
    # Whether it installs dependencies, which depend on nothing but the files that name them.
    installs: bool
    directory: str
    keeps: Sequence[str]
    environment: Mapping[str, str]
    timeout: float

    def __str__(self) -> str:
        """For people."""
        where = "" if self.directory == "." else f", in {self.directory}"
        return f"{self.run.strip().splitlines()[0]}{where}"


@dataclass(frozen=True)
class Request:
    """What is asked for."""

    root: str
    state: str = "ready"
    release: str | None = None
    deployment: str | None = None
    verdict: str | None = None
    source: Mapping[str, Any] = field(default_factory=dict, repr=False)
    configuration: str | None = None
    steps: Sequence[Step] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    shared: Sequence[str] = ()
    shared_files: Sequence[str] = ()
    copied_files: Sequence[str] = ()
    keep: int = 5
    packed: bool = False

    def configuration_digest(self, copied: Sequence[str]) -> str:
        """What tells a release from others of the same source, with the checksums of what is copied into it."""
        made_by = {
            "configuration": self.configuration,
            "steps": [asdict(step) for step in self.steps],
            "environment": dict(self.environment),
            "shared": [*self.shared, *self.shared_files],
            "copied": [*zip(self.copied_files, copied)],
        }
        return hashlib.sha256(json.dumps(made_by, sort_keys=True).encode()).hexdigest()


def release_argument_spec() -> ArgumentSpec:
    """The options of the module."""
    source = {
        "git": {"type": "str"},
        "version": {"type": "str", "default": "HEAD"},
        "key_file": {"type": "path"},
        "known_hosts": {"type": "path"},
        "user": {"type": "str"},
        "password": {"type": "str", "no_log": True},
        "archive": {"type": "path"},
        "sha256": {"type": "str"},
        "strip": {"type": "int", "default": 0},
        "directory": {"type": "path"},
        "exclude": {"type": "list", "elements": "str", "default": [".git", "node_modules"]},
    }
    step = {
        "run": {"type": "str"},
        "install": {"type": "str"},
        "in": {"type": "str", "default": "."},
        "keeps": {"type": "list", "elements": "str", "default": ["node_modules"]},
        "environment": {"type": "dict", "default": {}},
        "timeout": {"type": "float", "default": 1800},
    }
    source_rules = {
        "options": source,
        "mutually_exclusive": [("git", "archive", "directory")],
        "required_one_of": [("git", "archive", "directory")],
        "required_by": {"archive": ["sha256"], "user": ["password"], "known_hosts": ["key_file"]},
    }
    step_rules = {
        "options": step,
        "mutually_exclusive": [("run", "install")],
        "required_one_of": [("run", "install")],
    }
    return ArgumentSpec(
        {
            "root": {"type": "path", "required": True},
            "state": {"type": "str", "choices": list(STATES), "default": "ready"},
            "release": {"type": "str"},
            "deployment": {"type": "str"},
            "verdict": {"type": "str"},
            "source": {"type": "dict", **source_rules},
            "configuration": {"type": "str"},
            "build": {"type": "list", "elements": "dict", "default": [], **step_rules},
            "environment": {"type": "dict", "default": {}},
            "secrets": {"type": "dict", "default": {}, "no_log": True},
            "shared": {"type": "list", "elements": "str", "default": []},
            "shared_files": {"type": "list", "elements": "str", "default": []},
            "copied_files": {"type": "list", "elements": "str", "default": []},
            "keep": {"type": "int", "default": 5},
            "packed": {"type": "bool", "default": False},
        },
        required_if=[
            ("state", "ready", ["source"]),
            *(("state", state, ["release"]) for state in ("live", "good", "bad")),
        ],
    )


def request_of(options: Mapping[str, Any]) -> Request:
    """The options as a request. Raises InvalidInput with everything that is wrong."""
    problems = list(_problems(options))
    if problems:
        raise InvalidInput(f"The release of {options['root']}", problems)
    taken = ("root", "state", "release", "deployment", "verdict", "configuration", "keep", "packed")
    return Request(
        **{name: options[name] for name in taken},
        source=options["source"] or {},
        steps=[_step(step) for step in options["build"]],
        environment=_texts(options["environment"]),
        secrets=_texts(options["secrets"]),
        shared=[posixpath.normpath(path) for path in options["shared"]],
        shared_files=[posixpath.normpath(path) for path in options["shared_files"]],
        copied_files=[posixpath.normpath(path) for path in options["copied_files"]],
    )


def _step(step: Mapping[str, Any]) -> Step:
    return Step(
        run=step["install"] or step["run"],
        installs=bool(step["install"]),
        directory=posixpath.normpath(step["in"]),
        keeps=[posixpath.normpath(path) for path in step["keeps"]],
        environment=_texts(step["environment"]),
        timeout=step["timeout"],
    )


def _problems(options: Mapping[str, Any]) -> Iterator[str]:
    if options["release"] is not None and not _NAME.fullmatch(options["release"]):
        yield "release: use letters, digits, dots, - and _."
    if options["keep"] < 1:
        yield "keep: keep at least 1, to which one can go back."
    yield from _problems_of_source(options["source"] or {})
    for number, step in enumerate(options["build"], 1):
        if not (step["install"] or step["run"] or "").strip():
            yield f"build[{number}]: it is empty: say what is run."
        yield from (f"build[{number}].{problem}" for problem in _problems_of_step(step))
    for name in ("environment", "secrets"):
        yield from (f"{name}: {problem}" for problem in _problems_of_variables(options[name]))
    shared = {
        f"{name}[{number}]": path
        for name in ("shared", "shared_files", "copied_files")
        for number, path in enumerate(options[name], 1)
    }
    for place, path in shared.items():
        yield from _problems_of_path(place, path)
    # By their parts, so that what is in a directory comes next to it.
    paths = sorted((posixpath.normpath(path).split("/"), place) for place, path in shared.items())
    for (path, place), (inner, inner_place) in zip(paths, paths[1:]):
        if inner[: len(path)] == path:
            yield f"{inner_place}: it is in {place}, which is shared already."


def _problems_of_source(source: Mapping[str, Any]) -> Iterator[str]:
    if source.get("git") and _LOGIN_IN_URL.match(source["git"]):
        yield "source.git: leave the password out, and say it in source.password, where nobody sees it."
    for name in ("git", "version"):
        if (source.get(name) or "").startswith("-"):
            yield f"source.{name}: it begins with -, and would be taken for an option of git."
    if source.get("sha256") and not _SHA256.fullmatch(source["sha256"].lower()):
        yield "source.sha256: give the 64 hexadecimal digits that sha256sum prints."
    if source.get("password") and not (source.get("git") or "").startswith("https://"):
        yield "source.password: it is for addresses that begin with https://; for others use source.key_file."


def _problems_of_step(step: Mapping[str, Any]) -> Iterator[str]:
    if step["in"] != ".":
        yield from _problems_of_path("in", step["in"])
    for number, path in enumerate(step["keeps"], 1):
        yield from _problems_of_path(f"keeps[{number}]", path)
    yield from (f"environment: {problem}" for problem in _problems_of_variables(step["environment"]))
    if step["timeout"] <= 0:
        yield "timeout: give seconds, more than 0."


def _problems_of_path(place: str, path: str) -> Iterator[str]:
    normal = posixpath.normpath(path)
    if path.startswith("/") or normal == "." or normal.startswith(".."):
        yield f"{place}: it does not lead to something in the release: give a path from there."


def _problems_of_variables(environment: Mapping[str, Any]) -> Iterator[str]:
    for name, value in environment.items():
        if not _VARIABLE.fullmatch(name):
            yield f"{name} cannot be the name of a variable: use letters, digits and _."
        if isinstance(value, (dict, list)):
            yield f"{name} is no text: put it in quotes."


def _texts(environment: Mapping[str, Any]) -> dict[str, str]:
    return {name: "" if value is None else str(value) for name, value in environment.items()}
