/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/epoch_files.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const double poll_s = 0.05, settle_s = 2, gap_s = 1, scan_s = 0.4;
static const uint64_t bytes_max = (uint64_t)1 << 32; /* of a file: 2^29 events of one epoch */

void qd_epoch_say(const qd_epoch_wait *wait, const char *fmt, ...) {
    char text[2 * QD_ERROR_PART];
    va_list ap;
    if (!wait->note) return;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    wait->note(wait->self, text);
}

void qd_epoch_tell_outside(const qd_epoch_wait *wait, const char *path, const qd_epoch_file *f) {
    const uint64_t n = f->events.outside;
    if (n) qd_epoch_say(wait, "%s: %" PRIu64 " event%s in the epoch beside that of the header", path, n, n == 1 ? " lies" : "s lie");
}

/* ---- One file ---------------------------------------------------------------------------------------------------- */

void qd_epoch_file_free(qd_epoch_file *f) {
    qd_epoch_events_free(&f->events);
    qd_secret_free(f->entries);
    free(f->index);
    free(f->pattern);
    *f = (qd_epoch_file){.entries = NULL};
}

static qd_status decode(const uint8_t *bytes, size_t n, unsigned type, qd_epoch_file *f, qd_error *err) {
    qd_status st = QD_E_USAGE;
    if (type == 1) st = qd_t1_decode(bytes, n, &f->events, err);
    if (type == 2) st = qd_t2_decode(bytes, n, &f->events, err);
    if (type == 3) st = qd_t3_decode(bytes, n, &f->head, &f->entries, err);
    if (type == 4) st = qd_t4_decode(bytes, n, &f->head, &f->index, &f->pattern, err);
    if (type < 3) f->head = f->events.head;
    return st;
}

/* Errors of the decoders begin with the byte; put the file before it. */
static qd_status in_file(const char *path, const qd_error *why, qd_error *err) {
    return qd_fail(err, why->status, "%s: %s|%s|%s|%s", path, why->what, why->cause, why->likely,
                   why->next[0] ? why->next : "copy it again, or let the other program finish");
}

qd_status qd_epoch_file_read(const char *path, unsigned type, qd_epoch_file *f, bool *missing, qd_error *err) {
    FILE *in = NULL;
    uint64_t size = 0;
    qd_error why = {0};
    *f = (qd_epoch_file){.entries = NULL};
    *missing = access(path, F_OK) != 0 && errno == ENOENT;
    QD_TRY(qd_file_open(path, false, &in, &size, err));
    qd_status st;
    uint8_t *bytes = size <= bytes_max ? qd_secret_alloc(size) : NULL;
    if (!bytes) {
        fclose(in);
        return qd_fail(err, QD_E_INTERNAL, "no memory for the %" PRIu64 " bytes of %s", size, path);
    }
    setvbuf(in, NULL, _IONBF, 0); /* key bits must not stay behind in a stream buffer */
    size_t got = fread(bytes, 1, size, in);
    fclose(in);
    st = decode(bytes, got, type, f, &why);
    qd_secret_free(bytes);
    if (st == QD_OK) return QD_OK;
    qd_epoch_file_free(f);
    return in_file(path, &why, err);
}

/* ---- Directories ------------------------------------------------------------------------------------------------- */

qd_status qd_epoch_next(const char *dir, uint32_t epoch, uint32_t *next, bool *any, qd_error *err) {
    struct dirent *e;
    uint32_t e_epoch, nearest = UINT32_MAX / 2; /* farther is behind */
    DIR *d = opendir(dir);
    *any = false;
    if (!d) return qd_fail(err, QD_E_INPUT, "cannot list %s|%s|it does not exist or is elsewhere, or you may not read it|check the path", dir, strerror(errno));
    while ((e = readdir(d))) {
        if (!qd_epoch_from_name(e->d_name, &e_epoch) || e_epoch - epoch > nearest) continue;
        nearest = e_epoch - epoch;
        *any = true;
    }
    closedir(d);
    *next = epoch + nearest;
    return QD_OK;
}

