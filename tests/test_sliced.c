/* SPDX-License-Identifier: Apache-2.0 */
/* The tower GF(2^32), the basis of its subspaces, the bit-sliced additive transform from its definition, and middle products from theirs. */
#include "arith/sliced.h"
#include "compute/internal.h"

#define NAME "sliced"
#define OF(what) qd_sliced_##what
typedef qd_sliced plan_of;
typedef uint32_t part;
enum { SHORTEST = QD_SLICED_MIN_LOG2, LONGEST = QD_SLICED_MAX_LOG2, AUTO = QD_SLICED_AUTO, FIRST = QD_SLICED_LOCAL, VARIANTS = QD_SLICED_VARIANTS };
/* Strings from which on a plan has the width of its name. */
static unsigned shortest_of(int way) {
    static const unsigned shortest[QD_SLICED_VARIANTS] = {16, 16, 18, 20, 22};
    return shortest[way];
}
#include "middle_suite.h"

static uint32_t element(qd_random *r) {
    uint32_t v;
    qd_random_bytes(r, &v, sizeof v);
    return v;
}

/* a^(2^k). */
static uint32_t power2(uint32_t a, unsigned k) {
    while (k--) a = qd_gf32_mul_ref(a, a);
    return a;
}

START_TEST(field) {
    qd_random r = {.rehearsal = 1, .seed = 1, .stream = QD_STREAM_TEST};
    /* X^2 + X + b of each floor of the tower: X has bit 2^j, all earlier X together bit 2^j - 1. */
    for (unsigned j = 0; j < 5; j++) {
        uint32_t x = (uint32_t)1 << (1u << j), earlier = (uint32_t)1 << ((1u << j) - 1);
        ck_assert_uint_eq(qd_gf32_mul_ref(x, x), x ^ earlier);
        ck_assert_uint_eq(qd_gf32_mul_ref(x, earlier), x << ((1u << j) - 1));
    }
    for (int i = 0; i < 300; i++) {
        uint32_t a = element(&r), b = element(&r), c = element(&r);
        ck_assert_uint_eq(qd_gf32_mul_ref(a, 1), a);
        ck_assert_uint_eq(qd_gf32_mul_ref(a, b), qd_gf32_mul_ref(b, a));
        ck_assert_uint_eq(qd_gf32_mul_ref(a, b ^ c), qd_gf32_mul_ref(a, b) ^ qd_gf32_mul_ref(a, c));
        ck_assert_uint_eq(qd_gf32_mul_ref(qd_gf32_mul_ref(a, b), c), qd_gf32_mul_ref(a, qd_gf32_mul_ref(b, c)));
        ck_assert_uint_eq(power2(a, 32), a);
        /* A field: a^(2^32 - 2) a = 1. */
        uint32_t inverse = 1;
        for (unsigned k = 1; k < 32; k++) inverse = qd_gf32_mul_ref(inverse, power2(a, k));
        if (a) ck_assert_uint_eq(qd_gf32_mul_ref(a, inverse), 1);
    }
}
END_TEST

/* Also: the first 2, 4, 8, 16 span subfields, which is what the kernel's shorter products rest on. */
START_TEST(basis_of_the_subspaces) {
    ck_assert_uint_eq(qd_gf32_basis(0), 1);
    for (unsigned i = 1; i < QD_GF32_BASIS; i++) {
        uint32_t v = qd_gf32_basis(i);
        ck_assert_uint_eq(qd_gf32_mul_ref(v, v) ^ v, qd_gf32_basis(i - 1));
        for (unsigned m = 2; m <= 16; m *= 2)
            if (i < m) ck_assert_uint_eq(v >> m, 0);
    }
}
END_TEST

/* The element at point p of a spectrum, read or written. */
static uint32_t get(const work *w, const uint32_t *spectrum, uint64_t p) {
    size_t word, step = qd_sliced_lanes(w->plan) / 32;
    unsigned bit;
    uint32_t v = 0;
    qd_sliced_place(w->plan, p, &word, &bit);
    for (unsigned i = 0; i < 32; i++) v |= (spectrum[word + step * i] >> bit & 1) << i;
    return v;
}
static void set(const work *w, uint32_t *spectrum, uint64_t p, uint32_t v) {
    size_t word, step = qd_sliced_lanes(w->plan) / 32;
    unsigned bit;
    qd_sliced_place(w->plan, p, &word, &bit);
    for (unsigned i = 0; i < 32; i++) {
        uint32_t *at = &spectrum[word + step * i];
        *at = (*at & ~((uint32_t)1 << bit)) | (v >> i & 1) << bit;
    }
}

