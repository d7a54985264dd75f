/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/rate.h"

#include <math.h>
#include "qdistill/reconcile/large.h"
#include "reconcile/parities.h"

/* ---- Frame error rates ---- */

enum { LEAKS = 12, SIZES = 5, POINTS = QD_RATE_POINTS, STEPS = 24 };

static const double margin_sd = 0.25; /* of the estimate's standard deviation; rate.h says why */

typedef struct fit {
    double f50, s; /* efficiency at which half the frames fail; width in units of the binomial spread */
} fit;

/* Fits by maximum likelihood to 3072 frames at each of five error rates a row, by the command
 * `QD_RATE_FRAMES=3072 tests/test_rate_full` (it prints them). */
static const double fit_z[SIZES] = {32, 96, 192, 384, 768}; /* the last of graphs that have it */
typedef struct curves {
    uint32_t id;    /* of the graph */
    uint32_t leaks; /* in use */
    double leak[LEAKS];
    fit fit[SIZES][LEAKS];
} curves;
static const curves measured[] = {
    {QD_CODE_NR_BG1,
     12,
     {0.0834, 0.105, 0.124, 0.155, 0.195, 0.22, 0.25, 0.3, 0.343, 0.455, 0.55, 0.66},
     {
         {{1.2525, 1.15}, {1.27, 1.2}, {1.2175, 1.2}, {1.215, 1.25}, {1.2175, 1.15}, {1.2125, 1.15},
          {1.1825, 1.15}, {1.1775, 1.15}, {1.1525, 1.15}, {1.1125, 1.2}, {1.0825, 1.15}, {1.0625, 1.15}},
         {{1.2975, 1.15}, {1.28, 1.25}, {1.2475, 1.25}, {1.2375, 1.25}, {1.21, 1.25}, {1.2, 1.25},
          {1.1725, 1.2}, {1.1575, 1.1}, {1.1325, 1.15}, {1.0925, 1.15}, {1.0675, 1.15}, {1.055, 1.1}},
         {{1.285, 1.2}, {1.2975, 1.15}, {1.24, 1.3}, {1.2325, 1.3}, {1.205, 1.25}, {1.1975, 1.2},
          {1.1675, 1.2}, {1.1475, 1.15}, {1.125, 1.15}, {1.0825, 1.2}, {1.0625, 1.1}, {1.05, 1.3}},
         {{1.29, 1.2}, {1.2675, 1.2}, {1.24, 1.25}, {1.2275, 1.3}, {1.1975, 1.2}, {1.19, 1.2},
          {1.16, 1.15}, {1.14, 1.15}, {1.1175, 1.2}, {1.0775, 1.15}, {1.0575, 1.2}, {1.05, 1}},
     }},
    {QD_CODE_NR_BG2,
     8,
     {0.1667, 0.212, 0.264, 0.358, 0.475, 0.57, 0.677, 0.79},
     {
         {{1.32, 1.15}, {1.225, 1.15}, {1.155, 1.2}, {1.1425, 1.1}, {1.1025, 1.15}, {1.08, 1.1}, {1.065, 1.15}, {1.0575, 1.1}},
         {{1.305, 1.25}, {1.2175, 1.35}, {1.1575, 1.25}, {1.12, 1.2}, {1.0875, 1.1}, {1.0675, 1.15}, {1.055, 1.1}, {1.055, 1.1}},
         {{1.3125, 1.3}, {1.2175, 1.4}, {1.16, 1.25}, {1.115, 1.15}, {1.0825, 1.15}, {1.06, 1.15}, {1.05, 1.15}, {1.055, 1.4}},
         {{1.3175, 1.25}, {1.2275, 1.55}, {1.16, 1.35}, {1.11, 1.2}, {1.0775, 1.15}, {1.055, 1.1}, {1.0475, 1.1}, {1.0525, 1.3}},
     }},
    {QD_CODE_QD_BG1,
     12,
     {0.0834, 0.105, 0.124, 0.155, 0.195, 0.22, 0.25, 0.3, 0.343, 0.455, 0.55, 0.66},
     {
         {{1.2525, 1.15}, {1.2775, 1.15}, {1.2325, 1.05}, {1.195, 1.05}, {1.185, 1.1}, {1.175, 1.15},
          {1.18, 1.2}, {1.1775, 1.2}, {1.1525, 1.15}, {1.1125, 1.2}, {1.0825, 1.15}, {1.0625, 1.1}},
         {{1.2975, 1.15}, {1.26, 1.15}, {1.195, 1.15}, {1.1575, 1.15}, {1.145, 1.15}, {1.135, 1.15},
          {1.145, 1.15}, {1.1575, 1.2}, {1.135, 1.15}, {1.0925, 1.2}, {1.0675, 1.15}, {1.055, 1.05}},
         {{1.285, 1.2}, {1.25, 1.1}, {1.19, 1.15}, {1.1425, 1.2}, {1.13, 1.15}, {1.12, 1.15},
          {1.135, 1.15}, {1.145, 1.25}, {1.125, 1.15}, {1.0825, 1.2}, {1.0625, 1.1}, {1.0525, 0.85}},
         {{1.29, 1.2}, {1.2325, 1.15}, {1.1825, 1.15}, {1.13, 1.15}, {1.1175, 1.15}, {1.1075, 1.1},
          {1.1275, 1.15}, {1.1375, 1.2}, {1.1175, 1.2}, {1.0775, 1.15}, {1.0575, 1.15}, {1.05, 1}},
         {{1.275, 1.25}, {1.225, 1.15}, {1.1775, 1.05}, {1.125, 1.1}, {1.1125, 1.2}, {1.1, 1.1},
          {1.1225, 1.15}, {1.1325, 1.2}, {1.115, 1.15}, {1.075, 1.15}, {1.0575, 1}, {1.0475, 1.35}},
     }},
    {QD_CODE_QD_K22,
     12,
     {0.0834, 0.105, 0.124, 0.155, 0.195, 0.22, 0.25, 0.3, 0.343, 0.43, 0.52, 0.6},
     {
         {{1.3975, 1.1}, {1.34, 1.15}, {1.275, 1.1}, {1.2225, 1.1}, {1.2025, 1.15}, {1.19, 1.2},
          {1.185, 1.25}, {1.1725, 1.2}, {1.14, 1.2}, {1.115, 1.2}, {1.1025, 1.35}, {1.08, 1.4}},
         {{1.4575, 1.15}, {1.3375, 1.1}, {1.26, 1.1}, {1.1925, 1.1}, {1.165, 1.1}, {1.145, 1.15},
          {1.13, 1.15}, {1.125, 1.15}, {1.11, 1.15}, {1.085, 1.15}, {1.0725, 1.15}, {1.06, 1.2}},
         {{1.455, 1.2}, {1.3275, 1.1}, {1.2475, 1.15}, {1.185, 1.15}, {1.1525, 1.1}, {1.1325, 1.1},
          {1.1175, 1.1}, {1.105, 1.1}, {1.0975, 1.15}, {1.0775, 1.1}, {1.0625, 1.15}, {1.0525, 1.35}},
         {{1.4525, 1.1}, {1.3075, 1.15}, {1.245, 1.1}, {1.175, 1.1}, {1.145, 1.1}, {1.12, 1.1},
          {1.1075, 1.1}, {1.0925, 1.15}, {1.0875, 1.15}, {1.0675, 1.1}, {1.055, 1.2}, {1.0475, 1.3}},
         {{1.4475, 1.15}, {1.305, 1.15}, {1.2375, 1.1}, {1.1725, 1.1}, {1.14, 1.1}, {1.115, 1.1},
          {1.1, 1.1}, {1.0875, 1.1}, {1.0825, 1.15}, {1.0625, 1.05}, {1.0525, 1.1}, {1.0475, 1.2}},
     }},
    {QD_CODE_QD_K33,
     12,
     {0.0572, 0.068, 0.083, 0.1, 0.12, 0.14, 0.165, 0.19, 0.215, 0.25, 0.285, 0.326},
     {
         {{1.33, 1.15}, {1.285, 1.1}, {1.24, 1.1}, {1.2025, 1.15}, {1.23, 1.1}, {1.21, 1.15},
          {1.2225, 1.15}, {1.19, 1.15}, {1.175, 1.15}, {1.1625, 1.2}, {1.18, 1.2}, {1.1775, 1.15}},
         {{1.34, 1.15}, {1.2925, 1.15}, {1.235, 1.15}, {1.195, 1.1}, {1.175, 1.1}, {1.1575, 1.15},
          {1.1625, 1.15}, {1.15, 1.15}, {1.135, 1.15}, {1.1275, 1.2}, {1.1325, 1.15}, {1.14, 1.15}},
         {{1.335, 1.15}, {1.2925, 1.15}, {1.2275, 1.1}, {1.1825, 1.1}, {1.155, 1.1}, {1.1375, 1.15},
          {1.14, 1.15}, {1.1275, 1.15}, {1.1175, 1.15}, {1.11, 1.15}, {1.1125, 1.2}, {1.1275, 1.2}},
         {{1.33, 1.1}, {1.2825, 1.15}, {1.22, 1.1}, {1.1725, 1.1}, {1.14, 1.1}, {1.1225, 1.1},
          {1.12, 1.15}, {1.1125, 1.1}, {1.105, 1.05}, {1.1, 1.1}, {1.1025, 1.2}, {1.1225, 1.15}},
         {{1.3275, 1.1}, {1.2775, 1.1}, {1.215, 1.15}, {1.1625, 1.15}, {1.1275, 1.1}, {1.11, 1.1},
          {1.11, 1.1}, {1.105, 1.1}, {1.0975, 1.1}, {1.0925, 1.1}, {1.0975, 1.15}, {1.1175, 1.15}},
     }},
};

