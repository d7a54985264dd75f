# SPDX-License-Identifier: Apache-2.0
# For scripts on `qdistill study`, behind expect.sh: what a record says, and a study that was interrupted and goes on.
# Read in with: . "$(dirname -- "$0")/study.sh"
perl -MJSON::PP -e 1 2>/dev/null || { echo "no JSON::PP of Perl"; exit 77; }

# get EXPRESSION FILE: what Perl makes of the record, $r; $p is its first point, h(q) the entropy of a bit.
get() { perl -MJSON::PP -e 'local $/; my $r = decode_json(<STDIN>); my $p = $r->{points}[0];
    sub h { my $q = shift; -($q * log($q) + (1 - $q) * log(1 - $q)) / log(2) } print eval $ARGV[0]' "$1" <"$2"; }

# timeless FILE: a record or state of `study reconcile` but for its seconds and speeds.
timeless() { sed 's/"\(decode_\)\{0,1\}seconds": *[0-9.e+-]*//g; /"mbit_per_s/,/}/d; /"edges_per_s/,/}/d' "$1"; }

# goes_on LINES COMMAND...: a study reconcile, whole, and gone on with from the first lines of its state: the same but for the seconds.
# Leaves the state of the second in $dir/part.
goes_on() {
    lines=$1
    shift
    "$@" --state "$dir/whole" --json "$dir/whole.json" >/dev/null
    head -n "$lines" "$dir/whole" >"$dir/part"
    expect 0 'study reconcile' "$@" --state "$dir/part" --json "$dir/part.json"
    for f in "" .json; do
        timeless "$dir/whole$f" >"$dir/one"
        timeless "$dir/part$f" >"$dir/two"
        cmp "$dir/one" "$dir/two" || say "a study that went on differs: whole$f"
    done
}
