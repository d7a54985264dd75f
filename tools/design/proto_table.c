/* SPDX-License-Identifier: Apache-2.0 */
#include "protograph.h"

uint64_t proto_random(uint64_t *state) {
    uint64_t x = *state += 0x9e3779b97f4a7c15;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
    x = (x ^ x >> 27) * 0x94d049bb133111eb;
    return x ^ x >> 31;
}

uint32_t proto_edges(const proto *g, uint32_t rows) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < rows; i++)
        for (uint32_t j = 0; j < g->kb + g->rows; j++) n += g->on[i][j];
    return n;
}

bool proto_four_cycle(const proto *g, uint32_t i, uint32_t j, uint32_t set, uint32_t z) {
    for (uint32_t r = 0; r < g->rows; r++) {
        if (r == i || !g->on[r][j]) continue;
        const uint32_t here = g->shift[i][j][set] % z + z - g->shift[r][j][set] % z;
        for (uint32_t c = 0; c < proto_core(g); c++)
            if (c != j && g->on[i][c] && g->on[r][c] && (here + g->shift[r][c][set] % z + z - g->shift[i][c][set] % z) % z == 0) return true;
    }
    return false;
}

/* Lifting sizes of a set at which the cell closes a cycle of four. The largest of a = 2 is 256, of the others a 2^j. */
static uint32_t short_cycles(const proto *g, uint32_t i, uint32_t j, uint32_t set, uint32_t largest) {
    uint32_t n = 0, smallest = 16;
    for (uint32_t z = largest; z >= smallest && z * (largest / z) == largest; z /= 2) {
        n += proto_four_cycle(g, i, j, set, z);
        if (z % 2) break;
    }
    return n;
}

uint32_t proto_largest(uint32_t set) {
    static const uint32_t odd[QD_SETS] = {1, 3, 5, 7, 9, 11, 13, 15};
    uint32_t z = odd[set];
    while (2 * z <= QD_Z_STANDARD) z *= 2;
    return z;
}

void proto_lift(proto *g, uint64_t *random) {
    enum { DRAWS = 64 };
    for (uint32_t set = 0; set < QD_SETS; set++) {
        const uint32_t largest = proto_largest(set);
        if (set == PROTO_SET) continue;
        for (uint32_t i = 0; i < g->rows; i++)
            for (uint32_t j = 0; j < proto_core(g); j++) {
                if (!g->on[i][j]) continue;
                uint32_t least = UINT32_MAX;
                uint16_t best = 0;
                for (int k = 0; k < DRAWS && least; k++) {
                    g->shift[i][j][set] = (uint16_t)proto_below(random, largest);
                    const uint32_t n = short_cycles(g, i, j, set, largest);
                    if (n < least) {
                        least = n;
                        best = g->shift[i][j][set];
                    }
                }
                g->shift[i][j][set] = best;
            }
    }
}

/* "qd-k22" as a name in C. */
static void print_name(const char *name, FILE *to) {
    for (; *name; name++) fputc(*name == '-' ? '_' : *name, to);
}

static void print_edges(const proto *g, FILE *to) {
    fprintf(to, "static const qd_edge edges[] = {\n");
    for (uint32_t i = 0; i < g->rows; i++) {
        fprintf(to, "    /* row %u */\n", i);
        for (uint32_t j = 0; j < g->kb + g->rows; j++) {
            if (!g->on[i][j]) continue;
            fprintf(to, "    {%u, {", j);
            for (int s = 0; s < QD_SETS; s++) fprintf(to, "%s%u", s ? ", " : "", g->shift[i][j][s]);
            fprintf(to, "}},\n");
        }
    }
    fprintf(to, "};\n\n");
}

void proto_print(const proto *g, const char *name, FILE *to) {
    fprintf(to, "/* SPDX-License-Identifier: Apache-2.0 */\n/* Base graph %s: `protograph %s` (tools/design) searches for it and prints this file. One line per edge: block column, then the\n"
                " * shift V of the lifting sets 0 to 7 (the cyclic shift at lifting size Z is V mod Z up to 384; above, code.h). */\n#include \"reconcile/code.h\"\n\n/* clang-format off */\n",
            name, name);
    print_edges(g, to);
    fprintf(to, "static const uint16_t row_start[] = {");
    for (uint32_t i = 0; i <= g->rows; i++) fprintf(to, "%s%u,", i % 16 ? " " : "\n    ", proto_edges(g, i));
    fprintf(to, "\n};\n/* clang-format on */\n\nconst qd_graph qd_graph_");
    print_name(name, to);
    fprintf(to, " = {.name = \"%s\", .id = QD_CODE_", name);
    for (const char *c = name; *c; c++) fputc(*c == '-' ? '_' : *c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c, to);
    fprintf(to, ", .rows = %u, .cols = %u, .kb = %u, .punctured = 2, .z_most = QD_Z_MAX, .row_start = row_start, .edges = edges};\n", g->rows, g->kb + g->rows, g->kb);
}
