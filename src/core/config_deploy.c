/* Stages staging, gate and production; environments and notifiers. */
#include "core/config_impl.h"

#define CONFIG(member)  .offset = offsetof(struct config, member)
#define REQUIRE(member) .offset = offsetof(struct require, member)
#define APPROVE(member) .offset = offsetof(struct approve_def, member)

/* ---- staging ---- */

static const struct key jobs_of_staging = KEY_JOBS(STAGE_STAGING);
static const struct key staging_keys[] = {
	{.name = "environment",
	 .kind = KEY_TEXT,
	 CONFIG(staging_env),
	 .check = check_name,
	 .pattern = NAME_PATTERN,
	 .help = "One of `environments`; staging when not written."},
	{.name = "strategy",
	 .kind = KEY_MAP,
	 CONFIG(staging_strategy),
	 .sub = &keys_strategy,
	 .help = "How a version comes in; rolling when not written."},
};
const struct keys keys_staging = {.what = "staging",
				  .v = staging_keys,
				  .n = ARRAY_LEN(staging_keys),
				  .other = &jobs_of_staging};

/* ---- gate ---- */

static const char *const evidence_stages[] = {"ci", "staging"};
static const struct key evidence_keys[] = {
	{.name = "stages",
	 .kind = KEY_TEXTS,
	 .unique = true,
	 REQUIRE(stages),
	 .names = evidence_stages,
	 .nnames = ARRAY_LEN(evidence_stages),
	 .help = "Stages that must have passed for the very digest; both when not written."},
	{.name = "signed",
	 .kind = KEY_BOOL,
	 REQUIRE(is_signed),
	 .help = "Whether the evidence must be signed."},
	{.name = "provenance", .kind = KEY_LATER},
};
static enum rc finish_evidence(struct reader *r, const struct key *key, const struct yaml_node *at,
			       void *object, const struct place *place)
{
	struct require *require = object;

	(void)r;
	(void)key;
	(void)at;
	(void)place;
	require->kind = REQUIRE_EVIDENCE;
	if (require->stages.n == 0)
		for (size_t i = 0; i < ARRAY_LEN(evidence_stages); i++)
			vec_push(&require->stages, xstrdup(evidence_stages[i]));
	return RC_OK;
}
static const struct keys keys_evidence = {.what = "evidence",
					  .v = evidence_keys,
					  .n = ARRAY_LEN(evidence_keys),
					  .finish = finish_evidence};

static const struct key review_keys[] = {
	{.name = "count",
	 .kind = KEY_COUNT,
	 REQUIRE(count),
	 .min = 1,
	 .max = 20,
	 .help = "How many; 1 when not written."},
	{.name = "by",
	 .kind = KEY_TEXTS,
	 .unique = true,
	 REQUIRE(by),
	 .help = "People or teams; \"owners\" means those of the changed units."},
};
static enum rc finish_reviews(struct reader *r, const struct key *key, const struct yaml_node *at,
			      void *object, const struct place *place)
{
	struct require *require = object;

	(void)r;
	(void)key;
	(void)at;
	(void)place;
	require->kind = REQUIRE_REVIEWS;
	if (require->count == 0)
		require->count = 1;
	return RC_OK;
}
static const struct keys keys_reviews = {
	.what = "reviews", .v = review_keys, .n = ARRAY_LEN(review_keys), .finish = finish_reviews};

static const struct key require_keys[] = {
	{.name = "evidence",
	 .kind = KEY_MAP,
	 .sub = &keys_evidence,
	 .help = "Evidence for the very digest."},
	{.name = "reviews",
	 .kind = KEY_MAP,
	 .sub = &keys_reviews,
	 .help = "Reviews of the change."},
	{.name = "findings", .kind = KEY_LATER},
	{.name = "contracts", .kind = KEY_LATER},
	{.name = "migrations", .kind = KEY_LATER},
	{.name = "policy", .kind = KEY_LATER},
};
static enum rc finish_require(struct reader *r, const struct key *key, const struct yaml_node *at,
			      void *object, const struct place *place)
{
	(void)key;
	(void)object;
	(void)place;
	if (at->kind == YAML_SCALAR || (at->kind == YAML_MAP && at->n == 1))
		return RC_OK;
	return FAIL(
		r, at,
		"an entry of gate.require has one key, such as \"- evidence: {stages: [ci, staging], signed: true}\"");
}
static const struct keys keys_require = {.what = "require",
					 .v = require_keys,
					 .n = ARRAY_LEN(require_keys),
					 .word = true,
					 .size = sizeof(struct require),
					 .name_at = NOWHERE,
					 .line_at = offsetof(struct require, line),
					 .finish = finish_require};

