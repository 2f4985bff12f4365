#!/usr/bin/env bash
# Each patch in ci/mutants/ breaks one rule, and somebody must notice. Beside most of them lies its story, NAME.lua: the least
# that shows the break, shrunk from a seed of the swarm or cut out of a scenario. First every story must be green on the tree as
# it is; then each patch is applied to a copy of it, the copy is built, and its story must go red; a patch without a story must
# turn some test red. Prints who caught it. ci/mutants.sh [NAME...] plays only those.
set -euo pipefail
cd "$(dirname "$0")/.."
ci/deps.sh
root=$PWD
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
git ls-files -z --cached --others --exclude-standard | grep -zv '^results/' | xargs -0 cp --parents -t "$copy"
cd "$copy"
# Without the gate, whose own planted bugs are made of lines that some of these patches change, and what builds on it.
parts=$(sed -n '/^set(FASTKD_ALL_PARTS/,/)/p' CMakeLists.txt | tr -s ' )' '\n\n' | grep / | grep -vxE 'harness/(gate|clients)' | paste -sd ';')
cmake -S . -B build -G Ninja -DCMAKE_BUILD_TYPE=Release -DFASTKD_PARTS="$parts" >/dev/null

build() { # target...
    if ! cmake --build build ${1:+--target "$@"} >build.log 2>&1; then
        tail -20 build.log >&2
        return 1
    fi
}

# The seed that a story was found with stands in its second line; without one it is 1.
play() { # story: its report goes to play.tap
    local seed
    seed=$(sed -n 's/^-- Source: .*--seed \([0-9]*\) .*/\1/p' "$1")
    build/bin/kdharness run --once --seed "${seed:-1}" "$1" >play.tap 2>&1
}

chosen=()
for patch in "$root"/ci/mutants/*.patch; do
    name=$(basename "$patch" .patch)
    if [ $# -eq 0 ] || [[ " $* " == *" $name "* ]]; then
        chosen+=("$name")
    fi
done
if [ "${#chosen[@]}" -eq 0 ]; then
    echo "mutants: no such patch in ci/mutants" >&2
    exit 2
fi

build kdharness || { echo "mutants: the tree itself does not build" >&2; exit 1; }
for name in "${chosen[@]}"; do
    story=$root/ci/mutants/$name.lua
    [ -f "$story" ] || continue
    if ! play "$story"; then
        cat play.tap >&2
        echo "mutants: $name.lua is red without the patch" >&2
        exit 1
    fi
    if [ "$(wc -l <"$story")" -ge 15 ]; then
        echo "mutants: $name.lua has 15 lines or more" >&2
        exit 1
    fi
done

survived=0
for name in "${chosen[@]}"; do
    patch=$root/ci/mutants/$name.patch story=$root/ci/mutants/$name.lua caught=
    patch -s -p1 <"$patch" || { echo "mutants: $name no longer applies" >&2; exit 1; }
    if [ -f "$story" ]; then
        build kdharness || { echo "mutants: $name does not build" >&2; exit 1; }
        play "$story" || caught="its story: $(grep -m1 -A1 '^not ok' play.tap | sed -n '2s/^# [^ ]*: at [^:]*: //p')"
    else
        build || { echo "mutants: $name does not build" >&2; exit 1; }
        ctest --test-dir build -j "$(nproc)" --timeout 60 >test.log 2>&1 ||
            caught="tests, the first $(sed -n '/(Skipped)/d; s/^\t *[0-9]* - \([^ ]*\) (.*/\1/p' test.log | head -1)"
    fi
    printf '%-32s %s\n' "$name" "${caught:-SURVIVED}"
    [ -n "$caught" ] || survived=$((survived + 1))
    patch -s -R -p1 <"$patch"
done
printf '%d mutants, %d survived\n' "${#chosen[@]}" "$survived"
[ "$survived" -eq 0 ]
