/* Between the readers of manifests. Each has the same form; m has file, dir and kind already. */
#pragma once
#include "base/json.h"
#include "base/toml.h"
#include "base/yaml.h"
#include "project/buildfile.h"

struct source {
	struct buildfile *m;
	struct str text;
	struct err *err;
};
MUST_CHECK enum rc read_npm(struct source *s);
MUST_CHECK enum rc read_pnpm(struct source *s);
MUST_CHECK enum rc read_go(struct source *s);
MUST_CHECK enum rc read_go_work(struct source *s);
MUST_CHECK enum rc read_cargo(struct source *s);
MUST_CHECK enum rc read_maven(struct source *s);
MUST_CHECK enum rc read_gradle_settings(struct source *s);
MUST_CHECK enum rc read_gradle(struct source *s);
MUST_CHECK enum rc read_python(struct source *s);
MUST_CHECK enum rc read_cmake(struct source *s);
MUST_CHECK enum rc read_bazel(struct source *s);

/* "file:line: text", RC_INVALID. */
enum rc source_fail(const struct source *s, uint32_t line, const char *fmt, ...) PRINTF(3, 4);
void source_runs(struct source *s, const char *what, uint32_t line);
/* False when there are too many. */
MUST_CHECK bool add_mention(struct source *s, struct str name, struct str range, bool dev,
			    uint32_t line);
/* rel is a path seen from the manifest's folder; one that leaves the repository is left out. */
MUST_CHECK bool add_path(struct source *s, struct str rel, bool dev, uint32_t line);
enum rc too_many(const struct source *s);
/* A glob of members, seen from the manifest's folder; "!" before it excludes. */
void add_member(struct source *s, struct str glob, bool exclude);
void add_name(struct source *s, struct str name);
/* PEP 503: lower case, runs of - _ . are one -. The caller's. */
char *python_name(struct str name);
