#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The structure of the source holds: who may include whom, no long files, no floating point in kernels, a licence line in each file.
set -u
cd "$2" || exit 1
list=$(mktemp) || exit 1
trap 'rm -f "$list"' EXIT
bad=0
fail() { echo "FAIL: $*"; bad=1; }
rooms='link timetag sift reconcile security amplify'

# allowed FILE PATTERN: every header that FILE includes in quotes matches the extended regular expression, or stands beside it
# without a folder in its name.
allowed() {
    sed -n 's/^ *# *include *"\([^"]*\)".*/\1/p' "$1" | while read -r header; do
        echo "$header" | grep -Eqx "$2" && continue
        case $header in */*) ;; *) [ -f "$(dirname "$1")/$header" ] && continue ;; esac
        echo "$1 includes $header"
    done
}
core='qdistill/core\.h|qdistill/core/[a-z_]+\.h'
ground="$core|qdistill/compute\.h|compute/[a-z0-9_]+\.h|qdistill/arith\.h|arith/[a-z0-9_]+\.h"
public='qdistill/[a-z_/]+\.h'
{
    for f in host/core/*.[ch]; do allowed "$f" "$core|core/[a-z0-9_]+\.h"; done
    for f in host/compute/*.[ch]; do allowed "$f" "$core|qdistill/compute\.h|compute/[a-z0-9_]+\.h"; done
    for f in host/arith/*.[ch]; do allowed "$f" "$ground"; done
    for room in $rooms; do
        for f in host/"$room"/*.[ch]; do allowed "$f" "$ground|qdistill/$room(/[a-z_]+)?\.h|$room/[a-z0-9_]+\.h"; done
        for f in host/include/qdistill/"$room".h host/include/qdistill/"$room"/*.h; do
            [ ! -e "$f" ] || allowed "$f" "$core|qdistill/compute\.h|qdistill/arith\.h|qdistill/$room(/[a-z_]+)?\.h"
        done
    done
    for f in host/include/qdistill/core.h host/include/qdistill/core/*.h; do allowed "$f" "$core"; done
    for f in host/pipeline/*.[ch]; do allowed "$f" "$public|pipeline/[a-z0-9_]+\.h|compute/[a-z0-9_]+\.h"; done
    for f in tools/*.[ch]; do allowed "$f" "$public|test_cascade_batch\.c|harness\.h|loops\.h"; done # and what profile measures with
    # A bench and a test may also look into what they measure and test, and a loop takes a field's arithmetic from the kernels.
    for f in bench/*.[ch] bench/programs/*.c tests/*.[ch]; do allowed "$f" "$public|test_cascade_batch\.c|harness\.h|large_loop\.h|[a-z]+/[a-z0-9_]+\.h|\.\./kernels/gf32[a-z_]*\.clh"; done
} >"$list" 2>&1
[ ! -s "$list" ] || fail "rooms reach into each other: $(cat "$list")"
[ "$(sed -n 's/^ *# *include *"\(.*\)"/\1/p' host/*/*.c | wc -l)" -gt 50 ] || fail "found hardly any include: is this the source folder?"

find host kernels tools bench tests cmake docs .ci -type f \( -name '*.[ch]' -o -name '*.cl' -o -name '*.clh' -o -name '*.sh' -o -name '*.cmake' \) >"$list"
while read -r f; do
    lines=$(wc -l <"$f")
    [ "$lines" -le 620 ] || fail "$f has $lines lines; files stay below about 600"
    head -n 3 "$f" | grep -q 'SPDX-License-Identifier: Apache-2.0' || fail "$f does not name its licence in its first lines"
done <"$list"

# One clock, one way to write a number that may not be finite.
for once in clock_gettime 'isfinite(v) ? json_real'; do
    grep -lF -- "$once" host/*/*.c host/*/*.h tools/*.c bench/*.c >"$list"
    [ "$(wc -l <"$list")" = 1 ] || fail "'$once' stands in $(cat "$list")"
done

# Device arithmetic is integer, GF(2) or modular (comments are taken off first).
for f in kernels/*.cl kernels/*.clh; do
    [ -f "$f" ] || continue
    if sed 's|//.*||' "$f" | tr '\n' '\001' | sed 's|/\*[^*]*\*\+\([^/*][^*]*\*\+\)*/||g' | tr '\001' '\n' | grep -nEw 'float[0-9]*|double[0-9]*|half[0-9]*' >"$list"; then
        fail "$f uses floating point: $(cat "$list")"
    fi
done
exit $bad
