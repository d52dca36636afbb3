/* Between the files of `penstock init`: what was found in a repository, and what was guessed of it. */
#pragma once
#include "base/map.h"
#include "base/strbuf.h"
#include "base/vec.h"

#define INIT_UNITS 500

enum tool { TOOL_NONE, TOOL_MAKE, TOOL_NPM, TOOL_GO, TOOL_CARGO, TOOL_MAVEN, TOOL_CMAKE };
struct init_unit {
	char *name, *path; /* path "." : the whole repository */
	char *module;      /* what others call it: npm or Go name, Cargo or Maven artifact */
	enum tool tool;
	bool library, docker;
	bool lint, test;         /* there is a way to do it */
	bool out;                /* leaves files in out/ */
	bool build;              /* npm: it has a script of that name */
	char *folder;            /* npm: where what it builds lies, as its entry points say; NULL: unknown */
	char *binary;            /* "out/app": what an image would hold; NULL: unknown */
	char *health;            /* path seen in its sources */
	uint32_t port;           /* EXPOSE of its Dockerfile; 0: unknown */
	VEC(size_t) deps;        /* indexes */
	struct strbuf manifests; /* their texts */
};
struct init_graph;
/* Packages of JavaScript that are installed once, at the top of the repository. */
enum workspace { WORKSPACE_NONE, WORKSPACE_NPM, WORKSPACE_PNPM, WORKSPACE_YARN, WORKSPACE_BERRY };
struct init_found {
	char *root, *project;
	enum workspace workspace;
	bool locked; /* the workspace has a lockfile */
	struct init_graph *inferred; /* what manifests say, as `penstock graph` reads them */
	VEC(struct init_unit) units; /* in order of path */
};
void init_found_done(struct init_found *f);
/* Folders with a manifest. */
MUST_CHECK enum rc init_find(const char *root, struct init_found *ret, struct err *err);
/* Fill what follows from the manifests: tools, deps, targets, binaries. */
void init_guess(struct init_found *f);
/* Between these two: units and edges that are inferred, beside those that folders and Makefiles show. */
void init_infer(struct init_found *f);
void init_infer_edges(struct init_found *f);
void init_infer_done(struct init_found *f);
void init_add(struct init_found *f, const char *path, bool library);
/* An edge, unless it is there or closes a circle. */
void init_link(struct init_found *f, size_t from, size_t to);
/* How a workspace is installed, as a job (init_install.c). */
void init_find_workspace(struct init_found *f);
void init_write_install(const struct init_found *f, struct strbuf *to);
/* Settings at the top of the workspace that its packages read, as inputs of a job. */
void init_write_shared(const struct init_found *f, struct strbuf *to);
/* The penstock.yml. */
void init_write(const struct init_found *f, struct strbuf *to);
