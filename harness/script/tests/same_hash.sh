#!/bin/sh
# The same seed is the same history: `again` in two processes, `fixed_addresses` with address-space randomisation
# and without. Usage: same_hash.sh again|fixed_addresses KDHARNESS
set -eu
way=$1
kdharness=$2
play() { # prefix...
    "$@" "$kdharness" run --once --seed 7 boot/cold-boot-attached loss/lost-ack-no-double-delivery work/step-1000 |
        grep -o '[a-z/0-9-]* \[[a-z0-9 ]*\] hash=[0-9a-f]*'
}

if [ "$way" = fixed_addresses ]; then
    if ! setarch -R true 2>/dev/null; then
        echo "skipped: setarch -R is not permitted here"
        exit 77
    fi
    other=$(play setarch -R)
else
    other=$(play env)
fi
want=$(play env)
echo "$want"
if [ -z "$want" ] || [ "$want" != "$other" ]; then
    echo "not the same hashes:"
    echo "$other"
    exit 1
fi
