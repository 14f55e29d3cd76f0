# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import HttpError
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.kind import Setting, Unobserved
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.redis import Redis
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Trust
from tests.unit.smoke.sockets import (
    Talk,
    certificate,
    observe,
    problems,
    saying,
    serving,
    until_closed,
    without_ms,
)

PONG = b"+PONG\r\n"
OK = b"+OK\r\n"
NOAUTH = b"-NOAUTH Authentication required.\r\n"
INFO = b"# Server\r\nredis_version:7.0.15\r\ntcp_port:6379\r\nratio:1.5\r\ndb0:keys=1,expires=0\r\nempty:\r\n"
SECRET = "p:@/w hunter2"


def bulk(text: bytes) -> bytes:
    return b"$%d\r\n%s\r\n" % (len(text), text)


def answering(answers: Mapping[str, bytes], heard: list[list[str]] | None = None) -> Talk:
    """Answers each command in this way; PING by itself before AUTH where its first answer is a refusal."""

    def talk(client: socket.socket) -> None:
        reader = client.makefile("rb")
        is_in = False
        while True:
            line = reader.readline()
            if not line:
                return
            words = []
            for _time in range(int(line[1:])):
                size = int(reader.readline()[1:])
                words.append(reader.read(size + 2)[:-2].decode())
            if heard is not None:
                heard.append(words)
            said = answers.get(f"{words[0]} again" if is_in and words[0] == "PING" else words[0], b"-ERR unknown\r\n")
            is_in = is_in or words[0] == "AUTH"
            # In two pieces, as a network may deliver it.
            client.sendall(said[:3])
            client.sendall(said[3:])

    return talk


OPEN = {"PING": PONG, "INFO": bulk(INFO), "SELECT": OK}
CLOSED = {"PING": NOAUTH, "AUTH": OK, "PING again": PONG, "INFO": bulk(INFO), "SELECT": OK}
READ = {
    "redis_version": "7.0.15",
    "tcp_port": 6379,
    "ratio": 1.5,
    "db0": "keys=1,expires=0",
    "empty": "",
}


def test_server_for_everybody_answers() -> None:
    with serving(answering(OPEN)) as port:
        seen = observe(Redis(), host="127.0.0.1", port=port)

    assert without_ms(seen.values) == {"ping": "PONG", "auth": False, "info": READ}
    assert seen.told == f"redis 127.0.0.1:{port} answered PONG and demands no password."


LOGINS: list[tuple[str, Callable[[int], dict[str, Any]], list[list[str]]]] = [
    ("alone", lambda port: {"host": "127.0.0.1", "port": port, "password": SECRET}, [["AUTH", SECRET]]),
    (
        "with a user",
        lambda port: {"host": "127.0.0.1", "port": port, "username": "ada", "password": SECRET, "db": 2},
        [["AUTH", "ada", SECRET], ["SELECT", "2"]],
    ),
    (
        "in an address",
        lambda port: {"url": f"redis://:p%3A%40%2Fw%20hunter2@127.0.0.1:{port}/3"},
        [["AUTH", SECRET], ["SELECT", "3"]],
    ),
    (
        "in an address with a user",
        lambda port: {"url": f"redis://a%40b:p%3A%40%2Fw%20hunter2@127.0.0.1:{port}"},
        [["AUTH", "a@b", SECRET]],
    ),
    (
        "beside an address",
        lambda port: {"url": f"redis://ada:wrong@127.0.0.1:{port}/3", "password": SECRET, "db": 0},
        [["AUTH", "ada", SECRET]],
    ),
]


@pytest.mark.parametrize(("options", "login"), [case[1:] for case in LOGINS], ids=[case[0] for case in LOGINS])
def test_password_is_given(options: Callable[[int], dict[str, Any]], login: list[list[str]]) -> None:
    heard: list[list[str]] = []

    with serving(answering(CLOSED, heard)) as port:
        seen = observe(Redis(), **options(port))

    assert heard == [["PING"], *login, ["PING"], ["INFO"]]
    assert without_ms(seen.values) == {"ping": "PONG", "auth": True, "info": READ}
    assert seen.told == f"redis 127.0.0.1:{port} answered PONG and demands a password."


def test_password_that_is_empty_is_none() -> None:
    with serving(answering(OPEN)) as port:
        assert observe(Redis(), url=f"redis://ada:@127.0.0.1:{port}").values["auth"] is False


@pytest.mark.parametrize(("username", "is_given"), [(None, False), ("ada", True)])
def test_password_that_nobody_demands_is_given_only_for_a_user(username: str | None, is_given: bool) -> None:
    heard: list[list[str]] = []

    with serving(answering({**OPEN, "AUTH": OK, "PING again": PONG}, heard)) as port:
        seen = observe(Redis(), host="127.0.0.1", port=port, username=username, password=SECRET)

    assert [words for words in heard if words[0] == "AUTH"] == [["AUTH", "ada", SECRET]] * is_given
    assert seen.values["auth"] is False


def test_user_who_may_not_ask_for_info_can_ping() -> None:
    with serving(answering({**OPEN, "INFO": b"-NOPERM this user has no permissions\r\n"})) as port:
        seen = observe(Redis(), host="127.0.0.1", port=port)

    assert without_ms(seen.values) == {"ping": "PONG", "auth": False, "info": {}}


def test_answer_that_is_another_is_seen() -> None:
    with serving(answering({**OPEN, "PING": b"+GONP\r\n"})) as port:
        assert observe(Redis(), host="127.0.0.1", port=port).values["ping"] == "GONP"


