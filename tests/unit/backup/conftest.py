# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.unit.backup.world import World

# It encrypts as far as a test can tell: only an identity of a recipient gives the text back.
AGE = r"""#!/bin/sh
echo "age $*" >>"$PROGRAMS/log"
case $1 in
--encrypt)
    shift
    recipients=
    while [ $# -gt 0 ]; do recipients="$recipients $2"; shift 2; done
    echo "age$recipients"
    tr a-z n-za-m
    ;;
--decrypt)
    key=$(sed -n 's/^AGE-SECRET-KEY-1//p' "$3" | tr A-Z a-z)
    read -r header
    case "$header " in *" age1$key "*) tr n-za-m a-z ;; *) echo "no identity matched" >&2; exit 1 ;; esac
    ;;
esac
"""

AGE_KEYGEN = """#!/bin/sh
echo "# created: today
# public key: age1ephemeralkey
AGE-SECRET-KEY-1EPHEMERALKEY"
"""

# Of rclone what Offsite uses, with the same answers as version 1.60: a copy is left alone that has the same size and
# time, and a directory that is not there ends with 3.
RCLONE = r"""#!/bin/sh
echo "rclone $*" >>"$PROGRAMS/log"
while [ "${1#--}" != "$1" ]; do case $1 in --config) shift 2 ;; *) shift ;; esac; done
command=$1
shift
[ ! -e "$PROGRAMS/fail-$command" ] || { echo "NOTICE: trying" >&2; echo "the remote is away" >&2; exit 5; }
for last; do :; done
at="$PROGRAMS/remote/${last#*:}"
case $command in
lsjson)
    [ -d "$at" ] || { echo "directory not found" >&2; exit 3; }
    separator=
    printf '['
    for file in "$at"/*; do
        [ -f "$file" ] || continue
        printf '%s{"Name":"%s","Size":%s}' "$separator" "${file##*/}" "$(stat -c %s "$file")"
        separator=,
    done
    printf ']'
    ;;
copyto)
    force=
    [ "$1" != --ignore-times ] || { force=yes; shift; }
    mkdir -p "${at%/*}"
    if [ -z "$force" ] && [ "$(stat -c %s-%Y "$1")" = "$(stat -c %s-%Y "$at" 2>&1)" ]; then exit 0; fi
    cp -p "$1" "$at"
    if [ -e "$PROGRAMS/spoil" ]; then
        printf X | dd of="$at" conv=notrunc 2>/dev/null
        touch -r "$1" "$at"
    fi
    ;;
hashsum)
    sha256sum "$at" | sed "s,  .*/,  ,"
    ;;
esac
"""


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
def programs(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with programs that stand in for age and rclone, and with the log of what they were told."""
    directory = tmp_path_factory.mktemp("programs")
    for name, text in {"age": AGE, "age-keygen": AGE_KEYGEN, "rclone": RCLONE}.items():
        (directory / name).write_text(text)
        (directory / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{directory}:{os.environ['PATH']}")
    monkeypatch.setenv("PROGRAMS", str(directory))
    return directory
