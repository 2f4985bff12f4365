#!/usr/bin/env bash
# Runs a command that must fail in a certain way. Usage: refuses.sh EXIT-CODE PATTERN COMMAND...
# Exit code: 0 if it did, and one of its last lines matches; 77 if the command was skipped.
set -uo pipefail
code=$1 pattern=$2
shift 2
output=$("$@" 2>&1)
seen=$?
echo "$output"
[ $seen -ne 77 ] || exit 77
[ $seen -eq "$code" ] || { echo "expected exit code $code, saw $seen"; exit 1; }
grep -qE -- "$pattern" <<<"$output" || { echo "expected a line with: $pattern"; exit 1; }
