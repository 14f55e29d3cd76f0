# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""told.py SECONDS: waits until the receiver has been told of each line of the standard input, and says what is missing.

A line is RECEIVER STATUS APPLICATION ALERT. With 0 seconds, none of them may have been told.
"""

import json
import sys
import time
from pathlib import Path


def told():
    file = Path("/srv/received.jsonl")
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return {json.loads(line)["words"] for line in lines}


seconds, wanted = int(sys.argv[1]), {line for line in sys.stdin.read().splitlines() if line}
if not seconds:
    sys.exit("\n".join(sorted(told() & wanted)) or 0)
deadline = time.monotonic() + seconds
while not wanted <= told() and time.monotonic() < deadline:
    time.sleep(0.5)
missing = sorted(wanted - told())
sys.exit(f"not told: {missing}; told: {sorted(told())}" if missing else 0)
