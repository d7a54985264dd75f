/* SPDX-License-Identifier: Apache-2.0 */
/** @file tables.h  A code as the device kernels read it. */
#ifndef QD_RECONCILE_TABLES_H
#define QD_RECONCILE_TABLES_H

#include "compute/cl.h"
#include "reconcile/code.h"

/** Tables of a code on the device: as the heads of the kernels describe them. {0} is none. */
typedef struct qd_code_tables {
    qd_buf rows, edges, cols, places;
} qd_code_tables;

/** Build and upload; freed with qd_code_tables_free, also after an error. @p lanes 0: rows and edges with their shifts as they
 *  are;
 *  else the tables of rotated columns for vectors of that many lanes. */
qd_status qd_code_tables_make(qd_code_tables *t, const qd_code *c, uint32_t lanes, qd_device *dev, qd_error *err);
void qd_code_tables_free(qd_code_tables *t);

/** Zero and free a buffer that held key material. {0} is accepted. */
void qd_buf_wipe(qd_device *dev, qd_buf *b);

#endif
