# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host whose nginx is as new for each file of tests."""

from __future__ import annotations

import pytest

from tests.integration.machine import Host
from tests.integration.nginx.serving import Site


@pytest.fixture(scope="session")
def nginx_site(nginx_host: Host) -> Site:
    """nginx on that host, whatever tests before have left."""
    return Site(nginx_host)
