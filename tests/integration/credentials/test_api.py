# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Credentials behind the API of a real application, which keeps them in a real database."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._credentials.api import Api, ApiBackend
from ansible_collections.shipshape.webapp.plugins.module_utils._credentials.credential import Declared
from ansible_collections.shipshape.webapp.plugins.module_utils._credentials.plan import Wanted
from ansible_collections.shipshape.webapp.plugins.module_utils._credentials.usecase import ensure_credentials
from ansible_collections.shipshape.webapp.plugins.module_utils._credentials.verify import verify
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import ChecksFailed, HttpError, ShipshapeError
from ansible_collections.shipshape.webapp.plugins.module_utils._http import HostHttp
from ansible_collections.shipshape.webapp.plugins.module_utils._result import Result
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Request, Trust
from tests.integration.credentials.application import PLACE, TOKEN, decrypted, encrypted

PRIORITIES = {"gemini": 10, "groq": 20, "openrouter": 30, "openai": 40, "anthropic": 50}
BEARER = {"Authorization": f"Bearer {TOKEN}"}
NEW_KEY = "sk-new-canary-0123456789wxyz"


def kept_key(provider: str) -> str:
    return f"sk-{provider}-canary-0123456789abcd"


@dataclass(frozen=True)
class Application:
    """Where it runs, and the database behind it."""

    url: str
    path: Path

    def switch(self, **switches: Any) -> None:
        self._ask("POST", "/test/switches", switches)

    def seen(self) -> list[str]:
        """What it was asked since this was looked at last."""
        found: list[str] = self._ask("GET", "/test/seen")["seen"]
        self._ask("POST", "/test/forget")
        return found

    def rows(self, *columns: str) -> dict[str, Any]:
        """What stands in its database, by name."""
        with closing(sqlite3.connect(self.path)) as database:
            database.row_factory = sqlite3.Row
            rows = [dict(row) for row in database.execute("SELECT * FROM api_credentials ORDER BY priority, id")]
        for row in rows:
            row["api_key"] = decrypted(row["api_key"])
        return {row["name"]: tuple(row[column] for column in columns) for row in rows}

    def priorities(self) -> dict[str, int]:
        return {name: priority for name, (priority,) in self.rows("priority").items()}

    def api(self, **options: Any) -> ApiBackend:
        """The backend as an administrator."""
        given = replace(Api(f"{self.url}{PLACE}", BEARER, secrets=[TOKEN, NEW_KEY]), **options)
        return ApiBackend(given, HostHttp().session(Trust()))

    def ensure(
        self,
        priorities: dict[str, int] | None = None,
        credentials: Sequence[Declared] = (),
        *,
        check_mode: bool = False,
        options: dict[str, Any] | None = None,
        **wishes: Any,
    ) -> Result:
        """The result of the use case, which lets the application prove what it has."""
        api = self.api(**(options or {}))
        wanted = Wanted(priorities or {}, credentials, **wishes)
        return ensure_credentials(
            wanted, self.url, backend=api, prove=lambda expected: verify(api, expected), check_mode=check_mode
        )

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        request = Request(method, f"{self.url}{path}", body=json.dumps(body).encode())
        return json.loads(HostHttp().session(Trust()).ask(request).body)


@pytest.fixture
def application(tmp_path: Path) -> Iterator[Application]:
    """The guide's five providers, all with the column's default, in no order."""
    path = tmp_path / "stacklens.db"
    script = Path(__file__).with_name("application.py")
    with subprocess.Popen([sys.executable, str(script), "0", str(path)], stdout=subprocess.PIPE, text=True) as running:
        try:
            assert running.stdout
            port = int(running.stdout.readline())
            with closing(sqlite3.connect(path, isolation_level=None)) as database:
                for provider in ("openai", "gemini", "anthropic", "groq", "openrouter"):
                    database.execute(
                        "INSERT INTO api_credentials (name, provider, api_key, endpoint, rate_limit, usage_count,"
                        " created_at, updated_at) VALUES (?, ?, ?, 'http://upstream/', 60, 7, 1, 1)",
                        [f"{provider}-main", provider, encrypted(kept_key(provider))],
                    )
            yield Application(f"http://127.0.0.1:{port}", path)
        finally:
            running.kill()


