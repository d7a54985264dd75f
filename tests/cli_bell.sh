#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A Bell test on the command line: the example's S against its truth, key from the aligned basis only, angles that allow no test, bad angles.
set -eu
. "$(dirname -- "$0")/expect.sh"
export LC_ALL=C
cd "$dir"
flat() { tr -d ' \n' <"$1"; }
# real FILE KEY: the first number of that name
real() { flat "$1" | sed "s/.*\"$2\":\(-*[0-9.e+-]*\).*/\1/"; }
# near WHAT A B TOLERANCE
near() { awk -v a="$2" -v b="$3" -v t="$4" 'BEGIN { d = a - b; exit !(t + 0 > 0 && d <= t + 0 && d >= -t) }' || say "$1: $2 instead of $3, tolerance $4"; }
example=$2/examples/scenarios/bell.yaml
tags='--format a1-54 --device ref --offset-ps 3141592653 --ppm 2.5 --window-ps 1000 --dead-ps 30000'
bell='--angles-a 90,135,0,45 --angles-b 112.5,157.5,22.5,67.5'

# The example: 2 sqrt2 .976 of true pairs; chance, a share c of all, makes it S (1 - c). Counted by the verb's own displaced windows: c is 1/250.
expect 0 '"chsh_true_expected": 2.76' "$qd" simulate "$example" --duration-s 0.3 --seed 1 --device ref --out tags --json -
# shellcheck disable=SC2086 # words
expect 0 ' sd above 2; a perfect source 2.828' "$qd" sift tags/alice.a1 tags/bob.a1 $tags $bell --out sifted --json r.json
flat r.json | sed 's/.*"chsh":{\([^{}]*\).*/{\1/; s/\]\],.*/]]}/' >chsh
flat r.json | sed 's/.*"without_accidentals":\({[^}]*}\).*/\1/' >corrected
S=$(real chsh S) sigma=$(real chsh sigma) truth=$(real tags/truth.json chsh_true_expected)
chance=$(awk -v a="$(real r.json accidentals)" -v n="$(real r.json coincidences)" 'BEGIN { print a / n }')
near "S" "$S" "$(awk -v s="$truth" -v c="$chance" 'BEGIN { print s * (1 - c) }')" "$(awk -v s="$sigma" 'BEGIN { print 4 * s }')"
near "S less chance" "$(real corrected S)" "$truth" "$(awk -v s="$(real corrected sigma)" 'BEGIN { print 4 * s }')"
near "sd above 2" "$(real chsh above_2_sd)" "$(awk -v S="$S" -v s="$sigma" 'BEGIN { print (S - 2) / s }')" 0.01
# sum of (1 - E^2)/n is (1 - (S/4)^2) 16/N for equal correlations and shares, the correlations' own scatter aside
n=$(flat r.json | sed 's/"n":{//g' | grep -o '"n":[0-9]*' | awk -F: '{ n += $2 } END { print n }')
near "sd of S" "$sigma" "$(awk -v S="$S" -v n="$n" 'BEGIN { print 4 * sqrt((1 - S * S / 16) / n) }')" "$(awk -v s="$sigma" 'BEGIN { print s / 50 }')"
[ "$(flat chsh | sed 's/.*"signs"://')" = '[[-1,1],[-1,-1]]}' ] || say "signs: $(flat chsh)"
grep -q '"chsh_reason": null' r.json || say "a reason beside a test"
flat r.json | grep -q '"settings_aligned":{"z":false,"x":false}' || say "no word on aligned settings"
flat sifted/counts.json | grep -q '"n":{"z":0,"x":0}' || say "key from settings that are not aligned"
[ ! -s sifted/alice.z.bits ] && [ ! -s sifted/bob.x.bits ] || say "bits from settings that are not aligned"

# The source's correlation wrong: S is what it is, below -2, and it says what to try.
# shellcheck disable=SC2086
expect 0 'Try --correlation anti' "$qd" sift tags/alice.a1 tags/bob.a1 $tags $bell --correlation same --out same --json s.json
near "S by the wrong correlation" "$(flat s.json | sed 's/.*"chsh":{"S":\([-0-9.]*\).*/\1/')" "-$S" 0.0001

