/* SPDX-License-Identifier: Apache-2.0 */
/** @file record.h  What a run writes about itself: manifest, block records, summary, report for people. Private to the pipeline. */
#ifndef QD_PIPELINE_RECORD_H
#define QD_PIPELINE_RECORD_H

#include "qdistill/link.h"
#include "qdistill/pipeline.h"
#include "qdistill/timetag/seen.h"

/** All that it takes to repeat the run. @p link NULL for recordings. *out is the caller's. */
qd_status qd_record_manifest(const qd_job *job, const qd_station_params *p, const qd_link *link, qd_device *dev, const char *fallback, json_t **out,
                             qd_error *err);
/** The device as a record names it; @p dev NULL is the reference. */
json_t *qd_record_device(const qd_device *dev, const char *fallback);
/** QD_E_INPUT naming the first field in which an old manifest's options, inputs or tables differ from the new one's. */
qd_status qd_record_same_run(const json_t *old, const json_t *now, qd_error *err);

/** Record of a finished block. @p bob may be NULL. The truth beside a rejected block is counted when both hold their strings. */
json_t *qd_record_block(const qd_block *alice, const qd_block *bob, const qd_station_params *p);

/** What the summary is made of. */
typedef struct qd_run_facts {
    const qd_job *job;
    const qd_station_params *params;
    const json_t *blocks;               /**< array of block records */
    const qd_station_totals *alice, *bob;
    const qd_clock *clock;
    const qd_station_search *search;
    const qd_eve *eve;
    bool match_known, match;
    const char *digest[2];              /**< rehearsals: SHA-256 of the keys; else NULL */
    double seconds;
    const char *abort_reason;           /**< "" when there is key */
    const char *stop_reason;            /**< why the job ended before its data, key or not; "": it did not */
    const char *auth_failed;            /**< the refusal, where messages or tags were not what was sent; else "" */
    bool begun;                         /**< a block has begun and has no record: its bases were announced */
    qd_auth_budget budget;              /**< of Alice's secret as the run leaves it; rounds 0: messages were not authenticated */
    const qd_tag_seen *seen;            /**< Alice's recording and Bob's; rehearsals: NULL */
    const qd_link *link;                /**< rehearsals: what the model expects is stated beside; else NULL */
} qd_run_facts;
/** Set epsilon and authentication of a block's record. */
void qd_record_block_security(const qd_block *alice, const qd_station_params *p, json_t *record);
/** What the records of a run's blocks say of a rehearsal's secret: rounds used, and bits that were put to it. */
void qd_record_secret_so_far(const json_t *blocks, uint64_t *used, uint64_t *refilled);
/** Set authenticated, authentication, epsilon and stop_reason of a summary, and put a warning among @p warnings. */
void qd_record_security(const qd_run_facts *f, json_t *summary, json_t *warnings);
/** Lines of the report for people about them. */
void qd_record_security_text(const json_t *summary, FILE *out);
/** Lines of the report for people: every term of the keys' lengths, by basis. */
void qd_record_terms_text(const json_t *summary, FILE *out);
/** Whether a scenario says at which angles its detectors stand: a rehearsal of it counts correlations. */
bool qd_link_declares_analysers(const qd_scenario *s);
/** Detector pairs of a block whose outcomes both stations kept, Alice's detectors by row; NULL: they did not. */
json_t *qd_record_pairs_truth(const qd_block *alice, const qd_block *bob, qd_correlation correlation);
/** Set chsh, chsh_reason and correlations of a summary. @p accidentals: chance pairs among the run's coincidences. */
void qd_record_bell(const qd_run_facts *f, double accidentals, json_t *summary);
/** A sentence for each basis whose declared settings can make no key. */
void qd_record_bell_warnings(const qd_run_facts *f, json_t *warnings);
/** Bob's clock search as a member of the summary; null: there was none. */
json_t *qd_record_search(const qd_station_search *s);
/** Lines of the report for people about it. */
void qd_record_search_text(const json_t *summary, FILE *out);
/** A refusal of the clock search, which names options of `sync`, in the keys of a job. */
void qd_job_words(const char *text, char *out, size_t cap);
json_t *qd_record_summary(const qd_run_facts *f);
/** The report for people: the waterfall, error rates, epsilons, times, what Eve saw. @p device is its name. */
void qd_record_text(const json_t *summary, const char *device, FILE *out);

#endif
