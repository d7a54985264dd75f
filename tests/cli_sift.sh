#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# sift: made-up tags whose sifted strings are known, the same on reference and device; warnings; refusals; bad input.
set -eu
. "$(dirname -- "$0")/expect.sh"
log=$dir/out
export LC_ALL=C
cd "$dir"

# make KIND FILE_A FILE_B: 3000 pairs of a1-54 tags (one little-endian u64: time << 10 | mask), B's clock 1,000,000 ticks (3,906,250 ps) behind.
# Beside them what a bookkeeper who knows every pair expects: want.z want.x (Alice's strings as text) and want.counts.
make() {
    awk -v kind="$1" -v fa="$2.oct" -v fb="$3.oct" '
    function rnd(n) { seed = (seed * 16807) % 2147483647; return int(seed / 2147483647 * n) }
    function put(file, t, mask,   i, v, hi, lo) {
        lo = (t % 4194304) * 1024 + mask; hi = int(t / 4194304) # 32 + 32 bits
        for (i = 0; i < 4; i++) { printf "\\0%03o", lo % 256 > file; lo = int(lo / 256) }
        for (i = 0; i < 4; i++) { printf "\\0%03o", hi % 256 > file; hi = int(hi / 256) }
    }
    BEGIN {
        seed = 4711; t = 5000000
        split("1 2 4 8", det); opposite[1] = 4; opposite[2] = 8; opposite[4] = 1; opposite[8] = 2
        for (i = 0; i < 3000; i++) {
            t += 30000 + rnd(60000)
            a = det[1 + rnd(4)]
            b = rnd(2) ? opposite[a] : det[1 + rnd(4)] # half of them independent: other basis, or chance
            if (kind == "multi" && i % 5 == 0) a = 15
            if (kind == "onedet") b = 4
            if (kind == "cross") b = rnd(2) ? opposite[a] : det[(a == 1 || a == 4 ? 2 : 1) + 2 * rnd(2)] # as often in the other basis
            shift = -1000000 + rnd(41) - 20
            if (kind == "apart") shift += 20000
            if (kind == "skew" && b > 2) shift += 80
            seen = b
            if (kind == "cross" && (b == 1 || b == 8)) seen = 9 - b # V and + interchanged
            if (kind == "zswap" && (b == 1 || b == 4)) seen = 5 - b # V and H interchanged
            if (kind == "zmixed" && (b == 1 || b == 4) && i % 10 < 7) seen = 5 - b
            if (kind == "xswap" && (b == 2 || b == 8)) seen = 10 - b
            put(fa, t, a); put(fb, t + shift, seen)
            za = a == 1 || a == 4; zb = b == 1 || b == 4
            if (za != zb) { mismatch++; continue }
            basis = za ? "z" : "x"; va = a > 2; vb = b < 4
            printf "%d", va > ("want." basis)
            n[basis]++; errors[basis] += va != vb
        }
        printf "%d %d %d %d %d\n", n["z"], n["x"], errors["z"], errors["x"], mismatch > "want.counts"
    }'
    for f in "$2" "$3"; do
        printf '%b' "$(cat "$f.oct")" >"$f"
        rm "$f.oct"
    done
}

# text BITFILE: the bits of a file as text, as many as its .json says
text() {
    n=$(sed -n 's/.*"bits": *\([0-9]*\).*/\1/p' "$1.json")
    od -An -v -tu1 "$1" | tr -s ' ' '\n' | awk -v n="$n" 'NF { for (i = 0; i < 8; i++) if (at++ < n) printf "%d", int($1 / 2 ^ i) % 2 }'
}

base="--format a1-54 --offset-ps 3906250 --ppm 0 --window-ps 1000"
make plain a.a1 b.a1
read -r nz nx ez ex mismatch <want.counts

