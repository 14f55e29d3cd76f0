# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# Jobs that run beside each other; sourced after lib.sh by the scripts that have some.
# shellcheck shell=bash

# What a job that cannot run here ends with, after it has said why through `note`.
skipped=77

# note WORD ...: adds something to the line that tells how the job went.
note() { printf '%s\n' "$*" >&3; }

skip() {
    note "$*"
    exit "$skipped"
}

# side_by_side AT_ONCE KIND FUNCTION NAME ...: calls the function for every name, so many at once, prints a line for each
# that ends, and at last how many did how. The log of a job is .cache/logs/KIND-NAME.log; FUNCTION_failure, if there is
# such a function, prints the part of it that tells why the job failed. When this is interrupted, the jobs are stopped with
# all that they started, and then FUNCTION_interrupted, if there is one, is called for each of them.
side_by_side() {
    local at_once=$1 name summary
    # Not local: when the script ends early, its trap still has to know what runs.
    kind=$2 function=$3 passed=0 failed=0 left=0
    declare -gA name_of=() began=()
    shift 3
    mkdir -p .cache/logs
    # Job control gives every job a process group of its own, which can be stopped as a whole.
    set -m
    trap stop_jobs INT TERM EXIT
    for name; do
        while ((${#name_of[@]} >= at_once)); do reap; done
        "$function" "$name" >".cache/logs/$kind-$name.log" 2>&1 3>".cache/logs/$kind-$name.notes" </dev/null &
        name_of[$!]=$name began[$!]=$(microseconds)
    done
    while ((${#name_of[@]})); do reap; done
    trap - INT TERM EXIT

    summary="$passed passed, $failed failed"
    ((left == 0)) || summary+=", $left skipped"
    echo "$summary"
    ((failed == 0))
}

# reap: waits for the end of one job and tells how it went.
reap() {
    local job='' status=0 name log tenths line
    wait -n -p job "${!name_of[@]}" || status=$?
    name=${name_of[$job]} log=.cache/logs/$kind-${name_of[$job]}.log
    tenths=$((($(microseconds) - began[$job]) / 100000))
    line="$name $((tenths / 10)).$((tenths % 10)) s$(sed '1s/^/ (/; $s/$/)/' "${log%.log}.notes" | paste -sd ';' | sed 's/;/; /g')"
    rm -f "${log%.log}.notes"
    unset "name_of[$job]"
    case $status in
        0) passed=$((passed + 1)) && echo "ok $line" ;;
        "$skipped") left=$((left + 1)) && echo "skipped $line" ;;
        *)
            failed=$((failed + 1))
            echo "FAILED $line, see $log:"
            if has "${function}_failure"; then "${function}_failure" "$log"; else tail -n 60 "$log"; fi | sed 's/^/  /'
            ;;
    esac
}

has() { declare -F "$1" >/dev/null; }

stop_jobs() {
    local status=$? job
    trap '' INT TERM
    trap - EXIT
    set +m
    for job in "${!name_of[@]}"; do stop_job "$job"; done
    if has "${function}_interrupted"; then
        for job in "${!name_of[@]}"; do "${function}_interrupted" "${name_of[$job]}"; done
    fi
    exit "$((status ? status : 130))"
}

stop_job() {
    kill -TERM -- "-$1" 2>/dev/null || return 0
    for _ in {1..50}; do
        kill -0 -- "-$1" 2>/dev/null || return 0
        sleep 0.1
    done
    kill -KILL -- "-$1" 2>/dev/null || true
}

microseconds() { echo "${EPOCHREALTIME//[!0-9]/}"; }
