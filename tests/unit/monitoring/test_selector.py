# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._monitoring.selector import selector, series


@pytest.mark.parametrize(
    ("text", "shown", "sample"),
    [
        ("errors_total", "errors_total", {}),
        (' errors_total{ a = "b" , } ', 'errors_total{a="b"}', {"a": "b"}),
        ('e{status=~"5..",method!="GET"}', 'e{status=~"5..",method!="GET"}', {"status": "500"}),
        ('e{path=~"/api/.*|/x"}', 'e{path=~"/api/.*|/x"}', {"path": "/api/x"}),
        ('e{code=~"[0-9]+"}', 'e{code=~"[0-9]+"}', {"code": "0"}),
        ('e{text="a\\"b"}', 'e{text="a\\"b"}', {"text": 'a"b'}),
        ('e{state!~"good|fine"}', 'e{state!~"good|fine"}', {}),
        ("a:b_c{}", "a:b_c", {}),
    ],
)
def test_selector_is_read_and_has_a_sample(text: str, shown: str, sample: dict[str, str]) -> None:
    read = selector(text)

    assert str(read) == shown
    assert read.sample() == sample
    assert read.takes(sample)


@pytest.mark.parametrize("text", ["", "5xx", "a b", "e{a=b}", 'e{a="b" c="d"}', 'e{a=~"("}', "e{", 'e{a="\\d"}'])
def test_what_is_no_selector_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^has "):
        selector(text)


@pytest.mark.parametrize("text", ['e{a=~"[xyz]{3}"}', 'e{a="b",a="c"}', 'e{a!~".*"}'])
def test_selector_without_a_known_series_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="write it as expr"):
        selector(text).sample()


@pytest.mark.parametrize(
    ("part", "whole", "other"),
    [
        ('r{status=~"5.."}', "r", {"status": "200"}),
        ('r{status="200"}', "r", {"status": "other"}),
        ('r{state="failed",q="a"}', 'r{q="a"}', {"state": "200", "q": "a"}),
        ("r", "r", None),
        ('r{q="a"}', 'r{q="a"}', None),
    ],
)
def test_the_rest_of_the_whole_is_found(part: str, whole: str, other: dict[str, str] | None) -> None:
    read = selector(part)

    assert selector(whole).without(read, read.sample()) == other


def test_series_is_written_with_its_labels_in_order() -> None:
    assert series("e", {"b": 'x"', "a": "1"}) == 'e{a="1",b="x\\""}'
