/* SPDX-License-Identifier: Apache-2.0 */
/* Designs of large-block codes: `design check [quick]` compares thresholds with published ones, `design threshold NAME` gives
 * that of a built-in design, `design improve ROWS [NAME|- [MEAN|- [MOST]]]` finds shares of edges for ROWS rows in 1000 columns,
 * from those of the built-in design NAME (-: of the nearest leak), with MEAN edges in a row (-: as there) and columns of degree MOST
 * at most, and prints them as a line of the table. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "evolve.h"
#include "improve.h"
#include "qdistill/reconcile/large.h"

/* Elkouss, Leverrier, Alleaume, Boutros, ISIT 2009, arXiv:0901.2140, table I. Rate .85: degree 5 has .04274, not .094274 as
 * printed (the sum is then 1). */
static const struct {
    double rate, threshold;
    shares columns, rows;
} published[] = {
    {.90, .0109, {6, {2, 3, 5, 9, 12, 21}, {.07689, .28096, .08933, .19620, .30631, .05031}}, {2, {50, 51}, {.95025, .04975}}},
    {.85,
     .0199,
     {8, {2, 3, 4, 5, 6, 7, 9, 21}, {.04528, .20537, .05878, .04274, .08454, .01176, .05137, .50015}},
     {2, {41, 42}, {.54204, .45795}}},
    {.80,
     .0298,
     {7, {2, 3, 6, 7, 8, 17, 26}, {.09420, .18088, .11972, .08550, .09816, .07194, .34960}},
     {2, {29, 30}, {.58807, .41193}}},
    {.75,
     .0392,
     {8, {2, 3, 4, 5, 6, 7, 28, 31}, {.10805, .09511, .01449, .13764, .10667, .05288, .01107, .47408}},
     {2, {25, 26}, {.74161, .25839}}},
    {.70,
     .0504,
     {10, {2, 3, 6, 9, 12, 25, 46, 62, 65, 73}, {.05343, .29406, .00896, .15571, .12189, .19872, .09572, .02741, .04056, .00354}},
     {2, {20, 21}, {.76922, .23077}}},
    {.65,
     .0633,
     {9, {2, 3, 4, 5, 9, 13, 15, 21, 51}, {.10451, .15652, .08057, .00056, .12151, .10485, .10719, .00771, .31656}},
     {4, {2, 15, 16, 21}, {.000578, .06089, .47001, .46852}}},
    {.60,
     .0766,
     {8, {2, 3, 8, 9, 26, 27, 46, 71}, {.11040, .20804, .14163, .14858, .14438, .08909, .00748, .15038}},
     {5, {2, 10, 13, 18, 19}, {.00036, .13063, .31068, .49341, .064915}}},
    {.55,
     .0904,
     {8, {2, 3, 6, 15, 16, 18, 19, 31}, {.16880, .20994, .18095, .03846, .02635, .23454, .05815, .08280}},
     {2, {10, 11}, {.27631, .72369}}},
    {.50,
     .1081,
     {20,
      {2, 3, 4, 5, 6, 8, 9, 10, 11, 14, 15, 17, 47, 49, 55, 56, 57, 58, 59, 66},
      {.14438, .19026, .01836, .00233, .04697, .053943, .05590, .01290, .00162, .06159,
       .13115, .01481, .00879, .00650, .00210, .00099,  .11178, .06238, .05094, .02230}},
     {4, {10, 12, 13, 14}, {.47575, .46847, .02952, .02626}}},
};
enum { PUBLISHED = sizeof published / sizeof *published };

static shares columns_of(const qd_large_design *d) {
    shares s = {0};
    for (int i = 0; i < QD_LARGE_SHARES && d->share[i].degree; i++) {
        s.degree[s.n] = (int)d->share[i].degree;
        s.edges[s.n++] = (double)d->share[i].edges / QD_LARGE_WHOLE;
    }
    return s;
}

