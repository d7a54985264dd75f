/* SPDX-License-Identifier: Apache-2.0 */
/* How fast raw event files are read: read() alone, a C loop by hand (blocks, decoded into arrays, order looked at), and the reader, in
 * turn on the same file. read_tags [EVENTS [FOLDER]]: writes a file in each of the four formats into FOLDER (/tmp) and removes it. */
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include "qdistill/core/report.h"
#include "qdistill/timetag.h"

enum { BLOCK = 4096, CHUNK = 1 << 20, REPEAT = 5 };

typedef struct cost {
    double wall, cpu; /* seconds, the least of all repeats */
} cost;

static double cpu(void) {
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) + 1e-6 * (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec);
}

static _Noreturn void fail(const char *what) {
    fprintf(stderr, "read_tags: %s\n", what);
    exit(1);
}

/* A million events a second, exponential gaps, five in a thousand up to 8 ns late. */
static void make(const char *path, qd_tag_format f, uint64_t events) {
    FILE *out = fopen(path, "wb");
    if (!out) fail("cannot write the file");
    double at = 0, mean = f.bits == 54 ? 256000 : 8000;
    for (uint64_t i = 0; i < events; i++) {
        uint32_t r[4];
        qd_philox(1, QD_STREAM_TEST, i, 0, r);
        at -= log(((double)r[0] + 1) * 0x1p-32) * mean;
        uint64_t t = (uint64_t)at - (i > 9 && r[1] % 1000 < 5 ? r[2] % (uint64_t)(mean / 128) : 0);
        uint64_t w = t << (64 - f.bits) | 1u << (r[3] & 3);
        if ((f.bits == 49) != f.swapped) w = w << 32 | w >> 32;
        if (fwrite(&w, sizeof w, 1, out) != 1) fail("cannot write the file"); /* little-endian machines only */
    }
    if (fclose(out) != 0) fail("cannot write the file");
}

static uint64_t read_only(const char *path) {
    static uint8_t block[BLOCK * 8];
    uint64_t bytes = 0;
    int fd = open(path, O_RDONLY);
    for (ssize_t n; (n = read(fd, block, sizeof block)) > 0;) bytes += (uint64_t)n;
    close(fd);
    return bytes / 8;
}

static int64_t *loop_t;
static uint8_t *loop_mask;

/* What a program does that knows its file: no records but events, no wraps. */
static uint64_t by_hand(const char *path, qd_tag_format f) {
    static uint64_t block[BLOCK];
    uint64_t events = 0;
    int64_t back = 0, last = 0;
    unsigned low = 64 - f.bits, turn = (f.bits == 49) != f.swapped ? 32 : 0;
    int fd = open(path, O_RDONLY);
    for (ssize_t n; (n = read(fd, block, sizeof block)) > 0;) {
        int64_t *t = loop_t + events % CHUNK;
        uint8_t *mask = loop_mask + events % CHUNK;
        for (ssize_t i = 0; i < n / 8; i++) {
            uint64_t w = block[i] << turn | block[i] >> (64 - turn) % 64;
            t[i] = (int64_t)(w >> low);
            mask[i] = w & 15;
        }
        for (ssize_t i = 1; i < n / 8; i++) back += t[i] < t[i - 1];
        back += t[0] < last;
        last = t[n / 8 - 1];
        events += (uint64_t)n / 8;
    }
    close(fd);
    return back < (int64_t)events ? events : 0;
}

static uint64_t by_reader(const char *path, qd_tag_format f) {
    qd_tag_reader *r = NULL;
    qd_tags t = {0};
    bool end = false;
    qd_error err = {0};
    if (qd_tag_reader_open(path, f, &r, &err) != QD_OK) fail(err.what);
    while (!end) {
        t.n = 0;
        if (qd_tag_reader_read(r, CHUNK, &t, &end, &err) != QD_OK) fail(err.what);
    }
    uint64_t events = qd_tag_reader_info(r)->events;
    qd_tag_reader_close(r);
    qd_tags_destroy(&t);
    return events;
}

static void measure(const char *path, qd_tag_format f, uint64_t events, cost c[3]) {
    for (int k = 0; k < 3; k++) c[k] = (cost){HUGE_VAL, HUGE_VAL};
    for (int i = 0; i < REPEAT; i++)
        for (int k = 0; k < 3; k++) {
            double w = qd_now(), u = cpu();
            uint64_t n = k == 0 ? read_only(path) : k == 1 ? by_hand(path, f) : by_reader(path, f);
            c[k].wall = fmin(c[k].wall, qd_now() - w);
            c[k].cpu = fmin(c[k].cpu, cpu() - u);
            if (n != events) fail("events are missing");
        }
}

int main(int argc, char **argv) {
    static const char *const names[] = {"a1-49", "a1-54", "a1-49-swapped", "a1-54-swapped"};
    uint64_t events = argc > 1 ? strtoull(argv[1], NULL, 10) : 16000000;
    events = events / CHUNK * CHUNK + CHUNK;
    char path[512];
    loop_t = malloc(CHUNK * sizeof *loop_t);
    loop_mask = malloc(CHUNK);
    if (!loop_t || !loop_mask) fail("no memory");
    printf("%" PRIu64 " events, %.3f GB; GB/s by wall and (by processor time), the best of %d\n", events, 8e-9 * (double)events, REPEAT);
    printf("%-16s %17s %17s %17s   reader/loop  reader/read\n", "", "read() alone", "C loop", "reader");
    for (int k = 0; k < 4; k++) {
        qd_tag_format f;
        cost c[3];
        if (qd_tag_format_parse(names[k], &f, NULL) != QD_OK) fail("no such format");
        snprintf(path, sizeof path, "%s/read_tags.%d.a1", argc > 2 ? argv[2] : "/tmp", (int)getpid());
        make(path, f, events);
        measure(path, f, events, c);
        (void)unlink(path);
        printf("%-16s", names[k]);
        for (int i = 0; i < 3; i++) printf("   %6.2f (%6.2f)", 8e-9 * (double)events / c[i].wall, 8e-9 * (double)events / c[i].cpu);
        printf("   %.2f         %.2f\n", c[2].cpu / c[1].cpu, c[2].cpu / c[0].cpu);
        fflush(stdout);
    }
    return 0;
}
