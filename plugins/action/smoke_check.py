# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The module smoke_check, within Ansible's own process where it runs on the controller."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._argspec import ArgumentSpec
from ansible_collections.shipshape.webapp.plugins.module_utils._entrypoint import concealed
from ansible_collections.shipshape.webapp.plugins.module_utils._result import Result
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.options import secrets_of, smoke_argument_spec
from ansible_collections.shipshape.webapp.plugins.modules import smoke_check
from ansible_collections.shipshape.webapp.plugins.plugin_utils.on_controller import OnController


class ActionModule(OnController):
    """Does what the module does."""

    # The libraries for databases are where the module would run.
    needs_its_python = True

    def argument_spec(self) -> ArgumentSpec:
        """The options of the module."""
        return smoke_argument_spec()

    def masked(self, values: set[str], options: Mapping[str, Any]) -> set[str]:
        """What is not shown: as by the module."""
        return concealed(values, options, smoke_check.CONCEALED, secrets_of(options))

    def carry_out(self, options: Mapping[str, Any], *, check_mode: bool) -> Result:
        """What the module does."""
        return smoke_check.proving(options, check_mode=check_mode)
