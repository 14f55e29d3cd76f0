# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import ssl
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import HttpError
from ansible_collections.shipshape.webapp.plugins.module_utils._network import HostNetwork
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.kind import Setting
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.tls import Tls
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Handshake, Trust
from tests.unit.smoke.sockets import (
    DAY,
    NOW,
    Certificate,
    certificate,
    observe,
    problems,
    saying,
    serving,
    until_closed,
)

pytestmark = pytest.mark.filterwarnings("ignore:ssl.TLSVersion.*:DeprecationWarning")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return certificate(tmp_path_factory.mktemp("authority"), (), called="authority", is_authority=True)


def test_good_server_is_seen_as_good(tmp_path: Path, authority: Certificate) -> None:
    ends = NOW + 20 * DAY + timedelta(hours=1)
    good = certificate(tmp_path, ("example.com", "www.example.com"), by=authority, ends=ends)

    with serving(until_closed, good.context()) as port:
        seen = observe(Tls(), Setting(trust=Trust(authority.path)), address=f"127.0.0.1:{port}", name="example.com")

    assert seen.values == {
        "trusted": True,
        "days_left": 20,
        "version": "TLSv1.3",
        "names": ["example.com", "www.example.com"],
        "legacy": [],
        "reason": None,
    }
    assert seen.told == (
        f"tls 127.0.0.1:{port} speaks TLSv1.3 and shows a certificate for example.com, www.example.com, with 20"
        " days left."
    )


@pytest.mark.parametrize("is_verified", [True, False])
def test_certificate_that_is_not_trusted_is_seen_even_if_others_need_not_look(
    is_verified: bool, tmp_path: Path, authority: Certificate
) -> None:
    expired = certificate(tmp_path, ("127.0.0.1",), by=authority, begins=NOW - 9 * DAY, ends=NOW - DAY)
    trust = Trust(authority.path, is_verified=is_verified)

    with serving(until_closed, expired.context()) as port:
        seen = observe(Tls(), Setting(trust=trust), host="127.0.0.1", port=port)

    reason = f"its certificate expired on {NOW - DAY:%Y-%m-%d %H:%M} UTC. Renew it, and have the server load it."
    assert seen.values == {
        "trusted": False,
        "days_left": -2,
        "version": "TLSv1.3",
        "names": ["127.0.0.1"],
        "legacy": [],
        "reason": reason,
    }
    assert seen.told == (
        f"tls 127.0.0.1:{port} speaks TLSv1.3 and shows a certificate for 127.0.0.1, with -2 days left: {reason}"
    )


@pytest.mark.parametrize(
    ("least", "most", "version", "legacy"),
    [
        ("TLSv1", "TLSv1_3", "TLSv1.3", ["1.0", "1.1"]),
        ("TLSv1_1", "TLSv1_2", "TLSv1.2", ["1.1"]),
        ("TLSv1", "TLSv1_1", "TLSv1.1", ["1.0", "1.1"]),
        ("TLSv1", "TLSv1", "TLSv1", ["1.0"]),
    ],
)
def test_old_versions_are_seen(
    least: str, most: str, version: str, legacy: list[str], tmp_path: Path, authority: Certificate
) -> None:
    good = certificate(tmp_path, by=authority)
    context = good.context(minimum=ssl.TLSVersion[least], maximum=ssl.TLSVersion[most])

    with serving(until_closed, context) as port:
        seen = observe(Tls(), Setting(trust=Trust(authority.path)), address=f"127.0.0.1:{port}")

    assert (seen.values["trusted"], seen.values["version"], seen.values["legacy"]) == (True, version, legacy)
    assert seen.told == (
        f"tls 127.0.0.1:{port} speaks {version} and shows a certificate for 127.0.0.1, with 29 days left. It speaks"
        f" TLS {' and '.join(legacy)}: disable that."
    )


class Blind(HostNetwork):
    """A host whose library does not offer this version."""

    def __init__(self, version: str | None) -> None:
        self._version = version

    def handshake(self, host: str, port: int, **options: Any) -> Handshake:
        if options["version"] == self._version:
            raise HttpError("tls has no connection: this host does not offer it.", reason="connection")
        return super().handshake(host, port, **options)


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_version_that_cannot_be_looked_at_is_not_taken_for_absent(
    version: str, tmp_path: Path, authority: Certificate
) -> None:
    context = certificate(tmp_path, by=authority).context(minimum=ssl.TLSVersion.TLSv1)

    with serving(until_closed, context) as port:
        seen = observe(Tls(), Setting(trust=Trust(authority.path)), Blind(version), address=f"127.0.0.1:{port}")

    other = {"1.0": "1.1", "1.1": "1.0"}[version]
    assert (seen.values["trusted"], seen.values["legacy"]) == (True, None)
    assert seen.told.endswith(
        f" It speaks TLS {other}: disable that. Whether it speaks all old versions could not be looked at: tls has no"
        " connection: this host does not offer it."
    )


def test_old_versions_do_not_stand_for_one_that_could_not_be_looked_at(tmp_path: Path) -> None:
    context = certificate(tmp_path).context(minimum=ssl.TLSVersion.TLSv1)

    with serving(until_closed, context) as port, pytest.raises(HttpError, match="this host does not offer it"):
        observe(Tls(), network=Blind(None), address=f"127.0.0.1:{port}")


def test_server_that_speaks_nothing_known_is_not_seen(tmp_path: Path) -> None:
    class Modern(HostNetwork):
        def handshake(self, host: str, port: int, **options: Any) -> Handshake:
            raise HttpError(f"it does not speak TLS {options['version']}.", reason="version")

    with pytest.raises(HttpError, match="it does not speak TLS None"):
        observe(Tls(), network=Modern(), address="127.0.0.1:443")


def test_server_without_tls_is_not_seen() -> None:
    with serving(saying(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as port, pytest.raises(HttpError) as caught:
        observe(Tls(), address=f"127.0.0.1:{port}")

    assert caught.value.message == f"tls 127.0.0.1:{port} has no connection: TLS is not spoken there."


class Noting(HostNetwork):
    """Notes whom it should connect to."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []

    def handshake(self, host: str, port: int, **options: Any) -> Handshake:
        self.asked.append((host, port))
        return Handshake("TLSv1.3", 0, (), None)


@pytest.mark.parametrize(
    "options", [{"address": "example.com"}, {"host": "example.com"}, {"address": "example.com:443"}]
)
def test_port_is_443_unless_it_is_told(options: dict[str, Any]) -> None:
    network = Noting()

    observe(Tls(), network=network, **options)

    assert set(network.asked) == {("example.com", 443)}


def test_address_is_judged() -> None:
    assert problems(Tls(), address="https://example.com") == [
        "This is no host:port, such as example.com:443 or [::1]:443."
    ]


def test_trust_for_two_weeks_and_nothing_old_is_expected() -> None:
    assert Tls().default({}) == {"trusted": True, "days_left": {"ge": 14}, "legacy": []}
    assert Tls().only_reads({})
