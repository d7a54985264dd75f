/* SPDX-License-Identifier: Apache-2.0 */
/* Tuned C loop of `lines`: transforms of 16 neighbouring segments side by side, so that all layers are loops over 16 lanes; one
 * branch of the tree after the other. Leaves, then stretches of lags, are shared out to threads. */
#include <stdlib.h>
#include <string.h>
#include "c_ntt.h"
#include "loops.h"
#include "timetag/lines.h"

enum { LOG2N = 12, N = 1 << LOG2N, LANES = 16, P = QD_LINES_PRIME, STRETCH = 512 };

typedef uint16_t lane[LANES];

typedef struct job {
    const qd_lines_case *c;
    unsigned shares;
    uint16_t tw[2][N], companion[2][N]; /* forward, inverse */
    uint16_t *a;                        /* spectra [slice][N] */
    lane *b;                            /* spectra [segment / 16][N][segment % 16]; one group of 16 to spare */
    uint32_t slices, segments;
    lane *work;    /* N a share */
    int16_t *leaf; /* [leaves][row] */
    size_t row;
    int32_t *out;
} job;

static uint32_t power(uint32_t x, uint32_t e) {
    uint32_t r = 1;
    for (; e; e /= 2, x = x * x % P)
        if (e & 1) r = r * x % P;
    return r;
}

static void twiddles(job *s) {
    for (int inverse = 0; inverse < 2; inverse++) {
        uint32_t root = power(11, 3);
        if (inverse) root = power(root, P - 2);
        s->tw[inverse][0] = 1;
        for (unsigned j = 0; j < LOG2N - 1; j++)
            for (uint32_t i = 0, w = power(root, 1u << (LOG2N - 2 - j)); i < 1u << j; i++)
                s->tw[inverse][(1u << j) + i] = (uint16_t)(s->tw[inverse][i] * w % P);
        for (int i = 0; i < N / 2; i++) s->companion[inverse][i] = (uint16_t)(((uint32_t)s->tw[inverse][i] << 16) / P);
    }
}

static inline uint16_t once(uint16_t x) {
    uint16_t y = (uint16_t)(x - P);
    return x < y ? x : y;
}
static inline uint16_t by(uint16_t a, uint16_t w, uint16_t wq) {
    return once((uint16_t)(a * w - (uint16_t)(((uint32_t)a * wq) >> 16) * P));
}

static void forward(const job *s, lane *x) {
    for (unsigned layer = 0; layer < LOG2N; layer++) {
        uint32_t gap = N >> (layer + 1);
        for (uint32_t block = 0; block < 1u << layer; block++) {
            const uint16_t w = s->tw[0][block], wq = s->companion[0][block];
            for (uint32_t i = block * 2 * gap; i < block * 2 * gap + gap; i++)
                for (int l = 0; l < LANES; l++) {
                    uint16_t u = once(x[i][l]), t = by(x[i + gap][l], w, wq);
                    x[i][l] = (uint16_t)(u + t);
                    x[i + gap][l] = (uint16_t)(u - t + P);
                }
        }
    }
}

static void inverse(const job *s, lane *x) {
    for (unsigned layer = LOG2N; layer-- > 0;) {
        uint32_t gap = N >> (layer + 1);
        for (uint32_t block = 0; block < 1u << layer; block++) {
            const uint16_t w = s->tw[1][block], wq = s->companion[1][block];
            for (uint32_t i = block * 2 * gap; i < block * 2 * gap + gap; i++)
                for (int l = 0; l < LANES; l++) {
                    uint16_t u = x[i][l], v = x[i + gap][l];
                    x[i][l] = once((uint16_t)(u + v));
                    x[i + gap][l] = by((uint16_t)(u - v + P), w, wq);
                }
        }
    }
}

