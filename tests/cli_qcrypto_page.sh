#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The worked example of docs/coming-from-qcrypto.md: its commands run in order, print what the page says they print, and end with equal keys.
# In a block `console`, lines that begin with "$ " are commands, the others what they print on standard output; "..." at the end of a line
# stands for any rest of it, alone for any lines. NZ is the length that estimate gave.
set -u
qd=$(realpath "$1")
source=$2
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
bad=0
fail() { echo "FAIL: $*"; bad=1; }
mkdir "$dir/bin" && ln -s "$qd" "$dir/bin/qdistill" && ln -s "$source/examples" "$dir/examples" || exit 1
awk '/^```/ { on = ($0 == "```console") ; next } on' "$source/docs/coming-from-qcrypto.md" >"$dir/example"
cd "$dir" || exit 1
PATH=$dir/bin:$PATH
export PATH
QD_DEVICE=ref # the same on every device
export QD_DEVICE

# same: the lines of got are those of want
same() {
    awk -v want=want 'BEGIN { while ((getline line < want) > 0) w[++n] = line; i = 1 }
        { if (w[i] == "...") next
          if (w[i] ~ /\.\.\.$/) { p = substr(w[i], 1, length(w[i]) - 3); if (index($0, p) != 1) exit bad = 1 } else if ($0 != w[i]) exit bad = 1
          i++ }
        END { exit bad || !(i == n + 1 || (i == n && w[n] == "...")) }' got
}
run() {
    NZ=$(sed -n '/"terms"/,$p' length.json 2>/dev/null | sed -n 's/.*"key_bits": *\([0-9]*\).*/\1/p' | head -n 1)
    text=$(echo "$command" | sed "s/\bNZ\b/${NZ:-0}/")
    case $text in *' estimate '*) text="$text --json length.json" ;; esac
    sh -c "$text" >got 2>err || fail "'$text' exits $?: $(cat err)"
    same || fail "'$text' prints: $(cat got) instead of: $(cat want)"
    commands=$((commands + 1))
}
command= commands=0
while IFS= read -r line; do
    case $line in
        '$ '*)
            [ -z "$command" ] || run
            command=${line#??}
            : >want ;;
        *) echo "$line" >>want ;;
    esac
done <example
[ -z "$command" ] || run
[ $commands -ge 12 ] || fail "the page has only $commands commands"
[ -s alice.z ] && [ "$(od -A n -t x4 -N 8 alice.z)" = ' 00000107 c7000001' ] || fail "no T7 file"
[ "${NZ:-0}" -gt 10000 ] || fail "a key of ${NZ:-0} bits"
[ "$(ls bob)" = "$(ls alice)" ] && [ "$(ls bob | wc -l)" = 11 ] || fail "epochs of T3: $(ls bob alice)"
exit $bad
