/* SPDX-License-Identifier: Apache-2.0 */
/* The variants of Cascade as numbers (arXiv:1407.3257, table 1), and the permutations. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "compute/pages.h"
#include "reconcile/cascade_search.h"

enum { LINE_WORDS = 8 /* of a line of the cache */, DRAWS = 128 /* at a time */ };

static const struct {
    const char *name;
    uint32_t passes, quiet, order;
} variants[QD_CASCADE_VARIANTS] = {
    [QD_CASCADE_ORIGINAL] = {"original", 4, 0, QD_CASCADE_FROM_TOP},
    [QD_CASCADE_BICONF] = {"biconf", 2, 10, QD_CASCADE_FROM_TOP},
    [QD_CASCADE_YANETAL] = {"yanetal", 10, 0, QD_CASCADE_FROM_TOP},
    [QD_CASCADE_OPTION3] = {"option3", 16, 0, QD_CASCADE_FROM_TOP},
    [QD_CASCADE_OPT4] = {"opt4", 16, 0, QD_CASCADE_SMALLEST},
    [QD_CASCADE_OPT7] = {"opt7", 14, 0, QD_CASCADE_SMALLEST},
    [QD_CASCADE_OPT8] = {"opt8", 14, 0, QD_CASCADE_SMALLEST},
    [QD_CASCADE_QD] = {"qd", 15, 0, QD_CASCADE_PASS},
};

const char *qd_cascade_name(qd_cascade_variant variant) {
    return (unsigned)variant < QD_CASCADE_VARIANTS ? variants[variant].name : "unknown";
}

qd_status qd_cascade_named(const char *name, qd_cascade_variant *variant, qd_error *err) {
    for (int v = 0; v < QD_CASCADE_VARIANTS; v++)
        if (strcmp(name, variants[v].name) == 0) {
            *variant = (qd_cascade_variant)v;
            return QD_OK;
        }
    return qd_fail(
        err, QD_E_USAGE,
        "'%s' is no variant of Cascade||there is: original, biconf, yanetal, option3, opt4, opt7, opt8, qd|name one of them", name);
}

/* k of a pass, counted from 0. */
static double block(qd_cascade_variant v, uint32_t pass, double q, uint32_t n) {
    double a = log2(1 / q) - 0.5, half = n / 2;
    switch (v) {
        case QD_CASCADE_ORIGINAL:
            return ldexp(ceil(0.73 / q), (int)pass);
        case QD_CASCADE_BICONF:
            return ceil(0.92 / q) * (pass ? 3 : 1);
        case QD_CASCADE_YANETAL:
            return pass > 1 ? half : ceil(0.80 / q) * (pass ? 5 : 1);
        case QD_CASCADE_OPT7:
            return pass > 1 ? half : exp2(ceil(log2(1 / q))) * (pass ? 4 : 1);
        case QD_CASCADE_OPT8:
            return pass > 2 ? half : pass == 2 ? 4096 : exp2(ceil(pass ? (a + 12) / 2 : a));
        case QD_CASCADE_QD: /* an odd frame would have a third block of one bit by floor(n/2) */
            return pass > 1 ? n - n / 2 : exp2(round(pass ? log2(40 / sqrt(q)) : log2(1 / q)));
        default:
            return pass > 1 ? half : ceil(1 / q) * (pass ? 2 : 1);
    }
}

qd_status qd_cascade_plan_make(qd_cascade_variant variant, double q, uint64_t n, qd_cascade_plan *plan, qd_error *err) {
    if ((unsigned)variant >= QD_CASCADE_VARIANTS) return qd_fail(err, QD_E_USAGE, "no such variant of Cascade");
    if (n < 2 || n > QD_CASCADE_BITS)
        return qd_fail(err, QD_E_USAGE, "a frame of Cascade has 2 to %d bits|||choose another length", QD_CASCADE_BITS);
    if (!(q > 0 && q < 0.5))
        return qd_fail(err, QD_E_USAGE,
                       "the error rate %g gives no block size||it must be above 0 and below 1/2|give another one", q);
    *plan = (qd_cascade_plan){.n = (uint32_t)n,
                              .passes = variants[variant].passes,
                              .quiet = variants[variant].quiet,
                              .order = variants[variant].order,
                              .infer = variants[variant].order != QD_CASCADE_FROM_TOP};
    for (uint32_t p = 0; p < plan->passes; p++) plan->block[p] = (uint32_t)fmin(block(variant, p, q, plan->n), plan->n);
    return QD_OK;
}

/* Exchanges last - 1 to first, which draws first/2 on are for. */
static void exchange(uint32_t *order, uint32_t first, uint32_t last, const uint32_t *draw) {
    for (uint32_t i = last - 1; i >= first && i > 0; i--) {
        const uint32_t *word = draw + 2 * (i - first);
        const uint64_t w = (uint64_t)word[1] << 32 | word[0];
        const uint32_t j = (uint32_t)((unsigned __int128)w * (i + 1) >> 64), t = order[i];
        order[i] = order[j];
        order[j] = t;
    }
}

