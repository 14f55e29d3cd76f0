# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Jobs as Ansible hands them to the module."""

from __future__ import annotations

from typing import Any


def job(**options: Any) -> dict[str, Any]:
    """A job with every option that is not given as it comes."""
    return {
        "name": "cleanup",
        "state": "present",
        "at": "@daily",
        "user": "root",
        "run": "true",
        "directory": None,
        "environment_file": None,
        "environment": {},
        "timeout": "1h",
        "grace": "10s",
        "random_delay": "0s",
        "keep_logs": 30,
        "lock": None,
        "mail_to": None,
        "on_failure": [],
        **options,
    }
