# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The environments of five real applications: what their guides ask for, and what those guides would have let pass."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._dotenv.plan import Plan, plan_environment
from ansible_collections.shipshape.webapp.plugins.module_utils._dotenv.schema import parse_schema
from ansible_collections.shipshape.webapp.plugins.module_utils._dotenv.text import Parsed
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import InvalidInput

RANDOM = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

SECRET = {"type": "secret", "required": True}
HTTPS = {"type": "url", "scheme": "https", "required": True}

FACESHOT = {
    "NODE_ENV": {"choices": ["production"], "default": "production"},
    "PORT": {"type": "port", "default": 3000},
    "DB_PATH": {"type": "path", "required": True},
    "LOG_LEVEL": {"choices": ["error", "warn", "info", "debug"], "default": "info"},
    "SESSION_SECRET": {"type": "secret", "required": True, "min_entropy": 32},
    "FRONTEND_URL": HTTPS,
    "A2E_API_KEY": SECRET,
    "A2E_BASE_URL": HTTPS,
    "CLOUDINARY_CLOUD_NAME": {"required": True},
    "CLOUDINARY_API_KEY": SECRET,
    "CLOUDINARY_API_SECRET": SECRET,
    "STRIPE_SECRET_KEY": SECRET,
    "STRIPE_WEBHOOK_SECRET": SECRET,
    "ADMIN_EMAILS": {"type": "emails", "required": True},
    "COST_PER_CREDIT": {"type": "number", "min": 0, "default": 0.0111},
    "MIN_MARGIN": {"type": "number", "min": 0, "max": 1, "default": "0.40"},
}
FACESHOT_VALUES = {
    "DB_PATH": "./data/faceshot.db",
    "SESSION_SECRET": RANDOM,
    "FRONTEND_URL": "https://faceshot.example.com",
    "A2E_API_KEY": "a2e-canary",
    "A2E_BASE_URL": "https://api.a2e.example",
    "CLOUDINARY_CLOUD_NAME": "faceshot",
    "CLOUDINARY_API_KEY": "cloudinary-canary",
    "CLOUDINARY_API_SECRET": "cloudinary-canary",
    "STRIPE_SECRET_KEY": "stripe-canary",
    "STRIPE_WEBHOOK_SECRET": "stripe-canary",
    "ADMIN_EMAILS": ["ada@example.com", "grace@example.com"],
}

STACKLENS = {"ENCRYPTION_KEY": {"type": "secret", "required": True, "min_entropy": 32}}

LUMIKU = {
    "REDIS_HOST": {"required": True},
    "REDIS_PORT": {"type": "port", "required": True},
    "REDIS_PASSWORD": SECRET,
    "DATABASE_URL": {"type": "url", "scheme": ["postgresql", "postgres"], "required": True},
    "JWT_SECRET": {"type": "secret", "required": True, "min_length": 32},
    "CORS_ORIGIN": HTTPS,
    "DUITKU_MERCHANT_CODE": {"required": True},
    "DUITKU_API_KEY": SECRET,
    "DUITKU_CALLBACK_URL": HTTPS,
    "DUITKU_RETURN_URL": HTTPS,
}
LUMIKU_VALUES = {
    "REDIS_HOST": "127.0.0.1",
    "REDIS_PORT": 6379,
    "REDIS_PASSWORD": "redis-canary",
    "DATABASE_URL": "postgresql://lumiku:pg-canary@localhost:5432/lumiku",
    "JWT_SECRET": RANDOM,
    "CORS_ORIGIN": "https://lumiku.example.com",
    "DUITKU_MERCHANT_CODE": "D1234",
    "DUITKU_API_KEY": "duitku-canary",
    "DUITKU_CALLBACK_URL": "https://lumiku.example.com/callback",
    "DUITKU_RETURN_URL": "https://lumiku.example.com/return",
}

HOLIBOT = {
    "NODE_ENV": {"choices": ["production"], "default": "production"},
    "PORT": {"type": "port", "default": 3002},
    "DB_HOST": {"required": True},
    "DB_PORT": {"type": "port", "default": 3306},
    "DB_NAME": {"required": True},
    "DB_USER": {"required": True},
    "DB_PASSWORD": SECRET,
    "MISTRAL_API_KEY": SECRET,
    "MISTRAL_MODEL": {"default": "mistral-small-latest"},
    "CORS_ORIGIN": HTTPS,
    "RATE_LIMIT_WINDOW_MS": {"type": "integer", "min": 1000, "default": 60000},
    "RATE_LIMIT_MAX_REQUESTS": {"type": "integer", "min": 1, "default": 30},
    "SESSION_EXPIRY_HOURS": {"type": "integer", "min": 1, "default": 24},
    "SESSION_CLEANUP_ENABLED": {"type": "boolean", "default": True},
}
HOLIBOT_VALUES = {
    "DB_HOST": "jotx.your-database.de",
    "DB_NAME": "holibot",
    "DB_USER": "holibot",
    "DB_PASSWORD": "mysql-canary",
    "MISTRAL_API_KEY": "mistral-canary",
    "CORS_ORIGIN": "https://holibot.example.com",
}

