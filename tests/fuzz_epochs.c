/* SPDX-License-Identifier: Apache-2.0 */
/* Epoch files: T1 and T2 as tags, T3, T4 and T7 as bytes in memory; what is accepted comes out as the same bytes again. */
#include "fuzz_tagfile.h"

static void t3(const uint8_t *data, size_t size) {
    qd_epoch_head h;
    uint8_t *e = NULL;
    if (qd_t3_decode(data, size, &h, &e, NULL) != QD_OK) return;
    uint8_t *back = malloc(size);
    need(qd_epoch_file_bytes(&h) == size);
    qd_t3_encode(&h, e, back);
    need(memcmp(back, data, size) == 0);
    free(back);
    qd_secret_free(e);
}

static void t4(const uint8_t *data, size_t size) {
    qd_epoch_head h, g;
    uint32_t *ix = NULL, *ix2 = NULL;
    uint8_t *pat = NULL, *pat2 = NULL, *back = NULL;
    size_t n;
    if (qd_t4_decode(data, size, &h, &ix, &pat, NULL) != QD_OK) return;
    need(qd_t4_encode(&h, ix, pat, &back, &n, NULL) == QD_OK);
    need(n <= size); /* a short difference may have come in the long form */
    need(qd_t4_decode(back, n, &g, &ix2, &pat2, NULL) == QD_OK && g.length == h.length);
    need(h.length == 0 || (memcmp(ix, ix2, h.length * sizeof *ix) == 0 && memcmp(pat, pat2, h.length) == 0));
    free(ix), free(ix2), free(pat), free(pat2), free(back);
}

static void t7(const uint8_t *data, size_t size) {
    qd_epoch_head h;
    qd_bits key;
    if (qd_t7_decode(data, size, &h, &key, NULL) != QD_OK) return;
    uint8_t *back = malloc(size);
    need(key.n == h.length && qd_bits_clean(&key));
    qd_t7_encode(&h, &key, back);
    need(memcmp(back, data, size) == 0);
    free(back);
    qd_bits_destroy(&key);
}

/* T1 and T2 entry by entry; true: they are there. */
static int entries(unsigned type, const uint8_t *data, size_t size) {
    qd_epoch_events e;
    qd_status st = (type == 1 ? qd_t1_decode : qd_t2_decode)(data, size, &e, NULL);
    need(st == QD_OK || (st == QD_E_INPUT && e.t == NULL));
    if (st != QD_OK) return 0;
    need(e.n == e.head.length && e.head.type == type);
    for (uint64_t i = 0; i < e.n; i++) {
        need(type == 1 ? e.pattern[i] < 16 : e.pattern[i] >> e.head.bits == 0);
        need(type == 1 || e.t[i] >= (i ? e.t[i - 1] : 0) + 2);
    }
    qd_epoch_events_free(&e);
    return 1;
}

/* A header that is right, with what the input says of its fields, and the rest of the input behind it. */
static size_t framed(uint8_t *file, unsigned type, const uint8_t *data, size_t size) {
    qd_epoch_head h = {.type = type, .anchored = data[0] & 1, .epoch = data[1] * 0x01010101u, .base = 4};
    h.bits = type == 1 ? 49 : type == 3 ? 1 + data[2] % 8 : data[2] & 1 ? 4 : 1;
    h.protocol = h.bits == 1;
    h.order = 1 + data[3] % 27;
    size_t body = size - 4;
    if (type == 1) {
        body = body / 8 * 8;
        h.length = (uint32_t)(body / 8);
    } else if (type == 3 || type == 7) {
        body = body / 4 * 4;
        h.length = (uint32_t)(body * 8 / (type == 3 ? h.bits : 1));
    } else {
        body = body / 4 * 4;
        h.length = (uint32_t)data[0] >> 1;
    }
    h.epochs = data[3];
    size_t n = qd_epoch_head_bytes(type);
    qd_epoch_head_write(&h, file);
    memcpy(file + n, data + 4, body);
    n += body;
    if (type == 1) {
        memset(file + n, 0, 8);
        n += 8;
    }
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const unsigned type_of[5] = {1, 2, 3, 4, 7};
    static const char *const formats[4] = {"t1", "t1:bits=54", "t2", "t2:epoch0=0x01010101"};
    if (size < 8) return 0;
    unsigned type = type_of[data[0] % 5];
    uint8_t *file = malloc(size + 64);
    size_t n = size - 1;
    if (data[0] & 128)
        memcpy(file, data + 1, n);
    else
        n = framed(file, type, data + 1, size - 1);
    if (type == 3) t3(file, n);
    if (type == 4) t4(file, n);
    if (type == 7) t7(file, n);
    if (type < 3) {
        char path[64];
        qd_tag_format f;
        qd_tags t = {0};
        qd_tag_info info = {0};
        int fd = file_of(file, n, path);
        need(qd_tag_format_parse(formats[(type - 1) * 2 + (data[0] >> 6 & 1)], &f, NULL) == QD_OK);
        qd_status st = read_tags(path, &f, 1 + data[1] * (uint64_t)37, &t, &info);
        need(entries(type, file, n) || st != QD_OK); /* what makes a stream of tags makes entries */
        qd_tags_destroy(&t);
        close(fd);
    }
    free(file);
    return 0;
}
