# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import copy
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from jinja2 import StrictUndefined, UndefinedError
from jinja2.nativetypes import NativeEnvironment

from ansible_collections.shipshape.webapp.plugins.filter.application_problems import FilterModule
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.options import migrate_argument_spec
from ansible_collections.shipshape.webapp.plugins.modules.db_backup import backup_argument_spec
from ansible_collections.shipshape.webapp.plugins.plugin_utils.application import application_problems

ROOT = Path(__file__).resolve().parents[3]
ROLE = ROOT / "roles/deployment"
KNOWN = yaml.safe_load((ROLE / "meta/argument_specs.yml").read_text())["argument_specs"]["main"]["options"]

CANARY = "canary-7d41"

# In the place of what comes from an inventory or a vault.
PLACEHOLDERS = {
    "app_domain": "shop.example.com",
    "app_root": "/srv/faceshot",
    "app_url": "https://shop.example.com",
    "app_environment_values": {
        "ADMIN_EMAILS": "ada@example.com",
        **dict.fromkeys(("DB_HOST", "DB_NAME", "DB_USER", "DB_PASSWORD"), "kD02pWq1x7Rz"),
    },
    "faceshot_tls": {"self_signed": True},
    "holibot_tls": {"self_signed": True},
    "vault_holibot_db_password": "Fz8s-Kd02-pWq1",
}

PROCESS = {"name": "web", "script": "web.js", "ports": [3000, 3001]}
SHOP = {
    "app_name": "shop",
    "app_root": "/srv/shop",
    "app_source": {"directory": "/src/shop"},
    "app_processes": [PROCESS],
}


def rendered(value: Any, known: Mapping[str, Any] | None = None) -> Any:
    """The value with placeholders in its templates, those of everybody if no others are given."""
    known = PLACEHOLDERS if known is None else known
    if isinstance(value, dict):
        return {key: rendered(inner, known) for key, inner in value.items()}
    if isinstance(value, list):
        return [rendered(inner, known) for inner in value]
    is_template = isinstance(value, str) and "{{" in value
    return NativeEnvironment(undefined=StrictUndefined).from_string(value).render(known) if is_template else value


FACESHOT = {
    **rendered(yaml.safe_load((ROOT / "playbooks/vars/faceshot.yml").read_text())),
    "app_domain": "shop.example.com",
    "app_source": {"git": "https://git.example.com/faceshot.git"},
    "app_environment_values": {
        "A2E_API_KEY": "k3Jd92hfKx81",
        "A2E_BASE_URL": "https://api.example.com",
        "CLOUDINARY_CLOUD_NAME": "shop",
        "CLOUDINARY_API_KEY": "k3Jd92hfKx82",
        "CLOUDINARY_API_SECRET": "k3Jd92hfKx83",
        "STRIPE_SECRET_KEY": "k3Jd92hfKx84",
        "STRIPE_WEBHOOK_SECRET": "k3Jd92hfKx85",
        "ADMIN_EMAILS": ["ann@example.com"],
    },
}

STACKLENS_VALUES = {
    "ENCRYPTION_KEY": "k3Jd92hfKx81m2Qp7LsVw0ZtYb64RnCe",
    "ADMIN_EMAILS": ["ann@example.com"],
    "JIRA_URL": "https://jira.example.com",
    "JIRA_PROJECT": "OPS",
    "JIRA_TOKEN": "k3Jd92hfKx82",
    "AI_BASE_URL": "https://ai.example.com",
}
STACKLENS = {
    **rendered(
        yaml.safe_load((ROOT / "playbooks/vars/stacklens.yml").read_text()),
        {
            **PLACEHOLDERS,
            "app_root": "/srv/stacklens",
            "app_environment_values": STACKLENS_VALUES,
            "stacklens_tls": {"self_signed": True},
        },
    ),
    "app_domain": "shop.example.com",
    "app_source": {"git": "https://git.example.com/stacklens.git"},
    "app_environment_values": STACKLENS_VALUES,
}

