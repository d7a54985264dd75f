/* SPDX-License-Identifier: Apache-2.0 */
/* Problem strings: whatever is taken prints and parses back to the same values, each in its range; errors are whole. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "qdistill/pipeline.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int holds) {
    if (!holds) abort();
}

static const qd_key keys[] = {{"n", 5, 1, 1000, "n"}, {"nn", 0, 0, UINT64_MAX, "nn"}, {"seed", 1, 0, UINT32_MAX, "seed"}};
static const qd_op op = {.name = "op", .summary = "", .keys = keys, .n_keys = 3};
static const qd_op *const room[] = {&op, NULL};
static const qd_op *const *const rooms[] = {room, NULL};
static const qd_registry own = {rooms};

static void one(const qd_registry *r, const char *text) {
    char canonical[1024];
    qd_problem p = {0}, again = {0};
    qd_error e = {0};
    qd_status st = qd_problem_parse(r, text, &p, &e);
    require(st == QD_OK || st == QD_E_USAGE);
    if (st != QD_OK) {
        require(p.op == NULL && e.status == st && e.what[0] && e.likely[0]);
        return;
    }
    for (size_t i = 0; i < p.op->n_keys; i++) require(p.v[i] >= p.op->keys[i].min && p.v[i] <= p.op->keys[i].max);
    qd_problem_print(&p, canonical, sizeof canonical);
    require(qd_problem_parse(r, canonical, &again, &e) == QD_OK);
    require(memcmp(&p, &again, sizeof p) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    char *text = malloc(size + 16);
    require(text != NULL);
    /* Names are long to guess: the first byte chooses a row, or nothing. */
    const char *name = "";
    if (data[0] % 3 == 1) name = "op:";
    const qd_op *row = data[0] % 3 == 2 ? qd_registry_op(qd_registry_all(), data[0] / 3) : NULL;
    char whole[80] = "";
    if (row) snprintf(whole, sizeof whole, "%.60s:", row->name);
    text = realloc(text, size + sizeof whole + 16);
    require(text != NULL);
    int n = snprintf(text, sizeof whole + 16, "%s%s", name, whole);
    memcpy(text + n, data + 1, size - 1);
    text[n + (int)size - 1] = '\0';
    one(row ? qd_registry_all() : &own, text);
    free(text);
    return 0;
}
