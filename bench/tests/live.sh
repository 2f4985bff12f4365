#!/usr/bin/env bash
# Goal:   kdbench live measures a live target over a real socket, leaves it running, and says in one line who does not answer.
# Usage:  live.sh KDHARNESS KDBENCH
set -euo pipefail
kdharness=$1 kdbench=$2
folder=$(mktemp -d)
pid=
trap '[ -z "$pid" ] || kill -KILL "$pid" 2>/dev/null || true; rm -rf "$folder"' EXIT
fail() { echo "live: $*" >&2; exit 1; }

"$kdharness" target --listen "unix:$folder/kd" >"$folder/log" 2>&1 &
pid=$!
turns=500
until [ -S "$folder/kd" ]; do
    turns=$((turns - 1))
    [ $turns -gt 0 ] || fail "the target does not listen: $(cat "$folder/log")"
    sleep 0.02
done

for turn in 1 2; do
    "$kdbench" live "first=unix:$folder/kd" --rounds 3 --out "$folder/$turn" >"$folder/said" || fail "$(cat "$folder/said")"
done
for work in bulk-read small-read bulk-write steps source-step; do
    grep -q "\"workload\": \"$work\"" "$folder/2/kvm.json" || fail "$work is missing"
done
grep -q '"ratio": 1.0' "$folder/2/kvm.json" || fail "the first target is not its own reference"
grep -q 'target runs' <(tail -2 "$folder/log") || fail "the target was not let go: $(tail -2 "$folder/log")"

"$kdbench" live "nobody=unix:$folder/nobody" >/dev/null 2>"$folder/said" && fail "nobody was measured"
[ "$(wc -l <"$folder/said")" -eq 1 ] && grep -q 'nobody: attach: nobody listens' "$folder/said" || fail "$(cat "$folder/said")"
kill -INT "$pid"
wait "$pid" || fail "the target did not end well"
pid=
echo "measured twice, let go twice"
