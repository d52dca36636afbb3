#include "core/tell.h"
#include "base/strbuf.h"

#define TEXT_MAX     400
#define VALUE_MAX    160
#define MOVES_MAX    4
#define DIGEST_SHOWN 12

/*
 * {name} is a member of the event; what stands in [ ] is left out when a member in it is empty. `no` is said of an event that failed,
 * or of a no.
 */
struct sentence {
	const char *is, *no;
	enum tell_kind decides;
};
/* clang-format off */
static const struct sentence sentences[EVENT_KINDS] = {
	[EV_STARTED] = {"Penstock {text} started", NULL, TELL_NEVER},
	[EV_REF_MOVED] = {"{repo}: {ref} stands at {commit}[, before at {base}]", "{repo}: {ref} was removed", TELL_NEVER},
	[EV_CHANGE_PLANNED] = {"{change} was planned", NULL, TELL_BY_EVENT},
	[EV_CHANGE_REFUSED] = {"{change} was refused: {error}", NULL, TELL_ALWAYS},
	[EV_CHANGE_REVERTED] = {"The change of {release} was reverted[ by {commit}]", "The change of {release} was not reverted: {error}", TELL_ALWAYS},
	[EV_JOB_STARTED] = {"Job {job} started[ on {id}]", NULL, TELL_NEVER},
	[EV_JOB_ENDED] = {"Job {job} passed", "Job {job} did not pass[: {failure}][, exit code {exit}][: {error}]", TELL_BY_EVENT},
	[EV_ATTESTED] = {"The {type} of {image} in {stage} was attested for {release}", "The {type} of {release} could not be attested: {error}", TELL_BY_EVENT},
	[EV_EVIDENCE_VERIFIED] = {"The evidence of {release} was verified for {environment}", "The evidence of {release} does not do for {environment}[: {error}]", TELL_BY_EVENT},
	[EV_DEPLOY_PLANNED] = {"{rollout} was planned", "{rollout} could not be planned: {error}", TELL_BY_EVENT},
	[EV_DESIRED_WRITTEN] = {"The desired state of {rollout} was written[ as {commit}]", "The desired state of {rollout} was not written: {error}", TELL_BY_EVENT},
	[EV_REPLICA] = {"A replica of {unit} in {environment} is {replica}[: {text}]", NULL, TELL_BY_EVENT},
	[EV_REPLICAS_STARTED] = {"The replicas of {rollout} were started", "The replicas of {rollout} were not started[: {error}]", TELL_BY_EVENT},
	[EV_REPLICAS_STOPPED] = {"The replicas of {unit} {image} in {environment} were stopped", NULL, TELL_BY_EVENT},
	[EV_WEIGHT_SET] = {"{rollout} has {weight} of the traffic", NULL, TELL_ALWAYS},
	[EV_FACTS] = {"Traffic of {rollout} was looked at", NULL, TELL_BY_EVENT},
	[EV_HISTORY] = {"Earlier traffic was read for {rollout}", NULL, TELL_NEVER},
	[EV_NOTIFIED] = {"{incident} was told[ by {text}]", "{incident} could not be told[ by {text}]: {error}", TELL_NEVER},
	[EV_TIMER] = {"Time is over: {text}[ of {rollout}][ of {release}][ in {environment}]", NULL, TELL_BY_EVENT},
	[EV_APPROVE] = {"{actor} approved {release}{run}[: {text}]", "{actor} said no to {release}{run}[: {text}]", TELL_ALWAYS},
	[EV_PROMOTE] = {"{actor} promoted {rollout}[: {text}]", NULL, TELL_ALWAYS},
	[EV_ABORT] = {"{actor} stopped {rollout}{release}{run}[: {text}]", NULL, TELL_ALWAYS},
	[EV_ROLLBACK] = {"{actor} rolled {unit} back in {environment}[ to {image}][: {text}]", NULL, TELL_ALWAYS},
	[EV_PIN] = {"{actor} pinned {unit} in {environment}[ to {image}][ until {until}][: {text}]", NULL, TELL_ALWAYS},
	[EV_UNPIN] = {"{actor} lifted {id} in {environment}[: {text}]", NULL, TELL_ALWAYS},
	[EV_VETO] = {"{actor} vetoed {image}[ of {unit}] in {environment}[ until {until}][: {text}]", NULL, TELL_ALWAYS},
	[EV_UNVETO] = {"{actor} lifted {id} in {environment}[: {text}]", NULL, TELL_ALWAYS},
	[EV_HOLD] = {"{actor} held {environment}[ for {unit}][ until {until}][: {text}]", NULL, TELL_ALWAYS},
	[EV_UNHOLD] = {"{actor} lifted {id} in {environment}[: {text}]", NULL, TELL_ALWAYS},
	[EV_INCIDENT_NOTE] = {"{actor} noted on {incident}: {text}", NULL, TELL_ALWAYS},
	[EV_INCIDENT_CLOSE] = {"{actor} closed {incident}[: {text}]", NULL, TELL_ALWAYS},
	[EV_INCIDENT_MITIGATE] = {"{actor} said that {incident} is mitigated[: {text}]", NULL, TELL_ALWAYS},
	[EV_RERUN] = {"{actor} ran what failed of {run} again[: {text}]", NULL, TELL_ALWAYS},
	[EV_REFUSED] = {"{actor} was refused {order}: {error}", NULL, TELL_ALWAYS},
	[EV_AGENT] = {"Agent {id} is connected[ from {type}]", "Agent {id} is gone[: {error}]", TELL_NEVER},
	[EV_MERGED] = {"Merged for {id}[: {commit}]", "Could not merge for {id}: {error}", TELL_BY_EVENT},
	[EV_LANDED] = {"What {id} tested has landed", "What {id} tested has not landed[: {error}]", TELL_ALWAYS},
	[EV_DRAIN] = {"{actor} gives agent {id} no more jobs", "{actor} gives agent {id} jobs again", TELL_ALWAYS},
	[EV_START_JOB] = {"{actor} started {job}[: {text}]", NULL, TELL_ALWAYS},
	[EV_QUEUE_ADD] = {"{actor} queued {ref} for {type} of {repo}", NULL, TELL_ALWAYS},
	[EV_QUEUE_DEL] = {"{actor} took {ref} out of the queue for {type} of {repo}", NULL, TELL_ALWAYS},
	[EV_QUARANTINE] = {"{actor} put {id}[ of {unit}] into quarantine[ until {until}][: {text}]", NULL, TELL_ALWAYS},
	[EV_UNQUARANTINE] = {"{actor} took {id}[ of {unit}] out of quarantine[: {text}]", NULL, TELL_ALWAYS},
	[EV_USER] = {"{actor} made or changed user {id}", "{actor} disabled user {id}", TELL_ALWAYS},
	[EV_TOKEN] = {"{actor} made token {type}[ for {text}][ as {role}][ in {environment}][ for {base}][ until {until}]", NULL, TELL_ALWAYS},
	[EV_TOKEN_END] = {"{actor} revoked token {id}", NULL, TELL_ALWAYS},
	[EV_TOKEN_USED] = {"{id} was used[ from {address}]", NULL, TELL_NEVER},
	[EV_LOGIN] = {"{text} logged in[ from {address}]", NULL, TELL_ALWAYS},
	[EV_LOGOUT] = {"{actor} ended session {id}", NULL, TELL_ALWAYS},
	[EV_GRANT] = {"{actor} made {type} {role}[ in {environment}]", NULL, TELL_ALWAYS},
	[EV_GRANT_END] = {"{actor} took {id} back", NULL, TELL_ALWAYS},
	[EV_DENIED] = {"{actor} was denied {text}[, {count} times][ from {address}]: {error}", NULL, TELL_ALWAYS},
	[EV_CACHE_PRUNE] = {"{actor} pruned the build caches of {id}: {text} went", NULL, TELL_ALWAYS},
	[EV_EFFECT_FAILED] = {"{type} failed and is not tried again[: {error}]", NULL, TELL_ALWAYS},
};
/* clang-format on */

