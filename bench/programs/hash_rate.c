/* SPDX-License-Identifier: Apache-2.0 */
/* How fast hashing is with all cores busy: hash_rate [each] [route=N] [REPEAT [LOG2N...]]. Modified Toeplitz, r = 3n/8, a fresh seed and key for each hash, by
 * the device's route or that of this number in a problem string. With
 * `each` every core hashes blocks of its own, in a process of its own with one thread; without, one device has all cores for each hash.
 * For each n = 2^LOG2N the median of REPEAT hashes, in Gbit/s of n and core:
 *   kernels    by the device's time of kernels, divided by its compute units
 *   processor  by the process's time of processor, end to end: what one core does when no other work is on the machine
 *   end to end by the caller's wall time, divided likewise
 * and the fraction of the limit that carry-less multiplication sets: the instructions that three transforms of n/32 points and their
 * product need, at the rate that one thread reaches with independent ones (of the routes 1 and 3: none). Wall times of a machine with other work are too long: best of them beside. */
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "amplify/toeplitz.h"
#include "harness.h"
#include "qdistill/core/report.h"
#if defined(__VPCLMULQDQ__) && defined(__AVX2__)
#include <immintrin.h>
#endif

static qd_error err;

static void must(qd_status st) {
    if (st == QD_OK) return;
    fprintf(stderr, "hash_rate: %s: %s\n", err.what, err.cause);
    exit(1);
}

