#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Usage of the whole program: an unknown verb or option, a missing argument or a bad value exits 2 and writes nothing anywhere;
# every verb explains itself; one line gives the version.
set -u
qdistill=$1
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/home" "$dir/work" && cd "$dir/work" || exit 1
unset POCL_CACHE_DIR QD_CACHE_DIR XDG_CACHE_HOME QD_DEVICE
HOME=$dir/home
export HOME
bad=0
fail() { echo "FAIL: $*"; bad=1; }

# usage_error WHAT ARG...: exit 2, a message on standard error, nothing on standard output, no file.
usage_error() {
    what=$1
    shift
    "$qdistill" "$@" >"$dir/out" 2>"$dir/err" </dev/null
    status=$?
    [ $status = 2 ] || fail "$what: '$*' exits $status, not 2"
    [ -s "$dir/err" ] || fail "$what: '$*' says nothing on standard error"
    [ ! -s "$dir/out" ] || fail "$what: '$*' prints on standard output"
    [ -z "$(find "$dir/home" "$dir/work" -mindepth 1)" ] || fail "$what: '$*' wrote $(find "$dir/home" "$dir/work" -mindepth 1)"
}

usage_error "no verb"
usage_error "unknown verb" distil
usage_error "unknown verb" --bogus
usage_error "an option is no verb" -q

"$qdistill" --help >"$dir/help" 2>"$dir/err" || fail "--help exits $?"
[ ! -s "$dir/err" ] || fail "--help prints on standard error"
verbs=$(sed -n 's/^  \([a-z][a-z-]*\)  *.*/\1/p' "$dir/help")
[ "$(echo "$verbs" | wc -w)" -ge 11 ] || fail "--help lists only: $verbs"
[ "$("$qdistill" help)" = "$(cat "$dir/help")" ] || fail "'help' and --help differ"
"$qdistill" --version | grep -Eqx 'qdistill [0-9]+\.[0-9]+\.[0-9]+' || fail "--version prints '$("$qdistill" --version)'"

if [ -c /dev/full ]; then
    "$qdistill" --help >/dev/full 2>"$dir/err"
    [ $? = 5 ] && [ -s "$dir/err" ] || fail "help on a full disk does not exit 5 with a message"
fi

for verb in $verbs; do
    "$qdistill" "$verb" --help >"$dir/out" 2>"$dir/err" </dev/null || fail "$verb --help exits $?"
    head -n 1 "$dir/out" | grep -q "^usage: qdistill $verb" || fail "$verb --help does not begin with its usage"
    grep -q '^  --device' "$dir/out" || fail "$verb --help does not list the common options"
    [ ! -s "$dir/err" ] || fail "$verb --help prints on standard error"
    "$qdistill" "$verb" -h >"$dir/short" 2>&1 </dev/null || fail "$verb -h exits $?"
    cmp -s "$dir/out" "$dir/short" || fail "$verb -h and --help differ"
    for option in $(sed -n '1s/[^-]*\(--[a-z-]*\)[^-]*/\1 /gp' "$dir/out"); do
        grep -q -- "^  $option\( \|\$\)" "$dir/out" || fail "$verb: the usage line names $option, the list of options does not"
    done
    grep -q ' $' "$dir/out" && fail "$verb --help has blanks at the end of a line"
    usage_error "unknown option" "$verb" --no-such-option
    usage_error "unknown short option" "$verb" -Z
    usage_error "value missing" "$verb" --device
    usage_error "not a number" "$verb" --seed twelve
    usage_error "negative" "$verb" --seed -1
    usage_error "too large" "$verb" --seed 18446744073709551616
    usage_error "value for a flag" "$verb" --no-fallback=yes
    usage_error "no record for a usage error" "$verb" --json record.json --no-such-option
done
for verb in run simulate tags sync sift reconcile estimate amplify study; do usage_error "arguments missing" "$verb"; done
[ -z "$(find "$dir/home" "$dir/work" -mindepth 1)" ] || fail "help or version wrote a file"
exit $bad
