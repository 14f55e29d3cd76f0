# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What systemd reads of a process, as text. This module is private to the collection."""

from __future__ import annotations

import json
import posixpath
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._supervision.environment import (
    FILE_VARIABLE,
    LOADER_NAME,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._supervision.supervisor import Definition, Slot
from ansible_collections.shipshape.webapp.plugins.module_utils._types import PROCESS_MARK, RELEASE_MARK

LOADER_PATH = f"/usr/local/lib/shipshape/{LOADER_NAME}"

_WRITTEN = (
    "# Written by the module shipshape.webapp.systemd_processes: your own settings belong into *.conf in {unit}.d.\n"
)
_RECORD = "# shipshape "

# A candidate that has ended stays to be seen, however it ended.
_CANDIDATE = "Restart=no\nRemainAfterExit=yes\n"
_RESTARTED = "Restart=always\nRestartSec=2\n"


@dataclass(frozen=True)
class Record:
    """What is written down in a unit of whose it is and what it was made of."""

    application: str
    slot: str | None
    name: str
    release: str
    digest: str
    user: str
    # As JSON has it.
    definition: Mapping[str, Any]


def unit_name(application: str, slot: str | None, name: str) -> str:
    """What systemd calls the process; people find it by its name alone where that begins with the application's."""
    is_named_after_it = name == application or name.startswith(f"{application}-")
    stem = name if is_named_after_it else f"{application}-{name}"
    return f"{stem}@{slot}.service" if slot else f"{stem}.service"


def write_unit(definition: Definition, slot: Slot, *, release: str, digest: str, user: str, is_candidate: bool) -> str:
    """The whole unit."""
    name, place = definition.name, f" ({slot.name})" if slot.name else ""
    record = Record(slot.application, slot.name, name, release, digest, user, asdict(definition))
    variables = {**definition.environment, **_markers(record)}
    if definition.environment_file:
        variables[FILE_VARIABLE] = definition.environment_file
    memory = [] if definition.memory_limit is None else [f"MemoryMax={definition.memory_limit}"]
    lines = [
        "[Unit]",
        f"Description={name} of {slot.application}{place}",
        "Wants=network-online.target",
        "After=network-online.target",
        # Nothing gives up for good, for example because the database starts later.
        "StartLimitIntervalSec=0",
        "",
        "[Service]",
        # Once a start has been carried out, the process is what it is going to be.
        "Type=exec",
        f"User={user}",
        f"WorkingDirectory={definition.cwd.replace('%', '%%')}",
        *(f"Environment={_quoted(f'{variable}={value}')}" for variable, value in sorted(variables.items())),
        f"ExecStart={' '.join(_quoted(word).replace('$', '$$') for word in _command(definition))}",
        "KillSignal=SIGINT",
        f"TimeoutStopSec={definition.kill_timeout:g}",
        *memory,
        "UMask=0077",
        "NoNewPrivileges=yes",
        f"{_CANDIDATE if is_candidate else _RESTARTED}",
        "[Install]",
        "WantedBy=multi-user.target",
        "",
    ]
    heading = _WRITTEN.format(unit=unit_name(slot.application, slot.name, name))
    return f"{heading}{_RECORD}{json.dumps(asdict(record), sort_keys=True)}\n" + "\n".join(lines)


def read_record(text: str) -> Record | None:
    """What the unit says of itself; None if it is not one of ours."""
    written = next((line[len(_RECORD) :] for line in text.splitlines() if line.startswith(_RECORD)), None)
    try:
        return Record(**json.loads(written)) if written else None
    except (TypeError, ValueError):
        return None


def promoted(text: str) -> str:
    """The unit of a candidate as that of a process that is started again whenever it ends."""
    return text.replace(f"\n{_CANDIDATE}", f"\n{_RESTARTED}")


def unit_problems(definition: Definition) -> Iterator[str]:
    """What of this systemd does not do."""
    name = definition.name
    if definition.is_cluster or definition.instances != 1:
        yield f"{name}: systemd runs one process of each, no cluster. Leave mode and instances out, or take pm2."
    if definition.waits_for_ready:
        yield f"{name}: systemd does not understand what Node sends for wait_ready. Declare port and health instead."
    if definition.cwd.endswith("\\") or any(ord(character) < 32 for character in definition.cwd):
        yield f"{name}: systemd can use no cwd with a line break, a tab or a backslash at its end."


def _markers(record: Record) -> dict[str, str]:
    return {
        PROCESS_MARK: f"{record.application}/{record.slot or ''}/{record.name}",
        RELEASE_MARK: record.release,
        "SHIPSHAPE_DEFINITION": record.digest,
    }


def _command(definition: Definition) -> Iterator[str]:
    outputs = {1: definition.out_log, 2: definition.error_log}
    redirections = " ".join(f"{number}>>{shlex.quote(path)}" for number, path in outputs.items() if path)
    if redirections:
        # systemd would open them as root, in directories that belong to the application.
        yield from ("/bin/sh", "-c", f'exec "$@" {redirections}', posixpath.basename(definition.node))
    yield definition.node
    if definition.environment_file:
        yield from ("--require", LOADER_PATH)
    yield from (*definition.node_arguments, definition.script, *definition.arguments)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return '"' + "".join(c if ord(c) >= 32 else f"\\x{ord(c):02x}" for c in escaped) + '"'
