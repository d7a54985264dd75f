/* SPDX-License-Identifier: Apache-2.0 */
/** @file fuzz_tagfile.h  What the fuzzers of tag formats share: a file of bytes, reading it, what must hold of what was read. */
#ifndef QD_TESTS_FUZZ_TAGFILE_H
#define QD_TESTS_FUZZ_TAGFILE_H

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "qdistill/timetag.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void need(int condition) {
    if (!condition) abort();
}

/* A file of the bytes; its path through /proc is a regular file to the reader. */
static inline int file_of(const uint8_t *data, size_t size, char path[64]) {
    int fd = memfd_create("tags", 0);
    need(fd >= 0);
    need(size == 0 || write(fd, data, size) == (ssize_t)size);
    (void)snprintf(path, 64, "/proc/self/fd/%d", fd);
    return fd;
}

/* Read to the end: an error names the file; events are in order and every record is accounted for. */
static inline qd_status read_tags(const char *path, const qd_tag_format *f, uint64_t piece, qd_tags *t, qd_tag_info *info) {
    qd_tag_reader *r = NULL;
    qd_error err = {0};
    bool end = false;
    qd_status st = qd_tag_reader_open(path, *f, &r, &err);
    need((st == QD_OK) == (r != NULL));
    while (st == QD_OK && !end) st = qd_tag_reader_read(r, piece, t, &end, &err);
    if (r) *info = *qd_tag_reader_info(r);
    if (st == QD_OK) need(t->tick.num && t->tick.den && t->tick.num == qd_tag_reader_tick(r).num);
    qd_tag_reader_close(r);
    need(st == QD_OK || st == QD_E_INPUT);
    if (st != QD_OK) need(strstr(err.what, path) != NULL);
    for (uint64_t i = 0; i < t->n; i++) need(t->mask[i] >= 1 && t->mask[i] <= 15 && (i == 0 || t->t[i - 1] <= t->t[i]));
    if (st == QD_OK) {
        need(t->n == info->events);
        need(info->records == info->events + info->padding + info->dummies + info->selftests + info->empty + info->overflows +
                                  info->syncs + info->markers + info->unmapped + info->lost + info->faults);
    }
    return st;
}

/* Written as @p format and read again: the events, if their times have a code there; clicks of one time merge again. */
static inline void write_and_read(const qd_tags *t, const char *format, const char *again) {
    char dir[] = "/tmp/qd_fuzz_tags.XXXXXX", path[64];
    qd_tag_format out, in;
    qd_tag_writer *w = NULL;
    qd_tags back = {0};
    qd_tag_info info = {0};
    qd_merge merge = {0};
    need(qd_tag_format_parse(format, &out, NULL) == QD_OK && qd_tag_format_parse(again, &in, NULL) == QD_OK);
    need(mkdtemp(dir) != NULL);
    (void)snprintf(path, sizeof path, "%s/x", dir);
    need(qd_tag_writer_open(path, out, &w, NULL) == QD_OK);
    need(qd_tag_writer_write(w, t, NULL) == QD_OK);
    need(qd_tag_writer_commit(w, NULL) == QD_OK);
    need(read_tags(path, &in, 4096, &back, &info) == QD_OK);
    need(qd_merge_clicks(&merge, 1, true, &back, NULL) == QD_OK);
    need(back.n == t->n);
    for (uint64_t i = 0; i < t->n; i++) need(back.t[i] == t->t[i] && back.mask[i] == t->mask[i]);
    qd_tags_destroy(&back);
    need(unlink(path) == 0 && rmdir(dir) == 0);
}

#endif
