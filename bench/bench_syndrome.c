/* SPDX-License-Identifier: Apache-2.0 */
/* Tuned C loop of `syndrome`: each column of a frame is laid out twice in a row, so that a rotation is a run of shifted words
 * that the
 * compiler vectorises; frames in shares a thread. */
#include <pthread.h>
#include <string.h>
#include "loops.h"
#include "reconcile/cases.h"

enum { THREADS_MAX = 256, WORDS = QD_Z_MAX / 64, STANDARD = QD_Z_STANDARD / 64, TWICE = 2 * WORDS + 2 };

typedef struct share {
    const qd_syndrome_case *s;
    uint64_t first, end;
    uint64_t *out;
} share;

/* The column from its first bit, on and on. */
static void repeat(const qd_code *c, const uint64_t *column, uint64_t *twice) {
    const uint32_t room = 2 * c->words + 2;
    memset(twice, 0, room * sizeof *twice);
    for (uint32_t at = 0; at < 64 * (room - 1); at += c->z)
        for (uint32_t w = 0; w < c->words; w++) {
            uint32_t bit = at + 64 * w;
            if (bit / 64 >= room) break;
            twice[bit / 64] |= column[w] << (bit % 64);
            if (bit % 64 && bit / 64 + 1 < room) twice[bit / 64 + 1] |= column[w] >> (64 - bit % 64);
        }
}

static inline __attribute__((always_inline)) void add(uint64_t *sum, const uint64_t *column, uint32_t shift, uint32_t words) {
    const uint64_t *p = column + shift / 64;
    uint32_t b = shift % 64;
    for (uint32_t w = 0; w < words; w++) sum[w] ^= p[w] >> b | (p[w + 1] << 1) << (63 - b);
}

static void one(const qd_code *c, const uint64_t *frame, uint64_t *out) {
    uint64_t twice[QD_GRAPH_COLS_MAX][TWICE];
    for (uint32_t j = 0; j < c->cols; j++) repeat(c, frame + j * c->words, twice[j]);
    for (uint32_t i = 0; i < c->rows; i++) {
        uint64_t sum[WORDS] = {0};
        for (uint32_t e = c->graph->row_start[i]; e < c->graph->row_start[i + 1]; e++) {
            const qd_edge *edge = &c->graph->edges[e];
            uint32_t shift = qd_code_shift(c, edge);
            if (c->words == STANDARD)
                add(sum, twice[edge->col], shift, STANDARD);
            else if (c->words == WORDS)
                add(sum, twice[edge->col], shift, WORDS);
            else
                add(sum, twice[edge->col], shift, c->words);
        }
        for (uint32_t w = 0, n = qd_code_row_bits(c, i); w < c->words; w++) {
            uint32_t left = n > 64 * w ? n - 64 * w : 0;
            out[i * c->words + w] = left < 64 ? sum[w] & (((uint64_t)1 << left) - 1) : sum[w];
        }
    }
}

static void *thread(void *arg) {
    share *h = arg;
    const qd_code *c = &h->s->code;
    for (uint64_t f = h->first; f < h->end; f++) one(c, h->s->frames + f * qd_frame_words(c), h->out + f * qd_syndrome_words(c));
    return NULL;
}

static qd_status run(void *state, unsigned threads, void *out, qd_error *err) {
    (void)err;
    const qd_syndrome_case *s = state;
    share shares[THREADS_MAX];
    pthread_t id[THREADS_MAX];
    bool started[THREADS_MAX] = {false};
    if (threads > THREADS_MAX) threads = THREADS_MAX;
    for (unsigned t = 0; t < threads; t++) {
        shares[t] = (share){s, s->n * t / threads, s->n * (t + 1) / threads, out};
        started[t] = t + 1 < threads && pthread_create(&id[t], NULL, thread, &shares[t]) == 0;
        if (!started[t]) (void)thread(&shares[t]);
    }
    for (unsigned t = 0; t < threads; t++)
        if (started[t]) (void)pthread_join(id[t], NULL);
    return QD_OK;
}

const qd_loop qd_loop_syndrome = {"syndrome", run};
