/* SPDX-License-Identifier: Apache-2.0 */
/* amplify: verified bits to secret key. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "cli.h"
#include "key_files.h"
#include "qdistill/amplify.h"
#include "stop.h"
#include "verbs.h"

typedef struct arguments {
    const char *in, *out, *seed_file, *hash_name, *order_name, *out_format;
    uint64_t in_bits, out_bits;
    bool has_in_bits, has_out_bits;
    qd_hash hash;
    qd_bit_order order;
    qd_key_files files;
    bool t7, unix_epochs;
} arguments;

/* A T7 file names the epochs that its key is from: those of T3 files, or those told. */
static qd_status check_formats(const qd_cli *cli, arguments *a, qd_error *err) {
    a->t7 = a->out_format && strcmp(a->out_format, "t7") == 0;
    if (a->out_format && !a->t7 && strcmp(a->out_format, "bits") != 0)
        return qd_fail(err, QD_E_USAGE, "--out-format: there is no format '%s'||the formats are: bits, t7|see qdistill amplify --help", a->out_format);
    QD_TRY(qd_key_files_check(&a->files, cli->verb, a->t7, err));
    if (a->files.t3 && (a->has_in_bits || a->unix_epochs))
        return qd_fail(err, QD_E_USAGE, "--in-bits and --unix-epochs say nothing of T3 files||they state their lengths and what their epochs count from|leave them out");
    if (a->t7 && !a->files.t3 && !a->files.epochs)
        return qd_fail(err, QD_E_USAGE, "--out-format t7 needs --epochs FIRST+N||a T7 file names the epochs that its key is from|reconcile's record has them as `epochs`");
    if (a->unix_epochs && !a->t7) return qd_fail(err, QD_E_USAGE, "--unix-epochs speaks of T7 files|||give --out-format t7, or leave it out");
    return QD_OK;
}

static qd_status check_arguments(const qd_cli *cli, arguments *a, qd_error *err) {
    if (!a->out) return qd_fail(err, QD_E_USAGE, "amplify needs --out FILE|||see qdistill amplify --help");
    if (!a->has_out_bits)
        return qd_fail(err, QD_E_USAGE, "amplify needs --out-bits R||the length of the key follows from the security bound|see qdistill estimate");
    if (strcmp(a->hash_name, "modified-toeplitz") == 0) a->hash = QD_HASH_MODIFIED_TOEPLITZ;
    else if (strcmp(a->hash_name, "toeplitz") == 0) a->hash = QD_HASH_TOEPLITZ;
    else return qd_fail(err, QD_E_USAGE, "--hash: there is no family '%s'||the families are: modified-toeplitz, toeplitz|see qdistill amplify --help", a->hash_name);
    if (strcmp(a->order_name, "lsb") == 0) a->order = QD_LSB_FIRST;
    else if (strcmp(a->order_name, "msb") == 0) a->order = QD_MSB_FIRST;
    else return qd_fail(err, QD_E_USAGE, "--bit-order: '%s' is neither lsb nor msb|||see qdistill amplify --help", a->order_name);
    if (cli->has_seed && a->seed_file)
        return qd_fail(err, QD_E_USAGE, "--seed and --seed-file exclude each other||--seed derives the seed of the hash from a number, for rehearsals|give one of the two");
    return check_formats(cli, a, err);
}

/* What one hash reads and writes. Strings of files stay there. */
typedef struct work {
    qd_bits t3, t7;            /* the input of T3 files; the output of a T7 file */
    qd_bits_reader *in, *seed;
    qd_bits_writer *out, *new_seed; /* of bit files; of a seed that was drawn here */
    qd_toeplitz_job job;
    qd_toeplitz_stats stats;
    qd_progress *progress;
    double seconds;
    char seed_name[4096];
} work;

static void work_close(work *w) {
    qd_bits_destroy(&w->t3);
    qd_bits_destroy(&w->t7);
    qd_bits_reader_close(w->in);
    qd_bits_reader_close(w->seed);
    qd_bits_writer_close(w->out);
    qd_bits_writer_close(w->new_seed);
    qd_progress_destroy(w->progress);
}

/* Bits of T3 files; what a T7 file is to say of them. */
static qd_status read_t3(arguments *a, qd_bits *x, qd_error *err) {
    qd_t3_key key;
    QD_TRY(qd_t3_key_read(a->in, &a->files.choice, &key, err));
    *x = key.bits;
    key.bits = (qd_bits){0, NULL};
    a->files.choice.first = key.epoch[0];
    a->files.choice.epochs = key.epoch[key.n - 1] - key.epoch[0] + 1;
    a->unix_epochs = key.anchored;
    qd_t3_key_free(&key);
    return QD_OK;
}

