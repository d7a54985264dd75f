/* SPDX-License-Identifier: Apache-2.0 */
/* What every row of the registry must keep: names, cases, repeatable inputs, a cost. Equality of device and reference is the loop
 * of `qdistill validate` (cli_validate.sh); that no kernel is without a row, cli_operations.sh. */
#include <check.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "qdistill/pipeline.h"
#include "run_all.h"

static const qd_registry *all(void) {
    return qd_registry_all();
}

static int rows(void) {
    int n = 0;
    while (qd_registry_op(all(), (size_t)n)) n++;
    return n;
}

static qd_problem parse(const char *text) {
    qd_problem p = {0};
    qd_error e = {0};
    ck_assert_msg(qd_problem_parse(all(), text, &p, &e) == QD_OK, "%s: %s; %s", text, e.what, e.likely);
    return p;
}

/* The case belongs to the row, and its canonical text means the same. */
static void check_case(const qd_op *op, const char *text) {
    char canonical[256];
    qd_problem p = parse(text), again;
    ck_assert_msg(p.op == op, "case '%s' of %s belongs to %s", text, op->name, p.op->name);
    qd_problem_print(&p, canonical, sizeof canonical);
    ck_assert_msg(strlen(canonical) < sizeof canonical - 1, "%s does not fit", text);
    again = parse(canonical);
    ck_assert_mem_eq(&p, &again, sizeof p);
}

static void check_cases(const qd_op *op, const char *const *texts, size_t least) {
    size_t n = 0;
    for (; texts && texts[n]; n++) check_case(op, texts[n]);
    ck_assert_msg(n >= least, "%s has %zu cases in a list", op->name, n);
}

START_TEST(row_is_complete) {
    const qd_op *op = qd_registry_op(all(), (size_t)_i);
    ck_assert(op->name && op->summary && op->selftest && op->create && op->destroy && op->output_bytes && op->reference &&
              op->device && op->cost);
    ck_assert_msg(qd_registry_find(all(), op->name) == op, "two rows are called %s", op->name);
    ck_assert_msg(strspn(op->name, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(op->name), "%s", op->name);
    ck_assert_uint_le(op->n_keys, QD_PROBLEM_KEYS);
    for (size_t i = 0; i < op->n_keys; i++) {
        const qd_key *k = &op->keys[i];
        ck_assert_msg(k->name && *k->name && k->help && *k->help, "key %zu of %s", i, op->name);
        ck_assert_msg(k->min <= k->def && k->def <= k->max, "%s:%s", op->name, k->name);
        for (size_t j = 0; j < i; j++) ck_assert_str_ne(k->name, op->keys[j].name);
    }
    check_case(op, op->selftest);
    check_cases(op, op->cases_quick, 3);
    check_cases(op, op->cases_full, 1);
    check_cases(op, op->cases_profile, 1);
    check_cases(op, op->cases_tiny, 0);
}
END_TEST

/* The reference, the device path, the test and the tuned C loop stand under the operation's name. */
START_TEST(row_has_its_files) {
    static const char *const patterns[] = {"host/*/%s_ref.c", "host/*/%s_cl.c", "tests/test_%s.c", "bench/bench_%s.c"};
    const qd_op *op = qd_registry_op(all(), (size_t)_i);
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
        char name[128], path[1024];
        glob_t g = {0};
        snprintf(name, sizeof name, patterns[i], op->name);
        snprintf(path, sizeof path, "%s/%s", QD_SOURCE_DIR, name);
        ck_assert_msg(glob(path, 0, NULL, &g) == 0, "operation %s has no %s", op->name, name);
        globfree(&g);
    }
}
END_TEST

static unsigned char *reference(const qd_problem *p, int poison, size_t *bytes, qd_cost *cost) {
    void *state = NULL;
    qd_error e = {0};
    ck_assert_msg(p->op->create(p, &state, &e) == QD_OK, "%s: %s", p->op->name, e.what);
    *bytes = p->op->output_bytes(state);
    unsigned char *out = malloc(*bytes + 1);
    ck_assert_ptr_nonnull(out);
    memset(out, poison, *bytes + 1);
    for (int i = 0; i < 2; i++) /* again on the same state */
        ck_assert_msg(p->op->reference(state, out, &e) == QD_OK, "%s: %s", p->op->name, e.what);
    ck_assert_msg(out[*bytes] == poison, "the reference of %s writes too much", p->op->name);
    p->op->cost(state, cost);
    p->op->destroy(state);
    return out;
}

START_TEST(selftest_is_repeatable) {
    const qd_op *op = qd_registry_op(all(), (size_t)_i);
    qd_problem p = parse(op->selftest);
    size_t bytes, again;
    qd_cost cost = {0};
    unsigned char *a = reference(&p, 0x5A, &bytes, &cost), *b = reference(&p, 0xA5, &again, &cost);
    ck_assert_uint_gt(bytes, 0);
    ck_assert_uint_eq(bytes, again);
    ck_assert_msg(memcmp(a, b, bytes) == 0, "%s: the same problem gives other bytes, or bytes are left unwritten", op->name);
    size_t same = 0;
    while (same < bytes && a[same] == a[0]) same++;
    ck_assert_msg(bytes < 8 || same < bytes, "%s: the self-test gives one byte value only, a kernel that does nothing could pass",
                  op->name);
    ck_assert(cost.bytes > 0 && cost.ops >= 0 && cost.units > 0 && cost.unit && *cost.unit);
    free(a);
    free(b);
}
END_TEST

int main(void) {
    Suite *s = suite_create("registry");
    TCase *t = tcase_create("registry");
    tcase_add_loop_test(t, row_is_complete, 0, rows());
    tcase_add_loop_test(t, row_has_its_files, 0, rows());
    tcase_add_loop_test(t, selftest_is_repeatable, 0, rows());
    suite_add_tcase(s, t);
    int failed = run_all(s);
    return failed != 0 || rows() == 0;
}
