/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "reconcile/cascade_prefix.h"

void qd_cascade_prefix_ref(const qd_prefix_ask *a, uint64_t *prefix) {
    memset(prefix, 0, qd_prefix_words(a) * sizeof *prefix);
    for (uint64_t f = 0; f < a->frames; f++) {
        const uint64_t *key = a->keys + f * qd_bits_words(a->n);
        for (uint32_t p = 0; p < a->passes; p++) {
            const uint32_t *order = a->order + (size_t)p * a->n;
            uint64_t *out = prefix + (f / 64 * a->passes + p) * (a->n + (uint64_t)1), parity = 0;
            for (uint32_t j = 0; j < a->n; j++) {
                parity ^= key[order[j] / 64] >> (order[j] % 64) & 1;
                out[j + 1] |= parity << (f % 64);
            }
        }
    }
}
