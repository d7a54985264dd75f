/* SPDX-License-Identifier: Apache-2.0 */
/** @file internal.h  What the files of this room share. */
#ifndef QD_COMPUTE_INTERNAL_H
#define QD_COMPUTE_INTERNAL_H

#include "compute/cl.h"
#include "qdistill/core/report.h"

/** A program built for one set of options, with the kernels asked for so far. */
typedef struct qd_program {
    struct qd_program *next;
    char *key; /**< NAME and options, separated by a newline */
    cl_program program;
    struct qd_kernel_made *kernels;
} qd_program;

enum qd_event_kind { QD_EVENT_KERNEL, QD_EVENT_UPLOAD, QD_EVENT_DOWNLOAD, QD_EVENT_BEFORE_RESET };

/** A command whose times have not been collected. */
typedef struct qd_pending {
    cl_event event;
    enum qd_event_kind kind;
} qd_pending;

enum { QD_PENDING_MAX = 512 };

/** A table that was made once. */
typedef struct qd_table {
    struct qd_table *next;
    const char *name;
    qd_buf buf;
} qd_table;

struct qd_device {
    qd_device_info info;
    cl_device_id id;
    cl_context context;
    cl_command_queue queue;
    qd_program *programs;
    qd_table *tables;
    qd_pending pending[QD_PENDING_MAX];
    size_t n_pending;
    qd_device_time time;
    unsigned byte_lanes, clmul_bits; /**< found when opened */
    bool permute;
    size_t live_buffers; /**< allocated and not yet freed */
};

/** "CL_OUT_OF_RESOURCES, -5". Static storage for known codes; @p buf (48 bytes) holds the others. */
const char *qd_cl_error_name(cl_int code, char buf[48]);
/** QD_E_DEVICE with the four parts for a failed call: "what|name|likely|next". */
qd_status qd_cl_fail(const qd_device *dev, qd_error *err, const char *call, cl_int code);

/** The OpenCL handle at index (P, D) that qd_devices_list numbered. */
qd_status qd_devices_handle(unsigned platform, unsigned device, cl_device_id *id, qd_error *err);

/** Where the loader looks for ICD files. Borrowed from the environment, or static. */
const char *qd_icd_dir(void);

/** Text of kernels/PROGRAM.cl: embedded, or read from QD_KERNEL_DIR and flattened (*from_disk). The caller frees *text. */
qd_status qd_source_get(const char *program, char **text, size_t *bytes, bool *from_disk, qd_error *err);
/** Read DIR/NAME.cl and put the quoted includes found in DIR or beside the including file in their place, each file once.
 *  QD_E_INPUT: a file cannot be read, or the text exceeds 16 MiB. The caller frees *text. */
qd_status qd_source_flatten(const char *dir, const char *name, char **text, size_t *bytes, qd_error *err);

/** Build @p text (through the disk cache unless @p no_cache). The caller releases *out. */
qd_status qd_program_build(qd_device *dev, const char *name, const char *text, size_t bytes, const char *options, bool no_cache,
                           cl_program *out, qd_error *err);
/** Kernel of a source that is part of this room (measuring, probing): kept like those of qd_cl_kernel. */
qd_status qd_cl_kernel_of(qd_device *dev, const char *name, const char *text, const char *options, const char *kernel,
                          cl_kernel *out, qd_error *err);
void qd_programs_free(qd_device *dev);
void qd_tables_free(qd_device *dev);

/** Disk cache. Load gives NULL when there is no good entry; store may fail silently. */
void *qd_cache_load(const char *key, size_t *bytes);
void qd_cache_store(const char *key, const void *p, size_t bytes);
/** SHA-256 over everything that shapes the binary. */
void qd_cache_key(const qd_device_info *info, const char *text, size_t bytes, const char *options, char key[65]);

/** True on PoCL, whose name stands in the platform's version ("OpenCL 3.0 PoCL 3.1 ..."). */
bool qd_is_pocl(const qd_device *dev);

/** Fill byte_lanes, clmul_bits and permute of an open device. Cannot fail: what cannot be found out is taken as absent. */
void qd_probe(qd_device *dev);

/** NUMA node of the PCI device "0000:21:00.0", -1: unknown. */
int qd_topology_numa_of_pci(const char *pci);

#endif