# shellcheck disable=SC2086
for device in ref cpu; do
    # a machine without a CPU device still runs the reference
    "$qd" sift a.a1 b.a1 $base --out "probe.$device" --device "$device" -q 2>probe.err || { [ "$device" = cpu ] && { echo "no CPU device"; continue; }; cat probe.err; }
    expect 0 '' "$qd" sift a.a1 b.a1 $base --dead-ps 20000 --out "o.$device" --device "$device" --json r.json
    for side in alice bob; do
        for b in z x; do
            [ -f "o.$device/$side.$b.bits" ] || say "no $side.$b.bits"
        done
    done
    for b in z x; do [ "$(text "o.$device/alice.$b.bits")" = "$(cat want.$b)" ] || say "alice.$b.bits differ from what was made ($device)"; done
    different=$(cmp -l "o.$device/alice.z.bits" "o.$device/bob.z.bits" | wc -l)
    [ "$different" -gt 0 ] || say "no error between the stations in z, $ez made"
    for want in '"coincidences": 3000' "\"sifted_bits\": $((nz + nx))" '"chsh": null' '"chsh_implied": ' '"warnings": \[\]' '"correlation": "anti"'; do
        grep -q "$want" r.json || say "no $want in the record ($device)"
    done
    tr -d ' \n' <"o.$device/counts.json" >flat
    for want in "\"n\":{\"z\":$nz,\"x\":$nx}" "\"errors\":{\"z\":$ez,\"x\":$ex}" "\"basis_mismatch\":$mismatch" '"coincidences":3000' '"dead_dropped":{"alice":0,"bob":0}'; do
        grep -q "$want" flat || { say "no $want in counts.json ($device)"; cat flat; }
    done
    rm -rf "probe.$device"
