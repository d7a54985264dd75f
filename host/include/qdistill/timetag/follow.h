/* SPDX-License-Identifier: Apache-2.0 */
/** @file follow.h  A clock whose frequency drifts, followed along the recordings. Comes with timetag.h. */
#ifndef QDISTILL_TIMETAG_FOLLOW_H
#define QDISTILL_TIMETAG_FOLLOW_H

#include <stdbool.h>
#include <stdint.h>
#include "qdistill/core.h"
#include "qdistill/core/json.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What following a clock came to. Reported in double; nothing here decides. */
typedef struct qd_follow_report {
    bool locked;        /**< pairs were found along the line; false: the line as given took all of B's times */
    uint64_t stretches; /**< of 2^26 ns (67 ms) of A's time with events of A */
    uint64_t unfitted;  /**< of these, without a fit of their own: the curve goes on as it was */
    uint64_t lost;      /**< times that pairs failed to appear for half a second and were searched anew, a time without events of A included */
    uint64_t wide; /**< fitted stretches in which one standard deviation of the pairs' times is above a third of the coincidence
                      window */
    double departure_ps; /**< greatest distance of the curve from the line given, at the middle of a cell */
    double drift_ppm_s;  /**< greatest drift of the frequency that was fitted, without its sign; of few pairs its noise */
    double sigma_ps;     /**< the pairs' times about the curve, standard deviation */
    double pairs_per_s;  /**< pairs above the background, in the stretches that were fitted */
} qd_follow_report;

/** B's times on A's clock: of B's events in memory the first n. Owns t. */
typedef struct qd_times {
    uint64_t n, cap;
    int64_t *t;
} qd_times;

/** First of them that is not before @p t (n if none). */
uint64_t qd_times_lower_bound(const qd_times *times, int64_t t);
/** Forget the first @p k, or all. */
void qd_times_drop(qd_times *times, uint64_t k);

/** What is known so far, and what must be read to go on. */
typedef struct qd_follow_need {
    int64_t until; /**< B's events before this time on A's clock have their times; INT64_MAX: all have */
    int64_t a, b;  /**< read on to A's time a, and B's time b (on his clock); what is there already is not asked for */
} qd_follow_need;

/** A clock that is followed.
 *
 *  A's time is cut into cells of 2^24 ns, at multiples of that and by nothing else; what comes out does not depend on how the
 * events were read, nor on a device. The offset tA - tB is a parabola of time: offset, frequency, drift of the frequency. At
 * first, and where pairs failed to appear, the parabola is searched near the line given: offsets within 22 and turns within 32 of
 * bins of half a window, 2, 8 and 32 windows, over 16 to 1024 cells, accepted by P_false = 1e-12 (Poisson). Then, a stretch of
 * four cells at a time, least squares over the pairs within 3 standard deviations of the curve, less the background (events
 * beside the window tell how many there are chance), over the longest of 4, 8, ... 1024 cells up to now that agrees with all
 * shorter ones. Each cell has the straight line of the parabola there. After a time without pairs what one search looks at ends where
 * the next begins, and after a gap in A's events the first begins at once: what comes back is found from where it does.
 *
 *  Holds on as long as the frequency drifts by up to 1 ppm a second and there are a few hundred pairs a second above the
 * background; a pair of 0.2 ns jitter a millisecond over 1 Mcount/s a side and 0.4 ppm a second, a satellite's pass, are well
 * within (measured: tests/test_follow.c). Where pairs are too few for a fit it keeps the line given. */
typedef struct qd_follow qd_follow;

/** @param line the clock as found, near the first events  @param reach half the coincidence window, ticks (qd_window_reach),
 * 0..2^29
 *  @param hold true: follow nothing, the line holds for all time
 *  @return QD_E_USAGE: out of range. QD_E_INTERNAL: no memory. */
