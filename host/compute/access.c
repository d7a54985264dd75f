/* SPDX-License-Identifier: Apache-2.0 */
/* What OpenCL depends on outside qdistill: ICD files and device nodes. */
#include <dirent.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "compute/internal.h"

const char *qd_icd_dir(void) {
    const char *env = getenv("OCL_ICD_VENDORS");
    if (!env || !*env) env = getenv("OPENCL_VENDOR_PATH");
    return env && *env ? env : "/etc/OpenCL/vendors";
}

static void first_line(const char *path, char *out, size_t cap) {
    out[0] = '\0';
    FILE *f = fopen(path, "r");
    if (!f) return;
    if (!fgets(out, (int)cap, f)) out[0] = '\0';
    out[strcspn(out, "\r\n")] = '\0';
    fclose(f);
}

/* A growing list; false: no memory. */
static bool add(qd_access **list, size_t *n, const char *path, bool is_icd) {
    qd_access *more = realloc(*list, (*n + 1) * sizeof **list);
    if (!more) return false;
    *list = more;
    qd_access *a = &more[(*n)++];
    memset(a, 0, sizeof *a);
    snprintf(a->path, sizeof a->path, "%s", path);
    a->is_icd = is_icd;
    a->readable = access(path, R_OK) == 0;
    a->writable = access(path, W_OK) == 0;
    if (is_icd) first_line(path, a->detail, sizeof a->detail);
    return true;
}

static bool add_matches(qd_access **list, size_t *n, const char *pattern, bool is_icd) {
    glob_t g = {0};
    bool ok = true;
    if (glob(pattern, 0, NULL, &g) == 0)
        for (size_t i = 0; i < g.gl_pathc && ok; i++) {
            struct stat s;
            bool wanted = stat(g.gl_pathv[i], &s) == 0 && (is_icd ? S_ISREG(s.st_mode) : S_ISCHR(s.st_mode));
            if (wanted) ok = add(list, n, g.gl_pathv[i], is_icd);
        }
    globfree(&g);
    return ok;
}

qd_status qd_devices_access(qd_access **out, size_t *n, qd_error *err) {
    static const char *const nodes[] = {"/dev/dri/card*", "/dev/dri/renderD*", "/dev/nvidia*", "/dev/kfd"};
    char pattern[512];
    struct stat s;
    *out = NULL;
    *n = 0;
    /* The loader also takes the name of one ICD file for the folder. */
    bool one = stat(qd_icd_dir(), &s) == 0 && S_ISREG(s.st_mode);
    snprintf(pattern, sizeof pattern, one ? "%.480s" : "%.480s/*.icd", qd_icd_dir());
    bool ok = add_matches(out, n, pattern, true);
    for (size_t i = 0; i < sizeof nodes / sizeof *nodes && ok; i++) ok = add_matches(out, n, nodes[i], false);
    if (ok) return QD_OK;
    free(*out);
    *out = NULL;
    *n = 0;
    return qd_fail(err, QD_E_INTERNAL, "no memory for the list of device nodes");
}
