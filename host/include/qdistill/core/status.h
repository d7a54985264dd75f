/* SPDX-License-Identifier: Apache-2.0 */
/** @file status.h  Status codes and four-part errors. */
#ifndef QDISTILL_CORE_STATUS_H
#define QDISTILL_CORE_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

/** What a call came to. The values 0 to 7 and 75 are also the exit status of the program. */
typedef enum qd_status {
    QD_OK = 0,
    QD_E_INTERNAL = 1,  /**< a defect of qdistill, or the system refused (memory, thread) */
    QD_E_USAGE = 2,     /**< the caller's arguments contradict each other or the documentation */
    QD_E_NODEVICE = 3,  /**< no usable OpenCL device */
    QD_E_DIFFER = 4,    /**< device and reference differ */
    QD_E_INPUT = 5,     /**< bad input: file, number, size; or an output that cannot be written */
    QD_E_POLICY = 6,    /**< refused by policy: no key, no lock */
    QD_E_BUILD = 7,     /**< a kernel did not build */
    QD_E_DEVICE = 8,    /**< an OpenCL call failed while running; exit status 1 */
    QD_STOPPED = 75     /**< stopped on request; --resume continues */
} qd_status;

enum { QD_ERROR_PART = 640 };

/** An error in four parts, each one sentence without newline; parts may be empty. The caller owns the structure. */
typedef struct qd_error {
    qd_status status;
    char what[QD_ERROR_PART];   /**< what failed, with file and position */
    char cause[QD_ERROR_PART];  /**< the cause as the library or system named it */
    char likely[QD_ERROR_PART]; /**< what it likely means */
    char next[QD_ERROR_PART];   /**< what to do next */
} qd_error;

/** Fill @p err (may be NULL) and return @p status, so that a failing path is one return statement.
 *  @param fmt printf format of the four parts, separated by '|' in the format; '|' inside arguments is kept as text.
 *  Missing parts stay empty. Control characters in the result become '?'. Texts too long are cut.
 *  Never pass key material: an error text is public. */
__attribute__((format(printf, 3, 4))) qd_status qd_fail(qd_error *err, qd_status status, const char *fmt, ...);

/** Name of a status: "ok", "bad input", ... Static storage. */
const char *qd_status_name(qd_status status);

/** Exit status of the program for @p status (QD_E_DEVICE gives 1). */
int qd_exit_status(qd_status status);

/** Return early with the status of a failing call. */
#define QD_TRY(call)                                     \
    do {                                                 \
        qd_status qd_try_status_ = (call);               \
        if (qd_try_status_ != QD_OK) return qd_try_status_; \
    } while (0)

/** The same where there is something to release: sets @p st and jumps to `out`. */
#define QD_TRY_OUT(st, call)           \
    do {                               \
        (st) = (call);                 \
        if ((st) != QD_OK) goto out;   \
    } while (0)

#ifdef __cplusplus
}
#endif
#endif
