/* SPDX-License-Identifier: Apache-2.0 */
/* How near the verification hash comes to what a core's instructions allow: tag_rate [LOG2BITS [RUNS]]. Prints the rates of carry-less multiply on this
 * processor, the least time of a hash by it (three products of words a block), and processor times of the hash on the host and on the CPU device, and
 * of a station's authentication of that many bits in messages of 1 MiB. Then the same for the forms of the host that do without carry-less multiply.
 * Each is the best of RUNS runs; instructions and hashes are measured in turn. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "arith/gf128.h"
#include "qdistill/amplify/auth.h"
#include "qdistill/arith.h"
#if defined(__x86_64__)
#include <immintrin.h>
#endif
#if defined(__VPCLMULQDQ__) && defined(__AVX2__)
#define FAST 1
#else
#define FAST 0
#endif
#if defined(__AVX__)
#define WITH_128(name) "v" name " %1,%0,%0"
#else
#define WITH_128(name) name " %1,%0"
#endif

enum { PRODUCTS = 1000000 };

static double cpu(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Seconds of an instruction on registers, ten without dependence in turn. */
#define MEASURE(name, type, spread, instruction)                                                                  \
    static double name(void) {                                                                                    \
        type a[10], w = spread(0x123456789abcdef), p;                                                             \
        for (int i = 0; i < 10; i++) a[i] = spread(i * 0x9e3779b97f4a7c15);                                       \
        double start = cpu();                                                                                     \
        for (int i = 0; i < PRODUCTS / 10; i++) {                                                                 \
            for (int j = 0; j < 10; j++) __asm__ volatile(instruction " %2,%1,%0" : "=x"(p) : "x"(a[j]), "x"(w)); \
        }                                                                                                         \
        return (cpu() - start) / PRODUCTS;                                                                        \
    }
/* The same of 128 bits, where every processor has it: of two operands. */
#define MEASURE_128(name, instruction)                                                                          \
    static double name(void) {                                                                                  \
        __m128i a[10], w = _mm_set1_epi64x(0x123456789abcdef);                                                  \
        for (int i = 0; i < 10; i++) a[i] = _mm_set1_epi64x(i * 0x9e3779b97f4a7c15);                            \
        double start = cpu();                                                                                   \
        for (int i = 0; i < PRODUCTS / 10; i++) {                                                               \
            for (int j = 0; j < 10; j++) __asm__ volatile(WITH_128(instruction) : "+x"(a[j]) : "x"(w));         \
        }                                                                                                       \
        return (cpu() - start) / PRODUCTS;                                                                      \
    }
#if defined(__x86_64__)
MEASURE_128(mul128, "pmuludq")
MEASURE_128(xor128, "pxor")
#endif
#if defined(__AVX2__)
MEASURE(mul256, __m256i, _mm256_set1_epi64x, "vpmuludq")
MEASURE(xor256, __m256i, _mm256_set1_epi64x, "vpxor")
#endif
#if FAST
MEASURE(clmul128, __m128i, _mm_set1_epi64x, "vpclmulqdq $0,")
MEASURE(clmul256, __m256i, _mm256_set1_epi64x, "vpclmulqdq $0,")
#if defined(__AVX512F__)
MEASURE(clmul512, __m512i, _mm512_set1_epi64, "vpclmulqdq $0,")
#endif
#endif

static void keep(double *best, double seconds) {
    if (*best == 0 || seconds < *best) *best = seconds;
}

/* Seconds to take @p m into an authentication hash, in messages; negative: it cannot be. */
static double authenticate(const qd_bits *m) {
    enum { MESSAGE = 1 << 20 };
    qd_auth_secret *secret = NULL;
    qd_auth *auth = NULL;
    double seconds = -1;
    if (qd_auth_secret_rehearse(1, 1, 0, &secret, NULL) == QD_OK && qd_auth_create(secret, QD_ALICE_TO_BOB, "", 0, &auth, NULL) == QD_OK) {
        const double start = cpu();
        for (uint64_t at = 0; at < m->n / 8; at += MESSAGE)
            qd_auth_absorb(auth, &(qd_msg){.type = QD_MSG_SYNDROME, .bytes = MESSAGE, .body = (uint8_t *)m->w + at});
        seconds = cpu() - start;
    }
    qd_auth_destroy(auth);
    qd_auth_secret_close(secret);
    return seconds;
}

/* ---- Without carry-less multiply --------------------------------------------------------------------------------- */

/* A form of the host: its vector instructions for each vector of blocks, as written (16 vectors a reduction), of which PRODUCTS_OF multiply. */
#define INSTRUCTIONS 141.5 /* 1.5 words to spread, 12 each, and 27 products, 72 with sums and halves; 1.5 to fold; a 16th of 224 for sums and reduction */
#define PRODUCTS_OF 40.5
typedef struct form {
    const char *name;
    qd_gf128_horner *horner;
    double bytes, mul, any, hash, auth; /* of a vector; best seconds of a product, of an exclusive or, of both measurements; 0 unknown */
} form;

