/* Who may do what: users, tokens, sessions, grants, as events make them. */
#include "core/access.h"
#include "step_kit.h"

#define HASH_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HASH_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define HASH_C "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"

static void open_bench(struct bench *b)
{
	*b = (struct bench){.time = 1000 * USEC_DAY};
	assert_int_equal(give(b, (struct event){.kind = EV_STARTED, .slots = 2, .text = S("0")}),
			 RC_OK);
}

static void close_bench(struct bench *b)
{
	effects_done(&b->out);
	vec_each(f, &b->waiting)
		effect_done(f);
	vec_done(&b->waiting);
	model_done(&b->m);
}

static enum rc user(struct bench *b, const char *id, const char *group, bool ok)
{
	struct event ev = {.kind = EV_USER, .id = S(id), .ok = ok};

	if (group)
		vec_push(&ev.ids, S(group));
	return give(b, ev);
}

static enum rc token(struct bench *b, const char *name, const char *hash, const char *owner,
		     enum role role, const char *environment)
{
	return give(b, (struct event){.kind = EV_TOKEN,
				      .type = S(name),
				      .digest = S(hash),
				      .text = owner ? S(owner) : NULL,
				      .role = role,
				      .environment = environment ? S(environment) : NULL});
}

static enum rc grant(struct bench *b, const char *who, enum role role, const char *environment)
{
	return give(b, (struct event){.kind = EV_GRANT,
				      .type = S(who),
				      .role = role,
				      .environment = environment ? S(environment) : NULL});
}

static void roles_are_by_environment(void **state)
{
	struct bench b;
	texts groups = {0};
	struct who ann = {.actor = "user:ann", .groups = &groups, .most = ROLE_ADMIN};

	(void)state;
	open_bench(&b);
	vec_push(&groups, S("leads"));
	assert_false(access_allows(&b.m, &ann, ROLE_VIEWER, NULL));
	assert_int_equal(grant(&b, "user:ann", ROLE_OPERATOR, "staging"), RC_OK);
	assert_true(access_allows(&b.m, &ann, ROLE_VIEWER, NULL)); /* to look, anywhere is enough */
	assert_true(access_allows(&b.m, &ann, ROLE_OPERATOR, "staging"));
	assert_false(access_allows(&b.m, &ann, ROLE_OPERATOR, "production"));
	assert_false(access_allows(&b.m, &ann, ROLE_DEVELOPER, NULL));
	assert_int_equal(grant(&b, "group:leads", ROLE_APPROVER, NULL), RC_OK);
	assert_int_equal(access_role(&b.m, &ann, "production"), ROLE_APPROVER);
	assert_int_equal(access_role(&b.m, &ann, "staging"), ROLE_OPERATOR);
	ann.most = ROLE_DEVELOPER; /* by a token with a limit */
	assert_int_equal(access_role(&b.m, &ann, "staging"), ROLE_DEVELOPER);
	ann.most = ROLE_ADMIN;
	ann.environment = "staging"; /* by a token for one environment */
	assert_false(access_allows(&b.m, &ann, ROLE_APPROVER, "production"));
	assert_true(access_allows(&b.m, &ann, ROLE_OPERATOR, "staging"));
	assert_int_equal(give(&b, (struct event){.kind = EV_GRANT_END,
						 .id = S("user:ann=operator@staging")}),
			 RC_OK);
	assert_int_equal(access_role(&b.m, &ann, "staging"), ROLE_APPROVER);
	assert_int_equal(grant(&b, "user:ann", ROLE_OPERATOR, "staging"), RC_OK); /* once more */
	assert_int_equal(grant(&b, "user:ann", ROLE_OPERATOR, "staging"), RC_CONFLICT);
	vec_each(g, &groups)
		xfree(*g);
	vec_done(&groups);
	close_bench(&b);
}

