/* SPDX-License-Identifier: Apache-2.0 */
/* The verification hash on a device: published vectors, algebra, and sizes around those where its chunks change. (test_gf128 has the host's.) */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "arith/gf128.h"
#include "arith/polyhash.h"
#include "run_all.h"

static qd_error err;
static const uint8_t key[16] = {0x5a, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 0xc3};

/* Every variant, and the layout of GPUs. One that a device has not is the next narrower one there. */
static const qd_polyhash_way ways[] = {{QD_POLYHASH_PORTABLE, 1, 0}, {QD_POLYHASH_CLMUL128, 1, 0}, {QD_POLYHASH_CLMUL256, 1, 0}, {QD_POLYHASH_CLMUL512, 1, 0},
                                       {QD_POLYHASH_PORTABLE, 256, 0}, {QD_POLYHASH_PORTABLE, 2, 5}, {QD_POLYHASH_CLMUL256, 1, 7}};
enum { WAYS = sizeof ways / sizeof *ways };

static qd_device *open_device(void) {
    qd_device *dev = NULL;
    if (qd_device_open("cpu", &dev, &err) != QD_OK && qd_device_open("gpu", &dev, &err) != QD_OK) {
        fprintf(stderr, "test_polyhash: no device here: skipped\n");
        return NULL;
    }
    return dev;
}

static void random_bits(qd_bits *b, uint64_t n, uint64_t seed) {
    ck_assert_int_eq(qd_bits_create(b, n, NULL), QD_OK);
    qd_random r = {.rehearsal = 1, .seed = seed, .stream = QD_STREAM_TEST};
    qd_random_bytes(&r, b->w, qd_bits_words(n) * 8);
    if (n % 64) b->w[n / 64] &= ((uint64_t)1 << n % 64) - 1;
}

static qd_gf128 plus(qd_gf128 a, qd_gf128 b) { return (qd_gf128){{a.w[0] ^ b.w[0], a.w[1] ^ b.w[1]}}; }
static bool equal(qd_gf128 a, qd_gf128 b) { return a.w[0] == b.w[0] && a.w[1] == b.w[1]; }

/* All by the product of the definition. */
static qd_gf128 power(qd_gf128 k, uint64_t e) {
    qd_gf128 p = {{1, 0}};
    for (; e; e >>= 1, k = qd_gf128_mul_ref(k, k))
        if (e & 1) p = qd_gf128_mul_ref(p, k);
    return p;
}
static qd_gf128 length_term(uint64_t n, qd_gf128 k) {
    return qd_gf128_mul_ref((qd_gf128){{n, 0}}, power(k, n / 128 + (n % 128 != 0) + 1));
}

static qd_gf128 hash(qd_device *dev, qd_polyhash_way way, const qd_bits *m, qd_gf128 k) {
    uint8_t bytes[16], tag[16];
    qd_gf128_store(k, bytes);
    ck_assert_msg(qd_polyhash_cl(dev, way, m, bytes, 128, tag, &err) == QD_OK, "%s", err.what);
    return qd_gf128_load(tag);
}

static uint64_t chunk_of(qd_device *dev, qd_polyhash_way way, uint64_t blocks, uint64_t *step) {
    uint64_t chunk;
    ck_assert_int_eq(qd_polyhash_chunk(dev, way, blocks, &chunk, step, &err), QD_OK);
    return chunk;
}

/* ---- Published vectors ------------------------------------------------------------------------------------------- */

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

/* GHASH's two blocks among zeros, the second of them at block `at`: its value times k^at, and the length. */
static void check_ghash(qd_device *dev, const char *h, const char *first, const char *second, const char *want) {
    const qd_gf128 k = ghash_block(h), x[2] = {ghash_block(second), ghash_block(first)};
    for (int i = 0; i < WAYS; i++) {
        uint64_t step, chunk = chunk_of(dev, ways[i], 0, &step), blocks = 3 * step + 5;
        const uint64_t places[] = {0, 1, step - 2, step - 1, step, 2 * step + 1, 3 * step - 2, 3 * step - 1, blocks - 2};
        ck_assert_uint_eq(chunk, step);
        for (size_t p = 0; p < sizeof places / sizeof *places; p++) {
            qd_bits m;
            ck_assert_int_eq(qd_bits_create(&m, 128 * blocks, NULL), QD_OK);
            memcpy(m.w + 2 * places[p], x, sizeof x);
            const qd_gf128 value = qd_gf128_mul_ref(ghash_block(want), power(k, places[p]));
            ck_assert_msg(equal(hash(dev, ways[i], &m, k), plus(value, length_term(m.n, k))), "way %d, block %d", i, (int)places[p]);
            qd_bits_destroy(&m);
        }
    }
}

