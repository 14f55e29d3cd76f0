# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._moment.moment import read_moment, written

MOMENTS = {
    "2026-11-22T12:00:29Z": "2026-11-22T12:00:29Z",
    "2026-11-22 12:00:29+01:00": "2026-11-22T11:00:29Z",
    "2026-11-22 12:00:29 +0130": "2026-11-22T10:30:29Z",
    # As PostgreSQL shows it.
    "2026-11-22 07:14:40.32536+00": "2026-11-22T07:14:40.32536Z",
    "2026-11-22 07:14:40.5-05": "2026-11-22T12:14:40.5Z",
    " 2026-11-22 12:00 UTC ": "2026-11-22T12:00:00Z",
    "2026-11-22T12:00:10.100000Z": "2026-11-22T12:00:10.1Z",
    "2026-11-22T12:00:10.0005Z": "2026-11-22T12:00:10.0005Z",
}


@pytest.mark.parametrize(("text", "expected"), MOMENTS.items())
def test_moment(text: str, expected: str) -> None:
    moment = read_moment(text)

    assert moment is not None
    assert written(moment) == expected
    assert read_moment(expected) == moment


@pytest.mark.parametrize(
    "text",
    [
        "",
        "latest",
        "yesterday",
        "2026-11-22",
        # Whose noon?
        "2026-11-22 12:00:29",
        "2026-11-22 12:00:29 CET",
        "2026-13-22 12:00:29Z",
        "2026-11-22 25:00:29Z",
        "2026-11-22 12:00:29+99:00",
        "0001-01-01 00:00:00+10",
        "2026-11-22 12:00:29Z; DROP",
        "2026-11-22 12:00:29.1234567Z",
    ],
)
def test_no_moment(text: str) -> None:
    assert read_moment(text) is None
