/* SPDX-License-Identifier: Apache-2.0 */
/* The clock that sift follows. Where its base lies within the files it is found there, and followed backward to their beginning, which
 * takes reading them again: as many events at a time as `back` says, the latest first. */
#include <stdlib.h>
#include "sift_source.h"

enum { BACK = 1 << 24 }; /* far more than a station has in the stretch and the millisecond before a base */

typedef struct pass {
    const qd_sift_options *o;
    qd_sift_source s[2];
    uint64_t most; /* events of a side in memory */
    bool whole[2]; /* nothing was dropped */
} pass;

static void pass_close(pass *p) {
    for (int k = 0; k < 2; k++) qd_sift_source_close(&p->s[k]);
}

static qd_status pass_open(pass *p, const qd_sift_options *o, qd_error *err) {
    *p = (pass){.o = o, .most = BACK, .whole = {true, true}};
    for (int k = 0; k < 2; k++) {
        QD_TRY(qd_tag_reader_open(o->path[k], o->format[k], &p->s[k].reader, err));
        p->s[k].kept.tick = qd_tag_reader_tick(p->s[k].reader);
    }
    return QD_OK;
}

static int64_t last(const qd_sift_source *s) { return s->kept.n ? s->kept.t[s->kept.n - 1] : INT64_MIN; }

static qd_status stopped(const qd_sift_options *o, qd_error *err) {
    if (!o->stop || !*o->stop) return QD_OK;
    return qd_fail(err, QD_STOPPED, "sifting was stopped on request|a signal came|nothing was written|run it again");
}

/* Read both files on, to A's time @p a and B's time @p b, of which the latest events stay. */
static qd_status pass_to(pass *p, int64_t a, int64_t b, qd_error *err) {
    const int64_t to[2] = {a, b};
    for (int k = 0; k < 2; k++)
        while (!p->s[k].end && last(&p->s[k]) < to[k]) {
            QD_TRY(stopped(p->o, err));
            QD_TRY(qd_sift_source_read(&p->s[k], p->o, k, err));
            if (p->s[k].kept.n <= 2 * p->most) continue;
            qd_sift_source_drop(&p->s[k], p->s[k].kept.n - p->most);
            p->whole[k] = false;
        }
    return QD_OK;
}

/* The first events decide whether the base lies within the data: *at, on A's clock. */
static qd_status base_within(pass *p, const qd_clock *clock, bool *within, int64_t *at, qd_error *err) {
    const int64_t stretch = (int64_t)(((uint64_t)1 << 26) * 1000 / clock->tick.num * clock->tick.den);
    __int128 base = (__int128)clock->base + clock->offset;
    *within = false;
    QD_TRY(pass_to(p, INT64_MIN + 1, INT64_MIN + 1, err));
    const qd_tags *a = &p->s[QD_ALICE].kept, *b = &p->s[QD_BOB].kept;
    if (!a->n || !b->n) return QD_OK;
    /* the frequency moves B's first event by 244 ppm of its distance from the base at most: enough for this */
    __int128 first = (__int128)b->t[0] + clock->offset;
    if (a->t[0] > first) first = a->t[0];
    if (base <= first + stretch || base >= (__int128)1 << 61) return QD_OK;
    *at = (int64_t)base;
    *within = true;
    return QD_OK;
}

/* Find pairs at the base. */
static qd_status seek(pass *p, qd_follow *f, const qd_clock *clock, int64_t at, bool *found, qd_error *err) {
    qd_follow_need need;
    bool done = false;
    *found = false;
    QD_TRY(pass_to(p, at, clock->base, err));
    if (last(&p->s[QD_ALICE]) < at || last(&p->s[QD_BOB]) < clock->base) return QD_OK; /* the data end before */
    for (;;) {
        QD_TRY(qd_follow_seek(f, &p->s[QD_ALICE].kept, p->s[QD_ALICE].end, &p->s[QD_BOB].kept, p->s[QD_BOB].end, at, &need, &done, err));
        if (done) break;
        p->most = UINT64_MAX / 4; /* a search forgets nothing */
        QD_TRY(pass_to(p, need.a, need.b, err));
    }
    *found = qd_follow_found(f);
    return QD_OK;
}

/* From there to the beginning. */
static qd_status retreat(const qd_sift_options *o, qd_follow *f, qd_error *err) {
    qd_follow *back = NULL;
    qd_follow_need need;
    qd_tags none = {0};
    bool done = false;
    uint64_t most = o->back ? o->back : BACK;
    QD_TRY(qd_follow_turn(f, &back, err));
    pass p = {.o = o};
    qd_status st;
    QD_TRY_OUT(st, qd_follow_retreat(back, &none, false, &none, false, &need, &done, err)); /* what it needs */
    while (!done) {
        int64_t before = need.until;
        QD_TRY_OUT(st, pass_open(&p, o, err));
        p.most = most;
        QD_TRY_OUT(st, pass_to(&p, need.a, need.b, err));
        QD_TRY_OUT(st, qd_follow_retreat(back, &p.s[QD_ALICE].kept, p.whole[QD_ALICE], &p.s[QD_BOB].kept, p.whole[QD_BOB], &need, &done, err));
        pass_close(&p);
        if (need.until == before) most *= 2;
    }
    QD_TRY_OUT(st, qd_follow_join(f, back, err));
out:
    pass_close(&p);
    qd_follow_destroy(back);
    return st;
}

qd_status qd_sift_clock(const qd_sift_options *o, const qd_clock *clock, int64_t reach, qd_follow **out, qd_error *err) {
    QD_TRY(qd_follow_create(clock, reach, o->one_line, out, err));
    if (o->one_line) return QD_OK;
    pass p;
    bool within = false, found = false;
    int64_t at = 0;
    qd_status st = pass_open(&p, o, err);
    if (st == QD_OK) st = base_within(&p, clock, &within, &at, err);
    if (st == QD_OK && within) st = seek(&p, *out, clock, at, &found, err);
    pass_close(&p);
    if (st != QD_OK || !within) return st;
    if (found) return retreat(o, *out, err);
    qd_follow_destroy(*out); /* it has looked in vain: from the first event on, as if the base lay there */
    *out = NULL;
    return qd_follow_create(clock, reach, false, out, err);
}
