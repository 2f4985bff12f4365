#!/usr/bin/env bash
# Builds each layer with only the layers below it, so that no dependency can point up (README.md, folders).
set -euo pipefail
cd "$(dirname "$0")/.."
mapfile -t parts < <(sed -n '/^set(FASTKD_ALL_PARTS/,/)/p' CMakeLists.txt | tr -s ' )' '\n\n' | grep /\\\|^bench)
built=""
for part in "${parts[@]}"; do
    built="${built:+$built;}$part"
    echo "layers: $part"
    cmake -S . -B build/layers -G Ninja -DFASTKD_PARTS="$built" >/dev/null
    cmake --build build/layers >/dev/null
done

# A header may be included from its own layer and those below; transport sees nothing but itself.
allowed() { # folder, regular expression of what its includes may begin with
    if git grep -nE '#include "' -- "$1" | grep -vE "#include \"($2)/"; then
        echo "layers: $1 includes upwards" >&2
        exit 1
    fi
}
allowed transport 'transport'
allowed sim 'transport|sim'
allowed harness 'transport|sim|harness'
allowed bench 'transport|sim|harness|bench'
if git grep -nE '#include "transport/kd/' -- harness/dbg | grep -v kd_status.h; then
    echo "layers: the fake debugger must not share the transport's code" >&2
    exit 1
fi
