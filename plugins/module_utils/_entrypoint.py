# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a module begins and ends. This module is private to the collection.

Nothing else of the collection calls exit_json or fail_json.
"""

from __future__ import annotations

import signal
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import FrameType
from typing import Any, NoReturn

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.parameters import remove_values
from ansible.module_utils.parsing.convert_bool import BOOLEANS_FALSE, BOOLEANS_TRUE

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import Interrupted, ShipshapeError
from ansible_collections.shipshape.webapp.plugins.module_utils._result import Result

_SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)


def run(module: AnsibleModule, use_case: Callable[[], Result]) -> NoReturn:
    """Carry out the use case and leave the module with its result or its sentence."""
    for number in _SIGNALS:
        signal.signal(number, _interrupt)
    failure: dict[str, Any] = {}
    try:
        result = use_case()
    except Exception as error:
        failure = failure_of(error)
    else:
        _listen_no_more()
        for warning in result.warnings:
            module.warn(remove_values(warning, module.no_log_values))
        shown = result.diff.as_returned() if result.diff else [diff.as_returned() for diff in result.diffs]
        diff = {"diff": shown} if shown and module._diff else {}
        module.exit_json(changed=result.changed, **result.data, **diff)
    # Outside the handlers: there, Ansible would add a traceback to a sentence that needs none.
    module.fail_json(**failure)


def failure_of(error: Exception) -> dict[str, Any]:
    """What is returned of an error that is being handled."""
    if isinstance(error, ShipshapeError):
        return {"msg": error.message, **error.details}
    return {
        "msg": f"This is a mistake in shipshape.webapp, please report it: {type(error).__name__}: {error}",
        "exception": traceback.format_exc(),
    }


def conceal(module: AnsibleModule, options: str, secrets: Iterable[str]) -> None:
    """Never show these no_log options, named in one text, and mask their secrets, and only these, wherever they appear.

    By itself Ansible masks every single value in such an option: a port of 3000 or a level of "info" among them would
    blot out half of the result, sizes and names of others included.
    """
    module.no_log_values = concealed(module.no_log_values, module.params, options, secrets)
    for option in options.split():
        module.params[option] = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"


def concealed(values: set[str], params: Mapping[str, Any], options: str, secrets: Iterable[str]) -> set[str]:
    """What is masked, where Ansible by itself would mask these values."""
    return values.difference(*(_texts(params[option]) for option in options.split())) | set(filter(None, secrets))


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _texts(inner)
    elif isinstance(value, bool):
        # Whichever word for it the user has written.
        words = [word for word in (BOOLEANS_TRUE if value else BOOLEANS_FALSE) if isinstance(word, str)]
        yield from (form for word in words for form in (word, word.capitalize(), word.upper()))
    else:
        yield str(value)


def _listen_no_more() -> None:
    # Not SIG_IGN, which programs that are started from here on would inherit.
    for number in _SIGNALS:
        signal.signal(number, lambda *_: None)


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    _listen_no_more()
    raise Interrupted(f"Stopped by {signal.Signals(number).name} before it was done: run it again.")
