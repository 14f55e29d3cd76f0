# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import (
    ChecksFailed,
    CommandError,
    FileError,
    InvalidInput,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._firewall.options import Request
from ansible_collections.shipshape.webapp.plugins.module_utils._firewall.taking_back import SCRIPT, STATE
from ansible_collections.shipshape.webapp.plugins.module_utils._firewall.usecase import ensure_firewall
from ansible_collections.shipshape.webapp.plugins.module_utils._result import Diff, Result
from tests.unit.firewall.fake_host import SSH, FakeHost

ALL, ALL6 = "0.0.0.0/0 any 0.0.0.0/0 in", "::/0 any ::/0 in"
WEB = {"name": "web", "port": ["443"]}

SSH_WORDS = "allow tcp 22 from anywhere  # shipshape SSH"
WEB_WORDS = "allow tcp 443 from anywhere  # shipshape web"


def marked(name: str) -> str:
    return f"comment={f'shipshape {name}'.encode().hex()}"


def both(line: str, name: str = "") -> dict[int, list[str]]:
    mark = f" {marked(name)}" if name else ""
    return {4: [f"{line} {ALL}{mark}"], 6: [f"{line} {ALL6}{mark}"]}


def joined(*parts: dict[int, list[str]]) -> dict[int, list[str]]:
    return {family: [line for part in parts for line in part[family]] for family in (4, 6)}


def guarded(*parts: dict[int, list[str]], **told: Any) -> FakeHost:
    """A host whose firewall is on and lets SSH in."""
    return FakeHost(rules=joined(both("allow tcp 22", "SSH"), *parts), is_on=True, **told)


def do(host: FakeHost, *rules: dict[str, Any], check_mode: bool = False, **options: Any) -> Result:
    empty: dict[str, Any] = {
        "state": "present",
        "port": None,
        "protocol": "tcp",
        "from": [],
        "to": None,
        "interface": None,
    }
    given = [{**empty, "action": "allow", **rule} for rule in rules]
    asked = {"action": "apply", "enabled": True, "default_incoming": "deny", "ssh_ports": None, "arm": 60, **options}
    return ensure_firewall(Request(given, **asked), host.ports(), check_mode=check_mode)


def problem(host: FakeHost, *rules: dict[str, Any], **options: Any) -> str:
    """Why it is refused, in check mode as well, and with nothing done."""
    before, told = dict(host.content), []
    for check_mode in (True, False):
        with pytest.raises(InvalidInput) as refused:
            do(host, *rules, check_mode=check_mode, **options)
        told.append(" ".join(refused.value.details["problems"]))
    assert host.content == before
    assert told[0] == told[1]
    return told[0]


def test_firewall_is_turned_on_and_armed_before() -> None:
    host = FakeHost()
    before = host.ufw_files()

    foretold = do(host, WEB, check_mode=True)
    assert (host.ufw_files(), host.is_on) == (before, False)
    assert [line for line in host.log if not line.startswith(("ufw --datadir", "iptables-restore --test"))] == [
        "ip6tables-restore --test --noflush"
    ]
    host.log.clear()
    done = do(host, WEB)

    assert host.is_on
    assert host.words() == [SSH_WORDS, WEB_WORDS]
    assert host.words(6) == [words.replace("anywhere", "anywhere over IPv6") for words in (SSH_WORDS, WEB_WORDS)]
    assert (foretold.changed, foretold.diff, foretold.data) == (done.changed, done.diff, done.data)
    assert done.changed
    assert done.diff == Diff(
        "ufw is off\ndeny what comes in and has no rule\n",
        "ufw is on\ndeny what comes in and has no rule\n" + "".join(f"{line}\n" for line in done.data["rules"]),
        "ufw",
    )
    assert done.data["pending"] == {"since": "2026-11-21T09:00:00Z", "until": "2026-11-21T09:01:00Z"}
    assert (done.data["ssh_ports"], done.data["others"], done.data["ipv6"]) == ([22], [], True)
    timer = (
        "systemd-run --quiet --collect --unit=shipshape-firewall-00000000 --timer-property=AccuracySec=100ms "
        f"--on-active=60 /bin/sh {SCRIPT} 00000000"
    )
    acts = host.log[host.log.index("lock") :]
    assert acts[7:] == [
        timer,
        f"write {STATE}/pending 600",
        "write /etc/ufw/user.rules 644",
        "write /etc/ufw/user6.rules 644",
        "ufw --force enable",
        "unlock",
    ]
    assert all(act.startswith(f"write {STATE}/before/") for act in acts[1:7])


