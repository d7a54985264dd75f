#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run with authentication: secrets that are taken and refused, tags in the transcript, messages changed on their way, pads used once through stops and
# kills, the end of the pads, and the limit on epsilons.
set -eu
. "$(dirname -- "$0")/expect.sh"
export LC_ALL=C
cd "$dir"
cat >link.yaml <<EOF
pair_rate_hz: 2.0e6
visibility: 0.97
arms:
  alice: {detectors: {efficiency: 0.4, dark_hz: 300, jitter_fwhm_ps: 100, dead_ps: 30000}}
  bob: {detectors: {efficiency: 0.4, dark_hz: 300, jitter_fwhm_ps: 100, dead_ps: 30000}}
clock: {offset_ps: 2500000, frequency_ppm: -3}
EOF
expect 0 '' "$qd" simulate link.yaml --duration-s 0.7 --seed 4 --device ref --out r
secret() { # ROUNDS: a fresh one for both stations
    rm -f alice.secret* bob.secret*
    (umask 077 && head -c $((16 + 32 * $1)) /dev/urandom >alice.secret && cp alice.secret bob.secret)
}
job() { # NAME SECURITY: blocks of the recordings, and a rest
    cat >"$1.job" <<EOF
name: $1
input:
  alice: {file: r/alice.a1, format: a1-54}
  bob: {file: r/bob.a1, format: a1-54}
block_coincidences: 60000
security: {$2}
sift: {dead_ps: 30000}
sync: {max_offset_s: 1e-4, max_ppm: 5}
EOF
}
both='auth: {alice: alice.secret, bob: bob.secret}'
flat() { tr -d ' \n' <"$1"; }
has() { flat "$1" | grep -qF -- "$2" || say "$1 lacks $2"; }
keyed() { flat "$1" | grep -o '"round":[0-9]*' | wc -l; } # blocks whose messages were authenticated
run() { # STATUS PATTERN NAME
    rm -rf "out/$3"
    expect "$1" "$2" "$qd" run "$3.job" --device ref --out out --json "$3.json"
}
# rounds of the tags in a transcript, in order: what stands behind the headers of type 35 with bodies of 32 bytes
rounds() {
    od -An -v -tx1 "$1" | tr -d ' \n' |
        grep -o '514d010023000000......000[01]0[01]00002000000000000000..' | sed 's/.*\(..\)$/\1/' | tr '\n' ' '
}

# --- as it should be ----------------------------------------------------------------------------------------------
secret 10
job good "$both"
run 0 'secret bits' good
cmp out/good/alice.key out/good/bob.key || say "keys differ"
has good.json '"authenticated":true'
has good.json '"secret":"file"'
flat good.json | grep -q '"name":"authenticate",[^}]*"items":[1-9]' || say "no time of authentication among the stages"
blocks=$(keyed good.json)
[ "$blocks" -ge 3 ] || say "only $blocks blocks gave key"
has good.json "\"tags\":$((2 * blocks)),\"pad_bits\":$((256 * blocks)),\"set_aside_bits\":$((256 * blocks)),\"rounds\":$((10 + blocks)),\"rounds_left\":10"
has good.json '"what":"lessauthentication:setasidefortags","bits":'$((256 * blocks))
grep -q 'not authenticated' "$log" && say "a warning about authenticated messages"
want=$(i=0; while [ $i -lt "$blocks" ]; do printf '0%s 0%s ' $i $i; i=$((i + 1)); done)
[ "$(rounds out/good/transcript.bin)" = "$want" ] || say "rounds in the transcript: $(rounds out/good/transcript.bin)"
[ "$(sed 's/"alice"/"bob"/' alice.secret.state)" = "$(cat bob.secret.state)" ] && cmp alice.secret bob.secret || say "the stations' secrets went apart"
[ "$(stat -c '%a %s' alice.secret)" = "600 $((16 + 32 * (10 + blocks)))" ] || say "the secret: $(stat -c '%a %s' alice.secret)"
[ "$(head -c $((16 + 32 * blocks)) alice.secret | tail -c $((32 * blocks)) | tr -d '\0' | wc -c)" = 0 ] || say "used pads are not wiped"
flat good.json | grep -o '"epsilon":{"blocks".*"limit":null' | grep -q '"auth":[0-9.]*e-3[0-9]' || say "epsilon of the job: $(flat good.json | grep -o '"epsilon":{"blocks"[^}]*')"
# every term of the keys' lengths is printed, and the columns add up: bits unknown to an eavesdropper less what is subtracted, rounded down string by string
awk -v most="$blocks" '/length of the keys, term by term/ { on = 1 }
    on && /^    n \(1 - h/ { z = $(NF - 1); x = $NF; rows++ }
    on && / -[ 0-9.]* -[ 0-9.]*$/ { sub(/^.*[a-z] +-/, "-"); gsub(/-/, " "); z -= $1; x -= $2; rows++ }
    on && /^    key, each/ { z -= $(NF - 1); x -= $NF; rows++; on = 0 }
    END { exit !(rows == 8 && z > -0.5 && z <= most + 0.5 && x > -0.5 && x <= most + 0.5) }' "$log" ||
    say "the terms do not add up: $(grep -A 11 'term by term' "$log")"
grep -q 'random-sampling, holds the hashing term and nothing of what was announced' "$log" || say "the bound does not say what it holds"
# a second job goes on where the first ended
sed 's/name: good/name: second/' good.job >second.job
run 0 'secret bits' second
case $(rounds out/second/transcript.bin) in 0$blocks*) ;; *) say "a second job begins with round $(rounds out/second/transcript.bin)" ;; esac

