#!/usr/bin/env bash
# The same scenario and seed must give the same hash from every compiler and optimisation level, and at every address
# layout: plays all scenarios with gcc -O2, gcc -O0, clang -O2 and sanitized builds, with and without randomised
# addresses, and compares the hashes line by line.
set -euo pipefail
cd "$(dirname "$0")/.."
ci/build.sh release
ci/build.sh dev kdharness
ci/build.sh clang
ci/build.sh asan kdharness

hashes() { # kdharness
    "$@" run --once --seed 42 harness/scenarios | sed -n 's/^ok [0-9]* - //p' | sed 's/ time=.*//'
}

want=$(hashes build/bin/kdharness)
if ! grep -q 'hash=' <<<"$want"; then
    echo "same-hash: kdharness printed no hashes" >&2
    exit 1
fi
compare() { # name, command...
    local name=$1 got
    shift
    got=$(hashes "$@")
    if [ "$got" != "$want" ]; then
        echo "same-hash: $name differs from gcc -O2:" >&2
        diff <(echo "$want") <(echo "$got") >&2
        exit 1
    fi
    echo "same-hash: $name agrees on $(wc -l <<<"$got") histories"
}
compare "gcc -O0" build/dev/bin/kdharness
compare "clang -O2" build/clang/bin/kdharness
compare "gcc with sanitizers" build/asan/bin/kdharness
if setarch -R true 2>/dev/null; then
    compare "fixed addresses" setarch -R build/bin/kdharness
else
    echo "SKIP: address randomisation cannot be switched off here"
fi
