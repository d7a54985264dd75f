#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# reconcile: two strings that differ, a recorded one too, what the record says, and every kind of bad input.
set -eu
qd=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
fails=0
unset QD_DEVICE || true
# Reference throughout but where said: this is about files and policy.
ref="--device ref"

say() { echo "FAIL: $*"; fails=$((fails + 1)); }

# expect STATUS PATTERN COMMAND...: exit status, and a pattern in the output of either kind
expect() {
    want=$1 pattern=$2
    shift 2
    set +e
    "$@" >"$dir/log" 2>&1
    got=$?
    set -e
    [ "$got" = "$want" ] || { say "exit $got instead of $want: $*"; cat "$dir/log"; }
    [ -z "$pattern" ] || grep -q -- "$pattern" "$dir/log" || { say "no '$pattern' from: $*"; cat "$dir/log"; }
}

# flip FILE P SEED: the file with each bit turned with probability P
flip() { od -An -v -tu1 -w1 "$1" | LC_ALL=C awk -v p="$2" -v s="$3" 'BEGIN { srand(s) } { b = $1; for (k = 1; k < 256; k *= 2) if (rand() < p) b += int(b / k) % 2 ? -k : k; printf "%c", b }'; }
# field NAME FILE: a value at the top of a record
field() { sed -n "s/^  \"$1\": *\([^,]*\),*$/\1/p" "$2" | head -n 1; }
differing() { cmp -l "$1" "$2" | awk '{ x = 0; for (k = 1; k < 256; k *= 2) { a = 0; b = 0; x += int(oct($2) / k) % 2 != int(oct($3) / k) % 2 } n += x } function oct(t,  v, i) { v = 0; for (i = 1; i <= length(t); i++) v = 8 * v + substr(t, i, 1); return v } END { print n + 0 }'; }
# random BYTES SEED
random() { awk -v n="$1" -v s="$2" 'BEGIN { srand(s); for (i = 0; i < n; i++) print int(256 * rand()) }' | LC_ALL=C awk '{ printf "%c", $1 }'; }

random 8000 1 >"$dir/a"
[ "$(wc -c <"$dir/a")" = 8000 ] || { echo "this awk does not write bytes: skipped"; exit 77; }
flip "$dir/a" 0.03 2 >"$dir/b"
[ "$(wc -c <"$dir/b")" = 8000 ] || say "flip changed the length"

# --- 3 %: verified, equal, Alice's own bits, and a record that adds up
expect 0 'QBER' "$qd" reconcile "$dir/a" "$dir/b" --qber 0.03 --out "$dir/o" --json "$dir/r.json" $ref
cmp -s "$dir/o/alice.bits" "$dir/o/bob.bits" || say "the two strings differ"
n=$(field n "$dir/r.json")
grep -q "\"bits\": *$n" "$dir/o/alice.bits.json" || say "n is not the length of the string"
whole=$((n / 8))
head -c $whole "$dir/a" >"$dir/a.head"; head -c $whole "$dir/o/alice.bits" >"$dir/o.head"
cmp -s "$dir/a.head" "$dir/o.head" || say "the verified string is not Alice's"
[ "$(stat -c %a "$dir/o/bob.bits")" = 600 ] || say "the string has mode $(stat -c %a "$dir/o/bob.bits")"
[ -s "$dir/o/transcript.qm" ] || say "no transcript"
cmp -s "$dir/r.json" "$dir/o/record.json" || say "the two records differ"
head -c $whole "$dir/b" >"$dir/b.head"
d=$(differing "$dir/a.head" "$dir/b.head") e=$(field errors "$dir/r.json")
[ "$e" -ge "$d" ] && [ "$e" -le $((d + 7)) ] || say "$e errors counted, $d to $((d + 7)) there"
sum=$(sed -n '/"leak_bits"/,/}/p' "$dir/r.json" | sed -n 's/.*: *\([0-9][0-9]*\).*/\1/p' | awk '{ n += $1 } END { print n }')
[ "$(field charged "$dir/r.json")" = $((sum + $(field verify_bits "$dir/r.json"))) ] || say "charged is not the sum of its parts"
for f in frames frames_failed efficiency efficiency_charged net_yield rounds iterations_mean mbit_per_s dropped; do
    grep -q "\"$f\":" "$dir/r.json" || say "no $f in the record"
