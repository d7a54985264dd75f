/* SPDX-License-Identifier: Apache-2.0 */
/* The built-in large-block codes. Shares of edges: found by density evolution on the binary symmetric channel and a linear
 * program over them (tools/design); their thresholds lie at f 1.014 to 1.028. */
#include "qdistill/reconcile/large.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHARES(...) \
    { __VA_ARGS__ }

static const qd_large_design designs[] = {
    {"large-50", 50, 1000, 1024, 9, 0, 0, 1,
     SHARES({2, 3516}, {3, 14104}, {6, 1815}, {7, 20890}, {8, 2379}, {9, 126}, {12, 445}, {14, 74}, {16, 14416}, {18, 8123},
            {45, 34111})},
    {"large-66", 66, 1000, 1024, 9, 0, 0, 1,
     SHARES({2, 3936}, {3, 14237}, {6, 9830}, {7, 4346}, {8, 1291}, {9, 5756}, {11, 3050}, {12, 6566}, {14, 6429}, {16, 3832},
            {18, 255}, {45, 40472})},
    {"large-86", 86, 1000, 1024, 10, 0, 0, 1,
     SHARES({2, 4397}, {3, 14265}, {6, 2077}, {7, 13762}, {8, 8782}, {16, 4045}, {18, 6000}, {20, 11484}, {22, 2859}, {55, 11848},
            {60, 20480})},
    {"large-110", 110, 1000, 1024, 10, 0, 0, 1,
     SHARES({2, 4823}, {3, 14807}, {7, 15269}, {8, 6164}, {9, 250}, {10, 250}, {11, 166}, {16, 11511}, {18, 8868}, {60, 37892})},
    {"large-148", 148, 1000, 1024, 12, 0, 0, 1,
     SHARES({2, 5940}, {3, 15920}, {7, 10045}, {8, 14727}, {16, 918}, {18, 6000}, {20, 9255}, {22, 6064}, {60, 31131})},
    {"large-175", 175, 1000, 1024, 12, 0, 0, 1,
     SHARES({2, 7455}, {3, 19655}, {8, 26059}, {9, 4789}, {18, 2421}, {20, 6282}, {22, 3375}, {25, 4396}, {35, 7358}, {40, 14625},
            {45, 3585})},
    {"large-203", 203, 1000, 1024, 14, 0, 0, 1,
     SHARES({2, 7942}, {3, 18936}, {7, 19037}, {10, 1752}, {11, 6000}, {12, 5076}, {16, 3195}, {18, 6992}, {35, 5653},
            {40, 14950}, {45, 10468})},
    {"large-250", 250, 1000, 1024, 14, 0, 0, 1,
     SHARES({2, 9731}, {3, 22215}, {8, 16954}, {9, 15483}, {10, 1021}, {25, 2580}, {28, 13036}, {30, 14250}, {35, 4729})},
    {"large-300", 300, 1000, 1024, 16, 0, 0, 1,
     SHARES({2, 10706}, {3, 22256}, {8, 12485}, {9, 20460}, {28, 5439}, {30, 19318}, {35, 7633}, {40, 1704})},
    {"large-360", 360, 1000, 1024, 18, 0, 0, 1,
     SHARES({2, 12841}, {3, 24777}, {8, 16151}, {9, 14911}, {10, 758}, {22, 5742}, {25, 2423}, {28, 14386}, {30, 8012})},
    {"large-420", 420, 1000, 1024, 20, 0, 0, 1,
     SHARES({2, 13680}, {3, 24364}, {8, 10054}, {9, 18000}, {10, 3628}, {28, 4781}, {30, 19083}, {35, 6000}, {40, 410})},
    {"large-470", 470, 1000, 1024, 20, 0, 0, 1,
     SHARES({2, 15455}, {3, 26208}, {8, 6212}, {9, 24534}, {28, 17078}, {30, 9850}, {35, 663})},
    {"large-520", 520, 1000, 1024, 20, 0, 0, 1,
     SHARES({2, 16129}, {3, 25773}, {7, 394}, {8, 6890}, {9, 14124}, {10, 9199}, {30, 16640}, {35, 9834}, {40, 1017})},
    {"large-570", 570, 1000, 1024, 32, 32, 0, 1,
     SHARES({2, 16792}, {3, 25631}, {8, 8871}, {9, 7395}, {10, 8598}, {11, 3492}, {12, 750}, {14, 250}, {25, 3573}, {28, 3250}, {30, 3521},
            {35, 3136}, {40, 750}, {45, 13991})},
};
enum { DESIGNS = sizeof designs / sizeof *designs };

