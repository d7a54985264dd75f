#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What verification tags find of what correction leaves: runs `qdistill study reconcile --verify` on every kind of code, keeps the records, and
# prints the table.
#   tools/verified.sh [--frames N] [--only NAMES] [--jobs J] [--table] [--records DIR]
# N: frames at each point (1000000); of large-block codes, a hundred times as long as others, N/100. NAMES: some of the points, with commas
# between them. J: points at a time (1). A long run can be stopped, and the same command goes on. --table: no runs, from the records there are.
# QDISTILL is the program (build/qdistill).
set -eu
here=$(cd "$(dirname -- "$0")/.." && pwd)
qdistill=${QDISTILL:-$here/build/qdistill}
records=$here/bench/baselines/verified frames=1000000 only='' jobs=1 table=''
seed=3001 # of no frame that a constant was tuned on

# Name, code, error rate, f to disclose (-: what comes of the search), iterations, frames of a string, eps_cor. The points of column B of
# tools/goals.sh; with added rows, as the machines do; the smallest codes, whose decoders take many wrong frames for corrected; Cascade as the
# machines have it, by published blocks, and with short frames, which leave more; large blocks where they are fast. The last has tags so short that they
# let errors through.
points='nr-3 nr-bg1 0.03 1.295 50 64 1e-15
nr-5 nr-bg1 0.05 1.21 50 64 1e-15
qd-3 qd-bg1 0.03 1.23 50 64 1e-15
k33-1 qd-k33 0.01 1.40 50 64 1e-15
k22-5 qd-k22 0.05 1.18 50 64 1e-15
nr-add-3 nr-bg1:add=64,more=4 0.03 1.12 50 64 1e-15
nr-add-5 nr-bg1:add=64,more=4 0.05 1.09 50 64 1e-15
k33-add-1 qd-k33:add=64,more=14 0.01 1.20 20 64 1e-15
k22-add-5 qd-k22:add=64,more=14 0.05 1.10 22 64 1e-15
k22-long-5 qd-k22:z=768 0.05 1.15 50 64 1e-15
k22-long-add-8 qd-k22:z=768,add=128,more=12 0.08 1.08 40 64 1e-15
nr-small nr-bg1:z=8 0.03 1.5 50 16 1e-15
nr-smallest nr-bg1:z=2 0.03 1.55 50 8 1e-15
nr-small-add nr-bg1:z=4,add=4 0.03 1.29 50 8 1e-15
nr-bg2-small nr-bg2:z=3 0.05 1.75 50 8 1e-15
large-3 large:z=1024 0.03 1.09 200 10 1e-15
large-5 large:z=1024 0.05 1.09 200 10 1e-15
cascade-qd-3 cascade-qd:together=64 0.03 - 1 64 1e-15
cascade-qd-8 cascade-qd:together=64 0.08 - 1 64 1e-15
cascade-qd-short cascade-qd:n=1024,together=64 0.05 - 1 64 1e-15
cascade-3 cascade-opt8:order=apart,together=64 0.03 - 1 64 1e-15
cascade-5 cascade-opt8:order=apart,together=64 0.05 - 1 64 1e-15
cascade-short cascade-opt8:n=1024,order=apart,together=64 0.05 - 1 64 1e-15
cascade-original cascade-original:n=1024,together=64 0.05 - 1 64 1e-15
short-tag nr-bg1:z=2 0.03 1.55 50 1 0.1'
names=$(echo "$points" | cut -d' ' -f1 | tr '\n' ' ')

usage() {
    echo "verified.sh: $1; usage: tools/verified.sh [--frames N] [--only NAMES] [--jobs J] [--table] [--records DIR]; NAMES: ${names% }" >&2
    exit 2
}
number() { case $2 in '' | *[!0-9]* | 0*) usage "$1 is a number from 1 on, not '$2'" ;; esac }
while [ $# -gt 0 ]; do
    case $1 in
        --table) table=1; shift; continue ;;
        --frames | --only | --jobs | --records) [ $# -ge 2 ] || usage "$1 needs a value" ;;
        *) usage "'$1' is no option" ;;
    esac
    case $1 in
        --frames) frames=$2 ;;
        --only) only=$2 ;;
        --jobs) jobs=$2 ;;
        --records) records=$2 ;;
    esac
    shift 2
