#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2086 # words of $code and $study
# study reconcile: small points, their record and table, device against reference, a study that goes on, every kind of bad input.
set -eu
. "$(dirname -- "$0")/expect.sh"
. "$(dirname -- "$0")/study.sh"
unset QD_DEVICE || true
code="--code nr-bg1:z=36"

# Near the waterfall: every figure follows from the counts.
expect 0 'FER' "$qd" study reconcile $code --qber 0.05 --efficiency 1.35 --frames 1100 --json "$dir/r.json"
for f in frames fer efficiency leak net_yield rounds_mean iterations_mean undetected mbit_per_s efficiency_charged mbit_per_s_whole edges_per_s; do
    grep -q "\"$f\"" "$dir/r.json" || say "the record has no $f"
done
[ "$(get '"$r->{study} $r->{runs} $p->{frames} $p->{z} $p->{rounds_mean}{value} $r->{parameters}{code}"' "$dir/r.json")" = "reconcile 3 1100 36 1 nr-bg1:z=36" ] ||
    say "the record: $(get '"$r->{study} $r->{runs} $p->{frames} $p->{z} $p->{rounds_mean}{value} $r->{parameters}{code}"' "$dir/r.json")"
[ "$(get '$p->{failed}{value} > 0 && $p->{failed}{value} < 1100 && abs($p->{fer}{value} - $p->{failed}{value} / 1100) < 1e-12' "$dir/r.json")" = 1 ] || say "fer"
[ "$(get '$p->{fer}{low} < $p->{fer}{value} && $p->{fer}{value} < $p->{fer}{high}' "$dir/r.json")" = 1 ] || say "interval of fer"
[ "$(get 'abs($p->{leak}{value} / h($p->{qber_realised}{value}) - $p->{efficiency}{value}) < 1e-9' "$dir/r.json")" = 1 ] || say "efficiency"
[ "$(get 'abs($p->{leak}{value} - ($p->{m} - 2 * $p->{z}) / $p->{frame_bits}) < 1e-12' "$dir/r.json")" = 1 ] || say "leak"
[ "$(get 'abs((1 - $p->{fer}{value}) * (1 - $p->{leak}{value}) - $p->{net_yield}{value}) < 1e-12' "$dir/r.json")" = 1 ] || say "net yield"
# charged: kept frames their code bits, failed ones whole, one answer each
[ "$(get 'my $n = $p->{frame_bits}; my $x = $p->{fer}{value}; abs(($x + (1 - $x) * $p->{leak}{value} + 1 / $n) / h($p->{qber_realised}{value}) - $p->{efficiency_charged}{value}) < 1e-9' "$dir/r.json")" = 1 ] ||
    say "charged"
