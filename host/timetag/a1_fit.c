/* SPDX-License-Identifier: Apache-2.0 */
/* Whether raw events can be in the order of words that was named. In the wrong one the low word is the top of the time: a step of 125 ps
 * becomes one of 2^29 ns, half a second. A recording with an event every half second has steps that long in both orders, as its low words
 * differ too, by anything. The format is not guessed by this: it is only refused where its reading makes no sense and the other one's does. */
#include <inttypes.h>
#include <unistd.h>
#include "qdistill/core/secret.h"
#include "timetag/a1.h"

enum { LOOKED = 1 << 16, PIECE = 1 << 12, LEAST = 16 };

/* What the steps between records come to, in units of 125 ps, round the range of 2^49 of them. */
typedef struct steps {
    bool any;
    int64_t time;
    uint64_t n, far;       /* records but those of zeros; steps of 1/4 s or more */
    uint64_t fine, coarse; /* records with a bit of 10..12, of 13..14 */
} steps;

static void step(steps *s, uint64_t w) {
    const int64_t range = (int64_t)1 << 49, quarter_second = 2000000000, t = (int64_t)(w >> 15);
    int64_t d = t - s->time, round = d < -range / 2 ? d + range : d >= range / 2 ? d - range : d;
    s->n++;
    s->fine += (w & 0x1c00) != 0;
    s->coarse += (w & 0x6000) != 0;
    s->far += s->any && (round >= quarter_second || round <= -quarter_second);
    s->any = true;
    s->time = t;
}

/* The first records, in both orders; those of a stream have not come yet, and what cannot be read here fails when it is read. */
static void look(const qd_tag_reader *r, steps orders[2]) {
    uint8_t block[PIECE * QD_A1_BYTES];
    for (off_t at = 0; at < (off_t)LOOKED * QD_A1_BYTES; at += (off_t)sizeof block) {
        ssize_t got = pread(fileno(r->f), block, sizeof block, at);
        for (ssize_t i = 0; i + QD_A1_BYTES <= got; i += QD_A1_BYTES) {
            uint64_t w = qd_a1_load(block + i, false);
            if (w == 0) continue;
            step(&orders[0], w);
            step(&orders[1], w << 32 | w >> 32);
        }
        if (got < (ssize_t)sizeof block) break;
    }
    qd_wipe(block, sizeof block);
}

/* The names of both widths with that order, as far as the low bits leave both: fine time fills bits 10 to 14 alike, a phase ends at 12. */
static void name(qd_tag_info *info, const steps *s, bool high_first) {
    const qd_tag_format f49 = {.bits = 49, .swapped = !high_first}, f54 = {.bits = 54, .swapped = high_first};
    if (!s->coarse) info->fit[info->fits++] = qd_tag_format_name(&f49);
    if (s->coarse || !s->fine) info->fit[info->fits++] = qd_tag_format_name(&f54);
}

qd_status qd_a1_fit(qd_tag_reader *r, qd_error *err) {
    steps orders[2] = {{.any = false}};
    const bool high_first = qd_a1_high_first(&r->format);
    look(r, orders);
    const steps *named = &orders[high_first], *other = &orders[!high_first];
    if (named->n < LEAST || named->far < named->n / 2 || other->far > other->n / 16) return QD_OK;
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
