# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The faults around the removal of backups, and what check mode and a second run must not do.

By which rules backups are kept, the golden cases of tests/unit/backup/test_retention.py hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.integration.backup.faults import MYSQL, SQLITE, refused, survived
from tests.integration.backup.faults_backup import AS_IT_WAS
from tests.integration.backup.faults_live import NAME, READ_ONLY, Live, Run

OLD = ("2024-03-01T02:00:00+00:00", "2024-03-02T02:00:00+00:00", "2024-03-03T02:00:00+00:00")


def _ids(backups: Sequence[dict[str, Any]]) -> list[str]:
    return [backup["id"] for backup in backups]


def _pruned(live: Live, *, gone: Sequence[dict[str, Any]], **options: Any) -> Run:
    """A run that has to remove these backups, with their manifests, and nothing else."""
    run = live.backup(**options)
    assert not run.result.get("failed"), run.output
    assert sorted(run.result["pruned"]) == sorted(_ids(gone))
    removed = set(run.before.files) - set(run.after.files)
    assert removed == {name for backup in gone for name in (backup["file"], f"{backup['id']}.manifest.json")}
    # From here on, as if they had not been there.
    kept = {name: file for name, file in run.before.files.items() if name not in removed}
    return Run(run.before.__class__(**{**vars(run.before), "files": kept}), run.after, run.result, run.output)


@survived("foreign", engines=(SQLITE,))
def files_of_others(live: Live) -> Run:
    """What has no manifest is no backup, and what is one of another database is not ours."""
    clones = live.clone(OLD[:2])
    live.clone(OLD[2:], source="sqlite:///srv/other.db")
    orphan = f"{NAME}-20240304T020000Z-abcdef"
    live.shell(
        f"cd {live.directory}; echo note >notes.txt; echo x >{orphan}.db.zst; mkdir {NAME}-20240305T020000Z-abcdef.db;"
        f"echo x >other-20240304T020000Z-abcdef.db.zst; echo x >.other-20240304T020000Z-abcdef.db.zst.partial;"
        f"echo '{{}}' >{NAME}-20240306T020000Z-abcdef.manifest.json; mv notes.txt notes.manifest.json"
    )
    live.shell(f"mv {live.directory}/.other-20240304T020000Z-abcdef.db.zst.partial {live.directory}/other.partial")
    return _pruned(live, gone=[*clones, live.previous], keep={"last": 1})


@survived("link-out", engines=(SQLITE,))
def links_that_lead_out(live: Live) -> Run:
    """Neither what has the name of a backup nor what has that of a manifest is followed or removed."""
    [linked, described] = live.clone(OLD[:2])
    live.shell(
        f"cd {live.directory}; for file; do"
        f' mv "$file" {live.root}/elsewhere; ln -s "{live.root}/elsewhere/$file"; done',
        linked["file"],
        f"{described['id']}.manifest.json",
    )
    run = _pruned(live, gone=[live.previous], keep={"last": 1})
    there = live.shell(f"ls {live.root}/elsewhere").split()
    assert sorted(there) == sorted([linked["file"], f"{described['id']}.manifest.json"])
    return run


def _in_berlin(now: str) -> dict[str, str]:
    """What a host there has at this time."""
    return {"TZ": "Europe/Berlin", "CLOCK": now}


@survived("dst", engines=(SQLITE,))
def clocks_put_back_in_autumn(live: Live) -> Run:
    """The day has 25 hours in Berlin, and begins before that of UTC does."""
    clones = live.clone(
        [
            "2024-10-26T21:59:00+00:00",  # 23:59 of the day before
            "2024-10-26T22:01:00+00:00",  # 00:01
            "2024-10-27T00:30:00+00:00",  # 02:30
            "2024-10-27T01:30:00+00:00",  # 02:30 once more
            "2024-10-27T22:59:00+00:00",  # 23:59
            "2024-10-27T23:01:00+00:00",  # 00:01 of the day after
        ]
    )
    run = live.backup(environment=_in_berlin("2024-11-20T12:00:00+00:00"), keep={"hourly": 5})
    # The two hours that have the same name are two.
    assert run.result["pruned"] == _ids([clones[1], clones[0]])
    gone = [run.result["backup"], *clones[2:4]]
    return _pruned(live, gone=gone, environment=_in_berlin("2024-11-20T13:00:00+00:00"), keep={"daily": 3})


@survived("dst", engines=(SQLITE,))
def clocks_put_forward_in_spring(live: Live) -> Run:
    clones = live.clone(
        [
            "2024-03-30T22:59:00+00:00",  # 23:59 of the day before
            "2024-03-30T23:01:00+00:00",  # 00:01
            "2024-03-31T21:59:00+00:00",  # 23:59
            "2024-03-31T22:01:00+00:00",  # 00:01 of the day after
        ]
    )
    # The oldest stays as long as there is room for more days.
    return _pruned(live, gone=clones[1:2], environment=_in_berlin("2024-05-01T12:00:00+00:00"), keep={"daily": 9})


