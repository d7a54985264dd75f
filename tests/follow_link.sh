# SPDX-License-Identifier: Apache-2.0
# For scripts about sync --follow, after expect.sh: 4 s of a link in $dir/link, and a way to look at what is told of it.
cat >"$dir/s.yaml" <<'END'
name: follow
pair_rate_hz: 1e6
visibility: 0.97
arms:
  alice: {loss_db: 9, detectors: {efficiency: 0.5, dark_hz: 300, jitter_fwhm_ps: 240, dead_ps: 30000}}
  bob: {loss_db: 9, detectors: {efficiency: 0.5, dark_hz: 300, jitter_fwhm_ps: 220, dead_ps: 30000}}
clock: {offset_ps: 3141592653, frequency_ppm: 4}
END
"$qd" simulate "$dir/s.yaml" --duration-s 4 --seed 3 --out "$dir/link" --device ref --progress none -q
# of EVENT FILE: the lines of that event
of() { grep "\"event\":\"$1\"" "$2" || true; }