static double processor(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Seconds of one instruction of 256 bits (two products) among independent ones; 0 where this build has none. */
static double multiplication(void) {
#if defined(__VPCLMULQDQ__) && defined(__AVX2__)
    enum { CHAINS = 12, ROUNDS = 1 << 22 };
    __m256i a[CHAINS];
    for (int i = 0; i < CHAINS; i++) a[i] = _mm256_set1_epi64x(0x123456789abcdef + i);
    double least = 1;
    for (int run = 0; run < 5; run++) {
        double start = processor();
        for (int k = 0; k < ROUNDS; k++)
#pragma GCC unroll 12
            for (int i = 0; i < CHAINS; i++) a[i] = _mm256_clmulepi64_epi128(a[i], a[i], 0x10);
        double t = (processor() - start) / ROUNDS / CHAINS;
        if (t < least) least = t;
    }
    __m256i sum = a[0];
    for (int i = 1; i < CHAINS; i++) sum = _mm256_xor_si256(sum, a[i]);
    if (_mm256_testz_si256(sum, sum)) fprintf(stderr, "\n"); /* the loop is needed */
    return least;
#else
    return 0;
#endif
}

/* Instructions of 256 bits that one hash needs: a butterfly's product takes half of one, those of twiddle zero none. */
static double instructions(unsigned log2n) {
    double points = (double)((uint64_t)1 << log2n) / 32, layers = (double)log2n - 5;
    return (3 * (points / 2 * layers - points) + points) / 2;
}

static void fill(qd_bits *b, uint64_t n, uint64_t seed) {
    must(qd_bits_create(b, n, &err));
    qd_random r = {.rehearsal = 1, .seed = seed, .stream = QD_STREAM_TEST};
    qd_random_bytes(&r, b->w, (size_t)qd_bits_words(n) * 8);
    if (n % 64) b->w[n / 64] &= ((uint64_t)1 << (n % 64)) - 1;
}

typedef struct times {
    double kernels[QD_BENCH_REPEAT_MAX], processor[QD_BENCH_REPEAT_MAX], wall[QD_BENCH_REPEAT_MAX];
} times;

static void one(qd_device *dev, const qd_toeplitz_choice *choice, unsigned log2n, unsigned repeat, double instruction, times *t) {
    const uint64_t n = (uint64_t)1 << log2n, r = 3 * (n / 8);
    const double units = qd_device_about(dev)->compute_units, gbit = 1e-9 * (double)n;
    for (unsigned i = 0; i <= repeat; i++) { /* the first, which makes kernels, does not count */
        qd_bits x, seed, y;
        fill(&x, n, 2 * i);
        fill(&seed, n - 1, 2 * i + 1);
        const unsigned at = i ? i - 1 : 0;
        qd_device_time_reset(dev);
        double cpu = processor(), wall = qd_now();
        must(qd_toeplitz_with(dev, QD_HASH_MODIFIED_TOEPLITZ, choice, &x, r, &seed, &y, &err));
        t->wall[at] = qd_now() - wall, t->processor[at] = processor() - cpu;
        t->kernels[at] = qd_device_time_read(dev).kernel_seconds;
        qd_bits_destroy(&x);
        qd_bits_destroy(&seed);
        qd_bits_destroy(&y);
    }
    const qd_spread k = qd_spread_of(t->kernels, repeat), p = qd_spread_of(t->processor, repeat), w = qd_spread_of(t->wall, repeat);
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    printf("2^%-3u  kernels %.2f (best %.2f)  processor %.2f (best %.2f)  end to end %.2f (best %.2f)", log2n, gbit / k.median / units, gbit / k.min / units,
           gbit / p.median, gbit / p.min, gbit / w.median / units, gbit / w.min / units);
    if (instruction > 0) printf("  limit %.2f, of it %.0f %%", gbit / instructions(log2n) / instruction, 100 * instructions(log2n) * instruction / k.median / units);
    printf("  peak %ld MiB\n", u.ru_maxrss / 1024);
    fflush(stdout);
}

static int measure(int argc, char **argv) {
    static const unsigned usual[] = {20, 24, 27};
    const bool routed = argc > 1 && strncmp(argv[1], "route=", 6) == 0;
    const qd_toeplitz_choice choice = {.route = routed ? (qd_toeplitz_route)strtoul(argv[1] + 6, NULL, 10) : QD_TOEPLITZ_AUTO};
    if (routed) argc--, argv++;
    unsigned repeat = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 9;
    if (repeat < 1 || repeat > QD_BENCH_REPEAT_MAX || choice.route >= QD_TOEPLITZ_ROUTES) {
        fprintf(stderr, "usage: hash_rate [each] [route=0..%d] [REPEAT [LOG2N...]], REPEAT from 1 to %d\n", QD_TOEPLITZ_ROUTES - 1, QD_BENCH_REPEAT_MAX);
        return 2;
    }
    qd_device *dev;
    must(qd_device_open("cpu", &dev, &err));
    double instruction = choice.route == QD_TOEPLITZ_NTT || choice.route == QD_TOEPLITZ_SLICED ? 0 : multiplication();
    printf("Gbit/s of n and core on %s, %" PRIu32 " compute units, r = 3n/8, median of %u\n", qd_device_about(dev)->name, qd_device_about(dev)->compute_units, repeat);
    if (instruction > 0) printf("an instruction of two products takes %.3f ns\n", 1e9 * instruction);
    times *t = malloc(sizeof *t);
    if (!t) return 1;
    for (int i = 2; i < argc; i++) {
        unsigned long log2n = strtoul(argv[i], NULL, 10);
        if (log2n >= 10 && log2n <= 32) one(dev, &choice, (unsigned)log2n, repeat, instruction, t);
    }
    for (size_t i = 0; argc <= 2 && i < sizeof usual / sizeof *usual; i++) one(dev, &choice, usual[i], repeat, instruction, t);
    free(t);
    qd_device_close(dev);
    return 0;
}

/* One process a core; each prints its own lines. */
static int on_each_core(int argc, char **argv) {
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    setenv("POCL_MAX_PTHREAD_COUNT", "1", 1);
    for (long i = 0; i < cores; i++) {
        pid_t child = fork();
        if (child < 0) return 1;
        if (child > 0) continue;
        cpu_set_t one_core;
        CPU_ZERO(&one_core);
        CPU_SET((size_t)i, &one_core);
        (void)sched_setaffinity(0, sizeof one_core, &one_core);
        return measure(argc, argv);
    }
    int worst = 0, status;
    while (wait(&status) > 0)
        if (status) worst = 1;
    return worst;
}

int main(int argc, char **argv) {
    bool each = argc > 1 && strcmp(argv[1], "each") == 0;
    return each ? on_each_core(argc - 1, argv + 1) : measure(argc, argv);
}
