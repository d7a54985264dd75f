/* SPDX-License-Identifier: Apache-2.0 */
/* In splicer's place: what a T4 file names in a T3 file. */
#include <inttypes.h>
#include "pipeline/epoch_files.h"

static bool fits(const qd_splicer *s, uint32_t epoch, const qd_epoch_file *t3, const qd_epoch_file *t4,
                 const qd_epoch_wait *wait) {
    unsigned bits = s->protocol == 0 ? 4 : 1, reply = s->protocol == 0 ? 4 : 0;
    if (t3->head.bits != bits || t4->head.bits != reply) {
        qd_epoch_say(wait,
                     "epoch %08" PRIx32 ": entries of %" PRIu32 " and %" PRIu32 " bits, protocol %u has %u and %u: passed over",
                     epoch, t3->head.bits, t4->head.bits, s->protocol, bits, reply);
        return false;
    }
    uint32_t n = t4->head.length;
    if (n && t4->index[n - 1] >= t3->head.length) {
        qd_epoch_say(wait, "epoch %08" PRIx32 ": the T4 file names entry %" PRIu32 " of a T3 file of %" PRIu32 ": passed over",
                     epoch, t4->index[n - 1], t3->head.length);
        return false;
    }
    return true;
}

static qd_status write_kept(const qd_splicer *s, uint32_t epoch, const qd_epoch_file *t3, const qd_epoch_file *t4,
                            qd_error *err) {
    uint32_t n = t4->head.length;
    uint8_t *kept = qd_secret_alloc(n);
    if (!kept) return qd_fail(err, QD_E_INTERNAL, "no memory for %" PRIu32 " entries", n);
    for (uint32_t i = 0; i < n; i++) {
        uint8_t own = t3->entries[t4->index[i]];
        kept[i] = s->protocol == 0 ? (uint8_t)(own << 4 | t4->pattern[i]) : own;
    }
    qd_status st = qd_epoch_write_t3(s->out, epoch, t4->head.anchored, s->protocol == 0 ? 8 : 1, kept, n, err);
    qd_secret_free(kept);
    return st;
}

static qd_status remove_used(const qd_splicer *s, uint32_t epoch, qd_error *err) {
    if (s->remove3) QD_TRY(qd_epoch_remove(s->t3, epoch, err));
    return s->remove4 ? qd_epoch_remove(s->t4, epoch, err) : QD_OK;
}

qd_status qd_splicer_epoch(const qd_splicer *s, uint32_t epoch, const qd_epoch_wait *wait, uint64_t *kept, bool *done,
                           qd_error *err) {
    qd_epoch_file t3 = {.entries = NULL}, t4 = {.entries = NULL};
    qd_epoch_found found = QD_EPOCH_NONE;
    *done = false;
    *kept = 0;
    if (s->protocol > 1)
        return qd_fail(
            err, QD_E_USAGE,
            "protocol %u is not spoken here||protocols are 0 (service: masks) and 1 (BBM92)|leave this protocol to splicer",
            s->protocol);
    QD_TRY(qd_epoch_await(s->t4, 4, epoch, wait, &t4, &found, err));
    const char *where = s->t4;
    qd_status st = QD_OK;
    if (found == QD_EPOCH_HERE) {
        where = s->t3;
        st = qd_epoch_await(s->t3, 3, epoch, wait, &t3, &found, err);
    }
    if (st == QD_OK && found == QD_EPOCH_HERE && fits(s, epoch, &t3, &t4, wait)) {
        *kept = t4.head.length;
        st = write_kept(s, epoch, &t3, &t4, err);
        *done = st == QD_OK;
    } else if (st == QD_OK && (found == QD_EPOCH_GAP || found == QD_EPOCH_NONE)) {
        qd_epoch_say(wait, "%s: no file of epoch %08" PRIx32 ": passed over", where, epoch);
    }
    if (*done) st = remove_used(s, epoch, err);
    qd_epoch_file_free(&t3);
    qd_epoch_file_free(&t4);
    return st;
}
