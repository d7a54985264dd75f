/* SPDX-License-Identifier: Apache-2.0 */
/* Tuned C loop of `coincide`: chunks of A shared out to threads; B's part of a chunk is taken to A's clock in a buffer that stays
 * in cache, one merge finds the events with anything near, and only those get the exact rule. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "loops.h"
#include "timetag/coincide.h"

enum { THREADS_MAX = 64, CHUNK = 4096 };

/* Growing list of B's times on A's clock, events [first, first + n) of B. */
typedef struct window {
    int64_t *t;
    uint64_t first, n, cap;
} window;

typedef struct share {
    const qd_coincide_case *c;
    uint64_t from, to;
    window w;
    uint64_t *a, *b, n; /* pairs */
    int bad;
} share;

static uint64_t first_b(const qd_coincide_case *c, int64_t t) {
    uint64_t lo = 0, hi = c->nb;
    while (lo < hi) {
        uint64_t mid = lo + (hi - lo) / 2;
        if (qd_clock_apply(&c->clock, c->b[mid]) < t)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static int load_window(share *s, int64_t from, int64_t to) {
    const qd_coincide_case *c = s->c;
    window *w = &s->w;
    w->first = first_b(c, from);
    w->n = first_b(c, to + 1) - w->first;
    if (w->n + 1 > w->cap) {
        free(w->t);
        w->cap = w->n + w->n / 2 + CHUNK;
        w->t = malloc(w->cap * sizeof *w->t);
        if (!w->t) return 0;
    }
    const int64_t *b = c->b + w->first;
    const int64_t base = c->clock.base, offset = c->clock.offset, freq = c->clock.freq;
    for (uint64_t j = 0; j < w->n; j++) {
        int64_t x = b[j] - base;
        w->t[j] = b[j] + offset + (((x >> 24) * freq + (((x & 0xffffff) * freq) >> 24)) >> 20);
    }
    w->t[w->n] = INT64_MAX; /* ends the merge */
    return 1;
}

/* Nearest of x[0..n) to t, from the first index `at` with x[at] >= t. */
static uint64_t nearest_at(const int64_t *x, uint64_t n, uint64_t at, int64_t t) {
    if (at == 0) return 0;
    int64_t before = x[at - 1];
    if (at < n && x[at] - t < t - before) return at;
    while (at - 1 > 0 && x[at - 2] == before) at--;
    return at - 1;
}

static uint64_t nearest_a(const qd_coincide_case *c, int64_t t, uint64_t at) {
    while (at > 0 && c->a[at - 1] >= t) at--;
    while (at < c->na && c->a[at] < t) at++;
    return nearest_at(c->a, c->na, at, t);
}

static int chunk(share *s, uint64_t i, uint64_t end) {
    const qd_coincide_case *c = s->c;
    const int64_t *a = c->a, reach = c->reach;
    if (!load_window(s, a[i] - reach, a[end - 1] + reach)) return 0;
    const int64_t *b = s->w.t;
    const uint64_t n = s->w.n;
    for (uint64_t j = 0; i < end; i++) {
        int64_t t = a[i];
        while (b[j] < t - reach) j++;
        if (b[j] > t + reach) continue;
        uint64_t at = j;
        while (b[at] < t) at++;
        uint64_t k = nearest_at(b, n, at, t);
        if (b[k] < t - reach || b[k] > t + reach || nearest_a(c, b[k], i) != i) continue;
        s->a[s->n] = i;
        s->b[s->n++] = s->w.first + k;
    }
    return 1;
}

static void *work(void *p) {
    share *s = p;
    for (uint64_t i = s->from; i < s->to && !s->bad; i += CHUNK) s->bad = !chunk(s, i, s->to - i > CHUNK ? i + CHUNK : s->to);
    return NULL;
}

static qd_status run(void *state, unsigned threads, void *out, qd_error *err) {
    const qd_coincide_case *c = &((qd_coincide_state *)state)->c;
    uint64_t events = c->to - c->from, *o = out;
    share s[THREADS_MAX];
    pthread_t id[THREADS_MAX];
    if (threads < 1) threads = 1;
    if (threads > THREADS_MAX) threads = THREADS_MAX;
    memset(s, 0, sizeof s);
    int bad = 0;
    unsigned started = 1;
    /* Each thread's pairs go to where its events would be if all had partners, and move down afterwards. */
    for (unsigned t = 0; t < threads; t++) {
        s[t].c = c;
        s[t].from = c->from + events * t / threads;
        s[t].to = c->from + events * (t + 1) / threads;
        s[t].a = o + 1 + (s[t].from - c->from);
        s[t].b = s[t].a + events;
    }
    while (started < threads && pthread_create(&id[started], NULL, work, &s[started]) == 0) started++;
    work(&s[0]);
    for (unsigned t = 1; t < started; t++) (void)pthread_join(id[t], NULL);
    uint64_t n = 0;
    for (unsigned t = 0; t < threads; t++) {
        memmove(o + 1 + n, s[t].a, s[t].n * 8);
        memmove(o + 1 + events + n, s[t].b, s[t].n * 8);
        n += s[t].n;
        bad |= s[t].bad;
        free(s[t].w.t);
    }
    o[0] = n;
    memset(o + 1 + n, 0, (events - n) * 8);
    memset(o + 1 + events + n, 0, (events - n) * 8);
    return bad || started < threads ? qd_fail(err, QD_E_INTERNAL, "no memory or thread for the C loop of coincide") : QD_OK;
}

const qd_loop qd_loop_coincide = {"coincide", run};
