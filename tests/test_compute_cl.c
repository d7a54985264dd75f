/* SPDX-License-Identifier: Apache-2.0 */
/* Kernel sources, programs and their cache on disk, buffers and launches, and what is known of the machine. Check runs each test
 * in a process of its own, so each chooses its environment before OpenCL starts. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#endif
#include "compute/internal.h"
#include "compute/kernels.h"
#include "run_all.h"

static char dir[64];

static void put(const char *name, const char *text) {
    char path[128];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    ck_assert_ptr_nonnull(f);
    ck_assert_int_eq(fputs(text, f) >= 0 && fclose(f) == 0, 1);
}

static void setup(void) {
    strcpy(dir, "/tmp/qd-test-cl-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    setenv("QD_KERNEL_DIR", dir, 1);
    unsetenv("QD_FAULT_DEVICE");
    unsetenv("QD_DEVICE");
    setenv("POCL_DEVICES", "pthread", 1);
}

static void teardown(void) {
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", dir);
    ck_assert_int_eq(system(command), 0);
}

static qd_device *open_cpu(void) {
    qd_device *dev = NULL;
    qd_error e = {0};
    ck_assert_msg(qd_device_open("cpu", &dev, &e) == QD_OK, "these tests need an OpenCL CPU device: %s (%s)", e.what, e.cause);
    return dev;
}

/* ---- Sources and programs ------------------------------------------------------------------------------------------- */

START_TEST(flatten_includes) {
    char *text;
    size_t bytes;
    qd_error e = {0};
    put("a.cl", "#include \"b.clh\"\n  # \tinclude \"b.clh\" // again\n#include <system.h>\n#include \"absent.h\"\nlast");
    put("b.clh", "B\n#include \"a.cl\"\n"); /* a cycle */
    ck_assert_int_eq(qd_source_flatten(dir, "a", &text, &bytes, &e), QD_OK);
    ck_assert_str_eq(text, "B\n\n#include <system.h>\n#include \"absent.h\"\nlast");
    ck_assert_uint_eq(bytes, strlen(text));
    free(text);
    ck_assert_int_eq(qd_source_flatten(dir, "absent", &text, &bytes, &e), QD_E_INPUT);
    ck_assert_ptr_null(text);
    put("empty.cl", "");
    ck_assert_int_eq(qd_source_flatten(dir, "empty", &text, &bytes, &e), QD_OK);
    ck_assert_uint_eq(bytes, 0);
    free(text);
}
END_TEST

/* What the build embedded is what QD_KERNEL_DIR would give from the same files. */
START_TEST(embedded_equals_flattened) {
    size_t n = 0;
    for (const qd_kernel_source *s = qd_kernel_sources; s->name; s++, n++) {
        char *text;
        size_t bytes;
        qd_error e = {0};
        ck_assert_int_eq(qd_source_flatten(QD_SOURCE_DIR "/kernels", s->name, &text, &bytes, &e), QD_OK);
        ck_assert_msg(bytes == s->bytes && memcmp(text, s->text, bytes) == 0, "%s: embedded %zu bytes, flattened %zu", s->name,
                      s->bytes, bytes);
        free(text);
    }
    ck_assert_uint_gt(n, 0);
}
END_TEST

START_TEST(build_failure_is_an_error) {
    qd_device *dev = open_cpu();
    cl_kernel k;
    qd_error e = {0};
    put("bad.cl", "__kernel void bad(void) { no_such_thing(); }\n");
    ck_assert_int_eq(qd_cl_kernel(dev, "bad", "-DX=1", "bad", &k, &e), QD_E_BUILD);
    ck_assert_ptr_nonnull(strstr(e.cause, "no_such_thing"));
    ck_assert_ptr_nonnull(strstr(e.what, "-DX=1"));
    put("good.cl", "__kernel void good(__global uint *p) { p[0] = 1; }\n");
    ck_assert_int_eq(qd_cl_kernel(dev, "good", "", "better", &k, &e), QD_E_BUILD);
    ck_assert_int_eq(qd_cl_kernel(dev, "absent", "", "absent", &k, &e), QD_E_INPUT);
    unsetenv("QD_KERNEL_DIR");
    ck_assert_int_eq(qd_cl_kernel(dev, "absent", "", "absent", &k, &e), QD_E_INTERNAL);
    cl_kernel first, second;
    ck_assert_int_eq(qd_cl_kernel(dev, "good", "", "good", &first, &e), QD_OK); /* built before: kept */
    ck_assert_int_eq(qd_cl_kernel(dev, "good", NULL, "good", &second, &e), QD_OK);
    ck_assert_ptr_eq(first, second);
    qd_device_close(dev);
}
END_TEST

