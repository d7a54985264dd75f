/* SPDX-License-Identifier: Apache-2.0 */
#include "evolve.h"

#include <complex.h> /* before fftw3.h: its complex is then C's */
#include <fftw3.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double LARGEST = 30; /* LLR: error 1e-13 */
enum { POWERS = 12 };

struct evolution {
    double q, step;
    int n, channel, size;                /* magnitudes 0..n; points of a transform */
    int *at;                             /* [i][j], j <= i: lower point of box-plus */
    float *low;                          /* share of the lower point */
    double *error;                       /* [n + 1]: of a magnitude */
    double *power[POWERS];               /* magnitudes after 2^k messages */
    double *now, *out, *product, *other; /* magnitudes */
    double *wave;
    double complex *spectrum, *sum, *term, *negative; /* negative: transform of "below 0" */
    fftw_plan there, back;
};

double shares_sum(const shares *s) {
    double x = 0;
    for (size_t i = 0; i < s->n; i++) x += s->edges[i];
    return x;
}

double shares_inverse(const shares *s) {
    double x = 0;
    for (size_t i = 0; i < s->n; i++) x += s->edges[i] / s->degree[i];
    return x;
}

shares shares_rows(double mean) {
    int d = (int)mean;
    double above = mean - d; /* rows of degree d + 1 */
    return (shares){.n = 2, .degree = {d, d + 1}, .edges = {(1 - above) * d / mean, above * (d + 1) / mean}};
}

double entropy(double q) {
    return -q * log2(q) - (1 - q) * log2(1 - q);
}

double qber_at(double leak, double f) {
    double lo = 1e-9, hi = 0.5;
    for (int i = 0; i < 80; i++) *(leak / entropy((lo + hi) / 2) > f ? &lo : &hi) = (lo + hi) / 2;
    return lo;
}

/* ---- Tables ------------------------------------------------------------------------------------------------------------ */

static double wrong(double x) {
    return 1 / (1 + exp(x));
}

/* 1 - tanh(x/2)^2. */
static double spread(double x) {
    return 4 * wrong(x) * wrong(-x);
}

static size_t pair(int i, int j) {
    return (size_t)i * (size_t)(i + 1) / 2 + (size_t)j;
}

static void fill_pairs(evolution *e) {
    for (int i = 0; i <= e->n; i++)
        for (int j = 0; j <= i; j++) {
            double a = i * e->step, b = j * e->step, x = b + log1p(exp(-a - b)) - log1p(exp(b - a));
            int k = (int)fmax(0, fmin(floor(x / e->step), j));
            double p = spread(k * e->step), r = spread((k + 1) * e->step);
            e->at[pair(i, j)] = k;
            e->low[pair(i, j)] = (float)fmax(0, fmin(1, (spread(x) - r) / (p - r)));
        }
}

static int good_size(int least) {
    for (;; least++) {
        int m = least;
        for (int p = 2; p <= 5; p++)
            while (m % p == 0) m /= p;
        if (m == 1 && least % 2 == 0) return least;
    }
}

