/* SPDX-License-Identifier: Apache-2.0 */
/** @file timetag.h  Time-tag files, what a station does to its events before it speaks, clock recovery, coincidences.
 *
 *  Times are integers: ticks of a rational number of picoseconds (qd_tick). Whatever decides, decides in integers. */
#ifndef QDISTILL_TIMETAG_H
#define QDISTILL_TIMETAG_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "qdistill/compute.h"
#include "qdistill/core.h"
#include "qdistill/core/json.h"
#include "qdistill/timetag/follow.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Files ------------------------------------------------------------------------------------------------------- */

/** The card that wrote a file decides what the low bits of a record mean, whatever the width of its time. */
typedef enum qd_card {
    QD_CARD_TIMESTAMP3 = 3, /**< bits 4..12 phase or slip marks: ignored; 13, 14 zero */
    QD_CARD_TIMESTAMP7 = 7  /**< bit 4 rollover dummy, bit 5 self-test event; the rest is ignored */
} qd_card;

/** What wrote a file, or what reads it. */
typedef enum qd_tag_kind {
    QD_TAG_A1 = 0,    /**< raw events of qcrypto: 8 bytes an event, time in the upper bits, detector mask in bits 0..3 */
    QD_TAG_A1_TEXT,   /**< the same values as 16 hexadecimal digits a line */
    QD_TAG_T1,        /**< epoch files of raw events: a directory of them, or one */
    QD_TAG_T2,        /**< epoch files of times with bases or masks: a directory of them, or one */
    QD_TAG_PTU,       /**< PicoQuant T2 and T3; read only */
    QD_TAG_QUTAG,     /**< quTAG with its header of 40 bytes; read only */
    QD_TAG_QUTAG_RAW, /**< the same without a header */
    QD_TAG_SWABIAN,   /**< Swabian's dump, 16 bytes a record */
    QD_TAG_CHRONOXEA, /**< ChronoXea text; read only */
    QD_TAG_CSV,       /**< a table with a line of names */
    QD_TAG_AUTO,      /**< PTU or quTAG by their first bytes; read only */
    QD_TAG_T3         /**< epoch files of the bits of the events that T2 files announce; write only, key material */
} qd_tag_kind;

enum { QD_TAG_CHANNELS = 32, QD_TAG_COLUMN = 48, QD_TAG_GAPS = 16 };

/** Which channel number is which detector; n = 0: the channels 1, 2, 3, 4 are V, -, H, +. A channel outside a map is dropped and
 *  counted; without a map a channel but these four is an error. */
typedef struct qd_tag_channels {
    unsigned n;
    int32_t number[QD_TAG_CHANNELS];
    uint8_t mask[QD_TAG_CHANNELS];
} qd_tag_channels;

/** A format with its options; zero fields are the defaults. */
typedef struct qd_tag_format {
    unsigned bits; /**< a1, t1: 49: unit 125 ps; 54: unit 125/32 ps */
    bool swapped;  /**< a1: the other word order than the native one. Native: 49: high word first; 54: low word first */
    qd_card card;
    qd_tag_kind kind;
    qd_tag_channels channels;
    qd_tick tick;                                          /**< length of a tick where the file does not say; {0, 0}: the default */
    char time_column[QD_TAG_COLUMN];                       /**< csv; "": time_ps */
    char channel_column[QD_TAG_COLUMN];                    /**< csv; "": channel */
    char start[QD_TAG_COLUMN];                             /**< csv: a decimal in the time's unit, taken off every time; "": 0 */
    int unit;                                              /**< csv: power of ten of the time's unit, in ps; -1: ticks */
    qd_tick sync;                                          /**< chronoxea: sync frequency in Hz, as a fraction; {0, 0}: the file's */
    unsigned order_bits;                                   /**< t2, writing: width o of a time difference; 0: 17 */
    unsigned protocol;                                     /**< t2, t3, writing: 0: masks, 1: bases, values */
    bool has_epoch0, unix_epochs;
    uint32_t epoch0;  /**< t1, t2: the epoch at time 0 */
    bool any_channel; /**< a channel without detector is dropped and counted also where there is no map: to look into a file */
} qd_tag_format;

/** A name with options: "NAME" or "NAME:OPTION=VALUE:OPTION=VALUE...". Names: a1-49, a1-54, a1-49-swapped, a1-54-swapped,
 *  a1-49-text, a1-54-text, t1, t2, t3, ptu, qutag, qutag-raw, swabian, chronoxea, csv, auto. The card of an a1 format is the usual one
 *  of that width (49: timestamp3, 54: timestamp7). Options: see qd_tag_format_set.
 *  QD_E_USAGE: another name (the error lists these) or option; *format unchanged. */
