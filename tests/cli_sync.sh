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

# Refused: exit 6, with a reason, and a record without a clock.
make 2 0 "$dir/na" "$dir/nb"
expect 6 'no lock: no peak stands out' "$qd" sync "$dir/na" "$dir/nb" --format a1-54 --json "$dir/no.json"
grep -q 'Next: ' "$dir/log" || say "a refusal does not say what to do"
grep -q 'S found' "$dir/log" || say "a refusal does not give the numbers"
grep -q '"status": "aborted"' "$dir/no.json" || say "status of a refusal"
grep -q '"locked": false' "$dir/no.json" || say "locked of a refusal"
grep -q '"offset_ps": null' "$dir/no.json" || say "a refusal gives an offset"
grep -q '"clock"' "$dir/no.json" && say "a refusal leaves a clock"
expect 6 'no lock' "$qd" sync "$dir/a" "$dir/nb" --format a1-54 --effort low
expect 6 'no lock' "$qd" sync "$dir/a" "$dir/b" --format a1-54 --max-offset-s 0.001
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
