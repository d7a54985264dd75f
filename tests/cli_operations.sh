#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# An operation is whole: beside each kernels/NAME.cl stand its reference, its device path, a test, a tuned C loop and a registry row.
set -u
program=$1
cd "$2" || exit 1
bad=0
fail() { echo "FAIL: $*"; bad=1; }

# one FILES...: exactly one of these files exists (an unmatched pattern stays as it is)
one() { [ $# -eq 1 ] && [ -f "$1" ]; }

n=0
for kernel in kernels/*.cl; do
    name=$(basename "$kernel" .cl)
    n=$((n + 1))
    one host/*/"$name"_ref.c || fail "$kernel has no reference host/ROOM/${name}_ref.c"
    one host/*/"$name"_cl.c || fail "$kernel has no device path host/ROOM/${name}_cl.c"
    ref=$(dirname host/*/"$name"_ref.c)
    [ "$ref" = "$(dirname host/*/"$name"_cl.c)" ] || fail "reference and device path of $name are in different rooms"
    one tests/test_"$name".c || fail "$kernel has no test tests/test_$name.c"
    one bench/bench_"$name".c || fail "$kernel has no tuned C loop bench/bench_$name.c"
    grep -Eq "^ *extern const qd_loop qd_loop_$name;" bench/loops.c && grep -Eq "^ *&qd_loop_$name," bench/loops.c ||
        fail "the tuned C loop of $name is not listed in bench/loops.c"
    # Of an operation that it has, the program says that the key is unknown; of another, that there is no such operation.
    said=$("$program" validate --device ref "$name:no-such-key=1" 2>&1)
    case $said in *"unknown key"*) ;; *) fail "the registry has no row '$name': $said" ;; esac
done

# Kernels cannot include host/reconcile/code.h: their bounds on base graphs are its bounds.
value() { sed -n "s/.*[ {]$1 = \([0-9]*\)[,} ].*/\1/p" "$2"; }
for at in ldpc:ZMAX:QD_Z_MAX ldpc:CORE:QD_GRAPH_CORE_MAX ldpc:COLS:QD_GRAPH_COLS_MAX ldpc:EDGES:QD_GRAPH_EDGES_MAX ldpc:ROWS:QD_GRAPH_ROWS_MAX \
    syndrome:COLS:QD_GRAPH_COLS_MAX; do
    kernel=kernels/${at%%:*}.cl name=${at#*:}
    is=$(value "${name%:*}" "$kernel") must=$(value "${name#*:}" host/reconcile/code.h)
    [ -n "$must" ] && [ "$is" = "$must" ] || fail "$kernel has ${name%:*} = $is, and host/reconcile/code.h has ${name#*:} = $must"
done
[ "$n" -ge 5 ] || fail "only $n kernels found: is this the source folder?"
exit $bad