qd_status qd_tag_format_parse(const char *name, qd_tag_format *format, qd_error *err);
/** Set one option of a format:
 *  channels  "V=1,-=2,H=3,+=4": several channels may be one detector     card     timestamp3, timestamp7 (a1, t1)
 *  tick-ps   a decimal number or a fraction like 125/32                    time, channel   names of columns (csv)
 *  unit      ps, ns, us, ms, s or ticks (csv)                              sync-hz  (chronoxea)
 *  start     a decimal in that unit, taken off every time (csv, reading): the same at both stations, or their clocks differ by it
 *  bits      49 or 54 (t1)           epoch0   0x... or decimal (t1, t2)    unix     yes or no: epochs are anchored (t1, t2, t3, writing)
 *  order     4..27 (t2, writing)     protocol 0 or 1 (t2, t3, writing)
 *  QD_E_USAGE: not an option of this format, or no such value; *format unchanged. */
qd_status qd_tag_format_set(qd_tag_format *format, const char *option, const char *value, qd_error *err);
/** True when the format has such an option. */
bool qd_tag_format_takes(const qd_tag_format *format, const char *option);
/** The name back, without options. Static storage. */
const char *qd_tag_format_name(const qd_tag_format *format);
/** Length of a tick of @p format; {0, 0} where only the file says (ptu, chronoxea, auto). */
qd_tick qd_tag_format_tick(const qd_tag_format *format);
/** True when there is a writer. */
bool qd_tag_format_writable(const qd_tag_format *format);

/** What a reader has seen so far; final when it said *end. */
typedef struct qd_tag_info {
    uint64_t records;         /**< records in the file so far: the sum of the next eleven */
    uint64_t events;          /**< delivered or waiting to be delivered */
    uint64_t padding;         /**< all-zero records */
    uint64_t dummies;         /**< rollover dummies */
    uint64_t selftests;       /**< self-test events (never key) */
    uint64_t empty;           /**< records without any detector */
    uint64_t overflows;       /**< records that only carry the counter on (ptu) */
    uint64_t syncs;           /**< events of the sync input that is no channel of the map (ptu) */
    uint64_t markers;         /**< marker events (ptu) */
    uint64_t unmapped;        /**< events on channels outside the map */
    uint64_t lost;            /**< records that say that tags were lost (swabian) */
    uint64_t faults;          /**< records of no kind that the type knows, passed over (ptu) */
    uint64_t wraps;           /**< times that the counter began anew */
    uint64_t backward;        /**< events before their predecessor in the file, put back in order */
    int64_t largest_backward; /**< the largest such step, ticks */
    uint64_t jumps;           /**< such steps of a millisecond or more: no disorder of neighbours */
    uint64_t jump_event;      /**< the event after the first of them, counted from 0 in the order of the file */
    uint64_t gaps;            /**< times of 0.1 s or more without an event, in time order */
    int64_t gap[QD_TAG_GAPS];    /**< the longest of them, ticks, longest first, */
    int64_t gap_at[QD_TAG_GAPS]; /**< and the time of the event before each */
    uint64_t equal_times;     /**< events at exactly the time of the one before, in time order */
    uint64_t duplicates;      /**< of these, those with the same mask */
    uint64_t stray;           /**< timestamp3: events with bit 13 or 14 set; timestamp7: dummies that name a detector: signs of another format */
    unsigned fits;            /**< a1: formats with which the first records are in order, where with this one they cannot be, */
    const char *fit[2];       /**< and their names (static) */
    uint64_t fault_record;    /**< the first of the faults, counted from 0, */
    uint32_t fault_word;      /**< and what it is */
    int64_t claimed;          /**< records that the header claims (ptu); the size of the file is what counts */
    uint64_t overflow_sum;    /**< overflows that those records carry */
    uint64_t epochs;          /**< epoch files */
    uint64_t epoch_gaps;      /**< places in the stream where epochs are missing */
    uint64_t epochs_missing;  /**< epochs missing there */
    uint32_t epoch_first, epoch_last, epoch_gap; /**< of the files; the first epoch missing */
    uint64_t outside;         /**< t1, t2: events that lie in the epoch beside that of their file, at their own time, */
    uint32_t epoch_outside;   /**< and the first such file's epoch */
    uint32_t epoch0;          /**< the epoch at time 0 */
    bool unix_epochs;         /**< the files say that their epochs are anchored to Unix time */
    bool bases_only;          /**< no outcomes: the masks 5 and 10 stand for the bases z and x (t2 of protocol 1) */
    uint64_t mask[16];        /**< events by detector mask */
    unsigned unnamed;         /**< pairs of columns whose channels the header does not name: numbered from 1 in their order (chronoxea) */
    unsigned channels;        /**< channel numbers seen, of which the first QD_TAG_CHANNELS are listed; more: there are others */
    int32_t channel[QD_TAG_CHANNELS];
    uint64_t clicks[QD_TAG_CHANNELS]; /**< events of that channel, mapped or not */
    int64_t seen_first, seen_last;    /**< earliest and latest time of any channel */
    int64_t first, last;      /**< times of the first and last event in time order; 0 without events */
} qd_tag_info;

