/* SPDX-License-Identifier: Apache-2.0 */
/* Memory of key material: aligned, zeroed, wiped when freed, out of core dumps; and the hash. */
#include "core_suite.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sys/resource.h>
#include <unistd.h>

enum { MARK = 0xa5, BYTES = 1000 };

/* How many bytes at p still hold the mark, read through the kernel: the block is freed, and no sanitizer need know. */
static size_t marks_left(uintptr_t p) {
    uint8_t seen[BYTES];
    int fd = open("/proc/self/mem", O_RDONLY);
    ck_assert_int_ge(fd, 0);
    ssize_t n = pread(fd, seen, sizeof seen, (off_t)p);
    close(fd);
    size_t marks = 0;
    for (ssize_t i = 0; i < n; i++) marks += seen[i] == MARK;
    return marks;
}

static void mark(volatile uint8_t *p) {
    for (size_t i = 0; i < BYTES; i++) p[i] = MARK;
}

START_TEST(freed_secrets_are_wiped) {
    /* First the probe itself: an ordinary block keeps most of its bytes after free, and the probe sees them. The neighbours keep
     * the blocks from being merged into free memory that the allocator may give back. */
    void *before = malloc(BYTES), *plain = malloc(BYTES), *after = malloc(BYTES);
    volatile uintptr_t at = (uintptr_t)plain; /* or the compiler sees what we do with a freed block */
    mark(plain);
    free(plain);
    ck_assert_uint_gt(marks_left(at), BYTES / 2);

    void *secret = qd_secret_alloc(BYTES), *next = qd_secret_alloc(BYTES);
    at = (uintptr_t)secret;
    mark(secret);
    ck_assert_uint_eq(marks_left(at), BYTES);
    qd_secret_free(secret);
    ck_assert_uint_eq(marks_left(at), 0);
    qd_secret_free(next);
    free(before);
    free(after);
}
END_TEST

START_TEST(bit_strings_are_wiped_when_they_grow_or_go) {
    qd_error err = {0};
    qd_bits b, c;
    ck_ok(qd_bits_create(&b, 8 * BYTES, &err));
    ck_ok(qd_bits_create(&c, 8 * BYTES, &err));
    volatile uintptr_t at = (uintptr_t)b.w;
    mark((uint8_t *)b.w);
    ck_ok(qd_bits_append(&b, &c, &err));
    ck_assert_uint_eq(marks_left(at), 0);
    at = (uintptr_t)b.w;
    ck_assert_uint_eq(marks_left(at), BYTES);
    qd_bits_destroy(&b);
    ck_assert_uint_eq(marks_left(at), 0);
    qd_bits_destroy(&c);
}
END_TEST

START_TEST(blocks_are_zeroed_and_aligned) {
    static const size_t sizes[] = {0, 1, 63, 64, 65, 4032, 4033, 100000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        void *dirt = malloc(sizes[i] + 3 * 4096); /* memory to be reused, and not zero */
        memset(dirt, MARK, sizes[i] + 3 * 4096);
        free(dirt);
        uint8_t *p = qd_secret_alloc(sizes[i]), sum = 0;
        ck_assert_ptr_nonnull(p);
        ck_assert_uint_eq((uintptr_t)p % 64, 0);
        for (size_t k = 0; k < sizes[i]; k++) sum |= p[k];
        ck_assert_uint_eq(sum, 0);
        qd_secret_free(p);
    }
    qd_secret_free(NULL);
    ck_assert_ptr_null(qd_secret_alloc(SIZE_MAX - 8));
}
END_TEST

/* The value of a key such as "VmFlags:" of the mapping of this process that holds p. */
static void mapping_line(const void *p, const char *key, char *out, size_t cap) {
    FILE *f = fopen("/proc/self/smaps", "r");
    ck_assert_ptr_nonnull(f);
    char line[512];
    bool inside = false;
    out[0] = 0;
    while (fgets(line, sizeof line, f)) {
        uintptr_t from, to;
        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " ", &from, &to) == 2)
            inside = (uintptr_t)p >= from && (uintptr_t)p < to;
        else if (inside && strncmp(line, key, strlen(key)) == 0)
            snprintf(out, cap, "%s", line);
    }
    fclose(f);
}

START_TEST(secrets_stay_out_of_core_dumps) {
    char flags[512];
    void *p = qd_secret_alloc(100000);
    mapping_line(p, "VmFlags:", flags, sizeof flags);
    if (!flags[0]) return; /* a kernel without this file tells nothing */
    ck_says(flags, " dd");
    int local = 0;
    mapping_line(&local, "VmFlags:", flags, sizeof flags); /* and the probe can tell: other memory is dumped */
    ck_assert_ptr_null(strstr(flags, " dd"));
    qd_secret_free(p);
}
END_TEST

START_TEST(a_lock_limit_is_no_error) {
    struct rlimit none = {0, 0};
    ck_assert_int_eq(setrlimit(RLIMIT_MEMLOCK, &none), 0);
    void *p = qd_secret_alloc(1 << 20);
    ck_assert_ptr_nonnull(p);
    qd_secret_free(p);
}
END_TEST

START_TEST(sha256_known_answers) { /* FIPS 180-2, appendix B.1 and B.2; and the empty message */
    char hex[65];
    qd_sha256_hex("abc", 3, hex);
    ck_assert_str_eq(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    const char *two = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    qd_sha256_hex(two, strlen(two), hex);
    ck_assert_str_eq(hex, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    qd_sha256_hex("", 0, hex);
    ck_assert_str_eq(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}
END_TEST

START_TEST(sha256_of_a_file_is_that_of_its_bytes) {
    qd_error err = {0};
    char *folder = folder_make(), hex[65], file_hex[65];
    size_t n = 200001; /* several chunks and a rest */
    uint8_t *bytes = malloc(n);
    for (size_t i = 0; i < n; i++) bytes[i] = (uint8_t)(i * i >> 3);
    char *path = file_make(folder, "f", bytes, n);
    qd_sha256_hex(bytes, n, hex);
    ck_ok(qd_sha256_file(path, file_hex, &err));
    ck_assert_str_eq(hex, file_hex);
    ck_status(qd_sha256_file(folder, file_hex, &err), QD_E_INPUT);
    ck_assert_str_eq(file_hex, "");
    free(bytes);
    free(path);
    folder_remove(folder);
}
END_TEST

START_TEST(system_randomness_differs) {
    uint8_t a[32] = {0}, b[32] = {0};
    qd_os_random(a, sizeof a);
    qd_os_random(b, sizeof b);
    ck_assert_int_ne(memcmp(a, b, sizeof a), 0); /* equal with probability 2^-256 */
    qd_wipe(a, sizeof a);
    for (size_t i = 0; i < sizeof a; i++) ck_assert_uint_eq(a[i], 0);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {freed_secrets_are_wiped,
                                  bit_strings_are_wiped_when_they_grow_or_go,
                                  blocks_are_zeroed_and_aligned,
                                  secrets_stay_out_of_core_dumps,
                                  a_lock_limit_is_no_error,
                                  sha256_known_answers,
                                  sha256_of_a_file_is_that_of_its_bytes,
                                  system_randomness_differs};
    return run_tests("secret", tests, sizeof tests / sizeof *tests, 0);
}
