/* SPDX-License-Identifier: Apache-2.0 */
#include "improve.h"

#include <glpk.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ITERATIONS = 600, ROUNDS = 60, ROWS = 200 /* iterations that the program sees */ };
static const double STABLE = 0.84;
static const int degrees[] = {2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 16, 18, 20, 22, 25, 28, 30, 35, 40, 45, 50, 55, 60};
enum { DEGREES = sizeof degrees / sizeof *degrees };

/* The shares on the fixed list of degrees; a degree that is not on it goes to the next lower one. */
static shares on_list(const shares *s, int most) {
    shares out = {0};
    for (; out.n < DEGREES && degrees[out.n] <= most; out.n++) out.degree[out.n] = degrees[out.n];
    for (size_t k = 0; k < s->n; k++) {
        size_t i = out.n - 1;
        while (i > 0 && degrees[i] > s->degree[k]) i--;
        out.edges[i] += s->edges[k];
    }
    return out;
}

static double largest_pairs(double q, const shares *rows) {
    double slope = 0;
    for (size_t i = 0; i < rows->n; i++) slope += rows->edges[i] * (rows->degree[i] - 1);
    return STABLE / (slope * 2 * sqrt(q * (1 - q)));
}

static void set_row(glp_prob *lp, int n, int row, const double *value, double last) {
    int index[DEGREES + 2];
    double v[DEGREES + 2];
    for (int i = 0; i <= n; i++) index[i + 1] = i + 1, v[i + 1] = i < n ? value[i] : last;
    glp_set_mat_row(lp, row, n + 1, index, v);
}

/* New shares within +- trust of the old; 0: the program has no solution. */
static int solve(shares *s, double leak, const shares *rows, double q, const trace *t, int iterations, double trust) {
    glp_prob *lp = glp_create_prob();
    int step = iterations / ROWS + 1, used = (iterations + step - 1) / step, row = 0, n = (int)s->n;
    double ones[DEGREES], inverse[DEGREES], pairs = largest_pairs(q, rows);
    glp_smcp how;
    glp_init_smcp(&how);
    how.msg_lev = GLP_MSG_OFF;
    glp_set_obj_dir(lp, GLP_MAX);
    glp_add_cols(lp, n + 1);
    for (int i = 0; i < n; i++) {
        double lo = fmax(0, s->edges[i] - trust), hi = s->edges[i] + trust;
        ones[i] = 1;
        inverse[i] = 1.0 / s->degree[i];
        if (i == 0) hi = fmin(hi, pairs), lo = fmin(lo, hi);
        glp_set_col_bnds(lp, i + 1, hi > lo ? GLP_DB : GLP_FX, lo, hi);
    }
    glp_set_col_bnds(lp, n + 1, GLP_FR, 0, 0); /* least progress */
    glp_set_obj_coef(lp, n + 1, 1);
    glp_add_rows(lp, 2 + used);
    glp_set_row_bnds(lp, ++row, GLP_FX, 1, 1);
    set_row(lp, n, row, ones, 0);
    double sum = shares_inverse(rows) / leak;
    glp_set_row_bnds(lp, ++row, GLP_FX, sum, sum);
    set_row(lp, n, row, inverse, 0);
    for (int k = 0; k < iterations; k += step) {
        double next[DEGREES];
        for (int i = 0; i < n; i++) next[i] = t[k].next[i] > 1e-6 * t[k].error ? t[k].next[i] / t[k].error : 0; /* else noise */
        glp_set_row_bnds(lp, ++row, GLP_UP, 0, 1);
        set_row(lp, n, row, next, 1);
    }
    int ok = glp_simplex(lp, &how) == 0 && glp_get_status(lp) == GLP_OPT;
    for (int i = 0; i < n && ok; i++) s->edges[i] = fmax(0, glp_get_col_prim(lp, i + 1));
    glp_delete_prob(lp);
    return ok;
}

/* Iterations at @p q, 0: does not converge; what they saw in t. */
static int run(const shares *s, const shares *rows, double q, int steps, trace *t, int *done) {
    evolution *e = evolution_create(q, steps, s->degree[s->n - 1]);
    if (!e) abort();
    int n = evolve(e, s, rows, ITERATIONS, t, done);
    evolution_destroy(e);
    return n;
}

improved improve(const shares *start, double leak, double mean, int most, int steps, FILE *log) {
    shares rows = shares_rows(mean), s = on_list(start, most);
    trace *t = calloc(ITERATIONS, sizeof *t), *u = calloc(ITERATIONS, sizeof *u);
    double f = 1.20, raise = 0.02, trust = 0.04;
    int done = 0, n = 0;
    if (!t || !u) abort();
    /* The start need not have this leak: the program with a wide trust region and one bound, that of the first iterations, mends
     * it. */
    run(&s, &rows, qber_at(leak, f), steps, t, &done);
    if (!solve(&s, leak, &rows, qber_at(leak, f), t, done < 8 ? done : 8, 0.2)) abort();
    while ((n = run(&s, &rows, qber_at(leak, f), steps, t, &done)) == 0 && f < 2) f += 0.05;
    for (int round = 0; round < ROUNDS && n && trust > 1e-3; round++) {
        shares tried = s;
        int more = 0, k = 0, further = 0;
        if (solve(&tried, leak, &rows, qber_at(leak, f), t, done, trust))
            further = k = run(&tried, &rows, qber_at(leak, f - raise), steps, u, &more);
        if (!further) k = run(&tried, &rows, qber_at(leak, f), steps, u, &more);
        if (further || (k && k < n)) { /* better here, if it does not carry further */
            trace *swap = t;
            t = u, u = swap;
            s = tried;
            n = k, done = more;
            f -= further ? raise : 0;
        } else {
            trust /= 2;
        }
        if (!further && raise > 5e-4) raise /= 2;
        fprintf(log, "round %d: f %.4f, %d iterations, trust %.4f, raise %.4f\n", round, f, n, trust, raise);
    }
    free(t);
    free(u);
    return (improved){s, qber_at(leak, f)};
}
