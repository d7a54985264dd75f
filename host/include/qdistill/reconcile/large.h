/* SPDX-License-Identifier: Apache-2.0 */
/** @file large.h  Large-block codes: quasi-cyclic, irregular LDPC codes of .2 to 2 million bits, their syndrome and the reference
 * decoder.
 *
 *  A frame is a string of n = cols z key bits: bit p of block column j is key bit j z + p. Nothing is punctured: the syndrome of
 * rows z bits is the leak, so the leak of a code is rows / cols. A code is never stored: it is drawn from its design by integers
 * and the counter generator alone, so that every machine has the same one, and its SHA-256 says so. */
#ifndef QDISTILL_RECONCILE_LARGE_H
#define QDISTILL_RECONCILE_LARGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "qdistill/core.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    QD_LARGE_SHARES = 32,
    QD_LARGE_WHOLE = 100000,
    QD_LARGE_ROWS_MAX = 1000,
    QD_LARGE_COLS_MAX = 4000,
    QD_LARGE_Z_MAX = 4096,
    QD_LARGE_Z_LEAST = 256, /* of codes by qd_large_sized; their columns are 900 to 1000 */
    QD_LARGE_Z_MOST = 2048,
    QD_LARGE_Z_LONG = 1536, /* from here on more than short cycles is kept out: qd_large_sized */
    QD_LARGE_LEAK_Z = 38, /* least leak times lifting size */
    QD_LARGE_COLS_LEAST = 900,
    QD_LARGE_COLS_MOST = 1000,
    QD_LARGE_DEGREE_MAX = 250 /* of a column: |APP| stays within 16 bits */
};

/** Share of the edges that end in columns of a degree, in parts of QD_LARGE_WHOLE. */
typedef struct qd_large_share {
    uint32_t degree, edges;
} qd_large_share;

/** What a code is drawn from. */
typedef struct qd_large_design {
    char name[24];
    uint32_t rows, cols, z; /**< base matrix, lifting size; rows < cols; z a multiple of 64 */
    uint32_t cycle;         /**< closed walks over at most so many degree-2 columns (and as many checks) are avoided; 0..64 */
    uint32_t word;          /**< words of at most so many columns, two of degree 3 and the others of degree 2, are avoided as far as they are
                               looked for; 0..64, 0: not */
    uint32_t even;          /**< 1: rows have equally many edges of degree-2 columns, or one more; 0: as chance deals them */
    uint64_t seed;
    qd_large_share share[QD_LARGE_SHARES]; /**< by ascending degree, 2..rows, at most QD_LARGE_DEGREE_MAX; degree 0 ends them; they
                                              sum to QD_LARGE_WHOLE, nearly */
} qd_large_design;

/** The built-in designs, by ascending leak; *n gets their number. Static storage. */
const qd_large_design *qd_large_designs(size_t *n);
/** A design for any leak rows / cols from the least to the largest of the built-in ones, 900 to 1000 columns: their own, or
 * shares of edges between those of its neighbours, linear in the leak. Together with the columns it steps through leaks by a
 * thousandth, so no error rate needs a leak more than a thousandth above its own. Lifting sizes are multiples of 64 from QD_LARGE_Z_LEAST (at
 * leaks below .15 more: QD_LARGE_LEAK_Z) to QD_LARGE_Z_MOST, so that frames may fill a string of any length from 230400 bits on. From
 * QD_LARGE_Z_LONG on codes have longer cycles, no light words with columns of degree 3, and below a leak of 1/8 evenly dealt edges of degree-2
 * columns: at leaks from .066 on frames that a few bits stay wrong in are then 20 to 100 times as rare (light_words; bench/NOTES.md). Above a leak of .52 codes of all
 * lifting sizes have such cycles. QD_E_USAGE: out of range. */
qd_status qd_large_sized(uint32_t rows, uint32_t cols, uint32_t z, qd_large_design *out, qd_error *err);
/** The design called @p name: large-ROWS (of 1000 columns, Z = 1024), large-ROWS-COLUMNS or large-ROWS-COLUMNS-Z. QD_E_USAGE: no such
 * name, or out of range. */
qd_status qd_large_named(const char *name, qd_large_design *out, qd_error *err);
/** Of those designs of lifting size @p z the one of the least leak that is @p leak or more; of several the longest. QD_E_USAGE: out of range. */
qd_status qd_large_for_leak(double leak, uint32_t z, qd_large_design *out, qd_error *err);
/** Leak at which about one frame in a hundred fails at error rate @p q, 0 < q < 1/2, of Z = 1024: (1.04 + 0.0003/q) h(q), a line through what was
 *  measured (bench/NOTES.md); not more than the codes have, nor less. */
double qd_large_leak_of(double q);
/** SHA-256 that the code of a built-in design must have (hexadecimal, static storage); NULL: no design of
 *  that name is built in. */
const char *qd_large_pinned(const qd_large_design *design);

