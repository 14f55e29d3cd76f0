# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Build, activate and remove the releases of an application. This module is private to the collection."""

from __future__ import annotations

import contextlib
import hashlib
import posixpath
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._deployment import journal as journals
from ansible_collections.shipshape.webapp.plugins.module_utils._deployment import lock as locks
from ansible_collections.shipshape.webapp.plugins.module_utils._deployment.archive import Archive, Directory, pack
from ansible_collections.shipshape.webapp.plugins.module_utils._deployment.building import Done, build
from ansible_collections.shipshape.webapp.plugins.module_utils._deployment.dependencies import forget
from ansible_collections.shipshape.webapp.plugins.module_utils._deployment.git import Git
from ansible_collections.shipshape.webapp.plugins.module_utils._deployment.journal import (
    BAD,
    BUILDING,
    GOOD,
    LIVE,
    READY,
    Journal,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._deployment.pruning import plan_pruning, releases_to_keep
from ansible_collections.shipshape.webapp.plugins.module_utils._deployment.release import Request
from ansible_collections.shipshape.webapp.plugins.module_utils._deployment.root import Root
from ansible_collections.shipshape.webapp.plugins.module_utils._deployment.source import Host, Origin, Source
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import (
    FileError,
    InvalidInput,
    LockHeld,
    ShipshapeError,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._result import Result
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Access

_SOURCES: Mapping[str, Callable[[Mapping[str, Any], Root, Host], Source]] = {
    "git": Git,
    "archive": Archive,
    "directory": Directory,
}

# Web servers read what is in releases.
_OPEN = 0o755

_JOURNAL = Access(mode=0o644)
_PRIVATE = Access(mode=0o600)

# As many digits tell commits and configurations of one application apart.
_COMMIT, _CONFIGURATION = 12, 8

# A build needs room for the release and for what it throws away.
_ROOM = 2


def keep_releases(request: Request, host: Host, *, check_mode: bool) -> Result:
    """Bring one release to its state, and remove those that are not needed any more."""
    root = Root(request.root)
    facts = host.paths.facts(root.path)
    if facts is None or facts.type != "dir":
        raise FileError(f"{root.path} is no directory: create the application's root first.", path=root.path)
    _refuse_without_lock(request, root, host)
    if request.state == READY and not check_mode:
        _prepare(root, host)
    # Not the root, as whoever asks who deploys is not to wait for a build.
    with host.locks.hold_directory(root.releases):
        journal = read(root, host)
        if request.state == READY:
            return _make(request, root, journal, host, check_mode=check_mode)
        if request.state == "gathered":
            return Result(changed=False, data=_told(root, journal, journal.live(), []))
        carry_out = _condemn if request.state == BAD else _activate
        return carry_out(request, root, journal, host, check_mode=check_mode)


def read(root: Root, host: Host) -> Journal:
    """The journal of the application."""
    file = host.files.read(root.journal)
    return journals.read_journal(file.content) if file else Journal()


def _refuse_without_lock(request: Request, root: Root, host: Host) -> None:
    """A deployment whose lock was taken over does nothing more."""
    if request.deployment is None:
        return
    file = host.files.read(root.lock)
    with contextlib.suppress(ValueError):
        if file and locks.read_lock(file.content).deployment == request.deployment:
            return
    raise LockHeld(
        f"The deployment {request.deployment} does not hold the lock of {root.path} any more: begin a new one."
    )


def _make(request: Request, root: Root, journal: Journal, host: Host, *, check_mode: bool) -> Result:
    """Have the release ready, unless it is."""
    source = _source(request, root, host)
    origin = source.origin(check_mode=check_mode)
    name = request.release or f"{origin.id[:_COMMIT]}-{_configuration(request, root, host)}"
    present = _present(root, host)
    is_ready = journal.states().get(name) in (READY, LIVE, GOOD) and name in present
    if name == journal.live() and not is_ready:
        raise FileError(
            f"The release {name} is live, but {root.release(name)} is not there: deploy another commit, or change "
            "configuration, so that it gets another name."
        )
    kept = [name, *releases_to_keep(journal, request.keep)]
    removed = [] if is_ready else plan_pruning(present, kept, _in_use(root, host))
    steps: Sequence[Done] = ()
    if not is_ready:
        if not check_mode:
            # Before anything else, so that an old release never keeps a new one from being built.
            _remove(request, root, removed, kept, journal, host)
            _refuse_without_room(root, journal, host)
            steps = _build(request, root, source, origin, name, host)
        journal = journal.with_state(name, READY)
    made = {
        "origin": origin.id,
        "title": origin.title,
        "steps": [asdict(step) for step in steps],
        "archive": pack(root, name, request.copied_files, host) if request.packed and not check_mode else None,
    }
    return Result(changed=not is_ready, data={**_told(root, journal, name, removed), **made})


def _configuration(request: Request, root: Root, host: Host) -> str:
    files = [host.files.read(f"{root.shared}/{path}") for path in request.copied_files]
    copied = [hashlib.sha256(file.content).hexdigest() if file else "" for file in files]
    return request.configuration_digest(copied)[:_CONFIGURATION]


def _build(request: Request, root: Root, source: Source, origin: Origin, name: str, host: Host) -> Sequence[Done]:
    path, log, begun = root.release(name), root.log(name), host.clock()
    _write(root, host, request, name, BUILDING, origin=origin.id, title=origin.title)
    host.folders.remove(log)
    try:
        host.trees.remove(path)
        host.folders.prepare(path, mode=_OPEN)
        source.unpack(origin, path)
        _share(request, root, path, host)
        _copy(request, root, path, host)
        steps = list(build(request, root, path, host, _logging(log, host)))
        size = _size(path, host)
    except BaseException as error:
        _give_up(request, root, name, error, host)
        raise
    dependencies = [step.dependencies for step in steps if step.dependencies]
    seconds = round(host.clock() - begun, 1)
    _write(root, host, request, name, READY, size=size, seconds=seconds, dependencies=dependencies or None)
    return steps


def _give_up(request: Request, root: Root, name: str, error: BaseException, host: Host) -> None:
    """Leave nothing of the release but its log, and say so."""
    note = error.message if isinstance(error, ShipshapeError) else type(error).__name__
    host.trees.remove(root.release(name))
    with contextlib.suppress(FileError):
        _write(root, host, request, name, BAD, note=note)
    if isinstance(error, ShipshapeError):
        error.add(f"The release {name} is bad and was removed, and what is live is as it was. See {root.log(name)}.")
        error.details = {**error.details, "release": name, "log": root.log(name)}


def _condemn(request: Request, root: Root, journal: Journal, host: Host, *, check_mode: bool) -> Result:
    """Have the release bad, so that nothing ever goes back to it; its directory goes with the next build."""
    name = _known(request, root, journal, host)
    if name == journal.live():
        raise _refused(root, f"{name} is live: have another one live first.")
    is_change = journal.states()[name] != BAD
    if is_change and not check_mode:
        _write(root, host, request, name, BAD, note=request.verdict)
        _forget_archives([name], root, host)
    return Result(changed=is_change, data=_told(root, journal.with_state(name, BAD), name, []))


def _activate(request: Request, root: Root, journal: Journal, host: Host, *, check_mode: bool) -> Result:
    """Have the release live, or live and good, which ends its deployment."""
    name = _known(request, root, journal, host)
    present, state = _present(root, host), journal.states()[name]
    if name not in present:
        raise _refused(root, f"{name} was removed; there are {', '.join(present) or 'none'}.")
    if state in (BUILDING, BAD):
        raise _refused(root, f"{name} is {state}, and cannot go live.")
    leads = f"releases/{name}"
    is_current = host.trees.target(root.current) == leads
    is_told = journal.live() == name and state in (request.state, GOOD)
    after = journal if is_told else journal.with_state(name, request.state)
    is_good = request.state == GOOD
    kept = [name, *releases_to_keep(after, request.keep)]
    removed = plan_pruning(present, kept, _in_use(root, host)) if is_good else []
    ends = is_good and request.deployment is not None
    if not check_mode:
        if not is_current:
            host.trees.point(root.current, leads)
        if not is_told:
            _write(root, host, request, name, request.state)
        if removed:
            _remove(request, root, removed, kept, after, host)
        if is_good:
            # Only the live one is still needed, by hosts that join.
            _forget_archives([other for other in after.states() if other != name], root, host)
        if ends:
            _end(request, root, host)
    is_change = not is_current or not is_told or bool(removed) or ends
    return Result(changed=is_change, data=_told(root, after, name, removed))


def _forget_archives(names: Sequence[str], root: Root, host: Host) -> None:
    for name in names:
        host.folders.remove(root.archive(name))


def _end(request: Request, root: Root, host: Host) -> None:
    facts = {"deployment": request.deployment, "event": journals.ENDED, "verdict": request.verdict or GOOD}
    host.files.append(root.journal, journals.journal_line(host.now(), **facts), _JOURNAL)
    host.files.write(root.lock, b"", _JOURNAL)


def _known(request: Request, root: Root, journal: Journal, host: Host) -> str:
    name = request.release or ""
    if name not in journal.states():
        raise _refused(root, f"there is no {name}; there are {', '.join(_present(root, host)) or 'none'}.")
    return name


def _refused(root: Root, problem: str) -> InvalidInput:
    return InvalidInput(f"The release of {root.path}", [f"release: {problem}"])


def _source(request: Request, root: Root, host: Host) -> Source:
    kind = next(kind for kind in _SOURCES if request.source.get(kind))
    return _SOURCES[kind](request.source, root, host)


def _prepare(root: Root, host: Host) -> None:
    for path in (root.releases, root.shared):
        host.folders.prepare(path, mode=_OPEN)
    for path in (root.logs, root.cache, root.dependencies, root.home):
        host.folders.prepare(path)


def _present(root: Root, host: Host) -> list[str]:
    return [entry.name for entry in host.folders.entries(root.releases) if not entry.is_file]


def _in_use(root: Root, host: Host) -> set[str]:
    """The releases in which a process runs."""
    releases = f"{host.folders.real(root.releases)}/"
    directories = (host.processes.directory(process.pid) or "" for process in host.processes.all())
    return {path[len(releases) :].split("/")[0] for path in directories if path.startswith(releases)}


def _refuse_without_room(root: Root, journal: Journal, host: Host) -> None:
    live = journal.live()
    needed = _ROOM * int(journal.details(live).get("size", 0)) if live else 0
    free = host.folders.free_bytes(root.releases)
    if free < needed:
        raise FileError(
            f"{root.releases} has {free / 2**20:.0f} MB free, and a build needs {needed / 2**20:.0f} MB, twice as much "
            "as the live release has: free some.",
            path=root.releases,
        )


def _share(request: Request, root: Root, path: str, host: Host) -> None:
    """Have what outlives releases seen in this one. What the source has in its place goes."""
    for shared in (*request.shared, *request.shared_files):
        kept = f"{root.shared}/{shared}"
        is_file = shared in request.shared_files
        if is_file and host.paths.facts(kept) is None:
            raise FileError(f"{kept}, which the release shares, is not there: create it first.", path=kept)
        makes = [posixpath.dirname(f"{path}/{shared}"), *([] if is_file else [kept])]
        # Whatever the user's umask is, nobody else writes there.
        host.commands.run(["mkdir", "--parents", "--mode=0755", "--", *makes]).succeeded(f"To share {shared}")
        host.trees.remove(f"{path}/{shared}")
        host.trees.point(f"{path}/{shared}", kept)


def _copy(request: Request, root: Root, path: str, host: Host) -> None:
    """Give the release copies of its own, which only its user reads."""
    for copied in request.copied_files:
        kept = f"{root.shared}/{copied}"
        file = host.files.read(kept)
        if file is None:
            raise FileError(f"{kept}, which the release gets a copy of, is not there: create it first.", path=kept)
        made = ["mkdir", "--parents", "--", posixpath.dirname(f"{path}/{copied}")]
        host.commands.run(made).succeeded(f"To copy {copied}")
        host.trees.remove(f"{path}/{copied}")
        host.files.write(f"{path}/{copied}", file.content, _PRIVATE)


def _logging(path: str, host: Host) -> Callable[[str], None]:
    return lambda text: host.files.append(path, text.encode("utf-8", "replace"), _PRIVATE)


def _size(path: str, host: Host) -> int:
    found = host.commands.run(["du", "--summarize", "--bytes", "--", path]).succeeded("To measure the release")
    return int(found.stdout.split()[0])


def _remove(
    request: Request, root: Root, removed: Sequence[str], kept: Sequence[str], journal: Journal, host: Host
) -> None:
    """Remove these, and the dependencies with which none that stays was built."""
    for name in removed:
        host.trees.remove(root.release(name))
        host.folders.remove(root.log(name))
    _forget_archives(removed, root, host)
    # What failed later was built last, and its dependencies are those that its next attempt needs.
    needed = [*kept, *journal.ready()[: request.keep]]
    forget(root, {key for name in needed for key in journal.details(name).get("dependencies", ())}, host)


def _write(root: Root, host: Host, request: Request, release: str, state: str, **facts: Any) -> None:
    line = journals.journal_line(host.now(), deployment=request.deployment, release=release, state=state, **facts)
    host.files.append(root.journal, line, _JOURNAL)


def _told(root: Root, journal: Journal, name: str | None, removed: Sequence[str]) -> dict[str, Any]:
    return {
        "release": name,
        "path": root.release(name) if name else None,
        "log": root.log(name) if name else None,
        "state": journal.states().get(name) if name else None,
        "removed": list(removed),
        "live": journal.live(),
        "good": journal.good(),
        "releases": journal.states(),
    }
