#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What is installed is enough: every public header compiles by itself, and a program finds the library by its pkg-config file.
set -u
build=$(dirname "$1")
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
fail() { echo "FAIL: $*"; exit 1; }
cached() { sed -n "s/^$1:[A-Z]*=//p" "$build/CMakeCache.txt"; }
[ -f "$build/CMakeCache.txt" ] || { echo "SKIP: $1 stands in no build folder"; exit 77; }
cc=$(cached CMAKE_C_COMPILER)
flags=
[ "$(cached QD_SANITIZE)" != ON ] || flags='-fsanitize=address,undefined'
[ "$(cached QD_COVERAGE)" != ON ] || flags="$flags --coverage"

cmake --install "$build" --prefix "$dir/usr" >"$dir/log" 2>&1 || { cat "$dir/log"; fail "cmake --install"; }
[ -x "$dir/usr/bin/qdistill" ] || fail "no program"
[ -f "$dir/usr/share/man/man1/qdistill.1" ] || fail "no man page"
pc=$(find "$dir/usr" -name qdistill.pc)
[ -n "$pc" ] || fail "no pkg-config file"
pkg() { PKG_CONFIG_PATH=$(dirname "$pc") pkg-config --define-variable=prefix="$dir/usr" "$@" qdistill; }
[ "qdistill $(pkg --modversion)" = "$("$dir/usr/bin/qdistill" --version)" ] || fail "version of library and program differ"

# shellcheck disable=SC2046,SC2086 # flags are lists of words
(cd "$dir/usr/include" && find . -name '*.h') | sed 's|^\./||' | while read -r header; do
    printf '#include "%s"\nint main(void) { return 0; }\n' "$header" >"$dir/one.c"
    "$cc" -std=c17 -D_GNU_SOURCE -Wall -Wextra -Werror -fsyntax-only $(pkg --cflags) "$dir/one.c" || fail "$header does not compile by itself"
done || exit 1

cat >"$dir/user.c" <<'END'
#include <stdio.h>
#include "qdistill/core.h"
#include "qdistill/pipeline.h"

int main(void) {
    const qd_registry *ops = qd_registry_all();
    size_t n = 0;
    while (qd_registry_op(ops, n)) n++;
    printf("%s, %zu operations\n", qd_status_name(QD_OK), n);
    return n == 0;
}
END
# shellcheck disable=SC2046,SC2086
"$cc" -std=c17 -Wall -Wextra -Werror $flags "$dir/user.c" -o "$dir/user" $(pkg --cflags --libs) || fail "a program that uses the library does not build"
"$dir/user" || fail "a program that uses the library does not run"
