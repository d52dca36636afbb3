/* Adapter of ports/notify.h: the log. This layer writes none itself; main says where lines go. */
#include "flow/6-watch/adapters_watch.h"

struct sink {
	struct notify notify;
	void (*line)(void *ctx, const struct notify_def *to, const struct notice *what);
	void *ctx;
};

static enum rc send_line(struct notify *n, const struct notify_def *to, const struct notice *what,
			 struct err *err)
{
	struct sink *s = container_of(n, struct sink, notify);

	(void)err;
	s->line(s->ctx, to, what);
	return RC_OK;
}

static void sink_free(struct notify *n)
{
	xfree(container_of(n, struct sink, notify));
}

static const struct notify_ops ops = {"log", send_line, sink_free};

enum rc notify_log_new(void (*line)(void *ctx, const struct notify_def *to,
				    const struct notice *what),
		       void *ctx, struct notify **ret, struct err *err)
{
	struct sink *s = xcalloc(1, sizeof(*s));

	(void)err;
	*s = (struct sink){{&ops}, line, ctx};
	*ret = &s->notify;
	return RC_OK;
}
