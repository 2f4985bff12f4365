#!/usr/bin/env bash
# make report: the workloads over every link and both sweeps, simulated; codec, real machine and whole commands, measured;
# then the report. Everything goes to results/latest, or to the folder given.
set -euo pipefail
cd "$(dirname "$0")/.."
out=${1:-results/latest}
if ! mkdir -p "$out" 2>/dev/null || [ ! -w "$out" ]; then
    echo "report: $out: cannot be written; expected a folder that can be created and written" >&2
    exit 1
fi
rm -rf "$out"/*.json "$out"/emu-*

build/bin/kdbench run --out "$out"
for sweep in exit-cost message-size; do
    echo
    build/bin/kdbench sweep "$sweep" --out "$out"
done
for arch in x64 x86; do
    build/bin/kdbench run --machine emu --arch $arch --quick --out "$out/emu-$arch" >/dev/null
done
echo
build/bin/kdbench micro --out "$out"

echo
echo "A real guest on KVM, real sockets, the relay's code (measured):"
ci/live-bench.sh kvm "$out" || [ $? -eq 77 ]

echo
echo "Whole commands (hyperfine, measured):"
hyperfine --warmup 1 --runs 10 --style basic --export-json "$out/hyperfine.json" \
    --command-name "kdbench run --quick, all links and workloads" "build/bin/kdbench run --quick" \
    --command-name "kdharness run work/attach, both links and architectures" "build/bin/kdharness run --once work/attach" \
    2>"$out/hyperfine.log" | grep -E '^(Benchmark|  Time)' | sed 's/^Benchmark [0-9]*: /  /' ||
    { cat "$out/hyperfine.log" >&2; exit 1; }
rm -f "$out/hyperfine.log"

ci/source.sh >"$out/source.json"
/usr/bin/python3 bench/report.py "$out"
echo
echo "Written to $out: report.html, report.md, the pictures, and every figure as JSON"
