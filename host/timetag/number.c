/* SPDX-License-Identifier: Apache-2.0 */
#include "timetag/number.h"
#include <stdlib.h>
#include <string.h>
#include "timetag/ticks.h"

enum { DIGITS = 36 };

bool qd_parse_decimal(const char *p, qd_decimal *out) {
    *out = (qd_decimal){0, 0};
    while (*p == ' ' || *p == '\t') p++;
    bool minus = *p == '-', any = false, point = false;
    if (*p == '-' || *p == '+') p++;
    for (int n = 0; (*p >= '0' && *p <= '9') || (*p == '.' && !point); p++) {
        if (*p == '.') {
            point = true;
            continue;
        }
        any = true;
        if (n < DIGITS) {
            out->digits = out->digits * 10 + (*p - '0');
            n += out->digits != 0;
            out->power -= point;
        } else {
            out->power += !point;
        }
        if (out->power > 1000 || out->power < -1000) return false;
    }
    if (!any) return false;
    if (*p == 'e' || *p == 'E') {
        const char *digits = p + 1 + (p[1] == '-' || p[1] == '+');
        if (*digits < '0' || *digits > '9') return false;
        char *end;
        long e = strtol(p + 1, &end, 10);
        if (e > 1000 || e < -1000) return false;
        out->power += (int)e;
        p = end;
    }
    while (*p == ' ' || *p == '\t') p++;
    if (minus) out->digits = -out->digits;
    return *p == 0;
}

void qd_decimal_trim(qd_decimal *d) {
    for (; d->power < 0 && d->digits % 10 == 0; d->power++) {
        if (d->digits == 0) {
            d->power = 0;
            return;
        }
        d->digits /= 10;
    }
}

void qd_decimal_floor(qd_decimal *d, int power) {
    for (; d->power < power && d->digits; d->power++) d->digits = qd_floor_div(d->digits, 10);
    if (d->power < power) d->power = power;
}

bool qd_decimal_minus(qd_decimal a, qd_decimal b, qd_decimal *out) {
    const __int128 room = (__int128)1 << 122; /* ten times this and a difference still fit */
    qd_decimal *coarse = a.power > b.power ? &a : &b;
    int power = a.power < b.power ? a.power : b.power;
    for (; coarse->digits && coarse->power > power; coarse->power--) {
        if (coarse->digits >= room || coarse->digits <= -room) return false;
        coarse->digits *= 10;
    }
    *out = (qd_decimal){a.digits - b.digits, power};
    return true;
}

static unsigned __int128 gcd(unsigned __int128 a, unsigned __int128 b) {
    while (b) {
        unsigned __int128 r = a % b;
        a = b;
        b = r;
    }
    return a;
}

bool qd_fraction(unsigned __int128 num, unsigned __int128 den, unsigned num_bits, unsigned den_bits, qd_tick *out) {
    if (num == 0 || den == 0) return false;
    unsigned __int128 g = gcd(num, den);
    num /= g;
    den /= g;
    if (num >> num_bits || den >> den_bits) return false;
    *out = (qd_tick){(uint64_t)num, (uint64_t)den};
    return true;
}

bool qd_fraction_common(qd_tick a, qd_tick b, qd_tick *out) {
    unsigned __int128 common = gcd((unsigned __int128)a.num * b.den, (unsigned __int128)b.num * a.den);
    return qd_fraction(common, (unsigned __int128)a.den * b.den, 31, 31, out);
}

/* 10^power as far as it fits; 0 when it does not. */
static __int128 ten(int power) {
    __int128 v = 1;
    if (power > 36) return 0;
    for (int i = 0; i < power; i++) v *= 10;
    return v;
}

bool qd_parse_fraction(const char *text, qd_tick *out) {
    char part[64];
    const char *slash = strchr(text, '/');
    size_t n = slash ? (size_t)(slash - text) : strlen(text);
    if (n >= sizeof part) return false;
    memcpy(part, text, n);
    part[n] = 0;
    qd_decimal d, e = {1, 0};
    if (!qd_parse_decimal(part, &d) || d.digits <= 0 || d.power > 12 || d.power < -18 || d.digits >= ((__int128)1 << 62))
        return false;
    if (slash && (!qd_parse_decimal(slash + 1, &e) || e.digits <= 0 || e.power || e.digits >= ((__int128)1 << 31))) return false;
    unsigned __int128 num = (unsigned __int128)d.digits, den = (unsigned __int128)e.digits;
    if (d.power > 0)
        num *= (unsigned __int128)ten(d.power);
    else
        den *= (unsigned __int128)ten(-d.power);
    return qd_fraction(num, den, 31, 31, out);
}

bool qd_decimal_ticks(qd_decimal d, int power, qd_tick tick, int64_t *out) {
    const __int128 limit = (__int128)1 << 62, whole_limit = (__int128)1 << 94;
    qd_decimal_floor(&d, -18 - power); /* what is below an attosecond's millionth */
    int e = d.power + power;
    __int128 v = d.digits;
    for (; e > 0 && v; e--) {
        if (v >= whole_limit || v <= -whole_limit) return false;
        v *= 10;
    }
    __int128 scale = v ? ten(-e) : 1, whole = qd_floor_div(v, scale), rest = v - whole * scale; /* v ps = whole + rest / scale */
    if (whole >= whole_limit || whole <= -whole_limit) return false;
    __int128 num = (__int128)tick.num, den = (__int128)tick.den;
    __int128 q = qd_floor_div(whole * den, num), m = whole * den - q * num;
    __int128 top = m * scale + rest * den, bottom = num * scale; /* what is left over, in ticks: top / bottom */
    q += qd_floor_div(2 * top + bottom, 2 * bottom);
    *out = (int64_t)q;
    return q < limit && q > -limit;
}