evolution *evolution_create(double q, int steps, int degree) {
    evolution *e = calloc(1, sizeof *e);
    if (!e) return NULL;
    e->q = q;
    e->channel = steps;
    e->step = log((1 - q) / q) / steps;
    e->n = (int)ceil(LARGEST / e->step);
    e->size = good_size((degree + 2) * e->n);
    size_t n = (size_t)e->n + 2, half = (size_t)e->size / 2 + 1;
    e->at = calloc(pair(e->n + 1, 0), sizeof *e->at);
    e->low = calloc(pair(e->n + 1, 0), sizeof *e->low);
    e->error = calloc(n, sizeof(double));
    for (int k = 0; k < POWERS; k++) e->power[k] = calloc(n, sizeof(double));
    e->now = calloc(n, sizeof(double));
    e->out = calloc(n, sizeof(double));
    e->product = calloc(n, sizeof(double));
    e->other = calloc(n, sizeof(double));
    e->wave = fftw_malloc((size_t)e->size * sizeof(double));
    e->spectrum = fftw_malloc(half * sizeof *e->spectrum);
    e->sum = fftw_malloc(half * sizeof *e->sum);
    e->term = fftw_malloc(half * sizeof *e->term);
    e->negative = fftw_malloc(half * sizeof *e->negative);
    if (!e->at || !e->low || !e->error || !e->now || !e->out || !e->product || !e->other || !e->wave || !e->spectrum || !e->sum ||
        !e->term || !e->negative) {
        evolution_destroy(e);
        return NULL;
    }
    e->there = fftw_plan_dft_r2c_1d(e->size, e->wave, e->spectrum, FFTW_ESTIMATE);
    e->back = fftw_plan_dft_c2r_1d(e->size, e->sum, e->wave, FFTW_ESTIMATE);
    fill_pairs(e);
    for (int i = 0; i <= e->n; i++) e->error[i] = wrong(i * e->step);
    memset(e->wave, 0, (size_t)e->size * sizeof(double));
    e->wave[0] = 0.5;
    for (int i = 1; i <= 2 * e->n; i++) e->wave[e->size - i] = 1;
    fftw_execute_dft_r2c(e->there, e->wave, e->negative);
    return e;
}

void evolution_destroy(evolution *e) {
    if (!e) return;
    free(e->at);
    free(e->low);
    free(e->error);
    for (int k = 0; k < POWERS; k++) free(e->power[k]);
    free(e->now);
    free(e->out);
    free(e->product);
    free(e->other);
    fftw_free(e->wave);
    fftw_free(e->spectrum);
    fftw_free(e->sum);
    fftw_free(e->term);
    fftw_free(e->negative);
    if (e->there) fftw_destroy_plan(e->there);
    if (e->back) fftw_destroy_plan(e->back);
    free(e);
}

/* ---- Checks ------------------------------------------------------------------------------------------------------------ */

/* out = f box-plus g; out is neither. */
static void box(const evolution *e, const double *f, const double *g, double *out) {
    const double nothing = 1e-25;
    memset(out, 0, ((size_t)e->n + 2) * sizeof *out);
    for (int i = 0; i <= e->n; i++)
        if (f[i] > nothing || g[i] > nothing)
            for (int j = 0; j <= i; j++) {
                double p = i == j ? f[i] * g[i] : f[i] * g[j] + f[j] * g[i];
                size_t k = pair(i, j);
                double lower = p * (double)e->low[k];
                out[e->at[k]] += lower;
                out[e->at[k] + 1] += p - lower;
            }
    out[e->n] += out[e->n + 1];
    out[e->n + 1] = 0;
}

/* out = f^count, from the powers of two. */
static void box_power(evolution *e, int count, double *out) {
    int begun = 0;
    for (int k = 0; count >> k; k++)
        if (count >> k & 1) {
            if (begun)
                box(e, out, e->power[k], e->other), memcpy(out, e->other, ((size_t)e->n + 2) * sizeof *out);
            else
                memcpy(out, e->power[k], ((size_t)e->n + 2) * sizeof *out);
            begun = 1;
        }
}

/* e->out: magnitudes from checks whose other edges carry e->now. */
static void checks(evolution *e, const shares *rows) {
    size_t bytes = ((size_t)e->n + 2) * sizeof(double);
    double *total = e->out;
    int largest = rows->degree[rows->n - 1] - 1, last = -1;
    memcpy(e->power[0], e->now, bytes);
    for (int k = 1; k < POWERS && largest >> k; k++) box(e, e->power[k - 1], e->power[k - 1], e->power[k]);
    memset(total, 0, bytes);
    for (size_t r = 0; r < rows->n; r++) {
        int count = rows->degree[r] - 1;
        if (last > 0 && count == last + 1)
            box(e, e->product, e->now, e->other), memcpy(e->product, e->other, bytes);
        else
            box_power(e, count, e->product);
        last = count;
        for (int i = 0; i <= e->n; i++) total[i] += rows->edges[r] * e->product[i];
    }
}