/** Number of events, at least, among which a reader restores order. */
enum { QD_TAG_REORDER = 4096 };

/** How many of the listed gaps, the longest first, no steady rate explains: a Poisson process of the rate between them has one as long in
 *  fewer than 1e-9 of such recordings. The device was reset, the light was off, or the recording paused. */
unsigned qd_tag_gaps(const qd_tag_info *info);

typedef struct qd_tag_reader qd_tag_reader;

/** Open a file of events (t1, t2: or a directory of epoch files) for streaming; memory does not depend on its size, but for four
 * bytes an epoch file. The caller closes *reader.
 *  QD_E_INPUT: missing, unreadable, a directory, pipe or device, empty, no whole number of records, or not of this format (names
 * the byte or line); a1: the first records are in order only with the halves of each exchanged (names the formats). */
qd_status qd_tag_reader_open(const char *path, qd_tag_format format, qd_tag_reader **reader, qd_error *err);

/** Append the next events, at most @p max_events (at least 1), in time order, to @p append_to (its tick is set; its earlier
 * events stay). Padding, dummies, self-tests and records without detector are dropped and counted. A step back by more than half
 * the counter's range is a wrap: times go on (int64, beyond the range). Small steps back are put in order among QD_TAG_REORDER
 * events.
 *  @param end true when nothing follows; may come together with the last events or with none
 *  @return QD_E_INPUT: read error, file became shorter, or an event out of order beyond repair (names record and byte); t1, t2: an event
 *  more than one epoch from that of its file's header;
 *  the events appended so far stay. */
qd_status qd_tag_reader_read(qd_tag_reader *reader, uint64_t max_events, qd_tags *append_to, bool *end, qd_error *err);
/** Borrowed, valid until close. */
const qd_tag_info *qd_tag_reader_info(const qd_tag_reader *reader);
/** Format as opened: QD_TAG_AUTO is resolved, options that the file states are filled in. Borrowed. */
const qd_tag_format *qd_tag_reader_format(const qd_tag_reader *reader);
/** Length of a tick of what is read; never {0, 0}. */
qd_tick qd_tag_reader_tick(const qd_tag_reader *reader);
/** QD_E_INPUT when what was opened carries bases without outcomes: no key can come of it. */
qd_status qd_tag_reader_need_outcomes(const qd_tag_reader *reader, qd_error *err);
void qd_tag_reader_close(qd_tag_reader *reader);

typedef struct qd_tag_writer qd_tag_writer;

/** What a writer had to change; final before commit. */
typedef struct qd_tag_written {
    uint64_t events;   /**< given to the writer */
    uint64_t records;  /**< in the file: csv, qutag-raw and swabian have one for each detector of an event */
    uint64_t same;     /**< t2: dropped, at the time of the event before (in units of 125 ps), or past the end of its epoch */
    uint64_t moved;    /**< t2: written one or more units late, because times closer than two units have no code */
    uint64_t both;     /**< t2 of bases: dropped, clicks in both bases */
    uint64_t epochs;   /**< t1, t2: files */
    uint64_t too_long; /**< files beyond what qcrypto's programs can read (t1: 6.4 MB, t2: 2 MB) */
} qd_tag_written;

/** Start writing @p path (it appears whole at commit; "-": standard output, but for t1, t2 and t3). t1 and t2 write a directory, which must not exist.
 *  QD_E_INPUT: cannot be created. QD_E_USAGE: this format is not written. */
qd_status qd_tag_writer_open(const char *path, qd_tag_format format, qd_tag_writer **writer, qd_error *err);
/** Append events in time order. Times are taken to the format's tick rounding down (as programs do that read a 54-bit record as a
 *  49-bit one) and modulo its range. csv writes times in ps, exactly (rounded down where the tick is no finite decimal).
 *  QD_E_INPUT: a negative time (but for a1), a mask outside 1..15, or times that go back (names the event);
 *  QD_E_INPUT: the disk is full. */
qd_status qd_tag_writer_write(qd_tag_writer *writer, const qd_tags *tags, qd_error *err);
/** Borrowed, valid until commit. */
const qd_tag_written *qd_tag_writer_info(const qd_tag_writer *writer);
/** Finish: the file appears under its name. The writer is freed, also on error (then nothing appears). */
qd_status qd_tag_writer_commit(qd_tag_writer *writer, qd_error *err);
/** Drop everything and free. NULL accepted. */
void qd_tag_writer_abandon(qd_tag_writer *writer);

/** SHA-256 of a file, or of a directory of epoch files: of the lines "NAME SHA256\n" of them in order of their names. */
qd_status qd_tag_sha256(const char *path, char hex[65], qd_error *err);

/* ---- What a station does before anything leaves it --------------------------------------------------------------- */

/** Merging of clicks that are one event, in a stream. {0} is the start. */
typedef struct qd_merge {
    bool pending;
    int64_t t;
    uint8_t mask;
    uint64_t merged; /**< events that vanished into their predecessor */
} qd_merge;

