# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import pytest
from ansible.module_utils import _internal
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.testing import patch_module_args

from ansible_collections.shipshape.webapp.plugins.module_utils import _entrypoint
from ansible_collections.shipshape.webapp.plugins.module_utils._entrypoint import conceal, run
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import InvalidInput, LockHeld
from ansible_collections.shipshape.webapp.plugins.module_utils._result import Diff, Result

# For a process of its own, which finds the collection and Ansible where this one does.
PYTHONPATH = os.pathsep.join([str(Path(_entrypoint.__file__).parents[5]), *sys.path])

SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)

MASK = "********"


@pytest.fixture(autouse=True)
def _own_signals() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(autouse=True)
def _on_a_host(monkeypatch: pytest.MonkeyPatch) -> None:
    # Other tests have loaded what Ansible has on a controller alone, where warnings take another way.
    monkeypatch.setattr(_internal, "is_controller", False)


@dataclass
class Ended:
    """How a module ended: its exit code and what it printed."""

    code: int
    result: dict[str, Any]

    @property
    def warnings(self) -> list[str]:
        """The texts, which newer versions of Ansible wrap."""
        return [w if isinstance(w, str) else w["event"]["msg"] for w in self.result["warnings"]]


Ending = Callable[..., Ended]


@pytest.fixture
def ending(capsys: pytest.CaptureFixture[str]) -> Ending:
    """Run a module with this use case, and with these values under options that are no_log."""

    def run_module(
        use_case: Callable[[], Result], *, concealed: list[str] | None = None, is_diff: bool = False, **values: object
    ) -> Ended:
        spec = {name: {"type": "raw", "no_log": True} for name in values}
        with patch_module_args({**values, "_ansible_diff": is_diff}):
            module: AnsibleModule = Observed(argument_spec=spec)  # type: ignore[no-untyped-call]
            if concealed is not None:
                conceal(module, "values", concealed)
            with pytest.raises(SystemExit) as caught:
                run(module, use_case)
        assert isinstance(caught.value.code, int)
        return Ended(caught.value.code, json.loads(capsys.readouterr().out))

    return run_module


class Observed(AnsibleModule):
    """A module that keeps what fail_json was given, and refuses to be called where an exception is being handled.

    Older versions of Ansible add that exception's traceback, newer ones do on demand.
    """

    given: dict[str, Any]

    def fail_json(self, msg: str, **details: Any) -> NoReturn:
        assert sys.exc_info() == (None, None, None)
        type(self).given = details
        super().fail_json(msg, **details)


def failing(error: Exception) -> Callable[[], Result]:
    def use_case() -> Result:
        raise error

    return use_case


def facts(result: dict[str, Any]) -> dict[str, Any]:
    """The result without what Ansible adds, of which warnings are those of all modules of this process."""
    return {key: value for key, value in result.items() if key not in ("invocation", "warnings")}


@pytest.mark.parametrize("changed", [True, False])
def test_result_is_returned(ending: Ending, changed: bool) -> None:
    ended = ending(lambda: Result(changed, {"names": ["a", "b"], "count": 2}))

    assert ended.code == 0
    assert facts(ended.result) == {"changed": changed, "names": ["a", "b"], "count": 2}


@pytest.mark.parametrize("is_diff", [True, False])
def test_diff_is_returned_when_asked_for(ending: Ending, is_diff: bool) -> None:
    ended = ending(lambda: Result(True, diff=Diff("old\n", "new\n", "/srv/.env")), is_diff=is_diff)

    diff = {"before": "old\n", "after": "new\n", "before_header": "/srv/.env", "after_header": "/srv/.env"}
    assert facts(ended.result) == {"changed": True, **({"diff": diff} if is_diff else {})}


