# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one host of the chaos tests, on which version 1 of FaceShot was deployed first."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.chaos.place import Place
from tests.integration.machine import Host


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """FaceShot in production."""
    folder = tmp_path_factory.mktemp("chaos")
    # A place that fills up soon, and a firewall.
    options = ("--tmpfs", "/small:size=1m,mode=1777", "--cap-add", "NET_ADMIN")
    host = Host("debian-13", f"shipshape-chaos-{os.getpid()}", folder, options=options)
    try:
        host.wait_until_running()
        place = Place(host, folder)
        first = place.deploy("one")
        assert first.code == 0, first.output
        yield place
    finally:
        host.remove()
