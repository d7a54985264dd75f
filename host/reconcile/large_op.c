/* SPDX-License-Identifier: Apache-2.0 */
/* Registry row of the large-block codes, and its fixed-seed cases. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "reconcile/large_run.h"

enum { ROWS, COLS, Z, FRAMES, PPM, C, CAP, HALVE, FORM, CONTENT, SEED, MATRIX, JOINED, PATIENCE, KEYS };
static const qd_key keys[] = {{"rows", 300, 1, QD_LARGE_ROWS_MAX, "block rows"},
                              {"cols", 1000, 1, QD_LARGE_COLS_MAX, "block columns"},
                              {"z", 1024, 64, QD_LARGE_Z_MAX, "lifting size, a multiple of 64"},
                              {"frames", 4, 1, 1u << 16, "frames"},
                              {"ppm", 45000, 0, 1000000, "flipped bits, parts per million"},
                              {"c", 0, 0, QD_LARGE_CLIP, "channel LLR, 0: that of ppm"},
                              {"cap", 200, 1, 1000, "most iterations"},
                              {"halve", 8, 0, UINT32_MAX, "steps double at 1/halve of odd rows, 0: at any number"},
                              {"form", 0, 0, 64, "device form: 0 chosen, 1 lanes, 2 group, 32 or 64 lanes"},
                              {"content", 0, 0, 3, "0 uniform, 1 zeros, 2 ones, 3 a syndrome of no relation"},
                              {"seed", 1, 0, UINT64_MAX, "seed"},
                              {"matrix", 0, 0, 250, "0: by design; else a random one with columns of this degree"},
                              {"joined", 0, 0, (uint64_t)QD_LARGE_ROWS_MAX / 2 * QD_LARGE_Z_MAX, "pairs of lifted rows joined, each row in one at most"},
                              {"patience", 0, 0, 1000, "iterations without fewer odd rows until a frame is given up; 0: it is not"}};

static void destroy(void *state) {
    qd_large_case *s = state;
    if (s) {
        qd_large_free(s->code);
        free(s->truth);
        free(s->frames);
        free(s->other);
    }
    free(s);
}

static qd_status no_memory(qd_error *err) {
    return qd_fail(err, QD_E_INTERNAL, "no memory for the case|||take fewer frames");
}

/* Each column has `degree` edges in rows of its own (or in all, if there are fewer), and each row at least one: row i begins with
 * column i mod cols. */
static qd_status random_matrix(uint32_t rows, uint32_t cols, uint32_t z, uint32_t degree, uint64_t seed, qd_large_code **out,
                               qd_error *err) {
    qd_random r = {.rehearsal = 1, .seed = seed, .stream = QD_STREAM_CODE};
    uint8_t *has = calloc((size_t)rows * cols, 1);
    qd_large_edge *edge = malloc((size_t)rows * cols * sizeof *edge);
    uint32_t *start = calloc(rows + 1, sizeof *start), n = 0;
    qd_status st = has && edge && start ? QD_OK : no_memory(err);
    for (uint32_t i = 0; i < rows && st == QD_OK; i++) has[(size_t)i * cols + i % cols] = 1;
    for (uint32_t j = 0; j < cols && st == QD_OK; j++)
        for (uint32_t k = 0; k < degree; k++) has[(size_t)qd_random_below(&r, rows) * cols + j] = 1;
    for (uint32_t i = 0; i < rows && st == QD_OK; i++) {
        for (uint32_t j = 0; j < cols; j++)
            if (has[(size_t)i * cols + j]) edge[n++] = (qd_large_edge){(uint16_t)j, (uint16_t)qd_random_below(&r, z)};
        start[i + 1] = n;
    }
    if (st == QD_OK) st = qd_large_from(rows, cols, z, start, edge, out, err);
    free(has);
    free(edge);
    free(start);
    return st;
}

static qd_status make_code(const qd_problem *p, qd_large_code **out, qd_error *err) {
    const uint32_t rows = (uint32_t)p->v[ROWS], cols = (uint32_t)p->v[COLS], z = (uint32_t)p->v[Z];
    qd_large_design d;
    if (z % 64) return qd_fail(err, QD_E_USAGE, "large has no lifting size %u||it is a multiple of 64|", z);
    if (p->v[MATRIX]) return random_matrix(rows, cols, z, (uint32_t)p->v[MATRIX], p->v[SEED], out, err);
    QD_TRY(qd_large_sized(rows, cols, z, &d, err));
    return qd_large_drawn(&d, out, err);
}

