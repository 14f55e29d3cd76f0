# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What dotenv writes, read by the real readers."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from ansible_collections.shipshape.webapp.plugins.module_utils._dotenv.text import (
    Inexpressible,
    misread,
    parse,
    quote,
    render,
)
from tests.integration.machine import BIN, Host

# What any of the readers treats in a way of its own, among characters that none does.
MARKS = st.sampled_from([*" =#'\"$`\\\n\r\t\v\f\0\x01\x1f\x7f\x85!~*?;&|(){}<>%^[]:,./-", "\u00a0", "\u2028", "\ufeff"])
WORDS = st.sampled_from(
    ["\\n", "\\'", '\\"', "${HOME}", "$(id)", "export ", "\nK0=x\n", "# c", "''", '""', "%n", "a", "Zz9"]
)
VALUES = st.lists(MARKS | WORDS | st.characters(exclude_categories=["Cs"]), max_size=12).map("".join)
ENVIRONMENTS = st.lists(VALUES, min_size=20, max_size=30)

COMMENTS = {"K0": 'It\'s the first; "quotes" and A=b do no harm'}


def _is_expressible(value: str) -> bool:
    try:
        quote("K", value)
    except Inexpressible:
        return False
    return not value.endswith("\\")


def _named(values: list[str]) -> dict[str, str]:
    return {f"K{number}": value for number, value in enumerate(values)}


def _read_by_javascript(readers: Path, file: Path) -> dict[str, dict[str, str]]:
    read = subprocess.run(
        [BIN / "node", f"--env-file={file}", readers / "read.js", file], env={}, capture_output=True, check=True
    )
    return dict(json.loads(read.stdout))


def _read_by_shell(file: Path) -> dict[str, str]:
    script = 'set -a; . "$1"; exec /usr/bin/env -0'
    read = subprocess.run(["/bin/sh", "-c", script, "sh", file], env={}, stdout=subprocess.PIPE, check=True)
    return _variables(read.stdout)


def _read_by_systemd(host: Host, file: Path) -> dict[str, str]:
    setting = f"EnvironmentFile=/shared/{file.name}"
    return _variables(host.run("systemd-run", "--quiet", "--wait", "--pipe", "--property", setting, "env", "-0"))


def _variables(printed: bytes) -> dict[str, str]:
    return dict(line.split("=", 1) for line in printed.decode().split("\0") if line)


def _known(read: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in read.items() if name.startswith("K")}


# Every reader in turn, with what it makes of a text; asked one by one, because a container is slower than the others.
Readings = Callable[[str], Iterator[tuple[str, dict[str, str]]]]


@pytest.fixture(scope="session")
def readings(readers: Path, host: Host) -> Readings:
    def read(text: str) -> Iterator[tuple[str, dict[str, str]]]:
        file = host.shared / "test.env"
        file.write_text(text, newline="")
        yield from _read_by_javascript(readers, file).items()
        yield "shell", _read_by_shell(file)
        yield "systemd", _read_by_systemd(host, file)

    return read


class Tally:
    """Counts what was tried, because an empty or refused value proves nothing."""

    values = 0


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(values=ENVIRONMENTS)
def _read_back(readings: Readings, values: list[str]) -> None:
    wanted = _named([value for value in values if _is_expressible(value)])
    assume(wanted)
    for reader, read in readings(render(wanted, COMMENTS)):
        assert _known(read) == wanted, reader
    Tally.values += len(wanted)


def test_every_value_reads_back_identically(readings: Readings) -> None:
    Tally.values = 0
    _read_back(readings)
    print(f"{Tally.values} values read back by npm's dotenv, Node, systemd and a POSIX shell")
    assert Tally.values >= 500


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        "two words",
        "a#b # c",
        "it's",
        'say "hi"',
        "p$a$$ ${HOME} $(id) `id`",
        "back\\slash \\n \\t \\\\",
        "two\nlines\n",
        "-----BEGIN KEY-----\nMIIB+/=\n-----END KEY-----\n",
        "žluťoučký kůň 😀 日本",
        "ends in a backslash\\",
        "\x1b[31m",
        "%n %% %h",
        "!history",
        "K0=x",
        "export K0=x",
        "x" * 100_000,
    ],
)
def test_awkward_value(readings: Readings, value: str) -> None:
    wanted = {"K0": value, "K1": "the next"}
    assert misread(wanted, {}) == []
    for reader, read in readings(render(wanted, {})):
        assert _known(read) == wanted, reader


def _other_forms(value: str) -> set[str]:
    """Ways of writing a value that one or the other reader knows."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$").replace("`", "\\`")
    return {
        value,
        f"'{value}'",
        f'"{value}"',
        f"`{value}`",
        escaped,
        f'"{escaped}"',
        "'" + value.replace("'", "'\"'\"'") + "'",
        "'" + value.replace("'", "'\\''") + "'",
        "'" + value.replace("'", "\\'") + "'",
        '"' + escaped.replace("\n", "\\n").replace("\r", "\\r") + '"',
        "".join(character if character.isalnum() else f"\\{character}" for character in value),
    }


# Without $, of which POSIX leaves open what it means before some characters.
REFUSED = [
    'it\'s "x"',
    "'\"",
    "it's `x`",
    "'`",
    "it's\\n",
    "'\\n",
    "it's\\",
    "'\\",
    "'\\\n",
    "a\rb",
    "\r",
    "\ufdd0",
    "it's $HOME",
]


@pytest.mark.parametrize("value", REFUSED)
def test_what_is_refused_has_no_form_that_all_read(readings: Readings, value: str) -> None:
    with pytest.raises(Inexpressible):
        quote("K0", value)
    for form in _other_forms(value):
        try:
            is_read_alike = all(
                _known(read) == {"K0": value, "K1": "end"} for _reader, read in readings(f"K0={form}\nK1=end\n")
            )
        except (subprocess.CalledProcessError, UnicodeDecodeError):
            continue
        assert not is_read_alike, form


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.lists(
        st.sampled_from([*"ab1_.- =:#'\"`\\\n\n\n$\té", "A=", "B='", "\nexport ", "'\n", '"\n', "\\n"]), max_size=60
    ).map("".join)
)
def _parsed_alike(readers: Path, file: Path, text: str) -> None:
    file.write_text(text, newline="")
    assert parse(text).values == _read_by_javascript(readers, file)["dotenv18"]


def test_a_file_of_somebody_else_is_read_as_npm_reads_it(readers: Path, tmp_path: Path) -> None:
    _parsed_alike(readers, tmp_path / "theirs.env")
