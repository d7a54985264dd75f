/* SPDX-License-Identifier: Apache-2.0 */
/* A run in one process: both stations, the messages between them, what is kept on disk. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "qdistill/timetag.h"
#include "record.h"
#include "rundir.h"
#include "source.h"
#include "station.h"

typedef struct run {
    const qd_job *job;
    const qd_run_options *opt;
    qd_station_params params;
    qd_scenario scenario;
    qd_link *link;
    qd_rehearsal *rehearsal;
    qd_recording *recording[2];
    qd_auth_secret *secret[2]; /* NULL: messages are not authenticated */
    qd_station *station[2];
    bool over[2];
    qd_outbox box;
    qd_transcript *transcript;
    qd_keyfile key[2];
    qd_run_state state;
    bool match;
    bool begun;       /* a block's bases were announced, and it has no record yet */
    bool again;       /* the run was complete: nothing to do but to give its summary again */
    bool created;     /* the run directory is this run's own */
    int lock;         /* descriptor of the locked run directory; -1: none */
    char reason[640]; /* why the last block gave no key, or why the run ended */
    char stop[640];   /* why it ended before its data */
    bool forged;      /* because a message or a tag was refused */
    double t0;
} run;

/* ---- setting up -------------------------------------------------------------------------------------------------- */

static qd_status params_of(run *r, qd_tick tick, qd_error *err) {
    const qd_job *j = r->job;
    r->params = (qd_station_params){.block_coincidences = j->block_coincidences,
                                    .tick = tick,
                                    .window_ps = j->window_ps,
                                    .announce_ps = j->announce_ps,
                                    .dead_ps = j->dead_ps,
                                    .correlation_same = j->correlation_same,
                                    .max_offset_s = j->max_offset_s,
                                    .max_ppm = j->max_ppm,
                                    .offset_s = j->offset_s,
                                    .ppm = j->ppm,
                                    .p_false = j->p_false,
                                    .effort = j->effort,
                                    .stop = r->opt->stop,
                                    .eps_sec = j->eps_sec,
                                    .eps_cor = j->eps_cor,
                                    .eps_total = j->eps_total,
                                    .refill_bits = j->rehearsal || j->auth_file[0] ? j->refill_bits : 0,
                                    .rehearsal = j->rehearsal,
                                    .seed = j->seed};
    QD_TRY(qd_code_named(j->code, &r->params.code, err));
    r->params.rounds = j->rounds;
    r->params.blind = j->blind;
    r->params.keep_outcomes = j->rehearsal && qd_link_declares_analysers(&r->scenario);
    if (j->rehearsal && !j->dead_given) r->params.dead_ps = qd_scenario_dead_ps(&r->scenario);
    if (j->announce_ps * tick.den % tick.num != 0)
        return qd_fail(err, QD_E_INPUT,
                       "%s: sift.announce_ps %llu is not a whole number of the tags' ticks||one tick is %llu/%llu ps|use 125 or "
                       "a multiple of it",
                       j->announce_at ? j->announce_at : j->path, (unsigned long long)j->announce_ps,
                       (unsigned long long)tick.num, (unsigned long long)tick.den);
    return QD_OK;
}

static qd_status open_inputs(run *r, qd_error *err) {
    const qd_job *j = r->job;
    for (int i = 0; i < 2 && j->auth_file[i]; i++) QD_TRY(qd_auth_secret_open(j->auth_file[i], (qd_direction)i, &r->secret[i], err));
    if (j->rehearsal) {
        QD_TRY(qd_scenario_load(j->scenario, &r->scenario, err));
        QD_TRY(qd_link_create(&r->scenario, j->seed, &r->link, err));
        QD_TRY(qd_rehearsal_create(r->link, j->duration_s, r->opt->dev, &r->rehearsal, err));
        return params_of(r, (qd_tick){125, 32}, err);
    }
    for (int i = 0; i < 2; i++) QD_TRY(qd_recording_open(j->file[i], j->format[i], &r->recording[i], err));
    qd_tick a = qd_recording_tick(r->recording[0]), b = qd_recording_tick(r->recording[1]);
    if (a.num != b.num || a.den != b.den)
        return qd_fail(err, QD_E_INPUT,
                       "job %s: %s and %s have ticks of different length|||convert one of them: qdistill tags convert", j->path,
                       j->format[0], j->format[1]);
    return params_of(r, a, err);
}

