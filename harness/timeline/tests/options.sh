#!/bin/sh
# --timeline and --timeline=svg FILE, together and apart, between other arguments; bad input is refused in one line.
# Usage: options.sh KDHARNESS
set -eu
kdharness=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
story=boot/cold-boot-attached

fail() {
    echo "options: $1"
    exit 1
}

"$kdharness" run "$story" --timeline=svg "$work/a.svg" --link serial --arch x86 --timeline --once >"$work/tap"
grep -q '^ok 1 ' "$work/tap" || fail "the scenario was not played"
[ "$(grep -c "^$story \[serial x86\] seed 1\$" "$work/tap")" = 1 ] || fail "not one ladder as text"
[ "$(grep -c ">$story \[serial x86\] seed 1<" "$work/a.svg")" = 1 ] || fail "not one ladder in the picture"
[ "$(tail -n 1 "$work/a.svg")" = '</svg>' ] || fail "the picture does not end"

"$kdharness" run "$story" --timeline=svg "$work/b.svg" >"$work/tap"
[ "$(grep -c ">$story \[" "$work/b.svg")" = 4 ] || fail "not both links and architectures in one picture"
[ "$(grep -cv -e '^1\.\.' -e '^ok ' -e '^#' "$work/tap")" = 0 ] || fail "text although only the picture was wanted"

refused() { # words of the message, then arguments
    words=$1
    shift
    code=0
    "$kdharness" run "$@" >/dev/null 2>"$work/why" || code=$?
    [ "$code" = 2 ] || fail "$* ended with $code"
    [ "$(wc -l <"$work/why")" = 1 ] && grep -q "$words" "$work/why" || fail "$* was refused with: $(cat "$work/why")"
}
refused 'expected --timeline, or --timeline=svg FILE' --timeline=png "$story"
refused 'the file is missing' "$story" --timeline=svg
refused 'cannot be written' --timeline=svg "$work/no/such/folder.svg" "$story"
refused 'given twice' --timeline=svg "$work/a.svg" --timeline=svg "$work/b.svg" "$story"
