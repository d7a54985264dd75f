/* SPDX-License-Identifier: Apache-2.0 */
/** @file link.h  Simulation of a quantum link: a source, two arms, the detectors at their ends, an eavesdropper.
 *
 *  The link is a continuous-wave source of polarisation-entangled pairs (Poisson: Neumann et al., PRA 104:022406 (2021)) with two
 *  lossy arms, four detectors a station, and dead time after every click. It is simulated event by event with integers only, so
 *  device and reference give the same tags, byte for byte.
 *
 *  Time runs in ticks of 125/32 ps (the a1-54 tick) on Alice's clock and is cut into cells of 2^28 ticks (1.048576 ms).
 *  Everything a cell emits is drawn from philox(seed; stream, entity = cell << 32 | index, draw), so any range of cells can be
 *  made by itself and ranges of any length put together give what one long call gives.
 *
 *  Physical outcomes: a detector index is V 0, - 1, H 2, + 3; its mask is 1 << index (tags.h). The source is anti-correlated:
 *  with visibility 1 and no attack equal bases never give equal outcomes. */
#ifndef QDISTILL_LINK_H
#define QDISTILL_LINK_H

#include "qdistill/compute.h"
#include "qdistill/core.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Ticks of a cell are 2^QD_LINK_CELL_BITS. */
enum { QD_LINK_CELL_BITS = 28 };
/** Time of the start of cell 0 on Alice's clock, in ticks: 2^37, which is 2^29 ns or one qcrypto epoch. Bob's times, earlier or
 *  later by the clock offset, stay positive. */
#define QD_LINK_START ((int64_t)1 << 37)
/** Number of cells that random access can name. */
#define QD_LINK_MAX_CELLS ((uint64_t)1 << 25)

/* ---- Scenario ---------------------------------------------------------------------------------------------------- */

/** One arm with the station at its end. Arrays are by detector: V, -, H, +. */
typedef struct qd_arm {
    double loss_db;        /**< source to detectors, dB, 0..200; detector efficiency not included */
    double basis_split;    /**< probability that a photon goes to the z (HV) analyser, 0..1 */
    double efficiency[4];  /**< 0..1 */
    double dark_hz[4];     /**< dark and background counts, 1/s, 0..1e8 */
    double delay_ps[4];    /**< electronic delay against the others, ps, 0..100000 */
    double jitter_fwhm_ps; /**< Gaussian, full width at half maximum, of each detector, ps, 0..10000 */
    double dead_ps;        /**< dead time after a click of the same detector, non-paralysable, ps, 0..1e7 */
    qd_analysers analysers; /**< {0}: V 90, - 135, H 0, + 45 degrees */
} qd_arm;

/** A satellite that passes over Bob, with the source and Alice's station aboard: circular orbit, spherical Earth without rotation
 *  (host/link/delay.c has the formulas). Bob's photons come later by range/c: tA - tB falls while the satellite goes away. Of the light's
 *  way only the time is simulated: the arms' loss stays what the scenario says. */
typedef struct qd_pass {
    double altitude_km;       /**< 0: none; else 100..50000 */
    double max_elevation_deg; /**< at culmination, 1..90 */
    double start_s;           /**< the link starts so long after culmination (negative: before), -20000..20000, above the horizon */
} qd_pass;
/** Slant range, its growth, and elevation @p t seconds after the link's start. */
void qd_pass_at(const qd_pass *pass, double t, double *range_m, double *rate_m_s, double *elevation_deg);

/** A link. Filled by qd_scenario_load, or by hand and checked by qd_link_create. */
typedef struct qd_scenario {
    char name[64];
    double pair_rate_hz; /**< pairs the source emits, 1/s, 0..1e9 */
    double visibility;   /**< V of the source in both bases, 0..1: error rate (1-V)/2 */
    double
        misalignment_deg; /**< angle by which Bob's analysers are turned from where they should be, degrees, -45..45: matched-basis correlation -V cos 2a */
    qd_arm arm[2];        /**< Alice, Bob */
    int64_t clock_offset_ps;    /**< tA - tB when the link starts, ps, |offset| <= 5e11 */
    double clock_frequency_ppm; /**< growth of tA - tB with tB, ppm, -200..200: positive when Bob's clock runs slow */
    double clock_drift_ppm_s;   /**< growth of that frequency with time, ppm a second, -10..10; the frequency must stay within 200 ppm */
    qd_pass pass;
    double intercept_resend;    /**< fraction of the pairs whose photon to Bob is measured in a random basis and resent, 0..1 */
} qd_scenario;

