#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What the program does with the devices it finds, does not find, and finds wrong: the verb devices, selectors, fallback, exit status.
set -u
qdistill=$1
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
unset QD_DEVICE QD_FAULT_DEVICE QD_KERNEL_DIR
bad=0
fail() { echo "FAIL: $*"; bad=1; }

# expect STATUS ARG...: the exit status; output in $dir/out and $dir/err.
expect() {
    want=$1
    shift
    "$qdistill" "$@" >"$dir/out" 2>"$dir/err" </dev/null
    status=$?
    [ $status = "$want" ] || { fail "'$*' exits $status, not $want"; sed 's/^/  /' "$dir/err"; }
}
says() { grep -q -- "$2" "$dir/$1" || { fail "no '$2' in what it says:"; sed 's/^/  /' "$dir/$1"; }; }
# field FILE EXPRESSION: of a JSON file, by python's syntax.
has_python=$(command -v python3)
json() {
    [ -n "$has_python" ] || return 0
    python3 -c "import json,sys; d=json.load(open(sys.argv[1])); assert ($2), json.dumps(d)[:2000]" "$1" || fail "$1: $2"
}

# --- the verb -------------------------------------------------------------------------------------------------------------
expect 0 devices
says out '^ref '
says out 'This machine: '
says out '^0:0 '
expect 0 devices -v
says out 'ICD files and device nodes'
expect 0 devices -q
[ ! -s "$dir/out" ] || fail "devices -q prints"
expect 0 devices --json "$dir/devices.json"
json "$dir/devices.json" 'd["schema"] == 1 and d["verb"] == "devices" and d["status"] == "ok"'
json "$dir/devices.json" 'all(k in x for x in d["devices"] for k in ("id","name","type","driver","platform","compute_units","global_mem_bytes","numa_node","usable","reason"))'
json "$dir/devices.json" 'd["devices"][0]["id"] == "0:0" and d["devices"][0]["compute_units"] >= 1 and d["devices"][0]["global_mem_bytes"] > 1e6'
json "$dir/devices.json" 'd["topology"]["cores"] >= 1 and d["topology"]["packages"] >= 1 and d["topology"]["numa_nodes"] >= 1 and "l2_bytes" in d["topology"]["caches"]'
"$qdistill" devices --json - >"$dir/stdout.json" 2>"$dir/err" || fail "devices --json -"
json "$dir/stdout.json" 'len(d["devices"]) >= 1' # nothing but the record on standard output
json "$dir/devices.json" 'd["device"] == {"id": None, "name": None, "type": None, "used": False} and d["exit_status"] == 0'
expect 2 devices extra
# A selector keeps what it names; QD_DEVICE hides nothing.
expect 0 devices --device 0:0 --json "$dir/one.json"
says out '^0:0 '
grep -q '^ref ' "$dir/out" && fail "devices --device 0:0 lists the reference"
json "$dir/one.json" '[x["id"] for x in d["devices"]] == ["0:0"] and d["device"]["id"] == "0:0"'
expect 0 devices --device ref --json "$dir/one.json"
[ "$(grep -c '^[0-9]*:' "$dir/out")" = 0 ] || fail "devices --device ref lists others"
json "$dir/one.json" 'd["devices"] == [] and d["device"]["id"] == "ref"'
expect 0 devices --device auto
says out '^0:0 '
expect 3 devices --device 9:9 --json "$dir/one.json"
says err "no device matches '9:9'"
json "$dir/one.json" 'd["status"] == "failed" and d["exit_status"] == 3 and d["device"]["used"] is False and d["error"]["next"]'
expect 2 devices --device banana
says err 'name=TEXT'
QD_DEVICE=9:9 "$qdistill" devices >"$dir/out" 2>"$dir/err" || fail "a wrong QD_DEVICE hides the list that would set it right"
says out '^0:0 '
expect 5 devices --json "$dir/absent/devices.json"

# --- the same without a platform --------------------------------------------------------------------------------------------
export OCL_ICD_VENDORS=/nonexistent
expect 0 devices --json "$dir/none.json"
says out 'CL_PLATFORM_NOT_FOUND_KHR, -1001'
says out 'apt install pocl-opencl-icd'
json "$dir/none.json" 'd["devices"] == [] and "-1001" in d["note"]'
expect 3 validate
expect 3 devices --device gpu
says err 'CL_PLATFORM_NOT_FOUND_KHR, -1001'
expect 3 validate --device cpu
expect 0 profile --repeat 1 ntt:log2n=8
says err 'CL_PLATFORM_NOT_FOUND_KHR, -1001'
says err 'reference path'
expect 0 profile -q --repeat 1 --device ref --no-fallback ntt:log2n=8
[ ! -s "$dir/err" ] || fail "the reference was named and is warned of"
expect 3 profile --repeat 1 --no-fallback ntt:log2n=8
expect 3 profile --repeat 1 --device 0:0 ntt:log2n=8
expect 3 profile --repeat 1 --device gpu ntt:log2n=8
unset OCL_ICD_VENDORS

# --- selectors ----------------------------------------------------------------------------------------------------------------
expect 2 profile --device fastest ntt:log2n=8
says err 'name=TEXT'
expect 3 profile --device 77:0 ntt:log2n=8
expect 3 profile --device 'name=no such device' ntt:log2n=8
QD_DEVICE=77:0 "$qdistill" profile ntt:log2n=8 >"$dir/out" 2>"$dir/err"
[ $? = 3 ] || fail "QD_DEVICE is not heeded"

# --- a device that computes wrongly: two devices of PoCL, the first is told to -------------------------------------------------
export POCL_DEVICES="pthread basic"
expect 0 devices --json "$dir/two.json"
json "$dir/two.json" '[x["id"] for x in d["devices"]][:2] == ["0:0", "0:1"]'
if grep -q '"0:1"' "$dir/two.json" && ! grep -q '"gpu"' "$dir/two.json"; then
    export QD_FAULT_DEVICE=0:0
    expect 0 profile --repeat 1 --json "$dir/next.json" ntt:log2n=8
    says err 'self-test failed on 0:0'
    says err 'using device 0:1'
    json "$dir/next.json" 'd["device"]["id"] == "0:1"'
    expect 4 profile --repeat 1 --no-fallback ntt:log2n=8
    expect 4 profile --repeat 1 --device 0:0 --json "$dir/failed.json" ntt:log2n=8
    says err 'self-test failed on 0:0'
    says err "qdistill validate --device 0:0 '"
    json "$dir/failed.json" 'd["status"] == "failed" and d["exit_status"] == 4 and "self-test" in d["error"]["what"]'
    unset QD_FAULT_DEVICE
    expect 0 profile --repeat 1 ntt:log2n=8
    [ ! -s "$dir/err" ] || { fail "nothing is wrong, and it warns"; cat "$dir/err"; }
fi
exit $bad
