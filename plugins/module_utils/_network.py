# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Connections to servers, over TCP and TLS. This module is private to the collection."""

from __future__ import annotations

import contextlib
import errno
import socket
import ssl
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import HttpError
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Handshake, Stream, Trust

_VERSIONS = {
    "1.0": ssl.TLSVersion.TLSv1,
    "1.1": ssl.TLSVersion.TLSv1_1,
    "1.2": ssl.TLSVersion.TLSv1_2,
    "1.3": ssl.TLSVersion.TLSv1_3,
}

# Such a version is refused by this host's own library, before anything is sent.
_NOT_OFFERED = ("NO_PROTOCOLS_AVAILABLE", "NO_CIPHERS_AVAILABLE")

# So a server says that it does not speak a version, and some, which do not say it, hang up.
_NOT_SPOKEN = (
    "UNSUPPORTED_PROTOCOL",
    "TLSV1_ALERT_PROTOCOL_VERSION",
    "TLSV1_ALERT_INSUFFICIENT_SECURITY",
    "TLSV1_ALERT_INTERNAL_ERROR",
    "SSLV3_ALERT_HANDSHAKE_FAILURE",
    "WRONG_VERSION_NUMBER",
)

# Which of these it is depends on the versions of Python and OpenSSL.
_HUNG_UP = (ConnectionResetError, ssl.SSLEOFError, ssl.SSLZeroReturnError)

# What a server that speaks no TLS at all has said, as it looks to whoever expected TLS.
_NO_TLS = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG", "HTTP_REQUEST")

# OP_LEGACY_SERVER_CONNECT, which Python names only since 3.12: old servers are refused without it.
_OLD_SERVERS = 0x4

# With a timeout of 0 a socket would be one of another kind, which fails instead of waiting.
_AT_ONCE = 0.001

# X509_V_ERR_* of OpenSSL.
_NOT_YET_VALID, _EXPIRED, _OWN_WORD, _OTHER_NAME = 9, 10, 18, (62, 64)
_UNKNOWN_AUTHORITY = (2, 7, 19, 20, 21)


class HostNetwork:
    """Sockets of the host."""

    def addresses(self, host: str) -> list[str]:
        """What the system's resolver says."""
        try:
            return sorted({str(found[4][0]) for found in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)})
        except (OSError, ValueError) as error:
            raise HttpError(f"{host} has no address: {_explain(error, 0, None)[1]}", reason="dns") from error

    @contextlib.contextmanager
    def connect(self, host: str, port: int, *, timeout: float, trust: Trust | None = None) -> Iterator[Stream]:
        """A connection, over TLS if there is somebody to trust."""
        place = _place("tls" if trust else "tcp", host, port)
        with contextlib.ExitStack() as stack:
            try:
                connected = stack.enter_context(_connected(host, port, timeout))
                if trust:
                    context = _context(trust, None)
                    connected = stack.enter_context(context.wrap_socket(connected, server_hostname=host))
            except ssl.SSLCertVerificationError as error:
                told = self.handshake(host, port, timeout=timeout, trust=trust or Trust()).distrust
                # Behind one address there can be several servers.
                told = told or "not all of its certificates are trusted. Look at each server behind it."
                raise HttpError(f"{place} has no connection: {told}", reason="certificate") from error
            except (OSError, ValueError) as error:
                raise _refusal(place, error, timeout) from error
            yield _SocketStream(connected, place, timeout)

    def handshake(
        self, host: str, port: int, *, timeout: float, trust: Trust, name: str | None = None, version: str | None = None
    ) -> Handshake:
        """What a TLS server shows to whoever asks for this name and speaks only this version."""
        asked = name or host
        try:
            try:
                return _shake(host, port, timeout, trust, asked, version)
            except ssl.SSLCertVerificationError as error:
                # Python hides a certificate that it does not believe, so it is asked for again and believed.
                shown = _shake(host, port, timeout, Trust(is_verified=False), asked, version)
                return replace(shown, distrust=_distrust(error, asked, shown))
        except (OSError, ValueError) as error:
            raise _refusal(_place("tls", host, port), error, timeout, version) from error


@dataclass(frozen=True)
class _SocketStream:
    connected: socket.socket
    place: str
    timeout: float

    def send(self, data: bytes) -> None:
        self.connected.settimeout(self.timeout)
        try:
            self.connected.sendall(data)
        except OSError as error:
            raise _silence(self.place, error, self.timeout) from error

    def receive(self, timeout: float | None = None) -> bytes:
        seconds = self.timeout if timeout is None else max(timeout, 0)
        self.connected.settimeout(seconds or _AT_ONCE)
        try:
            return self.connected.recv(65536)
        except OSError as error:
            raise _silence(self.place, error, seconds) from error


def _connected(host: str, port: int, timeout: float) -> socket.socket:
    """A connection to the first of the host's addresses that takes one; all of them share the time."""
    deadline = time.monotonic() + timeout
    addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    errors: list[OSError] = []
    for left, (family, kind, protocol, _name, address) in zip(range(len(addresses), 0, -1), addresses):
        connected = socket.socket(family, kind, protocol)
        try:
            connected.settimeout(max((deadline - time.monotonic()) / left, _AT_ONCE))
            connected.connect(address)
            connected.settimeout(max(deadline - time.monotonic(), _AT_ONCE))
        except OSError as error:
            connected.close()
            errors.append(error)
        else:
            return connected
    # A host that has no IPv6 says of each such address that it is unreachable, which tells nothing of the server.
    raise next((error for error in errors if error.errno != errno.ENETUNREACH), errors[-1])


