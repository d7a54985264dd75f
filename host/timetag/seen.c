/* SPDX-License-Identifier: Apache-2.0 */
/* What is wrong with a recording: one rule a finding, for all who read recordings. */
#include "qdistill/timetag/seen.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include "timetag/poisson.h"
#include "timetag/reader.h"

void qd_tag_see(const qd_tag_reader *r, qd_tag_seen *seen) {
    *seen = (qd_tag_seen){.info = r->info, .format = r->format, .tick = r->tick, .whole = r->ended && r->n == 0};
}

static double seconds(int64_t ticks, qd_tick tick) {
    return (double)ticks * (double)tick.num / (double)tick.den * 1e-12;
}

/* So many where @p mean are expected: no chance. */
static bool beyond(double mean, uint64_t count) {
    return qd_poisson_log_tail(mean, (double)count) < log(1e-9);
}

/* Of a Poisson process of r events a tick, r - 1 + exp(-r) <= r^2/2 a tick are at the time of the one before: n^2 / (2 ticks) of n in all.
 * A rate that varies has more, by the mean of its squares over the square of its mean: 4, of one that is on for a quarter of the time. */
static double duplicates_by_chance(const qd_tag_info *i) {
    const double vary = 4, ticks = (double)i->last - (double)i->first + 1;
    double squares = 0;
    for (int m = 0; m < 16; m++) squares += (double)i->mask[m] * (double)i->mask[m];
    return vary * squares / (2 * ticks);
}

bool qd_tag_found(const qd_tag_seen *s, qd_tag_finding finding) {
    enum { FEW = 16 }; /* records of a beginning that say nothing of the rest */
    const qd_tag_info *i = &s->info;
    switch (finding) {
    case QD_FOUND_NOTHING: return i->events == 0 && i->unmapped == 0 && (s->whole || i->records > i->padding);
    case QD_FOUND_STRAY: return s->format.card == QD_CARD_TIMESTAMP7 ? i->records >= FEW && i->stray > i->records / 4 : i->stray > 0;
    case QD_FOUND_DISORDER: return beyond((double)i->events * 1e-3, i->backward);
    case QD_FOUND_JUMPS: return i->jumps > 0;
    case QD_FOUND_GAPS: return !i->epoch_gaps && qd_tag_gaps(i) > 0; /* missing epochs are gaps too, and told as such */
    case QD_FOUND_DUPLICATES: return i->duplicates && beyond(duplicates_by_chance(i), i->duplicates);
    case QD_FOUND_EQUAL: return i->events >= FEW && i->equal_times > i->events / 2 && !qd_tag_found(s, QD_FOUND_DUPLICATES);
    case QD_FOUND_LOST: return i->lost > 0;
    case QD_FOUND_FAULTS: return i->faults > 0;
    case QD_FOUND_CLAIM: return i->claimed < 0 || (s->whole && i->claimed && (uint64_t)i->claimed != i->records);
    case QD_FOUND_EPOCHS: return i->epoch_gaps > 0;
    case QD_FOUND_OUTSIDE: return i->outside > 0;
    case QD_FINDINGS: break;
    }
    return false;
}

unsigned qd_tag_findings(const qd_tag_seen *s) {
    unsigned found = 0;
    for (int k = 0; k < QD_FINDINGS; k++) found |= (unsigned)qd_tag_found(s, (qd_tag_finding)k) << k;
    return found;
}

static void gaps_text(const qd_tag_seen *s, char *text, size_t cap) {
    const qd_tag_info *i = &s->info;
    const unsigned gaps = qd_tag_gaps(i);
    int n = snprintf(text, cap, "no event for %.9g s, from %.9g s after the first on", seconds(i->gap[0], s->tick),
                     seconds(i->gap_at[0] - i->first, s->tick));
    if (gaps > 1 && n > 0 && (size_t)n < cap)
        (void)snprintf(text + n, cap - (size_t)n, ", the longest of %s%u such gaps", gaps == QD_TAG_GAPS && i->gaps > gaps ? "at least " : "", gaps);
}

static void claim_text(const qd_tag_info *i, char *text, size_t cap) {
    if (i->claimed < 0)
        (void)snprintf(text, cap, "the header claims %" PRId64 " records, which no file has", i->claimed);
    else
        (void)snprintf(text, cap, "the header claims %" PRId64 " records, %" PRIu64 " are there%s", i->claimed, i->records,
                       (uint64_t)i->claimed > i->records ? ": cut off, or the recording was stopped" : "");
}