static double clip(double x, double lo, double hi) {
    return x < lo ? lo : x > hi ? hi : x;
}

/* Interval of @p x in the ascending @p grid and the place within it, ends held. */
static size_t interval(const double *grid, size_t n, double x, double *t) {
    size_t i = 0;
    while (i + 2 < n && x > grid[i + 1]) i++;
    *t = clip((x - grid[i]) / (grid[i + 1] - grid[i]), 0, 1);
    return i;
}

static fit between(fit a, fit b, double t) {
    return (fit){a.f50 + t * (b.f50 - a.f50), a.s + t * (b.s - a.s)};
}

/* Every graph has its curves. */
static fit fit_of(const qd_code *c, double leak) {
    const curves *k = measured;
    double t, u, log_z[SIZES];
    while (k->id != c->graph->id) k++;
    for (size_t i = 0; i < SIZES; i++) log_z[i] = log2(fit_z[i]);
    size_t l = interval(k->leak, k->leaks, leak, &t), z = interval(log_z, SIZES, log2(c->z), &u);
    return between(between(k->fit[z][l], k->fit[z][l + 1], t), between(k->fit[z + 1][l], k->fit[z + 1][l + 1], t), u);
}

double qd_rate_entropy(double q) {
    return q > 0 && q < 1 ? -(q * log2(q) + (1 - q) * log2(1 - q)) : 0;
}