def test_ufw_is_called_once_for_any_number_of_rules() -> None:
    host = guarded()

    do(host, *({"name": f"rule-{number}", "port": [str(number)]} for number in range(1000, 1020)))

    assert [line for line in host.log if line.startswith("ufw ")] == ["ufw --datadir=/run/room/ufw logging medium"]
    assert [line for line in host.log if line.endswith("restore --noflush")] == [
        "iptables-restore --noflush",
        "ip6tables-restore --noflush",
    ]
    assert len(host.words()) == 21
    assert host.kernel[4].count("-A ufw-user-input") == 21


def test_second_run_changes_nothing_and_calls_nothing() -> None:
    host = FakeHost()
    do(host, WEB, arm=0)
    host.log.clear()

    again = do(host, WEB)

    assert (again.changed, again.diff, again.data["pending"], again.warnings) == (False, None, None, [])
    assert host.log == []


@pytest.mark.parametrize(
    ("host", "options", "acts"),
    [
        (FakeHost(), {}, ["ufw --force enable"]),
        (guarded(), {"enabled": False}, ["ufw disable"]),
        (FakeHost(), {"enabled": False}, []),
        (guarded(), {"default_incoming": "reject"}, ["ufw reload"]),
        (guarded(policy="ACCEPT"), {}, ["ufw reload"]),
        (FakeHost(policy="REJECT"), {"enabled": False}, []),
    ],
)
def test_kernel_gets_to_know_in_the_mildest_way(host: FakeHost, options: dict[str, Any], acts: Sequence[str]) -> None:
    result = do(host, WEB, arm=0, **options)

    assert [line for line in host.log if line.startswith("ufw ") and "--datadir" not in line] == acts
    assert result.changed
    assert host.is_on is options.get("enabled", True)
    assert WEB_WORDS in host.words()
    made = {"reject": "REJECT"}.get(options.get("default_incoming", "deny"), "DROP")
    assert f'DEFAULT_INPUT_POLICY="{made}"' in host.text("default/ufw")
    assert not do(host, WEB, **options).changed


def test_what_becomes_of_the_rest_is_changed_alone() -> None:
    host = guarded()

    assert do(host, default_incoming="allow", arm=0).changed
    assert 'DEFAULT_INPUT_POLICY="ACCEPT"' in host.text("default/ufw")
    assert not do(host, default_incoming="allow").changed


def test_kernel_that_differs_from_the_files_reads_them_anew() -> None:
    host = guarded()
    host.exchange(4, "")

    assert do(host, arm=0).changed
    assert host.kernel[4].count("-A ufw-user-input") == 1
    assert not any("--datadir" in line for line in host.log)

    host.kernel = dict.fromkeys((4, 6), "-P INPUT ACCEPT\n")
    host.log.clear()
    assert do(host, arm=0).changed
    assert host.log[-3:] == ["ufw --force enable", f"remove {STATE}/pending", "unlock"]

    host.kernel[4] = host.kernel[4].replace("DROP", "ACCEPT")
    assert do(host, arm=0).changed


OTHERS = joined(both("allow any 3002"), both("deny tcp 25", "mail"))


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ([WEB], ["3002", "25", "443"]),
        ([WEB, {"name": "web", "state": "absent"}][1:], ["3002", "25"]),
        ([{"name": "api", "port": ["5000"]}, WEB], ["3002", "25", "5000", "443"]),
        ([{"name": "mail", "port": ["26"]}], ["3002", "26"]),
        ([{"name": "mail", "state": "absent"}, WEB], ["3002", "443"]),
    ],
)
def test_rules_of_others_stay_where_they_are(rules: list[dict[str, Any]], expected: list[str]) -> None:
    host = guarded(OTHERS)

    result = do(host, *rules, arm=0)

    for family in (4, 6):
        assert [next(word for word in line.split() if word.isdigit()) for line in host.words(family)] == [
            "22",
            *expected,
        ]
    assert "allow 3002 from anywhere" in result.data["others"]
    assert not do(host, *rules).changed


def test_rules_of_ours_are_in_the_order_in_which_they_are_declared() -> None:
    host = guarded(both("allow tcp 443", "web"), both("allow tcp 80"), both("deny tcp 444", "no"))

    do(host, {"name": "no", "port": ["444"], "action": "deny"}, WEB, arm=0)

    assert [words.split()[2] for words in host.words()] == ["22", "444", "80", "443"]


