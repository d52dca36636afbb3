/* One request: taken in, handed to the handler when it is whole, answered once. */
#include "io/httpd_impl.h"

#include "base/mem.h"
#include "io/clock.h"

#include <strings.h>

void request_hold(struct request *r)
{
	r->next = r->h->held;
	if (r->next)
		r->next->prev = r;
	r->h->held = r;
}

void request_unhold(struct request *r)
{
	if (r->prev)
		r->prev->next = r->next;
	else if (r->h->held == r)
		r->h->held = r->next;
	if (r->next)
		r->next->prev = r->prev;
	r->prev = r->next = NULL;
}

static void request_free(struct request *r)
{
	xfree(r->method);
	xfree(r->path);
	xfree(r->actor);
	xfree(r->via);
	xfree(r->holder);
	xfree(r->scope);
	vec_each(group, &r->groups)
		xfree(*group);
	vec_done(&r->groups);
	vec_each(header, &r->headers) {
		xfree(header->name);
		xfree(header->value);
	}
	vec_done(&r->headers);
	strbuf_done(&r->body);
	if (r->response)
		MHD_destroy_response(r->response);
	xfree(r);
}

/* ---- what a handler may ask ---- */

const char *request_method(const struct request *r)
{
	return r->method;
}
const char *request_path(const struct request *r)
{
	return r->path;
}
struct str request_body(const struct request *r)
{
	return strbuf_str(&r->body);
}
const char *request_actor(const struct request *r)
{
	return r->actor;
}
const char *request_via(const struct request *r)
{
	return r->via;
}
const char *request_scope(const struct request *r)
{
	return r->scope;
}
const char *request_holder(const struct request *r)
{
	return r->holder;
}
bool request_is_read_only(const struct request *r)
{
	return r->read_only;
}
uint64_t request_length(const struct request *r)
{
	return r->length;
}
bool request_is_local(const struct request *r)
{
	return r->conn && r->conn->way == WAY_UNIX;
}
bool request_is_tls(const struct request *r)
{
	return r->conn && r->conn->way == WAY_TCP && (r->h->tls || r->h->o.behind_tls);
}

const char *request_query(const struct request *r, const char *key)
{
	const char *value =
		r->mhd ? MHD_lookup_connection_value(r->mhd, MHD_GET_ARGUMENT_KIND, key) : NULL;

	return value;
}

struct nth_key {
	size_t left;
	const char *key;
};

static enum MHD_Result find_key(void *cls, enum MHD_ValueKind kind, const char *key,
				const char *value)
{
	struct nth_key *nth = cls;

	(void)kind;
	(void)value;
	if (nth->left--)
		return MHD_YES;
	nth->key = key;
	return MHD_NO;
}

const char *request_query_key(const struct request *r, size_t i)
{
	struct nth_key nth = {i, NULL};

	if (r->mhd)
		MHD_get_connection_values(r->mhd, MHD_GET_ARGUMENT_KIND, find_key, &nth);
	return nth.key;
}

const char *request_header(const struct request *r, const char *name)
{
	return r->mhd ? MHD_lookup_connection_value(r->mhd, MHD_HEADER_KIND, name) : NULL;
}

const char *request_group(const struct request *r, size_t i)
{
	return i < r->groups.n ? r->groups.v[i] : NULL;
}

void request_add_header(struct request *r, const char *name, const char *value)
{
	vec_push(&r->headers, ((struct header){xstrdup(name), xstrdup(value)}));
}

/* ---- the answer ---- */

/* Also when nobody waits for it any more. Takes the response. */
void request_answer(struct request *r, unsigned status, struct MHD_Response *response)
{
	BUG_ON(r->answered);
	r->answered = true;
	r->status = status;
	r->response = response;
	if (!r->mhd) {
		request_free(r);
		return;
	}
	request_unhold(r);
	if (r->suspended) {
		r->suspended = false;
		MHD_resume_connection(r->mhd);
		httpd_kick(r->h);
	}
}

/* The server ends: request_access() then says so; the handler keeps its request, and answers it into the void. */
void request_give_up(struct request *r)
{
	if (!r->suspended)
		return;
	r->suspended = false;
	MHD_resume_connection(r->mhd);
}