def _shake(host: str, port: int, timeout: float, trust: Trust, name: str, version: str | None) -> Handshake:
    context = _context(trust, version)
    with _connected(host, port, timeout) as plain, context.wrap_socket(plain, server_hostname=name) as connected:
        shown = _decoded(connected.getpeercert(binary_form=True) or b"")
        expires = float(ssl.cert_time_to_seconds(shown["notAfter"]))
        return Handshake(connected.version() or "", expires, _names(shown), None)


def _context(trust: Trust, version: str | None) -> ssl.SSLContext:
    # Not create_default_context: since Python 3.13 that is stricter than HTTP clients and browsers are.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # As Python itself does since 3.10.
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if version or not trust.is_verified:
        # What is only looked at may be weak.
        context.set_ciphers("ALL:!aNULL:@SECLEVEL=0")
    if version:
        context.minimum_version = context.maximum_version = _VERSIONS[version]
        context.options |= _OLD_SERVERS
    if not trust.is_verified:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif trust.ca is None:
        context.load_default_certs()
    else:
        try:
            context.load_verify_locations(trust.ca)
        except OSError as error:
            said = "it holds no certificate" if isinstance(error, ssl.SSLError) else error.strerror
            raise HttpError(f"The certificates in {trust.ca} cannot be read: {said}.", reason="certificate") from error
    return context


def _decoded(der: bytes) -> Mapping[str, Any]:
    """The certificate as Python shows one that it believes.

    There is no public way to have one read that is not believed. This one has been in every Python since 2.6, and the
    program openssl, the only other one without a library, is not on every host.
    """
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
        file.write(ssl.DER_cert_to_PEM_cert(der))
        file.flush()
        shown: Mapping[str, Any] = ssl._ssl._test_decode_cert(file.name)  # type: ignore[attr-defined]  # not public
        return shown


def _names(shown: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(value for kind, value in shown.get("subjectAltName", ()) if kind in ("DNS", "IP Address"))


def _distrust(error: ssl.SSLCertVerificationError, name: str, shown: Handshake) -> str:
    code = error.verify_code
    if code == _EXPIRED and shown.expires < time.time():
        return f"its certificate expired on {_day(shown.expires)}. Renew it, and have the server load it."
    if code == _EXPIRED:
        return "a certificate above its own has expired. Renew the chain, and have the server load it."
    if code == _NOT_YET_VALID:
        return "its certificate is not valid yet. Compare the clocks of this host and of the server."
    if code in _OTHER_NAME:
        names = ", ".join(shown.names) or "nobody"
        return f"its certificate is not for {name} but for {names}. Have one issued that names it, or ask for another."
    if code == _OWN_WORD:
        return "nobody but itself vouches for its certificate. Have one issued, or give that certificate as ca."
    if code in _UNKNOWN_AUTHORITY:
        return (
            "its certificate comes from an authority that is unknown here. Have the server send the whole chain, or"
            " give the authority's certificate as ca."
        )
    return f"its certificate is not trusted: {error.verify_message}."


def _day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%d %H:%M UTC")


def _refusal(place: str, error: Exception, timeout: float, version: str | None = None) -> HttpError:
    reason, sentence = _explain(error, timeout, version)
    return HttpError(f"{place} has no connection: {sentence}", reason=reason)


def _silence(place: str, error: Exception, timeout: float) -> HttpError:
    reason, sentence = _explain(error, timeout, None)
    return HttpError(f"{place} gave no answer: {sentence}", reason=reason)


def _explain(error: Exception, timeout: float, version: str | None) -> tuple[str, str]:
    if version and (isinstance(error, _HUNG_UP) or getattr(error, "reason", None) in _NOT_SPOKEN):
        return "version", f"it does not speak TLS {version}."
    if isinstance(error, ssl.SSLError):
        return _of_tls(error, version)
    if isinstance(error, socket.gaierror):
        return "dns", "its host name is not known to the DNS. Check the name, and the DNS of this host."
    if isinstance(error, ValueError):
        return "dns", "this is no valid host name."
    # Until Python 3.10 the one is no kind of the other.
    if isinstance(error, (TimeoutError, socket.timeout)):
        return "timeout", f"nothing came for {timeout:g} seconds. Look for a firewall in between, or allow more time."
    if isinstance(error, ConnectionRefusedError):
        return "refused", "nothing listens there. Start the server, or correct the port."
    # This is how firewalls refuse that do not feign a closed port.
    if isinstance(error, OSError) and error.errno == errno.EHOSTUNREACH:
        return "refused", "no way leads there. Look for a firewall in between, and whether the host is up."
    return "connection", f"{getattr(error, 'strerror', None) or error}."


def _of_tls(error: ssl.SSLError, version: str | None) -> tuple[str, str]:
    if error.reason in _NOT_OFFERED:
        return "connection", f"the TLS library of this host does not offer TLS {version}."
    if error.reason in ("UNSUPPORTED_PROTOCOL", "TLSV1_ALERT_PROTOCOL_VERSION"):
        return "version", "it speaks no version of TLS that this host still accepts. Enable TLS 1.2 and 1.3 there."
    if error.reason in _NO_TLS:
        return "connection", "TLS is not spoken there."
    if isinstance(error, _HUNG_UP):
        return "connection", "it hung up in the middle of the handshake."
    said = (error.reason or str(error)).lower().replace("_", " ")
    return "connection", f"TLS failed: {said}."


def _place(scheme: str, host: str, port: int) -> str:
    return f"{scheme} [{host}]:{port}" if ":" in host else f"{scheme} {host}:{port}"
