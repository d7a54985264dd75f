/* SPDX-License-Identifier: Apache-2.0 */
/* ChronoXea text: comment lines that begin with %, then a pair of columns for each channel: sync periods, ns since the last sync.
 * Row k holds the k-th tag of every channel, so rows are not in order of time: each channel is read through a file of its own,
 * and the channels are merged. */
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "timetag/number.h"
#include "timetag/reader.h"

enum { LINE = 4096, CHANNELS = 16, NANO = 3 };

typedef struct column {
    FILE *f;
    uint64_t line;
    int64_t channel;
    bool has;
    int64_t t;
} column;

typedef struct chronoxea {
    unsigned n;      /* channels with columns */
    char separator;  /* ' ': any blanks */
    bool stated;     /* the sync frequency is the file's own */
    uint64_t period; /* of the sync, ticks */
    column c[CHANNELS];
    char line[LINE];
} chronoxea;

/* ---- Header ------------------------------------------------------------------------------------------------------ */

static const char *find_word(const char *line, const char *word) {
    size_t n = strlen(word);
    for (; *line; line++)
        if (strncasecmp(line, word, n) == 0) return line;
    return NULL;
}

/* The first number that a unit of frequency follows. */
static bool frequency(const char *line, qd_tick *hz) {
    static const struct {
        const char *name;
        int power;
    } units[] = {{"Hz", 0}, {"kHz", 3}, {"MHz", 6}, {"GHz", 9}};
    for (const char *p = line; *p; p++) {
        if (!isdigit((unsigned char)*p) || (p > line && (isalnum((unsigned char)p[-1]) || p[-1] == '.'))) continue;
        char number[48];
        size_t n = strspn(p, "0123456789.");
        const char *unit = p + n + strspn(p + n, " \t([");
        for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
            size_t len = strlen(units[i].name);
            if (strncasecmp(unit, units[i].name, len) != 0 || isalpha((unsigned char)unit[len]) || n > 30) continue;
            (void)snprintf(number, sizeof number, "%.*se%d", (int)n, p, units[i].power);
            return qd_parse_fraction(number, hz);
        }
    }
    return false;
}

/* "Channel B ... tags ... 1234": the channel's number and how many tags it has. */
static bool channel_tags(const char *line, int64_t *channel, bool *any) {
    const char *p = find_word(line, "channel");
    if (!p || !find_word(line, "tags")) return false;
    p += strlen("channel");
    while (*p == ' ' || *p == '\t') p++;
    if (isdigit((unsigned char)*p)) {
        char *end;
        *channel = strtol(p, &end, 10);
        p = end;
    } else if (isalpha((unsigned char)*p) && !isalpha((unsigned char)p[1])) {
        *channel = toupper((unsigned char)*p) - 'A' + 1;
        p++;
    } else {
        return false;
    }
    if (*channel < 0 || *channel > INT32_MAX) return false;
    while (*p && !isdigit((unsigned char)*p)) p++;
    if (!*p) return false;
    *any = strtoull(p, NULL, 10) > 0;
    return true;
}

/* Comments, up to the first row, which stays in x->line. */
static qd_status read_header(qd_tag_reader *r, chronoxea *x, int64_t numbers[CHANNELS], unsigned *known, qd_error *err) {
    bool got;
    *known = 0;
    for (;;) {
        QD_TRY(qd_reader_line(r, x->line, LINE, &got, err));
        if (!got)
            return qd_reader_fail(r, err,
                                  "no row of numbers||the recording has no tags, or its copy failed|record or copy it again");
        if (x->line[0] == 0) continue;
        if (x->line[0] != '%') return QD_OK;
        int64_t channel;
        bool any;
        qd_tick hz;
        if (channel_tags(x->line, &channel, &any)) {
            if (any && *known == CHANNELS)
                return qd_reader_fail(r, err,
                                      "more than %d channels||the header is damaged, or of another device|export at most %d channels", CHANNELS, CHANNELS);
            if (any) numbers[(*known)++] = channel;
        } else if (!r->format.sync.num && find_word(x->line, "sync") && frequency(x->line, &hz)) {
            r->format.sync = hz;
            x->stated = true;
        }
    }
}

