#!/usr/bin/env bash
# make gate: may the two DLLs of this build ship? Every rule of the gate over both, and the benchmark's exact figures, into
# one verdict: results/latest/gate.json for machines, gate.txt for people, and all that was printed in results/latest/gate/.
# Exit code 0: pass. --publish copies the verdict of the present sources to results/published/gate.
set -euo pipefail
cd "$(dirname "$0")/.."
latest=results/latest out=results/latest/gate archs=(x64 x86)

say() { echo "gate: $*" >&2; }

publish() {
    local to=results/published/gate tree
    tree=$(ci/source.sh | sed -n 's/.*"tree": "\([0-9a-f]*\)".*/\1/p')
    grep -qs "\"tree\": \"$tree\"" "$latest/gate.json" || { say "$latest/gate.json: none of these sources; expected a fresh make gate"; exit 1; }
    rm -rf "$to"
    mkdir -p "$to"
    cp "$latest/gate.json" "$latest/gate.txt" "$out"/*.txt "$to/"
    say "published in $to: commit it"
}
case ${1:-} in
    "") ;;
    --publish) publish; exit 0 ;;
    *) say "unexpected '$1': expected --publish or nothing"; exit 2 ;;
esac

begin=$(date +%s)
mkdir -p "$out"
rm -f "$out"/* "$latest/gate.json" "$latest/gate.txt"
failed=0

# The DLLs at the same time, a process each; the benchmark afterwards, alone.
pids=()
for arch in "${archs[@]}"; do
    build/bin/kdharness gate --stack-usage "build/mingw/kdfast/$arch" --keep "$out" --json "$out/$arch.json" \
        "build/guest/$arch/kdfast.dll" >"$out/$arch.txt" 2>"$out/$arch.err" &
    pids+=($!)
done
trap 'kill "${pids[@]}" 2>/dev/null || true' INT TERM
if [ -t 2 ]; then
    while kill -0 "${pids[@]}" 2>/dev/null; do
        printf '\r%d s: %s\033[K' "$(($(date +%s) - begin))" \
            "$(for arch in "${archs[@]}"; do printf '%s: %s rules  ' "$arch" "$(grep -cE '^  (pass|FAIL|skip)' "$out/$arch.txt" || true)"; done)" >&2
        sleep 1
    done
    printf '\r\033[K' >&2
fi
for pid in "${pids[@]}"; do wait "$pid" || failed=1; done
for arch in "${archs[@]}"; do
    cat "$out/$arch.err" >&2
    # A rule that could not be asked is no pass here.
    ! grep -q '^  skip' "$out/$arch.txt" || failed=1
    [ -s "$out/$arch.json" ] || { say "$arch: no findings"; failed=1; echo '{"dlls": []}' >"$out/$arch.json"; }
done
bench=pass
ci/bench-gate.sh --exact >"$out/bench.txt" 2>&1 || { bench=fail; failed=1; }

verdict=pass
[ "$failed" -eq 0 ] || verdict=fail
seconds=$(($(date +%s) - begin))
version() { "$@" 2>/dev/null | head -1 | tr -d '"\\'; }
{
    printf '{"format": "fastkd verdict 1", "verdict": "%s", "date": "%s", "seconds": %d,\n' "$verdict" \
        "$(date -u +%FT%TZ)" "$seconds"
    printf '"source": %s,\n' "$(ci/source.sh)"
    printf '"tools": {"gcc x64": "%s", "gcc x86": "%s", "ld": "%s", "unicorn": "%s"},\n' \
        "$(version x86_64-w64-mingw32-gcc-win32 --version)" "$(version i686-w64-mingw32-gcc-win32 --version)" \
        "$(version x86_64-w64-mingw32-ld --version)" "$(version pkg-config --modversion unicorn)"
    printf '"bench": {"verdict": "%s", "says": "%s"},\n' "$bench" "$(tail -1 "$out/bench.txt" | tr -d '"\\\t')"
    printf '"x64": %s,\n"x86": %s}\n' "$(cat "$out/x64.json")" "$(cat "$out/x86.json")"
} >"$latest/gate.json"
{
    echo "verdict: $verdict, $(date -u +%F), $seconds s, source tree $(ci/source.sh | sed -n 's/.*"tree": "\([0-9a-f]*\)".*/\1/p')"
    echo
    for arch in "${archs[@]}"; do cat "$out/$arch.txt"; echo; done
    echo "bench, exact figures: $bench: $(tail -1 "$out/bench.txt")"
} >"$latest/gate.txt"
cat "$latest/gate.txt"
rm -f "$out"/*.err "$out"/*.json
[ "$failed" -eq 0 ]
