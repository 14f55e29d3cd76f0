# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The example Complete Car Loans: its own tests, and the suite of its guide against both versions and their faults."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from tests.integration.backup.test_secrets import watching
from tests.integration.examples.local import those
from tests.integration.examples.web import REDIS_PASSWORD, Web, checks_of, redis_url, running_web, within
from tests.integration.machine import ROOT
from tests.integration.node import packages
from tests.integration.smoke.guides.applications import suite
from tests.integration.smoke.test_guides import is_told, verify

EXAMPLE = ROOT / "examples" / "carloans"
HOME, ENVIRONMENT, LOGS = "/srv/carloans", "/opt/carloans.env", "/var/log/carloans"
CA = "/srv/tls/ca.pem"
KEY = 'canary-key-"$&/+%41'

# A private authority, the certificate of the balancer, and the balancer itself, whose configuration $1 is.
BALANCER = r"""
set -eu
mkdir -p /srv/tls
cd /srv/tls
openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 90 -subj '/CN=A private authority' \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign 2>/dev/null
openssl req -newkey rsa:2048 -nodes -keyout server.key -out server.csr -subj '/CN=carloans.test' 2>/dev/null
printf 'subjectAltName = DNS:carloans.test\n' >names
openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out server.pem -days 90 -extfile names \
    2>/dev/null
echo '127.0.0.1 carloans.test' >>/etc/hosts
rm -f /etc/nginx/sites-enabled/default
ln -sf "$1" /etc/nginx/conf.d/carloans.conf
systemctl restart nginx
"""


@pytest.fixture(scope="module")
def modules() -> Iterator[Path]:
    """The packages that the example needs, and those that build it."""
    with packages("carloans", EXAMPLE / "1", "--ignore-scripts") as installed:
        yield installed / "node_modules"


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """A host with PostgreSQL and Redis, and the balancer."""
    with running_web(tmp_path_factory.mktemp("carloans")) as web:
        web.host.run("sh", "-c", BALANCER, "sh", within(Path(__file__).parent / "carloans" / "nginx.conf"))
        yield web


FORGET_LIMITS = """
export REDISCLI_AUTH="$1"
redis-cli --scan --pattern 'ccl:limit:*' | xargs --no-run-if-empty redis-cli DEL"""


@dataclass
class Carloans:
    """The application on its host, in two processes behind the balancer."""

    web: Web
    modules: Path
    database: str

    def lay(self, version: str) -> None:
        """Lay out a version, and build it."""
        self.web.lay(EXAMPLE / version, HOME, self.modules)
        self.web.run(HOME, ENVIRONMENT, "node", "build.js")

    def configure(self, fault: str = "") -> None:
        """Write all that its guide asks for."""
        given = {
            "PORT": "5000",
            "INSTANCES_PER_HOST": "2",
            "DB_POOLS": "2",
            "DATABASE_URL": self.database,
            "REDIS_URL": redis_url("localhost"),
            "INTERNAL_API_KEY": KEY,
            "JWT_SECRET": "c0ffee00" * 8,
            "SESSION_SECRET": base64.b64encode(b"canary" * 6).decode(),
            "MAILGUN_API_KEY": "canary-mailgun",
            "MAILGUN_DOMAIN": "mg.carloans.test",
            "OPENAI_API_KEY": "canary-openai",
            "CORS_ORIGIN": "https://carloans.test",
            "TRUST_PROXY": "true",
            # So that the next suite need not wait for a minute.
            "RATE_LIMIT_WINDOW_MS": "5000",
            "LOG_DIR": LOGS,
            "FAULT": fault,
        }
        self.web.write(ENVIRONMENT, {name: value for name, value in given.items() if value})

    def migrate(self) -> list[str]:
        """Have Drizzle apply what is pending; the names of that."""
        result = self.web.module(
            "migrate",
            database=self.database,
            runner="drizzle",
            run="node dist/migrate.js",
            project=HOME,
            directory=f"{HOME}/drizzle",
            without_backup=True,
        )
        assert "failed" not in result, result["msg"]
        return [one["name"] for one in result["applied"]]

    def start(self, fault: str = "") -> None:
        """Start both processes, with logs of their own."""
        self.configure(fault)
        self.web.host.run("rm", "-rf", LOGS)
        self.web.start(HOME, ENVIRONMENT)

    @property
    def variables(self) -> dict[str, Any]:
        """What the suite is given."""
        given = {"domain": "carloans.test", "database": self.database, "api_key": KEY, "audit_log": f"{LOGS}/audit.log"}
        return {**given, "app1": "http://localhost:5000", "app2": "http://localhost:5001"}

    def prove(self, *, check: bool = False, without: Sequence[str] = (), **options: Any) -> dict[str, Any]:
        """The result of the suite of its guide, as if nobody had asked before."""
        # Of a window that slides, an earlier run would leave room for a request now and then, and not for a suite.
        self.web.host.run("sh", "-c", FORGET_LIMITS, "sh", REDIS_PASSWORD)
        checks = checks_of(suite("carloans"), without=without)
        return self.web.prove(checks, check=check, vars=self.variables, ca=CA, **options)