static const char *const author_words[] = {"author"};
static const struct key approve_keys[] = {
	{.name = "count",
	 .kind = KEY_COUNT,
	 APPROVE(count),
	 .min = 1,
	 .max = 20,
	 .help = "How many people must say yes; 1 when not written."},
	{.name = "by",
	 .kind = KEY_TEXTS,
	 .unique = true,
	 APPROVE(by),
	 .help = "Who may; anybody when not written."},
	{.name = "not",
	 .kind = KEY_FLAG,
	 APPROVE(not_author),
	 .names = author_words,
	 .nnames = 1,
	 .help = "\"author\": four eyes, never the change's own author."},
	{.name = "expires",
	 .kind = KEY_DURATION,
	 APPROVE(expires),
	 .min = USEC_MIN,
	 .max = 365 * USEC_DAY,
	 .help = "How long a yes holds; for ever when not written."},
};
static enum rc finish_approve(struct reader *r, const struct key *key, const struct yaml_node *at,
			      void *object, const struct place *place)
{
	struct approve_def *approve = object;

	(void)r;
	(void)key;
	(void)at;
	(void)place;
	if (approve->count == 0)
		approve->count = 1;
	return RC_OK;
}
static const struct keys keys_approve = {.what = "approve",
					 .v = approve_keys,
					 .n = ARRAY_LEN(approve_keys),
					 .finish = finish_approve};

static const struct key gate_keys[] = {
	{.name = "require",
	 .kind = KEY_LIST,
	 CONFIG(gate.require),
	 .sub = &keys_require,
	 .max = 50,
	 .help = "What must be true before production."},
	{.name = "approve",
	 .kind = KEY_MAP,
	 CONFIG(gate.approve),
	 .sub = &keys_approve,
	 .help = "Who must say yes."},
	{.name = "windows",
	 .kind = KEY_LIST,
	 CONFIG(gate.windows),
	 .sub = &keys_window,
	 .max = 50,
	 .help = "When nothing goes to production, or only when."},
};
const struct keys keys_gate = {.what = "gate", .v = gate_keys, .n = ARRAY_LEN(gate_keys)};

/* ---- production ---- */

static enum rc own_order(struct reader *r, const struct key *key, const struct yaml_node *at,
			 void *object, const struct place *place)
{
	struct config *c = object;

	(void)place;
	if (at->kind == YAML_SCALAR && str_is(at->text, "graph"))
		return RC_OK;
	if (at->kind != YAML_LIST)
		return FAIL(
			r, at,
			"\"order\" in production must be \"graph\" or a list of all services, not %s",
			node_words(at));
	for (size_t i = 0; i < at->n; i++) {
		struct str name;

		if (at->items[i].kind == YAML_LIST)
			return FAIL(
				r, &at->items[i],
				"a list of waves in \"order\" is not supported by this version of Penstock");
		if (read_scalar(r, key, &at->items[i], place, &name) != RC_OK ||
		    check_name(r, &at->items[i]) != RC_OK)
			return r->err->rc;
		vec_push(&c->order, xstrndup(name.p, name.n));
	}
	return RC_OK;
}

static const struct key failure_keys[] = {
	{.name = "rollback",
	 .kind = KEY_BOOL,
	 CONFIG(rollback),
	 .help = "Whether it goes back by itself; true when not written."},
	{.name = "page",
	 .kind = KEY_TEXT,
	 CONFIG(page),
	 .check = check_name,
	 .pattern = NAME_PATTERN,
	 .help = "Whom to tell."},
	{.name = "runbook",
	 .kind = KEY_TEXT,
	 CONFIG(runbook),
	 .check = check_runbook,
	 .help = "Path in the repository, or URL; {service} is filled in."},
};
static const struct keys keys_failure = {
	.what = "on_failure", .v = failure_keys, .n = ARRAY_LEN(failure_keys)};

