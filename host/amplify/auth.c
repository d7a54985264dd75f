/* SPDX-License-Identifier: Apache-2.0 */
/* Tags over the messages of a session. Their hash is a polynomial in the key, summed as the messages come. */
#include "amplify/auth.h"

#include <sodium.h>
#include <string.h>

enum { CHUNK = 4096, /* blocks hashed at once */ LABEL = 16, PREFIX = 80 };

/* The sum of M_i k^i over a growing string. */
typedef struct stream {
    qd_gf128 sum, power; /* power = k^blocks */
    uint64_t blocks, bytes, messages;
    uint64_t held;               /* bytes that wait */
    qd_gf128 wait[CHUNK];        /* as bytes */
} stream;

struct qd_auth {
    qd_auth_secret *secret;
    qd_direction role;
    qd_gf128 key, key_chunk; /* k, k^CHUNK */
    uint8_t *context;
    uint64_t context_bytes;
    uint64_t nonces;
    bool begun, asked; /* a message came; this round's first tag was made or checked */
    bool failed;       /* an error: nothing succeeds any more */
    uint32_t block;
    uint8_t pads[QD_AUTH_ROUND];
    qd_auth_figures now;
    stream block_stream, times_stream;
};

static qd_gf128 plus(qd_gf128 a, qd_gf128 b) {
    return (qd_gf128){{a.w[0] ^ b.w[0], a.w[1] ^ b.w[1]}};
}

static const qd_gf128 one = {{1, 0}};

/* x^n */
static qd_gf128 power_of(qd_gf128 x, uint64_t n) {
    qd_gf128 r = one;
    for (; n; n >>= 1) {
        if (n & 1) r = qd_gf128_mul(r, x);
        x = qd_gf128_mul(x, x);
    }
    qd_wipe(&x, sizeof x);
    return r;
}

/* The one place that hashes: sum over i = 1..blocks of M_i k^i, M_i 16 bytes each, which become words here. At most CHUNK blocks. */
static qd_gf128 hash_blocks(qd_gf128 *m, uint64_t blocks, qd_gf128 k) {
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
    for (uint64_t i = 0; i < blocks; i++) m[i] = qd_gf128_load((const uint8_t *)&m[i]);
#endif
    return qd_gf128_poly(m, blocks, k);
}

/* ---- streams ----------------------------------------------------------------------------------------------------- */

static void stream_clear(stream *s) {
    *s = (stream){.power = one};
}

static void stream_put(const qd_auth *a, stream *s, const void *p, uint64_t bytes) {
    const uint8_t *from = p;
    s->bytes += bytes;
    while (bytes) {
        uint64_t n = sizeof s->wait - s->held;
        if (n > bytes) n = bytes;
        memcpy((uint8_t *)s->wait + s->held, from, n);
        s->held += n;
        from += n;
        bytes -= n;
        if (s->held < sizeof s->wait) continue;
        s->sum = plus(s->sum, qd_gf128_mul(s->power, hash_blocks(s->wait, CHUNK, a->key)));
        s->power = qd_gf128_mul(s->power, a->key_chunk);
        s->blocks += CHUNK;
        s->held = 0;
    }
}

static uint64_t stream_blocks(const stream *s) {
    return s->blocks + (s->held + 15) / 16;
}

/* Append what a stream comes to, padded with zeros, to a sum of which *power is k^(blocks so far). The stream goes on as it was. */
static void append(const qd_auth *a, const stream *s, qd_gf128 *sum, qd_gf128 *power) {
    qd_gf128 last[CHUNK] = {{{0, 0}}};
    uint64_t rest = (s->held + 15) / 16;
    memcpy(last, s->wait, s->held);
    qd_gf128 all = plus(s->sum, qd_gf128_mul(s->power, hash_blocks(last, rest, a->key)));
    *sum = plus(*sum, qd_gf128_mul(*power, all));
    *power = qd_gf128_mul(*power, qd_gf128_mul(s->power, power_of(a->key, rest)));
    qd_wipe(&all, sizeof all);
}

/* ---- the session ------------------------------------------------------------------------------------------------- */

qd_status qd_auth_create(qd_auth_secret *secret, qd_direction role, const void *context, uint64_t bytes, qd_auth **out,
                         qd_error *err) {
    *out = NULL;
    QD_TRY(qd_auth_secret_begin(secret, role, err));
    qd_auth *a = qd_secret_alloc(sizeof *a);
    if (a && !(a->context = qd_secret_alloc(bytes))) {
        qd_secret_free(a);
        a = NULL;
    }
    if (!a) return qd_fail(err, QD_E_INTERNAL, "no memory for authentication");
    a->secret = secret;
    a->role = role;
    a->key = qd_auth_secret_key(secret);
    a->key_chunk = power_of(a->key, CHUNK);
    if (bytes) memcpy(a->context, context, bytes);
    a->context_bytes = bytes;
    stream_clear(&a->block_stream);
    stream_clear(&a->times_stream);
    *out = a;
    return QD_OK;
}

