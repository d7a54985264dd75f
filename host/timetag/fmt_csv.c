/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of times and channels, with a line of names. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "timetag/number.h"
#include "timetag/reader.h"
#include "timetag/ticks.h"
#include "timetag/writer.h"

enum { LINE = 4096, FRACTION = 18 };

typedef struct table {
    char separator;
    int time, channel; /* columns, from 0 */
    qd_decimal start;
    char line[LINE];
} table;

static const char *time_name(const qd_tag_format *f) {
    return f->time_column[0] ? f->time_column : "time_ps";
}
static const char *channel_name(const qd_tag_format *f) {
    return f->channel_column[0] ? f->channel_column : "channel";
}

/* Cut the next field off *line: blanks and a pair of quotes around it are taken away. NULL: none left. */
static char *next_field(char **line, char separator) {
    char *p = *line, *start;
    if (!p) return NULL;
    while (*p == ' ' || (*p == '\t' && separator != '\t')) p++;
    bool quoted = *p == '"';
    start = quoted ? ++p : p;
    if (quoted) {
        while (*p && *p != '"') p++;
        if (*p) *p++ = 0;
        while (*p && *p != separator) p++;
    } else {
        while (*p && *p != separator) p++;
    }
    *line = *p ? p + 1 : NULL;
    *p = 0;
    if (!quoted)
        for (char *e = p; e > start && (e[-1] == ' ' || e[-1] == '\t'); *--e = 0) continue;
    return start;
}

static qd_status no_column(const qd_tag_reader *r, const char *name, const char *names, const char *flag, qd_error *err) {
    return qd_reader_fail(r, err,
                          "no column '%s'|the columns are: %.300s|it has another name, or the first line with text holds no names"
                          "|name it: %s COLUMN, or write a line of names above the table",
                          name, names, flag);
}

static qd_status two_columns(const qd_tag_reader *r, const char *name, const char *names, const char *flag, qd_error *err) {
    return qd_reader_fail(r, err,
                          "the name '%s' is that of two columns|the columns are: %.300s|two tables were joined, or a name was typed twice"
                          "|give one of them another name, and name the one that counts: %s COLUMN",
                          name, names, flag);
}

static qd_status read_names(qd_tag_reader *r, table *t, qd_error *err) {
    bool got;
    do {
        QD_TRY(qd_reader_line(r, t->line, LINE, &got, err));
    } while (got && (t->line[0] == '#' || t->line[0] == 0));
    char *p = t->line;
    if (strncmp(p, "\xef\xbb\xbf", 3) == 0) p += 3; /* some programs begin UTF-8 like this */
    char *names = strdup(p), *rest = p;
    if (!names) return qd_fail(err, QD_E_INTERNAL, "no memory to read %s", r->path);
    t->separator = strchr(p, '\t') ? '\t' : strchr(p, ';') ? ';' : ',';
    t->time = t->channel = -1;
    const char *time = time_name(&r->format), *channel = channel_name(&r->format), *name;
    int times = 0, channels = 0;
    for (int i = 0; (name = next_field(&rest, t->separator)); i++) {
        if (strcmp(name, time) == 0 && times++ == 0) t->time = i;
        if (strcmp(name, channel) == 0 && channels++ == 0) t->channel = i;
    }
    qd_status st = times > 1      ? two_columns(r, time, names, "--csv-time", err)
                   : channels > 1 ? two_columns(r, channel, names, "--csv-channel", err)
                   : t->time < 0      ? no_column(r, time, names, "--csv-time", err)
                   : t->channel < 0 ? no_column(r, channel, names, "--csv-channel", err)
                                    : QD_OK;
    free(names);
    return st;
}

static qd_status no_tick(qd_error *err) {
    return qd_fail(err, QD_E_USAGE,
                   "times in ticks need the length of a tick|the table does not state it|it was left out"
                   "|give --tick-ps P (csv:unit=ticks:tick-ps=P)");
}

/* Digits that no time is kept to. */
static void cut(const qd_tag_reader *r, qd_decimal *d) {
    if (r->format.unit < 0)
        qd_decimal_trim(d);
    else
        qd_decimal_floor(d, -18 - r->format.unit);
}

static qd_status set_start(const qd_tag_reader *r, table *t, qd_error *err) {
    if (!r->format.start[0]) return QD_OK;
    (void)qd_parse_decimal(r->format.start, &t->start); /* the option took nothing else */
    cut(r, &t->start);
    if (r->format.unit >= 0 || t->start.power >= 0) return QD_OK;
    return qd_fail(err, QD_E_USAGE,
                   "--csv-start %s is no whole number of ticks|the unit of the times is ticks|the start is in another unit"
                   "|give it in ticks, or name the unit of the times: --csv-unit ps, ns, us, ms or s",
                   r->format.start);
}

