/* SPDX-License-Identifier: Apache-2.0 */
/* Names of the formats. Width and order are never guessed: a 54-bit file read as a 49-bit one looks perfectly well. */
#include <string.h>
#include "timetag/a1.h"

static const struct {
    const char *name;
    qd_tag_format format;
} formats[] = {
    {"a1-49", {49, false, QD_CARD_TIMESTAMP3}},
    {"a1-54", {54, false, QD_CARD_TIMESTAMP7}},
    {"a1-49-swapped", {49, true, QD_CARD_TIMESTAMP3}},
    {"a1-54-swapped", {54, true, QD_CARD_TIMESTAMP7}},
};
enum { FORMATS = sizeof formats / sizeof *formats };

qd_status qd_tag_format_parse(const char *name, qd_tag_format *format, qd_error *err) {
    for (size_t i = 0; i < FORMATS; i++)
        if (strcmp(name, formats[i].name) == 0) {
            *format = formats[i].format;
            return QD_OK;
        }
    return qd_fail(err, QD_E_USAGE, "'%s' is no format of time tags|||use one of a1-49, a1-54, a1-49-swapped, a1-54-swapped",
                   name);
}

const char *qd_tag_format_name(const qd_tag_format *format) {
    for (size_t i = 0; i < FORMATS; i++)
        if (formats[i].format.bits == format->bits && formats[i].format.swapped == format->swapped) return formats[i].name;
    return "unknown";
}

qd_tick qd_tag_format_tick(const qd_tag_format *format) {
    return format->bits == 54 ? (qd_tick){125, 32} : (qd_tick){125, 1};
}
