/* The way in: a request finds its row of the table, is checked by it, and goes to its function. */
#include "api/api_impl.h"

#define BEAT (20 * USEC_SEC)

/* One segment of the pattern, "{a:runs}" "{b}" "{a+}" or a word, against the path. */
static bool match_segment(struct str want, struct str *path, struct str left, struct str arg[2])
{
	if (want.n < 3 || want.p[0] != '{')
		return str_eq(str_cut(path, '/'), want);
	struct str *ret = &arg[want.p[1] - 'a'], start = *path;
	struct str word = {want.p + 3, want.n - 4};

	if (want.p[2] == '+') { /* up to what follows in the pattern */
		size_t tail = left.p ? left.n + 1 : 0;

		if (start.n <= tail || (tail && !str_ends(start, left.p)))
			return false;
		*ret = (struct str){start.p, start.n - tail};
		*path = tail ? (struct str){start.p + ret->n + 1, left.n} : (struct str){NULL, 0};
		return (!tail || start.p[ret->n] == '/') && ret->p[0] != '/' &&
		       ret->p[ret->n - 1] != '/';
	}
	*ret = str_cut(path, '/');
	return ret->n > 0 && (want.p[2] != ':' || str_eq(*ret, word));
}

static bool match(const char *pattern, const char *text, struct str arg[2])
{
	struct str want = str_of(pattern), path = str_of(text);

	arg[0] = arg[1] = (struct str){NULL, 0};
	while (want.p) {
		struct str segment = str_cut(&want, '/');

		if (!path.p || !match_segment(segment, &path, want, arg))
			return false;
	}
	return !path.p;
}

/* HEAD is answered as GET: the server leaves the body out. */
static bool is_method(const char *route, const char *method)
{
	return streq(route, method) || (streq(route, "GET") && streq(method, "HEAD"));
}

static const struct api_route *find(struct request *r, struct str arg[2], bool *ret_known)
{
	for (size_t i = 0; i < api_n_routes; i++) {
		if (!match(api_routes[i].path, request_path(r), arg))
			continue;
		*ret_known = true;
		if (is_method(api_routes[i].method, request_method(r)))
			return &api_routes[i];
	}
	return NULL;
}

/* RFC 9110, 15.5.6: which methods this path takes. */
static void say_allowed(struct request *r)
{
	AUTO(strbuf_done) struct strbuf methods = STRBUF(256);
	struct str arg[2];

	for (size_t i = 0; i < api_n_routes; i++) {
		const char *method = api_routes[i].method;

		if (!match(api_routes[i].path, request_path(r), arg) ||
		    strstr(strbuf_cstr(&methods), method))
			continue;
		strbuf_addf(&methods, "%s%s%s", methods.n ? ", " : "", method,
			    streq(method, "GET") ? ", HEAD" : "");
	}
	request_add_header(r, "Allow", strbuf_cstr(&methods));
}

/* Ids from paths end in the journal: text that any reader of it takes. */
static bool is_plain(const char *path)
{
	size_t n = strlen(path);

	for (size_t i = 0; i < n; i++)
		if ((unsigned char)path[i] < 0x20 || path[i] == 0x7f)
			return false;
	return n <= 1024 && str_is_utf8((struct str){path, n});
}

static bool read_body(struct call *c)
{
	struct str text = str_trim(request_body(c->r));
	struct err err = {0};

	if (streq(c->route->method, "GET"))
		return true;
	if (json_read(text.n ? text : STR("{}"), HTTPD_MAX_BODY, &c->body, &err) != RC_OK) {
		err_wrap(&err, "the body");
		call_fail(c, &err);
		return false;
	}
	if (json_kind_of(c->body) != JSON_MAP) {
		call_failf(c, RC_INVALID, "the body must be a JSON object");
		return false;
	}
	return true;
}

void api_handle(void *ctx, struct request *r)
{
	struct api *api = ctx;
	struct call *c = xcalloc(1, sizeof(*c));
	struct str arg[2];
	bool known = false;

	*c = (struct call){.api = api,
			   .r = r,
			   .out = STRBUF(TEXT_MAX),
			   .began = runner_now(api->runner),
			   .next = api->calls};
	if (c->next)
		c->next->prev = c;
	api->calls = c;
	if (!is_plain(request_path(r))) {
		call_failf(c, RC_INVALID, "this path is no plain text of at most 1024 bytes");
		return;
	}
	const struct api_route *route = find(r, arg, &known);
	if (!call_is_known(c) && !(route && route->flags & ROUTE_OPEN)) {
		call_nobody(c);
		return;
	}
	if (!route && known)
		say_allowed(r);
	if (!route) {
		call_failf(c, known ? RC_UNSUPPORTED : RC_NOT_FOUND,
			   known ? "%s is not for %s" : "%s%s: there is nothing here",
			   known ? request_path(r) : "",
			   known ? request_method(r) : request_path(r));
		return;
	}
	c->route = route;
	for (int i = 0; i < 2; i++)
		c->arg[i] = arg[i].p ? xstrndup(arg[i].p, arg[i].n) : NULL;
	if (call_same_site(c) && call_allowed(c) && read_body(c) && call_check(c) && call_first(c))
		route->fn(c);
}

static bool ends_streams(struct str type)
{
	static const enum event_kind kinds[] = {EV_USER, EV_TOKEN_END, EV_LOGOUT};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (str_is(type, event_kind_names[kinds[i]]))
			return true;
	return false;
}

static void told(void *ctx, const struct record *r)
{
	struct api *api = ctx;

	api->last_seq = r->seq;
	api->events++;
	journal_told(api, r);
	reruns_told(api, r);
	if (ends_streams(r->type))
		streams_look(api);
	metrics_look(api, true);
}

static void beat(void *arg)
{
	struct api *api = arg;

	journal_beat(api);
	streams_look(api); /* those whose time is over */
	runner_timer(api->runner, runner_now(api->runner) + BEAT, beat, api);
}

struct api *api_new(const struct api_options *o)
{
	struct api *api = xcalloc(1, sizeof(*api));

	api->o = *o;
	api->archives = o->archives ? xstrdup(o->archives) : NULL;
	api->e = o->engine;
	api->runner = engine_world(o->engine)->runner;
	api->started = runner_now(api->runner);
	api->last_seq = engine_model(api->e)->seq;
	api->job_tokens = job_tokens_new();
	metrics_look(api, false);
	engine_listen(api->e, told, api);
	beat(api);
	return api;
}

void api_behind(struct api *api, struct httpd *h)
{
	api->httpd = h;
}

void api_free(struct api *api)
{
	if (!api)
		return;
	engine_unlisten(api->e, told, api);
	while (api->calls) {
		request_reply(api->calls->r, 503, "text/plain", STR(""));
		call_free(api->calls);
	}
	reruns_free(api);
	log_hubs_free(api);
	catalog_free(api->catalog);
	insights_free(api->insights);
	stories_free(api->stories);
	metrics_free(api);
	job_tokens_free(api->job_tokens);
	devices_free(api->devices);
	logins_free(api->logins);
	tried_free(api);
	denials_free(api);
	map_done(&api->noted);
	xfree(api->archives);
	xfree(api);
}