static void tokens_end(void **state)
{
	struct bench b;

	(void)state;
	open_bench(&b);
	assert_int_equal(token(&b, "ci", HASH_A, NULL, ROLE_VIEWER, NULL), RC_OK);
	assert_non_null(access_token(&b.m, HASH_A, b.time));
	assert_null(access_token(&b.m, HASH_B, b.time));
	assert_int_equal(token(&b, "ci", HASH_B, NULL, ROLE_VIEWER, NULL), RC_CONFLICT);
	assert_int_equal(token(&b, "x y", HASH_B, NULL, ROLE_VIEWER, NULL), RC_INVALID);
	assert_int_equal(token(&b, "no", "abc", NULL, ROLE_VIEWER, NULL), RC_INVALID);
	assert_int_equal(token(&b, "no", HASH_B, NULL, ROLE_NONE, NULL), RC_INVALID);
	assert_int_equal(token(&b, "no", HASH_B, "user:ann", ROLE_VIEWER, NULL), RC_NOT_FOUND);
	assert_int_equal(user(&b, "ann", NULL, true), RC_OK);
	assert_int_equal(token(&b, "ci", HASH_B, "user:ann", ROLE_VIEWER, NULL), RC_OK);
	assert_non_null(access_token(&b.m, HASH_B, b.time));
	for (unsigned i = 0; i < 70; i++) { /* who may make own ones makes no end of them */
		AUTO(freep) char *hash = xasprintf("%04u%060u", i, 0);
		AUTO(freep) char *name = xasprintf("n%u", i);

		assert_int_equal(token(&b, name, hash, "user:ann", ROLE_VIEWER, NULL),
				 i < 63 ? RC_OK : RC_TOO_BIG);
	}
	assert_int_equal(user(&b, "ann", NULL, false), RC_OK); /* disabled: hers end with her */
	assert_null(access_token(&b.m, HASH_B, b.time));
	assert_int_equal(give(&b, (struct event){.kind = EV_TOKEN,
						 .type = S("short"),
						 .digest = S(HASH_C),
						 .role = ROLE_ADMIN,
						 .until = b.time + USEC_MIN}),
			 RC_OK);
	assert_true(access_has_admin(&b.m, b.time));
	assert_non_null(access_token(&b.m, HASH_C, b.time));
	assert_null(access_token(&b.m, HASH_C, b.time + USEC_HOUR));
	assert_false(access_has_admin(&b.m, b.time + USEC_HOUR));
	AUTO(freep) char *id = access_id("tok-", HASH_A);
	assert_int_equal(give(&b, (struct event){.kind = EV_TOKEN_END, .id = S(id)}), RC_OK);
	assert_null(access_token(&b.m, HASH_A, b.time));
	assert_int_equal(give(&b, (struct event){.kind = EV_TOKEN_END, .id = S(id)}), RC_NOT_FOUND);
	close_bench(&b);
}

static enum rc login(struct bench *b, const char *actor, const char *hash, const char *with)
{
	return give(b, (struct event){.kind = EV_LOGIN,
				      .text = S(actor),
				      .digest = S(hash),
				      .id = with ? S(with) : NULL,
				      .until = b->time + USEC_HOUR});
}

static void sessions_end_with_what_began_them(void **state)
{
	struct bench b;
	AUTO(freep) char *ci = access_id("tok-", HASH_A);

	(void)state;
	open_bench(&b);
	assert_int_equal(token(&b, "ci", HASH_A, NULL, ROLE_VIEWER, NULL), RC_OK);
	assert_int_equal(login(&b, "token:ci", HASH_B, ci), RC_OK);
	assert_non_null(access_session(&b.m, HASH_B, b.time));
	assert_null(access_session(&b.m, HASH_B, b.time + 2 * USEC_HOUR));
	assert_int_equal(give(&b, (struct event){.kind = EV_TOKEN_END, .id = S(ci)}), RC_OK);
	assert_null(access_session(&b.m, HASH_B, b.time));
	assert_int_equal(user(&b, "ann", NULL, true), RC_OK);
	assert_int_equal(login(&b, "user:ann", HASH_C, NULL), RC_OK);
	assert_non_null(access_session(&b.m, HASH_C, b.time));
	assert_true(model_user(&b.m, "ann")->login_at > 0);
	/* a new cookie for an old login: at most seven days in all */
	assert_int_equal(give(&b, (struct event){.kind = EV_LOGIN,
						 .text = S("user:ann"),
						 .digest = S(HASH_A),
						 .started_at = b.time - 8 * USEC_DAY,
						 .until = b.time + USEC_HOUR}),
			 RC_DENIED);
	assert_int_equal(give(&b, (struct event){.kind = EV_LOGIN,
						 .text = S("user:ann"),
						 .digest = S(HASH_A),
						 .started_at = b.time - 7 * USEC_DAY + USEC_MIN,
						 .until = b.time + USEC_HOUR}),
			 RC_OK);
	assert_null(access_session(&b.m, HASH_A, b.time + 2 * USEC_MIN));
	AUTO(freep) char *id = access_id("ses-", HASH_C);
	assert_int_equal(give(&b, (struct event){.kind = EV_LOGOUT, .id = S(id)}), RC_OK);
	assert_null(access_session(&b.m, HASH_C, b.time));
	for (unsigned i = 0; i < 70; i++) { /* one actor has a limit: the oldest end */
		AUTO(freep) char *hash = xasprintf("%064x", i + 1);

		for (unsigned k = 0; k < 12; k++)
			hash[k] = (char)('a' + (i >> (k % 7) & 1));
		(void)!login(&b, "user:ann", hash, NULL);
	}
	size_t open = 0;
	for (struct map_entry *e = NULL; (e = map_next(&b.m.by_kind[AGG_SESSION], e));) {
		const struct session *ses = e->value;

		open += !ses->ended_at && streq(ses->actor, "user:ann");
	}
	assert_int_equal(open, 64);
	close_bench(&b);
}

