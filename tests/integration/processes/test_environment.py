# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Node reads of environment files before an application begins, as old and new versions of npm's dotenv do."""

from __future__ import annotations

import json
import random
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._dotenv.text import Inexpressible, quote, render
from ansible_collections.shipshape.webapp.plugins.module_utils._supervision.environment import (
    FILE_VARIABLE,
    LOADER,
    LOADER_NAME,
)
from tests.integration import inside
from tests.integration.machine import BIN, Host
from tests.integration.processes import hosts

HERE = Path(__file__).resolve().parent

Readings = Callable[[Sequence[str]], list[list[dict[str, str]]]]

PIECES = (
    *"KAZ09_.-=:#'\"`$\\ \t\n\r{}",
    *("\r\n", "\\n", "\\r", "\\'", '\\"', "export ", "\nK1=", "\nK2: ", "ž", "😀"),
)

AWKWARD = {
    "K=": {"K": ""},
    "K=a b ": {"K": "a b"},
    " export  K = a": {"K": "a"},
    "K: a": {"K": "a"},
    "K=a#b": {"K": "a"},
    "K='a#b' # c": {"K": "a#b"},
    "# K=a\n\nL=b": {"L": "b"},
    'K="a\\nb\\r\\t"': {"K": "a\nb\r\\t"},
    "K='a\\nb'": {"K": "a\\nb"},
    'K="a\nb"\nL=`c\n\'d\' "e"`': {"K": "a\nb", "L": "c\n'd' \"e\""},
    "K=a\r\nL='b\r\nc'\r\n": {"K": "a", "L": "b\nc"},
    'K="it\\"s"': {"K": 'it\\"s'},
    "K=a\nK=b": {"K": "b"},
    "K='a": {"K": "'a"},
    'K="a" b': {"K": '"a" b'},
    "K=$HOME ${K} $(id)": {"K": "$HOME ${K} $(id)"},
    "\ufeffK=a": {"K": "a"},
    "K=\nL=b": {"K": "", "L": "b"},
    "K A\n=a\nL=b": {"L": "b"},
}


@pytest.fixture(scope="session")
def loader(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("loader") / LOADER_NAME
    path.write_text(LOADER)
    return path


def _answers(argv: Sequence[object], texts: Sequence[str]) -> list[list[dict[str, str]]]:
    words = [str(word) for word in argv]
    read = subprocess.run(words, input=json.dumps(texts), capture_output=True, text=True, check=True)
    answers: list[list[dict[str, str]]] = json.loads(read.stdout)
    return answers


@pytest.fixture(scope="session")
def readings(readers: Path, loader: Path) -> Readings:
    packages = [readers / "node_modules" / name for name in ("dotenv", "dotenv16")]
    return lambda texts: _answers([BIN / "node", HERE / "read.js", loader, *packages], texts)


def _made_up(count: int, longest: int) -> list[str]:
    """Texts of what readers treat in ways of their own, the same in every run."""
    dice = random.Random(8)  # noqa: S311 (no secret)
    return ["".join(dice.choices(PIECES, k=dice.randint(0, longest))) for _text in range(count)]


def test_everything_is_read_as_dotenv_does(readings: Readings) -> None:
    texts = [f"K0={text}" for text in _made_up(2500, 25)]
    for text, (loaded, new, old) in zip(texts, readings(texts)):
        assert loaded == old, text
        assert loaded == new, text


def test_what_the_module_dotenv_writes_is_read(readings: Readings) -> None:
    values = [value for value in _made_up(2000, 12) if _is_expressible(value)]
    wanted = {f"K{number}": value for number, value in enumerate(values)}

    [[loaded, *_packages]] = readings([render(wanted, {"K0": 'It\'s the "first"'})])

    assert len(wanted) > 500
    assert loaded == wanted


def _is_expressible(value: str) -> bool:
    try:
        quote("K", value)
    except Inexpressible:
        return False
    # What such a value is depends on what follows it, and the module looks at that.
    return not value.endswith("\\")


def test_every_version_of_node_reads_the_same(process_host: Host, loader: Path) -> None:
    (process_host.shared / LOADER_NAME).write_text(LOADER)
    driver = f"{hosts.ROOT}/tests/integration/processes/read.js"
    on_host = inside.command(process_host, "node", driver, f"/shared/{LOADER_NAME}")

    for argv in (on_host, [BIN / "node", HERE / "read.js", loader]):
        read = [answer for [answer] in _answers(argv, list(AWKWARD))]
        assert dict(zip(AWKWARD, read)) == AWKWARD


def _run(loader: Path, variables: Mapping[str, str], code: str) -> subprocess.CompletedProcess[str]:
    argv = [str(BIN / "node"), "--require", str(loader), "-e", code]
    return subprocess.run(argv, env=dict(variables), capture_output=True, text=True, check=False)


def test_what_is_set_already_stays(loader: Path, tmp_path: Path) -> None:
    file = tmp_path / "test.env"
    file.write_text("A=of the file\nB=of the file\nC=of the file\n")

    ended = _run(loader, {FILE_VARIABLE: str(file), "A": "kept", "B": ""}, "console.log(Object.entries(process.env))")

    assert "[ 'A', 'kept' ]" in ended.stdout
    assert "[ 'B', '' ]" in ended.stdout
    assert "[ 'C', 'of the file' ]" in ended.stdout


def test_without_the_variable_nothing_is_read(loader: Path) -> None:
    ended = _run(loader, {"A": "kept"}, "console.log(process.env.A)")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "kept\n", "")


@pytest.mark.parametrize(("name", "said"), [("none", "ENOENT: no such file or directory"), (".", "EISDIR")])
def test_file_that_cannot_be_read_ends_the_process(loader: Path, tmp_path: Path, name: str, said: str) -> None:
    ended = _run(loader, {FILE_VARIABLE: f"{tmp_path}/{name}", "A": "canary"}, "console.log('began')")

    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith(f"The environment file cannot be read: {said}")
    assert "canary" not in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
