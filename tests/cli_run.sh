#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run: jobs that must work, jobs that must not, and what each leaves behind.
# usage: cli_run.sh PROGRAM SOURCE_DIR
set -u
qd=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1
failures=0
fail() { echo "FAIL: $*"; failures=$((failures + 1)); }

# expect STATUS WHAT COMMAND...: exit status, and for failures one error of several parts on standard error.
expect() {
    want=$1 what=$2
    shift 2
    "$@" >out.txt 2>err.txt </dev/null
    got=$?
    [ "$got" -eq "$want" ] || { fail "$what: exit status $got, not $want"; sed 's/^/    /' err.txt | head -5; }
}
says() { grep -q -- "$1" err.txt out.txt || { fail "$what: does not say '$1'"; head -3 err.txt; }; }
absent() { [ ! -e "$1" ] || fail "$what: left $1 behind"; }

scenario() { # NAME VISIBILITY INTERCEPT
    cat >"$1.yaml" <<EOF
pair_rate_hz: 2.0e6
visibility: $2
arms:
  alice: {detectors: {efficiency: 0.4, dark_hz: 300, jitter_fwhm_ps: 100, dead_ps: 30000}}
  bob: {detectors: {efficiency: 0.4, dark_hz: 300, jitter_fwhm_ps: 100, dead_ps: 30000}}
clock: {offset_ps: 2500000, frequency_ppm: -3}
eve: {intercept_resend: $3}
EOF
}
job() { # NAME SCENARIO SECONDS [BLOCK]
    cat >"$1.job" <<EOF
name: $1
input: {scenario: $2.yaml, duration_s: $3}
protocol: bbm92
block_coincidences: ${4:-5000000}
security: {eps_sec: 1e-10, eps_cor: 1e-15, bound: random-sampling}
sift: {window_ps: 1000, announce_ps: 125, correlation: anti}
sync: {max_offset_s: 1e-4, max_ppm: 5}
reconcile: {code: auto, rtt_ms: 1}
seed: 3
EOF
}
scenario good 0.97 0
scenario perfect 1 0
scenario qber11 0.78 0
scenario qber50 0 0
scenario attacked 0.97 1

# --- jobs that work -----------------------------------------------------------------------------------------------
job good good 0.4 60000
expect 0 "a job of several blocks" "$qd" run good.job --out a --json good.json
for f in manifest.json summary.json events.jsonl transcript.bin alice.rehearsal.key bob.rehearsal.key alice.rehearsal.key.json; do
    [ -s "a/good/$f" ] || fail "a run leaves no $f"
done
# events have times that do not go back; the manifest pins the code's table
grep -q '^{"event":"start","t":[0-9.e-]*,"resumed":false,"block":0}$' a/good/events.jsonl || fail "no start in events.jsonl"
sed -n 's/^{"event":"[a-z]*","t":\([0-9.e-]*\),.*/\1/p' a/good/events.jsonl >event.times
[ "$(wc -l <event.times)" = "$(wc -l <a/good/events.jsonl)" ] && [ "$(wc -l <event.times)" -ge 3 ] && sort -g -c event.times || fail "times in events.jsonl: $(cat a/good/events.jsonl)"
grep -q '"nr-bg1": "21c96e402361bffeea57bbfc093935f434edfb8a173ea24de1a33013d8a5917b"' a/good/manifest.json || fail "the manifest lacks the table of the code"
grep -q '"qd-bg1": "ab3c64f34f00133768064c347d427b0a1e938a6367b7e179e1c97d1116f0f1ba"' a/good/manifest.json || fail "the manifest lacks the table of the other order"
grep -q '"qd-k22": "cb797869241a5cff71ffba9453679b070f6a8478ae3fa2a281822229ac4781f7"' a/good/manifest.json || fail "the manifest lacks the table of qd-k22"
grep -q '"qd-k33": "af4221831ba1d4a51fcef5e07ba9a4b4e7ee43b938b53494f842b27888b95bb3"' a/good/manifest.json || fail "the manifest lacks the table of qd-k33"
cmp -s a/good/alice.rehearsal.key a/good/bob.rehearsal.key || fail "keys of the stations differ"
[ "$(stat -c %a a/good/alice.rehearsal.key)" = 600 ] || fail "a key file is readable by others"
grep -q '"match": true' good.json || fail "summary without match"
grep -q '"rehearsal": true' good.json || fail "summary without rehearsal"
ls a/good/*.partial >/dev/null 2>&1 && fail "partial files left behind"

# a blind start discloses no sample, and leaves more of short blocks
job blind good 0.4 60000
expect 0 "a job with a sample" "$qd" run blind.job --out blind-not --json sampled.json
sed -i 's/code: auto/code: auto, blind: true, rounds: 16/' blind.job
expect 0 "a blind job" "$qd" run blind.job --out blind-yes --json blind.json
grep -q '"type": "sample"' sampled.json || fail "a job with a sample shows none"
grep -q '"type": "sample"' blind.json && fail "a blind job disclosed a sample"
final() { sed -n 's/^ *"final_bits": \([0-9]*\),*/\1/p' "$1" | head -1; }
[ "$(final blind.json)" -gt "$(final sampled.json)" ] || fail "blind $(final blind.json) bits, with a sample $(final sampled.json)"

