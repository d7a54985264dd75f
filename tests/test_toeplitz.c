/* SPDX-License-Identifier: Apache-2.0 */
/* Toeplitz hashing: known answers, algebra, every bit position, and a checker that mutants must not pass. */
#include "toeplitz_suite.h"

static void text_bits(qd_bits *b, const char *text) {
    ck_assert_int_eq(qd_bits_create(b, strlen(text), NULL), QD_OK);
    for (size_t i = 0; text[i]; i++) qd_bits_set(b, i, text[i] == '1');
}

/* First output bit that differs from the definition; r when none does. */
static uint64_t first_wrong(hash_fn *f, void *self, qd_hash kind, const qd_bits *x, uint64_t r, const qd_bits *seed) {
    qd_bits y;
    hash(f, self, kind, x, r, seed, &y);
    uint64_t i = 0;
    while (i < r && qd_bits_get(&y, i) == definition(kind, x, r, seed, i)) i++;
    qd_bits_destroy(&y);
    return i;
}

/* The checker: random inputs, lengths off every multiple of 8, 32, 64 and 128. True when all agree with the definition. */
static bool agrees(hash_fn *f, void *self) {
    static const uint64_t lengths[] = {1, 2, 3, 7, 8, 9, 31, 32, 33, 63, 64, 65, 127, 128, 129, 191, 193, 255, 256, 257, 500, 0};
    for (int kind = 0; kind <= 1; kind++)
        for (const uint64_t *n = lengths; *n; n++) {
            uint64_t outputs[] = {0, 1, *n / 3, *n / 2, *n - 1, *n};
            for (size_t k = 0; k < 6; k++) {
                qd_bits x, seed;
                random_bits(&x, *n, *n * 10 + k);
                random_bits(&seed, qd_toeplitz_seed_bits((qd_hash)kind, *n, outputs[k]), *n * 10 + k + 5000);
                bool ok = first_wrong(f, self, (qd_hash)kind, &x, outputs[k], &seed) == outputs[k];
                qd_bits_destroy(&x);
                qd_bits_destroy(&seed);
                if (!ok) return false;
            }
        }
    return true;
}

/* ---- What is under test: the reference, and a device where there is one ------------------------------------------ */

static qd_device *device;
static int paths; /* 1: the reference alone */
static way ways[] = {
    {NULL, {.route = QD_TOEPLITZ_NTT}},
    {NULL, {.route = QD_TOEPLITZ_ADDITIVE}},
    {NULL, {.route = QD_TOEPLITZ_SLICED}},
};
enum { WAYS = sizeof ways / sizeof *ways };

static void setup(void) {
    qd_error err;
    paths = 1 + WAYS;
    if (qd_device_open("cpu", &device, &err) == QD_OK) {
        for (int i = 0; i < WAYS; i++) ways[i].dev = device;
        return;
    }
    fprintf(stderr, "test_toeplitz: no OpenCL CPU device (%s): device half skipped\n", err.what);
    paths = 1;
}
static void teardown(void) { qd_device_close(device); }
static way *path(int p) { return p ? &ways[p - 1] : NULL; }

/* ---- Tests ------------------------------------------------------------------------------------------------------- */

START_TEST(worked_examples) {
    for (int p = 0; p < paths; p++) {
        qd_bits x, s, y, want;
        text_bits(&s, "1011001");
        text_bits(&x, "11010011");
        text_bits(&want, "101");
        ck_assert_uint_eq(s.w[0], 0x4d);
        ck_assert_uint_eq(x.w[0], 0xcb);
        hash(library, path(p), QD_HASH_MODIFIED_TOEPLITZ, &x, 3, &s, &y);
        ck_assert(qd_bits_equal(&y, &want));
        ck_assert_uint_eq(y.w[0], 0x05);
        qd_bits_destroy(&x);
        qd_bits_destroy(&y);
        qd_bits_destroy(&want);
        text_bits(&x, "11010");
        text_bits(&want, "110");
        hash(library, path(p), QD_HASH_TOEPLITZ, &x, 3, &s, &y);
        ck_assert(qd_bits_equal(&y, &want));
        qd_bits_destroy(&x);
        qd_bits_destroy(&y);
        qd_bits_destroy(&s);
        qd_bits_destroy(&want);
    }
}
END_TEST

START_TEST(equals_definition) {
    for (int p = 0; p < paths; p++) ck_assert(agrees(library, path(p)));
}
END_TEST