# --- without ------------------------------------------------------------------------------------------------------
job bare 'eps_sec: 1e-10'
run 0 'warning: the classical channel was not authenticated' bare
has bare.json '"authenticated":false,"authentication":null'
has bare.json '"auth":null'
flat bare.json | grep -q '"name":"authenticate",[^}]*"items":0,' || say "a run without a secret authenticated something"
[ -z "$(rounds out/bare/transcript.bin)" ] || say "tags without a secret"

# --- secrets that are refused: before anything is written ---------------------------------------------------------
refused() { # PATTERN
    run 5 "$1" no
    [ ! -e out/no ] || say "left out/no behind"
}
job no "$both"
chmod 644 bob.secret
refused 'bob.secret is not taken'
grep -q '0644, not 0600' "$log" && grep -q 'Next:' "$log" || say "a mode of 0644 is not explained"
chmod 600 bob.secret
sed -i 's/bob: bob.secret/bob: none.secret/' no.job
refused none.secret
job no 'auth: {alice: alice.secret}'
refused "no.job:6:.*security.auth has one station"
job no 'auth: {alice: alice.secret, bob: alice.secret}'
refused 'gives both stations one file'
secret 10
ln alice.secret hard.secret
job no 'auth: {alice: alice.secret, bob: hard.secret}'
refused 'hard.secret is in use'
rm hard.secret
job no 'auth: {refill_bits: 256}'
refused 'security.auth needs alice and bob'
job no 'auth: {alice: alice.secret, bob: bob.secret, refill_bits: 100}'
refused 'multiple of 256'
job no 'eps_total: 1e-10'
refused 'eps_total is less than'
# a state that was lost: known before a block begins
secret 10
job no "$both"
for who in alice bob; do mv $who.secret $who.whole && (umask 077 && head -c 16 $who.whole && head -c 32 /dev/zero && tail -c 288 $who.whole) >$who.secret && chmod 600 $who.secret; done
refused 'next pads are zero'
# secrets that are not the same: refused at the first tag
secret 10
head -c 336 /dev/urandom >bob.secret
sed 's/name: good/name: apart/' good.job >apart.job
run 6 'authentication of block 0 failed' apart

# --- messages changed on their way: no key of that block, and of those before it stands what there is ---------------
sed -i 's/block_coincidences: 60000/block_coincidences: 200000/' good.job # one block
for at in times:0 bases_bob:0 sample:0 hash_seed:0 auth:0 ready:0; do
    secret 4
    sed 's/name: good/name: forged/' good.job >forged.job
    QD_TAMPER_AT=$at
    export QD_TAMPER_AT
    run 6 'no key' forged
    unset QD_TAMPER_AT
    has forged.json '"status":"aborted"'
    has forged.json '"authenticated":false'
    flat forged.json | grep -q '"failed":"authenticationofblock0failed' || say "$at: the failure does not name the block: $(flat forged.json | grep -o '"failed":[^,]*')"
    [ ! -e out/forged/alice.key ] && [ ! -e out/forged/bob.key ] || say "$at: a key"
