# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What takes a change back on the host by itself: a script, a timer, and a unit for the next start.

This module is private to the collection.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import CommandError, FileError
from ansible_collections.shipshape.webapp.plugins.module_utils._firewall.standing import ETC, FILES, Host
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Access, FileState

STATE = "/var/lib/shipshape/firewall"
SCRIPT = "/usr/local/lib/shipshape/take-back-firewall"
UNIT = "shipshape-firewall.service"

_UNITS = "/etc/systemd/system"
_ENABLED = f"{_UNITS}/multi-user.target.wants/{UNIT}"
_PATIENCE = 60

SCRIPT_TEXT = f"""\
#!/bin/sh
# Written by the module shipshape.webapp.firewall_rules.
# take-back-firewall ID   takes back the change of the firewall that is pending, if it is this
# take-back-firewall      takes back whatever is pending, at a start of the host
set -eu
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
cd {STATE}
# The lock of the module.
exec 9<.
flock 9
[ -f pending ] || exit 0
[ $# -eq 0 ] || grep -qx "id $1" pending || exit 0

running=no
if iptables -S ufw-user-input >/dev/null 2>&1; then
    running=yes
    # First of all, so that whatever fails afterwards, somebody can log in.
    ufw disable || /lib/ufw/ufw-init force-stop
fi
for file in {" ".join(FILES)}; do
    cp -p "before/${{file##*/}}" "{ETC}/$file.before"
    mv -f "{ETC}/$file.before" "{ETC}/$file"
done
if [ "$running" = yes ] && grep -q '^ENABLED=yes' {ETC}/ufw/ufw.conf; then
    ufw --force enable
fi
printf 'taken_back %s\\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" >>pending || :
mv -f pending taken-back
"""

_UNIT_TEXT = f"""\
# Written by the module shipshape.webapp.firewall_rules.
[Unit]
Description=Take back a change of the firewall that was not confirmed before this start
DefaultDependencies=no
After=local-fs.target
Before=ufw.service
ConditionPathExists={STATE}/pending

[Service]
Type=oneshot
ExecStart=/bin/sh {SCRIPT}

[Install]
WantedBy=multi-user.target
"""

_PRIVATE = Access("root", "root", 0o600)
_WANTED = ((SCRIPT, SCRIPT_TEXT, 0o755), (f"{_UNITS}/{UNIT}", _UNIT_TEXT, 0o644))


@dataclass(frozen=True)
class Pending:
    """A change that is taken back unless it is confirmed, and when it was if it was."""

    id: str
    since: str
    # Nothing where there is no timer, and only a failure or a start of the host takes it back.
    until: str = ""
    connection: str = ""
    taken_back: str = ""

    def as_text(self) -> str:
        """A line for each word."""
        return "".join(f"{word} {value}\n" for word, value in asdict(self).items() if value)

    def as_returned(self) -> dict[str, str] | None:
        """What users are told of it while the timer runs."""
        return {"since": self.since, "until": self.until} if self.until else None


def read_pending(host: Host, name: str = "pending") -> Pending | None:
    """The change that is pending, or under its other name the one that was taken back last."""
    file = host.files.read(f"{STATE}/{name}")
    if file is None:
        return None
    words = dict(line.partition(" ")[::2] for line in file.content.decode(errors="replace").splitlines())
    try:
        return Pending(**words)
    except TypeError:
        raise FileError(f"{STATE}/{name} is not understood: remove it.", path=f"{STATE}/{name}") from None


def missing(host: Host) -> str | None:
    """What keeps this host from taking back by itself."""
    if host.paths.facts("/run/systemd/system") is None:
        return "systemd does not run here, and without it nothing would take the change back in time"
    if host.commands.find("flock") is None:
        return "flock is not installed here (package util-linux), and without it nothing could take the change back"
    return None


def install(host: Host) -> None:
    """Have the script on the host, its room, and the unit where systemd runs."""
    for directory in (posixpath.dirname(STATE), posixpath.dirname(SCRIPT)):
        host.folders.prepare(directory, mode=0o755)
    for directory in (STATE, f"{STATE}/before"):
        host.folders.prepare(directory)
    differing = [wanted for wanted in _WANTED if not _is_as_wanted(host, *wanted)]
    for path, text, mode in differing:
        host.files.write(path, text.encode(), Access("root", "root", mode))
    if missing(host) is None and (differing or host.paths.facts(_ENABLED) is None):
        _run(host, f"To enable {UNIT}", "systemctl", "enable", "--quiet", UNIT)


def _is_as_wanted(host: Host, path: str, text: str, mode: int) -> bool:
    present = host.files.read(path)
    return present is not None and present.content == text.encode() and present.allows(Access("root", "root", mode))


def begin(host: Host, pending: Pending, former: Pending | None, files: Mapping[str, FileState], seconds: int) -> None:
    """Have the change pending before anything of it is done; what it goes back to is what was confirmed last."""
    if former is None:
        for name, file in files.items():
            host.files.write(f"{STATE}/before/{posixpath.basename(name)}", file.content, file.access)
    if pending.until:
        options = ("--quiet", "--collect", f"--unit={_timer(pending)}", "--timer-property=AccuracySec=100ms")
        _run(
            host,
            "To start a timer on the host",
            "systemd-run",
            *options,
            f"--on-active={seconds}",
            "/bin/sh",
            SCRIPT,
            pending.id,
        )
    host.folders.remove(f"{STATE}/taken-back")
    host.files.write(f"{STATE}/pending", pending.as_text().encode(), _PRIVATE)
    if former:
        _stop_timer(host, former)


def end(host: Host, pending: Pending) -> None:
    """Have the change stay; the timer is stopped last, because it finds nothing to do."""
    host.folders.remove(f"{STATE}/pending")
    _stop_timer(host, pending)


def take_back(host: Host, pending: Pending) -> None:
    """Do at once what the timer would do."""
    _run(host, "To take the change back", "/bin/sh", SCRIPT, pending.id)
    _stop_timer(host, pending)


def _timer(pending: Pending) -> str:
    return f"shipshape-firewall-{pending.id}"


def _stop_timer(host: Host, pending: Pending) -> None:
    if not pending.until:
        return
    try:
        host.commands.run(["systemctl", "stop", "--quiet", f"{_timer(pending)}.timer"], timeout=_PATIENCE)
    except CommandError:
        # It finds nothing to do.
        return


def _run(host: Host, purpose: str, *argv: str) -> None:
    host.commands.run(argv, timeout=_PATIENCE).succeeded(purpose)
