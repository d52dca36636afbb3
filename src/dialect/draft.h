/* Between the files that read other systems' YAML. */
#pragma once
#include "base/yaml.h"
#include "dialect/dialect.h"

#define REMARKS_MAX 2000

/* A name that a job or project of ours may have; the caller's. */
char *draft_slug(struct str text, const char *otherwise);
/* A new job with a name of its own; valid until the next one is made. */
struct job_def *draft_job(struct draft *d, struct str name, uint32_t line);
void draft_pair(pairs *p, const char *key, const char *value);
void draft_text(texts *t, const char *text); /* once */
void draft_duration(uint64_t usec, char ret[24]);
/* Names of variables that no job of ours may have, needs without a job: taken out, with a remark. */
void draft_settle(struct draft *d, const char *file);
