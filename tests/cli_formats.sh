#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Formats on the command line: what info says of each, conversion among all that are written, the same names in sync, sift and run,
# key files, and every kind of bad input.
set -eu
. "$(dirname -- "$0")/expect.sh"
has() { grep -q -- "$1" "$dir/log" || { say "no '$1'"; cat "$dir/log"; }; }

# A table whose channels are 5 to 8: info lists them and warns, convert refuses without a map.
printf 'time,ch\n0,5\n1000,6\n2000.5,7\n2000.5,8\n3000000,9\n' >"$dir/t.csv"
expect 0 'channel 5, no detector: 1' "$qd" tags info "$dir/t.csv" --format csv --csv-time time --csv-channel ch --csv-unit ns
has 'no map given: 1, 2, 3, 4 are V, -, H, +'
has 'warning: 5 events are on channels that are no detector without a map: --channels'
has '0.003 s'
expect 5 'line 2: an event of channel 5' "$qd" tags convert "$dir/t.csv" --from csv --csv-time time --csv-channel ch --csv-unit ns --to a1-54 --out "$dir/out"
[ ! -e "$dir/out" ] || say "a refused conversion left a file"
map='V=5,-=6,H=7,+=8'
expect 0 'channel 7, H: 1' "$qd" tags convert "$dir/t.csv" --from csv --csv-time time --csv-channel ch --csv-unit ns --channels "$map" --to a1-54 --out "$dir/a.a1"
has '1 on channels without detector'
has 'written: .* 4 events'
expect 0 '"merged": 1' "$qd" tags convert "$dir/t.csv" --from "csv:time=time:channel=ch:unit=ns:channels=$map" --merge-ps 1000 --to a1-54 --out "$dir/m.a1" --json -
[ "$(wc -c <"$dir/m.a1")" = 24 ] || say "merged events are $(wc -c <"$dir/m.a1") bytes"
expect 0 '"multi": 1' "$qd" tags info "$dir/m.a1" --format a1-54 --json -

# Lines that end with CR alone: short and long, of a file and through a FIFO. With CRLF, and CR before the end of a line, they are read.
printf 'time_ps,channel\r5,1\r9,2\r' >"$dir/cr.csv"
{ cat "$dir/cr.csv"; n=0; while [ $n -lt 900 ]; do n=$((n + 1)); printf '%d,1\r' $((10 * n)); done; } >"$dir/crs.csv"
{ printf 'time_ps,channel\n'; cat "$dir/crs.csv"; } >"$dir/lf_cr.csv"
printf '%% Sync frequency 1 MHz\r%% Channel A tags 2\r1\t5\r2\t6\r' >"$dir/cr.txt"
printf '1 2\r3 4\r' >"$dir/cr.a1"
mkfifo "$dir/fifo"
cat "$dir/cr.csv" >"$dir/fifo" &
for f in cr.csv crs.csv lf_cr.csv fifo cr.txt cr.a1; do
    case $f in cr.txt) format=chronoxea ;; cr.a1) format=a1-54-text ;; *) format=csv ;; esac
    line=1
    [ $f != lf_cr.csv ] || line=2
    expect 5 "line $line: the line has no end (lines end with CR alone)" "$qd" tags info "$dir/$f" --format $format
    has "they end with LF or CRLF"
    has "Next: convert it, as with tr '.r' '.n'"
done
wait
printf 'time_ps,channel\r\n5,1\r\n9,2\r' >"$dir/crlf.csv"
expect 0 ' 2 events' "$qd" tags info "$dir/crlf.csv" --format csv
printf 'time_ps,channel,note\n5,1,"a\rb"\n9,2,"a\rb"' >"$dir/quoted.csv"
expect 0 ' 2 events' "$qd" tags info "$dir/quoted.csv" --format csv

