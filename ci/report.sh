#!/usr/bin/env bash
# make report: the workloads over every link in one run, then the plot, then hyperfine over the harness itself.
# Everything goes to results/latest, or to the folder given.
set -euo pipefail
cd "$(dirname "$0")/.."
out=${1:-results/latest}
if ! mkdir -p "$out" 2>/dev/null || [ ! -w "$out" ]; then
    echo "report: $out: cannot be written; expected a folder that can be created and written" >&2
    exit 1
fi

build/bin/kdbench run --out "$out"
/usr/bin/python3 bench/plot.py "$out/bench.json" "$out"

echo
echo "Host time of the harness itself (hyperfine, this machine, measured):"
commands=()
while read -r link _; do
    commands+=(--command-name "$link" "build/bin/kdbench run --quick --link $link --workload bulk-read")
done < <(build/bin/kdbench list links)
hyperfine --warmup 1 --runs 5 --style basic --export-json "$out/hyperfine.json" "${commands[@]}" 2>"$out/hyperfine.log" |
    grep -E '^(Benchmark|  Time)' | sed 's/^Benchmark [0-9]*: /  /' || { cat "$out/hyperfine.log" >&2; exit 1; }
rm -f "$out/hyperfine.log"

echo
echo "Written to $out: bench.json, aims.json, speed.svg, speed.png, hyperfine.json"
