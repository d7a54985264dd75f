/* SPDX-License-Identifier: Apache-2.0 */
/* T3 files to a string for the key stages, and a key to a T7 file. */
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>
#include "pipeline/epoch_files.h"

void qd_t3_key_free(qd_t3_key *k) {
    qd_bits_destroy(&k->bits);
    free(k->epoch);
    free(k->length);
    *k = (qd_t3_key){.n = 0};
}

static qd_status read_named(const char *dir, unsigned type, uint32_t epoch, qd_epoch_file *f, qd_error *err) {
    char name[QD_EPOCH_NAME];
    bool missing;
    qd_epoch_name(epoch, name);
    char *path = qd_path_join(dir, name);
    qd_status st = path ? qd_epoch_file_read(path, type, f, &missing, err) : qd_fail(err, QD_E_INTERNAL, "no memory for a path");
    if (st == QD_OK && f->head.epoch != epoch) {
        qd_epoch_file_free(f);
        st = qd_fail(err, QD_E_INPUT, "%s: the header says epoch %08" PRIx32 "||it was renamed, or damaged|copy it again", path,
                     f->head.epoch);
    }
    free(path);
    return st;
}

/* ---- Entries of one basis ---------------------------------------------------------------------------------------- */

/* Keep the entries whose event has the basis; what is left stands at the front. */
static qd_status keep_basis(const qd_t3_choice *c, const char *path, qd_epoch_file *t3, const qd_epoch_file *t2,
                            const qd_epoch_file *t4, qd_error *err) {
    uint32_t n = t3->head.length, kept = 0;
    if (t2->head.protocol != 1 || t2->head.bits != 1)
        return qd_fail(err, QD_E_INPUT,
                       "%s: epoch %08" PRIx32 " is of protocol %" PRIu32 "||only files of protocol 1 announce bases", c->t2,
                       t2->head.epoch, t2->head.protocol);
    if (t4->head.length != n || (n && t4->index[n - 1] >= t2->events.n))
        return qd_fail(err, QD_E_INPUT,
                       "%s: epoch %08" PRIx32 " has %" PRIu32 " entries, the reply names %" PRIu32 " of %" PRIu64
                       " events||the T2, T3 and T4 files are not of one run|check the directories",
                       path, t3->head.epoch, n, t4->head.length, t2->events.n);
    for (uint32_t i = 0; i < n; i++)
        if (t2->events.pattern[t4->index[i]] == c->basis) t3->entries[kept++] = t3->entries[i];
    t3->head.length = kept;
    return QD_OK;
}

static qd_status choose_basis(const qd_t3_choice *c, const char *path, qd_epoch_file *t3, qd_error *err) {
    qd_epoch_file t2 = {.entries = NULL}, t4 = {.entries = NULL};
    qd_status st = read_named(c->t2, 2, t3->head.epoch, &t2, err);
    if (st == QD_OK) st = read_named(c->t4, 4, t3->head.epoch, &t4, err);
    if (st == QD_OK) st = keep_basis(c, path, t3, &t2, &t4, err);
    qd_epoch_file_free(&t2);
    qd_epoch_file_free(&t4);
    return st;
}

/* ---- Files to a string ------------------------------------------------------------------------------------------- */

static qd_status append(const qd_t3_choice *c, const char *path, qd_epoch_file *t3, qd_t3_key *k, qd_error *err) {
    qd_bits more;
    if (t3->head.bits != 1)
        return qd_fail(err, QD_E_INPUT,
                       "%s: epoch %08" PRIx32 " has entries of %" PRIu32
                       " bits||service mode announces all outcomes: no key can come of it|record with protocol 1",
                       path, t3->head.epoch, t3->head.bits);
    if (k->n && k->anchored != t3->head.anchored)
        return qd_fail(err, QD_E_INPUT,
                       "%s: epoch %08" PRIx32
                       " has another kind of tag than those before||two recordings in one folder|separate them",
                       path, t3->head.epoch);
    if (c->one_basis) QD_TRY(choose_basis(c, path, t3, err));
    QD_TRY(qd_bits_create(&more, t3->head.length, err));
    for (uint32_t i = 0; i < t3->head.length; i++) qd_bits_set(&more, i, t3->entries[i]);
    qd_status st = qd_bits_append(&k->bits, &more, err);
    qd_bits_destroy(&more);
    k->anchored = t3->head.anchored;
    k->epoch[k->n] = t3->head.epoch;
    k->length[k->n++] = t3->head.length;
    return st;
}