done
grep -q '"rehearsal": false' "$dir/r.json" || say "operating-system randomness is no rehearsal"

# --- with a seed: a rehearsal, the same bytes twice and on a device; with a sample: disclosed bits are in no count
expect 0 '"rehearsal": true' "$qd" reconcile "$dir/a" "$dir/b" --seed 5 --out "$dir/s1" --json - -q $ref
expect 0 '' "$qd" reconcile "$dir/a" "$dir/b" --seed 5 --out "$dir/s2" -q
cmp -s "$dir/s1/transcript.qm" "$dir/s2/transcript.qm" || say "one seed, two transcripts"
cmp -s "$dir/s1/bob.bits" "$dir/s2/bob.bits" || say "one seed, two strings"
[ $(($(field n "$dir/s1/record.json") + $(field dropped "$dir/s1/record.json"))) = $((64000 - 8000)) ] || say "n, dropped and the sample do not add up"

# --- no errors, a given leak, bits in another order, a length that is no whole byte
expect 0 'efficiency' "$qd" reconcile "$dir/a" "$dir/a" --out "$dir/zero" --json "$dir/zero.json" $ref
[ "$(field errors "$dir/zero.json")" = 0 ] || say "errors between equal strings"
[ "$(field efficiency "$dir/zero.json")" = null ] || say "an efficiency at zero errors"
expect 0 'leak 0.40' "$qd" reconcile "$dir/a" "$dir/b" --leak 0.4 --qber 0.03 --out "$dir/leak" $ref
expect 0 'efficiency' "$qd" reconcile "$dir/a" "$dir/b" --code nr-bg2 --qber 0.03 --out "$dir/bg2" $ref
cmp "$dir/bg2/alice.bits" "$dir/bg2/bob.bits" || say 'base graph 2 leaves them different'
expect 0 'efficiency' "$qd" reconcile "$dir/a" "$dir/b" --code qd-bg1 --qber 0.03 --out "$dir/qd1" --json "$dir/qd1.json" $ref
cmp "$dir/qd1/alice.bits" "$dir/qd1/bob.bits" || say 'qd-bg1 leaves them different'
grep -q '"name": "qd-bg1"' "$dir/qd1.json" || say 'the record does not name qd-bg1'
for code in qd-k22 qd-k33; do
    expect 0 'efficiency' "$qd" reconcile "$dir/a" "$dir/b" --code $code --qber 0.03 --out "$dir/$code" --json "$dir/$code.json" $ref
    cmp "$dir/$code/alice.bits" "$dir/$code/bob.bits" || say "$code leaves them different"
    grep -q "\"name\": \"$code\"" "$dir/$code.json" || say "the record does not name $code"
done
expect 2 'out of range: 0.0572 to 0.3265' "$qd" reconcile "$dir/a" "$dir/b" --code qd-k33 --leak 0.4 --qber 0.03 --out "$dir/x" $ref
expect 2 'out of range: 0.0834 to 0.6071' "$qd" reconcile "$dir/a" "$dir/b" --code qd-k22 --leak 0.61 --qber 0.03 --out "$dir/x" $ref
expect 0 '' "$qd" reconcile "$dir/a" "$dir/b" --bit-order msb --qber 0.03 --out "$dir/msb" $ref
head -c 900 "$dir/msb/alice.bits" >"$dir/m.head"; head -c 900 "$dir/a" >"$dir/a.head"
cmp -s "$dir/m.head" "$dir/a.head" || say "msb first: the string is not Alice's"
head -c 1000 "$dir/a" >"$dir/a1"; head -c 1000 "$dir/b" >"$dir/b1"
expect 5 'in_bits\|bits' "$qd" reconcile "$dir/a1" "$dir/b1" --in-bits 8001 --qber 0.03 --out "$dir/x" $ref

