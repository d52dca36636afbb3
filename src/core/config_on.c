/* What starts runs: pushes, tags, pull requests, the merge queue, the clock; and tests that are in quarantine. */
#include "core/config_impl.h"
#include "core/cron.h"
#include "base/time.h"

#define CONFIG(member) .offset = offsetof(struct project_file, c.member)

static const char *const release_words[] = {"branches", "tags"};
static enum rc own_release(struct reader *r, const struct key *key, const struct yaml_node *at,
			   void *object, const struct place *place)
{
	if (at->kind != YAML_SCALAR ||
	    (!str_is(at->text, release_words[0]) && !str_is(at->text, release_words[1])))
		return read_wrong(r, key, at, place, "branches or tags");
	((struct project_file *)object)->c.tag_releases = str_is(at->text, release_words[1]);
	return RC_OK;
}

static const struct key push_keys[] = {
	{.name = "branches",
	 .kind = KEY_TEXTS,
	 .unique = true,
	 CONFIG(branches),
	 .check = check_glob,
	 .help = "Branches whose pushes count, globs too; main when not written."},
	{.name = "tags",
	 .kind = KEY_TEXTS,
	 .unique = true,
	 CONFIG(tags),
	 .check = check_glob,
	 .help = "Tags whose pushes count, globs too; none when not written."},
	{.name = "release",
	 .kind = KEY_OWN,
	 .offset = 0,
	 .own = own_release,
	 .schema = "{\"enum\":[\"branches\",\"tags\"]}",
	 .help = "Whose runs make a release; branches when not written."},
};
static const struct keys keys_push = {.what = "push", .v = push_keys, .n = ARRAY_LEN(push_keys)};

static enum rc own_forks(struct reader *r, const struct key *key, const struct yaml_node *at,
			 void *object, const struct place *place)
{
	for (size_t i = 0; at->kind == YAML_SCALAR && i < ARRAY_LEN(forks_names); i++)
		if (str_is(at->text, forks_names[i])) {
			((struct project_file *)object)->c.forks = (enum forks)i;
			return RC_OK;
		}
	return read_wrong(r, key, at, place, "approve, never or always");
}

static enum rc finish_pull(struct reader *r, const struct key *key, const struct yaml_node *at,
			   void *object, const struct place *place)
{
	(void)r;
	(void)key;
	(void)at;
	(void)place;
	((struct project_file *)object)->c.pull_requests = true;
	return RC_OK;
}

static const struct key pull_keys[] = {
	{.name = "branches",
	 .kind = KEY_TEXTS,
	 .unique = true,
	 CONFIG(pull_branches),
	 .check = check_glob,
	 .help = "Their targets, globs too; those of push when not written."},
	{.name = "forks",
	 .kind = KEY_OWN,
	 .offset = 0,
	 .own = own_forks,
	 .schema = "{\"enum\":[\"approve\",\"never\",\"always\"]}",
	 .help = "Requests from forks: approve (somebody must say yes first), never, always; in no case do they see secrets."},
};
static const struct keys keys_pull = {
	.what = "pull_request", .v = pull_keys, .n = ARRAY_LEN(pull_keys), .finish = finish_pull};

static enum rc finish_queue(struct reader *r, const struct key *key, const struct yaml_node *at,
			    void *object, const struct place *place)
{
	struct config *c = &((struct project_file *)object)->c;

	(void)r;
	(void)key;
	(void)at;
	(void)place;
	c->queue.on = true;
	return RC_OK;
}

static const struct key queue_keys[] = {
	{.name = "branches",
	 .kind = KEY_TEXTS,
	 .unique = true,
	 CONFIG(queue.branches),
	 .check = check_glob,
	 .help = "Branches that changes land on through the queue; those of push when not written."},
	{.name = "batch",
	 .kind = KEY_COUNT,
	 CONFIG(queue.batch),
	 .min = 1,
	 .max = 50,
	 .help = "Changes that are tested together, at most; 5 when not written."},
};
static const struct keys keys_queue = {
	.what = "merge_queue", .v = queue_keys, .n = ARRAY_LEN(queue_keys), .finish = finish_queue};

static enum rc check_cron(struct reader *r, const struct yaml_node *at)
{
	struct err why = {RC_OK, ""};
	struct cron cron;
	char text[SHOWN];

	if (cron_parse(at->text, &cron, &why) != RC_OK)
		return FAIL(r, at, "\"%s\" is no time of crontab: %s", shown(at->text, text),
			    why.msg);
	return RC_OK;
}

