#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: what info counts, conversion there and back, and every kind of bad input.
set -eu
. "$(dirname -- "$0")/expect.sh"

# Records of 54 bits, low word first: time << 10 | mask, times in ticks of 125/32 ps.
# word TIME LOW: eight bytes of it
word() { v=$(($1 * 1024 + $2)); i=0; while [ $i -lt 8 ]; do printf "\\$(printf %03o $((v & 255)))"; v=$((v >> 8)); i=$((i + 1)); done; }
{ word 1000 1; word 0 0; word 2000 2; word 3000 20; word 3100 36; word 4000 4; word 3900 8; word 256001000 5; word 256001000 5; word 256001000 0; } >"$dir/x"
expect 0 '"events": 6' "$qd" tags info "$dir/x" --format a1-54 --json -
for f in '"records": 10' '"padding": 1' '"dummies": 1' '"selftests": 1' '"empty": 1' '"backward": 1' '"largest_backward": 100' '"equal_times": 1' \
    '"duplicates": 1' '"multi": 2' '"V": 1' '"H": 1' '"wraps": 0' '"duration_s": 0.001' '"verb": "tags"' '"status": "ok"'; do
    grep -q -- "$f" "$dir/log" || say "info has no $f: $(cat "$dir/log")"
done
expect 0 '6 events' "$qd" tags info "$dir/x" --format a1-54
grep -q '1 steps back, the largest 390.625 ps' "$dir/log" || say "order of events: $(cat "$dir/log")"
expect 0 '"dummies": 0' "$qd" tags info "$dir/x" --format a1-54 --card timestamp3 --json -
"$qd" tags info "$dir/x" --format a1-54 -q >"$dir/log" 2>&1 || say "-q fails"
[ ! -s "$dir/log" ] || say "-q prints $(cat "$dir/log")"

# To every format and back; the second conversion to the same format gives the same bytes.
expect 0 'written' "$qd" tags convert "$dir/x" --from a1-54 --to a1-54 --out "$dir/clean"
[ "$(wc -c <"$dir/clean")" = 48 ] || say "6 events are $(wc -c <"$dir/clean") bytes"
for f in a1-54-swapped a1-49 a1-49-swapped; do
    rm -f "$dir/back" "$dir/same"
    expect 0 'written' "$qd" tags convert "$dir/clean" --from a1-54 --to $f --out "$dir/$f"
    expect 0 'written' "$qd" tags convert "$dir/$f" --from $f --to a1-54 --out "$dir/back"
    case $f in
        *54*) cmp "$dir/clean" "$dir/back" || say "through $f: bytes differ" ;;
        *) expect 0 "\"events\": 6" "$qd" tags info "$dir/back" --format a1-54 --json - ;;
    esac
    expect 0 'written' "$qd" tags convert "$dir/$f" --from $f --to $f --out "$dir/same"
    cmp "$dir/$f" "$dir/same" || say "$f to itself: bytes differ"
done
# Words exchanged, and nothing else.
od -An -v -tx4 -w8 "$dir/clean" | awk '{ print $2, $1 }' >"$dir/want"
od -An -v -tx4 -w8 "$dir/a1-54-swapped" | awk '{ print $1, $2 }' >"$dir/got"
cmp "$dir/want" "$dir/got" || say "a1-54-swapped is not the other word order"
# Nothing is written over, least of all the recording that is read.
cp "$dir/x" "$dir/place"
ln -s place "$dir/link"
for out in place link clean; do
    expect 5 "$out exists already" "$qd" tags convert "$dir/place" --from a1-54 --to a1-49 --out "$dir/$out"
done
cmp "$dir/place" "$dir/x" || say "a conversion changed the recording it read"
# A 54-bit file read as 49 bits of a timestamp3: the fine bits betray it.
expect 0 'another card' "$qd" tags info "$dir/x" --format a1-49-swapped

