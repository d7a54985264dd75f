/* SPDX-License-Identifier: Apache-2.0 */
/* How often frames of large-block codes fail, against the curves that their plans rest on. */
#include <math.h>
#include "large_suite.h"
#include "qdistill/reconcile/truth.h"
#include "reconcile/rate.h"
#include "run_all.h"

enum { FRAMES = 64 };

static double rate_of(double h) {
    double lo = 1e-6, hi = 0.5;
    for (int i = 0; i < 60; i++) *(entropy((lo + hi) / 2) < h ? &lo : &hi) = (lo + hi) / 2;
    return lo;
}

/* Where about one in six to five in six fail the share tells the efficiency: the curve may be off by a part in 200 of it, for
 * which the plan's leak is as far off; on top 4 standard deviations of the count. Half a percent of f is what plans lose by it at
 * most. */
START_TEST(frames_fail_as_the_curves_say) {
    static const struct {
        uint32_t rows, cols, z;
        double f;
    } at[] = {{66, 1000, 1024, 1.05},  {120, 950, 704, 1.042},   {160, 1000, 256, 1.045}, {203, 1000, 576, 1.042},
              {280, 970, 320, 1.04},   {300, 1000, 1024, 1.036}, {350, 930, 448, 1.037},  {400, 910, 1216, 1.03},
              {470, 1000, 768, 1.028}, {500, 990, 1472, 1.024}, {545, 1000, 512, 1.023},
              {86, 1000, 2048, 1.038}, {290, 980, 1792, 1.036}};
    qd_device *dev = NULL;
    qd_large_design d;
    qd_large_code *c;
    qd_frame_tally t = {0};
    if (qd_device_open("cpu", &dev, NULL) != QD_OK) fprintf(stderr, "no CPU device: on the reference\n");
    ck_ok(qd_large_sized(at[_i].rows, at[_i].cols, at[_i].z, &d, &err));
    ck_ok(qd_large_drawn(&d, &c, &err));
    const double leak = (double)at[_i].rows / at[_i].cols, q = rate_of(leak / at[_i].f);
    const qd_large_ask ask = {.code = c, .rule = qd_large_rule_of(c, q), .qber = q, .seed = 4242, .frames = FRAMES};
    ck_ok(qd_large_truth(&ask, dev, &t, &err));
    const double off = 0.005, share = (double)t.failed / FRAMES, says = qd_large_fer(at[_i].rows, at[_i].cols, at[_i].z, q),
                 lo = qd_large_fer(at[_i].rows, at[_i].cols, at[_i].z, rate_of(leak / at[_i].f * (1 - off))),
                 hi = qd_large_fer(at[_i].rows, at[_i].cols, at[_i].z, rate_of(leak / at[_i].f * (1 + off)));
    printf("%s: f %.3f, %u of %d fail, the curve says %.1f (%.1f to %.1f within half a percent)\n", d.name, at[_i].f,
           (unsigned)t.failed, FRAMES, FRAMES * says, FRAMES * lo, FRAMES * hi);
    ck_assert(share >= lo - 4 * sqrt(lo * (1 - lo) / FRAMES) && share <= hi + 4 * sqrt(hi * (1 - hi) / FRAMES));
    qd_large_free(c);
    qd_device_close(dev);
}
END_TEST

/* Every design that a message may name has a code. */
START_TEST(every_size_has_a_code) {
    const uint32_t z = QD_LARGE_Z_LEAST + 64 * (uint32_t)_i;
    for (uint32_t cols = QD_LARGE_COLS_LEAST; cols <= QD_LARGE_COLS_MOST; cols += 50)
        for (double leak = fmax(0.05, (double)QD_LARGE_LEAK_Z / z); leak < 0.57; leak *= 1.4) {
            qd_large_design d;
            qd_large_code *c;
            if (qd_large_sized((uint32_t)ceil(leak * cols), cols, z, &d, NULL) != QD_OK) continue;
            ck_assert_msg(qd_large_drawn(&d, &c, &err) == QD_OK, "%s: %s", d.name, err.what);
            qd_large_free(c);
        }
}
END_TEST

int main(void) {
    Suite *s = suite_create("large_frames_full");
    TCase *c = tcase_create("large_frames_full");
    tcase_set_timeout(c, 1800);
    tcase_add_loop_test(c, frames_fail_as_the_curves_say, 0, 13);
    tcase_add_loop_test(c, every_size_has_a_code, 0, (QD_LARGE_Z_MOST - QD_LARGE_Z_LEAST) / 64 + 1);
    suite_add_tcase(s, c);
    return run_all(s);
}
