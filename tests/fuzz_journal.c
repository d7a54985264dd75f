/* SPDX-License-Identifier: Apache-2.0 */
/* A journal: whatever the text, either a clean error or steps that are objects, out of whole lines. */
#include <stdlib.h>
#include "qdistill/core/journal.h"
#include "qdistill/core/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(int condition) {
    if (!condition) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    json_t *head = json_pack("{s:i,s:{s:f}}", "schema", 1, "p", "x", 0.5), *steps;
    size_t whole;
    qd_error err;
    qd_status st = qd_journal_parse("fuzz", (const char *)data, size, head, &steps, &whole, &err);
    need(st == QD_OK ? steps != NULL : st == QD_E_INPUT && !steps && err.what[0]);
    if (st == QD_OK) {
        need(whole <= size && (whole == 0 || data[whole - 1] == '\n'));
        for (size_t i = 0; i < json_array_size(steps); i++) need(json_is_object(json_array_get(steps, i)));
    }
    json_decref(steps);
    json_decref(head);
    return 0;
}
