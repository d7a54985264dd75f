/* SPDX-License-Identifier: Apache-2.0 */
/* PicoQuant's unified files: a header of tags of 48 bytes, then records of 32 bits; T2 and T3. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "timetag/number.h"
#include "timetag/reader.h"
#include "timetag/ticks.h"

enum { HEAD = 16, TAG = 48, NAME = 32, BYTES = 4, TAGS_MAX = 100000, FAULTS_MAX = 64, SPECIAL_CHANNEL = 15 };
#define RESOLUTION_MAX 1.0 /* seconds */

typedef enum layout { PICOHARP, COMMON } layout;

/* Each type of record: where its fields are and how its overflows count. */
typedef struct record_type {
    uint32_t code;
    layout layout;
    bool t3;
    bool counted; /* an overflow record carries a number of overflows */
    uint32_t period;
} record_type;

static const record_type types[] = {
    {0x00010203, PICOHARP, false, false, 210698240}, {0x00010303, PICOHARP, true, false, 65536},
    {0x00010204, COMMON, false, false, 33552000},    {0x00010304, COMMON, true, false, 1024},
    {0x01010204, COMMON, false, true, 33554432},     {0x01010304, COMMON, true, true, 1024},
    {0x00010205, COMMON, false, true, 33554432},     {0x00010305, COMMON, true, true, 1024},
    {0x00010206, COMMON, false, true, 33554432},     {0x00010306, COMMON, true, true, 1024},
    {0x00010207, COMMON, false, true, 33554432},     {0x00010307, COMMON, true, true, 1024},
};

typedef struct ptu {
    record_type type;
    uint64_t overflow;        /* sum so far, in counter units */
    uint64_t per_sync, per_d; /* T3: ticks of a sync period and of a dtime unit; T2: ticks of a time unit in per_sync */
    bool rounded;             /* T3 in a tick that does not divide both: exact rational below */
    qd_tick sync, dtime;      /* ps of a sync period (T2: of a time unit), and of a dtime unit */
} ptu;

/* What the header must say. */
typedef struct header {
    bool has_type, has_global, has_resolution;
    uint32_t type;
    double global, resolution; /* seconds */
    int64_t bits, claimed;
} header;

/* ---- Header ------------------------------------------------------------------------------------------------------ */

static double as_double(uint64_t v) {
    double d;
    memcpy(&d, &v, sizeof d);
    return d;
}

/* Length of the data that follow a tag, by its type; QD_E_INPUT for a type that the format does not know. */
static qd_status data_length(const qd_tag_reader *r, uint32_t type, uint64_t value, uint64_t *bytes, qd_error *err) {
    static const uint32_t in_place[] = {0xffff0008, 0x00000008, 0x10000008, 0x11000008, 0x12000008, 0x20000008, 0x21000008};
    *bytes = 0;
    for (size_t i = 0; i < sizeof in_place / sizeof *in_place; i++)
        if (type == in_place[i]) return QD_OK;
    if ((type & 0xffff) != 0xffff)
        return qd_reader_fail(r, err, "a header tag of unknown type 0x%08" PRIx32 "||the header is damaged|copy the file again",
                              type);
    *bytes = value;
    if (value > r->size || r->at + TAG > r->size - value)
        return qd_reader_fail(r, err,
                              "a header tag claims %" PRId64 " bytes of data|%s: the file has %" PRIu64
                              "|the file was truncated or damaged|copy the file again",
                              (int64_t)value, (int64_t)value < 0 ? "no length is below 0" : "they would lie beyond the end",
                              r->size);
    return QD_OK;
}

static bool named(const uint8_t *tag, const char *name) {
    return strncmp((const char *)tag, name, NAME) == 0;
}

static qd_status header_tag(qd_tag_reader *r, const uint8_t *tag, header *h, bool *last, qd_error *err) {
    enum { INTEGER = 0x10000008, REAL = 0x20000008 };
    uint32_t type = qd_le32(tag + 36);
    uint64_t value = qd_le64(tag + 40), skip;
    QD_TRY(data_length(r, type, value, &skip, err));
    *last = named(tag, "Header_End");
    if (named(tag, "TTResultFormat_TTTRRecType") && type == INTEGER) {
        h->has_type = true;
        h->type = (uint32_t)value;
        if (value > UINT32_MAX) h->type = 0;
    } else if (named(tag, "TTResultFormat_BitsPerRecord") && type == INTEGER) {
        h->bits = (int64_t)value;
    } else if (named(tag, "TTResult_NumberOfRecords") && type == INTEGER) {
        h->claimed = (int64_t)value;
    } else if (named(tag, "MeasDesc_GlobalResolution") && type == REAL) {
        h->has_global = true;
        h->global = as_double(value);
    } else if (named(tag, "MeasDesc_Resolution") && type == REAL) {
        h->has_resolution = true;
        h->resolution = as_double(value);
    }
    if (skip && fseeko(r->f, (off_t)skip, SEEK_CUR) != 0)
        return qd_reader_fail(r, err, "the data of a header tag cannot be skipped");
    r->at += TAG + skip;
    return QD_OK;
}