/** Make one event of all clicks less than @p merge_ps after the first of their group: its time, their masks together. Works in
 * place. The last group is held back until the next call; @p last: no more follow, it is released. merge_ps = 0 changes nothing.
 *  Detector dead time makes the rest of the group the same detectors' afterglow or another detector's click of the same pulse. */
qd_status qd_merge_clicks(qd_merge *state, uint64_t merge_ps, bool last, qd_tags *tags, qd_error *err);

/** The dead-time rule in a stream. {0} is the start. */
typedef struct qd_dead {
    bool any;
    int64_t last;     /**< time of the last click of any detector, kept or not */
    uint64_t dropped; /**< events removed so far */
} qd_dead;

/** Keep an event only if no detector of the station clicked in the @p dead_ps before it: dropped when (t - t_previous) < dead_ps,
 * exact in ticks, the previous event counting whether it was kept or not. Works in place; independent of how the stream is cut.
 *  dead_ps = 0 keeps everything. Why: within its dead time the detector that clicked cannot click again, so the next bit of the
 * basis would be predictable from public times. */
void qd_dead_filter(qd_dead *state, uint64_t dead_ps, qd_tags *tags);

/** Times as they are announced: units of @p announce_ps, round(t tick / announce_ps), halves up, exact.
 *  @param t in [n] ticks, sorted   @param out [n] units, sorted; may be t
 *  @return QD_E_USAGE: announce_ps is 0 or a time leaves int64. */
qd_status qd_announce(const int64_t *t, uint64_t n, qd_tick tick, uint64_t announce_ps, int64_t *out, qd_error *err);
/** Announced units as ticks: round(u announce_ps / tick), halves up; exact where the announce unit is a multiple of the tick. */
qd_status qd_announced_ticks(const int64_t *u, uint64_t n, qd_tick tick, uint64_t announce_ps, int64_t *out, qd_error *err);

/* ---- Clock recovery ---------------------------------------------------------------------------------------------- */

/** How much a search may cost before it gives up. */
typedef enum qd_effort { QD_EFFORT_NORMAL, QD_EFFORT_HIGH, QD_EFFORT_LOW, QD_EFFORTS } qd_effort;
/** "low", "normal", "high"; "unknown" of another number. */
const char *qd_effort_name(qd_effort effort);

/** What to search. Zero fields mean the default. */
typedef struct qd_sync_params {
    double max_offset_s; /**< search offsets within this of offset_s, either way; default 0.01, at most 10 */
    double max_ppm;      /**< search frequencies within this of ppm, either way; default 10, at most 200 */
    double offset_s;     /**< what is known of the offset at B's first tag: middle of the search; default 0, within 1e6 */
    double ppm;          /**< the same of the frequency; default 0; |ppm| + max_ppm at most QD_SYNC_MOST_PPM */
    qd_effort effort;    /**< how long to search before giving up */
    double max_drift_ppm_s; /**< the caller follows the clock (qd_clock_refine) and takes a line that its frequency leaves by up to so
                                much a second; default 0: one line must hold for all of the data. 0..1 */
    bool follows;        /**< the caller follows the clock (qd_follow) from the base of what is found, both ways: where the frequency drifts
                              so that no line holds for all of the data, one that touches the clock there will do */
    double p_false;      /**< greatest accepted probability of a false lock over the whole search; default 1e-9 */
    const volatile sig_atomic_t *stop; /**< NULL, or non-zero: end with QD_STOPPED; asked many times a second */
} qd_sync_params;

/** Why there is no lock: a side has no events, or all at one time; the recordings do not meet; are too short for a search; nothing stands
 *  out; what does is not sharp, has no stable width, holds for part of the data only, is not in the data kept back, is one of two that look as
 *  good, or lies beyond the limits of the search. Append only. */
typedef enum qd_no_lock {
    QD_LOCKED, QD_LOCK_NO_EVENTS, QD_LOCK_NO_OVERLAP, QD_LOCK_TOO_SHORT, QD_LOCK_NO_PEAK, QD_LOCK_NOT_SHARP, QD_LOCK_NO_WIDTH, QD_LOCK_DRIFTS,
    QD_LOCK_NOT_CONFIRMED, QD_LOCK_TWO_CANDIDATES, QD_LOCK_OUTSIDE, QD_NO_LOCKS
} qd_no_lock;
/** "locked", then as the names end: "no-events", ..., "outside"; "unknown" of another number. */
const char *qd_no_lock_name(qd_no_lock cause);

/** Events a side that a caller need not go beyond: they bound the memory. And remedies of a report. */
enum { QD_SYNC_EVENTS = 1 << 24, QD_REMEDIES = 6 };
/** What |ppm| + max_ppm may come to. */
enum { QD_SYNC_MOST_PPM = 240 };

/** With what a search would see links of which the share eta of the events has a partner; zeros stay as they are. */
typedef struct qd_remedy {
    double eta, max_ppm, max_offset_s, times; /**< times: as long a recording */
    qd_effort effort;
} qd_remedy;

