/* SPDX-License-Identifier: Apache-2.0 */
/* Epoch files as they come: the next epoch's file is taken once it is whole, from memory, so that whoever writes or removes it is
 * in nobody's way. A file that is not whole is being written until a later one is there and it changes no more; an epoch that is
 * missing is one without events once a later one has been there for a while. */
#include "timetag/live.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "qdistill/core/report.h"
#include "timetag/epochs.h"

/* Files come in the order of time, but two stations' programs and copies may finish them out of it. */
static const double settle_s = 1, scan_every_s = 0.2;
static const uint64_t bytes_max = (uint64_t)1 << 32; /* of a file: 2^29 events of one epoch */

struct qd_live {
    bool finished, begun;
    uint32_t last;  /* begun: the epoch that was taken or passed over before */
    double scanned; /* when the directory was listed last */
    uint32_t next;  /* the earliest epoch behind `last` then, if any */
    bool any;
    double later;     /* since when it has been the next, though not the one after `last` */
    double taken;     /* when the file of `last` was changed last, by the calendar */
    struct stat seen; /* of the file of `trial`, when it was not whole */
    uint32_t trial;
    bool tried;
    double changed, looked; /* when it did last, and when a later one was looked for */
    bool kind_wrong;        /* its header is there, and is none of the type */
    qd_error why;
    uint8_t *bytes; /* of the file in hand */
    size_t n;
    qd_stream_note *note; /* not taken yet */
    size_t notes, cap;
};

static qd_status no_memory(const qd_tag_reader *r, qd_error *err) {
    return qd_fail(err, QD_E_INTERNAL, "no memory to read %s", r->path);
}

static unsigned type_of(const qd_tag_reader *r) {
    return r->format.kind == QD_TAG_T1 ? 1 : 2;
}

qd_status qd_live_open(qd_tag_reader *r, qd_error *err) {
    DIR *d = opendir(r->path);
    if (!d)
        return qd_fail(err, QD_E_INPUT, "cannot list %s|%s|you may not read it|check the path and its rights", r->path,
                       strerror(errno));
    closedir(d);
    r->state = calloc(1, sizeof(qd_epochs)); /* freed by the decoder */
    r->live = calloc(1, sizeof *r->live);
    if (!r->state || !r->live) return no_memory(r, err);
    r->live->scanned = -INFINITY;
    return QD_OK;
}

/* ---- What is told ------------------------------------------------------------------------------------------------ */

static qd_status tell(qd_tag_reader *r, qd_stream_note note, qd_error *err) {
    struct qd_live *l = r->live;
    if (l->notes == l->cap) {
        size_t cap = l->cap ? 2 * l->cap : 8;
        qd_stream_note *more = realloc(l->note, cap * sizeof *more);
        if (!more) return no_memory(r, err);
        l->note = more;
        l->cap = cap;
    }
    l->note[l->notes++] = note;
    return QD_OK;
}

bool qd_live_note(qd_tag_reader *r, qd_stream_note *note) {
    struct qd_live *l = r->live;
    if (!l->notes) return false;
    *note = l->note[0];
    memmove(l->note, l->note + 1, --l->notes * sizeof *l->note);
    return true;
}

/* ---- Which file is next ------------------------------------------------------------------------------------------ */

static bool status_of(const qd_tag_reader *r, uint32_t epoch, struct stat *st) {
    char name[QD_EPOCH_NAME];
    qd_epoch_name(epoch, name);
    char *path = qd_path_join(r->path, name);
    bool there = path && stat(path, st) == 0;
    free(path);
    return there;
}

/* The epoch nearest behind @p last of those that there are files of; @p begun false: the first of all. Epochs count modulo 2^32:
 * what is half of that ahead is behind. */
static qd_status nearest(const qd_tag_reader *r, bool begun, uint32_t last, bool *any, uint32_t *next, qd_error *err) {
    struct dirent *e;
    uint32_t epoch;
    DIR *d = opendir(r->path);
    *any = false;
    if (!d)
        return qd_fail(err, QD_E_INPUT, "cannot list %s|%s|the directory was removed or renamed|follow it again where it is now",
                       r->path, strerror(errno));
    while ((e = readdir(d))) {
        if (!qd_epoch_from_name(e->d_name, &epoch) || (begun && (epoch == last || epoch - last > INT32_MAX))) continue;
        if (!*any || (begun ? epoch - last < *next - last : epoch - *next > INT32_MAX)) *next = epoch;
        *any = true;
    }
    closedir(d);
    return QD_OK;
}

