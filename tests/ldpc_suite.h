/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the code, its syndromes and its decoder share. */
#ifndef QD_TESTS_LDPC_SUITE_H
#define QD_TESTS_LDPC_SUITE_H

#include "core_suite.h"
#include "reconcile/ldpc.h"
#include "reconcile/syndrome.h"

static qd_error err;

/* 0: the reference; else a CPU device where there is one. */
static inline qd_device *open_device(int which) {
    qd_device *dev = NULL;
    if (which && qd_device_open("cpu", &dev, NULL) != QD_OK) fprintf(stderr, "no CPU device: this loop runs on the reference\n");
    return dev;
}

static inline qd_code code_by(uint32_t id, uint32_t z, uint32_t m) {
    qd_code c;
    ck_ok(qd_code_make(&c, id, z, m, &err));
    return c;
}

static inline qd_code code_of(uint32_t z, uint32_t m) {
    return code_by(QD_CODE_NR_BG1, z, m);
}

static inline void random_bits(uint64_t seed, qd_bits *b, uint64_t n) {
    qd_random r = {.rehearsal = 1, .seed = seed, .stream = QD_STREAM_TEST};
    ck_ok(qd_bits_create(b, n, &err));
    for (uint64_t i = 0; i < n; i += 64) {
        uint64_t w;
        qd_random_bytes(&r, &w, sizeof w);
        for (uint64_t j = i; j < i + 64 && j < n; j++) qd_bits_set(b, j, w >> (j - i) & 1);
    }
}

#endif
