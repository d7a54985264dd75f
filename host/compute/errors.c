/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include "compute/internal.h"

const char *qd_cl_error_name(cl_int code, char buf[48]) {
    static const struct {
        cl_int code;
        const char *name;
    } names[] = {
        {-1, "CL_DEVICE_NOT_FOUND, -1"},
        {-2, "CL_DEVICE_NOT_AVAILABLE, -2"},
        {-3, "CL_COMPILER_NOT_AVAILABLE, -3"},
        {-4, "CL_MEM_OBJECT_ALLOCATION_FAILURE, -4"},
        {-5, "CL_OUT_OF_RESOURCES, -5"},
        {-6, "CL_OUT_OF_HOST_MEMORY, -6"},
        {-7, "CL_PROFILING_INFO_NOT_AVAILABLE, -7"},
        {-11, "CL_BUILD_PROGRAM_FAILURE, -11"},
        {-14, "CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST, -14"},
        {-30, "CL_INVALID_VALUE, -30"},
        {-33, "CL_INVALID_DEVICE, -33"},
        {-34, "CL_INVALID_CONTEXT, -34"},
        {-36, "CL_INVALID_COMMAND_QUEUE, -36"},
        {-38, "CL_INVALID_MEM_OBJECT, -38"},
        {-42, "CL_INVALID_BINARY, -42"},
        {-43, "CL_INVALID_BUILD_OPTIONS, -43"},
        {-44, "CL_INVALID_PROGRAM, -44"},
        {-45, "CL_INVALID_PROGRAM_EXECUTABLE, -45"},
        {-46, "CL_INVALID_KERNEL_NAME, -46"},
        {-48, "CL_INVALID_KERNEL, -48"},
        {-49, "CL_INVALID_ARG_INDEX, -49"},
        {-50, "CL_INVALID_ARG_VALUE, -50"},
        {-51, "CL_INVALID_ARG_SIZE, -51"},
        {-52, "CL_INVALID_KERNEL_ARGS, -52"},
        {-54, "CL_INVALID_WORK_GROUP_SIZE, -54"},
        {-55, "CL_INVALID_WORK_ITEM_SIZE, -55"},
        {-61, "CL_INVALID_BUFFER_SIZE, -61"},
        {-63, "CL_INVALID_GLOBAL_WORK_SIZE, -63"},
        {-1001, "CL_PLATFORM_NOT_FOUND_KHR, -1001"},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].code == code) return names[i].name;
    snprintf(buf, 48, "OpenCL error %d", (int)code);
    return buf;
}

qd_status qd_cl_fail(const qd_device *dev, qd_error *err, const char *call, cl_int code) {
    char buf[48];
    const char *likely = "the driver refused the call";
    if (code == CL_MEM_OBJECT_ALLOCATION_FAILURE || code == CL_OUT_OF_RESOURCES || code == CL_OUT_OF_HOST_MEMORY)
        likely = "memory of the device is used up";
    return qd_fail(err, QD_E_DEVICE,
                   "%s failed on device %s (%s)|%s|%s|see what is usable: qdistill devices -v; go on without it: --device ref",
                   call, dev->info.id, dev->info.name, qd_cl_error_name(code, buf), likely);
}