START_TEST(published_vectors) {
    qd_device *dev = open_device();
    if (!dev) return;
    check_ghash(dev, "25629347589242761d31f826ba4b757b", "4f4f95668c83dfb6401762bb2d01a262", "d1a24ddd2721d006bbe45f20d3c9f362",
                "bd9b3997046731fb96251b91f9c99d7a"); /* RFC 8452, appendix A */
    check_ghash(dev, "66e94bd4ef8a2c3b884cfa59ca342b2e", "0388dace60b6a392f328c2b971b2fe78", "00000000000000000000000000000080",
                "f38cbb1ad69223dcc3457ae5b6b0f885"); /* NIST SP 800-38D, GCM test case 2 */
    qd_device_close(dev);
}
END_TEST

/* POLYVAL by way of GHASH (RFC 8452, appendix A): blocks and value with their bytes backwards, at the
 * point H z, H backwards likewise. */
START_TEST(polyval) {
    qd_device *dev = open_device();
    if (!dev) return;
    const char *hex[4] = {"25629347589242761d31f826ba4b757b", "4f4f95668c83dfb6401762bb2d01a262", "d1a24ddd2721d006bbe45f20d3c9f362",
                          "f7a3b47b846119fae5b7866cf5e5b77e"}; /* H, X1, X2, POLYVAL */
    qd_gf128 x[4];
    for (int i = 0; i < 4; i++) {
        char back[33] = "";
        for (int b = 0; b < 16; b++) memcpy(back + 2 * b, hex[i] + 2 * (15 - b), 2);
        x[i] = ghash_block(back);
    }
    const qd_gf128 k = qd_gf128_mul_ref(x[0], (qd_gf128){{2, 0}});
    for (int i = 0; i < WAYS; i++) {
        uint64_t step;
        qd_bits m;
        (void)chunk_of(dev, ways[i], 0, &step);
        ck_assert_int_eq(qd_bits_create(&m, 128 * step, NULL), QD_OK);
        memcpy(m.w, &x[2], 16);
        memcpy(m.w + 2, &x[1], 16);
        ck_assert_msg(equal(hash(dev, ways[i], &m, k), plus(x[3], length_term(m.n, k))), "way %d", i);
        qd_bits_destroy(&m);
    }
    qd_device_close(dev);
}
END_TEST

/* ---- Algebra ----------------------------------------------------------------------------------------------------- */

/* A flipped bit adds z^(i mod 128) k^(i/128 + 1): at both ends of every step, chunk and lane, and everywhere in between now and then. */
START_TEST(a_flipped_bit_adds_its_power) {
    qd_device *dev = open_device();
    if (!dev) return;
    const qd_gf128 k = qd_gf128_load(key);
    for (int w = 0; w < WAYS; w++) {
        uint64_t step;
        qd_bits m;
        (void)chunk_of(dev, ways[w], 0, &step);
        random_bits(&m, 128 * (3 * step + 2) + 77, 3);
        const qd_gf128 before = hash(dev, ways[w], &m, k);
        for (uint64_t block = 0; block <= 3 * step + 2; block += block % step < 3 || block % step > step - 4 ? 1 : step / 16 + 1) {
            uint64_t bit = 128 * block + (block * 37) % 128;
            if (bit >= m.n) bit = m.n - 1;
            qd_bits_set(&m, bit, !qd_bits_get(&m, bit));
            qd_gf128 e = {{0, 0}};
            e.w[bit % 128 / 64] = (uint64_t)1 << bit % 64;
            const qd_gf128 added = qd_gf128_mul_ref(e, power(k, bit / 128 + 1));
            ck_assert_msg(equal(hash(dev, ways[w], &m, k), plus(before, added)), "way %d, bit %d of block %d", w, (int)(bit % 128), (int)block);
            qd_bits_set(&m, bit, !qd_bits_get(&m, bit));
        }
        qd_bits_destroy(&m);
    }
    qd_device_close(dev);
}
END_TEST

