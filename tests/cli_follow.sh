#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# sync --follow: files that grow and FIFOs, locked and followed while the tags come; lost and found; ends of every kind; refusals.
set -eu
. "$(dirname -- "$0")/expect.sh"
unset QD_DEVICE || true
. "$(dirname -- "$0")/follow_link.sh"
a=$dir/link/alice.a1 b=$dir/link/bob.a1
search="--format a1-54 --max-offset-s 0.01 --max-ppm 10 --follow"
follow="$search --device ref" # on the reference what locks at once; it takes long to find nothing

# member NAME: its value in each line of JSON on standard input
member() { sed -n "s/.*\"$1\":\\(-\\{0,1\\}[0-9.e+-]*\\)[,}].*/\\1/p"; }
# Pieces of two recordings, PIECE bytes at a time, of the one and then of the other, into files or FIFOs that both stay open: never a whole
# number of records. The last CUT bytes of A are left out.
feed() { # FILE-A FILE-B INTO-A INTO-B PIECE CUT
    perl -e '
        my ($fa, $fb, $ta, $tb, $piece, $cut) = @ARGV;
        $SIG{PIPE} = "IGNORE";
        my (@in, @out);
        for my $p ([$fa, $ta], [$fb, $tb]) {
            open(my $i, "<:raw", $p->[0]) or die; local $/; push @in, scalar <$i>;
            open(my $o, ">>:raw", $p->[1]) or die; $o->autoflush(1); push @out, $o;
        }
        substr($in[0], length($in[0]) - $cut) = "" if $cut;
        my @at = (0, 0);
        while ($at[0] < length $in[0] || $at[1] < length $in[1]) {
            for my $k (0, 1) {
                print { $out[$k] } substr($in[$k], $at[$k], $piece) if $at[$k] < length $in[$k];
                $at[$k] += $piece;
            }
        }' "$@"
}

