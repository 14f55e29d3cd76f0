# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import (
    CommandError,
    FileError,
    LockHeld,
    ShipshapeError,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._lock import HostLocks
from ansible_collections.shipshape.webapp.plugins.module_utils._logrotate.rules import HEADER, Rule, text_of
from ansible_collections.shipshape.webapp.plugins.module_utils._logrotate.timer import DROP_IN
from ansible_collections.shipshape.webapp.plugins.module_utils._logrotate.usecase import ensure_rules
from ansible_collections.shipshape.webapp.plugins.module_utils._result import Result
from tests.unit.logrotate.declared import rule
from tests.unit.logrotate.fake_logrotate import LOGS, Host, files_below

# Of the directories of the tests' own user, so that nobody is to be named with su.
ROOT = {"su": {"user": "root", "group": "root"}}


class Impatient(HostLocks):
    """Waits for nobody."""

    @contextmanager
    def hold_directory(self, path: str, *, wait: float = 0) -> Iterator[None]:
        assert wait
        with super().hold_directory(path):
            yield


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path / "host")


def ensure(host: Host, *rules: Rule, check: bool = False) -> Result:
    return ensure_rules(host.request(*rules), world=host.world(), check_mode=check)


def own(host: Host, name: str = "app", **options: Any) -> Rule:
    return rule(**{"name": name, "paths": [f"{LOGS}/{name}.log"], **ROOT, **options})


def refused(host: Host, *rules: Rule) -> ShipshapeError:
    """Why the rules are refused, which changes nothing, in check mode as well."""
    before = list(files_below(host.room))
    with pytest.raises(ShipshapeError) as foretold:
        ensure(host, *rules, check=True)
    with pytest.raises(ShipshapeError) as caught:
        ensure(host, *rules)
    assert list(files_below(host.room)) == before
    assert foretold.value.message == caught.value.message
    return caught.value


