/* SPDX-License-Identifier: Apache-2.0 */
/* Registry rows of the room, and their fixed-seed cases. */
#include <stdlib.h>
#include <string.h>
#include "reconcile/cascade_prefix.h"
#include "reconcile/cases.h"
#include "reconcile/large_run.h"

static void random_words(uint64_t seed, uint64_t entity, uint64_t *w, size_t n) {
    qd_random r = {.rehearsal = 1, .seed = seed, .stream = QD_STREAM_TEST, .entity = entity};
    qd_random_bytes(&r, w, n * sizeof *w);
}

/* Make frame @p f of a case; bits past a column's length are zero. */
static void make_frame(const qd_code *c, uint64_t content, uint64_t seed, uint64_t f, uint64_t *frame) {
    if (content == QD_CASE_ZERO || content == QD_CASE_ONES)
        memset(frame, content == QD_CASE_ONES ? 0xff : 0, qd_frame_words(c) * 8);
    else
        random_words(seed, 2 * f, frame, qd_frame_words(c));
    for (uint32_t j = 0; j < c->cols; j++)
        for (uint32_t w = 0; w < c->words; w++) {
            uint32_t n = qd_code_col_bits(c, j), left = n > 64 * w ? n - 64 * w : 0;
            if (left < 64) frame[j * c->words + w] &= ((uint64_t)1 << left) - 1;
        }
}

/* ---- syndrome ---- */

enum { ROWS_MOST = QD_GRAPH_ROWS_MAX * QD_Z_MAX };
enum { SY_Z, SY_M, SY_FRAMES, SY_CONTENT, SY_SEED, SY_GRAPH, SY_FORM, SY_KEYS };
static const qd_key syndrome_keys[] = {{"z", 384, 2, QD_Z_MAX, "lifting size, above 384 of graphs 3, 4 and 5"},
                                       {"m", 5376, 8, ROWS_MOST, "syndrome bits of a frame, 4 z..46 z (of graph 2 42 z, 4 36 z, 5 18 z)"},
                                       {"frames", 8, 1, 1u << 20, "frames"},
                                       {"content", 0, 0, 2, "0 uniform, 1 zeros, 2 ones"},
                                       {"seed", 1, 0, UINT64_MAX, "seed"},
                                       {"graph", 1, 1, 5, "base graph, 3: the first with the rows of qd-bg1, 4: qd-k22, 5: qd-k33"},
                                       {"form", QD_SYNDROME_AUTO, 0, QD_SYNDROME_FORMS - 1, "a work-item takes: 0 by device, 1 a frame, 2 a block row"}};

static void syndrome_destroy(void *state) {
    qd_syndrome_case *s = state;
    if (s) free(s->frames);
    free(s);
}

static qd_status no_memory(qd_error *err) {
    return qd_fail(err, QD_E_INTERNAL, "no memory for the case|||take fewer frames");
}

/* A case's keys contradict each other where a message would be malformed. */
static qd_status case_code(qd_code *c, uint64_t graph, uint64_t z, uint64_t m, qd_error *err) {
    static const uint32_t id[] = {0, QD_CODE_NR_BG1, QD_CODE_NR_BG2, QD_CODE_QD_BG1, QD_CODE_QD_K22, QD_CODE_QD_K33};
    qd_status st = qd_code_make(c, id[graph], (uint32_t)z, (uint32_t)m, err);
    if (err && st == QD_E_INPUT) err->status = QD_E_USAGE;
    return st == QD_E_INPUT ? QD_E_USAGE : st;
}

