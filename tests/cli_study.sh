#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2086 # words of $point and $study
# study sync: small points, their record, a study that was interrupted and goes on, and every kind of bad input.
set -eu
. "$(dirname -- "$0")/expect.sh"
. "$(dirname -- "$0")/study.sh"
unset QD_DEVICE || true
# A bright link locks whatever the seed: nominally S = 0.2 / sqrt(122e-6) = 18; one without pairs must not lock.
point="--rate-a 4e5 --seconds 0.3 --max-offset-s 0.01 --effort low"

expect 0 'locks ' "$qd" study sync $point --eta 0.2 --runs 6 --json "$dir/r.json"
for f in '"verb": "study"' '"study": "sync"' '"rehearsal": true' '"seed": 1' '"p_false"' '"seconds_median"' '"device"'; do
    grep -q -- "$f" "$dir/r.json" || say "the record has no $f"
done
[ "$(get '"$p->{locks}{value} $p->{false_locks}{value} $p->{misses}{value}"' "$dir/r.json")" = "6 0 0" ] || say "a bright link does not lock 6 times of 6"
# 6 of 6: low is 40^(-1/6)
[ "$(get 'abs($p->{lock_rate}{low} - 40 ** (-1 / 6)) < 1e-9 && $p->{lock_rate}{high} == 1 && abs($p->{locks}{low} / 6 - $p->{lock_rate}{low}) < 1e-12' "$dir/r.json")" = 1 ] ||
    say "the interval of 6 of 6"
# Errors over stated deviations: of six the mean square has standard deviation sqrt(2/6); four of them above 1.
[ "$(get '$p->{offset_rms_sd} > 0 && $p->{offset_rms_sd} < sqrt(1 + 4 * sqrt(2 / 6)) && $p->{frequency_rms_sd} < sqrt(1 + 4 * sqrt(2 / 6))' "$dir/r.json")" = 1 ] ||
    say "errors are not as stated: $(get '"$p->{offset_rms_sd} $p->{frequency_rms_sd}"' "$dir/r.json")"
[ "$(get 'abs($p->{s_max} - 0.2 / sqrt(2 ** -13)) < 1e-9' "$dir/r.json")" = 1 ] || say "s_max"

