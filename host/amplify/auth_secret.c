/* SPDX-License-Identifier: Apache-2.0 */
/* The secret of authentication: a file of key and pads, how far it is used, and the same drawn from a rehearsal's seed. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "amplify/auth.h"
#include "qdistill/core/json.h"

enum { KEY = QD_AUTH_TAG, ROUND = QD_AUTH_ROUND };

struct qd_auth_secret {
    int fd; /* -1: a rehearsal's */
    char *path, *state;
    uint64_t seed;
    qd_direction role; /* whose copy it is */
    qd_auth_budget budget;
    uint64_t wiped; /* rounds whose pads are zeros in the file, as its state has it: all that are used, but for a crash */
    uint8_t key[KEY];
};

static const char *const station_names[2] = {"alice", "bob"};

static off_t place(uint64_t round) {
    return (off_t)(KEY + ROUND * round);
}

static qd_status cannot(const char *verb, const char *path, qd_error *err) {
    return qd_fail(err, QD_E_INPUT,
                   "cannot %s the authentication secret %s|%s|%s|give the station's copy of the secret that both stations share, "
                   "mode 0600, where the job may write",
                   verb, path, strerror(errno), errno == ENOSPC ? "the disk is full" : "it is not there, or may not be changed");
}

static qd_status refused(const qd_auth_secret *s, const char *why, const char *next, qd_error *err) {
    return qd_fail(err, QD_E_INPUT, "the authentication secret %s is not taken|%s|it would not keep a forger out|%s", s->path, why,
                   next);
}

/* ---- state ------------------------------------------------------------------------------------------------------- */

static qd_status write_state(const qd_auth_secret *s, const qd_auth_budget *b, qd_error *err) {
    if (s->fd < 0) return QD_OK;
    json_t *j = json_pack("{s:i,s:s,s:o,s:o,s:o,s:o,s:o,s:o,s:f}", "schema", 1, "station", station_names[s->role], "rounds",
                          qd_json_from_u64(b->rounds), "next_round", qd_json_from_u64(b->next), "wiped_rounds", qd_json_from_u64(s->wiped),
                          "tags", qd_json_from_u64(b->tags), "hashed_blocks", qd_json_from_u64(b->hashed), "refilled_bits",
                          qd_json_from_u64(b->refilled_bits), "refill_epsilon", b->refill_eps);
    char *text = j ? json_dumps(j, JSON_INDENT(2) | JSON_PRESERVE_ORDER) : NULL;
    qd_status st = text ? qd_file_write(s->state, 0600, text, strlen(text), err)
                        : qd_fail(err, QD_E_INTERNAL, "no memory for the state of the authentication secret");
    free(text);
    json_decref(j);
    return st;
}

/* The state on disk first: what is in memory follows it. */
static qd_status settle(qd_auth_secret *s, const qd_auth_budget *b, qd_error *err) {
    QD_TRY(write_state(s, b, err));
    s->budget = *b;
    return QD_OK;
}

/* A station's copy stays its own: after a tag of Alice's that Bob never took, his copy has pads of hers that are used. */
static qd_status read_station(const qd_auth_secret *s, const json_t *j, qd_error *err) {
    const char *station = json_string_value(json_object_get(j, "station"));
    if (!station || (strcmp(station, station_names[0]) != 0 && strcmp(station, station_names[1]) != 0))
        return qd_fail(err, QD_E_INPUT, "%s: 'station' must be alice or bob|||correct it", s->state);
    if (strcmp(station, station_names[s->role]) == 0) return QD_OK;
    return refused(s, "its .state beside it says that it is the other station's copy, whose pads may stand under tags of this one already",
                   "give each station the copy that it had before", err);
}

