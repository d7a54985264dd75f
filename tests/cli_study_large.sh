#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2086 # words of $study
# study reconcile with large-block codes: a point far from the waterfall and one above capacity, device against reference, a study that
# goes on, and names that are none.
set -eu
. "$(dirname -- "$0")/expect.sh"
. "$(dirname -- "$0")/study.sh"
unset QD_DEVICE || true
study="$qd study reconcile"

# f 1.4: every frame is solved, in a few iterations.
expect 0 'FER' $study --code large-520 --qber 0.07 --frames 2 --json "$dir/r.json"
[ "$(get '"$p->{frames} $p->{z} $p->{rows} $p->{columns} $p->{m} $p->{frame_bits} $p->{failed}{value} $p->{undetected}{value} $r->{parameters}{iterations}"' "$dir/r.json")" = \
    "2 1024 520 1000 532480 1024000 0 0 200" ] || say "the record"
[ "$(get '$p->{c} == int(log(0.93 / 0.07) / 0.0875 + 0.5) && $p->{leak}{value} == 0.52' "$dir/r.json")" = 1 ] || say "c and leak"
[ "$(get '$p->{iterations_mean}{value} > 2 && $p->{iterations_mean}{value} < 30 && $p->{edges_per_s}{value} > 0' "$dir/r.json")" = 1 ] || say "iterations"
[ "$(get 'abs($p->{leak}{value} / h($p->{qber_realised}{value}) - $p->{efficiency}{value}) < 1e-9' "$dir/r.json")" = 1 ] || say "efficiency"
# 1024000 bits a frame: the error rate is within four standard deviations of what was asked for.
[ "$(get 'abs($p->{qber_realised}{value} - 0.07) < 4 * sqrt(0.07 * 0.93 / 2048000)' "$dir/r.json")" = 1 ] || say "error rate"

# Above capacity none is, and all of it is charged, and a bit of answer.
expect 0 'FER' $study --code large-520 --qber 0.12 --frames 2 --iterations 4 --exact-errors --json "$dir/f.json"
[ "$(get '"$p->{failed}{value} $p->{fer}{value} $p->{net_yield}{value} $p->{undetected}{value} $p->{iterations_mean}{value}"' "$dir/f.json")" = "2 1 0 0 4" ] || say "failures"
[ "$(get 'abs((1 + 1 / 1024000) / h(0.12) - $p->{efficiency_charged}{value}) < 1e-9' "$dir/f.json")" = 1 ] || say "charged"

# Device and reference count the same.
for d in cpu ref; do
    expect 0 'FER' $study --code large-520:c=28 --qber 0.06 --frames 1 --device $d --json "$dir/$d.json"
    sed '/"device": {/,/}/d; /"mbit_per_s/,/}/d; /"edges_per_s/,/}/d' "$dir/$d.json" >"$dir/$d.cut"
done
cmp "$dir/cpu.cut" "$dir/ref.cut" || say "device and reference differ"
[ "$(get '$p->{c}' "$dir/ref.json")" = 28 ] || say "c"

# The code of a leak: the least that is as large.
expect 0 'FER' $study --code large --qber 0.01 --leak 0.3,0.4321 --frames 1 --iterations 1 --json "$dir/l.json"
[ "$(get '"$p->{rows} $p->{columns}"' "$dir/l.json")" = "300 1000" ] || say "a leak of 0.3 has $(get '"$p->{rows} $p->{columns}"' "$dir/l.json")"
[ "$(get 'my $l = $r->{points}[1]{leak}{value}; $l >= 0.4321 && $l < 0.4322' "$dir/l.json")" = 1 ] || say "a leak of 0.4321"
for z in 1024 2048; do
    more=; [ $z = 2048 ] || more=:z=$z
    expect 0 'FER' $study --code large$more --qber 0.05 --leak 0.3 --frames 1 --iterations 1 --json "$dir/z.json"
    [ "$(get '"$p->{rows} $p->{columns} $p->{z} $p->{frame_bits}"' "$dir/z.json")" = "300 1000 $z ${z}000" ] || say "lifting size $z"
done
expect 0 'FER' $study --code large --qber 0.03 --frames 1 --iterations 1 --json "$dir/d.json"
[ "$(get 'my $f = $p->{leak}{value} / h(0.03); $f >= 1.05 && $f < 1.051' "$dir/d.json")" = 1 ] || say "the rule's leak"

# Stopped and gone on with: the same but for the seconds.
study="$study --code large-520 --qber 0.02 --frames 33"
goes_on 2 $study

# A signal ends a run between two attempts, of which this one would have twenty thousand.
"$qd" study reconcile --code large-300-1000-256:joined=20000,tell=1 --qber 0.06 --frames 1 --device ref --progress none 2>"$dir/said" &
pid=$!
sleep 2
kill -TERM $pid
rc=0
wait $pid || rc=$?
[ $rc = 75 ] || say "status $rc after a signal: $(cat "$dir/said")"

# Usage.
study="$qd study reconcile"
expect 2 'no large code of 30 rows' $study --code large-30 --qber 0.01
expect 2 'unknown large code' $study --code large-x --qber 0.01
expect 2 'is no code' $study --code large:c=0 --qber 0.01
expect 2 'is no code' $study --code large:c=128 --qber 0.01
expect 2 'is no code' $study --code large-300:z=1024 --qber 0.01
expect 2 'is no code' $study --code large:z=1024,z=1024 --qber 0.01
for z in z=100 z=192 z=2112 z=64,joined=1,tell=1; do expect 2 'no large code of lifting size' $study --code large:$z --qber 0.05; done
expect 2 'is no code' $study --code large-300:d=3 --qber 0.01
expect 2 'no leak to choose' $study --code large-300 --qber 0.05 --efficiency 1.1
expect 2 'a leak of 0.6000 is out of range' $study --code large --qber 0.05 --leak 0.6
expect 2 'a leak of 0.0400 is out of range' $study --code large --qber 0.002 --leak 0.04
[ $fails = 0 ]