# --- no key: exit 6, said why, and no string
for q in 0.25 0.5; do
    flip "$dir/a" $q 3 >"$dir/far"
    rm -rf "$dir/x"
    expect 6 'error rate' "$qd" reconcile "$dir/a" "$dir/far" --out "$dir/x" --json "$dir/x.json" $ref
    grep -q '"status": "aborted"' "$dir/x.json" || say "not aborted at $q"
    grep -q 'above what the code' "$dir/x.json" || say "no reason at $q"
    grep -q '"likely": "estimated error rate 0[.0-9]* ([0-9]* errors in 8000 bits)"' "$dir/x.json" || say "not the sample's counts at $q"
    [ ! -e "$dir/x/alice.bits" ] && [ ! -e "$dir/x/bob.bits" ] || say "a string at $q"
done
rm -rf "$dir/x"
expect 6 'the error rate was given: --qber 0.5' "$qd" reconcile "$dir/a" "$dir/b" --qber 0.5 --out "$dir/x" --json "$dir/x.json" $ref
grep -q 'errors in' "$dir/x.json" && say "counts that nobody counted"
# What is said next fits the reason.
rm -rf "$dir/x"
expect 6 'belong together' "$qd" reconcile "$dir/a" "$dir/far" --out "$dir/x" $ref
flip "$dir/a" 1 3 >"$dir/inverted"
rm -rf "$dir/x"
expect 6 'invert one' "$qd" reconcile "$dir/a" "$dir/inverted" --out "$dir/x" $ref
rm -rf "$dir/x"
expect 6 'larger --leak' "$qd" reconcile "$dir/a" "$dir/b" --code large --leak 0.06 --out "$dir/x" $ref
rm -rf "$dir/x"
expect 6 'leave --qber' "$qd" reconcile "$dir/a" "$dir/b" --leak 0.09 --qber 0.001 --out "$dir/x" $ref
[ ! -e "$dir/x/bob.bits" ] || say "a string although no frame was kept"
grep -q '"frames_failed"' "$dir/x/record.json" || say "no record of the failed frames"
rm -rf "$dir/x"
head -c 40 "$dir/a" >"$dir/short"
expect 6 'does not fill' "$qd" reconcile "$dir/short" "$dir/short" --out "$dir/x" $ref
rm -rf "$dir/x"
# 11 % is served: the bound decides what it is worth
flip "$dir/a" 0.11 4 >"$dir/eleven"
expect 0 'QBER' "$qd" reconcile "$dir/a" "$dir/eleven" --qber 0.11 --out "$dir/eleven.o" $ref
cmp -s "$dir/eleven.o/alice.bits" "$dir/eleven.o/bob.bits" || say "the two strings differ at 11 %"

# --- bad input
: >"$dir/empty"
mkfifo "$dir/pipe"
expect 5 'one length' "$qd" reconcile "$dir/a" "$dir/short" --out "$dir/x"
expect 5 'empty' "$qd" reconcile "$dir/empty" "$dir/empty" --out "$dir/x"
# --- nothing is known of the rate: no sample is disclosed, and the strings agree
expect 0 'QBER' "$qd" reconcile "$dir/a" "$dir/b" --blind --rounds 20 --out "$dir/blind" --json "$dir/blind.json" $ref
cmp -s "$dir/blind/alice.bits" "$dir/blind/bob.bits" || say "a blind start leaves different strings"
grep -q '"sample": {"bits": 0, "errors": 0}' "$dir/blind.json" || grep -A1 '"sample": {' "$dir/blind.json" | grep -q '"bits": 0' || say "a blind start disclosed a sample"