/* All 128 bits of one block, all of another, so that every column of a product is hit; with a point of all ones too. */
START_TEST(every_bit_of_a_block) {
    qd_device *dev = open_device();
    if (!dev) return;
    const qd_gf128 points[2] = {qd_gf128_load(key), {{UINT64_MAX, UINT64_MAX}}};
    for (int w = 0; w < WAYS; w++)
        for (int p = 0; p < 2; p++) {
            uint64_t step;
            qd_bits m;
            (void)chunk_of(dev, ways[w], 0, &step);
            ck_assert_int_eq(qd_bits_create(&m, 128 * step, NULL), QD_OK);
            for (uint64_t i = 0; i < 128; i++) {
                const uint64_t bit = 128 * (i % 2 ? 3 : step - 1) + i;
                qd_gf128 e = {{0, 0}};
                e.w[i / 64] = (uint64_t)1 << i % 64;
                qd_bits_set(&m, bit, 1);
                const qd_gf128 want = plus(qd_gf128_mul_ref(e, power(points[p], bit / 128 + 1)), length_term(m.n, points[p]));
                ck_assert_msg(equal(hash(dev, ways[w], &m, points[p]), want), "way %d, bit %d", w, (int)i);
                qd_bits_set(&m, bit, 0);
            }
            qd_bits_destroy(&m);
        }
    qd_device_close(dev);
}
END_TEST

START_TEST(linear_but_for_the_length) {
    qd_device *dev = open_device();
    if (!dev) return;
    const qd_gf128 k = qd_gf128_load(key);
    for (int w = 0; w < WAYS; w++) {
        qd_bits m[3];
        for (int i = 0; i < 3; i++) random_bits(&m[i], 300001, (uint64_t)i);
        for (uint64_t i = 0; i < qd_bits_words(m[2].n); i++) m[2].w[i] = m[0].w[i] ^ m[1].w[i];
        const qd_gf128 sum = plus(hash(dev, ways[w], &m[0], k), hash(dev, ways[w], &m[1], k));
        ck_assert(equal(hash(dev, ways[w], &m[2], k), plus(sum, length_term(m[2].n, k))));
        for (int i = 0; i < 3; i++) qd_bits_destroy(&m[i]);
    }
    qd_device_close(dev);
}
END_TEST

/* Zeros alone: the length's term is all there is, so that strings of zeros of different lengths differ. */
START_TEST(zeros_are_their_length) {
    qd_device *dev = open_device();
    if (!dev) return;
    const qd_gf128 k = qd_gf128_load(key);
    static const uint64_t lengths[] = {0, 1, 127, 128, 129, 65535, 65536, 65537, 200000, 1000000};
    for (int w = 0; w < WAYS; w++)
        for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
            qd_bits m;
            ck_assert_int_eq(qd_bits_create(&m, lengths[i], NULL), QD_OK);
            ck_assert(equal(hash(dev, ways[w], &m, k), length_term(lengths[i], k)));
            qd_bits_destroy(&m);
        }
    qd_device_close(dev);
}
END_TEST

/* ---- Sizes ------------------------------------------------------------------------------------------------------- */

/* As many steps as a message has when its chunks get two; 0: not below 2^17 blocks. */
static uint64_t first_switch(qd_device *dev, qd_polyhash_way way, uint64_t step) {
    for (uint64_t count = 1; count * step < 1 << 17; count *= 2)
        if (chunk_of(dev, way, count * step, &step) == 2 * step) return count;
    return 0;
}

static void check_sizes(qd_device *dev, int w, uint64_t blocks) {
    qd_bits m;
    random_bits(&m, 128 * (blocks + 1) + 1, blocks);
    const uint64_t n[] = {128 * (blocks - 1), 128 * blocks - 1, 128 * blocks, 128 * blocks + 1, 128 * blocks + 64, 128 * blocks + 65, 128 * (blocks + 1)};
    for (size_t i = 0; i < sizeof n / sizeof *n; i++) {
        qd_bits part;
        uint8_t want[16];
        ck_assert_int_eq(qd_bits_slice(&part, &m, 0, n[i], NULL), QD_OK);
        ck_assert_int_eq(qd_gf128_hash(&part, key, 128, want, NULL), QD_OK);
        ck_assert_msg(equal(hash(dev, ways[w], &part, qd_gf128_load(key)), qd_gf128_load(want)), "way %d, %d bits", w, (int)n[i]);
        qd_bits_destroy(&part);
    }
    qd_bits_destroy(&m);
}

