#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# sync: a clock out of two simulated recordings, its record, refusals (exit 6), and every kind of bad input.
set -eu
. "$(dirname -- "$0")/expect.sh"
unset QD_DEVICE || true

# Two stations for half a second, 400,000 events a second each, PAIRS of the 200,000 common; B's clock is 2.5 ms and 4 ppm behind.
# make SEED PAIRS FILE-A FILE-B
make() {
    perl -e '
        my ($seed, $pairs, @file) = @ARGV;
        srand($seed);
        my ($per, $n, @a, @b) = (256e9, 200000);
        for my $i (0 .. $n - 1) {
            my $t = rand() * 0.5 * $per;
            push @a, $t;
            my $s = $i < $pairs ? $t + (rand() + rand() - 1) * 150 : rand() * 0.5 * $per;
            push @b, ($s - 2.5e-3 * $per) / (1 + 4e-6);
        }
        for my $side (\@a, \@b) { # time << 10 | 1, low word first
            open(my $f, ">:raw", shift @file) or die;
            print $f pack("Q<*", map { ($_ << 10) | 1 } sort { $a <=> $b } map { int($_ + 2560000000.5) } @$side);
            close($f) or die;
        }' "$@"
}
make 1 30000 "$dir/a" "$dir/b"

expect 0 'locked' "$qd" sync "$dir/a" "$dir/b" --format a1-54
# what decides is said in words; a chance that no double holds is not told as 0
expect 0 'confirmed by [0-9]* events where [0-9.e-]* are chance, in data kept back' "$qd" sync "$dir/a" "$dir/b" --format a1-54
expect 0 'probability of a false lock \(below [1-9]\|< 1e-300 among\)' "$qd" sync "$dir/a" "$dir/b" --format a1-54
expect 0 '"locked": true' "$qd" sync "$dir/a" "$dir/b" --format a1-54 --json -
for f in '"verb": "sync"' '"offset_ps"' '"frequency_ppm"' '"significance"' '"p_false"' '"reason": null' '"clock"' '"base"' '"offset"' '"freq"' '"device"'; do
    grep -q -- "$f" "$dir/log" || say "the record has no $f"
done
# number NAME: the value of a member of the record
number() { sed -n "s/^ *\"$1\": *\\(-\\{0,1\\}[0-9.e+-]*\\),\\{0,1\\}\$/\\1/p" "$2" | head -n 1; }
# tA - tB at tB = base: 2.5 ms + 4 ppm of (tB + 10 ms - ...): both files were shifted by 10 ms after the clock, so that 4 ppm count from there.
# Jitter: triangular of +-150 ticks, sigma 150/sqrt(6) ticks = 239 ps; 30,000 pairs: offset 4 sd = 4 * 2 * 239 / sqrt(30000) = 11 ps and 6 ps
# of ticks; frequency 4 * 239 * sqrt(12) / sqrt(30000) / 0.5 s = 3.8e-5 ppm and 1.2e-5 of ticks.
awk -v o="$(number offset_ps "$dir/log")" -v f="$(number frequency_ppm "$dir/log")" -v b="$(number base_ps "$dir/log")" 'BEGIN {
    want = 2.5e9 + 4e-6 * (b - 1e10); d = o - want; e = f - 4
    if (d < 0) d = -d; if (e < 0) e = -e
    if (d > 17 || e > 5e-5 || o == "") { print "offset off by " d " ps, frequency by " e " ppm"; exit 1 } }' || say "the clock is wrong"

# In standard deviations, at the base and in the middle; the middle is known twice as well.
awk -v o="$(number offset_ps "$dir/log")" -v so="$(number offset_sd_ps "$dir/log")" -v b="$(number base_ps "$dir/log")" \
    -v m="$(number mid_offset_ps "$dir/log")" -v sm="$(number mid_offset_sd_ps "$dir/log")" -v t="$(number mid_ps "$dir/log")" \
    -v f="$(number frequency_ppm "$dir/log")" -v sf="$(number frequency_sd_ppm "$dir/log")" 'BEGIN {
    z = (o - 2.5e9 - 4e-6 * (b - 1e10)) / so; y = (m - 2.5e9 - 4e-6 * (t - 1e10)) / sm; x = (f - 4) / sf
    if (z * z > 16 || y * y > 16 || x * x > 16 || so < 1.9 * sm || so > 2.1 * sm || sm > 2) {
        print "off by " z ", " y ", " x " sd; mid-time sd " sm " ps"; exit 1 } }' || say "the clock is not within its standard deviations"

