/* SPDX-License-Identifier: Apache-2.0 */
/* Clocks: whatever the text, either a clean error or a clock within its limits, which written and read is the same. */
#include <stdlib.h>
#include <string.h>
#include "qdistill/timetag.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(int condition) {
    if (!condition) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    qd_clock c = {.offset = 42}, d = {0};
    qd_error err = {0};
    qd_status st = qd_clock_read_text("fuzz", (const char *)data, size, &c, &err);
    if (st != QD_OK) {
        need(st == QD_E_INPUT && err.what[0] && c.offset == 42);
        return 0;
    }
    need(c.locked && c.freq < (int64_t)1 << 32 && c.freq > -((int64_t)1 << 32) && c.tick.num && c.tick.den);
    (void)qd_clock_apply(&c, c.base + 1000);
    json_t *j = json_pack("{s:o}", "clock", qd_clock_json(&c));
    char *text = json_dumps(j, JSON_REAL_PRECISION(17));
    need(text && qd_clock_read_text("again", text, strlen(text), &d, &err) == QD_OK);
    need(memcmp(&c.base, &d.base, sizeof c.base) == 0 && c.offset == d.offset && c.freq == d.freq && c.tick.num == d.tick.num &&
         c.tick.den == d.tick.den && c.p_false == d.p_false && c.significance == d.significance);
    free(text);
    json_decref(j);
    return 0;
}
