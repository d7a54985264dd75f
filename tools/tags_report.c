/* SPDX-License-Identifier: Apache-2.0 */
#include "tags_report.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include "qdistill/timetag/seen.h"

static const char *const detector[4] = {"V", "-", "H", "+"};

static uint64_t singles(const qd_tag_info *i, int d) {
    return i->mask[1 << d];
}
static uint64_t several(const qd_tag_info *i) {
    uint64_t n = 0;
    for (unsigned m = 1; m < 16; m++)
        if (m & (m - 1)) n += i->mask[m];
    return n;
}
static double ps_of(int64_t ticks, qd_tick tick) {
    return (double)ticks * (double)tick.num / (double)tick.den;
}
static double seconds_of(const tags_report *r) {
    const qd_tag_info *i = &r->info;
    return (i->events ? ps_of(i->last - i->first, r->tick) : ps_of(i->seen_last - i->seen_first, r->tick)) * 1e-12;
}
static double rate_of(uint64_t n, double s) {
    return s > 0 ? (double)n / s : 0;
}
static bool has_card(const qd_tag_format *f) {
    return f->kind == QD_TAG_A1 || f->kind == QD_TAG_A1_TEXT || f->kind == QD_TAG_T1;
}
static bool has_epochs(const qd_tag_format *f) {
    return f->kind == QD_TAG_T1 || f->kind == QD_TAG_T2 || f->kind == QD_TAG_T3;
}
static bool has_channels(const qd_tag_format *f) {
    return qd_tag_format_takes(f, "channels");
}

static uint8_t mask_of(const qd_tag_channels *c, int32_t channel) {
    for (unsigned i = 0; i < c->n; i++)
        if (c->number[i] == channel) return c->mask[i];
    return c->n == 0 && channel >= 1 && channel <= 4 ? (uint8_t)(1 << (channel - 1)) : 0;
}
static const char *detector_of(uint8_t mask) {
    for (int d = 0; d < 4; d++)
        if (mask == 1 << d) return detector[d];
    return "no detector";
}

static void print_records(FILE *to, const tags_report *r) {
    const qd_tag_info *i = &r->info;
    fprintf(to, "%" PRIu64 " records: %" PRIu64 " events", i->records, i->events);
    if (has_card(&r->format))
        fprintf(to, ", %" PRIu64 " padding, %" PRIu64 " rollover dummies, %" PRIu64 " self-tests", i->padding, i->dummies,
                i->selftests);
    if (has_card(&r->format) || r->format.kind == QD_TAG_T2) fprintf(to, ", %" PRIu64 " without detector", i->empty);
    if (r->format.kind == QD_TAG_PTU)
        fprintf(to, ", %" PRIu64 " of overflow (that carry %" PRIu64 "), %" PRIu64 " of the sync input, %" PRIu64 " markers, %" PRIu64 " faults",
                i->overflows, i->overflow_sum, i->syncs, i->markers, i->faults);
    if (r->format.kind == QD_TAG_SWABIAN) fprintf(to, ", %" PRIu64 " that say that tags were lost", i->lost);
    if (has_channels(&r->format)) fprintf(to, ", %" PRIu64 " on channels without detector", i->unmapped);
    fprintf(to, "\n");
}

static void print_channels(FILE *to, const tags_report *r, double s) {
    const qd_tag_info *i = &r->info;
    if (!has_channels(&r->format)) return;
    fprintf(to, r->format.channels.n ? "channels as mapped:\n" : "channels (no map given: 1, 2, 3, 4 are V, -, H, +):\n");
    for (unsigned k = 0; k < i->channels && k < QD_TAG_CHANNELS; k++)
        fprintf(to, "  channel %" PRId32 ", %s: %" PRIu64 ", %.6g a second\n", i->channel[k],
                detector_of(mask_of(&r->format.channels, i->channel[k])), i->clicks[k], rate_of(i->clicks[k], s));
    if (i->channels > QD_TAG_CHANNELS) fprintf(to, "  and others\n");
}

