# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module and an application with an admin API, on hosts of two distributions."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.integration import inside
from tests.integration.credentials.application import PASSWORD, PLACE, TOKEN
from tests.integration.machine import Host

PORT = "8078"
URL = f"http://127.0.0.1:{PORT}{PLACE}"
DATABASE = "/shared/credentials.db"
SCRIPT = "/shared/credentials_application.py"
ORDER = ["gemini", "groq", "openrouter", "openai", "anthropic"]
BEARER = {"url": URL, "bearer": TOKEN}
BASIC = {"url": URL, "basic": {"user": "admin", "password": PASSWORD}}
KEYS = {provider: f"sk-{provider}-canary-0123456789abcd" for provider in ORDER}
DECLARED = [{"name": f"{provider}-main", "provider": provider, "key": KEYS[provider]} for provider in ORDER]


@dataclass(frozen=True)
class Application:
    """The application on its host."""

    host: Host

    def ensure(self, *, check: bool = False, diff: bool = False, **options: Any) -> dict[str, Any]:
        """The result of the module, in which nobody finds a secret."""
        result = inside.module(self.host, "credential_priority", check=check, diff=diff, **options)
        assert "canary" not in json.dumps(result)
        return result

    def switch(self, **switches: Any) -> None:
        self._ask("switches", switches)

    def seen(self) -> list[str]:
        """What it was asked since this was looked at last."""
        found: list[str] = self._ask("seen", {})["seen"]
        self._ask("forget", {})
        return found

    def kept(self) -> list[str]:
        """What stands in its database, in order."""
        asked = "SELECT name, provider, priority, api_key IS NOT NULL FROM api_credentials ORDER BY priority, id"
        return self.host.run("sqlite3", DATABASE, asked).decode().split()

    def _ask(self, what: str, body: dict[str, Any]) -> Any:
        sent = ("--data", json.dumps(body), f"http://127.0.0.1:{PORT}/test/{what}")
        return json.loads(self.host.run("curl", "--silent", "--show-error", *sent))


@contextmanager
def running(host: Host) -> Iterator[Application]:
    """The application with an empty table."""
    shutil.copy(Path(__file__).with_name("application.py"), host.shared / Path(SCRIPT).name)
    host.run("rm", "-f", DATABASE)
    argv = inside.command(host, "python3", SCRIPT, PORT, DATABASE)
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout
            assert server.stdout.readline() == f"{PORT}\n"
            yield Application(host)
        finally:
            # The client's end does not end what runs inside.
            host.run("sh", "-c", f"kill $(pgrep -f '^python3 {SCRIPT} {PORT}')")
            server.wait(10)


@pytest.fixture
def application(smoke_host: Host) -> Iterator[Application]:
    with running(smoke_host) as started:
        yield started


KEPT = [f"{provider}-main|{provider}|{number}|1" for number, provider in zip(range(10, 60, 10), ORDER)]


def test_declared_credentials_come_to_be_in_their_order(application: Application) -> None:
    options: dict[str, Any] = {"api": BASIC, "order": ORDER, "credentials": DECLARED, "verify": True}

    foretold = application.ensure(check=True, diff=True, **options)
    asked = application.seen()
    done = application.ensure(diff=True, **options)
    again = application.ensure(diff=True, **options)

    assert "failed" not in done, done
    assert asked == [f"GET {PLACE}"]
    assert application.kept() == KEPT
    assert (foretold["changed"], done["changed"], again["changed"]) == (True, True, False)
    assert foretold["diff"] == done["diff"]
    assert [(one["name"], one["action"]) for one in done["changes"]] == [(f"{name}-main", "created") for name in ORDER]
    assert (done["first"], done["fallbacks"]) == ("gemini-main", [f"{provider}-main" for provider in ORDER[1:]])
    assert done["counts"] == {"before": 0, "after": 5}
    assert "only the beginning or the end" in again["key_compared_by"]


def test_failure_in_the_middle_and_the_run_after_it(application: Application) -> None:
    application.switch(lasts_for=2)
    options: dict[str, Any] = {"api": BEARER, "order": ORDER, "credentials": DECLARED}

    failed = application.ensure(**options)

    assert (failed["failed"], failed["changed"]) == (True, True)
    assert failed["msg"].startswith("2 of 5 changes are done. openrouter-main was not created: POST http://127.0.0.1")
    assert [one["name"] for one in failed["changes"]] == ["gemini-main", "groq-main"]
    assert [one["name"] for one in failed["pending"]] == ["openrouter-main", "openai-main", "anthropic-main"]
    assert application.kept() == KEPT[:2]
    application.switch(lasts_for=None)

    rest = application.ensure(**options)

    assert [one["name"] for one in rest["changes"]] == ["openrouter-main", "openai-main", "anthropic-main"]
    assert application.kept() == KEPT
    assert application.ensure(**options)["changed"] is False


def test_table_is_written_and_the_application_asked_for_the_proof(application: Application) -> None:
    application.ensure(api=BEARER, credentials=DECLARED)
    application.seen()
    options: dict[str, Any] = {"database": f"sqlite://{DATABASE}", "order": ORDER, "api": BEARER, "verify": True}

    done = application.ensure(**options)

    assert "failed" not in done, done
    assert (done["changed"], application.kept()) == (True, KEPT)
    asked = [PLACE, *(f"{PLACE}?provider={provider}" for provider in ORDER)]
    assert application.seen() == [f"GET {each}" for each in asked]
    assert application.ensure(**options)["changed"] is False

    application.switch(filters=False)
    unproved = application.ensure(**options)

    assert (unproved["failed"], unproved["changed"]) == (True, False)
    assert "Asked for ?provider=gemini, it lists groq-main (groq, id 2) too." in unproved["msg"]


@pytest.mark.parametrize(
    ("api", "words"),
    [
        ({"url": URL, "bearer": "somebody-canary"}, "401: the identity in api is not accepted"),
        ({"url": URL}, "401: it wants to know who asks"),
        ({**BEARER, "url": f"http://127.0.0.1:{PORT}/api?token=s3cret-canary"}, f"GET http://127.0.0.1:{PORT}/api was"),
        ({**BEARER, "url": "http://127.0.0.1:9/"}, "nothing listens there"),
        ({**BEARER, "url": f"https://127.0.0.1:{PORT}/"}, "TLS is not spoken there"),
        ({**BEARER, "items": "data"}, "The whole answer is a list: leave out api.items."),
        ({**BEARER, "fields": {"provider": "vendor"}}, "a row has no vendor, but id, name, provider,"),
    ],
)
def test_what_keeps_the_api_from_being_used_is_told(application: Application, api: dict[str, Any], words: str) -> None:
    application.ensure(api=BEARER, credentials=DECLARED[:1])

    failed = application.ensure(api=api, order=ORDER)

    assert failed["failed"] is True
    assert words in failed["msg"]
    assert application.kept() == ["gemini-main|gemini|100|1"]