HOLIBOT = {
    **rendered(yaml.safe_load((ROOT / "playbooks/vars/holibot.yml").read_text())),
    "app_domain": "bot.example.com",
    "app_source": {"git": "https://git.example.com/holibot.git"},
    "app_environment_values": {
        "DB_HOST": "db.example.com",
        "DB_NAME": "holibot",
        "DB_USER": "holibot",
        "DB_PASSWORD": "k3Jd92hfKx86",
        "MISTRAL_API_KEY": "k3Jd92hfKx87",
    },
}

LUMIKU_VALUES = {
    "REDIS_HOST": "redis.example.com",
    "REDIS_PORT": 6379,
    "REDIS_PASSWORD": "k3Jd92hfKx88",
    "DATABASE_URL": "postgresql://lumiku:k3Jd92hfKx89@db.example.com:5432/lumiku",
    "CORS_ORIGIN": "https://app.example.com",
    "DUITKU_MERCHANT_CODE": "D1234",
    "DUITKU_API_KEY": "k3Jd92hfKx90",
    "DUITKU_RETURN_URL": "https://app.example.com/payment/success",
}
LUMIKU = {
    **rendered(
        yaml.safe_load((ROOT / "playbooks/vars/lumiku.yml").read_text()),
        {
            **PLACEHOLDERS,
            "app_root": "/srv/lumiku",
            "app_environment_values": LUMIKU_VALUES,
            "lumiku_tls": {"self_signed": True},
        },
    ),
    "app_domain": "shop.example.com",
    "app_source": {"git": "https://git.example.com/lumiku.git"},
    "app_environment_values": LUMIKU_VALUES,
}
CARLOANS_VALUES = {
    "DATABASE_URL": "postgresql://carloans:k3Jd92hfKx88@10.0.0.9/carloans",
    "REDIS_URL": "redis://:k3Jd92hfKx89@10.0.0.9:6379",
    "MAILGUN_API_KEY": "k3Jd92hfKx90",
    "MAILGUN_DOMAIN": "mg.example.com",
    "OPENAI_API_KEY": "k3Jd92hfKx91",
}
CARLOANS = {
    **rendered(
        yaml.safe_load((ROOT / "playbooks/vars/carloans.yml").read_text()),
        {
            **PLACEHOLDERS,
            "app_root": "/srv/carloans",
            "app_environment_values": CARLOANS_VALUES,
            "app_database": CARLOANS_VALUES["DATABASE_URL"],
            "app_balancer": "balancer",
            "carloans_tls": {"self_signed": True},
            "carloans_backends": [{"address": "10.0.0.1:5000", "batch": "app1"}],
            "carloans_hosts": ["10.0.0.1"],
            "carloans_openings": {},
            "carloans_pools": 4,
            "carloans_pool_size": 20,
            "inventory_hostname": "app1",
            "groups": {"carloans": ["app1"], "carloans_balancer": ["balancer"]},
            "hostvars": {"app1": {"carloans_address": "10.0.0.1"}, "balancer": {"carloans_address": "10.0.0.8"}},
        },
    ),
    "app_domain": "loans.example.com",
    "app_source": {"git": "https://git.example.com/carloans.git"},
    "app_environment_values": CARLOANS_VALUES,
}

# With a part for every module.
WHOLE = {
    **FACESHOT,
    "app_probe": {"url": "https://shop.example.com/", "headers": {"X-A": "b"}, "validate_certs": True},
    "app_build_environment": {"CI": "1"},
    "app_build_secrets": {"TOKEN": "Fz8s-Kd02-pWq1"},
    "app_shared_files": ["license.key"],
    "app_database": "mysql://shop@db.example.com/shop",
    "app_database_password": "Fz8s-Kd02-pWq1",
    "app_stable": 3,
    "app_pm2": {"program": "/usr/bin/pm2", "home": "/srv/shop/.pm2"},
    "app_preflight": [{"sql": "SELECT 1", "expect": {"value": 1}}],
    "app_gate": [
        {"http": ["/health", "/ready"], "within": "30s", "name": "it answers"},
        {"name": "one after the other", "as": "ann", "scenario": [{"http": "/a", "save": {"id": "json.id"}}]},
    ],
    "app_checks": {"checks": [{"http": "/${where}", "for": "${watch}", "expect": {"status": 200}}], "timeout": "5s"},
    "app_check_vars": {"where": "health"},
    "app_check_identities": {"ann": {"bearer": "Fz8s-Kd02-pWq1"}, "ben": {"basic": {"user": "b", "password": "pWq1"}}},
    "app_check_secrets": ["Fz8s-Kd02-pWq1"],
    "app_notify": {
        "webhooks": [{"name": "chat", "url": "https://chat.example.com/x", "extra": {"a": 1}}],
        "mail": {"to": ["ann@example.com"], "sender": "ben@example.com", "port": 25},
        "markers": [{"service": "datadog", "key": "Fz8s-Kd02-pWq1", "tags": ["env:production"]}],
    },
    "app_changes": ["Faster."],
    "app_troubles": [{"symptom": "slow", "checks": [{"http": "/${where}"}], "repair": {"job": "clean", "in": "web"}}],
    "app_chores": [
        {"name": "all is well", "every": "day", "checks": [{"http": "/a", "as": "ann"}]},
        {"name": "the access rights are reviewed", "every": "quarter", "ids": ["X1"]},
    ],
}


