#!/usr/bin/env bash
# Goal:   the report of one run is the same bytes twice (that two runs are is test_kdbench's), has every link and workload,
#         needs nothing from elsewhere, and bad input is refused in one line.
# Usage:  report_same.sh KDBENCH REPORT_PY
set -euo pipefail
kdbench=$1 report=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
fail() { echo "report_same: $*" >&2; exit 1; }

"$kdbench" run --quick --out "$folder/1" >/dev/null
"$kdbench" sweep exit-cost --out "$folder/1" >/dev/null
"$kdbench" sweep message-size --out "$folder/1" >/dev/null
cp -r "$folder/1" "$folder/2"
for turn in 1 2; do
    /usr/bin/python3 -W error "$report" "$folder/$turn"
done
diff -r "$folder/1" "$folder/2" >/dev/null || fail "two reports differ: $(diff -rq "$folder/1" "$folder/2")"

page=$folder/1/report.html
for kind in links workloads; do
    while read -r name _; do
        grep -q "$name" "$page" || fail "$name is not in the report"
    done < <("$kdbench" list "$kind")
done
grep -q 'comes later' "$page" || fail "the reserved link is not shown as such"
grep -Pqi '(src|href)="?(https?:|//)|url\((?!#)|@import' "$page" && fail "the page asks for something from elsewhere"
grep -Eq '\b(nan|inf|None)\b' "$folder/1/report.md" && fail "a figure is no number"

for spoilt in aims.json bench.json; do
    echo '{' >"$folder/1/$spoilt"
    /usr/bin/python3 "$report" "$folder/1" 2>"$folder/said" && fail "a spoilt $spoilt was taken"
    [ "$(wc -l <"$folder/said")" -eq 1 ] && grep -q "$spoilt" "$folder/said" || fail "refused in other words: $(cat "$folder/said")"
    cp "$folder/2/$spoilt" "$folder/1/$spoilt"
done
echo "same bytes twice, complete, self-contained"
