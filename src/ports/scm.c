/* What adapters of scm say alike. */
#include "ports/scm.h"

#define HEADS "refs/heads/"

static const char *short_name(const char *ref)
{
	return str_starts(str_of(ref), HEADS) ? ref + strlen(HEADS) : ref;
}

char *scm_merge_message(const struct scm_merge *m, size_t i)
{
	const struct pair *name = m->names && i < m->names->n ? &m->names->v[i] : NULL;
	const char *head = name ? short_name(name->key) : m->heads->v[i];
	bool numbered = name && name->value && *name->value;

	return xasprintf("Merge %s%s%s%s into %s\n\nPenstock-Queue: %s\n", head,
			 numbered ? " (" : "", numbered ? name->value : "", numbered ? ")" : "",
			 short_name(m->target), m->id);
}
