/* `penstock init`: a first penstock.yml for a repository. */
#include "base/json.h"
#include "clients/git_worktree.h"
#include "core/config.h"
#include "io/files.h"
#include "main/local.h"
#include "main/local_init.h"
#include "main/local_plan.h"

#include <unistd.h>

#define TEXT_MAX ((size_t)1 << 20)

static const char *const tool_names[] = {
	"nothing that builds it", "make", "npm", "go", "cargo", "maven", "cmake"};

/* DIR, or the top of the repository here, or here. The caller's. */
static char *root_of(const char *dir, bool *ret_git)
{
	AUTO(repo_freep) struct repo *repo = NULL;
	struct err err = {0};

	*ret_git = repo_find(dir ? dir : ".", &repo, &err) == RC_OK;
	if (dir || !*ret_git || !repo_workdir(repo))
		return xstrdup(dir ? dir : ".");
	char *root = xstrdup(repo_workdir(repo));
	size_t n = strlen(root);
	if (n > 1 && root[n - 1] == '/')
		root[n - 1] = '\0';
	return root;
}

static enum rc write_it(const struct init_found *f, const char *path, bool force, struct err *err)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(TEXT_MAX);
	AUTO(config_done) struct config c = {0};

	if (file_exists(path) && !force)
		return err_set(err, RC_INVALID, "%s is there already; --force replaces it", path);
	if (!f->units.n)
		return err_set(
			err, RC_INVALID,
			"%s has no Makefile, package.json, go.mod, Cargo.toml, pom.xml, "
			"CMakeLists.txt or Dockerfile up to four folders deep: write a %s by hand",
			f->root, CONFIG_FILE);
	init_write(f, &text);
	if (strbuf_failed(&text))
		return err_set(err, RC_TOO_BIG, "too many units were found");
	enum rc rc = config_read(strbuf_str(&text), CONFIG_FILE, NULL, NULL, &c, err);
	if (rc != RC_OK) {
		err->rc = RC_INTERNAL;
		return err_wrap(err, "what init would write is wrong");
	}
	return file_write(path, strbuf_str(&text), 0644, err);
}

static void add_deps(const struct init_found *f, const struct init_unit *u, struct strbuf *to)
{
	for (size_t i = 0; i < u->deps.n; i++)
		strbuf_addf(to, "%s%s", i ? ", " : ", built from ", f->units.v[u->deps.v[i]].name);
}

static void print_text(const struct init_found *f, const char *path, bool git)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(TEXT_MAX);

	strbuf_addf(&text, "wrote %s; it guesses that\n", path);
	vec_each(u, &f->units) {
		strbuf_addf(&text, "  %s is the %s %s, built by %s", u->path,
			    u->library ? "library" : "service", u->name, tool_names[u->tool]);
		add_deps(f, u, &text);
		if (!u->library && u->health)
			strbuf_addf(&text, ", healthy when %s answers", u->health);
		if (!u->library && !u->binary)
			strbuf_adds(&text, "; which file its image holds is not known");
		strbuf_addc(&text, '\n');
	}
	strbuf_addf(&text,
		    "next: read it, then%s `penstock check`, `penstock run`, and commit it\n",
		    git ? "" : " `git init`,");
	local_print(&text);
}

static void print_json(const struct init_found *f, const char *path)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(TEXT_MAX);
	struct json_out out = JSON_OUT(&text);

	json_open(&out, NULL);
	json_cstr(&out, "file", path);
	json_cstr(&out, "project", f->project);
	json_list(&out, "units");
	vec_each(u, &f->units) {
		json_open(&out, NULL);
		json_cstr(&out, "unit", u->name);
		json_cstr(&out, "kind", u->library ? "library" : "service");
		json_cstr(&out, "path", u->path);
		json_cstr(&out, "tool", tool_names[u->tool]);
		json_list(&out, "deps");
		vec_each(dep, &u->deps)
			json_cstr(&out, NULL, f->units.v[*dep].name);
		json_unlist(&out);
		json_close(&out);
	}
	json_unlist(&out);
	json_close(&out);
	strbuf_addc(&text, '\n');
	local_print(&text);
}

int local_init(const struct init_options *o)
{
	AUTO(init_found_done) struct init_found f = {0};
	struct err err = {0};
	bool git = false;
	AUTO(freep) char *root = root_of(o->dir, &git);
	AUTO(freep)
	char *path =
		streq(root, ".") ? xstrdup(CONFIG_FILE) : xasprintf("%s/%s", root, CONFIG_FILE);
	enum rc rc = init_find(root, &f, &err);

	if (rc == RC_OK) {
		init_guess(&f);
		rc = write_it(&f, path, o->force, &err);
	}
	if (rc != RC_OK)
		return local_fail_as(&err, o->json);
	if (o->json)
		print_json(&f, path);
	else
		print_text(&f, path, git);
	return EXIT_GOOD;
}