static qd_status read_state(qd_auth_secret *s, qd_error *err) {
    static const char *const keys[] = {"schema", "station", "rounds", "next_round", "wiped_rounds", "tags", "hashed_blocks", "refilled_bits", "refill_epsilon", NULL};
    qd_auth_budget *b = &s->budget;
    json_t *j = NULL;
    uint64_t schema = 0;
    QD_TRY(qd_json_read(s->state, &j, err));
    qd_status st = qd_json_only(j, s->state, keys, err);
    if (st == QD_OK) st = qd_json_u64(j, s->state, "schema", 1, &schema, err);
    if (st == QD_OK) st = qd_json_u64(j, s->state, "rounds", UINT64_MAX, &b->rounds, err);
    if (st == QD_OK) st = qd_json_u64(j, s->state, "next_round", b->rounds, &b->next, err);
    if (st == QD_OK) st = qd_json_u64(j, s->state, "wiped_rounds", b->next, &s->wiped, err);
    if (st == QD_OK) st = qd_json_u64(j, s->state, "tags", UINT64_MAX, &b->tags, err);
    if (st == QD_OK) st = qd_json_u64(j, s->state, "hashed_blocks", UINT64_MAX, &b->hashed, err);
    if (st == QD_OK) st = qd_json_u64(j, s->state, "refilled_bits", UINT64_MAX, &b->refilled_bits, err);
    if (st == QD_OK) st = qd_json_real(j, s->state, "refill_epsilon", 0, HUGE_VAL, &b->refill_eps, err);
    if (st == QD_OK && schema != 1) st = qd_fail(err, QD_E_INPUT, "%s has another schema", s->state);
    if (st == QD_OK) st = read_station(s, j, err);
    json_decref(j);
    return st;
}

/* ---- file -------------------------------------------------------------------------------------------------------- */

static bool read_all(int fd, void *p, size_t n, off_t at) {
    for (uint8_t *c = p; n;) {
        ssize_t k = pread(fd, c, n, at);
        if (k < 0 && errno == EINTR) continue;
        if (k <= 0) return false;
        c += k;
        at += k;
        n -= (size_t)k;
    }
    return true;
}

static bool write_all(int fd, const void *p, size_t n, off_t at) {
    for (const uint8_t *c = p; n;) {
        ssize_t k = pwrite(fd, c, n, at);
        if (k < 0 && errno == EINTR) continue;
        if (k <= 0) return false;
        c += k;
        at += k;
        n -= (size_t)k;
    }
    return true;
}

/* Pads that are used become zeros. That they are the next state says. */
static qd_status wipe_used(qd_auth_secret *s, qd_error *err) {
    static const uint8_t zero[64 * ROUND];
    if (s->fd < 0 || s->wiped == s->budget.next) return QD_OK;
    for (uint64_t from = s->wiped, n; from < s->budget.next; from += n) {
        n = s->budget.next - from < 64 ? s->budget.next - from : 64;
        if (!write_all(s->fd, zero, (size_t)n * ROUND, place(from))) return cannot("wipe pads of", s->path, err);
    }
    if (fdatasync(s->fd) != 0) return cannot("wipe pads of", s->path, err);
    s->wiped = s->budget.next;
    return QD_OK;
}

static bool all_zero(const uint8_t *p, size_t n) {
    uint8_t sum = 0;
    for (size_t i = 0; i < n; i++) sum |= p[i];
    return sum == 0;
}

static qd_status check_file(qd_auth_secret *s, uint64_t *most, qd_error *err) {
    struct stat st;
    if (fstat(s->fd, &st) != 0) return cannot("read", s->path, err);
    if (!S_ISREG(st.st_mode)) return refused(s, "it is not a file", "give a file of random bytes", err);
    if ((st.st_mode & 07777) != 0600) {
        char why[64];
        snprintf(why, sizeof why, "its mode is %04o, not 0600", (unsigned)(st.st_mode & 07777));
        return refused(s, why, "share a new one if others may have read it; else chmod 600", err);
    }
    if (flock(s->fd, LOCK_EX | LOCK_NB) != 0)
        return qd_fail(err, QD_E_INPUT,
                       "the authentication secret %s is in use|%s|another run authenticates with it, or both stations were given one "
                       "file|wait for that run; give each station its own copy",
                       s->path, strerror(errno));
    if (st.st_size < KEY + ROUND)
        return refused(s, "it has fewer than 48 bytes", "16 bytes of hash key and 32 for each key block are needed: share a longer one", err);
    *most = ((uint64_t)st.st_size - KEY) / ROUND;
    return QD_OK;
}

static qd_status of_another(const qd_auth_secret *s, const char *why, qd_error *err) {
    char text[160];
    snprintf(text, sizeof text, "its .state beside it counts %s: it is that of another secret, or of an older copy", why);
    return refused(s, text, "of a new secret remove the old one's .state, at both stations", err);
}

/* By the state of another secret this one would be cut and wiped. Pads that a state has as wiped are zeros in its file; and what lies behind
 * the pads it counts, left by a refill or a cut that a crash ended, comes after a tag. */
