/* SPDX-License-Identifier: Apache-2.0 */
/** @file tables.h  A code as the device kernels read it. */
#ifndef QD_RECONCILE_TABLES_H
#define QD_RECONCILE_TABLES_H

#include "compute/cl.h"
#include "reconcile/code.h"

/** Tables of a code on the device: rows, edges and columns as the head of the kernel describes them. {0} is none. */
typedef struct qd_code_tables {
    qd_buf rows, edges, cols;
} qd_code_tables;

typedef enum qd_edge_form {
    QD_EDGES_PLAIN,   /**< [edges][2]: column, shift */
    QD_EDGES_GROUP,   /**< [edges][3]: column, shift, 0 */
    QD_EDGES_RELATIVE /**< [edges][3]: column, shift relative to the column's former row, and to its last row */
} qd_edge_form;

/** Build and upload; freed with qd_code_tables_free, also after an error. */
qd_status qd_code_tables_make(qd_code_tables *t, const qd_code *c, qd_edge_form form, qd_device *dev, qd_error *err);
void qd_code_tables_free(qd_code_tables *t);

/** Zero and free a buffer that held key material. {0} is accepted. */
void qd_buf_wipe(qd_device *dev, qd_buf *b);

#endif
