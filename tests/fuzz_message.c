/* SPDX-License-Identifier: Apache-2.0 */
/* A stream of messages, and the readers of their bodies, driven by the bytes themselves. */
#include <stdlib.h>
#include <string.h>
#include "qdistill/core.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Read the body field by field; its own bytes choose what is read next. */
static void read_body(const qd_msg *m) {
    qd_error err = {0};
    qd_body b = qd_body_of(m);
    uint8_t block[64];
    while (!b.bad && b.at < b.n) {
        uint64_t before = b.at;
        uint8_t kind = qd_body_get_u8(&b);
        if (kind % 4 == 0) (void)qd_body_get_u32(&b);
        if (kind % 4 == 1) (void)qd_body_get_u64(&b);
        if (kind % 4 == 2) qd_body_get(&b, block, kind / 4);
        if (b.at <= before || b.at > b.n) abort();
    }
    if ((qd_body_end(&b, m, &err) == QD_OK) == b.bad) abort();
    if (b.bad && qd_body_get_u64(&b) != 0) abort();
    qd_body_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (!size) return 0;
    FILE *f = fmemopen((void *)(uintptr_t)data, size, "rb");
    qd_transcript *t = NULL;
    qd_error err = {0};
    if (!f || qd_transcript_open(NULL, false, 0, &t, &err) != QD_OK) exit(1);
    size_t at = 0;
    for (bool end = false; !end;) {
        qd_msg m;
        qd_status st = qd_msg_read(f, UINT64_MAX, &m, &end, &err);
        if (st != QD_OK) {
            if (st == QD_E_INPUT ? !err.what[0] || m.body : st != QD_E_INTERNAL) abort(); /* a huge length: no memory */
            break;
        }
        if (end) break;
        uint8_t head[QD_MSG_HEADER];
        qd_msg_header(&m, head);
        if (memcmp(head, data + at, sizeof head) != 0) abort(); /* a header has one form only */
        at += sizeof head + m.bytes;
        if (qd_transcript_add(t, &m, &err) != QD_OK) abort();
        read_body(&m);
        free(m.body);
    }
    (void)qd_transcript_close(t, &err);
    fclose(f);
    return 0;
}
