#!/usr/bin/env bash
# make soak: seeds that nobody has played before, from the commit's hash on, for MINUTES (default 10) on all processors;
# then every fault at every place, single and in pairs; then every scenario, and 500 of the seeds on each link, on every machine
# that is here, and everything from every compiler. Says which seeds it used; results in build/soak.json.
set -euo pipefail
cd "$(dirname "$0")/.."
ci/build.sh release kdharness

first=$((16#$(git rev-parse --short=8 HEAD | cut -c 1-8)))
echo "soak: seeds from $first on, for ${MINUTES:-10} minutes"
failed=0
build/bin/kdharness swarm --seeds "$first:" --minutes "${MINUTES:-10}" --jobs "$(nproc)" --json build/soak.json || failed=1
build/bin/kdharness exhaust || failed=1
build/bin/kdharness exhaust --pairs || failed=1
echo "soak: every scenario, and 500 seeds on each link, on every machine: each equal to native's history"
build/bin/kdharness diff-machines harness/scenarios || failed=1
for link in backdoor doorbell serial; do
    build/bin/kdharness diff-machines --seeds "$first:$((first + 499))" --link "$link" || failed=1
done
ci/same-hash.sh --all || failed=1
exit "$failed"
