/* SPDX-License-Identifier: Apache-2.0 */
/* What can compute here, and why not. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli.h"
#include "verbs.h"

/* What the verb found. */
typedef struct found {
    qd_device_info *devices;
    size_t n_devices;
    qd_access *access;
    size_t n_access;
    qd_topology topology;
    char note[QD_ERROR_PART];
    bool selected;             /* --device names some of them */
    const char *chosen;        /* it is "ref", or the first of those that can be used: its id */
} found;

static json_t *device_json(const qd_device_info *d) {
    json_t *o = json_pack("{s:s,s:s,s:s,s:s,s:s,s:s}", "id", d->id, "name", d->name, "type", d->type, "driver", d->driver,
                          "platform", d->platform, "version", d->version);
    json_object_set_new(o, "pci", d->pci[0] ? json_string(d->pci) : json_null());
    json_object_set_new(o, "compute_units", json_integer(d->compute_units));
    json_object_set_new(o, "max_work_group", json_integer(d->max_work_group));
    json_object_set_new(o, "global_mem_bytes", qd_json_from_u64(d->global_mem_bytes));
    json_object_set_new(o, "max_alloc_bytes", qd_json_from_u64(d->max_alloc_bytes));
    json_object_set_new(o, "local_mem_bytes", qd_json_from_u64(d->local_mem_bytes));
    json_object_set_new(o, "local_mem_is_global", json_boolean(d->local_mem_is_global));
    json_object_set_new(o, "numa_node", d->numa_node < 0 ? json_null() : json_integer(d->numa_node));
    json_object_set_new(o, "usable", json_boolean(d->usable));
    json_object_set_new(o, "reason", json_string(d->reason));
    return o;
}

static json_t *topology_json(const qd_topology *t) {
    json_t *caches = json_pack("{s:o,s:o,s:o}", "l1d_bytes", qd_json_from_u64(t->l1d_bytes), "l2_bytes",
                               qd_json_from_u64(t->l2_bytes), "l3_bytes", qd_json_from_u64(t->l3_bytes));
    return json_pack("{s:i,s:i,s:i,s:i,s:o,s:o}", "packages", (int)t->packages, "cores", (int)t->cores, "threads",
                     (int)t->threads, "numa_nodes", (int)t->numa_nodes, "caches", caches, "memory_bytes",
                     qd_json_from_u64(t->memory_bytes));
}

static json_t *access_json(const found *f) {
    json_t *list = json_array();
    for (size_t i = 0; i < f->n_access; i++) {
        const qd_access *a = &f->access[i];
        json_array_append_new(list, json_pack("{s:s,s:s,s:s,s:b,s:b}", "path", a->path, "kind", a->is_icd ? "icd" : "node",
                                              "detail", a->detail, "readable", a->readable, "writable", a->writable));
    }
    return list;
}

static json_t *record_of(const qd_cli *cli, const found *f) {
    json_t *r = qd_cli_record_unused(cli), *devices = json_array();
    if (f->chosen && strcmp(f->chosen, "ref") == 0) json_object_set_new(r, "device", qd_cli_device_json(NULL, false));
    for (size_t i = 0; i < f->n_devices; i++) {
        json_array_append_new(devices, device_json(&f->devices[i]));
        if (f->chosen == f->devices[i].id) json_object_set_new(r, "device", qd_cli_device_json(&f->devices[i], false));
    }
    json_object_set_new(r, "devices", devices);
    json_object_set_new(r, "topology", topology_json(&f->topology));
    json_object_set_new(r, "note", json_string(f->note));
    json_object_set_new(r, "access", access_json(f));
    return r;
}

static double mib(uint64_t bytes) {
    return (double)bytes / (1 << 20);
}

static void print_device(FILE *out, const qd_device_info *d, bool verbose) {
    fprintf(out, "%-5s %s (%s, %" PRIu32 " compute units, %.0f MiB)%s%s\n", d->id, d->name, d->type, d->compute_units,
            mib(d->global_mem_bytes), d->usable ? "" : " NOT USABLE: ", d->reason);
    fprintf(out, "      %s, driver %s\n", d->platform, d->driver);
    if (!verbose) return;
    fprintf(out, "      %s; PCI %s; NUMA node ", d->version, d->pci[0] ? d->pci : "none");
    if (d->numa_node < 0)
        fprintf(out, "of the host\n");
    else
        fprintf(out, "%d\n", d->numa_node);
    fprintf(out, "      one allocation %.0f MiB; local memory %.0f KiB%s; work-groups up to %" PRIu32 "\n",
            mib(d->max_alloc_bytes), (double)d->local_mem_bytes / 1024, d->local_mem_is_global ? " (ordinary memory)" : "",
            d->max_work_group);
}