# The same bytes on device and reference, and the record is a clock for sift.
expect 0 'locked' "$qd" sync "$dir/a" "$dir/b" --format a1-54 --max-offset-s 0.003 --json "$dir/c1.json"
expect 0 'locked' "$qd" sync "$dir/a" "$dir/b" --format a1-54 --max-offset-s 0.003 --device ref --json "$dir/c2.json"
for f in base offset freq p_false; do
    [ "$(number $f "$dir/c1.json")" = "$(number $f "$dir/c2.json")" ] || say "device and reference differ in $f"
done
expect 0 'locked' "$qd" sync "$dir/a" "$dir/b" --format a1-54 --span-s 0.3 --json "$dir/c3.json"

# Without priors 1 s and 122 ppm; with them, limits around them. A prior that is wrong by more than the limits finds nothing.
[ "$(number max_offset_s "$dir/c3.json")" = 1.0 ] && [ "$(number max_ppm "$dir/c3.json")" = 122.0703125 ] || say "the limits without priors"
expect 0 'locked' "$qd" sync "$dir/a" "$dir/b" --format a1-54 --offset-s 0.0025 --max-offset-s 1e-6 --ppm 4.05 --max-ppm 0.1 --json "$dir/c4.json"
# With the prior 2.5 ms more are known to be common, half a percent of the pairs: sqrt(0.005) of a standard deviation (2.9 ps; 1e-5 ppm, 176 units
# of 2^-44), four times that; and a tick.
awk -v o1="$(number offset "$dir/c1.json")" -v o4="$(number offset "$dir/c4.json")" -v f1="$(number freq "$dir/c1.json")" -v f4="$(number freq "$dir/c4.json")" \
    'BEGIN { o = o1 - o4; f = f1 - f4; exit !(f4 != "" && o * o <= 1 && f * f <= 50 * 50) }' || say "with priors the clock is another"
[ "$(number prior_ppm "$dir/c4.json" | cut -c 1-6)" = 4.0499 ] || say "the prior is not in the record"
expect 6 'no lock' "$qd" sync "$dir/a" "$dir/b" --format a1-54 --offset-s -0.0025 --max-offset-s 1e-4 --effort low
expect 6 'outside the search' "$qd" sync "$dir/a" "$dir/b" --format a1-54 --max-offset-s 0.01 --ppm 3 --max-ppm 0.99 --effort low
expect 2 'out of range' "$qd" sync "$dir/a" "$dir/b" --format a1-54 --ppm 300
expect 2 'for both together' "$qd" sync "$dir/a" "$dir/b" --format a1-54 --ppm 200 --max-ppm 50

# Warnings: a lock at the edge of the search, a file against itself or a copy of it.
expect 0 'edge of the search' "$qd" sync "$dir/a" "$dir/b" --format a1-54 --max-offset-s 0.0026 --max-ppm 10
expect 0 'the same file' "$qd" sync "$dir/a" "$dir/a" --format a1-54 --max-offset-s 0.01 --max-ppm 10 --json "$dir/self.json"
grep -q 'the same file' "$dir/self.json" || say "the record has no warning"
cp "$dir/a" "$dir/copy"
expect 0 'copies of one recording' "$qd" sync "$dir/a" "$dir/copy" --format a1-54 --max-offset-s 0.01 --max-ppm 10

