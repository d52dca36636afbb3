/* Logins at a provider of our own, which can be made to lie; and the documents that none should send. */
#include "unit/unit.h"

#include "base/mem.h"
#include "clients/oidc_impl.h"
#include "base/digest.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define A_MAX 65536
#define NOW   (1000000 * USEC_SEC)

/* ---- a provider: a thread that answers one request a connection ---- */

struct provider {
	int fd;
	char issuer[64];
	pthread_t thread;
	struct ecdsa_key *key; /* it signs with */
	bool hides_key;        /* its set has another one */
	const char *kid;       /* in tokens; NULL: the key's */
	/* What it sends. */
	char *claims, *userinfo, *more; /* more: members of the document, ",..." */
	int status;                     /* of the token endpoint; 0: 200 */
	int down;                       /* of all: 503 */
	/* What it saw. */
	int documents, keys, tokens, infos;
	char form[8192], authorization[4096];
};

static void answer(struct provider *p, const char *path, struct strbuf *to)
{
	AUTO(ecdsa_freep) struct ecdsa_key *other = ecdsa_new();
	const struct ecdsa_key *keys[] = {p->hides_key ? other : p->key};

	if (!strcmp(path, "/.well-known/openid-configuration")) {
		p->documents++;
		strbuf_addf(to,
			    "{\"issuer\":\"%s\",\"authorization_endpoint\":\"%s/auth?x=1\","
			    "\"token_endpoint\":\"%s/token\",\"jwks_uri\":\"%s/keys\","
			    "\"userinfo_endpoint\":\"%s/me\"%s}",
			    p->issuer, p->issuer, p->issuer, p->issuer, p->issuer,
			    p->more ? p->more : "");
	} else if (!strcmp(path, "/keys")) {
		p->keys++;
		jwks_write(keys, 1, to);
	} else if (!strcmp(path, "/me")) {
		p->infos++;
		strbuf_adds(to, p->userinfo ? p->userinfo : "{}");
	} else if (!strcmp(path, "/token")) {
		AUTO(strbuf_done) struct strbuf kid = STRBUF(100), token = STRBUF(A_MAX);

		p->tokens++;
		jwks_kid(p->key, &kid);
		assert_int_equal(jwt_sign(p->key, p->kid ? p->kid : strbuf_cstr(&kid),
					  str_of(p->claims ? p->claims : "{}"), &token, NULL),
				 RC_OK);
		if (p->status)
			strbuf_adds(to, "{\"error\":\"invalid_grant\",\"error_description\":\"the "
					"code\\u001b is used\"}");
		else
			strbuf_addf(to,
				    "{\"access_token\":\"acc\",\"token_type\":\"Bearer\","
				    "\"id_token\":\"%s\"}",
				    strbuf_cstr(&token));
	}
}

static void serve_one(struct provider *p, int fd)
{
	AUTO(strbuf_done) struct strbuf body = STRBUF(A_MAX), out = STRBUF(2 * A_MAX);
	char buf[32768], path[256] = "", *end = NULL, *at;
	size_t n = 0, want = 0;
	ssize_t k;

	while (n < sizeof(buf) - 1 && (k = recv(fd, buf + n, sizeof(buf) - 1 - n, 0)) > 0) {
		n += (size_t)k;
		buf[n] = '\0';
		end = strstr(buf, "\r\n\r\n");
		if (end && (at = strcasestr(buf, "content-length:")))
			want = strtoul(at + 15, NULL, 10);
		if (end && n >= (size_t)(end + 4 - buf) + want)
			break;
	}
	if (!end || sscanf(buf, "%*s %255s", path) != 1)
		return;
	if (!strcmp(path, "/token"))
		snprintf(p->form, sizeof(p->form), "%s", end + 4);
	p->authorization[0] = '\0';
	if ((at = strcasestr(buf, "\r\nauthorization: ")))
		sscanf(at + 17, "%4095[^\r]", p->authorization);
	answer(p, path, &body);
	int status = p->down ? p->down : !strcmp(path, "/token") && p->status ? p->status : 200;
	strbuf_addf(&out,
		    "HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
		    "Connection: close\r\n\r\n%s",
		    status, body.n, strbuf_cstr(&body));
	(void)send(fd, out.p, out.n, MSG_NOSIGNAL);
}