/* A name of the provider's stays with whom it first stood for. */
static void a_name_is_one_person(void **state)
{
	struct bench b;

	(void)state;
	open_bench(&b);
	assert_int_equal(give(&b, (struct event){.kind = EV_USER,
						 .id = S("ann"),
						 .base = S("https://id.example"),
						 .ref = S("1"),
						 .ok = true}),
			 RC_OK);
	assert_int_equal(give(&b, (struct event){.kind = EV_USER,
						 .id = S("ann"),
						 .base = S("https://id.example"),
						 .ref = S("2"),
						 .ok = true}),
			 RC_CONFLICT);
	assert_int_equal(user(&b, "bob", NULL, true), RC_OK);
	assert_int_equal(give(&b, (struct event){.kind = EV_USER,
						 .id = S("bob"),
						 .base = S("https://id.example"),
						 .ref = S("3"),
						 .ok = true}),
			 RC_CONFLICT);
	/* rights that were given to a name are not for whoever comes by the provider and happens to have it */
	assert_int_equal(grant(&b, "user:eve", ROLE_ADMIN, NULL), RC_OK);
	assert_true(access_is_granted(&b.m, "user:eve"));
	struct event eve = {.kind = EV_USER,
			    .id = S("eve"),
			    .base = S("https://id.example"),
			    .ref = S("4"),
			    .ok = true};
	assert_int_equal(give(&b, eve), RC_CONFLICT);
	assert_null(model_user(&b.m, "eve"));
	assert_int_equal(give(&b, (struct event){.kind = EV_GRANT_END, .id = S("user:eve=admin")}),
			 RC_OK);
	assert_false(access_is_granted(&b.m, "user:eve"));
	assert_int_equal(user(&b, "a b", NULL, true), RC_INVALID);
	assert_int_equal(user(&b, "carl", "a\nb", true), RC_INVALID);
	assert_int_equal(grant(&b, "ann", ROLE_VIEWER, NULL), RC_INVALID);
	assert_int_equal(grant(&b, "user:ann", ROLE_ADMIN, "staging"), RC_INVALID);
	close_bench(&b);
}

/* A login that began before an administrator disabled the account comes too late, at either of its two steps. */
static void a_login_lifts_no_disable(void **state)
{
	struct bench b;
	const struct user *u;
	bool admin = false;

	(void)state;
	open_bench(&b);
	for (int i = 0; i < 4; i++) { /* first login, disabled, the late login, enabled again */
		struct event ev = {.kind = EV_USER,
				   .id = S("ann"),
				   .base = S("https://id.example"),
				   .ref = S("1"),
				   .via = admin ? S("tok-1") : S("oidc"),
				   .ok = i != 1};

		assert_int_equal(give(&b, ev), i == 2 ? RC_DENIED : RC_OK);
		u = model_user(&b.m, "ann");
		assert_int_equal(u->disabled, i == 1 || i == 2);
		assert_int_equal(login(&b, "user:ann", i ? HASH_B : HASH_A, NULL),
				 u->disabled ? RC_DENIED : RC_OK);
		admin = i != 1;
	}
	assert_non_null(access_session(&b.m, HASH_A, b.time)); /* she was let in again */
	close_bench(&b);
}

static void order_by(struct bench *b, const char *actor, unsigned i)
{
	assert_int_equal(give(b, (struct event){.kind = EV_DENIED,
						.actor = S(actor),
						.once = xasprintf("%s %u", actor, i),
						.what = S("x")}),
			 RC_OK);
}

static size_t keys_of(const struct project *p, const char *actor)
{
	size_t n = 0;

	for (size_t i = 0; i < p->once.n; i++)
		n += streq(p->once.v[i].who, actor);
	return n;
}

static void an_order_is_remembered_by_its_key(void **state)
{
	struct bench b;

	(void)state;
	open_bench(&b);
	order_by(&b, "user:ann", 0);
	for (unsigned i = 0; i < ONCE_MAX + 10; i++)
		order_by(&b, "token:busy", i);
	const struct project *p = model_project(&b.m);
	assert_int_equal(p->once.n, 1 + ONCE_EACH);
	assert_string_equal(p->once.v[0].key, "user:ann 0"); /* whatever others do */
	assert_string_equal(p->once.v[1].key, "token:busy 760");
	/* Many busy ones share the room: who has few keeps them. */
	for (unsigned i = 0; i < ONCE_EACH; i++)
		for (unsigned k = 0; k < 9; k++) {
			AUTO(freep) char *actor = xasprintf("token:t%u", k);

			order_by(&b, actor, i);
		}
	assert_int_equal(p->once.n, ONCE_MAX);
	assert_string_equal(p->once.v[0].key, "user:ann 0");
	for (unsigned k = 0; k < 9; k++) {
		AUTO(freep) char *actor = xasprintf("token:t%u", k);

		assert_in_range(keys_of(p, actor), 99, 100);
	}
	assert_in_range(keys_of(p, "token:busy"), 99, 100);
	b.time += 2 * USEC_DAY;
	order_by(&b, "user:ann", 1);
	assert_int_equal(p->once.n, 1);
	close_bench(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(roles_are_by_environment),
		cmocka_unit_test(tokens_end),
		cmocka_unit_test(sessions_end_with_what_began_them),
		cmocka_unit_test(a_name_is_one_person),
		cmocka_unit_test(a_login_lifts_no_disable),
		cmocka_unit_test(an_order_is_remembered_by_its_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