/* ---- taking it in ---- */

struct sizes {
	size_t n;
};

static enum MHD_Result add_size(void *cls, enum MHD_ValueKind kind, const char *key,
				const char *value)
{
	struct sizes *sizes = cls;

	(void)kind;
	sizes->n += strlen(key) + (value ? strlen(value) : 0) + 4;
	return MHD_YES;
}

static enum MHD_Result refuse(struct MHD_Connection *mhd, const struct refusal *f)
{
	struct MHD_Response *response = answer_problem(f->status, f->rc, f->retry_after, f->detail);
	enum MHD_Result ret;

	(void)MHD_add_response_header(response, "Connection", "close");
	ret = MHD_queue_response(mhd, f->status, response);
	MHD_destroy_response(response);
	return ret;
}

#define REFUSAL(status, rc, detail) (&(const struct refusal){(status), 0, (rc), (detail)})

static enum MHD_Result give(struct MHD_Connection *mhd, struct request *r)
{
	enum MHD_Result ret = MHD_queue_response(mhd, r->status, r->response);

	MHD_destroy_response(r->response);
	r->response = NULL;
	return ret;
}

/* Chunks have no length before their end; a request without either header has no body. */
static bool read_length(struct request *r)
{
	const char *length = request_header(r, "Content-Length");

	if (length)
		return parse_u64(str_of(length), &r->length) && r->length != HTTPD_NO_LENGTH;
	r->length = request_header(r, "Transfer-Encoding") ? HTTPD_NO_LENGTH : 0;
	return true;
}

struct framing {
	unsigned lengths, codings;
	bool other; /* a coding that is not "chunked" alone */
};

static enum MHD_Result look_at_framing(void *cls, enum MHD_ValueKind kind, const char *key,
				       const char *value)
{
	struct framing *f = cls;

	(void)kind;
	if (strcasecmp(key, "Content-Length") == 0)
		f->lengths++;
	if (strcasecmp(key, "Transfer-Encoding") != 0)
		return MHD_YES;
	f->codings++;
	f->other |= !value || strcasecmp(value, "chunked") != 0;
	return MHD_YES;
}

/* RFC 9112, 6.3: where two readers could see two ends of the body, a proxy before us may have seen the other one. */
static bool is_ambiguous(const struct request *r)
{
	struct framing f = {0};

	MHD_get_connection_values(r->mhd, MHD_HEADER_KIND, look_at_framing, &f);
	return f.lengths + f.codings > 1 || f.other;
}

static bool is_above_limit(const struct request *r)
{
	return !r->body_ops && !r->drop && r->length != HTTPD_NO_LENGTH &&
	       r->length > HTTPD_MAX_BODY;
}

/*
 * A taker has answered already. A client that waits for our word before it sends hears it now; another one would be cut off in the middle of
 * its body, and might never read why: that body is read, unless a stranger sends it.
 */
static enum MHD_Result answer_early(struct MHD_Connection *mhd, struct request *r)
{
	const char *expect = request_header(r, "Expect");
	bool known = r->actor || r->scope;

	if (r->length == 0)
		return MHD_YES; /* with the next call */
	if (expect || (!known && r->length > HTTPD_MAX_BODY))
		return give(mhd, r);
	r->drop = true;
	return MHD_YES;
}

/* The library ends a connection whose request is answered now; without a body to come, the next call answers, and the connection goes on. */
static enum MHD_Result turn_away(struct MHD_Connection *mhd, struct request *r,
				 const struct refusal *f)
{
	if (r->length != 0 || r->conn->over)
		return refuse(mhd, f);
	r->answered = true;
	r->status = f->status;
	r->response = answer_problem(f->status, f->rc, f->retry_after, f->detail);
	return MHD_YES;
}

