#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# In the places of pfind, fpfind, costream and splicer: from a simulated link to equal bits at both stations, the lines that other programs
# read, files that come while we wait, and every kind of bad input.
set -eu
. "$(dirname -- "$0")/expect.sh"
QD_DEVICE=ref # but where said: this is about options, files and what is printed
export QD_DEVICE

# A link whose clocks differ by 3.14 ms and 1e-9: what qcrypto is made for. Alice is the T2 side, Bob the T1 side.
cd "$dir"
sed 's/^pair_rate_hz:.*/pair_rate_hz: 0.5e6/; s/frequency_ppm: .*/frequency_ppm: 0.001}/' "$2/examples/scenarios/metro-fibre.yaml" >link.yaml
"$qd" simulate link.yaml --duration-s 2.2 --seed 4 --device ref --out sim -q 2>err || say "simulate: $(cat err)"
for to in t1 t2 t3 t2:protocol=0 t3:protocol=0; do
    case $to in t1) s=bob ;; *) s=alice ;; esac
    "$qd" tags convert sim/$s.a1 --from a1-54 --merge-ps 250 --to "$to:unix=yes" --out "$(echo "$to" | sed 's/:.*/.service/')" -q 2>err || say "convert to $to: $(cat err)"
done

# ---- pfind ----
"$qd" sync --qcrypto -d t2 -D t1 -e 0x1 -n 3 -V 1 -q 23 -R 32 -r 4 --device auto >out 2>err || say "sync --qcrypto: $(cat err)"
# exactly three numbers, split by tabs; 3.141592653 ms + 1e-9 of 0.5 s is 25132741.2 units of 1/8 ns
awk -F '\t' 'NR == 1 && NF == 3 && $1 == 25132741 && $2 > 20 && $3 > 5 { ok = 1 } END { exit !(ok && NR == 1) }' out || say "pfind's line: $(cat out)"
offset=$("$qd" sync --qcrypto -d t2 -D t1 -n2 2>err)
[ "$offset" = 25132741 ] || say "pfind -V 0 prints '$offset'"
# an epoch later the offset is 4.3 units more
case $("$qd" sync --qcrypto -i t2/00000002 -I t1/00000002 2>err) in 25132745 | 25132746) ;; *) say "single files: $(cat err)" ;; esac
"$qd" sync --qcrypto -d t2 -D t1 -l result 2>err >out && [ "$(cat result)" = 25132741 ] && [ ! -s out ] || say "-l"
# by the name of the program, with arguments as scripts hand them on: empty ones, two options in one
for p in pfind fpfind costream splicer; do ln -s "$qd" $p; done
cp -r t2 u2 && cp -r t1 u1
[ "$(./pfind -d u2 -D u1 '' '-k -K' -e 1 -n 2 -V 0 2>err)" = 25132741 ] || say "as pfind: $(cat err)"
[ -e u2/00000003 ] && [ ! -e u2/00000001 ] && [ ! -e u1/00000002 ] || say "-k -K left $(ls u1 u2)"
# a place for the answer that is full
for mode in "--qcrypto -n 2" --fpfind; do
    set +e
    # shellcheck disable=SC2086 # words
    "$qd" sync $mode -d t2 -D t1 -q 20 >/dev/full 2>err
    got=$?
    set -e
    [ $got = 5 ] && grep -q 'cannot write to standard output' err || say "sync $mode with a full standard output: $got $(cat err)"
done
[ ! -w /dev/full ] || expect 5 'cannot write /dev/full (No space left on device)' "$qd" sync --qcrypto -d t2 -D t1 -n 2 -l /dev/full
expect 5 'cannot write no/such/log (No such file or directory)' "$qd" sync --qcrypto -d t2 -D t1 -n 2 -l no/such/log
# refused: nothing on standard output, status 6, the files stay
mkdir n2 && cp t2/00000002 n2/00000002
mkdir n1 && cp t1/00000003 n1/00000003
set +e
"$qd" sync --qcrypto -d n2 -D n1 -e 2 -n 2 -kK >out 2>err
got=$?
set -e
[ $got = 6 ] && [ ! -s out ] && grep -q 'no lock' err && [ -e n1/00000003 ] && [ -e n2/00000002 ] || say "a refusal: $got $(cat out err)"
# what a refusal advises are options of the mode
advises() {
    want=$1
    shift
    set +e
    "$qd" sync "$@" >out 2>err
    got=$?
    set -e
    [ $got = 6 ] && [ ! -s out ] && grep -q "$want" err || say "sync $*: $got $(cat out err)"
    "$qd" sync "$1" --help >help
    for o in $(grep -o '[( ]-[-a-zA-Z]*' err | tr -d '( ' | sort -u); do
        grep -q "^ *$o[ ,]" help || say "sync $1 advises $o, which it does not take: $(cat err)"
    done
    grep -q 'csv:\|--offset-s\|--span-s' err && say "sync $1 advises what is of sync alone: $(cat err)"
    return 0
}
advises 'do not overlap' --qcrypto -d n2 -D n1 -e 2 -n 2
advises 'where they begin; offsets up to 0.134 s were searched (-q with -R' --qcrypto -d n2 -D n1 -e 2 -n 2
for mode in '--qcrypto' '--fpfind -q 20'; do # the offset is 3.14 ms
    # shellcheck disable=SC2086 # words
    advises 'this search sees links of which' $mode -d t2 -D t1 --max-offset-s 1e-3 --max-ppm 0.1 --effort low --device auto
