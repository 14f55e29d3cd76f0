# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Modules that mostly run on the controller, where Ansible's own process can do what they do.

This plugin util is private to the collection. To pack a module and to start a Python for it takes half a second each
time, which is more than such a module itself takes.
"""

from __future__ import annotations

import json
import os
import posixpath
import sys
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.parameters import remove_values
from ansible.plugins.action import ActionBase

from ansible_collections.shipshape.webapp.plugins.module_utils._argspec import ArgumentSpec
from ansible_collections.shipshape.webapp.plugins.module_utils._entrypoint import failure_of
from ansible_collections.shipshape.webapp.plugins.module_utils._result import Result


class OnController(ActionBase):
    """Carries out what the module of the same name does: here, if that is where the task runs."""

    _supports_async = True
    # Whether it makes a difference which Python carries it out.
    needs_its_python = False

    @abstractmethod
    def argument_spec(self) -> ArgumentSpec:
        """The options of the module."""

    @abstractmethod
    def carry_out(self, options: Mapping[str, Any], *, check_mode: bool) -> Result:
        """What the module does."""

    def masked(self, values: set[str], options: Mapping[str, Any]) -> set[str]:
        """What is not shown, where Ansible by itself would mask these values."""
        return values

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """The result of the module."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        if not self._is_here(task_vars or {}):
            result.update(self._execute_module(task_vars=task_vars, wrap_async=self._task.async_val))
            return result
        spec = self.argument_spec()
        rules = spec.to_kwargs()
        # The way that all arguments take to a module, so that none of Ansible's own kinds of text and mapping is left.
        given = json.loads(json.dumps(self._task.args, default=str))
        judged = ArgumentSpecValidator(rules.pop("argument_spec"), **rules).validate(given)
        options, values = judged.validated_parameters, judged._no_log_values
        if judged.error_messages:
            told: dict[str, Any] = {"failed": True, "msg": "; ".join(judged.error_messages)}
        else:
            told, values = self._told(self._placed(options, spec)), self.masked(values, options)
        result.update(remove_values(told, values))
        return result

    def _is_here(self, task_vars: Mapping[str, Any]) -> bool:
        is_as_it_is = not (self._play_context.become or self._task.async_val or any(self._task.environment or ()))
        if self._connection.transport != "local" or not is_as_it_is:
            return False
        if not self.needs_its_python:
            return True
        delegate = self._task.delegate_to
        known = task_vars.get("ansible_delegated_vars", {}).get(delegate, {}) if delegate else task_vars
        return bool(self._templar.template(known.get("ansible_python_interpreter")) == sys.executable)

    def _placed(self, options: Mapping[str, Any], spec: ArgumentSpec) -> dict[str, Any]:
        """The options with paths from where a module on the controller begins them."""
        base = self._loader.get_basedir()
        return {
            name: posixpath.join(base, value) if value and spec.options[name].get("type") == "path" else value
            for name, value in options.items()
        }

    def _told(self, options: Mapping[str, Any]) -> dict[str, Any]:
        # Commands begin there as well. The process is this task's alone.
        os.chdir(self._loader.get_basedir())
        try:
            result = self.carry_out(options, check_mode=self._task.check_mode)
        except Exception as error:
            return {"failed": True, **failure_of(error)}
        return {
            "changed": result.changed,
            **result.data,
            **({"warnings": [*result.warnings]} if result.warnings else {}),
        }