/* x = e_j reads column j of T; seed = e_k reads the diagonal k: every bit position of both. */
START_TEST(unit_vectors) {
    enum { N = 77, R = 29 };
    for (int p = 0; p < paths; p++)
        for (int kind = 0; kind <= 1; kind++) {
            uint64_t m = qd_toeplitz_columns((qd_hash)kind, N, R), seed_bits = qd_toeplitz_seed_bits((qd_hash)kind, N, R);
            qd_bits x, s, y, e;
            random_bits(&x, N, 1);
            random_bits(&s, seed_bits, 2);
            for (uint64_t j = 0; j < N; j++) {
                ck_assert_int_eq(qd_bits_create(&e, N, NULL), QD_OK);
                qd_bits_set(&e, j, 1);
                hash(library, path(p), (qd_hash)kind, &e, R, &s, &y);
                for (uint64_t i = 0; i < R; i++)
                    ck_assert_uint_eq(qd_bits_get(&y, i), j < m ? qd_bits_get(&s, i + m - 1 - j) : i == j - m);
                qd_bits_destroy(&y);
                qd_bits_destroy(&e);
            }
            for (uint64_t k = 0; k < seed_bits; k++) {
                ck_assert_int_eq(qd_bits_create(&e, seed_bits, NULL), QD_OK);
                qd_bits_set(&e, k, 1);
                hash(library, path(p), (qd_hash)kind, &x, R, &e, &y);
                for (uint64_t i = 0; i < R; i++) { /* the one j with i - j + m - 1 = k */
                    int64_t j = (int64_t)(i + m - 1) - (int64_t)k;
                    unsigned want = j >= 0 && j < (int64_t)m ? qd_bits_get(&x, (uint64_t)j) : 0;
                    if (kind == 0) want ^= qd_bits_get(&x, m + i);
                    ck_assert_uint_eq(qd_bits_get(&y, i), want);
                }
                qd_bits_destroy(&y);
                qd_bits_destroy(&e);
            }
            qd_bits_destroy(&x);
            qd_bits_destroy(&s);
        }
}
END_TEST

/* Flipping the last seed bit changes the last output bit if x_0 = 1, and nothing else; the last input bit changes y_(r-1) in the
 * modified form, column n-1 in the plain one. */
START_TEST(last_bits_alone) {
    enum { N = 4099, R = 1031 };
    for (int p = 0; p < paths; p++)
        for (int kind = 0; kind <= 1; kind++) {
            qd_bits x, s, y, z;
            random_bits(&x, N, 3);
            qd_bits_set(&x, 0, 1);
            random_bits(&s, qd_toeplitz_seed_bits((qd_hash)kind, N, R), 4);
            hash(library, path(p), (qd_hash)kind, &x, R, &s, &y);
            qd_bits_set(&s, s.n - 1, !qd_bits_get(&s, s.n - 1));
            hash(library, path(p), (qd_hash)kind, &x, R, &s, &z);
            ck_assert_uint_eq(qd_bits_distance_truth(&y, &z), 1);
            ck_assert_uint_ne(qd_bits_get(&y, R - 1), qd_bits_get(&z, R - 1));
            qd_bits_destroy(&y);
            qd_bits_set(&x, N - 1, !qd_bits_get(&x, N - 1));
            hash(library, path(p), (qd_hash)kind, &x, R, &s, &y);
            for (uint64_t i = 0; i < R; i++) {
                unsigned change = kind == 0 ? i == R - 1 : qd_bits_get(&s, i);
                ck_assert_uint_eq(qd_bits_get(&y, i) ^ qd_bits_get(&z, i), change);
            }
            qd_bits_destroy(&x);
            qd_bits_destroy(&s);
            qd_bits_destroy(&y);
            qd_bits_destroy(&z);
        }
}
END_TEST

