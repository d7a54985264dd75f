/* SPDX-License-Identifier: Apache-2.0 */
/* Buffers, launches and the time they take. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "compute/internal.h"
#include "compute/pages.h"

/* Time of one finished command. Some drivers give nonsense (end before start, zero): such a command counts as nothing rather than
 * as an absurd time. */
static void account(qd_device *dev, const qd_pending *p) {
    cl_ulong start = 0, end = 0;
    if (clGetEventProfilingInfo(p->event, CL_PROFILING_COMMAND_START, sizeof start, &start, NULL) != CL_SUCCESS) return;
    if (clGetEventProfilingInfo(p->event, CL_PROFILING_COMMAND_END, sizeof end, &end, NULL) != CL_SUCCESS) return;
    if (start == 0 || end < start) return;
    double seconds = 1e-9 * (double)(end - start);
    if (p->kind == QD_EVENT_KERNEL)
        dev->time.kernel_seconds += seconds;
    else if (p->kind == QD_EVENT_UPLOAD)
        dev->time.upload_seconds += seconds;
    else if (p->kind == QD_EVENT_DOWNLOAD)
        dev->time.download_seconds += seconds;
}

qd_status qd_cl_finish(qd_device *dev, qd_error *err) {
    cl_int code = clFinish(dev->queue), failed = CL_SUCCESS;
    for (size_t i = 0; i < dev->n_pending; i++) {
        cl_int status = CL_QUEUED;
        cl_int got = clGetEventInfo(dev->pending[i].event, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof status, &status, NULL);
        if (got == CL_SUCCESS && status == CL_COMPLETE)
            account(dev, &dev->pending[i]);
        else if (failed == CL_SUCCESS)
            failed = got != CL_SUCCESS ? got : status;
        (void)clReleaseEvent(dev->pending[i].event);
    }
    dev->n_pending = 0;
    if (code != CL_SUCCESS) return qd_cl_fail(dev, err, "clFinish", code);
    if (failed < 0) return qd_cl_fail(dev, err, "a command in the queue", failed);
    if (failed > 0)
        return qd_fail(err, QD_E_DEVICE,
                       "a command on device %s is not complete after clFinish||the driver is defective|--device ref",
                       dev->info.id);
    return QD_OK;
}

static qd_status remember(qd_device *dev, cl_event event, enum qd_event_kind kind, qd_error *err) {
    dev->pending[dev->n_pending++] = (qd_pending){event, kind};
    return dev->n_pending == QD_PENDING_MAX ? qd_cl_finish(dev, err) : QD_OK;
}

static qd_status create(qd_device *dev, qd_buf *b, size_t bytes, cl_mem_flags flags, void *host, qd_error *err) {
    *b = (qd_buf){0};
    if (bytes > dev->info.max_alloc_bytes)
        return qd_fail(err, QD_E_DEVICE,
                       "a buffer of %zu bytes does not fit device %s|one allocation may have %llu bytes|the problem is too large "
                       "for this device|work in smaller parts, or on another device: qdistill devices",
                       bytes, dev->info.id, (unsigned long long)dev->info.max_alloc_bytes);
    cl_int code;
    cl_mem mem = clCreateBuffer(dev->context, flags, bytes, host, &code);
    if (code != CL_SUCCESS) return qd_cl_fail(dev, err, "clCreateBuffer", code);
    *b = (qd_buf){.mem = mem, .bytes = bytes, .live = &dev->live_buffers};
    dev->live_buffers++;
    return QD_OK;
}

/* The driver works with them no more. */
static void CL_CALLBACK free_pages(cl_mem mem, void *pages) {
    (void)mem;
    free(pages);
}

/* PoCL takes memory from malloc, in small pages. It works in lent memory in place, so what is filled or wiped there is filled and wiped. */
static bool on_large_pages(const qd_device *dev, size_t bytes) {
    enum { LEAST = 4 << 20 };
    return bytes >= LEAST && bytes <= dev->info.max_alloc_bytes && qd_cl_is_cpu(dev) && qd_is_pocl(dev);
}

qd_status qd_cl_alloc(qd_device *dev, qd_buf *b, size_t bytes, qd_error *err) {
    void *pages = on_large_pages(dev, bytes) ? qd_large_pages(bytes) : NULL;
    if (!pages) return create(dev, b, bytes ? bytes : 64, CL_MEM_READ_WRITE, NULL, err);
    qd_status st = create(dev, b, bytes, CL_MEM_READ_WRITE | CL_MEM_USE_HOST_PTR, pages, err);
    if (st != QD_OK) {
        free(pages);
        return st;
    }
    cl_int code = clSetMemObjectDestructorCallback(b->mem, free_pages, pages);
    if (code == CL_SUCCESS) return QD_OK;
    qd_cl_free(b);
    free(pages); /* nothing has worked on it yet */
    return qd_cl_fail(dev, err, "clSetMemObjectDestructorCallback", code);
}

