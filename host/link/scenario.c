/* SPDX-License-Identifier: Apache-2.0 */
/* Scenarios: YAML by schema, defaults, ranges. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "link/simulate.h"
#include "qdistill/core/limits.h"
#include "qdistill/core/yaml.h"

/* ---- The YAML document. Pointers are NULL where a key is absent. ---- */

typedef struct doc_detectors {
    double *efficiency, *efficiency_each;
    double *dark_hz, *dark_hz_each;
    double *delay_ps_each, *angles_deg;
    double *jitter_fwhm_ps, *dead_ps;
} doc_detectors;

typedef struct doc_arm {
    double *loss_db, *basis_split;
    doc_detectors *detectors;
} doc_arm;

typedef struct doc_arms {
    doc_arm alice, bob;
} doc_arms;

typedef struct doc_clock {
    int64_t *offset_ps;
    double *frequency_ppm, *drift_ppm_s;
} doc_clock;

typedef struct doc_pass {
    double *altitude_km, *max_elevation_deg, *start_s;
} doc_pass;

typedef struct doc_eve {
    double *intercept_resend;
} doc_eve;

typedef struct doc {
    char *name;
    double pair_rate_hz, visibility;
    double *misalignment_deg;
    doc_arms arms;
    doc_clock *clock;
    doc_pass *pass;
    doc_eve *eve;
} doc;

#define OPT CYAML_FLAG_OPTIONAL
#define REAL_OPT(type, member) CYAML_FIELD_FLOAT_PTR(#member, OPT, type, member)
#define FOUR_OPT(type, member) CYAML_FIELD_SEQUENCE_FIXED(#member, OPT | CYAML_FLAG_POINTER, type, member, &one_real, 4)

static const cyaml_schema_value_t one_real = {CYAML_VALUE_FLOAT(CYAML_FLAG_DEFAULT, double)};

static const cyaml_schema_field_t detector_fields[] = {
    REAL_OPT(doc_detectors, efficiency),    FOUR_OPT(doc_detectors, efficiency_each),
    REAL_OPT(doc_detectors, dark_hz),       FOUR_OPT(doc_detectors, dark_hz_each),
    FOUR_OPT(doc_detectors, delay_ps_each), REAL_OPT(doc_detectors, jitter_fwhm_ps),
    REAL_OPT(doc_detectors, dead_ps),       FOUR_OPT(doc_detectors, angles_deg),
    CYAML_FIELD_END};

static const cyaml_schema_field_t arm_fields[] = {REAL_OPT(doc_arm, loss_db), REAL_OPT(doc_arm, basis_split),
                                                  CYAML_FIELD_MAPPING_PTR("detectors", OPT, doc_arm, detectors, detector_fields),
                                                  CYAML_FIELD_END};

static const cyaml_schema_field_t arms_fields[] = {CYAML_FIELD_MAPPING("alice", CYAML_FLAG_DEFAULT, doc_arms, alice, arm_fields),
                                                   CYAML_FIELD_MAPPING("bob", CYAML_FLAG_DEFAULT, doc_arms, bob, arm_fields),
                                                   CYAML_FIELD_END};

static const cyaml_schema_field_t clock_fields[] = {CYAML_FIELD_INT_PTR("offset_ps", OPT, doc_clock, offset_ps),
                                                    REAL_OPT(doc_clock, frequency_ppm), REAL_OPT(doc_clock, drift_ppm_s), CYAML_FIELD_END};

static const cyaml_schema_field_t pass_fields[] = {REAL_OPT(doc_pass, altitude_km), REAL_OPT(doc_pass, max_elevation_deg),
                                                   REAL_OPT(doc_pass, start_s), CYAML_FIELD_END};

static const cyaml_schema_field_t eve_fields[] = {REAL_OPT(doc_eve, intercept_resend), CYAML_FIELD_END};

static const cyaml_schema_field_t doc_fields[] = {CYAML_FIELD_STRING_PTR("name", OPT, doc, name, 0, 63),
                                                  CYAML_FIELD_FLOAT("pair_rate_hz", CYAML_FLAG_DEFAULT, doc, pair_rate_hz),
                                                  CYAML_FIELD_FLOAT("visibility", CYAML_FLAG_DEFAULT, doc, visibility),
                                                  REAL_OPT(doc, misalignment_deg),
                                                  CYAML_FIELD_MAPPING("arms", CYAML_FLAG_DEFAULT, doc, arms, arms_fields),
                                                  CYAML_FIELD_MAPPING_PTR("clock", OPT, doc, clock, clock_fields),
                                                  CYAML_FIELD_MAPPING_PTR("pass", OPT, doc, pass, pass_fields),
                                                  CYAML_FIELD_MAPPING_PTR("eve", OPT, doc, eve, eve_fields),
                                                  CYAML_FIELD_END};

