#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# estimate: known lengths, both inputs, no key, and every kind of bad input.
set -eu
. "$(dirname -- "$0")/expect.sh"
log=$dir/out

# counts N_Z N_X E_Z E_X C_Z C_X > file
counts() {
    printf '{"n":{"z":%s,"x":%s},"errors":{"z":%s,"x":%s},"charged":{"z":%s,"x":%s},"eps_sec":1e-10,"eps_cor":1e-15}\n' "$@"
}

# floor(79384.4284) twice
counts 100000 100000 1000 1000 9432 9432 >"$dir/a.json"
expect 0 '"key_bits": 158768' "$qd" estimate --counts "$dir/a.json" --json -
expect 0 '"abort_reason": null' "$qd" estimate --counts "$dir/a.json" --json -
expect 0 '"errors_bound": 1480' "$qd" estimate --counts "$dir/a.json" --json -
expect 0 'key bits: 158768' "$qd" estimate --counts "$dir/a.json"
expect 0 'comparison only' "$qd" estimate --counts "$dir/a.json"
expect 0 'decides nothing' "$qd" estimate --counts "$dir/a.json" --json -
"$qd" estimate --counts "$dir/a.json" -q >"$dir/out" && [ ! -s "$dir/out" ] || say "-q printed something"

# The z key is tested by the x bits: 70 errors in x leave z with 8 bits; the 1000 errors of z leave x with none.
counts 1552 1552 1000 70 543 543 >"$dir/b.json"
expect 0 "key bits: 8" "$qd" estimate --counts "$dir/b.json" --json "$dir/b.out"
grep -q '"key_bits": 8,' "$dir/b.out" || say "no key length in the record"

# No error at all: a key, and a phase error above zero.
counts 10000 10000 0 0 57 57 >"$dir/c.json"
expect 0 '"errors_bound": 73' "$qd" estimate --counts "$dir/c.json" --json -
expect 0 '"key_bits": 18502,' "$qd" estimate --counts "$dir/c.json" --json -

# The lines that hash the keys; only a string with key has one.
expect 0 '^  z: qdistill amplify ... --out-bits 9251$' "$qd" estimate --counts "$dir/c.json"
expect 0 '^  x: qdistill amplify ... --out-bits 9251$' "$qd" estimate --counts "$dir/c.json"
expect 0 '^  z: qdistill amplify ... --out-bits 8$' "$qd" estimate --counts "$dir/b.json"
grep -q '^  x: qdistill' "$dir/out" && say "a line for the string without key"

# Smaller epsilon, shorter key; the option wins over the file.
expect 0 '"sec": 9.' "$qd" estimate --counts "$dir/c.json" --eps-sec 9e-20 --json -
k1=$("$qd" estimate --counts "$dir/c.json" | sed -n 's/^key bits: //p')
k2=$("$qd" estimate --counts "$dir/c.json" --eps-sec 1e-20 | sed -n 's/^key bits: //p')
[ "$k2" -lt "$k1" ] || say "eps-sec 1e-20 does not shorten the key ($k1, $k2)"

# Records of reconcile: other fields are ignored.
for b in z x; do echo '{"schema":1,"tool":"qdistill","frames":9,"n":10000,"errors":0,"charged":57}' >"$dir/$b.json"; done
expect 0 '"key_bits": 18502,' "$qd" estimate --record-z "$dir/z.json" --record-x "$dir/x.json" --json -

expect 0 '"cor": 1[.0-9]*e-15$' "$qd" estimate --record-z "$dir/z.json" --record-x "$dir/x.json" --json -
echo '{"n":10000,"errors":0,"charged":57,"eps_cor":1e-9}' >"$dir/x.json"
expect 0 '"cor": 1[.0-9]*e-0*9$' "$qd" estimate --record-z "$dir/z.json" --record-x "$dir/x.json" --json -

# No key: exit 6, and why.
counts 100000 100000 25000 25000 0 0 >"$dir/d.json"
expect 0 'key bits: ' "$qd" estimate --counts "$dir/d.json"
counts 100000 100000 11000 11000 55000 55000 >"$dir/d.json"
expect 6 '"status": "aborted"' "$qd" estimate --counts "$dir/d.json" --json -
expect 6 '"what": "no key: z: ' "$qd" estimate --counts "$dir/d.json" --json -
expect 6 '"exit_status": 6' "$qd" estimate --counts "$dir/d.json" --json -
expect 6 '"key_bits": 0,' "$qd" estimate --counts "$dir/d.json" --json -
expect 6 '"abort_reason": "z: ' "$qd" estimate --counts "$dir/d.json" --json -
counts 100000 100000 50000 50000 0 0 >"$dir/d.json"
expect 6 '1/2 or more' "$qd" estimate --counts "$dir/d.json"
counts 0 100000 0 0 0 0 >"$dir/d.json"
expect 6 'z: no bits; x: the other basis has no bits' "$qd" estimate --counts "$dir/d.json"
counts 4611686018427387904 4611686018427387904 0 0 0 0 >"$dir/d.json"
expect 0 'Chvatal' "$qd" estimate --counts "$dir/d.json"

