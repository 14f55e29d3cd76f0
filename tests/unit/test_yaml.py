# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from ansible.module_utils.common import yaml as ansible_yaml

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import FileError
from ansible_collections.shipshape.webapp.plugins.module_utils._yaml import load_yaml


def written(folder: Path, content: bytes) -> str:
    path = folder / "suite.yml"
    path.write_bytes(content)
    return str(path)


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (b"checks: [{http: /health, within: 60s}]", {"checks": [{"http": "/health", "within": "60s"}]}),
        (b'{"checks": [{"http": "/\\u00e4"}]}', {"checks": [{"http": "/ä"}]}),
        ("name: ä".encode(), {"name": "ä"}),
        (b"", None),
        (b"5", 5),
    ],
)
def test_yaml_and_json_are_read(tmp_path: Path, content: bytes, value: object) -> None:
    assert load_yaml(written(tmp_path, content)) == value


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"a: 1\nb: [1\n", ", line 3 cannot be understood: expected …."),
        (b"a: 1\n\tb: 2", ", line 2 cannot be understood: found character '\\t' that cannot start any token."),
        (b"password: *hunter22", ", line 1 cannot be understood: found undefined alias …."),
        (b"password: !hunter22 x", ", line 1 cannot be understood: could not determine a constructor for the tag …."),
        (b"password: hunter22\xff", " cannot be understood: it is no text in UTF-8."),
        (b"[" * 100_000, " cannot be understood: it is nested too deeply."),
    ],
)
def test_what_is_wrong_is_told_without_what_can_be_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, told: str
) -> None:
    path = written(tmp_path, content)
    with pytest.raises(FileError) as caught:
        load_yaml(path)
    assert "hunter" not in caught.value.message
    # The same library without its part in C, which not every host has, says more.
    monkeypatch.setattr(ansible_yaml, "yaml_load", yaml.safe_load)

    with pytest.raises(FileError) as caught:
        load_yaml(path)

    assert caught.value.message == f"{path}{told}"
    assert caught.value.details == {"path": path}


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"/none.yml cannot be read. It does not exist."):
        load_yaml(f"{tmp_path}/none.yml")


def test_without_the_library_json_is_read_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ansible_yaml, "HAS_YAML", False)

    assert load_yaml(written(tmp_path, b"{}")) == {}
    path = written(tmp_path, b"a: 1")
    with pytest.raises(FileError) as caught:
        load_yaml(path)
    assert caught.value.message == (
        f"{path} cannot be read: Python's library for YAML is missing on this host. Install the package python3-yaml,"
        " or write the file as JSON."
    )