# of short blocks with many errors: what z tells of the rate must not ask for longer frames than x has
scenario noisy 0.82 0
job short noisy 0.4 4600
sed -i 's/code: auto/code: qd-bg1, blind: true, rounds: 16/' short.job
expect 6 "a blind job of short blocks" "$qd" run short.job --out short-out
says "no key"

# the reference gives the bytes of the device
expect 0 "the same job on the reference" "$qd" run good.job --out b --device ref
for f in alice.rehearsal.key transcript.bin; do cmp -s a/good/$f b/good/$f || fail "device and reference differ in $f"; done
for r in a b; do
    # a summary without times, device names and what depends on them
    sed -e '/"stages": \[/,/^  \],/d' -e '/"device": {/,/^  },/d' -e '/"seconds":/d' -e 's/"device".*//' $r/good/summary.json >$r.summary
done
cmp -s a.summary b.summary || { fail "summaries differ beyond times and device"; diff a.summary b.summary | head -5; }

# a stopped run goes on and gives the bytes of one that was not
expect 75 "a stopped run" env QD_STOP_AT=rows:1 "$qd" run good.job --out c --device ref --json stopped.json
grep -q '"exit_status": 75' stopped.json && grep -q '"next": "qdistill run --resume c/good"' stopped.json || fail "the record of a stopped run lacks error or exit status"
absent c/good/alice.rehearsal.key
expect 0 "resume" "$qd" run --resume c/good --device ref
for f in alice.rehearsal.key bob.rehearsal.key transcript.bin; do cmp -s b/good/$f c/good/$f || fail "resumed run differs in $f"; done
expect 5 "resume of a complete run" "$qd" run --resume c/good --device ref
says complete
ls c/good/*.partial >/dev/null 2>&1 && fail "resume of a complete run leaves partial files"
expect 75 "a stopped run with a seed of its own" env QD_STOP_AT=syndrome:0 "$qd" run good.job --seed 8 --out s --device ref
# a refused resume changes nothing, and the run can go on once what was wrong is put right
expect 75 "a run to be damaged" env QD_STOP_AT=syndrome:2 "$qd" run good.job --out dmg --device ref
[ "$(stat -c %a dmg/good/state.json)" = 600 ] || fail "state.json is readable by others"
cp -r dmg/good dmg-before
truncate -s 1000 dmg/good/transcript.bin
expect 5 "resume with a short transcript" "$qd" run --resume dmg/good --device ref
for f in alice.rehearsal.key.partial bob.rehearsal.key.partial state.json; do cmp -s dmg-before/$f dmg/good/$f || fail "a refused resume changed $f"; done
cp dmg-before/transcript.bin dmg/good
printf '\125\252\125' | dd of=dmg/good/bob.rehearsal.key.partial bs=1 seek=100 conv=notrunc 2>/dev/null
expect 5 "resume with a changed key" "$qd" run --resume dmg/good --device ref
says bob.rehearsal.key.partial
cp dmg-before/bob.rehearsal.key.partial dmg/good
expect 0 "resume after a refusal" "$qd" run --resume dmg/good --device ref
for f in alice.rehearsal.key bob.rehearsal.key transcript.bin; do cmp -s b/good/$f dmg/good/$f || fail "resumed after a refusal: differs in $f"; done
grep -q '"check"' dmg/good/state.json && fail "a finished run keeps the check of its keys"
# a run that died between naming the keys and saying so
expect 75 "died while naming the keys" env QD_STOP_AT=publish "$qd" run good.job --out died --device ref
[ -s died/good/alice.rehearsal.key ] || fail "the keys were not named"
expect 0 "resume with named keys" "$qd" run --resume died/good --device ref
sed -i 's/"finished": true/"finished": false/' died/good/state.json
expect 0 "resume of a state set back" "$qd" run --resume died/good --device ref
cmp -s b/good/alice.rehearsal.key died/good/alice.rehearsal.key || fail "resume with named keys: another key"
# a summary that was lost, or that the run died before writing, is written again
mv died/good/summary.json summary.before
expect 0 "resume of a complete run without summary" "$qd" run --resume died/good
says "written again"
cmp -s summary.before died/good/summary.json || { fail "the summary written again is another"; diff summary.before died/good/summary.json | head; }
rm died/good/summary.json
sed -i '/^  "summary": {/,/^  }/d' died/good/state.json && sed -i -e ':a' -e 'N' -e '$!ba' -e 's/,\n}/\n}/' died/good/state.json
expect 5 "resume of a complete run without summary anywhere" "$qd" run --resume died/good --device ref
says "summary.json is missing"
mkdir elsewhere
cd elsewhere || exit 1
expect 0 "resume from another folder, with the seed it began with" "$qd" run --resume ../s/good --device ref
cd ..
expect 75 "a run to be changed" env QD_STOP_AT=syndrome:1 "$qd" run good.job --out d-stop --device ref
mv d-stop/good d-good0
mv d-good0 d-good
sed 's/window_ps: 1000/window_ps: 900/' good.job >changed.job
expect 5 "resume with another window" "$qd" run changed.job --resume d-good
says window_ps

job perfect perfect 0.5 100000
expect 0 "QBER 0" "$qd" run perfect.job --out a --json perfect.json
says "secret bits"

# --- no key -------------------------------------------------------------------------------------------------------
for s in qber11 qber50 attacked; do
    job $s $s 0.3
    expect 6 "$s" "$qd" run $s.job --out a --json $s.json
    says "no key"
    says QBER
    for k in alice.rehearsal.key bob.rehearsal.key alice.rehearsal.key.partial; do absent a/$s/$k; done
    grep -q '"exit_status": 6' $s.json && grep -q '"what": "no key' $s.json && cmp -s $s.json a/$s/summary.json || fail "$s: the record lacks error or exit status, or is not the summary"
    grep -q '"status": "aborted"' $s.json || fail "$s: status is not aborted"
done

# --- bad jobs -----------------------------------------------------------------------------------------------------
bad() { # STATUS NAME PATTERN: the job is in bad.job
    expect "$1" "$2" "$qd" run bad.job --out e
    says "$3"
    absent e
}
{ cat good.job; echo "surprise: 1"; } >bad.job
bad 5 "unknown key" surprise
sed 's/block_coincidences: .*/block_coincidences: many/' good.job >bad.job
bad 5 "wrong type" block_coincidences
sed 's/block_coincidences: .*/block_coincidences: -5/' good.job >bad.job
bad 5 "negative length" block_coincidences
sed 's/eps_sec: 1e-10/eps_sec: 2/' good.job >bad.job
bad 5 "epsilon above one" eps_sec
sed 's/scenario: good.yaml/scenario: missing.yaml/' good.job >bad.job
bad 5 "missing scenario" missing.yaml
sed 's/announce_ps: 125/announce_ps: 100/' good.job >bad.job
bad 5 "a rounding that is no whole number of ticks" "bad.job:$(grep -n announce_ps good.job | cut -d: -f1):25: sift.announce_ps 100"
sed 's/protocol: bbm92/protocol: b92/' good.job >bad.job
bad 5 "unknown protocol" protocol
: >bad.job
bad 5 "empty job" bad.job
head -c 300 /dev/urandom >bad.job
bad 5 "random bytes" bad.job
rm bad.job
bad 5 "no job" bad.job
mkdir bad.job
bad 5 "a folder as job" bad.job
rmdir bad.job
mkfifo bad.job
bad 5 "a pipe as job" bad.job
rm bad.job
expect 5 "run directory exists" "$qd" run good.job --out a
says exists
expect 2 "no job at all" "$qd" run
for at in here syndrome syndrome: syndrom:1 syndrome:1x unknown:1 :1; do
    expect 2 "QD_STOP_AT=$at" env QD_STOP_AT=$at "$qd" run good.job --out e --json e.json
    says "QD_STOP_AT=$at"
    absent e
    absent e.json