# Bad input, each exit 5 with the place.
bad() { # PATTERN TEXT
    printf '%s\n' "$2" >"$dir/bad.json"
    expect 5 "$1" "$qd" estimate --counts "$dir/bad.json" --json "$dir/bad.out"
    grep -q '"status": "failed"' "$dir/bad.out" || say "no failed record for: $2"
    rm -f "$dir/bad.out"
}
e='"eps_sec":1e-10,"eps_cor":1e-15'
bad "'n' is missing" "{\"errors\":{\"z\":0,\"x\":0},\"charged\":{\"z\":0,\"x\":0},$e}"
bad "'errors' is missing" "{\"n\":{\"z\":9,\"x\":9},\"charged\":{\"z\":0,\"x\":0},$e}"
bad "'charged' is missing" "{\"n\":{\"z\":9,\"x\":9},\"errors\":{\"z\":0,\"x\":0},$e}"
bad "'eps_sec' is missing" '{"n":{"z":9,"x":9},"errors":{"z":0,"x":0},"charged":{"z":0,"x":0},"eps_cor":1e-15}'
bad "'x' is missing" "{\"n\":{\"z\":9},\"errors\":{\"z\":0,\"x\":0},\"charged\":{\"z\":0,\"x\":0},$e}"
bad "'charged' is missing: these are the counts of sift" '{"schema":1,"n":{"z":9,"x":9},"errors":{"z":0,"x":0},"coincidences":40,"masks":{}}'
bad "unknown key 'y'" "{\"n\":{\"z\":9,\"x\":9,\"y\":1},\"errors\":{\"z\":0,\"x\":0},\"charged\":{\"z\":0,\"x\":0},$e}"
bad "unknown key 'chargd'" "{\"n\":{\"z\":9,\"x\":9},\"errors\":{\"z\":0,\"x\":0},\"charged\":{\"z\":0,\"x\":0},\"chargd\":1,$e}"
bad "'z' is -1" "{\"n\":{\"z\":-1,\"x\":9},\"errors\":{\"z\":0,\"x\":0},\"charged\":{\"z\":0,\"x\":0},$e}"
bad "10 errors in 9 bits of z" "{\"n\":{\"z\":9,\"x\":9},\"errors\":{\"z\":10,\"x\":0},\"charged\":{\"z\":0,\"x\":0},$e}"
bad "must be an integer" "{\"n\":{\"z\":9.5,\"x\":9},\"errors\":{\"z\":0,\"x\":0},\"charged\":{\"z\":0,\"x\":0},$e}"
bad "must be an integer" "{\"n\":{\"z\":\"9\",\"x\":9},\"errors\":{\"z\":0,\"x\":0},\"charged\":{\"z\":0,\"x\":0},$e}"
bad "expected an object" "{\"n\":9,\"errors\":{\"z\":0,\"x\":0},\"charged\":{\"z\":0,\"x\":0},$e}"
bad "duplicate" "{\"n\":{\"z\":9,\"z\":8,\"x\":9},\"errors\":{\"z\":0,\"x\":0},\"charged\":{\"z\":0,\"x\":0},$e}"
bad "not valid JSON" '{"n":{"z":9,"x":9},"errors":{"z":0,"x":0},"charged":{"z":0,"x":0},"eps_sec":NaN,"eps_cor":1e-15}'
bad "'eps_sec' is 0" '{"n":{"z":9,"x":9},"errors":{"z":0,"x":0},"charged":{"z":0,"x":0},"eps_sec":0,"eps_cor":1e-15}'
bad "'eps_sec' is 1" '{"n":{"z":9,"x":9},"errors":{"z":0,"x":0},"charged":{"z":0,"x":0},"eps_sec":1,"eps_cor":1e-15}'
bad "expected an object" '[1,2]'
bad "not valid JSON" '{"n":'
bad "not valid JSON" '{} {}'
: >"$dir/empty.json"
expect 5 'is empty' "$qd" estimate --counts "$dir/empty.json"
expect 5 'missing.json' "$qd" estimate --counts "$dir/missing.json"
expect 5 "$dir" "$qd" estimate --counts "$dir"
echo '{"n":10,"errors":11,"charged":0}' >"$dir/z.json"
expect 5 '11 errors in 10 bits of z' "$qd" estimate --record-z "$dir/z.json" --record-x "$dir/x.json"
echo '{"n":10,"errors":1}' >"$dir/z.json"
expect 5 "'charged' is missing" "$qd" estimate --record-z "$dir/z.json" --record-x "$dir/x.json"

# One record cannot test itself, and a claim is never better than the tag.
printf '{"n":50000,"errors":500,"charged":6000,"eps_cor":1e-15}\n' >"$dir/ok-z.json"
printf '{"n":50000,"errors":510,"charged":6000,"eps_cor":1e-15}\n' >"$dir/ok-x.json"
expect 0 'key bits' "$qd" estimate --record-z "$dir/ok-z.json" --record-x "$dir/ok-x.json"
expect 5 'one file' "$qd" estimate --record-z "$dir/ok-z.json" --record-x "$dir/ok-z.json"
expect 5 'verified to' "$qd" estimate --record-z "$dir/ok-z.json" --record-x "$dir/ok-x.json" --eps-cor 1e-24
expect 0 'eps_cor 1e-09' "$qd" estimate --record-z "$dir/ok-z.json" --record-x "$dir/ok-x.json" --eps-cor 1e-9

# Usage.
expect 2 'needs --counts' "$qd" estimate
expect 2 'both are needed' "$qd" estimate --record-z "$dir/z.json"
expect 2 'exclude each other' "$qd" estimate --counts "$dir/a.json" --record-z "$dir/z.json"
expect 2 'no bound' "$qd" estimate --counts "$dir/a.json" --bound serfling
expect 2 'is out of range: 1e-100 to 0.1' "$qd" estimate --counts "$dir/a.json" --eps-sec 0
expect 2 'is not a number' "$qd" estimate --counts "$dir/a.json" --eps-sec x
expect 2 'one argument too many' "$qd" estimate "$dir/a.json"

[ "$fails" = 0 ] || exit 1