static const char *const pinned[DESIGNS] = {
    "eeb6bf4f3a2a91995bd960a88821fa6f9a709cac085b4b5ab1aff9cfc93d856a",
    "c3cf30caea2d0fb98ac29fb47700fab8f438a7a230646fe600a960c36ca9edc9",
    "5ca037cbedaed147f6b43be70e362bbfe28f2c1b41c02da08cb89c04b0a606a3",
    "8012af29c7c757831a3a2df69e5f12143028699ec63736ee5b9bb64ebb361b30",
    "4ca730a98d23e777b628423b5936853fbed3a2d2e08b5c364b9cc662cd609362",
    "413b8e55f3d24bdc785038b164cb5511757ed67736f1c77a64ad8e03415c1e3f",
    "da5f781824bae8e5a4fd2647848c46be528c610a9dacaf719100b286c06d85af",
    "bea9c362671c295b35da6842dc85a83d3f79ee4c86e6d640b7fc6fbc33872b25",
    "61cda4230901a1cc63f0988a8b5fac9dda5e7e4dd4647704566d1689ec076399",
    "5388b7ed2c27ef68b6345a28984f8de7cf751638a1d4e7b69174dcd2ff9ccbe1",
    "5b3162b67ec0ec164003d0d44e244c347f09addcd2e3b3d3d4743f3b6c562eb8",
    "ec77db2f4bca7a30ed1c6b09f321f40f7c0c1e6f6e92c9a8aae198196cf75ddc",
    "8436044f3063934bc2b18e5b6e8570e6313ab7dce5f974bafdfa33715cbf79a9",
    "c4ddb0e1a56a0407016d712947ce2c7e19672034fb8522f237acee4bb5fb9d4d",
};

const qd_large_design *qd_large_designs(size_t *n) {
    *n = DESIGNS;
    return designs;
}

const char *qd_large_pinned(const qd_large_design *design) {
    for (size_t i = 0; i < DESIGNS; i++)
        if (strcmp(design->name, designs[i].name) == 0) return pinned[i];
    return NULL;
}

static uint32_t share_of(const qd_large_design *d, uint32_t degree) {
    for (uint32_t i = 0; i < QD_LARGE_SHARES && d->share[i].degree; i++)
        if (d->share[i].degree == degree) return d->share[i].edges;
    return 0;
}

/* Between two designs, linear in the leak: weight w of b, in parts of `of`. */
static void between(const qd_large_design *a, const qd_large_design *b, uint64_t w, uint64_t of, qd_large_design *out) {
    uint32_t n = 0;
    for (uint32_t degree = 2; degree <= QD_LARGE_DEGREE_MAX && n < QD_LARGE_SHARES; degree++) {
        uint64_t edges = (share_of(a, degree) * (of - w) + share_of(b, degree) * w) / of;
        if (edges) out->share[n++] = (qd_large_share){degree, (uint32_t)edges};
    }
}

/* Long frames: hardly one fails for its errors, so that light words decide. Below a leak of an eighth rows have many degree-2 columns, and
 * evenly dealt ones branch less: of twelve columns there are a twentieth of the cycles, for .002 of efficiency. Above, evenness costs more. */
static void lengthen(qd_large_design *d) {
    const uint32_t leak = 1000 * d->rows / d->cols; /* in thousandths */
    d->even = leak < 125;
    d->cycle += d->even ? (leak >= 66) + (leak >= 80) : leak < 200 ? 4 : leak < 400 ? 6 : 12; /* as far as codes are found, but for some sizes */
    d->word = d->cycle;
}

