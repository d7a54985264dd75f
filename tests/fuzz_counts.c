/* SPDX-License-Identifier: Apache-2.0 */
/* Counts and records for the bound: whatever the text, either a clean error or counts that the bound takes. */
#include <stdlib.h>
#include <string.h>
#include "qdistill/security.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(int condition) {
    if (!condition) abort();
}

/* Counts that were read are counts that the bound accepts, and a key is never longer than its string. */
static void take(const qd_bbm92_input *in) {
    qd_bbm92_result r;
    qd_error err;
    need(qd_estimate_bbm92(in, &r, &err) == QD_OK);
    for (int b = 0; b < 2; b++) need(r.key_bits[b] <= in->n[b]);
    need((r.total == 0) == (r.abort_reason[0] != 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    json_t *j = NULL;
    qd_error err;
    if (qd_json_parse("fuzz", (const char *)data, size, &j, &err) != QD_OK) return 0;
    qd_bbm92_input in = {0};
    qd_status st = qd_bbm92_input_json(j, "fuzz", true, &in, &err);
    need(st == QD_OK || (st == QD_E_INPUT && err.what[0] && in.n[0] == 0));
    if (st == QD_OK) take(&in);
    in = (qd_bbm92_input){.eps_sec = 1e-10, .eps_cor = 1e-15};
    st = qd_bbm92_record_json(j, "fuzz", QD_X, &in, &err);
    need(st == QD_OK || st == QD_E_INPUT);
    if (st == QD_OK) take(&in);
    json_decref(j);
    return 0;
}
