#!/bin/sh
# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# What cron runs: the cleanup, in its directory, with a log for each day of the last 30. The script itself reads .env,
# because a shell would read values with spaces and quotes otherwise.
set -eu
cd "$(dirname "$0")/.."
mkdir -p logs
find logs -name 'cleanup-*.log' -mtime +30 -delete
exec node scripts/cleanup-chat-sessions.js >>"logs/cleanup-$(date +%Y-%m-%d).log" 2>&1
