/* SPDX-License-Identifier: Apache-2.0 */
/* Tags of what still grows: whatever the bytes and however they come in, the reader ends cleanly; where the whole file is read
 * without an error, the stream has the same events. */
#include "fuzz_tagfile.h"

#include "qdistill/timetag/stream.h"

/* The bytes in pieces of a size that the data choose. A line without its end and a cut record are left, and the file has them
 * not. */
static qd_status read_stream(const uint8_t *data, size_t size, size_t piece, const qd_tag_format *f, qd_tags *t) {
    char path[64];
    int fd = file_of(NULL, 0, path);
    qd_tag_reader *r = NULL;
    qd_error err = {0};
    uint64_t got;
    bool end = false;
    qd_status st = qd_tag_stream_open(path, *f, &r, &err);
    for (size_t i = 0; st == QD_OK && i < size; i += piece) {
        size_t n = size - i < piece ? size - i : piece;
        need(write(fd, data + i, n) == (ssize_t)n);
        st = qd_tag_stream_fill(r, &got, &err);
        need(st != QD_OK || got == n);
        if (st == QD_OK) st = qd_tag_reader_read(r, UINT64_MAX, t, &end, &err);
        need(!end);
    }
    if (st == QD_OK) {
        qd_tag_stream_finish(r);
        st = qd_tag_reader_read(r, UINT64_MAX, t, &end, &err);
        need(st != QD_OK || end);
    }
    need(st == QD_OK || st == QD_E_INPUT);
    if (st == QD_OK && qd_tag_stream_left(r)) st = QD_E_POLICY; /* not to be compared */
    qd_tag_reader_close(r);
    close(fd);
    return st;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const formats[] = {"a1-49", "a1-54",     "a1-54-swapped", "a1-54-text", "ptu",
                                          "qutag", "qutag-raw", "swabian",       "csv"};
    if (size < 3) return 0;
    qd_tag_format f;
    need(qd_tag_format_parse(formats[data[0] % (sizeof formats / sizeof *formats)], &f, NULL) == QD_OK);
    f.any_channel = data[1] & 1;
    size_t piece = 1 + data[1] / 2;
    data += 2;
    size -= 2;
    char path[64];
    int fd = file_of(data, size, path);
    qd_tags whole = {0}, parts = {0};
    qd_tag_info info = {0};
    qd_status want = read_tags(path, &f, 1000, &whole, &info), got = read_stream(data, size, piece, &f, &parts);
    if (want == QD_OK && got != QD_E_POLICY) {
        need(got == QD_OK && parts.n == whole.n);
        need(parts.n == 0 || memcmp(parts.t, whole.t, parts.n * sizeof *parts.t) == 0);
        need(parts.n == 0 || memcmp(parts.mask, whole.mask, parts.n) == 0);
    }
    qd_tags_destroy(&whole);
    qd_tags_destroy(&parts);
    close(fd);
    return 0;
}