static qd_status read_header(qd_tag_reader *r, header *h, qd_error *err) {
    static const uint8_t magic[8] = {'P', 'Q', 'T', 'T', 'T', 'R', 0, 0};
    uint8_t tag[TAG];
    bool last = false;
    if (fread(tag, 1, HEAD, r->f) != HEAD || memcmp(tag, magic, 8) != 0)
        return qd_reader_fail(r, err,
                              "no PTU file: it does not begin with PQTTTR||another format, such as PicoQuant's older ones"
                              "|convert it with PicoQuant's software, or name its format");
    r->at = HEAD;
    for (int i = 0; !last; i++) {
        if (i == TAGS_MAX)
            return qd_reader_fail(r, err, "more than %d header tags||the header is damaged|copy the file again", TAGS_MAX);
        if (fread(tag, 1, TAG, r->f) != TAG)
            return qd_reader_fail(r, err, "the header ends without Header_End||the file was truncated|copy it again");
        QD_TRY(header_tag(r, tag, h, &last, err));
    }
    return QD_OK;
}

/* Seconds as the exact number of ps that was meant: a double holds 1e-12 only nearly. Fifteen digits are kept. A sync period is
 * measured, not chosen, and has all of them. */
enum { FINEST = 100 /* 2^61 ticks of 1/100 ps are six hours */, UNIT_BITS = 31, SYNC_NUM_BITS = 51, SYNC_DEN_BITS = 44 };

static bool resolution_ps(double seconds, bool measured, qd_tick *ps) {
    char text[40];
    qd_decimal d;
    if (!isfinite(seconds) || seconds <= 0 || seconds > RESOLUTION_MAX || seconds < 1e-18) return false;
    (void)snprintf(text, sizeof text, "%.14e", seconds);
    if (!qd_parse_decimal(text, &d)) return false;
    while (d.digits % 10 == 0) {
        d.digits /= 10;
        d.power++;
    }
    unsigned __int128 num = (unsigned __int128)d.digits, den = 1;
    for (int e = d.power + 12; e > 0; e--) num *= 10;
    for (int e = d.power + 12; e < 0; e++) den *= 10;
    return measured ? qd_fraction(num, den, SYNC_NUM_BITS, SYNC_DEN_BITS, ps) : qd_fraction(num, den, UNIT_BITS, UNIT_BITS, ps);
}

/* a / b when whole, else 0. */
static uint64_t multiple(qd_tick a, qd_tick b) {
    __int128 num = (__int128)a.num * (__int128)b.den, den = (__int128)a.den * (__int128)b.num;
    return num % den == 0 ? (uint64_t)(num / den) : 0;
}

static double in_ps(qd_tick t) {
    return (double)t.num / (double)t.den;
}

/* One tick for times made of sync periods and of dtime units. */
static qd_status common_tick(qd_tag_reader *r, ptu *p, qd_error *err) {
    if (!r->format.tick.num && (!qd_fraction_common(p->sync, p->dtime, &r->tick) || r->tick.num * FINEST < r->tick.den))
        return qd_reader_fail(r, err,
                              "no common tick of at least 1/%d ps: the sync period is %.15g ps, the fine time counts %.15g ps"
                              "|both would be whole only in a tick so fine that it does not reach to the end of a recording"
                              "|the sync is not locked to the clock of the fine time, and its period is a measured one"
                              "|name a tick, to which times are rounded: --tick-ps 1 (or ptu:tick-ps=1)",
                              (int)FINEST, in_ps(p->sync), in_ps(p->dtime));
    p->per_sync = multiple(p->sync, r->tick);
    p->per_d = multiple(p->dtime, r->tick);
    p->rounded = !p->per_sync || !p->per_d;
    /* the two remainders of ptu_time are added over a common denominator */
    __int128 b = (__int128)p->sync.den * (__int128)r->tick.num, g = (__int128)p->dtime.den * (__int128)r->tick.num;
    if (p->rounded && b > ((__int128)1 << 124) / g)
        return qd_reader_fail(
            r, err,
            "sync period, fine time and tick have no manageable common fraction|times could not be rounded exactly"
            "|the tick has many digits|give a rounder --tick-ps, such as 1");
    return QD_OK;
}

