#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A job whose blocks are corrected by large-block codes, and its short last block by a 5G code: resumed anywhere it has the bytes of one
# that was not stopped, and it has more key than by 5G codes alone.
. "$(dirname -- "$0")/expect.sh"
cp -r "$2/examples/scenarios" "$dir"
cd "$dir" || exit 1
for code in auto nr-bg1; do
    cat >$code.yaml <<END
name: $code
input: {scenario: scenarios/metro-fibre.yaml, duration_s: 9}
protocol: bbm92
block_coincidences: 1200000
security: {eps_sec: 1e-10, eps_cor: 1e-15, bound: random-sampling}
reconcile: {code: $code}
seed: 3
END
    expect 0 "secret bits" "$qd" run $code.yaml --out whole
done
bits() { sed -n 's/^  "final_bits": \([0-9]*\),*$/\1/p' whole/$1/summary.json; }
[ "$(bits auto)" -gt "$(bits nr-bg1)" ] || say "auto has $(bits auto) bits, nr-bg1 $(bits nr-bg1)"
[ "$(bits nr-bg1)" -gt 1000000 ] || say "hardly any key: $(bits nr-bg1)"
for at in large:1 syndrome:2; do
    expect 75 resume env QD_STOP_AT=$at "$qd" run auto.yaml --out $at
    expect 0 "secret bits" "$qd" run --resume $at/auto
    for f in alice.rehearsal.key bob.rehearsal.key transcript.bin; do cmp -s whole/auto/$f $at/auto/$f || say "resumed from $at differs in $f"; done
done
expect 75 resume env QD_STOP_AT=code:3 "$qd" run auto.yaml --out last
[ "$fails" -eq 0 ]