# What is wrong with a recording is told: a line for its station, and in the record; of sound ones nothing. PicoQuant's records in ps, an unknown
# one before every 5000th event of A's; its header claims 5 records, B's, which has not been told yet, none.
expect 0 'locked' "$qd" sync "$dir/a" "$dir/b" --format a1-54 --max-offset-s 0.01 --max-ppm 10 --json "$dir/sound.json"
grep -q 'warning' "$dir/log" && say "a warning about sound recordings: $(cat "$dir/log")"
[ "$(grep -c '"found": \[\]' "$dir/sound.json")" = 2 ] && [ "$(grep -c '"events": 200000' "$dir/sound.json")" = 2 ] || say "the record of sound recordings"
ptu() { # FROM TO EVERY CLAIMS
    perl -e '
    my ($in, $out, $every, $claims) = @ARGV;
    open(my $f, "<:raw", $in) or die; local $/; my @w = unpack("Q<*", <$f>); close $f;
    open($f, ">:raw", $out) or die;
    print $f pack("a8a8", "PQTTTR", "1.0.00");
    print $f pack("a32VVQ<", @$_) for ["TTResultFormat_TTTRRecType", ~0, 0x10000008, 0x01010204], ["TTResultFormat_BitsPerRecord", ~0, 0x10000008, 32],
        ["TTResult_NumberOfRecords", ~0, 0x10000008, $claims], ["MeasDesc_GlobalResolution", ~0, 0x20000008, unpack("Q<", pack("d<", 1e-12))],
        ["Header_End", ~0, 0xffff0008, 0];
    my ($over, $n) = (0, 0);
    for (@w) {
        my $t = int(($_ >> 10) * 3.90625);
        my $more = ($t >> 25) - $over;
        print $f pack("V", 0xfe000000 | $more) if $more;
        print $f pack("V", 0xa0000000) if $every && $n++ % $every == 0;
        print $f pack("V", $t & 0x1ffffff);
        $over += $more;
    }
    close $f' "$@"
}
ptu "$dir/a" "$dir/a.ptu" 5000 5
ptu "$dir/b" "$dir/b.ptu" 0 0
ptus="$dir/a.ptu $dir/b.ptu --format ptu --max-offset-s 0.01 --max-ppm 10"
# shellcheck disable=SC2086 # words
expect 0 'locked' "$qd" sync $ptus --json "$dir/ptu.json"
[ "$(grep -c 'warning' "$dir/log")" = 1 ] || say "not one line: $(cat "$dir/log")"
grep -q "^qdistill sync: warning: $dir/a.ptu: 40 records are of no kind .* 0xa0000000, at record [0-9]*; the header claims 5 records, [0-9]* are there; see qdistill tags info $dir/a.ptu --format ptu\$" "$dir/log" ||
    say "faults of a recording: $(cat "$dir/log")"
[ "$(grep -o '"faults": [0-9]*\|"claimed": [0-9]*\|"found": \[\]' "$dir/ptu.json" | tr '\n' ' ')" = '"faults": 40 "claimed": 5 "faults": 0 "claimed": 0 "found": [] ' ] ||
    say "faults of a recording in the record: $(grep -A 60 recordings "$dir/ptu.json")"
# shellcheck disable=SC2086
said=$("$qd" sync $ptus -q 2>&1) || say "status with -q"
[ -z "$said" ] || say "-q says: $said"

# A recording that begins 0.3 s before the other: what is before the common time is not held.
perl -e '
    my ($in, $out) = @ARGV;
    open(my $f, "<:raw", $in) or die; local $/; my $x = <$f>; close $f;
    my @early = map { ($_ * 1000000 << 10) | 1 } 1 .. 2000; # 7.8 s at 256 a second
    my @late = map { $_ + (8 * 256000000000 << 10) } unpack("Q<*", $x);
    open($f, ">:raw", $out) or die; print $f pack("Q<*", @early, @late); close $f;' "$dir/a" "$dir/early"
expect 0 'locked' "$qd" sync "$dir/early" "$dir/b" --format a1-54 --offset-s 8 --max-offset-s 0.01 --json "$dir/early.json"
awk -v x="$(sed -n '/"loaded_s"/,/]/p' "$dir/early.json" | sed -n 2p | tr -d ', ')" 'BEGIN { exit !(x > 0.3 && x < 0.6) }' || say "early events are held"

# Refused: exit 6, with a reason, and a record without a clock.
make 2 0 "$dir/na" "$dir/nb"
expect 6 'no lock: no peak stands out' "$qd" sync "$dir/na" "$dir/nb" --format a1-54 --max-offset-s 0.002 --max-ppm 10 --json "$dir/no.json"
grep -q 'Next: ' "$dir/log" || say "a refusal does not say what to do"
grep -q 'S found' "$dir/log" || say "a refusal does not give the numbers"
grep -q '"status": "aborted"' "$dir/no.json" || say "status of a refusal"
grep -q '"locked": false' "$dir/no.json" || say "locked of a refusal"
grep -q '"offset_ps": null' "$dir/no.json" || say "a refusal gives an offset"
grep -q '"clock"' "$dir/no.json" && say "a refusal leaves a clock"
# One that may come of a damaged recording says so: the last five records stand at place 1000.
perl -e 'my ($in, $out) = @ARGV; open(my $f, "<:raw", $in) or die; local $/; my @w = unpack("Q<*", <$f>); close $f;
    splice(@w, 1000, 0, splice(@w, -5)); open($f, ">:raw", $out) or die; print $f pack("Q<*", @w); close $f' "$dir/na" "$dir/jump"