# --- Cascade: less of Alice's bits than the codes, more in all, for Bob tells as many
expect 0 'QBER' "$qd" reconcile "$dir/a" "$dir/b" --code cascade --out "$dir/casc" --json "$dir/casc.json" $ref
cmp -s "$dir/casc/alice.bits" "$dir/casc/bob.bits" || say "Cascade leaves different strings"
expect 0 'QBER' "$qd" reconcile "$dir/a" "$dir/b" --out "$dir/coded" --json "$dir/coded.json" $ref
below() { awk "BEGIN { exit !($1 < $2) }" || say "$3: $1 is not below $2"; }
below "$(field efficiency "$dir/casc.json")" "$(field efficiency "$dir/coded.json")" "f of Cascade"
below "$(field efficiency_charged "$dir/coded.json")" "$(field efficiency_charged "$dir/casc.json")" "charged f of the codes"
# Charged for both sides, it ends where the codes go on; and a frame has 256 bits.
flip "$dir/a" 0.12 9 >"$dir/twelve"
expect 0 'no key is left (Cascade' "$qd" reconcile "$dir/a" "$dir/twelve" --code cascade --out "$dir/none" $ref
head -c 30 "$dir/a" >"$dir/thirty"
expect 6 'frames have 256 bits' "$qd" reconcile "$dir/thirty" "$dir/thirty" --code cascade --out "$dir/few" $ref

expect 5 'absent' "$qd" reconcile "$dir/absent" "$dir/b" --out "$dir/x"
expect 5 '' "$qd" reconcile "$dir" "$dir/b" --out "$dir/x"
expect 5 '' "$qd" reconcile "$dir/pipe" "$dir/b" --out "$dir/x"
expect 5 'exists' "$qd" reconcile "$dir/a" "$dir/b" --out "$dir/o"
expect 5 '' "$qd" reconcile "$dir/a" "$dir/b" --out "$dir/no/such" $ref
expect 2 '--out' "$qd" reconcile "$dir/a" "$dir/b"
expect 2 'turbo' "$qd" reconcile "$dir/a" "$dir/b" --code turbo --out "$dir/x"
expect 2 'leak' "$qd" reconcile "$dir/a" "$dir/b" --code cascade --leak 0.2 --out "$dir/x"
expect 2 'blind' "$qd" reconcile "$dir/a" "$dir/b" --code cascade --blind --out "$dir/x"
expect 2 'exclude' "$qd" reconcile "$dir/a" "$dir/b" --blind --qber 0.02 --out "$dir/x"
expect 2 'rounds' "$qd" reconcile "$dir/a" "$dir/b" --blind --rounds 0 --out "$dir/x"
expect 2 'rounds' "$qd" reconcile "$dir/a" "$dir/b" --rounds 33 --out "$dir/x"
expect 2 'qber' "$qd" reconcile "$dir/a" "$dir/b" --qber 1.5 --out "$dir/x"
for leak in 0.0833 0.05 0.7 -1 0; do expect 2 "leak: $leak is out of range: 0.0834 to 0.6666" "$qd" reconcile "$dir/a" "$dir/b" --leak $leak --out "$dir/x"; done
expect 2 'eps-cor' "$qd" reconcile "$dir/a" "$dir/b" --eps-cor 0 --out "$dir/x"
expect 2 'middle' "$qd" reconcile "$dir/a" "$dir/b" --bit-order middle --out "$dir/x"
[ ! -e "$dir/x" ] || say "a directory in spite of bad input"
# A full disk: nothing half-written stays.
expect 5 '' sh -c "ulimit -f 8; trap '' XFSZ; exec \"\$@\"" sh "$qd" reconcile "$dir/a" "$dir/b" --qber 0.03 --out "$dir/x" $ref
[ ! -e "$dir/x" ] || say "a directory in spite of a full disk"

# --- a recorded raw key as Alice's, 3 % of the bits turned for Bob
keys=${QD_SHARED:-}/data/keys
if [ -d "$keys" ]; then
    for k in "$keys"/*.cor; do
        flip "$k" 0.03 7 >"$dir/bob.cor"
        expect 0 'QBER' "$qd" reconcile "$k" "$dir/bob.cor" --out "$dir/cor" --json "$dir/cor.json"
        cmp -s "$dir/cor/alice.bits" "$dir/cor/bob.bits" || say "the two strings differ: $k"
        [ "$(field frames_failed "$dir/cor.json")" -lt "$(field frames "$dir/cor.json")" ] || say "no frame kept: $k"
        rm -rf "$dir/cor"
    done
else
    echo "no recorded keys here (QD_SHARED): that part is skipped"
fi
[ $fails = 0 ] || { echo "$fails failures"; exit 1; }
