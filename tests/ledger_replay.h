/* SPDX-License-Identifier: Apache-2.0 */
/** @file ledger_replay.h  What a string's reconciliation disclosed, summed from its messages alone: from the bodies as
 *  host/reconcile/machine.h lays them out and the design's rules of what is charged, and from nothing that the machines count. */
#ifndef QD_TESTS_LEDGER_REPLAY_H
#define QD_TESTS_LEDGER_REPLAY_H

#include "core_suite.h"

enum { REPLAY_FRAMES = 1 << 16 }; /* of a string at most */

typedef struct replay {
    uint32_t basis, z, m, n, tag_bits, rounds;
    uint64_t frames;
    uint32_t *rows;                   /* [frames] syndrome bits that were sent of each */
    uint8_t *open, *revealed, *asked; /* [frames] */
    uint64_t sent;                    /* syndrome bits of all messages */
    uint64_t answers, tags, frame_tags, width;
    uint64_t bytes[2], turns, added_rounds;
    bool cascade, large, mixed;
    uint32_t joined; /* pairs of lifted rows of a large-block code, at first */
    uint64_t told[2]; /* parities of Cascade, Alice's and Bob's */
    bool over;
    qd_ledger ledger; /* once over */
} replay;

static inline void replay_free(replay *r) {
    free(r->rows);
    free(r->open);
    free(r->revealed);
    free(r->asked);
    *r = (replay){0};
}

static inline void replay_frames(replay *r) {
    ck_assert_uint_le(r->frames, REPLAY_FRAMES);
    r->rows = calloc(r->frames, sizeof *r->rows);
    r->open = calloc(r->frames, 1);
    r->revealed = calloc(r->frames, 1);
    r->asked = calloc(r->frames, 1);
    memset(r->open, !r->cascade, r->frames);
}

static inline void replay_code(replay *r, qd_body *b) {
    replay_free(r);
    (void)qd_body_get_u8(b);
    r->basis = qd_body_get_u8(b);
    uint32_t code = qd_body_get_u32(b);
    r->z = qd_body_get_u32(b);
    r->m = qd_body_get_u32(b);
    for (int i = 0; i < 3; i++) (void)qd_body_get_u32(b);
    r->tag_bits = qd_body_get_u32(b);
    (void)qd_body_get_u32(b);
    (void)qd_body_get_u64(b);
    r->frames = qd_body_get_u64(b);
    r->rounds = qd_body_get_u32(b);
    ck_assert_uint_le(r->rounds, 64);
    r->n = (code == 2 ? 10 : code == 7 ? 33 : 22) * r->z + r->m - 2 * r->z;
    replay_frames(r);
}

static inline void replay_cascade(replay *r, qd_body *b) {
    replay_free(r);
    r->cascade = true;
    (void)qd_body_get_u8(b);
    r->basis = qd_body_get_u8(b);
    r->n = qd_body_get_u32(b);
    for (uint32_t i = qd_body_get_u32(b) + 1; i > 0; i--) (void)qd_body_get_u32(b); /* blocks and order */
    r->tag_bits = qd_body_get_u32(b);
    (void)qd_body_get_u8(b);
    (void)qd_body_get_u64(b);
    (void)qd_body_get_u64(b);
    r->frames = qd_body_get_u64(b);
    replay_frames(r);
}

static inline void replay_large(replay *r, qd_body *b) {
    replay_free(r);
    r->large = true;
    (void)qd_body_get_u8(b);
    r->basis = qd_body_get_u8(b);
    const uint32_t rows = qd_body_get_u32(b), cols = qd_body_get_u32(b);
    r->z = qd_body_get_u32(b);
    r->m = rows * r->z;
    r->n = cols * r->z;
    (void)qd_body_get_u64(b); /* what the decoder computes with */
    r->tag_bits = qd_body_get_u32(b);
    (void)qd_body_get_u32(b);
    (void)qd_body_get_u64(b);
    r->frames = qd_body_get_u64(b);
    r->joined = qd_body_get_u32(b);
    r->rounds = qd_body_get_u32(b);
    replay_frames(r);
}

/* Bits of a frame's syndrome that tell private bits alone. */
static inline uint64_t replay_private(const replay *r) {
    return r->large ? r->joined : 2 * r->z;
}

/* A list of bits, one for each frame whose @p of is set: what is no is asked for, or open still. */
static inline void replay_answer(replay *r, qd_body *b, const uint8_t *of, uint8_t *no) {
    uint64_t count = qd_body_get_u64(b), i = 0;
    uint8_t byte = 0, result[REPLAY_FRAMES] = {0};
    for (uint64_t f = 0; f < r->frames; f++) {
        if (!of[f]) continue;
        if (i % 8 == 0) byte = qd_body_get_u8(b);
        result[f] = !(byte >> (i++ % 8) & 1);
    }
    ck_assert_uint_eq(i, count);
    r->answers += count;
    memcpy(no, result, r->frames);
}