/** Read a scenario. YAML keys, all optional but pair_rate_hz, visibility and arms:
 *
 *      name: TEXT                     # at most 63 bytes
 *      pair_rate_hz: 12.0e6
 *      visibility: 0.97
 *      misalignment_deg: 0
 *      arms:
 *        alice:                       # and bob, the same keys
 *          loss_db: 4
 *          basis_split: 0.5
 *          detectors:
 *            efficiency: 0.5          # of all four, or efficiency_each: [V, -, H, +]
 *            dark_hz: 200             # of each,     or dark_hz_each: [V, -, H, +]
 *            delay_ps_each: [0, 0, 0, 0]
 *            jitter_fwhm_ps: 100
 *            dead_ps: 30000
 *            angles_deg: [90, 135, 0, 45]   # of V, -, H, +; V and H, - and + 90 apart
 *      clock: {offset_ps: 0, frequency_ppm: 0, drift_ppm_s: 0}
 *      pass: {altitude_km: 500, max_elevation_deg: 90, start_s: 0}   # absent: no satellite
 *      eve: {intercept_resend: 0}
 *
 *  Defaults: what the lines above say, except loss_db 0, efficiency 1, dark_hz 0, jitter_fwhm_ps 0, dead_ps 0, name "".
 *  @return QD_E_INPUT: unreadable, unknown or repeated key, wrong type (with line and column), number out of range, both forms
 *  of a detector key, detectors saturated (see qd_link_create); @p s is all zero then. */
qd_status qd_scenario_load(const char *path, qd_scenario *s, qd_error *err);
/** The same from @p bytes bytes at @p text; @p name stands for the path in errors. */
qd_status qd_scenario_load_text(const char *name, const char *text, size_t bytes, qd_scenario *s, qd_error *err);
/** QD_E_INPUT when a value is out of its range or detectors are saturated; @p name stands for the scenario in the error. */
qd_status qd_scenario_check(const char *name, const qd_scenario *s, qd_error *err);
/** The longest dead time of the link's detectors in whole ps, rounded up: what a station declares. */
uint64_t qd_scenario_dead_ps(const qd_scenario *s);

/* ---- The link as integers ---------------------------------------------------------------------------------------- */

/** Thresholds, gap and jitter tables of a scenario and a seed. Immutable; threads may share it. */
typedef struct qd_link qd_link;

/** Build the tables. The scenario is copied. QD_E_INPUT as qd_scenario_check: also where a detector's rate r (1/s) and dead time
 *  t_d have r t_d > 1 and (cell length) r exp(-r t_d) < 40: such a detector finds no pause for a whole cell, and what it does in
 *  one range would depend on the range before. *out is NULL on error. */
qd_status qd_link_create(const qd_scenario *s, uint64_t seed, qd_link **out, qd_error *err);
void qd_link_destroy(qd_link *link);
const qd_scenario *qd_link_scenario(const qd_link *link);
uint64_t qd_link_seed(const qd_link *link);
/** Cells that cover @p seconds (rounded up, at least 1); the link runs for whole cells. */
uint64_t qd_link_cells(double seconds);
/** Seconds of @p cells cells. */
double qd_link_seconds(uint64_t cells);
/** SHA-256 of all thresholds and tables, 64 hexadecimal digits; borrowed from the link. For the manifest. */
const char *qd_link_tables_sha256(const qd_link *link);
/** The true clock model, exactly as Bob's times were made: tA = qd_clock_apply(clock, tB) up to the rounding of tB
 *  (qd_link_bob_time). Where the frequency drifts or a satellite passes: that of the first cell. */
