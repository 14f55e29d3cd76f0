# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._plain_http import answer, question


def test_question_names_the_host() -> None:
    assert question("/generation", "holibot") == b"GET /generation HTTP/1.0\r\nHost: holibot\r\n\r\n"


@pytest.mark.parametrize(
    ("received", "expected"),
    [
        ([b"HTTP/1.1 200 OK\r\nA: b\r\n\r\nblue\n"], (200, "blue\n")),
        ([b"HTTP/1.1 40", b"4 Not Found\r\n\r", b"\nno", b"ne\r\n\r\n"], (404, "none\r\n\r\n")),
        ([b"HTTP/1.1 200\r\n\r\n\xff"], (200, "\ufffd")),
        ([b"HTTP/1.1 204 No Content\r\n\r\n"], (204, "")),
        ([], (0, "")),
        ([b"SSH-2.0-OpenSSH_9.2\r\n"], (0, "")),
        ([b"220 mail ESMTP\r\n\r\n"], (0, "")),
        ([b"HTTP/1.1 OK\r\n\r\n"], (0, "")),
    ],
)
def test_answer_is_read_to_its_end(received: list[bytes], expected: tuple[int, str]) -> None:
    assert answer(lambda: received.pop(0) if received else b"") == expected
