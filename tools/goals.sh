#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Efficiency and frame error rate of reconciliation beside the goals set for it: runs `qdistill study reconcile` at six error rates in five
# columns, keeps the records, draws them, and prints the table.
#   tools/goals.sh [--frames N] [--only LETTERS] [--draw] [--records DIR] [--svg FILE]
# N: frames at each point of column B (4096); A takes N/32 (they are two hundred times longer), I N/256 (and several attempts each), C and D N/8. A long run is a greater N:
# it can be stopped, and the same command goes on. --draw: no runs, from the records there are. QDISTILL is the program (build/qdistill).
set -eu
here=$(cd "$(dirname -- "$0")/.." && pwd)
qdistill=${QDISTILL:-$here/build/qdistill}
records=$here/bench/baselines/goals svg=$here/docs/efficiency.svg frames=4096 only=AIBCD draw=
seed=2001 # of no frame that a constant was tuned on

usage() { echo "goals.sh: $1; usage: tools/goals.sh [--frames N] [--only LETTERS] [--draw] [--records DIR] [--svg FILE]" >&2; exit 2; }
while [ $# -gt 0 ]; do
    case $1 in
        --draw) draw=1; shift; continue ;;
        --frames | --only | --records | --svg) [ $# -ge 2 ] || usage "$1 needs a value" ;;
        *) usage "'$1' is no option" ;;
    esac
    case $1 in
        --frames) frames=$2 ;;
        --only) only=$2 ;;
        --records) records=$2 ;;
        --svg) svg=$2 ;;
    esac
    shift 2
done
case $frames in '' | *[!0-9]* | 0*) usage "--frames is a number from 1 on, not '$frames'" ;; esac
case $only in '' | *[!AIBCD]*) usage "--only takes letters of AIBCD, not '$only'" ;; esac

# column, error rate, code, f to disclose (-: what comes of the search), iterations. What C and I begin with, and how much they add, is of bench/NOTES.md.
points='A 0.01 large 1.07 200
A 0.02 large 1.05 200
A 0.03 large 1.05 200
A 0.05 large 1.045 200
A 0.08 large 1.045 200
A 0.11 large 1.04 200
I 0.01 large:z=1024,joined=4096,tell=128 1.03 200
I 0.02 large:z=1024,joined=4096,tell=512 1.03 200
I 0.03 large:z=1024,joined=5120,tell=512 1.03 200
I 0.05 large:z=1024,joined=5120,tell=512 1.03 200
I 0.08 large:z=1024,joined=8192,tell=1024 1.025 200
I 0.11 large:z=1024,joined=8192,tell=1024 1.02 200
B 0.01 qd-bg1 1.55 50
B 0.02 qd-bg1 1.39 50
B 0.03 qd-bg1 1.295 50
B 0.05 nr-bg1 1.21 50
B 0.08 nr-bg1 1.135 50
B 0.11 nr-bg1 1.10 50
C 0.01 qd-k33:grow=16 1.06 100
C 0.02 qd-k33:grow=16 1.05 100
C 0.03 qd-k33:grow=16 1.04 100
C 0.05 qd-k22:grow=16 1.03 100
C 0.08 qd-k22:grow=16 1.03 100
C 0.11 nr-bg1:grow=32 1.02 100
D 0.01 cascade-opt8 - 1
D 0.02 cascade-opt8 - 1
D 0.03 cascade-opt8 - 1
D 0.05 cascade-opt8 - 1
D 0.08 cascade-opt8 - 1
D 0.11 cascade-opt8 - 1'

# ---- Runs ---------------------------------------------------------------------------------------------------------------------

one() { # column, error rate, code, f, iterations
    case $only in *"$1"*) ;; *) return 0 ;; esac
    case $1 in A) n=$((frames / 32)) ;; I) n=$((frames / 256)) ;; B) n=$frames ;; *) n=$((frames / 8)) ;; esac
    [ "$n" -ge 1 ] || n=1
    f=
    [ "$4" = - ] || f="--efficiency $4"
    echo "column $1, error rate $2: $n frames" >&2
    # shellcheck disable=SC2086 # two words of $f
    "$qdistill" study reconcile --code "$3" --qber "$2" $f --frames "$n" --iterations "$5" --seed "$seed" --state "$records/$1-$2.state" \
        --json "$records/$1-$2.json" --progress none -q
}