qd_status qd_follow_create(const qd_clock *line, int64_t reach, bool hold, qd_follow **out, qd_error *err);
void qd_follow_destroy(qd_follow *follow);
/** Go on as far as the events in memory allow.
 *  @param a, b  events in memory, in order: all from the first on that lies qd_follow_margin before need->until (at first: all).
 * Only n, cap and t are read. In the two-station protocol A's are the announced times in ticks
 *  @param a_end, b_end no more will come
 *  @param on_a  B's times on A's clock, appended: on_a->t[i] belongs to b->t[i]. In order; a caller that forgets events of B
 * takes them off here too
 *  @return QD_E_USAGE: times more than 2^54 ticks from the line's base. QD_E_INTERNAL: no memory. */
qd_status qd_follow_advance(qd_follow *follow, const qd_tags *a, bool a_end, const qd_tags *b, bool b_end, qd_times *on_a,
                            qd_follow_need *need, qd_error *err);
/** Where the clock's base lies within the data, events before it are followed backward, from where it was found. In this order:
 *  qd_follow_seek until *done, with events from A's time @p t on (the base; and qd_follow_margin before); nothing found: begin
 * anew with qd_follow_advance on another qd_follow. qd_follow_turn. qd_follow_retreat until *done: events in memory reach up to
 * need->a, and B's to need->b, and back as far as there is room: more than before when the last call came no further (need->a is
 * as it was). qd_follow_join. Then qd_follow_advance from the first event on. Errors as there. @{ */
qd_status qd_follow_seek(qd_follow *follow, const qd_tags *a, bool a_end, const qd_tags *b, bool b_end, int64_t t,
                         qd_follow_need *need, bool *done, qd_error *err);
bool qd_follow_found(const qd_follow *follow);
/** *back: the same clock on its way to earlier times. The caller destroys it. */
qd_status qd_follow_turn(const qd_follow *follow, qd_follow **back, qd_error *err);
/** @param a_first, b_first  the events in memory begin with the first of all */
qd_status qd_follow_retreat(qd_follow *back, const qd_tags *a, bool a_first, const qd_tags *b, bool b_first, qd_follow_need *need,
                            bool *done, qd_error *err);
/** Put what @p back found before what @p follow will find. */
qd_status qd_follow_join(qd_follow *follow, const qd_follow *back, qd_error *err);
/** @} */
/** Ticks before need->until for which events of both must stay in memory. */
int64_t qd_follow_margin(const qd_follow *follow);
const qd_follow_report *qd_follow_about(const qd_follow *follow);
/** Where the clock is now. Reported in double; nothing here decides. */
typedef struct qd_follow_now {
    int64_t at;           /**< A's time up to which it is known, ticks: an end of a stretch; INT64_MIN: nothing yet */
    bool held;            /**< it is the line given and stays so: `hold`, or ticks too coarse to follow (256 ns and more) */
    bool locked;          /**< pairs were found along it */
    bool over;            /**< A has ended */
    double offset_ps;     /**< tA - tB at A's time `at`, fitted, not rounded to ticks */
    double offset_sd_ps;  /**< its standard deviation, statistical, at the end of the last fit */
    double frequency_ppm; /**< of tA - tB against tB there */
    double drift_ppm_s;
    double coasted_s;       /**< A's time with events since the last fit */
    double pairs;           /**< above the background, in all fitted stretches so far */
    double residual_sum_ps; /**< sum over them of the pairs' times by the clock, tB - tA */
    double square_sum_ps2;  /**< sum of their squares */
    qd_clock clock;         /**< the line of the last 17 ms, its base in their middle */
} qd_follow_now;
void qd_follow_state(const qd_follow *follow, qd_follow_now *now);
/** For a record:
 * {"followed":..,"stretches":..,"unfitted":..,"lost":..,"departure_ps":..,"drift_ppm_s":..,"sigma_ps":..,"pairs_per_s":..}. The
 * caller owns it. NULL: no memory. */
json_t *qd_follow_json(const qd_follow_report *report);

#ifdef __cplusplus
}
#endif

#endif
