# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.shipshape.webapp.plugins.module_utils._dotenv.strength import entropy_bytes, is_encoded


@pytest.mark.parametrize(
    ("secret", "encoding", "expected"),
    [
        ("", "auto", 0),
        ("9f86d081884c7d65", "auto", 8),
        ("9f86d081884c7d65", "plain", 10),
        ("n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is", "auto", 24),
        ("n4bQgYhMfWWaL+qgxVrQFQ==", "base64", 16),
        ("correcthorse", "auto", 7),
        ("correct horse", "auto", 9),
        ("ccl-internal-2025", "auto", 12),
        ("0" * 64, "auto", 0),
        ("deadbeef" * 8, "auto", 4),
        ("abcdefghijklmnopqrstuvwxyz", "auto", 1),
        ("zyxwvutsrqponm9f86d081", "plain", 6),
        ("ab" * 32, "hex", 0),
        ("ébène", "plain", 2),
    ],
)
def test_bytes_of_chance(secret: str, encoding: str, expected: int) -> None:
    assert entropy_bytes(secret, encoding) == expected


# The derandomized random bytes of hypothesis are not random: they are mixed into distinct ones.
@given(st.permutations(range(256)))
def test_a_random_secret_counts_in_full_however_it_is_written(order: list[int]) -> None:
    material = bytes(order[:32])
    assert entropy_bytes(material.hex()) >= 30
    assert entropy_bytes(base64.b64encode(material).decode(), "base64") >= 30


@pytest.mark.parametrize(
    ("secret", "encoding", "expected"),
    [
        ("abc1", "hex", True),
        ("ABC1", "hex", True),
        ("abC1", "hex", False),
        ("abc", "hex", False),
        ("", "hex", False),
        ("YWJj", "base64", True),
        ("YWI=", "base64", True),
        ("YWJjZ", "base64", False),
        ("YW Jj", "base64", False),
        ("anything at all", "plain", True),
    ],
)
def test_encodings(secret: str, encoding: str, expected: bool) -> None:
    assert is_encoded(secret, encoding) is expected