expect 6 "warning: $dir/jump: time goes back by a millisecond or more 1 times, .* first before event 1005; see" "$qd" sync "$dir/jump" "$dir/nb" --format a1-54 \
    --max-offset-s 0.01 --max-ppm 10 --effort low --json "$dir/no.json"
[ "$(grep -c 'warning' "$dir/log")" = 1 ] || say "not one line: $(cat "$dir/log")"
[ "$(grep -o '"jumps": [0-9]\|"jump_event": [0-9a-z]*' "$dir/no.json" | tr '\n' ' ')" = '"jumps": 1 "jump_event": 1005 "jumps": 0 "jump_event": null ' ] || say "a jump is not in the record of a refusal"
expect 6 'no lock' "$qd" sync "$dir/a" "$dir/nb" --format a1-54 --effort low
# A signal ends a search that would be refused minutes later, on the device and by the reference: 75, and nothing is written.
for device in auto ref; do
    stops 'stopped on request' "$qd" sync "$dir/na" "$dir/nb" --format a1-54 --max-offset-s 10 --effort high --device $device
    grep -q 'no lock' "$log" && say "a stop is told as a refusal: $(cat "$log")"
done
stops 'stopped on request' "$qd" sync "$dir/na" "$dir/nb" --format a1-54 --max-offset-s 10 --effort high --json "$dir/stopped.json"
grep -q '"exit_status": 75' "$dir/stopped.json" || say "the record of a stop: $(cat "$dir/stopped.json")"
expect 6 'no lock' "$qd" sync "$dir/a" "$dir/b" --format a1-54 --max-offset-s 0.001 --effort low
expect 6 '"effort": "low"' "$qd" sync "$dir/a" "$dir/b" --format a1-54 --max-ppm 0.5 --effort low --json -
head -c 8 "$dir/a" >"$dir/one"
expect 6 'one event' "$qd" sync "$dir/one" "$dir/b" --format a1-54
for i in 1 2 3 4; do cat "$dir/one"; done >"$dir/same"
expect 6 'all events at one time' "$qd" sync "$dir/a" "$dir/same" --format a1-54

# Bad input: exit 5 and the file's name.
: >"$dir/empty"
head -c 1001 "$dir/a" >"$dir/cut"
{ tail -c 80000 "$dir/a"; head -c 80 "$dir/a"; } >"$dir/order"
mkfifo "$dir/pipe"
for f in missing empty cut pipe order; do
    expect 5 "$dir/$f" "$qd" sync "$dir/$f" "$dir/b" --format a1-54
    expect 5 "$dir/$f" "$qd" sync "$dir/a" "$dir/$f" --format a1-54 --json "$dir/bad.json"
done
expect 5 'is a directory' "$qd" sync "$dir" "$dir/b" --format a1-54
grep -q '"status": "failed"' "$dir/bad.json" || say "record of a failure"
expect 5 '' "$qd" sync "$dir/a" "$dir/b" --format a1-54-swapped
expect 5 'cannot write' "$qd" sync "$dir/a" "$dir/b" --format a1-54 --json "$dir/no/such/c.json"

# Usage.
expect 2 'needs --format' "$qd" sync "$dir/a" "$dir/b"
expect 2 'none of low, normal, high' "$qd" sync "$dir/a" "$dir/b" --format a1-54 --effort great
expect 2 'out of range' "$qd" sync "$dir/a" "$dir/b" --format a1-54 --p-false 0.5
expect 2 'is no format' "$qd" sync "$dir/a" "$dir/b" --format nothing
expect 2 'out of range' "$qd" sync "$dir/a" "$dir/b" --format a1-54 --max-offset-s 11
expect 2 'out of range' "$qd" sync "$dir/a" "$dir/b" --format a1-54 --max-ppm 1000
expect 2 'at least 2' "$qd" sync "$dir/a" --format a1-54
[ $fails = 0 ]