def test_checks_of_troubles_and_chores_are_judged_as_well() -> None:
    fields = {
        **WHOLE,
        "app_troubles": [{"symptom": "slow", "checks": [{"http": "/a", "expext": 200}]}],
        "app_chores": [
            {"name": "a", "every": "day", "checks": [{"http": "/a"}]},
            {"name": "b", "every": "year", "checks": [{"htp": "/a"}]},
            {"name": "c", "every": "week", "checks": [{"htp": "/a"}]},
        ],
    }
    told = problems(fields)
    assert [problem.split(":")[0] for problem in told] == [
        "app_chores[2].every",
        "app_troubles[1].checks[1]",
        "app_chores[3].checks[1]",
    ]


def problems(fields: Mapping[str, Any]) -> list[str]:
    return application_problems(fields, KNOWN, os.urandom)


def example_of_the_page() -> dict[str, Any]:
    page = (ROOT / "docs/deploying.md").read_text()
    found = re.search(r"```yaml\n(app_name: holibot\n.*?)```", page, re.DOTALL)
    assert found
    example: dict[str, Any] = rendered(yaml.safe_load(found[1]))
    return example


@pytest.mark.parametrize(
    "fields",
    [FACESHOT, STACKLENS, HOLIBOT, LUMIKU, CARLOANS, WHOLE, SHOP, example_of_the_page()],
    ids=["faceshot", "stacklens", "holibot", "lumiku", "carloans", "whole", "least", "page"],
)
def test_nothing_is_wrong_with_what_is_right(fields: dict[str, Any]) -> None:
    assert problems(fields) == []


def test_lumiku_is_watched_for_critical_errors_for_as_long_as_its_guide_says() -> None:
    watched = {check["name"]: check["for"] for check in LUMIKU["app_checks"] if "L26" in check.get("ids", ())}
    assert LUMIKU["app_watch"] == 15 * 60
    assert watched == {"no critical error in the log": "${watch}"}