/* Constant and periodic contents with closed answers: the sums are as large as sums get. */
START_TEST(constant_and_periodic) {
    enum { N = 6001, R = 2000, M = N - R };
    for (int p = 0; p < paths; p++) {
        qd_bits x, s, y;
        ck_assert_int_eq(qd_bits_create(&x, N, NULL), QD_OK);
        ck_assert_int_eq(qd_bits_create(&s, N - 1, NULL), QD_OK);
        hash(library, path(p), QD_HASH_MODIFIED_TOEPLITZ, &x, R, &s, &y);
        ck_assert_uint_eq(qd_bits_weight(&y), 0);
        qd_bits_destroy(&y);
        for (uint64_t i = 0; i < N; i++) qd_bits_set(&x, i, 1);
        for (uint64_t i = 0; i < N - 1; i++) qd_bits_set(&s, i, 1);
        hash(library, path(p), QD_HASH_MODIFIED_TOEPLITZ, &x, R, &s, &y);
        for (uint64_t i = 0; i < R; i++) ck_assert_uint_eq(qd_bits_get(&y, i), (M + 1) % 2);
        qd_bits_destroy(&y);
        for (uint64_t period = 2; period <= 3; period++) {
            for (uint64_t i = 0; i < N; i++) qd_bits_set(&x, i, i % period == 0);
            for (uint64_t i = 0; i < N - 1; i++) qd_bits_set(&s, i, i % period == 0);
            hash(library, path(p), QD_HASH_MODIFIED_TOEPLITZ, &x, R, &s, &y);
            for (uint64_t i = 0; i < R; i++) {
                /* j = 0, period, ... below M meet s[i+M-1-j]: all ones or all zeros */
                unsigned terms = (i + M - 1) % period == 0 ? (unsigned)((M + period - 1) / period) : 0;
                ck_assert_uint_eq(qd_bits_get(&y, i), (terms + ((M + i) % period == 0)) % 2);
            }
            qd_bits_destroy(&y);
        }
        qd_bits_destroy(&x);
        qd_bits_destroy(&s);
    }
}
END_TEST

START_TEST(edges) {
    enum { N = 333 };
    for (int p = 0; p < paths; p++) {
        qd_bits x, s, y;
        random_bits(&x, N, 5);
        random_bits(&s, N - 1, 6);
        hash(library, path(p), QD_HASH_MODIFIED_TOEPLITZ, &x, 0, &s, &y);
        qd_bits_destroy(&y);
        hash(library, path(p), QD_HASH_MODIFIED_TOEPLITZ, &x, N, &s, &y); /* the identity */
        ck_assert(qd_bits_equal(&x, &y));
        qd_bits_destroy(&y);
        hash(library, path(p), QD_HASH_MODIFIED_TOEPLITZ, &x, N - 1, &s, &y); /* m = 1 */
        for (uint64_t i = 0; i < N - 1; i++)
            ck_assert_uint_eq(qd_bits_get(&y, i), (qd_bits_get(&s, i) & qd_bits_get(&x, 0)) ^ qd_bits_get(&x, 1 + i));
        qd_bits_destroy(&y);
        hash(library, path(p), QD_HASH_MODIFIED_TOEPLITZ, &x, 1, &s, &y);
        ck_assert_uint_eq(qd_bits_get(&y, 0), definition(QD_HASH_MODIFIED_TOEPLITZ, &x, 1, &s, 0));
        qd_bits_destroy(&y);
        qd_bits_destroy(&x);
        qd_bits_destroy(&s);
    }
}
END_TEST

START_TEST(linear) {
    enum { N = 20011, R = 7001 };
    for (int p = 0; p < paths; p++) {
        qd_bits a, b, s, ya, yb, y;
        random_bits(&a, N, 7);
        random_bits(&b, N, 8);
        random_bits(&s, N - 1, 9);
        hash(library, path(p), QD_HASH_MODIFIED_TOEPLITZ, &a, R, &s, &ya);
        hash(library, path(p), QD_HASH_MODIFIED_TOEPLITZ, &b, R, &s, &yb);
        for (uint64_t i = 0; i < qd_bits_words(N); i++) a.w[i] ^= b.w[i];
        for (uint64_t i = 0; i < qd_bits_words(R); i++) ya.w[i] ^= yb.w[i];
        hash(library, path(p), QD_HASH_MODIFIED_TOEPLITZ, &a, R, &s, &y);
        ck_assert(qd_bits_equal(&y, &ya));
        ck_assert_uint_ne(qd_bits_weight(&y), 0);
        qd_bits *all[] = {&a, &b, &s, &ya, &yb, &y};
        for (size_t i = 0; i < 6; i++) qd_bits_destroy(all[i]);
    }
}
END_TEST

START_TEST(universal2_exhaustively) {
    count_collisions(NULL, 6, 7); /* the plain form has up to 11 seed bits; the rest, and longer ones on devices, in test_toeplitz_full */
    for (int p = 1; p < paths; p++) count_collisions(path(p), 2, 3);
}
END_TEST

START_TEST(shapes_at_random) {
    if (paths > 1) random_shapes(device, 80, 13);
}
END_TEST

/* ---- Mutants: defects that were published, or that are easily made ----------------------------------------------- */