static void measure_form(form *f, const qd_bits *m) {
    enum { BLOCKS = 4096 /* as authentication waits for */ };
    static qd_gf128 wait[BLOCKS];
    const qd_gf128 key = {{0x030201, 0}};
    qd_gf128 h = {{0, 0}};
    double start = cpu();
    h = f->horner(h, m->w, m->n / 128, key);
    keep(&f->hash, cpu() - start);
    start = cpu();
    for (uint64_t at = 0; at < m->n / 128; at += BLOCKS) {
        memcpy(wait, m->w + 2 * at, sizeof wait);
        const qd_gf128 part = f->horner((qd_gf128){{0, 0}}, wait[0].w, BLOCKS, key);
        h = f->horner(h, part.w, 1, key); /* times the power of the key so far */
        h = f->horner(h, part.w, 1, key); /* and the next power */
    }
    keep(&f->auth, cpu() - start);
    volatile uint64_t used = h.w[0];
    (void)used;
#if defined(__x86_64__)
    if (f->bytes == 16 && f->horner != qd_gf128_horner_plain) keep(&f->mul, mul128()), keep(&f->any, xor128());
#endif
#if defined(__AVX2__)
    if (f->bytes == 32) keep(&f->mul, mul256()), keep(&f->any, xor256());
#endif
}

static void print_form(const form *f, double gigabytes) {
    if (!f->horner) return;
    printf("without it, %s: host %.2f GB/s, authentication %.2f GB/s", f->name, gigabytes / f->hash, gigabytes / f->auth);
    if (f->any > 0)
        printf("; at most %.2f by %.1f products of %.3f ns a vector, %.2f by %.1f instructions of %.3f", f->bytes / (PRODUCTS_OF * 1e9 * f->mul), PRODUCTS_OF,
               1e9 * f->mul, f->bytes / (INSTRUCTIONS * 1e9 * f->any), INSTRUCTIONS, 1e9 * f->any);
    putchar('\n');
}

int main(int argc, char **argv) {
    const unsigned log2bits = argc > 1 ? (unsigned)atoi(argv[1]) : 27, runs = argc > 2 ? (unsigned)atoi(argv[2]) : 20;
    enum { HOST, AUTH, DEVICE, KERNEL, C128, C256, C512, MUL, WHAT };
    double best[WHAT] = {0};
    qd_error err;
    qd_device *dev = NULL;
    qd_bits m;
    uint8_t key[16] = {1, 2, 3}, tag[16];
    if (log2bits < 23 || log2bits > 36 || qd_bits_create(&m, (uint64_t)1 << log2bits, &err) != QD_OK) {
        fprintf(stderr, "usage: tag_rate [LOG2BITS [RUNS]], 23 to 36\n");
        return 2;
    }
    for (uint64_t i = 0; i < qd_bits_words(m.n); i++) m.w[i] = i * 0x9e3779b97f4a7c15u;
    form forms[] = {{.name = "plain C", .horner = qd_gf128_horner_plain, .bytes = 16},
                    {.name = "vectors of 128 bits", .horner = qd_gf128_horner_sse2(), .bytes = 16},
                    {.name = "vectors of 256 bits", .horner = qd_gf128_horner_avx2(), .bytes = 32}};
    if (qd_device_open("cpu", &dev, &err) != QD_OK) fprintf(stderr, "tag_rate: no CPU device: %s\n", err.what);
    for (unsigned i = 0; i < runs + 1; i++) {
        double start = cpu();
        if (qd_gf128_hash(&m, key, 128, tag, &err) != QD_OK) return 1;
        keep(&best[HOST], cpu() - start);
        keep(&best[AUTH], authenticate(&m));
        if (dev) qd_device_time_reset(dev);
        start = cpu();
        if (dev && qd_polyhash(dev, &m, key, 128, tag, &err) != QD_OK) return 1;
        if (dev && i > 0) { /* the first one compiles */
            keep(&best[DEVICE], cpu() - start);
            keep(&best[KERNEL], qd_device_time_read(dev).kernel_seconds);
        }
        for (unsigned f = 0; f < 3; f++)
            if (forms[f].horner) measure_form(&forms[f], &m);
#if defined(__AVX2__)
        keep(&best[MUL], mul256());
#endif
#if FAST
        keep(&best[C128], clmul128());
        keep(&best[C256], clmul256());
#if defined(__AVX512F__)
        keep(&best[C512], clmul512());
#endif
#endif
    }
    const double gigabytes = (double)m.n / 8e9;
    for (int w = C128; w <= C512; w++)
        if (best[w] > 0)
            printf("carry-less multiply of %d bits: %.3f ns, so %.1f GB/s at most\n", 128 << (w - C128), 1e9 * best[w],
                   (16 << (w - C128)) / (3 * 1e9 * best[w]));
    if (best[MUL] > 0) printf("four products of 32 bits: %.3f ns, so %.1f GB/s at most by the portable variant of the device\n", 1e9 * best[MUL], 32 / (72 * 1e9 * best[MUL]));
    printf("host: %.3f ms, %.2f GB/s\n", 1e3 * best[HOST], gigabytes / best[HOST]);
    printf("authentication: %.3f ms, %.2f GB/s\n", 1e3 * best[AUTH], gigabytes / best[AUTH]);
    if (dev) printf("CPU device: %.3f ms of processor time, %.2f GB/s; kernels %.3f ms\n", 1e3 * best[DEVICE], gigabytes / best[DEVICE], 1e3 * best[KERNEL]);
    for (unsigned f = 0; f < 3; f++) print_form(&forms[f], gigabytes);
    qd_bits_destroy(&m);
    qd_device_close(dev);
    return 0;
}
