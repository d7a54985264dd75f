/* SPDX-License-Identifier: Apache-2.0 */
/* What is said about sifted events: warnings of a station about itself, and statistics that see both. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "qdistill/sift.h"

static const unsigned detector[4] = {QD_DET_V, QD_DET_MINUS, QD_DET_H, QD_DET_PLUS};
static const char *const detector_name[4] = {"V", "-", "H", "+"};
static const char *const side_name[2] = {"Alice", "Bob"};

void qd_sift_singles_add(uint64_t singles[4], const uint8_t *mask, uint64_t n) {
    uint64_t by_mask[4][16] = {{0}}; /* so that equal masks in a row do not wait for each other */
    for (uint64_t i = 0; i < n; i++) by_mask[i & 3][mask[i] & QD_EVENT_MASK]++;
    for (unsigned m = 1; m < 16; m++)
        for (int d = 0; d < 4; d++)
            if (m & detector[d]) singles[d] += by_mask[0][m] + by_mask[1][m] + by_mask[2][m] + by_mask[3][m];
}

bool qd_sift_warn_singles(qd_side side, const uint64_t singles[4], double factor, char *out, size_t cap) {
    int low = 0, high = 0;
    for (int d = 1; d < 4; d++) {
        if (singles[d] < singles[low]) low = d;
        if (singles[d] > singles[high]) high = d;
    }
    if (cap) out[0] = 0;
    if ((double)singles[high] <= factor * (double)singles[low]) return false;
    snprintf(out, cap,
             "%s's detectors %s and %s have %" PRIu64 " and %" PRIu64
             " singles, more than a factor of %g apart: the bound is "
             "written for detection that does not depend on the basis",
             side_name[side], detector_name[high], detector_name[low], singles[high], singles[low], factor);
    return true;
}

bool qd_sift_warn_split(qd_side side, const qd_sift_counts *counts, char *out, size_t cap) {
    uint64_t n[2];
    for (int b = 0; b < 2; b++) {
        const uint64_t *m = counts->mask[b];
        n[b] = m[QD_DET_V] + m[QD_DET_MINUS] + m[QD_DET_H] + m[QD_DET_PLUS];
    }
    uint64_t all = n[QD_Z] + n[QD_X], apart = n[QD_Z] > n[QD_X] ? n[QD_Z] - n[QD_X] : n[QD_X] - n[QD_Z];
    if (cap) out[0] = 0;
    if (25 * apart <= all) return false; /* |z/all - 1/2| <= 1/50 */
    double share = (double)n[QD_Z] / (double)all;
    snprintf(
        out, cap,
        "%s measures a share of %.4f in z, outside .5 +- .02: that events with clicks in both bases are kept is covered only "
        "behind a 50:50 splitter",
        side_name[side], share);
    return true;
}

/* Index of the only detector of a mask, -1 when there is not exactly one. */
static int only_detector(unsigned mask) {
    for (int d = 0; d < 4; d++)
        if (mask == detector[d]) return d;
    return -1;
}

void qd_pair_matrix_add_truth(qd_pair_matrix *m, const uint8_t *mask_a, const uint8_t *mask_b, uint64_t n) {
    uint64_t by_masks[16][16] = {{0}};
    for (uint64_t i = 0; i < n; i++) by_masks[mask_a[i] & QD_EVENT_MASK][mask_b[i] & QD_EVENT_MASK]++;
    for (unsigned x = 1; x < 16; x++)
        for (unsigned y = 1; y < 16; y++) {
            int a = only_detector(x), b = only_detector(y);
            if (a >= 0 && b >= 0) m->pair[a][b] += by_masks[x][y];
        }
}

/* How unequally the clicks of detector @p d of a station meet the two detectors of a basis (b: 0 or 1) at the other; NAN: too few pairs. */
static double contrast(qd_side side, const qd_pair_matrix *m, int d, int b) {
    const double n0 = (double)(side == QD_ALICE ? m->pair[d][b] : m->pair[b][d]);
    const double n1 = (double)(side == QD_ALICE ? m->pair[d][b + 2] : m->pair[b + 2][d]);
    return n0 + n1 < 100 ? NAN : fabs(n0 - n1) / (n0 + n1);
}

