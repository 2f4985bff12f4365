#!/bin/sh
# No ladder of any scenario, on any link, is wider than 100 columns: on x64, whose addresses are the longer ones.
# Usage: columns.sh KDHARNESS SCENARIOS
set -eu
"$1" run --once --timeline --arch x64 "$2" |
    awk '/^(1\.\.|ok |not ok |#)/ { next }
         length($0) > 100 { print "too long: " $0; bad++ }
         { lines++ }
         END { print lines + 0 " lines"; exit bad > 0 || lines < 1000 }'