done
[ ! -d o.cpu ] || for f in o.ref/*; do cmp "$f" "o.cpu/$(basename "$f")" || say "$f differs between reference and device"; done
[ "$(stat -c %a o.ref/alice.z.bits)" = 600 ] || say "key bits are readable by others"

# A clock file in place of figures gives the same.
cat >clock.json <<'END'
{"schema":1,"clock":{"base":0,"offset":1000000,"freq":0,"tick":[125,32],"significance":9.0,"p_false":1e-12,"locked":true}}
END
expect 0 '' "$qd" sift a.a1 b.a1 --format a1-54 --clock clock.json --window-ps 1000 --dead-ps 20000 --out o.clock --device ref
for f in o.ref/*; do cmp "$f" "o.clock/$(basename "$f")" || say "$f differs with --clock"; done

# Stations with files of two formats, either way round, give what one format gives: followed from a clock within the data too, and with a map of B's own.
"$qd" tags convert b.a1 --from a1-54 --to a1-54-swapped --out b.swapped -q
"$qd" tags convert a.a1 --from a1-54 --to t1:bits=54 --out a.t1 -q
"$qd" tags convert b.a1 --from a1-54 --to csv:tick-ps=125/32:channels=V=8,-=7,H=6,+=5 --out b.csv -q
figures="--offset-ps 3906250 --ppm 0 --window-ps 1000 --dead-ps 20000 --device ref"
map=csv:tick-ps=125/32:channels=V=8,-=7,H=6,+=5
expect 0 '' "$qd" sift a.a1 b.swapped --format a1-54 --format-b a1-54-swapped $figures --out two.1
expect 0 '' "$qd" sift a.t1 b.csv --format t1:bits=54 --format-b "$map" --clock clock.json --window-ps 1000 --dead-ps 20000 --device ref --out two.2 --json r.json
expect 0 '' "$qd" sift a.a1 b.a1 --format a1-54 --format-b a1-54 $figures --out two.3
for k in 1 2 3; do for f in o.ref/*; do cmp "$f" "two.$k/$(basename "$f")" || say "$f differs where the stations have two formats ($k)"; done; done
grep -q '"format": "t1:bits=54"' r.json && grep -q "\"format\": \"$map\"" r.json || say "the record does not say both formats"
expect 5 'b.swapped' "$qd" sift a.a1 b.swapped --format a1-54 $figures --out no
expect 5 'ticks of different length' "$qd" sift a.a1 b.csv --format a1-54 --format-b csv $figures --out no
expect 2 'no format\|nothing' "$qd" sift a.a1 b.a1 --format a1-54 --format-b nothing $figures --out no
expect 6 "qdistill sync a.a1 b.swapped --format a1-54 --format-b a1-54-swapped --json" "$qd" sift a.a1 b.swapped --format a1-54 --format-b a1-54-swapped --offset-ps 0 --window-ps 1000 --device ref --out no

# A millisecond is too short a time to follow a clock; held on purpose it is the same line.
expect 0 'as given: too few pairs, or too short a time, to follow it' "$qd" sift a.a1 b.a1 $base --dead-ps 20000 --out o.follow --device ref --json r.json
tr -d ' \n' <r.json | grep -q '"track":{"followed":false,"stretches":1,"unfitted":1,"lost":0,"departure_ps":0.0,' || say "no track in the record"
expect 0 'one straight line' "$qd" sift a.a1 b.a1 $base --dead-ps 20000 --track off --out o.line --device ref --json r.json
grep -q '"track": null' r.json || say "a track in the record of a straight line"
for f in o.ref/*; do cmp "$f" "o.line/$(basename "$f")" || say "$f differs with --track off"; done

# Several clicks: every one kept, repeatable by seed, fresh without.
make multi m.a1 n.a1
for i in 1 2; do expect 0 '' "$qd" sift m.a1 n.a1 $base --out "seed.$i" --seed 7 --device ref; done
for f in seed.1/*; do cmp "$f" "seed.2/$(basename "$f")" || say "$f differs between two runs of one seed"; done
expect 0 '"rehearsal": false' "$qd" sift m.a1 n.a1 $base --out fresh --device ref --json -
cmp -s seed.1/alice.z.bits fresh/alice.z.bits && say "coins without a seed equal those of seed 7"
tr -d ' \n' <seed.1/counts.json | grep -q '"multi":{"alice":{"one_basis":0,"both_bases":600},"bob":{"one_basis":0,"both_bases":0}}' || say "multi-clicks miscounted"

# Equal polarisations assumed where they are opposite: more errors than not, and it says what to do.
expect 0 'Try --correlation anti' "$qd" sift a.a1 b.a1 $base --correlation same --out same --device ref
[ "$(text same/alice.z.bits)" = "$(cat want.z)" ] || [ "$(text same/alice.z.bits | wc -c)" -gt 0 ] || say "--correlation same lost Alice's bits"
expect 0 'no dead time was declared' "$qd" sift a.a1 b.a1 $base --out undeclared --device ref

# One basis alone inverted: --correlation would only invert the other, and is not proposed; interchanging as told gives the QBER of the plain pair.
for b in z x; do
    other=$(test $b = z && echo x || echo z)
    make ${b}swap p.a1 q.a1
    for correlation in anti same; do
        wrong=$(test $correlation = anti && echo $b || echo "$other")
        expect 0 "QBER in $wrong is 8[0-9.]* %, in .* 1[0-9.]* %: $wrong alone is inverted" "$qd" sift p.a1 q.a1 $base --dead-ps 20000 --correlation $correlation --out "alone.$b.$correlation" --device ref
        ! grep -q 'Try --correlation' out || say "--correlation is proposed where one basis is inverted: $(cat out)"
        map=$(sed -n 's/.*--channels \([^ ]*\) of qdistill tags convert.*/\1/p' out)
        "$qd" tags convert q.a1 --from a1-54 --to csv:tick-ps=125/32 --channels "$map" --out mapped.csv -q && "$qd" tags convert mapped.csv --from csv:tick-ps=125/32 --to a1-54 --merge-ps 1 --out r.a1 -q || say "the map as told: $map"
        [ $correlation = same ] || { expect 0 '"warnings": \[\]' "$qd" sift p.a1 r.a1 $base --dead-ps 20000 --out "mapped.$b" --device ref --json -; cmp "mapped.$b/bob.$b.bits" "o.ref/bob.$b.bits" || say "interchanged as told, $b differs from the plain pair"; }
        rm -f mapped.csv r.a1
    done
done
make zmixed p.a1 q.a1
expect 0 'QBER in z is 6[0-9.]* %: more errors than bits that agree; in x it is 1' "$qd" sift p.a1 q.a1 $base --out zmixed --device ref
! grep -q 'Try --correlation' out || say "--correlation is proposed where it would make x worse: $(cat out)"