enum tell_kind tell_kind_of(enum event_kind kind)
{
	return sentences[kind].decides;
}

static bool is_not(const struct event *ev)
{
	switch (ev->kind) {
	case EV_REF_MOVED:
		return !ev->commit;
	case EV_JOB_ENDED:
		return ev->failure != FAILURE_NONE || ev->exit || ev->error;
	case EV_EVIDENCE_VERIFIED:
	case EV_REPLICAS_STARTED:
	case EV_APPROVE:
	case EV_AGENT:
	case EV_LANDED:
	case EV_DRAIN:
	case EV_USER:
		return !ev->ok;
	default: /* of all others, an error says it */
		return ev->error != NULL;
	}
}

/* ---- members ---- */

/* "user:ann" as people say it. */
static void add_actor(struct strbuf *to, const char *actor)
{
	struct str s = str_of(actor);

	if (str_is(s, "engine"))
		strbuf_adds(to, "Penstock");
	else if (str_starts(s, "user:"))
		strbuf_adds(to, actor + strlen("user:"));
	else if (str_starts(s, "token:"))
		strbuf_addf(to, "token %s", actor + strlen("token:"));
	else if (str_starts(s, "agent:"))
		strbuf_addf(to, "agent %s", actor + strlen("agent:"));
	else
		strbuf_adds(to, s.n ? actor : "somebody");
}

