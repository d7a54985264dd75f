/* SPDX-License-Identifier: Apache-2.0 */
/** @file cl.h  What the device paths of the rooms use to run kernels: programs, buffers, launches. Not installed. */
#ifndef QD_COMPUTE_CL_H
#define QD_COMPUTE_CL_H

#ifndef CL_TARGET_OPENCL_VERSION
#define CL_TARGET_OPENCL_VERSION 120
#endif
#include <CL/cl.h>
#include "qdistill/compute.h"

/** Kernel @p kernel of kernels/PROGRAM.cl built with "-cl-std=CL1.2" and @p options ("-DLANES=32 ..."). Built once per
 *  device and options, kept until the device is closed; borrowed. QD_E_BUILD carries the build log's first lines. */
qd_status qd_cl_kernel(qd_device *dev, const char *program, const char *options, const char *kernel, cl_kernel *out,
                       qd_error *err);

/** A device buffer. {0} is none. */
typedef struct qd_buf {
    cl_mem mem;
    size_t bytes;
    size_t *live; /**< the device's count of buffers */
    cl_command_queue lent_to; /**< of lent memory: what may still work on it; else NULL */
} qd_buf;
/** Read-write buffer of @p bytes (0 gives 64). QD_E_DEVICE when above the device's allocation limit or memory is out. Contents
 * undefined. */
qd_status qd_cl_alloc(qd_device *dev, qd_buf *b, size_t bytes, qd_error *err);
/** {0} is accepted, and what @p b is afterwards. Before the device is closed. Of lent memory: waits until nothing works on it. */
void qd_cl_free(qd_buf *b);
/** Bytes @p at .. @p at + @p bytes - 1 of @p whole as a buffer of its own, which must be freed before @p whole is. @p at: a multiple of
 *  QD_CL_ALIGN. */
enum { QD_CL_ALIGN = 512 };
qd_status qd_cl_part(qd_device *dev, qd_buf *b, const qd_buf *whole, size_t at, size_t bytes, qd_error *err);
/** Host memory as a buffer, without a copy: CPU devices only. It must stay where it is until the buffer is freed, also after an error. What
 *  kernels write there is seen after qd_cl_returned. QD_E_DEVICE as qd_cl_alloc. */
qd_status qd_cl_lend(qd_device *dev, qd_buf *b, const void *p, size_t bytes, qd_error *err);
qd_status qd_cl_returned(qd_device *dev, const qd_buf *b, qd_error *err);
/** A small table that kernels read, made at the first call and kept until the device is closed; *out is borrowed: not to be freed. @p name: static storage,
 *  one table each. @p fill writes @p bytes bytes, the same each time. */
qd_status qd_cl_table(qd_device *dev, const char *name, size_t bytes, void (*fill)(void *p), qd_buf *out, qd_error *err);
/** Blocking copies; counted in upload and download seconds. */
qd_status qd_cl_write(qd_device *dev, qd_buf *b, size_t at, const void *p, size_t bytes, qd_error *err);
qd_status qd_cl_read(qd_device *dev, const qd_buf *b, size_t at, void *p, size_t bytes, qd_error *err);
/** Fill with zero bytes on the device. Key material: call before qd_cl_free. */
qd_status qd_cl_zero(qd_device *dev, qd_buf *b, size_t at, size_t bytes, qd_error *err);

/** Kernel argument: value with its size, or a buffer, or local memory of a size (value NULL). */
typedef struct qd_arg {
    size_t size;
    const void *value;
} qd_arg;
#define QD_ARG(x) ((qd_arg){sizeof(x), &(x)})
#define QD_ARG_BUF(b) ((qd_arg){sizeof(cl_mem), &(b).mem})
#define QD_ARG_LOCAL(bytes) ((qd_arg){(bytes), NULL})

/** Enqueue in order (not waited for; qd_cl_read and qd_cl_finish wait). @p global is rounded up to a multiple of @p local by the
 *  callee, so kernels must test their index; local 0: the implementation chooses. One dimension. */
qd_status qd_cl_run(qd_device *dev, cl_kernel k, const qd_arg *args, size_t n_args, size_t global, size_t local, qd_error *err);
/** Wait for everything enqueued and collect the times. */
qd_status qd_cl_finish(qd_device *dev, qd_error *err);

/** True on CPU devices (wide vectors, local memory is ordinary memory). */
bool qd_cl_is_cpu(const qd_device *dev);
/** Byte lanes of one native vector on the device's processor: 16, 32 or 64; 4 on GPUs. */
unsigned qd_cl_byte_lanes(const qd_device *dev);
/** True when the device is this machine's processor and permutes bytes across a vector of 64 (AVX-512 VBMI). Its compiler need not know. */
bool qd_cl_has_permute(const qd_device *dev);
/** True when kernels on this device may use the builtin for carry-less multiply of 128 bits: a CPU device whose compiler has it. */
bool qd_cl_has_clmul(const qd_device *dev);
/** Width in bits of the carry-less multiply instructions that kernels may use: 0; 128, the builtin; 256 or 512, VPCLMULQDQ in assembly (its
 *  compiler need not know it), when the device is this machine's processor and its driver is known to take assembly. */
unsigned qd_cl_clmul_bits(const qd_device *dev);

#endif