MISTAKES: list[tuple[dict[str, Any], str]] = [
    ({"app_proceses": []}, "app_proceses: there is no such field; did you mean app_processes?"),
    ({"app_strategy": CANARY}, "app_strategy: say one of slots, drain, restart."),
    ({"app_watch": CANARY}, "app_watch: this is no whole number."),
    ({"app_drain_wait": CANARY}, "app_drain_wait: this is no number."),
    ({"app_pm2": {"programm": CANARY}}, "app_pm2.programm: there is no such field; did you mean program?"),
    ({"app_pm2": f"{CANARY}=1"}, "app_pm2: this is no mapping."),
    ({"app_changes": {"a": CANARY}}, "app_changes: this is no list."),
    ({"app_probe": {"validate_certs": CANARY}}, "app_probe.validate_certs: this is not true or false."),
    ({"app_name": f"{CANARY} x"}, "app_name: use letters, digits, dots, - and _."),
    (
        {"app_health": CANARY},
        "app_health: begin the address with / or with http:// or https:// and a host.",
    ),
    ({"app_url": CANARY}, "app_url: begin it with http:// or https:// and a host, and have no ? or # in it."),
    # release
    ({"app_source": {"gti": CANARY}}, "app_source.gti: there is no such field; did you mean git?"),
    ({"app_source": {}}, "app_source: one of the following is required: git, archive, directory."),
    (
        {"app_source": {"git": CANARY, "directory": "/x"}},
        "app_source: parameters are mutually exclusive: git|archive|directory.",
    ),
    ({"app_source": {"archive": CANARY}}, "app_source: missing parameter(s) required by 'archive': sha256."),
    (
        {"app_source": {"git": f"https://ann:{CANARY}@git.example.com/shop.git"}},
        "app_source.git: leave the password out, and say it in app_source.password, where nobody sees it.",
    ),
    (
        {"app_build": [{"run": "x"}, {"instal": CANARY}]},
        "app_build[2].instal: there is no such field; did you mean install?",
    ),
    ({"app_build": [{"run": "x"}, {"in": CANARY}]}, "app_build[2]: one of the following is required: run, install."),
    ({"app_build": [{"run": "x"}, CANARY]}, "app_build[2]: this is no mapping."),
    ({"app_build": [{"run": "x"}, {"run": "x", "timeout": CANARY}]}, "app_build[2].timeout: this is no number."),
    ({"app_build": [{"run": "x"}, {"run": "x", "timeout": 0}]}, "app_build[2].timeout: give seconds, more than 0."),
    (
        {"app_build": [{"run": "x", "in": f"../{CANARY}"}]},
        "app_build[1].in: it does not lead to something in the release: give a path from there.",
    ),
    (
        {"app_build": [{"install": "npm ci"}, {"run": "npx prisma migrate reset --force"}]},
        "app_build[2].run: migrate reset drops data, and the way back is a backup. Leave it out.",
    ),
    (
        {"app_build": [{"run": "sh -c 'npm run db:reset'"}]},
        "app_build[1].run: db reset drops data, and the way back is a backup. Leave it out.",
    ),
    (
        {"app_build": [{"install": "npm ci && npx prisma db push --accept-data-loss"}]},
        "app_build[1].install: --accept-data-loss drops data, and the way back is a backup. Leave it out.",
    ),
    (
        {"app_build_environment": {"A-B": CANARY}},
        "app_build_environment: A-B cannot be the name of a variable: use letters, digits and _.",
    ),
    ({"app_build_secrets": {"A": [CANARY]}}, "app_build_secrets: A is no text: put it in quotes."),
    (
        {"app_shared": ["a"], "app_shared_files": [f"/{CANARY}"]},
        "app_shared_files[1]: it does not lead to something in the release: give a path from there.",
    ),
    ({"app_shared": ["a", f"a/{CANARY}"]}, "app_shared[2]: it is in app_shared[1], which is shared already."),
    (
        {"app_environment": {}, "app_environment_file": CANARY, "app_shared_files": [CANARY]},
        "app_shared_files[1]: it is in app_environment_file, which is shared already.",
    ),
    ({"app_keep": 0}, "app_keep: keep at least 1, to which one can go back."),
    # pm2
    (
        {"app_processes": [{**PROCESS, "prot": 3}]},
        "app_processes[1].prot: there is no such field; did you mean port?",
    ),
    ({"app_processes": [PROCESS, {"script": "x"}]}, "app_processes[2].name: it is missing."),
    ({"app_processes": [{**PROCESS, "mode": CANARY}]}, "app_processes[1].mode: say one of fork, cluster."),
    (
        {"app_processes": [{**PROCESS, "ports": [3000, CANARY]}]},
        "app_processes[1].ports[2]: this is no whole number.",
    ),
    ({"app_processes": [{"name": "web"}]}, "app_processes[1]: script is required."),
    (
        {"app_processes": [{**PROCESS, "name": f"{CANARY}!"}]},
        "app_processes[1]: use letters, digits, dots, - and _ for the name of a process.",
    ),
    (
        {"app_processes": [{**PROCESS, "ports": [3000]}]},
        "app_processes[1]: ports are two, for the slots blue and green; say which with slot.",
    ),
    (
        {"app_processes": [PROCESS, {**PROCESS, "name": CANARY, "ports": [1, 3001]}]},
        "app_processes[2]: its port is that of another before it, and one of them only can listen to it.",
    ),
    (
        {"app_processes": [{**PROCESS, "memory_limit": CANARY}]},
        "app_processes[1]: memory_limit has to be a number, or one with K, M or G after it, such as 500M.",
    ),
    (
        {"app_processes": [{**PROCESS, "environment": {"status": CANARY}}]},
        "app_processes[1]: environment: PM2 would take status for a setting of its own.",
    ),
    (
        {"app_strategy": "restart", "app_processes": [{"name": "all", "script": "x", "port": 1}]},
        "app_processes[1]: PM2 would take this name for something else.",
    ),
    ({"app_stable": -1}, "app_stable: give seconds, 0 or more."),
    # dotenv
    (
        {"app_environment": {"A": {"type": CANARY}}},
        "app_environment.A.type: there is no such type. Known are: boolean, choice, email, emails, integer, list,"
        " number, path, port, secret, string, url.",
    ),
    ({"app_environment": {"A": {"requird": True}}}, "app_environment.A.requird: is not known. Did you mean required?"),
    (
        {"app_environment": {"KEY": {"type": "secret", "required": True}}},
        "app_environment_values.KEY is required and was not given.",
    ),
    (
        {"app_environment": {"KEY": {}}, "app_environment_values": {"KYE": CANARY}},
        "app_environment_values.KYE is not in the schema. Did you mean KEY?",
    ),
    (
        {"app_environment": {"PORT": {"type": "port"}}, "app_environment_values": {"PORT": CANARY}},
        "app_environment_values.PORT is not a port, a whole number from 1 to 65535.",
    ),
    # databases
    (
        {"app_database": f"{CANARY}://"},
        "app_database: The database's URL does not begin with one of sqlite:, file:, mysql:, mariadb:, postgresql:,"
        " postgres:.",
    ),
    ({"app_backup": {"name": "shop"}}, "app_backup.directory: it is missing."),
    (
        {"app_backup": {"directory": CANARY}},
        "app_backup.directory is not absolute: which one it is depends on who runs the module.",
    ),
    (
        {"app_backup": {"directory": "/b", "verify": CANARY}},
        "app_backup.verify: say one of checksum, structure, restore.",
    ),
    (
        {"app_migrate": {"directory": "m", "alow_destructive": [CANARY]}},
        "app_migrate.alow_destructive: there is no such field; did you mean allow_destructive?",
    ),
    ({"app_migrate": {}}, "app_migrate: runner is sql but all of the following are missing: directory."),
    (
        {"app_migrate": {"runner": "command"}},
        "app_migrate: runner is command but all of the following are missing: run.",
    ),
    ({"app_migrate": {"directory": "m", "wait": CANARY}}, "app_migrate.wait: this is no whole number."),
    ({"app_migrate": {"runner": "command", "run": f"'{CANARY}"}}, "app_migrate.run: a quote is not closed."),
    (
        {"app_migrate": {"directory": "m", "loss_budget": CANARY}},
        "app_migrate.loss_budget is neither a number of rows nor unlimited.",
    ),
    (
        {"app_migrate": {"directory": "m", "allow_destructive": [f"drop_tabel:{CANARY}"]}},
        "app_migrate.allow_destructive[1]: there is no such rule. Did you mean drop_table?",
    ),
    (
        {"app_migrate": {"runner": "command", "run": "x", "says": [f"({CANARY}"]}},
        "app_migrate.says[1]: this is no regular expression.",
    ),
    (
        {"app_migrate": {"directory": "m", "expect": {"counts": {"users": CANARY}}}},
        "app_migrate.expect.counts.users: give a number, or min and max.",
    ),
    (
        {"app_migrate": {"directory": "m", "expect": {"queries": [{"sql": CANARY}]}}},
        "app_migrate.expect.queries[1].equals: it is missing.",
    ),
    (
        {"app_migrate": {"directory": "m"}, "app_database": f"postgresql://db/shop?schema={CANARY}"},
        "app_database: its schema is for Prisma, and sql would begin in public. Leave it out, and say SET search_path"
        " in session, and the schema before the table in ledger_table.",
    ),
    # smoke_check
    ({"app_gate": [{"http": "/"}, {"htp": CANARY}]}, "app_gate[2]: there is no kind htp. Did you mean http?"),
    ({"app_gate": [{"http": {"pth": CANARY}}]}, "app_gate[1].http: there is no option pth. Did you mean patch?"),
    (
        {"app_gate": [{"http": ["/", CANARY]}]},
        "app_gate[1].http[2]: get: begin the address with / or with http:// or https:// and a host.",
    ),
    (
        {"app_gate": [{"name": CANARY, "http": "/", "withn": "3s"}]},
        "app_gate[1]: there is no word withn here. Did you mean within?",
    ),
    (
        {
            "app_gate": [
                {"name": CANARY, "scenario": [{"http": "/"}, {"name": CANARY, "http": "/", "expect": {"stats": 1}}]}
            ]
        },
        "app_gate[1].scenario[2].expect.stats: there is no stats in what is observed. Did you mean status?",
    ),
    (
        {"app_gate": [{"scenario": [{"http": "/"}], "finally": [{"htp": "/"}]}]},
        "app_gate[1].finally[1]: there is no kind htp. Did you mean http?",
    ),
    ({"app_preflight": [{"htp": CANARY}]}, "app_preflight[1]: there is no kind htp. Did you mean http?"),
    ({"app_gate": []}, "app_gate: there is none, so that nothing would be proved."),
    ({"app_gate": 3}, "app_gate: this is no list of checks, and no path of a file that holds one."),
    (
        {"app_checks": [{"http": "/${relase}"}]},
        "app_checks[1]: there is no variable relase. Did you mean release?",
    ),
    (
        {"app_checks": [{"http": "/", "for": CANARY}]},
        "app_checks[1].for: this is no span of time such as 500ms, 60s or 15m.",
    ),
    ({"app_checks": {"checks": [{"htp": "/"}]}}, "app_checks.checks[1]: there is no kind htp. Did you mean http?"),
    (
        {"app_checks": {"checks": [{"http": "/"}], "timeout": CANARY}},
        "app_checks.timeout: this is no span of time such as 500ms, 10s or 1m.",
    ),
    (
        {"app_checks": {"checks": [{"http": "/"}], "identities": {"ann": {"baerer": CANARY}}}},
        "app_checks.identities.ann: there is no word baerer. Did you mean bearer?",
    ),
    (
        {"app_gate": [{"http": "/"}], "app_check_identities": {"ann": {"baerer": CANARY}}},
        "app_check_identities.ann: there is no word baerer. Did you mean bearer?",
    ),
    (
        {"app_gate": [{"http": "/", "as": CANARY}], "app_check_identities": {"ann": {"bearer": "x"}}},
        "app_gate[1].as: there is no identity of this name. Known are: ann.",
    ),
    # deployment_notice
    ({"app_notify": {"emial": CANARY}}, "app_notify.emial: there is no such field; did you mean mail?"),
    (
        {"app_notify": {"webhooks": [{"name": "chat"}]}},
        "app_notify.webhooks[1].url: it is missing.",
    ),
    (
        {"app_notify": {"webhooks": [{"url": "https://x/"}, {"url": CANARY}]}},
        "app_notify.webhooks[2].url: give an address that begins with https://.",
    ),
    (
        {"app_notify": {"markers": [{"service": "newrelic", "key": CANARY}]}},
        "app_notify.markers[1].application: give the number of the application in New Relic.",
    ),
    (
        {"app_notify": {"mail": {"to": ["a@b", CANARY], "sender": "a@b"}}},
        "app_notify.mail.to[2]: this is no address of mail.",
    ),
    (
        {"app_notify": {"mail": {"to": ["a@b"], "sender": "a@b", "security": CANARY}}},
        "app_notify.mail.security: say one of starttls, tls, none.",
    ),
]


