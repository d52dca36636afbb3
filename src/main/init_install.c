/*
 * A workspace of npm, pnpm or yarn: its packages have one lockfile and one node_modules, at the top of the repository, where the jobs of
 * units do not look. So there is one job that installs, and leaves node_modules to the jobs that need it.
 */
#include "base/json.h"
#include "core/config.h"
#include "io/files.h"
#include "main/local_init.h"

#define PACKAGE_MAX ((size_t)1 << 20)

static bool there(const struct init_found *f, const char *name)
{
	AUTO(freep) char *path = xasprintf("%s/%s", f->root, name);

	return file_exists(path);
}

static bool is_npm_workspace(const struct init_found *f)
{
	AUTO(freep) char *path = xasprintf("%s/package.json", f->root);
	AUTO(strbuf_done) struct strbuf text = STRBUF(PACKAGE_MAX);
	AUTO(json_freep) struct json *root = NULL;
	struct err err = {0};

	return file_read(path, PACKAGE_MAX, &text, &err) == RC_OK &&
	       json_read(strbuf_str(&text), PACKAGE_MAX, &root, &err) == RC_OK &&
	       json_get(root, "workspaces");
}

void init_find_workspace(struct init_found *f)
{
	bool pnpm = there(f, "pnpm-workspace.yaml");

	if (!pnpm && !is_npm_workspace(f))
		return;
	f->locked = pnpm ? there(f, "pnpm-lock.yaml")
			 : there(f, "package-lock.json") || there(f, "yarn.lock");
	f->workspace = pnpm                      ? WORKSPACE_PNPM
		       : !there(f, "yarn.lock")  ? WORKSPACE_NPM
		       : there(f, ".yarnrc.yml") ? WORKSPACE_BERRY
						 : WORKSPACE_YARN;
}

static const char *install_command(const struct init_found *f)
{
	switch (f->workspace) {
	case WORKSPACE_NONE:
	case WORKSPACE_NPM:
		return f->locked ? "npm ci --no-audit --no-fund"
				 : "npm install --no-audit --no-fund";
	case WORKSPACE_PNPM:
		return f->locked ? "pnpm install --frozen-lockfile" : "pnpm install";
	case WORKSPACE_YARN:
		return "yarn install --frozen-lockfile";
	case WORKSPACE_BERRY:
		return "yarn install --immutable";
	}
	return "";
}

/* Each package's manifest, by the folder that they lie in: "apps/" and "*" and "/package.json". */
static void add_manifests(const struct init_found *f, struct strbuf *to)
{
	AUTO(strbuf_done) struct strbuf seen = STRBUF((size_t)1 << 20);

	vec_each(u, &f->units) {
		const char *slash = strrchr(u->path, '/');
		AUTO(freep)
		char *item = slash ? xasprintf(", \"%.*s/*/package.json\"", (int)(slash - u->path),
					       u->path)
			     : streq(u->path, ".") ? xstrdup("")
						   : xasprintf(", \"%s/package.json\"", u->path);
		if (u->tool != TOOL_NPM || (seen.n && strstr(strbuf_cstr(&seen), item)))
			continue;
		strbuf_adds(&seen, item);
	}
	strbuf_addstr(to, strbuf_str(&seen));
}

void init_write_install(const struct init_found *f, struct strbuf *to)
{
	static const char *const files[] = {
		"package-lock.json",   "pnpm-lock.yaml", "yarn.lock", ".npmrc",
		"pnpm-workspace.yaml", ".yarnrc.yml",    ".yarnrc"};
	static const char *const folders[] = {"patches", ".yarn"};

	if (f->workspace == WORKSPACE_NONE)
		return;
	strbuf_adds(
		to,
		"  # Once for the whole workspace, and again when one of these files changes; node_modules goes to\n"
		"  # the jobs that need it, where they look for it. Of the lockfile, a job counts what its own unit uses.\n"
		"  install:\n    installs: true\n    inputs: [package.json");
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		if (there(f, files[i]))
			strbuf_addf(to, ", %s", files[i]);
	for (size_t i = 0; i < ARRAY_LEN(folders); i++)
		if (there(f, folders[i]))
			strbuf_addf(to, ", \"%s/**\"", folders[i]);
	add_manifests(f, to);
	strbuf_addf(
		to,
		"]\n    run: %s\n    outputs: [\"**/node_modules/**\"]\n    network: true  # packages are fetched\n",
		install_command(f));
}

void init_write_shared(const struct init_found *f, struct strbuf *to)
{
	static const char *const files[] = {
		"tsconfig.json",    "tsconfig.base.json", "jsconfig.json",
		"babel.config.js",  "babel.config.json",  "jest.config.js",
		"jest.preset.js",   "vitest.config.ts",   "vitest.workspace.ts",
		"eslint.config.js", "eslint.config.mjs",  ".eslintrc.js",
		".eslintrc.cjs",    ".eslintrc.json",     ".eslintrc",
		".prettierrc",      "biome.json",         ".browserslistrc"};
	size_t n = 0;

	for (size_t i = 0; f->workspace && i < ARRAY_LEN(files); i++)
		if (there(f, files[i]))
			strbuf_addf(to, "%s%s%s", n++ ? ", " : "    inputs: [" INPUTS_DEFAULT ", ",
				    INPUTS_ROOT, files[i]);
	strbuf_adds(to, n ? "]\n" : "");
}
