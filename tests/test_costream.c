/* SPDX-License-Identifier: Apache-2.0 */
/* From T1 and T2 files to T3 and T4 files: every byte against files that are written down here. */
#include <check.h>
#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>
#include "epoch_bits.h"
#include "qdistill/qcrypto.h"
#include "run_all.h"

enum { EPOCHS = 5, EVENTS = 600, MEETINGS = 4 * EVENTS };
static const int64_t epoch_length = (int64_t)1 << 32;

static char root[] = "/tmp/qd_costream.XXXXXX";
static char dir[4][64];
enum { T1, T2, T3, T4 };

static void empty_dirs(void) {
    for (int i = 0; i < 4; i++) {
        DIR *d = opendir(dir[i]);
        struct dirent *e;
        while (d && (e = readdir(d)))
            if (e->d_name[0] != '.') (void)unlinkat(dirfd(d), e->d_name, 0);
        if (d) closedir(d);
        (void)mkdir(dir[i], 0700);
    }
}
static size_t files_in(int i) {
    size_t n = 0;
    DIR *d = opendir(dir[i]);
    struct dirent *e;
    while ((e = readdir(d))) n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

static uint64_t state;
static uint64_t draw(uint64_t below) {
    state ^= state >> 12, state ^= state << 25, state ^= state >> 27;
    return (uint64_t)((unsigned __int128)(state * 0x2545f4914f6cdd1d) * below >> 64);
}

/* ---- A link, and what both stations record of it ----------------------------------------------------------------- */

typedef struct side {
    int64_t t[EPOCHS * EVENTS]; /* since the first epoch */
    uint8_t mask[EPOCHS * EVENTS];
    uint32_t n, from[EPOCHS + 1]; /* first event of each epoch */
} side;
static side one, two; /* T1 and T2 */

static uint8_t a_mask(void) {
    return draw(10) ? (uint8_t)(1 << draw(4)) : (uint8_t)draw(16);
}
static int by_time(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}
static void cut(side *s, int64_t least) {
    qsort(s->t, s->n, sizeof *s->t, by_time);
    uint32_t n = 0;
    for (uint32_t i = 0; i < s->n; i++)
        if (s->t[i] >= (n ? s->t[n - 1] : 0) + least && s->t[i] < EPOCHS * epoch_length) s->t[n++] = s->t[i];
    s->n = n;
    for (int e = 0, i = 0; e <= EPOCHS; e++) {
        while (i < (int)n && s->t[i] < e * epoch_length) i++;
        s->from[e] = (uint32_t)i;
    }
    for (uint32_t i = 0; i < n; i++) s->mask[i] = a_mask();
}

/* Half of the T2 side's events have a partner, at +-@p jitter about the offset; some epochs are denser. */
static void record(uint64_t seed, int64_t offset, int64_t jitter) {
    state = seed * 0x9e3779b97f4a7c15 + 1;
    one.n = two.n = EPOCHS * EVENTS;
    for (uint32_t i = 0; i < two.n; i++) {
        int64_t dense = draw(4) ? 0 : epoch_length * 2 + (int64_t)draw(400000);
        two.t[i] = dense ? dense : (int64_t)draw(EPOCHS * (uint64_t)epoch_length);
        one.t[i] = draw(2) ? two.t[i] - offset + (int64_t)draw(2 * (uint64_t)jitter + 1) - jitter
                           : (int64_t)draw(EPOCHS * (uint64_t)epoch_length);
    }
    cut(&one, 1);
    cut(&two, 2);
}

static void write_side(int which, uint32_t first, uint32_t protocol, unsigned unix_tag, int skip) {
    const side *s = which == T1 ? &one : &two;
    for (int e = 0; e < EPOCHS; e++) {
        int64_t t[EPOCHS * EVENTS];
        uint8_t p[EPOCHS * EVENTS], *file;
        uint32_t n = s->from[e + 1] - s->from[e], epoch = first + (uint32_t)e;
        if (e == skip) continue;
        for (uint32_t i = 0; i < n; i++) {
            t[i] = s->t[s->from[e] + i] - e * epoch_length;
            p[i] = s->mask[s->from[e] + i];
            if (which == T2 && protocol == 1) p[i] = (p[i] & 10) != 0; /* a basis */
        }
        size_t bytes = which == T1 ? file_t1(unix_tag | 1, epoch, t, p, n, &file)
                                   : file_t2(unix_tag | 2, epoch, protocol, 20, t, p, n, &file);
        write_epoch(dir[which], epoch, file, bytes);
        free(file);
    }
}

/* ---- What must come out, by the rule ----------------------------------------------------------------------------- */

typedef struct answer {
    uint32_t n, index[MEETINGS], coincidences, accidentals;
    uint8_t entry[MEETINGS], pattern[MEETINGS];
    int64_t shift;
} answer;
static answer want[EPOCHS];

static void keep(answer *a, uint32_t protocol, uint32_t index, uint8_t mask1, uint8_t mask2) {
    static const int8_t value[16] = {-1, 1, 1, -1, 0, -1, -1, -1, 0, -1, -1, -1, -1, -1, -1, -1}; /* V, - one; H, + zero */
    bool x1 = mask1 & 10, x2 = mask2 & 10;
    a->coincidences++;
    if (protocol == 1 && (value[mask1] < 0 || x1 != x2)) return;
    a->entry[a->n] = protocol == 1 ? (uint8_t)value[mask1] : (uint8_t)(mask2 << 4 | mask1);
    a->pattern[a->n] = protocol == 1 ? 0 : mask1;
    a->index[a->n++] = index;
}

static void expect_greedy(const qd_greedy_params *p, uint32_t protocol, int skip1) {
    int64_t sum = 0, last = INT64_MIN, offset = p->offset;
    uint32_t i = 0;
    memset(want, 0, sizeof want);
    for (int e = 0; e < EPOCHS; e++) {
        for (uint32_t j = two.from[e]; j < two.from[e + 1];) {
            if (skip1 >= 0 && i == one.from[skip1]) i = one.from[skip1 + 1];
            if (i == one.n) break;
            int64_t d = one.t[i] - two.t[j] + offset;
            if (d < -p->track) {
                i++;
            } else if (d > p->far) {
                j++;
            } else {
                want[e].accidentals += d > p->far - 2 * p->window;
                if (d > -p->window && d < p->window) keep(&want[e], protocol, j - two.from[e], one.mask[i], two.mask[j]);
                if (d < p->track && p->filter < 0) {
                    int64_t tau = 8000 * -(int64_t)p->filter, limit = tau < 800000000 ? tau : 800000000;
                    if (last != INT64_MIN && one.t[i] - last < limit) sum += 2 * d * (one.t[i] - last) / (tau / 4096);
                    last = one.t[i];
                }
                offset = p->offset - sum / 4096;
                i++, j++;
            }
        }
        want[e].shift = sum / 4096;
    }
}

/* Mutual nearest neighbours, each found by looking at all; of two at one distance the earlier. */
static void expect_mutual(const qd_greedy_params *p, uint32_t protocol) {
    memset(want, 0, sizeof want);
    for (int e = 0; e < EPOCHS; e++)
        for (uint32_t j = two.from[e]; j < two.from[e + 1]; j++) {
            uint32_t i = 0, back = two.from[e];
            for (uint32_t k = 1; k < one.n; k++)
                if (llabs(one.t[k] + p->offset - two.t[j]) < llabs(one.t[i] + p->offset - two.t[j])) i = k;
            for (uint32_t k = two.from[e]; k < two.from[e + 1]; k++)
                if (llabs(two.t[k] - one.t[i] - p->offset) < llabs(two.t[back] - one.t[i] - p->offset)) back = k;
            int64_t d = one.t[i] - two.t[j] + p->offset;
            if (back == j && d > -p->window && d < p->window) keep(&want[e], protocol, j - two.from[e], one.mask[i], two.mask[j]);
        }
}

/* ---- Running ----------------------------------------------------------------------------------------------------- */

typedef struct seen {
    qd_costream_epoch epoch[2 * EPOCHS];
    uint32_t n, notes;
    char note[400];
    uint32_t histogram[25][128], histograms, histogram_epoch;
} seen;

static qd_status closed(void *self, const qd_costream_epoch *e, qd_error *err) {
    seen *s = self;
    (void)err;
    ck_assert_uint_lt(s->n, 2 * EPOCHS);
    s->epoch[s->n++] = *e;
    return QD_OK;
}
static qd_status histogram(void *self, uint32_t epoch, uint32_t count[25][128], qd_error *err) {
    seen *s = self;
    (void)err;
    for (int c = 0; c < 25; c++)
        for (int i = 0; i < 128; i++) s->histogram[c][i] += count[c][i];
    s->histograms++;
    s->histogram_epoch = epoch;
    return QD_OK;
}
static void note(void *self, const char *text) {
    seen *s = self;
    s->notes++;
    (void)snprintf(s->note, sizeof s->note, "%s", text);
}

static qd_costream options(uint32_t first, int64_t offset) {
    return (qd_costream){.t1 = dir[T1],
                         .t2 = dir[T2],
                         .t3 = dir[T3],
                         .t4 = dir[T4],
                         .first = first,
                         .epochs = EPOCHS,
                         .protocol = 1,
                         .order = 8,
                         .pairing = {offset, 8, 40, 160, -200000},
                         .empty = QD_EMPTY_T4,
                         .closed = closed,
                         .histogram = histogram};
}

static void run(const qd_costream *options, seen *s, qd_costream_result *r) {
    qd_error err = {0};
    qd_costream c = *options;
    c.self = s;
    *s = (seen){.n = 0};
    const qd_epoch_wait wait = {.seconds = 0, .note = note, .self = s};
    ck_assert_msg(qd_costream_run(NULL, &c, &wait, r, &err) == QD_OK, "%s | %s", err.what, err.cause);
}

static void expect_files(const qd_costream *c, int e, unsigned tag, unsigned order) {
    uint8_t *file;
    const answer *a = &want[e];
    uint32_t epoch = c->first + (uint32_t)e;
    bool masks = c->protocol == 0;
    size_t n = file_t3(tag | 3, epoch, masks ? 8 : 1, a->entry, a->n, &file);
    bool there = a->n || c->empty == QD_EMPTY_BOTH;
    ck_assert_msg(epoch_is(dir[T3], epoch, file, n) == there, "T3 of epoch %d", e);
    free(file);
    n = file_t4(tag | 4, epoch, order, masks ? 4 : 0, a->index, a->pattern, a->n, &file);
    ck_assert_msg(epoch_is(dir[T4], epoch, file, n), "T4 of epoch %d", e);
    free(file);
}

static void expect_all(const qd_costream *c, const seen *s, unsigned tag) {
    ck_assert_uint_eq(s->n, EPOCHS);
    for (int e = 0; e < EPOCHS; e++) {
        const qd_costream_epoch *g = &s->epoch[e];
        ck_assert_uint_eq(g->epoch, c->first + (uint32_t)e);
        ck_assert_uint_eq(g->events2, two.from[e + 1] - two.from[e]);
        ck_assert_uint_eq(g->kept, want[e].n);
        ck_assert_uint_eq(g->coincidences, want[e].coincidences);
        if (!c->one_to_one) ck_assert_uint_eq(g->accidentals, want[e].accidentals);
        ck_assert_int_eq(g->shift, want[e].shift);
        ck_assert(g->wrote3 == (want[e].n > 0) && g->wrote4);
        expect_files(c, e, tag, e ? s->epoch[e - 1].order : c->order);
    }
}

/* Protocols, offsets of either sign, one beyond an epoch, tags, an epoch count that begins anew, the width of T4's differences.
 */
START_TEST(files_are_the_rule) {
    static const int64_t offsets[3] = {7, -3000000123, 5000000123};
    static const uint32_t firsts[3] = {0x100, 0xfffffffe, 0x7ffe};
    qd_costream_result r;
    seen s;
    for (uint32_t k = 0; k < 6; k++) {
        unsigned tag = k & 1 ? 0x100 : 0;
        qd_costream c = options(firsts[k % 3], offsets[k % 3]);
        c.protocol = k / 3;
        c.order_filter = k == 2 || k == 4 ? 3 : 0;
        c.order = k == 2 ? 3 : 8;
        empty_dirs();
        record(k + 1, c.pairing.offset, 4);
        write_side(T1, c.first, 0, tag, -1);
        write_side(T2, c.first, c.protocol, tag, -1);
        run(&c, &s, &r);
        expect_greedy(&c.pairing, c.protocol, -1);
        expect_all(&c, &s, tag);
        ck_assert_uint_eq(r.epochs, EPOCHS);
        ck_assert_uint_eq(r.missing1 + r.missing2 + r.damaged, 0);
        ck_assert_uint_eq(s.notes, 0);
        if (!c.order_filter) ck_assert_uint_eq(s.epoch[EPOCHS - 1].order, c.order);
    }
}
END_TEST

/* The width goes where log2(mean difference) + 2.21 is: 100 events an entry ask for 8.86, a thousand for 12.2. */
START_TEST(width_follows) {
    qd_costream_result r;
    seen s;
    qd_costream c = options(5, 0);
    c.order = 3, c.order_filter = 1, c.protocol = 0;
    empty_dirs();
    record(3, 0, 4);
    for (uint32_t i = 0; i < one.n; i++)
        if (i % 50) one.t[i] += 1000; /* most partners are gone */
    cut(&one, 1);
    write_side(T1, c.first, 0, 0, -1);
    write_side(T2, c.first, 0, 0, -1);
    run(&c, &s, &r);
    for (int e = 0; e < EPOCHS; e++) {
        const qd_costream_epoch *g = &s.epoch[e];
        if (!g->kept) continue;
        double x = (double)(g->events2 / g->kept), best = 2.2117;
        for (x = x < 8 ? 8 : x; x >= 2; x /= 2) best++;
        best += x - 1; /* log2 between powers of two lies above the chord, by 0.086 at most */
        ck_assert(g->order >= (unsigned)best - (best - (unsigned)best < 0.0625) && g->order <= (unsigned)(best + 0.087));
    }
}
END_TEST

START_TEST(one_to_one) {
    qd_costream_result r;
    seen s;
    qd_costream c = options(0x1ffff, 1000003);
    c.one_to_one = true;
    c.pairing.filter = 0;
    empty_dirs();
    record(11, c.pairing.offset, 6);
    write_side(T1, c.first, 0, 0, -1);
    write_side(T2, c.first, 1, 0, -1);
    run(&c, &s, &r);
    expect_mutual(&c.pairing, 1);
    expect_all(&c, &s, 0);
    uint64_t mutual = r.coincidences;
    c.one_to_one = false; /* the greedy rule finds no more */
    run(&c, &s, &r);
    ck_assert_uint_le(r.coincidences, mutual);
    ck_assert_uint_gt(mutual, EVENTS);
}
END_TEST

/* An event beside the border of two epochs is used once. */
START_TEST(one_to_one_border) {
    qd_costream_result r;
    seen s;
    qd_costream c = options(4, 0);
    c.one_to_one = true, c.protocol = 0, c.epochs = 2;
    empty_dirs();
    const int64_t last[1] = {epoch_length - 2}, first[1] = {3}, at[1] = {0};
    const uint8_t mask[1] = {1};
    uint8_t *file;
    for (uint32_t i = 0; i < 2; i++) {
        size_t n = file_t2(2, 4 + i, 0, 20, i ? first : last, mask, 1, &file);
        write_epoch(dir[T2], 4 + i, file, n);
        free(file);
    }
    for (uint32_t i = 0; i < 3; i++) { /* none, at the border, one to go on with */
        size_t n = file_t1(1, 4 + i, at, mask, i > 0, &file);
        write_epoch(dir[T1], 4 + i, file, n);
        free(file);
    }
    run(&c, &s, &r);
    ck_assert_uint_eq(r.epochs, 2);
    ck_assert_uint_eq(r.coincidences, 1);
    ck_assert_uint_eq(s.epoch[0].kept, 1);
}
END_TEST

/* With tracking both rules follow an offset that was stated 25 units wrong, three coincidence windows. */
START_TEST(one_to_one_tracks) {
    qd_costream_result r;
    seen s;
    empty_dirs();
    record(12, 1000, 2);
    for (int rule = 0; rule < 2; rule++) {
        qd_costream c = options(77, 1025);
        c.one_to_one = rule;
        c.pairing.filter = 20; /* events */
        write_side(T1, c.first, 0, 0, -1);
        write_side(T2, c.first, 1, 0, -1);
        run(&c, &s, &r);
        /* the pull is d/20 an event: after 6 e-folds, 120 events, all but 0.1 of a unit is gone; the noise that a jitter of 1.4
         * units leaves is 1.4 / sqrt(40) = 0.22; the greedy rule also meets chance pairs of up to 40 units */
        ck_assert_int_ge(s.epoch[EPOCHS - 1].shift, 22);
        ck_assert_int_le(s.epoch[EPOCHS - 1].shift, 28);
    }
}
END_TEST

/* An epoch that is missing on one side, or damaged, is passed over and told; all others are as if nothing had happened. */
START_TEST(gaps) {
    qd_costream_result r;
    seen s;
    for (int which = T1; which <= T2; which++)
        for (int broken = 0; broken < 2; broken++) {
            qd_costream c = options(0xffffffff, 3);
            c.pairing.filter = 0;
            empty_dirs();
            record(21, 3, 4);
            write_side(T1, c.first, 0, 0, which == T1 ? 2 : -1);
            write_side(T2, c.first, 1, 0, which == T2 ? 2 : -1);
            if (broken) write_epoch(dir[which], c.first + 2, (const uint8_t *)"\1\0\0\0", 4);
            run(&c, &s, &r);
            expect_greedy(&c.pairing, 1, which == T1 ? 2 : -1);
            ck_assert_uint_eq(broken ? r.damaged : which == T1 ? r.missing1 : r.missing2, 1);
            ck_assert_uint_eq(r.missing1 + r.missing2 + r.damaged, 1);
            ck_assert_uint_ge(s.notes, 1);
            ck_assert_ptr_nonnull(strstr(s.note, broken ? "00000001: " : "from 00000001 to 00000001"));
            ck_assert_uint_eq(s.n, which == T1 ? EPOCHS : EPOCHS - 1);
            for (int e = 0; e < EPOCHS; e++)
                if (e != 2) expect_files(&c, e, 0, 8);
            /* without T1 events the reply is empty (-T 1: T4 alone); without a T2 file there is none */
            uint8_t *file;
            size_t n = file_t4(4, c.first + 2, 8, 0, NULL, NULL, 0, &file);
            ck_assert(epoch_is(dir[T4], c.first + 2, file, n) == (which == T1));
            free(file);
            ck_assert_uint_eq(files_in(T3), EPOCHS - 1);
        }
}
END_TEST

START_TEST(empty_epochs) {
    static const size_t t3[3] = {0, 0, EPOCHS}, t4[3] = {0, EPOCHS, EPOCHS};
    qd_costream_result r;
    seen s;
    record(31, 0, 4);
    for (int policy = 0; policy < 3; policy++) {
        qd_costream c = options(9, 0);
        c.pairing.window = 0;
        c.empty = (qd_epoch_empty)policy;
        empty_dirs();
        write_side(T1, c.first, 0, 0, -1);
        write_side(T2, c.first, 1, 0, -1);
        run(&c, &s, &r);
        ck_assert_uint_eq(r.kept, 0);
        ck_assert_uint_eq(s.n, EPOCHS);
        ck_assert_uint_eq(files_in(T3), t3[policy]);
        ck_assert_uint_eq(files_in(T4), t4[policy]);
        memset(want, 0, sizeof want);
        for (int e = 0; policy == 2 && e < EPOCHS; e++) expect_files(&c, e, 0, 8);
    }
}
END_TEST

/* -k and -K: what was used goes, the rest stays; nothing goes before its answer is there. Skew is added to single clicks. */
START_TEST(removal_and_skew) {
    qd_costream_result r;
    seen s;
    qd_costream c = options(0x40, 0);
    c.remove1 = c.remove2 = true;
    c.epochs = 3;
    empty_dirs();
    record(41, 0, 4);
    for (uint32_t i = 0; i < one.n; i++)
        one.t[i] += one.mask[i] == 4 ? -1000 : 0; /* H arrives early; order is restored by nobody */
    for (uint32_t i = 0; i < one.n; i++)
        if (one.t[i] < 0 || (one.t[i] ^ (one.t[i] + 1000)) >> 32) one.t[i] += one.mask[i] == 4 ? 1000 : 0;
    write_side(T1, c.first, 0, 0, -1);
    write_side(T2, c.first, 1, 0, -1);
    c.skew[2] = 1000;
    run(&c, &s, &r);
    for (uint32_t i = 0; i < one.n; i++)
        if (one.mask[i] == 4) one.t[i] += 1000;
    ck_assert_uint_eq(files_in(T2), EPOCHS - 3);
    ck_assert_uint_ge(files_in(T1), EPOCHS - 3 - 1); /* the one in progress may have been read */
    ck_assert_uint_le(files_in(T1), EPOCHS - 2);
    ck_assert_uint_eq(files_in(T3), 3);
    ck_assert_uint_gt(r.coincidences, 0);
}
END_TEST

START_TEST(histograms) {
    qd_costream_result r;
    seen s;
    qd_costream c = options(0x40, 0);
    c.protocol = 0;
    c.histogram_epochs = EPOCHS;
    empty_dirs();
    record(51, 0, 4);
    for (uint32_t i = 0; i < two.n; i++) two.mask[i] = 2;
    for (uint32_t i = 0; i < one.n; i++) one.mask[i] = 8;
    write_side(T1, c.first, 0, 0, -1);
    write_side(T2, c.first, 0, 0, -1);
    run(&c, &s, &r);
    uint64_t all = 0, column = 0;
    for (int k = 0; k < 25; k++)
        for (int i = 0; i < 128; i++) {
            all += s.histogram[k][i];
            if (k == 4 * 1 + 3) column += i > 64 - 8 && i < 64 + 8 ? s.histogram[k][i] : 0; /* T2 side's -, T1 side's + */
        }
    ck_assert_uint_eq(s.histograms, 1);
    ck_assert_uint_eq(s.histogram_epoch, 0x40 + EPOCHS - 1);
    ck_assert_uint_eq(column, r.coincidences);
    ck_assert_uint_ge(all, r.coincidences);
}
END_TEST

START_TEST(refusals) {
    qd_error err = {0};
    qd_costream_result r;
    seen s = {.n = 0};
    const qd_epoch_wait wait = {.seconds = 0, .note = note, .self = &s};
    qd_costream c = options(3, 0);
    c.self = &s;
    empty_dirs();
    record(61, 0, 4);
    write_side(T1, 3, 0, 0, -1);
    write_side(T2, 3, 0, 0, -1); /* masks, where bases are asked for */
    ck_assert_int_eq(qd_costream_run(NULL, &c, &wait, &r, &err), QD_E_POLICY);
    ck_assert_ptr_nonnull(strstr(err.what, "protocol 0"));
    for (unsigned p = 2; p < 8; p++) {
        c.protocol = p;
        ck_assert_int_eq(qd_costream_run(NULL, &c, &wait, &r, &err), QD_E_USAGE);
    }
    c = options(3, 0);
    c.self = &s;
    c.order = 2;
    ck_assert_int_eq(qd_costream_run(NULL, &c, &wait, &r, &err), QD_E_USAGE);
    c = options(3, 0);
    c.self = &s;
    c.t2 = "/nonexistent";
    ck_assert_int_eq(qd_costream_run(NULL, &c, &wait, &r, &err), QD_E_INPUT);
    ck_assert_uint_eq(files_in(T3) + files_in(T4), 0);
    const volatile sig_atomic_t stop = 1;
    const qd_epoch_wait stopped = {.seconds = 1e9, .stop = &stop, .note = note, .self = &s};
    c = options(99, 0);
    c.self = &s;
    ck_assert_int_eq(qd_costream_run(NULL, &c, &stopped, &r, &err), QD_STOPPED);
}
END_TEST

/* ---- Loading, and which epoch is first --------------------------------------------------------------------------- */

START_TEST(load) {
    qd_error err = {0};
    seen s = {.n = 0};
    const qd_epoch_wait wait = {.seconds = 0, .note = note, .self = &s};
    qd_tags t = {0};
    uint32_t read, first;
    empty_dirs();
    record(71, 0, 4);
    write_side(T1, 0xfffffffe, 0, 0, 1);
    write_side(T2, 0xfffffffe, 1, 0, 0);
    ck_assert_int_eq(qd_epoch_first(dir[T1], dir[T2], &first, &err), QD_OK);
    ck_assert_uint_eq(first, 0); /* the circle of epochs begins anew; 0xfffffffe and 0xffffffff are on one side alone */
    const qd_epoch_source one_side = {1, dir[T1], false}, other = {2, dir[T2], false};
    ck_assert_int_eq(qd_epoch_load(&one_side, 0xfffffffe, 3, &wait, &t, &read, &err), QD_OK);
    ck_assert_uint_eq(read, 2);
    ck_assert_uint_eq(s.notes, 1);
    uint64_t n = 0;
    for (uint32_t i = 0; i < one.from[3]; i++) {
        if ((i >= one.from[1] && i < one.from[2]) || !one.mask[i]) continue; /* the missing epoch; an event without detector */
        ck_assert_uint_lt(n, t.n);
        ck_assert_int_eq(t.t[n], one.t[i]);
        ck_assert_uint_eq(t.mask[n++], one.mask[i]);
    }
    ck_assert_uint_eq(n, t.n);
    t.n = 0;
    ck_assert_int_eq(qd_epoch_load(&other, 0xffffffff, 1, &wait, &t, &read, &err), QD_OK);
    ck_assert_uint_eq(t.n, two.from[2] - two.from[1]);
    for (uint64_t i = 0; i < t.n; i++) ck_assert_int_eq(t.t[i], two.t[two.from[1] + i] - epoch_length);
    ck_assert_int_eq(qd_epoch_load(&other, 0x1000, 4, &wait, &t, &read, &err), QD_E_INPUT);
    qd_tags_destroy(&t);
}
END_TEST

int main(void) {
    static const char *const names[4] = {"t1", "t2", "t3", "t4"};
    if (!mkdtemp(root)) return 1;
    for (int i = 0; i < 4; i++) (void)snprintf(dir[i], sizeof dir[i], "%s/%s", root, names[i]);
    Suite *s = suite_create("costream");
    TCase *c = tcase_create("costream");
    tcase_add_test(c, files_are_the_rule);
    tcase_add_test(c, width_follows);
    tcase_add_test(c, one_to_one);
    tcase_add_test(c, one_to_one_border);
    tcase_add_test(c, one_to_one_tracks);
    tcase_add_test(c, gaps);
    tcase_add_test(c, empty_epochs);
    tcase_add_test(c, removal_and_skew);
    tcase_add_test(c, histograms);
    tcase_add_test(c, refusals);
    tcase_add_test(c, load);
    suite_add_tcase(s, c);
    int failed = run_all(s);
    char cmd[80];
    (void)snprintf(cmd, sizeof cmd, "rm -rf '%s'", root);
    if (system(cmd) != 0) return 1;
    return failed != 0;
}