@pytest.fixture(scope="module")
def first(web: Web, modules: Path) -> Carloans:
    """The first version, built and migrated, of which every test gets a copy."""
    one = Carloans(web, modules, web.server.create_database("first").url)
    one.configure()
    one.lay("1")
    assert one.migrate() == ["0000_first"]
    assert one.migrate() == []
    web.host.run("cp", "-a", HOME, f"{HOME}-first")
    return one


@pytest.fixture
def carloans(first: Carloans) -> Iterator[Carloans]:
    """The first version as it was installed."""
    web = first.web
    web.server.drop_database("carloans")
    web.server.administer('CREATE DATABASE carloans OWNER "app user" TEMPLATE first')
    web.host.run("sh", "-c", f"rm -rf {HOME} && cp -a {HOME}-first {HOME}")
    yield replace(first, database=web.server.seen(database="carloans").url)
    web.stop()


def test_own_tests_pass(web: Web, modules: Path) -> None:
    web.own_tests(EXAMPLE, modules)


def test_suite_of_its_guide(carloans: Carloans) -> None:
    carloans.start()
    for _time in range(2):
        first = carloans.prove()
        assert "failed" not in first, first["msg"]
        assert not first["changed"]
        assert first["counts"]["passed"] == len(first["checks"])

    # Version 1 still runs, and goes on with the database of version 2.
    carloans.lay("2")
    assert carloans.migrate() == ["0001_notes"]
    between = carloans.prove()
    assert "failed" not in between, between["msg"]
    carloans.web.stop()
    carloans.start()
    second = carloans.prove()
    assert "failed" not in second, second["msg"]
    assert second["counts"]["passed"] == len(second["checks"])


def test_playbook_proves_it(carloans: Carloans, tmp_path: Path) -> None:
    carloans.start()
    host = carloans.web.host
    given = {"app": "carloans", "suite_ca": CA, "suite_report": {"tap": "/srv/verify.tap"}}
    is_well, told, where = verify(tmp_path, host, suite_vars=carloans.variables, **given)
    # Who comes from here has the minute of the guide; nobody has asked before.
    assert (is_well, where) == (True, host.name), told
    assert re.fullmatch(r"32 passed in [\d.]+ s", told)
    assert host.run("head", "-n", "2", "/srv/verify.tap") == b"TAP version 13\n1..32\n"

    wrong = {**carloans.variables, "api_key": "canary-that-is-wrong"}
    is_well, told, where = verify(tmp_path, host, suite_vars=wrong, **given)
    assert not is_well
    expected = (
        "http /api/monitoring/config: status: expected 200, got 401 (GET https://carloans.test/api/monitoring/config"
        ' answered 401: {"error":{"code":"unauthorized","message":"A valid API key is needed"}})'
    )
    assert expected in told.splitlines()


LIMIT = (
    "rate_limit /api/test: ok: expected le 100, got 106",
    "rate_limit /api/test: limited: expected ge 1, got 0",
    "rate_limit /api/test: spoof_ok: expected 0, got 5 (GET https://carloans.test/api/test, sent 106 times: 106 x 200."
    " Of 5 more, whose headers name other clients, 5 got through.)",
)

