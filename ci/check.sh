#!/usr/bin/env bash
# make check: everything that must hold, in minutes. Ends with one line, N passed, N failed, N skipped, and exits
# non-zero on any failure and when nothing ran.
set -euo pipefail
cd "$(dirname "$0")/.."
ci/deps.sh

passed=0 failed=0 skipped=0
say() { printf '== %s (at %d s)\n' "$*" "$SECONDS"; }

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

# Every scenario once, as same-hash played it with gcc -O2 and then compared: what TAP says of it counts as a test.
count_catalogue() {
    local tap=build/catalogue.tap ran bad gone
    [ -s "$tap" ] || { failed=$((failed + 1)); echo "FAILED: no scenario was played" >&2; return; }
    gone=$(grep -c '^ok .* # SKIP ' "$tap" || true) bad=$(grep -c '^not ok ' "$tap" || true)
    ran=$(($(grep -c '^ok ' "$tap") - gone))
    passed=$((passed + ran)) failed=$((failed + bad)) skipped=$((skipped + gone))
    echo "$ran scenarios passed, $bad failed, $gone skipped"
    sed -n 's/^ok [0-9]* - \(.*\) # SKIP \(.*\)/  skipped \1: \2/p' "$tap"
}

# The scenarios are same-hash's, on native; the storm of connects is left to the sanitized run, where a leak shows, and so
# is a hostile DLL, where a byte read too far does. What a sanitizer cannot see anything in is left to the first run: other
# programs' work, guest code, and what repeats for minutes what the sanitizers have seen in a second.
say "gcc -O2: unit tests, both machines, live target"
build_and_test release -E '^(scenario\.|live\.clients\.storm$|test_gate_hostile\.a_changed_byte_never)'
say "address and undefined-behaviour sanitizers: unit tests, live target"
build_and_test asan -E "^(scenario|emu|machines|clients|timeline|same_hash|same_machine|swarm|gate|kdfast|report)\.|^live\.clients\.(quirks|conversation|thousand|kvm)|^exhaust\.singles_on_serial|for_ever|^test_kdbench\.(two_runs|a_sweep_finds)"
rm -f build/catalogue.tap
count_step "every scenario from gcc -O2, sanitizers, clang, gcc -O0 and -O3, at fixed addresses: the same histories" ci/same-hash.sh
count_catalogue
count_step "the benchmark's exact figures against results/baseline.json" ci/bench-gate.sh --exact
count_step "no dependency points up" ci/layers.sh

printf '\nin %d s\n%d passed, %d failed, %d skipped\n' "$SECONDS" "$passed" "$failed" "$skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
