/* SPDX-License-Identifier: Apache-2.0 */
/* Programs: built once per device and options, kept until the device is closed, binaries kept on disk. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "compute/internal.h"

typedef struct qd_kernel_made {
    struct qd_kernel_made *next;
    cl_kernel kernel;
    char name[];
} kernel_made;

static void build_log(qd_device *dev, cl_program program, char *out, size_t cap) {
    out[0] = '\0';
    size_t n = 0;
    if (clGetProgramBuildInfo(program, dev->id, CL_PROGRAM_BUILD_LOG, 0, NULL, &n) != CL_SUCCESS || n == 0) return;
    char *log = calloc(1, n + 1);
    if (!log) return;
    if (clGetProgramBuildInfo(program, dev->id, CL_PROGRAM_BUILD_LOG, n, log, NULL) == CL_SUCCESS) {
        /* The error is one line of text: lines become "; ". */
        size_t at = 0;
        for (const char *c = log; *c && at + 3 < cap; c++) {
            if (*c != '\n')
                out[at++] = *c;
            else if (at && c[1])
                at += (size_t)snprintf(out + at, cap - at, "; ");
        }
        out[at] = '\0';
        while (at && (out[at - 1] == ' ' || out[at - 1] == ';')) out[--at] = '\0';
    }
    free(log);
}

static qd_status build_failed(qd_device *dev, const char *name, const char *options, cl_program program, cl_int code,
                              qd_error *err) {
    char log[QD_ERROR_PART - 120] = "", buf[48];
    if (program) build_log(dev, program, log, sizeof log);
    const char *cl = qd_cl_error_name(code, buf);
    if (log[0])
        return qd_fail(err, QD_E_BUILD,
                       "kernel %s did not build for device %s (%s) with '%s'|%s: %s|the compiler of this driver rejects the "
                       "source|report it with the driver's version (qdistill devices); go on without it: --device ref",
                       name, dev->info.id, dev->info.name, options, cl, log);
    const char *pocl = getenv("POCL_CACHE_DIR"), *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    return qd_fail(
        err, QD_E_BUILD,
        "kernel %s did not build for device %s (%s) with '%s'|%s, build log empty|on PoCL the cache directory is not writable: "
        "POCL_CACHE_DIR=%s XDG_CACHE_HOME=%s HOME=%s|set POCL_CACHE_DIR to a writable directory and run again",
        name, dev->info.id, dev->info.name, options, cl, pocl ? pocl : "", xdg ? xdg : "", home ? home : "");
}

static cl_program from_cache(qd_device *dev, const char *key, const char *options) {
    size_t bytes = 0;
    unsigned char *binary = qd_cache_load(key, &bytes);
    if (!binary) return NULL;
    cl_int status = CL_SUCCESS, code = CL_SUCCESS;
    const unsigned char *p = binary;
    cl_program program = clCreateProgramWithBinary(dev->context, 1, &dev->id, &bytes, &p, &status, &code);
    if (code == CL_SUCCESS && status == CL_SUCCESS && clBuildProgram(program, 1, &dev->id, options, NULL, NULL) == CL_SUCCESS) {
        free(binary);
        return program;
    }
    if (program) (void)clReleaseProgram(program);
    free(binary);
    return NULL;
}

/* PoCL keeps a cache of its own, of kernels made for the local sizes that were used; asking it for a binary makes every kernel once
 * more in a general form, which doubles the time of a first run. */
static bool keeps_own_cache(const qd_device *dev) { return strcmp(dev->info.platform, "Portable Computing Language") == 0; }

static void to_cache(cl_program program, const char *key) {
    size_t bytes = 0;
    if (clGetProgramInfo(program, CL_PROGRAM_BINARY_SIZES, sizeof bytes, &bytes, NULL) != CL_SUCCESS || bytes == 0) return;
    unsigned char *binary = malloc(bytes);
    if (binary && clGetProgramInfo(program, CL_PROGRAM_BINARIES, sizeof binary, &binary, NULL) == CL_SUCCESS)
        qd_cache_store(key, binary, bytes);
    free(binary);
}

