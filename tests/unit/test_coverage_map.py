# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import coverage_map
from coverage_map import ROOT, problems, read_coverage, read_requirements, summary, table

REQUIREMENTS = """
## Bookshop (B1 to B2)

| id | what must be done or proved |
|---|---|
| B1 | The port is 3000. |
| B2 | The log shows `a \\| b`. |

## Commands

| command | what is wrong with it |
|---|---|
| `rm` | gone |
"""
B2 = "B2: {component: pm2, status: planned}\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project with one test file and one Molecule scenario."""
    unit, scenario = tmp_path / "tests/unit", tmp_path / "molecule/nginx"
    unit.mkdir(parents=True)
    scenario.mkdir(parents=True)
    (tmp_path / "molecule/shared").mkdir()
    (unit / "test_dotenv.py").write_text(
        "def test_refuses(): ...\n"
        "async def test_waits(): ...\n"
        "def helper(): ...\n"
        "class TestWriting:\n    def test_is_private(self): ...\n"
        "class Server:\n    def test_port(self): ...\n"
    )
    (scenario / "molecule.yml").touch()
    return tmp_path


def test_real_files_have_no_problem() -> None:
    requirements = read_requirements((ROOT / "docs/requirements.md").read_text(encoding="utf-8"))
    coverage_yaml = (ROOT / "docs/coverage.yml").read_text(encoding="utf-8")

    print(summary(read_coverage(coverage_yaml)))

    assert problems(requirements, coverage_yaml, ROOT) == []


def test_ids_are_the_253_of_the_guides() -> None:
    requirements = read_requirements((ROOT / "docs/requirements.md").read_text(encoding="utf-8"))

    counts = {"F": 55, "S": 48, "L": 38, "H": 58, "C": 54}
    expected = [f"{letter}{number}" for letter, count in counts.items() for number in range(1, count + 1)]
    assert [requirement.id for requirement in requirements] == expected
    assert len(expected) == 253
    assert len({requirement.application for requirement in requirements}) == 5


def test_requirements_are_read_with_application_and_text() -> None:
    first, second = read_requirements(REQUIREMENTS)

    assert (first.id, first.application, first.text) == ("B1", "Bookshop", "The port is 3000.")
    assert second.text == "The log shows `a | b`."


@pytest.mark.parametrize(
    "entry",
    [
        "{component: dotenv, status: planned}",
        "{component: [dotenv, role:deployment/roll_out, playbook:deploy], status: planned}",
        "{component: dotenv, status: done, test: tests/unit/test_dotenv.py::test_refuses}",
        "{component: dotenv, status: done, test: tests/unit/test_dotenv.py::test_waits}",
        "{component: dotenv, status: attested, test: tests/unit/test_dotenv.py::TestWriting::test_is_private}",
        "{component: role:nginx, status: done, test: molecule/nginx}",
        "{component: dotenv, status: done, test: [molecule/nginx, tests/unit/test_dotenv.py::test_refuses]}",
    ],
)
def test_accepts(entry: str, root: Path) -> None:
    assert problems(read_requirements(REQUIREMENTS), f"B1: {entry}\n{B2}", root) == []


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ("dotenv", "B1: must be a mapping with component, status and perhaps test"),
        ("{component: dotenv, status: planned, tests: x}", "B1: unknown key 'tests', did you mean 'test'?"),
        ("{component: dotenv, status: planned, zzz: x}", "B1: unknown key 'zzz'"),
        ("{status: planned}", "B1: names no component"),
        ("{component: [], status: planned}", "B1: names no component"),
        (
            "{component: role:deployment/rollout, status: planned}",
            "B1: unknown component 'role:deployment/rollout', did you mean 'role:deployment/roll_out'?",
        ),
        ("{component: [pm2, zzz], status: planned}", "B1: unknown component 'zzz'"),
        ("{component: dotenv, status: ready}", "B1: status must be one of done, attested, planned, not 'ready'"),
        ("{component: dotenv}", "B1: status must be one of done, attested, planned, not None"),
        (
            "{component: dotenv, status: planned, test: molecule/nginx}",
            "B1: is planned and yet names a test: set its status, or remove the test",
        ),
        ("{component: dotenv, status: done}", "B1: is done without a test that proves it"),
        ("{component: dotenv, status: done, test: []}", "B1: is done without a test that proves it"),
        ("{component: dotenv, status: attested}", "B1: is attested without a test that proves it"),
        (
            "{component: dotenv, status: done, test: tests/unit/test_dotenv.py}",
            "B1: test 'tests/unit/test_dotenv.py' is neither FILE.py::TEST nor molecule/SCENARIO",
        ),
        (
            "{component: dotenv, status: done, test: 'tests/unit/test_gone.py::test_x'}",
            "B1: test 'tests/unit/test_gone.py::test_x': there is no file tests/unit/test_gone.py",
        ),
        (
            "{component: dotenv, status: done, test: 'tests/unit/test_dotenv.py::test_refuse'}",
            "B1: test 'tests/unit/test_dotenv.py::test_refuse': tests/unit/test_dotenv.py has no such test, "
            "did you mean 'test_refuses'?",
        ),
        (
            "{component: dotenv, status: done, test: 'tests/unit/test_dotenv.py::helper'}",
            "B1: test 'tests/unit/test_dotenv.py::helper': tests/unit/test_dotenv.py has no such test",
        ),
        (
            "{component: dotenv, status: done, test: 'tests/unit/test_dotenv.py::test_is_private'}",
            "B1: test 'tests/unit/test_dotenv.py::test_is_private': tests/unit/test_dotenv.py has no such test, "
            "did you mean 'TestWriting::test_is_private'?",
        ),
        (
            "{component: dotenv, status: done, test: 'tests/unit/test_dotenv.py::Server::test_port'}",
            "B1: test 'tests/unit/test_dotenv.py::Server::test_port': tests/unit/test_dotenv.py has no such test",
        ),
        (
            "{component: role:nginx, status: done, test: molecule/shared}",
            "B1: test 'molecule/shared': there is no molecule/shared/molecule.yml",
        ),
        (
            "{component: dotenv, status: done, test: [molecule/nginx, molecule/gone]}",
            "B1: test 'molecule/gone': there is no molecule/gone/molecule.yml",
        ),
        (
            "{component: dotenv, status: planned, status: planned}",
            "status: docs/coverage.yml has this key again in line 1",
        ),
    ],
)
def test_reports_in_an_entry(entry: str, problem: str, root: Path) -> None:
    assert problems(read_requirements(REQUIREMENTS), f"B1: {entry}\n{B2}", root) == [problem]


