/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of a large-block code in pairs, each joined by a column that only Alice knows. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "qdistill/reconcile/large.h"
#include "reconcile/large_cycles.h"

enum {
    LONGEST = 12, /* cycle of columns of two edges that is avoided, of long codes as far as they have none */
    TRIES = 512   /* before shorter ones will do */
};

typedef struct joint {
    uint32_t row[2]; /* a column of shift 0 in the first */
    uint32_t shift;  /* in the second */
} joint;

static int32_t shift_in(const qd_large_code *c, uint32_t row, uint32_t col) {
    for (uint32_t e = c->row_start[row]; e < c->row_start[row + 1]; e++)
        if (c->edge[e].col == col) return c->edge[e].shift;
    return -1;
}

/* A column of both rows with the same difference of shifts would be a cycle of four edges. */
static bool fits(const qd_large_code *c, const joint *j) {
    for (uint32_t e = c->row_start[j->row[0]]; e < c->row_start[j->row[0] + 1]; e++) {
        const int32_t other = shift_in(c, j->row[1], c->edge[e].col);
        if (other >= 0 && ((uint32_t)other + c->z - c->edge[e].shift) % c->z == j->shift) return false;
    }
    return true;
}

/* Columns of two edges of @p c, of which cycles are words of low weight, and room for @p more. false: no memory. */
static bool columns_of_two(const qd_large_code *c, uint32_t more, qd_base *b) {
    uint32_t *degree = calloc(c->cols, sizeof *degree), *at = calloc(c->cols, sizeof *at), n = 0;
    for (uint32_t e = 0; degree && e < c->edges; e++) degree[c->edge[e].col]++;
    for (uint32_t j = 0; degree && at && j < c->cols; j++)
        if (degree[j] == 2) at[j] = 2 * n++;
    *b = (qd_base){.rows = c->rows, .cols = n + more, .z = c->z, .edges = 2 * (n + more)};
    b->col_start = calloc(b->cols + 1, sizeof *b->col_start);
    b->row_of = calloc(b->edges, sizeof *b->row_of);
    b->shift = calloc(b->edges, sizeof *b->shift);
    const bool ok = degree && at && b->col_start && b->row_of && b->shift;
    for (uint32_t j = 0; ok && j <= b->cols; j++) b->col_start[j] = 2 * j;
    for (uint32_t i = 0; ok && i < c->rows; i++)
        for (uint32_t e = c->row_start[i]; e < c->row_start[i + 1]; e++) {
            const uint32_t j = c->edge[e].col;
            if (degree[j] != 2) continue;
            b->row_of[at[j]] = (uint16_t)i;
            b->shift[at[j]++] = c->edge[e].shift;
        }
    free(degree);
    free(at);
    return ok;
}

/* A partner for row order[0] among the others, and a shift: no cycle of four edges, and of columns of two edges no short one, as far as it can be
 * had. */
static joint draw_one(const qd_large_code *c, qd_base *b, qd_cycles *walks, uint32_t col, uint32_t *order, uint32_t others, uint32_t most, qd_random *r) {
    for (uint32_t tries = 0;; tries++) {
        const uint32_t k = 1 + (uint32_t)qd_random_below(r, others), other = order[k], longest = tries / TRIES < most ? most - tries / TRIES : 0;
        const joint j = {.row = {order[0], other}, .shift = (uint32_t)qd_random_below(r, c->z)};
        b->row_of[2 * col] = (uint16_t)j.row[0];
        b->row_of[2 * col + 1] = (uint16_t)j.row[1];
        b->shift[2 * col] = 0;
        b->shift[2 * col + 1] = (uint16_t)j.shift;
        if (!fits(c, &j) || qd_cycles_short(walks, col, longest)) continue;
        order[k] = order[1];
        order[1] = other;
        return j;
    }
}

static uint32_t longest_of(const qd_large_code *c) {
    qd_large_design d;
    return c->z >= QD_LARGE_Z_LONG && qd_large_sized(c->rows, c->cols, c->z, &d, NULL) == QD_OK && d.cycle > LONGEST ? d.cycle : LONGEST;
}