static qd_status set_ticks(qd_tag_reader *r, ptu *p, const header *h, qd_error *err) {
    if (!h->has_global || !resolution_ps(h->global, p->type.t3, &p->sync))
        return qd_reader_fail(r, err,
                              "the header has no usable MeasDesc_GlobalResolution%s||the header is damaged|copy the file again",
                              h->has_global ? ": it is not a time of at most 1 s" : "");
    if (p->type.t3) {
        if (!h->has_resolution || !resolution_ps(h->resolution, false, &p->dtime))
            return qd_reader_fail(
                r, err,
                "the header has no usable MeasDesc_Resolution, which T3 needs||the header is damaged|copy the file again");
        return common_tick(r, p, err);
    }
    r->tick = r->format.tick.num ? r->format.tick : p->sync;
    p->per_sync = multiple(p->sync, r->tick);
    p->rounded = !p->per_sync;
    return QD_OK;
}

static qd_status ptu_open(qd_tag_reader *r, qd_error *err) {
    header h = {.has_type = false};
    ptu *p = r->state = calloc(1, sizeof *p);
    if (!p) return qd_fail(err, QD_E_INTERNAL, "no memory to read %s", r->path);
    QD_TRY(qd_reader_open_file(r, HEAD, 1, err));
    QD_TRY(read_header(r, &h, err));
    for (size_t i = 0; h.has_type && i < sizeof types / sizeof *types; i++)
        if (types[i].code == h.type) p->type = types[i];
    if (!p->type.code)
        return qd_reader_fail(r, err,
                              "the record type 0x%08" PRIx32
                              " is not known||a newer device, or no T2 or T3 recording (histograms"
                              " have no single events)|record in T2 or T3 mode",
                              h.type);
    if (h.bits != 32)
        return qd_reader_fail(
            r, err, "records of %" PRId64 " bits; all known ones have 32||the header is damaged|copy the file again", h.bits);
    QD_TRY(set_ticks(r, p, &h, err));
    r->info.claimed = h.claimed;
    uint64_t rest = (r->size - r->at) % BYTES;
    if (rest && !r->stream)
        return qd_fail(err, QD_E_INPUT,
                       "%s: the record at byte %" PRIu64 " is cut off after %" PRIu64
                       " of 4 bytes||the file was truncated|copy it again",
                       r->path, r->size - rest, rest);
    return QD_OK;
}

static void ptu_close(qd_tag_reader *r) {
    free(r->state);
}

/* ---- Records ----------------------------------------------------------------------------------------------------- */

static qd_status no_time(const qd_tag_reader *r, qd_error *err) {
    const double tick = in_ps(r->tick);
    return qd_reader_fail(r, err,
                          "the time is beyond 2^61 ticks of %.9g ps|such ticks reach %.7g s"
                          "|the records are damaged, or the recording is longer|copy the file again, or name a coarser tick: --tick-ps",
                          tick, (double)qd_time_limit * tick * 1e-12);
}

static qd_status ptu_time(const qd_tag_reader *r, const ptu *p, uint64_t count, uint64_t dtime, int64_t *t, qd_error *err) {
    __int128 v;
    if (!p->rounded) {
        v = (__int128)count * (__int128)p->per_sync + (__int128)dtime * (__int128)p->per_d;
    } else {
        /* (count sync + dtime d) / tick, halves up; count is below 2^61, and common_tick has bounded the product b g. */
        __int128 dd = p->type.t3 ? (__int128)p->dtime.den : 1, dn = p->type.t3 ? (__int128)p->dtime.num : 0;
        __int128 sn = (__int128)p->sync.num, sd = (__int128)p->sync.den;
        __int128 num = (__int128)r->tick.num, den = (__int128)r->tick.den;
        /* whole ticks of the syncs first, so that products stay inside 127 bits */
        __int128 a = (__int128)count * sn, b = sd * num; /* syncs: a den / b ticks */
        __int128 q = a / b, m = a % b;
        __int128 s = m * den; /* below 2^106 */
        q = q * den + s / b;
        s %= b;                                                /* syncs: q + s / b */
        __int128 f = (__int128)dtime * dn * den, g = dd * num; /* dtime: f / g */
        q += f / g;
        f %= g;
        __int128 both = s * g + f * b, under = b * g; /* below 2^125; two fractions below 1 */
        q += both / under;
        both %= under;
        v = q + (both >= under - both);
    }
    if (v >= qd_time_limit) return no_time(r, err);
    *t = (int64_t)v;
    return QD_OK;
}

