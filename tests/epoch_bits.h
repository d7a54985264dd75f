/* SPDX-License-Identifier: Apache-2.0 */
/** @file epoch_bits.h  Epoch files written down bit by bit, as their description reads, for tests: nothing of the library is
 * used. */
#ifndef QD_TESTS_EPOCH_BITS_H
#define QD_TESTS_EPOCH_BITS_H

#include <check.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BITS_MAX = 1 << 22 };

/** A string of bits, a character each. */
typedef struct bit_text {
    char *bit;
    size_t n;
} bit_text;

static inline void bits_add(bit_text *b, uint64_t value, unsigned width) {
    if (!b->bit) b->bit = malloc(BITS_MAX);
    ck_assert(b->bit && b->n + width < BITS_MAX);
    for (unsigned i = width; i-- > 0;) b->bit[b->n++] = value >> i & 1 ? '1' : '0';
}

/* Kept whole: gcc 12 sees sizes of 0 where it unrolls this into its callers. */
static __attribute__((noinline)) size_t put_word(uint8_t *file, size_t at, uint32_t v) {
    for (int i = 0; i < 4; i++) file[at++] = (uint8_t)(v >> (8 * i));
    return at;
}

/** Header words, then the bits in words of 32, the last padded. Returns the size; *file is from malloc. */
static inline size_t bits_file(const uint32_t *head, size_t words, bit_text *b, uint8_t **file) {
    size_t at = 0;
    *file = calloc(1, 4 * words + b->n / 8 + 8);
    ck_assert_ptr_nonnull(*file);
    for (size_t i = 0; i < words; i++) at = put_word(*file, at, head[i]);
    for (size_t i = 0; i < b->n; i += 32) {
        uint32_t v = 0;
        for (size_t k = 0; k < 32; k++) v = v << 1 | (i + k < b->n && b->bit[i + k] == '1');
        at = put_word(*file, at, v);
    }
    free(b->bit);
    *b = (bit_text){NULL, 0};
    return at;
}

/** A difference in the short or the long form, and its pattern. */
static inline void bits_difference(bit_text *b, uint64_t d, unsigned order, uint64_t pattern, unsigned width) {
    if (d >> order) {
        bits_add(b, 0, order);
        bits_add(b, d, 32);
    } else {
        bits_add(b, d, order);
    }
    bits_add(b, pattern, width);
}

static inline size_t file_t1(uint32_t tag, uint32_t epoch, const int64_t *t, const uint8_t *mask, uint32_t n, uint8_t **file) {
    const uint32_t head[5] = {tag, epoch, n, 49, 4};
    bit_text none = {NULL, 0};
    size_t at = bits_file(head, 5, &none, file);
    *file = realloc(*file, at + 8 * ((size_t)n + 1));
    ck_assert_ptr_nonnull(*file);
    for (uint32_t i = 0; i <= n; i++) {
        uint64_t w = i < n ? ((uint64_t)(epoch & 0x1ffff) << 32 | (uint64_t)t[i]) << 15 | mask[i] : 0;
        at = put_word(*file, at, (uint32_t)(w >> 32));
        at = put_word(*file, at, (uint32_t)w);
    }
    return at;
}

static inline size_t file_t2(uint32_t tag, uint32_t epoch, uint32_t protocol, unsigned order, const int64_t *t,
                             const uint8_t *pattern, uint32_t n, uint8_t **file) {
    unsigned width = protocol == 0 ? 4 : 1;
    const uint32_t head[6] = {tag, epoch, n, order, width, protocol};
    bit_text b = {NULL, 0};
    for (uint32_t i = 0; i < n; i++) bits_difference(&b, (uint64_t)(t[i] - (i ? t[i - 1] : 0)), order, pattern[i], width);
    bits_difference(&b, 1, order, 0, width);
    return bits_file(head, 6, &b, file);
}

static inline size_t file_t3(uint32_t tag, uint32_t epoch, unsigned width, const uint8_t *entry, uint32_t n, uint8_t **file) {
    const uint32_t head[4] = {tag, epoch, n, width};
    bit_text b = {NULL, 0};
    for (uint32_t i = 0; i < n; i++) bits_add(&b, entry[i], width);
    return bits_file(head, 4, &b, file);
}

static inline size_t file_t4(uint32_t tag, uint32_t epoch, unsigned order, unsigned width, const uint32_t *index,
                             const uint8_t *pattern, uint32_t n, uint8_t **file) {
    const uint32_t head[5] = {tag, epoch, n, order, width};
    bit_text b = {NULL, 0};
    for (uint32_t i = 0; i < n; i++)
        bits_difference(&b, (i ? (uint64_t)index[i] - index[i - 1] : index[i]) + 2, order, pattern[i], width);
    bits_difference(&b, 1, order, 0, width);
    return bits_file(head, 5, &b, file);
}

static inline void write_epoch(const char *dir, uint32_t epoch, const uint8_t *file, size_t n) {
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%08x", dir, epoch);
    FILE *f = fopen(path, "wb");
    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(file, 1, n, f), n);
    ck_assert_int_eq(fclose(f), 0);
}

/** True when the file of an epoch is these bytes. */
static inline bool epoch_is(const char *dir, uint32_t epoch, const uint8_t *want, size_t n) {
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%08x", dir, epoch);
    FILE *f = fopen(path, "rb");
    if (!f) return false;
    uint8_t *got = malloc(n + 1);
    ck_assert_ptr_nonnull(got);
    bool same = fread(got, 1, n + 1, f) == n && memcmp(got, want, n) == 0;
    fclose(f);
    free(got);
    return same;
}

#endif
