/* Between the files that read .gitlab-ci.yml. */
#pragma once
#include "dialect/import_impl.h"

#define GITLAB_FILES_MAX   50
#define GITLAB_EXTENDS_MAX 11 /* levels, as theirs */

struct gitlab_file {
	char *name;
	struct yaml *doc;
};
struct gitlab {
	struct importer im;
	dialect_read read;
	void *ctx;
	VEC(struct gitlab_file)
	files; /* what is included stands before what includes it: later ones win */
	texts stages;
	pairs vars;       /* of the whole file, and of the job that is being read */
	texts job_stages; /* by job of the draft */
	VEC(bool) has_needs;
	VEC(void *) blocks; /* memory of merged nodes */
	size_t merged;      /* how many nodes were merged */
};
/* Read a file and what it includes. */
MUST_CHECK enum rc gitlab_add_file(struct gitlab *g, struct str text, const char *name,
				   unsigned depth, struct err *err);
/* A top-level key of the last file that has it; `default:` counts too. */
const struct yaml_node *gitlab_global(const struct gitlab *g, const char *key);
/* A later file has a job of this name: it is merged over. */
bool gitlab_is_overridden(const struct gitlab *g, const struct gitlab_file *file, struct str name);
/* The job with all that it extends and that other files say of it. */
MUST_CHECK enum rc gitlab_resolve(struct gitlab *g, struct str name, unsigned depth,
				  struct yaml_node *ret, struct err *err);
/* Lines of a script: nested lists and !reference are laid out. */
void gitlab_lines(struct gitlab *g, const struct yaml_node *n, unsigned depth, struct strbuf *to);
/* What a !reference names; NULL: nothing. */
const struct yaml_node *gitlab_reference(const struct gitlab *g, const struct yaml_node *n);

MUST_CHECK enum rc gitlab_job(struct gitlab *g, const struct yaml_node *name,
			      const struct yaml_node *job, struct err *err);
/* $NAME and ${NAME} by what the file says; false: one is not known. */
bool gitlab_expand(const struct gitlab *g, struct str text, struct strbuf *to);
/* gitlab_keep.c */
void gitlab_artifacts(struct gitlab *g, const struct yaml_node *artifacts);
void gitlab_cache(struct gitlab *g, const struct yaml_node *cache);
/* gitlab_order.c */
void gitlab_needs(struct gitlab *g, const struct yaml_node *needs);
/* Stages as needs of the jobs that name none. */
void gitlab_order(struct gitlab *g);
/* gitlab_rules.c: rules, only, except, when. False: the job never runs. */
bool gitlab_rules(struct gitlab *g, const struct yaml_node *job);
