# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""tell.py PATH NAME=VALUE ...: tells the application what happens to it."""

import sys
from urllib.parse import urlencode
from urllib.request import urlopen

query = urlencode(dict(word.split("=", 1) for word in sys.argv[2:]))
with urlopen(f"http://127.0.0.1:3000/{sys.argv[1]}?{query}"):
    pass