void qd_auth_destroy(qd_auth *a) {
    if (!a) return;
    qd_secret_free(a->context);
    qd_secret_free(a);
}

void qd_auth_absorb(qd_auth *a, const qd_msg *m) {
    uint8_t head[QD_MSG_HEADER];
    if (a->begun && m->block != a->block) {
        stream_clear(&a->block_stream);
        qd_wipe(a->pads, sizeof a->pads);
        a->now = (qd_auth_figures){0};
        a->asked = false;
    }
    a->begun = true;
    a->block = m->block;
    qd_msg_header(m, head);
    stream_put(a, &a->block_stream, head, sizeof head);
    a->block_stream.messages++;
    if (m->type != QD_MSG_TIMES && m->type != QD_MSG_PAIRS) {
        stream_put(a, &a->block_stream, m->body, m->bytes);
        return;
    }
    qd_msg plain = *m;
    plain.block = plain.last = 0;
    qd_msg_header(&plain, head);
    stream_put(a, &a->times_stream, head, sizeof head);
    stream_put(a, &a->times_stream, m->body, m->bytes);
    a->times_stream.messages++;
    if (m->type == QD_MSG_TIMES) a->nonces++;
}

/* ---- tags -------------------------------------------------------------------------------------------------------- */

static void put_le(uint8_t *p, uint64_t v, unsigned bytes) {
    for (unsigned i = 0; i < bytes; i++) p[i] = (uint8_t)(v >> (8 * i));
}

static uint64_t get_le(const uint8_t *p) {
    uint64_t v = 0;
    for (unsigned i = 0; i < 8; i++) v |= (uint64_t)p[i] << (8 * i);
    return v;
}

static void prefix(const qd_auth *a, qd_direction role, uint64_t round, uint64_t rounds, uint8_t out[PREFIX]) {
    const uint64_t numbers[] = {round,
                                rounds,
                                a->block_stream.bytes,
                                a->block_stream.messages,
                                a->times_stream.bytes,
                                a->times_stream.messages,
                                a->context_bytes};
    static const char label[LABEL] = "qdistill auth 1";
    _Static_assert(LABEL + 8 + sizeof numbers == PREFIX, "the parts' lengths, which make M tell them apart");
    memcpy(out, label, LABEL);
    put_le(out + LABEL, role, 4);
    put_le(out + LABEL + 4, a->block, 4);
    for (unsigned i = 0; i < sizeof numbers / sizeof *numbers; i++) put_le(out + LABEL + 8 + 8 * i, numbers[i], 8);
}

/* The tag of @p role over what was absorbed, and its number of blocks, the length's included. */
static qd_status tag_of(const qd_auth *a, qd_direction role, uint64_t round, uint64_t rounds, uint8_t tag[QD_AUTH_TAG],
                        uint64_t *blocks, qd_error *err) {
    stream *head = qd_secret_alloc(sizeof *head);
    if (!head) return qd_fail(err, QD_E_INTERNAL, "no memory for authentication");
    uint8_t text[PREFIX];
    stream_clear(head);
    prefix(a, role, round, rounds, text);
    stream_put(a, head, text, sizeof text);
    stream_put(a, head, a->context, a->context_bytes);
    *blocks = stream_blocks(head) + stream_blocks(&a->block_stream) + stream_blocks(&a->times_stream) + 1;
    qd_gf128 sum = {{0, 0}}, power = one, end; /* the hash without its pad gives the key away: wiped */
    append(a, head, &sum, &power);
    append(a, &a->block_stream, &sum, &power);
    append(a, &a->times_stream, &sum, &power);
    const qd_gf128 length = {{128 * (*blocks - 1), 0}};
    end = qd_gf128_mul(length, qd_gf128_mul(power, a->key));
    sum = plus(sum, end);
    qd_gf128_store(sum, tag);
    for (unsigned i = 0; i < QD_AUTH_TAG; i++) tag[i] ^= a->pads[QD_AUTH_TAG * role + i];
    qd_wipe(&sum, sizeof sum);
    qd_wipe(&power, sizeof power);
    qd_wipe(&end, sizeof end);
    qd_secret_free(head);
    if (*blocks <= QD_AUTH_BLOCKS_MOST) return QD_OK;
    return qd_fail(err, QD_E_POLICY,
                   "the messages of block %u are too long for one tag||a tag covers 16 TiB, those of the session so far included|end "
                   "the job earlier, or share the recordings out among several",
                   a->block);
}

static void count(qd_auth *a, qd_direction role, uint64_t blocks) {
    a->now.hashed[role] = blocks;
    a->now.eps = ((double)a->now.hashed[0] + (double)a->now.hashed[1] + (double)a->nonces) * 0x1p-128;
}

