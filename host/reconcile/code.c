/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/code.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const qd_graph *const graphs[] = {&qd_graph_nr_bg1, &qd_graph_nr_bg2, &qd_graph_qd_bg1, &qd_graph_qd_k22, &qd_graph_qd_k33};

static const uint16_t sizes[] = {2,  3,   4,   5,   6,   7,   8,   9,   10,  11,  12,  13,  14,  15,  16,  18,  20,
                                 22, 24,  26,  28,  30,  32,  36,  40,  44,  48,  52,  56,  60,  64,  72,  80,  88,
                                 96, 104, 112, 120, 128, 144, 160, 176, 192, 208, 224, 240, 256, 288, 320, 352, 384,
                                 416, 448, 480, 512, 576, 640, 704, 768};

const qd_graph *qd_graph_of(uint32_t id) {
    for (size_t i = 0; i < sizeof graphs / sizeof *graphs; i++)
        if (graphs[i]->id == id) return graphs[i];
    return NULL;
}

const uint16_t *qd_lifting_sizes(const qd_graph *g, uint32_t *n) {
    for (*n = sizeof sizes / sizeof *sizes; *n > 0 && sizes[*n - 1] > g->z_most;) --*n;
    return sizes;
}

qd_status qd_code_named(const char *name, uint32_t *code, qd_error *err) {
    char names[128] = "auto";
    if (strcmp(name, "auto") == 0) {
        *code = QD_CODE_AUTO;
        return QD_OK;
    }
    if (strcmp(name, "cascade") == 0) {
        *code = QD_CODE_CASCADE;
        return QD_OK;
    }
    if (strcmp(name, "large") == 0) {
        *code = QD_CODE_LARGE;
        return QD_OK;
    }
    for (size_t i = 0; i < sizeof graphs / sizeof *graphs; i++) {
        if (strcmp(name, graphs[i]->name) == 0) {
            *code = graphs[i]->id;
            return QD_OK;
        }
        strncat(names, ", ", sizeof names - strlen(names) - 1);
        strncat(names, graphs[i]->name, sizeof names - strlen(names) - 1);
    }
    return qd_fail(err, QD_E_USAGE, "unknown code '%s'||this build has: %s, large, cascade|choose one of them", name, names);
}

const char *qd_code_name(uint32_t code) {
    const qd_graph *g = qd_graph_of(code);
    return code == QD_CODE_AUTO      ? "auto"
           : code == QD_CODE_CASCADE ? "cascade"
           : code == QD_CODE_LARGE   ? "large"
           : g                       ? g->name
                                     : "unknown";
}

/* Lifting set of Z = a 2^j, or QD_SETS. */
static uint32_t set_of(const qd_graph *g, uint32_t z) {
    static const uint32_t odd[QD_SETS] = {1, 3, 5, 7, 9, 11, 13, 15}; /* a = 2 is 2^j itself */
    uint32_t n, i;
    const uint16_t *all = qd_lifting_sizes(g, &n);
    for (i = 0; i < n && all[i] != z; i++) {
    }
    if (i == n) return QD_SETS;
    while (z % 2 == 0) z /= 2;
    for (i = 0; odd[i] != z; i++) {
    }
    return i;
}

void qd_code_table_sha256(uint32_t code, char hex[65]) {
    enum { LINE = 32 };
    const qd_graph *g = qd_graph_of(code);
    char *text = g ? malloc((size_t)QD_SETS * g->row_start[g->rows] * LINE) : NULL;
    size_t at = 0;
    hex[0] = 0;
    for (uint32_t s = 0; text && s < QD_SETS; s++)
        for (uint32_t i = 0; i < g->rows; i++)
            for (uint32_t e = g->row_start[i]; e < g->row_start[i + 1]; e++)
                at += (size_t)snprintf(text + at, LINE, "%u %u %u %u\n", s, i, g->edges[e].col, g->edges[e].shift[s]);
    if (text) qd_sha256_hex(text, at, hex);
    free(text);
}

qd_status qd_code_make(qd_code *code, uint32_t id, uint32_t z, uint32_t m, qd_error *err) {
    const qd_graph *g = qd_graph_of(id);
    if (!g)
        return qd_fail(err, QD_E_INPUT, "code %u is unknown||the other side may be a newer version|run one version on both sides",
                       id);
    uint32_t set = set_of(g, z);
    if (set == QD_SETS)
        return qd_fail(err, QD_E_INPUT,
                       "%u is not a lifting size of %s||the message is damaged, or the other side runs another version|run one "
                       "version on both sides",
                       z, g->name);
    if (m < QD_CORE_ROWS * z || m > g->rows * z)
        return qd_fail(err, QD_E_INPUT,
                       "%u syndrome bits: %s with Z = %u has %u to %u||the message is damaged, or the other side runs another "
                       "version|run one version on both sides",
                       m, g->name, z, QD_CORE_ROWS * z, g->rows * z);
    uint32_t rows = (m + z - 1) / z, last = m - (rows - 1) * z;
    *code = (qd_code){.graph = g,
                      .z = z,
                      .set = set,
                      .cover = z > QD_Z_STANDARD,
                      .m = m,
                      .rows = rows,
                      .last = last,
                      .cols = g->kb + rows,
                      .words = (z + 63) / 64,
                      .edges = g->row_start[rows],
                      .n = g->kb * z + m - g->punctured * z,
                      .leak = m - g->punctured * z};
    return QD_OK;
}

