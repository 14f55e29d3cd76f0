# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the files of one application are to be, and what that changes. This module is private to the collection."""

from __future__ import annotations

import hashlib
import json
import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import InvalidInput
from ansible_collections.shipshape.webapp.plugins.module_utils._nginx.configuration import Change
from ansible_collections.shipshape.webapp.plugins.module_utils._result import Diff
from ansible_collections.shipshape.webapp.plugins.module_utils._types import FileState, Process

MARKER = "generation.conf"


@dataclass(frozen=True)
class Request:
    """What the user asked for."""

    name: str
    files: Mapping[str, object]
    main: str | None
    is_wanted: bool
    directory: str
    program: str
    status_port: int
    gixy: bool
    timeout: float

    @property
    def applications(self) -> str:
        """The directory in which each application has its own."""
        return f"{self.directory}/applications"

    @property
    def place(self) -> str:
        """Where the files of this application are."""
        return f"{self.applications}/{self.name}"

    @property
    def main_file(self) -> str:
        """The file from which nginx reads on."""
        return f"{self.directory}/nginx.conf"

    @property
    def original(self) -> str:
        """Where that is kept which stood there before this collection wrote it."""
        return f"{self.main_file}.original"

    def is_own(self, path: str) -> bool:
        """Whether a file belongs to this application."""
        return path.startswith(f"{self.place}/") or (self.main is not None and path == self.main_file)


@dataclass(frozen=True)
class Answer:
    """What a running nginx says that it has read of an application."""

    name: str
    generation: str


@dataclass(frozen=True)
class Present:
    """What is there."""

    # The directory to which the application's name leads, and what is in it.
    target: str | None
    files: Mapping[str, bytes]
    main: FileState | None
    # The directories of this application, whether in use or not.
    generations: Sequence[str]
    has_original: bool
    master: Process | None
    answer: Answer | None


@dataclass(frozen=True)
class Plan:
    """What is to be there, and what of it is not yet so."""

    # Nothing where the application is to go.
    generation: str | None
    target: str | None
    files: Mapping[str, bytes]
    writes_files: bool
    writes_main: bool
    reloads: bool
    added: Sequence[str]
    changed: Sequence[str]
    removed: Sequence[str]
    change: Change
    diff: Sequence[Diff]

    @property
    def is_needed(self) -> bool:
        """Whether anything is to be done."""
        return self.writes_files or self.writes_main or self.reloads


def refuse_invalid(request: Request) -> None:
    """Tell all at once what is wrong with the request."""
    problems = [*_problems_of_options(request), *_problems_of_files(request.files)]
    if request.is_wanted and not request.files and request.main is None:
        problems.append("files is empty: give the files of the application, or state: absent.")
    if not request.is_wanted and (request.files or request.main is not None):
        problems.append("state: absent takes neither files nor main.")
    if problems:
        raise InvalidInput(f"nginx_sites {request.name}", problems)


def _problems_of_options(request: Request) -> list[str]:
    problems = []
    if not re.fullmatch(r"[A-Za-z0-9_-]+", request.name):
        problems.append("name may have letters, digits, - and _ only.")
    if not re.fullmatch(r"(/[\w.@+-]+)+", request.directory, re.ASCII):
        problems.append("directory must be an absolute path without a slash at its end, white space or other marks.")
    if not 0 < request.status_port < 65536:
        problems.append("status_port must be between 1 and 65535.")
    if request.timeout <= 0:
        problems.append("timeout must be more than 0.")
    return problems


def _problems_of_files(files: Mapping[str, object]) -> list[str]:
    problems = []
    for path, content in files.items():
        names = path.split("/")
        if not all(re.fullmatch(r"[\w.@+-]+", name, re.ASCII) for name in names) or {".", ".."} & set(names):
            problems.append(
                f"files: {path!r} must be a plain path below the application's directory, of letters, digits and ._-@+."
            )
        elif path == MARKER:
            problems.append(f"files: {MARKER} is written by the module itself: choose another name.")
        if any(posixpath.join(*names[:count]) in files for count in range(1, len(names))):
            problems.append(f"files: {path!r} lies below another file.")
        if not isinstance(content, str):
            problems.append(f"files: what {path!r} holds must be text.")
    return problems


