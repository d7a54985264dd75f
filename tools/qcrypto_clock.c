/* SPDX-License-Identifier: Apache-2.0 */
#include "qcrypto_clock.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "stop.h"

static const double drift_ppm_s = 0.001; /* what tracking follows without being seen */
static const double follows_ppm = 0.005; /* 5 ns a second: with a time constant of 0.2 s costream lags by its window of 1 ns */

qd_cli qd_clock_cli(const qd_mode *mode, const qd_clock_options *o) {
    const char *env = getenv("QD_DEVICE");
    return (qd_cli){.verb = mode->name,
                    .device = o->device     ? o->device
                              : env && *env ? env
                                            : NULL,
                    .device_given = o->device != NULL,
                    .no_fallback = o->no_fallback,
                    .quiet = o->quiet};
}

qd_status qd_clock_effort(const char *name, qd_effort *effort, qd_error *err) {
    int i = 0;
    while (name && i < QD_EFFORTS && strcmp(name, qd_effort_name((qd_effort)i)) != 0) i++;
    if (i == QD_EFFORTS) return qd_fail(err, QD_E_USAGE, "--effort: '%s' is none of low, normal, high", name);
    *effort = (qd_effort)i;
    return QD_OK;
}

/* Of the shorter side. */
static double seconds_of(const qd_tags tags[2]) {
    double s[2];
    for (int k = 0; k < 2; k++)
        s[k] = tags[k].n ? (double)(tags[k].t[tags[k].n - 1] - tags[k].t[0]) * (double)tags[k].tick.num / (double)tags[k].tick.den * 1e-12 : 0;
    return fmin(s[0], s[1]);
}

qd_status qd_clock_find(qd_cli *cli, const qd_tags tags[2], const qd_clock_options *o, double at_ps, qd_clock_found *found,
                        qd_error *err) {
    qd_device *dev = NULL;
    qd_clock clock;
    qd_sync_report *r = &found->report;
    qd_sync_params p = {.max_offset_s = o->max_offset_s, .max_ppm = o->max_ppm, .max_drift_ppm_s = drift_ppm_s, .stop = qd_stop_watch()};
    QD_TRY(qd_clock_effort(o->effort, &p.effort, err));
    QD_TRY(qd_cli_device(cli, &dev, err));
    qd_status st = qd_correlate(dev, &tags[0], &tags[1], &p, &clock, r, err);
    qd_device_close(dev);
    if (st == QD_E_POLICY) qd_clock_advise(o, r, seconds_of(tags), err);
    QD_TRY(st);
    found->freq = r->frequency_ppm * 1e-6;
    found->offset_ps = r->offset_ps + found->freq * (at_ps - r->base_ps);
    double chance = r->rate_a * r->rate_b * r->span_s * 6 * r->sigma_ps * 1e-12;
    found->fine = (double)r->pairs / sqrt(chance > 1 ? chance : 1);
    return QD_OK;
}

int64_t qd_clock_freqcd(const qd_clock_found *found) {
    return llround(ldexp(found->freq, 34));
}

void qd_clock_warn(const qd_mode *mode, const qd_clock_found *found) {
    double ppm = found->report.frequency_ppm;
    if (fabs(ppm) > follows_ppm)
        fprintf(stderr,
                "qdistill %s: warning: the difference changes by %.4g ns a second (%.9g ppm), faster than costream follows: "
                "correct the T1 side's "
                "times first (freqcd -f %" PRId64 ")\n",
                mode->name, ppm * 1e3, ppm, qd_clock_freqcd(found));
}

static qd_status remove_file(const char *path, qd_error *err) {
    if (unlink(path) == 0 || errno == ENOENT) return QD_OK;
    return qd_fail(err, QD_E_INPUT,
                   "cannot remove %s|%s|you may not write to its directory|remove it by hand, or leave out -k and -K", path,
                   strerror(errno));
}

qd_status qd_epoch_remove_range(const char *dir, const char *file, uint32_t first, uint32_t epochs, qd_error *err) {
    if (file) return remove_file(file, err);
    for (uint32_t i = 0; i < epochs; i++) {
        char name[QD_EPOCH_NAME];
        qd_epoch_name(first + i, name);
        char *path = qd_path_join(dir, name);
        qd_status st = path ? remove_file(path, err) : qd_fail(err, QD_E_INTERNAL, "no memory for a path");
        free(path);
        QD_TRY(st);
    }
    return QD_OK;
}
