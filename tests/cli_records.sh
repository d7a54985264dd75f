#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Records and the man page have the same fields: each top-level member of each verb's record stands in the list of that verb, each member of
# a member in the section RECORDS; and each that a list has is a member of some record of that verb.
set -u
qd=$1
page=$2/tools/qdistill.1
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1
unset QD_DEVICE
bad=0
fail() { echo "FAIL: $*"; bad=1; }
# of STATUS VERB ARG...: the record of a command, as VERB.1, VERB.2, ...
of() {
    want=$1 verb=$2
    shift
    k=$((${k:-0} + 1))
    "$qd" "$@" --json "$verb.$k.json" -q 2>err </dev/null
    [ $? = "$want" ] || fail "'$*' does not exit $want: $(cat err)"
    [ -s "$verb.$k.json" ] || fail "'$*': no record"
}

# --- a record of every kind ------------------------------------------------------------------------------------------------------
scenario() { # NAME INTERCEPT
    cat >"$1.yaml" <<END
pair_rate_hz: 2.0e6
visibility: 0.97
arms:
  alice: {detectors: {efficiency: 0.4, dark_hz: 300, dead_ps: 30000, jitter_fwhm_ps: 100}}
  bob: {detectors: {efficiency: 0.4, dark_hz: 300, dead_ps: 30000, jitter_fwhm_ps: 100}}
eve: {intercept_resend: $2}
END
    printf 'name: %s\ninput: {scenario: %s.yaml, duration_s: 0.3}\nsync: {max_offset_s: 1e-4, max_ppm: 5}\n' "$1" "$1" >"$1.job"
}
scenario link 0
scenario attacked 1
clock='--max-offset-s 1e-4 --max-ppm 5'
of 0 run link.job --out runs
of 6 run attacked.job --out runs
of 5 run link.job none.job --out again
of 5 run none.job
of 0 simulate link.yaml --duration-s 0.3 --seed 1 --out t
of 0 tags info t/alice.a1 --format a1-54
of 0 tags convert t/alice.a1 --from a1-54 --to t2 --out t2
of 0 tags convert t/alice.a1 --from a1-54 --to swabian --out sw
of 0 tags info t2 --format t2
of 0 tags info sw --format swabian
# shellcheck disable=SC2086 # words
of 0 sync t/alice.a1 t/bob.a1 --format a1-54 $clock
# shellcheck disable=SC2086
of 0 sync t/alice.a1 t/bob.a1 --format a1-54 $clock --follow --idle-s 0 --every-s 0.1
head -c 8 t/alice.a1 >one.a1
of 6 sync one.a1 t/bob.a1 --format a1-54
of 0 sift t/alice.a1 t/bob.a1 --format a1-54 --offset-ps 0 --window-ps 1000 --dead-ps 30000 --seed 1 --out sifted
sed 's/\(alice: {detectors: {\)/\1angles_deg: [90, 135, 0, 45], /; s/\(bob: {detectors: {\)/\1angles_deg: [112.5, 157.5, 22.5, 67.5], /' link.yaml >bell.yaml
printf 'name: bell\ninput: {scenario: bell.yaml, duration_s: 0.1}\nsync: {max_offset_s: 1e-4, max_ppm: 5}\n' >bell.job
of 6 run bell.job --out bell-runs
of 0 simulate bell.yaml --duration-s 0.1 --seed 1 --out bell
of 0 sift bell/alice.a1 bell/bob.a1 --format a1-54 --offset-ps 0 --window-ps 1000 --dead-ps 30000 --angles-a 90,135,0,45 --angles-b 112.5,157.5,22.5,67.5 --out bell-sifted
for b in z x; do of 0 reconcile sifted/alice.$b.bits sifted/bob.$b.bits --seed 1 --out $b; done
of 6 reconcile one.a1 one.a1 --out short
of 0 tags info z/alice.bits --format cor
of 0 estimate --record-z z/record.json --record-x x/record.json
of 0 amplify z/alice.bits --out-bits 100 --out key --seed 1
of 0 devices
of 0 validate ntt:log2n=5
of 0 profile ntt:log2n=5 --repeat 1
of 0 profile ntt:log2n=5 --repeat 1 --compare "profile.$k.json" --threshold 100
of 0 study sync --rate-a 4e5 --seconds 0.1 --max-offset-s 1e-3 --eta 0.2,0.0001 --effort low --runs 1

# --- the page ----------------------------------------------------------------------------------------------------------------------
words() { tr ' ' '\n' | grep -E '^([a-z][a-z0-9_]*|[A-Z])$' | sort -u; }
awk '/^\.Sh / { on = ($2 == "RECORDS") } on && /^\.(It |Pq )?(Va|Li) /' "$page" | words >page.all
printf 'schema\ntool\nversion\nverb\nstatus\ndevice\nexit_status\nerror\nwhat\ncause\nlikely\nnext\n' >common
for word in $(cat common); do grep -q "$word" "$page" || fail "the page lacks $word, which every record has"; done

# Names that are data: bases, stations, detectors, channel numbers.
for verb in run simulate tags sync sift reconcile estimate amplify devices validate profile study; do
    awk -v want=".Ss Record of $verb" '/^\.S[sh] / { on = ($0 == want) } on && /^\.It Va /' "$page" | words >page.top
    [ -s page.top ] || { fail "the man page has no 'Record of $verb'"; continue; }
    cat "$verb".*.json | sed -n 's/^  "\([a-z0-9_]*\)":.*/\1/p' | sort -u | grep -vxF -f common | grep -vx jobs >top
    [ -s top ] || fail "found no member in the records of $verb"
    { cat top; grep -h -A 1000 '"jobs"' "$verb".*.json | sed -n 's/^      "\(job\)":.*/\1/p'; } | sort -u >top.all
    comm -23 top page.top >missing
    [ ! -s missing ] || fail "$verb: not in the man page: $(tr '\n' ' ' <missing)"
    comm -13 top.all page.top >missing
    [ ! -s missing ] || fail "$verb: only in the man page: $(tr '\n' ' ' <missing)"
    cat "$verb".*.json | grep -o '"[a-zA-Z_][a-zA-Z0-9_]*":' | tr -d '":' | sort -u | grep -vxE 'z|x|alice|bob|V|H' | grep -vxF -f common >members
    comm -23 members page.all >missing
    [ ! -s missing ] || fail "$verb: members that the section RECORDS has nowhere: $(tr '\n' ' ' <missing)"
done
exit $bad
