# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import (
    BackupError,
    ChecksFailed,
    CommandError,
    InvalidInput,
    ShipshapeError,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._moment.scratch import Scratch, settings
from ansible_collections.shipshape.webapp.plugins.module_utils._moment.usecase import Request, restore_moment
from ansible_collections.shipshape.webapp.plugins.module_utils._result import Result
from tests.unit.moment.fake_host import (
    BACKUPS,
    CONFIGURATION,
    LIVE,
    TOO_EARLY,
    FakeHost,
    backup,
)

MOMENT = "2026-11-22 12:00:29+01:00"
ASKED = Request(
    state="present", stanza="main", moment=MOMENT, name="moment", port=5499, directory="/var/lib/postgresql"
)


def do(host: FakeHost, *, check_mode: bool = False, **options: Any) -> Result:
    return restore_moment(replace(ASKED, **options), host.ports(), check_mode=check_mode)


def problems(host: FakeHost, **options: Any) -> list[str]:
    """Why it is refused, in check mode as well, and with nothing done."""
    told = []
    for check_mode in (True, False):
        with pytest.raises(InvalidInput) as refused:
            do(host, check_mode=check_mode, **options)
        told.append(refused.value.details["problems"])
    assert host.log == []
    assert told[0] == told[1]
    return list(told[0])


def test_scratch_cluster_is_made() -> None:
    host = FakeHost()

    foretold = do(host, check_mode=True)
    assert (host.log, host.content) == ([], {})
    done = do(host)

    assert foretold.changed
    assert done.changed
    assert foretold.diff == done.diff
    assert done.data["cluster"] == {
        "name": "moment",
        "version": "15",
        "port": 5499,
        "sockets": "/var/run/postgresql",
        "data": "/var/lib/postgresql/15/moment",
        "stanza": "main",
        "backup": "second",
        "moment": "2026-11-22T11:00:29Z",
        "reached": "2026-11-22T11:00:28.41707Z",
        "following": "2026-11-22T11:00:30.000912Z",
    }
    assert foretold.data["cluster"] == {**done.data["cluster"], "reached": None, "following": None}
    assert host.held == ["/run/lock/shipshape-moment-moment.lock"] * 2
    assert host.log == [
        "pgbackrest --stanza=main check",
        "mkdir -p /etc/postgresql/15/moment",
        f"write {CONFIGURATION}",
        "write /etc/postgresql/15/moment/pg_hba.conf",
        "write /etc/postgresql/15/moment/pg_ident.conf",
        "write /etc/postgresql/15/moment/start.conf",
        "mkdir -p -m 0700 /var/lib/postgresql/15/moment",
        "pgbackrest --stanza=main --pg1-path=/var/lib/postgresql/15/moment --set=second "
        "--tablespace-map-all=/var/lib/postgresql/15/moment-tablespaces "
        "--type=time --target=2026-11-22T11:00:29+00 restore",
        f"write {CONFIGURATION}",
        "write /var/lib/postgresql/15/moment/postgresql.auto.conf",
        "root: pg_ctlcluster 15 moment start",
        f"write {CONFIGURATION}",
    ]


def test_scratch_cluster_keeps_to_itself() -> None:
    host = FakeHost()

    do(host)

    first, *lines = host.content[CONFIGURATION].splitlines()
    assert json.loads(first.partition("database_moment ")[2])["is_proved"] is True
    assert {
        "data_directory = '/var/lib/postgresql/15/moment'",
        "port = '5499'",
        "listen_addresses = 'localhost'",
        "archive_mode = 'off'",
        "hot_standby = 'off'",
        "max_logical_replication_workers = '0'",
        "max_connections = '250'",
        "max_prepared_transactions = '4'",
    } <= set(lines)
    assert host.started_with.splitlines()[1:] == lines
    assert host.content["/etc/postgresql/15/moment/start.conf"] == "manual\n"
    assert host.content["/var/lib/postgresql/15/moment/postgresql.auto.conf"].splitlines() == [
        "restore_command = 'pgbackrest --stanza=main --pg1-path=/var/lib/postgresql/15/moment archive-get %f \"%p\"'",
        "recovery_target_action = 'promote'",
        "recovery_target_time = '2026-11-22T11:00:29+00'",
    ]


