/* SPDX-License-Identifier: Apache-2.0 */
#include "wire.h"

#include <stdlib.h>
#include <string.h>

qd_status qd_wire_bad(const qd_msg *m, const char *why, qd_error *err) {
    return qd_fail(err, QD_E_INPUT,
                   "malformed message '%s' of block %u from %s|%s|the other station runs another version, or the channel was "
                   "tampered with|stop and compare both stations' versions",
                   qd_msg_name(m->type), m->block, m->from ? "Bob" : "Alice", why);
}

static qd_status no_memory(qd_error *err) {
    return qd_fail(err, QD_E_INTERNAL, "no memory for a message");
}

void qd_wire_put_varint(qd_body *b, uint64_t v) {
    uint8_t buf[10];
    unsigned n = 0;
    do {
        buf[n] = (uint8_t)(v & 127) | (v > 127 ? 128 : 0);
        v >>= 7;
        n++;
    } while (v);
    qd_body_put(b, buf, n);
}

uint64_t qd_wire_get_varint(qd_body *b) {
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t c = qd_body_get_u8(b);
        uint64_t part = c & 127;
        if (shift == 63 && part > 1) break;
        v |= part << shift;
        if (!(c & 128)) {
            if (c == 0 && shift) break; /* a needless last byte: one value, one coding */
            return v;
        }
    }
    b->bad = true;
    return 0;
}

/* A claimed count is believed only as far as the bytes that follow could hold it: one byte an item. */
static bool count_fits(const qd_body *b, uint64_t count) {
    return count <= b->n - b->at + 1 && count < SIZE_MAX / 8;
}

qd_status qd_wire_times_put(qd_body *b, const qd_wire_times *w, qd_error *err) {
    qd_body_put(b, w->nonce, sizeof w->nonce);
    qd_body_u64(b, w->first);
    qd_body_u64(b, w->count);
    qd_body_u8(b, w->end);
    if (w->count) qd_body_u64(b, (uint64_t)w->t[0]);
    for (uint64_t i = 1; i < w->count; i++) qd_wire_put_varint(b, (uint64_t)(w->t[i] - w->t[i - 1]));
    return b->bad ? no_memory(err) : QD_OK;
}

qd_status qd_wire_times_get(const qd_msg *m, uint64_t next, int64_t last, qd_wire_times *w, qd_error *err) {
    const int64_t limit = (int64_t)1 << 54;
    qd_body b = qd_body_of(m);
    *w = (qd_wire_times){.count = 0};
    qd_body_get(&b, w->nonce, sizeof w->nonce);
    w->first = qd_body_get_u64(&b);
    w->count = qd_body_get_u64(&b);
    uint8_t end = qd_body_get_u8(&b);
    w->end = end != 0;
    if (b.bad || end > 1 || w->first != next || !count_fits(&b, w->count)) return qd_wire_bad(m, "header of the times", err);
    if (!w->count) return qd_body_end(&b, m, err);
    w->t = malloc(w->count * sizeof *w->t);
    if (!w->t) return no_memory(err);
    int64_t t = (int64_t)qd_body_get_u64(&b);
    bool ok = t >= last && t > -limit && t < limit;
    w->t[0] = t;
    for (uint64_t i = 1; ok && i < w->count; i++) {
        uint64_t d = qd_wire_get_varint(&b);
        ok = !b.bad && d < (uint64_t)limit && (t += (int64_t)d) < limit;
        w->t[i] = t;
    }
    qd_status st = ok ? qd_body_end(&b, m, err) : qd_wire_bad(m, "times that go backwards or leave the range", err);
    if (st != QD_OK) {
        free(w->t);
        w->t = NULL;
    }
    return st;
}

qd_status qd_wire_pairs_put(qd_body *b, uint64_t from, const qd_wire_pairs *w, qd_error *err) {
    qd_body_u64(b, w->settled);
    qd_body_u64(b, w->count);
    for (uint64_t i = 0; i < w->count; i++) {
        qd_wire_put_varint(b, w->index[i] - from);
        from = w->index[i];
    }
    return b->bad ? no_memory(err) : QD_OK;
}

qd_status qd_wire_pairs_get(const qd_msg *m, uint64_t from, uint64_t announced, qd_wire_pairs *w, qd_error *err) {
    qd_body b = qd_body_of(m);
    *w = (qd_wire_pairs){.settled = qd_body_get_u64(&b)};
    w->count = qd_body_get_u64(&b);
    if (b.bad || w->settled < from || w->settled > announced || !count_fits(&b, w->count))
        return qd_wire_bad(m, "header of the pairs", err);
    w->index = malloc((w->count ? w->count : 1) * sizeof *w->index);
    if (!w->index) return no_memory(err);
    bool ok = true;
    uint64_t at = from;
    for (uint64_t i = 0; ok && i < w->count; i++) {
        uint64_t d = qd_wire_get_varint(&b);
        ok = !b.bad && (d > 0 || i == 0) && d < w->settled - at;
        at += d;
        w->index[i] = at;
    }
    qd_status st = ok ? qd_body_end(&b, m, err) : qd_wire_bad(m, "pairs that are not ascending or were never announced", err);
    if (st != QD_OK) {
        free(w->index);
        w->index = NULL;
    }
    return st;
}

