# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""HTTP servers, asked from the host. This module is private to the collection.

Connections, TLS and decoding are those of requests. Redirects are not: it sends headers with tokens on to any server,
and reads what comes with a redirect without limit, even where nobody follows it.
"""

from __future__ import annotations

import base64
import io
import socket
import ssl
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import replace
from functools import partial
from http.client import HTTPException, HTTPResponse
from http.cookiejar import CookieJar
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urljoin, urlsplit, urlunsplit

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import HttpError, ShipshapeError
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Request, Response, Shot, Trust

if TYPE_CHECKING:
    import requests

_MOST_BYTES = 20_000_000
_MOST_REDIRECTS = 10
_CHUNK = 65536

_HEADERS = {"User-Agent": "shipshape.webapp", "Accept": "*/*", "Accept-Encoding": "gzip, deflate"}


class HostHttp:
    """Asks through the library requests, without anything of the environment."""

    def __init__(self) -> None:
        # What nobody uses at the moment; to take from a list and to give back is one step in Python.
        self._idle: dict[Trust, list[_Transport]] = {}

    def session(self, trust: Trust) -> _Session:
        """A new one without cookies; connections are shared by all."""
        # Not with the first request, which would seem slow.
        _have_requests()
        return _Session(partial(self._transport, self._idle.setdefault(trust, []), trust))

    def volley(
        self, requests: Sequence[Request], *, at_most: int, at_once: bool = False, timeout: float = 10, trust: Trust
    ) -> tuple[list[Shot], float]:
        """Ask all of these over `at_most` connections, and how many seconds that took; no request is repeated."""
        # It needs Linux, and a controller that only asks need not be one.
        from ansible_collections.shipshape.webapp.plugins.module_utils._volley import volley

        return volley(requests, at_most=at_most, at_once=at_once, timeout=timeout, trust=trust)

    @staticmethod
    @contextmanager
    def _transport(idle: list[_Transport], trust: Trust) -> Iterator[_Transport]:
        try:
            transport = idle.pop()
        except IndexError:
            transport = _Transport(trust)
        yield transport
        # Not after an error, which may have left something unread in a connection.
        idle.append(transport)


class _Session:
    """Keeps cookies, and follows redirects as browsers do."""

    def __init__(self, transport: Callable[[], AbstractContextManager[_Transport]]) -> None:
        self._transport = transport
        self._cookies = CookieJar()

    def ask(self, request: Request, *, follows: bool = False, timeout: float = 10) -> Response:
        """The answer, of whatever status; redirects are followed only if asked for."""
        from urllib3.exceptions import HTTPError

        begun = time.perf_counter()
        try:
            with self._transport() as transport:
                for _number in range(_MOST_REDIRECTS + 1):
                    request = _with_login_as_header(request)
                    response = transport.exchange(request, self._cookies, begun + timeout)
                    onward = _onward(request, response) if follows else None
                    if onward is None:
                        return replace(response, ms=(time.perf_counter() - begun) * 1000)
                    request = onward
        # Those of requests are OSErrors, but some of urllib3 get through it.
        except (OSError, ValueError, HTTPException, HTTPError) as error:
            reason, sentence = _explain(error, timeout)
            raise HttpError(f"{request} had no answer: {sentence}", reason=reason) from error
        message = f"{request} had no answer: the server has redirected {_MOST_REDIRECTS} times, and still does."
        raise HttpError(message, reason="connection")


class _Transport:
    """Connections to those who are trusted in one way, for one thread at a time: a new one over TLS costs 40 ms."""

    def __init__(self, trust: Trust) -> None:
        from requests.adapters import HTTPAdapter

        self._verify = _verify(trust)
        self._deadline = 0.0
        self._adapter = HTTPAdapter()
        pools = self._adapter.poolmanager.pool_classes_by_scheme
        self._adapter.poolmanager.pool_classes_by_scheme = {
            scheme: _with_connections(pool, lambda: self._deadline) for scheme, pool in pools.items()
        }

    def exchange(self, request: Request, cookies: CookieJar, deadline: float) -> Response:
        """One answer to one request, in whole before the deadline."""
        import requests
        from requests.cookies import extract_cookies_to_jar

        self._deadline = deadline
        # As bytes, because http.client would refuse what latin-1 does not have.
        headers = {name: value.encode(errors="surrogateescape") for name, value in request.headers.items()}
        prepared = requests.Request(
            request.method,
            request.url,
            {**_HEADERS, **headers},
            data=request.body,
            cookies=cookies,
        ).prepare()
        # As it is given, where requests would resolve /../ and unquote some of what is quoted.
        prepared.url = urlunsplit(urlsplit(request.url)._replace(fragment=""))
        left = _left(deadline)
        with self._adapter.send(prepared, timeout=left, verify=self._verify) as answer:
            extract_cookies_to_jar(cookies, prepared, answer.raw)  # type: ignore[no-untyped-call] # it has no types
            # urllib3 1 takes a body that breaks off for a whole one.
            answer.raw.enforce_content_length = True
            names = {name.lower(): value for name, value in answer.headers.items()}
            return Response(answer.status_code, names, _body(request, answer), prepared.url)


def _have_requests() -> None:
    try:
        import requests  # noqa: F401 - only whether it is there
    except ImportError:
        raise ShipshapeError(
            "The Python library requests is missing on this host: install the package python3-requests, or requests"
            f" for {sys.executable}."
        ) from None


def _verify(trust: Trust) -> str | bool:
    """Whom requests is to trust; by itself it would take a list of its own where there is one of the system."""
    if not trust.is_verified:
        import urllib3

        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        return False
    if trust.ca:
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(trust.ca)
        except OSError as error:
            message = f"{trust.ca} cannot be read as certificates: {error.strerror or error}."
            raise HttpError(message, reason="certificate") from error
        return trust.ca
    system = ssl.get_default_verify_paths()
    return system.cafile or system.capath or True


def _with_connections(pool_class: Any, deadline: Callable[[], float]) -> Any:
    """The same kind of pool, with connections that are read until a deadline."""

    class Connection(pool_class.ConnectionCls):  # type: ignore[misc] # one of two, known at run time
        def response_class(self, socket: socket.socket, *args: Any, **options: Any) -> HTTPResponse:
            return _Answer(deadline(), socket, *args, **options)

        def send(self, data: Any) -> None:
            # A server that finds a body too large says so and hangs up: what it said is read nevertheless.
            with suppress(ConnectionResetError):
                super().send(data)

    class Pool(pool_class):  # type: ignore[misc] # one of two, known at run time
        ConnectionCls = Connection

    return Pool


class _Answer(HTTPResponse):
    """Reads from a socket until the deadline."""

    def __init__(self, deadline: float, socket: socket.socket, *args: Any, **options: Any) -> None:
        super().__init__(socket, *args, **options)
        self.fp = io.BufferedReader(_Timed(self.fp.detach(), socket, deadline))


class _Timed(io.RawIOBase):
    """What a socket receives until the deadline, where its own timeout would begin anew with every byte."""

    def __init__(self, source: io.RawIOBase, socket: socket.socket, deadline: float) -> None:
        self._source = source
        self._socket = socket
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        usual = self._socket.gettimeout()
        self._socket.settimeout(_left(self._deadline))
        try:
            return self._source.readinto(buffer)
        finally:
            # The next request over this connection is sent with it.
            self._socket.settimeout(usual)

    def close(self) -> None:
        self._source.close()
        super().close()


def _left(deadline: float) -> float:
    left = deadline - time.perf_counter()
    if left <= 0:
        raise socket.timeout
    return left


def _body(request: Request, answer: requests.Response) -> bytes:
    body = bytearray()
    for chunk in answer.iter_content(_CHUNK):
        body += chunk
        if len(body) > _MOST_BYTES:
            message = f"{request} was answered with more than {_MOST_BYTES // 1_000_000} MB, which is not read."
            raise HttpError(message, reason="connection")
    return bytes(body)


def _with_login_as_header(request: Request) -> Request:
    """The same without user and password in the address, but in a header, if there is no such header already."""
    parts = urlsplit(request.url)
    login, _at, host = parts.netloc.rpartition("@")
    if not login:
        return request
    encoded = base64.b64encode(unquote(login).encode()).decode()
    is_given = any(name.lower() == "authorization" for name in request.headers)
    headers = request.headers if is_given else {**request.headers, "Authorization": f"Basic {encoded}"}
    return replace(request, url=urlunsplit(parts._replace(netloc=host)), headers=headers)


def _onward(request: Request, response: Response) -> Request | None:
    """The request that a redirect asks for; another server is told nothing that was meant for this one."""
    location = response.headers.get("location")
    if location is None or response.status not in (301, 302, 303, 307, 308):
        return None
    # What came as bytes of UTF-8 has been read as latin-1.
    url = urljoin(request.url, quote(location.encode("latin-1"), safe="%/:=&?~#+!$,;'@()*[]"))
    becomes_get = (response.status == 303 and request.method not in ("GET", "HEAD")) or (
        response.status in (301, 302) and request.method == "POST"
    )
    if becomes_get:
        request = replace(request, method="GET", body=None, headers=_only(request, lambda name: name != "content-type"))
    if _origin(url) != _origin(request.url):
        request = replace(request, headers=_only(request, lambda name: name == "content-type"))
    return replace(request, url=url)


def _only(request: Request, is_kept: Callable[[str], bool]) -> dict[str, str]:
    return {name: value for name, value in request.headers.items() if is_kept(name.lower())}


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _explain(error: Exception, timeout: float) -> tuple[str, str]:
    from requests.exceptions import SSLError

    if isinstance(error, ValueError):
        # What these say quotes the address or a header with all that is secret in it.
        return "connection", "this is no valid URL, or one of its headers is no valid header."
    causes = list(_causes(error))
    last = causes[-1]
    # In urllib3 1, a wrong host name is no error of ssl.
    if isinstance(error, SSLError) and isinstance(last, (ssl.SSLCertVerificationError, ValueError)):
        said: str = getattr(last, "verify_message", "") or str(last)
        return "certificate", f"its certificate is not trusted: {said.rstrip('.')}."
    for kind, reason, sentence in (
        (socket.gaierror, "dns", "its host name is not known to the DNS."),
        (ssl.SSLError, "certificate", "TLS is not spoken there, or not as it is spoken here."),
        # They are two up to Python 3.9.
        ((TimeoutError, socket.timeout), "timeout", f"none came in whole within {timeout:g} seconds."),
        (ConnectionRefusedError, "refused", "nothing listens there."),
    ):
        if any(isinstance(cause, kind) for cause in causes):
            return reason, sentence
    return "connection", f"{str(last).rstrip('.')}."


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error, and what has led to it, which urllib3 keeps now here and now there."""
    yield error
    for inner in (getattr(error, "reason", None), error.__cause__, error.__context__, *error.args):
        if isinstance(inner, BaseException):
            yield from _causes(inner)
            return
