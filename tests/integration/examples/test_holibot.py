# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The example HoliBot: its own tests, and the suite of its guide on a host with MariaDB, nginx, TLS and cron.

The host has the oldest Node that the guide allows.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.integration import inside
from tests.integration.browser.chromium import WINDOWS, Browser, running_browser
from tests.integration.database import mariadb
from tests.integration.examples.local import own_tests, those, until
from tests.integration.examples.web import checks_of, within
from tests.integration.machine import BIN, ROOT, Host
from tests.integration.node import packages
from tests.integration.smoke.guides.applications import PM2_PACKAGES, suite
from tests.integration.smoke.test_guides import is_told

EXAMPLE = ROOT / "examples" / "holibot"
FILES = Path(__file__).resolve().parent / "holibot"
HOME = "/srv/holibot"
DATABASE = "shop_holibot"
TABLES = ["ChatSession", "ChatSessionCleanupLog"]
# What shells, files of variables and URLs stumble over.
PASSWORD = "canary holi#bot=1 & $HOME"
SECRETS = ("DB_PASSWORD", "MISTRAL_API_KEY")
CA = "/srv/tls/ca.pem"
API = "https://holibot.test/api/v1"
# Kinds of checks that ask PM2, or measure, or wait for a window to pass.
SLOW = ("pm2", "log", "load", "rate_limit")

PREPARE = r"""
set -eu
mkdir -p /srv/holibot /srv/tls
cd /srv/tls
openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 90 -subj '/CN=A private authority' \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign 2>/dev/null
openssl req -newkey rsa:2048 -nodes -keyout server.key -out server.csr -subj '/CN=holibot.test' 2>/dev/null
printf 'subjectAltName = DNS:holibot.test\n' >names
openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out server.pem -days 90 -extfile names \
    2>/dev/null
echo '127.0.0.1 holibot.test' >>/etc/hosts
rm -f /etc/nginx/sites-enabled/default
ln -sf "$1" /etc/nginx/conf.d/holibot.conf
ln -sf "$2" /usr/local/bin/pm2
systemctl restart nginx
echo '0 3 * * * /srv/holibot/backend/scripts/cron-cleanup.sh' | crontab -
"""

# Two processes, so that one can take over from the other.
PROCESSES = {
    "name": "holibot-backend",
    "cwd": f"{HOME}/backend",
    "script": "src/server.js",
    "exec_mode": "fork",
    "instances": 2,
    "increment_var": "PORT",
}


@pytest.fixture(scope="module")
def modules() -> Iterator[dict[str, Path]]:
    """The packages that the parts of the example need."""
    sources = {"backend": EXAMPLE / "1" / "backend", "frontend": EXAMPLE / "1" / "frontend", "test": EXAMPLE / "test"}
    with ExitStack() as stack:
        installed = {
            part: stack.enter_context(packages(f"holibot-{part}", source, "--ignore-scripts"))
            for part, source in sources.items()
        }
        yield {part: folder / "node_modules" for part, folder in installed.items()}