done
secret 4
job forged "$both"
QD_TAMPER_AT=syndrome:1
export QD_TAMPER_AT
run 0 'warning: forged.job ended before its data: authentication of block 1 failed' forged
unset QD_TAMPER_AT
cmp out/forged/alice.key out/forged/bob.key || say "the key of the block before a forged one"
has forged.json '"authenticated":true'
has forged.json '"stop_reason":"authenticationofblock1failed'
has forged.json 'messagesofthelastblockwererefused'
flat forged.json | grep -q '"epsilon":{"blocks":2,"sec":2[.0-9]*e-10,' || say "the block that was forged is not in the sum of epsilons"
expect 2 'QD_TAMPER_AT=syn:0' env QD_TAMPER_AT=syn:0 "$qd" run good.job --out out2

# --- stops and kills: no pad twice --------------------------------------------------------------------------------
secret 10
job stopped "$both"
QD_STOP_AT=auth:1
export QD_STOP_AT
run 75 '' stopped # Alice's tag of block 1 is made, and seen by nobody but the disk
unset QD_STOP_AT
grep -q '"next_round": 2' alice.secret.state && grep -q '"next_round": 1' bob.secret.state || say "a tag that was made is not on record"
# the pads under that tag are not used in Bob's copy: as Alice's it would use them again
sed 's/name: stopped/name: no/; s/alice: alice.secret, bob: bob.secret/alice: bob.secret, bob: alice.secret/' stopped.job >no.job
refused "other station's copy"
expect 0 'secret bits' "$qd" run --resume out/stopped --device ref --json stopped.json
cmp out/stopped/alice.key out/stopped/bob.key || say "keys differ after a resume"
[ "$(rounds out/stopped/transcript.bin | cut -c 1-12)" = "00 00 02 02 " ] || say "rounds after a resume: $(rounds out/stopped/transcript.bin)"
# killed without a chance to say anything, as soon as there is a tag
secret 10
job killed "$both"
rm -rf out/killed
"$qd" run killed.job --device ref --out out >killed.log 2>&1 &
pid=$!
i=0
while ! grep -q '"next_round": 1' alice.secret.state 2>/dev/null && kill -0 $pid 2>/dev/null && [ $i -lt 6000 ]; do sleep 0.01; i=$((i + 1)); done
kill -KILL $pid 2>/dev/null || true
wait $pid 2>/dev/null || true
before=$(rounds out/killed/transcript.bin)
used=$(sed -n 's/.*"next_round": \([0-9]*\).*/\1/p' alice.secret.state)
expect 0 '' "$qd" run --resume out/killed --device ref --json killed.json
after=$(rounds out/killed/transcript.bin)
case "$after" in "$before"*) ;; *) say "the transcript lost tags that were seen: $before, then $after" ;; esac
for round in ${after#"$before"}; do [ "$round" -ge "$used" ] || say "round $round after a kill, $used were used: $before, then $after"; done
[ -z "$(echo "$after" | tr ' ' '\n' | grep . | sort | uniq -c | awk '$1 > 2')" ] || say "a round of more than two tags: $after"

# --- the end of the pads ------------------------------------------------------------------------------------------
secret 2
job short 'auth: {alice: alice.secret, bob: bob.secret, refill_bits: 0}'
run 0 'no pads of authentication are left for block 2' short
has short.json '"rounds":2,"rounds_left":0'
has short.json '"stop_reason":"nopadsofauthentication'
[ "$(keyed short.json)" = 2 ] || say "two rounds, but not two blocks"
has short.json '"set_aside_bits":0'
cmp out/short/alice.key out/short/bob.key || say "keys differ before the end of the pads"
sed 's/name: short/name: empty/' short.job >empty.job
run 6 'no pads of authentication are left for block 0' empty
grep -q 'Next: share a new secret' "$log" || say "no word on what to do without pads"
has empty.json '"status":"aborted"'
# the last pads went with a tag that Bob never took: he begins a block, and Alice gives nothing away for one that cannot be tagged
secret 1
job lost "$both"
QD_STOP_AT=auth:0
export QD_STOP_AT
run 75 '' lost
unset QD_STOP_AT
# stopped once more before it comes to that block again, whose epsilons are spent all the same
cp -r out/lost out/again
"$qd" run --resume out/again --device ref --json again.json >again.log 2>&1 &
pid=$!
i=0
status=0
while ! grep -q '"resumed": *true' out/again/events.jsonl && kill -0 $pid 2>/dev/null && [ $i -lt 6000 ]; do sleep 0.01; i=$((i + 1)); done
kill -INT $pid 2>/dev/null || true
wait $pid || status=$?
[ "$status" = 6 ] || has again.json '"epsilon":{"blocks":1,"sec":1' # 6: it was over before the signal came
[ "$status" = 6 ] || [ "$status" = 75 ] || say "status $status of a run that was stopped: $(cat again.log)"
expect 6 'no pads of authentication are left for block 1' "$qd" run --resume out/lost --device ref --json lost.json
grep -q 'he did not take a tag of Alice.s' "$log" && grep -q 'Next: share a new secret' "$log" || say "no word on where the last pads went"
grep -q 'bases_bob  *from bob  *2 messages' "$log" && grep -q 'bases_alice  *from alice  *1 messages' "$log" || say "Alice gave bases for a block without pads"
# both blocks began; of the first one, interrupted, it is not known whether its tag was seen
has lost.json '"epsilon":{"blocks":2,"sec":2'
flat lost.json | grep -q '"epsilon":{"blocks":2,[^}]*"auth":1.9[0-9]*e-26' || say "tags of blocks that were not finished cost nothing: $(flat lost.json | grep -o '"epsilon":{"blocks"[^}]*')"
# with a refill they last
secret 1
job lasting "$both"
run 0 'secret bits' lasting
[ "$(keyed lasting.json)" = "$blocks" ] && has lasting.json '"rounds_left":1' || say "pads that are refilled ran out"
# a rehearsal adds none: its key follows from its seed
secret 10
cat >rehearsed.job <<EOF
name: rehearsed
input: {scenario: link.yaml, duration_s: 0.2}
block_coincidences: 60000
security: {$both}
sync: {max_offset_s: 1e-4, max_ppm: 5}
seed: 5
EOF
run 0 'secret bits' rehearsed
has rehearsed.json '"rehearsal":true'
has rehearsed.json '"authenticated":true'
has rehearsed.json '"set_aside_bits":0'
[ "$(wc -c <alice.secret)" = 336 ] && [ "$(wc -c <bob.secret)" = 336 ] || say "a rehearsal's key became pads of a secret"

# --- the limit on epsilons ----------------------------------------------------------------------------------------
secret 10
job limit "eps_sec: 1e-10, eps_cor: 1e-15, eps_total: 2.1e-10, $both"
run 0 'with block 2 the epsilons of all blocks would sum to 3.00003e-10, above security.eps_total 2.1e-10' limit
[ "$(keyed limit.json)" = 2 ] || say "a limit of two blocks"
flat limit.json | grep -q '"epsilon":{"blocks":2,"sec":2[.0-9]*e-10,"cor":2[.0-9]*e-15,' || say "the sum of epsilons is not in the summary: $(flat limit.json | grep -o '"epsilon":{"blocks"[^}]*')"
has limit.json '"limit":2.1e-10'
grep -q 'all blocks: epsilon 2.00002e-10 .*, limit 2.1e-10' "$log" || say "the sum of epsilons is not printed"
# to the digit, and through a resume; also without authentication
job exact 'eps_sec: 1e-10, eps_cor: 1e-15, eps_total: 2.00002e-10'
QD_STOP_AT=syndrome:1
export QD_STOP_AT
run 75 '' exact
unset QD_STOP_AT
expect 0 'with block 2 the epsilons' "$qd" run --resume out/exact --device ref --json exact.json
has exact.json '"epsilon":{"blocks":2,' # the block that was interrupted counts: its bases were announced
has exact.json '"abandoned":true'
[ "$fails" = 0 ]
