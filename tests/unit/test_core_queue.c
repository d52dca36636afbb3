/* The merge queue by hand: batches, the search for the guilty one, conflicts, people, a target that moves. */
#include "core/step_impl.h"
#include "unit.h"

#define S(text) xstrdup(text)
#define MAIN    "refs/heads/main"

static const char yml[] =
	"version: 1\nproject: p\nservices: {s: {path: s}}\n"
	"on: {push: {branches: [main]}, merge_queue: {branches: [main, \"rel-*\"], batch: 8}}\n"
	"ci: {test: {run: a}}\n";

struct yard {
	struct model m;
	struct effects out;
	struct event ev;
	struct step s;
	struct err err;
	unsigned commits, runs;
};

/* Begin an event. */
static void next(struct yard *y)
{
	effects_done(&y->out);
	event_done(&y->ev);
	model_untouch(&y->m);
	y->ev.seq = ++y->m.seq;
	y->ev.actor = S("user:ann");
	y->m.time += USEC_SEC;
	y->s = (struct step){&y->m, &y->ev, &y->out, &y->err};
}

static struct repo_ref *ref_of(struct yard *y, const char *ref)
{
	struct project_repo *src = model_source(&y->m, "shop");
	struct repo_ref *known = source_ref(src, ref);

	if (known)
		return known;
	size_t at = src->refs.n;
	vec_add(&src->refs);
	while (at && strcmp(src->refs.v[at - 1].ref, ref) > 0)
		at--;
	memmove(&src->refs.v[at + 1], &src->refs.v[at],
		(src->refs.n - 1 - at) * sizeof(*src->refs.v));
	src->refs.v[at] = (struct repo_ref){.ref = S(ref)};
	return &src->refs.v[at];
}

static void move(struct yard *y, const char *ref, const char *commit)
{
	next(y);
	set_text(&ref_of(y, ref)->commit, commit);
	queue_target_moved(&y->s, "shop", ref);
}

static void begin(struct yard *y)
{
	*y = (struct yard){.commits = 0};
	model_init(&y->m);
	y->m.time = USEC_HOUR;
	struct project *p = model_add(&y->m, AGG_PROJECT, "project");
	p->id = S("project");
	p->config = S("c");
	struct config_ref *c = model_add(&y->m, AGG_CONFIG, "c");
	c->id = S("c");
	if (config_read(str_of(yml), "penstock.yml", NULL, NULL, &c->config, &y->err) != RC_OK)
		fail_msg("%s", y->err.msg);
	struct project_repo *src = model_add(&y->m, AGG_SOURCE, "shop");
	src->id = S("shop");
	src->config = S("c");
	move(y, MAIN, "tip0");
}

static void end(struct yard *y)
{
	effects_done(&y->out);
	event_done(&y->ev);
	model_done(&y->m);
}

static enum rc add(struct yard *y, const char *ref, const char *target)
{
	next(y);
	y->ev.repo = S("shop");
	y->ev.ref = S(ref);
	y->ev.type = S(target);
	return on_queue_add(&y->s);
}

static struct merge_queue *queue(struct yard *y)
{
	return model_queue(&y->m, "shop", MAIN);
}

static void merged(struct yard *y, const char *conflict)
{
	assert_int_equal(queue(y)->state, QUEUE_MERGING);
	next(y);
	y->ev.id = S("shop:" MAIN);
	y->ev.commit = xasprintf("trial%u", ++y->commits);
	if (conflict)
		texts_add(&y->ev.ids, conflict);
	assert_int_equal(on_merged(&y->s), RC_OK);
}

static void tested(struct yard *y, bool good)
{
	struct merge_queue *q = queue(y);

	assert_int_equal(q->state, QUEUE_TESTING);
	next(y);
	char *id = xasprintf("run-%u", ++y->runs);
	struct run *run = model_add(&y->m, AGG_RUN, id);
	run->id = id;
	run->change = (struct change){
		.kind = CHANGE_QUEUE, .repo = S("shop"), .target = S(MAIN), .commit = S(q->trial)};
	assert_true(queue_wants(&y->m, &run->change));
	queue_run_began(&y->s, run);
	run->state = good ? RUN_PASSED : RUN_FAILED;
	queue_run_ended(&y->s, run);
}

static void landed(struct yard *y, bool ok)
{
	AUTO(freep) char *trial = S(queue(y)->trial);

	assert_int_equal(queue(y)->state, QUEUE_LANDING);
	next(y);
	y->ev.id = S("shop:" MAIN);
	y->ev.ok = ok;
	assert_int_equal(on_landed(&y->s), RC_OK);
	if (ok)
		move(y, MAIN, trial);
}

static void add_many(struct yard *y, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		AUTO(freep) char *ref = xasprintf("refs/heads/f%u", i);
		AUTO(freep) char *commit = xasprintf("c%u", i);

		move(y, ref, commit);
		assert_int_equal(add(y, ref, "main"), RC_OK);
	}
}