static qd_status open_input(arguments *a, work *w, qd_error *err) {
    if (a->out_bits == 0) /* estimate gives a basis 0 bits where the other one alone makes key */
        return qd_fail(err, QD_E_POLICY, "no key: --out-bits is 0||the bound leaves nothing of %s, or a script lost the length|hash only the basis that has key; see qdistill estimate for the lengths", a->in);
    if (a->files.t3) QD_TRY(read_t3(a, &w->t3, err));
    else QD_TRY(qd_bits_reader_open(&w->in, a->in, a->has_in_bits ? a->in_bits : UINT64_MAX, a->order, err));
    w->job.x = a->files.t3 ? qd_bits_as_source(&w->t3) : qd_bits_reader_source(w->in);
    const uint64_t n = w->job.x.n;
    if (n < 1 || n > QD_AMPLIFY_MAX_BITS)
        return qd_fail(err, QD_E_INPUT, "%s holds %" PRIu64 " bits|one hash takes 1 to 2^32 bits|%s|%s", a->in, n,
                       n ? "the file holds more than one block" : "the file is empty",
                       n ? "hash block by block, each with its own seed and its own length" : "check the step before");
    if (a->out_bits > n)
        return qd_fail(err, QD_E_INPUT, "--out-bits %" PRIu64 " is above the %" PRIu64 " bits of %s|hashing shortens|it cannot make key|see qdistill estimate for the length",
                       a->out_bits, n, a->in);
    return QD_OK;
}

enum { PIECE = 1 << 16 }; /* words */

static qd_status count_ones(const qd_bit_source *x, uint64_t *ones, qd_error *err) {
    qd_bits piece;
    QD_TRY(qd_bits_create(&piece, 64 * PIECE, err));
    qd_status st = QD_OK;
    const uint64_t words = qd_bits_words(x->n);
    for (uint64_t at = 0; at < words && st == QD_OK; at += PIECE) {
        uint64_t some = words - at < PIECE ? words - at : PIECE;
        const qd_bits there = {64 * some, x->w ? (uint64_t *)x->w + at : piece.w};
        if (!x->w) st = x->read(x->self, at, some, piece.w, err);
        if (st == QD_OK) *ones += qd_bits_weight(&there);
        if (st == QD_OK) st = qd_stop_check(err);
    }
    qd_bits_destroy(&piece);
    return st;
}

/* A biased string is hashed all the same: the bound, not its look, says what Eve knows. Neither count nor direction is told: the
 * input is secret. */
static qd_status warn_of_bias(const qd_bit_source *x, qd_error *err) {
    uint64_t ones = 0;
    QD_TRY(count_ones(x, &ones, err));
    double off = 2 * (double)ones - (double)x->n;
    if (off * off > 16 * (double)x->n) /* |ones - n/2| > 4 sqrt(n)/2 */
        fprintf(stderr, "qdistill amplify: warning: the input is biased: its share of ones is off 1/2 by more than 4 standard deviations. Unless the\n"
                        "  security bound accounts for that, --out-bits is too many\n");
    return QD_OK;
}

/* Nothing of the string is hashed away then, and modified Toeplitz gives it back as it is. */
static void warn_of_length(const arguments *a, uint64_t n) {
    if (a->out_bits == n)
        fprintf(stderr, "qdistill amplify: warning: --out-bits is all %" PRIu64 " bits of the input: whatever is known of it is known of the key. See qdistill estimate\n"
                        "  for the length\n", n);
}

/* A seed that is drawn here goes to its file at once and is read from there: it need not fit the memory. */
static qd_status draw_seed(const qd_cli *cli, qd_bits_writer *to, uint64_t bits, qd_error *err) {
    qd_random r = {.rehearsal = cli->has_seed, .seed = cli->seed, .stream = QD_STREAM_HASH_SEED};
    const qd_bit_sink sink = qd_bits_writer_sink(to);
    uint64_t *w = malloc(8 * PIECE); /* public */
    if (!w) return qd_fail(err, QD_E_INTERNAL, "the seed of a hash|no memory");
    qd_status st = QD_OK;
    const uint64_t words = qd_bits_words(bits);
    for (uint64_t at = 0; at < words && st == QD_OK; at += PIECE) {
        uint64_t some = words - at < PIECE ? words - at : PIECE;
        qd_random_bytes(&r, w, (size_t)some * 8);
        if (bits % 64 && at + some == words) w[some - 1] &= ((uint64_t)1 << (bits % 64)) - 1;
        st = sink.write(sink.self, w, some, err);
        if (st == QD_OK) st = qd_stop_check(err);
    }
    free(w);
    return st == QD_OK ? qd_bits_writer_settle(to, err) : st;
}

