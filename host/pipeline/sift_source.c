/* SPDX-License-Identifier: Apache-2.0 */
#include "sift_source.h"

#include <string.h>

qd_status qd_sift_source_read(qd_sift_source *s, const qd_sift_options *o, int side, qd_error *err) {
    const uint64_t before = s->kept.n;
    QD_TRY(qd_tag_reader_read(s->reader, o->chunk, &s->kept, &s->end, err));
    if (s->kept.n == before) return QD_OK;
    qd_tags fresh = {.n = s->kept.n - before, .t = s->kept.t + before, .mask = s->kept.mask + before, .tick = s->kept.tick};
    qd_sift_singles_add(s->singles, fresh.mask, fresh.n);
    s->tags += fresh.n;
    qd_dead_filter(&s->dead, o->dead_ps, &fresh);
    s->kept.n = before + fresh.n;
    if (side != QD_ALICE) return QD_OK;
    QD_TRY(qd_announce(fresh.t, fresh.n, fresh.tick, o->announce_ps, fresh.t, err));
    return qd_announced_ticks(fresh.t, fresh.n, fresh.tick, o->announce_ps, fresh.t, err);
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
    qd_tags_destroy(&s->kept);
    *s = (qd_sift_source){0};
}
