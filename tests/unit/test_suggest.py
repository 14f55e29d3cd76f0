# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._suggest import did_you_mean


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("intger", "Did you mean integer?"),
        ("INTEGER", "Did you mean integer?"),
        ("url", "Did you mean URL?"),
        ("emial", "Did you mean email?"),
        ("emails", "Did you mean email?"),
        ("certificate", "Known are: URL, email, integer, string."),
        ("", "Known are: URL, email, integer, string."),
    ],
)
def test_nearest_known_word_is_suggested_and_otherwise_all(word: str, said: str) -> None:
    assert did_you_mean(word, {"string", "integer", "email", "URL"}) == said


def test_order_and_kind_of_the_known_words_do_not_matter() -> None:
    assert did_you_mean("zzz", iter(["b", "a"])) == did_you_mean("zzz", {"a": 1, "b": 2}) == "Known are: a, b."
