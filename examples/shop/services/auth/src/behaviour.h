/* This version of the service, and what is wrong with it (0: nothing). The demo's commits lay another
 * such file over this one; the unit tests cannot tell them apart, as so often in life. */
#pragma once

#define VERSION              "1"
#define ERROR_PERCENT        0 /* of the requests are answered 500 */
#define SLOW_PERCENT         0 /* the slowest so many percent of the requests ... */
#define SLOW_FACTOR          0 /* ... take this many times as long */
#define CRASH_AFTER_MS       0 /* the process exits 1 so long after its start */
#define CRASH_AFTER_REQUESTS 0 /* ... or when this many requests have come */
#define NEVER_READY          0 /* 1: /healthz stays 503 */
