#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Files of 20 GiB are looked into, converted and sifted in less than 1 GB of memory, and hold what the events in them say: recordings of two
# seconds in sixteen pieces, far from each other, in files that are holes else. A hole reads as records of zeros: padding.
set -u
qdistill=$1
scenario=$2/examples/scenarios/metro-fibre.yaml
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
bad=0
fail() { echo "FAIL: $*"; bad=1; }
limited() { "$QD_PEAK" 1000 "$qdistill" "$@"; }
same() { cmp -s "$1" "$2" || fail "$1 is not $2"; }
field() { sed -n "s/^ *\"$2\": \([0-9]*\),*$/\1/p" "$1" | head -n 1; }

"$qdistill" simulate "$scenario" --duration-s 2 --seed 7 --out "$dir/small" --device ref -q || exit 1
gib=$((1024 * 1024 * 1024))
for side in alice bob; do
    bytes=$(wc -c <"$dir/small/$side.a1")
    piece=$((bytes / 16 / 8 * 8 + 8))
    truncate -s $((20 * gib)) "$dir/$side.a1" || exit 77
    for i in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
        dd if="$dir/small/$side.a1" of="$dir/$side.a1" bs=1M conv=notrunc iflag=skip_bytes,count_bytes oflag=seek_bytes \
            skip=$((i * piece)) count=$piece seek=$((i * 5 * gib / 4 + 8 * i)) 2>/dev/null || exit 77
    done
done
[ "$(du -m "$dir/alice.a1" | cut -f 1)" -lt 1000 ] || { echo "no files with holes here: skipped"; exit 77; }

"$qdistill" tags info "$dir/small/alice.a1" --format a1-54 --json "$dir/small.json" -q || fail "tags info of the small file"
limited tags info "$dir/alice.a1" --format a1-54 --json "$dir/large.json" -q || fail "tags info exits $?"
events=$(field "$dir/small.json" events)
[ "$events" -gt 1000000 ] || fail "hardly any events: $events"
[ "$(field "$dir/large.json" events)" = "$events" ] || fail "$events events are $(field "$dir/large.json" events)"
[ "$(field "$dir/large.json" padding)" = $((20 * gib / 8 - events)) ] || fail "padding is $(field "$dir/large.json" padding)"

limited tags convert "$dir/alice.a1" --from a1-54 --to a1-54 --out "$dir/back.a1" -q || fail "tags convert exits $?"
same "$dir/back.a1" "$dir/small/alice.a1"

sift() { run=$1; shift; "$@" sift "$in/alice.a1" "$in/bob.a1" --format a1-54 --offset-ps 3141592653 --ppm 2.5 --window-ps 1000 --dead-ps 30000 --seed 1 --out "$run" -q; }
in=$dir/small sift "$dir/of_small" "$qdistill" || fail "sift of the small files exits $?"
in=$dir sift "$dir/of_large" limited || fail "sift exits $?"
for f in alice.z.bits alice.x.bits bob.z.bits bob.x.bits counts.json; do same "$dir/of_large/$f" "$dir/of_small/$f"; done
[ "$(wc -c <"$dir/of_small/alice.z.bits")" -gt 10000 ] || fail "hardly any bits"
exit $bad
