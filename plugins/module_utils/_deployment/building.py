# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Carry out the steps of a build. This module is private to the collection."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.shipshape.webapp.plugins.module_utils._deployment.dependencies import Dependencies
from ansible_collections.shipshape.webapp.plugins.module_utils._deployment.release import Request, Step
from ansible_collections.shipshape.webapp.plugins.module_utils._deployment.root import Root
from ansible_collections.shipshape.webapp.plugins.module_utils._deployment.source import Host
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import CommandError, ShipshapeError
from ansible_collections.shipshape.webapp.plugins.module_utils._secrets import every_form, masked
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Completed

# Of what a step that fails said last, as many lines go into the message's details.
_LINES = 30

_PATH = "/usr/local/bin:/usr/bin:/bin"


class BuildFailed(ShipshapeError):
    """A step of a build ended with an error or took too long."""


@dataclass(frozen=True)
class Done:
    """What became of a step."""

    run: str
    seconds: float
    # Whether its dependencies were there already, and by what they are found again.
    is_restored: bool = False
    dependencies: str | None = None


def build(request: Request, root: Root, release: str, host: Host, log: Callable[[str], None]) -> Iterator[Done]:
    """Carry out one step after the other. Raises BuildFailed."""
    environment = _environment(request, root)
    secrets = every_form(request.secrets.values())
    dependencies = Dependencies(root, release, host, environment)
    for number, step in enumerate(request.steps, 1):
        begun = host.clock()
        key = dependencies.key(step) if step.installs else None
        is_restored = key is not None and dependencies.restore(step, key)
        if is_restored:
            log(f"$ {step}\nNothing to do: the same dependencies are in {root.dependencies}/{key}.\n")
        else:
            name = f"Step {number} of {len(request.steps)} ({step})"
            _carry_out(step, name, environment, release, host, log, secrets)
            if key is not None:
                dependencies.save(step, key)
        yield Done(str(step), round(host.clock() - begun, 1), is_restored, key)


def _carry_out(
    step: Step,
    name: str,
    environment: Mapping[str, str],
    release: str,
    host: Host,
    log: Callable[[str], None],
    secrets: Sequence[str],
) -> None:
    directory = f"{release}/{step.directory}"
    # What a build needs to know it is told. So it is the same whoever starts it, and from wherever.
    variables = {**environment, **step.environment}
    argv = ["sh", "-euc", step.run]
    try:
        ended = host.commands.run(argv, env=variables, cwd=directory, timeout=step.timeout, is_clean=True)
    except CommandError as error:
        log(f"$ {step}\n{error.message}\n")
        raise BuildFailed(f"{name} failed: {error.message}") from error
    said = masked(_said(ended), secrets)
    log(f"$ {step}\n{said}")
    if ended.code != 0:
        lines = said.splitlines()[-_LINES:]
        raise BuildFailed(f"{name} failed: it ended with exit code {ended.code}.", said=lines)


def _said(ended: Completed) -> str:
    parts = [part if part.endswith("\n") else f"{part}\n" for part in (ended.stdout, ended.stderr) if part]
    return "".join(parts)


def _environment(request: Request, root: Root) -> dict[str, str]:
    return {
        "PATH": _PATH,
        "HOME": root.home,
        "LANG": "C.UTF-8",
        **request.environment,
        **request.secrets,
    }
