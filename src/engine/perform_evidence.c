/* Statements are signed and verified again; people are told. */
#include "engine/engine_impl.h"

enum rc perform_attest(struct engine *e, const struct effect *f, struct outcome *ret,
		       struct err *err)
{
	char hex[DIGEST_HEX + 1];
	enum rc rc = sign_attest(e->w.sign, f->image, f->type, str_of(f->body), hex, err);

	if (rc != RC_OK)
		return rc;
	ret->ev.kind = EV_ATTESTED;
	ret->ev.release = xstrdup(f->release);
	ret->ev.image = xstrdup(f->image);
	ret->ev.type = xstrdup(f->type);
	ret->ev.stage = f->stage;
	ret->ev.digest = xstrdup(hex);
	return RC_OK;
}

enum rc perform_verify(struct engine *e, const struct effect *f, struct outcome *ret,
		       struct err *err)
{
	vec_each(c, &f->claims) {
		enum rc rc = sign_verify(e->w.sign, c->envelope, c->image, c->type, NULL, err);

		if (rc == RC_UNAVAILABLE || rc == RC_NO_SPACE)
			return rc;
		if (rc != RC_OK)
			return err_wrap(err, "%s of stage %s for %.19s", c->type, c->stage,
					c->image);
	}
	ret->ev.kind = EV_EVIDENCE_VERIFIED;
	ret->ev.release = xstrdup(f->release);
	ret->ev.environment = xstrdup(f->environment);
	ret->ev.ok = true;
	return RC_OK;
}

/* The log always hears it; each notifier that was told already in an earlier try may hear it twice, which is better than not at all. */
enum rc perform_notify(struct engine *e, const struct effect *f, const struct order_context *c,
		       struct outcome *ret, struct err *err)
{
	struct notify_def log = {.kind = (char *)(uintptr_t) "log"};
	struct notice what = {.incident = c->incident, .event = f->type, .text = f->text};
	enum rc worst = RC_OK;

	ret->ev.kind = EV_NOTIFIED;
	ret->ev.incident = f->incident ? xstrdup(f->incident) : NULL;
	if (!c->incident)
		return RC_OK;
	enum rc rc = notify_send(e->w.notify, &log, &what, err);
	if (rc != RC_OK)
		worst = rc;
	vec_each(n, &f->notifiers) {
		rc = notify_send(e->w.notify, n, &what, err);
		if (rc != RC_OK && worst != RC_UNAVAILABLE)
			worst = rc;
	}
	if (worst != RC_OK)
		return worst;
	ret->ev.text = xasprintf("log and %zu notifiers", f->notifiers.n);
	return RC_OK;
}
