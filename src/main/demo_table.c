/* The table at the end, and the same as JSON. */
#include "base/json.h"
#include "io/files.h"
#include "main/demo.h"

static void span(usec_t from, usec_t to, char ret[16])
{
	if (!from || !to || to < from)
		snprintf(ret, 16, "-");
	else if (to - from < USEC_SEC)
		snprintf(ret, 16, "%.0f ms", (double)(to - from) / (double)USEC_MS);
	else
		snprintf(ret, 16, "%.1f s", (double)(to - from) / (double)USEC_SEC);
}

static void way_row(const struct scene_result *r)
{
	char built[16], staged[16], gated[16], live[16], verdict[16], ordered[16], zero[16],
		whole[16];

	span(r->pushed, r->artifact, built);
	span(r->artifact, r->staged, staged);
	span(r->staged, r->gated, gated);
	span(r->gated, r->live, live);
	span(r->harm, r->verdict, verdict);
	span(r->verdict, r->zero_ordered, ordered);
	span(r->zero_ordered, r->zero_confirmed, zero);
	span(r->began, r->ended, whole);
	if (r->verdict && r->zero_ordered == r->verdict)
		snprintf(ordered, sizeof(ordered), "same step");
	printf("  %-2s %-4s  %-8s %-8s %-8s %-8s  %-8s %-9s %-8s  %-7s\n", r->id,
	       r->ok ? "ok" : "FAIL", built, staged, gated, live, verdict, ordered, zero, whole);
}

static void clients_row(const struct scene_result *r)
{
	struct loadgen_stats s;

	if (!r->before.time_ns)
		return;
	loadgen_stats_sub(&r->after, &r->before, &s);
	printf("  %-2s %9llu requests  %6llu failed (%llu 5xx)   p50 %6.1f ms   p99 %6.1f ms\n",
	       r->id, (unsigned long long)s.answered,
	       (unsigned long long)(s.errors + s.timeouts + s.status[5]),
	       (unsigned long long)s.status[5], loadgen_quantile(&s, 0.5),
	       loadgen_quantile(&s, 0.99));
}

void demo_table(struct demo *d)
{
	unsigned failed = 0;

	printf("\nThe way of each change                          when it hurt\n");
	printf("  %-2s %-4s  %-8s %-8s %-8s %-8s  %-8s %-9s %-8s  %-7s\n", "", "", "artifact",
	       "staging", "gate", "live", "verdict", "weight 0", "confirmed", "scene");
	vec_each(r, &d->results)
		way_row(r);
	printf("\nWhat clients of production saw\n");
	vec_each(r, &d->results) {
		clients_row(r);
		failed += !r->ok;
	}
	printf("\n");
	vec_each(r, &d->results)
		vec_each(c, &r->checks)
			if (!c->ok)
				printf("  %s: not as it should be: %s\n", r->id, c->text);
	if (failed)
		printf("%u of %zu scenes did not end as they should.\n", failed, d->results.n);
	else
		printf("All %zu scenes ended as they should.\n", d->results.n);
	fflush(stdout);
}

static void json_scene(struct json_out *o, const struct scene_result *r)
{
	struct loadgen_stats s;

	loadgen_stats_sub(&r->after, &r->before, &s);
	json_open(o, NULL);
	json_cstr(o, "scene", r->id);
	json_cstr(o, "title", r->title);
	json_bool(o, "ok", r->ok);
	json_double(o, "seconds", (double)(r->ended - r->began) / (double)USEC_SEC);
	json_cstr(o, "release", r->release);
	json_u64(o, "pushed_at", r->pushed);
	json_u64(o, "artifact_at", r->artifact);
	json_u64(o, "staged_at", r->staged);
	json_u64(o, "gated_at", r->gated);
	json_u64(o, "live_at", r->live);
	json_u64(o, "harm_at", r->harm);
	json_u64(o, "verdict_at", r->verdict);
	json_u64(o, "zero_ordered_at", r->zero_ordered);
	json_u64(o, "zero_confirmed_at", r->zero_confirmed);
	json_open(o, "clients");
	if (r->before.time_ns) {
		json_u64(o, "requests", s.answered);
		json_u64(o, "errors", s.errors + s.timeouts + s.status[5]);
		json_double(o, "p50_ms", loadgen_quantile(&s, 0.5));
		json_double(o, "p99_ms", loadgen_quantile(&s, 0.99));
	}
	json_close(o);
	json_list(o, "checks");
	vec_each(c, &r->checks) {
		json_open(o, NULL);
		json_cstr(o, "text", c->text);
		json_bool(o, "ok", c->ok);
		json_close(o);
	}
	json_unlist(o);
	json_close(o);
}

enum rc demo_write_json(struct demo *d, const char *path, struct err *err)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF((size_t)4 << 20);
	struct json_out o = JSON_OUT(&text);
	bool ok = d->results.n > 0;

	json_open(&o, NULL);
	json_list(&o, "scenes");
	vec_each(r, &d->results) {
		json_scene(&o, r);
		ok = ok && r->ok;
	}
	json_unlist(&o);
	json_bool(&o, "ok", ok && !d->broken);
	json_u64(&o, "records", d->model.seq);
	json_close(&o);
	strbuf_addc(&text, '\n');
	if (streq(path, "-")) {
		fputs(strbuf_cstr(&text), stdout);
		return RC_OK;
	}
	return file_write_fast(path, strbuf_str(&text), 0644, err);
}
