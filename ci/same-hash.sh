#!/usr/bin/env bash
# The same scenario and seed must give the same hash from every compiler and optimisation level, and at every address
# layout: plays all scenarios with gcc -O2, gcc -O0, clang -O2 and sanitized builds, and at fixed addresses, as many at a
# time as there are cores, and compares the hashes line by line. A scenario that fails in one of them, or a sanitizer's
# report, is a difference too.
set -euo pipefail
cd "$(dirname "$0")/.."
ci/build.sh release
ci/build.sh dev kdharness
ci/build.sh clang
ci/build.sh asan kdharness

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export work
play() { # name, command...
    local name=$1
    shift
    "$@" run --once --seed 42 harness/scenarios >"$work/$name.tap" 2>"$work/$name.err" || true
    sed -n 's/^ok [0-9]* - //p' "$work/$name.tap" | sed 's/ time=.*//' >"$work/$name"
}
export -f play

variants=(
    "gcc-O2 build/bin/kdharness"
    "gcc-sanitized build/asan/bin/kdharness"
    "gcc-O0 build/dev/bin/kdharness"
    "clang-O2 build/clang/bin/kdharness"
)
if setarch -R true 2>/dev/null; then
    variants+=("fixed-addresses setarch -R build/bin/kdharness")
else
    echo "SKIP: address randomisation cannot be switched off here"
fi
printf '%s\n' "${variants[@]}" | xargs -P "$(nproc)" -I{} bash -c 'play {}'

if ! grep -q 'hash=' "$work/gcc-O2" || grep '^not ok' "$work/gcc-O2.tap"; then
    cat "$work/gcc-O2.err" >&2
    echo "same-hash: gcc -O2 does not play every scenario" >&2
    exit 1
fi
for variant in "${variants[@]:1}"; do
    name=${variant%% *}
    if ! diff "$work/gcc-O2" "$work/$name" >&2; then
        grep '^not ok' "$work/$name.tap" >&2 || true
        head -40 "$work/$name.err" >&2
        echo "same-hash: $name differs from gcc-O2" >&2
        exit 1
    fi
    echo "same-hash: $name agrees with gcc-O2 on $(wc -l <"$work/$name") histories"
done