/* sqrt(V(q)) */
static double spread(double q) {
    return q > 0 ? sqrt(q * (1 - q)) * fabs(log2((1 - q) / q)) : 0;
}

static double share_of(const qd_code *c) {
    return (double)c->leak / c->n;
}

static double failing(const qd_code *c, double leak, fit f, double h, double v) {
    double gap = h - leak / f.f50, width = f.s * v / sqrt(c->n);
    return width > 0 ? 0.5 * erfc(-gap / width / sqrt(2.0)) : gap > 0;
}

double qd_rate_fer(const qd_code *c, double q) {
    return failing(c, share_of(c), fit_of(c, share_of(c)), qd_rate_entropy(q), spread(q));
}

void qd_rate_constants(double leak, qd_ldpc_rule *rule) {
    static const struct {
        double leak;
        uint32_t c, a;
    } best[] = {{0.105, 12, 4}, {0.16, 10, 4}, {0.27, 9, 4}, {0.38, 8, 5}, {0.43, 7, 5}, {0.49, 7, 6}, {0.57, 6, 5}, {1, 6, 6}};
    size_t i = 0;
    while (i + 1 < sizeof best / sizeof *best && leak > best[i].leak) i++;
    rule->c = best[i].c;
    rule->a = best[i].a;
}

void qd_rate_rule(const qd_code *c, qd_ldpc_rule *rule) {
    qd_rate_constants((double)c->leak / c->n, rule);
}