# What is certainly the wrong format: info says so and names what fits, everything else refuses. 40 events a microsecond apart, fine time in the low bits.
{ n=0; while [ $n -lt 40 ]; do word $((256000000 + 256003 * n)) $((1 << (n & 3))); n=$((n + 1)); done; } >"$dir/u54"
expect 0 '40 events' "$qd" tags info "$dir/u54" --format a1-54
grep -q warning "$dir/log" && say "a warning about a good file: $(cat "$dir/log")"
for f in a1-49 a1-54-swapped; do
    expect 0 "warning: read as $f, .* in order as a1-54$" "$qd" tags info "$dir/u54" --format $f
    expect 5 "Next: read it as a1-54$" "$qd" tags convert "$dir/u54" --from $f --to csv --out "$dir/none"
    expect 5 "Next: read it as a1-54$" "$qd" sync "$dir/u54" "$dir/u54" --format $f
    expect 0 '"fits"' "$qd" tags info "$dir/u54" --format $f --json -
    [ ! -e "$dir/none" ] || say "a file in the wrong order of words was converted"
done
# 49 bits with a phase (bits 4 to 12) read as 54 of the same order: the phase is taken for dummies and self-tests.
{ n=0; while [ $n -lt 40 ]; do word $((8000 * 32 * n)) $((n * 2731 % 512 * 16 + 1)); n=$((n + 1)); done; } >"$dir/u49"
expect 0 '20 of 40 records are rollover dummies that name a detector' "$qd" tags info "$dir/u49" --format a1-54
grep -q 'card (--card timestamp3) or a file of 49 bits (a1-49-swapped)?' "$dir/log" || say "a phase: $(cat "$dir/log")"
expect 0 '40 events' "$qd" tags info "$dir/u49" --format a1-49-swapped
grep -q warning "$dir/log" && say "a warning about a good file: $(cat "$dir/log")"
# No detector in any record; times that fall: no error, but said.
{ n=0; while [ $n -lt 20 ]; do word $((1000000 - 1000 * n)) 0; n=$((n + 1)); done; } >"$dir/dark"
expect 0 'warning: none of 20 records is a detector' "$qd" tags info "$dir/dark" --format a1-54
{ n=0; while [ $n -lt 20 ]; do word $((1000000 - 1000 * n)) 1; n=$((n + 1)); done; } >"$dir/falling"
expect 0 'warning: 19 of 20 events are before the one ahead' "$qd" tags info "$dir/falling" --format a1-54
# Nothing but padding, no row at all, one time for all.
head -c 8000 /dev/zero >"$dir/zeros"
expect 0 "warning: none of 1000 records is a detector's click: nothing was recorded" "$qd" tags info "$dir/zeros" --format a1-54
echo time_ps,channel >"$dir/rowless"
expect 0 'warning: there is no record in it: nothing was recorded' "$qd" tags info "$dir/rowless" --format csv
{ n=0; while [ $n -lt 20 ]; do word 1000000 1; n=$((n + 1)); done; } >"$dir/still"
expect 0 'warning: 19 of 20 events are at the time of the one before: their ticks' "$qd" tags info "$dir/still" --format a1-54
# A reset by 5 s before event 30, and a pause of 7 s after event 9.
{ n=0; t=2560000000000; while [ $n -lt 40 ]; do t=$((t + 256000)); [ $n = 10 ] && t=$((t + 1792000000000)); [ $n = 30 ] && t=$((t - 1280000000000)); word $t 1; n=$((n + 1)); done; } >"$dir/reset"
expect 0 'time goes back by a millisecond or more 1 times, by up to 4.999999 s, first before event 30' "$qd" tags info "$dir/reset" --format a1-54
grep -q 'no event for 4.99.* s, .* which no steady rate explains; 2 such gaps' "$dir/log" || say "a reset and a pause: $(cat "$dir/log")"
expect 0 '"jump_event": 30' "$qd" tags info "$dir/reset" --format a1-54 --json -
grep -q '"jumps": 1' "$dir/log" && [ "$(grep -c after_s "$dir/log")" = 2 ] || say "the record of a reset and a pause: $(cat "$dir/log")"

