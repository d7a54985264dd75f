#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# From qcrypto's T3 files to T7 files: T3 files laid out here bit by bit go through reconcile and amplify, whose answers for the same bits as
# bit files are known.
set -eu
. "$(dirname -- "$0")/expect.sh"
cd "$dir"
unset QD_DEVICE || true

# Epochs 0xffffffff, 0 and 2 (the count begins anew, one is missing) of 7001, 9000 and 8000 entries: T2 bases, T4 that names 9 of 10 events, Alice's
# and Bob's T3, which differ in every 50th bit; and the same bits by basis and all together, in files of bits.
perl -e '
    srand(5);
    my (%all, %by);
    sub words { my ($file, $head, $bits) = @_;
        $bits .= "0" x (-length($bits) % 32);
        open(my $f, ">:raw", $file) or die;
        print $f pack("V*", @$head), map { pack("V", oct("0b$_")) } $bits =~ /(.{32})/g;
        close($f) or die; }
    sub difference { my ($d, $o, $p) = @_; return $d >> $o ? "0" x $o . sprintf("%032b", $d) . $p : sprintf("%0${o}b", $d) . $p; }
    mkdir $_ for qw(a3 b3 t2 t4);
    my $k = 0;
    for ([0xffffffff, 7001], [0, 9000], [2, 8000]) {
        my ($epoch, $n) = @$_;
        my ($t2, $t4, $events, $last, @t3) = ("", "", 0, 0, "", "");
        for my $i (0 .. $n - 1) {
            while (rand() < 0.1) { $t2 .= difference(2 + int(rand(3000)), 11, int(rand(2))); $events++; }
            my ($basis, $a) = (int(rand(2)), int(rand(2)));
            my $b = ++$k % 50 ? $a : 1 - $a;
            $t2 .= difference(2 + int(rand(3000)), 11, $basis);
            $t4 .= difference($i ? $events - $last + 2 : $events + 2, 3, "");
            $last = $events++;
            for ([0, "alice", $a], [1, "bob", $b]) {
                $t3[$_->[0]] .= $_->[2];
                $all{$_->[1]} .= $_->[2];
                $by{$_->[1] . "." . ("z", "x")[$basis]} .= $_->[2];
            }
        }
        my $name = sprintf("%08x", $epoch);
        words("t2/$name", [0x102, $epoch, $events, 11, 1, 1], $t2 . difference(1, 11, 0));
        words("t4/$name", [0x104, $epoch, $n, 3, 0], $t4 . difference(1, 3, ""));
        words("a3/$name", [0x103, $epoch, $n, 1], $t3[0]);
        words("b3/$name", [0x103, $epoch, $n, 1], $t3[1]);
    }
    my %s = (%by, map { ("$_.all", $all{$_}) } keys %all);
    for (keys %s) {
        open(my $f, ">:raw", "$_.bits") or die;
        print $f pack("b*", $s{$_});
        open($f, ">", "$_.bits.json") or die;
        print $f "{\"bits\":" . length($s{$_}) . "}\n"; }'

# The same strings, so the same results: reconcile of T3 and of bit files with one seed.
for s in all z x; do
    split=
    [ $s = all ] || split="--basis $s --t2 t2 --t4 t4"
    # shellcheck disable=SC2086 # options
    expect 0 'errors' "$qd" reconcile a3 b3 --in-format t3 $split --seed 3 --device ref --qber 0.02 --out t3.$s
    expect 0 'errors' "$qd" reconcile alice.$s.bits bob.$s.bits --seed 3 --device ref --qber 0.02 --out bits.$s
    for f in alice bob; do cmp t3.$s/$f.bits bits.$s/$f.bits && cmp t3.$s/$f.bits.json bits.$s/$f.bits.json || say "$s of $f: T3 files give another string"; done
    grep -q '"first": "ffffffff"' t3.$s/record.json && grep -q '"n": 4' t3.$s/record.json && grep -q '"files": 3' t3.$s/record.json && grep -q '"unix_epochs": true' t3.$s/record.json ||
        say "the record does not name the epochs: $(cat t3.$s/record.json)"
done
grep -q '"basis": "x"' t3.x/record.json || say "the record does not name the basis"
expect 0 '"in_bits": 9000' "$qd" reconcile a3 b3 --in-format t3 --epochs 00000000 --seed 3 --device ref --qber 0.02 --out one --json -
expect 0 '"in_bits": 16001' "$qd" reconcile a3 b3 --in-format t3 --epochs 0xffffffff+3 --seed 3 --device ref --qber 0.02 --out two --json -
expect 0 '"in_bits": 8000' "$qd" reconcile a3/00000002 b3/00000002 --in-format t3 --seed 3 --device ref --qber 0.02 --out three --json -

