/* SPDX-License-Identifier: Apache-2.0 */
/* Angles of an option: whatever the text, either a clean error, or good angles whose settings lie in [0, 180). */
#include <stdlib.h>
#include <string.h>
#include "qdistill/core/analysers.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void need(int condition) {
    if (!condition) abort();
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size) {
    char *text = malloc(size + 1);
    need(text != NULL);
    memcpy(text, data, size);
    text[size] = 0;
    qd_analysers a;
    qd_error err = {0};
    qd_status st = qd_analysers_parse("fuzz", text, &a, &err);
    need(a.given == (st == QD_OK));
    if (st == QD_OK) {
        need(qd_analysers_good("again", a.deg, &err));
        for (int b = 0; b < 2; b++) need(qd_analyser_setting(&a, b) >= 0 && qd_analyser_setting(&a, b) < 180);
    } else {
        need((st == QD_E_USAGE || st == QD_E_INPUT) && err.what[0] && a.deg[0] == 0);
    }
    free(text);
    return 0;
}
