/* SPDX-License-Identifier: Apache-2.0 */
#include "timetag/epochs.h"
#include "timetag/live.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int ascending(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Epochs count modulo 2^32: the stream begins behind the widest gap of the circle. */
static qd_status in_order_of_time(qd_epochs *e, qd_error *err) {
    uint64_t start = 0;
    uint32_t widest = e->list[0] - e->list[e->n - 1];
    for (uint64_t i = 1; i < e->n; i++)
        if (e->list[i] - e->list[i - 1] > widest) {
            widest = e->list[i] - e->list[i - 1];
            start = i;
        }
    if (start == 0 || e->n < 2) return QD_OK;
    uint32_t *turned = malloc(e->n * sizeof *turned);
    if (!turned) return qd_fail(err, QD_E_INTERNAL, "no memory for a list of epochs");
    for (uint64_t i = 0; i < e->n; i++) turned[i] = e->list[(start + i) % e->n];
    free(e->list);
    e->list = turned;
    return QD_OK;
}

static qd_status list_files(const char *path, qd_epochs *e, qd_error *err) {
    uint64_t cap = 0;
    struct dirent *d;
    DIR *dir = opendir(path);
    if (!dir) return qd_fail(err, QD_E_INPUT, "cannot list %s|%s|it does not exist or is elsewhere, or you may not read it|check the path", path, strerror(errno));
    qd_status st = QD_OK;
    while (st == QD_OK && (d = readdir(dir))) {
        uint32_t epoch;
        if (!qd_epoch_from_name(d->d_name, &epoch)) continue;
        if (e->n == cap) {
            cap = cap ? 2 * cap : 256;
            uint32_t *more = realloc(e->list, cap * sizeof *more);
            if (more) e->list = more;
            if (!more) st = qd_fail(err, QD_E_INTERNAL, "no memory for a list of epochs");
        }
        if (st == QD_OK) e->list[e->n++] = epoch;
    }
    closedir(dir);
    QD_TRY(st);
    if (e->n == 0)
        return qd_fail(err, QD_E_INPUT,
                       "%s has no epoch files|their names are 8 hexadecimal digits in lower case|another folder|give the "
                       "folder that holds them",
                       path);
    qsort(e->list, e->n, sizeof *e->list, ascending);
    return QD_OK;
}

static bool is_folder(const char *path) {
    struct stat s;
    return stat(path, &s) == 0 && S_ISDIR(s.st_mode);
}

qd_status qd_tag_sha256(const char *path, char hex[65], qd_error *err) {
    enum { LINE = 8 + 1 + 64 + 1 };
    if (!is_folder(path)) return qd_sha256_file(path, hex, err);
    qd_epochs e = {.n = 0};
    qd_status st = list_files(path, &e, err);
    char *text = st == QD_OK ? malloc(LINE * e.n + 1) : NULL;
    if (st == QD_OK && !text) st = qd_fail(err, QD_E_INTERNAL, "no memory for a list of epochs");
    for (uint64_t i = 0; i < e.n && st == QD_OK; i++) {
        char name[QD_EPOCH_NAME], digest[65];
        qd_epoch_name(e.list[i], name);
        char *file = qd_path_join(path, name);
        st = file ? qd_sha256_file(file, digest, err) : qd_fail(err, QD_E_INTERNAL, "no memory for a path");
        free(file);
        if (st == QD_OK) (void)snprintf(text + LINE * i, LINE + 1, "%s %s\n", name, digest);
    }
    if (st == QD_OK) qd_sha256_hex(text, LINE * e.n, hex);
    free(text);
    free(e.list);
    return st;
}

/* The epoch at time 0, from the first file. */
static void set_base(qd_tag_reader *r, const qd_epoch_head *h) {
    r->info.epoch0 = r->format.has_epoch0 ? r->format.epoch0 : h->epoch & ~((uint32_t)QD_EPOCH_ALIGN - 1);
    r->info.unix_epochs = h->anchored;
    r->info.epoch_first = h->epoch;
}

