# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""That what stands in an environment file is seen nowhere else."""

from __future__ import annotations

import pytest

from tests.integration.processes import hosts
from tests.integration.processes.shop import NAME, SECRET, Shop

PM2_HOME = f"{hosts.HOME}/.pm2"


@pytest.mark.parametrize("mode", ["fork", "cluster"])
def test_secret_is_seen_nowhere(shop: Shop, mode: str) -> None:
    shop.started(shop.process(mode=mode), diff=True)
    assert shop.module(state="saved", diff=True)["saved"] is True
    told = shop.ask()
    assert told is not None
    assert told["has_secret"]

    seen = shop.host.run("sh", "-c", "cat /proc/[0-9]*/cmdline 2>/dev/null || :").decode()
    # Root has no right in a container to look into processes of others.
    environments = shop.host.run(*hosts.as_user("sh", "-c", "cat /proc/[0-9]*/environ 2>/dev/null || :")).decode()
    assert "SHIPSHAPE_PROCESS" in environments
    assert SECRET not in seen + environments
    assert SECRET not in shop.pm2("prettylist") + shop.pm2("show", f"{NAME}-blue")
    found = shop.host.run("sh", "-c", f"grep -rlF {SECRET} {PM2_HOME} || :").decode()
    assert found == ""


def test_files_are_for_their_owner_alone(shop: Shop) -> None:
    shop.started()
    shop.module(state="saved")

    # Who could read what there is of numbers of processes cannot get at it.
    others = ("-type", "f", "!", "-name", "*.pid", "-perm", "/077", "-printf", "%m %P\n")
    open_ones = shop.host.run("find", PM2_HOME, *others).decode()
    modes = shop.host.run(
        "stat", "--format", "%a %U", PM2_HOME, f"{PM2_HOME}/dump.pm2", f"{PM2_HOME}/shipshape"
    ).decode()

    assert open_ones == ""
    assert modes.splitlines() == ["700 app", "600 app", "700 app"]


@pytest.mark.parametrize("mode", ["fork", "cluster"])
def test_last_words_are_told_without_it(shop: Shop, mode: str) -> None:
    result = shop.start(shop.process(environment={"FAULT": "tells"}, mode=mode))

    assert result["failed"]
    assert "with exit code 4" in result["msg"]
    assert "The password " in result["msg"]
