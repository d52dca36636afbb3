/*
 * Who may do what, asked over TCP as strangers do: every row of the route table as nobody, as somebody without a role, with the role below and with the right one;
 * sessions, tokens, idempotency keys, programs that are let in.
 */
#include "api_kit.h"
#include "api/api_impl.h"

#include <errno.h>

static const char *const secrets[] = {"of none",     "of viewer",   "of developer",
				      "of approver", "of operator", "of admin"};

static void put_token(struct model *m, const char *name, const char *secret, const char *owner,
		      enum role role, const char *environment, const char *scope)
{
	char digest[DIGEST_HEX + 1];

	secret_hash(str_of(secret), digest);
	AUTO(freep) char *id = access_id("tok-", digest);
	struct token *t = model_add(m, AGG_TOKEN, id);
	*t = (struct token){.id = text(id),
			    .name = text(name),
			    .digest = text(digest),
			    .owner = owner ? text(owner) : NULL,
			    .role = role,
			    .environment = environment ? text(environment) : NULL,
			    .scope = scope ? text(scope) : NULL,
			    .used_at = clock_wall()};
}

static void put_user(struct model *m, const char *name)
{
	struct user *u = model_add(m, AGG_USER, name);

	u->id = text(name);
}

static void fill_past(struct store *store)
{
	(void)store;
}

static void fill_model(struct model *m)
{
	struct project *p = model_add(m, AGG_PROJECT, "project");

	*p = (struct project){.id = text("project"), .name = text("shop"), .slots = 2};
	for (unsigned role = ROLE_VIEWER; role <= ROLE_ADMIN; role++)
		put_token(m, role_names[role], secrets[role], NULL, (enum role)role, NULL, NULL);
	put_user(m, "nobody");
	put_user(m, "ann");
	put_token(m, "mine", secrets[ROLE_NONE], "user:nobody", ROLE_ADMIN, NULL, NULL);
	put_token(m, "hers", "of ann", "user:ann", ROLE_ADMIN, NULL, NULL);
	put_token(m, "staging", "of staging", NULL, ROLE_OPERATOR, "staging", NULL);
	put_token(m, "cache", "of cache", NULL, ROLE_NONE, NULL, "trusted");
	put_token(m, "look", "of ann, to look", "user:ann", ROLE_VIEWER, NULL, NULL);
	put_token(m, "there", "of ann, staging", "user:ann", ROLE_OPERATOR, "staging", NULL);
	put_token(m, "gate-s", "approves staging", NULL, ROLE_APPROVER, "staging", NULL);
	put_token(m, "gate-p", "approves production", NULL, ROLE_APPROVER, "production", NULL);
	struct config_ref *ref = model_add(m, AGG_CONFIG, "cfg");
	*ref = (struct config_ref){.id = text("cfg"),
				   .config = {.project = text("shop"),
					      .staging_env = text("staging"),
					      .production_env = text("production")}};
	struct release *rel = model_add(m, AGG_RELEASE, "rel-1");
	*rel = (struct release){.id = text("rel-1"),
				.run = text("run-1"),
				.state = RELEASE_STAGED,
				.config = text("cfg"),
				.environment = text("staging")}; /* it was there last */
	struct grant *g = model_add(m, AGG_GRANT, "user:ann=operator");
	*g = (struct grant){
		.id = text("user:ann=operator"), .who = text("user:ann"), .role = ROLE_OPERATOR};
	for (unsigned i = 0; i < 2; i++) {
		const char *name = i ? "production" : "staging";
		struct environment *env = model_add(m, AGG_ENVIRONMENT, name);

		*env = (struct environment){.id = text(name),
					    .stage = i ? STAGE_PRODUCTION : STAGE_STAGING};
	}
	struct incident *i = model_add(m, AGG_INCIDENT, "inc-1");
	*i = (struct incident){
		.id = text("inc-1"), .title = text("errors"), .environment = text("production")};
}

/* ---- asking ---- */

