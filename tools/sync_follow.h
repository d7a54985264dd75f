/* SPDX-License-Identifier: Apache-2.0 */
/** @file sync_follow.h  sync --follow: a clock of recordings that still grow, found and then followed. */
#ifndef QD_TOOLS_SYNC_FOLLOW_H
#define QD_TOOLS_SYNC_FOLLOW_H

#include "cli.h"
#include "sync_report.h"

/** From the first byte to the final record; the exit status. */
int qd_sync_follow(qd_cli *cli, const qd_sync_args *a);

#endif