static qd_status syndrome_create(const qd_problem *p, void **state, qd_error *err) {
    qd_code c;
    QD_TRY(case_code(&c, p->v[SY_GRAPH], p->v[SY_Z], p->v[SY_M], err));
    qd_syndrome_case *s = calloc(1, sizeof *s);
    if (!s) return no_memory(err);
    *s = (qd_syndrome_case){c, p->v[SY_FRAMES], malloc(p->v[SY_FRAMES] * qd_frame_words(&c) * 8), (qd_syndrome_form)p->v[SY_FORM]};
    if (!s->frames) {
        syndrome_destroy(s);
        return no_memory(err);
    }
    for (uint64_t f = 0; f < s->n; f++) make_frame(&c, p->v[SY_CONTENT], p->v[SY_SEED], f, s->frames + f * qd_frame_words(&c));
    *state = s;
    return QD_OK;
}

static size_t syndrome_bytes(const void *state) {
    const qd_syndrome_case *s = state;
    return s->n * qd_syndrome_words(&s->code) * 8;
}

static qd_status syndrome_reference(void *state, void *out, qd_error *err) {
    (void)err;
    qd_syndrome_case *s = state;
    qd_syndrome_ref(&s->code, s->n, s->frames, out);
    return QD_OK;
}

static qd_status syndrome_device(void *state, qd_device *dev, void *out, qd_error *err) {
    qd_syndrome_case *s = state;
    return qd_syndrome_run(&s->code, s->form, s->n, s->frames, out, dev, err);
}

static void syndrome_cost(const void *state, qd_cost *cost) {
    const qd_syndrome_case *s = state;
    double n = (double)s->n;
    *cost = (qd_cost){.bytes = n * 8 * (double)(qd_frame_words(&s->code) + qd_syndrome_words(&s->code)),
                      .ops = n * s->code.edges * s->code.z / 32.0 * 4, /* two shifts, or, xor for 32 positions of an edge */
                      .units = n * s->code.n,
                      .unit = "bit"};
}

#define BOTH_FORMS(problem) problem ",form=1", problem ",form=2"
static const char *const syndrome_quick[] = {"syndrome:z=384,m=5376,frames=1",
                                             "syndrome:z=384,m=5476,frames=17,seed=2",
                                             "syndrome:z=384,m=1536,frames=3",
                                             "syndrome:z=384,m=17664,frames=2",
                                             "syndrome:z=384,m=1537,frames=65",
                                             "syndrome:z=384,m=17281,frames=5",
                                             "syndrome:z=2,m=8,frames=7",
                                             "syndrome:z=2,m=91,frames=100",
                                             "syndrome:z=15,m=100,frames=33",
                                             "syndrome:z=36,m=365,frames=9",
                                             "syndrome:z=60,m=699,frames=4",
                                             "syndrome:z=64,m=641,frames=3",
                                             "syndrome:z=72,m=3312,frames=3",
                                             "syndrome:z=208,m=2999,frames=3",
                                             "syndrome:z=352,m=4000,frames=3",
                                             "syndrome:z=384,m=5400,frames=3,content=1",
                                             "syndrome:z=384,m=5400,frames=3,content=2",
                                             "syndrome:z=88,m=999,frames=3,content=2",
                                             "syndrome:z=36,m=365,frames=9,graph=2",
                                             "syndrome:z=36,m=299,frames=9,graph=3",
                                             "syndrome:z=384,m=2689,frames=3,graph=3",
                                             "syndrome:z=384,m=17664,frames=3,graph=3",
                                             "syndrome:z=2,m=13,frames=100,graph=3",
                                             "syndrome:z=384,m=13824,frames=3,graph=4",
                                             "syndrome:z=36,m=299,frames=9,graph=4",
                                             "syndrome:z=2,m=13,frames=100,graph=4",
                                             "syndrome:z=384,m=6912,frames=3,graph=5",
                                             "syndrome:z=384,m=1537,frames=3,graph=5",
                                             "syndrome:z=36,m=299,frames=9,graph=5",
                                             "syndrome:z=2,m=35,frames=100,graph=5",
                                             "syndrome:z=384,m=16128,frames=3,graph=2",
                                             "syndrome:z=384,m=1537,frames=3,graph=2",
                                             "syndrome:z=2,m=83,frames=100,graph=2",
                                             "syndrome:z=240,m=2999,frames=3,graph=2",
                                             BOTH_FORMS("syndrome:z=384,m=5376,frames=3"),
                                             BOTH_FORMS("syndrome:z=384,m=17281,frames=5,graph=3"),
                                             BOTH_FORMS("syndrome:z=384,m=5377,frames=5,graph=4"),
                                             BOTH_FORMS("syndrome:z=768,m=11529,frames=3,graph=3"),
                                             BOTH_FORMS("syndrome:z=704,m=6000,frames=3,graph=4"),
                                             BOTH_FORMS("syndrome:z=416,m=2081,frames=3,graph=5"),
                                             BOTH_FORMS("syndrome:z=352,m=3600,frames=5,graph=5"),
                                             BOTH_FORMS("syndrome:z=2,m=91,frames=100"),
                                             BOTH_FORMS("syndrome:z=60,m=699,frames=65"),
                                             BOTH_FORMS("syndrome:z=320,m=4479,frames=3"),
                                             BOTH_FORMS("syndrome:z=88,m=999,frames=3,content=2"),
                                             BOTH_FORMS("syndrome:z=36,m=365,frames=9,graph=2"),
                                             NULL};
