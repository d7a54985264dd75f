/* SPDX-License-Identifier: Apache-2.0 */
/* T1 and T2 as tag formats: byte vectors by hand, the traps of these files, round trips. */
#include "tag_file.h"

static char folder[64], other[64];

static void put(uint8_t **p, uint32_t v) {
    for (int i = 0; i < 4; i++) *(*p)++ = (uint8_t)(v >> (8 * i));
}
static const char *in_folder(const char *name) {
    static char where[128];
    (void)snprintf(where, sizeof where, "%s/%s", folder, name);
    return where;
}
static void fresh_folder(void) {
    remove_all(folder);
    ck_assert_int_eq(mkdir(folder, 0700), 0);
}

/* A T1 file: the events as the card counts them, with their low 15 bits, then zeros. */
static size_t t1_bytes(uint8_t *b, uint32_t tag, uint32_t epoch, uint32_t length, const uint64_t *w, size_t n) {
    uint8_t *p = b;
    put(&p, tag), put(&p, epoch), put(&p, length), put(&p, 49), put(&p, 4);
    for (size_t i = 0; i <= n; i++) put(&p, i < n ? (uint32_t)(w[i] >> 32) : 0), put(&p, i < n ? (uint32_t)w[i] : 0);
    return (size_t)(p - b);
}
static uint64_t event(uint32_t te, uint32_t at, unsigned low) {
    return ((uint64_t)te << 32 | at) << 15 | low;
}

/* Epoch 0x54321: detector V at 0x10, + at 0x89abcdef. */
static const uint8_t t1_file[44] = {1,    0,    0,    0,    0x21, 0x43, 5,    0,    2,    0,    0,    0,    49,   0,    0,
                                    0,    4,    0,    0,    0,    0x00, 0x80, 0x90, 0xa1, 0x01, 0x00, 0x08, 0x00, 0xd5, 0xc4,
                                    0x90, 0xa1, 0x08, 0x80, 0xf7, 0xe6, 0,    0,    0,    0,    0,    0,    0,    0};

START_TEST(t1_single) {
    qd_tags t = {0};
    qd_tag_info info = {0};
    write_file(t1_file, sizeof t1_file);
    reads("t1", &t, &info);
    const int64_t want[2] = {(int64_t)0x54321 << 32 | 0x10, (int64_t)0x54321 << 32 | 0x89abcdef};
    expect_tags(&t, 2, want, (const uint8_t[]){1, 8});
    ck_assert_uint_eq(t.tick.num, 125);
    ck_assert_uint_eq(info.epochs, 1);
    ck_assert_uint_eq(info.epoch_first, 0x54321);
    ck_assert(!info.unix_epochs);
    ck_assert_uint_eq(info.records, 2); /* the terminator is none */
    /* Tag 0x101: anchored; the upper bits are the header's: the count at time 0 is a multiple of 2^24 epochs. */
    uint8_t b[64];
    uint64_t w[1] = {event(0x1c321, 0x10, 1)}; /* bits 16 and 15 of the card's count do not matter */
    write_file(b, t1_bytes(b, 0x101, 0xc7054321, 1, w, 1));
    reads("t1", &t, &info);
    expect_tags(&t, 1, want, (const uint8_t[]){1});
    ck_assert(info.unix_epochs);
    ck_assert_uint_eq(info.epoch0, 0xc7000000);
    reads("t1:epoch0=0xc7054321", &t, &info);
    ck_assert_int_eq(t.t[0], 0x10);
    reads("t1:epoch0=0xc7054320", &t, &info);
    ck_assert_int_eq(t.t[0], (int64_t)1 << 32 | 0x10);
    qd_tags_destroy(&t);
}
END_TEST

