/* SPDX-License-Identifier: Apache-2.0 */
/* Tuned C loop of `large`: a frame a thread at a time, with the loop that error rates are measured with (large_loop.c). */
#include <pthread.h>
#include "large_loop.h"
#include "loops.h"
#include "reconcile/large_run.h"

enum { THREADS_MAX = 256 };

typedef struct work {
    const qd_large_case *s;
    uint64_t *syndromes, *bits;
    uint32_t *iterations;
    uint64_t next; /* frame, taken atomically */
    int lost;      /* set atomically: a frame was taken, but not done */
} work;

static void *thread(void *arg) {
    work *w = arg;
    const qd_large_case *s = w->s;
    const size_t fw = qd_large_frame_words(s->code), sw = qd_large_syndrome_words(s->code);
    qd_large_loop *l = qd_large_loop_create(s->code);
    qd_status st = l ? QD_OK : QD_E_INTERNAL;
    for (uint64_t i; st == QD_OK && (i = __atomic_fetch_add(&w->next, 1, __ATOMIC_RELAXED)) < s->n;) {
        uint64_t *syndrome = w->syndromes + i * sw;
        qd_large_loop_syndrome(l, s->truth + i * fw, syndrome);
        for (size_t k = 0; k < sw && s->alien; k++) syndrome[k] ^= s->other[i * sw + k];
        st = qd_large_loop_decode(l, &s->rule, s->frames + i * fw, syndrome, w->bits + i * fw, &w->iterations[i], NULL);
        if (st != QD_OK) __atomic_store_n(&w->lost, 1, __ATOMIC_RELAXED);
    }
    qd_large_loop_destroy(l);
    return st == QD_OK ? w : NULL;
}

static qd_status run(void *state, unsigned threads, void *out, qd_error *err) {
    const qd_large_case *s = state;
    work w = {.s = s, .syndromes = out, .bits = qd_large_case_bits(s, out), .iterations = qd_large_case_iterations(s, out)};
    pthread_t id[THREADS_MAX];
    unsigned n = 0, ok = 0;
    if (threads > THREADS_MAX) threads = THREADS_MAX;
    while (n + 1 < threads && pthread_create(&id[n], NULL, thread, &w) == 0) n++;
    ok += thread(&w) != NULL;
    for (unsigned i = 0; i < n; i++) {
        void *done;
        (void)pthread_join(id[i], &done);
        ok += done != NULL;
    }
    return ok && !w.lost ? QD_OK : qd_fail(err, QD_E_INTERNAL, "no memory for the tuned loop of large");
}

const qd_loop qd_loop_large = {"large", run};
