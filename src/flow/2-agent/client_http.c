/* How an agent asks: one request, its answer as JSON, and what a refusal means. */
#include "flow/2-agent/client.h"

#include "io/http.h"

#define ANSWER_MAX ((size_t)2 << 20)

void agent_request_make(struct agent_request *q, const struct client *a, const char *session,
			const char *path)
{
	size_t n = strlen(a->o.server);

	while (n && a->o.server[n - 1] == '/')
		n--;
	*q = (struct agent_request){
		.url = xasprintf("%.*s" AGENT_BASE "%s", (int)n, a->o.server, path),
		.authorization = xasprintf("Authorization: Bearer %s", a->o.token),
		.session = session ? xasprintf(AGENT_SESSION ": %s", session) : NULL};
	q->headers[0] = q->authorization;
	q->headers[1] = q->session;
}

void agent_request_done(struct agent_request *q)
{
	mem_wipe(q->authorization, strlen(q->authorization));
	xfree(q->authorization);
	xfree(q->session);
	xfree(q->url);
}

enum rc agent_refusal(int status, struct str body, struct err *err)
{
	AUTO(json_freep) struct json *root = NULL;
	struct err ignored = {0};
	const char *detail = NULL, *code = NULL;

	if (json_read(str_trim(body), ANSWER_MAX, &root, &ignored) == RC_OK) {
		detail = json_get_text(root, "detail", NULL);
		code = json_get_text(root, "code", NULL);
	}
	if (status == 401)
		return err_set(err, RC_DENIED, "the daemon does not know this token%s%s",
			       detail ? ": " : "", detail ? detail : "");
	if (code && detail)
		return err_set(err, rc_of_name(code), "%s", detail);
	if (status == 404)
		return err_set(
			err, RC_UNSUPPORTED,
			"there is no daemon for agents: is it a Penstock of an older version?");
	return err_set(err, RC_UNAVAILABLE, "the daemon answered with status %d", status);
}

static enum rc ask(struct client *a, const char *session, const char *path, struct str body,
		   struct http_answer *ret, struct err *err)
{
	AUTO(agent_request_done) struct agent_request named;

	agent_request_make(&named, a, session, path);
	struct http_request q = {.method = "POST",
				 .url = named.url,
				 .headers = named.headers,
				 .ca = a->o.ca,
				 .body = body,
				 .timeout = 15 * USEC_SEC,
				 .max = ANSWER_MAX,
				 .keep = true};
	enum rc rc = http_ask(&q, ret, err);
	if (rc == RC_OK && ret->status != 200) {
		rc = agent_refusal(ret->status, strbuf_str(&ret->body), err);
		http_answer_done(ret);
	}
	return rc;
}

enum rc agent_post(struct client *a, const char *session, const char *path, struct str body,
		   struct agent_answer *ret, struct err *err)
{
	struct http_answer answer = {0};
	enum rc rc = ask(a, session, path, body, &answer, err);

	if (rc != RC_OK)
		return rc;
	*ret = (struct agent_answer){0};
	rc = shape_parse(strbuf_str(&answer.body), ANSWER_MAX, &shape_agent_answer, ret, err);
	http_answer_done(&answer);
	return rc == RC_OK
		       ? rc
		       : err_set(err, RC_UNAVAILABLE, "the daemon's answer to %s is none", path);
}

enum rc agent_ask_digests(struct client *a, const char *session, const texts *digests, texts *ret,
			  struct err *err)
{
	AUTO(strbuf_done) struct strbuf body = STRBUF(AGENT_HELLO_MAX);
	struct agent_digests asked = {.digests = *digests}, lacking = {0};
	struct json_out o = JSON_OUT(&body);
	struct http_answer answer = {0};

	shape_write(&o, NULL, &shape_agent_digests, &asked);
	enum rc rc = ask(a, session, "missing", strbuf_str(&body), &answer, err);
	if (rc != RC_OK)
		return rc;
	rc = agent_digests_read(strbuf_str(&answer.body), &lacking, err);
	http_answer_done(&answer);
	vec_each(hex, &lacking.digests)
		vec_push(ret, *hex);
	vec_done(&lacking.digests);
	return rc;
}