# Bad input: exit 5, position, nothing written.
: >"$dir/empty"
head -c 20 "$dir/x" >"$dir/cut"
{ i=0; while [ $i -lt 9000 ]; do printf '\001\000\000\000\001\000\000\000'; i=$((i + 1)); done; word 1 1; } >"$dir/order"
mkdir "$dir/folder"
for f in missing empty cut folder; do
    for action in info convert; do
        rm -f "$dir/out"
        case $action in
            info) expect 5 "$dir/$f" "$qd" tags info "$dir/$f" --format a1-54 ;;
            convert) expect 5 "$dir/$f" "$qd" tags convert "$dir/$f" --from a1-54 --to a1-49 --out "$dir/out" ;;
        esac
        [ ! -e "$dir/out" ] || say "$action of $f left a file"
    done
done
expect 5 'is empty' "$qd" tags info "$dir/empty" --format a1-54
expect 5 'byte 16 is cut off after 4 of 8 bytes' "$qd" tags info "$dir/cut" --format a1-54
expect 5 'is a directory' "$qd" tags info "$dir" --format a1-54

# A FIFO, a pipe: read from front to back as a file is, and refused for the same.
mkfifo "$dir/pipe"
"$qd" tags convert "$dir/x" --from a1-54 --to csv --out "$dir/of_file" -q || say "conversion to csv"
cat "$dir/x" >"$dir/pipe" &
"$qd" tags convert "$dir/pipe" --from a1-54 --to csv --out "$dir/of_pipe" -q || say "conversion of a FIFO"
cmp -s "$dir/of_file" "$dir/of_pipe" || say "a FIFO converts to something else than its file"
{ head -c 12 "$dir/x"; sleep 0.1; tail -c +13 "$dir/x"; } >"$dir/pipe" &
"$qd" tags info "$dir/pipe" --format a1-54 | tail -n +2 >"$dir/of_pipe" || say "info of a FIFO"
"$qd" tags info "$dir/x" --format a1-54 | tail -n +2 | cmp -s - "$dir/of_pipe" || say "a FIFO is told as something else than its file"
cat "$dir/cut" >"$dir/pipe" &
expect 5 'is cut off: of 20 bytes the last 4' "$qd" tags convert "$dir/pipe" --from a1-54 --to a1-49 --out "$dir/out"
: >"$dir/pipe" &
expect 5 'is empty' "$qd" tags info "$dir/pipe" --format a1-54
[ ! -e "$dir/out" ] || say "a FIFO that was cut off left a file"
wait
expect 5 'byte 72000 (record 9000)' "$qd" tags info "$dir/order" --format a1-54
expect 5 'out of order beyond repair' "$qd" tags convert "$dir/order" --from a1-54 --to a1-49 --out "$dir/out"
[ ! -e "$dir/out" ] || say "a conversion that failed left a file"
expect 5 'cannot write' "$qd" tags convert "$dir/x" --from a1-54 --to a1-49 --out "$dir/no/such/out"
expect 5 '"status": "failed"' "$qd" tags info "$dir/cut" --format a1-54 --json -
[ -z "$(find "$dir" -name '*.tmp')" ] || say "temporary files are left"
if [ -w /dev/full ]; then expect 5 'No space left' "$qd" tags convert "$dir/x" --from a1-54 --to a1-49 --out /dev/full; fi

