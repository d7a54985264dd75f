/* SPDX-License-Identifier: Apache-2.0 */
/* The built-in large-block codes. Shares of edges: found by density evolution on the binary symmetric channel and a linear
 * program over them (tools/design). */
#include "qdistill/reconcile/large.h"

#include <stdio.h>
#include <string.h>

#define SHARES(...) \
    { __VA_ARGS__ }

static const qd_large_design designs[] = {
    {"large-86", 10000, 86, 1000, 1024, 10, 1,
     SHARES({2, 4397}, {3, 14265}, {6, 2077}, {7, 13762}, {8, 8782}, {16, 4045}, {18, 6000}, {20, 11484}, {22, 2859}, {55, 11848},
            {60, 20480})},
    {"large-148", 20000, 148, 1000, 1024, 12, 1,
     SHARES({2, 5940}, {3, 15920}, {7, 10045}, {8, 14727}, {16, 918}, {18, 6000}, {20, 9255}, {22, 6064}, {60, 31131})},
    {"large-203", 30000, 203, 1000, 1024, 14, 1,
     SHARES({2, 7942}, {3, 18936}, {7, 19037}, {10, 1752}, {11, 6000}, {12, 5076}, {16, 3195}, {18, 6992}, {35, 5653},
            {40, 14950}, {45, 10468})},
    {"large-300", 50000, 300, 1000, 1024, 16, 1,
     SHARES({2, 10706}, {3, 22256}, {8, 12485}, {9, 20460}, {28, 5439}, {30, 19318}, {35, 7633}, {40, 1704})},
    {"large-420", 80000, 420, 1000, 1024, 20, 1,
     SHARES({2, 13680}, {3, 24364}, {8, 10054}, {9, 18000}, {10, 3628}, {28, 4781}, {30, 19083}, {35, 6000}, {40, 410})},
    {"large-520", 110000, 520, 1000, 1024, 20, 1,
     SHARES({2, 16129}, {3, 25773}, {7, 394}, {8, 6890}, {9, 14124}, {10, 9199}, {30, 16640}, {35, 9834}, {40, 1017})},
};
enum { DESIGNS = sizeof designs / sizeof *designs };

static const char *const pinned[DESIGNS] = {"5ca037cbedaed147f6b43be70e362bbfe28f2c1b41c02da08cb89c04b0a606a3",
                                            "4ca730a98d23e777b628423b5936853fbed3a2d2e08b5c364b9cc662cd609362",
                                            "da5f781824bae8e5a4fd2647848c46be528c610a9dacaf719100b286c06d85af",
                                            "61cda4230901a1cc63f0988a8b5fac9dda5e7e4dd4647704566d1689ec076399",
                                            "5b3162b67ec0ec164003d0d44e244c347f09addcd2e3b3d3d4743f3b6c562eb8",
                                            "8436044f3063934bc2b18e5b6e8570e6313ab7dce5f974bafdfa33715cbf79a9"};

const qd_large_design *qd_large_designs(size_t *n) {
    *n = DESIGNS;
    return designs;
}

const char *qd_large_pinned(const qd_large_design *design) {
    for (size_t i = 0; i < DESIGNS; i++)
        if (design == &designs[i]) return pinned[i];
    return NULL;
}

qd_status qd_large_named(const char *name, const qd_large_design **out, qd_error *err) {
    for (size_t i = 0; i < DESIGNS; i++)
        if (strcmp(name, designs[i].name) == 0) {
            *out = &designs[i];
            return QD_OK;
        }
    return qd_fail(err, QD_E_USAGE,
                   "unknown large code '%s'||this build has %s to %s, by rows in 1000 columns|choose one of them", name,
                   designs[0].name, designs[DESIGNS - 1].name);
}
