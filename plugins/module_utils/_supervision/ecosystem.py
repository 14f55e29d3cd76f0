# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an ecosystem file of PM2 declares, as processes of the module. This module is private to the collection.

Such a file is a program, so Node runs it, as the application's user. What it says is understood as PM2 7 does.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import InvalidInput
from ansible_collections.shipshape.webapp.plugins.module_utils._suggest import did_you_mean
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Commands

# The answer is the last line, because the file itself may print as well.
_PROGRAM = r"""
const { readFileSync } = require("fs");
const { cpus } = require("os");
const { pathToFileURL } = require("url");
const { runInNewContext } = require("vm");

async function read(path) {
  // PM2 reads JSON as JavaScript, and so takes comments.
  if (path.endsWith(".json")) return runInNewContext(`(${readFileSync(path, "utf8")})`);
  const module = await import(pathToFileURL(path));
  return module.default || module;
}

read(process.argv[1])
  .then((told) => ({ apps: [].concat(told.apps || told.pm2 || told), cpus: cpus().length }))
  .catch((error) => ({ problem: String((error && error.message) || error).split("\n")[0] }))
  .then((answer) => process.stdout.write("\n" + JSON.stringify(answer), () => process.exit()));
"""

_SUFFIXES = (".js", ".cjs", ".mjs", ".json")
_SECONDS_TO_READ = 30

_ALIASES = {
    "cmd": "script",
    "command": "script",
    "err": "error_file",
    "err_file": "error_file",
    "err_log": "error_file",
    "error": "error_file",
    "exec": "script",
    "interpreter": "exec_interpreter",
    "interpreter_args": "node_args",
    "out": "out_file",
    "out_log": "out_file",
    "output": "out_file",
}
# What the modules do in any case, and what has no effect on what runs.
_MEANINGLESS = ("automation", "combine_logs", "exp_backoff_restart_delay", "merge_logs", "pmx", "vizion")
# To switch these off asks for something; any others, to switch them on.
_ON = ("autorestart", "autostart", "source_map_support", "treekill")

# Programs that start Node themselves, and keep its signals from it.
_WRAPPERS = ("bash", "npm", "npx", "pnpm", "sh", "yarn")

_CAPITAL = re.compile(r"(?<=[a-z])[A-Z]")
_MEMORY = re.compile(r"\d+[GMK]?")
_WORD = re.compile(r"""[^\s"'=]+="[^"]*"|[^\s"'=]+='[^']*'|"[^"]*"|'[^']*'|\S+""")


@dataclass(frozen=True)
class Ecosystem:
    """What the file declares, as entries of the option `processes` that hold only what is said."""

    processes: Sequence[Mapping[str, Any]] = field(repr=False)
    warnings: Sequence[str]


class _Unusable(ValueError):
    """A value that means nothing to the modules; it says why, as the end of a sentence."""


@dataclass(frozen=True)
class _Place:
    """What the meaning of a value depends on."""

    cwd: str
    cpus: int


def read_ecosystem(
    path: str,
    environment: str | None,
    release: str,
    *,
    commands: Commands,
    clean: Sequence[str],
    node: str = "node",
) -> Ecosystem:
    """Have Node read the file; `clean` are the words that run a program with a clean environment, as the right user.

    Raises InvalidInput, or CommandError where there is no Node.
    """
    if not path.endswith(_SUFFIXES):
        raise InvalidInput("ecosystem", [f"{path} ends in none of {', '.join(_SUFFIXES)}."])
    ended = commands.run([*clean, node, "-e", _PROGRAM, path], cwd=release, timeout=_SECONDS_TO_READ)
    try:
        told = json.loads(ended.stdout.rpartition("\n")[2])
        problem = told.get("problem")
    except (AttributeError, ValueError):
        problem = f"Node ended with exit code {ended.code} while it read the file"
    if problem:
        raise InvalidInput("ecosystem", [f"{path} cannot be read: {problem}."])
    return ecosystem_of(told["apps"], environment, told["cpus"])


def ecosystem_of(apps: Sequence[Any], environment: str | None, cpus: int) -> Ecosystem:
    """The same from what the file exports. Raises InvalidInput."""
    problems = list(_problems(apps, environment))
    if problems:
        raise InvalidInput("ecosystem", problems)
    warnings: list[str] = []
    return Ecosystem([_process(app, environment, cpus, warnings) for app in apps], warnings)


def with_declared(
    imported: Sequence[Mapping[str, Any]], declared: Sequence[Mapping[str, Any]]
) -> list[Mapping[str, Any]]:
    """All processes: what is declared of an imported one, and is not None, takes the place of what the file says."""
    named = {entry["name"] for entry in imported}
    said = {entry["name"]: entry for entry in declared}
    return [
        *(_overridden(entry, said.get(entry["name"], {})) for entry in imported),
        *(entry for entry in declared if entry["name"] not in named),
    ]


def _overridden(entry: Mapping[str, Any], said: Mapping[str, Any]) -> Mapping[str, Any]:
    merged = {**entry, **{key: value for key, value in said.items() if value is not None}}
    variables = {**entry.get("environment", {}), **(said.get("environment") or {})}
    return {**merged, "environment": variables} if variables else merged