static enum MHD_Result first_call(struct httpd *h, struct MHD_Connection *mhd, const char *url,
				  const char *method, void **con_cls)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct sizes sizes = {strlen(url)};
	struct refusal refusal;

	if (h->ending || !info || !info->socket_context)
		return MHD_NO;
	MHD_get_connection_values(mhd, MHD_HEADER_KIND, add_size, &sizes);
	MHD_get_connection_values(mhd, MHD_GET_ARGUMENT_KIND, add_size, &sizes);
	if (sizes.n > HTTPD_MAX_HEADER)
		return refuse(mhd, REFUSAL(431, RC_TOO_BIG, "the headers are above 16 KiB"));
	struct request *r = xcalloc(1, sizeof(*r));
	*r = (struct request){.h = h,
			      .mhd = mhd,
			      .conn = info->socket_context,
			      .method = xstrdup(method),
			      .path = xstrdup(url),
			      .body = STRBUF(HTTPD_MAX_BODY)};
	*con_cls = r;
	if (is_ambiguous(r))
		return refuse(mhd, REFUSAL(400, RC_INVALID,
					   "the body's end is said in more than one way"));
	if (!read_length(r))
		return refuse(mhd, REFUSAL(413, RC_TOO_BIG, "the body's length is no number"));
	if (guard_refuses(r, &refusal))
		return turn_away(mhd, r, &refusal);
	if (h->takers.n && takers_ask(r) && r->answered)
		return answer_early(mhd, r);
	if (is_above_limit(r))
		return refuse(mhd, REFUSAL(413, RC_TOO_BIG, "the body is above 1 MiB"));
	return MHD_YES;
}

static void dispatch(struct request *r)
{
	r->dispatched = true;
	r->conn->busy = true;
	peer_identify(r);
	if (r->body_ops) {
		r->body_ops->end(r->body_ctx, r);
		return;
	}
	if (r->whole) { /* held since it was taken */
		r->whole(r->body_ctx, r);
		return;
	}
	request_hold(r);
	r->h->o.handle(r->h->o.ctx, r);
}

/*
 * The library (0.9.75) has 64 bytes for each query from the memory of the connection, and waits for the end of a request that has more of them than
 * it finds room for, for ever: such a one is cut here, and refused.
 */
static char too_many;

void *request_look(void *cls, const char *uri, struct MHD_Connection *mhd)
{
	char *text = (char *)(uintptr_t)uri; /* its own, about to be cut into queries */
	size_t n = 0;

	(void)cls;
	(void)mhd;
	for (char *p = text; *p; p++)
		if (*p == '&' && ++n == HTTPD_QUERIES) {
			*p = 0;
			return &too_many;
		}
	return NULL;
}

enum MHD_Result request_access(void *cls, struct MHD_Connection *mhd, const char *url,
			       const char *method, const char *version, const char *upload,
			       size_t *upload_size, void **con_cls)
{
	struct request *r = *con_cls;

	(void)version;
	if (*con_cls == &too_many) {
		*con_cls = NULL;
		return refuse(mhd, REFUSAL(414, RC_TOO_BIG, "too many queries in the path"));
	}
	if (!r)
		return first_call(cls, mhd, url, method, con_cls);
	if (*upload_size)
		return body_piece(r, upload, upload_size);
	if (strbuf_failed(&r->body))
		return refuse(mhd, REFUSAL(413, RC_TOO_BIG, "the body is above 1 MiB"));
	if (!r->dispatched && !r->answered)
		dispatch(r);
	if (r->answered)
		return give(mhd, r);
	if (r->h->ending)
		return refuse(mhd,
			      REFUSAL(503, RC_UNAVAILABLE, "the daemon stops; try again later"));
	r->suspended = true;
	MHD_suspend_connection(mhd);
	return MHD_YES;
}

void request_completed(void *cls, struct MHD_Connection *mhd, void **con_cls,
		       enum MHD_RequestTerminationCode why)
{
	struct request *r = *con_cls;

	(void)cls;
	(void)mhd;
	(void)why;
	if (!r || *con_cls == &too_many)
		return;
	*con_cls = NULL;
	r->conn->busy = false;
	r->conn->taken_by = 0;
	r->conn->since = clock_mono();
	if (r->dispatched && !r->answered) { /* the handler holds it still */
		request_unhold(r);
		r->mhd = NULL;
		r->conn = NULL;
		return;
	}
	if (!r->answered) {
		request_unhold(r);
		body_gone(r);
	}
	request_free(r);
}
