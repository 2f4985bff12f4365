#!/usr/bin/env bash
# The same scenario and seed must give the same hash from every compiler and optimisation level, and at every address
# layout: plays all scenarios and forty seeds of the swarm with gcc -O2, and sanitized for x64; and sanitized for x86, with
# gcc -O3 and -O0, clang -O2 and at fixed addresses the forty seeds and every scenario on the links with a relay (with --all
# on the serial line too), as many at a time as there are cores, and compares the hashes line by line. A scenario that fails in one of
# them, or a sanitizer's report, is a difference too. What gcc -O2 said of the scenarios goes into build/catalogue.tap.
set -euo pipefail
cd "$(dirname "$0")/.."
case ${1:-} in "") links="backdoor doorbell" programs="kdharness kdrelay kdbench" ;; --all) links=all programs="" ;; *) echo "same-hash: unexpected '$1': expected --all or nothing" >&2; exit 2 ;; esac
ci/build.sh release
ci/build.sh o3 kdharness
ci/build.sh dev kdharness
# shellcheck disable=SC2086 # none: all that there is, tests too
ci/build.sh clang $programs
ci/build.sh asan kdharness

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export work
play() { # name|architecture or both|links or all|command
    local name worlds links command arch link
    IFS='|' read -r name worlds links command <<<"$1"
    # shellcheck disable=SC2086
    set -- $command
    [ "$worlds" = both ] && arch= || arch="--arch $worlds"
    for link in $links; do
        [ "$link" = all ] && link= || link="--link $link"
        # shellcheck disable=SC2086
        "$@" run --once --seed 1 $arch $link harness/scenarios 2>>"$work/$name.err" || true
    done >"$work/$name.tap"
    sed -n 's/^ok [0-9]* - //p' "$work/$name.tap" | sed 's/ time=.*//' >"$work/$name"
    for world in ${worlds/both/x64 x86}; do
        "$@" swarm --seeds 1:40 --arch "$world" 2>>"$work/$name.err" |
            sed -n "s/^# seeds \(.*\): .* \(hash=.*\)/swarm \1 [all $world] \2/p" >>"$work/$name"
    done
    sort -o "$work/$name" "$work/$name"
}
export -f play

# The slowest first. What a compiler makes of the code shows on one architecture of the target as well as on both, and on
# the links with a relay as well as on all.
variants=(
    "gcc-sanitized-x64|x64|all|build/asan/bin/kdharness"
    "gcc-sanitized-x86|x86|$links|build/asan/bin/kdharness"
    "gcc-O2|both|all|build/bin/kdharness"
    "gcc-O0|x64|$links|build/dev/bin/kdharness"
    "gcc-O3|x64|$links|build/o3/bin/kdharness"
    "clang-O2|x64|$links|build/clang/bin/kdharness"
)
if setarch -R true 2>/dev/null; then
    variants+=("fixed-addresses|x64|$links|setarch -R build/bin/kdharness")
else
    echo "SKIP: address randomisation cannot be switched off here"
fi
printf '%s\n' "${variants[@]}" | xargs -d '\n' -P "$(nproc)" -I{} bash -c 'play "$1"' play {}
cp "$work/gcc-O2.tap" build/catalogue.tap

if ! grep -q 'hash=' "$work/gcc-O2" || grep '^not ok' "$work/gcc-O2.tap"; then
    cat "$work/gcc-O2.err" >&2
    echo "same-hash: gcc -O2 does not play every scenario" >&2
    exit 1
fi
for variant in "${variants[@]}"; do
    IFS='|' read -r name arch links _ <<<"$variant"
    [ "$name" != gcc-O2 ] || continue
    [ "$links" != all ] || links='[a-z]*'
    grep -E "\[(${links// /|}|all) $arch\]" "$work/gcc-O2" >"$work/want"
    if ! diff "$work/want" "$work/$name" >&2; then
        grep '^not ok' "$work/$name.tap" >&2 || true
        head -40 "$work/$name.err" >&2
        echo "same-hash: $name differs from gcc-O2" >&2
        exit 1
    fi
    echo "same-hash: $name agrees with gcc-O2 on $(wc -l <"$work/$name") histories"
done