static const char *const syndrome_tiny[] = {"syndrome:z=36,m=365,frames=2", "syndrome:z=64,m=641,frames=2",
                                            "syndrome:z=2,m=91,frames=3", "syndrome:z=384,m=1537,frames=1", NULL};
static const char *const syndrome_full[] = {"syndrome:z=384,m=5476,frames=1024", "syndrome:z=384,m=16000,frames=257",
                                            "syndrome:z=11,m=300,frames=20000", "syndrome:z=2,m=92,frames=16385",
                                            "syndrome:z=384,m=3200,frames=1024,graph=2", NULL};
static const char *const syndrome_profile[] = {"syndrome:z=384,m=5376,frames=2048", NULL};

static const qd_op syndrome_op = {.name = "syndrome",
                                  .summary = "syndromes of LDPC frames (5G NR base graphs, and our own)",
                                  .keys = syndrome_keys,
                                  .n_keys = SY_KEYS,
                                  .selftest = "syndrome:z=384,m=5476,frames=2",
                                  .cases_quick = syndrome_quick,
                                  .cases_tiny = syndrome_tiny,
                                  .cases_full = syndrome_full,
                                  .cases_profile = syndrome_profile,
                                  .create = syndrome_create,
                                  .destroy = syndrome_destroy,
                                  .output_bytes = syndrome_bytes,
                                  .reference = syndrome_reference,
                                  .device = syndrome_device,
                                  .cost = syndrome_cost};

/* ---- ldpc ---- */

enum { LD_Z, LD_M, LD_FRAMES, LD_PPM, LD_C, LD_A, LD_CAP, LD_FORM, LD_CONTENT, LD_SEED, LD_GRAPH, LD_KNOWN, LD_BEGIN, LD_KEYS };
static const qd_key ldpc_keys[] = {{"z", 384, 2, QD_Z_MAX, "lifting size, above 384 of graphs 3, 4 and 5"},
                                   {"m", 5376, 8, ROWS_MOST, "syndrome bits of a frame, 4 z..46 z (of graph 2 42 z, 4 36 z, 5 18 z)"},
                                   {"frames", 8, 1, 1u << 20, "frames"},
                                   {"ppm", 45000, 0, 1000000, "flipped bits, parts per million"},
                                   {"c", 8, 1, 32, "channel LLR"},
                                   {"a", 5, 2, 15, "check-node constant"},
                                   {"cap", 50, 1, 1000, "most iterations"},
                                   {"form", 0, 0, 64, "device form: 0 chosen, 1 lanes, 2 group, 3 group with columns in global memory, 16, 32 or 64 lanes"},
                                   {"content", 0, 0, 3, "0 uniform, 1 zeros, 2 ones, 3 a syndrome of no relation"},
                                   {"seed", 1, 0, UINT64_MAX, "seed"},
                                   {"graph", 1, 1, 5, "base graph, 3: the first with the rows of qd-bg1, 4: qd-k22, 5: qd-k33"},
                                   {"known", 0, 0, ROWS_MOST, "lifted rows from this one on have known extension bits, 0: none"},
                                   {"begin", 0, 0, ROWS_MOST, "rows of a first attempt that the run goes on from, 0: none"}};