uint64_t qd_words_get(const uint64_t *w, uint64_t words, uint64_t at) {
    uint64_t o = at / 64, v = o < words ? w[o] >> (at % 64) : 0;
    if (at % 64 && o + 1 < words) v |= w[o + 1] << (64 - at % 64);
    return v;
}

void qd_words_put(uint64_t *w, uint64_t at, uint64_t v, uint32_t n) {
    if (n == 0) return;
    uint64_t o = at / 64, mask = n == 64 ? UINT64_MAX : ((uint64_t)1 << n) - 1;
    uint32_t b = (uint32_t)(at % 64);
    v &= mask;
    w[o] = (w[o] & ~(mask << b)) | v << b;
    if (b && b + n > 64) w[o + 1] = (w[o + 1] & ~(mask >> (64 - b))) | v >> (64 - b);
}

/* Walk the words of block columns (or rows) first..end: bits of each word and its place in the packed string. */
typedef struct walk {
    const qd_code *c;
    uint32_t unit, word;
    uint64_t at;
} walk;

static uint32_t walk_bits(const walk *w, uint32_t length) {
    uint32_t left = length > 64 * w->word ? length - 64 * w->word : 0;
    return left < 64 ? left : 64;
}

void qd_frame_load(const qd_code *c, const qd_bits *key, uint64_t from, uint64_t *frame) {
    walk w = {c, 0, 0, from};
    uint64_t words = qd_bits_words(key->n);
    for (w.unit = c->graph->punctured; w.unit < c->cols; w.unit++)
        for (w.word = 0; w.word < c->words; w.word++) {
            uint32_t n = walk_bits(&w, qd_code_col_bits(c, w.unit));
            uint64_t v = 0;
            if (n) qd_words_put(&v, 0, qd_words_get(key->w, words, w.at), n);
            frame[(size_t)w.unit * c->words + w.word] = v;
            w.at += n;
        }
}

void qd_frame_store(const qd_code *c, const uint64_t *frame, qd_bits *key, uint64_t from) {
    walk w = {c, 0, 0, from};
    for (w.unit = c->graph->punctured; w.unit < c->cols; w.unit++)
        for (w.word = 0; w.word < c->words; w.word++) {
            uint32_t n = walk_bits(&w, qd_code_col_bits(c, w.unit));
            qd_words_put(key->w, w.at, frame[(size_t)w.unit * c->words + w.word], n);
            w.at += n;
        }
}

void qd_frame_private(const qd_code *c, qd_random *r, uint64_t *frame) {
    uint64_t bits[2 * QD_Z_MAX / 64 + 1] = {0};
    uint32_t total = c->graph->punctured * c->z;
    qd_random_bytes(r, bits, (total + 7) / 8);
    walk w = {c, 0, 0, 0};
    for (w.unit = 0; w.unit < c->graph->punctured; w.unit++)
        for (w.word = 0; w.word < c->words; w.word++) {
            uint32_t n = walk_bits(&w, c->z);
            uint64_t v = 0;
            if (n) qd_words_put(&v, 0, qd_words_get(bits, sizeof bits / 8, w.at), n);
            frame[(size_t)w.unit * c->words + w.word] = v;
            w.at += n;
        }
    qd_wipe(bits, sizeof bits);
}

void qd_syndrome_pack(const qd_code *c, const uint64_t *syndrome, uint8_t *bytes) {
    uint64_t packed[(QD_GRAPH_ROWS_MAX * QD_Z_MAX + 63) / 64 + 1] = {0};
    walk w = {c, 0, 0, 0};
    for (w.unit = 0; w.unit < c->rows; w.unit++)
        for (w.word = 0; w.word < c->words; w.word++) {
            uint32_t n = walk_bits(&w, qd_code_row_bits(c, w.unit));
            qd_words_put(packed, w.at, syndrome[(size_t)w.unit * c->words + w.word], n);
            w.at += n;
        }
    for (size_t i = 0; i < qd_syndrome_bytes(c); i++) bytes[i] = (uint8_t)(packed[i / 8] >> (8 * (i % 8)));
}

qd_status qd_syndrome_unpack(const qd_code *c, const uint8_t *bytes, uint64_t *syndrome, qd_error *err) {
    uint64_t packed[(QD_GRAPH_ROWS_MAX * QD_Z_MAX + 63) / 64 + 1] = {0};
    size_t n_bytes = qd_syndrome_bytes(c);
    for (size_t i = 0; i < n_bytes; i++) packed[i / 8] |= (uint64_t)bytes[i] << (8 * (i % 8));
    if (c->m % 8 && bytes[n_bytes - 1] >> (c->m % 8))
        return qd_fail(err, QD_E_INPUT, "syndrome has bits past its %u|||the message is damaged or from another version", c->m);
    walk w = {c, 0, 0, 0};
    for (w.unit = 0; w.unit < c->rows; w.unit++)
        for (w.word = 0; w.word < c->words; w.word++) {
            uint32_t n = walk_bits(&w, qd_code_row_bits(c, w.unit));
            uint64_t v = 0;
            if (n) qd_words_put(&v, 0, qd_words_get(packed, sizeof packed / 8, w.at), n);
            syndrome[(size_t)w.unit * c->words + w.word] = v;
            w.at += n;
        }
    return QD_OK;
}