static qd_status wrong_type(qd_tag_reader *r, qd_error *err) {
    const qd_tag_info *i = &r->info;
    return qd_reader_fail(r, err,
                          "%" PRIu64 " of %" PRIu64 " records, the first of them 0x%08" PRIx32
                          ", are none of this type|more than half of them"
                          "|the file is damaged, or its record type is wrong|copy it again, or look into it: qdistill tags info",
                          i->faults, i->records, i->fault_word);
}

/* A record that the type does not know carries no time: it is passed over, unless there are so many that the type is wrong. */
static qd_status fault(qd_tag_reader *r, uint32_t w, qd_error *err) {
    qd_tag_info *i = &r->info;
    if (i->faults++ == 0) {
        i->fault_record = r->record;
        i->fault_word = w;
    }
    return !r->format.any_channel && i->faults >= FAULTS_MAX && i->faults > i->records / 2 ? wrong_type(r, err) : QD_OK;
}

static qd_status overflow(qd_tag_reader *r, ptu *p, uint64_t n, qd_error *err) {
    r->info.overflows++;
    r->info.overflow_sum += n;
    p->overflow += n * p->type.period;
    return p->overflow >= (uint64_t)qd_time_limit ? no_time(r, err) : QD_OK;
}

static qd_status photon(qd_tag_reader *r, const ptu *p, uint64_t count, uint64_t dtime, unsigned channel, qd_error *err) {
    int64_t t = 0;
    QD_TRY(ptu_time(r, p, p->overflow + count, dtime, &t, err));
    /* Channel 0 is the sync input: an event only when a map says so. */
    if (channel == 0 && !qd_channel_mask(&r->format.channels, 0)) {
        r->info.syncs++;
        return QD_OK;
    }
    return qd_reader_click(r, t, channel, err);
}

static qd_status picoharp_record(qd_tag_reader *r, ptu *p, uint32_t w, qd_error *err) {
    unsigned channel = w >> 28;
    uint32_t count = p->type.t3 ? w & 0xffff : w & 0xfffffff, dtime = p->type.t3 ? w >> 16 & 0xfff : 0;
    if (channel == SPECIAL_CHANNEL) {
        uint32_t marker = p->type.t3 ? dtime : w & 15;
        if (marker == 0) return overflow(r, p, 1, err);
        r->info.markers++;
        return QD_OK;
    }
    if (channel > 4 || (p->type.t3 && channel == 0)) return fault(r, w, err);
    return photon(r, p, count, dtime, channel, err);
}

static qd_status common_record(qd_tag_reader *r, ptu *p, uint32_t w, qd_error *err) {
    bool special = w >> 31;
    unsigned channel = w >> 25 & 63;
    uint32_t count = p->type.t3 ? w & 0x3ff : w & 0x1ffffff, dtime = p->type.t3 ? w >> 10 & 0x7fff : 0;
    if (!special) return photon(r, p, count, dtime, channel + 1, err);
    if (channel == 63) return overflow(r, p, p->type.counted && count ? count : 1, err);
    if (channel == 0 && !p->type.t3) return photon(r, p, count, 0, 0, err);
    if (channel < 1 || channel > 15) return fault(r, w, err);
    r->info.markers++;
    return QD_OK;
}

static qd_status ptu_more(qd_tag_reader *r, qd_error *err) {
    uint8_t block[QD_READ_BLOCK * BYTES];
    size_t got;
    ptu *p = r->state;
    QD_TRY(qd_reader_records(r, block, BYTES, QD_READ_BLOCK, &got, err));
    for (size_t i = 0; i < got; i++, r->record++, r->at += BYTES) {
        uint32_t w = qd_le32(block + i * BYTES);
        r->info.records++;
        QD_TRY(p->type.layout == PICOHARP ? picoharp_record(r, p, w, err) : common_record(r, p, w, err));
    }
    return r->ended && !r->format.any_channel && r->info.faults > r->info.records / 2 ? wrong_type(r, err) : QD_OK;
}

const qd_decoder qd_decode_ptu = {ptu_open, ptu_more, ptu_close};
