# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import (
    ChecksFailed,
    CommandError,
    FileError,
    HttpError,
    InvalidInput,
    ShipshapeError,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._result import Diff, Result
from ansible_collections.shipshape.webapp.plugins.module_utils._traffic.plan import Request
from ansible_collections.shipshape.webapp.plugins.module_utils._traffic.taking_back import SCRIPT
from ansible_collections.shipshape.webapp.plugins.module_utils._traffic.usecase import move_traffic
from tests.unit.traffic.fake_host import BATCHES, HEALTH, SHOP, SLOTS, FakeHost, declared

UNIT = "/etc/systemd/system/shipshape-traffic.service"
TIMER = "shipshape-traffic-shop-2a2a2a2a"


def shop(*flags: str, **told: Any) -> FakeHost:
    return FakeHost(declared(**{**SLOTS, **HEALTH, **told})).turn(*flags)


def fleet(*flags: str, **told: Any) -> FakeHost:
    return FakeHost(declared(**{**BATCHES, **HEALTH, **told})).turn(*flags)


def do(host: FakeHost, action: str, *, check_mode: bool = False, **options: Any) -> Result:
    return move_traffic(Request("shop", action, **options), host.ports(), check_mode=check_mode)


def problem(host: FakeHost, action: str, **options: Any) -> str:
    """Why it is refused, in check mode as well, and with nothing done."""
    before, told = dict(host.content), []
    for check_mode in (True, False):
        with pytest.raises(InvalidInput) as refused:
            do(host, action, check_mode=check_mode, **options)
        told.append(" ".join(refused.value.details["problems"]))
    assert (host.content, host.log) == (before, [])
    assert told[0] == told[1]
    return told[0]


SWITCHING: list[tuple[FakeHost, str, dict[str, Any], list[str], dict[str, object]]] = [
    (shop(), "switch", {"to": "green"}, ["green"], {"live": "green"}),
    (shop("green", "maintenance"), "switch", {"to": "blue"}, ["maintenance"], {"live": "blue", "maintenance": True}),
    (fleet(), "drain", {"batch": "app1"}, ["drain-app1"], {"live": None, "drained": ["app1"]}),
    (fleet("drain-app1"), "undrain", {"batch": "app1"}, [], {"drained": []}),
    (shop("green"), "maintenance_on", {}, ["green", "maintenance"], {"live": "green", "maintenance": True}),
    (shop("maintenance"), "maintenance_off", {}, [], {"maintenance": False}),
    (FakeHost(declared()), "maintenance_on", {}, ["maintenance"], {"live": None, "drained": [], "maintenance": True}),
]


@pytest.mark.parametrize(("host", "action", "options", "flags", "after"), SWITCHING)
def test_one_flag_is_turned(
    host: FakeHost, action: str, options: dict[str, Any], flags: list[str], after: dict[str, object]
) -> None:
    before = host.flags()
    foretold = do(host, action, check_mode=True, **options)
    assert (host.flags(), host.log) == (before, [])

    done = do(host, action, **options)
    again = do(host, action, **options)

    assert host.flags() == flags
    assert after.items() <= done.data["after"].items()
    assert (foretold.changed, done.changed, again.changed) == (True, True, False)
    assert done.diff is not None
    assert foretold.diff == done.diff
    assert again.diff is None
    assert foretold.data["before"] == done.data["before"]
    assert foretold.data["after"] == done.data["after"] == again.data["before"] == again.data["after"]
    assert (foretold.data["proved"], done.data["proved"], again.data["proved"]) == (None, True, True)
    assert len([line for line in host.log if line.startswith("move")]) == 1
    assert done.warnings == again.warnings == []


