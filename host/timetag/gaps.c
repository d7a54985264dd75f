/* SPDX-License-Identifier: Apache-2.0 */
/* Which of the longest times without events are no chance. */
#include <math.h>
#include "qdistill/timetag.h"

enum { LEAST = 16 }; /* gaps that the rate is taken from */

/* Of n gaps of a Poisson process of rate r, n exp(-r g) are longer than g on average. The rate is that of what lies between the gaps in
 * question: with the k longest left out it comes out higher, but of chance gaps the k-th longest stays within a few of the mean of the
 * shorter ones, far from the 21 + ln n that the bound asks for. */
unsigned qd_tag_gaps(const qd_tag_info *info) {
    const double bound = log(1e-9);
    if (info->events < 2) return 0;
    double all = (double)info->last - (double)info->first, n = (double)info->events - 1;
    unsigned listed = info->gaps < QD_TAG_GAPS ? (unsigned)info->gaps : QD_TAG_GAPS, found = 0;
    for (unsigned k = 1; k <= listed; k++) {
        double g = (double)info->gap[k - 1];
        all -= g;
        n -= 1;
        if (n >= LEAST && (all <= 0 || log(n) - g * n / all < bound)) found = k;
    }
    return found;
}
