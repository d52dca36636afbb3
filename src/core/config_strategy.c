/* Strategies of a rollout, and the gate's windows. */
#include "core/config_impl.h"
#include "core/window.h"

#define STRATEGY(member) .offset = offsetof(struct strategy, member)
#define WINDOW(member)   .offset = offsetof(struct window_def, member)
#define STEPS_MAX        20

static enum rc own_steps(struct reader *r, const struct key *key, const struct yaml_node *at,
			 void *object, const struct place *place)
{
	struct strategy *s = object;
	double last = 0;
	char text[SHOWN];

	(void)key;
	(void)place;
	if (at->kind != YAML_LIST || at->n == 0 || at->n > STEPS_MAX)
		return FAIL(
			r, at,
			"\"steps\" must be a list of 1 to %d percentages, such as [5%%, 50%%, 100%%]",
			STEPS_MAX);
	for (size_t i = 0; i < at->n; i++) {
		const struct yaml_node *item = &at->items[i];
		double share;

		if (item->kind != YAML_SCALAR || !parse_percent(item->text, &share))
			return FAIL(r, item, "a step is a percentage such as 5%%, not %s",
				    item->kind == YAML_SCALAR ? shown(item->text, text)
							      : node_words(item));
		if (!(share > last))
			return FAIL(r, item, "steps must grow: %s is not more than the step before",
				    shown(item->text, text));
		last = share;
		vec_push(&s->steps, (struct weight){share});
	}
	if (last < 1)
		return FAIL(r, &at->items[at->n - 1], "the last step must be 100%%, not %s",
			    shown(at->items[at->n - 1].text, text));
	return RC_OK;
}

/* Margins of the percentiles: one value for all that are compared. */
static enum rc own_latency(struct reader *r, const struct key *key, const struct yaml_node *at,
			   void *object, const struct place *place)
{
	struct strategy *s = object;
	bool *compare = (void *)((char *)object + key->offset);
	double margin;

	(void)place;
	*compare = true;
	if (at->kind == YAML_NULL)
		return RC_OK;
	if (at->kind != YAML_MAP || at->n != 1 || !yaml_get(at, "margin"))
		return FAIL(r, at,
			    "\"%s\" of compare has one key, \"margin\", such as {margin: 20%%}",
			    key->name);
	if (at->items[0].kind != YAML_SCALAR || !parse_percent(at->items[0].text, &margin))
		return FAIL(r, &at->items[0], "\"margin\" of %s must be a percentage such as 20%%",
			    key->name);
	if (s->latency_margin > 0 && (margin < s->latency_margin || margin > s->latency_margin))
		return FAIL(
			r, &at->items[0],
			"different margins for p50, p95 and p99 are not supported by this version of Penstock");
	if (!(margin > 0))
		return FAIL(r, &at->items[0],
			    "a margin of 0 would need endless traffic to prove: leave some room");
	s->latency_margin = margin;
	return RC_OK;
}

static enum rc own_errors(struct reader *r, const struct key *key, const struct yaml_node *at,
			  void *object, const struct place *place)
{
	struct strategy *s = object;
	double margin;

	(void)key;
	(void)place;
	s->compare_errors = true;
	if (at->kind == YAML_NULL)
		return RC_OK;
	if (at->kind != YAML_MAP || at->n != 1 || !yaml_get(at, "margin"))
		return FAIL(
			r, at,
			"\"error_rate\" of compare has one key, \"margin\", such as {margin: 0.5%%}");
	if (at->items[0].kind != YAML_SCALAR || !parse_percent(at->items[0].text, &margin))
		return FAIL(r, &at->items[0],
			    "\"margin\" of error_rate must be a percentage such as 0.5%%");
	if (!(margin > 0))
		return FAIL(r, &at->items[0],
			    "a margin of 0 would need endless traffic to prove: leave some room");
	s->error_margin = margin;
	return RC_OK;
}

