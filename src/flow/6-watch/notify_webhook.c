/* Adapter of ports/notify.h: a POST of JSON to any receiver. */
#include "base/json.h"
#include "flow/6-watch/adapters_watch.h"
#include "io/http.h"

#define BODY_MAX ((size_t)256 << 10)

static void moments(struct json_out *o, const struct incident *i)
{
	char at[TIME_TEXT];

	json_list(o, "timeline");
	vec_each(m, &i->timeline) {
		time_text(m->at, at);
		json_open(o, NULL);
		json_cstr(o, "at", at);
		json_cstr(o, "actor", m->actor);
		json_cstr(o, "text", m->text);
		json_close(o);
	}
	json_unlist(o);
}

static void incident(struct json_out *o, const struct incident *i)
{
	const struct {
		const char *key, *value;
	} words[] = {
		{"id", i->id},           {"state", incident_state_names[i->state]},
		{"title", i->title},     {"environment", i->environment},
		{"unit", i->unit},       {"image", i->image},
		{"release", i->release}, {"rollout", i->rollout},
		{"run", i->run},         {"runbook", i->runbook},
		{"page", i->page},       {"revert", i->revert},
	};
	const struct {
		const char *key;
		uint64_t at;
	} times[] = {{"opened_at", i->opened_at},
		     {"mitigated_at", i->mitigated_at},
		     {"closed_at", i->closed_at}};
	char text[TIME_TEXT];

	json_open(o, "incident");
	for (size_t k = 0; k < ARRAY_LEN(words); k++)
		if (words[k].value)
			json_cstr(o, words[k].key, words[k].value);
	for (size_t k = 0; k < ARRAY_LEN(times); k++)
		if (times[k].at) {
			time_text(times[k].at, text);
			json_cstr(o, times[k].key, text);
		}
	moments(o, i);
	json_close(o);
}

void notify_body(const struct notify_def *to, const struct notice *what, struct strbuf *ret)
{
	struct json_out o = JSON_OUT(ret);

	json_open(&o, NULL);
	json_cstr(&o, "source", "penstock");
	json_cstr(&o, "event", what->event);
	json_cstr(&o, "to", to->name);
	json_cstr(&o, "text", what->text); /* chats show this key as it is */
	if (what->incident)
		incident(&o, what->incident);
	json_close(&o);
}

/* 408, 425, 429 and 5xx pass; other answers will not change by asking again. */
static enum rc answered(const struct notify_def *to, int status, struct err *err)
{
	if (status >= 200 && status < 300)
		return RC_OK;
	if (status == 408 || status == 425 || status == 429 || status >= 500)
		return err_set(err, RC_UNAVAILABLE, "webhook %s answers %d", to->name, status);
	if (status == 401 || status == 403)
		return err_set(err, RC_DENIED,
			       "webhook %s answers %d: its URL or token is not right any more",
			       to->name, status);
	if (status >= 300 && status < 400)
		return err_set(err, RC_INVALID,
			       "webhook %s answers %d: it has moved; write its new URL", to->name,
			       status);
	return err_set(err, RC_INVALID, "webhook %s refuses the notice with %d", to->name, status);
}

static enum rc post(struct notify *n, const struct notify_def *to, const struct notice *what,
		    struct err *err)
{
	static const char *const headers[] = {"Content-Type: application/json", NULL};
	struct strbuf body AUTO(strbuf_done) = STRBUF(BODY_MAX);
	struct http_answer a AUTO(http_answer_done) = {0};
	struct http_request q = {
		.method = "POST", .url = to->url, .headers = headers, .timeout = 10 * USEC_SEC};
	enum rc rc;

	(void)n;
	if (!to->url || !*to->url)
		return err_set(err, RC_INVALID, "webhook %s has no URL", to->name ? to->name : "");
	notify_body(to, what, &body);
	if (strbuf_failed(&body))
		return err_set(err, RC_TOO_BIG, "the notice for webhook %s is above %zu bytes",
			       to->name, BODY_MAX);
	q.body = strbuf_str(&body);
	rc = http_ask(&q, &a, err);
	if (rc == RC_TOO_BIG) /* it has it, and talks a lot */
		return RC_OK;
	return rc == RC_OK ? answered(to, a.status, err) : err_wrap(err, "webhook %s", to->name);
}

static void nothing(struct notify *n)
{
	(void)n;
}

static const struct notify_ops ops = {"webhook", post, nothing};

enum rc notify_webhook_new(struct notify **ret, struct err *err)
{
	static struct notify only = {&ops};

	(void)err;
	*ret = &only;
	return RC_OK;
}
