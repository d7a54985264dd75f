/* SPDX-License-Identifier: Apache-2.0 */
/* The one place that knows all rooms' operations. */
#include "qdistill/amplify.h"
#include "qdistill/arith.h"
#include "qdistill/link.h"
#include "qdistill/pipeline.h"
#include "qdistill/reconcile.h"
#include "qdistill/security.h"
#include "qdistill/sift.h"
#include "qdistill/timetag.h"

static const qd_op *const *const rooms[] = {qd_link_ops,      qd_arith_ops,    qd_timetag_ops, qd_sift_ops,
                                            qd_reconcile_ops, qd_security_ops, qd_amplify_ops, NULL};

static const qd_registry registry = {rooms};

const qd_registry *qd_registry_all(void) { return &registry; }