def test_what_another_has_opened_already_is_not_made_a_second_time() -> None:
    host = guarded(both("allow tcp 443"))

    assert not do(host, WEB).changed
    # Nor is it removed with ours.
    assert not do(host, {"name": "web", "state": "absent"}).changed


def test_unsafe_ssh_rule_of_ours_goes_when_somebody_says_who_may_log_in() -> None:
    host = guarded()

    do(host, {"name": "office", "port": ["22"], "from": ["10.0.0.0/8"]}, arm=0)
    # Another application, which says nothing of SSH.
    do(host, WEB, arm=0)

    assert [*host.words(), *host.words(6)] == [
        "allow tcp 22 from 10.0.0.0/8  # shipshape office",
        WEB_WORDS,
        WEB_WORDS.replace("anywhere", "anywhere over IPv6"),
    ]


@pytest.mark.parametrize(
    ("told", "options", "expected"),
    [
        ({"connection": None}, {}, [22]),
        ({"connection": "10.0.0.5 1 10.0.0.9 2222"}, {}, [22, 2222]),
        ({"connection": "10.0.0.5 1 10.0.0.9 2222"}, {"ssh_ports": [2200]}, [2200, 2222]),
        ({"connection": None, "listening_on": [("::", 22, 50), ("0.0.0.0", 2200, 50)]}, {}, [22, 2200]),
        ({"connection": None, "listening_on": []}, {"ssh_ports": []}, []),
        ({"connection": None, "listening_on": []}, {"enabled": False}, []),
        ({"connection": "UNKNOWN 1 UNKNOWN 2"}, {}, [22]),
    ],
)
def test_ports_of_ssh_are_found(told: dict[str, Any], options: dict[str, Any], expected: list[int]) -> None:
    host = FakeHost(**told)

    assert do(host, arm=0, **options).data["ssh_ports"] == expected
    assert host.words() == [f"allow tcp {port} from anywhere  # shipshape SSH" for port in expected]


def test_who_keeps_one_address_from_ssh_has_not_said_who_may_log_in() -> None:
    host = FakeHost(rules={4: ["deny tcp 22 0.0.0.0/0 any 192.0.2.1 in"]})

    do(host)

    assert host.words() == ["deny tcp 22 from 192.0.2.1", SSH_WORDS]


def test_firewall_that_runs_although_it_should_not_is_turned_off() -> None:
    host = guarded()
    host.set("ufw/ufw.conf", "ENABLED=no\n")

    assert do(host, enabled=False).changed
    assert "ufw disable" in host.log


def test_host_whose_ssh_cannot_be_found_is_refused() -> None:
    host = FakeHost(connection=None, listening_on=[("127.0.0.1", 22, 50), ("0.0.0.0", 80, 1)])

    assert problem(host).startswith("ssh_ports: neither does this run come over SSH, nor does an SSH server listen")


@pytest.mark.parametrize(
    ("rules", "told", "expected"),
    [
        (
            [{"name": "office", "port": ["22"], "from": ["192.0.2.0/24"]}],
            {},
            "from 10.0.0.5 to port 22, would be shut out: no rule lets it in. Add one, or widen the one for this port.",
        ),
        (
            [{"name": "no", "port": ["1-1024"], "action": "reject"}, {"name": "yes", "port": ["22"]}],
            {},
            "would be shut out by the rule 'reject tcp 1-1024 from anywhere  # shipshape no'. Change that, or put one",
        ),
        ([], {"rules": both("deny any 22")}, "would be shut out by the rule 'deny 22 from anywhere'."),
        (
            [],
            {"ipv6": False, "connection": "2001:db8::5 1 2001:db8::9 22"},
            "from 2001:db8::5 to port 22, would be shut out: ufw lets in nothing over IPv6",
        ),
        (
            [{"name": "office", "port": ["22"], "from": ["10.0.0.0/8"]}],
            {"connection": "2001:db8::5 1 2001:db8::9 22"},
            "from 2001:db8::5 to port 22, would be shut out: no rule",
        ),
    ],
)
def test_what_would_shut_this_connection_out_is_refused(
    rules: list[dict[str, Any]], told: dict[str, Any], expected: str
) -> None:
    host = FakeHost(**told)

    if rules or "ipv6" in told:
        assert expected in problem(host, *rules)
    else:
        # The rule of ours comes after it.
        assert expected in problem(host)
    assert host.log == []


