/* SPDX-License-Identifier: Apache-2.0 */
#include "qdistill/core/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "qdistill/core/secret.h"

static const char *kind_of(mode_t mode) {
    if (S_ISDIR(mode)) return "a directory";
    if (S_ISFIFO(mode)) return "a pipe";
    if (S_ISSOCK(mode)) return "a socket";
    return S_ISREG(mode) ? "a regular file" : "a device";
}

static qd_status not_a_file(const char *path, mode_t mode, qd_error *err) {
    const char *cause = S_ISDIR(mode) ? "a directory holds files, no bytes"
                                      : "its length is not known, and it cannot be read twice or from another place";
    const char *likely = S_ISDIR(mode)                     ? "the name of a file in it was left out"
                         : S_ISFIFO(mode) || S_ISSOCK(mode) ? "another program writes into it: <(...) of a shell, or mkfifo"
                                                            : "a name under /dev or /proc";
    return qd_fail(err, QD_E_INPUT, "%s is %s|%s|%s|give the path of a regular file%s", path, kind_of(mode), cause, likely,
                   S_ISDIR(mode) ? "" : ": write it all into one first");
}

static qd_status cannot_read(const char *path, int number, qd_error *err) {
    const char *likely = number == ENOENT || number == ENOTDIR ? "there is no such file"
                         : number == EACCES || number == EPERM ? "you may not read it"
                                                               : "";
    return qd_fail(err, QD_E_INPUT, "cannot open %s|%s|%s|check the path", path, strerror(number), likely);
}