/* ---- The plan ---- */

/* ln of the probability of k errors among n bits at rate q, but for what does not depend on q. */
static double log_likelihood(double k, double n, double q) {
    return (k > 0 ? k * log(q) : 0) + (k < n ? (n - k) * log1p(-q) : 0);
}

static void set_point(qd_posterior *p, int i, double q) {
    p->h[i] = q < 0.5 ? qd_rate_entropy(q) : 1;
    p->v[i] = spread(q);
}

qd_posterior qd_rate_posterior(uint64_t errors, uint64_t sample, double margin) {
    double k = (double)errors, n = (double)sample, mean = (k + 1) / (n + 2), sd = sqrt(mean * (1 - mean) / (n + 3));
    double lo = clip(mean - 6 * sd, 0, 1), hi = clip(mean + 6 * sd, 0, 1), mode = k / n, sum = 0;
    qd_posterior p;
    double peak = log_likelihood(k, n, mode);
    for (int i = 0; i < POINTS; i++) {
        double q = lo + (hi - lo) * (i + 0.5) / POINTS;
        p.weight[i] = exp(log_likelihood(k, n, q) - peak);
        sum += p.weight[i];
        set_point(&p, i, clip(q + margin * sd, 0, 1));
    }
    for (int i = 0; i < POINTS; i++) p.weight[i] /= sum;
    return p;
}

static double expected_fer(const qd_code *c, double leak, const qd_posterior *p) {
    fit f = fit_of(c, leak);
    double fer = 0;
    for (int i = 0; i < POINTS; i++) fer += p->weight[i] * failing(c, leak, f, p->h[i], p->v[i]);
    return fer;
}

/* The curve of frames with added rows. */
static fit fit_added(const qd_code *first, double share) {
    double added = share - share_of(first);
    fit f = fit_of(first, share);
    f.f50 *= 1 + 0.75 * added * added;
    return f;
}

static double share_with(const qd_code *first, uint32_t rows) {
    return (double)(rows - first->graph->punctured * first->z) / first->n;
}

/* Of our own graphs some frames are left that rows added to them do not move before a tenth more is told: the rows lack their own column, and leave
 * light words for a while. Of 1000 frames each at Z = 64, 120, 192, 384 and 11 % 111, 72, 23 and 1 of qd-k22; 43 and 23 at 144, 224 and 8 %, 37 at 112 and 5 %, 36
 * of qd-k33 at 112 and 2 % (bench/NOTES.md). Of 384 it is one in a thousand, of longer ones next to none. */
static double stuck(const qd_code *first, double share) {
    const double added = share - share_of(first), z = first->z;
    if (first->graph->id != QD_CODE_QD_K22 && first->graph->id != QD_CODE_QD_K33) return 0;
    return clip(added / 0.02, 0, 1) * fmin(0.11, 0.07 * (120 / z) * (120 / z)) * fmin(1, exp((224 - z) / 80));
}

static double unsolved_at(const qd_code *first, double share, fit f, double h, double v) {
    const double tail = stuck(first, share);
    const fit later = {1.1 * f.f50, f.s};
    return (1 - tail) * failing(first, share, f, h, v) + (tail > 0 ? tail * failing(first, share, later, h, v) : 0);
}

double qd_rate_unsolved_at(const qd_code *first, uint32_t rows, const qd_posterior *p, int point) {
    double share = share_with(first, rows);
    return unsolved_at(first, share, fit_added(first, share), p->h[point], p->v[point]);
}

double qd_rate_unsolved(const qd_code *first, uint32_t rows, const qd_posterior *p) {
    double share = share_with(first, rows), all = 0;
    fit f = fit_added(first, share);
    for (int i = 0; i < POINTS; i++)
        if (p->weight[i] > 0) all += p->weight[i] * unsolved_at(first, share, f, p->h[i], p->v[i]);
    return all;
}

