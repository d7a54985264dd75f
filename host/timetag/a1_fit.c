/* SPDX-License-Identifier: Apache-2.0 */
/* Whether raw events can be in the order of words that was named. In the wrong one the low word is the top of the time: a step of 125 ps
 * becomes one of 2^29 ns, half a second. A recording with an event every half second has steps that long in both orders, as its low words
 * differ too, by anything. The format is not guessed by this: it is only refused where its reading makes no sense and the other one's does. */
#include <inttypes.h>
#include <unistd.h>
#include "qdistill/core/secret.h"
#include "timetag/a1.h"

enum { PIECE = 1 << 12, LEAST = 16 };

static void step(qd_a1_steps *s, uint64_t w) {
    const int64_t range = (int64_t)1 << 49, quarter_second = 2000000000, t = (int64_t)(w >> 15);
    int64_t d = t - s->time, round = d < -range / 2 ? d + range : d >= range / 2 ? d - range : d;
    s->n++;
    s->fine += (w & 0x1c00) != 0;
    s->coarse += (w & 0x6000) != 0;
    s->far += s->any && (round >= quarter_second || round <= -quarter_second);
    s->any = true;
    s->time = t;
}

/* The names of both widths with that order, as far as the low bits leave both: fine time fills bits 10 to 14 alike, a phase ends at 12. */
static void name(qd_tag_info *info, const qd_a1_steps *s, bool high_first) {
    const qd_tag_format f49 = {.bits = 49, .swapped = !high_first}, f54 = {.bits = 54, .swapped = high_first};
    if (!s->coarse) info->fit[info->fits++] = qd_tag_format_name(&f49);
    if (s->coarse || !s->fine) info->fit[info->fits++] = qd_tag_format_name(&f54);
}

/* What has been seen so far: refused, or noted. */
static qd_status judge(qd_tag_reader *r, qd_a1_orders *o, qd_error *err) {
    const bool high_first = qd_a1_high_first(&r->format);
    const qd_a1_steps *named = &o->order[high_first], *other = &o->order[!high_first];
    if (named->n < LEAST || named->far < named->n / 2 || other->far > other->n / 16) return QD_OK;
    o->settled = true;
    name(&r->info, other, !high_first);
    if (r->format.any_channel) return QD_OK; /* who looks into the file is told */
    const qd_tag_info *i = &r->info;
    return qd_fail(err, QD_E_INPUT,
                   "%s: the halves of its records are not in the order of %s|of its first %" PRIu64 " records, %" PRIu64
                   " are a quarter of a second or more from the one before; in the other order, %" PRIu64
                   "|the card's program swapped them (-X), or it is a file of the other width|read it as %s%s%s",
                   r->path, qd_tag_format_name(&r->format), named->n, named->far, other->far, i->fit[0], i->fits > 1 ? " or " : "",
                   i->fits > 1 ? i->fit[1] : "");
}

/* Early, since the times of a wrong order soon leave their range, and who waits for a slow link waits for so many; and once more of many,
 * where the first few are something else. */
qd_status qd_a1_fit(qd_tag_reader *r, qd_a1_orders *o, const uint8_t *block, size_t n, bool last, qd_error *err) {
    for (size_t i = 0; i < n && !o->settled; i++) {
        uint64_t w = qd_a1_load(block + i * QD_A1_BYTES, false);
        bool late = ++o->records == QD_A1_LOOK_LATE;
        if (w) {
            step(&o->order[0], w);
            step(&o->order[1], w << 32 | w >> 32);
        }
        if (late || (w && o->order[0].n == QD_A1_LOOK_EARLY)) QD_TRY(judge(r, o, err));
        o->settled = o->settled || late;
    }
    return last && !o->settled ? judge(r, o, err) : QD_OK;
}

/* What cannot be read here fails when it is read. */
qd_status qd_a1_fit_file(qd_tag_reader *r, qd_error *err) {
    uint8_t block[PIECE * QD_A1_BYTES];
    qd_a1_orders orders = {.records = 0};
    qd_status st = QD_OK;
    for (off_t at = 0; st == QD_OK && !orders.settled; at += (off_t)sizeof block) {
        ssize_t got = pread(fileno(r->f), block, sizeof block, at);
        bool last = got < (ssize_t)sizeof block;
        st = qd_a1_fit(r, &orders, block, got > 0 ? (size_t)got / QD_A1_BYTES : 0, last, err);
        if (last) break;
    }
    qd_wipe(block, sizeof block);
    return st;
}
