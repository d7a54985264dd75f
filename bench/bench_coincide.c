/* SPDX-License-Identifier: Apache-2.0 */
/* Tuned C loop of `coincide`: chunks of A shared out to threads; both sides of a piece as 32-bit times on A's clock in a buffer that stays
 * in the nearest cache; blocks of 8 x 8 compared by vectors along the merge; the few events near each other looked at one by one. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "loops.h"
#include "timetag/coincide.h"

enum { THREADS_MAX = 64, PIECE = 1024, SPAN = 1 << 29, EDGE = 8, NOWHERE = 1 << 30, WINDOWS_MAX = 64 };

typedef int32_t v8 __attribute__((vector_size(32), aligned(4)));
typedef uint32_t u8 __attribute__((vector_size(32), aligned(4)));

/* Times of [first, first + n) of a side, from place EDGE on; behind them NOWHERE. */
typedef struct piece {
    int32_t *t;
    uint64_t first, n, cap;
} piece;

typedef struct share {
    const qd_coincide_case *c;
    uint64_t from, to;
    piece x, y; /* of A and B */
    uint64_t *a, *b, n; /* pairs */
    uint64_t in_window[WINDOWS_MAX];
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

static int room(piece *p, uint64_t n) {
    if (n + 3 * EDGE > p->cap) {
        free(p->t);
        p->cap = 2 * n + 3 * EDGE;
        p->t = aligned_alloc(64, (p->cap + 15) / 16 * 64);
    }
    p->n = n;
    return p->t != NULL;
}

static int32_t clamped(int64_t t) {
    return t < -NOWHERE ? -NOWHERE : t > NOWHERE ? NOWHERE : (int32_t)t;
}

static int load(share *s, uint64_t i, uint64_t end, int64_t wide) {
    const qd_coincide_case *c = s->c;
    const int64_t origin = c->a[i], base = c->clock.base, freq = c->clock.freq, move = c->clock.offset - origin;
    uint64_t j = first_b(c, origin - wide), nb = first_b(c, c->a[end - 1] + wide + 1) - j;
    if (!room(&s->x, end - i) || !room(&s->y, nb)) return 0;
    s->x.first = i;
    s->y.first = j;
    int32_t *x = s->x.t + EDGE, *y = s->y.t + EDGE;
    for (uint64_t k = 0; k < end - i; k++) x[k] = (int32_t)(c->a[i + k] - origin);
    for (uint64_t k = 0; k < nb; k++) {
        int64_t t = c->b[j + k], d = t - base;
        y[k] = (int32_t)(t + move + (((d >> 24) * freq + (((d & 0xffffff) * freq) >> 24)) >> 20));
    }
    x[-1] = i ? clamped(c->a[i - 1] - origin) : -NOWHERE;
    y[-1] = j ? clamped(qd_clock_apply(&c->clock, c->b[j - 1]) - origin) : -NOWHERE;
    for (int k = 0; k <= EDGE; k++) x[end - i + (uint64_t)k] = y[nb + (uint64_t)k] = NOWHERE;
    if (end < c->na) x[end - i] = clamped(c->a[end] - origin);
    if (j + nb < c->nb) y[nb] = clamped(qd_clock_apply(&c->clock, c->b[j + nb]) - origin);
    return 1;
}

/* Nearest of x[0..n) to t: the first of equal times, the earlier of equal distances. */
static uint64_t nearest(const int64_t *x, uint64_t n, int64_t t, const qd_clock *clock) {
#define TIME(k) (clock ? qd_clock_apply(clock, x[k]) : x[k])
    uint64_t lo = 0, hi = n;
    while (lo < hi) {
        uint64_t mid = lo + (hi - lo) / 2;
        if (TIME(mid) < t)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (lo == 0) return 0;
    int64_t before = TIME(lo - 1);
    if (lo < n && TIME(lo) - t < t - before) return lo;
    for (lo--; lo > 0 && TIME(lo - 1) == before;) lo--;
    return lo;
}

/* B's partner of event i by the rule itself; UINT64_MAX if it has none. */
static uint64_t partner(const qd_coincide_case *c, uint64_t i, int64_t shift) {
    qd_clock clock = c->clock;
    clock.offset += shift;
    uint64_t j = nearest(c->b, c->nb, c->a[i], &clock);
    int64_t t = qd_clock_apply(&clock, c->b[j]), d = c->a[i] - t;
    return d <= c->reach && d >= -c->reach && nearest(c->a, c->na, t, NULL) == i ? j : UINT64_MAX;
}

static inline unsigned lanes(v8 m) {
#ifdef __AVX__
    typedef float f8 __attribute__((vector_size(32)));
    return (unsigned)__builtin_ia32_movmskps256((f8)m);
#else
    unsigned r = 0;
    for (int l = 0; l < 8; l++) r |= (m[l] & 1u) << l;
    return r;
#endif
}

/* Event i of A and the block of B at j. One event of each near the other, and all others farther: a pair. */
static inline void look(share *s, uint64_t i, uint64_t j, int32_t move, uint64_t *n, int store) {
    const int32_t *x = s->x.t + EDGE + i, *y = s->y.t + EDGE + j, t = x[0] - move, reach = (int32_t)s->c->reach;
    const u8 d8 = (uint32_t)(t + reach) + 0x80000000u - *(const u8 *)y;
    for (unsigned hits = lanes((v8)d8 <= 2 * reach - INT32_MAX - 1); hits; hits &= hits - 1) {
        const int k = __builtin_ctz(hits);
        const int32_t d = abs(t - y[k]), before = abs(y[k - 1] - t), after = abs(y[k + 1] - t);
        const int32_t earlier = abs(x[-1] - move - y[k]), later = abs(x[1] - move - y[k]);
        const int32_t b = before < after ? before : after, a = earlier < later ? earlier : later, rival = a < b ? a : b;
        if (rival < d) continue;
        if (rival == d && partner(s->c, s->x.first + i, move) != s->y.first + j + (uint64_t)k) continue;
        if (store) {
            s->a[*n] = s->x.first + i;
            s->b[*n] = s->y.first + j + (uint64_t)k;
        }
        ++*n;
        return;
    }
}

static void meet(share *s, int64_t shift, uint64_t *pairs, int store) {
    const int32_t move = (int32_t)shift, reach = (int32_t)s->c->reach, most = 2 * reach - INT32_MAX - 1;
    const uint32_t from = (uint32_t)reach - (uint32_t)move + 0x80000000u; /* unsigned order by signed comparisons */
    const int32_t *x = s->x.t + EDGE, *y = s->y.t + EDGE;
    uint64_t n = *pairs;
    for (uint64_t i = 0, j = 0; i < s->x.n && j < s->y.n;) {
        const u8 a = *(const u8 *)(x + i) + from;
#define NEAR(m) ((v8)(a - (uint32_t)y[j + (m)]) <= most)
        unsigned near = lanes((NEAR(0) | NEAR(1)) | (NEAR(2) | NEAR(3)) | (NEAR(4) | NEAR(5)) | (NEAR(6) | NEAR(7)));
        for (; near; near &= near - 1) {
            const uint64_t l = i + (uint64_t)__builtin_ctz(near);
            if (l < s->x.n) look(s, l, j, move, &n, store);
        }
        const int leave = x[i + 7] <= y[j + 7] + move;
        i += leave ? 8 : 0;
        j += leave ? 0 : 8;
    }
    *pairs = n;
}

static void *work(void *p) {
    share *s = p;
    const qd_coincide_case *c = s->c;
    const int64_t wide = c->reach + c->each * c->step;
    for (uint64_t i = s->from; i < s->to && !s->bad;) {
        uint64_t end = s->to - i > PIECE ? i + PIECE : s->to;
        while (end - 1 > i && c->a[end - 1] - c->a[i] >= SPAN) end = i + (end - i) / 2;
        s->bad = !load(s, i, end, wide);
        if (s->bad) break;
        meet(s, 0, &s->n, 1);
        for (unsigned w = 1; w <= 2 * c->each; w++) meet(s, qd_coincide_displacement(c, w), &s->in_window[w - 1], 0);
        i = end;
    }
    return NULL;
}

static qd_status run(void *state, unsigned threads, void *out, qd_error *err) {
    const qd_coincide_case *c = &((qd_coincide_state *)state)->c;
    uint64_t events = c->to - c->from, *o = out, n = 0;
    if (c->reach + c->each * c->step > 1 << 27 || 2 * c->each > WINDOWS_MAX)
        return qd_fail(err, QD_E_USAGE, "the C loop of coincide has windows up to 2^27 ticks, and %d of them at most", WINDOWS_MAX);
    share *s = calloc(THREADS_MAX, sizeof *s);
    pthread_t id[THREADS_MAX];
    if (!s) return qd_fail(err, QD_E_INTERNAL, "no memory for the C loop of coincide");
    if (threads < 1) threads = 1;
    if (threads > THREADS_MAX) threads = THREADS_MAX;
    int bad = 0;
    unsigned started = 1;
    for (unsigned t = 0; t < threads; t++) {
        s[t].c = c;
        s[t].from = c->from + events * t / threads;
        s[t].to = c->from + events * (t + 1) / threads;
        s[t].a = malloc(2 * (s[t].to - s[t].from + 1) * sizeof *s[t].a);
        s[t].b = s[t].a + (s[t].to - s[t].from);
        bad |= !s[t].a;
    }
    if (!bad) {
        while (started < threads && pthread_create(&id[started], NULL, work, &s[started]) == 0) started++;
        work(&s[0]);
        for (unsigned t = 1; t < started; t++) (void)pthread_join(id[t], NULL);
    }
    memset(o, 0, qd_coincide_bytes(state));
    uint64_t *in_window = o + 1, *a = in_window + 2 * c->each, *b = a + c->room;
    for (unsigned t = 0; t < threads; t++) {
        bad |= s[t].bad || n + s[t].n > c->room;
        if (!bad) {
            memcpy(a + n, s[t].a, s[t].n * sizeof *a);
            memcpy(b + n, s[t].b, s[t].n * sizeof *b);
        }
        n += s[t].n;
        for (unsigned w = 0; w < 2 * c->each; w++) in_window[w] += s[t].in_window[w];
        free(s[t].a);
        free(s[t].x.t);
        free(s[t].y.t);
    }
    o[0] = n;
    free(s);
    return bad || started < threads ? qd_fail(err, QD_E_INTERNAL, "the C loop of coincide fails") : QD_OK;
}

const qd_loop qd_loop_coincide = {"coincide", run};
