/* SPDX-License-Identifier: Apache-2.0 */
/* Large-block codes on a device. Equality of device and reference over many inputs is the registry's loop; here frames of real
 * codes are decoded, and frames that must fail do. */
#include "large_suite.h"
#include "reconcile/large_run.h"

static qd_device *open_device(void) {
    qd_device *dev = NULL;
    if (qd_device_open("cpu", &dev, NULL) != QD_OK) fprintf(stderr, "no CPU device: this runs on the reference\n");
    return dev;
}

/* Syndromes come from the device. */
static trial with_syndromes(const char *name, double f, uint64_t n, qd_device *dev) {
    qd_large_design d;
    qd_large_code *c;
    ck_ok(qd_large_named(name, &d, &err));
    ck_ok(qd_large_make(&d, &c, &err));
    trial t = trial_make(c, f, 11, n);
    ck_ok(qd_large_syndrome_run(t.c, n, t.key, t.syndrome, QD_LARGE_AUTO, dev, &err));
    return t;
}

/* f 1.12 is 4 to 8 % above where these codes begin to fail. More frames than the device has workers, so that each worker takes
 * more than one and nothing of a frame is left to the next; and a frame alone takes as many iterations. */
START_TEST(errors_are_corrected_exactly) {
    static const char *const names[] = {"large-50", "large-300", "large-520"};
    qd_device *dev = open_device();
    uint64_t workers = dev ? qd_device_about(dev)->compute_units : 0;
    trial t = with_syndromes(names[_i], 1.12, workers < 9 ? workers + 1 : 9, dev);
    ck_ok(qd_large_run(t.c, &t.rule, t.n, t.bob, t.syndrome, t.got, t.iterations, QD_LARGE_AUTO, dev, &err));
    size_t words = qd_large_frame_words(t.c), last = t.n - 1;
    for (uint64_t f = 0; f < t.n; f++) ck_assert(t.iterations[f] > 1 && qd_large_solved(t.iterations[f]));
    ck_assert_mem_eq(t.got, t.key, t.n * words * 8);
    uint32_t alone;
    ck_ok(qd_large_run(t.c, &t.rule, 1, t.bob + last * words, t.syndrome + last * qd_large_syndrome_words(t.c), t.got, &alone,
                       QD_LARGE_AUTO, dev, &err));
    ck_assert_uint_eq(alone, t.iterations[last]);
    trial_free(&t);
    qd_device_close(dev);
}
END_TEST

/* A cap at the iterations that a frame took changes nothing; one below fails it. */
START_TEST(a_frame_stops_when_it_matches) {
    qd_device *dev = open_device();
    trial t = with_syndromes("large-420", 1.15, 1, dev);
    size_t bytes = qd_large_frame_words(t.c) * 8;
    ck_ok(qd_large_run(t.c, &t.rule, 1, t.bob, t.syndrome, t.got, t.iterations, QD_LARGE_AUTO, dev, &err));
    const uint32_t used = t.rule.max_iterations = t.iterations[0];
    ck_assert(used > 1 && qd_large_solved(used));
    ck_assert_mem_eq(t.got, t.key, bytes);
    memset(t.got, 0, bytes);
    ck_ok(qd_large_run(t.c, &t.rule, 1, t.bob, t.syndrome, t.got, t.iterations, QD_LARGE_AUTO, dev, &err));
    ck_assert_uint_eq(t.iterations[0], used);
    ck_assert_mem_eq(t.got, t.key, bytes);
    t.rule.max_iterations = used - 1;
    ck_ok(qd_large_run(t.c, &t.rule, 1, t.bob, t.syndrome, t.got, t.iterations, QD_LARGE_AUTO, dev, &err));
    ck_assert_uint_eq(t.iterations[0], QD_LARGE_FAILED | (used - 1));
    ck_assert_mem_ne(t.got, t.key, bytes);
    trial_free(&t);
    qd_device_close(dev);
}
END_TEST

/* Of three frames the first has one wrong syndrome bit, which no word nearby matches, and the second has errors above capacity:
 * both fail, the third is Alice's. */
