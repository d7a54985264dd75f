/* SPDX-License-Identifier: Apache-2.0 */
/* Two tag files sifted as a stream: whatever the chunk, the same bytes as from whole arrays. */
#include <stdio.h>
#include <unistd.h>
#include "drift_source.h"
#include "qdistill/sift_files.h"
#include "run_all.h"

static char dir[] = "/tmp/qd_sift_files_XXXXXX";
static char path[2][64];
static qd_tags tags[2];

enum { SHIFT = -1000000 }; /* B's times less A's, ticks */

static void push(int side, int64_t t, uint8_t mask) {
    qd_tags *s = &tags[side];
    ck_assert_int_eq(qd_tags_reserve(s, s->n + 1, NULL), QD_OK);
    s->t[s->n] = t;
    s->mask[s->n++] = mask;
}

/* A link with partners, strangers, bursts closer than the window, multi-clicks, and stretches in which one station is silent. */
static void make_tags(void) {
    for (int s = 0; s < 2; s++) tags[s].tick = (qd_tick){125, 32};
    int64_t t = 3000000, last_b = 0;
    for (uint64_t i = 0; i < 6000; i++) {
        uint32_t r[4];
        qd_philox(21, QD_STREAM_TEST, i, 0, r);
        t += i % 100 < 20 ? r[0] % 60 : r[0] % 40000;
        if (i % 1000 == 999) t += 100000000; /* a gap */
        int silent = i < 700 ? QD_ALICE : i > 5500 ? QD_BOB : (i / 400) % 5 == 3 ? (int)(i / 2000) % 2 : -1;
        if (silent != QD_ALICE) push(QD_ALICE, t, (uint8_t)(1 + r[1] % 15));
        int64_t tb = t + SHIFT + (int64_t)(r[2] % 41) - 20;
        if (tb < last_b) tb = last_b;
        if (silent != QD_BOB && r[3] % 4) push(QD_BOB, tb, (uint8_t)(1 + (r[1] >> 8) % 15)), last_b = tb;
    }
}

static void save(void) {
    for (int s = 0; s < 2; s++) {
        qd_tag_writer *w = NULL;
        qd_tag_format format;
        snprintf(path[s], sizeof path[s], "%s/%c.a1", dir, 'a' + s);
        ck_assert_int_eq(qd_tag_format_parse("a1-54", &format, NULL), QD_OK);
        ck_assert_int_eq(qd_tag_writer_open(path[s], format, &w, NULL), QD_OK);
        ck_assert_int_eq(qd_tag_writer_write(w, &tags[s], NULL), QD_OK);
        ck_assert_int_eq(qd_tag_writer_commit(w, NULL), QD_OK);
    }
}

static void write_tags(void) {
    ck_assert_ptr_nonnull(mkdtemp(dir));
    make_tags();
    save();
}

static void remove_tags(void) {
    for (int s = 0; s < 2; s++) {
        (void)unlink(path[s]);
        qd_tags_destroy(&tags[s]);
    }
    (void)rmdir(dir);
}

static qd_sift_options options_for(uint64_t events, uint64_t dead_ps) {
    qd_sift_options o = {.path = {path[0], path[1]},
                         .offset_ps = -SHIFT * 125.0 / 32,
                         .window_ps = 1000,
                         .dead_ps = dead_ps,
                         .announce_ps = 125,
                         .rehearsal = true,
                         .seed = 3,
                         .chunk = events};
    for (int s = 0; s < 2; s++) ck_assert_int_eq(qd_tag_format_parse("a1-54", &o.format[s], NULL), QD_OK);
    return o;
}

