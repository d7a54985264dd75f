/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as JSON: parsed or refused with a reason; what was parsed can be written and read again. */
#include <stdlib.h>
#include <string.h>
#include "qdistill/core/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const keys[] = {"bits", "n", NULL};
    qd_error err = {0};
    json_t *j, *again;
    qd_status st = qd_json_parse("input", (const char *)data, size, &j, &err);
    if (st != QD_OK) {
        if (st != QD_E_INPUT || j || !err.what[0]) abort();
        return 0;
    }
    uint64_t u;
    double r;
    (void)qd_json_u64(j, "input", "bits", 1000, &u, &err);
    (void)qd_json_real(j, "input", "n", 0, 1, &r, &err);
    (void)qd_json_only(j, "input", keys, &err);
    char *text = json_dumps(j, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
    if (!text || qd_json_parse("again", text, strlen(text), &again, &err) != QD_OK || !json_equal(j, again)) abort();
    free(text);
    json_decref(j);
    json_decref(again);
    return 0;
}