START_TEST(frames_that_must_fail_do) {
    qd_device *dev = open_device();
    trial t = with_syndromes("large-520", 1.15, 3, dev);
    size_t words = qd_large_frame_words(t.c);
    t.rule.max_iterations = 60;
    t.syndrome[t.c->words + 1] ^= 1ull << 17;
    for (size_t i = 0; i < words; i += 5) t.bob[words + i] ^= 0x1248124812481248; /* a quarter of a fifth more */
    ck_ok(qd_large_run(t.c, &t.rule, t.n, t.bob, t.syndrome, t.got, t.iterations, QD_LARGE_AUTO, dev, &err));
    ck_assert_uint_eq(t.iterations[0], QD_LARGE_FAILED | 60);
    ck_assert_uint_eq(t.iterations[1], QD_LARGE_FAILED | 60);
    ck_assert(qd_large_solved(t.iterations[2]));
    ck_assert_mem_eq(t.got + 2 * words, t.key + 2 * words, words * 8);
    trial_free(&t);
    qd_device_close(dev);
}
END_TEST

/* Above capacity a frame is given up, with the decisions of that iteration; more patience tries for longer, and as much as there are iterations changes
 * nothing. A frame that matches before does so in as many iterations as ever. */
START_TEST(hopeless_frames_are_given_up) {
    qd_device *dev = open_device();
    trial t = with_syndromes("large-420", 0.95, 1, dev);
    const size_t bytes = qd_large_frame_words(t.c) * 8;
    uint32_t spent[3];
    t.rule.max_iterations = 60;
    for (uint32_t i = 0; i < 3; i++) {
        const uint32_t patience[3] = {4, 12, 60};
        t.rule.patience = patience[i];
        ck_ok(qd_large_run(t.c, &t.rule, 1, t.bob, t.syndrome, t.got, t.iterations, QD_LARGE_AUTO, dev, &err));
        ck_assert(!qd_large_solved(t.iterations[0]));
        spent[i] = qd_large_spent(t.iterations[0]);
        ck_assert_uint_gt(spent[i], patience[i] < 60 ? patience[i] : 59); /* the first iteration has fewer odd rows than none before it */
    }
    ck_assert(spent[0] < spent[1] && spent[1] < spent[2] && spent[2] == 60);
    uint64_t *cut = calloc(bytes, 1);
    t.rule.patience = 4;
    ck_ok(qd_large_run(t.c, &t.rule, 1, t.bob, t.syndrome, cut, t.iterations, QD_LARGE_AUTO, dev, &err));
    t.rule.patience = 0, t.rule.max_iterations = spent[0];
    ck_ok(qd_large_run(t.c, &t.rule, 1, t.bob, t.syndrome, t.got, t.iterations, QD_LARGE_AUTO, dev, &err));
    ck_assert_mem_eq(cut, t.got, bytes);
    free(cut);
    trial_free(&t);
    t = with_syndromes("large-420", 1.15, 1, dev);
    uint32_t used[2];
    for (int i = 0; i < 2; i++) {
        t.rule.patience = i ? QD_LARGE_PATIENCE : 0;
        ck_ok(qd_large_run(t.c, &t.rule, 1, t.bob, t.syndrome, t.got, &used[i], QD_LARGE_AUTO, dev, &err));
    }
    ck_assert(qd_large_solved(used[0]) && used[0] == used[1]);
    trial_free(&t);
    qd_device_close(dev);
}
END_TEST

/* Ask for another word, Alice's with a few bits turned: the decoder follows the syndrome. */
START_TEST(the_syndrome_is_obeyed) {
    qd_device *dev = open_device();
    trial t = with_syndromes("large-300", 1.15, 1, dev);
    size_t words = qd_large_frame_words(t.c);
    t.key[0] ^= 1, t.key[words / 2] ^= 1ull << 40, t.key[words - 1] ^= 1ull << 63;
    ck_ok(qd_large_syndrome_run(t.c, 1, t.key, t.syndrome, QD_LARGE_GROUP, dev, &err));
    ck_ok(qd_large_run(t.c, &t.rule, 1, t.bob, t.syndrome, t.got, t.iterations, QD_LARGE_AUTO, dev, &err));
    ck_assert(qd_large_solved(t.iterations[0]));
    ck_assert_mem_eq(t.got, t.key, words * 8);
    trial_free(&t);
    qd_device_close(dev);
}
END_TEST

int main(void) {
    Suite *s = suite_create("large_run");
    TCase *c = tcase_create("large_run");
    tcase_set_timeout(c, 600); /* the first launch on a device compiles */
    tcase_add_loop_test(c, errors_are_corrected_exactly, 0, 3);
    tcase_add_test(c, a_frame_stops_when_it_matches);
    tcase_add_test(c, frames_that_must_fail_do);
    tcase_add_test(c, hopeless_frames_are_given_up);
    tcase_add_test(c, the_syndrome_is_obeyed);
    suite_add_tcase(s, c);
    return run_all(s);
}
