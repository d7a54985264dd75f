/* SPDX-License-Identifier: Apache-2.0 */
/** @file auth.h  Authentication of the classical channel: Wegman-Carter tags, and the secret that they are made with.
 *
 *  tag = h_k(M) xor pad over GF(2^128): h_k(M) = sum over i = 1..S of M_i k^i, M_i the blocks of 128 bits of M, the last of them its
 *  length (qd_gf128_hash defines the same polynomial). Two different M differ in their hashes by any given value for at most S of the
 *  2^128 keys. So a forger succeeds with a probability of at most S/2^128 (Wegman, Carter, JCSS 22, 265 (1981)); k may be kept as long
 *  as no pad is used twice, and the errors of all tags under it add (Portmann, IEEE TIT 60, 4383 (2014), arXiv:1202.1229).
 *
 *  M, the string that a tag covers, has four parts, each padded with zeros to whole blocks, so that any two lists of messages give
 *  different strings (integers little-endian):
 *  - 80 bytes: "qdistill auth 1", a zero, u32 role of the tag's sender, u32 key block, u64 round (which pads), u64 rounds that the
 *    sender's secret has in all, u64 bytes and u64 messages of the third part, u64 bytes and u64 messages of the fourth, u64 bytes of
 *    the context;
 *  - the context: what both stations agreed on before the session;
 *  - of all messages of the block so far, both ways, in order: header (type, block, sender, turn, length) and body, but of TIMES and PAIRS
 *    the header alone;
 *  - of all TIMES and PAIRS of the session so far: header, with block and turn zero, and body. They serve later blocks too, and a
 *    resumed session sends them again, whatever blocks were finished before.
 *  A round is a pair of pads, Alice's and Bob's; each block that gives key takes one. Alice's tag comes first; Bob's covers hers. */
#ifndef QDISTILL_AMPLIFY_AUTH_H
#define QDISTILL_AMPLIFY_AUTH_H

#include <stdbool.h>
#include <stdint.h>
#include "qdistill/core.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    QD_AUTH_TAG = 16,           /**< bytes of a tag, of a pad and of the hash key */
    QD_AUTH_ROUND = 2 * QD_AUTH_TAG, /**< bytes of pads that a round takes */
    QD_AUTH_ROUND_BITS = 8 * QD_AUTH_ROUND,
    QD_AUTH_NONCE = 16,         /**< bytes of what a station draws anew for a message, so that nobody can answer it before it is sent */
    QD_AUTH_BODY = 32,          /**< bytes of a QD_MSG_AUTH: u64 round, u64 rounds in all, the tag */
    QD_AUTH_REHEARSAL_ROUNDS = 64 /**< that a rehearsal's secret begins with */
};
/** Blocks of 128 bits that one tag covers at most: 2^40, 16 TiB of messages. */
#define QD_AUTH_BLOCKS_MOST ((uint64_t)1 << 40)
/** What the two tags of a block can cost at most, with the nonces (at most one a block of 128 bits): 3 * 2^40 / 2^128. */
#define QD_AUTH_EPS_MOST 0x3p-88

/* ---- The secret -------------------------------------------------------------------------------------------------- */

/** One station's copy of the secret that the stations share: 16 bytes of hash key, then pads, 32 bytes a round. On disk it is a file of
 *  those bytes and nothing else, mode 0600, and beside it FILE.state (JSON), which says how far it is used. */
typedef struct qd_auth_secret qd_auth_secret;

/** How far a secret is used. */
typedef struct qd_auth_budget {
    uint64_t rounds;        /**< that there are in all, refills included */
    uint64_t next;          /**< the first that is not used */
    uint64_t tags;          /**< made and checked under this hash key */
    uint64_t hashed;        /**< blocks of 128 bits in them: their errors are hashed / 2^128 together */
    uint64_t refilled_bits; /**< set aside from keys */
    double refill_eps;      /**< sum of the epsilons of the blocks that they are from: so far are those pads from random ones */
    bool rehearsal;         /**< drawn from a seed */
} qd_auth_budget;