static void print_access(FILE *out, const found *f) {
    fprintf(out, "\nICD files and device nodes:\n");
    if (f->n_access == 0) fprintf(out, "  none\n");
    for (size_t i = 0; i < f->n_access; i++) {
        const qd_access *a = &f->access[i];
        fprintf(out, "  %s", a->path);
        if (a->is_icd)
            fprintf(out, " -> %s%s\n", a->detail, a->readable ? "" : " (NOT READABLE)");
        else
            fprintf(out, "%s\n",
                    a->readable && a->writable ? " (read and write)"
                    : a->readable              ? " (READ ONLY)"
                                               : " (NO ACCESS)");
    }
}

static void print_all(FILE *out, const found *f, bool verbose) {
    const qd_topology *t = &f->topology;
    for (size_t i = 0; i < f->n_devices; i++) print_device(out, &f->devices[i], verbose);
    if (f->note[0] && !f->selected) fprintf(out, "%s\n", f->note);
    if (!f->selected || !f->n_devices) fprintf(out, "ref   the reference path: plain C on one thread, always there\n");
    fprintf(out,
            "\nThis machine: %u package%s, %u cores, %u threads, %u NUMA node%s, %.0f MiB; caches of a core: %.0f KiB, %.0f KiB, "
            "%.0f MiB\n",
            t->packages, t->packages == 1 ? "" : "s", t->cores, t->threads, t->numa_nodes, t->numa_nodes == 1 ? "" : "s",
            mib(t->memory_bytes), (double)t->l1d_bytes / 1024, (double)t->l2_bytes / 1024, mib(t->l3_bytes));
    if (verbose) print_access(out, f);
}

/* Keep what --device names. QD_DEVICE, the default of the other verbs, hides nothing here: a wrong one is set right by this list. */
static qd_status select_devices(const qd_cli *cli, found *f, qd_error *err) {
    if (!cli->device_given || strcmp(cli->device, "auto") == 0) return QD_OK;
    f->selected = true;
    if (strcmp(cli->device, "ref") == 0) {
        f->n_devices = 0;
        f->chosen = "ref";
        return QD_OK;
    }
    bool *match = calloc(f->n_devices + 1, sizeof *match);
    if (!match) return qd_fail(err, QD_E_INTERNAL, "no memory for the list of devices");
    qd_error e = {0};
    size_t kept = 0;
    qd_status st = qd_device_matches(f->devices, f->n_devices, cli->device, match, &e);
    if (st == QD_E_NODEVICE && f->note[0]) qd_fail(err, st, "%s|%s||%s", e.what, f->note, e.next);
    else if (st != QD_OK) *err = e;
    for (size_t i = 0; i < f->n_devices && st == QD_OK; i++)
        if (match[i]) f->devices[kept++] = f->devices[i];
    f->n_devices = kept;
    for (size_t i = 0; i < kept && !f->chosen; i++)
        if (f->devices[i].usable) f->chosen = f->devices[i].id;
    free(match);
    return st;
}

int qd_cmd_devices(int argc, char **argv) {
    qd_cli cli = {0};
    qd_error err = {0};
    found f = {0};
    if (qd_cli_parse(&cli, NULL, argc, argv, NULL, 0, 0, NULL, &err) != QD_OK) return qd_cli_fail(&cli, &err);
    if (cli.help) return 0;
    qd_status st = qd_topology_read(&f.topology, &err);
    if (st == QD_OK) st = qd_devices_list(&f.devices, &f.n_devices, f.note, &err);
    if (st == QD_OK) st = select_devices(&cli, &f, &err);
    if (st == QD_OK) st = qd_devices_access(&f.access, &f.n_access, &err);
    int status;
    if (st != QD_OK) {
        status = qd_cli_fail(&cli, &err);
    } else {
        FILE *text = qd_cli_text(&cli);
        if (text) print_all(text, &f, cli.verbose);
        status = qd_cli_done(&cli, record_of(&cli, &f));
    }
    free(f.devices);
    free(f.access);
    return status;
}
