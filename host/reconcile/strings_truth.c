/* SPDX-License-Identifier: Apache-2.0 */
/* Statistics of verification: what the machines' tag finds in key strings of simulated frames. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "qdistill/reconcile/strings.h"
#include "reconcile/code.h"
#include "reconcile/verify.h"

typedef struct frame {
    uint64_t bits;
    uint64_t *alice, *bob; /* one block of memory, alice's; bob's are hers where the frame was revealed */
} frame;

struct qd_strings {
    qd_strings_ask ask;
    frame frame[];
};

qd_status qd_strings_create(const qd_strings_ask *ask, qd_strings **out, qd_error *err) {
    *out = NULL;
    if (ask->each < 1 || ask->each > QD_STRINGS_FRAMES || ask->first % ask->each)
        return qd_fail(err, QD_E_USAGE,
                       "strings of %" PRIu64 " frames from frame %" PRIu64 " on||a string has 1 to %d frames, and begins with one of its own|",
                       ask->each, ask->first, QD_STRINGS_FRAMES);
    if (!(ask->eps_cor > 0 && ask->eps_cor < 1))
        return qd_fail(err, QD_E_USAGE, "eps_cor %g is not between 0 and 1", ask->eps_cor);
    qd_strings *s = ask->frames < SIZE_MAX / sizeof(frame) - 1 ? calloc(1, sizeof *s + ask->frames * sizeof(frame)) : NULL;
    if (!s) return qd_fail(err, QD_E_INTERNAL, "no memory for %" PRIu64 " frames|||take fewer at once", ask->frames);
    s->ask = *ask;
    *out = s;
    return QD_OK;
}

void qd_strings_destroy(qd_strings *s) {
    for (uint64_t f = 0; s && f < s->ask.frames; f++) free(s->frame[f].alice);
    free(s);
}

void qd_strings_take_truth(qd_strings *s, uint64_t number, uint64_t bits, const uint64_t *alice, const uint64_t *corrected) {
    const size_t words = qd_bits_words(bits);
    frame *f = &s->frame[number - s->ask.first];
    uint64_t *w = calloc((corrected ? 2 : 1) * words + 1, sizeof *w);
    if (!w) return; /* the frame is missing, then */
    *f = (frame){bits, w, corrected ? w + words : w};
    memcpy(f->alice, alice, words * 8);
    if (corrected) memcpy(f->bob, corrected, words * 8);
}

/* ---- One string ------------------------------------------------------------------------------------------------------------ */

typedef struct string {
    const qd_strings *s;
    const frame *frame; /* its first */
    uint64_t number, frames;
    bool any; /* a frame was taken for corrected */
    qd_bits alice, bob;
    uint32_t tag_bits;
    qd_verify_tag tag; /* of Alice's */
} string;

/* Frames @p i and @p j change places; i = j: none does. */
static void put_frames(const string *t, bool bobs, uint64_t i, uint64_t j, qd_bits *to) {
    uint64_t at = 0;
    for (uint64_t k = 0; k < t->frames; k++) {
        const frame *f = &t->frame[k == i ? j : k == j ? i : k];
        const uint64_t *w = bobs ? f->bob : f->alice;
        for (uint64_t b = 0; b < f->bits; b += 64, w++) {
            const uint32_t n = f->bits - b < 64 ? (uint32_t)(f->bits - b) : 64;
            qd_words_put(to->w, at, *w, n);
            at += n;
        }
    }
}

static qd_status string_make(const qd_strings *s, uint64_t first, string *t, qd_error *err) {
    const uint64_t left = s->ask.frames - first;
    uint64_t bits = 0;
    *t = (string){.s = s, .frame = s->frame + first, .number = (s->ask.first + first) / s->ask.each};
    t->frames = left < s->ask.each ? left : s->ask.each;
    for (uint64_t k = 0; k < t->frames; k++) {
        if (!t->frame[k].alice)
            return qd_fail(err, QD_E_INTERNAL, "frame %" PRIu64 " of a string is missing|there was no memory for it||take fewer frames at once",
                           s->ask.first + first + k);
        bits += t->frame[k].bits;
        t->any |= t->frame[k].alice != t->frame[k].bob;
    }
    t->tag_bits = qd_tag_bits(bits, s->ask.eps_cor);
    if (!t->any) return QD_OK;
    QD_TRY(qd_bits_create(&t->alice, bits, err));
    QD_TRY(qd_bits_create(&t->bob, bits, err));
    put_frames(t, false, 0, 0, &t->alice);
    put_frames(t, true, 0, 0, &t->bob);
    return QD_OK;
}