/* ---- Rows -------------------------------------------------------------------------------------------------------- */

/* Cut the next field off *p. NULL: none left. */
static char *next_field(char **p, char separator) {
    char *start = *p;
    if (!start) return NULL;
    if (separator == ' ') {
        start += strspn(start, " \t");
        if (!*start) return NULL;
    }
    char *end = separator == ' ' ? start + strcspn(start, " \t") : start + strcspn(start, (char[2]){separator, 0});
    *p = *end ? end + 1 : NULL;
    *end = 0;
    return start;
}

static unsigned filled_fields(char *line, char separator) {
    unsigned n = 0, last = 0;
    for (char *f; (f = next_field(&line, separator));) {
        n++;
        if (f[strspn(f, " \t")]) last = n;
    }
    return last;
}

static qd_status parse_tag(qd_tag_reader *r, const chronoxea *x, const char *tag, const char *time, int64_t *t, qd_error *err) {
    qd_decimal periods, ns;
    int64_t count, fine;
    if (!qd_parse_decimal(tag, &periods) || !qd_decimal_ticks(periods, 0, (qd_tick){1, 1}, &count) || count < 0 ||
        !qd_parse_decimal(time, &ns) || ns.digits < 0 || !qd_decimal_ticks(ns, NANO, r->tick, &fine))
        return qd_reader_fail(r, err, "'%.30s', '%.30s' are no sync count and time|a count is a whole number, a time ns, neither is below 0"
                              "|the line is damaged, or the columns are of another format|correct or remove the line", tag, time);
    if (x->stated && (uint64_t)fine > x->period)
        return qd_reader_fail(r, err,
                              "%.30s ns since the last sync, longer than the sync period that the header states"
                              "|the header's frequency is typed, not measured|it is wrong, and absolute times would be too"
                              "|give the true one: --sync-hz F",
                              time);
    __int128 v = (__int128)count * (__int128)x->period + fine;
    if (v >= qd_time_limit) return qd_reader_fail(r, err, "the time is beyond 2^61 ticks||the line is damaged|remove it");
    *t = (int64_t)v;
    return QD_OK;
}

/* The next tag of one channel, from its own place in the file. */
static qd_status advance(qd_tag_reader *r, chronoxea *x, unsigned k, qd_error *err) {
    column *c = &x->c[k];
    qd_status st = QD_OK;
    r->f = c->f;
    r->line = c->line;
    c->has = false;
    while (!c->has && st == QD_OK) {
        bool got;
        st = qd_reader_line(r, x->line, LINE, &got, err);
        if (st != QD_OK || !got) break;
        if (x->line[0] == '%' || x->line[0] == 0) continue;
        char *rest = x->line, *field, *tag = NULL, *time = NULL;
        unsigned n = 0;
        for (; (field = next_field(&rest, x->separator)); n++) {
            if (n >= 2 * x->n && field[strspn(field, " \t\r")])
                st = qd_reader_fail(r, err, "more columns than in the first row||the file is damaged|copy it again");
            if (n == 2 * k) tag = field;
            if (n == 2 * k + 1) time = field;
        }
        if (st == QD_OK && x->separator == ' ' && n < 2 * x->n)
            st = qd_reader_fail(r, err,
                                "fewer columns than in the first row, and only blanks between them||it cannot be told which "
                                "channel ended|export with tabs");
        bool blank_tag = !tag || !tag[strspn(tag, " \t")], blank_time = !time || !time[strspn(time, " \t")];
        if (st != QD_OK || (blank_tag && blank_time)) continue;
        if (blank_tag || blank_time)
            st = qd_reader_fail(r, err,
                                "half a pair of sync count and time||the line was cut off|remove it, or copy the file again");
        else
            st = parse_tag(r, x, tag, time, &c->t, err);
        c->has = st == QD_OK;
    }
    c->line = r->line;
    r->f = NULL;
    return st;
}

