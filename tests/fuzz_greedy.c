/* SPDX-License-Identifier: Apache-2.0 */
/* costream's pairing: any events and parameters; the same in one piece and in many; what holds of every meeting. */
#include <stdlib.h>
#include <string.h>
#include "qdistill/timetag.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(int condition) {
    if (!condition) abort();
}

enum { EVENTS = 512 };
typedef struct stream {
    int64_t t[EVENTS];
    uint8_t mask[EVENTS];
    uint64_t n;
} stream;

static void run(const qd_greedy_params *p, const stream *one, const stream *two, uint64_t piece, qd_greedy *g,
                qd_greedy_meetings *m) {
    uint64_t end1 = 0, end2 = 0, i1 = 0, i2 = 0;
    qd_greedy_wants wants;
    need(qd_greedy_start(g, p, INT64_MIN / 8, NULL) == QD_OK);
    for (;;) {
        need(qd_greedy_run(g, one->t, one->mask, end1, &i1, two->t, end2, &i2, m, &wants, NULL) == QD_OK);
        uint64_t *end = wants == QD_GREEDY_T1 ? &end1 : &end2, most = wants == QD_GREEDY_T1 ? one->n : two->n;
        if (*end == most) return;
        *end = most - *end > piece ? *end + piece : most;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static stream one, two;
    qd_greedy_params p;
    uint8_t raw[24];
    if (size < sizeof raw + 2) return 0;
    memcpy(raw, data, sizeof raw);
    int32_t v[6];
    memcpy(v, raw, sizeof v);
    p = (qd_greedy_params){v[0], v[1] & 0xfff, v[2], v[3], v[4]};
    qd_greedy g, h;
    if (qd_greedy_start(&g, &p, 0, NULL) != QD_OK) return 0;
    one.n = two.n = 0;
    int64_t t1 = 0, t2 = 0;
    for (size_t i = sizeof raw; i + 2 < size && one.n < EVENTS && two.n < EVENTS; i += 3) {
        int64_t d = (int64_t)(data[i + 1] | data[i + 2] << 8) << (data[i] >> 2 & 15);
        if (data[i] & 1) {
            t1 += data[i] & 2 ? d : -(d & 255); /* small steps back too */
            one.t[one.n] = t1;
            one.mask[one.n++] = data[i] >> 4;
        } else {
            two.t[two.n++] = t2 += d + 2;
        }
    }
    qd_greedy_meetings all = {.n = 0}, cut = {.n = 0};
    run(&p, &one, &two, EVENTS, &g, &all);
    run(&p, &one, &two, 1 + data[0] % 7, &h, &cut);
    need(all.n == cut.n && g.offset == h.offset && g.pulled == h.pulled);
    for (uint64_t i = 0; i < all.n; i++) {
        need(all.m[i].index == cut.m[i].index && all.m[i].d == cut.m[i].d && all.m[i].mask1 == cut.m[i].mask1);
        need(all.m[i].d >= -p.track && all.m[i].d <= p.far && all.m[i].index < two.n);
        need(i == 0 || all.m[i].index > all.m[i - 1].index);
    }
    qd_greedy_meetings_free(&all);
    qd_greedy_meetings_free(&cut);
    return 0;
}