done
expect 5 "resume of nothing" "$qd" run --resume nowhere

# recordings: no seed, and files that are no tags
printf 'input:\n  alice: {file: no.a1, format: a1-54}\n  bob: {file: no.a1, format: a1-54}\n' >rec.job
expect 5 "missing recording" "$qd" run rec.job --out e
says no.a1
expect 2 "seed with recordings" "$qd" run rec.job --seed 1 --out e
# a recording that breaks in its middle leaves no run directory
head -c 100000 /dev/urandom >random.bin
printf 'name: broken\ninput:\n  alice: {file: random.bin, format: a1-54}\n  bob: {file: random.bin, format: a1-54}\n' >broken.job
expect 5 "a recording of random bytes" "$qd" run broken.job --out br
absent br/broken
{ cat rec.job; echo "seed: 1"; } >bad.job
expect 2 "seed in a job on recordings" "$qd" run bad.job --out e
absent e

# --- recordings ---------------------------------------------------------------------------------------------------
expect 0 "simulated recordings" "$qd" simulate good.yaml --duration-s 0.8 --seed 4 --out r
cat >rec2.job <<EOF
name: rec
input:
  alice: {file: r/alice.a1, format: a1-54}
  bob: {file: r/bob.a1, format: a1-54}
block_coincidences: 60000
sift: {dead_ps: 30000}
sync: {max_offset_s: 1e-4, max_ppm: 5}
EOF
expect 0 "a job on recordings" "$qd" run rec2.job --out n --json rec.json
for f in alice.key bob.key; do
    [ -s n/rec/$f ] || fail "recordings: no $f"
    [ "$(stat -c %a n/rec/$f)" = 600 ] || fail "recordings: $f is readable by others"
