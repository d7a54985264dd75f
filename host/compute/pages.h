/* SPDX-License-Identifier: Apache-2.0 */
/** @file pages.h  Memory on large pages, for what is gone through in strides: with pages of 4 KiB each access would look one up. */
#ifndef QD_COMPUTE_PAGES_H
#define QD_COMPUTE_PAGES_H

#include <stddef.h>

enum { QD_LARGE_PAGE = 2 << 20 };

/** @p bytes, rounded up to pages of QD_LARGE_PAGE where the system has such and else of any size; contents undefined; free() frees them. NULL: no memory. */
void *qd_large_pages(size_t bytes);

#endif