/** What the search found, and what it rests on. Reported in double; nothing here decides later.
 *
 *  Offsets are those of the straight line through tA - tB, fitted to parts of a tick, and their deviations are statistical alone.
 * The clock is the same line in whole ticks at its base and 2^-44 in frequency: its mean is off by up to half a tick (standard
 * deviation tick / sqrt 12, 1.1 ps of 125/32 ps), and by up to 2^-45 of the time since the base (sd 2^-44 / sqrt 12 of it). Add
 * these in quadrature where the clock is meant and not the figures. */
typedef struct qd_sync_report {
    bool locked;
    qd_no_lock cause;      /**< why not locked; meaningful after QD_OK and QD_E_POLICY */
    char reason[256];      /**< the same with its figures; "" when locked */
    double offset_ps;      /**< tA - tB at clock->base, as fitted, not rounded to ticks */
    double frequency_ppm;  /**< of tA - tB against tB, not rounded either */
    double base_ps;        /**< B's time at which the offset holds: B's first tag in the data, those aside that are 2^52 ticks and more from
                              where both sides have some */
    double significance;   /**< of the line in the search: excess over the standard deviation of such sums */
    double needed;         /**< significance that chance alone reaches with the p_false asked for: what a peak needs to stand for itself. A lock
                              may have less: a peak of the search is a candidate, and data kept back decide (confirmed, confirm_p) */
    double p_false;        /**< locked: see qd_correlate; 0: below what a double holds, about 1e-308; refused: chance of a line as high in the search */
    double lambda;         /**< background under the peak, events */
    uint64_t peak;         /**< events in the peak of the search; where bins are no counts, as the significance says */
    uint64_t hypotheses;   /**< N M: lags times slopes tested, all rounds */
    double rate_a, rate_b; /**< events per second where both sides have data */
    double search_s;       /**< time correlated in the search */
    double bin_ps;         /**< bin of the search */
    double s_max;       /**< largest significance one window can have: eta_h / sqrt(max_ppm 1e-6), eta_h from the fit (locked) or, where
                           nothing stood out, of the weakest link that the search sees; else 0 */
    uint64_t confirmed; /**< events found in the data kept back, where the search said they must be */
    double confirm_lambda, confirm_p;      /**< background there, and the chance of that many from it */
    double sigma_ps;                       /**< pair jitter, standard deviation; half the width that holds 68 % of the pairs */
    uint64_t pairs;                        /**< events in the final fit, background subtracted */
    double span_s;                         /**< time the final fit covers */
    double followed_s;                     /**< 0: one line holds for all; else how far a clock that drifts was followed to be sure */
    double drift_ppm_s;                    /**< then the growth of its frequency, the mean over the time of the search; else 0 */
    double offset_sd_ps, frequency_sd_ppm; /**< standard deviations of offset_ps and frequency_ppm */
    double mid_ps, mid_offset_ps;          /**< middle of the data on B's clock, and the offset there */
    double mid_offset_sd_ps;               /**< its standard deviation, half of offset_sd_ps: the fit knows mid-time best */
    double weakest; /**< QD_LOCK_NO_PEAK: least share of events with a partner that this search finds nearly always */
    uint32_t remedies; /**< the same: remedy[0..remedies) are for weaker links, by falling eta */
    qd_remedy remedy[QD_REMEDIES];
    double second;                         /**< excess of the runner-up over the winner's: near 1 is ambiguous */
} qd_sync_report;

/** Add to @p to what a search was asked for and what it found, as the record of `sync` has it (manual page): from the limits of @p p,
 *  which hold no zeros for defaults, to the middle of the data; what does not exist is null. */
void qd_sync_report_json(json_t *to, const qd_sync_params *p, const qd_sync_report *r);

