/* The text of one service's desired state, and what may be written over it. */
#include "flow/5-deploy/desired_text.h"

#include "base/digest.h"
#include "base/yaml.h"

#include <inttypes.h>

static bool is_name(const char *s)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

	return s && *s && *s != '.' && *s != '-' && strlen(s) <= 100 &&
	       strspn(s, allowed) == strlen(s);
}

enum rc desired_check_names(const char *environment, const char *unit, struct err *err)
{
	if (!is_name(environment))
		return err_set(err, RC_INVALID, "\"%.100s\" cannot name an environment",
			       environment ? environment : "");
	if (!is_name(unit))
		return err_set(err, RC_INVALID, "\"%.100s\" cannot name a service",
			       unit ? unit : "");
	return RC_OK;
}

enum rc desired_check(const struct deploy *want, struct err *err)
{
	enum rc rc = desired_check_names(want->environment, want->unit, err);
	struct digest d;

	if (rc == RC_OK && (!want->image || !str_starts(str_of(want->image), "sha256:") ||
			    !digest_parse(str_of(want->image), &d)))
		rc = err_set(err, RC_INVALID, "%s: \"%.100s\" is no image digest", want->unit,
			     want->image ? want->image : "");
	return rc;
}

char *desired_path(const char *unit)
{
	return xasprintf("services/%s.yml", unit);
}

/* ---- writing ---- */
/* Quoted always: a reader need not know which words are special. */
static void add_text(struct strbuf *to, const char *s)
{
	strbuf_addc(to, '"');
	for (struct str rest = str_of(s); rest.n;) {
		size_t n = str_character(rest);
		unsigned char c = (unsigned char)*rest.p;
		if (!n || c < 0x20 || c == 0x7f)
			strbuf_addf(to, "\\x%02x", c);
		else if (c == '"' || c == '\\')
			strbuf_addf(to, "\\%c", c);
		else
			strbuf_add(to, rest.p, n);
		n = n ? n : 1;
		rest = (struct str){rest.p + n, rest.n - n};
	}
	strbuf_addc(to, '"');
}

static int by_key(const void *a, const void *b)
{
	return strcmp(((const struct pair *)a)->key, ((const struct pair *)b)->key);
}

static void add_pairs(struct strbuf *to, const char *name, const pairs *from)
{
	if (!from->n)
		return;
	VEC(struct pair) sorted = {0};
	for (size_t i = 0; i < from->n; i++)
		vec_push(&sorted, from->v[i]);
	qsort(sorted.v, sorted.n, sizeof(*sorted.v), by_key);
	strbuf_addf(to, "%s:\n", name);
	for (size_t i = 0; i < sorted.n; i++) {
		strbuf_adds(to, "  ");
		add_text(to, sorted.v[i].key);
		strbuf_adds(to, ": ");
		add_text(to, sorted.v[i].value ? sorted.v[i].value : "");
		strbuf_addc(to, '\n');
	}
	vec_done(&sorted);
}

enum rc desired_render(const struct deploy *want, struct strbuf *to, struct err *err)
{
	strbuf_addf(to,
		    "# Desired state of one service, written by Penstock.\nservice: %s\n"
		    "image: %s\nreplicas: %" PRIu32 "\n",
		    want->unit, want->image, want->replicas);
	if (want->port)
		strbuf_addf(to, "port: %" PRIu32 "\n", want->port);
	if (want->health) {
		strbuf_adds(to, "health: ");
		add_text(to, want->health);
		strbuf_addc(to, '\n');
	}
	if (want->memory)
		strbuf_addf(to, "memory: %" PRIu64 "\n", want->memory);
	add_pairs(to, "environment", &want->env);
	add_pairs(to, "secrets", &want->secrets);
	if (want->consumers.n)
		strbuf_adds(to, "calls:\n");
	for (size_t i = 0; i < want->consumers.n; i++) {
		strbuf_adds(to, "  - ");
		add_text(to, want->consumers.v[i]);
		strbuf_addc(to, '\n');
	}
	strbuf_adds(to, "strategy: none\n"); /* how it gets there is the rollout's business */
	if (strbuf_failed(to))
		return err_set(err, RC_TOO_BIG, "the desired state of %s is longer than %zu bytes",
			       want->unit, DESIRED_MAX);
	return RC_OK;
}

/* Line breaks would end the value, and could forge another trailer. */
static void add_line(struct strbuf *to, const char *s, size_t max)
{
	for (size_t i = 0; s[i] && i < max; i++)
		strbuf_addc(to, (unsigned char)s[i] < 0x20 || s[i] == 0x7f ? ' ' : s[i]);
	strbuf_addc(to, '\n');
}

void desired_message(const char *subject, const pairs *trailers, struct strbuf *to)
{
	add_line(to, subject && *subject ? subject : "desired state", 300);
	for (size_t i = 0; trailers && i < trailers->n; i++) {
		if (i == 0)
			strbuf_addc(to, '\n');
		strbuf_addf(to, "%s: ", trailers->v[i].key);
		add_line(to, trailers->v[i].value ? trailers->v[i].value : "", 1000);
	}
}

/* ---- reading ---- */
enum rc desired_read(struct str text, const char *name, char **ret_image, struct err *err)
{
	AUTO(yaml_freep) struct yaml *doc = NULL;

	if (!text.n) {
		*ret_image = NULL;
		return RC_OK;
	}
	enum rc rc = yaml_read(text, name, &doc, err);
	if (rc != RC_OK)
		return rc;
	const struct yaml_node *root = yaml_root(doc);
	const struct yaml_node *image =
		root && root->kind == YAML_MAP ? yaml_get(root, "image") : NULL;
	struct digest d;
	if (!image || image->kind != YAML_SCALAR || !str_starts(image->text, "sha256:") ||
	    !digest_parse(image->text, &d))
		return err_set(err, RC_INVALID, "%s: no \"image: sha256:...\" in it", name);
	*ret_image = xstrndup(image->text.p, image->text.n);
	return RC_OK;
}

static void add_part(struct digest_state *s, struct str part)
{
	char n[24];
	int len = snprintf(n, sizeof(n), "%zu:", part.n);

	digest_add(s, n, (size_t)len);
	digest_add(s, part.p, part.n);
}

void desired_hash(const struct deploy *want, struct str old_text, struct str new_text, char ret[65])
{
	struct digest_state *s = digest_new();

	add_part(s, STR("penstock-desired-1"));
	add_part(s, str_of(want->environment));
	add_part(s, str_of(want->unit));
	add_part(s, old_text);
	add_part(s, new_text);
	digest_hex(digest_finish(s), ret);
}

enum rc desired_may_write(const struct deploy *want, const char *image, const char *who,
			  const char *commit, struct err *err)
{
	if (!who || !image || streq(image, want->image) || streq(image, want->previous))
		return RC_OK;
	return err_set(err, RC_CONFLICT,
		       "%s set %s in %s to %.19s in commit %.12s: take that back, or deploy that "
		       "image, then try again",
		       who, want->unit, want->environment, image, commit);
}