/** One edge of the base matrix: row r of its block row touches bit (r + shift) mod z of block column col. */
typedef struct qd_large_edge {
    uint16_t col, shift;
} qd_large_edge;

typedef struct qd_large_code {
    uint32_t rows, cols, z, edges;
    uint32_t words;      /**< z / 64 */
    uint32_t degree_max; /**< of the rows */
    uint32_t hidden;     /**< of the columns the last ones, of Alice's private bits (qd_large_joined) */
    uint32_t unknown;    /**< of their bits the first ones, those of which Bob knows nothing; the others are zeros that both know */
    uint32_t *row_start; /**< [rows + 1] into edge */
    qd_large_edge *edge; /**< by row, then column */
} qd_large_code;

/** Draw the code of @p design: column degrees from the shares of edges by largest remainders; row degrees equal or one apart;
 * sockets dealt to rows at random (uniform over matrices without double edges, up to the length of a chain of switches), because
 * a fixed mix of degrees in each row costs 1 to 2 % of efficiency; shifts random, but no cycle of four edges and no short cycle
 * of degree-2 columns, nor light words of two of degree 3 where the design asks for it. *out is the caller's, qd_large_free. QD_E_USAGE: a design
 * out of its ranges; QD_E_INTERNAL: no memory, or 4 draws without a code (cycle or word too long for so few rows); *out is then NULL. */
qd_status qd_large_make(const qd_large_design *design, qd_large_code **out, qd_error *err);
/** The same; where there is no code without cycles that long, with the longest ones avoided that there is one for. What stations and
 * statistics use: each design of qd_large_sized has a code. Words are then avoided up to that length too, at most; @p design gets the
 * cycle and word that were. Errors as of qd_large_make; memory that lacks is no reason for shorter
 * cycles. @p err is written where it fails only. */
qd_status qd_large_drawn(qd_large_design *design, qd_large_code **out, qd_error *err);
/** A code of a matrix of your own: @p edge by row, then column, no two equal in both; copied. *out is the caller's,
 * qd_large_free. QD_E_USAGE: sizes out of range, an empty row, edges not in order, a column of more than QD_LARGE_DEGREE_MAX;
 * QD_E_INTERNAL: no memory; *out is then NULL. */
qd_status qd_large_from(uint32_t rows, uint32_t cols, uint32_t z, const uint32_t *row_start, const qd_large_edge *edge,
                        qd_large_code **out, qd_error *err);
void qd_large_free(qd_large_code *code);

/** The code with @p joined pairs of its lifted rows joined, 0 to rows / 2 z: lifted pair i = k z + p is bit p of a further column cols + k, which
 * two block rows have in common. Alice fills such columns with private uniform bits, so of the two rows together only the sum is told: the
 * leak is rows z - joined. As soon as she tells such a bit (one bit of leak more) the two rows stand for themselves; the code is then that of
 * one pair less, since pairs of more begin with those of fewer, and its syndrome the one that was sent, plus that bit (qd_large_told). Which
 * block rows: drawn from sizes alone, by integers, so that columns of two edges close no short cycle where that can be had (it is a word of few
 * bits, which only a tag tells from Alice's). A frame that fails so gets what it lacks, and not another syndrome; rows that are
 * added to a code cost 1 % of f more at 5 % (bench/NOTES.md). *out is the caller's, qd_large_free. QD_E_USAGE: more pairs than
 * that, a code that has pairs already, or more than QD_LARGE_COLS_MAX columns; QD_E_INTERNAL: no memory; *out is then NULL. */
qd_status qd_large_joined(const qd_large_code *code, uint32_t joined, qd_large_code **out, qd_error *err);
/** Of a code with joined rows the last @p n unknown bits are told, n <= unknown: add them, bit i%64 of word i/64 of @p bits, to the @p syndrome,
 * uint64 [rows][words], which then is that of n pairs less. It cannot fail. */
void qd_large_told(const qd_large_code *joined, uint32_t n, const uint64_t *bits, uint64_t *syndrome);

/** SHA-256, in hexadecimal, of a code as text: `rows cols z`, then a line `row col shift` for each edge, by row and column;
 * decimal, single spaces, LF after every line. "" when memory is short. */
void qd_large_sha256(const qd_large_code *code, char hex[65]);

/** What the decoder computes with: messages in steps of 7/80 of LLR, and of twice that once most checks match. Coarser steps
 * round the small messages of long rows so far off that frames fail at 5 % more leak; finer ones clip too early (both measured).
 * The tables come from doubles, rounded; they stand in no message, and a decoder with other ones would disclose the same. */
