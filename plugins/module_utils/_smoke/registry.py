# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kinds of checks, by their names. This module is private to the collection."""

from __future__ import annotations

from collections.abc import Mapping

from ansible_collections.shipshape.webapp.plugins.module_utils._lazy import Lazy
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.kind import Kind


def _auth_required() -> Kind:
    from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.auth_required import AuthRequired

    return AuthRequired()


def _command() -> Kind:
    from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.command import Command

    return Command()


def _concurrent() -> Kind:
    from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.concurrent import Concurrent

    return Concurrent()


def _cors() -> Kind:
    from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.cors import Cors

    return Cors()


def _file() -> Kind:
    from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.file import File

    return File()


def _http() -> Kind:
    from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.http_check import HttpCheck

    return HttpCheck()


def _load() -> Kind:
    from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.load import Load

    return Load()


def _log() -> Kind:
    from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.log import Log

    return Log()


def _pm2() -> Kind:
    from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.pm2 import Pm2

    return Pm2()


def _rate_limit() -> Kind:
    from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.rate_limit import RateLimit

    return RateLimit()


def _redis() -> Kind:
    from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.redis import Redis

    return Redis()


def _sanitize() -> Kind:
    from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.sanitize import Sanitize

    return Sanitize()


def _socketio() -> Kind:
    from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.socketio import SocketIo

    return SocketIo()


def _sql() -> Kind:
    from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.sql import Sql

    return Sql()


def _tcp() -> Kind:
    from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.tcp import Tcp

    return Tcp()


def _tls() -> Kind:
    from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.tls import Tls

    return Tls()


def _websocket() -> Kind:
    from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.websocket import WebSocket

    return WebSocket()


KINDS: Mapping[str, Kind] = Lazy(
    _auth_required,
    _command,
    _concurrent,
    _cors,
    _file,
    _http,
    _load,
    _log,
    _pm2,
    _rate_limit,
    _redis,
    _sanitize,
    _socketio,
    _sql,
    _tcp,
    _tls,
    _websocket,
)
