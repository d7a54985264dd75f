/* SPDX-License-Identifier: Apache-2.0 */
/* What the compiler of a CPU device may use: one program whose kernel names are the answers, so that nothing has to be launched.
 */
#include <string.h>
#include "compute/internal.h"

static const char probe_source[] =
    "#if defined(__AVX512BW__)\n"
    "__kernel void lanes64(void) {}\n"
    "#elif defined(__AVX2__)\n"
    "__kernel void lanes32(void) {}\n"
    "#elif defined(__SSE2__) || defined(__ARM_NEON) || defined(__ALTIVEC__)\n"
    "__kernel void lanes16(void) {}\n"
    "#else\n"
    "__kernel void lanes_unknown(void) {}\n"
    "#endif\n"
    "#if defined(PROBE_CLMUL) && defined(__PCLMUL__)\n"
    "typedef long v2 __attribute__((ext_vector_type(2)));\n"
    "__kernel void clmul(__global v2 *p) { p[0] = __builtin_ia32_pclmulqdq128(p[0], p[1], 0); }\n"
    "#endif\n";

/* For compilers that do not say: a CPU device runs on the processor we run on. */
static unsigned lanes_of_host(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512bw")) return 64;
    if (__builtin_cpu_supports("avx2")) return 32;
#endif
    return 16;
}

/* The compiler may take the processor for an older one: what this is for is written in assembly. */
static bool host_permutes_bytes(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx512vbmi");
#else
    return false;
#endif
}

/* The same for carry-less multiply of whole vectors. PoCL's compiler is clang, which takes the assembly; others were seen to refuse it. */
static unsigned host_clmul_bits(const qd_device *dev) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (!qd_is_pocl(dev) || !__builtin_cpu_supports("vpclmulqdq")) return 128;
    if (dev->byte_lanes == 64 && __builtin_cpu_supports("avx512f")) return 512;
    if (dev->byte_lanes >= 32 && __builtin_cpu_supports("avx2")) return 256;
#else
    (void)dev;
#endif
    return 128;
}

static bool names_of(qd_device *dev, const char *options, char *names, size_t cap) {
    cl_program program = NULL;
    names[0] = '\0';
    if (qd_program_build(dev, "probe", probe_source, sizeof probe_source - 1, options, false, &program, NULL) != QD_OK)
        return false;
    cl_int code = clGetProgramInfo(program, CL_PROGRAM_KERNEL_NAMES, cap, names, NULL);
    (void)clReleaseProgram(program);
    return code == CL_SUCCESS;
}

void qd_probe(qd_device *dev) {
    char names[256];
    dev->byte_lanes = 4;
    dev->clmul_bits = 0;
    dev->permute = false;
    if (!qd_cl_is_cpu(dev)) return;
    dev->byte_lanes = 16;
    if (!names_of(dev, "-DPROBE_CLMUL", names, sizeof names) && !names_of(dev, "", names, sizeof names)) return;
    if (strstr(names, "lanes64"))
        dev->byte_lanes = 64;
    else if (strstr(names, "lanes32"))
        dev->byte_lanes = 32;
    else if (strstr(names, "lanes_unknown"))
        dev->byte_lanes = lanes_of_host();
    if (strstr(names, "clmul")) dev->clmul_bits = host_clmul_bits(dev);
    dev->permute = dev->byte_lanes == 64 && host_permutes_bytes();
}