@pytest.mark.parametrize(
    ("requirements", "coverage_yaml", "problem"),
    [
        (REQUIREMENTS, "", "B1: docs/coverage.yml does not have it"),
        (REQUIREMENTS, B2, "B1: docs/coverage.yml does not have it"),
        (REQUIREMENTS, B2 + B2.replace("B2", "B3"), "B3: docs/requirements.md does not have it"),
        (REQUIREMENTS, B2 + B2, "B2: docs/coverage.yml has this key again in line 2"),
        (REQUIREMENTS + "| B1 | Again. |\n", B2, "B1: docs/requirements.md lists it 2 times"),
    ],
)
def test_reports_between_the_files(requirements: str, coverage_yaml: str, problem: str, root: Path) -> None:
    assert problem in problems(read_requirements(requirements), coverage_yaml, root)


def test_table_counts_by_application_and_fits_the_width() -> None:
    coverage = {
        "B1": {"component": ["dotenv", "pm2"], "status": "done", "test": "molecule/nginx"},
        "B2": {"component": "pm2", "status": "planned"},
    }

    assert table(read_requirements(REQUIREMENTS), coverage, 60).splitlines() == [
        "Bookshop: 1 done, 0 attested, 1 planned, 2 in all",
        "requirements: 1 done, 0 attested, 1 planned, 2 in all",
        "",
        "id  status   component    test            requirement",
        "B1  done     dotenv, pm2  molecule/nginx  The port is 3000.",
        "B2  planned  pm2                          The log shows `...",
    ]


@pytest.fixture
def project(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A whole project that the command line reads."""
    (root / "docs").mkdir()
    (root / "docs/requirements.md").write_text(REQUIREMENTS)
    (root / "docs/coverage.yml").write_text(B2 + B2.replace("B2", "B1"))
    monkeypatch.setattr(coverage_map, "ROOT", root)
    monkeypatch.setattr(sys, "argv", ["coverage_map.py", "--summary"])
    return root


@pytest.mark.usefixtures("project")
def test_summary_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert coverage_map.main() == 0
    assert capsys.readouterr().out == "requirements: 0 done, 0 attested, 2 planned, 2 in all\n"


@pytest.mark.usefixtures("project")
def test_without_an_option_every_requirement_is_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["coverage_map.py"])

    assert coverage_map.main() == 0
    assert [line[:2] for line in capsys.readouterr().out.splitlines()[-2:]] == ["B1", "B2"]


def test_problems_are_printed_and_fail(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "docs/coverage.yml").write_text(B2)

    assert coverage_map.main() == 1
    assert capsys.readouterr().err == "B1: docs/coverage.yml does not have it\n"
