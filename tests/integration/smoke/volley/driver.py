# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs one check on a host: reads its kind, its options and the certificates to trust, and prints what it has seen."""

from __future__ import annotations

import json
import sys

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import ShipshapeError
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.arguments import read
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.concurrent import Concurrent
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.kind import Kind, Setting
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.load import Load
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.rate_limit import RateLimit
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Trust
from ansible_collections.shipshape.webapp.plugins.modules.smoke_check import this_world

KINDS: dict[str, Kind] = {kind.name: kind for kind in (Concurrent(), Load(), RateLimit())}


def main() -> None:
    name, given, ca = json.loads(sys.argv[1])
    kind = KINDS[name]
    options, told = read(kind.options, given, name)
    assert [*told, *kind.problems(options)] == []
    try:
        seen = kind.observe(options, Setting(trust=Trust(ca=ca)), this_world(), None)
        print(json.dumps({"told": seen.told, **seen.values}))
    except ShipshapeError as error:
        print(json.dumps({"error": error.message}))


if __name__ == "__main__":
    main()
