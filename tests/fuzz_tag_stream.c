/* SPDX-License-Identifier: Apache-2.0 */
/* Tags of what still grows, files and directories: whatever the bytes and however they come in, the reader ends cleanly; where
 * the whole file is read without an error, the stream has the same events. */
#include "fuzz_tagfile.h"

#include "qdistill/core/epoch.h"
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

/* ---- Directories of epoch files ------------------------------------------------------------------------------------------- */

enum { FILES = 3 };

static void file_in(const char *dir, uint32_t epoch, char path[96]) {
    char name[QD_EPOCH_NAME];
    qd_epoch_name(epoch, name);
    (void)snprintf(path, 96, "%s/%s", dir, name);
}

/* A file in pieces, each looked at; what is refused stays refused. */
static qd_status put_file(qd_tag_reader *r, const char *path, const uint8_t *data, size_t size, size_t piece, qd_tags *t) {
    FILE *f = fopen(path, "wb");
    qd_status st = QD_OK;
    bool end = false;
    uint64_t got;
    need(f != NULL);
    for (size_t i = 0; i < size || i == 0; i += piece) {
        size_t n = size - i < piece ? size - i : piece;
        need(fwrite(data + i, 1, n, f) == n && fflush(f) == 0);
        if (st == QD_OK) st = qd_tag_stream_fill(r, &got, NULL);
        if (st == QD_OK) st = qd_tag_reader_read(r, UINT64_MAX, t, &end, NULL);
        need(!end);
    }
    need(fclose(f) == 0);
    return st;
}

/* A header that is right but for what the input says of it, and whole words of the input behind it. */
static size_t frame(uint8_t *file, unsigned type, uint32_t epoch, const uint8_t *data, size_t size) {
    qd_epoch_head h = {.type = type,
                       .epoch = epoch,
                       .bits = type == 1     ? 49
                               : data[0] & 1 ? 4
                                             : 1,
                       .base = 4,
                       .order = 1 + data[1] % 27};
    h.protocol = h.bits == 1;
    const size_t unit = type == 1 ? 8 : 4, body = (size - 2) / unit * unit, head = qd_epoch_head_bytes(type);
    h.length = type == 1 ? (uint32_t)(body / 8) - (data[0] >> 7) : data[0] >> 1;
    qd_epoch_head_write(&h, file);
    memcpy(file + head, data + 2, body);
    if (type == 1) memset(file + head + body, 0, 8);
    return head + body + (type == 1 ? 8 : 0);
}

/* Up to three files of neighbouring epochs or with a gap. Where the whole directory is read without an error, the stream has the
 * same events. */
static void directory(const uint8_t *data, size_t size) {
    static const char *const formats[] = {"t1", "t1:bits=54", "t2"};
    const unsigned which = data[0] % 3, type = which < 2 ? 1 : 2;
    const size_t piece = 1 + data[1], files = 1 + data[2] % FILES;
    const bool raw = data[2] & 128;
    const uint32_t step = data[2] & 64 ? 2 : 1;
    char dir[] = "/tmp/qd_fuzz_epochs.XXXXXX", path[FILES][96];
    uint8_t *file = malloc(size + 64);
    qd_tag_format f;
    qd_tag_reader *r = NULL;
    qd_tags whole = {0}, parts = {0};
    qd_tag_info info = {0};
    qd_stream_note note;
    bool end = false;
    data += 3;
    size = (size - 3) / files;
    need(file && mkdtemp(dir) != NULL);
    need(qd_tag_format_parse(formats[which], &f, NULL) == QD_OK);
    need(qd_tag_stream_open(dir, f, &r, NULL) == QD_OK);
    qd_status st = QD_OK;
    for (size_t i = 0; i < files; i++) {
        uint32_t epoch = 0x1fffe + (uint32_t)i * step;
        file_in(dir, epoch, path[i]);
        size_t n = size;
        if (raw || size < 2)
            memcpy(file, data + i * size, size);
        else
            n = frame(file, type, epoch, data + i * size, size);
        qd_status now = put_file(r, path[i], file, n, piece, &parts);
        if (st == QD_OK) st = now;
    }
    qd_tag_stream_finish(r);
    if (st == QD_OK) st = qd_tag_reader_read(r, UINT64_MAX, &parts, &end, NULL);
    need(st == QD_E_INPUT || (st == QD_OK && end));
    while (qd_tag_stream_note(r, &note)) need(note.epochs >= 1 && (note.kind == QD_STREAM_GAP || note.why[0]));
    qd_tag_reader_close(r);
    if (read_tags(dir, &f, 1000, &whole, &info) == QD_OK) {
        need(st == QD_OK && parts.n == whole.n);
        need(parts.n == 0 || memcmp(parts.t, whole.t, parts.n * sizeof *parts.t) == 0);
        need(parts.n == 0 || memcmp(parts.mask, whole.mask, parts.n) == 0);
    }
    for (size_t i = 0; i < files; i++) need(unlink(path[i]) == 0);
    need(rmdir(dir) == 0);
    qd_tags_destroy(&whole);
    qd_tags_destroy(&parts);
    free(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const formats[] = {"a1-49", "a1-54",     "a1-54-swapped", "a1-54-text", "ptu",
                                          "qutag", "qutag-raw", "swabian",       "csv"};
    if (size < 3) return 0;
    if (data[0] & 128) {
        directory(data, size);
        return 0;
    }
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