static char *by_tcp(const char *line, const char *headers, const char *body)
{
	AUTO(freep)
	char *whole = xasprintf("%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%sContent-Length: "
				"%zu\r\n\r\n%s",
				line, headers, strlen(body), body);

	return ask(dial_tcp(httpd_port(server)), whole);
}

static char *as(const char *secret, const char *line, const char *body)
{
	AUTO(freep)
	char *header = secret ? xasprintf("Authorization: Bearer %s\r\n", secret) : xstrdup("");

	return by_tcp(line, header, body);
}

static int status_of_answer(const char *answer)
{
	return strlen(answer) > 12 ? atoi(answer + 9) : 0;
}

static void wants(int status, const char *secret, const char *line, const char *body)
{
	AUTO(freep) char *answer = as(secret, line, body);

	if (status_of_answer(answer) != status)
		fail_msg("%s as %s: want %d: %.600s", line, secret ? secret : "nobody", status,
			 answer);
}

/* The value of a header, or of a text in JSON: between `before` and `end`; the caller's. */
static char *between(const char *answer, const char *before, char end)
{
	const char *at = strstr(answer, before);

	if (!at)
		fail_msg("no %s in %.600s", before, answer);
	at += strlen(before);
	return xstrndup(at, strcspn(at, (char[]){end, 0}));
}

/* ---- the walk ---- */

/* A path of the row with names that nothing has. */
static char *path_of_row(const struct api_route *r)
{
	struct strbuf path = STRBUF(1024);

	for (const char *p = r->path; *p;) {
		if (*p != '{') {
			strbuf_addc(&path, *p++);
			continue;
		}
		size_t n = strcspn(p, "}");

		if (p[2] == ':')
			strbuf_add(&path, p + 3, n - 3);
		else
			strbuf_adds(&path, "none-9");
		p += n + 1;
	}
	return strbuf_take(&path);
}

static bool is_endless(const struct api_route *r)
{
	return strcmp(r->answer, "text/event-stream") == 0;
}

static void walk_row(const struct api_route *r)
{
	AUTO(freep) char *path = path_of_row(r);
	AUTO(freep) char *line = xasprintf("%s %s", r->method, path);
	bool open = r->flags & ROUTE_OPEN;

	if (!open)
		wants(401, NULL, line, "");
	if (!open)
		wants(401, "of cache", line, ""); /* good for the caches, and nothing else */
	if (!open && r->of != OF_SELF)
		wants(403, secrets[ROLE_NONE], line, "");
	if (r->needs > ROLE_VIEWER && r->of != OF_SELF)
		wants(403, secrets[r->needs - 1], line, "");
	if (is_endless(r))
		return;
	AUTO(freep) char *answer = as(secrets[MAX_OF(r->needs, ROLE_VIEWER)], line, "");
	int status = status_of_answer(answer);
	bool own_error = strstr(r->path, "/login") != NULL; /* wrong secrets there are 401, too */
	if (status == 403 || (status == 401 && !own_error) || status >= 500 || status < 200)
		fail_msg("%s with its role: %.600s", line, answer);
}

static void walk_client(void)
{
	for (size_t i = 0; i < api_n_routes; i++)
		walk_row(&api_routes[i]);
}

static void every_row_asks_for_its_role(void **state)
{
	(void)state;
	beside(walk_client);
	size_t denied = 0;
	for (struct map_entry *e = NULL; (e = map_next(&api->denials, e));)
		denied++;
	assert_true(denied > 20); /* each stands in the journal, too */
}

static void environments_client(void)
{
	const char *hold = "{\"reason\":\"x\"}";

	wants(200, "of staging", "POST " WIRE_ENVIRONMENTS "/staging/holds", hold);
	wants(403, "of staging", "POST " WIRE_ENVIRONMENTS "/production/holds", hold);
	wants(403, "of staging", "POST " WIRE_INCIDENTS "/inc-1/close", "{}");
	wants(200, "of staging", "GET " WIRE_ENVIRONMENTS, "");
	wants(403, "of staging", "POST " WIRE_RUNS "/run-1/rerun", "{}"); /* of the whole project */
	wants(200, "of ann", "POST " WIRE_ENVIRONMENTS "/production/holds", hold);
	wants(403, "of ann", "POST " WIRE_GRANTS, "{\"who\":\"user:ann\",\"role\":\"admin\"}");
	wants(403, "of ann", "GET " WIRE_TOKENS, "");
}