static qd_status set_period(qd_tag_reader *r, chronoxea *x, qd_error *err) {
    qd_tick hz = r->format.sync;
    if (!hz.num)
        return qd_reader_fail(r, err,
                              "the header states no sync frequency|without it there are no absolute times"
                              "|the header was removed, or says it in other words|give it: --sync-hz F (chronoxea:sync-hz=F)");
    bool given = r->format.tick.num != 0;
    r->tick = given ? r->format.tick : (qd_tick){1, 1};
    unsigned __int128 num = (unsigned __int128)1000000000000 * hz.den * r->tick.den,
                      den = (unsigned __int128)hz.num * r->tick.num;
    if (num % den || num / den == 0 || num / den >= (unsigned __int128)qd_time_limit)
        return qd_reader_fail(r, err,
                              "the sync period, 1/(%" PRIu64 "/%" PRIu64
                              " Hz), is no whole number of ticks"
                              "||the times would drift against the sync|give a tick that divides it: --tick-ps",
                              hz.num, hz.den);
    x->period = (uint64_t)(num / den);
    return QD_OK;
}

/* Only channels with tags have columns: without their names the second pair may be of the fourth channel, and its bits of another
 * detector. Whoever gives a map has looked. */
static qd_status unnamed(qd_tag_reader *r, const chronoxea *x, qd_error *err) {
    r->info.unnamed = x->n;
    if (r->format.any_channel || r->format.channels.n) return QD_OK;
    return qd_reader_fail(r, err,
                          "the header names no channels: it cannot be told whose the %u pairs of columns are"
                          "|only channels with tags have columns, and a line such as '%% Channel C: 1234 tags' names each"
                          "|the header was removed, or is one of another version"
                          "|number the pairs from 1 in their order, and say which is which: --channels V=1,-=2 "
                          "(chronoxea:channels=V=1,-=2)",
                          x->n);
}

static qd_status chronoxea_open(qd_tag_reader *r, qd_error *err) {
    int64_t numbers[CHANNELS];
    unsigned known = 0;
    chronoxea *x = r->state = calloc(1, sizeof *x);
    if (!x) return qd_fail(err, QD_E_INTERNAL, "no memory to read %s", r->path);
    QD_TRY(qd_reader_open_file(r, 0, 1, err));
    QD_TRY(read_header(r, x, numbers, &known, err));
    x->separator = strchr(x->line, '\t') ? '\t' : strchr(x->line, ';') ? ';' : strchr(x->line, ',') ? ',' : ' ';
    unsigned fields = filled_fields(x->line, x->separator);
    if (fields == 0 || fields % 2 || fields > 2 * CHANNELS || (known && known != fields / 2))
        return qd_reader_fail(r, err,
                              "%u columns of numbers, but %u channels with tags in the header|each channel with tags has two columns"
                              "|another format, a header that was edited, or a line that was cut off|name the format, or copy the file again",
                              fields, known);
    x->n = fields / 2;
    if (!known) QD_TRY(unnamed(r, x, err));
    QD_TRY(set_period(r, x, err));
    fclose(r->f);
    r->f = NULL;
    for (unsigned k = 0; k < x->n; k++) {
        x->c[k].channel = known ? numbers[k] : (int64_t)k + 1;
        QD_TRY(qd_file_open(r->path, false, &x->c[k].f, NULL, err));
        QD_TRY(advance(r, x, k, err));
    }
    return QD_OK;
}

static qd_status chronoxea_more(qd_tag_reader *r, qd_error *err) {
    chronoxea *x = r->state;
    for (int i = 0; i < QD_READ_BLOCK; i++) {
        column *first = NULL;
        for (unsigned k = 0; k < x->n; k++)
            if (x->c[k].has && (!first || x->c[k].t < first->t)) first = &x->c[k];
        if (!first) {
            r->ended = true;
            return QD_OK;
        }
        r->line = first->line;
        r->info.records++;
        QD_TRY(qd_reader_click(r, first->t, first->channel, err));
        QD_TRY(advance(r, x, (unsigned)(first - x->c), err));
    }
    return QD_OK;
}

static void chronoxea_close(qd_tag_reader *r) {
    chronoxea *x = r->state;
    for (unsigned k = 0; x && k < CHANNELS; k++)
        if (x->c[k].f) {
            if (r->f == x->c[k].f) r->f = NULL;
            fclose(x->c[k].f);
        }
    free(x);
}

const qd_decoder qd_decode_chronoxea = {chronoxea_open, chronoxea_more, chronoxea_close};
