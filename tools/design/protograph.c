/* SPDX-License-Identifier: Apache-2.0 */
/* Base graphs qd-k22 and qd-k33: `protograph NAME` searches for one and prints its table. A graph grows by stages; in each, cells of the stage's
 * block rows are changed at random, and a change stays if the decoder, as it is, then fails fewer frames at the spots of the stage. What
 * comes out follows from the seed (and logarithms of the C library, for places of errors), on any device; it takes about ten minutes on two cores. `protograph NAME
 * PERCENT` makes that share of the proposals. Rows behind a stage's last spot are seen by no decoder: there only cells go, since each has a price. */
#include <stdlib.h>
#include <string.h>
#include "protograph.h"

enum {
    FIRST = 2,             /* batches of the first look */
    SECOND = 4, LAST = 12, /* of the one that decides, at a stage's begin and end */
    ROUND = 80,            /* proposals on the same errors */
    CORE_DEGREE = 3,       /* cells of a key column in the core rows, at least */
    TRIES = 60,            /* of a set's shifts, against light words */
    SPOTS = 2, STAGES = 4, LIGHT = 2
};

typedef struct stage {
    uint32_t first, rows, proposals, spots; /* cells of rows first..rows - 1 may change */
    proto_spot spot[SPOTS];
} stage;

typedef struct recipe {
    const char *name;
    uint32_t kb;
    uint64_t seed;
    struct {
        uint32_t rows, weight;
    } light[LIGHT]; /* words of less are not wanted */
    uint32_t stages;
    stage stage[STAGES];
} recipe;

static const recipe recipes[] = {
    {"qd-k22",
     22,
     1,
     {{9, 14}, {12, 18}},
     4,
     {{0, 12, 10000, 2, {{9, 24, 1.2}, {12, 25, 1.2}}},
      {12, 19, 6000, 1, {{19, 26, 1.15}}},
      {19, 26, 4000, 1, {{26, 28, 1.12}}},
      {26, 36, 3000, 1, {{36, 30, 1.1}}}}},
    {"qd-k33",
     33,
     1,
     {{6, 10}, {8, 14}},
     3,
     {{0, 8, 9000, 2, {{6, 22, 1.3}, {8, 24, 1.25}}}, {8, 11, 4000, 1, {{11, 26, 1.15}}}, {11, 18, 3000, 1, {{16, 28, 1.12}}}}},
};

typedef struct search {
    proto g;
    uint64_t random;
    uint32_t first, spots, lowest; /* lowest: block row that the last change touched */
    uint32_t batches;              /* of a decision now */
    proto_spot spot[SPOTS];
    double cost[SPOTS];
    proto_frames look[SPOTS], deciding; /* the first look's at each spot; the decision's */
    proto_trial trial;
} search;

/* ---- Cells ---- */

static uint32_t row_degree(const proto *g, uint32_t i) {
    uint32_t n = 0;
    for (uint32_t j = 0; j < g->kb + g->rows; j++) n += g->on[i][j];
    return n;
}

static uint32_t core_degree(const proto *g, uint32_t j) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < QD_CORE_ROWS; i++) n += g->on[i][j];
    return n;
}

/* A cell comes on with a shift that closes no cycle of four at 384 and its halves, if one of some draws has none. */
static bool put(search *s, uint32_t i, uint32_t j) {
    proto *g = &s->g;
    if (g->on[i][j] || row_degree(g, i) >= QD_DEGREE_MAX || proto_edges(g, g->rows) + g->rows > QD_GRAPH_EDGES_MAX) return false;
    for (int k = 0; k < 100; k++) {
        const uint16_t v = (uint16_t)proto_below(&s->random, PROTO_Z);
        for (int set = 0; set < QD_SETS; set++) g->shift[i][j][set] = v;
        if (proto_four_cycle(g, i, j, PROTO_SET, PROTO_Z) || (k < 60 && proto_four_cycle(g, i, j, PROTO_SET, PROTO_Z / 2)) ||
            (k < 30 && proto_four_cycle(g, i, j, PROTO_SET, PROTO_Z / 4)))
            continue;
        g->on[i][j] = 1;
        if (i < s->lowest) s->lowest = i;
        return true;
    }
    return false;
}

/* Key columns keep three cells in the core rows: with two there are light words. @p back: the column gets one back there. */
static bool take(search *s, uint32_t i, uint32_t j, bool back) {
    proto *g = &s->g;
    if (!g->on[i][j] || row_degree(g, i) <= 3) return false;
    if (!back && j >= 2 && i < QD_CORE_ROWS && core_degree(g, j) <= CORE_DEGREE) return false;
    g->on[i][j] = 0;
    if (i < s->lowest) s->lowest = i;
    return true;
}

