/* SPDX-License-Identifier: Apache-2.0 */
/** @file sync.h  Parts of the clock search. Private to the room.
 *
 *  A line is a qd_clock under test; e = (tB on A's clock by the line) - tA is what is left of a pair's time difference. */
#ifndef QD_TIMETAG_SYNC_H
#define QD_TIMETAG_SYNC_H

#include "timetag/correlate.h"
#include "timetag/poisson.h"
#include "timetag/ticks.h"

/** Times of both sides, and the part of A's time axis in use. */
typedef struct qd_strip {
    const qd_tags *a, *b;
    int64_t from, to; /**< A's time, [from, to) */
} qd_strip;

/** The same line with its offset stated at another of B's times (rounded down to a tick). */
void qd_line_rebase(qd_clock *line, int64_t base);

enum { QD_FINE_BITS = 8 };
/** A straight line to 1/256 tick, as the fit needs it: tA = tB + offset + sub/256 + (tB - base) freq / 2^44. A qd_clock rounds the
 *  last term down, so over many events it runs half a tick below its own figures; here nothing is rounded but to 1/256. */
typedef struct qd_fine {
    qd_clock clock;
    int64_t sub; /**< 0..255 */
} qd_fine;
/** The line that @p clock follows in the mean over a long time. */
qd_fine qd_fine_of(const qd_clock *clock);
/** The clock in whole ticks whose mean over B's times [from, to] is nearest to the line: what its floor takes away is half a tick
 *  over many ticks of drift, anything from 0 to 1 over less. */
qd_clock qd_fine_clock(const qd_fine *fine, int64_t from, int64_t to);
/** (x freq / 2^44) in 1/256, rounded down; limits as qd_clock_drift. */
int64_t qd_fine_drift(int64_t x, int64_t freq);
/** Add 1/256 ticks to the offset. */
void qd_fine_shift(qd_fine *fine, int64_t by);
/** State the offset at another of B's times. */
void qd_fine_rebase(qd_fine *fine, int64_t base);
/** e of a pair in 1/256 ticks; |e| < 2^54. */
int64_t qd_fine_difference(const qd_fine *fine, int64_t ta, int64_t tb);

/** Call @p each for every pair of events with |e| <= reach and tA in [from, to). */
void qd_strip_walk(const qd_strip *s, const qd_clock *line, int64_t reach,
                   void (*each)(void *self, int64_t ta, int64_t tb, int64_t e), void *self);

/** Histogram of e: count[q + half] for floor(e / width) = q, -half <= q < half. count has 2 half cells, set to 0 first. */
void qd_strip_histogram(const qd_strip *s, const qd_clock *line, int64_t width, uint32_t half, uint64_t *count);

/** Events per second of A and B in the strip, seconds of a tick count. */
double qd_seconds(int64_t ticks, qd_tick tick);
uint64_t qd_events_between(const qd_tags *x, int64_t from, int64_t to);

/** One round of sharpening: 16 slices of the strip, bins of width h, all lines that stay within 16 bins of e = c h. */
typedef struct qd_round {
    int64_t h;
    double excess; /**< events in the best line's two bins, above the background */
    double lambda; /**< background there */
    uint64_t peak;
    double log_false; /**< ln of the chance of such a peak in this round */
    double second;    /**< excess of the best line that stays 4 bins away, over the best one's; 0 when it is not significant */
} qd_round;
/** Move the line onto the best one. QD_E_INTERNAL: no memory. */
void qd_sharpen_round(const qd_strip *s, qd_clock *line, qd_round *r);

/** Sharpen from bin width @p h over [from, to) to the jitter over [from, limit).
 *  @param rate   excess events per tick that the search saw, for comparison
 *  @return false: the peak did not sharpen (r holds the round that failed); true: *h is a bin that holds most of the peak, the
 * strip reaches the limit */
bool qd_sharpen(qd_strip *s, int64_t limit, qd_clock *line, int64_t *h, double rate, double *second, qd_round *r);

/** Result of the last fit. */
typedef struct qd_fit {
    double sigma;     /**< pair jitter, ticks */
    int64_t reach;    /**< half width of the fit's window, ticks */
    uint64_t inside;  /**< events in the window */
    double pairs;     /**< above the background */
    double lambda;    /**< background in the window */
    qd_fine line;     /**< base at the middle of the strip */
    double offset;    /**< ticks beyond `line` there, of which it is a rounding */
    double freq;      /**< frequency, not rounded */
    double offset_sd; /**< ticks, at mid-time */
    double freq_sd;   /**< ticks per tick */
} qd_fit;
/** Width and place of the peak within 16 h of the line, then least squares within 3 sigma, repeated until it stands. Leaves the
 * line's base at the middle of the strip. @return false: no peak above 6 standard deviations of the background. */
bool qd_fit_line(const qd_strip *s, qd_clock *line, int64_t h, qd_fit *fit);

/** What the search for a candidate found. */
typedef struct qd_candidate {
    bool found;     /**< passes */
    bool limited;   /**< all data were used (else: all slices that fit in memory) */
    qd_clock line;  /**< base at the middle of the slices */
    qd_strip strip; /**< what was correlated */
    int64_t bin;
    uint32_t slopes, slices;
    uint64_t peak;
    double lambda, dispersion, log_false, significance, needed, tests, second;
} qd_candidate;

/** Limits of the search in ticks and parts. */
typedef struct qd_search {
    int64_t max_offset;
    double max_rate; /**< |frequency| as a fraction */
    double log_limit;
} qd_search;
/** Correlate longer and longer stretches of [strip.from, limit) until a candidate passes. */
qd_status qd_search_candidate(qd_device *dev, const qd_strip *all, const qd_search *search, qd_candidate *out, qd_error *err);

#endif
