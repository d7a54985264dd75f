/* SPDX-License-Identifier: Apache-2.0 */
/* GF(2^128) and the verification hash: published GHASH vectors, algebra, every path against the definition, and what they leave in memory. */
#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "arith/gf128.h"
#include "run_all.h"

/* 16 bytes in hexadecimal as GHASH writes a block: the leftmost bit is z^0. */
static qd_gf128 ghash_block(const char *hex) {
    qd_gf128 a = {{0, 0}};
    for (int i = 0; i < 128; i++) {
        char digit[2] = {hex[i / 4], 0};
        unsigned nibble = (unsigned)strtoul(digit, NULL, 16);
        a.w[i / 64] |= (uint64_t)(nibble >> (3 - i % 4) & 1) << (i % 64);
    }
    return a;
}

static qd_gf128 random_element(uint64_t i) {
    uint32_t d[4];
    qd_philox(1, QD_STREAM_TEST, i, 0, d);
    return (qd_gf128){{(uint64_t)d[1] << 32 | d[0], (uint64_t)d[3] << 32 | d[2]}};
}

static bool equal(qd_gf128 a, qd_gf128 b) { return a.w[0] == b.w[0] && a.w[1] == b.w[1]; }
static qd_gf128 plus(qd_gf128 a, qd_gf128 b) { return (qd_gf128){{a.w[0] ^ b.w[0], a.w[1] ^ b.w[1]}}; }

/* Every way to compute qd_gf128_horner that this processor has. */
enum { FORMS = 5 };
typedef struct form {
    const char *name;
    qd_gf128_horner *horner;
} form;
static unsigned forms(form f[FORMS]) {
    const form all[FORMS] = {{"portable", qd_gf128_horner_portable},
                             {"plain", qd_gf128_horner_plain},
                             {"sse2", qd_gf128_horner_sse2()},
                             {"avx2", qd_gf128_horner_avx2()},
                             {"clmul", qd_gf128_horner_clmul()}};
    unsigned n = 0;
    for (unsigned i = 0; i < FORMS; i++) {
        if (all[i].horner)
            f[n++] = all[i];
        else
            fprintf(stderr, "test_gf128: no %s here: that path is skipped\n", all[i].name);
    }
    return n;
}

/* GHASH gives its first block the highest power; the polynomial here gives it the lowest. */
static void check_ghash(const char *h, const char *first, const char *second, const char *want) {
    qd_gf128 blocks[2] = {ghash_block(second), ghash_block(first)}, zero = {{0, 0}};
    qd_gf128 x = ghash_block(h), hash = ghash_block(want);
    ck_assert(equal(qd_gf128_poly(blocks, 2, x), hash));
    form f[FORMS];
    for (unsigned i = forms(f); i-- > 0;) ck_assert_msg(equal(f[i].horner(zero, blocks[0].w, 2, x), hash), "%s", f[i].name);
    ck_assert(equal(qd_gf128_mul_ref(plus(qd_gf128_mul_ref(blocks[1], x), blocks[0]), x), hash));
    blocks[0].w[0] ^= 1;
    ck_assert(!equal(qd_gf128_poly(blocks, 2, x), hash));
}

START_TEST(published_vectors) {
    check_ghash("25629347589242761d31f826ba4b757b", "4f4f95668c83dfb6401762bb2d01a262", "d1a24ddd2721d006bbe45f20d3c9f362",
                "bd9b3997046731fb96251b91f9c99d7a"); /* RFC 8452, appendix A */
    check_ghash("66e94bd4ef8a2c3b884cfa59ca342b2e", "0388dace60b6a392f328c2b971b2fe78", "00000000000000000000000000000080",
                "f38cbb1ad69223dcc3457ae5b6b0f885"); /* NIST SP 800-38D, GCM test case 2 */
}
END_TEST

