/* SPDX-License-Identifier: Apache-2.0 */
/* Cascade against the published figures with as many frames as were published, and against the curves read from a paper. */
#include "cascade_suite.h"
#include "run_all.h"

/* The published share of wrong frames was counted with a 32-bit population count on 64-bit words: it misses what is wrong in the
 * upper halves alone. Nearly all wrong frames have two errors, so it saw 3 of 4: the true share is 4/3 of what is stated. Both
 * are counts of 10000 frames. */
START_TEST(published_figures) {
    cascade_point x = check_published((size_t)_i, 10000);
    double stated = published[_i].fer * 10000, expected = stated * 4 / 3;
    ck_assert_double_le(fabs((double)x.wrong - expected), 4 * sqrt((double)x.wrong + stated * 16 / 9 + 1));
}
END_TEST

/* The readings are good to .003 and printed to .001 (.0005 of rounding). Ours at 1000 frames: 4 standard deviations of the mean.
 */
START_TEST(published_curves) {
    for (size_t k = 0; k < READ; k++) {
        qd_cascade_plan plan = plan_of(curves[_i].v, read_at[k], curves[_i].n);
        cascade_point x = cascade_measure(&plan, read_at[k], 1000);
        printf("%s q %.2f n %lu: f %.4f +- %.4f (read: %.3f), rounds %.1f, wrong %lu\n", qd_cascade_name(curves[_i].v),
               read_at[k], (unsigned long)curves[_i].n, x.f, x.f_sd / sqrt(1000), curves[_i].f[k], x.rounds,
               (unsigned long)x.wrong);
        ck_assert_double_le(fabs(x.f - curves[_i].f[k]), .0035 + 4 * x.f_sd / sqrt(1000));
    }
}
END_TEST

/* One search at a time costs the fewest parities; all at once the fewest rounds. Those that share no position are nearly as good
 * in both. */
START_TEST(orders) {
    static const double goal[READ] = {1.05, 1.045, 1.045, 1.05, 1.06, 1.07};
    for (size_t k = 0; k < READ; k++) {
        cascade_point x[QD_CASCADE_ORDERS];
        for (uint32_t o = QD_CASCADE_SMALLEST; o < QD_CASCADE_ORDERS; o++) {
            qd_cascade_plan plan = plan_of(QD_CASCADE_OPT8, read_at[k], 16384);
            plan.order = o;
            x[o] = cascade_measure(&plan, read_at[k], 1000);
            printf("opt8 q %.2f order %u: f %.4f, rounds %.1f, wrong %lu\n", read_at[k], o, x[o].f, x[o].rounds,
                   (unsigned long)x[o].wrong);
        }
        ck_assert_double_le(x[QD_CASCADE_APART].f, goal[k]);
        ck_assert_double_lt(x[QD_CASCADE_ONE].f, x[QD_CASCADE_SMALLEST].f);
        ck_assert_double_lt(x[QD_CASCADE_SMALLEST].f, x[QD_CASCADE_APART].f);
        ck_assert_double_lt(x[QD_CASCADE_APART].rounds, x[QD_CASCADE_SMALLEST].rounds);
        ck_assert_double_lt(x[QD_CASCADE_SMALLEST].rounds, x[QD_CASCADE_ONE].rounds);
    }
}
END_TEST

int main(void) {
    Suite *s = suite_create("cascade_full");
    TCase *c = tcase_create("cascade_full");
    tcase_set_timeout(c, 1200);
    tcase_add_loop_test(c, published_figures, 0, PUBLISHED);
    tcase_add_loop_test(c, published_curves, 0, CURVES);
    tcase_add_test(c, orders);
    suite_add_tcase(s, c);
    return run_all(s);
}
