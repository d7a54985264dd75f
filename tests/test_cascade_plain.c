/* SPDX-License-Identifier: Apache-2.0 */
/* Batches of Cascade with the first pass as processors go through it that cannot pick bits of a word at once: CMakeLists.txt compiles cascade_first.c
 * so into this suite, and the library's is not linked. */
#include "test_cascade_batch.c"
