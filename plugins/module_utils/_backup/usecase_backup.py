# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Have a proved backup of a database. This module is private to the collection."""

from __future__ import annotations

import contextlib
import posixpath
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from ansible_collections.shipshape.webapp.plugins.module_utils._backup.catalogue import (
    Catalogue,
    is_unfinished,
    leftovers,
    lock_path,
    manifest_path,
    name_of,
    partial_path,
    read_catalogue,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.manifest import (
    Manifest,
    id_of_file,
    name_problems,
    new_id,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.offsite import Offsite, refuse_unfit
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.packing import (
    Key,
    Packing,
    choose_packing,
    parse_key,
    unpacking,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.plan import (
    Wanted,
    asked_for,
    decide,
    fresh,
    shown,
    space_needed,
    unchanged,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.retention import Candidate, Decision, Policy
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.strategy import Strategy, Terms
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.verify import Subject, measure, reaches, verify
from ansible_collections.shipshape.webapp.plugins.module_utils._database.address import Address
from ansible_collections.shipshape.webapp.plugins.module_utils._database.host import Host
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import BackupError, InvalidInput, ShipshapeError
from ansible_collections.shipshape.webapp.plugins.module_utils._result import Diff, Result
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Access

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Request:
    """What the user asked for."""

    address: Address
    directory: str
    name: str
    terms: Terms
    verify: str = "restore"
    verify_in: str = "auto"
    compress: str = "auto"
    compress_level: int | None = None
    encrypt_to: tuple[str, ...] = ()
    max_age: timedelta | None = None
    skip_unchanged: bool = False
    keep: Policy = field(default_factory=Policy)
    copy_to: str | None = None
    rclone_config: str | None = None
    release: str | None = None
    purpose: str = "backup"


@dataclass(frozen=True)
class _Plan:
    """Whether a backup is taken, and how."""

    packing: Packing
    suffix: str
    # The backup that is there already and will do, or None.
    spared_by: Manifest | None
    why: str
    # Of the database, if a backup is taken.
    size: int = 0


def back_up(request: Request, *, host: Host, strategy: Strategy, check_mode: bool) -> Result:
    """Take a backup unless one is there that will do, copy off the host what is not yet there, and prune."""
    refuse(request)
    if check_mode:
        return _run(request, host, strategy, check_mode=True, tell=lambda purpose: None)
    host.folders.prepare(request.directory)
    with host.locks.hold(lock_path(request.directory, request.name), purpose=f"backup of {request.name}") as tell:
        return _run(request, host, strategy, check_mode=False, tell=tell)


def take(request: Request, *, host: Host, strategy: Strategy, tell: Tell) -> tuple[Manifest, list[str]]:
    """Take a backup whatever is there already, and warn of what is to be warned of; whoever asks holds the lock."""
    refuse(request)
    catalogue = read_catalogue(request.directory, files=host.files, folders=host.folders)
    own = catalogue.of(request.address.engine, source_of(request.address))
    packing = choose_packing(request.compress, request.compress_level, request.encrypt_to, host.commands.find)
    size = _size(request, host, strategy)
    _make_room(request, packing, own, size, host, check_mode=False)
    return _take(request, packing, own, host, strategy, tell)


def source_of(address: Address) -> str:
    """Which database this is, whoever asks for it."""
    return str(replace(address, user=None))


def refuse(request: Request) -> None:
    """Raise InvalidInput if it cannot be taken like this, on whatever host."""
    problems = [
        *name_problems(request.name),
        *(
            f"{option} is not absolute: which one it is depends on who runs the module."
            for option, path in (("directory", request.directory), ("scratch_directory", request.terms.scratch))
            if not posixpath.isabs(path)
        ),
    ]
    if problems:
        raise InvalidInput("The backup", problems)
    if request.copy_to is not None:
        refuse_unfit(request.copy_to)


def _run(request: Request, host: Host, strategy: Strategy, *, check_mode: bool, tell: Tell) -> Result:
    catalogue = read_catalogue(request.directory, files=host.files, folders=host.folders)
    before = catalogue.of(request.address.engine, source_of(request.address))
    plan = _plan(request, before, host, strategy)
    taken, warnings, own = None, _warnings(catalogue, request.name), before
    if plan.spared_by is None:
        _make_room(request, plan.packing, before, plan.size, host, check_mode=check_mode)
    if plan.spared_by is None and not check_mode:
        taken, more = _take(request, plan.packing, before, host, strategy, tell)
        warnings += more
        own = [taken, *before]
    foretold = [_foretold(request, host)] if plan.spared_by is None and check_mode else []
    decisions = decide(request.keep, own, host.now(), host.local, foretold)
    expired = {decision.candidate.id for decision in decisions if not decision.is_kept}
    offsite = _offsite(request, host)
    lasting = [backup for backup in own if backup.id not in expired and _may_leave(backup, request)]
    missing: list[Manifest] = []
    if offsite:
        with _ending("The backups here are done and whole, nothing was pruned, and the next run tries again."):
            missing = offsite.missing(lasting)
            if not check_mode:
                _send(catalogue, missing, offsite, tell)
    if not check_mode:
        with _ending("The newest backup is done and whole; what is to be pruned is tried again by the next run."):
            _prune(catalogue, [backup for backup in own if backup.id in expired], host)
    sent = [backup.id for backup in missing] + ([_pattern(request.name)] if offsite and foretold else [])
    return _result(request, plan, taken, before, decisions, sent, warnings)


def _may_leave(backup: Manifest, request: Request) -> bool:
    """Whether a backup is to be copied; who encrypts does not want those elsewhere that anybody can read."""
    return backup.purpose == "backup" and (backup.is_encrypted or not request.encrypt_to)


def _prune(catalogue: Catalogue, expired: Sequence[Manifest], host: Host) -> None:
    for backup in expired:
        # The manifest first: a file without one is no backup, however the rest goes.
        host.folders.remove(catalogue.manifest_path(backup))
        host.folders.remove(catalogue.path(backup))


def _plan(request: Request, own: Sequence[Manifest], host: Host, strategy: Strategy) -> _Plan:
    packing = choose_packing(request.compress, request.compress_level, request.encrypt_to, host.commands.find)
    suffix = strategy.suffix + packing.suffix
    if request.copy_to is not None and not host.commands.find("rclone"):
        raise InvalidInput("copy_to", ["copy_to: rclone is not installed on this host: install the package rclone."])
    wanted, now = Wanted(request.verify, request.encrypt_to), host.now()
    newest = fresh(own, request.max_age, wanted, now)
    if newest:
        return _Plan(packing, suffix, newest, "one is younger than max_age")
    size = _size(request, host, strategy)
    if request.skip_unchanged:
        found = measure(request.address, host, strategy, request.terms, with_content=True)
        same = unchanged(own, found, wanted, now)
        if same:
            return _Plan(packing, suffix, same, "nothing has changed since the newest")
    return _Plan(packing, suffix, None, _reason(request, asked_for(own, now)), size)


def _reason(request: Request, own: Sequence[Manifest]) -> str:
    if not own:
        return "there is none yet"
    if request.skip_unchanged:
        return "the newest is not of what the database holds now, or not verified and encrypted as wanted"
    if request.max_age is not None:
        return "none is younger than max_age, and verified and encrypted as wanted"
    return "every run takes one"


def _size(request: Request, host: Host, strategy: Strategy) -> int:
    connection = host.connect(request.address, strategy.engine, lock_timeout=request.terms.lock_timeout)
    try:
        return strategy.engine.size(connection)
    finally:
        connection.close()


def _make_room(
    request: Request, packing: Packing, own: Sequence[Manifest], size: int, host: Host, *, check_mode: bool
) -> None:
    """Remove what killed runs have left, and refuse to begin where there still is too little space."""
    left = leftovers(host.folders.entries(request.directory), request.name)
    if not check_mode:
        # The lock is ours, so nobody is writing them.
        for entry in left:
            host.folders.remove(posixpath.join(request.directory, entry.name))
    coming = sum(entry.size for entry in left) if check_mode else 0
    is_file = request.address.engine == "sqlite"
    is_packed = bool(packing.stages())
    needed = space_needed(
        [backup for backup in own if backup.compression == packing.compression],
        size,
        needs_raw_copy=is_file and is_packed,
        is_restored=_is_restored(request) and request.verify_in != "scratch_database",
    )
    places = {posixpath.normpath(request.directory): (needed.directory, coming)}
    scratch = posixpath.normpath(request.terms.scratch)
    # The file that is verified is there still while its copy is.
    there, coming = places.get(scratch, (0, 0))
    places[scratch] = (there + needed.scratch, coming)
    problems = [
        f"{place} has {shown(free)} left, and about {shown(bytes_)} are needed: free some, or choose another place."
        for place, (bytes_, more) in places.items()
        if (free := host.folders.free_bytes(place) + more) < bytes_
    ]
    if problems:
        raise BackupError(f"No backup was begun. {' '.join(problems)}", reason="disk_full")


def _is_restored(request: Request) -> bool:
    return request.verify == "restore" or (request.address.engine == "sqlite" and request.verify == "structure")


def _warnings(catalogue: Catalogue, name: str) -> list[str]:
    return [
        *(
            f"{found.file} in {catalogue.directory} is no backup any more: {found.why}"
            for found in catalogue.broken
            if name_of(found.file) == name
        ),
        *(
            f"{file} in {catalogue.directory} has no manifest, and is no backup: remove it if nobody needs it."
            for file in catalogue.orphaned
            if name_of(file) == name and not is_unfinished(file)
        ),
    ]


def _take(
    request: Request, packing: Packing, own: Sequence[Manifest], host: Host, strategy: Strategy, tell: Tell
) -> tuple[Manifest, list[str]]:
    begun = host.now()
    new = _new_id(request, begun, host)
    file = f"{new}{strategy.suffix}{packing.suffix}"
    path, partial = posixpath.join(request.directory, file), partial_path(request.directory, file)
    finished = manifest_path(request.directory, new)
    with _nothing_left_of((finished, path, partial), host):
        key = _key(request, packing, host)
        pack = replace(packing, recipients=(*packing.recipients, key.recipient)) if key else packing
        last = next((backup.bytes for backup in own if backup.compression == packing.compression), None)
        dump = strategy.dump(
            request.address,
            pack.stages(),
            partial,
            host,
            replace(request.terms, progress=_progress(f"backup of {request.name}: dump", last, tell)),
            with_content=request.skip_unchanged,
        )
        unpack = unpacking(packing.compression, key.identity if key else None, host.commands.find)
        verified = verify(
            Subject(partial, dump.flow.sha256, unpack, dump.facts),
            request.verify,
            request.verify_in,
            request.address,
            host,
            strategy,
            replace(
                request.terms,
                progress=_progress(f"backup of {request.name}: verification", dump.flow.size, tell),
            ),
        )
        manifest = Manifest(
            id=new,
            name=request.name,
            file=file,
            bytes=dump.flow.size,
            sha256=dump.flow.sha256,
            compression=packing.compression,
            recipients=packing.recipients,
            engine=request.address.engine,
            source=source_of(request.address),
            server=dump.server,
            tool=dump.tool,
            taken=begun,
            # The clock may have been put back meanwhile.
            seconds=max(0.0, round((host.now() - begun).total_seconds(), 1)),
            consistency=dump.consistency,
            facts=dump.facts,
            verified=verified,
            release=request.release,
            purpose=request.purpose,
        )
        content = manifest.to_text().encode()
        host.folders.move(partial, path)
        # The file is whole already, but only this makes a backup of it.
        host.files.write(finished, content, Access(mode=0o600))
    return manifest, list(dump.warnings)


def _key(request: Request, packing: Packing, host: Host) -> Key | None:
    """A key that lives as long as this run, to look into what nobody else on this host can read."""
    if not packing.recipients or not reaches(request.verify, "structure"):
        return None
    return parse_key(host.commands.run(["age-keygen"]).succeeded("Making a key for the verification").stdout)


def _new_id(request: Request, begun: datetime, host: Host) -> str:
    """An id that nothing in the directory has, or else another backup would be overwritten."""
    new = new_id(request.name, begun, host.random(3))
    if any(id_of_file(entry.name.lstrip(".")) == new for entry in host.folders.entries(request.directory)):
        raise BackupError(f"{new} is there already, because the clock has shown this time before: run this again.")
    return new


@contextlib.contextmanager
def _nothing_left_of(paths: Sequence[str], host: Host) -> Iterator[None]:
    try:
        yield
    except BaseException as error:
        stuck = [path for path in paths if not _is_removed(path, host)]
        if isinstance(error, ShipshapeError):
            error.add("No backup was made, and those that were there are as they were.")
            if stuck:
                error.add(f"What was begun could not be removed: {', '.join(stuck)}.")
        raise


def _is_removed(path: str, host: Host) -> bool:
    try:
        host.folders.remove(path)
    except ShipshapeError:
        # What failed first is what is to be told.
        return False
    return True


@contextlib.contextmanager
def _ending(sentence: str) -> Iterator[None]:
    """Ends what a failure says with this."""
    try:
        yield
    except ShipshapeError as error:
        error.add(sentence)
        raise


def _progress(what: str, expected: int | None, tell: Tell) -> Callable[[int], None]:
    """Tells how far it is: in percent where it is known how much there will be, and only when that has changed."""
    told = [""]

    def progress(size: int) -> None:
        share = f"{min(99, size * 100 // expected)} %, " if expected else ""
        text = f"{what}, {share}{shown(size)}"
        if text != told[0]:
            told[0] = text
            tell(text)

    return progress


def _foretold(request: Request, host: Host) -> Candidate:
    """The backup that a real run would take."""
    return Candidate(_pattern(request.name), host.now(), reaches(request.verify, "structure"))


def _pattern(name: str) -> str:
    """What a new id looks like, for who cannot know it yet."""
    return f"{name}-YYYYMMDDTHHMMSSZ-xxxxxx"


def _offsite(request: Request, host: Host) -> Offsite | None:
    if request.copy_to is None:
        return None
    return Offsite(request.copy_to, host.commands, request.rclone_config, request.terms.timeout)


def _send(catalogue: Catalogue, missing: Sequence[Manifest], offsite: Offsite, tell: Tell) -> None:
    for number, backup in enumerate(missing, 1):
        tell(f"copy {number} of {len(missing)} to {offsite.remote}")
        offsite.send(catalogue, backup)


def _result(
    request: Request,
    plan: _Plan,
    taken: Manifest | None,
    before: Sequence[Manifest],
    decisions: Sequence[Decision],
    sent: Sequence[str],
    warnings: Sequence[str],
) -> Result:
    expired = [decision.candidate.id for decision in decisions if not decision.is_kept]
    is_due = plan.spared_by is None
    backup = taken or plan.spared_by
    new = [_pattern(request.name)] if is_due else []
    names = [manifest.id for manifest in reversed(before)]
    return Result(
        changed=is_due or bool(expired) or bool(sent),
        data={
            "backup": _shown(request.directory, backup) if backup else None,
            "reason": plan.why,
            "pattern": f"{_pattern(request.name)}{plan.suffix}",
            "pruned": expired,
            "kept": [
                {"id": decision.candidate.id, "reasons": list(decision.reasons)}
                for decision in decisions
                if decision.is_kept
            ],
            "copied": list(sent),
        },
        diff=Diff(
            before="".join(f"{name}\n" for name in names),
            after="".join(f"{name}\n" for name in [*(name for name in names if name not in expired), *new]),
            path=request.directory,
        ),
        warnings=warnings,
    )


def _shown(directory: str, backup: Manifest) -> Mapping[str, object]:
    return {**backup.as_returned(), "path": posixpath.join(directory, backup.file)}