START_TEST(field) {
    qd_gf128 one = {{1, 0}}, zero = {{0, 0}}, z = {{2, 0}};
    qd_gf128 power = one;
    for (int i = 0; i < 128; i++) power = qd_gf128_mul(power, z);
    ck_assert(equal(power, (qd_gf128){{0x87, 0}})); /* z^128 */
    for (uint64_t i = 0; i < 200; i++) {
        qd_gf128 a = random_element(3 * i), b = random_element(3 * i + 1), c = random_element(3 * i + 2);
        qd_gf128 ab = qd_gf128_mul(a, b);
        ck_assert(equal(ab, qd_gf128_mul_ref(a, b)));
        ck_assert(equal(ab, qd_gf128_horner_portable(zero, a.w, 1, b)));
        ck_assert(equal(ab, qd_gf128_mul(b, a)));
        ck_assert(equal(qd_gf128_mul(ab, c), qd_gf128_mul(a, qd_gf128_mul(b, c))));
        ck_assert(equal(qd_gf128_mul(a, plus(b, c)), plus(ab, qd_gf128_mul(a, c))));
        ck_assert(equal(qd_gf128_mul(a, one), a));
        ck_assert(equal(qd_gf128_mul(a, zero), zero));
    }
    /* a^(2^128 - 1) = 1: inverses exist. */
    qd_gf128 a = random_element(1000), order = one, square = a;
    for (int i = 0; i < 128; i++) order = qd_gf128_mul(order, square), square = qd_gf128_mul(square, square);
    ck_assert(equal(order, one));
    ck_assert(equal(square, a));
    /* Single bits and all ones: every carry path. */
    qd_gf128 full = {{UINT64_MAX, UINT64_MAX}};
    for (int i = 0; i < 128; i++) {
        qd_gf128 bit = zero;
        bit.w[i / 64] = (uint64_t)1 << (i % 64);
        ck_assert(equal(qd_gf128_mul(bit, full), qd_gf128_mul_ref(bit, full)));
        ck_assert(equal(qd_gf128_horner_portable(zero, bit.w, 1, full), qd_gf128_mul_ref(bit, full)));
    }
    ck_assert(equal(qd_gf128_horner_portable(zero, full.w, 1, full), qd_gf128_mul_ref(full, full)));
}
END_TEST

START_TEST(bytes) {
    uint8_t in[16], out[16];
    for (int i = 0; i < 16; i++) in[i] = (uint8_t)(17 * i + 3);
    qd_gf128_store(qd_gf128_load(in), out);
    ck_assert_mem_eq(in, out, 16);
    uint8_t bit9[16] = {0, 2};
    ck_assert(equal(qd_gf128_load(bit9), (qd_gf128){{1u << 9, 0}}));
}
END_TEST

static void random_bits(qd_bits *b, uint64_t n, uint64_t seed) {
    ck_assert_int_eq(qd_bits_create(b, n, NULL), QD_OK);
    qd_random r = {.rehearsal = 1, .seed = seed, .stream = QD_STREAM_TEST};
    qd_random_bytes(&r, b->w, qd_bits_words(n) * 8);
    if (n % 64) b->w[n / 64] &= ((uint64_t)1 << n % 64) - 1;
}

static const uint8_t key[16] = {0x5a, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 0xc3};

START_TEST(hash_is_the_definition) {
    static const uint64_t lengths[] = {0, 1, 63, 64, 65, 127, 128, 129, 191, 192, 193, 255, 256, 257, 511, 513, 640, 1000, 5000};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        qd_bits m;
        random_bits(&m, lengths[i], lengths[i] + 1);
        uint8_t want[16], got[16];
        for (unsigned t = 1; t <= 128; t += (t == 1 || t == 63 || t == 127) ? 1 : 3) {
            ck_assert_int_eq(qd_gf128_hash_ref(&m, key, t, want, NULL), QD_OK);
            ck_assert_int_eq(qd_gf128_hash(&m, key, t, got, NULL), QD_OK);
            ck_assert_mem_eq(got, want, 16);
            for (unsigned bit = t; bit < 128; bit++) ck_assert_uint_eq(got[bit / 8] >> (bit % 8) & 1, 0);
        }
        qd_bits_destroy(&m);
    }
}
END_TEST

/* The first block has power 1, the length is in its own block: from the formula, with M = 1 (length 1) and key z: h = z + z^2. */
START_TEST(hash_by_hand) {
    qd_bits m;
    uint8_t z[16] = {2}, tag[16], want[16] = {2 + 4};
    ck_assert_int_eq(qd_bits_create(&m, 1, NULL), QD_OK);
    qd_bits_set(&m, 0, 1);
    ck_assert_int_eq(qd_gf128_hash(&m, z, 128, tag, NULL), QD_OK);
    ck_assert_mem_eq(tag, want, 16);
    qd_bits_destroy(&m);
    /* 129 bits, the last one set: z^2 of its block, and the length 129 = 1 + z^7 times z^3. */
    ck_assert_int_eq(qd_bits_create(&m, 129, NULL), QD_OK);
    qd_bits_set(&m, 128, 1);
    ck_assert_int_eq(qd_gf128_hash(&m, z, 128, tag, NULL), QD_OK);
    uint8_t want2[16] = {4 + 8, 4};
    ck_assert_mem_eq(tag, want2, 16);
    qd_bits_destroy(&m);
}
END_TEST