/* A rehearsal without secrets draws one, as far as the finished blocks left it: an interrupted block is made again, to the byte. */
static qd_status rehearse_secrets(run *r, qd_error *err) {
    uint64_t used, refilled;
    qd_record_secret_so_far(r->state.blocks, &used, &refilled);
    for (int i = 0; i < 2 && r->job->rehearsal && !r->job->auth_file[0]; i++)
        QD_TRY(qd_auth_secret_rehearse(r->job->seed, QD_AUTH_REHEARSAL_ROUNDS + refilled / QD_AUTH_ROUND_BITS, used, &r->secret[i], err));
    return QD_OK;
}

static qd_status open_stations(run *r, qd_error *err) {
    QD_TRY(rehearse_secrets(r, err));
    for (int i = 0; i < 2; i++) {
        qd_direction role = (qd_direction)i;
        qd_station_params own = r->params;
        own.secret = r->secret[i];
        for (int d = 0; d < 4; d++)
            own.skew_ps[d] = r->rehearsal ? (uint64_t)llround(r->scenario.arm[i].delay_ps[d]) : r->job->skew_ps[i][d];
        qd_source src = r->rehearsal ? qd_rehearsal_source(r->rehearsal, role) : qd_recording_source(r->recording[i]);
        QD_TRY(qd_station_create(role, &own, src, r->opt->dev, &r->station[i], err));
    }
    return QD_OK;
}

static char *in_dir(const run *r, const char *name) {
    return qd_path_join(r->opt->dir, name);
}

