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

# Environment: what the source reads by getenv, but for what tells folders of the user.
grep -rhoE 'getenv\("[A-Z_]+"\)' "$source/host" "$source/tools" | sed 's/.*"\(.*\)".*/\1/' | sort -u >"$dir/env"
awk '/^\.Sh / { on = ($2 == "ENVIRONMENT") } on && /^\.It Ev / { print $3 }' "$page" | sort -u >"$dir/page"
same "environment" "$dir/env" "$dir/page"
exit $bad
