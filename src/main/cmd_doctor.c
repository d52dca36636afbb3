/* `penstock doctor`: what this machine lacks, and the exact fix. */
#include "base/json.h"
#include "main/house.h"
#include "main/local.h"
#include "main/local_doctor.h"

#include <unistd.h>

static const char *const health_names[] = {"ok", "warning", "missing"};

static void add_json(struct json_out *out, const char *name, const struct finding *f)
{
	json_open(out, NULL);
	json_cstr(out, "check", name);
	json_cstr(out, "state", health_names[f->health]);
	json_cstr(out, "says", f->says);
	json_cstr(out, "fix", *f->fix ? f->fix : NULL);
	json_close(out);
}

static void add_text(struct strbuf *to, const struct term *t, const char *name,
		     const struct finding *f)
{
	static const enum tone tones[] = {GOOD, WARN, BAD};
	const char *mark = f->health == HEALTH_OK     ? mark_good(t)
			   : f->health == HEALTH_WARN ? "!"
						      : mark_bad(t);

	tint(to, t, tones[f->health], "%s", mark);
	strbuf_addf(to, " %-11s %s\n", name, f->says);
	if (*f->fix)
		strbuf_addf(to, "  %-11s fix: %s\n", "", f->fix);
}

int local_doctor(const struct doctor_options *o)
{
	AUTO(freep) char *data = o->data ? xstrdup(o->data) : default_data();
	AUTO(strbuf_done) struct strbuf text = STRBUF((size_t)1 << 20);
	struct json_out out = JSON_OUT(&text);
	unsigned n[3] = {0};
	struct term term;

	term_init(&term, STDOUT_FILENO);
	if (o->json) {
		json_open(&out, NULL);
		json_list(&out, "checks");
	}
	for (unsigned i = 0; i < n_doctor_checks; i++) {
		struct finding f = {0};

		doctor_checks[i].look(data, &f);
		n[f.health]++;
		if (o->json)
			add_json(&out, doctor_checks[i].name, &f);
		else
			add_text(&text, &term, doctor_checks[i].name, &f);
	}
	if (o->json) {
		json_unlist(&out);
		json_bool(&out, "ok", n[HEALTH_MISSING] == 0);
		json_close(&out);
		strbuf_addc(&text, '\n');
	} else if (n[HEALTH_MISSING]) {
		strbuf_addf(&text, "%u needed %s missing; %u warning%s\n", n[HEALTH_MISSING],
			    n[HEALTH_MISSING] == 1 ? "thing is" : "things are", n[HEALTH_WARN],
			    n[HEALTH_WARN] == 1 ? "" : "s");
	} else {
		strbuf_addf(&text, "everything that is needed is there; %u warning%s\n",
			    n[HEALTH_WARN], n[HEALTH_WARN] == 1 ? "" : "s");
	}
	local_print(&text);
	return n[HEALTH_MISSING] ? EXIT_ENVIRONMENT : EXIT_GOOD;
}
