#!/usr/bin/env bash
# Writes the table of scenario by link by architecture into harness/README.md, between <!-- scenarios --> and
# <!-- end of scenarios -->. With --check it changes nothing and fails when the table is stale.
# Usage: update-table.sh [--check] [KDHARNESS]      (default build/bin/kdharness)
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
check=false
if [ "${1-}" = --check ]; then
    check=true
    shift
fi
kdharness=${1:-$root/build/bin/kdharness}
readme=$root/harness/README.md
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

KDHARNESS_SCENARIOS=$root/harness/scenarios "$kdharness" list --table >"$work/table"
if [ "$(grep -cE '^<!-- (end of )?scenarios -->$' "$readme")" != 2 ]; then
    echo "update-table: the markers in harness/README.md do not fit together" >&2
    exit 1
fi
awk -v table="$work/table" '
    $0 == "<!-- end of scenarios -->" {inside = 0}
    !inside {print}
    $0 == "<!-- scenarios -->" {inside = 1; while ((getline line <table) > 0) print line}' "$readme" >"$work/readme"
if ! $check; then
    cat "$work/readme" >"$readme"
elif ! diff -u "$readme" "$work/readme"; then
    echo "update-table: the table in harness/README.md is stale: run harness/script/update-table.sh" >&2
    exit 1
fi