def test_everything_is_done_in_order_under_the_lock() -> None:
    host = shop()
    do(host, "switch", to="green", arm=300)

    assert host.log == [
        "prepare /var/lib/shipshape 755",
        "prepare /var/lib/shipshape/traffic 755",
        f"prepare {SHOP} 755",
        f"prepare {SHOP}/on 755",
        f"prepare {SHOP}/off 755",
        "prepare /usr/local/lib/shipshape 755",
        f"write {SCRIPT} 755",
        f"write {UNIT} 644",
        "systemctl enable --quiet shipshape-traffic.service",
        f"lock {SHOP}",
        f"systemd-run --quiet --collect --unit={TIMER} --on-active=300 --timer-property=AccuracySec=100ms "
        f"/bin/sh {SCRIPT} {SHOP} 2a2a2a2a",
        f"remove {SHOP}/reverted",
        f"write {SHOP}/armed 644",
        f"write {SHOP}/off/green 644",
        f"move {SHOP}/off/green {SHOP}/on/green",
        "unlock",
    ]
    assert host.content[f"{SHOP}/on/green"] == (
        b"Since 2026-11-21T09:00:00Z, by switch to green of the module shipshape.webapp.traffic.\n"
    )
    assert host.content[f"{SHOP}/armed"].decode().splitlines() == [
        "id 2a2a2a2a",
        "boot kernel-77",
        "flag green",
        "was off",
        "act switch to green",
        "since 2026-11-21T09:00:00Z",
        "until 2026-11-21T09:05:00Z",
    ]


def test_flags_elsewhere_are_turned_and_never_armed() -> None:
    host = shop(flags="/home/ann/traffic/shop")

    with pytest.raises(InvalidInput, match="after a start of the host nothing would look for them"):
        do(host, "switch", to="green", arm=300)
    assert host.log == []
    host.status = lambda: (200, '{"group": "green", "maintenance": "off"}')
    do(host, "switch", to="green")

    assert host.log == [
        "prepare /home/ann/traffic 755",
        "prepare /home/ann/traffic/shop 755",
        "prepare /home/ann/traffic/shop/on 755",
        "prepare /home/ann/traffic/shop/off 755",
        "lock /home/ann/traffic/shop",
        "write /home/ann/traffic/shop/off/green 644",
        "move /home/ann/traffic/shop/off/green /home/ann/traffic/shop/on/green",
        "unlock",
    ]


def installing(host: FakeHost) -> list[str]:
    return [line for line in host.log if line.startswith(("write /usr", "write /etc", "systemctl enable"))]


def test_script_and_unit_are_installed_only_if_need_be() -> None:
    host = shop()
    do(host, "maintenance_on")
    assert installing(host) == []
    do(host, "switch", to="green", arm=5)
    assert len(installing(host)) == 3
    do(host, "revert")

    host.log.clear()
    do(host, "switch", to="green", arm=5)
    assert installing(host) == []
    do(host, "revert")

    # A run that was killed before it had enabled the unit.
    del host.content["/etc/systemd/system/multi-user.target.wants/shipshape-traffic.service"]
    do(host, "switch", to="green", arm=5)
    assert installing(host) == ["systemctl enable --quiet shipshape-traffic.service"]
    do(host, "revert")

    host.log.clear()
    host.content[UNIT] = b"older"
    do(host, "switch", to="green", arm=5)
    assert installing(host) == [f"write {UNIT} 644", "systemctl enable --quiet shipshape-traffic.service"]


def test_timer_that_does_not_start_leaves_everything_as_it_was() -> None:
    host = shop()
    host.failing = ["systemd-run"]
    with pytest.raises(CommandError, match="To start a timer on the host failed"):
        do(host, "switch", to="green", arm=300)
    assert (host.flags(), host.flags("off"), f"{SHOP}/armed" in host.content) == ([], [], False)


@pytest.mark.parametrize(
    ("host", "action", "options", "told"),
    [
        (shop(), "switch", {"to": "gren"}, "There is no slot gren. Did you mean green?"),
        (shop(), "confirm", {"to": "gren"}, "There is no slot gren. Did you mean green?"),
        (shop(), "switch", {"to": "green", "batch": "app1"}, "batch does not go with switch."),
        (shop(), "maintenance_off", {"arm": 5}, "arm does not go with maintenance_off."),
        (shop(), "state", {"to": "green"}, "to does not go with state."),
        (shop(), "switch", {"to": "green", "arm": 0}, "arm is not a number of seconds from 1 on."),
        (shop(), "switch", {"to": "green", "wait": -1}, "wait and websocket_wait are not below 0."),
        (shop(), "switch", {"to": "green", "websocket_wait": -1}, "wait and websocket_wait are not below 0."),
        (shop(), "drain", {"batch": "app1"}, "Its traffic.json names none, so there is no batch to choose."),
        (fleet(), "switch", {"to": "green"}, "Its traffic.json names none, so there is no slot to choose."),
        (fleet(), "drain", {"batch": "ap1"}, "There is no batch ap1. Did you mean app1?"),
        (fleet("drain-app2"), "drain", {"batch": "app1"}, "app2 is drained already: undrain it first."),
    ],
)
def test_what_does_not_fit_is_refused(host: FakeHost, action: str, options: dict[str, Any], told: str) -> None:
    assert problem(host, action, **options) == told


