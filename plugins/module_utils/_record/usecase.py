# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write down what a deployment came to, for machines and for people. This module is private to the collection."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import InvalidInput
from ansible_collections.shipshape.webapp.plugins.module_utils._record.page import page
from ansible_collections.shipshape.webapp.plugins.module_utils._record.record import complete
from ansible_collections.shipshape.webapp.plugins.module_utils._record.summary import summary
from ansible_collections.shipshape.webapp.plugins.module_utils._result import Result
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Access, Files, Folders

RECORD, PAGE = "record.json", "report.html"

# Evidence can show what an application answers to whoever is logged in.
_PRIVATE = Access(mode=0o600)


@dataclass(frozen=True)
class Host:
    """What is needed of the host."""

    files: Files
    folders: Folders


def write_record(facts: Mapping[str, Any], directory: str, host: Host, *, check_mode: bool) -> Result:
    """Both files in a directory of the deployment's own; written again with other facts, they are replaced."""
    record = complete(facts)
    name = str(record["deployment"])
    if "/" in name or name.startswith("."):
        raise InvalidInput("The record of a deployment", ["deployment: it cannot be the name of a directory."])
    place = f"{directory}/{name}"
    contents = {
        RECORD: json.dumps(record, ensure_ascii=False, indent=2).encode("utf-8", "backslashreplace") + b"\n",
        PAGE: page(record).encode("utf-8", "backslashreplace"),
    }
    stale = {name: content for name, content in contents.items() if _content(f"{place}/{name}", host.files) != content}
    if stale and not check_mode:
        host.folders.make(directory)
        host.folders.prepare(place)
        for name, content in stale.items():
            host.files.write(f"{place}/{name}", content, _PRIVATE)
    data = {"record": f"{place}/{RECORD}", "report": f"{place}/{PAGE}", "summary": summary(record)}
    return Result(changed=bool(stale), data=data)


def _content(path: str, files: Files) -> bytes | None:
    file = files.read(path)
    return file.content if file else None
