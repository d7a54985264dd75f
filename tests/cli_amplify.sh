#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# amplify: known answers, repeatability, a recorded biased string, and every kind of bad input.
set -eu
qd=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
fails=0
unset QD_DEVICE || true

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
    grep -q -- "$pattern" "$dir/log" || { say "no '$pattern' from: $*"; cat "$dir/log"; }
}
fresh() { rm -f "$dir/y" "$dir/y.json" "$dir/y.seed" "$dir/y.seed.json"; } # nothing is overwritten
hex() { od -An -v -tx1 "$1" | tr -d ' \n'; }
ones() { od -An -v -tu1 "$1" | tr -s ' ' '\n' | awk '{ for (v = $1; v > 0; v = int(v / 2)) n += v % 2 } END { print n + 0 }'; }

# Worked examples (privacy amplification [T|I], 8 -> 3, s = 1011001, x = 11010011: 101; plain 5 -> 3, x = 11010: 110), both bit orders.
printf '\313' >"$dir/x"; printf '\115' >"$dir/s"
fresh
expect 0 '8 bits hashed to 3' "$qd" amplify "$dir/x" --in-bits 8 --out-bits 3 --seed-file "$dir/s" --out "$dir/y"
[ "$(hex "$dir/y")" = 05 ] || say "modified: $(hex "$dir/y")"
[ "$(stat -c %a "$dir/y")" = 600 ] || say "the key has mode $(stat -c %a "$dir/y")"
grep -q '"bits": *3' "$dir/y.json" || say "no length beside the key"
[ ! -e "$dir/y.seed" ] || say "a given seed was written again"
fresh
expect 0 '"seed_bits": 7' "$qd" amplify "$dir/x" --out-bits 3 --seed-file "$dir/s" --out "$dir/y" --device ref --json -
[ "$(hex "$dir/y")" = 05 ] || say "modified on the reference: $(hex "$dir/y")"
printf '\323' >"$dir/x"; printf '\262' >"$dir/s"
fresh
expect 0 '"rehearsal": false' "$qd" amplify "$dir/x" --out-bits 3 --seed-file "$dir/s" --bit-order msb --out "$dir/y" --json -
[ "$(hex "$dir/y")" = a0 ] || say "msb first: $(hex "$dir/y")"
printf '\013' >"$dir/x"; printf '\115' >"$dir/s"
fresh
expect 0 '"hash": "toeplitz"' "$qd" amplify "$dir/x" --in-bits 5 --out-bits 3 --seed-file "$dir/s" --hash toeplitz --out "$dir/y" --json -
[ "$(hex "$dir/y")" = 03 ] || say "plain: $(hex "$dir/y")"

# A longer string: device and reference agree, --seed repeats, the seed that was written gives the key again, the system's seeds differ.
head -c 5001 "$qd" >"$dir/x"
expect 0 '"in_bits": 40008' "$qd" amplify "$dir/x" --out-bits 15001 --seed 7 --out "$dir/a" --json -
grep -q '"out_bits": 15001' "$dir/log" && grep -q '"seed_bits": 40007' "$dir/log" && grep -q '"rehearsal": true' "$dir/log" && grep -q '"mbit_per_s"' "$dir/log" ||
    say "fields missing: $(cat "$dir/log")"
expect 0 'the reference' "$qd" amplify "$dir/x" --out-bits 15001 --seed 7 --out "$dir/b" --device ref
cmp "$dir/a" "$dir/b" || say "device and reference differ"
cmp "$dir/a.seed" "$dir/b.seed" || say "--seed does not repeat"
expect 0 'hashed' "$qd" amplify "$dir/x" --out-bits 15001 --seed-file "$dir/a.seed" --out "$dir/c"
cmp "$dir/a" "$dir/c" || say "the written seed gives another key"
expect 0 'public' "$qd" amplify "$dir/x" --out-bits 15001 --out "$dir/d"
expect 0 'public' "$qd" amplify "$dir/x" --out-bits 15001 --out "$dir/e"
! cmp -s "$dir/d.seed" "$dir/e.seed" || say "two draws from the system are equal"
! cmp -s "$dir/d" "$dir/e" || say "two seeds give one key"
# A length given in the sidecar counts; r = n is the identity.
echo '{"bits":40001}' >"$dir/x.json"
head -c 5000 "$dir/x" >"$dir/t" && printf '\001' >>"$dir/t" && mv "$dir/t" "$dir/x"
fresh
expect 0 '"in_bits": 40001' "$qd" amplify "$dir/x" --out-bits 40001 --out "$dir/y" --json -
cmp "$dir/x" "$dir/y" || say "r = n is not the identity"
fresh
expect 0 'all 40001 bits of the input' "$qd" amplify "$dir/x" --out-bits 40001 --out "$dir/y"
fresh
ln "$dir/x" "$dir/linked"
for own in x linked; do
    expect 2 'is the string that is to be hashed' "$qd" amplify "$dir/x" --out-bits 3 --seed-file "$dir/$own" --out "$dir/y"
    [ ! -e "$dir/y" ] || say "a key by a seed that is the string"