/* A T1 file of a timestamp7 keeps the fine bits 10 to 14, though its header says 49; dummies and self-tests are in it. */
START_TEST(t1_fine_bits) {
    uint8_t b[128];
    qd_tags t = {0};
    qd_tag_info info = {0};
    uint64_t w[4] = {event(5, 0x10, 0x1b << 10 | 1), event(5, 0x11, 16 | 1), event(5, 0x12, 32 | 2), event(5, 0x13, 0x300 | 4)};
    write_file(b, t1_bytes(b, 1, 5, 4, w, 4));
    reads("t1:bits=54", &t, &info);
    ck_assert_uint_eq(t.tick.den, 32);
    const int64_t fine[2] = {((int64_t)5 << 32 | 0x10) << 5 | 0x1b, ((int64_t)5 << 32 | 0x13) << 5};
    expect_tags(&t, 2, fine, (const uint8_t[]){1, 4});
    ck_assert_uint_eq(info.dummies, 1);
    ck_assert_uint_eq(info.selftests, 1);
    reads("t1", &t, &info); /* as a timestamp3's: bits 4 and 5 are phase, the fine bits are lost, two of them are suspicious */
    const int64_t coarse[4] = {(int64_t)5 << 32 | 0x10, (int64_t)5 << 32 | 0x11, (int64_t)5 << 32 | 0x12,
                               (int64_t)5 << 32 | 0x13};
    expect_tags(&t, 4, coarse, (const uint8_t[]){1, 1, 2, 4});
    ck_assert_uint_eq(info.stray, 1);
    reads("t1:card=timestamp7", &t, &info);
    ck_assert_uint_eq(t.n, 2);
    qd_tags_destroy(&t);
}
END_TEST

/* Where length, terminator and size disagree the file is refused; so is a length of 0 with events behind it. */
START_TEST(t1_inconsistent) {
    uint8_t b[128];
    uint64_t w[3] = {event(5, 1, 1), event(5, 2, 2), event(5, 3, 4)};
    for (uint32_t length = 0; length < 6; length++) {
        if (length == 3) continue;
        write_file(b, t1_bytes(b, 1, 5, length, w, 3));
        refuses(path, "t1", "length and size disagree");
    }
    w[1] = 0; /* a terminator too early */
    write_file(b, t1_bytes(b, 1, 5, 3, w, 3));
    refuses(path, "t1", "length and terminator disagree");
    w[1] = w[0];
    size_t n = t1_bytes(b, 1, 5, 3, w, 3);
    b[n - 1] = 1; /* no terminator */
    write_file(b, n);
    refuses(path, "t1", "no terminator");
    write_file(b, n - 1);
    refuses(path, "t1", "truncated, or is still being written");
    write_file(b, 19);
    refuses(path, "t1", "19 of 20");
    write_file(b, 0);
    refuses(path, "t1", "0 of 20");
    b[0] = 3;
    write_file(b, n);
    refuses(path, "t1", "tag 0x3");
    qd_tags t = {0};
    qd_tag_info info = {0};
    write_file(b, t1_bytes(b, 1, 5, 0, w, 0)); /* no events at all is no contradiction */
    reads("t1", &t, &info);
    ck_assert_uint_eq(t.n, 0);
    qd_tags_destroy(&t);
}
END_TEST

/* A header that the events contradict: certain beyond the epoch beside, where it is refused; in that one events keep their time and are counted. The
 * card's count has 17 bits, of which the upper two may be another's; at their borders one epoch is still one epoch. */
