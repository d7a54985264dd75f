/* SPDX-License-Identifier: Apache-2.0 */
/** @file verbs.h  One function a verb, in cmd_VERB.c. argv[0] is the verb; the exit status is returned. */
#ifndef QD_TOOLS_VERBS_H
#define QD_TOOLS_VERBS_H

int qd_cmd_run(int argc, char **argv);
int qd_cmd_simulate(int argc, char **argv);
int qd_cmd_tags(int argc, char **argv);
int qd_cmd_sync(int argc, char **argv);
int qd_cmd_sift(int argc, char **argv);
int qd_cmd_reconcile(int argc, char **argv);
int qd_cmd_estimate(int argc, char **argv);
int qd_cmd_amplify(int argc, char **argv);
int qd_cmd_devices(int argc, char **argv);
int qd_cmd_validate(int argc, char **argv);
int qd_cmd_profile(int argc, char **argv);
int qd_cmd_study(int argc, char **argv);

#endif