def test_name_is_refused_before_it_becomes_a_path() -> None:
    with pytest.raises(InvalidInput, match="name has other characters"):
        move_traffic(Request("../shop"), shop().ports(), check_mode=False)


def test_application_without_its_file_is_told() -> None:
    host = shop()
    host.content.clear()
    with pytest.raises(FileError, match=r"applications/shop/traffic\.json is not there"):
        do(host, "state")


def test_nothing_is_switched_to_what_is_not_healthy() -> None:
    host = shop()
    del host.answers["127.0.0.1:3002"]
    told = "switch to green needs 1 of 127.0.0.1:3002 to be healthy, and 0 are so. 127.0.0.1:3002 is shut."
    assert problem(host, "switch", to="green", arm=5) == told

    for status in (199, 300, 404, 503):
        host.answers["127.0.0.1:3002"] = status
        assert f"127.0.0.1:3002 answers {status} at /health." in problem(host, "switch", to="green")
    host.answers["127.0.0.1:3002"] = 0
    assert "answers with something else than HTTP" in problem(host, "switch", to="green")

    host.answers["127.0.0.1:3002"] = 299
    assert do(host, "switch", to="green").changed
    assert ("127.0.0.1:3002", "GET /health HTTP/1.0\r\nHost: shop.example.com\r\n\r\n") in host.asked


def test_every_backend_of_a_slot_has_to_be_healthy() -> None:
    slots = {"blue": ["127.0.0.1:3001"], "green": ["127.0.0.1:3002", "127.0.0.1:3003"]}
    assert "needs 2 of 127.0.0.1:3002, 127.0.0.1:3003 to be healthy, and 1 are so" in problem(
        shop(slots=slots), "switch", to="green"
    )


def test_connection_has_to_do_without_a_health_path() -> None:
    host = shop(health=None)
    host.answers["127.0.0.1:3002"] = 503
    assert do(host, "switch", to="green").changed
    assert "127.0.0.1:3002" not in [place for place, _text in host.asked]

    del host.answers["127.0.0.1:3001"]
    assert "127.0.0.1:3001 is shut." in problem_after(host, "switch", to="blue")


def problem_after(host: FakeHost, action: str, **options: Any) -> str:
    host.log.clear()
    return problem(host, action, **options)


def test_enough_healthy_backends_have_to_remain() -> None:
    host = fleet()
    host.answers["two:5000"] = 503
    assert problem(host, "drain", batch="app1") == (
        "drain app1 needs 2 of two:5000, three:5000 to be healthy, and 1 are so. two:5000 answers 503 at /health."
    )
    # The sick one itself can go, and comes back only when it is well.
    assert do(host, "drain", batch="app2").changed
    assert "undrain app2 needs 1 of two:5000" in problem_after(host, "undrain", batch="app2")
    host.answers["two:5000"] = 200
    assert do(host, "undrain", batch="app2").changed


def test_last_batch_is_not_drained() -> None:
    host = fleet(batches={"app1": ["one:5000"]}, min_healthy=1)
    assert problem(host, "drain", batch="app1") == "drain app1 needs 1 to be healthy, and 0 are so."


def test_what_is_so_already_needs_no_health_and_is_not_armed() -> None:
    host = shop("green")
    host.answers.clear()
    host.has_systemd = False
    done = do(host, "switch", to="green", arm=300)
    assert (done.changed, done.data["after"]["armed"], host.log) == (False, None, [])