# By their names: the faults, and every line that has to be said of them; … stands for anything.
FAULTS = {
    "security": (
        "default-key shows-stacks no-headers reflects-input any-origin no-limit leaks-connections:25",
        [
            "http /api/monitoring/production-readiness: json.ready: expected true, got false (GET … answered 200: …)",
            "nobody gets in without the key: open: expected [],"
            ' got ["/api/monitoring/metrics with reject[0] (X-API-Key)", …',
            "nobody gets in without the key: statuses.*.1: expected 401, got 200"
            " (GET https://carloans.test/api/monitoring/metrics answered 200: …)",
            'security headers: headers.x-content-type-options: expected "nosniff", is missing',
            'security headers: headers.x-frame-options: expected "DENY", is missing',
            'security headers: headers.x-xss-protection: expected "1; mode=block", is missing',
            'security headers: headers.strict-transport-security: expected match "^max-age=31536000", is missing',
            'security headers: headers.referrer-policy: expected "strict-origin-when-cross-origin", is missing'
            " (GET https://carloans.test/health answered 200: …)",
            "markup is not sent back: reflected: expected [], got … (5 items)"
            ' (GET https://carloans.test/api/test answered 200: {…"q":"<script>alert(\'shipshape\')</script>"})',
            'errors disclose nothing: body: expected not match "node_modules|at .+\\\\.js:\\\\d+",'
            " got … (GET https://carloans.test/api/%ff answered 400: …)",
            "cors /api/test: leaked: expected false, got true (OPTIONS https://carloans.test/api/test"
            " with Origin: https://evil.example answered 204"
            " with access-control-allow-origin: https://evil.example, …)",
            "database connections: value: expected le 40, got … (… answered with 1 …)",
            *LIMIT,
        ],
    ),
    "limits of each process": ("own-limits", LIMIT),
    "limits of whoever one says to be": (
        "trusts-headers",
        ["rate_limit /api/test: spoof_ok: expected 0, got 5 (… Of 5 more, … 5 got through.)"],
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_faults_are_told_and_nothing_else(carloans: Carloans, name: str) -> None:
    fault, told = FAULTS[name]
    carloans.start(fault)
    result = carloans.prove()
    assert result["failed"]
    assert [pair for pair in zip(result["failures"], told) if not is_told(*pair)] == []
    assert len(result["failures"]) == len(told), result["failures"]
    assert result["msg"].splitlines()[1:] == result["failures"]


def test_check_mode_changes_nothing(carloans: Carloans) -> None:
    carloans.start()
    result = carloans.prove(check=True, report={"json": "/srv/unwritten"}, memory="/srv/unwritten")
    assert those(result, "skipped") == [
        "a body above 10 MB is refused",
        "broken JSON is refused",
        "room on the disk",
        "rate_limit /api/test",
    ]
    why = {line for check in result["checks"] if check["outcome"] == "skipped" for line in check["failures"]}
    assert why == {"it may change something, and nothing may be changed in check mode."}
    asked = [json.loads(line)["method"] for line in carloans.web.host.run("cat", f"{LOGS}/audit.log").splitlines()]
    assert {*asked} == {"GET", "OPTIONS"}
    assert carloans.web.host.run("sh", "-c", "ls /srv/unwritten || :") == b""


def test_no_secret_is_seen_even_if_the_application_shows_it(carloans: Carloans) -> None:
    carloans.start("dumps-requests")
    with watching(carloans.web.host, KEY, carloans.web.server.password) as watch:
        result = carloans.prove(without=["gate"], report={"json": "/srv/report.json"})
        report = carloans.web.host.run("cat", "/srv/report.json").decode()
    assert watch.looks > 0
    # PM2 and the application itself have to know them.
    assert [place for place in watch.seen if "God Daemon" not in place and HOME not in place] == []
    assert result["failed"]
    for printed in (json.dumps(result), report):
        assert "answered 500" in printed
        assert "********" in printed
        assert [word for word in ("canary", base64.b64encode(KEY.encode()).decode()) if word in printed] == []