@pytest.mark.parametrize(("fields", "sentence"), MISTAKES, ids=[sentence for _fields, sentence in MISTAKES])
def test_a_mistake_is_told_with_its_path_and_what_would_be_right(fields: dict[str, Any], sentence: str) -> None:
    told = problems({**SHOP, **fields})

    assert told == [sentence]
    assert CANARY not in sentence


@pytest.mark.parametrize("field", ["app_name", "app_root", "app_source", "app_processes"])
def test_what_is_missing_is_told(field: str) -> None:
    assert problems({name: value for name, value in SHOP.items() if name != field}) == [f"{field}: it is missing."]


def test_what_does_not_describe_the_application_is_of_no_concern() -> None:
    assert problems({**SHOP, "deployment_arm": "x", "nginx_sites": []}) == []
    [told] = problems({**SHOP, "app_deployment_arm": 3})
    assert "deployment_arm" not in told.partition(": ")[2]


def test_the_backup_is_called_as_the_application_unless_it_says_otherwise() -> None:
    backup = {"directory": "/backups"}
    letters = "use letters, digits, dots, - and _."
    takes = "it takes letters, digits, dots, hyphens and underscores, and begins with a letter or a digit."

    assert problems({**SHOP, "app_name": "my shop", "app_backup": backup}) == [
        f"app_name: {letters}",
        f"app_name: {takes}",
    ]
    assert problems({**SHOP, "app_backup": {**backup, "name": "my shop"}}) == [f"app_backup.name: {takes}"]


