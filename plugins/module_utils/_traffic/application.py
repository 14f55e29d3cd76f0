# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the file traffic.json tells of an application. This module is private to the collection."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import FileError

# The script that takes back after a start of the host looks here, and nowhere else.
FLAGS = "/var/lib/shipshape/traffic"

# What a flag, a directory and a group of nginx can be named.
NAME = re.compile(r"[A-Za-z0-9_-]+")

SLOTS = ("blue", "green")

_ADDRESS = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^:\[\]/\s]+):(\d{1,5})")


@dataclass(frozen=True)
class Backend:
    """An address to which nginx passes requests."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True)
class Question:
    """What a server is asked over HTTP."""

    path: str
    host: str


@dataclass(frozen=True)
class Application:
    """Between which backends its traffic can be moved, and how that is seen."""

    name: str
    flags: str
    # nginx's own word, on this host.
    status_port: int
    status_host: str
    slots: Mapping[str, Sequence[Backend]]
    batches: Mapping[str, Sequence[Backend]]
    health: Question | None
    min_healthy: int

    @property
    def can_be_armed(self) -> bool:
        """Whether a start of the host would take back what is armed."""
        return self.flags == f"{FLAGS}/{self.name}"


def read_application(name: str, path: str, content: bytes) -> Application:
    """The application of this name; a FileError says what in its file is not understood."""
    try:
        given = json.loads(content)
        application = _application(given)
        _refuse_other(application, name)
    except KeyError as error:
        problem = f"{error.args[0]} is missing"
    except (TypeError, AttributeError):
        problem = "something in it is of another kind than it has to be"
    except ValueError as error:
        problem = str(error)
    else:
        return application
    raise FileError(f"{path} is not understood: {problem}. Have the role nginx write it again.", path=path)


def _application(given: Mapping[str, Any]) -> Application:
    health = given.get("health")
    return Application(
        name=given["name"],
        flags=given["flags"],
        status_port=_port(given["status"]["port"]),
        status_host=given["status"]["host"],
        slots=_groups(given.get("slots")),
        batches=_groups(given.get("batches")),
        health=Question(health["path"], health["host"]) if health else None,
        min_healthy=int(given.get("min_healthy", 1)),
    )


def _refuse_other(application: Application, name: str) -> None:
    if application.name != name:
        raise ValueError(f"it is of the application {application.name} and not of {name}")
    if not (posixpath.isabs(application.flags) and posixpath.basename(application.flags) == name):
        raise ValueError(f"flags is no path that ends with /{name}")
    if application.slots and application.batches:
        raise ValueError("it has both slots and batches")
    if application.slots and sorted(application.slots) != sorted(SLOTS):
        raise ValueError(f"the slots are not {' and '.join(SLOTS)}")


def _groups(given: Mapping[str, Sequence[str]] | None) -> dict[str, list[Backend]]:
    groups = {name: [_backend(address) for address in addresses] for name, addresses in (given or {}).items()}
    for name, backends in groups.items():
        if not NAME.fullmatch(name):
            raise ValueError("a slot or batch has a name of other characters than letters, digits, - and _")
        if not backends:
            raise ValueError(f"{name} has no address")
    return groups


def _backend(address: str) -> Backend:
    found = _ADDRESS.fullmatch(address)
    if not found:
        raise ValueError(f"{address} is no host:port")
    return Backend(found[1].strip("[]"), _port(found[2]))


def _port(given: Any) -> int:
    port = int(given)
    if not 0 < port < 65536:
        raise ValueError(f"{port} is no port")
    return port
