/* SPDX-License-Identifier: Apache-2.0 */
/* How often large-block codes fail: large_fer NAME Q FRAMES [FIRST [C [HALVE [SEED [CYCLE]]]]]. Random keys, independent errors
 * of probability Q, frames FIRST.. of the generator; C, HALVE, SEED and CYCLE other than the design's (- keeps it). The first
 * frame is decoded by the reference too. Of frames with few wrong bits these are listed: column, place and degree, e for an error of the channel. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "large_loop.h"
#include "qdistill/core/report.h"

enum { SEED = 20, SMALL = 19 /* wrong bits that a short reveal would still repair */, TOLD = 59 /* that are listed */ };

static _Noreturn void fail(const char *what, const qd_error *err) {
    fprintf(stderr, "large_fer: %s%s%s\n", what, err ? err->what : "", err ? err->likely : "");
    exit(1);
}

typedef struct frame {
    uint64_t *key, *bob, *syndrome, *bits;
    size_t words;
} frame;

static frame frame_make(const qd_large_code *c) {
    frame f = {.words = (size_t)c->cols * c->words};
    f.key = calloc(f.words, 8);
    f.bob = calloc(f.words, 8);
    f.bits = calloc(f.words, 8);
    f.syndrome = calloc((size_t)c->rows * c->words, 8);
    if (!f.key || !f.bob || !f.bits || !f.syndrome) fail("no memory", NULL);
    return f;
}

static uint64_t draw(frame *f, uint64_t number, double q) {
    uint32_t below = (uint32_t)(q * 4294967296.0), w[4];
    uint64_t errors = 0;
    for (size_t i = 0; i < f->words; i++) {
        uint64_t flips = 0;
        qd_philox(SEED, QD_STREAM_TEST, number, (uint32_t)i, w);
        f->key[i] = (uint64_t)w[1] << 32 | w[0];
        for (uint32_t k = 0; k < 16; k++) {
            qd_philox(SEED, QD_STREAM_FLIP, number, (uint32_t)i * 16 + k, w);
            for (int j = 0; j < 4; j++) flips = flips << 1 | (w[j] < below);
        }
        f->bob[i] = f->key[i] ^ flips;
        errors += (uint64_t)__builtin_popcountll(flips);
    }
    return errors;
}

static uint64_t wrong_bits(const frame *f) {
    uint64_t n = 0;
    for (size_t i = 0; i < f->words; i++) n += (uint64_t)__builtin_popcountll(f->bits[i] ^ f->key[i]);
    return n;
}

static double h(double q) {
    return -q * log2(q) - (1 - q) * log2(1 - q);
}

/* Decoded once more by the reference: bytes and iterations must be the same. */
static void compare(const qd_large_code *c, const qd_large_rule *rule, const frame *f, uint32_t iterations) {
    uint64_t *bits = calloc(f->words, 8);
    uint32_t again = 0;
    qd_error err = {0};
    if (!bits || qd_large_decode(c, rule, f->bob, f->syndrome, bits, &again, &err) != QD_OK) fail("reference: ", &err);
    if (again != iterations || memcmp(bits, f->bits, f->words * 8) != 0) fail("loop and reference differ", NULL);
    free(bits);
}

/* Where a few bits are wrong: columns with their degrees, and the odd rows. */
static void tell(const qd_large_code *c, const frame *f) {
    uint64_t *odd = calloc((size_t)c->rows * c->words, 8);
    uint32_t *degree = calloc(c->cols, sizeof *degree);
    if (!odd || !degree) fail("no memory", NULL);
    for (uint32_t e = 0; e < c->edges; e++) degree[c->edge[e].col]++;
    for (uint32_t r = 0; r < c->rows; r++)
        for (uint32_t e = c->row_start[r]; e < c->row_start[r + 1]; e++) {
            const qd_large_edge *g = &c->edge[e];
            for (uint32_t x = 0; x < c->z; x++) {
                uint32_t at = (x + g->shift) % c->z;
                uint64_t w = f->bits[(size_t)g->col * c->words + at / 64] ^ f->key[(size_t)g->col * c->words + at / 64];
                odd[(size_t)r * c->words + x / 64] ^= (w >> at % 64 & 1) << x % 64;
            }
        }
    uint64_t n = 0;
    for (size_t i = 0; i < (size_t)c->rows * c->words; i++) n += (uint64_t)__builtin_popcountll(odd[i]);
    fprintf(stderr, "  %" PRIu64 " odd rows; columns", n);
    for (size_t i = 0; i < f->words; i++)
        for (uint64_t w = f->bits[i] ^ f->key[i]; w; w &= w - 1)
            fprintf(stderr, " %zu.%u(%u%s)", i / c->words, (uint32_t)(i % c->words * 64 + (uint32_t)__builtin_ctzll(w)), degree[i / c->words],
                    (f->bob[i] ^ f->key[i]) & w & -w ? "e" : "");
    fprintf(stderr, "\n");
    free(odd), free(degree);
}

