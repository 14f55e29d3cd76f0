# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Argument specs that can be put together. This module is private to the collection.

The rules between options (required_if and its like) travel with the options that they are about.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class ArgumentSpec:
    """The options of one concern."""

    options: Mapping[str, Mapping[str, Any]]
    mutually_exclusive: Sequence[Sequence[str]] = ()
    required_together: Sequence[Sequence[str]] = ()
    required_one_of: Sequence[Sequence[str]] = ()
    required_if: Sequence[Sequence[Any]] = ()
    required_by: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def merge(self, *others: ArgumentSpec) -> ArgumentSpec:
        """All of them as one; two that declare the same option are a mistake in the module."""
        merged = self
        for other in others:
            twice = sorted(
                (set(merged.options) & set(other.options)) | (set(merged.required_by) & set(other.required_by))
            )
            if twice:
                raise ValueError(f"declared twice: {', '.join(twice)}")
            merged = ArgumentSpec(
                options={**merged.options, **other.options},
                mutually_exclusive=[*merged.mutually_exclusive, *other.mutually_exclusive],
                required_together=[*merged.required_together, *other.required_together],
                required_one_of=[*merged.required_one_of, *other.required_one_of],
                required_if=[*merged.required_if, *other.required_if],
                required_by={**merged.required_by, **other.required_by},
            )
        return merged

    def to_kwargs(self) -> dict[str, Any]:
        """What AnsibleModule takes."""
        return {
            "argument_spec": dict(self.options),
            "mutually_exclusive": list(self.mutually_exclusive),
            "required_together": list(self.required_together),
            "required_one_of": list(self.required_one_of),
            "required_if": list(self.required_if),
            "required_by": dict(self.required_by),
        }
