#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# study reconcile on codes from files: both formats, rows added up, schedules, a study that goes on, every kind of bad input.
set -eu
. "$(dirname -- "$0")/expect.sh"
. "$(dirname -- "$0")/study.sh"
unset QD_DEVICE || true

# A regular code of array form, exponent i j mod 31 in block row i and column j, in both formats.
awk 'BEGIN { z = 31
    for (j = 0; j < 6; j++) for (i = 0; i < 3; i++) { s = i * j % z; row = row sep i; val = val sep (s ? s : z); sep = "," }
    printf "{\"format\":\"COMPRESSED_SPARSE_COLUMN\",\"n_rows\":3,\"n_columns\":6,\"qc_expansion_factor\":%d,\"n_stored_entries\":18,", z
    printf "\"colptr\":[0,3,6,9,12,15,18],\"rowval\":[%s],\"nzval\":[%s]}\n", row, val }' >"$dir/code.qccsc.json"
awk 'BEGIN { z = 31; print 6 * z, 3 * z; print 3, 6
    for (j = 0; j < 6 * z; j++) printf "3 "; print ""; for (j = 0; j < 3 * z; j++) printf "6 "; print ""
    for (j = 0; j < 6; j++) for (p = 0; p < z; p++) { for (i = 0; i < 3; i++) printf "%d ", i * z + (p + z * 10 - i * j % z) % z + 1; print "0 0" }
    for (i = 0; i < 3; i++) for (r = 0; r < z; r++) { for (j = 0; j < 6; j++) printf "%d ", j * z + (r + i * j % z) % z + 1; print "" } }' | sed 's/ 0 0$//' >"$dir/code.alist"

# Both are the same code: the same frames fail, and the interval is that of the counts.
cd "$dir"
for f in code.qccsc.json code.alist; do
    expect 0 'FER' "$qd" study reconcile --code $f --qber 0.07 --frames 500 --json "$dir/$f.record"
done
same='"$p->{failed}{value} $p->{iterations_mean}{value} $r->{parameters}{alist_sha256} $p->{m} $p->{frame_bits} $p->{edges} $r->{parameters}{schedule}"'
[ "$(get "$same" code.qccsc.json.record)" = "$(get "$same" code.alist.record)" ] || say "the formats differ: $(get "$same" code.alist.record)"
[ "$(get '"$p->{m} $p->{frame_bits} $p->{edges} $p->{combined} $r->{parameters}{iterations} $r->{parameters}{schedule} $r->{runs}"' code.alist.record)" = "93 186 558 0 100 flooding 8" ] ||
    say "the record: $(get '"$p->{m} $p->{frame_bits} $p->{edges} $r->{parameters}{iterations}"' code.alist.record)"
[ "$(get '$p->{failed}{value} > 10 && $p->{failed}{value} < 400 && abs($p->{leak}{value} - .5) < 1e-12 && $p->{fer}{low} < $p->{fer}{value} && $p->{fer}{value} < $p->{fer}{high}' code.alist.record)" = 1 ] || say "fer"
expect 0 'FER' "$qd" study reconcile --code file:code.alist --qber 0.07 --frames 500 --schedule layered --json layered.record
[ "$(get '$p->{iterations_mean}{value}' layered.record | cut -c 1-4)" != "$(get '$p->{iterations_mean}{value}' code.alist.record | cut -c 1-4)" ] || say "layers change nothing"
expect 0 'FER' "$qd" study reconcile --code code.alist --qber 0.07 --frames 500 --iterations 1 --json one.record
[ "$(get '$p->{iterations_mean}{value}' one.record)" = 1 ] || say "iterations"

# Rows added up: the leak falls to what was asked for, more frames fail.
awk 'BEGIN { for (i = 0; i < 40; i++) print i "," i + 40 }' >pairs.csv
expect 0 'FER' "$qd" study reconcile --code code.alist --combine pairs.csv --leak 0.4 --qber 0.03 --frames 300 --json combined.record
expect 0 'FER' "$qd" study reconcile --code code.alist --qber 0.03 --frames 300 --json mother.record
[ "$(get '"$p->{combined} $p->{m} $p->{frame_bits}"' combined.record)" = "19 74 186" ] || say "combined: $(get '"$p->{combined} $p->{m}"' combined.record)"
[ "$(get '$p->{failed}{value}' combined.record)" -gt "$(get '$p->{failed}{value}' mother.record)" ] || say "rows added up cost nothing"
expect 0 'FER' "$qd" study reconcile --code code.alist --combine pairs.csv --efficiency 2.3,2.5 --qber 0.03 --frames 20

# Stopped and gone on with; another content of the file is another study.
study="$qd study reconcile --code code.alist --qber 0.06,0.07 --frames 200"
goes_on 4 $study
echo '# more' >>code.alist
expect 5 'parameters.file_sha256' $study --state part

# Bad input: one error, with the file's name.
head -c 900 code.qccsc.json | sed 's/"n_rows":3/"n_rows":2/' >bad.json
expect 5 'bad.json' "$qd" study reconcile --code bad.json --qber 0.07
head -n 100 code.alist >bad.alist
expect 5 'bad.alist' "$qd" study reconcile --code bad.alist --qber 0.07
expect 5 'none.alist' "$qd" study reconcile --code file:none.alist --qber 0.07
echo '1,2,3' >bad.csv
expect 5 'bad.csv, line 1' "$qd" study reconcile --code code.alist --combine bad.csv --qber 0.07
expect 2 'out of range' "$qd" study reconcile --code code.alist --combine pairs.csv --leak 0.2 --qber 0.07
expect 2 'no leak to choose' "$qd" study reconcile --code code.alist --leak 0.4 --qber 0.07
expect 2 'flooding or layered' "$qd" study reconcile --code code.alist --schedule sideways --qber 0.07
expect 2 "goes with a code's file" "$qd" study reconcile --code nr-bg1 --schedule layered --qber 0.07
expect 2 "goes with a code's file" "$qd" study reconcile --code nr-bg1 --combine pairs.csv --qber 0.07
[ $fails = 0 ]
