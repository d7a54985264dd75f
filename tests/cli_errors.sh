#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every error says what failed and what to do next, on the screen and in the record; every record that is not "ok" has the error and the
# exit status; standard output with JSON on it holds nothing else, and one final record.
set -u
qd=$1
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1
unset QD_DEVICE QD_FAULT_DEVICE QD_KERNEL_DIR
bad=0
fail() { echo "FAIL: $*"; bad=1; }

# part NAME FILE: a part of the error in a record
part() { sed -n '/"error": {/,/}/s/^ *"'"$1"'": "\(.*\)",\{0,1\}$/\1/p' "$2" | head -n 1; }

# error STATUS WHAT NEXT ARG...: the exit status, patterns in two parts of the error; the record has both, standard error too.
error() {
    want=$1 what=$2 next=$3
    shift 3
    rm -f r.json
    "$qd" "$@" --json r.json >out 2>err </dev/null
    status=$?
    [ $status = "$want" ] || { fail "'$*' exits $status, not $want"; cat err; }
    grep -q -- "$what" err || fail "'$*': no '$what' in: $(cat err)"
    grep -q -- "^  Next: .*$next" err || fail "'$*': no 'Next: ... $next' in: $(cat err)"
    if [ "$want" = 2 ]; then
        [ ! -e r.json ] || fail "'$*': a usage error wrote a record"
        return
    fi
    [ -s r.json ] || { fail "'$*': no record"; return; }
    part what r.json | grep -q -- "$what" || fail "'$*': the record's error.what is '$(part what r.json)'"
    part next r.json | grep -q -- "$next" || fail "'$*': the record's error.next is '$(part next r.json)'"
    part next r.json | grep -q 'correct what is named' && fail "'$*': nobody said what to do next"
    grep -q "\"exit_status\": $want" r.json || fail "'$*': the record has no exit status $want"
    word=failed
    [ "$want" = 6 ] && word=aborted
    grep -q "\"status\": \"$word\"" r.json || fail "'$*': the record's status is not $word"
    grep -q '"device": {' r.json && grep -q '"used": ' r.json || fail "'$*': the record has no device, or does not say whether it was used"
}

# lines STATUS ARG...: with --progress json, alone and with --json -, standard output is objects, the last one the only final record.
lines() {
    want=$1
    shift
    for also in "" "--json -"; do
        rm -rf new new.* # what the command makes
        # shellcheck disable=SC2086 # two words or none
        "$qd" "$@" --progress json $also >out 2>err </dev/null
        status=$?
        [ $status = "$want" ] || { fail "'$*' exits $status, not $want"; cat err; }
        grep -v '^{.*}$' out >not && fail "'$*' $also: no object on a line: $(head -n 3 not)"
        [ "$(grep -c '"verb":' out)" = 1 ] || fail "'$*' $also: $(grep -c '"verb":' out) final records"
        tail -n 1 out | grep -q '^{"schema":1,"tool":"qdistill".*"exit_status":'"$want" || fail "'$*' $also: does not end with the final record: $(tail -n 1 out | cut -c 1-200)"
    done
}
# apart ARG...: with --json - standard output is the one record, text for people is on standard error.
apart() {
    rm -rf new new.*
    "$qd" "$@" --json - >out 2>err </dev/null || fail "'$*' exits $?"
    [ "$(head -n 1 out)" = "{" ] && [ "$(tail -n 1 out)" = "}" ] && [ "$(grep -c '^{' out)" = 1 ] || fail "'$*' --json -: not one record: $(head -n 3 out)"
    [ -s err ] || fail "'$*' --json -: nothing for people"
}

# --- material ------------------------------------------------------------------------------------------------------------------
cat >s.yaml <<'EOF'
pair_rate_hz: 2.0e6
visibility: 0.97
arms:
  alice: {detectors: {efficiency: 0.4, dark_hz: 300}}
  bob: {detectors: {efficiency: 0.4, dark_hz: 300}}