enum {
    QD_LARGE_LOOK = 8,     /* iterations between looks at decisions, at most */
    QD_LARGE_CLIP = 127,   /* largest message */
    QD_LARGE_KNOWN = 512,  /* APP of a bit that is certain: more than its messages can take back */
    QD_LARGE_CLASSES = 64, /* that a check tells apart: two steps each */
    QD_LARGE_SUMS = 128,
    QD_LARGE_LESS = 16,    /* odd rows fall, or they do not: by one in so many */
    QD_LARGE_PATIENCE = 24 /* of an attempt that another may follow: few are given up that would match, and a third to two thirds of
                              the iterations are spared (bench/NOTES.md) */
};
#define QD_LARGE_FAILED 0x80000000u /**< flag in the iterations of a frame */
typedef struct qd_large_rule {
    uint32_t c;                        /**< channel LLR, 1..127 */
    uint32_t max_iterations;           /**< 1..1000 */
    uint32_t patience;                 /**< iterations without fewer odd rows after which a frame is given up; 0: it is not */
    uint32_t halve;                    /**< steps double, and decisions are looked at, once at most so many rows were odd */
    uint16_t phi[2][QD_LARGE_CLASSES]; /**< of class k, of magnitudes 2k-1 and 2k; [1]: after that */
    uint8_t inverse[2][3][QD_LARGE_SUMS]; /**< magnitude, up to QD_LARGE_CLIP, of a sum t: [0][t] below 128, [1][t / 16] below 2048, else
                                             [2][min(t, 32767) / 256]: an eighth apart at most */
} qd_large_rule;

/** The rule for a code at error rate @p q, 0 < q < 1/2: c = ln((1-q)/q) / (7/80) to the nearest integer in its range, 200
 * iterations, halved when an eighth of the rows is odd (about a 64th unmatched then). phi(x) = -ln tanh(x/2), in 8192ths, capped at
 * 3.9; of a class the mean of its two; it is its own inverse, taken in the middle of the sums that share an entry. */
qd_large_rule qd_large_rule_of(const qd_large_code *code, double q);

/** Whether a frame matched, and how many iterations it took, or was tried for. */
static inline bool qd_large_solved(uint32_t iterations) {
    return !(iterations & QD_LARGE_FAILED);
}
static inline uint32_t qd_large_spent(uint32_t iterations) {
    return iterations & ~QD_LARGE_FAILED;
}

/** Syndrome of one frame, s = H x over GF(2). The reference; it cannot fail.
 *  @param frame    in  uint64 [cols][words]: bit p of column j is bit p%64 of word j words + p/64
 *  @param syndrome out uint64 [rows][words], likewise */
void qd_large_syndrome(const qd_large_code *code, const uint64_t *frame, uint64_t *syndrome);

/** Decode one frame: the reference, in 16-bit integers, layered (block rows in order), sum-product by sums of phi.
 *
 *  APP of a bit: +c for a 0 of Bob, -c for a 1; of private bits 0, or QD_LARGE_KNOWN of those that were told. Messages start at 0. A check row with edges e does
 *  - v_e = APP_e - msg_e; k_e = min((|v_e| + 1) / 2, 63); T = sum of phi[k_e], stopping at 65535
 *  - k1 = least of the k_e, k2 = least of those above k1; second = the second in order (k1 again when two edges have it)
 *  - R = T - phi[k1] - phi[k2], at least 0; mean = floor(R floor(65536 / degree) / 65536)
 *  - where k_e = k1, |msg_e| = min(2 second, inv(T - phi[k1]))
 *  - where k_e = k2, |msg_e| = min(2 k1, inv(T - phi[k2]))
 *  - else |msg_e| = min(2 k1, inv(T - mean)); inv(t) from the rule's table
 *  - sign of msg_e: parity of the signs of the other v (negative counts), and of the syndrome bit (1 counts)
 *  - APP_e = v_e + msg_e
 *
 *  The mean stands for the edge's own phi where there are many and small ones, so that three magnitudes leave a row; without it
 *  frames take a fifth more iterations, or fail, near the threshold. A check is no surer than the least sure of the others: that
 *  bound counts where phi has rounded to 0, and without it errors grow from there (bench/NOTES.md).
 *
 *  A row was odd when its v had the wrong parity of signs. After an iteration in which at most `halve` rows were, after every eighth
 *  and after the last bit = (APP < 0) is decided, and when all rows match the syndrome the frame is done. After the first one with at
 *  most `halve` odd rows that does not end it, messages are halved toward 0, and APP is made anew of +-(c/2) and of them (not after
 *  the last): what is left by then hangs on clipped messages.
 *
 *  With a `patience` the iteration is the last one too when so many have passed since the odd rows were last fewer than at such an
 *  iteration before, by more than a sixteenth (rounded down; the first one counts): below its threshold a frame stays where it is, or goes on
 *  too slowly.
 *
 *  @param frame      in  Bob's bits; those of hidden columns are not looked at
 *  @param syndrome   in  Alice's
 *  @param bits       out decisions; of a failed frame those after the last iteration
 *  @param iterations out used, as qd_large_solved and qd_large_spent read them
 *  QD_E_INTERNAL: no memory; outputs undefined. */
qd_status qd_large_decode(const qd_large_code *code, const qd_large_rule *rule, const uint64_t *frame, const uint64_t *syndrome,
                          uint64_t *bits, uint32_t *iterations, qd_error *err);

#ifdef __cplusplus
}
#endif
#endif