static qd_status check_state(const qd_auth_secret *s, uint64_t most, qd_error *err) {
    enum { AT_ONCE = 64 };
    if (s->budget.rounds > most) return of_another(s, "more pads than there are", err);
    if (s->budget.rounds < most && s->budget.next == 0) return of_another(s, "fewer pads than there are, and none as used", err);
    for (uint64_t round = 0; round < s->wiped; round += AT_ONCE) {
        uint8_t pads[AT_ONCE * ROUND];
        const size_t n = (size_t)(s->wiped - round < AT_ONCE ? s->wiped - round : AT_ONCE) * ROUND;
        if (!read_all(s->fd, pads, n, place(round))) return cannot("read", s->path, err);
        const bool used = all_zero(pads, n);
        qd_wipe(pads, n);
        if (!used) return of_another(s, "pads as used that are there", err);
    }
    return QD_OK;
}

/* The pads of a round that is not used. */
static qd_status read_pads(const qd_auth_secret *s, uint64_t round, uint8_t pads[ROUND], qd_error *err) {
    if (!read_all(s->fd, pads, ROUND, place(round))) return cannot("read", s->path, err);
    if (all_zero(pads, QD_AUTH_TAG) || all_zero(pads + QD_AUTH_TAG, QD_AUTH_TAG))
        return refused(s, "the next pads are zero: they were used and wiped, or never written",
                       "its .state was lost or is an old copy: put it back, or share a new secret", err);
    return QD_OK;
}

/* Before anything is built on them. */
static qd_status check_next(const qd_auth_secret *s, qd_error *err) {
    uint8_t pads[ROUND];
    if (s->budget.next >= s->budget.rounds) return QD_OK;
    qd_status st = read_pads(s, s->budget.next, pads, err);
    qd_wipe(pads, sizeof pads);
    return st;
}

static qd_status load(qd_auth_secret *s, qd_error *err) {
    struct stat there;
    uint64_t most = 0;
    s->fd = open(s->path, O_RDWR | O_CLOEXEC);
    if (s->fd < 0) return cannot("open", s->path, err);
    QD_TRY(check_file(s, &most, err));
    s->budget.rounds = most;
    if (!read_all(s->fd, s->key, KEY, 0)) return cannot("read", s->path, err);
    if (all_zero(s->key, KEY)) return refused(s, "its hash key is zero", "fill it with random bytes", err);
    if (lstat(s->state, &there) != 0 && errno == ENOENT) return check_next(s, err); /* nothing of it is used, and nothing is changed */
    QD_TRY(read_state(s, err));
    QD_TRY(check_state(s, most, err));
    QD_TRY(check_next(s, err));
    /* what a refill left that did not come to its end, and pads that a run could not wipe any more */
    if (ftruncate(s->fd, place(s->budget.rounds)) != 0) return cannot("cut", s->path, err);
    return wipe_used(s, err);
}

qd_status qd_auth_secret_open(const char *path, qd_direction role, qd_auth_secret **out, qd_error *err) {
    qd_auth_secret *s = qd_secret_alloc(sizeof *s);
    *out = NULL;
    if (s) {
        s->fd = -1;
        s->role = role;
        s->path = strdup(path);
        if (s->path && (s->state = malloc(strlen(path) + 7))) sprintf(s->state, "%s.state", path);
    }
    qd_status st = s && s->state ? load(s, err) : qd_fail(err, QD_E_INTERNAL, "no memory for the authentication secret");
    if (st == QD_OK)
        *out = s;
    else
        qd_auth_secret_close(s);
    return st;
}

qd_status qd_auth_secret_rehearse(uint64_t seed, uint64_t rounds, uint64_t used, qd_auth_secret **out, qd_error *err) {
    qd_auth_secret *s = qd_secret_alloc(sizeof *s);
    *out = s;
    if (!s) return qd_fail(err, QD_E_INTERNAL, "no memory for the authentication secret");
    s->fd = -1;
    s->seed = seed;
    s->budget = (qd_auth_budget){.rounds = rounds, .next = used, .rehearsal = true};
    qd_random r = {.rehearsal = 1, .seed = seed, .stream = QD_STREAM_AUTH, .entity = 0};
    qd_random_bytes(&r, s->key, KEY);
    return QD_OK;
}

void qd_auth_secret_close(qd_auth_secret *s) {
    if (!s) return;
    if (s->fd >= 0) close(s->fd);
    free(s->path);
    free(s->state);
    qd_secret_free(s);
}

qd_auth_budget qd_auth_secret_budget(const qd_auth_secret *s) {
    return s->budget;
}

