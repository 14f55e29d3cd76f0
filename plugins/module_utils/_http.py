# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""HTTP servers, asked from the host. This module is private to the collection."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Iterator, Mapping
from http.client import HTTPException, InvalidURL
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit, urlunsplit

from ansible.module_utils.urls import open_url

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import HttpError
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Response

_LOOPBACK = re.compile(r"//(?:[^/@]*@)?(?:localhost|127\.[0-9.]+|\[::1\])(?:[:/?#]|$)")


class HostHttp:
    """Requests through Ansible's own client, which knows proxies and certificates."""

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        timeout: float = 10,
        ca_path: str | None = None,
    ) -> Response:
        """The answer, of whatever status."""
        try:
            try:
                answer = open_url(
                    url,
                    method=method,
                    headers=dict(headers or {}),
                    data=body,
                    timeout=timeout,
                    ca_path=ca_path,
                    follow_redirects="none",
                    use_netrc=False,
                    # A proxy of the environment is for the world outside; it cannot reach this host's loopback.
                    use_proxy=not _LOOPBACK.search(url),
                    http_agent="shipshape.webapp",
                )
            except HTTPError as error:
                answer = error
            with answer:
                names = {name.lower(): value for name, value in answer.headers.items()}
                return Response(answer.status, names, answer.read())
        except (OSError, ValueError, HTTPException) as error:
            reason, sentence = _explain(error, timeout)
            raise HttpError(f"{method} {_without_secrets(url)} had no answer: {sentence}", reason=reason) from error


def _explain(error: Exception, timeout: float) -> tuple[str, str]:
    if isinstance(error, (ValueError, InvalidURL)):
        # What these say quotes the address with all that is secret in it.
        return "connection", "this is no valid URL."
    causes = list(_causes(error))
    for kind, reason, sentence in (
        (socket.gaierror, "dns", "its host name is not known to the DNS."),
        (ssl.SSLError, "certificate", "its certificate is not trusted or TLS is not spoken there."),
        (TimeoutError, "timeout", f"nothing came for {timeout:g} seconds."),
        (socket.timeout, "timeout", f"nothing came for {timeout:g} seconds."),
        (ConnectionRefusedError, "refused", "nothing listens there."),
    ):
        if any(isinstance(cause, kind) for cause in causes):
            return reason, sentence
    return "connection", f"{causes[-1]}."


def _causes(error: BaseException) -> Iterator[BaseException]:
    yield error
    inner = error.reason if isinstance(error, URLError) else error.__cause__ or error.__context__
    if isinstance(inner, BaseException):
        yield from _causes(inner)


def _without_secrets(url: str) -> str:
    """The URL without user, password and query."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "the URL"
    if not parts.netloc:
        return "the URL"
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
