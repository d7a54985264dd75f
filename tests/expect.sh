# SPDX-License-Identifier: Apache-2.0
# For scripts that are given "sh SCRIPT PROGRAM SOURCES": a folder of their own, what a failure says, and commands with what is expected of them.
# Read in with: . "$(dirname -- "$0")/expect.sh"
qd=$(realpath "$1")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
log=$dir/log # of the latest command that `expect` ran
fails=0
say() { echo "FAIL: $*"; fails=$((fails + 1)); }

# expect STATUS PATTERN COMMAND...: exit status, and a pattern in the output of either kind
expect() {
    want=$1 pattern=$2
    shift 2
    set +e
    timeout 300 "$@" >"$log" 2>&1
    got=$?
    set -e
    [ "$got" = "$want" ] || { say "exit $got instead of $want: $*"; cat "$log"; }
    grep -q -- "$pattern" "$log" || { say "no '$pattern' from: $*"; cat "$log"; }
}

# stops PATTERN COMMAND...: a command that would take minutes gets a signal after two seconds, and once what $begun says is true: status 75, and a pattern in the output. One
# that has not ended half a minute later goes on regardless, and is killed.
stops() {
    pattern=$1
    shift
    "$@" >"$log" 2>&1 &
    pid=$!
    i=0
    sleep 2
    while [ $i -lt 600 ] && ! eval "${begun:-true}" && kill -0 $pid 2>/dev/null; do sleep 0.1; i=$((i + 1)); done
    kill -TERM $pid 2>/dev/null || true
    (
        i=0
        while [ $i -lt 300 ] && kill -0 $pid 2>/dev/null; do sleep 0.1; i=$((i + 1)); done
        kill -KILL $pid 2>/dev/null || true
    ) &
    got=0
    wait $pid || got=$?
    [ "$got" = 75 ] || { say "a signal ends with $got instead of 75: $*"; cat "$log"; }
    grep -q -- "$pattern" "$log" || { say "no '$pattern' from a signal to: $*"; cat "$log"; }
}
