#!/usr/bin/env bash
# The measured part that needs a guest: a live target for each link, all at once, and kdbench live over them.
# Usage: ci/live-bench.sh MACHINE OUT [kdbench live options]      MACHINE: kvm, or native to try the script
# Exit code 77, with a line that says why, where the machine is not to be had.
set -euo pipefail
cd "$(dirname "$0")/.."
machine=${1:?usage: ci/live-bench.sh MACHINE OUT} out=${2:?usage: ci/live-bench.sh MACHINE OUT}
shift 2
if [ "$machine" = kvm ] && { [ ! -r /dev/kvm ] || [ ! -w /dev/kvm ]; }; then
    echo "live-bench: skipped: /dev/kvm cannot be used here"
    exit 77
fi

folder=$(mktemp -d)
pids=()
finish() {
    [ ${#pids[@]} -eq 0 ] || kill -INT "${pids[@]}" 2>/dev/null || true
    wait
    rm -rf "$folder"
}
trap finish EXIT

# Name, link, and what makes the link that one; the first is what the others are compared with.
targets=()
while read -r name link settings; do
    # shellcheck disable=SC2086 # settings are words
    build/bin/kdharness target --machine "$machine" --link "$link" --listen "unix:$folder/$name" $settings \
        >"$folder/$name.log" 2>&1 &
    pids+=($!)
    targets+=("$name=unix:$folder/$name")
done <<'LINKS'
serial-115200 serial
uart-unthrottled serial --set uart=unpaced
backdoor-lb backdoor --set backdoor=vmware-LB-only
backdoor-hb backdoor
doorbell doorbell
LINKS

for target in "${targets[@]}"; do
    name=${target%%=*} turns=500
    until [ -S "$folder/$name" ]; do
        turns=$((turns - 1))
        if [ $turns -eq 0 ] || ! kill -0 "${pids[@]}" 2>/dev/null; then
            echo "live-bench: $name does not listen: $(cat "$folder/$name.log")" >&2
            exit 1
        fi
        sleep 0.02
    done
done
build/bin/kdbench live "${targets[@]}" --out "$out" "$@"