static const cyaml_schema_value_t doc_schema = {CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, doc, doc_fields)};

/* ---- Ranges ---- */

#define PAIR_RATE_HZ 0, 1e9
#define SHARE 0, 1
#define ANGLE_DEG -45, 45
#define LOSS_DB 0, 200
#define JITTER_PS 0, 10000
#define DEAD_PS 0, 1e7
#define RATE_HZ 0, 1e8
#define DELAY_PS 0, 1e5
#define OFFSET_PS -5e11, 5e11
#define DRIFT_PPM_S -10, 10
#define ALTITUDE_KM 100, 50000
#define ELEVATION_DEG 1, 90
#define START_S -20000, 20000

/* Of the document: with line and column. What is checked again below is of scenarios made by hand. */
static const qd_yaml_limit limits[] = {{.key = "pair_rate_hz", PAIR_RATE_HZ},
                                       {.key = "visibility", SHARE},
                                       {.key = "misalignment_deg", ANGLE_DEG},
                                       {.key = "arms.*.loss_db", LOSS_DB},
                                       {.key = "arms.*.basis_split", SHARE},
                                       {.key = "arms.*.detectors.jitter_fwhm_ps", JITTER_PS},
                                       {.key = "arms.*.detectors.dead_ps", DEAD_PS},
                                       {.key = "arms.*.detectors.efficiency", SHARE},
                                       {.key = "arms.*.detectors.efficiency_each", SHARE},
                                       {.key = "arms.*.detectors.dark_hz", RATE_HZ},
                                       {.key = "arms.*.detectors.dark_hz_each", RATE_HZ},
                                       {.key = "arms.*.detectors.delay_ps_each", DELAY_PS},
                                       {.key = "arms.*.detectors.angles_deg", QD_RANGE_ANALYSER_DEG},
                                       {.key = "clock.offset_ps", OFFSET_PS},
                                       {.key = "clock.frequency_ppm", QD_RANGE_FREQUENCY_PPM},
                                       {.key = "clock.drift_ppm_s", DRIFT_PPM_S},
                                       {.key = "pass.altitude_km", ALTITUDE_KM},
                                       {.key = "pass.max_elevation_deg", ELEVATION_DEG},
                                       {.key = "pass.start_s", START_S},
                                       {.key = "eve.intercept_resend", SHARE},
                                       {0}};

/* What is checked, and where its keys stand; places NULL: a scenario made by hand. */
typedef struct origin {
    const char *name;
    const qd_yaml_places *places;
} origin;

static const char *place(const origin *o, const char *key, char out[QD_YAML_PLACE]) {
    if (o->places) return qd_yaml_place(o->places, key, out);
    snprintf(out, QD_YAML_PLACE, "%.500s", o->name);
    return out;
}

static qd_status in_range(const char *name, const char *key, double v, double min, double max, qd_error *err) {
    if (v >= min && v <= max) return QD_OK; /* false for NaN */
    return qd_fail(err, QD_E_INPUT, "%s: %s = %g is out of range|%g to %g|a wrong unit?|correct the scenario", name, key, v, min,
                   max);
}

static const char *const station[2] = {"alice", "bob"};
static const char *const detector[4] = {"V", "-", "H", "+"};

