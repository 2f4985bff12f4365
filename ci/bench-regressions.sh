#!/usr/bin/env bash
# make bench-regressions: each patch of bench/tests/regressions/ makes one exact figure worse. Applies them one at a time to a
# copy of the tree, and demands that the gate fails and names the figure that the patch says.
# ci/bench-regressions.sh [NAME...] plays only those.
set -euo pipefail
cd "$(dirname "$0")/.."
ci/deps.sh
root=$PWD
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
git ls-files -z --cached --others --exclude-standard | grep -zv '^results/' | xargs -0 cp --parents -t "$copy"
cd "$copy"

build() {
    cmake --build build --target kdbench >build.log 2>&1 || { tail -20 build.log >&2; echo "bench-regressions: $1 does not build" >&2; exit 1; }
}
gate() { build/bin/kdbench gate --run run --baseline baseline.json; }

cmake -S . -B build -G Ninja -DCMAKE_BUILD_TYPE=Release >/dev/null
build "the tree"
build/bin/kdbench run --quick --out run >/dev/null
build/bin/kdbench baseline --run run --baseline baseline.json
gate || { echo "bench-regressions: the tree is worse than itself" >&2; exit 1; }

missed=0 count=0
for patch in "$root"/bench/tests/regressions/*.patch; do
    name=$(basename "$patch" .patch)
    if [ $# -gt 0 ] && [[ " $* " != *" $name "* ]]; then
        continue
    fi
    count=$((count + 1))
    patch -s -p1 <"$patch" || { echo "bench-regressions: $name no longer applies" >&2; exit 1; }
    build "$name"
    build/bin/kdbench run --quick --out run >/dev/null
    read -r workload link figure < <(sed -n 's/^names: //p' "$patch")
    if gate >gate.log; then
        echo "$name: MISSED, the gate passed"
        missed=$((missed + 1))
    elif line=$(grep -E "^WORSE +$workload +$link +native x64 +$figure " gate.log); then
        printf '%-26s caught: %s (and %d more figures)\n' "$name" "$(tr -s ' ' <<<"$line")" "$(($(grep -c ^WORSE gate.log) - 1))"
    else
        echo "$name: MISSED, $workload over $link, $figure, is not named"
        missed=$((missed + 1))
    fi
    patch -s -R -p1 <"$patch"
done
if [ "$count" -eq 0 ]; then
    echo "bench-regressions: no such patch in bench/tests/regressions" >&2
    exit 2
fi
printf '%d regressions, %d missed\n' "$count" "$missed"
[ "$missed" -eq 0 ]
