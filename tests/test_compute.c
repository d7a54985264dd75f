/* SPDX-License-Identifier: Apache-2.0 */
/* Devices, programs, buffers and the comparison with the reference. A small operation of this file's own stands for those of the
 * rooms; its kernel is written to a folder that QD_KERNEL_DIR names. Check runs each test in a process of its own, so each
 * chooses its environment before OpenCL starts. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "compute/internal.h"
#include "run_all.h"

/* ---- The operation: out[i] = 3 * i + seed, 32-bit ------------------------------------------------------------------- */

enum how { RIGHT, SHORT_READ, LONG_READ, LONG_REFERENCE, DEVICE_FAILS, BOTH_SHORT };

typedef struct twist {
    uint32_t n, seed, how;
} twist;

static qd_status twist_create(const qd_problem *p, void **state, qd_error *err) {
    twist *t = malloc(sizeof *t);
    if (!t) return qd_fail(err, QD_E_INTERNAL, "no memory");
    *t = (twist){(uint32_t)p->v[0], (uint32_t)p->v[1], (uint32_t)p->v[2]};
    *state = t;
    return QD_OK;
}

static size_t twist_bytes(const void *state) {
    return 4 * (size_t)((const twist *)state)->n;
}

static qd_status twist_ref(void *state, void *out, qd_error *err) {
    (void)err;
    const twist *t = state;
    for (uint32_t i = 0; i < t->n - (t->how == BOTH_SHORT); i++) ((uint32_t *)out)[i] = 3 * i + t->seed;
    if (t->how == LONG_REFERENCE) ((unsigned char *)out)[4 * (size_t)t->n] = 1;
    return QD_OK;
}

static qd_status twist_cl(void *state, qd_device *dev, void *out, qd_error *err) {
    const twist *t = state;
    if (t->how == DEVICE_FAILS) return qd_fail(err, QD_E_DEVICE, "no luck");
    size_t bytes = twist_bytes(state), read = t->how == BOTH_SHORT   ? bytes - 4
                                              : t->how == SHORT_READ ? bytes - 1
                                              : t->how == LONG_READ  ? bytes + 1
                                                                     : bytes;
    qd_buf b = {0};
    cl_kernel k;
    cl_uint n = t->n, seed = t->seed;
    qd_status st;
    QD_TRY_OUT(st, qd_cl_kernel(dev, "twist", "", "twist", &k, err));
    QD_TRY_OUT(st, qd_cl_alloc(dev, &b, bytes + 4, err));
    QD_TRY_OUT(st, qd_cl_zero(dev, &b, 0, bytes + 4, err));
    const qd_arg args[] = {QD_ARG_BUF(b), QD_ARG(n), QD_ARG(seed)};
    QD_TRY_OUT(st, qd_cl_run(dev, k, args, 3, n, 64, err));
    QD_TRY_OUT(st, qd_cl_read(dev, &b, 0, out, read, err));
out:
    qd_cl_free(&b);
    return st;
}

static void twist_cost(const void *state, qd_cost *c) {
    *c = (qd_cost){(double)twist_bytes(state), 2.0 * ((const twist *)state)->n, ((const twist *)state)->n, "word"};
}

static const qd_key twist_keys[] = {
    {"n", 1000, 1, 100000, "words"}, {"seed", 7, 0, UINT32_MAX, "added"}, {"how", 0, 0, 9, "what goes wrong"}};
static const char *const twist_cases[] = {"twist:n=1", "twist:n=63", "twist:n=64", "twist:n=65", "twist:n=4099", NULL};
static const qd_op twist_op = {.name = "twist",
                               .summary = "multiples of three",
                               .keys = twist_keys,
                               .n_keys = 3,
                               .selftest = "twist:n=65",
                               .cases_quick = twist_cases,
                               .cases_full = twist_cases,
                               .cases_profile = twist_cases,
                               .create = twist_create,
                               .destroy = free,
                               .output_bytes = twist_bytes,
                               .reference = twist_ref,
                               .device = twist_cl,
                               .cost = twist_cost};
static const qd_op other_op = {.name = "twis", .selftest = "twis"};
static const qd_op *const room_a[] = {&twist_op, NULL}, *const room_b[] = {NULL}, *const room_c[] = {&other_op, NULL};
static const qd_op *const *const rooms[] = {room_a, NULL}, *const *const three_rooms[] = {room_b, room_a, room_c, NULL};
static const qd_registry registry = {rooms}, three = {three_rooms};