def test_everything_is_told_at_once() -> None:
    fields = {
        "app_nmae": "shop",
        "app_root": "/srv/shop",
        "app_source": {"gti": "x"},
        "app_build": [{"run": "x", "install": "y"}, {"run": "x"}, {"run": "x", "in": "/"}],
        "app_processes": [CANARY, {"name": "web", "script": "web.js", "memory_limit": "much"}],
        "app_migrate": {"runner": "command", "run": "'", "loss_budget": "some"},
        "app_gate": [{"htp": "/", "as": "ann"}],
        "app_checks": [{"http": "x"}],
        "app_check_identities": {"ann": {"baerer": "x"}},
    }

    assert problems(fields) == [
        "app_nmae: there is no such field; did you mean app_name?",
        "app_name: it is missing.",
        "app_source.gti: there is no such field; did you mean git?",
        "app_build[1]: parameters are mutually exclusive: run|install.",
        "app_processes[1]: this is no mapping.",
        "app_build[3].in: it does not lead to something in the release: give a path from there.",
        "app_processes[2]: memory_limit has to be a number, or one with K, M or G after it, such as 500M.",
        "app_migrate.run: a quote is not closed.",
        "app_migrate.loss_budget is neither a number of rows nor unlimited.",
        "app_check_identities.ann: there is no word baerer. Did you mean bearer?",
        "app_gate[1]: there is no kind htp. Did you mean http?",
        "app_checks[1].http: get: begin the address with / or with http:// or https:// and a host.",
    ]


