/* SPDX-License-Identifier: Apache-2.0 */
/* Work in parts: each part once, none left when the call returns, whoever does it. */
#include <stdatomic.h>
#include <stdlib.h>
#include "compute/parts.h"
#include "run_all.h"

enum { MOST = 3000 };

typedef struct tally {
    uint32_t times[MOST]; /* of each part, by whoever does it */
    atomic_uint done;
} tally;

static void once(void *self, uint32_t k) {
    tally *t = self;
    ck_assert_uint_lt(k, MOST);
    t->times[k]++;
    atomic_fetch_add(&t->done, 1);
}

static const uint32_t parts[] = {0, 1, 2, 8, 63, MOST};

START_TEST(each_part_is_done_once) {
    tally *t = calloc(1, sizeof *t);
    ck_assert_ptr_nonnull(t);
    qd_in_parts(parts[_i], once, t);
    ck_assert_uint_eq(atomic_load(&t->done), parts[_i]);
    for (uint32_t k = 0; k < MOST; k++) ck_assert_uint_eq(t->times[k], k < parts[_i]);
    free(t);
}
END_TEST

int main(void) {
    return run_cases("parts", each_part_is_done_once, sizeof parts / sizeof *parts, 60);
}