EOF
"$qd" simulate s.yaml --duration-s 0.1 --seed 1 --out link --device ref -q || fail "simulate"
sift="sift link/alice.a1 link/bob.a1 --format a1-54 --offset-ps 0 --window-ps 1000 --dead-ps 1000 --device ref"
"$qd" $sift --seed 1 --out sifted -q || fail "sift"
"$qd" reconcile sifted/alice.z.bits sifted/bob.z.bits --seed 1 --out z --device ref -q || fail "reconcile"
cat >job.yaml <<'EOF'
name: job
input: {scenario: s.yaml, duration_s: 0.1}
sync: {max_offset_s: 1e-4, max_ppm: 5}
EOF
echo '{"n":{"z":10000,"x":10000},"errors":{"z":0,"x":0},"charged":{"z":57,"x":57},"eps_sec":1e-10,"eps_cor":1e-15}' >some.json
echo '{"n":{"z":100,"x":100},"errors":{"z":0,"x":0},"charged":{"z":57,"x":57},"eps_sec":1e-10,"eps_cor":1e-15}' >none.json
echo '{}' >empty.json
: >nothing
head -c 1001 link/alice.a1 >cut.a1
head -c 8 link/alice.a1 >one.a1
mkdir taken
sed 's/0.97/1.97/' s.yaml >bad.yaml

# --- what is not there, not readable, not writable, exists -------------------------------------------------------------------------
exists='exists already'
other='choose another --out, or remove it'
error 5 missing.yaml 'check the path' simulate missing.yaml --duration-s 1 --out o --device ref
error 5 "taken $exists" "$other" simulate s.yaml --duration-s 0.01 --out taken --device ref
error 5 missing.a1 'check the path' tags info missing.a1 --format a1-54
error 5 cut.a1 '.' tags info cut.a1 --format a1-54
error 5 nothing '.' tags info nothing --format a1-54
error 5 taken 'regular file' tags info taken --format a1-54
error 5 missing.a1 'check the path' sync missing.a1 link/bob.a1 --format a1-54
error 5 missing.a1 'check the path' sift link/alice.a1 missing.a1 --format a1-54 --offset-ps 0 --window-ps 1 --out o --device 77:0
error 5 "taken $exists" "$other" $sift --out taken
error 5 "taken $exists" "$other" reconcile z/alice.bits z/bob.bits --out taken
error 5 'nothing is empty' 'check the step before' reconcile nothing nothing --out o
error 5 'cut.a1 has 8008' 'in-bits' reconcile z/alice.bits cut.a1 --out o
error 5 missing 'check the path' reconcile missing z/bob.bits --out o
error 5 missing.json 'check the path' estimate --counts missing.json
error 5 "'n' is missing" 'add ' estimate --counts empty.json
error 5 'nothing is empty' 'write it again' estimate --counts nothing
error 5 'counts of sift' '--record-z FILE --record-x FILE' estimate --counts sifted/counts.json
# records in each other's place
"$qd" $sift --seed 1 --out sifted2 -q --json sift.json || fail "sift --json"
"$qd" estimate --counts some.json --json estimate.json -q || fail "estimate --json"
"$qd" reconcile missing missing --out o --json failed.json 2>err
error 5 'sift.json is a record of sift' 'reconcile alice.z.bits bob.z.bits' estimate --record-z sift.json --record-x z/record.json
error 5 'estimate.json is a record of estimate' 'reconcile alice.x.bits' estimate --record-z z/record.json --record-x estimate.json
error 5 'failed.json is the record of a reconcile that failed' 'again' estimate --record-z failed.json --record-x z/record.json
error 5 'sift.json is a record of sift, no counts' '--record-z FILE' estimate --counts sift.json
error 5 'record.json is a record of reconcile, no counts' '--record-z FILE' estimate --counts z/record.json
error 5 "taken $exists" "$other" amplify z/alice.bits --out-bits 10 --out taken --device ref
error 5 'nothing holds 0 bits' 'check the step before' amplify nothing --out-bits 1 --out o --device ref
error 6 'no key: --out-bits is 0' 'qdistill estimate' amplify z/alice.bits --out-bits 0 --out o --device ref
[ ! -e o ] && [ ! -e o.seed ] || fail "a refused hash left $(ls -d o*)"
error 5 'above the' 'estimate' amplify one.a1 --out-bits 65 --out o --device ref
error 5 missing 'check the path' amplify missing --out-bits 1 --out o --device ref
error 5 'cannot write' 'choose another place' amplify one.a1 --out-bits 1 --out no/such/o --device ref
error 5 missing.job 'check the path' run missing.job --out o --device ref
error 5 "'input'\|input" '.' run empty.json --out o --device ref
error 5 'nowhere' '.' run --resume nowhere --device ref
error 5 missing.json 'check the path' profile --compare missing.json --device ref --repeat 1 ntt:log2n=5
error 5 'not a record of qdistill profile' 'make one' profile --compare empty.json --device ref --repeat 1 ntt:log2n=5
for verb in profile validate; do error 3 "77:0" 'qdistill devices' $verb --device 77:0 ntt:log2n=5; done
error 3 "77:0" 'qdistill devices' devices --device 77:0