const char *qd_tag_found_text(const qd_tag_seen *s, qd_tag_finding finding, char *text, size_t cap) {
    const qd_tag_info *i = &s->info;
    *text = 0;
    switch (finding) {
    case QD_FOUND_NOTHING:
        (void)snprintf(text, cap, i->records ? "none of %" PRIu64 " records is a detector's click" : "there is no record in it", i->records);
        break;
    case QD_FOUND_STRAY:
        (void)snprintf(text, cap, "%" PRIu64 " of %" PRIu64 " records have bits set that a timestamp%d does not set", i->stray, i->records, (int)s->format.card);
        break;
    case QD_FOUND_DISORDER:
        (void)snprintf(text, cap, "%" PRIu64 " of %" PRIu64 " events stood before the one ahead of them, by up to %.6g s", i->backward, i->events,
                       seconds(i->largest_backward, s->tick));
        break;
    case QD_FOUND_JUMPS:
        (void)snprintf(text, cap, "time goes back by a millisecond or more %" PRIu64 " times, by up to %.9g s, first before event %" PRIu64, i->jumps,
                       seconds(i->largest_backward, s->tick), i->jump_event);
        break;
    case QD_FOUND_GAPS: gaps_text(s, text, cap); break;
    case QD_FOUND_DUPLICATES:
        (void)snprintf(text, cap, "%" PRIu64 " events are duplicates: the time and the detectors of the one before", i->duplicates);
        break;
    case QD_FOUND_EQUAL:
        (void)snprintf(text, cap, "%" PRIu64 " of %" PRIu64 " events are at the time of the one before", i->equal_times, i->events);
        break;
    case QD_FOUND_LOST: (void)snprintf(text, cap, "the device lost tags in %" PRIu64 " places", i->lost); break;
    case QD_FOUND_FAULTS:
        (void)snprintf(text, cap, "%" PRIu64 " records are of no kind that their type knows, the first, 0x%08" PRIx32 ", at record %" PRIu64, i->faults,
                       i->fault_word, i->fault_record);
        break;
    case QD_FOUND_CLAIM: claim_text(i, text, cap); break;
    case QD_FOUND_EPOCHS:
        (void)snprintf(text, cap, "%" PRIu64 " epoch%s missing in %" PRIu64 " place%s, the first at %08" PRIx32, i->epochs_missing,
                       i->epochs_missing == 1 ? " is" : "s are", i->epoch_gaps, i->epoch_gaps == 1 ? "" : "s", i->epoch_gap);
        break;
    case QD_FOUND_OUTSIDE:
        (void)snprintf(text, cap, "%" PRIu64 " event%s in the epoch beside that of the file's header, first in the file of epoch %08" PRIx32, i->outside,
                       i->outside == 1 ? " lies" : "s lie", i->epoch_outside);
        break;
    case QD_FINDINGS: break;
    }
    return text;
}

json_t *qd_tag_found_json(const qd_tag_seen *s, unsigned findings) {
    char text[240];
    json_t *list = json_array();
    findings &= qd_tag_findings(s);
    for (int k = 0; k < QD_FINDINGS; k++)
        if (findings >> k & 1) json_array_append_new(list, json_string(qd_tag_found_text(s, (qd_tag_finding)k, text, sizeof text)));
    return list;
}

json_t *qd_tag_gaps_json(const qd_tag_seen *s) {
    const qd_tag_info *i = &s->info;
    json_t *gaps = json_array();
    for (unsigned k = 0, n = qd_tag_gaps(i); k < n; k++)
        json_array_append_new(gaps, json_pack("{s:f,s:f}", "after_s", seconds(i->gap_at[k] - i->first, s->tick), "seconds", seconds(i->gap[k], s->tick)));
    return gaps;
}

json_t *qd_tag_seen_json(const qd_tag_seen *s, const char *file, const char *format) {
    const qd_tag_info *i = &s->info;
    const struct {
        const char *name;
        uint64_t n;
    } counts[] = {{"records", i->records},       {"events", i->events},         {"stray", i->stray},           {"backward", i->backward},
                  {"jumps", i->jumps},           {"equal_times", i->equal_times}, {"duplicates", i->duplicates}, {"lost", i->lost},
                  {"faults", i->faults},         {"epoch_gaps", i->epoch_gaps}, {"epochs_missing", i->epochs_missing},
                  {"outside", i->outside}};
    json_t *j = json_object();
    json_object_set_new(j, "file", json_string(file));
    json_object_set_new(j, "format", json_string(format));
    json_object_set_new(j, "tick", json_pack("[I,I]", (json_int_t)s->tick.num, (json_int_t)s->tick.den));
    json_object_set_new(j, "whole", json_boolean(s->whole));
    for (size_t k = 0; k < sizeof counts / sizeof *counts; k++) json_object_set_new(j, counts[k].name, qd_json_from_u64(counts[k].n));
    json_object_set_new(j, "claimed", s->format.kind == QD_TAG_PTU ? json_integer(i->claimed) : json_null());
    json_object_set_new(j, "largest_backward", json_integer(i->largest_backward));
    json_object_set_new(j, "jump_event", i->jumps ? qd_json_from_u64(i->jump_event) : json_null());
    json_object_set_new(j, "gaps", qd_tag_gaps_json(s));
    json_object_set_new(j, "found", qd_tag_found_json(s, ~0U));
    return j;
}
