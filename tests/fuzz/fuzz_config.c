/*
 * Any bytes as penstock.yml: refused with a line, or read, and then a plan over an invented tree, the schema's JSON there and back, and the
 * windows must all hold.
 */
#include <stdlib.h>

#include "base/json.h"
#include "core/plan.h"
#include "core/window.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(cond)               \
	do {                     \
		if (!(cond))     \
			abort(); \
	} while (0)

static const char *zone_rule(const char *zone, void *ctx)
{
	(void)ctx;
	return zone[0] == 'E' ? "CET-1CEST,M3.5.0,M10.5.0/3"
			      : zone; /* so that rules are fuzzed too */
}

static void texts_done(texts *list)
{
	for (size_t i = 0; i < list->n; i++)
		xfree(list->v[i]);
	vec_done(list);
}

static void there_and_back(const struct config *c)
{
	AUTO(config_done) struct config back = {.project = NULL};
	AUTO(strbuf_done) struct strbuf b = STRBUF(64 << 20);
	struct json_out o = JSON_OUT(&b);
	struct err err = {RC_OK, ""};

	shape_write(&o, NULL, &shape_config, c);
	MUST(shape_parse(strbuf_str(&b), 64 << 20, &shape_config, &back, &err) == RC_OK);
	MUST(shape_equal(&shape_config, c, &back));
}

static void plan_it(const struct config *c)
{
	AUTO(texts_done) texts dirs = {NULL, 0, 0};
	AUTO(texts_done) texts list = {NULL, 0, 0};
	AUTO(tree_facts_done)
	struct tree_facts t = {.tree = xstrdup("0123456789012345678901234567890123456789")};

	plan_paths(c, &dirs, &list);
	for (size_t i = 0; i < dirs.n; i++)
		vec_push(&t.entries,
			 ((struct tree_entry){xstrdup(dirs.v[i]), xstrdup(t.tree), 040000}));
	for (size_t i = 0; i < list.n; i++)
		vec_push(&t.entries, ((struct tree_entry){xasprintf("%s/src/main.c", list.v[i]),
							  xstrdup(t.tree), 0100644}));
	for (int stage = STAGE_CI; stage <= STAGE_PRODUCTION; stage++) {
		AUTO(plan_done) struct plan p = {.hash = NULL};
		struct err err = {RC_OK, ""};
		enum rc rc = plan_make(c, &t, &t, c, (enum stage)stage, "", &p, &err);

		MUST(rc == RC_OK || rc == RC_TOO_BIG);
		for (size_t i = 0; i < p.jobs.n; i++)
			MUST(p.jobs.v[i].state == PLAN_UNAFFECTED);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(config_done) struct config c = {.project = NULL};
	struct err err = {RC_OK, ""};
	enum rc rc = config_read((struct str){(const char *)data, size}, "penstock.yml", zone_rule,
				 NULL, &c, &err);

	if (rc != RC_OK) {
		MUST(err.rc == rc && err.msg[0] && !c.project);
		return 0;
	}
	there_and_back(&c);
	plan_it(&c);
	for (usec_t at = 0; at < 60 * USEC_DAY; at += 7 * USEC_HOUR) {
		usec_t until;
		AUTO(freep) char *why = NULL;

		MUST(window_denied(c.gate.windows.v, c.gate.windows.n, at, &until, &why) ==
		     (why != NULL));
		MUST(until > at);
	}
	return 0;
}
