/* SPDX-License-Identifier: Apache-2.0 */
/* Registry row of the prefix parities, and its fixed-seed cases. */
#include <stdlib.h>
#include <string.h>
#include "reconcile/cascade_prefix.h"

enum { N, PASSES, FRAMES, FORM, CONTENT, SEED, KEYS };
static const qd_key keys[] = {{"n", 16384, 2, QD_CASCADE_BITS, "bits of a frame"},
                              {"passes", 14, 1, QD_CASCADE_PASSES, "passes"},
                              {"frames", 64, 1, 1u << 20, "frames"},
                              {"form", 0, 0, QD_PREFIX_FORMS - 1, "device form: 0 chosen, 1 item, 2 group"},
                              {"content", 0, 0, 2, "0 uniform, 1 zeros, 2 ones, bits past the frame too"},
                              {"seed", 1, 0, UINT64_MAX, "seed"}};

static void destroy(void *state) {
    qd_prefix_case *s = state;
    if (s) {
        free(s->order);
        free(s->keys);
    }
    free(s);
}

static void fill(qd_prefix_case *s, uint64_t content, uint64_t seed) {
    size_t words = qd_bits_words(s->ask.n) * s->ask.frames;
    qd_random r = {.rehearsal = 1, .seed = seed, .stream = QD_STREAM_TEST};
    if (content == 0)
        qd_random_bytes(&r, s->keys, words * 8);
    else
        memset(s->keys, content == 2 ? 0xff : 0, words * 8);
    for (uint32_t p = 0; p < s->ask.passes; p++) qd_cascade_permutation(seed, 0, p, s->ask.n, s->order + (size_t)p * s->ask.n);
}

static qd_status create(const qd_problem *p, void **state, qd_error *err) {
    qd_prefix_case *s = calloc(1, sizeof *s);
    if (s) {
        s->ask = (qd_prefix_ask){(uint32_t)p->v[N], (uint32_t)p->v[PASSES], p->v[FRAMES], NULL, NULL};
        s->form = (qd_prefix_form)p->v[FORM];
        s->order = malloc((size_t)s->ask.passes * s->ask.n * sizeof *s->order);
        s->keys = malloc(qd_bits_words(s->ask.n) * s->ask.frames * 8);
        s->ask.order = s->order;
        s->ask.keys = s->keys;
    }
    if (!s || !s->order || !s->keys) {
        destroy(s);
        return qd_fail(err, QD_E_INTERNAL, "no memory for the case|||take fewer frames");
    }
    fill(s, p->v[CONTENT], p->v[SEED]);
    *state = s;
    return QD_OK;
}

static size_t output_bytes(const void *state) {
    return qd_prefix_words(&((const qd_prefix_case *)state)->ask) * 8;
}

static qd_status reference(void *state, void *out, qd_error *err) {
    (void)err;
    qd_cascade_prefix_ref(&((qd_prefix_case *)state)->ask, out);
    return QD_OK;
}

static qd_status device(void *state, qd_device *dev, void *out, qd_error *err) {
    qd_prefix_case *s = state;
    return qd_cascade_prefix_run(&s->ask, s->form, out, dev, err);
}

static void cost(const void *state, qd_cost *cost) {
    const qd_prefix_ask *a = &((const qd_prefix_case *)state)->ask;
    double positions = (double)qd_prefix_words(a), key_words = (double)(a->frames * qd_bits_words(a->n));
    *cost =
        (qd_cost){.bytes = 8 * (positions + key_words) + 4. * a->passes * a->n,
                  .ops = 2 * positions + key_words * 6 * 3, /* 64-bit xor; six steps of three 64-bit operations for two words */
                  .units = (double)a->frames * a->n,
                  .unit = "bit"};
}

static const char *const quick[] = {"cascade_prefix:n=16384,frames=64",
                                    "cascade_prefix:n=2,passes=1,frames=1",
                                    "cascade_prefix:n=63,passes=3,frames=65",
                                    "cascade_prefix:n=64,passes=16,frames=63,form=1",
                                    "cascade_prefix:n=65,passes=2,frames=130,form=2",
                                    "cascade_prefix:n=255,passes=2,frames=64,form=2",
                                    "cascade_prefix:n=256,passes=2,frames=3,form=2",
                                    "cascade_prefix:n=257,passes=2,frames=3,form=2",
                                    "cascade_prefix:n=10007,passes=5,frames=129,form=2,seed=2",
                                    "cascade_prefix:n=10007,passes=5,frames=129,form=1,seed=3",
                                    "cascade_prefix:n=1000,passes=4,frames=100,content=1",
                                    "cascade_prefix:n=1000,passes=4,frames=100,content=2",
                                    "cascade_prefix:n=1000,passes=4,frames=64,content=2,form=2",
                                    NULL};
static const char *const tiny[] = {"cascade_prefix:n=70,passes=2,frames=3,form=1",
                                   "cascade_prefix:n=300,passes=1,frames=2,form=2", NULL};
/* The second is more than one launch: 300 groups of 14 x 16385 words are 550 MB. */
static const char *const full[] = {"cascade_prefix:n=1000000,passes=4,frames=64", "cascade_prefix:n=16384,frames=19200",
                                   "cascade_prefix:n=4096,frames=1000,form=2", NULL};
static const char *const profile[] = {"cascade_prefix:n=16384,frames=1024", NULL};

const qd_op qd_cascade_prefix_op = {.name = "cascade_prefix",
                                    .summary = "prefix parities of Cascade's passes, 64 frames a word",
                                    .keys = keys,
                                    .n_keys = KEYS,
                                    .selftest = "cascade_prefix:n=300,passes=2,frames=65",
                                    .cases_quick = quick,
                                    .cases_tiny = tiny,
                                    .cases_full = full,
                                    .cases_profile = profile,
                                    .create = create,
                                    .destroy = destroy,
                                    .output_bytes = output_bytes,
                                    .reference = reference,
                                    .device = device,
                                    .cost = cost};
