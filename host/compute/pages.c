/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/pages.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

void *qd_large_pages(size_t bytes) {
    if (bytes > SIZE_MAX - QD_LARGE_PAGE) return NULL;
    const size_t whole = (bytes + QD_LARGE_PAGE - 1) / QD_LARGE_PAGE * QD_LARGE_PAGE;
    void *p = aligned_alloc(QD_LARGE_PAGE, whole);
#ifdef MADV_HUGEPAGE
    if (p) (void)madvise(p, whole, MADV_HUGEPAGE); /* best effort */
#endif
    return p;
}