qd_clock qd_link_clock(const qd_link *link);
/** The true clock model of events whose time on Alice's clock lies in @p cell: a straight line a cell. */
qd_clock qd_link_clock_at(const qd_link *link, uint64_t cell);
/** Time on Bob's clock of an event at @p ta on Alice's: the largest tB with qd_clock_apply(clock, tB) <= ta, the clock being its cell's, and
 *  not later than where the next cell begins. Exact integers. */
int64_t qd_link_bob_time(const qd_link *link, int64_t ta);
/** Cells that can be simulated: as long as the frequency stays within 200 ppm and the satellite above the horizon. */
uint64_t qd_link_cells_most(const qd_link *link);
/** QD_E_INPUT: the link does not hold for so many cells; the error says why. */
qd_status qd_link_covers(const qd_link *link, uint64_t cells, qd_error *err);

/** Number of cells a caller should ask for at once: about 2^21 events a call, at least 16 cells. */
uint64_t qd_link_batch(const qd_link *link);

/* ---- Simulation -------------------------------------------------------------------------------------------------- */

/** Ids of a tag in the truth: low 62 bits = number of the emitted pair, 0 for a single photon or a dark count. */
#define QD_TRUTH_EVE ((uint64_t)1 << 63)  /**< Eve measured and resent the photon of this pair */
#define QD_TRUTH_DARK ((uint64_t)1 << 62) /**< a dark count */
#define QD_TRUTH_PAIR (QD_TRUTH_DARK - 1)

/** What really happened, tag by tag, and totals by station (Alice, Bob). Owns the ids. {0} is empty. */
typedef struct qd_truth {
    uint64_t n[2], cap[2];
    uint64_t *id[2];          /**< [n] id of tag i of the station */
    uint64_t dead_dropped[2]; /**< clicks lost to dead time */
    uint64_t darks[2];        /**< dark counts among the tags */
    uint64_t pair_tags[2];    /**< tags that belong to a pair both of whose photons reached a detector */
    uint64_t eve_tags[2];     /**< of these, from pairs that Eve touched */
} qd_truth;
void qd_truth_destroy(qd_truth *t);

/** What a truth says about pairs with a tag on both sides. */
typedef struct qd_truth_pairs {
    uint64_t pairs;   /**< ids present on both sides */
    uint64_t touched; /**< of these, touched by Eve */
} qd_truth_pairs;
/** Count them over the whole truth, in time order as qd_simulate leaves it. QD_E_INTERNAL: no memory. */
qd_status qd_truth_join(const qd_truth *t, qd_truth_pairs *out, qd_error *err);

/** Simulate cells [first_cell, first_cell + n_cells): append all tags whose time on Alice's clock lies in them.
 *  @param dev    NULL: the reference. Same bytes on every device.
 *  @param alice,bob  appended in time order (equal times: by detector); tick 125/32 ps, one detector a tag; Bob's times are on
 *  his clock. Both must be empty or hold tags of this tick.
 *  @param truth  appended when not NULL: id[s][i] belongs to tag i when tags and truth started empty together.
 *  Memory grows with n_cells (17 bytes a tag, and the device's working set for a batch).
 *  @return QD_E_USAGE: range beyond QD_LINK_MAX_CELLS, tags of another tick. QD_E_INPUT: beyond what the link holds for
 *  (qd_link_covers). QD_E_INTERNAL: no memory; a cell emitted more events
 *  than its slots hold (mean + 8 standard deviations + 64) or a detector found no pause in the cell before: both have
 *  probabilities below 1e-12 a cell. QD_E_DEVICE, QD_E_BUILD. On error tags and truth are as long as before. */
qd_status qd_simulate(const qd_link *link, qd_device *dev, uint64_t first_cell, uint64_t n_cells, qd_tags *alice, qd_tags *bob,
                      qd_truth *truth, qd_error *err);

/* ---- Expectation ------------------------------------------------------------------------------------------------- */

