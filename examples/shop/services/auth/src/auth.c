#include "auth.h"

#include "shared/service.h"

bool token_user(struct span token, struct span *ret)
{
	struct span user;

	if (!span_starts(token, "demo-", &user) || user.n < 1 || user.n > 16)
		return false;
	for (size_t i = 0; i < user.n; i++) {
		char c = user.p[i];
		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')))
			return false;
	}
	*ret = user;
	return true;
}

bool bearer_token(struct span authorization, struct span *ret)
{
	struct span scheme = { authorization.p, authorization.n < 7 ? authorization.n : 7 };

	if (!span_is_nocase(scheme, "bearer "))
		return false;
	*ret = (struct span){ authorization.p + 7, authorization.n - 7 };
	return ret->n > 0;
}

void auth_handle(const struct http_request *rq, struct http_answer *ret)
{
	struct span field, token, user;

	if (!span_is(rq->path, "/check"))
		answer_error(ret, 404, "no such thing");
	else if (!span_is(rq->method, "GET"))
		answer_error(ret, 405, "GET only");
	else if (!http_field(rq->fields, "authorization", &field) || !bearer_token(field, &token) ||
		 !token_user(token, &user))
		answer_error(ret, 401, "unknown token");
	else
		text_add(&ret->body, "{\"user\":\"%.*s\"}\n", (int)user.n, user.p);
}
