/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/parts.h"
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

enum { THREADS_MOST = 64 };

typedef struct crew {
    void (*part)(void *self, uint32_t k);
    void *self;
    uint32_t parts;
    atomic_uint next;
} crew;

static void *work(void *of) {
    crew *c = of;
    for (uint32_t k; (k = atomic_fetch_add(&c->next, 1)) < c->parts;) c->part(c->self, k);
    return NULL;
}

void qd_in_parts(uint32_t parts, void (*part)(void *self, uint32_t k), void *self) {
    crew c = {.part = part, .self = self, .parts = parts};
    atomic_init(&c.next, 0);
    pthread_t thread[THREADS_MOST];
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    uint32_t most = online < 1 ? 1 : online > THREADS_MOST ? THREADS_MOST : (uint32_t)online, others = 0;
    if (most > parts) most = parts;
    while (others + 1 < most && pthread_create(&thread[others], NULL, work, &c) == 0) others++;
    work(&c);
    for (uint32_t i = 0; i < others; i++) pthread_join(thread[i], NULL);
}