/* Around one step, two, three, and where a chunk gets two and four: the device's own numbers, whatever it is. */
START_TEST(sizes_around_the_switches) {
    qd_device *dev = open_device();
    if (!dev) return;
    int switched = 0;
    for (int w = 0; w < WAYS; w++) {
        uint64_t step;
        (void)chunk_of(dev, ways[w], 0, &step);
        for (uint64_t count = 1; count <= 3; count++) check_sizes(dev, w, count * step);
        const uint64_t at = first_switch(dev, ways[w], step);
        if (!at) continue; /* of pieces: never; of GPUs' layout: a case of the registry */
        switched++;
        ck_assert_uint_eq(chunk_of(dev, ways[w], at * step - 1, &step), step);
        ck_assert_uint_eq(chunk_of(dev, ways[w], 2 * at * step, &step), 4 * step);
        check_sizes(dev, w, at / 2 * step);
        check_sizes(dev, w, at * step);
        check_sizes(dev, w, 2 * at * step);
    }
    ck_assert_int_gt(switched, 0);
    qd_device_close(dev);
}
END_TEST

START_TEST(who_computes_it_does_not_matter) {
    qd_device *dev = open_device();
    static const uint64_t lengths[] = {0, 129, 1 << 19, 1 << 23, (1 << 23) + 1000};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        qd_bits m;
        uint8_t want[16], got[16];
        random_bits(&m, lengths[i], 9);
        for (unsigned t = 1; t <= 128; t += t == 1 || t == 63 || t == 64 ? t == 1 ? 62 : 1 : 63) {
            ck_assert_int_eq(qd_gf128_hash(&m, key, t, want, NULL), QD_OK);
            ck_assert_int_eq(qd_polyhash(NULL, &m, key, t, got, NULL), QD_OK);
            ck_assert_mem_eq(got, want, 16);
            ck_assert_int_eq(qd_polyhash(dev, &m, key, t, got, NULL), QD_OK);
            ck_assert_mem_eq(got, want, 16);
        }
        qd_bits_destroy(&m);
    }
    qd_device_close(dev);
}
END_TEST

/* A long message goes to the device, a short one does not. */
START_TEST(long_messages_are_the_devices) {
    qd_device *dev = open_device();
    if (!dev) return;
    static const uint64_t lengths[] = {1000, 1 << 23};
    for (int i = 0; i < 2; i++) {
        qd_bits m;
        uint8_t tag[16];
        random_bits(&m, lengths[i], 9);
        qd_device_time_reset(dev);
        ck_assert_int_eq(qd_polyhash(dev, &m, key, 64, tag, NULL), QD_OK);
        ck_assert_uint_eq(qd_device_time_read(dev).launches > 0, (unsigned)i);
        qd_bits_destroy(&m);
    }
    qd_device_close(dev);
}
END_TEST

START_TEST(refusals) {
    qd_device *dev = open_device();
    if (!dev) return;
    qd_bits m;
    uint8_t tag[16];
    random_bits(&m, 1 << 23, 1);
    for (unsigned t = 0; t <= 129; t += 129) {
        memset(tag, 7, sizeof tag);
        ck_assert_int_eq(qd_polyhash(dev, &m, key, t, tag, &err), QD_E_USAGE);
        for (int i = 0; i < 16; i++) ck_assert_uint_eq(tag[i], 0);
    }
    qd_bits_destroy(&m);
    qd_device_close(dev);
}
END_TEST

int main(void) {
    Suite *s = suite_create("polyhash");
    TCase *t = tcase_create("polyhash");
    tcase_set_timeout(t, 300); /* kernels are compiled in the first run */
    tcase_add_test(t, published_vectors);
    tcase_add_test(t, polyval);
    tcase_add_test(t, a_flipped_bit_adds_its_power);
    tcase_add_test(t, every_bit_of_a_block);
    tcase_add_test(t, linear_but_for_the_length);
    tcase_add_test(t, zeros_are_their_length);
    tcase_add_test(t, sizes_around_the_switches);
    tcase_add_test(t, who_computes_it_does_not_matter);
    tcase_add_test(t, long_messages_are_the_devices);
    tcase_add_test(t, refusals);
    suite_add_tcase(s, t);
    return run_all(s);
}