def read(host: Host, name: str = "app") -> str:
    return (host.directory / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("options", [{}, {"keep": 3}, {"max_size": "10M"}, {"state": "absent"}])
@pytest.mark.parametrize("first", [{}, {"max_size": "1M"}])
def test_check_mode_foretells_what_a_run_does(host: Host, first: dict[str, Any], options: dict[str, Any]) -> None:
    ensure(host, own(host, **first))
    before = list(files_below(host.room))

    foretold = ensure(host, own(host, **options), check=True)
    assert list(files_below(host.room)) == before
    done = ensure(host, own(host, **options))

    assert foretold == done
    assert done.changed is (options != first)
    assert not ensure(host, own(host, **options)).changed


def test_rule_is_written_whole_and_for_all_to_read(host: Host) -> None:
    (host.logs / "app.log").touch()

    done = ensure(host, own(host), own(host, "gone", state="absent"))

    assert read(host) == text_of(own(host), None).replace("{\n", "{\n    su root root\n")
    assert (host.directory / "app").stat().st_mode & 0o7777 == 0o644
    assert done.data["rules"] == [
        {
            "name": "app",
            "state": "present",
            "changed": True,
            "su": {"user": "root", "group": "root"},
            "logs": [f"{LOGS}/app.log"],
        },
        {"name": "gone", "state": "absent", "changed": False, "su": None, "logs": []},
    ]
    assert [(diff.path, diff.before) for diff in done.diffs] == [(f"{host.directory}/app", "")]
    assert done.warnings == []


def test_nothing_half_written_is_seen_by_logrotate(host: Host) -> None:
    ensure(host, own(host), own(host, "web"))

    assert host.seen == {"others", "app"}
    assert sorted(path.name for path in host.directory.iterdir()) == ["app", "others", "web"]


def test_others_stay_as_they_are(host: Host) -> None:
    ensure(host, own(host), own(host, "web"))
    others = read(host, "others")

    ensure(host, own(host, "web", state="absent"))

    assert sorted(path.name for path in host.directory.iterdir()) == ["app", "others"]
    assert read(host, "others") == others


def test_runs_wait_for_each_other(host: Host) -> None:
    with HostLocks().hold_directory(str(host.directory)), pytest.raises(LockHeld):
        ensure_rules(host.request(own(host)), world=replace(host.world(), locks=Impatient()), check_mode=False)


def test_mode_that_others_may_write_to_is_put_right(host: Host) -> None:
    ensure(host, own(host))
    (host.directory / "app").chmod(0o666)

    assert ensure(host, own(host)).changed
    assert (host.directory / "app").stat().st_mode & 0o7777 == 0o644


def test_what_would_be_misread_is_refused_before_anything_is_looked_at(host: Host) -> None:
    assert "rules[1].keep has to be at least 1." in refused(host, own(host), own(host, "web", keep=0)).message
    assert host.commands == []


def test_words_decide_and_not_the_exit_code(host: Host) -> None:
    ensure(host, own(host))

    error = refused(host, own(host, after="true\nwrong --option"))

    assert error.message == (
        "logrotate would not do this: 1 problem, nothing was changed. "
        f"{host.directory}/app:15: unknown option 'wrong --option' -- ignoring line."
    )


def test_what_others_have_wrong_is_a_warning(host: Host) -> None:
    (host.directory / "broken").write_text("/x.log {\nwrong\n}\n", encoding="utf-8")
    (host.logs / "app.log").touch()

    done = ensure(host, own(host))

    assert done.warnings == [
        f"logrotate says of what is not of these rules: {host.directory}/broken:2: unknown option 'wrong'"
        " -- ignoring line."
    ]
    assert "app:15: unknown" in refused(host, own(host, after="true\nwrong")).message
    assert "broken" not in refused(host, own(host, after="true\nwrong")).message


def test_own_old_mistake_is_no_excuse(host: Host) -> None:
    ensure(host, own(host))
    (host.directory / "app").write_text(f"{HEADER}/x.log {{\n}}\n\n\n\n\n\n\n\n\n\n\n\nwrong\n", encoding="utf-8")

    assert "app:15: unknown" in refused(host, own(host, after="true\nwrong")).message
    assert ensure(host, own(host)).warnings == [f"rules[0]: no log is at {LOGS}/app.log yet."]


@pytest.mark.parametrize(
    "include",
    ["include {}", "include  {}/", "  include={}", 'include "{}"', "include\t'{}'  "],
)
def test_all_ways_to_include_the_directory_are_known(host: Host, include: str) -> None:
    host.main.write_text(f"weekly\n{include.format(host.directory)}\n", encoding="utf-8")
    text = host.main.read_text(encoding="utf-8")

    ensure(host, own(host))

    assert host.included != str(host.directory)
    assert host.main.read_text(encoding="utf-8") == text


@pytest.mark.parametrize("main", ["weekly\n", "weekly\n# include {}\n", "include {}.old\n"])
def test_rule_that_is_not_read_is_refused(host: Host, main: str) -> None:
    (host.room / "logrotate.d.old").mkdir()
    host.main.write_text(main.format(host.directory), encoding="utf-8")

    assert refused(host, own(host)).message.endswith(
        f"It does not read {host.directory}: add the line `include {host.directory}` to {host.main}."
    )
    assert not ensure(host, own(host, state="absent")).changed


def test_host_without_logrotate_is_told(host: Host) -> None:
    host.has_logrotate = False
    assert "logrotate is not installed" in refused(host, own(host)).message

    host.has_logrotate = True
    host.main.unlink()
    assert f"{host.main} is not there" in refused(host, own(host)).message


def test_script_that_the_shell_cannot_read_is_refused(host: Host) -> None:
    error = refused(host, own(host), own(host, "web", after="if true; fi"))

    assert error.details["problems"][0].startswith("rules[1].after is nothing that sh could run: ")
    assert not ensure(host, own(host, state="absent", after="if true; fi")).changed


@pytest.mark.parametrize(
    ("text", "state"), [("/x.log {\n}\n", "present"), ("/x.log {\n}\n", "absent"), ("", "present")]
)
def test_foreign_file_is_refused(host: Host, text: str, state: str) -> None:
    (host.directory / "app").write_text(text, encoding="utf-8")

    assert "is there already and not of this collection" in refused(host, own(host, state=state)).message


def test_foreign_file_that_says_the_same_is_taken_over(host: Host) -> None:
    ensure(host, own(host))
    text = read(host)
    (host.directory / "app").write_text(text[len(HEADER) :], encoding="utf-8")

    assert ensure(host, own(host)).changed
    assert read(host) == text


def test_file_that_is_a_link_is_refused(host: Host) -> None:
    (host.directory / "app").symlink_to(host.main)

    assert "symbolic link" in refused(host, own(host)).message


@pytest.mark.parametrize(
    ("pattern", "others"),
    [("app.log", "app.log"), ("app.log", "*.log"), ("*.log", "app.log"), ("*.log", "*.log")],
)
def test_log_of_two_files_is_refused_before_there_is_one(host: Host, pattern: str, others: str) -> None:
    (host.directory / "others").write_text(f"{LOGS}/{others} {{\n}}\n", encoding="utf-8")

    assert refused(host, own(host, paths=[f"{LOGS}/{pattern}"])).details["problems"] == [
        f"{LOGS}/{pattern} would be rotated by {host.directory}/app and by {host.directory}/others, of which"
        " logrotate leaves one out: keep one of them."
    ]


def test_log_of_two_rules_is_refused_once(host: Host) -> None:
    web = own(host, "web", paths=[f"{LOGS}/*.log"])

    assert len(refused(host, own(host), web).details["problems"]) == 1


def test_log_can_go_from_one_rule_to_another(host: Host) -> None:
    ensure(host, own(host))

    assert ensure(host, own(host, state="absent"), own(host, "web", paths=[f"{LOGS}/app.log"])).changed
    assert not (host.directory / "app").exists()


def test_owner_is_told_before_logrotate_is_asked(host: Host) -> None:
    host.logs.chmod(0o777)

    problem = refused(host, own(host, su=None)).details["problems"][0]

    assert problem.startswith(f"rules[0]: every user can write to {LOGS}")
    assert host.commands == []


@pytest.mark.parametrize(
    ("after", "is_told"),
    [
        ("pm2 reloadLogs", True),
        ("/usr/bin/node x.js", True),
        ("cd /srv && npm run x", True),
        ("systemd-run --quiet --wait --collect pm2 reloadLogs", False),
        ("systemctl reload node-app.service pm2-app.service my.node", False),
        (None, False),
    ],
)
def test_command_that_crashes_in_the_sandbox_is_a_warning(host: Host, after: str | None, is_told: bool) -> None:
    (host.logs / "app.log").touch()

    warnings = ensure(host, own(host, after=after)).warnings

    assert [warning.startswith("rules[0].after: ") for warning in warnings] == [True] * is_told


# How often logrotate looks.


@pytest.mark.parametrize("options", [{"frequency": "hourly"}, {"size": "1M"}, {"max_size": "1M"}])
def test_timer_fires_each_hour_as_long_as_a_rule_needs_it(host: Host, options: dict[str, Any]) -> None:
    done = ensure(host, own(host, **options), own(host, "web", **options))

    drop_in = host.timer / "shipshape.conf"
    assert done.data["hourly"] is host.is_hourly is True
    assert [diff.path for diff in done.diffs][-1] == str(drop_in)
    assert drop_in.read_text(encoding="utf-8") == DROP_IN
    assert drop_in.stat().st_mode & 0o7777 == 0o644
    assert host.timer.stat().st_mode & 0o7777 == 0o755
    assert host.commands[-3:-1] == [("systemctl", "daemon-reload"), ("systemctl", "try-restart", "logrotate.timer")]

    assert ensure(host, own(host, state="absent")).data["hourly"] is host.is_hourly is True
    assert ensure(host, own(host, "web")).data["hourly"] is host.is_hourly is False
    assert not host.timer.exists()


def test_timer_is_left_alone_without_need(host: Host) -> None:
    ensure(host, own(host))
    ensure(host, own(host, state="absent"))

    assert "systemctl" not in [argv[0] for argv in host.commands]


def test_timer_that_systemd_has_not_read_is_read(host: Host) -> None:
    ensure(host, own(host, size="1M"))
    host.is_hourly = False

    assert ensure(host, own(host, size="1M")).changed
    assert host.is_hourly


def test_what_takes_the_hour_back_is_told_and_all_is_as_before(host: Host) -> None:
    ensure(host, own(host))
    before = list(files_below(host.room))
    host.obeys = False

    with pytest.raises(CommandError, match=r"does not fire each hour.*Everything is as it was before"):
        ensure(host, own(host, size="1M"))

    assert list(files_below(host.room)) == before


def test_host_without_systemd_has_no_hour(host: Host) -> None:
    host.has_systemd = False

    assert "looks once a day" in refused(host, own(host, frequency="hourly")).message
    assert ensure(host, own(host, size="1M")).data["hourly"] is False
    assert not host.timer.exists()


# What fails in the middle of a change.


@pytest.mark.parametrize("verb", ["daemon-reload", "try-restart"])
def test_failure_of_systemd_puts_everything_back(host: Host, verb: str) -> None:
    ensure(host, own(host), own(host, "gone"))
    before = list(files_below(host.room))
    host.failing = {verb: 1}

    with pytest.raises(CommandError, match=f"systemctl {verb} was not done. Everything is as it was before.") as caught:
        ensure(host, own(host, size="1M"), own(host, "gone", state="absent"), own(host, "new"))

    assert list(files_below(host.room)) == before
    assert not host.is_hourly
    assert caught.value.message.count("before") == 1


def test_failure_of_a_write_puts_back_what_was_written(host: Host) -> None:
    ensure(host, own(host), own(host, "gone"), own(host, "web"))
    before = list(files_below(host.room))
    host.unwritable = {"web"}

    with pytest.raises(FileError, match="Everything is as it was before"):
        ensure(host, own(host, keep=3), own(host, "gone", state="absent"), own(host, "web", keep=3))

    assert list(files_below(host.room)) == before


def test_way_back_that_fails_is_told(host: Host) -> None:
    host.failing = {"daemon-reload": 2}

    with pytest.raises(CommandError, match=r"was not done\. The way back failed too: systemctl daemon-reload"):
        ensure(host, own(host, size="1M"))

    assert not (host.directory / "app").exists()
