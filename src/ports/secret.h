/* Port: values that nobody may see. Blocking. Adapters: secret_file (<data>/secrets/NAME, 0600), secret_fake. */
#pragma once
#include "base/strbuf.h"
struct secret;
struct secret_ops {
	const char *name;
	enum rc (*get)(struct secret *s, const char *reference, struct strbuf *ret,
		       struct err *err);
	void (*free)(struct secret *s);
};
struct secret {
	const struct secret_ops *ops;
};
/* reference "file:NAME". The caller wipes what it got. At most 64 KiB. */
MUST_CHECK static inline enum rc secret_get(struct secret *s, const char *reference,
					    struct strbuf *ret, struct err *err)
{
	return s->ops->get(s, reference, ret, err);
}
static inline void secret_free(struct secret *s)
{
	if (s)
		s->ops->free(s);
}