static qd_status make_tag(qd_auth *a, uint8_t body[QD_AUTH_BODY], qd_error *err) {
    uint64_t blocks = 0;
    if (a->role == QD_ALICE_TO_BOB) {
        if (a->asked) return qd_fail(err, QD_E_INTERNAL, "a second tag of one block");
        uint64_t round = qd_auth_secret_budget(a->secret).next;
        QD_TRY(qd_auth_secret_look(a->secret, round, a->pads, err));
        QD_TRY(qd_auth_secret_use(a->secret, round, err));
        a->now.round = round;
        a->asked = true;
    } else if (!a->asked) {
        return qd_fail(err, QD_E_INTERNAL, "Bob answers a tag that he did not check");
    }
    uint64_t rounds = qd_auth_secret_budget(a->secret).rounds;
    uint8_t tag[QD_AUTH_TAG];
    QD_TRY(tag_of(a, a->role, a->now.round, rounds, tag, &blocks, err));
    QD_TRY(qd_auth_secret_count(a->secret, blocks, err));
    count(a, a->role, blocks);
    put_le(body, a->now.round, 8);
    put_le(body + 8, rounds, 8);
    memcpy(body + 16, tag, QD_AUTH_TAG);
    return QD_OK;
}

/* An error is the session's last word. */
static qd_status settled(qd_auth *a, qd_status st) {
    a->failed |= st != QD_OK;
    return st;
}

static qd_status over(qd_error *err) {
    return qd_fail(err, QD_E_POLICY, "the session's authentication has failed before||nothing is authenticated after that|begin another one");
}

qd_status qd_auth_tag(qd_auth *a, uint8_t body[QD_AUTH_BODY], qd_error *err) {
    memset(body, 0, QD_AUTH_BODY);
    return a->failed ? over(err) : settled(a, make_tag(a, body, err));
}

static qd_status wrong(const qd_auth *a, const char *why, qd_error *err) {
    return qd_fail(err, QD_E_POLICY,
                   "authentication of block %u failed: %s's tag %s||messages were changed, replayed, cut or put in another order on the way, or "
                   "the stations' secrets do not belong together|no key is made of this block. Look for who is on the line; then share a "
                   "new secret",
                   a->block, a->role == QD_ALICE_TO_BOB ? "Bob" : "Alice", why);
}

/* The pads that the other station's tag stands under. Alice has them, from her own tag of this block. */
static qd_status pads_of(qd_auth *a, uint64_t round, qd_error *err) {
    if (a->role == QD_ALICE_TO_BOB) return a->asked && round == a->now.round ? QD_OK : wrong(a, "is of another round than hers", err);
    const qd_auth_budget b = qd_auth_secret_budget(a->secret);
    if (a->asked || round < b.next) return wrong(a, "is of a round that was used before", err);
    if (round >= b.rounds) return wrong(a, "is of a round that the own secret does not have", err);
    a->now.round = round;
    return qd_auth_secret_look(a->secret, round, a->pads, err);
}

static qd_status check(qd_auth *a, const qd_msg *m, qd_error *err) {
    const qd_direction from = a->role == QD_ALICE_TO_BOB ? QD_BOB_TO_ALICE : QD_ALICE_TO_BOB;
    if (m->bytes != QD_AUTH_BODY)
        return qd_fail(err, QD_E_INPUT,
                       "malformed message '%s' of block %u|a tag of another length|the other station runs another version, or the channel was "
                       "tampered with|run one version on both sides",
                       qd_msg_name(m->type), m->block);
    uint64_t round = get_le(m->body), rounds = get_le(m->body + 8), blocks = 0;
    uint8_t tag[QD_AUTH_TAG];
    if (m->from != (uint8_t)from || m->block != a->block) return wrong(a, "came from the wrong side or for another block", err);
    QD_TRY(pads_of(a, round, err));
    QD_TRY(tag_of(a, from, round, rounds, tag, &blocks, err));
    QD_TRY(qd_auth_secret_count(a->secret, blocks, err)); /* also one that is wrong: a forger had his chance */
    if (sodium_memcmp(tag, m->body + 16, QD_AUTH_TAG) != 0) return wrong(a, "does not fit the messages", err);
    count(a, from, blocks);
    if (a->role == QD_BOB_TO_ALICE) {
        QD_TRY(qd_auth_secret_use(a->secret, round, err));
        a->asked = true;
    }
    QD_TRY(qd_auth_secret_cut(a->secret, rounds, err));
    qd_auth_absorb(a, m);
    return QD_OK;
}

qd_status qd_auth_check(qd_auth *a, const qd_msg *m, qd_error *err) {
    return a->failed ? over(err) : settled(a, check(a, m, err));
}

qd_auth_figures qd_auth_about(const qd_auth *a) {
    return a->now;
}
