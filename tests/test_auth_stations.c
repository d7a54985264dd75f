/* SPDX-License-Identifier: Apache-2.0 */
/* Two stations that authenticate what they say: a bit changed in any message costs the block its key, whatever the message; order and
 * freshness of what must not be known early; hash seeds that were changed or that served before. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include "pipeline/source.h"
#include "pipeline/station.h"
#include "qdistill/link.h"
#include "qdistill/pipeline.h"
#include "run_all.h"

static const char scenario_text[] =
    "pair_rate_hz: 2.0e6\n"
    "visibility: 0.97\n"
    "arms:\n"
    "  alice: {detectors: {efficiency: 0.4, dark_hz: 500, jitter_fwhm_ps: 100, dead_ps: 30000}}\n"
    "  bob: {detectors: {efficiency: 0.4, dark_hz: 500, jitter_fwhm_ps: 100, dead_ps: 30000}}\n"
    "clock: {offset_ps: 3141592, frequency_ppm: 2.5}\n";
static const uint64_t seed = 5;

enum { MOST = 256 };

/* What a change is: of message `index`, bit `bit` of its body; or an earlier block's hash seed in place of its own. */
typedef struct change {
    int index;
    int64_t bit; /* from the end, if negative */
    bool earlier;
    bool blind_eye; /* messages are not authenticated */
} change;

typedef struct outcome {
    qd_msg m[MOST]; /* as sent */
    int n;
    qd_status st;
    int to; /* who refused */
    qd_error err;
    qd_block block[2][8];
    int blocks[2];
    qd_auth_budget budget[2];
} outcome;

static void alter(const outcome *o, const change *c, qd_msg *m) {
    if (c->earlier) {
        for (int i = o->n - 2; i >= 0; i--) {
            if (o->m[i].type != QD_MSG_HASH_SEED || o->m[i].block == m->block) continue;
            memcpy(m->body + 9, o->m[i].body + 9, (m->bytes < o->m[i].bytes ? m->bytes : o->m[i].bytes) - 10); /* not the last, partial byte */
            return;
        }
        ck_abort_msg("no earlier seed");
    }
    uint64_t bit = c->bit < 0 ? 8 * m->bytes + (uint64_t)c->bit : (uint64_t)c->bit;
    m->body[bit / 8] ^= (uint8_t)(1 << (bit % 8));
}

static void run(double seconds, uint64_t block, const change *c, outcome *o) {
    qd_scenario sc;
    qd_link *link = NULL;
    qd_rehearsal *rehearsal = NULL;
    qd_station *station[2];
    qd_auth_secret *secret[2];
    qd_outbox box = {0};
    bool over[2] = {false, false};
    *o = (outcome){.to = -1};
    ck_assert(qd_scenario_load_text("test", scenario_text, sizeof scenario_text - 1, &sc, &o->err) == QD_OK);
    ck_assert(qd_link_create(&sc, seed, &link, &o->err) == QD_OK);
    ck_assert(qd_rehearsal_create(link, seconds, NULL, &rehearsal, &o->err) == QD_OK);
    for (int i = 0; i < 2; i++) {
        ck_assert(qd_auth_secret_rehearse(seed, 5, 0, &secret[i], &o->err) == QD_OK);
        qd_station_params p = {.block_coincidences = block, .tick = {125, 32}, .window_ps = 1000, .announce_ps = 125, .dead_ps = 30000,
                               .max_offset_s = 1e-4, .max_ppm = 10, .eps_sec = 1e-10, .eps_cor = 1e-15, .rehearsal = true, .seed = seed,
                               .secret = c && c->blind_eye ? NULL : secret[i], .refill_bits = 512};
        ck_assert(qd_station_create((qd_direction)i, &p, qd_rehearsal_source(rehearsal, (qd_direction)i), NULL, &station[i], &o->err) == QD_OK);
    }
    o->st = qd_station_step(station[0], NULL, &box, &over[0], &o->err);
    while (o->st == QD_OK && o->n < MOST && qd_outbox_take(&box, &o->m[o->n])) {
        qd_msg m = o->m[o->n++];
        o->to = m.from == QD_ALICE_TO_BOB ? 1 : 0;
        uint8_t *copy = malloc(m.bytes + 1);
        if (m.bytes) memcpy(copy, m.body, m.bytes);
        m.body = copy;
        if (c && c->index == o->n - 1) alter(o, c, &m);
        o->st = qd_station_step(station[o->to], &m, &box, &over[o->to], &o->err);
        if (o->st != QD_OK) ck_assert(qd_station_refused(station[o->to]));
        free(copy);
        for (int i = 0; i < 2; i++)
            while (o->blocks[i] < 8 && qd_station_take_block(station[i], &o->block[i][o->blocks[i]])) o->blocks[i]++;
    }
    ck_assert(o->st != QD_OK || (over[0] && over[1]));
    qd_outbox_destroy(&box);
    for (int i = 0; i < 2; i++) {
        o->budget[i] = qd_auth_secret_budget(secret[i]);
        qd_station_destroy(station[i]);
        qd_auth_secret_close(secret[i]);
    }
    qd_rehearsal_destroy(rehearsal);
    qd_link_destroy(link);
}

