#!/usr/bin/env bash
# The same scenario and seed must give the same hash from every compiler and optimisation level, and at every address
# layout: plays all scenarios and forty seeds of the swarm with gcc -O2, -O3 and -O0, clang -O2 and sanitized builds, and
# at fixed addresses, as many at a time as there are cores, and compares the hashes line by line. A scenario that fails in
# one of them, or a sanitizer's report, is a difference too.
set -euo pipefail
cd "$(dirname "$0")/.."
ci/build.sh release
ci/build.sh o3 kdharness
ci/build.sh dev kdharness
ci/build.sh clang
ci/build.sh asan kdharness

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export work
play() { # name, architecture or both, command...
    local name=$1 worlds=$2 arch
    shift 2
    [ "$worlds" = both ] && arch= || arch="--arch $worlds"
    # shellcheck disable=SC2086
    "$@" run --once --seed 1 $arch harness/scenarios >"$work/$name.tap" 2>"$work/$name.err" || true
    sed -n 's/^ok [0-9]* - //p' "$work/$name.tap" | sed 's/ time=.*//' >"$work/$name"
    for world in ${worlds/both/x64 x86}; do
        "$@" swarm --seeds 1:40 --arch "$world" 2>>"$work/$name.err" |
            sed -n "s/^# seeds \(.*\): .* \(hash=.*\)/swarm \1 [all $world] \2/p" >>"$work/$name"
    done
}
export -f play

# The slowest first. What a compiler makes of the code shows on one architecture of the target as well as on both.
variants=(
    "gcc-sanitized-x64 x64 build/asan/bin/kdharness"
    "gcc-sanitized-x86 x86 build/asan/bin/kdharness"
    "gcc-O2 both build/bin/kdharness"
    "gcc-O0 x64 build/dev/bin/kdharness"
    "gcc-O3 x64 build/o3/bin/kdharness"
    "clang-O2 x64 build/clang/bin/kdharness"
)
if setarch -R true 2>/dev/null; then
    variants+=("fixed-addresses x64 setarch -R build/bin/kdharness")
else
    echo "SKIP: address randomisation cannot be switched off here"
fi
printf '%s\n' "${variants[@]}" | xargs -P "$(nproc)" -I{} bash -c 'play {}'

if ! grep -q 'hash=' "$work/gcc-O2" || grep '^not ok' "$work/gcc-O2.tap"; then
    cat "$work/gcc-O2.err" >&2
    echo "same-hash: gcc -O2 does not play every scenario" >&2
    exit 1
fi
for variant in "${variants[@]}"; do
    read -r name arch _ <<<"$variant"
    [ "$name" != gcc-O2 ] || continue
    [ "$arch" = both ] && pattern='' || pattern=" $arch]"
    grep -F "$pattern" "$work/gcc-O2" >"$work/want"
    if ! diff "$work/want" "$work/$name" >&2; then
        grep '^not ok' "$work/$name.tap" >&2 || true
        head -40 "$work/$name.err" >&2
        echo "same-hash: $name differs from gcc-O2" >&2
        exit 1
    fi
    echo "same-hash: $name agrees with gcc-O2 on $(wc -l <"$work/$name") histories"
done