ALL = {f"{provider}-main": priority for provider, priority in PRIORITIES.items()}


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
@pytest.mark.parametrize("keys", ["whole", "mask", "flag", "nothing", "encrypted"])
def test_order_of_the_guide_comes_to_be_and_stays(application: Application, method: str, keys: str) -> None:
    application.switch(keys=keys)
    options = {"update_method": method}
    before = application.rows("provider", "api_key", "endpoint", "rate_limit", "is_active", "is_global", "usage_count")

    foretold = application.ensure(PRIORITIES, check_mode=True, options=options)
    asked = application.seen()
    done = application.ensure(PRIORITIES, options=options)
    carried_out = application.seen()
    again = application.ensure(PRIORITIES, options=options)

    assert asked == [f"GET {PLACE}"]
    assert [each.partition(" ")[0] for each in carried_out if not each.startswith("GET")] == [method] * 5
    assert (foretold.changed, foretold.diff, foretold.data) == (done.changed, done.diff, done.data)
    assert application.priorities() == ALL
    assert application.rows(
        "provider", "api_key", "endpoint", "rate_limit", "is_active", "is_global", "usage_count"
    ) == {name: before[name] for name in ALL}
    assert (done.changed, again.changed, again.data["changes"]) == (True, False, [])
    assert done.data["first"] == "gemini-main"


def test_credentials_are_made_changed_and_taken_away(application: Application) -> None:
    declared = [
        Declared("spare", values={"provider": "gemini", "priority": 15, "key": NEW_KEY, "rate_limit": 5}),
        Declared("private", "inactive", {"provider": "groq", "priority": 25, "user": 7, "global": False}),
        Declared("openai-main", "inactive", {"endpoint": "http://elsewhere/"}),
        Declared("groq-main", values={"key": NEW_KEY}),
        Declared("anthropic-main", "absent"),
    ]

    done = application.ensure({"gemini": 10}, declared)
    again = application.ensure({"gemini": 10}, declared)

    assert application.rows(
        "provider", "priority", "api_key", "endpoint", "rate_limit", "is_active", "is_global", "user_id"
    ) == {
        "gemini-main": ("gemini", 10, kept_key("gemini"), "http://upstream/", 60, 1, 1, None),
        "spare": ("gemini", 15, NEW_KEY, None, 5, 1, 1, None),
        "private": ("groq", 25, None, None, None, 0, 0, 7),
        "openai-main": ("openai", 100, kept_key("openai"), "http://elsewhere/", 60, 0, 1, None),
        "groq-main": ("groq", 100, NEW_KEY, "http://upstream/", 60, 1, 1, None),
        "openrouter-main": ("openrouter", 100, kept_key("openrouter"), "http://upstream/", 60, 1, 1, None),
    }
    ids = {name: own_id for name, (own_id,) in application.rows("id").items()}
    assert {one["name"]: one["id"] for one in done.data["after"]} == ids
    assert (done.changed, again.changed) == (True, False)
    assert "canary" not in str((done, again))


@pytest.mark.parametrize("lasts_for", range(4))
def test_failure_in_the_middle_tells_what_is_done_and_a_rerun_completes(
    application: Application, lasts_for: int
) -> None:
    declared = [Declared("new", values={"provider": "gemini", "key": NEW_KEY}), Declared("groq-main", "absent")]
    wishes: dict[str, Any] = {"priorities": {"gemini": 10, "openai": 40}, "credentials": declared}
    foretold = application.ensure(**wishes, check_mode=True)
    application.switch(lasts_for=lasts_for)

    with pytest.raises(ShipshapeError) as told:
        application.ensure(**wishes)

    error, changes = told.value, foretold.data["changes"]
    assert len(changes) == 4
    assert error.details["changed"] is (lasts_for > 0)
    assert error.details["changes"] == changes[:lasts_for]
    assert error.details["pending"] == changes[lasts_for:]
    failed = changes[lasts_for]
    assert error.message.startswith(f"{lasts_for} of 4 changes are done. {failed['name']} was not {failed['action']}: ")
    assert '500: {"error": "database is down"' in error.message
    assert "canary" not in f"{error.message} {error.details}"
    application.switch(lasts_for=None)

    rest, last = application.ensure(**wishes), application.ensure(**wishes)

    assert rest.data["changes"] == changes[lasts_for:]
    assert rest.data["after"] == [
        {**one, "id": application.rows("id")[one["name"]][0]} for one in foretold.data["after"]
    ]
    assert last.changed is False
    assert application.rows("priority", "api_key")["new"] == (10, NEW_KEY)


@pytest.mark.parametrize(
    ("keys", "key", "is_changed", "words"),
    [
        ("whole", kept_key("gemini"), False, None),
        ("whole", kept_key("gemini").replace("2", "7"), True, None),
        ("mask", kept_key("gemini"), False, "only the beginning or the end"),
        ("mask", NEW_KEY, True, "only the beginning or the end"),
        # What the sentence warns of.
        ("mask", kept_key("gemini").replace("2", "7"), False, "only the beginning or the end"),
        ("flag", NEW_KEY, False, "only whether there is a key"),
        ("encrypted", NEW_KEY, False, "only whether there is a key"),
        ("nothing", NEW_KEY, False, "nothing of keys"),
    ],
)
def test_key_is_compared_with_what_the_api_shows(
    application: Application, keys: str, key: str, is_changed: bool, words: str | None
) -> None:
    application.switch(keys=keys)
    declared = [Declared("gemini-main", values={"key": key})]

    done = application.ensure(credentials=declared)

    assert done.changed is is_changed
    assert application.rows("api_key")["gemini-main"] == (key if is_changed else kept_key("gemini"),)
    assert (words in done.data["key_compared_by"]) if words else ("key_compared_by" not in done.data)
    assert application.ensure(credentials=declared).changed is False

    application.ensure(credentials=declared, update_keys=True)

    is_known = keys == "whole" or (keys == "mask" and key != NEW_KEY)
    assert application.rows("api_key")["gemini-main"] == ((kept_key("gemini") if is_known and not is_changed else key),)