#define MARGIN_SCHEMA                                                                                                                        \
	"{\"anyOf\":[{\"type\":\"null\"},{\"type\":\"object\",\"properties\":{\"margin\":{\"type\":\"string\",\"pattern\":\"^[0-9.]+%$\"}}," \
	"\"required\":[\"margin\"],\"additionalProperties\":false}]}"
static const struct key compare_keys[] = {
	{.name = "error_rate",
	 .kind = KEY_OWN,
	 .own = own_errors,
	 .schema = MARGIN_SCHEMA,
	 .help = "Share of failed requests; margin in points."},
	{.name = "p50",
	 .kind = KEY_OWN,
	 STRATEGY(compare_p50),
	 .own = own_latency,
	 .schema = MARGIN_SCHEMA,
	 .help = "Median latency; margin as a share above the old version's."},
	{.name = "p95",
	 .kind = KEY_OWN,
	 STRATEGY(compare_p95),
	 .own = own_latency,
	 .schema = MARGIN_SCHEMA,
	 .help = "95th percentile."},
	{.name = "p99",
	 .kind = KEY_OWN,
	 STRATEGY(compare_p99),
	 .own = own_latency,
	 .schema = MARGIN_SCHEMA,
	 .help = "99th percentile."},
};
static const struct keys keys_compare = {
	.what = "compare", .v = compare_keys, .n = ARRAY_LEN(compare_keys)};

static const struct key guard_keys[] = {
	{.name = "error_rate",
	 .kind = KEY_SHARE,
	 .required = true,
	 STRATEGY(guard_error_rate),
	 .help = "Never more failed requests than this."},
};
static const struct keys keys_guard = {
	.what = "guard", .v = guard_keys, .n = ARRAY_LEN(guard_keys)};

static void default_steps(struct strategy *s)
{
	static const double steps[] = {0.05, 0.5, 1};

	if (s->steps.n)
		return;
	for (size_t i = 0; i < ARRAY_LEN(steps); i++)
		vec_push(&s->steps, (struct weight){steps[i]});
}

static enum rc finish_canary(struct reader *r, const struct key *key, const struct yaml_node *at,
			     void *object, const struct place *place)
{
	struct strategy *s = object;

	(void)key;
	(void)place;
	s->kind = STRATEGY_CANARY;
	default_steps(s);
	if (s->max && s->min_bake > s->max)
		return FAIL(r, text_node(at, "min_bake", 0), "\"min_bake\" is longer than \"max\"");
	return RC_OK;
}

static const struct key canary_keys[] = {
	{.name = "steps",
	 .kind = KEY_OWN,
	 .own = own_steps,
	 .schema =
		 "{\"type\":\"array\",\"items\":{\"type\":\"string\",\"pattern\":\"^[0-9.]+%$\"},\"minItems\":1,\"maxItems\":20}",
	 .help = "Shares of the traffic, growing, 100% last; 5%, 50%, 100% when not written."},
	{.name = "compare",
	 .kind = KEY_MAP,
	 .sub = &keys_compare,
	 .help = "What must not be worse than the old version; error_rate, p95 and p99 when not written."},
	{.name = "guard",
	 .kind = KEY_MAP,
	 .sub = &keys_guard,
	 .help = "Limits that hold whatever the old version does."},
	{.name = "min_bake",
	 .kind = KEY_DURATION,
	 STRATEGY(min_bake),
	 .min = 0,
	 .max = 30 * USEC_DAY,
	 .help = "Each step lasts at least so long."},
	{.name = "max",
	 .kind = KEY_DURATION,
	 STRATEGY(max),
	 .min = USEC_SEC,
	 .max = 30 * USEC_DAY,
	 .help = "Undecided for so long: back. No limit when not written."},
};
static const struct keys keys_canary = {
	.what = "canary", .v = canary_keys, .n = ARRAY_LEN(canary_keys), .finish = finish_canary};
static const struct keys keys_rolling = {.what = "rolling"};