# Noise: nothing locks, and the refusals are counted by reason.
expect 0 'no-peak: 3' "$qd" study sync $point --noise --runs 3 --json "$dir/n.json"
[ "$(get '"$p->{locks}{value} $p->{misses}{value} $p->{refusals}{\"no-peak\"}{value} $p->{eta}"' "$dir/n.json")" = "0 3 3 0" ] || say "noise"

# The reference finds the same.
for d in cpu ref; do
    expect 0 'locks ' "$qd" study sync --rate-a 4e5 --seconds 0.1 --max-offset-s 1e-4 --max-ppm 20 --eta 0.2 --effort low --runs 2 --device $d --json "$dir/$d.json"
    sed '/"device": {/,/}/d; /"seconds_/d' "$dir/$d.json" >"$dir/$d.cut"
done
cmp "$dir/cpu.cut" "$dir/ref.cut" || say "device and reference differ"

# A grid: every combination, the last option fastest; B counts as A does unless told otherwise.
expect 0 '4 points, 1 runs' "$qd" study sync $point --rate-a 4e5,2e5 --eta 0.2,0.1 --runs 1 --seed 5 --json "$dir/g.json"
[ "$(get 'join " ", map { "$_->{rate_a}/$_->{rate_b}/$_->{eta}" } @{$r->{points}}' "$dir/g.json")" = "400000/400000/0.2 400000/400000/0.1 200000/200000/0.2 200000/200000/0.1" ] ||
    say "the grid is $(get 'join " ", map { "$_->{rate_a}/$_->{rate_b}/$_->{eta}" } @{$r->{points}}' "$dir/g.json")"
# A prior that is known, and drawn anywhere: the true clock lies within.
expect 0 'locks' "$qd" study sync --rate-a 4e5 --seconds 0.3 --eta 0.1 --effort low --max-offset-s 1e-6 --max-ppm 0.1 --around-offset-s 2 --around-ppm 100 --runs 4 --json "$dir/p.json"
[ "$(get '$p->{locks}{value} . $p->{false_locks}{value}' "$dir/p.json")" = 40 ] || say "with priors that hold, not 4 right locks of 4"

# Stopped and gone on with: the same but for the seconds. The cut leaves three steps and a piece of the fourth.
study="$qd study sync $point --eta 0.2,0.001 --runs 3"
timeless() { sed 's/"seconds[a-z_]*": *[0-9.e+-]*//' "$1"; }
$study --state "$dir/whole" --json "$dir/whole.json" >/dev/null
head -n 4 "$dir/whole" >"$dir/part"
sed -n 5p "$dir/whole" | head -c 40 >>"$dir/part"
expect 0 'study sync' $study --state "$dir/part" --json "$dir/part.json"
for f in "" .json; do
    timeless "$dir/whole$f" >"$dir/one"
    timeless "$dir/part$f" >"$dir/two"
    cmp "$dir/one" "$dir/two" || say "a study that went on differs: whole$f"
done
[ "$(wc -l <"$dir/part")" = 7 ] || say "the state has $(wc -l <"$dir/part") lines, not 7"
cp "$dir/part" "$dir/kept"
expect 0 'study sync' $study --state "$dir/part" # nothing is left to do, nothing is written
cmp "$dir/part" "$dir/kept" || say "a finished state changed"
# A signal: 75. The runs so far stand in the table and the record, a point begun with those it has; with --state they are kept too.
# stop_study WHEN COMMAND...: give it a signal once WHEN is true; its text goes to $dir/out.
stop_study() {
    when=$1
    shift
    "$@" --progress tty >"$dir/out" 2>"$dir/err" &
    child=$!
    until eval "$when" || ! kill -0 $child 2>/dev/null; do sleep 0.1; done
    kill -INT $child 2>/dev/null || true
    kill -TERM $child 2>/dev/null || true # a shell's background commands may ignore SIGINT
    set +e
    wait $child
    [ $? = 75 ] || say "a signal does not end with 75: $*"
    set -e
}
# stopped_table NAME: what $dir/out and $dir/NAME.json say of a study of two runs a point agrees, and makes at least three runs.
stopped_table() {
    [ "$(get '$r->{exit_status} == 75 && $r->{status} eq "failed" && $r->{runs_done} >= 3' "$dir/$1.json")" = 1 ] || say "the record of a stop: $1"
    done=$(get '$r->{runs_done}' "$dir/$1.json")
    points=$(((done + 1) / 2))
    part=; [ $((done % 2)) = 0 ] || part=", the last 1 of 2 runs"
    grep -q "^study sync, stopped after $done of 80 runs: $points of 40 points, 2 runs each$part, seed 1;" "$dir/out" ||
        say "the head after $done runs of a stop: $(head -n 1 "$dir/out")"
    [ "$(grep -c '^ *4[.]0[0-9]*e+05 ' "$dir/out")" = $points ] || say "a stop after $done runs has no table of $points rows: $(cat "$dir/out")"
    [ "$(get 'my $n = 0; my $least = 2; for (@{$r->{points}}) { $n += $_->{runs}; $least = 0 if $_->{runs} < 1; $least = 0 if $_->{locks}{value} + $_->{misses}{value} != $_->{runs} } "$n $least"' "$dir/$1.json")" = "$done 2" ] ||
        say "the points of a stop are not those of $done runs"
}
long="$qd study sync $point --rate-a $(seq -s , 400100 100 404000) --eta 0.2 --runs 2"
stop_study "grep -q 'sync: [3-9] / 80\|sync: [1-9][0-9] / 80' '$dir/err'" $long --json "$dir/gone.json"
stopped_table gone
grep -q 'nothing keeps them to go on from' "$dir/err" || say "a stop without --state: $(cat "$dir/err")"
stop_study "[ \"\$(wc -l 2>/dev/null <'$dir/long' || echo 0)\" -ge 4 ]" $long --state "$dir/long" --json "$dir/long.json"
stopped_table long
grep -q 'the same command goes on' "$dir/err" || say "nothing says how to go on: $(cat "$dir/err")"
[ "$(wc -l <"$dir/long")" = $((done + 1)) ] || say "of $done runs the state keeps $(($(wc -l <"$dir/long") - 1))"
stop_study "[ -s '$dir/quiet' ]" $long --state "$dir/quiet" -q
[ ! -s "$dir/out" ] || say "-q prints the table of a stop"

# A search that takes minutes does not go on to its end.
stops 'stopped on request before a run was done' $qd study sync --rate-a 1e5 --seconds 12 --max-offset-s 10 --noise --effort high --runs 1 --state "$dir/none"

# Another study's state: exit 5, and it stays as it is.
expect 5 'seed is 1 there, 2 here' $study --state "$dir/part" --seed 2
expect 5 'parameters.effort is "low" there, "normal" here' $study --state "$dir/part" --effort normal
expect 5 'runs is 3 there, 4 here' $study --state "$dir/part" --runs 4
expect 5 'device' $study --state "$dir/part" --device ref
cmp "$dir/part" "$dir/kept" || say "a refused state changed"
{ cat "$dir/kept"; sed -n 3p "$dir/kept"; } >"$dir/twice"
expect 5 'does not belong here' $study --state "$dir/twice"
sed 's/"result"/"reslut"/' "$dir/kept" >"$dir/typo"
expect 5 'has no result' $study --state "$dir/typo"
echo hello >"$dir/text"
expect 5 'not valid JSON' $study --state "$dir/text"
expect 5 'is a directory' $study --state "$dir"
expect 5 "$dir/no/such" $study --state "$dir/no/such/file"
expect 5 'is no record' $study --state "$dir/part" --json "$dir/part"

# Usage.
expect 2 'at least 1' "$qd" study
expect 2 'nothing that can be studied' "$qd" study weather
expect 2 'is not a number' "$qd" study sync --eta 0.1,
expect 2 "'x' is not a number" "$qd" study sync --eta 0.1,x,0.2
expect 2 'is out of range: 0 to 1' "$qd" study sync --eta 2
expect 2 'out of range' "$qd" study sync --rate-a nan
expect 2 'stands there twice' "$qd" study sync --eta 0.1,0.10
expect 2 'exclude each other' "$qd" study sync --eta 0.1 --noise
expect 2 'none of low, normal, high' "$qd" study sync --effort great
expect 2 'cannot be the share' "$qd" study sync --rate-a 1e6 --rate-b 1e4 --eta 0.2
expect 2 'limited to 240' "$qd" study sync --around-ppm 200
expect 2 'out of range' "$qd" study sync --runs 0
expect 2 'too many' "$qd" study sync --eta 0.1,0.2 --runs 100000
[ $fails = 0 ]
