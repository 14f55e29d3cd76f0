# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The host on which a module runs. This module is private to the collection."""

from __future__ import annotations

import os
import pwd
import time
from datetime import datetime

from ansible_collections.shipshape.webapp.plugins.module_utils._command import HostCommands
from ansible_collections.shipshape.webapp.plugins.module_utils._connection import open_connection
from ansible_collections.shipshape.webapp.plugins.module_utils._database.host import Host
from ansible_collections.shipshape.webapp.plugins.module_utils._files import HostFiles
from ansible_collections.shipshape.webapp.plugins.module_utils._folders import HostFolders
from ansible_collections.shipshape.webapp.plugins.module_utils._lock import HostLocks
from ansible_collections.shipshape.webapp.plugins.module_utils._pipe import HostPipes
from ansible_collections.shipshape.webapp.plugins.module_utils._processes import HostProcesses
from ansible_collections.shipshape.webapp.plugins.module_utils._server import HostServers


def this_host() -> Host:
    """All that a module for databases reaches, as it really is."""
    return Host(
        connect=open_connection,
        commands=HostCommands(),
        pipes=HostPipes(),
        servers=HostServers(),
        files=HostFiles(),
        folders=HostFolders(),
        locks=HostLocks(),
        processes=HostProcesses(),
        now=lambda: datetime.now().astimezone(),
        local=lambda moment: moment.astimezone(),
        who=_who,
        random=os.urandom,
        pause=time.sleep,
    )


def _who() -> str:
    number = os.geteuid()
    try:
        user = pwd.getpwuid(number).pw_name
    except KeyError:
        user = str(number)
    return f"{user}@{os.uname().nodename}"
