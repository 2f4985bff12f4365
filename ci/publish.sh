#!/usr/bin/env bash
# make publish: the last report becomes the published one. It must be of the present sources.
set -euo pipefail
cd "$(dirname "$0")/.."
from=results/latest to=results/published/bench
tree() { sed -n 's/.*"tree": "\([0-9a-f]*\)".*/\1/p'; }
if [ ! -f "$from/report.html" ]; then
    echo "publish: $from: no report; expected what make report writes" >&2
    exit 1
fi
if [ "$(tree <"$from/source.json")" != "$(ci/source.sh | tree)" ]; then
    echo "publish: $from: is of other sources than these; expected a fresh make report" >&2
    exit 1
fi
rm -rf "$to"
mkdir -p "$to"
for arch in x64 x86; do
    mkdir "$to/emu-$arch"
    cp "$from/emu-$arch/bench.json" "$to/emu-$arch/"
done
cp "$from"/*.json "$from"/*.svg "$from/report.md" "$from/report.html" "$to/"
echo "Published in $to: commit it"
