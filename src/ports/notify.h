/* Port: tells people. Blocking with a time-out of 10 s (lane "notify/<name>"). Adapters: notify_log, notify_webhook, notify_fake. */
#pragma once
#include "core/model.h"

struct notice {
	const struct incident *incident;
	const char *
		event; /* incident.open, incident.mitigated, incident.closed, release.live, gate.waiting */
	const char *text;
};
struct notify;
struct notify_ops {
	const char *name;
	enum rc (*send)(struct notify *n, const struct notify_def *to, const struct notice *what,
			struct err *err);
	void (*free)(struct notify *n);
};
struct notify {
	const struct notify_ops *ops;
};
/* RC_UNAVAILABLE: try again; RC_INVALID, RC_DENIED: the receiver refuses, do not. */
MUST_CHECK static inline enum rc notify_send(struct notify *n, const struct notify_def *to,
					     const struct notice *what, struct err *err)
{
	return n->ops->send(n, to, what, err);
}
static inline void notify_free(struct notify *n)
{
	if (n)
		n->ops->free(n);
}
