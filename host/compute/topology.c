/* SPDX-License-Identifier: Apache-2.0 */
#include <hwloc.h>
#include <stdio.h>
#include <string.h>
#include "compute/internal.h"

/* hwloc's OpenCL, CUDA, NVML, ROCm and Level Zero components would start drivers while the topology is loaded: a second LLVM in
 * one process with PoCL, and crashes with some CUDA versions. Devices are matched by PCI address instead. */
static const char *const components_off[] = {"opencl", "cuda", "nvml", "rsmi", "levelzero", "gl"};

static int load(hwloc_topology_t *topo, bool with_io) {
    if (hwloc_topology_init(topo) != 0) return -1;
    for (size_t i = 0; i < sizeof components_off / sizeof *components_off; i++)
        (void)hwloc_topology_set_components(*topo, HWLOC_TOPOLOGY_COMPONENTS_FLAG_BLACKLIST, components_off[i]);
    if (with_io) (void)hwloc_topology_set_io_types_filter(*topo, HWLOC_TYPE_FILTER_KEEP_IMPORTANT);
    if (hwloc_topology_load(*topo) != 0) {
        hwloc_topology_destroy(*topo);
        return -1;
    }
    return 0;
}

static unsigned count(hwloc_topology_t topo, hwloc_obj_type_t type) {
    int n = hwloc_get_nbobjs_by_type(topo, type);
    return n > 0 ? (unsigned)n : 0;
}

static uint64_t cache_bytes(hwloc_topology_t topo, hwloc_obj_type_t type) {
    hwloc_obj_t cache = hwloc_get_obj_by_type(topo, type, 0);
    return cache ? cache->attr->cache.size : 0;
}

qd_status qd_topology_read(qd_topology *t, qd_error *err) {
    memset(t, 0, sizeof *t);
    hwloc_topology_t topo;
    if (load(&topo, false) != 0)
        return qd_fail(
            err, QD_E_INTERNAL,
            "cannot read the topology of this machine|hwloc_topology_load|/proc or /sys is not mounted|mount them and run again");
    t->packages = count(topo, HWLOC_OBJ_PACKAGE);
    t->cores = count(topo, HWLOC_OBJ_CORE);
    t->threads = count(topo, HWLOC_OBJ_PU);
    t->numa_nodes = count(topo, HWLOC_OBJ_NUMANODE);
    t->l1d_bytes = cache_bytes(topo, HWLOC_OBJ_L1CACHE);
    t->l2_bytes = cache_bytes(topo, HWLOC_OBJ_L2CACHE);
    t->l3_bytes = cache_bytes(topo, HWLOC_OBJ_L3CACHE);
    t->memory_bytes = hwloc_get_root_obj(topo)->total_memory;
    hwloc_topology_destroy(topo);
    return QD_OK;
}

int qd_topology_numa_of_pci(const char *pci) {
    unsigned domain, bus, slot, function;
    if (sscanf(pci, "%x:%x:%x.%x", &domain, &bus, &slot, &function) != 4) return -1;
    hwloc_topology_t topo;
    if (load(&topo, true) != 0) return -1;
    int node = -1;
    hwloc_obj_t dev = hwloc_get_pcidev_by_busid(topo, domain, bus, slot, function);
    hwloc_obj_t near = dev ? hwloc_get_non_io_ancestor_obj(topo, dev) : NULL;
    /* A device attached to the whole machine has no node of its own unless there is only one. */
    if (near && near->nodeset && hwloc_bitmap_weight(near->nodeset) == 1) node = hwloc_bitmap_first(near->nodeset);
    hwloc_topology_destroy(topo);
    return node;
}

uint64_t qd_device_batch_bytes(const qd_device *dev) {
    const uint64_t least = 1 << 20;
    uint64_t bytes = 0;
    if (dev && !qd_cl_is_cpu(dev)) {
        bytes = dev->info.global_mem_bytes / 8;
        if (bytes > dev->info.max_alloc_bytes / 2) bytes = dev->info.max_alloc_bytes / 2;
    } else {
        qd_topology t;
        if (qd_topology_read(&t, NULL) == QD_OK) bytes = (t.l3_bytes ? t.l3_bytes : t.l2_bytes) / 2;
    }
    return bytes < least ? least : bytes;
}