@survived("future", engines=(SQLITE,))
def backups_of_tomorrow(live: Live) -> Run:
    """They stay, and take no other's place."""
    clones = live.clone([*OLD, "2099-01-01T00:00:00+00:00", "2099-01-02T00:00:00+00:00"])
    run = _pruned(live, gone=clones[:3], keep={"last": 2})
    assert {live.previous["id"], *_ids(clones[3:])} <= {kept["id"] for kept in run.result["kept"]}
    return run


@survived("unverified", engines=(SQLITE,))
def newest_backup_is_not_verified(live: Live) -> Run:
    """The newest that is verified stays, however old it is."""
    clones = live.clone(OLD[:2])
    younger = live.clone(["2025-01-01T00:00:00+00:00"], verified=None)
    live.shell(f"rm {live.directory}/{live.previous['id']}.*")
    run = _pruned(live, gone=[clones[0], *younger], verify="none", keep={"last": 1})
    [reasons] = [kept["reasons"] for kept in run.result["kept"] if kept["id"] == clones[1]["id"]]
    assert reasons == ["newest verified"]
    return run


@refused("prune-failed", told=("zstd ended with exit code", AS_IT_WAS), engines=(SQLITE,))
def run_that_fails(live: Live) -> Run:
    live.clone(OLD)
    live.program("zstd", "#!/bin/sh\nexit 1\n")
    return live.backup(keep={"last": 1})


def _copied_to(live: Live, remote: str, **options: Any) -> Run:
    """Where the copy fails the new backup stays, the old ones stay, and the next run makes up for it."""
    clones = live.clone(OLD)
    run = live.backup(keep={"last": 1}, copy_to=remote, **options)
    assert not set(run.before.files) - set(run.after.files)
    assert len(run.new) == 2
    again = live.backup(keep={"last": 1}, copy_to=f"{live.root}/elsewhere", max_age="1h")
    assert not again.result.get("failed"), again.output
    assert again.result["reason"] == "one is younger than max_age"
    assert sorted(again.result["pruned"]) == sorted(_ids([*clones, live.previous]))
    assert live.shell(f"ls {live.root}/elsewhere").split() == run.new
    # Beside the new one, nothing is other than it was.
    files = {name: file for name, file in run.after.files.items() if name not in run.new}
    return Run(run.before, run.after.__class__(**{**vars(run.after), "files": files}), run.result, run.output)


COPY_FAILED = "The backups here are done and whole, nothing was pruned, and the next run tries again."


@refused("copy-failed", told=("nowhere:shop", COPY_FAILED), engines=(SQLITE,))
def remote_that_nobody_knows(live: Live) -> Run:
    return _copied_to(live, "nowhere:shop")


@refused("copy-failed", told=("unreachable:shop", COPY_FAILED), engines=(SQLITE,))
def remote_that_cannot_be_reached(live: Live) -> Run:
    config = f"{live.root}/data/rclone.conf"
    live.is_touched = True
    live.shell(f"printf '[unreachable]\\ntype = http\\nurl = http://127.0.0.1:1\\n' >{config}")
    return _copied_to(live, "unreachable:shop", rclone_config=config)


@refused("copy-failed", told=("read-only file system", COPY_FAILED), engines=(SQLITE,))
def remote_that_takes_nothing(live: Live) -> Run:
    live.shell("mkdir -p /shared/remote")
    return _copied_to(live, f"{READ_ONLY}/remote")


@survived("check", everywhere=True)
def check_mode_before_the_run(live: Live) -> Run:
    """It leaves no trace, and the real run does what it said."""
    live.clone(OLD)
    options: dict[str, Any] = {"keep": {"last": 2}, "verify": "structure" if live.engine == MYSQL else "restore"}
    foretold = live.backup(check=True, **options)
    assert foretold.before == foretold.after
    run = live.backup(**options)
    assert not run.result.get("failed"), run.output
    for word in ("changed", "pattern", "pruned", "reason"):
        assert foretold.result[word] == run.result[word]
    assert len(run.result["pruned"]) == 3
    assert foretold.result["backup"] is None
    return live.backup(check=True, max_age="1h", keep={"last": 2})


@survived("check")
def check_mode_before_a_restore(live: Live) -> Run:
    live.sql("UPDATE accounts SET balance = 1; INSERT INTO late VALUES (11, 'later');")
    run = live.restore(check=True)
    assert run.before == run.after
    assert run.result["changed"]
    assert {row["name"]: row["rows"] for row in run.result["lost"]} == {"late": 1}
    assert run.result["lost_is_estimate"]
    return run


@survived("max-age")
def second_run_within_the_age(live: Live) -> Run:
    run = live.backup(max_age="12h")
    assert not run.result["changed"]
    assert run.result["backup"]["id"] == live.previous["id"]
    assert run.before == run.after
    return run