static const struct key jobs_of_production = KEY_JOBS(STAGE_PRODUCTION);
static const struct key production_keys[] = {
	{.name = "environment",
	 .kind = KEY_TEXT,
	 CONFIG(production_env),
	 .check = check_name,
	 .pattern = NAME_PATTERN,
	 .help = "One of `environments`; production when not written."},
	{.name = "order",
	 .kind = KEY_OWN,
	 .own = own_order,
	 .schema =
		 "{\"anyOf\":[{\"const\":\"graph\"},{\"type\":\"array\",\"items\":{\"type\":\"string\"},\"uniqueItems\":true}]}",
	 .help = "\"graph\": providers before consumers; or all services, in order."},
	{.name = "strategy",
	 .kind = KEY_MAP,
	 CONFIG(production_strategy),
	 .sub = &keys_strategy,
	 .help = "How a version comes in; canary 5%, 50%, 100% when not written."},
	{.name = "on_failure",
	 .kind = KEY_MAP,
	 .sub = &keys_failure,
	 .help = "What happens when it hurts."},
};
const struct keys keys_production = {.what = "production",
				     .v = production_keys,
				     .n = ARRAY_LEN(production_keys),
				     .other = &jobs_of_production};

/* ---- environments, notifiers ---- */

static const char *const targets[] = {"local"};
static const struct key environment_keys[] = {
	{.name = "target",
	 .kind = KEY_TEXT,
	 .offset = offsetof(struct environment_def, target),
	 .check = check_target,
	 .names = targets,
	 .nnames = ARRAY_LEN(targets),
	 .help = "Where it is: \"local\", containers or processes on this machine."},
	{.name = "context", .kind = KEY_LATER},
	{.name = "namespace", .kind = KEY_LATER},
	{.name = "repo", .kind = KEY_LATER},
	{.name = "path", .kind = KEY_LATER},
};
static enum rc finish_environment(struct reader *r, const struct key *key,
				  const struct yaml_node *at, void *object,
				  const struct place *place)
{
	struct environment_def *e = object;

	(void)r;
	(void)key;
	(void)at;
	(void)place;
	if (!e->target)
		e->target = xstrdup("local");
	return RC_OK;
}
const struct keys keys_environment = {.what = "environment",
				      .v = environment_keys,
				      .n = ARRAY_LEN(environment_keys),
				      .size = sizeof(struct environment_def),
				      .name_at = offsetof(struct environment_def, name),
				      .line_at = NOWHERE,
				      .finish = finish_environment};

static const char *const notify_kinds[] = {"webhook", "log"};
static const struct key notify_keys[] = {
	{.name = "kind",
	 .kind = KEY_TEXT,
	 .required = true,
	 .offset = offsetof(struct notify_def, kind),
	 .names = notify_kinds,
	 .nnames = ARRAY_LEN(notify_kinds),
	 .help = "\"webhook\" or \"log\"."},
	{.name = "url",
	 .kind = KEY_TEXT,
	 .offset = offsetof(struct notify_def, url),
	 .check = check_webhook,
	 .pattern = "^https?://",
	 .help = "Where a webhook is posted."},
	{.name = "name",
	 .kind = KEY_TEXT,
	 .offset = offsetof(struct notify_def, name),
	 .check = check_name,
	 .pattern = NAME_PATTERN,
	 .help = "What `page` calls it; its kind when not written."},
};
static enum rc finish_notify(struct reader *r, const struct key *key, const struct yaml_node *at,
			     void *object, const struct place *place)
{
	struct notify_def *n = object;
	const struct config *c = &r->file->c;
	bool webhook = streq(n->kind, "webhook");

	(void)key;
	(void)place;
	if (webhook != (n->url != NULL))
		return FAIL(r, at,
			    webhook ? "a webhook needs a \"url\"" : "the log has no \"url\"");
	if (!n->name)
		n->name = xstrdup(n->kind);
	for (size_t i = 0; i + 1 < c->notify.n; i++)
		if (streq(c->notify.v[i].name, n->name))
			return FAIL(r, at, "two notifiers are called \"%s\": give each a \"name\"",
				    n->name);
	return RC_OK;
}
const struct keys keys_notify = {.what = "notify",
				 .v = notify_keys,
				 .n = ARRAY_LEN(notify_keys),
				 .size = sizeof(struct notify_def),
				 .name_at = NOWHERE,
				 .line_at = NOWHERE,
				 .finish = finish_notify};

