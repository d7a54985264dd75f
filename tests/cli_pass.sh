#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The example of a satellite's pass from scenario to sifted keys, with what it says to type: sync finds a clock that no line holds for and
# says so, sift follows it, and a straight line loses nearly everything.
set -eu
. "$(dirname -- "$0")/expect.sh"
source=$2
"$qd" devices --device cpu >/dev/null 2>&1 || { echo "no CPU device: the reference would take minutes"; exit 77; }
cd "$dir"

# number FILE MEMBER: of a record, the first of that name
number() { sed -n "s/^ *\"$2\": *\\(-*[0-9.e+-]*\\),*\$/\\1/p" "$1" | head -n 1; }
# holds EXPRESSION
holds() { awk "BEGIN { exit !($1) }" || say "not so: $1"; }

"$qd" simulate "$source/examples/scenarios/satellite-pass.yaml" --duration-s 10 --seed 1 --out pass -q --device cpu
expect 0 'the frequency drifts, by -0.3[56]' "$qd" sync pass/alice.a1 pass/bob.a1 --format a1-54 --device cpu --json clock.json
holds "$(number clock.json followed_s) > 9 && $(number clock.json span_s) < 1"
expected=$(number pass/truth.json true_coincidences_expected)
for track in on off; do
    "$qd" sift pass/alice.a1 pass/bob.a1 --format a1-54 --clock clock.json --window-ps 1500 --dead-ps 45000 --track $track --out $track --device cpu \
        --seed 1 --json $track.json -q 2>/dev/null || [ $track = off ] || say "sift --track $track failed"
done
tr -d ' \n' <on.json | grep -q '"track":{"followed":true,"stretches":[0-9]*,"unfitted":0,"lost":0,' || say "the clock was not followed"
# The rule removes an event for every 24 of Alice's, and pairs scatter by their square root; a line leaves 0.75 ns after 65 ms either way.
holds "$(number on.json coincidences) > 0.9 * $expected"
holds "$(number off.json coincidences) + 0 < 0.1 * $expected"

# With priors, as an orbit gives them, the same.
expect 0 'locked' "$qd" sync pass/alice.a1 pass/bob.a1 --format a1-54 --device cpu --offset-s 0.00133 --max-offset-s 1e-3 --max-ppm 30 --json near.json
awk -v x="$(number clock.json mid_offset_ps)" -v y="$(number near.json mid_offset_ps)" -v s="$(number clock.json mid_offset_sd_ps)" \
    'BEGIN { d = x - y; exit !(y != "" && d * d <= 16 * s * s) }' || say "with priors the clock is another"
[ $fails = 0 ]