done
expect 6 '"what": "no key: --out-bits is 0"' "$qd" amplify "$dir/x" --out-bits 0 --out "$dir/y" --json -
[ ! -e "$dir/y" ] && [ ! -e "$dir/y.seed" ] || say "a key of no bits is written"
fresh
"$qd" amplify "$dir/x" --out-bits 9 --out "$dir/y" --seed 1 -q >"$dir/log" && [ ! -s "$dir/log" ] || say "-q printed something"

# Bad input: exit 5 (usage: 2), one clear error, no output.
mkdir "$dir/none"
bad() { # STATUS PATTERN ARGUMENTS...
    status=$1 pattern=$2
    shift 2
    expect "$status" "$pattern" "$qd" amplify "$@" --out "$dir/none/y"
    [ -z "$(ls -A "$dir/none")" ] || { say "left behind: $(ls -A "$dir/none") by $*"; rm -f "$dir/none"/*; }
}
rm -f "$dir/x.json"
bad 5 'absent' "$dir/absent" --out-bits 3
bad 5 "$dir" "$dir" --out-bits 3
mkfifo "$dir/pipe"
bad 5 'pipe' "$dir/pipe" --out-bits 3
: >"$dir/empty"
bad 5 'empty' "$dir/empty" --out-bits 1
bad 5 'above' "$dir/s" --in-bits 8 --out-bits 9
bad 5 'x' "$dir/x" --in-bits 50000 --out-bits 9
bad 5 'x' "$dir/x" --in-bits 40000 --out-bits 9
printf '\377' >"$dir/over"
bad 5 'over' "$dir/over" --in-bits 7 --out-bits 3
bad 5 'seed' "$dir/x" --out-bits 9 --seed-file "$dir/no-seed"
bad 5 ' ' "$dir/x" --out-bits 9 --seed-file "$dir/s"
bad 5 ' ' "$dir/s" --out-bits 3 --seed-file "$dir/x"
echo '{"bits":-1}' >"$dir/s.json"
bad 5 's.json' "$dir/s" --out-bits 3
echo '{"bits":7' >"$dir/s.json"
bad 5 's.json' "$dir/s" --out-bits 3
rm "$dir/s.json"
bad 2 'out-bits' "$dir/x"
bad 2 'out-bits' "$dir/x" --out-bits -1
bad 2 'out-bits' "$dir/x" --out-bits many
bad 2 'sha256' "$dir/x" --out-bits 9 --hash sha256
bad 2 'middle' "$dir/x" --out-bits 9 --bit-order middle
bad 2 'exclude' "$dir/x" --out-bits 9 --seed 1 --seed-file "$dir/s"
bad 2 'unknown option' "$dir/x" --out-bits 9 --outbits 9
expect 2 "that --out" "$qd" amplify "$dir/x" --out-bits 9 --out "$dir/kj" --json "$dir/kj.json"
[ ! -e "$dir/kj" ] && [ ! -e "$dir/kj.json" ] || { echo "FAIL: a record where the key's length goes left something"; fails=1; }
expect 2 'out FILE' "$qd" amplify "$dir/x" --out-bits 9
expect 5 'nowhere' "$qd" amplify "$dir/x" --out-bits 9 --out "$dir/nowhere/y"
expect 5 '"status": "failed"' "$qd" amplify "$dir/absent" --out-bits 9 --out "$dir/y" --json -
# A key that cannot be written leaves no seed behind.
mkdir "$dir/none/y"
expect 5 'y' "$qd" amplify "$dir/x" --out-bits 9 --out "$dir/none/y"
[ "$(ls -A "$dir/none")" = y ] || say "left behind: $(ls -A "$dir/none")"
rmdir "$dir/none/y"

# Nothing is written over: not the key, not its seed.
expect 0 '' "$qd" amplify "$dir/x" --out-bits 9 --out "$dir/once"
cp "$dir/once" "$dir/once.before"
expect 5 'exists' "$qd" amplify "$dir/x" --out-bits 9 --out "$dir/once"
cmp -s "$dir/once" "$dir/once.before" || say "the key was written over"
rm "$dir/once"
expect 5 'exists' "$qd" amplify "$dir/x" --out-bits 9 --out "$dir/once"

# A recorded string with 44 % ones: warned, and the key has half ones within 4 standard deviations (sqrt(r)/2 each).
key=$(ls "${QD_SHARED:-/nonexistent}"/data/keys/*.cor 2>/dev/null | head -1)
if [ -n "$key" ]; then
    r=600000
    expect 0 'biased' "$qd" amplify "$key" --out-bits $r --seed 1 --out "$dir/key" -q
    n=$(ones "$dir/key")
    off=$((2 * n - r))
    [ $((off * off)) -le $((16 * r)) ] || say "$n ones of $r"
    n=$(ones "$key")
    [ $n -lt 800000 ] || say "the input is not biased: $n ones"
else
    echo "QD_SHARED has no data/keys: the recorded string is skipped"
fi
[ $fails = 0 ]