static qd_status join(const qd_problem *p, qd_large_code **code, qd_error *err) {
    qd_large_code *apart = *code;
    if (!p->v[JOINED]) return QD_OK;
    qd_status st = qd_large_joined(apart, (uint32_t)p->v[JOINED], code, err);
    if (st == QD_OK) qd_large_free(apart);
    else *code = apart;
    return st;
}

static void fill(qd_large_case *s, const qd_problem *p) {
    const uint64_t below = (p->v[PPM] << 32) / 1000000, seed = p->v[SEED], words = qd_large_frame_words(s->code);
    for (uint64_t f = 0; f < s->n; f++) {
        qd_random key = {.rehearsal = 1, .seed = seed, .stream = QD_STREAM_TEST, .entity = f},
                  flip = {.rehearsal = 1, .seed = seed, .stream = QD_STREAM_FLIP, .entity = f};
        uint64_t *truth = s->truth + f * words, *frame = s->frames + f * words;
        if (p->v[CONTENT] == 1 || p->v[CONTENT] == 2)
            memset(truth, p->v[CONTENT] == 2 ? 0xff : 0, words * 8);
        else
            qd_random_bytes(&key, truth, words * 8);
        qd_large_clear_told(s->code, truth);
        for (uint64_t i = 0; i < words; i++) {
            uint32_t draw[64];
            qd_random_bytes(&flip, draw, sizeof draw);
            frame[i] = truth[i];
            for (int b = 0; b < 64; b++) frame[i] ^= (uint64_t)(draw[b] < below) << b;
        }
    }
    if (!s->alien) return;
    qd_random other = {.rehearsal = 1, .seed = seed, .stream = QD_STREAM_TEST, .entity = s->n};
    qd_random_bytes(&other, s->other, s->n * qd_large_syndrome_words(s->code) * 8);
}

static qd_status create(const qd_problem *p, void **state, qd_error *err) {
    const uint64_t form = p->v[FORM];
    if (form > QD_LARGE_GROUP && form != QD_LARGE_LANES_32 && form != QD_LARGE_LANES_64)
        return qd_fail(err, QD_E_USAGE, "large has no form %llu||0, 1, 2, 32 or 64|", (unsigned long long)form);
    qd_large_case *s = calloc(1, sizeof *s);
    if (!s) return no_memory(err);
    qd_status st = make_code(p, &s->code, err);
    if (st == QD_OK) st = join(p, &s->code, err);
    if (st == QD_OK) {
        s->form = (qd_large_form)form;
        s->n = p->v[FRAMES];
        s->alien = p->v[CONTENT] == 3;
        s->rule = qd_large_rule_of(s->code, fmin(0.49, fmax(1e-6, (double)p->v[PPM] * 1e-6)));
        if (p->v[C]) s->rule.c = (uint32_t)p->v[C];
        s->rule.max_iterations = (uint32_t)p->v[CAP];
        s->rule.patience = (uint32_t)p->v[PATIENCE];
        s->rule.halve = p->v[HALVE] ? (uint32_t)(s->code->rows * s->code->z / p->v[HALVE]) : UINT32_MAX;
        s->truth = malloc(s->n * qd_large_frame_words(s->code) * 8);
        s->frames = malloc(s->n * qd_large_frame_words(s->code) * 8);
        s->other = s->alien ? malloc(s->n * qd_large_syndrome_words(s->code) * 8) : NULL;
        if (!s->truth || !s->frames || (s->alien && !s->other)) st = no_memory(err);
    }
    if (st != QD_OK) {
        destroy(s);
        return st;
    }
    fill(s, p);
    *state = s;
    return QD_OK;
}

static size_t output_bytes(const void *state) {
    const qd_large_case *s = state;
    return s->n * ((qd_large_syndrome_words(s->code) + qd_large_frame_words(s->code)) * 8 + sizeof(uint32_t));
}