static void forget(outcome *o) {
    for (int i = 0; i < o->n; i++) free(o->m[i].body);
    for (int i = 0; i < 2; i++)
        for (int b = 0; b < o->blocks[i]; b++) qd_block_destroy(&o->block[i][b]);
}

static int last_of(const outcome *o, uint32_t type, uint32_t block) {
    for (int i = o->n - 1; i >= 0; i--)
        if (o->m[i].type == type && o->m[i].block == block) return i;
    ck_abort_msg("no message of type %u in block %u", type, block);
    return -1;
}

/* ---- as it should be --------------------------------------------------------------------------------------------- */

START_TEST(tags_stand_behind_everything_they_cover) {
    outcome o;
    run(0.5, 60000, NULL, &o);
    ck_assert_msg(o.st == QD_OK, "%s", o.err.what);
    ck_assert(o.blocks[0] == o.blocks[1] && o.blocks[0] >= 2);
    uint64_t keyed = 0;
    for (int b = 0; b < o.blocks[0]; b++) {
        const qd_block *x = &o.block[0][b], *y = &o.block[1][b];
        ck_assert(qd_bits_equal(&x->key, &y->key));
        if (x->rejected) continue;
        ck_assert(x->authenticated && y->authenticated);
        ck_assert(x->auth.round == keyed && y->auth.round == keyed);
        keyed++;
        ck_assert_double_eq(x->ledger.eps_auth, y->ledger.eps_auth);
        ck_assert_double_gt(x->ledger.eps_auth, 0);
        ck_assert_double_le(x->ledger.eps_auth, QD_AUTH_EPS_MOST);
        ck_assert_uint_eq(x->aside_bits, 512);
        ck_assert_uint_eq(x->key.n + 512, x->ell[0] + x->ell[1]);
        /* the order that the argument of docs/security.md needs */
        uint32_t n = (uint32_t)b;
        int bases[2] = {last_of(&o, QD_MSG_BASES_BOB, n), last_of(&o, QD_MSG_BASES_ALICE, n)}, sd = last_of(&o, QD_MSG_HASH_SEED, n),
            tag = last_of(&o, QD_MSG_AUTH, n);
        ck_assert(bases[0] < bases[1] && bases[1] < sd && sd < tag);
        ck_assert(o.m[tag].from == QD_BOB_TO_ALICE && o.m[tag - 1].type == QD_MSG_AUTH && o.m[tag - 1].from == QD_ALICE_TO_BOB);
        ck_assert_int_eq(tag - 1, sd + 1);
        ck_assert(memcmp(o.m[tag].body + 16, o.m[tag - 1].body + 16, 16) != 0);
        ck_assert(o.m[tag + 1].type == QD_MSG_DONE && o.m[tag + 1].block == n);
    }
    for (int i = 0; i < 2; i++) {
        ck_assert(o.budget[i].next == keyed && o.budget[i].rounds == 5 + 2 * keyed);
        ck_assert(o.budget[i].tags == 2 * keyed && o.budget[i].refilled_bits == 512 * keyed);
    }
    forget(&o);
}
END_TEST

/* What is drawn anew for Alice's times, and the seeds: no two alike, and as many bits as hashing takes. */
START_TEST(nonces_and_seeds_are_fresh) {
    outcome o;
    int seeds = 0, times = 0;
    run(0.7, 60000, NULL, &o);
    for (int i = 0; i < o.n; i++) {
        const qd_msg *a = &o.m[i];
        times += a->type == QD_MSG_TIMES;
        if (a->type == QD_MSG_HASH_SEED) { /* u8 basis, u64 bits */
            uint64_t bits;
            memcpy(&bits, a->body + 1, 8);
            const qd_block *b = &o.block[0][a->block];
            ck_assert_uint_eq(bits, b->counts.n[a->body[0]] - 1); /* the whole string, revealed frames too: n-1 of [T|I] */
            seeds++;
        }
        for (int k = 0; k < i; k++) {
            const qd_msg *b = &o.m[k];
            if (a->type != b->type) continue;
            if (a->type == QD_MSG_TIMES) ck_assert(memcmp(a->body, b->body, 16) != 0);
            if (a->type == QD_MSG_HASH_SEED) ck_assert(memcmp(a->body + 9, b->body + 9, 32) != 0);
        }
    }
    ck_assert(seeds >= 4 && times >= 2);
    forget(&o);
}
END_TEST