@pytest.mark.parametrize(
    ("status", "told"),
    [
        ((200, '{"group": "blue", "maintenance": "off"}'), "nginx still takes the group blue, with maintenance off"),
        ((200, '{"group": "green", "maintenance": "on"}'), "nginx still takes the group green, with maintenance on"),
        ((404, "<html>"), "nginx does not say where traffic goes, but answers 404"),
        ((200, "{}"), "nginx does not say where traffic goes, but answers 200"),
        ((200, "[]"), "nginx does not say where traffic goes, but answers 200"),
        ((0, ""), "nginx gives no answer"),
        (HttpError("It is silent.", reason="timeout"), "nginx gives no answer"),
    ],
)
@pytest.mark.parametrize("arm", [None, 300])
def test_what_nginx_does_not_see_is_taken_back(status: tuple[int, str] | HttpError, told: str, arm: int | None) -> None:
    host = shop()
    do(host, "switch", to="green", arm=300)
    do(host, "revert")
    before = dict(host.content)
    host.status = lambda: status
    with pytest.raises(ChecksFailed) as failed:
        do(host, "switch", to="green", arm=arm)

    assert failed.value.message.startswith(f"switch to green was taken back: {told}.")
    assert host.flags() == []
    assert before.keys() == host.content.keys()
    assert host.content[f"{SHOP}/reverted"] == before[f"{SHOP}/reverted"]
    assert (host.log[-1] == f"systemctl stop --quiet {TIMER}.timer") is bool(arm)


def test_nginx_that_is_being_restarted_has_a_moment() -> None:
    host = shop()
    host.status = lambda: host.seen_by_nginx() if host.seconds > 1 else HttpError("Reset.", reason="connection")
    assert do(host, "maintenance_on").data["proved"] is True
    assert 1 < host.seconds < 2


def test_one_worker_of_several_that_is_wrong_is_noticed() -> None:
    host = shop()
    answers = iter(["green", "green", "blue", "green"])
    host.status = lambda: (200, f'{{"group": "{next(answers)}", "maintenance": "off"}}')
    with pytest.raises(ChecksFailed, match="still takes the group blue"):
        do(host, "switch", to="green")


def test_without_nginx_the_act_stands() -> None:
    host = shop()
    host.status = lambda: HttpError("Nothing listens.", reason="refused")
    done = do(host, "switch", to="green")
    assert (done.changed, done.data["proved"], host.flags()) == (True, False, ["green"])
    assert done.warnings == [
        "Nothing is proved, because nothing answers at 127.0.0.1:8099: nginx does not run, or was not reloaded."
    ]


def test_nginx_that_sees_something_else_is_told_without_an_act() -> None:
    host = shop("green")
    host.status = lambda: (200, '{"group": "blue", "maintenance": "off"}')
    state = do(host, "state")
    assert (state.changed, state.data["proved"]) == (False, False)
    assert state.warnings[0].startswith("nginx still takes the group blue, with maintenance off. It remembers files")
    with pytest.raises(ChecksFailed, match=r"flags of shop are right \(switch to green\), but nginx still takes"):
        do(host, "switch", to="green")
    assert host.flags() == ["green"]


def test_several_drained_by_hand_are_one_of_their_groups() -> None:
    assert do(fleet("drain-app1", "drain-app2"), "state").data["proved"] is True
    assert not do(fleet("drain-app1", "drain-app2"), "drain", batch="app2").changed


def test_requests_are_waited_for_and_then_websockets() -> None:
    host = shop()
    host.connections = [(2, 1), (1, 1), (1, 1), (0, 1), (0, 1), (0, 0)]
    done = do(host, "switch", to="green", wait=10, websocket_wait=10)
    assert done.data["in_flight"] == {"requests": 0, "websockets": 0}
    assert 5 <= done.data["waited"] < 5.5
    # The masters and their workers; what nginx has no part in may stay.
    assert host.awaited == [[("127.0.0.1", 3001)], [5, 6, 9]]
    assert done.warnings == []


def test_limits_are_told_and_do_not_fail() -> None:
    host = shop()
    host.connections = [(2, 1)]
    done = do(host, "switch", to="green", wait=3, websocket_wait=2)
    assert done.data["in_flight"] == {"requests": 2, "websockets": 1}
    assert 5 <= done.data["waited"] < 5.5
    assert done.warnings == ["nginx still has connections to 127.0.0.1:3001: 2 for requests, 1 for WebSockets."]

    # The first run could have been killed while it waited.
    again = do(host, "switch", to="green", wait=1, websocket_wait=0)
    assert (again.changed, again.data["in_flight"]) == (False, {"requests": 2, "websockets": 1})


