#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every quick case of every operation on every device equals the reference; a broken kernel does not get away with it.
set -u
qdistill=$1
source=$2
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
unset QD_DEVICE QD_FAULT_DEVICE QD_KERNEL_DIR
bad=0
fail() { echo "FAIL: $*"; bad=1; }
expect() {
    want=$1
    shift
    "$qdistill" "$@" >"$dir/out" 2>"$dir/err" </dev/null
    status=$?
    [ $status = "$want" ] || { fail "'$*' exits $status, not $want"; sed 's/^/  /' "$dir/err"; }
}
says() { grep -q -- "$2" "$dir/$1" || { fail "no '$2' in what it says:"; sed 's/^/  /' "$dir/$1"; }; }
has_python=$(command -v python3)
json() {
    [ -n "$has_python" ] || return 0
    python3 -c "import json,sys; d=json.load(open(sys.argv[1])); assert ($2), json.dumps(d)[:2000]" "$1" || fail "$1: $2"
}

# --- everything ---------------------------------------------------------------------------------------------------------------
expect 0 validate --progress none --json "$dir/all.json"
says out ' passed, 0 failed; device'
[ ! -s "$dir/err" ] || { fail "a clean validation complains"; cat "$dir/err"; }
json "$dir/all.json" 'd["failed"] == 0 and d["left_out"] == 0 and d["passed"] == len(d["results"]) > 0'
json "$dir/all.json" 'all(r["ok"] and r["first_difference"] is None and r["compared_bytes"] > 0 for r in d["results"])'

# --- what is asked for --------------------------------------------------------------------------------------------------------
expect 0 validate -v --progress none --tiny sift 'ntt:log2n=5,seed=3'
says out '^ok   sift:'
says out '^ok   ntt:log2n=5,seed=3,'
grep -q '^ok   simulate' "$dir/out" && fail "an operation that was not named is run"
expect 0 validate --progress none --budget 0 sift
says out '^0 passed, 0 failed, [1-9][0-9]* left out'
expect 0 validate --device ref --progress none 'ntt:log2n=5'
expect 2 validate no_such_operation
says err 'operations are '
expect 2 validate 'ntt:log2n=5,wrong=1'
says err 'the grammar is ntt:'
expect 2 validate --full --tiny
expect 2 validate --device ref --progress none --json "$dir/no.json" coincide:n=5,from=6
says err 'is beyond n'
[ ! -e "$dir/no.json" ] || fail "a usage error wrote a record"
expect 2 validate --budget soon
expect 2 validate --budget -1
expect 2 validate --device nonsense ntt
expect 3 validate --device 77:0 ntt

# --- a broken kernel: one operator changed ----------------------------------------------------------------------------------------
# mutant OPERATION FILE SED: validate sees it, and what it prints reproduces it.
mutant() {
    rm -rf "$dir/kernels"
    cp -R "$source/kernels" "$dir/kernels"
    sed "$3" "$source/kernels/$2" >"$dir/kernels/$2"
    cmp -s "$source/kernels/$2" "$dir/kernels/$2" && { fail "'$3' changes nothing in $2: give this test another operator"; return; }
    QD_KERNEL_DIR=$dir/kernels
    export QD_KERNEL_DIR
    expect 4 validate --progress none --device 0:0 --json "$dir/broken.json" "$1"
    says err "^FAIL $1:"
    json "$dir/broken.json" 'd["status"] == "failed" and d["exit_status"] == 4 and "cases failed" in d["error"]["what"] and "qdistill validate" in d["error"]["next"] and d["failed"] >= 1 and d["failed"] == len([r for r in d["results"] if not r["ok"]])'
    command=$(sed -n "s/^  Reproduce: qdistill \(.*\)/\1/p" "$dir/err" | head -n 1)
    eval "expect 4 $command --progress none"
    expect 4 profile --device 0:0 --repeat 1 "$1:" # the self-test stops it before anything is measured
    says err "self-test failed on 0:0 .*: $1 differs"
    [ ! -s "$dir/out" ] || fail "profile goes on with a broken kernel"
    expect 0 profile --repeat 1 -q "ntt:log2n=8" # the program's own choice goes on without the device
    # The case that is named is one that differs, not the first that failed; a case that cannot be is a usage error only where it is alone.
    expect 4 validate --progress none --device 0:0 --json "$dir/broken.json" coincide:n=5,from=6 "$1"
    says err "^FAIL coincide:.*from=6.* is beyond n"
    says err "Next: .*qdistill validate --device 0:0 '$1:"
    unset QD_KERNEL_DIR
    eval "expect 0 $command --progress none"
}
mutant sift sift.cl 's/mine\[w\] & theirs\[w\]/mine[w] | theirs[w]/'
mutant ntt ntt.clh 's/\*v = a - t + P;/*v = a + t + P;/'

# A kernel that does not build is exit 7, and a folder without kernels is bad input.
mkdir "$dir/other"
cp "$source"/kernels/*.clh "$dir/other/"
echo '__kernel void nothing(void) { no_such_thing(); }' >"$dir/other/ntt.cl"
QD_KERNEL_DIR=$dir/other
export QD_KERNEL_DIR
expect 7 validate --progress none --device 0:0 ntt:log2n=5
says err 'did not build'
expect 5 validate --progress none --device 0:0 sift:
exit $bad