if [ -z "$draw" ]; then
    [ -x "$qdistill" ] || { echo "goals.sh: there is no program $qdistill; build it, or name it in QDISTILL" >&2; exit 5; }
    mkdir -p "$records"
    echo "$points" | while read -r column q code f iterations; do one "$column" "$q" "$code" "$f" "$iterations" </dev/null || exit $?; done
    rm -f "$records"/*.state
fi

# ---- What the records say -----------------------------------------------------------------------------------------------------

# A line for each: column, error rate, frames, f, low, high, FER, low, high, net yield, Mb/s, attempts or rounds
figures() {
    for file in "$records"/[AIBCD]-*.json; do
        [ -e "$file" ] || continue
        name=$(basename "$file" .json)
        awk -v column="${name%%-*}" -v q="${name#*-}" '
            /"points"/ { on = 1 }
            !on { next }
            match($0, /"[a-z_0-9]+": [{]/) { key = substr($0, RSTART + 1, RLENGTH - 5) }
            match($0, /"(value|low|high)": [-+.0-9e]+/) { split(substr($0, RSTART + 1, RLENGTH - 1), x, /": /); v[key "." x[1]] = x[2] }
            match($0, /"frames": [0-9]+/) { frames = substr($0, RSTART + 10, RLENGTH - 10) }
            function of(k) { return k in v ? v[k] : "nan" }
            END { print column, q, frames, of("efficiency.value"), of("efficiency.low"), of("efficiency.high"), of("fer.value"), of("fer.low"), of("fer.high"),
                of("net_yield.value"), of("mbit_per_s.value"), of("rounds_mean.value") }' "$file"
    done
}

# Goals and landmarks: error rate, f of the normal approximation at n = 10^6 and FER 10^-3, of Cascade opt. (8) as published (arXiv:1407.3257), then of A, B, C, D, and of A with increments.
goals='0.01 1.025 1.045 1.07 1.55 1.26 1.05 1.045
0.02 1.017 1.04 1.05 1.39 1.21 1.045 1.04
0.03 1.014 1.04 1.05 1.295 1.18 1.045 1.04
0.05 1.010 1.045 1.045 1.21 1.13 1.05 1.035
0.08 1.007 1.055 1.045 1.135 1.09 1.06 1.035
0.11 1.006 1.062 1.04 1.10 1.08 1.07 1.03'

all() { echo "$goals" | sed 's/^/goal /'; figures | sed 's/^/ours /'; }

table() {
    all | awk '
        BEGIN { split("A B C D I", letter); split("A I B C D", order); what["A"] = "one syndrome, 2 10^6 bits (large)"; what["I"] = "10^6 bits, rows joined and told apart until a frame is solved"; what["B"] = "one syndrome, 5G base graph 1"; what["C"] = "base graphs, rows added"; what["D"] = "Cascade, 2^14 bits"
            most["A"] = "0.001"; most["B"] = "0.01"; most["C"] = most["D"] = most["I"] = "~0" }
        $1 == "goal" { rate[++n] = $2; for (i = 1; i <= 5; i++) goal[letter[i], $2] = $(4 + i) }
        $1 == "ours" { for (i = 4; i <= 13; i++) x[$2, $3, i] = $i; have[$2, $3] = 1 }
        END { for (i = 1; i <= 5; i++) {
                c = order[i]
                printf "%s: %s\n%6s  %6s  %8s  %16s  %8s  %8s  %19s  %7s  %9s  %7s  %6s\n", c, what[c], "qber", "goal f", "f", "95 %", "goal FER", "FER", "95 %", "frames", "net yield", "rounds", "Mb/s"
                for (k = 1; k <= n; k++) {
                    q = rate[k]
                    printf "%4.0f %%  %6s", 100 * q, goal[c, q]
                    if (have[c, q])
                        printf "  %8.4f  %7.4f..%7.4f  %8s  %8.2g  %8.2g ..%8.2g  %7d  %9.4f  %7.4g  %6.3g", x[c, q, 5], x[c, q, 6], x[c, q, 7], most[c], x[c, q, 8], x[c, q, 9], x[c, q, 10], x[c, q, 4], x[c, q, 11], x[c, q, 13], x[c, q, 12]
                    else
                        printf "  not measured"
                    print ""
                }
                print "" } }'
}

# ---- The chart ----------------------------------------------------------------------------------------------------------------

chart() {
    all | awk '
        function px(i, c) { return 110 + (i - 1) * 118 + (c - 3) * 18 + 30 }          # rate number i, column number c
        function py(f) { return 70 + 380 * (log(0.7) - log(f - 1)) / (log(0.7) - log(0.005)) } # f - 1 from .7 down to .005
        function pe(e) { return 530 + 240 * (0 - log(e)) / (0 - log(1e-6)) }
        function text(x, y, anchor, s, more) { printf "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\"%s>%s</text>\n", x, y, anchor, more, s }
        function line(a, b, c, d, more) { printf "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" %s/>\n", a, b, c, d, more }
        function mark(c, x, y, title) {
            printf "<g fill=\"%s\"><title>%s</title>", colour[c], title
            if (c == 1) printf "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4.5\"/>", x, y
            if (c == 2) printf "<rect x=\"%.1f\" y=\"%.1f\" width=\"8\" height=\"8\"/>", x - 4, y - 4
            if (c == 3) printf "<path d=\"M%.1f %.1fl5.5 5.5l-5.5 5.5l-5.5 -5.5z\"/>", x, y - 5.5
            if (c == 4) printf "<path d=\"M%.1f %.1fl5.5 9.5h-11z\"/>", x, y - 6
            if (c == 5) printf "<path d=\"M%.1f %.1fh3v4h4v3h-4v4h-3v-4h-4v-3h4z\"/>", x - 1.5, y - 5.5
            print "</g>"
        }
        function bar(c, x, low, high) { line(x, low, x, high, "stroke=\"" colour[c] "\" stroke-width=\"1.5\""); line(x - 4, low, x + 4, low, "stroke=\"" colour[c] "\""); line(x - 4, high, x + 4, high, "stroke=\"" colour[c] "\"") }
        function landmark(which, more,   i, s) {
            for (i = 1; i <= n; i++) s = s (i > 1 ? "L" : "M") sprintf("%.1f %.1f", 140 + (i - 1) * 118, py(f[which, i]))
            printf "<path d=\"%s\" fill=\"none\" %s/>\n", s, more
        }
        BEGIN { split("A B C D I", letter); for (i = 1; i <= 5; i++) number[letter[i]] = i
            split("#1b6ca8 #c8502d #3f8a3c #7a4ea3 #8a6d1b", colour)
            split("A: one syndrome, 2 10^6 bits (large)|B: one syndrome, 5G base graph 1|C: base graphs, rows added|D: Cascade, 2^14 bits|I: 10^6 bits, rows told apart until solved", name, "|") }
        $1 == "goal" { rate[++n] = $2; at[$2] = n; for (i = 3; i <= 9; i++) f[i, n] = $i }
        $1 == "ours" { ours[++m] = $0 }
        END {
            print "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 860 900\" font-family=\"sans-serif\" font-size=\"13\">"
            print "<!-- drawn by tools/goals.sh from bench/baselines/goals -->"
            print "<rect width=\"860\" height=\"900\" fill=\"#fff\"/>"
            text(430, 26, "middle", "Reconciliation: what is disclosed over the entropy, and how often it fails", " font-size=\"17\"")
            text(430, 46, "middle", "marks: measured, with intervals of 95 %; dashes of the same colour: the goals", " fill=\"#555\"")
            split("1.005 1.01 1.02 1.05 1.1 1.2 1.5", tick)
            for (i = 1; i <= 7; i++) { line(80, py(tick[i]), 830, py(tick[i]), "stroke=\"#e4e4e4\""); text(72, py(tick[i]) + 4, "end", tick[i], "") }
            text(22, 260, "middle", "efficiency f (f - 1 logarithmic)", " transform=\"rotate(-90 22 260)\"")
            for (k = 0; k <= 6; k++) { line(80, pe(10 ^ -k), 830, pe(10 ^ -k), "stroke=\"#e4e4e4\""); text(72, pe(10 ^ -k) + 4, "end", k ? "1e-" k : "1", "") }
            text(22, 650, "middle", "frame error rate", " transform=\"rotate(-90 22 650)\"")
            for (i = 1; i <= n; i++) { text(140 + (i - 1) * 118, 476, "middle", sprintf("%g %%", 100 * rate[i]), ""); text(140 + (i - 1) * 118, 790, "middle", sprintf("%g %%", 100 * rate[i]), "") }
            text(455, 496, "middle", "error rate of the key", ""); text(455, 808, "middle", "error rate of the key (an arrow: no failure seen; from the upper end of the interval)", "")
            landmark(3, "stroke=\"#999\" stroke-width=\"1.5\""); landmark(4, "stroke=\"#444\" stroke-dasharray=\"2 4\" stroke-width=\"1.5\"")
            for (i = 1; i <= n; i++) for (c = 1; c <= 5; c++) line(px(i, c) - 9, py(f[4 + c, i]), px(i, c) + 9, py(f[4 + c, i]), "stroke=\"" colour[c] "\" stroke-width=\"2\" opacity=\"0.55\"")
            for (i = 1; i <= n; i++) for (c = 1; c <= 2; c++) line(px(i, c) - 9, pe(c == 1 ? 1e-3 : 1e-2), px(i, c) + 9, pe(c == 1 ? 1e-3 : 1e-2), "stroke=\"" colour[c] "\" stroke-width=\"2\" opacity=\"0.55\"")
            for (k = 1; k <= m; k++) {
                split(ours[k], x, " "); for (j = 4; j <= 10; j++) if (x[j] != "nan") x[j] += 0
                c = number[x[2]]; i = at[x[3]]
                title = sprintf("%s at %g %%: f %.4f (%.4f to %.4f), FER %.2g (%.2g to %.2g), %d frames", x[2], 100 * x[3], x[5], x[6], x[7], x[8], x[9], x[10], x[4])
                if (x[5] == "nan") continue
                if (x[6] != "nan") bar(c, px(i, c), py(x[6]), py(x[7]))
                mark(c, px(i, c), py(x[5]), title)
                if (x[8] > 0) { bar(c, px(i, c), pe(x[9] > 1e-6 ? x[9] : 1e-6), pe(x[10])); mark(c, px(i, c), pe(x[8]), title) }
                else { printf "<g fill=\"none\" stroke=\"%s\" stroke-width=\"1.5\"><title>%s</title>", colour[c], title
                    printf "<path d=\"M%.1f %.1fh10M%.1f %.1fv22m-4 -6l4 6l4 -6\"/></g>\n", px(i, c) - 5, pe(x[10]), px(i, c), pe(x[10]) }
            }
            for (c = 1; c <= 5; c++) { mark(c, 90 + (c - 1) % 2 * 250, 832 + int((c - 1) / 2) * 22, name[c]); text(102 + (c - 1) % 2 * 250, 836 + int((c - 1) / 2) * 22, "start", name[c], "") }
            line(605, 832, 632, 832, "stroke=\"#999\" stroke-width=\"1.5\""); text(638, 836, "start", "floor: 10^6 bits, FER 1e-3", "")
            line(605, 854, 632, 854, "stroke=\"#444\" stroke-dasharray=\"2 4\" stroke-width=\"1.5\""); text(638, 858, "start", "Cascade opt. (8), as published", "")
            print "</svg>" }'
}

chart >"$svg.new"
mv "$svg.new" "$svg"
table