# --- refusals ----------------------------------------------------------------------------------------------------------------------
error 6 'no key' 'longer block' estimate --counts none.json
grep -q '"terms"' r.json || fail "the record of a refusal lost its terms"
error 6 'no lock' 'recording of that station' sync one.a1 link/bob.a1 --format a1-54 --device ref
error 6 'no coincidences' 'qdistill sync link/alice.a1 link/bob.a1 --format a1-54 --json clock.json' sift link/alice.a1 link/bob.a1 --format a1-54 --offset-ps 7000000 --window-ps 1000 --out o --device ref
error 6 'no key' 'longer string' reconcile one.a1 one.a1 --out short --device ref
cmp -s r.json short/record.json || fail "reconcile: two records of a refusal"
[ ! -e o ] || fail "an error left o behind"

# --- the command line --------------------------------------------------------------------------------------------------------------
for verb in run simulate sync sift reconcile estimate amplify tags devices validate profile; do
    error 2 'unknown option' "qdistill $verb --help" $verb --no-such-option
    error 2 'is no way to show progress' "qdistill $verb --help" $verb --progress fast
    for seed in 9223372036854775808 99999999999999999999; do error 2 'is out of range: 0 to 2^63 - 1' "qdistill $verb --help" $verb --seed $seed; done
    grep -rq VERB err && fail "$verb: a placeholder in the message"
done
error 2 'is out of range: 1 to 2^32' 'qdistill amplify --help' amplify x --in-bits 9999999999 --out-bits 1 --out o
error 2 'is out of range: -200 to 200' 'qdistill sift --help' sift a b --ppm 201
for verb in reconcile estimate; do error 2 'is out of range: 1e-30 to 0.1' "qdistill $verb --help" $verb --eps-cor 0; done
error 2 'is out of range: 1 to 1000000' 'qdistill sift --help' sift a b --window-ps 0
error 2 'is out of range: 1e-100 to 0.1' 'qdistill estimate --help' estimate --eps-sec 1e-320
error 2 'is out of range: 1e-100 to 0.1' 'qdistill estimate --help' estimate --eps-sec 1e999
error 2 'needs --out' 'qdistill sift --help' sift a b --format a1-54 --offset-ps 0 --window-ps 1
error 2 'a number must be finite' 'qdistill reconcile --help' reconcile a b --leak 1e999
# within VALUE VERB OPTION KEY: a verb and a job refuse the same value of the same thing
within() {
    error 2 "--$3: '$1' is out of range" "qdistill $2 --help" "$2" "--$3=$1" a b
    sed "s/^sync: .*/${4%.*}: {${4#*.}: $1}/" job.yaml >range.yaml
    error 5 "range.yaml:3:[0-9]*: $4 is out of range" . run range.yaml --out o
}
for value in 9e-10 10.1; do within $value sync max-offset-s sync.max_offset_s; done
for value in 0 201; do within $value sync max-ppm sync.max_ppm; done
for value in 0 1000001; do within $value sift window-ps sift.window_ps; done
for value in 0 100001; do within $value sift announce-ps sift.announce_ps; done
within 1000000001 sift dead-ps sift.dead_ps
for value in 9e-31 0.11; do within $value reconcile eps-cor security.eps_cor; done
for value in 9e-101 0.11; do within $value estimate eps-sec security.eps_sec; done
error 5 'bad.yaml:2:13: visibility is out of range' . simulate bad.yaml --duration-s 1 --out o
error 2 'a device' 'qdistill devices' devices --device banana