static void *serve(void *arg)
{
	struct provider *p = arg;
	int fd;

	while ((fd = accept(p->fd, NULL, NULL)) >= 0) {
		serve_one(p, fd);
		close(fd);
	}
	return NULL;
}

static void provider_start(struct provider *p)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(a);

	*p = (struct provider){.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0),
			       .key = ecdsa_new()};
	assert_int_equal(bind(p->fd, (struct sockaddr *)(void *)&a, sizeof(a)), 0);
	assert_int_equal(listen(p->fd, 64), 0);
	assert_int_equal(getsockname(p->fd, (struct sockaddr *)(void *)&a, &n), 0);
	snprintf(p->issuer, sizeof(p->issuer), "http://127.0.0.1:%u", ntohs(a.sin_port));
	assert_int_equal(pthread_create(&p->thread, NULL, serve, p), 0);
}

static void provider_stop(struct provider *p)
{
	shutdown(p->fd, SHUT_RDWR);
	pthread_join(p->thread, NULL);
	close(p->fd);
	ecdsa_free(p->key);
	xfree(p->claims);
	xfree(p->userinfo);
}

static struct oidc *client(const struct provider *p, const char *secret, usec_t again)
{
	struct oidc_options o = {.issuer = p->issuer,
				 .client_id = "us",
				 .client_secret = secret,
				 .redirect_uri = "http://127.0.0.1:7400/back?a=b",
				 .keys_again = again};
	struct oidc *c = NULL;
	struct err err = {0};

	if (oidc_new(&o, &c, &err) != RC_OK)
		fail_msg("%s", err.msg);
	return c;
}

/* The claims of a good ID token, then `more`. */
static void say(struct provider *p, const struct oidc_login *l, const char *more)
{
	xfree(p->claims);
	p->claims = xasprintf("{\"iss\":\"%s\",\"aud\":\"us\",\"sub\":\"7\",\"exp\":1000300,"
			      "\"iat\":1000000,\"nonce\":\"%s\"%s}",
			      p->issuer, l->nonce, more);
}

static enum rc finish(struct oidc *c, const struct oidc_login *l, struct oidc_person *ret,
		      struct err *err)
{
	const struct oidc_callback back = {.state = l->state, .code = "the code"};

	return oidc_finish(c, l, &back, NOW, ret, err);
}

static void begin(struct oidc *c, struct oidc_login *l, struct strbuf *url)
{
	struct err err = {0};

	if (oidc_begin(c, l, url, &err) != RC_OK)
		fail_msg("%s", err.msg);
}

/* ---- logins ---- */

static void a_login(void **state)
{
	AUTO(oidc_person_done) struct oidc_person who = {0};
	AUTO(strbuf_done) struct strbuf url = STRBUF(A_MAX), challenge = STRBUF(100);
	struct provider p;
	struct oidc_login l, other;
	struct err err = {0};

	(void)state;
	provider_start(&p);
	struct oidc *c = client(&p, "s:e c", 0);
	begin(c, &l, &url);
	struct digest d = digest_of(str_of(l.verifier));
	jwt_add_base64url(&challenge, d.b, sizeof(d.b));
	AUTO(freep)
	char *want = xasprintf(
		"%s/auth?x=1&response_type=code&client_id=us&redirect_uri=http%%3A%%2F%%2F127.0.0."
		"1%%3A7400%%2Fback%%3Fa%%3Db&scope=openid%%20profile%%20email&state=%s&nonce=%s&"
		"code_challenge=%s&code_challenge_method=S256",
		p.issuer, l.state, l.nonce, strbuf_cstr(&challenge));
	assert_string_equal(strbuf_cstr(&url), want);
	assert_int_equal(strlen(l.state), 43);
	begin(c, &other, &url);
	assert_string_not_equal(l.state, other.state);
	assert_string_not_equal(l.nonce, other.nonce);
	assert_string_not_equal(l.verifier, other.verifier);
	assert_int_equal(p.documents, 1);
	say(&p, &l,
	    ",\"name\":\"Ann\",\"email\":\"ann@shop.example\",\"email_verified\":true,"
	    "\"groups\":[\"devs\",\"ops\"]");
	if (finish(c, &l, &who, &err) != RC_OK)
		fail_msg("%s", err.msg);
	assert_string_equal(who.issuer, p.issuer);
	assert_string_equal(who.subject, "7");
	assert_string_equal(who.name, "Ann");
	assert_string_equal(who.email, "ann@shop.example");
	assert_true(who.email_verified);
	assert_int_equal(who.groups.n, 2);
	assert_string_equal(who.groups.v[1], "ops");
	assert_int_equal(p.infos, 0); /* the groups were there */
	AUTO(freep)
	char *form = xasprintf("grant_type=authorization_code&code=the%%20code&redirect_uri=http%%"
			       "3A%%2F%%2F127.0.0.1%%3A7400%%2Fback%%3Fa%%3Db&code_verifier=%s",
			       l.verifier);
	assert_string_equal(p.form, form);
	oidc_free(c);
	provider_stop(&p);
}