def test_websockets_alone_have_their_own_limit_only() -> None:
    host = shop()
    host.connections = [(0, 1)]
    assert 2 <= do(host, "switch", to="green", wait=60, websocket_wait=2).data["waited"] < 2.5


def test_names_are_looked_up_before_they_are_waited_for() -> None:
    host = fleet(min_healthy=1)
    do(host, "drain", batch="app1")
    assert host.awaited[0] == [("10.0.0.3", 5000)]
    do(host, "undrain", batch="app1")
    done = do(host, "drain", batch="app3")
    assert done.warnings == ["It is not known what is under way to three:5000: three has no address: nobody knows it."]


@pytest.mark.parametrize(("action", "options"), [("state", {}), ("maintenance_on", {}), ("undrain", {"batch": "app1"})])
def test_others_do_not_wait(action: str, options: dict[str, Any]) -> None:
    host = fleet("drain-app1")
    assert do(host, action, **options).data["in_flight"] is None
    assert (host.awaited, host.seconds) == ([], 0)


def armed(*, arm: int = 300) -> FakeHost:
    host = shop()
    do(host, "switch", to="green", arm=arm)
    host.log.clear()
    return host


def test_arming_is_told() -> None:
    host = shop()
    foretold = do(host, "switch", check_mode=True, to="green", arm=300)
    done = do(host, "switch", to="green", arm=300)
    told = {"act": "switch to green", "since": "2026-11-21T09:00:00Z", "until": "2026-11-21T09:05:00Z"}
    assert foretold.data["after"]["armed"] == done.data["after"]["armed"] == told
    assert done.warnings == []
    assert foretold.diff == done.diff
    assert done.data["after_reboot"] == (
        "A reboot takes back what is armed (switch to green) before nginx starts, after which blue is live, "
        "maintenance is off."
    )
    again = do(host, "switch", to="green")
    assert not again.changed
    assert again.warnings == [
        "switch to green is armed, and is taken back at 2026-11-21T09:05:00Z unless it is confirmed."
    ]


def test_flag_that_is_turned_off_is_only_renamed() -> None:
    host = shop("green")
    host.content[f"{SHOP}/on/green"] = b"since when"
    do(host, "switch", to="blue")
    assert [line for line in host.log if line.startswith("write")] == []
    assert host.content[f"{SHOP}/off/green"] == b"since when"


def test_switch_back_that_is_armed_goes_to_green_again() -> None:
    host = shop("green")
    do(host, "switch", to="blue", arm=300)
    assert b"was on\n" in host.content[f"{SHOP}/armed"]
    assert do(host, "revert").data["after"]["live"] == "green"


@pytest.mark.parametrize(
    ("has_systemd", "programs", "told"),
    [
        (False, ["flock"], "systemd does not run here"),
        (True, [], "flock is not installed here"),
    ],
)
def test_host_that_cannot_take_back_refuses_to_arm(has_systemd: bool, programs: list[str], told: str) -> None:
    host = shop()
    host.has_systemd, host.programs = has_systemd, programs
    assert problem(host, "switch", to="green", arm=300).startswith(f"arm is not possible: {told}")


def test_what_is_armed_is_left_alone() -> None:
    said = "switch to green is armed until 2026-11-21T09:05:00Z: confirm or revert it first."
    assert problem(armed(), "switch", to="blue") == said
    assert problem(armed(), "maintenance_on", arm=5) == said
    assert do(armed(), "maintenance_on").changed


def test_confirmed_stays() -> None:
    host = armed()
    foretold = do(host, "confirm", check_mode=True)
    done = do(host, "confirm", to="green")
    assert foretold.changed is done.changed is True
    assert foretold.diff == done.diff
    assert done.data["after"] == foretold.data["after"] == {**done.data["before"], "armed": None}
    assert host.log[-4:] == [
        f"lock {SHOP}",
        f"remove {SHOP}/armed",
        f"systemctl stop --quiet {TIMER}.timer",
        "unlock",
    ]
    assert (host.flags(), done.data["reverted"]) == (["green"], None)
    assert do(host, "confirm", to="green").changed is do(host, "confirm").changed is False
    assert problem_after(host, "confirm", to="blue") == "green is live. Nothing is armed."


def test_switch_is_not_confirmed_by_something_else_that_is_armed() -> None:
    host = shop("green")
    do(host, "maintenance_on", arm=300)
    host.log.clear()
    assert not do(host, "confirm", to="green").changed
    assert problem_after(host, "confirm", to="blue") == "green is live. What is armed is: maintenance on."
    assert do(host, "confirm").changed


