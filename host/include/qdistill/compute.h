/* SPDX-License-Identifier: Apache-2.0 */
/** @file compute.h  Devices, and the registry row of an accelerated operation with the loops over rows. */
#ifndef QDISTILL_COMPUTE_H
#define QDISTILL_COMPUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "qdistill/core/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Topology ---------------------------------------------------------------------------------------------------- */

typedef struct qd_topology {
    unsigned packages, cores, threads, numa_nodes;
    uint64_t l1d_bytes, l2_bytes, l3_bytes; /**< of the cache that one core sees; 0: unknown */
    uint64_t memory_bytes;
} qd_topology;
/** Read the machine (hwloc, its OpenCL, CUDA and NVML components switched off: they would start drivers). */
qd_status qd_topology_read(qd_topology *t, qd_error *err);

/* ---- Devices ----------------------------------------------------------------------------------------------------- */

typedef struct qd_device_info {
    char id[16]; /**< "P:D" as clinfo numbers them */
    char name[128], type[16], driver[128], platform[128], version[128];
    char pci[24]; /**< "0000:21:00.0" or "" */
    uint32_t compute_units, max_work_group;
    uint64_t global_mem_bytes, max_alloc_bytes, local_mem_bytes;
    bool local_mem_is_global; /**< local memory is ordinary memory (CPU devices) */
    int numa_node;            /**< -1: host or unknown */
    bool usable;
    char reason[192]; /**< why not usable; "" when usable */
} qd_device_info;

/** All devices of all platforms. *out is freed by the caller with free(); n = 0 with QD_OK when there is no platform; @p note
 *  (may be NULL, 640 bytes) then says why and what to do. */
qd_status qd_devices_list(qd_device_info **out, size_t *n, char *note, qd_error *err);

/** Which of the @p n devices in @p list the selector names (as for qd_device_open, but for "auto" and "ref"), usable or not: match[n].
 *  QD_E_USAGE: not a selector. QD_E_NODEVICE: none. */
qd_status qd_device_matches(const qd_device_info *list, size_t n, const char *selector, bool *match, qd_error *err);

/** A thing that OpenCL depends on outside qdistill: an ICD file, or a device node. */
typedef struct qd_access {
    char path[256];
    char detail[128]; /**< of an ICD file: the library that it names; of a node: "" */
    bool is_icd, readable, writable;
} qd_access;
/** ICD files where the loader looks (OCL_ICD_VENDORS, OPENCL_VENDOR_PATH, else /etc/OpenCL/vendors) and the nodes /dev/dri/card*,
 *  /dev/dri/renderD*, /dev/nvidia*, /dev/kfd with this user's access to them. *out is freed by the caller with free(); n = 0:
 * none. */
qd_status qd_devices_access(qd_access **out, size_t *n, qd_error *err);

/** An open device: context, queue, programs built so far, time spent. NULL stands for the reference path everywhere. Not
 * thread-safe: one caller at a time. */
typedef struct qd_device qd_device;

/** Open the device that @p selector names: "P:D", "name=TEXT", "pci=ADDRESS", "gpu", "cpu". "ref" gives *out = NULL.
 *  QD_E_USAGE: not a selector. QD_E_NODEVICE: nothing matches; the reasons of those skipped are in the error. */
qd_status qd_device_open(const char *selector, qd_device **out, qd_error *err);
void qd_device_close(qd_device *dev);
const qd_device_info *qd_device_about(const qd_device *dev);

/** Bytes of working set that a batch on @p dev should keep to: CPU devices and NULL (the reference) half of the last cache that
 * the cores share (or of the second level when there is none); others an eighth of the memory, at most half of one allocation. At
 * least 1 MiB. */
uint64_t qd_device_batch_bytes(const qd_device *dev);

/** Seconds spent on the device since the last reset, by event profiling, and build time. A command counts once it was waited for.
 */
typedef struct qd_device_time {
    double kernel_seconds, upload_seconds, download_seconds, build_seconds;
    uint64_t upload_bytes, download_bytes, launches;
} qd_device_time;
qd_device_time qd_device_time_read(const qd_device *dev);
void qd_device_time_reset(qd_device *dev);

/* ---- Operations -------------------------------------------------------------------------------------------------- */

enum { QD_PROBLEM_KEYS = 20 };

/** One key of a problem string: an unsigned integer with its range and default. */
typedef struct qd_key {
    const char *name;
    uint64_t def, min, max;
    const char *help;
} qd_key;

struct qd_op;

/** A parsed problem string: the row, and a value for each of its keys. */
typedef struct qd_problem {
    const struct qd_op *op;
    uint64_t v[QD_PROBLEM_KEYS]; /**< in the order of op->keys */
} qd_problem;