/* ---- afterwards ---- */

static bool has_environment(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->environments.n; i++)
		if (streq(c->environments.v[i].name, name))
			return true;
	return false;
}

static void default_environment(struct config *c, char **env, const char *name)
{
	if (!*env)
		*env = xstrdup(name);
	if (streq(*env, name) && !has_environment(c, name))
		vec_push(&c->environments,
			 ((struct environment_def){xstrdup(name), xstrdup("local")}));
}

static enum rc check_environment(struct reader *r, const char *stage, const char *env)
{
	const struct config *c = &r->file->c;
	const struct yaml_node *at = yaml_get(yaml_root(r->doc), stage);
	const char *names[16], *near;
	size_t n = 0;

	if (has_environment(c, env))
		return RC_OK;
	while (n < c->environments.n && n < ARRAY_LEN(names)) {
		names[n] = c->environments.v[n].name;
		n++;
	}
	near = str_nearest(str_of(env), names, n);
	at = at ? text_node(at, "environment", 0) : yaml_root(r->doc);
	if (near)
		return FAIL(r, at, "there is no environment \"%s\"; did you mean \"%s\"?", env,
			    near);
	return FAIL(r, at, "there is no environment \"%s\": add it to \"environments\"", env);
}

static enum rc check_order(struct reader *r)
{
	const struct config *c = &r->file->c;
	const struct yaml_node *at = yaml_get(yaml_root(r->doc), "production");
	char text[SHOWN];

	if (c->order.n == 0 || !at)
		return RC_OK;
	for (size_t i = 0; i < c->order.n; i++) {
		const struct yaml_node *node = text_node(at, "order", i);
		const struct unit *u = config_unit(c, c->order.v[i]);

		if (!u || u->library)
			return FAIL(r, node, "there is no service \"%s\" to put in order",
				    shown(str_of(c->order.v[i]), text));
		for (size_t k = 0; k < i; k++)
			if (streq(c->order.v[k], c->order.v[i]))
				return FAIL(r, node, "service \"%s\" stands twice in \"order\"",
					    u->name);
	}
	for (size_t i = 0; i < c->units.n; i++) {
		bool listed = c->units.v[i].library;

		for (size_t k = 0; !listed && k < c->order.n; k++)
			listed = streq(c->order.v[k], c->units.v[i].name);
		if (!listed)
			return FAIL(r, yaml_get(at, "order"), "\"order\" leaves out service \"%s\"",
				    c->units.v[i].name);
	}
	return RC_OK;
}

enum rc deploy_check(struct reader *r)
{
	struct config *c = &r->file->c;

	default_environment(c, &c->staging_env, "staging");
	default_environment(c, &c->production_env, "production");
	if (check_environment(r, "staging", c->staging_env) != RC_OK ||
	    check_environment(r, "production", c->production_env) != RC_OK)
		return r->err->rc;
	if (streq(c->staging_env, c->production_env))
		return FAIL(r, yaml_root(r->doc),
			    "staging and production have one environment, \"%s\"", c->staging_env);
	if (c->notify.n && c->page) {
		const struct yaml_node *at = yaml_get(yaml_root(r->doc), "production");
		bool found = false;

		for (size_t i = 0; i < c->notify.n; i++)
			found |= streq(c->notify.v[i].name, c->page);
		if (!found)
			return FAIL(r, text_node(yaml_get(at, "on_failure"), "page", 0),
				    "\"page\" names no notifier: there is no \"%s\" in \"notify\"",
				    c->page);
	}
	return check_order(r);
}