static void roles_hold_by_environment(void **state)
{
	(void)state;
	beside(environments_client);
	struct environment *env = model_environment(engine_model(engine), "production");
	assert_int_equal(env->holds.n, 1);
	assert_string_equal(env->holds.v[0].actor, "user:ann");
}

/* ---- sessions ---- */

static void session_client(void)
{
	AUTO(freep)
	char *in = by_tcp("POST " WIRE_LOGIN, "User-Agent: test\r\n", "{\"token\":\"of ann\"}");
	assert_int_equal(status_of_answer(in), 200);
	assert_non_null(strstr(in, "; HttpOnly; SameSite=Strict"));
	AUTO(freep) char *cookie = between(in, "Set-Cookie: ", ';');
	AUTO(freep) char *header = xasprintf("Cookie: a=b; %s\r\n", cookie);
	AUTO(freep) char *me = by_tcp("GET " WIRE_ME, header, "");
	assert_int_equal(status_of_answer(me), 200);
	assert_non_null(strstr(me, "\"actor\":\"user:ann\""));
	assert_non_null(strstr(me, "\"role\":\"operator\""));
	AUTO(freep) char *csrf = between(me, "\"csrf\":\"", '"');
	const char *hold = "POST " WIRE_ENVIRONMENTS "/staging/holds";
	AUTO(freep) char *without = by_tcp(hold, header, "{}");
	assert_int_equal(status_of_answer(without), 403);
	AUTO(freep)
	char *wrong_header = xasprintf("%sPenstock-Csrf: %064d\r\n", header, 0);
	AUTO(freep) char *wrong = by_tcp(hold, wrong_header, "{}");
	assert_int_equal(status_of_answer(wrong), 403);
	AUTO(freep) char *good_header = xasprintf("%sPenstock-Csrf: %s\r\n", header, csrf);
	AUTO(freep) char *right = by_tcp(hold, good_header, "{}");
	assert_int_equal(status_of_answer(right), 200);
	AUTO(freep) char *cross_header = xasprintf("%sSec-Fetch-Site: cross-site\r\n", good_header);
	AUTO(freep) char *cross = by_tcp(hold, cross_header, "{}");
	assert_int_equal(status_of_answer(cross), 403);
	AUTO(freep) char *turned = by_tcp("POST " WIRE_ME "/session", good_header, "");
	assert_int_equal(status_of_answer(turned), 200);
	AUTO(freep) char *old = by_tcp("GET " WIRE_ME, header, "");
	assert_int_equal(status_of_answer(old), 401);
	AUTO(freep) char *fresh = between(turned, "Set-Cookie: ", ';');
	AUTO(freep) char *fresh_header = xasprintf("Cookie: %s\r\n", fresh);
	AUTO(freep) char *again = by_tcp("GET " WIRE_ME, fresh_header, "");
	AUTO(freep) char *csrf2 = between(again, "\"csrf\":\"", '"');
	assert_string_not_equal(csrf, csrf2);
	AUTO(freep)
	char *out_header = xasprintf("%sPenstock-Csrf: %s\r\n", fresh_header, csrf2);
	AUTO(freep) char *out = by_tcp("POST " WIRE_BASE "/logout", out_header, "");
	assert_int_equal(status_of_answer(out), 200);
	assert_non_null(strstr(out, "Max-Age=0"));
	AUTO(freep) char *gone = by_tcp("GET " WIRE_ME, fresh_header, "");
	assert_int_equal(status_of_answer(gone), 401);
}

static void a_session_is_a_cookie_with_a_guard(void **state)
{
	(void)state;
	beside(session_client);
}

