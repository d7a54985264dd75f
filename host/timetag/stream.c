/* SPDX-License-Identifier: Apache-2.0 */
/* Tags from what still grows: bytes are fetched without waiting into a buffer, from which the decoders of files take whole
 * records. A header is tried on what has come of it: a decoder that read to the end of that is set back and asked again when
 * there is more. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "qdistill/timetag/stream.h"
#include "timetag/live.h"

enum { ROOM = 1 << 20 };

struct qd_growing {
    int fd;
    bool fifo, begun, finished;
    bool starved;   /* the header was read to the end of what is there */
    bool dry;       /* no whole record or line was there */
    uint64_t taken; /* bytes from the descriptor */
    size_t at, n;   /* n bytes from place at on */
    size_t place;   /* of the header's reader, from `at` */
    uint8_t byte[ROOM];
};

/* ---- Header ------------------------------------------------------------------------------------------------------ */

static ssize_t header_read(void *cookie, char *to, size_t bytes) {
    struct qd_growing *s = cookie;
    size_t there = s->place < s->n ? s->n - s->place : 0, got = bytes < there ? bytes : there;
    s->starved = s->starved || there == 0;
    memcpy(to, s->byte + s->at + s->place, got);
    s->place += got;
    return (ssize_t)got;
}

static int header_seek(void *cookie, off64_t *offset, int whence) {
    struct qd_growing *s = cookie;
    off64_t from = whence == SEEK_CUR ? (off64_t)s->place : 0;
    if (whence == SEEK_END || *offset > ROOM - from || *offset < -from) return -1;
    s->place = (size_t)(from + *offset);
    *offset = (off64_t)s->place;
    return 0;
}

qd_status qd_growing_header(qd_tag_reader *r, qd_error *err) {
    r->stream->place = 0;
    r->stream->starved = false;
    r->f = fopencookie(r->stream, "rb", (cookie_io_functions_t){header_read, NULL, header_seek, NULL});
    r->size = INT64_MAX;
    return r->f ? QD_OK : qd_fail(err, QD_E_INTERNAL, "no memory to read %s", r->path);
}

/* As if nothing had been read of it. */
static void set_back(qd_tag_reader *r) {
    if (r->decoder->close) r->decoder->close(r);
    r->state = NULL;
    r->at = r->line = r->record = 0;
    r->tick = qd_tag_format_tick(&r->format);
    r->info = (qd_tag_info){0};
}

/* What a full buffer does not hold is no header. */
static qd_status begin(qd_tag_reader *r, qd_error *err) {
    struct qd_growing *s = r->stream;
    qd_error why = {0};
    s->starved = false;
    r->header = true;
    qd_status st = r->decoder->open(r, &why);
    r->header = false;
    off_t end = r->f ? ftello(r->f) : 0;
    if (r->f) fclose(r->f);
    r->f = NULL;
    bool short_of = st == QD_OK && end > (off_t)s->n; /* what it skipped last has not come */
    bool wait = (s->starved || short_of) && !s->finished && s->n < ROOM;
    if (wait || short_of || st != QD_OK || end < 0) {
        set_back(r);
        if (wait) return QD_OK;
        if (err && st != QD_OK) *err = why;
        if (short_of)
            return qd_fail(err, QD_E_INPUT, "%s: the header is cut off at byte %zu of %lld||the file was truncated or damaged|copy it again", r->path, s->n,
                           (long long)end);
        return st != QD_OK ? st : qd_fail(err, QD_E_INTERNAL, "the header of %s cannot be read", r->path);
    }
    s->at += (size_t)end;
    s->n -= (size_t)end;
    s->begun = true;
    return QD_OK;
}

/* ---- Records ----------------------------------------------------------------------------------------------------- */

size_t qd_growing_records(qd_tag_reader *r, void *block, unsigned bytes, size_t max) {
    struct qd_growing *s = r->stream;
    size_t got = s->n / bytes < max ? s->n / bytes : max;
    s->dry = got == 0;
    r->ended = s->finished && got == s->n / bytes; /* as of a file: decoders look back on it then */
    memcpy(block, s->byte + s->at, got * bytes);
    s->at += got * bytes;
    s->n -= got * bytes;
    return got;
}

bool qd_growing_has_line(qd_tag_reader *r, size_t cap) {
    struct qd_growing *s = r->stream;
    s->dry = s->n < cap && !memchr(s->byte + s->at, '\n', s->n);
    return !s->dry;
}

int qd_growing_byte(qd_tag_reader *r) {
    struct qd_growing *s = r->stream;
    if (s->n == 0) return EOF;
    s->n--;
    return s->byte[s->at++];
}

qd_status qd_growing_more(qd_tag_reader *r, bool *dry, qd_error *err) {
    struct qd_growing *s = r->stream;
    s->dry = true;
    if (!s->begun && s->taken) QD_TRY(begin(r, err));
    if (s->begun) {
        s->dry = false;
        QD_TRY(r->decoder->more(r, err));
    }
    r->ended = s->finished && (s->dry || r->ended); /* a text without a whole line is not at its end */
    *dry = s->dry && !r->ended;
    return QD_OK;
}

/* ---- Bytes ------------------------------------------------------------------------------------------------------- */

static qd_status refused(const char *path, const qd_tag_format *f, qd_error *err) {
    const char *why = f->kind == QD_TAG_CHRONOXEA ? "its rows are not in the order of time, so that the whole file is needed"
                                                  : "it must be named before the first byte has come";
    return qd_fail(err, QD_E_USAGE,
                   "%s: format %s cannot be read while it grows|%s||give a1-49, a1-54, their swapped or text forms, ptu, qutag, "
                   "qutag-raw, swabian or csv, or t1 or t2 with a directory",
                   path, qd_tag_format_name(f), why);
}