# Detectors of different bases interchanged at a station: told with the map, which brings what should have been.
make cross p.a1 q.a1
expect 0 "warning: Bob's detectors V and + are interchanged: .* --channels V=4,-=2,H=3,+=1 of" "$qd" sift p.a1 q.a1 $base --dead-ps 20000 --out crossed --device ref
! grep -q "warning: Alice's detectors" out || say "the other station is accused: $(cat out)"
"$qd" tags convert q.a1 --from a1-54 --to csv:tick-ps=125/32 --channels V=4,-=2,H=3,+=1 --out mapped.csv -q
expect 0 '"warnings": \[\]' "$qd" sift p.a1 mapped.csv --format a1-54 --format-b csv:tick-ps=125/32 --offset-ps 3906250 --window-ps 1000 --dead-ps 20000 --out uncrossed --device ref --json -
[ "$(text uncrossed/bob.z.bits)" = "$(cat want.z)" ] || say "Bob's z after the map"

# A detector that is late tells its bit by its time.
make skew a2.a1 b2.a1
expect 0 'announced times tell' "$qd" sift a2.a1 b2.a1 $base --out skewed --device ref --dead-ps 20000

# Dead time: an event within it of the one before goes, at either station.
expect 0 '"alice": [1-9]' "$qd" sift a.a1 b.a1 $base --dead-ps 200000 --out dead --device ref --json -

# What is wrong with a recording: every tenth of Bob's events stands twice, and both have a pause of 7 s. Of sound ones nothing is told.
expect 0 '"found": \[\]' "$qd" sift a.a1 b.a1 $base --dead-ps 20000 --out sound --device ref --json -
grep -q 'tags info' out && say "a warning about sound recordings: $(cat out)"
[ "$(grep -c '"whole": true' out)" = 2 ] || say "sift does not read to the end"
for f in a b; do
    perl -e 'my ($in, $out, $twice) = @ARGV; open(my $f, "<:raw", $in) or die; local $/; my @w = unpack("Q<*", <$f>); close $f;
        my $n = 0; @w = map { my $x = $_ + ($n >= 1500 ? 7 * 256000000000 << 10 : 0); $twice && $n++ % 10 == 0 || !$twice && $n++ < 0 ? ($x, $x) : $x } @w;
        open($f, ">:raw", $out) or die; print $f pack("Q<*", @w); close $f' $f.a1 "$f bad.a1" "$(test $f = a || echo 1)"
done
expect 0 'coincidences' "$qd" sift "a bad.a1" "b bad.a1" $base --dead-ps 20000 --out bad --device ref --json bad.json
[ "$(grep -c 'warning: [ab] bad' out)" = 2 ] || say "not one line a station: $(cat out)"
grep -q "^qdistill sift: warning: a bad.a1: no event for [67][.0-9]* s, from [.0-9e-]* s after the first on; see qdistill tags info 'a bad.a1' --format a1-54\$" out || say "a pause: $(cat out)"
grep -q "^qdistill sift: warning: b bad.a1: no event for .*; 300 events are duplicates: .*; see qdistill tags info 'b bad.a1'" out || say "duplicates: $(cat out)"
[ "$(grep -o '"duplicates": [0-9]*' bad.json | tr '\n' ' ')" = '"duplicates": 0 "duplicates": 300 ' ] && [ "$(grep -c after_s bad.json)" = 2 ] || say "the record of such recordings"
[ -z "$("$qd" sift "a bad.a1" "b bad.a1" $base --dead-ps 20000 --out quiet --device ref -q 2>&1)" ] || say "-q says something"