START_TEST(t1_of_another_epoch) {
    static const struct {
        uint32_t epoch, te[3];
        int64_t away[3];
        uint64_t outside;
        const char *refused;
    } cases[] = {
        {0xfffffffd, {0, 0, 2}, {0}, 0, "3 epochs (1.61061 s) from epoch fffffffd"},
        {0x54321, {0x14321, 0x14321, 0x14323}, {0}, 0, "2 epochs"},
        {0x54321, {0x1431f, 0x14321, 0x14321}, {0}, 0, "-2 epochs"},
        {0x54321, {0x14321, 0xc321, 0x14321}, {0}, 0, "-32768 epochs"}, /* within a file the upper bits are those of its first event */
        {0x54321, {0x14321, 0x14322, 0x14320}, {0, 1, -1}, 2, NULL},
        {0x58000, {0x17fff, 0x18000, 0x18001}, {-1, 0, 1}, 2, NULL},
        {0x5ffff, {0x1fffe, 0x1ffff, 0}, {-1, 0, 1}, 2, NULL},
        {0xc5ffff, {0x7fff, 0x7fff, 0x8000}, {0, 0, 1}, 1, NULL},
    };
    uint8_t b[128];
    qd_error err = {0};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        uint64_t w[3];
        int64_t want[3];
        for (uint32_t i = 0; i < 3; i++) {
            w[i] = event(cases[k].te[i], 7 + i, 1U << i);
            want[i] = ((int64_t)(cases[k].epoch & 0xffffff) + cases[k].away[i]) * ((int64_t)1 << 32) + 7 + i;
        }
        size_t n = t1_bytes(b, 1, cases[k].epoch, 3, w, 3);
        write_file(b, n);
        qd_epoch_events e;
        ck_assert_int_eq(qd_t1_decode(b, n, &e, &err), cases[k].refused ? QD_E_INPUT : QD_OK);
        if (cases[k].refused) {
            ck_assert_ptr_nonnull(strstr(err.what, cases[k].refused));
            ck_assert_ptr_null(e.t);
            refuses(path, "t1", cases[k].refused);
            continue;
        }
        qd_tags t = {0};
        qd_tag_info info = {0};
        reads("t1", &t, &info);
        ck_assert_uint_eq(t.n, 3);
        for (int i = 0; i < 3; i++) {
            ck_assert_int_eq(e.t[i], cases[k].away[i] * ((int64_t)1 << 32) + 7 + i);
            uint64_t at = 0;
            while (at < 3 && t.t[at] != want[i]) at++;
            ck_assert_msg(at < 3 && t.mask[at] == 1 << i, "case %zu, event %d", k, i);
        }
        ck_assert_uint_eq(info.outside, cases[k].outside);
        ck_assert_uint_eq(e.outside, cases[k].outside);
        ck_assert_uint_eq(info.epoch_outside, cases[k].epoch);
        qd_epoch_events_free(&e);
        qd_tags_destroy(&t);
    }
    uint64_t none[3] = {event(0x77, 3, 0), event(5, 7, 1), event(0x99, 7, 0)}; /* a record of no detector has no time to be wrong */
    qd_tags t = {0};
    qd_tag_info info = {0};
    write_file(b, t1_bytes(b, 1, 5, 3, none, 3));
    reads("t1", &t, &info);
    expect_tags(&t, 1, (const int64_t[]){(int64_t)5 << 32 | 7}, (const uint8_t[]){1});
    ck_assert_uint_eq(info.outside, 0);
    qd_tags_destroy(&t);
}
END_TEST

/* The same of T2: differences that add up to more than an epoch. Patterns of 1 bit, differences in 32 bits behind 8 of zeros, the end. */
START_TEST(t2_of_another_epoch) {
    for (unsigned entries = 1; entries <= 3; entries++) {
        uint8_t b[64], word[4], *p = b;
        qd_packer bits = {0};
        put(&p, 2), put(&p, 9), put(&p, entries), put(&p, 8), put(&p, 1), put(&p, 1);
        for (unsigned i = 0; i <= entries; i++) {
            const uint32_t v[3] = {i < entries ? 0 : 1, 0xc0000000, i < entries};
            const unsigned width[3] = {8, i < entries ? 32 : 0, 1};
            for (int k = 0; k < 3; k++)
                if (width[k] && qd_pack(&bits, v[k], width[k], word)) memcpy(p, word, 4), p += 4;
        }
        if (qd_pack_end(&bits, word)) memcpy(p, word, 4), p += 4;
        qd_epoch_events e;
        qd_error err = {0};
        write_file(b, (size_t)(p - b));
        qd_status st = qd_t2_decode(b, (size_t)(p - b), &e, &err);
        if (entries == 3) {
            ck_assert_int_eq(st, QD_E_INPUT);
            refuses(path, "t2", "2 epochs (1.07374 s) from epoch 00000009");
            continue;
        }
        ck_assert_msg(st == QD_OK, "%s", err.what);
        qd_tags t = {0};
        qd_tag_info info = {0};
        reads("t2", &t, &info);
        ck_assert_int_eq(t.t[entries - 1], ((int64_t)9 << 32) + entries * (int64_t)0xc0000000);
        ck_assert_uint_eq(info.outside, entries - 1);
        ck_assert_uint_eq(e.outside, entries - 1);
        qd_epoch_events_free(&e);
        qd_tags_destroy(&t);
    }
}
END_TEST