/* ---- Tests on a device ------------------------------------------------------------------------------------------- */

/* Products of elements, of every width: single coordinates, all ones and random ones, alone and added to what is there. */
START_TEST(products_of_elements) {
    qd_device *dev = open_device();
    if (!dev) return;
    for (int variant = QD_SLICED_LOCAL; variant < QD_SLICED_VARIANTS; variant++) {
        work w;
        work_open(&w, dev, shortest_of(variant), (unsigned)variant);
        ck_assert_uint_eq(qd_sliced_lanes(w.plan), variant == QD_SLICED_LOCAL ? 32 : 64u << (variant - 1));
        enum { SOME = 4096 };
        static uint32_t a[SOME], b[SOME];
        uint32_t *v = calloc(3 * w.words, 4), *va = v, *vb = v + w.words, *got = v + 2 * w.words;
        qd_random r = {.rehearsal = 1, .seed = 2, .stream = QD_STREAM_TEST};
        for (unsigned i = 0; i < SOME; i++) {
            a[i] = i < 1024 ? (uint32_t)1 << i / 32 : i < 1060 ? UINT32_MAX : element(&r);
            b[i] = i < 1024 ? (uint32_t)1 << i % 32 : i % 5 ? element(&r) : UINT32_MAX;
            set(&w, va, i, a[i]);
            set(&w, vb, i, b[i]);
        }
        ck_assert_int_eq(qd_cl_write(dev, &w.x[0], 0, va, 4 * w.words, NULL), QD_OK);
        ck_assert_int_eq(qd_cl_write(dev, &w.x[1], 0, vb, 4 * w.words, NULL), QD_OK);
        ck_assert_int_eq(qd_sliced_multiply(w.plan, &w.x[2], &w.x[0], &w.x[1], 0, NULL), QD_OK);
        ck_assert_int_eq(qd_cl_read(dev, &w.x[2], 0, got, 4 * w.words, NULL), QD_OK);
        for (unsigned i = 0; i < SOME; i++) ck_assert_msg(get(&w, got, i) == qd_gf32_mul_ref(a[i], b[i]), "variant %d, element %u", variant, i);
        ck_assert_int_eq(qd_sliced_multiply(w.plan, &w.x[2], &w.x[0], &w.x[0], 1, NULL), QD_OK);
        ck_assert_int_eq(qd_sliced_multiply(w.plan, &w.x[0], &w.x[0], &w.x[1], 0, NULL), QD_OK); /* in place */
        ck_assert_int_eq(qd_cl_read(dev, &w.x[2], 0, got, 4 * w.words, NULL), QD_OK);
        for (unsigned i = 0; i < SOME; i++) ck_assert_uint_eq(get(&w, got, i), qd_gf32_mul_ref(a[i], b[i] ^ a[i]));
        ck_assert_int_eq(qd_cl_read(dev, &w.x[0], 0, got, 4 * w.words, NULL), QD_OK);
        for (unsigned i = 0; i < SOME; i++) ck_assert_uint_eq(get(&w, got, i), qd_gf32_mul_ref(a[i], b[i]));
        free(v);
        work_close(&w);
    }
    qd_device_close(dev);
}
END_TEST

/* The polynomial whose coefficients are the chunks of 16 bits of @p key, at the point that is the sum of v_i over the bits i of p. */
static uint32_t value_at(const qd_bits *key, uint64_t p) {
    uint32_t point = 0, sum = 0, z[16];
    for (unsigned i = 0; p >> i; i++)
        if (p >> i & 1) point ^= qd_gf32_basis(i);
    for (unsigned t = 0; t < 16; t++) z[t] = t ? qd_gf32_mul_ref(z[t - 1], QD_GF32_Z) : 1;
    /* Bits of each nibble of the sum times the point: the product is linear. */
    uint32_t table[8][16];
    for (unsigned i = 0; i < 8; i++)
        for (uint32_t c = 0; c < 16; c++) table[i][c] = qd_gf32_mul_ref(point, c << 4 * i);
    for (uint64_t j = key->n / 16; j-- > 0;) {
        uint32_t chunk = (uint32_t)(key->w[j / 4] >> 16 * (j % 4)) & 0xffff, next = 0;
        for (unsigned i = 0; i < 8; i++) next ^= table[i][sum >> 4 * i & 15];
        for (unsigned t = 0; t < 16; t++)
            if (chunk >> t & 1) next ^= z[t];
        sum = next;
    }
    return sum;
}

