/* SPDX-License-Identifier: Apache-2.0 */
/* Names of the formats and their options. A format is never guessed from what a file looks like: a 54-bit file read as a 49-bit
 * one looks perfectly well. */
#include <stdlib.h>
#include <string.h>
#include "timetag/number.h"
#include "timetag/reader.h"

enum { UNIT_TICKS = -1 };

#define NAMES                                                                                                          \
    "a1-49, a1-54, a1-49-swapped, a1-54-swapped, a1-49-text, a1-54-text, t1, t2, t3, ptu, qutag, qutag-raw, swabian, " \
    "chronoxea, csv, auto"

static const struct {
    const char *name;
    qd_tag_format format;
} formats[] = {
    {"a1-49", {.bits = 49, .card = QD_CARD_TIMESTAMP3}},
    {"a1-54", {.bits = 54, .card = QD_CARD_TIMESTAMP7}},
    {"a1-49-swapped", {.bits = 49, .swapped = true, .card = QD_CARD_TIMESTAMP3}},
    {"a1-54-swapped", {.bits = 54, .swapped = true, .card = QD_CARD_TIMESTAMP7}},
    {"a1-49-text", {.bits = 49, .card = QD_CARD_TIMESTAMP3, .kind = QD_TAG_A1_TEXT}},
    {"a1-54-text", {.bits = 54, .card = QD_CARD_TIMESTAMP7, .kind = QD_TAG_A1_TEXT}},
    {"t1", {.bits = 49, .card = QD_CARD_TIMESTAMP3, .kind = QD_TAG_T1}},
    {"t2", {.kind = QD_TAG_T2, .protocol = 1}},
    {"t3", {.kind = QD_TAG_T3, .protocol = 1}},
    {"ptu", {.kind = QD_TAG_PTU}},
    {"qutag", {.kind = QD_TAG_QUTAG}},
    {"qutag-raw", {.kind = QD_TAG_QUTAG_RAW}},
    {"swabian", {.kind = QD_TAG_SWABIAN}},
    {"chronoxea", {.kind = QD_TAG_CHRONOXEA}},
    {"csv", {.kind = QD_TAG_CSV}},
    {"auto", {.kind = QD_TAG_AUTO}},
};
enum { FORMATS = sizeof formats / sizeof *formats };

static qd_status set_options(qd_tag_format *f, const char *options, qd_error *err) {
    char *copy = strdup(options), *save = NULL;
    if (!copy) return qd_fail(err, QD_E_INTERNAL, "no memory for the name of a format");
    qd_status st = QD_OK;
    for (char *o = strtok_r(copy, ":", &save); o && st == QD_OK; o = strtok_r(NULL, ":", &save)) {
        char *value = strchr(o, '=');
        if (value) *value++ = 0;
        st = value ? qd_tag_format_set(f, o, value, err)
                   : qd_fail(err, QD_E_USAGE,
                             "'%s' after the name of a format is no option||options are NAME=VALUE, each after a colon", o);
    }
    free(copy);
    return st;
}

qd_status qd_tag_format_parse(const char *name, qd_tag_format *format, qd_error *err) {
    size_t n = strcspn(name, ":");
    for (size_t i = 0; i < FORMATS; i++)
        if (strlen(formats[i].name) == n && strncmp(name, formats[i].name, n) == 0) {
            qd_tag_format f = formats[i].format;
            QD_TRY(set_options(&f, name + n, err));
            *format = f;
            return QD_OK;
        }
    if (strncmp(name, "cor", n) == 0 && n == 3)
        return qd_fail(err, QD_E_USAGE,
                       "a cor file holds key bits, not time tags|||look into it with `qdistill tags info FILE --format cor`");
    if (strncmp(name, "a1-text", n) == 0 && n == 7)
        return qd_fail(err, QD_E_USAGE,
                       "'a1-text' leaves the width of a time open||the same digits mean other times in 49 and in 54 bits"
                       "|use a1-49-text or a1-54-text");
    return qd_fail(err, QD_E_USAGE, "'%s' is no format of time tags|||use one of " NAMES, name);
}

const char *qd_tag_format_name(const qd_tag_format *format) {
    for (size_t i = 0; i < FORMATS; i++) {
        const qd_tag_format *f = &formats[i].format;
        bool a1 = f->kind == QD_TAG_A1 || f->kind == QD_TAG_A1_TEXT;
        if (f->kind == format->kind && (!a1 || (f->bits == format->bits && f->swapped == format->swapped)))
            return formats[i].name;
    }
    return "unknown";
}