/* What the attempts say about the rate of point @p i, as a logarithm. */
static double log_attempts(const qd_history *h, const qd_posterior *p, int i) {
    double sum = 0, before = 1, frames = h->n ? (double)h->tried[0] : 0, each = frames > 100 ? 100 / frames : 1;
    for (uint32_t k = 0; k < h->n; k++) {
        double left = qd_rate_unsolved_at(&h->first, h->rows[k], p, i), share = clip(left / before, 1e-9, 1 - 1e-9);
        sum += each * ((double)(h->tried[k] - h->solved[k]) * log(share) + (double)h->solved[k] * log1p(-share));
        before = fmax(left, 1e-12);
    }
    return sum;
}

static double log_prior(const qd_history *h, double q) {
    return h->sample ? log_likelihood((double)h->errors, (double)h->sample, q) : -log(q);
}

/* Points over [lo, hi], and the logarithm of each one's weight; the largest is returned. */
static double points_over(const qd_history *h, double lo, double hi, qd_posterior *p, double log_weight[POINTS]) {
    double most = -INFINITY;
    for (int i = 0; i < POINTS; i++) {
        double q = lo + (hi - lo) * (i + 0.5) / POINTS;
        set_point(p, i, q);
        log_weight[i] = log_prior(h, q) + log_attempts(h, p, i);
        most = fmax(most, log_weight[i]);
    }
    return most;
}

/* The range is narrowed to what has a weight above e^-12 of the largest, with a point more on each side. */
qd_posterior qd_rate_posterior_after(const qd_history *h) {
    enum { NARROWER = 4 };
    double k = (double)h->errors, n = (double)h->sample, mean = (k + 1) / (n + 2), sd = sqrt(mean * (1 - mean) / (n + 3)),
           sum = 0;
    double lo = h->sample ? clip(mean - 6 * sd, 0, 0.5) : 0.003, hi = h->sample ? clip(mean + 6 * sd, 0, 0.5) : 0.15;
    qd_posterior p;
    double log_weight[POINTS], most = points_over(h, lo, hi, &p, log_weight);
    for (int t = 0; t < NARROWER && h->n > 0; t++) {
        int first = 0, last = POINTS - 1;
        while (log_weight[first] < most - 12) first++;
        while (log_weight[last] < most - 12) last--;
        double step = (hi - lo) / POINTS, from = lo;
        lo = fmax(from, from + step * (first - 1));
        hi = fmin(hi, from + step * (last + 2));
        most = points_over(h, lo, hi, &p, log_weight);
    }
    for (int i = 0; i < POINTS; i++) sum += p.weight[i] = exp(log_weight[i] - most);
    for (int i = 0; i < POINTS; i++) p.weight[i] /= sum;
    return p;
}

static double net_yield(const qd_code *c, const qd_posterior *p, double *fer) {
    *fer = expected_fer(c, share_of(c), p);
    return (1 - *fer) * (1 - (double)c->leak / c->n);
}

/* Best number of syndrome bits at lifting size @p z: a coarse walk over the range, then a fine one around its best. */
void qd_rate_best(qd_code *best, uint32_t id, uint32_t z, const qd_posterior *p) {
    const qd_graph *g = qd_graph_of(id);
    uint32_t lo = QD_CORE_ROWS * z, hi = g->rows * z;
    while (hi > lo) {
        uint32_t step = (hi - lo + STEPS - 1) / STEPS, at = lo;
        double most = -1, fer;
        for (uint32_t m = lo; m <= hi; m += step) {
            qd_code c;
            (void)qd_code_make(&c, id, z, m, NULL); /* cannot fail: z and m are in range */
            double y = net_yield(&c, p, &fer);
            if (y > most) {
                most = y;
                at = m;
                *best = c;
            }
        }
        if (step == 1) return;
        lo = at > lo + step ? at - step : lo;
        hi = at + step < hi ? at + step : hi;
    }
}

void qd_code_leaks(uint32_t code, double *least, double *most) {
    if (code == QD_CODE_LARGE) {
        size_t n;
        const qd_large_design *d = qd_large_designs(&n);
        *least = (double)d[0].rows / d[0].cols;
        *most = (double)d[n - 1].rows / d[n - 1].cols;
        return;
    }
    const qd_graph *g = qd_graph_of(code == QD_CODE_AUTO ? QD_CODE_QD_BG1 : code);
    uint32_t few = QD_CORE_ROWS - g->punctured, many = g->rows - g->punctured;
    *least = (double)few / (g->kb + few);
    *most = (double)many / (g->kb + many);
}

