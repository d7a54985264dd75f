/* SPDX-License-Identifier: Apache-2.0 */
/* Two ends of an authenticated channel on which messages are changed, dropped, repeated and reordered as the bytes say: a tag is taken if and
 * only if the other end has the same messages in the same order, and whatever a tag message holds is refused without harm. */
#include <stdlib.h>
#include <string.h>
#include "qdistill/amplify/auth.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST = 24, BODY = 40 };

typedef struct input {
    const uint8_t *p;
    size_t n;
} input;

static uint8_t take(input *in) {
    if (in->n == 0) return 0;
    in->n--;
    return *in->p++;
}

typedef struct item {
    qd_msg m;
    uint8_t body[BODY];
} item;

static void make(item *x, input *in) {
    static const uint32_t types[8] = {QD_MSG_TIMES, QD_MSG_PAIRS, QD_MSG_BASES_BOB, QD_MSG_SYNDROME, QD_MSG_ANSWER, QD_MSG_LENGTH, QD_MSG_HASH_SEED, QD_MSG_DONE};
    uint8_t how = take(in);
    *x = (item){.m = {.type = types[how & 7], .block = 1, .from = how >> 3 & 1, .last = how >> 4 & 1, .bytes = take(in) % BODY}};
    for (uint64_t i = 0; i < x->m.bytes; i++) x->body[i] = take(in);
}

/* What arrives of n items; returns how many. */
static int channel(const item *sent, int n, item *got, input *in) {
    int k = 0;
    for (int i = 0; i < n && k + 2 < MOST; i++) {
        uint8_t how = take(in);
        item x = sent[i];
        if (how == 1) continue;                             /* dropped */
        if (how == 2) got[k++] = x;                         /* and once more */
        if (how == 3) x.m.type ^= 1u << take(in) % 32;
        if (how == 4) x.m.from ^= 1;
        if (how == 5) x.m.last ^= 1;
        if (how == 6) x.m.bytes = take(in) % BODY;
        if (how == 7) x.body[take(in) % BODY] ^= take(in);  /* it may lie behind the body's end */
        if (how == 8 && k) {
            item y = got[k - 1];
            got[k - 1] = x;
            x = y;
        }
        got[k++] = x;
    }
    return k;
}

static bool same(const item *a, int n, const item *b, int k) {
    if (n != k) return false;
    for (int i = 0; i < n; i++) {
        if (a[i].m.type != b[i].m.type || a[i].m.from != b[i].m.from || a[i].m.last != b[i].m.last || a[i].m.bytes != b[i].m.bytes) return false;
        if (memcmp(a[i].body, b[i].body, a[i].m.bytes) != 0) return false;
    }
    return true;
}

static void absorb(qd_auth *a, item *x, int n) {
    for (int i = 0; i < n; i++) {
        x[i].m.body = x[i].body;
        qd_auth_absorb(a, &x[i].m);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    input in = {data, size};
    item sent[MOST], got[MOST];
    qd_auth_secret *secret[2];
    qd_auth *auth[2];
    uint8_t body[QD_AUTH_BODY + 1];
    for (int i = 0; i < 2; i++) {
        if (qd_auth_secret_rehearse(3, 2, 0, &secret[i], NULL) != QD_OK || qd_auth_create(secret[i], (qd_direction)i, "c", 1, &auth[i], NULL) != QD_OK) exit(1);
    }
    int n = 1 + take(&in) % 8;
    for (int i = 0; i < n; i++) make(&sent[i], &in);
    int k = channel(sent, n, got, &in);
    absorb(auth[0], sent, n);
    absorb(auth[1], got, k);
    if (qd_auth_tag(auth[0], body, NULL) != QD_OK) abort();
    qd_msg tag = {.type = QD_MSG_AUTH, .block = 1, .from = 0, .last = 1, .bytes = QD_AUTH_BODY, .body = body};
    bool whole = true;
    for (int edits = take(&in) % 3; edits > 0; edits--) {
        uint8_t how = take(&in), by = take(&in);
        if (how % 4 == 0) tag.bytes = by % (QD_AUTH_BODY + 2);
        else if (how % 4 == 1) tag.block ^= by;
        else if (how % 4 == 2) tag.from ^= by & 1;
        else body[by % QD_AUTH_BODY] ^= take(&in);
        whole = false;
    }
    qd_error err = {0};
    qd_status st = qd_auth_check(auth[1], &tag, &err);
    if (whole && (st == QD_OK) != same(sent, n, got, k)) abort();
    if (st == QD_OK && !same(sent, n, got, k)) abort();
    if (st != QD_OK && (st == QD_E_POLICY ? !err.likely[0] || !err.next[0] : st != QD_E_INPUT)) abort();
    if (st == QD_OK && qd_auth_secret_budget(secret[1]).next != 1) abort();
    for (int i = 0; i < 2; i++) {
        qd_auth_destroy(auth[i]);
        qd_auth_secret_close(secret[i]);
    }
    return 0;
}
