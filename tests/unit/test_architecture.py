# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The layers of the plugins, held by their syntax trees.

1 values and errors, 2 pure code, 3 strategies, 4 adapters, 5 use cases, 6 the entry point, 7 modules.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
PLUGINS = ROOT / "plugins"

UTILS = "ansible_collections.shipshape.webapp.plugins.module_utils"

LAYER_1 = ("_errors", "_result", "_types")
PURE = ("_access", "_argspec", "_lazy", "_plain_http", "_secrets", "_suggest")
DRIVERS = ("_driver_mysql", "_driver_postgresql", "_driver_sqlite")
ADAPTERS = (
    *("_command", "_connection", "_crew", *DRIVERS, "_files", "_folders", "_host", "_http", "_job", "_lock", "_mail"),
    *(
        "_machine",
        "_network",
        "_paths",
        "_pipe",
        "_prober",
        "_processes",
        "_server",
        "_sockets",
        "_trees",
        "_volley",
        "_webhook",
        "_yaml",
    ),
)
# Adapters that are made of others.
BESIDE = {
    "_connection": DRIVERS,
    "_driver_sqlite": ("_processes",),
    "_host": ADAPTERS,
    "_http": ("_volley",),
    "_pipe": ("_command",),
    "_server": ("_command",),
    "_sockets": ("_processes",),
    "_trees": ("_folders",),
}

DATABASE_LIBRARIES = ("psycopg", "psycopg2", "pymysql")
HTTP_LIBRARIES = ("requests", "urllib3")
ENTRYPOINT = "_entrypoint"

# Packages for what several features need. They are pure like a feature, and every feature may import them.
SHARED_PACKAGES = ("_database",)

# What reads a clock, rolls dice or touches anything outside of the process.
OUTSIDE = (
    "ansible",
    "asyncio",
    "ctypes",
    "fcntl",
    "ftplib",
    "glob",
    "http",
    "importlib",
    "multiprocessing",
    "os",
    "pathlib",
    "psycopg",
    "psycopg2",
    "pymysql",
    "random",
    "requests",
    "secrets",
    "select",
    "selectors",
    "shutil",
    "signal",
    "smtplib",
    "socket",
    "sqlite3",
    "ssl",
    "subprocess",
    "tempfile",
    "threading",
    "time",
    "urllib.request",
    "uuid",
)
OUTSIDE_CALLS = ("__import__", "breakpoint", "compile", "eval", "exec", "input", "open", "print")
CLOCKS = ("date.today", "datetime.now", "datetime.today", "datetime.utcnow")

# How AnsibleModule judges its options, which is computed from these and the spec alone.
VALIDATION = ("ansible.module_utils.common.arg_spec", "ansible.module_utils.errors")

EXITS = ("exit_json", "fail_json")

# Of the plugins' own helpers, the one that is part of Ansible's actions, which are at the outside.
ACTIONS = "on_controller.py"

LONGEST_MAIN = 25
LONGEST_MODULE = 80


@dataclass(frozen=True)
class File:
    """A file whose path begins below plugins/."""

    path: str
    source: str
    tree: ast.Module


Check = Callable[[File], Iterator[str]]


def problems(path: str, source: str) -> list[str]:
    """What is wrong with one file, whose path begins below plugins/."""
    file = File(path, source, ast.parse(source))
    return [f"{path}: {problem}" for check in _checks_of(path) for problem in check(file)]


def _checks_of(path: str) -> Iterator[Check]:
    yield _only_the_entry_point_knows_ansible_module
    folder, *inner = path.split("/")
    if folder == "modules":
        yield _module_only_wires
        yield _module_can_check
        yield _module_tells_its_attributes
    if folder == "plugin_utils" and inner != [ACTIONS]:
        yield _stays_inside_but_for_validation
    if folder != "module_utils":
        return
    yield _says_that_it_is_private
    yield _imports_in_full
    name = inner[0].removesuffix(".py")
    if len(inner) > 2 or (len(inner) == 2 and not name.startswith("_")):
        yield _always("move it to module_utils/_<feature>/<name>.py.")
    elif len(inner) == 2:
        yield _stays_inside
        yield _feature_imports_only_below
    elif name in LAYER_1:
        yield _stays_inside
        yield _layer_1_imports_only_python
    elif name in PURE:
        yield _stays_inside
        yield _imports_of_the_collection(*LAYER_1, *PURE)
    elif name in ADAPTERS:
        yield _imports_of_the_collection(*LAYER_1, *SHARED_PACKAGES, *BESIDE.get(name, ()))
        yield _adapter_imports_only_ansible_and_python
    elif name == ENTRYPOINT:
        yield _imports_of_the_collection(*LAYER_1, *ADAPTERS)
    else:
        yield _always("say in which layer it belongs: add it to one of the lists of this test.")


