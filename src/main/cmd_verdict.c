/* `penstock verdict`: recorded requests through the very verdict that rollouts use. */
#include "base/json.h"
#include "base/mem.h"
#include "main/facts_file.h"
#include "clients/lines.h"
#include "main/local.h"

#include <math.h>

#define TIME_MAX   9e15
#define FIRST_STEP 0.10 /* a weight up to this is judged by the margins of the first step */

static const char *const answer_names[] = {"wait", "pass", "fail"};
static const char *const metric_names[] = {"errors", "p50", "p95", "p99", "guard"};
static const char *const lane_names[] = {"fast", "hard", "robust", "guard", "promote"};

struct replay {
	struct verdict_config cfg;
	struct verdict_facts *facts;
	struct verdict_history *history;
	struct verdict *verdict;
	struct facts_names names;
	bool json, any, in_history;
	enum verdict_answer answer;
	double last;  /* latest time seen */
	double shift; /* added to the facts' times, so that they follow the history's */
	bool begun;
};

static void replay_done(struct replay *r)
{
	xfree(r->facts);
	xfree(r->history);
	xfree(r->verdict);
	facts_names_done(&r->names);
}

static void replay_init(struct replay *r, const struct verdict_options *o)
{
	*r = (struct replay){.json = o->json, .last = -1};
	verdict_config_default(&r->cfg, o->weight <= FIRST_STEP ? 1 : 2);
	r->cfg.error_margin = o->error_margin;
	r->cfg.latency_ratio = o->latency_ratio;
	r->facts = xcalloc(1, verdict_facts_size());
	r->history = xcalloc(1, verdict_history_size());
	r->verdict = xcalloc(1, verdict_size());
	verdict_facts_init(r->facts, r->cfg.latency_ratio, r->cfg.promote_latency_ratio);
	verdict_history_init(r->history, &r->cfg);
}

static void print_json(double t, const struct verdict_report *v)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(1024);
	struct json_out out = JSON_OUT(&text);

	json_open(&out, NULL);
	json_double(&out, "t", t);
	json_cstr(&out, "answer", answer_names[v->answer]);
	json_cstr(&out, "metric", metric_names[v->metric]);
	json_cstr(&out, "lane", lane_names[v->lane]);
	json_double(&out, "evidence", v->evidence);
	if (v->need == UINT64_MAX)
		json_nil(&out, "need");
	else
		json_u64(&out, "need", v->need);
	json_close(&out);
	strbuf_addc(&text, '\n');
	local_print(&text);
}

static void print_text(double t, const struct verdict_report *v)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(1024);

	strbuf_addf(&text, "%10.0f s  %s  %s (%s): evidence %.3g of %.3g", t,
		    answer_names[v->answer], metric_names[v->metric], lane_names[v->lane],
		    v->evidence, v->wanted);
	strbuf_addf(&text, "; canary %llu of %llu failed, stable %llu of %llu",
		    (unsigned long long)v->canary_errors, (unsigned long long)v->canary_n,
		    (unsigned long long)v->stable_errors, (unsigned long long)v->stable_n);
	if (v->answer == VERDICT_WAIT && v->need && v->need != UINT64_MAX)
		strbuf_addf(&text, "; about %llu more requests of the canary are needed",
			    (unsigned long long)v->need);
	strbuf_addc(&text, '\n');
	local_print(&text);
}

static void tell(struct replay *r, double t)
{
	struct verdict_report report;

	verdict_report(r->verdict, &report);
	if (r->any && report.answer == r->answer)
		return;
	r->any = true;
	r->answer = report.answer;
	if (r->json)
		print_json(t, &report);
	else
		print_text(t, &report);
}

static void take_window(struct replay *r, const struct verdict_window *w)
{
	if (r->in_history) {
		verdict_history_window(r->history, w);
		return;
	}
	verdict_window(r->verdict, w);
	tell(r, (double)(w->second + 1) - r->shift); /* the end of that second */
}

static void take_fact(struct replay *r, struct verdict_fact *fact)
{
	struct verdict_window w;

	if (r->in_history && fact->canary)
		return;
	if (!r->in_history && !r->begun) {
		r->begun = true;
		if (fact->t < r->last && r->last < TIME_MAX / 2)
			r->shift = floor(r->last) + 1 - floor(fact->t);
	}
	fact->t += r->shift;
	if (fact->t < TIME_MAX) /* others count as late, as for the verdict itself */
		r->last = fmax(r->last, fact->t);
	if (verdict_facts_add(r->facts, fact, &w))
		take_window(r, &w);
}

static enum rc read_facts(struct replay *r, const char *path, struct err *err)
{
	AUTO(lines_done) struct lines lines = {.fd = -1};
	struct verdict_window w;
	struct str line;
	bool any = true;
	enum rc rc = lines_open(&lines, path, FACT_LINE_MAX, err);

	if (rc != RC_OK)
		return rc;
	while ((rc = lines_next(&lines, &line, &any, err)) == RC_OK && any) {
		struct verdict_fact fact;

		if (str_trim(line).n == 0)
			continue;
		rc = facts_line(line, &r->names, &fact, err);
		if (rc != RC_OK)
			break;
		take_fact(r, &fact);
	}
	if (rc != RC_OK)
		return err_wrap(err, "%s:%llu", lines.name, (unsigned long long)lines.line);
	if (r->last >= 0 && verdict_facts_close(r->facts, (uint64_t)r->last, &w))
		take_window(r, &w);
	return RC_OK;
}

static enum rc replay(struct replay *r, const struct verdict_options *o, struct err *err)
{
	if (o->history) {
		r->in_history = true;
		enum rc rc = read_facts(r, o->history, err);
		if (rc != RC_OK)
			return rc;
		r->in_history = false;
	}
	verdict_init(r->verdict, &r->cfg, o->history ? r->history : NULL);
	enum rc rc = read_facts(r, o->facts, err);
	if (rc == RC_OK)
		tell(r, 0); /* without a single fact: wait */
	return rc;
}

static enum rc check_options(const struct verdict_options *o, struct err *err)
{
	if (!o->facts)
		return err_set(err, RC_INVALID, "verdict needs --facts FILE (- for stdin)");
	if (!(o->weight > 0 && o->weight <= 1))
		return err_set(err, RC_INVALID,
			       "--weight must be above 0%% and at most 100%%, such as 5%%");
	if (!(o->error_margin >= 0 && o->error_margin <= 0.9))
		return err_set(err, RC_INVALID, "--error-margin must be 0%% to 90%%");
	if (!(o->latency_ratio >= 1 && o->latency_ratio <= 1000))
		return err_set(err, RC_INVALID, "--latency-ratio must be 1 to 1000, such as 1.05");
	if (o->history && streq(o->history, "-") && streq(o->facts, "-"))
		return err_set(err, RC_INVALID, "only one of --facts and --history can be stdin");
	return RC_OK;
}

int local_verdict(const struct verdict_options *o)
{
	struct err err = {0};

	if (check_options(o, &err) != RC_OK)
		return local_fail(&err);
	AUTO(replay_done) struct replay r;
	replay_init(&r, o);
	return replay(&r, o, &err) == RC_OK ? EXIT_GOOD : local_fail(&err);
}
