/* SPDX-License-Identifier: Apache-2.0 */
/* Syndromes of a batch of frames (host/reconcile/syndrome.h): a work-item makes one block row of one frame.
 *
 *   rows  ushort [rows + 1]: first edge of each block row
 *   edges ushort [edges][2]: block column, shift modulo z */

enum { WORDS = 6 }; /* of the largest lifting size */

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
