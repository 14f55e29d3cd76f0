# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Installs pip from the wheel beside this file; tools/lint puts both where ansible-test looks for its own get-pip."""

from __future__ import annotations

import runpy
import sys
import sysconfig
import zipfile
from pathlib import Path

# ansible-test names the file after the version that it wants: get_pip_24_2.py.
version = Path(__file__).stem.replace("get_pip_", "").replace("_", ".")
# pip is pure Python: unpacked it is installed, ten times as fast as by itself.
with zipfile.ZipFile(Path(__file__).with_name(f"pip-{version}-py3-none-any.whl")) as wheel:
    wheel.extractall(sysconfig.get_path("purelib"))

# What else it was told to install. The two options are the real get-pip's own.
done = (f"pip=={version}", "--no-setuptools", "--no-wheel")
rest = [argument for argument in sys.argv[1:] if argument not in done]
if any("==" in argument for argument in rest):
    sys.argv[1:] = ["install", *rest]
    runpy.run_module("pip", run_name="__main__", alter_sys=True)
