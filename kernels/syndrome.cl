/* SPDX-License-Identifier: Apache-2.0 */
/* Syndromes of a batch of frames (host/reconcile/syndrome.h): a work-item makes one block row of one frame; with -DFRAMES, for CPU devices,
 * all of a frame, from columns laid out twice in a row, so that a rotation is a run of shifted words.
 *
 *   rows  ushort [rows + 1]: first edge of each block row
 *   edges ushort [edges][2]: block column, shift modulo z */

enum { WORDS = 12 }; /* of the largest lifting size */

#ifdef FRAMES

enum { COLS = 68, STANDARD = 6 /* words of the standard's largest size */, TWICE = 32 };

/* The column from its first bit, on and on; what is past z in its last word is zero. */
static void repeat(__global const ulong *column, int z, int words, ulong *twice) {
    if (z == 64 * STANDARD) { /* the most used: two copies of known length */
        for (int w = 0; w < STANDARD; w++) twice[w] = twice[STANDARD + w] = column[w];
        return;
    }
    if (z == 64 * WORDS) {
        for (int w = 0; w < WORDS; w++) twice[w] = twice[WORDS + w] = column[w];
        return;
    }
    for (int w = 0; w < TWICE; w++) twice[w] = 0;
    for (int at = 0; at < 2 * z; at += z) /* a row ends before 2 z */
        for (int w = 0; w < words; w++) {
            const int o = at / 64 + w, b = at % 64;
            if (o < TWICE) twice[o] |= column[w] << b;
            if (b && o + 1 < TWICE) twice[o + 1] |= column[w] >> (64 - b);
        }
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void syndrome(__global const ulong *frames, __global ulong *syndromes,
                                                                      __global const ushort *rows, __global const ushort *edges, int n_frames,
                                                                      int z, int n_rows, int n_cols, int last) {
    const int words = (z + 63) / 64;
    ulong twice[COLS][TWICE];
    if (get_global_id(0) >= n_frames) return;
    frames += get_global_id(0) * n_cols * words;
    syndromes += get_global_id(0) * n_rows * words;
    for (int j = 0; j < n_cols; j++) repeat(frames + j * words, z, words, twice[j]);
    for (int i = 0; i < n_rows; i++, syndromes += words) {
        const int n = i + 1 < n_rows ? z : last;
        for (int first = 0; first < words; first += 8) {
            ulong8 sum = 0;
            for (int e = rows[i]; e < rows[i + 1]; e++) {
                const ulong *from = twice[edges[2 * e]] + first + edges[2 * e + 1] / 64;
                const ulong b = edges[2 * e + 1] % 64;
                sum ^= vload8(0, from) >> b | (vload8(0, from + 1) << 1) << (63 - b);
            }
            ulong all[8];
            vstore8(sum, 0, all);
            for (int w = first; w < min(words, first + 8); w++) {
                const int here = n - 64 * w;
                syndromes[w] = here >= 64 ? all[w - first] : here > 0 ? all[w - first] & ((1ul << here) - 1) : 0;
            }
        }
    }
}

#else

/* 64 positions of a column from position at, cyclic with period z; bits of the column past z are zero. */
static ulong cyclic(__global const ulong *column, int at, int z, int words) {
    int o = at / 64, b = at % 64, have = z - at;
    ulong v = column[o] >> b;
    if (b && o + 1 < words) v |= column[o + 1] << (64 - b);
    for (; have < 64; have += z) v |= column[0] << have;
    return v;
}

__kernel void syndrome(__global const ulong *frames, __global ulong *syndromes, __global const ushort *rows,
                       __global const ushort *edges, int n_frames, int z, int n_rows, int n_cols, int last) {
    const ulong id = get_global_id(0);
    const int words = (z + 63) / 64, i = id % n_rows, n = i + 1 < n_rows ? z : last;
    if (id >= (ulong)n_frames * n_rows) return;
    __global const ulong *frame = frames + id / n_rows * (ulong)(n_cols * words);
    ulong sum[WORDS];
    for (int w = 0; w < words; w++) sum[w] = 0;
    for (int e = rows[i]; e < rows[i + 1]; e++) {
        __global const ulong *column = frame + edges[2 * e] * words;
        const int shift = edges[2 * e + 1];
        if (z % 64 == 0) {
            int o = shift / 64;
            const int b = shift % 64;
            ulong low = column[o];
            for (int w = 0; w < words; w++) {
                o = o + 1 == words ? 0 : o + 1;
                ulong high = column[o];
                sum[w] ^= low >> b | (high << 1) << (63 - b);
                low = high;
            }
        } else {
            for (int w = 0; w < words; w++) {
                int at = shift + 64 * w;
                sum[w] ^= cyclic(column, at >= z ? at - z : at, z, words);
            }
        }
    }
    for (int w = 0; w < words; w++) {
        int here = n - 64 * w;
        ulong mask = here >= 64 ? ~0ul : here > 0 ? (1ul << here) - 1 : 0;
        syndromes[id * words + w] = sum[w] & mask;
    }
}

#endif