static const struct key strategy_keys[] = {
	{.name = "rolling",
	 .kind = KEY_MAP,
	 .sub = &keys_rolling,
	 .help = "Replace replica by replica, on readiness alone."},
	{.name = "canary",
	 .kind = KEY_MAP,
	 .sub = &keys_canary,
	 .help = "A few percent at a time, with a verdict at each step."},
	{.name = "blue_green", .kind = KEY_LATER},
};
static enum rc finish_strategy(struct reader *r, const struct key *key, const struct yaml_node *at,
			       void *object, const struct place *place)
{
	(void)key;
	(void)object;
	(void)place;
	if (at->kind == YAML_SCALAR || (at->kind == YAML_MAP && at->n == 1))
		return RC_OK;
	return FAIL(r, at, "a strategy is either \"rolling\" or \"canary\"");
}
const struct keys keys_strategy = {.what = "strategy",
				   .v = strategy_keys,
				   .n = ARRAY_LEN(strategy_keys),
				   .word = true,
				   .finish = finish_strategy};

void strategy_default_canary(struct strategy *s)
{
	s->kind = STRATEGY_CANARY;
	default_steps(s);
}

/* ---- windows ---- */

static enum rc check_span(struct reader *r, const struct yaml_node *at)
{
	struct err why = {RC_OK, ""};
	AUTO(freep) char *text = xstrndup(at->text.p, at->text.n);
	struct window w;

	if (window_parse(text, &w, &why) != RC_OK)
		return FAIL(r, at, "%s", why.msg);
	return RC_OK;
}

static enum rc finish_window(struct reader *r, const struct key *key, const struct yaml_node *at,
			     void *object, const struct place *place)
{
	struct window_def *w = object;
	const struct yaml_node *zone = at->kind == YAML_MAP ? yaml_get(at, "zone") : NULL;
	struct err why = {RC_OK, ""};
	struct tz tz;
	char text[SHOWN];

	(void)key;
	(void)place;
	w->allow = at->kind == YAML_MAP && yaml_get(at, "allow");
	if (at->kind != YAML_MAP || !yaml_get(at, "deny") == !w->allow)
		return FAIL(
			r, at,
			"a window has either \"deny\" or \"allow\", such as {deny: \"Fri 16:00 - Mon 08:00\", zone: Europe/Berlin}");
	if (!w->zone)
		w->zone = xstrdup("UTC");
	const char *rule = streq(w->zone, "UTC") ? "UTC0"
			   : r->zone_rule        ? r->zone_rule(w->zone, r->ctx)
						 : NULL;

	if (!rule)
		return FAIL(
			r, zone ? zone : at,
			"there is no time zone \"%s\" here; write it as Europe/Berlin, or use UTC",
			shown(str_of(w->zone), text));
	if (tz_parse(rule, &tz, &why) != RC_OK)
		return FAIL(r, zone ? zone : at, "time zone \"%s\": %s",
			    shown(str_of(w->zone), text), why.msg);
	w->rule = xstrdup(rule);
	return RC_OK;
}

static const struct key window_keys[] = {
	{.name = "deny",
	 .kind = KEY_TEXT,
	 WINDOW(span),
	 .check = check_span,
	 .help = "When nothing goes to production: \"Fri 16:00 - Mon 08:00\", \"22:00 - 06:00\", \"Sat - Sun\", \"Mon-Fri 09:00 - 17:00\"."},
	{.name = "allow",
	 .kind = KEY_TEXT,
	 WINDOW(span),
	 .check = check_span,
	 .help = "Production only then; written as for deny."},
	{.name = "zone",
	 .kind = KEY_TEXT,
	 WINDOW(zone),
	 .help = "Time zone, such as Europe/Berlin; UTC when not written."},
};
const struct keys keys_window = {.what = "window",
				 .v = window_keys,
				 .n = ARRAY_LEN(window_keys),
				 .size = sizeof(struct window_def),
				 .name_at = NOWHERE,
				 .line_at = offsetof(struct window_def, line),
				 .finish = finish_window};
