/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/syndrome.h"

#include <string.h>

static unsigned bit_of(const qd_code *c, const uint64_t *frame, uint32_t col, uint32_t p) {
    return (unsigned)(frame[(size_t)col * c->words + p / 64] >> (p % 64)) & 1u;
}

void qd_syndrome_ref(const qd_code *c, uint64_t n, const uint64_t *frames, uint64_t *syndrome) {
    memset(syndrome, 0, n * qd_syndrome_words(c) * sizeof *syndrome);
    for (uint64_t f = 0; f < n; f++) {
        const uint64_t *x = frames + f * qd_frame_words(c);
        uint64_t *s = syndrome + f * qd_syndrome_words(c);
        for (uint32_t i = 0; i < c->rows; i++)
            for (uint32_t r = 0; r < qd_code_row_bits(c, i); r++) {
                unsigned parity = 0;
                for (uint32_t e = c->graph->row_start[i]; e < c->graph->row_start[i + 1]; e++) {
                    const qd_edge *edge = &c->graph->edges[e];
                    parity ^= bit_of(c, x, edge->col, (r + qd_code_shift(c, edge)) % c->z);
                }
                s[(size_t)i * c->words + r / 64] |= (uint64_t)parity << (r % 64);
            }
    }
}