/** Find B's clock on A's without a prior.
 *
 *  Slices of A, each so short that the largest frequency error moves it by half a bin, are correlated with B by an exact transform and
 *  summed along every slope by a tree (as pulsar searches undo dispersion: Taylor, A&AS 15:367 (1974)): a line in (lag, time) is a
 *  hypothesis. Bins are as fine as the number of slices makes them; with 8 of them first, then with up to 8192, until the effort is spent.
 *  What stands out, or at the end whatever stands highest, is sharpened by histograms of differences along the line, with finer and finer
 *  bins, to the jitter; then it must be found again in the last quarter of the data, which nothing used so far: that alone decides. The
 *  k-th line that is looked for there may be found by chance with probability p / (k (k+1)), which adds up to p over all of them; p_false is
 *  the chance of the find that locked, times its k (k+1). At last one fit over everything: least squares within 3 sigma, then maximum
 *  likelihood of a Gaussian on a flat background, which comes as near to the line as chance pairs allow.
 *  (Ho, Lamas-Linares, Kurtsiefer, New J. Phys. 11:045011 (2009), for the method of two resolutions.)
 *  With `follows`, where a peak that sharpens over a beginning of the data fits no line through all of them, the clock is followed from
 *  there (qd_follow) to the data kept back, and through those: counted in each stretch along the curve as it was before it, so that chance
 *  fills the windows as it fills any. That is one more of the k lines. Another peak along the curve is looked for in all data of the search.
 *  Where nothing locks and nothing showed two candidates, the search is repeated in a beginning of the data so short, and with bins so
 *  wide, that a drift of 0.5 ppm a second leaves a peak in two of them; where frequencies are searched so near to `ppm` that there is
 *  something to be gained, also in shorter ones with finer bins; k counts on. The line found touches the clock at its base, in
 *  the middle of the time span_s at the beginning; the figures are those of its pairs, taken to it along the curve.
 *
 *  @param dev   device, or NULL: the reference transform on the host; the same result in every bit
 *  @param a, b  tags of both stations with the same tick; only n, t and tick are read. In the two-station protocol: Alice's
 * announced times taken back to ticks, and Bob's own
 *  @param clock out: the model in whole ticks, locked; untouched when not locked. Holds for the span of the data and as far beyond it as
 *               frequency_sd_ppm allows
 *  @param report out (may be NULL); filled also on refusal
 *  @return QD_OK locked. QD_E_POLICY: refused: no significant peak, two candidates, outside or at the edge of the search, not
 * confirmed, no overlap in time, a side empty; the error has the numbers and the cheapest remedy. QD_E_USAGE: ticks differ,
 * parameters out of range. QD_E_INPUT: times not sorted. QD_STOPPED: as asked by params->stop. QD_E_INTERNAL, QD_E_DEVICE,
 * QD_E_BUILD. */
qd_status qd_correlate(qd_device *dev, const qd_tags *a, const qd_tags *b, const qd_sync_params *params, qd_clock *clock,
                       qd_sync_report *report, qd_error *err);

/** Fit a locked clock anew on other (longer, later) tags of the same stations: least squares over the pairs within 3 sigma of the
 * line, repeated until it stands. Pairs must lie within @p reach ticks of the old model throughout. For a job that grows: find
 * the clock on the first seconds, fit it again on more.
 *  @return QD_E_POLICY: fewer pairs than 6 standard deviations of the background (clock untouched). */
qd_status qd_clock_refine(const qd_tags *a, const qd_tags *b, int64_t reach, qd_clock *clock, qd_sync_report *report,
                          qd_error *err);

/** A clock from figures that a person gives: the straight line of tA - tB, offset at B's time @p base. QD_E_USAGE: |ppm| >= 244 or
 * the offset leaves int64. */
qd_status qd_clock_from_figures(qd_tick tick, int64_t base, double offset_ps, double ppm, qd_clock *clock, qd_error *err);
/** The straight line that a clock follows in the mean. Where it drifts (by ticks: else this does not know) it lies half a tick below
 *  its `offset`, since qd_clock_apply rounds the drift down. */
double qd_clock_offset_ps(const qd_clock *clock);
double qd_clock_ppm(const qd_clock *clock);

/** Write a clock as JSON: {"schema":1,"clock":{"base":..,"offset":..,"freq":..,"tick":[num,den],"significance":..,"p_false":..,
 *  "locked":..}}; exact integers. */
qd_status qd_clock_write(const qd_clock *clock, const char *path, qd_error *err);
/** The member "clock" alone, for a record. The caller owns it. NULL: no memory. */
json_t *qd_clock_json(const qd_clock *clock);
/** Read what qd_clock_write or the record of `sync` holds: an object whose member "clock" has exactly the keys above; its other
 * members are not looked at. QD_E_INPUT: not JSON, a key missing, unknown, of the wrong type or out of range, or not locked. */
qd_status qd_clock_read(const char *path, qd_clock *clock, qd_error *err);
/** The same from text in memory; @p name stands for the path in errors. */
qd_status qd_clock_read_text(const char *name, const char *text, size_t bytes, qd_clock *clock, qd_error *err);

/* ---- Coincidences ------------------------------------------------------------------------------------------------ */

/** Greatest |d| in ticks of a pair in a window of full width @p window_ps: the largest integer with 2 |d| tick < window_ps,
 * exact. -1 when the window is 0 (no pair). */
int64_t qd_window_reach(uint64_t window_ps, qd_tick tick);

/** One-to-one coincidences: a and b are a pair when each is the other's nearest neighbour (on A's clock; equal distances: the
 * earlier event; equal times: the one with the lower index) and |tA - tB'| <= reach. Symmetric in the two sides, independent of
 * how the data are cut: the pairs of A's events [a_from, a_to) depend only on events within 2 @p reach of them, which the caller
 * includes on both sides.
 *  @param dev    device, or NULL for the reference; the same result in every bit
 *  @param a      in [na] A's times, ticks, sorted          @param b in [nb] B's times on B's own clock, sorted
 *  @param clock  B's clock on A's; NULL: the same clock. |tB - base| < 2^54
 *  @param reach  from qd_window_reach, below 2^30; negative: no pairs
 *  @param pairs  out: appended, ascending in both; indices into @p a and @p b
 *  @return QD_E_USAGE: range, reach or clock out of range. QD_E_INTERNAL: no memory. QD_E_DEVICE, QD_E_BUILD. On error @p pairs
 * is as before. */