/* The seed is public, the string is secret. */
static qd_status not_the_string(const arguments *a, qd_error *err) {
    struct stat seed, string;
    if (stat(a->seed_file, &seed) != 0 || stat(a->in, &string) != 0 || seed.st_dev != string.st_dev || seed.st_ino != string.st_ino) return QD_OK;
    return qd_fail(err, QD_E_USAGE, "--seed-file: %s is the string that is to be hashed|a seed is public, and independent of it|the wrong file was named|give a file of random bits, or leave --seed-file out",
                   a->seed_file);
}

static qd_status open_seed(const qd_cli *cli, const arguments *a, work *w, qd_error *err) {
    const uint64_t bits = qd_toeplitz_seed_bits(a->hash, w->job.x.n, a->out_bits);
    const char *from = a->seed_file;
    if (from) QD_TRY(not_the_string(a, err));
    if (!from) {
        if ((size_t)snprintf(w->seed_name, sizeof w->seed_name, "%s.seed", a->out) >= sizeof w->seed_name)
            return qd_fail(err, QD_E_INPUT, "--out: the name is too long|%s|a path has at most 4095 bytes|choose a shorter one", strerror(ENAMETOOLONG));
        QD_TRY(qd_bits_writer_open(&w->new_seed, w->seed_name, bits, a->order, 0644, err));
        QD_TRY(draw_seed(cli, w->new_seed, bits, err));
        from = qd_bits_writer_where(w->new_seed);
        if (!from) return qd_fail(err, QD_E_INPUT, "%s is no regular file|the seed is read back from it|a device or a pipe has its name|choose another --out, or give --seed-file", w->seed_name);
    }
    QD_TRY(qd_bits_reader_open(&w->seed, from, bits, a->order, err));
    w->job.seed = qd_bits_reader_source(w->seed);
    return QD_OK;
}

static qd_status open_output(const arguments *a, work *w, qd_error *err) {
    if (a->t7) {
        QD_TRY(qd_bits_create(&w->t7, a->out_bits, err));
        w->job.y = (qd_bit_sink){.w = w->t7.w};
        return QD_OK;
    }
    QD_TRY(qd_bits_writer_open(&w->out, a->out, a->out_bits, a->order, 0600, err));
    w->job.y = qd_bits_writer_sink(w->out);
    return QD_OK;
}

static void remove_seed(const char *name) {
    char sidecar[4200];
    snprintf(sidecar, sizeof sidecar, "%s.json", name);
    (void)unlink(name);
    (void)unlink(sidecar);
}

/* The seed beside the key when it was drawn here: without it nobody can repeat or check the hash. Both or none. */
static qd_status commit(const arguments *a, work *w, qd_error *err) {
    if (w->out) QD_TRY(qd_bits_writer_settle(w->out, err));
    if (w->new_seed) QD_TRY(qd_bits_writer_commit(w->new_seed, err));
    const qd_t3_choice *e = &a->files.choice;
    qd_status st = a->t7 ? qd_t7_write(a->out, &w->t7, e->first, e->epochs, a->unix_epochs, err) : qd_bits_writer_commit(w->out, err);
    if (st != QD_OK && w->new_seed) remove_seed(w->seed_name);
    return st;
}

/* A key that somebody may hold already, or its seed, is never written over. */
static qd_status check_free(const arguments *a, qd_error *err) {
    static const char *const ends[] = {"", ".json", ".seed", ".seed.json"};
    char name[4200];
    for (size_t i = 0; i < (a->seed_file ? 2 : 4) && strncmp(a->out, "/dev/", 5) != 0; i++) {
        snprintf(name, sizeof name, "%s%s", a->out, ends[i]);
        QD_TRY(qd_cli_free_path(name, "hashing one string twice gives away more than the bound counts, so no key is written over", err));
    }
    return QD_OK;
}

/* Seconds of kernels and copies so far; a device's first kernels are also made, which is no part of a rate. */
static double device_seconds(const qd_device *dev) {
    qd_device_time t = qd_device_time_read(dev);
    return t.kernel_seconds + t.upload_seconds + t.download_seconds;
}

/* Told after each transform. */
static qd_status on_the_way(void *self, double done, qd_error *err) {
    work *w = self;
    qd_progress_at(w->progress, "hash", done * (double)w->job.x.n);
    return qd_stop_check(err);
}

static qd_status amplify(qd_cli *cli, arguments *a, qd_device **dev, work *w, qd_error *err) {
    QD_TRY(check_free(a, err));
    QD_TRY(open_input(a, w, err));
    QD_TRY(open_seed(cli, a, w, err));
    QD_TRY(open_output(a, w, err));
    QD_TRY(qd_cli_device(cli, dev, err));
    QD_TRY(qd_cli_progress(cli, &w->progress, err));
    warn_of_length(a, w->job.x.n);
    QD_TRY(warn_of_bias(&w->job.x, err));
    w->job.kind = a->hash;
    w->job.r = a->out_bits;
    w->job.progress = on_the_way;
    w->job.self = w;
    qd_progress_begin(w->progress, "amplify", (double)w->job.x.n, "bit");
    double start = *dev ? device_seconds(*dev) : qd_now();
    qd_status st = qd_toeplitz_stream(*dev, &w->job, &w->stats, err);
    qd_progress_end(w->progress);
    QD_TRY(st);
    w->seconds = (*dev ? device_seconds(*dev) : qd_now()) - start;
    QD_TRY(qd_stop_check(err));
    return commit(a, w, err);
}