# --- whole files: what all that follows is compared with -----------------------------------------------------------------------
# shellcheck disable=SC2086
{
expect 0 '' "$qd" sync "$a" "$b" $follow --idle-s 0 --every-s 0.25 --progress json --json "$dir/whole.json"
of clock "$log" >"$dir/whole"
grep -q '"event":"found"\|tags info' "$log" && say "a warning about sound recordings: $(cat "$log")"
[ "$(of lock "$log" | wc -l)" = 1 ] || say "no lock, or several"
[ "$(wc -l <"$dir/whole")" -ge 12 ] || say "only $(wc -l <"$dir/whole") lines of 4 s"

# The clock of each line against the true one. Standard deviations of each line are those of least squares; the fit takes the longest memory
# that agrees with shorter ones within 2 sd, which may pull it by as much: 6 sd, and a tick (3.9 ps) by which the true line is rounded.
# Frequency: the drift's error over the memory that the line says is not stated, so of a parabola through T >= 0.25 s of 3,000 pairs a
# second of 140 ps: sd at the end 140 ps sqrt(192 / n) / T = 0.0026 ppm, six of these.
true_base=$(sed -n 's/^ *"base": \([0-9]*\),/\1/p' "$dir/link/truth.json")
true_offset=$(sed -n 's/^  "offset_ps": \([0-9.]*\),/\1/p' "$dir/link/truth.json")
for m in time_s offset_ps offset_sd_ps frequency_ppm pairs seconds sigma_ps; do member $m <"$dir/whole" >"$dir/$m"; done
paste -d ' ' "$dir/time_s" "$dir/offset_ps" "$dir/offset_sd_ps" "$dir/frequency_ppm" "$dir/pairs" "$dir/seconds" "$dir/sigma_ps" |
    awk -v base="$true_base" -v offset="$true_offset" 'NF != 7 { bad = "a line lacks something: " $0 }
        { tb = $1 * 1e12 - $2; d = $2 - offset - 4e-6 * (tb - base * 3.90625); f = $4 - 4
          if (d < 0) d = -d; if (f < 0) f = -f
          if (d > 6 * $3 + 3.9 || $3 > 40) bad = bad " offset " d " ps, sd " $3 ": " $0
          if (f > 0.016) bad = bad " frequency: " $0
          pairs += $5; seconds += $6; n++; sigma += $7 }
        # jitter: sqrt(240^2 + 220^2) / 2.355 = 138 ps and 2 of rounding, known to 1 %; the background and 3 sigma take 10 % at most
        END { sigma /= n; if (sigma < 120 || sigma > 155) bad = bad " jitter " sigma
          if (bad != "" || n < 12) { print bad; exit 1 } }' || say "the clock that was followed is not the true one"
grep -q '"end": "both ended"' "$dir/whole.json" || say "how it ended is not in the record"
grep -q '"lost": 0' "$dir/whole.json" || say "a lock was lost"
expect 0 'coincidences' "$qd" sift "$a" "$b" --format a1-54 --clock "$dir/whole.json" --window-ps 1000 --device ref --out "$dir/sifted" --json "$dir/sift.json"
# Pairs a second as sift counts them over all of 4.001 s, by displaced windows. Lines but the first and last, which are not fitted throughout,
# have a part of the same pairs, some 11,000: 4 / sqrt(11,000) = 3.8 %; 3 sigma leave 0.3 % out; sift's window less.
sifted=$(sed -n 's/^  "coincidences": \([0-9]*\),/\1/p' "$dir/sift.json")
paste -d ' ' "$dir/pairs" "$dir/seconds" | sed '1d;$d' | awk -v all="$sifted" '{ p += $1; s += $2 }
    END { r = p / s / (all / 4.001); if (r < 0.955 || r > 1.045) { print "pairs: " r " of those that sift has"; exit 1 } }' || say "pairs a second"

# What is wrong with a recording is told once, as it shows: B's last five records stand at place 1000.
[ "$(grep -c '"found": \[\]' "$dir/whole.json")" = 2 ] && [ "$(grep -c '"whole": true' "$dir/whole.json")" = 2 ] || say "the record of sound recordings"
{ head -c 8000 "$b"; tail -c 40 "$b"; tail -c +8001 "$b" | head -c -40; } >"$dir/jump"
expect 0 "warning: $dir/jump: time goes back by a millisecond or more 1 times" "$qd" sync "$a" "$dir/jump" $follow --idle-s 0 --progress json --json "$dir/jump.json"
[ "$(grep -c 'tags info' "$log")" = 1 ] && [ "$(of found "$log" | grep -c '"station":"B","found":\["time goes back.*"\]')" = 1 ] && grep -q '"jump_event": 1005' "$dir/jump.json" ||
    say "a jump: $(cat "$log")"

# One side is dark for a second. Each line has each side's own rate over its time: what the files have a second where they have events, 5 sd
# of counting in each of some 30 lines.
dark() { # IN OUT: without the events of its second 1.5 to 2.5
    perl -e 'my ($in, $out) = @ARGV; open(my $f, "<:raw", $in) or die; local $/; my @w = unpack("Q<*", <$f>); close $f;
        my $from = ($w[0] >> 10) + 1.5 * 256e9; my @kept = grep { my $t = ($_ >> 10) - $from; $t < 0 || $t >= 256e9 } @w;
        open($f, ">:raw", $out) or die; print $f pack("Q<*", @kept); close $f' "$@"
}
for side in 1 2; do
    cp "$a" "$dir/dark1"
    cp "$b" "$dir/dark2"
    dark "$dir/dark$side" "$dir/dark.part" && mv "$dir/dark.part" "$dir/dark$side"
    expect 0 '' "$qd" sync "$dir/dark1" "$dir/dark2" $search --idle-s 0 --every-s 0.25 --progress json
    of clock "$log" | perl -e '
        my ($side, @n) = @ARGV;
        my ($lines, $dark) = (0, 0);
        while (<STDIN>) {
            my ($at) = /"time_s":([0-9.]+)/; my ($for) = /"seconds":([0-9.]+)/; my @rate = /"rates":\[([0-9.e+-]+),([0-9.e+-]+)\]/ or die $_;
            $lines++;
            $first = $at - $for unless defined $first;
            for my $k (0, 1) { push @{$events[$k]}, $rate[$k] * $for }
            push @span, [$at - $for, $at];
        }
        my $start = shift @n; # of the recordings
        for my $k (0, 1) {
            for my $i (0 .. $lines - 1) {
                my ($low, $high) = ($span[$i][0], $span[$i][1]);
                my $lit = $high - $low;
                my ($from, $to) = ($start + 1.5, $start + 2.5);
                $from = $low if $from < $low; $to = $high if $to > $high;
                $lit -= $to - $from if $k == $side - 1 && $to > $from;
                next if $i == $lines - 1; # may go on behind the last event
                my $want = $n[$k] * $lit;
                die "line $i, side $k: $events[$k][$i] events, $want wanted in $lit s" if abs($events[$k][$i] - $want) > 5 * sqrt($want + 1) + 1;
            }
        }
        die "$lines lines" if $lines < 8' $side "$(od -An -tu8 -N8 "$a" | awk '{ printf "%.6f", $1 / 1024 / 256e9 }')" \
        "$(($(wc -c <"$a") / 8 / 4))" "$(($(wc -c <"$b") / 8 / 4))" || say "rates where side $side is dark: $(of clock "$log")"
done

# Text for people has as many lines; with -q none.
expect 0 'frequency 4\.0' "$qd" sync "$a" "$b" $follow --idle-s 0 --every-s 0.25
[ "$(grep -c ' pairs, residual' "$log")" = "$(wc -l <"$dir/whole")" ] || say "lines of text"
said=$("$qd" sync "$a" "$b" $follow --idle-s 0 -q 2>&1) || say "status with -q"
[ -z "$said" ] || say "-q says: $said"

# A frequency that grows by 0.4 ppm a second, as in a satellite's pass, locked and followed: between the times for which the truth has the
# offset it is a parabola. 6 sd, and two ticks, by which the truth is rounded at either end.
sed 's/^clock:.*/clock: {offset_ps: 3141592653, frequency_ppm: 4, drift_ppm_s: 0.4}/' "$dir/s.yaml" >"$dir/drift.yaml"
"$qd" simulate "$dir/drift.yaml" --duration-s 4.3 --seed 1 --out "$dir/drift" --device ref --progress none -q
expect 0 '' "$qd" sync "$dir/drift/alice.a1" "$dir/drift/bob.a1" $search --idle-s 0 --every-s 0.25 --progress json
of clock "$log" >"$dir/got"
for m in time_s offset_ps offset_sd_ps; do member $m <"$dir/got" >"$dir/$m"; done
paste -d ' ' "$dir/time_s" "$dir/offset_ps" "$dir/offset_sd_ps" | perl -e '
    open(my $f, "<", $ARGV[0]) or die;
    local $/ = undef;
    my $truth = <$f>;
    my ($start) = $truth =~ /"start": (\d+)/;
    my ($t, $x) = map { $truth =~ /"$_": \[([^\]]*)\]/ ? [split /,/, $1] : die } "t_s", "offset_ps";
    my $n = 0;
    for (split /\n/, <STDIN>) {
        my ($at, $offset, $sd) = split;
        my $s = $at - $start * 3.90625e-12;
        my ($i) = grep { $t->[$_] <= $s && $s < $t->[$_ + 1] } 0 .. $#$t - 1;
        next unless defined $i; # behind the last event
        my ($d, $all) = ($s - $t->[$i], $t->[$i + 1] - $t->[$i]);
        my $off = $offset - $x->[$i] - ($x->[$i + 1] - $x->[$i]) * $d / $all - 0.2e6 * $d * ($d - $all);
        die "off by $off ps, sd $sd, at $at s\n" if abs($off) > 6 * $sd + 8 || $sd > 60;
        $n++;
    }
    die "$n lines\n" if $n < 8;' "$dir/drift/truth.json" || say "a clock that drifts is not followed"

