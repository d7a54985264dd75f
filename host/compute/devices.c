/* SPDX-License-Identifier: Apache-2.0 */
/* Which OpenCL devices there are, numbered as clinfo numbers them, and why one cannot be used. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "compute/internal.h"

/* From cl_ext.h, spelled out: older headers lack them. */
enum {
    PCI_BUS_INFO_KHR = 0x410F,
    PCI_BUS_ID_NV = 0x4008,
    PCI_SLOT_ID_NV = 0x4009,
    PCI_DOMAIN_ID_NV = 0x400A,
    TOPOLOGY_AMD = 0x4037
};
/* The list ends there: more platforms or devices than a machine has. */
enum { PLATFORMS_MAX = 32, DEVICES_MAX = 64 };

static void device_text(cl_device_id id, cl_device_info what, char *out, size_t cap) {
    char text[4096] = "";
    out[0] = '\0';
    if (clGetDeviceInfo(id, what, sizeof text - 1, text, NULL) != CL_SUCCESS) return;
    char *from = text;
    while (*from == ' ') from++;
    snprintf(out, cap, "%s", from);
    for (size_t n = strlen(out); n > 0 && out[n - 1] == ' '; n--) out[n - 1] = '\0';
}

static bool device_bool(cl_device_id id, cl_device_info what) {
    cl_bool v = CL_FALSE;
    return clGetDeviceInfo(id, what, sizeof v, &v, NULL) == CL_SUCCESS && v;
}

static uint64_t device_u64(cl_device_id id, cl_device_info what) {
    cl_ulong v = 0;
    return clGetDeviceInfo(id, what, sizeof v, &v, NULL) == CL_SUCCESS ? v : 0;
}

static uint32_t device_u32(cl_device_id id, cl_device_info what) {
    cl_uint v = 0;
    return clGetDeviceInfo(id, what, sizeof v, &v, NULL) == CL_SUCCESS ? v : 0;
}

/* "0000:21:00.0", by whichever of the three vendor queries the device announces. */
static void find_pci(cl_device_id id, char *out, size_t cap) {
    char *extensions = calloc(1, 65536);
    if (!extensions) return;
    (void)clGetDeviceInfo(id, CL_DEVICE_EXTENSIONS, 65535, extensions, NULL);
    cl_uint v[4] = {0};
    unsigned char amd[24] = {0};
    if (strstr(extensions, "cl_khr_pci_bus_info") && clGetDeviceInfo(id, PCI_BUS_INFO_KHR, sizeof v, v, NULL) == CL_SUCCESS) {
        snprintf(out, cap, "%04x:%02x:%02x.%x", v[0], v[1], v[2], v[3]);
    } else if (strstr(extensions, "cl_nv_device_attribute_query") &&
               clGetDeviceInfo(id, PCI_BUS_ID_NV, sizeof v[1], &v[1], NULL) == CL_SUCCESS &&
               clGetDeviceInfo(id, PCI_SLOT_ID_NV, sizeof v[2], &v[2], NULL) == CL_SUCCESS) {
        (void)clGetDeviceInfo(id, PCI_DOMAIN_ID_NV, sizeof v[0], &v[0], NULL);
        snprintf(out, cap, "%04x:%02x:%02x.%x", v[0], v[1], v[2] >> 3, v[2] & 7);
    } else if (strstr(extensions, "cl_amd_device_attribute_query") &&
               clGetDeviceInfo(id, TOPOLOGY_AMD, sizeof amd, amd, NULL) == CL_SUCCESS) {
        snprintf(out, cap, "0000:%02x:%02x.%x", amd[21], amd[22], amd[23]);
    }
    free(extensions);
}

static const char *why_unusable(cl_device_id id, const qd_device_info *d) {
    char profile[64];
    device_text(id, CL_DEVICE_PROFILE, profile, sizeof profile);
    unsigned major = 0, minor = 0;
    if (!device_bool(id, CL_DEVICE_AVAILABLE)) return "the driver says the device is not available (in use, or no permission)";
    if (!device_bool(id, CL_DEVICE_COMPILER_AVAILABLE)) return "no compiler: the driver takes binaries only";
    if (sscanf(d->version, "OpenCL %u.%u", &major, &minor) != 2 || major * 10 + minor < 12) return "older than OpenCL 1.2";
    if (!device_bool(id, CL_DEVICE_ENDIAN_LITTLE)) return "big-endian";
    if (strcmp(profile, "FULL_PROFILE") != 0) return "embedded profile: 64-bit integers are not promised";
    if (strcmp(d->type, "custom") == 0) return "custom device: fixed functions only";
    return NULL;
}

