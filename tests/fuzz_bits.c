/* SPDX-License-Identifier: Apache-2.0 */
/* A bit file and its sidecar: the first byte says where the one ends and the other begins, and in which order bits are read.
 * What is read is clean, and the same after being written. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "qdistill/core.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static char path[64], side[80];

static void clean_up(void) {
    unlink(path);
    unlink(side);
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc;
    (void)argv;
    snprintf(path, sizeof path, "/tmp/qdistill-fuzz-bits-%ld", (long)getpid());
    snprintf(side, sizeof side, "%s.json", path);
    atexit(clean_up);
    return 0;
}

static void put(const char *name, const uint8_t *p, size_t n) {
    FILE *f = fopen(name, "wb");
    if (!f || fwrite(p, 1, n, f) != n || fclose(f) != 0) exit(1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1) return 0;
    qd_bit_order order = data[0] & 1 ? QD_MSB_FIRST : QD_LSB_FIRST;
    size_t cut = 1 + data[0] / 2 % size;
    clean_up();
    put(path, data + 1, cut - 1);
    if (cut < size) put(side, data + cut, size - cut);
    qd_error err = {0};
    qd_bits b, again;
    qd_status st = qd_bits_read_file(&b, path, UINT64_MAX, order, &err);
    if (st != QD_OK) {
        if (st != QD_E_INPUT || b.w || b.n || !err.what[0]) abort();
        return 0;
    }
    if (!qd_bits_clean(&b) || qd_bits_bytes(b.n) != cut - 1) abort();
    uint8_t *bytes = malloc(cut);
    qd_bits_to_bytes(&b, order, bytes);
    if (memcmp(bytes, data + 1, cut - 1) != 0) abort();
    if (qd_bits_from_bytes(&again, bytes, b.n, order, &err) != QD_OK || !qd_bits_equal(&b, &again)) abort();
    free(bytes);
    qd_bits_destroy(&b);
    qd_bits_destroy(&again);
    return 0;
}
