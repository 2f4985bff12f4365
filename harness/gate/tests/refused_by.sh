#!/usr/bin/env bash
# Goal: a bad DLL is refused by the one rule that is there for it, and by no other.
# Use:  refused_by.sh KDHARNESS RULE DLL [OPTION...]
set -euo pipefail
kdharness=$1 rule=$2 dll=$3
shift 3

code=0
out=$("$kdharness" gate "$@" "$dll") || code=$?
echo "$out"
failed=$(awk '$1 == "FAIL" {print $2}' <<<"$out")
[ "$code" -eq 1 ] || { echo "exit code $code: expected 1" >&2; exit 1; }
[ "$failed" = "$rule" ] || { echo "refused by '$failed': expected '$rule'" >&2; exit 1; }
