/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of a large-block code in pairs, each joined by a column that only Alice knows. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "qdistill/reconcile/large.h"

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

/* All pairs of rows, in an order drawn at random. */
static void draw(const qd_large_code *c, joint *to) {
    uint32_t order[QD_LARGE_ROWS_MAX];
    qd_random r = {.rehearsal = 1, .seed = (uint64_t)c->rows << 32 | c->cols, .stream = QD_STREAM_CODE, .entity = UINT64_MAX - c->z};
    for (uint32_t i = 0; i < c->rows; i++) order[i] = i;
    for (uint32_t i = c->rows; i > 1; i--) {
        const uint32_t k = (uint32_t)qd_random_below(&r, i), last = order[i - 1];
        order[i - 1] = order[k];
        order[k] = last;
    }
    for (uint32_t k = 0; k < c->rows / 2; k++) {
        to[k] = (joint){.row = {order[2 * k], order[2 * k + 1]}};
        do to[k].shift = (uint32_t)qd_random_below(&r, c->z);
        while (!fits(c, &to[k])); /* two rows have fewer columns in common than there are shifts, or nearly: see the check */
    }
}

static qd_status check(const qd_large_code *c, uint32_t joined, qd_error *err) {
    if (joined > c->rows / 2 * c->z || c->hidden || c->cols + c->rows / 2 > QD_LARGE_COLS_MAX || c->degree_max >= c->z)
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
    draw(c, all);
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