/* One stream in the order of epochs, whatever the order of names in the folder; gaps are counted, other files passed over. */
START_TEST(t1_folder) {
    uint8_t b[128];
    uint64_t w[2];
    static const uint32_t epochs[5] = {0x102, 0xff, 0x100, 0x105, 0x10a};
    fresh_folder();
    for (int i = 0; i < 5; i++) {
        char name[QD_EPOCH_NAME];
        w[0] = event(epochs[i], 7, 1), w[1] = event(epochs[i], 9, 2);
        qd_epoch_name(epochs[i], name);
        write_at(in_folder(name), b, t1_bytes(b, 1, epochs[i], 2, w, 2));
    }
    write_at(in_folder("notes.txt"), "x", 1);
    write_at(in_folder("0000010A"), "x", 1);
    qd_tags t = {0};
    qd_tag_info info = {0};
    qd_error err = {0};
    ck_assert_msg(read_at(folder, "t1", &t, &info, &err) == QD_OK, "%s", err.what);
    ck_assert_uint_eq(t.n, 10);
    static const int64_t order[5] = {0xff, 0x100, 0x102, 0x105, 0x10a};
    for (int i = 0; i < 5; i++) ck_assert_int_eq(t.t[2 * i + 1], order[i] << 32 | 9);
    ck_assert_uint_eq(info.epochs, 5);
    ck_assert_uint_eq(info.epoch_gaps, 3);
    ck_assert_uint_eq(info.epochs_missing, 1 + 2 + 4);
    ck_assert_uint_eq(info.epoch_gap, 0x101);
    ck_assert_uint_eq(info.epoch_first, 0xff);
    ck_assert_uint_eq(info.epoch_last, 0x10a);
    ck_assert_uint_eq(info.backward, 0);
    /* its digest: of the lines "NAME DIGEST"; another byte is another digest */
    char one[65], two[65];
    ck_assert_int_eq(qd_tag_sha256(folder, one, &err), QD_OK);
    w[0] ^= 3 << 0;
    write_at(in_folder("0000010a"), b, t1_bytes(b, 1, 0x10a, 2, w, 2));
    ck_assert_int_eq(qd_tag_sha256(folder, two, &err), QD_OK);
    ck_assert_str_ne(one, two);
    /* a file under another name; anchored and other epochs mixed; one that is cut */
    char where[128];
    strcpy(where, in_folder("0000010b"));
    write_at(where, b, t1_bytes(b, 1, 0x10c, 2, w, 2));
    refuses(folder, "t1", "0000010b");
    w[0] = event(0x10b, 7, 1), w[1] = event(0x10b, 9, 2);
    size_t n = t1_bytes(b, 0x101, 0x10b, 2, w, 2);
    write_at(where, b, n);
    refuses(folder, "t1", "mixed");
    b[1] = 0;
    write_at(where, b, n - 8);
    refuses(folder, "t1", "0000010b: length 2");
    ck_assert_int_eq(unlink(where), 0);
    ck_assert_int_eq(read_at(folder, "t1", &t, &info, &err), QD_OK);
    fresh_folder();
    refuses(folder, "t1", "no epoch files");
    qd_tags_destroy(&t);
}
END_TEST

