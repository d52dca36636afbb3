/* The constructors of this folder's adapters, and what only main and tests do with them. */
#pragma once
#include "ports/notify.h"

/* Kind "log": one line of the structured log. `line` is given it (main: the log; tests: a
 * buffer). */
MUST_CHECK enum rc notify_log_new(void (*line)(void *ctx, const struct notify_def *to,
					       const struct notice *what),
				  void *ctx, struct notify **ret, struct err *err);
/* Kind "webhook": POST of a JSON object to notify_def.url, which may hold a token and is never
 * told. */
MUST_CHECK enum rc notify_webhook_new(struct notify **ret, struct err *err);
/* What a webhook gets; also what fits on a line for people. */
void notify_body(const struct notify_def *to, const struct notice *what, struct strbuf *ret);

/* In memory, for the simulator: counts, and can fail by countdown. */
MUST_CHECK enum rc notify_fake_new(struct notify **ret, struct err *err);
void notify_fake_fail(struct notify *n, uint32_t after, uint32_t times, enum rc rc);
uint32_t notify_fake_sent(const struct notify *n);
const char *notify_fake_last(const struct notify *n); /* body of the last one; "" before */