static inline void replay_end(replay *r) {
    uint64_t kept = 0, kept_bits = 0, failed = 0, all = 0, n = r->frames * r->n;
    for (uint64_t f = 0; f < r->frames; f++) {
        all += r->rows[f];
        if (r->revealed[f])
            failed++;
        else {
            kept++;
            kept_bits += r->rows[f];
        }
    }
    ck_assert_uint_eq(all, r->sent);
    while (r->width < 63 && ((uint64_t)1 << r->width) < n + 1) r->width++; /* ceil(log2(n+1)) */
    uint64_t *a = r->ledger.bits[r->basis][QD_ALICE_TO_BOB], *b = r->ledger.bits[r->basis][QD_BOB_TO_ALICE];
    if (r->cascade) { /* which frame a parity is of, messages do not say: known where all or none are kept, else it is a share */
        r->mixed = failed && kept;
        kept_bits = kept ? r->told[0] : 0;
        b[QD_LEAK_SYNDROME] = r->told[1];
    }
    a[QD_LEAK_SYNDROME] = kept_bits;
    a[QD_LEAK_PRIVATE] = kept * replay_private(r);
    a[QD_LEAK_FAILED] = failed * r->n;
    a[QD_LEAK_TAG] = r->tags * r->tag_bits + 64 * r->frame_tags;
    b[QD_LEAK_ANSWER] = r->answers;
    b[QD_LEAK_ERROR_COUNT] = r->width;
    r->over = true;
}

static inline void replay_rows(replay *r, qd_body *b) {
    uint32_t round = qd_body_get_u32(b);
    uint64_t open = 0, add = qd_body_get_u32(b);
    ck_assert(round >= 1 && round <= r->rounds && round == ++r->added_rounds);
    (void)qd_body_get_u64(b); /* the decoder's constants */
    for (uint64_t f = 0; f < r->frames; f++) {
        if (!r->open[f]) continue;
        open++;
        r->rows[f] += (uint32_t)add;
    }
    ck_assert_uint_eq(qd_body_get_u64(b), open);
    ck_assert_uint_eq(b->n - b->at, open * ((add + 7) / 8));
    r->sent += open * add;
}

/* Frames asked for: the open ones; after frame tags those that differed; after a second mismatch all that are left. */
static inline void replay_reveal(replay *r, qd_body *b) {
    uint64_t count = qd_body_get_u64(b), found = 0;
    const uint8_t *which = r->tags == 0 ? r->open : r->tags == 1 ? r->asked : NULL;
    for (uint64_t f = 0; f < r->frames; f++) {
        if (r->revealed[f] || (which && !which[f])) continue;
        r->revealed[f] = 1;
        found++;
    }
    ck_assert_uint_eq(found, count);
}

static inline void replay_message(replay *r, const qd_msg *m) {
    qd_body b = qd_body_of(m);
    uint64_t frames;
    if (m->type == QD_MSG_CODE) replay_code(r, &b);
    if (m->type == QD_MSG_CASCADE) replay_cascade(r, &b);
    if (m->type == QD_MSG_LARGE) replay_large(r, &b);
    if (!r->rows) return;
    r->bytes[m->from] += m->bytes;
    r->turns += m->from == 1 && m->last;
    switch (m->type) {
        case QD_MSG_SYNDROME:
            frames = qd_body_get_u64(&b);
            for (uint32_t i = qd_body_get_u32(&b); i > 0; i--) r->rows[frames++] = r->m;
            r->sent += (b.n - b.at) / ((r->m + 7) / 8) * r->m;
            break;
        case QD_MSG_ANSWER:
            replay_answer(r, &b, r->open, r->open);
            break;
        case QD_MSG_ROWS:
            replay_rows(r, &b);
            break;
        case QD_MSG_PARITIES:
            (void)qd_body_get_u32(&b);
            r->told[m->from] += qd_body_get_u64(&b);
            break;
        case QD_MSG_REVEAL:
            replay_reveal(r, &b);
            break;
        case QD_MSG_TAG:
            r->tags++;
            break;
        case QD_MSG_TAG_ANSWER:
            r->answers++;
            break;
        case QD_MSG_FRAME_TAGS:
            (void)qd_body_get_u64(&b);
            (void)qd_body_get_u64(&b); /* the hash key */
            r->frame_tags += qd_body_get_u64(&b);
            break;
        case QD_MSG_FRAME_ANSWER: {
            uint8_t kept[REPLAY_FRAMES];
            for (uint64_t f = 0; f < r->frames; f++) kept[f] = !r->revealed[f];
            replay_answer(r, &b, kept, r->asked);
            break;
        }
        case QD_MSG_ERRORS:
            replay_end(r);
            break;
        default:
            break;
    }
}

#endif