def _always(problem: str) -> Check:
    return lambda _: iter([problem])


def _imported(tree: ast.Module) -> Iterator[str]:
    """Everything that is imported, as a dotted name down to the object."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _is_in(name: str, packages: Iterable[str]) -> bool:
    return any(f"{name}.".startswith(f"{package}.") for package in packages)


def _below_utils(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """The imports from module_utils: the file or package, and the rest."""
    for name in _imported(tree):
        if _is_in(name, [UTILS]) or _is_in(UTILS, [name]):
            first, *rest = name[len(UTILS) + 1 :].split(".", maxsplit=1)
            yield first, "".join(rest)


def _dotted(node: ast.expr) -> str:
    return ast.unparse(node) if isinstance(node, (ast.Name, ast.Attribute)) else ""


def _says_that_it_is_private(file: File) -> Iterator[str]:
    if "private to the collection" not in " ".join((ast.get_docstring(file.tree) or "").split()):
        yield 'say "This module is private to the collection." in its docstring.'


def _imports_in_full(file: File) -> Iterator[str]:
    for node in ast.walk(file.tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            yield f"import {node.module or node.names[0].name} by its full name, not relatively."


def _stays_inside(file: File) -> Iterator[str]:
    for name in _imported(file.tree):
        if _is_in(name, OUTSIDE):
            yield f"{name} reaches outside, which only adapters do: take a port as an argument."
    for node in ast.walk(file.tree):
        if isinstance(node, ast.Call) and _dotted(node.func) in OUTSIDE_CALLS:
            yield f"{_dotted(node.func)}() reaches outside, which only adapters do: take a port as an argument."
        # Referred to and not only called: a default_factory reads the clock too.
        if isinstance(node, ast.Attribute) and ".".join(_dotted(node).split(".")[-2:]) in CLOCKS:
            yield f"{_dotted(node)} reads the clock: take the time as an argument."


def _stays_inside_but_for_validation(file: File) -> Iterator[str]:
    yield from (problem for problem in _stays_inside(file) if not problem.startswith(VALIDATION))


def _imports_of_the_collection(*allowed: str) -> Check:
    def check(file: File) -> Iterator[str]:
        for first, rest in _below_utils(file.tree):
            if first not in allowed:
                yield f"{'.'.join(filter(None, (first, rest))) or 'module_utils'} is in no layer below it."

    return check


def _layer_1_imports_only_python(file: File) -> Iterator[str]:
    for name in _imported(file.tree):
        if not _is_in(name, {*sys.stdlib_module_names, *(f"{UTILS}.{layer}" for layer in LAYER_1)}):
            yield f"{name} is in no layer below it: layer 1 needs nothing but Python."


def _adapter_imports_only_ansible_and_python(file: File) -> Iterator[str]:
    for name in _imported(file.tree):
        if not _is_in(
            name, {*sys.stdlib_module_names, "ansible.module_utils", UTILS, *DATABASE_LIBRARIES, *HTTP_LIBRARIES}
        ):
            yield f"{name} is neither of Python, nor of ansible.module_utils, nor a library for databases or HTTP."


def _feature_imports_only_below(file: File) -> Iterator[str]:
    package, name = file.path.split("/")[1:]
    for first, rest in _below_utils(file.tree):
        if first == package:
            if _is_use_case(rest) and not _is_use_case(name):
                yield "the use case is above it."
        elif first not in (*LAYER_1, *PURE, *SHARED_PACKAGES):
            kind = "an adapter" if first in (*ADAPTERS, ENTRYPOINT) else "another feature" if first else "everything"
            yield f"{first or 'module_utils'} is {kind}: a feature imports its own package and the layers below."
        elif first in SHARED_PACKAGES and _is_use_case(rest):
            yield f"{first}.usecase is above it."


def _is_use_case(name: str) -> bool:
    """A feature has one use case, or several that say which they are: usecase_restore."""
    return name.split(".", maxsplit=1)[0].split("_", maxsplit=1)[0] == "usecase"


def _only_the_entry_point_knows_ansible_module(file: File) -> Iterator[str]:
    entrypoint = f"module_utils/{ENTRYPOINT}.py"
    if file.path == entrypoint:
        return
    for node in ast.walk(file.tree):
        mentioned = node.attr if isinstance(node, ast.Attribute) else getattr(node, "value", None)
        if mentioned in EXITS:
            yield f"{mentioned} belongs to {entrypoint} alone: return a Result or raise a ShipshapeError."
    if file.path.startswith("modules/"):
        return
    for name in _imported(file.tree):
        if _is_in(name, ["ansible.module_utils.basic"]) or name == "ansible.module_utils.*":
            yield f"{name} belongs to modules and {entrypoint} alone: take what is needed of it as an argument."


def _module_only_wires(file: File) -> Iterator[str]:
    lines = len(file.source.splitlines())
    documentation = max((node.end_lineno or 0 for node in file.tree.body if _is_documentation(node)), default=0)
    if lines - documentation > LONGEST_MODULE:
        yield f"has {lines - documentation} lines under its documentation, at most {LONGEST_MODULE} wire a module."
    main = next((node for node in file.tree.body if isinstance(node, ast.FunctionDef) and node.name == "main"), None)
    if main is None:
        yield "has no main()."
    elif (main.end_lineno or 0) - main.lineno + 1 > LONGEST_MAIN:
        yield f"main() has {(main.end_lineno or 0) - main.lineno + 1} lines, at most {LONGEST_MAIN} wire a module."
    if f"{UTILS}.{ENTRYPOINT}.run" not in _imported(file.tree):
        yield f"does not leave through run() of {ENTRYPOINT}."
    outside = set(_names_of_imports(file.tree, OUTSIDE)) - {"AnsibleModule"}
    for node in ast.walk(file.tree):
        if isinstance(node, (ast.For, ast.While, ast.Try, ast.With, ast.ClassDef, ast.AsyncFunctionDef)):
            yield f"line {node.lineno}: a module only wires, move this {type(node).__name__.lower()} to module_utils."
        if isinstance(node, ast.Call):
            called = _dotted(node.func)
            if called in OUTSIDE_CALLS or called.split(".", maxsplit=1)[0] in outside:
                yield f"line {node.lineno}: a module may pass {called} on, not call it."


def _names_of_imports(tree: ast.Module, packages: Iterable[str]) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (a.asname or a.name.split(".")[0] for a in node.names if _is_in(a.name, packages))
        elif isinstance(node, ast.ImportFrom):
            yield from (a.asname or a.name for a in node.names if _is_in(f"{node.module}.{a.name}", packages))


def _is_documentation(node: ast.stmt) -> bool:
    names = [target.id for target in getattr(node, "targets", []) if isinstance(target, ast.Name)]
    return names in (["DOCUMENTATION"], ["EXAMPLES"], ["RETURN"])


def _module_can_check(file: File) -> Iterator[str]:
    calls = [
        node for node in ast.walk(file.tree) if isinstance(node, ast.Call) and _dotted(node.func) == "AnsibleModule"
    ]
    can_check = [ast.unparse(k.value) for call in calls for k in call.keywords if k.arg == "supports_check_mode"]
    if can_check != ["True"]:
        yield "does not give supports_check_mode=True to its one AnsibleModule."


def _module_tells_its_attributes(file: File) -> Iterator[str]:
    if "shipshape.webapp.attributes" not in (_documentation(file.tree).get("extends_documentation_fragment") or []):
        yield "does not extend the fragment shipshape.webapp.attributes."


def _documentation(tree: ast.Module) -> dict[str, Any]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and _dotted(node.targets[0]) == "DOCUMENTATION":
            found = yaml.safe_load(ast.literal_eval(node.value))
            return found if isinstance(found, dict) else {}
    return {}


def action_group_problems(runtime: str, modules: Iterable[str]) -> list[str]:
    """How the group in meta/runtime.yml differs from the modules that exist."""
    groups = (yaml.safe_load(runtime) or {}).get("action_groups") or {}
    listed = [name.removeprefix("shipshape.webapp.") for name in groups.get("webapp") or [] if isinstance(name, str)]
    wanted, twice = set(modules), {name for name in listed if listed.count(name) > 1}
    return [
        *(f"{name}: add it to the action group webapp." for name in sorted(wanted - set(listed))),
        *(f"{name}: is in the action group webapp and is no module." for name in sorted(set(listed) - wanted)),
        *(f"{name}: is twice in the action group webapp." for name in sorted(twice)),
    ]


def package_file_problems(paths: Iterable[str]) -> list[str]:
    """The files that would make a package of a folder, which collections do without."""
    return [f"{path}: remove it." for path in paths if path.split("/")[-1] == "__init__.py"]


def _plugin_files() -> dict[str, str]:
    files = sorted(path for path in PLUGINS.rglob("*.py") if "__pycache__" not in path.parts)
    return {path.relative_to(PLUGINS).as_posix(): path.read_text(encoding="utf-8") for path in files}


def test_every_plugin_keeps_to_its_layer() -> None:
    files = _plugin_files()

    assert {"module_utils/_types.py", "modules/dotenv.py"} <= set(files)
    assert [problem for path, source in files.items() for problem in problems(path, source)] == []


def test_listed_files_exist() -> None:
    for name in (*LAYER_1, *PURE, *ADAPTERS, ENTRYPOINT):
        assert (PLUGINS / f"module_utils/{name}.py").is_file()


def test_plugins_are_namespace_packages() -> None:
    assert package_file_problems(_plugin_files()) == []


def test_action_group_lists_every_module() -> None:
    runtime = ROOT / "meta/runtime.yml"
    if not runtime.exists():
        pytest.skip("meta/runtime.yml is not written yet")

    modules = [path.stem for path in (PLUGINS / "modules").glob("*.py")]

    assert action_group_problems(runtime.read_text(encoding="utf-8"), modules) == []


# From here on, the rules themselves: each is broken once, and kept once where it could be taken too far.

PRIVATE = '"""This module is private to the collection."""\n'

FEATURE, USE_CASE = "module_utils/_pm2/plan.py", "module_utils/_pm2/usecase.py"

MODULE = f'''
DOCUMENTATION = r"""
extends_documentation_fragment:
  - shipshape.webapp.attributes