/* Every flipped bit, and zeros put at the end, change the tag. */
START_TEST(hash_sees_every_bit_and_the_length) {
    qd_bits m;
    uint8_t tag[16], other[16];
    random_bits(&m, 700, 5);
    ck_assert_int_eq(qd_gf128_hash(&m, key, 64, tag, NULL), QD_OK);
    for (uint64_t i = 0; i < m.n; i++) {
        qd_bits_set(&m, i, !qd_bits_get(&m, i));
        ck_assert_int_eq(qd_gf128_hash(&m, key, 64, other, NULL), QD_OK);
        ck_assert_mem_ne(tag, other, 16);
        qd_bits_set(&m, i, !qd_bits_get(&m, i));
    }
    qd_bits_destroy(&m);
    qd_bits a, b;
    ck_assert_int_eq(qd_bits_create(&a, 100, NULL), QD_OK);
    ck_assert_int_eq(qd_bits_create(&b, 101, NULL), QD_OK);
    ck_assert_int_eq(qd_gf128_hash(&a, key, 64, tag, NULL), QD_OK);
    ck_assert_int_eq(qd_gf128_hash(&b, key, 64, other, NULL), QD_OK);
    ck_assert_mem_ne(tag, other, 16);
    qd_bits_destroy(&a);
    qd_bits_destroy(&b);
}
END_TEST

/* A message: blocks of words from an address that no vector is aligned to. */
enum { BLOCKS = 1003, CONTENTS = 5 };
typedef struct message {
    uint64_t w[2 * BLOCKS + 1];
} message;
static const uint64_t *fill(message *m, unsigned content) {
    for (uint64_t i = 0; i < BLOCKS; i++) {
        const qd_gf128 r = random_element(i);
        const uint64_t one = i % 2 ? (uint64_t)1 << 63 : 1;
        memcpy(m->w + 1 + 2 * i, (uint64_t[CONTENTS][2]){{r.w[0], r.w[1]}, {0, 0}, {UINT64_MAX, UINT64_MAX}, {one, 0}, {0, one}}[content], 16);
    }
    return m->w + 1;
}

/* Of every length to several reductions, and some longer ones, from the sum that Horner's rule is for: start x^n + the sum of M_i x^(i+1). Ones at a
 * point of ones make the most carries. */
static void every_length(const form *f, const uint64_t *words, qd_gf128 start, qd_gf128 x) {
    qd_gf128 sum = {{0, 0}}, power = {{1, 0}};
    for (uint64_t n = 0; n <= BLOCKS; n++) {
        if (n <= 200 || n >= BLOCKS - 66) {
            const qd_gf128 want = plus(sum, qd_gf128_mul_ref(start, power));
            ck_assert_msg(equal(f->horner(start, words, n, x), want), "%s, %d blocks", f->name, (int)n);
        }
        if (n == BLOCKS) break;
        power = qd_gf128_mul_ref(power, x);
        sum = plus(sum, qd_gf128_mul_ref((qd_gf128){{words[2 * n], words[2 * n + 1]}}, power));
    }
}

START_TEST(every_path_is_the_definition) {
    const qd_gf128 points[] = {random_element(BLOCKS), {{0, 0}}, {{1, 0}}, {{2, 0}}, {{UINT64_MAX, UINT64_MAX}}, {{0, (uint64_t)1 << 63}}};
    const qd_gf128 starts[] = {{{0, 0}}, random_element(BLOCKS + 1), {{UINT64_MAX, UINT64_MAX}}};
    static message m;
    form f[FORMS];
    for (unsigned i = forms(f); i-- > 0;) {
        for (unsigned content = 0; content < CONTENTS; content++) {
            const uint64_t *words = fill(&m, content);
            for (unsigned p = 0; p < 6; p++) every_length(&f[i], words, starts[(content + p) % 3], points[p]);
        }
    }
}
END_TEST