/* The count of epochs begins anew at 2^32: the stream begins behind the widest gap. */
START_TEST(t1_count_begins_anew) {
    uint8_t b[128];
    static const uint32_t epochs[4] = {0, 1, 0xfffffffe, 0xffffffff};
    fresh_folder();
    for (int i = 0; i < 4; i++) {
        char name[QD_EPOCH_NAME];
        uint64_t w = event(epochs[i] & 0x1ffff, 7, 1);
        qd_epoch_name(epochs[i], name);
        write_at(in_folder(name), b, t1_bytes(b, 0x101, epochs[i], 1, &w, 1));
    }
    qd_tags t = {0};
    qd_tag_info info = {0};
    qd_error err = {0};
    ck_assert_msg(read_at(folder, "t1", &t, &info, &err) == QD_OK, "%s", err.what);
    ck_assert_uint_eq(t.n, 4);
    for (int64_t i = 0; i < 4; i++) ck_assert_int_eq(t.t[i], (0xfffffe + i) << 32 | 7);
    ck_assert_uint_eq(info.epoch_gaps, 0);
    ck_assert_uint_eq(info.epoch_last, 1);
    qd_tags_destroy(&t);
}
END_TEST

/* Differences 100 and 300 in 8 bits, bases 1 and 0: 01100100 1 00000000 (300 in 32 bits) 0 00000001 0. */
static const uint8_t t2_bases[32] = {2, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0,    0,    8,    0,    0,    0,
                                     1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0x80, 0x64, 0x40, 0x00, 0x96, 0x00};
/* Differences 5, 2, 0x12345, 0x23456 in 17 bits, masks 9, 4, 15, 1; anchored. */
static const uint8_t t2_masks[44] = {2,    1,    0,    0,    3,    0,    0,    0xc0, 4,    0,    0,    0,    17,   0,    0,
                                     0,    4,    0,    0,    0,    0,    0,    0,    0,    0x00, 0xc8, 0x02, 0x00, 0xbe, 0x68,
                                     0x24, 0x09, 0x02, 0x00, 0x00, 0x00, 0x00, 0x10, 0x56, 0x34, 0x00, 0x00, 0x00, 0x08};

/* Trap: the pattern follows the difference (the document of the format says the reverse). */
START_TEST(t2_single) {
    qd_tags t = {0};
    qd_tag_info info = {0};
    write_file(t2_bases, sizeof t2_bases);
    reads("t2", &t, &info);
    const int64_t want[2] = {((int64_t)1 << 32) + 100, ((int64_t)1 << 32) + 400};
    expect_tags(&t, 2, want, (const uint8_t[]){QD_DET_X, QD_DET_Z});
    ck_assert(info.bases_only);
    write_file(t2_masks, sizeof t2_masks);
    reads("t2", &t, &info);
    const int64_t base = (int64_t)3 << 32, masks[4] = {base + 5, base + 7, base + 7 + 0x12345, base + 7 + 0x12345 + 0x23456};
    expect_tags(&t, 4, masks, (const uint8_t[]){9, 4, 15, 1});
    ck_assert(!info.bases_only);
    ck_assert(info.unix_epochs);
    ck_assert_uint_eq(info.epoch0, 0xc0000000);
    /* bases are no outcomes: stages that make key refuse them */
    qd_tag_reader *r = NULL;
    qd_error err = {0};
    ck_assert_int_eq(qd_tag_reader_open(path, format_of("t2"), &r, &err), QD_OK);
    ck_assert_int_eq(qd_tag_reader_need_outcomes(r, &err), QD_OK);
    qd_tag_reader_close(r);
    write_file(t2_bases, sizeof t2_bases);
    ck_assert_int_eq(qd_tag_reader_open(path, format_of("t2"), &r, &err), QD_OK);
    ck_assert_int_eq(qd_tag_reader_need_outcomes(r, &err), QD_E_INPUT);
    qd_tag_reader_close(r);
    qd_tags_destroy(&t);
}
END_TEST

START_TEST(t2_refused) {
    uint8_t b[36];
    memcpy(b, t2_bases, 32);
    for (unsigned length = 0; length < 6; length++) {
        b[8] = (uint8_t)length;
        write_file(b, 32);
        if (length != 2) refuses(path, "t2", "length and terminator disagree");
    }
    b[8] = 2;
    write_file(b, 28);
    refuses(path, "t2", "without terminator");
    write_file(b, 30);
    refuses(path, "t2", "no whole number of words");
    memset(b + 32, 0, 4);
    write_file(b, 36);
    refuses(path, "t2", "behind the terminator");
    b[28] |= 1;
    write_file(b, 32);
    refuses(path, "t2", "behind the terminator");
    memcpy(b, t2_bases, 32);
    b[20] = 2; /* protocol */
    write_file(b, 32);
    refuses(path, "t2", "protocol 2");
    memcpy(b, t2_bases, 32);
    b[27] = 1; /* difference 1 with pattern 1: no terminator and no time */
    write_file(b, 32);
    refuses(path, "t2", "the difference 1");
    memcpy(b, t2_bases, 32);
    b[29] = 0, b[30] = 0; /* the long form of a short difference: 0 */
    write_file(b, 32);
    refuses(path, "t2", "the difference");
}
END_TEST