static enum rc finish_schedule(struct reader *r, const struct key *key, const struct yaml_node *at,
			       void *object, const struct place *place)
{
	struct schedule_def *s = object;
	char text[SHOWN];

	(void)key;
	(void)place;
	if (!s->zone)
		s->zone = xstrdup("UTC");
	const char *rule = streq(s->zone, "UTC") ? "UTC0"
			   : r->zone_rule        ? r->zone_rule(s->zone, r->ctx)
						 : NULL;
	if (!rule)
		return FAIL(r, yaml_get(at, "zone"), "there is no time zone \"%s\" on this machine",
			    shown(str_of(s->zone), text));
	s->rule = xstrdup(rule);
	return RC_OK;
}

#define SCHEDULE(member) .offset = offsetof(struct schedule_def, member)
static const struct key schedule_keys[] = {
	{.name = "cron",
	 .kind = KEY_TEXT,
	 .required = true,
	 .max = 200,
	 SCHEDULE(cron),
	 .check = check_cron,
	 .help = "minute hour day month weekday, as in crontab; or @daily and its kin"},
	{.name = "zone",
	 .kind = KEY_TEXT,
	 SCHEDULE(zone),
	 .help = "Whose clock: Europe/Berlin; UTC when not written."},
	{.name = "branch",
	 .kind = KEY_TEXT,
	 SCHEDULE(branch),
	 .help = "Whose head is run; the first branch of push when not written."},
};
static const struct keys keys_schedule = {.what = "schedule",
					  .v = schedule_keys,
					  .n = ARRAY_LEN(schedule_keys),
					  .size = sizeof(struct schedule_def),
					  .name_at = NOWHERE,
					  .line_at = offsetof(struct schedule_def, line),
					  .finish = finish_schedule};

static const struct key on_keys[] = {
	{.name = "push",
	 .kind = KEY_MAP,
	 .sub = &keys_push,
	 .help = "A push to a branch or of a tag."},
	{.name = "pull_request",
	 .kind = KEY_MAP,
	 .sub = &keys_pull,
	 .help = "A change that asks to be merged: refs/pull/N/head, refs/merge-requests/N/head."},
	{.name = "merge_queue",
	 .kind = KEY_MAP,
	 .sub = &keys_queue,
	 .help = "Changes land in order, each batch tested as it would land."},
	{.name = "schedule",
	 .kind = KEY_LIST,
	 CONFIG(schedules),
	 .sub = &keys_schedule,
	 .max = 50,
	 .help = "Runs by the clock."},
};
const struct keys keys_on = {.what = "on", .v = on_keys, .n = ARRAY_LEN(on_keys)};

/* ---- quarantine ---- */

static enum rc own_until(struct reader *r, const struct key *key, const struct yaml_node *at,
			 void *object, const struct place *place)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(64);
	usec_t day = 0;

	if (at->kind == YAML_SCALAR && at->text.n == 10)
		strbuf_addf(&text, "%.10sT00:00:00Z", at->text.p);
	if (!text.n || !time_parse(text.p, text.n, &day))
		return read_wrong(r, key, at, place, "a day such as 2026-12-31");
	((struct quarantine_def *)object)->until = day + USEC_DAY;
	return RC_OK;
}

#define QUARANTINE(member) .offset = offsetof(struct quarantine_def, member)
static const struct key quarantine_keys[] = {
	{.name = "test",
	 .kind = KEY_TEXT,
	 .required = true,
	 .max = 500,
	 QUARANTINE(test),
	 .help = "its name as JUnit reports it, class.name; globs too"},
	{.name = "unit",
	 .kind = KEY_TEXT,
	 QUARANTINE(unit),
	 .help = "Whose test; of any when not written."},
	{.name = "owner",
	 .kind = KEY_TEXT,
	 .required = true,
	 QUARANTINE(owner),
	 .help = "who mends it"},
	{.name = "until",
	 .kind = KEY_OWN,
	 .required = true,
	 .offset = 0,
	 .own = own_until,
	 .schema = "{\"type\":\"string\",\"pattern\":\"^[0-9]{4}-[0-9]{2}-[0-9]{2}$\"}",
	 .help = "the last day on which it counts, such as 2026-12-31"},
	{.name = "reason", .kind = KEY_TEXT, QUARANTINE(reason), .help = "Why, or a ticket."},
};
const struct keys keys_quarantine = {.what = "quarantine",
				     .v = quarantine_keys,
				     .n = ARRAY_LEN(quarantine_keys),
				     .size = sizeof(struct quarantine_def),
				     .name_at = NOWHERE,
				     .line_at = offsetof(struct quarantine_def, line)};
