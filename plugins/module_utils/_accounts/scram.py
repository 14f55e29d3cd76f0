# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What PostgreSQL keeps of a password, so that the password itself is in no statement.

This module is private to the collection.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import stringprep
import unicodedata

SALT_SIZE = 16
_ITERATIONS = 4096
_VERIFIER = re.compile(r"SCRAM-SHA-256\$([1-9][0-9]*):([A-Za-z0-9+/=]+)\$[A-Za-z0-9+/=]+:[A-Za-z0-9+/=]+")

_PROHIBITED = (
    stringprep.in_table_a1,
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
)


def verifier(password: str, salt: bytes, iterations: int = _ITERATIONS) -> str:
    """The password as SCRAM-SHA-256 has it."""
    salted = hashlib.pbkdf2_hmac("sha256", _prepared(password), salt, iterations)
    stored = hashlib.sha256(_keyed(salted, b"Client Key")).digest()
    server = _keyed(salted, b"Server Key")
    return f"SCRAM-SHA-256${iterations}:{_text(salt)}${_text(stored)}:{_text(server)}"


def is_of(password: str, kept: str | None) -> bool:
    """Whether this is what is kept of the password, and in this form."""
    found = _VERIFIER.fullmatch(kept or "")
    if not found:
        return False
    try:
        salt = base64.b64decode(found[2], validate=True)
    except binascii.Error:
        return False
    return hmac.compare_digest(verifier(password, salt, int(found[1])), found[0])


def _keyed(key: bytes, word: bytes) -> bytes:
    return hmac.new(key, word, hashlib.sha256).digest()


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _prepared(password: str) -> bytes:
    """The password as SASLprep has it, or as it is where SASLprep would refuse it: so do server and clients."""
    spaced = (" " if stringprep.in_table_c12(mark) else mark for mark in password)
    prepared = unicodedata.normalize("NFKC", "".join(mark for mark in spaced if not stringprep.in_table_b1(mark)))
    is_refused = not prepared or any(table(mark) for mark in prepared for table in _PROHIBITED)
    usable = password if is_refused or not _keeps_direction(prepared) else prepared
    return usable.encode("utf-8", "surrogateescape")


def _keeps_direction(text: str) -> bool:
    """What is written from right to left begins and ends so, and holds nothing of the other direction."""
    if not any(map(stringprep.in_table_d1, text)):
        return True
    ends_so = stringprep.in_table_d1(text[0]) and stringprep.in_table_d1(text[-1])
    return ends_so and not any(map(stringprep.in_table_d2, text))