/* Trap: times closer than two units have no code. Ours writes such an event late, and all that follow at their time. */
START_TEST(t2_close_times) {
    int64_t times[8] = {0, 1000, 1001, 1002, 1002, 1003, 2000, 0xffffffff};
    uint8_t masks[8] = {1, 2, 4, 8, 1, 1, 2, 4};
    qd_tags in = {.n = 8, .t = times, .mask = masks, .tick = {125, 1}}, t = {0};
    qd_tag_written info;
    qd_error err = {0};
    remove_all(other);
    write_tags(other, "t2:protocol=0", &in, &info);
    ck_assert_int_eq(read_at(other, "t2", &t, NULL, &err), QD_OK);
    const int64_t want[7] = {2, 1000, 1002, 1004, 1006, 2000, 0xffffffff};
    expect_tags(&t, 7, want, (const uint8_t[]){1, 2, 4, 8, 1, 2, 4});
    ck_assert_uint_eq(info.same, 1);
    ck_assert_uint_eq(info.moved, 4);
    ck_assert_uint_eq(info.events, 8);
    ck_assert_uint_eq(info.records, 7);
    /* bases: events of both are left out and counted */
    masks[1] = 3;
    masks[6] = 5;
    remove_all(other);
    write_tags(other, "t2", &in, &info);
    ck_assert_uint_eq(info.both, 1);
    ck_assert_int_eq(read_at(other, "t2", &t, NULL, &err), QD_OK);
    ck_assert_uint_eq(t.n, 6);
    ck_assert_uint_eq(t.mask[4], QD_DET_Z);
    qd_tags_destroy(&t);
}
END_TEST

/* Events over many epochs, with empty ones between. */
static void make_events(qd_tags *in, qd_tick tick, int64_t epoch_ticks) {
    qd_error err = {0};
    *in = (qd_tags){.tick = tick};
    ck_assert_int_eq(qd_tags_reserve(in, 20000, &err), QD_OK);
    int64_t at = 3 * epoch_ticks + 12345;
    for (uint64_t i = 0; i < 20000; i++) {
        uint32_t w[4];
        qd_philox(5, QD_STREAM_TEST, i, 0, w);
        at += i % 1000 == 999 ? 3 * epoch_ticks : 2 * epoch_ticks / 1000 + (int64_t)(w[0] >> 8);
        in->t[i] = at;
        in->mask[i] = (uint8_t)(1 << (w[1] & 3));
    }
    in->n = 20000;
}

START_TEST(round_trip) {
    static const struct {
        const char *write, *read;
        unsigned den;
        bool bases;
    } cases[] = {{"t1", "t1", 1, false},
                 {"t1:bits=54:unix=yes:epoch0=0xc7400005", "t1:bits=54:epoch0=0xc7400005", 32, false},
                 {"t2:protocol=0", "t2", 1, false},
                 {"t2:protocol=0:order=4:unix=yes", "t2", 1, false},
                 {"t2:order=27", "t2", 1, true}};
    qd_tags in, t = {0};
    qd_tag_written written;
    qd_tag_info info = {0};
    qd_error err = {0};
    make_events(&in, (qd_tick){125, cases[_i].den}, ((int64_t)1 << 32) * cases[_i].den);
    remove_all(other);
    write_tags(other, cases[_i].write, &in, &written);
    ck_assert_msg(read_at(other, cases[_i].read, &t, &info, &err) == QD_OK, "%s", err.what);
    ck_assert_uint_eq(t.n, in.n);
    ck_assert_uint_eq(t.tick.den, cases[_i].den);
    ck_assert_mem_eq(t.t, in.t, in.n * sizeof *in.t);
    for (uint64_t i = 0; i < in.n; i++)
        ck_assert_uint_eq(t.mask[i], !cases[_i].bases ? in.mask[i] : in.mask[i] & QD_DET_Z ? QD_DET_Z : QD_DET_X);
    ck_assert_uint_eq(written.epochs, info.epochs);
    ck_assert_uint_eq(written.same + written.moved + written.both, 0);
    ck_assert_uint_ge(info.epoch_gaps, 20);
    qd_tag_writer *w = NULL; /* never over what is there */
    ck_assert_int_eq(qd_tag_writer_open(other, format_of("t1"), &w, &err), QD_E_INPUT);
    ck_assert_ptr_null(w);
    qd_tags_destroy(&in);
    qd_tags_destroy(&t);
}
END_TEST