static void print_epochs(FILE *to, const tags_report *r) {
    const qd_tag_info *i = &r->info;
    if (!has_epochs(&r->format)) return;
    fprintf(to,
            "epochs %08" PRIx32 " to %08" PRIx32 ", %s: %" PRIu64 " files, %" PRIu64 " gaps, %" PRIu64
            " epochs missing; time 0 is epoch %08" PRIx32 "\n",
            i->epoch_first, i->epoch_last, i->unix_epochs ? "anchored to Unix time" : "of the card's own count", i->epochs,
            i->epoch_gaps, i->epochs_missing, i->epoch0);
}

void tags_print(FILE *to, const tags_report *r) {
    const qd_tag_info *i = &r->info;
    double s = seconds_of(r);
    fprintf(to, "%s: %s", r->file, qd_tag_format_name(&r->format));
    if (has_card(&r->format)) fprintf(to, " (card timestamp%d)", (int)r->format.card);
    if (r->format.kind == QD_TAG_CHRONOXEA) fprintf(to, " (sync of %.12g Hz)", (double)r->format.sync.num / (double)r->format.sync.den);
    if (r->format.kind == QD_TAG_T2) fprintf(to, " (protocol %u, %s)", r->format.protocol, i->bases_only ? "bases" : "masks");
    fprintf(to, ", ticks of %.9g ps\n", ps_of(1, r->tick));
    print_records(to, r);
    fprintf(to, "%.9g s, %.6g events a second\n", s, rate_of(i->events, s));
    print_channels(to, r, s);
    if (i->bases_only) {
        fprintf(to, "basis z: %" PRIu64 ", basis x: %" PRIu64 "; no outcomes\n", i->mask[QD_DET_Z], i->mask[QD_DET_X]);
    } else {
        for (int d = 0; d < 4; d++)
            fprintf(to, "detector %s: %" PRIu64 " alone, %.6g a second\n", detector[d], singles(i, d), rate_of(singles(i, d), s));
        fprintf(to, "several detectors: %" PRIu64 "\n", several(i));
    }
    fprintf(to, "order: %" PRIu64 " steps back, the largest %.9g ps; ", i->backward, ps_of(i->largest_backward, r->tick));
    if (i->jumps) fprintf(to, "%" PRIu64 " of a millisecond or more; ", i->jumps);
    if (has_card(&r->format) && !has_epochs(&r->format)) fprintf(to, "%" PRIu64 " wraps; ", i->wraps);
    fprintf(to, "%" PRIu64 " events at the time of the one before, %" PRIu64 " of them duplicates\n", i->equal_times,
            i->duplicates);
    print_epochs(to, r);
    if (!r->out) return;
    if (r->merge_ps) fprintf(to, "merged: %" PRIu64 " events into the one before\n", r->merged);
    fprintf(to, "written: %s, %s, %" PRIu64 " events", r->out, qd_tag_format_name(&r->out_format), r->written.events);
    if (r->written.records != r->written.events) fprintf(to, ", %" PRIu64 " records", r->written.records);
    if (has_epochs(&r->out_format)) fprintf(to, ", %" PRIu64 " epochs", r->written.epochs);
    fprintf(to, "\n");
}

__attribute__((format(printf, 1, 2))) static void warn(const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    fputs("qdistill tags: warning: ", stderr);
    vfprintf(stderr, fmt, args);
    fputc('\n', stderr);
    va_end(args);
}