/** Rates the model predicts (1/s), with dead time by detector. Double precision, for reports and tests only. */
typedef struct qd_link_rates {
    double single[2][4]; /**< clicks of each detector, after dead time: r/(1 + r t_d) */
    double pair[4][4];   /**< true coincidences by Alice's and Bob's detector, any time difference */
    double capture;      /**< share of them inside the window: erf(sqrt(ln 2) t_CC / t_FWHM) */
    double coincidences; /**< true ones inside the window, all bases */
    double accidentals;  /**< S_A S_B t_CC, all bases */
    double matched[2];   /**< all coincidences in matched bases, [z, x] */
    double qber[2];      /**< accidentals counted in; for V = 1 and full attack 1/4 */
    double qber_true[2]; /**< true coincidences alone: 1/4 + (1-V)/4 under full attack */
    double qber_kept[2]; /**< of pairs of events that passed the dead-time rule, accidentals counted in; valid where dead_ps is at
                              least every detector's dead time and the window */
    double qber_kept_true[2]; /**< the same without accidentals */
} qd_link_rates;

/* What a pair's outcomes are. The source is the singlet with white noise: of settings a and b outcomes are equal with probability (1 - V cos
 * 2(a-b))/2 each way, so E = -V cos 2(a-b), and S = 2 sqrt2 V at 0, 45 and 22.5, 67.5 degrees.
 *
 * Intercept-resend. Eve stops a share p of the photons on their way to Bob, measures each in one of two bases e and e + 45 degrees, at random, and
 * sends on what she found (e = 0 here: the bases of a key). Alice's outcome then has correlation -V cos 2(a-e) with hers, and hers cos 2(e-b) with
 * Bob's, independently: E = -V [cos 2(a-e) cos 2(b-e) + sin 2(a-e) sin 2(b-e)]/2 = -V cos 2(a-b)/2, at all a and b and for every e. So all
 * correlations fall by half of p:  V -> V (1 - p/2),  Q -> p/4 + ...,  S -> 2 sqrt2 V (1 - p/2), which is 2 at p = .586 and sqrt2 at p = 1, V = 1.
 * This is of two bases 45 degrees apart with equal chances. One basis e alone makes E a product, -V cos 2(a-e) cos 2(b-e), which depends on
 * e; S still stays at or below 2 for p = 1, whatever she does, since her record then decides Bob's outcome. */

/** The model of Neumann et al. by detector: single r = B eta + d, dead time as above; a pair is kept when both detectors are
 *  alive, whose joint probability is solved exactly (their dead times are correlated through the pairs). @p window_ps is the full
 *  width t_CC. Window capture assumes equal delays of the detectors. QD_E_INTERNAL: no memory. */
qd_status qd_link_expect(const qd_link *link, double window_ps, qd_link_rates *rates, qd_error *err);

/* ---- Two stations and nothing else ------------------------------------------------------------------------------- */

/** Tags at given rates, made fast, for studies and benches of the clock search: Poisson events of two stations, some with a partner at the
 *  other one, Gaussian jitter. The model of a link is above; this knows no source, no detector, no dead time. */
typedef struct qd_two_stations {
    double rate_a, rate_b; /**< events a second of A and B, pairs included; > 0 */
    double pairs;          /**< of them, with a partner: a second; 0 to the smaller rate */
    double seconds;        /**< on A's clock, from time 0 */
    double sigma_ps;       /**< standard deviation of a pair's time difference */
    double offset_s, ppm;  /**< tA - tB at B's time seconds/2, and its growth with tB; within 100 s: doubles hold no more to a ps */
    uint64_t most;         /**< events a side at most, the earliest; 0: as many as there are. At most 2^31 */
    uint64_t seed;
} qd_two_stations;

/** Share of the events that have a partner, as a search sees it: pairs / sqrt(rate_a rate_b). */
double qd_two_stations_heralding(const qd_two_stations *s);
/** Fill @p a and @p b (empty, ticks set), sorted, all masks 1. The draws are philox(seed; QD_STREAM_TWO_STATIONS); logarithms and cosines of
 *  them are the C library's, so another one may move single events by a tick. QD_E_INTERNAL: no memory. */
qd_status qd_two_stations_run(const qd_two_stations *s, qd_tags *a, qd_tags *b, qd_error *err);

/** Registry rows of this room, NULL-terminated. */
extern const qd_op *const qd_link_ops[];

#ifdef __cplusplus
}
#endif
#endif
