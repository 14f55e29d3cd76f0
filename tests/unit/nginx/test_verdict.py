# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._nginx.configuration import Configuration
from ansible_collections.shipshape.webapp.plugins.module_utils._nginx.language import directives
from ansible_collections.shipshape.webapp.plugins.module_utils._nginx.verdict import (
    Problem,
    is_final,
    judged,
    problems_of,
    problems_of_gixy,
    problems_of_log,
    told,
)

OTHER, OWN = "/etc/nginx/conf.d/other.conf", "/etc/nginx/applications/one/site.conf"

TEXTS = {
    OTHER: """server {
    listen 80; server_name a.test b.test;
    ssl_certificate /shared.crt;
}""",
    OWN: """server { resolver 127.0.0.1:9000; root b.test;
    listen 80; listen 10.0.0.1; listen 127.0.0.1:9000; listen [::]:9001; listen 9002; listen unix:/run/s;
    server_name
        B.test;
    ssl_certificate /shared.crt;
    ssl_certificate_key own.key;
    set $a ${nothing}x;
    limit_req zone=one burst=2;
    access_log /log/own;
}""",
}
CONFIGURATION = Configuration(
    "/etc/nginx", TEXTS, [one for file, text in TEXTS.items() for one in directives(file, text)]
)


def is_own(path: str) -> bool:
    return path == OWN


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ('nginx: [emerg] unknown directive "x" in /f:3', Problem("emerg", 'unknown directive "x"', "/f", 3)),
        ("2026/11/21 23:09:20 [warn] 75#75: w in /f:3", Problem("warn", "w", "/f", 3)),
        ("2026/11/21 23:09:20 [emerg] 75#75: *7 plain", Problem("emerg", "plain")),
        ("nginx: [emerg] w in words", Problem("emerg", "w in words")),
        ("nginx: configuration file /etc/nginx/nginx.conf test failed", None),
        ("nginx: the configuration file /etc/nginx/nginx.conf syntax is ok", None),
    ],
)
def test_words_of_nginx_are_understood(said: str, expected: Problem | None) -> None:
    assert problems_of(said, CONFIGURATION, is_own) == ([expected] if expected else [])


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ('conflicting server name "b.test" on 0.0.0.0:80, ignored', (OWN, 4)),
        ('conflicting server name "a.test" on 0.0.0.0:80, ignored', (OTHER, 2)),
        ('cannot load certificate "/shared.crt": BIO_new_file() failed', (OWN, 5)),
        ('SSL_CTX_use_PrivateKey("/etc/nginx/own.key") failed (SSL: key values mismatch)', (OWN, 6)),
        ('unknown "nothing" variable', (OWN, 7)),
        ('zero size shared memory zone "one"', (OWN, 8)),
        ('open() "/log/own" failed (2: No such file or directory)', (OWN, 9)),
        ("bind() to 127.0.0.1:9000 failed (98: Address already in use)", (OWN, 2)),
        ("bind() to 10.0.0.1:80 failed (98: Address already in use)", (OWN, 2)),
        ("bind() to 0.0.0.0:9002 failed (98: Address already in use)", (OWN, 2)),
        ("bind() to [::]:9001 failed (98: Address already in use)", (OWN, 2)),
        ("bind() to unix:/run/s failed (98: Address already in use)", (OWN, 2)),
        ("bind() to 127.0.0.1:9002 failed (98: Address already in use)", (None, None)),
        ('unknown "noth" variable', (None, None)),
        ('open() "/log" failed', (None, None)),
        ("still could not bind()", (None, None)),
    ],
)
def test_place_that_nginx_does_not_name_is_found(message: str, expected: tuple[str | None, int | None]) -> None:
    [problem] = problems_of(f"nginx: [emerg] {message}", CONFIGURATION, is_own)

    assert (problem.file, problem.line) == expected


def test_same_words_count_once_but_not_the_same_name_twice() -> None:
    twice = 'nginx: [emerg] plain\nnginx: [warn] conflicting server name "x" on 0.0.0.0:80, ignored\n' * 2

    assert [one.message.split()[0] for one in problems_of(twice, CONFIGURATION, is_own)] == [
        "plain",
        "conflicting",
        "conflicting",
    ]


@pytest.mark.parametrize(
    ("severity", "message", "is_grave"),
    [
        ("emerg", "m", True),
        ("alert", "m", True),
        ("error", "m", True),
        ("warn", "m", False),
        ("warn", 'conflicting server name "x"', True),
    ],
)
def test_name_that_two_servers_have_is_grave(severity: str, message: str, is_grave: bool) -> None:
    assert Problem(severity, message).is_grave is is_grave


def test_what_was_so_before_is_not_new_unless_it_is_ones_own() -> None:
    conflict = 'conflicting server name "x"'
    others, own = Problem("warn", conflict, OTHER, 1), Problem("warn", conflict, OWN, 1)
    warning = Problem("warn", "w", OWN, 2)

    assert judged([others], [others], is_own) == []
    assert judged([others, others], [others], is_own) == [others]
    assert judged([own], [others], is_own) == [own]
    assert judged([warning], [warning], is_own) == []
    assert judged([warning], [], is_own) == [warning]


def test_log_of_another_process_or_of_less_gravity_says_nothing() -> None:
    lines = [
        "2026/11/21 23:09:27 [emerg] 44#44: bind() to 0.0.0.0:9000 failed (98: Address already in use)",
        "2026/11/21 23:09:27 [emerg] 45#45: of another",
        "2026/11/21 23:09:27 [error] 44#44: of a request",
        "2026/11/21 23:09:27 [alert] 44#44: still could not bind()",
        "not a line of a log",
    ]

    found = problems_of_log(lines, 44)

    assert found == ["bind() to 0.0.0.0:9000 failed (98: Address already in use)", "still could not bind()"]
    assert [is_final(one) for one in found] == [False, True]


def test_findings_of_gixy_are_told_with_their_place() -> None:
    finding = {
        "severity": "HIGH",
        "summary": "Possible SSRF.",
        "plugin": "ssrf",
        "reason": "why",
        "file": OWN,
        "line": 4,
    }

    assert problems_of_gixy(json.dumps([finding])) == [Problem("gixy high", "Possible SSRF (ssrf): why", OWN, 4)]
    assert problems_of_gixy("[]") == problems_of_gixy("") == []
    with pytest.raises(ValueError, match="Expecting"):
        problems_of_gixy("Traceback")


def test_problems_are_told_with_their_places() -> None:
    assert told([Problem("e", "m.", "/f", 2), Problem("e", "n", "/f"), Problem("e", "o")]) == "/f:2: m. /f: n. o."