def plan_sites(request: Request, present: Present) -> Plan:
    """What to do so that nginx reads exactly these files of the application."""
    files = {path: str(content).encode() for path, content in request.files.items()}
    generation = _generation(request) if request.is_wanted else None
    if generation:
        files[MARKER] = _marker(request, generation).encode()
    main = None if request.main is None else request.main.encode()
    writes_files = files != present.files or (present.target is None) == request.is_wanted
    writes_main = main is not None and (present.main is None or present.main.content != main)
    before, after = _below(request, present.files), _below(request, files)
    if main is not None:
        before.update({"nginx.conf": present.main.content} if present.main else {})
        after["nginx.conf"] = main
    written = {f"{request.directory}/{path}": content for path, content in after.items()}
    reloads = present.master is not None and not is_read(request, generation, present.answer)
    different = [path for path in sorted({*before, *after}) if before.get(path) != after.get(path)]
    return Plan(
        generation=generation,
        target=_target(request, generation, present) if writes_files else present.target,
        files=files,
        writes_files=writes_files,
        writes_main=writes_main,
        reloads=reloads or (present.master is not None and (writes_files or writes_main)),
        added=[path for path in different if path not in before],
        changed=[path for path in different if path in before and path in after],
        removed=[path for path in different if path not in after],
        change=Change(written, replaced=request.place),
        diff=[
            Diff(_shown(before.get(path)), _shown(after.get(path)), f"{request.directory}/{path}") for path in different
        ]
        or ([_diff_of_running(request, generation, present.answer)] if reloads else []),
    )


def _below(request: Request, files: Mapping[str, bytes]) -> dict[str, bytes]:
    return {f"applications/{request.name}/{path}": content for path, content in files.items()}


def _generation(request: Request) -> str:
    """A name for exactly these contents, so that nginx can tell which of them it has read."""
    said = json.dumps([request.name, request.main, _marker(request, ""), sorted(request.files.items())])
    return hashlib.sha256(said.encode()).hexdigest()[:12]


def _marker(request: Request, generation: str) -> str:
    return f"""\
# Tells the module nginx_sites which of its files the running nginx has read.
server {{
    listen 127.0.0.1:{request.status_port};
    server_name {marker_host(request.name)};
    server_tokens off;
    open_file_cache off;
    access_log off;
    location = /generation {{
        default_type text/plain;
        return 200 "{request.name} {generation}\\n";
    }}
}}
"""


def marker_host(name: str) -> str:
    """The server that is asked for the generation of an application."""
    return f"generation.{name}"


def _target(request: Request, generation: str | None, present: Present) -> str | None:
    """A directory beside the one in use, which may have the same name after somebody edited a file in it."""
    if generation is None:
        return None
    first = f".{request.name}.{generation}"
    return first if present.target != first else f"{first}.again"


def is_read(request: Request, generation: str | None, answer: Answer | None) -> bool:
    """Whether the answer is that of this generation; a server of another application may answer in place of none."""
    if generation is None:
        return answer is None or answer.name != request.name
    return answer == Answer(request.name, generation)


def previous_target(request: Request, present: Present) -> str | None:
    """The directory that nginx has read last, which is not in use any more where a run was killed before its end."""
    if present.answer and present.answer.name == request.name:
        read = f".{request.name}.{present.answer.generation}"
        if present.target not in (read, f"{read}.again"):
            return next((name for name in present.generations if name in (read, f"{read}.again")), present.target)
    return present.target


def _diff_of_running(request: Request, generation: str | None, answer: Answer | None) -> Diff:
    running = answer.generation if answer and answer.name == request.name else "none"
    return Diff(f"{running}\n", f"{generation or 'none'}\n", f"the generation of {request.name} that nginx has read")


def _shown(content: bytes | None) -> str:
    return "" if content is None else content.decode("utf-8", "replace")
