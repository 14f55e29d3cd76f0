# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks that are programs. This module is private to the collection."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import CommandError
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.arguments import Option
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.kind import (
    Observed,
    Setting,
    Unobserved,
    World,
    excerpt,
)

_TIMEOUT = 60.0


class Command:
    """Runs a program, never through a shell."""

    name = "command"
    options: Mapping[str, Option] = {
        "cmd": Option("any", is_required=True),
        "chdir": Option(),
        "env": Option("mapping", default={}),
        "timeout": Option("duration", default=_TIMEOUT),
    }
    shorthand = "cmd"
    is_each = False
    observes: Sequence[str] = ("rc", "stdout", "stderr", "ms")
    is_alone = False

    def problems(self, options: Mapping[str, Any]) -> Iterator[str]:
        """What keeps this from being a program with its arguments."""
        try:
            argv = _argv(options["cmd"])
        except ValueError as error:
            # What shlex says names no part of the text.
            yield f"cmd: this cannot be split into words: {error}."
        else:
            if not argv:
                yield "cmd: give a program and its arguments, as a text or as a list of texts."
        if not all(_is_word(value) for value in options["env"].values()):
            yield "env: every value is a text or a number."

    def default(self, options: Mapping[str, Any]) -> Mapping[str, Any]:
        """That it ends well."""
        return {"rc": 0}

    def only_reads(self, options: Mapping[str, Any]) -> bool:
        """Nobody knows."""
        return False

    def mark(self, options: Mapping[str, Any], setting: Setting, world: World) -> None:
        """Nothing."""

    def observe(self, options: Mapping[str, Any], setting: Setting, world: World, mark: Any) -> Observed:
        """How it ends, and what it says."""
        argv = _argv(options["cmd"])
        environment = {name: str(value) for name, value in options["env"].items()}
        begun = world.clock()
        try:
            ended = world.commands.run(argv, env=environment, cwd=options["chdir"], timeout=options["timeout"])
        except CommandError as error:
            # Its details hold the arguments.
            raise Unobserved(error.message) from None
        ms = round((world.clock() - begun) * 1000, 3)
        values = {"rc": ended.code, "stdout": ended.stdout, "stderr": ended.stderr, "ms": ms}
        return Observed(values, _told(argv[0], ended.code, ended.stderr))


def _argv(cmd: object) -> list[str]:
    """The words of a command, or none if it is no command. Raises ValueError if a quote is not closed."""
    if isinstance(cmd, str):
        return shlex.split(cmd)
    if isinstance(cmd, (list, tuple)) and all(_is_word(word) for word in cmd):
        return [str(word) for word in cmd]
    return []


def _is_word(value: object) -> bool:
    return isinstance(value, (str, int, float)) and not isinstance(value, bool)


def _told(program: str, code: int, stderr: str) -> str:
    last = stderr.strip().splitlines()[-1:]
    return ": ".join([f"{program} ended with exit code {code}", *(excerpt(line.strip()) for line in last)])
