# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long the modules take for processes that run as declared, beside a module that does nothing and PM2's own list.

Each is run by turns in the same container.
"""

from __future__ import annotations

import statistics
from typing import Any

from tests.bench.host import MODULES, bench_host, run, run_module
from tests.integration import inside
from tests.integration.processes import hosts

ROUNDS = 7


def declared(release: str, port: int) -> dict[str, Any]:
    """The options of both modules."""
    process = {"name": "shop-backend", "script": "app.js", "port": port, "health": "/health"}
    return {"application": "shop", "release": release, "stable": 0, "processes": [process]}


def main() -> None:
    with bench_host(inside.smoke_host) as host:
        hosts.prepare(host)
        release = hosts.release(host, "1")
        under_pm2 = {**declared(release, 4001), "home": f"{hosts.HOME}/.pm2", "program": hosts.PM2}
        under_systemd = {**declared(release, 4002), "user": hosts.USER}
        took: dict[str, list[float]] = {name: [] for name in ("nothing", "jlist", "pm2", "systemd_processes")}
        host.run("chown", "-R", "root:", hosts.HOME)
        run_module(host, f"{MODULES}.pm2", under_pm2)
        run_module(host, f"{MODULES}.systemd_processes", under_systemd)
        for _round in range(ROUNDS):
            took["nothing"].append(run_module(host, "ansible.modules.ping", {}).seconds)
            listed = run(host, ["env", f"PM2_HOME={hosts.HOME}/.pm2", hosts.PM2, "jlist", "--silent"])
            took["jlist"].append(listed.seconds)
            for name, options in (("pm2", under_pm2), ("systemd_processes", under_systemd)):
                again = run_module(host, f"{MODULES}.{name}", options)
                assert again.result["changed"] is False, again.result
                took[name].append(again.seconds)
        nothing, jlist = statistics.median(took["nothing"]), statistics.median(took["jlist"])
        print(f"a module that does nothing  {nothing:5.2f} s")
        print(f"pm2 jlist                   {jlist:5.2f} s")
        for name in ("pm2", "systemd_processes"):
            whole = statistics.median(took[name])
            print(f"{name:17} unchanged {whole:5.2f} s, {whole - nothing:.2f} s inside the module")


if __name__ == "__main__":
    main()
