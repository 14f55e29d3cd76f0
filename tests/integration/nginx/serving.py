# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host on which nginx serves two applications, and what is seen of it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from tests.integration import inside
from tests.integration.machine import Host

DIRECTORY = "/etc/nginx"
GIXY = f"{inside.PACKAGES}/ansible_collections/shipshape/webapp/.venv/lib"

# All that a run could leave behind, and nothing that others write to meanwhile.
_LOOK = """
import hashlib, json, os, stat
seen = {}
for top in TOPS:
    for folder, folders, names in os.walk(top):
        for path in [folder, *(os.path.join(folder, name) for name in [*names, *folders])]:
            status = os.lstat(path)
            what = os.readlink(path) if stat.S_ISLNK(status.st_mode) else ""
            if stat.S_ISREG(status.st_mode) and top != "/var/log/nginx":
                with open(path, "rb") as file:
                    what = hashlib.sha256(file.read()).hexdigest()
            seen[path] = [oct(status.st_mode), status.st_uid, status.st_gid, what]
seen["/run"] = sorted(name for name in os.listdir("/run") if "shipshape" in name or "nginx" in name)
print(json.dumps(seen))
"""

# The module itself, with something that happens when it sends its first signal.
_FAULT = """
import os, signal
from ansible_collections.shipshape.webapp.plugins.module_utils._processes import HostProcesses
from ansible_collections.shipshape.webapp.plugins.modules import nginx_sites

send = HostProcesses.signal

def first(self, process, number):
    HostProcesses.signal = send
    FAULT

HostProcesses.signal = first
nginx_sites.main()
"""


class Site:
    """nginx on a host as the tests leave it to each other."""

    def __init__(self, host: Host) -> None:
        self.host = host

    def shell(self, script: str) -> str:
        """What a script prints on the host, which must end well."""
        return self.host.run("bash", "-ec", script).decode()

    def reset(self) -> None:
        """nginx as the distribution sets it up, but for the line that includes applications."""
        self.shell(
            """
            test -d /root/pristine || cp -a /etc/nginx /root/pristine
            systemctl stop nginx
            running=$(pgrep -x nginx || true)
            test -z "$running" || kill -9 $running
            systemctl reset-failed nginx
            rm -f /run/nginx.pid
            rm -rf /etc/nginx /small/nginx /var/log/nginx/*
            cp -a /root/pristine /etc/nginx
            sed -i 's#include /etc/nginx/conf.d/.*#&\\n\\tinclude applications/*/*.conf;#' /etc/nginx/nginx.conf
            systemctl start nginx
            """
        )

    def call(self, name: str = "one", *, check: bool = False, diff: bool = True, **options: Any) -> dict[str, Any]:
        """The result of the module."""
        return inside.module(self.host, "nginx_sites", check=check, diff=diff, name=name, **options)

    def put(self, name: str = "one", **options: Any) -> dict[str, Any]:
        """The result of the module, which must not fail."""
        result = self.call(name, **options)
        assert not result.get("failed"), result
        return result

    def with_fault(self, fault: str, name: str = "one", **options: Any) -> dict[str, Any] | None:
        """The result of the module while this happens to it, or None if it did not live to give one."""
        text = inside.module_input({"name": name, **options}, diff=True)
        ended = inside.ended_python(self.host, _FAULT.replace("FAULT", fault), text)
        if not ended.stdout:
            return None
        result: dict[str, Any] = json.loads(ended.stdout)
        return result

    def served(self, name: str, port: int = 80) -> str:
        """What nginx serves for a host name; nothing if it hangs up."""
        return self.shell(f"curl -s --max-time 5 -H 'Host: {name}.test' http://127.0.0.1:{port}/ || true")

    def generation(self, name: str) -> str:
        """What the server with the generation says of the application."""
        return self.shell(f"curl -s --max-time 5 -H 'Host: generation.{name}' http://127.0.0.1:8099/generation || true")

    def seen(self, *tops: str) -> dict[str, Any]:
        """Whatever is in the directories, by kind, owner, mode and content."""
        code = _LOOK.replace("TOPS", repr(tops or (DIRECTORY, "/var/log/nginx", "/var/lib/nginx")))
        found: dict[str, Any] = json.loads(inside.python(self.host, code))
        return found

    def workers(self) -> list[str]:
        """The processes that answer requests."""
        return sorted(self._at_rest("^nginx: worker process$").split())

    def master(self) -> str:
        """The process that starts them."""
        return self._at_rest("^nginx: master process").strip()

    def _at_rest(self, pattern: str) -> str:
        """The processes of this title, once two looks see the same: nginx starts them one by one."""
        look = f"now=$(pgrep -f '{pattern}' || true)"
        return self.shell(f'{look}; until [ "$now" = "$last" ]; do last=$now; sleep 0.1; {look}; done; echo $now')


def site(word: str, *, name: str = "one", inner: str = "") -> dict[str, str]:
    """The files of an application that answers with a word."""
    return {
        "site.conf": f"server {{\n    listen 80;\n    server_name {name}.test;\n    {inner}\n"
        f"    return 200 {word};\n}}\n"
    }


def warnings(result: Mapping[str, Any]) -> list[str]:
    """The warnings of a result, which newer versions of Ansible wrap up."""
    found = result.get("warnings", [])
    return [one if isinstance(one, str) else one["event"]["msg"] for one in found]


def difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """The paths that are not the same."""
    return sorted(path for path in {**before, **after} if before.get(path) != after.get(path))


def until(is_so: Callable[[], bool], *, seconds: float = 10) -> bool:
    """Whether it becomes so in time."""
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
