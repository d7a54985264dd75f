/* SPDX-License-Identifier: Apache-2.0 */
/* study reconcile: lifted 5G codes, one syndrome a frame. A name is nr-bg1 (or 5g-bg1), nr-bg2, qd-bg1, qd-k22, qd-k33, or nr-bg1:z=96,c=8,a=5. */
#include <stdlib.h>
#include <string.h>
#include "study_reconcile.h"

enum { MOST = UINT16_MAX /* of a lifting size or of rows; what a code has, it says */, BATCH = 512, BATCH_MORE = 2048, ANEW = 24 };

static qd_status name_error(const char *name, qd_error *err) {
    return qd_fail(err, QD_E_USAGE,
                   "'%s' is no code||behind the name may stand z (lifting size, 384 where none is told), c (channel LLR, 1 to 32) and "
                   "a (check-node constant, 2 to 15), one of drop, grow and add (rows for a frame that failed), then "
                   "more (iterations of attempts that go on) and anew (one of so many starts anew): nr-bg1:z=96,c=8"
                   "|see qdistill study --help",
                   name);
}

static qd_status parse(const qd_code_point *p, qd_frames_ask *ask, qd_error *err) {
    size_t length = strcspn(p->code, ":");
    char name[32];
    if (length >= sizeof name) return name_error(p->code, err);
    memcpy(name, p->code, length);
    name[length] = 0;
    if (strncmp(name, "5g-", 3) == 0) memcpy(name, "nr-", 3);
    *ask = (qd_frames_ask){
        .z = 384, .leak = p->leak, .qber = p->qber, .exact_errors = p->exact, .max_iterations = (uint32_t)p->iterations};
    QD_TRY(qd_code_named(name, &ask->code, err));
    uint32_t drop = 0, grow = 0, add = 0;
    const struct {
        const char *key;
        uint32_t *to, min, max;
    } keys[] = {{"z=", &ask->z, 2, MOST},
                {"c=", &ask->c, 1, 32},
                {"a=", &ask->a, 2, 15},
                {"drop=", &drop, 1, MOST},
                {"grow=", &grow, 1, MOST},
                {"add=", &add, 1, MOST},
                {"more=", &ask->go_on, 1, 1000},
                {"anew=", &ask->anew, 1, MOST}};
    for (const char *at = p->code + length; *at;) {
        size_t k = 0;
        char *end;
        at++; /* the colon or comma */
        while (k < sizeof keys / sizeof *keys && strncmp(at, keys[k].key, strlen(keys[k].key)) != 0) k++;
        if (k == sizeof keys / sizeof *keys) return name_error(p->code, err);
        at += strlen(keys[k].key);
        if (*at < '0' || *at > '9') return name_error(p->code, err);
        unsigned long v = strtoul(at, &end, 10);
        if (v < keys[k].min || v > keys[k].max || (*end && *end != ',')) return name_error(p->code, err);
        *keys[k].to = (uint32_t)v;
        at = end;
    }
    if ((drop > 0) + (grow > 0) + (add > 0) > 1) return name_error(p->code, err);
    ask->more = drop ? QD_MORE_DROP : grow ? QD_MORE_GROW : add ? QD_MORE_ADD : QD_MORE_NONE;
    ask->step = drop ? drop : grow ? grow : add;
    if ((ask->go_on && !ask->step) || (ask->anew && !ask->go_on)) return name_error(p->code, err);
    if (ask->go_on && !ask->anew) ask->anew = ANEW;
    return QD_OK;
}

static qd_status about(const qd_code_point *p, json_t **out, qd_error *err) {
    qd_frames_ask ask;
    qd_frames_code c;
    QD_TRY(parse(p, &ask, err));
    QD_TRY(qd_frames_code_of(&ask, &c, err));
    *out = json_pack("{s:i,s:i,s:i,s:i,s:i}", "z", (int)ask.z, "m", (int)c.m, "frame_bits", (int)c.frame_bits, "c", (int)c.c, "a",
                     (int)c.a);
    return *out ? QD_OK : qd_fail(err, QD_E_INTERNAL, "no memory");
}

static qd_status run(const qd_code_point *p, qd_device *dev, uint64_t seed, uint64_t first, uint64_t frames, qd_frame_tally *t,
                     qd_error *err) {
    qd_frames_ask ask;
    QD_TRY(parse(p, &ask, err));
    ask.seed = seed;
    ask.first = first;
    ask.frames = frames;
    ask.strings = p->strings;
    return qd_frames_truth(&ask, dev, t, err);
}

const qd_code_family qd_family_nr = {
    .prefixes = {"nr-", "5g-", "qd-"}, .names = "nr-bg1, nr-bg2, qd-bg1, qd-k22, qd-k33", .rated = true, .batch = BATCH, .batch_more = BATCH_MORE, .iterations = 50, .about = about, .run = run};
