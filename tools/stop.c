/* SPDX-License-Identifier: Apache-2.0 */
#include "stop.h"

/* A signal handler can reach nothing but static storage. */
static volatile sig_atomic_t stop_requested;

static void on_signal(int sig) {
    (void)sig;
    stop_requested = 1;
}

const volatile sig_atomic_t *qd_stop_watch(void) {
    struct sigaction a = {.sa_handler = on_signal, .sa_flags = SA_RESETHAND};
    sigaction(SIGINT, &a, NULL);
    sigaction(SIGTERM, &a, NULL);
    return &stop_requested;
}

const volatile sig_atomic_t *qd_stop_flag(void) {
    return &stop_requested;
}

qd_status qd_stop_check(qd_error *err) {
    if (!stop_requested) return QD_OK;
    return qd_fail(err, QD_STOPPED, "stopped on request|a signal came|nothing was written|run it again");
}