static bool of_epochs(const qd_tag_format *f) {
    return f->kind == QD_TAG_T1 || f->kind == QD_TAG_T2;
}

static qd_status open_directory(qd_tag_reader *r, qd_error *err) {
    struct stat st;
    if (stat(r->path, &st) != 0)
        return qd_fail(err, QD_E_INPUT,
                       "cannot open %s|%s|the program that writes there makes it later|make it, or check the path", r->path,
                       strerror(errno));
    if (S_ISDIR(st.st_mode)) return qd_live_open(r, err);
    return qd_fail(err, QD_E_INPUT,
                   "%s is no directory|of format %s a directory is followed, which files of epochs come into|"
                   "a file of an epoch does not grow once it is whole|give the directory that holds it",
                   r->path, qd_tag_format_name(&r->format));
}

static qd_status open_it(struct qd_growing *s, const char *path, qd_error *err) {
    struct stat st;
    s->fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (s->fd < 0 || fstat(s->fd, &st) != 0)
        return qd_fail(err, QD_E_INPUT, "cannot open %s|%s||check the path; a file or FIFO must be there before it is followed",
                       path, strerror(errno));
    s->fifo = S_ISFIFO(st.st_mode);
    if (s->fifo || S_ISREG(st.st_mode)) return QD_OK;
    return qd_fail(err, QD_E_INPUT,
                   "%s is %s|what is followed is a file that grows or a FIFO|%s|give the path of a regular file or a FIFO", path,
                   S_ISDIR(st.st_mode)    ? "a directory"
                   : S_ISSOCK(st.st_mode) ? "a socket"
                                          : "a device",
                   S_ISDIR(st.st_mode) ? "the name of a file in it was left out, or it holds files of epochs: those are t1 or t2"
                                       : "another name was meant");
}

static qd_status open_bytes(qd_tag_reader *r, qd_error *err) {
    r->stream = calloc(1, sizeof *r->stream);
    if (!r->stream) return qd_fail(err, QD_E_INTERNAL, "no memory to read %s", r->path);
    r->stream->fd = -1;
    QD_TRY(open_it(r->stream, r->path, err));
    return begin(r, err); /* what needs no header, and what the format's options lack */
}

qd_status qd_tag_stream_open(const char *path, qd_tag_format format, qd_tag_reader **reader, qd_error *err) {
    qd_tag_reader *r;
    *reader = NULL;
    if (format.kind == QD_TAG_CHRONOXEA || format.kind == QD_TAG_AUTO) return refused(path, &format, err);
    QD_TRY(qd_reader_create(path, format, &r, err));
    qd_status st = of_epochs(&format) ? open_directory(r, err) : open_bytes(r, err);
    if (st != QD_OK) {
        qd_tag_reader_close(r);
        return st;
    }
    *reader = r;
    return QD_OK;
}

/* Without data and without writers, of which there were some: before the first of them opens it, a FIFO does not hang up. */
static bool hung_up(int fd) {
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, 0) == 1 && (p.revents & POLLHUP) && !(p.revents & POLLIN);
}

static qd_status check_length(const qd_tag_reader *r, qd_error *err) {
    struct stat st;
    if (fstat(r->stream->fd, &st) != 0 || (uint64_t)st.st_size >= r->stream->taken) return QD_OK;
    return qd_fail(err, QD_E_INPUT,
                   "%s has %" PRId64 " bytes, after %" PRIu64
                   " were read|a file that grows does not become shorter|it was begun anew, or cut|follow it from the beginning again",
                   r->path, (int64_t)st.st_size, r->stream->taken);
}

qd_status qd_tag_stream_fill(qd_tag_reader *r, uint64_t *bytes, qd_error *err) {
    struct qd_growing *s = r->stream;
    if (r->live) return qd_live_fill(r, bytes, err);
    *bytes = 0;
    if (s->finished) return QD_OK;
    memmove(s->byte, s->byte + s->at, s->n);
    s->at = 0;
    while (s->n < ROOM) {
        ssize_t got = read(s->fd, s->byte + s->n, ROOM - s->n);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
        if (got < 0)
            return qd_fail(err, QD_E_INPUT, "%s: reading fails at byte %" PRIu64 "|%s|the disk or the way to it fails|look after it, and follow the file again",
                           r->path, s->taken, strerror(errno));
        if (got == 0) {
            s->finished = s->fifo && hung_up(s->fd);
            if (!s->fifo) QD_TRY(check_length(r, err));
            break;
        }
        s->n += (size_t)got;
        s->taken += (uint64_t)got;
        *bytes += (uint64_t)got;
    }
    return QD_OK;
}

void qd_tag_stream_finish(qd_tag_reader *r) {
    if (r->live)
        qd_live_finish(r);
    else
        r->stream->finished = true;
}

bool qd_tag_stream_note(qd_tag_reader *r, qd_stream_note *note) {
    return r->live && qd_live_note(r, note);
}

int qd_tag_stream_fd(const qd_tag_reader *r) {
    return r->live ? -1 : r->stream->fd;
}

bool qd_tag_stream_is_fifo(const qd_tag_reader *r) {
    return !r->live && r->stream->fifo;
}

uint64_t qd_tag_stream_left(const qd_tag_reader *r) {
    return r->live ? 0 : r->stream->n;
}

void qd_growing_close(qd_tag_reader *r) {
    struct qd_growing *s = r->stream;
    if (!s) return;
    if (s->fd >= 0) close(s->fd);
    qd_wipe(s->byte, sizeof s->byte); /* which detector clicked is the raw key */
    free(s);
    r->stream = NULL;
}