static void warn_written(const tags_report *r) {
    const qd_tag_written *w = &r->written;
    const double range_ps = 0x1p49 * 125; /* of both widths */
    if (r->out && (r->out_format.kind == QD_TAG_A1 || r->out_format.kind == QD_TAG_A1_TEXT) && r->info.events &&
        (r->info.first < 0 || ps_of(r->info.last, r->tick) >= range_ps))
        warn("times are beyond the range of the counter of %s, 70,368.7 s: %s has them modulo that", qd_tag_format_name(&r->out_format), r->out);
    if (w->same)
        warn("%" PRIu64 " events are not in %s: a T2 file holds one event at a time of 125 ps (--merge-ps 125 makes one of them)",
             w->same, r->out);
    if (w->moved)
        warn("%" PRIu64 " events are written 125 ps late or a little more: a T2 file has no closer times than 250 ps", w->moved);
    if (w->both)
        warn(
            "%" PRIu64
            " events with clicks in both bases are not in %s: to keep them, write masks (t2:protocol=0), which name the outcomes",
            w->both, r->out);
    if (w->too_long) warn("%" PRIu64 " files are longer than qcrypto's programs read (T1 6.4 MB, T2 2 MB)", w->too_long);
    if (r->out && r->info.bases_only && r->out_format.kind != QD_TAG_T2)
        warn("%s has bases without outcomes: the events of %s have both detectors of their basis", r->file, r->out);
}

static void warn_ptu(const qd_tag_seen *s) {
    const qd_tag_info *i = &s->info;
    if (qd_tag_found(s, QD_FOUND_FAULTS))
        warn("%" PRIu64 " records are of no kind that their type knows, the first, 0x%08" PRIx32 ", at record %" PRIu64
             ": passed over.\n  The file is damaged there, or a newer device writes them",
             i->faults, i->fault_word, i->fault_record);
    if (!qd_tag_found(s, QD_FOUND_CLAIM)) return;
    if (i->claimed < 0)
        warn("the header claims %" PRId64 " records, which no file has; the file has %" PRIu64 ", all of which are read", i->claimed, i->records);
    else if ((uint64_t)i->claimed > i->records)
        warn("the header claims %" PRId64 " records, the file has %" PRIu64 ": cut off, or the recording was stopped", i->claimed, i->records);
    else
        warn("the header claims %" PRId64 " records, the file has %" PRIu64 ": all are read. The header may have been written before\n"
             "  the recording ended, or something was appended to the file",
             i->claimed, i->records);
}

/* That the format may be another: certain for the first, likely for the others. */
static void warn_format(const tags_report *r, const qd_tag_seen *s) {
    const qd_tag_info *i = &r->info;
    char text[240];
    if (i->fits)
        warn("read as %s, the first records are seconds or hours apart; they are in order as %s%s%s", qd_tag_format_name(&r->format),
             i->fit[0], i->fits > 1 ? " or " : "", i->fits > 1 ? i->fit[1] : "");
    if (i->fits) return; /* what else is odd follows from it */
    if (qd_tag_found(s, QD_FOUND_NOTHING))
        warn("%s: nothing was recorded, or the file is not of format %s", qd_tag_found_text(s, QD_FOUND_NOTHING, text, sizeof text),
             qd_tag_format_name(&r->format));
    if (i->events >= 16 && i->backward > i->events / 2)
        warn("%" PRIu64 " of %" PRIu64 " events are before the one ahead of them: the file is hardly of format %s", i->backward, i->events,
             qd_tag_format_name(&r->format));
    if (!qd_tag_found(s, QD_FOUND_STRAY)) return;
    if (r->format.card == QD_CARD_TIMESTAMP7)
        warn("%" PRIu64 " of %" PRIu64 " records are rollover dummies that name a detector, which a timestamp7's do not: dropped. Is this another\n"
             "  card (--card timestamp3) or a file of 49 bits%s?",
             i->stray, i->records, r->format.kind != QD_TAG_A1 ? "" : r->format.swapped ? " (a1-49)" : " (a1-49-swapped)");
    if (r->format.card == QD_CARD_TIMESTAMP3)
        warn("bits 13 and 14 are set in %" PRIu64 " events; a timestamp3 leaves them zero. Is this another card\n  (--card timestamp7) or a "
             "file of 54 bits read as 49%s?",
             i->stray, r->format.kind != QD_TAG_A1 ? "" : r->format.swapped ? " (a1-54)" : " (a1-54-swapped)");
}

