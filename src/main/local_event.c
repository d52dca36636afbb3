#include "main/local_event.h"
#include "base/json.h"
#include "io/files.h"

#include <stdlib.h>

#define PAYLOAD_MAX ((size_t)8 << 20)
#define HEAD_MAX    ((size_t)4096)

static const char *env(const char *name)
{
	const char *value = getenv(name);

	return value ? value : "";
}

static void set_ref(char **ref, const char *prefix, const char *name)
{
	xfree(*ref);
	*ref = *name ? xasprintf("%s%s", prefix, name) : NULL;
}

/* ---- GitHub Actions ---- */

static void github_payload(struct change *c)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(PAYLOAD_MAX);
	AUTO(json_freep) struct json *root = NULL;
	struct err ignored = {0};

	if (!*env("GITHUB_EVENT_PATH") ||
	    file_read(env("GITHUB_EVENT_PATH"), PAYLOAD_MAX, &text, &ignored) != RC_OK ||
	    json_read(strbuf_str(&text), PAYLOAD_MAX, &root, &ignored) != RC_OK)
		return;
	const struct json *pull = json_get(root, "pull_request"),
			  *labels = json_get(pull, "labels");
	const char *from = json_get_text(json_get(json_get(pull, "head"), "repo"), "full_name", "");
	const char *to = json_get_text(json_get(json_get(pull, "base"), "repo"), "full_name", "");

	c->fork = pull && !streq(from, to);
	for (size_t i = 0; i < json_count(labels); i++)
		vec_push(&c->labels, xstrdup(json_get_text(json_at(labels, i), "name", "")));
}

static void github(struct change *c)
{
	static const struct {
		const char *event;
		enum change_kind kind;
	} kinds[] = {{"pull_request", CHANGE_PULL},
		     {"pull_request_target", CHANGE_PULL},
		     {"merge_group", CHANGE_QUEUE},
		     {"schedule", CHANGE_SCHEDULE},
		     {"workflow_dispatch", CHANGE_PERSON}};
	struct str number = str_of(env("GITHUB_REF"));

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (streq(kinds[i].event, env("GITHUB_EVENT_NAME")))
			c->kind = kinds[i].kind;
	set_ref(&c->ref, "", env("GITHUB_REF"));
	if (c->kind == CHANGE_PUSH && str_starts(number, "refs/tags/"))
		c->kind = CHANGE_TAG;
	if (c->kind != CHANGE_PULL)
		return;
	set_ref(&c->ref, "refs/heads/", env("GITHUB_HEAD_REF"));
	set_ref(&c->target, "refs/heads/", env("GITHUB_BASE_REF"));
	if (str_starts(number, "refs/pull/")) {
		number = (struct str){number.p + 10, number.n - 10};
		struct str n = str_cut(&number, '/');
		c->number = xstrndup(n.p, n.n);
	}
	github_payload(c);
}

/* ---- GitLab CI ---- */

static void gitlab(struct change *c)
{
	const char *source = env("CI_PIPELINE_SOURCE");

	set_ref(&c->ref, "refs/heads/", env("CI_COMMIT_BRANCH"));
	if (*env("CI_COMMIT_TAG")) {
		c->kind = CHANGE_TAG;
		set_ref(&c->ref, "refs/tags/", env("CI_COMMIT_TAG"));
	} else if (streq(source, "merge_request_event")) {
		struct str labels = str_of(env("CI_MERGE_REQUEST_LABELS"));

		c->kind = CHANGE_PULL;
		set_ref(&c->ref, "refs/heads/", env("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME"));
		set_ref(&c->target, "refs/heads/", env("CI_MERGE_REQUEST_TARGET_BRANCH_NAME"));
		set_ref(&c->number, "", env("CI_MERGE_REQUEST_IID"));
		c->fork = !streq(env("CI_MERGE_REQUEST_SOURCE_PROJECT_ID"),
				 env("CI_MERGE_REQUEST_PROJECT_ID"));
		while (labels.n) {
			struct str one = str_cut(&labels, ',');

			vec_push(&c->labels, xstrndup(one.p, one.n));
			if (!labels.p)
				break;
		}
	} else if (streq(source, "schedule")) {
		c->kind = CHANGE_SCHEDULE;
	} else if (!streq(source, "push")) {
		c->kind = CHANGE_PERSON;
	}
}

/* ---- here ---- */

/* "ref: refs/heads/main" of a work tree that stands on a branch. */
static void here(struct repo *r, struct change *c)
{
	AUTO(freep) char *path = xasprintf("%sHEAD", repo_dir(r));
	AUTO(strbuf_done) struct strbuf text = STRBUF(HEAD_MAX);
	struct err ignored = {0};

	if (file_read(path, HEAD_MAX, &text, &ignored) != RC_OK)
		return;
	struct str line = str_trim(strbuf_str(&text));
	if (str_starts(line, "ref: "))
		c->ref = xstrndup(line.p + 5, line.n - 5);
}

void local_event(struct repo *r, const char *head, struct change *ret)
{
	AUTO(repo_commit_done) struct repo_commit info = {0};
	struct err ignored = {0};

	*ret = (struct change){.kind = CHANGE_PUSH, .repo = xstrdup("local")};
	if (streq(env("GITHUB_ACTIONS"), "true"))
		github(ret);
	else if (streq(env("GITLAB_CI"), "true"))
		gitlab(ret);
	else
		here(r, ret);
	ret->commit = xstrdup(head);
	if (repo_commit(r, head, &info, &ignored) != RC_OK)
		return;
	ret->author = xstrdup(info.author);
	ret->email = xstrdup(info.email);
	ret->subject = xstrdup(info.subject);
}