static qd_status check_head(qd_tag_reader *r, qd_epochs *e, qd_error *err) {
    const qd_epoch_head *h = &e->head;
    uint32_t named;
    if (r->part && (!qd_epoch_from_name(r->part, &named) || named != h->epoch))
        return qd_reader_fail(
            r, err, "the header says epoch %08" PRIx32 ", the file's name another||it was renamed, or damaged|copy it again",
            h->epoch);
    if (r->info.epochs == 0) set_base(r, h);
    if (h->anchored != r->info.unix_epochs)
        return qd_reader_fail(r, err,
                              "tag 0x%x, but the files before have 0x%x|epochs anchored to Unix time and others are mixed"
                              "|two recordings in one folder|separate them",
                              h->type + (h->anchored ? 256U : 0), h->type + (h->anchored ? 0 : 256U));
    e->from_base = (int64_t)(h->epoch - r->info.epoch0);
    if (e->from_base >= 2 * (int64_t)QD_EPOCH_ALIGN)
        return qd_reader_fail(r, err,
                              "epoch %08" PRIx32 " is more than 104 days from the epoch of time 0 (%08" PRIx32
                              ")||two recordings in one folder, or a wrong epoch0|separate them, or give another epoch0",
                              h->epoch, r->info.epoch0);
    if (r->info.epochs) {
        uint32_t missing = h->epoch - r->info.epoch_last - 1;
        if (missing && !r->info.epoch_gaps) r->info.epoch_gap = r->info.epoch_last + 1;
        r->info.epoch_gaps += missing != 0;
        r->info.epochs_missing += missing;
    }
    r->info.epoch_last = h->epoch;
    r->info.epochs++;
    return QD_OK;
}

static qd_status begin_file(qd_tag_reader *r, const char *path, unsigned type, qd_error *err) {
    qd_epochs *e = r->state;
    uint8_t bytes[QD_EPOCH_HEAD_MAX];
    qd_error why = {0};
    r->at = r->record = 0;
    size_t got = fread(bytes, 1, qd_epoch_head_bytes(type), r->f);
    qd_status st = qd_epoch_head_read(bytes, got, type, &e->head, &why);
    if (st != QD_OK)
        return qd_fail(err, st, "%s: %s|%s|%s|copy it again, or name its format", path, why.what, why.cause, why.likely);
    uint64_t want = qd_epoch_file_bytes(&e->head);
    if (want && want != r->size)
        return qd_fail(err, QD_E_INPUT,
                       "%s: length %" PRIu32 " makes a file of %" PRIu64 " bytes, but there are %" PRIu64
                       "|length and size disagree|%s|copy it again, or let the other program finish",
                       path, e->head.length, want, r->size,
                       r->size < want ? "the file was truncated, or is still being written"
                                      : "the length is not stated, or the header is damaged");
    r->at = got;
    e->done = 0;
    e->fresh = true;
    e->first_known = false;
    e->time = 0;
    e->bits = (qd_unpacker){0, 0};
    r->header = true;
    st = check_head(r, e, err);
    r->header = false;
    return st;
}

static qd_status open_one(qd_tag_reader *r, const char *path, unsigned type, qd_error *err) {
    QD_TRY(qd_file_open(path, false, &r->f, &r->size, err));
    return begin_file(r, path, type, err);
}

qd_status qd_epochs_begin(qd_tag_reader *r, const char *path, uint32_t epoch, unsigned type, qd_error *err) {
    qd_epochs *e = r->state;
    qd_epoch_name(epoch, e->name);
    r->part = e->name;
    return begin_file(r, path, type, err);
}

qd_status qd_epochs_next(qd_tag_reader *r, unsigned type, qd_error *err) {
    qd_epochs *e = r->state;
    if (r->f) fclose(r->f);
    r->f = NULL;
    if (r->live) {
        qd_live_done(r);
        return QD_OK;
    }
    if (e->next == e->n) {
        r->ended = true;
        return QD_OK;
    }
    qd_epoch_name(e->list[e->next++], e->name);
    r->part = e->name;
    char *path = qd_path_join(r->path, e->name);
    qd_status st = path ? open_one(r, path, type, err) : qd_fail(err, QD_E_INTERNAL, "no memory for a path");
    free(path);
    return st;
}

qd_status qd_epochs_open(qd_tag_reader *r, unsigned type, qd_error *err) {
    qd_epochs *e = r->state = calloc(1, sizeof *e);
    if (!e) return qd_fail(err, QD_E_INTERNAL, "no memory to read %s", r->path);
    if (!is_folder(r->path)) return open_one(r, r->path, type, err);
    QD_TRY(list_files(r->path, e, err));
    QD_TRY(in_order_of_time(e, err));
    return qd_epochs_next(r, type, err);
}

void qd_epochs_outside(qd_tag_reader *r) {
    const qd_epochs *e = r->state;
    if (r->info.outside++ == 0) r->info.epoch_outside = e->head.epoch;
}

void qd_epochs_close(qd_tag_reader *r) {
    qd_epochs *e = r->state;
    if (e) free(e->list);
    free(e);
}
