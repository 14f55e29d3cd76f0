# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the files of the applications demand of the sources that are deployed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]

MODULE = "ansible_collections.shipshape.webapp.plugins.modules.smoke_check"


@pytest.fixture
def faceshot(tmp_path: Path) -> Path:
    """The sources of its second version."""
    for version in ("1", "2"):
        shutil.copytree(ROOT / "examples" / "faceshot" / version, tmp_path, dirs_exist_ok=True)
    return tmp_path


@pytest.fixture
def carloans(tmp_path: Path) -> Path:
    """The sources of its second version."""
    for version in ("1", "2"):
        shutil.copytree(ROOT / "examples" / "carloans" / version, tmp_path, dirs_exist_ok=True)
    return tmp_path


def outcomes(application: str, release: Path) -> dict[str, str]:
    """What becomes of the checks that read a source, by the requirements that they prove."""
    fields = yaml.safe_load((ROOT / "playbooks" / "vars" / f"{application}.yml").read_text())
    checks = [
        check
        for check in fields["app_gate"] + fields["app_checks"]
        if str(check.get("log", {}).get("path")).startswith("${release}")
    ]
    options = {"checks": checks, "vars": {"release": str(release)}}
    ended = subprocess.run(
        [sys.executable, "-m", MODULE],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": {**options, "_ansible_remote_tmp": "/tmp"}}),
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    told: list[dict[str, Any]] = json.loads(ended.stdout)["checks"]
    return {requirement: check["outcome"] for check in told for requirement in check["ids"]}


def not_passed(release: Path, application: str = "faceshot") -> set[str]:
    return {name for name, outcome in outcomes(application, release).items() if outcome != "passed"}


def change(path: Path, before: str, after: str) -> None:
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))


def test_sources_of_faceshot_are_as_its_guide_wants_them(faceshot: Path) -> None:
    assert set(outcomes("faceshot", faceshot).items()) == {(name, "passed") for name in ("F19", "F20", "F40", "F41")}


@pytest.mark.parametrize(
    ("file", "before", "after", "requirement"),
    [
        ("index.js", "./routes/enhanced-api", "./routes/api", "F19"),
        ("frontend/src/lib/api.ts", "getA2EVoices", "getVoices", "F20"),
        ("services/a2e-enhanced.js", "threshold = 5", "threshold = 50", "F40"),
        ("services/a2e-enhanced.js", "timeout = 60000", "timeout = 600", "F40"),
        ("services/job-processor.js", "10000", "1000", "F41"),
    ],
)
def test_other_sources_of_faceshot_are_told(
    faceshot: Path, file: str, before: str, after: str, requirement: str
) -> None:
    change(faceshot / file, before, after)
    assert not_passed(faceshot) == {requirement}


def test_static_files_that_come_before_the_routes_of_faceshot_are_told(faceshot: Path) -> None:
    lines = (faceshot / "index.js").read_text().splitlines()
    (faceshot / "index.js").write_text("\n".join(reversed(lines)))
    assert not_passed(faceshot) == {"F19"}


def test_sources_of_car_loans_are_as_its_guide_wants_them(carloans: Path) -> None:
    assert outcomes("carloans", carloans) == {"C35": "passed"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("idleTimeoutMillis: 30000", "idleTimeoutMillis: 300000"),
        ("connectionTimeoutMillis: 60000", "connectionTimeoutMillis: 0"),
        ("max: Number(DB_POOL_SIZE)", "max: 50"),
    ],
)
def test_another_pool_of_car_loans_is_told(carloans: Path, before: str, after: str) -> None:
    change(carloans / "src/database.js", before, after)
    assert not_passed(carloans, "carloans") == {"C35"}
