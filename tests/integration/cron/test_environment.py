# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The environment file of a job, read as npm's dotenv reads it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ansible_collections.shipshape.webapp.plugins.module_utils._job import parse_environment
from tests.integration.machine import BIN

TEXTS = st.lists(
    st.sampled_from([*"ab1_.- =:#'\"`\\\n\n\n$\té\r\ufeff", "A=", "B='", "\nexport ", "'\n", '"\n', "\\n"]), max_size=60
).map("".join)


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(text=TEXTS)
@example("A='a b # c'\nexport B=\"x\\ny\" # z\nC: d\nD=`'\"`\nE\nF='two\nlines'\nG=käse\nH=a b # c\n")
def _parsed_alike(readers: Path, file: Path, text: str) -> None:
    file.write_text(text, newline="")
    read = subprocess.run([BIN / "node", readers / "read.js", file], capture_output=True, check=True)
    assert parse_environment(text) == json.loads(read.stdout)["dotenv18"]


def test_environment_file_is_read_as_npm_reads_it(readers: Path, tmp_path: Path) -> None:
    _parsed_alike(readers, tmp_path / "app.env")
