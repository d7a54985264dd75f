/* SPDX-License-Identifier: Apache-2.0 */
/* Clock search around the exact transform: histograms before it, lines over its lags behind it. Definitions are in
 * host/timetag/correlate.h. */

/* Count events first .. end-1 into bins; bin x of the slice is word x of h, or word -x modulo the length (a power of two) where the
 * sequence is wanted backwards: the transform multiplies, so that a correlation is a product with one side reversed. */
__kernel void correlate_bins(__global const long *restrict t, ulong first, ulong end, long start, long bin, uint bins, uint length,
                             uint backwards, __global uint *restrict h) {
    const ulong e = first + get_global_id(0);
    if (e >= end) return;
    const long since = t[e] - start;
    if (since < 0) return;
    const ulong x = (ulong)since / (ulong)bin;
    if (x >= bins) return;
    atomic_inc(&h[backwards ? (length - (uint)x) & (length - 1) : (uint)x]);
}

/* Bins of B: clipped, and filled where B has no data. data_from and data_to count from the slice's first bin. */
__kernel void correlate_fill(__global uint *restrict h, uint bins, uint most, long data_from, long data_to, uint fill_num, uint fill_den) {
    const uint x = get_global_id(0);
    if (x >= bins) return;
    if (x < data_from || x >= data_to)
        h[x] = (uint)((ulong)(x + 1) * fill_num / fill_den - (ulong)x * fill_num / fill_den);
    else
        h[x] = min(h[x], most);
}

/* Row k of the lags from the head of the product. */
__kernel void correlate_take(__global const uint *restrict product, uint row, uint k, __global uint *restrict lags) {
    const uint l = get_global_id(0);
    if (l < row) lags[(size_t)k * row + l] = product[l];
}

/* Eight lags a work-item: over all slopes, the largest sum along the line and the largest sum of two neighbouring lines. at[s * slices
 * + k] is the place of slope s in row k for lag 0, at least 0; slopes in the order in which ties are decided. The rows have 16 words to
 * spare at the end; out is five arrays of `stride` words. */
__kernel void correlate_lines(__global const uint *restrict lags, uint row, uint slices, uint slopes, __global const int *restrict slope,
                              __global const uint *restrict at, uint n, uint stride, __global uint *restrict out) {
    const uint l = get_global_id(0) * 8;
    if (l >= n) return;
    uint8 flat = 0, most = 0, most2 = 0;
    int8 best = 0, best2 = 0;
    const int8 second = convert_int8((uint8)(l + 1) + (uint8)(0, 1, 2, 3, 4, 5, 6, 7)) < (int)n; /* lag l+1 exists */
    for (uint s = 0; s < slopes; s++) {
        uint8 one = 0, next = 0;
        for (uint k = 0; k < slices; k++) {
            __global const uint *p = lags + (size_t)k * row + at[s * slices + k] + l;
            one += vload8(0, p);
            next += vload8(0, p + 1);
        }
        const uint8 two = one + (next & as_uint8(second));
        if (s == 0) flat = one;
        const int8 up = one > most, up2 = two > most2;
        most = max(most, one);
        most2 = max(most2, two);
        best = (best & ~up) | (up & slope[s]);
        best2 = (best2 & ~up2) | (up2 & slope[s]);
    }
    vstore8(flat, 0, out + l);
    vstore8(most, 0, out + stride + l);
    vstore8(as_uint8(best), 0, out + 2 * (size_t)stride + l);
    vstore8(most2, 0, out + 3 * (size_t)stride + l);
    vstore8(as_uint8(best2), 0, out + 4 * (size_t)stride + l);
}