/* Syndrome bits for a wanted leak l within the code's range: m = 2 z + l k_b z / (1 - l); the clip is of its rounding. */
static void fixed_rate(qd_code *c, uint32_t id, uint32_t z, double leak) {
    const qd_graph *g = qd_graph_of(id);
    double m = g->punctured * z + round(leak * g->kb * z / (1 - leak));
    (void)qd_code_make(c, id, z, (uint32_t)clip(m, QD_CORE_ROWS * z, g->rows * z), NULL);
}

void qd_rate_code(qd_code *c, uint32_t id, uint32_t z, double leak, double q) {
    const uint64_t known = (uint64_t)1 << 40;
    if (leak > 0) {
        fixed_rate(c, id, z, leak);
        return;
    }
    qd_posterior p = qd_rate_posterior((uint64_t)round(q * (double)known), known, 0);
    qd_rate_best(c, id, z, &p);
}

/* Frames of lifting size @p z: code, rounds of added rows, share of a frame that is charged; what @p p asks for. With rounds to
 * come the doubt about the rate needs no margin: the rows are added where they are needed. */
static double frames_of(const qd_reconcile_params *p, uint32_t id, uint32_t z, const qd_posterior plain_careful[2], qd_code *c,
                        qd_rounds *rounds) {
    const qd_posterior *plain = &plain_careful[0], *careful = &plain_careful[1];
    *rounds = (qd_rounds){0};
    if (p->rounds && p->leak == 0) {
        qd_rounds_code(c, id, z, p->rounds, p->sample == 0, plain, rounds);
        return rounds->charged / c->n;
    }
    if (p->leak > 0)
        fixed_rate(c, id, z, p->leak);
    else
        qd_rate_best(c, id, z, careful);
    if (p->rounds) {
        *rounds = qd_rounds_best(c, c->m, p->rounds, plain);
        return rounds->charged / c->n;
    }
    return 1 - net_yield(c, plain, &rounds->fer);
}

/* Bits that errors which only tags find are expected to cost a string: a second tag and answer (130 bits), a tag and answer of
 * every frame, and the frame. Of base graph 2, whose light codewords they are, of 4096 frames each at Z = 52, 144, 384 (`qdistill
 * study reconcile --code nr-bg2:add=24,z=Z --qber Q --leak L --frames 4096 --seed 7`): 8 to 35 at a leak of .2, 18 to 44 at .24,
 * 5 to 17 at .28, 5 to 11 at .31. Base graph 1 has them in short frames: at leaks of
 * .125 to .195 qd-bg1 2 to 7 of 4096 at Z = 32 and 52, and of 16384 4 to 6 at Z = 72, 1 to 4 at 104, 0 to 2 at 144; nr-bg1 3 to 14, 19 to 29, 7 to 13;
 * longer ones one in 20000 at most. Of 8192 frames each qd-k22 has at 3 and 5 % 457 and 113 at Z = 32, 0 to 6 at 36 to 60, 10 and 0 at 64, 1 and 0 at 72, none from 80 to 144; qd-k33 at 1 %
 * 7, 15, 3, 9 at 36, 40, 44, 48, 3 and 4 at 56 and 60, 0 to 2 from 64 to 128 (at .8 % 51 at 32); neither has one in 24576 at 144. */
static double undetected_share(const qd_code *c) {
    const double share = share_of(c);
    const bool k22 = c->graph->id == QD_CODE_QD_K22;
    if (k22 && c->z <= 32) return 0.06;
    if (k22 || c->graph->id == QD_CODE_QD_K33) return c->z <= 32 ? 7e-3 : c->z <= 64 ? 2e-3 : c->z <= 128 ? 2.5e-4 : 5e-5;
    if (c->graph->id == QD_CODE_NR_BG2) return share < 0.26 ? 0.01 : share < 0.3 ? 0.005 : 0.0025;
    if (c->z > 128) return 5e-5;
    const bool few = c->graph->id == QD_CODE_QD_BG1 || share > 0.3;
    return c->z > 64 ? (few ? 2.5e-4 : 1e-3) : (few ? 1e-3 : 2e-3);
}

