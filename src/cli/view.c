#include "cli/view.h"

#include "io/clock.h"

uint64_t now_usec(void)
{
	return clock_wall();
}

void view_time(struct strbuf *to, uint64_t at)
{
	char text[TIME_TEXT];
	char today[TIME_TEXT];

	if (!at) {
		strbuf_adds(to, "-");
		return;
	}
	time_text(at, text);
	time_text(now_usec(), today);
	if (memcmp(text, today, 10) == 0)
		strbuf_add(to, text + 11, 8);
	else
		strbuf_addf(to, "%.10s %.5s", text, text + 11);
}

void view_numbers(struct strbuf *to, const struct json *n)
{
	uint64_t need = number_at(n, "need");

	if (!n || !number_at(n, "seconds")) {
		strbuf_adds(to, "no requests yet");
		return;
	}
	add_count(to, number_at(n, "canary_n"));
	strbuf_adds(to, " requests, ");
	add_count(to, number_at(n, "canary_errors"));
	strbuf_adds(to, " errors; before it ");
	add_count(to, number_at(n, "stable_n"));
	strbuf_adds(to, ", ");
	add_count(to, number_at(n, "stable_errors"));
	if (streq(text_at(n, "answer"), "wait") && need && need < UINT64_MAX) {
		strbuf_adds(to, "; needs ");
		add_count(to, need);
		strbuf_addf(to, " more%s%s", *text_at(n, "metric") ? " for " : "",
			    text_at(n, "metric"));
	}
}

/* What was there already is not the release's to lose. */
const char *view_release_state(const struct json *release)
{
	const char *state = text_at(release, "state");
	const struct json *items = json_get(release, "items");
	size_t moved = 0, live = 0, back = 0;

	for (size_t i = 0; i < json_count(items); i++) {
		const struct json *item = json_at(items, i);

		if (json_truth(json_get(item, "production_skipped"), false))
			continue;
		moved++;
		live += json_truth(json_get(item, "live"), false);
		back += json_truth(json_get(item, "taken_back"), false);
	}
	if (!streq(state, "live") || !moved || live)
		return state;
	return back == moved ? "rolled_back" : "replaced";
}

static bool is_over(const char *state)
{
	return streq(state, "done") || streq(state, "aborted");
}

void view_rollout(struct strbuf *to, const struct term *t, const struct json *ro)
{
	const char *state = text_at(ro, "state"), *reason = text_at(ro, "reason");
	const struct json *numbers = json_get(ro, "numbers");
	double weight = json_number(json_get(ro, "confirmed"), 0);
	double wanted = json_number(json_get(ro, "weight"), 0);
	enum tone tone = tone_of(state);

	if (!is_over(state)) {
		bar(to, t, tone == WARN ? BAD : BUSY, weight, 20);
		strbuf_addc(to, ' ');
		add_percent(to, weight);
		if (wanted != weight) {
			strbuf_adds(to, t->utf8 ? " → " : " -> ");
			add_percent(to, wanted);
		}
		strbuf_adds(to, "  ");
	}
	tint(to, t, tone, "%s", state);
	if (number_at(ro, "want") && !is_over(state) &&
	    number_at(ro, "ready") < number_at(ro, "want"))
		strbuf_addf(to, "  %llu of %llu ready", (unsigned long long)number_at(ro, "ready"),
			    (unsigned long long)number_at(ro, "want"));
	if (streq(state, "baking")) {
		strbuf_adds(to, "  ");
		view_numbers(to, numbers);
	} else if (*reason) {
		strbuf_addf(to, "  %s", reason);
	}
}
