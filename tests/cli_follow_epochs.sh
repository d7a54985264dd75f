#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# sync --follow on directories that epoch files come into: the same clock as from files of the same events, however the files come; gaps,
# halves, what is refused; a station of T2 files against one of T1 files.
set -eu
. "$(dirname -- "$0")/expect.sh"
unset QD_DEVICE || true
. "$(dirname -- "$0")/follow_link.sh"
for side in alice bob; do
    for format in a1-49 t1 t2; do "$qd" tags convert "$dir/link/$side.a1" --from a1-54 --to $format --out "$dir/$side.$format" -q 2>/dev/null; done
done
search="--max-offset-s 0.01 --max-ppm 10 --device ref"
follow="$search --follow --every-s 0.25 --progress json"
# wait_for PATTERN FILE: until a line has it, 100 s at most
wait_for() {
    i=0
    while ! grep -q "$1" "$2" && [ $i -lt 2000 ]; do sleep 0.05; i=$((i + 1)); done
    [ $i -lt 2000 ] || say "no '$1' came"
}
# put FROM INTO EPOCH: write that file in three parts, the first within the header
put() {
    n=$(stat -c %s "$1/$3")
    head -c 13 "$1/$3" >"$2/$3"
    sleep 0.05
    tail -c +14 "$1/$3" | head -c $((n / 2)) >>"$2/$3"
    sleep 0.05
    tail -c +$((n / 2 + 14)) "$1/$3" >>"$2/$3"
    cmp "$1/$3" "$2/$3" || exit 1 # of the feeder, which is waited for
}
# read_past SECONDS: until a line of $dir/lines is of a later time, 100 s at most
read_past() {
    i=0
    while [ $i -lt 2000 ] && ! sed -n 's/.*"time_s":\([0-9.]*\).*/\1/p' "$dir/lines" | awk -v t="$1" '$1 > t { on = 1 } END { exit !on }'; do sleep 0.05; i=$((i + 1)); done
    [ $i -lt 2000 ]
}

# --- the same events as files of raw events; then as directories that are whole ------------------------------------------------------------
# shellcheck disable=SC2086 # words of $follow
{
expect 0 '' "$qd" sync "$dir/alice.a1-49" "$dir/bob.a1-49" --format a1-49 $follow --idle-s 0
of clock "$log" >"$dir/whole"
[ "$(wc -l <"$dir/whole")" -ge 12 ] || say "only $(wc -l <"$dir/whole") lines of 4 s"
expect 0 '' "$qd" sync "$dir/alice.t1" "$dir/bob.t1" --format t1 $follow --idle-s 0 --json "$dir/t1.json"
of clock "$log" >"$dir/got"
cmp "$dir/whole" "$dir/got" || say "directories give other lines than files of the same events"
tr -d ' \n' <"$dir/t1.json" | grep -q '"epochs":\[[89],[89]\],"epochs_damaged":\[0,0\]' || say "the record's epochs: $(tr -d ' \n' <"$dir/t1.json")"

# --- while they fill: B a while behind A, each file in parts; files go once they were read ---------------------------------------------------
mkdir "$dir/la" "$dir/lb"
"$qd" sync "$dir/la" "$dir/lb" --format t1 $follow --idle-s 600 --json "$dir/live.json" >"$dir/lines" 2>"$dir/said" &
pid=$!
(
    k=0 behind=
    for epoch in $(cd "$dir/bob.t1" && echo *); do
        [ ! -e "$dir/alice.t1/$epoch" ] || put "$dir/alice.t1" "$dir/la" "$epoch"
        sleep 0.1
        put "$dir/bob.t1" "$dir/lb" "$epoch"
        k=$((k + 1))
        # lines lie a second behind: the fifth epoch, of .537 s, was read once one of its end is there
        case $k in
            5) behind=$epoch ;;
            8) read_past 2.7 || exit 1
               rm -f "$dir/la/$behind" "$dir/lb/$behind" ;;
        esac
    done
) &
feeder=$!
wait_for '"time_s":3\.[89]' "$dir/lines"
wait $feeder || say "the directories were not filled as they were to be"
kill -INT $pid
wait $pid || say "status $? after SIGINT: $(cat "$dir/said")"
grep -q '"end": "stopped"' "$dir/live.json" || say "the record after SIGINT"
of clock "$dir/lines" >"$dir/got"
head -n 12 "$dir/whole" >"$dir/want" # the last events wait for later ones
head -n 12 "$dir/got" | cmp "$dir/want" - || say "directories that fill give other lines"
grep -q 'epoch\|passed over\|warning' "$dir/said" && say "something is told of whole epochs: $(cat "$dir/said")"

