/* SPDX-License-Identifier: Apache-2.0 */
/* Tuned C loop of `cascade_prefix`: 64 frames are turned by 64 x 64 bits and xored up four passes at a time, so that the chains
 * of four passes overlap; groups of frames in shares a thread. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "loops.h"
#include "reconcile/cascade_prefix.h"

enum { THREADS_MAX = 256 };

typedef struct share {
    const qd_prefix_ask *a;
    uint64_t first, end;
    uint64_t *out, *sliced;
} share;

static void turn(const qd_prefix_ask *a, uint64_t group, uint64_t *sliced) {
    uint64_t words = qd_bits_words(a->n);
    for (uint64_t w = 0; w < words; w++) {
        uint64_t *t = sliced + 64 * w, mask = 0xffffffff;
        for (uint64_t f = 0; f < 64; f++) t[f] = 64 * group + f < a->frames ? a->keys[(64 * group + f) * words + w] : 0;
        for (unsigned j = 32; j; j >>= 1, mask ^= mask << j)
            for (unsigned k = 0; k < 64; k = ((k | j) + 1) & ~j) {
                uint64_t x = (t[k] >> j ^ t[k | j]) & mask;
                t[k | j] ^= x;
                t[k] ^= x << j;
            }
    }
}

static void four(const uint64_t *sliced, const uint32_t *order, uint64_t *out, uint32_t n) {
    uint64_t *o[4], sum[4] = {0};
    const uint32_t *at[4];
    for (int i = 0; i < 4; i++) {
        o[i] = out + i * (n + (uint64_t)1);
        at[i] = order + (size_t)i * n;
        *o[i]++ = 0;
    }
    for (uint32_t j = 0; j < n; j++)
        for (int i = 0; i < 4; i++) o[i][j] = sum[i] ^= sliced[at[i][j]];
}

static void one(const uint64_t *sliced, const uint32_t *order, uint64_t *out, uint32_t n) {
    uint64_t sum = 0;
    *out++ = 0;
    for (uint32_t j = 0; j < n; j++) out[j] = sum ^= sliced[order[j]];
}

static void *thread(void *arg) {
    share *h = arg;
    const qd_prefix_ask *a = h->a;
    for (uint64_t g = h->first; g < h->end; g++) {
        turn(a, g, h->sliced);
        uint32_t p = 0;
        for (; p + 4 <= a->passes; p += 4)
            four(h->sliced, a->order + (size_t)p * a->n, h->out + (g * a->passes + p) * (a->n + (uint64_t)1), a->n);
        for (; p < a->passes; p++)
            one(h->sliced, a->order + (size_t)p * a->n, h->out + (g * a->passes + p) * (a->n + (uint64_t)1), a->n);
    }
    return NULL;
}

static qd_status run(void *state, unsigned threads, void *out, qd_error *err) {
    const qd_prefix_ask *a = &((const qd_prefix_case *)state)->ask;
    share shares[THREADS_MAX];
    pthread_t id[THREADS_MAX];
    bool started[THREADS_MAX] = {false};
    uint64_t groups = (a->frames + 63) / 64, words = 64 * qd_bits_words(a->n);
    if (threads > THREADS_MAX) threads = THREADS_MAX;
    uint64_t *sliced = malloc(threads * words * sizeof *sliced);
    if (!sliced) return qd_fail(err, QD_E_INTERNAL, "no memory for the loop|||take fewer frames");
    for (unsigned t = 0; t < threads; t++) {
        shares[t] = (share){a, groups * t / threads, groups * (t + 1) / threads, out, sliced + t * words};
        started[t] = t + 1 < threads && pthread_create(&id[t], NULL, thread, &shares[t]) == 0;
        if (!started[t]) (void)thread(&shares[t]);
    }
    for (unsigned t = 0; t < threads; t++)
        if (started[t]) (void)pthread_join(id[t], NULL);
    free(sliced);
    return QD_OK;
}

const qd_loop qd_loop_cascade_prefix = {"cascade_prefix", run};
