/* What the audit commands share. */
#pragma once
#include "ports/store.h"

struct audit_options;

/* The journal of a data folder (NULL: the default one), to read only. */
MUST_CHECK enum rc audit_open(const char *data, struct store **ret, struct err *err);
/* A store_progress on a terminal's stderr; ctx: what was done to them ("checked"). */
void audit_progress(void *ctx, uint64_t done, uint64_t total);
/* `audit verify` of the journal of the daemon at --server. */
int audit_verify_server(const struct audit_options *o);
/* The folder of its archives; the caller's. */
char *audit_archives(const char *data);