done
advises 'A is the T2 side, B the T1 side' --fpfind -d n2 -D n1 -e 00000002 -q 27
# a missing epoch is told
rm n2/00000002 && cp t2/00000001 t2/00000003 n2 && cp t1/0000000[12] n1
expect 0 'no T2 file of epoch 00000002' "$qd" sync --qcrypto -d n2 -D n1 -e 1 -n 3
expect 5 'none of the T2 files' "$qd" sync --qcrypto -d n2 -D n1 -e 0x100
# events of another epoch than the header: two away is no T1 file of that epoch, one away is told and read at its own time
mkdir w1
for e in 2 3; do cp t1/00000001 w1/0000000$e && printf "\\00$e" | dd of=w1/0000000$e bs=1 seek=4 conv=notrunc 2>/dev/null; done
expect 5 'w1/00000003: byte 20: the event lies -2 epochs (-1.07374 s) from epoch 00000003' "$qd" sync --qcrypto -i t2/00000003 -I w1/00000003
expect 5 'w1/00000003: byte 20: the event lies -2 epochs' "$qd" sync --qcrypto -d t2 -D w1 -e 3
expect 5 'the event lies -2 epochs' "$qd" tags info w1/00000003 --format t1
expect 0 'warning: [0-9]* events lie in the epoch beside that of the file.s header, first in the file of epoch 00000002' "$qd" tags info w1/00000002 --format t1
[ "$("$qd" sync --qcrypto -i t2/00000001 -I w1/00000002 -V 0 2>err)" = 25132741 ] && grep -q 'w1/00000002: [0-9]* events lie in the epoch beside' err || say "one epoch off: $(cat err)"
rm -r w1
# the frequency that costream cannot follow is named
"$qd" simulate "$2/examples/scenarios/metro-fibre.yaml" --duration-s 0.6 --seed 4 --device ref --out fast -q 2>err || say "simulate: $(cat err)"
"$qd" tags convert fast/alice.a1 --from a1-54 --to t2 --out fast2 -q 2>err && "$qd" tags convert fast/bob.a1 --from a1-54 --to t1 --out fast1 -q 2>err || say "convert: $(cat err)"
# 2.5 ppm are 42950 of 2^-34
expect 0 'freqcd -f 42950' "$qd" sync --qcrypto -d fast2 -D fast1

# ---- fpfind ----
"$qd" sync --fpfind -d t2 -D t1 -e 0x1 -q 23 -R 32 -r 4 -s 1 --convergence-rate 0.1 -P --precomp-stop 1e-6 -V 9 -vvv >out 2>err || say "fpfind: $(cat err)"
# exactly two numbers: 1e-9 within 4 sd of 4e-12, and the offset
awk -F '\t' '{ f = $1 - 1e-9 } NF == 2 && f * f < 4e-22 && $2 == 25132741 { ok = 1 } END { exit !(ok && NR == 1) }' out || say "fpfind -V 9: $(cat out)"
[ "$(./fpfind -d t2 -D t1 -V 8 -q 20 2>err | cut -f 2)" = -25132741 ] || say "fpfind takes off: $(cat err)"
[ "$(./fpfind -t sim/alice.a1 -T sim/bob.a1 -V 31 -q 20 2>err)" = "$(./fpfind -d t2 -D t1 -V 7 -q 20 2>err)" ] || say "raw events: $(cat err)"
[ "$(./fpfind -d t2 -D t1 -V 28 -q 20 2>err | cut -f 2)" = 00000001 ] || say "first epoch: $(cat err)"
for s in alice bob; do "$qd" tags convert sim/$s.a1 --from a1-54 --to a1-54-swapped --out $s.x -q; done
[ "$(./fpfind -t alice.x -T bob.x -X -V 11 -q 20 2>err)" = "$(./fpfind -t sim/alice.a1 -T sim/bob.a1 -V 11 -q 20 2>err)" ] || say "-X: $(cat err)"
[ "$(./fpfind -t sim/alice.a1 -T sim/bob.a1 -V 11 -q 20 2>err | cut -f 1)" = 17 ] || say "1e-9 are 17 of 2^-34: $(cat err)"