/* Two runs in one directory would send two syndromes of one frame under different private bits. */
static qd_status lock_dir(run *r, qd_error *err) {
    r->lock = open(r->opt->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (r->lock < 0)
        return qd_fail(err, QD_E_INPUT,
                       "cannot open the run directory %s|%s|there is no run of this name|see qdistill run --help", r->opt->dir,
                       strerror(errno));
    if (flock(r->lock, LOCK_EX | LOCK_NB) != 0)
        return qd_fail(err, QD_E_INPUT,
                       "the run directory %s is in use|%s|another qdistill works on this run|wait for it, or stop it",
                       r->opt->dir, strerror(errno));
    return QD_OK;
}

static qd_status manifest(run *r, qd_error *err) {
    /* An existing directory is refused before large inputs are hashed; creating one is left for when they are known to be good.
     */
    struct stat exists;
    if (r->opt->resume)
        QD_TRY(lock_dir(r, err));
    else if (stat(r->opt->dir, &exists) == 0)
        return qd_dir_create(r->opt->dir, true, err);
    json_t *now = NULL, *old = NULL;
    char *path = in_dir(r, "manifest.json");
    qd_status st = qd_record_manifest(r->job, &r->params, r->link, r->opt->dev, r->opt->fallback, &now, err);
    if (st == QD_OK && r->opt->resume) {
        st = qd_json_read(path, &old, err);
        if (st == QD_OK) st = qd_record_same_run(old, now, err);
    } else if (st == QD_OK) {
        st = qd_dir_create(r->opt->dir, true, err);
        r->created = st == QD_OK;
        if (st == QD_OK) st = lock_dir(r, err);
        if (st == QD_OK) st = qd_json_write(now, path, err);
    }
    json_decref(now);
    json_decref(old);
    free(path);
    return st;
}

/* A run that was complete: its summary is in the state, for the case that it died before it was written, or that it was lost. */
static qd_status finished(run *r, qd_error *err) {
    char *path = in_dir(r, "summary.json");
    bool there = path && access(path, F_OK) == 0;
    free(path);
    if (there)
        return qd_fail(err, QD_E_INPUT,
                       "the run in %s is complete||there is nothing to resume|its keys and summary.json stand there",
                       r->opt->dir);
    r->again = json_is_object(r->state.summary);
    if (r->again) return QD_OK;
    return qd_fail(err, QD_E_INPUT,
                   "the run in %s is complete, but its summary.json is missing||an older version finished it, which kept no "
                   "second copy of the summary|its keys stand there; the records of its blocks are in state.json",
                   r->opt->dir);
}

/* Counts of the block before the last one, from its record. */
static void counts_before(run *r) {
    static const char *const basis[2] = {"z", "x"};
    const json_t *block = json_array_get(r->state.blocks, json_array_size(r->state.blocks) - 2); /* NULL where there is none */
    for (int b = 0; b < 2; b++) {
        r->params.before_n[b] = (uint64_t)json_integer_value(json_object_get(json_object_get(block, "n_by_basis"), basis[b]));
        r->params.before_errors[b] = (uint64_t)json_integer_value(json_object_get(json_object_get(block, "errors"), basis[b]));
    }
}

/* Where the run goes on; a fresh run begins at block 0. */
static qd_status load_state(run *r, qd_error *err) {
    if (!r->opt->resume) {
        r->state.blocks = json_array();
        r->state.checked = true;
        qd_os_random(r->state.secret, sizeof r->state.secret);
        return QD_OK;
    }
    QD_TRY(qd_run_state_read(r->opt->dir, &r->state, err));
    if (r->state.finished) return finished(r, err);
    r->params.first_block = r->state.next_block;
    r->params.abandon_first = r->begun = r->state.announced;
    for (int b = 0; b < 2; b++) {
        r->params.start_errors[b] = r->state.errors[b];
        r->params.start_n[b] = r->state.n[b];
    }
    counts_before(r);
    return QD_OK;
}

static qd_status open_outputs(run *r, qd_error *err) {
    static const char *const names[2][2] = {{"alice.key", "bob.key"}, {"alice.rehearsal.key", "bob.rehearsal.key"}};
    /* All is checked before anything is cut: a refused resume leaves a run that can still be resumed. */
    for (int i = 0; i < 2; i++)
        QD_TRY(qd_keyfile_open(&r->key[i], r->opt->dir, names[r->job->rehearsal][i], r->state.key_bits, r->state.secret,
                               r->state.checked ? r->state.check[i] : NULL, err));
    char *path = in_dir(r, "transcript.bin");
    /* What was sent of an abandoned block was seen: it stays in the transcript. */
    uint64_t at = r->state.announced ? QD_TRANSCRIPT_ALL : r->state.transcript_bytes;
    qd_status st = qd_transcript_open(path, r->opt->resume, at, &r->transcript, err);
    free(path);
    for (int i = 0; i < 2 && st == QD_OK; i++) st = qd_keyfile_cut(&r->key[i], err);
    return st;
}

/* ---- blocks ------------------------------------------------------------------------------------------------------ */

static qd_status save_state(run *r, qd_error *err) {
    for (int i = 0; i < 2; i++) QD_TRY(qd_keyfile_sync(&r->key[i], err));
    QD_TRY(qd_transcript_sync(r->transcript, &r->state.transcript_bytes, err));
    r->state.key_bits = r->key[0].bits;
    for (int i = 0; i < 2; i++) qd_keyfile_check(&r->key[i], r->state.check[i]);
    return qd_run_state_write(r->opt->dir, &r->state, err);
}

static qd_status finish_block(run *r, qd_block *a, qd_block *b, qd_error *err) {
    json_t *record = qd_record_block(a, b, &r->params);
    if (!record) return qd_fail(err, QD_E_INTERNAL, "no memory for a block's record");
    json_array_append_new(r->state.blocks, record);
    if (a->key.n != b->key.n)
        return qd_fail(
            err, QD_E_INTERNAL,
            "the stations' keys of block %u differ in length||a defect of qdistill|keep the run directory and report it",
            a->block);
    qd_block *block[2] = {a, b};
    for (int i = 0; i < 2; i++) QD_TRY(qd_keyfile_append(&r->key[i], &block[i]->key, err));
    if (r->job->rehearsal && !qd_bits_equal(&a->key, &b->key)) r->match = false;
    if (a->rejected) snprintf(r->reason, sizeof r->reason, "%s", a->reason);
    for (int i = 0; i < 2; i++) {
        r->state.n[i] = a->counts.n[i];
        r->state.errors[i] = a->counts.errors[i];
    }
    r->state.next_block = a->block + 1;
    r->state.announced = r->begun = false;
    QD_TRY(qd_run_event(r->opt->dir,
                        json_pack("{s:s,s:f,s:I,s:I,s:s}", "event", "block", "t", qd_now() - r->t0, "block", (json_int_t)a->block,
                                  "key_bits", (json_int_t)a->key.n, "reason", a->reason),
                        err));
    return save_state(r, err);
}

/* Blocks are finished when both stations have closed them. */
static qd_status collect_blocks(run *r, qd_block waiting[2], bool have[2], qd_error *err) {
    for (;;) {
        for (int i = 0; i < 2; i++)
            if (!have[i]) have[i] = qd_station_take_block(r->station[i], &waiting[i]);
        if (!have[0] || !have[1]) return QD_OK;
        qd_status st = finish_block(r, &waiting[0], &waiting[1], err);
        for (int i = 0; i < 2; i++) {
            qd_block_destroy(&waiting[i]);
            have[i] = false;
        }
        QD_TRY(st);
    }
}

/* ---- carrying messages ------------------------------------------------------------------------------------------- */

static void show(const run *r, const qd_msg *m) {
    uint64_t done = 0, total = 0;
    if (r->rehearsal)
        qd_rehearsal_progress(r->rehearsal, &done, &total);
    else
        done = qd_station_about(r->station[0])->tags;
    qd_progress_at(r->opt->progress, qd_msg_name(m->type), (double)done);
}

static bool stop_at(const run *r, const char *here) {
    const char *at = getenv("QD_STOP_AT");
    return at && !r->opt->resume && strcmp(at, here) == 0;
}

/* TYPE:BLOCK, with a message's type that there is. */
static bool names_message(const char *at) {
    const char *colon = strchr(at, ':');
    size_t digits = colon ? strspn(colon + 1, "0123456789") : 0;
    bool known = digits > 0 && digits < 11 && !colon[1 + digits];
    for (uint32_t type = QD_MSG_TIMES; known && type <= QD_MSG_AUTH; type++) {
        const char *name = qd_msg_name(type);
        if (strlen(name) == (size_t)(colon - at) && strncmp(at, name, strlen(name)) == 0 && strcmp(name, "unknown") != 0)
            return true;
    }
    return false;
}

qd_status qd_run_stop_at_check(qd_error *err) {
    const char *at = getenv("QD_STOP_AT"), *tamper = getenv("QD_TAMPER_AT");
    if (at && strcmp(at, "publish") != 0 && !names_message(at))
        return qd_fail(err, QD_E_USAGE,
                       "QD_STOP_AT=%s in the environment is no place to stop at||it is TYPE:BLOCK, a message's type as a report "
                       "lists it and a number, or publish|QD_STOP_AT=syndrome:0, or unset it",
                       at);
    if (tamper && !names_message(tamper))
        return qd_fail(err, QD_E_USAGE,
                       "QD_TAMPER_AT=%s in the environment is no message||it is TYPE:BLOCK, a message's type as a report lists it and a "
                       "number|QD_TAMPER_AT=syndrome:0, or unset it",
                       tamper);
    return QD_OK;
}

static bool named(const qd_msg *m, const char *at) {
    char here[48];
    snprintf(here, sizeof here, "%s:%u", qd_msg_name(m->type), m->block);
    return at && strcmp(at, here) == 0;
}

/* For tests of stopping: QD_STOP_AT=TYPE:BLOCK stops the run as a signal would, when it is about to carry that message. */
static bool stop_asked(const run *r, const qd_msg *m) {
    return (r->opt->stop && *r->opt->stop) || (!r->opt->resume && named(m, getenv("QD_STOP_AT")));
}

/* For tests of authentication: QD_TAMPER_AT=TYPE:BLOCK changes a bit of that message on its way. */
static void tamper(qd_msg *m) {
    if (!named(m, getenv("QD_TAMPER_AT"))) return;
    if (m->bytes)
        m->body[m->bytes - 1] ^= 1;
    else
        m->last ^= 1;
}

/* A message that its station did not take. Where messages are authenticated that is an attack until it is shown to be none: the job ends,
 * and what was made of earlier blocks stands. */
static qd_status refused(run *r, const qd_msg *m, int to, qd_status st, qd_error *err) {
    if (!r->secret[to] || !qd_station_refused(r->station[to])) return st;
    bool by_form = st == QD_E_INPUT, by_tag = st == QD_E_POLICY && m->type == QD_MSG_AUTH;
    r->forged = by_form || by_tag;
    if (!by_form) return st;
    char what[sizeof err->what], cause[sizeof err->cause];
    memcpy(what, err->what, sizeof what);
    memcpy(cause, err->cause, sizeof cause);
    return qd_fail(err, QD_E_POLICY,
                   "authentication of block %u failed: %s|%s|messages were changed, replayed, cut or put in another order on the way, or "
                   "the stations run other versions|no key is made of this block. Look for who is on the line",
                   m->block, what, cause);
}

static qd_status carry(run *r, qd_msg *m, qd_error *err) {
    /* A resumed run pairs the finished blocks once more; their messages stand in the transcript already. */
    if (m->block >= r->params.first_block + (r->params.abandon_first ? 1u : 0u)) QD_TRY(qd_transcript_add(r->transcript, m, err));
    if (m->type == QD_MSG_BASES_BOB) r->begun = true;
    if (m->type == QD_MSG_BASES_BOB && !r->job->rehearsal) {
        /* From here on the block is public knowledge in part: if the run dies now, it is lost. */
        r->state.announced = true;
        uint64_t bytes;
        QD_TRY(qd_transcript_sync(r->transcript, &bytes, err));
        QD_TRY(qd_run_state_write(r->opt->dir, &r->state, err));
    }
    int to = m->from == QD_ALICE_TO_BOB ? 1 : 0;
    tamper(m);
    return refused(r, m, to, qd_station_step(r->station[to], m, &r->box, &r->over[to], err), err);
}

static qd_status pump(run *r, qd_error *err) {
    qd_block waiting[2] = {{0}, {0}};
    bool have[2] = {false, false};
    qd_msg m;
    qd_status st = qd_station_step(r->station[0], NULL, &r->box, &r->over[0], err);
    while (st == QD_OK && qd_outbox_take(&r->box, &m)) {
        if (stop_asked(r, &m))
            st = QD_STOPPED;
        else
            st = carry(r, &m, err);
        show(r, &m);
        free(m.body);
        if (st == QD_OK) st = collect_blocks(r, waiting, have, err);
    }
    for (int i = 0; i < 2; i++)
        if (have[i]) qd_block_destroy(&waiting[i]);
    if (st == QD_OK && !(r->over[0] && r->over[1]))
        st = qd_fail(err, QD_E_INTERNAL, "the stations stopped talking before the job was over");
    return st;
}

/* ---- the end ----------------------------------------------------------------------------------------------------- */

static const char *only_detector(const qd_station_totals *t) {
    static const char *const name[4] = {"V", "-", "H", "+"};
    int clicked = 0, which = 0;
    for (int d = 0; d < 4; d++)
        if (t->singles[d]) {
            clicked++;
            which = d;
        }
    return clicked == 1 ? name[which] : NULL;
}

/* Why there is no key, in the words that help most. */
static void explain(run *r) {
    for (int i = 0; i < 2; i++) {
        const char *d = only_detector(qd_station_about(r->station[i]));
        if (d) {
            snprintf(r->reason, sizeof r->reason, "all tags of %s are in one detector, %s: no bits can come of them",
                     i ? "Bob" : "Alice", d);
            return;
        }
    }
    if (!*r->reason) snprintf(r->reason, sizeof r->reason, "no coincidences: no block could be formed");
}

static qd_status digest(const run *r, int side, char hex[65], qd_error *err) {
    if (!r->job->rehearsal || !r->key[side].bits) return QD_OK;
    return qd_sha256_file(r->key[side].partial, hex, err);
}

static qd_status no_key(const char *reason, qd_error *err) {
    return qd_fail(err, QD_E_POLICY,
                   "no key: %s||what cannot be bounded counts as known to an eavesdropper|a longer job, or a link with fewer "
                   "errors; the report says what took each part away",
                   reason);
}

/* Nothing came before what ended the job. */
static qd_status no_key_before(const char *why, qd_error *err) {
    return qd_fail(err, QD_E_POLICY,
                   "no key: %s||what a job may spend is fixed before its data, and it is spent|share a new secret (security.auth), or give "
                   "security.eps_total room for more blocks",
                   why);
}

/* The summary of a run that was complete, and how that run ended. */
static qd_status give_again(const run *r, json_t **summary, FILE *text, qd_error *err) {
    const char *reason = json_string_value(json_object_get(r->state.summary, "abort_reason"));
    *summary = json_incref(r->state.summary);
    if (text) fprintf(text, "the run in %s was complete, and its summary.json is missing: it is written again\n", r->opt->dir);
    return reason ? no_key(reason, err) : QD_OK;
}

/* The keys get their names, then the state says that there is nothing to resume, and keeps the summary until the caller has
 * written it. */
static qd_status publish(run *r, const json_t *summary, qd_status st, qd_error *err) {
    for (int i = 0; i < 2; i++) QD_TRY(qd_keyfile_finish(&r->key[i], err));
    if (stop_at(r, "publish")) return QD_STOPPED; /* for tests: as if it had died here */
    r->state.finished = true;
    json_decref(r->state.summary); /* of a state that was set back */
    r->state.summary = json_copy((json_t *)(uintptr_t)summary);
    json_object_set_new(r->state.summary, "device", qd_record_device(r->opt->dev, r->opt->fallback));
    QD_TRY(qd_run_state_write(r->opt->dir, &r->state, err));
    return st;
}

/* A clock that was not found: the search speaks of options. */
static void in_words_of_jobs(qd_error *err) {
    char next[QD_ERROR_PART];
    qd_job_words(err->next, next, sizeof next);
    snprintf(err->next, sizeof err->next, "%s", next);
}

static qd_status finish(run *r, qd_status st, json_t **summary, FILE *text, qd_error *err) {
    char hex[2][65] = {"", ""};
    bool key = r->key[0].bits > 0;
    const char *stopped = qd_station_stopped(r->station[1]);
    if (st == QD_E_POLICY) in_words_of_jobs(err);
    if (st == QD_E_POLICY || *stopped) snprintf(r->stop, sizeof r->stop, "%s", st == QD_E_POLICY ? err->what : stopped);
    if (st == QD_E_POLICY && key) st = QD_OK; /* of the blocks before */
    if (st == QD_E_POLICY) snprintf(r->reason, sizeof r->reason, "%s", r->stop);
    if (st == QD_OK && !key) {
        bool at_once = *r->stop && !json_array_size(r->state.blocks);
        if (at_once) snprintf(r->reason, sizeof r->reason, "%s", r->stop);
        explain(r);
        st = at_once ? no_key_before(r->reason, err) : no_key(r->reason, err);
    }
    qd_tag_seen seen[2];
    for (int i = 0; i < 2; i++) {
        QD_TRY(digest(r, i, hex[i], err));
        if (r->recording[i]) qd_recording_see(r->recording[i], &seen[i]);
    }
    qd_run_facts f = {.job = r->job,
                      .params = &r->params,
                      .blocks = r->state.blocks,
                      .alice = qd_station_about(r->station[0]),
                      .bob = qd_station_about(r->station[1]),
                      .clock = qd_station_clock(r->station[1]),
                      .search = qd_station_searched(r->station[1]),
                      .eve = qd_transcript_eve(r->transcript),
                      .match_known = r->job->rehearsal && key,
                      .match = r->match,
                      .digest = {*hex[0] ? hex[0] : NULL, *hex[1] ? hex[1] : NULL},
                      .seconds = qd_now() - r->t0,
                      .link = r->link,
                      .seen = r->recording[0] ? seen : NULL,
                      .abort_reason = st == QD_E_POLICY ? r->reason : "",
                      .stop_reason = r->stop,
                      .auth_failed = r->forged ? r->stop : "",
                      .begun = r->begun};
    if (r->secret[0]) f.budget = qd_auth_secret_budget(r->secret[0]);
    if (r->job->rehearsal && key) f.match = r->match && strcmp(hex[0], hex[1]) == 0;
    *summary = qd_record_summary(&f);
    if (text) qd_record_text(*summary, r->opt->dev ? qd_device_about(r->opt->dev)->name : "the reference path", text);
    if (f.match_known && !f.match) /* such keys never get their name */
        return qd_fail(err, QD_E_INTERNAL,
                       "the stations' keys differ although they were verified||a defect of qdistill, or an undetected error of "
                       "probability eps_cor|keep the run directory and report it");
    return st == QD_STOPPED ? st : publish(r, *summary, st, err);
}

static void release(run *r) {
    for (int i = 0; i < 2; i++) {
        qd_keyfile_leave(&r->key[i]);
        qd_station_destroy(r->station[i]);
        qd_recording_close(r->recording[i]);
        qd_auth_secret_close(r->secret[i]);
    }
    qd_outbox_destroy(&r->box);
    qd_transcript_close(r->transcript, NULL);
    qd_rehearsal_destroy(r->rehearsal);
    qd_link_destroy(r->link);
    if (r->lock >= 0) close(r->lock);
    json_decref(r->state.blocks);
    json_decref(r->state.summary);
    qd_wipe(&r->state, sizeof r->state);
}

qd_status qd_job_run(const qd_job *job, const qd_run_options *opt, json_t **summary, FILE *text, qd_error *err) {
    run r = {.job = job, .opt = opt, .match = true, .lock = -1, .t0 = qd_now()};
    qd_error own = {0};
    if (!err) err = &own;
    *summary = NULL;
    qd_status st = open_inputs(&r, err);
    if (st == QD_OK) st = manifest(&r, err);
    if (st == QD_OK) st = load_state(&r, err);
    if (st == QD_OK && r.again) {
        st = give_again(&r, summary, text, err);
        release(&r);
        return st;
    }
    if (st == QD_OK) st = open_outputs(&r, err);
    if (st == QD_OK) st = open_stations(&r, err);
    if (st == QD_OK && !opt->resume) st = save_state(&r, err);
    if (st == QD_OK)
        st = qd_run_event(opt->dir,
                          json_pack("{s:s,s:f,s:b,s:I}", "event", "start", "t", qd_now() - r.t0, "resumed", (int)opt->resume,
                                    "block", (json_int_t)r.state.next_block),
                          err);
    if (st == QD_OK) {
        uint64_t done = 0, total = 0;
        if (r.rehearsal) qd_rehearsal_progress(r.rehearsal, &done, &total);
        qd_progress_begin(opt->progress, job->name, (double)total, r.rehearsal ? "cells" : "tags");
        st = pump(&r, err);
        qd_progress_end(opt->progress);
        if (st == QD_OK || st == QD_E_POLICY || st == QD_STOPPED) st = finish(&r, st, summary, text, err);
    }
    /* A run that failed before its first block leaves nothing; but bases of a recording once announced stay on record. */
    bool gone = r.created && st != QD_OK && st != QD_E_POLICY && st != QD_STOPPED && !r.state.next_block && !r.state.announced;
    release(&r);
    if (gone) qd_run_dir_remove(opt->dir);
    return st;
}
