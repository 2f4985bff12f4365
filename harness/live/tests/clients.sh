#!/usr/bin/env bash
# Independent clients (harness/clients) against live targets, many at once: nearly all of their time is waiting.
#   conversation   the whole of it on both links, over both kinds of socket, with both architectures
#   quirks         the whole conversation with each odd habit, on both links
#   storm          500 connects to 16 targets that walk out at random places, over links, addresses and architectures; then a whole
#                  conversation; no descriptor and no memory may be left
#   kvm            the whole conversation with a real KVM guest, x64, on the backdoor
#   thousand       1,000 connects of one client after the other at one target
# Usage: clients.sh conversation|quirks|storm|thousand|kvm KDHARNESS [sanitized]     sanitized: memory is the sanitizer's business, not ours
# Exit code: 0; 1: a client or a target failed, and it says which; 77: lua-socket, or /dev/kvm, is missing.
set -uo pipefail
mode=$1 kdharness=$2 sanitized=${3:-}
clients=$(cd "$(dirname "$0")/../../clients" && pwd)
lua5.4 -e 'require "socket.unix"' 2>/dev/null || { echo "SKIP: lua5.4 with lua-socket is not installed"; exit 77; }
export TMPDIR
TMPDIR=$(mktemp -d)
trap 'rm -rf "$TMPDIR"' EXIT

PATIENCE=40 TURNS=1500 TURN_SECONDS=0.02 GROWTH_KB_MAX=2048

until_true() { # condition...
    local turn
    for ((turn = 0; turn < TURNS; turn++)); do
        "$@" && return 0
        sleep $TURN_SECONDS
    done
    return 1
}
says() { grep -q "$2" "$1" 2>/dev/null; } # log, words
gone() { ! kill -0 "$1" 2>/dev/null; }
resident_kb() { awk '/^VmRSS/ {print $2}' "/proc/$1/status"; }
descriptors() { find "/proc/$1/fd" -mindepth 1 | wc -l; }
has_descriptors() { [ "$(descriptors "$1")" -eq "$2" ]; }

# Runs one client against a target of its own: name, address of the target, its options, client, its options.
row() {
    local name=$1 address=$2 options=$3 client=$4 client_options=$5 log=$TMPDIR/$1.target pid fds kb grown code=0
    [ "$address" != unix ] || address=unix:$TMPDIR/$name
    # shellcheck disable=SC2086
    "$kdharness" target --listen "$address" $options >"$log" 2>&1 &
    pid=$!
    until_true says "$log" '^others: ' || { echo "$name: the target does not listen: $(cat "$log")"; return 1; }
    [[ $options == *serial* ]] || until_true says "$log" 'VM said hello' # its connection counts
    fds=$(descriptors $pid) kb=$(resident_kb $pid)
    # shellcheck disable=SC2086
    lua5.4 "$clients/$client.lua" "$(sed -n 's/^others: KDCOM frames over \([^,]*\).*/\1/p' "$log")" \
        --patience $PATIENCE $client_options >"$TMPDIR/$name.client" 2>&1 || code=1
    [ $code -eq 0 ] || { echo "$name: $(tail -n 3 "$TMPDIR/$name.client")"; echo "$name: $(tail -n 5 "$log")"; }
    if gone $pid; then
        echo "$name: the target ended: $(tail -n 5 "$log")"
        return 1
    fi
    until_true has_descriptors $pid "$fds" || { echo "$name: $fds descriptors became $(descriptors $pid)"; code=1; }
    grown=$(($(resident_kb $pid) - kb))
    if [ -z "$sanitized" ] && [ $grown -gt $GROWTH_KB_MAX ]; then
        echo "$name: the target grew by $grown KiB"
        code=1
    fi
    kill -INT $pid
    wait $pid || { echo "$name: the target ended with $?: $(tail -n 30 "$log")"; code=1; }
    [ $code -ne 0 ] || echo "$name: $(tail -n 1 "$TMPDIR/$name.client"); $fds descriptors, $grown KiB grown"
    return $code
}

rows=() failed=0
start() {
    row "$@" &
    rows+=($!)
}
finish() {
    local pid
    for pid in "${rows[@]}"; do wait "$pid" || failed=1; done
    rows=()
}

case $mode in
kvm)
    code=0
    said=$("$kdharness" run --machine kvm --arch x64 --link backdoor boot/relay-absent 2>&1 >/dev/null) || code=$?
    [ $code -ne 77 ] || { echo "$said"; exit 77; }
    start kvm.unix unix "--machine kvm" conversation "--expect-arch x64"
    start kvm.tcp tcp:127.0.0.1:0 "--machine kvm" conversation "--expect-arch x64"
    finish
    ;;
conversation)
    for arch in x64 x86; do
        for link in backdoor serial; do
            start "$link.unix.$arch" unix "--link $link --arch $arch" conversation "--expect-arch $arch"
            start "$link.tcp.$arch" tcp:127.0.0.1:0 "--link $link --arch $arch" conversation "--expect-arch $arch"
        done
    done
    finish
    ;;
quirks)
    mapfile -t quirks < <(sed -n 's/^    \["\(.*\)"\] = .*/\1/p' "$clients/kdclient.lua")
    [ ${#quirks[@]} -gt 0 ] || { echo "kdclient.lua names no quirks"; exit 1; }
    for quirk in "${quirks[@]}"; do
        start "$quirk.backdoor" unix "--link backdoor --arch x86" conversation "--quirk $quirk --expect-arch x86"
        start "$quirk.serial" tcp:127.0.0.1:0 "--link serial --arch x64" conversation "--quirk $quirk --expect-arch x64"
    done
    finish
    ;;
storm)
    for seed in 1 2; do
        for arch in x64 x86; do
            start "backdoor.unix.$arch.$seed" unix "--link backdoor --arch $arch" storm "--connects 60 --seed $seed"
            start "backdoor.tcp.$arch.$seed" tcp:127.0.0.1:0 "--link backdoor --arch $arch" storm "--connects 40 --seed 1$seed"
            start "serial.unix.$arch.$seed" unix "--link serial --arch $arch" storm "--connects 13 --seed 2$seed"
            start "serial.tcp.$arch.$seed" tcp:127.0.0.1:0 "--link serial --arch $arch" storm "--connects 12 --seed 3$seed"
        done
    done
    finish
    ;;
thousand)
    start thousand unix "--link backdoor --arch x64" storm "--connects 1000 --seed 5"
    finish
    ;;
*)
    echo "usage: clients.sh conversation|quirks|storm|thousand KDHARNESS [sanitized]" >&2
    exit 2
    ;;
esac
if [ -n "$(find "$TMPDIR" -mindepth 1 -not -name '*.target' -not -name '*.client')" ]; then
    echo "the targets left behind: $(ls "$TMPDIR")"
    failed=1
fi
exit $failed