qd_status qd_coincide(qd_device *dev, const int64_t *a, uint64_t na, const int64_t *b, uint64_t nb, const qd_clock *clock,
                      int64_t reach, uint64_t a_from, uint64_t a_to, qd_pairs *pairs, qd_error *err);

/** Chance coincidences, from windows displaced by multiples of a step. */
typedef struct qd_accidentals {
    uint64_t windows; /**< displaced windows counted: 2 x each */
    uint64_t sum;     /**< pairs in all of them */
    uint64_t sum2;    /**< sum of squares of their counts */
    double mean;      /**< expected in the real window */
    double variance;  /**< of one window's count over the windows (0 for fewer than two) */
} qd_accidentals;

/** Pairs in @p each windows on each side of the real one, displaced by step, 2 step, ..., each of the same width and searched in
 * the same way. The step must clear the peak and the dead time, within which a true partner keeps others away: qd_accidental_step.
 * The mean is that of independent events, S_A S_B w T; how many chance pairs are among the coincidences says qd_accidentals_among.
 * Arguments otherwise as qd_coincide; context needed: each x step + 2 reach. */
qd_status qd_coincide_accidentals(qd_device *dev, const int64_t *a, uint64_t na, const int64_t *b, uint64_t nb,
                                  const qd_clock *clock, int64_t reach, int64_t step, unsigned each, uint64_t a_from,
                                  uint64_t a_to, qd_accidentals *out, qd_error *err);

/** A step for displaced windows, in ticks: clear of 16 windows, and of twice the declared dead time or 250 ns. */
int64_t qd_accidental_step(int64_t reach, uint64_t dead_ps, qd_tick tick);

/** What chance pairs among coincidences follow from. */
typedef struct qd_accidental_facts {
    double displaced;    /**< mean of the displaced windows, D */
    uint64_t pairs;      /**< coincidences, true and by chance */
    uint64_t kept[2];    /**< events of each station that were paired or could have been, S_A and S_B */
    uint64_t window_ps, dead_ps; /**< full width w; dead-time rule, 0: none */
    double distance_ps;  /**< mean |d| of the pairs; used without the rule */
} qd_accidental_facts;

/** Chance pairs among one-to-one coincidences. Displaced windows count more of them: there no true partner is in the way. With
 *  p = (pairs - chance) / S, the share of a station's events in a true pair, a chance pair is
 *    - of two events without partner: D (1-p_A)(1-p_B);
 *    - of one without and one whose partner it keeps away: D u (p_A (1-p_B) + p_B (1-p_A)). Under the dead-time rule an event removes
 *      all that follows it at its station, so it takes the place of a partner in the half of the window behind it: u = 1/2 (2 dead / w / 2
 *      for a rule shorter than half a window). Without the rule it must be nearer than the partner: u = 2 mean |d| / w.
 *  Against simulated truth unbiased for p up to 1/2 where no detector's dead time is undeclared; undeclared ones of 30 ns leave it 4 % low at
 *  p = 1/5 and 16 % at 1/2. */
double qd_accidentals_among(const qd_accidental_facts *f);

/* ---- Epoch by epoch ---------------------------------------------------------------------------------------------- */

/** One T1 or T2 file as it stands: every entry, also those without a detector, in the order of the file. Where a reader of tags makes one
 *  stream of a directory, this is for programs that answer epoch by epoch: a T4 file counts the entries of a T2 file. */
typedef struct qd_epoch_events {
    qd_epoch_head head;
    uint64_t n;       /**< head.length */
    int64_t *t;       /**< [n] units of 1/8 ns since the header's epoch began; negative or beyond 2^32 where an event lies in the epoch beside */
    uint8_t *pattern; /**< [n] T1: detector mask; T2: pattern of head.bits bits, its meaning by head.protocol */
    uint64_t outside; /**< events that lie in the epoch before or behind that of the header */
} qd_epoch_events;

/** Bytes of a T1 or T2 file to its entries. Absolute time in a T1 file: the upper 17 bits of the epoch are the header's, the lower 15 the
 *  card's. A T2 entry is the difference to the one before, then the pattern.
 *  @param events out: freed with qd_epoch_events_free; {0} on error
 *  @return QD_E_INPUT: header, no terminator, length and terminator that disagree, a difference below 2 units, data behind the end,
 *  an event farther from the header's epoch than the next one (T1: of which bits 0 to 3 name a detector). */