@dataclass
class HoliBot:
    """The application on its host."""

    host: Host
    server: mariadb.Server
    modules: dict[str, Path]

    def lay(self, *versions: str, fault: str = "") -> None:
        """Lay out a release with a page that is built for it."""
        copy = self.host.shared / "release"
        for version in versions:
            made = shutil.ignore_patterns("node_modules", "dist", "logs", ".env", "FAULT")
            shutil.copytree(EXAMPLE / version, copy, ignore=made, dirs_exist_ok=True)
        (copy / "frontend" / "node_modules").symlink_to(self.modules["frontend"])
        vite = str(self.modules["frontend"] / "vite" / "bin" / "vite.js")
        environment = {**os.environ, "VITE_API_BASE_URL": API, "FAULT": fault}
        built = subprocess.run(
            [str(BIN / "node"), vite, "build"],
            cwd=copy / "frontend",
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert built.returncode == 0, built.stdout + built.stderr
        (copy / "frontend" / "node_modules").unlink()
        script = 'cp -rT /shared/release "$1" && ln -sfn "$2" "$1/backend/node_modules"'
        self.host.run("sh", "-euc", f"rm -rf {HOME}/frontend; {script}", "sh", HOME, within(self.modules["backend"]))
        shutil.rmtree(copy)

    def configure(self) -> None:
        """Have the environment file that the guide asks for."""
        values = {
            "NODE_ENV": "production",
            "PORT": 3002,
            "DB_HOST": "127.0.0.1",
            "DB_USER": "holibot",
            "DB_PASSWORD": PASSWORD,
            "DB_NAME": DATABASE,
            "MISTRAL_API_KEY": "canary-mistral",
            "MISTRAL_BASE_URL": "http://127.0.0.1:4020",
            "CORS_ORIGIN": "https://holibot.test",
            # A burst has to be within it, also on a slow machine.
            "RATE_LIMIT_WINDOW_MS": 2000,
        }
        schema = {name: {"secret": True} if name in SECRETS else {} for name in values}
        self.module("dotenv", path=f"{HOME}/backend/.env", schema=schema, values=values)

    def migrate(self, run: str, **options: Any) -> dict[str, Any]:
        """The result of the module, which has the application's own scripts do it."""
        return self.module(
            "migrate",
            database=self.url,
            runner="command",
            project=f"{HOME}/backend",
            run=run,
            backup={"directory": "/var/backups/holibot"},
            expect={"tables": TABLES},
            **options,
        )

    @property
    def url(self) -> str:
        return f"mysql://holibot:{quote(PASSWORD, safe='')}@localhost/{DATABASE}?socket={mariadb.SOCKET}"

    def module(self, name: str, *, check: bool = False, **options: Any) -> dict[str, Any]:
        """The result of a module that must not fail, unless it is a suite; nobody finds a secret in it."""
        result = inside.module(self.host, name, check=check, **options)
        assert "canary" not in json.dumps({**result, "invocation": {}})
        assert name == "smoke_check" or "failed" not in result, result["msg"]
        return result

    def launch(self, fault: str = "") -> None:
        """Have PM2 run both processes, and nothing that ran before."""
        declared = {"apps": [{**PROCESSES, "env": {"PORT": 3002, "FAULT": fault}}]}
        (self.host.shared / "processes.json").write_text(json.dumps(declared))
        script = "pm2 delete --silent holibot-backend || :; pm2 start --silent /shared/processes.json"
        self.host.run("sh", "-c", script)

    def start(self, fault: str = "") -> None:
        """Launch both processes, and return as soon as they answer."""
        self.launch(fault)
        ready = [{"http": f"http://127.0.0.1:{port}/health", "within": "60s"} for port in (3002, 3003)]
        assert "failed" not in self.module("smoke_check", checks=ready)

    def prove(self, *, without: Sequence[str] = (), check: bool = False) -> dict[str, Any]:
        """The result of the guide's suite, of which some kinds of checks can be left out."""
        given = {
            "domain": "holibot.test",
            "database": self.url,
            "root": f"{HOME}/backend",
            "public_address": self.host.ip(),
        }
        checks = checks_of(suite("holibot"), without=without)
        for one in checks["checks"]:
            if "load" in one:
                # Where other tests run beside it, everything takes longer.
                one["expect"]["p95"] = {"lt": 10000}
        return self.module("smoke_check", check=check, checks=checks, vars=given, ca=CA, timeout="60s")

    def sql(self, text: str) -> str:
        """What the database answers to its administrator."""
        return self.server.as_root(f"USE {DATABASE}; {text}").strip()


@pytest.fixture(scope="module")
def holibot(tmp_path_factory: pytest.TempPathFactory, modules: dict[str, Path]) -> Iterator[HoliBot]:
    """A host on which nothing is deployed yet, with a database without tables, and the stand-in of Mistral AI."""
    shared = tmp_path_factory.mktemp("holibot")
    shared.chmod(0o755)
    programs = f"{inside._SMOKE} mariadb-server python3-pymysql"
    host = inside._host("holibot", programs, "debian-12", f"shipshape-holibot-{os.getpid()}", shared, ())
    try:
        host.wait_until_running()
        with packages("pm2", PM2_PACKAGES) as pm2:
            program = within(pm2 / "node_modules" / ".bin" / "pm2")
        host.run("sh", "-c", PREPARE, "sh", within(FILES / "nginx.conf"), program)
        server = mariadb.prepare(host)
        accounts = f"CREATE DATABASE {DATABASE}; CREATE USER holibot@localhost IDENTIFIED BY '{PASSWORD}';"
        # Nothing of it has to outlive the host.
        server.as_root("SET GLOBAL innodb_flush_log_at_trx_commit = 0;")
        server.as_root(f"{accounts} GRANT ALL ON {DATABASE}.* TO holibot@localhost;")
        environment = {"PORT": 4020, "MISTRAL_API_KEY": "canary-mistral"}
        vendor = {"name": "mistral", "script": within(EXAMPLE / "vendor" / "server.js"), "env": environment}
        (shared / "vendor.json").write_text(json.dumps({"apps": [vendor]}))
        host.run("pm2", "start", "--silent", "/shared/vendor.json")
        yield HoliBot(host, server, modules)
    finally:
        host.remove()


@pytest.fixture(scope="module")
def browser(holibot: HoliBot) -> Iterator[Browser]:
    """A browser that finds the application by its name."""
    with running_browser({"holibot.test": holibot.host.ip()}) as browser:
        yield browser


def test_own_tests_pass(holibot: HoliBot, modules: dict[str, Path]) -> None:
    own_tests(
        EXAMPLE,
        **{f"{part.upper()}_MODULES": str(folder) for part, folder in modules.items()},
        DB_HOST=holibot.host.ip(),
        DB_USER=mariadb.USER,
        DB_PASSWORD=mariadb.PASSWORD,
        DB_NAME="shop_holibot_test",
    )


# In the order of a deployment: each goes on where the one before has stopped.


def test_first_version_passes_the_suite_of_its_guide(holibot: HoliBot) -> None:
    holibot.lay("1")
    holibot.configure()
    # Only where they are missing.
    run = "node migrations/create-chat-session-table.js"
    assert [holibot.migrate(run, unless_tables=TABLES)["changed"] for _time in range(2)] == [True, False]
    holibot.start()
    # As cron does it.
    holibot.host.run("env", "--ignore-environment", "sh", "-c", f"{HOME}/backend/scripts/cron-cleanup.sh")
    result = holibot.prove()
    assert "failed" not in result, result["msg"]
    assert not result["changed"]
    assert those(result, "passed") == [check["name"] for check in result["checks"]]
    # What a suite makes it takes away.
    assert holibot.sql("SELECT count(*) FROM ChatSession WHERE history LIKE '%Calpe%'") == "0"
    assert "Total sessions: " in holibot.host.run("node", f"{HOME}/backend/scripts/monitor-chat-sessions.js").decode()


def test_second_version_passes_it_after_a_migration_beside_the_first(holibot: HoliBot) -> None:
    holibot.lay("1", "2")
    assert holibot.migrate("npm run migrate", says=["Applied: 2"])["changed"]
    between = holibot.prove(without=SLOW)
    assert "failed" not in between, between["msg"]
    holibot.start()
    result = holibot.prove()
    assert "failed" not in result, result["msg"]
    assert those(result, "passed") == [check["name"] for check in result["checks"]]


@pytest.mark.parametrize("window", WINDOWS)
def test_widget_answers_in_a_browser(holibot: HoliBot, browser: Browser, window: str) -> None:
    def ask(question: str, answers: int) -> None:
        browser.write(".holibot-input", question)
        browser.click(".holibot-send")
        browser.until(f"document.querySelectorAll('.holibot-assistant').length === {answers}")

    browser.open("https://holibot.test/", window)
    assert browser.value("typeof window.openHoliBot") == "function"
    assert not browser.sees(".holibot-panel")
    browser.click(".holibot-button")
    assert browser.sees(".holibot-panel")
    ask("best restaurants in Calpe", 1)
    assert browser.texts(".holibot-user, .holibot-assistant") == [
        "best restaurants in Calpe",
        "I would go to El Mirador or Casa Marina or La Lonja.",
    ]
    ask("which one has outdoor seating?", 2)
    places = ["El Mirador, Calpe: outdoor seating, sea view", "La Lonja, Calpe: outdoor seating, fish"]
    assert browser.texts(".holibot-poi") == places
    said = browser.texts(".holibot-user, .holibot-assistant")
    browser.shoot(f"holibot-{window}")
    panel = browser.box(".holibot-panel")
    assert 0 <= panel["left"] < panel["right"] <= WINDOWS[window]["width"]
    assert 0 <= panel["top"] < panel["bottom"] <= WINDOWS[window]["height"]
    assert browser.width() == WINDOWS[window]["width"]

    browser.reload()
    browser.until("document.querySelectorAll('.holibot-poi').length === 2")
    assert browser.texts(".holibot-user, .holibot-assistant") == said
    browser.value("window.openHoliBot()")
    assert browser.texts(".holibot-poi") == places
    browser.click(".holibot-forget")
    browser.until("localStorage.length === 0")
    until(lambda: holibot.sql("SELECT count(*) FROM ChatSession WHERE history LIKE '%outdoor seating%'") == "0")
    assert [address for address in browser.requests() if not address.startswith("https://holibot.test/")] == []
    assert browser.complaints() == []


def test_check_mode_sends_nothing_that_may_change_something(holibot: HoliBot) -> None:
    before = holibot.sql("SELECT * FROM ChatSession")
    result = holibot.prove(check=True, without=SLOW[:2])
    assert those(result, "skipped") == [
        "the backend answers",
        "no limit of an earlier run",
        "the job is in the schedule",
        "a conversation",
        "cors /api/v1/chat/message",
        "load /api/v1/chat/message",
        "rate_limit /api/v1/chat/message",
    ]
    assert holibot.sql("SELECT * FROM ChatSession") == before


# By their names: the faults, and every line that has to be said of them; … stands for anything.
FAULTS = {
    "sessions, origins, headers and addresses": (
        "memory-sessions open-cors trusting-headers listens-everywhere",
        [
            "a conversation: http /api/v1/chat/session/${session}: status: expected 200, got 404",
            "a conversation: http /api/v1/chat/session/${session}: json.history: expected len ge 2, is missing"
            ' (GET https://holibot.test/api/v1/chat/session/… answered 404: {"error":"No such session"})',
            "the backend is not public: open: expected false, got true (tcp …:3002 is open.)",
            "cors /api/v1/chat/message: leaked: expected false, got true"
            " (OPTIONS https://holibot.test/api/v1/chat/message with Origin: https://malicious-site.com answered 204"
            " with access-control-allow-origin: https://malicious-site.com, …)",
            "rate_limit /api/v1/chat/message: spoof_ok: expected 0, got 5"
            " (POST https://holibot.test/api/v1/chat/message, sent 36 times: …"
            " Of 5 more, whose headers name other clients, 5 got through.)",
        ],
    ),
    "the limit": (
        "no-limiter",
        [
            "rate_limit /api/v1/chat/message: ok: expected le 30, got 36",
            "rate_limit /api/v1/chat/message: limited: expected ge 1, got 0",
            "rate_limit /api/v1/chat/message: spoof_ok: expected 0, got 5"
            " (POST https://holibot.test/api/v1/chat/message, sent 36 times: 36 x 200."
            " Of 5 more, whose headers name other clients, 5 got through.)",
        ],
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_fault_is_told_and_nothing_else(holibot: HoliBot, name: str) -> None:
    fault, told = FAULTS[name]
    holibot.start(fault)
    assert_told(holibot.prove(without=SLOW[:3]), told)


def test_crashes_are_told(holibot: HoliBot) -> None:
    holibot.launch("crash-at-start")
    [check] = [check for check in suite("holibot")["checks"] if "pm2" in check]
    result = holibot.module("smoke_check", checks=[check])
    assert_told(result, ["pm2 holibot-backend: …"] * len(result["failures"]))


def test_page_and_database_are_told_and_nothing_else(holibot: HoliBot) -> None:
    holibot.start()
    holibot.lay("1", "2", fault="page-without-widget")
    holibot.sql("RENAME TABLE ChatSessionCleanupLog TO Elsewhere")
    try:
        result = holibot.prove(without=SLOW)
    finally:
        holibot.sql("RENAME TABLE Elsewhere TO ChatSessionCleanupLog")
        holibot.lay("1", "2")
    assert_told(
        result,
        [
            'sql: missing: expected [], got ["ChatSessionCleanupLog"] (… has …)',
            "the page's bundle defines openHoliBot: …",
            "log of cleanups: … something that the statement names does not exist (shop_holibot.ChatSessionCleanupLog)."
            " Create it first, or correct the name.",
        ],
    )


def assert_told(result: dict[str, Any], told: Sequence[str]) -> None:
    """The suite fails with these lines."""
    assert result["failed"]
    pairs = zip(result["failures"], told)
    assert [line for line, expected in pairs if not is_told(line, expected)] == []
    assert len(result["failures"]) == len(told), result["failures"]