# --- FIFOs: the same lines however the bytes come --------------------------------------------------------------------------------
mkfifo "$dir/fa" "$dir/fb" # one writer that opens the one, then the other, and writes odd pieces in turn
feed "$a" "$b" "$dir/fa" "$dir/fb" 7777 0 &
expect 0 '' "$qd" sync "$dir/fa" "$dir/fb" $follow --every-s 0.25 --progress json
wait
of clock "$log" >"$dir/got"
cmp "$dir/whole" "$dir/got" || say "FIFOs give other lines than files"
(cat "$a" >"$dir/fa"; cat "$b" >"$dir/fb") & # all of A, then all of B: far more than pipes hold
expect 0 '' "$qd" sync "$dir/fa" "$dir/fb" $follow --every-s 0.25 --progress json
wait
of clock "$log" >"$dir/got"
cmp "$dir/whole" "$dir/got" || say "A first, then B gives other lines"
for f in alice bob; do "$qd" tags convert "$dir/link/$f.a1" --from a1-54 --to csv --out "$dir/$f.csv" -q; done # a header to wait for; lines
feed "$dir/alice.csv" "$dir/bob.csv" "$dir/fa" "$dir/fb" 9999 0 &
expect 0 '' "$qd" sync "$dir/fa" "$dir/fb" --format csv:tick-ps=125/32 ${follow#--format a1-54}  --every-s 0.25 --progress json
wait
of clock "$log" >"$dir/got"
[ "$(member offset_ps <"$dir/got" | wc -l)" -ge 12 ] || say "a table is not followed"

# --- a file that grows, and a signal -----------------------------------------------------------------------------------------------
# wait_for PATTERN FILE: until a line has it, 100 s at most
wait_for() {
    i=0
    while ! grep -q "$1" "$2" && [ $i -lt 2000 ]; do sleep 0.05; i=$((i + 1)); done
    [ $i -lt 2000 ] || say "no '$1' came"
}
: >"$dir/ga"
: >"$dir/gb"
"$qd" sync "$dir/ga" "$dir/gb" $follow --idle-s 600 --every-s 0.25 --progress json --json "$dir/grown.json" >"$dir/lines" 2>"$dir/said" &
pid=$!
feed "$a" "$b" "$dir/ga" "$dir/gb" 50001 13 # A ends within a record
wait_for '"time_s":4\.' "$dir/lines"
kill -INT $pid
wait $pid || say "status $? after SIGINT: $(cat "$dir/said")"
grep -q '"end": "stopped"' "$dir/grown.json" || say "the record after SIGINT"
of clock "$dir/lines" >"$dir/got"
head -n 10 "$dir/whole" >"$dir/want" # the last events wait for later ones
head -n 10 "$dir/got" | cmp "$dir/want" - || say "a file that grows gives other lines"
# before a lock a signal finds no clock
: >"$dir/none.a"
: >"$dir/lines"
"$qd" sync "$dir/none.a" "$dir/gb" $follow --idle-s 600 --progress json >"$dir/lines" 2>"$dir/said" &
pid=$!
sleep 0.3 # whenever it comes: before the handler stands, the signal kills
kill -TERM $pid
status=0
wait $pid || status=$?
[ $status = 6 ] || [ $status = 143 ] || say "status $status after SIGTERM without a lock: $(cat "$dir/said")"
[ $status = 143 ] || grep -q '"locked":false' "$dir/lines" || say "no record after SIGTERM"

# --- a writer that dies within a record; the other would go on ------------------------------------------------------------------------
feed "$a" "$b" "$dir/fa" "$dir/fb" 7777 200003 &
expect 0 'within a record' "$qd" sync "$dir/fa" "$dir/fb" $follow --every-s 0.25 --json "$dir/died.json"
wait
tr -d ' \n' <"$dir/died.json" | grep -q '"cut_bytes":\[5,0\]' || say "bytes of a cut record are not counted"
grep -q '"end": "[Aab]' "$dir/died.json" || say "who ended is not in the record"

# A ends; the writer of B lives on in silence.
feed "$a" "$b" "$dir/fa" "$dir/hold" 7777 0 & # its second file is a file here
(exec 3>"$dir/fb"; cat "$b" >&3; while kill -0 $$ 2>/dev/null && [ ! -e "$dir/enough" ]; do sleep 0.05; done) &
expect 0 '' "$qd" sync "$dir/fa" "$dir/fb" $follow --idle-s 0.2 --every-s 0.25 --progress json
: >"$dir/enough"
wait
of clock "$log" >"$dir/got"
cmp "$dir/whole" "$dir/got" || say "a silent FIFO gives other lines"

# --- lost, and found elsewhere --------------------------------------------------------------------------------------------------------
# 1.5 s of pairs, 1 s without, then B's clock is 3 ms on; 40,000 events a second, half of them pairs.
perl -e '
    srand(5);
    my ($per, @a, @b) = (256e9);
    for my $i (0 .. 159999) {
        my $t = rand() * 4 * $per;
        push @a, $t + $per;
        my $common = $i % 2 && ($t < 1.5 * $per || $t > 2.5 * $per);
        my $s = $common ? $t + (rand() + rand() - 1) * 150 : rand() * 4 * $per;
        push @b, $s + $per - ($common && $t > 2 * $per ? 4e-3 : 1e-3) * $per;
    }
    for my $side (\@a, \@b) {
        open(my $f, ">:raw", shift @ARGV) or die;
        print $f pack("Q<*", map { ($_ << 10) | 1 } sort { $a <=> $b } map { int($_ + 0.5) } @$side);
        close($f) or die;
    }' "$dir/ja" "$dir/jb"
expect 0 '' "$qd" sync "$dir/ja" "$dir/jb" $follow --idle-s 0 --every-s 0.25 --lost-s 0.6 --progress json
grep -o '"event":"lock"\|"event":"lost"' "$log" | tr -d '\n' >"$dir/events"
[ "$(cat "$dir/events")" = '"event":"lock""event":"lost""event":"lock"' ] || say "lock, lost, lock: $(cat "$dir/events")"
# 1 ms, then 4 ms: the pairs' jitter is 239 ps, 10,000 of them and more in a second: within 10 sd of a hundredth of it, and a tick
of lock "$log" | member offset_ps | awk '{ d = $1 - (NR == 1 ? 1e9 : 4e9); if (d < 0) d = -d; if (d > 28) { print "off by " d; exit 1 } n++ } END { exit n != 2 }' ||
    say "a lock is wrong: $(of lock "$log")"
grep -q '"fitted":false' "$log" || say "no line says that there were no pairs"

# --- no lock ------------------------------------------------------------------------------------------------------------------------
"$qd" simulate "$dir/s.yaml" --duration-s 2.5 --seed 4 --out "$dir/other" --device ref --progress none -q
feed "$a" "$dir/other/bob.a1" "$dir/fa" "$dir/fb" 7777 0 & # noise to each other
expect 6 'no lock' "$qd" sync "$dir/fa" "$dir/fb" $search --effort low --wait-s 2 --json "$dir/noise.json"
wait
grep -q '"locked": false' "$dir/noise.json" || say "noise locks"
grep -q 'accepted is 3.3e-11' "$log" || say "the fifth search may be wrong with p / 30: $(cat "$log")"
grep -q '"attempts": 5' "$dir/noise.json" || say "0.5, 1 and 2 s, and later halves, were not searched: $(grep attempts "$dir/noise.json")"
: >"$dir/empty"
expect 6 'station A has no events' "$qd" sync "$dir/empty" "$b" $follow --idle-s 0
expect 6 'do not overlap' "$qd" sync "$a" "$b" $follow --idle-s 0 --offset-s 100
expect 6 'no lock' "$qd" sync "$a" "$b" $search --idle-s 0 --effort low --offset-s 1 --wait-s 1

# --- memory ends before the other begins: no writer waits for ever -----------------------------------------------------------------------
(cat "$a" >"$dir/fa"; cat "$b" >"$dir/fb") &
set +e
timeout 300 "$qd" sync "$dir/fa" "$dir/fb" $search --hold-events 65536 --effort low --json "$dir/small.json" >"$log" 2>&1
status=$?
set -e
wait
case $status in 0 | 6) ;; *) say "status $status with little memory"; cat "$log" ;; esac
grep -q 'B lagged behind' "$dir/small.json" || say "dropped events are not told"

