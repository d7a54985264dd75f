/* SPDX-License-Identifier: Apache-2.0 */
/* kernels/rng.clh gives on every OpenCL device the words of qd_philox, in its plain and in its wide forms. The kernels of this
 * test stand in a folder of their own, read through QD_KERNEL_DIR beside links to the header, so they are flattened and built as
 * ever. */
#include "core_suite.h"

#include <unistd.h>
#include "compute/cl.h"

static const char source[] =
    "#include \"rng.clh\"\n"
    /* entities and draws that fill all their bits; the host computes the same */
    "#define ENTITY(i) ((i) * 0x9e3779b97f4a7c15ul)\n"
    "#define DRAW(i) (((i) * 0xc2b2ae3d27d4eb4ful) >> 32)\n"
    "#define LANES ((ulong8)(0, 1, 2, 3, 4, 5, 6, 7))\n"
    "__kernel void plain(__global uint *out, ulong seed, uint stream, ulong n) {\n"
    "    ulong i = get_global_id(0);\n"
    "    if (i < n) vstore4(qd_philox(seed, stream, ENTITY(i), (uint)DRAW(i)), i, out);\n"
    "}\n"
    "static void put(__global uint *out, ulong first, const ulong8 *x) {\n"
    "    for (int j = 0; j < 4; j++) {\n"
    "        const ulong *lane = (const ulong *)&x[j];\n"
    "        for (int k = 0; k < 8; k++) out[4 * (first + k) + j] = lane[k] >> 32 ? 0xbadbadu : (uint)lane[k];\n"
    "    }\n"
    "}\n"
    "__kernel void eight(__global uint *out, ulong seed, uint stream, ulong n) {\n"
    "    ulong first = 8 * get_global_id(0);\n"
    "    if (first >= n) return;\n"
    "    ulong8 x[4], i = first + LANES;\n"
    "    QD_PHILOX_X8_COUNTER(x, stream, ENTITY(i), DRAW(i));\n"
    "    qd_philox_x8(x, seed);\n"
    "    put(out, first, x);\n"
    "}\n"
    "__kernel void twice(__global uint *out, ulong seed, uint stream, ulong n) {\n"
    "    ulong first = 16 * get_global_id(0);\n"
    "    if (first >= n) return;\n"
    "    ulong8 x[4], y[4], i = first + LANES, k = i + 8;\n"
    "    QD_PHILOX_X8_COUNTER(x, stream, ENTITY(i), DRAW(i));\n"
    "    QD_PHILOX_X8_COUNTER(y, stream, ENTITY(k), DRAW(k));\n"
    "    qd_philox_2x8(x, y, seed);\n"
    "    put(out, first, x);\n"
    "    put(out, first + 8, y);\n"
    "}\n";

enum { N = 4096 };

/* Run one kernel on one device; it writes `per` draws a work-item. */
static void run(qd_device *dev, const char *kernel, size_t per, uint64_t seed, uint32_t stream, uint32_t *out) {
    qd_error err = {0};
    qd_buf buf = {0};
    cl_kernel k;
    cl_ulong s = seed, n = N;
    cl_uint t = stream;
    memset(out, 0xee, 16 * N);
    ck_ok(qd_cl_kernel(dev, "rng_test", "-Werror", kernel, &k, &err));
    ck_ok(qd_cl_alloc(dev, &buf, 16 * N, &err));
    const qd_arg args[] = {QD_ARG_BUF(buf), QD_ARG(s), QD_ARG(t), QD_ARG(n)};
    ck_ok(qd_cl_run(dev, k, args, 4, N / per, 0, &err));
    ck_ok(qd_cl_read(dev, &buf, 0, out, 16 * N, &err));
    qd_cl_free(&buf);
}

static void compare(qd_device *dev, uint64_t seed, uint32_t stream) {
    static const struct {
        const char *name;
        size_t per;
    } forms[] = {{"plain", 1}, {"eight", 8}, {"twice", 16}};
    uint32_t *out = malloc(16 * N), want[4];
    for (size_t f = 0; f < sizeof forms / sizeof *forms; f++) {
        run(dev, forms[f].name, forms[f].per, seed, stream, out);
        for (uint64_t i = 0; i < N; i++) {
            qd_philox(seed, stream, i * 0x9e3779b97f4a7c15, (uint32_t)(i * 0xc2b2ae3d27d4eb4f >> 32), want);
            ck_assert_msg(memcmp(want, out + 4 * i, sizeof want) == 0, "%s on %s: draw %u differs", forms[f].name,
                          qd_device_about(dev)->name, (unsigned)i);
        }
    }
    free(out);
}

/* A folder with the kernels of this test and a link to the header of the source tree. */
static char *kernel_folder(void) {
    char *folder = folder_make(), *link_path = qd_path_join(folder, "rng.clh");
    free(file_make(folder, "rng_test.cl", source, sizeof source - 1));
    ck_assert_int_eq(symlink(QD_SOURCE_DIR "/kernels/rng.clh", link_path), 0);
    ck_assert_int_eq(setenv("QD_KERNEL_DIR", folder, 1), 0);
    free(link_path);
    return folder;
}

START_TEST(device_draws_are_the_hosts) {
    static const uint64_t seeds[] = {0, 1, UINT64_MAX, 0x0123456789abcdef, 0xffffffff00000000, 0x00000000ffffffff};
    qd_error err = {0};
    qd_device_info *list = NULL;
    size_t n = 0, tried = 0;
    char *folder = kernel_folder();
    ck_ok(qd_devices_list(&list, &n, NULL, &err));
    for (size_t i = 0; i < n; i++) {
        qd_device *dev = NULL;
        if (!list[i].usable) continue;
        ck_ok(qd_device_open(list[i].id, &dev, &err));
        for (size_t s = 0; s < sizeof seeds / sizeof *seeds; s++) compare(dev, seeds[s], s % 2 ? UINT32_MAX : QD_STREAM_TEST);
        qd_device_close(dev);
        tried++;
    }
    if (!tried) fprintf(stderr, "SKIPPED: no usable OpenCL device\n");
    free(list);
    folder_remove(folder);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {device_draws_are_the_hosts};
    return run_tests("rng on devices", tests, 1, 0);
}
