#include "main/notify_all.h"
#include "base/log.h"
#include "base/mem.h"
#include "flow/6-watch/adapters_watch.h"

struct notify_all {
	struct notify base;
	struct notify *log, *webhook;
};

static void write_line(void *ctx, const struct notify_def *to, const struct notice *what)
{
	const struct incident *i = what->incident;

	(void)ctx;
	(void)to;
	LOG(LOG_WARN, what->text ? what->text : what->event, LF("event", what->event),
	    LF("incident", i ? i->id : NULL), LF("unit", i ? i->unit : NULL),
	    LF("environment", i ? i->environment : NULL), LF("release", i ? i->release : NULL),
	    LF("runbook", i ? i->runbook : NULL));
}

static enum rc all_send(struct notify *n, const struct notify_def *to, const struct notice *what,
			struct err *err)
{
	struct notify_all *all = container_of(n, struct notify_all, base);

	if (streq(to->kind, "log"))
		return notify_send(all->log, to, what, err);
	if (streq(to->kind, "webhook"))
		return notify_send(all->webhook, to, what, err);
	return err_set(err, RC_INVALID, "there is no notifier of kind \"%s\": use webhook",
		       to->kind ? to->kind : "");
}

static void all_free(struct notify *n)
{
	struct notify_all *all = container_of(n, struct notify_all, base);

	notify_free(all->log);
	notify_free(all->webhook);
	xfree(all);
}

static const struct notify_ops ops = {"all", all_send, all_free};

enum rc notify_all_new(struct notify **ret, struct err *err)
{
	struct notify_all *all = xcalloc(1, sizeof(*all));

	all->base.ops = &ops;
	enum rc rc = notify_log_new(write_line, NULL, &all->log, err);
	if (rc == RC_OK)
		rc = notify_webhook_new(&all->webhook, err);
	if (rc != RC_OK) {
		all_free(&all->base);
		return rc;
	}
	*ret = &all->base;
	return RC_OK;
}
