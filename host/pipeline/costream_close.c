/* SPDX-License-Identifier: Apache-2.0 */
/* The end of an epoch: which meetings are kept, the T3 and T4 files, the width of the next T4 file's differences. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "pipeline/costream.h"

enum { ORDER_LEAST = 3, ORDER_MOST = 20, T3_MAX = 1500000, T4_MAX = 4000000, HALF_HISTOGRAM = 64, COLUMNS = 25 };

/* Value of a single click of the T1 side in its basis, -1 for none or several. */
static int value_of(uint8_t mask, unsigned *basis) {
    switch (mask) {
        case QD_DET_V:
            return *basis = 0, 1;
        case QD_DET_MINUS:
            return *basis = 1, 1;
        case QD_DET_H:
            return *basis = 0, 0;
        case QD_DET_PLUS:
            return *basis = 1, 0;
        default:
            return -1;
    }
}

/* Entries of the T3 and T4 files of a coincidence; false: it is not kept. */
static bool sift(unsigned protocol, uint8_t mask1, uint8_t pattern2, uint8_t *entry3, uint8_t *pattern4) {
    if (protocol == 0) {
        *entry3 = (uint8_t)(pattern2 << 4 | mask1);
        *pattern4 = mask1;
        return true;
    }
    unsigned basis = 0;
    int value = value_of(mask1, &basis);
    if (value < 0 || basis != pattern2) return false;
    *entry3 = (uint8_t)value;
    *pattern4 = 0;
    return true;
}

/* ---- Histogram of differences ------------------------------------------------------------------------------------ */

static int single(unsigned mask) {
    for (int i = 0; i < 4; i++)
        if (mask == 1u << i) return i;
    return -1;
}

static unsigned column_of(unsigned mask1, unsigned mask2) {
    int own = single(mask1), other = single(mask2);
    if (own >= 0 && other >= 0) return (unsigned)(4 * other + own);
    for (int x = 0; x < 2; x++) { /* neighbouring detectors of one side at once: stations of six detectors */
        if (own >= 0 && mask2 == 3u << x) return (unsigned)(16 + 4 * x + own);
        if (other >= 0 && mask1 == 3u << x) return (unsigned)(16 + 4 * x + other);
    }
    return COLUMNS - 1;
}

static qd_status histogram(qd_costream_work *w, const qd_epoch_file *t2, qd_error *err) {
    if (!w->c->histogram_epochs) return QD_OK;
    for (uint64_t i = 0; i < w->meetings.n; i++) {
        const qd_greedy_meeting *m = &w->meetings.m[i];
        if (m->d >= -HALF_HISTOGRAM && m->d < HALF_HISTOGRAM)
            w->histogram[column_of(m->mask1, t2->events.pattern[m->index])][m->d + HALF_HISTOGRAM]++;
    }
    if (--w->histogram_left) return QD_OK;
    w->histogram_left = w->c->histogram_epochs;
    qd_status st = w->c->histogram(w->c->self, t2->head.epoch, w->histogram, err);
    memset(w->histogram, 0, COLUMNS * sizeof *w->histogram);
    return st;
}

/* ---- Width of T4's differences ----------------------------------------------------------------------------------- */

/* Near-optimal width log2(mean difference) + 2.2117, followed with a memory of order_filter epochs. All in integers but the
 * logarithm, in sixteenths and 256ths of a bit, as costream does it: its widths are in its log lines. */
static void follow_order(qd_costream_work *w, uint64_t events2, uint64_t kept) {
    if (!kept || !w->c->order_filter) return;
    uint64_t mean = events2 / kept < 8 ? 8 : events2 / kept;
    int32_t best = (int32_t)((log((double)(float)mean) / log(2.0) + 2.2117) * 16.0);
    w->order_256 += (best * 16 - w->order_256) / w->c->order_filter;
    int32_t order = w->order_256 >> 8;
    w->order = (unsigned)(order < ORDER_LEAST ? ORDER_LEAST : order > ORDER_MOST ? ORDER_MOST : order);
}

/* ---- Files ------------------------------------------------------------------------------------------------------- */

