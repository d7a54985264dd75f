/* SPDX-License-Identifier: Apache-2.0 */
/** @file station.h  What Alice's and Bob's machines have in common. Private to the pipeline. */
#ifndef QD_PIPELINE_STATION_H
#define QD_PIPELINE_STATION_H

#include "qdistill/amplify.h"
#include "qdistill/pipeline.h"
#include "qdistill/reconcile.h"
#include "qdistill/security.h"
#include "qdistill/sift.h"
#include "qdistill/timetag.h"
#include "wire.h"

/** What a station does next. */
typedef enum qd_phase {
    QD_PHASE_COLLECT,   /**< times and pairs */
    QD_PHASE_BASES,     /**< bases of a full block */
    QD_PHASE_SAMPLE,    /**< sample of a first block */
    QD_PHASE_RECONCILE, /**< the strings, z then x */
    QD_PHASE_LENGTH,    /**< Bob waits for key lengths */
    QD_PHASE_SEEDS,     /**< Bob waits for hash seeds */
    QD_PHASE_AUTH,      /**< either waits for the other's tag over the block's messages */
    QD_PHASE_CLOSE,     /**< Alice waits for the end of the block */
    QD_PHASE_OVER
} qd_phase;

/** Why Alice rejects a block before any syndrome: the one byte of her QD_MSG_REJECT. Both stations make the same sentence of it. */
typedef enum qd_hopeless {
    QD_HOPELESS_NOT,
    QD_HOPELESS_FRAME, /**< too few bits for a frame */
    QD_HOPELESS_SHORT, /**< too few bits for a key at this QBER */
    QD_HOPELESS_QBER,  /**< more errors than code and bound can turn into key */
    QD_HOPELESS_END
} qd_hopeless;

/** Error estimate of one basis that sets the code rate: k errors among n bits, from a sample or from the block before. */
typedef struct qd_estimate {
    bool known;
    uint64_t errors, n;
} qd_estimate;

struct qd_station {
    qd_direction role;
    qd_station_params p;
    qd_source source;
    qd_device *dev;
    qd_phase phase;
    bool agreed; /**< Bob: Alice's parameters are his */
    bool broken; /**< a step failed, or the job is over: nothing is taken any more */
    bool own_fault; /**< the step failed in the station's own source */
    char stopped[256]; /**< why the job ends before its data */
    qd_auth *auth;  /**< NULL: messages are not authenticated */
    uint64_t (*seeds)[2]; /**< the first bits of the hash seeds that served so far */
    size_t n_seeds;
    size_t seen;    /**< of the messages in the outbox: those that are in its hash, or not this station's of this step */
    qd_station_totals totals;

    qd_tags own;        /**< kept events that may still get a partner */
    uint64_t own_base;  /**< index of own.t[0] among all kept events */
    qd_dead dead;
    bool own_end;
    qd_tags held;       /**< events that a later one's skew may still overtake */

    qd_bits basis, value; /**< paired events not yet in a block, in order of time */
    bool settled_all;     /**< no further pairs will come */

    uint32_t block;
    qd_block cur;
    qd_bits str[2];
    int at; /**< basis under reconciliation */
    qd_estimate estimate[2];
    qd_estimate last[2], before[2]; /* counts of the two blocks before this one, as they came */
    qd_reconcile_alice *ra;
    qd_reconcile_bob *rb;

    qd_block *done_blocks;
    size_t n_done, cap_done;

    /* Alice */
    uint64_t announced; /**< events announced so far */
    int64_t last_step;  /**< last announced time */
    uint64_t settled;   /**< events settled by Bob */
    qd_bits sample[2];  /**< her disclosed bits */

    /* Bob */
    qd_tags theirs;       /**< Alice's announced times in Bob's ticks */
    uint64_t theirs_base; /**< index of theirs.t[0] among all announced */
    bool theirs_end;
    qd_clock clock;        /**< as the search found it */
    qd_station_search search;
    uint64_t slices, next_try;
    qd_follow *follow;     /**< the clock from there on; NULL until it is found */
    qd_follow_need need;
    qd_times on_a;         /**< own events on Alice's clock, the first of `own` */
    int16_t *delta;        /**< of the pending pairs: bin of Alice's announced time against the own */
    uint64_t n_delta, cap_delta;
};

