/* SPDX-License-Identifier: Apache-2.0 */
/* The reference: lags and lines from the definition. */
#include <stdlib.h>
#include <string.h>
#include "timetag/lines.h"

static int16_t centred(int64_t s, const qd_lines_case *c) {
    int64_t r = s % QD_LINES_PRIME;
    if (r > QD_LINES_PRIME / 2) r -= QD_LINES_PRIME;
    if (r < -(QD_LINES_PRIME / 2)) r += QD_LINES_PRIME;
    return (int16_t)(r - c->mean);
}

static void leaf_lags(const qd_lines_case *c, uint32_t k, int64_t *sum, int32_t *part, int16_t *leaf) {
    size_t n = (size_t)c->group * QD_LINES_SLICE, row = qd_lines_row(c);
    const int8_t *a = c->a + k * n, *b = c->b + k * n;
    size_t reach = c->leaves / 4 + 1 < QD_LINES_MARGIN ? c->leaves / 4 + 1 : QD_LINES_MARGIN, first = QD_LINES_MARGIN - reach,
           end = first + qd_lines_lags(c) + 2 * reach; /* no line comes to the other columns */
    memset(sum, 0, row * sizeof *sum);
    memset(part, 0, row * sizeof *part);
    for (size_t i = 0; i < n; i++) {
        if (a[i])
            for (size_t x = first; x < end; x++) part[x] += a[i] * b[i + x];
        if ((i + 1) % 4096 && i + 1 < n) continue; /* 4096 x 127^2 still fit */
        for (size_t x = first; x < end; x++) {
            sum[x] += part[x];
            part[x] = 0;
        }
    }
    for (size_t x = 0; x < row; x++) leaf[x] = centred(sum[x], c);
}

static int32_t line(const qd_lines_case *c, const int16_t *leaf, size_t l, int32_t j) {
    size_t row = qd_lines_row(c);
    uint32_t each = c->leaves / qd_lines_top(c);
    int32_t total = 0;
    for (uint32_t from = 0; from < c->leaves; from += each) {
        int32_t branch = 0;
        for (uint32_t k = from; k < from + each; k++) {
            int32_t slope = j;
            int32_t shift = qd_lines_branch(&slope, k, c->leaves) - qd_lines_ahead(j);
            branch += leaf[k * row + l + QD_LINES_MARGIN + (size_t)(ptrdiff_t)shift];
        }
        total += (int16_t)(uint16_t)branch;
    }
    return total;
}

qd_status qd_lines_ref(const qd_lines_case *c, int32_t *out, qd_error *err) {
    size_t n = qd_lines_lags(c), row = qd_lines_row(c);
    int64_t *sum = malloc(row * sizeof *sum);
    int32_t *part = malloc(row * sizeof *part);
    int16_t *leaf = malloc(c->leaves * row * sizeof *leaf);
    qd_status st = sum && part && leaf
                       ? QD_OK
                       : qd_fail(err, QD_E_INTERNAL,
                                 "no memory for %u leaves of %zu lags||the search is wide|give smaller limits", c->leaves, row);
    for (uint32_t k = 0; st == QD_OK && k < c->leaves; k++) {
        leaf_lags(c, k, sum, part, leaf + k * row);
        st = qd_search_stopped(c->stop, err);
    }
    for (size_t l = 0; st == QD_OK && l < n; l++) {
        for (uint32_t i = 0; i < 2 * (uint32_t)qd_lines_slopes(c->leaves) + 1; i++) {
            int32_t j = qd_lines_slope(i), one = line(c, leaf, l, j), two = one + (l + 1 < n ? line(c, leaf, l + 1, j) : 0);
            if (i == 0) out[QD_LINES_FLAT * n + l] = one;
            if (i == 0 || one > out[QD_LINES_ONE * n + l]) {
                out[QD_LINES_ONE * n + l] = one;
                out[QD_LINES_ONE_SLOPE * n + l] = j;
            }
            if (i == 0 || two > out[QD_LINES_TWO * n + l]) {
                out[QD_LINES_TWO * n + l] = two;
                out[QD_LINES_TWO_SLOPE * n + l] = j;
            }
        }
        st = qd_search_stopped(c->stop, err);
    }
    free(sum);
    free(part);
    free(leaf);
    return st;
}