/* The first @p n pairs of rows, in an order drawn at random. */
static bool draw(const qd_large_code *c, uint32_t n, joint *to) {
    uint32_t order[QD_LARGE_ROWS_MAX];
    qd_base b = {0};
    qd_random r = {.rehearsal = 1, .seed = (uint64_t)c->rows << 32 | c->cols, .stream = QD_STREAM_CODE, .entity = UINT64_MAX - c->z};
    const bool some = columns_of_two(c, n, &b);
    qd_cycles *walks = some ? qd_cycles_create(&b) : NULL;
    for (uint32_t i = 0; i < c->rows; i++) order[i] = i;
    for (uint32_t i = c->rows; i > 1; i--) {
        const uint32_t k = (uint32_t)qd_random_below(&r, i), last = order[i - 1];
        order[i - 1] = order[k];
        order[k] = last;
    }
    for (uint32_t j = 0; walks && j < b.cols - n; j++) qd_cycles_add(walks, j);
    const uint32_t longest = longest_of(c);
    for (uint32_t k = 0; walks && k < n; k++) {
        const uint32_t col = b.cols - n + k;
        to[k] = draw_one(c, &b, walks, col, order + 2 * k, c->rows - 2 * k - 1, longest, &r);
        qd_cycles_add(walks, col);
    }
    const bool ok = walks != NULL;
    qd_cycles_destroy(walks);
    free(b.col_start);
    free(b.row_of);
    free(b.shift);
    return ok;
}

static qd_status check(const qd_large_code *c, uint32_t joined, qd_error *err) {
    const uint32_t columns = (joined + c->z - 1) / c->z;
    if (c->hidden || (joined && (joined > c->rows / 2 * c->z || c->cols + columns > QD_LARGE_COLS_MAX || c->degree_max >= c->z)))
        return qd_fail(err, QD_E_USAGE,
                       "%u joined rows of a large code||it has %u block rows of %u, each in one pair at most, and %u columns|see "
                       "qdistill/reconcile/large.h",
                       joined, c->rows, c->z, c->cols);
    return QD_OK;
}

qd_status qd_large_joined(const qd_large_code *c, uint32_t joined, qd_large_code **out, qd_error *err) {
    *out = NULL;
    QD_TRY(check(c, joined, err));
    const uint32_t pairs = (joined + c->z - 1) / c->z;
    joint all[QD_LARGE_ROWS_MAX / 2];
    int32_t of[QD_LARGE_ROWS_MAX]; /* the pair that a block row is in, or -1 */
    if (!draw(c, pairs, all)) return qd_fail(err, QD_E_INTERNAL, "no memory for a large code|||close other programs");
    memset(of, 0xff, sizeof of);
    for (uint32_t k = 0; k < pairs; k++) of[all[k].row[0]] = of[all[k].row[1]] = (int32_t)k;
    uint32_t *start = calloc(c->rows + 1, sizeof *start), n = 0;
    qd_large_edge *edge = malloc((c->edges + 2 * (size_t)pairs) * sizeof *edge);
    qd_status st = start && edge ? QD_OK : qd_fail(err, QD_E_INTERNAL, "no memory for a large code|||close other programs");
    for (uint32_t i = 0; i < c->rows && st == QD_OK; i++) {
        const uint32_t degree = c->row_start[i + 1] - c->row_start[i];
        memcpy(edge + n, c->edge + c->row_start[i], degree * sizeof *edge);
        n += degree;
        if (of[i] >= 0)
            edge[n++] =
                (qd_large_edge){(uint16_t)(c->cols + (uint32_t)of[i]), (uint16_t)(all[of[i]].row[0] == i ? 0 : all[of[i]].shift)};
        start[i + 1] = n;
    }
    if (st == QD_OK) st = qd_large_from(c->rows, c->cols + pairs, c->z, start, edge, out, err);
    if (st == QD_OK) {
        (*out)->hidden = pairs;
        (*out)->unknown = joined;
    }
    free(start);
    free(edge);
    return st;
}

void qd_large_told(const qd_large_code *c, uint32_t n, const uint64_t *bits, uint64_t *syndrome) {
    const uint32_t key = c->cols - c->hidden, first = c->unknown - n;
    for (uint32_t i = 0; i < c->rows; i++) {
        const qd_large_edge last = c->edge[c->row_start[i + 1] - 1]; /* by column: of its pair, if the row is in one */
        if (last.col < key) continue;
        for (uint32_t r = 0; r < c->z; r++) {
            const uint32_t at = (last.col - key) * c->z + (r + last.shift) % c->z;
            if (at < first || at >= c->unknown) continue;
            syndrome[(size_t)i * c->words + r / 64] ^= (bits[(at - first) / 64] >> ((at - first) % 64) & 1) << (r % 64);
        }
    }
}