# --- halves of records in the other order: told at the 64th, while the writers live on; a file, at its end -------------------------------
perl -e 'print pack("N*", map { unpack("N2", pack("Q>", $_)) } map { (256000000 + 768003 * $_) << 10 | 1 } 0 .. 63)' | perl -0777 -e '
    local $/; my @w = unpack("N*", <STDIN>); print pack("V*", @w)' >"$dir/high" # the high word first, each little-endian
head -c 504 "$dir/high" >"$dir/high63"
(exec 3>"$dir/fa" 4>"$dir/fb"; cat "$dir/high63" >&3; cat "$b" >&4; sleep 1; tail -c 8 "$dir/high" >&3; i=0; while [ ! -e "$dir/told" ] && [ $i -lt 2000 ]; do sleep 0.05; i=$((i + 1)); done) 2>/dev/null &
expect 5 "halves of its records are not in the order of a1-54" "$qd" sync "$dir/fa" "$dir/fb" $search --effort low --json "$dir/halves.json"
: >"$dir/told"
wait
grep -q 'of its first 64 records, 63 are' "$log" && grep -q 'Next: read it as a1-54-swapped$' "$log" || say "the other order in a FIFO: $(cat "$log")"
for part in what cause likely next; do grep -q "\"$part\": \".\{10,\}\"" "$dir/halves.json" || say "the other order in a FIFO: no $part"; done
expect 5 'of its first 63 records, 62 are' "$qd" sync "$dir/high63" "$b" $follow --idle-s 0

