/* SPDX-License-Identifier: Apache-2.0 */
/* What to do after a refusal, in the options of the modes that stand in for other programs: the search itself advises in those of `sync`. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "qcrypto_clock.h"

/* The first remedies, of one weakest link: options that both modes have, and more data in words of the mode. */
static void remedies(const qd_clock_options *o, const qd_sync_report *r, double seconds, char *out, size_t cap) {
    size_t n = 0;
    out[0] = 0;
    for (uint32_t i = 0; i < r->remedies && n < cap && r->remedy[i].eta == r->remedy[0].eta; i++) {
        const qd_remedy *x = &r->remedy[i];
        n += (size_t)snprintf(out + n, cap - n, i ? " or " : "; %.2g %%: ", 100 * x->eta);
        if (x->max_ppm > 0 && n < cap) n += (size_t)snprintf(out + n, cap - n, "--max-ppm %.3g", x->max_ppm);
        if (x->max_offset_s > 0 && n < cap) n += (size_t)snprintf(out + n, cap - n, "%s--max-offset-s %.3g", x->max_ppm > 0 ? " with " : "", x->max_offset_s);
        if (x->times > 0 && n < cap) n += (size_t)snprintf(out + n, cap - n, "%.3g s (%s)", x->times * seconds, o->more);
        if (x->max_ppm <= 0 && x->max_offset_s <= 0 && x->times <= 0 && n < cap) n += (size_t)snprintf(out + n, cap - n, "--effort high");
    }
}

void qd_clock_advise(const qd_clock_options *o, const qd_sync_report *r, double seconds, qd_error *err) {
    char *to = err->next, list[200];
    const size_t cap = sizeof err->next;
    switch (r->cause) {
    case QD_LOCK_NO_EVENTS: (void)snprintf(to, cap, "check the recording of that station: A is the T2 side, B the T1 side"); break;
    case QD_LOCK_NO_OVERLAP:
        (void)snprintf(to, cap, "check that both are of the same run (A is the T2 side, B the T1 side), and where they begin; offsets up to %.3g s were searched (%s)",
                       o->max_offset_s, o->range);
        break;
    case QD_LOCK_NO_PEAK:
        remedies(o, r, seconds, list, sizeof list);
        (void)snprintf(to, cap, "check that both are of the same run; this search sees links of which %.2g %% of the events have a partner, S_max %.3g within %.4g ppm%s",
                       100 * r->weakest, r->s_max, o->max_ppm, list);
        break;
    case QD_LOCK_TOO_SHORT:
    case QD_LOCK_NOT_CONFIRMED: (void)snprintf(to, cap, "give more data (%s), or steadier ones (%s)", o->more, o->where); break;
    case QD_LOCK_NOT_SHARP: (void)snprintf(to, cap, "widen %s, or give fewer data (%s) or steadier ones (%s)", o->frequency, o->more, o->where); break;
    case QD_LOCK_NO_WIDTH:
    case QD_LOCK_DRIFTS: (void)snprintf(to, cap, "give fewer data (%s), or steadier ones (%s)", o->more, o->where); break;
    case QD_LOCK_TWO_CANDIDATES:
        (void)snprintf(to, cap, "see whether one recording holds a copy of itself, or the source is pulsed; narrow the search (%s)", o->range);
        break;
    case QD_LOCK_OUTSIDE: (void)snprintf(to, cap, "widen %s or %s, and search again", o->range, o->frequency); break;
    case QD_LOCKED:
    case QD_NO_LOCKS: break;
    }
}
