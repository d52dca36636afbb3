/* Tokens of jobs: what they say, how long they live, which keys are published. */
#include "unit/unit.h"

#include "base/mem.h"
#include "clients/jwks.h"
#include "clients/workload.h"
#include "io/files.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define A_MAX 65536
#define ISS   "https://ci.example/penstock"
#define NOW   (1000000 * USEC_SEC)

static char dir[64];

static int set_up(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/penstock-workload-XXXXXX");
	return mkdtemp(dir) ? 0 : 1;
}

static int tear_down(void **state)
{
	(void)state;
	return tree_remove(dir, NULL) == RC_OK ? 0 : 1;
}

static struct workload *open_it(const char *issuer)
{
	AUTO(freep) char *keys = xasprintf("%s/keys", dir);
	struct workload *w = NULL;
	struct err err = {0};

	if (workload_new(keys, issuer, &w, &err) != RC_OK)
		fail_msg("%s", err.msg);
	return w;
}

static const struct workload_job job = {.project = "shop",
					.repository = "shop",
					.ref = "refs/heads/main",
					.commit = "c0ffee",
					.event = "push",
					.run = "r1",
					.job = "r1.deploy",
					.unit = "orders",
					.stage = "production",
					.environment = "production",
					.actor = "git:ann@shop.example",
					.timeout = 10 * USEC_MIN};

static void issue(struct workload *w, const struct workload_job *j, const char *const *aud,
		  size_t n, struct strbuf *to)
{
	struct err err = {0};

	if (workload_issue(w, j, aud, n, NOW, to, &err) != RC_OK)
		fail_msg("%s", err.msg);
}

/* As one would who has only the published keys. */
static enum rc take(struct workload *w, struct str token, struct jwt *ret, struct err *err)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(A_MAX);
	AUTO(jwks_freep) struct jwks *s = NULL;
	const struct jwk *key = NULL;

	assert_int_equal(workload_keys(w, &text, err), RC_OK);
	assert_int_equal(jwks_read(strbuf_str(&text), &s, err), RC_OK);
	enum rc rc = jwt_read(token, ret, err);
	if (rc == RC_OK)
		rc = jwks_find(s, ret, &key, err);
	return rc == RC_OK ? jwt_verify(ret, key, err) : rc;
}

static void what_it_says(void **state)
{
	static const char *const one[] = {"sts.example"}, *const two[] = {"a", "b"};
	struct workload *w = open_it(ISS "//");
	AUTO(strbuf_done) struct strbuf a = STRBUF(A_MAX), b = STRBUF(A_MAX), text = STRBUF(A_MAX);
	AUTO(jwt_done) struct jwt t = {0}, u = {0};
	struct json_out o = JSON_OUT(&text);
	struct err err = {0};

	(void)state;
	issue(w, &job, one, 1, &a);
	if (take(w, strbuf_str(&a), &t, &err) != RC_OK)
		fail_msg("%s", err.msg);
	json_write(&o, NULL, t.claims);
	AUTO(freep)
	char *want = xasprintf(
		"{\"iss\":\"" ISS "\",\"sub\":\"repo:shop:ref:refs/heads/main:environment:"
		"production\",\"aud\":\"sts.example\",\"iat\":1000000,\"nbf\":1000000,"
		"\"exp\":1000900,\"jti\":\"%s\",\"project\":\"shop\",\"repository\":\"shop\","
		"\"ref\":\"refs/heads/main\",\"commit\":\"c0ffee\",\"event\":\"push\","
		"\"run\":\"r1\",\"job\":\"r1.deploy\",\"unit\":\"orders\",\"stage\":\"production\","
		"\"environment\":\"production\",\"actor\":\"git:ann@shop.example\"}",
		json_get_text(t.claims, "jti", ""));
	assert_string_equal(strbuf_cstr(&text), want);
	assert_int_equal(strlen(json_get_text(t.claims, "jti", "")), 32);
	struct workload_job plain = job;
	plain.environment = plain.unit = NULL;
	plain.actor = "";
	issue(w, &plain, two, 2, &b);
	assert_int_equal(take(w, strbuf_str(&b), &u, &err), RC_OK);
	assert_string_equal(json_get_text(u.claims, "sub", ""), "repo:shop:ref:refs/heads/main");
	assert_string_equal(json_text(json_at(json_get(u.claims, "aud"), 1), ""), "b");
	assert_null(json_get(u.claims, "environment"));
	assert_null(json_get(u.claims, "actor"));
	assert_string_not_equal(json_get_text(u.claims, "jti", ""),
				json_get_text(t.claims, "jti", ""));
	const struct jwt_want as = {ISS, "b", NULL, NULL, NOW};
	assert_int_equal(jwt_check(u.claims, &as, &err), RC_OK);
	workload_free(w);
}