qd_status qd_program_build(qd_device *dev, const char *name, const char *text, size_t bytes, const char *options, bool no_cache,
                           cl_program *out, qd_error *err) {
    char all[1024], key[65] = "";
    /* Some compilers count their warnings on standard error; they are for who works on a kernel. */
    if (snprintf(all, sizeof all, "-cl-std=CL1.2 %s%s", no_cache ? "" : "-w ", options) >= (int)sizeof all)
        return qd_fail(err, QD_E_INTERNAL, "build options of kernel %s are too long", name);
    double began = qd_now();
    bool on_disk = !no_cache && !keeps_own_cache(dev);
    if (on_disk) qd_cache_key(&dev->info, text, bytes, all, key);
    cl_program program = on_disk ? from_cache(dev, key, all) : NULL;
    if (!program) {
        cl_int code;
        program = clCreateProgramWithSource(dev->context, 1, &text, &bytes, &code);
        if (code != CL_SUCCESS) return build_failed(dev, name, all, NULL, code, err);
        code = clBuildProgram(program, 1, &dev->id, all, NULL, NULL);
        if (code != CL_SUCCESS) {
            qd_status st = build_failed(dev, name, all, program, code, err);
            (void)clReleaseProgram(program);
            return st;
        }
        if (on_disk) to_cache(program, key);
    }
    dev->time.build_seconds += qd_now() - began;
    *out = program;
    return QD_OK;
}

static qd_program *known(qd_device *dev, const char *key) {
    for (qd_program *p = dev->programs; p; p = p->next)
        if (strcmp(p->key, key) == 0) return p;
    return NULL;
}

static qd_status kernel_in(qd_device *dev, qd_program *p, const char *kernel, cl_kernel *out, qd_error *err) {
    for (kernel_made *k = p->kernels; k; k = k->next)
        if (strcmp(k->name, kernel) == 0) {
            *out = k->kernel;
            return QD_OK;
        }
    cl_int code;
    cl_kernel made = clCreateKernel(p->program, kernel, &code);
    if (code != CL_SUCCESS) {
        char buf[48];
        return qd_fail(err, QD_E_BUILD, "program %.60s has no kernel %s on device %s|%s", p->key, kernel, dev->info.id,
                       qd_cl_error_name(code, buf));
    }
    size_t n = strlen(kernel) + 1;
    kernel_made *k = malloc(sizeof *k + n);
    if (!k) {
        (void)clReleaseKernel(made);
        return qd_fail(err, QD_E_INTERNAL, "no memory for a kernel");
    }
    memcpy(k->name, kernel, n);
    k->kernel = made;
    k->next = p->kernels;
    p->kernels = k;
    *out = made;
    return QD_OK;
}

/* Takes over @p program and @p key. */
static qd_status add(qd_device *dev, char *key, cl_program program, qd_program **out, qd_error *err) {
    qd_program *p = calloc(1, sizeof *p);
    if (!p) {
        (void)clReleaseProgram(program);
        free(key);
        return qd_fail(err, QD_E_INTERNAL, "no memory for a program");
    }
    *p = (qd_program){dev->programs, key, program, NULL};
    dev->programs = p;
    *out = p;
    return QD_OK;
}

/* @p text NULL: the source called @p name of kernels/. */
static qd_status get_kernel(qd_device *dev, const char *name, const char *text, const char *options, const char *kernel,
                            cl_kernel *out, qd_error *err) {
    if (!options) options = "";
    size_t n = strlen(name) + strlen(options) + 2;
    char *key = malloc(n);
    if (!key) return qd_fail(err, QD_E_INTERNAL, "no memory for a program's name");
    snprintf(key, n, "%s\n%s", name, options);
    qd_program *p = known(dev, key);
    if (p) {
        free(key);
        return kernel_in(dev, p, kernel, out, err);
    }
    char *read = NULL;
    size_t bytes = text ? strlen(text) : 0;
    bool from_disk = false;
    cl_program program = NULL;
    qd_status st = text ? QD_OK : qd_source_get(name, &read, &bytes, &from_disk, err);
    if (st == QD_OK) st = qd_program_build(dev, name, text ? text : read, bytes, options, from_disk, &program, err);
    free(read);
    if (st != QD_OK) {
        free(key);
        return st;
    }
    QD_TRY(add(dev, key, program, &p, err));
    return kernel_in(dev, p, kernel, out, err);
}

qd_status qd_cl_kernel(qd_device *dev, const char *program, const char *options, const char *kernel, cl_kernel *out,
                       qd_error *err) {
    return get_kernel(dev, program, NULL, options, kernel, out, err);
}

qd_status qd_cl_kernel_of(qd_device *dev, const char *name, const char *text, const char *options, const char *kernel,
                          cl_kernel *out, qd_error *err) {
    return get_kernel(dev, name, text, options, kernel, out, err);
}

void qd_programs_free(qd_device *dev) {
    while (dev->programs) {
        qd_program *p = dev->programs;
        dev->programs = p->next;
        while (p->kernels) {
            kernel_made *k = p->kernels;
            p->kernels = k->next;
            (void)clReleaseKernel(k->kernel);
            free(k);
        }
        (void)clReleaseProgram(p->program);
        free(p->key);
        free(p);
    }
}
