# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

import check_sources
from check_sources import complaints

HEADER = "".join(f"# {line}\n" for line in check_sources.HEADER)
# Spelt so that this file passes the check itself.
MARK = "todo".upper()


def complaints_about(path: str, content: str | bytes) -> list[str]:
    raw = content if isinstance(content, bytes) else content.encode()
    return list(complaints(path, raw, {"registry.example.org", "example.org"}))


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("a.py", HEADER + "print()\n"),
        ("tool", "#!/bin/sh\n" + HEADER),
        ("page.html", "".join(f"<!-- {line} -->\n" for line in check_sources.HEADER)),
        ("page.j2", "{#\n" + HEADER.replace("# ", "  ") + "#}\n"),
        ("a.sql", HEADER.replace("# ", "-- ")),
        ("plugins/__init__.py", ""),
        ("README.md", "# Shipshape\n"),
        ("examples/a/package.json", "{}\n"),
        ("changelogs/fragments/1.yml", "bugfixes: []\n"),
        ("tests/unit/fixtures/pm2.txt", "id\n"),
        ("logo.png", b"\x89PNG\xff\x00"),
        ("a.py", HEADER + f"{MARK.lower()} mktemp /tmp/{'X' * 6} my-example.org example.organic\n"),
    ],
)
def test_passes(path: str, content: str | bytes) -> None:
    assert complaints_about(path, content) == []


@pytest.mark.parametrize(
    ("path", "content", "complaint"),
    [
        ("a.py", "print()\n", "a.py:1: the two SPDX lines are missing"),
        ("a.py", HEADER.splitlines()[0], "a.py:1: the two SPDX lines are missing"),
        ("a.py", "\n" * 9 + HEADER, "a.py:1: the two SPDX lines are missing"),
        ("tests/unit/a.txt", "id\n", "tests/unit/a.txt:1: the two SPDX lines are missing"),
        ("a.md", f"one\n{MARK}: two\n", f"a.md:2: {MARK}: "),
        ("a.json", '"https://registry.example.org/a.tgz"', "a.json:1: registry.example.org: "),
        ("a.md", "ask example.org.", "a.md:1: example.org: "),
        ("a.bin", b"\xff" * (1024 * 1024 + 1), "a.bin: 1.0 MiB, and 1 MiB is the limit"),
    ],
)
def test_complains(path: str, content: str | bytes, complaint: str) -> None:
    found = complaints_about(path, content)
    assert len(found) == 1
    assert found[0].startswith(complaint)


def test_knows_the_registry_of_pip_without_naming_it() -> None:
    hosts = check_sources.registry_hosts()
    assert hosts
    assert all("." in host and "/" not in host for host in hosts)
