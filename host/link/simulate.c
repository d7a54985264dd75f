/* SPDX-License-Identifier: Apache-2.0 */
/* The public entry: checks, the choice of path, and outputs cut back on error. */
#include "link/simulate.h"

qd_status qd_link_overflow(uint64_t cell, qd_error *err) {
    return qd_fail(err, QD_E_INTERNAL,
                   "simulation: cell %llu emitted more events than its slots hold|slots hold mean + 8 standard deviations + 64|"
                   "a defect of the generator or of a device: by chance this happens less than once in 1e12 cells|"
                   "run the same command with --device ref, and qdistill validate",
                   (unsigned long long)cell);
}

qd_status qd_link_no_pause(uint64_t cell, int station, qd_error *err) {
    return qd_fail(
        err, QD_E_INTERNAL,
        "simulation: a detector of %s finds no pause in the cell before cell %llu|its dead time never ends for a millisecond|"
        "a scenario so close to saturation should have been refused|lower the rate or the dead time",
        station ? "Bob" : "Alice", (unsigned long long)cell);
}

static bool other_tick(const qd_tags *t) {
    return t->n > 0 && (t->tick.num != 125 || t->tick.den != 32);
}

qd_status qd_simulate(const qd_link *link, qd_device *dev, uint64_t first_cell, uint64_t n_cells, qd_tags *alice, qd_tags *bob,
                      qd_truth *truth, qd_error *err) {
    if (first_cell > QD_LINK_MAX_CELLS || n_cells > QD_LINK_MAX_CELLS - first_cell)
        return qd_fail(err, QD_E_USAGE, "simulation: cells %llu + %llu lie past the last one, %llu|||simulate at most %.0f s",
                       (unsigned long long)first_cell, (unsigned long long)n_cells, (unsigned long long)QD_LINK_MAX_CELLS,
                       qd_link_seconds(QD_LINK_MAX_CELLS));
    QD_TRY(qd_link_covers(link, first_cell + n_cells, err));
    if (other_tick(alice) || other_tick(bob))
        return qd_fail(err, QD_E_USAGE,
                       "simulation: the tags to append to have another tick than 125/32 ps|||append to empty tags");
    uint64_t na = alice->n, nb = bob->n;
    qd_truth before = truth ? *truth : (qd_truth){0};
    alice->tick = bob->tick = (qd_tick){125, 32};
    qd_status st = dev ? qd_simulate_cl(link, dev, first_cell, n_cells, alice, bob, truth, err)
                       : qd_simulate_ref(link, first_cell, n_cells, alice, bob, truth, err);
    if (st != QD_OK) {
        alice->n = na;
        bob->n = nb;
        if (truth)
            for (int k = 0; k < 2; k++) {
                truth->n[k] = before.n[k];
                truth->dead_dropped[k] = before.dead_dropped[k];
            }
        return st;
    }
    if (truth)
        for (int k = 0; k < 2; k++) qd_truth_count(truth, k, before.n[k]);
    return QD_OK;
}
