/* Between the files of the importers. */
#pragma once
#include "dialect/cond.h"
#include "dialect/draft.h"

#define IMPORT_JOBS_MAX  CONFIG_MAX_JOBS
#define IMPORT_STEPS_MAX 100

struct importer {
	const struct yaml *doc;
	const char *file;
	struct draft *d;
	size_t job;  /* NO_JOB: the whole file */
	size_t step; /* NO_STEP: the whole job */
};
struct job_def *importer_job(struct importer *im);
/* That this did not map. at NULL: of no line. */
void lost(struct importer *im, const struct yaml_node *at, const char *instead, const char *fmt,
	  ...) PRINTF(4, 5);

bool node_is_text(const struct yaml_node *n);
bool node_is_true(const struct yaml_node *n);
char *node_dup(const struct yaml_node *n); /* of a scalar; "" otherwise */
/* A list, or one text, as texts; other things are lost. */
void node_texts(struct importer *im, const struct yaml_node *n, const char *what, texts *ret);

/* The name of an image as ours: no ":latest". */
char *image_of(struct importer *im, const struct yaml_node *at, struct str image);
/* "15" or "postgres:15" as the name of a service beside a job. */
char *service_name(struct str image);
uint32_t service_port(const char *image); /* 0: not known */

/* Whether a script needs more than POSIX sh. */
bool needs_bash(struct str script);
/* A script that another shell shall run, as one command of sh. */
char *in_shell(const char *shell, const char *script);
bool job_has_axis(const struct job_def *job, const char *axis);
bool is_matrix_value(struct str s);
void job_condition_add(struct job_def *job, const char *condition);

/* github_text.c: ${{ expressions }} in texts. */
/* The text with variables instead of expressions; secrets are put into the job. script: for a shell, else for a value of ours, where only
 * ${matrix.x} may stand. NULL: it has an expression without a counterpart, which was told. */
char *github_text(struct importer *im, const struct yaml_node *at, struct str text, bool script);
bool github_has_hole(struct str text);
/* The inside of a text that is one expression alone; else an empty view. */
struct str github_hole(struct str text);
/* `if:` as ours; NULL: told, or always true. */
char *github_condition(struct importer *im, const struct yaml_node *at, const char *what);

/* github_group.c: `concurrency:` of a job. */
void github_group(struct importer *im, const struct yaml_node *c);

/* github_uses.c: a step that uses an action. */
void github_uses(struct importer *im, const struct yaml_node *step);
/* github_job.c */
void github_job(struct importer *im, const struct yaml_node *name, const struct yaml_node *job,
		const struct yaml_node *root);

/* Dependency folders that tools keep in the home folder, and the variable that moves them into the unit's folder. */
bool cache_folder(struct job_def *job, struct str path, char **ret);