/* ---- what is left in memory -------------------------------------------------------------------------------------- */

#if defined(__OPTIMIZE__) && !defined(__SANITIZE_ADDRESS__)
enum { STACK = 1 << 18, POWERS = 32, REGISTERS = 16 * 4 };
typedef struct call {
    const form *f;
    const uint64_t *words;
    uint64_t blocks;
    qd_gf128 x;
} call;

static void *run_call(void *p) {
    const call *c = p;
    (void)c->f->horner((qd_gf128){{UINT64_MAX, 1}}, c->words, c->blocks, c->x);
    return NULL;
}

/* How often word w stands in memory, as it is or spread as integer products want it. */
static unsigned found(const uint64_t *memory, size_t words, uint64_t w) {
    unsigned n = 0;
    for (size_t i = 0; i < words; i++) {
        n += memory[i] == w;
        for (unsigned k = 0; memory[i] >> 32 && k < 4; k++) n += memory[i] == (w >> k & 0x1111111111111111u); /* not small numbers, which are counters */
    }
    return n;
}

/* Messages of verification are key, and powers of a hash key give it away: on the stack behind a call there is no more of either than a compiler puts
 * away of its registers, sixteen of four words. Looked for on a thread's own stack. */
START_TEST(nothing_stays_on_the_stack) {
    static const uint64_t lengths[] = {1, 19, 20, 40, 41, 64, 79, BLOCKS};
    static message m;
    const uint64_t *words = fill(&m, 0);
    const size_t here = STACK / sizeof(uint64_t);
    uint64_t *stack = aligned_alloc(4096, STACK);
    form f[FORMS];
    for (unsigned i = forms(f); i-- > 0;)
        for (unsigned l = 0; l < sizeof lengths / sizeof *lengths; l++) {
            call c = {&f[i], words, lengths[l], random_element(BLOCKS)};
            pthread_attr_t a;
            pthread_t thread;
            memset(stack, 0, STACK);
            ck_assert(pthread_attr_init(&a) == 0 && pthread_attr_setstack(&a, stack, STACK) == 0);
            ck_assert(pthread_create(&thread, &a, run_call, &c) == 0 && pthread_join(thread, NULL) == 0);
            pthread_attr_destroy(&a);
            unsigned of_message = 0, of_powers = 0;
            for (uint64_t w = 0; w < 2 * lengths[l]; w++) of_message += found(stack, here, words[w]);
            qd_gf128 power = c.x;
            for (unsigned k = 2; k <= POWERS; k++) {
                power = qd_gf128_mul_ref(power, c.x);
                for (unsigned w = 0; w < 2; w++) of_powers += found(stack, here, power.w[w]);
            }
            ck_assert_msg(of_message <= REGISTERS, "%s, %d blocks: %u words of the message", f[i].name, (int)lengths[l], of_message);
            ck_assert_msg(of_powers <= REGISTERS, "%s, %d blocks: %u words of the key's powers", f[i].name, (int)lengths[l], of_powers);
        }
    free(stack);
}
END_TEST
#endif

START_TEST(refusals) {
    qd_bits m;
    uint8_t tag[16];
    random_bits(&m, 10, 1);
    ck_assert_int_eq(qd_gf128_hash(&m, key, 0, tag, NULL), QD_E_USAGE);
    memset(tag, 7, sizeof tag);
    ck_assert_int_eq(qd_gf128_hash(&m, key, 129, tag, NULL), QD_E_USAGE);
    for (int i = 0; i < 16; i++) ck_assert_uint_eq(tag[i], 0);
    qd_bits_destroy(&m);
}
END_TEST

int main(void) {
    Suite *s = suite_create("gf128");
    TCase *t = tcase_create("gf128");
    tcase_add_test(t, published_vectors);
    tcase_add_test(t, field);
    tcase_add_test(t, bytes);
    tcase_add_test(t, hash_is_the_definition);
    tcase_add_test(t, hash_by_hand);
    tcase_add_test(t, hash_sees_every_bit_and_the_length);
    tcase_add_test(t, every_path_is_the_definition);
#if defined(__OPTIMIZE__) && !defined(__SANITIZE_ADDRESS__)
    tcase_add_test(t, nothing_stays_on_the_stack);
#endif
    tcase_add_test(t, refusals);
    suite_add_tcase(s, t);
    return run_all(s);
}