/* List the directory, now and then. */
static qd_status scan(qd_tag_reader *r, qd_error *err) {
    struct qd_live *l = r->live;
    double now = qd_now();
    if (!l->finished && now - l->scanned < scan_every_s) return QD_OK;
    const uint32_t before = l->next;
    const bool had = l->any;
    l->scanned = now;
    QD_TRY(nearest(r, l->begun, l->last, &l->any, &l->next, err));
    if (l->any && (!had || l->next != before)) l->later = now;
    return QD_OK;
}

static double changed_at(const struct stat *st) {
    return (double)st->st_ctim.tv_sec + (double)st->st_ctim.tv_nsec * 1e-9;
}

/* Nothing has touched it for a while: by this machine's clock, or as long as it has been looked at. */
static bool settled(const struct stat *st, double since) {
    return qd_calendar() - changed_at(st) >= settle_s || qd_now() - since >= settle_s;
}

/* The file behind a gap is what comes next: it has settled, and did not lie there before the file in front of the gap came. */
static bool follows_gap(const struct qd_live *l, const struct stat *st) {
    return l->finished || (settled(st, l->later) && changed_at(st) > l->taken - settle_s);
}

/* *there: *epoch is to be read now. */
static qd_status choose(qd_tag_reader *r, uint32_t *epoch, bool *there, qd_error *err) {
    struct qd_live *l = r->live;
    struct stat st;
    *epoch = l->last + 1;
    *there = l->begun && status_of(r, *epoch, &st);
    if (*there) return QD_OK;
    QD_TRY(scan(r, err));
    if (!l->any || !status_of(r, l->next, &st)) return QD_OK;
    if (l->begun && l->next != l->last + 1 && !follows_gap(l, &st)) return QD_OK;
    *epoch = l->next;
    *there = true;
    return QD_OK;
}

/* ---- One file ---------------------------------------------------------------------------------------------------- */