# ---- costream ----
mkdir b3 b4
"$qd" sift --qcrypto -d t2 -D t1 -f b3 -F b4 -e 1 -q 3 -t "$offset.0" -p 1 -T 2 -w 6 -u 30 -Q -200000 -R 5 -V 5 -G 2 -n b.log -m b.t3 -M b.t4 '' -h 50 2>err || say "costream: $(cat err)"
# eight numbers a line, split by tabs, or 17 words by blanks
awk -F '\t' 'NF != 8 || $2 < 1000 || $3 > $7 || $7 > $2 || $6 > $7 / 10 { bad = 1 } END { exit bad || NR != 3 }' b.log || say "-V 5: $(cat b.log)"
[ "$(cut -f 1 b.log | tr '\n' ' ')" = '00000001 00000002 00000003 ' ] && cmp -s b.t3 b.t4 && [ "$(cut -f 1 b.log)" = "$(cat b.t3)" ] || say "epochs and notices"
mkdir c3 c4
"$qd" sift --qcrypto -d t2 -D t1 -f c3 -F c4 -e 1 -q 3 -t "$offset" -T 2 -w 6 -u 30 -Q -200000 -R 5 -V 4 >c.log 2>err || say "costream: $(cat err)"
diff -r b3 c3 && diff -r b4 c4 || say "the same twice differs"
[ "$(sed 's/epoch: \(.*\), 2-evnts: \(.*\), 4-evnts: \(.*\), new bw4: \(.*\), ft: \(.*\), acc: \(.*\), true: \(.*\), 1-events: \(.*\)/\1\t\2\t\3\t\4\t\5\t\6\t\7\t\8/' c.log)" = "$(cat b.log)" ] || say "-V 4: $(cat c.log)"
[ "$(stat -c %a b3/00000001)" = 600 ] || say "T3 files are for everybody to read"