qd_status qd_cl_lend(qd_device *dev, qd_buf *b, const void *p, size_t bytes, qd_error *err) {
    QD_TRY(create(dev, b, bytes, CL_MEM_READ_WRITE | CL_MEM_USE_HOST_PTR, (void *)p, err));
    b->lent_to = dev->queue;
    return QD_OK;
}

static qd_status inside(const qd_buf *b, size_t at, size_t bytes, qd_error *err) {
    if (!b->mem || at > b->bytes || bytes > b->bytes - at)
        return qd_fail(err, QD_E_INTERNAL, "%zu bytes at %zu leave a device buffer of %zu bytes", bytes, at, b->bytes);
    return QD_OK;
}

qd_status qd_cl_part(qd_device *dev, qd_buf *b, const qd_buf *whole, size_t at, size_t bytes, qd_error *err) {
    *b = (qd_buf){0};
    QD_TRY(inside(whole, at, bytes, err));
    cl_int code;
    const cl_buffer_region region = {at, bytes};
    cl_mem mem = clCreateSubBuffer(whole->mem, CL_MEM_READ_WRITE, CL_BUFFER_CREATE_TYPE_REGION, &region, &code);
    if (code != CL_SUCCESS) return qd_cl_fail(dev, err, "clCreateSubBuffer", code);
    *b = (qd_buf){.mem = mem, .bytes = bytes, .live = &dev->live_buffers};
    dev->live_buffers++;
    return QD_OK;
}

/* Nothing moves on a CPU device, but only a map makes the host see what kernels wrote. */
qd_status qd_cl_returned(qd_device *dev, const qd_buf *b, qd_error *err) {
    cl_int code;
    void *p = clEnqueueMapBuffer(dev->queue, b->mem, CL_TRUE, CL_MAP_READ, 0, b->bytes, 0, NULL, NULL, &code);
    if (code != CL_SUCCESS) return qd_cl_fail(dev, err, "clEnqueueMapBuffer", code);
    code = clEnqueueUnmapMemObject(dev->queue, b->mem, p, 0, NULL, NULL);
    if (code != CL_SUCCESS) return qd_cl_fail(dev, err, "clEnqueueUnmapMemObject", code);
    return qd_cl_finish(dev, err);
}

void qd_cl_free(qd_buf *b) {
    if (b->mem) {
        if (b->lent_to) (void)clFinish(b->lent_to);
        (void)clReleaseMemObject(b->mem);
        --*b->live;
    }
    *b = (qd_buf){0};
}

qd_status qd_cl_write(qd_device *dev, qd_buf *b, size_t at, const void *p, size_t bytes, qd_error *err) {
    QD_TRY(inside(b, at, bytes, err));
    if (bytes == 0) return QD_OK;
    cl_event event;
    cl_int code = clEnqueueWriteBuffer(dev->queue, b->mem, CL_TRUE, at, bytes, p, 0, NULL, &event);
    if (code != CL_SUCCESS) return qd_cl_fail(dev, err, "clEnqueueWriteBuffer", code);
    dev->time.upload_bytes += bytes;
    return remember(dev, event, QD_EVENT_UPLOAD, err);
}

qd_status qd_cl_read(qd_device *dev, const qd_buf *b, size_t at, void *p, size_t bytes, qd_error *err) {
    QD_TRY(inside(b, at, bytes, err));
    if (bytes == 0) return QD_OK;
    cl_event event;
    cl_int code = clEnqueueReadBuffer(dev->queue, b->mem, CL_TRUE, at, bytes, p, 0, NULL, &event);
    if (code != CL_SUCCESS) return qd_cl_fail(dev, err, "clEnqueueReadBuffer", code);
    dev->time.download_bytes += bytes;
    QD_TRY(remember(dev, event, QD_EVENT_DOWNLOAD, err));
    /* The queue is in order and the read was waited for: a failure of an earlier kernel shows here, not after its garbage was
     * used. */
    return qd_cl_finish(dev, err);
}