/** Open the file at @p path, the copy of station @p role, and lock it until it is closed. Without a state beside it nothing is changed; else pads that the
 *  state counts as used and a crash left are overwritten with zeros, and bytes beyond the pads it counts are cut off. A copy stays the station's own: a tag
 *  of Alice's that never came to Bob has used a pad that in Bob's copy is not, and as Alice's it would be used again. QD_E_INPUT, and the file is as it was:
 *  it cannot be opened, is no file of at least 48 bytes, others may read it (mode other than 0600), another process has it, its key is zero, the next
 *  pads are zeros, as where the state was lost; or its state is malformed, the other station's, or that of another secret: it counts more pads than there
 *  are, or fewer and none as used, or pads as wiped that are no zeros; and where the disk fails what was to be cut off or overwritten, perhaps in part.
 *  QD_E_INTERNAL: no memory. *out is NULL then. */
qd_status qd_auth_secret_open(const char *path, qd_direction role, qd_auth_secret **out, qd_error *err);
/** A rehearsal's: all from @p seed (QD_STREAM_AUTH), nothing on disk. @p rounds there are, @p used of them are used. */
qd_status qd_auth_secret_rehearse(uint64_t seed, uint64_t rounds, uint64_t used, qd_auth_secret **out, qd_error *err);
/** Wipe what is in memory, unlock, close. NULL is accepted. */
void qd_auth_secret_close(qd_auth_secret *s);
qd_auth_budget qd_auth_secret_budget(const qd_auth_secret *s);
/** Append @p bits, a multiple of QD_AUTH_ROUND_BITS of secret key, to the pads; @p eps is that of the block they are from. QD_E_INPUT: the disk is
 *  full; QD_E_USAGE: another length. Nothing is counted then; bytes that were written already are cut off when the file is opened again. */
qd_status qd_auth_secret_refill(qd_auth_secret *s, const qd_bits *bits, double eps, qd_error *err);

/* ---- Tags -------------------------------------------------------------------------------------------------------- */

/** One station's view of a session: all messages that it sent and received go through it. */
typedef struct qd_auth qd_auth;

/** @param secret borrowed
 *  @param role   the station's
 *  @param context, bytes what both stations agreed on; copied
 *  The secret's state is written, which says that it is @p role's. QD_E_INPUT: it cannot be; QD_E_USAGE: the secret was opened as the other station's; QD_E_INTERNAL: no
 *  memory. */
qd_status qd_auth_create(qd_auth_secret *secret, qd_direction role, const void *context, uint64_t bytes, qd_auth **out,
                         qd_error *err);
void qd_auth_destroy(qd_auth *a);

/** Take a message into the hash, sent or received, in the order in which both stations have them. The first message with another block
 *  number than the one before begins the next block. */
void qd_auth_absorb(qd_auth *a, const qd_msg *m);

/** Make the station's tag over what was absorbed, as the body of a QD_MSG_AUTH. Alice's takes the next round, Bob's the round of the tag
 *  of hers that he checked last. The round is on record as used, on disk, before this returns: it is never used for anything else,
 *  whatever happens. QD_E_POLICY: no round is left, or M is longer than QD_AUTH_BLOCKS_MOST; QD_E_INTERNAL: Bob has checked no tag;
 *  QD_E_INPUT: the secret cannot be read or its state written. On error @p body is zero. */
qd_status qd_auth_tag(qd_auth *a, uint8_t body[QD_AUTH_BODY], qd_error *err);

/** Compare the other station's tag with what was absorbed, and then absorb @p m too. After an error the session gives no key any more, and no later call succeeds:
 *  QD_E_POLICY: the tag is wrong, or its round was used before (Bob) or is not the one that was asked with (Alice); QD_E_INPUT: malformed,
 *  or as above. Where the other station's secret has fewer rounds than the own, which is what a refill that it never got leaves, the own is
 *  cut to as many. */
qd_status qd_auth_check(qd_auth *a, const qd_msg *m, qd_error *err);

/** What the tags of the present block came to. */
typedef struct qd_auth_figures {
    uint64_t round;
    uint64_t hashed[2]; /**< S of Alice's tag and of Bob's; 0: not made or checked yet */
    double eps;         /**< (S + S' + nonces of the session so far) / 2^128 */
} qd_auth_figures;
qd_auth_figures qd_auth_about(const qd_auth *a);

#ifdef __cplusplus
}
#endif
#endif
