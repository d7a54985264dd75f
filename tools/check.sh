#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Install packages, then everything a change has to pass: scripts, man page, both compilers without a warning, all quick tests
# under AddressSanitizer and UndefinedBehaviorSanitizer with leak check.
set -eu
[ -t 0 ] || exec </dev/null
unset CDPATH
cd -- "$(dirname -- "$0")/.."

usage() {
    cat <<'END'
usage: tools/check.sh [--skip-setup] [--full] [--portability]
Install packages (tools/setup.sh) and run the quick tests, built with sanitizers in build/check.
  --skip-setup    install nothing
  --full          also the tests labelled full (release build), and each parser's fuzzer for 60 s (clang)
  --portability   also the tests labelled portability: Oclgrind, and other OpenCL implementations present
END
}

skip_setup=0 full=0 portability=0
for arg; do
    case $arg in
    --skip-setup) skip_setup=1 ;;
    --full) full=1 ;;
    --portability) portability=1 ;;
    --help | -h) usage; exit 0 ;;
    *) echo "check.sh: unknown option '$arg'" >&2; usage >&2; exit 2 ;;
    esac
done

cpus=$(nproc 2>/dev/null || echo 2)
test_jobs=$((cpus / 2 > 2 ? cpus / 2 : 2)) # a test on a CPU device uses all cores by itself
started=$(date +%s)
step() { echo "check: [$(($(date +%s) - started)) s] $*"; }

# build DIR OPTION...: configure and build; the log stays in DIR, its end is printed when it fails.
build() {
    dir=$1
    shift
    mkdir -p "$dir"
    if ! { cmake -S . -B "$dir" "$@" && cmake --build "$dir" -j "$cpus"; } >"$dir/build.log" 2>&1; then
        tail -n 60 "$dir/build.log" >&2
        echo "check.sh: the build in $dir failed; the whole log is in $dir/build.log" >&2
        exit 1
    fi
}

# gcc 12's AddressSanitizer crashes at random where the kernel randomises addresses by more than 28 bits.
fixed_layout=
if [ "$(cat /proc/sys/vm/mmap_rnd_bits 2>/dev/null || echo 0)" -gt 28 ] && setarch -R true 2>/dev/null; then fixed_layout='setarch -R'; fi

# tests DIR LABEL...: run the tests that have all these labels; any failure makes check.sh fail, after everything has run.
failed=0
tests() {
    dir=$1 labels=
    shift
    for label; do labels="$labels -L ^$label\$"; done
    $fixed_layout ctest --test-dir "$dir" $labels -j "$test_jobs" --no-tests=error --output-on-failure || failed=1
}

if [ "$skip_setup" = 0 ]; then
    if [ "$portability" = 1 ]; then sh tools/setup.sh --portability; else sh tools/setup.sh; fi
fi

step "shell syntax"
for script in tools/*.sh tests/*.sh; do sh -n "$script"; done
bash -n .ci/run
step "man page"
mandoc -Tlint -W warning tools/qdistill.1

clang=
for name in clang-15 clang clang-14; do
    if [ -z "$clang" ] && command -v "$name" >/dev/null 2>&1; then clang=$name; fi
done
if [ -n "$clang" ]; then
    step "build with $clang: no warnings (build/clang)"
    build build/clang -DCMAKE_C_COMPILER="$clang" -DCMAKE_BUILD_TYPE=Release -DQD_TEST_CACHE="$PWD/build/check"
else
    step "build with clang: SKIPPED, there is no clang"
fi
step "build with gcc and sanitizers (build/check)"
build build/check -DCMAKE_BUILD_TYPE=RelWithDebInfo "-DCMAKE_C_FLAGS_RELWITHDEBINFO=-O2 -g" -DQD_SANITIZE=ON # asserts stay in

# Kernels are compiled inside the process that uses them; under the sanitizers that takes ten times as long. The clang build
# compiles them into the cache that the tests use: by comparing devices with the reference, and by the tests that open a device.
if [ -n "$clang" ]; then
    step "every operation on every device, kernels compiled for the tests"
    POCL_CACHE_DIR=$PWD/build/check/pocl-cache QD_CACHE_DIR=$PWD/build/check/qd-cache \
        build/clang/qdistill validate --progress none >build/clang/validate.log 2>&1 || { tail -n 20 build/clang/validate.log >&2; failed=1; }
    tail -n 1 build/clang/validate.log
    step "tests of devices without sanitizers, the rest of the kernels compiled"
    tests build/clang quick kernels
fi

if [ "$full" = 1 ]; then
    if [ -z "$clang" ]; then echo "check.sh: --full needs clang" >&2; exit 1; fi
    step "build for the full tests (build/release) and the fuzzers (build/fuzz)"
    build build/release -DCMAKE_BUILD_TYPE=Release
    build build/fuzz -DCMAKE_C_COMPILER="$clang" -DCMAKE_BUILD_TYPE=RelWithDebInfo -DQD_SANITIZE=ON -DQD_FUZZ=ON
    step "full tests"
    tests build/release full
    step "fuzzers, 60 s each"
    tests build/fuzz full fuzz
fi
if [ "$portability" = 1 ]; then
    [ "$full" = 1 ] || build build/release -DCMAKE_BUILD_TYPE=Release
    step "portability tests"
    tests build/release portability
fi
step "quick tests under the sanitizers"
tests build/check quick
if [ "$failed" != 0 ]; then
    step "FAILED"
    exit 1
fi
step "all passed"