static void how_long(void **state)
{
	static const struct {
		usec_t timeout;
		int64_t life;
	} cases[] = {{0, 300},
		     {USEC_MIN, 360},
		     {55 * USEC_MIN, 3600},
		     {56 * USEC_MIN, 3600},
		     {USEC_HOUR, 3600},
		     {7 * USEC_DAY, 3600},
		     {USEC_NEVER, 3600}};
	static const char *const aud[] = {"a"};
	struct workload *w = open_it(ISS);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(strbuf_done) struct strbuf a = STRBUF(A_MAX);
		AUTO(jwt_done) struct jwt t = {0};
		struct workload_job j = job;
		struct err err = {0};

		j.timeout = cases[i].timeout;
		issue(w, &j, aud, 1, &a);
		assert_int_equal(take(w, strbuf_str(&a), &t, &err), RC_OK);
		assert_int_equal(json_get_int(t.claims, "exp", 0) - 1000000, cases[i].life);
	}
	workload_free(w);
}

static void refused(void **state)
{
	static const char *const aud[20] = {"a", "a", "a", "a", "a", "a", "a", "a", "a", "a",
					    "a", "a", "a", "a", "a", "a", "a", "a", "a", "a"},
				 *const empty[] = {""};
	struct workload *w = open_it(ISS);
	struct workload_job none = job, colon = job, ref = job, env = job, long_one = job;
	AUTO(strbuf_done) struct strbuf big = STRBUF(A_MAX);

	(void)state;
	while (big.n <= WORKLOAD_TEXT_MAX)
		strbuf_addc(&big, 'x');
	none.repository = NULL;
	colon.repository = "shop:ref:refs/heads/main";
	ref.ref = "refs/heads/x:environment:production";
	env.environment = "a:b";
	long_one.actor = strbuf_cstr(&big);
	const struct {
		const struct workload_job *job;
		const char *const *aud;
		size_t n;
		const char *says;
	} cases[] = {
		{&none, aud, 1, "anybody's"},      {&colon, aud, 1, "has a colon"},
		{&ref, aud, 1, "has a colon"},     {&env, aud, 1, "has a colon"},
		{&long_one, aud, 1, "above 1024"}, {&job, aud, 0, "0 audiences"},
		{&job, aud, 17, "17 audiences"},   {&job, empty, 1, "an audience is a text"},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(strbuf_done) struct strbuf to = STRBUF(A_MAX);
		struct err err = {0};

		CHECK(workload_issue(w, cases[i].job, cases[i].aud, cases[i].n, NOW, &to, &err) !=
			      RC_OK,
		      cases[i].says);
		CHECK(strstr(err.msg, cases[i].says), err.msg);
		CHECK(!to.n, "nothing");
	}
	workload_free(w);
}

static void issuers(void **state)
{
	static const char *const bad[] = {"",
					  "ci.example",
					  "ftp://ci.example",
					  "https://",
					  "http:///",
					  "https://a b",
					  "https://a?x",
					  "https://a#x",
					  "https://u@a",
					  "https://a\n"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct workload *w = NULL;
		struct err err = {0};

		CHECK(workload_new(dir, bad[i], &w, &err) == RC_INVALID && !w, bad[i]);
	}
}