/* Syndromes, then decoding with them (or with others). */
static qd_status run(qd_large_case *s, qd_device *dev, void *out, qd_error *err) {
    const size_t words = s->n * qd_large_syndrome_words(s->code);
    uint64_t *syndromes = out;
    uint32_t *iterations = qd_large_case_iterations(s, out);
    QD_TRY(qd_large_syndrome_run(s->code, s->n, s->truth, syndromes, s->form, dev, err));
    for (size_t i = 0; i < words && s->alien; i++) syndromes[i] ^= s->other[i];
    QD_TRY(
        qd_large_run(s->code, &s->rule, s->n, s->frames, syndromes, qd_large_case_bits(s, out), iterations, s->form, dev, err));
    s->spent = 0;
    for (uint64_t f = 0; f < s->n; f++) s->spent += qd_large_spent(iterations[f]);
    return QD_OK;
}

static qd_status reference(void *state, void *out, qd_error *err) {
    return run(state, NULL, out, err);
}

static qd_status device(void *state, qd_device *dev, void *out, qd_error *err) {
    return run(state, dev, out, err);
}

/* Operations of an edge by the definition in large.h, on bytes: size, class 2, three leasts 4, sign; class again 3, two
 * selections 4, sign 3; on 16 bits: subtract twice, phi 2, add 2. */
enum { BYTE_OPS = 18, SHORT_OPS = 6, TYPICAL_ITERATIONS = 30 };

static void cost(const void *state, qd_cost *cost) {
    const qd_large_case *s = state;
    const double n = (double)s->n, spent = s->spent ? (double)s->spent : TYPICAL_ITERATIONS * n,
                 edges = (double)s->code->edges * s->code->z;
    /* what a frame is worked on in, 3 to 22 MB, can stay in a cache */
    *cost = (qd_cost){.bytes = n * 8 * (double)(3 * qd_large_frame_words(s->code) + 2 * qd_large_syndrome_words(s->code)),
                      .ops = spent * edges * (BYTE_OPS / 4. + SHORT_OPS / 2.),
                      .units = n * s->code->cols * s->code->z,
                      .unit = "bit"};
}

