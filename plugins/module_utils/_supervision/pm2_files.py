# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What PM2 reads and writes: its record of a process, what it starts, what it saves.

This module is private to the collection. A record holds the whole environment of a process, and nothing of it goes
further than to what is named here.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._supervision.environment import FILE_VARIABLE
from ansible_collections.shipshape.webapp.plugins.module_utils._supervision.options import from_json
from ansible_collections.shipshape.webapp.plugins.module_utils._supervision.supervisor import Definition
from ansible_collections.shipshape.webapp.plugins.module_utils._types import PROCESS_MARK, RELEASE_MARK

PROCESS, RELEASE, DEFINITION = PROCESS_MARK, RELEASE_MARK, "SHIPSHAPE_DEFINITION"

# The year 2100, in milliseconds: an end before that is final, which nobody has to wait for.
_FOREVER = 4102444800000

# PM2 cannot be told later that a process is to be restarted, so each is started in this way: whether an end is final
# depends on a moment that lies in its environment, which PM2 copies into its own record whenever it starts it. There it
# finds "created a moment ago, and restarted too often" at the first end, as long as that moment is to come. From the
# first restart on the number is far below whatever counts. To reset a process sets the moment to now.
_SHORTEST_UPTIME = 100_000_000_000
_MOST_RESTARTS = 1e-12
_MOMENT, _COUNTED = "created_at", "unstable_restarts"
_NEVER_TOO_OFTEN = "-1000000"

BACKOFF = 100

# Commands of PM2 that take one name each, or that have to follow each other at once: verbs, each with its target.
COMMANDS = r"""
const [directory, ...words] = process.argv.slice(1);
const pm2 = require(directory);
function end(error) {
  if (error) console.error(`error: ${error.message || error}`);
  process.exit(error ? 1 : 0);
}
function next(error) {
  if (error || !words.length) return end(error);
  pm2[words.shift()](words.shift(), next);
}
pm2.connect(next);
"""

WITNESS_NAME = "last-words.cjs"
# For `node --require`, in a cluster: there PM2 has a worker that throws end before it has written why, with code 0.
WITNESS = r"""// Written by the Ansible collection shipshape.webapp: keeps why a worker of a cluster ends.
"use strict";
const { appendFileSync } = require("fs");

const log = JSON.parse(process.env.pm2_env || "{}").pm_err_log_path;

process.on("uncaughtExceptionMonitor", (error) => {
  // Where the application has a listener of its own, it may go on.
  if (!log || process.listenerCount("uncaughtException") > 1) return;
  process.once("exit", () => (process.exitCode = 1));
  appendFileSync(log, `${(error && error.stack) || error}\n`);
});
"""


def application_of(record: Mapping[str, Any]) -> tuple[str, str, str] | None:
    """To which application and slot a process belongs, and its name there; None if it is none of ours."""
    parts = str(_settings(record).get(PROCESS) or "").split("/")
    return (parts[0], parts[1], parts[2]) if len(parts) == 3 else None


def is_candidate(record: Mapping[str, Any]) -> bool:
    """Whether its end is final."""
    settings = _settings(record)
    # Whatever was restarted once has the moment from its environment again, with a number that makes it meaningless.
    was_restarted = str(settings.get(_COUNTED)).startswith("-")
    return str(settings.get(_MOMENT)) == str(_FOREVER) and not was_restarted


def app(
    definition: Definition,
    *,
    full_name: str,
    markers: Mapping[str, str],
    until: float | None,
    preloads: Sequence[str],
    patience: float,
) -> dict[str, Any]:
    """What PM2 is told of a process whose end is final until then, in seconds since 1970, or until it is promoted."""
    moment = _FOREVER if until is None else round(until * 1000)
    file = {FILE_VARIABLE: definition.environment_file} if definition.environment_file else {}
    wait = patience if definition.waits_for_ready else definition.listen_timeout
    told = {
        "name": full_name,
        "namespace": definition.name,
        "script": definition.script,
        "cwd": definition.cwd,
        "args": list(definition.arguments),
        # In a cluster PM2 would go on with those of another application if it were given none.
        "node_args": [*(word for path in preloads for word in ("--require", path)), *definition.node_arguments],
        "exec_mode": "cluster" if definition.is_cluster else "fork",
        "interpreter": definition.node,
        "instances": definition.instances,
        "out_file": definition.out_log,
        "error_file": definition.error_log,
        "merge_logs": True,
        "vizion": False,
        "wait_ready": definition.waits_for_ready,
        "listen_timeout": round(wait * 1000),
        "kill_timeout": round(definition.kill_timeout * 1000),
        "max_memory_restart": definition.memory_limit,
        "exp_backoff_restart_delay": BACKOFF,
        "min_uptime": _SHORTEST_UPTIME,
        "max_restarts": _MOST_RESTARTS,
        "env": {
            **definition.environment,
            **file,
            **markers,
            _MOMENT: str(moment),
            _COUNTED: _NEVER_TOO_OFTEN,
        },
    }
    return {key: value for key, value in told.items() if value is not None}