/* The transform of a key from its definition, at some points, of every width. */
START_TEST(key_is_evaluated) {
    qd_device *dev = open_device();
    if (!dev) return;
    for (unsigned log2n = QD_SLICED_MIN_LOG2; log2n <= 23; log2n++)
        for (int variant = QD_SLICED_AUTO; variant < QD_SLICED_VARIANTS; variant++) {
            work w;
            qd_bits key;
            work_open(&w, dev, log2n, (unsigned)variant);
            random_bits(&key, (uint64_t)1 << log2n, log2n);
            key_to(&w, &key, 0);
            uint32_t *got = malloc(4 * w.words);
            uint64_t points = (uint64_t)1 << (log2n - 4);
            ck_assert_int_eq(qd_cl_read(dev, &w.x[0], 0, got, 4 * w.words, NULL), QD_OK);
            for (uint64_t i = 0; i < 4; i++) ck_assert_uint_eq(get(&w, got, i), value_at(&key, i));
            for (uint64_t i = 1; i < points; i = 5 * i + 3) {
                ck_assert_msg(get(&w, got, i) == value_at(&key, i), "2^%u bits, variant %d, point %d", log2n, variant, (int)i);
                ck_assert_msg(get(&w, got, points - i) == value_at(&key, points - i), "2^%u bits, variant %d, point -%d", log2n, variant, (int)i);
            }
            free(got);
            qd_bits_destroy(&key);
            work_close(&w);
        }
    qd_device_close(dev);
}
END_TEST

static unsigned lanes_of(qd_device *dev, qd_sliced_variant variant) {
    qd_sliced *plan;
    ck_assert_int_eq(qd_sliced_open(dev, 22, variant, &plan, NULL), QD_OK);
    unsigned lanes = qd_sliced_lanes(plan);
    qd_sliced_close(plan);
    return lanes;
}

/* A device that says it is a GPU takes tiles in local memory by itself; one without enough of it goes as a CPU does, with the widest vectors. */
START_TEST(ways_by_device) {
    qd_device *dev = open_device();
    if (!dev) return;
    const unsigned bytes = dev->byte_lanes;
    const uint64_t local = dev->info.local_mem_bytes;
    dev->byte_lanes = 16;
    ck_assert_uint_eq(lanes_of(dev, QD_SLICED_AUTO), 128);
    ck_assert_uint_eq(lanes_of(dev, QD_SLICED_LOCAL), 32);
    strcpy(dev->info.type, "gpu");
    ck_assert_uint_eq(lanes_of(dev, QD_SLICED_AUTO), 32);
    dev->info.local_mem_bytes = 16000;
    ck_assert_uint_eq(lanes_of(dev, QD_SLICED_AUTO), 128);
    ck_assert_uint_eq(lanes_of(dev, QD_SLICED_LOCAL), 128);
    dev->info.local_mem_bytes = local;
    dev->byte_lanes = bytes;
    strcpy(dev->info.type, "cpu");
    qd_device_close(dev);
}
END_TEST

int main(void) {
    Suite *s = suite_create("sliced");
    TCase *t = tcase_create("sliced");
    tcase_set_timeout(t, 600); /* kernels are compiled in the first run */
    tcase_add_test(t, field);
    tcase_add_test(t, basis_of_the_subspaces);
    tcase_add_test(t, products_of_elements);
    tcase_add_test(t, key_is_evaluated);
    tcase_add_test(t, single_ones);
    tcase_add_test(t, all_ones);
    tcase_add_test(t, sums_of_products);
    tcase_add_test(t, refusals);
    tcase_add_test(t, ways_by_device);
    suite_add_tcase(s, t);
    return run_all(s);
}
