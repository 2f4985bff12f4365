#!/usr/bin/env bash
# Draws the ladders in README.md and harness/README.md anew: each block between <!-- timeline: SCENARIO LINK --> and
# <!-- end of timeline -->. With --check it changes nothing and fails when one of them is stale.
# Usage: update-readme.sh [--check] [KDHARNESS]      (default build/bin/kdharness)
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
check=false
if [ "${1-}" = --check ]; then
    check=true
    shift
fi
kdharness=${1:-$root/build/bin/kdharness}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

draw() { # scenario, link
    KDHARNESS_SCENARIOS=$root/harness/scenarios "$kdharness" run --once --timeline --link "$2" --arch x64 "$1" >"$work/tap" || {
        cat "$work/tap" >&2
        echo "update-readme: $1 does not pass" >&2
        return 1
    }
    printf '```\n'
    sed -e '/^1\.\./d' -e '/^ok /d' -e '/^#/d' "$work/tap" | sed -e '$ { /^$/d }'
    printf '```\n'
}

redraw() { # readme, relative to the root: its new text goes to $work/readme
    local inside=false ladders=0 line scenario link
    while IFS= read -r line || [ -n "$line" ]; do
        case $line in
        '<!-- timeline: '*' -->')
            read -r _ _ scenario link _ <<<"$line"
            printf '%s\n' "$line"
            draw "$scenario" "$link"
            inside=true
            ladders=$((ladders + 1))
            ;;
        '<!-- end of timeline -->')
            inside=false
            printf '%s\n' "$line"
            ;;
        *) $inside || printf '%s\n' "$line" ;;
        esac
    done <"$root/$1" >"$work/readme"
    if $inside || [ "$ladders" = 0 ]; then
        echo "update-readme: the markers in $1 do not fit together" >&2
        return 1
    fi
}

for readme in README.md harness/README.md; do
    redraw "$readme"
    if ! $check; then
        cat "$work/readme" >"$root/$readme"
    elif ! diff -u "$root/$readme" "$work/readme"; then
        echo "update-readme: the ladders in $readme are stale: run harness/timeline/update-readme.sh" >&2
        exit 1
    fi
done