# A simulated pair of stations through every format and back: the same bytes, the same clock, the same sifted keys.
scenario=$dir/link.yaml
sed 's/^pair_rate_hz:.*/pair_rate_hz: 1.5e6/' "$2/examples/scenarios/metro-fibre.yaml" >"$scenario" # fewer events are enough here
"$qd" simulate "$scenario" --duration-s 0.05 --seed 3 --device ref --out "$dir/short" -q 2>"$dir/err" || say "simulate: $(cat "$dir/err")"
"$qd" simulate "$scenario" --duration-s 1.1 --seed 3 --device ref --out "$dir/sim" -q 2>"$dir/err" || say "simulate: $(cat "$dir/err")"
s=alice
for _ in once; do
    # one tag an event first: merging what belongs together makes the way through one-click records reversible
    "$qd" tags convert "$dir/short/$s.a1" --from a1-54 --merge-ps 1 --to a1-54 --out "$dir/$s.a1" -q || say "merge $s"
    for f in a1-54-swapped a1-54-text t1:bits=54 csv:tick-ps=125/32 csv:unit=s:tick-ps=125/32; do
        rm -rf "$dir/via" "$dir/back"
        expect 0 'written' "$qd" tags convert "$dir/$s.a1" --from a1-54 --to "$f" --out "$dir/via"
        expect 0 'written' "$qd" tags convert "$dir/via" --from "$f" --merge-ps 1 --to a1-54 --out "$dir/back"
        cmp "$dir/$s.a1" "$dir/back" || say "$s through $f: bytes differ"
    done
    # in coarser ticks the second time through changes nothing
    for f in a1-49 t1 t2:protocol=0 swabian qutag-raw csv:tick-ps=1; do
        case $f in t2*) from=t2 ;; *) from=$f ;; esac
        rm -rf "$dir/via" "$dir/via2"
        expect 0 'written' "$qd" tags convert "$dir/$s.a1" --from a1-54 --to "$f" --out "$dir/via"
        expect 0 'written' "$qd" tags convert "$dir/via" --from "$from" --to "$f" --out "$dir/via2"
        diff -r "$dir/via" "$dir/via2" >/dev/null || say "$s: $f to itself differs"
        expect 0 '"status": "ok"' "$qd" tags info "$dir/via" --format "$from" --json -
    done
done
for f in t1 csv; do
    for s in alice bob; do
        "$qd" tags convert "$dir/sim/$s.a1" --from a1-54 --to $f --out "$dir/$f.$s" -q || say "convert $s to $f"
    done
    expect 0 'locked' "$qd" sync "$dir/$f.alice" "$dir/$f.bob" --format $f --device ref --json "$dir/clock.json"
    expect 0 'coincidences' "$qd" sift "$dir/$f.alice" "$dir/$f.bob" --format $f --clock "$dir/clock.json" --window-ps 1000 --device ref --out "$dir/sifted.$f"
    [ "$(wc -c <"$dir/sifted.$f/alice.z.bits")" -gt 100 ] || say "hardly any bits sifted from $f"
done
cat >"$dir/job.yaml" <<END
name: formats
input: {alice: {file: t1.alice, format: t1}, bob: {file: csv.bob, format: "csv:tick-ps=125"}}
protocol: bbm92
END
set +e
timeout 300 "$qd" run "$dir/job.yaml" --device ref --out "$dir/runs" >"$dir/log" 2>&1
got=$?
set -e
case $got in 0 | 6) ;; *) say "run on t1 folders: exit $got"; cat "$dir/log" ;; esac # too few pairs for a key is no fault of the format
grep -q '"sha256"' "$dir/runs/formats/manifest.json" 2>/dev/null || say "run on t1 folders: no digest of the inputs"

# What a station announces: enough for a clock, not for a key.
for s in alice bob; do
    "$qd" tags convert "$dir/sim/$s.a1" --from a1-54 --to t2 --out "$dir/t2.$s" -q 2>/dev/null || say "convert $s to t2"
done
expect 0 'bases' "$qd" tags info "$dir/t2.alice" --format t2
has 'epochs 00000001 to 00000003'
expect 0 'locked' "$qd" sync "$dir/t2.alice" "$dir/t2.bob" --format t2 --device ref
expect 5 'not which detector clicked' "$qd" sift "$dir/t2.alice" "$dir/t2.bob" --format t2 --offset-ps 0 --ppm 0 --window-ps 1000 --device ref --out "$dir/none"
# A gap is reported and passed over.
rm "$dir/t1.alice/00000002"
expect 0 'warning: 1 epoch is missing in 1 place, the first at 00000002' "$qd" tags info "$dir/t1.alice" --format t1
has '2 files, 1 gaps, 1 epochs missing'

