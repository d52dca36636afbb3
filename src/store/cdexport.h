/* CDEvents of a store's records: core/cdevents.h with the snapshots that it asks for. On one thread at a time. */
#pragma once
#include "ports/store.h"

#define CDEVENTS_LINE_MAX ((size_t)1 << 20) /* of one record's events */

struct cdexport;
/* The store is borrowed. base: where people see things; NULL: http://127.0.0.1:7400. The source is /penstock/PROJECT. */
struct cdexport *cdexport_new(struct store *s, const char *base);
void cdexport_free(struct cdexport *x);
/* Append the record's events, a line each. RC_CORRUPT: it is no event that this version knows. */
MUST_CHECK enum rc cdexport_record(struct cdexport *x, const struct record *r, struct strbuf *to,
				   struct err *err);