static qd_status csv_open(qd_tag_reader *r, qd_error *err) {
    table *t = r->state = calloc(1, sizeof *t);
    if (!t) return qd_fail(err, QD_E_INTERNAL, "no memory to read %s", r->path);
    if (r->format.unit < 0 && !r->format.tick.num) return no_tick(err);
    QD_TRY(set_start(r, t, err));
    QD_TRY(qd_reader_open_file(r, 0, 1, err));
    return read_names(r, t, err);
}

/* ---- Rows -------------------------------------------------------------------------------------------------------- */

static const char *unit_name(int unit) {
    static const char *const names[] = {"ps", "ns", "us", "ms", "s"};
    return unit < 0 ? "ticks" : names[unit / 3];
}

static double real(qd_decimal d) {
    return (double)d.digits * pow(10, d.power);
}

/* A number beyond the ticks is no fault of its line: times since 1970 do not fit picoseconds. What fits, if anything sensible does. */
static qd_status too_large(const qd_tag_reader *r, const char *text, qd_decimal d, qd_error *err) {
    const int unit = r->format.unit;
    const bool first = r->record == 0, started = r->format.start[0] != 0;
    char ways[2][160] = {"", ""};
    double v = real(d), tick = (double)r->tick.num / (double)r->tick.den, needs = 1;
    if (unit >= 0)
        while (needs <= 1e9 && fabs(v) * pow(10, unit) / needs >= (double)qd_time_limit) needs *= 10;
    if (first && !started && unit >= 0 && fabs(v) * pow(10, unit - 12) < 1e15) {
        char start[32];
        (void)snprintf(start, sizeof start, "%.0f%.*s", floor(v * pow(10, unit - 12)), 12 - unit, "000000000000"); /* a whole second */
        (void)snprintf(ways[0], sizeof ways[0], "count from a start, the same at both stations: --csv-start %s (csv:start=%s)", start, start);
    }
    if (unit >= 0 && needs <= 1e9)
        (void)snprintf(ways[1], sizeof ways[1], "%stake a coarser tick: --tick-ps %.0f (csv:tick-ps=%.0f)", *ways[0] ? ", or " : "", needs, needs);
    return qd_reader_fail(r, err,
                          "the time '%.40s' %s%s is beyond 2^61 ticks of %.9g ps|such ticks reach %.7g s to either side of 0|%s|%s%s%s", text,
                          unit_name(unit), started ? ", from the start on," : "", tick, (double)qd_time_limit * tick * 1e-12,
                          !first    ? "the line is damaged, or the recording is longer than that"
                          : started ? "another start, or another unit"
                                    : "times since 1970, or in another unit",
                          ways[0], ways[1],
                          *ways[0] || *ways[1] ? "" : "correct or remove the line, or name the unit: --csv-unit");
}

static qd_status parse_time(const qd_tag_reader *r, const table *t, const char *text, int64_t *at, qd_error *err) {
    qd_decimal d;
    const bool ticks = r->format.unit < 0;
    if (!qd_parse_decimal(text, &d))
        return qd_reader_fail(r, err,
                              "'%.40s' is no time|a time is a decimal number: digits, at most one point, an exponent"
                              "|a comma for the point, thousands separators, a date, or a damaged line|correct or remove the line",
                              text);
    cut(r, &d);
    if (ticks && d.power < 0)
        return qd_reader_fail(r, err,
                              "'%.40s' is no time in whole ticks|the unit of the times is ticks|they are in another unit"
                              "|name it: --csv-unit ps, ns, us, ms or s",
                              text);
    if (r->format.start[0] && !qd_decimal_minus(d, t->start, &d))
        return qd_reader_fail(r, err,
                              "the time '%.40s' cannot be counted from the start %s|between the digits of both there are more than 36"
                              "|one of them is damaged, or in another unit|correct it; both are in the unit of the times",
                              text, r->format.start);
    bool fits = ticks ? qd_decimal_ticks(d, 0, (qd_tick){1, 1}, at) : qd_decimal_ticks(d, r->format.unit, r->tick, at);
    return fits && *at < qd_time_limit && *at > -qd_time_limit ? QD_OK : too_large(r, text, d, err);
}

/* A whole number, however it is written. */
static bool whole(const char *text, int64_t *out) {
    qd_decimal d;
    if (!qd_parse_decimal(text, &d)) return false;
    qd_decimal_trim(&d);
    return d.power >= 0 && qd_decimal_ticks(d, 0, (qd_tick){1, 1}, out);
}

