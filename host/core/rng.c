/* SPDX-License-Identifier: Apache-2.0 */
#include "qdistill/core/rng.h"

#include <Random123/philox.h>
#include <string.h>
#include "qdistill/core/secret.h"

void qd_philox(uint64_t seed, uint32_t stream, uint64_t entity, uint32_t draw, uint32_t out[4]) {
    philox4x32_ctr_t counter = {{(uint32_t)entity, (uint32_t)(entity >> 32), draw, stream}};
    philox4x32_key_t key = {{(uint32_t)seed, (uint32_t)(seed >> 32)}};
    philox4x32_ctr_t r = philox4x32(counter, key);
    memcpy(out, r.v, sizeof r.v);
}

void qd_random_bytes(qd_random *r, void *p, size_t bytes) {
    if (!r->rehearsal) {
        qd_os_random(p, bytes);
        return;
    }
    uint8_t *out = p;
    uint32_t word[4];
    for (size_t at = 0; at < bytes; at += sizeof word) {
        qd_philox(r->seed, r->stream, r->entity, r->draw++, word);
        for (size_t i = 0; i < sizeof word && at + i < bytes; i++) out[at + i] = (uint8_t)(word[i / 4] >> (8 * (i % 4)));
    }
}

uint64_t qd_random_below(qd_random *r, uint64_t n) {
    if (n < 2) return 0;
    uint64_t reject = -n % n, x; /* 2^64 mod n: values below it would favour small results */
    do {
        uint8_t byte[8];
        qd_random_bytes(r, byte, sizeof byte);
        x = 0;
        for (int i = 0; i < 8; i++) x |= (uint64_t)byte[i] << (8 * i);
    } while (x < reject);
    return x % n;
}
