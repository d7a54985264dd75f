/* SPDX-License-Identifier: Apache-2.0 */
/** @file number.h  Decimal numbers of text files, exact. Private to the room. */
#ifndef QD_TIMETAG_NUMBER_H
#define QD_TIMETAG_NUMBER_H

#include "qdistill/core.h"

/** digits x 10^power, with a sign. */
typedef struct qd_decimal {
    __int128 digits;
    int power;
} qd_decimal;

/** Read a number: sign, digits, fraction, exponent; nothing else may follow but blanks. Digits past the 36th are dropped.
 *  @return false: not a number. */
bool qd_parse_decimal(const char *text, qd_decimal *out);
/** Trailing zeros behind the point go: power < 0 is left for what is no whole number. */
void qd_decimal_trim(qd_decimal *d);
/** Down to a whole multiple of 10^power. */
void qd_decimal_floor(qd_decimal *d, int power);
/** a - b, exact. false: from the first digit of one to the last of the other there are more than fit, 36. */
bool qd_decimal_minus(qd_decimal a, qd_decimal b, qd_decimal *out);
/** A positive number or fraction ("1.5", "125/32") in lowest terms, both parts below 2^31. */
bool qd_parse_fraction(const char *text, qd_tick *out);
/** round(d 10^power ps / tick), halves up. false: beyond 2^62 in magnitude. */
bool qd_decimal_ticks(qd_decimal d, int power, qd_tick tick, int64_t *out);
/** The largest fraction of which both are whole multiples, parts below 2^31. false: its parts do not fit. */
bool qd_fraction_common(qd_tick a, qd_tick b, qd_tick *out);
/** num / den in lowest terms; false when a part is 0, or then the numerator is not below 2^num_bits or the other 2^den_bits. */
bool qd_fraction(unsigned __int128 num, unsigned __int128 den, unsigned num_bits, unsigned den_bits, qd_tick *out);

#endif
