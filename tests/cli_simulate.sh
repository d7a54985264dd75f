#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The verb simulate: files of the documented size, the same bytes for the same seed on device and reference and however the range is cut,
# and one clear error with its exit status, nothing left behind, for each bad input.
set -u
qdistill=$1
source=$2
dir=$(mktemp -d) || exit 1
trap 'chmod -R u+w "$dir"; rm -rf "$dir"' EXIT
mkdir "$dir/work" && cd "$dir/work" || exit 1
unset QD_DEVICE
bad=0
fail() { echo "FAIL: $*"; bad=1; }

cat >"$dir/s.yaml" <<'END'
name: small
pair_rate_hz: 2.0e6
visibility: 0.95
arms:
  alice: {loss_db: 5, detectors: {efficiency: 0.5, dark_hz: 500, jitter_fwhm_ps: 200, dead_ps: 40000}}
  bob: {loss_db: 6, detectors: {efficiency: 0.6, dark_hz: 500, jitter_fwhm_ps: 200, dead_ps: 40000}}
clock: {offset_ps: -5000000, frequency_ppm: 3}
END
good=$dir/s.yaml

# refused STATUS WORD WHAT ARG...: the exit status, a message with WORD on standard error, nothing in the working directory.
refused() {
    want=$1 word=$2 what=$3
    shift 3
    "$qdistill" simulate "$@" >"$dir/out" 2>"$dir/err" </dev/null
    status=$?
    [ $status = "$want" ] || fail "$what: exits $status, not $want: $(cat "$dir/err")"
    grep -q -e "$word" "$dir/err" || fail "$what: no '$word' in: $(cat "$dir/err")"
    [ -z "$(find . -mindepth 1)" ] || fail "$what: left $(find . -mindepth 1)"
}

refused 2 "duration-s" "no duration" "$good" --out o --device ref
refused 2 "out" "no output" "$good" --duration-s 1 --device ref
refused 2 "argument" "no scenario" --duration-s 1 --out o --device ref
refused 2 "duration-s" "negative duration" "$good" --duration-s -1 --out o --device ref
refused 2 "duration-s" "endless duration" "$good" --duration-s 1e9 --out o --device ref
refused 2 "seed" "seed too large" "$good" --duration-s 1 --seed 9223372036854775808 --out o --device ref
refused 2 "selector\|device" "no selector" "$good" --duration-s 1 --out o --device nowhere
refused 3 "" "absent device" "$good" --duration-s 1 --out o --device 97:3
refused 5 "missing.yaml" "missing scenario" "$dir/missing.yaml" --duration-s 1 --out o --device ref
refused 5 "$dir" "a directory as scenario" "$dir" --duration-s 1 --out o --device ref
: >"$dir/empty.yaml"
refused 5 "empty.yaml" "empty scenario" "$dir/empty.yaml" --duration-s 1 --out o --device ref
head -c 60 "$good" >"$dir/cut.yaml"
refused 5 "cut.yaml" "truncated scenario" "$dir/cut.yaml" --duration-s 1 --out o --device ref
sed 's/visibility: 0.95/visibility: 0.95\nvisibillity: 0.9/' "$good" >"$dir/key.yaml"
refused 5 "key.yaml:4.*visibillity" "unknown key, with its line" "$dir/key.yaml" --duration-s 1 --out o --device ref
sed 's/2.0e6/fast/' "$good" >"$dir/type.yaml"
refused 5 "type.yaml:2.*pair_rate_hz" "wrong type, with its line" "$dir/type.yaml" --duration-s 1 --out o --device ref
sed 's/loss_db: 5/loss_db: -5/' "$good" >"$dir/range.yaml"
refused 5 "alice.loss_db" "value out of range" "$dir/range.yaml" --duration-s 1 --out o --device ref
sed 's/pair_rate_hz: 2.0e6/pair_rate_hz: 1.0e9/; s/dead_ps: 40000/dead_ps: 9.0e6/g' "$good" >"$dir/full.yaml"
refused 5 "saturated" "saturated detectors" "$dir/full.yaml" --duration-s 1 --out o --device ref
if [ -d /dev/shm ] && [ -w /dev/shm ]; then
    refused 5 "free" "more than the disk holds" "$good" --duration-s 35000 --out /dev/shm/qd-simulate-$$ --device ref
    [ ! -e /dev/shm/qd-simulate-$$ ] && [ ! -e /dev/shm/qd-simulate-$$.partial ] || fail "more than the disk holds: left a directory"
