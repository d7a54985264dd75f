#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Small cases of every operation under Oclgrind, which simulates a device and reports accesses outside a buffer and
# unordered accesses to the same place. It exits with the
# program's status whatever it saw, so the log counts: it must be empty.
set -u
qdistill=$1
command -v oclgrind >/dev/null || { echo "oclgrind is not installed: skipped"; exit 77; }
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
unset QD_DEVICE QD_FAULT_DEVICE QD_KERNEL_DIR
QD_CACHE_DIR=$dir/cache
export QD_CACHE_DIR
bad=0
ops=$("$qdistill" validate --tiny --device ref --progress none -v | sed -n 's/^ok   \([a-z0-9_]*\):.*/\1/p' | sort -u)
[ -n "$ops" ] || { echo "FAIL: no operations"; exit 1; }
for op in $ops; do
    oclgrind --data-races --log "$dir/$op.log" "$qdistill" validate --tiny --device name=oclgrind --progress none "$op" >"$dir/out" 2>&1
    status=$?
    [ $status = 0 ] || { echo "FAIL: $op exits $status"; sed 's/^/  /' "$dir/out"; bad=1; }
    [ ! -s "$dir/$op.log" ] || { echo "FAIL: $op"; sed 's/^/  /' "$dir/$op.log" | head -n 40; bad=1; }
    echo "$op: $(tail -n 1 "$dir/out")"
done
exit $bad
