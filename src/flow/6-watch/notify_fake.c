/* Adapter of ports/notify.h in memory: for the simulator. */
#include "flow/6-watch/adapters_watch.h"

struct fake {
	struct notify notify;
	uint32_t after, times, sent;
	enum rc rc;
	struct strbuf last;
};

static enum rc take(struct notify *n, const struct notify_def *to, const struct notice *what,
		    struct err *err)
{
	struct fake *f = container_of(n, struct fake, notify);

	if (f->after) {
		f->after--;
	} else if (f->times) {
		f->times--;
		return err_set(err, f->rc, "the receiver %s fails because the test wants it",
			       to->name);
	}
	f->sent++;
	strbuf_clear(&f->last);
	notify_body(to, what, &f->last);
	return RC_OK;
}

static void fake_free(struct notify *n)
{
	struct fake *f = container_of(n, struct fake, notify);

	strbuf_done(&f->last);
	xfree(f);
}

static const struct notify_ops ops = {"fake", take, fake_free};

enum rc notify_fake_new(struct notify **ret, struct err *err)
{
	struct fake *f = xcalloc(1, sizeof(*f));

	(void)err;
	f->notify.ops = &ops;
	f->last = STRBUF((size_t)1 << 20);
	*ret = &f->notify;
	return RC_OK;
}

void notify_fake_fail(struct notify *n, uint32_t after, uint32_t times, enum rc rc)
{
	struct fake *f = container_of(n, struct fake, notify);

	f->after = after;
	f->times = times;
	f->rc = rc;
}

uint32_t notify_fake_sent(const struct notify *n)
{
	return container_of((struct notify *)(uintptr_t)n, struct fake, notify)->sent;
}

const char *notify_fake_last(const struct notify *n)
{
	return strbuf_cstr(&container_of((struct notify *)(uintptr_t)n, struct fake, notify)->last);
}