/* Times that no rate explains. A reset of the device shows as a step back, or forward. */
static void warn_steps(const tags_report *r, const qd_tag_seen *s) {
    const qd_tag_info *i = &r->info;
    const unsigned gaps = qd_tag_gaps(i);
    char text[240];
    if (qd_tag_found(s, QD_FOUND_JUMPS))
        warn("time goes back by a millisecond or more %" PRIu64 " times, by up to %.9g s, first before event %" PRIu64
             ": the device was reset, or\n  recordings were joined. All events stand sorted by their times; cut the file there",
             i->jumps, ps_of(i->largest_backward, r->tick) * 1e-12, i->jump_event);
    if (qd_tag_found(s, QD_FOUND_DISORDER) && i->backward <= i->events / 2)
        warn("%s: they are put in order.\n  A device that writes its inputs one after the other does so; else the file is damaged, or of another format",
             qd_tag_found_text(s, QD_FOUND_DISORDER, text, sizeof text));
    if (qd_tag_found(s, QD_FOUND_GAPS))
        warn("no event for %.9g s, from %.9g s after the first on, which no steady rate explains; %s%u such gap%s\n"
             "  (a reset or wrap of the device, a pause, or no light)",
             ps_of(i->gap[0], r->tick) * 1e-12, ps_of(i->gap_at[0] - i->first, r->tick) * 1e-12,
             gaps == QD_TAG_GAPS && i->gaps > gaps ? "at least " : "", gaps, gaps > 1 ? "s" : "");
    if (qd_tag_found(s, QD_FOUND_DUPLICATES))
        warn("%s. A detector's dead time\n  allows none: the file holds a part of the recording twice, or its ticks are coarse",
             qd_tag_found_text(s, QD_FOUND_DUPLICATES, text, sizeof text));
    if (qd_tag_found(s, QD_FOUND_EQUAL))
        warn("%s: their ticks are coarse,\n  the file holds a part of the recording more than once, or its times are another column",
             qd_tag_found_text(s, QD_FOUND_EQUAL, text, sizeof text));
}

static qd_tag_seen seen_of(const tags_report *r) {
    return (qd_tag_seen){.info = r->info, .format = r->format, .tick = r->tick, .whole = true};
}

void tags_warn(const tags_report *r) {
    const qd_tag_info *i = &r->info;
    const qd_tag_seen seen = seen_of(r);
    char text[240];
    warn_format(r, &seen);
    warn_steps(r, &seen);
    if (i->unmapped && r->format.channels.n == 0)
        warn("%" PRIu64
             " events are on channels that are no detector without a map: --channels V=1,-=2,H=3,+=4 with your numbers",
             i->unmapped);
    if (i->unnamed)
        warn("the header names no channels: its %u pairs of columns are taken for the channels 1 to %u, in their order", i->unnamed, i->unnamed);
    if (qd_tag_found(&seen, QD_FOUND_LOST))
        warn("the device lost tags in %" PRIu64 " places: rates are too low there, and times of unknown length are missing",
             i->lost);
    warn_ptu(&seen);
    if (qd_tag_found(&seen, QD_FOUND_EPOCHS))
        warn("%s", qd_tag_found_text(&seen, QD_FOUND_EPOCHS, text, sizeof text));
    if (qd_tag_found(&seen, QD_FOUND_OUTSIDE))
        warn("%s.\n  They are read at their own time; the program that made the files cut them elsewhere", qd_tag_found_text(&seen, QD_FOUND_OUTSIDE, text, sizeof text));
    warn_written(r);
}

static void put_counts(json_t *j, const tags_report *r) {
    const qd_tag_info *i = &r->info;
    const struct {
        const char *name;
        uint64_t n;
    } counts[] = {{"records", i->records},
                  {"events", i->events},
                  {"padding", i->padding},
                  {"dummies", i->dummies},
                  {"selftests", i->selftests},
                  {"empty", i->empty},
                  {"overflows", i->overflows},
                  {"overflow_sum", i->overflow_sum},
                  {"syncs", i->syncs},
                  {"markers", i->markers},
                  {"unmapped", i->unmapped},
                  {"lost", i->lost},
                  {"faults", i->faults},
                  {"wraps", i->wraps},
                  {"backward", i->backward},
                  {"jumps", i->jumps},
                  {"equal_times", i->equal_times},
                  {"duplicates", i->duplicates},
                  {"stray", i->stray},
                  {"multi", several(i)},
                  {"epochs", i->epochs},
                  {"epoch_gaps", i->epoch_gaps},
                  {"epochs_missing", i->epochs_missing},
                  {"outside", i->outside}};
    for (size_t k = 0; k < sizeof counts / sizeof *counts; k++)
        json_object_set_new(j, counts[k].name, qd_json_from_u64(counts[k].n));
}

