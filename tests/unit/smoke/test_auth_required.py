# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import socket
from dataclasses import replace

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import HttpError
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.auth_required import AuthRequired
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.kind import Observed, Setting, Unobserved
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Trust
from tests.unit.smoke.application import WORLD, Answer, Asked, application
from tests.unit.smoke.on_host import observed, problems


def answer(asked: Asked) -> Answer:
    """Lets in whoever comes with a cookie, a token or the published key, and /open all others too."""
    statuses = {"/open": 200, "/forbidden": 403, "/login": 302, "/none": 404, "/broken": 500}
    if any(name in asked.headers for name in ("cookie", "authorization")):
        return Answer(200, "welcome")
    if asked.headers.get("x-api-key") == "published":
        return Answer(200, "welcome")
    return Answer(statuses.get(asked.target, 401), "no entry", {"Set-Cookie": "session=1"})


def looked(argument: object, setting: Setting) -> Observed:
    return observed(AuthRequired(), argument, setting=setting, world=WORLD)


def test_refusal_is_observed() -> None:
    with application(answer) as app:
        session = WORLD.http.session(Trust())
        setting = Setting(app.url, headers={"Authorization": "Bearer hunter2"}, session=session)
        seen = looked(["/a", f"{app.url}/forbidden"], setting)

    assert seen.values == {"open": [], "statuses": {"/a": 401, f"{app.url}/forbidden": 403}}
    assert seen.told == f"GET {app.url}/a answered 401: no entry"
    assert not any({"authorization", "cookie"} & set(asked.headers) for asked in app.asked)


def test_whatever_is_no_refusal_is_open() -> None:
    with application(answer) as app:
        seen = looked(["/a", "/open", "/login", "/none", "/broken"], Setting(app.url))

    assert seen.values["open"] == ["/open", "/login", "/none", "/broken"]
    assert seen.values["statuses"] == {"/a": 401, "/open": 200, "/login": 302, "/none": 404, "/broken": 500}
    assert seen.told == f"GET {app.url}/open answered 200: no entry"


def test_key_that_must_be_refused_is_tried() -> None:
    reject = [{"X-API-Key": "changed"}, {"X-API-Key": "published", "X-B": 1}]
    with application(answer) as app:
        seen = looked({"paths": "/a", "reject": reject, "method": "POST"}, Setting(app.url))

    names = ["/a with reject[0] (X-API-Key)", "/a with reject[1] (X-API-Key, X-B)"]
    assert seen.values == {"open": names[1:], "statuses": {"/a": 401, names[0]: 401, names[1]: 200}}
    assert seen.told == f"POST {app.url}/a answered 200: welcome"
    assert [asked.method for asked in app.asked] == ["POST"] * 3


def test_silence_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with pytest.raises(HttpError) as caught:
        looked("/a", Setting(url))

    assert caught.value.message == f"GET {url}/a had no answer: nothing listens there."


def test_timeout_is_that_of_the_check_or_of_the_suite() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        setting = Setting(f"http://127.0.0.1:{listener.getsockname()[1]}", timeout=0.1)
        for argument in ({"paths": "/a"}, {"paths": "/a", "timeout": "50ms"}):
            with pytest.raises(HttpError, match=f"within {0.05 if 'timeout' in argument else 0.1} seconds"):
                looked(argument, setting)


def test_path_without_a_base_is_told() -> None:
    with pytest.raises(Unobserved, match=r"^There is no address to ask"):
        looked("/a", replace(Setting(), timeout=1))


@pytest.mark.parametrize(
    ("argument", "told"),
    [
        (["/a", "http://h/b", "${c}"], []),
        ({"paths": "/a", "reject": [{"X-API-Key": "${key}"}]}, []),
        ({"paths": "/a", "reject": {"X-API-Key": "x"}}, []),
        ({}, ["check: paths is missing."]),
        ([], ["paths: name at least one."]),
        (["a", 1], ["paths: begin the address with / or with http:// or https:// and a host."] * 2),
        (
            {"paths": "/a", "reject": ["x", {}, {"X": "a\nb"}]},
            [
                "reject[0]: this is no mapping of headers.",
                "reject[1]: this is no mapping of headers.",
                "reject[2].X: this is not one line of text.",
            ],
        ),
        ({"paths": "/a", "method": "get"}, ["check.method: Did you mean GET?"]),
    ],
)
def test_wrong_options_are_told(argument: object, told: list[str]) -> None:
    assert problems(AuthRequired(), argument) == told


def test_what_a_suite_needs_to_know() -> None:
    kind = AuthRequired()

    assert kind.default({}) == {"open": []}
    assert [kind.only_reads({"method": method}) for method in ("GET", "DELETE")] == [True, False]
    assert (kind.name, kind.shorthand, kind.is_each, kind.is_alone) == ("auth_required", "paths", False, False)
