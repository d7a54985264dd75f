/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a scenario: either a clear error, or a link whose tables can be made and whose first cell can be simulated. */
#include <stdint.h>
#include <stdlib.h>
#include "qdistill/link.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    qd_scenario s;
    qd_error err = {0};
    qd_status st = qd_scenario_load_text("fuzz", (const char *)data, size, &s, &err);
    if (st != QD_OK) {
        if (st != QD_E_INPUT || !err.what[0]) abort();
        return 0;
    }
    qd_link *link = NULL;
    if (qd_link_create(&s, 1, &link, &err) != QD_OK) abort(); /* the loader has checked everything */
    qd_tags a = {0}, b = {0};
    double clicks = s.pair_rate_hz;
    for (int k = 0; k < 2; k++)
        for (int d = 0; d < 4; d++) clicks += s.arm[k].dark_hz[d];
    if (clicks < 1e7 && qd_simulate(link, NULL, 0, 1, &a, &b, NULL, &err) != QD_OK) abort();
    qd_tags_destroy(&a);
    qd_tags_destroy(&b);
    qd_link_destroy(link);
    return 0;
}
