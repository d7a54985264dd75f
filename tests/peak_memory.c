/* SPDX-License-Identifier: Apache-2.0 */
/* peak_memory LIMIT_MB COMMAND...: run it, say how much memory it had at most; exit 1 when that was more than the limit, else as it did. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv) {
    if (argc < 3) return 2;
    pid_t child = fork();
    if (child == 0) {
        execv(argv[2], argv + 2);
        _exit(127);
    }
    int status = 0;
    struct rusage use;
    if (child < 0 || wait4(child, &status, 0, &use) != child) return 2;
    long mb = use.ru_maxrss / 1024, limit = strtol(argv[1], NULL, 10);
    fprintf(stderr, "%ld MB at most, %ld allowed: %s %s\n", mb, limit, argv[2], argv[3] ? argv[3] : "");
    if (mb > limit) return 1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