/* Within 3e-4: thresholds are printed to 1e-4, from grids that move them by up to 3e-4. */
static int check_published(int quick) {
    int bad = 0;
    for (size_t i = 0; i < PUBLISHED; i++) {
        if (quick && i != 1 && i != 7) continue;
        double t = threshold(&published[i].columns, &published[i].rows, 16, published[i].threshold - 12e-4,
                             published[i].threshold + 12e-4, 5e-5);
        double leak = shares_inverse(&published[i].rows) / shares_inverse(&published[i].columns);
        int right = published[i].rate == .75 ? t < published[i].threshold : fabs(t - published[i].threshold) <= 3e-4;
        printf("rate %.2f: design rate %.4f, threshold %.5f, published %.4f, f %.4f%s\n", published[i].rate, 1 - leak, t,
               published[i].threshold, leak / entropy(t), right ? "" : "  DIFFERENT");
        fflush(stdout);
        bad += !right;
    }
    return bad;
}

static int show_threshold(const qd_large_design *d) {
    shares c = columns_of(d);
    double leak = (double)d->rows / d->cols, mean = 1 / (leak * shares_inverse(&c));
    shares r = shares_rows(mean);
    double q = threshold(&c, &r, 24, qber_at(leak, 1.12), qber_at(leak, 1.0), 2e-6);
    printf("%s: %.2f edges a row, threshold %.5f, f %.4f\n", d->name, mean, q, leak / entropy(q));
    return 0;
}

static int improve_design(int argc, char **argv) {
    size_t n;
    const qd_large_design *d = qd_large_designs(&n), *from = d;
    qd_large_design named;
    qd_error err = {0};
    double rows = strtod(argv[2], NULL);
    if (!(rows >= 10 && rows <= 900)) return fprintf(stderr, "design: rows out of range: 10 to 900\n"), 2;
    for (size_t i = 0; i < n; i++) /* the nearest leak */
        if (fabs(log(d[i].rows / rows)) < fabs(log(from->rows / rows))) from = &d[i];
    if (argc > 3 && *argv[3] != '-' && qd_large_named(argv[3], &named, &err) != QD_OK)
        return fprintf(stderr, "design: %s\n", err.what), 2;
    if (argc > 3 && *argv[3] != '-') from = &named;
    int most = argc > 5 ? atoi(argv[5]) : 60;
    if (most < 2) return fprintf(stderr, "design: largest degree out of range: 2 or more\n"), 2;
    if (most > rows * 0.9) most = (int)(rows * 0.9); /* a column has no row twice */
    shares c = columns_of(from);
    double mean = argc > 4 && *argv[4] != '-' ? strtod(argv[4], NULL) : 1 / (rows / 1000 * shares_inverse(&c));
    improved best = improve(&c, rows / 1000, mean, most, 16, stderr);
    shares r = shares_rows(mean);
    double q = threshold(&best.columns, &r, 24, best.q * 0.99, best.q * 1.01, 2e-6);
    printf("{\"large-%.0f\", %.0f, 1000, 1024, 10, 1, SHARES(", rows, rows);
    for (size_t i = 0, first = 1; i < best.columns.n; i++)
        if (best.columns.edges[i] >= 5e-6)
            printf("%s{%d, %.0f}", first ? "" : ", ", best.columns.degree[i], best.columns.edges[i] * QD_LARGE_WHOLE), first = 0;
    printf(")}, /* %.2f edges a row, threshold f %.4f */\n", mean, rows / 1000 / entropy(q));
    return 0;
}

int main(int argc, char **argv) {
    qd_large_design d;
    qd_error err = {0};
    if (argc >= 2 && strcmp(argv[1], "check") == 0) return check_published(argc > 2) ? 1 : 0;
    if (argc == 3 && strcmp(argv[1], "threshold") == 0) {
        if (qd_large_named(argv[2], &d, &err) == QD_OK) return show_threshold(&d);
        return fprintf(stderr, "design: %s\n", err.what), 2;
    }
    if (argc >= 3 && strcmp(argv[1], "improve") == 0) return improve_design(argc, argv);
    fprintf(stderr, "usage: design check [quick] | threshold NAME | improve ROWS [NAME|- [MEAN|- [MOST]]]\n");
    return 2;
}