static int ascending(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Sorted numbers to order of time: begin behind the widest gap. */
static qd_status in_order_of_time(uint32_t **epochs, size_t n, qd_error *err) {
    uint32_t *e = *epochs;
    size_t first = 0;
    for (size_t i = 1; i < n; i++)
        if (e[i] - e[i - 1] > e[first] - e[first ? first - 1 : n - 1]) first = i;
    if (first == 0) return QD_OK;
    uint32_t *turned = malloc(n * sizeof *turned);
    if (!turned) return qd_fail(err, QD_E_INTERNAL, "no memory for a list of epochs");
    for (size_t i = 0; i < n; i++) turned[i] = e[(first + i) % n];
    free(e);
    *epochs = turned;
    return QD_OK;
}

static qd_status list_sorted(const char *dir, uint32_t **epochs, size_t *n, qd_error *err) {
    struct dirent *e;
    uint32_t epoch;
    size_t cap = 0;
    *epochs = NULL;
    *n = 0;
    DIR *d = opendir(dir);
    if (!d) return qd_fail(err, QD_E_INPUT, "cannot list %s|%s|it does not exist or is elsewhere, or you may not read it|check the path", dir, strerror(errno));
    qd_status st = QD_OK;
    while (st == QD_OK && (e = readdir(d))) {
        if (!qd_epoch_from_name(e->d_name, &epoch)) continue;
        if (*n == cap) {
            cap = cap ? 2 * cap : 256;
            uint32_t *more = realloc(*epochs, cap * sizeof *more);
            if (more) *epochs = more;
            if (!more) st = qd_fail(err, QD_E_INTERNAL, "no memory for a list of epochs");
        }
        if (st == QD_OK) (*epochs)[(*n)++] = epoch;
    }
    closedir(d);
    if (*n) qsort(*epochs, *n, sizeof **epochs, ascending);
    return st;
}

qd_status qd_epoch_list(const char *dir, uint32_t **epochs, size_t *n, qd_error *err) {
    qd_status st = list_sorted(dir, epochs, n, err);
    if (st == QD_OK && *n) st = in_order_of_time(epochs, *n, err);
    if (st == QD_OK) return QD_OK;
    free(*epochs);
    *epochs = NULL;
    return st;
}

qd_status qd_epoch_first(const char *dir_a, const char *dir_b, uint32_t *epoch, qd_error *err) {
    uint32_t *a = NULL, *b = NULL;
    size_t na, nb = 0, n = 0;
    qd_status st = list_sorted(dir_a, &a, &na, err);
    if (st == QD_OK) st = list_sorted(dir_b, &b, &nb, err);
    for (size_t i = 0, j = 0; st == QD_OK && i < na && j < nb;) {
        if (a[i] == b[j]) {
            a[n++] = a[i++];
        } else if (a[i] < b[j]) {
            i++;
        } else {
            j++;
        }
    }
    if (st == QD_OK && n == 0)
        st = qd_fail(err, QD_E_INPUT,
                     "%s and %s have no epoch in common|||check the directories, and that both stations record at the same time",
                     dir_a, dir_b);
    if (st == QD_OK) st = in_order_of_time(&a, n, err);
    if (st == QD_OK) *epoch = a[0];
    free(a);
    free(b);
    return st;
}

/* ---- Waiting ----------------------------------------------------------------------------------------------------- */

static bool same_file(const struct stat *a, const struct stat *b) {
    return a->st_size == b->st_size && a->st_ino == b->st_ino && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Times and state of waiting for one file. */
typedef struct watch {
    const qd_epoch_wait *w;
    const char *dir, *path;
    uint32_t epoch;
    double start, changed, scanned, later;
    struct stat seen;
} watch;

/* No file so far: is it a gap, or the end? */
static qd_status absent(watch *k, bool *decided, qd_epoch_found *found, qd_error *err) {
    double t = qd_now();
    bool give_up = t - k->start >= k->w->seconds, later = false;
    uint32_t next;
    if (t - k->scanned < scan_s && !give_up) return QD_OK;
    k->scanned = t;
    QD_TRY(qd_epoch_next(k->dir, k->epoch, &next, &later, err));
    if (later && next == k->epoch) return QD_OK; /* just came */
    if (!later)
        k->later = INFINITY;
    else if (k->later > t)
        k->later = t;
    if (later && (give_up || t - k->later >= gap_s)) {
        *found = QD_EPOCH_GAP;
        *decided = true;
    } else if (give_up) {
        *found = QD_EPOCH_NONE;
        *decided = true;
    }
    return QD_OK;
}

/* A file that is not whole: still being written, or damaged once nothing changes any more. */
static bool damaged(watch *k) {
    struct stat s;
    double t = qd_now();
    if (stat(k->path, &s) != 0) return false;
    if (!same_file(&s, &k->seen)) {
        k->seen = s;
        k->changed = t;
    }
    return t - k->changed >= (k->w->seconds < settle_s ? k->w->seconds : settle_s);
}

static qd_status await(watch *k, unsigned type, qd_epoch_file *f, qd_epoch_found *found, qd_error *err) {
    for (;;) {
        bool missing, decided = false;
        qd_error why = {0};
        if (k->w->stop && *k->w->stop)
            return qd_fail(err, QD_STOPPED,
                           "stopped on request|a signal came|epochs that were done are on disk|start it again at the next one");
        qd_status st = qd_epoch_file_read(k->path, type, f, &missing, &why);
        if (st == QD_OK && f->head.epoch != k->epoch) {
            (void)qd_fail(&why, QD_E_INPUT, "%s: the header says epoch %08" PRIx32 "||it was renamed, or damaged", k->path,
                          f->head.epoch);
            qd_epoch_file_free(f);
            st = QD_E_INPUT;
        }
        if (st == QD_OK) {
            qd_epoch_tell_outside(k->w, k->path, f);
            *found = QD_EPOCH_HERE;
            return QD_OK;
        }
        if (missing) {
            QD_TRY(absent(k, &decided, found, err));
            if (decided) return QD_OK;
        } else if (st != QD_E_INPUT) {
            if (err) *err = why;
            return st;
        } else if (damaged(k)) {
            qd_epoch_say(k->w, "%s: passed over%s%s", why.what, why.cause[0] || why.likely[0] ? ": " : "",
                         why.likely[0] ? why.likely : why.cause);
            *found = QD_EPOCH_DAMAGED;
            return QD_OK;
        }
        const struct timespec nap = {0, (long)(poll_s * 1e9)};
        if (k->w->seconds > 0) (void)nanosleep(&nap, NULL);
    }
}

qd_status qd_epoch_await(const char *dir, unsigned type, uint32_t epoch, const qd_epoch_wait *wait, qd_epoch_file *f,
                         qd_epoch_found *found, qd_error *err) {
    char name[QD_EPOCH_NAME];
    qd_epoch_name(epoch, name);
    char *path = qd_path_join(dir, name);
    if (!path) return qd_fail(err, QD_E_INTERNAL, "no memory for a path");
    watch k = {.w = wait, .dir = dir, .path = path, .epoch = epoch, .start = qd_now(), .scanned = -INFINITY, .later = INFINITY};
    k.changed = k.start;
    qd_status st = await(&k, type, f, found, err);
    free(path);
    return st;
}

/* ---- Writing ----------------------------------------------------------------------------------------------------- */

qd_status qd_epoch_write(const char *dir, uint32_t epoch, const void *bytes, size_t n, bool secret, qd_error *err) {
    char name[QD_EPOCH_NAME];
    qd_out out = {0};
    qd_epoch_name(epoch, name);
    char *path = qd_path_join(dir, name);
    qd_status st =
        path ? qd_out_open(&out, path, secret ? 0600 : 0644, err) : qd_fail(err, QD_E_INTERNAL, "no memory for a path");
    free(path);
    QD_TRY(st);
    if (secret) setvbuf(out.f, NULL, _IONBF, 0);
    if (n) (void)fwrite(bytes, 1, n, out.f); /* a failure is kept by the stream; commit reports it */
    return qd_out_commit(&out, err);
}

qd_status qd_epoch_remove(const char *dir, uint32_t epoch, qd_error *err) {
    char name[QD_EPOCH_NAME];
    qd_epoch_name(epoch, name);
    char *path = qd_path_join(dir, name);
    if (!path) return qd_fail(err, QD_E_INTERNAL, "no memory for a path");
    qd_status st = QD_OK;
    if (unlink(path) != 0 && errno != ENOENT)
        st = qd_fail(err, QD_E_INPUT,
                     "cannot remove %s|%s|you may not write to its directory|remove it by hand, or leave out -k and -K", path,
                     strerror(errno));
    free(path);
    return st;
}

qd_status qd_epoch_write_t3(const char *dir, uint32_t epoch, bool anchored, unsigned bits, const uint8_t *entries, uint32_t n,
                            qd_error *err) {
    const qd_epoch_head h = {.type = 3, .anchored = anchored, .epoch = epoch, .length = n, .bits = bits};
    size_t size = qd_epoch_file_bytes(&h);
    uint8_t *bytes = qd_secret_alloc(size);
    if (!bytes) return qd_fail(err, QD_E_INTERNAL, "no memory for a T3 file");
    qd_t3_encode(&h, entries, bytes);
    qd_status st = qd_epoch_write(dir, epoch, bytes, size, true, err);
    qd_secret_free(bytes);
    return st;
}