def test_as_late_as_possible() -> None:
    host = FakeHost(recovery="LOG:  database system is ready to accept connections\n", state="f|off|")

    done = do(host, moment="latest")

    assert (done.data["cluster"]["backup"], done.data["cluster"]["moment"]) == ("third", "latest")
    assert (done.data["cluster"]["reached"], done.data["cluster"]["following"]) == (None, None)
    assert "--type" not in " ".join(host.log)
    assert "recovery_target_time" not in host.content["/var/lib/postgresql/15/moment/postgresql.auto.conf"]


def test_same_moment_again() -> None:
    host = FakeHost()
    first = do(host)
    host.log.clear()

    again = do(host, moment="2026-11-22T11:00:29Z")

    assert not again.changed
    assert again.diff is None
    assert again.data == first.data
    assert host.log == []


def test_one_that_was_stopped_is_started() -> None:
    host = FakeHost()
    do(host)
    host.log.clear()
    host.clusters[-1]["running"] = 0

    foretold = do(host, check_mode=True)
    assert host.log == []
    done = do(host)

    assert (foretold.changed, done.changed) == (True, True)
    assert host.log == ["root: pg_ctlcluster 15 moment start"]


@pytest.mark.parametrize("options", [{"moment": "latest"}, {"port": 5498}, {"stanza": "other"}, {"directory": "/srv"}])
def test_another_in_its_place_is_refused(options: dict[str, Any]) -> None:
    host = FakeHost()
    do(host)
    host.log.clear()

    assert problems(host, **options) == [
        "15/moment is there already, of main as of 2026-11-22T11:00:29Z, on port 5499 in "
        "/var/lib/postgresql/15/moment: remove it first (state absent), or give the new one another name and port."
    ]


def test_what_a_killed_run_has_left_is_removed_first() -> None:
    host = FakeHost(interrupting=" restore", failing=["pg_dropcluster"])
    with pytest.raises(KeyboardInterrupt):
        do(host)
    host.interrupting, host.failing = None, []
    host.there = ["/var/lib/postgresql/15/moment"]
    host.log.clear()

    assert do(host, check_mode=True).changed
    assert host.log == []
    host.there = []
    assert do(host).changed

    assert host.log[:5] == [
        "root: pg_ctlcluster 15 moment stop",
        "find /var/lib/postgresql/15/moment/pg_tblspc -type l -delete",
        "root: pg_dropcluster --stop 15 moment",
        "rm -rf -- /var/lib/postgresql/15/moment-tablespaces",
        "root: systemctl reset-failed postgresql@15-moment.service",
    ]


def test_removal() -> None:
    host = FakeHost()
    do(host)
    host.log.clear()

    foretold = do(host, check_mode=True, state="absent", moment=None)
    assert host.log == []
    done = do(host, state="absent", moment=None)
    again = do(host, state="absent", moment=None)

    assert (foretold.changed, done.changed, again.changed) == (True, True, False)
    assert foretold.diff == done.diff
    assert done.data == again.data == {"cluster": None}
    assert host.clusters == [LIVE]
    # The links first, as what they lead to would go as well.
    assert host.log.index("find /var/lib/postgresql/15/moment/pg_tblspc -type l -delete") < host.log.index(
        "root: pg_dropcluster --stop 15 moment"
    )