done
cmp -s n/rec/alice.key n/rec/bob.key || fail "recordings: keys differ"
ls n/rec/*.rehearsal.* >/dev/null 2>&1 && fail "recordings: a rehearsal's key"
for line in '"rehearsal": false' '"alice_key_sha256": null' '"match": null' '"auth": null'; do grep -q "$line" rec.json || fail "recordings: summary without $line"; done
grep -q '"truth"' rec.json && fail "recordings: a truth that nobody can know"
[ "$(grep -c '"found": \[\]' rec.json)" = 2 ] && [ "$(grep -c '"whole": true' rec.json)" = 2 ] || fail "recordings: what they are like: $(grep -A 60 '"recordings"' rec.json)"
grep -q 'tags info' err.txt && fail "recordings: a warning about sound ones"
# what is wrong with one is told once: the first thousand events of Bob's stand twice
{ head -c 8000 r/bob.a1; cat r/bob.a1; } >twice.a1
sed 's/name: rec/name: twice/; s|r/bob.a1|twice.a1|' rec2.job >twice.job
expect 0 "a job on a damaged recording" "$qd" run twice.job --out n
says '^qdistill run: warning: .*twice.a1: time goes back by a millisecond or more 1 times, .*; 1000 events are duplicates: .*; see qdistill tags info .*twice.a1 --format a1-54$'
[ "$(grep -c '"duplicates": 1000' n/twice/summary.json)" = 1 ] || fail "recordings: a damaged one in the summary"
# sift and run count the same chance pairs in the same files, within four deviations of their displaced windows, 8 and 4 of them
expect 0 "the same recordings by sync" "$qd" sync r/alice.a1 r/bob.a1 --format a1-54 --max-offset-s 1e-4 --max-ppm 5 --json r.clock
expect 0 "the same recordings by sift" "$qd" sift r/alice.a1 r/bob.a1 --format a1-54 --clock r.clock --window-ps 1000 --dead-ps 30000 --out r.sifted --json r.sift
value() { sed -n "s/^  \"$1\": \([0-9.]*\),*/\1/p" "$2"; }
echo "$(value accidentals r.sift) $(value displaced_mean r.sift) $(value accidentals_expected rec.json)" |
    awk '{ d = $1 - $3; sd = $1 / $2 * sqrt($2 / 8 + $2 / 4); exit !($1 > 50 && $2 > $1 && d < 4 * sd && d > -4 * sd) }' ||
    fail "chance pairs of sift and run: $(value accidentals r.sift), $(value accidentals_expected rec.json)"
