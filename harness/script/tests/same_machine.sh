#!/usr/bin/env bash
# Goal:  a scenario has on another machine the very history that it has on the native one.
# Usage: same_machine.sh MACHINE KDHARNESS SELECTION      SELECTION: x64, x86: what a window of make check has time for
# Exit code: 0; 1 with the scenarios that differ; 77 where the machine cannot be had, with the reason.
set -euo pipefail
machine=$1 kdharness=$2 selection=$3
scenarios=$(cd "$(dirname "$0")/../../scenarios" && pwd)

# Over half a second of processor time each on a software KVM: 10,000 exits and more, or thousands of ticks.
long='channel-table-full|cookie-forgotten|checkpoint-at-each-call|hostile-vmm|low-bandwidth-only|inside-print-flood'
long+='|at-each-event|relay-restarted|triple-fault|two-hundred-boots|flip-payload|flip-each-bit|lose-every-pair|percent-loss'
long+='|reset-bounce|dump-16-MiB|file-io-across|print-flood|step-1000|read-across-page-end'

plays=()
case $selection in
x64)
    mapfile -t files < <(find "$scenarios" -name '*.lua' | grep -v /selftest/ | grep -vE "$long" | sort)
    plays=("--arch x64 --link backdoor ${files[*]}" "--arch x64 --link serial boot/cold-boot-attached break-in/stop-and-look")
    ;;
x86) # instruction by instruction on a software KVM
    plays=("--arch x86 --link backdoor boot/cold-boot-attached break-in/stop-and-look loss/lost-ack-no-double-delivery")
    ;;
*) echo "same_machine: no selection $selection" >&2; exit 1 ;;
esac

# Without the machine's name, which only one side has.
histories() { grep -E '^(ok|not ok)' | sed "s/ $machine\]/]/"; }

count=0
for play in "${plays[@]}"; do
    # shellcheck disable=SC2086 # words
    here=$("$kdharness" run --machine "$machine" $play) || { code=$?; echo "$here" | grep -vE '^ok|^1\.\.' | head -30; [ $code -eq 77 ] && exit 77; exit 1; }
    # shellcheck disable=SC2086
    native=$("$kdharness" run $play)
    diff <(histories <<<"$native") <(histories <<<"$here") || { echo "same_machine: native (<) and $machine (>) differ"; exit 1; }
    count=$((count + $(histories <<<"$here" | grep -c 'hash=')))
done
[ $count -gt 0 ] || { echo "same_machine: nothing was played" >&2; exit 1; }
echo "$count histories are the same on native and $machine"
