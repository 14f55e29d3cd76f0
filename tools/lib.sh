# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# What the scripts beside this one share; each of them sources it first and so starts in the repository root.
# shellcheck shell=bash

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

stop() {
    printf '%s\n' "$*" >&2
    exit 1
}

# need COMMAND PACKAGE ...: has Debian install every package whose command is missing.
need() {
    local -A missing=()
    while (($#)); do
        command -v "$1" >/dev/null || [ -x "/usr/sbin/$1" ] || missing[$2]=1
        shift 2
    done
    ((${#missing[@]} == 0)) || install "${!missing[@]}"
}

# install PACKAGE ...: has Debian install them, or says that somebody has to.
install() {
    local log=.cache/logs/install.log
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        stop "Missing on this machine: $*. Install it, or run this as root on Debian, which installs it for you."
    fi
    echo "Installing $*"
    mkdir -p "${log%/*}"
    if ! { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"; } >"$log" 2>&1; then
        cat "$log" >&2
        stop "Could not install $*: see above."
    fi
}

# python X.Y: prints the path of a Python of that version that runs, also one that pyenv keeps beside the others.
python() {
    local candidate
    for candidate in "$(command -v "python$1")" "$HOME"/.pyenv/versions/"$1".*/bin/python; do
        if [ -x "$candidate" ] && "$candidate" --version >/dev/null 2>&1; then
            "$candidate" -c 'import sys; print(sys.executable)'
            return
        fi
    done
    return 1
}

# environment DIRECTORY PYTHON LOCK: makes a virtual environment of exactly what the lock file names.
environment() {
    local stamp="$1/.made-from" log=".cache/logs/environment-${1##*/}.log"
    cmp -s "$3" "$stamp" && return
    echo "Making $1 from $3"
    rm -rf "$1"
    mkdir -p "${log%/*}"
    # pip also writes what nobody needs to read, so what it says is shown only when it fails.
    if ! "$2" -m venv "$1" >"$log" 2>&1 ||
        ! "$1/bin/python" -m pip install --disable-pip-version-check --no-deps --require-hashes -r "$3" >>"$log" 2>&1; then
        cat "$log" >&2
        stop "Could not make $1 from $3: see above."
    fi
    cp "$3" "$stamp"
}
