#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2086 # words of $code and $study
# study reconcile --verify: what the tags of key strings find, of every family of codes; that it depends on neither batches nor devices;
# a study that goes on; the table; bad input.
set -eu
. "$(dirname -- "$0")/expect.sh"
. "$(dirname -- "$0")/study.sh"
unset QD_DEVICE || true
study="$qd study reconcile"
code="--code nr-bg1:z=4 --qber 0.03 --leak 0.3"

# tags RECORD: what must be true of every point, whatever was corrected.
tags() {
    [ "$(get 'join " ", map { my $p = $_; my $k = $p->{planted_kinds}; my ($n, $found) = (0, 0);
        for (qw(bit bits frames)) { $n += $k->{$_}{planted}; $found += $k->{$_}{caught} }
        $p->{strings_caught}{value} == $p->{strings_wrong}{value} && $p->{undetected_after_tag}{value} == 0 && $p->{strings_refused}{value} == 0
        && $p->{planted} == $p->{strings} - $p->{strings_wrong}{value} && $n == $p->{planted} && $found == $n && $p->{planted_caught}{value} == $n
        && $p->{undetected_after_tag}{high} > 0 ? "ok" : "bad" } @{$r->{points}}' "$1" | tr ' ' '\n' | sort -u)" = ok ] || say "tags of $1"
}

