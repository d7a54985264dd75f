/* SPDX-License-Identifier: Apache-2.0 */
/** @file simulate.h  The link as integers, and what is drawn for what: the contract between the tables, the reference and the
 *  device path. Private to the room, its tests and its bench.
 *
 *  Three independent Poisson streams (splitting a Poisson process by independent marks is exact): pairs both of whose photons
 * reach a detector of the greatest efficiency of their arm, and for each station all other clicks, single photons and dark counts
 *  together. The number of the stream is the philox stream id. Draws of event `index` of cell `cell`, entity = cell << 32 |
 * index:
 *
 *      QD_STREAM_PAIR_BOTH   draw 0   gap | Alice's basis | Bob's basis | correlation (Eve's, when she measures)
 *                            draw 1   jitter A, top 12 bits | jitter B, top 12 bits | Eve measures? | bit 31 Alice's outcome, bit
 * 30 Eve's basis draw 2   accept A | accept B | Eve's copy arrives flipped? | - QD_STREAM_PAIR_A, _B  draw 0   gap | dark count?
 * | detector | jitter, top 12 bits
 *
 *  A word w decides "yes" with probability p when w < threshold(p), 0 <= threshold <= 2^32.
 *  The time of an event in its cell is the sum of the gaps up to it, cut to whole ticks; the cell ends with the first event at or
 *  past 2^28 ticks, which is discarded (the process has no memory). Jitter and delay are added, so a click falls into its cell or
 * the next one. Clicks of a station in order of (time, detector, cell, low) pass the dead time: one that follows a kept click of
 * the same detector by less than the dead time is lost. `low` is index+1 and the Eve flag << 31 for pairs, the dark flag << 31
 * else. */
#ifndef QD_LINK_SIMULATE_H
#define QD_LINK_SIMULATE_H

#include "qdistill/link.h"

enum {
    QD_GAP_BITS = 10,    /**< index bits of the gap table */
    QD_GAP_ZOOM = 16,    /**< entries below this one are drawn again from the bits that are left: U < 1/64 */
    QD_GAP_LEVELS = 3,   /**< looks into the table at most: the last one takes the entry it meets */
    QD_GAP_FRACTION = 3, /**< binary places of a tick in which gaps are added */
    QD_JITTER_BITS = 12, /**< index bits of the jitter table */
    QD_STREAMS = 3,      /**< both, A, B */
    /** The dead-time state of a cell is found in the cell before it without that one's first 2^24 ticks, into which events of
     *  the cell before that one may fall. Jitter and delay stay far below. */
    QD_GUARD_BITS = 24
};

/** Exponential gaps: an event's word u, with i = its top 10 bits and f the 22 below, gives (a[i] - (s[i] f >> 22 rounded)) <<
 * shift in 1/8 ticks; for i < 16 it gives `zoom` plus the gap of u << 6, up to two times. Each entry keeps the exact mean of its
 * part of the distribution. */
typedef struct qd_gap_table {
    uint32_t a[1 << QD_GAP_BITS], s[1 << QD_GAP_BITS];
    uint64_t zoom; /**< mean * ln 64, 1/8 ticks */
    uint64_t shift;
} qd_gap_table;

/** One station. Arrays by detector V, -, H, +. */
typedef struct qd_link_arm {
    uint64_t split;         /**< P(z) */
    uint64_t accept[4];     /**< efficiency over the greatest one of the arm */
    uint64_t dark;          /**< share of dark counts in the station's own stream */
    uint64_t photon_cut[4]; /**< a single photon's word below cut[d], not below cut[d-1]: detector d; not below cut[3]: lost */
    uint64_t dark_cut[4];   /**< the same of a dark count; the last is 2^32 */
    uint64_t delay[4];      /**< ticks */
    uint64_t dead;          /**< ticks */
    uint16_t jitter[1 << QD_JITTER_BITS]; /**< ticks, ascending */
} qd_link_arm;

/** tA - tB at every 1024th cell's start, 2^-16 ticks, and its growth over 1024 cells. */
typedef struct qd_delay_node {
    int64_t value, slope;
} qd_delay_node;