# --- bad input, usage ---------------------------------------------------------------------------------------------------------------------
expect 5 'is a pipe' "$qd" sync "$dir/fa" "$b" --format a1-54
expect 5 'is a directory' "$qd" sync "$dir" "$b" $follow
expect 5 'cannot open' "$qd" sync "$dir/missing" "$b" $follow
expect 2 'the same FIFO' "$qd" sync "$dir/fa" "$dir/fa" $follow
for f in chronoxea auto; do expect 2 'while it grows' "$qd" sync "$a" "$b" --format $f --device ref --follow; done
expect 2 'goes with --follow' "$qd" sync "$a" "$b" --format a1-54 --every-s 1
expect 2 'does not go with --follow' "$qd" sync "$a" "$b" $follow --span-s 1
expect 2 'out of range' "$qd" sync "$a" "$b" $follow --hold-events 10
printf '0000000000000401\nno tag\n' >"$dir/text"
expect 5 'line 2' "$qd" sync "$dir/text" "$b" --format a1-54-text --device ref --follow --idle-s 0 --json "$dir/bad.json"
grep -q '"status": "failed"' "$dir/bad.json" || say "record of a failure"
printf 'time_ps,channel\n' >"$dir/coarse.a"
perl -e 'srand(1); my $t = 0; for (1 .. 40000) { $t += 1 + int(rand() * 40); print "$t,1\n" }' >"$dir/ticks"
cat "$dir/ticks" >>"$dir/coarse.a"
expect 5 'cannot be followed' "$qd" sync "$dir/coarse.a" "$dir/coarse.a" --format csv:unit=us:tick-ps=1000000 --max-offset-s 0.001 --device ref --follow --idle-s 0
}
[ $fails = 0 ]
