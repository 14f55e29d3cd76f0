# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

from hypothesis import settings
from hypothesis.database import DirectoryBasedExampleDatabase

ROOT = Path(__file__).resolve().parent.parent

settings.register_profile(
    "shipshape", deadline=None, database=DirectoryBasedExampleDatabase(ROOT / ".cache" / "hypothesis")
)
settings.load_profile("shipshape")
