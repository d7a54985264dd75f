/* SPDX-License-Identifier: Apache-2.0 */
/* Both stations' files in step: of each only the stretch stays in memory that pairs of the chunk at hand, and its displaced
 * windows, can need. */
#include "sift_source.h"

#include <stdlib.h>
#include <string.h>

/* Displaced windows on each side of the real one, for accidentals. */
enum { WINDOWS_A_SIDE = 4, BINS_MAX = 1 << 16 };

typedef struct stream {
    const qd_sift_options *o;
    qd_device *dev;
    qd_sift_source s[2];
    qd_follow *follow;
    qd_times on_a;       /* Bob's waiting events on Alice's clock */
    qd_follow_need need;
    int64_t reach, step, context; /* ticks */
    uint64_t next;                /* first of Alice's waiting events that is not done */
    qd_sift_result *out;
} stream;

static qd_status no_memory(qd_error *err) {
    return qd_fail(err, QD_E_INTERNAL, "no memory to sift");
}

static qd_status read_more(stream *st, int side, qd_error *err) {
    qd_sift_source *s = &st->s[side];
    qd_sift_station *station = &st->out->station[side];
    QD_TRY(qd_sift_source_read(s, st->o, side, err));
    memcpy(station->singles, s->singles, sizeof station->singles);
    station->tags = s->tags;
    station->dead_dropped = s->dead.dropped;
    return QD_OK;
}

/* Forget what no event of Alice's from next on, nor the clock, can need. */
static void forget(stream *st) {
    qd_tags *a = &st->s[QD_ALICE].kept;
    if (!a->n || st->need.until == INT64_MIN) return;
    int64_t at = a->t[st->next < a->n ? st->next : a->n - 1], keep = qd_follow_margin(st->follow);
    if (st->need.until < at) at = st->need.until;
    at -= keep > st->context ? keep : st->context;
    uint64_t old = qd_tags_lower_bound(a, at), b = qd_times_lower_bound(&st->on_a, at);
    qd_sift_source_drop(&st->s[QD_ALICE], old);
    st->next -= old;
    qd_sift_source_drop(&st->s[QD_BOB], b);
    qd_times_drop(&st->on_a, b);
}

/* Read what the clock asks for; where it asks for nothing, on. */
static qd_status read_on(stream *st, qd_error *err) {
    bool some = false;
    const int64_t upto[2] = {st->need.a, st->need.b};
    for (int k = 0; k < 2; k++) {
        qd_sift_source *s = &st->s[k];
        if (s->end || (s->kept.n && s->kept.t[s->kept.n - 1] >= upto[k])) continue;
        QD_TRY(read_more(st, k, err));
        some = true;
    }
    return some ? QD_OK : read_more(st, st->s[QD_BOB].end ? QD_ALICE : QD_BOB, err);
}

/* Read until as many of Alice's events as go together have all they need around them: *upto is the end of those. */
static qd_status fill(stream *st, uint64_t *upto, qd_error *err) {
    qd_sift_source *a = &st->s[QD_ALICE], *b = &st->s[QD_BOB];
    for (;;) {
        QD_TRY(qd_follow_advance(st->follow, &a->kept, a->end, &b->kept, b->end, &st->on_a, &st->need, err));
        uint64_t ready = a->kept.n;
        if (!a->end) ready = ready ? qd_tags_lower_bound(&a->kept, a->kept.t[ready - 1] - st->context) : 0;
        if (st->need.until < INT64_MAX) {
            uint64_t known = st->need.until == INT64_MIN ? 0 : qd_tags_lower_bound(&a->kept, st->need.until - st->context);
            if (known < ready) ready = known;
        }
        bool all = a->end && ready == a->kept.n;
        if (all || (ready > st->next && ready - st->next >= st->o->chunk)) {
            *upto = ready - st->next > st->o->chunk ? st->next + st->o->chunk : ready;
            return QD_OK;
        }
        forget(st);
        QD_TRY(read_on(st, err));
    }
}