# Refusals, exit 6, nothing left behind.
make onedet c.a1 d.a1
expect 6 'one detector, H' "$qd" sift c.a1 d.a1 $base --out no --device ref --json no.json
grep -q '"status": "aborted"' no.json || say "no aborted record"
[ ! -e no ] || say "a folder is left after a refusal"
[ "$(grep -c '"whole": true' no.json)" = 2 ] || say "the record of a refusal does not say what the recordings are like"
expect 6 'warning: b bad.a1: no event for' "$qd" sift a.a1 "b bad.a1" --format a1-54 --offset-ps 0 --window-ps 1000 --out no --device ref
make apart e.a1 f.a1
expect 6 'no coincidences' "$qd" sift e.a1 f.a1 $base --out no --device ref --json no.json
grep -q '"next": "[^"]*qdistill sync e.a1 f.a1 --format a1-54' no.json && grep -q '"exit_status": 6' no.json || say "the record of a refusal lacks error or exit status"
cp e.a1 "e's.a1"
expect 6 'no coincidences' "$qd" sift "e's.a1" f.a1 $base --out no --device ref
hint=$(sed -n 's/^  Next: .*: qdistill \(sync .*\)$/\1/p' out)
mv clock.json kept.json # the record of sync is written over no other file
eval "expect 6 'no lock\|locked' \"\$qd\" $hint --device ref --max-offset-s 1e-7" # as pasted, but for the width of the search
mv kept.json clock.json
expect 6 'no coincidences' "$qd" sift a.a1 b.a1 --format a1-54 --offset-ps -3906250 --window-ps 1000 --out no --device ref
[ ! -e no ] || say "a folder is left after a refusal"

# Bad input, exit 5.
: >empty.a1
head -c 1001 a.a1 >cut.a1
mkdir -p folder
mkfifo pipe
for bad in empty.a1 cut.a1 missing.a1 folder pipe; do
    expect 5 "$bad" "$qd" sift "$bad" b.a1 $base --out no --device ref
    expect 5 "$bad" "$qd" sift a.a1 "$bad" $base --out no --device ref
    [ ! -e no ] || say "a folder is left after $bad"
done
# What can be wrong with files is seen before a device is set up: here there is none.
for bad in empty.a1 missing.a1; do expect 5 "$bad" "$qd" sift a.a1 "$bad" $base --out no --device 77:0; done
expect 5 'not valid JSON' "$qd" sift a.a1 b.a1 --format a1-54 --clock a.a1 --window-ps 1000 --out no --device 77:0
expect 5 'no-clock.json' "$qd" sift a.a1 b.a1 --format a1-54 --clock no-clock.json --window-ps 1000 --out no --device 77:0
expect 3 '77:0' "$qd" sift a.a1 b.a1 $base --out no --device 77:0
[ ! -e no ] || say "a folder is left after a bad clock or device"
expect 5 'folder exists already' "$qd" sift a.a1 b.a1 $base --out folder --device 77:0
[ -z "$(ls folder)" ] || say "an existing folder was written to"
expect 5 'not valid JSON' "$qd" sift a.a1 b.a1 --format a1-54 --clock a.a1 --window-ps 1000 --out no --device ref
sed 's/\[125,32\]/[125,1]/' clock.json >other.json
expect 5 'other ticks' "$qd" sift a.a1 b.a1 --format a1-54 --clock other.json --window-ps 1000 --out no --device ref

# Usage, exit 2.
expect 2 'at least 2' "$qd" sift a.a1
expect 2 'needs --format' "$qd" sift a.a1 b.a1 --offset-ps 0 --window-ps 1000 --out no
expect 2 'a1-54' "$qd" sift a.a1 b.a1 --format nothing --offset-ps 0 --window-ps 1000 --out no
expect 2 'needs --out' "$qd" sift a.a1 b.a1 --format a1-54 --offset-ps 0 --window-ps 1000
expect 2 'needs --window-ps' "$qd" sift a.a1 b.a1 --format a1-54 --offset-ps 0 --out no
expect 2 'needs --clock' "$qd" sift a.a1 b.a1 --format a1-54 --window-ps 1000 --out no
expect 2 'excludes' "$qd" sift a.a1 b.a1 --format a1-54 --clock clock.json --ppm 1 --window-ps 1000 --out no
expect 2 'neither anti nor same' "$qd" sift a.a1 b.a1 $base --correlation opposite --out no
expect 2 'neither on nor off' "$qd" sift a.a1 b.a1 $base --track maybe --out no
expect 2 'out of range' "$qd" sift a.a1 b.a1 --format a1-54 --offset-ps 0 --window-ps 0 --out no
[ ! -e no ] || say "a folder is left after a usage error"

[ "$fails" = 0 ] || exit 1
