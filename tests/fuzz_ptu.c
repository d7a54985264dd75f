/* SPDX-License-Identifier: Apache-2.0 */
/* PTU: arbitrary bytes as a whole file, and as the records (and the resolutions) behind a header of each type. */
#include "fuzz_tagfile.h"

static const uint32_t types[] = {0x01010204, 0x00010205, 0x00010206, 0x00010207, 0x00010204, 0x01010304, 0x00010305,
                                 0x00010306, 0x00010307, 0x00010304, 0x00010203, 0x00010303, 0x00010999};

static size_t tag(uint8_t *p, const char *name, uint32_t type, const void *value) {
    memset(p, 0, 48);
    memcpy(p, name, strlen(name));
    memset(p + 32, 0xff, 4);
    memcpy(p + 36, &type, 4);
    memcpy(p + 40, value, 8);
    return 48;
}

static size_t header(uint8_t *p, uint32_t type, double global, double resolution) {
    uint64_t t = type, bits = 32, none = 0;
    size_t n = 16;
    memcpy(p,
           "PQTTTR\0\0"
           "1.0.00\0\0",
           16);
    n += tag(p + n, "TTResultFormat_TTTRRecType", 0x10000008, &t);
    n += tag(p + n, "TTResultFormat_BitsPerRecord", 0x10000008, &bits);
    n += tag(p + n, "MeasDesc_GlobalResolution", 0x20000008, &global);
    n += tag(p + n, "MeasDesc_Resolution", 0x20000008, &resolution);
    n += tag(p + n, "Header_End", 0xffff0008, &none);
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const formats[] = {"ptu", "ptu:tick-ps=1", "ptu:tick-ps=125/32", "ptu:channels=V=0,-=1,H=2,+=64", "auto"};
    char path[64];
    if (size < 20) return 0;
    qd_tag_format f;
    need(qd_tag_format_parse(formats[data[0] % 5], &f, NULL) == QD_OK);
    f.any_channel = data[0] & 64;
    uint8_t *file = malloc(size + 512);
    size_t n = 0, from = 2;
    if (data[1] % 16 < 13) {
        double global = 1e-12, resolution = 4e-12;
        switch (data[1] >> 4 & 3) {
            case 1:
                global = 12.5e-9;
                break;
            case 2: /* whatever they are */
                memcpy(&global, data + 2, 8);
                memcpy(&resolution, data + 10, 8);
                from = 18;
                break;
            case 3:
                global = 1.23456789012345e-8;
                break;
        }
        n = header(file, types[data[1] % 16], global, resolution);
    }
    memcpy(file + n, data + from, size - from);
    int fd = file_of(file, n + size - from, path);
    free(file);
    qd_tags t = {0};
    qd_tag_info info = {0};
    (void)read_tags(path, &f, 1 + data[0] * (uint64_t)37, &t, &info);
    qd_tags_destroy(&t);
    close(fd);
    return 0;
}
