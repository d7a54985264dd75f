/* SPDX-License-Identifier: Apache-2.0 */
/* In costream's place: T2 and T1 files to T3 and T4 files, epoch by epoch. */
#include "pipeline/costream.h"

#include <inttypes.h>
#include <stdlib.h>

enum { ORDER_LEAST = 3, ORDER_MOST = 20 };

static qd_status check(const qd_costream *c, qd_error *err) {
    if (c->protocol > 1)
        return qd_fail(
            err, QD_E_USAGE,
            "protocol %u is not spoken here||protocols are 0 (service: masks) and 1 (BBM92)|leave this protocol to costream",
            c->protocol);
    if (c->order < ORDER_LEAST || c->order > ORDER_MOST || c->order_filter < 0)
        return qd_fail(err, QD_E_USAGE,
                       "width of %u bits, memory of %" PRId32 " epochs||widths are %d to %d, a memory is 0 or more", c->order,
                       c->order_filter, ORDER_LEAST, ORDER_MOST);
    for (int i = 0; i < 4; i++)
        if (c->skew[i] > (int64_t)1 << 40 || c->skew[i] < -((int64_t)1 << 40))
            return qd_fail(err, QD_E_USAGE, "a detector's delay of %" PRId64 " units of 1/8 ns||the limit is 2^40", c->skew[i]);
    return QD_OK;
}

/* A T2 file of another protocol: a refusal at the beginning, a file passed over later (stations change protocol on the way). */
static qd_status speaks(qd_costream_work *w, const qd_epoch_file *t2, bool *other, qd_error *err) {
    const qd_epoch_head *h = &t2->head;
    unsigned bits = w->c->protocol == 0 ? 4 : 1;
    *other = h->protocol != w->c->protocol || h->bits != bits;
    if (!*other) return QD_OK;
    if (w->result->epochs == 0)
        return qd_fail(err, QD_E_POLICY,
                       "%s: epoch %08" PRIx32 " is of protocol %" PRIu32 " with patterns of %" PRIu32
                       " bits|asked for is protocol %u, with %u|%s",
                       w->c->t2, h->epoch, h->protocol, h->bits, w->c->protocol, bits,
                       h->protocol > 1 ? "protocols 2 to 6 are not spoken here|leave this protocol to costream"
                                       : "chopper and this program were started with different -p|start both with the same -p");
    qd_epoch_say(w->wait, "%s: epoch %08" PRIx32 " is of protocol %" PRIu32 ": passed over", w->c->t2, h->epoch, h->protocol);
    w->result->damaged++;
    return QD_OK;
}

static qd_status one_epoch(qd_costream_work *w, qd_epoch_file *t2, qd_error *err) {
    int64_t base = 0;
    bool other;
    QD_TRY(speaks(w, t2, &other, err));
    if (other) return QD_OK;
    QD_TRY(qd_costream_base(w->c, t2->head.epoch, &base, err));
    for (uint64_t i = 0; i < t2->events.n; i++) t2->events.t[i] += base;
    w->meetings.n = 0;
    QD_TRY((w->c->one_to_one ? qd_costream_pair_mutual : qd_costream_pair_greedy)(w, t2->events.t, t2->events.n, err));
    return qd_costream_close(w, t2, err);
}

static qd_status run(qd_costream_work *w, qd_error *err) {
    const qd_costream *c = w->c;
    uint32_t epoch = c->first;
    while (!c->epochs || epoch - c->first < c->epochs) {
        qd_epoch_file t2 = {.entries = NULL};
        qd_epoch_found found = QD_EPOCH_NONE;
        QD_TRY(qd_epoch_await(c->t2, 2, epoch, w->wait, &t2, &found, err));
        uint32_t next = epoch + 1;
        if (found == QD_EPOCH_HERE) {
            qd_status st = one_epoch(w, &t2, err);
            qd_epoch_file_free(&t2);
            QD_TRY(st);
        } else if (found == QD_EPOCH_GAP) {
            bool any;
            QD_TRY(qd_epoch_next(c->t2, epoch, &next, &any, err));
            if (!any) continue; /* gone again */
            w->result->missing2 += next - epoch;
            qd_epoch_say(w->wait, "%s: no T2 files from %08" PRIx32 " to %08" PRIx32 ": passed over", c->t2, epoch, next - 1);
        }
        w->result->damaged += found == QD_EPOCH_DAMAGED;
        if (found == QD_EPOCH_NONE || w->t1.ended) {
            w->result->ended = found == QD_EPOCH_NONE || !c->epochs || next - c->first < c->epochs;
            if (w->result->ended)
                qd_epoch_say(w->wait, "no file of epoch %08" PRIx32 " in %s within %g s: ended",
                             found == QD_EPOCH_NONE ? epoch : w->t1.epoch, found == QD_EPOCH_NONE ? c->t2 : c->t1,
                             w->wait->seconds);
            return QD_OK;
        }
        epoch = next;
    }
    return QD_OK;
}

qd_status qd_costream_run(qd_device *dev, const qd_costream *c, const qd_epoch_wait *wait, qd_costream_result *result,
                          qd_error *err) {
    *result = (qd_costream_result){.epochs = 0};
    qd_costream_work w = {
        .c = c, .wait = wait, .dev = dev, .result = result, .order = c->order, .order_256 = (int32_t)c->order << 8};
    QD_TRY(check(c, err));
    QD_TRY(qd_greedy_start(&w.pairing, &c->pairing, -((int64_t)1 << 32), err));
    w.t1.epoch = c->first;
    w.histogram_left = c->histogram_epochs;
    w.histogram = calloc(25, sizeof *w.histogram);
    qd_status st = w.histogram ? run(&w, err) : qd_fail(err, QD_E_INTERNAL, "no memory for a histogram");
    free(w.histogram);
    qd_greedy_meetings_free(&w.meetings);
    qd_t1_free(&w.t1);
    return st;
}