/** Model of the least work of a problem. */
typedef struct qd_cost {
    double bytes;     /**< that must move between memory and device cores */
    double ops;       /**< 32-bit integer operations that must be done */
    double units;     /**< of work, for the rate */
    const char *unit; /**< "bit", "tag", "frame bit", ... */
} qd_cost;

/** A row of the registry. All pointers are to static storage. */
typedef struct qd_op {
    const char *name;    /**< as in the problem string and kernels/NAME.cl */
    const char *summary; /**< one line */
    const qd_key *keys;
    size_t n_keys;
    const char *selftest;           /**< one small problem, run at the start of each job */
    const char *const *cases_quick; /**< NULL-terminated problem strings: sizes 1, odd, around tile and chunk limits, adversarial
                                       contents, every tuning candidate */
    const char *const *cases_full;  /**< NULL-terminated: large */
    const char *const *cases_profile; /**< NULL-terminated: what profile measures by default */
    /** Inputs of a problem, from its seed. The state is freed by destroy. QD_E_USAGE: keys contradict each other. */
    qd_status (*create)(const qd_problem *p, void **state, qd_error *err);
    void (*destroy)(void *state);
    /** Size of the output; both paths write exactly this many bytes. Both may run again and again on one state and give the same.
     */
    size_t (*output_bytes)(const void *state);
    qd_status (*reference)(void *state, void *out, qd_error *err);
    qd_status (*device)(void *state, qd_device *dev, void *out, qd_error *err);
    void (*cost)(const void *state, qd_cost *cost);
    /** NULL-terminated, may be NULL: problems small enough for a simulator of devices (Oclgrind: seconds for 10^7 instructions).
     *  NULL stands for the self-test problem alone. */
    const char *const *cases_tiny;
} qd_op;

/** Rows of all rooms (host/pipeline/registry.c makes the only one): a NULL-terminated list of NULL-terminated lists. */
typedef struct qd_registry {
    const qd_op *const *const *rooms;
} qd_registry;

/** Row @p i of the joined table, or NULL past its end; the row called @p name, or NULL. */
const qd_op *qd_registry_op(const qd_registry *r, size_t i);
const qd_op *qd_registry_find(const qd_registry *r, const char *name);

/** Parse "NAME:key=value,...", "NAME:" or "NAME"; keys left out take their default. QD_E_USAGE names the offending part and
 * prints the grammar. */
qd_status qd_problem_parse(const qd_registry *r, const char *text, qd_problem *p, qd_error *err);
/** Canonical text, all keys in order. @p out has @p cap bytes (256 suffice). */
void qd_problem_print(const qd_problem *p, char *out, size_t cap);

/** Result of comparing device and reference on one problem. */
typedef struct qd_compare {
    bool ok;
    uint64_t compared_bytes;
    uint64_t first_difference; /**< byte index; UINT64_MAX: none; equal to compared_bytes: a guard byte was overwritten */
    uint8_t expected, got;
    double device_seconds, reference_seconds;
} qd_compare;

/** Run @p p on reference and device and compare byte for byte. Outputs are poisoned first and guarded on both sides.
 *  QD_OK also when they differ (result->ok says). */
qd_status qd_validate_problem(const qd_problem *p, qd_device *dev, qd_compare *result, qd_error *err);

/** Run the self-test case of every row. QD_E_DIFFER: the error names problem, index, expected and got.
 *  QD_FAULT_DEVICE=P:D in the environment flips one bit of that device's first result: for tests of this very check. */
qd_status qd_selftest(const qd_registry *r, qd_device *dev, qd_error *err);

/** Choose a device as the program does. @p selector NULL or "auto": GPUs first, then CPU devices, each must pass the self-test,
 *  then the reference (*dev = NULL). A named device that fails ends with QD_E_DIFFER, absent with QD_E_NODEVICE. @p no_fallback:
 *  the first choice of auto must work. @p said (may be NULL, 1024 bytes) gets one line: what was chosen, what was skipped and
 * why; empty when there is nothing to warn of. */
qd_status qd_device_choose(const qd_registry *r, const char *selector, bool no_fallback, qd_device **dev, char *said,
                           qd_error *err);

/** Limits measured on the device: what profile compares with. */
typedef struct qd_limits {
    double copy_bytes_per_s; /**< read plus write of a large buffer copy by a kernel */
    double int_ops_per_s; /**< 32-bit integer operations: the better of a chain of multiply-adds (two each) and of adds, xors and
                             shifts */
} qd_limits;
qd_status qd_limits_measure(qd_device *dev, qd_limits *limits, qd_error *err);

#ifdef __cplusplus
}
#endif
#endif