static double undetected(const qd_code *c, uint64_t frames) {
    const double each = undetected_share(c), f = (double)frames;
    return fmin(1, f * each) * (130 + 65 * f + c->n);
}

/* Every lifting size is tried: the one whose frames make most of the string. Of a string of more than 100 frames of the standard's
 * largest size those above the half of it: among eight of them one leaves a tail of a thousandth, and shorter frames need more. */
static void best_size(const qd_reconcile_params *p, uint32_t id, uint64_t bits, double *most, qd_code *code,
                      qd_reconcile_plan *plan) {
    const qd_history known = {.errors = p->errors, .sample = p->sample};
    const qd_posterior plain_careful[2] = {qd_rate_posterior_after(&known), qd_rate_posterior(p->errors, p->sample, margin_sd)};
    const qd_graph *g = qd_graph_of(id);
    uint32_t n_sizes;
    const uint16_t *sizes = qd_lifting_sizes(g, &n_sizes);
    const uint32_t least = bits > (uint64_t)100 * (g->kb + QD_CORE_ROWS) * QD_Z_STANDARD ? QD_Z_STANDARD / 2 : QD_Z_LEAST;
    for (uint32_t i = n_sizes; i-- > 0 && sizes[i] >= least;) {
        qd_code c;
        qd_rounds rounds;
        (void)qd_code_make(&c, id, sizes[i], QD_CORE_ROWS * sizes[i], NULL);
        if (c.n > bits) continue; /* not even the shortest frame fits */
        double yield = 1 - frames_of(p, id, sizes[i], plain_careful, &c, &rounds);
        uint64_t frames = bits / c.n;
        double worth = fmax((double)frames * c.n * yield - undetected(&c, frames),
                            (double)frames * c.n * 1e-9); /* a hopeless rate has a plan too */
        if (frames == 0 || worth <= *most) continue;
        *most = worth;
        *code = c;
        plan->frames = frames;
        plan->fer = rounds.fer;
        plan->net_yield = yield;
        plan->rounds = rounds.n;
    }
}

/* AUTO takes a base graph, the standard's first in either order of its rows, or a large-block code. With rounds of added rows the standard's order leaves
 * no more, but of frames of less than 1300 bits (tests/test_rate.c), and is not looked at. A blind start adds rows from the shortest syndrome on. */
static void best_code(const qd_reconcile_params *p, uint64_t bits, qd_reconcile_plan *plan) {
    double most = 0;
    qd_code code = {0};
    const bool any = p->code == QD_CODE_AUTO && p->leak == 0 && p->sample > 0;
    if (p->code != QD_CODE_LARGE) best_size(p, p->code == QD_CODE_AUTO ? QD_CODE_QD_BG1 : p->code, bits, &most, &code, plan);
    if (any) best_size(p, QD_CODE_NR_BG2, bits, &most, &code, plan);
    if (any) best_size(p, QD_CODE_QD_K22, bits, &most, &code, plan);
    if (any) best_size(p, QD_CODE_QD_K33, bits, &most, &code, plan);
    if (any && p->rounds == 0) best_size(p, QD_CODE_NR_BG1, bits, &most, &code, plan);
    if (((any || p->code == QD_CODE_LARGE) && qd_large_plan(p, bits, &most, plan)) || plan->frames == 0) return;
    qd_ldpc_rule rule;
    qd_rate_rule(&code, &rule);
    plan->code = code.graph->id;
    plan->z = code.z;
    plan->m = code.m;
    plan->frame_bits = code.n;
    plan->c = rule.c;
    plan->a = rule.a;
}

qd_status qd_rate_estimate_check(const qd_reconcile_params *p, qd_error *err) {
    if (p->errors > p->sample || (p->sample == 0 && p->rounds == 0 && p->leak == 0))
        return qd_fail(err, QD_E_USAGE,
                       "no estimate of the error rate: errors among sample bits are needed, or rounds of added rows, or a leak");
    return QD_OK;
}

