/*
 * Names that a job's texts may use: in `if` all of them, in ${...} those that are the same for every change (and, for a concurrency group, branch,
 * target and pr.number). ${...} is replaced in container, services' image, env and args, values of env, outputs' and caches' names, and the group's
 * name; never in a command: there stand variables.
 *
 *	event branch tag target repo subject fork pr.number pr.labels      of the change
 *	stage job unit unit.path matrix.AXIS shard shards                   of the job
 */
#pragma once
#include "core/model.h"

struct job_names {
	const struct job_def *def;
	const struct unit *unit; /* NULL: of the project */
	const pairs *matrix;
	uint32_t shard, shards;
	const struct change *change; /* NULL: none */
};
/* false: there is no such name. The text is borrowed, or static, or stands in buf. */
bool name_value(const struct job_names *n, struct str name, char buf[32], struct str *ret);
/* A copy of the text with its ${...} replaced; `$${` stays `${`. */
char *names_fill(const struct job_names *n, const char *text);
/* The same for all the texts of a definition that may hold names; def is a copy that its owner may change. */
void names_fill_def(const struct job_names *n, struct job_def *def);
/* Whether anything of the definition holds a name, so that instances differ. */
bool names_used(const struct job_def *def);
/* "test", "test@15,node20", "test@2of4", "test@15:2of4"; owned by the caller. */
char *instance_name(const struct job_def *def, const pairs *row, uint32_t shard, uint32_t shards);
/* The rows of a matrix: axes' product without what `exclude` names, `include` added (a row that fits one is widened, else it is one more). At least one,
 * empty when there is no matrix. */
struct matrix_row {
	pairs v;
};
typedef VEC(struct matrix_row) matrix_rows;
void matrix_expand(const struct matrix *m, matrix_rows *ret);
void matrix_rows_done(matrix_rows *rows);