static int report(const qd_cli *cli, const arguments *a, const qd_device *dev, const work *w) {
    const uint64_t n = w->job.x.n, seed_bits = w->job.seed.n;
    double rate = w->seconds > 0 ? (double)n / w->seconds / 1e6 : 0;
    FILE *text = qd_cli_text(cli);
    if (text) {
        fprintf(text, "%" PRIu64 " bits hashed to %" PRIu64 " by %s with %" PRIu64 " seed bits, %.1f Mbit/s on %s\n", n, a->out_bits, a->hash_name, seed_bits,
                rate, dev ? qd_device_about(dev)->name : "the reference");
        fprintf(text, "key: %s\nseed: %s%s\n", a->out, a->seed_file ? a->seed_file : w->seed_name,
                a->seed_file ? "" : cli->has_seed ? " (public; derived from --seed: a rehearsal)" : " (public)");
    }
    json_t *j = qd_cli_record(cli, dev);
    json_object_set_new(j, "rehearsal", json_boolean(cli->has_seed));
    json_object_set_new(j, "hash", json_string(a->hash_name));
    json_object_set_new(j, "in_bits", qd_json_from_u64(n));
    json_object_set_new(j, "out_bits", qd_json_from_u64(a->out_bits));
    json_object_set_new(j, "seed_bits", qd_json_from_u64(seed_bits));
    json_object_set_new(j, "seed_file", json_string(a->seed_file ? a->seed_file : w->seed_name));
    json_object_set_new(j, "mbit_per_s", json_real(rate));
    json_object_set_new(j, "transforms", json_pack("{s:o,s:o,s:o,s:o}", "bits", qd_json_from_u64(w->stats.transform_bits), "keys", qd_json_from_u64(w->stats.keys),
                                                   "windows", qd_json_from_u64(w->stats.windows), "back", qd_json_from_u64(w->stats.back)));
    return qd_cli_done(cli, j);
}

int qd_cmd_amplify(int argc, char **argv) {
    qd_cli cli = {0};
    qd_error err = {0};
    arguments a = {.hash_name = "modified-toeplitz", .order_name = "lsb"};
    const qd_opt opts[] = {
        {"in-bits", QD_OPT_U64, &a.in_bits, 1, (double)QD_AMPLIFY_MAX_BITS, "N", "length of IN (default: what IN.json says, else 8 times its size)", &a.has_in_bits},
        {"out-bits", QD_OPT_U64, &a.out_bits, 0, (double)QD_AMPLIFY_MAX_BITS, "R", "length of the key, as estimate gives it", &a.has_out_bits},
        {"seed-file", QD_OPT_TEXT, &a.seed_file, 0, 0, "FILE", "public seed, N-1 bits (toeplitz: N+R-1); default: drawn from the system, written to OUT.seed", NULL},
        {"hash", QD_OPT_TEXT, &a.hash_name, 0, 0, "modified-toeplitz|toeplitz", "family of hash functions (default modified-toeplitz)", NULL},
        {"bit-order", QD_OPT_TEXT, &a.order_name, 0, 0, "lsb|msb", "bit order in the bytes of all files (default lsb)", NULL},
        {"out", QD_OPT_TEXT, &a.out, 0, 0, "FILE", "the key to make; mode 0600", NULL},
        QD_KEY_FILES_OPTS(a.files),
        {"out-format", QD_OPT_TEXT, &a.out_format, 0, 0, "bits|t7", "what is written: a bit file (default), or qcrypto's T7 file, for which --epochs is needed unless T3 files are read", NULL},
        {"unix-epochs", QD_OPT_FLAG, &a.unix_epochs, 0, 0, NULL, "t7: the epochs are anchored to Unix time (tag 0x107)", NULL},
        {0}};
    size_t n_pos = 0;
    if (qd_cli_parse(&cli, opts, argc, argv, &a.in, 1, 1, &n_pos, &err) != QD_OK) return qd_cli_fail(&cli, &err);
    if (cli.help) return 0;
    (void)qd_stop_watch();
    if (check_arguments(&cli, &a, &err) != QD_OK) return qd_cli_fail(&cli, &err);
    work w = {0};
    qd_device *dev = NULL;
    int status = amplify(&cli, &a, &dev, &w, &err) == QD_OK ? report(&cli, &a, dev, &w) : qd_cli_fail(&cli, &err);
    work_close(&w);
    qd_device_close(dev);
    return status;
}
