# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kinds of checks, by their names. This module is private to the collection."""

from __future__ import annotations

from collections.abc import Mapping

from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.auth_required import AuthRequired
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.command import Command
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.concurrent import Concurrent
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.cors import Cors
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.file import File
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.http_check import HttpCheck
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.kind import Kind
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.load import Load
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.log import Log
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.pm2 import Pm2
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.rate_limit import RateLimit
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.redis import Redis
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.sanitize import Sanitize
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.socketio import SocketIo
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.sql import Sql
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.tcp import Tcp
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.tls import Tls
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.websocket import WebSocket

_ALL: tuple[Kind, ...] = (
    *(AuthRequired(), Command(), Concurrent(), Cors(), File(), HttpCheck(), Load(), Log(), Pm2(), RateLimit()),
    *(Redis(), Sanitize(), SocketIo(), Sql(), Tcp(), Tls(), WebSocket()),
)

KINDS: Mapping[str, Kind] = {kind.name: kind for kind in _ALL}