/* ---- Disk cache ----------------------------------------------------------------------------------------------------- */

static const char key[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

static void entry(char path[256], const char *name) {
    snprintf(path, 256, "%s/cache/sub/%s.bin", dir, name);
}

static void own_cache(void) {
    char path[128];
    snprintf(path, sizeof path, "%s/cache/sub", dir);
    setenv("QD_CACHE_DIR", path, 1);
}

START_TEST(cache_entries) {
    own_cache();
    size_t bytes = 0;
    char path[256];
    entry(path, key);
    ck_assert_ptr_null(qd_cache_load(key, &bytes));
    qd_cache_store(key, "binary", 6);
    char *got = qd_cache_load(key, &bytes);
    ck_assert_uint_eq(bytes, 6);
    ck_assert_mem_eq(got, "binary", 6);
    free(got);
    struct stat s;
    ck_assert_int_eq(stat(path, &s), 0);
    ck_assert_uint_eq(s.st_mode & 0777, 0600);
    /* Every damaged byte, and every length but the right one, is refused. */
    for (long at = 0; at < (long)s.st_size; at++) {
        if (at >= 12 && at < 16) continue; /* reserved */
        FILE *f = fopen(path, "r+");
        fseek(f, at, SEEK_SET);
        int c = fgetc(f);
        fseek(f, at, SEEK_SET);
        fputc(c ^ 1, f);
        fclose(f);
        ck_assert_msg(qd_cache_load(key, &bytes) == NULL, "damage at byte %ld is not seen", at);
        qd_cache_store(key, "binary", 6);
    }
    ck_assert_int_eq(truncate(path, s.st_size - 1), 0);
    ck_assert_ptr_null(qd_cache_load(key, &bytes));
    qd_cache_store(key, "binary", 6);
    ck_assert_int_eq(chmod(path, 0622), 0); /* others could have changed it */
    ck_assert_ptr_null(qd_cache_load(key, &bytes));
}
END_TEST

START_TEST(cache_key_covers_all) {
    qd_device_info a = {.name = "n", .version = "v", .driver = "d", .platform = "p"}, b;
    char keys[7][65];
    qd_cache_key(&a, "source", 6, "-DX", keys[0]);
    qd_cache_key(&a, "sourcf", 6, "-DX", keys[1]);
    qd_cache_key(&a, "source", 6, "-DY", keys[2]);
    b = a, b.name[0]++;
    qd_cache_key(&b, "source", 6, "-DX", keys[3]);
    b = a, b.version[0]++;
    qd_cache_key(&b, "source", 6, "-DX", keys[4]);
    b = a, b.driver[0]++;
    qd_cache_key(&b, "source", 6, "-DX", keys[5]);
    b = a, b.platform[0]++;
    qd_cache_key(&b, "source", 6, "-DX", keys[6]);
    for (int i = 0; i < 7; i++)
        for (int j = 0; j < i; j++) ck_assert_str_ne(keys[i], keys[j]);
}
END_TEST

static size_t entries(void) {
    char command[256], path[96];
    snprintf(path, sizeof path, "%s/count", dir);
    snprintf(command, sizeof command, "find %s/cache -type f 2>/dev/null | wc -l > %s", dir, path);
    ck_assert_int_eq(system(command), 0);
    FILE *f = fopen(path, "r");
    size_t n = 0;
    ck_assert_int_eq(fscanf(f, "%zu", &n), 1);
    fclose(f);
    return n;
}

static const char add_source[] = "__kernel void add(__global uint *p) { p[get_global_id(0)] += 5; }";

static void add_works(qd_device *dev) {
    qd_error e = {0};
    cl_kernel k;
    qd_buf b;
    uint32_t v[3] = {1, 2, 3};
    ck_assert_msg(qd_cl_kernel_of(dev, "add", add_source, "", "add", &k, &e) == QD_OK, "%s (%s)", e.what, e.cause);
    ck_assert_int_eq(qd_cl_alloc(dev, &b, sizeof v, &e), QD_OK);
    ck_assert_int_eq(qd_cl_write(dev, &b, 0, v, sizeof v, &e), QD_OK);
    ck_assert_int_eq(qd_cl_run(dev, k, &QD_ARG_BUF(b), 1, 3, 0, &e), QD_OK);
    ck_assert_int_eq(qd_cl_read(dev, &b, 0, v, sizeof v, &e), QD_OK);
    ck_assert(v[0] == 6 && v[1] == 7 && v[2] == 8);
    qd_cl_free(&b);
}

START_TEST(programs_survive_the_cache) {
    own_cache();
    qd_device *dev = open_cpu();
    add_works(dev);
    size_t n = entries();
    ck_assert_uint_ge(n, 2); /* the probe and this one */
    qd_device_close(dev);
    dev = open_cpu();
    add_works(dev);
    ck_assert_uint_eq(entries(), n);
    qd_device_close(dev);
    /* Well-formed entries that hold no program: the driver refuses, the source is built, the entry is replaced. */
    dev = open_cpu();
    char entry_key[65], path[256];
    qd_cache_key(qd_device_about(dev), add_source, strlen(add_source), "-cl-std=CL1.2 -w ", entry_key);
    entry(path, entry_key);
    ck_assert_int_eq(access(path, R_OK), 0);
    qd_cache_store(entry_key, "no program", 10);
    add_works(dev);
    size_t bytes = 0;
    free(qd_cache_load(entry_key, &bytes));
    ck_assert_uint_gt(bytes, 10);
    qd_device_close(dev);
}
END_TEST

START_TEST(no_cache_is_no_error) {
    char path[128];
    put("file", "not a folder");
    snprintf(path, sizeof path, "%s/file/cache", dir);
    setenv("QD_CACHE_DIR", path, 1);
    qd_device *dev = open_cpu();
    add_works(dev);
    qd_device_close(dev);
}
END_TEST

START_TEST(kernel_dir_is_not_cached) {
    own_cache();
    put("good.cl", "__kernel void good(__global uint *p) { p[0] = 1; }\n");
    qd_device *dev = open_cpu();
    size_t n = entries();
    cl_kernel k;
    qd_error e = {0};
    ck_assert_int_eq(qd_cl_kernel(dev, "good", "", "good", &k, &e), QD_OK);
    ck_assert_uint_eq(entries(), n);
    qd_device_close(dev);
}
END_TEST

/* ---- Buffers and launches ------------------------------------------------------------------------------------------- */

START_TEST(buffers) {
    qd_device *dev = open_cpu();
    qd_error e = {0};
    qd_buf b;
    ck_assert_int_eq(qd_cl_alloc(dev, &b, (size_t)qd_device_about(dev)->max_alloc_bytes + 1, &e), QD_E_DEVICE);
    ck_assert_ptr_null(b.mem);
    qd_cl_free(&b);
    ck_assert_int_eq(qd_cl_alloc(dev, &b, 0, &e), QD_OK);
    ck_assert_uint_eq(b.bytes, 64);
    qd_cl_free(&b);
    unsigned char in[1001], out[1001];
    for (size_t i = 0; i < sizeof in; i++) in[i] = (unsigned char)(i * 7 + 1);
    ck_assert_int_eq(qd_cl_alloc(dev, &b, sizeof in, &e), QD_OK);
    ck_assert_int_eq(qd_cl_write(dev, &b, 0, in, sizeof in, &e), QD_OK);
    ck_assert_int_eq(qd_cl_zero(dev, &b, 3, 10, &e), QD_OK);
    ck_assert_int_eq(qd_cl_zero(dev, &b, 500, 40, &e), QD_OK);
    ck_assert_int_eq(qd_cl_read(dev, &b, 0, out, sizeof out, &e), QD_OK);
    memset(in + 3, 0, 10);
    memset(in + 500, 0, 40);
    ck_assert_mem_eq(in, out, sizeof in);
    ck_assert_int_eq(qd_cl_read(dev, &b, 1000, out, 1, &e), QD_OK);
    ck_assert_uint_eq(out[0], in[1000]);
    ck_assert_int_eq(qd_cl_write(dev, &b, 1000, in, 2, &e), QD_E_INTERNAL);
    ck_assert_int_eq(qd_cl_read(dev, &b, 1002, out, 0, &e), QD_E_INTERNAL);
    ck_assert_int_eq(qd_cl_zero(dev, &b, SIZE_MAX, 2, &e), QD_E_INTERNAL);
    qd_device_time t = qd_device_time_read(dev);
    ck_assert_uint_eq(t.upload_bytes, 1001);
    ck_assert_uint_eq(t.download_bytes, 1002);
    qd_cl_free(&b);
    qd_device_close(dev);
}
END_TEST

/* Lent memory holds what kernels wrote once it is returned; and once it is freed, also where nobody asked: a kernel takes milliseconds here. */
START_TEST(lent_memory) {
    static const char slow_source[] = "__kernel void slow(__global uint *out, uint rounds) {\n"
                                      "    uint x = 1;\n"
                                      "    for (uint i = 0; i < rounds; i++) x = x * 1664525u + (x >> 7);\n"
                                      "    out[get_global_id(0)] = x;\n"
                                      "}\n";
    enum { N = 16 };
    qd_device *dev = open_cpu();
    qd_error e = {0};
    cl_kernel k;
    cl_uint rounds = 3000000, want = 1, out[2][N + 1] = {{0}};
    for (cl_uint i = 0; i < rounds; i++) want = want * 1664525u + (want >> 7);
    ck_assert_int_eq(qd_cl_kernel_of(dev, "slow", slow_source, "", "slow", &k, &e), QD_OK);
    for (int i = 0; i < 2; i++) {
        qd_buf b;
        ck_assert_int_eq(qd_cl_lend(dev, &b, out[i] + 1, N * sizeof(cl_uint), &e), QD_OK);
        const qd_arg args[] = {QD_ARG_BUF(b), QD_ARG(rounds)};
        ck_assert_int_eq(qd_cl_run(dev, k, args, 2, N, 1, &e), QD_OK);
        if (i) ck_assert_int_eq(qd_cl_returned(dev, &b, &e), QD_OK);
        if (i) ck_assert_uint_eq(out[i][N], want);
        qd_cl_free(&b);
        ck_assert_uint_eq(out[i][0], 0);
        for (int j = 1; j <= N; j++) ck_assert_uint_eq(out[i][j], want);
    }
    qd_device_close(dev);
}
END_TEST

START_TEST(launches_and_times) {
    qd_device *dev = open_cpu();
    qd_error e = {0};
    cl_kernel k;
    qd_buf b;
    uint32_t v = 0;
    ck_assert_int_eq(qd_cl_kernel_of(dev, "add", add_source, "", "add", &k, &e), QD_OK);
    ck_assert_int_eq(qd_cl_alloc(dev, &b, sizeof v, &e), QD_OK);
    ck_assert_int_eq(qd_cl_write(dev, &b, 0, &v, sizeof v, &e), QD_OK);
    qd_device_time_reset(dev);
    for (int i = 0; i < 3 * QD_PENDING_MAX + 5; i++) ck_assert_int_eq(qd_cl_run(dev, k, &QD_ARG_BUF(b), 1, 1, 0, &e), QD_OK);
    ck_assert_int_eq(qd_cl_run(dev, k, &QD_ARG_BUF(b), 1, 0, 64, &e), QD_OK); /* nothing to do */
    ck_assert_int_eq(qd_cl_finish(dev, &e), QD_OK);
    ck_assert_int_eq(qd_cl_read(dev, &b, 0, &v, sizeof v, &e), QD_OK);
    ck_assert_uint_eq(v, 5 * (3 * QD_PENDING_MAX + 5));
    qd_device_time t = qd_device_time_read(dev);
    ck_assert_uint_eq(t.launches, 3 * QD_PENDING_MAX + 5);
    ck_assert(t.kernel_seconds > 0 && t.kernel_seconds < 60);
    ck_assert(t.download_seconds > 0 && t.upload_seconds == 0);
    qd_device_time_reset(dev);
    ck_assert_uint_eq(qd_device_time_read(dev).launches, 0);
    /* A launch that cannot be is an error, and the device goes on. */
    size_t much = qd_device_about(dev)->max_work_group * 2;
    ck_assert_int_eq(qd_cl_run(dev, k, &QD_ARG_BUF(b), 1, much, much, &e), QD_E_DEVICE);
    ck_assert_ptr_nonnull(strstr(e.what, "kernel add"));
    const qd_arg wrong[] = {QD_ARG(v), QD_ARG(v)};
    ck_assert_int_eq(qd_cl_run(dev, k, wrong, 2, 1, 0, &e), QD_E_DEVICE);
    add_works(dev);
    qd_cl_free(&b);
    qd_device_close(dev);
}
END_TEST

/* ---- What the device is --------------------------------------------------------------------------------------------- */

static const char clmul_source[] =
    "typedef long v2 __attribute__((ext_vector_type(2)));\n"
    "__kernel void clmul(__global v2 *p) { v2 a = p[0], b = p[1]; p[0] = __builtin_ia32_pclmulqdq128(a, b, 0x00); }\n";

START_TEST(lanes_and_clmul) {
    qd_device *dev = open_cpu();
    qd_error e = {0};
    ck_assert(qd_cl_is_cpu(dev));
    unsigned lanes = qd_cl_byte_lanes(dev);
    ck_assert(lanes == 16 || lanes == 32 || lanes == 64);
    ck_assert_uint_ge(qd_device_batch_bytes(dev), 1 << 20);
    if (qd_cl_has_clmul(dev)) {
        uint64_t v[4] = {0x9e3779b97f4a7c15, 1, 0xd1b54a32d192ed03, 2}, lo = 0, hi = 0;
        for (unsigned i = 0; i < 64; i++)
            if (v[2] >> i & 1) lo ^= v[0] << i, hi ^= i ? v[0] >> (64 - i) : 0;
        cl_kernel k;
        qd_buf b;
        ck_assert_int_eq(qd_cl_kernel_of(dev, "clmul", clmul_source, "", "clmul", &k, &e), QD_OK);
        ck_assert_int_eq(qd_cl_alloc(dev, &b, sizeof v, &e), QD_OK);
        ck_assert_int_eq(qd_cl_write(dev, &b, 0, v, sizeof v, &e), QD_OK);
        ck_assert_int_eq(qd_cl_run(dev, k, &QD_ARG_BUF(b), 1, 1, 0, &e), QD_OK);
        ck_assert_int_eq(qd_cl_read(dev, &b, 0, v, sizeof v, &e), QD_OK);
        ck_assert_uint_eq(v[0], lo);
        ck_assert_uint_eq(v[1], hi);
        qd_cl_free(&b);
    }
    qd_device_close(dev);
}
END_TEST

START_TEST(limits_and_topology) {
    qd_error e = {0};
    qd_topology t;
    ck_assert_int_eq(qd_topology_read(&t, &e), QD_OK);
    ck_assert_uint_ge(t.packages, 1);
    ck_assert_uint_ge(t.numa_nodes, 1);
    ck_assert_uint_ge(t.cores, t.packages);
    ck_assert_uint_ge(t.threads, t.cores);
    ck_assert_uint_le(t.threads, sysconf(_SC_NPROCESSORS_CONF));
    ck_assert_uint_gt(t.memory_bytes, 1 << 20);
    qd_device *dev = open_cpu();
    qd_limits l;
    ck_assert_int_eq(qd_limits_measure(dev, &l, &e), QD_OK);
    /* No processor that runs this copies less than 10 MB/s, and none does 10^15 operations a second. */
    ck_assert(l.copy_bytes_per_s > 1e7 && l.copy_bytes_per_s < 1e14);
    ck_assert(l.int_ops_per_s > 1e7 && l.int_ops_per_s < 1e15);
    qd_device_close(dev);
}
END_TEST

START_TEST(access_lists_icd_files) {
    put("one.icd", "libone.so\nrest\n");
    put("two.txt", "not an ICD file\n");
    setenv("OCL_ICD_VENDORS", dir, 1);
    qd_access *list;
    size_t n, icd = 0;
    qd_error e = {0};
    ck_assert_int_eq(qd_devices_access(&list, &n, &e), QD_OK);
    for (size_t i = 0; i < n; i++) {
        if (!list[i].is_icd) continue;
        icd++;
        ck_assert_str_eq(list[i].detail, "libone.so");
        ck_assert(list[i].readable);
    }
    ck_assert_uint_eq(icd, 1);
    free(list);
}
END_TEST

#ifdef __SANITIZE_ADDRESS__
static void forget_buffer(qd_device *dev) {
    qd_error e = {0};
    qd_buf b;
    ck_assert_int_eq(qd_cl_alloc(dev, &b, 4096, &e), QD_OK);
}

/* Neither the caller's registers nor its stack know the device after this. */
static __attribute__((noinline)) void forget_buffers(void) {
    qd_device *dev = open_cpu();
    for (int i = 0; i < 16; i++) forget_buffer(dev); /* the last one's address may survive in a register or a stale stack slot */
    qd_device_close(dev);
}

static __attribute__((noinline)) void overwrite_stack(void) {
    volatile char room[65536];
    for (size_t i = 0; i < sizeof room; i++) room[i] = 0;
}
#endif

/* Sanitizer builds count on the leak check: it still sees what we forget, even a device buffer, whatever tests/lsan.supp
 * names. */
START_TEST(leaks_are_seen) {
    int seen = 1;
#ifdef __SANITIZE_ADDRESS__
    qd_device *dev = open_cpu();
    add_works(dev);
    qd_device_close(dev);
    ck_assert_msg(__lsan_do_recoverable_leak_check() == 0, "a device that was opened and closed leaks");
    forget_buffers();
    overwrite_stack();
    seen = __lsan_do_recoverable_leak_check();
#endif
    teardown();
    _exit(seen ? 0 : 1); /* past the check at the end, which would see it again */
}
END_TEST

int main(void) {
    Suite *s = suite_create("compute_cl");
    TCase *t = tcase_create("compute_cl");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, flatten_includes);
    tcase_add_test(t, embedded_equals_flattened);
    tcase_add_test(t, build_failure_is_an_error);
    tcase_add_test(t, cache_entries);
    tcase_add_test(t, cache_key_covers_all);
    tcase_add_test(t, programs_survive_the_cache);
    tcase_add_test(t, no_cache_is_no_error);
    tcase_add_test(t, kernel_dir_is_not_cached);
    tcase_add_test(t, buffers);
    tcase_add_test(t, lent_memory);
    tcase_add_test(t, launches_and_times);
    tcase_add_test(t, lanes_and_clmul);
    tcase_add_test(t, limits_and_topology);
    tcase_add_test(t, access_lists_icd_files);
    /* Depends on what the compiler leaves in registers: run by hand with QD_LEAK_SELFTEST=1. */
    if (getenv("QD_LEAK_SELFTEST")) tcase_add_exit_test(t, leaks_are_seen, 0);
    suite_add_tcase(s, t);
    return run_all(s);
}