/* What both stations know of the pairs of a chunk, station by station. */
typedef struct chunk {
    uint64_t n;
    uint64_t *id[2];
    uint8_t *mask[2], *event[2];
    qd_bits basis[2], value[2];
} chunk;

static void chunk_free(chunk *c) {
    for (int s = 0; s < 2; s++) {
        free(c->id[s]);
        free(c->mask[s]);
        qd_secret_free(c->event[s]);
        qd_bits_destroy(&c->basis[s]);
        qd_bits_destroy(&c->value[s]);
    }
}

/* A station alone: its paired events, coins, basis and value. */
static qd_status measure(stream *st, int side, const uint64_t *index, uint64_t n, chunk *c, qd_error *err) {
    const qd_sift_source *s = &st->s[side];
    qd_sift_counts counts;
    c->id[side] = malloc((n + 1) * sizeof *c->id[side]);
    c->mask[side] = malloc(n + 1);
    c->event[side] = qd_secret_alloc(n + 1);
    if (!c->id[side] || !c->mask[side] || !c->event[side]) return no_memory(err);
    for (uint64_t i = 0; i < n; i++) {
        c->id[side][i] = s->first_id + index[i];
        c->mask[side][i] = s->kept.mask[index[i]];
    }
    qd_random random = {.rehearsal = st->o->rehearsal,
                        .seed = st->o->seed,
                        .stream = side == QD_ALICE ? QD_STREAM_MULTI_ALICE : QD_STREAM_MULTI_BOB};
    qd_sift_coins(&random, c->mask[side], c->id[side], n, c->event[side]);
    QD_TRY(qd_sift_measure(st->dev, (qd_side)side, st->o->correlation, c->event[side], n, &c->basis[side], &c->value[side],
                           &counts, err));
    qd_sift_station *station = &st->out->station[side];
    for (int i = 0; i < 32; i++) station->counts.mask[i / 16][i % 16] += counts.mask[i / 16][i % 16];
    return QD_OK;
}

/* A station's values of matching bases, onto its strings. */
static qd_status select_own(stream *st, int side, const chunk *c, qd_error *err) {
    qd_bits part[2] = {{0, NULL}, {0, NULL}};
    qd_bits *key = st->out->station[side].key;
    qd_status s = qd_sift_select(st->dev, &c->basis[side], &c->basis[1 - side], &c->value[side], &part[QD_Z], &part[QD_X], err);
    for (int b = 0; b < 2 && s == QD_OK; b++)
        if (!st->o->no_key[b]) s = qd_bits_append(&key[b], &part[b], err);
    for (int b = 0; b < 2; b++) qd_bits_destroy(&part[b]);
    return s;
}

/* Where Alice's announced time stands against Bob's own, by either station's bit. */
static void add_times(stream *st, const qd_pairs *p, const chunk *c) {
    qd_sift_times *t = &st->out->times;
    const int64_t *a = st->s[QD_ALICE].kept.t, *b = st->on_a.t;
    /* distances are below 2^31 */
    const uint32_t width = t->width > INT32_MAX ? INT32_MAX : (uint32_t)t->width;
    for (uint64_t k = 0; k < qd_bits_words(p->n); k++) {
        const uint64_t left = p->n - 64 * k, in_use = left < 64 ? ((uint64_t)1 << left) - 1 : ~(uint64_t)0;
        uint64_t same = ~(c->basis[QD_ALICE].w[k] ^ c->basis[QD_BOB].w[k]) & in_use;
        for (; same; same &= same - 1) {
            const unsigned l = (unsigned)__builtin_ctzll(same), basis = c->basis[QD_ALICE].w[k] >> l & 1;
            const uint64_t i = 64 * k + l, bin = (uint32_t)(a[p->a[i]] - b[p->b[i]] + st->reach) / width;
            for (int s = 0; s < 2; s++) t->count[s][basis][bin][c->value[s].w[k] >> l & 1]++;
        }
    }
}