static qd_status check_arm(const origin *o, int k, const qd_arm *a, qd_error *err) {
    const char *name = o->name;
    const struct {
        const char *key;
        double v, min, max;
    } one[] = {{"loss_db", a->loss_db, LOSS_DB},
               {"basis_split", a->basis_split, SHARE},
               {"detectors.jitter_fwhm_ps", a->jitter_fwhm_ps, JITTER_PS},
               {"detectors.dead_ps", a->dead_ps, DEAD_PS}};
    const struct {
        const char *key;
        const double *v;
        double min, max;
    } each[] = {{"efficiency", a->efficiency, SHARE}, {"dark_hz", a->dark_hz, RATE_HZ}, {"delay_ps", a->delay_ps, DELAY_PS}};
    char key[96], at[QD_YAML_PLACE], of[QD_YAML_PLACE + 64];
    for (size_t i = 0; i < sizeof one / sizeof *one; i++) {
        snprintf(key, sizeof key, "arms.%s.%s", station[k], one[i].key);
        QD_TRY(in_range(name, key, one[i].v, one[i].min, one[i].max, err));
    }
    for (size_t i = 0; i < sizeof each / sizeof *each; i++)
        for (int d = 0; d < 4; d++) {
            snprintf(key, sizeof key, "arms.%s.detectors.%s of %s", station[k], each[i].key, detector[d]);
            QD_TRY(in_range(name, key, each[i].v[d], each[i].min, each[i].max, err));
        }
    snprintf(key, sizeof key, "arms.%s.detectors.angles_deg", station[k]);
    snprintf(of, sizeof of, "%s: %.60s", place(o, key, at), key);
    return !a->analysers.given || qd_analysers_good(of, a->analysers.deg, err) ? QD_OK : QD_E_INPUT;
}

/* A chain of clicks, each within the dead time of the one before, must break within a cell: then the state at a cell's start is
 * found in the cell before. With r t_d <= 1 and t_d <= cell/100 a chain over a cell needs 100 gaps in a row below t_d: (1 -
 * 1/e)^100 < 1e-19; above, breaks come at least at rate r exp(-r t_d), so e^-40 < 1e-17 bounds a cell without one. */
static qd_status check_pauses(const origin *o, const qd_scenario *s, qd_error *err) {
    qd_link_model m;
    qd_link_model_of(s, &m);
    for (int k = 0; k < 2; k++)
        for (int d = 0; d < 4; d++) {
            double r = m.detector[k][d], x = r * s->arm[k].dead_ps * 1e-12;
            char key[64], at[QD_YAML_PLACE];
            snprintf(key, sizeof key, "arms.%s.detectors.dead_ps", station[k]);
            if (x > 1 && qd_link_seconds(1) * r * exp(-x) < 40)
                return qd_fail(
                    err, QD_E_INPUT,
                    "%s: detector %s of %s is saturated|%.3g clicks/s times a dead time of %.3g ps is %.3g|"
                    "nearly every click falls into the dead time of another|lower the rate, the efficiency or the dead time",
                    place(o, key, at), detector[d], station[k], r, s->arm[k].dead_ps, x);
        }
    return QD_OK;
}

static qd_status check(const origin *o, const qd_scenario *s, qd_error *err) {
    const char *name = o->name;
    char clock[QD_YAML_PLACE], pass[QD_YAML_PLACE];
    QD_TRY(in_range(name, "pair_rate_hz", s->pair_rate_hz, PAIR_RATE_HZ, err));
    QD_TRY(in_range(name, "visibility", s->visibility, SHARE, err));
    QD_TRY(in_range(name, "misalignment_deg", s->misalignment_deg, ANGLE_DEG, err));
    QD_TRY(in_range(name, "clock.offset_ps", (double)s->clock_offset_ps, OFFSET_PS, err));
    QD_TRY(in_range(name, "clock.frequency_ppm", s->clock_frequency_ppm, QD_RANGE_FREQUENCY_PPM, err));
    QD_TRY(in_range(name, "clock.drift_ppm_s", s->clock_drift_ppm_s, DRIFT_PPM_S, err));
    QD_TRY(in_range(name, "eve.intercept_resend", s->intercept_resend, SHARE, err));
    if (s->pass.altitude_km != 0) {
        QD_TRY(in_range(name, "pass.altitude_km", s->pass.altitude_km, ALTITUDE_KM, err));
        QD_TRY(in_range(name, "pass.max_elevation_deg", s->pass.max_elevation_deg, ELEVATION_DEG, err));
        QD_TRY(in_range(name, "pass.start_s", s->pass.start_s, START_S, err));
    }
    const char *const name_of[2] = {place(o, "clock", clock), place(o, "pass", pass)};
    QD_TRY(qd_link_delay_check(name_of, s, err));
    for (int k = 0; k < 2; k++) QD_TRY(check_arm(o, k, &s->arm[k], err));
    return check_pauses(o, s, err);
}

qd_status qd_scenario_check(const char *name, const qd_scenario *s, qd_error *err) {
    const origin o = {name, NULL};
    return check(&o, s, err);
}

