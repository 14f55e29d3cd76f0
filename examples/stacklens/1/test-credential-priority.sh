#!/bin/sh
# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# Tries the application that runs: credentials and their order, automation, schema. What it makes it takes away, but for
# the ticket.
set -eu
cd "$(dirname "$0")"
[ ! -f .env ] || set -- --env-file=.env
exec node "$@" scripts/test-credential-priority.js
