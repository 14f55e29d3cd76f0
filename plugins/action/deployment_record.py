# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The module deployment_record, within Ansible's own process where it runs on the controller."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._argspec import ArgumentSpec
from ansible_collections.shipshape.webapp.plugins.module_utils._result import Result
from ansible_collections.shipshape.webapp.plugins.modules import deployment_record
from ansible_collections.shipshape.webapp.plugins.plugin_utils.on_controller import OnController


class ActionModule(OnController):
    """Does what the module does."""

    def argument_spec(self) -> ArgumentSpec:
        """The options of the module."""
        return deployment_record.deployment_record_argument_spec()

    def carry_out(self, options: Mapping[str, Any], *, check_mode: bool) -> Result:
        """What the module does."""
        return deployment_record.writing(options, check_mode=check_mode)
