/* SPDX-License-Identifier: Apache-2.0 */
/** @file evolve.h  Density evolution of irregular LDPC codes on the binary symmetric channel (Richardson, Urbanke 2001), on a
 * grid of LLR.
 *
 *  All densities are symmetric, P(-x) = P(x) exp(-x), so only magnitudes are kept. A check combines magnitudes by box-plus; a
 * result between two points of the grid is split so that the mean of tanh(x/2)^2 is kept: box-plus multiplies these means, so
 * long rows add up no error, and for small x it is what a variable gains. A variable adds LLR: a convolution, by Fourier
 * transform.
 */
#ifndef QD_DESIGN_EVOLVE_H
#define QD_DESIGN_EVOLVE_H

#include <stddef.h>

enum { SHARES_MAX = 64 };

/** Edge fractions by degree, ascending. */
typedef struct shares {
    size_t n;
    int degree[SHARES_MAX];
    double edges[SHARES_MAX];
} shares;

double shares_sum(const shares *s);
/** Sum of edges / degree. */
double shares_inverse(const shares *s);
/** Rows of two neighbouring degrees that have @p mean edges on average. */
shares shares_rows(double mean);

double entropy(double q);
/** q at which leak / h(q) is f. */
double qber_at(double leak, double f);

typedef struct evolution evolution;
/** At error rate @p q, the channel LLR being @p steps steps of the grid, for variables up to @p degree. NULL: no memory. */
evolution *evolution_create(double q, int steps, int degree);
void evolution_destroy(evolution *e);

/** What one iteration sees, if asked for. */
typedef struct trace {
    double error;            /**< of the messages to the checks, before */
    double next[SHARES_MAX]; /**< of the messages of a variable of each degree of `columns`, after */
} trace;

/** Iterate until the error of messages is below 1e-7 (the result is the number of iterations), or progress has all but stopped,
 * or
 *  @p most iterations (the result is 0). @p t: NULL, or room for @p most, filled up to *done. */
int evolve(evolution *e, const shares *columns, const shares *rows, int most, trace *t, int *done);

/** Largest q that converges, to @p precision, between lo and hi. */
double threshold(const shares *columns, const shares *rows, int steps, double lo, double hi, double precision);

#endif
