/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as YAML, against a schema with every kind of value: loaded within the schema's limits, or refused with a reason. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "core_yaml_schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    qd_error err = {0};
    static const qd_yaml_limit limits[] = {{.key = "rate", -1, 10}, {.key = "*.small", 1, 9}, {0}};
    void *loaded;
    qd_yaml_places *places;
    qd_status st = qd_yaml_load_text_placed("input", (const char *)data, size, &schema, limits, &loaded, &places, &err);
    if (st != QD_OK) {
        if (st != QD_E_INPUT || loaded || places || !err.what[0] || strncmp(err.what, "cannot read", 11) == 0)
            abort(); /* our checks come first */
        return 0;
    }
    const everything *e = loaded;
    if (!(e->rate >= -1 && e->rate <= 10) || e->in.small > 9 || e->list_count > 3 || (e->name && (!e->name[0] || strlen(e->name) > 8))) abort();
    char at[QD_YAML_PLACE];
    if (strncmp(qd_yaml_place(places, "count", at), "input:", 6) != 0) abort(); /* a key that must be there */
    if (strncmp(qd_yaml_place(places, "in.ratio.x", at), "input", 5) != 0) abort();
    qd_yaml_free(&schema, loaded);
    qd_yaml_places_free(places);
    return 0;
}