/* ---- one bit changed --------------------------------------------------------------------------------------------- */

/* In each message of the first block up to the last tag: one bit in the middle, and the last. */
START_TEST(a_bit_changed_anywhere_costs_the_block_its_key) {
    outcome good;
    run(0.12, 5000000, NULL, &good);
    ck_assert_msg(good.st == QD_OK && good.block[0][0].key.n > 0, "%s", good.err.what);
    int end = last_of(&good, QD_MSG_AUTH, 0), tried = 0, by_tag = 0;
    for (int i = 0; i <= end; i++) {
        const int64_t bits = 8 * (int64_t)good.m[i].bytes, at[2] = {bits / 2 + 3, -1};
        if (!bits) continue;
        for (int k = 0; k < 2; k++, tried++) {
            outcome o;
            const change c = {.index = i, .bit = at[k]};
            run(0.12, 5000000, &c, &o);
            bool key = o.blocks[0] > 0 && o.block[0][0].key.n > 0; /* Alice's; Bob closed his before her look at his tag */
            ck_assert_msg(!key, "%s (message %d), bit %lld: Alice has key", qd_msg_name(good.m[i].type), i, (long long)at[k]);
            if (i < end) ck_assert_msg(o.blocks[1] == 0 || o.block[1][0].key.n == 0, "%s, bit %lld: Bob has key", qd_msg_name(good.m[i].type), (long long)at[k]);
            /* refused, or of a block that was given up for its errors */
            ck_assert_msg(o.st == QD_E_POLICY || o.st == QD_E_INPUT || (o.blocks[0] && o.block[0][0].rejected), "%s, bit %lld: %s",
                          qd_msg_name(good.m[i].type), (long long)at[k], qd_status_name(o.st));
            by_tag += o.st == QD_E_POLICY && strstr(o.err.what, "authentication of block 0") != NULL;
            forget(&o);
        }
    }
    printf("%d changes, %d refused by a tag\n", tried, by_tag);
    ck_assert_int_ge(tried, 40);
    ck_assert_int_ge(by_tag, 10); /* what parses and fits is not let through */
    forget(&good);
}
END_TEST

/* ---- hash seeds -------------------------------------------------------------------------------------------------- */

/* A seed with a bit changed makes keys that differ; only the tag tells. */
START_TEST(a_forged_seed_is_refused) {
    outcome good;
    run(0.12, 5000000, NULL, &good);
    int at = last_of(&good, QD_MSG_HASH_SEED, 0);
    for (int eye = 0; eye < 2; eye++) {
        outcome o;
        const change c = {.index = at, .bit = 8 * 9 + 1000, .blind_eye = eye};
        run(0.12, 5000000, &c, &o);
        if (eye) { /* as it is without tags: both have key, and not the same */
            ck_assert(o.st == QD_OK && o.block[0][0].key.n > 0 && !qd_bits_equal(&o.block[0][0].key, &o.block[1][0].key));
        } else {
            ck_assert(o.st == QD_E_POLICY && o.to == 1 && o.blocks[0] == 0 && o.blocks[1] == 0);
            ck_assert_msg(strstr(o.err.what, "authentication of block 0 failed: Alice's tag") != NULL, "%s", o.err.what);
        }
        forget(&o);
    }
    forget(&good);
}
END_TEST

/* The first block's seed for the second's string, as far as it goes: Bob knows it, with tags or without. */
START_TEST(a_seed_that_served_before_is_refused) {
    outcome good;
    run(0.5, 60000, NULL, &good);
    int at = last_of(&good, QD_MSG_HASH_SEED, 1);
    for (int eye = 0; eye < 2; eye++) {
        outcome o;
        const change c = {.index = at - (eye ? 2 : 0), /* the first block's tags */ .earlier = true, .blind_eye = eye};
        run(0.5, 60000, &c, &o);
        ck_assert_msg(o.st == QD_E_INPUT && o.to == 1, "%s: %s", qd_status_name(o.st), o.err.what);
        ck_assert_msg(strstr(o.err.cause, "served before") != NULL, "%s (%s)", o.err.what, o.err.cause);
        forget(&o);
    }
    forget(&good);
}
END_TEST

int main(void) {
    Suite *s = suite_create("auth_stations");
    TCase *c = tcase_create("auth_stations");
    tcase_set_timeout(c, 600);
    tcase_add_test(c, tags_stand_behind_everything_they_cover);
    tcase_add_test(c, nonces_and_seeds_are_fresh);
    tcase_add_test(c, a_bit_changed_anywhere_costs_the_block_its_key);
    tcase_add_test(c, a_forged_seed_is_refused);
    tcase_add_test(c, a_seed_that_served_before_is_refused);
    suite_add_tcase(s, c);
    return run_all(s);
}
