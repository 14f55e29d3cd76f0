# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import InvalidInput
from ansible_collections.shipshape.webapp.plugins.module_utils._nginx.plan import (
    Answer,
    Plan,
    Present,
    Request,
    is_read,
    plan_sites,
    previous_target,
    refuse_invalid,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Access, FileState, Process

REQUEST = Request(
    name="one",
    files={"site.conf": "v1"},
    main=None,
    is_wanted=True,
    directory="/etc/nginx",
    program="nginx",
    status_port=8099,
    gixy=False,
    timeout=10,
)
NOTHING = Present(target=None, files={}, main=None, generations=(), has_original=False, master=None, answer=None)
MASTER = Process(44, "7", 1, "/usr/sbin/nginx", "nginx: master process nginx")


def asked(**changes: Any) -> Request:
    return replace(REQUEST, **changes)


def after(request: Request, *, is_running: bool = True) -> Present:
    """What is there once this is carried out."""
    plan = plan_sites(request, NOTHING)
    main = None if request.main is None else FileState(request.main.encode(), Access(), 0, 0)
    return Present(
        target=plan.target,
        files=plan.files,
        main=main,
        generations=(plan.target,) if plan.target else (),
        has_original=False,
        master=MASTER if is_running else None,
        answer=Answer("one", str(plan.generation)) if is_running else None,
    )


def changes(plan: Plan) -> tuple[Any, Any, Any]:
    return plan.added, plan.changed, plan.removed


def test_first_files_are_all_new() -> None:
    plan = plan_sites(REQUEST, NOTHING)

    assert plan.is_needed
    assert plan.target == f".one.{plan.generation}"
    assert changes(plan) == (["applications/one/generation.conf", "applications/one/site.conf"], [], [])
    assert f'return 200 "one {plan.generation}\\n";' in plan.files["generation.conf"].decode()
    assert "listen 127.0.0.1:8099;" in plan.files["generation.conf"].decode()
    assert [(one.path, one.before) for one in plan.diff] == [
        ("/etc/nginx/applications/one/generation.conf", ""),
        ("/etc/nginx/applications/one/site.conf", ""),
    ]
    assert sorted(plan.change.files) == [one.path for one in plan.diff]
    assert plan.change.replaced == "/etc/nginx/applications/one"


@pytest.mark.parametrize("is_running", [True, False])
def test_what_is_there_and_read_is_left_alone(is_running: bool) -> None:
    for request in (REQUEST, asked(main="m", files={})):
        plan = plan_sites(request, after(request, is_running=is_running))

        assert not plan.is_needed
        assert (*changes(plan), plan.diff) == ([], [], [], [])


@pytest.mark.parametrize(
    "request_",
    [
        asked(name="two"),
        asked(files={"site.conf": "v2"}),
        asked(files={"other.conf": "v1"}),
        asked(files={"site.conf": "v1", "a": ""}),
        asked(main="m"),
        asked(status_port=8098),
    ],
)
def test_generation_names_exactly_one_content(request_: Request) -> None:
    wanted = plan_sites(REQUEST, NOTHING).generation

    assert wanted == plan_sites(asked(files=dict(REQUEST.files)), NOTHING).generation
    assert len(str(wanted)) == 12
    assert plan_sites(request_, NOTHING).generation != wanted


def test_files_that_differ_are_named() -> None:
    present = after(asked(files={"site.conf": "v0", "old": ""}, main="m0"))

    plan = plan_sites(asked(files={"site.conf": "v1", "new": ""}, main="m1"), present)

    assert changes(plan) == (
        ["applications/one/new"],
        ["applications/one/generation.conf", "applications/one/site.conf", "nginx.conf"],
        ["applications/one/old"],
    )
    assert (plan.writes_files, plan.writes_main, plan.reloads) == (True, True, True)
    assert plan.change.files["/etc/nginx/nginx.conf"] == b"m1"


def test_main_file_alone_is_put_back() -> None:
    request = asked(main="m")
    present = after(request)
    edited = replace(present, main=FileState(b"edited", Access(), 0, 0))

    plan = plan_sites(request, edited)

    assert (plan.writes_files, plan.writes_main, plan.reloads) == (False, True, True)
    assert (plan.target, changes(plan)) == (present.target, ([], ["nginx.conf"], []))


def test_edited_files_are_put_back_beside_those_in_use() -> None:
    present = after(REQUEST)
    edited = replace(present, files={**present.files, "site.conf": b"edited"})

    plan = plan_sites(REQUEST, edited)

    assert plan.target == f"{present.target}.again"
    assert plan_sites(REQUEST, replace(edited, target=plan.target)).target == present.target


def test_files_that_are_not_read_yet_are_read() -> None:
    for answer in (None, Answer("one", "0"), Answer("two", plan_sites(REQUEST, NOTHING).generation or "")):
        plan = plan_sites(REQUEST, replace(after(REQUEST), answer=answer))

        assert (plan.writes_files, plan.reloads, changes(plan)) == (False, True, ([], [], []))
        [diff] = plan.diff
        assert diff.before != diff.after


def test_nginx_that_does_not_run_is_not_reloaded() -> None:
    plan = plan_sites(asked(files={"site.conf": "v2"}), after(REQUEST, is_running=False))

    assert (plan.writes_files, plan.reloads) == (True, False)


def test_absent_application_goes_with_all_its_files() -> None:
    gone = asked(files={}, is_wanted=False)

    plan = plan_sites(gone, after(REQUEST))

    assert (plan.generation, plan.target, plan.files) == (None, None, {})
    assert plan.removed == ["applications/one/generation.conf", "applications/one/site.conf"]
    assert (plan.writes_files, plan.reloads) == (True, True)
    # A server of another application may answer in its place.
    for answer in (None, Answer("two", "0")):
        assert not plan_sites(gone, replace(NOTHING, master=MASTER, answer=answer)).is_needed
    assert plan_sites(gone, replace(NOTHING, master=MASTER, answer=Answer("one", "0"))).reloads
    assert plan_sites(gone, replace(NOTHING, target=".one.0")).writes_files


@pytest.mark.parametrize(
    ("generation", "answer", "expected"),
    [
        ("0", Answer("one", "0"), True),
        ("0", Answer("one", "1"), False),
        ("0", Answer("two", "0"), False),
        ("0", None, False),
        (None, Answer("one", "0"), False),
        (None, Answer("two", "0"), True),
        (None, None, True),
    ],
)
def test_answer_tells_what_is_read(generation: str | None, answer: Answer | None, expected: bool) -> None:
    assert is_read(REQUEST, generation, answer) is expected


@pytest.mark.parametrize(
    ("target", "generations", "answer", "expected"),
    [
        (".one.2", (".one.1", ".one.2"), Answer("one", "2"), ".one.2"),
        (".one.2.again", (".one.2.again",), Answer("one", "2"), ".one.2.again"),
        (".one.2.again", (".one.2", ".one.2.again"), Answer("one", "2"), ".one.2.again"),
        (".one.2", (".one.1", ".one.2"), Answer("one", "1"), ".one.1"),
        (".one.2", (".one.1.again", ".one.2"), Answer("one", "1"), ".one.1.again"),
        (None, (".one.1",), Answer("one", "1"), ".one.1"),
        (".one.2", (".one.2",), Answer("one", "1"), ".one.2"),
        (".one.2", (".one.1", ".one.2"), Answer("two", "1"), ".one.2"),
        (".one.2", (".one.1", ".one.2"), None, ".one.2"),
        (None, (), None, None),
    ],
)
def test_way_back_leads_to_what_nginx_has_read(
    target: str | None, generations: tuple[str, ...], answer: Answer | None, expected: str | None
) -> None:
    assert previous_target(REQUEST, replace(NOTHING, target=target, generations=generations, answer=answer)) == expected


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"name": "a b"}, "name may have"),
        ({"name": ""}, "name may have"),
        ({"name": "a."}, "name may have"),
        ({"directory": "etc"}, "directory must be"),
        ({"directory": "/etc/nginx/"}, "directory must be"),
        ({"directory": "/a b"}, "directory must be"),
        ({"status_port": 0}, "status_port must be"),
        ({"status_port": 65536}, "status_port must be"),
        ({"timeout": 0}, "timeout must be"),
        ({"files": {}}, "files is empty"),
        ({"is_wanted": False}, "neither files nor main"),
        ({"is_wanted": False, "files": {}, "main": "m"}, "neither files nor main"),
        ({"files": {"generation.conf": ""}}, "written by the module itself"),
        ({"files": {"a": 1}}, "must be text"),
        ({"files": {"a": "", "a/b": ""}}, "lies below another file"),
        ({"files": {"a": "", "a/b/c": ""}}, "lies below another file"),
        *(
            ({"files": {path: ""}}, "must be a plain path")
            for path in (
                "",
                "/a",
                "a/",
                "a//b",
                ".",
                "..",
                "../a",
                "a/../b",
                "a/./b",
                "a b",
                "a\nb",
                "a\0",
                "a\u00e4",
                "*",
            )
        ),
    ],
)
def test_wrong_request_is_refused(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        refuse_invalid(asked(**changes))

    [problem] = caught.value.details["problems"]
    assert told in problem


def test_all_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(InvalidInput) as caught:
        refuse_invalid(asked(name="/", timeout=-1, files={"..": "", "b": 2}))

    assert len(caught.value.details["problems"]) == 4


@pytest.mark.parametrize("request_", [REQUEST, asked(files={}, main=""), asked(files={}, is_wanted=False)])
def test_right_request_is_not_refused(request_: Request) -> None:
    refuse_invalid(request_)
    refuse_invalid(replace(request_, name="A-b_9"))


def test_main_file_is_its_owners_alone() -> None:
    own, main = "/etc/nginx/applications/one/site.conf", "/etc/nginx/nginx.conf"

    assert [asked().is_own(path) for path in (own, main, "/etc/nginx/applications/one-more/a")] == [True, False, False]
    assert asked(main="m").is_own(main)


@pytest.mark.parametrize(
    "path", [".htpasswd", "a/b/c.conf", "..a", "generation.conf/x", "a/generation.conf", "A-b_@+.c"]
)
def test_plain_path_is_not_refused(path: str) -> None:
    refuse_invalid(asked(files={path: ""}))
