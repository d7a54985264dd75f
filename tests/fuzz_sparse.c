/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a code, of either format, and as pairs of rows: a clear error, or a code that comes back from its own alist. */
#include <stdlib.h>
#include <string.h>
#include "qdistill/reconcile/sparse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(int condition) {
    if (!condition) abort();
}

static void again(const qd_sparse_code *c) {
    qd_sparse_code *d = NULL;
    qd_error err;
    size_t bytes;
    char *text = qd_sparse_alist(c, &bytes);
    need(text && qd_sparse_parse("alist", text, bytes, &d, &err) == QD_OK);
    need(d->n == c->n && d->m == c->m && d->edges == c->edges && memcmp(d->col, c->col, c->edges * sizeof *c->col) == 0);
    free(text);
    qd_sparse_free(d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char small[] = "4 2\n1 2\n1 1 1 1\n2 2\n1\n1\n2\n2\n1 2\n3 4\n";
    qd_sparse_code *c = NULL, *d = NULL;
    qd_sparse_pairs p;
    qd_error err = {0};
    qd_status st = qd_sparse_parse("fuzz", (const char *)data, size, &c, &err);
    need(st == QD_OK ? c != NULL : st == QD_E_INPUT && !c && err.what[0]);
    if (c && c->edges < 100000) again(c);
    qd_sparse_free(c);
    need(qd_sparse_parse("small", small, sizeof small - 1, &c, &err) == QD_OK);
    st = qd_sparse_pairs_parse("fuzz", (const char *)data, size, c, &p, &err);
    need(st == QD_OK || (st == QD_E_INPUT && !p.row));
    if (st == QD_OK) need(qd_sparse_combine(c, &p, p.n, &d, &err) == QD_OK);
    qd_sparse_pairs_free(&p);
    qd_sparse_free(c);
    qd_sparse_free(d);
    return 0;
}