/* odd[basis]: the only detector of that basis (V and H are 0 and 2, - and + are 1 and 3) that goes with the other station's other basis. False
 * unless each of the four surely goes with one basis alone. */
static bool find_interchanged(qd_side side, const qd_pair_matrix *m, int odd[2]) {
    const double high = 0.5, low = 0.2;
    int n[2] = {0, 0};
    for (int d = 0; d < 4; d++) {
        const double own = contrast(side, m, d, d % 2), other = contrast(side, m, d, 1 - d % 2);
        if (own < low && other > high)
            n[d % 2]++, odd[d % 2] = d;
        else if (!(own > high && other < low))
            return false;
    }
    return n[0] == 1 && n[1] == 1;
}

bool qd_sift_warn_interchanged_truth(qd_side side, const qd_pair_matrix *m, char *out, size_t cap) {
    int odd[2], number[4] = {1, 2, 3, 4};
    if (cap) out[0] = 0;
    /* where one basis is measured much more than the other both stations may look so */
    if (find_interchanged((qd_side)(1 - side), m, odd) || !find_interchanged(side, m, odd)) return false;
    number[odd[0]] = odd[1] + 1;
    number[odd[1]] = odd[0] + 1;
    const char *name[2] = {detector_name[odd[0]], detector_name[odd[1]]};
    snprintf(out, cap,
             "%s's detectors %s and %s are interchanged: %s goes with %s's detectors of x, %s with those of z. Interchange them in that file: "
             "--channels V=%d,-=%d,H=%d,+=%d of qdistill tags convert, where 1, 2, 3, 4 are V, -, H, +",
             side_name[side], name[0], name[1], name[0], side_name[1 - side], name[1], number[0], number[1], number[2], number[3]);
    return true;
}

qd_status qd_qber_truth(const qd_bits a[2], const qd_bits b[2], qd_qber *q, qd_error *err) {
    for (int i = 0; i < 2; i++)
        if (a[i].n != b[i].n)
            return qd_fail(err, QD_E_USAGE, "the stations' %s strings have %" PRIu64 " and %" PRIu64 " bits",
                           i == QD_Z ? "z" : "x", a[i].n, b[i].n);
    for (int i = 0; i < 2; i++) {
        q->n[i] = a[i].n;
        q->errors[i] = a[i].n ? qd_bits_distance_truth(&a[i], &b[i]) : 0;
        q->rate[i] = a[i].n ? (double)q->errors[i] / (double)a[i].n : NAN;
    }
    double n = (double)q->n[0] + (double)q->n[1], errors = (double)q->errors[0] + (double)q->errors[1];
    q->chsh_implied = n > 0 ? 2 * M_SQRT2 * (1 - 2 * errors / n) : NAN;
    return QD_OK;
}

void qd_time_bit_information(const uint64_t (*count)[2], uint64_t bins, qd_time_information *info) {
    memset(info, 0, sizeof *info);
    double of_bit[2] = {0, 0};
    for (uint64_t i = 0; i < bins; i++) {
        for (int v = 0; v < 2; v++) of_bit[v] += (double)count[i][v];
        info->n += count[i][0] + count[i][1];
        info->bins += count[i][0] + count[i][1] > 0;
    }
    if (info->n == 0) return;
    double n = (double)info->n, sum = 0;
    for (uint64_t i = 0; i < bins; i++) {
        double of_bin = (double)count[i][0] + (double)count[i][1];
        for (int v = 0; v < 2; v++) {
            double c = (double)count[i][v];
            if (c > 0) sum += c * log2(c * n / (of_bin * of_bit[v]));
        }
    }
    /* 2 n ln2 times the plug-in estimate is the G statistic of a (bins x 2) table: chi-square with bins - 1 degrees of freedom if
     * independent, hence its mean and its deviation. */
    double degrees = of_bit[0] > 0 && of_bit[1] > 0 ? (double)info->bins - 1 : 0;
    info->bias = degrees / (2 * n * M_LN2);
    info->sigma = sqrt(2 * degrees) / (2 * n * M_LN2);
    info->bits = fmax(0, sum / n - info->bias);
}