def _problems(apps: Sequence[Any], environment: str | None) -> Iterator[str]:
    if not apps or not all(isinstance(app, dict) and _name(_renamed(app)) for app in apps):
        yield "the file exports no apps with a name or a script each."
    elif environment and not any(f"env_{environment}" in app for app in apps):
        known = {key[4:] for app in apps for key in app if key.startswith("env_")}
        advice = did_you_mean(environment, known) if known else "It has no other either."
        yield f"no app of the file has env_{environment}. {advice}"
    else:
        for app in apps:
            for key in ("env", f"env_{environment}"):
                if not isinstance(app.get(key) or {}, dict):
                    yield f"{_name(_renamed(app))}: {key} of the ecosystem file is no object."


def _process(app: Mapping[str, Any], environment: str | None, cpus: int, warnings: list[str]) -> Mapping[str, Any]:
    told = _renamed(app)
    name = _name(told)
    ignored = [key for key, value in app.items() if _is_ignored(_key(key), value)]
    if ignored:
        verb = "is" if len(ignored) == 1 else "are"
        warnings.append(f"{name}: {', '.join(ignored)} of the ecosystem file {verb} not taken over.")
    if environment and f"env_{environment}" not in told:
        warnings.append(f"{name} has no env_{environment} in the ecosystem file.")
    place = _Place(str(told.get("cwd", "")), cpus)
    process = {"name": name, **_mode(told), **_variables(told, environment)}
    for key, (option, convert) in _TAKEN.items():
        if key in told:
            try:
                process[option] = convert(told[key], place)
            except _Unusable as unusable:
                warnings.append(f"{name}: {key} of the ecosystem file is not taken over: {unusable}.")
    return process


def _renamed(app: Mapping[str, Any]) -> dict[str, Any]:
    return {_key(key): value for key, value in app.items() if value is not None}


def _key(key: str) -> str:
    snake = _CAPITAL.sub(lambda found: f"_{found.group().lower()}", key)
    return key if key.startswith("env_") else _ALIASES.get(snake, snake)


def _name(told: Mapping[str, Any]) -> str:
    return str(told.get("name") or posixpath.splitext(posixpath.basename(str(told.get("script", ""))))[0])


def _is_ignored(key: str, value: Any) -> bool:
    asks = value is False if key in _ON else bool(value)
    return asks and not key.startswith("env_") and key not in ("name", "env", "exec_mode", *_TAKEN, *_MEANINGLESS)


def _mode(told: Mapping[str, Any]) -> Mapping[str, str]:
    mode, node = str(told.get("exec_mode", "")), str(told.get("exec_interpreter", "node"))
    # PM2 takes it for a cluster if anything is said of instances.
    if mode.startswith("cluster") or (not mode and "instances" in told and node.endswith("node")):
        return {"mode": "cluster"}
    return {"mode": "fork"} if mode else {}


def _variables(told: Mapping[str, Any], environment: str | None) -> Mapping[str, Any]:
    said = {**told.get("env", {}), **(told.get(f"env_{environment}", {}) if environment else {})}
    variables = {name: _text(value) for name, value in said.items() if value is not None}
    # As an option, the port of a slot that is declared beside the file can take its place.
    port = variables.pop("PORT") if variables.get("PORT", "").isdecimal() else None
    return {**({"port": int(port)} if port else {}), **({"environment": variables} if variables else {})}


def _directory(value: Any, place: _Place) -> str:
    return posixpath.normpath(str(value))


def _script(value: Any, place: _Place) -> str:
    script = str(value)
    if script in _WRAPPERS or " " in script:
        raise _Unusable("it names what starts Node, so say in processes which file Node is to run")
    return posixpath.normpath(posixpath.join(place.cwd, script))


def _log(value: Any, place: _Place) -> str:
    if value == "NULL":
        return "/dev/null"
    if not str(value).startswith("/"):
        raise _Unusable("a log in a release is removed with it, so give an absolute path in processes")
    return str(value)


def _node(value: Any, place: _Place) -> str:
    if value == "none" or "@" in str(value):
        raise _Unusable("it is no program, so give node in processes")
    return str(value)


def _words(value: Any, place: _Place) -> list[str]:
    if isinstance(value, list):
        return [_text(word) for word in value]
    return [_unquoted(word) for word in _WORD.findall(str(value))]


def _unquoted(word: str) -> str:
    return word[1:-1] if len(word) > 1 and word[0] == word[-1] and word[0] in "\"'" else word


def _instances(value: Any, place: _Place) -> int:
    number = 0 if value == "max" else _whole(value, place)
    return number if number > 0 else max(1, place.cpus + number)


def _seconds(value: Any, place: _Place) -> float:
    return _whole(value, place) / 1000


def _memory(value: Any, place: _Place) -> str:
    if not _MEMORY.fullmatch(str(value)):
        raise _Unusable('it is no amount such as "300M"')
    return str(value)


def _whole(value: Any, place: _Place) -> int:
    try:
        return int(str(value))
    except ValueError:
        raise _Unusable("it is no whole number") from None


def _flag(value: Any, place: _Place) -> bool:
    return bool(value)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


# Of each key the option that it becomes.
_TAKEN: Mapping[str, tuple[str, Callable[[Any, _Place], Any]]] = {
    "args": ("args", _words),
    "cwd": ("cwd", _directory),
    "error_file": ("error_log", _log),
    "exec_interpreter": ("node", _node),
    "instances": ("instances", _instances),
    "kill_timeout": ("kill_timeout", _seconds),
    "listen_timeout": ("listen_timeout", _seconds),
    "max_memory_restart": ("memory_limit", _memory),
    "node_args": ("node_args", _words),
    "out_file": ("out_log", _log),
    "port": ("port", _whole),
    "script": ("script", _script),
    "wait_ready": ("wait_ready", _flag),
}