/* x += a y / 2^16 (Montgomery), a the same in all lanes. */
static inline void multiply(uint16_t *x, uint16_t a, const uint16_t *y) {
    const uint16_t inv = 53249; /* 1/p modulo 2^16 */
    for (int l = 0; l < LANES; l++) {
        uint16_t lo = (uint16_t)(a * y[l]), hi = (uint16_t)(((uint32_t)a * y[l]) >> 16), m = (uint16_t)(lo * inv);
        x[l] = once((uint16_t)(x[l] + once((uint16_t)(hi + P - (uint16_t)(((uint32_t)m * P) >> 16)))));
    }
}

static uint16_t residue(int16_t v) {
    return (uint16_t)(v < 0 ? v + P : v);
}

/* A's slices backwards, times 2^4: products lose 2^16 and gain 2^12. */
static void spectra_a(void *context, unsigned share) {
    job *s = context;
    lane *x = s->work + (size_t)share * N;
    for (uint32_t first = share * LANES; first < s->slices; first += s->shares * LANES) {
        memset(x, 0, N * sizeof *x);
        for (uint32_t l = 0; l < LANES && first + l < s->slices; l++)
            for (uint32_t i = 0; i < QD_LINES_SLICE; i++)
                x[(N - i) & (N - 1)][l] = residue(s->c->a[(size_t)(first + l) * QD_LINES_SLICE + i]);
        forward(s, x);
        for (uint32_t l = 0; l < LANES && first + l < s->slices; l++)
            for (uint32_t i = 0; i < N; i++) s->a[(size_t)(first + l) * N + i] = (uint16_t)(once(x[i][l]) * 16u % P);
    }
}

static void spectra_b(void *context, unsigned share) {
    job *s = context;
    for (uint32_t first = share * LANES; first < s->segments; first += s->shares * LANES) {
        lane *x = s->b + (size_t)(first / LANES) * N;
        memset(x, 0, N * sizeof *x);
        for (uint32_t l = 0; l < LANES && first + l < s->segments; l++)
            for (uint32_t i = 0; i < N; i++) x[i][l] = residue(s->c->b[(size_t)(first + l) * QD_LINES_SLICE + i]);
        forward(s, x);
        for (uint32_t i = 0; i < N; i++)
            for (int l = 0; l < LANES; l++) x[i][l] = once(x[i][l]);
    }
}

/* Sixteen neighbouring segments of B from `first` on: two groups' ends meet. */
static inline void sixteen(const job *s, uint32_t first, uint32_t i, uint16_t *y) {
    const lane *g = s->b + (size_t)(first / LANES) * N + i;
    uint32_t off = first % LANES;
    memcpy(y, &g[0][off], (LANES - off) * sizeof *y);
    memcpy(y + LANES - off, &g[N][0], off * sizeof *y);
}

static void leaves(void *context, unsigned share) {
    job *s = context;
    lane *x = s->work + (size_t)share * N;
    uint32_t blocks = (uint32_t)(s->row / QD_LINES_SLICE);
    for (uint32_t k = share; k < s->c->leaves; k += s->shares)
        for (uint32_t m = 0; m < blocks; m += LANES) {
            for (uint32_t i = 0; i < N; i++) {
                memset(x[i], 0, sizeof x[i]);
                for (uint32_t g = 0; g < s->c->group; g++) {
                    uint32_t slice = k * s->c->group + g;
                    lane y;
                    sixteen(s, slice + m, i, y);
                    multiply(x[i], s->a[(size_t)slice * N + i], y);
                }
            }
            inverse(s, x);
            for (uint32_t l = 0; l < LANES && m + l < blocks; l++) {
                int16_t *to = s->leaf + k * s->row + (size_t)(m + l) * QD_LINES_SLICE;
                for (uint32_t i = 0; i < QD_LINES_SLICE; i++)
                    to[i] = (int16_t)((x[i][l] > P / 2 ? x[i][l] - P : x[i][l]) - s->c->mean);
            }
        }
}

