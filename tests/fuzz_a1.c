/* SPDX-License-Identifier: Apache-2.0 */
/* Raw event files: whatever the bytes, in any format, card and piece size, the reader ends cleanly, delivers in order, accounts
 * for every record; and what it delivered survives writing and reading again. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "qdistill/timetag.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(int condition) {
    if (!condition) abort();
}

/* A file of the bytes; its path through /proc is a regular file to the reader. */
static int file_of(const uint8_t *data, size_t size, char path[64]) {
    int fd = memfd_create("a1", 0);
    need(fd >= 0);
    need(size == 0 || write(fd, data, size) == (ssize_t)size);
    (void)snprintf(path, 64, "/proc/self/fd/%d", fd);
    return fd;
}

static qd_status read_all(const char *path, qd_tag_format f, uint64_t piece, qd_tags *t, qd_tag_info *info) {
    qd_tag_reader *r = NULL;
    qd_error err = {0};
    bool end = false;
    qd_status st = qd_tag_reader_open(path, f, &r, &err);
    if (st == QD_OK)
        while (st == QD_OK && !end) st = qd_tag_reader_read(r, piece, t, &end, &err);
    if (r) *info = *qd_tag_reader_info(r);
    qd_tag_reader_close(r);
    need(st == QD_OK || (st == QD_E_INPUT && err.what[0]));
    return st;
}

static void check(const qd_tags *t) {
    for (uint64_t i = 0; i < t->n; i++) {
        need(t->mask[i] >= 1 && t->mask[i] <= 15);
        need(i == 0 || t->t[i - 1] <= t->t[i]);
    }
}

/* Written and read again. Only a wrap makes two times equal that were not; a first event far before a wrap keeps its distance. */
static void again(const qd_tags *t, qd_tag_format f) {
    char dir[] = "/tmp/qd_fuzz_a1.XXXXXX", path[64];
    need(mkdtemp(dir) != NULL);
    (void)snprintf(path, sizeof path, "%s/x", dir);
    qd_tag_writer *w = NULL;
    qd_tags back = {0};
    qd_tag_info info = {0};
    need(qd_tag_writer_open(path, f, &w, NULL) == QD_OK);
    need(qd_tag_writer_write(w, t, NULL) == QD_OK);
    need(qd_tag_writer_commit(w, NULL) == QD_OK);
    int64_t range = (int64_t)1 << f.bits, step_max = 0;
    for (uint64_t i = 1; i < t->n; i++)
        if (t->t[i] - t->t[i - 1] > step_max) step_max = t->t[i] - t->t[i - 1];
    f.any_channel = true; /* events that are as well in the other order of words are not refused */
    qd_status st = read_all(path, f, 4096, &back, &info);
    /* A gap of half the range or more cannot be told from a wrap's absence. */
    if (step_max < range / 2) {
        need(st == QD_OK && back.n == t->n);
        for (uint64_t i = 0; i < t->n; i++) need(back.t[i] - back.t[0] == t->t[i] - t->t[0] && back.mask[i] == t->mask[i]);
    }
    qd_tags_destroy(&back);
    need(unlink(path) == 0 && rmdir(dir) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2) return 0;
    qd_tag_format f = {
        .bits = data[0] & 1 ? 54 : 49, .swapped = data[0] & 2, .card = data[0] & 4 ? QD_CARD_TIMESTAMP7 : QD_CARD_TIMESTAMP3};
    uint64_t piece = 1 + data[1] * (uint64_t)37;
    char path[64];
    int fd = file_of(data + 2, size - 2, path);
    qd_tags t = {0};
    qd_tag_info info = {0};
    qd_status st = read_all(path, f, piece, &t, &info);
    check(&t);
    need(info.records == info.events + info.padding + info.dummies + info.selftests + info.empty || st != QD_OK);
    if (st == QD_OK) {
        need(t.n == info.events && info.records == (size - 2) / 8);
        if (t.n) again(&t, f);
    }
    qd_tags_destroy(&t);
    close(fd);
    return 0;
}