typedef struct reply {
    uint8_t *entry3; /* key material */
    uint32_t *index;
    uint8_t *pattern4;
    uint32_t n;
} reply;

static qd_status fill(qd_costream_work *w, const qd_epoch_file *t2, reply *r, qd_costream_epoch *e, qd_error *err) {
    int64_t window = w->c->pairing.window;
    r->entry3 = qd_secret_alloc(w->meetings.n);
    r->index = malloc((w->meetings.n + 1) * sizeof *r->index);
    r->pattern4 = malloc(w->meetings.n + 1);
    if (!r->entry3 || !r->index || !r->pattern4)
        return qd_fail(err, QD_E_INTERNAL, "no memory for %" PRIu64 " coincidences", w->meetings.n);
    for (uint64_t i = 0; i < w->meetings.n; i++) {
        const qd_greedy_meeting *m = &w->meetings.m[i];
        if (m->d <= -window || m->d >= window) continue;
        e->coincidences++;
        if (!sift(w->c->protocol, m->mask1, t2->events.pattern[m->index], &r->entry3[r->n], &r->pattern4[r->n])) continue;
        r->index[r->n++] = m->index;
    }
    e->kept = r->n;
    return QD_OK;
}

static qd_status write_files(qd_costream_work *w, const qd_epoch_file *t2, const reply *r, qd_costream_epoch *e, qd_error *err) {
    const qd_costream *c = w->c;
    bool masks = c->protocol == 0, any = r->n != 0;
    uint32_t epoch = t2->head.epoch;
    /* Own bits first: were the reply there alone after a crash, the other station would keep bits that this one lost. */
    if (any || c->empty == QD_EMPTY_BOTH) {
        QD_TRY(qd_epoch_write_t3(c->t3, epoch, t2->head.anchored, masks ? 8 : 1, r->entry3, r->n, err));
        e->wrote3 = true;
        if (r->n > (masks ? T3_MAX : 8 * (uint64_t)T3_MAX))
            qd_epoch_say(w->wait, "T3 of epoch %08" PRIx32 " is longer than qcrypto's programs can read", epoch);
    }
    if (!any && c->empty == QD_EMPTY_NOTHING) return QD_OK;
    const qd_epoch_head h = {
        .type = 4, .anchored = t2->head.anchored, .epoch = epoch, .length = r->n, .order = w->order, .bits = masks ? 4 : 0};
    uint8_t *bytes = NULL;
    size_t n = 0;
    QD_TRY(qd_t4_encode(&h, r->index, masks ? r->pattern4 : NULL, &bytes, &n, err));
    qd_status st = qd_epoch_write(c->t4, epoch, bytes, n, false, err);
    free(bytes);
    e->wrote4 = st == QD_OK;
    if (n > T4_MAX) qd_epoch_say(w->wait, "T4 of epoch %08" PRIx32 " is longer than qcrypto's programs can read", epoch);
    return st;
}

qd_status qd_costream_close(qd_costream_work *w, const qd_epoch_file *t2, qd_error *err) {
    reply r = {.n = 0};
    qd_costream_epoch e = {
        .epoch = t2->head.epoch, .events2 = t2->events.n, .events1 = w->t1.file_events, .accidentals = w->accidentals};
    e.shift = w->pairing.pulled / 4096;
    qd_status st = fill(w, t2, &r, &e, err);
    if (st == QD_OK) st = write_files(w, t2, &r, &e, err);
    qd_secret_free(r.entry3);
    free(r.index);
    free(r.pattern4);
    QD_TRY(st);
    follow_order(w, e.events2, e.kept);
    e.order = w->order;
    w->result->epochs++;
    w->result->kept += e.kept;
    w->result->coincidences += e.coincidences;
    w->result->accidentals += e.accidentals;
    QD_TRY(w->c->closed(w->c->self, &e, err));
    QD_TRY(histogram(w, t2, err));
    if (w->c->remove2) QD_TRY(qd_epoch_remove(w->c->t2, e.epoch, err));
    return qd_t1_tidy(w, err);
}
