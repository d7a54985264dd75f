#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# study reconcile with Cascade: the record, its counts, orders of the search, and bad names.
set -eu
. "$(dirname -- "$0")/expect.sh"
. "$(dirname -- "$0")/study.sh"
QD_DEVICE=ref
export QD_DEVICE

# An exact number of errors, so that f is the parities over n h(q). Alice and Bob tell as many: charged is twice f where no frame is wrong.
for v in original biconf yanetal option3 opt4 opt7 opt8 qd; do
    expect 0 'cascade' "$qd" study reconcile --code cascade-$v --qber 0.05 --frames 70 --exact-errors --json "$dir/$v.json"
    [ "$(get '"$p->{frames} $r->{runs} " . scalar @{$p->{blocks}}' "$dir/$v.json")" = "70 2 $(case $v in original) echo 4 ;; biconf) echo 2 ;; yanetal) echo 10 ;; option3 | opt4) echo 16 ;; qd) echo 15 ;; *) echo 14 ;; esac)" ] ||
        say "$v: $(get '"$p->{frames} $r->{runs} @{$p->{blocks}}"' "$dir/$v.json")"
    [ "$(get 'abs($p->{leak}{value} / h($p->{qber_realised}{value}) - $p->{efficiency}{value}) < 1e-9 && $p->{efficiency}{value} > 1 && $p->{efficiency}{value} < 1.25' "$dir/$v.json")" = 1 ] ||
        say "$v: efficiency"
    [ "$(get '$p->{failed}{value} > 0 || abs(2 * $p->{efficiency}{value} - $p->{efficiency_charged}{value}) < 1e-9' "$dir/$v.json")" = 1 ] || say "$v: charged"
    [ "$(get '$p->{failed}{value} == $p->{undetected}{value} && abs($p->{qber_realised}{value} - int(0.05 * $p->{frame_bits} + 0.5) / $p->{frame_bits}) < 1e-12' "$dir/$v.json")" = 1 ] ||
        say "$v: errors"
done
# Fewer blocks at a time: fewer parities, more rounds.
for o in one smallest pass apart top; do
    expect 0 "cascade" "$qd" study reconcile --code "cascade-opt8:n=4096,order=$o" --qber 0.03 --frames 64 --json "$dir/$o.json"
    get '"$p->{efficiency}{value} $p->{rounds_mean}{value} $p->{order} $p->{frame_bits}\n"' "$dir/$o.json" >>"$dir/orders"
done
sort -g -c "$dir/orders" || say "an order that waits costs more parities: $(cat "$dir/orders")"
head -n 4 "$dir/orders" | cut -d' ' -f2 | sort -g -r -c || say "an order that waits takes fewer rounds: $(cat "$dir/orders")"
[ "$(cut -d' ' -f3,4 "$dir/orders" | tr '\n' ' ')" = "one 4096 smallest 4096 pass 4096 apart 4096 top 4096 " ] || say "orders: $(cat "$dir/orders")"

expect 2 'is no variant' "$qd" study reconcile --code cascade-opt5 --qber 0.05
for bad in : :n= :n=1 :n=10x :n=99999999 :order= :order=to :order=topp :k=3 :n=100,; do
    expect 2 'is no code' "$qd" study reconcile --code "cascade-opt7$bad" --qber 0.05
done
expect 2 'goes with order=top only' "$qd" study reconcile --code cascade-biconf:order=apart --qber 0.05
expect 2 'has no rate to choose' "$qd" study reconcile --code cascade-opt7 --qber 0.05 --leak 0.3
expect 2 'gives no block size' "$qd" study reconcile --code cascade-opt7 --qber 0
[ $fails = 0 ]
