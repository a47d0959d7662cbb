/* Loaded before the C library into a process under test: makes its disk fail.
 *
 * Counts the calls that change files below CRASH_HOME, and at the CRASH_AT-th (1: the first) kills
 * the process before the call (CRASH_WHAT=kill), or from there on answers calls of the kind that
 * CRASH_CALLS names (sync, write, any) with an error of the disk: eio, or enospc. Nothing is
 * counted while CRASH_SWITCH, if it is named, does not exist. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

enum kind { WRITE, SYNC, NAME };

static long at = -1;
static long count;

/* For tests that fork: from here on, count anew, and strike at the n-th call (0: never). */
void crash_arm(long n) {
    at = n;
    __atomic_store_n(&count, 0, __ATOMIC_SEQ_CST);
}

long crash_count(void) { return __atomic_load_n(&count, __ATOMIC_SEQ_CST); }

static int is_ours(const char *path) {
    const char *home = getenv("CRASH_HOME");
    return home && path && strncmp(path, home, strlen(home)) == 0;
}

static int is_our_file(int descriptor) {
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t size = readlink(link, path, sizeof path - 1);
    if (size < 0) return 0;
    path[size] = 0;
    return is_ours(path);
}

/* 0: go on; else the error to answer with. */
static int strike(enum kind kind) {
    const char *calls = getenv("CRASH_CALLS"), *what = getenv("CRASH_WHAT");
    const char *path = getenv("CRASH_SWITCH");
    if (path && access(path, F_OK) != 0) return 0;
    if (at < 0) at = getenv("CRASH_AT") ? atol(getenv("CRASH_AT")) : 0;
    if (calls && strcmp(calls, "sync") == 0 && kind != SYNC) return 0;
    if (calls && strcmp(calls, "write") == 0 && kind != WRITE) return 0;
    long now = __atomic_add_fetch(&count, 1, __ATOMIC_SEQ_CST);
    if (at <= 0 || now < at) return 0;
    if (!what || strcmp(what, "kill") == 0) kill(getpid(), SIGKILL);
    return what && strcmp(what, "enospc") == 0 ? ENOSPC : EIO;
}

#define FAIL_IF(ours, kind)                    \
    do {                                       \
        int error = (ours) ? strike(kind) : 0; \
        if (error) {                           \
            errno = error;                     \
            return -1;                         \
        }                                      \
    } while (0)

ssize_t write(int file, const void *data, size_t size) {
    FAIL_IF(is_our_file(file), WRITE);
    return REAL(write)(file, data, size);
}
ssize_t pwrite(int file, const void *data, size_t size, off_t offset) {
    FAIL_IF(is_our_file(file), WRITE);
    return REAL(pwrite)(file, data, size, offset);
}
ssize_t pwrite64(int file, const void *data, size_t size, off64_t offset) {
    FAIL_IF(is_our_file(file), WRITE);
    return REAL(pwrite64)(file, data, size, offset);
}
int ftruncate(int file, off_t size) {
    FAIL_IF(is_our_file(file), WRITE);
    return REAL(ftruncate)(file, size);
}
int ftruncate64(int file, off64_t size) {
    FAIL_IF(is_our_file(file), WRITE);
    return REAL(ftruncate64)(file, size);
}
int fsync(int file) {
    FAIL_IF(is_our_file(file), SYNC);
    return REAL(fsync)(file);
}
int fdatasync(int file) {
    FAIL_IF(is_our_file(file), SYNC);
    return REAL(fdatasync)(file);
}
int unlink(const char *path) {
    FAIL_IF(is_ours(path), NAME);
    return REAL(unlink)(path);
}
int rename(const char *from, const char *to) {
    FAIL_IF(is_ours(to), NAME);
    return REAL(rename)(from, to);
}
int link(const char *from, const char *to) {
    FAIL_IF(is_ours(to), NAME);
    return REAL(link)(from, to);
}
int linkat(int a, const char *from, int b, const char *to, int flags) {
    FAIL_IF(is_ours(to), NAME);
    return REAL(linkat)(a, from, b, to, flags);
}
int renameat(int a, const char *from, int b, const char *to) {
    FAIL_IF(is_ours(to), NAME);
    return REAL(renameat)(a, from, b, to);
}
int mkdir(const char *path, mode_t mode) {
    FAIL_IF(is_ours(path), NAME);
    return REAL(mkdir)(path, mode);
}
int rmdir(const char *path) {
    FAIL_IF(is_ours(path), NAME);
    return REAL(rmdir)(path);
}