@pytest.mark.parametrize("state", ["present", "absent"])
def test_cluster_of_others_is_left_alone(state: str) -> None:
    host = FakeHost(content={"/etc/postgresql/15/main/postgresql.conf": "# Ansible managed\nport = 5432\n"})

    told = problems(host, state=state, name="main")

    assert told == ["15/main is a cluster that was not made here: give the scratch cluster another name."]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"name": "../main"}, "name has to be of small letters, digits and _, and to begin with a letter."),
        ({"name": "a-b"}, "name has to be of small letters, digits and _, and to begin with a letter."),
        ({"stanza": "--x"}, "stanza has other characters than letters, digits, -, _ and dots."),
        ({"directory": "srv"}, "directory has to be an absolute path of letters, digits and _.@+-."),
        ({"directory": "/srv/it's"}, "directory has to be an absolute path of letters, digits and _.@+-."),
        ({"port": 1023}, "port has to be from 1024 to 65535."),
        ({"port": 65536}, "port has to be from 1024 to 65535."),
        (
            {"moment": "2026-11-22 12:00:29"},
            'moment has to be a time with its zone, such as "2026-11-22 12:00:29+01:00", or latest.',
        ),
        ({"moment": "2026-11-22 12:00:00.000001Z"}, "moment is in the future: here it is 2026-11-22T12:00:00Z."),
        ({"port": 5432}, "Port 5432 is 15/main's: name another."),
    ],
)
def test_wrong_option_is_refused(options: dict[str, Any], expected: str) -> None:
    assert problems(FakeHost(), **options) == [expected]


@pytest.mark.parametrize("options", [{"port": 1024}, {"port": 65535}, {"moment": "2026-11-22 12:00:00Z"}])
def test_option_at_its_limit_is_taken(options: dict[str, Any]) -> None:
    assert do(FakeHost(), check_mode=True, **options).changed


def test_all_problems_of_the_host_are_told_at_once() -> None:
    host = FakeHost(
        listening_on=[5499],
        there=["/var/lib/postgresql/15/moment", "/var/lib/postgresql/15/moment-tablespaces"],
        programs=[],
        free=int(2**30 * 2.1) - 1,
        tablespaces=["16388", "16399"],
        known_tablespaces=[16388],
    )

    assert problems(host) == [
        "Port 5499 is somebody's: name another.",
        "/var/lib/postgresql/15/moment is there already and belongs to no cluster of that name: look what it is.",
        "/var/lib/postgresql/15/moment-tablespaces is there already and belongs to no cluster of that name: look what "
        "it is.",
        "The backup is of PostgreSQL 15, which is not installed here.",
        "/var/lib/postgresql has 2150 MiB free, and 2150 MiB are needed: the size of the database, a tenth more, and "
        "1 GiB for others on the same disk.",
        "The server 15/main has a tablespace that the backup second does not know: the scratch cluster would write to "
        "its files. Restore a moment after the next backup, or do so on another host.",
    ]


def test_tablespaces_that_the_backup_knows_are_no_problem() -> None:
    assert do(FakeHost(tablespaces=["16388"], known_tablespaces=[16388], free=int(2**30 * 2.1))).changed


@pytest.mark.parametrize("live", [{"pgdata": "/gone"}, {"pgdata": "another"}])
def test_tablespaces_of_another_server_are_no_problem(live: dict[str, Any]) -> None:
    host = FakeHost(clusters=[{**LIVE, **live}], tablespaces=["16399"])

    assert do(host).changed
    assert "pgbackrest --stanza=main check" not in host.log


def test_another_scratch_cluster_is_not_the_live_server() -> None:
    older = Scratch("older", "15", 5490, "/data", "main", "latest", "first", is_proved=True)
    host = FakeHost(
        clusters=[LIVE, {**LIVE, "cluster": "older", "port": "5490", "pgdata": "/data/15/older"}],
        content={"/etc/postgresql/15/older/postgresql.conf": settings(older)},
    )

    assert do(host).changed
    assert not [question for question in host.asked if question.startswith("5490")]


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        # The backup was whole within this second.
        ("2026-11-22 10:00:00.9Z", "first"),
        ("2026-11-22 10:00:01Z", "second"),
        ("2026-11-22 11:30:00Z", "second"),
        ("latest", "third"),
    ],
)
def test_backup_from_which_the_moment_is_reached(moment: str, expected: str) -> None:
    # In whatever order pgBackRest tells of them.
    host = FakeHost(backups=BACKUPS[::-1])

    assert do(host, check_mode=True, moment=moment).data["cluster"]["backup"] == expected


