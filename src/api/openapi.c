/* The table as an OpenAPI 3.1 document. What things look like comes from the shapes that also write them. */
#include "api/api_impl.h"
#include "api/schemas.h"

#define DOC_MAX ((size_t)4 << 20)

const struct api_schema api_schemas[] = {
	{"Run", AGG_RUN},           {"Job", AGG_JOB},
	{"Release", AGG_RELEASE},   {"Rollout", AGG_ROLLOUT},
	{"Incident", AGG_INCIDENT}, {"Environment", AGG_ENVIRONMENT},
	{"Agent", AGG_AGENT},       {"Queue", AGG_QUEUE},
	{"History", AGG_HISTORY},   {"User", AGG_USER},
	{"Token", AGG_TOKEN},       {"Session", AGG_SESSION},
	{"Grant", AGG_GRANT},       {NULL, AGG_RUN},
};

/* ---- schemas ---- */

static void write_type(struct json_out *o, const char *key, const char *type)
{
	json_open(o, key);
	json_cstr(o, "type", type);
	json_close(o);
}

static void write_shape(struct json_out *o, const char *key, const struct shape *s);

static void write_field(struct json_out *o, const struct shape_field *f)
{
	switch (f->kind) {
	case SHAPE_KIND_TEXT:
		write_type(o, f->name, "string");
		break;
	case SHAPE_KIND_BOOL:
		write_type(o, f->name, "boolean");
		break;
	case SHAPE_KIND_U64: /* above INT64_MAX a text of digits: base/json.h */
		json_open(o, f->name);
		json_list(o, "type");
		json_cstr(o, NULL, "integer");
		json_cstr(o, NULL, "string");
		json_unlist(o);
		json_close(o);
		break;
	case SHAPE_KIND_U32:
	case SHAPE_KIND_I64:
		write_type(o, f->name, "integer");
		break;
	case SHAPE_KIND_REAL:
		write_type(o, f->name, "number");
		break;
	case SHAPE_KIND_ENUM:
		json_open(o, f->name);
		json_list(o, "enum");
		for (size_t i = 0; i < f->n; i++)
			json_cstr(o, NULL, f->names[i]);
		json_unlist(o);
		json_close(o);
		break;
	case SHAPE_KIND_STRUCT:
		write_shape(o, f->name, f->shape);
		break;
	case SHAPE_KIND_LIST:
		json_open(o, f->name);
		json_cstr(o, "type", "array");
		write_shape(o, "items", f->shape);
		json_close(o);
		break;
	case SHAPE_KIND_TEXTS:
		json_open(o, f->name);
		json_cstr(o, "type", "array");
		write_type(o, "items", "string");
		json_close(o);
		break;
	}
}

static void write_shape(struct json_out *o, const char *key, const struct shape *s)
{
	json_open(o, key);
	json_cstr(o, "type", "object");
	json_open(o, "properties");
	for (size_t i = 0; i < s->n; i++)
		write_field(o, &s->fields[i]);
	json_close(o);
	json_close(o);
}

static void write_member(struct json_out *o, const struct api_member *m)
{
	static const char *const types[] = {
		[MEMBER_TEXT] = "string",   [MEMBER_NUMBER] = "integer", [MEMBER_REAL] = "number",
		[MEMBER_BOOL] = "boolean",  [MEMBER_TEXTS] = "array",    [MEMBER_OBJECT] = "object",
		[MEMBER_OBJECTS] = "array",
	};

	json_open(o, m->name);
	json_cstr(o, "type", types[m->kind]);
	if (m->kind == MEMBER_TEXTS || m->kind == MEMBER_OBJECTS)
		write_type(o, "items", m->kind == MEMBER_TEXTS ? "string" : "object");
	if (*m->help)
		json_cstr(o, "description", m->help);
	json_close(o);
}

static void write_computed(struct json_out *o, const struct api_object *object)
{
	json_open(o, object->name);
	json_cstr(o, "type", "object");
	json_open(o, "properties");
	for (const struct api_member *m = object->members; m->name; m++)
		write_member(o, m);
	json_close(o);
	json_close(o);
}