static void add_commit(struct strbuf *to, const char *commit)
{
	if (commit)
		strbuf_addf(to, "%.12s", commit);
}

static void add_digest(struct strbuf *to, const char *digest)
{
	struct str s = str_of(digest);

	if (str_starts(s, "sha256:"))
		strbuf_addf(to, "%.*s", DIGEST_SHOWN, digest + strlen("sha256:"));
	else
		strbuf_adds(to, s.p);
}

static void add_ref(struct strbuf *to, const char *ref)
{
	static const char heads[] = "refs/heads/";

	if (ref)
		strbuf_adds(to, str_starts(str_of(ref), heads) ? ref + sizeof(heads) - 1 : ref);
}

static void add_change(struct strbuf *to, const struct change *c)
{
	add_commit(to, c->commit);
	if (c->subject)
		strbuf_addf(to, " \"%s\"", c->subject);
	if (c->author)
		strbuf_addf(to, " by %s", c->author);
	strbuf_adds(to, " on ");
	add_ref(to, c->ref);
	strbuf_addf(to, " of %s", c->repo ? c->repo : "?");
}

/* "person.pin {...}": the order alone. */
static void add_order(struct strbuf *to, const char *text)
{
	struct str rest = str_of(text), order = str_cut(&rest, ' ');

	strbuf_addstr(to, order);
}

static void add_time(struct strbuf *to, uint64_t at)
{
	char text[TIME_TEXT];

	if (!at)
		return;
	time_text(at, text);
	strbuf_addf(to, "%.16sZ", text);
}

static const struct {
	const char *name;
	size_t at;
} texts_of[] = {
#define M(member)                                       \
	{                                               \
#member, offsetof(struct event, member) \
	}
	M(address), M(repo),     M(base), M(run),  M(job),  M(release), M(rollout), M(environment),
	M(unit),    M(incident), M(id),   M(type), M(text), M(error)
#undef M
};

/* Members that are no plain text. False: there is none of this name. */
static bool add_special(struct strbuf *to, const struct event *ev, struct str name)
{
	if (str_is(name, "actor"))
		add_actor(to, ev->actor);
	else if (str_is(name, "commit"))
		add_commit(to, ev->commit);
	else if (str_is(name, "image"))
		add_digest(to, ev->image);
	else if (str_is(name, "ref"))
		add_ref(to, ev->ref);
	else if (str_is(name, "change"))
		add_change(to, &ev->change);
	else if (str_is(name, "order"))
		add_order(to, ev->text);
	else if (str_is(name, "until"))
		add_time(to, ev->until);
	else if (str_is(name, "role"))
		strbuf_adds(to, ev->role == ROLE_NONE ? "" : role_names[ev->role]);
	else if (str_is(name, "stage"))
		strbuf_adds(to, stage_names[ev->stage]);
	else if (str_is(name, "replica"))
		strbuf_adds(to, replica_state_names[ev->replica]);
	else if (str_is(name, "failure"))
		strbuf_adds(to, ev->failure == FAILURE_NONE ? "" : failure_names[ev->failure]);
	else if (str_is(name, "weight"))
		strbuf_addf(to, "%g %%", ev->weight * 100);
	else if (str_is(name, "exit") && ev->exit)
		strbuf_addf(to, "%lld", (long long)ev->exit);
	else if (str_is(name, "count") && ev->count > 1)
		strbuf_addf(to, "%u", ev->count);
	else
		return str_is(name, "exit") || str_is(name, "count");
	return true;
}