def test_what_is_armed_and_not_done_is_not_confirmed() -> None:
    host = armed()
    host.content[f"{SHOP}/off/green"] = host.content.pop(f"{SHOP}/on/green")
    for options in ({}, {"to": "green"}):
        assert problem(host, "confirm", **options) == (
            "switch to green is armed, but was not done: revert it, and do it again."
        )
    done = do(host, "revert")
    assert (done.changed, host.flags()) == (True, [])


def test_what_was_taken_back_is_not_confirmed() -> None:
    host = armed()
    done = do(host, "revert")
    told = {
        "act": "switch to green",
        "since": "2026-11-21T09:00:00Z",
        "at": "2026-11-21T09:00:00Z",
        "because": "it was asked for",
    }
    assert (done.changed, done.data["after"]["live"], done.data["reverted"]) == (True, "blue", told)
    assert host.log[-5:] == [
        f"move {SHOP}/on/green {SHOP}/off/green",
        f"write {SHOP}/reverted 644",
        f"remove {SHOP}/armed",
        f"systemctl stop --quiet {TIMER}.timer",
        "unlock",
    ]
    host.log.clear()
    said = "Taken back at 2026-11-21T09:00:00Z, because it was asked for: switch to green, of 2026-11-21T09:00:00Z."
    assert problem(host, "confirm", to="green") == f"blue is live. {said}"
    assert problem(host, "confirm") == said
    assert do(host, "state").data["reverted"] == told
    assert not do(host, "revert").changed
    # The next that is armed is another matter.
    assert do(host, "switch", to="green", arm=5).data["reverted"] is None


def test_taking_back_stands_even_if_nginx_does_not_see_it() -> None:
    host = armed()
    host.status = lambda: (200, '{"group": "green", "maintenance": "off"}')
    with pytest.raises(ChecksFailed, match=r"flags of shop are right \(revert switch to green\), but nginx still"):
        do(host, "revert")
    assert (host.flags(), f"{SHOP}/armed" in host.content) == ([], False)


def test_when_the_disk_was_full_it_is_not_known_when() -> None:
    host = armed()
    host.content[f"{SHOP}/reverted"] = host.content.pop(f"{SHOP}/armed")
    host.content[f"{SHOP}/off/green"] = host.content.pop(f"{SHOP}/on/green")
    assert problem(host, "confirm") == "Taken back: switch to green, of 2026-11-21T09:00:00Z."
    assert do(host, "state").data["reverted"] == {
        "act": "switch to green",
        "since": "2026-11-21T09:00:00Z",
        "at": None,
        "because": None,
    }


def test_timer_that_was_faster_is_noticed() -> None:
    host = armed()

    def take_back() -> None:
        host.content[f"{SHOP}/reverted"] = host.content.pop(f"{SHOP}/armed")
        host.content[f"{SHOP}/off/green"] = host.content.pop(f"{SHOP}/on/green")

    host.meanwhile = take_back
    with pytest.raises(InvalidInput, match="Taken back: switch to green"):
        do(host, "confirm", to="green")
    assert f"remove {SHOP}/armed" not in host.log


def test_another_run_that_was_faster_leaves_nothing_to_do() -> None:
    host = shop()
    host.meanwhile = lambda: host.content.update({f"{SHOP}/on/green": b"of another run"})
    done = do(host, "switch", to="green")
    assert (done.changed, done.data["before"]["live"]) == (False, "green")
    assert host.content[f"{SHOP}/on/green"] == b"of another run"


@pytest.mark.parametrize("text", ["", "id 1\n", "id\nwhatever 2\n"])
def test_record_that_is_not_understood_is_told(text: str) -> None:
    host = shop()
    host.content[f"{SHOP}/armed"] = text.encode()
    with pytest.raises(ShipshapeError, match="shop/armed is not understood"):
        do(host, "state")


def test_diff_names_what_becomes_different() -> None:
    diff = do(fleet(), "drain", batch="app1", arm=5).diff
    assert diff == Diff(
        before="maintenance is off\n", after="app1 is drained\nmaintenance is off\ndrain app1 is armed\n", path=SHOP
    )