def test_diffs_of_several_files_are_returned(ending: Ending) -> None:
    diffs = [Diff("", "a\n", "/etc/a"), Diff("b\n", "", "/etc/b")]

    assert ending(lambda: Result(True, diffs=diffs), is_diff=True).result["diff"] == [
        {"before": "", "after": "a\n", "before_header": "/etc/a", "after_header": "/etc/a"},
        {"before": "b\n", "after": "", "before_header": "/etc/b", "after_header": "/etc/b"},
    ]


def test_result_without_a_diff_has_none(ending: Ending) -> None:
    assert facts(ending(lambda: Result(False), is_diff=True).result) == {"changed": False}


def test_warnings_are_given(ending: Ending) -> None:
    ended = ending(lambda: Result(False, warnings=["The disk is nearly full.", "The clock is wrong."]))

    assert ended.warnings[-2:] == ["The disk is nearly full.", "The clock is wrong."]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (LockHeld("It is locked.", path="/lock"), {"msg": "It is locked.", "path": "/lock"}),
        (
            InvalidInput("/srv/.env", ["A is missing.", "B is weak."]),
            {
                "msg": "/srv/.env: 2 problems, nothing was changed. A is missing. B is weak.",
                "problems": ["A is missing.", "B is weak."],
            },
        ),
    ],
)
def test_failure_is_returned_with_its_facts(ending: Ending, error: Exception, expected: dict[str, object]) -> None:
    ended = ending(failing(error))

    assert ended.code == 1
    assert facts(ended.result) == {"failed": True, **expected}


def test_mistake_of_the_collection_says_so(ending: Ending) -> None:
    ended = ending(failing(KeyError("owner")))

    assert ended.code == 1
    assert ended.result["failed"] is True
    assert ended.result["msg"] == "This is a mistake in shipshape.webapp, please report it: KeyError: 'owner'"
    assert "in use_case\n    raise error\nKeyError: 'owner'" in Observed.given["exception"]


SECRET, OTHER_SECRET = "Zk3-secret", "Qx9-secret"

VALUES = {"PORT": 3000, "LEVEL": "info", "KEY": SECRET}


def test_concealed_secrets_and_only_these_are_masked(ending: Ending) -> None:
    ended = ending(
        lambda: Result(
            True,
            {"key": SECRET, "text": f"info: 3000 {SECRET}s", "ports": [3000], "names": [f"by {SECRET}", "info"]},
            Diff("", f"KEY={SECRET}\nPORT=3000\n", "/info/3000"),
        ),
        values=VALUES,
        concealed=[SECRET],
        is_diff=True,
    )

    assert facts(ended.result) == {
        "changed": True,
        "key": "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER",
        "text": f"info: 3000 {MASK}s",
        "ports": [3000],
        "names": [f"by {MASK}", "info"],
        "diff": Diff("", f"KEY={MASK}\nPORT=3000\n", "/info/3000").as_returned(),
    }


@pytest.mark.parametrize("error", [LockHeld(f"{SECRET}: 3000", said=[SECRET]), KeyError(f"{SECRET}: 3000")])
def test_concealed_secrets_are_masked_in_a_failure(ending: Ending, error: Exception) -> None:
    ended = ending(failing(error), values=VALUES, concealed=[SECRET])

    assert f"{MASK}: 3000" in ended.result["msg"]
    assert SECRET not in json.dumps(ended.result)


def test_concealed_secrets_are_masked_in_a_warning(ending: Ending) -> None:
    ended = ending(lambda: Result(True, warnings=[f"{SECRET} is old."]), values=VALUES, concealed=[SECRET])

    assert SECRET not in json.dumps(ended.result)


@pytest.mark.parametrize(("written", "text"), [("yes", "yesterday"), ("No", "Now"), ("off", "office"), ("1", "11")])
def test_concealed_flag_blots_nothing_out(capsys: pytest.CaptureFixture[str], written: str, text: str) -> None:
    spec = {"inner": {"type": "dict", "no_log": True, "options": {"flag": {"type": "bool"}}}}
    with patch_module_args({"inner": {"flag": written}}):
        module: AnsibleModule = AnsibleModule(argument_spec=spec)
        conceal(module, "inner", [])
        with pytest.raises(SystemExit):
            run(module, lambda: Result(False, {"text": text}))

    assert json.loads(capsys.readouterr().out)["text"] == text


