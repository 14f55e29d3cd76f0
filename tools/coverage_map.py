# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check docs/coverage.yml against docs/requirements.md and the tests, and print which requirement is proved by what."""

from __future__ import annotations

import argparse
import ast
import difflib
import re
import shutil
import signal
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent

STATUSES = ("done", "attested", "planned")
KEYS = ("component", "status", "test")

MODULES = (
    "availability",
    "credential_priority",
    "cron_jobs",
    "database_accounts",
    "database_moment",
    "db_backup",
    "db_backup_info",
    "db_maintain",
    "db_restore",
    "deployment_lock",
    "deployment_notice",
    "deployment_record",
    "dotenv",
    "firewall_rules",
    "logrotate_rules",
    "migrate",
    "nginx_sites",
    "pm2",
    "prometheus_rules",
    "release",
    "smoke_check",
    "support_bundle",
    "systemd_processes",
    "traffic",
)
ROLES = ("cron", "database", "deployment", "firewall", "logrotate", "monitoring", "nginx", "nodejs", "pm2")
PHASES = ("open", "preflight", "build", "protect", "migrate", "roll_out", "watch", "settle")
PLAYBOOKS = (
    *("prepare", "deploy", "rollback", "verify", "watch", "backup", "restore", "maintain", "status"),
    *("bundle", "troubleshoot"),
    *("faceshot", "stacklens", "lumiku", "holibot", "carloans"),
)
COMPONENTS = (
    *MODULES,
    *(f"role:{role}" for role in ROLES),
    *(f"role:deployment/{phase}" for phase in PHASES),
    *(f"playbook:{playbook}" for playbook in PLAYBOOKS),
    "callback:timeline",
)

APPLICATION_HEADING = re.compile(r"^## (?P<name>.+) \([A-Z]\d+ to [A-Z]\d+\)$")
REQUIREMENT_ROW = re.compile(r"^\| (?P<id>[A-Z]\d+) \| (?P<text>.+) \|$")
SCENARIO = re.compile(r"molecule/[^/]+")


@dataclass(frozen=True)
class Requirement:
    """One row of docs/requirements.md."""

    id: str
    application: str
    text: str


def read_requirements(markdown: str) -> list[Requirement]:
    """Return the requirements in the order of the page."""
    requirements = []
    application = ""
    for line in markdown.splitlines():
        if heading := APPLICATION_HEADING.match(line):
            application = heading["name"]
        elif row := REQUIREMENT_ROW.match(line):
            requirements.append(Requirement(row["id"], application, row["text"].replace(r"\|", "|")))
    return requirements


def read_coverage(text: str) -> dict[str, Any]:
    """Return the coverage entries by requirement id."""
    return yaml.safe_load(text) or {}


def problems(requirements: Sequence[Requirement], coverage_yaml: str, root: Path) -> list[str]:
    """Return one sentence for everything that is wrong with the coverage; tests are looked up under root."""
    coverage = read_coverage(coverage_yaml)
    ids = Counter(requirement.id for requirement in requirements)
    return [
        *(f"{id_}: docs/requirements.md lists it {times} times" for id_, times in ids.items() if times > 1),
        *(f"{key}: docs/coverage.yml has this key again in line {line}" for key, line in _repeated_keys(coverage_yaml)),
        *(f"{id_}: docs/coverage.yml does not have it" for id_ in ids if id_ not in coverage),
        *(f"{id_}: docs/requirements.md does not have it" for id_ in coverage if id_ not in ids),
        *(f"{id_}: {problem}" for id_, entry in coverage.items() for problem in _entry_problems(entry, root)),
    ]


def _repeated_keys(text: str) -> Iterator[tuple[str, int]]:
    # PyYAML keeps the last of two equal keys without a word, so they are looked for before it builds dictionaries.
    def walk(node: yaml.Node | None) -> Iterator[tuple[str, int]]:
        if isinstance(node, yaml.MappingNode):
            seen = set()
            for key, value in node.value:
                if key.value in seen:
                    yield key.value, key.start_mark.line + 1
                seen.add(key.value)
                yield from walk(value)

    yield from walk(yaml.compose(text, Loader=yaml.SafeLoader))


def _entry_problems(entry: Any, root: Path) -> Iterator[str]:
    if not isinstance(entry, dict):
        yield "must be a mapping with component, status and perhaps test"
        return
    tests = _as_list(entry.get("test"))
    for key in entry:
        if key not in KEYS:
            yield f"unknown key {key!r}{_suggestion(key, KEYS)}"
    yield from _component_problems(_as_list(entry.get("component")))
    yield from _status_problems(entry.get("status"), tests)
    for test in tests:
        yield from _test_problems(str(test), root)