static qd_status plan_tag(const qd_reconcile_params *p, uint64_t n, qd_reconcile_plan *plan, qd_error *err) {
    plan->tag_bits = qd_tag_bits(n, p->eps_cor);
    if (plan->tag_bits > 128)
        return qd_fail(err, QD_E_USAGE,
                       "eps_cor %g asks for a verification tag above 128 bits||the hash has 128 bits|take a larger eps_cor",
                       p->eps_cor);
    return QD_OK;
}

static qd_status plan_cascade(const qd_reconcile_params *p, uint64_t bits, qd_reconcile_plan *plan, qd_error *err) {
    uint32_t n;
    plan->code = QD_CODE_CASCADE;
    qd_parities_frames(bits, &n, &plan->frames);
    if (plan->frames == 0) {
        plan->reject = QD_REJECT_SHORT;
        return QD_OK;
    }
    if (plan->frames > QD_PARITIES_FRAMES)
        return qd_fail(
            err, QD_E_USAGE,
            "a string of %llu bits is too long for Cascade||it has %d frames of %d bits at most|take shorter key blocks",
            (unsigned long long)bits, QD_PARITIES_FRAMES, QD_PARITIES_BITS);
    plan->net_yield = 1 - qd_parities_charge(plan->qber, n) / n;
    return plan_tag(p, plan->frames * n, plan, err);
}

qd_status qd_reconcile_plan_make(const qd_reconcile_params *p, uint64_t bits, qd_reconcile_plan *plan, qd_error *err) {
    *plan = (qd_reconcile_plan){0};
    QD_TRY(qd_rate_estimate_check(p, err));
    if (!(p->eps_cor > 0 && p->eps_cor < 1)) return qd_fail(err, QD_E_USAGE, "eps_cor %g is not between 0 and 1", p->eps_cor);
    if (!(p->leak >= 0 && p->leak < 1)) return qd_fail(err, QD_E_USAGE, "a leak of %g is not in 0..1", p->leak);
    if (p->code == QD_CODE_CASCADE && (p->leak > 0 || p->sample == 0))
        return qd_fail(err, QD_E_USAGE, "Cascade takes its block sizes from an estimate of the error rate, and no leak");
    if (!(p->drift >= 0 && p->drift <= 1))
        return qd_fail(err, QD_E_USAGE,
                       "a drift of %g is not in 0..1|out of range|it is a share of the error rate, no percentage|give a number from 0 to 1",
                       p->drift);
    if (p->code == QD_CODE_LARGE && p->leak == 0 && p->sample == 0)
        return qd_fail(err, QD_E_USAGE,
                       "large-block codes need an estimate of the error rate, or a leak|neither was given|they have one syndrome, and "
                       "add no rows|disclose a sample, give a leak, or take a base graph for a blind start");
    if (p->code != QD_CODE_AUTO && p->code != QD_CODE_CASCADE && p->code != QD_CODE_LARGE && !qd_graph_of(p->code))
        return qd_fail(err, QD_E_USAGE, "code %u is unknown", p->code);
    double least = 0, most = 1;
    if (p->code != QD_CODE_CASCADE) qd_code_leaks(p->code, &least, &most);
    if (p->leak > 0 && !(p->leak >= least && p->leak <= most))
        return qd_fail(err, QD_E_USAGE, "a leak of %g is out of range: %s discloses %.4f to %.4f of a frame", p->leak,
                       qd_code_name(p->code == QD_CODE_AUTO ? QD_CODE_QD_BG1 : p->code), least, most);
    double estimate = p->sample ? (double)p->errors / (double)p->sample : 0,
           most_served = p->code == QD_CODE_LARGE && p->leak == 0 ? QD_QBER_LARGE : QD_QBER_SERVED,
           served = p->max_qber > 0 && p->max_qber < most_served ? p->max_qber : most_served;
    plan->qber = ((double)p->errors + 1) / ((double)p->sample + 2);
    if (estimate > served) {
        plan->reject = QD_REJECT_QBER;
        return QD_OK;
    }
    if (p->code == QD_CODE_CASCADE) return plan_cascade(p, bits, plan, err);
    best_code(p, bits, plan);
    if (plan->frames == 0) {
        plan->reject = QD_REJECT_SHORT;
        return QD_OK;
    }
    return plan_tag(p, plan->frames * plan->frame_bits, plan, err);
}
