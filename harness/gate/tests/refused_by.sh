#!/usr/bin/env bash
# Goal: a bad DLL is refused by the one rule that is there for it, for the reason that it is bad, and by no other.
# Use:  refused_by.sh KDHARNESS RULE EVIDENCE DLL [OPTION...]     EVIDENCE is a regular expression
set -euo pipefail
kdharness=$1 rule=$2 evidence=$3 dll=$4
shift 4

code=0
out=$("$kdharness" gate "$@" "$dll") || code=$?
echo "$out"
failed=$(awk '$1 == "FAIL" {print $2}' <<<"$out")
[ "$code" -eq 1 ] || { echo "exit code $code: expected 1" >&2; exit 1; }
[ "$failed" = "$rule" ] || { echo "refused by '$failed': expected '$rule'" >&2; exit 1; }
grep -qE "^  FAIL  $rule +.*($evidence)" <<<"$out" || { echo "refused for another reason than '$evidence'" >&2; exit 1; }
