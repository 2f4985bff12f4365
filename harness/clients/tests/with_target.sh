#!/usr/bin/env bash
# Starts a target, waits until it listens, runs a client against it, stops the target with SIGINT.
# Usage: with_target.sh TARGET COMMAND... -- CLIENT COMMAND...     @ in either stands for the address of a fresh socket
# Exit code: the client's; 1 if the target never listened, ended, or did not stop by itself; 77 without lua-socket.
set -euo pipefail

LISTEN_TURNS=1000 STOP_TURNS=500 TURN_SECONDS=0.02
lua5.4 -e 'require "socket.unix"' 2>/dev/null || { echo "SKIP: lua5.4 with lua-socket is not installed"; exit 77; }
folder=$(mktemp -d)
pid=
trap '[ -z "$pid" ] || kill -KILL "$pid" 2>/dev/null || true; rm -rf "$folder"' EXIT

target=() client=() into=target
for word in "$@"; do
    if [ "$word" = -- ] && [ $into = target ]; then
        into=client
    else
        [ "$word" != @ ] || word=unix:$folder/kd
        if [ $into = target ]; then target+=("$word"); else client+=("$word"); fi
    fi
done
[ ${#client[@]} -gt 0 ] || { echo "usage: with_target.sh TARGET COMMAND... -- CLIENT COMMAND..." >&2; exit 2; }

gone() { ! kill -0 "$pid" 2>/dev/null; }
wait_until() { # turns, condition...
    local left=$1
    shift
    until "$@"; do
        left=$((left - 1))
        [ "$left" -gt 0 ] || return 1
        sleep $TURN_SECONDS
    done
}
listening_or_gone() { [ -S "$folder/kd" ] || gone; }

"${target[@]}" >"$folder/target.log" 2>&1 &
pid=$!
if ! wait_until $LISTEN_TURNS listening_or_gone || gone; then
    echo "the target does not listen: $(cat "$folder/target.log")" >&2
    exit 1
fi
code=0
"${client[@]}" || code=$?
if gone; then
    echo "the target ended: $(cat "$folder/target.log")" >&2
    exit 1
fi
kill -INT "$pid"
if ! wait_until $STOP_TURNS gone; then
    echo "the target did not stop on SIGINT" >&2
    exit 1
fi
pid=
exit $code
