/* SPDX-License-Identifier: Apache-2.0 */
#include "sift_source.h"

#include <string.h>

qd_status qd_sift_source_read(qd_sift_source *s, const qd_sift_options *o, int side, qd_error *err) {
    s->fresh.n = 0;
    QD_TRY(qd_tag_reader_read(s->reader, o->chunk, &s->fresh, &s->end, err));
    qd_sift_singles_add(s->singles, s->fresh.mask, s->fresh.n);
    s->tags += s->fresh.n;
    qd_dead_filter(&s->dead, o->dead_ps, &s->fresh);
    if (side == QD_ALICE) {
        QD_TRY(qd_announce(s->fresh.t, s->fresh.n, s->fresh.tick, o->announce_ps, s->fresh.t, err));
        QD_TRY(qd_announced_ticks(s->fresh.t, s->fresh.n, s->fresh.tick, o->announce_ps, s->fresh.t, err));
    }
    QD_TRY(qd_tags_reserve(&s->kept, s->kept.n + s->fresh.n, err));
    if (s->fresh.n) {
        memcpy(s->kept.t + s->kept.n, s->fresh.t, s->fresh.n * sizeof *s->kept.t);
        memcpy(s->kept.mask + s->kept.n, s->fresh.mask, s->fresh.n);
    }
    s->kept.n += s->fresh.n;
    return QD_OK;
}

void qd_sift_source_drop(qd_sift_source *s, uint64_t n) {
    if (!n) return;
    memmove(s->kept.t, s->kept.t + n, (s->kept.n - n) * sizeof *s->kept.t);
    memmove(s->kept.mask, s->kept.mask + n, s->kept.n - n);
    s->kept.n -= n;
    s->first_id += n;
}

void qd_sift_source_close(qd_sift_source *s) {
    if (s->reader) qd_tag_reader_close(s->reader);
    qd_tags_destroy(&s->fresh);
    qd_tags_destroy(&s->kept);
    *s = (qd_sift_source){0};
}