static void ldpc_destroy(void *state) {
    qd_ldpc_case *s = state;
    if (s) {
        free(s->truth);
        free(s->frames);
        free(s->syndromes);
    }
    free(s);
}

/* Bob's frame: each key bit flipped with probability ppm / 10^6, as an integer threshold of a draw. */
static void flip(const qd_code *c, uint64_t ppm, uint64_t seed, uint64_t f, const uint64_t *truth, uint64_t *frame) {
    const uint64_t below = (ppm << 32) / 1000000;
    const uint32_t pitch = c->cover ? QD_Z_MAX : QD_Z_STANDARD;
    memset(frame, 0, qd_frame_words(c) * 8);
    for (uint32_t j = c->graph->punctured; j < c->cols; j++)
        for (uint32_t p = 0; p < qd_code_col_bits(c, j); p += 4) {
            uint32_t draw[4];
            qd_philox(seed, QD_STREAM_FLIP, f, j * pitch + p, draw);
            for (uint32_t q = p; q < p + 4 && q < qd_code_col_bits(c, j); q++) {
                uint64_t bit = (truth[j * c->words + q / 64] >> (q % 64) & 1) ^ (draw[q - p] < below);
                frame[j * c->words + q / 64] |= bit << (q % 64);
            }
        }
}

static void fill_case(qd_ldpc_case *s, const qd_problem *p) {
    const qd_code *c = &s->code;
    for (uint64_t f = 0; f < s->n; f++) {
        make_frame(c, p->v[LD_CONTENT], p->v[LD_SEED], f, s->truth + f * qd_frame_words(c));
        flip(c, p->v[LD_PPM], p->v[LD_SEED], f, s->truth + f * qd_frame_words(c), s->frames + f * qd_frame_words(c));
    }
    qd_syndrome_ref(c, s->n, s->truth, s->syndromes);
    if (p->v[LD_CONTENT] != QD_CASE_ALIEN) return;
    for (uint64_t f = 0; f < s->n; f++) {
        uint64_t *syn = s->syndromes + f * qd_syndrome_words(c), other[QD_GRAPH_ROWS_MAX * QD_Z_MAX / 64];
        random_words(p->v[LD_SEED], 2 * f + 1, other, qd_syndrome_words(c));
        for (uint32_t i = 0; i < c->rows; i++)
            for (uint32_t r = 0; r < qd_code_row_bits(c, i); r++)
                syn[i * c->words + r / 64] ^= other[i * c->words + r / 64] & ((uint64_t)1 << (r % 64));
    }
}

static qd_status ldpc_create(const qd_problem *p, void **state, qd_error *err) {
    qd_code c;
    QD_TRY(case_code(&c, p->v[LD_GRAPH], p->v[LD_Z], p->v[LD_M], err));
    if (p->v[LD_BEGIN] && (p->v[LD_BEGIN] < QD_CORE_ROWS * c.z || p->v[LD_BEGIN] > c.m))
        return qd_fail(err, QD_E_USAGE, "ldpc: a first attempt has 4 z..m rows||begin is out of range|");
    uint64_t form = p->v[LD_FORM];
    if (form > QD_LDPC_GROUP_FAR && form != QD_LDPC_LANES_16 && form != QD_LDPC_LANES_32 && form != QD_LDPC_LANES_64)
        return qd_fail(err, QD_E_USAGE, "ldpc has no form %llu||0, 1, 2, 3, 16, 32 or 64|", (unsigned long long)form);
    qd_ldpc_case *s = calloc(1, sizeof *s);
    if (!s) return no_memory(err);
    uint64_t n = p->v[LD_FRAMES];
    *s = (qd_ldpc_case){.code = c,
                        .rule = {(uint32_t)p->v[LD_C], (uint32_t)p->v[LD_A], (uint32_t)p->v[LD_CAP], (uint32_t)p->v[LD_KNOWN]},
                        .form = (qd_ldpc_form)p->v[LD_FORM],
                        .n = n,
                        .begin = (uint32_t)p->v[LD_BEGIN],
                        .truth = malloc(n * qd_frame_words(&c) * 8),
                        .frames = malloc(n * qd_frame_words(&c) * 8),
                        .syndromes = malloc(n * qd_syndrome_words(&c) * 8)};
    if (!s->truth || !s->frames || !s->syndromes) {
        ldpc_destroy(s);
        return no_memory(err);
    }
    fill_case(s, p);
    *state = s;
    return QD_OK;
}