error 2 'must be a whole number of ps, in digits' 'qdistill sift --help' sift a b --window-ps 1000.5
error 2 'must be a whole number, in digits' 'qdistill amplify --help' amplify x --out-bits 1e3 --out o
error 2 'is not a number' 'qdistill sift --help' sift a b --window-ps 1000p

# --- the device, and that it was not used ------------------------------------------------------------------------------------------
QD_DEVICE=77:0
export QD_DEVICE
error 3 'QD_DEVICE=77:0 in the environment' 'qdistill devices' amplify z/alice.bits --out-bits 10 --out o
error 3 'QD_DEVICE=77:0 in the environment' 'qdistill devices' validate ntt:log2n=5
error 3 'QD_DEVICE=77:0 in the environment' 'qdistill devices' run job.yaml --out o
QD_DEVICE=banana
error 2 'QD_DEVICE=banana in the environment' . sync link/alice.a1 link/bob.a1 --format a1-54
error 2 'QD_DEVICE=banana in the environment' . run job.yaml --out o
error 3 '77:0' 'qdistill devices' amplify z/alice.bits --out-bits 10 --out o --device 77:0
grep -q QD_DEVICE err && fail "--device is not QD_DEVICE"
unset QD_DEVICE
# fallback VERB ARG...: without an OpenCL platform the reference computes; the record and a warning say so
fallback() {
    rm -rf new new.* r.json
    OCL_ICD_VENDORS=/nonexistent "$qd" "$@" --json r.json >out 2>err </dev/null || fail "'$*' without a platform exits $?: $(cat err)"
    grep -q '"fallback": ".*reference path' r.json && grep -q '"id": "ref"' r.json && grep -q '"used": true' r.json || fail "'$*': the record does not tell of the fallback: $(cat r.json)"
    grep -q "^qdistill $1: warning: .*reference path" err || fail "'$*': no warning of the fallback: $(cat err)"
}
fallback simulate s.yaml --duration-s 0.01 --seed 1 --out new
fallback sync link/alice.a1 link/bob.a1 --format a1-54 --max-offset-s 1e-5 --max-ppm 1
# shellcheck disable=SC2086 # words
fallback ${sift% --device ref} --out new
fallback reconcile sifted/alice.z.bits sifted/bob.z.bits --out new
fallback amplify z/alice.bits --out-bits 10 --out new
fallback profile --repeat 1 ntt:log2n=5
fallback validate --device auto ntt:log2n=5
# unused VERB ARG...: what computes on no device says so
unused() {
    "$qd" "$@" --json r.json >out 2>err || fail "'$*' exits $?: $(cat err)"
    tr -d ' \n' <r.json | grep -q '"device":{"id":null,"name":null,"type":null,"used":false}' || fail "'$*': $(grep -A 5 '"device"' r.json)"
}
unused estimate --counts some.json
unused tags info link/alice.a1 --format a1-54
unused devices

