# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which accounts a database has, and what can be said of them before any server is asked.

This module is private to the collection.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._database.address import Address
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import InvalidInput


@dataclass(frozen=True)
class Account:
    """Somebody who logs in."""

    name: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class Request:
    """What the user asked for; the owner and the database are those of the address."""

    address: Address
    reader: Account | None
    is_wanted: bool
    # Whether the owner restores backups, and so makes databases beside its own.
    restores: bool = False

    @property
    def owner(self) -> Account:
        """The account of the application."""
        return Account(self.address.user or "", self.address.password or "")

    @property
    def accounts(self) -> tuple[Account, ...]:
        """Both, as far as there are two."""
        return (self.owner, *([self.reader] if self.reader else []))


@dataclass(frozen=True)
class Step:
    """One statement, what takes it back, and what it does as a line of a diff.

    Statements can hold what a password is compared with, so that they are never shown.
    """

    do: str = field(repr=False)
    undo: tuple[str, ...] = field(repr=False)
    told: str
    is_taken: bool = False


def reader_of(option: Mapping[str, Any] | None) -> Account | None:
    """The account that an option of a module describes."""
    return Account(option["name"], option["password"] or "") if option else None


def secrets_of_reader(option: Mapping[str, Any] | None) -> list[str]:
    """What of that option nobody may see."""
    return [option["password"]] if option and option["password"] else []


def refuse_invalid(request: Request, systems: Sequence[str]) -> None:
    """Raise InvalidInput with all that is wrong; `systems` are the databases that belong to the server itself."""
    address, reader = request.address, request.reader
    problems = [
        sentence
        for is_wrong, sentence in (
            (
                not _is_local(address),
                "The database's URL has to name this host: localhost, 127.0.0.1, ::1 or a socket.",
            ),
            (not address.user, "The database's URL has to name the user who owns it."),
            (address.name in systems, f"The database {address.name} belongs to the server itself: name another."),
            (request.is_wanted and not address.password, "The owner needs a password: give database_password."),
            (reader and not reader.name, "The reader needs a name: give reader.name."),
            (reader and reader.name == address.user, "The reader has to be another account than the owner."),
            (
                request.is_wanted and reader and not reader.password,
                "The reader needs a password: give reader.password.",
            ),
            (
                any("\0" in account.name + account.password for account in request.accounts),
                "Names and passwords cannot hold the character NUL.",
            ),
        )
        if is_wrong
    ]
    if problems:
        raise InvalidInput(str(address), problems)


def _is_local(address: Address) -> bool:
    if address.socket or address.host == "localhost":
        return True
    try:
        return ip_address(address.host or "").is_loopback
    except ValueError:
        return False