"""
import os
from ansible.module_utils.basic import AnsibleModule
from {UTILS}._entrypoint import run
from {UTILS}._files import HostFiles
from {UTILS}._pm2.usecase import ensure

def main() -> None:
    module = AnsibleModule(argument_spec={{}}, supports_check_mode=True)
    run(module, lambda: ensure(HostFiles(), random=os.urandom))
'''

IMPORTS_THAT_REACH_OUTSIDE = (
    "import os",
    "import os.path as posix",
    "from os import path",
    "import subprocess",
    "import time",
    "from time import monotonic",
    "import socket",
    "import random",
    "import secrets",
    "import tempfile",
    "import shutil",
    "from pathlib import Path",
    "import urllib.request",
    "from urllib import request",
    "from urllib.request import urlopen",
    "import http.client",
    "def late():\n    import os",
)
CALLS_THAT_REACH_OUTSIDE = (
    "open('/etc/passwd')",
    "print('hello')",
    "eval('1')",
    "exec('x = 1')",
    "input()",
    "__import__('os')",
    "from datetime import datetime\nnow = datetime.now()",
    "import datetime\nnow = datetime.datetime.utcnow",
    "from datetime import date\nnow = date.today()",
)


@pytest.mark.parametrize(
    "path", ["module_utils/_types.py", "module_utils/_suggest.py", FEATURE, USE_CASE, "plugin_utils/timeline.py"]
)
@pytest.mark.parametrize("code", [*IMPORTS_THAT_REACH_OUTSIDE, *CALLS_THAT_REACH_OUTSIDE])
def test_reaching_outside_is_reported(path: str, code: str) -> None:
    assert any("outside" in problem or "clock" in problem for problem in problems(path, PRIVATE + code))


@pytest.mark.parametrize(
    ("path", "code", "told"),
    [
        ("_types.py", "import yaml", "yaml is in no layer below it"),
        ("_types.py", "from ansible.module_utils.basic import env_fallback", "ansible.module_utils.basic"),
        ("_result.py", f"from {UTILS}._suggest import did_you_mean", "_suggest.did_you_mean is in no layer below it"),
        ("_result.py", f"import {UTILS}._files", "_files is in no layer below it"),
        ("_argspec.py", f"from {UTILS}._files import HostFiles", "_files.HostFiles is in no layer below it"),
        ("_argspec.py", f"from {UTILS} import _http", "_http is in no layer below it"),
        ("_argspec.py", f"from {UTILS}._pm2.plan import Plan", "_pm2.plan.Plan is in no layer below it"),
        ("_argspec.py", "from ansible.module_utils.common.text import converters", "ansible.module_utils.common.text"),
        ("_command.py", f"from {UTILS}._pm2.plan import Plan", "_pm2.plan.Plan is in no layer below it"),
        ("_command.py", f"from {UTILS}._lock import HostLocks", "_lock.HostLocks is in no layer below it"),
        ("_command.py", f"from {UTILS}._suggest import did_you_mean", "_suggest.did_you_mean is in no layer below it"),
        ("_http.py", "import httpx", "httpx is neither of Python, nor of ansible.module_utils"),
        ("_http.py", "from ansible.utils.display import Display", "ansible.utils.display.Display is neither"),
        ("_http.py", "from ansible_collections.community.general.plugins import x", "community.general.plugins.x is"),
        ("_entrypoint.py", f"from {UTILS}._pm2.plan import Plan", "_pm2.plan.Plan is in no layer below it"),
        ("_pm2/plan.py", f"from {UTILS}._nginx.plan import Plan", "_nginx is another feature"),
        ("_pm2/plan.py", f"from {UTILS} import _nginx", "_nginx is another feature"),
        ("_pm2/usecase.py", f"import {UTILS}._nginx.plan", "_nginx is another feature"),
        ("_database/urls.py", f"from {UTILS}._backup.plan import Plan", "_backup is another feature"),
        ("_pm2/plan.py", f"from {UTILS}._pm2.usecase import ensure", "the use case is above it"),
        ("_pm2/plan.py", f"from {UTILS}._pm2 import usecase", "the use case is above it"),
        ("_pm2/usecase.py", f"from {UTILS}._database.usecase import ensure", "_database.usecase is above it"),
        ("_pm2/plan.py", f"from {UTILS}._command import HostCommands", "_command is an adapter"),
        ("_pm2/usecase.py", f"from {UTILS}._command import HostCommands", "_command is an adapter"),
        ("_pm2/usecase.py", f"from {UTILS} import _lock", "_lock is an adapter"),
        ("_pm2/usecase.py", f"from {UTILS} import *", "* is another feature"),
        ("_pm2/usecase.py", "from ansible_collections.shipshape.webapp.plugins import module_utils", "module_utils is"),
        ("_pm2/usecase.py", f"from {UTILS}._entrypoint import run", "_entrypoint is an adapter"),
        ("_pm2/usecase.py", "from ansible.module_utils.basic import AnsibleModule", "AnsibleModule"),
        ("_pm2/plan.py", "from .text import parse", "import text by its full name"),
        ("_pm2/plan.py", "from .. import _nginx", "import _nginx by its full name"),
        ("_clock.py", "", "say in which layer it belongs"),
        ("clock.py", "", "say in which layer it belongs"),
        ("pm2/plan.py", "", "move it to module_utils/_<feature>/<name>.py"),
        ("_pm2/linux/plan.py", "", "move it to module_utils/_<feature>/<name>.py"),
    ],
)
def test_import_from_a_wrong_layer_is_reported(path: str, code: str, told: str) -> None:
    assert told in " ".join(problems(f"module_utils/{path}", PRIVATE + code))


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("_result.py", f"from {UTILS}._errors import ShipshapeError\nfrom dataclasses import dataclass"),
        ("_access.py", f"from {UTILS}._argspec import ArgumentSpec\nfrom {UTILS}._types import Access"),
        (
            "_http.py",
            f"import socket\nfrom ansible.module_utils.urls import open_url\nfrom {UTILS}._errors import HttpError",
        ),
        ("_command.py", "import subprocess\nimport time\ntime.sleep(1)\nopen('/proc/stat')"),
        ("_entrypoint.py", "from ansible.module_utils.basic import AnsibleModule\nAnsibleModule({}).exit_json()"),
        ("_pm2/plan.py", f"from {UTILS}._pm2 import text\nfrom {UTILS}._pm2.text import parse\nimport posixpath"),
        ("_pm2/plan.py", "from urllib.parse import urlsplit\nfrom urllib import parse\nfrom datetime import datetime"),
        ("_pm2/plan.py", "def age(clock, files):\n    return clock.now(), files.open('x'), 'open the timer'"),
        ("_pm2/usecase.py", f"from {UTILS}._pm2.plan import Plan\nfrom {UTILS}._database.urls import parse"),
    ],
)
def test_import_from_a_right_layer_is_not_reported(path: str, code: str) -> None:
    assert problems(f"module_utils/{path}", PRIVATE + code) == []


def test_public_module_utils_file_is_reported() -> None:
    assert problems(FEATURE, '"""Plans."""\n') == [
        f'{FEATURE}: say "This module is private to the collection." in its docstring.'
    ]
    assert problems(FEATURE, "") != []
    assert problems(FEATURE, '"""Plans. This module is private\nto the collection."""') == []


@pytest.mark.parametrize("path", ["module_utils/_command.py", USE_CASE, "modules/pm2.py", "callback/timeline.py"])
@pytest.mark.parametrize(
    "code", ["module.exit_json(changed=True)", "leave = module.fail_json", "getattr(module, 'fail_json')(msg='')"]
)
def test_exit_elsewhere_than_in_the_entry_point_is_reported(path: str, code: str) -> None:
    assert "belongs to module_utils/_entrypoint.py alone" in " ".join(problems(path, PRIVATE + code))


@pytest.mark.parametrize("path", ["module_utils/_command.py", USE_CASE, "callback/timeline.py"])
@pytest.mark.parametrize(
    "code",
    [
        "from ansible.module_utils.basic import AnsibleModule",
        "import ansible.module_utils.basic",
        "from ansible.module_utils import basic",
        "from ansible.module_utils import *",
    ],
)
def test_ansible_module_elsewhere_than_in_modules_is_reported(path: str, code: str) -> None:
    assert "belongs to modules and module_utils/_entrypoint.py alone" in " ".join(problems(path, PRIVATE + code))


def test_module_that_wires_is_not_reported() -> None:
    assert problems("modules/pm2.py", MODULE) == []


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("def main", "def start", "has no main()"),
        ("    run(", "    x = 1\n" * LONGEST_MAIN + "    run(", "main() has 28 lines, at most 25"),
        ("def main", "x = 1\n" * LONGEST_MODULE + "def main", "lines under its documentation, at most 80"),
        (", supports_check_mode=True", "", "does not give supports_check_mode=True"),
        ("supports_check_mode=True", "supports_check_mode=False", "does not give supports_check_mode=True"),
        ("  - shipshape.webapp.attributes", "  - shipshape.webapp.database", "does not extend the fragment"),
        ("DOCUMENTATION", "DOCUMENTS", "does not extend the fragment"),
        ("os.urandom)", "os.urandom(32))", "may pass os.urandom on, not call it"),
        ("HostFiles(), ", "open('/etc/hosts'), ", "may pass open on, not call it"),
        ("import os", "from os import urandom as dice\ndice(1)", "may pass dice on, not call it"),
        ("    run(", "    for _ in range(3):\n        run(", "move this for to module_utils"),
        ("    run(", "    try:\n        run(1)\n    finally:\n        run(", "move this try to module_utils"),
        ("def main", "class Plan: ...\ndef main", "move this classdef to module_utils"),
        (f"from {UTILS}._entrypoint import run", "", "does not leave through run()"),
    ],
)
def test_module_that_does_more_than_wire_is_reported(old: str, new: str, told: str) -> None:
    assert MODULE.count(old) >= 1
    assert told in " ".join(problems("modules/pm2.py", MODULE.replace(old, new, 1)))


@pytest.mark.parametrize(
    ("runtime", "expected"),
    [
        ("action_groups: {webapp: [dotenv, pm2]}", []),
        ("action_groups: {webapp: [shipshape.webapp.dotenv, pm2, {metadata: {extend_group: []}}]}", []),
        ("action_groups: {webapp: [dotenv]}", ["pm2: add it to the action group webapp."]),
        ("action_groups: {webapp: [dotenv, pm2, pm3]}", ["pm3: is in the action group webapp and is no module."]),
        ("action_groups: {webapp: [dotenv, pm2, pm2]}", ["pm2: is twice in the action group webapp."]),
        ("requires_ansible: '>=2.16'", [f"{name}: add it to the action group webapp." for name in ("dotenv", "pm2")]),
    ],
)
def test_action_group_that_differs_from_the_modules_is_reported(runtime: str, expected: list[str]) -> None:
    assert action_group_problems(runtime, ["dotenv", "pm2"]) == expected


def test_package_file_is_reported() -> None:
    assert package_file_problems(["modules/pm2.py", "module_utils/__init__.py"]) == [
        "module_utils/__init__.py: remove it."
    ]
