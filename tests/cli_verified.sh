#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tools/verified.sh: a small run makes records, and the table says what is in them; one that is stopped goes on; the records in the repository
# are of whole runs; bad options.
set -eu
source=$(realpath "$2")
. "$(dirname -- "$0")/expect.sh"
unset QD_DEVICE || true
export QDISTILL="$qd"
verified=$source/tools/verified.sh

# Two points, one after the other and at a time, are the same; large-block codes have a hundredth of the frames.
expect 0 'refused' sh "$verified" --only nr-smallest,cascade-original --frames 160 --records "$dir/one"
[ "$(ls "$dir/one")" = "$(printf 'cascade-original.json\nnr-smallest.json')" ] || say "records: $(ls "$dir/one")"
expect 0 'refused' sh "$verified" --only nr-smallest,cascade-original --frames 160 --records "$dir/two" --jobs 2
sh "$verified" --only nr-smallest,cascade-original --table --records "$dir/one" >"$dir/one.table"
sh "$verified" --only nr-smallest,cascade-original --table --records "$dir/two" | cmp - "$dir/one.table" || say "two points at a time differ"
expect 0 'refused' sh "$verified" --only large-5 --frames 100 --records "$dir/large"
grep -q '"frames": 1,' "$dir/large/large-5.json" || say "frames of a large code"

# The table's figures are the record's.
json=$dir/one/nr-smallest.json
value() { grep -A1 "\"$1\": {" "$json" | sed -n 's/.*"value": \([0-9]*\).*/\1/p'; }
[ "$(value undetected)" -gt 0 ] || say "nothing is left to find"
[ "$(awk '$1 == "nr-smallest" { print $5, $6, $7, $8, $9, $10, $11, $13 }' "$dir/one.table")" = \
    "160 $(value undetected) 20 55 $(value strings_wrong) $(value strings_caught) $(value undetected_after_tag) 0" ] ||
    say "the table: $(cat "$dir/one.table")"
grep -q 'not measured' "$dir/one.table" && say "points that were not asked for"
[ "$(sh "$verified" --table --records "$dir/none" | grep -c 'not measured')" = 25 ] || say "not 25 points"

# A run that is stopped keeps its state, and its status is the script's.
printf '#!/bin/sh\nfor a; do case $last in --state) echo kept >"$a" ;; esac; last=$a; done\nexit 75\n' >"$dir/stopped"
chmod +x "$dir/stopped"
QDISTILL=$dir/stopped expect 75 'nr-3: 10 frames' sh "$verified" --only nr-3,nr-5 --frames 10 --records "$dir/part"
[ "$(ls "$dir/part")" = nr-3.state ] || say "a run that was stopped left: $(ls "$dir/part")"

# What stands in the repository: whole runs in which the tag found all that was left, but for tags that are too short.
for r in "$source"/bench/baselines/verified/*.json; do
    [ -e "$r" ] || continue
    grep -q '"seed": 3001,' "$r" && grep -q '"verify"' "$r" && grep -q '"status": "ok"' "$r" || say "$r is no record of verification"
    case $r in
        */short-tag.json) ;;
        *) [ "$(grep -A1 -E '"(undetected_after_tag|strings_refused)": [{]' "$r" | grep -c '"value": 0.0')" = 2 ] || say "$r: an error is left" ;;
    esac
done

expect 2 'is no option' sh "$verified" --long
expect 2 'number from 1' sh "$verified" --frames 0
expect 2 'number from 1' sh "$verified" --jobs x
expect 2 'is no point' sh "$verified" --only nr-4
expect 2 'needs a value' sh "$verified" --records
QDISTILL=$dir/none expect 5 'there is no program' sh "$verified" --records "$dir/none"
[ $fails = 0 ]