@pytest.mark.parametrize("options", [{"default_incoming": "allow"}, {"enabled": False}])
def test_connection_is_not_shut_out_where_no_rule_is_needed(options: dict[str, Any]) -> None:
    assert do(FakeHost(), {"name": "office", "port": ["22"], "from": ["192.0.2.0/24"]}, **options).changed


def test_rule_that_somebody_has_put_before_ours_is_warned_of() -> None:
    closed = {"name": "closed", "port": ["3002"], "action": "deny"}
    host = FakeHost(rules=joined(both("deny tcp 443"), both("allow any 3002"), both("allow tcp 80")))

    result = do(host, WEB, closed, {"name": "also", "port": ["80"]}, arm=0)

    assert [warning.partition(":")[0] for warning in result.warnings] == [
        "A rule that is not declared here closes what web is about",
        "A rule that is not declared here opens what closed is about",
    ] * 2
    assert "'allow 3002 from anywhere' comes before 'deny tcp 3002 from anywhere" in result.warnings[1]


@pytest.mark.parametrize(
    "rules",
    [
        [WEB],
        [WEB, {"name": "also", "port": ["80-81"]}],
        [{"name": "no", "port": ["81"], "action": "deny", "from": ["10.0.0.0/8"]}, {"name": "yes", "port": ["81"]}],
    ],
)
def test_what_comes_after_ours_or_says_the_same_is_not_warned_of(rules: list[dict[str, Any]]) -> None:
    host = guarded(both("allow tcp 80"), both("allow tcp 443", "web"), both("deny any 443"))

    assert do(host, *rules, arm=0).warnings == []


def test_log_level_that_nobody_has_set_is_that_of_ufw() -> None:
    host = FakeHost()
    host.set("ufw/ufw.conf", "ENABLED=no\n")

    do(host, WEB)

    assert "ufw --datadir=/run/room/ufw logging low" in host.log


def test_ports_of_docker_are_warned_of() -> None:
    published = (
        "-N DOCKER\n"
        "-A DOCKER -i docker0 -j RETURN\n"
        "-A DOCKER ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80\n"
        "-A DOCKER -d 127.0.0.1/32 ! -i docker0 -p tcp -m tcp --dport 5432 -j DNAT --to-destination 172.17.0.3:5432\n"
        "-A DOCKER ! -i docker0 -p udp -m udp --dport 53 -j DNAT --to-destination 172.17.0.2:53\n"
    )
    host = guarded(published=published, programs=("flock", "docker"))

    (warning,) = do(host).warnings

    assert "sees nothing of them: 53, 8080." in warning
    assert do(guarded(published=published)).warnings == []


@pytest.mark.parametrize("told", [{"ipv6": False}, {"kernel_has_ipv6": False}])
def test_host_without_ipv6_has_rules_of_ipv4_alone(told: dict[str, Any]) -> None:
    host = FakeHost(rules={6: [f"allow tcp 9 {ALL6}"]}, **told)
    kept = host.text("ufw/user6.rules")

    result = do(host, WEB, arm=0)

    assert result.data["ipv6"] is False
    assert host.words() == [SSH_WORDS, WEB_WORDS]
    assert host.text("ufw/user6.rules") == kept
    assert not do(host, WEB).changed


def test_change_is_confirmed_over_another_connection() -> None:
    host = FakeHost()
    do(host, WEB)

    with pytest.raises(ChecksFailed, match="This is the connection over which the firewall was changed"):
        do(host, action="confirm")
    assert f"{STATE}/pending" in host.content

    host.connection = SSH.replace("51234", "51235")
    assert do(host, action="confirm", check_mode=True).changed
    assert f"{STATE}/pending" in host.content
    host.log.clear()
    assert do(host, action="confirm").changed
    assert host.log == [
        "lock",
        f"remove {STATE}/pending",
        "systemctl stop --quiet shipshape-firewall-00000000.timer",
        "unlock",
    ]
    assert not do(host, action="confirm").changed
    assert do(host, WEB).data["pending"] is None


@pytest.mark.parametrize(("then", "now"), [(None, None), (SSH, None), (None, SSH)])
def test_change_is_confirmed_from_the_console(then: str | None, now: str | None) -> None:
    host = FakeHost(connection=then)
    do(host, WEB)
    host.connection = now

    assert do(host, action="confirm").changed