def test_moment_before_the_first_backup() -> None:
    host = FakeHost()

    with pytest.raises(BackupError, match=r"^The first backup of main reaches back to 2026-11-22T09:00:01Z: nothing"):
        do(host, moment="2026-11-22 09:00:00.999999Z")

    assert host.log == []


@pytest.mark.parametrize(("stanza", "said"), [("main", "no valid backups"), ("other", "the stanza is unknown")])
def test_no_backups(stanza: str, said: str) -> None:
    with pytest.raises(BackupError, match=f"no backup of the stanza {stanza}: {said}. Have it take a full one first."):
        do(FakeHost(backups=[]), stanza=stanza)


def test_version_of_the_backup() -> None:
    host = FakeHost(backups=[*BACKUPS, backup("upgraded", "11:45:00", server=2)])

    assert problems(host, moment="latest") == ["The backup is of PostgreSQL 16, which is not installed here."]
    assert do(host, check_mode=True).data["cluster"]["version"] == "15"


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        (FakeHost(), True),
        (FakeHost(archives="f"), False),
        (FakeHost(clusters=[{**LIVE, "running": 0}]), False),
    ],
)
def test_live_server_is_asked_to_archive(host: FakeHost, expected: bool) -> None:
    do(host)

    assert ("pgbackrest --stanza=main check" in host.log) is expected
    assert ("5432 SELECT txid_current()" in host.asked) is expected


def test_live_server_that_cannot_archive_is_a_warning() -> None:
    done = do(FakeHost(failing=["check"]))

    assert done.warnings == [
        "15/main does not archive, so that the latest that it has written is not known: ERROR: it fails"
    ]


@pytest.mark.parametrize(
    ("host", "error", "message"),
    [
        (
            FakeHost(recovery=TOO_EARLY),
            CommandError,
            "The archive of main ends with the transaction of 2026-11-22T10:59:59.5Z, so that nothing tells what was "
            "at 2026-11-22T11:00:29Z.",
        ),
        (FakeHost(failing=[" restore"]), CommandError, "To restore the backup second failed: "),
        (FakeHost(failing=["mkdir -p -m"]), CommandError, "To make /var/lib/postgresql/15/moment failed: "),
        (FakeHost(state="f|on|"), ChecksFailed, "The cluster 15/moment is not promoted, or archives: it says f|on|."),
        (FakeHost(state="t|off|"), ChecksFailed, "The cluster 15/moment is not promoted, or archives: it says t|off|."),
        (
            FakeHost(state="f|off|2026-11-22 11:00:29.000001+00"),
            ChecksFailed,
            "The cluster 15/moment has the transaction of 2026-11-22T11:00:29.000001Z, after 2026-11-22T11:00:29Z.",
        ),
    ],
)
def test_nothing_is_left_of_a_failure(host: FakeHost, error: type[ShipshapeError], message: str) -> None:
    with pytest.raises(error) as failed:
        do(host)

    assert failed.value.message.startswith(message)
    assert host.clusters == [LIVE]
    assert host.log[-3:] == [
        "root: pg_dropcluster --stop 15 moment",
        "rm -rf -- /var/lib/postgresql/15/moment-tablespaces",
        "root: systemctl reset-failed postgresql@15-moment.service",
    ]


def test_what_cannot_be_removed_is_told_as_well() -> None:
    host = FakeHost(recovery=TOO_EARLY, failing=["pg_dropcluster"])

    with pytest.raises(CommandError, match=r"The archive of main ends .*To remove the cluster 15/moment failed: "):
        do(host)


def test_nothing_is_left_of_an_interruption() -> None:
    host = FakeHost(interrupting=" restore")

    with pytest.raises(KeyboardInterrupt):
        do(host)

    assert host.clusters == [LIVE]
