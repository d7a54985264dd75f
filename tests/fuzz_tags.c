/* SPDX-License-Identifier: Apache-2.0 */
/* Vendors' and text formats: whatever the bytes, the reader ends cleanly, delivers in order and accounts for every record; what
 * was delivered survives writing and reading again. */
#include "fuzz_tagfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const struct {
        const char *read, *prefix; /* what the file begins with */
        size_t bytes;
    } cases[] = {{"qutag",
                  "\x87\xb3\x91\xfa"
                  "123456789012345678901234567890123456",
                  40},
                 {"qutag-raw:channels=V=0,-=1,H=256", "", 0},
                 {"swabian", "", 0},
                 {"swabian:channels=V=-1,-=1,H=-2147483648,+=2147483647", "", 0},
                 {"csv", "time_ps,channel\n", 16},
                 {"csv:time=t:channel=c:unit=s:tick-ps=125/32", "c;t;u\n", 6},
                 {"csv:unit=s:start=1732862400.5", "time_ps,channel\n1732862400.", 27},
                 {"csv:time=a:channel=a:unit=ticks:tick-ps=3", "", 0},
                 {"chronoxea", "% sync 10 MHz\n", 14},
                 {"chronoxea:sync-hz=1e6", "% Channel A: 5 tags\n% Channel B: 6 tags\n", 40},
                 {"chronoxea", "", 0},
                 {"a1-49-text", "", 0},
                 {"a1-54-text", "", 0}};
    if (size < 3) return 0;
    unsigned k = data[0] % (sizeof cases / sizeof *cases);
    qd_tag_format f;
    char path[64];
    need(qd_tag_format_parse(cases[k].read, &f, NULL) == QD_OK);
    f.any_channel = data[1] & 1;
    uint8_t *file = malloc(cases[k].bytes + size);
    memcpy(file, cases[k].prefix, cases[k].bytes);
    memcpy(file + cases[k].bytes, data + 2, size - 2);
    int fd = file_of(file, cases[k].bytes + size - 2, path);
    free(file);
    qd_tags t = {0};
    qd_tag_info info = {0};
    qd_merge merge = {0};
    if (read_tags(path, &f, 1 + data[1] * (uint64_t)37, &t, &info) == QD_OK && t.n && t.t[0] >= 0) {
        need(qd_merge_clicks(&merge, 1, true, &t, NULL) == QD_OK); /* one event a tick, as in what is read again */
        t.tick = (qd_tick){1, 1};
        if (t.n) {
            write_and_read(&t, "csv", "csv");
            write_and_read(&t, "swabian", "swabian");
            /* one first time in 2^32 begins a raw file as a header does: its reader takes it for one, and says so */
            if ((uint32_t)t.t[0] != 0xfa91b387) write_and_read(&t, "qutag-raw", "qutag-raw");
        }
    }
    qd_tags_destroy(&t);
    close(fd);
    return 0;
}