/* Output read one coefficient off. */
static qd_status wrong_window(void *self, qd_hash kind, const qd_bits *x, uint64_t r, const qd_bits *seed, qd_bits *y) {
    (void)self;
    ck_assert_int_eq(qd_bits_create(y, r, NULL), QD_OK);
    uint64_t m = qd_toeplitz_columns(kind, x->n, r);
    for (uint64_t i = 0; i < r; i++) {
        unsigned b = kind == QD_HASH_MODIFIED_TOEPLITZ ? qd_bits_get(x, m + i) : 0;
        for (uint64_t j = 0; j < m; j++)
            if (i + m - j < seed->n) b ^= qd_bits_get(seed, i + m - j) & qd_bits_get(x, j);
        qd_bits_set(y, i, b);
    }
    return QD_OK;
}

/* A bit of the input or of the seed is lost. */
static qd_status drop(const qd_bits *x, const qd_bits *seed, qd_hash kind, uint64_t r, qd_bits *y, bool input) {
    qd_bits a, b;
    ck_assert_int_eq(qd_bits_slice(&a, x, 0, x->n, NULL), QD_OK);
    ck_assert_int_eq(qd_bits_slice(&b, seed, 0, seed->n, NULL), QD_OK);
    if (input) qd_bits_set(&a, a.n - 1, 0);
    else if (b.n) qd_bits_set(&b, b.n - 1, 0);
    qd_status st = qd_toeplitz(NULL, kind, &a, r, &b, y, NULL);
    qd_bits_destroy(&a);
    qd_bits_destroy(&b);
    return st;
}
static qd_status drops_last_input_bit(void *self, qd_hash kind, const qd_bits *x, uint64_t r, const qd_bits *seed, qd_bits *y) {
    (void)self;
    return drop(x, seed, kind, r, y, true);
}
static qd_status drops_last_seed_bit(void *self, qd_hash kind, const qd_bits *x, uint64_t r, const qd_bits *seed, qd_bits *y) {
    (void)self;
    return drop(x, seed, kind, r, y, false);
}

/* The seed of another convention: s'[(i-j) mod L] read as if it were ours. */
static qd_status other_convention(void *self, qd_hash kind, const qd_bits *x, uint64_t r, const qd_bits *seed, qd_bits *y) {
    (void)self;
    uint64_t m = qd_toeplitz_columns(kind, x->n, r), l = m + r;
    ck_assert_int_eq(qd_bits_create(y, r, NULL), QD_OK);
    for (uint64_t i = 0; i < r; i++) {
        unsigned b = kind == QD_HASH_MODIFIED_TOEPLITZ ? qd_bits_get(x, m + i) : 0;
        for (uint64_t j = 0; j < m; j++) {
            uint64_t k = (i + l - j) % l;
            if (k < seed->n) b ^= qd_bits_get(seed, k) & qd_bits_get(x, j);
        }
        qd_bits_set(y, i, b);
    }
    return QD_OK;
}

START_TEST(mutants_are_rejected) {
    ck_assert(agrees(library, NULL));
    ck_assert(!agrees(wrong_window, NULL));
    ck_assert(!agrees(drops_last_input_bit, NULL));
    ck_assert(!agrees(drops_last_seed_bit, NULL));
    ck_assert(!agrees(other_convention, NULL));
}
END_TEST

/* ---- Known answers of another program ---------------------------------------------------------------------------- */

/* randextract's cases of plain Toeplitz hashing 4 -> 3: input, seed, output; T_ij = seed[(i-j) mod 6], so s[k] = seed[(k-3) mod 6]. */
static void randextract_case(const char *input, const char *seed, const char *output) {
    qd_bits x, given, s, y, want;
    text_bits(&x, input);
    text_bits(&given, seed);
    text_bits(&s, seed);
    text_bits(&want, output);
    ck_assert(x.n == 4 && given.n == 6 && want.n == 3);
    for (uint64_t k = 0; k < 6; k++) qd_bits_set(&s, k, qd_bits_get(&given, (k + 6 - 3) % 6));
    for (int p = 0; p < paths; p++) {
        hash(library, path(p), QD_HASH_TOEPLITZ, &x, 3, &s, &y);
        ck_assert_msg(qd_bits_equal(&y, &want), "path %d: %s %s %s", p, input, seed, output);
        qd_bits_destroy(&y);
    }
    qd_bits *all[] = {&x, &given, &s, &want};
    for (size_t i = 0; i < 4; i++) qd_bits_destroy(all[i]);
}