GENERATED = {"type": "secret", "generate": True, "min_entropy": 32, "refuse": ["ccl-internal-2025"]}
CARLOANS = {
    "NODE_ENV": {"choices": ["production"], "default": "production"},
    "PORT": {"type": "port", "default": 5000},
    "DATABASE_URL": {"type": "url", "scheme": ["postgresql", "postgres"], "required": True},
    "INTERNAL_API_KEY": GENERATED,
    "JWT_SECRET": GENERATED,
    "SESSION_SECRET": GENERATED,
    "MAILGUN_API_KEY": SECRET,
    "MAILGUN_DOMAIN": {"required": True},
    "OPENAI_API_KEY": SECRET,
    "CORS_ORIGIN": HTTPS,
    "TRUST_PROXY": {"type": "boolean", "default": True},
    "DB_POOL_SIZE": {"type": "integer", "min": 1, "default": 20},
    "RATE_LIMIT_WINDOW_MS": {"type": "integer", "min": 1000, "default": 60000},
    "RATE_LIMIT_MAX_REQUESTS": {"type": "integer", "min": 1, "default": 100},
    "LOG_LEVEL": {"choices": ["error", "warn", "info", "debug"], "default": "warn"},
    "METRICS_ENABLED": {"type": "boolean", "default": True},
}
CARLOANS_VALUES = {
    "DATABASE_URL": "postgresql://ccl:pg-canary@db:5432/ccl",
    "MAILGUN_API_KEY": "mailgun-canary",
    "MAILGUN_DOMAIN": "mg.example.com",
    "OPENAI_API_KEY": "openai-canary",
    "CORS_ORIGIN": "https://loans.example.com",
}


def plan(schema: Mapping[str, object], values: Mapping[str, object]) -> Plan:
    return plan_environment(
        fields=parse_schema(schema),
        values=values,
        present=Parsed({}, ()),
        unknown="refuse",
        random=lambda length: bytes((position * 101) % 256 for position in range(length)),
        subject="/srv/app/.env",
    )


def refused(schema: Mapping[str, object], values: Mapping[str, object], name: str, value: object) -> str:
    with pytest.raises(InvalidInput) as refusal:
        plan(schema, {**values, name: value})
    problems = refusal.value.details["problems"]
    assert isinstance(problems, list)
    assert len(problems) == 1
    assert problems[0].startswith(f"{name} ")
    return str(problems[0])


def test_faceshot() -> None:
    after = plan(FACESHOT, FACESHOT_VALUES).after
    assert after["NODE_ENV"] == "production"
    assert after["PORT"] == "3000"
    assert after["LOG_LEVEL"] == "info"
    assert after["ADMIN_EMAILS"] == "ada@example.com,grace@example.com"
    assert after["COST_PER_CREDIT"] == "0.0111"
    assert after["MIN_MARGIN"] == "0.40"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("NODE_ENV", "development", "is not one of"),
        ("PORT", 0, "is not a port"),
        ("DB_PATH", None, "is required"),
        ("LOG_LEVEL", "verbose", "is not one of"),
        ("SESSION_SECRET", "<strong-secret-key>", "placeholder"),
        ("SESSION_SECRET", "correct horse", "too weak"),
        ("FRONTEND_URL", "https://your-domain.com", "placeholder"),
        ("FRONTEND_URL", "http://faceshot.example.com", "begins with https:"),
        ("A2E_API_KEY", "<your-a2e-api-key>", "placeholder"),
        ("A2E_BASE_URL", "api.a2e.example", "is not a URL"),
        ("CLOUDINARY_CLOUD_NAME", "<your-cloud-name>", "placeholder"),
        ("CLOUDINARY_API_KEY", "<your-api-key>", "placeholder"),
        ("CLOUDINARY_API_SECRET", "<your-api-secret>", "placeholder"),
        ("STRIPE_SECRET_KEY", "<your-stripe-secret>", "placeholder"),
        ("STRIPE_WEBHOOK_SECRET", "<your-webhook-secret>", "placeholder"),
        ("ADMIN_EMAILS", "ada@example.com,grace", "item 2"),
        ("COST_PER_CREDIT", -1, "less than 0"),
        ("MIN_MARGIN", 1.4, "greater than 1"),
    ],
)
def test_faceshot_refuses(name: str, value: object, said: str) -> None:
    assert said in refused(FACESHOT, FACESHOT_VALUES, name, value)


def test_stacklens_needs_its_encryption_key_and_never_shows_it() -> None:
    before, after = plan(STACKLENS, {"ENCRYPTION_KEY": RANDOM}).shown()
    assert (before, after) == ("", "ENCRYPTION_KEY=(secret)\n")
    assert "is required" in refused(STACKLENS, {}, "ENCRYPTION_KEY", None)


