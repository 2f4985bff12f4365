#!/usr/bin/env bash
# Each patch in ci/mutants/ breaks one rule. Applies them one at a time to a copy of the tree, builds, runs the tests,
# and demands that at least one goes red. Prints which test caught it. ci/mutants.sh [NAME...] plays only those.
set -euo pipefail
cd "$(dirname "$0")/.."
ci/deps.sh
root=$PWD
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
git ls-files -z --cached --others --exclude-standard | grep -zv '^results/' | xargs -0 cp --parents -t "$copy"
cd "$copy"
cmake -S . -B build -G Ninja -DCMAKE_BUILD_TYPE=Release >/dev/null
cmake --build build >/dev/null

survived=0 count=0
for patch in "$root"/ci/mutants/*.patch; do
    name=$(basename "$patch" .patch)
    if [ $# -gt 0 ] && [[ " $* " != *" $name "* ]]; then
        continue
    fi
    count=$((count + 1))
    patch -s -p1 <"$patch" || { echo "mutants: $name no longer applies" >&2; exit 1; }
    if ! cmake --build build >build.log 2>&1; then
        echo "mutants: $name does not build" >&2
        tail -20 build.log >&2
        exit 1
    fi
    if ctest --test-dir build -j "$(nproc)" --timeout 60 >test.log 2>&1; then
        printf '%-28s SURVIVED\n' "$name"
        survived=$((survived + 1))
    else
        caught=$(sed -n '/(Skipped)/d; s/^\t *[0-9]* - \([^ ]*\) (.*/\1/p' test.log)
        printf '%-28s caught by %s tests, first %s\n' "$name" "$(wc -l <<<"$caught")" "$(head -1 <<<"$caught")"
    fi
    patch -s -R -p1 <"$patch"
done
if [ "$count" -eq 0 ]; then
    echo "mutants: no such patch in ci/mutants" >&2
    exit 2
fi
printf '%d mutants, %d survived\n' "$count" "$survived"
[ "$survived" -eq 0 ]
