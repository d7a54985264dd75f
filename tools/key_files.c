/* SPDX-License-Identifier: Apache-2.0 */
#include "key_files.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* "0x1234abcd+5", "1234abcd": as files are called, never decimal. */
static qd_status parse_epochs(const char *text, qd_t3_choice *c, const char *verb, qd_error *err) {
    static const char digits[] = "0123456789abcdefABCDEF";
    const char *p = strncmp(text, "0x", 2) == 0 ? text + 2 : text;
    size_t n = strspn(p, digits);
    char *end;
    c->first = (uint32_t)strtoul(p, &end, 16);
    unsigned long count = *end == '+' && end[1] >= '0' && end[1] <= '9' ? strtoul(end + 1, &end, 10) : 1;
    if (n < 1 || n > 8 || (p == text && n != 8) || *end || count < 1 || count > 1 << 24)
        return qd_fail(
            err, QD_E_USAGE,
            "--epochs: '%s' is no range of epochs||like 0x1a2b+5 or 00001a2b+5: first epoch and how many|see qdistill %s --help",
            text, verb);
    c->epochs = (uint32_t)count;
    c->range = true;
    return QD_OK;
}

qd_status qd_key_files_check(qd_key_files *k, const char *verb, bool epochs_alone, qd_error *err) {
    qd_t3_choice *c = &k->choice;
    k->t3 = k->in_format && strcmp(k->in_format, "t3") == 0;
    if (k->in_format && !k->t3 && strcmp(k->in_format, "bits") != 0)
        return qd_fail(err, QD_E_USAGE, "--in-format: there is no format '%s'||the formats are: bits, t3|see qdistill %s --help",
                       k->in_format, verb);
    if (!k->t3 && (k->basis || c->t2 || c->t4 || (k->epochs && !epochs_alone)))
        return qd_fail(err, QD_E_USAGE,
                       "--epochs, --basis, --t2 and --t4 speak of T3 files|||give --in-format t3, or leave them out");
    if (k->epochs) QD_TRY(parse_epochs(k->epochs, c, verb, err));
    if (!k->basis && !c->t2 && !c->t4) return QD_OK;
    if (!k->basis || !c->t2 || !c->t4)
        return qd_fail(err, QD_E_USAGE,
                       "--basis, --t2 and --t4 belong together||the T2 files announce bases, the T4 files name the events|see "
                       "qdistill %s --help",
                       verb);
    c->one_basis = true;
    c->basis = strcmp(k->basis, "x") == 0 ? QD_X : QD_Z;
    if (c->basis == QD_Z && strcmp(k->basis, "z") != 0)
        return qd_fail(err, QD_E_USAGE, "--basis: '%s' is neither z nor x|||see qdistill %s --help", k->basis, verb);
    return QD_OK;
}

json_t *qd_key_files_json(const qd_t3_key *key) {
    char name[QD_EPOCH_NAME];
    qd_epoch_name(key->epoch[0], name);
    return json_pack("{s:s,s:o,s:o,s:b}", "first", name, "n",
                     qd_json_from_u64((uint64_t)(key->epoch[key->n - 1] - key->epoch[0]) + 1), "files", qd_json_from_u64(key->n),
                     "unix_epochs", key->anchored);
}
