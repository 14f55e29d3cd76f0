# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Prove what a suite asks for, or say what is not so. This module is private to the collection."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import ChecksFailed, FileError
from ansible_collections.shipshape.webapp.plugins.module_utils._result import Result
from ansible_collections.shipshape.webapp.plugins.module_utils._secrets import every_form, secrets_in
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.expression import names_in
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.kind import Kind, Setting, World
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.memory import Memory, parse_memory
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.options import Request, secrets_shown
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.outcome import Verdict
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.report import FORMATS, returned
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.run import Terms, carry_out
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.suite import read_suite
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Access, Crew, Files


def prove(request: Request, *, kinds: Mapping[str, Kind], world: World, crew: Crew, check_mode: bool) -> Result:
    """Carry out the suite. Raises ChecksFailed with the same evidence if anything speaks against it."""
    files = world.files
    setting = Setting(request.base_url, request.database, trust=request.trust, timeout=request.timeout)
    suite = read_suite(request.checks, kinds, setting, request.identities, request.variables, request.only_tags)
    state = files.read(request.memory) if request.memory else None
    memory = parse_memory(state.content, request.memory or "") if state else Memory()
    terms = Terms(
        setting,
        memory.remembered,
        memory.recorded,
        is_recording=request.record,
        tags=request.only_tags,
        left_out=request.except_tags,
        only_reads=check_mode,
    )
    verdict = carry_out(suite, terms, world, crew)
    shown = verdict.hiding([*request.secrets, *every_form(_saved_secrets(verdict, request))])
    unwritten = []
    if request.memory and not check_mode:
        after = memory.after(verdict.outcomes, is_recording=request.record)
        unwritten += _written(files, request.memory, after.as_text(), Access())
    if not check_mode:
        for form, path in request.report.items():
            # For others to read: the collector of a monitoring, the server of a pipeline.
            unwritten += _written(files, path, FORMATS[form](shown, world.now()), Access(mode=0o644))
    told = returned(shown)
    sentence = "\n".join([shown.sentence(), *unwritten])
    if unwritten or not verdict.is_good:
        raise ChecksFailed(sentence, changed=False, **told)
    return Result(changed=False, data={"msg": sentence, **told}, warnings=shown.warnings())


def _saved_secrets(verdict: Verdict, request: Request) -> Iterator[str]:
    """What was saved under the name of a secret, or to be shown by an identity."""
    yield from secrets_in(verdict.saved())
    shown = names_in(request.identities)
    for saved in verdict.saved():
        yield from secrets_in([saved[name] for name in shown & set(saved)], is_secret=True)
        # A server may echo all that an identity sends, in a form of its own.
        yield from secrets_shown(request.identities, {**request.variables, **saved})


def _written(files: Files, path: str, text: str, access: Access) -> list[str]:
    """What keeps the file from being written, which must not cost the user the verdict."""
    try:
        files.write(path, text.encode("utf-8", "replace"), access)
    except FileError as error:
        return [error.message]
    return []