static void tries_client(void)
{
	for (int i = 0; i < 10; i++)
		wants(401, NULL, "POST " WIRE_LOGIN, "{\"token\":\"guess\"}");
	AUTO(freep) char *late = as(NULL, "POST " WIRE_LOGIN, "{\"token\":\"guess\"}");
	assert_int_equal(status_of_answer(late), 429);
	assert_non_null(strstr(late, "Retry-After: "));
	wants(429, "pst_guess", "GET " WIRE_ME, "");
	wants(200, "of ann", "GET " WIRE_ME, ""); /* who has a token is not kept out by them */
	wants(200, NULL, "POST " WIRE_LOGIN, "{\"token\":\"of ann\"}");
}

static void who_guesses_has_to_wait(void **state)
{
	(void)state;
	beside(tries_client);
}

/* ---- tokens ---- */

static void tokens_client(void)
{
	AUTO(freep)
	char *made = as("of admin", "POST " WIRE_TOKENS, "{\"name\":\"ci\",\"role\":\"viewer\"}");
	assert_int_equal(status_of_answer(made), 201);
	AUTO(freep) char *secret = between(made, "\"token\":\"", '"');
	AUTO(freep) char *id = between(made, "\"id\":\"", '"');
	assert_int_equal(strlen(secret), 47);
	wants(200, secret, "GET " WIRE_STATUS, "");
	AUTO(freep) char *list = as("of admin", "GET " WIRE_TOKENS, "");
	assert_non_null(strstr(list, id));
	assert_null(strstr(list, secret));
	assert_null(strstr(list, "digest"));
	wants(409, "of admin", "POST " WIRE_TOKENS, "{\"name\":\"ci\",\"role\":\"viewer\"}");
	wants(400, "of admin", "POST " WIRE_TOKENS, "{\"name\":\"x\"}");
	wants(400, "of admin", "POST " WIRE_TOKENS, "{\"name\":\"x\",\"role\":\"king\"}");
	wants(400, "of admin", "POST " WIRE_TOKENS, "{\"name\":\"x\",\"scope\":\"main\"}");
	wants(400, "of admin", "POST " WIRE_TOKENS,
	      "{\"name\":\"x\",\"role\":\"viewer\",\"until\":\"2001-01-01T00:00:00Z\"}");
	wants(200, "of admin", "DELETE " WIRE_TOKENS "/ci", "");
	wants(401, secret, "GET " WIRE_STATUS, "");
	wants(404, "of admin", "DELETE " WIRE_TOKENS "/ci", "");
	/* a person's own: never more than oneself */
	AUTO(freep)
	char *own = as("of ann", "POST " WIRE_ME "/tokens",
		       "{\"name\":\"laptop\",\"role\":\"admin\",\"for\":\"1h\"}");
	AUTO(freep) char *hers = between(own, "\"token\":\"", '"');
	wants(403, hers, "GET " WIRE_TOKENS, "");
	wants(200, hers, "GET " WIRE_ME "/tokens", "");
	wants(409, "of viewer", "POST " WIRE_ME "/tokens", "{\"name\":\"x\"}");
	wants(404, "of viewer", "DELETE " WIRE_ME "/tokens/laptop", "");
	wants(200, "of ann", "DELETE " WIRE_ME "/tokens/laptop", "");
	wants(401, hers, "GET " WIRE_ME, "");
}

static void a_secret_is_shown_once(void **state)
{
	(void)state;
	beside(tokens_client);
}

/* ---- idempotency keys ---- */