void qd_cascade_permutation(uint64_t seed, uint64_t frame, uint32_t pass, uint32_t n, uint32_t *order) {
    uint32_t draw[4 * DRAWS];
    for (uint32_t i = 0; i < n; i++) order[i] = i;
    for (uint32_t last = n; last > 0;) {
        const uint32_t first = (last - 1) / (2 * DRAWS) * (2 * DRAWS);
        qd_philox_row(seed, QD_STREAM_CASCADE, frame << 32 | pass, first / 2, (last - first + 1) / 2, draw);
        exchange(order, first, last, draw);
        last = first;
    }
}

static qd_status check(const qd_cascade_plan *p, uint64_t frame, qd_error *err) {
    bool ok = p->n >= 2 && p->n <= QD_CASCADE_BITS && p->passes >= 1 && p->passes <= QD_CASCADE_PASSES &&
              p->order < QD_CASCADE_ORDERS && (p->quiet == 0 || p->order == QD_CASCADE_FROM_TOP) && frame <= UINT32_MAX &&
              (!p->infer || p->order != QD_CASCADE_FROM_TOP);
    for (uint32_t i = 0; ok && i < p->passes; i++) ok = p->block[i] >= 1 && p->block[i] <= p->n;
    return ok ? QD_OK
              : qd_fail(err, QD_E_USAGE, "this is no plan of Cascade||a size is out of range|see qdistill/reconcile/cascade.h");
}

static void levels(qd_cascade_tables *t) {
    size_t size = t->plan.n / 64 + 1, at = size * (sizeof(qd_cascade_cell) / 8);
    for (unsigned l = 0; l < QD_CASCADE_LEVELS; l++) {
        t->up[l] = at;
        at += size = (size - 1) / 64 + 1;
    }
    t->cell_words = (at + LINE_WORDS - 1) / LINE_WORDS * LINE_WORDS;
}

qd_status qd_cascade_tables_make(const qd_cascade_plan *plan, uint64_t seed, uint64_t frame, qd_cascade_tables **out,
                                 qd_error *err) {
    *out = NULL;
    QD_TRY(check(plan, frame, err));
    qd_cascade_tables *t = calloc(1, sizeof *t);
    size_t n = plan->n, all = plan->passes * n;
    if (t) {
        *t = (qd_cascade_tables){.plan = *plan, .seed = seed, .frame = frame};
        t->order = malloc(all * sizeof *t->order);
        t->place = malloc(all * sizeof *t->place);
        t->taken = calloc(n, 1);
        levels(t);
    }
    if (!t || !t->order || !t->place || !t->taken) {
        qd_cascade_tables_free(t);
        return qd_fail(err, QD_E_INTERNAL, "no memory for the permutations of a frame|||close other programs");
    }
    for (uint32_t p = 0; p < plan->passes; p++) {
        qd_cascade_permutation(seed, frame, p, plan->n, t->order + p * n);
        for (uint32_t i = 0; i < plan->n; i++) t->place[p * n + t->order[p * n + i]] = i;
    }
    *out = t;
    return QD_OK;
}

qd_status qd_cascade_tables_share(qd_cascade_tables *t, uint64_t frames, qd_error *err) {
    const uint32_t n = t->plan.n;
    if (frames * t->cell_words * 8 > QD_LARGE_PAGE) t->pool_bytes = QD_LARGE_PAGE;
    t->first = calloc(t->plan.passes * qd_bits_words(n), sizeof *t->first);
    if (!t->first) return qd_fail(err, QD_E_INTERNAL, "no memory for the blocks of a frame|||close other programs");
    for (uint32_t p = 0; p < t->plan.passes; p++) {
        const uint32_t k = t->plan.block[p], *order = t->order + (size_t)p * n;
        uint64_t *first = t->first + p * qd_bits_words(n);
        for (uint32_t i = 0; i < k && (n - 1) / k == 1; i++) first[order[i] / 64] |= (uint64_t)1 << (order[i] % 64);
    }
    return QD_OK;
}

/* Rounds go through the cells of all frames: on pages of 4096 bytes as many addresses would have to be looked up. */
uint64_t *qd_cascade_tables_cells(qd_cascade_tables *t) {
    const size_t bytes = t->cell_words * 8, all = t->pool_bytes > bytes ? t->pool_bytes : bytes + LINE_WORDS * 8;
    if (!t->pool || (t->pool_at + t->cell_words) * 8 > all) {
        uint64_t *piece = all == QD_LARGE_PAGE ? qd_large_pages(all) : malloc(all);
        if (!piece) return NULL;
        piece[0] = (uintptr_t)t->pool;
        t->pool = piece;
        t->pool_at = LINE_WORDS;
    }
    uint64_t *cells = t->pool + t->pool_at;
    t->pool_at += t->cell_words;
    return memset(cells, 0, bytes);
}

void qd_cascade_tables_free(qd_cascade_tables *t) {
    if (!t) return;
    for (uint64_t *piece = t->pool, *next; piece; piece = next) {
        next = (uint64_t *)(uintptr_t)piece[0];
        free(piece);
    }
    free(t->order);
    free(t->place);
    free(t->first);
    free(t->taken);
    free(t);
}
