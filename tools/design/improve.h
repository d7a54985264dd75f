/* SPDX-License-Identifier: Apache-2.0 */
/** @file improve.h  Better shares of edges by a linear program over them (after Chung, Forney, Richardson, Urbanke 2001). */
#ifndef QD_DESIGN_IMPROVE_H
#define QD_DESIGN_IMPROVE_H

#include <stdio.h>
#include "evolve.h"

typedef struct improved {
    shares columns;
    double q; /**< at which evolution still converged */
} improved;

/** From @p start, at fixed @p leak, @p mean edges of a row and degrees of at most @p most: follow density evolution, maximise the
 * least relative progress of an iteration with the densities held, within a trust region; raise q while it converges. Degree 2
 * keeps to .84 of what stability allows: nearer to it finite codes leave errors behind. @p log: a line for each step. */
improved improve(const shares *start, double leak, double mean, int most, int steps, FILE *log);

#endif