# stopped after the bases of block 1 were announced: that block is lost, the others are not, and what was sent stays on record
expect 75 "a stopped recording" env QD_STOP_AT=answer:1 "$qd" run rec2.job --out m
grep -q '"announced": true' m/rec/state.json || fail "recordings: the announcement is not on record"
before=$(stat -c %s m/rec/transcript.bin)
cp m/rec/transcript.bin before.bin
expect 0 "resume of a recording" "$qd" run --resume m/rec --json rec2.json
[ "$(grep -c '"abandoned": true' rec2.json)" = 1 ] || fail "recordings: not one abandoned block"
cmp -s m/rec/alice.key m/rec/bob.key || fail "recordings: keys differ after resume"
head -c "$before" m/rec/transcript.bin | cmp -s - before.bin || fail "recordings: what Eve saw of the abandoned block is gone"
[ "$(stat -c %s m/rec/transcript.bin)" -gt "$before" ] || fail "recordings: nothing was recorded after resume"

# --- detectors' delays: what announced times tell of the bit is said, and gone once the delays are declared -------------
sed 's/\(alice: {detectors: {\)/\1delay_ps_each: [0, 0, 400, 400], /' good.yaml >skew.yaml
expect 0 "simulated recordings with delays" "$qd" simulate skew.yaml --duration-s 0.5 --seed 4 --out delayed
sed 's/name: rec/name: skew/; s|r/|delayed/|' rec2.job >skew.job
sed 's/name: skew/name: declared/; s|alice.a1, format: a1-54|&, skew_ps: [0, 0, 400, 400]|' skew.job >declared.job
expect 0 "delays not declared" "$qd" run skew.job --out late
says "announced times tell"
expect 0 "delays declared" "$qd" run declared.job --out late --json declared.json
grep -q "announced times tell" out.txt err.txt && fail "declared delays are not removed"
cmp -s late/declared/alice.key late/declared/bob.key || fail "declared delays: keys differ"
grep -q '"time_information"' declared.json || fail "the summary does not say what times tell"
sed 's/dead_ps: 30000/dead_ps: 30000, skew_ps: [1]/' skew.job >bad.job
expect 5 "skew in the wrong place" "$qd" run bad.job --out e
sed 's/skew_ps: .0, 0, 400, 400./skew_ps: [0, 0, 400]/' declared.job >bad.job
expect 5 "three delays" "$qd" run bad.job --out e
job skewed skew 0.3
expect 0 "a rehearsal takes the delays from the scenario" "$qd" run skewed.job --out late
grep -q "announced times tell" out.txt err.txt && fail "a rehearsal does not remove the scenario's delays"
sed 's/announce_ps: 125/announce_ps: 125, dead_ps: 0/; s/name: skewed/name: short/' skewed.job >short.job
expect 0 "a dead time too short in a rehearsal" "$qd" run short.job --out late
says "shorter than the detectors' dead time"

# --- a batch: one failure stops nobody, the worst decides -----------------------------------------------------------
job one good 0.3
expect 6 "a batch" "$qd" run one.job attacked.job --out f --json batch.json
[ -s f/one/alice.rehearsal.key ] || fail "batch: the good job has no key"
expect 5 "a batch with a bad job" "$qd" run one.job none.job --out g
[ -s g/one/alice.rehearsal.key ] || fail "batch: a bad job stopped a good one"

# What is wrong is told before any job starts, and stops no other job.
mkdir -p w/taken
job taken good 0.3
job lost nowhere 0.3
{ cat one.job; echo "surprise: 1"; } >typo.job
sed 's/^name: .*/name: one/' good.job >twin.job
printf 'name: rec0\ninput:\n  alice: {file: no.a1, format: a1-54}\n  bob: {file: no.a1, format: a1-54}\n' >rec0.job
expect 5 "a batch with everything wrong" "$qd" run one.job taken.job lost.job typo.job twin.job rec0.job none.job --out w --json batch.json
[ -s w/one/alice.rehearsal.key ] || fail "batch: bad jobs stopped a good one"
for word in 'job taken.job: w/taken exists already' 'job lost.job: .*nowhere.yaml' surprise "w/one is the run directory of job one.job too" no.a1 none.job; do
    n=$(grep -n -- "$word" err.txt | head -n 1 | cut -d: -f1)
    [ "${n:-9999}" -lt "$(grep -n '^job 1 of 7' err.txt | cut -d: -f1)" ] || fail "batch: '$word' is not told before the first job starts"