static void describe(cl_platform_id platform, cl_device_id id, unsigned p, unsigned i, qd_device_info *d) {
    memset(d, 0, sizeof *d);
    snprintf(d->id, sizeof d->id, "%u:%u", p % 65536, i % 65536); /* the loader counts far lower */
    device_text(id, CL_DEVICE_NAME, d->name, sizeof d->name);
    device_text(id, CL_DRIVER_VERSION, d->driver, sizeof d->driver);
    device_text(id, CL_DEVICE_VERSION, d->version, sizeof d->version);
    char platform_version[256] = "";
    (void)clGetPlatformInfo(platform, CL_PLATFORM_VERSION, sizeof platform_version - 1, platform_version, NULL);
    snprintf(d->platform, sizeof d->platform, "%.127s", platform_version);
    cl_device_type type = device_u64(id, CL_DEVICE_TYPE);
    const char *name = type & CL_DEVICE_TYPE_GPU           ? "gpu"
                       : type & CL_DEVICE_TYPE_CPU         ? "cpu"
                       : type & CL_DEVICE_TYPE_ACCELERATOR ? "accelerator"
                                                           : "custom";
    snprintf(d->type, sizeof d->type, "%s", name);
    d->compute_units = device_u32(id, CL_DEVICE_MAX_COMPUTE_UNITS);
    size_t group = 0;
    (void)clGetDeviceInfo(id, CL_DEVICE_MAX_WORK_GROUP_SIZE, sizeof group, &group, NULL);
    d->max_work_group = (uint32_t)group;
    d->global_mem_bytes = device_u64(id, CL_DEVICE_GLOBAL_MEM_SIZE);
    d->max_alloc_bytes = device_u64(id, CL_DEVICE_MAX_MEM_ALLOC_SIZE);
    d->local_mem_bytes = device_u64(id, CL_DEVICE_LOCAL_MEM_SIZE);
    d->local_mem_is_global = device_u32(id, CL_DEVICE_LOCAL_MEM_TYPE) == CL_GLOBAL;
    find_pci(id, d->pci, sizeof d->pci);
    d->numa_node = d->pci[0] ? qd_topology_numa_of_pci(d->pci) : -1;
    const char *why = why_unusable(id, d);
    d->usable = why == NULL;
    snprintf(d->reason, sizeof d->reason, "%s", why ? why : "");
}

/* Names of the ICD files, for a note. */
static void icd_files(char *out, size_t cap, bool *rusticl) {
    qd_access *list;
    size_t n, at = 0;
    out[0] = '\0';
    if (qd_devices_access(&list, &n, NULL) != QD_OK) return;
    for (size_t i = 0; i < n && at < cap; i++) {
        if (!list[i].is_icd) continue;
        const char *slash = strrchr(list[i].path, '/'), *name = slash ? slash + 1 : list[i].path;
        at += (size_t)snprintf(out + at, cap - at, "%s%s", at ? ", " : "", name);
        if (strcmp(name, "rusticl.icd") == 0) *rusticl = true;
    }
    free(list);
}

static void note_no_platform(char *note, cl_int code) {
    char buf[48], files[256];
    bool rusticl = false;
    icd_files(files, sizeof files, &rusticl);
    char found[320];
    if (files[0])
        snprintf(found, sizeof found, "loader found, the ICD files %s offer none", files);
    else
        snprintf(found, sizeof found, "loader found, no ICD in %.200s", qd_icd_dir());
    snprintf(
        note, QD_ERROR_PART,
        "no OpenCL platform (%s): %s. Debian: apt install pocl-opencl-icd (CPU); NVIDIA, Intel, AMD: install the vendor's ICD.",
        qd_cl_error_name(code, buf), found);
}

static void note_no_device(char *note) {
    char files[256];
    bool rusticl = false;
    icd_files(files, sizeof files, &rusticl);
    snprintf(
        note, QD_ERROR_PART,
        "no OpenCL device (CL_DEVICE_NOT_FOUND, -1): ICD files %s offer none. Check read and write access to /dev/nvidia* and "
        "/dev/dri/renderD*.%s Next: qdistill devices -v",
        files[0] ? files : "(none)", rusticl ? " Rusticl needs RUSTICL_ENABLE=<driver>." : "");
}

qd_status qd_devices_list(qd_device_info **out, size_t *n, char *note, qd_error *err) {
    *out = NULL;
    *n = 0;
    if (note) note[0] = '\0';
    cl_platform_id platforms[PLATFORMS_MAX];
    cl_uint n_platforms = 0;
    cl_int code = clGetPlatformIDs(PLATFORMS_MAX, platforms, &n_platforms);
    if (code != CL_SUCCESS || n_platforms == 0) {
        if (note) note_no_platform(note, code == CL_SUCCESS ? -1001 : code);
        return QD_OK;
    }
    if (n_platforms > PLATFORMS_MAX) n_platforms = PLATFORMS_MAX;
    qd_device_info *list = NULL;
    for (cl_uint p = 0; p < n_platforms; p++) {
        cl_device_id ids[DEVICES_MAX];
        cl_uint n_ids = 0;
        if (clGetDeviceIDs(platforms[p], CL_DEVICE_TYPE_ALL, DEVICES_MAX, ids, &n_ids) != CL_SUCCESS) continue;
        if (n_ids > DEVICES_MAX) n_ids = DEVICES_MAX;
        qd_device_info *more = realloc(list, (*n + n_ids + 1) * sizeof *list);
        if (!more) {
            free(list);
            *n = 0;
            return qd_fail(err, QD_E_INTERNAL, "no memory for the list of devices");
        }
        list = more;
        for (cl_uint i = 0; i < n_ids; i++) describe(platforms[p], ids[i], p, i, &list[(*n)++]);
    }
    if (*n == 0 && note) note_no_device(note);
    *out = list;
    return QD_OK;
}

qd_status qd_devices_handle(unsigned platform, unsigned device, cl_device_id *id, qd_error *err) {
    cl_platform_id platforms[PLATFORMS_MAX];
    cl_device_id ids[DEVICES_MAX];
    cl_uint n_platforms = 0, n_ids = 0;
    if (clGetPlatformIDs(PLATFORMS_MAX, platforms, &n_platforms) != CL_SUCCESS || platform >= n_platforms ||
        clGetDeviceIDs(platforms[platform], CL_DEVICE_TYPE_ALL, DEVICES_MAX, ids, &n_ids) != CL_SUCCESS || device >= n_ids)
        return qd_fail(err, QD_E_NODEVICE, "device %u:%u is gone|||qdistill devices", platform, device);
    *id = ids[device];
    return QD_OK;
}
