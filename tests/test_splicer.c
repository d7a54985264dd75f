/* SPDX-License-Identifier: Apache-2.0 */
/* The T2 side's bits: T3 files beside T2 files, and what is kept of them by the other station's reply. */
#include "epoch_bits.h"
#include "qdistill/qcrypto.h"
#include "tag_file.h"

static char place[3][64];
enum { OWN, T4, OUT };

static void empty_dirs(void) {
    for (int i = 0; i < 3; i++) {
        remove_all(place[i]);
        ck_assert_int_eq(mkdir(place[i], 0700), 0);
    }
}
static size_t files_in(int i) {
    size_t n = 0;
    DIR *d = opendir(place[i]);
    struct dirent *e;
    while ((e = readdir(d))) n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

typedef struct said {
    int notes;
    char note[400];
} said;
static void note(void *self, const char *text) {
    said *s = self;
    s->notes++;
    (void)snprintf(s->note, sizeof s->note, "%s", text);
}

/* ---- T3 files of a recording ------------------------------------------------------------------------------------- */

static size_t slurp(const char *folder, const char *name, uint8_t *bytes, size_t cap) {
    char where[128];
    struct stat st;
    (void)snprintf(where, sizeof where, "%s/%s", folder, name);
    FILE *f = fopen(where, "rb");
    ck_assert_ptr_nonnull(f);
    ck_assert(fstat(fileno(f), &st) == 0 && (strstr(folder, "/t2.") != NULL || (st.st_mode & 0777) == 0600));
    size_t n = fread(bytes, 1, cap, f);
    fclose(f);
    return n;
}

/* Entry i of one is entry i of the other: what a T2 file cannot hold (equal times, clicks in both bases) has no bit either. */
START_TEST(t3_beside_t2) {
    enum { N = 12 };
    int64_t t[N] = {
        0, 1, 1, 5, 6, 100, 100, 5000, (int64_t)1 << 32, ((int64_t)1 << 32) + 9, ((int64_t)1 << 32) + 10, (int64_t)3 << 32};
    uint8_t mask[N] = {1, 2, 4, 4, 8, 5, 1, 15, 10, 3, 8, 2}, b2[512], b3[512];
    qd_tags tags = {.n = N, .t = t, .mask = mask, .tick = {125, 1}};
    for (unsigned protocol = 0; protocol < 2; protocol++) {
        char format[64], folder[2][64];
        uint64_t events = 0;
        for (int i = 0; i < 2; i++) {
            (void)snprintf(folder[i], sizeof folder[i], "%s/t%d.%u", dir, i + 2, protocol);
            (void)snprintf(format, sizeof format, "t%d:protocol=%u:epoch0=0xabcd:unix=yes", i + 2, protocol);
            qd_tag_written w;
            write_tags(folder[i], format, &tags, &w);
            ck_assert_uint_eq(w.both, protocol ? 2 : 0); /* V, - and all four */
            events = w.records;
        }
        ck_assert_uint_eq(events, protocol ? 8 : 10); /* of two pairs at one time the second is dropped */
        uint64_t seen = 0;
        static const char *const names[3] = {"0000abcd", "0000abce", "0000abd0"};
        for (int e = 0; e < 3; e++) {
            qd_epoch_events two;
            qd_epoch_head h;
            uint8_t *bit;
            ck_assert_int_eq(qd_t2_decode(b2, slurp(folder[0], names[e], b2, sizeof b2), &two, NULL), QD_OK);
            ck_assert_int_eq(qd_t3_decode(b3, slurp(folder[1], names[e], b3, sizeof b3), &h, &bit, NULL), QD_OK);
            ck_assert(h.anchored && h.epoch == two.head.epoch && h.length == two.n && h.bits == (protocol ? 1 : 4));
            for (uint64_t i = 0; i < two.n; i++) {
                if (protocol == 0)
                    ck_assert_uint_eq(bit[i], two.pattern[i]);
                else
                    ck_assert_uint_le(bit[i], 1);
            }
            if (protocol && e == 0) { /* V, -, H, +, then V and H at once */
                static const uint8_t want[4] = {0, 0, 1, 1}, basis[5] = {0, 1, 0, 1, 0};
                ck_assert_mem_eq(bit, want, 4);
                ck_assert_mem_eq(two.pattern, basis, 5);
            }
            seen += two.n;
            qd_epoch_events_free(&two);
            qd_secret_free(bit);
        }
        ck_assert_uint_eq(seen, events);
    }
    qd_tag_reader *r;
    qd_error err = {0};
    ck_assert_int_eq(qd_tag_reader_open(dir, format_of("t3"), &r, &err), QD_E_USAGE);
}
END_TEST

/* Files that peers cannot read are told: 900,000 events of one epoch are 7.2 MB of T1 and, of 18 bits each, 2.03 MB of T2. */
START_TEST(too_long) {
    enum { N = 900000 };
    int64_t *t = malloc(N * sizeof *t);
    uint8_t *mask = malloc(N);
    ck_assert(t && mask);
    for (int i = 0; i < N; i++) t[i] = 4000 * (int64_t)(i + 1), mask[i] = (uint8_t)(1 << i % 4);
    qd_tags tags = {.n = N, .t = t, .mask = mask, .tick = {125, 1}};
    static const char *const formats[3] = {"t1", "t2", "t3"};
    for (int shorter = 0; shorter < 2; shorter++) {
        tags.n = shorter ? N / 2 : N;
        for (int i = 0; i < 3; i++) {
            char folder[64];
            qd_tag_written w;
            (void)snprintf(folder, sizeof folder, "%s/long.%d.%d", dir, shorter, i);
            write_tags(folder, formats[i], &tags, &w);
            ck_assert_uint_eq(w.too_long, !shorter && i < 2);
        }
    }
    free(t);
    free(mask);
}
END_TEST

/* Two clicks in one basis: either bit, as a coin says. */
START_TEST(t3_coins) {
    enum { N = 4096 };
    static int64_t t[N];
    static uint8_t mask[N], b[8192];
    char folder[64];
    for (int i = 0; i < N; i++) t[i] = 10 * i, mask[i] = i % 2 ? 5 : 10;
    qd_tags tags = {.n = N, .t = t, .mask = mask, .tick = {125, 1}};
    (void)snprintf(folder, sizeof folder, "%s/coins3", dir);
    write_tags(folder, "t3", &tags, NULL);
    qd_epoch_head h;
    uint8_t *bit;
    ck_assert_int_eq(qd_t3_decode(b, slurp(folder, "00000000", b, sizeof b), &h, &bit, NULL), QD_OK);
    int ones[2] = {0, 0};
    for (int i = 0; i < N; i++) ones[i % 2] += bit[i];
    /* 2048 coins a basis: sd 22.6; off by six once in 5e8 */
    for (int k = 0; k < 2; k++) ck_assert(ones[k] > 1024 - 136 && ones[k] < 1024 + 136);
    qd_secret_free(bit);
}
END_TEST

/* ---- Splicer ----------------------------------------------------------------------------------------------------- */

START_TEST(splice) {
    static const uint8_t own[6] = {0, 1, 1, 0, 1, 0}, masks[6] = {1, 2, 4, 8, 15, 3}, pattern[3] = {8, 1, 6};
    static const uint32_t index[3] = {1, 3, 4};
    const qd_epoch_wait wait = {.seconds = 0};
    uint8_t *file;
    uint64_t kept;
    bool done;
    for (unsigned protocol = 0; protocol < 2; protocol++) {
        qd_splicer s = {
            .t3 = place[OWN], .t4 = place[T4], .out = place[OUT], .protocol = protocol, .remove3 = protocol, .remove4 = true};
        uint8_t spliced[3];
        for (int i = 0; i < 3; i++) spliced[i] = protocol ? own[index[i]] : (uint8_t)(masks[index[i]] << 4 | pattern[i]);
        empty_dirs();
        size_t n = file_t3(3, 0xabcdef01, protocol ? 1 : 4, protocol ? own : masks, 6, &file);
        write_epoch(place[OWN], 0xabcdef01, file, n);
        free(file);
        static const uint8_t none[3] = {0};
        n = file_t4(0x104, 0xabcdef01, 3, protocol ? 0 : 4, index, protocol ? none : pattern, 3, &file);
        write_epoch(place[T4], 0xabcdef01, file, n);
        free(file);
        ck_assert_int_eq(qd_splicer_epoch(&s, 0xabcdef01, &wait, &kept, &done, NULL), QD_OK);
        ck_assert(done);
        ck_assert_uint_eq(kept, 3);
        n = file_t3(0x103, 0xabcdef01, protocol ? 1 : 8, spliced, 3, &file); /* the tag is the reply's */
        ck_assert(epoch_is(place[OUT], 0xabcdef01, file, n));
        free(file);
        ck_assert_uint_eq(files_in(T4), 0);
        ck_assert_uint_eq(files_in(OWN), protocol ? 0 : 1);
        ck_assert_int_eq(qd_splicer_epoch(&s, 0xabcdef01, &wait, &kept, &done, NULL), QD_OK); /* nothing there any more */
        ck_assert(!done);
    }
}
END_TEST

/* An entry beyond the T3 file, a width of another protocol. */
START_TEST(splice_refuses) {
    static const uint8_t own[6] = {0, 1, 1, 0, 1, 0}, none[1] = {0};
    static const uint32_t index[1] = {6};
    said s = {.notes = 0};
    const qd_epoch_wait wait = {.seconds = 0, .note = note, .self = &s};
    qd_splicer p = {.t3 = place[OWN], .t4 = place[T4], .out = place[OUT], .protocol = 1, .remove4 = true};
    uint8_t *file;
    uint64_t kept;
    bool done;
    empty_dirs();
    size_t n = file_t3(3, 7, 1, own, 6, &file);
    write_epoch(place[OWN], 7, file, n);
    free(file);
    n = file_t4(4, 7, 3, 0, index, none, 1, &file);
    write_epoch(place[T4], 7, file, n);
    free(file);
    ck_assert_int_eq(qd_splicer_epoch(&p, 7, &wait, &kept, &done, NULL), QD_OK);
    ck_assert(!done && strstr(s.note, "names entry 6 of a T3 file of 6"));
    p.protocol = 0;
    ck_assert_int_eq(qd_splicer_epoch(&p, 7, &wait, &kept, &done, NULL), QD_OK);
    ck_assert(!done && strstr(s.note, "passed over"));
    ck_assert_uint_eq(files_in(OUT), 0);
    ck_assert_uint_eq(files_in(T4), 1);
    p.protocol = 3;
    ck_assert_int_eq(qd_splicer_epoch(&p, 7, &wait, &kept, &done, NULL), QD_E_USAGE);
}
END_TEST

int main(void) {
    Suite *s = suite_create("splicer");
    TCase *c = tcase_create("splicer");
    tcase_add_test(c, t3_beside_t2);
    tcase_add_test(c, t3_coins);
    tcase_add_test(c, too_long);
    tcase_add_test(c, splice);
    tcase_add_test(c, splice_refuses);
    suite_add_tcase(s, c);
    if (!mkdtemp(dir)) return 1;
    static const char *const names[3] = {"own", "reply", "out"};
    for (int i = 0; i < 3; i++) (void)snprintf(place[i], sizeof place[i], "%s/%s", dir, names[i]);
    int failed = run_all(s);
    char cmd[80];
    (void)snprintf(cmd, sizeof cmd, "rm -rf '%s'", dir);
    if (system(cmd) != 0) return 1;
    return failed != 0;
}