/* Lags [from, to): the uppermost branches' sums for one slope after the other, each leaf's row added where the line has it. */
static void lines(const job *s, size_t from, size_t to) {
    uint32_t leaves_n = s->c->leaves, top = qd_lines_top(s->c), each = leaves_n / top;
    size_t n = qd_lines_lags(s->c);
    for (size_t at = from; at < to; at += STRETCH) {
        size_t m = to - at < STRETCH ? to - at : STRETCH;
        for (uint32_t jj = 0; jj < 2 * (uint32_t)qd_lines_slopes(leaves_n) + 1; jj++) {
            int32_t j = qd_lines_slope(jj), sum[STRETCH + 1] = {0};
            for (uint32_t b = 0; b < top; b++) {
                uint16_t part[STRETCH + 1] = {0};
                for (uint32_t k = b * each; k < (b + 1) * each; k++) {
                    int32_t slope = j;
                    const int32_t shift = qd_lines_branch(&slope, k, leaves_n) - qd_lines_ahead(j);
                    const int16_t *p = s->leaf + k * s->row + at + QD_LINES_MARGIN + (size_t)(ptrdiff_t)shift;
                    for (size_t l = 0; l <= m; l++) part[l] = (uint16_t)(part[l] + (uint16_t)p[l]);
                }
                for (size_t l = 0; l <= m; l++) sum[l] += (int16_t)part[l];
            }
            if (at + m == n) sum[m] = 0; /* the last lag has no neighbour */
            int32_t *o = s->out + at;
            for (size_t l = 0; l < m; l++) {
                int32_t one = sum[l], two = one + sum[l + 1];
                if (jj == 0) {
                    o[l] = o[n + l] = one;
                    o[3 * n + l] = two;
                    o[2 * n + l] = o[4 * n + l] = 0;
                }
                o[2 * n + l] = one > o[n + l] ? j : o[2 * n + l];
                o[n + l] = one > o[n + l] ? one : o[n + l];
                o[4 * n + l] = two > o[3 * n + l] ? j : o[4 * n + l];
                o[3 * n + l] = two > o[3 * n + l] ? two : o[3 * n + l];
            }
        }
    }
}

static void some_lags(void *context, unsigned share) {
    const job *s = context;
    size_t n = qd_lines_lags(s->c);
    lines(s, n * share / s->shares, n * (share + 1) / s->shares);
}

static qd_status run(void *state, unsigned threads, void *out, qd_error *err) {
    const qd_lines_case *c = &((qd_lines_state *)state)->c;
    job *s = calloc(1, sizeof *s);
    qd_status st = s ? QD_OK : qd_fail(err, QD_E_INTERNAL, "no memory for the C loop of lines");
    if (st != QD_OK) return st;
    s->c = c;
    s->out = out;
    s->shares = threads ? threads : 1;
    s->row = qd_lines_row(c);
    s->slices = c->leaves * c->group;
    s->segments = s->slices + (uint32_t)(s->row / QD_LINES_SLICE) - 1;
    s->a = malloc((size_t)s->slices * N * sizeof *s->a);
    s->b = aligned_alloc(64, ((size_t)s->segments / LANES + 3) * N * sizeof *s->b);
    s->work = aligned_alloc(64, (size_t)s->shares * N * sizeof *s->work);
    s->leaf = malloc(c->leaves * s->row * sizeof *s->leaf);
    if (!s->a || !s->b || !s->work || !s->leaf) {
        st = qd_fail(err, QD_E_INTERNAL, "no memory for the C loop of lines");
    } else {
        memset(s->b, 0, ((size_t)s->segments / LANES + 3) * N * sizeof *s->b);
        twiddles(s);
        qd_c_parallel(s->shares, spectra_a, s);
        qd_c_parallel(s->shares, spectra_b, s);
        qd_c_parallel(s->shares, leaves, s);
        qd_c_parallel(s->shares, some_lags, s);
    }
    free(s->a);
    free(s->b);
    free(s->work);
    free(s->leaf);
    free(s);
    return st;
}

const qd_loop qd_loop_lines = {"lines", run};