def test_concealed_option_is_not_shown(ending: Ending) -> None:
    ended = ending(lambda: Result(False), values=VALUES, concealed=[])

    assert ended.result["invocation"]["module_args"] == {"values": "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"}


def test_other_secret_options_stay_masked(ending: Ending) -> None:
    ended = ending(
        lambda: Result(False, {"text": f"by {OTHER_SECRET}"}), values=VALUES, password=OTHER_SECRET, concealed=[SECRET]
    )

    assert OTHER_SECRET not in json.dumps(ended.result)


def test_empty_secret_masks_nothing(ending: Ending) -> None:
    ended = ending(lambda: Result(False, {"text": "info"}), values=VALUES, concealed=["", SECRET])

    assert ended.result["text"] == "info"


PROGRAM = """
import os, signal, sys, time
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.testing import patch_module_args
from ansible_collections.shipshape.webapp.plugins.module_utils._entrypoint import run
from ansible_collections.shipshape.webapp.plugins.module_utils._result import Result

def interrupt(name="SIGTERM"):
    os.kill(os.getpid(), signal.Signals[name])
    time.sleep(0.1)
"""


def ended_program(code: str, directory: Path) -> Ended:
    """How a module with this use case ended, in a process of its own because it sends itself signals."""
    leaving = "with patch_module_args({}):\n    run(AnsibleModule(argument_spec={}), use_case)"
    process = subprocess.run(
        [sys.executable, "-c", f"{PROGRAM}\n{code}\n{leaving}"],
        cwd=directory,
        env={"PYTHONPATH": PYTHONPATH},
        capture_output=True,
        check=False,
        text=True,
    )
    assert process.stderr == ""
    return Ended(process.returncode, json.loads(process.stdout))


@pytest.mark.parametrize("name", [number.name for number in SIGNALS])
def test_interrupted_module_cleans_up_and_says_so(tmp_path: Path, name: str) -> None:
    ended = ended_program(
        f"""
def use_case():
    try:
        interrupt({name!r})
        open("went on", "w")
    finally:
        open("cleaned up", "w")
""",
        tmp_path,
    )

    assert ended.code == 1
    assert facts(ended.result)["msg"].startswith(f"Stopped by {name} before it was done")
    assert [path.name for path in tmp_path.iterdir()] == ["cleaned up"]


def test_second_interruption_does_not_disturb_the_cleaning_up(tmp_path: Path) -> None:
    ended = ended_program(
        """
def use_case():
    try:
        interrupt("SIGHUP")
    finally:
        interrupt("SIGTERM")
        open("cleaned up", "w")
""",
        tmp_path,
    )

    assert ended.result["msg"].startswith("Stopped by SIGHUP before it was done")
    assert [path.name for path in tmp_path.iterdir()] == ["cleaned up"]


def test_programs_of_the_cleaning_up_can_be_stopped(tmp_path: Path) -> None:
    ended = ended_program(
        """
def use_case():
    try:
        interrupt()
    finally:
        os.system("kill -TERM $$; touch survived")
""",
        tmp_path,
    )

    assert ended.code == 1
    assert list(tmp_path.iterdir()) == []


def test_interruption_after_the_work_does_not_spoil_the_result(tmp_path: Path) -> None:
    ended = ended_program(
        """
class Late(tuple):
    def __iter__(self):
        interrupt()
        return super().__iter__()

def use_case():
    return Result(True, {"path": "/srv/.env"}, warnings=Late(["careful"]))
""",
        tmp_path,
    )

    assert (ended.code, ended.result["changed"]) == (0, True)
