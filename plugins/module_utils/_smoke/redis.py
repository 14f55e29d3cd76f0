# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks of Redis. This module is private to the collection."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.arguments import Option
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.kind import Observed, Setting, Unobserved, World
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.tcp import shown
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Stream

_HOST, _PORT = "localhost", 6379

# INFO has some kB.
_LONGEST = 1_000_000

# The first word of a refusal, and what to do about it.
_ADVICE = {
    "NOAUTH": "It demands a password: give one.",
    "WRONGPASS": "It does not take this password, or there is no such user.",
    "DENIED": "It is in protected mode, so that no other host gets in: give it a password, or ask from its own.",
    "LOADING": "It is still loading its data: give it time with the word within.",
    "MASTERDOWN": "It is a replica that has lost its master.",
    "NOPERM": "This user may not do that: allow it with ACL SETUSER.",
}


class Redis:
    """Says PING, logs in, and says PING again."""

    name = "redis"
    options: Mapping[str, Option] = {
        "url": Option(),
        "host": Option(),
        "port": Option("whole"),
        "username": Option(),
        "password": Option(),
        "db": Option("whole"),
        "tls": Option("flag"),
    }
    shorthand = "url"
    is_each = False
    observes: Sequence[str] = ("ping", "auth", "info", "ms")
    is_alone = False

    def problems(self, options: Mapping[str, Any]) -> Iterator[str]:
        """What keeps the address from being one."""
        url = options.get("url")
        if url is not None and _parts(url) is None:
            yield (
                "url: write redis://user:password@host:port/db, or rediss:// for TLS, with everything in user and"
                " password that is neither a letter nor a digit as %XX."
            )

    def default(self, options: Mapping[str, Any]) -> Mapping[str, Any]:
        """That it answers."""
        return {"ping": "PONG"}

    def only_reads(self, options: Mapping[str, Any]) -> bool:
        """Always."""
        return True

    def mark(self, options: Mapping[str, Any], setting: Setting, world: World) -> None:
        """Nothing."""

    def observe(self, options: Mapping[str, Any], setting: Setting, world: World, mark: Any) -> Observed:
        """What it answers, and whether it would have answered anybody."""
        login = _login(options)
        host, port = login["host"], login["port"]
        trust = setting.trust if login["tls"] else None
        with world.network.connect(host, port, timeout=setting.timeout, trust=trust) as stream:
            session = _Session(stream, shown("redis", host, port), world.clock, world.clock() + setting.timeout)
            demands = session.ask("PING", allows="NOAUTH") is None
            # One that demands no password would refuse to be given one, but a user of its own may well have one.
            if login["password"] and (demands or login["username"]):
                session.ask("AUTH", *filter(None, (login["username"], login["password"])))
            if login["db"]:
                session.ask("SELECT", str(login["db"]))
            begun = world.clock()
            ping = session.ask("PING")
            ms = round((world.clock() - begun) * 1000, 3)
            info = session.ask("INFO", allows="NOPERM")
        told = f"{session.place} answered {ping} and demands {'a' if demands else 'no'} password."
        return Observed({"ping": ping, "auth": demands, "info": _read_info(info), "ms": ms}, told)


def _parts(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        is_whole = parts.scheme in ("redis", "rediss") and parts.hostname and parts.port != 0
    except ValueError:
        return None
    database = parts.path.strip("/")
    return parts if is_whole and (not database or database.isdigit()) else None


def _login(options: Mapping[str, Any]) -> dict[str, Any]:
    """Where to and as whom: what is given by itself stands above what the address holds."""
    parts = urlsplit(options.get("url") or "")
    in_url = {
        "host": parts.hostname or _HOST,
        "port": parts.port or _PORT,
        # The usual redis://:password@host has an empty user.
        "username": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
        "db": int(parts.path.strip("/") or 0),
        "tls": parts.scheme == "rediss",
    }
    return {name: value if options.get(name) is None else options[name] for name, value in in_url.items()}


class _Session:
    """The protocol of Redis, as far as single lines and single texts need it."""

    def __init__(self, stream: Stream, place: str, clock: Callable[[], float], deadline: float) -> None:
        self.place = place
        self._stream = stream
        self._clock = clock
        self._deadline = deadline
        self._rest = b""

    def ask(self, command: str, *arguments: str, allows: str = "") -> str | None:
        """The answer, or None if it is a refusal that begins with the word that is allowed."""
        words = [word.encode(errors="surrogateescape") for word in (command, *arguments)]
        sent = b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)
        self._stream.send(b"*%d\r\n%s" % (len(words), sent))
        line = self._up_to(b"\r\n")
        kind, said = line[:1], line[1:]
        if kind == "$" and said.isdigit() and int(said) <= _LONGEST:
            return self._next(int(said) + 2)[:-2]
        if kind == "+":
            return said
        if kind != "-":
            raise Unobserved(f"{self.place} does not speak the protocol of Redis. Correct host and port.")
        word = said.partition(" ")[0]
        if word == allows:
            return None
        # What it says of a login can hold the password.
        advice = _ADVICE.get(word) or ("It takes no such login." if command == "AUTH" else f"It said: {said}")
        raise Unobserved(f"{self.place} refused {command} with {word}. {advice}")

    def _up_to(self, end: bytes) -> str:
        while end not in self._rest:
            self._more()
        line, self._rest = self._rest.split(end, 1)
        return line.decode(errors="replace")

    def _next(self, size: int) -> str:
        while len(self._rest) < size:
            self._more()
        text, self._rest = self._rest[:size], self._rest[size:]
        return text.decode(errors="replace")

    def _more(self) -> None:
        data = self._stream.receive(self._deadline - self._clock())
        if not data:
            raise Unobserved(f"{self.place} ended the connection without an answer. Look into its log.")
        self._rest += data
        if len(self._rest) > 2 * _LONGEST:
            raise Unobserved(f"{self.place} does not speak the protocol of Redis. Correct host and port.")


def _read_info(text: str | None) -> dict[str, Any]:
    lines = (line.partition(":") for line in (text or "").splitlines())
    return {name: _number_or_text(value) for name, colon, value in lines if colon}


def _number_or_text(value: str) -> int | float | str:
    for convert in (int, float):
        try:
            return convert(value)
        except ValueError:
            continue
    return value
