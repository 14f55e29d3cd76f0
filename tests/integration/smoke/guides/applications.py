# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Applications of the guides on a test host: under PM2, behind nginx with TLS, with Redis and databases."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.integration import inside
from tests.integration.machine import ROOT, Host
from tests.integration.node import packages

HERE = Path(__file__).resolve().parent
SUITES = ROOT / "playbooks" / "suites"
APPS = ("faceshot",)

CA = "/srv/tls/ca.pem"
PM2_PACKAGES = HERE.parent / "pm2"
INSIDE = f"{inside.PACKAGES}/ansible_collections/shipshape/webapp"

# With letters that are escaped wherever they are written.
TOKENS = {app: f'canary-{app}-"$&/+%41' for app in APPS}
REDIS_PASSWORD = 'canary-redis-"$&/+%41'

# The applications' windows of rate limits, in milliseconds.
WINDOW = 2000

# What a suite is given. The addresses of production are replaced by those of the test host.
VARIABLES: Mapping[str, Mapping[str, Any]] = {
    "faceshot": {"domain": "faceshot.test", "root": "/srv/faceshot", "token": TOKENS["faceshot"]},
}

TABLES = {
    "faceshot": """
        CREATE TABLE sku_tool_configs (sku_code TEXT);
        INSERT INTO sku_tool_configs VALUES ('C1-15'), ('C2-30'), ('C3-60'), ('D1-VO30'), ('D2-CLONE'), ('D3-CLPRO'),
            ('A1-IG'), ('A4-BR'), ('E2-LAUNCHKIT');
        CREATE TABLE job_steps (id);
        CREATE TABLE jobs (id INTEGER PRIMARY KEY, type TEXT, status TEXT, created_at TEXT DEFAULT CURRENT_TIMESTAMP);
        INSERT INTO jobs (type, status) VALUES ('video', 'completed'), ('video', 'processing');
        CREATE TABLE a2e_api_calls (success INTEGER, created_at TEXT DEFAULT CURRENT_TIMESTAMP);
        INSERT INTO a2e_api_calls (success) VALUES (1), (1);
        CREATE TABLE error_logs (severity TEXT, created_at TEXT DEFAULT CURRENT_TIMESTAMP);
        INSERT INTO error_logs (severity) VALUES ('low');
    """,
}

# What is there besides; $1 is the folder of the applications.
PREPARE = r"""
set -eu
ln -sf "$2" /usr/local/bin/pm2
mkdir -p /srv/tls /srv/faceshot/logs
echo '{"name": "faceshot", "version": "1.0.0"}' >/srv/faceshot/package.json

cd /srv/tls
openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 90 -subj '/CN=A private authority' \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign 2>/dev/null
openssl req -newkey rsa:2048 -nodes -keyout server.key -out server.csr -subj '/CN=faceshot.test' 2>/dev/null
printf 'subjectAltName = DNS:faceshot.test\n' >names
openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out server.pem -days 90 -extfile names \
    2>/dev/null
echo '127.0.0.1 faceshot.test' >>/etc/hosts
rm -f /etc/nginx/sites-enabled/default
ln -sf "$1/nginx.conf" /etc/nginx/conf.d/guides.conf
systemctl restart nginx
"""

# In one go, because every command on a container takes its time. $1 is Redis' password; then comes each application
# with its tables.
RESET = r"""
set -eu
export REDISCLI_AUTH="$1"
shift
while [ $# -gt 0 ]; do
    file=/srv/$1/data.db
    dropped=$(sqlite3 -cmd '.timeout 5000' "$file" "
        SELECT 'DROP TABLE ' || name || ';' FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    sqlite3 -cmd '.timeout 5000' "$file" "$dropped $2"
    shift 2
done
cp /srv/faceshot/data.db /srv/faceshot/production.db
cp /srv/faceshot/data.db /srv/faceshot/production.db.backup.20261121_030000
# What an earlier test has left in logs that are read from their beginnings.
: >/srv/faceshot/logs/application.log
redis-cli FLUSHALL
"""


class Applications:
    """All of them, on one host, and what can be done to them."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self._shared = host.shared
        self._shared.joinpath("settings").write_text(
            json.dumps({"token": TOKENS, "redisPassword": REDIS_PASSWORD, "window": WINDOW})
        )
        with packages("pm2", PM2_PACKAGES):
            pm2 = f"{INSIDE}/.cache/pm2/node_modules/.bin/pm2"
        folder = f"{INSIDE}/tests/integration/smoke/guides"
        host.run("sh", "-c", PREPARE, "sh", folder, pm2)
        host.run("cp", "/shared/settings", "/srv/settings.json")
        host.run("redis-cli", "CONFIG", "SET", "requirepass", REDIS_PASSWORD)
        self.misbehave()
        self.reset()
        host.run("pm2", "start", "--silent", f"{folder}/ecosystem.config.js")

    def misbehave(self, *faults: str) -> None:
        """From now on, in these ways and no others."""
        self._shared.joinpath("faults").write_text(" ".join(faults))

    def reset(self) -> None:
        """Have the databases and the limits as they were."""
        tables = (word for app in TABLES.items() for word in app)
        self.host.run("sh", "-c", RESET, "sh", REDIS_PASSWORD, *tables)
        self.writes()

    def sql(self, app: str, text: str, database: str = "data.db") -> str:
        """What the database of an application answers."""
        return self.host.run("sqlite3", "-cmd", ".timeout 5000", f"/srv/{app}/{database}", text).decode()

    def writes(self) -> list[str]:
        """The requests that may have changed something, since this was last asked."""
        file = self._shared / "writes"
        found = file.read_text().splitlines() if file.exists() else []
        file.write_text("")
        return found

    def prove(self, app: str, *, check: bool = False, **options: Any) -> dict[str, Any]:
        """The result of the module with the suite of an application."""
        # PM2 is slow to answer where much else is tested at the same time.
        given = {"vars": VARIABLES[app], "ca": CA, "timeout": "60s", **options}
        return inside.module(self.host, "smoke_check", check=check, checks=suite(app), **given)


def suite(app: str) -> dict[str, Any]:
    """The suite as it is written, with spans of time in which a test can end."""
    written: dict[str, Any] = yaml.safe_load((SUITES / f"{app}.yml").read_text(encoding="utf-8"))
    return {**written, "checks": [_shortened(check) for check in written["checks"]]}


def _shortened(check: dict[str, Any]) -> dict[str, Any]:
    spans = {"for": "1s", "within": "6s"}
    shorter: dict[str, Any] = {word: span for word, span in spans.items() if word in check}
    steps: dict[str, Any] = {
        word: [_shortened(step) for step in check[word]] for word in ("scenario", "finally") if word in check
    }
    if "for" in check:
        shorter["every"] = "200ms"
    return {**check, **shorter, **steps}