# ---- splicer: Alice's bits are Bob's ----
# equal A B: the share of entries that differ in T3 files of one bit, in 1e-4
words() { od -A n -t u4 -v -w4 "$1" | awk '{ print $1 }'; }
errors() {
    for e in "$1"/*; do
        words "$e" >w1 && words "$2/$(basename "$e")" >w2
        [ "$(sed -n 3p w1)" = "$(sed -n 3p w2)" ] || say "lengths of $e"
        paste w1 w2 | awk 'NR == 3 { n = $1 } NR > 4 { for (i = 0; i < 32; i++) { a = $1 % 2; b = $2 % 2; d += a != b; $1 = ($1 - a) / 2; $2 = ($2 - b) / 2 } } END { print d + 0, n }'
    done | awk '{ d += $1; n += $2 } END { printf "%d\n", n ? 10000 * d / n : 10000 }'
}
mkdir a3
"$qd" sift --splicer -d t3 -D b4 -f a3 -e 1 -q 3 -m a.log 2>err || say "splicer: $(cat err)"
[ "$(cat a.log)" = "$(cat b.t3)" ] || say "splicer's notices"
# The source errs in 1.2 %. Some 16,000 bits: 4 sd are 0.35 %; accidentals add 0.1 %.
q=$(errors a3 b3)
[ "$q" -gt 80 ] && [ "$q" -lt 175 ] || say "QBER of $q in 10000"
# our pairing: no fewer kept, no more errors than chance allows
mkdir o3 o4 oa3
"$qd" sift --qcrypto -d t2 -D t1 -f o3 -F o4 -e 1 -q 3 -t "$offset" -T 2 -w 6 -u 30 -Q -200000 -V 5 --pairing one-to-one >o.log 2>err || say "one-to-one: $(cat err)"
"$qd" sift --splicer -d t3 -D o4 -f oa3 -e 1 -q 3 2>err || say "splicer: $(cat err)"
q=$(errors oa3 o3)
[ "$q" -gt 80 ] && [ "$q" -lt 175 ] || say "QBER of $q in 10000, one to one"
[ "$(awk '{ n += $7 } END { print n }' o.log)" -ge "$(awk '{ n += $7 } END { print n }' b.log)" ] || say "one-to-one finds less than the greedy rule"
# service mode: both stations get the same bytes
mkdir s3 s4 sa3
"$qd" sift --qcrypto -d t2.service -D t1 -f s3 -F s4 -e 1 -q 3 -t "$offset" -p 0 -Q -200000 -H hist. -h 3 >s.log 2>err || say "service: $(cat err)"
"$qd" sift --splicer -d t3.service -D s4 -f sa3 -e 1 -q 3 -p 0 2>err || say "splicer, service: $(cat err)"
diff -r s3 sa3 || say "service mode: the stations' files differ"
[ "$(cat s.log | tr '\n' ' ')" = '00000001 00000002 00000003 ' ] || say "-V 0: $(cat s.log)"
# anti-correlated: in the window VH and HV (columns 3 and 9 behind d), not VV and HH, are full
awk '!/^#/ { n++; if ($1 > -6 && $1 < 6) { cross += $4 + $10; same += $2 + $12 } if (NF != 26) bad = 1 } END { exit bad || n != 128 || cross < 50 * same }' hist.00000003 || say "histogram"

# ---- live: files that come in pieces, FIFOs, a gap, a stop ----
mkdir l1 l2 l3 l4 la
mkfifo genlog cmd epochs
cat genlog >l.log &
readers=$!
cat cmd >l.t4 &
readers="$readers $!"
./costream -d l2 -D l1 -f l3 -F l4 -e 0x1 -t "$offset" -T 2 -w 6 -u 30 -Q -200000 -R 5 -V 5 -n genlog -M cmd -k -K --wait-s 3 2>l.err &
job=$!
./splicer -d t3 -D l4 -f la -E epochs -m la.log 2>la.err &
splice=$!
exec 3>epochs
for e in 00000001 00000002 00000003; do
    for s in 2 1; do
        head -c 1001 t$s/$e >l$s/$e # no whole header's worth of entries
        sleep 0.2
        tail -c +1002 t$s/$e >>l$s/$e
    done
    while [ ! -e l4/$e ] && kill -0 $job 2>/dev/null; do
        [ $e = 00000003 ] && cp t1/00000004 l1/00000004 # so that T1 goes beyond
        sleep 0.1
    done
    echo $e >&3
done
mkdir later
cp t2/00000004 l2/00000006 # a gap, and a file under another name
wait $job || l_status=$?
[ "${l_status:-0}" = 5 ] && grep -q 'no T2 files from 00000004 to 00000005' l.err && grep -q 'the header says epoch 00000004' l.err || say "live: ${l_status:-0} $(cat l.err)"
# shellcheck disable=SC2086 # two processes
wait $readers
cmp -s l.log b.log && cmp -s l.t4 b.t4 && diff -r l3 b3 && diff -r l4 b4 || say "live gives other results: $(cat l.log l.err)"
[ "$(ls l2)" = 00000006 ] && [ ! -e l1/00000001 ] && [ ! -e l1/00000002 ] || say "-k -K left $(ls l1 l2)"
i=0
while [ ! -e la/00000003 ] && [ $i -lt 100 ]; do sleep 0.1; i=$((i + 1)); done
exec 3>&-
kill -TERM $splice
wait $splice || s_status=$?
[ "${s_status:-0}" = 75 ] && diff -r la a3 && cmp -s la.log a.log || say "splicer on a FIFO: ${s_status:-0} $(cat la.err)"
[ -z "$(find . -name '*.tmp')" ] || say "temporary files are left"

# ---- refusals ----
expect 6 'protocol 0 with patterns of 4' "$qd" sift --qcrypto -d t2.service -D t1 -f c3 -F c4 -e 1 -t 0 --wait-s 0
expect 2 'protocol 3 is not spoken' "$qd" sift --qcrypto -d t2 -D t1 -f c3 -F c4 -e 1 -t 0 -p 3
expect 2 'protocol 5 is not spoken' "$qd" sift --splicer -d t3 -D b4 -f a3 -p 5
expect 2 'give the offset -t' "$qd" sift --qcrypto -d t2 -D t1 -f c3 -F c4
expect 2 'four directories' "$qd" sift --qcrypto -d t2 -t 0
expect 2 'three directories' "$qd" sift --splicer -d t3
expect 2 "unknown option '-Z'" "$qd" sift --qcrypto -Z
expect 2 "is not a number" "$qd" sift --qcrypto -t 12x
expect 2 'no rule' "$qd" sift --qcrypto -d t2 -D t1 -f c3 -F c4 -t 0 --pairing best
expect 2 'directories only' "$qd" sift --qcrypto -i t2/00000001
expect 2 'give -d or -i' "$qd" sync --qcrypto -D t1
expect 2 'out of range: 12 to 30' "$qd" sync --qcrypto -d t2 -D t1 -q 40
expect 2 'no option' "$qd" sync --qcrypto t2 t1
expect 2 'always searched' "$qd" sync --fpfind -d t2 -D t1 --disable-comp
expect 5 'cannot list' "$qd" sync --qcrypto -d t2 -D /nonexistent
expect 5 'files ended after 0 epochs' "$qd" sift --qcrypto -d t2 -D t1 -f c3 -F c4 -e 0x9 -t 0 --wait-s 0
expect 5 'cannot write' "$qd" sift --qcrypto -d t2 -D t1 -f /nonexistent -F c4 -e 1 -q 1 -t "$offset" --wait-s 0
expect 5 'key bits\|carry bits\|bases' "$qd" tags convert t2 --from t2 --to t3 --out none
[ ! -e none ] || say "bits were made of bases"
[ $fails = 0 ]
