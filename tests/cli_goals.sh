#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tools/goals.sh: the chart and the table of docs are what the records say; a small run makes records that are drawn; bad options.
set -eu
source=$(realpath "$2")
. "$(dirname -- "$0")/expect.sh"
unset QD_DEVICE || true
export QDISTILL="$qd"
goals=$source/tools/goals.sh

# What stands in docs is drawn from the records that are in the repository.
sh "$goals" --draw --svg "$dir/again.svg" >"$dir/table"
cmp "$dir/again.svg" "$source/docs/efficiency.svg" || say "docs/efficiency.svg is not drawn from bench/baselines/goals"
awk '/^```/ { on = !on; n += on; next } on && n == 2' "$source/docs/efficiency.md" >"$dir/page"
sed '$d' "$dir/table" | cmp - "$dir/page" || say "docs/efficiency.md is not the table of bench/baselines/goals"
[ "$(ls "$source"/bench/baselines/goals | wc -l)" = 30 ] || say "not 30 records"
# Every record says which frames it rests on.
for r in "$source"/bench/baselines/goals/*.json; do
    grep -q '"seed": 2001,' "$r" && grep -q '"study": "reconcile"' "$r" && grep -q '"status": "ok"' "$r" || say "$r is no record of the study"
done
# A figure of a record moves the mark and the table.
cp -r "$source/bench/baselines/goals" "$dir/changed"
awk '/"efficiency": [{]/ { print; getline; sub(/[0-9.]+/, "1.2345") } { print }' "$source/bench/baselines/goals/D-0.03.json" >"$dir/changed/D-0.03.json"
rm "$dir/changed/B-0.05.json"
sh "$goals" --draw --records "$dir/changed" --svg "$dir/changed.svg" >"$dir/changed.table"
cmp -s "$dir/changed.svg" "$dir/again.svg" && say "another efficiency draws the same"
grep -q '3 %   1.045    1.2345' "$dir/changed.table" || say "another efficiency prints the same"
grep -q '5 %    1.21  not measured' "$dir/changed.table" || say "a record that is not there"

# A small run.
expect 0 'one syndrome, 5G' sh "$goals" --only BD --frames 16 --records "$dir/small" --svg "$dir/small.svg"
[ "$(ls "$dir/small")" = "$(for c in B D; do for q in 0.01 0.02 0.03 0.05 0.08 0.11; do echo "$c-$q.json"; done; done)" ] || say "records: $(ls "$dir/small")"
grep -q '"frames": 16' "$dir/small/B-0.05.json" && grep -q '"frames": 2' "$dir/small/D-0.05.json" || say "frames of a small run"
[ "$(grep -c '<title>' "$dir/small.svg")" -ge 24 ] || say "a small run is not drawn"

expect 2 'is no option' sh "$goals" --long
expect 2 'number from 1' sh "$goals" --frames 0
expect 2 'number from 1' sh "$goals" --frames 1e3
expect 2 'letters of AIBCD' sh "$goals" --only E
expect 2 'needs a value' sh "$goals" --only
QDISTILL=$dir/none expect 5 'there is no program' sh "$goals" --records "$dir/none" --svg "$dir/none.svg"
[ ! -e "$dir/none.svg" ] || say "a chart without a program"
[ $fails = 0 ]
