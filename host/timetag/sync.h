/* SPDX-License-Identifier: Apache-2.0 */
/** @file sync.h  Parts of the clock search. Private to the room.
 *
 *  A line is a qd_clock under test; e = (tB on A's clock by the line) - tA is what is left of a pair's time difference. */
#ifndef QD_TIMETAG_SYNC_H
#define QD_TIMETAG_SYNC_H

#include "qdistill/timetag.h"
#include "timetag/lines.h"
#include "timetag/poisson.h"
#include "timetag/ticks.h"

/** Where a line that moves by j bins is in slice k of so many, relative to mid-time: round(j (2k + 1 - slices) / (2 slices)),
 * halves up. */
static inline int32_t qd_line_shift(int32_t j, uint32_t k, uint32_t slices) {
    int64_t x = (int64_t)j * (2 * (int64_t)k + 1 - (int64_t)slices) + (int64_t)slices, m = 2 * (int64_t)slices;
    return (int32_t)((x - ((x % m) + m) % m) / m);
}

/** Events of A and B that are near to each other along a line, in A's order: what is left of a long recording for all fits after
 * the first look. */
typedef struct qd_near {
    uint64_t n, cap;
    int64_t (*pair)[2]; /**< [n] times of A and B */
} qd_near;

/** Times of both sides, and the part of A's time axis in use. */
typedef struct qd_strip {
    const qd_tags *a, *b;
    int64_t from, to;    /**< A's time, [from, to) */
    const qd_near *near; /**< NULL: all events; else only these pairs are seen */
} qd_strip;

/** The same line with its offset stated at another of B's times (rounded down to a tick). */
void qd_line_rebase(qd_clock *line, int64_t base);

enum { QD_FINE_BITS = 8 };
/** A straight line to 1/256 tick, as the fit needs it: tA = tB + offset + sub/256 + (tB - base) freq / 2^44. A qd_clock rounds
 * the last term down, so over many events it runs half a tick below its own figures; here nothing is rounded but to 1/256. */
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

/** Parts of a strip for work on several cores, by its events alone: 1, or QD_STRIP_PARTS where there are enough of them. */
enum { QD_STRIP_PARTS = 8 };
uint32_t qd_strip_parts(const qd_strip *s);
/** Part k of so many of a strip, which end where slices of a grid do. */
qd_strip qd_strip_part(const qd_strip *s, uint32_t k, uint32_t parts);

/** A line whose base is the middle of the strip as a clock in whole ticks over it. */
qd_clock qd_strip_clock(const qd_strip *s, const qd_fine *line);

/** Call @p each for every pair of events with |e| <= reach and tA in [from, to). */
void qd_strip_walk(const qd_strip *s, const qd_clock *line, int64_t reach,
                   void (*each)(void *self, int64_t ta, int64_t tb, int64_t e), void *self);

/** Pairs of a strip that are kept at most: half a gigabyte, and for a moment twice that. */
enum { QD_NEAR_MOST = 1 << 25 };
/** Collect the pairs with |e| <= reach of a strip, to be freed by qd_near_free. *fits false: they are more than QD_NEAR_MOST, and none is
 * kept. QD_E_INTERNAL: no memory; nothing is to be freed. */
qd_status qd_strip_collect(const qd_strip *s, const qd_clock *line, int64_t reach, qd_near *near, bool *fits, qd_error *err);
void qd_near_free(qd_near *near);

/** Histogram of e: count[q + half] for floor(e / width) = q, -half <= q < half. count has 2 half cells, set to 0 first. */
void qd_strip_histogram(const qd_strip *s, const qd_clock *line, int64_t width, uint32_t half, uint64_t *count);

/** Events per second of A and B in the strip, seconds of a tick count. */
double qd_seconds(int64_t ticks, qd_tick tick);
uint64_t qd_events_between(const qd_tags *x, int64_t from, int64_t to);
/** Events of B that are in the strip by a clock. */
uint64_t qd_events_of_b(const qd_strip *s, const qd_clock *clock);

/** Differences e by slice of the strip and bin of width h: bin q holds floor(e / h) = q - 48, or, where there are many, the
 * triangle two bins wide that sums of bins make. */
enum { QD_GRID_SLICES = 16, QD_GRID_BINS = 96 };
typedef struct qd_grid {
    uint32_t count[QD_GRID_SLICES][QD_GRID_BINS];
    uint64_t total;
} qd_grid;
/** QD_E_INTERNAL: no memory. */
qd_status qd_strip_grid(const qd_strip *s, const qd_clock *line, int64_t h, qd_grid *g, qd_error *err);

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
qd_status qd_sharpen_round(const qd_strip *s, qd_clock *line, qd_round *r, qd_error *err);