static qd_status sift_pairs(stream *st, const qd_pairs *p, qd_error *err) {
    chunk c = {.n = p->n};
    qd_status s;
    QD_TRY_OUT(s, measure(st, QD_ALICE, p->a, p->n, &c, err));
    QD_TRY_OUT(s, measure(st, QD_BOB, p->b, p->n, &c, err));
    QD_TRY_OUT(s, select_own(st, QD_ALICE, &c, err));
    QD_TRY_OUT(s, select_own(st, QD_BOB, &c, err));
    qd_pair_matrix_add_truth(&st->out->pairs, c.mask[QD_ALICE], c.mask[QD_BOB], p->n);
    add_times(st, p, &c);
    st->out->coincidences += p->n;
out:
    chunk_free(&c);
    return s;
}

/* Alice's events [next, upto). */
static qd_status step(stream *st, uint64_t upto, qd_error *err) {
    const qd_tags *a = &st->s[QD_ALICE].kept;
    const qd_times *b = &st->on_a;
    qd_pairs pairs = {0};
    qd_accidentals acc = {0};
    qd_status s;
    QD_TRY_OUT(s, qd_coincide_windows(st->dev, a->t, a->n, b->t, b->n, NULL, st->reach, st->step, WINDOWS_A_SIDE, st->next, upto, &pairs,
                                      &acc, err));
    st->out->windows = acc.windows;
    st->out->in_windows += acc.sum;
    QD_TRY_OUT(s, sift_pairs(st, &pairs, err));
    st->next = upto;
    forget(st);
out:
    qd_pairs_destroy(&pairs);
    return s;
}

static qd_status clock_of_file(const qd_sift_options *o, qd_tick tick, qd_clock *clock, qd_error *err) {
    QD_TRY(qd_clock_read(o->clock_file, clock, err));
    if (clock->tick.num == tick.num && clock->tick.den == tick.den) return QD_OK;
    return qd_fail(err, QD_E_INPUT,
                   "%s: the clock counts other ticks than the files' format||it was made from files of another "
                   "format|run sync with the same --format (and --format-b)",
                   o->clock_file);
}

/* Both files, which must say which detectors clicked, in ticks of one length. The caller closes what was opened, also on error. */
static qd_status open_readers(const qd_sift_options *o, qd_tag_reader *reader[2], qd_error *err) {
    for (int s = 0; s < 2; s++) {
        QD_TRY(qd_tag_reader_open(o->path[s], o->format[s], &reader[s], err));
        QD_TRY(qd_tag_reader_need_outcomes(reader[s], err));
    }
    qd_tick a = qd_tag_reader_tick(reader[0]), b = qd_tag_reader_tick(reader[1]);
    if (a.num == b.num && a.den == b.den) return QD_OK;
    return qd_fail(err, QD_E_INPUT, "%s and %s have ticks of different length||both must count in the same unit|convert one of them: qdistill tags convert", o->path[0],
                   o->path[1]);
}

qd_status qd_sift_files_check(const qd_sift_options *o, qd_error *err) {
    qd_clock clock;
    qd_tag_reader *reader[2] = {NULL, NULL};
    qd_status st = open_readers(o, reader, err);
    if (st == QD_OK && o->clock_file) st = clock_of_file(o, qd_tag_reader_tick(reader[0]), &clock, err);
    for (int s = 0; s < 2; s++) qd_tag_reader_close(reader[s]);
    return st;
}

/* Bob's first tag decides where an offset in figures holds. */
static qd_status set_clock(const stream *st, qd_tick tick, qd_clock *clock, qd_error *err) {
    const qd_sift_options *o = st->o;
    if (o->clock_file) return clock_of_file(o, tick, clock, err);
    const qd_tags *b = &st->s[QD_BOB].kept; /* the dead-time rule never drops the first */
    return qd_clock_from_figures(tick, b->n ? b->t[0] : 0, o->offset_ps, o->ppm, clock, err);
}