static void once_client(void)
{
	const char *line = "POST " WIRE_ENVIRONMENTS "/staging/holds";
	const char *auth = "Authorization: Bearer of operator\r\nIdempotency-Key: k1\r\n";
	AUTO(freep) char *first = by_tcp(line, auth, "{\"reason\":\"a\"}");
	AUTO(freep) char *second = by_tcp(line, auth, "{\"reason\":\"a\"}");
	AUTO(freep) char *other = by_tcp(line, auth, "{\"reason\":\"b\"}");
	AUTO(freep)
	char *theirs =
		by_tcp(line, "Authorization: Bearer of ann\r\nIdempotency-Key: k1\r\n", "{}");

	assert_int_equal(status_of_answer(first), 200);
	assert_int_equal(status_of_answer(second), 200);
	assert_non_null(strstr(second, "Idempotency-Replayed: true"));
	assert_string_equal(strstr(first, "{\"ok\""), strstr(second, "{\"ok\""));
	assert_int_equal(status_of_answer(other), 422);
	assert_int_equal(status_of_answer(theirs), 200); /* a key is of who sent it */
}

static void an_order_sent_twice_is_done_once(void **state)
{
	(void)state;
	beside(once_client);
	assert_int_equal(model_environment(engine_model(engine), "staging")->holds.n, 2);
}

/* ---- programs ---- */

static void device_client(void)
{
	AUTO(freep) char *asked = as(NULL, "POST " WIRE_LOGIN "/device", "{\"name\":\"a laptop\"}");
	AUTO(freep) char *code = between(asked, "\"device_code\":\"", '"');
	AUTO(freep) char *shown = between(asked, "\"user_code\":\"", '"');
	AUTO(freep) char *poll = xasprintf("{\"device_code\":\"%s\"}", code);
	AUTO(freep) char *yes = xasprintf("{\"user_code\":\"%s\"}", shown);
	AUTO(freep) char *early = as(NULL, "POST " WIRE_LOGIN "/device/token", poll);

	assert_int_equal(status_of_answer(early), 400);
	assert_non_null(strstr(early, "authorization_pending"));
	wants(401, NULL, "POST " WIRE_LOGIN "/device/approve", yes);
	wants(409, "of viewer", "POST " WIRE_LOGIN "/device/approve", yes); /* no person */
	wants(200, "of ann", "POST " WIRE_LOGIN "/device/approve", yes);
	AUTO(freep) char *got = as(NULL, "POST " WIRE_LOGIN "/device/token", poll);
	assert_int_equal(status_of_answer(got), 201);
	AUTO(freep) char *secret = between(got, "\"token\":\"", '"');
	AUTO(freep) char *me = as(secret, "GET " WIRE_ME, "");
	assert_non_null(strstr(me, "\"actor\":\"user:ann\""));
	AUTO(freep) char *twice = as(NULL, "POST " WIRE_LOGIN "/device/token", poll);
	assert_non_null(strstr(twice, "expired_token"));
}

static void a_program_is_let_in_by_a_person(void **state)
{
	(void)state;
	beside(device_client);
}

/* ---- ways around ---- */

static void limits_client(void)
{
	const char *hold = "POST " WIRE_ENVIRONMENTS "/production/holds";
	const char *mine = "POST " WIRE_ME "/tokens";
	AUTO(freep) char *big = as("of ann, to look", mine, "{\"name\":\"a\",\"role\":\"admin\"}");
	AUTO(freep) char *secret = between(big, "\"token\":\"", '"');
	wants(403, secret, hold, "{}");
	wants(403, "of ann, staging", mine, "{\"name\":\"b\",\"environment\":\"production\"}");
	AUTO(freep) char *wide = as("of ann, staging", mine, "{\"name\":\"c\"}");
	AUTO(freep) char *narrow = between(wide, "\"token\":\"", '"');
	wants(403, narrow, hold, "{}");
	wants(200, narrow, "POST " WIRE_ENVIRONMENTS "/staging/holds", "{}");
	AUTO(freep)
	char *brief = as("of ann", mine, "{\"name\":\"brief\",\"for\":\"1h\"}");
	AUTO(freep) char *hour = between(brief, "\"token\":\"", '"');
	AUTO(freep) char *longer = as(hour, mine, "{\"name\":\"longer\",\"for\":\"90d\"}");
	assert_int_equal(status_of_answer(longer), 201);
	/* nor by a program that is let in */
	AUTO(freep) char *asked = as(NULL, "POST " WIRE_LOGIN "/device", "{}");
	AUTO(freep) char *code = between(asked, "\"device_code\":\"", '"');
	AUTO(freep) char *shown = between(asked, "\"user_code\":\"", '"');
	AUTO(freep) char *yes = xasprintf("{\"user_code\":\"%s\"}", shown);
	AUTO(freep) char *poll = xasprintf("{\"device_code\":\"%s\"}", code);
	wants(200, "of ann, to look", "POST " WIRE_LOGIN "/device/approve", yes);
	AUTO(freep) char *got = as(NULL, "POST " WIRE_LOGIN "/device/token", poll);
	AUTO(freep) char *program = between(got, "\"token\":\"", '"');
	wants(403, program, hold, "{}");
}