/* A commit's member may be "base" of a ref, or a scope of a token: each as it is best read. */
static void add_member(struct strbuf *to, const struct event *ev, struct str name)
{
	AUTO(strbuf_done) struct strbuf value = STRBUF(1 << 16);

	if (str_is(name, "base") && ev->kind == EV_REF_MOVED) {
		add_commit(&value, ev->base);
	} else if (!add_special(&value, ev, name)) {
		size_t i = 0;

		while (i < ARRAY_LEN(texts_of) && !str_is(name, texts_of[i].name))
			i++;
		BUG_ON(i == ARRAY_LEN(texts_of));
		const char *text =
			*(char *const *)(const void *)((const char *)ev + texts_of[i].at);
		strbuf_adds(&value, text ? text : "");
	}
	struct str s = strbuf_str(&value);
	if (s.n > VALUE_MAX) { /* not within a character */
		s.n = VALUE_MAX;
		while (s.n && ((unsigned char)s.p[s.n] & 0xc0) == 0x80)
			s.n--;
		strbuf_addstr(to, s);
		strbuf_adds(to, "...");
		return;
	}
	strbuf_addstr(to, s);
}

/* Up to `end`; false: a member was empty. */
static bool fill(struct strbuf *to, const struct event *ev, const char *p, const char *end)
{
	bool whole = true;

	while (p < end) {
		if (*p == '{') {
			const char *close = strchr(p, '}');
			size_t had = to->n;

			add_member(to, ev, (struct str){p + 1, (size_t)(close - p) - 1});
			whole &= to->n > had;
			p = close + 1;
		} else if (*p == '[') {
			const char *close = strchr(p, ']');
			AUTO(strbuf_done) struct strbuf part = STRBUF(1 << 16);

			if (fill(&part, ev, p + 1, close))
				strbuf_addstr(to, strbuf_str(&part));
			p = close + 1;
		} else {
			strbuf_addc(to, *p++);
		}
	}
	return whole;
}

/* ---- what it led to ---- */

/* "\"running\"" -> running */
static struct str bare(const char *json)
{
	struct str s = str_of(json);

	return s.n >= 2 && s.p[0] == '"' ? (struct str){s.p + 1, s.n - 2} : s;
}

static void add_moves(struct strbuf *to, const struct event *ev)
{
	size_t n = 0;

	vec_each(c, &ev->changes) {
		if (!streq(c->field, "state") || !c->after || n++ >= MOVES_MAX)
			continue;
		struct str is = bare(c->after);
		if (n == 1 && to->n && to->p[to->n - 1] == '.')
			to->n--; /* of what somebody wrote: the sentence goes on */
		strbuf_addf(to, "%s%s is ", n == 1 ? "; " : ", ", c->subject);
		for (size_t i = 0; i < is.n; i++)
			strbuf_addc(to, is.p[i] == '_' ? ' ' : is.p[i]);
	}
	if (n > MOVES_MAX)
		strbuf_addf(to, " and %zu more", n - MOVES_MAX);
}

void tell_event(const struct event *ev, struct strbuf *to)
{
	const struct sentence *s = &sentences[ev->kind];
	const char *text = s->no && is_not(ev) ? s->no : s->is;
	AUTO(strbuf_done) struct strbuf line = STRBUF(1 << 18);

	(void)fill(&line, ev, text, text + strlen(text));
	add_moves(&line, ev);
	for (size_t i = 0; i < line.n; i++)
		if ((unsigned char)line.p[i] < 0x20 || line.p[i] == 0x7f)
			line.p[i] = ' ';
	struct str all = strbuf_str(&line);
	if (all.n > TEXT_MAX) {
		all.n = TEXT_MAX - 3;
		while (all.n && ((unsigned char)all.p[all.n] & 0xc0) == 0x80)
			all.n--;
		strbuf_addstr(to, all);
		strbuf_adds(to, "...");
	} else {
		strbuf_addstr(to, all);
	}
}

/* States that something was decided to be in, not those that work leads to. */
static bool is_decided(const struct field_change *c)
{
	static const char *const states[] = {"gated",       "promoting", "live",     "rejected",
					     "rolled_back", "holding",   "aborting", "superseded",
					     "cancelled",   "mitigated", "closed"};
	struct str is = bare(c->after);

	if (!streq(c->field, "state") || !c->after)
		return false;
	if (str_starts(str_of(c->subject), "inc-"))
		return true;
	for (size_t i = 0; i < ARRAY_LEN(states); i++)
		if (str_is(is, states[i]))
			return true;
	return false;
}

bool tell_is_decision(const struct event *ev)
{
	if (sentences[ev->kind].decides != TELL_BY_EVENT)
		return sentences[ev->kind].decides == TELL_ALWAYS;
	if (ev->kind == EV_ATTESTED && ev->stage == STAGE_GATE)
		return true;
	if (ev->kind == EV_EVIDENCE_VERIFIED)
		return true;
	vec_each(c, &ev->changes)
		if (is_decided(c))
			return true;
	return false;
}