static void write_problem(struct json_out *o)
{
	static const char *const members[] = {"type", "title", "detail", "code"};

	json_open(o, "Problem");
	json_cstr(o, "type", "object");
	json_cstr(o, "description", "RFC 9457; code is a name that programs may go by");
	json_list(o, "required");
	for (size_t i = 0; i < ARRAY_LEN(members); i++)
		json_cstr(o, NULL, members[i]);
	json_cstr(o, NULL, "status");
	json_unlist(o);
	json_open(o, "properties");
	for (size_t i = 0; i < ARRAY_LEN(members); i++)
		write_type(o, members[i], "string");
	write_type(o, "status", "integer");
	json_close(o);
	json_close(o);
}

static void write_object(struct json_out *o, const char *name, const char *const *texts_,
			 size_t n_texts)
{
	json_open(o, name);
	json_cstr(o, "type", "object");
	json_open(o, "properties");
	for (size_t i = 0; i < n_texts; i++)
		write_type(o, texts_[i], "string");
	if (!streq(name, "Me")) {
		write_type(o, "ok", "boolean");
		write_type(o, "seq", "integer");
	}
	json_close(o);
	json_close(o);
}

static void write_schemas(struct json_out *o)
{
	static const char *const secret[] = {"id", "token"};
	static const char *const rerun[] = {"run", "problem"};
	static const char *const me[] = {"actor", "name", "email", "role", "via", "csrf"};

	json_open(o, "schemas");
	for (const struct api_schema *s = api_schemas; s->name; s++)
		write_shape(o, s->name, aggregate_shapes[s->kind]);
	for (const struct api_object *object = api_objects; object->name; object++)
		write_computed(o, object);
	write_problem(o);
	write_object(o, "Done", NULL, 0);
	write_object(o, "Rerun", rerun, ARRAY_LEN(rerun));
	write_object(o, "Secret", secret, ARRAY_LEN(secret));
	write_object(o, "Me", me, ARRAY_LEN(me));
	write_type(o, "Status", "object");
	json_close(o);
}

/* ---- paths ---- */

void route_path(const struct api_route *r, struct strbuf *to)
{
	struct str rest = str_of(r->path);

	(void)str_cut(&rest, '/');
	while (rest.p) {
		struct str one = str_cut(&rest, '/');

		strbuf_addc(to, '/');
		if (one.n > 3 && one.p[0] == '{' && one.p[2] == ':')
			strbuf_add(to, one.p + 3, one.n - 4);
		else if (one.n > 2 && one.p[0] == '{')
			strbuf_addf(to, "{%c}", one.p[1]);
		else
			strbuf_addstr(to, one);
	}
}

static void write_value(struct json_out *o, const char *key, const struct api_field *f)
{
	static const char *const types[] = {
		[FIELD_TEXT] = "string", [FIELD_BOOL] = "boolean", [FIELD_NUMBER] = "integer",
		[FIELD_TIME] = "string", [FIELD_SPAN] = "string",  [FIELD_TEXTS] = "array",
		[FIELD_NAME] = "string"};

	json_open(o, key);
	json_cstr(o, "type", types[f->kind]);
	if (f->kind == FIELD_TEXT)
		json_u64(o, "maxLength", f->max ? f->max : NOTE_MAX);
	if (f->kind == FIELD_TEXT && f->needed)
		json_u64(o, "minLength", 1);
	if (f->kind == FIELD_NUMBER)
		json_u64(o, "minimum", 0);
	if (f->kind == FIELD_NUMBER)
		json_u64(o, "maximum", f->max);
	if (f->kind == FIELD_TIME)
		json_cstr(o, "format", "date-time");
	if (f->kind == FIELD_SPAN)
		json_cstr(o, "pattern", "^[1-9][0-9]{0,3}(s|m|h|d)$");
	if (f->kind == FIELD_TEXTS)
		write_type(o, "items", "string");
	if (f->kind == FIELD_NAME) {
		json_list(o, "enum");
		for (const char *const *name = f->names; *name; name++)
			json_cstr(o, NULL, *name);
		json_unlist(o);
	}
	json_close(o);
}