static void expect_equal(const qd_sift_result *a, const qd_sift_result *b) {
    ck_assert_uint_eq(a->coincidences, b->coincidences);
    ck_assert_uint_eq(a->in_windows, b->in_windows);
    ck_assert_mem_eq(&a->pairs, &b->pairs, sizeof a->pairs);
    ck_assert_uint_eq(a->times.bins, b->times.bins);
    for (int s = 0; s < 2; s++) {
        const qd_sift_station *p = &a->station[s], *q = &b->station[s];
        ck_assert_uint_eq(p->tags, q->tags);
        ck_assert_uint_eq(p->dead_dropped, q->dead_dropped);
        ck_assert_mem_eq(p->singles, q->singles, sizeof p->singles);
        ck_assert_mem_eq(&p->counts, &q->counts, sizeof p->counts);
        for (int k = 0; k < 2; k++) {
            ck_assert(qd_bits_equal(&p->key[k], &q->key[k]));
            ck_assert_mem_eq(a->times.count[s][k], b->times.count[s][k], a->times.bins * sizeof *a->times.count[s][k]);
        }
    }
}

/* The same from whole arrays, without the stream: filter, announce, pair, coins, bits. */
static void expect_whole(const qd_sift_result *got, uint64_t dead_ps) {
    qd_pairs p = {0};
    qd_clock clock = {.base = tags[QD_BOB].t[0], .offset = -SHIFT, .tick = tags[0].tick, .locked = true};
    qd_bits basis[2], value[2], key[2];
    uint64_t n = 0;
    for (int s = 0; s < 2; s++) {
        qd_dead dead = {0};
        qd_dead_filter(&dead, dead_ps, &tags[s]);
    }
    qd_tags *a = &tags[QD_ALICE], *b = &tags[QD_BOB];
    ck_assert_int_eq(qd_announce(a->t, a->n, a->tick, 125, a->t, NULL), QD_OK);
    ck_assert_int_eq(qd_announced_ticks(a->t, a->n, a->tick, 125, a->t, NULL), QD_OK);
    ck_assert_int_eq(qd_coincide(NULL, a->t, a->n, b->t, b->n, &clock, qd_window_reach(1000, a->tick), 0, a->n, &p, NULL), QD_OK);
    n = p.n;
    ck_assert_uint_eq(got->coincidences, n);
    ck_assert_uint_gt(n, 500);
    uint8_t *event = malloc(n);
    for (int s = 0; s < 2; s++) {
        const uint64_t *id = s ? p.b : p.a;
        for (uint64_t i = 0; i < n; i++) event[i] = tags[s].mask[id[i]];
        qd_random random = {.rehearsal = 1, .seed = 3, .stream = s ? QD_STREAM_MULTI_BOB : QD_STREAM_MULTI_ALICE};
        qd_sift_coins(&random, event, id, n, event);
        ck_assert_int_eq(qd_sift_measure(NULL, (qd_side)s, QD_ANTI, event, n, &basis[s], &value[s], NULL, NULL), QD_OK);
    }
    for (int s = 0; s < 2; s++) {
        ck_assert_int_eq(qd_sift_select(NULL, &basis[s], &basis[1 - s], &value[s], &key[QD_Z], &key[QD_X], NULL), QD_OK);
        for (int k = 0; k < 2; k++) {
            ck_assert(qd_bits_equal(&key[k], &got->station[s].key[k]));
            qd_bits_destroy(&key[k]);
        }
    }
    for (int s = 0; s < 2; s++) {
        qd_bits_destroy(&basis[s]);
        qd_bits_destroy(&value[s]);
    }
    free(event);
    qd_pairs_destroy(&p);
}

/* Too short a time to follow a clock: both ways the line as given. */
START_TEST(chunks_change_nothing) {
    static const uint64_t sizes[] = {1, 7, 64, 1000, 1 << 21}, dead_ps[] = {0, 50000, 50000};
    const bool one_line = _i == 2;
    qd_error err = {0};
    qd_sift_result first, r;
    qd_sift_options o = options_for(333, dead_ps[_i]);
    o.one_line = one_line;
    ck_assert_msg(qd_sift_files_truth(&o, NULL, NULL, &first, &err) == QD_OK, "%s", err.what);
    ck_assert(first.station[0].dead_dropped > 0 || dead_ps[_i] == 0);
    ck_assert_uint_gt(first.in_windows, 0);
    for (int c = 0; c < 5; c++) {
        o = options_for(sizes[c], dead_ps[_i]);
        o.one_line = one_line;
        ck_assert_msg(qd_sift_files_truth(&o, NULL, NULL, &r, &err) == QD_OK, "%s", err.what);
        expect_equal(&first, &r);
        qd_sift_result_free(&r);
    }
    expect_whole(&first, dead_ps[_i]);
    qd_sift_result_free(&first);
}
END_TEST