/* A change of one cell: on, off, to another column, to another row, another shift. */
static bool change_cell(search *s) {
    proto *g = &s->g;
    const uint32_t rows = g->rows - s->first, i = s->first + proto_below(&s->random, rows), j = proto_below(&s->random, proto_core(g)),
                   other = s->first + proto_below(&s->random, rows);
    switch (proto_below(&s->random, 5)) {
    case 0: return put(s, i, j);
    case 1: return take(s, i, j, false);
    case 2: return take(s, i, j, false) && put(s, i, proto_below(&s->random, proto_core(g)));
    case 3: return take(s, i, j, other < QD_CORE_ROWS) && put(s, other, j);
    default: return take(s, i, j, true) && put(s, i, j);
    }
}

static bool exchange_rows(search *s) {
    proto *g = &s->g;
    const uint32_t least = s->first > QD_CORE_ROWS ? s->first : QD_CORE_ROWS, a = least + proto_below(&s->random, g->rows - least),
                   b = least + proto_below(&s->random, g->rows - least);
    for (uint32_t j = 0; j < proto_core(g); j++) {
        const uint8_t on = g->on[a][j];
        const uint16_t shift = g->shift[a][j][PROTO_SET];
        g->on[a][j] = g->on[b][j];
        g->on[b][j] = on;
        for (int set = 0; set < QD_SETS; set++) {
            g->shift[a][j][set] = g->shift[b][j][set];
            g->shift[b][j][set] = shift;
        }
    }
    s->lowest = a < b ? a : b;
    return a != b;
}

/* Full column rank of the private part, as code.h wants it: a core row with one of the punctured columns, and another core row with the other. */
static bool peels(const proto *g) {
    for (uint32_t j = 0; j < 2; j++)
        for (uint32_t i = 0; i < QD_CORE_ROWS; i++)
            for (uint32_t k = 0; g->on[i][j] && !g->on[i][1 - j] && k < QD_CORE_ROWS; k++)
                if (k != i && g->on[k][1 - j]) return true;
    return false;
}

static bool change(search *s) {
    s->lowest = UINT32_MAX;
    if (proto_below(&s->random, 25) == 0) return exchange_rows(s);
    const uint32_t n = 1 + (uint32_t)(proto_below(&s->random, 3) == 0) + (uint32_t)(proto_below(&s->random, 6) == 0);
    uint32_t done = 0;
    for (int k = 0; k < 100 && done < n; k++) {
        const proto before = s->g;
        if (change_cell(s)) done++;
        else s->g = before;
    }
    return done == n && peels(&s->g);
}

/* ---- What a change is worth ---- */

/* New errors, and as many that one frame in three to eight fails. */
static qd_status new_round(search *s, qd_error *err) {
    for (uint32_t k = 0; k < s->spots; k++)
        for (int step = 0; step < 20; step++) {
            QD_TRY(proto_draw(&s->look[k], &s->g, &s->spot[k], proto_random(&s->random), FIRST, err));
            QD_TRY(proto_cost(&s->trial, &s->g, &s->spot[k], &s->look[k], 1e9, &s->cost[k], err));
            const double share = s->cost[k] / (FIRST * PROTO_BATCH);
            if (share >= 0.12 && share <= 0.3) break;
            s->spot[k].f += share < 0.12 ? -0.004 : 0.006;
        }
    return QD_OK;
}

/* Is the graph better than @p old? First on the round's errors, where most changes drop out, then both on new ones, which alone decide; a cell more has to save
 * a frame in 2560. */
static qd_status judge(search *s, const proto *old, bool *better, qd_error *err) {
    const double cells = (double)proto_edges(&s->g, s->g.rows) - proto_edges(old, old->rows);
    double now[SPOTS], sum = 0.15 * cells, more = 0.05 * s->batches * cells, a, b;
    *better = false;
    for (uint32_t k = 0; k < s->spots; k++) {
        now[k] = s->cost[k];
        if (s->lowest >= s->spot[k].rows) continue;
        QD_TRY(proto_cost(&s->trial, &s->g, &s->spot[k], &s->look[k], s->cost[k] + 6 - sum, &now[k], err));
        sum += now[k] - s->cost[k];
        if (sum > 5) return QD_OK;
    }
    if (sum > 1) return QD_OK;
    for (uint32_t k = 0; k < s->spots; k++) {
        if (s->lowest >= s->spot[k].rows) continue;
        QD_TRY(proto_draw(&s->deciding, old, &s->spot[k], proto_random(&s->random), s->batches, err));
        QD_TRY(proto_cost(&s->trial, old, &s->spot[k], &s->deciding, 1e9, &a, err));
        QD_TRY(proto_cost(&s->trial, &s->g, &s->spot[k], &s->deciding, a + 12, &b, err));
        more += b - a;
    }
    *better = more < 0;
    for (uint32_t k = 0; k < s->spots && *better; k++) s->cost[k] = now[k];
    return QD_OK;
}