qd_tick qd_tag_format_tick(const qd_tag_format *format) {
    switch (format->kind) {
        case QD_TAG_A1:
        case QD_TAG_A1_TEXT:
        case QD_TAG_T1:
            return format->bits == 54 ? (qd_tick){125, 32} : (qd_tick){125, 1};
        case QD_TAG_T2:
        case QD_TAG_T3:
            return (qd_tick){125, 1};
        case QD_TAG_PTU:
        case QD_TAG_CHRONOXEA:
        case QD_TAG_AUTO:
            return format->tick;
        default:
            return format->tick.num ? format->tick : (qd_tick){1, 1};
    }
}

/* ---- Options ----------------------------------------------------------------------------------------------------- */

static qd_status bad_value(const char *option, const char *value, const char *want, qd_error *err) {
    return qd_fail(err, QD_E_USAGE, "%s: '%s' is not %s|||see qdistill tags --help", option, value, want);
}

static int detector_of(const char *name, size_t n) {
    static const char letters[] = "V-H+";
    const char *at = n == 1 ? strchr(letters, *name) : NULL;
    return at && *at ? (int)(at - letters) : -1;
}

/* "V=1,-=2,H=3,+=4" */
static qd_status parse_channels(const char *value, qd_tag_channels *out, qd_error *err) {
    static const char want[] = "a map like V=1,-=2,H=3,+=4: detector, channel number, each number once, up to 32";
    qd_tag_channels c = {.n = 0};
    for (const char *p = value; *p;) {
        const char *eq = strchr(p, '=');
        int d = eq ? detector_of(p, (size_t)(eq - p)) : -1;
        char *end = NULL;
        long n = eq ? strtol(eq + 1, &end, 10) : 0;
        if (d < 0 || end == eq + 1 || (*end && *end != ',') || n < INT32_MIN || n > INT32_MAX || c.n == QD_TAG_CHANNELS)
            return bad_value("channels", value, want, err);
        for (unsigned i = 0; i < c.n; i++)
            if (c.number[i] == n) return bad_value("channels", value, want, err);
        c.number[c.n] = (int32_t)n;
        c.mask[c.n++] = (uint8_t)(1 << d);
        p = *end ? end + 1 : end;
    }
    if (c.n == 0) return bad_value("channels", value, want, err);
    *out = c;
    return QD_OK;
}

static qd_status parse_fraction(const char *option, const char *value, qd_tick *out, qd_error *err) {
    if (qd_parse_fraction(value, out)) return QD_OK;
    return bad_value(option, value, "a number above 0, decimal or a fraction like 125/32, of parts below 2^31", err);
}

static qd_status parse_number(const char *option, const char *value, unsigned long long min, unsigned long long max,
                              unsigned long long *out, qd_error *err) {
    char *end;
    unsigned long long v = strtoull(value, &end, strncmp(value, "0x", 2) == 0 ? 16 : 10);
    if (*value < '0' || *value > '9' || *end || v < min || v > max)
        return qd_fail(err, QD_E_USAGE, "%s: '%s' is not a number from %llu to %llu|||see qdistill tags --help", option, value,
                       min, max);
    *out = v;
    return QD_OK;
}

static qd_status parse_column(const char *option, const char *value, char out[QD_TAG_COLUMN], qd_error *err) {
    if (!*value || strlen(value) >= QD_TAG_COLUMN) return bad_value(option, value, "a column name of 1 to 47 characters", err);
    memcpy(out, value, strlen(value) + 1);
    return QD_OK;
}

static qd_status parse_unit(const char *value, qd_tag_format *f, qd_error *err) {
    static const struct {
        const char *name;
        int power;
    } units[] = {{"ps", 0}, {"ns", 3}, {"us", 6}, {"ms", 9}, {"s", 12}, {"ticks", UNIT_TICKS}};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (strcmp(value, units[i].name) == 0) {
            f->unit = units[i].power;
            return QD_OK;
        }
    return bad_value("unit", value, "one of ps, ns, us, ms, s, ticks", err);
}

static qd_status parse_start(const char *value, char out[QD_TAG_COLUMN], qd_error *err) {
    qd_decimal d;
    if (strlen(value) >= QD_TAG_COLUMN || !qd_parse_decimal(value, &d))
        return bad_value("start", value, "a decimal number of at most 47 characters, in the unit of the times", err);
    memcpy(out, value, strlen(value) + 1);
    return QD_OK;
}

static qd_status parse_card(const char *value, qd_card *card, qd_error *err) {
    bool three = strcmp(value, "timestamp3") == 0;
    if (!three && strcmp(value, "timestamp7") != 0)
        return qd_fail(err, QD_E_USAGE,
                       "--card: there is no card '%s'||the cards are: timestamp3, timestamp7|see qdistill tags --help", value);
    *card = three ? QD_CARD_TIMESTAMP3 : QD_CARD_TIMESTAMP7;
    return QD_OK;
}

