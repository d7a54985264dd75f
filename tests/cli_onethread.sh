#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# One thread of PoCL runs work-groups in order, one after the other: a kernel that leans on the order, or on running at the same time
# as another group, gives other bytes with one thread than with many. With many the registry is validated by cli_validate.sh.
set -u
qdistill=$1
unset QD_DEVICE QD_FAULT_DEVICE QD_KERNEL_DIR
"$qdistill" devices | grep -q '^0:0 .*(cpu' || { echo "no OpenCL CPU device: skipped"; exit 77; }
POCL_MAX_PTHREAD_COUNT=1 POCL_AFFINITY=0 "$qdistill" validate --progress none --device 0:0 || { echo "FAIL: with one thread"; exit 1; }