static void write_parameter(struct json_out *o, const char *name, const char *in,
			    const struct api_field *f)
{
	json_open(o, NULL);
	json_cstr(o, "name", name);
	json_cstr(o, "in", in);
	json_bool(o, "required", !f);
	if (f) {
		json_cstr(o, "description", f->help);
		write_value(o, "schema", f);
	} else {
		json_open(o, "schema");
		json_cstr(o, "type", "string");
		json_cstr(o, "pattern", "^[A-Za-z0-9][A-Za-z0-9._@+=:-]*$");
		json_u64(o, "maxLength", 200);
		json_close(o);
	}
	json_close(o);
}

static void write_parameters(struct json_out *o, const struct api_route *r)
{
	json_list(o, "parameters");
	for (char a = 'a'; a <= 'b'; a++) {
		char plain[] = {'{', a, '}', 0}, more[] = {'{', a, '+', '}', 0}, name[] = {a, 0};

		if (strstr(r->path, plain) || strstr(r->path, more))
			write_parameter(o, name, "path", NULL);
	}
	for (const struct api_field *f = r->query; f && f->name; f++)
		write_parameter(o, f->name, "query", f);
	json_unlist(o);
}

static void write_body(struct json_out *o, const struct api_route *r)
{
	json_open(o, "requestBody");
	json_open(o, "content");
	json_open(o, "application/json");
	json_open(o, "schema");
	json_cstr(o, "type", "object");
	json_bool(o, "additionalProperties", false);
	json_list(o, "required");
	for (const struct api_field *f = r->body; f->name; f++)
		if (f->needed)
			json_cstr(o, NULL, f->name);
	json_unlist(o);
	json_open(o, "properties");
	for (const struct api_field *f = r->body; f->name; f++)
		write_value(o, f->name, f);
	json_close(o);
	json_close(o);
	json_close(o);
	json_close(o);
	json_close(o);
}

static void write_ref(struct json_out *o, const char *key, const char *name)
{
	AUTO(freep) char *ref = xasprintf("#/components/schemas/%s", name);

	json_open(o, key);
	json_cstr(o, "$ref", ref);
	json_close(o);
}

/* "[]Run" of /api/v1/runs: {"runs": [...], "next": "..."} */
static void write_list(struct json_out *o, const struct api_route *r)
{
	AUTO(strbuf_done) struct strbuf path = STRBUF(512);

	route_path(r, &path);
	const char *last = strrchr(strbuf_cstr(&path), '/') + 1;
	json_open(o, "schema");
	json_cstr(o, "type", "object");
	json_open(o, "properties");
	json_open(o, last);
	json_cstr(o, "type", "array");
	write_ref(o, "items", r->answer + 2);
	json_close(o);
	write_type(o, "next", "string");
	json_close(o);
	json_close(o);
}

static void write_answer(struct json_out *o, const struct api_route *r)
{
	bool text = strchr(r->answer, '/') != NULL;

	json_open(o, "content");
	json_open(o, text ? r->answer : "application/json");
	if (text || streq(r->answer, "object"))
		write_type(o, "schema", text ? "string" : "object");
	else if (str_starts(str_of(r->answer), "[]"))
		write_list(o, r);
	else
		write_ref(o, "schema", r->answer);
	json_close(o);
	json_close(o);
}

static void write_problem_answer(struct json_out *o, const char *status, const char *what)
{
	json_open(o, status);
	json_cstr(o, "description", what);
	json_open(o, "content");
	json_open(o, "application/problem+json");
	write_ref(o, "schema", "Problem");
	json_close(o);
	json_close(o);
	json_close(o);
}

static void write_plain_answer(struct json_out *o, const char *status, const char *what)
{
	json_open(o, status);
	json_cstr(o, "description", what);
	json_close(o);
}

