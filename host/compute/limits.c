/* SPDX-License-Identifier: Apache-2.0 */
/* The two limits that profile compares with. The kernels are measuring tools, not operations: they live here, not in kernels/. */
#include <stdio.h>
#include "compute/internal.h"

static const char limits_source[] =
    "__kernel void copy(__global const uint4 *in, __global uint4 *out, ulong n) {\n"
    "    size_t i = get_global_id(0);\n"
    "    if (i < n) out[i] = in[i];\n"
    "}\n"
    /* Eight chains of a native vector each hide a latency of two cycles on four ports, or of four on two, and stay in 16 registers. */
    "#define EACH(step) step(a) step(b) step(c) step(d) step(e) step(f) step(g) step(h)\n"
    "#define BEGIN V a = (V)(get_global_id(0)), b = a + 1u, c = a + 2u, d = a + 3u, e = a + 4u, f = a + 5u, g = a + 6u, h = a + 7u, m = a * 2u + 3u;\n"
    "#define END out[get_global_id(0)] = a ^ b ^ c ^ d ^ e ^ f ^ g ^ h;\n"
    "#define MULTIPLY(x) x = x * m + m;\n"
    "#define MIX(x) x ^= m; x += x >> 3;\n"
    "__kernel void integers(__global V *out, uint rounds) {\n"
    "    BEGIN\n"
    "    for (uint i = 0; i < rounds; i++) { EACH(MULTIPLY) EACH(MULTIPLY) }\n"
    "    END\n"
    "}\n"
    "__kernel void logic(__global V *out, uint rounds) {\n"
    "    BEGIN\n"
    "    for (uint i = 0; i < rounds; i++) { EACH(MIX) EACH(MIX) }\n"
    "    END\n"
    "}\n";

enum { REPEAT = 5 };

/* Best of several launches by event time, the first left out. */
static qd_status best(qd_device *dev, cl_kernel k, const qd_arg *args, size_t n_args, size_t global, double *seconds,
                      qd_error *err) {
    *seconds = 0;
    for (int i = 0; i <= REPEAT; i++) {
        qd_device_time before = dev->time;
        QD_TRY(qd_cl_run(dev, k, args, n_args, global, 64, err));
        QD_TRY(qd_cl_finish(dev, err));
        double s = dev->time.kernel_seconds - before.kernel_seconds;
        if (i && s > 0 && (*seconds == 0 || s < *seconds)) *seconds = s;
    }
    if (*seconds == 0)
        return qd_fail(err, QD_E_DEVICE, "device %s gives no kernel times||its event profiling does not work", dev->info.id);
    return QD_OK;
}

static qd_status measure_copy(qd_device *dev, double *rate, qd_error *err) {
    size_t bytes = 128 << 20;
    if (bytes > dev->info.max_alloc_bytes / 2) bytes = (size_t)(dev->info.max_alloc_bytes / 2) / 4096 * 4096;
    cl_ulong n = bytes / 16;
    qd_buf in = {0}, out = {0};
    cl_kernel k;
    double seconds = 0;
    qd_status st;
    QD_TRY_OUT(st, qd_cl_kernel_of(dev, "limits", limits_source, "-DV=uint4", "copy", &k, err));
    QD_TRY_OUT(st, qd_cl_alloc(dev, &in, bytes, err));
    QD_TRY_OUT(st, qd_cl_alloc(dev, &out, bytes, err));
    QD_TRY_OUT(st, qd_cl_zero(dev, &in, 0, bytes, err));
    QD_TRY_OUT(st, qd_cl_zero(dev, &out, 0, bytes, err));
    const qd_arg args[] = {QD_ARG_BUF(in), QD_ARG_BUF(out), QD_ARG(n)};
    QD_TRY_OUT(st, best(dev, k, args, 3, n, &seconds, err));
    *rate = 2.0 * (double)bytes / seconds;
out:
    qd_cl_free(&in);
    qd_cl_free(&out);
    return st;
}

/* Rate of kernel @p name, which does @p ops operations on each lane a round. */
static qd_status measure_integers(qd_device *dev, const char *name, double ops, double *rate, qd_error *err) {
    const size_t items = qd_cl_is_cpu(dev) ? (size_t)dev->info.compute_units * 256 : (size_t)dev->info.compute_units * 2048;
    const unsigned lanes = dev->byte_lanes < 16 ? 4 : dev->byte_lanes / 4;
    cl_uint rounds = qd_cl_is_cpu(dev) ? 2048 : 512;
    char options[32];
    qd_buf out = {0};
    cl_kernel k;
    double seconds = 0;
    qd_status st;
    snprintf(options, sizeof options, "-DV=uint%u", lanes);
    QD_TRY_OUT(st, qd_cl_kernel_of(dev, "limits", limits_source, options, name, &k, err));
    QD_TRY_OUT(st, qd_cl_alloc(dev, &out, items * 4 * lanes, err));
    const qd_arg args[] = {QD_ARG_BUF(out), QD_ARG(rounds)};
    QD_TRY_OUT(st, best(dev, k, args, 2, items, &seconds, err));
    *rate = ops * lanes * (double)rounds * (double)items / seconds;
out:
    qd_cl_free(&out);
    return st;
}

qd_status qd_limits_measure(qd_device *dev, qd_limits *limits, qd_error *err) {
    double multiply_add = 0, logic = 0;
    *limits = (qd_limits){0};
    QD_TRY(measure_copy(dev, &limits->copy_bytes_per_s, err));
    QD_TRY(measure_integers(dev, "integers", 32, &multiply_add, err));
    QD_TRY(measure_integers(dev, "logic", 48, &logic, err));
    limits->int_ops_per_s = multiply_add > logic ? multiply_add : logic;
    return QD_OK;
}
