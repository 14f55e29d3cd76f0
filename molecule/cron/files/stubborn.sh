#!/bin/sh
# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# stubborn.sh: processes that are hard to end: one has left the session, one its parents, and all hold on to life.
trap '' TERM
setsid sleep 3001 &
setsid setsid sh -c 'sleep 3002 & sleep 3003' &
(sleep 3004 &)
sleep 3005
