#!/usr/bin/env bash
# Goal:   where /dev/kvm is none, every command that is told --machine kvm says so in TAP and on stderr, and ends with 77.
# Method: a mount namespace of our own in which something else lies over the device.
# Usage:  kvm_missing.sh KDHARNESS
set -euo pipefail
kdharness=$1
hide='[ ! -e /dev/kvm ] || mount --bind /dev/zero /dev/kvm'
unshare -rm bash -c "$hide" 2>/dev/null || { echo "SKIP: no namespace can be made here to hide /dev/kvm in"; exit 77; }

missing() { # what stdout must be; command...
    local want=$1 said code=0
    shift
    said=$(unshare -rm bash -c "$hide; exec \"\$@\"" - "$kdharness" "$@" --machine kvm 2>/tmp/kvm_missing.$$) || code=$?
    local errors
    errors=$(cat /tmp/kvm_missing.$$)
    rm -f /tmp/kvm_missing.$$
    [ $code -eq 77 ] || { echo "$*: exit code $code"; exit 1; }
    [[ $said == $want ]] || { echo "$*: said '$said'"; exit 1; }
    [[ $errors == *"--machine kvm: SKIPPED, it cannot be had here: /dev/kvm"* ]] || { echo "$*: stderr '$errors'"; exit 1; }
}
missing '1..0 # SKIP no kvm machine here: /dev/kvm*' run boot/cold-boot-attached
missing '1..0 # SKIP *' swarm --seeds 1:2
missing '1..0 # SKIP *' exhaust --link backdoor
missing '1..0 # SKIP *' target --listen tcp:127.0.0.1:0
echo "said aloud by run, swarm, exhaust and target"
