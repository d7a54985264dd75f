/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "cli.h"
#include "verbs.h"

const qd_verb qd_verbs[] = {
    {"run", qd_cmd_run, "JOB... [--out DIR] [--resume DIR]", "Run jobs: from a scenario or two recordings to secret key."},
    {"simulate", qd_cmd_simulate, "SCENARIO --duration-s S --out DIR", "Simulate a link: both stations' tags and the truth."},
    {"tags", qd_cmd_tags, "info|convert FILE ...", "Look into a tag file, or convert it."},
    {"sync", qd_cmd_sync, "A B --format F [--max-offset-s S] [--max-ppm P]", "Find offset and frequency of B's clock on A's."},
    {"sift", qd_cmd_sift, "A B --format F (--clock FILE | --offset-ps N --ppm X) --window-ps W --out DIR", "Coincidences to sifted keys, one a basis."},
    {"reconcile", qd_cmd_reconcile, "ALICE BOB [--in-bits N] [--code C] [--qber Q] [--eps-cor E] --out DIR", "Correct Bob's bits to Alice's and verify them."},
    {"estimate", qd_cmd_estimate, "(--counts FILE | --record-z FILE --record-x FILE) [--bound B]", "Length of the secret key, with every term."},
    {"amplify", qd_cmd_amplify, "IN --in-bits N --out-bits R [--seed-file F] [--hash H] --out FILE", "Hash verified bits to secret key."},
    {"devices", qd_cmd_devices, "", "What can compute here, and why not."},
    {"validate", qd_cmd_validate, "[PROBLEM...] [--budget S]", "Compare a device with the reference, byte for byte."},
    {"profile", qd_cmd_profile, "[PROBLEM...]", "Where time goes, against the measured limits of the device."},
    {0}};

static int usage(FILE *f) {
    fprintf(f, "usage: qdistill VERB ...\n\n");
    for (const qd_verb *v = qd_verbs; v->name; v++) fprintf(f, "  %-10s %s\n", v->name, v->summary);
    fprintf(f, "\nqdistill VERB --help tells the options of a verb; man qdistill tells everything.\n");
    return 2;
}

static int dispatch(int argc, char **argv) {
    if (argc < 2) return usage(stderr);
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
        usage(stdout);
        return 0;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("qdistill %s\n", QD_VERSION);
        return 0;
    }
    for (const qd_verb *v = qd_verbs; v->name; v++)
        if (strcmp(v->name, argv[1]) == 0) return v->run(argc - 1, argv + 1);
    fprintf(stderr, "qdistill: unknown verb '%s'\n", argv[1]);
    return usage(stderr);
}

int main(int argc, char **argv) {
    int status = dispatch(argc, argv);
    /* What was printed may still stand in the buffer: a full disk shows now. */
    if ((fflush(stdout) != 0 || ferror(stdout)) && status == 0) {
        fprintf(stderr, "qdistill: standard output cannot be written (%s)\n", strerror(errno));
        return 5;
    }
    return status;
}