struct qd_link {
    qd_scenario scenario;
    uint64_t seed;
    qd_gap_table gap[QD_STREAMS];
    uint64_t cap[QD_STREAMS]; /**< events a cell may emit: mean + 8 sd + 64 */
    qd_link_arm arm[2];
    uint64_t equal[2][2];     /**< [Alice's basis][Bob's]: outcomes coincide, no attack */
    uint64_t eve;             /**< Eve measures */
    uint64_t eve_equal[2][2]; /**< [Alice's basis][Eve's, at 0 and 45 degrees]: outcomes coincide */
    uint64_t eve_flip[2][2];  /**< [Eve's basis][Bob's]: Bob's outcome differs from Eve's */
    qd_clock clock;
    uint64_t cells; /**< that the link holds for */
    qd_delay_node *node; /**< NULL: the clock is one straight line */
    uint64_t n_nodes;
    char sha256[65];
};

/** Line of sight and frequency at the start: QD_E_INPUT; @p name[0] stands in the error for the scenario's clock, @p name[1] for its pass. */
qd_status qd_link_delay_check(const char *const name[2], const qd_scenario *s, qd_error *err);
/** Fill in cells and nodes; the clock is there. QD_E_INTERNAL: no memory. */
qd_status qd_link_delay_create(qd_link *link, qd_error *err);
/** The latest time on Bob's clock that events of a cell may have: where the next one's begin. */
int64_t qd_link_cell_end(const qd_link *link, uint64_t cell);

/** Integer threshold of a probability: 0 and 1 are exact. */
uint64_t qd_link_threshold(double p);

/** Rates of a link's streams and detectors in 1/s, before dead time; what tables and expectation share. */
typedef struct qd_link_model {
    double eta[2];  /**< transmission times the greatest efficiency */
    double best[2]; /**< the greatest efficiency */
    double stream[QD_STREAMS];
    double dark[2];        /**< dark counts of all four */
    double detector[2][4]; /**< clicks of each detector before dead time */
    double pair[4][4];     /**< pairs that reach Alice's detector i and Bob's j, before dead time */
} qd_link_model;
void qd_link_model_of(const qd_scenario *s, qd_link_model *m);

/** cos of twice the angle between Alice's setting i and Bob's setting j, misalignment counted in. @p two: twice that in radians, as the
 *  caller rounds it; where no analysers are declared only it enters. */
double qd_link_cos2(const qd_scenario *s, double two, int i, int j);
/** The same of Alice's setting and Eve's, 0 or 45 degrees, and of Eve's and Bob's. */
double qd_link_cos2_alice_eve(const qd_scenario *s, int i, int e);
double qd_link_cos2_eve_bob(const qd_scenario *s, double two, int e, int j);

/** Ticks per second: 256e9. */
#define QD_LINK_TICKS_PER_S 256e9

/* Room-private halves of qd_simulate; arguments are checked by it. Append to tags and truth; on error it cuts them back. */
qd_status qd_simulate_ref(const qd_link *link, uint64_t first_cell, uint64_t n_cells, qd_tags *alice, qd_tags *bob,
                          qd_truth *truth, qd_error *err);
qd_status qd_simulate_cl(const qd_link *link, qd_device *dev, uint64_t first_cell, uint64_t n_cells, qd_tags *alice, qd_tags *bob,
                         qd_truth *truth, qd_error *err);

/* The errors that both paths give. */
qd_status qd_link_overflow(uint64_t cell, qd_error *err);
qd_status qd_link_no_pause(uint64_t cell, int station, qd_error *err);

/** Make room for @p n more ids of @p station. QD_E_INTERNAL: no memory. */
qd_status qd_truth_reserve(qd_truth *t, int station, uint64_t n, qd_error *err);
/** Sums of the ids [from, n) of @p station into darks, pair_tags, eve_tags. */
void qd_truth_count(qd_truth *t, int station, uint64_t from);

/** Inputs of the registry row "simulate": what qd_loop.run (bench) gets as its state. */
typedef struct qd_simulate_case {
    qd_link *link;
    uint64_t first, cells, room; /**< room: tags a side that the output holds; more are an error of the case */
} qd_simulate_case;
/** Lay tags and truth out as the row's output: counts and totals, then t, ids and masks of both stations, zero-filled to `room`.
 */
qd_status qd_simulate_output(const qd_simulate_case *c, const qd_tags *alice, const qd_tags *bob, const qd_truth *truth,
                             void *out, qd_error *err);

#endif
