# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
from pathlib import Path

from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.rules import RULES

PAGE = Path(__file__).resolve().parents[3] / "docs" / "migrations.md"


def test_the_page_lists_the_rules_as_they_are() -> None:
    listed = re.findall(r"^\| `(\w+)` \| (.+) \|$", PAGE.read_text(), re.MULTILINE)

    assert listed == list(RULES.items())
