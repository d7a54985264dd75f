#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The man page says what the program does: the same verbs, for each verb the same options as its --help, the keys of a job and the
# environment variables that the source reads. And the other way round.
set -u
qdistill=$1
source=$2
page=$source/tools/qdistill.1
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
bad=0
# same WHAT FILE FILE: two sorted lists, the program's and the page's.
same() {
    if ! cmp -s "$2" "$3"; then
        echo "FAIL: $1: < only in the program, > only in the man page"
        diff "$2" "$3"
        bad=1
    fi
}
# Options in the part of the page that begins with ".Ss NAME".
options_of() {
    awk -v want=".Ss $1" '/^\.S[sh] / { on = ($0 == want) }
        on && /^\.It Fl / { for (i = 3; i <= NF; i++) if ($(i - 1) == "Fl" && $i ~ /^-[a-z]/) print substr($i, 2) }' "$page" | sort -u
}

command -v mandoc >/dev/null 2>&1 && { mandoc -Tlint -W warning "$page" || bad=1; }

"$qdistill" --help | sed -n 's/^  \([a-z][a-z-]*\)  *.*/\1/p' | sort >"$dir/verbs"
awk '/^\.Sh / { on = ($2 == "VERBS") } on && /^\.Ss [a-z]/ { print $2 }' "$page" | sort >"$dir/page"
same "verbs" "$dir/verbs" "$dir/page"
options_of "Common options" >"$dir/common"
[ "$(wc -l <"$dir/common")" -ge 8 ] || { echo "FAIL: the man page lists only these common options: $(cat "$dir/common")"; bad=1; }
while read -r verb; do
    "$qdistill" "$verb" --help | sed -n 's/^  --\([a-z0-9-]*\).*/\1/p' | sort -u >"$dir/help"
    { cat "$dir/common"; options_of "$verb"; } | sort -u >"$dir/page"
    same "$verb" "$dir/help" "$dir/page"
done <"$dir/verbs"

# Modes that stand in for other programs: letters and long options.
letters_of() {
    awk -v want=".Ss In place of $1" '/^\.S[sh] / { on = ($0 == want) }
        on && /^\.It Fl / { for (i = 3; i <= NF; i++) if ($(i - 1) == "Fl") print "-" $i }' "$page" | sort -u
}
for mode in 'sync --qcrypto pfind' 'sync --fpfind fpfind' 'sift --qcrypto costream' 'sift --splicer splicer'; do
    # shellcheck disable=SC2086 # three words
    set -- $mode
    "$qdistill" "$1" "$2" --help | awk '/^  -/ { for (i = 1; i <= NF && $i ~ /^-/; i++) { sub(/,$/, "", $i); print $i } }' | grep -vx -- --help | sort -u >"$dir/help"
    [ "$(wc -l <"$dir/help")" -ge 10 ] || { echo "FAIL: $1 $2 --help lists only: $(cat "$dir/help")"; bad=1; }
    letters_of "$3" >"$dir/page"
    same "$1 $2" "$dir/help" "$dir/page"
done

# Environment: what the source reads by getenv, but for what tells folders of the user.
grep -rhoE 'getenv\("[A-Z_]+"\)' "$source/host" "$source/tools" | sed 's/.*"\(.*\)".*/\1/' | sort -u >"$dir/env"
awk '/^\.Sh / { on = ($2 == "ENVIRONMENT") } on && /^\.It Ev / { print $3 }' "$page" | sort -u >"$dir/page"
same "environment" "$dir/env" "$dir/page"

# Keys of jobs and scenarios: every key of the schema is explained, and every key that is explained is one.
keys_of() {
    grep -hoE '(TEXT|UINT|REAL|REAL_OPT|FOUR_OPT|MAP)\([a-z_]+, [a-z_]+|CYAML_FIELD_[A-Z_]+\("[a-z_]+"' "$1" | grep -v '(T\|(type' | sed 's/"$//; s/.*[ "(]//' | sort -u
}
keys_in() {
    awk -v want="$1" '/^\.Sh / { on = ($2 == want) } on && /^\.(It )?Ic / { for (i = 2; i <= NF; i++) if ($i != "Ic" && $i != "It") print $i }' "$page" |
        tr '.' '\n' | grep -E '^[a-z_]+$' | sort -u
}
keys_of "$source/host/pipeline/job.c" >"$dir/keys"
[ "$(wc -l <"$dir/keys")" -ge 15 ] || { echo "FAIL: found only these keys of a job: $(cat "$dir/keys")"; bad=1; }
keys_in JOBS >"$dir/page"
same "keys of a job" "$dir/keys" "$dir/page"
keys_of "$source/host/link/scenario.c" >"$dir/keys"
[ "$(wc -l <"$dir/keys")" -ge 15 ] || { echo "FAIL: found only these keys of a scenario: $(cat "$dir/keys")"; bad=1; }
keys_in SCENARIOS >"$dir/page"
same "keys of a scenario" "$dir/keys" "$dir/page"
exit $bad