qd_status qd_large_sized(uint32_t rows, uint32_t cols, uint32_t z, qd_large_design *out, qd_error *err) {
    *out = (qd_large_design){.rows = rows, .cols = cols, .z = z, .seed = 1};
    snprintf(out->name, sizeof out->name,
             z != 1024      ? "large-%u-%u-%u"
             : cols != 1000 ? "large-%u-%u"
                            : "large-%u",
             rows, cols, z);
    if (z < QD_LARGE_Z_LEAST || z > QD_LARGE_Z_MOST || z % 64)
        return qd_fail(err, QD_E_USAGE, "no large code of lifting size %u||it is a multiple of 64 from %d to %d|take one of them",
                       z, QD_LARGE_Z_LEAST, QD_LARGE_Z_MOST);
    /* Columns of degree 60 in few rows have cycles of four edges, whatever the shifts, where there are few of these. */
    if ((uint64_t)rows * z < (uint64_t)QD_LARGE_LEAK_Z * cols)
        return qd_fail(err, QD_E_USAGE,
                       "no large code of %u rows in %u columns with lifting size %u||rows / columns times the lifting size is %d "
                       "or more|take "
                       "a larger lifting size",
                       rows, cols, z, QD_LARGE_LEAK_Z);
    uint64_t scaled = (uint64_t)rows * 1000;
    if (cols < 900 || cols > 1000 || scaled < (uint64_t)designs[0].rows * cols ||
        scaled > (uint64_t)designs[DESIGNS - 1].rows * cols)
        return qd_fail(
            err, QD_E_USAGE,
            "no large code of %u rows in %u columns||there are 900 to 1000 columns, and leaks from %u to %u in 1000|stay within",
            rows, cols, designs[0].rows, designs[DESIGNS - 1].rows);
    size_t i = 0;
    while (i + 2 < DESIGNS && scaled > (uint64_t)designs[i + 1].rows * cols) i++;
    const qd_large_design *a = &designs[i], *b = a + 1;
    out->cycle = a->cycle < b->cycle ? a->cycle : b->cycle;
    const bool words = b->word && scaled > (uint64_t)a->rows * cols; /* near a design without light words all codes are so */
    if (scaled == (uint64_t)b->rows * cols || words) out->cycle = b->cycle;
    out->cycle -= z < 512 ? 2 : z < 1024 ? 1 : 0; /* fewer shifts, more of them closed */
    if (words) out->word = out->cycle;
    if (z >= QD_LARGE_Z_LONG) lengthen(out);
    between(a, b, scaled - (uint64_t)a->rows * cols, (uint64_t)(b->rows - a->rows) * cols, out);
    return QD_OK;
}

qd_status qd_large_for_leak(double leak, uint32_t z, qd_large_design *out, qd_error *err) {
    uint32_t rows = 0, cols = 1;
    const double least = designs[0].rows / 1000., most = designs[DESIGNS - 1].rows / 1000.;
    for (uint32_t c = 1000; c >= 900 && leak >= least - 1e-9 && leak <= most; c--) {
        double r = ceil(leak * c - 1e-6); /* a leak of .3 is 300 of 1000, however it was rounded */
        if (r / c >= least && r / c <= most && (!rows || r * cols < (double)rows * c)) rows = (uint32_t)r, cols = c;
    }
    if (rows) return qd_large_sized(rows, cols, z, out, err);
    return qd_fail(err, QD_E_USAGE, "a leak of %.4f is out of range||large codes disclose %.3f to %.3f|take another code", leak,
                   least, most);
}

double qd_large_leak_of(double q) {
    double h = -q * log2(q) - (1 - q) * log2(1 - q);
    return fmax(designs[0].rows / 1000., fmin(designs[DESIGNS - 1].rows / 1000., (1.04 + 0.0003 / q) * h));
}

/* large-300, large-300-995, or large-300-995-512: rows, columns, lifting size. */
qd_status qd_large_named(const char *name, qd_large_design *out, qd_error *err) {
    const char *at = name + 5;
    unsigned long number[3] = {0, 1000, 1024};
    int n = 0;
    for (; strncmp(name, "large-", 6) == 0 && n < 3 && at[0] == '-' && at[1] >= '1' && at[1] <= '9'; n++) {
        char *end;
        number[n] = strtoul(at + 1, &end, 10);
        at = end;
    }
    if (n && !*at && number[0] < QD_LARGE_ROWS_MAX && number[1] <= QD_LARGE_COLS_MAX && number[2] <= QD_LARGE_Z_MAX)
        return qd_large_sized((uint32_t)number[0], (uint32_t)number[1], (uint32_t)number[2], out, err);
    return qd_fail(
        err, QD_E_USAGE,
        "unknown large code '%s'||a name is large-ROWS, large-ROWS-COLUMNS or large-ROWS-COLUMNS-Z, of the base matrix and its "
        "lifting size: large-300, large-87-995|choose one",
        name);
}