static size_t ldpc_bytes(const void *state) {
    const qd_ldpc_case *s = state;
    return qd_ldpc_case_bits_bytes(s) + s->n * sizeof(uint32_t);
}

static void count(qd_ldpc_case *s, const uint32_t *iterations) {
    s->spent = 0;
    for (uint64_t f = 0; f < s->n; f++) s->spent += iterations[f] ? iterations[f] : s->rule.max_iterations;
}

/* The first rows, or columns, of units of a code cut to those of a shorter one. */
static void cut(const qd_code *c, uint64_t n, uint32_t from, uint32_t units, const uint64_t *in, uint64_t *out) {
    const size_t words = (size_t)units * c->words;
    for (uint64_t f = 0; f < n; f++) {
        memcpy(out + f * words, in + f * from * c->words, words * 8);
        for (uint32_t r = c->last; r < 64 * c->words; r++)
            out[(f + 1) * words - c->words + r / 64] &= ~((uint64_t)1 << r % 64);
    }
}

/* A first attempt with fewer rows, and then all of them. */
static qd_status go_on(const qd_ldpc_case *s, qd_device *dev, uint64_t *bits, uint32_t *iterations, qd_error *err) {
    qd_code first;
    qd_ldpc_state *state = NULL;
    qd_status st;
    QD_TRY(qd_code_make(&first, s->code.graph->id, s->code.z, s->begin, err));
    uint64_t *frames = malloc(s->n * qd_frame_words(&first) * 8), *syndromes = malloc(s->n * qd_syndrome_words(&first) * 8);
    uint32_t *place = malloc(s->n * sizeof *place);
    QD_TRY_OUT(st, frames && syndromes && place ? QD_OK : no_memory(err));
    QD_TRY_OUT(st, qd_ldpc_open(&state, &s->code, s->n, dev, err));
    cut(&first, s->n, s->code.cols, first.cols, s->frames, frames);
    cut(&first, s->n, s->code.rows, first.rows, s->syndromes, syndromes);
    for (uint64_t f = 0; f < s->n; f++) place[f] = (uint32_t)f;
    QD_TRY_OUT(st, qd_ldpc_go_on(state, &first, &s->rule, s->n, place, frames, syndromes, bits, iterations, s->form, err));
    QD_TRY_OUT(st, qd_ldpc_go_on(state, &s->code, &s->rule, s->n, place, s->frames, s->syndromes, bits, iterations, s->form, err));
out:
    qd_ldpc_close(state);
    free(frames);
    free(syndromes);
    free(place);
    return st;
}

static qd_status decode(qd_ldpc_case *s, qd_device *dev, void *out, qd_error *err) {
    uint32_t *iterations = (uint32_t *)(void *)((char *)out + qd_ldpc_case_bits_bytes(s));
    if (s->begin) QD_TRY(go_on(s, dev, out, iterations, err));
    else if (dev) QD_TRY(qd_ldpc_run(&s->code, &s->rule, s->n, s->frames, s->syndromes, out, iterations, s->form, dev, err));
    else QD_TRY(qd_ldpc_ref(&s->code, &s->rule, s->n, s->frames, s->syndromes, out, iterations, err));
    count(s, iterations);
    return QD_OK;
}

