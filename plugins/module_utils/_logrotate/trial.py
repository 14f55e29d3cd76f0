# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules tried by logrotate itself before they are in use. This module is private to the collection."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import CommandError, FileError
from ansible_collections.shipshape.webapp.plugins.module_utils._logrotate.plan import Plan, Present, Request
from ansible_collections.shipshape.webapp.plugins.module_utils._logrotate.verdict import (
    RulesError,
    Saying,
    new_complaints,
    sentence,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._logrotate.world import World

# Nobody but root writes there, and nothing of it outlives a restart.
_ROOM = "/run"

# All logs of the host are looked at.
_LONGEST_TRIAL = 120


def approve(request: Request, present: Present, plan: Plan, world: World) -> list[str]:
    """Refuse what logrotate would not do; what it says of others' files comes back."""
    if world.commands.find("logrotate") is None:
        raise CommandError("logrotate is not installed on this host: install it. Nothing was changed.")
    after = _try(request, present, {name: text or "" for name, text in plan.texts.items()}, world)
    before = _try(request, present, dict.fromkeys(plan.texts, ""), world) if after.complaints() else after
    texts = {**present.texts, **{name: text or "" for name, text in plan.texts.items()}}
    new = new_complaints(after, before)
    problems = [*(sentence(one, request.directory, texts) for one in new), *_scripts(request, world)]
    if problems:
        raise RulesError(problems)
    if not all(after.has(rule.logs) for rule in request.rules if rule.is_wanted):
        raise RulesError(
            [f"It does not read {request.directory}: add the line `include {request.directory}` to {request.main}."]
        )
    return [
        f"logrotate says of what is not of these rules: {sentence(one, request.directory, texts)}"
        for one in after.complaints()
    ]


def _try(request: Request, present: Present, texts: dict[str, str], world: World) -> Saying:
    """What logrotate says of a private copy of its configuration in which the files of the rules hold these texts."""
    if present.main is None:
        raise FileError(f"{request.main} is not there, from which logrotate reads: reinstall logrotate.")
    with world.folders.temporary(_ROOM) as room:
        # An empty file is as good as none.
        world.trees.mirror(request.directory, f"{room}/rules", {name: text.encode() for name, text in texts.items()})
        include = re.compile(rf"^(\s*include[\s=]+)([\"']?){re.escape(request.directory)}/?\2[ \t]*$", re.MULTILINE)
        main = include.sub(rf"\g<1>{room}/rules", present.main.content.decode("utf-8", "surrogateescape"))
        world.trees.write(f"{room}/main", {"logrotate.conf": main.encode("utf-8", "surrogateescape")})
        argv = ["logrotate", "--debug", "--state", f"{room}/state", f"{room}/main/logrotate.conf"]
        said = world.commands.run(argv, timeout=_LONGEST_TRIAL)
        words = said.stderr.replace(f"{room}/main/logrotate.conf", request.main)
        return Saying(words.replace(f"{room}/rules", request.directory))


def _scripts(request: Request, world: World) -> Iterator[str]:
    """What the shell could not read of the commands, which logrotate does not look at."""
    for number, rule in enumerate(request.rules):
        if rule.is_wanted and rule.after:
            said = world.commands.run(["sh", "-n"], stdin=rule.after, timeout=_LONGEST_TRIAL)
            if said.code:
                yield f"rules[{number}].after is nothing that sh could run: {said.stderr.strip()}."