def _component_problems(components: list[Any]) -> Iterator[str]:
    if not components:
        yield "names no component"
    for component in components:
        if component not in COMPONENTS:
            yield f"unknown component {component!r}{_suggestion(component, COMPONENTS)}"


def _status_problems(status: object, tests: list[Any]) -> Iterator[str]:
    if status not in STATUSES:
        yield f"status must be one of {', '.join(STATUSES)}, not {status!r}"
    elif status == "planned" and tests:
        yield "is planned and yet names a test: set its status, or remove the test"
    elif status != "planned" and not tests:
        yield f"is {status} without a test that proves it"


def _test_problems(test: str, root: Path) -> Iterator[str]:
    path, separator, name = test.partition("::")
    if not separator:
        if not SCENARIO.fullmatch(path):
            yield f"test {test!r} is neither FILE.py::TEST nor molecule/SCENARIO"
        elif not (root / path / "molecule.yml").is_file():
            yield f"test {test!r}: there is no {path}/molecule.yml"
    elif not (root / path).is_file():
        yield f"test {test!r}: there is no file {path}"
    elif name not in (tests := tests_in(root / path)):
        yield f"test {test!r}: {path} has no such test{_suggestion(name, tests)}"


@cache
def tests_in(path: Path) -> frozenset[str]:
    """Return the tests of a pytest file as test_name or TestClass::test_name, without importing it."""
    return frozenset(_test_names(ast.parse(path.read_text(encoding="utf-8")).body))


def _test_names(body: Iterable[ast.stmt], prefix: str = "") -> Iterator[str]:
    for statement in body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef) and statement.name.startswith("test"):
            yield prefix + statement.name
        elif isinstance(statement, ast.ClassDef) and statement.name.startswith("Test"):
            yield from _test_names(statement.body, f"{prefix}{statement.name}::")


def _as_list(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _suggestion(word: object, words: Iterable[str]) -> str:
    nearest = difflib.get_close_matches(str(word), list(words), n=1)
    return f", did you mean {nearest[0]!r}?" if nearest else ""


def summary(coverage: dict[str, Any]) -> str:
    """Return the counts of all requirements in one line."""
    return f"requirements: {_counts(coverage.values())}"


def table(requirements: Sequence[Requirement], coverage: dict[str, Any], width: int) -> str:
    """Return the counts of each application and a row for each requirement, no line wider than width."""
    counts = _application_lines(requirements, coverage)
    rows = _requirement_lines(requirements, coverage, width)
    return "\n".join([*counts, "", *rows])


def _application_lines(requirements: Sequence[Requirement], coverage: dict[str, Any]) -> Iterator[str]:
    applications: dict[str, list[Any]] = {}
    for requirement in requirements:
        applications.setdefault(requirement.application, []).append(coverage[requirement.id])
    for application, entries in applications.items():
        yield f"{application}: {_counts(entries)}"
    yield summary(coverage)


def _requirement_lines(requirements: Sequence[Requirement], coverage: dict[str, Any], width: int) -> Iterator[str]:
    rows = [("id", "status", "component", "test", "requirement")]
    for requirement in requirements:
        entry = coverage[requirement.id]
        component, test = (", ".join(_as_list(entry.get(key))) for key in ("component", "test"))
        rows.append((requirement.id, entry["status"], component, test, requirement.text))
    # The two columns of free length may take a quarter of the line each; the text has what is left.
    limits = (width, width, width // 4, width // 4, width)
    cells = [[_cut(cell, limit) for cell, limit in zip(row, limits, strict=True)] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        yield _cut("  ".join(cell.ljust(size) for cell, size in zip(row, widths, strict=True)), width).rstrip()


def _counts(entries: Iterable[Any]) -> str:
    by_status = Counter(entry["status"] for entry in entries)
    return ", ".join([*(f"{by_status[status]} {status}" for status in STATUSES), f"{by_status.total()} in all"])


def _cut(text: str, width: int) -> str:
    text = text.rstrip()
    return text if len(text) <= width else text[: width - 3] + "..."


def main() -> int:
    """Print the coverage, or what is wrong with it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--summary", action="store_true", help="print only the counts, in one line")
    arguments = parser.parse_args()

    requirements = read_requirements((ROOT / "docs/requirements.md").read_text(encoding="utf-8"))
    coverage_yaml = (ROOT / "docs/coverage.yml").read_text(encoding="utf-8")
    if found := problems(requirements, coverage_yaml, ROOT):
        print(*found, sep="\n", file=sys.stderr)
        return 1
    coverage = read_coverage(coverage_yaml)
    width = shutil.get_terminal_size(fallback=(160, 24)).columns
    print(summary(coverage) if arguments.summary else table(requirements, coverage, width))
    return 0


if __name__ == "__main__":
    # Piped into head, this ends quietly.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    sys.exit(main())
