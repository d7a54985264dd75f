#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What the documentation names exists: files, verbs with their options in the example commands, and every example scenario is read.
set -u
qdistill=$1
source=$2
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
bad=0
fail() { echo "FAIL: $*"; bad=1; }
cd "$source" || exit 1

# Markdown links to files of the repository, relative to the page.
for page in README.md CHANGELOG.md docs/*.md; do
    grep -oE '\]\([^)#]+' "$page" | sed 's/^](//' | grep -v '^https\?:' | while read -r target; do
        [ -e "$(dirname "$page")/$target" ] || echo "$page links to $target"
    done
    # Paths in backticks that begin with a folder of ours; NAME, ROOM, VERB stand for any.
    grep -oE '`(host|kernels|tools|tests|bench|examples|docs|cmake)/[^` ]+`' "$page" | tr -d '`' | while read -r target; do
        # shellcheck disable=SC2086 # a pattern
        target=$(echo "$target" | sed 's/NAME\|ROOM\|VERB/*/g') && set -- $target && [ -e "$1" ] || echo "$page names $target"
    done
done >"$dir/missing"
[ ! -s "$dir/missing" ] || fail "not there: $(cat "$dir/missing")"

# Commands in fenced blocks and in the examples' comments: verb and options are the program's.
"$qdistill" --help | sed -n 's/^  \([a-z][a-z-]*\)  *.*/\1/p' >"$dir/verbs"
{
    awk '/^```/ { on = !on } on' README.md docs/*.md | sed 's/^\$ //'
    sed -n 's/^#  *\(qdistill .*\)/\1/p' examples/*.yaml examples/scenarios/*.yaml
} | grep -E '^(build/)?qdistill [a-z]' | sed 's/ #.*//' >"$dir/commands"
[ "$(wc -l <"$dir/commands")" -ge 10 ] || fail "found only $(wc -l <"$dir/commands") example commands"
while read -r _ verb rest; do
    grep -qx "$verb" "$dir/verbs" || { fail "documentation uses the verb '$verb'"; continue; }
    mode=$(echo "$rest" | grep -oE -- '--(qcrypto|fpfind|splicer)' | head -n 1) # has options of its own
    "$qdistill" "$verb" $mode --help >"$dir/help"
    for option in $(echo "$rest" | grep -oE -- '--[a-z][a-z0-9-]*'); do
        grep -q -- "^  \(-., \)\{0,1\}$option\( \|\$\)" "$dir/help" || fail "documentation uses 'qdistill $verb $option'"
    done
done <"$dir/commands"

for scenario in examples/scenarios/*.yaml; do
    "$qdistill" simulate "$scenario" --duration-s 0.001 --seed 1 --device ref --out "$dir/$(basename "$scenario" .yaml)" -q 2>"$dir/err" ||
        fail "$scenario: $(cat "$dir/err")"
done
for job in examples/*.yaml; do
    scenario=$(sed -n 's/.*scenario: \([^,}]*\).*/\1/p' "$job")
    [ -n "$scenario" ] && [ -f "examples/$scenario" ] || fail "$job: scenario '$scenario' is not there"
done
exit $bad
