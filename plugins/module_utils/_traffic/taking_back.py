# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What takes back on the host by itself: a timer, and a unit for the next start.

This module is private to the collection.
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import CommandError
from ansible_collections.shipshape.webapp.plugins.module_utils._traffic.application import FLAGS, Application
from ansible_collections.shipshape.webapp.plugins.module_utils._types import (
    Access,
    Commands,
    Files,
    Folders,
    Paths,
    ProcessTable,
)

SCRIPT = "/usr/local/lib/shipshape/take-back-traffic"
UNIT = "shipshape-traffic.service"

_UNITS = "/etc/systemd/system"
_ENABLED = f"{_UNITS}/multi-user.target.wants/{UNIT}"

_PATIENCE = 30

SCRIPT_TEXT = f"""\
#!/bin/sh
# Written by the module shipshape.webapp.traffic.
# take-back-traffic DIRECTORY ID   takes back what is armed there, if it is this
# take-back-traffic DIRECTORY      takes back what was armed there before the host was started
# take-back-traffic                the same for every application
set -eu
umask 022

started() {{
    read -r kernel </proc/sys/kernel/random/boot_id
    read -r first </proc/1/stat
    # The program's name, which can hold anything, stands in parentheses before. Its first process tells starts of a
    # container apart, of which the kernel knows nothing.
    echo "$kernel-$(echo "${{first##*) }}" | cut -d ' ' -f 20)"
}}

if [ $# -eq 0 ]; then
    status=0
    for armed in {FLAGS}/*/armed; do
        [ ! -f "$armed" ] || /bin/sh "$0" "${{armed%/armed}}" || status=1
    done
    exit "$status"
fi

cd "$1"
# The lock of the module.
exec 9<.
flock 9
[ -f armed ] || exit 0
while read -r word value; do
    case $word in
        id) id=$value ;;
        boot) boot=$value ;;
        flag) flag=$value ;;
        was) was=$value ;;
    esac
done <armed
if [ $# -eq 2 ]; then
    [ "$id" = "$2" ] || exit 0
    because='nobody confirmed it in time'
else
    [ "$boot" != "$(started)" ] || exit 0
    because='the host was started anew'
fi
case $was in
    on) is=off ;;
    *) is=on ;;
esac
# It is not there if it was not turned yet.
[ ! -e "$is/$flag" ] || mv -f "$is/$flag" "$was/$flag"
# A full disk must not keep it from being closed.
printf 'reverted %s\\nbecause %s\\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$because" >>armed || :
mv -f armed reverted
"""

_UNIT_TEXT = f"""\
# Written by the module shipshape.webapp.traffic.
[Unit]
Description=Take back traffic that was moved before this start and never confirmed
Before=nginx.service
RequiresMountsFor={FLAGS}

[Service]
Type=oneshot
ExecStart=/bin/sh {SCRIPT}

[Install]
WantedBy=multi-user.target
"""

_WANTED = ((SCRIPT, SCRIPT_TEXT, 0o755), (f"{_UNITS}/{UNIT}", _UNIT_TEXT, 0o644))


def missing(application: Application, paths: Paths, commands: Commands) -> str | None:
    """What keeps this host from taking back by itself."""
    if not application.can_be_armed:
        return f"its flags are not in {FLAGS}, and after a start of the host nothing would look for them elsewhere."
    if paths.facts("/run/systemd/system") is None:
        return "systemd does not run here, and without it nothing would take it back in time."
    if commands.find("flock") is None:
        return "flock is not installed here (package util-linux), without which nothing could take it back."
    return None


def started(files: Files, processes: ProcessTable) -> str:
    """Which start of the host this is, as the script has it."""
    kernel, first = files.read("/proc/sys/kernel/random/boot_id"), processes.at(1)
    return f"{kernel.content.decode().strip() if kernel else ''}-{first.began if first else ''}"


def install(files: Files, folders: Folders, paths: Paths, commands: Commands) -> None:
    """Have the script and the unit on the host."""
    folders.prepare(posixpath.dirname(SCRIPT), mode=0o755)
    differing = [wanted for wanted in _WANTED if not _is_as_wanted(files, *wanted)]
    for path, text, mode in differing:
        files.write(path, text.encode(), Access("root", "root", mode))
    if differing or paths.facts(_ENABLED) is None:
        # This reads all units anew, too.
        commands.run(["systemctl", "enable", "--quiet", UNIT], timeout=_PATIENCE).succeeded(f"To enable {UNIT}")


def _is_as_wanted(files: Files, path: str, text: str, mode: int) -> bool:
    present = files.read(path)
    return present is not None and present.content == text.encode() and present.allows(Access("root", "root", mode))


def start_timer(commands: Commands, unit: str, seconds: int, arguments: Sequence[str]) -> None:
    """Have the script called with these arguments after so many seconds, whatever becomes of this process."""
    timer = ("--quiet", "--collect", f"--unit={unit}", f"--on-active={seconds}", "--timer-property=AccuracySec=100ms")
    commands.run(["systemd-run", *timer, "/bin/sh", SCRIPT, *arguments], timeout=_PATIENCE).succeeded(
        "To start a timer on the host"
    )


def stop_timer(commands: Commands, unit: str) -> None:
    """Have it called no more; where that fails, the script finds nothing to do."""
    try:
        commands.run(["systemctl", "stop", "--quiet", f"{unit}.timer"], timeout=_PATIENCE)
    except CommandError:
        return