def test_change_that_was_taken_back_cannot_be_confirmed() -> None:
    host = FakeHost()
    do(host, WEB)
    host.run(["/bin/sh", SCRIPT])

    with pytest.raises(ChecksFailed, match="was taken back at 2026-11-21T09:02:00Z, because nobody confirmed it"):
        do(host, action="confirm")

    # The next one can.
    host.connection = None
    do(host, WEB)
    assert do(host, action="confirm").changed
    assert not do(host, action="confirm").changed


def test_change_that_is_taken_back_while_it_is_confirmed_is_not() -> None:
    host = FakeHost()
    do(host, WEB)
    host.connection = None
    host.meanwhile = host.content.clear

    with pytest.raises(ChecksFailed, match="at this very moment"):
        do(host, action="confirm")


def test_second_change_goes_back_to_what_was_confirmed_last() -> None:
    host = FakeHost()
    before = host.ufw_files()
    first = do(host, WEB)
    host.log.clear()

    second = do(host, {"name": "api", "port": ["5000"]})

    assert first.data["pending"]["since"] == second.data["pending"]["since"]
    assert not any(f"{STATE}/before" in line for line in host.log if line.startswith("write"))
    assert host.log[-2:] == ["ip6tables-restore --noflush", "unlock"]
    assert "systemctl stop --quiet shipshape-firewall-00000000.timer" in host.log
    host.run(["/bin/sh", SCRIPT])
    assert host.ufw_files() == before


def test_pending_change_is_told_and_not_made_final_by_another() -> None:
    host = FakeHost()
    do(host, WEB)

    again = do(host, WEB)
    assert not again.changed
    assert again.data["pending"] == {"since": "2026-11-21T09:00:00Z", "until": "2026-11-21T09:01:00Z"}
    assert again.warnings == [
        "The change of 2026-11-21T09:00:00Z is taken back at 2026-11-21T09:01:00Z unless it is confirmed."
    ]
    told = "a change is pending until 2026-11-21T09:01:00Z: confirm it, or wait until it is taken back."
    assert problem(host, arm=0, default_incoming="reject") == told
    assert problem(host, enabled=False) == told


def test_run_without_a_timer_leaves_nothing_pending_even_after_one_that_was_killed() -> None:
    host = FakeHost()
    do(host, WEB, arm=0)
    assert not any("systemd-run" in line for line in host.log)
    assert f"{STATE}/pending" not in host.content

    host.content[f"{STATE}/pending"] = b"id 7\nsince 2026-11-21T08:00:00Z\n"
    assert do(host, WEB, check_mode=True).data["pending"] is None
    assert f"{STATE}/pending" in host.content
    do(host, WEB)
    assert f"{STATE}/pending" not in host.content


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"has_systemd": False}, "arm: systemd does not run here"),
        ({"programs": ()}, "arm: flock is not installed here"),
    ],
)
def test_host_that_cannot_take_back_is_refused(told: dict[str, Any], expected: str) -> None:
    host = FakeHost(**told)

    assert problem(host, WEB).startswith(expected)
    assert do(host, WEB, arm=0).changed
    assert not any(line.startswith("systemctl") for line in host.log)


FAILING = (
    *("ufw --datadir", "iptables-restore --test", "ip6tables-restore --test", "systemctl enable"),
    *("iptables-restore --noflush", "ip6tables-restore --noflush"),
)


@pytest.mark.parametrize(
    ("arm", "failing"), [(60, "systemd-run"), *((arm, step) for arm in (0, 60) for step in FAILING)]
)
def test_failure_leaves_everything_as_it_was(arm: int, failing: str) -> None:
    host = guarded(failing={failing: 0})
    before, kernel = host.ufw_files(), dict(host.kernel)

    with pytest.raises(CommandError) as failed:
        do(host, WEB, arm=arm)

    assert f"{failing} is broken" in failed.value.message
    assert (host.ufw_files(), host.kernel) == (before, kernel)
    assert f"{STATE}/pending" not in host.content
    was_changed = failing.endswith("--noflush")
    assert failed.value.message.endswith("Everything is as it was before 2026-11-21T09:00:00Z.") is was_changed


def test_firewall_that_does_not_start_is_off_again() -> None:
    host = FakeHost(failing={"ufw --force enable": 0})
    before = host.ufw_files()

    with pytest.raises(CommandError, match=r"ufw --force enable is broken\. Everything is as it was"):
        do(host, WEB)

    assert (host.ufw_files(), host.is_on) == (before, False)