#define KERNEL                                                                                                                  \
    "#include \"part.clh\"\n__kernel void twist(__global uint *out, uint n, uint seed) {\n    uint i = get_global_id(0);\n    " \
    "if (i < n) out[i] = TIMES(i) + seed;\n}\n"
#define PART "#include \"part.clh\"\n#define TIMES(i) ((i) * 3)\n"

static char dir[64];

static void put(const char *name, const char *text) {
    char path[128];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    ck_assert_ptr_nonnull(f);
    ck_assert_int_eq(fputs(text, f) >= 0 && fclose(f) == 0, 1);
}

static void setup(void) {
    strcpy(dir, "/tmp/qd-test-compute-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    put("twist.cl", KERNEL);
    put("part.clh", PART);
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

static qd_problem parse(const char *text) {
    qd_problem p = {0};
    qd_error e = {0};
    ck_assert_msg(qd_problem_parse(&registry, text, &p, &e) == QD_OK, "%s: %s", text, e.what);
    return p;
}

/* ---- Problem strings ------------------------------------------------------------------------------------------------ */

START_TEST(problem_strings) {
    char text[256];
    qd_problem p = parse("twist");
    ck_assert_uint_eq(p.v[0], 1000);
    ck_assert_uint_eq(p.v[1], 7);
    p = parse("twist:");
    ck_assert_uint_eq(p.v[0], 1000);
    p = parse("twist:seed=4294967295,n=1");
    ck_assert_uint_eq(p.v[0], 1);
    ck_assert_uint_eq(p.v[1], UINT32_MAX);
    qd_problem_print(&p, text, sizeof text);
    ck_assert_str_eq(text, "twist:n=1,seed=4294967295,how=0");
    qd_problem again = parse(text);
    ck_assert_mem_eq(&p, &again, sizeof p);
    memset(text, 'x', sizeof text);
    qd_problem_print(&p, text, 8);
    ck_assert_str_eq(text, "twist:n");
    ck_assert_int_eq(text[8], 'x');
}
END_TEST

START_TEST(bad_problem_strings) {
    static const struct {
        const char *text, *says;
    } bad[] = {{"", "no such operation"},
               {"twisted", "no such operation"},
               {"twis:n=1", "no such operation"},
               {"twist:n", "key=value"},
               {"twist:n=1,", "key=value"},
               {"twist:,n=1", "key=value"},
               {"twist:n=1:seed=2", "unsigned integer"},
               {"twist:N=1", "unknown key"},
               {"twist:=1", "unknown key"},
               {"twist:n=1,n=1", "twice"},
               {"twist:n=", "unsigned integer"},
               {"twist:n=-1", "unsigned integer"},
               {"twist:n=+1", "unsigned integer"},
               {"twist:n= 1", "unsigned integer"},
               {"twist:n=0x10", "unsigned integer"},
               {"twist:n=1.5", "unsigned integer"},
               {"twist:n=18446744073709551616", "unsigned integer"},
               {"twist:n=0", "out of range"},
               {"twist:n=100001", "out of range"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        qd_problem p = {.op = &other_op};
        qd_error e = {0};
        ck_assert_msg(qd_problem_parse(&registry, bad[i].text, &p, &e) == QD_E_USAGE, "'%s' is taken", bad[i].text);
        ck_assert_msg(strstr(e.what, bad[i].says) != NULL, "'%s': %s", bad[i].text, e.what);
        ck_assert_ptr_eq(p.op, &other_op); /* nothing written */
        ck_assert_ptr_nonnull(strstr(e.likely, i < 3 ? "operations are twist" : "twist:n=1..100000,seed=0..4294967295,how=0..9"));
    }
}
END_TEST

START_TEST(registry_joins_rooms) {
    ck_assert_ptr_eq(qd_registry_op(&three, 0), &twist_op);
    ck_assert_ptr_eq(qd_registry_op(&three, 1), &other_op);
    ck_assert_ptr_null(qd_registry_op(&three, 2));
    ck_assert_ptr_eq(qd_registry_find(&three, "twis"), &other_op);
    ck_assert_ptr_null(qd_registry_find(&three, "twi"));
}
END_TEST

/* ---- Comparison with the reference ---------------------------------------------------------------------------------- */

static qd_compare validate(const char *text, qd_device *dev) {
    qd_problem p = parse(text);
    qd_compare c;
    qd_error e = {0};
    ck_assert_msg(qd_validate_problem(&p, dev, &c, &e) == QD_OK, "%s: %s (%s)", text, e.what, e.cause);
    return c;
}

START_TEST(right_kernel_passes) {
    qd_device *dev = open_cpu();
    for (size_t i = 0; twist_cases[i]; i++) {
        qd_compare c = validate(twist_cases[i], dev);
        ck_assert_msg(c.ok, "%s differs at %llu", twist_cases[i], (unsigned long long)c.first_difference);
        ck_assert_uint_eq(c.compared_bytes, 4 * parse(twist_cases[i]).v[0]);
        ck_assert_uint_eq(c.first_difference, UINT64_MAX);
    }
    ck_assert(validate("twist", NULL).ok);
    qd_error e = {0};
    ck_assert_int_eq(qd_selftest(&registry, dev, &e), QD_OK);
    qd_device_close(dev);
}
END_TEST

START_TEST(wrong_kernel_is_caught) {
    put("part.clh", "#define TIMES(i) ((i) * 3 ^ ((i) == 40 ? 0x200 : 0))\n"); /* one bit, in byte 161 */
    qd_device *dev = open_cpu();
    qd_compare c = validate("twist:seed=0", dev);
    ck_assert(!c.ok);
    ck_assert_uint_eq(c.first_difference, 161);
    ck_assert_uint_eq(c.expected, 0);
    ck_assert_uint_eq(c.got, 2);
    qd_error e = {0};
    ck_assert_int_eq(qd_selftest(&registry, dev, &e), QD_E_DIFFER);
    ck_assert_ptr_nonnull(strstr(e.what, "byte 161"));
    ck_assert_ptr_nonnull(strstr(e.next, "validate --device 0:0 'twist:n=65'"));
    qd_device_close(dev);
}
END_TEST

START_TEST(guards_and_poison) {
    qd_device *dev = open_cpu();
    qd_compare c = validate("twist:n=100,how=1", dev); /* the last byte is never written */
    ck_assert(!c.ok);
    ck_assert_uint_eq(c.first_difference, 399);
    c = validate("twist:n=100,how=2", dev); /* one byte too many */
    ck_assert(!c.ok);
    ck_assert_uint_eq(c.first_difference, 400);
    ck_assert_uint_eq(c.compared_bytes, 400);
    c = validate("twist:n=100,how=5", dev); /* neither path writes the last word */
    ck_assert(!c.ok);
    ck_assert_uint_eq(c.first_difference, 396);
    qd_problem p = parse("twist:n=100,how=3");
    qd_error e = {0};
    ck_assert_int_eq(qd_validate_problem(&p, dev, &c, &e), QD_E_INTERNAL); /* the reference itself leaves its output */
    p = parse("twist:n=100,how=4");
    ck_assert_int_eq(qd_validate_problem(&p, dev, &c, &e), QD_E_DEVICE);
    ck_assert_str_eq(e.what, "no luck");
    qd_device_close(dev);
}
END_TEST

/* ---- Choosing ------------------------------------------------------------------------------------------------------- */

START_TEST(auto_takes_the_next) {
    setenv("POCL_DEVICES", "pthread basic", 1);
    setenv("QD_FAULT_DEVICE", "0:0", 1);
    char said[1024];
    qd_device *dev = NULL;
    qd_error e = {0};
    ck_assert_int_eq(qd_device_choose(&registry, NULL, false, &dev, said, &e), QD_OK);
    ck_assert_ptr_nonnull(dev);
    ck_assert_str_eq(qd_device_about(dev)->id, "0:1");
    ck_assert_ptr_nonnull(strstr(said, "0:0"));
    ck_assert_ptr_nonnull(strstr(said, "self-test failed"));
    ck_assert_ptr_nonnull(strstr(said, "using device 0:1"));
    qd_device_close(dev);
    ck_assert_int_eq(qd_device_choose(&registry, "auto", true, &dev, NULL, &e), QD_E_DIFFER); /* the first choice must work */
    ck_assert_ptr_null(dev);
    ck_assert_int_eq(qd_device_choose(&registry, "0:0", false, &dev, NULL, &e), QD_E_DIFFER); /* named */
    ck_assert_ptr_null(dev);
    ck_assert_int_eq(qd_device_choose(&registry, "0:1", false, &dev, said, &e), QD_OK);
    ck_assert_str_eq(said, "");
    qd_device_close(dev);
}
END_TEST

START_TEST(all_fail_then_reference) {
    put("part.clh", "#define TIMES(i) ((i) * 5)\n");
    char said[1024];
    qd_device *dev = NULL;
    qd_error e = {0};
    ck_assert_int_eq(qd_device_choose(&registry, NULL, false, &dev, said, &e), QD_OK);
    ck_assert_ptr_null(dev);
    ck_assert_ptr_nonnull(strstr(said, "reference path"));
    put("part.clh", "this is no kernel\n");
    ck_assert_int_eq(qd_device_choose(&registry, NULL, false, &dev, said, &e), QD_OK);
    ck_assert_ptr_null(dev);
    ck_assert_ptr_nonnull(strstr(said, "did not build"));
    ck_assert_int_eq(qd_device_choose(&registry, "cpu", false, &dev, said, &e), QD_E_BUILD);
}
END_TEST

START_TEST(no_platform) {
    setenv("OCL_ICD_VENDORS", "/nonexistent", 1);
    char said[1024];
    qd_device *dev = NULL;
    qd_error e = {0};
    ck_assert_int_eq(qd_device_choose(&registry, NULL, false, &dev, said, &e), QD_OK);
    ck_assert_ptr_null(dev);
    ck_assert_ptr_nonnull(strstr(said, "CL_PLATFORM_NOT_FOUND_KHR, -1001"));
    ck_assert_ptr_nonnull(strstr(said, "apt install pocl-opencl-icd"));
    ck_assert_ptr_nonnull(strstr(said, "reference path"));
    ck_assert_int_eq(qd_device_choose(&registry, NULL, true, &dev, NULL, &e), QD_E_NODEVICE);
    ck_assert_int_eq(qd_device_choose(&registry, "cpu", false, &dev, NULL, &e), QD_E_NODEVICE);
    ck_assert_int_eq(qd_device_choose(&registry, "ref", true, &dev, NULL, &e), QD_OK);
    ck_assert_ptr_null(dev);
    qd_device_info *list;
    size_t n = 9;
    char note[QD_ERROR_PART];
    ck_assert_int_eq(qd_devices_list(&list, &n, note, &e), QD_OK);
    ck_assert_uint_eq(n, 0);
    ck_assert_ptr_nonnull(strstr(note, "/nonexistent"));
    free(list);
}
END_TEST

START_TEST(selectors) {
    qd_device *dev = NULL;
    qd_error e = {0};
    static const char *const wrong[] = {"", "GPU", "0", "0:", ":0", "0:0x", "0:0:0", "-1:0", "name=", "pci=", "fpga", "00000:0"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        ck_assert_msg(qd_device_open(wrong[i], &dev, &e) == QD_E_USAGE, "'%s'", wrong[i]);
        ck_assert_ptr_null(dev);
    }
    static const char *const absent[] = {"99:0", "0:99", "name=no such device", "pci=ffff:ff:1f.7"};
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++)
        ck_assert_msg(qd_device_open(absent[i], &dev, &e) == QD_E_NODEVICE, "'%s'", absent[i]);
    static const char *const present[] = {"0:0", "name=PTHREAD", "cpu"};
    for (size_t i = 0; i < sizeof present / sizeof *present; i++) {
        ck_assert_msg(qd_device_open(present[i], &dev, &e) == QD_OK, "'%s': %s", present[i], e.what);
        ck_assert_str_eq(qd_device_about(dev)->type, "cpu");
        qd_device_close(dev);
    }
    qd_device_close(NULL);
}
END_TEST

int main(void) {
    Suite *s = suite_create("compute");
    TCase *t = tcase_create("compute");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, problem_strings);
    tcase_add_test(t, bad_problem_strings);
    tcase_add_test(t, registry_joins_rooms);
    tcase_add_test(t, right_kernel_passes);
    tcase_add_test(t, wrong_kernel_is_caught);
    tcase_add_test(t, guards_and_poison);
    tcase_add_test(t, auto_takes_the_next);
    tcase_add_test(t, all_fail_then_reference);
    tcase_add_test(t, no_platform);
    tcase_add_test(t, selectors);
    suite_add_tcase(s, t);
    return run_all(s);
}
