/* SPDX-License-Identifier: Apache-2.0 */
/** @file auth.h  What the tags ask of the secret. Private to the room. */
#ifndef QD_AMPLIFY_AUTH_H
#define QD_AMPLIFY_AUTH_H

#include "qdistill/amplify/auth.h"
#include "qdistill/arith.h"

/** A session of @p role begins: put on record whose copy it is, before any message. QD_E_USAGE: it was opened as that of the other; QD_E_INPUT: its
 *  state cannot be written. */
qd_status qd_auth_secret_begin(qd_auth_secret *s, qd_direction role, qd_error *err);
/** The hash key. Secret: keep it in memory of qd_secret_alloc. */
qd_gf128 qd_auth_secret_key(const qd_auth_secret *s);
/** The pads of a round, Alice's and Bob's, which stay unused. QD_E_POLICY: the round is used, or there is none of that number. */
qd_status qd_auth_secret_look(const qd_auth_secret *s, uint64_t round, uint8_t pads[QD_AUTH_ROUND], qd_error *err);
/** Put on record, on disk, that @p round and all before it are used, and overwrite their pads. Called before anything made with them
 *  leaves the station. */
qd_status qd_auth_secret_use(qd_auth_secret *s, uint64_t round, qd_error *err);
/** Put on record a tag of @p blocks blocks that was made or checked. */
qd_status qd_auth_secret_count(qd_auth_secret *s, uint64_t blocks, qd_error *err);
/** Forget all rounds from @p rounds on, which must not be used. */
qd_status qd_auth_secret_cut(qd_auth_secret *s, uint64_t rounds, qd_error *err);

#endif