# To standard output, a pipe or a file: the data alone, the report on standard error; not with a record, a folder, or what is read.
for out in - /dev/stdout; do
    "$qd" tags convert "$dir/clean" --from a1-54 --to a1-54 --out $out 2>"$dir/log" | cat >"$dir/through"
    cmp "$dir/clean" "$dir/through" || say "--out $out: a pipe gets other bytes than a file"
    grep -q "written: $out, a1-54, 6 events" "$dir/log" || say "--out $out: standard error has $(cat "$dir/log")"
    "$qd" tags convert "$dir/clean" --from a1-54 --to a1-54 --out $out 2>"$dir/log" >"$dir/through" || say "--out $out to a file: $(cat "$dir/log")"
    cmp "$dir/clean" "$dir/through" || say "--out $out: a file gets other bytes"
    [ -z "$("$qd" tags convert "$dir/clean" --from a1-54 --to a1-54 --out $out -q 2>&1 >/dev/null)" ] || say "--out $out -q says something"
    expect 2 'both write to standard output' "$qd" tags convert "$dir/clean" --from a1-54 --to a1-54 --out $out --json -
    expect 2 'is a folder of files' "$qd" tags convert "$dir/clean" --from a1-54 --to t1 --out $out
    "$qd" tags convert "$dir/clean" --from a1-54 --to a1-54 --out $out >>"$dir/clean" 2>"$dir/log" && say "--out $out appends to what is read"
    grep -q 'is read and is standard output too' "$dir/log" || say "--out $out to what is read: $(cat "$dir/log")"
    [ "$(wc -c <"$dir/clean")" = 48 ] || say "--out $out wrote to what is read"
    "$qd" tags convert "$dir/clean" --from a1-54 --to a1-54 --out $out >&- 2>"$dir/log" && say "--out $out passes where standard output is closed"
    if [ -w /dev/full ]; then
        "$qd" tags convert "$dir/clean" --from a1-54 --to a1-54 --out $out >/dev/full 2>"$dir/log" && say "--out $out to a full device passes"
        grep -q 'cannot write to standard output (No space left' "$dir/log" || say "--out $out to a full device: $(cat "$dir/log")"
    fi
done
[ ! -e - ] || say "a file called - was written"
"$qd" tags convert "$dir/clean" --from a1-54 --to a1-54 --out "$dir/pipe" >"$dir/pipe" 2>"$dir/log" & # one pipe under both names
cat "$dir/pipe" >"$dir/through"
wait
cmp "$dir/clean" "$dir/through" || say "a FIFO that is standard output too gets other bytes"

# A screen that is full: the error in its four parts, and a record that tells of it.
if [ -w /dev/full ]; then
    "$qd" tags info "$dir/x" --format a1-54 --json "$dir/full.json" >/dev/full 2>"$dir/log" && say "a full standard output passes"
    grep -q 'qdistill tags: cannot write to standard output (No space left' "$dir/log" && grep -q 'its disk is full' "$dir/log" && grep -q 'Next: make room' "$dir/log" || say "a full standard output: $(cat "$dir/log")"
    grep -q '"status": "failed"' "$dir/full.json" || say "a full standard output: the record says $(grep status "$dir/full.json")"
fi
for f in "$dir" "$dir/missing"; do # what, cause, what it likely is, what to do
    "$qd" tags info "$f" --format a1-54 --json "$dir/parts.json" >"$dir/log" 2>&1 || true
    for part in what cause likely next; do grep -q "\"$part\": \".\{10,\}\"" "$dir/parts.json" || say "$f: no $part: $(cat "$dir/log")"; done
done

# Usage.
expect 2 'needs --format' "$qd" tags info "$dir/x"
expect 2 "'a1-50' is no format" "$qd" tags info "$dir/x" --format a1-50
expect 2 "^qdistill tags: there is no action 'look'" "$qd" tags look "$dir/x" --format a1-54
expect 2 'needs --from' "$qd" tags convert "$dir/x" --from a1-54 --out "$dir/out"
expect 2 "no card 'timestamp9'" "$qd" tags info "$dir/x" --format a1-54 --card timestamp9
[ ! -e "$dir/out" ] || say "a usage error left a file"
[ $fails = 0 ]