qd_status qd_t1_decode(const uint8_t *bytes, size_t n, qd_epoch_events *events, qd_error *err);
qd_status qd_t2_decode(const uint8_t *bytes, size_t n, qd_epoch_events *events, qd_error *err);
/** Free; leaves {0}. */
void qd_epoch_events_free(qd_epoch_events *events);

/** How costream pairs. Units of 1/8 ns. */
typedef struct qd_greedy_params {
    int64_t offset; /**< t(T2 side) - t(T1 side) at the start */
    int64_t window; /**< w: a coincidence has |d| < w; 0..2^30 */
    int64_t track;  /**< u: a T1 event with d < -u is passed; 0..2^30 */
    int64_t far;    /**< a: a T2 event with d > a is passed; 0..2^30 */
    int32_t filter; /**< Q: tracking constant: events when positive, microseconds when negative, 0: no tracking */
} qd_greedy_params;

/** State of the pairing. The fields are for reading; qd_greedy_start makes them. */
typedef struct qd_greedy {
    qd_greedy_params p;
    int64_t offset;       /**< now */
    int64_t pulled;       /**< what tracking added up, 1/4096 units: offset = p.offset - pulled / 4096, rounded toward zero */
    int64_t per, longest; /**< divisor or factor of a pull; longest time between two pulls */
    bool pulled_once;
    int64_t last;   /**< time of the last event that pulled */
    int64_t t1, t2; /**< events in hand */
    uint8_t mask1;
    bool next1, next2; /**< the event in hand is used up */
} qd_greedy;

/** A T1 and a T2 event that were consumed together. */
typedef struct qd_greedy_meeting {
    uint32_t index; /**< in the T2 file */
    int32_t d;      /**< t1 - t2 + offset at that moment, -u..a: a coincidence when |d| < w, one of costream's accidentals when d > a - 2 w */
    uint8_t mask1;
} qd_greedy_meeting;
typedef struct qd_greedy_meetings {
    qd_greedy_meeting *m;
    uint64_t n, cap;
} qd_greedy_meetings;
/** Append one. QD_E_INTERNAL: no memory. */
qd_status qd_greedy_meetings_add(qd_greedy_meetings *meetings, uint32_t index, int32_t d, uint8_t mask1, qd_error *err);
void qd_greedy_meetings_free(qd_greedy_meetings *meetings);

/** Start. No event before @p from can be paired: the later of both sides' beginnings, less an epoch. QD_E_USAGE: parameters out of range. */
qd_status qd_greedy_start(qd_greedy *g, const qd_greedy_params *p, int64_t from, qd_error *err);

/** Let a difference @p d of an event at @p t1 pull the offset, as qd_greedy_run does with every meeting: nothing without tracking or outside [-u, u). */
void qd_greedy_pull(qd_greedy *g, int64_t d, int64_t t1);

/** What qd_greedy_run stopped for. */
typedef enum qd_greedy_wants { QD_GREEDY_T1, QD_GREEDY_T2 } qd_greedy_wants;

/** Pair in the order of time, forward only, as qcrypto's costream does: with d = t1 - t2 + offset of the events in hand, d < -u takes the next
 *  T1 event, d > a the next T2 event, and otherwise both are consumed. With tracking every d in [-u, u) pulls the offset towards itself: by
 *  d / Q a event, or 2 d dt / tau over the time dt since the last one unless that is longer than tau and 100 ms, in fixed point of 1/4096 unit
 *  with C's rounding toward zero. A T1 event that is not later than the one before is dropped. The result does not depend on how both streams
 *  are cut into calls.
 *  This is for who must answer bit by bit what costream answers; qd_coincide loses fewer pairs (of events closer than u and a the wrong
 *  ones are consumed).
 *  @param t1, mask1 [n1] events of the T1 side from *i1 on; |t| < 2^61
 *  @param t2        [n2] entries of one T2 file from *i2 on
 *  @param i1, i2    in, out: the next event of each
 *  @param meetings  appended
 *  @param wants     out: the side whose events ran out
 *  @return QD_E_INTERNAL: no memory. */
qd_status qd_greedy_run(qd_greedy *g, const int64_t *t1, const uint8_t *mask1, uint64_t n1, uint64_t *i1, const int64_t *t2, uint64_t n2,
                        uint64_t *i2, qd_greedy_meetings *meetings, qd_greedy_wants *wants, qd_error *err);

/** Both in one call, which costs less: the times are taken to A's clock once for all windows. @p pairs as qd_coincide, @p out as
 * qd_coincide_accidentals; each = 0: no displaced windows, step is not looked at. */
qd_status qd_coincide_windows(qd_device *dev, const int64_t *a, uint64_t na, const int64_t *b, uint64_t nb, const qd_clock *clock,
                              int64_t reach, int64_t step, unsigned each, uint64_t a_from, uint64_t a_to, qd_pairs *pairs,
                              qd_accidentals *out, qd_error *err);

/** Registry rows of this room, NULL-terminated. */
extern const qd_op *const qd_timetag_ops[];

#ifdef __cplusplus
}
#endif
#endif