/* One of eight is bad, wherever it stands: it is found in log2 n halvings, and the seven others land. */
static void the_guilty_one(void **state)
{
	(void)state;
	for (unsigned guilty = 1; guilty <= 8; guilty++) {
		struct yard y;
		AUTO(freep) char *bad = xasprintf("refs/heads/f%u", guilty);
		unsigned failed = 0;

		begin(&y);
		add_many(&y, 9); /* the first is merged at once, alone */
		while (queue(&y)->entries.n) {
			bool good = true;

			merged(&y, NULL);
			for (uint32_t i = 0; i < queue(&y)->batch; i++)
				good = good && !streq(queue(&y)->entries.v[i].ref, bad);
			tested(&y, good);
			failed += !good;
			if (good)
				landed(&y, true);
			assert_true(y.runs < 20);
		}
		assert_non_null(strstr(queue(&y)->reason, bad));
		assert_true(failed <= 4); /* 8, 4, 2, 1 */
		assert_true(y.runs <=
			    1 + 1 + 3 + 1 + 3); /* the first; 8; halves; alone; what was left */
		end(&y);
	}
}

static void conflicts(void **state)
{
	struct yard y;

	(void)state;
	begin(&y);
	add_many(&y, 4);
	merged(&y, NULL); /* f0 alone */
	tested(&y, true);
	landed(&y, true);
	merged(&y, "c2");
	assert_int_equal(queue(&y)->batch, 2);
	assert_int_equal(queue(&y)->entries.n, 2);
	assert_non_null(strstr(queue(&y)->reason,
			       "refs/heads/f2 was put out: it does not merge with main at trial1"));
	tested(&y, true);
	assert_int_equal(y.out.list.v[0].kind, EF_LAND);
	assert_int_equal(y.out.list.v[0].ids.n, 2);
	landed(&y, true);
	assert_int_equal(queue(&y)->entries.n, 0);
	assert_int_equal(queue(&y)->state, QUEUE_IDLE);
	end(&y);
}

static void refusals(void **state)
{
	struct yard y;

	(void)state;
	begin(&y);
	move(&y, "refs/heads/f", "c");
	move(&y, "refs/heads/same", "tip0");
	assert_int_equal(add(&y, "refs/heads/f", "other"), RC_INVALID);
	assert_int_equal(add(&y, "refs/heads/gone", "main"), RC_NOT_FOUND);
	assert_int_equal(add(&y, "refs/heads/f", "rel-1"), RC_NOT_FOUND);
	assert_int_equal(add(&y, "refs/heads/same", "main"), RC_CONFLICT);
	assert_int_equal(y.m.touched.n, 0);
	assert_int_equal(add(&y, "refs/heads/f", MAIN), RC_OK);
	assert_int_equal(add(&y, "refs/heads/f", "main"), RC_CONFLICT);
	end(&y);
}

/* Others push; it is merged again, onto where the target stands now. */
static void the_target_moves(void **state)
{
	struct yard y;

	(void)state;
	begin(&y);
	add_many(&y, 1);
	move(&y, MAIN, "tip1"); /* while it is merged */
	merged(&y, NULL);
	assert_int_equal(queue(&y)->state, QUEUE_MERGING);
	assert_string_equal(queue(&y)->tip, "tip1");
	merged(&y, NULL);
	move(&y, MAIN, "tip2"); /* while it is tested */
	assert_string_equal(queue(&y)->tip, "tip2");
	merged(&y, NULL);
	tested(&y, true);
	move(&y, MAIN, "tip3"); /* while it lands: the answer says so */
	landed(&y, false);
	assert_string_equal(queue(&y)->tip, "tip3");
	merged(&y, NULL);
	tested(&y, true);
	landed(&y, true);
	assert_int_equal(queue(&y)->entries.n, 0);
	end(&y);
}

static void people(void **state)
{
	struct yard y;

	(void)state;
	begin(&y);
	add_many(&y, 3);
	merged(&y, NULL);
	tested(&y, true);
	landed(&y, true);
	merged(&y, NULL); /* f1 and f2 are tested */
	next(&y);
	y.ev.repo = S("shop");
	y.ev.ref = S("refs/heads/f1");
	y.ev.type = S("main");
	assert_int_equal(on_queue_del(&y.s), RC_OK);
	assert_string_equal(queue(&y)->reason, "refs/heads/f1 was put out: user:ann took it out");
	assert_int_equal(queue(&y)->state, QUEUE_MERGING); /* f2 alone */
	merged(&y, NULL);
	move(&y, "refs/heads/f2", "newer");
	assert_non_null(strstr(queue(&y)->reason, "pushed to since"));
	assert_int_equal(queue(&y)->entries.n, 0);
	next(&y);
	y.ev.repo = S("shop");
	y.ev.ref = S("refs/heads/f2");
	y.ev.type = S("main");
	assert_int_equal(on_queue_del(&y.s), RC_NOT_FOUND);
	move(&y, MAIN, NULL);
	end(&y);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_guilty_one), cmocka_unit_test(conflicts),
		cmocka_unit_test(refusals),       cmocka_unit_test(the_target_moves),
		cmocka_unit_test(people),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