# Without angles, and with angles of a key: no S, and why.
# shellcheck disable=SC2086
expect 0 '"chsh_reason": "the stations. analysers were not declared"' "$qd" sift tags/alice.a1 tags/bob.a1 $tags --out none --json -
grep -q '"chsh": null' "$log" || say "S without angles"
# shellcheck disable=SC2086
expect 0 '"chsh_reason": "the angles allow no test: a perfect source gives S = 2.000' "$qd" sift tags/alice.a1 tags/bob.a1 $tags --angles-a 90,135,0,45 --angles-b 90,135,0,45 --out key --json -
grep -q '"chsh": null' "$log" && grep -q '"E": ' "$log" || say "no correlations beside a test that is not possible"
# The same bits as without angles, where both bases are aligned.
for f in none/*.bits; do cmp "$f" "key/$(basename "$f")" || say "$f: angles of a key change the key"; done

# Key and test together: z aligned, x between.
sed 's/angles_deg: \[112.5, 157.5, 22.5, 67.5\]/angles_deg: [90, 112.5, 0, 22.5]/; s/pair_rate_hz: .*/pair_rate_hz: 2.0e6/' "$example" >mixed.yaml
expect 0 '"chsh_true_expected": 2.35' "$qd" simulate mixed.yaml --duration-s 0.3 --seed 2 --device ref --out mixed --json -
# shellcheck disable=SC2086
expect 0 'sifted x        none' "$qd" sift mixed/alice.a1 mixed/bob.a1 $tags --angles-a 90,135,0,45 --angles-b 90,112.5,0,22.5 --out both --json m.json
flat m.json | grep -q '"settings_aligned":{"z":true,"x":false}' || say "z is aligned"
[ -s both/alice.z.bits ] && [ ! -s both/alice.x.bits ] || say "key from z, none from x"
near "QBER of z" "$(flat m.json | sed 's/.*"qber":{"z":\([0-9.]*\),"x":null.*/\1/')" 0.0125 0.004 # (1 - V)/2 and some chance, 4 sd of 7000 bits
near "S of both" "$(flat m.json | sed 's/.*"chsh":{"S":\([0-9.]*\).*/\1/')" 2.3562 "$(flat m.json | sed 's/.*"chsh":{"S":[0-9.]*,"sigma":\([0-9.]*\).*/\1/' | awk '{ print 4 * $1 + 0.01 }')"

# A rehearsal knows both stations' outcomes: S stands in its summary, the same after a stop, and why there is no key.
cp "$example" bell.yaml
printf 'name: bell\ninput: {scenario: bell.yaml, duration_s: 0.3}\nblock_coincidences: 20000\nsync: {max_offset_s: 4e-3, max_ppm: 5}\n' >bell.job
expect 6 'settings in x are not aligned: at 45 and 67.5 degrees they make 14.6 % errors' "$qd" run bell.job --device ref --out runs
[ "$(flat runs/bell/summary.json | grep -o '"pairs_truth"' | wc -l)" -ge 3 ] || say "no detector pairs in the blocks"
flat runs/bell/summary.json | sed 's/.*"chsh":\({"S":[^{]*\).*/\1/; s/\]\],.*/]]}/' >chsh
near "S of a rehearsal" "$(real chsh S)" "$truth" "$(real chsh sigma | awk -v t="$truth" -v c="$chance" '{ print 4 * $1 + t * c }')"
QD_STOP_AT=bases_bob:1 expect 75 '' "$qd" run bell.job --device ref --out again
expect 6 '' "$qd" run bell.job --device ref --resume again/bell
flat again/bell/summary.json | sed 's/.*"chsh":\({"S":[^{]*\).*/\1/; s/\]\],.*/]]}/' | cmp - chsh || say "S after a stop differs"
sed '/angles_deg/s/, angles_deg: \[[^]]*\]//' "$example" >bell.yaml
expect 0 'the scenario declares no analysers' "$qd" run bell.job --device ref --out plain --json -
grep -q '"chsh": null' plain/bell/summary.json || say "S of a run without analysers"

# Bad angles: nothing is made.
# shellcheck disable=SC2086
{
    expect 2 'angles-b is missing' "$qd" sift tags/alice.a1 tags/bob.a1 $tags --angles-a 90,135,0,45 --out no
    expect 2 'angles-a is missing' "$qd" sift tags/alice.a1 tags/bob.a1 $tags --angles-b 90,135,0,45 --out no
    expect 2 'not four numbers' "$qd" sift tags/alice.a1 tags/bob.a1 $tags --angles-a 90,135,0 --angles-b 90,135,0,45 --out no
    expect 5 'detectors V and H, at 0 and 45 degrees' "$qd" sift tags/alice.a1 tags/bob.a1 $tags --angles-a 0,90,45,135 --angles-b 90,135,0,45 --out no
}
[ ! -e no ] || say "a folder is left after bad angles"
sed 's/angles_deg: \[90, 135, 0, 45\]/angles_deg: [90, 135, 0, 46]/' "$example" >bad.yaml
expect 5 'arms.alice.detectors.angles_deg: detectors - and +' "$qd" simulate bad.yaml --duration-s 0.1 --seed 1 --device ref --out no
[ "$fails" = 0 ] || exit 1