/* 48 of the 1,024, so that a build without the file checks some too. */
static const char *const randextract[][3] = {
    {"0101", "000000", "000"}, {"1010", "000001", "010"}, {"1111", "000010", "110"}, {"0100", "000100", "000"},
    {"1001", "000101", "101"}, {"1110", "000110", "100"}, {"0011", "001000", "000"}, {"1000", "001001", "001"},
    {"1101", "001010", "011"}, {"0010", "001100", "000"}, {"0111", "001101", "011"}, {"1100", "001110", "001"},
    {"0001", "010000", "000"}, {"0110", "010001", "111"}, {"1011", "010010", "100"}, {"0000", "010100", "000"},
    {"0101", "010101", "000"}, {"1010", "010110", "110"}, {"1111", "010111", "110"}, {"0100", "011001", "101"},
    {"1001", "011010", "001"}, {"1110", "011011", "000"}, {"0011", "011101", "111"}, {"1000", "011110", "011"},
    {"1101", "011111", "001"}, {"0010", "100001", "011"}, {"0111", "100010", "101"}, {"1100", "100011", "010"},
    {"0001", "100101", "101"}, {"0110", "100110", "111"}, {"1011", "100111", "100"}, {"0000", "101001", "000"},
    {"0101", "101010", "000"}, {"1010", "101011", "010"}, {"1111", "101100", "010"}, {"0100", "101110", "010"},
    {"1001", "101111", "010"}, {"1110", "110000", "100"}, {"0011", "110010", "111"}, {"1000", "110011", "110"},
    {"1101", "110100", "001"}, {"0010", "110110", "101"}, {"0111", "110111", "111"}, {"1100", "111000", "100"},
    {"0001", "111010", "010"}, {"0110", "111011", "000"}, {"1011", "111100", "010"}, {"0000", "111110", "000"},
};

START_TEST(randextract_cases) {
    for (size_t i = 0; i < sizeof randextract / sizeof *randextract; i++) randextract_case(randextract[i][0], randextract[i][1], randextract[i][2]);
    const char *shared = getenv("QD_SHARED");
    char name[1024];
    snprintf(name, sizeof name, "%s/data/pa/randextract_toeplitz_4_3_good.txt", shared ? shared : ".");
    FILE *f = fopen(name, "r");
    if (!f) {
        fprintf(stderr, "SKIPPED: all 1,024 cases of randextract (%s is absent); 48 of them were checked\n", name);
        return;
    }
    char line[3][256];
    int have = 0, cases = 0;
    while (fgets(line[have], sizeof line[have], f)) {
        size_t len = strspn(line[have], "01");
        if (len == 0 || strcspn(line[have], "\r\n") != len) continue; /* comments and the header */
        line[have][len] = 0;
        if (++have < 3) continue;
        have = 0;
        cases++;
        randextract_case(line[0], line[1], line[2]);
    }
    fclose(f);
    ck_assert_int_eq(have, 0);
    ck_assert_int_eq(cases, 1024);
}
END_TEST

START_TEST(refusals) {
    qd_bits x, s, y = {7, NULL};
    qd_error err;
    random_bits(&x, 100, 1);
    random_bits(&s, 99, 2);
    ck_assert_int_eq(qd_toeplitz(NULL, QD_HASH_MODIFIED_TOEPLITZ, &x, 101, &s, &y, &err), QD_E_USAGE);
    ck_assert_ptr_null(y.w);
    ck_assert_uint_eq(y.n, 0);
    ck_assert_int_eq(qd_toeplitz(NULL, QD_HASH_TOEPLITZ, &x, 50, &s, &y, &err), QD_E_USAGE); /* 149 seed bits are due */
    ck_assert_ptr_nonnull(strstr(err.cause, "149"));
    ck_assert_int_eq(qd_toeplitz(NULL, (qd_hash)2, &x, 50, &s, &y, &err), QD_E_USAGE);
    s.n = 98;
    ck_assert_int_eq(qd_toeplitz(NULL, QD_HASH_MODIFIED_TOEPLITZ, &x, 50, &s, &y, &err), QD_E_USAGE);
    s.n = 99;
    x.n = 0;
    ck_assert_int_eq(qd_toeplitz(NULL, QD_HASH_MODIFIED_TOEPLITZ, &x, 0, &s, &y, &err), QD_E_USAGE);
    x.n = 100;
    qd_bits_destroy(&x);
    qd_bits_destroy(&s);
    /* Seed bits are what the definitions say, whatever r is in the modified form. */
    ck_assert_uint_eq(qd_toeplitz_seed_bits(QD_HASH_MODIFIED_TOEPLITZ, 1000, 10), 999);
    ck_assert_uint_eq(qd_toeplitz_seed_bits(QD_HASH_MODIFIED_TOEPLITZ, 1000, 900), 999);
    ck_assert_uint_eq(qd_toeplitz_seed_bits(QD_HASH_TOEPLITZ, 1000, 10), 1009);
}
END_TEST