def test_lumiku() -> None:
    planned = plan(LUMIKU, LUMIKU_VALUES)
    assert planned.after["REDIS_PORT"] == "6379"
    assert "DATABASE_URL=(secret)" in planned.shown()[1]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("REDIS_HOST", "your-redis-host.com", "placeholder"),
        ("REDIS_HOST", None, "is required"),
        ("REDIS_PORT", None, "is required"),
        ("REDIS_PASSWORD", "your-secure-password", "placeholder"),
        ("DATABASE_URL", "mysql://lumiku@localhost/lumiku", "begins with postgresql:"),
        ("DATABASE_URL", None, "is required"),
        ("JWT_SECRET", "your-secure-jwt-secret-here", "placeholder"),
        ("JWT_SECRET", "brief", "shorter than 32"),
        ("CORS_ORIGIN", "https://your-frontend-domain.com", "placeholder"),
        ("DUITKU_MERCHANT_CODE", "your-merchant-code", "placeholder"),
        ("DUITKU_API_KEY", "your-api-key", "placeholder"),
        ("DUITKU_CALLBACK_URL", "/callback", "is not a URL"),
        ("DUITKU_RETURN_URL", None, "is required"),
    ],
)
def test_lumiku_refuses(name: str, value: object, said: str) -> None:
    assert said in refused(LUMIKU, LUMIKU_VALUES, name, value)


def test_holibot() -> None:
    after = plan(HOLIBOT, HOLIBOT_VALUES).after
    assert after["DB_HOST"] == "jotx.your-database.de"
    assert (after["PORT"], after["RATE_LIMIT_WINDOW_MS"], after["RATE_LIMIT_MAX_REQUESTS"]) == ("3002", "60000", "30")
    assert (after["SESSION_EXPIRY_HOURS"], after["SESSION_CLEANUP_ENABLED"]) == ("24", "true")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("PORT", "3002a", "is not a port"),
        ("DB_NAME", None, "is required"),
        ("DB_PASSWORD", "[PRODUCTION_PASSWORD]", "placeholder"),
        ("MISTRAL_API_KEY", "[PRODUCTION_API_KEY]", "placeholder"),
        ("CORS_ORIGIN", "https://your-production-domain.com", "placeholder"),
        ("RATE_LIMIT_WINDOW_MS", "one minute", "is not a whole number"),
        ("RATE_LIMIT_MAX_REQUESTS", 0, "less than 1"),
        ("SESSION_EXPIRY_HOURS", 0.5, "is not a whole number"),
        ("SESSION_CLEANUP_ENABLED", "perhaps", "is not true or false"),
    ],
)
def test_holibot_refuses(name: str, value: object, said: str) -> None:
    assert said in refused(HOLIBOT, HOLIBOT_VALUES, name, value)


def test_carloans() -> None:
    planned = plan(CARLOANS, CARLOANS_VALUES)
    assert planned.generated == {"INTERNAL_API_KEY", "JWT_SECRET", "SESSION_SECRET"}
    assert all(len(bytes.fromhex(secret)) == 32 for secret in planned.shareable.values())
    assert "DATABASE_URL=(secret)" in planned.shown()[1]
    assert planned.after["TRUST_PROXY"] == "true"
    assert planned.after["PORT"] == "5000"
    assert planned.after["DB_POOL_SIZE"] == "20"
    assert (planned.after["RATE_LIMIT_WINDOW_MS"], planned.after["RATE_LIMIT_MAX_REQUESTS"]) == ("60000", "100")
    assert (planned.after["LOG_LEVEL"], planned.after["METRICS_ENABLED"]) == ("warn", "true")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("NODE_ENV", "prod", "is not one of"),
        ("DATABASE_URL", "postgresql://user:password@", "is not a URL"),
        ("INTERNAL_API_KEY", "ccl-internal-2025", "published default"),
        ("INTERNAL_API_KEY", "your-secure-api-key", "placeholder"),
        ("JWT_SECRET", "your-256-bit-jwt-secret", "placeholder"),
        ("JWT_SECRET", RANDOM[:62], "less than 32 bytes of chance"),
        ("SESSION_SECRET", "your-256-bit-session-secret", "placeholder"),
        ("MAILGUN_API_KEY", "your-mailgun-api-key", "placeholder"),
        ("MAILGUN_DOMAIN", "your-mailgun-domain", "placeholder"),
        ("OPENAI_API_KEY", "your-openai-api-key", "placeholder"),
        ("CORS_ORIGIN", "https://your-domain.com", "placeholder"),
        ("TRUST_PROXY", "10.0.0.1", "is not true or false"),
        ("DB_POOL_SIZE", 0, "less than 1"),
    ],
)
def test_carloans_refuses(name: str, value: object, said: str) -> None:
    assert said in refused(CARLOANS, CARLOANS_VALUES, name, value)