static qd_status ldpc_reference(void *state, void *out, qd_error *err) {
    return decode(state, NULL, out, err);
}

static qd_status ldpc_device(void *state, qd_device *dev, void *out, qd_error *err) {
    return decode(state, dev, out, err);
}

/* Byte operations of an edge: subtract, size, sign, max, min, box 5 (six, but for two of the chain and with three of the end, in rows of about
 * seven edges); compare, select, sign 2, add. */
enum { EDGE_OPS = 16, TYPICAL_ITERATIONS = 14 };

static void ldpc_cost(const void *state, qd_cost *cost) {
    const qd_ldpc_case *s = state;
    double n = (double)s->n, spent = s->spent ? (double)s->spent : TYPICAL_ITERATIONS * n;
    *cost = (qd_cost){.bytes = n * 8 * (double)(2 * qd_frame_words(&s->code) + qd_syndrome_words(&s->code)),
                      .ops = spent * s->code.edges * s->code.z * EDGE_OPS / 4.0, /* four bytes at a time */
                      .units = n * s->code.n,
                      .unit = "bit"};
}

static const char *const ldpc_quick[] = {"ldpc:z=384,m=5376,frames=1",
                                         "ldpc:z=384,m=5476,frames=5,form=1",
                                         "ldpc:z=384,m=5476,frames=2,form=2",
                                         "ldpc:z=384,m=1536,frames=2,ppm=7000,c=12",
                                         "ldpc:z=384,m=17664,frames=2,ppm=110000,c=6",
                                         "ldpc:z=384,m=17281,frames=1,ppm=110000,c=6,form=2",
                                         "ldpc:z=384,m=1537,frames=3,ppm=0",
                                         "ldpc:z=2,m=8,frames=3,ppm=1000",
                                         "ldpc:z=2,m=91,frames=40",
                                         "ldpc:z=2,m=91,frames=40,form=2",
                                         "ldpc:z=15,m=140,frames=9",
                                         "ldpc:z=36,m=510,frames=9",
                                         "ldpc:z=60,m=811,frames=3,form=2",
                                         "ldpc:z=60,m=811,frames=3",
                                         "ldpc:z=64,m=896,frames=3",
                                         "ldpc:z=72,m=1000,frames=3",
                                         "ldpc:z=208,m=2911,frames=3",
                                         "ldpc:z=352,m=4930,frames=2",
                                         "ldpc:z=384,m=5400,frames=2,content=1",
                                         "ldpc:z=384,m=5400,frames=2,content=2",
                                         "ldpc:z=384,m=5400,frames=2,content=3,c=32,a=2",
                                         "ldpc:z=88,m=1230,frames=3,content=3,c=1,a=15",
                                         "ldpc:z=88,m=1230,frames=3,content=3,c=32,a=15,cap=400,form=2",
                                         "ldpc:z=88,m=1230,frames=3,content=3,c=32,a=3,cap=400",
                                         "ldpc:z=384,m=5400,frames=2,ppm=1000000",
                                         "ldpc:z=384,m=5400,frames=2,ppm=500000,cap=1",
                                         "ldpc:z=384,m=2900,frames=3,graph=2",
                                         "ldpc:z=384,m=16128,frames=2,ppm=150000,c=6,graph=2",
                                         "ldpc:z=36,m=365,frames=9,ppm=60000,graph=2",
                                         "ldpc:z=60,m=550,frames=3,graph=2,form=2",
                                         "ldpc:z=2,m=83,frames=40,graph=2",
                                         "ldpc:z=352,m=1409,frames=2,ppm=5000,c=12,graph=2",
                                         "ldpc:z=88,m=730,frames=3,content=3,c=32,a=3,cap=400,graph=2",
                                         "ldpc:z=384,m=2900,frames=3,ppm=20000,c=10,a=4,graph=3",
                                         "ldpc:z=36,m=365,frames=9,ppm=30000,graph=3",
                                         "ldpc:z=60,m=550,frames=3,ppm=30000,graph=3,form=2",
                                         "ldpc:z=2,m=13,frames=40,graph=3",
                                         "ldpc:z=72,m=640,frames=9,begin=500,known=500,cap=12,ppm=20000,graph=3",
                                         "ldpc:z=384,m=2900,frames=3,ppm=20000,c=11,a=9,graph=4",
                                         "ldpc:z=88,m=1230,frames=3,ppm=60000,c=9,a=8,form=2",
                                         "ldpc:z=384,m=13824,frames=1,ppm=90000,c=6,graph=4",
                                         "ldpc:z=36,m=365,frames=9,ppm=30000,graph=4",
                                         "ldpc:z=60,m=550,frames=3,ppm=30000,graph=4,form=2",
                                         "ldpc:z=2,m=13,frames=40,graph=4",
                                         "ldpc:z=88,m=730,frames=3,content=3,c=32,a=3,cap=400,graph=4",
                                         "ldpc:z=72,m=640,frames=9,begin=500,known=500,cap=12,ppm=20000,graph=4",
                                         "ldpc:z=72,m=640,frames=9,begin=500,known=500,cap=12,ppm=20000,graph=4,form=2",
                                         "ldpc:z=384,m=2900,frames=3,ppm=8000,c=10,a=4,graph=5",
                                         "ldpc:z=384,m=6912,frames=1,ppm=30000,graph=5",
                                         "ldpc:z=352,m=1409,frames=2,ppm=3000,c=12,graph=5",
                                         "ldpc:z=36,m=365,frames=9,ppm=15000,graph=5",
                                         "ldpc:z=60,m=550,frames=3,ppm=15000,graph=5,form=2",
                                         "ldpc:z=2,m=13,frames=40,graph=5",
                                         "ldpc:z=88,m=730,frames=3,content=3,c=32,a=3,cap=400,graph=5",
                                         "ldpc:z=72,m=640,frames=9,begin=500,known=500,cap=12,ppm=12000,graph=5",
                                         "ldpc:z=72,m=640,frames=9,begin=500,known=500,cap=12,ppm=12000,graph=5,form=2",
                                         "ldpc:z=384,m=5476,frames=2,known=1536",
                                         "ldpc:z=384,m=5476,frames=2,known=4000,content=1",
                                         "ldpc:z=384,m=5476,frames=2,known=4000,form=2",
                                         "ldpc:z=384,m=5476,frames=2,form=3",
                                         "ldpc:z=72,m=640,frames=9,begin=500,known=500,cap=12,ppm=20000,graph=4,form=3",
                                         "ldpc:z=768,m=11529,frames=2,ppm=40000,graph=3",
                                         "ldpc:z=768,m=11529,frames=2,ppm=40000,graph=4,form=2",
                                         "ldpc:z=704,m=9000,frames=2,ppm=30000,graph=4",
                                         "ldpc:z=480,m=4000,frames=3,ppm=10000,graph=5",
                                         "ldpc:z=416,m=4000,frames=3,ppm=10000,graph=5,form=3",
                                         "ldpc:z=768,m=8001,frames=2,begin=7001,cap=9,ppm=40000,graph=4",
                                         "ldpc:z=72,m=1000,frames=3,known=700,content=1,ppm=30000",
                                         "ldpc:z=72,m=1000,frames=3,known=719,form=2",
                                         "ldpc:z=36,m=510,frames=9,known=144,content=1,ppm=20000",
                                         "ldpc:z=36,m=510,frames=9,known=144,content=3,form=2",
                                         "ldpc:z=384,m=5476,frames=2,begin=5000,cap=9",
                                         "ldpc:z=384,m=5376,frames=2,begin=4610,cap=9,form=2",
                                         "ldpc:z=72,m=1000,frames=9,begin=920,known=920,cap=12",
                                         "ldpc:z=72,m=1000,frames=9,begin=920,known=920,cap=12,form=2",
                                         "ldpc:z=60,m=811,frames=3,begin=245,cap=7,content=3",
                                         "ldpc:z=36,m=365,frames=9,begin=364,cap=7,ppm=60000,graph=2",
                                         NULL};