def test_way_back_that_fails_too_is_told() -> None:
    host = FakeHost(failing={"ufw --force enable": 0, "/bin/sh": 0})

    with pytest.raises(CommandError, match="The way back failed too: To take the change back failed"):
        do(host, WEB)
    assert f"{STATE}/pending" in host.content


def test_interruption_takes_back_too() -> None:
    host = guarded()
    before = host.ufw_files()
    run = host.run

    def interrupt(argv: Sequence[str], **options: Any) -> Any:
        if list(argv) == ["ip6tables-restore", "--noflush"]:
            raise KeyboardInterrupt
        return run(argv, **options)

    host.run = interrupt  # type: ignore[method-assign]  # only here
    with pytest.raises(KeyboardInterrupt):
        do(host, WEB)

    assert host.ufw_files() == before


def test_kernel_that_does_not_have_the_rules_afterwards_is_a_failure() -> None:
    host = guarded()
    host.exchange = lambda family, text: None  # type: ignore[method-assign]  # as if the kernel did not listen

    with pytest.raises(
        ChecksFailed, match=r"The kernel does not have the rules that ufw has written\. Everything is as"
    ):
        do(host, WEB)


def test_firewall_that_is_on_although_ufw_has_turned_it_off_is_a_failure() -> None:
    host = guarded()
    host.load = lambda: None  # type: ignore[method-assign]  # as if the kernel did not listen

    with pytest.raises(ChecksFailed, match="The kernel does not have the rules that ufw has written"):
        do(host, enabled=False)


def test_files_that_are_others_afterwards_are_a_failure() -> None:
    host = FakeHost()
    run = host.run

    def meddle(argv: Sequence[str], **options: Any) -> Any:
        if list(argv) == ["ufw", "--force", "enable"]:
            host.set("ufw/user.rules", "")
        return run(argv, **options)

    host.run = meddle  # type: ignore[method-assign]  # only here
    with pytest.raises(ChecksFailed, match=r"ufw has made other rules than those that are declared\. Everything is as"):
        do(host, WEB)


def test_rule_that_ufw_does_not_take_is_named() -> None:
    host = guarded(lost="443")
    before = host.ufw_files()

    with pytest.raises(
        FileError, match="ufw does not take these rules as they are: allow tcp 443 from anywhere  # ship"
    ):
        do(host, WEB, check_mode=True)
    assert host.ufw_files() == before


def test_somebody_who_changes_the_firewall_at_the_same_time_is_not_overruled() -> None:
    host = guarded()
    host.meanwhile = lambda: host.set("ufw/user.rules", "### tuple ### allow tcp 1 0.0.0.0/0 any 0.0.0.0/0 in\n")

    with pytest.raises(ChecksFailed, match="Somebody else has changed the firewall at this very moment"):
        do(host, WEB)

    assert host.words() == ["allow tcp 1 from anywhere"]
    assert not any("systemd-run" in line for line in host.log)


def test_change_that_is_confirmed_or_taken_back_meanwhile_is_heeded() -> None:
    host = FakeHost()
    do(host, WEB)
    host.meanwhile = lambda: host.remove(f"{STATE}/pending")

    with pytest.raises(ChecksFailed, match="Somebody else has changed the firewall at this very moment"):
        do(host, {"name": "api", "port": ["5000"]})


def test_host_without_ufw_is_told() -> None:
    host = FakeHost()
    host.content.clear()

    with pytest.raises(FileError, match=r"/etc/default/ufw is not there: install ufw\."):
        do(host, WEB)


def test_record_that_is_not_understood_is_named() -> None:
    host = guarded()
    host.content[f"{STATE}/pending"] = b"what is this\n"

    with pytest.raises(FileError, match=f"{STATE}/pending is not understood: remove it."):
        do(host, action="confirm")


def test_timer_that_cannot_be_stopped_is_no_failure() -> None:
    host = FakeHost()
    do(host, WEB)
    host.connection = None
    run = host.run

    def fail(argv: Sequence[str], **options: Any) -> Any:
        if argv[0] == "systemctl":
            raise CommandError("systemctl was not done after 60 seconds and was stopped.")
        return run(argv, **options)

    host.run = fail  # type: ignore[method-assign]  # only here
    assert do(host, action="confirm").changed