# Key files: bits, not tags.
head -c 100000 /dev/urandom >"$dir/good.cor"
expect 0 'ones: .* 50\.\|ones: .* 49\.' "$qd" tags info "$dir/good.cor" --format cor
grep -q 'warning' "$dir/log" && say "a warning about random bits: $(cat "$dir/log")"
expect 0 '"hashed": true' "$qd" tags info "$dir/good.cor" --format cor --json -
printf '\001%.0s' $(seq 2000) >"$dir/bad.cor"
expect 0 'warning: .* not the output of a hash' "$qd" tags info "$dir/bad.cor" --format cor
has '12.5000 % +-'
: >"$dir/empty"
expect 5 'is empty' "$qd" tags info "$dir/empty" --format cor
expect 2 'key bits, not time tags' "$qd" sync "$dir/good.cor" "$dir/good.cor" --format cor
for f in "${QD_SHARED:-/nonexistent}"/data/keys/*.cor; do
    [ -f "$f" ] || { echo "QD_SHARED has no data/keys: recorded bits skipped"; break; }
    expect 0 'not the output of a hash' "$qd" tags info "$f" --format cor
    has 'ones: .* 44.1990 %\|ones: .* 43.4911 %'
done
f=${QD_SHARED:-/nonexistent}/data/timetags/v30_t2.ptu
if [ -f "$f" ]; then
    expect 0 '435319 records: 305565 events, 129754 of overflow (that carry 149011)' "$qd" tags info "$f" --format auto
    expect 0 '305565 events' "$qd" tags convert "$f" --from ptu --to a1-54 --out "$dir/ptu.a1"
    head -c 1000001 "$f" >"$dir/cut.ptu"
    expect 5 'byte 1000000 is cut off after 1 of 4 bytes' "$qd" tags info "$dir/cut.ptu" --format ptu
    head -c 1000000 "$f" >"$dir/cut.ptu"
    expect 0 'claims 435319 records, the file has 248902' "$qd" tags info "$dir/cut.ptu" --format ptu
else
    echo "QD_SHARED has no data/timetags: the recording is skipped"
fi

# A T2 file by hand: a record that no one knows, counts in the header that are not what the file holds, tags of a negative length.
le() { v=$1; i=0; while [ $i -lt "$2" ]; do printf "\\$(printf %03o $((v & 255)))"; v=$((v >> 8)); i=$((i + 1)); done; }
ptu_tag() { printf %s "$1"; head -c $((32 - ${#1})) /dev/zero; le -1 4; le "$2" 4; le "$3" 8; }
# ptu_head CLAIMED: multiharp T2, ticks of 2^-40 s
ptu_head() {
    printf 'PQTTTR\0\0001.0.00\0\000'
    ptu_tag TTResultFormat_TTTRRecType $((0x10000008)) $((0x00010207))
    ptu_tag TTResultFormat_BitsPerRecord $((0x10000008)) 32
    ptu_tag MeasDesc_GlobalResolution $((0x20000008)) $((0x3d719799812dea11)) # 1e-12
    ptu_tag TTResult_NumberOfRecords $((0x10000008)) "$1"
}
ptu_end() { ptu_tag Header_End $((0xffff0008)) 0; }
records() { le 100 4; le $((0x02000005 + 200)) 4; le $((0xa0000001)) 4; le $((0x04000000 + 300)) 4; }
{ ptu_head 2; ptu_end; records; } >"$dir/more.ptu"
expect 0 '4 records: 3 events, .* 1 faults' "$qd" tags info "$dir/more.ptu" --format ptu
has 'the first, 0xa0000001, at record 2'
has 'claims 2 records, the file has 4: all are read'
grep -q 'cut off' "$dir/log" && say "a file with more records than its header says is not cut off: $(cat "$dir/log")"
expect 0 '3 events' "$qd" tags convert "$dir/more.ptu" --from ptu --to csv --out "$dir/more.csv"
{ ptu_head -5; ptu_end; records; } >"$dir/minus.ptu"
expect 0 'claims -5 records, which no file has; the file has 4' "$qd" tags info "$dir/minus.ptu" --format ptu
expect 0 '"faults": 1' "$qd" tags info "$dir/minus.ptu" --format ptu --json -
{ ptu_head 4; ptu_tag Comment $((0x4001ffff)) -48; ptu_end; records; } >"$dir/length.ptu"
expect 5 'claims -48 bytes of data' "$qd" tags info "$dir/length.ptu" --format ptu
# Columns without names of their channels: looked into with a warning, converted only with a map.
printf '%% sync 10 kHz\n0;1;2;3\n' >"$dir/columns.txt"
expect 0 'warning: the header names no channels: its 2 pairs of columns' "$qd" tags info "$dir/columns.txt" --format chronoxea
has 'sync of 10000 Hz'
expect 5 'the header names no channels' "$qd" tags convert "$dir/columns.txt" --from chronoxea --to csv --out "$dir/columns.csv"
[ ! -e "$dir/columns.csv" ] || say "columns without names were converted"
expect 0 'warning: the header names no channels' "$qd" tags convert "$dir/columns.txt" --from chronoxea --channels H=1,+=2 --to csv --out "$dir/columns.csv"
[ "$(tail -n 2 "$dir/columns.csv")" = "1000,3
200003000,4" ] || say "columns mapped: $(cat "$dir/columns.csv")"

# Times beyond the counter's range are cut, and that is told.
expect 0 'warning: times are beyond the range of the counter of a1-49' "$qd" tags convert "$dir/t1.alice" --from t1 --epoch0 0xfffd0000 --to a1-49 --out "$dir/wrapped.a1"
expect 0 'written' "$qd" tags convert "$dir/t1.alice" --from t1 --to a1-49 --out "$dir/within.a1"
grep -q 'beyond the range' "$dir/log" && say "times within the range are told as beyond it"
# A full device says so, by all four parts; so does a directory that is not there.
expect 5 'No space left on device' "$qd" tags convert "$dir/alice.a1" --from a1-54 --to csv --out /dev/full
has 'the disk is full'
expect 5 'cannot list /nonexistent' "$qd" sync --qcrypto -d /nonexistent -D /nonexistent
has 'it does not exist or is elsewhere'
# Bad input: exit 5, one error that names file and position.
for f in a1-54-text t1 t2 ptu qutag qutag-raw swabian chronoxea csv auto; do
    expect 5 "$dir/empty" "$qd" tags info "$dir/empty" --format $f
    expect 5 "$dir/missing" "$qd" tags info "$dir/missing" --format $f
    head -c 100001 /dev/urandom >"$dir/noise"
    expect 5 "$dir/noise" "$qd" tags info "$dir/noise" --format $f
    case $f in t1 | t2) expect 5 'no epoch files' "$qd" tags info "$dir/sim" --format $f ;; *) expect 5 'is a directory' "$qd" tags info "$dir" --format $f ;; esac
done
expect 5 'exists already' "$qd" tags convert "$dir/alice.a1" --from a1-54 --to t1 --out "$dir/t1.bob"
[ -z "$(find "$dir" -name '*.tmp')" ] || say "temporary files are left"

# Usage.
expect 2 'chronoxea, csv, auto' "$qd" tags info "$dir/noise" --format nothing
expect 2 "says nothing of a1-54" "$qd" tags info "$dir/alice.a1" --format a1-54 --channels V=1
expect 2 "is not a map like" "$qd" tags info "$dir/t.csv" --format csv --channels V=one
expect 2 'are read, not written' "$qd" tags convert "$dir/alice.a1" --from a1-54 --to ptu --out "$dir/none"
expect 2 'a1-49-text or a1-54-text' "$qd" tags info "$dir/noise" --format a1-text
[ ! -e "$dir/none" ] || say "a usage error left a file"
[ $fails = 0 ]
