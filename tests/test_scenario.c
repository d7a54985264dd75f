/* SPDX-License-Identifier: Apache-2.0 */
/* Scenario files: what is read, defaults, and one clear error for each thing that can be wrong. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "qdistill/link.h"
#include "run_all.h"

static const char good[] =
    "name: all keys\n"
    "pair_rate_hz: 1.5e6\n"
    "visibility: 0.9\n"
    "misalignment_deg: -3\n"
    "arms:\n"
    "  alice:\n"
    "    loss_db: 3\n"
    "    basis_split: 0.4\n"
    "    detectors:\n"
    "      efficiency_each: [0.1, 0.2, 0.3, 0.4]\n"
    "      dark_hz: 250\n"
    "      delay_ps_each: [0, 100, 200, 300]\n"
    "      jitter_fwhm_ps: 120\n"
    "      dead_ps: 45000.5\n"
    "      angles_deg: [0, -45, 90, 45]\n"
    "  bob: {}\n"
    "clock: {offset_ps: -123456789012, frequency_ppm: -7.5, drift_ppm_s: 0.25}\n"
    "pass: {altitude_km: 600, max_elevation_deg: 70, start_s: -100}\n"
    "eve: {intercept_resend: 0.25}\n";

static qd_status load(const char *text, qd_scenario *s, qd_error *err) {
    *err = (qd_error){0};
    return qd_scenario_load_text("text", text, strlen(text), s, err);
}

/* @p text with the first @p from replaced. */
static char *replaced(const char *text, const char *from, const char *to) {
    const char *at = strstr(text, from);
    ck_assert_msg(at != NULL, "'%s' is not in the text", from);
    char *out = malloc(strlen(text) + strlen(to) + 1);
    sprintf(out, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    return out;
}

START_TEST(every_key_is_read) {
    qd_scenario s;
    qd_error err;
    ck_assert_msg(load(good, &s, &err) == QD_OK, "%s (%s) %s", err.what, err.cause, err.likely);
    ck_assert_str_eq(s.name, "all keys");
    ck_assert_double_eq(s.pair_rate_hz, 1.5e6);
    ck_assert_double_eq(s.visibility, 0.9);
    ck_assert_double_eq(s.misalignment_deg, -3);
    ck_assert_double_eq(s.arm[0].loss_db, 3);
    ck_assert_double_eq(s.arm[0].basis_split, 0.4);
    ck_assert_double_eq(s.arm[0].dead_ps, 45000.5);
    ck_assert_double_eq(s.arm[0].jitter_fwhm_ps, 120);
    for (int d = 0; d < 4; d++) {
        ck_assert_double_eq_tol(s.arm[0].efficiency[d], 0.1 * (d + 1), 1e-15);
        ck_assert_double_eq(s.arm[0].dark_hz[d], 250);
        ck_assert_double_eq(s.arm[0].delay_ps[d], 100 * d);
        ck_assert_double_eq(s.arm[1].efficiency[d], 1);
        ck_assert_double_eq(s.arm[1].dark_hz[d] + s.arm[1].delay_ps[d], 0);
    }
    ck_assert(s.arm[0].analysers.given && s.arm[0].analysers.deg[1] == -45 && s.arm[0].analysers.deg[2] == 90 && !s.arm[1].analysers.given);
    ck_assert_double_eq(s.arm[1].basis_split, 0.5);
    ck_assert_double_eq(s.arm[1].loss_db + s.arm[1].jitter_fwhm_ps + s.arm[1].dead_ps, 0);
    ck_assert_int_eq(s.clock_offset_ps, -123456789012);
    ck_assert_double_eq(s.clock_frequency_ppm, -7.5);
    ck_assert_double_eq(s.clock_drift_ppm_s, 0.25);
    ck_assert(s.pass.altitude_km == 600 && s.pass.max_elevation_deg == 70 && s.pass.start_s == -100);
    ck_assert_double_eq(s.intercept_resend, 0.25);
    ck_assert_uint_eq(qd_scenario_dead_ps(&s), 45001);
}
END_TEST

START_TEST(least_scenario_has_the_defaults) {
    qd_scenario s;
    qd_error err;
    ck_assert_int_eq(load("pair_rate_hz: 1000\nvisibility: 1\narms: {alice: {}, bob: {}}\n", &s, &err), QD_OK);
    ck_assert_str_eq(s.name, "");
    ck_assert(s.clock_drift_ppm_s == 0 && s.pass.altitude_km == 0);
    ck_assert_int_eq(load("pair_rate_hz: 1000\nvisibility: 1\narms: {alice: {}, bob: {}}\npass: {}\n", &s, &err), QD_OK);
    ck_assert(s.pass.altitude_km == 500 && s.pass.max_elevation_deg == 90 && s.pass.start_s == 0);
    ck_assert_double_eq(s.intercept_resend, 0);
    ck_assert_int_eq(s.clock_offset_ps, 0);
    ck_assert_uint_eq(qd_scenario_dead_ps(&s), 0);
}
END_TEST

/* Each change of the good scenario is refused, with a word in the error that leads to the place. */
static const struct {
    const char *from, *to, *word;
} wrong[] = {{"pair_rate_hz: 1.5e6", "pair_rate_hz: -1", "pair_rate_hz"},
             {"pair_rate_hz: 1.5e6", "pair_rate_hz: 1e10", "pair_rate_hz"},
             {"pair_rate_hz: 1.5e6", "pair_rate_hz: nan", "pair_rate_hz"},
             {"pair_rate_hz: 1.5e6", "pair_rate_hz: many", "pair_rate_hz"},
             {"pair_rate_hz: 1.5e6\n", "", "pair_rate_hz"},
             {"visibility: 0.9", "visibility: 1.01", "visibility"},
             {"visibility: 0.9\n", "", "visibility"},
             {"visibility: 0.9", "visibility: 0.9\nvisibility: 0.8", "visibility"},
             {"visibility: 0.9", "visibillity: 0.9", "visibillity"},
             {"misalignment_deg: -3", "misalignment_deg: 46", "misalignment_deg"},
             {"loss_db: 3", "loss_db: -0.1", "alice.loss_db"},
             {"loss_db: 3", "loss_dB: 3", "loss_dB"},
             {"basis_split: 0.4", "basis_split: 2", "alice.basis_split"},
             {"[0.1, 0.2, 0.3, 0.4]", "[0.1, 0.2, 0.3]", "efficiency_each"},
             {"[0.1, 0.2, 0.3, 0.4]", "[0.1, 0.2, 1.3, 0.4]", "efficiency_each is out of range: it must lie in 0 to 1"},
             {"[0.1, 0.2, 0.3, 0.4]", "0.5", "efficiency_each"},
             {"dark_hz: 250", "dark_hz: 250\n      dark_hz_each: [1, 2, 3, 4]", "text:12:7: arms.alice.detectors has both dark_hz and dark_hz_each"},
             {"efficiency_each: [0.1, 0.2, 0.3, 0.4]", "efficiency_each: [0.1, 0.2, 0.3, 0.4]\n      efficiency: 0.1", "text:10:7: arms.alice.detectors has both efficiency"},
             {"dark_hz: 250", "dark_hz: 2e8", "dark_hz"},
             {"[0, 100, 200, 300]", "[0, 100, 200, -1]", "delay_ps_each"},
             {"jitter_fwhm_ps: 120", "jitter_fwhm_ps: 1e5", "jitter_fwhm_ps"},
             {"dead_ps: 45000.5", "dead_ps: 1e9", "dead_ps"},
             {"[0, -45, 90, 45]", "[0, -45, 90]", "angles_deg"},
             {"[0, -45, 90, 45]", "[0, -45, 90, 361]", "angles_deg is out of range: it must lie in -360 to 360"},
             {"[0, -45, 90, 45]", "[0, -45, 45, 90]", "text:15:7: arms.alice.detectors.angles_deg: detectors V and H"},
             {"offset_ps: -123456789012", "offset_ps: 0.5", "offset_ps"},
             {"offset_ps: -123456789012", "offset_ps: -500000000001", "offset_ps"},
             {"offset_ps: -123456789012, frequency_ppm: -7.5", "frequency_ppm: 201", "frequency_ppm"},
             {"offset_ps: -123456789012, frequency_ppm: -7.5", "drift: 1", "drift"},
             {"drift_ppm_s: 0.25", "drift_ppm_s: 11", "drift_ppm_s"},
             {"altitude_km: 600", "altitude_km: 99", "altitude_km"},
             {"max_elevation_deg: 70", "max_elevation_deg: 0", "max_elevation_deg"},
             {"start_s: -100", "start_s: -30000", "start_s"},
             {"start_s: -100", "start_s: -1000", "text:18:1: the satellite is below the horizon"},
             {"start_s: -100", "start_s: 1000", "horizon"},
             {"frequency_ppm: -7.5, drift_ppm_s: 0.25", "frequency_ppm: 200, drift_ppm_s: 0.25", "text:17:1: the clock's frequency leaves 200 ppm"},
             {"intercept_resend: 0.25", "intercept_resend: 25", "intercept_resend"},
             {"  bob: {}\n", "", "bob"},
             {"bob: {}", "bob: []", "bob"},
             {"name: all keys", "name: [1, 2]", "name"},
             {"name: all keys", "name: a name that is longer than the sixty-three bytes that a scenario's name may have", "name"},
             {"arms:", "arms", ""}};

START_TEST(wrong_scenarios_are_refused) {
    char *text = replaced(good, wrong[_i].from, wrong[_i].to);
    qd_scenario s, zero = {0};
    qd_error err;
    memset(&s, 1, sizeof s);
    ck_assert_msg(load(text, &s, &err) == QD_E_INPUT, "'%s' was accepted", wrong[_i].to);
    ck_assert_msg(strstr(err.what, wrong[_i].word) || strstr(err.cause, wrong[_i].word) || strstr(err.likely, wrong[_i].word),
                  "'%s': no word of '%s' in: %s | %s | %s", wrong[_i].to, wrong[_i].word, err.what, err.cause, err.likely);
    ck_assert_msg(strstr(err.what, "text") != NULL, "the error does not name the file: %s", err.what);
    ck_assert_mem_eq(&s, &zero, sizeof s);
    free(text);
}
END_TEST

/* A detector that is dead most of the time is refused where the state of one range would reach into the next. */
START_TEST(saturated_detectors_are_refused) {
    qd_scenario s;
    qd_error err;
    const char *text = "pair_rate_hz: 1e7\nvisibility: 1\narms:\n  alice: {detectors: {dead_ps: %s}}\n  bob: {}\n";
    char buffer[256];
    snprintf(buffer, sizeof buffer, text, "1.5e6"); /* 2.5e6 clicks/s each: r t = 3.75 */
    ck_assert_int_eq(load(buffer, &s, &err), QD_OK);
    snprintf(buffer, sizeof buffer, text, "1e7"); /* r t = 25 */
    ck_assert_int_eq(load(buffer, &s, &err), QD_E_INPUT);
    ck_assert_msg(strstr(err.what, "text:4:23: detector V of alice is saturated") != NULL, "%s", err.what);
    snprintf(buffer, sizeof buffer, "pair_rate_hz: 1e7\nvisibility: 1\narms:\n  alice: {}\n  bob:\n    detectors:\n      dead_ps: 1e7\n");
    ck_assert_int_eq(load(buffer, &s, &err), QD_E_INPUT);
    ck_assert_msg(strstr(err.what, "text:7:7: detector V of bob is saturated") != NULL, "%s", err.what);
}
END_TEST

START_TEST(missing_files_are_refused) {
    qd_scenario s;
    qd_error err = {0};
    ck_assert_int_eq(qd_scenario_load("no such file.yaml", &s, &err), QD_E_INPUT);
    ck_assert(strstr(err.what, "no such file.yaml") != NULL);
    ck_assert_int_eq(qd_scenario_load(QD_SOURCE_DIR, &s, &err), QD_E_INPUT);
    ck_assert_int_eq(load("", &s, &err), QD_E_INPUT);
}
END_TEST

/* The shipped scenarios, and what their comments promise. */
START_TEST(examples_hold_what_they_promise) {
    qd_scenario s;
    qd_error err = {0};
    qd_link *l;
    qd_link_rates r;
    ck_assert_msg(qd_scenario_load(QD_SOURCE_DIR "/examples/scenarios/metro-fibre.yaml", &s, &err) == QD_OK, "%s", err.what);
    ck_assert_int_eq(qd_link_create(&s, 1, &l, &err), QD_OK);
    ck_assert_int_eq(qd_link_expect(l, 1000, &r, &err), QD_OK);
    ck_assert(r.capture > 0.9996 && r.capture < 0.9998);
    ck_assert(r.qber[0] > 0.0175 && r.qber[0] < 0.0182);
    ck_assert(r.qber_true[0] > 0.0115 && r.qber_true[0] < 0.0125);
    ck_assert(r.coincidences > 4.55e5 && r.coincidences < 4.65e5);
    qd_link_destroy(l);
    ck_assert_msg(qd_scenario_load(QD_SOURCE_DIR "/examples/scenarios/metro-fibre-eavesdropped.yaml", &s, &err) == QD_OK, "%s",
                  err.what);
    ck_assert_int_eq(qd_link_create(&s, 1, &l, &err), QD_OK);
    ck_assert_int_eq(qd_link_expect(l, 1000, &r, &err), QD_OK);
    ck_assert(r.qber_true[0] > 0.2555 && r.qber_true[0] < 0.2565 && r.qber[0] > r.qber_true[0]);
    qd_link_destroy(l);
    ck_assert_msg(qd_scenario_load(QD_SOURCE_DIR "/examples/scenarios/bell.yaml", &s, &err) == QD_OK, "%s", err.what);
    ck_assert_int_eq(qd_link_create(&s, 1, &l, &err), QD_OK);
    ck_assert_int_eq(qd_link_expect(l, 1000, &r, &err), QD_OK);
    ck_assert(2 * M_SQRT2 * s.visibility > 2.755 && 2 * M_SQRT2 * s.visibility < 2.765);
    ck_assert(r.coincidences / r.accidentals > 180 && r.coincidences / r.accidentals < 220);
    /* S = 2 of true pairs where V (1 - p/2) = 2/(2 sqrt2) */
    ck_assert(2 * (1 - M_SQRT1_2 / s.visibility) < 0.57 && 2 * (1 - M_SQRT1_2 / s.visibility) > 0.54);
    ck_assert(r.coincidences > 1.8e5 && r.coincidences < 2e5); /* the Bell test from orbit had 1167: Yin et al., Science 356:1140 (2017) */
    qd_link_destroy(l);
    ck_assert_msg(qd_scenario_load(QD_SOURCE_DIR "/examples/scenarios/double-downlink.yaml", &s, &err) == QD_OK, "%s", err.what);
    ck_assert_int_eq(qd_link_create(&s, 1, &l, &err), QD_OK);
    ck_assert_int_eq(qd_link_expect(l, 1000, &r, &err), QD_OK);
    ck_assert(r.coincidences > 0.4 && r.coincidences < 0.55 && r.coincidences / r.accidentals > 28 &&
              r.coincidences / r.accidentals < 33);
    qd_link_destroy(l);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("scenario");
    TCase *files = tcase_create("files");
    tcase_add_test(files, every_key_is_read);
    tcase_add_test(files, least_scenario_has_the_defaults);
    tcase_add_loop_test(files, wrong_scenarios_are_refused, 0, (int)(sizeof wrong / sizeof *wrong));
    tcase_add_test(files, saturated_detectors_are_refused);
    tcase_add_test(files, missing_files_are_refused);
    tcase_add_test(files, examples_hold_what_they_promise);
    suite_add_tcase(suite, files);
    return run_all(suite);
}
