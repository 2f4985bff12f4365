#!/usr/bin/env bash
# make bench-gate: the benchmark against results/baseline.json. An exact figure that got worse fails, a measured one warns.
# --exact leaves out what must be measured (make check); --renew shows what changed and makes it the baseline.
set -euo pipefail
cd "$(dirname "$0")/.."
kind=${1:-all}
case $kind in all | --exact | --renew) ;; *) echo "bench-gate: unexpected '$kind': expected --exact or --renew" >&2; exit 2 ;; esac

run=$(mktemp -d)
trap 'rm -rf "$run"' EXIT
for arch in x64 x86; do
    build/bin/kdbench run --machine emu --arch $arch --quick --out "$run/emu-$arch" >"$run/text-$arch"
done &
build/bin/kdbench run --out "$run" >"$run/text"
wait $!
[ "$kind" = --exact ] || build/bin/kdbench micro --out "$run" >/dev/null
if [ "$kind" = --renew ]; then
    build/bin/kdbench baseline --run "$run" --baseline results/baseline.json
    echo "results/baseline.json is renewed; git diff shows it once more"
else
    build/bin/kdbench gate --run "$run" --baseline results/baseline.json
fi
