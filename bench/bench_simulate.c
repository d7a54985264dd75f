/* SPDX-License-Identifier: Apache-2.0 */
/* Tuned C loop of `simulate`: philox for eight events at a time in a form that compilers vectorise, clicks as 64-bit keys kept
 * sorted by insertion, a branch-free merge, dead time carried from cell to cell; the range is cut into one share a thread, each
 * of which runs through the cell before its first one to know its detectors. Keys as in kernels/simulate.cl. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "link/simulate.h"
#include "loops.h"

enum { THREADS_MAX = 64, LANES = 8, TIME_SHIFT = 35, DETECTOR_SHIFT = 33 };
#define OWN ((uint64_t)1 << 32)
#define FLAG ((uint64_t)1 << 31)
#define LATE ((uint64_t)1 << 63)
#define CELL ((uint64_t)1 << QD_LINK_CELL_BITS)

/* Four words of each of eight draws, one in the lower half of each element. */
typedef struct draws {
    uint64_t w[4][LANES];
} draws;

static void philox8(uint64_t seed, uint32_t stream, uint64_t entity, uint32_t draw, draws *d) {
    uint64_t c0[LANES], c1[LANES], c2[LANES], c3[LANES];
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    for (int i = 0; i < LANES; i++) {
        c0[i] = (uint32_t)entity + (uint32_t)i; /* lanes start at a multiple of eight: no carry */
        c1[i] = entity >> 32;
        c2[i] = draw;
        c3[i] = stream;
    }
    for (int round = 0; round < 10; round++) {
        for (int i = 0; i < LANES; i++) {
            uint64_t p0 = (c0[i] & 0xffffffff) * 0xD2511F53u, p1 = (c2[i] & 0xffffffff) * 0xCD9E8D57u;
            c0[i] = (p1 >> 32) ^ c1[i] ^ k0;
            c1[i] = p1;
            c2[i] = (p0 >> 32) ^ c3[i] ^ k1;
            c3[i] = p0;
        }
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    for (int i = 0; i < LANES; i++) {
        d->w[0][i] = c0[i] & 0xffffffff;
        d->w[1][i] = c1[i] & 0xffffffff;
        d->w[2][i] = c2[i] & 0xffffffff;
        d->w[3][i] = c3[i] & 0xffffffff;
    }
}

static uint64_t gap_of(const qd_gap_table *g, uint32_t u) {
    uint64_t sum = 0;
    for (int level = 1; u >> 22 < QD_GAP_ZOOM && level < QD_GAP_LEVELS; level++) {
        sum += g->zoom;
        u <<= 6;
    }
    uint32_t i = u >> 22;
    return sum + ((uint64_t)(g->a[i] - (uint32_t)(((uint64_t)g->s[i] * (u & 0x3fffff) + (1 << 21)) >> 22)) << g->shift);
}

/* Sorted keys with 0 before and ~0 after them. */
typedef struct list {
    uint64_t *k;
    uint64_t n;
} list;

static inline void insert(list *l, uint64_t key) {
    uint64_t j = ++l->n;
    for (; l->k[j - 1] > key; j--) l->k[j] = l->k[j - 1];
    l->k[j] = key;
}

static inline uint64_t key_of(const qd_link_arm *a, uint64_t time, uint64_t jitter_word, uint64_t detector, uint64_t low) {
    return (time + a->jitter[jitter_word >> 20] + a->delay[detector]) << TIME_SHIFT | detector << DETECTOR_SHIFT | OWN | low;
}

typedef struct share {
    const qd_link *link;
    uint64_t first, cells;
    list now[2][2], before[2][2]; /* [station][pairs, own] */
    uint64_t free_at[2][4];       /* counted from the start of the cell last settled */
    qd_tags tags[2];
    qd_truth truth;
    qd_status st;
    bool failed;
} share;

static void pairs(share *s, uint64_t cell) {
    const qd_link *l = s->link;
    const qd_link_arm *a = &l->arm[0], *b = &l->arm[1];
    bool extra = l->eve != 0;
    for (int d = 0; d < 4; d++) extra = extra || a->accept[d] != (uint64_t)1 << 32 || b->accept[d] != (uint64_t)1 << 32;
    uint64_t at = 0;
    draws w, v, x = {{{0}}};
    for (uint64_t k = 0;; k += LANES) {
        philox8(l->seed, QD_STREAM_PAIR_BOTH, cell << 32 | k, 0, &w);
        philox8(l->seed, QD_STREAM_PAIR_BOTH, cell << 32 | k, 1, &v);
        if (extra) philox8(l->seed, QD_STREAM_PAIR_BOTH, cell << 32 | k, 2, &x);
        for (int i = 0; i < LANES; i++) {
            at += gap_of(&l->gap[0], (uint32_t)w.w[0][i]);
            uint64_t time = at >> QD_GAP_FRACTION;
            if (time >= CELL) return;
            if (k + (uint64_t)i >= l->cap[0]) {
                s->failed = true;
                return;
            }
            unsigned za = w.w[1][i] >= a->split, zb = w.w[2][i] >= b->split, out_a = v.w[3][i] >> 31, out_b;
            uint64_t low = k + (uint64_t)i + 1;
            if (v.w[2][i] < l->eve) {
                unsigned e = v.w[3][i] >> 30 & 1, out_e = out_a ^ 1 ^ (w.w[3][i] < l->eve_equal[za][e]);
                out_b = out_e ^ (x.w[2][i] < l->eve_flip[e][zb]);
                low |= FLAG;
            } else {
                out_b = out_a ^ 1 ^ (w.w[3][i] < l->equal[za][zb]);
            }
            unsigned da = za + 2 * out_a, db = zb + 2 * out_b;
            if (x.w[0][i] < a->accept[da]) insert(&s->now[0][0], key_of(a, time, v.w[0][i], da, low));
            if (x.w[1][i] < b->accept[db]) insert(&s->now[1][0], key_of(b, time, v.w[1][i], db, low));
        }
    }
}

static void singles(share *s, int station, uint64_t cell) {
    const qd_link *l = s->link;
    const qd_link_arm *a = &l->arm[station];
    uint64_t at = 0;
    draws w;
    for (uint64_t k = 0;; k += LANES) {
        philox8(l->seed, station ? QD_STREAM_PAIR_B : QD_STREAM_PAIR_A, cell << 32 | k, 0, &w);
        for (int i = 0; i < LANES; i++) {
            at += gap_of(&l->gap[1 + station], (uint32_t)w.w[0][i]);
            uint64_t time = at >> QD_GAP_FRACTION;
            if (time >= CELL) return;
            if (k + (uint64_t)i >= l->cap[1 + station]) {
                s->failed = true;
                return;
            }
            bool dark = w.w[1][i] < a->dark;
            const uint64_t *cut = dark ? a->dark_cut : a->photon_cut;
            uint64_t u = w.w[2][i], d = (uint64_t)(u >= cut[0]) + (u >= cut[1]) + (u >= cut[2]);
            if (u < cut[3]) insert(&s->now[station][1], key_of(a, time, w.w[3][i], d, dark ? FLAG : 0));
        }
    }
}

static void emit(share *s, uint64_t cell) {
    for (int k = 0; k < 2; k++)
        for (int i = 0; i < 2; i++) {
            list swap = s->before[k][i];
            s->before[k][i] = s->now[k][i];
            s->now[k][i] = swap;
            s->now[k][i].n = 0;
        }
    pairs(s, cell);
    singles(s, 0, cell);
    singles(s, 1, cell);
    for (int k = 0; k < 2; k++)
        for (int i = 0; i < 2; i++) s->now[k][i].k[s->now[k][i].n + 1] = ~(uint64_t)0;
}

/* Late clicks of the cell before become clicks of this one: put among its own, in the shorter of its lists. */
static void bring_late(share *s, int station) {
    for (int i = 0; i < 2; i++) {
        const list *b = &s->before[station][i];
        list *own = &s->now[station][1];
        for (uint64_t j = b->n; j > 0 && b->k[j] >= LATE; j--) insert(own, b->k[j] - LATE - OWN);
        own->k[own->n + 1] = ~(uint64_t)0;
    }
}

static void settle(share *s, int station, uint64_t cell, bool out) {
    const uint64_t *a = s->now[station][0].k + 1, *b = s->now[station][1].k + 1, dead = s->link->arm[station].dead;
    uint64_t free_at[4], total = 0;
    for (int d = 0; d < 4; d++) free_at[d] = s->free_at[station][d] > CELL ? s->free_at[station][d] - CELL : 0;
    qd_tags *tags = &s->tags[station];
    qd_truth *truth = &s->truth;
    uint64_t n = tags->n;
    int64_t start = QD_LINK_START + (int64_t)(cell << QD_LINK_CELL_BITS);
    for (;;) {
        uint64_t x = *a, y = *b, k = x < y ? x : y;
        if (k >= LATE) break;
        a += x < y;
        b += !(x < y);
        uint64_t d = k >> DETECTOR_SHIFT & 3, t = (k >> TIME_SHIFT), number = k & (FLAG - 1), flag = k >> 31 & 1;
        bool kept = t >= free_at[d];
        free_at[d] = kept ? t + dead : free_at[d];
        if (!out) continue;
        tags->t[n] = start + (int64_t)t;
        tags->mask[n] = (uint8_t)(1 << d);
        truth->id[station][n] = number ? (((cell - 1) << 32) + (k & OWN) + number) | flag << 63 : flag << 62;
        n += kept;
        total++;
    }
    for (int d = 0; d < 4; d++) s->free_at[station][d] = free_at[d];
    if (!out) return;
    if (station == 1)
        for (uint64_t i = tags->n; i < n; i++) tags->t[i] = qd_link_bob_time(s->link, tags->t[i]);
    truth->dead_dropped[station] += total - (n - tags->n);
    tags->n = truth->n[station] = n;
}

static bool reserve(share *s) {
    const uint64_t *cap = s->link->cap;
    bool ok = true;
    for (int k = 0; k < 2; k++) {
        uint64_t most = (cap[0] + cap[1 + k]) * s->cells + cap[0] + cap[1 + k];
        ok = ok && qd_tags_reserve(&s->tags[k], most, NULL) == QD_OK && qd_truth_reserve(&s->truth, k, most, NULL) == QD_OK;
        for (int i = 0; i < 2; i++) {
            uint64_t room = i ? 2 * cap[0] + 2 * cap[1 + k] : cap[0];
            s->now[k][i].k = calloc(room + LANES + 2, sizeof(uint64_t));
            s->before[k][i].k = calloc(room + LANES + 2, sizeof(uint64_t));
            ok = ok && s->now[k][i].k && s->before[k][i].k;
        }
    }
    return ok;
}

static void *work(void *arg) {
    share *s = arg;
    if (!reserve(s)) {
        s->failed = true;
        return NULL;
    }
    uint64_t guard = s->first > 0 ? s->first - 1 : 0;
    if (guard > 0) emit(s, guard - 1);
    for (uint64_t cell = guard; cell < s->first + s->cells && !s->failed; cell++) {
        emit(s, cell);
        for (int k = 0; k < 2; k++) {
            bring_late(s, k);
            settle(s, k, cell, cell >= s->first);
        }
    }
    return NULL;
}

static void append(qd_tags tags[2], qd_truth *truth, share *s) {
    for (int k = 0; k < 2; k++) {
        uint64_t n = s->tags[k].n;
        if (n == 0) continue;
        memcpy(tags[k].t + tags[k].n, s->tags[k].t, n * sizeof *tags[k].t);
        memcpy(tags[k].mask + tags[k].n, s->tags[k].mask, n);
        memcpy(truth->id[k] + truth->n[k], s->truth.id[k], n * sizeof *truth->id[k]);
        tags[k].n += n;
        truth->n[k] += n;
    }
    for (int k = 0; k < 2; k++) truth->dead_dropped[k] += s->truth.dead_dropped[k];
}

static qd_status run(void *state, unsigned threads, void *out, qd_error *err) {
    const qd_simulate_case *c = state;
    if (threads < 1) threads = 1;
    if (threads > THREADS_MAX) threads = THREADS_MAX;
    if (threads > c->cells) threads = (unsigned)c->cells;
    share *s = calloc(threads, sizeof *s);
    pthread_t id[THREADS_MAX];
    bool started[THREADS_MAX] = {false}, failed = !s;
    for (unsigned i = 0; s && i < threads; i++) {
        uint64_t from = c->cells * i / threads, to = c->cells * (i + 1) / threads;
        s[i].link = c->link;
        s[i].first = c->first + from;
        s[i].cells = to - from;
        started[i] = i + 1 < threads && pthread_create(&id[i], NULL, work, &s[i]) == 0;
        if (!started[i]) (void)work(&s[i]);
    }
    qd_tags tags[2] = {{0}, {0}};
    qd_truth truth = {0};
    for (unsigned i = 0; s && i < threads; i++) {
        if (started[i]) (void)pthread_join(id[i], NULL);
        failed = failed || s[i].failed;
    }
    uint64_t n[2] = {0};
    for (unsigned i = 0; !failed && i < threads; i++)
        for (int k = 0; k < 2; k++) n[k] += s[i].tags[k].n;
    for (int k = 0; k < 2; k++)
        failed =
            failed || qd_tags_reserve(&tags[k], n[k] + 1, NULL) != QD_OK || qd_truth_reserve(&truth, k, n[k] + 1, NULL) != QD_OK;
    for (unsigned i = 0; !failed && i < threads; i++) append(tags, &truth, &s[i]);
    for (int k = 0; k < 2; k++) qd_truth_count(&truth, k, 0);
    qd_status st = failed ? qd_fail(err, QD_E_INTERNAL, "the C loop of simulate ran out of memory or of slots")
                          : qd_simulate_output(c, &tags[0], &tags[1], &truth, out, err);
    for (int k = 0; k < 2; k++) qd_tags_destroy(&tags[k]);
    qd_truth_destroy(&truth);
    for (unsigned i = 0; s && i < threads; i++) {
        for (int k = 0; k < 2; k++) {
            qd_tags_destroy(&s[i].tags[k]);
            for (int j = 0; j < 2; j++) {
                free(s[i].now[k][j].k);
                free(s[i].before[k][j].k);
            }
        }
        qd_truth_destroy(&s[i].truth);
    }
    free(s);
    return st;
}

extern const qd_loop qd_loop_simulate;
const qd_loop qd_loop_simulate = {"simulate", run};
