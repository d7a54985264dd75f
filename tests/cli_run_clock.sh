#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run on recordings finds the clock by itself: its record says of the search what the record of sync says, on a lock and in a refusal, and its
# refusal names what a job can change.
set -eu
. "$(dirname -- "$0")/expect.sh"
unset QD_DEVICE || true
perl -MJSON::PP -e 1 2>/dev/null || { echo "no JSON::PP of Perl"; exit 77; }
cd "$dir"
# get EXPRESSION: what Perl makes of the records of run, $r (of its search $s), and of sync, $y
get() { perl -MJSON::PP -e 'sub rd { local $/; open(my $f, "<", $_[0]) or die; decode_json(<$f>) } our $r = rd("run.json"); our $s = $r->{sync}; our $y = rd("sync.json");
    print eval $ARGV[0]; die $@ if $@' "$1"; }
holds() { [ "$(get "($1) ? 1 : 0")" = 1 ] || say "not so: $1"; }
scenario() { # OFFSET_PS
    cat <<EOF
pair_rate_hz: 1.0e6
visibility: 0.97
arms:
  alice: {detectors: {efficiency: 0.4, dark_hz: 300, jitter_fwhm_ps: 100}}
  bob: {detectors: {efficiency: 0.4, dark_hz: 300, jitter_fwhm_ps: 100}}
clock: {offset_ps: $1, frequency_ppm: -3}
EOF
}
job() { # NAME BOB SYNC
    cat >"$1.job" <<EOF
name: $1
input: {alice: {file: r/alice.a1, format: a1-54}, bob: {file: $2/bob.a1, format: a1-54}}
block_coincidences: 30000
sync: {$3}
EOF
}
scenario 2500000 >near.yaml
scenario 20000000000 >far.yaml
expect 0 tags "$qd" simulate near.yaml --duration-s 0.5 --seed 4 --out r
expect 0 tags "$qd" simulate near.yaml --duration-s 0.5 --seed 5 --out other
expect 0 tags "$qd" simulate far.yaml --duration-s 0.5 --seed 4 --out far

job rec r 'max_offset_s: 1e-4, max_ppm: 5'
expect 0 'locked' "$qd" sync r/alice.a1 r/bob.a1 --format a1-54 --max-offset-s 1e-4 --max-ppm 5 --json sync.json
grep -q 'S_max' log || say "sync does not say S_max: $(cat log)"
expect 0 'secret bits' "$qd" run rec.job --out n --json run.json
# Every member of sync's about the search, but for the files': these have places of their own, and the line in whole ticks in `clock`.
[ "$(get 'join " ", grep { !exists $s->{$_} } grep { !/^(schema|tool|version|verb|status|device|exit_status|format|format_b|recordings|clock|dispersion|warnings)$/ } sort keys %$y')" = "" ] ||
    say "run's record has not what sync's has: $(get 'join " ", grep { !exists $s->{$_} } sort keys %$y')"
holds '$s->{locked} && $s->{significance} > $s->{significance_needed} && $s->{p_false} <= $s->{max_p_false} && $s->{max_p_false} == 1e-9 && !defined $s->{refusal}'
# S_max of one window: the share of events with a partner over the root of the greatest frequency error
for x in '$s' '$y'; do
    holds "abs($x->{s_max} * $x->{span_s} * sqrt($x->{rates}[0] * $x->{rates}[1] * 5e-6) / $x->{pairs} - 1) < 1e-9 && $x->{s_max} > $x->{significance}"
done
# All events are in both, so the same rates but for where the common time ends (4 sd of 2 x 2e5 counts of .5 s); the announced times are rounded to
# 32 ticks of 125/32 ps, in the mean by half a tick, and the fits have five standard deviations.
holds 'abs($s->{rates}[0] / $y->{rates}[0] - 1) < 4 * sqrt(2 / 2e5) && abs($s->{rates}[1] / $y->{rates}[1] - 1) < 4 * sqrt(2 / 2e5)'
holds '$s->{base_ps} == $y->{base_ps} && abs($s->{offset_ps} - $y->{offset_ps}) < 125 / 32 + 5 * sqrt($s->{offset_sd_ps} ** 2 + $y->{offset_sd_ps} ** 2)'
holds '$r->{clock}{significance} == $s->{significance} && $s->{loaded_events}[0] > 1e5 && $s->{loaded_s}[1] > 0.2 && $s->{attempts} >= 1'
grep -q 'clock: offset' log && grep -q 'significance .* needed .* S_max' log || say "the report does not speak of the clock"

# No pairs: the four parts, in the keys of a job; the same in the record.
job noise other 'max_offset_s: 0.01, max_ppm: 50, effort: low'
expect 6 'no lock: no peak stands out' "$qd" sync r/alice.a1 other/bob.a1 --format a1-54 --max-offset-s 0.01 --max-ppm 50 --effort low --json sync.json
expect 6 'no lock: no peak stands out.*S found .*needed .*background .*rates .*correlated' "$qd" run noise.job --out n --json run.json
for part in 'a clock is never guessed' 'Next: check that the files belong together; this search sees links of which .* S_max' 'sync.ppm, sync.offset_s' 'sync.max_[a-z_]*: [0-9]' \
    'clock: none found, no-peak' 'significance .*, needed .*S_max'; do
    grep -q "$part" log || say "a refusal of run has no '$part': $(cat log)"
done
grep -q -- 'Next:.*--' log && say "a refusal of run names options that it has not: $(grep Next: log)"
holds '$r->{status} eq "aborted" && !$s->{locked} && $s->{refusal} eq "no-peak" && $s->{significance} < $s->{significance_needed} && $s->{p_false} > $s->{max_p_false} && $s->{rates}[1] > 1e5'
holds '$s->{s_max} > 0 && abs($s->{s_max} - $s->{sees_eta} / sqrt(50e-6)) < 1e-9 * $s->{s_max} && @{$s->{remedies}} > 0 && $s->{effort} eq "low" && !defined $r->{clock}'
holds '$r->{error}{what} =~ /^no lock/ && $r->{error}{cause} =~ /needed/ && $r->{error}{likely} && $r->{error}{next} =~ /S_max/'

# A signal ends a search that would take minutes; the run can be gone on with.
job long other 'max_offset_s: 10, max_ppm: 100, effort: high'
begun='[ -s n/long/manifest.json ]' stops 'qdistill run --resume n/long' "$qd" run long.job --out n
grep -q 'no lock' log && say "a stop is told as a refusal: $(cat log)"
[ -s n/long/state.json ] && [ -s n/long/manifest.json ] || say "a stopped run is not kept"

# What is known of the clocks: 20 ms lie outside of a narrow search around 0, and inside of one around them.
job prior far 'max_offset_s: 1e-6, max_ppm: 0.1, offset_s: 0.02, ppm: -3, p_false: 1e-12, effort: high'
expect 0 'secret bits' "$qd" run prior.job --out n --json run.json
holds '$s->{locked} && abs($s->{offset_ps} - 2e10) < 1e6 && $s->{prior_offset_s} == 0.02 && $s->{prior_ppm} == -3 && $s->{max_p_false} == 1e-12 && $s->{effort} eq "high"'
grep -q '"offset_s": 0.02' n/prior/manifest.json || say "the manifest does not say what was known of the clocks"
[ $fails = 0 ]
