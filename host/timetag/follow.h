/* SPDX-License-Identifier: Apache-2.0 */
/** @file follow.h  Parts of the clock that is followed. Private to the room.
 *
 *  A's time axis is cut into cells of 2^24 ns (16.8 ms), four of which are a stretch, at multiples of a cell and nothing else. The curve
 *  is x = tA - tB as a parabola of A's time; a cell's straight line has the curve's mean value and slope there, so it is off by at most
 *  a T^2/12 in the middle and twice that at the ends, for a drift a of the frequency: 10 ps at 0.4 ppm a second. All that moves the curve is
 *  integer arithmetic. */
#ifndef QD_TIMETAG_FOLLOW_H
#define QD_TIMETAG_FOLLOW_H

#include "timetag/sync.h"

enum {
    QD_CELL_BITS = 24,      /**< of a cell, ns */
    QD_STRETCH = 4,         /**< cells that are fitted at a time */
    QD_MEMORY = 1024,       /**< cells that a fit can reach back, a power of two: 17 s */
    QD_MEMORY_LEVEL = 10,   /**< its logarithm */
    QD_CURVE_BITS = 24,     /**< binary places of the curve's figures, in 1/256 ticks */
    QD_FIND_LEVELS = 7,     /**< of the search for pairs: over 16, 32, ... 1024 cells */
    QD_FOLLOW_EVENTS = 1 << 24 /**< of A, in the longest search */
};

/** x(k) = c0 + c1 (k - k0) + c2 (k - k0)^2: the mean over cell k of tA - tB, less `reference` ticks; units of 2^-24 / 256 ticks. */
typedef struct qd_curve {
    int64_t k0;
    __int128 c0;
    int64_t c1, c2;
} qd_curve;

/** What is remembered of a cell: pairs within the window of a line, around which they scatter by e = (tB by the line) - tA. Times in 1/256
 *  ticks. */
typedef struct qd_cell {
    int64_t k; /**< number of the cell; the slot is free unless `used` */
    bool used;
    int64_t y;       /**< the line's mean value, less `reference` */
    int64_t n, side; /**< events within the window, and within as much again twice, beyond it */
    int64_t e;       /**< sum of e */
    __int128 ee;     /**< sum of e^2 */
} qd_cell;

/** A difference of times in a cell. */
typedef struct qd_sample {
    int32_t e; /**< by the line of `first` the samples were taken with, 1/256 ticks */
    int32_t v; /**< place in the cell from its middle, 2^-20 cells */
} qd_sample;

/** Takes B's events whose time by the clock is before `to`, as far as no earlier piece took them. */
typedef struct qd_piece {
    int64_t to;
    qd_clock clock;
} qd_piece;

struct qd_follow {
    qd_clock given;  /**< as it was handed in */
    qd_tick tick;
    int64_t reach;   /**< half the coincidence window, ticks */
    bool hold;       /**< the given line is all there is */
    bool locked;     /**< pairs were found along the curve; false: `given` holds */
    int dir;         /**< +1, -1: the way through time */
    int64_t next;    /**< stretch that is next */
    int64_t found_at; /**< first stretch of the range in which pairs were found first */
    bool begun, over, fresh; /**< fresh: nothing was searched yet */
    int level;       /**< of the search that is due, or -1 */
    int level_end;   /**< first level that is too much for now */
    int64_t reference;
    qd_curve curve;
    int64_t window;  /**< half width in which events count, 1/256 ticks */
    int64_t found_window; /**< as the search set it */
    int usual;       /**< logarithm of the cells that a fit needs, of late */
    int tending;     /**< cells since it was enough, negative: more than enough */
    uint64_t coasted; /**< stretches since the last fit */
    bool sought;     /**< pairs were searched since then */
    bool after_gap;  /**< A had no events before the stretch that is next: where it does not fit, pairs are searched from it on */
    qd_cell memory[QD_MEMORY];

    qd_sample *sample;
    size_t n_samples, cap_samples;
    size_t first[QD_MEMORY + 1]; /**< samples by cell of the range at hand */
    qd_fine line[QD_MEMORY];     /**< the lines that they were taken with */