void qd_wire_bits_put(qd_body *b, const qd_bits *bits) {
    qd_body_u64(b, bits->n);
    uint64_t bytes = qd_bits_bytes(bits->n);
    uint8_t *buf = qd_secret_alloc(bytes);
    if (!buf) {
        b->bad = true;
        return;
    }
    qd_bits_to_bytes(bits, QD_LSB_FIRST, buf);
    qd_body_put(b, buf, bytes);
    qd_secret_free(buf);
}

qd_status qd_wire_bits_get(qd_body *b, const qd_msg *m, uint64_t n, qd_bits *bits, qd_error *err) {
    *bits = (qd_bits){0};
    uint64_t have = qd_body_get_u64(b), bytes = qd_bits_bytes(n);
    if (b->bad || have != n || bytes > b->n - b->at) return qd_wire_bad(m, "a bit string of another length", err);
    qd_status st = qd_bits_from_bytes(bits, b->p + b->at, n, QD_LSB_FIRST, err);
    if (st == QD_E_INPUT) return qd_wire_bad(m, "bits past the end of a string", err);
    if (st != QD_OK) return st;
    b->at += bytes;
    return QD_OK;
}

void qd_wire_positions_put(qd_body *b, const uint64_t *pos, uint64_t count) {
    qd_body_u64(b, count);
    for (uint64_t i = 0; i < count; i++) qd_wire_put_varint(b, pos[i] - (i ? pos[i - 1] : 0));
}

qd_status qd_wire_positions_get(qd_body *b, const qd_msg *m, uint64_t n, uint64_t **pos, uint64_t *count, qd_error *err) {
    *pos = NULL;
    *count = qd_body_get_u64(b);
    if (b->bad || *count > n || !count_fits(b, *count)) return qd_wire_bad(m, "number of sample positions", err);
    uint64_t *p = malloc((*count ? *count : 1) * sizeof *p), at = 0;
    if (!p) return no_memory(err);
    for (uint64_t i = 0; i < *count; i++) {
        uint64_t d = qd_wire_get_varint(b);
        if (b->bad || (i && d == 0) || d >= n || at + d >= n) {
            free(p);
            return qd_wire_bad(m, "sample positions not ascending or outside the string", err);
        }
        p[i] = at += d;
    }
    *pos = p;
    return QD_OK;
}

/* ---- parameters -------------------------------------------------------------------------------------------------- */

enum { AGREED = 16 };
static const struct {
    const char *name;
    bool real; /* the bits of a double */
} agreed[AGREED] = {{"block_coincidences", false},
                    {"tick (numerator)", false},
                    {"tick (denominator)", false},
                    {"window_ps", false},
                    {"announce_ps", false},
                    {"dead_ps", false},
                    {"correlation", false},
                    {"eps_sec", true},
                    {"eps_cor", true},
                    {"rehearsal", false},
                    {"first block", false},
                    {"abandoned block", false},
                    {"blind", false},
                    {"authentication", false},
                    {"eps_total", true},
                    {"refill_bits", false}};

static uint64_t bits_of(double x) {
    uint64_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

static void agreed_values(const qd_station_params *p, uint64_t v[AGREED]) {
    const uint64_t values[AGREED] = {p->block_coincidences,
                                     (uint64_t)p->tick.num,
                                     (uint64_t)p->tick.den,
                                     p->window_ps,
                                     p->announce_ps,
                                     p->dead_ps,
                                     p->correlation_same,
                                     bits_of(p->eps_sec),
                                     bits_of(p->eps_cor),
                                     p->rehearsal,
                                     p->first_block,
                                     p->abandon_first,
                                     p->blind,
                                     p->secret != NULL,
                                     bits_of(p->eps_total),
                                     p->refill_bits};
    memcpy(v, values, sizeof values);
}

void qd_wire_agreed_put(qd_body *b, const qd_station_params *p) {
    uint64_t v[AGREED];
    agreed_values(p, v);
    for (int i = 0; i < AGREED; i++) qd_body_u64(b, v[i]);
}

void qd_wire_context_put(qd_body *b, const qd_station_params *p) {
    qd_station_params same = *p;
    same.first_block = 0;
    same.abandon_first = false;
    qd_wire_agreed_put(b, &same);
}

static void print_value(int i, uint64_t v, char out[32]) {
    double x;
    memcpy(&x, &v, sizeof x);
    if (agreed[i].real)
        snprintf(out, 32, "%.17g", x);
    else
        snprintf(out, 32, "%llu", (unsigned long long)v);
}

qd_status qd_wire_agreed_check(const qd_msg *m, const qd_station_params *own, qd_error *err) {
    uint64_t mine[AGREED], theirs[AGREED];
    qd_body b = qd_body_of(m);
    agreed_values(own, mine);
    for (int i = 0; i < AGREED; i++) theirs[i] = qd_body_get_u64(&b);
    QD_TRY(qd_body_end(&b, m, err));
    for (int i = 0; i < AGREED; i++) {
        if (mine[i] == theirs[i]) continue;
        char a[32], c[32];
        print_value(i, theirs[i], a);
        print_value(i, mine[i], c);
        return qd_fail(err, QD_E_INPUT,
                       "the stations' jobs differ: %s is %s at Alice's, %s at Bob's||two stations make one key only of one "
                       "job|give both the same job",
                       agreed[i].name, a, c);
    }
    return QD_OK;
}