static void write_good_answers(struct json_out *o, const struct api_route *r)
{
	bool is_json = !strchr(r->answer, '/');

	if (streq(r->answer, "303")) {
		write_plain_answer(o, "303", "the browser goes on elsewhere: Location says where");
		return;
	}
	json_open(o, streq(r->answer, "Secret") ? "201" : "200");
	json_cstr(o, "description", "as asked");
	write_answer(o, r);
	json_close(o);
	if (is_json && streq(r->method, "GET"))
		write_plain_answer(o, "304", "nothing changed since the answer with this ETag");
	if (!strstr(r->path, "/log") || is_json)
		return;
	json_open(o, "206");
	json_cstr(o, "description", "the range that was asked for: Content-Range says which");
	write_answer(o, r);
	json_close(o);
	write_problem_answer(
		o, "416", "there is nothing in this range: Content-Range says how much there is");
}

static void write_answers(struct json_out *o, const struct api_route *r)
{
	json_open(o, "responses");
	write_good_answers(o, r);
	write_problem_answer(o, "400", "what was sent is wrong: detail says what");
	write_problem_answer(o, "401", "nobody that is known here");
	write_problem_answer(o, "403", "known, but without the right");
	write_problem_answer(o, "404", "there is none");
	write_problem_answer(o, "405", "not in this way");
	write_problem_answer(o, "409", "not in the state that it is in");
	write_problem_answer(o, "413", "too big");
	write_plain_answer(o, "414", "the URL is too long");
	write_problem_answer(o, "421", "this server does not answer for the Host that was asked");
	write_problem_answer(o, "422", "this idempotency key was used for another order");
	write_problem_answer(o, "429", "too often: Retry-After says when again");
	write_problem_answer(o, "431", "too many headers");
	write_problem_answer(o, "503", "not now: Retry-After says when again");
	json_close(o);
}

static void write_operation(struct json_out *o, const struct api_route *r)
{
	AUTO(freep) char *method = xstrdup(r->method);

	for (char *p = method; *p; p++)
		*p = (char)(*p + 32);
	json_open(o, method);
	json_cstr(o, "summary", r->summary);
	json_cstr(o, "x-least-role", r->flags & ROUTE_OPEN ? "nobody" : role_names[r->needs]);
	if (r->flags & ROUTE_OPEN) {
		json_list(o, "security");
		json_unlist(o);
	}
	write_parameters(o, r);
	if (r->body)
		write_body(o, r);
	write_answers(o, r);
	json_close(o);
}

static void write_paths(struct json_out *o)
{
	bool *done = xcalloc(api_n_routes, sizeof(*done));

	json_open(o, "paths");
	for (size_t i = 0; i < api_n_routes; i++) {
		AUTO(strbuf_done) struct strbuf path = STRBUF(512);

		if (done[i])
			continue;
		route_path(&api_routes[i], &path);
		json_open(o, strbuf_cstr(&path));
		for (size_t k = i; k < api_n_routes; k++) {
			AUTO(strbuf_done) struct strbuf other = STRBUF(512);

			route_path(&api_routes[k], &other);
			if (!streq(strbuf_cstr(&path), strbuf_cstr(&other)))
				continue;
			done[k] = true;
			write_operation(o, &api_routes[k]);
		}
		json_close(o);
	}
	json_close(o);
	xfree(done);
}

void api_openapi(struct strbuf *to, const char *version)
{
	struct json_out o = JSON_OUT(to);

	json_open(&o, NULL);
	json_cstr(&o, "openapi", "3.1.0");
	json_open(&o, "info");
	json_cstr(&o, "title", "Penstock");
	json_cstr(&o, "version", version ? version : "0");
	json_close(&o);
	json_list(&o, "security");
	json_open(&o, NULL);
	json_list(&o, "token");
	json_unlist(&o);
	json_close(&o);
	json_unlist(&o);
	write_paths(&o);
	json_open(&o, "components");
	json_open(&o, "securitySchemes");
	json_open(&o, "token");
	json_cstr(&o, "type", "http");
	json_cstr(&o, "scheme", "bearer");
	json_close(&o);
	json_close(&o);
	write_schemas(&o);
	json_close(&o);
	json_close(&o);
}

void get_openapi(struct call *c)
{
	api_openapi(&c->out, c->api->o.version);
	call_json(c, 200, &c->out);
}