# In strings of one frame every undetected frame is a wrong string; frames that are revealed have none.
expect 0 'two frames swapped' $study $code --frames 1200 --verify 1 --json "$dir/1.json"
tags "$dir/1.json"
[ "$(get '$p->{undetected}{value} > 0 && $p->{strings_wrong}{value} == $p->{undetected}{value} && $p->{strings} == 1200 - $p->{failed}{value} + $p->{undetected}{value}
    && $p->{failed}{value} > $p->{undetected}{value} && $p->{planted_kinds}{frames}{planted} == 0' "$dir/1.json")" = 1 ] || say "strings of a frame"
# A tag has ceil(log2(4 S / eps)) bits, S = ceil(n / 128) + 1.
[ "$(get 'my $t = int(log(4 * (int(($p->{frame_bits} + 127) / 128) + 1) / 1e-15) / log(2)) + 1; "$t $p->{tag_bits} $r->{parameters}{verify} $r->{parameters}{eps_cor}"' "$dir/1.json" | tr '[:upper:]' '[:lower:]')" = "53 53 1 1e-15" ] ||
    say "bits of a tag: $(get '$p->{tag_bits}' "$dir/1.json")"
# Short tags let some through: of 7 bits one in 128, within 4 standard deviations of what is wrong or planted.
expect 0 'tag' $study --code nr-bg1:z=2 --qber 0.03 --leak 0.3 --frames 20000 --verify 1 --eps-cor 0.1 --json "$dir/short.json"
[ "$(get 'my $n = $p->{strings}; my $m = $p->{undetected_after_tag}{value} + $p->{planted} - $p->{planted_caught}{value};
    my $left = $p->{strings_wrong}{value} - $p->{strings_caught}{value};
    $p->{tag_bits} == 7 && $left > 0 && $left == $p->{undetected_after_tag}{value} && abs($m - $n / 128) < 4 * sqrt($n / 128) && $p->{strings_refused}{value} == 0' "$dir/short.json")" = 1 ] || say "short tags"

# Strings are cut by frame number: runs of 511 frames in place of 512 correct the same frames, and a device makes the same strings.
expect 0 'FER' $study $code --frames 1200 --json "$dir/none.json"
expect 0 'key strings of 7 frames' $study $code --frames 1200 --verify 7 --json "$dir/7.json"
tags "$dir/7.json"
same='"$p->{failed}{value} $p->{undetected}{value} $p->{iterations_mean}{value} $p->{seed}"'
[ "$(get "$same" "$dir/7.json")" = "$(get "$same" "$dir/none.json")" ] || say "runs of whole strings correct other frames"
[ "$(get '"$r->{runs} " . ($p->{strings} <= 172 && $p->{strings_wrong}{value} > 1)' "$dir/7.json")" = "3 1" ] || say "runs of whole strings"
[ "$(get 'join " ", grep { /string|tag|planted/ } keys %$p' "$dir/none.json")" = "" ] || say "tags where there are no strings"
expect 0 'FER' $study $code --frames 1200 --verify 7 --device ref --json "$dir/ref.json"
for f in 7 ref; do sed '/"device": {/,/}/d' "$dir/$f.json" >"$dir/$f.cut"; timeless "$dir/$f.cut" >"$dir/$f.timeless"; done
cmp "$dir/7.timeless" "$dir/ref.timeless" || say "device and reference differ"

# A string of more frames than a batch; rows that are added; Cascade, alone and together; codes from files; large codes.
expect 0 'key strings of 700' $study $code --frames 1500 --verify 700 --json "$dir/700.json"
tags "$dir/700.json"
[ "$(get '"$r->{runs} $p->{strings} " . ($p->{strings_wrong}{value} >= 2)' "$dir/700.json")" = "3 3 1" ] || say "long strings: $(get '"$r->{runs} $p->{strings} $p->{strings_wrong}{value}"' "$dir/700.json")"
for more in grow=5 drop=5 add=5 grow=5,more=4; do
    expect 0 'tag' $study --code nr-bg1:z=4,$more --qber 0.03 --leak 0.25 --frames 400 --verify 20 --json "$dir/more.json"
    tags "$dir/more.json"
    [ "$(get '$p->{strings} == 20 && $p->{strings_wrong}{value} > 0' "$dir/more.json")" = 1 ] || say "$more: strings"
done
for together in 1 64; do
    expect 0 'tag' $study --code cascade-original:n=200,together=$together --qber 0.05 --frames 200 --verify 3 --json "$dir/cascade.json"
    tags "$dir/cascade.json"
    [ "$(get '$p->{strings} == 67 && $p->{strings_wrong}{value} > 0 && $p->{failed}{value} == $p->{undetected}{value} ? $p->{together} : 0' "$dir/cascade.json")" = $together ] || say "cascade"
done
printf '7 3\n3 4\n1 1 2 1 2 2 3\n4 4 4\n1\n2\n1 2\n3\n1 3\n2 3\n1 2 3\n1 3 5 7\n2 3 6 7\n4 5 6 7\n' >"$dir/hamming.alist"
expect 0 'tag' $study --code "$dir/hamming.alist" --qber 0.05 --frames 500 --verify 10 --json "$dir/file.json"
tags "$dir/file.json"
[ "$(get '$p->{strings} == 50 && $p->{strings_wrong}{value} > 5' "$dir/file.json")" = 1 ] || say "a code's file"
expect 0 'tag' $study --code large-520-1000-256 --qber 0.02 --frames 3 --verify 2 --json "$dir/large.json"
tags "$dir/large.json"
[ "$(get '"$p->{strings} $p->{strings_wrong}{value} $p->{tag_bits}"' "$dir/large.json")" = "2 0 64" ] || say "large: $(get '"$p->{strings} $p->{strings_wrong}{value} $p->{tag_bits}"' "$dir/large.json")"

# Stopped and gone on with: the same but for the seconds; of other strings it is another study.
study="$study $code --frames 1100"
goes_on 3 $study --verify 10
expect 5 'parameters.verify is 10 there, 11 here' $study --verify 11 --state "$dir/part"
expect 5 'parameters.eps_cor' $study --verify 10 --eps-cor 1e-12 --state "$dir/part"

# A signal ends a string of many batches too.
stops 'before a run was done' $qd study reconcile --code nr-bg1 --qber 0.03 --frames 65536 --verify 65536

expect 2 'verify' $study --verify 0
expect 2 'verify' $study --verify 65537
expect 2 'goes with --verify' $study --eps-cor 1e-9
expect 2 'eps-cor' $study --verify 10 --eps-cor 0.2
expect 2 'a key string of' $qd study reconcile --code large-520 --qber 0.02 --verify 1100
expect 2 'do not go together' $qd study reconcile --code cascade-biconf:together=2 --qber 0.05
expect 2 'is no code' $qd study reconcile --code cascade-opt7:together=65 --qber 0.05
expect 2 'is no code' $qd study reconcile --code cascade-opt7:together=0 --qber 0.05
[ $fails = 0 ]