static const char *const quick[] = {"large:frames=1,cap=2",
                                    "large:rows=50,frames=1,ppm=4800,cap=2,halve=0,seed=3",
                                    "large:rows=6,cols=20,z=64,frames=5,matrix=3",
                                    "large:rows=6,cols=20,z=64,frames=5,matrix=3,form=1",
                                    "large:rows=6,cols=20,z=64,frames=5,matrix=3,form=2",
                                    "large:rows=6,cols=20,z=64,frames=5,matrix=3,form=32",
                                    "large:rows=6,cols=20,z=64,frames=5,matrix=3,form=64",
                                    "large:rows=1,cols=1,z=64,frames=1,matrix=1,form=1",
                                    "large:rows=1,cols=1,z=64,frames=1,matrix=1,form=2",
                                    "large:rows=2,cols=3,z=64,frames=70,ppm=300000,matrix=2,cap=9",
                                    "large:rows=40,cols=90,z=128,frames=3,ppm=40000,matrix=3",
                                    "large:rows=40,cols=90,z=128,frames=3,ppm=40000,matrix=3,form=2",
                                    "large:rows=40,cols=90,z=576,frames=2,ppm=60000,matrix=3,form=32",
                                    "large:rows=40,cols=90,z=576,frames=2,ppm=60000,matrix=3,form=64",
                                    "large:rows=40,cols=90,z=576,frames=2,ppm=60000,matrix=3",
                                    "large:rows=20,cols=100,z=1024,frames=3,ppm=10000,matrix=3",
                                    "large:rows=20,cols=100,z=4096,frames=1,ppm=10000,matrix=4",
                                    "large:rows=3,cols=200,z=64,frames=3,ppm=1000,matrix=3",
                                    "large:rows=30,cols=60,z=64,frames=3,ppm=60000,matrix=30,cap=20,form=1",
                                    "large:rows=30,cols=60,z=64,frames=3,ppm=60000,matrix=30,cap=20,form=2",
                                    "large:rows=12,cols=30,z=192,frames=4,content=1,matrix=3",
                                    "large:rows=12,cols=30,z=192,frames=4,content=2,matrix=3",
                                    "large:rows=12,cols=30,z=192,frames=4,content=3,matrix=3,c=127,cap=60",
                                    "large:rows=12,cols=30,z=192,frames=4,content=3,matrix=3,c=127,cap=60,form=2",
                                    "large:rows=12,cols=30,z=192,frames=4,content=3,matrix=3,c=127,cap=60,form=32",
                                    "large:rows=12,cols=30,z=192,frames=4,content=3,matrix=3,c=1,cap=60,halve=0",
                                    "large:rows=12,cols=30,z=192,frames=4,content=3,matrix=3,c=1,cap=60,halve=0,form=2",
                                    "large:rows=250,cols=260,z=64,frames=2,content=3,matrix=249,c=127,cap=8,form=1",
                                    "large:rows=250,cols=260,z=64,frames=2,content=3,matrix=249,c=127,cap=8,form=32",
                                    "large:rows=12,cols=30,z=192,frames=3,ppm=0,matrix=3",
                                    "large:rows=12,cols=30,z=192,frames=3,ppm=1000000,matrix=3",
                                    "large:rows=40,cols=90,z=128,frames=3,ppm=20000,matrix=3,joined=384",
                                    "large:rows=40,cols=90,z=128,frames=3,ppm=20000,matrix=3,joined=300,form=2",
                                    "large:rows=40,cols=90,z=128,frames=3,ppm=20000,matrix=3,joined=2560,form=32",
                                    "large:rows=40,cols=90,z=128,frames=3,ppm=20000,matrix=3,joined=2500,form=64,halve=0",
                                    "large:rows=2,cols=3,z=64,frames=5,ppm=100000,matrix=2,joined=1,cap=9",
                                    "large:rows=40,cols=90,z=128,frames=6,ppm=80000,matrix=3,patience=3",
                                    "large:rows=40,cols=90,z=128,frames=6,ppm=80000,matrix=3,patience=3,form=2",
                                    "large:rows=12,cols=30,z=192,frames=4,content=3,matrix=3,cap=30,patience=1,form=32",
                                    NULL};
static const char *const tiny[] = {"large:rows=3,cols=7,z=64,frames=2,matrix=2,cap=2",
                                   "large:rows=3,cols=7,z=64,frames=1,matrix=2,cap=3,halve=0,form=2",
                                   "large:rows=1,cols=2,z=64,frames=1,matrix=1,cap=1,form=2", NULL};
static const char *const full[] = {"large:frames=2,ppm=46800",
                                   "large:frames=1,ppm=46800,form=32",
                                   "large:frames=1,ppm=46800,form=64",
                                   "large:frames=1,ppm=46800,form=2",
                                   "large:rows=50,frames=1,ppm=5000",
                                   "large:rows=86,cols=970,frames=1,ppm=9800",
                                   "large:rows=160,z=256,frames=2,ppm=21000",
                                   "large:rows=160,cols=973,z=1472,frames=1,ppm=22000",
                                   "large:rows=160,cols=973,z=1472,frames=1,ppm=22000,form=2",
                                   "large:rows=290,cols=940,z=2048,frames=1,ppm=48000",
                                   "large:rows=290,cols=940,z=2048,frames=1,ppm=48000,form=2",
                                   "large:rows=520,frames=1,ppm=100000",
                                   "large:frames=1,content=3,cap=40",
                                   "large:rows=12,cols=30,z=192,frames=300,ppm=60000,matrix=3",
                                   NULL};
static const char *const profile[] = {"large:frames=4,ppm=46800", NULL};

const qd_op qd_large_op = {.name = "large",
                           .summary = "syndromes and layered decoding of large-block LDPC codes",
                           .keys = keys,
                           .n_keys = KEYS,
                           .selftest = "large:rows=6,cols=20,z=64,frames=2,matrix=3",
                           .cases_quick = quick,
                           .cases_tiny = tiny,
                           .cases_full = full,
                           .cases_profile = profile,
                           .create = create,
                           .destroy = destroy,
                           .output_bytes = output_bytes,
                           .reference = reference,
                           .device = device,
                           .cost = cost};