static qd_status read_all(const char *path, bool folder, const qd_t3_choice *c, const uint32_t *list, size_t n, qd_t3_key *k,
                          qd_error *err) {
    for (size_t i = 0; i < n; i++) {
        qd_epoch_file t3 = {.entries = NULL};
        bool missing;
        if (folder && c->range && list[i] - c->first >= c->epochs) continue;
        QD_TRY(folder ? read_named(path, 3, list[i], &t3, err) : qd_epoch_file_read(path, 3, &t3, &missing, err));
        qd_status st = append(c, path, &t3, k, err);
        qd_epoch_file_free(&t3);
        QD_TRY(st);
    }
    if (k->n) return QD_OK;
    return c->range
               ? qd_fail(err, QD_E_INPUT, "%s has no T3 file of the epochs %08" PRIx32 " to %08" PRIx32 "|||check --epochs", path,
                         c->first, c->first + c->epochs - 1)
               : qd_fail(err, QD_E_INPUT,
                         "%s has no T3 files|their names are 8 hexadecimal digits in lower case|another folder|check the path",
                         path);
}

qd_status qd_t3_key_read(const char *path, const qd_t3_choice *c, qd_t3_key *k, qd_error *err) {
    struct stat s;
    uint32_t *list = NULL;
    size_t n = 1;
    *k = (qd_t3_key){.n = 0};
    if (c->one_basis && (!c->t2 || !c->t4))
        return qd_fail(err, QD_E_USAGE,
                       "bits of one basis need the T2 files, which announce it, and the T4 files, which name the events");
    bool folder = stat(path, &s) == 0 && S_ISDIR(s.st_mode);
    if (folder) QD_TRY(qd_epoch_list(path, &list, &n, err));
    k->epoch = calloc(n + 1, sizeof *k->epoch);
    k->length = calloc(n + 1, sizeof *k->length);
    qd_status st =
        k->epoch && k->length ? qd_bits_create(&k->bits, 0, err) : qd_fail(err, QD_E_INTERNAL, "no memory for a list of epochs");
    if (st == QD_OK) st = read_all(path, folder, c, list, n, k, err);
    free(list);
    if (st != QD_OK) qd_t3_key_free(k);
    return st;
}

qd_status qd_t3_keys_fit(const char *path_a, const qd_t3_key *a, const char *path_b, const qd_t3_key *b, qd_error *err) {
    for (size_t i = 0; i < a->n || i < b->n; i++) {
        if (i < a->n && i < b->n && a->epoch[i] == b->epoch[i] && a->length[i] == b->length[i]) continue;
        if (i < a->n && i < b->n && a->epoch[i] == b->epoch[i])
            return qd_fail(err, QD_E_INPUT,
                           "epoch %08" PRIx32 " has %" PRIu32 " bits in %s and %" PRIu32
                           " in %s||they are not of one run, or one was spliced by another reply",
                           a->epoch[i], a->length[i], path_a, b->length[i], path_b);
        bool only_a = i < a->n && (i >= b->n || (int32_t)(a->epoch[i] - b->epoch[i]) < 0);
        return qd_fail(err, QD_E_INPUT,
                       "epoch %08" PRIx32
                       " is in %s alone||both stations' strings must be from the same epochs|name the epochs that both have: "
                       "--epochs FIRST+N",
                       only_a ? a->epoch[i] : b->epoch[i], only_a ? path_a : path_b);
    }
    return QD_OK;
}

qd_status qd_t7_write(const char *path, const qd_bits *key, uint32_t first, uint32_t epochs, bool anchored, qd_error *err) {
    const qd_epoch_head h = {.type = 7, .anchored = anchored, .epoch = first, .epochs = epochs, .length = (uint32_t)key->n};
    if (key->n > UINT32_MAX) return qd_fail(err, QD_E_USAGE, "a T7 file holds less than 2^32 bits");
    size_t n = qd_epoch_file_bytes(&h);
    uint8_t *bytes = qd_secret_alloc(n);
    if (!bytes) return qd_fail(err, QD_E_INTERNAL, "no memory for a T7 file");
    qd_t7_encode(&h, key, bytes);
    qd_out out;
    qd_status st = qd_out_open(&out, path, 0600, err);
    if (st == QD_OK) {
        setvbuf(out.f, NULL, _IONBF, 0); /* key bits must not stay behind in a stream buffer */
        (void)fwrite(bytes, 1, n, out.f);
        st = qd_out_commit(&out, err);
    }
    qd_secret_free(bytes);
    return st;
}