/* ---- Stages ---- */

/* Rows that a stage begins with: of the core three cells a column, of the others a third of the columns; both private columns in most. */
static void begin_rows(search *s, uint32_t rows) {
    proto *g = &s->g;
    const uint32_t old = g->rows;
    g->rows = rows;
    for (uint32_t j = 2; old == 0 && j < proto_core(g); j++)
        while (core_degree(g, j) < CORE_DEGREE) (void)put(s, proto_below(&s->random, QD_CORE_ROWS), j);
    for (uint32_t i = old; i < rows; i++) {
        if (i != 1) (void)put(s, i, 0);
        if (i != 0) (void)put(s, i, 1);
        if (i < QD_CORE_ROWS) continue;
        while (row_degree(g, i) < 2 + proto_core(g) / (old ? 6 : 3)) (void)put(s, i, 2 + proto_below(&s->random, proto_core(g) - 2));
        g->on[i][g->kb + i] = 1;
    }
}

static qd_status run_stage(search *s, const stage *t, uint32_t percent, qd_error *err) {
    uint32_t kept = 0;
    begin_rows(s, t->rows);
    s->first = t->first;
    s->spots = t->spots;
    memcpy(s->spot, t->spot, sizeof s->spot);
    const uint32_t proposals = t->proposals / 100 * percent;
    for (uint32_t n = 0; n < proposals; n++) {
        if (n % ROUND == 0) {
            QD_TRY(new_round(s, err));
            fprintf(stderr, "rows %u, proposal %u, kept %u, edges %u:", t->rows, n, kept, proto_edges(&s->g, t->rows));
            for (uint32_t k = 0; k < s->spots; k++) fprintf(stderr, "  %u rows f %.3f: %.0f", s->spot[k].rows, s->spot[k].f, s->cost[k]);
            fprintf(stderr, "\n");
        }
        s->batches = SECOND + (LAST - SECOND) * n / proposals;
        const proto old = s->g;
        bool better = false;
        if (change(s)) QD_TRY(judge(s, &old, &better, err));
        if (better) kept++;
        else s->g = old;
    }
    return QD_OK;
}

/* Shifts of all sets, and fewer light words: at the largest lifting size of a set and, of three quarters the weight, at a quarter of it. */
static void finish(proto *g, const recipe *r, uint64_t *random) {
    proto_lift(g, random);
    for (uint32_t set = 0; set < QD_SETS; set++) {
        proto_word_limits limits[2 * LIGHT];
        for (uint32_t k = 0; k < LIGHT; k++) {
            const uint32_t z = proto_largest(set), weight = r->light[k].weight;
            limits[2 * k] = (proto_word_limits){r->light[k].rows, weight, set, z};
            limits[2 * k + 1] = (proto_word_limits){r->light[k].rows, 3 * weight / 4, set, z / 4};
        }
        const uint32_t left = proto_lighten(g, limits, 2 * LIGHT, TRIES, random);
        fprintf(stderr, "set %u: what light words lack: %u\n", set, left);
    }
}

static qd_status run(const recipe *r, uint32_t percent, qd_error *err) {
    search *s = calloc(1, sizeof *s);
    if (!s) return qd_fail(err, QD_E_INTERNAL, "no memory");
    s->g.kb = r->kb;
    s->random = r->seed;
    qd_status st = proto_trial_open(&s->trial, err);
    for (uint32_t k = 0; k < r->stages && st == QD_OK; k++) st = run_stage(s, &r->stage[k], percent, err);
    if (st == QD_OK) {
        uint64_t random = r->seed;
        finish(&s->g, r, &random);
        proto_print(&s->g, r->name, stdout);
    }
    for (int k = 0; k < SPOTS; k++) proto_frames_free(&s->look[k]);
    proto_frames_free(&s->deciding);
    proto_trial_close(&s->trial);
    free(s);
    return st;
}

int main(int n, char **arg) {
    qd_error err = {0};
    for (size_t k = 0; n > 1 && k < sizeof recipes / sizeof *recipes; k++)
        if (strcmp(arg[1], recipes[k].name) == 0) {
            const int percent = n > 2 ? atoi(arg[2]) : 100;
            if (percent < 1 || percent > 100) break;
            if (run(&recipes[k], (uint32_t)percent, &err) == QD_OK) return EXIT_SUCCESS;
            fprintf(stderr, "protograph: %s\n", err.what);
            return EXIT_FAILURE;
        }
    fprintf(stderr, "usage: protograph qd-k22|qd-k33 [PERCENT, 1 to 100]\n");
    return 2;
}