# Hashed: the T7 file holds the bits of the bit file, most significant first in little-endian words, behind the header.
expect 0 'hashed to 1000' "$qd" amplify alice.z.bits --out-bits 1000 --seed 9 --device ref --out key
expect 0 'hashed to 1000' "$qd" amplify a3 --in-format t3 --basis z --t2 t2 --t4 t4 --out-bits 1000 --seed 9 --device ref --out key.t7 --out-format t7
perl -e '
    local $/; my ($b, $t) = map { open(my $f, "<:raw", $_) or die; <$f> } @ARGV;
    my $bits = substr(unpack("b*", $b), 0, 1000);
    my $want = pack("V4", 0x107, 0xffffffff, 4, 1000) . join("", map { pack("V", oct("0b$_")) } ($bits . "0" x 24) =~ /(.{32})/g);
    exit($want eq $t ? 0 : 1);' key key.t7 || say "key.t7 is not what it should be: $(od -A d -t x4 key.t7 | head -3)"
[ "$(stat -c %a key.t7)" = 600 ] && [ ! -e key.t7.json ] && [ -e key.t7.seed ] || say "mode of key.t7, or its companions"
# a bit file, the epochs told; tag 7 and 0x107
expect 0 'hashed' "$qd" amplify alice.z.bits --out-bits 1000 --seed 9 --device ref --out key7 --out-format t7 --epochs 0xffffffff+4 --unix-epochs
cmp key.t7 key7 || say "T7 of a bit file"
expect 0 'hashed' "$qd" amplify alice.z.bits --out-bits 1000 --seed 9 --device ref --out key7b --out-format t7 --epochs ffffffff+4
[ "$(od -A n -t x4 -N 16 key7b)" = " 00000007 ffffffff 00000004 000003e8" ] || say "tag 7: $(od -A n -t x4 -N 16 key7b)"
expect 5 'exists already' "$qd" amplify alice.z.bits --out-bits 1000 --seed 9 --device ref --out key7 --out-format t7 --epochs ffffffff+4

# What does not fit.
mkdir c3 s3 && cp a3/ffffffff a3/00000000 c3
expect 5 'epoch 00000002 is in b3 alone' "$qd" reconcile c3 b3 --in-format t3 --out none
cp b3/00000000 c3/00000002
expect 5 'the header says epoch 00000000' "$qd" reconcile a3 c3 --in-format t3 --out none
printf '\003\001\000\000\002\000\000\000\002\000\000\000\001\000\000\000\000\000\000\300' >c3/00000002
expect 5 'epoch 00000002 has 8000 bits in a3 and 2 in c3' "$qd" reconcile a3 c3 --in-format t3 --out none
expect 5 'are not of one run' "$qd" reconcile c3 c3 --in-format t3 --basis z --t2 t2 --t4 t4 --out none
printf '\003\000\000\000\002\000\000\000\002\000\000\000\001\000\000\000\000\000\000\300' >c3/00000002
expect 5 'another kind of tag' "$qd" reconcile c3 c3 --in-format t3 --out none
printf '\003\001\000\000\005\000\000\000\002\000\000\000\010\000\000\000\000\000\201\102' >s3/00000005
expect 5 'service mode' "$qd" reconcile s3 s3 --in-format t3 --out none
expect 5 'has no T3 file of the epochs' "$qd" amplify a3 --in-format t3 --epochs 0x10+2 --out-bits 1 --out none
expect 5 'has no T3 files' "$qd" amplify . --in-format t3 --out-bits 1 --out none
expect 5 'cannot open' "$qd" amplify missing --in-format t3 --out-bits 1 --out none
rm t4/00000002
expect 5 't4/00000002' "$qd" reconcile a3 b3 --in-format t3 --basis z --t2 t2 --t4 t4 --out none
expect 2 'belong together' "$qd" reconcile a3 b3 --in-format t3 --basis z --out none
expect 2 'speak of T3 files' "$qd" reconcile a3 b3 --epochs 0x1 --out none
expect 2 'neither z nor x' "$qd" reconcile a3 b3 --in-format t3 --basis y --t2 t2 --t4 t4 --out none
expect 2 'no range of epochs' "$qd" reconcile a3 b3 --in-format t3 --epochs 12+3 --out none
expect 2 'no format' "$qd" reconcile a3 b3 --in-format t4 --out none
expect 2 'no format' "$qd" amplify a3 --out-format t3 --out-bits 1 --out none
expect 2 'needs --epochs' "$qd" amplify alice.z.bits --out-format t7 --out-bits 1 --out none
expect 2 'speaks of T7' "$qd" amplify alice.z.bits --unix-epochs --out-bits 1 --out none
expect 2 'state their lengths' "$qd" amplify a3 --in-format t3 --in-bits 5 --out-bits 1 --out none
[ ! -e none ] || say "a refusal left a file"
[ $fails = 0 ]