qd_status qd_file_open(const char *path, bool stream_ok, FILE **f, uint64_t *bytes, qd_error *err) {
    *f = NULL;
    if (bytes) *bytes = 0;
    /* Without O_NONBLOCK the open of a pipe would wait for its writer, only to be refused. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | (stream_ok ? 0 : O_NONBLOCK));
    if (fd < 0) return cannot_read(path, errno, err);
    struct stat s;
    qd_status st = QD_OK;
    if (fstat(fd, &s) != 0) {
        st = cannot_read(path, errno, err);
    } else if (!S_ISREG(s.st_mode) && (!stream_ok || S_ISDIR(s.st_mode))) {
        st = not_a_file(path, s.st_mode, err);
    } else if (!(*f = fdopen(fd, "rb"))) {
        st = cannot_read(path, errno, err);
    }
    if (st != QD_OK)
        close(fd);
    else if (bytes && S_ISREG(s.st_mode))
        *bytes = (uint64_t)s.st_size;
    return st;
}

static qd_status cannot_write(const char *path, int number, qd_error *err) {
    const char *likely = number == ENOSPC || number == EDQUOT    ? "the disk is full or the quota is used up"
                         : number == EFBIG                       ? "the file would exceed the limit on file sizes (ulimit -f)"
                         : number == ENOENT || number == ENOTDIR ? "its directory does not exist"
                         : number == EACCES || number == EPERM || number == EROFS ? "you may not write there"
                                                                                  : "the disk, device or reader does not take what is written";
    const char *next = number == ENOSPC || number == EDQUOT || number == EFBIG ? "make room, or write to another place"
                                                                               : "choose another place to write to";
    return qd_fail(err, QD_E_INPUT, "cannot write %s|%s|%s|%s", path, strerror(number), likely, next);
}

/* Create PATH.RANDOM.tmp beside path, so that the rename stays on one file system. The umask applies, as to any new file. */
static int open_beside(const char *path, unsigned mode, char **tmp) {
    for (int attempt = 0; attempt < 16; attempt++) {
        uint32_t id;
        qd_os_random(&id, sizeof id);
        if (asprintf(tmp, "%s.%08x.tmp", path, id) < 0) {
            *tmp = NULL;
            errno = ENOMEM;
            return -1;
        }
        int fd = open(*tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, (mode_t)mode);
        if (fd >= 0) return fd;
        free(*tmp);
        *tmp = NULL;
        if (errno != EEXIST) return -1;
    }
    return -1;
}

qd_status qd_out_open(qd_out *out, const char *path, unsigned mode, qd_error *err) {
    *out = (qd_out){0};
    struct stat s;
    bool exists = stat(path, &s) == 0, in_place = exists && (S_ISCHR(s.st_mode) || S_ISFIFO(s.st_mode));
    if (exists && !in_place && !S_ISREG(s.st_mode)) return not_a_file(path, s.st_mode, err);
    out->path = exists && !in_place ? realpath(path, NULL) : strdup(path); /* write through a link, do not replace it */
    if (!out->path) return cannot_write(path, errno, err);
    int fd = in_place ? open(path, O_WRONLY | O_CLOEXEC) : open_beside(out->path, mode, &out->tmp);
    if (fd >= 0) out->f = fdopen(fd, "wb");
    if (out->f) return QD_OK;
    int number = errno;
    if (fd >= 0) close(fd);
    qd_out_abandon(out);
    return cannot_write(path, number, err);
}

/* A descriptor of its own, so that it is closed like that of any other. */
qd_status qd_out_stdout(qd_out *out, qd_error *err) {
    *out = (qd_out){.path = strdup("to standard output")}; /* for "cannot write ..." */
    if (!out->path) return cannot_write("to standard output", errno, err);
    int fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
    if (fd >= 0) out->f = fdopen(fd, "wb");
    if (out->f) return QD_OK;
    int number = errno;
    if (fd >= 0) close(fd);
    qd_out_abandon(out);
    return cannot_write("to standard output", number, err);
}

/* A stream keeps that a write failed, not why. The file is lost anyway: one more byte makes the system say it again. */
static int why_failed(const qd_out *out) {
    struct stat s;
    const bool device = fstat(fileno(out->f), &s) == 0 && (S_ISCHR(s.st_mode) || S_ISREG(s.st_mode)); /* no reader behind it who would take the byte for data */
    return (out->tmp || device) && write(fileno(out->f), "", 1) < 0 ? errno : EIO;
}

qd_status qd_out_settle(qd_out *out, qd_error *err) {
    if (!out->f) return QD_OK;
    int number = ferror(out->f) ? why_failed(out) : 0;
    if (fflush(out->f) != 0 && !number) number = errno;
    if (out->tmp && fsync(fileno(out->f)) != 0 && !number) number = errno;
    if (fclose(out->f) != 0 && !number) number = errno;
    out->f = NULL;
    if (!number) return QD_OK;
    qd_status st = cannot_write(out->path, number, err);
    qd_out_abandon(out);
    return st;
}

/* The rename itself must survive a power cut. A file system that cannot do it is not an error of the caller's. */
static void sync_directory(const char *path) {
    char *dir = qd_path_dir(path);
    int fd = dir ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (fd >= 0) {
        (void)fsync(fd);
        close(fd);
    }
    free(dir);
}

qd_status qd_out_commit(qd_out *out, qd_error *err) {
    if (!out->path) return qd_fail(err, QD_E_INTERNAL, "commit of a file that is not open");
    QD_TRY(qd_out_settle(out, err));
    qd_status st = QD_OK;
    if (out->tmp) {
        if (rename(out->tmp, out->path) != 0) {
            st = cannot_write(out->path, errno, err);
        } else {
            sync_directory(out->path);
            free(out->tmp);
            out->tmp = NULL;
        }
    }
    qd_out_abandon(out);
    return st;
}

void qd_out_abandon(qd_out *out) {
    if (!out) return;
    if (out->f) fclose(out->f);
    if (out->tmp) (void)unlink(out->tmp);
    free(out->tmp);
    free(out->path);
    *out = (qd_out){0};
}

qd_status qd_file_write(const char *path, unsigned mode, const void *p, uint64_t bytes, qd_error *err) {
    qd_out out;
    QD_TRY(qd_out_open(&out, path, mode, err));
    if (bytes) (void)fwrite(p, 1, bytes, out.f); /* a failure is kept by the stream; commit reports it */
    return qd_out_commit(&out, err);
}

static qd_status cannot_create(const char *path, int number, qd_error *err) {
    if (number == EEXIST)
        return qd_fail(err, QD_E_INPUT,
                       "%s exists already|%s|an earlier run wrote there|choose another --out, or remove it", path,
                       strerror(number));
    return cannot_write(path, number, err);
}

qd_status qd_dir_create(const char *path, bool parents, qd_error *err) {
    char *part = strdup(path);
    if (!part) return qd_fail(err, QD_E_INTERNAL, "cannot create %s|no memory", path);
    qd_status st = QD_OK;
    size_t n = strlen(part);
    while (n > 1 && part[n - 1] == '/') part[--n] = 0;
    for (char *p = part + 1; parents && *part && *p; p++) {
        if (*p != '/') continue;
        *p = 0;
        if (mkdir(part, 0777) != 0 && errno != EEXIST) {
            st = cannot_create(part, errno, err);
            break;
        }
        *p = '/';
    }
    if (st == QD_OK && mkdir(part, 0777) != 0) st = cannot_create(path, errno, err);
    free(part);
    return st;
}

char *qd_path_join(const char *dir, const char *name) {
    char *path = NULL;
    if (name[0] == '/' || !*dir) return strdup(name);
    const char *slash = dir[strlen(dir) - 1] == '/' ? "" : "/";
    return asprintf(&path, "%s%s%s", dir, slash, name) < 0 ? NULL : path;
}

char *qd_path_dir(const char *path) {
    const char *slash = strrchr(path, '/');
    if (!slash) return strdup(".");
    return slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
}