# --- T2 on one side, T1 on the other: followed to the end, as from whole directories, and found by a search of both --------------------------
expect 0 '' "$qd" sync "$dir/alice.t2" "$dir/bob.t1" --format t2 --format-b t1 $follow --idle-s 0
of clock "$log" >"$dir/whole"
rm -rf "$dir/la" "$dir/lb"
mkdir "$dir/la" "$dir/lb"
(
    for epoch in $(cd "$dir/bob.t1" && echo *); do
        put "$dir/bob.t1" "$dir/lb" "$epoch"
        [ ! -e "$dir/alice.t2/$epoch" ] || put "$dir/alice.t2" "$dir/la" "$epoch"
    done
) &
feeder=$!
expect 0 '' "$qd" sync "$dir/la" "$dir/lb" --format t2 --format-b t1 $follow --idle-s 4 --json "$dir/mixed.json"
wait $feeder || say "the directories of T2 and T1 were not filled as they were to be"
of clock "$log" >"$dir/got"
cmp "$dir/whole" "$dir/got" || say "T2 and T1 that fill give other lines"
grep -q '"format_b": "t1"' "$dir/mixed.json" || say "the record does not say the format of B"
expect 0 'locked' "$qd" sync "$dir/alice.t2" "$dir/bob.t1" --format t2 --format-b t1 $search

# --- a gap, and a half that stays one: told, counted, and the rest is followed -----------------------------------------------------------------
rm -rf "$dir/la"
cp -r "$dir/alice.t2" "$dir/la"
rm "$dir/la/00000004"
half=$(stat -c %s "$dir/la/00000006")
head -c $((half / 2)) "$dir/alice.t2/00000006" >"$dir/la/00000006"
expect 0 'has no file of epoch 00000004' "$qd" sync "$dir/la" "$dir/bob.t1" --format t2 --format-b t1 $follow --idle-s 0 --json "$dir/gap.json"
grep -q 'la/00000006 was passed over: .*still being written' "$log" || say "a half is not told: $(cat "$log")"
of gap "$log" | grep -q '"station":"A","epoch":"00000004","epochs":1' || say "no event of a gap"
of damaged "$log" | grep -q '"station":"A","epoch":"00000006"' || say "no event of a half"
tr -d ' \n' <"$dir/gap.json" | grep -q '"epochs_missing":2,.*"epochs_missing":0,.*"epochs_damaged":\[1,0\]' || say "gaps are not in the record"
of clock "$log" | grep -q '"time_s":3\.[89]' || say "what is behind a gap is not followed"
rm -f "$dir/la/00000006" "$dir/la/00000005"
expect 0 'has no files of the epochs 00000004 to 00000006' "$qd" sync "$dir/la" "$dir/bob.t1" --format t2 --format-b t1 $follow --idle-s 0
said=$("$qd" sync "$dir/la" "$dir/bob.t1" --format t2 --format-b t1 $search --follow --idle-s 0 -q 2>&1) || say "status with -q"
[ -z "$said" ] || say "-q says: $said"
grep -q 'warning: .*epochs are missing' "$log" && say "a gap is told twice: $(cat "$log")"

# --- refusals, in four parts --------------------------------------------------------------------------------------------------------------------
four() { for part in what cause likely next; do grep -q "\"$part\": \".\{8,\}\"" "$1" || say "no $part in $1: $(grep '"what"' "$1")"; done; }
expect 5 'tag 0x2, where a T1 file has' "$qd" sync "$dir/alice.t2" "$dir/bob.t1" --format t1 $search --follow --json "$dir/kind.json"
four "$dir/kind.json"
expect 5 'is no directory' "$qd" sync "$dir/alice.t2/00000003" "$dir/bob.t1" --format t2 --format-b t1 $search --follow --json "$dir/file.json"
four "$dir/file.json"
expect 5 'cannot open' "$qd" sync "$dir/nowhere" "$dir/bob.t1" --format t1 $search --follow --json "$dir/nowhere.json"
four "$dir/nowhere.json"
mkdir "$dir/empty"
expect 6 'station A has no events' "$qd" sync "$dir/empty" "$dir/bob.t1" --format t1 $search --follow --idle-s 0
mkdir "$dir/gone"
(sleep 2; rmdir "$dir/gone") &
expect 5 'cannot list' "$qd" sync "$dir/gone" "$dir/bob.t1" --format t1 $search --follow --idle-s 60 --json "$dir/gone.json"
wait
four "$dir/gone.json"
expect 2 'count in the same unit' "$qd" sync "$dir/link/alice.a1" "$dir/bob.t1" --format a1-54 --format-b t1 $search --follow --idle-s 0
expect 2 'no format' "$qd" sync "$dir/alice.t2" "$dir/bob.t1" --format t2 --format-b t9 $search
}
[ $fails = 0 ]
