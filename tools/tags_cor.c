/* SPDX-License-Identifier: Apache-2.0 */
/* Key files hold raw bits without a header: all that can be told is their number and whether they look like a hash's output. */
#include "tags_cor.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { BLOCK = 1 << 16, VALUES = 256 };
static const double sds_max = 5;

qd_status cor_read(const char *path, cor_stats *s, qd_error *err) {
    FILE *f = NULL;
    uint8_t block[BLOCK];
    uint64_t count[VALUES] = {0}, size;
    *s = (cor_stats){.bytes = 0};
    QD_TRY(qd_file_open(path, false, &f, &size, err));
    setvbuf(f, NULL, _IONBF, 0); /* key bits must not stay behind in a stream buffer */
    for (size_t got; (got = fread(block, 1, BLOCK, f)) > 0; s->bytes += got)
        for (size_t i = 0; i < got; i++) count[block[i]]++;
    bool failed = ferror(f);
    int number = errno;
    fclose(f);
    qd_wipe(block, BLOCK);
    if (failed) return qd_fail(err, QD_E_INPUT, "%s: reading fails at byte %" PRIu64 "|%s", path, s->bytes, strerror(number));
    if (s->bytes == 0) return qd_fail(err, QD_E_INPUT, "%s is empty||no key was made, or its copy failed|copy it again", path);
    double mean = (double)s->bytes / VALUES;
    for (int v = 0; v < VALUES; v++) {
        s->ones += count[v] * (uint64_t)__builtin_popcount((unsigned)v);
        s->chi2 += ((double)count[v] - mean) * ((double)count[v] - mean) / mean;
    }
    double bits = 8 * (double)s->bytes;
    s->share = (double)s->ones / bits;
    s->sd = 0.5 / sqrt(bits);
    s->chi2_sd = (s->chi2 - (VALUES - 1)) / sqrt(2 * (VALUES - 1));
    /* Chi-square has this mean and deviation for fewer bytes too, but other tails. */
    bool even = s->bytes < 10 * VALUES || fabs(s->chi2_sd) < sds_max;
    s->hashed = fabs(s->share - 0.5) < sds_max * s->sd && even;
    return QD_OK;
}

void cor_print(FILE *to, const char *path, const cor_stats *s) {
    fprintf(to,
            "%s: key bits, %" PRIu64 " bits (%" PRIu64 " bytes, %" PRIu64 " keys of 32 bytes and %" PRIu64 " bytes left over)\n",
            path, 8 * s->bytes, s->bytes, s->bytes / 32, s->bytes % 32);
    fprintf(to, "ones: %" PRIu64 ", %.4f %% +- %.4f %%\n", s->ones, 100 * s->share, 100 * s->sd);
    fprintf(to, "byte values: chi-square %.1f, %+.1f standard deviations\n", s->chi2, s->chi2_sd);
}

void cor_warn(const char *path, const cor_stats *s) {
    if (!s->hashed)
        fprintf(
            stderr,
            "qdistill tags: warning: %s is not the output of a hash (50 %% ones, byte values alike): sifted or corrected bits, "
            "perhaps.\n  They are no key yet: qdistill amplify\n",
            path);
}

void cor_json(json_t *j, const char *path, const cor_stats *s) {
    json_object_set_new(j, "file", json_string(path));
    json_object_set_new(j, "format", json_string("cor"));
    json_object_set_new(j, "bits", qd_json_from_u64(8 * s->bytes));
    json_object_set_new(j, "ones", qd_json_from_u64(s->ones));
    json_object_set_new(j, "share", json_real(s->share));
    json_object_set_new(j, "share_sd", json_real(s->sd));
    json_object_set_new(j, "chi2", json_real(s->chi2));
    json_object_set_new(j, "chi2_sd", json_real(s->chi2_sd));
    json_object_set_new(j, "hashed", json_boolean(s->hashed));
}
