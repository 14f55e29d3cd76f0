# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import io
import tarfile

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._bundle.contents import (
    Contents,
    bounded,
    concealed,
    packed,
    shown,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._bundle.environment import names_of, secrets_of

ENVIRONMENT = """\
# The comment says nothing secret.
NODE_ENV=production
export API_KEY="canary-key with space"
DB_URL: postgres://ann:canary-password@db/shop
PRIVATE_KEY='-----BEGIN KEY-----
canary-line-1
canary-line-2
-----END KEY-----'
EMPTY=
"""


def test_of_an_environment_names_are_told_and_values_are_secret() -> None:
    assert names_of(ENVIRONMENT) == ["NODE_ENV", "API_KEY", "DB_URL", "PRIVATE_KEY", "EMPTY"]
    secrets = secrets_of(ENVIRONMENT, ["NODE_ENV"])
    assert "production" not in secrets
    assert {"canary-key with space", "canary-line-1", "canary-line-2"} <= set(secrets)
    assert any("canary-password" in secret for secret in secrets)
    assert "production" in secrets_of(ENVIRONMENT, [])


@pytest.mark.parametrize(
    "text",
    [
        "key canary-key with space",
        '{"key": "canary-key with space"}',
        "canary-key%20with%20space",
        "canary-key+with+space",
        "Y2FuYXJ5LWtleSB3aXRoIHNwYWNl",
    ],
)
def test_secret_is_removed_in_each_form(text: str) -> None:
    contents = Contents({"log": text}, [f"cannot read {text}"])
    found = concealed(contents, ["canary-key with space"])
    assert "********" in found.texts["log"]
    assert "********" in found.missing[0]
    assert shown(contents.texts, ["canary-key with space"]) == ["log"]
    assert shown(found.texts, ["canary-key with space"]) == []


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("GET / Authorization: Bearer canary-token-1", "GET / Authorization: Bearer ********"),
        ("eyJhbGciOiJI.eyJzdWIi.canary-signature", "********"),
        ("connect redis://:canary-pass@127.0.0.1:6379", "connect redis://:********@127.0.0.1:6379"),
        ("GET /x?access_token=canary-token&page=2", "GET /x?access_token=********&page=2"),
        ("the bearer of a message, and a basic answer", "the bearer of a message, and a basic answer"),
    ],
)
def test_what_looks_like_a_secret_is_removed_though_nobody_has_named_it(text: str, left: str) -> None:
    assert concealed(Contents({"log": text}), []).texts == {"log": left}


def test_longer_secret_is_removed_before_the_one_that_it_contains() -> None:
    assert concealed(Contents({"log": "a canary-and-more b"}), ["canary", "canary-and-more"]).texts["log"] == (
        "a ******** b"
    )


def test_the_longest_texts_lose_their_beginnings() -> None:
    texts = {"short": "kept\n", "a": "line\n" * 1000, "b": "".join(f"{number}\n" for number in range(2000))}
    found = bounded(texts, 3000)
    assert found["short"] == "kept\n"
    assert sum(map(len, found.values())) <= 3000
    for name in ("a", "b"):
        first, *lines = found[name].splitlines()
        assert first.startswith("[What stood before this")
        assert texts[name].endswith("\n".join(lines) + "\n")
        assert len(lines) > 100
    assert bounded(texts, 100_000) == texts


def test_archive_holds_the_files_for_their_owner_alone() -> None:
    archive = packed({"summary.txt": "a\n", "logs/web.log": "ä\ud800\n"}, "shop-bundle", 1_800_000_000)
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        found = {one.name: (oct(one.mode), (files.extractfile(one) or io.BytesIO()).read()) for one in files}
    assert found == {
        "shop-bundle/summary.txt": ("0o600", b"a\n"),
        "shop-bundle/logs/web.log": ("0o600", "ä\\ud800\n".encode()),
    }


def test_columns_of_a_table_are_as_wide_as_they_need() -> None:
    contents = Contents()
    contents.add_table("ports", [("port", "process"), (80, 1), (3000, 4711)])
    assert contents.texts["ports"] == "port  process\n80    1\n3000  4711\n"