def places(value: object, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield from places(one, (*path, key))


@pytest.mark.parametrize(
    "wrong", [CANARY, f"{CANARY}=1", f"'{CANARY}(${{", [CANARY], {"a": CANARY}, [{}], -1, True, ""]
)
def test_whatever_stands_wherever_nothing_breaks_and_no_value_is_told(wrong: object) -> None:
    found = 0
    for path in places(WHOLE):
        # The schema of the environment says what would be right, and what is saved is named by its path.
        if path[0] == "app_environment" or "save" in path:
            continue
        fields: Any = copy.deepcopy(WHOLE)
        inner = fields
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = wrong
        told = problems(fields)
        found += bool(told)
        assert CANARY not in " ".join(told), (path, told)
        assert all(sentence.startswith("app_") for sentence in told), (path, told)
    assert found > 40


def test_a_field_whose_value_is_not_known_yet_is_not_judged() -> None:
    fields = {**dict.fromkeys(WHOLE), "app_proceses": None}

    assert problems(fields) == ["app_proceses: there is no such field; did you mean app_processes?"]
    # Nor what depends on it.
    values = {"app_environment": {"KEY": {"required": True}}, "app_environment_values": None}
    others = {"app_environment": {}, "app_environment_values": {"KEY": "x"}, "app_environment_unknown": None}
    assert problems({**SHOP, **others}) == []
    checks = {"app_gate": [{"http": "/${where}", "as": "ann"}], "app_check_vars": None, "app_check_identities": None}
    assert problems({**SHOP, **values, **checks}) == []
    assert problems({**SHOP, "app_strategy": None, "app_processes": [{**PROCESS, "ports": [1]}]}) == []
    migrate = {"directory": "m", "on_failure": "restore"}
    assert problems({**SHOP, "app_migrate": migrate, "app_backup": None}) == []
    assert problems({**SHOP, "app_migrate": migrate}) == ["app_migrate.on_failure: restore needs backup."]


def test_what_the_checks_hold_secret_is_masked() -> None:
    suite = [{"http": "/", "save": {"id": f"jsn.items[?key=='{CANARY}']"}}]

    [told] = problems({**SHOP, "app_gate": suite, "app_check_secrets": [CANARY]})

    assert told.startswith("app_gate[1].save.id: ")
    assert CANARY not in told


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("INTERNAL_API_KEY", "ccl-internal-2025", "app_environment_values.INTERNAL_API_KEY "),
        ("TRUST_PROXY", "false", "app_environment_values.TRUST_PROXY "),
        ("CORS_ORIGIN", "http://loans.example.com", "app_environment_values.CORS_ORIGIN "),
        ("JWT_SECRET", "k3Jd92hfKx92", "app_environment_values.JWT_SECRET "),
        ("REDIS_URL", None, "app_environment_values.REDIS_URL is required and was not given."),
    ],
)
def test_what_car_loans_may_not_have_is_refused(name: str, value: str | None, told: str) -> None:
    values = {**CARLOANS_VALUES, name: value}

    [said] = problems({**CARLOANS, "app_environment_values": {k: v for k, v in values.items() if v is not None}})

    assert said.startswith(told)