static void with_and_without_secret(void **state)
{
	static const struct {
		const char *secret, *authorization, *form;
	} cases[] = {
		{"s:e c", "Basic dXM6cyUzQWUlMjBj", "code_verifier="}, /* us:s%3Ae%20c */
		{NULL, "", "&client_id=us"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(oidc_person_done) struct oidc_person who = {0};
		AUTO(strbuf_done) struct strbuf url = STRBUF(A_MAX);
		struct provider p;
		struct oidc_login l;
		struct err err = {0};

		provider_start(&p);
		struct oidc *c = client(&p, cases[i].secret, 0);
		begin(c, &l, &url);
		p.status = 400; /* so that the last request is this one */
		CHECK(finish(c, &l, &who, &err) == RC_DENIED, err.msg);
		CHECK(strstr(err.msg, "HTTP 400, invalid_grant: the code? is used"), err.msg);
		CHECK_STR(p.authorization, cases[i].authorization, "authorization");
		CHECK(strstr(p.form, cases[i].form), p.form);
		CHECK(!who.subject, "untouched");
		p.status = 502;
		CHECK(finish(c, &l, &who, &err) == RC_UNAVAILABLE, err.msg);
		oidc_free(c);
		provider_stop(&p);
	}
}

static void userinfo(void **state)
{
	static const struct {
		const char *why, *claims, *userinfo, *name, *says;
		enum rc want;
		int asked;
		size_t groups;
		bool verified;
	} cases[] = {
		{"all from userinfo", "",
		 "{\"sub\":\"7\",\"name\":\"Ann\",\"groups\":[\"a\"],\"email\":\"a@b\",\"email_verified\":\"true\"}",
		 "Ann", NULL, RC_OK, 1, 1, true},
		{"groups from userinfo, name from the token", ",\"name\":\"Ann\"",
		 "{\"sub\":\"7\",\"name\":\"Bob\",\"groups\":\"a\"}", "Ann", NULL, RC_OK, 1, 1,
		 false},
		{"a verified address is not lent to another one", ",\"email\":\"a@b\"",
		 "{\"sub\":\"7\",\"email\":\"c@d\",\"email_verified\":true}", "a@b", NULL, RC_OK, 1,
		 0, false},
		{"none anywhere", "", "{\"sub\":\"7\"}", "7", NULL, RC_OK, 1, 0, false},
		{"an empty list is an answer", ",\"groups\":[],\"email\":\"a@b\"", "{}", "a@b",
		 NULL, RC_OK, 0, 0, false},
		{"somebody else", "", "{\"sub\":\"8\",\"groups\":[\"admins\"]}", NULL,
		 "somebody else", RC_DENIED, 1, 0, false},
		{"nobody", "", "{\"groups\":[\"admins\"]}", NULL, "somebody else", RC_DENIED, 1, 0,
		 false},
		{"no JSON", "", "<html>", NULL, "no JSON object", RC_INVALID, 1, 0, false},
		{"twice", "", "{\"sub\":\"7\",\"sub\":\"8\"}", NULL, "no JSON object", RC_INVALID,
		 1, 0, false},
		{"groups that are no texts", "", "{\"sub\":\"7\",\"groups\":[1]}", NULL,
		 "a group in the claim", RC_DENIED, 1, 0, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(oidc_person_done) struct oidc_person who = {0};
		AUTO(strbuf_done) struct strbuf url = STRBUF(A_MAX);
		struct provider p;
		struct oidc_login l;
		struct err err = {0};

		provider_start(&p);
		struct oidc *c = client(&p, NULL, 0);
		begin(c, &l, &url);
		say(&p, &l, cases[i].claims);
		p.userinfo = xstrdup(cases[i].userinfo);
		enum rc rc = finish(c, &l, &who, &err);
		if (rc != cases[i].want || (cases[i].says && !strstr(err.msg, cases[i].says)))
			fail_msg("%s: %s: %s", cases[i].why, rc_name(rc), err.msg);
		CHECK(p.infos == cases[i].asked, cases[i].why);
		if (p.infos)
			CHECK_STR(p.authorization, "Bearer acc", cases[i].why);
		if (rc == RC_OK) {
			CHECK_STR(who.name, cases[i].name, cases[i].why);
			CHECK(who.groups.n == cases[i].groups, cases[i].why);
			CHECK(who.email_verified == cases[i].verified, cases[i].why);
		}
		oidc_free(c);
		provider_stop(&p);
	}
}

/* Tokens that a good signature does not make good. */
static void lies(void **state)
{
	static const struct {
		const char *why, *claims, *says; /* %s: issuer, nonce */
	} cases[] = {
		{"wrong audience",
		 "{\"iss\":\"%s\",\"aud\":\"them\",\"sub\":\"7\",\"exp\":1000300,\"nonce\":\"%s\"}",
		 "for \"them\" (aud)"},
		{"for others too",
		 "{\"iss\":\"%s\",\"aud\":[\"us\",\"them\"],\"sub\":\"7\",\"exp\":1000300,\"nonce\":\"%s\"}",
		 "(azp)"},
		{"a slow clock",
		 "{\"iss\":\"%s\",\"aud\":\"us\",\"sub\":\"7\",\"exp\":999900,\"nonce\":\"%s\"}",
		 "ended 100 s ago"},
		{"a fast clock",
		 "{\"iss\":\"%s\",\"aud\":\"us\",\"sub\":\"7\",\"exp\":1007200,\"iat\":1003600,\"nonce\":\"%s\"}",
		 "3600 s from now, in the future (iat)"},
		{"another issuer",
		 "{\"iss\":\"%s/x\",\"aud\":\"us\",\"sub\":\"7\",\"exp\":1000300,\"nonce\":\"%s\"}",
		 "(iss)"},
		{"another login",
		 "{\"iss\":\"%s\",\"aud\":\"us\",\"sub\":\"7\",\"exp\":1000300,\"nonce\":\"x%s\"}",
		 "(nonce)"},
		{"another access token",
		 "{\"iss\":\"%s\",\"aud\":\"us\",\"sub\":\"7\",\"exp\":1000300,\"nonce\":\"%s\",\"at_hash\":\"AAAA\"}",
		 "(at_hash)"},
		{"a subject with a line end",
		 "{\"iss\":\"%s\",\"aud\":\"us\",\"sub\":\"7\\n\",\"exp\":1000300,\"nonce\":\"%s\"}",
		 "\"sub\" is no text"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(oidc_person_done) struct oidc_person who = {0};
		AUTO(strbuf_done) struct strbuf url = STRBUF(A_MAX), text = STRBUF(A_MAX);
		struct str rest = str_of(cases[i].claims);
		struct provider p;
		struct oidc_login l;
		struct err err = {0};

		provider_start(&p);
		struct oidc *c = client(&p, NULL, 0);
		begin(c, &l, &url);
		for (int hole = 0; rest.n; rest.p++, rest.n--) {
			if (rest.p[0] != '%') {
				strbuf_addc(&text, rest.p[0]);
				continue;
			}
			strbuf_adds(&text, hole++ ? l.nonce : p.issuer);
			rest.p++;
			rest.n--;
		}
		p.claims = strbuf_take(&text);
		enum rc rc = finish(c, &l, &who, &err);
		if (rc != RC_DENIED || !strstr(err.msg, cases[i].says))
			fail_msg("%s: %s: %s", cases[i].why, rc_name(rc), err.msg);
		oidc_free(c);
		provider_stop(&p);
	}
}

static void callbacks(void **state)
{
	AUTO(oidc_person_done) struct oidc_person who = {0};
	AUTO(strbuf_done) struct strbuf url = STRBUF(A_MAX);
	struct provider p;
	struct oidc_login l;
	struct err err = {0};

	(void)state;
	provider_start(&p);
	p.more = xasprintf(",\"authorization_response_iss_parameter_supported\":true");
	struct oidc *c = client(&p, NULL, 0);
	begin(c, &l, &url);
	const struct {
		struct oidc_callback back;
		const char *says;
	} cases[] = {
		{{.code = "c", .iss = p.issuer}, "(state)"},
		{{.state = "", .code = "c", .iss = p.issuer}, "(state)"},
		{{.state = l.nonce, .code = "c", .iss = p.issuer}, "(state)"},
		{{.state = l.state, .code = "c"}, "(iss)"},
		{{.state = l.state, .code = "c", .iss = "https://evil.example"}, "(iss)"},
		{{.state = l.state, .iss = p.issuer}, "no code"},
		{{.state = l.state, .iss = p.issuer, .code = ""}, "no code"},
		{{.state = l.state,
		  .iss = p.issuer,
		  .error = "access_denied",
		  .error_description = "not\nyou"},
		 "refuses: access_denied: not?you"},
		{{.state = l.nonce, .iss = p.issuer, .error = "access_denied"}, "(state)"},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		enum rc rc = oidc_finish(c, &l, &cases[i].back, NOW, &who, &err);
		if (rc != RC_DENIED || !strstr(err.msg, cases[i].says))
			fail_msg("%zu: %s: %s", i, rc_name(rc), err.msg);
	}
	assert_int_equal(p.tokens, 0); /* no code was spent */
	oidc_free(c);
	xfree(p.more);
	provider_stop(&p);
}

static void rotation(void **state)
{
	AUTO(strbuf_done) struct strbuf url = STRBUF(A_MAX);
	struct provider p;
	struct oidc_login l;
	struct err err = {0};

	(void)state;
	provider_start(&p);
	struct oidc *slow = client(&p, NULL, USEC_HOUR), *quick = client(&p, NULL, 1);
	struct oidc *both[] = {slow, quick};
	for (size_t i = 0; i < 2; i++) {
		AUTO(oidc_person_done) struct oidc_person who = {0};
		begin(both[i], &l, &url);
		say(&p, &l, "");
		p.userinfo = p.userinfo ? p.userinfo : xstrdup("{\"sub\":\"7\"}");
		CHECK(finish(both[i], &l, &who, &err) == RC_OK, err.msg);
	}
	assert_int_equal(p.keys, 2);
	ecdsa_free(p.key);
	p.key = ecdsa_new();
	for (size_t i = 0; i < 2; i++) {
		AUTO(oidc_person_done) struct oidc_person who = {0};
		begin(both[i], &l, &url);
		say(&p, &l, "");
		enum rc rc = finish(both[i], &l, &who, &err);
		CHECK(rc == (i ? RC_OK : RC_DENIED), err.msg);
		CHECK(i || strstr(err.msg, "does not publish"), err.msg);
	}
	assert_int_equal(p.keys, 3); /* the slow one did not ask so soon */
	/* A made-up key: asked for once more, then refused. */
	p.hides_key = true;
	AUTO(oidc_person_done) struct oidc_person who = {0};
	p.kid = "made-up";
	begin(quick, &l, &url);
	say(&p, &l, "");
	assert_int_equal(finish(quick, &l, &who, &err), RC_DENIED);
	assert_int_equal(p.keys, 4);
	oidc_free(slow);
	oidc_free(quick);
	provider_stop(&p);
}

static void down(void **state)
{
	AUTO(oidc_person_done) struct oidc_person who = {0};
	AUTO(strbuf_done) struct strbuf url = STRBUF(A_MAX);
	struct provider p;
	struct oidc_login l;
	struct err err = {0};

	(void)state;
	provider_start(&p);
	struct oidc *c = client(&p, NULL, 0);
	p.down = 503;
	assert_int_equal(oidc_begin(c, &l, &url, &err), RC_UNAVAILABLE);
	assert_non_null(strstr(err.msg, "discovery document: HTTP 503"));
	p.down = 404;
	assert_int_equal(oidc_begin(c, &l, &url, &err), RC_INVALID);
	assert_int_equal(url.n, 0);
	p.down = 0;
	begin(c, &l, &url);
	say(&p, &l, "");
	p.down = 503;
	assert_int_equal(finish(c, &l, &who, &err), RC_UNAVAILABLE);
	provider_stop(&p);
	assert_int_equal(finish(c, &l, &who, &err), RC_UNAVAILABLE);
	assert_non_null(strstr(err.msg, "token endpoint: 127.0.0.1:"));
	oidc_free(c);
}

/* ---- options and documents ---- */

static void options(void **state)
{
	static const struct {
		const char *why;
		struct oidc_options o;
		bool good;
	} cases[] = {
		{"least",
		 {"https://a.example", "us", NULL, "https://us.example/back", NULL, NULL, NULL, 0},
		 true},
		{"all",
		 {"https://a.example/x/", "us", "s", "http://us/back", "openid groups", "g", "n",
		  1},
		 true},
		{"loopback",
		 {"http://[::1]:80", "us", NULL, "https://us/", NULL, NULL, NULL, 0},
		 true},
		{"no issuer", {NULL, "us", NULL, "https://us/", NULL, NULL, NULL, 0}, false},
		{"http",
		 {"http://a.example", "us", NULL, "https://us/", NULL, NULL, NULL, 0},
		 false},
		{"somebody else's loopback",
		 {"http://127.0.0.1:1@a.example", "us", NULL, "https://us/", NULL, NULL, NULL, 0},
		 false},
		{"file", {"file:///etc", "us", NULL, "https://us/", NULL, NULL, NULL, 0}, false},
		{"a query",
		 {"https://a.example?x", "us", NULL, "https://us/", NULL, NULL, NULL, 0},
		 false},
		{"a fragment",
		 {"https://a.example#x", "us", NULL, "https://us/", NULL, NULL, NULL, 0},
		 false},
		{"no host", {"https://", "us", NULL, "https://us/", NULL, NULL, NULL, 0}, false},
		{"no client",
		 {"https://a.example", NULL, NULL, "https://us/", NULL, NULL, NULL, 0},
		 false},
		{"empty client",
		 {"https://a.example", "", NULL, "https://us/", NULL, NULL, NULL, 0},
		 false},
		{"empty secret",
		 {"https://a.example", "us", "", "https://us/", NULL, NULL, NULL, 0},
		 false},
		{"a secret of two lines",
		 {"https://a.example", "us", "a\nb", "https://us/", NULL, NULL, NULL, 0},
		 false},
		{"no way back",
		 {"https://a.example", "us", NULL, NULL, NULL, NULL, NULL, 0},
		 false},
		{"a way back that is no URL",
		 {"https://a.example", "us", NULL, "/back", NULL, NULL, NULL, 0},
		 false},
		{"no openid",
		 {"https://a.example", "us", NULL, "https://us/", "profile openids", NULL, NULL, 0},
		 false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct oidc *c = NULL;
		struct err err = {0};

		CHECK((oidc_new(&cases[i].o, &c, &err) == RC_OK) == cases[i].good, cases[i].why);
		CHECK(cases[i].good ? c != NULL : err.rc == RC_INVALID && !c, cases[i].why);
		oidc_free(c);
	}
}

#define D_ISS  "\"issuer\":\"https://a.example\""
#define D_AUTH "\"authorization_endpoint\":\"https://a.example/auth\""
#define D_TOK  "\"token_endpoint\":\"https://a.example/token\""
#define D_KEYS "\"jwks_uri\":\"https://keys.example/\""
#define D_ALL  D_ISS "," D_AUTH "," D_TOK "," D_KEYS

static void documents(void **state)
{
	static const struct {
		const char *text, *says; /* says NULL: good */
		enum rc want;
	} cases[] = {
		{"{" D_ALL "}", NULL, RC_OK},
		{"{" D_ALL ",\"userinfo_endpoint\":\"https://a.example/me\",\"x\":1}", NULL, RC_OK},
		{"{" D_ALL
		 ",\"response_types_supported\":[\"id_token\",\"code\"],\"id_token_signing_alg_values_supported\":[\"PS256\",\"ES256\"],\"code_challenge_methods_supported\":[\"S256\"],\"token_endpoint_auth_methods_supported\":[\"client_secret_basic\"]}",
		 NULL, RC_OK},
		{"{" D_ALL ",\"response_types_supported\":[\"id_token\"]}",
		 "authorization code flow", RC_UNSUPPORTED},
		{"{" D_ALL ",\"response_types_supported\":\"code\"}", "authorization code flow",
		 RC_UNSUPPORTED},
		{"{" D_ALL ",\"id_token_signing_alg_values_supported\":[\"HS256\",\"none\"]}",
		 "RS256 or ES256", RC_UNSUPPORTED},
		{"{" D_ALL ",\"code_challenge_methods_supported\":[\"plain\"]}", "PKCE with S256",
		 RC_UNSUPPORTED},
		{"{" D_ALL ",\"token_endpoint_auth_methods_supported\":[\"private_key_jwt\"]}",
		 "client_secret_basic", RC_UNSUPPORTED},
		{"{\"issuer\":\"https://a.example/\"," D_AUTH "," D_TOK "," D_KEYS "}",
		 "to the letter", RC_INVALID},
		{"{" D_AUTH "," D_TOK "," D_KEYS "}", "\"nobody\"", RC_INVALID},
		{"{" D_ISS "," D_TOK "," D_KEYS "}", "no authorization_endpoint", RC_INVALID},
		{"{" D_ISS "," D_AUTH "," D_KEYS "}", "no token_endpoint", RC_INVALID},
		{"{" D_ISS "," D_AUTH "," D_TOK "}", "no jwks_uri", RC_INVALID},
		{"{" D_ISS ",\"authorization_endpoint\":\"http://a.example/auth\"," D_TOK "," D_KEYS
		 "}",
		 "no https URL", RC_INVALID},
		{"{" D_ISS ",\"authorization_endpoint\":\"javascript:alert(1)\"," D_TOK "," D_KEYS
		 "}",
		 "no https URL", RC_INVALID},
		{"{" D_ISS ",\"authorization_endpoint\":\"https://a.example/\\r\\nX: y\"," D_TOK
		 "," D_KEYS "}",
		 "no https URL", RC_INVALID},
		{"{" D_ISS "," D_AUTH ",\"token_endpoint\":\"http://127.0.0.1:7400/\"," D_KEYS "}",
		 "no https URL", RC_INVALID},
		{"{" D_ISS "," D_AUTH ",\"token_endpoint\":\"https://u:p@a.example/\"," D_KEYS "}",
		 "no https URL", RC_INVALID},
		{"{" D_ISS "," D_AUTH "," D_TOK ",\"jwks_uri\":\"file:///etc/passwd\"}",
		 "no https URL", RC_INVALID},
		{"{" D_ALL ",\"userinfo_endpoint\":\"http://a.example/me\"}", "userinfo_endpoint",
		 RC_INVALID},
		{"{" D_ALL ",\"userinfo_endpoint\":1}", "userinfo_endpoint", RC_INVALID},
		{"{" D_ALL "," D_ISS "}", "provider's document", RC_INVALID},
		{"[]", "no JSON object", RC_INVALID},
		{"", "provider's document", RC_INVALID},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(oidc_places_done) struct oidc_places p = {0};
		struct err err = {0};
		enum rc rc = oidc_read_places(str_of(cases[i].text), "https://a.example", true, &p,
					      &err);

		if (rc != cases[i].want || (cases[i].says && !strstr(err.msg, cases[i].says)))
			fail_msg("%s: %s: %s", cases[i].text, rc_name(rc), err.msg);
		CHECK((rc == RC_OK) == (p.token != NULL), cases[i].text);
	}
}

static void token_answers(void **state)
{
	static const struct {
		const char *text, *access;
		int status;
		enum rc want;
	} cases[] = {
		{"{\"id_token\":\"a.b.c\",\"access_token\":\"x\",\"token_type\":\"bearer\"}", "x",
		 200, RC_OK},
		{"{\"id_token\":\"a.b.c\"}", NULL, 200, RC_OK},
		{"{\"id_token\":\"a.b.c\",\"access_token\":\"x\",\"token_type\":\"DPoP\"}", NULL,
		 200, RC_OK},
		{"{\"id_token\":\"a.b.c\",\"access_token\":\"x\\r\\nA: b\",\"token_type\":\"bearer\"}",
		 NULL, 200, RC_OK},
		{"{\"access_token\":\"x\",\"token_type\":\"bearer\"}", NULL, 200, RC_INVALID},
		{"{\"id_token\":\"\"}", NULL, 200, RC_INVALID},
		{"{\"id_token\":\"a b\"}", NULL, 200, RC_INVALID},
		{"{\"id_token\":7}", NULL, 200, RC_INVALID},
		{"{\"id_token\":\"a\",\"id_token\":\"b\"}", NULL, 200, RC_INVALID},
		{"<html>", NULL, 200, RC_INVALID},
		{"{\"id_token\":\"a.b.c\"}", NULL, 302, RC_DENIED},
		{"", NULL, 401, RC_DENIED},
		{"{\"error\":\"slow_down\"}", NULL, 429, RC_UNAVAILABLE},
		{"", NULL, 500, RC_UNAVAILABLE},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(oidc_tokens_done) struct oidc_tokens t = {0};
		struct err err = {0};
		enum rc rc = oidc_read_tokens(cases[i].status, str_of(cases[i].text), &t, &err);

		CHECK(rc == cases[i].want, cases[i].text);
		CHECK((rc == RC_OK) == (t.id != NULL), cases[i].text);
		CHECK(streq(t.access, cases[i].access), cases[i].text);
	}
}

static void many_groups(void **state)
{
	const struct oidc_names names = {"groups", "name"};

	(void)state;
	for (unsigned n = OIDC_GROUPS_MAX; n <= OIDC_GROUPS_MAX + 1; n++) {
		AUTO(oidc_person_done) struct oidc_person who = {0};
		AUTO(strbuf_done) struct strbuf text = STRBUF(A_MAX);
		AUTO(json_freep) struct json *j = NULL;
		struct err err = {0};

		strbuf_adds(&text, "{\"groups\":[\"0\"");
		for (unsigned i = 1; i < n; i++)
			strbuf_addf(&text, ",\"%u\"", i);
		strbuf_adds(&text, "]}");
		assert_int_equal(json_read(strbuf_str(&text), A_MAX, &j, &err), RC_OK);
		CHECK((oidc_read_person(j, &names, &who, &err) == RC_OK) == (n == OIDC_GROUPS_MAX),
		      err.msg);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_login),     cmocka_unit_test(with_and_without_secret),
		cmocka_unit_test(userinfo),    cmocka_unit_test(lies),
		cmocka_unit_test(callbacks),   cmocka_unit_test(rotation),
		cmocka_unit_test(down),        cmocka_unit_test(options),
		cmocka_unit_test(documents),   cmocka_unit_test(token_answers),
		cmocka_unit_test(many_groups),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
