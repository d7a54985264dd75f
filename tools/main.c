/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include "cli.h"
#include "qcrypto.h"
#include "verbs.h"

const qd_verb qd_verbs[] = {
    {"run", qd_cmd_run, "JOB... [--out DIR] | --resume DIR", "Run jobs: from a scenario or two recordings to secret key.",
     "JOB is a YAML file; examples/quickstart.yaml is one, man qdistill explains every key (JOBS).\n"
     "A job that fails stops no other job. Ctrl-C stops in a state that --resume continues.\n"},
    {"simulate", qd_cmd_simulate, "SCENARIO --duration-s S --out DIR", "Simulate a link: both stations' tags and the truth.",
     "SCENARIO is a YAML file that describes a link; examples/scenarios holds some, man qdistill explains every key (SCENARIOS).\n"
     "DIR gets alice.a1 and bob.a1 (format a1-54) and truth.json. Without --seed a seed is drawn; truth.json names it.\n"},
    {"tags", qd_cmd_tags, "info FILE --format F | convert FILE --from F --to F --out FILE", "Look into a tag file, or convert it.",
     "F is a1-49, a1-54, a1-49-swapped or a1-54-swapped (man qdistill, FILE FORMATS). It is never guessed.\n"},
    {"sync", qd_cmd_sync, "A B --format F [--max-offset-s S] [--max-ppm P] [--span-s S | --follow]", "Find offset and frequency of B's clock on A's.",
     "A and B are the tag files of Alice and Bob. --json FILE writes the clock that sift --clock takes.\n"
     "With --follow they may still grow, or be FIFOs: the clock is found as soon as it can be, and followed until they end or Ctrl-C.\n"},
    {"sift", qd_cmd_sift, "A B --format F (--clock FILE | --offset-ps N [--ppm X]) --window-ps W [--dead-ps D] --out DIR",
     "Coincidences to sifted keys, one a basis.",
     "A and B are the tag files of Alice and Bob. The clock is what sync --json FILE wrote. DIR gets two bit files a station, of basis z\n"
     "and x, for reconcile, and counts.json, which says what was counted (it is not what estimate --counts takes).\n"},
    {"reconcile", qd_cmd_reconcile, "ALICE BOB [--in-bits N] [--code C] [--qber Q] [--leak L] [--eps-cor E] --out DIR",
     "Correct Bob's bits to Alice's and verify them.",
     "ALICE and BOB are bit files of one basis. DIR gets alice.bits and bob.bits, verified, for amplify, and record.json, for estimate.\n"},
    {"estimate", qd_cmd_estimate, "(--record-z FILE --record-x FILE | --counts FILE) [--bound B] [--eps-sec E] [--eps-cor E]",
     "Length of the secret key, with every term.",
     "The records are what reconcile wrote for each basis: each string is tested by the errors of the other.\n"},
    {"amplify", qd_cmd_amplify, "IN [--in-bits N] --out-bits R [--seed-file F] [--hash H] --out FILE", "Hash verified bits to secret key.",
     "IN is a bit file of reconcile, R the length that estimate gives for its basis. Nothing is overwritten, ever.\n"},
    {"devices", qd_cmd_devices, "[--device D]", "What can compute here, and why not.", ""},
    {"validate", qd_cmd_validate, "[PROBLEM...] [--budget S] [--full | --tiny]", "Compare a device with the reference, byte for byte.",
     "PROBLEM is an operation, or an operation with sizes, as sift or ntt:log2n=5,seed=3; without any, all cases of all operations run.\n"
     "Without --device every usable device is compared.\n"},
    {"profile", qd_cmd_profile, "[PROBLEM...] [--repeat N] [--compare BASELINE.json [--threshold F]]",
     "Where time goes, against the measured limits of the device.", "PROBLEM is as for validate.\n"},
    {"study", qd_cmd_study, "WHAT [--state FILE] [OPTION...]", "Statistics of an operation over a grid of points, with intervals.",
     "WHAT is sync: locks, false locks, refusals and errors of the clock search on simulated tags; or reconcile: frames that a code corrects,\n"
     "what it discloses for that, and its speed. LIST is a value, or several: 0.01,0.003; every combination is a point. Ctrl-C stops; with --state the same command goes on. Without --seed the seed is 1.\n"},
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
    signal(SIGXFSZ, SIG_IGN); /* a file-size limit is a write error as any other */
    int status;
    if (!qd_qcrypto_name(argc, argv, &status)) status = dispatch(argc, argv);
    /* What was printed may still stand in the buffer: a full disk shows now. */
    qd_error err = {0};
    if (status != 0 || qd_cli_flush(&err) == QD_OK) return status;
    qd_cli_print_error(&(qd_cli){.verb = argc > 1 ? argv[1] : NULL}, &err);
    return qd_exit_status(err.status);
}
