#!/usr/bin/env bash
# Goal: the DLLs depend on the sources and the compiler only: a second build in another folder has the same bytes.
# Use:  same_bytes.sh SOURCE-FOLDER BUILD-FOLDER
set -euo pipefail
source_folder=$1
build_folder=$2

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
copy=$work/another/place
mkdir -p "$copy"
cp -r "$source_folder/CMakeLists.txt" "$source_folder/transport" "$copy"
log=$work/log
if ! { cmake -S "$copy" -B "$work/out" -G Ninja -DFASTKD_PARTS="transport/kd;transport/guest" &&
       cmake --build "$work/out" --target kdfast -j 1; } >"$log" 2>&1; then
    cat "$log" >&2
    exit 1
fi
for arch in x64 x86; do
    first=$build_folder/guest/$arch/kdfast.dll
    second=$work/out/guest/$arch/kdfast.dll
    cmp "$first" "$second"
    if grep -aqF -e "$source_folder" -e "$build_folder" "$first"; then
        echo "$first holds a path of the machine that built it" >&2
        exit 1
    fi
    echo "$arch: $(stat -c %s "$first") bytes, twice the same"
done