/** How far a peak sharpened. */
typedef struct qd_sharp {
    bool all;       /**< over all of the strip; false: the peak did not sharpen */
    bool first;     /**< in the first look at least, and the rest is of that: */
    qd_clock line;  /**< its line */
    int64_t h, to;  /**< its bin, which holds most of the peak; its end */
    double second;  /**< share of another peak near it there */
} qd_sharp;
/** Sharpen from bin width @p h over the strip, which may be a short beginning of what is there, to the jitter; then over more and
 * more of it, up to @p limit. sharp->all: *h is a bin that holds most of the peak, the strip reaches the limit; else r holds the
 * round that failed. QD_E_INTERNAL: no memory. */
qd_status qd_sharpen(qd_strip *s, int64_t limit, qd_clock *line, int64_t *h, double *second, qd_round *r, qd_sharp *sharp,
                     qd_error *err);

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

/** Sums over pairs: e their distance from the line, x their time from the origin in units. psi is e times the chance w that the pair is
 * a true one; its derivative by e says how far the line must move. */
typedef struct qd_weighed {
    const qd_fine *line;
    int64_t origin, reach; /**< ticks; beyond reach no pair counts */
    double unit;           /**< ticks */
    double variance;       /**< (1/256 ticks)^2 */
    double contrast;       /**< true pairs over strangers at the middle of the peak */
    double pairs, g[2], h[3], b[3]; /**< sums of w; of psi x^k, psi' x^k, psi^2 x^k */
} qd_weighed;
/** Sums of nothing yet. @param pairs, background  events in the peak, strangers a tick of e  @param sigma  ticks */
qd_weighed qd_weigh(const qd_fine *line, double sigma, double pairs, double background);
/** Add one pair (for qd_strip_walk). */
void qd_weigh_pair(void *weighed, int64_t ta, int64_t tb, int64_t rough);
/** h d = g: e = d[0] + d[1] x in the mean. false: h is not positive. */
bool qd_weighed_solve(const double h[3], const double g[2], double d[2]);
/** Variances of d, diagonal of h^-1 b h^-1: right also where the peak is no Gaussian. */
void qd_weighed_variances(const double h[3], const double b[3], double v[2]);

/** Make a least-squares line better where strangers are among the pairs: maximum likelihood of a Gaussian of fit->sigma on a flat
 * background, Newton's steps, the figures' deviations from the spread of what was summed. Pairs beside the peak count less, so that
 * of the peak's n pairs the line is known as well as the background allows; without one that is sigma / sqrt(n). Leaves line and
 * figures as they are when the steps lead nowhere.
 *  @param line  in, out: base at the middle of the strip  @param background strangers a tick of e */
void qd_fit_weigh(const qd_strip *s, qd_fine *line, double background, qd_fit *fit);

/** The fit's figures, not rounded, at mid-time and at B's time @p base; and the same line as a clock in whole ticks. */
qd_clock qd_report_clock(const qd_fit *fit, int64_t base, const qd_strip *s, qd_sync_report *r);

/** Limits of the search in ticks and parts, either way of the clock that is expected. */
typedef struct qd_search {
    qd_clock prior; /**< tick {0, 0}: offsets and frequencies about 0 */
    int64_t max_offset;
    double max_rate; /**< |frequency| as a fraction */
    int64_t smooth[2]; /**< of A and B, qd_bins_smooth */
    double log_limit;
    const volatile sig_atomic_t *stop; /**< of qd_sync_params */
} qd_search;
/** A clock holds within 2^54 ticks of its base: longer recordings are used so far. */
static const int64_t qd_longest = (int64_t)1 << 53;
/** qd_clock_apply for any time; beyond what a clock holds for, where it ends. */
static inline int64_t qd_clock_apply_near(const qd_clock *clock, int64_t tb) {
    int64_t x = clock->freq ? tb - clock->base : 0;
    return qd_clock_apply(clock, x > qd_longest ? clock->base + qd_longest : x < -qd_longest ? clock->base - qd_longest : tb);
}
/** B's time at which a clock says @p ta: to a tick. */
int64_t qd_clock_invert(const qd_clock *clock, int64_t ta);
/** First event of @p x that is not before @p at on A's clock. */
uint64_t qd_tags_from(const qd_tags *x, const qd_clock *clock, int64_t at);

/** A line that stands out: lag at the beginning of the strip, in bins; bins that it moves by; the sum of one lag or of two
 * neighbours. */
typedef struct qd_peak {
    int64_t lag;
    int32_t slope;
    bool two;
    double excess, score; /**< above the local mean; in standard deviations of such sums at slope 0 */
} qd_peak;

