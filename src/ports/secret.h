/* Port: values that nobody may see. Blocking. Adapters: secret_file (<data>/secrets/NAME, 0600), secret_fake. */
#pragma once
#include "base/strbuf.h"
#include "base/time.h"

struct secret;
struct secret_ops {
	const char *name;
	enum rc (*get)(struct secret *s, const char *reference, struct strbuf *ret,
		       struct err *err);
	/* `each` for every entry, in no order; problem: why it cannot be used, NULL when it can. changed: 0 when it is not known. */
	enum rc (*names)(struct secret *s,
			 void (*each)(void *ctx, const char *name, usec_t changed,
				      const char *problem),
			 void *ctx, struct err *err);
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
/* What is there, without a value. At most SECRETS_MAX entries: more are RC_TOO_BIG. */
#define SECRETS_MAX 10000
MUST_CHECK static inline enum rc secret_names(struct secret *s,
					      void (*each)(void *ctx, const char *name,
							   usec_t changed, const char *problem),
					      void *ctx, struct err *err)
{
	return s->ops->names(s, each, ctx, err);
}
static inline void secret_free(struct secret *s)
{
	if (s)
		s->ops->free(s);
}
