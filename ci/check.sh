#!/usr/bin/env bash
# make check: everything that must hold, in minutes. Ends with one line, N passed, N failed, N skipped, and exits
# non-zero on any failure and when nothing ran.
set -euo pipefail
cd "$(dirname "$0")/.."
ci/deps.sh

passed=0 failed=0 skipped=0
say() { printf '== %s\n' "$*"; }

count_step() { # name, command...: one step that is not a CTest
    local name=$1
    shift
    say "$name"
    if "$@"; then passed=$((passed + 1)); else failed=$((failed + 1)) && echo "FAILED: $name" >&2; fi
}

count_of() { # file, status
    { grep -o "<testcase [^>]*status=\"$2\"" "$1" || true; } | wc -l
}

# A skip says why: in the TAP line of a scenario, or in a line of its own.
why_skipped() { # file
    awk -F'"' '/<testcase /{name = $2; skip = /status="notrun"/}
        skip && /(# SKIP |SKIP: |skipped: )/{
            sub(/.*(# SKIP |SKIP: |skipped: )/, ""); print "  skipped " name ": " $0; skip = 0}' "$1"
}

# Two more at a time than there are cores: the clients of the live target wait more than they work.
run_ctest() { # preset, ctest arguments...
    local preset=$1 xml
    shift
    xml=$(mktemp)
    ctest --preset "$preset" -j "$(($(nproc) + 2))" --output-junit "$xml" "$@" >"$xml.log" 2>&1 || true
    local ran bad gone
    ran=$(count_of "$xml" run) bad=$(count_of "$xml" fail) gone=$(count_of "$xml" notrun)
    passed=$((passed + ran)) failed=$((failed + bad)) skipped=$((skipped + gone))
    echo "$ran passed, $bad failed, $gone skipped"
    why_skipped "$xml"
    if [ "$bad" -gt 0 ] || [ "$ran" -eq 0 ]; then
        cat "$xml.log" >&2
        [ "$ran" -gt 0 ] || failed=$((failed + 1))
    fi
    rm -f "$xml" "$xml.log"
}

build_and_test() { # preset, ctest arguments...
    if ci/build.sh "$1"; then
        passed=$((passed + 1))
        run_ctest "$@"
    else
        failed=$((failed + 1))
    fi
}

# What a sanitizer cannot see anything in, or what same-hash plays under sanitizers anyway, is left to the first run; the
# storm of connects is left to the sanitized one, where a leak shows.
say "gcc -O2: unit tests, scenarios, live target"
build_and_test release -E '^live\.clients\.storm$'
say "address and undefined-behaviour sanitizers: unit tests, live target"
build_and_test asan -E '^(scenario|emu|machines|clients|timeline|same_hash|same_machine|swarm)\.|^live\.clients\.(quirks|conversation|thousand|kvm)'
count_step "every scenario from clang, gcc -O0, sanitizers, at fixed addresses: the same histories" ci/same-hash.sh
count_step "the benchmark's exact figures against results/baseline.json" ci/bench-gate.sh --exact
count_step "every layer builds with only those below it" ci/layers.sh

printf '\n%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
