/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of times and channels, with a line of names. */
#include <inttypes.h>
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
    return qd_reader_fail(r, err, "no column '%s'|the columns are: %.300s||name it: %s COLUMN", name, names, flag);
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
    for (int i = 0; (name = next_field(&rest, t->separator)); i++) {
        if (t->time < 0 && strcmp(name, time) == 0) t->time = i;
        if (t->channel < 0 && strcmp(name, channel) == 0) t->channel = i;
    }
    qd_status st = t->time < 0      ? no_column(r, time, names, "--csv-time", err)
                   : t->channel < 0 ? no_column(r, channel, names, "--csv-channel", err)
                                    : QD_OK;
    free(names);
    return st;
}

static qd_status csv_open(qd_tag_reader *r, qd_error *err) {
    table *t = r->state = calloc(1, sizeof *t);
    if (!t) return qd_fail(err, QD_E_INTERNAL, "no memory to read %s", r->path);
    if (r->format.unit < 0 && !r->format.tick.num)
        return qd_fail(err, QD_E_USAGE, "times in ticks need the length of a tick|||give --tick-ps P");
    QD_TRY(qd_reader_open_file(r, 0, 1, err));
    return read_names(r, t, err);
}

static qd_status parse_time(const qd_tag_reader *r, const char *text, int64_t *t, qd_error *err) {
    qd_decimal d;
    bool ticks = r->format.unit < 0, ok = qd_parse_decimal(text, &d);
    if (ok && ticks)
        for (; d.power < 0 && d.digits % 10 == 0; d.power++) d.digits /= 10;
    if (ok)
        ok = ticks ? d.power >= 0 && qd_decimal_ticks(d, 0, (qd_tick){1, 1}, t) : qd_decimal_ticks(d, r->format.unit, r->tick, t);
    if (ok) return QD_OK;
    return qd_reader_fail(r, err, "'%.40s' is no time|||correct the line; decimal points, no thousands separators%s", text,
                          ticks ? ", whole ticks" : "");
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
    QD_TRY(parse_time(r, time, &at, err));
    long number = strtol(channel, &end, 10);
    if (end == channel || *end || number > INT32_MAX || number < INT32_MIN)
        return qd_reader_fail(
            r, err, "'%.40s' is no channel number|||number the channels, and say which is which with --channels", channel);
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
    if (w->format.unit < 0 && !w->format.tick.num)
        return qd_fail(err, QD_E_USAGE, "times in ticks need the length of a tick|||give csv:unit=ticks:tick-ps=P");
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