qd_status qd_cl_zero(qd_device *dev, qd_buf *b, size_t at, size_t bytes, qd_error *err) {
    QD_TRY(inside(b, at, bytes, err));
    if (bytes == 0) return QD_OK;
    /* PoCL stores one pattern after the other: the longest that fits is the fastest by far. */
    static const cl_uint16 zeros[2] = {{{0}}, {{0}}};
    size_t pattern = sizeof zeros;
    while (at % pattern || bytes % pattern) pattern /= 2;
    cl_event event;
    cl_int code = clEnqueueFillBuffer(dev->queue, b->mem, zeros, pattern, at, bytes, 0, NULL, &event);
    if (code != CL_SUCCESS) return qd_cl_fail(dev, err, "clEnqueueFillBuffer", code);
    return remember(dev, event, QD_EVENT_KERNEL, err);
}

static qd_status make_table(qd_device *dev, qd_table *t, size_t bytes, void (*fill)(void *p), qd_error *err) {
    void *p = malloc(bytes);
    if (!p) return qd_fail(err, QD_E_INTERNAL, "a table of %zu bytes|no memory", bytes);
    fill(p);
    qd_status st = qd_cl_alloc(dev, &t->buf, bytes, err);
    if (st == QD_OK) st = qd_cl_write(dev, &t->buf, 0, p, bytes, err);
    free(p);
    return st;
}

qd_status qd_cl_table(qd_device *dev, const char *name, size_t bytes, void (*fill)(void *p), qd_buf *out, qd_error *err) {
    *out = (qd_buf){0};
    qd_table *t = dev->tables;
    while (t && strcmp(t->name, name) != 0) t = t->next;
    if (!t) {
        t = calloc(1, sizeof *t);
        if (!t) return qd_fail(err, QD_E_INTERNAL, "a table of %zu bytes|no memory", bytes);
        t->name = name;
        qd_status st = make_table(dev, t, bytes, fill, err);
        if (st != QD_OK) {
            qd_cl_free(&t->buf);
            free(t);
            return st;
        }
        t->next = dev->tables;
        dev->tables = t;
    }
    *out = t->buf;
    return QD_OK;
}

void qd_tables_free(qd_device *dev) {
    while (dev->tables) {
        qd_table *t = dev->tables;
        dev->tables = t->next;
        qd_cl_free(&t->buf);
        free(t);
    }
}

qd_status qd_cl_run(qd_device *dev, cl_kernel k, const qd_arg *args, size_t n_args, size_t global, size_t local, qd_error *err) {
    if (global == 0) return QD_OK;
    char name[64] = "";
    (void)clGetKernelInfo(k, CL_KERNEL_FUNCTION_NAME, sizeof name - 1, name, NULL);
    char what[160];
    for (size_t i = 0; i < n_args; i++) {
        cl_int code = clSetKernelArg(k, (cl_uint)i, args[i].size, args[i].value);
        if (code == CL_SUCCESS) continue;
        snprintf(what, sizeof what, "clSetKernelArg(%s, %zu)", name, i);
        return qd_cl_fail(dev, err, what, code);
    }
    if (local) global = (global + local - 1) / local * local;
    cl_event event;
    cl_int code = clEnqueueNDRangeKernel(dev->queue, k, 1, NULL, &global, local ? &local : NULL, 0, NULL, &event);
    if (code != CL_SUCCESS) {
        snprintf(what, sizeof what, "launch of kernel %s (%zu work-items in groups of %zu)", name, global, local);
        return qd_cl_fail(dev, err, what, code);
    }
    dev->time.launches++;
    return remember(dev, event, QD_EVENT_KERNEL, err);
}

qd_device_time qd_device_time_read(const qd_device *dev) {
    return dev->time;
}

void qd_device_time_reset(qd_device *dev) {
    memset(&dev->time, 0, sizeof dev->time);
    for (size_t i = 0; i < dev->n_pending; i++) dev->pending[i].kind = QD_EVENT_BEFORE_RESET;
}

bool qd_is_pocl(const qd_device *dev) {
    return strstr(dev->info.platform, "PoCL") || strstr(dev->info.platform, "pocl");
}

bool qd_cl_is_cpu(const qd_device *dev) {
    return strcmp(dev->info.type, "cpu") == 0;
}

unsigned qd_cl_byte_lanes(const qd_device *dev) {
    return dev->byte_lanes;
}

bool qd_cl_has_permute(const qd_device *dev) {
    return dev->permute;
}

bool qd_cl_has_clmul(const qd_device *dev) {
    return dev->clmul_bits >= 128;
}

unsigned qd_cl_clmul_bits(const qd_device *dev) {
    return dev->clmul_bits;
}