def test_a_suite_that_is_a_path_is_not_read() -> None:
    assert problems({**SHOP, "app_gate": "/nowhere/gate.yml"}) == []


class Late(dict[str, Any]):
    """A mapping of which a part cannot be looked at."""

    def __getitem__(self, name: str) -> Any:
        if name == "late":
            raise UndefinedError(CANARY)
        return super().__getitem__(name)


class Sealed:
    """What is a text once it is asked for."""

    def __str__(self) -> str:
        return "/health"


class Text(str):
    """A text of which something more is known."""

    __slots__ = ()


def test_the_filter_takes_what_ansible_has() -> None:
    judge = FilterModule().filters()["application_problems"]

    assert judge(SHOP) == []
    assert judge({**SHOP, "app_migrate": Late(late=1, wrong=2)}) == []
    assert judge({**SHOP, "app_strategy": Text("x")}) == ["app_strategy: say one of slots, drain, restart."]
    assert judge({**SHOP, "app_gate": [{"http": Sealed()}]}) == []
    assert judge({**SHOP, "app_source": "__omit_place_holder__3fa9"}) == []
    assert judge({**SHOP, "app_environment": {1: {}}}) == [
        "app_environment.1: is no name of an environment variable: use letters, digits and _, no digit first."
    ]
    with pytest.raises(AnsibleFilterError, match="takes a mapping"):
        judge([SHOP])


def task(file: str, module: str) -> dict[str, Any]:
    tasks = yaml.safe_load((ROLE / "tasks" / file).read_text())
    [found] = [task[module] for task in tasks if module in task]
    handed: dict[str, Any] = found
    return handed


def test_what_may_be_said_of_the_migration_is_what_the_role_hands_over() -> None:
    handed = set(task("migrate.yml", "shipshape.webapp.migrate")) - {"backup"}

    for option in migrate_argument_spec().options:
        told = problems({**SHOP, "app_migrate": {"directory": "m", option: None}})
        is_known = not any(f"app_migrate.{option}: there is no such field" in sentence for sentence in told)
        assert is_known == (option in handed), option


def test_what_may_be_said_of_the_backup_the_module_says_as_well() -> None:
    theirs = {**backup_argument_spec().options, "name": {"type": "str"}}

    for option, said in KNOWN["app_backup"]["options"].items():
        for key in ("type", "elements", "required"):
            assert said.get(key) == theirs[option].get(key), (option, key)
        assert set(said.get("choices", ())) <= set(theirs[option].get("choices", ())), option