/* Ticks that are surely more than @p ps. */
static int64_t ticks_over(uint64_t ps, qd_tick tick) {
    return (int64_t)(ps / tick.num * tick.den + tick.den + 1);
}

static qd_status begin(stream *st, qd_error *err) {
    const qd_sift_options *o = st->o;
    qd_tag_reader *reader[2] = {NULL, NULL};
    qd_status opened = open_readers(o, reader, err);
    for (int s = 0; s < 2; s++) st->s[s].reader = reader[s];
    QD_TRY(opened);
    qd_tick tick = qd_tag_reader_tick(reader[0]);
    for (int s = 0; s < 2; s++) {
        st->s[s].kept.tick = tick;
        for (int b = 0; b < 2; b++) QD_TRY(qd_bits_create(&st->out->station[s].key[b], 0, err));
    }
    QD_TRY(read_more(st, QD_BOB, err));
    qd_clock clock;
    QD_TRY(set_clock(st, tick, &clock, err));
    st->reach = qd_window_reach(o->window_ps, tick);
    QD_TRY(qd_sift_clock(o, &clock, st->reach, &st->follow, err));
    st->step = qd_accidental_step(st->reach, o->dead_ps, tick);
    st->context = WINDOWS_A_SIDE * st->step + 2 * st->reach + 1;
    qd_sift_times *t = &st->out->times;
    t->width = ticks_over(o->announce_ps, tick) - (int64_t)tick.den - 1;
    if (t->width < 1) t->width = 1;
    while (2 * st->reach / t->width >= BINS_MAX) t->width *= 2;
    t->bins = (uint64_t)(2 * st->reach / t->width + 1);
    for (int i = 0; i < 4; i++)
        if (!(t->count[i / 2][i % 2] = calloc(t->bins, sizeof *t->count[0][0]))) return no_memory(err);
    return QD_OK;
}

qd_status qd_sift_files_truth(const qd_sift_options *o, qd_device *dev, qd_progress *progress, qd_sift_result *out,
                              qd_error *err) {
    stream st = {.o = o, .dev = dev, .out = out};
    memset(out, 0, sizeof *out);
    uint64_t upto = 0;
    qd_status s;
    if (o->chunk < 1) return qd_fail(err, QD_E_USAGE, "sifting needs a chunk of at least one event");
    QD_TRY_OUT(s, begin(&st, err));
    qd_progress_begin(progress, "sift", 0, "tags");
    for (;;) {
        if (o->stop && *o->stop) {
            s = qd_fail(err, QD_STOPPED, "sifting was stopped on request|a signal came|nothing was written|run it again");
            goto out;
        }
        QD_TRY_OUT(s, fill(&st, &upto, err));
        if (upto == st.next) break;
        QD_TRY_OUT(s, step(&st, upto, err));
        qd_progress_at(progress, "sift", (double)(st.s[QD_ALICE].first_id + st.next));
    }
    while (!st.s[QD_BOB].end) { /* the rest of Bob's file, for his singles, and for faults in it */
        QD_TRY_OUT(s, read_more(&st, QD_BOB, err));
        st.s[QD_BOB].kept.n = 0;
    }
    out->clock = *qd_follow_about(st.follow);
    qd_progress_end(progress);
out:
    for (int k = 0; k < 2; k++) {
        if (st.s[k].reader) qd_tag_see(st.s[k].reader, &out->seen[k]);
        qd_sift_source_close(&st.s[k]);
    }
    qd_follow_destroy(st.follow);
    free(st.on_a.t);
    return s;
}

void qd_sift_result_free(qd_sift_result *r) {
    for (int s = 0; s < 2; s++)
        for (int b = 0; b < 2; b++) {
            qd_bits_destroy(&r->station[s].key[b]);
            free(r->times.count[s][b]);
        }
    memset(r, 0, sizeof *r);
}