static void a_token_makes_no_greater_one(void **state)
{
	const struct token *brief = NULL, *longer = NULL;

	(void)state;
	beside(limits_client);
	for (struct map_entry *e = NULL;
	     (e = map_next(&engine_model(engine)->by_kind[AGG_TOKEN], e));) {
		const struct token *t = e->value;

		brief = streq(t->name, "brief") ? t : brief;
		longer = streq(t->name, "longer") ? t : longer;
	}
	assert_true(brief && longer && longer->until == brief->until);
}

/* By the weak one: not the strong one, nor what is for all environments; what is as weak, and itself. */
static void ends_client(void)
{
	const char *mine = "POST " WIRE_ME "/tokens", *end = "DELETE " WIRE_ME "/tokens/";
	AUTO(freep) char *hers = xasprintf("%shers", end);
	AUTO(freep) char *there = xasprintf("%sthere", end);
	AUTO(freep) char *weak = xasprintf("%sweak", end);
	AUTO(freep) char *look = xasprintf("%slook", end);
	AUTO(freep) char *strong = as("of ann, to look", hers, "");

	assert_int_equal(status_of_answer(strong), 403);
	assert_non_null(strstr(strong, "the token hers may do more (admin)"));
	wants(403, "of ann, staging", hers, "");
	wants(403, "of ann, staging", look, ""); /* a lower role, but everywhere */
	wants(403, "of ann, to look", there, "");
	wants(200, "of ann", "GET " WIRE_ME, "");
	wants(201, "of ann, to look", mine, "{\"name\":\"weak\"}");
	wants(200, "of ann, to look", weak, "");
	wants(200, "of ann, to look", look, "");
	wants(401, "of ann, to look", "GET " WIRE_ME, "");
	wants(200, "of ann", there, "");
	wants(200, "of ann", hers, "");
	wants(401, "of ann", "GET " WIRE_ME, "");
}

static void a_token_ends_no_greater_one(void **state)
{
	(void)state;
	beside(ends_client);
}

static void gate_client(void)
{
	const char *line = "POST " WIRE_RELEASES "/rel-1/approve";

	wants(403, "approves staging", line, "{}");
	AUTO(freep) char *answer = as("approves production", line, "{}");
	assert_int_not_equal(status_of_answer(answer), 403);
}

static void the_gate_is_productions(void **state)
{
	(void)state;
	beside(gate_client);
}

/* Its head comes by a token that is good; before its body is there, the token is revoked. */
static void late_client(void)
{
	struct strbuf answer = STRBUF(1 << 16);
	int fd = dial_tcp(httpd_port(server));

	send_text(fd, "POST " WIRE_ENVIRONMENTS "/production/holds HTTP/1.1\r\nHost: x\r\n"
		      "Authorization: Bearer of ann, to look\r\nConnection: close\r\n"
		      "Content-Length: 2\r\n\r\n{");
	usleep(100000);
	wants(200, "of ann, to look", "DELETE " WIRE_ME "/tokens/look", "");
	wants(200, "of ann", "POST " WIRE_ENVIRONMENTS "/staging/holds",
	      "{}"); /* it is forgotten */
	send_text(fd, "}");
	receive(fd, &answer, NULL);
	close(fd);
	assert_int_equal(status_of_answer(strbuf_cstr(&answer)), 401);
	strbuf_done(&answer);
}