done
[ "$(grep -c '^job [0-9] of 7' err.txt)" = 1 ] || fail "batch: a bad job was started"
[ "$(grep -c '"status": "failed"' batch.json)" = 7 ] && [ "$(grep -c '"error": {' batch.json)" = 7 ] && [ "$(grep -c '"exit_status": 5' batch.json)" = 7 ] || fail "batch: records of what failed"
[ -z "$(ls w/taken)" ] || fail "batch: wrote to a directory that existed"
expect 5 "nothing can start: no device is looked for" "$qd" run none.job typo.job --out w2 --device 77:0
absent w2
# A device that cannot be opened: every job that did not start has its record and its line, and what is said can be pasted.
mv one.job "it's one.job"
expect 3 "a batch without its device" "$qd" run "it's one.job" none.job attacked.job --out w3 --device 77:0 --seed 5 --json batch.json
[ "$(grep -c '"error": {' batch.json)" = 4 ] && [ "$(grep -c '"exit_status": 3' batch.json)" = 3 ] && [ "$(grep -c '"exit_status": 5' batch.json)" = 1 ] && [ "$(grep -c '"job": ' batch.json)" = 3 ] || fail "batch without its device: records"
[ "$(grep -c "^\(one\|none.job\|attacked\) .*failed" out.txt)" = 3 ] || fail "batch without its device: table"
next=$(sed -n "/it's one.job was not started/,/Next:/s/^  Next: qdistill //p" err.txt)
eval "expect 0 'the command for a job that did not start' $qd $next"
[ -s w3/one/alice.rehearsal.key ] || fail "the command for a job that did not start made no key: $next"
mv "it's one.job" one.job
expect 3 "one job without its device" "$qd" run one.job --out w4 --device 77:0 --json batch.json
grep -q '"job": "one.job"' batch.json && grep -q '"exit_status": 3' batch.json || fail "one job without its device: record"
expect 2 "no selector of a device" "$qd" run one.job none.job --out w4 --device banana --json w4.json
absent w4.json
absent w4
# In a batch a job that nobody can run is bad input; alone it is a usage error, which writes no record.
printf 'name: seeded\ninput:\n  alice: {file: r/alice.a1, format: a1-54}\n  bob: {file: r/bob.a1, format: a1-54}\nseed: 1\n' >seeded.job
expect 5 "a batch with a seed for recordings" "$qd" run one.job seeded.job --out w5 --json w5.json
[ "$(grep -c '"exit_status": 5' w5.json)" = 2 ] || fail "a batch with a seed for recordings: record"
expect 2 "a seed for recordings" "$qd" run seeded.job --out w6 --json w6.json
absent w6.json
expect 0 "two jobs of one name without --out" "$qd" run one.job twin.job --device ref
[ -s runs/one-1/alice.rehearsal.key ] && [ -s runs/one-2/alice.rehearsal.key ] || fail "two jobs of one name: $(ls runs)"
# a batch in JSON lines: one final record, and no text beside it
expect 0 "JSON lines" "$qd" run one.job --out v --device ref --progress json --json -
[ "$(grep -c '"verb":"run"' out.txt)" = 1 ] && ! grep -qv '^{.*}$' out.txt && tail -n 1 out.txt | grep -q '^{"schema":1,.*"final_bits"' || fail "JSON lines: $(cut -c 1-200 out.txt)"

# --- devices ------------------------------------------------------------------------------------------------------
expect 0 "no OpenCL platform" env OCL_ICD_VENDORS=/nonexistent "$qd" run one.job --out h --json h.json
says "warning: .*reference path"
grep -q '"fallback": ".*reference path' h.json && grep -q '"used": true' h.json || fail "no OpenCL platform: the record does not say so"
expect 3 "no platform, no fallback" env OCL_ICD_VENDORS=/nonexistent "$qd" run one.job --out i --no-fallback
absent i
if "$qd" devices --json - 2>/dev/null | grep -q '"usable": true'; then
    expect 4 "a named device that fails its self-test" env QD_FAULT_DEVICE=0:0 "$qd" run one.job --out j --device 0:0
    absent j
    expect 0 "auto goes past a device that fails" env QD_FAULT_DEVICE=0:0 "$qd" run one.job --out k
    says "self-test"
fi

# --- a full disk --------------------------------------------------------------------------------------------------
mkdir small
if mount -t tmpfs -o size=300k tmpfs small 2>/dev/null; then
    expect 5 "a full disk" "$qd" run one.job --out small
    says "No space left"
    absent small/one/alice.rehearsal.key
    umount small
else
    echo "SKIP: full disk (no right to mount)"
fi

[ $failures -eq 0 ] && echo "cli_run: all as expected"
exit $failures
