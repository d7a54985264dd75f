/* SPDX-License-Identifier: Apache-2.0 */
/* The verification hash on a device: the sums of whole chunks there, their polynomial in k^C here. */
#include <stdio.h>
#include "arith/gf128.h"
#include "arith/polyhash.h"
#include "qdistill/core.h"

enum {
    LOCAL_MAX = 256,     /* work-items of a chunk */
    CHUNKS_LOG2 = 8,     /* of a message, at least */
    CHUNKS_CPU_LOG2 = 6, /* where a chunk has one work-item; or two for each compute unit, if that is more */
    PIECE_LOG2 = 22,     /* blocks on the device at once, where memory is copied */
    POWERS_MAX = 32 + 4 + 8
};

typedef struct plan {
    qd_device *dev;
    unsigned lanes, group, local; /* as in the kernel */
    bool copies;                  /* the message is copied, not lent */
    uint64_t step, piece;         /* blocks of the least chunk; on the device at once */
    unsigned chunks_log2;         /* at least, once they are longer than one step */
    cl_kernel kernel;
} plan;

/* ---- The kernel -------------------------------------------------------------------------------------------------- */

static qd_polyhash_variant widest(const qd_device *dev) {
    switch (qd_cl_clmul_bits(dev)) {
        case 512: return QD_POLYHASH_CLMUL512;
        case 256: return QD_POLYHASH_CLMUL256;
        case 128: return QD_POLYHASH_CLMUL128;
        default: return QD_POLYHASH_PORTABLE;
    }
}

static unsigned clmul_bits(qd_polyhash_variant v) { return v == QD_POLYHASH_PORTABLE ? 0 : 64u << (v - QD_POLYHASH_PORTABLE); }

/* One work-item a chunk and wide vectors where vectors are, else many work-items of two words. */
static qd_status make(qd_device *dev, const qd_polyhash_way *way, plan *p, qd_error *err) {
    const unsigned clmul = clmul_bits(way->variant);
    char options[96];
    *p = (plan){.dev = dev, .lanes = 2, .group = 2, .local = way->items, .copies = way->items > 1 || !qd_cl_is_cpu(dev)};
    if (p->local == 1) {
        p->lanes = clmul == 512 || (!clmul && qd_cl_byte_lanes(dev) == 64) ? 8 : 4;
        p->group = clmul ? 16 : 8;
    }
    p->step = (uint64_t)p->group * p->lanes / 2 * p->local;
    p->piece = qd_device_about(dev)->max_alloc_bytes / 16;
    const unsigned log2 = way->piece ? way->piece : p->copies ? PIECE_LOG2 : 63;
    if (p->piece >> log2) p->piece = (uint64_t)1 << log2;
    if (p->piece < p->step) p->piece = p->step;
    p->chunks_log2 = p->local == 1 ? CHUNKS_CPU_LOG2 : CHUNKS_LOG2;
    while (p->local == 1 && 1u << p->chunks_log2 < 2 * qd_device_about(dev)->compute_units) p->chunks_log2++;
    snprintf(options, sizeof options, "-DLANES=%u -DCLMUL=%u -DGROUP=%u -DLOCAL=%u", p->lanes, clmul, p->group, p->local);
    return qd_cl_kernel(dev, "polyhash", options, "polyhash", &p->kernel, err);
}

static qd_status open_plan(qd_device *dev, qd_polyhash_way way, plan *p, qd_error *err) {
    const qd_polyhash_variant most = widest(dev);
    const unsigned items = qd_device_about(dev)->max_work_group < LOCAL_MAX ? qd_device_about(dev)->max_work_group : LOCAL_MAX;
    const unsigned wanted = way.items ? way.items : qd_cl_is_cpu(dev) ? 1 : LOCAL_MAX;
    for (way.items = 1; 2 * way.items <= wanted && 2 * way.items <= items;) way.items *= 2;
    if (way.variant == QD_POLYHASH_AUTO || way.variant > most) way.variant = most;
    if (way.items > 1) way.variant = QD_POLYHASH_PORTABLE;
    /* What the processor has and the compiler will not take is done without. */
    qd_status st = make(dev, &way, p, err);
    for (; st == QD_E_BUILD && way.variant > QD_POLYHASH_PORTABLE; st = make(dev, &way, p, err)) way.variant--;
    return st;
}

/* ---- Chunks ------------------------------------------------------------------------------------------------------ */

/* Steps of a chunk: a power of two, so that there are 2^chunks_log2 chunks or more, but for messages of fewer steps. */
static uint64_t steps_of(const plan *p, uint64_t blocks) {
    const uint64_t n = blocks < p->piece ? blocks : p->piece;
    uint64_t steps = 1;
    while ((2 * steps * p->step) << p->chunks_log2 <= n) steps *= 2;
    return steps;
}

qd_status qd_polyhash_chunk(qd_device *dev, qd_polyhash_way way, uint64_t blocks, uint64_t *chunk, uint64_t *step, qd_error *err) {
    plan p;
    *chunk = *step = 0;
    QD_TRY(open_plan(dev, way, &p, err));
    *step = p.step;
    *chunk = p.step * steps_of(&p, blocks);
    return QD_OK;
}