static void put_gaps(json_t *j, const tags_report *r) {
    const qd_tag_seen seen = seen_of(r);
    json_t *fits = json_array();
    for (unsigned k = 0; k < r->info.fits; k++) json_array_append_new(fits, json_string(r->info.fit[k]));
    json_object_set_new(j, "gaps", qd_tag_gaps_json(&seen));
    json_object_set_new(j, "fits", fits);
    json_object_set_new(j, "claimed", r->format.kind == QD_TAG_PTU ? json_integer(r->info.claimed) : json_null());
}

void tags_json(json_t *j, const tags_report *r) {
    const qd_tag_info *i = &r->info;
    double s = seconds_of(r);
    json_object_set_new(j, "file", json_string(r->file));
    json_object_set_new(j, "format", json_string(qd_tag_format_name(&r->format)));
    if (has_card(&r->format))
        json_object_set_new(j, "card", json_string(r->format.card == QD_CARD_TIMESTAMP7 ? "timestamp7" : "timestamp3"));
    json_object_set_new(j, "tick", json_pack("[I,I]", (json_int_t)r->tick.num, (json_int_t)r->tick.den));
    put_counts(j, r);
    json_object_set_new(j, "largest_backward", json_integer(i->largest_backward));
    json_object_set_new(j, "jump_event", i->jumps ? qd_json_from_u64(i->jump_event) : json_null());
    put_gaps(j, r);
    json_object_set_new(j, "first", json_integer(i->first));
    json_object_set_new(j, "last", json_integer(i->last));
    json_object_set_new(j, "duration_s", json_real(s));
    json_object_set_new(j, "rate", json_real(rate_of(i->events, s)));
    json_t *d = json_object();
    for (int k = 0; k < 4; k++) json_object_set_new(d, detector[k], qd_json_from_u64(singles(i, k)));
    json_object_set_new(j, "detectors", d);
    json_object_set_new(j, "bases_only", json_boolean(i->bases_only));
    if (has_channels(&r->format)) {
        json_t *c = json_object();
        for (unsigned k = 0; k < i->channels && k < QD_TAG_CHANNELS; k++) {
            char name[16];
            (void)snprintf(name, sizeof name, "%" PRId32, i->channel[k]);
            json_object_set_new(c, name, qd_json_from_u64(i->clicks[k]));
        }
        json_object_set_new(j, "channels", c);
    }
    if (has_epochs(&r->format)) {
        json_object_set_new(j, "epoch0", json_integer(i->epoch0));
        json_object_set_new(j, "epoch_first", json_integer(i->epoch_first));
        json_object_set_new(j, "epoch_last", json_integer(i->epoch_last));
        json_object_set_new(j, "unix_epochs", json_boolean(i->unix_epochs));
    }
    if (!r->out) return;
    json_object_set_new(j, "out", json_string(r->out));
    json_object_set_new(j, "out_format", json_string(qd_tag_format_name(&r->out_format)));
    json_object_set_new(j, "merged", qd_json_from_u64(r->merged));
    json_object_set_new(j, "written",
                        json_pack("{s:o,s:o,s:o,s:o,s:o,s:o}", "events", qd_json_from_u64(r->written.events), "records",
                                  qd_json_from_u64(r->written.records), "same", qd_json_from_u64(r->written.same), "moved",
                                  qd_json_from_u64(r->written.moved), "both_bases", qd_json_from_u64(r->written.both), "epochs",
                                  qd_json_from_u64(r->written.epochs)));
}
