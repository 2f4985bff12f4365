#!/usr/bin/env bash
# Configures and builds one preset quietly: ci/build.sh release|dev|asan|clang [target...]
set -euo pipefail
cd "$(dirname "$0")/.."
preset=${1:?usage: ci/build.sh PRESET [TARGET...]}
shift
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { cmake --preset "$preset" && cmake --build --preset "$preset" ${1:+--target "$@"}; } >"$log" 2>&1; then
    cat "$log" >&2
    echo "build: preset $preset failed" >&2
    exit 1
fi