/* A clock file whose base lies `part` of the way through the data, off by less than the window. */
static char *clock_at(const drift_case *c, const drift_events *e, double part) {
    static char file[80];
    qd_clock clock = drift_line(c, e, (uint64_t)((double)(e->b.n - 1) * part), 300, 0);
    snprintf(file, sizeof file, "%s/clock.json", dir);
    (void)unlink(file);
    ck_assert_int_eq(qd_clock_write(&clock, file, NULL), QD_OK);
    return file;
}

/* A recording under a frequency that drifts by 0.3 ppm a second: the clock is followed both ways from its base; neither how many events are
 * read at a time nor how many are held on the way back changes anything; a straight line loses nearly all. */
START_TEST(a_drifting_clock_is_followed) {
    static const double base[] = {0, 0.5, 0.999};
    static const uint64_t sizes[] = {100, 1 << 21}, back[] = {1000, 0};
    const drift_case c = {.a = 3e4, .b = 3e4, .pairs = 2000, .sigma_ps = 210, .seconds = 4, .ppm = -3, .drift_ppm_s = 0.3};
    drift_events e = drift_make(&c, 8);
    qd_tags shared[2] = {tags[0], tags[1]};
    for (int k = 0; k < 2; k++) tags[k] = k ? e.b : e.a;
    for (uint64_t i = 0; i < e.a.n; i++) e.a.mask[i] = (uint8_t)(1 << (e.id[0][i] ? e.id[0][i] % 4 : i % 4));
    for (uint64_t i = 0; i < e.b.n; i++) e.b.mask[i] = (uint8_t)(1 << (e.id[1][i] ? (e.id[1][i] + 2) % 4 : i % 4));
    save();
    qd_pairs p = {0};
    ck_assert_int_eq(qd_coincide(NULL, e.a.t, e.a.n, e.true_b, e.b.n, NULL, qd_window_reach(1000, e.a.tick), 0, e.a.n, &p, NULL), QD_OK);
    qd_sift_result first = {0}, r;
    qd_error err = {0};
    qd_sift_options o = options_for(0, 0);
    o.clock_file = clock_at(&c, &e, base[_i]);
    for (int i = 0; i < 4; i++) {
        o.chunk = sizes[i / 2];
        o.back = back[i % 2];
        ck_assert_msg(qd_sift_files_truth(&o, NULL, NULL, &r, &err) == QD_OK, "%s", err.what);
        ck_assert(r.clock.locked && r.clock.lost == 0);
        ck_assert_uint_ge(100 * r.coincidences, 99 * p.n);
        if (i) expect_equal(&first, &r);
        if (i) qd_sift_result_free(&r);
        else first = r;
    }
    o.one_line = true;
    ck_assert_int_eq(qd_sift_files_truth(&o, NULL, NULL, &r, NULL), QD_OK);
    ck_assert(!r.clock.locked);
    ck_assert_uint_lt(4 * r.coincidences, p.n);
    qd_sift_result_free(&r);
    qd_sift_result_free(&first);
    qd_pairs_destroy(&p);
    (void)unlink(o.clock_file);
    for (int k = 0; k < 2; k++) tags[k] = shared[k];
    drift_free(&e);
}
END_TEST

int main(void) {
    Suite *s = suite_create("sift_files");
    TCase *t = tcase_create("stream");
    tcase_set_timeout(t, 600);
    tcase_add_checked_fixture(t, write_tags, remove_tags);
    tcase_add_loop_test(t, chunks_change_nothing, 0, 3);
    tcase_add_loop_test(t, a_drifting_clock_is_followed, 0, 3);
    suite_add_tcase(s, t);
    return run_all(s);
}