/* The bytes that are written, against the vectors by hand; nothing under the name until commit. */
START_TEST(written_bytes) {
    int64_t times[2] = {100, 400};
    uint8_t masks[2] = {QD_DET_PLUS, QD_DET_V}, got[64];
    qd_tags in = {.n = 2, .t = times, .mask = masks, .tick = {125, 1}};
    char where[128];
    remove_all(other);
    write_tags(other, "t2:order=8:epoch0=1", &in, NULL);
    (void)snprintf(where, sizeof where, "%s/00000001", other);
    FILE *f = fopen(where, "rb");
    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fread(got, 1, sizeof got, f), 32);
    fclose(f);
    ck_assert_mem_eq(got, t2_bases, 32);
    times[0] = 0x10, times[1] = 0x89abcdef;
    masks[0] = 1, masks[1] = 8;
    remove_all(other);
    write_tags(other, "t1:epoch0=0x54321", &in, NULL);
    (void)snprintf(where, sizeof where, "%s/00054321", other);
    f = fopen(where, "rb");
    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fread(got, 1, sizeof got, f), 44);
    fclose(f);
    ck_assert_mem_eq(got, t1_file, 44);
    qd_tag_writer *w = NULL;
    qd_error err = {0};
    remove_all(other);
    ck_assert_int_eq(qd_tag_writer_open(other, format_of("t1"), &w, &err), QD_OK);
    ck_assert_int_eq(qd_tag_writer_write(w, &in, &err), QD_OK);
    ck_assert_int_ne(access(other, F_OK), 0);
    times[0] = -5;
    times[1] = -4;
    ck_assert_int_eq(qd_tag_writer_write(w, &in, &err), QD_E_INPUT);
    qd_tag_writer_abandon(w);
    ck_assert_int_ne(access(other, F_OK), 0);
    DIR *d = opendir(dir); /* and no remains beside it */
    for (struct dirent *e; (e = readdir(d));) ck_assert_ptr_null(strstr(e->d_name, ".tmp"));
    closedir(d);
}
END_TEST

static void set_up(void) {
    (void)snprintf(folder, sizeof folder, "%s/folder", dir);
    (void)snprintf(other, sizeof other, "%s/other", dir);
}

int main(void) {
    Suite *s = suite_create("tags_epochs");
    TCase *tc = tcase_create("epochs");
    tcase_add_checked_fixture(tc, set_up, NULL);
    tcase_add_test(tc, t1_single);
    tcase_add_test(tc, t1_fine_bits);
    tcase_add_test(tc, t1_inconsistent);
    tcase_add_test(tc, t1_of_another_epoch);
    tcase_add_test(tc, t2_of_another_epoch);
    tcase_add_test(tc, t1_folder);
    tcase_add_test(tc, t1_count_begins_anew);
    tcase_add_test(tc, t2_single);
    tcase_add_test(tc, t2_refused);
    tcase_add_test(tc, t2_close_times);
    tcase_add_loop_test(tc, round_trip, 0, 5);
    tcase_add_test(tc, written_bytes);
    suite_add_tcase(s, tc);
    return run_in_folder(s);
}