/** Shared by both machines. @{ */
/** Read one slice from the source and apply the dead-time rule; the new events stand at the end of own. @p fresh: how many. */
qd_status qd_station_read(qd_station *s, uint64_t *fresh, qd_error *err);
/** Forget own events before index @p upto (an index among all kept events). */
void qd_station_forget(qd_station *s, uint64_t upto);
/** Turn the events with the given global indices into bases and values and append them to the pending pairs. */
qd_status qd_station_measure(qd_station *s, const uint64_t *index, uint64_t n, qd_error *err);
/** Pairs of the next block: 0 when there are not enough yet. */
uint64_t qd_station_block_size(const qd_station *s);
/** Resumed run: drop the blocks that were finished before. */
qd_status qd_station_fast_forward(qd_station *s, qd_error *err);
/** Bases of the next @p n pairs (a copy), for the message. */
qd_status qd_station_bases(const qd_station *s, uint64_t n, qd_bits *basis, qd_error *err);
/** Start the block: compare with the other side's bases, take the pairs out of the pending ones, fill str[z], str[x]. */
qd_status qd_station_sift(qd_station *s, const qd_bits *their_basis, qd_error *err);
/** Positions to disclose of a string of @p n bits: min(2^14, n/8). */
uint64_t qd_station_sample_size(uint64_t n);
/** Remove the positions @p pos (ascending) from str[basis]; their values go to @p out in order. */
qd_status qd_station_take_sample(qd_station *s, int basis, const uint64_t *pos, uint64_t n, qd_bits *out, qd_error *err);
/** Whether the strings' error rates must be sampled: no verified block before. */
bool qd_station_needs_sample(const qd_station *s);
/** Note that the block yields no key. */
void qd_station_reject(qd_station *s, const char *why);
/** The same for a block that is hopeless; its QBER is the sample's where there was one. */
void qd_station_hopeless(qd_station *s, qd_hopeless why);
/** Alice: draw the seed for hashing str[basis], as many fresh bits as it takes; the caller destroys it, also on error. */
qd_status qd_station_draw_seed(qd_station *s, int basis, qd_bits *seed, qd_error *err);
/** Bob: a seed from message @p in. QD_E_INPUT: it served before in this session. */
qd_status qd_station_take_seed(qd_station *s, const qd_msg *in, const qd_bits *seed, qd_error *err);
/** Begin to authenticate, where there is a secret. */
qd_status qd_station_open_auth(qd_station *s, qd_error *err);
/** A message of the block goes into the hash; its time is kept. Only where there is a secret. */
void qd_station_absorb(qd_station *s, const qd_msg *m);
/** Take what the station has put into the box in this step into its hash. No header may change after that. */
void qd_station_hash_sent(qd_station *s, const qd_outbox *out);
/** Send the station's tag over the block's messages. */
qd_status qd_station_send_tag(qd_station *s, qd_outbox *out, bool last, qd_error *err);
/** Check the other's. QD_E_POLICY: it is wrong. */
qd_status qd_station_check_tag(qd_station *s, const qd_msg *m, qd_error *err);
/** Both tags are right: book them, and take what refills the secret off the front of the block's key. */
qd_status qd_station_authenticated(qd_station *s, qd_error *err);
/** Whether the next block may begin: its epsilons and pads are there. If not, qd_station_stopped says why. */
bool qd_station_may_begin(qd_station *s);
/** Alice: the refusal of a block that Bob has begun with @p in and that may not. QD_E_POLICY: her pads are used, and he cannot know it; QD_E_INPUT: its
 *  epsilons are too many, which he knows. */
qd_status qd_station_cannot_begin(qd_station *s, const qd_msg *in, qd_error *err);
/** Put the block among the finished ones and make ready for the next. @p verified: its error counts set the next rate. */
qd_status qd_station_close(qd_station *s, bool verified, qd_error *err);
/** Book a reconciled string (basis s->at): charges, counts; its verified bits replace str[at], so that hashing reads them. */
qd_status qd_station_book(qd_station *s, const qd_reconcile_result *r, qd_error *err);
/** Hash str[basis] to ell[basis] bits and append them to the block's key. */
qd_status qd_station_hash(qd_station *s, int basis, const qd_bits *seed, qd_error *err);
/** Every term of the bound as JSON, by basis. */
json_t *qd_station_terms(const qd_bbm92_result *r);
/** Private randomness for @p stream, entity block * 2 + basis. */
qd_random qd_station_random(const qd_station *s, uint32_t stream, int basis);
/** Add the time since @p t0 (qd_now) and the device time since @p d0 to a stage. */
void qd_station_spent(qd_station *s, qd_stage stage, double t0, double d0, uint64_t items);
double qd_station_device_seconds(const qd_station *s);
/** Send a body as the station's own message of the present block, and free it. */
qd_status qd_station_send(const qd_station *s, qd_outbox *out, uint32_t type, bool last, qd_body *b, qd_error *err);
/** QD_OK when the message has no body. */
qd_status qd_station_no_body(const qd_msg *m, qd_error *err);
qd_status qd_station_unexpected(const qd_station *s, const qd_msg *m, qd_error *err);
/** @} */

qd_status qd_alice_step(qd_station *s, const qd_msg *in, qd_outbox *out, bool *done, qd_error *err);
qd_status qd_bob_step(qd_station *s, const qd_msg *in, qd_outbox *out, bool *done, qd_error *err);

#endif
