#!/usr/bin/env bash
# Holds that no dependency points up (README.md, folders): by what each file includes, by what the objects of the built
# release leave open, and with --build by building each layer with only the layers below it (minutes). Needs no git: an
# unpacked archive is held to the same rules.
set -euo pipefail
cd "$(dirname "$0")/.."
case ${1:-} in "" | --build) ;; *) echo "layers: unexpected '$1': expected --build or nothing" >&2; exit 2 ;; esac

fail() {
    echo "layers: $*" >&2
    exit 1
}

# Every include of a folder as path:line:include. A folder in which none is found was not looked at, whatever grep says.
includes_of() { # folder
    grep -rnE --include='*.[chS]' '^[[:space:]]*#[[:space:]]*include' "$1" || fail "no include found in $1: is it there?"
}

# <...> is the system's or a library's unless it names a folder of ours; "..." is ours, from the root, without detours.
allowed() { # folder, regular expression of the folders that its includes may begin with
    local seen upwards
    seen=$(includes_of "$1")
    upwards=$(grep -E 'include[[:space:]]*("|<(transport|sim|harness|bench)/|[^[:space:]<"])|\.\./' <<<"$seen" |
        grep -vE "include[[:space:]]*[\"<]($2)/([^.]|\.[^.])*[\">]" || true)
    [ -z "$upwards" ] || fail $'includes upwards:\n'"$upwards"
}
allowed transport 'transport'
allowed sim 'transport|sim'
allowed harness 'transport|sim|harness'
allowed bench 'transport|sim|harness|bench'

# The debugger and the monitor judge the transport, so they must not be made of it: of all that the compiler reads for
# them, only the status names may be the transport's.
for folder in harness/dbg harness/monitor; do
    for source in "$folder"/*.c; do
        read_for_it=$("${CC:-cc}" -MM -I. "$source") || fail "$source: what it includes cannot be told"
        shared=$(grep -oE 'transport/[^ ]*' <<<"$read_for_it" | grep -vx 'transport/kd/kd_status\.h' || true)
        [ -z "$shared" ] || fail "$source must not share the transport's code: $shared"
    done
done

# Nor may the judges of the guest's conduct at its ports know either end of them: what is read for them is the vocabulary of
# exits, and no device, machine, kernel or transport beside that.
for source in harness/oracle/oracle_backdoor.c harness/oracle/oracle_doorbell.c; do
    read_for_it=$("${CC:-cc}" -MM -I. "$source") || fail "$source: what it includes cannot be told"
    shared=$(grep -oE '(transport|sim/(device|machine|kernel))/[^ ]*' <<<"$read_for_it" |
        grep -vxE 'transport/kd/kd_status\.h|sim/device/sim_exit\.h' || true)
    [ -z "$shared" ] || fail "$source must not share code with the ends that it judges: $shared"
done

mapfile -t parts < <(sed -n '/^set(FASTKD_ALL_PARTS/,/)/p' CMakeLists.txt | tr -s ' )' '\n\n' | grep /\\\|^bench)
[ "${#parts[@]}" -gt 1 ] || fail "CMakeLists.txt: no FASTKD_ALL_PARTS found"
# What an object leaves open must not be found first above its own layer.
# The commands that upper folders add to kdharness (__/ in its objects) are theirs.
symbols() { # every global symbol: the layer's number and name, what nm calls its kind, its name
    local i
    for i in "${!parts[@]}"; do
        find "build/${parts[i]}" -name '*.o' ! -path '*/__/*' -exec nm -g --no-demangle {} + |
            awk -v i="$i" -v part="${parts[i]}" 'NF >= 2 && $NF !~ /:$/ {print i, part, $(NF - 1), $NF}'
    done
}
ci/build.sh release
upwards=$(symbols | awk '
    $3 != "U" && (!($4 in lowest) || $1 < lowest[$4]) {lowest[$4] = $1; owner[$4] = $2}
    $3 == "U" {open[$1 " " $2 " " $4] = 1; seen++}
    END {
        if (seen == 0) print "no object leaves anything open: is the release built?"
        for (key in open) {
            split(key, at, " ")
            if (at[3] in lowest && lowest[at[3]] > at[1]) print at[2] " needs " at[3] " of " owner[at[3]]
        }
    }')
[ -z "$upwards" ] || fail $'calls upwards:\n'"$upwards"
[ "${1:-}" = --build ] || exit 0

built=""
for part in "${parts[@]}"; do
    built="${built:+$built;}$part"
    echo "layers: $part"
    cmake -S . -B build/layers -G Ninja -DCMAKE_BUILD_TYPE=Debug -DFASTKD_PARTS="$built" >/dev/null
    cmake --build build/layers >/dev/null
done