static bool same_file(const struct stat *a, const struct stat *b) {
    return a->st_size == b->st_size && a->st_ino == b->st_ino && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

void qd_live_done(qd_tag_reader *r) {
    struct qd_live *l = r->live;
    if (l->bytes) qd_wipe(l->bytes, l->n); /* which detector clicked is the raw key */
    free(l->bytes);
    l->bytes = NULL;
    l->n = 0;
}

/* *gone: another program was faster. */
static qd_status read_bytes(qd_tag_reader *r, const char *path, bool *gone, qd_error *err) {
    struct qd_live *l = r->live;
    FILE *f = NULL;
    uint64_t size = 0;
    qd_error why = {0};
    *gone = false;
    if (qd_file_open(path, false, &f, &size, &why) != QD_OK) {
        struct stat st;
        *gone = stat(path, &st) != 0 && errno == ENOENT;
        if (!*gone && err) *err = why;
        return *gone ? QD_OK : QD_E_INPUT;
    }
    l->bytes = size <= bytes_max ? malloc(size + 1) : NULL;
    if (!l->bytes) {
        fclose(f);
        if (size > bytes_max)
            return qd_fail(err, QD_E_INPUT, "%s has %" PRIu64 " bytes|a file of an epoch has %" PRIu64 " at most|it is none|take it out of the directory", path,
                           size, bytes_max);
        return qd_fail(err, QD_E_INTERNAL, "no memory for the %" PRIu64 " bytes of %s", size, path);
    }
    l->n = fread(l->bytes, 1, size, f);
    fclose(f);
    return QD_OK;
}

static bool whole(const qd_tag_reader *r, qd_error *why) {
    const struct qd_live *l = r->live;
    qd_epoch_events e;
    qd_status st = type_of(r) == 1 ? qd_t1_decode(l->bytes, l->n, &e, why) : qd_t2_decode(l->bytes, l->n, &e, why);
    qd_epoch_events_free(&e);
    return st == QD_OK;
}

/* Epochs without a file between the one before and this one. */
static qd_status tell_gap(qd_tag_reader *r, uint32_t epoch, qd_error *err) {
    const struct qd_live *l = r->live;
    if (!l->begun || epoch == l->last + 1) return QD_OK;
    return tell(r, (qd_stream_note){.kind = QD_STREAM_GAP, .epoch = l->last + 1, .epochs = epoch - l->last - 1}, err);
}

static void behind(struct qd_live *l, uint32_t epoch, const struct stat *st) {
    l->last = epoch;
    l->taken = changed_at(st);
    l->begun = true;
    l->any = l->tried = false;
    l->scanned = -INFINITY;
}

static qd_status pass_over(qd_tag_reader *r, uint32_t epoch, const struct stat *st, qd_error *err) {
    struct qd_live *l = r->live;
    qd_stream_note note = {.kind = QD_STREAM_DAMAGED, .epoch = epoch, .epochs = 1};
    (void)snprintf(note.why, sizeof note.why, "%.150s%s%.90s", l->why.what, *l->why.likely ? ": " : "", l->why.likely);
    QD_TRY(tell_gap(r, epoch, err));
    QD_TRY(tell(r, note, err));
    behind(l, epoch, st);
    return QD_OK;
}

/* Whether a later file is there; looked for now and then. */
static qd_status superseded(qd_tag_reader *r, uint32_t epoch, bool *yes, qd_error *err) {
    struct qd_live *l = r->live;
    uint32_t next = 0;
    double now = qd_now();
    *yes = false;
    if (now - l->looked < scan_every_s) return QD_OK;
    l->looked = now;
    return nearest(r, true, epoch, yes, &next, err);
}

/* What a file that is not whole is: still written, passed over, or none of the type. */
static qd_status judge(qd_tag_reader *r, const char *path, uint32_t epoch, const struct stat *st, bool *passed, qd_error *err) {
    struct qd_live *l = r->live;
    bool over = l->finished;
    *passed = false;
    if (!over && !settled(st, l->changed)) return QD_OK;
    if (l->kind_wrong)
        return qd_fail(err, QD_E_INPUT, "%s: %s|%s|%s|name the format of that directory: t1 or t2", path, l->why.what,
                       *l->why.cause ? l->why.cause : "the header is not that of such a file", l->why.likely);
    if (!over) QD_TRY(superseded(r, epoch, &over, err));
    if (!over) return QD_OK;
    *passed = true;
    return pass_over(r, epoch, st, err);
}

/* Try the file of an epoch: r->f when it is whole. *moved: look for another now. */
static qd_status try_file(qd_tag_reader *r, const char *path, uint32_t epoch, uint64_t *bytes, bool *moved, qd_error *err) {
    struct qd_live *l = r->live;
    struct stat st;
    *moved = l->finished; /* where it is gone others may be there, and nobody comes back to look */
    if (stat(path, &st) != 0) return QD_OK;
    bool again = l->tried && l->trial == epoch && same_file(&st, &l->seen);
    if (!again) {
        bool gone;
        QD_TRY(read_bytes(r, path, &gone, err));
        if (gone) return QD_OK;
        *bytes += l->n;
        l->why = (qd_error){0};
        if (whole(r, &l->why)) {
            QD_TRY(tell_gap(r, epoch, err));
            *moved = true;
            r->f = fmemopen(l->bytes, l->n, "rb");
            if (!r->f) return no_memory(r, err);
            r->size = l->n;
            QD_TRY(qd_epochs_begin(r, path, epoch, type_of(r), err));
            behind(l, epoch, &st);
            return QD_OK;
        }
        qd_epoch_head h;
        l->kind_wrong =
            l->n >= qd_epoch_head_bytes(type_of(r)) && qd_epoch_head_read(l->bytes, l->n, type_of(r), &h, NULL) != QD_OK;
        qd_live_done(r);
        l->seen = st;
        l->trial = epoch;
        l->tried = true;
        l->changed = qd_now();
        l->looked = -INFINITY;
    }
    return judge(r, path, epoch, &st, moved, err);
}

/* On to a file that is whole, past what never will be. */
static qd_status load(qd_tag_reader *r, uint64_t *bytes, qd_error *err) {
    for (bool moved = true; moved && !r->f;) {
        uint32_t epoch;
        bool there;
        char name[QD_EPOCH_NAME];
        QD_TRY(choose(r, &epoch, &there, err));
        if (!there) return QD_OK;
        qd_epoch_name(epoch, name);
        char *path = qd_path_join(r->path, name);
        qd_status st = path ? try_file(r, path, epoch, bytes, &moved, err) : no_memory(r, err);
        free(path);
        QD_TRY(st);
    }
    return QD_OK;
}

qd_status qd_live_fill(qd_tag_reader *r, uint64_t *bytes, qd_error *err) {
    *bytes = 0;
    return r->f || r->live->finished ? QD_OK : load(r, bytes, err);
}

qd_status qd_live_more(qd_tag_reader *r, bool *dry, qd_error *err) {
    uint64_t bytes = 0;
    if (!r->f && r->live->finished) {
        QD_TRY(load(r, &bytes, err));
        r->ended = !r->f;
        if (r->ended) return QD_OK;
    }
    *dry = !r->f;
    return *dry ? QD_OK : r->decoder->more(r, err);
}

void qd_live_finish(qd_tag_reader *r) {
    r->live->finished = true;
}

void qd_live_close(qd_tag_reader *r) {
    if (!r->live) return;
    qd_live_done(r);
    free(r->live->note);
    free(r->live);
    r->live = NULL;
}