    qd_piece *piece; /**< pieces not yet used up */
    size_t n_pieces, cap_pieces;
    qd_clock tail;   /**< of the latest piece */
    int64_t until;   /**< end of the last one that is used up */
    int64_t last;    /**< of B's times on A's clock, the one given out last */
    qd_follow_report report;
    double sum_pairs, sum_square, sum_seconds; /**< of the fitted stretches */
    double sum_e;    /**< of their events within the window: the background cancels; 1/256 ticks */
    double sd_end;   /**< of the curve at the end of the last fit, 1/256 ticks */
};

/** First tick of a cell; the cell of a time. */
int64_t qd_cell_start(qd_tick tick, int64_t k);
int64_t qd_cell_of(qd_tick tick, int64_t t);

/** State the curve at another cell: the same curve. */
void qd_curve_move(qd_curve *c, int64_t k0);
/** Mean value over cell @p k, and slope per cell there; both in the curve's units. */
__int128 qd_curve_value(const qd_curve *c, int64_t k);
int64_t qd_curve_slope(const qd_curve *c, int64_t k);
/** The same in 1/256 ticks. */
int64_t qd_curve_units(const qd_curve *c, int64_t k);
/** The curve that is the given line, stated at cell @p k; sets the reference. */
void qd_follow_line(qd_follow *f, int64_t k);
/** The straight line of cell @p k, its base in the middle. */
qd_fine qd_follow_cell(const qd_follow *f, int64_t k);
/** The same in whole ticks. */
qd_clock qd_follow_clock(const qd_follow *f, int64_t k);

/** First of B's events whose time on A's clock by @p line is not before @p t. */
uint64_t qd_first_by(const qd_clock *line, const qd_tags *b, int64_t t);
/** Differences of the cells [lo, lo + n) along the curve as it is, up to @p reach 1/256 ticks. QD_E_INTERNAL: no memory. */
qd_status qd_follow_collect(qd_follow *f, const qd_tags *a, const qd_tags *b, int64_t lo, int n, int64_t reach, qd_error *err);
/** Count them within the window of the curve as it is now, into the memory. */
void qd_follow_measure(qd_follow *f, int64_t lo, int n);

/** A parabola through the last 2^level cells up to and with `lead`, on top of the curve. */
typedef struct qd_follow_fit {
    int level;
    bool stands;      /**< pairs stand out of the background, and there is a parabola through them */
    bool enough;      /**< and it says where the next stretch is */
    int64_t d[3];     /**< by powers of v = (2 delta + 1)/S - bins; see follow_fit.c */
    int bins, shift;
    double pairs;     /**< above the background */
    double events;    /**< in the windows */
    double variance;  /**< of a pair's e about the curve, (1/256 ticks)^2 */
    double at_end, sd_end, sd_start; /**< of the correction at either end, 1/256 ticks */
} qd_follow_fit;
/** One level. false: what is remembered is far from the curve. */
bool qd_follow_fit_level(const qd_follow *f, int64_t lead, int level, qd_follow_fit *fit);
/** The longest memory that agrees with all shorter ones; *least: the shortest that is enough. false: none is. */
bool qd_follow_choose(const qd_follow *f, int64_t lead, qd_follow_fit *fit, int *least);
/** Add the correction to the curve. false: the frequency would leave its range; nothing changed. */
bool qd_follow_correct(qd_follow *f, int64_t lead, const qd_follow_fit *fit);

/** Search the cells [lo, lo + n), n = 16 2^i, for pairs near the curve; *found: the curve, window and memory hold them. */
qd_status qd_follow_find(qd_follow *f, const qd_tags *a, const qd_tags *b, int64_t lo, int n, bool *found, qd_error *err);

/** Both sides' times must be where a clock holds: QD_E_USAGE. */
qd_status qd_follow_in_range(const qd_follow *f, const qd_tags *b, qd_error *err);
/** Start with the stretch of A's time @p t. false: too far from the clock's base, f->hold is set. */
bool qd_follow_start(qd_follow *f, int64_t t);
int64_t qd_stretch_of(const qd_follow *f, int64_t t);
/** B's time at which the curve reaches A's time @p t, nearly. */
int64_t qd_follow_b_time(const qd_follow *f, int64_t t);
/** A's times that the next step looks at; B's, qd_follow_margin around. */
void qd_follow_range(const qd_follow *f, int64_t *from, int64_t *to);
/** The next stretch, or the search from it on. */
qd_status qd_follow_step(qd_follow *f, const qd_tags *a, const qd_tags *b, qd_error *err);

#endif