static void what_ended_lets_nothing_in(void **state)
{
	(void)state;
	beside(late_client);
	assert_int_equal(model_environment(engine_model(engine), "production")->holds.n, 0);
}

static void stream_client(void)
{
	struct strbuf answer = STRBUF(1 << 20);
	int fd = dial_tcp(httpd_port(server));
	struct timeval patience = {.tv_sec = 10};

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	send_text(fd, "GET " WIRE_EVENTS " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
		      "Authorization: Bearer of viewer\r\n\r\n");
	receive(fd, &answer, ": connected");
	wants(200, "of admin", "DELETE " WIRE_TOKENS "/viewer", "");
	wants(200, "of ann", "POST " WIRE_ENVIRONMENTS "/staging/holds", "{}");
	char rest[4096];
	ssize_t n;
	while ((n = recv(fd, rest, sizeof(rest), 0)) > 0)
		strbuf_add(&answer, rest, (size_t)n);
	assert_true(n == 0 || errno == ECONNRESET); /* and not: nothing came for ten seconds */
	assert_null(strstr(strbuf_cstr(&answer), "person.hold"));
	assert_non_null(strstr(strbuf_cstr(&answer), "\r\n0\r\n\r\n")); /* a clean end */
	close(fd);
	strbuf_done(&answer);
}

static void a_stream_ends_with_what_opened_it(void **state)
{
	(void)state;
	beside(stream_client);
}

static void cross_client(void)
{
	const char *in = "POST " WIRE_LOGIN, *body = "{\"token\":\"of ann\"}";
	static const struct {
		const char *headers;
		int status;
	} cases[] = {{"Sec-Fetch-Site: cross-site\r\n", 403},
		     {"Sec-Fetch-Site: same-site\r\n", 403},
		     {"Origin: https://evil.example\r\n", 403},
		     {"Origin: null\r\n", 403},
		     {"Sec-Fetch-Site: same-origin\r\nOrigin: http://y\r\n", 200},
		     {"Origin: http://x\r\n", 200}};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(freep) char *answer = by_tcp(in, cases[i].headers, body);

		if (status_of_answer(answer) != cases[i].status)
			fail_msg("%s: %.400s", cases[i].headers, answer);
	}
}

static void nobody_is_logged_in_by_another_site(void **state)
{
	(void)state;
	beside(cross_client);
}

static void flood_client(void)
{
	for (int i = 0; i < 100; i++) {
		AUTO(freep) char *line = xasprintf("POST " WIRE_ENVIRONMENTS "/e%d/holds", i);

		wants(403, "of viewer", line, "{}");
	}
	for (int i = 0; i < 40; i++) {
		AUTO(freep) char *answer = as(NULL, "POST " WIRE_LOGIN "/device", "{}");

		assert_int_equal(status_of_answer(answer), i < 32 ? 200 : 503);
	}
}

static void strangers_fill_nothing(void **state)
{
	(void)state;
	uint64_t before = engine_model(engine)->seq;
	beside(flood_client);
	assert_in_range(engine_model(engine)->seq - before, 10, 40);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		KIT_CASE(every_row_asks_for_its_role),
		KIT_CASE(roles_hold_by_environment),
		KIT_CASE(a_session_is_a_cookie_with_a_guard),
		KIT_CASE(who_guesses_has_to_wait),
		KIT_CASE(a_secret_is_shown_once),
		KIT_CASE(an_order_sent_twice_is_done_once),
		KIT_CASE(a_program_is_let_in_by_a_person),
		KIT_CASE(a_token_makes_no_greater_one),
		KIT_CASE(a_token_ends_no_greater_one),
		KIT_CASE(the_gate_is_productions),
		KIT_CASE(what_ended_lets_nothing_in),
		KIT_CASE(a_stream_ends_with_what_opened_it),
		KIT_CASE(nobody_is_logged_in_by_another_site),
		KIT_CASE(strangers_fill_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
