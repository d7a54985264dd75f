/* SPDX-License-Identifier: Apache-2.0 */
/* Statistics of imported codes: frames drawn, decoded in floating point on all processors, and compared with what was sent. */
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include "qdistill/core/report.h"
#include "qdistill/reconcile/truth.h"
#include "reconcile/sparse.h"
#include "reconcile/truth_time.h"

enum { THREADS_MAX = 256 };

/* What all threads share; each frame has a place for what became of it. */
typedef struct work {
    const qd_sparse_ask *ask;
    float llr;
    atomic_uint_fast64_t next;
    qd_frame_outcome *outcome;
} work;

typedef struct worker {
    work *w;
    pthread_t id;
    qd_lanes *lanes;
    qd_bits alice[QD_LANES], bob, syndrome; /* bob: of the frame that begins or ends */
    uint64_t frame[QD_LANES];     /* which of the batch; UINT64_MAX: none */
    uint32_t used[QD_LANES];      /* iterations */
    double seconds, step_seconds; /* in all, of iterations */
} worker;

static void worker_free(worker *k) {
    qd_lanes_destroy(k->lanes);
    for (uint32_t i = 0; i < QD_LANES; i++) qd_bits_destroy(&k->alice[i]);
    qd_bits_destroy(&k->bob);
    qd_bits_destroy(&k->syndrome);
}

static qd_status worker_make(work *w, worker *k, qd_error *err) {
    const qd_sparse_code *c = w->ask->code;
    k->w = w;
    k->lanes = qd_lanes_create(c, w->ask->schedule);
    if (!k->lanes) return qd_fail(err, QD_E_INTERNAL, "no memory for the decoder|||close other programs");
    for (uint32_t i = 0; i < QD_LANES; i++) QD_TRY(qd_bits_create(&k->alice[i], c->n, err));
    QD_TRY(qd_bits_create(&k->bob, c->n, err));
    return qd_bits_create(&k->syndrome, c->m, err);
}

/* The next frame into a lane, if there is one. */
static void load(worker *k, uint32_t lane) {
    const qd_sparse_ask *a = k->w->ask;
    const uint64_t f = atomic_fetch_add(&k->w->next, 1);
    k->frame[lane] = UINT64_MAX;
    if (f >= a->frames) return;
    k->frame[lane] = f;
    k->used[lane] = 0;
    k->w->outcome[f].errors = qd_frame_draw_truth(a->seed, a->first + f, a->qber, a->exact_errors, &k->alice[lane], &k->bob);
    qd_sparse_syndrome(a->code, &k->alice[lane], &k->syndrome);
    for (uint32_t i = 0; i < a->code->n; i++)
        qd_lanes_channel(k->lanes, lane, i, qd_bits_get(&k->bob, i) ? -k->w->llr : k->w->llr);
    qd_lanes_start(k->lanes, lane, &k->syndrome);
}

static void finish(worker *k, uint32_t lane, bool solved) {
    const qd_sparse_ask *a = k->w->ask;
    const qd_sparse_code *c = a->code;
    const uint64_t f = k->frame[lane];
    qd_frame_outcome *o = &k->w->outcome[f];
    for (uint32_t i = 0; i < c->n; i++) qd_bits_set(&k->bob, i, qd_lanes_app(k->lanes, lane, i) < 0);
    if (a->strings) qd_strings_take_truth(a->strings, a->first + f, c->n, k->alice[lane].w, solved ? k->bob.w : NULL);
    o->solved = solved;
    o->right = qd_bits_equal(&k->alice[lane], &k->bob);
    o->bits = c->n;
    o->code_bits = c->m;
    o->charged = qd_truth_charge(solved && o->right, c->m, c->n, 1);
    o->rounds = 1;
    o->iterations = k->used[lane];
}

static bool busy(const worker *k) {
    for (uint32_t i = 0; i < QD_LANES; i++)
        if (k->frame[i] != UINT64_MAX) return true;
    return false;
}

static void *decode(void *args) {
    worker *k = args;
    const double start = qd_now();
    for (uint32_t i = 0; i < QD_LANES; i++) load(k, i);
    while (busy(k)) {
        const double before = qd_now();
        const unsigned solved = qd_lanes_step(k->lanes);
        k->step_seconds += qd_now() - before;
        for (uint32_t i = 0; i < QD_LANES; i++) {
            if (k->frame[i] == UINT64_MAX) continue;
            k->used[i]++;
            if (!(solved >> i & 1) && k->used[i] < k->w->ask->max_iterations) continue;
            finish(k, i, solved >> i & 1);
            load(k, i);
        }
    }
    k->seconds = qd_now() - start;
    return NULL;
}

static uint32_t threads_for(const qd_sparse_ask *a) {
    const uint64_t memory = (4ull << 30) / qd_lanes_bytes(a->code), full = (a->frames + QD_LANES - 1) / QD_LANES;
    cpu_set_t set;
    uint64_t n = sched_getaffinity(0, sizeof set, &set) == 0 ? (uint64_t)CPU_COUNT(&set) : 1;
    n = n < memory ? n : memory;
    n = n < full ? n : full;
    return n < 1 ? 1 : n > THREADS_MAX ? THREADS_MAX : (uint32_t)n;
}

/* The caller's thread is the first; where the system has no more threads, fewer do it. */
static void on_threads(worker *k, uint32_t n) {
    uint32_t started = 1;
    while (started < n && pthread_create(&k[started].id, NULL, decode, &k[started]) == 0) started++;
    decode(&k[0]);
    for (uint32_t i = 1; i < started; i++) pthread_join(k[i].id, NULL);
}

static void add_up(const work *w, const worker *k, uint32_t n, double wall, qd_frame_tally *t) {
    double all = 0, step = 0;
    for (uint32_t i = 0; i < n; i++) all += k[i].seconds, step += k[i].step_seconds;
    for (uint64_t f = 0; f < w->ask->frames; f++) {
        qd_frame_tally_add(t, &w->outcome[f]);
        t->updates += (double)w->outcome[f].iterations * w->ask->code->edges;
    }
    t->seconds += wall;
    t->decode_seconds += all > 0 ? wall * step / all : 0;
}

qd_status qd_sparse_truth(const qd_sparse_ask *ask, qd_frame_tally *t, qd_error *err) {
    const uint32_t n = threads_for(ask);
    const double q = fmin(0.5, fmax(ask->qber, 1e-9)); /* without errors: some */
    work w = {.ask = ask, .llr = (float)log((1 - q) / q), .outcome = calloc(ask->frames + 1, sizeof *w.outcome)};
    worker *k = calloc(n, sizeof *k);
    qd_status st = w.outcome && k ? QD_OK : qd_fail(err, QD_E_INTERNAL, "no memory for the frames|||take fewer at once");
    for (uint32_t i = 0; i < n && st == QD_OK; i++) st = worker_make(&w, &k[i], err);
    if (st == QD_OK) {
        const double start = qd_now();
        on_threads(k, n);
        add_up(&w, k, n, qd_now() - start, t);
    }
    for (uint32_t i = 0; k && i < n; i++) worker_free(&k[i]);
    free(k);
    free(w.outcome);
    return st;
}