@pytest.mark.parametrize("keys", ["flag", "mask", "whole"])
def test_missing_key_is_noticed(application: Application, keys: str) -> None:
    application.switch(keys=keys)
    with closing(sqlite3.connect(application.path, isolation_level=None)) as database:
        database.execute("UPDATE api_credentials SET api_key = NULL WHERE provider = 'gemini'")

    done = application.ensure(credentials=[Declared("gemini-main", values={"key": NEW_KEY})])

    assert (done.changed, application.rows("api_key")["gemini-main"]) == (True, (NEW_KEY,))


def test_listing_within_an_answer(application: Application) -> None:
    application.switch(is_wrapped=True)
    with pytest.raises(ShipshapeError, match=r"Say in api\.items where it stands: data\.items\."):
        application.ensure(PRIORITIES)

    assert application.ensure(PRIORITIES, options={"items": "data.items"}).changed is True
    assert application.priorities() == ALL


def test_part_of_a_listing_is_not_worked_on(application: Application) -> None:
    application.switch(is_wrapped=True, page=3)
    application.seen()

    with pytest.raises(ShipshapeError, match=r"lists 3 credentials and says that there are more"):
        application.ensure(PRIORITIES, options={"items": "data.items"})

    assert application.seen() == [f"GET {PLACE}"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"headers": {"Authorization": "Bearer of-somebody-canary"}}, "401: the identity in api is not accepted"),
        ({"headers": {}}, "401: it wants to know who asks"),
        ({"url": "http://127.0.0.1:9/"}, "nothing listens there"),
    ],
)
def test_application_that_does_not_let_in_is_told(
    application: Application, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(ShipshapeError, match=words) as told:
        application.ensure(PRIORITIES, options=options)

    assert "canary" not in told.value.message
    assert application.priorities() == dict.fromkeys(ALL, 100)


def test_wrong_address_is_told(application: Application) -> None:
    with pytest.raises(ShipshapeError, match=r"404: .*Give the address of the collection in api\.url\."):
        application.ensure(PRIORITIES, options={"url": f"{application.url}/api/credentials"})


def test_identity_is_not_shown_to_whom_the_application_redirects(application: Application) -> None:
    application.seen()
    application.switch(redirects=f"{application.url}{PLACE}?again")

    with pytest.raises(ShipshapeError, match=rf"302, which leads to {application.url}{PLACE}\. That is not followed"):
        application.ensure(PRIORITIES)

    assert application.seen() == [f"GET {PLACE}"]


@pytest.mark.parametrize("headers", [{"X-Admin-Key": TOKEN}, BEARER])
def test_every_identity_is_let_in(application: Application, headers: dict[str, str]) -> None:
    assert application.ensure(PRIORITIES, options={"headers": headers}).changed is True


def test_change_that_is_forgotten_is_noticed_after_the_first(application: Application) -> None:
    application.switch(forgets=True)
    application.seen()

    with pytest.raises(ShipshapeError, match=r"has another priority than was sent: 100 instead of \d+\."):
        application.ensure(PRIORITIES)

    assert len([each for each in application.seen() if not each.startswith("GET")]) == 1


@pytest.mark.parametrize(
    ("switches", "words"),
    [
        ({"is_sorted": False}, "It does not sort by priority"),
        ({"filters": False}, r"Asked for \?provider=gemini, it lists groq-main \(groq, id \d\) too\."),
    ],
)
def test_application_that_shows_another_order_proves_nothing(
    application: Application, switches: dict[str, Any], words: str
) -> None:
    application.ensure(PRIORITIES)
    application.switch(**switches)

    with pytest.raises(ChecksFailed, match=words):
        application.ensure(PRIORITIES)


def test_proof_looks_at_what_is_expected(application: Application) -> None:
    application.ensure(PRIORITIES)
    api = application.api()
    expected = api.credentials([])

    verify(api, expected)
    with closing(sqlite3.connect(application.path, isolation_level=None)) as database:
        database.execute("UPDATE api_credentials SET priority = 11 WHERE provider = 'gemini'")

    with pytest.raises(ChecksFailed, match=r"It shows gemini-main \(gemini, id 2\) with priority 11 instead of"):
        verify(api, expected)
    with pytest.raises(HttpError, match="nothing listens there"):
        verify(application.api(url="http://127.0.0.1:9/"), expected)