done
number --frames "$frames"
number --jobs "$jobs"
for name in $(echo "$only" | tr ',' ' '); do
    case " $names" in *" $name "*) ;; *) usage "'$name' is no point" ;; esac
done

# ---- Runs ---------------------------------------------------------------------------------------------------------------------

chosen() { # the points that --only names, all without it
    echo "$points" | while read -r name rest; do
        case ",${only:-$name}," in *",$name,"*) echo "$name $rest" ;; esac
    done
}

one() { # name, code, error rate, f, iterations, frames of a string, eps_cor
    n=$frames
    case $2 in large*) n=$((frames / 100)) ;; esac
    [ "$n" -ge 1 ] || n=1
    f=
    [ "$4" = - ] || f="--efficiency $4"
    echo "$1: $n frames" >&2
    # shellcheck disable=SC2086 # two words of $f
    "$qdistill" study reconcile --code "$2" --qber "$3" $f --frames "$n" --iterations "$5" --verify "$6" --eps-cor "$7" --seed "$seed" \
        --state "$records/$1.state" --json "$records/$1.json" --progress none -q || return $? # the state stays, to go on from
    rm -f "$records/$1.state"
}

if [ -z "$table" ]; then
    [ -x "$qdistill" ] || { echo "verified.sh: there is no program $qdistill; build it, or name it in QDISTILL" >&2; exit 5; }
    mkdir -p "$records"
    if [ "$jobs" = 1 ]; then
        chosen | while read -r name code q f iterations each eps; do
            one "$name" "$code" "$q" "$f" "$iterations" "$each" "$eps" </dev/null || exit $?
        done
    else # each by a script of its own
        export QDISTILL="$qdistill"
        chosen | cut -d' ' -f1 | xargs -P "$jobs" -I NAME sh "$0" --frames "$frames" --only NAME --records "$records" >/dev/null
    fi
fi

# ---- The table ----------------------------------------------------------------------------------------------------------------

printf '%-16s  %5s  %6s  %8s  %10s  %8s  %4s  %8s  %8s  %8s  %5s  %6s  %7s  %s\n' point qber f frames undetected strings tag wrong caught left most refused \
    'planted: bit, bits, frames' ''
chosen | while read -r name _ q _; do
    [ -e "$records/$name.json" ] || { printf '%-16s  not measured\n' "$name"; continue; }
    awk -v name="$name" -v q="$q" '
        /"points"/ { on = 1 }
        !on { next }
        match($0, /"[a-z_0-9]+": [{]/) { key = substr($0, RSTART + 1, RLENGTH - 5) }
        match($0, /"[a-z_0-9]+": [-+.0-9e]+/) {
            split(substr($0, RSTART + 1, RLENGTH - 1), x, /": /)
            if (x[1] ~ /^(value|low|high|planted|caught)$/) v[key "." x[1]] = x[2]
            else v[x[1]] = x[2]
        }
        function planted(kind) { return v[kind ".caught"] "/" v[kind ".planted"] }
        END { printf "%-16s  %3g %%  %6.4f  %8d  %10d  %8d  %4d  %8d  %8d  %8d  %5.2g  %6d   %s, %s, %s\n", name, 100 * q, v["efficiency.value"], v["frames"],
            v["undetected.value"], v["strings"], v["tag_bits"], v["strings_wrong.value"], v["strings_caught.value"], v["undetected_after_tag.value"],
            v["undetected_after_tag.high"], v["strings_refused.value"], planted("bit"), planted("bits"), planted("frames") }' "$records/$name.json"
done
echo
echo "wrong: strings with an error in a frame that was taken for corrected; left: of them, those whose tags are the same, and the most that 95 % allow;"
echo "refused: right strings whose tags differ; planted behind correction, found/planted: a bit, 2 to 8 bits, two frames that change places"