static void documents(void **state)
{
	struct workload *w = open_it("http://127.0.0.1:7400/");
	AUTO(strbuf_done) struct strbuf text = STRBUF(A_MAX);

	(void)state;
	workload_discovery(w, &text);
	assert_string_equal(
		strbuf_cstr(&text),
		"{\"issuer\":\"http://127.0.0.1:7400\",\"jwks_uri\":\"http://127.0.0.1:7400/"
		".well-known/jwks.json\",\"response_types_supported\":[\"id_token\"],"
		"\"subject_types_supported\":[\"public\"],"
		"\"id_token_signing_alg_values_supported\":[\"ES256\"],\"claims_supported\":["
		"\"iss\",\"sub\",\"aud\",\"exp\",\"nbf\",\"iat\",\"jti\",\"project\","
		"\"repository\",\"ref\",\"commit\",\"event\",\"run\",\"job\",\"unit\",\"stage\","
		"\"environment\",\"actor\"]}");
	workload_free(w);
}

static void keys(void **state)
{
	static const char *const aud[] = {"a"};
	AUTO(freep) char *path = xasprintf("%s/keys/workload.pem", dir);
	AUTO(freep) char *old = xasprintf("%s/keys/workload.old.pem", dir);
	AUTO(strbuf_done)
	struct strbuf first = STRBUF(A_MAX), second = STRBUF(A_MAX), third = STRBUF(A_MAX);
	struct workload *w = open_it(ISS);
	struct stat st;
	struct err err = {0};

	(void)state;
	assert_false(file_exists(path)); /* not before it is needed */
	issue(w, &job, aud, 1, &first);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	workload_free(w);
	w = open_it(ISS); /* the same key after a restart */
	{
		AUTO(jwt_done) struct jwt t = {0};
		assert_int_equal(take(w, strbuf_str(&first), &t, &err), RC_OK);
	}
	assert_int_equal(workload_rotate(w, &err), RC_OK);
	issue(w, &job, aud, 1, &second);
	assert_int_equal(stat(old, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	for (int restart = 0; restart < 2; restart++) {
		AUTO(jwt_done) struct jwt t = {0}, u = {0};
		assert_int_equal(take(w, strbuf_str(&first), &t, &err), RC_OK);
		assert_int_equal(take(w, strbuf_str(&second), &u, &err), RC_OK);
		assert_string_not_equal(t.kid, u.kid);
		workload_free(w);
		w = open_it(ISS);
	}
	assert_int_equal(workload_rotate(w, &err), RC_OK);
	{
		AUTO(jwt_done) struct jwt t = {0}, u = {0};
		assert_int_equal(take(w, strbuf_str(&first), &t, &err), RC_NOT_FOUND);
		assert_int_equal(take(w, strbuf_str(&second), &u, &err), RC_OK);
	}
	workload_free(w);
	/* A file that others may read, and one that is no key, are told and left alone. */
	assert_int_equal(chmod(path, 0644), 0);
	w = open_it(ISS);
	assert_int_equal(workload_issue(w, &job, aud, 1, NOW, &third, &err), RC_DENIED);
	assert_non_null(strstr(err.msg, "chmod 600"));
	assert_int_equal(file_write(path, STR("no key"), 0600, &err), RC_OK);
	assert_int_equal(workload_issue(w, &job, aud, 1, NOW, &third, &err), RC_INVALID);
	assert_non_null(strstr(err.msg, "workload.pem is not an unencrypted PEM key"));
	assert_int_equal(third.n, 0);
	workload_free(w);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {EACH(what_it_says), EACH(how_long),  EACH(refused),
					   EACH(issuers),      EACH(documents), EACH(keys)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
