/* SPDX-License-Identifier: Apache-2.0 */
/* Both machines against a channel that changes messages: no crash, no hang, no machine that goes on after an error. On the
 * reference, with one small frame and few iterations; now and then with one of a large-block code, the smallest. The tags of the string may arrive
 * changed, so that one edit reaches what follows then. */
#include <stdlib.h>
#include <string.h>
#include "qdistill/reconcile.h"

enum { BITS = 1000, LARGE = 230400 + 64, STEPS_MOST = 2000 /* a search of Cascade takes hundreds */, BODY_MOST = 1 << 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct input {
    const uint8_t *p;
    size_t n;
} input;

static uint8_t take(input *in) {
    if (in->n == 0) return 0;
    in->n--;
    return *in->p++;
}

/* One edit of a message, as the input says. */
static void edit(qd_msg *m, input *in) {
    uint64_t at = (uint64_t)take(in) | (uint64_t)take(in) << 8;
    switch (take(in) % 8) {
        case 0:
            m->type = take(in);
            break;
        case 1:
            m->block ^= 1u << take(in) % 32;
            break;
        case 2:
            m->from ^= 1;
            break;
        case 3:
            m->last ^= 1;
            break;
        case 4:
            m->bytes = m->bytes ? at % m->bytes : 0;
            break;
        case 5: { /* longer, with the input's bytes */
            uint64_t more = at % 64;
            if (m->bytes + more > BODY_MOST) break;
            m->body = realloc(m->body, m->bytes + more + 1);
            for (uint64_t i = 0; i < more; i++) m->body[m->bytes + i] = take(in);
            m->bytes += more;
            break;
        }
        default:
            for (uint64_t i = 0; m->bytes && i < 8; i++) m->body[(at + i) % m->bytes] ^= take(in);
    }
}

static void flip(qd_bits *b, input *in) {
    for (int i = take(in) % 16; i > 0; i--) {
        uint64_t at = ((uint64_t)take(in) | (uint64_t)take(in) << 8) % b->n;
        qd_bits_set(b, at, !qd_bits_get(b, at));
    }
}

/* @p other: bit i has tag i of the string arrive changed. */
static void pump(qd_reconcile_alice *alice, qd_reconcile_bob *bob, uint8_t other, input *in) {
    qd_outbox box[2] = {{0}};
    bool done[2] = {false, false}, failed[2];
    qd_msg m;
    failed[0] = qd_reconcile_alice_step(alice, NULL, &box[0], &done[0], NULL) != QD_OK;
    failed[1] = false;
    for (int steps = 0; steps < STEPS_MOST; steps++) {
        int from = qd_outbox_take(&box[0], &m) ? 0 : qd_outbox_take(&box[1], &m) ? 1 : 2;
        if (from == 2) break;
        if (m.type == QD_MSG_TAG && m.bytes > 16) {
            m.body[16] ^= other & 1;
            other >>= 1;
        }
        for (int edits = take(in) % 4; edits > 0; edits--) edit(&m, in);
        int to = take(in) == 255 ? from : !from; /* now and then back to its sender */
        qd_status st = to == 1 ? qd_reconcile_bob_step(bob, &m, &box[1], &done[1], NULL)
                               : qd_reconcile_alice_step(alice, &m, &box[0], &done[0], NULL);
        if (failed[to] && st == QD_OK) abort(); /* a machine that failed once is unusable */
        if (done[to] && st != QD_OK) abort();
        failed[to] |= st != QD_OK;
        free(m.body);
    }
    for (int i = 0; i < 2; i++) qd_outbox_destroy(&box[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    input in = {data, size};
    qd_random r = {.rehearsal = 1, .seed = take(&in), .stream = QD_STREAM_PRIVATE};
    qd_reconcile_params p = {
        .block = 1, .errors = take(&in) % 16, .sample = 100, .eps_cor = 1e-15, .max_iterations = 1 + take(&in) % 8, .batch = 1};
    uint64_t bits = BITS;
    p.rounds = take(&in) % 5;
    const uint8_t kind = take(&in), other = take(&in) % 4;
    if (kind % 4 == 0) p.errors = p.sample = 0;
    else if (kind == 255) {
        p.code = QD_CODE_LARGE;
        p.leak = 0.2;
        p.max_iterations = 2;
        bits = LARGE;
    } else if (take(&in) % 2) p.code = QD_CODE_CASCADE;
    qd_bits key[2];
    qd_reconcile_alice *alice = NULL;
    qd_reconcile_bob *bob = NULL;
    for (int i = 0; i < 2; i++)
        if (qd_bits_create(&key[i], bits, NULL) != QD_OK) return 0;
    flip(&key[0], &in);
    for (uint64_t i = 0; i < qd_bits_words(bits); i++) key[1].w[i] = key[0].w[i];
    flip(&key[1], &in);
    if (qd_reconcile_alice_create(&p, &key[0], r, r, NULL, &alice, NULL) == QD_OK &&
        qd_reconcile_bob_create(&p, &key[1], NULL, &bob, NULL) == QD_OK)
        pump(alice, bob, other, &in);
    qd_reconcile_alice_destroy(alice);
    qd_reconcile_bob_destroy(bob);
    for (int i = 0; i < 2; i++) qd_bits_destroy(&key[i]);
    return 0;
}