static const char *const ldpc_tiny[] = {"ldpc:z=15,m=140,frames=2,cap=2", "ldpc:z=2,m=91,frames=3,form=2",
                                        "ldpc:z=36,m=200,frames=2,cap=3,form=2", "ldpc:z=36,m=200,frames=2,cap=3,form=3",
                                        "ldpc:z=88,m=400,frames=1,cap=1", NULL};
static const char *const ldpc_full[] = {"ldpc:z=384,m=5476,frames=64,ppm=50000",
                                        "ldpc:z=384,m=5476,frames=64,ppm=50000,form=2",
                                        "ldpc:z=384,m=5476,frames=5,form=16",
                                        "ldpc:z=88,m=1230,frames=3,form=16",
                                        "ldpc:z=384,m=5476,frames=5,form=32",
                                        "ldpc:z=88,m=1230,frames=3,form=32",
                                        "ldpc:z=384,m=5476,frames=5,form=64",
                                        "ldpc:z=88,m=1230,frames=3,form=64",
                                        "ldpc:z=36,m=510,frames=3,form=64",
                                        "ldpc:z=2,m=91,frames=40,form=64",
                                        "ldpc:z=384,m=10000,frames=32,ppm=85000",
                                        "ldpc:z=2,m=92,frames=16385",
                                        "ldpc:z=2,m=92,frames=2049,form=2",
                                        "ldpc:z=384,m=3840,frames=16,content=3,cap=1000",
                                        "ldpc:z=768,m=35328,frames=3,ppm=90000,graph=3",
                                        "ldpc:z=768,m=27648,frames=3,ppm=90000,graph=4,form=3",
                                        "ldpc:z=704,m=9000,frames=2,ppm=30000,graph=4,form=16",
                                        "ldpc:z=768,m=9000,frames=2,ppm=10000,graph=5,form=32",
                                        "ldpc:z=384,m=3200,frames=33,graph=2",
                                        "ldpc:z=384,m=3200,frames=5,graph=2,form=2",
                                        "ldpc:z=88,m=733,frames=3,form=16,graph=2",
                                        "ldpc:z=88,m=733,frames=3,form=16,ppm=20000,graph=4",
                                        "ldpc:z=384,m=3733,frames=3,form=16,ppm=12000,graph=5",
                                        "ldpc:z=88,m=733,frames=3,form=32,ppm=12000,graph=5",
                                        "ldpc:z=384,m=3733,frames=3,form=64,ppm=12000,graph=5",
                                        NULL};
static const char *const ldpc_profile[] = {"ldpc:z=384,m=5376,frames=256,ppm=50000", NULL};

static const qd_op ldpc_op = {.name = "ldpc",
                              .summary = "layered int8 LDPC syndrome decoding (5G NR base graphs, and our own)",
                              .keys = ldpc_keys,
                              .n_keys = LD_KEYS,
                              .selftest = "ldpc:z=384,m=5476,frames=1,cap=8",
                              .cases_quick = ldpc_quick,
                              .cases_tiny = ldpc_tiny,
                              .cases_full = ldpc_full,
                              .cases_profile = ldpc_profile,
                              .create = ldpc_create,
                              .destroy = ldpc_destroy,
                              .output_bytes = ldpc_bytes,
                              .reference = ldpc_reference,
                              .device = ldpc_device,
                              .cost = ldpc_cost};

const qd_op *const qd_reconcile_ops[] = {&syndrome_op, &ldpc_op, &qd_large_op, &qd_cascade_prefix_op, NULL};