/* Bit sets of kinds that take an option. */
#define K(kind) (1u << (kind))
enum {
    RAW = K(QD_TAG_A1) | K(QD_TAG_A1_TEXT) | K(QD_TAG_T1),
    EPOCHS = K(QD_TAG_T1) | K(QD_TAG_T2) | K(QD_TAG_T3),
    VENDOR = K(QD_TAG_PTU) | K(QD_TAG_QUTAG) | K(QD_TAG_QUTAG_RAW) | K(QD_TAG_SWABIAN) | K(QD_TAG_CHRONOXEA) | K(QD_TAG_CSV) |
             K(QD_TAG_AUTO),
    TICKED = K(QD_TAG_PTU) | K(QD_TAG_QUTAG) | K(QD_TAG_QUTAG_RAW) | K(QD_TAG_CSV) | K(QD_TAG_CHRONOXEA) | K(QD_TAG_AUTO)
};

typedef enum option {
    O_CHANNELS,
    O_TICK,
    O_CARD,
    O_TIME,
    O_CHANNEL,
    O_UNIT,
    O_START,
    O_SYNC,
    O_BITS,
    O_EPOCH0,
    O_UNIX,
    O_ORDER,
    O_PROTOCOL
} option;

static const struct {
    const char *name;
    option id;
    unsigned kinds;
} options[] = {
    {"channels", O_CHANNELS, VENDOR},
    {"tick-ps", O_TICK, TICKED},
    {"card", O_CARD, RAW},
    {"time", O_TIME, K(QD_TAG_CSV)},
    {"channel", O_CHANNEL, K(QD_TAG_CSV)},
    {"unit", O_UNIT, K(QD_TAG_CSV)},
    {"start", O_START, K(QD_TAG_CSV)},
    {"sync-hz", O_SYNC, K(QD_TAG_CHRONOXEA)},
    {"bits", O_BITS, K(QD_TAG_T1)},
    {"epoch0", O_EPOCH0, EPOCHS},
    {"unix", O_UNIX, EPOCHS},
    {"order", O_ORDER, K(QD_TAG_T2)},
    {"protocol", O_PROTOCOL, K(QD_TAG_T2) | K(QD_TAG_T3)},
};

static qd_status set(qd_tag_format *f, option id, const char *name, const char *value, qd_error *err) {
    unsigned long long v = 0;
    switch (id) {
        case O_CHANNELS:
            return parse_channels(value, &f->channels, err);
        case O_TICK:
            return parse_fraction(name, value, &f->tick, err);
        case O_CARD:
            return parse_card(value, &f->card, err);
        case O_TIME:
            return parse_column(name, value, f->time_column, err);
        case O_CHANNEL:
            return parse_column(name, value, f->channel_column, err);
        case O_UNIT:
            return parse_unit(value, f, err);
        case O_START:
            return parse_start(value, f->start, err);
        case O_SYNC:
            return parse_fraction(name, value, &f->sync, err);
        case O_BITS:
            QD_TRY(parse_number(name, value, 49, 54, &v, err));
            if (v != 49 && v != 54) return bad_value(name, value, "49 or 54", err);
            f->bits = (unsigned)v;
            f->card = v == 54 ? QD_CARD_TIMESTAMP7 : QD_CARD_TIMESTAMP3;
            return QD_OK;
        case O_EPOCH0:
            QD_TRY(parse_number(name, value, 0, UINT32_MAX, &v, err));
            f->epoch0 = (uint32_t)v;
            f->has_epoch0 = true;
            return QD_OK;
        case O_UNIX:
            f->unix_epochs = strcmp(value, "yes") == 0;
            return f->unix_epochs || strcmp(value, "no") == 0 ? QD_OK : bad_value(name, value, "yes or no", err);
        case O_ORDER:
            QD_TRY(parse_number(name, value, 4, 27, &v, err));
            f->order_bits = (unsigned)v;
            return QD_OK;
        case O_PROTOCOL:
            QD_TRY(parse_number(name, value, 0, 1, &v, err));
            f->protocol = (unsigned)v;
            return QD_OK;
    }
    return QD_OK;
}

bool qd_tag_format_takes(const qd_tag_format *format, const char *name) {
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        if (strcmp(name, options[i].name) == 0) return options[i].kinds & K(format->kind);
    return false;
}

qd_status qd_tag_format_set(qd_tag_format *format, const char *name, const char *value, qd_error *err) {
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        if (strcmp(name, options[i].name) == 0 && options[i].kinds & K(format->kind)) {
            qd_tag_format f = *format;
            QD_TRY(set(&f, options[i].id, name, value, err));
            *format = f;
            return QD_OK;
        }
    return qd_fail(err, QD_E_USAGE, "the format %s has no option '%s'|||see qdistill tags --help", qd_tag_format_name(format),
                   name);
}