uint64_t qd_scenario_dead_ps(const qd_scenario *s) {
    return (uint64_t)ceil(fmax(s->arm[0].dead_ps, s->arm[1].dead_ps));
}

/* ---- Document to scenario ---- */

static double or_default(const double *p, double def) {
    return p ? *p : def;
}

static qd_status one_or_each(const origin *o, const char *who, const char *key, const double *one, const double *each,
                             double def, double out[4], qd_error *err) {
    char path[96], at[QD_YAML_PLACE];
    snprintf(path, sizeof path, "arms.%s.detectors.%s_each", who, key);
    if (one && each)
        return qd_fail(err, QD_E_INPUT, "%s: arms.%s.detectors has both %s and %s_each|||keep one of the two", place(o, path, at), who, key,
                       key);
    for (int d = 0; d < 4; d++) out[d] = each ? each[d] : or_default(one, def);
    return QD_OK;
}

static qd_status take_arm(const origin *o, const char *who, const doc_arm *from, qd_arm *to, qd_error *err) {
    static const doc_detectors none = {0};
    const doc_detectors *d = from->detectors ? from->detectors : &none;
    to->loss_db = or_default(from->loss_db, 0);
    to->basis_split = or_default(from->basis_split, 0.5);
    QD_TRY(one_or_each(o, who, "efficiency", d->efficiency, d->efficiency_each, 1, to->efficiency, err));
    QD_TRY(one_or_each(o, who, "dark_hz", d->dark_hz, d->dark_hz_each, 0, to->dark_hz, err));
    for (int i = 0; i < 4; i++) to->delay_ps[i] = d->delay_ps_each ? d->delay_ps_each[i] : 0;
    if (d->angles_deg) to->analysers = (qd_analysers){true, {d->angles_deg[0], d->angles_deg[1], d->angles_deg[2], d->angles_deg[3]}};
    to->jitter_fwhm_ps = or_default(d->jitter_fwhm_ps, 0);
    to->dead_ps = or_default(d->dead_ps, 0);
    return QD_OK;
}

static qd_status take(const origin *o, const doc *from, qd_scenario *to, qd_error *err) {
    if (from->name) snprintf(to->name, sizeof to->name, "%s", from->name);
    to->pair_rate_hz = from->pair_rate_hz;
    to->visibility = from->visibility;
    to->misalignment_deg = or_default(from->misalignment_deg, 0);
    QD_TRY(take_arm(o, "alice", &from->arms.alice, &to->arm[0], err));
    QD_TRY(take_arm(o, "bob", &from->arms.bob, &to->arm[1], err));
    if (from->clock) {
        to->clock_offset_ps = from->clock->offset_ps ? *from->clock->offset_ps : 0;
        to->clock_frequency_ppm = or_default(from->clock->frequency_ppm, 0);
        to->clock_drift_ppm_s = or_default(from->clock->drift_ppm_s, 0);
    }
    if (from->pass)
        to->pass = (qd_pass){or_default(from->pass->altitude_km, 500), or_default(from->pass->max_elevation_deg, 90), or_default(from->pass->start_s, 0)};
    if (from->eve) to->intercept_resend = or_default(from->eve->intercept_resend, 0);
    return check(o, to, err);
}

static qd_status finish(const char *name, void *data, qd_yaml_places *places, qd_scenario *s, qd_error *err) {
    const origin o = {name, places};
    qd_status st = take(&o, data, s, err);
    qd_yaml_free(&doc_schema, data);
    qd_yaml_places_free(places);
    if (st != QD_OK) *s = (qd_scenario){0};
    return st;
}

qd_status qd_scenario_load(const char *path, qd_scenario *s, qd_error *err) {
    void *data = NULL;
    *s = (qd_scenario){0};
    qd_yaml_places *places = NULL;
    QD_TRY(qd_yaml_load_placed(path, &doc_schema, limits, &data, &places, err));
    return finish(path, data, places, s, err);
}

qd_status qd_scenario_load_text(const char *name, const char *text, size_t bytes, qd_scenario *s, qd_error *err) {
    void *data = NULL;
    *s = (qd_scenario){0};
    qd_yaml_places *places = NULL;
    QD_TRY(qd_yaml_load_text_placed(name, text, bytes, &doc_schema, limits, &data, &places, err));
    return finish(name, data, places, s, err);
}