/** Peaks that a stage keeps at most; and where no budget of looks says how many. */
enum { QD_PEAKS = 8192, QD_PEAKS_USUAL = 1024 };
/** One stage of the search. */
typedef struct qd_stage {
    qd_strip strip;
    qd_clock prior;
    int64_t smooth[2]; /**< of A and B, qd_bins_smooth */
    uint32_t leaves, group;
    int64_t bin;        /**< ticks */
    int64_t half, lags; /**< lags -half .. half at mid-time are searched */
    double work;        /**< sums of a leaf and a lag */
    double tests;       /**< lines tested, in both widths */
    double lambda;      /**< events of chance in a line of one lag */
    bool counts;        /**< bins were counts: sums are events */
    const volatile sig_atomic_t *stop; /**< of the search */
    double budget;  /**< of looks at peaks, in sums of a leaf and a lag */
    uint32_t most;  /**< peaks that are kept, up to QD_PEAKS */
    qd_peak *peak;  /**< [n_peaks], of qd_search_stage */
    uint32_t n_peaks;
} qd_stage;
/** Whole bins in x >= 0, fewer than 2^50, by the reciprocal of a bin, which rounding leaves one off at most: of events at chance no
 * branch can be foreseen, and a division takes as long as the rest. */
static inline int64_t qd_bins_in(int64_t x, int64_t bin, double per_bin) {
    int64_t k = (int64_t)((double)x * per_bin), rest = x - k * bin;
    return k + (int64_t)(rest >= bin) - (int64_t)(rest < 0);
}
/** Bins with fewer events in the mean stay counts. */
static const double qd_bins_counts = 0.1;
/** Events in a bin of so many ticks; what counts of a mean are scaled by; the variance of the scaled ones, rounding included. */
double qd_bins_mean(const qd_tags *t, double bin);
double qd_bins_scale(double mean);
double qd_bins_variance(const qd_tags *t, double bin);
/** Ticks over which the rate is smoothed to see it change, a millisecond; 0: it is steady, or there are too few events to tell. */
int64_t qd_bins_smooth(const qd_tags *t);
/** Events of @p t, on the clock that is expected of them, as @p n bins of @p bin ticks from @p start, about their mean, or, for smooth > 0,
 *  about one that moves with the rate, where they are no counts. Bins without data on either side, and in gaps, hold zero.
 *  @param side   0 A, 1 B: rounding draws of their own
 *  @param[out] mean  events in a bin  @param[out] data  bins with data: [from, to)  @return to be freed; NULL: no memory */
int8_t *qd_bins_of(const qd_tags *t, const qd_clock *prior, int64_t start, int64_t bin, size_t n, uint32_t side, int64_t smooth,
                   double *mean, size_t data[2]);
/** The stage with so many leaves (a power of two) of at most so many slices. false: the data are too short for it. */
bool qd_stage_plan(const qd_strip *used, const qd_search *search, uint32_t leaves, uint32_t most_group, qd_stage *stage);
/** Whether a leaf's sum, known modulo a prime, still tells so many pairs in the strip on one line. */
bool qd_stage_holds(const qd_stage *stage, double pairs);
/** Stage @p rung of a search, 0 the first. false: the effort or the data end before it. */
bool qd_stage_rung(const qd_strip *used, const qd_search *search, qd_effort effort, uint32_t rung, qd_stage *stage);
/** The stage of most leaves that the effort allows, of @p bins at most. *more: there would be one of more bins. false: the data are
 * too short for one, or too long. */
bool qd_stage_most(const qd_strip *used, const qd_search *search, qd_effort effort, double bins, qd_stage *stage, bool *more);
/** The least share of events with a partner that the stages of a search see nearly always; infinity when there is no stage. */
double qd_search_weakest(const qd_strip *used, const qd_search *search, qd_effort effort);
/** Fill weakest and remedy of the report. */
void qd_search_remedies(const qd_strip *used, const qd_search *search, const qd_sync_params *p, qd_sync_report *r);
/** The remedies as a list for people; @p seconds is the length of the data. */
void qd_remedies_text(const qd_sync_report *r, const qd_sync_params *p, double seconds, char *out, size_t cap);
/** Correlate; the best lines by falling score, none the shadow of another, to be freed by qd_stage_free, also after an error. */
qd_status qd_search_stage(qd_device *dev, qd_stage *stage, qd_error *err);
void qd_stage_free(qd_stage *stage);
/** Lines that were taken to data kept back so far; whether one of them was confirmed there, and so was another one beside it. */
typedef struct qd_tries {
    double tried;
    bool twins;
} qd_tries;
/** Whether one of the next highest lines, which need not stand out by itself, is a clock as well, and another one than the line
 *  peak[found], whose clock is in @p r. Passed over are lines that meet it, that have less than qd_satellite of its excess, and that
 *  chance gives with a probability above exp(@p log_chance). *twin: its pairs over the clock's; else as it was. */
qd_status qd_other_clock(const qd_stage *st, uint32_t found, double log_chance, const qd_strip *all, const qd_strip *kept,
                         const qd_search *search, const qd_sync_params *p, qd_tries *tries, const qd_sync_report *r, double *twin,
                         qd_error *err);