int main(int argc, char **argv) {
    qd_error err = {0};
    qd_large_design d;
    qd_large_code *c;
    if (argc < 4) fail("large_fer NAME Q FRAMES [FIRST [C [HALVE [SEED [CYCLE]]]]]", NULL);
    if (qd_large_named(argv[1], &d, &err) != QD_OK) fail("", &err);
    double q = strtod(argv[2], NULL);
    uint64_t frames = strtoull(argv[3], NULL, 10), first = argc > 4 ? strtoull(argv[4], NULL, 10) : 0;
    if (argc > 7 && *argv[7] != '-') d.seed = strtoull(argv[7], NULL, 10);
    if (argc > 8 && *argv[8] != '-') d.cycle = (uint32_t)strtoul(argv[8], NULL, 10);
    if (qd_large_make(&d, &c, &err) != QD_OK) fail("", &err);
    qd_large_rule rule = qd_large_rule_of(c, q);
    if (argc > 5 && *argv[5] != '-') rule.c = (uint32_t)strtoul(argv[5], NULL, 10);
    if (argc > 6 && *argv[6] != '-') rule.halve = (uint32_t)strtoul(argv[6], NULL, 10);
    frame f = frame_make(c);
    qd_large_loop *loop = qd_large_loop_create(c);
    if (!loop) fail("no memory", NULL);
    double n = (double)c->cols * c->z, leak = (double)c->rows / c->cols, iterations = 0, seconds = 0;
    uint64_t large = 0, small = 0, undetected = 0, errors = 0;
    for (uint64_t k = 0; k < frames; k++) {
        uint32_t used;
        errors += draw(&f, first + k, q);
        qd_large_loop_syndrome(loop, f.key, f.syndrome);
        double start = qd_now();
        if (qd_large_loop_decode(loop, &rule, f.bob, f.syndrome, f.bits, &used, &err) != QD_OK) fail("", &err);
        seconds += qd_now() - start;
        if (k == 0) compare(c, &rule, &f, used);
        uint64_t wrong = wrong_bits(&f);
        iterations += qd_large_spent(used);
        if (wrong && wrong <= TOLD) tell(c, &f);
        const bool solved = qd_large_solved(used);
        if (solved && wrong)
            undetected++, fprintf(stderr, "frame %" PRIu64 ": undetected, %" PRIu64 " bits wrong\n", first + k, wrong);
        if (!solved) {
            *(wrong > SMALL ? &large : &small) += 1;
            fprintf(stderr, "frame %" PRIu64 ": failed, %" PRIu64 " bits wrong\n", first + k, wrong);
        }
    }
    qd_interval fer = qd_interval95(large + small + undetected, frames);
    double count = (double)frames;
    printf("%s q %.5f f %.4f (realised %.4f): %" PRIu64 " frames, failed %" PRIu64 " large + %" PRIu64 " small + %" PRIu64
           " undetected, FER %.4f (%.4f to %.4f); iterations %.1f; c %u halve %u seed %" PRIu64
           " cycle %u; %.2f Mb/s, %.2f G edges/s%s\n",
           d.name, q, leak / h(q), leak / h((double)errors / (n * count)), frames, large, small, undetected, fer.value, fer.low,
           fer.high, iterations / count, rule.c, rule.halve, d.seed, d.cycle, n * count / seconds * 1e-6,
           c->edges * (double)c->z * iterations / seconds * 1e-9, qd_large_loop_fast() ? "" : " (reference)");
    qd_large_loop_destroy(loop);
    qd_large_free(c);
    free(f.key), free(f.bob), free(f.bits), free(f.syndrome);
    return 0;
}