qd_status qd_auth_secret_begin(qd_auth_secret *s, qd_direction role, qd_error *err) {
    if (s->fd < 0) return QD_OK;
    if (role != s->role) return qd_fail(err, QD_E_USAGE, "the authentication secret %s was opened as that of the other station", s->path);
    return settle(s, &s->budget, err);
}

qd_gf128 qd_auth_secret_key(const qd_auth_secret *s) {
    return qd_gf128_load(s->key);
}

/* ---- pads -------------------------------------------------------------------------------------------------------- */

qd_status qd_auth_secret_look(const qd_auth_secret *s, uint64_t round, uint8_t pads[QD_AUTH_ROUND], qd_error *err) {
    memset(pads, 0, ROUND);
    if (round < s->budget.next)
        return qd_fail(err, QD_E_POLICY,
                       "pads of authentication are asked for once more: round %llu, of which %llu are used||a message was replayed, or the "
                       "stations' secrets do not belong together|nothing is authenticated with them again: see the other station's "
                       "state",
                       (unsigned long long)round, (unsigned long long)s->budget.next);
    if (round >= s->budget.rounds)
        return qd_fail(err, QD_E_POLICY,
                       "no pads of authentication are left: all %llu rounds are used||each key block takes %d bits of the shared secret, and "
                       "none is used twice|share a new secret, or have more set aside of each key: security.auth.refill_bits",
                       (unsigned long long)s->budget.rounds, QD_AUTH_ROUND_BITS);
    if (s->fd < 0) {
        for (unsigned i = 0; i < 2; i++) {
            qd_random r = {.rehearsal = 1, .seed = s->seed, .stream = QD_STREAM_AUTH, .entity = 1 + 2 * round + i};
            qd_random_bytes(&r, pads + QD_AUTH_TAG * i, QD_AUTH_TAG);
        }
        return QD_OK;
    }
    return read_pads(s, round, pads, err);
}

qd_status qd_auth_secret_use(qd_auth_secret *s, uint64_t round, qd_error *err) {
    qd_auth_budget b = s->budget;
    if (round < b.next || round >= b.rounds) return qd_fail(err, QD_E_INTERNAL, "a round of authentication that cannot be used");
    b.next = round + 1;
    QD_TRY(settle(s, &b, err));
    return wipe_used(s, err);
}

static uint64_t add(uint64_t a, uint64_t b) {
    return b > UINT64_MAX - a ? UINT64_MAX : a + b;
}

qd_status qd_auth_secret_count(qd_auth_secret *s, uint64_t blocks, qd_error *err) {
    qd_auth_budget b = s->budget;
    b.tags = add(b.tags, 1);
    b.hashed = add(b.hashed, blocks);
    return settle(s, &b, err);
}

qd_status qd_auth_secret_cut(qd_auth_secret *s, uint64_t rounds, qd_error *err) {
    qd_auth_budget b = s->budget;
    if (rounds >= b.rounds) return QD_OK;
    if (rounds < b.next) return qd_fail(err, QD_E_INTERNAL, "rounds of authentication that were used are cut off");
    b.rounds = rounds;
    QD_TRY(settle(s, &b, err));
    return s->fd < 0 || ftruncate(s->fd, place(rounds)) == 0 ? QD_OK : cannot("cut", s->path, err);
}

qd_status qd_auth_secret_refill(qd_auth_secret *s, const qd_bits *bits, double eps, qd_error *err) {
    if (bits->n % QD_AUTH_ROUND_BITS) return qd_fail(err, QD_E_USAGE, "a refill of %llu bits||it is whole rounds of %d bits",
                                                     (unsigned long long)bits->n, QD_AUTH_ROUND_BITS);
    if (!bits->n) return QD_OK;
    qd_auth_budget b = s->budget;
    b.rounds += bits->n / QD_AUTH_ROUND_BITS;
    b.refilled_bits = add(b.refilled_bits, bits->n);
    b.refill_eps += eps;
    if (s->fd >= 0) { /* the bytes first: without a state that counts them they are cut off again */
        uint64_t bytes = qd_bits_bytes(bits->n);
        uint8_t *p = qd_secret_alloc(bytes);
        if (!p) return qd_fail(err, QD_E_INTERNAL, "no memory for key material");
        qd_bits_to_bytes(bits, QD_LSB_FIRST, p);
        bool ok = write_all(s->fd, p, bytes, place(s->budget.rounds)) && fsync(s->fd) == 0;
        qd_secret_free(p);
        if (!ok) return cannot("refill", s->path, err);
    }
    return settle(s, &b, err);
}
