#!/usr/bin/env bash
# What a report is made of, as JSON: the source tree's hash, which leaves results/ out so that a committed report is never
# stale by its own commit; and the machine, for what is measured.
set -euo pipefail
cd "$(dirname "$0")/.."

files() {
    git ls-files -z --cached --others --exclude-standard -- ':!results' | LC_ALL=C sort -zu
}
tree=$(files | while IFS= read -r -d '' file; do [ ! -f "$file" ] || sha256sum "$file"; done | sha256sum | cut -c 1-16)
cpu=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1)
compiler=$(sed -n 's/^CMAKE_C_COMPILER:[A-Z]*=//p' build/CMakeCache.txt)
printf '{"tree": "%s", "cpu": "%s", "kernel": "%s", "compiler": "%s"}\n' \
    "$tree" "${cpu:-unknown processor}, $(nproc) cores" "$(uname -sr)" "$("$compiler" --version | head -1 | tr -d '"\\')"