static void string_free(string *t) {
    qd_bits_destroy(&t->alice);
    qd_bits_destroy(&t->bob);
}

static void turn_bits(qd_random *r, uint64_t n, const qd_bits *alice, qd_bits *bob) {
    for (uint64_t left = n < bob->n ? n : bob->n; left;) {
        const uint64_t at = qd_random_below(r, bob->n);
        const unsigned turned = !qd_bits_get(alice, at);
        left -= qd_bits_get(bob, at) != turned; /* else it is turned already */
        qd_bits_set(bob, at, turned);
    }
}

static void swap_frames(qd_random *r, string *t) {
    const uint64_t i = qd_random_below(r, t->frames), j = qd_random_below(r, t->frames - 1);
    put_frames(t, true, i, j + (j >= i), &t->bob);
}

/* Hash key and planted error know nothing of each other, so that Alice's tag of the string can stand. */
static qd_status plant(string *t, qd_verified *v, qd_error *err) {
    qd_random r = {.rehearsal = 1, .seed = t->s->ask.seed, .stream = QD_STREAM_PLANT, .entity = t->number};
    const uint64_t kind = qd_random_below(&r, t->frames > 1 ? QD_PLANTED_KINDS : QD_PLANTED_FRAMES);
    bool same;
    if (kind == QD_PLANTED_FRAMES)
        swap_frames(&r, t);
    else
        turn_bits(&r, kind == QD_PLANTED_BIT ? 1 : 2 + qd_random_below(&r, 7), &t->alice, &t->bob);
    if (qd_bits_equal(&t->alice, &t->bob)) return QD_OK; /* the two frames were the same */
    QD_TRY(qd_verify_same(NULL, &t->tag, &t->bob, t->tag_bits, &same, err));
    v->planted[kind]++;
    v->planted_caught[kind] += !same;
    return QD_OK;
}

static qd_status look_at(string *t, qd_verified *v, qd_error *err) {
    qd_random key = {.rehearsal = 1, .seed = t->s->ask.seed, .stream = QD_STREAM_VERIFY, .entity = t->number};
    bool same;
    if (!t->any) return QD_OK;
    QD_TRY(qd_verify_tell(NULL, &key, &t->alice, t->tag_bits, &t->tag, err));
    QD_TRY(qd_verify_same(NULL, &t->tag, &t->bob, t->tag_bits, &same, err));
    v->strings++;
    if (v->tag_bits < t->tag_bits) v->tag_bits = t->tag_bits;
    const bool right = qd_bits_equal(&t->alice, &t->bob);
    v->wrong += !right;
    v->caught += !right && !same;
    v->refused += right && !same;
    return right ? plant(t, v, err) : QD_OK;
}

qd_status qd_strings_verify_truth(const qd_strings *s, qd_verified *v, qd_error *err) {
    qd_verified all = {0};
    for (uint64_t f = 0; f < s->ask.frames; f += s->ask.each) {
        string t;
        qd_status st = string_make(s, f, &t, err);
        if (st == QD_OK) st = look_at(&t, &all, err);
        string_free(&t);
        QD_TRY(st);
    }
    qd_verified_join(v, &all);
    return QD_OK;
}

void qd_verified_join(qd_verified *v, const qd_verified *more) {
    v->strings += more->strings;
    v->wrong += more->wrong;
    v->caught += more->caught;
    v->refused += more->refused;
    if (v->tag_bits < more->tag_bits) v->tag_bits = more->tag_bits;
    for (int k = 0; k < QD_PLANTED_KINDS; k++) {
        v->planted[k] += more->planted[k];
        v->planted_caught[k] += more->planted_caught[k];
    }
}