/* Shapes cover all rows and columns, keep the wrap below the window, and respect memory. */
static void shapes_of(qd_toeplitz_route route) {
    for (uint64_t n = 1; n <= QD_AMPLIFY_MAX_BITS; n = n * 5 / 3 + 1)
        for (uint64_t tenth = 0; tenth < 10; tenth++)
            for (int small = 0; small < 2; small++) {
                uint64_t r = 1 + n * tenth / 10, m = n;
                const qd_toeplitz_choice c = {.route = route};
                const qd_toeplitz_room room = {small ? 1 << 20 : 1 << 30, small ? 4 << 20 : (uint64_t)4 << 30};
                qd_toeplitz_shape s;
                ck_assert_int_eq(qd_toeplitz_plan(&c, m, r, &room, &s, NULL), QD_OK);
                ck_assert_uint_ge(s.rows * s.n_rows, r);
                ck_assert_uint_ge(s.cols * s.n_cols, m);
                ck_assert_uint_ge((uint64_t)1 << s.log2l, s.rows + s.cols - 1);
                ck_assert_uint_ge(s.group, 1);
                ck_assert_uint_le(s.group, s.n_rows);
                uint64_t bytes = route == QD_TOEPLITZ_NTT ? (uint64_t)4 << s.log2l : route == QD_TOEPLITZ_ADDITIVE ? (uint64_t)1 << (s.log2l - 2) : (uint64_t)9 << (s.log2l - 5);
                ck_assert_uint_le(s.group * bytes, room.max_alloc);
                ck_assert_uint_le((s.n_cols > 1 ? 2 * s.group + 1 : s.group + 1) * bytes, room.memory);
                if (route == QD_TOEPLITZ_NTT) ck_assert_uint_le(s.sum * s.cols, QD_NTT_PRIME - 1);
                ck_assert(s.n_rows == 1 || s.n_cols == 1 || s.rows == s.cols);
                ck_assert_int_eq(s.route, route);
            }
    qd_toeplitz_shape s;
    const qd_toeplitz_room large = {1 << 30, 1 << 30}, none = {100, 1 << 30};
    const qd_toeplitz_choice odd = {.route = route, .chunk = 24}, any = {.route = route}, least = {.route = route, .chunk = 16};
    ck_assert_int_eq(qd_toeplitz_plan(&odd, 100, 10, &large, &s, NULL), QD_E_USAGE);
    ck_assert_int_eq(qd_toeplitz_plan(&any, 100, 10, &none, &s, NULL), QD_E_DEVICE);
    ck_assert_int_eq(qd_toeplitz_plan(&least, 1000, 100, &large, &s, NULL), QD_OK);
    ck_assert(s.rows == 16 && s.cols == 16 && s.log2l == (route == QD_TOEPLITZ_NTT ? 5 : route == QD_TOEPLITZ_ADDITIVE ? QD_AFFT_MIN_LOG2 : QD_SLICED_MIN_LOG2));
}

START_TEST(shapes) {
    shapes_of(QD_TOEPLITZ_NTT);
    shapes_of(QD_TOEPLITZ_ADDITIVE);
    shapes_of(QD_TOEPLITZ_SLICED);
}
END_TEST

int main(void) {
    Suite *s = suite_create("toeplitz");
    TCase *t = tcase_create("toeplitz");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 300); /* kernels are compiled in the first run */
    tcase_add_test(t, worked_examples);
    tcase_add_test(t, equals_definition);
    tcase_add_test(t, unit_vectors);
    tcase_add_test(t, last_bits_alone);
    tcase_add_test(t, constant_and_periodic);
    tcase_add_test(t, edges);
    tcase_add_test(t, linear);
    tcase_add_test(t, universal2_exhaustively);
    tcase_add_test(t, shapes_at_random);
    tcase_add_test(t, mutants_are_rejected);
    tcase_add_test(t, randextract_cases);
    tcase_add_test(t, refusals);
    tcase_add_test(t, shapes);
    suite_add_tcase(s, t);
    return run_all(s);
}