/* ---- Variables --------------------------------------------------------------------------------------------------------- */

static void times(double complex *a, const double complex *b, int n) {
    for (int i = 0; i < n; i++) a[i] *= b[i];
}

/* a = b^k */
static void raise(const evolution *e, double complex *a, int k, int n) {
    for (int i = 0; i < n; i++) {
        double complex x = 1, base = e->spectrum[i];
        for (int b = k; b; b >>= 1) {
            if (b & 1) x *= base;
            base *= base;
        }
        a[i] *= x;
    }
}

/* Probability below 0, half of that at 0, of the density with this transform (Parseval). */
static double below_zero(const evolution *e, const double complex *a, double weight) {
    int n = e->size / 2 + 1;
    double s = 0;
    for (int i = 0; i < n; i++)
        s += (i == 0 || i == n - 1 ? 1 : 2) * (creal(a[i]) * creal(e->negative[i]) + cimag(a[i]) * cimag(e->negative[i]));
    return weight * s / e->size;
}

/* e->now: magnitudes from variables whose other edges carry e->out; errors by degree. */
static void variables(evolution *e, const shares *columns, double *next) {
    int n = e->size / 2 + 1, last = 1;
    memset(e->wave, 0, (size_t)e->size * sizeof(double));
    for (int i = 0; i <= e->n; i++) {
        e->wave[i] += e->out[i] * (1 - e->error[i]);
        e->wave[i ? e->size - i : 0] += e->out[i] * e->error[i];
    }
    fftw_execute(e->there);
    for (int i = 0; i < n; i++) {
        double w = 2 * M_PI * i * (double)e->channel / e->size;
        e->term[i] = (1 - e->q) * cexp(-I * w) + e->q * cexp(I * w);
        e->sum[i] = 0;
    }
    for (size_t c = 0; c < columns->n; c++) {
        int by = columns->degree[c] - last;
        if (by == 1)
            times(e->term, e->spectrum, n);
        else
            raise(e, e->term, by, n);
        last = columns->degree[c];
        if (next) next[c] = below_zero(e, e->term, 1);
        for (int i = 0; i < n; i++) e->sum[i] += columns->edges[c] * e->term[i];
    }
    fftw_execute(e->back);
    memset(e->now, 0, ((size_t)e->n + 2) * sizeof(double));
    double total = 0;
    for (int i = 0; i < e->size - 2 * e->n; i++) { /* what lies above the grid counts as its end */
        double p = fmax(0, e->wave[i] / e->size) * (i ? 1 + exp(-i * e->step) : 1);
        e->now[i < e->n ? i : e->n] += p;
        total += p;
    }
    for (int i = 0; i <= e->n; i++) e->now[i] /= total;
}

int evolve(evolution *e, const shares *columns, const shares *rows, int most, trace *t, int *done) {
    double before = e->q;
    memset(e->now, 0, ((size_t)e->n + 2) * sizeof(double));
    e->now[e->channel] = 1;
    for (int i = 1; i <= most; i++) {
        checks(e, rows);
        variables(e, columns, t ? t[i - 1].next : NULL);
        double error = 0;
        for (int k = 0; k <= e->n; k++) error += e->now[k] * e->error[k];
        if (t) t[i - 1].error = before, *done = i;
        if (error < 1e-7) return i;
        if (error > before * (1 - 1e-5) && i > 3) return 0;
        before = error;
    }
    return 0;
}

double threshold(const shares *columns, const shares *rows, int steps, double lo, double hi, double precision) {
    while (hi - lo > precision) {
        double q = (lo + hi) / 2;
        evolution *e = evolution_create(q, steps, columns->degree[columns->n - 1]);
        if (!e) abort();
        *(evolve(e, columns, rows, 3000, NULL, NULL) ? &lo : &hi) = q;
        evolution_destroy(e);
    }
    return lo;
}