def written(apps: Sequence[Mapping[str, Any]], definitions: Iterable[Definition]) -> bytes:
    """A file that PM2 can start, and in which the definitions are found again."""
    told = {"apps": list(apps), "definitions": [asdict(definition) for definition in definitions]}
    return f"{json.dumps(told, indent=2)}\n".encode()


def read(content: bytes) -> tuple[list[dict[str, Any]], dict[str, Definition]]:
    """What such a file holds; nothing if somebody else has written it."""
    try:
        told = json.loads(content)
        definitions = [from_json(one) for one in told["definitions"]]
        return list(told["apps"]), {definition.name: definition for definition in definitions}
    except (ValueError, TypeError, KeyError):
        return [], {}


def promoted(apps: Iterable[Mapping[str, Any]], names: Sequence[str], until: float) -> list[dict[str, Any]]:
    """The same, but what is in these namespaces is restarted after that moment."""
    moment = {_MOMENT: str(round(until * 1000))}
    return [{**one, "env": {**one["env"], **moment}} if one["namespace"] in names else dict(one) for one in apps]


def saved(dump: Sequence[Mapping[str, Any]], application: str, slot: str) -> list[Mapping[str, Any]]:
    """What PM2 is to start with the host, of all that it would."""
    return [
        _without_moment(record) if application_of(record) else record
        for record in dump
        if _comes_back(record, application, slot)
    ]


def _comes_back(record: Mapping[str, Any], application: str, slot: str) -> bool:
    """No other slot of the application does, and no candidate of another one."""
    found = application_of(record)
    if found and found[0] == application:
        return found[1] == slot
    return not is_candidate(record)


def without(dump: Sequence[Mapping[str, Any]], application: str, slot: str, names: Sequence[str]) -> list[Any]:
    """What remains when these processes of the slot are taken out."""
    gone = {(application, slot, name) for name in names}
    return [record for record in dump if application_of(record) not in gone]


def names_in(dump: Sequence[Mapping[str, Any]], application: str, slot: str) -> list[str]:
    """The processes of the slot, by their names."""
    found = filter(None, map(application_of, dump))
    return sorted({name for one, other, name in found if (one, other) == (application, slot)})


def parts_of(records: Iterable[Mapping[str, Any]], application: str) -> Counter[tuple[str, str]]:
    """How many of which processes of the application there are, by what PM2 calls them and how they are defined."""
    return Counter(
        (str(record.get("name")), str(_settings(record).get(DEFINITION)))
        for record in records
        if (application_of(record) or ("",))[0] == application
    )


def has_moments(dump: Iterable[Mapping[str, Any]], application: str) -> bool:
    """Whether the end of a process of the application could be final after a start of the host."""
    return any(
        (application_of(record) or ("",))[0] == application and _MOMENT in (record.get("env") or {}) for record in dump
    )


def mark_of(application: str, slot: str, environment: str) -> str | None:
    """The name of the process of this slot that has such an environment, as the kernel has it; None if it has none."""
    mark = f"{application}/{slot}/"
    for before, after in _MARKS:
        _before, found, rest = environment.partition(f"{before}{mark}")
        if found:
            return rest.partition(after)[0]
    return None


def is_at_home(home: str, environment: str) -> bool:
    """Whether this is the environment of a process of the PM2 that has its files there."""
    return f"PM2_HOME={home}\0" in environment or f'"PM2_HOME":"{home}"' in environment


# As a variable of its own; and in the record that workers of a cluster get.
_MARKS = ((f"{PROCESS}=", "\0"), (f'"{PROCESS}":"', '"'))


def _settings(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a list has beneath pm2_env stands in a dump by itself."""
    settings = record.get("pm2_env", record)
    return settings if isinstance(settings, Mapping) else {}


def _without_moment(record: Mapping[str, Any]) -> dict[str, Any]:
    """Otherwise a process that finds no database yet when the host starts would stay dead."""
    kept = {key: value for key, value in record.items() if key not in (_MOMENT, _COUNTED)}
    if isinstance(record.get("env"), Mapping):
        kept["env"] = {key: value for key, value in record["env"].items() if key not in (_MOMENT, _COUNTED)}
    return kept


def records(text: str) -> Iterator[dict[str, Any]]:
    """What `pm2 jlist` says; before it come banners. Raises ValueError for anything else."""
    told = json.loads(text.strip().rpartition("\n")[2])
    if not isinstance(told, list):
        raise ValueError(text[:100])
    yield from told
