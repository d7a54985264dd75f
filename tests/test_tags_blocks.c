/* SPDX-License-Identifier: Apache-2.0 */
/* Raw events, read a block at a time, against the rules of the format applied to all records at once. */
#include "tag_file.h"
#include "qdistill/core/rng.h"

enum { N = 40000 };

/* What a stream has much of; any may occur together with any. */
enum { DROPPED = 1, BACK = 2, WRAPS = 4, EQUAL = 8, STRAY = 16, KINDS = 32 };

typedef struct model {
    uint64_t n;
    int64_t *t; /* [N] in the order of the file, then sorted */
    uint8_t *mask;
    qd_tag_info info;
} model;

static uint32_t draw(uint64_t seed, uint64_t i, uint32_t which) {
    uint32_t w[4];
    qd_philox(seed, QD_STREAM_TEST, i, which, w);
    return w[0];
}

/* A special record now and then, so that there are blocks with and without; a block of 4096 may begin with a late one. */
static void make(uint64_t *w, int kind, const qd_tag_format *f) {
    unsigned low = 64 - f->bits;
    uint64_t range_mask = ((uint64_t)1 << f->bits) - 1, seed = (uint64_t)kind + 1;
    uint64_t at = kind & WRAPS ? range_mask - (kind & EQUAL ? 200000 : 20000000) : 1000; /* in the first block, or a later one */
    for (uint64_t i = 0; i < N; i++) {
        uint32_t r = draw(seed, i, 0), special = draw(seed, i, 1) % 3000;
        at += kind & EQUAL && r % 64 == 0 ? 0 : 1 + r % 2048;
        uint64_t t = at;
        if (kind & BACK && special < 3) t -= draw(seed, i, 2) % (special ? 4000 : 500000); /* at most some 500 events */
        if (kind & BACK && i % 8192 == 4096) t -= 20000;
        w[i] = (t & range_mask) << low | 1u << (r >> 30);
        if (r % 77 == 0) w[i] |= 1 + r % 15;
        if (kind & STRAY && special == 5) w[i] |= 0x6000;
        if (kind & DROPPED && special == 6) w[i] = 0;
        if (kind & DROPPED && special == 7) w[i] &= ~(uint64_t)15;
        if (kind & DROPPED && special == 8) w[i] |= 16;
        if (kind & DROPPED && special == 9) w[i] |= 32;
    }
}

/* By the definitions in qdistill/timetag.h. */
static void decode(model *m, const uint64_t *w, const qd_tag_format *f) {
    int64_t range = (int64_t)1 << f->bits, high = 0, before = 0, counted = 0;
    bool seven = f->card == QD_CARD_TIMESTAMP7, any = false;
    qd_tag_info *x = &m->info;
    for (uint64_t i = 0; i < N; i++) {
        x->records++;
        if (w[i] == 0) {
            x->padding++;
        } else if (seven && w[i] & 16) {
            x->dummies++;
            x->stray += (w[i] & 15) != 0;
        } else if (seven && w[i] & 32) {
            x->selftests++;
        } else if (!(w[i] & 15)) {
            x->empty++;
        } else {
            int64_t raw = (int64_t)(w[i] >> (64 - f->bits)), t = high + raw;
            bool late = any && raw - counted > range - 1000000000; /* from before a wrap */
            if (late) t -= range;
            if (any && raw - counted < -range / 2) high += range, t += range, x->wraps++;
            if (!late) counted = raw;
            if (any && t < before) {
                x->backward++;
                if (before - t > x->largest_backward) x->largest_backward = before - t;
            }
            any = true;
            before = t;
            x->stray += !seven && w[i] & 0x6000;
            x->mask[w[i] & 15]++;
            m->mask[m->n] = w[i] & 15;
            m->t[m->n++] = t;
        }
    }
    x->events = m->n;
    for (uint64_t i = 1; i < m->n; i++) /* stable */
        for (uint64_t k = i; k > 0 && m->t[k - 1] > m->t[k]; k--) {
            int64_t t = m->t[k];
            uint8_t mask = m->mask[k];
            m->t[k] = m->t[k - 1], m->mask[k] = m->mask[k - 1];
            m->t[k - 1] = t, m->mask[k - 1] = mask;
        }
    for (uint64_t i = 1; i < m->n; i++)
        if (m->t[i] == m->t[i - 1]) x->equal_times++, x->duplicates += m->mask[i] == m->mask[i - 1];
    x->first = m->t[0];
    x->last = m->t[m->n - 1];
}

static void write_words(const uint64_t *w, const qd_tag_format *f) {
    uint8_t *b = malloc((size_t)N * 8);
    bool high_first = (f->bits == 49) != f->swapped;
    for (size_t i = 0; i < N; i++)
        for (int k = 0; k < 8; k++) b[8 * i + (size_t)k] = (uint8_t)(w[i] >> (8 * (high_first ? k ^ 4 : k)));
    write_file(b, (size_t)N * 8);
    free(b);
}

START_TEST(every_kind) {
    static const char *const names[4] = {"a1-49", "a1-54", "a1-49-swapped", "a1-54-swapped"};
    qd_tag_format f = format_of(names[_i % 4]);
    if (_i % 3 == 0) f.card = f.card == QD_CARD_TIMESTAMP3 ? QD_CARD_TIMESTAMP7 : QD_CARD_TIMESTAMP3;
    uint64_t *w = malloc(N * sizeof *w), pieces[2] = {777, 1 << 20};
    model m = {.t = malloc(N * sizeof *m.t), .mask = malloc(N)};
    make(w, _i, &f);
    decode(&m, w, &f);
    write_words(w, &f);
    ck_assert(!(_i & WRAPS) || m.info.wraps == 1);
    ck_assert(!(_i & BACK) || (m.info.backward > 10 && m.info.largest_backward > 100000));
    ck_assert(!(_i & DROPPED) || (m.info.padding && m.info.empty));
    for (int p = 0; p < 2; p++) {
        qd_tag_reader *r = NULL;
        qd_tags t = {0};
        bool end = false;
        ck_assert_int_eq(qd_tag_reader_open(path, f, &r, NULL), QD_OK);
        while (!end) ck_assert_int_eq(qd_tag_reader_read(r, pieces[p], &t, &end, NULL), QD_OK);
        ck_assert_uint_eq(t.n, m.n);
        ck_assert_mem_eq(t.t, m.t, m.n * sizeof *m.t);
        ck_assert_mem_eq(t.mask, m.mask, m.n);
        ck_assert_mem_eq(qd_tag_reader_info(r), &m.info, sizeof m.info);
        qd_tag_reader_close(r);
        qd_tags_destroy(&t);
    }
    free(w);
    free(m.t);
    free(m.mask);
}
END_TEST

int main(void) {
    Suite *s = suite_create("tags_blocks");
    TCase *tc = tcase_create("a1");
    tcase_add_loop_test(tc, every_kind, 0, KINDS);
    suite_add_tcase(s, tc);
    return run_in_folder(s);
}