fi

# An output that exists, as a directory or under the name of an unfinished one, stays as it is.
for name in taken taken.partial; do
    mkdir "$name" && echo mine >"$name/alice.a1"
    "$qdistill" simulate "$good" --duration-s 0.01 --out taken --device ref >"$dir/out" 2>"$dir/err"
    status=$?
    [ $status = 5 ] || fail "$name exists: exits $status"
    grep -q "$name exists" "$dir/err" || fail "$name exists: $(cat "$dir/err")"
    [ "$(find . -type f)" = "./$name/alice.a1" ] && [ "$(cat "$name/alice.a1")" = mine ] || fail "$name exists: changed"
    rm -r "$name"
done

# A write that fails half way, as on a full disk.
(trap '' XFSZ && ulimit -f 64 && exec "$qdistill" simulate "$good" --duration-s 0.2 --seed 1 --out o --device ref) >"$dir/out" 2>"$dir/err"
status=$?
[ $status = 5 ] || fail "file size limit: exits $status: $(cat "$dir/err")"
[ -z "$(find . -mindepth 1)" ] || fail "file size limit: left $(find . -mindepth 1)"

if [ "$(id -u)" != 0 ]; then
    mkdir "$dir/locked" && chmod a-w "$dir/locked"
    refused 5 "locked" "unwritable folder" "$good" --duration-s 0.01 --out "$dir/locked/o" --device ref
fi

# What succeeds: 100 ms, reference and any device, the same seed; another seed.
run() {
    "$qdistill" simulate "$good" --duration-s 0.1 --progress none "$@" >"$dir/out" 2>"$dir/err" || fail "'$*' exits $?: $(cat "$dir/err")"
}
run --seed 7 --out r --device ref --json r.json
run --seed 7 --out d
run --seed 8 --out other --device ref -q
[ ! -s "$dir/out" ] || fail "-q prints"
# visibility .95 alone: true pairs err at (1 - .95)/2 = .025; correlated dead times move that by less than a tenth of it
sed -n '/"qber_true_expected"/,/}/p' r/truth.json | grep -q '"z": 0\.02[2-7]' || fail "expected error rate: $(sed -n '/"qber_true_expected"/,/}/p' r/truth.json | tr -d '\n')"
[ "$(cd r && echo *)" = "alice.a1 bob.a1 truth.json" ] || fail "files: $(ls r)"
for f in alice.a1 bob.a1 truth.json; do
    cmp r/$f d/$f || fail "$f differs between reference and device"
    if cmp -s r/$f other/$f; then fail "$f does not depend on the seed"; fi
done
[ ! -e r.partial ] || fail "the partial directory is left"
[ $(($(wc -c <r/alice.a1) % 8)) = 0 ] || fail "alice.a1 is no whole number of records"
tags=$(sed -n '/"alice"/,/}/s/.*"tags": \([0-9]*\).*/\1/p' r/truth.json)
[ "$(wc -c <r/alice.a1)" = $((8 * tags)) ] || fail "alice.a1 has $(wc -c <r/alice.a1) bytes for $tags tags"
for key in '"rehearsal": true' '"verb": "simulate"' '"status": "ok"' '"tables_sha256"' '"dead_ps": 40000'; do
    grep -q "$key" r.json || fail "the record has no $key"
done
# without --seed two runs differ, and say which seed repeats them
run --out x --device ref
run --out y --device ref
if cmp -s x/alice.a1 y/alice.a1; then fail "two runs without a seed are equal"; fi
run --out z --device ref --seed "$(sed -n 's/.*"seed": \([0-9]*\).*/\1/p' x/truth.json)"
cmp x/alice.a1 z/alice.a1 || fail "the recorded seed does not repeat the run"
for s in "$source"/examples/scenarios/*.yaml; do
    "$qdistill" simulate "$s" --duration-s 0.01 --seed 1 --out "$(basename "$s" .yaml)" --device ref -q 2>"$dir/err" || fail "$s: $(cat "$dir/err")"
done
exit $bad