@pytest.mark.parametrize(
    ("answers", "options", "told"),
    [
        (CLOSED | {"PING again": NOAUTH}, {}, "refused PING with NOAUTH. It demands a password: give one."),
        (
            CLOSED | {"AUTH": b"-WRONGPASS invalid hunter2\r\n"},
            {"password": SECRET},
            "refused AUTH with WRONGPASS. It does not take this password, or there is no such user.",
        ),
        (
            CLOSED | {"AUTH": b"-ERR unknown command AUTH, with args beginning with: hunter2\r\n"},
            {"password": SECRET},
            "refused AUTH with ERR. It takes no such login.",
        ),
        (
            OPEN | {"PING": b"-DENIED Redis is running in protected mode because\r\n"},
            {},
            "refused PING with DENIED. It is in protected mode, so that no other host gets in: give it a password, or"
            " ask from its own.",
        ),
        (
            OPEN | {"PING": b"-LOADING Redis is loading the dataset in memory\r\n"},
            {},
            "refused PING with LOADING. It is still loading its data: give it time with the word within.",
        ),
        (
            OPEN | {"PING": b"-MASTERDOWN Link with MASTER is down\r\n"},
            {},
            "refused PING with MASTERDOWN. It is a replica that has lost its master.",
        ),
        (
            OPEN | {"PING": b"-NOPERM this user\r\n"},
            {},
            "refused PING with NOPERM. This user may not do that: allow it with ACL SETUSER.",
        ),
        (
            OPEN | {"SELECT": b"-ERR DB index is out of range\r\n"},
            {"db": 99},
            "refused SELECT with ERR. It said: ERR DB index is out of range",
        ),
        (OPEN | {"PING": b"HTTP/1.1 400\r\n"}, {}, "does not speak the protocol of Redis. Correct host and port."),
        (OPEN | {"INFO": b"$1000001\r\n"}, {}, "does not speak the protocol of Redis. Correct host and port."),
        (OPEN | {"INFO": b"$-1\r\n"}, {}, "does not speak the protocol of Redis. Correct host and port."),
        (OPEN | {"PING": b"x" * 2_100_000}, {}, "does not speak the protocol of Redis. Correct host and port."),
    ],
)
def test_server_that_does_not_let_in_is_not_seen(answers: dict[str, bytes], options: dict[str, Any], told: str) -> None:
    with serving(answering(answers)) as port, pytest.raises(Unobserved) as caught:
        observe(Redis(), host="127.0.0.1", port=port, **options)

    assert caught.value.message == f"redis 127.0.0.1:{port} {told}"
    assert "hunter2" not in caught.value.message


def test_server_that_hangs_up_is_not_seen() -> None:
    with serving(saying(b"+PO")) as port, pytest.raises(Unobserved) as caught:
        observe(Redis(), host="127.0.0.1", port=port)

    assert caught.value.message == (
        f"redis 127.0.0.1:{port} ended the connection without an answer. Look into its log."
    )


def test_silence_ends_and_so_do_drops() -> None:
    def drip(client: socket.socket) -> None:
        client.settimeout(0.02)
        while True:
            try:
                if not client.recv(100):
                    return
            except TimeoutError:
                client.sendall(b"+")

    for talk in (until_closed, drip):
        with serving(talk) as port, pytest.raises(HttpError) as caught:
            observe(Redis(), Setting(timeout=0.1), host="127.0.0.1", port=port)

        assert caught.value.reason == "timeout"


@pytest.mark.parametrize("options", [{"tls": True}, {"url": "rediss://127.0.0.1:{port}"}])
def test_tls_is_spoken_where_it_is_asked_for(options: dict[str, Any], tmp_path: Path) -> None:
    shown = certificate(tmp_path)

    with serving(answering(OPEN), shown.context()) as port:
        given = {name: value.format(port=port) if name == "url" else value for name, value in options.items()}
        given = given if "url" in given else {**given, "host": "127.0.0.1", "port": port}
        assert observe(Redis(), Setting(trust=Trust(shown.path)), **given).values["ping"] == "PONG"
        with pytest.raises(HttpError, match="nobody but itself vouches for its certificate"):
            observe(Redis(), Setting(), **given)


NO_URL = (
    "url: write redis://user:password@host:port/db, or rediss:// for TLS, with everything in user and password that is"
    " neither a letter nor a digit as %XX."
)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("redis://localhost", []),
        ("rediss://:p%40@localhost:6380/3", []),
        ("localhost:6379", [NO_URL]),
        ("http://localhost:6379", [NO_URL]),
        ("redis://", [NO_URL]),
        ("redis://localhost:port", [NO_URL]),
        ("redis://localhost:0", [NO_URL]),
        ("redis://:p/w@localhost", [NO_URL]),
        ("redis://localhost/name", [NO_URL]),
    ],
)
def test_address_is_judged(url: str, told: list[str]) -> None:
    assert problems(Redis(), url=url) == told


class Noting:
    """Notes where somebody connects to."""

    def connect(self, host: str, port: int, **_: object) -> None:
        raise Unobserved(f"{host} {port}")


@pytest.mark.parametrize(
    ("options", "place"),
    [({}, "localhost 6379"), ({"url": "redis://a.example"}, "a.example 6379"), ({"host": "::1"}, "::1 6379")],
)
def test_usual_place_is_asked_if_no_other_is_told(options: dict[str, str], place: str) -> None:
    with pytest.raises(Unobserved) as caught:
        observe(Redis(), network=Noting(), **options)  # type: ignore[arg-type]  # a part of one

    assert caught.value.message == place


def test_answer_is_expected() -> None:
    assert problems(Redis()) == []
    assert Redis().default({}) == {"ping": "PONG"}
    assert Redis().only_reads({})