# --- JSON on standard output ---------------------------------------------------------------------------------------------------------
lines 0 simulate s.yaml --duration-s 0.1 --seed 1 --out new --device ref
lines 0 $sift --out new
lines 0 reconcile sifted/alice.z.bits sifted/bob.z.bits --out new --device ref
lines 0 estimate --counts some.json
lines 0 amplify z/alice.bits --out-bits 100 --out new --device ref
lines 0 tags info link/alice.a1 --format a1-54
lines 0 devices
lines 0 validate --device ref -v ntt:log2n=5
lines 0 profile --device ref --repeat 1 ntt:log2n=5
lines 0 run job.yaml --out new --device ref
lines 6 estimate --counts none.json
lines 6 sync one.a1 link/bob.a1 --format a1-54 --device ref
lines 5 sync missing.a1 link/bob.a1 --format a1-54
lines 5 simulate missing.yaml --duration-s 0.1 --out new --device ref
lines 5 $sift --out taken
lines 5 run missing.job job.yaml --out new --device ref
lines 3 devices --device 77:0
apart simulate s.yaml --duration-s 0.1 --seed 1 --out new --device ref
apart $sift --out new
apart estimate --counts some.json
apart amplify z/alice.bits --out-bits 100 --out new --device ref
apart tags info link/alice.a1 --format a1-54
apart devices
apart run job.yaml --out new --device ref
# a file for the record in spite of --progress json; one that cannot be written ends the lines with that failure
"$qd" estimate --counts some.json --progress json --json r.json >out 2>err || fail "both records"
grep -q '"key_bits": 18502' r.json && grep -q '^{.*"key_bits":18502' out || fail "--json FILE with --progress json"
"$qd" estimate --counts some.json --progress json --json no/such/r.json >out 2>err
[ $? = 5 ] && [ "$(wc -l <out)" = 1 ] && grep -q '"status":"failed".*"exit_status":5' out || fail "a record that cannot be written: $(cat out)"
# The record is written over nothing but an earlier record: no key, no input, no output of the same command.
echo secret >key
cp key before
kept() { # WHAT FILE ARG...
    what=$1 file=$2
    shift 2
    cp "$file" before
    "$qd" "$@" --json "$file" >out 2>err
    [ $? = 5 ] || fail "--json over $what: no exit 5"
    cmp -s "$file" before || fail "--json over $what: the file changed"
    grep -q -- "--json" err || fail "--json over $what: $(cat err)"
}
kept "a key" key estimate --counts some.json
kept "a recording that is read" link/alice.a1 tags info link/alice.a1 --format a1-54
kept "counts that are read" some.json estimate --counts some.json
"$qd" estimate --counts some.json --json again.json >out 2>err && "$qd" estimate --counts some.json --json again.json >out 2>err || fail "a record over a record"
"$qd" amplify z/alice.bits --out-bits 100 --out own --json own --device ref >out 2>err
[ $? = 2 ] && [ ! -e own ] && [ ! -e own.json ] || fail "--json over the key that is made: $(cat err)"
"$qd" estimate --counts none.json --json . >out 2>err
[ $? = 5 ] || fail "--json onto a folder"
"$qd" run job.yaml --out "" >out 2>err
[ $? = 2 ] || fail "--out without a name"
# Stopped half way: the exit status says so, and nothing is left behind under any name.
stopped() { # WHAT OUT ARG...: a verb that has a minute of work, sent a signal once its output appears
    what=$1 out=$2
    shift 2
    "$qd" "$@" --progress none >out 2>err &
    pid=$!
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        if ls "$out"* >/dev/null 2>&1; then break; fi
        sleep 0.2
    done
    kill -TERM $pid
    wait $pid
    status=$?
    [ $status = 75 ] || fail "$what, stopped: exit $status, not 75: $(cat err)"
    ls "$out"* >/dev/null 2>&1 && fail "$what, stopped: left $(ls -d "$out"*)"
}
stopped "simulate" half simulate s.yaml --duration-s 3000 --seed 1 --out half --device ref
(ulimit -f 20; exec "$qd" simulate s.yaml --duration-s 30 --seed 1 --out half --device ref) >out 2>err
[ $? = 5 ] || fail "a limit of file sizes: $(cat err)"
[ ! -e half ] && [ ! -e half.partial ] || fail "a limit of file sizes: files are left"
exit $bad
