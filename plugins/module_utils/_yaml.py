# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading YAML where Ansible runs a module. This module is private to the collection."""

from __future__ import annotations

import json
import re

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import FileError

# A single character is no secret, and often what is wrong.
_QUOTED = re.compile(r"(['\"]).{3,}\1")


def load_yaml(path: str) -> object:
    """What the file holds; JSON is read without any library. Raises FileError."""
    try:
        with open(path, "rb") as file:
            content = file.read()
    except OSError as error:
        raise FileError.of(path, "read", error) from error
    try:
        return json.loads(content)
    except RecursionError:
        raise FileError(f"{path} cannot be understood: it is nested too deeply.", path=path) from None
    except ValueError:
        # Not before: the library takes longer to import than all else, and most suites stand in a playbook.
        from ansible.module_utils.common.yaml import HAS_YAML, yaml_load

        if not HAS_YAML:
            raise FileError(
                f"{path} cannot be read: Python's library for YAML is missing on this host. Install the package"
                " python3-yaml, or write the file as JSON.",
                path=path,
            ) from None
    try:
        return yaml_load(content.decode("utf-8"))
    except Exception as error:  # noqa: BLE001 (the library's errors cannot be named where there may be no library)
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        # What it quotes can be secret: a password that begins with * or ! is not taken for a text.
        said = _QUOTED.sub("…", getattr(error, "problem", None) or "it is no text in UTF-8")
        raise FileError(f"{path}{where} cannot be understood: {said}.", path=path) from None