static qd_gf128 power(qd_gf128 k, uint64_t e) {
    qd_gf128 p = {{1, 0}};
    for (; e; e >>= 1, k = qd_gf128_mul(k, k))
        if (e & 1) p = qd_gf128_mul(p, k);
    return p;
}

static qd_status write_powers(const plan *p, qd_gf128 k, qd_buf *b, qd_error *err) {
    qd_gf128 all[POWERS_MAX], next = power(k, p->step / p->group);
    unsigned n = 0;
    for (all[n++] = next; n < p->group; n++) all[n] = qd_gf128_mul(all[n - 1], next);
    for (unsigned i = 0; i < p->lanes / 2; i++) all[n++] = power(k, i + 1);
    for (unsigned width = p->local / 2; width; width /= 2) all[n++] = power(k, width);
    QD_TRY(qd_cl_alloc(p->dev, b, n * sizeof *all, err));
    return qd_cl_write(p->dev, b, 0, all, n * sizeof *all, err);
}

/* Chunks [first, first + n) of the message: h <- h k^(n C) + their sum over the power of their first block. */
static qd_status add_chunks(const plan *p, const uint64_t *words, uint64_t steps, uint64_t first, uint64_t n, const qd_buf *powers, qd_buf *m, qd_buf *sums,
                            qd_gf128 *sum, qd_gf128 leap, qd_gf128 *h, qd_error *err) {
    const uint64_t chunk = steps * p->step;
    const cl_uint each = (cl_uint)steps;
    if (p->copies) QD_TRY(qd_cl_write(p->dev, m, 0, words + 2 * first * chunk, n * chunk * 16, err));
    else QD_TRY(qd_cl_lend(p->dev, m, words + 2 * first * chunk, n * chunk * 16, err));
    const qd_arg args[] = {QD_ARG_BUF(*m), QD_ARG_BUF(*powers), QD_ARG_BUF(*sums), QD_ARG(each)};
    QD_TRY(qd_cl_run(p->dev, p->kernel, args, 4, n * p->local, p->local, err));
    QD_TRY(qd_cl_read(p->dev, sums, 0, sum, n * sizeof *sum, err));
    if (!p->copies) qd_cl_free(m);
    for (uint64_t i = n; i-- > 0;) {
        *h = qd_gf128_mul(*h, leap);
        h->w[0] ^= sum[i].w[0];
        h->w[1] ^= sum[i].w[1];
    }
    return QD_OK;
}

static void wipe_and_free(qd_device *dev, qd_buf *b) {
    if (b->mem && !b->lent_to) (void)qd_cl_zero(dev, b, 0, b->bytes, NULL);
    qd_cl_free(b);
}

/* The blocks before `chunks` chunks' end, from the last to the first. */
static qd_status add_message(const plan *p, const uint64_t *words, uint64_t steps, uint64_t chunks, qd_gf128 k, qd_gf128 *h, qd_error *err) {
    const uint64_t chunk = steps * p->step, fit = p->piece / chunk, most = chunks < fit ? chunks : fit;
    qd_buf powers = {0}, m = {0}, sums = {0};
    qd_status st;
    qd_gf128 *sum = qd_secret_alloc(most * sizeof *sum);
    if (!sum) return qd_fail(err, QD_E_INTERNAL, "verification hash|no memory for the sums of %llu chunks", (unsigned long long)most);
    QD_TRY_OUT(st, write_powers(p, k, &powers, err));
    QD_TRY_OUT(st, qd_cl_alloc(p->dev, &sums, most * sizeof *sum, err));
    if (p->copies) QD_TRY_OUT(st, qd_cl_alloc(p->dev, &m, most * chunk * 16, err));
    const qd_gf128 leap = power(k, chunk);
    for (uint64_t left = chunks; left;) {
        const uint64_t n = left < most ? left : most;
        left -= n;
        QD_TRY_OUT(st, add_chunks(p, words, steps, left, n, &powers, &m, &sums, sum, leap, h, err));
    }
out:
    wipe_and_free(p->dev, &m);
    wipe_and_free(p->dev, &sums);
    wipe_and_free(p->dev, &powers);
    qd_secret_free(sum);
    return st;
}

qd_status qd_polyhash_cl(qd_device *dev, qd_polyhash_way way, const qd_bits *m, const uint8_t key[16], unsigned t, uint8_t tag[16], qd_error *err) {
    plan p;
    const qd_gf128 k = qd_gf128_load(key);
    QD_TRY(qd_gf128_tag((qd_gf128){{0, 0}}, t, tag, err)); /* zero, if an error follows */
    QD_TRY(open_plan(dev, way, &p, err));
    const uint64_t blocks = m->n / 128, steps = steps_of(&p, blocks), chunks = blocks / (steps * p.step);
    qd_gf128 h = qd_gf128_hash_end(m, chunks * steps * p.step, k);
    if (chunks) QD_TRY(add_message(&p, m->w, steps, chunks, k, &h, err));
    return qd_gf128_tag(h, t, tag, err);
}