static qd_status row(qd_tag_reader *r, table *t, qd_error *err) {
    char *rest = t->line, *field, *time = NULL, *channel = NULL, *end;
    for (int i = 0; (field = next_field(&rest, t->separator)); i++) {
        if (i == t->time) time = field;
        if (i == t->channel) channel = field;
    }
    if (!time || !channel)
        return qd_reader_fail(
            r, err, "too few columns||the line was cut off, or the file was truncated|remove the line, or copy the file again");
    int64_t at;
    QD_TRY(parse_time(r, t, time, &at, err));
    int64_t number = strtol(channel, &end, 10);
    bool is = (end != channel && !*end) || whole(channel, &number); /* some programs write every number like 1.000e+00 */
    if (!is || number > INT32_MAX || number < INT32_MIN)
        return qd_reader_fail(r, err,
                              "'%.40s' is no channel number|channels are whole numbers, at most 2^31 - 1 in magnitude"
                              "|detectors by name, or another column|number the channels, and say which is which with --channels",
                              channel);
    r->info.records++;
    r->record++;
    return qd_reader_click(r, at, number, err);
}

static qd_status csv_more(qd_tag_reader *r, qd_error *err) {
    table *t = r->state;
    for (int i = 0; i < QD_READ_BLOCK; i++) {
        bool got;
        QD_TRY(qd_reader_line(r, t->line, LINE, &got, err));
        if (!got) {
            r->ended = true;
            return QD_OK;
        }
        if (t->line[0] && t->line[0] != '#') QD_TRY(row(r, t, err));
    }
    return QD_OK;
}

static void csv_close(qd_tag_reader *r) {
    if (r->state) qd_wipe(((table *)r->state)->line, LINE);
    free(r->state);
}

const qd_decoder qd_decode_csv = {csv_open, csv_more, csv_close};

/* ---- Writing ----------------------------------------------------------------------------------------------------- */

static qd_status csv_create(qd_tag_writer *w, qd_error *err) {
    if (w->format.start[0])
        return qd_fail(err, QD_E_USAGE, "a start is taken off times that are read, not put on those that are written"
                       "|csv:start=T is an option of reading|it was given with the format to write"
                       "|leave it out there, or give it with the format that is read");
    if (w->format.unit < 0 && !w->format.tick.num) return no_tick(err);
    QD_TRY(qd_writer_file_open(w, err));
    (void)fprintf(w->out.f, "%s,%s\n", time_name(&w->format), channel_name(&w->format)); /* commit reports failures */
    return QD_OK;
}

/* t ticks in units of 10^power ps, exact where the decimals end within 18 places of a ps, else cut there. */
static void time_text(int64_t t, qd_tick tick, int power, char out[80]) {
    char digits[64];
    unsigned __int128 ps = (unsigned __int128)t * tick.num / tick.den, rest = (unsigned __int128)t * tick.num % tick.den;
    int n = 0, k = 0;
    for (; ps || n <= power; ps /= 10) digits[n++] = (char)('0' + (int)(ps % 10)); /* last digit first */
    while (n > 0) {
        if (n == power) out[k++] = '.';
        out[k++] = digits[--n];
    }
    if (rest && power == 0) out[k++] = '.';
    for (int i = 0; rest && i < FRACTION; i++) {
        rest *= 10;
        out[k++] = (char)('0' + (int)(rest / tick.den));
        rest %= tick.den;
    }
    out[k] = 0;
    if (strchr(out, '.')) {
        while (out[k - 1] == '0') out[--k] = 0;
        if (out[k - 1] == '.') out[--k] = 0;
    }
}

static qd_status csv_write(qd_tag_writer *w, const qd_tags *tags, qd_error *err) {
    const qd_tag_format *f = &w->format;
    for (uint64_t i = 0; i < tags->n; i++) {
        char text[80];
        int64_t t = f->tick.num ? qd_ticks_floor(tags->t[i], tags->tick, f->tick) : tags->t[i];
        qd_tick tick = f->unit < 0 ? (qd_tick){1, 1} : f->tick.num ? f->tick : tags->tick;
        time_text(t, tick, f->unit < 0 ? 0 : f->unit, text);
        for (int d = 0; d < 4; d++) {
            if (!(tags->mask[i] >> d & 1)) continue;
            if (fprintf(w->out.f, "%s,%" PRId32 "\n", text, qd_channel_number(&f->channels, d)) < 0)
                return qd_out_settle(&w->out, err);
            w->info.records++;
        }
    }
    return QD_OK;
}

const qd_encoder qd_encode_csv = {csv_create, csv_write, qd_writer_file_commit, qd_writer_file_abandon};