/** Whether another clock of the same frequency is there as well: QD_E_POLICY, two candidates. Errors of qd_search_stage. */
qd_status qd_look_for_copies(qd_device *dev, const qd_strip *all, const qd_strip *kept, const qd_search *search, const qd_sync_params *p,
                             const qd_clock *clock, qd_tries *tries, qd_sync_report *r, qd_error *err);
/** Two lines come within two bins of each other somewhere: what one has, the other may have of it, or of a clock that drifts. */
bool qd_peaks_meet(const qd_peak *p, const qd_peak *q);
/** The line of a peak, its base at the middle of the strip. */
qd_clock qd_peak_line(const qd_stage *stage, const qd_peak *peak);
/** ln of the chance of such a peak in the stage, Gaussian or, of few events, Poisson: the greater. */
double qd_peak_log(const qd_stage *stage, const qd_peak *peak);
/** A clock that drifts, followed from a line at the beginning. */
typedef struct qd_bent {
    bool followed;     /**< to the end of what is used; false: the rest says nothing */
    uint64_t events;   /**< in data kept back, within 3 sigma of where the curve said that they must be before it saw them */
    double background; /**< events in such windows beside it, the mean of QD_BESIDE */
    double second;     /**< excess of another peak along the curve, over that of the clock */
    double drift;      /**< of the frequency, a tick: its change from the beginning to the end of what is used */
    qd_strip start;    /**< the beginning that the curve was first fitted to */
    int64_t end;       /**< of what was followed */
    qd_clock line;     /**< that touches the curve in the middle of the start; and its figures */
    qd_fit fit;
} qd_bent;
/** Follow a clock from @p line, whose peak bins of @p h hold, through @p used; then count through @p kept, each stretch along the
 *  curve as it was before it. @p widest: cells of the widest look for another peak. QD_E_INTERNAL: no memory. */
qd_status qd_bent_follow(const qd_strip *used, const qd_strip *kept, const qd_clock *line, int64_t h, int64_t widest, qd_bent *out,
                         qd_error *err);
/** Cells of width 2 reach about a line, added to @p count: cell 16 lies on it. */
void qd_beside(const qd_strip *s, const qd_clock *line, int64_t reach, uint64_t count[32]);
/** Of the cells that are not near cell 16 the mean. */
double qd_beside_mean(const uint64_t count[32]);
enum { QD_BESIDE = 25 };
/** Excess of another peak in a histogram whose middle is one, over that one's, each above the mean of what is around it: singles are
 *  not white. 0: none is significant. @p width of a cell, ticks: peaks nearer than QD_APART_PS are delays of detectors. */
enum { QD_LOOK_HALF = 1024, QD_APART_PS = 20000 };
double qd_second_peak(const uint64_t count[2 * QD_LOOK_HALF], int64_t width, qd_tick tick);
/** The same beside a line that was fitted to @p all, in cells from its jitter's width up to @p widest or as far as some million pairs
 *  show it, of @p all up to @p to. QD_E_INTERNAL: no memory. */
qd_status qd_beside_fit(const qd_strip *all, int64_t to, const qd_clock *line, const qd_fit *fit, int64_t widest, double *second,
                        qd_error *err);
/** Of a chance that has no limit of its own. */
static const double qd_default_p = 1e-9;
/** A second peak above this share of the first is a second candidate; afterpulses and reflections stay below. */
static const double qd_satellite = 0.25;
/** Refuse: the reason goes into the report, with the figures there into the error. QD_E_POLICY. */
__attribute__((format(printf, 5, 6))) qd_status qd_refuse(qd_sync_report *r, qd_no_lock cause, const char *next, qd_error *err,
                                                          const char *fmt, ...);
/** The same for a second peak of such a share. */
qd_status qd_two_candidates(double second, qd_sync_report *r, qd_error *err);
/** One peak of a stage on @p all less @p kept: a clock, or QD_E_POLICY with the reason. @p tries: of this search so far. QD_E_INTERNAL: no memory. */
qd_status qd_try_peak(const qd_stage *stage, const qd_peak *peak, const qd_strip *all, const qd_strip *kept, const qd_search *search,
                      const qd_sync_params *p, qd_tries *tries, qd_clock *clock, qd_sync_report *r, qd_error *err);
/** Cost of the first look at a peak, in sums of a leaf and a lag. */
double qd_look_cost(const qd_stage *stage, const qd_peak *peak);
/** Looks that may come within the stage's budget. */
uint32_t qd_looks_within(const qd_stage *stage);
/** ln of the chance that any of @p tests Gaussian sums exceeds @p score standard deviations, at most 0; and the score where it is
 * @p log_p. */
double qd_score_log(double tests, double score);
double qd_score_least(double tests, double log_p);

#endif