# The code's leak is fixed, so that the interval of f is that of the entropy: 1.96 standard deviations of the error rate, to first order.
# The spread is estimated from 1100 frames: within 4 of its deviations, sqrt(1/2200) each.
[ "$(get 'my $e = $p->{qber_realised}{value}; my $sd = sqrt($e * (1 - $e) / 1100 / $p->{frame_bits}); my $w = 1.96 * $sd * log((1 - $e) / $e) / log(2) / h($e) * $p->{efficiency}{value};
    abs(($p->{efficiency}{high} - $p->{efficiency}{value}) / $w - 1) < 4 / sqrt(2200)' "$dir/r.json")" = 1 ] || say "interval of the efficiency"

# Device and reference count the same.
for d in cpu ref; do
    expect 0 'FER' "$qd" study reconcile $code --qber 0.05 --leak 0.38,0.45 --frames 40 --device $d --json "$dir/$d.json"
    sed '/"device": {/,/}/d; /"mbit_per_s/,/}/d; /"edges_per_s/,/}/d' "$dir/$d.json" >"$dir/$d.cut"
done
cmp "$dir/cpu.cut" "$dir/ref.cut" || say "device and reference differ"
expect 0 'FER' "$qd" study reconcile --code 5g-bg1:z=36 --qber 0.05 --leak 0.38,0.45 --frames 40 --json "$dir/5g.json"
[ "$(get '$p->{failed}{value}' "$dir/5g.json")" = "$(get '$p->{failed}{value}' "$dir/ref.json")" ] || say "5g-bg1 is not nr-bg1"
# Points have seeds of their own; another seed of the command line changes them.
[ "$(get '$p->{seed} != $r->{points}[1]{seed}' "$dir/ref.json")" = 1 ] || say "two points share a seed"
expect 0 'FER' "$qd" study reconcile $code --qber 0.05 --leak 0.38 --frames 1 --seed 2 --json "$dir/s.json"
[ "$(get '$p->{seed}' "$dir/s.json")" != "$(get '$p->{seed}' "$dir/ref.json")" ] || say "the seed changes nothing"

# Exact numbers of errors; no errors at all; the rate's rule.
expect 0 'an exact number of' "$qd" study reconcile $code --qber 0.05 --leak 0.45 --frames 20 --exact-errors --json "$dir/e.json"
[ "$(get 'my $n = $p->{frame_bits}; abs($p->{qber_realised}{value} * $n - int(0.05 * $n + 0.5)) < 1e-6 && $p->{efficiency}{low} == $p->{efficiency}{high}' "$dir/e.json")" = 1 ] || say "exact errors"
expect 0 ' - ' "$qd" study reconcile $code --qber 0 --leak 0.2 --frames 20 --json "$dir/0.json"
[ "$(get 'defined $p->{efficiency}{value} ? 0 : "null $p->{fer}{value}"' "$dir/0.json")" = "null 0" ] || say "no errors"
expect 0 'FER' "$qd" study reconcile $code --qber 0.03 --frames 20 --json "$dir/d.json"
[ "$(get '$p->{leak}{value} > h(0.03) && $p->{leak}{value} < 2 * h(0.03)' "$dir/d.json")" = 1 ] || say "the rule's rate"
# Constants of the decoder may be given.
expect 0 'FER' "$qd" study reconcile $code,c=3,a=9 --qber 0.03 --frames 20 --json "$dir/c.json"
[ "$(get '"$p->{c} $p->{a}"' "$dir/c.json")" = "3 9" ] || say "constants"

# Rows that are added: every frame is solved, for more code bits than it began with.
for more in drop grow; do
    expect 0 'FER' "$qd" study reconcile $code,$more=9 --qber 0.04 --efficiency 1.1 --frames 60 --json "$dir/$more.json"
    [ "$(get '$p->{failed}{value} == 0 && $p->{rounds_mean}{value} > 2 && $p->{efficiency}{value} > 1.15 && $p->{efficiency}{low} < $p->{efficiency}{value}' "$dir/$more.json")" = 1 ] ||
        say "$more: $(get '"$p->{failed}{value} $p->{rounds_mean}{value} $p->{efficiency}{value}"' "$dir/$more.json")"
done
expect 2 'is no code' "$qd" study reconcile $code,drop=9,grow=9 --qber 0.04
expect 2 'is no code' "$qd" study reconcile $code,drop=0 --qber 0.04
# Attempts that go on: the same frames are solved with a fraction of the iterations.
expect 0 'FER' "$qd" study reconcile $code,grow=9,more=4 --qber 0.04 --efficiency 1.1 --frames 60 --json "$dir/more.json"
[ "$(get '$p->{failed}{value} == 0 && $p->{iterations_mean}{value} > 0 && $p->{efficiency}{value} > 1.15' "$dir/more.json")" = 1 ] || say "more"
on=$(get '$p->{iterations_mean}{value}' "$dir/more.json")
[ "$(get "\$p->{iterations_mean}{value} > 1.5 * $on" "$dir/grow.json")" = 1 ] || say "more=4 took $on iterations"
expect 2 'is no code' "$qd" study reconcile $code,more=4 --qber 0.04
expect 2 'is no code' "$qd" study reconcile $code,grow=9,more=0 --qber 0.04
expect 2 'no exact number' "$qd" study reconcile $code,grow=9 --qber 0.04 --exact-errors

# Stopped and gone on with: the same but for the seconds.
study="$qd study reconcile $code --qber 0.05 --leak 0.38,0.45 --frames 1100"
goes_on 3 $study
expect 5 'parameters.frames is 1100 there, 1101 here' $study --frames 1101 --state "$dir/part"

# Usage.
expect 0 "FER" "$qd" study reconcile --code nr-bg2:z=36 --qber 0.05 --leak 0.45 --frames 20 --json "$dir/2.json"
[ "$(get 'abs($p->{leak}{value} - ($p->{m} - 72) / $p->{frame_bits}) < 1e-12 && $p->{frame_bits} == 8 * 36 + $p->{m}' "$dir/2.json")" = 1 ] || say "base graph 2"
expect 0 "code qd-bg1:z=36" "$qd" study reconcile --code qd-bg1:z=36 --qber 0.03 --leak 0.25 --frames 20 --json "$dir/3.json"
[ "$(get '$p->{frame_bits} == 20 * 36 + $p->{m}' "$dir/3.json")" = 1 ] || say "base graph 1 in the other order"
expect 0 "code qd-k22:z=36" "$qd" study reconcile --code qd-k22:z=36 --qber 0.03 --leak 0.3 --frames 20 --json "$dir/4.json"
[ "$(get '$p->{frame_bits} == 20 * 36 + $p->{m}' "$dir/4.json")" = 1 ] || say "qd-k22"
expect 0 "code qd-k33:z=36" "$qd" study reconcile --code qd-k33:z=36 --qber 0.01 --leak 0.17 --frames 20 --json "$dir/5.json"
[ "$(get '$p->{frame_bits} == 31 * 36 + $p->{m}' "$dir/5.json")" = 1 ] || say "qd-k33"
expect 2 'nr-bg1, nr-bg2, qd-bg1, qd-k22, qd-k33' "$qd" study reconcile --code turbo --qber 0.05
expect 2 'needs --code' "$qd" study reconcile --qber 0.05
expect 2 'there is no code' "$qd" study reconcile --code turbo --qber 0.05
expect 2 'unknown code' "$qd" study reconcile --code nr-bg9 --qber 0.05
expect 2 'is no code' "$qd" study reconcile --code nr-bg1:y=3 --qber 0.05
expect 2 'is no code' "$qd" study reconcile --code nr-bg1: --qber 0.05
expect 2 'is no code' "$qd" study reconcile --code nr-bg1:z=36x --qber 0.05
expect 2 'is no code' "$qd" study reconcile --code nr-bg1:c=33 --qber 0.05
expect 2 'not a lifting size' "$qd" study reconcile --code nr-bg1:z=37 --qber 0.05
expect 2 'needs --qber' "$qd" study reconcile $code
expect 2 '2^j up to 384' "$qd" study reconcile --code nr-bg1:z=416 --qber 0.05
expect 2 '2^j up to 768' "$qd" study reconcile --code qd-k22:z=760 --qber 0.05
expect 0 '' "$qd" study reconcile --code qd-k22:z=768 --qber 0.05 --efficiency 1.2 --frames 8 --device ref
expect 2 'exclude each other' "$qd" study reconcile $code --qber 0.05 --leak 0.3 --efficiency 1.2
expect 2 'at --qber 0.005: a leak of' "$qd" study reconcile $code --qber 0.005 --efficiency 1.2
expect 2 'no entropy' "$qd" study reconcile $code --qber 0 --efficiency 1.2
expect 2 'out of range: 0 to 0.5' "$qd" study reconcile $code --qber 0.6
expect 2 'belongs to another study' "$qd" study reconcile $code --qber 0.05 --runs 3
expect 2 'belongs to another study' "$qd" study sync --frames 3
[ $fails = 0 ]
